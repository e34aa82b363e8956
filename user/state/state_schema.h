/* SPDX-License-Identifier: Apache-2.0 */
/* What the database is made of, and all that is asked of it. */
#ifndef CALLERD_STATE_SCHEMA_H
#define CALLERD_STATE_SCHEMA_H

#define STATE_APPLICATION_ID 0x63616c64 /* "cald" */
#define STATE_VERSION 2 /* of the schema, the packed callers and the words in the rows */

/* The statements that make it, in this order; NULL-terminated. A file has exactly these. */
extern const char *const state_schema[];

/* clang-format off */
enum statement {
	BEGIN, COMMIT, ROLLBACK, PAGE_COUNT, FREE_COUNT,
	FIND_SOCKET, ADD_SOCKET, GET_POSITION, SET_POSITION,
	FIND_CALLER, ADD_CALLER, GET_CALLER,
	FIND_ORIGIN, ADD_ORIGIN, ADD_FINDING, GET_ORIGIN, GET_FINDINGS,
	FIND_CONTAINER, PUT_CONTAINER, REMOVE_CONTAINER, COUNT_CONTAINERS, FORGET_CONTAINERS,
	ADD_DEED, FORGET_DEED, GET_DEEDS,
	PUT_EXEC, END_EXEC, END_EXECS, FORGET_EXECS,
	LIST_CONTAINERS, LIST_EXECS, FIND_STORIES,
	STATEMENTS,
};
/* clang-format on */

extern const char *const state_statements[STATEMENTS];

#endif
