/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming writer of JSON. It puts the commas, and leaves out what there is nothing to say
 * about: a string without bytes, and an object or array that got no member, together with its key.
 *
 * A key is a literal of this program, free of characters that would need escaping; NULL within an
 * array and at the top.
 */
#ifndef CALLERD_JSON_H
#define CALLERD_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define JSON_DEPTH_MAX 8

struct json {
	struct text *out;
	unsigned int depth;
	size_t start[JSON_DEPTH_MAX]; /* size of the text before each open object or array */
	char close[JSON_DEPTH_MAX];
};

void json_open_object(struct json *json, const char *key);
void json_open_array(struct json *json, const char *key);

/* Closes the innermost object or array. */
void json_close(struct json *json);

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

/* What comes next is a value that the caller writes itself to json->out. */
void json_put_key(struct json *json, const char *key);

#endif
