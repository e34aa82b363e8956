// SPDX-License-Identifier: Apache-2.0
#include "http/query.h"

#include "base/percent.h"

static bool has_valid_escapes(struct bytes encoded)
{
	for (size_t i = 0; i < encoded.size; i++)
		if (encoded.data[i] == '%' &&
		    (encoded.size - i < 3 || percent_hex_value(encoded.data[i + 1]) < 0 ||
		     percent_hex_value(encoded.data[i + 2]) < 0))
			return false;
	return true;
}

/* Takes the first byte off ENCODED, which has valid escapes and is not empty. */
static char take_byte(struct bytes *encoded)
{
	char c = *encoded->data;

	if (c == '%') {
		c = (char)(percent_hex_value(encoded->data[1]) * 16 +
			   percent_hex_value(encoded->data[2]));
		*encoded = bytes_from(*encoded, 3);
		return c;
	}
	*encoded = bytes_from(*encoded, 1);
	return c == '+' ? ' ' : c;
}

/* Takes from TEXT what stands before the first SEPARATOR, and that; or all. */
static struct bytes take_until(struct bytes *text, char separator)
{
	const char *end = text->size ? memchr(text->data, separator, text->size) : NULL;
	struct bytes part = *text;

	if (!end) {
		*text = (struct bytes){0};
		return part;
	}
	part.size = (size_t)(end - part.data);
	*text = bytes_from(*text, part.size + 1);
	return part;
}

/* Whether a key that is still encoded is KEY. */
static bool key_is(struct bytes encoded, const char *key)
{
	if (!has_valid_escapes(encoded))
		return false;
	while (encoded.data && encoded.size)
		if (!*key || take_byte(&encoded) != *key++)
			return false;
	return !*key;
}

/* The first value of KEY, still encoded. Go drops pairs with a semicolon (since 1.17: before, it ended
 * a pair) and those with an invalid escape. */
bool query_find(struct bytes query, const char *key, struct bytes *ret_value)
{
	while (query.size) {
		struct bytes value = take_until(&query, '&');
		struct bytes name;

		if (!value.size || memchr(value.data, ';', value.size))
			continue;
		name = take_until(&value, '=');
		if (!key_is(name, key) || !has_valid_escapes(value))
			continue;
		*ret_value = value;
		return true;
	}
	return false;
}

static void add_decoded(struct text *out, struct bytes encoded)
{
	while (encoded.data && encoded.size)
		text_add_char(out, take_byte(&encoded));
}

bool query_next(struct bytes *query, struct text *key, struct text *value)
{
	while (query->size) {
		struct bytes rest = take_until(query, '&');
		struct bytes name;

		if (!rest.size || memchr(rest.data, ';', rest.size))
			continue;
		name = take_until(&rest, '=');
		if (!has_valid_escapes(name) || !has_valid_escapes(rest))
			continue;
		add_decoded(key, name);
		add_decoded(value, rest);
		return !key->error && !value->error;
	}
	return false;
}

bool query_value(struct bytes query, const char *key, struct text *out)
{
	struct bytes value;

	if (!query_find(query, key, &value))
		return false;
	add_decoded(out, value);
	return !out->error;
}
