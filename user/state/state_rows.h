/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what waits into the database, within a transaction, and reads what is kept. Functions return 0 or -errno. */
#ifndef CALLERD_STATE_ROWS_H
#define CALLERD_STATE_ROWS_H

#include "guard/memory.h"
#include "login/login_memory.h"
#include "state/db.h"
#include "state/state.h"
#include "state/state_queue.h"

#define STATE_FORGET_AT_ONCE 64 /* containers */

/* Writes ITEM, of the engine at SOCKET. */
int state_rows_write(struct db *db, const char *socket, const struct state_item *item);

/* *RET becomes 0 where there is no position. */
int state_rows_read_position(struct db *db, const char *socket, uint64_t *ret);
int state_rows_write_position(struct db *db, const char *socket, uint64_t position);

/* Calls SEEN for each memory of the guard, which lives until it returns. */
int state_rows_load_guarded(struct db *db, void *data,
			    void (*seen)(void *data, const struct guard_memory *memory));

/* The same of logins. */
int state_rows_load_logins(struct db *db, void *data,
			   void (*seen)(void *data, const struct login_memory *memory));

/* Forgets some containers where there are too many, or the file is too large. */
int state_rows_forget(struct db *db);

/* Each container of the engine at SOCKET that is not gone, and then each exec. Stops where a callback returns other
 * than 0, which *RESULT becomes. What they get lives until they return, origins as long as they are referenced. */
int state_rows_load(struct db *db, const char *socket, void *data,
		    int (*container)(void *data, const struct owned *owned),
		    int (*exec)(void *data, const struct owned_exec *exec), int *result);

/* As state_explain(). */
int state_rows_explain(struct db *db, struct bytes key, void *data,
		       void (*container)(void *data, const struct state_container *container),
		       void (*deed)(void *data, const struct deed *deed));

#endif
