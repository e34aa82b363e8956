/* SPDX-License-Identifier: Apache-2.0 */
/* The files, besides the sockets, that decide who may use the engines. */
#ifndef CALLERD_TARGETS_H
#define CALLERD_TARGETS_H

#include <stddef.h>

#include "guard/look.h"
#include "record/record.h"

struct guard_target {
	enum change_object object;
	enum look_kind kind;
	const char *path;
};

/* The list, of *RET_COUNT entries. */
const struct guard_target *targets_all(size_t *ret_count);

#endif
