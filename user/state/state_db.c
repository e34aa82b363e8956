// SPDX-License-Identifier: Apache-2.0
#include "state/state_db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own_file.h"
#include "state/state_text.h"

#define ROW_SIZE_MAX (1u << 20)
#define PATIENCE 100	     /* ms that a commit waits for another program's */
#define READER_PATIENCE 2000 /* ms */

/* --- Result codes -------------------------------------------------------------------------------- */

bool db_is_damage(int rc)
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

int db_error(const struct db *db, int rc)
{
	int error;

	if (rc == SQLITE_OK)
		return 0;
	if (db_is_damage(rc))
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
		error = db->handle ? sqlite3_system_errno(db->handle) : 0;
		return error > 0 ? -error : -EIO;
	}
}

/* --- Statements ---------------------------------------------------------------------------------- */

sqlite3_stmt *db_use(struct db *db, enum statement statement)
{
	sqlite3_reset(db->prepared[statement]);
	return db->prepared[statement];
}

struct row db_rows(struct db *db, enum statement statement)
{
	return (struct row){db_use(db, statement)};
}

int db_run(struct db *db, enum statement statement)
{
	return finish(db_use(db, statement));
}

/* The rows of a QUERY that is asked once; to be finalized. */
static struct row ask(sqlite3 *handle, const char *query)
{
	struct row row = {0};

	row.rc = sqlite3_prepare_v2(handle, query, -1, &row.statement, NULL);
	return row;
}

static int ask_number(sqlite3 *handle, const char *query, sqlite3_int64 *ret)
{
	struct row row = ask(handle, query);

	*ret = row_next(&row) ? sqlite3_column_int64(row.statement, 0) : 0;
	sqlite3_finalize(row.statement);
	return row.rc;
}

static int prepare_all(struct db *db)
{
	int rc = SQLITE_OK;

	for (int i = 0; i < STATEMENTS && !rc; i++)
		rc = sqlite3_prepare_v3(db->handle, state_statements[i], -1,
					SQLITE_PREPARE_PERSISTENT, &db->prepared[i], NULL);
	return rc;
}

/* --- Whether it is ours -------------------------------------------------------------------------- */

static int make_schema(sqlite3 *handle)
{
	char identity[96];
	int rc = sqlite3_exec(handle, "BEGIN", NULL, NULL, NULL);

	for (size_t i = 0; state_schema[i] && !rc; i++)
		rc = sqlite3_exec(handle, state_schema[i], NULL, NULL, NULL);
	snprintf(identity, sizeof(identity),
		 "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		 STATE_APPLICATION_ID, STATE_VERSION);
	return rc ? rc : sqlite3_exec(handle, identity, NULL, NULL, NULL);
}

/* A schema other than ours could do things of its own. */
static int check_schema(sqlite3 *handle)
{
	struct row row =
		ask(handle, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid");

	for (size_t i = 0; state_schema[i] && row_get(&row); i++)
		if (!bytes_equal(row_text(&row), bytes_of(state_schema[i])))
			row.rc = SQLITE_CORRUPT;
	if (row_next(&row)) /* there is more */
		row.rc = SQLITE_CORRUPT;
	sqlite3_finalize(row.statement);
	return row.rc;
}

/* Whether it is ours: *RET_FAULT, where it is not. */
static int identify(sqlite3 *handle, const char **ret_fault)
{
	sqlite3_int64 application, version;
	int rc = ask_number(handle, "PRAGMA application_id", &application);

	if (!rc)
		rc = ask_number(handle, "PRAGMA user_version", &version);
	if (rc)
		return rc;
	if (application != STATE_APPLICATION_ID) {
		*ret_fault = "is not callerd's";
		return SQLITE_NOTADB;
	}
	if (version != STATE_VERSION) {
		*ret_fault = "is of another version of callerd";
		return SQLITE_NOTADB;
	}
	return check_schema(handle);
}

static int check_pages(sqlite3 *handle)
{
	struct row row = ask(handle, "PRAGMA quick_check(1)");

	if (row_get(&row) && !bytes_equal(row_text(&row), bytes_of("ok")))
		row.rc = SQLITE_CORRUPT;
	sqlite3_finalize(row.statement);
	return row.rc;
}

/* --- Opening ------------------------------------------------------------------------------------- */

/* A file may be anybody's work; whatever it says, it makes SQLite do nothing but read and write it. */
static int configure(sqlite3 *handle, int patience)
{
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
	sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, ROW_SIZE_MAX);
	sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_busy_timeout(handle, patience);
	return sqlite3_exec(handle,
			    "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
			    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096",
			    NULL, NULL, NULL);
}

static int open_handle(struct db *db, const char *name, int flags, int patience)
{
	int rc = sqlite3_open_v2(name, &db->handle,
				 flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

	return rc ? rc : configure(db->handle, patience);
}

static int open_to_write(struct db *db, const char *path, const char **ret_fault)
{
	sqlite3_int64 pages = 0;
	int rc = open_handle(db, path, SQLITE_OPEN_READWRITE, PATIENCE);

	if (!rc)
		rc = ask_number(db->handle, "PRAGMA page_count", &pages);
	if (!rc && !pages)
		rc = make_schema(db->handle);
	if (!rc)
		rc = identify(db->handle, ret_fault);
	if (!rc && sqlite3_db_readonly(db->handle, "main") > 0 && !access(path, W_OK))
		rc = SQLITE_CORRUPT; /* it says of itself that only later versions may write to it */
	if (!rc)
		rc = check_pages(db->handle);
	if (!rc)
		rc = sqlite3_exec(db->handle,
				  "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
				  "PRAGMA wal_autocheckpoint = 1000;"
				  "PRAGMA journal_size_limit = 8388608",
				  NULL, NULL, NULL);
	return rc ? rc : prepare_all(db);
}

/* A file that nobody writes needs neither locks nor the files beside it, which could not be made everywhere. */
static int open_to_read(struct db *db, const char *path, const char **ret_fault)
{
	char name[STATE_PATH_SIZE];
	struct stat info;
	bool written;
	int rc;

	snprintf(name, sizeof(name), "%s-wal", path);
	written = !stat(name, &info) && info.st_size;
	if (written || strpbrk(path, "%?#")) { /* they mean something in a URI */
		rc = open_handle(db, path, SQLITE_OPEN_READONLY, READER_PATIENCE);
	} else {
		snprintf(name, sizeof(name), "file:%s?immutable=1", path);
		rc = open_handle(db, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, READER_PATIENCE);
	}
	if (!rc)
		rc = identify(db->handle, ret_fault);
	return rc ? rc : prepare_all(db);
}

/* 0, or it is closed again. */
static int opened(struct db *db, int rc)
{
	int error = db_error(db, rc);

	if (error)
		db_close(db, true);
	return error;
}

int db_open(struct db *db, const char *path, const char **ret_fault)
{
	return opened(db, open_to_write(db, path, ret_fault));
}

int db_open_readonly(struct db *db, const char *path, const char **ret_fault)
{
	return opened(db, open_to_read(db, path, ret_fault));
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
