/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that may have held secrets is overwritten before it is freed. */
#ifndef CALLERD_WIPE_H
#define CALLERD_WIPE_H

#include <stdlib.h>
#include <string.h>

/* As free(), for SIZE bytes at DATA. */
static inline void wipe_free(void *data, size_t size)
{
	if (data)
		explicit_bzero(data, size);
	free(data);
}

/* As realloc() to SIZE bytes (more than 0), for memory of OLD bytes, of which the first USED are
 * kept. */
static inline void *wipe_realloc(void *data, size_t used, size_t old, size_t size)
{
	void *moved = malloc(size);

	if (!moved)
		return NULL;
	if (data && used)
		memcpy(moved, data, used);
	wipe_free(data, old);
	return moved;
}

#endif
