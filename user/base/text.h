/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows. Every function does nothing once text->error is set, so that
 * a writer checks it once, at its end. */
#ifndef CALLERD_TEXT_H
#define CALLERD_TEXT_H

#include "base/bytes.h"
#include "base/cleanup.h"

/* A growing text. Free with text_free(). */
struct text {
	char *data; /* NUL-terminated once anything was written */
	size_t size, capacity;
	int error; /* 0, or -ENOMEM since when nothing more was added */
};

void text_free(struct text *text);

/* Makes room for SIZE more bytes and a NUL. 0 or -ENOMEM, which then stays in text->error. */
int text_grow(struct text *text, size_t size);

/* Where SIZE bytes may be written; the caller adds what it wrote to text->size and ends it by a
 * NUL. NULL: no memory. */
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
	if (data) /* NULL: of nothing */
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

/* What was added from the byte AT on. Valid until the next addition. */
static inline struct bytes text_since(const struct text *text, size_t at)
{
	if (!text->data || at > text->size)
		return (struct bytes){0};
	return (struct bytes){text->data + at, text->size - at};
}

/* Takes back what was added since the text had SIZE bytes. */
static inline void text_cut(struct text *text, size_t size)
{
	if (size >= text->size)
		return;
	text->size = size;
	text->data[size] = '\0';
}

/* Decimal. */
void text_add_number(struct text *text, uint64_t number);

/* The same with a minus where NUMBER is below 0. */
void text_add_signed(struct text *text, int64_t number);

/* Lower-case hexadecimal, of DIGITS digits (at most 16) or as many more as it takes. */
void text_add_hex(struct text *text, uint64_t number, unsigned int digits);

/* Adds CODE, a character that must not reach a terminal, as C and the shell's $'' spell it. */
void text_add_spelled(struct text *text, uint32_t code);

/* Adds BYTES so that a terminal shows them and obeys none of them: one line, valid UTF-8, control
 * and bidi characters spelled out. What is wider than COLUMNS is cut and ends in an ellipsis. */
void text_add_visible(struct text *text, struct bytes bytes, size_t columns);

/* Adds BYTES for a reader who takes a backslash off what follows it: one before itself and before each of
 * SPECIAL, of which a line feed and a carriage return become \n and \r. Else as text_add_visible(), but
 * of LIMIT bytes as the reader gets them. */
void text_add_escaped(struct text *text, struct bytes bytes, const char *special, size_t limit);

#endif
