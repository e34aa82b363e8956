// SPDX-License-Identifier: Apache-2.0
#include "engine/engines.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "broker/broker.h"
#include "docker/call/call.h"
#include "engine/client.h"
#include "engine/engine.h"
#include "engine/event_stream.h"
#include "engine/listener.h"
#include "engine/places.h"
#include "host/daemon.h"
#include "host/host.h"
#include "host/hostfiles.h"

#define CONTENTS_MAX (32u << 20) /* bytes of all bodies in memory */
#define ENTRIES_UNASKED 4096
#define COMMIT_PAUSE (NS_PER_S / 10)

#define LOOK_ACCOUNT (UINT64_MAX - 1) /* account of no user, for looking up the daemons' options */
#define LOOK_PATIENCE (8 * NS_PER_S)

/* One engine with its index, as the data of callbacks. */
struct one {
	struct engines *engines;
	unsigned int index;
	struct engine *engine;	     /* NULL: this engine is not asked */
	struct event_stream *stream; /* NULL: this engine is not asked */
	/* The engine's count of refreshes at the end of the first refresh that began after the last
	 * gap. */
	uint64_t looked_back;
	int unreachable;    /* the error that the last record told; 0: none, or it is over */
	unsigned int first; /* the first socket of the same daemon, perhaps this one */
	bool compared;	    /* .first is known, of this daemon or one before it */
};

struct engines {
	struct engines_options options;
	uint32_t pid_ns; /* callerd's own; 0: unknown */
	unsigned int count;
	struct one ones[CALLERD_SOCKETS_MAX];
	struct inventory *inventories[CALLERD_SOCKETS_MAX];
	enum engine_brand brands[CALLERD_SOCKETS_MAX];
	struct host_files files;
	struct places places; /* where the engines keep files */
	struct daemon daemons[DAEMONS_MAX];
	unsigned int daemon_count;
	bool look, looking; /* the daemons' options are to be looked up; a job does so now */
	struct calls *calls;
	struct causes *causes;
	bool compare; /* a daemon has told what it is */
	bool asking;  /* for processes of execs */
	uint64_t now, committed;
};

/* --- where engines keep their files ----------------------------------------------------------- */

/* A job that looks up the daemons' options. The thread owns .found and .count, the main loop the
 * rest. */
struct engine_look {
	struct job job;
	struct engines *engines;
	struct daemon found[DAEMONS_MAX];
	unsigned int count;
};

/* Collects the places that each engine reports, and those in the daemons' options. */
static void collect_places(struct engines *engines)
{
	struct host_files *files = &engines->files;

	files->places = NULL;
	places_clear(&engines->places);
	for (unsigned int i = 0; i < engines->count; i++)
		if (engines->ones[i].engine)
			places_add(&engines->places, engine_places(engines->ones[i].engine), files);
	for (unsigned int i = 0; i < engines->daemon_count; i++)
		places_add(&engines->places, &engines->daemons[i], files);
	files->places = engines->places.list;
}

static void run_look(struct job *job)
{
	struct engine_look *look = (struct engine_look *)job;

	look->count = daemon_find(look->found);
}

static void end_look(struct job *job, bool came, void *data)
{
	const struct engine_look *look = (struct engine_look *)job;
	struct engines *engines = look->engines;

	(void)data;
	engines->looking = false;
	if (!came) /* the job failed: keeps what was known */
		return;
	engines->daemon_count = look->count;
	memcpy(engines->daemons, look->found, look->count * sizeof(*look->found));
	collect_places(engines);
}

static void free_look(struct job *job)
{
	free(job);
}

/* Starts a job that looks up the daemons' options, unless one runs: then another starts after
 * that. */
static void look_for_daemons(struct engines *engines)
{
	struct engine_look *look;

	if (!engines->look || engines->looking)
		return;
	engines->look = false;
	look = calloc(1, sizeof(*look));
	if (!look)
		return;
	look->job = (struct job){
		.run = run_look,
		.done = end_look,
		.free = free_look,
		.account = LOOK_ACCOUNT,
		.patience = LOOK_PATIENCE,
	};
	look->engines = engines;
	engines->looking = !beside_put(engines->options.beside, &look->job, engines->now);
	if (!engines->looking)
		free_look(&look->job);
}

/* An engine that was restarted may have other options. */
static void engines_introduced(void *data)
{
	struct engines *engines = ((struct one *)data)->engines;

	collect_places(engines);
	engines->look = engines->compare = true;
}

/* --- daemons with several sockets ------------------------------------------------------------- */

static bool is_same_node(const char *a, const char *b)
{
	struct stat one, other;

	return !broker_stat(AT_FDCWD, a, &one, 0) && !broker_stat(AT_FDCWD, b, &other, 0) &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* Whether one process listens at both. Where systemd does so for the daemon, that holds the socket, too; a relay that systemd starts
 * holds its own alone. */
static bool has_one_server(const struct one *a, const struct one *b)
{
	const char *const *sockets = a->engines->options.sockets;
	pid_t peers[] = {engine_peer(a->engine), engine_peer(b->engine)};
	const unsigned int index[] = {a->index, b->index};

	if (peers[0] > 1 && peers[1] > 1)
		return peers[0] == peers[1];
	for (size_t i = 0; i < COUNT(peers); i++) {
		_close_ int process = peers[i] > 1 ? (int)syscall(SYS_pidfd_open, peers[i], 0)
						   : listener_process(sockets[index[i]]);

		if (process >= 0 && listener_serves(process, sockets[a->index]) &&
		    listener_serves(process, sockets[b->index]))
			return true;
	}
	return false;
}

/* Whether the same daemon serves both, which have told what they are. What a relay leads to tells the same of itself. */
static bool is_same_daemon(const struct one *a, const struct one *b)
{
	const char *const *sockets = a->engines->options.sockets;
	if (is_same_node(sockets[a->index], sockets[b->index]))
		return true;
	return engine_id(a->engine)[0] && !strcmp(engine_id(a->engine), engine_id(b->engine)) &&
	       has_one_server(a, b);
}

static bool has_told(const struct one *one)
{
	return one->engine && engine_id(one->engine);
}

/* The first socket of the daemon at ONE. What was known last holds until both have told anew, or nobody listens at the first one. */
static unsigned int first_socket(const struct one *one)
{
	const struct one *ones = one->engines->ones, *first = &ones[one->first];

	if (!has_told(one) || (first != one && !has_told(first) &&
			       !engine_was_absent(first->engine, engine_told_at(one->engine))))
		return one->first;
	for (unsigned int i = 0; i < one->index; i++)
		if (has_told(&ones[i]) && is_same_daemon(&ones[i], one))
			return ones[i].first;
	return one->index;
}

/* Finds out which sockets are of one daemon. */
static void engines_compare(struct engines *engines)
{
	unsigned int asked = 0;

	for (unsigned int i = 0; i < engines->count; i++) {
		const struct one *one = &engines->ones[i], *first = &engines->ones[one->first];

		asked += one->engine != NULL;
		engines->compare |= first != one && has_told(one) && !has_told(first) &&
				    engine_was_absent(first->engine, engine_told_at(one->engine));
	}
	if (!engines->compare || asked < 2)
		return;
	engines->compare = false;
	for (unsigned int i = 0; i < engines->count; i++) {
		struct one *one = &engines->ones[i];

		if (!one->engine)
			continue;
		one->first = first_socket(one);
		one->compared |= has_told(one);
		causes_set_same(engines->causes, i, one->first, one->compared);
	}
}

/* --- questions and events --------------------------------------------------------------------- */

static int judge_container(void *data, const struct value *inspect,
			   struct inventory_container *container)
{
	struct one *one = data;

	calls_judge_inspected(one->engines->calls, one->index, inspect, container);
	causes_inspected(one->engines->causes, one->index, inspect, one->engines->now);
	return 0;
}

static void engines_gone(void *data, struct bytes id)
{
	struct one *one = data;

	causes_gone(one->engines->causes, one->index, id);
}

static uint32_t engines_namespace(const char *path)
{
	struct stat status;

	return broker_stat(AT_FDCWD, path, &status, 0) ? 0 : (uint32_t)status.st_ino;
}

/* The engine's PIDs are those of the kernel programs only where it is in the host's PID namespace. */
static void engines_exec_runs(void *data, struct bytes id, struct bytes container, uint32_t pid,
			      uint64_t asked)
{
	struct one *one = data;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)engine_peer(one->engine));
	if (engines_namespace(path) == CALLER_INITIAL_PID_NS)
		causes_exec_runs(one->engines->causes, one->index, id, container, pid, asked);
}

static void engines_refreshed(void *data, bool complete)
{
	struct one *one = data;
	struct engine_stats stats;

	engine_stats(one->engine, &stats);
	if (stats.refreshes < one->looked_back) /* this refresh began before the last gap */
		return;
	causes_refreshed(one->engines->causes, one->index, complete, one->engines->now);
}

static void engines_happened(void *data, const struct engine_event *event)
{
	struct one *one = data;

	causes_event(one->engines->causes, one->index, event, one->engines->now);
}

/* Refreshes the inventory: only there can the effects of missed events show. */
static void engines_missed(void *data)
{
	struct one *one = data;
	struct engine_stats stats;

	engine_stats(one->engine, &stats);
	one->looked_back = stats.refreshes + 1 + stats.listing;
	causes_gap(one->engines->causes, one->index, event_stream_position(one->stream));
	engine_refresh(one->engine);
}

static void engines_answered(void *data, unsigned int socket)
{
	struct one *one = &((struct engines *)data)->ones[socket];

	if (!one->engine)
		return;
	engine_seen(one->engine);
	event_stream_seen(one->stream);
}

static void engines_created(void *data, unsigned int socket, struct bytes container_id)
{
	struct engine *engine = ((struct engines *)data)->ones[socket].engine;

	if (engine)
		engine_inspect(engine, container_id);
}

static bool engines_names_containers(void *data, unsigned int socket)
{
	const struct engine *engine = ((struct engines *)data)->ones[socket].engine;

	return !engine || !engine_is_of_user(engine);
}

static bool engines_stopping(void *data, unsigned int socket)
{
	struct event_stream *stream = ((struct engines *)data)->ones[socket].stream;

	return stream && event_stream_is_stopping(stream);
}

static void engines_inspect_exec(void *data, unsigned int socket, struct bytes exec)
{
	struct engine *engine = ((struct engines *)data)->ones[socket].engine;

	if (engine)
		engine_inspect_exec(engine, exec);
}

static void engines_changed(void *data, unsigned int socket)
{
	struct engine *engine = ((struct engines *)data)->ones[socket].engine;

	if (engine)
		engine_refresh(engine);
}

/* Restores a container and its creator as an earlier run of the agent knew them. */
static int engines_restore(void *data, const struct owned *owned)
{
	struct one *one = data;
	const struct origin *creator = owned->creator;
	struct inventory_container container = {
		.id = owned->id,
		.name = owned->name,
		.image = owned->image,
		.witnessed = owned->witnessed,
		.finding_count = owned->witnessed && creator ? creator->finding_count : 0,
	};
	int error = causes_restore(one->engines->causes, one->index, owned);

	for (unsigned int i = 0; i < container.finding_count; i++)
		container.findings[i] = creator->findings[i];
	return error ?: inventory_put_container(one->engines->inventories[one->index], &container);
}

static int restore_exec(void *data, const struct owned_exec *exec)
{
	struct one *one = data;

	return causes_restore_exec(one->engines->causes, one->index, exec);
}

/* Loads an engine's state. Errors are not fatal: without the state fewer causes are known, but
 * records are written. */
static void restore_one(struct one *one)
{
	struct state *state = one->engines->options.state;

	if (!state)
		return;
	state_load(state, one->index, one, engines_restore, restore_exec);
	causes_restore_position(one->engines->causes, one->index,
				state_position(state, one->index));
}

static int engines_open_one(struct engines *engines, unsigned int index)
{
	struct one *one = &engines->ones[index];
	struct state *state = engines->options.state;
	const char *socket = engines->options.sockets[index];
	struct engine_options options = {
		.socket = socket,
		.inventory = engines->inventories[index],
		.files = &engines->files,
		.data = one,
		.judge_container = judge_container,
		.introduced = engines_introduced,
		.gone = engines_gone,
		.exec_runs = engines_exec_runs,
		.refreshed = engines_refreshed,
	};
	struct event_stream_options stream = {
		.socket = socket,
		.since = state ? state_position(state, index) : 0,
		.data = one,
		.event = engines_happened,
		.gap = engines_missed,
	};

	engines->compare = true;
	return engine_new(&options, &one->engine) ?: event_stream_new(&stream, &one->stream);
}

/* One that is not asked is somebody's who may fill its inventory by requests of his own. */
static int open_inventory(struct engines *engines, bool ask)
{
	unsigned int i = engines->count, entries = engines->options.inventory;

	if (!entries)
		entries = ENGINES_INVENTORY_DEFAULT;
	if (!ask && entries > ENTRIES_UNASKED)
		entries = ENTRIES_UNASKED;
	engines->ones[i] = (struct one){.engines = engines, .index = i, .first = i};
	engines->brands[i] = i < engines->options.docker_count ? BRAND_DOCKER : BRAND_CONTAINERD;
	engines->count += !inventory_new(entries, &engines->inventories[i]);
	return engines->inventories[i] ? 0 : -ENOMEM;
}

static int open_inventories(struct engines *engines)
{
	int error = 0;

	for (unsigned int i = 0; !error && i < engines->options.socket_count; i++)
		error = open_inventory(engines, i < engines->options.docker_count);
	return error;
}

static int open_causes(struct engines *engines, uint64_t now)
{
	const struct engines_options *options = &engines->options;
	struct state *state = engines->options.state;
	struct causes_options causes = {
		.socket_count = options->socket_room,
		.sockets = options->sockets,
		.inventories = engines->inventories,
		.context = engines->options.context,
		.wait = options->event_wait,
		.keeper = state ? state_keeper(state) : (struct keeper){},
		.data = engines->options.data,
		.record = engines->options.record,
		.inspect_data = engines,
		.inspect = options->inventory ? engines_created : NULL,
		.inspect_exec = options->inventory ? engines_inspect_exec : NULL,
		.names_containers = engines_names_containers,
		.stopping = engines_stopping,
	};

	return causes_new(&causes, now, &engines->causes);
}

static bool engines_is_program(void *data, struct bytes path, const struct callerd_node_key *file)
{
	const struct engines_options *options = &((struct engines *)data)->options;

	return options->is_program(options->data, path, file);
}

static enum relayed_basis engines_serves(void *data, const struct caller *caller)
{
	const struct engines_options *options = &((struct engines *)data)->options;

	return options->serves(options->data, caller);
}

static const struct record_server *engines_server(void *data, unsigned int socket)
{
	const struct engines_options *options = &((struct engines *)data)->options;

	return options->server(options->data, socket);
}

bool engines_is_beside(const struct engines *engines, const struct caller *caller)
{
	return caller->pid_ns &&
	       (caller->pid_ns == CALLER_INITIAL_PID_NS || caller->pid_ns == engines->pid_ns);
}

static int open_calls(struct engines *engines)
{
	const struct engines_options *options = &engines->options;
	struct calls_options calls = {
		.socket_count = options->socket_room,
		.engines = engines->brands,
		.inventories = engines->inventories,
		.files = &engines->files,
		.policy = options->policy,
		.context = engines->options.context,
		.ledger = causes_ledger(engines->causes),
		.causes = engines->causes,
		.pid_ns = engines->pid_ns,
		.memory_max = CONTENTS_MAX,
		.data = engines,
		.answered = engines_answered,
		.created = engines_created,
		.changed = engines_changed,
		.is_program = engines_is_program,
		.server = engines_server,
		.serves = engines_serves,
	};

	return calls_new(&calls, &engines->calls);
}

CLEANUP_DEFINE(drop_engines, struct engines *, engines_free)

int engines_new(const struct engines_options *options, uint64_t now, struct engines **ret)
{
	_cleanup_(drop_engines) struct engines *engines = calloc(1, sizeof(*engines));
	int error;

	if (!engines)
		return -ENOMEM;
	assert(options->socket_count <= options->socket_room);
	assert(options->socket_room <= CALLERD_SOCKETS_MAX);
	engines->options = *options;
	engines->now = now;
	engines->files = hostfiles(options->sockets);
	engines->pid_ns = engines_namespace("/proc/self/ns/pid");
	error = open_inventories(engines) ?: open_causes(engines, now) ?: open_calls(engines);
	for (unsigned int i = 0; !error && i < engines->count; i++) {
		if (i >= options->docker_count)
			continue;
		restore_one(&engines->ones[i]);
		if (options->inventory)
			error = engines_open_one(engines, i);
	}
	if (!error)
		*ret = take_ptr(engines);
	return error;
}

int engines_add(struct engines *engines, bool ask, enum engine_brand brand, uint64_t now)
{
	unsigned int index = engines->count;
	struct one *one = &engines->ones[index];
	int error;

	assert(index < engines->options.socket_room);
	engines->now = now;
	error = open_inventory(engines, ask);
	if (error)
		return error;
	engines->brands[index] = brand ?: BRAND_DOCKER;
	causes_set_engine(engines->causes, index, engines->brands[index], false);
	restore_one(one);
	if (ask && engines->options.inventory && engines_open_one(engines, index)) {
		engine_free(one->engine); /* it goes without the inventory */
		one->engine = NULL;
		one->stream = NULL;
	}
	return 0;
}

enum finding_severity engines_severity(const struct engines *engines, enum finding_id id,
				       enum finding_severity severity)
{
	const struct policy *policy = engines->options.policy;

	return policy ? policy_severity(policy, id, severity) : severity;
}

void engines_free(struct engines *engines)
{
	if (!engines)
		return;
	for (unsigned int i = 0; i < engines->count; i++) {
		engine_free(engines->ones[i].engine);
		event_stream_free(engines->ones[i].stream);
		inventory_free(engines->inventories[i]);
	}
	calls_free(engines->calls);
	causes_free(engines->causes);
	places_clear(&engines->places);
	free(engines);
}

const struct reader *engines_reader(const struct engines *engines)
{
	return calls_reader(engines->calls);
}

void engines_describe_caller(struct engines *engines, struct record *record)
{
	calls_describe_caller(engines->calls, record);
}

void engines_set_policy(struct engines *engines, const struct policy *policy)
{
	engines->options.policy = policy;
	calls_set_policy(engines->calls, policy);
	for (unsigned int i = 0; i < engines->count; i++)
		engines_changed(engines, i);
}

void engines_know_since(struct engines *engines, uint64_t time)
{
	ledger_know_since(causes_ledger(engines->causes), time);
}

void engines_lost(struct engines *engines, uint64_t now)
{
	ledger_lost(causes_ledger(engines->causes), now);
	for (unsigned int i = 0; i < engines->count; i++)
		engines_changed(engines, i);
}

unsigned int engines_fds(const struct engines *engines, struct pollfd fds[ENGINES_FDS_MAX])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < engines->count; i++) {
		const struct one *one = &engines->ones[i];

		if (!one->engine)
			continue;
		fds[count] = fds[count + 1] = (struct pollfd){0};
		fds[count].fd = engine_fd(one->engine, &fds[count].events);
		fds[count + 1].fd = event_stream_fd(one->stream, &fds[count + 1].events);
		count += 2;
	}
	return count;
}

static bool engines_is_settled(const struct one *one)
{
	struct engine_stats engine;
	struct event_stream_stats stream;

	if (!one->engine)
		return true;
	engine_stats(one->engine, &engine);
	event_stream_stats(one->stream, &stream);
	return !engine.connected || (!engine.listing && !engine.waiting && stream.listening);
}

bool engines_settled(const struct engines *engines)
{
	for (unsigned int i = 0; i < engines->count; i++)
		if (!engines_is_settled(&engines->ones[i]))
			return false;
	return !engines->look && !engines->looking;
}

static void run_one(struct one *one, uint64_t now)
{
	struct engines *engines = one->engines;
	struct engine_stats stats;

	engine_run(one->engine, now);
	event_stream_run(one->stream, now);
	engine_stats(one->engine, &stats);
	/* The stream knows it before its first event comes. */
	engines->brands[one->index] =
		stats.podman || event_stream_is_podman(one->stream) ? BRAND_PODMAN : BRAND_DOCKER;
	causes_set_engine(engines->causes, one->index, engines->brands[one->index], stats.swarm);
}

void engines_run(struct engines *engines, uint64_t now)
{
	engines->now = now;
	causes_set_clock(engines->causes, host_clock());
	for (unsigned int i = 0; i < engines->count; i++)
		if (engines->ones[i].engine)
			run_one(&engines->ones[i], now);
	engines_compare(engines);
	look_for_daemons(engines);
}

/* Writes the positions in the event streams and all changes to the state. */
static void engines_commit(struct engines *engines)
{
	struct state *state = engines->options.state;

	if (!state)
		return;
	for (unsigned int i = 0; i < engines->count; i++) {
		uint64_t position = causes_position(engines->causes, i);

		if (position && position != state_position(state, i))
			state_set_position(state, i, position);
	}
	if (state_is_dirty(state))
		state_commit(state); /* counts what it drops, and tries again */
	engines->committed = engines->now;
}

/* The error that keeps callerd from an engine that may listen; 0: there is none. -EAGAIN: it listens, and is busy. */
static int engine_barrier(const struct one *one)
{
	struct engine_stats stats = {0};

	if (one->engine)
		engine_stats(one->engine, &stats);
	return client_nobody_listens(stats.error) || stats.error == -EAGAIN ? 0 : stats.error;
}

/* Writes a record where an engine has become out of reach, or has come into it again. */
static void tell_reach(struct one *one)
{
	const struct engines_options *options = &one->engines->options;
	int barrier = engine_barrier(one);
	struct record record = {
		.action = barrier ? RECORD_ENGINE_UNREACHABLE : RECORD_ENGINE_REACHED,
		.time = one->engines->now,
		.connection.socket = bytes_of(options->sockets[one->index]),
		.error = -barrier,
	};

	if (barrier == one->unreachable)
		return;
	one->unreachable = barrier;
	options->record(options->data, &record);
}

void engines_tell(struct engines *engines, uint64_t now)
{
	engines->now = now;
	engines->asking = false;
	for (unsigned int i = 0; i < engines->count; i++) {
		struct engine *engine = engines->ones[i].engine;

		tell_reach(&engines->ones[i]);
		engines->asking |= engine && engine_waits_for_execs(engine, now);
	}
	causes_run(engines->causes, now);
	if (now >= engines->committed + COMMIT_PAUSE)
		engines_commit(engines);
}

bool engines_waiting(const struct engines *engines)
{
	return engines->asking || causes_waiting(engines->causes);
}

void engines_close(struct engines *engines)
{
	causes_close(engines->causes);
	engines_commit(engines);
}

static enum record_engine_state state_of_one(const struct one *one, int barrier)
{
	struct engine_stats stats = {0};

	if (!one->engine)
		return ENGINE_NOT_ASKED;
	engine_stats(one->engine, &stats);
	if (barrier)
		return ENGINE_UNREACHABLE;
	if (stats.connected || (stats.connects && !stats.error && !stats.dormant))
		return ENGINE_REACHED;
	return ENGINE_ABSENT;
}

unsigned int engines_list(const struct engines *engines,
			  struct record_watched ret[CALLERD_SOCKETS_MAX])
{
	for (unsigned int i = 0; i < engines->count; i++) {
		int barrier = engine_barrier(&engines->ones[i]);

		ret[i] = (struct record_watched){
			.socket = engines->options.sockets[i],
			.state = state_of_one(&engines->ones[i], barrier),
			.error = -barrier,
		};
	}
	return engines->count;
}

void engines_stats(const struct engines *engines, struct engines_stats *ret)
{
	*ret = (struct engines_stats){0};
	causes_stats(engines->causes, &ret->causes);
	for (unsigned int i = 0; i < engines->count; i++) {
		struct event_stream_stats stream = {0};

		struct engine_stats engine = {0};

		if (engines->ones[i].stream)
			event_stream_stats(engines->ones[i].stream, &stream);
		if (engines->ones[i].engine)
			engine_stats(engines->ones[i].engine, &engine);
		ret->absent += client_nobody_listens(engine.error);
		ret->unreachable += engine_barrier(&engines->ones[i]) != 0;
		ret->missed += stream.gaps + stream.malformed;
	}
}
