// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <errno.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/utf8.h"
#include "base/wipe.h"

#define FIND_MAX 256 /* of more bytes memmem() looks for sure in linear time */
#define TEXT_FIRST_CAPACITY                                                                        \
	128 /* most texts are shorter, and many are kept until a record is written */

int text_grow(struct text *text, size_t size)
{
	size_t capacity = text->capacity ? text->capacity : TEXT_FIRST_CAPACITY;
	char *data = NULL;

	while (capacity - text->size <= size && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	if (capacity - text->size > size)
		data = wipe_realloc(text->data, text->size, text->capacity, capacity);
	if (!data) {
		text->error = -ENOMEM;
		return -ENOMEM;
	}
	text->data = data;
	text->capacity = capacity;
	return 0;
}

void text_free(struct text *text)
{
	wipe_free(text->data, text->capacity);
	*text = (struct text){0};
}

void text_add_number(struct text *text, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	text_add(text, digits + at, sizeof(digits) - at);
}

void text_add_signed(struct text *text, int64_t number)
{
	if (number < 0)
		text_add_char(text, '-');
	text_add_number(text, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void text_add_hex(struct text *text, uint64_t number, unsigned int digits)
{
	char hex[16];
	size_t at = sizeof(hex);

	do {
		hex[--at] = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (at && (number || sizeof(hex) - at < digits));
	text_add(text, hex + at, sizeof(hex) - at);
}

static size_t text_spell(uint32_t code, char out[12])
{
	static const char short_forms[] = "\a\b\t\n\v\f\r\033";
	static const char letters[] = "abtnvfre";
	const char *form = code ? strchr(short_forms, (int)(code < 0x80 ? code : 0x7f)) : NULL;
	unsigned int digits = code < 0x80 ? 2 : code <= 0xffff ? 4 : 8;
	size_t size = 0;

	out[size++] = '\\';
	if (form) {
		out[size++] = letters[form - short_forms];
		return size;
	}
	out[size++] = digits == 2 ? 'x' : digits == 4 ? 'u' : 'U';
	while (digits--)
		out[size++] = "0123456789abcdef"[code >> 4 * digits & 15];
	return size;
}

void text_add_spelled(struct text *text, uint32_t code)
{
	char spelled[12];

	text_add(text, spelled, text_spell(code, spelled));
}

/* The number of printable ASCII bytes at the start of BYTES, at most LIMIT. */
static size_t text_plain_run(struct bytes bytes, size_t limit)
{
	size_t size = 0, most = bytes.size < limit ? bytes.size : limit;

#ifdef __SSE2__
	for (; most - size >= sizeof(__m128i); size += sizeof(__m128i)) {
		__m128i data = _mm_loadu_si128((const __m128i *)(const void *)(bytes.data + size));
		/* Those beyond ASCII are less than a space, too. */
		__m128i other = _mm_or_si128(_mm_cmplt_epi8(data, _mm_set1_epi8(' ')),
					     _mm_cmpeq_epi8(data, _mm_set1_epi8(0x7f)));
		unsigned int any = (unsigned int)_mm_movemask_epi8(other);

		if (any)
			return size + (size_t)__builtin_ctz(any);
	}
#endif
	while (size < most && bytes.data[size] >= ' ' && bytes.data[size] < 0x7f)
		size++;
	return size;
}

/* Adds the first character of BYTES, spelled out where it is unsafe. Returns its columns, and in
 * *RET_USED its bytes in BYTES. */
static size_t add_character(struct text *text, struct bytes bytes, size_t *ret_used)
{
	char spelled[12];
	uint32_t code;

	*ret_used = utf8_decode(bytes.data, bytes.size, &code);
	if (code == UTF8_INVALID) {
		text_add_string(text, UTF8_REPLACEMENT);
		return 1;
	}
	if (utf8_is_unsafe(code)) {
		size_t size = text_spell(code, spelled);

		text_add(text, spelled, size);
		return size;
	}
	text_add(text, bytes.data, *ret_used);
	return utf8_is_wide(code) ? 2 : 1;
}

void text_add_visible(struct text *text, struct bytes bytes, size_t columns)
{
	size_t used = 0;	  /* columns that are filled */
	size_t fits = text->size; /* bytes behind which an ellipsis fits: columns - 1 or less */

	while (bytes.size && used < columns && !text->error) {
		size_t size = text_plain_run(bytes, columns - used);

		if (size) {
			text_add(text, bytes.data, size);
			used += size;
			fits = text->size - (used == columns);
		} else {
			used += add_character(text, bytes, &size);
			if (used < columns)
				fits = text->size;
		}
		bytes = bytes_from(bytes, size);
	}
	if (text->error || (used <= columns && !bytes.size))
		return;
	text_cut(text, fits);
	text_add_string(text, "…");
}

/* Adds CODE, whose encoding are the SIZE bytes at DATA, escaped where need be. Returns the bytes
 * that remain after a reader has undone the escapes. */
static size_t text_add_escaped_code(struct text *text, uint32_t code, const char *data, size_t size,
				    const char *special)
{
	char spelled[12];

	if (code == UTF8_INVALID) {
		text_add_string(text, UTF8_REPLACEMENT);
		return strlen(UTF8_REPLACEMENT);
	}
	if (code == '\\' || (code && code < 0x80 && strchr(special, (int)code))) {
		text_add_char(text, '\\');
		text_add_char(text, code == '\n' ? 'n' : code == '\r' ? 'r' : (char)code);
		return 1;
	}
	if (utf8_is_unsafe(code)) {
		size = text_spell(code, spelled);
		text_add_char(text, '\\'); /* escapes the backslash that the spelling begins with */
		data = spelled;
	}
	text_add(text, data, size);
	return size;
}

void text_add_escaped(struct text *text, struct bytes bytes, const char *special, size_t limit)
{
	size_t used = 0, fits = text->size; /* .size behind which an ellipsis fits */

	while (bytes.size && used <= limit && !text->error) {
		uint32_t code;
		size_t size = utf8_decode(bytes.data, bytes.size, &code);

		used += text_add_escaped_code(text, code, bytes.data, size, special);
		if (used + strlen("…") <= limit)
			fits = text->size;
		bytes = bytes_from(bytes, size);
	}
	if (text->error || used <= limit)
		return;
	text_cut(text, fits);
	text_add_string(text, "…");
}

#ifdef __SSE2__
static bool is_rarer(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* A bit for each of the sixteen places at DATA where the letters ONE and OTHER stand so far behind it. */
static inline __m128i have_both(const char *data, size_t first, __m128i one, size_t last,
				__m128i other)
{
	__m128i ones = _mm_loadu_si128((const __m128i *)(const void *)(data + first));
	__m128i others = _mm_loadu_si128((const __m128i *)(const void *)(data + last));

	return _mm_and_si128(_mm_cmpeq_epi8(ones, one), _mm_cmpeq_epi8(others, other));
}

/* Looks where two letters stand as in WHAT, at many places at once. *AT: the first place that was not looked at. */
static const char *find_by_letters(struct bytes bytes, struct bytes what, size_t *at)
{
	size_t first = 0, last = what.size - 1;
	__m128i one, other;

	while (first < last &&
	       !is_rarer(what.data[first])) /* quotes and their like are in each line many times */
		first++;
	while (first < last && !is_rarer(what.data[last]))
		last--;
	one = _mm_set1_epi8(what.data[first]);
	other = _mm_set1_epi8(what.data[last]);
	for (; bytes.size - *at >= what.size + 2 * sizeof(one) - 1; *at += 2 * sizeof(one)) {
		const char *here = bytes.data + *at;
		__m128i low = have_both(here, first, one, last, other);
		__m128i high = have_both(here + sizeof(one), first, one, last, other);
		unsigned int may;

		if (!_mm_movemask_epi8(_mm_or_si128(low, high)))
			continue;
		may = (unsigned int)_mm_movemask_epi8(low) | (unsigned int)_mm_movemask_epi8(high)
								     << 16;
		for (; may; may &= may - 1)
			if (!memcmp(here + __builtin_ctz(may), what.data, what.size))
				return here + __builtin_ctz(may);
	}
	return NULL;
}
#endif

const char *bytes_find(struct bytes bytes, struct bytes what)
{
	const char *found = NULL;
	size_t at = 0;

	if (!bytes.size || what.size > bytes.size)
		return what.size ? NULL : bytes.data;
#ifdef __SSE2__
	if (what.size > 1 && what.size <= FIND_MAX)
		found = find_by_letters(bytes, what, &at);
#endif
	return found ?: memmem(bytes.data + at, bytes.size - at, what.data, what.size);
}

struct bytes bytes_basename(struct bytes path)
{
	const char *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;

	return slash ? bytes_from(path, (size_t)(slash - path.data) + 1) : path;
}

void text_copy_visible(char *to, size_t size, struct bytes bytes, size_t columns)
{
	_cleanup_(text_free) struct text visible = {0};
	size_t length = text_plain_run(bytes, columns);

	if (length == bytes.size && length < size) { /* as most texts are */
		if (length)
			memcpy(to, bytes.data, length);
		to[length] = '\0';
		return;
	}
	text_add_visible(&visible, bytes, columns);
	length =
		visible.size < size ? visible.size : utf8_fit(visible.data, visible.size, size - 1);
	if (length)
		memcpy(to, visible.data, length);
	to[length] = '\0';
}
