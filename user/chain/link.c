// SPDX-License-Identifier: Apache-2.0
/*
 * A link is read from the line's end towards its beginning, byte by byte as it is written; the line is not parsed.
 * No text within a record can be taken for one. A record is one JSON object, so its last byte is outside of all
 * strings, and so are the brackets before it. The quote before them ends a string, whose content is hexadecimal:
 * the quote before that begins it, since in JSON a quote within a string has a backslash before it, and before
 * this one stands a colon. What precedes is outside of strings again, and by the same argument the names are
 * names, at the depth that the brackets close. Callers have a say in strings only: they cannot write a name.
 */
#include "chain/link.h"

#include <string.h>

#include "base/text.h"

/* Takes TEXT off the end of REST, the part of the line that is not read yet. */
static bool link_take(struct bytes *rest, const char *text)
{
	size_t size = strlen(text);

	if (rest->size < size || memcmp(rest->data + rest->size - size, text, size) != 0)
		return false;
	rest->size -= size;
	return true;
}

static bool take_hex(struct bytes *rest, unsigned char *ret, size_t size)
{
	if (rest->size < 2 * size || !key_get_hex(rest->data + rest->size - 2 * size, ret, size))
		return false;
	rest->size -= 2 * size;
	return true;
}

/* As it is written: no zero before the first digit. */
static bool link_take_number(struct bytes *rest, uint64_t *ret)
{
	uint64_t number = 0, unit = 1;
	size_t digits = 0;

	while (digits < rest->size) {
		unsigned int value = (unsigned char)rest->data[rest->size - 1 - digits] - '0';
		uint64_t part;

		if (value > 9)
			break;
		if (digits && __builtin_mul_overflow(unit, 10, &unit))
			return false;
		if (__builtin_mul_overflow(unit, value, &part) ||
		    __builtin_add_overflow(number, part, &number))
			return false;
		digits++;
	}
	rest->size -= digits;
	*ret = number;
	return digits && (digits == 1 || rest->data[rest->size] != '0');
}

static bool link_take_seal(struct bytes *rest, struct chain_link *link)
{
	return take_hex(rest, link->next_key, CHAIN_KEY_SIZE) && link_take(rest, LINK_NEXT_KEY) &&
	       take_hex(rest, link->key, CHAIN_KEY_SIZE) && link_take(rest, LINK_KEY) &&
	       link_take_number(rest, &link->seal) && link_take(rest, LINK_SEAL);
}

static bool link_take_place(struct bytes *rest, struct chain_link *link)
{
	return take_hex(rest, link->previous, CHAIN_HASH_SIZE) && link_take(rest, LINK_PREVIOUS) &&
	       link_take_number(rest, &link->line) && link->line && link_take(rest, LINK_LINE) &&
	       (link_take(rest, ",") || link_take(rest, "{"));
}

static bool read_seal(struct bytes rest, struct chain_link *link)
{
	if (!link_take(&rest, LINK_END) || !take_hex(&rest, link->signature, KEY_SIGNATURE_SIZE))
		return false;
	link->signed_size = rest.size;
	return link_take(&rest, LINK_SIGNATURE) && link_take_seal(&rest, link) &&
	       link_take_place(&rest, link);
}

struct chain_link link_read(struct bytes line)
{
	struct chain_link link = {0};
	struct bytes rest = line;

	if (link_take(&rest, LINK_END) && link_take_place(&rest, &link))
		link.kind = LINK_IS_LINE;
	else if (read_seal(line, &link))
		link.kind = LINK_IS_SEAL;
	else
		link = (struct chain_link){0};
	return link;
}

bool link_is_signed(const struct chain_link *link, struct bytes line)
{
	return link->kind == LINK_IS_SEAL &&
	       key_signed(link->key, (struct bytes){line.data, link->signed_size}, link->signature);
}

bool link_follows(const struct chain_link *link, uint64_t line,
		  const unsigned char hash[CHAIN_HASH_SIZE])
{
	return link->kind != LINK_IS_NONE && link->line - 1 == line &&
	       !memcmp(link->previous, hash, CHAIN_HASH_SIZE);
}
