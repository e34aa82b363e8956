// SPDX-License-Identifier: Apache-2.0
#include "output/store/entry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MALLOC_OVERHEAD 16

struct entry *entry_new(const void *data, size_t size)
{
	struct entry *entry = malloc(sizeof(*entry) + size);

	if (!entry)
		return NULL;
	*entry = (struct entry){.refs = 1, .size = size};
	if (data)
		memcpy(entry->data, data, size);
	return entry;
}

struct entry *entry_ref(struct entry *entry)
{
	unsigned int refs = __atomic_add_fetch(&entry->refs, 1, __ATOMIC_RELAXED);

	assert(refs > 1);
	return entry;
}

void entry_unref(struct entry *entry)
{
	while (entry && !__atomic_sub_fetch(&entry->refs, 1, __ATOMIC_ACQ_REL)) {
		struct entry *before = entry->before;

		free(entry);
		entry = before;
	}
}

size_t entry_bytes(const struct entry *entry)
{
	return entry->size + (entry->before ? entry->before->size : 0);
}

static size_t cost_alone(const struct entry *entry)
{
	return sizeof(*entry) + entry->size + MALLOC_OVERHEAD;
}

size_t entry_cost(const struct entry *entry)
{
	return cost_alone(entry) + (entry->before ? cost_alone(entry->before) : 0);
}
