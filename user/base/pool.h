/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed all at once. */
#ifndef CALLERD_POOL_H
#define CALLERD_POOL_H

#include "base/bytes.h"

struct pool_block;

struct pool {
	struct pool_block *blocks;
	size_t left;  /* bytes left in the first block */
	size_t block; /* least size of a block; 0: some 1,000 bytes */
	bool failed;  /* an allocation failed: some copy is missing */
};

/* Returns SIZE bytes, zeroed and aligned; NULL: no memory, and .failed is set. */
void *pool_take(struct pool *pool, size_t size);

/* Copies BYTES, with a NUL behind them; data is NULL where there is no memory. */
struct bytes pool_copy(struct pool *pool, struct bytes bytes);

void pool_free(struct pool *pool);

#endif
