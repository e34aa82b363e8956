// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include "base/bytes.h"

struct range {
	uint32_t first, last;
};

/* Ascending. */
static const struct range unsafe[] = {
	{0x00, 0x1f},	    /* C0 */
	{0x7f, 0x9f},	    /* DEL, C1 */
	{0xad, 0xad},	    /* soft hyphen */
	{0x61c, 0x61c},	    /* Arabic letter mark */
	{0x180e, 0x180e},   /* Mongolian vowel separator */
	{0x200b, 0x200f},   /* zero width, LRM, RLM */
	{0x2028, 0x202e},   /* line and paragraph separator, bidi embeddings and overrides */
	{0x2060, 0x206f},   /* invisible operators, bidi isolates */
	{0xfeff, 0xfeff},   /* byte order mark */
	{0xfff9, 0xfffb},   /* interlinear annotation */
	{0xe0000, 0xe007f}, /* tags */
};

/* Ascending. */
static const struct range wide[] = {
	{0x1100, 0x115f},   /* Hangul Jamo */
	{0x2e80, 0xa4cf},   /* CJK, Yi */
	{0xac00, 0xd7a3},   /* Hangul */
	{0xf900, 0xfaff},   /* CJK compatibility */
	{0xfe30, 0xfe6f},   /* CJK forms */
	{0xff01, 0xff60},   /* full width */
	{0xffe0, 0xffe6},   /* full width signs */
	{0x1f300, 0x1faff}, /* pictographs */
	{0x20000, 0x3fffd}, /* CJK extensions */
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count && code >= ranges[i].first; i++)
		if (code <= ranges[i].last)
			return true;
	return false;
}

bool utf8_is_unsafe(uint32_t code)
{
	return in_ranges(code, unsafe, COUNT(unsafe));
}

bool utf8_is_wide(uint32_t code)
{
	return in_ranges(code, wide, COUNT(wide));
}

size_t utf8_decode(const char *data, size_t size, uint32_t *ret_code)
{
	const unsigned char *byte = (const unsigned char *)data;
	unsigned char lead = byte[0], lowest = 0x80, highest = 0xbf;
	uint32_t code;
	size_t length;

	*ret_code = UTF8_INVALID;
	if (lead < 0x80) {
		*ret_code = lead;
		return 1;
	}
	if (lead < 0xc2 || lead > 0xf4)
		return 1;
	length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	code = lead & (0x7fu >> length);
	/* Only the second byte has narrower bounds: no overlong form, no surrogate, no code above
	 * U+10FFFF. */
	if (lead == 0xe0)
		lowest = 0xa0;
	else if (lead == 0xed)
		highest = 0x9f;
	else if (lead == 0xf0)
		lowest = 0x90;
	else if (lead == 0xf4)
		highest = 0x8f;
	for (size_t i = 1; i < length; i++) {
		if (i >= size || byte[i] < lowest || byte[i] > highest)
			return i;
		code = code << 6 | (byte[i] & 0x3f);
		lowest = 0x80;
		highest = 0xbf;
	}
	*ret_code = code;
	return length;
}

size_t utf8_fit(const char *data, size_t size, size_t max)
{
	if (size <= max)
		return size;
	while (max && (data[max] & 0xc0) == 0x80)
		max--;
	return max;
}

size_t utf8_columns(const char *data, size_t size)
{
	size_t columns = 0;

	for (size_t at = 0; at < size;) {
		uint32_t code;

		at += utf8_decode(data + at, size - at, &code);
		columns += code != UTF8_INVALID && utf8_is_wide(code) ? 2 : 1;
	}
	return columns;
}
