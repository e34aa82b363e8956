/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what waits into the database, within a transaction. Functions return SQLite's result codes. */
#ifndef CALLERD_STATE_WRITE_H
#define CALLERD_STATE_WRITE_H

#include "record/record.h"
#include "state/state_db.h"
#include "state/state_queue.h"

#define EXECS_MAX 4096	  /* whose end may never be told */
#define FORGET_AT_ONCE 64 /* containers */

/* Writes ITEM, of the engine at SOCKET. CONTEXT: this boot. */
int state_write_item(struct db *db, const struct record_context *context, const char *socket,
		     const struct item *item);

int state_write_position(struct db *db, const char *socket, uint64_t position);

/* Forgets some containers where there are too many, or the file is too large. */
int state_write_bounds(struct db *db);

#endif
