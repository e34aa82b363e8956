/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming writer of JSON. It puts the commas, and leaves out what there is nothing to say
 * about: a string without bytes, and an object or array that got no member, together with its key.
 *
 * A key is a literal of this program, of at most 250 bytes, free of characters that would need escaping; NULL within an
 * array and at the top. The key of an object or array must last until that is closed.
 */
#ifndef CALLERD_JSON_H
#define CALLERD_JSON_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define JSON_DEPTH_MAX 12

struct json {
	struct text *out;
	unsigned int depth; /* of objects and arrays that are open */
	unsigned int
		written; /* so many of them; an object or array is written with its first member */
	const char *key[JSON_DEPTH_MAX];
	bool is_array[JSON_DEPTH_MAX];
};

static inline void json_open(struct json *json, const char *key, bool is_array)
{
	assert(json->depth < JSON_DEPTH_MAX);
	json->key[json->depth] = key;
	json->is_array[json->depth] = is_array;
	json->depth++;
}

static inline void json_open_object(struct json *json, const char *key)
{
	json_open(json, key, false);
}

static inline void json_open_array(struct json *json, const char *key)
{
	json_open(json, key, true);
}

/* The end of the innermost object or array that is written; json_close() calls it. */
void json_write_end(struct json *json);

/* Closes the innermost object or array. */
static inline void json_close(struct json *json)
{
	json->depth--;
	if (json->written > json->depth)
		json_write_end(json);
}

/* A string of any bytes: valid UTF-8 and one line comes out. Nothing if VALUE has no bytes. */
void json_put_string(struct json *json, const char *key, struct bytes value);

/* The same where VALUE is in an array and an empty one counts. */
void json_put_element(struct json *json, struct bytes value);

/* A string known to need no escaping, such as a name from a table of this program. */
void json_put_plain(struct json *json, const char *key, const char *value, size_t size);

/* The same of a NUL-terminated one; nothing if WORD is NULL. */
void json_put_word(struct json *json, const char *key, const char *word);

void json_put_number(struct json *json, const char *key, uint64_t value);
void json_put_signed(struct json *json, const char *key, int64_t value);

/* A time, ns since 1970, as in RFC 3339. */
void json_put_time(struct json *json, const char *key, uint64_t real);

/* VALUE in decimal, as a string. */
void json_put_id(struct json *json, const char *key, uint64_t value);

void json_put_bool(struct json *json, const char *key, bool value);

/* Members as they were written before, without a comma at either end. */
void json_put_members(struct json *json, const char *members, size_t size);

/* What comes next is a value, or with KEY of NULL in an object a member, that the caller writes itself to
 * json->out. */
void json_put_key(struct json *json, const char *key);

#endif
