// SPDX-License-Identifier: Apache-2.0
#include "chain/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY (256u << 10)

/* Room for more bytes behind those there are, which move to the buffer's beginning. */
static int lines_make_room(struct lines *lines)
{
	size_t capacity = lines->capacity ? 2 * lines->capacity : FIRST_CAPACITY;
	char *buffer;

	if (lines->start) {
		memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
		lines->end -= lines->start;
		lines->start = 0;
	}
	if (lines->end < lines->capacity)
		return 0;
	buffer = realloc(lines->buffer, capacity);
	if (!buffer)
		return -ENOMEM;
	lines->buffer = buffer;
	lines->capacity = capacity;
	return 0;
}

/* Bytes that were read; 0: the end; -errno. */
static ssize_t lines_fill(struct lines *lines)
{
	int error = lines_make_room(lines);
	ssize_t size;

	if (error)
		return error;
	size = lines->read(lines->data, lines->buffer + lines->end, lines->capacity - lines->end);
	if (size > 0)
		lines->end += (size_t)size;
	return size;
}

static const char *find_end(const struct lines *lines, size_t seen)
{
	if (lines->end == lines->start + seen)
		return NULL;
	return memchr(lines->buffer + lines->start + seen, '\n', lines->end - lines->start - seen);
}

/* Drops the bytes up to the LF and itself. As lines_next(). */
static int lines_skip_rest(struct lines *lines)
{
	const char *end;
	ssize_t size;

	while (!(end = find_end(lines, 0))) {
		lines->start = lines->end = 0;
		size = lines_fill(lines);
		if (size <= 0)
			return (int)size;
	}
	lines->start = (size_t)(end - lines->buffer) + 1;
	lines->overlong = false;
	return 1;
}

static void lines_take(struct lines *lines, size_t size, size_t with_end, struct bytes *ret)
{
	*ret = (struct bytes){lines->buffer + lines->start, size};
	lines->start += with_end;
}

int lines_next(struct lines *lines, struct bytes *ret, bool *complete)
{
	size_t seen = 0; /* of the line: bytes without an LF among them */
	const char *end;
	ssize_t size;
	int result;

	if (lines->overlong) {
		result = lines_skip_rest(lines);
		if (result <= 0)
			return result;
	}
	while (!(end = find_end(lines, seen))) {
		seen = lines->end - lines->start;
		if (seen >= LINES_TAKEN_MAX)
			break;
		size = lines_fill(lines);
		if (size < 0)
			return (int)size;
		if (size)
			continue;
		*complete = false;
		lines_take(lines, seen, seen, ret);
		return seen > 0;
	}
	*complete = true;
	if (end)
		seen = (size_t)(end - (lines->buffer + lines->start));
	lines->overlong = seen >= LINES_TAKEN_MAX && !end;
	lines_take(lines, seen < LINES_TAKEN_MAX ? seen : LINES_TAKEN_MAX,
		   end ? seen + 1 : LINES_TAKEN_MAX, ret);
	return 1;
}

bool lines_in_line(const struct lines *lines)
{
	return lines->end > lines->start && !lines->overlong;
}

void lines_free(struct lines *lines)
{
	free(lines->buffer);
	lines->buffer = NULL;
	lines->start = lines->end = lines->capacity = 0;
}
