/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of JSON as callerd itself writes it (json.h): no spaces, whole numbers, valid UTF-8. What is written otherwise is
 * not wrong: gojson.h says what it is. The line must be there as a whole.
 */
#ifndef CALLERD_OWNJSON_H
#define CALLERD_OWNJSON_H

#include "base/text.h"
#include "json/gojson.h"

#define OWNJSON_DEPTH_MAX 32

struct ownjson_place { /* without padding: it may be compared as it is */
	uint32_t state, depth;
	uint32_t objects; /* a bit per level: it is an object */
};

/* Set .at and .end; all else 0. */
struct ownjson {
	const char *at, *end;
	struct bytes text; /* of a key, string or number, as it stands there */
	bool escaped;	   /* ownjson_unescape() says what it is */
	bool negative;	   /* of a number */
	uint64_t number;
	struct ownjson_place place; /* between values: what was before matters no more */
};

/* The next step, as gojson_next() has it: keys and strings are whole. GOJSON_ERROR: it is written otherwise; GOJSON_MORE: the value
 * is over, and nothing follows it. */
enum gojson_step ownjson_next(struct ownjson *json);

/* The rest of a string behind its quote, and a whole number, as ownjson_next() reads them. False: they are written otherwise. */
bool ownjson_string(struct ownjson *json);
bool ownjson_number(struct ownjson *json);

/* Adds TEXT, which was escaped, as it is meant. */
void ownjson_unescape(struct text *out, struct bytes text);

#endif
