/* SPDX-License-Identifier: Apache-2.0 */
/* The database: it is opened only where it is sound and of this version, and its statements are prepared. Functions
 * return 0 or -errno, but where it says otherwise; -EBADMSG: the file is damaged. */
#ifndef CALLERD_DB_H
#define CALLERD_DB_H

#include <sqlite3.h>
#include <stdint.h>

#include "record/record.h"
#include "state/state_schema.h"

struct db {
	sqlite3 *handle; /* NULL: it is closed */
	sqlite3_stmt *prepared[STATEMENTS];
	const struct record_context *context; /* this boot */
	/* With a caller's number added: an id that no row had when the database was opened. */
	uint64_t callers;
	/* Of the reading that is under way: the origins that were read, each once, of tsearch(); and memory for the
	 * texts of the next one. */
	void *origins;
	char *memory;
	size_t used;
};

/* Opens the file at PATH. READONLY: nothing is written or made; else a file without a byte becomes a database.
 * CONTEXT
 * stays. Where it fails, it is closed. With -EBADMSG, *RET_FAULT stays or says what is wrong with it: "is not callerd's". */
int db_open(struct db *db, const char *path, const struct record_context *context, bool readonly,
	    const char **ret_fault);

/* UNTOUCHED leaves the files as they are. */
void db_close(struct db *db, bool untouched);

/* Whether the file was removed, or another one put in its place. */
bool db_has_moved(const struct db *db);

/* Runs SQL that is not prepared. */
int db_do(struct db *db, const char *sql);

/* STATEMENT, to be bound anew. */
sqlite3_stmt *db_use(struct db *db, enum state_statement statement);

/* TEXT stays until the statement was run; data NULL is NULL. */
void db_bind_text(sqlite3_stmt *statement, int at, struct bytes text);

/* Runs a statement that is bound. */
int db_run(sqlite3_stmt *statement);

/* The number that a statement yields; 0: no row, or NULL. */
int db_get_number(struct db *db, enum state_statement statement, uint64_t *ret);

/* The rows that a statement yields for a key or an id. */
struct rows {
	sqlite3_stmt *statement;
	int error;
};

struct rows db_rows(struct db *db, enum state_statement statement, struct bytes key);
struct rows db_rows_of(struct db *db, enum state_statement statement, sqlite3_int64 id);

/* The next row. False: there is none, or .error says why not. */
bool db_next(struct rows *rows);

/* A text of the row, until the next one; data NULL: NULL. */
struct bytes db_text(const struct rows *rows, int at);

/* To be called after the last row; returns .error. */
int db_end(struct rows *rows);

#endif
