// SPDX-License-Identifier: Apache-2.0
#include "base/percent.h"

/* Decodes the byte at *AT of ENCODED, and moves *AT behind it. */
static char decode_byte(struct bytes encoded, size_t *at, bool plus_is_space)
{
	char c = encoded.data[(*at)++];
	int high, low;

	if (c == '+' && plus_is_space)
		return ' ';
	if (c != '%' || encoded.size - *at < 2)
		return c;
	high = percent_hex_value(encoded.data[*at]);
	low = percent_hex_value(encoded.data[*at + 1]);
	if (high < 0 || low < 0)
		return c;
	*at += 2;
	return (char)(high << 4 | low);
}

void percent_decode(struct text *out, struct bytes encoded, bool plus_is_space)
{
	char *room = encoded.size ? text_room(out, encoded.size) : NULL;
	size_t at = 0, size = 0;

	if (!room)
		return;
	while (at < encoded.size)
		room[size++] = decode_byte(encoded, &at, plus_is_space);
	room[size] = '\0';
	out->size += size;
}

void percent_encode(struct text *out, struct bytes bytes, bool plus_is_space)
{
	for (size_t i = 0; i < bytes.size; i++) {
		unsigned char c = (unsigned char)bytes.data[i];

		if (c == ' ' && plus_is_space) {
			text_add_char(out, '+');
		} else if (c > ' ' && c < 0x7f && !strchr(plus_is_space ? "%&+#;" : "%?#", c)) {
			text_add_char(out, bytes.data[i]);
		} else {
			text_add_char(out, '%');
			text_add_hex(out, c, 2);
		}
	}
}
