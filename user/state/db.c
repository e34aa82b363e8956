// SPDX-License-Identifier: Apache-2.0
#include "state/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"
#include "system/own_file.h"

#define CALLER_BITS 40 /* of a caller's id, for its number within a life of the agent */
#define ROW_SIZE_MAX (1u << 20)
#define PATIENCE 100	     /* ms that a commit waits for another program's */
#define READER_PATIENCE 2000 /* ms */

/* What SQLite's RC means: 0 or -errno. */
static int error_of(sqlite3 *handle, int rc)
{
	int error;

	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_ERROR: /* no such table, malformed schema */
	case SQLITE_SCHEMA:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
		return -EBADMSG;
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
		error = handle ? sqlite3_system_errno(handle) : 0;
		return error > 0 ? -error : -EIO;
	}
}

/* --- Statements ---------------------------------------------------------------------------------- */

int db_do(struct db *db, const char *sql)
{
	return error_of(db->handle, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

sqlite3_stmt *db_use(struct db *db, enum state_statement statement)
{
	assert(db->handle && statement < STATEMENTS);
	sqlite3_reset(db->prepared[statement]);
	return db->prepared[statement];
}

void db_bind_text(sqlite3_stmt *statement, int at, struct bytes text)
{
	if (text.data)
		sqlite3_bind_text(statement, at, text.data, (int)text.size, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, at);
}

int db_run(sqlite3_stmt *statement)
{
	struct rows rows = {statement};

	while (db_next(&rows))
		;
	return db_end(&rows);
}

int db_get_number(struct db *db, enum state_statement statement, uint64_t *ret)
{
	struct rows rows = {db->prepared[statement]};

	*ret = db_next(&rows) ? (uint64_t)sqlite3_column_int64(rows.statement, 0) : 0;
	return db_end(&rows);
}

struct rows db_rows(struct db *db, enum state_statement statement, struct bytes key)
{
	struct rows rows = {db_use(db, statement)};

	db_bind_text(rows.statement, 1, key);
	return rows;
}

struct rows db_rows_of(struct db *db, enum state_statement statement, sqlite3_int64 id)
{
	struct rows rows = {db_use(db, statement)};

	sqlite3_bind_int64(rows.statement, 1, id);
	return rows;
}

bool db_next(struct rows *rows)
{
	int rc;

	if (rows->error)
		return false;
	rc = sqlite3_step(rows->statement);
	rows->error = error_of(sqlite3_db_handle(rows->statement), rc);
	return rc == SQLITE_ROW;
}

struct bytes db_text(const struct rows *rows, int at)
{
	/* A text, too, and as it is. */
	struct bytes text = {sqlite3_column_blob(rows->statement, at)};

	text.size = (size_t)sqlite3_column_bytes(rows->statement, at);
	if (!text.data && sqlite3_column_type(rows->statement, at) != SQLITE_NULL)
		text.data = "";
	return text;
}

int db_end(struct rows *rows)
{
	sqlite3_reset(rows->statement);
	return rows->error;
}

/* --- Whether it is ours -------------------------------------------------------------------------- */

CLEANUP_DEFINE(drop_statement, sqlite3_stmt *, sqlite3_finalize)

/* The number that QUERY yields, which is asked once. */
static int db_ask(struct db *db, const char *query, int *ret)
{
	_cleanup_(drop_statement) sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db->handle, query, -1, &statement, NULL);

	if (!rc)
		rc = sqlite3_step(statement);
	*ret = rc == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
	return error_of(db->handle, rc);
}

/* *RET_FAULT becomes what is wrong with a file that is whole and not ours. */
static int db_identify(struct db *db, const char **ret_fault)
{
	int application, version,
		error = db_ask(db, "PRAGMA application_id", &application)
				?: db_ask(db, "PRAGMA user_version", &version);

	if (error || (application == STATE_APPLICATION_ID && version == STATE_VERSION))
		return error;
	*ret_fault = application == STATE_APPLICATION_ID ? "is of another version of callerd"
							 : "is not callerd's";
	return -EBADMSG;
}

/* Whether SQLite finds its pages sound, and each column of its type. */
static int db_check(struct db *db)
{
	/* Without an argument: newer versions take a number there for the name of a table. */
	int faults, error = db_ask(db,
				   "SELECT count(*) FROM (SELECT 1 FROM pragma_quick_check"
				   " WHERE quick_check <> 'ok' LIMIT 1)",
				   &faults);

	return error || !faults ? error : -EBADMSG;
}

static int prepare_all(struct db *db)
{
	uint64_t last = 0;
	int rc = SQLITE_OK, error;

	for (int i = 0; i < STATEMENTS && !rc; i++)
		rc = sqlite3_prepare_v3(db->handle, state_statements[i], -1,
					SQLITE_PREPARE_PERSISTENT, &db->prepared[i], NULL);
	error = error_of(db->handle, rc);
	if (!error)
		error = db_get_number(db, GET_LAST_CALLER, &last);
	db->callers = ((last >> CALLER_BITS) + 1) << CALLER_BITS;
	return error;
}

/* --- Opening ------------------------------------------------------------------------------------- */

/* Whatever the file says, it makes SQLite do nothing but read and write it. */
static int open_handle(struct db *db, const char *name, int flags, int patience)
{
	int rc = sqlite3_open_v2(name, &db->handle,
				 flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

	if (rc)
		return error_of(db->handle, rc);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, ROW_SIZE_MAX);
	sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_busy_timeout(db->handle, patience);
	return db_do(db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
			 "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096");
}

static int db_open_file(const char *path, int flags, int mode)
{
	return broker_open(AT_FDCWD, path, flags, (mode_t)mode);
}

static int db_stat_file(const char *path, struct stat *ret)
{
	return broker_stat(AT_FDCWD, path, ret, 0);
}

static int db_lstat_file(const char *path, struct stat *ret)
{
	return broker_stat(AT_FDCWD, path, ret, AT_SYMLINK_NOFOLLOW);
}

static int db_unlink_file(const char *path)
{
	return broker_unlink(AT_FDCWD, path, 0);
}

static ssize_t db_readlink_file(const char *path, char *ret, size_t size)
{
	return broker_readlink(AT_FDCWD, path, ret, size);
}

/* SQLite makes and removes files beside the file itself while it is open. */
static void db_use_broker(void)
{
	static const struct {
		const char *name;
		sqlite3_syscall_ptr call;
	} calls[] = {
		{"open", (sqlite3_syscall_ptr)db_open_file},
		{"stat", (sqlite3_syscall_ptr)db_stat_file},
		{"lstat", (sqlite3_syscall_ptr)db_lstat_file},
		{"unlink", (sqlite3_syscall_ptr)db_unlink_file},
		{"readlink", (sqlite3_syscall_ptr)db_readlink_file},
	};
	sqlite3_vfs *files = sqlite3_vfs_find(NULL);

	for (size_t i = 0; files && i < COUNT(calls); i++)
		files->xSetSystemCall(files, calls[i].name, calls[i].call);
}

static bool may_write_to(const char *path)
{
	_close_ int fd = broker_open(AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0);

	return fd >= 0;
}

static int open_to_write(struct db *db, const char *path, const char **ret_fault)
{
	int pages = 0, error = open_handle(db, path, SQLITE_OPEN_READWRITE, PATIENCE);

	if (!error)
		error = db_ask(db, "PRAGMA page_count", &pages);
	if (!error && !pages)
		error = db_do(db, state_schema);
	if (!error)
		error = db_identify(db, ret_fault);
	if (!error && sqlite3_db_readonly(db->handle, "main") > 0 && may_write_to(path))
		error = -EBADMSG; /* it says of itself that only later versions may write to it */
	if (!error)
		error = db_check(db);
	if (!error)
		error = db_do(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
				  "PRAGMA wal_autocheckpoint = 1000;"
				  "PRAGMA journal_size_limit = 8388608");
	return error;
}

/* A file that nobody writes needs neither locks nor the files beside it, which could not be made everywhere. */
static int open_to_read(struct db *db, const char *path, const char **ret_fault)
{
	char name[OWN_FILE_PATH_SIZE];
	struct stat info;
	bool written;
	int error;

	snprintf(name, sizeof(name), "%s-wal", path);
	written = !stat(name, &info) && info.st_size;
	if (written || strpbrk(path, "%?#")) { /* they mean something in a URI */
		error = open_handle(db, path, SQLITE_OPEN_READONLY, READER_PATIENCE);
	} else {
		snprintf(name, sizeof(name), "file:%s?immutable=1", path);
		error = open_handle(db, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
				    READER_PATIENCE);
	}
	return error ? error : db_identify(db, ret_fault);
}

int db_open(struct db *db, const char *path, const struct record_context *context, bool readonly,
	    const char **ret_fault)
{
	int error;

	db_use_broker();
	error = readonly ? open_to_read(db, path, ret_fault) : open_to_write(db, path, ret_fault);

	db->context = context;
	if (!error)
		error = prepare_all(db);
	if (error)
		db_close(db, true);
	return error;
}

/* What is damaged is not written to, and what is well needs no care. */
void db_close(struct db *db, bool untouched)
{
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(db->prepared[i]);
	if (db->handle && untouched)
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close_v2(db->handle);
	*db = (struct db){0};
}

bool db_has_moved(const struct db *db)
{
	int moved = 0;

	return !sqlite3_file_control(db->handle, NULL, SQLITE_FCNTL_HAS_MOVED, &moved) && moved;
}
