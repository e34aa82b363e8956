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

/* Whether ENCODED, whose escapes are valid, stands for KEY. */
static bool key_is(struct bytes encoded, const char *key)
{
	while (encoded.data && encoded.size)
		if (!*key || take_byte(&encoded) != *key++)
			return false;
	return !*key;
}

/* Takes the next pair off QUERY, still encoded. Go drops pairs with a semicolon (since 1.17: before, it ended a pair) and
 * those with an invalid escape. */
static bool take_pair(struct bytes *query, struct bytes *name, struct bytes *value)
{
	while (bytes_take(query, '&', value)) {
		if (!value->size || memchr(value->data, ';', value->size))
			continue;
		bytes_take(value, '=', name);
		if (has_valid_escapes(*name) && has_valid_escapes(*value))
			return true;
	}
	return false;
}

bool query_find(struct bytes query, const char *key, struct bytes *ret_value)
{
	struct bytes name;

	while (take_pair(&query, &name, ret_value))
		if (key_is(name, key))
			return true;
	return false;
}

static void add_decoded(struct text *out, struct bytes encoded)
{
	while (encoded.data && encoded.size)
		text_add_char(out, take_byte(&encoded));
}

bool query_next(struct bytes *query, struct text *key, struct text *value)
{
	struct bytes name, rest;

	if (!take_pair(query, &name, &rest))
		return false;
	add_decoded(key, name);
	add_decoded(value, rest);
	return !key->error && !value->error;
}

bool query_value(struct bytes query, const char *key, struct text *out)
{
	struct bytes value;

	if (!query_find(query, key, &value))
		return false;
	add_decoded(out, value);
	return !out->error;
}
