/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of 64 hex digits, found by their beginning (a crit-bit tree). The time of a lookup does not
 * depend on how many ids there are or how they were chosen. */
#ifndef CALLERD_IDTREE_H
#define CALLERD_IDTREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

#define ID_DIGITS 64

/* A node of the tree: a member of the struct that has the id, which owns it. */
struct id {
	_Alignas(void *) char digits[ID_DIGITS]; /* lower-case */
};

struct idtree {
	void *root; /* a struct id, or a branch where the lowest bit is set */
	unsigned int count;
};

/* Whether TEXT is an id. */
bool idtree_is_id(struct bytes text);

/* Adds ID, which must not be in the tree. 0 or -ENOMEM. */
int idtree_add(struct idtree *tree, struct id *id);

/* Removes ID, which must be in the tree. */
void idtree_remove(struct idtree *tree, const struct id *id);

/* Finds the only id that begins with BEGINNING, which is not empty. NULL: no id, or several. */
struct id *idtree_find(const struct idtree *tree, struct bytes beginning);

#endif
