// SPDX-License-Identifier: Apache-2.0
/* Puts the parts together, and takes them apart. */
#include "agent/agent_parts.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "broker/broker.h"
#include "confine/fence.h"
#include "confine/filter.h"
#include "confine/privilege.h"
#include "kernel/pins.h"
#include "system/notify.h"
#include "system/own_file.h"
#include "system/thread.h"

#define SENDER_WAIT NS_PER_S
#define MEMORY_MAX (64u << 20)
#define CLOSE_MILLISECONDS 2000
#define NICE (-5) /* as auditd: watched processes must not starve the agent */

static enum exit_code open_outputs(struct agent *agent)
{
	char reason[768];
	enum exit_code code = outputs_open(&agent->options, host_context(agent->host),
					   &agent->outputs, reason, sizeof(reason));

	if (code != EXIT_OK)
		agent_message(agent, LOG_LEVEL_ERROR, "%s", reason);
	return code;
}

static int agent_identify(void *data, int fd, struct callerd_node_key *ret)
{
	const struct agent *agent = data;

	return watches_identify(capture_watches(agent->capture), fd, ret);
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
		.unresolved = agent_on_unresolved,
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
		.record = agent_on_record,
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
	agent_write_losses(data);
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
		.record = agent_on_record,
		.message = agent_tell_as,
		.told = agent_end_period,
		.lost = agent_on_output_loss,
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
		.first = agent_first_relay(agent),
		.count = agent->given - agent_first_relay(agent),
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
		.record = agent_on_record,
		.begun = agent_on_begun,
		.evicted = agent_on_evicted,
		.mute = agent_on_mute,
		.forgotten = agent_on_forgotten,
		.unnoticed = agent_on_unnoticed,
		.totals = agent_on_totals,
	};
	struct fold_options fold = {agent, agent_on_folded};
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
		.record = agent_on_record,
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
		.record = agent_on_record,
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
	agent_inherit_sockets(agent);
	watch_first(agent);
	open_guard(agent);
	if (options->inventory && !options->own_calls)
		for (unsigned int i = 0; i < agent->socket_count; i++)
			if (!agent->owners[i] && !doors_is_port(agent->sockets[i]) &&
			    !(i >= agent_first_relay(agent) &&
			      i < agent->given)) /* it may serve one client alone */
				servers_ask(agent->servers, agent->capture, i, agent->sockets[i]);
	if (agent_open_finder(agent)) {
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
