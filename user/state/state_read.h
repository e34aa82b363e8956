/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what is kept: a file may be anybody's work, so each column is checked. Functions return SQLite's result
 * codes. What callbacks get lives until they return, origins as long as they are referenced.
 */
#ifndef CALLERD_STATE_READ_H
#define CALLERD_STATE_READ_H

#include "state/state.h"
#include "state/state_db.h"

struct state_reader {
	struct db *db;
	struct bytes boot_id; /* this boot */
	void *origins;	      /* those that were read, each of them once; of tsearch() */
};

/* Forgets the origins. */
void state_reader_end(struct state_reader *reader);

/* Each container of the engine at SOCKET that is not gone; each exec. *RESULT: what the last callback returned; other
 * than 0, nothing more is read. */
int state_read_containers(struct state_reader *reader, const char *socket, void *data,
			  int (*callback)(void *data, const struct owned *owned), int *result);
int state_read_execs(struct state_reader *reader, const char *socket, void *data,
		     int (*callback)(void *data, const struct owned_exec *exec), int *result);

/* As state_explain(). */
int state_read_stories(struct state_reader *reader, struct bytes key, void *data,
		       void (*container)(void *data, const struct state_container *container),
		       void (*deed)(void *data, const struct deed *deed));

/* *RET stays where there is none. */
int state_read_position(struct db *db, const char *socket, uint64_t *ret);

/* Of a caller as it is packed; never 0. */
sqlite3_int64 state_caller_hash(struct bytes content);

#endif
