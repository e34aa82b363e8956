/* SPDX-License-Identifier: Apache-2.0 */
/* What is bound to a statement of SQLite, and its rows, column by column. Result codes are SQLite's. */
#ifndef CALLERD_STATE_ROW_H
#define CALLERD_STATE_ROW_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "process/caller.h" /* struct bytes */

/* Parameters; what they point to stays until the statement was run. */
void bind_text(sqlite3_stmt *statement, int at, struct bytes text); /* too long: NULL */
void bind_word(sqlite3_stmt *statement, int at, const char *word);
void bind_number(sqlite3_stmt *statement, int at, uint64_t number);
void bind_reference(sqlite3_stmt *statement, int at, sqlite3_int64 id); /* 0: NULL */

/* Runs what yields no rows, or whose rows do not matter. */
int finish(sqlite3_stmt *statement);

/* The number in the first column of the first row; 0: there is no row. */
int finish_number(sqlite3_stmt *statement, sqlite3_int64 *ret);

/* A row that is read: {STATEMENT}, then row_next(), then a column with each of the others. */
struct row {
	sqlite3_stmt *statement;
	int at;
	int rc; /* SQLITE_CORRUPT once a column is not as it can have been written */
};

/* The next row. False: there is none, or .rc says why not. */
bool row_next(struct row *row);

/* The one row that has to be there. */
bool row_get(struct row *row);

/* Undoes it; returns .rc. */
int row_end(struct row *row);

/* Texts and blobs live until the next step; data NULL: NULL. */
struct bytes row_bytes(struct row *row, int type, size_t max);
struct bytes row_text(struct row *row);
struct bytes row_id(struct row *row);
struct bytes row_optional_id(struct row *row);
bool row_is_null(const struct row *row);
int64_t row_signed(struct row *row);
uint64_t row_number(struct row *row, uint64_t max);
bool row_flag(struct row *row);
sqlite3_int64 row_reference(struct row *row); /* 0: NULL */

#endif
