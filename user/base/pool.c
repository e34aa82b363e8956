// SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"

#define BLOCK_SIZE 1000
#define ALIGNMENT sizeof(max_align_t)

struct pool_block {
	struct pool_block *next;
	size_t size;
	max_align_t memory[];
};

void *pool_take(struct pool *pool, size_t size)
{
	struct pool_block *block = pool->blocks;
	size_t capacity;

	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!block || pool->left < size) {
		capacity = pool->block ?: BLOCK_SIZE;
		capacity = size > capacity ? size : capacity;
		block = malloc(sizeof(*block) + capacity);
		if (!block) {
			pool->failed = true;
			return NULL;
		}
		block->next = pool->blocks;
		block->size = capacity;
		pool->blocks = block;
		pool->left = capacity;
	}
	pool->left -= size;
	return memset((char *)block->memory + (block->size - pool->left - size), 0, size);
}

struct bytes pool_copy(struct pool *pool, struct bytes bytes)
{
	char *copy = pool_take(pool, bytes.size + 1);

	if (!copy)
		return (struct bytes){};
	if (bytes.size)
		memcpy(copy, bytes.data, bytes.size);
	return (struct bytes){copy, bytes.size};
}

void pool_free(struct pool *pool)
{
	struct pool_block *block;

	while ((block = pool->blocks)) {
		pool->blocks = block->next;
		wipe_free(block, sizeof(*block) + block->size);
	}
	*pool = (struct pool){.block = pool->block};
}
