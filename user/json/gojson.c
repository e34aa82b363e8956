/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of encoding/json's scanner.go and what its decode.go makes of strings and numbers.
 *
 * Every read_*() takes what it can of the bytes at hand, none where it must say something first,
 * and moves the state on.
 */
#include "json/gojson.h"

#include <endian.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/percent.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define REPLACEMENT_SIZE 3
#define EXPONENT_MAX 10000 /* Go takes no further digits of an exponent */
#define FLOAT_DIGITS 309

enum gojson_state {
	AT_VALUE,
	AT_ELEMENT_OR_END, /* after [ */
	AT_KEY_OR_END,	   /* after { */
	AT_KEY,		   /* after a comma */
	AT_COLON,
	AT_NEXT, /* after a value */
	AT_STRING,
	AT_ESCAPE,
	AT_HEX,
	AT_LITERAL,
	AT_MINUS,
	AT_ZERO,
	AT_INTEGER,
	AT_POINT,
	AT_FRACTION,
	AT_E,
	AT_EXPONENT_SIGN,
	AT_EXPONENT,
	AT_END,
	AT_TRAILING,
	AT_ERROR,
};

/* From this one on Go's float64 is infinite: 2^1024 - 2^970 */
/* clang-format off */
static const char infinite[FLOAT_DIGITS + 1] =
	"1797693134862315807937289714053034150799341327100378269361737789804449682927647509466490"
	"1797758720709633028641669288791094655554785194040263065748867150582068190890200070838367"
	"6273854845817711531764475730270069855571366959622842914819860834936475292719074168444365"
	"510704342711559699508093042880177904174497792";
/* clang-format on */

/* What a reader has to say. */
struct said {
	enum gojson_step step;
	struct bytes piece;
};

static size_t gojson_fail(struct gojson *json, struct said *said, const char *error)
{
	json->state = AT_ERROR;
	json->error = error;
	said->step = GOJSON_ERROR;
	return 0;
}

static bool gojson_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool gojson_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t count_spaces(const char *data, size_t size)
{
	size_t used = 0;

	while (used < size && gojson_is_space(data[used]))
		used++;
	return used;
}

/* --- Objects, arrays, literals --------------------------------------------------------------- */

static bool in_object(const struct gojson *json)
{
	unsigned int level = json->depth - 1;

	return json->objects[level / 64] >> level % 64 & 1;
}

static void end_value(struct gojson *json)
{
	json->state = json->depth ? AT_NEXT : AT_END;
}

static size_t open_level(struct gojson *json, struct said *said, bool object)
{
	unsigned int level = json->depth;
	uint64_t bit = UINT64_C(1) << level % 64;

	if (level == GOJSON_DEPTH_MAX)
		return gojson_fail(json, said, "nested too deeply");
	json->depth++;
	if (object)
		json->objects[level / 64] |= bit;
	else
		json->objects[level / 64] &= ~bit;
	json->state = object ? AT_KEY_OR_END : AT_ELEMENT_OR_END;
	said->step = object ? GOJSON_OBJECT : GOJSON_ARRAY;
	return 1;
}

static size_t close_level(struct gojson *json, struct said *said)
{
	said->step = in_object(json) ? GOJSON_OBJECT_END : GOJSON_ARRAY_END;
	json->depth--;
	end_value(json);
	return 1;
}

static size_t gojson_begin_string(struct gojson *json, bool key)
{
	json->in_key = key;
	json->escaped = false;
	json->state = AT_STRING;
	return 1;
}

static size_t begin_literal(struct gojson *json, const char *rest, enum gojson_step step)
{
	json->rest = rest;
	json->literal = step;
	json->state = AT_LITERAL;
	return 1;
}

static void begin_number(struct gojson *json)
{
	memset(&json->number, 0, sizeof(json->number));
	json->number.integral = true;
}

static size_t gojson_begin_value(struct gojson *json, char c, struct said *said)
{
	switch (c) {
	case '{':
		return open_level(json, said, true);
	case '[':
		return open_level(json, said, false);
	case '"':
		return gojson_begin_string(json, false);
	case 't':
		return begin_literal(json, "rue", GOJSON_TRUE);
	case 'f':
		return begin_literal(json, "alse", GOJSON_FALSE);
	case 'n':
		return begin_literal(json, "ull", GOJSON_NULL);
	}
	if (c != '-' && !gojson_is_digit(c))
		return gojson_fail(json, said, "not JSON: no value where one is due");
	begin_number(json);
	json->number.negative = c == '-';
	json->state = AT_MINUS;
	return c == '-'; /* a digit is read as that after a minus */
}

static size_t gojson_read_value(struct gojson *json, const char *data, size_t size,
				struct said *said)
{
	size_t used = count_spaces(data, size);

	if (used == size)
		return used;
	if (json->state == AT_ELEMENT_OR_END && data[used] == ']')
		return used + close_level(json, said);
	return used + gojson_begin_value(json, data[used], said);
}

static size_t read_key(struct gojson *json, const char *data, size_t size, struct said *said)
{
	size_t used = count_spaces(data, size);

	if (used == size)
		return used;
	if (json->state == AT_KEY_OR_END && data[used] == '}')
		return used + close_level(json, said);
	if (data[used] != '"')
		return gojson_fail(json, said, "not JSON: no key where one is due");
	return used + gojson_begin_string(json, true);
}

static size_t read_colon(struct gojson *json, const char *data, size_t size, struct said *said)
{
	size_t used = count_spaces(data, size);

	if (used == size)
		return used;
	if (data[used] != ':')
		return gojson_fail(json, said, "not JSON: no colon after a key");
	json->state = AT_VALUE;
	used++;
	return used + gojson_read_value(json, data + used, size - used, said);
}

static size_t read_next(struct gojson *json, const char *data, size_t size, struct said *said)
{
	size_t used = count_spaces(data, size);
	bool object = in_object(json);

	if (used == size)
		return used;
	if (data[used] == (object ? '}' : ']'))
		return used + close_level(json, said);
	if (data[used] != ',')
		return gojson_fail(json, said, "not JSON: neither comma nor end after a value");
	json->state = object ? AT_KEY : AT_VALUE;
	used++;
	return used + (object ? read_key : gojson_read_value)(json, data + used, size - used, said);
}

static size_t read_literal(struct gojson *json, const char *data, size_t size, struct said *said)
{
	size_t used;

	for (used = 0; used < size && *json->rest; used++)
		if (data[used] != *json->rest++)
			return gojson_fail(json, said, "not JSON: a malformed literal");
	if (!*json->rest) {
		said->step = json->literal;
		end_value(json);
	}
	return used;
}

static size_t read_end(struct gojson *json, const char *data, size_t size, struct said *said)
{
	size_t used = count_spaces(data, size);

	if (used < size) {
		json->state = AT_TRAILING;
		said->step = GOJSON_TRAILING;
	}
	return used;
}

static size_t read_trailing(struct gojson *json, const char *data, size_t size, struct said *said)
{
	return size;
}

static size_t read_error(struct gojson *json, const char *data, size_t size, struct said *said)
{
	said->step = GOJSON_ERROR;
	return 0;
}

/* --- Strings --------------------------------------------------------------------------------- */

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* The top bit of a byte is set where the byte is a control byte, a quote, a backslash, or beyond ASCII; of the bytes above the
 * lowest such one in some others, too. */
static uint64_t find_special(uint64_t eight)
{
	uint64_t quote = eight ^ EACH_BYTE('"'), backslash = eight ^ EACH_BYTE('\\');

	/* A byte's top bit is set where the byte minus a bound borrowed, or was set before. A
	 * borrow may set its neighbour's, too, but only where there is a special one. */
	return (eight | (eight - EACH_BYTE(0x20)) | (quote - EACH_BYTE(1)) |
		(backslash - EACH_BYTE(1))) &
	       EACH_BYTE(0x80);
}

static bool is_special(unsigned char c)
{
	return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

/* How many bytes at the beginning of DATA stand for themselves and are ASCII. */
static size_t ascii_run(const char *data, size_t size)
{
	size_t run = 0;
	uint64_t eight, special;

#ifdef __SSE2__
	for (; size - run >= sizeof(__m128i); run += sizeof(__m128i)) {
		unsigned int any = gojson_find_special(data + run);

		if (any)
			return run + (size_t)__builtin_ctz(any);
	}
#endif
	for (; size - run >= sizeof(eight); run += sizeof(eight)) {
		memcpy(&eight, data + run, sizeof(eight));
		special = find_special(le64toh(eight));
		if (special)
			return run + (size_t)__builtin_ctzll(special) / 8;
	}
	while (run < size && !is_special(data[run]))
		run++;
	return run;
}

/* How many bytes the character has that begins with C; 0: no character begins so. */
static unsigned int character_size(unsigned char c)
{
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

/* Whether C can be the next byte of the character that begins with the SIZE bytes of BEGIN. */
static bool gojson_continues(const char *begin, size_t size, unsigned char c)
{
	if (size == 1) {
		switch ((unsigned char)*begin) {
		case 0xe0:
			return c >= 0xa0 && c <= 0xbf;
		case 0xed:
			return c >= 0x80 && c <= 0x9f;
		case 0xf0:
			return c >= 0x90 && c <= 0xbf;
		case 0xf4:
			return c >= 0x80 && c <= 0x8f;
		}
	}
	return c >= 0x80 && c <= 0xbf;
}

/* The size of the character beyond ASCII that DATA begins with; 0: none, or not whole. */
static size_t whole_character(const char *data, size_t size)
{
	size_t wanted = character_size(*data), i;

	if (wanted > size)
		return 0;
	for (i = 1; i < wanted; i++)
		if (!gojson_continues(data, i, data[i]))
			return 0;
	return wanted;
}

size_t gojson_any_run(const char *data, size_t size)
{
	size_t run = 0, character;

	for (;;) {
		run += ascii_run(data + run, size - run);
		character = run < size ? whole_character(data + run, size - run) : 0;
		if (!character)
			return run;
		run += character;
	}
}

static void add_out(struct gojson *json, const char *data, size_t size)
{
	memcpy(json->out + json->out_size, data, size);
	json->out_size += size;
}

static void add_replacement(struct gojson *json)
{
	json->bad_utf8 = true;
	add_out(json, REPLACEMENT, REPLACEMENT_SIZE);
}

size_t gojson_encode(char out[4], uint32_t code)
{
	if (code < 0x80) {
		out[0] = code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = 0xc0 | code >> 6;
		out[1] = 0x80 | (code & 0x3f);
		return 2;
	}
	if (code < 0x10000) {
		out[0] = 0xe0 | code >> 12;
		out[1] = 0x80 | (code >> 6 & 0x3f);
		out[2] = 0x80 | (code & 0x3f);
		return 3;
	}
	out[0] = 0xf0 | code >> 18;
	out[1] = 0x80 | (code >> 12 & 0x3f);
	out[2] = 0x80 | (code >> 6 & 0x3f);
	out[3] = 0x80 | (code & 0x3f);
	return 4;
}

char gojson_escaped(char letter)
{
	static const char from[] = GOJSON_ESCAPES, to[] = "\"\\/\b\f\n\r\t";
	const char *found = letter ? strchr(from, letter) : NULL;

	return found ? to[found - from] : '\0';
}

static void add_code(struct gojson *json, uint32_t code)
{
	json->out_size += gojson_encode(json->out + json->out_size, code);
}

static void say_out(struct gojson *json, struct said *said)
{
	said->step = GOJSON_PIECE;
	said->piece = (struct bytes){json->out, json->out_size};
	json->out_size = 0;
}

/* The half of a pair that waits found no other half. Says so; false: there was none. */
static bool say_high(struct gojson *json, struct said *said)
{
	if (!json->high)
		return false;
	json->high = 0;
	add_replacement(json);
	say_out(json, said);
	return true;
}

/* One more byte of a character that began in an earlier portion. Where it does not fit, each byte
 * so far is one U+FFFD: the second to fourth one cannot begin a character. */
static size_t read_partial(struct gojson *json, char c, struct said *said)
{
	unsigned int size = json->partial_size;

	if (!gojson_continues(json->partial, size, c)) {
		while (json->partial_size) {
			json->partial_size--;
			add_replacement(json);
		}
		say_out(json, said);
		return 0;
	}
	json->partial[size] = c;
	json->partial_size++;
	if (json->partial_size == character_size(*json->partial)) {
		add_out(json, json->partial, json->partial_size);
		json->partial_size = 0;
		say_out(json, said);
	}
	return 1;
}

/* PIECE is its last one, and followed by its quote. */
static size_t gojson_end_string(struct gojson *json, struct said *said, struct bytes piece)
{
	/* Secrets may be in them. */
	memset(json->out, 0, sizeof(json->out));
	memset(json->partial, 0, sizeof(json->partial));
	said->step = json->in_key ? GOJSON_KEY : GOJSON_STRING;
	said->piece = piece;
	if (json->in_key)
		json->state = AT_COLON;
	else
		end_value(json);
	return piece.size + 1;
}

/* A byte that no character begins with, or that one begins with which is not whole here. */
static size_t begin_partial(struct gojson *json, char c, struct said *said)
{
	if (character_size(c)) {
		*json->partial = c;
		json->partial_size = 1;
	} else {
		add_replacement(json);
		say_out(json, said);
	}
	return 1;
}

static size_t read_string(struct gojson *json, const char *data, size_t size, struct said *said)
{
	size_t run;

	if (json->partial_size)
		return read_partial(json, *data, said);
	if (*data == '\\') {
		json->escaped = true;
		json->state = AT_ESCAPE;
		return 1;
	}
	if (say_high(json, said))
		return 0;
	run = gojson_plain_run(data, size);
	if (run < size && data[run] == '"')
		return gojson_end_string(json, said, (struct bytes){data, run});
	if (run) {
		said->step = GOJSON_PIECE;
		said->piece = (struct bytes){data, run};
		return run;
	}
	if ((unsigned char)*data < 0x20)
		return gojson_fail(json, said, "not JSON: a control byte in a string");
	return begin_partial(json, *data, said);
}

static size_t read_escape(struct gojson *json, const char *data, size_t size, struct said *said)
{
	char escaped = gojson_escaped(*data);

	if (*data == 'u') {
		json->hex = json->hex_size = 0;
		json->state = AT_HEX;
		return 1;
	}
	if (!escaped)
		return gojson_fail(json, said, "not JSON: a malformed escape");
	if (say_high(json, said))
		return 0;
	add_out(json, &escaped, 1);
	say_out(json, said);
	json->state = AT_STRING;
	return 1;
}

/* A \uXXXX is complete. */
static void end_hex(struct gojson *json, struct said *said)
{
	uint32_t code = json->hex, high = json->high;
	bool low = code >= 0xdc00 && code <= 0xdfff;

	json->high = 0;
	json->state = AT_STRING;
	if (high && low) {
		add_code(json, 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00));
	} else {
		if (high)
			add_replacement(json);
		if (code >= 0xd800 && code <= 0xdbff)
			json->high = code;
		else if (low)
			add_replacement(json);
		else
			add_code(json, code);
	}
	if (json->out_size)
		say_out(json, said);
}

static size_t read_hex(struct gojson *json, const char *data, size_t size, struct said *said)
{
	int digit = percent_hex_value(*data);

	if (digit < 0)
		return gojson_fail(json, said, "not JSON: a malformed escape");
	json->hex = json->hex << 4 | digit;
	if (++json->hex_size == 4)
		end_hex(json, said);
	return 1;
}

/* --- Numbers --------------------------------------------------------------------------------- */

/* A digit before the exponent. */
static void add_digit(struct gojson_number *number, int digit, bool fraction)
{
	if (!fraction) {
		number->overflow |=
			__builtin_mul_overflow(number->magnitude, 10, &number->magnitude);
		number->overflow |=
			__builtin_add_overflow(number->magnitude, digit, &number->magnitude);
	}
	if (!number->digits && !digit) {
		number->magnitude10 -= fraction;
		return;
	}
	if (number->digits < FLOAT_DIGITS && !number->order)
		number->order = digit - (infinite[number->digits] - '0');
	number->digits++;
	number->magnitude10 += !fraction;
}

static bool is_infinite(const struct gojson_number *number)
{
	int64_t magnitude =
		number->magnitude10 +
		(number->exponent_negative ? -(int64_t)number->exponent : number->exponent);
	size_t digits = number->digits < FLOAT_DIGITS ? number->digits : FLOAT_DIGITS;

	if (!digits || magnitude != FLOAT_DIGITS)
		return digits && magnitude > FLOAT_DIGITS;
	/* The digits that are missing are zeros. */
	if (!number->order)
		return strspn(infinite + digits, "0") == FLOAT_DIGITS - digits;
	return number->order > 0;
}

static int number_mark(struct gojson *json, char c)
{
	bool point = c == '.' && (json->state == AT_ZERO || json->state == AT_INTEGER);

	if (!point && (c | 0x20) != 'e')
		return -1;
	json->number.integral = false;
	return point ? AT_POINT : AT_E;
}

/* The state after C; -1: the number does not go on with it. */
static int number_byte(struct gojson *json, char c)
{
	struct gojson_number *number = &json->number;

	switch (json->state) {
	case AT_MINUS:
		if (gojson_is_digit(c))
			add_digit(number, c - '0', false);
		return gojson_is_digit(c) ? (c == '0' ? AT_ZERO : AT_INTEGER) : -1;
	case AT_INTEGER:
		if (gojson_is_digit(c)) {
			add_digit(number, c - '0', false);
			return AT_INTEGER;
		}
		return number_mark(json, c);
	case AT_ZERO:
		return number_mark(json, c);
	case AT_POINT:
	case AT_FRACTION:
		if (gojson_is_digit(c)) {
			add_digit(number, c - '0', true);
			return AT_FRACTION;
		}
		return json->state == AT_FRACTION ? number_mark(json, c) : -1;
	case AT_E:
		if (c == '+' || c == '-') {
			number->exponent_negative = c == '-';
			return AT_EXPONENT_SIGN;
		}
		break;
	}
	if (gojson_is_digit(c) && number->exponent < EXPONENT_MAX)
		number->exponent = number->exponent * 10 + (c - '0');
	return gojson_is_digit(c) ? AT_EXPONENT : -1;
}

static bool may_end(enum gojson_state state)
{
	return state == AT_ZERO || state == AT_INTEGER || state == AT_FRACTION ||
	       state == AT_EXPONENT;
}

static size_t gojson_read_number(struct gojson *json, const char *data, size_t size,
				 struct said *said)
{
	size_t used;
	int state;

	for (used = 0; used < size; used++) {
		state = number_byte(json, data[used]);
		if (state < 0)
			break;
		json->state = state;
	}
	if (used == size)
		return used;
	if (!may_end(json->state))
		return gojson_fail(json, said, "not JSON: a malformed number");
	json->number.infinite = is_infinite(&json->number);
	said->step = GOJSON_NUMBER;
	end_value(json);
	return used;
}

/* --- The whole ------------------------------------------------------------------------------- */

typedef size_t (*reader)(struct gojson *json, const char *data, size_t size, struct said *said);

static const reader readers[] = {
	[AT_VALUE] = gojson_read_value,
	[AT_ELEMENT_OR_END] = gojson_read_value,
	[AT_KEY_OR_END] = read_key,
	[AT_KEY] = read_key,
	[AT_COLON] = read_colon,
	[AT_NEXT] = read_next,
	[AT_STRING] = read_string,
	[AT_ESCAPE] = read_escape,
	[AT_HEX] = read_hex,
	[AT_LITERAL] = read_literal,
	[AT_MINUS] = gojson_read_number,
	[AT_ZERO] = gojson_read_number,
	[AT_INTEGER] = gojson_read_number,
	[AT_POINT] = gojson_read_number,
	[AT_FRACTION] = gojson_read_number,
	[AT_E] = gojson_read_number,
	[AT_EXPONENT_SIGN] = gojson_read_number,
	[AT_EXPONENT] = gojson_read_number,
	[AT_END] = read_end,
	[AT_TRAILING] = read_trailing,
	[AT_ERROR] = read_error,
};

void gojson_init(struct gojson *json)
{
	memset(json, 0, sizeof(*json));
	json->state = AT_VALUE;
}

enum gojson_step gojson_next(struct gojson *json, const char *data, size_t size, size_t *ret_used,
			     struct bytes *ret_piece)
{
	struct said said = {.step = GOJSON_MORE};
	size_t used = 0;

	while (used < size && said.step == GOJSON_MORE)
		used += readers[json->state](json, data + used, size - used, &said);
	*ret_used = used;
	*ret_piece = said.piece;
	return said.step;
}

void gojson_leave_object(struct gojson *json)
{
	json->depth--;
	end_value(json);
}

bool gojson_within_string(const struct gojson *json)
{
	return json->state == AT_STRING && !json->in_key && !json->high && !json->partial_size;
}

void gojson_leave_string(struct gojson *json)
{
	/* Secrets may be in them. */
	memset(json->out, 0, sizeof(json->out));
	end_value(json);
}
