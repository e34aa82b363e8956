/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the database, the members of structs that their columns hold, and all statements that are run on them. */
#ifndef CALLERD_STATE_SCHEMA_H
#define CALLERD_STATE_SCHEMA_H

#include "base/bytes.h"

#define STATE_APPLICATION_ID 0x63616c64 /* "cald" */
#define STATE_VERSION 10		/* of the schema, and of the words in its rows */

#define STATE_CUT_SIZE 1024 /* of commands, and of details of findings */

/* --- Columns ------------------------------------------------------------------------------------- */

enum state_column_kind {
	COLUMN_INTEGER, /* bool, or an integer of 4 or 8 bytes */
	COLUMN_ID,	/* struct bytes: 64 hex digits */
	COLUMN_TEXT,	/* struct bytes of at most 4 KiB */
	COLUMN_CUT,	/* struct bytes, of which the first KiB is kept */
	COLUMN_LONG, /* struct bytes of at most 64 KiB: the most that the kernel sends of a caller */
	COLUMN_TERMINAL, /* char[] */
	COLUMN_ORIGIN,	 /* struct origin *, as its event_id */
	/* Enums, as the words that records have for them; the value that has no word is NULL. */
	COLUMN_OPERATION,
	COLUMN_ACTION,
	COLUMN_CAUSE,
	COLUMN_BASIS,
	COLUMN_REASON,
	COLUMN_FINDING,
	COLUMN_SEVERITY,
};

struct state_column {
	enum state_column_kind kind;
	unsigned int at, size; /* of the member */
};

/* The columns that hold a struct, in the order in which statements name them. */
struct state_columns {
	unsigned int count;
	const struct state_column *list;
};

extern const struct state_columns state_owned_columns, state_deed_columns, state_exec_columns,
	state_removed_columns, state_origin_columns, state_finding_columns, state_caller_columns,
	state_process_columns, state_guarded_columns, state_login_columns;

/* Whether a column of this kind holds a struct bytes. */
static inline bool state_column_is_text(enum state_column_kind kind)
{
	return kind >= COLUMN_ID && kind <= COLUMN_LONG;
}

/* What a column of this kind keeps of TEXT; data NULL: nothing. */
struct bytes state_column_text(enum state_column_kind kind, struct bytes text);

/* The word for VALUE in a column of this kind; NULL: it has none. */
const char *state_column_word(enum state_column_kind kind, unsigned int value);

/* --- Statements ---------------------------------------------------------------------------------- */

#define STATE_EXECS_MAX 4096 /* the end of some may never be told */

/* Makes an empty file a database. Rows that nothing refers to any more are deleted by themselves. */
extern const char state_schema[];

/* clang-format off */
enum state_statement {
	/* ?1 is the socket of an engine, ?2 the id of a container or an exec; then come columns. */
	PUT_CONTAINER, ADD_DEED, PUT_EXEC, END_EXEC, REMOVE_CONTAINER,
	FORGET_DEED, FORGET_EXECS, END_EXECS,
	SET_POSITION, GET_POSITION,
	PUT_GUARDED, /* the columns alone */
	LIST_GUARDED,
	PUT_LOGIN, /* the columns alone */
	LIST_LOGINS,
	/* ?1 is what the row belongs to, ?2 its number among those of it; then come columns. */
	ADD_FINDING, ADD_PROCESS,
	/* ?1 is the id of the caller, of an origin ?2 and ?3 those of who is behind, and of who asked a relay; then come columns. */
	ADD_ORIGIN, ADD_CALLER,
	/* ?1 is the socket, or the row that the wanted rows belong to. */
	LIST_CONTAINERS, LIST_EXECS, GET_DEEDS, GET_ORIGIN, GET_FINDINGS, GET_CALLER, GET_PROCESSES,
	FIND_STORIES, /* ?1: an id, the beginning of one, or a name */
	GET_LAST_CALLER, COUNT_CONTAINERS, COUNT_BYTES,
	FORGET_CONTAINERS, /* ?1: how many */
	STATEMENTS,
	NOTHING = STATEMENTS,
};
/* clang-format on */

extern const char *const state_statements[STATEMENTS];

#endif
