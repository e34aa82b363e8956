/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a login beyond the agent's life: who logged in may have gone by then. */
#ifndef CALLERD_LOGIN_MEMORY_H
#define CALLERD_LOGIN_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define LOGIN_MEMORIES_MAX 1024	      /* of them, the ones that changed last */
#define LOGIN_MEMORIES_OF_ONE_MAX 256 /* of an account */

/* Members are those of struct login_key, struct login_found and struct login. */
struct login_memory {
	struct bytes login; /* all of the key, and the boot: of these there is one memory */
	struct bytes boot_id, scope;
	struct bytes service, address, host, terminal, id;
	struct bytes leader_file;
	struct bytes contradictions; /* each ended by a newline */
	uint64_t account, leader_start, start, time;
	uint32_t session, user, leader, manager;
	uint32_t basis, port, leader_pid;
	bool owns, ended;
};

/* Keeps memories; what callbacks get lives until they return. NULL callbacks are not called. */
struct login_keeper {
	void *data;
	/* Calls SEEN for each memory, the one that changed last behind all others. */
	void (*recall)(void *data, void *logins,
		       void (*seen)(void *logins, const struct login_memory *memory));
	/* In place of an earlier memory of its login. */
	void (*keep)(void *data, const struct login_memory *memory);
};

#endif
