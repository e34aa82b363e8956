// SPDX-License-Identifier: Apache-2.0
/* What is kept beyond the agent's life, what --explain says of it, and files that are not as we left them. */
#include "files.h"

#include <dirent.h>
#include <glob.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "agent/command/explain.h"
#include "base/clock.h"
#include "base/idtree.h"
#include "host/host.h"
#include "naming.h"
#include "state/db.h"
#include "state/state.h"
#include "state/state_queue.h"
#include "state/state_rows.h"

#define SET_ASIDE_MAX 3 /* of own_file.c */

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define LATER "fedcba98-7654-3210-fedc-ba9876543210"
#define CLOCK 1700000000000000000ll
#define T0 1772366624000000000ull /* 2026-03-01 12:03:44 */

static const char *const sockets[] = {"/run/docker.sock", "/run/podman.sock", NULL};
static struct record_context boot = {.boot_id = BOOT, .boot_to_real = CLOCK};
static struct record_context later = {.boot_id = LATER, .boot_to_real = 2 * CLOCK};
static char path[96];
static struct sentence said;

#define KEEP(state, callback, ...)                                                                 \
	state_keeper(state).callback(state_keeper(state).data, __VA_ARGS__)

/* --- what is replaced ------------------------------------------------------------------------- */

static uint64_t seconds, size_added;
static unsigned int writes;	   /* that were tried */
static struct state_queue *queued; /* of the state that was opened last */

uint64_t __real_clock_now(clockid_t id);
int __real_db_get_number(struct db *db, enum state_statement statement, uint64_t *ret);
int __real_state_rows_write(struct db *db, const char *socket, const struct state_item *item);
void __real_state_queue_init(struct state_queue *queue, unsigned int socket_count);

/* That of the waits between tries stands still. */
uint64_t __wrap_clock_now(clockid_t id)
{
	return id == CLOCK_MONOTONIC_COARSE ? seconds * NS_PER_S : __real_clock_now(id);
}

int __wrap_db_get_number(struct db *db, enum state_statement statement, uint64_t *ret)
{
	int error = __real_db_get_number(db, statement, ret);

	*ret += statement == COUNT_BYTES ? size_added : 0;
	return error;
}

int __wrap_state_rows_write(struct db *db, const char *socket, const struct state_item *item)
{
	writes++;
	return __real_state_rows_write(db, socket, item);
}

void __wrap_state_queue_init(struct state_queue *queue, unsigned int socket_count)
{
	queued = queue;
	__real_state_queue_init(queue, socket_count);
}

/* --- what is put ------------------------------------------------------------------------------- */

static struct caller *new_caller(uint32_t pid, struct bytes args)
{
	static const char parent[] = "bash/usr/bin/sudo";
	char text[4096] = "docker/usr/bin/docker";
	struct process process;
	struct caller draft;

	memset(&process, 0, sizeof(process));
	process.pid = 77;
	process.start = 1;
	process.name = (struct bytes){parent, 4};
	process.executable = (struct bytes){parent + 4, 13};
	memset(&draft, 0, sizeof(draft));
	draft.process.pid = pid;
	draft.process.start = 5;
	draft.login_uid = 4000000000;
	draft.session = 3;
	strcpy(draft.tty, "pts/3");
	draft.process.name = (struct bytes){text, 6};
	draft.process.executable = (struct bytes){text + 6, 15};
	memcpy(text + 21, args.data, args.size);
	draft.process.args = (struct bytes){text + 21, args.size};
	if (pid % 2) { /* in a container */
		draft.cgroup = (struct bytes){text + 21 + args.size, 8 + ID_DIGITS};
		memcpy(text + 21 + args.size, "/docker/", 8);
		memset(text + 29 + args.size, 'c', ID_DIGITS);
	}
	return caller_new(&draft, caller_lineage_new(&process, 1, parent, sizeof(parent) - 1), text,
			  21 + args.size + draft.cgroup.size);
}

/* A request of its own number. */
static struct origin *new_origin(unsigned int number, const char *operation)
{
	static const char args[] = "docker\0run\0--privileged\0web";
	static const struct finding findings[] = {
		{FINDING_PRIVILEGED, SEVERITY_CRITICAL, {"all of it", 9}},
		{FINDING_HOST_PID, SEVERITY_NONE, {NULL, 0}},
		{FINDING_DEVICE, SEVERITY_LOW, {"", 0}},
	};
	char event_id[32];
	struct origin draft = {
		.caller = new_caller(1000 + number, (struct bytes){args, sizeof(args)}),
		.time = T0 + number,
		.operation = operation_named(operation),
		.socket = bytes_of(sockets[0]),
		.container_name = number % 2 ? bytes_of("outer") : (struct bytes){0},
		.container_image = bytes_of(""),
		.expected_rule = number % 3 ? bytes_of("ci") : (struct bytes){0},
	};
	struct origin *origin;

	if (!strcmp(operation, "ContainerExec")) {
		draft.behind = new_caller(4000, (struct bytes){args, sizeof(args)});
		draft.behind_id = bytes_of("event-behind");
	}
	if (!strcmp(operation, "ContainerStart"))
		draft.relayed = (struct record_relayed){
			.certainty = RELAYED_LIKELY,
			.basis = RELAYED_BY_REQUEST,
			.caller = new_caller(5000, (struct bytes){args, sizeof(args)}),
			.askers = 2,
			.source = "fe80::1",
			.source_port = 40000,
		};
	snprintf(event_id, sizeof(event_id), "event-%06u", number);
	draft.event_id = bytes_of(event_id);
	origin = origin_new(&draft, findings, number % 4);
	caller_unref(draft.caller);
	caller_unref(draft.behind);
	caller_unref((struct caller *)draft.relayed.caller);
	assert_non_null(origin);
	return origin;
}

/* 64 hex digits; they begin with the number. */
static struct bytes id_of(unsigned int number)
{
	static char ids[8][ID_DIGITS + 1];
	static unsigned int next;
	char *id = ids[next++ % 8];

	snprintf(id, ID_DIGITS + 1, "%08x%056x", number, 0xabc);
	return (struct bytes){id, ID_DIGITS};
}

static void put_container(struct state *state, unsigned int number, struct origin *creator,
			  struct origin *starter)
{
	char name[32];
	struct owned owned = {
		.id = id_of(number),
		.image = bytes_of("busybox:latest"),
		.creator = creator,
		.starter = starter,
		.creator_basis = BASIS_ID,
		.starter_basis = number % 2 ? BASIS_TIME : BASIS_NAME,
		.starter_known = starter,
		.created = T0 + number * NS_PER_S,
		.started = number % 3 ? T0 + 1 : 0,
		.died = number,
		.labels = number % 32,
		.labels_known = number % 2,
		.swarm = number % 5 == 1,
		.stopped = number % 7 == 1,
		.witnessed = number % 3 == 1,
	};

	snprintf(name, sizeof(name), "name-%u", number);
	owned.name = bytes_of(name);
	KEEP(state, put, 0, &owned);
}

static void do_deed(struct state *state, unsigned int number, const char *action,
		    enum cause_kind kind, enum cause_basis basis, enum cause_reason reason,
		    struct origin *origin)
{
	struct deed deed = {
		.action = engine_action_by_name(bytes_of(action)),
		.time = T0 + number,
		.kind = kind,
		.basis = basis,
		.reason = reason,
		.origin = origin,
		.has_exit_code = !strcmp(action, "die"),
		.exit_code = -137,
	};

	if (!strcmp(action, "exec_start")) {
		deed.command = bytes_of("sh -c id");
		deed.exec_id = id_of(7);
	}
	KEEP(state, deed, 0, id_of(number), &deed);
}

static void put_exec_of(struct state *state, unsigned int number, unsigned int container,
			struct origin *starter)
{
	struct owned_exec exec = {
		.id = id_of(number),
		.container_id = id_of(container),
		.starter = starter,
		.starter_basis = starter ? BASIS_ID : BASIS_NONE,
		.health_check = !starter,
		.pid = starter ? 4711 : 0,
		.begun = T0 + number,
		.alive = T0 + number + 1,
	};

	KEEP(state, put_exec, 0, &exec);
}

/* Some of everything. */
static void put_story(struct state *state)
{
	struct origin *create = new_origin(1, "ContainerCreate");
	struct origin *start = new_origin(2, "ContainerStart");
	struct origin *exec = new_origin(3, "ContainerExec");

	put_container(state, 1, create, start);
	put_container(state, 2, create, create);
	put_container(state, 3, NULL, NULL);
	do_deed(state, 1, "create", CAUSE_REQUEST, BASIS_ID, REASON_NONE, create);
	do_deed(state, 1, "start", CAUSE_REQUEST, BASIS_TIME, REASON_NONE, start);
	do_deed(state, 1, "exec_start", CAUSE_REQUEST, BASIS_NAME, REASON_NONE, exec);
	do_deed(state, 1, "die", CAUSE_INHERITED, BASIS_ID, REASON_NONE, start);
	do_deed(state, 1, "start", CAUSE_DAEMON, BASIS_NONE, REASON_RESTART_POLICY, create);
	do_deed(state, 3, "oom", CAUSE_UNKNOWN, BASIS_NONE, REASON_NONE, NULL);
	put_exec_of(state, 100, 1, exec);
	put_exec_of(state, 101, 3, NULL);
	state_set_position(state, 0, T0 + 5);
	origin_unref(create);
	origin_unref(start);
	origin_unref(exec);
}

/* --- what is read ------------------------------------------------------------------------------ */

static void add_line(struct text *out, struct bytes bytes, const char *end)
{
	text_add_string(out, bytes.data ? "'" : "-");
	text_add_bytes(out, bytes);
	text_add_string(out, end);
}

static void add_origin_line(struct text *out, const struct origin *origin)
{
	char line[128];

	if (!origin) {
		text_add_string(out, " nobody\n");
		return;
	}
	add_line(out, origin->event_id, " ");
	add_line(out, bytes_of(operation_name(origin->operation)), " ");
	add_line(out, origin->socket, " ");
	add_line(out, origin->container_name, " ");
	add_line(out, origin->container_image, " ");
	add_line(out, origin->expected_rule, " ");
	snprintf(line, sizeof(line), "%llu pid %u of %u", (unsigned long long)origin->time,
		 origin->caller->process.pid, origin->caller->ancestor_count);
	text_add_string(out, line);
	add_line(out, origin->caller->boot_id, "");
	if (origin->behind) {
		snprintf(line, sizeof(line), " behind pid %u ", origin->behind->process.pid);
		text_add_string(out, line);
		add_line(out, origin->behind_id, "");
	}
	if (origin->relayed.certainty) {
		snprintf(line, sizeof(line), " asked by pid %u, one of %u, %d %d %s %u",
			 origin->relayed.caller->process.pid, origin->relayed.askers,
			 origin->relayed.certainty, origin->relayed.basis, origin->relayed.source,
			 origin->relayed.source_port);
		text_add_string(out, line);
	}
	for (unsigned int i = 0; i < origin->finding_count; i++) {
		snprintf(line, sizeof(line), " %d/%d", origin->findings[i].id,
			 origin->findings[i].severity);
		text_add_string(out, line);
		add_line(out, origin->findings[i].detail, "");
	}
	text_add_char(out, '\n');
}

static int on_owned(void *data, const struct owned *owned)
{
	struct text *out = data;
	char line[256];

	add_line(out, owned->id, " ");
	add_line(out, owned->name, " ");
	add_line(out, owned->image, " ");
	snprintf(line, sizeof(line), "%d %d %d %llu %llu %llu %u %d %d %d %d\n",
		 owned->creator_basis, owned->starter_basis, owned->starter_known,
		 (unsigned long long)owned->created, (unsigned long long)owned->started,
		 (unsigned long long)owned->died, owned->labels, owned->labels_known, owned->swarm,
		 owned->stopped, owned->witnessed);
	text_add_string(out, line);
	add_origin_line(out, owned->creator);
	add_origin_line(out, owned->starter);
	return 0;
}

static int on_exec(void *data, const struct owned_exec *exec)
{
	struct text *out = data;
	char line[96];

	snprintf(line, sizeof(line), "process %u from %llu to %llu by %d ", exec->pid,
		 (unsigned long long)exec->begun, (unsigned long long)exec->alive,
		 exec->starter_basis);
	text_add_string(out, line);
	text_add_string(out, exec->health_check ? "health check " : "exec ");
	add_line(out, exec->id, " ");
	add_line(out, exec->container_id, "\n");
	add_origin_line(out, exec->starter);
	return 0;
}

static void on_explained(void *data, const struct state_container *container)
{
	struct text *out = data;
	char line[64];

	add_line(out, container->socket, " ");
	snprintf(line, sizeof(line), "removed %llu dropped %llu ",
		 (unsigned long long)container->removed, (unsigned long long)container->dropped);
	text_add_string(out, line);
	on_owned(out, container->owned);
}

static void on_explained_deed(void *data, const struct deed *deed)
{
	struct text *out = data;
	char line[96];

	add_line(out, bytes_of(engine_action_words[deed->action].word), " ");
	add_line(out, deed->command, " ");
	add_line(out, deed->exec_id, " ");
	snprintf(line, sizeof(line), "%d/%lld %llu %d %d %d\n", deed->has_exit_code,
		 (long long)deed->exit_code, (unsigned long long)deed->time, deed->kind,
		 deed->basis, deed->reason);
	text_add_string(out, line);
	add_origin_line(out, deed->origin);
}

/* All that STATE tells, as a text. */
static int dump(struct state *state, struct text *out)
{
	int error = state_load(state, 0, out, on_owned, on_exec);

	if (!error)
		error = state_load(state, 1, out, on_owned, on_exec);
	if (!error)
		error = state_explain(state, bytes_of("0"), out, on_explained, on_explained_deed);
	return error;
}

static char *dump_good(struct state *state)
{
	static struct text texts[4];
	static unsigned int next;
	struct text *out = &texts[next++ % 4];

	text_free(out);
	assert_int_equal(dump(state, out), 0);
	assert_int_equal(out->error, 0);
	return out->data ? out->data : (char *)"";
}

static struct state *open_as(const struct record_context *context)
{
	struct state *state = NULL;
	int error = state_open(path, sockets, context, &state, &said);

	if (error)
		fail_msg("%d %s", error, said.text);
	return state;
}

static struct state *open_silent(void)
{
	struct state *state = open_as(&boot);

	assert_string_equal(said.text, "");
	return state;
}

static void commit(struct state *state)
{
	do
		assert_int_equal(state_commit(state), 0);
	while (state_is_dirty(state));
}

static void refused(int wanted, const char *why)
{
	struct state *state = NULL;

	assert_int_equal(state_open(path, sockets, &boot, &state, &said), wanted);
	assert_null(state);
	if (!strstr(said.text, why))
		fail_msg("\"%s\" does not say \"%s\"", said.text, why);
}

/* Runs SQL on the file as somebody else would. */
static uint64_t sql(const char *statement)
{
	sqlite3_stmt *prepared;
	uint64_t number = 0;
	sqlite3 *database;

	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, "PRAGMA writable_schema = ON", NULL, NULL, NULL),
			 0);
	if (sqlite3_prepare_v2(database, statement, -1, &prepared, NULL))
		fail_msg("%s: %s", statement, sqlite3_errmsg(database));
	if (sqlite3_step(prepared) == SQLITE_ROW)
		number = (uint64_t)sqlite3_column_int64(prepared, 0);
	if (sqlite3_reset(prepared))
		fail_msg("%s: %s", statement, sqlite3_errmsg(database));
	sqlite3_finalize(prepared);
	assert_int_equal(sqlite3_close(database), SQLITE_OK);
	return number;
}

static unsigned int count_set_aside(void)
{
	char pattern[128];
	unsigned int count;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s.set-aside-*Z", path);
	glob(pattern, 0, NULL, &found);
	count = (unsigned int)found.gl_pathc;
	globfree(&found);
	return count;
}

/* Each test has an empty directory, and a file in one that is not there yet. */
static int setup(void **state)
{
	umask(022);
	signal(SIGXFSZ, SIG_IGN);
	size_added = 0;
	seconds = 1000;
	if (files_prepare("/dev/shm") && files_prepare("/tmp")) /* no disk to wait for */
		return -1;
	snprintf(path, sizeof(path), "%s/kept/state.db", directory);
	return 0;
}

static int teardown(void **state)
{
	return files_remove(directory);
}

/* --- keeping ----------------------------------------------------------------------------------- */

struct memories {
	unsigned int count;
	char lines[256];
};

static void add_memory(void *data, const struct guard_memory *memory)
{
	struct memories *memories = data;
	size_t used = strlen(memories->lines);

	memories->count++;
	snprintf(memories->lines + used, sizeof(memories->lines) - used, "%.*s %o %.*s %.*s %.*s;",
		 (int)memory->path.size, memory->path.data, memory->mode, (int)memory->acl.size,
		 memory->acl.data, (int)memory->listing.size, memory->listing.data,
		 (int)memory->content.size, memory->content.data);
}

static void keep_memory(struct state *state, const char *file, unsigned int mode,
			const char *listing)
{
	struct guard_keeper keeper = state_guard_keeper(state);
	struct guard_memory memory = {
		.path = bytes_of(file),
		.acl = bytes_of("user:1:rw-"),
		.listing = bytes_of(listing),
		.content = bytes_of("00ff"),
		.mode = mode,
		.present = true,
	};

	keeper.keep(keeper.data, &memory);
}

static void assert_memories(struct state *state, const char *wanted)
{
	struct guard_keeper keeper = state_guard_keeper(state);
	struct memories memories = {0};

	keeper.recall(keeper.data, &memories, add_memory);
	assert_string_equal(memories.lines, wanted);
}

static void test_guarded(void **unused)
{
	struct state *state = open_silent();

	assert_false(state_is_dirty(state));
	keep_memory(state, "/a", 0600, "");
	keep_memory(state, "/b", 0644, "x\ny\n");
	keep_memory(state, "/a", 0666, "z");
	assert_true(state_is_dirty(state));
	assert_memories(state, "");
	commit(state);
	assert_false(state_is_dirty(state));
	state_close(state);
	state = open_silent();
	assert_memories(state, "/a 666 user:1:rw- z 00ff;"
			       "/b 644 user:1:rw- x\ny\n 00ff;");
	keep_memory(state, "/b", 0600, "");
	state_close(state); /* commits */
	state = open_silent();
	assert_memories(state, "/a 666 user:1:rw- z 00ff;"
			       "/b 600 user:1:rw-  00ff;");
	state_close(state);
	assert_null(state_guard_keeper(NULL).keep);
}

static void count_logins(void *data, const struct login_memory *memory)
{
	struct memories *memories = data;

	memories->count++;
	snprintf(memories->lines, sizeof(memories->lines), "%.*s %.*s %u %d",
		 (int)memory->login.size, memory->login.data, (int)memory->address.size,
		 memory->address.data, memory->port, memory->ended);
}

static void put_login(struct state *state, unsigned int number, uint64_t account, bool ended)
{
	struct login_keeper keeper = state_login_keeper(state);
	char name[32];
	struct login_memory memory = {
		.address = bytes_of("10.1.2.3"),
		.account = account,
		.port = number,
		.ended = ended,
	};

	snprintf(name, sizeof(name), "boot %u", number);
	memory.login = bytes_of(name);
	keeper.keep(keeper.data, &memory);
}

/* Each login once, as it was put last; bounded, and of one account, too. */
static void test_logins(void **unused)
{
	struct state *state = open_silent();
	struct login_keeper keeper = state_login_keeper(state);
	struct memories memories = {0};

	for (unsigned int i = 0; i < 3; i++)
		put_login(state, i, 7, false);
	put_login(state, 1, 7, true);
	commit(state);
	state_close(state);
	state = open_silent();
	keeper = state_login_keeper(state);
	keeper.recall(keeper.data, &memories, count_logins);
	assert_int_equal(memories.count, 3);
	assert_string_equal(memories.lines, "boot 1 10.1.2.3 1 1");
	for (unsigned int i = 10; i < 20 + LOGIN_MEMORIES_OF_ONE_MAX; i++)
		put_login(state, i, 8, false);
	commit(state);
	memories.count = 0;
	keeper.recall(keeper.data, &memories, count_logins);
	assert_int_equal(memories.count, 3 + LOGIN_MEMORIES_OF_ONE_MAX);
	for (unsigned int i = 0; i < 2 * LOGIN_MEMORIES_MAX; i++)
		put_login(state, 1000 + i, 100 + i, false);
	commit(state);
	memories.count = 0;
	keeper.recall(keeper.data, &memories, count_logins);
	assert_int_equal(memories.count, LOGIN_MEMORIES_MAX);
	state_close(state);
	assert_null(state_login_keeper(NULL).keep);
}

static void test_round_trip(void **unused)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
	struct state *state = open_silent();
	struct stat info;
	char *first, *second;

	assert_false(state_is_dirty(state));
	assert_int_equal(state_position(state, 0), 0);
	put_story(state);
	assert_true(state_is_dirty(state));
	assert_string_equal(dump_good(state), "");
	commit(state);
	first = dump_good(state);
	assert_non_null(strstr(first, "'name-1 'busybox:latest 1 "));
	assert_non_null(strstr(first, "'exec_start 'sh -c id '00000007"));
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		assert_int_equal(stat(name, &info), 0);
		assert_int_equal(info.st_mode, S_IFREG | 0600);
	}
	state_close(state);
	state = open_silent();
	assert_int_equal(state_position(state, 0), T0 + 5);
	assert_int_equal(state_position(state, 1), 0);
	second = dump_good(state);
	assert_string_equal(first, second);
	/* The same again changes nothing. */
	put_container(state, 3, NULL, NULL);
	commit(state);
	first = dump_good(state);
	assert_string_equal(first, second);
	state_close(state);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode, S_IFDIR | 0700);
}

/* --- callers ------------------------------------------------------------------------------------- */

/* Adds TEXT to the memory at AT, as decode.c does. */
static struct bytes lay(char **at, const char *text, size_t size)
{
	struct bytes laid = {memcpy(*at, text, size), size};

	*at += size;
	return laid;
}

static struct lineage *make_lineage(unsigned int count)
{
	struct process ancestors[CALLERD_ANCESTORS_MAX];
	char memory[4096], *at = memory;

	memset(ancestors, 0, sizeof(ancestors));
	for (unsigned int i = 0; i < count; i++) {
		ancestors[i].pid = 100 + i;
		ancestors[i].euid = i % 2 ? 0 : 1000;
		ancestors[i].start = 5000 - i;
		ancestors[i].name = lay(&at, "bash", 4);
		if (i % 3)
			ancestors[i].executable = lay(&at, "/usr/bin/bash", 13);
		if (i % 2)
			ancestors[i].args = lay(&at, "-bash\0-c\0", 9);
		ancestors[i].args_truncated = i == 3;
		ancestors[i].executable_deleted = i == 4;
	}
	return count ? caller_lineage_new(ancestors, count, memory, (size_t)(at - memory)) : NULL;
}

/* A caller of which all is known; its directory takes SIZE bytes. */
static struct caller *make_whole_caller(unsigned int ancestors, size_t size)
{
	char *memory = calloc(1, 4096 + size), *at = memory, *long_text = calloc(1, size + 1);
	struct caller draft, *caller;

	/* Each number has a value of its own, and all of its bytes. */
	memset(&draft, 0, sizeof(draft));
	for (size_t i = 0; i < state_caller_columns.count; i++) {
		const struct state_column *column = &state_caller_columns.list[i];

		if (column->kind == COLUMN_INTEGER && column->size == sizeof(bool))
			*(bool *)((char *)&draft + column->at) = true;
		else if (column->kind == COLUMN_INTEGER)
			memset((char *)&draft + column->at, 0x70 + (int)i, column->size);
	}
	draft.basis = CALLER_FROM_PEER;
	draft.boot_to_real = 0;
	draft.process.pid = 4242;
	draft.process.start = 0x1122334455667788;
	draft.process.executable_exchanged = true;
	draft.capabilities = UINT64_MAX;
	draft.session = CALLERD_UNSET_ID;
	strcpy(draft.tty, "pts/3");
	draft.process.name = lay(&at, "docker", 6);
	draft.process.executable = lay(&at, "/usr/bin/docker", 15);
	draft.process.args = lay(&at, "docker\0ps\0", 10);
	draft.executable_claimed = lay(&at, "/bin/true", 9);
	draft.working_directory = lay(&at, memset(long_text, 'x', size), size);
	draft.root = lay(&at, "", 0); /* known to be empty */
	draft.cgroup = lay(&at, "/user\xff.slice", 12);
	caller = caller_new(&draft, make_lineage(ancestors), memory, (size_t)(at - memory));
	assert_non_null(caller);
	free(memory);
	free(long_text);
	return caller;
}

static int get_caller(void *data, const struct owned *owned)
{
	*(struct caller **)data = caller_ref(owned->creator->caller);
	return 0;
}

static int skip_exec(void *data, const struct owned_exec *exec)
{
	return 0;
}

/* CALLER as it is told in the boot WRITTEN, kept, and told in the boot READ. */
static struct caller *keep_caller(struct caller *caller, const struct record_context *written,
				  const struct record_context *read)
{
	struct origin draft = {.event_id = bytes_of("one"), .caller = caller};
	struct origin *origin = origin_new(&draft, NULL, 0);
	struct state *state = open_as(written);
	struct caller *kept = NULL;

	put_container(state, 1, origin, NULL);
	commit(state);
	state_close(state);
	origin_unref(origin);
	state = open_as(read);
	assert_int_equal(state_load(state, 0, &kept, get_caller, skip_exec), 0);
	put_container(state, 1, NULL, NULL);
	commit(state);
	assert_int_equal(sql("SELECT count(*) FROM processes"), 0);
	state_close(state);
	return kept;
}

/* In the boot that it lived in it is the very same one; callers are kept once. */
static void test_caller_of_this_boot(void **unused)
{
	for (unsigned int i = 0; i <= CALLERD_ANCESTORS_MAX; i++) {
		struct caller *caller = make_whole_caller(i, 5);
		struct caller *kept = keep_caller(caller, &boot, &boot);

		assert_ptr_equal(kept, caller);
		caller_unref(kept);
		caller_unref(caller);
	}
}

/* In another boot it says which one it is of, whichever one it is by now. */
static void test_caller_of_another_boot(void **unused)
{
	struct caller *caller = make_whole_caller(5, 5), *kept, *again;

	kept = keep_caller(caller, &boot, &later);
	assert_ptr_not_equal(kept, caller);
	assert_true(bytes_are(kept->boot_id, BOOT));
	assert_int_equal(kept->boot_to_real, CLOCK);
	assert_ptr_equal(kept->lineage, caller->lineage);
	assert_int_equal(kept->process.start, caller->process.start);
	assert_int_equal(kept->capabilities, UINT64_MAX);
	assert_int_equal(kept->session, CALLERD_UNSET_ID);
	assert_string_equal(kept->tty, "pts/3");
	assert_int_equal(kept->process.args.size, 10);
	assert_memory_equal(kept->process.args.data, "docker\0ps\0", 10);
	assert_non_null(kept->root.data);
	assert_int_equal(kept->root.size, 0);
	assert_null(kept->label.data);
	again = keep_caller(kept, &later, &later);
	assert_ptr_equal(again, kept);
	caller_unref(again);
	again = keep_caller(kept, &later, &boot);
	assert_ptr_equal(again, caller);
	caller_unref(again);
	caller_unref(kept);
	caller_unref(caller);
}

/* Two boots of which nothing is known are not taken for the same. */
static void test_caller_of_an_unknown_boot(void **unused)
{
	static const char *const unknown[] = {NULL, ""};
	struct caller *caller = make_whole_caller(1, 5);

	for (size_t i = 0; i < COUNT(unknown); i++) {
		struct record_context context = {.boot_id = unknown[i], .boot_to_real = -1};
		struct caller *kept = keep_caller(caller, &context, &context);

		assert_ptr_not_equal(kept, caller);
		assert_non_null(kept->boot_id.data);
		assert_int_equal(kept->boot_id.size, 0);
		assert_int_equal(kept->boot_to_real, -1);
		caller_unref(kept);
	}
	caller_unref(caller);
}

static void test_large_caller(void **unused)
{
	static const size_t sizes[] = {24576, 65536, 65537};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct caller *caller = make_whole_caller(2, sizes[i]);
		struct caller *kept = keep_caller(caller, &boot, &boot);

		if (i < 2)
			assert_ptr_equal(kept, caller);
		else /* more than there can be: not known */
			assert_null(kept->working_directory.data);
		caller_unref(kept);
		caller_unref(caller);
	}
}

/* Requests of one caller share its row; equal callers of two lives of the agent have one each. */
static void test_callers_kept_once(void **unused)
{
	struct caller *caller = make_whole_caller(3, 5);
	struct state *state;

	for (unsigned int i = 0; i < 4; i++) {
		char event_id[] = {'a', (char)('0' + i), '\0'};
		struct origin draft = {.event_id = bytes_of(event_id), .caller = caller};
		struct origin *origin = origin_new(&draft, NULL, 0);

		state = i % 2 ? state : open_silent();
		put_container(state, i, origin, origin);
		commit(state);
		origin_unref(origin);
		if (i % 2)
			state_close(state);
	}
	assert_int_equal(sql("SELECT count(*) FROM origins"), 4);
	assert_int_equal(sql("SELECT count(*) FROM callers"), 2);
	assert_int_equal(sql("SELECT count(*) FROM processes"), 2 * (1 + 3));
	caller_unref(caller);
}

static struct origin *loaded[4];
static unsigned int loaded_count;

static int keep_origins(void *data, const struct owned *owned)
{
	if (loaded_count < 4 && owned->creator) {
		loaded[loaded_count++] = origin_ref(owned->creator);
		loaded[loaded_count++] = origin_ref(owned->starter);
	}
	return 0;
}

static int no_exec(void *data, const struct owned_exec *exec)
{
	return 42;
}

/* What was the same request is it again, and so is its caller. */
static void test_sharing(void **unused)
{
	struct state *state = open_silent();

	put_story(state);
	state_close(state); /* commits */
	state = open_silent();
	loaded_count = 0;
	assert_int_equal(state_load(state, 0, NULL, keep_origins, no_exec), 42);
	assert_int_equal(loaded_count, 4);
	assert_ptr_not_equal(loaded[0], loaded[1]);
	assert_ptr_equal(loaded[0], loaded[2]);
	assert_ptr_equal(loaded[0], loaded[3]);
	assert_ptr_equal(loaded[0]->caller->lineage, loaded[1]->caller->lineage);
	while (loaded_count)
		origin_unref(loaded[--loaded_count]);
	state_close(state);
}

static int put_back(void *data, const struct owned *owned)
{
	KEEP(data, put, 0, owned);
	return 0;
}

static void test_reboot(void **unused)
{
	struct state *state = open_silent();
	char *first, *second;

	put_story(state);
	commit(state);
	first = dump_good(state);
	assert_null(strstr(first, BOOT));
	state_close(state);
	state = open_as(&later);
	second = dump_good(state);
	assert_non_null(strstr(second, "of 1'" BOOT));
	/* Kept on, they stay those of their boot. */
	assert_int_equal(state_load(state, 0, state, put_back, skip_exec), 0);
	commit(state);
	state_close(state);
	state = open_silent();
	second = dump_good(state);
	assert_string_equal(first, second);
	state_close(state);
}

/* A request that nothing goes back to any more is not kept, nor its caller. */
static void test_unreferenced(void **unused)
{
	struct state *state = open_silent();

	for (unsigned int i = 1; i <= 50; i++) {
		struct origin *origin = new_origin(i, "ContainerStart");

		put_container(state, 1, origin, origin);
		put_exec_of(state, 9, 1, origin);
		origin_unref(origin);
		commit(state);
	}
	assert_int_equal(sql("SELECT count(*) FROM origins"), 1);
	assert_int_equal(sql("SELECT count(*) FROM callers"), 2);
	assert_int_equal(sql("SELECT count(*) FROM findings"), 2);
	KEEP(state, end_exec, 0, id_of(9));
	put_container(state, 1, NULL, NULL);
	commit(state);
	assert_int_equal(sql("SELECT count(*) FROM origins"), 0);
	assert_int_equal(sql("SELECT count(*) FROM callers"), 0);
	assert_int_equal(sql("SELECT count(*) FROM findings"), 0);
	state_close(state);
}

static void test_removed(void **unused)
{
	struct state *state = open_silent();
	char *told;

	put_story(state);
	KEEP(state, remove, 0, id_of(1), T0 + 9);
	KEEP(state, remove, 0, id_of(999), 5); /* never known */
	commit(state);
	told = dump_good(state);
	assert_null(strstr(told, "exec '00000064"));
	assert_non_null(strstr(told, "removed 1772366624000000009 dropped 0 '00000001"));
	assert_int_equal(sql("SELECT count(*) FROM containers WHERE removed = 0"), 2);
	put_container(state, 1, NULL, NULL); /* it is there after all */
	commit(state);
	assert_int_equal(sql("SELECT count(*) FROM containers WHERE removed = 0"), 3);
	state_close(state);
}

/* The first ones and the last ones stay. */
static void test_many_deeds(void **unused)
{
	struct state *state = open_silent();
	struct text told = {0};
	const char *at;

	put_container(state, 1, NULL, NULL);
	for (unsigned int i = 0; i < 300; i++) {
		struct origin *origin = new_origin(i, "ContainerKill");
		struct deed deed = {.action = ACTION_KILL,
				    .time = i,
				    .kind = CAUSE_REQUEST,
				    .basis = BASIS_ID,
				    .origin = origin};

		KEEP(state, deed, 0, id_of(1), &deed);
		origin_unref(origin);
	}
	commit(state);
	assert_int_equal(sql("SELECT count(*) FROM deeds"), STATE_DEEDS_MAX);
	assert_int_equal(sql("SELECT count(*) FROM origins"), STATE_DEEDS_MAX);
	assert_int_equal(sql("SELECT count(*) FROM callers"), STATE_DEEDS_MAX);
	assert_int_equal(
		state_explain(state, bytes_of("name-1"), &told, on_explained, on_explained_deed),
		0);
	assert_non_null(strstr(told.data, "dropped 172 "));
	at = strstr(told.data, " 0/0 63 1");
	assert_non_null(at);
	assert_non_null(strstr(at, " 0/0 236 1"));
	assert_null(strstr(told.data, " 0/0 64 1"));
	assert_null(strstr(told.data, " 0/0 235 1"));
	assert_non_null(strstr(at, " 0/0 299 1"));
	text_free(&told);
	state_close(state);
}

static void test_many_containers(void **unused)
{
	struct state *state = open_silent();
	struct origin *origin = new_origin(1, "ContainerCreate");

	for (unsigned int i = 0; i < STATE_CONTAINERS_MAX; i++) {
		put_container(state, i, origin, NULL);
		if (i >= 5000 && i < 5100)
			KEEP(state, remove, 0, id_of(i), 10000 - i);
		if (i % 1000 == 0)
			state_commit(state);
	}
	commit(state);
	assert_int_equal(state_dropped(state), 0);
	assert_int_equal(sql("SELECT count(*) FROM containers"), STATE_CONTAINERS_MAX);
	/* The longest gone ones go. */
	put_container(state, 30000, NULL, NULL);
	commit(state);
	assert_int_equal(sql("SELECT count(*) FROM containers"),
			 STATE_CONTAINERS_MAX - STATE_FORGET_AT_ONCE);
	assert_int_equal(sql("SELECT count(*) FROM containers WHERE removed > 0"),
			 100 - 1 - STATE_FORGET_AT_ONCE);
	assert_int_equal(sql("SELECT max(removed) FROM containers"), 10000 - 5000);
	assert_int_equal(sql("SELECT min(removed) FROM containers WHERE removed > 0"),
			 10000 - 5099 + STATE_FORGET_AT_ONCE + 1);
	/* Then the oldest. */
	for (unsigned int i = 0; i < 500; i++)
		put_container(state, 40000 + i, origin, NULL);
	commit(state);
	assert_in_range(sql("SELECT count(*) FROM containers"),
			STATE_CONTAINERS_MAX - STATE_FORGET_AT_ONCE, STATE_CONTAINERS_MAX);
	assert_int_equal(sql("SELECT count(*) FROM containers WHERE removed > 0"), 0);
	assert_in_range(sql("SELECT min(row) FROM containers"), 100, 1000);
	assert_int_equal(sql("SELECT count(*) FROM containers WHERE name = 'name-40499'"), 1);
	origin_unref(origin);
	state_close(state);
}

static void test_many_execs(void **unused)
{
	struct state *state = open_silent();

	for (unsigned int i = 0; i < STATE_EXECS_MAX + 100; i++)
		put_exec_of(state, i, 1, NULL);
	commit(state);
	assert_int_equal(sql("SELECT count(*) FROM execs"), STATE_EXECS_MAX);
	assert_int_equal(sql("SELECT min(row) FROM execs"), 101);
	state_close(state);
}

/* The file does not outgrow its bound, and finds back below it. */
static void test_size(void **unused)
{
	struct state *state = open_silent();

	size_added = STATE_SIZE_MAX - (1 << 20);
	for (unsigned int i = 0; i < 5000; i++) {
		struct origin *origin = new_origin(i, "ContainerCreate");

		put_container(state, i, origin, NULL);
		origin_unref(origin);
		if (i % 20 == 0)
			commit(state);
	}
	commit(state);
	assert_in_range(sql("SELECT count(*) FROM containers"), 100, 4000);
	assert_in_range(sql("PRAGMA page_count"), 200, 300);
	assert_int_equal(sql("SELECT count(*) FROM containers WHERE name = 'name-4999'"), 1);
	state_close(state);
}

static void test_long_texts(void **unused)
{
	static char text[5000];
	struct state *state = open_silent();
	struct owned owned = {.id = id_of(1), .name = {text, sizeof(text)}, .image = {text, 4096}};
	struct deed deed = {
		.action = ACTION_EXEC_START, .command = {text, 3000}, .exec_id = bytes_of("none")};
	struct keeper keeper = state_keeper(state);
	struct text told = {0};

	memset(text, 'x', sizeof(text));
	memcpy(text + STATE_CUT_SIZE - 2, "…", 3);
	keeper.put(keeper.data, 1, &owned);
	keeper.deed(keeper.data, 1, owned.id, &deed);
	keeper.deed(keeper.data, 1, id_of(2), &deed); /* not put */
	owned.id.size--;
	keeper.put(keeper.data, 1, &owned);
	owned.id = bytes_of("A123456789012345678901234567890123456789012345678901234567890123");
	keeper.put(keeper.data, 1, &owned);
	owned.id = (struct bytes){0};
	keeper.put(keeper.data, 1, &owned);
	keeper.put(keeper.data, 2, &owned);
	commit(state);
	assert_int_equal(state_dropped(state), 0);
	assert_int_equal(sql("SELECT count(*) FROM containers WHERE name IS NULL"), 1);
	assert_int_equal(sql("SELECT length(image) FROM containers"), 4094);
	assert_int_equal(sql("SELECT count(*) FROM deeds WHERE exec_id IS NULL"), 1);
	assert_int_equal(sql("SELECT length(CAST(command AS BLOB)) FROM deeds"),
			 STATE_CUT_SIZE - 2);
	assert_int_equal(state_load(state, 1, &told, on_owned, on_exec), 0);
	text_free(&told);
	state_close(state);
}

static void test_null(void **unused)
{
	struct keeper keeper = state_keeper(NULL);

	assert_null(keeper.put);
	assert_int_equal(state_load(NULL, 0, NULL, on_owned, on_exec), 0);
	assert_int_equal(state_position(NULL, 0), 0);
	state_set_position(NULL, 0, 1);
	assert_false(state_is_dirty(NULL));
	assert_int_equal(state_commit(NULL), 0);
	assert_int_equal(state_dropped(NULL), 0);
	assert_null(state_message(NULL));
	state_close(NULL);
}

/* --- files that are not as we left them ---------------------------------------------------------- */

static char *whole; /* a file with the story */
static size_t whole_size;

static void make_whole(void)
{
	struct state *state = open_silent();

	put_story(state);
	state_close(state);
	whole = files_read(path, &whole_size);
	assert_in_range(whole_size, 4096, (1 << 20) - 1);
}

/* Loads all of it. Returns whether it is sound; if not, it was set aside. */
static bool load_it(struct state *state)
{
	struct text told = {0};
	int error = state_load(state, 0, &told, on_owned, on_exec);

	text_free(&told);
	if (!error)
		return true;
	assert_int_equal(error, -EBADMSG);
	assert_non_null(strstr(state_message(state), "is damaged: it is now"));
	return false;
}

/* Whatever the file is: nothing crashes, and what is put from here on is kept. Returns whether it had to be set
 * aside. */
static bool use_it(void)
{
	struct state *state = open_as(&boot);
	struct text told = {0};
	bool aside = *said.text;

	if (state_explain(state, bytes_of("0"), &told, on_explained, on_explained_deed))
		aside = true;
	text_free(&told);
	aside |= !load_it(state);
	put_story(state);
	put_container(state, 50, NULL, NULL);
	commit(state);
	aside |= !!state_message(state);
	aside |= !load_it(state);
	put_container(state, 50, NULL, NULL);
	commit(state);
	state_close(state);
	state = open_silent();
	assert_int_equal(state_load(state, 0, &told, on_owned, on_exec), 0);
	assert_non_null(strstr(told.data, "'name-50 "));
	text_free(&told);
	state_close(state);
	assert_in_range(count_set_aside(), 0, SET_ASIDE_MAX);
	return aside;
}

static void test_truncated(void **unused)
{
	unsigned int aside = 0, count = 0;

	make_whole();
	for (size_t size = 1; size < whole_size; size += size < 200 ? 13 : 1531, count++) {
		files_write(path, whole, size);
		aside += use_it();
	}
	assert_in_range(aside, count - 5, count); /* an empty end is no loss */
	assert_int_equal(count_set_aside(), SET_ASIDE_MAX);
	files_write(path, whole, 0); /* is a new one */
	assert_false(use_it());
	free(whole);
}

static void test_flipped(void **unused)
{
	unsigned int aside = 0, count = 0;

	make_whole();
	for (size_t at = 0; at < whole_size; at += at < 100 ? 1 : 97, count++) {
		char bit = (char)(1 << at % 8);

		/* Most of it is empty. */
		if (!whole[at] && at % 5)
			continue;
		whole[at] ^= bit;
		files_write(path, whole, whole_size);
		aside += use_it();
		whole[at] ^= bit;
	}
	assert_in_range(aside, 20, count - 20);
	free(whole);
}

/* Filled with what is not of it. */
static void test_overwritten(void **unused)
{
	make_whole();
	for (size_t at = 0; at + 512 <= whole_size; at += 2048) {
		char kept[512];

		memcpy(kept, whole + at, sizeof(kept));
		memset(whole + at, at % 3 ? 0xff : 0, sizeof(kept));
		files_write(path, whole, whole_size);
		use_it();
		memcpy(whole + at, kept, sizeof(kept));
	}
	free(whole);
}

static void assert_set_aside(const char *why)
{
	struct state *state = open_as(&boot);

	if (!strstr(said.text, why) || !strstr(said.text, ".set-aside-2"))
		fail_msg("\"%s\" does not say \"%s\"", said.text, why);
	put_story(state);
	commit(state);
	state_close(state);
	state_close(open_silent());
}

static void test_foreign(void **unused)
{
	make_whole();
	files_write(path, "this is no database\n", 20);
	assert_set_aside("is damaged");
	files_write(path, "", 0);
	sql("CREATE TABLE shop(article, price)");
	assert_set_aside("is not callerd's");
	files_write(path, whole, whole_size);
	sql("PRAGMA user_version = 99");
	assert_set_aside("is of another version");
	files_write(path, whole, whole_size);
	sql("PRAGMA application_id = 0");
	assert_set_aside("is not callerd's");
	assert_int_equal(count_set_aside(), SET_ASIDE_MAX);
	free(whole);
}

/* CHANGE is made to a whole file: it is set aside, at once or when it is read. */
static void assert_bad(const char *change, bool typed)
{
	struct text told = {0};
	struct state *state;
	int error;

	files_write(path, whole, whole_size);
	if (!typed)
		sql("UPDATE sqlite_schema"
		    " SET sql = replace(replace(sql, ', STRICT', ''), ') STRICT', ')')");
	sql(change);
	if (!typed)
		sql("UPDATE sqlite_schema"
		    " SET sql = sql || iif(sql LIKE '%ROWID', ', STRICT', ' STRICT')"
		    " WHERE type = 'table'");
	state = open_as(&boot);
	error = dump(state, &told);
	if (error != -EBADMSG && !*said.text)
		fail_msg("%s: %d %s", change, error, told.data);
	text_free(&told);
	state_close(state);
	use_it();
}

/* A row that we cannot have written. */
static void test_bad_rows(void **unused)
{
	static const char *const changes[] = {
		"UPDATE containers SET id = 'abc' || row",
		"UPDATE containers SET id = replace(id, 'a', 'A')",
		"UPDATE containers SET id = NULL WHERE row = 2",
		"UPDATE containers SET name = printf('%5000d', 1)",
		"UPDATE containers SET creator = 'other' WHERE creator IS NOT NULL",
		"UPDATE origins SET caller = 4242",
		"DELETE FROM callers",
		"UPDATE findings SET id = 'nonsense'",
		"UPDATE findings SET severity = 'nonsense'",
		"UPDATE execs SET id = 'abc' || row",
		"UPDATE execs SET container_id = 'abc'",
		"UPDATE deeds SET kind = 'nonsense'",
		"UPDATE deeds SET basis = 'nonsense'",
		"UPDATE deeds SET reason = 'nonsense'",
		"UPDATE deeds SET exec_id = 'abc'",
		"UPDATE deeds SET origin = 'other'",
	};
	static const char *const types[] = {
		"UPDATE containers SET id = zeroblob(64) WHERE row = 2",
		"UPDATE containers SET name = zeroblob(9)",
		"UPDATE containers SET created = 'now'",
		"UPDATE processes SET args = x'00'",
		"UPDATE callers SET capabilities = 'all'",
		"UPDATE execs SET health_check = 'x'",
		"UPDATE deeds SET exit_code = 'x'",
		"UPDATE positions SET position = 'x'",
	};

	make_whole();
	for (size_t i = 0; i < COUNT(changes); i++)
		assert_bad(changes[i], true);
	for (size_t i = 0; i < COUNT(types); i++)
		assert_bad(types[i], false);
	free(whole);
}

static void test_refused(void **unused)
{
	char other[128];

	make_whole();
	snprintf(other, sizeof(other), "%s/other", directory);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	refused(-EPERM, "is a symbolic link");
	unlink(path);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	refused(-EPERM, "is a symbolic link");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refused(-EPERM, "is not a regular file");
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-EPERM, "is not a regular file");
	unlink(path);
	assert_int_equal(rename(other, path), 0);
	chmod(path, 0620);
	refused(-EPERM, "can be written to by others than its owner");
	chmod(path, 0602);
	refused(-EPERM, "can be written to by others");
	chmod(path, 0640); /* an admin lets a group read it */
	state_close(open_silent());
	if (!geteuid()) {
		assert_int_equal(chown(path, 4242, 0), 0);
		refused(-EPERM, "belongs to somebody else");
		assert_int_equal(chown(path, 0, 0), 0);
	}
	*strrchr(path, '/') = '\0';
	chmod(path, 0777);
	strcat(path, "/state.db");
	refused(-EPERM, "kept can be written to by others than its owner");
	assert_int_equal(count_set_aside(), 0);
	free(whole);
}

static void test_unusable(void **unused)
{
	static char long_path[5000];
	struct state *state;

	memset(long_path, 'x', sizeof(long_path) - 1);
	assert_int_equal(state_open(long_path, sockets, &boot, &state, &said), -ENAMETOOLONG);
	assert_int_equal(state_open("/none/kept/state.db", sockets, &boot, &state, &said), -ENOENT);
	assert_non_null(strstr(said.text, "/none/kept/state.db: No such file"));
	assert_int_equal(state_open("/proc/state.db", sockets, &boot, &state, &said), -ENOENT);
	assert_int_equal(state_open("/dev/null/state.db", sockets, &boot, &state, &said), -EPERM);
	assert_non_null(strstr(said.text, "/dev/null is not a directory"));
}

static void test_two_agents(void **unused)
{
	struct state *state = open_silent();

	refused(-EBUSY, "is in use by another callerd");
	put_story(state);
	commit(state);
	state_close(state);
	state_close(open_silent());
}

/* The file is gone, or replaced, while we have it. */
static void test_taken_away(void **unused)
{
	struct state *state = open_silent();
	const char *told;

	put_story(state);
	commit(state);
	unlink(path);
	put_container(state, 50, NULL, NULL);
	commit(state);
	told = state_message(state);
	assert_non_null(told);
	assert_non_null(strstr(told, "was taken away"));
	assert_null(state_message(state));
	state_close(state);
	state = open_silent();
	assert_non_null(strstr(dump_good(state), "'name-50 "));
	assert_int_equal(state_position(state, 0), T0 + 5);
	state_close(state);
}

/* --- readers ------------------------------------------------------------------------------------- */

static struct state *open_reader(void)
{
	struct state *reader = NULL;
	int error = state_open_readonly(path, &boot, &reader, &said);

	if (error)
		fail_msg("%d %s", error, said.text);
	assert_string_equal(said.text, "");
	return reader;
}

static unsigned int count_files(void)
{
	char name[128];
	unsigned int count = 0;
	DIR *stream;

	snprintf(name, sizeof(name), "%s/kept", directory);
	stream = opendir(name);
	while (readdir(stream))
		count++;
	closedir(stream);
	return count;
}

static struct state *writer;

/* A reader in the middle of it, and the agent goes on. */
static void write_meanwhile(void *data, const struct state_container *container)
{
	struct text *out = data;

	on_explained(out, container);
	for (unsigned int i = 0; i < 300; i++) {
		put_container(writer, 1000 + i, NULL, NULL);
		commit(writer);
	}
}

static void test_reader(void **unused)
{
	struct text told = {0};
	struct state *reader;
	char *first;

	writer = open_silent();
	put_story(writer);
	commit(writer);
	reader = open_reader();
	assert_int_equal(state_explain(reader, bytes_of("/name-2"), &told, write_meanwhile,
				       on_explained_deed),
			 0);
	assert_non_null(strstr(told.data, "'name-2 "));
	text_cut(&told, 0);
	assert_int_equal(state_explain(reader, bytes_of("name-1299"), &told, on_explained,
				       on_explained_deed),
			 0);
	assert_non_null(strstr(told.data, "'name-1299 "));
	first = dump_good(writer);
	text_cut(&told, 0);
	assert_int_equal(
		state_explain(reader, bytes_of("0"), &told, on_explained, on_explained_deed), 0);
	assert_non_null(strstr(first, told.data));
	state_close(reader);
	state_close(writer);
	/* Without an agent nothing is made beside it. */
	assert_int_equal(count_files(), 2 + 2);
	reader = open_reader();
	text_cut(&told, 0);
	assert_int_equal(
		state_explain(reader, bytes_of("name-3"), &told, on_explained, on_explained_deed),
		0);
	assert_non_null(strstr(told.data, "'oom "));
	assert_int_equal(count_files(), 2 + 2);
	state_close(reader);
	text_free(&told);
}

/* The agent was killed: what it committed is there. */
static void test_killed(void **unused)
{
	struct state *state;
	pid_t child = fork();
	int status;

	if (!child) {
		state = open_silent();
		put_story(state);
		commit(state);
		put_container(state, 60, NULL, NULL); /* not committed */
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	state = open_reader();
	assert_non_null(state);
	state_close(state);
	state = open_silent();
	assert_non_null(strstr(dump_good(state), "'name-3 "));
	assert_null(strstr(dump_good(state), "'name-60 "));
	assert_int_equal(state_position(state, 0), T0 + 5);
	state_close(state);
}

static void test_reader_of_others(void **unused)
{
	struct state *reader;
	unsigned int files;

	assert_int_equal(state_open_readonly(path, &boot, &reader, &said), -ENOENT);
	assert_non_null(strstr(said.text, path));
	make_whole();
	files = count_files();
	files_write(path, "nonsense nonsense nonsense nonsense", 30);
	assert_int_equal(state_open_readonly(path, &boot, &reader, &said), -EBADMSG);
	assert_non_null(strstr(said.text, "is damaged"));
	files_write(path, whole, whole_size);
	sql("PRAGMA user_version = 99");
	assert_int_equal(state_open_readonly(path, &boot, &reader, &said), -EBADMSG);
	assert_non_null(strstr(said.text, "is of another version"));
	assert_int_equal(count_files(), files);
	unlink(path);
	mkdir(path, 0700);
	assert_int_equal(state_open_readonly(path, &boot, &reader, &said), -EINVAL);
	assert_non_null(strstr(said.text, "is not a regular file"));
	free(whole);
}

/* --- no room ------------------------------------------------------------------------------------- */

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* So many seconds later; each try fails. */
static bool tries_again(struct state *state, unsigned int wait)
{
	unsigned int before = writes;

	seconds += wait;
	assert_in_range(-state_commit(state), 1, 4095);
	return writes > before;
}

static void test_full(void **unused)
{
	struct state *state = open_silent();
	unsigned int put_count = 0;
	char *told;

	put_story(state);
	commit(state);
	limit_files(64 << 10);
	while (!state_dropped(state)) {
		struct origin *origin = new_origin(put_count, "ContainerCreate");

		put_container(state, 10000 + put_count++, origin, NULL);
		origin_unref(origin);
		assert_in_range(put_count, 0, 100000);
	}
	assert_in_range(put_count, 1000, 50000);
	assert_in_range(queued->weight, STATE_QUEUE_MAX / 2, STATE_QUEUE_MAX);
	assert_in_range(-state_commit(state), 1, 4095);
	assert_false(tries_again(state, 0)); /* not so soon */
	assert_true(tries_again(state, 1));
	for (unsigned int i = 0; i < 10; i++)
		assert_true(tries_again(state, 30));
	assert_false(tries_again(state, 29));
	assert_true(tries_again(state, 1));
	assert_true(state_is_dirty(state));
	assert_non_null(strstr(dump_good(state), "'name-3 ")); /* what there is can be read */
	limit_files(RLIM_INFINITY);
	seconds += 30;
	commit(state);
	assert_int_equal(state_dropped(state), 1);
	assert_int_equal(queued->weight, 0);
	told = dump_good(state);
	assert_non_null(strstr(told, "'name-3 "));
	assert_non_null(strstr(told, "'name-10999 "));
	state_close(state);
	state_close(open_silent());
}

static void test_full_at_first(void **unused)
{
	struct state *state = NULL;
	int error;

	limit_files(4096);
	error = state_open(path, sockets, &boot, &state, &said);
	limit_files(RLIM_INFINITY);
	assert_null(state);
	/* Newer versions of SQLite pass on the system's own error. */
	assert_true(error == -EIO || error == -EFBIG);
	assert_non_null(strstr(said.text, strerror(-error)));
	state_close(open_silent());
}

/* --- what is printed ----------------------------------------------------------------------------- */

/* Runs --explain CONTAINER; what it wrote. */
static char *explained(const char *container, enum exit_code wanted)
{
	static char text[65536];
	struct options options = {.state_path = path};
	int out = dup(STDOUT_FILENO), error = dup(STDERR_FILENO);
	FILE *file = tmpfile();
	enum exit_code code;

	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	code = explain(&options, container);
	dup2(out, STDOUT_FILENO);
	dup2(error, STDERR_FILENO);
	close(out);
	close(error);
	rewind(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	if (code != wanted)
		fail_msg("%d: %s", code, text);
	return text;
}

static void test_explain(void **unused)
{
	struct state *state = open_silent();
	char *text;

	put_story(state);
	KEEP(state, remove, 0, id_of(3), T0 + 60 * NS_PER_S);
	commit(state);
	text = explained("name-1", EXIT_OK);
	assert_string_equal(
		text,
		"000000010000  name-1  from busybox:latest  on /run/docker.sock  created "
		"2026-03-01 "
		"12:03:45 UTC\n"
		"    ! critical privileged: all of it\n"
		"    2026-03-01 12:03:44  create                    by uid 4000000000 → root "
		"(sudo) in "
		"container outer | docker run --privileged web | pts/3\n"
		"    2026-03-01 12:03:44  start                     by uid 4000000000 → root "
		"(sudo) | "
		"docker run --privileged web | pts/3  [matched by time alone]\n"
		"    2026-03-01 12:03:44  exec_start: sh -c id      by uid 4000000000 → root "
		"(sudo), in "
		"container outer (exec) | docker run --privileged web | pts/3  [matched by name]\n"
		"    2026-03-01 12:03:44  die (exit code -137)      inherited: started by "
		"likely uid 4000000000 → root (sudo) (via docker) | docker run --privileged web | "
		"pts/3\n"
		"    2026-03-01 12:03:44  start                     by the engine itself: restart "
		"policy; created by uid 4000000000 → root (sudo) in container outer | docker run "
		"--privileged web | pts/3\n");
	state_close(state);
	text = explained("0", EXIT_OK); /* all of them, the latest first */
	assert_ptr_equal(strstr(text, "000000030000  name-3"), text);
	assert_non_null(strstr(text, "removed 2026-03-01 12:04:44 UTC\n"));
	assert_non_null(strstr(text, "oom                       unknown\n"));
	assert_true(strstr(text, "name-2") < strstr(text, "name-1"));
	text = explained("00000001", EXIT_OK);
	assert_null(strstr(text, "name-2"));
	text = explained("name-4", EXIT_FAILED);
	assert_non_null(strstr(text, "knows no container \"name-4\""));
	assert_non_null(strstr(text, path));
	explained("name-", EXIT_FAILED);
	explained("%", EXIT_FAILED);
	explained("", EXIT_FAILED);
}

static void test_explain_hostile(void **unused)
{
	struct state *state = open_silent();
	struct owned owned = {.id = id_of(1),
			      .name = bytes_of("\033[2J\n"),
			      .image = bytes_of("a\xff\x80\xe2\x80\xae b")};
	struct deed deed = {.action = ACTION_DIE, .command = bytes_of("a\r\nb")};
	char *text;

	KEEP(state, put, 1, &owned);
	for (unsigned int i = 0; i < 200; i++)
		KEEP(state, deed, 1, owned.id, &deed);
	commit(state);
	state_close(state);
	sql("UPDATE deeds SET action = char(27) || ']0;x'");
	text = explained("00000001", EXIT_OK);
	assert_non_null(strstr(text, "\\e[2J\\n  from"));
	assert_non_null(strstr(text, "\n    … 72 more, not kept …\n"));
	for (const char *at = text; *at; at++)
		assert_true((unsigned char)*at >= ' ' || *at == '\n');
	sql("UPDATE deeds SET kind = 'x' WHERE number = 5");
	text = explained("00000001", EXIT_FAILED);
	assert_non_null(strstr(text, "is damaged"));
}

static void test_explain_nothing(void **unused)
{
	struct options options = {0};

	assert_non_null(strstr(explained("web", EXIT_FAILED), path));
	assert_int_equal(explain(&options, "web"), EXIT_FAILED);
}

static void test_nothing_left(void **unused)
{
	assert_int_equal(callers_memory(), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_guarded),
		TEST(test_logins),
		TEST(test_round_trip),
		TEST(test_sharing),
		TEST(test_caller_of_this_boot),
		TEST(test_caller_of_another_boot),
		TEST(test_caller_of_an_unknown_boot),
		TEST(test_large_caller),
		TEST(test_callers_kept_once),
		TEST(test_reboot),
		TEST(test_unreferenced),
		TEST(test_removed),
		TEST(test_many_deeds),
		TEST(test_many_containers),
		TEST(test_many_execs),
		TEST(test_size),
		TEST(test_long_texts),
		TEST(test_null),
		TEST(test_truncated),
		TEST(test_flipped),
		TEST(test_overwritten),
		TEST(test_foreign),
		TEST(test_bad_rows),
		TEST(test_refused),
		TEST(test_unusable),
		TEST(test_two_agents),
		TEST(test_taken_away),
		TEST(test_reader),
		TEST(test_killed),
		TEST(test_reader_of_others),
		TEST(test_full),
		TEST(test_full_at_first),
		TEST(test_explain),
		TEST(test_explain_hostile),
		TEST(test_explain_nothing),
		TEST(test_nothing_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
