/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of JSON, as the scanner of Go's encoding/json has them: what it takes is taken, what
 * it rejects is an error, strings are unquoted as Go does it.
 *
 * Works on any split of the bytes and keeps no more than this struct: no allocation.
 */
#ifndef CALLERD_GOJSON_H
#define CALLERD_GOJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/bytes.h"

#define GOJSON_DEPTH_MAX 10000 /* Go: maxNestingDepth */

enum gojson_step {
	GOJSON_MORE, /* all was used; feed more */
	GOJSON_OBJECT,
	GOJSON_OBJECT_END,
	GOJSON_ARRAY,
	GOJSON_ARRAY_END,
	GOJSON_KEY,    /* a key ends, with its last piece, which may be empty */
	GOJSON_STRING, /* likewise */
	GOJSON_PIECE,  /* an earlier one of a key or string, unquoted: valid UTF-8 in itself */
	GOJSON_NUMBER, /* see gojson.number */
	GOJSON_TRUE,
	GOJSON_FALSE,
	GOJSON_NULL,
	GOJSON_TRAILING, /* the value was complete, and something other than white space follows; told
			  * once, what comes is used up in silence */
	GOJSON_ERROR,	 /* see gojson.error; stays so */
};

struct gojson_number {
	bool negative;
	bool integral;	    /* neither point nor exponent */
	bool overflow;	    /* the digits before these do not fit magnitude */
	bool infinite;	    /* too large for a float64 */
	uint64_t magnitude; /* of an integral one */
	/* private: for .infinite */
	bool exponent_negative;
	int exponent, order; /* order: of the digits so far against the largest float64 */
	int64_t digits,
		magnitude10; /* significant digits; the value is 0.DIGITS * 10^magnitude10 */
};

struct gojson {
	struct gojson_number number;
	const char *error;  /* static text for a person */
	unsigned int depth; /* objects and arrays that are open */
	bool in_key;	    /* what a piece is of is a key */
	bool escaped;	    /* the key or string had an escape */
	bool bad_utf8;	    /* some key or string had bytes or escapes that became U+FFFD */
	/* private from here */
	unsigned char state;
	unsigned char literal;	/* step that it stands for */
	unsigned char hex_size; /* digits of \uXXXX so far */
	unsigned char partial_size, out_size;
	uint16_t hex, high; /* high: half a surrogate pair that waits for the other; 0: none */
	const char *rest;   /* of a literal */
	char partial[4];    /* the begin of a character */
	char out[16];	    /* a piece that does not stand in the input as it is */
	uint64_t objects[GOJSON_DEPTH_MAX / 64 + 1]; /* a bit per level: it is an object */
};

void gojson_init(struct gojson *json);

/* Consumes up to SIZE bytes of DATA and stops at the next step; *RET_USED is how many it took. With
 * GOJSON_PIECE and at the end of a key or string, *RET_PIECE is the piece: within DATA or JSON, until the next
 * call. */
enum gojson_step gojson_next(struct gojson *json, const char *data, size_t size, size_t *ret_used,
			     struct bytes *ret_piece);

/* The object that was opened by the last step was read by other means, behind its brace. */
void gojson_leave_object(struct gojson *json);

/* Whether the string that the last step told a piece of goes on with its next character; it was read by other means, behind its
 * quote. */
bool gojson_within_string(const struct gojson *json);
void gojson_leave_string(struct gojson *json);

/* --- for other readers ------------------------------------------------------------------------ */

#ifdef __SSE2__
/* A bit for each of the sixteen bytes at DATA that is a control byte, a quote, a backslash, or beyond ASCII. */
static inline unsigned int gojson_find_special(const char *data)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)data);
	__m128i control = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)); /* those beyond ASCII, too */
	__m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));

	return (unsigned int)_mm_movemask_epi8(
		_mm_or_si128(control, _mm_or_si128(quote, backslash)));
}
#endif

/* As gojson_plain_run(), of any string. */
size_t gojson_any_run(const char *data, size_t size);

/* How many of the SIZE bytes at DATA stand for themselves in a string, and are whole characters. */
static inline size_t gojson_plain_run(const char *data, size_t size)
{
#ifdef __SSE2__
	/* Most strings are short ASCII, of which a call would take longer than to look at them. */
	for (size_t run = 0; size - run >= sizeof(__m128i); run += sizeof(__m128i)) {
		unsigned int any = gojson_find_special(data + run);
		size_t at = run + (size_t)__builtin_ctz(any | 1u << 16);

		if (any && (unsigned char)data[at] < 0x80)
			return at;
		if (any)
			break;
	}
#endif
	return gojson_any_run(data, size);
}

/* The byte that a backslash and LETTER stand for; NUL: LETTER is none of GOJSON_ESCAPES. */
#define GOJSON_ESCAPES "\"\\/bfnrt"
char gojson_escaped(char letter);

/* Writes CODE as UTF-8; returns its size. */
size_t gojson_encode(char out[4], uint32_t code);

#endif
