// SPDX-License-Identifier: Apache-2.0
#include "record/names.h"

#include <assert.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/text.h"
#include "http/http1.h"

static const struct action_name actions[RECORD_ACTION_MAX] = {
	[RECORD_AGENT_STARTED] = {"agent-started", "event", "host", "start", "success", 0},
	[RECORD_AGENT_STOPPED] = {"agent-stopped", "event", "host", "end", "success", 0},
	[RECORD_AGENT_STATUS] = {"agent-status", "metric", "host", "info", NULL, 0},
	[RECORD_SOCKET_CONNECTED] = {"socket-connected", "event", "network", "connection",
				     "success", 20},
	[RECORD_SOCKET_REFUSED] = {"socket-refused", "event", "network", "connection", "failure",
				   40},
	[RECORD_API_REQUEST] = {"api-request", "event", "api", NULL, NULL, 20},
	[RECORD_DOCKER_EVENT] = {"docker-event", "event", NULL, NULL, NULL, 20},
	[RECORD_API_STARTED] = {"api-request-started", "event", "api", "start", NULL, 20},
	[RECORD_API_ENDED] = {"api-request-ended", "event", "api", "end", NULL, 20},
	[RECORD_RECORDS_LOST] = {"records-lost", "event", "host", "info", NULL, 60},
};

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
};
static_assert(1 << (COUNT(incomplete) - 1) == RECORD_INCOMPLETE_UNFINISHED, "one name for each");

/* By the bits of enum http1_anomaly. */
static const char *const anomalies[] = {
	"bare-lf",	    "folded-header",  "length-and-chunked", "duplicate-length",
	"duplicate-header", "unknown-method", "absolute-target",    "chunk-extension",
	"trailer",	    "control-bytes",  "oversized-line",	    "disputed",
};
static_assert(1 << (COUNT(anomalies) - 1) == HTTP1_ANOMALY_DISPUTED, "one name for each");

static const char *const accesses[] = {
	[CALLER_ACCESS_ROOT] = "root",	 [CALLER_ACCESS_OWNER] = "owner",
	[CALLER_ACCESS_GROUP] = "group", [CALLER_ACCESS_ACL] = "acl",
	[CALLER_ACCESS_OTHER] = "other", [CALLER_ACCESS_CAPABILITY] = "capability",
};

const struct action_name *name_action(enum record_action action)
{
	assert(action < RECORD_ACTION_MAX);
	return &actions[action];
}

static bool is_word(const char *word, const char *a, const char *b)
{
	return !strcmp(word, a) || !strcmp(word, b);
}

/*
 * ECS expects creation and deletion of the category configuration, not of process; start and end
 * the other way round.
 */
struct event_name name_event(const struct record_event *event)
{
	enum engine_action action = engine_action_by_name(event->action);
	enum engine_type type = engine_type_by_name(event->type);
	bool container = type == ENGINE_CONTAINER;
	struct event_name name = {
		.object = type,
		.action = action,
		.category = container ? "process" : "configuration",
		.type = engine_action_words[action].ecs_type,
		.requested = container && engine_action_words[action].requested,
	};

	if (container && is_word(name.type, "creation", "deletion"))
		name.second_category = "configuration";
	if (!container && is_word(name.type, "start", "end"))
		name.type = "info";
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
