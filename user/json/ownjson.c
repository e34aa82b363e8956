// SPDX-License-Identifier: Apache-2.0
#include "json/ownjson.h"

#include "base/percent.h"

#define DIGITS_MAX 18 /* they fit an int64_t */

enum ownjson_state {
	OWN_VALUE,	    /* of an element, or the whole */
	OWN_MEMBER,	    /* after a key */
	OWN_ELEMENT_OR_END, /* after [ */
	OWN_KEY_OR_END,	    /* after { */
	OWN_NEXT,	    /* after a value */
};

static bool own_is_at(const struct ownjson *json, char c)
{
	return json->at < json->end && *json->at == c;
}

/* --- strings ---------------------------------------------------------------------------------- */

/* The character of \uXXXX; -1: it is half a pair, or malformed. */
static int32_t own_code(const char *hex)
{
	int32_t code = 0;

	for (unsigned int i = 0; i < 4; i++) {
		int digit = percent_hex_value(hex[i]);

		if (digit < 0)
			return -1;
		code = code << 4 | digit;
	}
	return code >= 0xd800 && code <= 0xdfff ? -1 : code;
}

/* The size of the escape that DATA begins with; 0: it is none that is known here. */
static size_t own_escape(const char *data, size_t size)
{
	if (size >= 2 && data[1] && strchr(GOJSON_ESCAPES, data[1]))
		return 2;
	return size >= 6 && data[1] == 'u' && own_code(data + 2) >= 0 ? 6 : 0;
}

bool ownjson_string(struct ownjson *json)
{
	const char *begin = json->at;

	json->escaped = false;
	for (;;) {
		size_t escape;

		json->at += gojson_plain_run(json->at, (size_t)(json->end - json->at));
		if (json->at == json->end)
			return false;
		if (*json->at == '"')
			break;
		escape = *json->at == '\\' ? own_escape(json->at, (size_t)(json->end - json->at))
					   : 0;
		if (!escape)
			return false;
		json->at += escape;
		json->escaped = true;
	}
	json->text = (struct bytes){begin, (size_t)(json->at - begin)};
	json->at++;
	return true;
}

void ownjson_unescape(struct text *out, struct bytes text)
{
	while (text.size) {
		const char *escape = memchr(text.data, '\\', text.size);
		size_t before = escape ? (size_t)(escape - text.data) : text.size;
		char character[4];

		text_add(out, text.data, before);
		text = bytes_from(text, before);
		if (!escape)
			return;
		if (escape[1] == 'u') {
			text_add(out, character,
				 gojson_encode(character, (uint32_t)own_code(escape + 2)));
			text = bytes_from(text, 6);
		} else {
			text_add_char(out, gojson_escaped(escape[1]));
			text = bytes_from(text, 2);
		}
	}
}

/* --- values ----------------------------------------------------------------------------------- */

static enum gojson_step own_open(struct ownjson *json, bool object)
{
	struct ownjson_place *place = &json->place;

	if (place->depth == OWNJSON_DEPTH_MAX)
		return GOJSON_ERROR;
	place->objects |= (uint32_t)object << place->depth;
	place->depth++;
	place->state = object ? OWN_KEY_OR_END : OWN_ELEMENT_OR_END;
	json->at++;
	return object ? GOJSON_OBJECT : GOJSON_ARRAY;
}

static bool own_in_object(const struct ownjson *json)
{
	return json->place.objects >> (json->place.depth - 1) & 1;
}

static enum gojson_step own_close(struct ownjson *json)
{
	struct ownjson_place *place = &json->place;
	bool object = own_in_object(json);

	place->depth--;
	place->objects &= ~(UINT32_C(1) << place->depth);
	place->state = OWN_NEXT;
	json->at++;
	return object ? GOJSON_OBJECT_END : GOJSON_ARRAY_END;
}

static enum gojson_step own_literal(struct ownjson *json, const char *word, size_t size,
				    enum gojson_step step)
{
	if ((size_t)(json->end - json->at) < size || memcmp(json->at, word, size) != 0)
		return GOJSON_ERROR;
	json->at += size;
	return step;
}

bool ownjson_number(struct ownjson *json)
{
	const char *begin = json->at, *at = begin + own_is_at(json, '-'), *digits = at;
	uint64_t number = 0;

	while (at < json->end && *at >= '0' && *at <= '9' && at - digits < DIGITS_MAX)
		number = number * 10 + (uint64_t)(*at++ - '0');
	json->number = number;
	json->negative = digits > begin;
	json->text = (struct bytes){begin, (size_t)(at - begin)};
	json->at = at;
	/* What follows is looked at later: a digit, a point or an exponent is no end of a value. */
	return at > digits && (*digits != '0' || (!json->negative && at - digits == 1));
}

static enum gojson_step own_value(struct ownjson *json)
{
	if (json->at == json->end)
		return GOJSON_ERROR;
	json->place.state = OWN_NEXT;
	switch (*json->at) {
	case '"':
		json->at++;
		return ownjson_string(json) ? GOJSON_STRING : GOJSON_ERROR;
	case '{':
		return own_open(json, true);
	case '[':
		return own_open(json, false);
	case 't':
		return own_literal(json, "true", 4, GOJSON_TRUE);
	case 'f':
		return own_literal(json, "false", 5, GOJSON_FALSE);
	case 'n':
		return own_literal(json, "null", 4, GOJSON_NULL);
	default:
		return ownjson_number(json) ? GOJSON_NUMBER : GOJSON_ERROR;
	}
}

static enum gojson_step own_key(struct ownjson *json)
{
	if (!own_is_at(json, '"'))
		return GOJSON_ERROR;
	json->at++;
	json->place.state = OWN_MEMBER;
	return ownjson_string(json) ? GOJSON_KEY : GOJSON_ERROR;
}

/* After a value. */
static enum gojson_step own_go_on(struct ownjson *json)
{
	bool object;

	if (!json->place.depth)
		return json->at == json->end ? GOJSON_MORE : GOJSON_ERROR;
	object = own_in_object(json);
	if (own_is_at(json, object ? '}' : ']'))
		return own_close(json);
	if (!own_is_at(json, ','))
		return GOJSON_ERROR;
	json->at++;
	return object ? own_key(json) : own_value(json);
}

enum gojson_step ownjson_next(struct ownjson *json)
{
	switch ((enum ownjson_state)json->place.state) {
	case OWN_NEXT:
		return own_go_on(json);
	case OWN_MEMBER:
		if (!own_is_at(json, ':'))
			return GOJSON_ERROR;
		json->at++;
		return own_value(json);
	case OWN_KEY_OR_END:
		return own_is_at(json, '}') ? own_close(json) : own_key(json);
	case OWN_ELEMENT_OR_END:
		return own_is_at(json, ']') ? own_close(json) : own_value(json);
	case OWN_VALUE:
		break;
	}
	return own_value(json);
}
