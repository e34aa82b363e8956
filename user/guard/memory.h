/* SPDX-License-Identifier: Apache-2.0 */
/* What the guard remembers of a file beyond the agent's life. */
#ifndef CALLERD_MEMORY_H
#define CALLERD_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define GUARD_MEMORY_MEMBERS "members" /* a path that no file has: the members of the groups */

/* Members as those of struct look and struct look_file have the same names. */
struct guard_memory {
	struct bytes path, acl, label, content;
	struct bytes listing; /* of a directory's files, or of members */
	uint64_t acl_hash, changed, engine_lines;
	uint32_t mode, uid, gid;
	bool present, acl_writes;
};

/* Keeps memories; what callbacks get lives until they return. NULL callbacks are not called. */
struct guard_keeper {
	void *data;
	/* Calls SEEN for each memory. */
	void (*recall)(void *data, void *guard,
		       void (*seen)(void *guard, const struct guard_memory *memory));
	/* In place of an earlier memory of its path. */
	void (*keep)(void *data, const struct guard_memory *memory);
};

#endif
