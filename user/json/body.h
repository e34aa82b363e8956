/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON body, taken in as Go's encoding/json takes it into a value of a given type.
 *
 * What the daemon would make of a body is what counts: keys in any case, escapes, duplicates that
 * merge or overwrite, null that resets or does nothing, all as Go does it. The type is a shape
 * (below). What is not worth keeping is checked against its type and dropped, in any size; what is
 * kept stays within a limit of memory, whatever is sent.
 *
 * Takes the bytes in any portions. No I/O, no clock.
 */
#ifndef CALLERD_BODY_H
#define CALLERD_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define BODY_STRING_MAX 16384 /* bytes kept of one string: a seccomp profile fits */

enum shape_kind {
	/* interface{}, json.RawMessage: any valid JSON; never kept. Go rejects a number beyond
	 * float64 in an interface{}, we do not */
	SHAPE_ANY,
	SHAPE_BOOL,
	SHAPE_INTEGER, /* int8 … int64 and the unsigned ones, see bits */
	SHAPE_FLOAT,   /* float64: checked, never kept */
	SHAPE_STRING,
	/* []byte: a string of base64, kept as the string. An array of numbers, which Go takes, too,
	 * is not kept: empty and .cut */
	SHAPE_BASE64,
	SHAPE_STRUCT,	/* its fields */
	SHAPE_LIST,	/* []T */
	SHAPE_ARRAY,	/* [N]T, never kept: further elements are dropped, as Go does */
	SHAPE_MAP,	/* map[string]T */
	SHAPE_STRSLICE, /* strslice.StrSlice: a list of strings, or a single string */
};

enum shape_keep {
	KEEP_VALUE,
	/* only checked against its type, with all that is in it. Of a map's element the key is
	 * kept, without a value */
	KEEP_NOTHING,
	KEEP_NAME, /* of a string only what stands before its first '=': NAME of NAME=value */
};

struct shape;
struct value;

struct shape_field {
	const char *name; /* the Go field's JSON name, ASCII; NULL ends the list */
	const struct shape *shape;
};

struct shape {
	enum shape_kind kind;
	enum shape_keep keep;
	bool pointer;	     /* *T: null makes it absent again */
	unsigned char bits;  /* INTEGER: 8, 16, 32, 64 */
	bool is_unsigned;    /* INTEGER */
	unsigned int length; /* ARRAY: N; what is beyond is not even checked, as in Go */
	const struct shape_field *fields; /* STRUCT; NULL: it has none. Names of at most 64 bytes */
	const struct shape *element; /* LIST, ARRAY, MAP; NULL for STRSLICE, which has its own */
	/* LIST, MAP, STRSLICE: an element is complete. False: it is dropped. Called for each
	 * element as soon as it is complete if .always; else only where memory gets short: then
	 * true means that it must not be missed. NULL: dropped where memory gets short. Dropped
	 * ones are counted in value.dropped. Memory is short beyond half of the limit; beyond
	 * three quarters nothing more of an element is kept, whatever this says, and an element
	 * may be incomplete when it is judged (BODY_DROPPED, BODY_CUT). A later list of the same
	 * field is decoded into the elements of the one before: called again then. */
	bool (*element_done)(void *data, const struct value *element);
	bool always;
	/* MAP: what had no room, and keys that come twice, are no oddities: its elements may be missed. */
	bool passing;
};

/* A value that was kept. Of a struct, those of its fields that were named (null ones, too, if they
 * then hold something); not a bool, number or string, other than a pointer to one, that is zero and always was. */
struct value {
	const struct shape *shape;
	struct value *next; /* in its struct, list or map, in order of first appearance */
	const char *name;   /* field of a struct: its name in the shape */
	struct bytes key;   /* of a map; owned. One longer than BODY_STRING_MAX drops the element */
	bool is_nil;	    /* a nil pointer, list or map: as if it was not there */
	bool boolean;	    /* BOOL */
	bool cut;	    /* STRING: longer than BODY_STRING_MAX, or memory was short */
	int64_t number;	    /* INTEGER; unsigned ones beyond INT64_MAX: INT64_MAX */
	struct bytes string;  /* STRING: valid UTF-8, as Go has it; owned; may hold NUL */
	struct value *first;  /* STRUCT, LIST, STRSLICE, MAP: children */
	unsigned int count;   /* LIST, STRSLICE, MAP: children kept */
	unsigned int dropped; /* and not kept */
};

/* What was odd; enough to look twice, not an error. */
enum body_oddity {
	/* the same field of a struct (in any spelling), or key of a map, twice */
	BODY_DUPLICATE_KEY = 1 << 0,
	/* a struct's key that matched in another case, or Unicode's folding */
	BODY_FOLDED_KEY = 1 << 1,
	BODY_ESCAPED_KEY = 1 << 2, /* a struct's key spelled with escapes */
	/* bytes that are no UTF-8, or half a surrogate pair, in any string: U+FFFD in Go */
	BODY_BAD_UTF8 = 1 << 3,
	BODY_TRAILING = 1 << 4, /* something other than white space behind the value */
	/* elements were dropped for want of memory (not by .always), or Go merged one with an
	 * earlier one at its place that we had dropped */
	BODY_DROPPED = 1 << 5,
	BODY_CUT = 1 << 6, /* a kept string was cut */
};

enum body_state {
	BODY_OPEN,     /* the value is not complete */
	BODY_DONE,     /* it is, and Go would take it */
	BODY_INVALID,  /* not JSON: Go takes nothing of it */
	BODY_MISTYPED, /* JSON, but not of this type: Go reports an error at the end */
};

/* The first child of VALUE, which may be NULL. */
static inline const struct value *body_first(const struct value *value)
{
	return value ? value->first : NULL;
}

/* Each child ONE of the value LIST, which may be NULL. */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): ONE is a name */
#define EACH(one, list) for (const struct value *one = body_first(list); one; one = one->next)

struct body;

/* A reader for a value of SHAPE, which is kept in at most LIMIT bytes of memory (the reader
 * included; at least 16 KiB). DATA is for element_done. 0 or -ENOMEM. Free with body_free(). */
int body_new(const struct shape *shape, size_t limit, void *data, struct body **ret);
void body_free(struct body *body);

/* Takes SIZE bytes in. 0 or -ENOMEM, after which the state is BODY_INVALID. */
int body_feed(struct body *body, const char *bytes, size_t size);

enum body_state body_state(const struct body *body);

/* Why it is BODY_INVALID or BODY_MISTYPED, for a person; static. NULL otherwise. */
const char *body_error(const struct body *body);

unsigned int body_oddities(const struct body *body); /* enum body_oddity bits */

/* Bytes of memory in use now. */
size_t body_memory(const struct body *body);

/* The value so far; whole only at BODY_DONE. Owned by BODY. Never NULL; is_nil before anything
 * came, and for a top-level null. */
const struct value *body_value(const struct body *body);

/* The field NAME of a struct's value, or the key of a map's: NULL where it is absent or nil, and
 * for VALUE NULL. */
const struct value *body_get(const struct value *value, const char *name);

/* A string field of a struct: empty (data NULL) where absent. */
struct bytes body_string(const struct value *value, const char *name);

/* Absent is false. */
bool body_true(const struct value *value, const char *name);

#endif
