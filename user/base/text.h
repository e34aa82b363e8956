/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows. Once text->error is set every function does nothing, so that a writer checks it
 * once, at its end. */
#ifndef CALLERD_TEXT_H
#define CALLERD_TEXT_H

#include "base/bytes.h"
#include "base/cleanup.h"

/* A growing text. Free with text_free(). */
struct text {
	char *data; /* NUL-terminated once anything was written */
	size_t size, capacity;
	int error; /* 0, or -ENOMEM: nothing was added since */
};

void text_free(struct text *text);

/* Makes room for SIZE more bytes and a NUL. 0 or -ENOMEM, which stays in text->error. */
int text_grow(struct text *text, size_t size);

/* Returns memory for SIZE bytes behind the text. The caller writes there, adds the bytes written to
 * text->size, and ends them by a NUL. NULL: no memory. */
static inline char *text_room(struct text *text, size_t size)
{
	if (text->error)
		return NULL;
	if (text->capacity - text->size <= size && text_grow(text, size) < 0)
		return NULL;
	return text->data + text->size;
}

static inline void text_add(struct text *text, const char *data, size_t size)
{
	char *room = text_room(text, size);

	if (!room)
		return;
	if (data) /* NULL where SIZE is 0 */
		memcpy(room, data, size);
	room[size] = '\0';
	text->size += size;
}

static inline void text_add_char(struct text *text, char c)
{
	text_add(text, &c, 1);
}

static inline void text_add_string(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

static inline void text_add_bytes(struct text *text, struct bytes bytes)
{
	if (bytes.size)
		text_add(text, bytes.data, bytes.size);
}

/* The text from byte AT on. Valid until the next addition. */
static inline struct bytes text_since(const struct text *text, size_t at)
{
	if (!text->data || at > text->size)
		return (struct bytes){0};
	return (struct bytes){text->data + at, text->size - at};
}

/* Cuts the text to its first SIZE bytes. */
static inline void text_cut(struct text *text, size_t size)
{
	if (size >= text->size)
		return;
	text->size = size;
	text->data[size] = '\0';
}

/* Adds NUMBER in decimal. */
void text_add_number(struct text *text, uint64_t number);

/* Adds NUMBER in decimal, with a minus where it is below 0. */
void text_add_signed(struct text *text, int64_t number);

/* Adds NUMBER in lower-case hexadecimal, with at least DIGITS digits (at most 16). */
void text_add_hex(struct text *text, uint64_t number, unsigned int digits);

/* Adds CODE, an unsafe character, as C and the shell's $'' spell it. */
void text_add_spelled(struct text *text, uint32_t code);

/* Adds BYTES so that a terminal shows them and obeys none of them: one line, valid UTF-8, control
 * and bidi characters spelled out. A text that is wider than COLUMNS is cut and ends in an
 * ellipsis. */
void text_add_visible(struct text *text, struct bytes bytes, size_t columns);

/* Copies what text_add_visible() adds of BYTES to TO, of SIZE bytes with the NUL: whole characters of it. */
void text_copy_visible(char *to, size_t size, struct bytes bytes, size_t columns);

/* Adds BYTES with a backslash before each backslash and each character of SPECIAL. A line feed and
 * a carriage return in SPECIAL become \n and \r. Else as text_add_visible(), but the limit is LIMIT
 * bytes, counted after a reader has undone the escapes. */
void text_add_escaped(struct text *text, struct bytes bytes, const char *special, size_t limit);

#endif
