/* SPDX-License-Identifier: Apache-2.0 */
/* A run of bytes, in memory that another object owns. */
#ifndef CALLERD_BYTES_H
#define CALLERD_BYTES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Elements of an array. */
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The bytes can have any value, NUL too: a user may have written them. data is NULL where nothing
 * is known. */
struct bytes {
	const char *data;
	size_t size;
};

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	if (a.size != b.size || !a.data || !b.data)
		return !a.size && !b.size;
	return !memcmp(a.data, b.data, a.size);
}

static inline struct bytes bytes_of(const char *string)
{
	return (struct bytes){string, string ? strlen(string) : 0};
}

/* Whether BYTES are the string WORD. */
static inline bool bytes_are(struct bytes bytes, const char *word)
{
	return bytes_equal(bytes, bytes_of(word));
}

/* Whether BYTES are one of COUNT WORDS. */
static inline bool bytes_are_any(struct bytes bytes, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_are(bytes, words[i]))
			return true;
	return false;
}

static inline struct bytes bytes_from(struct bytes bytes, size_t start)
{
	assert(start <= bytes.size);
	return (struct bytes){bytes.data ? bytes.data + start : NULL, bytes.size - start};
}

static inline bool bytes_begin(struct bytes bytes, const char *with)
{
	size_t size = strlen(with);

	return bytes.size >= size && !memcmp(bytes.data, with, size);
}

/* The first place of BYTES with a space, CHARACTER and a space; NULL: there is none. memmem() takes several times as long. */
static inline const char *bytes_find_spaced(struct bytes bytes, char character)
{
	const char *at = bytes.data, *end = bytes.size ? bytes.data + bytes.size : at;

	while (at < end && (at = memchr(at, character, (size_t)(end - at)))) {
		if (at > bytes.data && at + 1 < end && at[-1] == ' ' && at[1] == ' ')
			return at - 1;
		at++;
	}
	return NULL;
}

/* Takes the piece before the next SEPARATOR off REST, and the separator with it; without a
 * separator, all of REST. False: REST is used up, even of empty pieces; its data is NULL then. */
static inline bool bytes_take(struct bytes *rest, char separator, struct bytes *ret_piece)
{
	const char *end = rest->size ? memchr(rest->data, separator, rest->size) : NULL;

	if (!rest->data)
		return false;
	*ret_piece = *rest;
	*rest = (struct bytes){0};
	if (end) {
		*rest = bytes_from(*ret_piece, (size_t)(end - ret_piece->data) + 1);
		ret_piece->size = (size_t)(end - ret_piece->data);
	}
	return true;
}

/* The first place of BYTES with WHAT; NULL: there is none. As memmem(), which takes several times as long. */
const char *bytes_find(struct bytes bytes, struct bytes what);

/* The part of PATH behind its last slash. */
struct bytes bytes_basename(struct bytes path);

#endif
