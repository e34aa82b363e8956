/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_TEST_EXACT_H
#define CALLERD_TEST_EXACT_H

#include <stdlib.h>
#include <string.h>

/* A copy in memory of just its size, so that ASan sees a read beyond it. To be freed. */
static inline void *exact_copy(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	return copy;
}

#endif
