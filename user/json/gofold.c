// SPDX-License-Identifier: Apache-2.0
#include "json/gofold.h"

#include "base/bytes.h"
#include "base/text.h"

/* Characters beyond ASCII that Go's folding makes an ASCII letter. */
static const struct odd_letter {
	const char *spelled;
	enum gofold how;
	char letter;
} odd_letters[] = {
	{"\xc5\xbf", GOFOLD_UPPER, 's'},     /* U+017F, long s */
	{"\xc4\xb1", GOFOLD_UPPER, 'i'},     /* U+0131, dotless i */
	{"\xe2\x84\xaa", GOFOLD_LOWER, 'k'}, /* U+212A, Kelvin */
	{"\xc4\xb0", GOFOLD_LOWER, 'i'},     /* U+0130, I with a dot */
	{"\xc5\xbf", GOFOLD_EQUAL, 's'},     {"\xe2\x84\xaa", GOFOLD_EQUAL, 'k'},
};

static char gofold_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* How many bytes of TEXT, which is not empty, become the letter C. 0: none. */
static size_t gofold_takes(struct bytes text, char c, enum gofold how)
{
	if (gofold_lower(*text.data) == gofold_lower(c))
		return 1;
	if (!(*text.data & 0x80))
		return 0;
	for (size_t i = 0; i < COUNT(odd_letters); i++)
		if (odd_letters[i].how == how && odd_letters[i].letter == gofold_lower(c) &&
		    bytes_begin(text, odd_letters[i].spelled))
			return strlen(odd_letters[i].spelled);
	return 0;
}

size_t gofold_begins(struct bytes text, const char *word, enum gofold how)
{
	size_t at = 0, used;

	for (; *word; word++, at += used)
		if (!text.data || at == text.size ||
		    !(used = gofold_takes(bytes_from(text, at), *word, how)))
			return 0;
	return at;
}

bool gofold_is(struct bytes text, const char *word, enum gofold how)
{
	return text.size ? gofold_begins(text, word, how) == text.size : !*word;
}

bool gofold_bool(struct bytes text, bool *ret)
{
	static const char *const words[] = {"1", "t", "T", "true",  "TRUE",  "True",
					    "0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (!bytes_equal(text, bytes_of(words[i])))
			continue;
		*ret = i < 6;
		return true;
	}
	return false;
}

static bool gofold_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct bytes gofold_trim(struct bytes text)
{
	while (text.size && gofold_is_space(*text.data))
		text = bytes_from(text, 1);
	while (text.size && gofold_is_space(text.data[text.size - 1]))
		text.size--;
	return text;
}
