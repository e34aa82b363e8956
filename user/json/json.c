// SPDX-License-Identifier: Apache-2.0
#include "json/json.h"

#include <assert.h>

#include "base/clock.h"
#include "base/utf8.h"

#define KEY_MAX 250

/* Bytes that stand for themselves: printable ASCII without quote and backslash. */
static const bool plain[256] = {
	[0x20 ... 0x21] = true,
	[0x23 ... 0x5b] = true,
	[0x5d ... 0x7e] = true,
};

/* Whether the open object or array has a member: no value ends in a bracket that opens, since a
 * string ends in its quote. */
static bool after_value(const struct json *json)
{
	char last = json->out->data[json->out->size - 1];

	return last != '{' && last != '[';
}

/* Keys are short: copying them byte by byte costs less than measuring them first. */
static void json_add_key(struct json *json, const char *key)
{
	struct text *out = json->out;
	char *room = text_room(out, KEY_MAX + 4), *at = room;

	if (!room)
		return;
	if (json->written && after_value(json))
		*at++ = ',';
	if (key) {
		*at++ = '"';
		while (*key && at < room + KEY_MAX)
			*at++ = *key++;
		assert(!*key);
		*at++ = '"';
		*at++ = ':';
	}
	*at = '\0';
	out->size += (size_t)(at - room);
}

/* Writes the beginnings of the open objects and arrays that have none yet. */
static void write_open(struct json *json)
{
	while (json->written < json->depth) {
		json_add_key(json, json->key[json->written]);
		text_add_char(json->out, json->is_array[json->written] ? '[' : '{');
		json->written++;
	}
}

void json_put_key(struct json *json, const char *key)
{
	if (json->written < json->depth)
		write_open(json);
	json_add_key(json, key);
}

void json_put_members(struct json *json, const char *members, size_t size)
{
	if (!size)
		return;
	json_put_key(json, NULL);
	text_add(json->out, members, size);
}

void json_write_end(struct json *json)
{
	json->written--;
	text_add_char(json->out, json->is_array[json->written] ? ']' : '}');
}

static char *put_escape(char *at, uint32_t unit)
{
	*at++ = '\\';
	*at++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[unit >> shift & 15];
	return at;
}

/* One character that is not plain, of the SIZE bytes at DATA. Returns how many of them it took. */
static size_t add_special(struct text *out, const char *data, size_t size)
{
	char escaped[12], *end = escaped;
	uint32_t code;
	size_t used = utf8_decode(data, size, &code);

	if (code == UTF8_INVALID) {
		text_add_string(out, UTF8_REPLACEMENT);
	} else if (code == '"' || code == '\\') {
		text_add(out, (char[]){'\\', (char)code}, 2);
	} else if (!utf8_is_unsafe(code)) {
		text_add(out, data, used);
	} else {
		if (code > 0xffff) {
			end = put_escape(end, 0xd800 + ((code - 0x10000) >> 10));
			code = 0xdc00 + ((code - 0x10000) & 0x3ff);
		}
		end = put_escape(end, code);
		text_add(out, escaped, (size_t)(end - escaped));
	}
	return used;
}

static void json_add_quoted(struct text *out, struct bytes value)
{
	size_t at = 0;

	text_add_char(out, '"');
	while (at < value.size) {
		size_t run = at;

		while (run < value.size && plain[(unsigned char)value.data[run]])
			run++;
		text_add(out, value.data + at, run - at);
		at = run;
		if (at < value.size)
			at += add_special(out, value.data + at, value.size - at);
	}
	text_add_char(out, '"');
}

void json_put_string(struct json *json, const char *key, struct bytes value)
{
	if (!value.data || !value.size)
		return;
	json_put_key(json, key);
	json_add_quoted(json->out, value);
}

void json_put_element(struct json *json, struct bytes value)
{
	json_put_key(json, NULL);
	json_add_quoted(json->out, value);
}

void json_put_plain(struct json *json, const char *key, const char *value, size_t size)
{
	char *room;

	json_put_key(json, key);
	room = text_room(json->out, size + 2);
	if (!room)
		return;
	room[0] = '"';
	memcpy(room + 1, value, size);
	memcpy(room + 1 + size, "\"", 2);
	json->out->size += size + 2;
}

void json_put_word(struct json *json, const char *key, const char *word)
{
	if (word)
		json_put_plain(json, key, word, strlen(word));
}

void json_put_number(struct json *json, const char *key, uint64_t value)
{
	json_put_key(json, key);
	text_add_number(json->out, value);
}

void json_put_signed(struct json *json, const char *key, int64_t value)
{
	json_put_key(json, key);
	text_add_signed(json->out, value);
}

void json_put_time(struct json *json, const char *key, uint64_t real)
{
	json_put_key(json, key);
	text_add_char(json->out, '"');
	clock_add_rfc3339(json->out, real);
	text_add_char(json->out, '"');
}

void json_put_id(struct json *json, const char *key, uint64_t value)
{
	json_put_key(json, key);
	text_add_char(json->out, '"');
	text_add_number(json->out, value);
	text_add_char(json->out, '"');
}

void json_put_bool(struct json *json, const char *key, bool value)
{
	json_put_key(json, key);
	text_add_string(json->out, value ? "true" : "false");
}
