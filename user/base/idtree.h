/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of 64 hex digits, found by how they begin in a time that does not depend on how many there are or who
 * chose them (a crit-bit tree). */
#ifndef CALLERD_IDTREE_H
#define CALLERD_IDTREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

#define ID_DIGITS 64

/* What the tree holds: a member of whatever has the id, and owned by it. */
struct id {
	_Alignas(void *) char digits[ID_DIGITS]; /* lower-case */
};

struct idtree {
	void *root; /* struct id or a branch, which its lowest bit tells */
	unsigned int count;
};

/* Whether TEXT is an id. */
bool idtree_is_id(struct bytes text);

/* Adds ID, which must not be there. 0 or -ENOMEM. */
int idtree_add(struct idtree *tree, struct id *id);

/* Takes ID, which must be there, out. */
void idtree_remove(struct idtree *tree, const struct id *id);

/* The only id that begins with BEGINNING, which is not empty; NULL: none, or several. */
struct id *idtree_find(const struct idtree *tree, struct bytes beginning);

#endif
