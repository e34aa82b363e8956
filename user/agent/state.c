// SPDX-License-Identifier: Apache-2.0
/*
 * What is put waits in memory, and references what does not change; state_commit() writes it. So nothing but
 * state_commit() waits for a disk, and what could not be written is there for the next try.
 *
 * Within, functions return SQLite's result codes. A row that cannot be what was written is SQLITE_CORRUPT.
 */
#include "agent/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conversation/pack.h"
#include "docker/event.h"

#define APPLICATION_ID 0x63616c64 /* "cald" */
#define VERSION 1		  /* of the schema, the packed callers and the words in the rows */

#define PATH_MAX_SIZE 4096
#define QUEUE_MAX (16u << 20) /* bytes that wait, what they reference included */
#define BATCH_MAX 1000	      /* of them written at once */
#define EXECS_MAX 4096	      /* whose end may never be told */
#define FORGET_AT_ONCE 64     /* containers */
#define FIRST_DEEDS (STATE_DEEDS_MAX / 2)
#define LAST_DEEDS (STATE_DEEDS_MAX - FIRST_DEEDS)
#define ID_SIZE 64
#define NAME_SIZE_MAX 4096    /* names, ids, references to images: more is none */
#define COMMAND_SIZE_MAX 1024 /* commands, details of findings: more is cut */
#define ROW_SIZE_MAX (1u << 20)
#define SET_ASIDE_MAX 3
#define PATIENCE 100	     /* ms that a commit waits for another program's */
#define READER_PATIENCE 2000 /* ms */
#define RETRY_FIRST 1
#define RETRY_MAX 30 /* seconds between tries to write */

/* --- The schema ---------------------------------------------------------------------------------- */

/* A request stays as long as something goes back to it; so does its caller. */
#define UNUSED                                                                                     \
	" AND NOT EXISTS(SELECT 1 FROM containers WHERE creator = origins.id)"                     \
	" AND NOT EXISTS(SELECT 1 FROM containers WHERE starter = origins.id)"                     \
	" AND NOT EXISTS(SELECT 1 FROM deeds WHERE origin = origins.id)"                           \
	" AND NOT EXISTS(SELECT 1 FROM execs WHERE starter = origins.id)"

/* clang-format off */
static const char *const schema[] = {
	"CREATE TABLE sockets(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, position INTEGER NOT NULL)",
	/* hash is NULL where another caller has the same: nobody can make us compare many. */
	"CREATE TABLE callers(id INTEGER PRIMARY KEY, hash INTEGER UNIQUE, content BLOB NOT NULL)",
	"CREATE TABLE origins(id INTEGER PRIMARY KEY, event_id TEXT UNIQUE, time INTEGER NOT NULL,"
	" operation TEXT, socket TEXT, caller INTEGER, container_name TEXT, container_image TEXT)",
	"CREATE INDEX origins_caller ON origins(caller) WHERE caller IS NOT NULL",
	"CREATE TABLE findings(origin INTEGER, number INTEGER, finding TEXT NOT NULL, severity TEXT,"
	" detail TEXT, PRIMARY KEY(origin, number)) WITHOUT ROWID",
	"CREATE TABLE containers(id INTEGER PRIMARY KEY, socket INTEGER NOT NULL, docker_id TEXT NOT NULL,"
	" name TEXT, image TEXT, creator INTEGER, starter INTEGER, starter_known INTEGER NOT NULL,"
	" created INTEGER NOT NULL, started INTEGER NOT NULL, died INTEGER NOT NULL,"
	" labels INTEGER NOT NULL, labels_known INTEGER NOT NULL, swarm INTEGER NOT NULL,"
	" stopped INTEGER NOT NULL, witnessed INTEGER NOT NULL, removed INTEGER NOT NULL, UNIQUE(socket, docker_id))",
	"CREATE INDEX containers_creator ON containers(creator) WHERE creator IS NOT NULL",
	"CREATE INDEX containers_starter ON containers(starter) WHERE starter IS NOT NULL",
	"CREATE TABLE deeds(container INTEGER, number INTEGER, action TEXT NOT NULL, command TEXT,"
	" exec_id TEXT, exit_code INTEGER, time INTEGER NOT NULL, kind TEXT NOT NULL, basis TEXT, reason TEXT,"
	" origin INTEGER, PRIMARY KEY(container, number)) WITHOUT ROWID",
	"CREATE INDEX deeds_origin ON deeds(origin) WHERE origin IS NOT NULL",
	"CREATE TABLE execs(id INTEGER PRIMARY KEY, socket INTEGER NOT NULL, docker_id TEXT NOT NULL,"
	" container TEXT, starter INTEGER, health_check INTEGER NOT NULL, UNIQUE(socket, docker_id))",
	"CREATE INDEX execs_container ON execs(socket, container)",
	"CREATE INDEX execs_starter ON execs(starter) WHERE starter IS NOT NULL",
	"CREATE TRIGGER container_forgotten AFTER DELETE ON containers BEGIN"
	" DELETE FROM deeds WHERE container = old.id;"
	" DELETE FROM origins WHERE id IN (old.creator, old.starter)" UNUSED "; END",
	"CREATE TRIGGER container_changed AFTER UPDATE OF creator, starter ON containers"
	" WHEN old.creator IS NOT new.creator OR old.starter IS NOT new.starter BEGIN"
	" DELETE FROM origins WHERE id IN (old.creator, old.starter)" UNUSED "; END",
	"CREATE TRIGGER deed_forgotten AFTER DELETE ON deeds WHEN old.origin IS NOT NULL BEGIN"
	" DELETE FROM origins WHERE id = old.origin" UNUSED "; END",
	"CREATE TRIGGER exec_ended AFTER DELETE ON execs WHEN old.starter IS NOT NULL BEGIN"
	" DELETE FROM origins WHERE id = old.starter" UNUSED "; END",
	"CREATE TRIGGER exec_changed AFTER UPDATE OF starter ON execs"
	" WHEN old.starter IS NOT new.starter BEGIN"
	" DELETE FROM origins WHERE id = old.starter" UNUSED "; END",
	"CREATE TRIGGER origin_forgotten AFTER DELETE ON origins BEGIN"
	" DELETE FROM findings WHERE origin = old.id;"
	" DELETE FROM callers WHERE id = old.caller"
	" AND NOT EXISTS(SELECT 1 FROM origins WHERE caller = callers.id); END",
};

/* As read_owned() takes them. */
#define OWNED "docker_id, name, image, creator, starter, starter_known, created, started, died,"           \
	" labels, labels_known, swarm, stopped, witnessed"

enum statement {
	BEGIN, COMMIT, ROLLBACK, PAGE_COUNT, FREE_COUNT,
	FIND_SOCKET, ADD_SOCKET, SET_POSITION,
	FIND_CALLER, ADD_CALLER, GET_CALLER,
	FIND_ORIGIN, ADD_ORIGIN, ADD_FINDING, GET_ORIGIN, GET_FINDINGS,
	FIND_CONTAINER, CHANGE_CONTAINER, ADD_CONTAINER, REMOVE_CONTAINER, COUNT_CONTAINERS, FORGET_CONTAINERS,
	ADD_DEED, FORGET_DEED, GET_DEEDS,
	CHANGE_EXEC, ADD_EXEC, END_EXEC, END_EXECS, FORGET_EXECS,
	LIST_CONTAINERS, LIST_EXECS, EXPLAIN,
	STATEMENTS,
};

static const char *const statements[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[PAGE_COUNT] = "PRAGMA page_count",
	[FREE_COUNT] = "PRAGMA freelist_count",
	[FIND_SOCKET] = "SELECT id, position FROM sockets WHERE path = ?1",
	[ADD_SOCKET] = "INSERT INTO sockets(path, position) VALUES(?1, 0)",
	[SET_POSITION] = "UPDATE sockets SET position = ?2 WHERE id = ?1",
	[FIND_CALLER] = "SELECT id, content = ?2 FROM callers WHERE hash = ?1",
	[ADD_CALLER] = "INSERT INTO callers(hash, content) VALUES(?1, ?2)",
	[GET_CALLER] = "SELECT hash, content FROM callers WHERE id = ?1",
	[FIND_ORIGIN] = "SELECT id FROM origins WHERE event_id = ?1",
	[ADD_ORIGIN] = "INSERT INTO origins(event_id, time, operation, socket, caller, container_name,"
		" container_image) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ADD_FINDING] = "INSERT INTO findings VALUES(?1, ?2, ?3, ?4, ?5)",
	[GET_ORIGIN] = "SELECT event_id, time, operation, socket, caller, container_name, container_image"
		" FROM origins WHERE id = ?1",
	[GET_FINDINGS] = "SELECT finding, severity, detail FROM findings WHERE origin = ?1 ORDER BY number",
	[FIND_CONTAINER] = "SELECT id FROM containers WHERE socket = ?1 AND docker_id = ?2",
	[CHANGE_CONTAINER] = "UPDATE containers SET name = ?3, image = ?4, creator = ?5, starter = ?6,"
		" starter_known = ?7, created = ?8, started = ?9, died = ?10, labels = ?11,"
		" labels_known = ?12, swarm = ?13, stopped = ?14, witnessed = ?15, removed = 0"
		" WHERE socket = ?1 AND docker_id = ?2",
	[ADD_CONTAINER] = "INSERT INTO containers(socket, " OWNED ", removed)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0)",
	[REMOVE_CONTAINER] = "UPDATE containers SET removed = ?3 WHERE socket = ?1 AND docker_id = ?2",
	[COUNT_CONTAINERS] = "SELECT count(*) FROM containers",
	[FORGET_CONTAINERS] = "DELETE FROM containers WHERE id IN"
		" (SELECT id FROM containers ORDER BY removed = 0, removed, id LIMIT ?1)",
	[ADD_DEED] = "INSERT INTO deeds SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
		" ?10 FROM deeds WHERE container = ?1",
	[FORGET_DEED] = "DELETE FROM deeds WHERE container = ?1 AND number > ?2 AND number ="
		" (SELECT max(number) FROM deeds WHERE container = ?1) - ?3",
	[GET_DEEDS] = "SELECT action, command, exec_id, exit_code, time, kind, basis, reason, origin"
		" FROM deeds WHERE container = ?1 ORDER BY number",
	[CHANGE_EXEC] = "UPDATE execs SET container = ?3, starter = ?4, health_check = ?5"
		" WHERE socket = ?1 AND docker_id = ?2",
	[ADD_EXEC] = "INSERT INTO execs(socket, docker_id, container, starter, health_check)"
		" VALUES(?1, ?2, ?3, ?4, ?5)",
	[END_EXEC] = "DELETE FROM execs WHERE socket = ?1 AND docker_id = ?2",
	[END_EXECS] = "DELETE FROM execs WHERE socket = ?1 AND container = ?2",
	[FORGET_EXECS] = "DELETE FROM execs WHERE id <= (SELECT max(id) FROM execs) - ?1",
	[LIST_CONTAINERS] = "SELECT " OWNED " FROM containers WHERE socket = ?1 AND removed = 0 ORDER BY id",
	[LIST_EXECS] = "SELECT docker_id, container, starter, health_check FROM execs WHERE socket = ?1"
		" ORDER BY id",
	[EXPLAIN] = "SELECT containers.id, path, removed, (SELECT coalesce(max(number), 0) - count(*)"
		" FROM deeds WHERE container = containers.id), " OWNED
		" FROM containers JOIN sockets ON sockets.id = socket"
		" WHERE docker_id = ?1 OR name = ?1 OR substr(docker_id, 1, length(?1)) = ?1"
		" ORDER BY max(created, started, removed) DESC, containers.id DESC",
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum item_kind { ITEM_OWNED, ITEM_DEED, ITEM_EXEC, ITEM_EXEC_ENDED, ITEM_REMOVED };

/* Something that was put. Its texts lie behind it. */
struct item {
	struct item *next;
	enum item_kind kind;
	unsigned int socket;
	size_t weight;
	struct bytes id; /* of the container, or of the exec that ended */
	union {
		struct owned owned;
		struct deed deed;
		struct owned_exec exec;
		uint64_t time;
	};
};

struct state {
	char *path;
	const struct record_context *context;
	struct bytes boot_id;
	const char *const *sockets;
	unsigned int socket_count;
	uint64_t *positions;
	bool position_set; /* and not committed */
	int lock;	   /* descriptor; -1: none is needed */
	sqlite3 *
		database; /* NULL: what was damaged is set aside, and nothing was made in its place yet */
	sqlite3_stmt *prepared[STATEMENTS];
	sqlite3_int64 *socket_rows; /* 0: not looked up yet */
	sqlite3_int64 containers;   /* rows; -1: to be counted */
	struct item *first, **last;
	size_t weight; /* of all that wait */
	uint64_t dropped;
	struct text packed;
	int failure;	   /* of the last try; 0: it went well */
	time_t retry;	   /* not before */
	unsigned int wait; /* seconds until then */
	char message[PATH_MAX_SIZE + 256];
	bool message_taken;
};

__attribute__((format(printf, 3, 4))) static void say(char *message, size_t size,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, size, format, arguments);
	va_end(arguments);
}

/* --- SQLite -------------------------------------------------------------------------------------- */

/* Whether the file is not what we wrote. */
static bool is_damage(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_ERROR: /* no such table, malformed schema */
	case SQLITE_SCHEMA:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
		return true;
	default:
		return false;
	}
}

static int error_of(const struct state *state, int rc)
{
	int error;

	if (rc == SQLITE_OK)
		return 0;
	if (is_damage(rc))
		return -EBADMSG;
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	default:
		error = state->database ? sqlite3_system_errno(state->database) : 0;
		return error > 0 ? -error : -EIO;
	}
}

/* STATEMENT, to be bound anew. */
static sqlite3_stmt *use(struct state *state, enum statement statement)
{
	sqlite3_reset(state->prepared[statement]);
	return state->prepared[statement];
}

/* Runs what yields no rows, or whose rows do not matter. */
static int finish(sqlite3_stmt *statement)
{
	int rc;

	do
		rc = sqlite3_step(statement);
	while (rc == SQLITE_ROW);
	sqlite3_reset(statement);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int run(struct state *state, enum statement statement)
{
	return finish(use(state, statement));
}

/* The number in the first column of the first row; 0: there is no row. */
static int number_of(sqlite3_stmt *statement, sqlite3_int64 *ret)
{
	int rc = sqlite3_step(statement);

	*ret = rc == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int ask_number(sqlite3 *database, const char *query, sqlite3_int64 *ret)
{
	sqlite3_stmt *statement;
	int rc = sqlite3_prepare_v2(database, query, -1, &statement, NULL);

	if (!rc)
		rc = number_of(statement, ret);
	sqlite3_finalize(statement);
	return rc;
}

/* What is longer than any engine or we ourselves would make it is none. */
static void bind_text(sqlite3_stmt *statement, int at, struct bytes text)
{
	if (!text.data || text.size > NAME_SIZE_MAX)
		sqlite3_bind_null(statement, at);
	else
		sqlite3_bind_text(statement, at, text.data, (int)text.size, SQLITE_STATIC);
}

/* Between two characters. */
static struct bytes cut(struct bytes text)
{
	if (text.size <= COMMAND_SIZE_MAX)
		return text;
	text.size = COMMAND_SIZE_MAX;
	while (text.size && (text.data[text.size] & 0xc0) == 0x80)
		text.size--;
	return text;
}

static void bind_word(sqlite3_stmt *statement, int at, const char *word)
{
	bind_text(statement, at, bytes_of(word));
}

static void bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
	sqlite3_bind_int64(statement, at, number > INT64_MAX ? INT64_MAX : (sqlite3_int64)number);
}

/* 0: none. */
static void bind_reference(sqlite3_stmt *statement, int at, sqlite3_int64 id)
{
	if (id)
		sqlite3_bind_int64(statement, at, id);
	else
		sqlite3_bind_null(statement, at);
}

/* A row that is read, column by column. */
struct row {
	sqlite3_stmt *statement;
	int at;
	bool bad;
};

static struct bytes take_bytes(struct row *row, int type, size_t max)
{
	int at = row->at++, actual = sqlite3_column_type(row->statement, at);
	struct bytes bytes = {0};

	if (actual == SQLITE_NULL)
		return bytes;
	if (actual != type) {
		row->bad = true;
		return bytes;
	}
	bytes.data = sqlite3_column_blob(row->statement, at); /* of a text, too, and as it is */
	bytes.size = (size_t)sqlite3_column_bytes(row->statement, at);
	if (!bytes.data)
		bytes.data = "";
	if (bytes.size > max) {
		row->bad = true;
		return (struct bytes){0};
	}
	return bytes;
}

static struct bytes take_text(struct row *row)
{
	return take_bytes(row, SQLITE_TEXT, NAME_SIZE_MAX);
}

static bool is_id(struct bytes id)
{
	if (!id.data || id.size != ID_SIZE)
		return false;
	for (size_t i = 0; i < id.size; i++)
		if (!(id.data[i] >= '0' && id.data[i] <= '9') &&
		    !(id.data[i] >= 'a' && id.data[i] <= 'f'))
			return false;
	return true;
}

static struct bytes take_id(struct row *row, bool required)
{
	struct bytes id = take_text(row);

	if ((id.data || required) && !is_id(id))
		row->bad = true;
	return id;
}

static int64_t take_signed(struct row *row)
{
	int at = row->at++;

	if (sqlite3_column_type(row->statement, at) != SQLITE_INTEGER)
		row->bad = true;
	return sqlite3_column_int64(row->statement, at);
}

static uint64_t take_number(struct row *row, uint64_t max)
{
	int64_t number = take_signed(row);

	if (number < 0 || (uint64_t)number > max) {
		row->bad = true;
		return 0;
	}
	return (uint64_t)number;
}

static bool take_flag(struct row *row)
{
	return take_number(row, 1);
}

static sqlite3_int64 take_reference(struct row *row)
{
	if (sqlite3_column_type(row->statement, row->at) == SQLITE_NULL) {
		row->at++;
		return 0;
	}
	return (sqlite3_int64)take_number(row, INT64_MAX);
}

/* --- Opening ------------------------------------------------------------------------------------- */

/* Leaves the files as they are: what is damaged is not written to, and what is well needs no care. */
static void close_database(struct state *state, bool untouched)
{
	for (int i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(state->prepared[i]);
		state->prepared[i] = NULL;
	}
	if (state->database && untouched)
		sqlite3_db_config(state->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close_v2(state->database);
	state->database = NULL;
	state->containers = -1;
	if (state->socket_rows)
		memset(state->socket_rows, 0, state->socket_count * sizeof(*state->socket_rows));
}

/* A file may be anybody's work; whatever it says, it makes SQLite do nothing but read and write it. */
static int configure(sqlite3 *database, int patience)
{
	sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
	sqlite3_limit(database, SQLITE_LIMIT_LENGTH, ROW_SIZE_MAX);
	sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_busy_timeout(database, patience);
	return sqlite3_exec(database,
			    "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
			    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096",
			    NULL, NULL, NULL);
}

static int make_schema(sqlite3 *database)
{
	char identity[96];
	int rc = sqlite3_exec(database, "BEGIN", NULL, NULL, NULL);

	for (size_t i = 0; i < COUNT(schema) && !rc; i++)
		rc = sqlite3_exec(database, schema[i], NULL, NULL, NULL);
	say(identity, sizeof(identity),
	    "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", APPLICATION_ID,
	    VERSION);
	return rc ? rc : sqlite3_exec(database, identity, NULL, NULL, NULL);
}

/* A schema other than ours could do things of its own. */
static int check_schema(sqlite3 *database)
{
	sqlite3_stmt *statement;
	struct row row = {0};
	size_t count = 0;
	int rc = sqlite3_prepare_v2(
		database, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid", -1,
		&statement, NULL);

	row.statement = statement;
	while (!rc && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		row.at = 0;
		rc = count < COUNT(schema) && bytes_equal(take_text(&row), bytes_of(schema[count]))
			     ? SQLITE_OK
			     : SQLITE_CORRUPT;
		count++;
	}
	sqlite3_finalize(statement);
	if (rc != SQLITE_DONE)
		return rc;
	return count == COUNT(schema) ? SQLITE_OK : SQLITE_CORRUPT;
}

/* Whether it is ours: *RET_WHY, where it is not. */
static int identify(sqlite3 *database, const char **ret_why)
{
	sqlite3_int64 application, version;
	int rc = ask_number(database, "PRAGMA application_id", &application);

	if (!rc)
		rc = ask_number(database, "PRAGMA user_version", &version);
	if (rc)
		return rc;
	if (application != APPLICATION_ID)
		*ret_why = "is not callerd's";
	else if (version != VERSION)
		*ret_why = "is of another version of callerd";
	return *ret_why ? SQLITE_NOTADB : check_schema(database);
}

static int is_sound(sqlite3 *database)
{
	sqlite3_stmt *statement;
	struct row row = {0};
	int rc = sqlite3_prepare_v2(database, "PRAGMA quick_check(1)", -1, &statement, NULL);

	row.statement = statement;
	if (!rc)
		rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		rc = bytes_equal(take_text(&row), bytes_of("ok")) ? SQLITE_OK : SQLITE_CORRUPT;
	sqlite3_finalize(statement);
	return rc;
}

static int prepare_all(struct state *state)
{
	int rc = SQLITE_OK;

	for (int i = 0; i < STATEMENTS && !rc; i++)
		rc = sqlite3_prepare_v3(state->database, statements[i], -1,
					SQLITE_PREPARE_PERSISTENT, &state->prepared[i], NULL);
	return rc;
}

/* A file without a byte is a new one. */
static int open_database(struct state *state, const char **ret_why)
{
	sqlite3_int64 pages = 0;
	int rc = sqlite3_open_v2(
		state->path, &state->database,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

	if (!rc)
		rc = configure(state->database, PATIENCE);
	if (!rc)
		rc = ask_number(state->database, "PRAGMA page_count", &pages);
	if (!rc && !pages)
		rc = make_schema(state->database);
	if (!rc)
		rc = identify(state->database, ret_why);
	if (!rc && sqlite3_db_readonly(state->database, "main") > 0 && !access(state->path, W_OK))
		rc = SQLITE_CORRUPT; /* it says of itself that only later versions may write to it */
	if (!rc)
		rc = is_sound(state->database);
	if (!rc)
		rc = sqlite3_exec(state->database,
				  "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
				  "PRAGMA wal_autocheckpoint = 1000;"
				  "PRAGMA journal_size_limit = 8388608",
				  NULL, NULL, NULL);
	return rc ? rc : prepare_all(state);
}

/* 0, and in RET the directory that PATH is in, or -ENAMETOOLONG. */
static int directory_of(const char *path, char ret[PATH_MAX_SIZE])
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;

	if (strlen(path) > PATH_MAX_SIZE - 64) /* room for what stands behind it */
		return -ENAMETOOLONG;
	if (!slash)
		say(ret, PATH_MAX_SIZE, ".");
	else
		say(ret, PATH_MAX_SIZE, "%.*s", size ? (int)size : 1, path);
	return 0;
}

/* Why what INFO tells of can be of somebody else's making; NULL: it cannot. */
static const char *why_not_ours(const struct stat *info)
{
	if (info->st_uid && info->st_uid != geteuid())
		return "belongs to somebody else";
	if (info->st_mode & (S_IWGRP | S_IWOTH))
		return "can be written to by others than its owner: chmod go-w";
	return NULL;
}

static int prepare_directory(const char *path, char *message, size_t size)
{
	char directory[PATH_MAX_SIZE];
	int error = directory_of(path, directory);
	const char *why = NULL;
	struct stat info;

	if (!error && mkdir(directory, 0700) && errno != EEXIST)
		error = -errno;
	if (!error && stat(directory, &info))
		error = -errno;
	if (error) {
		say(message, size, "the directory of %s: %s", path, strerror(-error));
		return error;
	}
	why = S_ISDIR(info.st_mode) ? why_not_ours(&info) : "is none";
	if (!why)
		return 0;
	say(message, size, "the directory %s %s", directory, why);
	return -EPERM;
}

static int take_lock(struct state *state, char *message, size_t size)
{
	char path[PATH_MAX_SIZE];
	int error = 0;

	say(path, sizeof(path), "%s.lock", state->path);
	state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (state->lock < 0 || flock(state->lock, LOCK_EX | LOCK_NB))
		error = -errno;
	if (error == -EWOULDBLOCK) {
		say(message, size, "%s is in use by another callerd", state->path);
		return -EBUSY;
	}
	if (error)
		say(message, size, "%s: %s", path, strerror(-error));
	return error;
}

/* Whether there is a file that nobody else can have made or changed; makes it where there is none. */
static int prepare_file(const char *path, char *message, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	const char *why = NULL;
	struct stat info;
	int error = fd < 0 && errno != EEXIST ? -errno : 0;

	if (fd >= 0)
		close(fd); /* before SQLite locks it: closing gives the locks up */
	if (!error && lstat(path, &info))
		error = -errno;
	if (error) {
		say(message, size, "%s: %s", path, strerror(-error));
		return error;
	}
	if (S_ISLNK(info.st_mode))
		why = "is a symbolic link";
	else
		why = S_ISREG(info.st_mode) ? why_not_ours(&info) : "is not a regular file";
	if (!why)
		return 0;
	say(message, size, "%s %s", path, why);
	return -EPERM;
}

/* --- Setting aside ------------------------------------------------------------------------------- */

static const char *const companions[] = {"", "-wal", "-shm", "-journal"};

#define STAMP_SIZE 23 /* 20260301T120344.123456Z */

static void add_stamp(char *at, size_t size)
{
	struct timespec now;
	struct tm time;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &time);
	say(at, size, "%04d%02d%02dT%02d%02d%02d.%06ldZ", (time.tm_year + 1900) % 10000,
	    time.tm_mon + 1, time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec,
	    now.tv_nsec / 1000);
}

static int compare_stamps(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The stamps of all that was set aside of PATH, sorted; returns how many there are, up to MAX. */
static size_t read_stamps(const char *path, char (*stamps)[STAMP_SIZE + 1], size_t max)
{
	char directory[PATH_MAX_SIZE], start[PATH_MAX_SIZE];
	const char *slash = strrchr(path, '/');
	struct dirent *entry;
	size_t count = 0;
	DIR *stream;

	directory_of(path, directory);
	say(start, sizeof(start), "%s.set-aside-", slash ? slash + 1 : path);
	stream = opendir(directory);
	while (stream && count < max && (entry = readdir(stream))) {
		const char *stamp = entry->d_name + strlen(start);

		if (!strncmp(entry->d_name, start, strlen(start)) && strlen(stamp) == STAMP_SIZE)
			memcpy(stamps[count++], stamp, STAMP_SIZE + 1);
	}
	if (stream)
		closedir(stream);
	qsort(stamps, count, sizeof(*stamps), compare_stamps);
	return count;
}

/* The oldest ones go. */
static void forget_set_aside(const char *path)
{
	char stamps[64][STAMP_SIZE + 1], name[PATH_MAX_SIZE];
	size_t count = read_stamps(path, stamps, COUNT(stamps));

	for (size_t i = 0; i + SET_ASIDE_MAX < count; i++)
		for (size_t j = 0; j < COUNT(companions); j++) {
			say(name, sizeof(name), "%s.set-aside-%s%s", path, stamps[i],
			    companions[j]);
			unlink(name);
		}
}

/* Moves the file away, and says so. 0 or -errno. */
static int set_aside(struct state *state, const char *why)
{
	char from[PATH_MAX_SIZE], to[PATH_MAX_SIZE], stamp[64];
	int error = 0;

	close_database(state, true);
	add_stamp(stamp, sizeof(stamp));
	/* The file itself first: beside an empty one, SQLite takes nothing of the others for its own. */
	for (size_t i = 0; i < COUNT(companions) && !error; i++) {
		say(from, sizeof(from), "%s%s", state->path, companions[i]);
		say(to, sizeof(to), "%s.set-aside-%s%s", state->path, stamp, companions[i]);
		if (rename(from, to) && errno != ENOENT)
			error = -errno;
	}
	if (error)
		say(state->message, sizeof(state->message), "the state file %s %s, and %s: %s",
		    state->path, why, "cannot be set aside", strerror(-error));
	else
		say(state->message, sizeof(state->message),
		    "the state file %s %s: it is now %s.set-aside-%s, and callerd begins anew",
		    state->path, why, state->path, stamp);
	state->message_taken = false;
	forget_set_aside(state->path);
	return error;
}

/* Opens the file; one that is not ours or damaged gives way to a new one. 0 or -errno, with a sentence. */
static int open_or_begin(struct state *state, char *message, size_t size)
{
	int error, rc;

	for (bool again = false;; again = true) {
		const char *why = NULL;

		error = prepare_file(state->path, message, size);
		if (error)
			return error;
		rc = open_database(state, &why);
		if (!rc)
			return 0;
		error = error_of(state, rc);
		if (again || !is_damage(rc))
			break;
		error = set_aside(state, why ? why : "is damaged");
		if (error) {
			say(message, size, "%s", state->message);
			return error;
		}
	}
	close_database(state, false);
	say(message, size, "%s: %s", state->path, strerror(-error));
	return error;
}

/* Damage was found in the open file. What waits is for the new one. 0, or -errno with a sentence in .message. */
static int begin_anew(struct state *state)
{
	char message[sizeof(state->message)] = "";
	int error = state->database ? set_aside(state, "is damaged") : 0;

	if (error)
		return error;
	error = open_or_begin(state, message, sizeof(message));
	if (error && !state->failure) { /* told once */
		say(state->message, sizeof(state->message), "%s", message);
		state->message_taken = false;
	}
	for (unsigned int i = 0; i < state->socket_count && !error; i++)
		state->position_set |= state->positions[i];
	return error;
}

/* The file was removed, or another one put in its place. */
static void leave_if_moved(struct state *state)
{
	int moved = 0;

	if (!state->database ||
	    sqlite3_file_control(state->database, NULL, SQLITE_FCNTL_HAS_MOVED, &moved) || !moved)
		return;
	close_database(state, true);
	say(state->message, sizeof(state->message),
	    "the state file %s was taken away: callerd begins anew", state->path);
	state->message_taken = false;
}

/* --- Reading ------------------------------------------------------------------------------------- */

/* The requests that were read: each of them once. */
struct known_origin {
	struct known_origin *next;
	sqlite3_int64 id;
	struct origin *origin;
};

#define KNOWN_PLACES 4096

struct known {
	struct known_origin *places[KNOWN_PLACES];
};

static struct known *known_new(void)
{
	return calloc(1, sizeof(struct known));
}

static void known_free(struct known *known)
{
	for (size_t i = 0; known && i < KNOWN_PLACES; i++) {
		struct known_origin *next;

		for (struct known_origin *at = known->places[i]; at; at = next) {
			next = at->next;
			origin_unref(at->origin);
			free(at);
		}
	}
	free(known);
}

static struct known_origin *known_find(struct known *known, sqlite3_int64 id)
{
	struct known_origin *at = known->places[id % KNOWN_PLACES];

	while (at && at->id != id)
		at = at->next;
	return at;
}

/* Takes over the reference. */
static int known_add(struct known *known, sqlite3_int64 id, struct origin *origin)
{
	struct known_origin **place = &known->places[id % KNOWN_PLACES];
	struct known_origin *new = malloc(sizeof(*new));

	if (!new) {
		origin_unref(origin);
		return SQLITE_NOMEM;
	}
	*new = (struct known_origin){*place, id, origin};
	*place = new;
	return SQLITE_OK;
}

/* Never 0. */
static sqlite3_int64 hash_of(struct bytes content)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	for (size_t i = 0; i < content.size; i++)
		hash = (hash ^ (unsigned char)content.data[i]) * 0x100000001b3;
	return hash ? (sqlite3_int64)hash : 1;
}

static int read_caller(struct state *state, sqlite3_int64 id, struct caller **ret)
{
	struct row row = {use(state, GET_CALLER)};
	struct bytes content;
	bool hashed;
	int rc, error;

	*ret = NULL;
	if (!id)
		return SQLITE_OK;
	sqlite3_bind_int64(row.statement, 1, id);
	rc = sqlite3_step(row.statement);
	if (rc == SQLITE_ROW) {
		hashed = sqlite3_column_type(row.statement, row.at++) != SQLITE_NULL;
		content = take_bytes(&row, SQLITE_BLOB, CALLER_PACK_MAX);
		row.bad |= hashed && hash_of(content) != sqlite3_column_int64(row.statement, 0);
		error = row.bad ? -EINVAL : caller_unpack(content, state->boot_id, ret);
		rc = !error ? SQLITE_OK : error == -ENOMEM ? SQLITE_NOMEM : SQLITE_CORRUPT;
	} else if (rc == SQLITE_DONE) {
		rc = SQLITE_CORRUPT;
	}
	sqlite3_reset(row.statement);
	return rc;
}

static void take_finding(struct row *row, struct finding *finding)
{
	struct bytes id = take_text(row), severity = take_text(row);

	finding->id = id.data ? finding_by_name(id.data, id.size) : FINDING_NONE;
	finding->severity =
		severity.data ? severity_by_name(severity.data, severity.size) : SEVERITY_NONE;
	finding->detail = take_text(row);
	if (finding->id == FINDING_NONE || (severity.data && finding->severity == SEVERITY_NONE))
		row->bad = true;
}

/* The findings of a request, their details in DETAILS. */
static int read_findings(struct state *state, sqlite3_int64 id,
			 struct finding findings[INVENTORY_FINDINGS_MAX], unsigned int *ret_count,
			 struct text *details)
{
	struct row row = {use(state, GET_FINDINGS)};
	size_t at = 0;
	int rc;

	*ret_count = 0;
	sqlite3_bind_int64(row.statement, 1, id);
	while ((rc = sqlite3_step(row.statement)) == SQLITE_ROW && !row.bad) {
		struct finding *finding = &findings[*ret_count];

		row.at = 0;
		if (*ret_count == INVENTORY_FINDINGS_MAX) {
			row.bad = true;
			break;
		}
		take_finding(&row, finding);
		text_add_bytes(details, finding->detail);
		++*ret_count;
	}
	sqlite3_reset(row.statement);
	if (row.bad)
		return SQLITE_CORRUPT;
	if (details->error)
		return SQLITE_NOMEM;
	for (unsigned int i = 0; i < *ret_count; i++) { /* where they lie now */
		if (findings[i].detail.size)
			findings[i].detail.data = details->data + at;
		else if (findings[i].detail.data)
			findings[i].detail.data = "";
		at += findings[i].detail.size;
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int make_origin(struct state *state, sqlite3_int64 id, struct row *row, struct origin **ret)
{
	struct finding findings[INVENTORY_FINDINGS_MAX];
	struct origin draft = {0};
	struct text details = {0};
	sqlite3_int64 caller;
	unsigned int count;
	int rc;

	*ret = NULL;
	draft.event_id = take_text(row);
	draft.time = take_number(row, INT64_MAX);
	draft.operation = take_text(row);
	draft.socket = take_text(row);
	caller = take_reference(row);
	draft.container_name = take_text(row);
	draft.container_image = take_text(row);
	if (row->bad)
		return SQLITE_CORRUPT;
	rc = read_caller(state, caller, &draft.caller);
	if (!rc)
		rc = read_findings(state, id, findings, &count, &details);
	if (!rc) {
		*ret = origin_new(&draft, findings, count);
		rc = *ret ? SQLITE_OK : SQLITE_NOMEM;
	}
	caller_unref(draft.caller);
	text_free(&details);
	return rc;
}

/* KNOWN keeps the reference. ID 0: NULL. */
static int read_origin(struct state *state, struct known *known, sqlite3_int64 id,
		       struct origin **ret)
{
	struct known_origin *found;
	struct row row = {0};
	int rc;

	*ret = NULL;
	if (!id)
		return SQLITE_OK;
	found = known_find(known, id);
	if (found) {
		*ret = found->origin;
		return SQLITE_OK;
	}
	row.statement = use(state, GET_ORIGIN);
	sqlite3_bind_int64(row.statement, 1, id);
	rc = sqlite3_step(row.statement);
	if (rc == SQLITE_ROW)
		rc = make_origin(state, id, &row, ret);
	else if (rc == SQLITE_DONE)
		rc = SQLITE_CORRUPT;
	sqlite3_reset(row.statement);
	return rc ? rc : known_add(known, id, *ret);
}

/* The texts live until the next step of the row's statement. */
static int read_owned(struct state *state, struct known *known, struct row *row,
		      struct owned *owned)
{
	sqlite3_int64 creator, starter;
	int rc;

	*owned = (struct owned){0};
	owned->id = take_id(row, true);
	owned->name = take_text(row);
	owned->image = take_text(row);
	creator = take_reference(row);
	starter = take_reference(row);
	owned->starter_known = take_flag(row);
	owned->created = take_number(row, INT64_MAX);
	owned->started = take_number(row, INT64_MAX);
	owned->died = take_number(row, INT64_MAX);
	owned->labels = (unsigned int)take_number(row, (1u << ATTRIBUTES) - 1);
	owned->labels_known = take_flag(row);
	owned->swarm = take_flag(row);
	owned->stopped = take_flag(row);
	owned->witnessed = take_flag(row);
	if (row->bad)
		return SQLITE_CORRUPT;
	rc = read_origin(state, known, creator, &owned->creator);
	return rc ? rc : read_origin(state, known, starter, &owned->starter);
}

static int read_exec(struct state *state, struct known *known, struct row *row,
		     struct owned_exec *exec)
{
	sqlite3_int64 starter;

	*exec = (struct owned_exec){0};
	exec->id = take_id(row, true);
	exec->container_id = take_id(row, false);
	starter = take_reference(row);
	exec->health_check = take_flag(row);
	return row->bad ? SQLITE_CORRUPT : read_origin(state, known, starter, &exec->starter);
}

static int read_deed(struct state *state, struct known *known, struct row *row, struct deed *deed)
{
	struct bytes kind, basis, reason;

	*deed = (struct deed){0};
	deed->action = take_text(row);
	deed->command = take_text(row);
	deed->exec_id = take_id(row, false);
	deed->has_exit_code = sqlite3_column_type(row->statement, row->at) != SQLITE_NULL;
	if (deed->has_exit_code)
		deed->exit_code = take_signed(row);
	else
		row->at++;
	deed->time = take_number(row, INT64_MAX);
	kind = take_text(row);
	basis = take_text(row);
	reason = take_text(row);
	if (row->bad || !deed->action.data || !cause_kind_by_name(kind, &deed->kind) ||
	    (basis.data && !cause_basis_by_name(basis, &deed->basis)) ||
	    (reason.data && !cause_reason_by_name(reason, &deed->reason)))
		return SQLITE_CORRUPT;
	return read_origin(state, known, take_reference(row), &deed->origin);
}

/* --- Writing ------------------------------------------------------------------------------------- */

static int find_socket(struct state *state, unsigned int socket, sqlite3_int64 *ret)
{
	sqlite3_stmt *statement;
	int rc = SQLITE_OK;

	*ret = state->socket_rows[socket];
	if (!*ret) {
		statement = use(state, FIND_SOCKET);
		bind_word(statement, 1, state->sockets[socket]);
		rc = number_of(statement, ret);
	}
	if (rc || *ret)
		return rc;
	statement = use(state, ADD_SOCKET);
	bind_word(statement, 1, state->sockets[socket]);
	rc = finish(statement);
	*ret = sqlite3_last_insert_rowid(state->database);
	return rc;
}

/* As the one before, remembered; for what is committed. */
static void remember_sockets(struct state *state)
{
	for (unsigned int i = 0; i < state->socket_count; i++) {
		sqlite3_stmt *statement = use(state, FIND_SOCKET);

		bind_word(statement, 1, state->sockets[i]);
		if (!state->socket_rows[i])
			number_of(statement, &state->socket_rows[i]);
	}
}

/* *RET is 0 where it is not to be kept. */
static int write_caller(struct state *state, const struct caller *caller, sqlite3_int64 *ret)
{
	sqlite3_stmt *statement;
	struct bytes content;
	sqlite3_int64 hash;
	int rc;

	*ret = 0;
	if (!caller)
		return SQLITE_OK;
	text_cut(&state->packed, 0);
	caller_pack(caller, state->boot_id, state->context->boot_to_real, &state->packed);
	if (state->packed.error) {
		text_free(&state->packed);
		return SQLITE_NOMEM;
	}
	content = text_since(&state->packed, 0);
	if (!content.data || content.size > CALLER_PACK_MAX)
		return SQLITE_OK;
	hash = hash_of(content);
	statement = use(state, FIND_CALLER);
	sqlite3_bind_int64(statement, 1, hash);
	sqlite3_bind_blob(statement, 2, content.data, (int)content.size, SQLITE_STATIC);
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW && sqlite3_column_int(statement, 1))
		*ret = sqlite3_column_int64(statement, 0);
	else if (rc == SQLITE_ROW)
		hash = 0; /* another one has it */
	sqlite3_reset(statement);
	if (*ret || (rc != SQLITE_ROW && rc != SQLITE_DONE))
		return *ret ? SQLITE_OK : rc;
	statement = use(state, ADD_CALLER);
	bind_reference(statement, 1, hash);
	sqlite3_bind_blob(statement, 2, content.data, (int)content.size, SQLITE_STATIC);
	rc = finish(statement);
	*ret = sqlite3_last_insert_rowid(state->database);
	return rc;
}

static int write_findings(struct state *state, const struct origin *origin, sqlite3_int64 id)
{
	int rc = SQLITE_OK;

	for (unsigned int i = 0; i < origin->finding_count && !rc; i++) {
		const struct finding *finding = &origin->findings[i];
		sqlite3_stmt *statement = use(state, ADD_FINDING);

		if (!finding_kind(finding->id)->id)
			continue;
		sqlite3_bind_int64(statement, 1, id);
		sqlite3_bind_int64(statement, 2, i);
		bind_word(statement, 3, finding_kind(finding->id)->id);
		bind_word(statement, 4, severity_name(finding->severity));
		bind_text(statement, 5, cut(finding->detail));
		rc = finish(statement);
	}
	return rc;
}

static int add_origin(struct state *state, const struct origin *origin, sqlite3_int64 *ret)
{
	sqlite3_int64 caller;
	int rc = write_caller(state, origin->caller, &caller);
	sqlite3_stmt *statement = use(state, ADD_ORIGIN);

	if (rc)
		return rc;
	bind_text(statement, 1, origin->event_id);
	bind_number(statement, 2, origin->time);
	bind_text(statement, 3, origin->operation);
	bind_text(statement, 4, origin->socket);
	bind_reference(statement, 5, caller);
	bind_text(statement, 6, origin->container_name);
	bind_text(statement, 7, origin->container_image);
	rc = finish(statement);
	*ret = sqlite3_last_insert_rowid(state->database);
	return rc ? rc : write_findings(state, origin, *ret);
}

/* *RET: its row; 0 for none. */
static int write_origin(struct state *state, const struct origin *origin, sqlite3_int64 *ret)
{
	sqlite3_stmt *statement = use(state, FIND_ORIGIN);
	int rc;

	*ret = 0;
	if (!origin)
		return SQLITE_OK;
	bind_text(statement, 1, origin->event_id);
	rc = number_of(statement, ret);
	return rc || *ret ? rc : add_origin(state, origin, ret);
}

static void bind_owned(sqlite3_stmt *statement, sqlite3_int64 socket, const struct owned *owned,
		       sqlite3_int64 creator, sqlite3_int64 starter)
{
	sqlite3_bind_int64(statement, 1, socket);
	bind_text(statement, 2, owned->id);
	bind_text(statement, 3, owned->name);
	bind_text(statement, 4, owned->image);
	bind_reference(statement, 5, creator);
	bind_reference(statement, 6, starter);
	bind_number(statement, 7, owned->starter_known);
	bind_number(statement, 8, owned->created);
	bind_number(statement, 9, owned->started);
	bind_number(statement, 10, owned->died);
	bind_number(statement, 11, owned->labels & ((1u << ATTRIBUTES) - 1));
	bind_number(statement, 12, owned->labels_known);
	bind_number(statement, 13, owned->swarm);
	bind_number(statement, 14, owned->stopped);
	bind_number(statement, 15, owned->witnessed);
}

static int write_owned(struct state *state, sqlite3_int64 socket, const struct owned *owned)
{
	sqlite3_int64 creator, starter;
	sqlite3_stmt *statement;
	int rc = write_origin(state, owned->creator, &creator);

	if (!rc)
		rc = write_origin(state, owned->starter, &starter);
	if (rc)
		return rc;
	statement = use(state, CHANGE_CONTAINER);
	bind_owned(statement, socket, owned, creator, starter);
	rc = finish(statement);
	if (rc || sqlite3_changes(state->database))
		return rc;
	statement = use(state, ADD_CONTAINER);
	bind_owned(statement, socket, owned, creator, starter);
	state->containers++;
	return finish(statement);
}

static int forget_deed(struct state *state, sqlite3_int64 container)
{
	sqlite3_stmt *statement = use(state, FORGET_DEED);

	sqlite3_bind_int64(statement, 1, container);
	sqlite3_bind_int64(statement, 2, FIRST_DEEDS);
	sqlite3_bind_int64(statement, 3, LAST_DEEDS);
	return finish(statement);
}

static int add_deed(struct state *state, sqlite3_int64 container, const struct deed *deed)
{
	sqlite3_int64 origin;
	int rc = write_origin(state, deed->origin, &origin);
	sqlite3_stmt *statement = use(state, ADD_DEED);

	if (rc)
		return rc;
	sqlite3_bind_int64(statement, 1, container);
	bind_text(statement, 2, deed->action.data ? deed->action : bytes_of(""));
	bind_text(statement, 3, deed->command);
	bind_text(statement, 4, deed->exec_id);
	if (deed->has_exit_code)
		sqlite3_bind_int64(statement, 5, deed->exit_code);
	else
		sqlite3_bind_null(statement, 5);
	bind_number(statement, 6, deed->time);
	bind_word(statement, 7, cause_kind_name(deed->kind));
	bind_word(statement, 8, cause_basis_name(deed->basis));
	bind_word(statement, 9, cause_reason_name(deed->reason));
	bind_reference(statement, 10, origin);
	rc = finish(statement);
	return rc ? rc : forget_deed(state, container);
}

/* One of a container that was forgotten, or never put, has nowhere to go. */
static int write_deed(struct state *state, sqlite3_int64 socket, const struct item *item)
{
	sqlite3_stmt *statement = use(state, FIND_CONTAINER);
	sqlite3_int64 container;
	int rc;

	sqlite3_bind_int64(statement, 1, socket);
	bind_text(statement, 2, item->id);
	rc = number_of(statement, &container);
	return rc || !container ? rc : add_deed(state, container, &item->deed);
}

static void bind_exec(sqlite3_stmt *statement, sqlite3_int64 socket, const struct owned_exec *exec,
		      sqlite3_int64 starter)
{
	sqlite3_bind_int64(statement, 1, socket);
	bind_text(statement, 2, exec->id);
	bind_text(statement, 3, exec->container_id);
	bind_reference(statement, 4, starter);
	bind_number(statement, 5, exec->health_check);
}

static int write_exec(struct state *state, sqlite3_int64 socket, const struct owned_exec *exec)
{
	sqlite3_stmt *statement = NULL;
	sqlite3_int64 starter;
	int rc = write_origin(state, exec->starter, &starter);

	if (rc)
		return rc;
	statement = use(state, CHANGE_EXEC);
	bind_exec(statement, socket, exec, starter);
	rc = finish(statement);
	if (rc || sqlite3_changes(state->database))
		return rc;
	statement = use(state, ADD_EXEC);
	bind_exec(statement, socket, exec, starter);
	rc = finish(statement);
	if (rc)
		return rc;
	statement = use(state, FORGET_EXECS);
	sqlite3_bind_int64(statement, 1, EXECS_MAX);
	return finish(statement);
}

/* Runs STATEMENT on what SOCKET and ID name. */
static int write_end(struct state *state, enum statement statement, sqlite3_int64 socket,
		     struct bytes id)
{
	sqlite3_stmt *prepared = use(state, statement);

	sqlite3_bind_int64(prepared, 1, socket);
	bind_text(prepared, 2, id);
	return finish(prepared);
}

static int write_removed(struct state *state, sqlite3_int64 socket, const struct item *item)
{
	sqlite3_stmt *statement = use(state, REMOVE_CONTAINER);
	int rc;

	sqlite3_bind_int64(statement, 1, socket);
	bind_text(statement, 2, item->id);
	bind_number(statement, 3, item->time ? item->time : 1);
	rc = finish(statement);
	return rc ? rc : write_end(state, END_EXECS, socket, item->id);
}

static int write_item(struct state *state, const struct item *item)
{
	sqlite3_int64 socket;
	int rc = find_socket(state, item->socket, &socket);

	if (rc)
		return rc;
	switch (item->kind) {
	case ITEM_OWNED:
		return write_owned(state, socket, &item->owned);
	case ITEM_DEED:
		return write_deed(state, socket, item);
	case ITEM_EXEC:
		return write_exec(state, socket, &item->exec);
	case ITEM_EXEC_ENDED:
		return write_end(state, END_EXEC, socket, item->id);
	default:
		return write_removed(state, socket, item);
	}
}

static int write_positions(struct state *state)
{
	int rc = SQLITE_OK;

	for (unsigned int i = 0; i < state->socket_count && !rc; i++) {
		sqlite3_stmt *statement;
		sqlite3_int64 socket;

		if (!state->positions[i])
			continue;
		rc = find_socket(state, i, &socket);
		statement = use(state, SET_POSITION);
		sqlite3_bind_int64(statement, 1, socket);
		bind_number(statement, 2, state->positions[i]);
		if (!rc)
			rc = finish(statement);
	}
	return rc;
}

static int forget_containers(struct state *state, sqlite3_int64 count)
{
	sqlite3_stmt *statement = use(state, FORGET_CONTAINERS);
	int rc;

	sqlite3_bind_int64(statement, 1, count);
	rc = finish(statement);
	state->containers -= rc ? 0 : sqlite3_changes(state->database);
	return rc;
}

/* Some more than need be, so that it need not be each time. */
static int keep_bounds(struct state *state)
{
	sqlite3_int64 pages = 0, unused = 0;
	int rc;

	if (state->containers > STATE_CONTAINERS_MAX)
		return forget_containers(state,
					 state->containers - STATE_CONTAINERS_MAX + FORGET_AT_ONCE);
	rc = number_of(use(state, PAGE_COUNT), &pages);
	if (!rc)
		rc = number_of(use(state, FREE_COUNT), &unused);
	if (rc || (uint64_t)(pages - unused) * 4096 <= STATE_SIZE_MAX)
		return rc;
	return forget_containers(state, FORGET_AT_ONCE);
}

static void free_item(struct item *item)
{
	if (item->kind == ITEM_OWNED) {
		origin_unref(item->owned.creator);
		origin_unref(item->owned.starter);
	} else if (item->kind == ITEM_DEED) {
		origin_unref(item->deed.origin);
	} else if (item->kind == ITEM_EXEC) {
		origin_unref(item->exec.starter);
	}
	free(item);
}

static void drop_first(struct state *state)
{
	struct item *item = state->first;

	state->first = item->next;
	if (!state->first)
		state->last = &state->first;
	state->weight -= item->weight;
	free_item(item);
}

/* Writes what waits, up to a bound, in a transaction of its own; *RET_COUNT: how much of it. */
static int write_some(struct state *state, unsigned int *ret_count)
{
	struct item *item = state->first;
	unsigned int count = 0;
	int rc = SQLITE_OK;

	if (state->containers < 0)
		rc = number_of(use(state, COUNT_CONTAINERS), &state->containers);
	for (; item && count < BATCH_MAX && !rc; item = item->next, count++)
		rc = write_item(state, item);
	/* What was told up to there is written by then, or was dropped. */
	if (!rc && !item && state->position_set)
		rc = write_positions(state);
	*ret_count = count;
	return rc ? rc : keep_bounds(state);
}

static int write_batch(struct state *state)
{
	unsigned int count;
	int rc = run(state, BEGIN);

	if (rc)
		return rc;
	rc = write_some(state, &count);
	if (!rc)
		rc = run(state, COMMIT);
	if (rc) {
		if (!sqlite3_get_autocommit(state->database))
			run(state, ROLLBACK);
		state->containers = -1;
		return rc;
	}
	while (count--)
		drop_first(state);
	if (!state->first)
		state->position_set = false;
	remember_sockets(state);
	return SQLITE_OK;
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

/* 0 or -errno. */
static int try_to_write(struct state *state)
{
	int error, rc;

	leave_if_moved(state);
	error = state->database ? 0 : begin_anew(state);
	if (error)
		return error;
	rc = write_batch(state);
	if (!is_damage(rc))
		return error_of(state, rc);
	error = begin_anew(state);
	return error ? error : error_of(state, write_batch(state));
}

/* --- Putting ------------------------------------------------------------------------------------- */

static size_t weight_of(const struct origin *origin)
{
	const struct caller *caller = origin ? origin->caller : NULL;
	size_t weight = origin ? sizeof(*origin) : 0;

	if (caller)
		weight += caller->shared.size;
	return caller && caller->lineage ? weight + caller->lineage->shared.size : weight;
}

/* An item with room for SIZE bytes; NULL, and it is dropped: no room for it. */
static struct item *new_item(struct state *state, enum item_kind kind, unsigned int socket,
			     size_t size, size_t referenced, char **ret_room)
{
	size_t weight = sizeof(struct item) + size + referenced;
	struct item *item = NULL;

	if (socket < state->socket_count && weight <= QUEUE_MAX - state->weight)
		item = malloc(sizeof(*item) + size);
	if (!item) {
		state->dropped++;
		return NULL;
	}
	*item = (struct item){.kind = kind, .socket = socket, .weight = weight};
	*state->last = item;
	state->last = &item->next;
	state->weight += weight;
	*ret_room = (char *)(item + 1);
	return item;
}

static struct bytes bounded(struct bytes text)
{
	return text.data && text.size <= NAME_SIZE_MAX ? text : (struct bytes){0};
}

static struct bytes copy(struct bytes text, char **room)
{
	char *at = *room;

	if (!text.data)
		return text;
	memcpy(at, text.data, text.size);
	*room += text.size;
	return (struct bytes){at, text.size};
}

static void put(void *data, unsigned int socket, const struct owned *owned)
{
	struct bytes name = bounded(owned->name), image = bounded(owned->image);
	struct item *item;
	char *room;

	if (!is_id(owned->id))
		return;
	item = new_item(data, ITEM_OWNED, socket, ID_SIZE + name.size + image.size,
			weight_of(owned->creator) + weight_of(owned->starter), &room);
	if (!item)
		return;
	item->owned = *owned;
	item->owned.id = copy(owned->id, &room);
	item->owned.name = copy(name, &room);
	item->owned.image = copy(image, &room);
	origin_ref(owned->creator);
	origin_ref(owned->starter);
}

static void put_deed(void *data, unsigned int socket, struct bytes id, const struct deed *deed)
{
	struct bytes action = bounded(deed->action), command = cut(deed->command);
	struct bytes exec_id = is_id(deed->exec_id) ? deed->exec_id : (struct bytes){0};
	struct item *item;
	char *room;

	if (!is_id(id))
		return;
	item = new_item(data, ITEM_DEED, socket,
			ID_SIZE + action.size + command.size + exec_id.size,
			weight_of(deed->origin), &room);
	if (!item)
		return;
	item->deed = *deed;
	item->id = copy(id, &room);
	item->deed.action = copy(action, &room);
	item->deed.command = copy(command, &room);
	item->deed.exec_id = copy(exec_id, &room);
	origin_ref(deed->origin);
}

static void put_exec(void *data, unsigned int socket, const struct owned_exec *exec)
{
	bool in_container = is_id(exec->container_id);
	struct item *item;
	char *room;

	if (!is_id(exec->id))
		return;
	item = new_item(data, ITEM_EXEC, socket, 2 * ID_SIZE, weight_of(exec->starter), &room);
	if (!item)
		return;
	item->exec = *exec;
	item->exec.id = copy(exec->id, &room);
	item->exec.container_id =
		in_container ? copy(exec->container_id, &room) : (struct bytes){0};
	origin_ref(exec->starter);
}

static void put_end(void *data, enum item_kind kind, unsigned int socket, struct bytes id,
		    uint64_t time)
{
	struct item *item;
	char *room;

	if (!is_id(id))
		return;
	item = new_item(data, kind, socket, ID_SIZE, 0, &room);
	if (!item)
		return;
	item->id = copy(id, &room);
	item->time = time;
}

static void end_exec(void *data, unsigned int socket, struct bytes id)
{
	put_end(data, ITEM_EXEC_ENDED, socket, id, 0);
}

static void put_removed(void *data, unsigned int socket, struct bytes id, uint64_t time)
{
	put_end(data, ITEM_REMOVED, socket, id, time);
}

/* --- What others call ---------------------------------------------------------------------------- */

static void free_state(struct state *state, bool untouched)
{
	close_database(state, untouched);
	while (state->first)
		drop_first(state);
	if (state->lock >= 0)
		close(state->lock);
	text_free(&state->packed);
	free(state->positions);
	free(state->socket_rows);
	free(state->path);
	free(state);
}

static struct state *new_state(const char *path, const char *const *sockets,
			       const struct record_context *context)
{
	struct state *state = calloc(1, sizeof(*state));

	if (!state)
		return NULL;
	while (sockets && sockets[state->socket_count])
		state->socket_count++;
	state->path = strdup(path);
	state->context = context;
	state->boot_id = bytes_of(context->boot_id);
	state->sockets = sockets;
	state->positions = calloc(state->socket_count + 1, sizeof(*state->positions));
	state->socket_rows = calloc(state->socket_count + 1, sizeof(*state->socket_rows));
	state->last = &state->first;
	state->containers = -1;
	state->lock = -1;
	state->message_taken = true;
	if (state->path && state->positions && state->socket_rows)
		return state;
	free_state(state, true);
	return NULL;
}

static int read_positions(struct state *state)
{
	int rc = SQLITE_OK;

	for (unsigned int i = 0; i < state->socket_count && !rc; i++) {
		struct row row = {use(state, FIND_SOCKET), 1};

		bind_word(row.statement, 1, state->sockets[i]);
		rc = sqlite3_step(row.statement);
		if (rc == SQLITE_ROW)
			state->positions[i] = take_number(&row, INT64_MAX);
		rc = row.bad				     ? SQLITE_CORRUPT
		     : rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK
							     : rc;
		sqlite3_reset(row.statement);
	}
	return rc;
}

static int use_positions(struct state *state)
{
	int rc = read_positions(state);

	return is_damage(rc) ? begin_anew(state) : error_of(state, rc);
}

int state_open(const char *path, const char *const *sockets, const struct record_context *context,
	       struct state **ret, char *message, size_t size)
{
	struct state *state = new_state(path, sockets, context);
	const char *told;
	int error;

	*message = '\0';
	if (!state) {
		say(message, size, "out of memory");
		return -ENOMEM;
	}
	error = prepare_directory(path, message, size);
	if (!error)
		error = take_lock(state, message, size);
	if (!error)
		error = open_or_begin(state, message, size);
	if (!error)
		error = use_positions(state);
	told = state_message(state);
	if (told && !*message)
		say(message, size, "%s", told);
	if (error) {
		free_state(state, true);
		return error;
	}
	*ret = state;
	return 0;
}

void state_close(struct state *state)
{
	size_t before;

	if (!state)
		return;
	do {
		before = state->weight;
	} while (state_is_dirty(state) && !try_to_write(state) && state->weight < before);
	free_state(state, false);
}

struct keeper state_keeper(struct state *state)
{
	if (!state)
		return (struct keeper){0};
	return (struct keeper){
		.data = state,
		.put = put,
		.deed = put_deed,
		.put_exec = put_exec,
		.end_exec = end_exec,
		.remove = put_removed,
	};
}

/* Tells of the containers, then of the execs of a socket; 0, a callback's result, or *RET_RC. */
static int load(struct state *state, struct known *known, sqlite3_int64 socket, void *data,
		int (*container)(void *data, const struct owned *owned),
		int (*exec)(void *data, const struct owned_exec *exec), int *ret_rc)
{
	static const enum statement lists[] = {LIST_CONTAINERS, LIST_EXECS};
	int result = 0, rc = SQLITE_OK;

	for (size_t i = 0; i < COUNT(lists) && !rc && !result; i++) {
		struct row row = {use(state, lists[i])};
		struct owned owned;
		struct owned_exec owned_exec;

		sqlite3_bind_int64(row.statement, 1, socket);
		while (!rc && !result && (rc = sqlite3_step(row.statement)) == SQLITE_ROW) {
			row.at = 0;
			rc = i ? read_exec(state, known, &row, &owned_exec)
			       : read_owned(state, known, &row, &owned);
			if (!rc)
				result = i ? exec(data, &owned_exec) : container(data, &owned);
		}
		rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
		sqlite3_reset(row.statement);
	}
	*ret_rc = rc;
	return result;
}

int state_load(struct state *state, unsigned int socket, void *data,
	       int (*container)(void *data, const struct owned *owned),
	       int (*exec)(void *data, const struct owned_exec *exec))
{
	sqlite3_stmt *statement;
	sqlite3_int64 id;
	struct known *known;
	int rc, result = 0;

	if (!state || !state->database || socket >= state->socket_count)
		return 0;
	known = known_new();
	statement = use(state, FIND_SOCKET);
	bind_word(statement, 1, state->sockets[socket]);
	rc = known ? number_of(statement, &id) : SQLITE_NOMEM;
	if (!rc && id)
		result = load(state, known, id, data, container, exec, &rc);
	known_free(known);
	if (is_damage(rc))
		begin_anew(state);
	return result ? result : error_of(state, rc);
}

uint64_t state_position(struct state *state, unsigned int socket)
{
	return state && socket < state->socket_count ? state->positions[socket] : 0;
}

void state_set_position(struct state *state, unsigned int socket, uint64_t position)
{
	if (!state || socket >= state->socket_count || state->positions[socket] == position)
		return;
	state->positions[socket] = position;
	state->position_set = true;
}

bool state_is_dirty(const struct state *state)
{
	return state && (state->first || state->position_set);
}

int state_commit(struct state *state)
{
	if (!state_is_dirty(state))
		return 0;
	if (state->failure && seconds() < state->retry)
		return state->failure;
	state->failure = try_to_write(state);
	if (!state->failure) {
		state->wait = 0;
		return 0;
	}
	state->wait = state->wait ? 2 * state->wait : RETRY_FIRST;
	if (state->wait > RETRY_MAX)
		state->wait = RETRY_MAX;
	state->retry = seconds() + state->wait;
	return state->failure;
}

uint64_t state_dropped(const struct state *state)
{
	return state ? state->dropped : 0;
}

const char *state_message(struct state *state)
{
	if (!state || state->message_taken)
		return NULL;
	state->message_taken = true;
	return state->message;
}

/* --- Explaining ---------------------------------------------------------------------------------- */

static int explain_deeds(struct state *state, struct known *known, sqlite3_int64 container,
			 void *data, void (*tell)(void *data, const struct deed *deed))
{
	struct row row = {use(state, GET_DEEDS)};
	int rc = SQLITE_OK;

	sqlite3_bind_int64(row.statement, 1, container);
	while (!rc && (rc = sqlite3_step(row.statement)) == SQLITE_ROW) {
		struct deed deed;

		row.at = 0;
		rc = read_deed(state, known, &row, &deed);
		if (!rc)
			tell(data, &deed);
	}
	sqlite3_reset(row.statement);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int explain_container(struct state *state, struct known *known, struct row *row, void *data,
			     void (*tell)(void *data, const struct state_container *container),
			     void (*deed)(void *data, const struct deed *deed))
{
	struct owned owned;
	struct state_container container = {.owned = &owned};
	sqlite3_int64 id = take_reference(row);
	int rc;

	container.socket = take_text(row);
	container.removed = take_number(row, INT64_MAX);
	container.dropped = take_number(row, INT64_MAX);
	rc = read_owned(state, known, row, &owned);
	if (rc)
		return rc;
	tell(data, &container);
	return explain_deeds(state, known, id, data, deed);
}

int state_explain(struct state *state, struct bytes key, void *data,
		  void (*container)(void *data, const struct state_container *container),
		  void (*deed)(void *data, const struct deed *deed))
{
	struct known *known;
	struct row row = {0};
	int rc = SQLITE_OK;

	if (key.size && key.data[0] == '/') /* as the engine spells names */
		key = bytes_from(key, 1);
	if (!key.size || key.size > NAME_SIZE_MAX)
		return 0;
	known = known_new();
	if (!known)
		return -ENOMEM;
	row.statement = use(state, EXPLAIN);
	bind_text(row.statement, 1, key);
	while (!rc && (rc = sqlite3_step(row.statement)) == SQLITE_ROW) {
		row.at = 0;
		rc = explain_container(state, known, &row, data, container, deed);
	}
	sqlite3_reset(row.statement);
	known_free(known);
	return error_of(state, rc == SQLITE_DONE ? SQLITE_OK : rc);
}

/* A file that nobody writes needs neither locks nor the files beside it, which could not be made everywhere. */
static int open_to_read(struct state *state)
{
	int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	char name[PATH_MAX_SIZE];
	struct stat info;
	int rc;

	say(name, sizeof(name), "%s-wal", state->path);
	if (stat(name, &info) || !info.st_size)
		flags |= SQLITE_OPEN_URI;
	if (strpbrk(state->path, "%?#")) /* they mean something in a URI */
		flags &= ~SQLITE_OPEN_URI;
	say(name, sizeof(name), "file:%s?immutable=1", state->path);
	rc = sqlite3_open_v2(flags & SQLITE_OPEN_URI ? name : state->path, &state->database, flags,
			     NULL);
	return rc ? rc : configure(state->database, READER_PATIENCE);
}

int state_open_readonly(const char *path, const struct record_context *context, struct state **ret,
			char *message, size_t size)
{
	struct state *state = new_state(path, NULL, context);
	char directory[PATH_MAX_SIZE];
	const char *why = NULL;
	struct stat info;
	int rc, error = state ? directory_of(path, directory) : -ENOMEM;

	*message = '\0';
	if (!error && stat(path, &info))
		error = -errno;
	if (!error && !S_ISREG(info.st_mode))
		error = -EINVAL;
	if (!error) {
		rc = open_to_read(state);
		if (!rc)
			rc = identify(state->database, &why);
		if (!rc)
			rc = prepare_all(state);
		error = error_of(state, rc);
	}
	if (!error) {
		*ret = state;
		return 0;
	}
	if (!why)
		why = error == -EBADMSG	 ? "is damaged"
		      : error == -EINVAL ? "is not a regular file"
					 : NULL;
	if (why)
		say(message, size, "the state file %s %s", path, why);
	else
		say(message, size, "the state file %s: %s", path, strerror(-error));
	if (state)
		free_state(state, true);
	return error;
}
