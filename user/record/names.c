// SPDX-License-Identifier: Apache-2.0
#include "record/names.h"

#include <assert.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/text.h"
#include "http/http1.h"

static const struct action_name actions[RECORD_ACTION_MAX + 1] = {
	[RECORD_AGENT_STARTED] = {"agent-started", "event", "host", ECS_START, OUTCOME_SUCCESS},
	[RECORD_AGENT_STOPPED] = {"agent-stopped", "event", "host", ECS_END, OUTCOME_SUCCESS},
	[RECORD_AGENT_STATUS] = {"agent-status", "metric", "host", ECS_INFO},
	[RECORD_SOCKET_CONNECTED] = {"socket-connected", "event", "network", ECS_CONNECTION,
				     OUTCOME_SUCCESS, SEVERITY_INFO},
	[RECORD_SOCKET_REFUSED] = {"socket-refused", "event", "network", ECS_CONNECTION,
				   OUTCOME_FAILURE, SEVERITY_LOW},
	[RECORD_API_REQUEST] = {"api-request", "event", "api", .severity = SEVERITY_INFO},
	[RECORD_DOCKER_EVENT] = {"docker-event", "event", .severity = SEVERITY_INFO},
	[RECORD_API_STARTED] = {"api-request-started", "event", "api", ECS_START,
				.severity = SEVERITY_INFO},
	[RECORD_API_ENDED] = {"api-request-ended", "event", "api", ECS_END,
			      .severity = SEVERITY_INFO},
	[RECORD_RECORDS_LOST] = {"records-lost", "event", "host", ECS_INFO,
				 .severity = SEVERITY_MEDIUM},
	[RECORD_SOCKET_CHANGED] = {"socket-changed", "event", "configuration", ECS_CHANGE,
				   OUTCOME_SUCCESS, SEVERITY_INFO},
	[RECORD_ENGINE_UNREACHABLE] = {"engine-unreachable", "event", "host", ECS_INFO,
				       OUTCOME_FAILURE, SEVERITY_MEDIUM},
	[RECORD_AGENT_RELOADED] = {"agent-reloaded", "event", "configuration", ECS_CHANGE},
	[RECORD_ENGINE_REACHED] = {"engine-reached", "event", "host", ECS_INFO, OUTCOME_SUCCESS},
	[RECORD_ENGINE_FOUND] = {"engine-found", "event", "host", ECS_INFO, OUTCOME_SUCCESS,
				 SEVERITY_INFO},
	[RECORD_ENGINE_GONE] = {"engine-gone", "event", "host", ECS_INFO, OUTCOME_SUCCESS,
				SEVERITY_INFO},
	[RECORD_SELF_TEST] = {"self-test", "event", "host", ECS_INFO},
	[RECORD_ACCESS_CHANGED] = {"access-changed", "event", "iam", ECS_CHANGE, OUTCOME_SUCCESS,
				   SEVERITY_INFO},
	[RECORD_CALLER_SEEN] = {"caller-seen", "enrichment", "process", ECS_INFO},
};

static const char *const outcomes[] = {
	[OUTCOME_SUCCESS] = "success",
	[OUTCOME_FAILURE] = "failure",
	[OUTCOME_UNKNOWN] = "unknown",
};
static_assert(COUNT(outcomes) == OUTCOMES, "each has its word");

static const char *const types[] = {
	[ECS_ACCESS] = "access",     [ECS_CHANGE] = "change",	  [ECS_CONNECTION] = "connection",
	[ECS_CREATION] = "creation", [ECS_DELETION] = "deletion", [ECS_DENIED] = "denied",
	[ECS_END] = "end",	     [ECS_INFO] = "info",	  [ECS_START] = "start",
};
static_assert(COUNT(types) == ECS_TYPES, "each has its word");

static const char *const brands[] = {
	[BRAND_DOCKER] = "docker", [BRAND_PODMAN] = "podman", [BRAND_CONTAINERD] = "containerd"};
static_assert(COUNT(brands) == ENGINE_BRANDS, "each has its word");

static const char *const engine_states[] = {
	[ENGINE_NOT_ASKED] = "not-asked",
	[ENGINE_ABSENT] = "absent",
	[ENGINE_UNREACHABLE] = "unreachable",
	[ENGINE_REACHED] = "reached",
};
static_assert(COUNT(engine_states) == ENGINE_STATES, "each has its word");

static const char *const targets[] = {
	[TARGET_CONTAINER] = "container",
	[TARGET_EXEC] = "exec",
	[TARGET_IMAGE] = "image",
	[TARGET_VOLUME] = "volume",
	[TARGET_NETWORK] = "network",
	[TARGET_PLUGIN] = "plugin",
	[TARGET_SERVICE] = "service",
	[TARGET_TASK] = "task",
	[TARGET_NODE] = "node",
	[TARGET_SECRET] = "secret",
	[TARGET_CONFIG] = "config",
	[TARGET_SWARM] = "swarm",
	[TARGET_POD] = "pod",
};
static_assert(COUNT(targets) == TARGET_TYPES, "each has its word");

static const char *const ends[] = {
	[RECORD_END_COMPLETE] = "complete",
	[RECORD_END_CLIENT] = "client",
	[RECORD_END_DAEMON] = "daemon",
	[RECORD_END_RESET] = "reset",
	[RECORD_END_AGENT_STOPPED] = "agent-stopped",
	[RECORD_END_EVICTED] = "evicted",
	[RECORD_END_UNKNOWN] = "unknown",
};
static_assert(COUNT(ends) == RECORD_ENDS, "each has its word");

/* In the kernel's order. */
/* clang-format off */
static const char *const capabilities[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
	"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
	"CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
	"CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
	"CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ",
	"CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
	/* No kernel has these yet. */
	"CAP_41", "CAP_42", "CAP_43", "CAP_44", "CAP_45", "CAP_46", "CAP_47", "CAP_48", "CAP_49",
	"CAP_50", "CAP_51", "CAP_52", "CAP_53", "CAP_54", "CAP_55", "CAP_56", "CAP_57", "CAP_58",
	"CAP_59", "CAP_60", "CAP_61", "CAP_62", "CAP_63",
};
/* clang-format on */
static_assert(COUNT(capabilities) == 64, "one name for each");

/* By the bits of enum record_incomplete. */
static const char *const incomplete[] = {
	"budget",
	"lost",
	"unparsed",
	"resynchronised",
	"sender-unconfirmed",
	"several-senders",
	"connector-lost",
	"agent-stopped",
	"evicted",
	"unreadable",
	"sender-ambiguous",
	"sender-lost",
	"unfinished",
	"agent-away",
};
static_assert(1 << (COUNT(incomplete) - 1) == RECORD_INCOMPLETE_AGENT_AWAY, "one name for each");

/* By the bits of enum http1_anomaly. */
static const char *const anomalies[] = {
	"bare-lf",	    "folded-header",  "length-and-chunked", "duplicate-length",
	"duplicate-header", "unknown-method", "absolute-target",    "chunk-extension",
	"trailer",	    "control-bytes",  "oversized-line",	    "disputed",
};
static_assert(1 << (COUNT(anomalies) - 1) == HTTP1_ANOMALY_DISPUTED, "one name for each");

static const char *const change_objects[] = {
	[CHANGE_SOCKET] = "socket",
	[CHANGE_DIRECTORY] = "directory",
	[CHANGE_MEMBERS] = "members",
	[CHANGE_SUDOERS] = "sudoers",
	[CHANGE_CONFIGURATION] = "configuration",
	[CHANGE_UNIT] = "unit",
	[CHANGE_PROGRAM] = "program",
};
static_assert(COUNT(change_objects) == CHANGE_OBJECTS, "one name for each");

/* By the bits of enum change_what. */
static const char *const changes[] = {
	"created", "deleted", "moved", "replaced", "mounted", "mode",	 "owner",
	"group",   "acl",     "label", "content",  "members", "touched",
};
static_assert(1 << (COUNT(changes) - 1) == CHANGE_TOUCHED, "one name for each");

/* By the bits of enum record_found. */
static const char *const found_by[] = {
	"configured", "usual-path",  "rootless-path", "process",
	"argument",   "daemon.json", "socket-unit",
};
static_assert(1 << (COUNT(found_by) - 1) == RECORD_FOUND_UNIT, "one name for each");

static const char *const accesses[] = {
	[CALLER_ACCESS_ROOT] = "root",	 [CALLER_ACCESS_OWNER] = "owner",
	[CALLER_ACCESS_GROUP] = "group", [CALLER_ACCESS_ACL] = "acl",
	[CALLER_ACCESS_OTHER] = "other", [CALLER_ACCESS_CAPABILITY] = "capability",
};

const struct action_name *name_action(enum record_action action)
{
	assert(action <= RECORD_CALLER_SEEN);
	return &actions[action];
}

const char *name_outcome(enum record_outcome outcome)
{
	return outcome < COUNT(outcomes) ? outcomes[outcome] : NULL;
}

const char *name_type(enum ecs_type type)
{
	return type < COUNT(types) ? types[type] : NULL;
}

const char *name_brand(enum engine_brand brand)
{
	return brand < COUNT(brands) ? brands[brand] : NULL;
}

const char *name_engine_state(enum record_engine_state state)
{
	return state < COUNT(engine_states) ? engine_states[state] : NULL;
}

const char *name_target(enum target_type type)
{
	return type < COUNT(targets) ? targets[type] : NULL;
}

const char *name_level(enum record_level level)
{
	static const char *const names[RECORD_LEVELS] = {
		[LEVEL_FULL] = "full",
		[LEVEL_REQUEST] = "request",
		[LEVEL_METADATA] = "metadata",
		[LEVEL_NONE] = "none",
	};

	return names[level];
}

const char *name_end(enum record_end end)
{
	return end < COUNT(ends) ? ends[end] : NULL;
}

/*
 * ECS expects creation and deletion of the category configuration, not of process; start and end
 * the other way round.
 */
struct event_name name_event(const struct record_event *event)
{
	const struct engine_action_word *word = &engine_action_words[event->act];
	bool container = event->kind == ENGINE_CONTAINER;
	struct event_name name = {
		.category = container ? "process" : "configuration",
		.type = word->ecs_type,
		.requested = container && word->requested,
	};

	assert(event->act < ENGINE_ACTIONS);
	if (container && (name.type == ECS_CREATION || name.type == ECS_DELETION))
		name.second_category = "configuration";
	if (!container && (name.type == ECS_START || name.type == ECS_END))
		name.type = ECS_INFO;
	return name;
}

const char *name_capability(unsigned int bit)
{
	return bit < COUNT(capabilities) ? capabilities[bit] : NULL;
}

const char *name_incomplete(unsigned int bit)
{
	return bit < COUNT(incomplete) ? incomplete[bit] : NULL;
}

const char *name_anomaly(unsigned int bit)
{
	return bit < COUNT(anomalies) ? anomalies[bit] : NULL;
}

const char *name_change_object(enum change_object object)
{
	return object < COUNT(change_objects) ? change_objects[object] : NULL;
}

const char *name_change(unsigned int bit)
{
	return bit < COUNT(changes) ? changes[bit] : NULL;
}

const char *name_found(unsigned int bit)
{
	return bit < COUNT(found_by) ? found_by[bit] : NULL;
}

const char *name_access(enum caller_access access)
{
	return access < COUNT(accesses) ? accesses[access] : NULL;
}

const char *name_account(uint64_t account)
{
	switch (CALLERD_ACCOUNT_KIND(account)) {
	case CALLERD_ACCOUNT_USER:
		return "user";
	case CALLERD_ACCOUNT_CONTAINER:
		return "container";
	case CALLERD_ACCOUNT_REST:
		return "others";
	default:
		return NULL;
	}
}
