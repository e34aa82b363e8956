/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets share. */
#ifndef CALLERD_TEST_FUZZ_H
#define CALLERD_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			__builtin_trap();                                                          \
	} while (0)

/* FNV-1a, goes on from *SUM. */
static inline void fuzz_hash(uint64_t *sum, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		*sum = (*sum ^ bytes[i]) * UINT64_C(0x100000001b3);
}

static inline void fuzz_hash_number(uint64_t *sum, uint64_t number)
{
	fuzz_hash(sum, &number, sizeof(number));
}

/* Where an input is cut into pieces. */
enum fuzz_cut { CUT_NOWHERE, CUT_EVERYWHERE, CUT_ANYWHERE };

/* The size of the next piece of LEFT bytes; SEED goes on. */
static inline size_t fuzz_piece(enum fuzz_cut cut, size_t left, uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	if (cut == CUT_EVERYWHERE)
		return 1;
	return cut == CUT_ANYWHERE && left > (*seed >> 33) % 40 ? (*seed >> 33) % 40 : left;
}

#endif
