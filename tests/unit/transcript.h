/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of what reads an input in pieces: what it tells, as one line of text, and where a piece lies. */
#ifndef CALLERD_TEST_TRANSCRIPT_H
#define CALLERD_TEST_TRANSCRIPT_H

#include "unit.h"

#include <sys/mman.h>

struct transcript {
	size_t size;
	char text[65536];
};

static inline void transcript_begin(struct transcript *transcript)
{
	transcript->size = 0;
	transcript->text[0] = '\0';
}

__attribute__((format(printf, 2, 3))) static inline void say(struct transcript *transcript,
							     const char *format, ...)
{
	size_t left = sizeof(transcript->text) - transcript->size;
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(transcript->text + transcript->size, left, format, args);
	va_end(args);
	assert_true((size_t)size < left);
	transcript->size += (size_t)size;
}

#define GUARDED_SIZE (32 << 20)

/* A copy of a piece that ends right before a page that cannot be read; until the next one. */
static inline char *guarded_piece(const char *data, size_t size)
{
	static char *end;

	if (!end) {
		char *area = mmap(NULL, GUARDED_SIZE + sysconf(_SC_PAGESIZE),
				  PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_ptr_not_equal(area, MAP_FAILED);
		end = area + GUARDED_SIZE;
		assert_int_equal(mprotect(end, sysconf(_SC_PAGESIZE), PROT_NONE), 0);
	}
	return memcpy(end - size, data, size);
}

#endif
