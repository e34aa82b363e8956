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

#include "../unit/exact.h"
#include "base/bytes.h"

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

static inline void fuzz_hash_text(uint64_t *sum, struct bytes text)
{
	fuzz_hash_number(sum, text.size);
	if (text.size)
		fuzz_hash(sum, text.data, text.size);
}

/* The size of the character of UTF-8 that TEXT begins with, and its CODE; 0: it is malformed. */
static inline size_t fuzz_character(const unsigned char *text, size_t size, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = *text < 0x80 ? 1 : *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : 2;

	if ((*text >= 0x80 && *text < 0xc0) || *text >= 0xf8 || size < length)
		return 0;
	*code = length > 1 ? *text & 0xffu >> (length + 1) : *text;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (text[i] & 0x3f);
	}
	return *code >= least[length] && *code <= 0x10ffff && *code >> 11 != 0x1b ? length : 0;
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
