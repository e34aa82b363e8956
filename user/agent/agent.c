// SPDX-License-Identifier: Apache-2.0
/* Connects the parts: events from the rings go to the tracker, its records to the outputs. */
#include "agent/agent.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/event_recorder.h"
#include "agent/granting.h"
#include "agent/losses.h"
#include "agent/outputs.h"
#include "agent/reload.h"
#include "agent/self_test.h"
#include "agent/status.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "broker/broker.h"
#include "confine/fence.h"
#include "confine/filter.h"
#include "confine/privilege.h"
#include "conversation/tracker.h"
#include "engine/engines.h"
#include "finder/finder.h"
#include "finder/relay_ports.h"
#include "finder/servants.h"
#include "fold/fold.h"
#include "guard/guard.h"
#include "host/elders.h"
#include "host/host.h"
#include "host/proc.h"
#include "host/programs.h"
#include "host/refused.h"
#include "host/servers.h"
#include "host/watcher.h"
#include "inquiry/inquiries.h"
#include "kernel/capture.h"
#include "kernel/pins.h"
#include "login/logins.h"
#include "process/decode.h"
#include "relayed/relayed.h"
#include "state/state.h"
#include "system/beside.h"
#include "system/notify.h"
#include "system/own_file.h"
#include "system/thread.h"
#include "where/levels.h"

#define POLL_PAUSE (10 * NS_PER_MS)   /* from one read of the rings to the next while events come */
#define POLL_LINGER (100 * NS_PER_MS) /* without events until the agent sleeps */
#define QUIET                                                                                      \
	(3 *                                                                                       \
	 NS_PER_S) /* without events: what the kernel counts is looked at with the survey only */
#define SENDER_WAIT NS_PER_S
#define LEARN_TIME NS_PER_S /* at most, to ask the engines at the start */
#define SURVEY_INTERVAL (10 * NS_PER_S)
#define MEMORY_MAX (64u << 20)
#define CLOSE_MILLISECONDS 2000
#define SPARE_MAX (2u << 20) /* bytes of the heap that are free and may stay so */
/* Sockets that were found: of a user other than root, and of all such users. */
#define SOCKETS_OF_USER_MAX 8
#define SOCKETS_OF_USERS_MAX (CALLERD_SOCKETS_MAX / 2)
#define NICE (-5) /* as auditd: watched processes must not starve the agent */

struct agent {
	struct options options;
	struct granting granting; /* the broker's copy is in use */
	/* The watched sockets by index, NULL-terminated: those of the options, then those that were
	 * found, which are owned. */
	const char *sockets[CALLERD_SOCKETS_MAX + 1];
	uint32_t owners[CALLERD_SOCKETS_MAX]; /* of the engines that were found; 0: root */
	/* Of a port, the socket of the same engine, which knows what that has; else the index itself. */
	uint32_t engine_of[CALLERD_SOCKETS_MAX];
	unsigned int socket_count, socket_room;
	unsigned int given; /* of them, by the options: those of Docker, of containerd, of relays */
	struct finder *finder; /* NULL: nothing is looked for */
	struct host *host;
	struct proc *proc;
	struct capture *capture;
	struct beside *beside;
	struct logins *logins;
	struct servants *servants;
	struct programs *programs;
	struct elders *elders;
	struct refused *refused;
	struct servers *servers;
	const struct record_server *news; /* an unusual server of the current connect; NULL: none */
	struct watcher *watcher;
	struct guard *guard; /* NULL: nothing is guarded */
	int guard_limit;     /* the one that was told */
	struct decode_detail detail;
	struct relayed *relayed;	 /* NULL: no relay is watched */
	struct relay_ports *relay_ports; /* the same */
	struct tracker *tracker;
	struct engines *engines;
	struct fold *fold;
	const struct levels *levels; /* those of the configuration in force */
	struct state *state;	     /* NULL: no state is kept */
	struct eventfile *events;
	struct outputs *outputs;
	struct reload *reload;
	struct status *status;
	struct inquiries *inquiries;
	struct self_test *self_test;
	bool test_due;	       /* one is to begin once an engine is there */
	enum exit_code tested; /* of --self-test */
	struct losses losses;
	int64_t begun;	    /* requests that began with the event at hand */
	uint64_t no_memory; /* events and records that agent.c dropped for want of memory */
	uint64_t let_wait;  /* until then requests may stay in their ring; 0: they do not */
	uint64_t last_event, last_drain, next_tick, last_status, next_survey;
	uint64_t watchdog, last_fed; /* ns: how often the manager wants to hear; 0: never */
	int signals;
	bool stop;
	bool left;	  /* the next agent reads the rings */
	bool interrupted; /* by a person at a terminal */
	bool divided;	  /* there is a broker */
	bool drained;	  /* the last look at the rings came to their end */
	char backend_reason[1024];
};

static void agent_message(const struct agent *agent, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void agent_message(const struct agent *agent, enum log_level level, const char *format, ...)
{
	static const char *const prefixes[] = {"error: ", "warning: ", ""};
	va_list args;

	if (level > agent->options.log_level)
		return;
	fprintf(stderr, "callerd: %s", prefixes[level]);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void agent_tell_as(void *data, enum log_level level, const char *text)
{
	agent_message(data, level, "%s", text);
}

static void agent_tell(void *data, const char *text)
{
	agent_message(data, LOG_LEVEL_WARNING, "%s", text);
}

/* --- records ---------------------------------------------------------------------------------- */

static void put_record(struct agent *agent, struct record *record)
{
	record->sequence = ++capture_legacy(agent->capture)->sequence;
	status_count(agent->status, record->action);
	self_test_note(agent->self_test, record);
	if (outputs_put(agent->outputs, record, host_context(agent->host)))
		agent->no_memory++;
	status_show(agent->status, record);
}

/* Whether the engine at a watched socket speaks Docker's API. */
static bool agent_is_docker(void *data, unsigned int socket)
{
	const struct agent *agent = data;

	return socket < agent->options.socket_count || socket >= agent->given;
}

static int agent_identify(void *data, int fd, struct callerd_node_key *ret)
{
	const struct agent *agent = data;

	return watches_identify(capture_watches(agent->capture), fd, ret);
}

/* Whether the caller is the program NAME in the unit UNIT: root named that, and the host has the program where it seems to be. */
static bool agent_is_service(struct agent *agent, const struct caller *caller, const char *unit,
			     const char *name)
{
	struct callerd_node_key file = caller_file(caller);
	const struct process *process = &caller->process;

	return bytes_are(caller_unit(caller), unit) &&
	       bytes_are(bytes_basename(process->executable), name) &&
	       !process->executable_deleted && !process->executable_exchanged &&
	       programs_is(agent->programs, agent->capture, process->executable, &file,
			   clock_now(CLOCK_BOOTTIME));
}

/* Whether CALLER is an engine that works by way of containerd. What it is called proves nothing: it is the process that serves a
 * watched socket of root's, or a service of systemd's. */
static bool agent_is_engine(struct agent *agent, const struct caller *caller)
{
	if (!caller || caller->basis != CALLER_FROM_KERNEL || caller->process.euid || caller->uid ||
	    caller_may_be_contained(caller) || !engines_is_beside(agent->engines, caller))
		return false;
	for (unsigned int i = 0; i < agent->socket_count; i++)
		if (agent_is_docker(agent, i) && !agent->owners[i] &&
		    servers_has(agent->servers, i, caller->process.pid, caller->process.start))
			return true;
	return agent_is_service(agent, caller, "docker.service", "dockerd") ||
	       agent_is_service(agent, caller, "kubelet.service", "kubelet");
}

static unsigned int first_relay(const struct agent *agent)
{
	return agent->options.socket_count + agent->options.containerd_count;
}

/* Whether RECORD is of what an engine does with containerd, all day long. Who asked the engine for it has records of his own. */
static bool agent_is_routine(struct agent *agent, const struct record *record)
{
	bool of_containerd = false;

	if (agent->options.engine_calls || !record_is_request(record) || record->candidate_count)
		return false;
	for (unsigned int i = agent->options.socket_count; i < first_relay(agent); i++)
		of_containerd |= bytes_are(record->connection.socket, agent->sockets[i]);
	return of_containerd && agent_is_engine(agent, record->caller);
}

/* Whether RECORD is of what a relay was asked, which the records of what it passed on tell. */
static bool agent_is_of_relay(const struct agent *agent, const struct record *record)
{
	bool found = false;

	if (!record_is_request(record) && record->action != RECORD_SOCKET_CONNECTED)
		return false;
	for (unsigned int i = first_relay(agent); i < agent->given; i++)
		found |= bytes_are(record->connection.socket, agent->sockets[i]);
	return found;
}

/* How CALLER serves others. Who asked an engine has records of his own; and we ask for ourselves. */
static enum relayed_basis agent_serves(void *data, const struct caller *caller)
{
	struct agent *agent = data;
	enum relayed_basis how;

	if (caller->process.pid == (uint32_t)(broker_pid() ?: getpid()))
		return RELAYED_BY_NOTHING;
	how = servants_find(agent->servants, caller, clock_now(CLOCK_BOOTTIME));
	return how && agent_is_engine(agent, caller) ? RELAYED_BY_NOTHING : how;
}

/* Of what a caller asks that serves others it is told that it may be somebody else's. */
static void agent_tell_servant(struct agent *agent, struct record *record)
{
	enum relayed_basis how = RELAYED_BY_NOTHING;

	if (record->caller && !record->relayed.certainty && record_is_request(record))
		how = agent_serves(agent, record->caller);
	if (how)
		record->relayed =
			(struct record_relayed){.certainty = RELAYED_UNKNOWN, .basis = how};
}

static void on_record(void *data, struct record *record)
{
	struct agent *agent = data;
	struct callerd_legacy *legacy = capture_legacy(agent->capture);
	bool is_test;

	if (agent_is_of_relay(agent, record)) {
		legacy->told += record->action == RECORD_API_REQUEST && record->connection.request;
		return;
	}
	if (record->action == RECORD_SOCKET_CONNECTED)
		record->server = agent->news;
	is_test = self_test_is_call(agent->self_test, record);
	agent_tell_servant(agent, record);
	if (record->action !=
	    RECORD_DOCKER_EVENT) /* a docker-event has its caller as described with the request */
		engines_describe_caller(agent->engines, record);
	if (!is_test)
		record->level = levels_of(agent->levels, options_full_from(&agent->options), record,
					  host_context(agent->host));
	if (agent_is_routine(agent, record))
		record->level = LEVEL_NONE;
	fold_set(agent->fold, options_fold(&agent->options));
	if (record->level != LEVEL_NONE && !is_test &&
	    fold_take(agent->fold, record, clock_now(CLOCK_BOOTTIME))) {
		legacy->begun += record->action != RECORD_API_REQUEST;
		return;
	}
	status_count_level(agent->status, record->level);
	if (record->level != LEVEL_NONE)
		put_record(agent, record);
	if (record->action == RECORD_API_REQUEST && record->connection.request)
		legacy->told++;
}

/* A record that stands for COUNT others: an agent that is killed before owes them. */
static void on_folded(void *data, struct record *record, uint64_t count)
{
	struct agent *agent = data;

	status_count_level(agent->status, record->level);
	put_record(agent, record);
	capture_legacy(agent->capture)->told += count;
}

/* Writes what is told by a count. */
static void agent_unfold(struct agent *agent)
{
	fold_flush(agent->fold);
	status_note_folded(agent->status, fold_taken(agent->fold), fold_told(agent->fold));
}

static void on_begun(void *data, bool taken_back)
{
	((struct agent *)data)->begun += taken_back ? -1 : 1;
}

/* Counts the requests that began with the events that were read. An event that is at hand when the agent is killed is read
 * by the next one. */
static void note_begun(struct agent *agent)
{
	capture_legacy(agent->capture)->begun += agent->begun;
	agent->begun = 0;
}

static void write_started(struct agent *agent)
{
	struct record_output outputs[OUTPUTS_MAX];
	struct record record = {
		.action = RECORD_AGENT_STARTED,
		.time = clock_now(CLOCK_BOOTTIME),
		.backend = capture_backend_name(agent->capture),
		.backend_reason = agent->backend_reason,
		.sockets = agent->sockets,
		.outputs = outputs,
		.output_count = outputs_describe(agent->outputs, outputs),
	};

	on_record(agent, &record);
}

static bool is_of_refused(enum loss loss)
{
	return loss == LOSS_UNRESOLVED || loss == (enum loss)CALLERD_LOSS_REFUSED;
}

/* ACCOUNT: that of the lost records; 0: not known, or several accounts. */
static void write_lost(struct agent *agent, uint64_t account, enum loss loss, uint64_t count,
		       const char *output)
{
	const char *reason = losses_name(loss);
	struct record record = {
		.action = RECORD_RECORDS_LOST,
		.time = clock_now(CLOCK_BOOTTIME),
		.account = account,
		.lost_reason = reason,
		.lost_count = count,
		.lost_refused = is_of_refused(loss),
		.lost_output = output,
	};

	status_note_loss(agent->status, reason, count);
	on_record(agent, &record);
}

static void on_output_loss(void *data, const char *output, enum sink_loss reason, uint64_t account,
			   uint64_t count)
{
	fold_forget(((struct agent *)data)->fold);
	write_lost(data, account, LOSS_OUTPUTS + reason, count, output);
}

static void on_account_losses(void *data, uint64_t account, const uint64_t counts[CALLERD_LOSS_MAX])
{
	struct agent *agent = data;

	for (int loss = 0; loss < CALLERD_LOSS_MAX; loss++)
		if (counts[loss])
			losses_charge(&agent->losses, (enum loss)loss, account, counts[loss]);
}

static void on_evicted(void *data, uint64_t account)
{
	struct agent *agent = data;

	losses_charge(&agent->losses, LOSS_EVICTED, account, 1);
}

/* The last component of the sockets' paths, if it is the same in all. */
static struct bytes watched_name(const struct agent *agent)
{
	const char *const *sockets = agent->sockets;

	for (unsigned int i = 1; i < agent->socket_count; i++)
		if (strcmp(basename(sockets[i]), basename(sockets[0])) != 0)
			return (struct bytes){};
	return bytes_of(basename(sockets[0]));
}

static void on_account_refused(void *data, uint64_t account, enum callerd_refused_kind kind,
			       uint64_t count, const struct callerd_refused *refused)
{
	struct agent *agent = data;
	struct record record = {
		.action = RECORD_SOCKET_REFUSED,
		.time = refused->last,
		.account = account,
		.error = (int)refused->error,
		.refused_count = count,
		.refused_first = refused->first,
		.refused_last = refused->last,
	};

	if (kind == CALLERD_REFUSED_OTHER) {
		agent->losses.now[LOSS_UNRESOLVED] += count;
		losses_charge(&agent->losses, LOSS_UNRESOLVED, account, count);
		return;
	}
	if (refused->socket < agent->socket_count)
		record.connection.socket = bytes_of(agent->sockets[refused->socket]);
	else
		record.refused_name = watched_name(agent);
	on_record(agent, &record);
}

/* Whether LOSS may include a request that changed an engine. */
static bool may_have_changed(enum loss loss)
{
	return loss < LOSS_ENGINE_EVENTS && !is_of_refused(loss);
}

static void tell_loss(struct agent *agent, enum loss loss, uint64_t account, uint64_t count)
{
	if (!count)
		return;
	write_lost(agent, account, loss, count, NULL);
	if (may_have_changed(loss))
		engines_lost(agent->engines, clock_now(CLOCK_BOOTTIME));
}

/* Takes over what the kernel programs counted, and tells of the refused connects that were too many to have records of their own. */
static void count_kernel_losses(struct agent *agent)
{
	uint64_t *now = agent->losses.now;

	capture_accounts(agent->capture,
			 &(struct accounts_calls){agent, on_account_losses, on_account_refused});
	capture_losses(agent->capture, now, &now[LOSS_PROGRAM_MISSED]);
}

/* Writes records of the losses that are known. */
static void tell_losses(struct agent *agent)
{
	uint64_t *now = agent->losses.now;
	struct tracker_stats stats;
	struct loss_charge charge;
	struct engines_stats engines;

	tracker_stats(agent->tracker, &stats);
	engines_stats(agent->engines, &engines);
	now[LOSS_EVICTED] = stats.evicted;
	now[LOSS_NO_MEMORY] = agent->no_memory + stats.no_memory + engines.causes.dropped;
	now[LOSS_ENGINE_EVENTS] = engines.missed;
	now[LOSS_GUARD_EVENTS] = guard_overflows(agent->guard);
	now[LOSS_STATE] = agent->state ? state_dropped(agent->state) : 0;
	while (losses_take_charge(&agent->losses, &charge))
		tell_loss(agent, charge.loss, charge.account, charge.count);
	for (int loss = 0; loss < LOSS_OUTPUTS; loss++)
		tell_loss(agent, loss, 0, losses_take(&agent->losses, loss));
	outputs_losses(agent->outputs, now + LOSS_OUTPUTS, agent, on_output_loss);
}

static void write_losses(struct agent *agent)
{
	count_kernel_losses(agent);
	tell_losses(agent);
}

/* The caller of a request that an earlier agent told, if that process lives. A reference; NULL: it is not known. */
static struct caller *describe_again(struct agent *agent, uint32_t pid, uint64_t start)
{
	static struct callerd_caller_event described;
	struct decode_detail detail = proc_detail(agent->proc);
	struct event decoded = {0};

	if (!pid || actors_living(capture_actors(agent->capture), pid, &described) ||
	    described.start != start ||
	    decode_event(&described, described.header.size, &detail, &decoded))
		return NULL;
	return decoded.caller;
}

static void agent_take_handed(void *data, uint64_t connection, const struct callerd_handed *handed,
			      const struct callerd_handed_http2 *http2)
{
	struct agent *agent = data;
	struct caller *caller = NULL;

	if (handed->streaming)
		caller = describe_again(agent, handed->request.pid, handed->request.start);
	tracker_resume(agent->tracker, connection, handed, http2, caller,
		       clock_now(CLOCK_BOOTTIME));
}

static void agent_give_handed(void *data, uint64_t connection, const struct callerd_handed *handed,
			      const struct callerd_handed_http2 *http2)
{
	capture_hand_over(((struct agent *)data)->capture, connection, handed, http2);
}

/* Leaves what goes on to the next agent. Nothing is read from the rings after that. */
static void agent_hand_over(struct agent *agent)
{
	capture_leave(agent->capture);
	agent->left = true;
	if (capture_is_pinned(agent->capture))
		tracker_hand_over(agent->tracker, clock_now(CLOCK_BOOTTIME), agent_give_handed);
}

/* --- events ----------------------------------------------------------------------------------- */

/* Who serves a connection to a relay is known before it says anything. */
static void agent_note_relay(struct agent *agent, const struct event *event, uint32_t socket)
{
	const struct callerd_event_header *header = event->header;
	struct process holder;

	if (header->type == CALLERD_EVENT_CONNECT && !relayed_has(agent->relayed, socket)) {
		relay_ports_look(agent->relay_ports, capture_doors(agent->capture), event->caller,
				 clock_now(CLOCK_BOOTTIME));
	} else if (header->type == CALLERD_EVENT_CONNECT && event->server.pid) {
		relayed_connected(agent->relayed, header->connection, event->server.pid,
				  event->server.start);
	} else if (header->type == CALLERD_EVENT_ACCEPT && relayed_has(agent->relayed, socket)) {
		holder = relay_ports_holder(agent->relay_ports, socket, header->time);
		relayed_accepted(agent->relayed, event->accept, holder.pid, holder.start);
	}
}

static void agent_take_event(void *data, const struct event *event, uint32_t socket)
{
	struct agent *agent = data;

	event_recorder_event(agent->events, event->header, socket);
	if (socket < CALLERD_SOCKETS_MAX)
		socket = agent->engine_of[socket];
	if (event->header->type == CALLERD_EVENT_CONNECT && socket < CALLERD_SOCKETS_MAX)
		agent->news = servers_note(agent->servers, agent->capture, socket,
					   event->server.pid, event->server.uid,
					   event->server.start, clock_now(CLOCK_BOOTTIME));
	if (agent->relayed)
		agent_note_relay(agent, event, socket);
	tracker_event(agent->tracker, event, socket);
	agent->news = NULL;
}

static void on_unresolved(void *data, uint64_t account)
{
	struct agent *agent = data;

	agent->losses.now[LOSS_UNRESOLVED]++;
	losses_charge(&agent->losses, LOSS_UNRESOLVED, account, 1);
}

/* Before anything comes of EVENT: an agent that is killed in between leaves the event in its ring. Where several processes send
 * at once, one that is kept would be taken for the only one. */
static void agent_note_sender(struct agent *agent, const struct callerd_event_header *event)
{
	bool sends = event->type == CALLERD_EVENT_CONNECT || event->type == CALLERD_EVENT_SENDER;

	if (!sends || !event->connection)
		return;
	if (event->flags & (CALLERD_FLAG_OVERLAP | CALLERD_FLAG_CROWD))
		capture_forget_sender(agent->capture, event->connection);
	else
		capture_keep_sender(agent->capture, event);
}

static void agent_on_event(void *data, const void *bytes, size_t size)
{
	struct agent *agent = data;
	struct decode_detail detail = proc_detail(agent->proc);
	struct event event;
	int error;

	note_begun(agent);
	error = decode_event(bytes, size, &detail, &event);
	status_count_event(agent->status);
	if (error) {
		agent->no_memory += error == -ENOMEM;
		agent->losses.now[LOSS_MALFORMED] += error != -ENOMEM;
		return;
	}
	agent_note_sender(agent, event.header);
	if (event.caller) {
		host_expect(agent->host, event.caller);
		logins_expect(agent->logins, event.caller);
		servants_find(agent->servants, event.caller, event.header->time);
	}
	if (event.header->type == CALLERD_EVENT_REFUSED)
		refused_event(agent->refused, &event, clock_now(CLOCK_BOOTTIME));
	else
		agent_take_event(agent, &event, event.header->socket);
}

/* Takes up what an earlier agent left, and tells what is lost of it. */
static void agent_inherit(struct agent *agent)
{
	struct callerd_legacy *legacy = capture_legacy(agent->capture);

	agent->losses.now[LOSS_KILLED] = legacy->begun - legacy->told;
	legacy->begun = legacy->told = 0;
	if (capture_beginning(agent->capture) == CAPTURE_REPLACED)
		agent->losses.now[LOSS_REPLACED] = capture_left_connections(agent->capture);
	outputs_tell_inherited(agent->outputs, agent, on_output_loss);
	capture_take_handed(agent->capture, agent, agent_take_handed);
	if (capture_beginning(agent->capture) == CAPTURE_TAKEN)
		capture_take_senders(agent->capture, agent, agent_on_event);
	write_losses(agent);
	if (capture_left_at(agent->capture) && !losses_total(&agent->losses))
		engines_know_since(agent->engines, capture_left_at(agent->capture));
}

static void on_mute(void *data, uint64_t connection, uint32_t bits)
{
	struct agent *agent = data;

	if (bits)
		capture_mute(agent->capture, connection, bits);
	else
		capture_unmute(agent->capture, connection);
}

static void on_forgotten(void *data, uint64_t connection)
{
	struct agent *agent = data;

	if (!agent->left) /* else the next agent goes on with it */
		capture_forget_sender(agent->capture, connection);
}

static void on_unnoticed(void *data, uint64_t connection)
{
	capture_forget_session(((struct agent *)data)->capture, connection);
}

static bool on_totals(void *data, struct callerd_totals *ret)
{
	return !capture_totals(((struct agent *)data)->capture, ret);
}

/* Who called is read before what he asked. Where it is being looked up from where he came, or whether he serves others, his request may
 * stay in its ring as long as a busy loop leaves it there anyway: then its record tells that. */
static bool agent_lets_wait(struct agent *agent)
{
	uint64_t now;

	capture_drain_callers(agent->capture);
	note_begun(agent);
	now = clock_now(CLOCK_BOOTTIME);
	if ((!logins_are_asked(agent->logins) && !servants_are_asked(agent->servants)) ||
	    agent->stop)
		agent->let_wait = 0;
	else if (!agent->let_wait)
		agent->let_wait = now + POLL_PAUSE;
	if (now >= agent->let_wait)
		return false;
	agent->last_event = agent->last_drain = now;
	return true;
}

/* Reads all events from the rings. Returns whether there were any. */
static bool agent_read_rings(struct agent *agent)
{
	uint64_t mark = capture_mark(agent->capture), now;
	int events;

	agent->last_drain = clock_now(CLOCK_BOOTTIME);
	events = capture_drain(agent->capture);
	note_begun(agent);
	agent->drained = events >= 0;

	/* Caller events that came while the payload was read may describe its senders. */
	if (events > 0)
		capture_drain_callers(agent->capture);
	note_begun(agent);
	now = clock_now(CLOCK_BOOTTIME);
	if (events > 0)
		agent->last_event = now;
	if (events > 0 || tracker_is_waiting(agent->tracker)) {
		tracker_flush(agent->tracker, now);
		event_recorder_flush(agent->events, now);
	}
	/* The request of an event may wait in the ring yet. */
	if (!capture_has_before(agent->capture, mark))
		engines_tell(agent->engines, now);
	outputs_flush(agent->outputs);
	return events > 0;
}

/* The same, or there may be some, which stay a moment. */
static bool agent_drain(struct agent *agent)
{
	return agent_lets_wait(agent) || agent_read_rings(agent);
}

/* Reads all that waits by now. */
static void agent_drain_all(struct agent *agent)
{
	uint64_t mark = capture_mark(agent->capture);

	while (agent_read_rings(agent) && capture_has_before(agent->capture, mark))
		;
}

static void on_living(void *data, uint64_t connection)
{
	tracker_survey_seen(((struct agent *)data)->tracker, connection);
}

/* Finds connections that ended unseen: the tracepoint backend does not see every end. And those whose beginning no program
 * saw. */
static void agent_survey(struct agent *agent, uint64_t now)
{
	struct tracker_stats stats;

	tracker_survey_begin(agent->tracker);
	if (capture_living(agent->capture, on_living, agent))
		return;
	agent_drain_all(agent); /* the last events of ended connections */
	tracker_survey_end(agent->tracker, now);
	capture_drop_sessions(agent->capture);
	tracker_flush(agent->tracker, now);
	tracker_stats(agent->tracker, &stats);
	self_test_survey(agent->self_test, stats.connections > agent->options.connections / 2);
}

/* Logs a message about the state, once. */
static void tell_state(struct agent *agent)
{
	const char *text = agent->state ? state_message(agent->state) : NULL;

	if (text)
		agent_message(agent, LOG_LEVEL_WARNING, "%s", text);
}

/* Gives back to the system what a flood or a slow output took: the allocator keeps it otherwise. */
static void agent_trim(void)
{
	if (mallinfo2().fordblks > SPARE_MAX)
		malloc_trim(0);
}

/* Tells the manager that all is well: a loop that hangs, or rings that cannot be read, is a reason to begin anew. */
static void feed_watchdog(struct agent *agent, uint64_t now)
{
	if (!agent->watchdog || !agent->drained || now < agent->last_fed + agent->watchdog / 4)
		return;
	agent->last_fed = now;
	notify_send("WATCHDOG=1");
}

/* Not only at the start: the guard comes to directories later, too. */
static void tell_guard(struct agent *agent)
{
	int limit = guard_limit(agent->guard);

	if (limit == agent->guard_limit)
		return;
	agent->guard_limit = limit;
	agent_message(
		agent, LOG_LEVEL_WARNING,
		"fanotify: %s: not all processes that change who may use the sockets are known",
		strerror(limit));
}

static bool has_engine(struct agent *agent)
{
	struct record_watched engines[CALLERD_SOCKETS_MAX];
	unsigned int count = engines_list(agent->engines, engines);

	for (unsigned int i = 0; i < count; i++)
		if (!agent->owners[i] &&
		    (engines[i].state == ENGINE_REACHED || engines[i].state == ENGINE_NOT_ASKED))
			return true;
	return false;
}

/* A test at the start waits for an engine, which is not to be started by it. */
static void begin_test(struct agent *agent, uint64_t now)
{
	bool due = agent->test_due && (agent->options.self_test || has_engine(agent));

	if (!status_take_request(agent->status) && !due)
		return;
	agent->test_due = false;
	self_test_ask(agent->self_test, now);
}

static void run_test(struct agent *agent, uint64_t now)
{
	struct self_test_result result;
	_cleanup_(text_free) struct text report = {0};

	self_test_run(agent->self_test, now);
	if (!self_test_take(agent->self_test, &result))
		return;
	status_tested(agent->status, &result);
	if (!agent->options.self_test)
		return;
	agent->tested = result.code;
	agent->stop = true;
	self_test_report(&result, &report);
	fputs(report.data ?: "", stderr);
}

/* Does the work of once a second and less often. */
static void agent_tick(struct agent *agent)
{
	uint64_t now = clock_now(CLOCK_BOOTTIME);
	bool quiet = now > agent->last_event + QUIET;

	if (now < agent->next_tick)
		return;
	agent->next_tick = now + NS_PER_S;
	feed_watchdog(agent, now);
	capture_beat(agent->capture);
	host_refresh(agent->host);
	watcher_run(agent->watcher, agent->beside, now);
	finder_run(agent->finder, now);
	tell_state(agent);
	tell_guard(agent);
	engines_run(agent->engines, now);
	tracker_flush(agent->tracker, now); /* deadlines pass without an event, too */
	event_recorder_flush(agent->events, now);
	if (now >= agent->next_survey) {
		agent->next_survey = now + SURVEY_INTERVAL;
		agent_survey(agent, now);
		agent_trim();
		quiet = false;
	}
	fold_run(agent->fold, now);
	status_note_folded(agent->status, fold_taken(agent->fold), fold_told(agent->fold));
	if (!quiet) /* the kernel programs lose what comes with events that are not lost, or before them */
		count_kernel_losses(agent);
	tell_losses(agent);
	if (agent->options.status_interval &&
	    now >= agent->last_status + agent->options.status_interval * NS_PER_S) {
		agent->last_status = now;
		status_tell(agent->status, RECORD_AGENT_STATUS, agent, on_record);
	}
	begin_test(agent, now);
	status_run(agent->status, now, agent, agent_tell);
	outputs_news(agent->outputs, agent, agent_tell);
	outputs_flush(agent->outputs);
}

static void handle_signal(struct agent *agent)
{
	struct signalfd_siginfo info;

	if (read(agent->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGHUP) {
		agent->stop = true;
		agent->interrupted = info.ssi_signo == SIGINT;
		return;
	}
	agent_unfold(agent); /* into the file that they belong to */
	outputs_reopen(agent->outputs);
	reload_ask(agent->reload, clock_now(CLOCK_BOOTTIME));
}

/* Sleeps until there is work: a moment while events come, until the first one or the next tick
 * otherwise. */
static void wait_for_work(struct agent *agent)
{
	struct pollfd fds[4 + GUARD_FDS + ENGINES_FDS_MAX] = {
		{.fd = agent->signals, .events = POLLIN},
	};
	unsigned int engines;
	bool ready = false;
	uint64_t now = clock_now(CLOCK_BOOTTIME);
	bool busy = now - agent->last_event < POLL_LINGER || tracker_is_waiting(agent->tracker) ||
		    engines_waiting(agent->engines) || beside_is_waiting(agent->beside) ||
		    guard_is_waiting(agent->guard) || self_test_is_waiting(agent->self_test) ||
		    inquiries_is_waiting(agent->inquiries);
	uint64_t pause = now < agent->next_tick ? agent->next_tick - now : 0;
	struct timespec timeout;
	int rings[2];

	/* What the last read brought took its time, too: the next one must not wait for both. */
	if (busy && pause > POLL_PAUSE)
		pause = now < agent->last_drain + POLL_PAUSE ? agent->last_drain + POLL_PAUSE - now
							     : 0;
	if (!busy) {
		capture_sleep(agent->capture);
		if (agent_drain(agent)) /* events that came before capture_sleep() wake nobody */
			return;
	}
	capture_fds(agent->capture, rings);
	for (int i = 0; i < 2; i++)
		fds[1 + i] = (struct pollfd){.fd = rings[i], .events = POLLIN};
	if (busy) /* a batch is cheaper than its events one by one: lets the payload ring fill */
		fds[2].fd = -1;
	fds[3] = (struct pollfd){.fd = beside_fd(agent->beside), .events = POLLIN};
	guard_poll(agent->guard, fds + 4);
	engines = engines_fds(agent->engines, fds + 4 + GUARD_FDS);
	timeout = (struct timespec){pause / NS_PER_S, pause % NS_PER_S};
	ppoll(fds, 4 + GUARD_FDS + engines, &timeout, NULL);
	guard_run(agent->guard, fds + 4, clock_now(CLOCK_BOOTTIME));
	if (fds[0].revents)
		handle_signal(agent);
	for (unsigned int i = 0; i < engines; i++)
		ready |= fds[4 + GUARD_FDS + i].revents;
	if (ready)
		engines_run(agent->engines, clock_now(CLOCK_BOOTTIME));
}

static void run_beside(struct agent *agent, uint64_t now)
{
	beside_run(agent->beside, now);
	host_take_news(agent->host, logins_news(agent->logins));
	elders_run(agent->elders, agent->beside, now);
}

/* Asks the engines, reads the arguments of running processes, and looks at the guarded files, before
 * the first event is read. Events wait in the rings meanwhile, so that they are judged by the
 * engines' inventories, and ancestors older than the agent have their arguments. */
static void agent_learn(struct agent *agent)
{
	uint64_t now = clock_now(CLOCK_BOOTTIME), end = now + LEARN_TIME;
	struct pollfd fds[1 + ENGINES_FDS_MAX] = {
		{.fd = beside_fd(agent->beside), .events = POLLIN},
	};
	unsigned int count;
	uint64_t pause;

	finder_run(agent->finder, now);
	engines_run(agent->engines, now);
	run_beside(agent, now);
	guard_run(agent->guard, NULL, now);
	while (now < end && !(engines_settled(agent->engines) && elders_settled(agent->elders) &&
			      guard_settled(agent->guard) && finder_settled(agent->finder))) {
		count = 1 + engines_fds(agent->engines, fds + 1);
		pause = beside_is_waiting(agent->beside) ? POLL_PAUSE : end - now;
		poll(fds, count, (int)(pause / NS_PER_MS) + 1);
		now = clock_now(CLOCK_BOOTTIME);
		engines_run(agent->engines, now);
		run_beside(agent, now);
	}
}

/* Gives the jobs beside the main loop one more second, and gives up the rest. */
static void finish_beside(struct agent *agent)
{
	struct pollfd fd = {.fd = beside_fd(agent->beside), .events = POLLIN};
	uint64_t end = clock_now(CLOCK_BOOTTIME) + NS_PER_S;

	guard_finish(agent->guard, clock_now(CLOCK_BOOTTIME));
	beside_run(agent->beside, clock_now(CLOCK_BOOTTIME));
	while (beside_is_waiting(agent->beside) && clock_now(CLOCK_BOOTTIME) < end) {
		poll(&fd, 1, POLL_PAUSE / NS_PER_MS);
		beside_run(agent->beside, clock_now(CLOCK_BOOTTIME));
		guard_finish(agent->guard, clock_now(CLOCK_BOOTTIME));
	}
	beside_run(agent->beside, UINT64_MAX);
	guard_give_up(agent->guard);
	tell_guard(agent);
}

enum exit_code agent_run(struct agent *agent)
{
	agent_learn(agent);
	write_started(agent);
	agent_inherit(agent);
	agent_survey(
		agent,
		clock_now(CLOCK_BOOTTIME)); /* what is there already is older than the programs */
	agent->test_due = agent->options.self_test || agent->options.test_at_start;
	notify_send("READY=1");
	while (!agent->stop && !outputs_closed(agent->outputs) && !broker_has_ended()) {
		agent_drain(agent);
		run_beside(agent, clock_now(CLOCK_BOOTTIME));
		run_test(agent, clock_now(CLOCK_BOOTTIME));
		inquiries_run(agent->inquiries, clock_now(CLOCK_BOOTTIME));
		agent_tick(agent);
		wait_for_work(agent);
	}
	notify_send("STOPPING=1");
	agent_drain_all(agent);
	finish_beside(agent);
	/* Connections that have ended are not cut off by the agent's end. */
	agent_survey(agent, clock_now(CLOCK_BOOTTIME));
	agent_hand_over(agent);
	tracker_close(agent->tracker, clock_now(CLOCK_BOOTTIME));
	engines_close(agent->engines);
	event_recorder_close_frame(agent->events, clock_now(CLOCK_BOOTTIME));
	agent_unfold(agent);
	write_losses(agent);
	status_tell(agent->status, RECORD_AGENT_STOPPED, agent, on_record);
	outputs_flush(agent->outputs);
	outputs_news(agent->outputs, agent, agent_tell);
	if (broker_has_ended()) {
		agent_message(agent, LOG_LEVEL_ERROR, "the second process of callerd has ended");
		return EXIT_FAILED;
	}
	if (!agent->stop) {
		agent_message(agent, LOG_LEVEL_ERROR, "an output was closed by its reader");
		return EXIT_OUTPUT;
	}
	if (agent->interrupted && capture_is_pinned(agent->capture))
		agent_message(agent, LOG_LEVEL_WARNING,
			      "the kernel programs go on for the next callerd; callerd --detach "
			      "ends them");
	return agent->tested;
}

/* --- start ------------------------------------------------------------------------------------ */

static enum exit_code open_outputs(struct agent *agent)
{
	char reason[768];
	enum exit_code code = outputs_open(&agent->options, host_context(agent->host),
					   &agent->outputs, reason, sizeof(reason));

	if (code != EXIT_OK)
		agent_message(agent, LOG_LEVEL_ERROR, "%s", reason);
	return code;
}

static enum exit_code open_capture(struct agent *agent)
{
	const struct options *options = &agent->options;
	struct capture_options capture = {
		.backend = options->backend,
		.callers_size = options->callers_ring,
		.payload_size = options->payload_ring,
		.connections = options->connections,
		.own_calls = options->own_calls,
		.sockets = agent->sockets,
		.grows = options->discovers,
		.ports = options->discovers || options->relay_port_count,
		.pin = options->pin,
		.away_limit = options->away_limit * NS_PER_S,
		.request_budget = options->request_budget,
		.response_budget = options->response_budget,
		.data = agent,
		.event = agent_on_event,
	};
	struct refused_options refused = {
		.beside = agent->beside,
		.sockets = agent->sockets,
		.socket_count = agent->socket_room,
		.data = agent,
		.resolved = agent_take_event,
		.unresolved = on_unresolved,
	};
	int error = capture_open(&capture, &agent->capture, agent->backend_reason,
				 sizeof(agent->backend_reason));

	if (error) {
		agent_message(agent, LOG_LEVEL_ERROR, "%s", agent->backend_reason);
		return error == -EBUSY ? EXIT_FAILED : EXIT_BACKEND;
	}
	host_read_executables(agent->host, agent->beside,
			      (struct digest_identity){agent_identify, agent});
	if (capture_unpinned(agent->capture))
		agent_message(agent, LOG_LEVEL_WARNING,
			      "what happens while callerd is away is not captured: %s",
			      capture_unpinned(agent->capture));
	if (options->relay_port_count && !doors_are_seen(capture_doors(agent->capture)))
		agent_message(agent, LOG_LEVEL_WARNING,
			      "who is behind relays that listen on TCP is not known: this backend "
			      "does not see TCP");
	outputs_inherit(agent->outputs, capture_legacy(agent->capture)->outputs);
	tracker_inherit(agent->tracker, capture_left_last(agent->capture));
	malloc_trim(0); /* loading the programs took megabytes for BTF: gives them back */
	refused.capture = agent->capture;
	error = proc_new(agent->capture, &agent->proc) ?: refused_new(&refused, &agent->refused)
			?: watcher_new(agent->capture, agent->sockets, agent->socket_count,
				       agent->socket_room, &agent->watcher)
			?: elders_new(agent->capture, &agent->elders);
	if (error) {
		agent_message(agent, LOG_LEVEL_ERROR, "cannot start: %s", strerror(-error));
		return EXIT_FAILED;
	}
	agent_message(agent, LOG_LEVEL_INFO, "backend %s: %s", capture_backend_name(agent->capture),
		      agent->backend_reason);
	return EXIT_OK;
}

/* Opens the state. Errors are not fatal: without the state, less is known of containers made before
 * the start. */
static void agent_open_state(struct agent *agent)
{
	const char *path = agent->options.state_path;
	struct sentence told;

	if (!path)
		return;
	if (state_open(path, agent->sockets, host_context(agent->host), &agent->state, &told))
		agent_message(agent, LOG_LEVEL_WARNING, "nothing is kept for another life: %s",
			      told.text);
	else if (*told.text)
		agent_message(agent, LOG_LEVEL_WARNING, "%s", told.text);
}

static bool agent_is_program(void *data, struct bytes path, const struct callerd_node_key *file)
{
	struct agent *agent = data;

	return agent->capture &&
	       programs_is(agent->programs, agent->capture, path, file, clock_now(CLOCK_BOOTTIME));
}

static const struct record_server *agent_server(void *data, unsigned int socket)
{
	return servers_differ(((struct agent *)data)->servers, socket);
}

static int open_engines(struct agent *agent)
{
	struct engines_options options = {
		.socket_count = agent->socket_count,
		.socket_room = agent->socket_room,
		.docker_count = agent->options.socket_count,
		.sockets = agent->sockets,
		.policy = agent->options.policy,
		.inventory = agent->options.inventory,
		.event_wait = agent->options.event_wait * NS_PER_S,
		.context = host_context(agent->host),
		.state = agent->state,
		.beside = agent->beside,
		.data = agent,
		.record = on_record,
		.is_program = agent_is_program,
		.server = agent_server,
		.serves = agent_serves,
	};

	return engines_new(&options, clock_now(CLOCK_BOOTTIME), &agent->engines);
}

/* Another configuration comes into force. */
static void agent_end_period(void *data)
{
	agent_unfold(data);
	write_losses(data);
}

/* Outputs that a reload adds find what there was at the start. */
static bool has_network(const struct agent *agent)
{
	return agent->options.confine == CONFINE_NONE || outputs_use_network(agent->outputs);
}

static int open_reload(struct agent *agent, int argc, char **argv)
{
	struct reload_options options = {
		.argc = argc,
		.argv = argv,
		.options = &agent->options,
		.outputs = agent->outputs,
		.engines = agent->engines,
		.levels = &agent->levels,
		.beside = agent->beside,
		.context = host_context(agent->host),
		.network = has_network(agent),
		.data = agent,
		.record = on_record,
		.message = agent_tell_as,
		.told = agent_end_period,
		.lost = on_output_loss,
	};

	return reload_new(&options, &agent->reload);
}

static const struct login *agent_login(void *data, const struct caller *caller, bool *ret_asked)
{
	return logins_find(data, caller, ret_asked);
}

static int open_logins(struct agent *agent)
{
	struct record_context *context = host_context(agent->host);
	int error = logins_new(context, agent->beside, &agent->logins)
			    ?: servants_new(agent->beside, &agent->servants);

	context->login = error ? NULL : agent_login;
	context->login_data = agent->logins;
	return error;
}

/* Sets *RET to what reads the contents of requests. 0 or -ENOMEM. */
static int open_reader(struct agent *agent, const struct reader **ret)
{
	struct relayed_options options = {
		.engines = engines_reader(agent->engines),
		.first = first_relay(agent),
		.count = agent->given - first_relay(agent),
	};
	unsigned int ports = agent->options.relay_port_count;
	int error = options.count ? relayed_new(&options, &agent->relayed) : 0;

	if (!error && agent->relayed)
		error = relay_ports_new(agent->sockets + agent->given - ports, ports,
					agent->given - ports, &agent->relay_ports);

	*ret = agent->relayed ? relayed_reader(agent->relayed) : options.engines;
	return error;
}

static enum exit_code open_parts(struct agent *agent)
{
	struct tracker_options tracker = {
		.connections_max = agent->options.connections,
		.memory_max = MEMORY_MAX,
		.sender_wait = SENDER_WAIT,
		.sockets = agent->sockets,
		.socket_count = agent->socket_room,
		.data = agent,
		.record = on_record,
		.begun = on_begun,
		.evicted = on_evicted,
		.mute = on_mute,
		.forgotten = on_forgotten,
		.unnoticed = on_unnoticed,
		.totals = on_totals,
	};
	struct fold_options fold = {agent, on_folded};
	struct login_keeper keeper;
	int error = beside_new(agent, &agent->beside) ?: programs_new(&agent->programs)
		?: servers_new(agent->programs, &agent->servers) ?: fold_new(&fold, &agent->fold);

	if (!error)
		error = open_logins(agent);
	if (!error) {
		host_ask_beside(agent->host, agent->beside);
		agent_open_state(agent);
		keeper = state_login_keeper(agent->state);
		logins_remember(agent->logins, &keeper);
		error = open_engines(agent);
	}
	error = error ?: open_reader(agent, &tracker.reader)
		?: tracker_new(&tracker, &agent->tracker);
	if (!error && agent->options.event_file)
		error = event_recorder_open(agent->options.event_file, agent->sockets,
					    &agent->events);
	if (error) {
		agent_message(agent, LOG_LEVEL_ERROR, "cannot start: %s", strerror(-error));
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

static int open_inquiries(struct agent *agent)
{
	struct inquiries_options options = {
		.endpoint = status_control(agent->status),
		.capture = agent->capture,
		.proc = agent->proc,
		.engines = agent->engines,
		.host = agent->host,
		.logins = agent->logins,
	};

	return inquiries_new(&options, &agent->inquiries);
}

static enum exit_code open_status(struct agent *agent)
{
	struct self_test_options test = {
		.sockets = agent->sockets,
		.socket_count = &agent->socket_count,
		.owners = agent->owners,
		.is_docker = agent_is_docker,
		.context = host_context(agent->host),
		.capture = agent->capture,
		.outputs = agent->outputs,
		.beside = agent->beside,
		.data = agent,
		.record = on_record,
	};
	struct status_options options = {
		.options = &agent->options,
		.context = host_context(agent->host),
		.capture = agent->capture,
		.tracker = agent->tracker,
		.engines = agent->engines,
		.finder = &agent->finder,
		.outputs = agent->outputs,
		.beside = agent->beside,
		.logins = agent->logins,
		.losses = &agent->losses,
		.backend_reason = agent->backend_reason,
	};
	char why[OPTIONS_WHY_SIZE];
	int error = self_test_new(&test, &agent->self_test);

	if (!error) {
		options.self_test = agent->self_test;
		error = status_new(&options, &agent->status, why, sizeof(why));
	}
	if (!error)
		error = open_inquiries(agent);
	if (!error)
		return EXIT_OK;
	agent_message(agent, LOG_LEVEL_ERROR, "%s", error == -ENOMEM ? strerror(ENOMEM) : why);
	return error == -ENOMEM ? EXIT_FAILED : EXIT_OUTPUT;
}

static void block_signals(struct agent *agent)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a failed write is reported as a loss */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	agent->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Errors are not fatal: the requests of callers do not depend on the guard. */
static void open_guard(struct agent *agent)
{
	struct guard_options options = {
		.what = agent->options.guard,
		.capture = agent->capture,
		.beside = agent->beside,
		.detail = &agent->detail,
		.sockets = agent->sockets,
		.socket_count = agent->given - agent->options.relay_port_count,
		.socket_room = agent->socket_room,
		.data = agent,
		.record = on_record,
		.keeper = state_guard_keeper(agent->state),
		.is_program = agent_is_program,
	};
	int error;

	if (agent->options.guard == GUARD_NONE)
		return;
	agent->detail = proc_detail(agent->proc);
	error = guard_new(&options, &agent->guard);
	if (error)
		agent_message(agent, LOG_LEVEL_WARNING,
			      "changes of who may use the sockets are not recorded: %s",
			      strerror(-error));
	for (unsigned int i = agent->given; i < agent->socket_count; i++)
		if (!agent->owners[i] && !doors_is_port(agent->sockets[i]))
			guard_add_socket(agent->guard, agent->sockets[i]);
}

/* --- sockets that are found ------------------------------------------------------------------- */

/* Has one more socket watched. 0, or -errno. */
static int add_socket(struct agent *agent, const char *path, uint32_t owner,
		      enum engine_brand brand)
{
	unsigned int index = agent->socket_count;
	char *own = index < agent->socket_room ? strdup(path) : NULL;

	if (!own)
		return index < agent->socket_room ? -ENOMEM : -ENOSPC;
	agent->sockets[index] = own;
	agent->owners[index] = owner;
	if (engines_add(agent->engines, !owner && !doors_is_port(path), brand,
			clock_now(CLOCK_BOOTTIME))) {
		agent->sockets[index] = NULL;
		free(own);
		return -ENOMEM;
	}
	agent->socket_count++;
	state_add_socket(agent->state);
	if (!owner && !doors_is_port(path))
		guard_add_socket(agent->guard, own);
	watcher_add(agent->watcher);
	return 0;
}

/* Takes up the sockets that an earlier agent found: what its kernel programs tell has their
 * indices. */
static void inherit_sockets(struct agent *agent)
{
	struct callerd_kept_socket kept;

	while (agent->socket_count < agent->socket_room &&
	       capture_kept_socket(agent->capture, agent->socket_count, &kept) &&
	       !add_socket(agent, kept.path, kept.owner, kept.brand))
		;
}

/* What is watched is watched for good: the sockets that users come up with are not to take the room of root's. */
static bool has_room_for_owner(const struct agent *agent, uint32_t owner)
{
	unsigned int own = 0, users = 0;

	for (unsigned int i = 0; i < agent->socket_count; i++) {
		own += agent->owners[i] == owner;
		users += agent->owners[i] != 0;
	}
	return !owner || (own < SOCKETS_OF_USER_MAX && users < SOCKETS_OF_USERS_MAX);
}

/* The index of the watched socket TEXT; negative: it is not watched. */
static int find_socket(const struct agent *agent, const char *text)
{
	for (unsigned int i = 0; text && i < agent->socket_count; i++)
		if (!strcmp(agent->sockets[i], text))
			return (int)i;
	return -ENOENT;
}

/* Has a socket watched that was found, by this agent and those that come. Returns its index, or -errno. */
static int watch_found(struct agent *agent, const struct callerd_kept_socket *found)
{
	unsigned int index = agent->socket_count;
	int error = has_room_for_owner(agent, found->owner)
			    ? add_socket(agent, found->path, found->owner, found->brand)
			    : -ENOSPC;

	if (error)
		return error;
	capture_keep_socket(agent->capture, index, found);
	return (int)index;
}

static int agent_watch(void *data, const char *path, uint32_t owner, enum engine_brand brand)
{
	struct agent *agent = data;
	struct callerd_kept_socket kept = {.owner = owner, .brand = brand};
	int index;

	if (find_socket(agent, path) >= 0)
		return 0;
	snprintf(kept.path, sizeof(kept.path), "%s", path);
	index = watch_found(agent, &kept);
	if (index < 0)
		return index;
	watcher_run(agent->watcher, agent->beside, clock_now(CLOCK_BOOTTIME));
	engines_run(agent->engines,
		    clock_now(CLOCK_BOOTTIME)); /* it listens to its events from now on */
	if (!owner && agent->options.inventory && !agent->options.own_calls)
		servers_ask(agent->servers, agent->capture, (uint32_t)index, path);
	return 0;
}

static int agent_watch_port(void *data, const struct finder_port *port)
{
	struct agent *agent = data;
	struct callerd_kept_socket kept = {.owner = port->owner, .brand = port->brand};
	struct doors_listener listener = {.pid = port->pid, .owner = port->owner, .tls = port->tls};
	int error = doors_parse(port->text, &listener.end), index, engine;

	if (error)
		return error;
	if (!doors_are_seen(capture_doors(agent->capture)))
		return -EOPNOTSUPP;
	doors_name(port->text, port->owner, kept.path, sizeof(kept.path));
	index = find_socket(agent, kept.path);
	if (index < 0)
		index = watch_found(agent, &kept);
	if (index < 0)
		return index;
	listener.socket = (uint32_t)index;
	error = doors_watch(capture_doors(agent->capture), &listener);
	engine = find_socket(agent, port->socket);
	if (!error)
		agent->engine_of[index] = (uint32_t)(engine < 0 ? index : engine);
	return error;
}

static void agent_leave_port(void *data, const char *text, uint32_t owner)
{
	struct agent *agent = data;
	char name[CALLERD_ADDRESS_MAX + 4];
	int index;

	doors_name(text, owner, name, sizeof(name));
	index = find_socket(agent, name);
	if (index >= 0)
		doors_leave(capture_doors(agent->capture), (uint32_t)index);
}

static uint64_t agent_started(void *data)
{
	return capture_started(((struct agent *)data)->capture);
}

static enum finding_severity agent_severity(void *data, enum finding_id id,
					    enum finding_severity severity)
{
	return engines_severity(((struct agent *)data)->engines, id, severity);
}

static int open_finder(struct agent *agent)
{
	struct finder_options options = {
		.sockets = agent->options.sockets,
		.ask = agent->options.inventory && !agent->options.own_calls,
		.beside = agent->beside,
		.data = agent,
		.watch = agent_watch,
		.watch_port = agent_watch_port,
		.leave_port = agent_leave_port,
		.started = agent_started,
		.severity = agent_severity,
		.record = on_record,
	};

	return agent->options.discovers ? finder_new(&options, &agent->finder) : 0;
}

/* Begins to watch the sockets before any work that takes time. */
static void watch_first(struct agent *agent)
{
	struct pollfd fd = {.fd = beside_fd(agent->beside), .events = POLLIN};

	watcher_run(agent->watcher, agent->beside, clock_now(CLOCK_BOOTTIME));
	while (!watcher_settled(agent->watcher)) {
		poll(&fd, 1, POLL_PAUSE / NS_PER_MS);
		beside_run(agent->beside, clock_now(CLOCK_BOOTTIME));
	}
}

/* A fence has room for directories that are there only. What is wrong with one is said when the socket is opened. */
static void prepare_directories(const struct options *options)
{
	const char *const sockets[] = {options->metrics_socket, options->control_socket};
	struct sentence why = {0};

	for (size_t i = 0; i < COUNT(sockets); i++)
		if (sockets[i])
			own_file_prepare_directory(sockets[i], &why);
}

/* From here on a second process does what needs root, and what this one does is fenced in. Before the first thread. */
static int agent_divide(struct agent *agent, int argc, char **argv)
{
	const struct options *options = &agent->options;
	int error;

	agent->divided = options->confine != CONFINE_NONE;
	privilege_shed(agent->divided);
	if (options->pin)
		pins_mount(options->pin);
	if (!agent->divided)
		return 0;
	agent->granting = (struct granting){.argc = argc, .argv = argv, .options = &agent->options};
	error = broker_start(&(struct broker_options){granting_grant, &agent->granting});
	if (error)
		return error;
	prepare_directories(options);
	error = fence_raise(options->pin, options->metrics_socket, options->control_socket);
	if (error && error != -ENOSYS && error != -EOPNOTSUPP)
		agent_message(agent, LOG_LEVEL_WARNING, "files are not fenced in: Landlock: %s",
			      strerror(-error));
	return 0;
}

/* Gives up what only the start needed. */
static void agent_confine(struct agent *agent)
{
	int error = privilege_end_loading();

	if (error)
		agent_message(agent, LOG_LEVEL_WARNING, "callerd goes on as root: %s",
			      strerror(-error));
	if (!agent->divided)
		return;
	thread_settle();
	error = filter_install(has_network(agent) ? FILTER_AGENT_NETWORK : FILTER_AGENT);
	if (error)
		agent_message(agent, LOG_LEVEL_WARNING,
			      "callerd can make any system call: seccomp: %s", strerror(-error));
}

enum exit_code agent_new(const struct options *options, int argc, char **argv, struct agent **ret)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	enum exit_code code;
	int error;

	if (!agent)
		return EXIT_FAILED;
	agent->options = *options;
	agent->levels = options->levels;
	for (uint32_t i = 0; i < CALLERD_SOCKETS_MAX; i++)
		agent->engine_of[i] = i;
	memcpy(agent->sockets, options->sockets, sizeof(agent->sockets));
	agent->socket_count = options->socket_count;
	for (unsigned int i = 0; i < options->containerd_count; i++)
		agent->sockets[agent->socket_count++] = options->containerds[i];
	for (unsigned int i = 0; i < 2 * options->relay_count; i++) /* first sockets, then ports */
		if (doors_is_port(options->relays[i % options->relay_count]) ==
		    (i >= options->relay_count))
			agent->sockets[agent->socket_count++] =
				options->relays[i % options->relay_count];
	agent->given = agent->socket_count;
	agent->socket_room = options->discovers ? CALLERD_SOCKETS_MAX : agent->given;
	setpriority(PRIO_PROCESS, 0, NICE); /* may fail: the agent runs without it */
	block_signals(agent);
	agent->watchdog = notify_watchdog();
	notify_open();
	error = agent_divide(agent, argc, argv) ?: host_new(&agent->host);
	code = error ? EXIT_FAILED : open_outputs(agent);
	if (code == EXIT_OK)
		code = open_parts(agent);
	if (code == EXIT_OK)
		code = open_capture(agent);
	if (code == EXIT_OK) {
		error = open_reload(agent, argc, argv);
		code = error ? EXIT_FAILED : EXIT_OK;
	}
	if (error)
		agent_message(agent, LOG_LEVEL_ERROR, "cannot start: %s%s", strerror(-error),
			      access("/proc/self", F_OK) ? " (there is no /proc)" : "");
	if (code == EXIT_OK)
		code = open_status(agent);
	if (code != EXIT_OK) {
		agent_free(agent);
		return code;
	}
	inherit_sockets(agent);
	watch_first(agent);
	open_guard(agent);
	if (options->inventory && !options->own_calls)
		for (unsigned int i = 0; i < agent->socket_count; i++)
			if (!agent->owners[i] && !doors_is_port(agent->sockets[i]) &&
			    !(i >= first_relay(agent) &&
			      i < agent->given)) /* it may serve one client alone */
				servers_ask(agent->servers, agent->capture, i, agent->sockets[i]);
	if (open_finder(agent)) {
		agent_free(agent);
		return EXIT_FAILED;
	}
	agent_confine(agent);
	agent->next_tick = clock_now(CLOCK_BOOTTIME) + NS_PER_S;
	agent->next_survey = clock_now(CLOCK_BOOTTIME) + SURVEY_INTERVAL;
	agent->last_status = clock_now(CLOCK_BOOTTIME);
	*ret = agent;
	return EXIT_OK;
}

bool agent_free(struct agent *agent)
{
	bool ended;

	if (!agent)
		return true;
	ended = beside_free(agent->beside);
	if (ended) { /* looks that hang use the guard's marks, and the finder's */
		guard_free(agent->guard);
		finder_free(agent->finder);
	}
	inquiries_free(agent->inquiries);
	status_free(agent->status);
	self_test_free(agent->self_test);
	elders_free(agent->elders);
	refused_free(agent->refused);
	watcher_free(agent->watcher);
	capture_close(agent->capture);
	tracker_free(agent->tracker);
	relayed_free(agent->relayed);
	relay_ports_free(agent->relay_ports);
	decode_forget();
	engines_free(agent->engines);
	fold_free(agent->fold);
	reload_free(agent->reload); /* it has the policy */
	state_close(agent->state);
	outputs_close(agent->outputs, CLOSE_MILLISECONDS, agent, agent_tell);
	event_recorder_close(agent->events);
	proc_free(agent->proc);
	servers_free(agent->servers);
	programs_free(agent->programs);
	logins_free(agent->logins);
	servants_free(agent->servants);
	if (ended) /* what hangs in reading a configuration uses the host's names */
		host_free(agent->host);
	if (agent->signals > 0)
		close(agent->signals);
	for (unsigned int i = agent->given; ended && i < agent->socket_count; i++)
		free((char *)agent->sockets[i]);
	free(agent);
	return ended;
}
