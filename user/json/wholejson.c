// SPDX-License-Identifier: Apache-2.0
#include "json/wholejson.h"

#include "base/percent.h"
#include "json/gojson.h"

#define STRIDE 64 /* bytes that are looked at at once: a bit for each */
#define PIECE 256 /* room for a string is made for so much of it at once */

/* --- brackets --------------------------------------------------------------------------------- */

struct strides {
	uint64_t backslashes, quotes, opening, closing;
};

#ifdef __SSE2__
static uint64_t bits_of(const __m128i bytes[4], char c)
{
	__m128i wanted = _mm_set1_epi8(c);
	uint64_t bits = 0;

	for (unsigned int i = 0; i < 4; i++)
		bits |= (uint64_t)(unsigned int)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes[i], wanted))
			<< 16 * i;
	return bits;
}

static void look_at(const char *data, struct strides *ret)
{
	__m128i bytes[4];

	for (unsigned int i = 0; i < 4; i++)
		bytes[i] = _mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i));
	ret->backslashes = bits_of(bytes, '\\');
	ret->quotes = bits_of(bytes, '"');
	ret->opening = bits_of(bytes, '{');
	ret->closing = bits_of(bytes, '}');
}
#else
static void look_at(const char *data, struct strides *ret)
{
	*ret = (struct strides){0};
	for (unsigned int i = 0; i < STRIDE; i++) {
		ret->backslashes |= (uint64_t)(data[i] == '\\') << i;
		ret->quotes |= (uint64_t)(data[i] == '"') << i;
		ret->opening |= (uint64_t)(data[i] == '{') << i;
		ret->closing |= (uint64_t)(data[i] == '}') << i;
	}
}
#endif

/* A bit for each byte behind a backslash that counts; *BEFORE: the last byte of the stride before was such a backslash. */
static uint64_t escaped_bits(uint64_t backslashes, bool *before)
{
	uint64_t escaped = *before;

	*before = false;
	for (; backslashes; backslashes &= backslashes - 1) {
		uint64_t lowest = backslashes & -backslashes;

		if (escaped & lowest)
			continue;
		escaped |= lowest << 1;
		*before = lowest >> (STRIDE - 1);
	}
	return escaped;
}

/* Each bit is set of which an odd number of those up to it are set in BITS. */
static uint64_t parity_bits(uint64_t bits)
{
	for (unsigned int by = 1; by < STRIDE; by *= 2)
		bits ^= bits << by;
	return bits;
}

/* Where in a stride the depth becomes 0; STRIDE: nowhere. *DEPTH goes on. */
static unsigned int find_closing(const struct strides *strides, size_t *depth)
{
	uint64_t both = strides->opening | strides->closing;
	size_t closed;

	if (!both)
		return STRIDE;
	closed = (size_t)__builtin_popcountll(strides->closing);
	if (closed < *depth) {
		*depth = *depth + (size_t)__builtin_popcountll(strides->opening) - closed;
		return STRIDE;
	}
	for (; both; both &= both - 1) {
		unsigned int at = (unsigned int)__builtin_ctzll(both);

		*depth += strides->opening >> at & 1 ? 1 : (size_t)-1;
		if (!*depth)
			return at;
	}
	return STRIDE;
}

size_t wholejson_object(const char *data, size_t size)
{
	bool escaped = false;
	uint64_t in_string = 0; /* all bits, or none */
	size_t depth = 0;

	if (!size || *data != '{')
		return 0;
	for (size_t at = 0; at < size; at += STRIDE) {
		char rest[STRIDE];
		struct strides strides;
		uint64_t strings;
		unsigned int end;

		if (size - at < STRIDE) {
			memset(rest, ' ', sizeof(rest));
			memcpy(rest, data + at, size - at);
		}
		look_at(size - at < STRIDE ? rest : data + at, &strides);
		strides.quotes &= ~escaped_bits(strides.backslashes, &escaped);
		strings = parity_bits(strides.quotes) ^ in_string;
		in_string = strings >> (STRIDE - 1) ? UINT64_MAX : 0;
		strides.opening &= ~strings;
		strides.closing &= ~strings;
		end = find_closing(&strides, &depth);
		if (end < STRIDE)
			return at + end + 1;
	}
	return 0;
}

/* --- strings ---------------------------------------------------------------------------------- */

/* The character of four hexadecimal digits; 0: they are none, or half a pair. */
static uint32_t code_of(const char *hex)
{
	uint32_t code = 0;

	for (unsigned int i = 0; i < 4; i++) {
		int digit = percent_hex_value(hex[i]);

		if (digit < 0)
			return 0;
		code = code << 4 | (uint32_t)digit;
	}
	return code >= 0xd800 && code <= 0xdfff ? 0 : code;
}

/* Puts what the escape at DATA means to TO. The bytes that it has; 0: it is left to gojson.h. */
static size_t put_escaped(char **to, const char *data, size_t size)
{
	uint32_t code;

	if (size >= 2 && (data[1] == '"' || data[1] == '\\')) { /* nearly all of them */
		*(*to)++ = data[1];
		return 2;
	}
	if (size >= 2 && gojson_escaped(data[1])) {
		*(*to)++ = gojson_escaped(data[1]);
		return 2;
	}
	code = size >= 6 && data[1] == 'u' ? code_of(data + 2) : 0;
	*to += code ? gojson_encode(*to, code) : 0;
	return code ? 6 : 0;
}

/* Copies up to PIECE bytes of what stands for itself; returns how many. */
static size_t copy_plain(char *to, const char *data, size_t size)
{
	size_t limit = size < PIECE ? size : PIECE, run = 0;

#ifdef __SSE2__
	while (limit - run >= sizeof(__m128i)) {
		unsigned int any = gojson_find_special(data + run);

		memcpy(to + run, data + run, sizeof(__m128i));
		if (any && (unsigned char)data[run + (size_t)__builtin_ctz(any)] < 0x80)
			return run + (size_t)__builtin_ctz(any);
		if (any)
			break;
		run += sizeof(__m128i);
	}
#endif
	limit = run + gojson_any_run(data + run, limit - run);
	memcpy(to + run, data + run, limit - run);
	return limit;
}

size_t wholejson_string(struct text *out, const char *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		char *begin = text_room(out, 2 * PIECE + 8), *to = begin;
		bool over = false;

		if (!begin)
			return 0;
		while (to - begin < PIECE && at < size) {
			size_t run = copy_plain(to, data + at, size - at), escape = 0;

			to += run;
			at += run;
			over = at < size && data[at] == '"';
			if (at < size && data[at] == '\\')
				escape = put_escaped(&to, data + at, size - at);
			at += over ? 1 : escape;
			if (over || (!run && !escape))
				break;
		}
		if (to == begin && !over) /* it does not go on */
			return 0;
		*to = '\0';
		out->size += (size_t)(to - begin);
		if (over)
			return at;
	}
	return 0;
}

/* --- spaces ----------------------------------------------------------------------------------- */

static bool is_mark(char c)
{
	return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':';
}

static bool is_json_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The bytes of the string at DATA with both quotes; SIZE: it has no end. */
static size_t string_size(const char *data, size_t size)
{
	size_t at = 1;

	while (at < size && data[at] != '"') {
#ifdef __SSE2__
		if (size - at >= sizeof(__m128i)) {
			unsigned int any = gojson_find_special(data + at);

			if (!any) {
				at += sizeof(__m128i);
				continue;
			}
			at += (size_t)__builtin_ctz(any);
		}
#endif
		if (data[at] == '"')
			break;
		at += data[at] == '\\' ? 2 : 1;
	}
	return at < size ? at + 1 : size;
}

bool wholejson_compact(struct text *out, struct bytes bytes)
{
	const char *from = bytes.data, *end = from + bytes.size;
	char *begin = text_room(out, bytes.size), *to = begin;

	if (!begin)
		return false;
	while (from < end) {
		if (*from == '"') {
			size_t size = string_size(from, (size_t)(end - from));

			memcpy(to, from, size);
			to += size;
			from += size;
		} else if (is_json_blank(*from)) {
			while (from < end && is_json_blank(*from))
				from++;
			if (to > begin && from < end && !is_mark(to[-1]) && !is_mark(*from))
				return false;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	out->size += (size_t)(to - begin);
	return true;
}

void wholejson_flatten(char *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		if (data[at] == '"') {
			at += string_size(data + at, size - at);
			continue;
		}
		if (data[at] == '\n' || data[at] == '\r')
			data[at] = ' ';
		at++;
	}
}
