/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as a body: whole, byte by byte, and in pieces of random sizes. Each must give the
 * same value, within the limit. The input's first byte chooses the limit, the second one the pieces.
 */
#include "fuzz.h"

#include "json/body.h"

/* --- The type -------------------------------------------------------------------------------- */

static bool is_odd(void *data, const struct value *element)
{
	unsigned int *calls = data;

	++*calls;
	MUST(element->shape);
	if (element->key.size)
		return *element->key.data & 1;
	return element->string.size ? *element->string.data & 1 : element->first != NULL;
}

#define SHAPE(name, ...) static const struct shape name = {__VA_ARGS__}
#define INTEGER(name, size, without_sign)                                                          \
	SHAPE(name, .kind = SHAPE_INTEGER, .bits = (size), .is_unsigned = (without_sign))

SHAPE(any, .kind = SHAPE_ANY);
SHAPE(flag, .kind = SHAPE_BOOL, .pointer = true);
SHAPE(real, .kind = SHAPE_FLOAT);
SHAPE(text, .kind = SHAPE_STRING);
SHAPE(text_pointer, .kind = SHAPE_STRING, .pointer = true);
SHAPE(name, .kind = SHAPE_STRING, .keep = KEEP_NAME);
SHAPE(checked, .kind = SHAPE_STRING, .keep = KEEP_NOTHING);
SHAPE(base64, .kind = SHAPE_BASE64);
SHAPE(checked_base64, .kind = SHAPE_BASE64, .keep = KEEP_NOTHING);
SHAPE(strslice, .kind = SHAPE_STRSLICE);
SHAPE(odd_names, .kind = SHAPE_STRSLICE, .keep = KEEP_NAME, .element_done = is_odd);
INTEGER(int8, 8, false);
INTEGER(int16, 16, false);
INTEGER(int64, 64, false);
INTEGER(uint32, 32, true);
INTEGER(uint64, 64, true);
SHAPE(pair, .kind = SHAPE_ARRAY, .element = &int8, .length = 2);
SHAPE(texts, .kind = SHAPE_LIST, .element = &text);
SHAPE(text_pointers, .kind = SHAPE_LIST, .element = &text_pointer);
SHAPE(odd_texts, .kind = SHAPE_LIST, .element = &text, .element_done = is_odd);
SHAPE(only_odd_texts, .kind = SHAPE_LIST, .element = &text, .element_done = is_odd, .always = true);
SHAPE(text_lists, .kind = SHAPE_LIST, .element = &texts);
SHAPE(text_map, .kind = SHAPE_MAP, .element = &text);
SHAPE(odd_map, .kind = SHAPE_MAP, .element = &checked, .element_done = is_odd, .always = true);

static const struct shape_field leaf_fields[] = {
	{"Name", &text}, {"Flag", &flag}, {"Tags", &texts}, {"Sub_task", &text_map}, {0}};
SHAPE(leaf, .kind = SHAPE_STRUCT, .fields = leaf_fields);
SHAPE(leaf_pointer, .kind = SHAPE_STRUCT, .fields = leaf_fields, .pointer = true);
SHAPE(checked_leaf, .kind = SHAPE_STRUCT, .fields = leaf_fields, .keep = KEEP_NOTHING);
SHAPE(leaves, .kind = SHAPE_LIST, .element = &leaf);
SHAPE(only_odd_leaves, .kind = SHAPE_LIST, .element = &leaf, .element_done = is_odd,
      .always = true);
SHAPE(leaf_pointers, .kind = SHAPE_LIST, .element = &leaf_pointer, .pointer = true);
SHAPE(leaf_map, .kind = SHAPE_MAP, .element = &leaf_pointer);
SHAPE(leaves_map, .kind = SHAPE_MAP, .element = &leaves, .element_done = is_odd);

static const struct shape_field fields[] = {{"A", &any},
					    {"F", &flag},
					    {"R", &real},
					    {"T", &text},
					    {"N", &name},
					    {"C", &checked},
					    {"B", &base64},
					    {"BC", &checked_base64},
					    {"S", &strslice},
					    {"SN", &odd_names},
					    {"I8", &int8},
					    {"I16", &int16},
					    {"I", &int64},
					    {"U32", &uint32},
					    {"U", &uint64},
					    {"P", &pair},
					    {"L", &texts},
					    {"LP", &text_pointers},
					    {"LO", &odd_texts},
					    {"LOO", &only_odd_texts},
					    {"LL", &text_lists},
					    {"M", &text_map},
					    {"MO", &odd_map},
					    {"E", &leaf},
					    {"EP", &leaf_pointer},
					    {"EC", &checked_leaf},
					    {"LE", &leaves},
					    {"LEO", &only_odd_leaves},
					    {"LEP", &leaf_pointers},
					    {"ME", &leaf_map},
					    {"ML", &leaves_map},
					    {0}};
SHAPE(whole, .kind = SHAPE_STRUCT, .fields = fields);

/* --- What must hold -------------------------------------------------------------------------- */

static void check_text(uint64_t *sum, struct bytes text_of)
{
	uint32_t code;
	size_t used;

	MUST(text_of.size <= BODY_STRING_MAX);
	for (size_t at = 0; at < text_of.size; at += used) {
		used = fuzz_character((const unsigned char *)text_of.data + at, text_of.size - at,
				      &code);
		MUST(used);
	}
	fuzz_hash(sum, text_of.data, text_of.size);
	fuzz_hash_number(sum, text_of.size);
}

static void check_value(uint64_t *sum, const struct value *value)
{
	const struct shape *shape = value->shape;
	bool has_names = shape->kind == SHAPE_STRUCT;
	unsigned int count = 0;

	MUST(!value->is_nil || (!value->first && !value->string.size));
	fuzz_hash_number(sum, (uint64_t)value->is_nil | value->boolean << 1 | value->cut << 2);
	fuzz_hash_number(sum, value->number);
	fuzz_hash_number(sum, value->dropped);
	check_text(sum, value->key);
	check_text(sum, value->string);
	if (shape->keep == KEEP_NAME && value->string.size)
		MUST(!memchr(value->string.data, '=', value->string.size));
	if (shape->keep == KEEP_NOTHING)
		MUST(!value->string.size && !value->first);
	for (const struct value *child = value->first; child; child = child->next, count++) {
		MUST(has_names == !!child->name);
		if (child->name)
			fuzz_hash(sum, child->name, strlen(child->name));
		check_value(sum, child);
	}
	MUST(value->count == (has_names ? 0 : count));
}

/* What a reading gave. */
struct result {
	enum body_state state;
	const char *error;
	unsigned int oddities, calls;
	uint64_t sum;
	size_t memory;
};

static void check_body(struct result *result, const struct body *body)
{
	result->state = body_state(body);
	result->error = body_error(body);
	result->oddities = body_oddities(body);
	result->sum = UINT64_C(0xcbf29ce484222325);
	result->memory = body_memory(body);
	MUST(!result->error == (result->state == BODY_OPEN || result->state == BODY_DONE));
	check_value(&result->sum, body_value(body));
}

static void feed(struct body *body, const uint8_t *data, size_t size)
{
	char *piece = exact_copy(data, size);

	MUST(!body_feed(body, piece, size));
	free(piece);
}

static void read_all(struct result *result, size_t limit, const uint8_t *data, size_t size,
		     enum fuzz_cut cut, uint64_t seed)
{
	struct body *body;
	size_t at = 0;

	result->calls = 0;
	MUST(!body_new(&whole, limit, &result->calls, &body));
	while (at < size) {
		size_t piece = fuzz_piece(cut, size - at, &seed);

		feed(body, data + at, piece);
		MUST(body_memory(body) <= limit);
		at += piece;
	}
	check_body(result, body);
	body_free(body);
}

static void compare(const struct result *a, const struct result *b)
{
	MUST(a->state == b->state);
	MUST(a->error == b->error);
	MUST(a->oddities == b->oddities);
	MUST(a->calls == b->calls);
	MUST(a->sum == b->sum);
	MUST(a->state == BODY_OPEN || a->state == BODY_INVALID || a->memory == b->memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t limits[] = {16 << 10, 17 << 10, 64 << 10, 1 << 20};
	struct result first, other;
	size_t limit;

	if (size < 2)
		return 0;
	limit = limits[data[0] & 3];
	read_all(&first, limit, data + 2, size - 2, CUT_NOWHERE, data[1]);
	for (enum fuzz_cut cut = CUT_EVERYWHERE; cut <= CUT_ANYWHERE; cut++) {
		read_all(&other, limit, data + 2, size - 2, cut, data[1]);
		compare(&first, &other);
	}
	return 0;
}
