// SPDX-License-Identifier: Apache-2.0
/* Connects the parts: events from the rings go to the tracker, its records to the outputs. */
#include "agent/agent_parts.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "broker/broker.h"
#include "system/notify.h"

#define POLL_LINGER (100 * NS_PER_MS) /* without events until the agent sleeps */
#define QUIET                                                                                      \
	(3 *                                                                                       \
	 NS_PER_S) /* without events: what the kernel counts is looked at with the survey only */
#define LEARN_TIME NS_PER_S  /* at most, to ask the engines at the start */
#define SPARE_MAX (2u << 20) /* bytes of the heap that are free and may stay so */

void agent_message(const struct agent *agent, enum log_level level, const char *format, ...)
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

void agent_tell_as(void *data, enum log_level level, const char *text)
{
	agent_message(data, level, "%s", text);
}

void agent_tell(void *data, const char *text)
{
	agent_message(data, LOG_LEVEL_WARNING, "%s", text);
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

void agent_take_event(void *data, const struct event *event, uint32_t socket)
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

void agent_on_unresolved(void *data, uint64_t account)
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

void agent_on_event(void *data, const void *bytes, size_t size)
{
	struct agent *agent = data;
	struct decode_detail detail = proc_detail(agent->proc);
	struct event event;
	int error;

	agent_note_begun(agent);
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
	outputs_tell_inherited(agent->outputs, agent, agent_on_output_loss);
	capture_take_handed(agent->capture, agent, agent_take_handed);
	if (capture_beginning(agent->capture) == CAPTURE_TAKEN)
		capture_take_senders(agent->capture, agent, agent_on_event);
	agent_write_losses(agent);
	if (capture_left_at(agent->capture) && !losses_total(&agent->losses))
		engines_know_since(agent->engines, capture_left_at(agent->capture));
}

void agent_on_mute(void *data, uint64_t connection, uint32_t bits)
{
	struct agent *agent = data;

	if (bits)
		capture_mute(agent->capture, connection, bits);
	else
		capture_unmute(agent->capture, connection);
}

void agent_on_forgotten(void *data, uint64_t connection)
{
	struct agent *agent = data;

	if (!agent->left) /* else the next agent goes on with it */
		capture_forget_sender(agent->capture, connection);
}

void agent_on_unnoticed(void *data, uint64_t connection)
{
	capture_forget_session(((struct agent *)data)->capture, connection);
}

bool agent_on_totals(void *data, struct callerd_totals *ret)
{
	return !capture_totals(((struct agent *)data)->capture, ret);
}

/* Who called is read before what he asked. Where it is being looked up from where he came, or whether he serves others, his request may
 * stay in its ring as long as a busy loop leaves it there anyway: then its record tells that. */
static bool agent_lets_wait(struct agent *agent)
{
	uint64_t now;

	capture_drain_callers(agent->capture);
	agent_note_begun(agent);
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
	agent_note_begun(agent);
	agent->drained = events >= 0;

	/* Caller events that came while the payload was read may describe its senders. */
	if (events > 0)
		capture_drain_callers(agent->capture);
	agent_note_begun(agent);
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
		agent_count_kernel_losses(agent);
	agent_tell_losses(agent);
	if (agent->options.status_interval &&
	    now >= agent->last_status + agent->options.status_interval * NS_PER_S) {
		agent->last_status = now;
		status_tell(agent->status, RECORD_AGENT_STATUS, agent, agent_on_record);
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
	agent_write_started(agent);
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
	agent_write_losses(agent);
	status_tell(agent->status, RECORD_AGENT_STOPPED, agent, agent_on_record);
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
