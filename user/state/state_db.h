/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database: opened only where it is as we make it, and its statements, prepared. Functions return SQLite's result
 * codes but where it says otherwise; a file or row that cannot be what was written is SQLITE_CORRUPT or the like.
 */
#ifndef CALLERD_STATE_DB_H
#define CALLERD_STATE_DB_H

#include "state/state_row.h"
#include "state/state_schema.h"

struct db {
	sqlite3 *handle; /* NULL: it is closed */
	sqlite3_stmt *prepared[STATEMENTS];
};

/* Opens the file at PATH; one without a byte becomes a database. 0 or -errno, and it is closed: -EBADMSG where it is
 * of no use. *RET_FAULT stays, or becomes what is wrong with it: "is not callerd's". */
int db_open(struct db *db, const char *path, const char **ret_fault);

/* The same, but nothing is written or made. */
int db_open_readonly(struct db *db, const char *path, const char **ret_fault);

/* UNTOUCHED leaves the files as they are. */
void db_close(struct db *db, bool untouched);

/* Whether the file was removed, or another one put in its place. */
bool db_has_moved(const struct db *db);

/* Whether RC says that the file is not what we wrote. */
bool db_is_damage(int rc);

/* 0 or -errno; of damage -EBADMSG. */
int db_error(const struct db *db, int rc);

/* STATEMENT, to be bound anew. */
sqlite3_stmt *db_use(struct db *db, enum statement statement);

/* Its rows. */
struct row db_rows(struct db *db, enum statement statement);

/* Runs STATEMENT, which has no parameters. */
int db_run(struct db *db, enum statement statement);

#endif
