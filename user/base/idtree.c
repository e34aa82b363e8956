// SPDX-License-Identifier: Apache-2.0
#include "base/idtree.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/* All ids below a branch have the same bits before .bit, and differ in .bit. */
struct branch {
	void *child[2];
	unsigned int bit; /* 8 × byte + bit, the most significant bit of a byte first */
};

static bool is_branch(const void *node)
{
	return (uintptr_t)node & 1;
}

static struct branch *branch_of(const void *node)
{
	return (struct branch *)((uintptr_t)node - 1);
}

static void *node_of(const struct branch *branch)
{
	return (void *)((uintptr_t)branch + 1);
}

static unsigned int bit_at(const char *digits, unsigned int bit)
{
	return (unsigned char)digits[bit / 8] >> (7 - bit % 8) & 1;
}

bool idtree_is_id(struct bytes text)
{
	if (text.size != ID_DIGITS)
		return false;
	for (size_t i = 0; i < text.size; i++)
		if (!(text.data[i] >= '0' && text.data[i] <= '9') &&
		    !(text.data[i] >= 'a' && text.data[i] <= 'f'))
			return false;
	return true;
}

/* The first bit in which A and B, which are not equal, differ. */
static unsigned int first_difference(const char *a, const char *b)
{
	unsigned int byte = 0;

	while (a[byte] == b[byte])
		byte++;
	return 8 * byte + (unsigned int)__builtin_clz((unsigned char)(a[byte] ^ b[byte])) - 24;
}

int idtree_add(struct idtree *tree, struct id *id)
{
	void **link = &tree->root, *node = tree->root;
	struct branch *branch;
	unsigned int bit;

	if (!node) {
		tree->root = id;
		tree->count = 1;
		return 0;
	}
	branch = malloc(sizeof(*branch));
	if (!branch)
		return -ENOMEM;
	/* Down to any id that has the longest beginning in common with the new id. */
	while (is_branch(node))
		node = branch_of(node)->child[bit_at(id->digits, branch_of(node)->bit)];
	bit = first_difference(((struct id *)node)->digits, id->digits);
	while (is_branch(*link) && branch_of(*link)->bit < bit)
		link = &branch_of(*link)->child[bit_at(id->digits, branch_of(*link)->bit)];
	branch->bit = bit;
	branch->child[bit_at(id->digits, bit)] = id;
	branch->child[!bit_at(id->digits, bit)] = *link;
	*link = node_of(branch);
	tree->count++;
	return 0;
}

void idtree_remove(struct idtree *tree, const struct id *id)
{
	void **link = &tree->root, **above = NULL;
	struct branch *branch;

	while (is_branch(*link)) {
		above = link;
		link = &branch_of(*link)->child[bit_at(id->digits, branch_of(*link)->bit)];
	}
	if (*link != id)
		return;
	tree->count--;
	if (!above) {
		tree->root = NULL;
		return;
	}
	branch = branch_of(*above);
	*above = branch->child[link == &branch->child[0]];
	free(branch);
}

struct id *idtree_find(const struct idtree *tree, struct bytes beginning)
{
	void *node = tree->root;

	if (!node || !beginning.size || beginning.size > ID_DIGITS)
		return NULL;
	while (is_branch(node) && branch_of(node)->bit < 8 * beginning.size)
		node = branch_of(node)->child[bit_at(beginning.data, branch_of(node)->bit)];
	if (is_branch(node)) /* several ids begin so, or none: NULL for both */
		return NULL;
	return memcmp(((struct id *)node)->digits, beginning.data, beginning.size) ? NULL : node;
}
