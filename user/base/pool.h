/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that goes away all at once. */
#ifndef CALLERD_POOL_H
#define CALLERD_POOL_H

#include "base/bytes.h"

struct pool_block;

struct pool {
	struct pool_block *blocks;
	size_t left;  /* in the first one */
	size_t block; /* bytes that one has at least; 0: some 1,000 */
	bool failed;  /* an allocation did: something is missing */
};

/* SIZE bytes, zeroed and aligned; NULL: no memory, and .failed is set. */
void *pool_take(struct pool *pool, size_t size);

/* A copy of BYTES, with a NUL behind it; data NULL where there is no memory. */
struct bytes pool_copy(struct pool *pool, struct bytes bytes);

void pool_free(struct pool *pool);

#endif
