/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every case is one body and what becomes of it, as one line of text: the state, what was odd, and
 * the value with the fields that it has. It is read whole, byte by byte, and split in two at every
 * position; each piece ends right before a page that cannot be read.
 */
#include "transcript.h"

#include <time.h>

#include "json/body.h"

#define SPLIT_MAX 600 /* larger inputs are split at fewer positions */
#define AMPLE (16 << 20)
#define SMALL (64 << 10)

/* --- The type -------------------------------------------------------------------------------- */

static bool is_bad(void *data, const struct value *element)
{
	++*(unsigned int *)data;
	return element->string.size >= 3 && !memcmp(element->string.data, "bad", 3);
}

static bool has_bad_name(void *data, const struct value *element)
{
	struct bytes name = body_string(element, "Name");

	++*(unsigned int *)data;
	return name.size >= 3 && !memcmp(name.data, "bad", 3);
}

static bool has_bad_key(void *data, const struct value *element)
{
	++*(unsigned int *)data;
	return element->key.size >= 3 && !memcmp(element->key.data, "bad", 3);
}

static const struct shape any = {.kind = SHAPE_ANY, .keep = KEEP_NOTHING};
static const struct shape text = {.kind = SHAPE_STRING};
static const struct shape text_pointer = {.kind = SHAPE_STRING, .pointer = true};
static const struct shape text_name = {.kind = SHAPE_STRING, .keep = KEEP_NAME};
static const struct shape text_checked = {.kind = SHAPE_STRING, .keep = KEEP_NOTHING};
static const struct shape flag = {.kind = SHAPE_BOOL};
static const struct shape flag_pointer = {.kind = SHAPE_BOOL, .pointer = true};
static const struct shape real = {.kind = SHAPE_FLOAT};
static const struct shape int8 = {.kind = SHAPE_INTEGER, .bits = 8};
static const struct shape int64 = {.kind = SHAPE_INTEGER, .bits = 64};
static const struct shape uint8 = {.kind = SHAPE_INTEGER, .bits = 8, .is_unsigned = true};
static const struct shape uint64 = {.kind = SHAPE_INTEGER, .bits = 64, .is_unsigned = true};
static const struct shape base64 = {.kind = SHAPE_BASE64};
static const struct shape base64_checked = {.kind = SHAPE_BASE64, .keep = KEEP_NOTHING};
static const struct shape strslice = {.kind = SHAPE_STRSLICE};
static const struct shape strslice_name = {.kind = SHAPE_STRSLICE, .keep = KEEP_NAME};
static const struct shape texts = {.kind = SHAPE_LIST, .element = &text};
static const struct shape text_lists = {.kind = SHAPE_LIST, .element = &texts};
static const struct shape text_pointers = {.kind = SHAPE_LIST, .element = &text_pointer};
static const struct shape names = {.kind = SHAPE_LIST, .element = &text_name};
static const struct shape checked_texts = {.kind = SHAPE_LIST, .element = &text_checked};
static const struct shape strslices = {.kind = SHAPE_LIST, .element = &strslice};
static const struct shape bad_texts = {
	.kind = SHAPE_LIST, .element = &text, .element_done = is_bad};
static const struct shape only_bad_texts = {
	.kind = SHAPE_LIST, .element = &text, .element_done = is_bad, .always = true};
static const struct shape bad_strslice = {.kind = SHAPE_STRSLICE, .element_done = is_bad};
static const struct shape numbers = {.kind = SHAPE_ARRAY, .element = &uint8, .length = 2};
static const struct shape text_map = {.kind = SHAPE_MAP, .element = &text};
static const struct shape only_bad_map = {
	.kind = SHAPE_MAP, .element = &text, .element_done = has_bad_key, .always = true};
static const struct shape nothing = {.kind = SHAPE_STRUCT};
static const struct shape set = {.kind = SHAPE_MAP, .element = &nothing};
static const struct shape any_map = {.kind = SHAPE_MAP, .element = &any};

static const struct shape_field item_fields[] = {
	{"Name", &text}, {"Flag", &flag}, {"Tags", &texts}, {"Task_1", &text}, {0}};
static const struct shape item = {.kind = SHAPE_STRUCT, .fields = item_fields};
static const struct shape item_pointer = {
	.kind = SHAPE_STRUCT, .fields = item_fields, .pointer = true};
static const struct shape item_checked = {
	.kind = SHAPE_STRUCT, .fields = item_fields, .keep = KEEP_NOTHING};
static const struct shape items = {.kind = SHAPE_LIST, .element = &item};
static const struct shape item_pointers = {.kind = SHAPE_LIST, .element = &item_pointer};
static const struct shape item_list_pointer = {
	.kind = SHAPE_LIST, .element = &item, .pointer = true};
static const struct shape item_map = {.kind = SHAPE_MAP, .element = &item};
static const struct shape item_pointer_map = {.kind = SHAPE_MAP, .element = &item_pointer};
static const struct shape only_bad_items = {
	.kind = SHAPE_LIST, .element = &item, .element_done = has_bad_name, .always = true};

static const struct shape_field fields[] = {
	{"Text", &text},
	{"Name", &text_name},
	{"Secret", &text_checked},
	{"TextP", &text_pointer},
	{"Flag", &flag},
	{"FlagP", &flag_pointer},
	{"Real", &real},
	{"I8", &int8},
	{"I64", &int64},
	{"U8", &uint8},
	{"U64", &uint64},
	{"B64", &base64},
	{"B64C", &base64_checked},
	{"Cmd", &strslice},
	{"CmdN", &strslice_name},
	{"CmdB", &bad_strslice},
	{"Cmds", &strslices},
	{"L", &texts},
	{"LL", &text_lists},
	{"LP", &text_pointers},
	{"LN", &names},
	{"LC", &checked_texts},
	{"LB", &bad_texts},
	{"LOB", &only_bad_texts},
	{"Pair", &numbers},
	{"M", &text_map},
	{"MOB", &only_bad_map},
	{"Set", &set},
	{"Keys", &any_map},
	{"Any", &any},
	{"Item", &item},
	{"ItemP", &item_pointer},
	{"ItemC", &item_checked},
	{"Items", &items},
	{"ItemPs", &item_pointers},
	{"ItemsP", &item_list_pointer},
	{"ItemM", &item_map},
	{"ItemPM", &item_pointer_map},
	{"ItemsOB", &only_bad_items},
	{"dup", &text}, /* these two fold to the same */
	{"DUP", &text},
	{0},
};
static const struct shape whole = {.kind = SHAPE_STRUCT, .fields = fields};

/* --- What became of it ----------------------------------------------------------------------- */

static void say_bytes(struct transcript *transcript, struct bytes bytes)
{
	say(transcript, "'");
	for (size_t i = 0; i < bytes.size; i++) {
		if (bytes.data[i] < ' ' || bytes.data[i] > '~')
			say(transcript, "\\%02x", (unsigned char)bytes.data[i]);
		else
			say(transcript, "%c", bytes.data[i]);
	}
	say(transcript, "'");
}

static void say_value(struct transcript *transcript, const struct value *value);

/* Its children, between two signs. */
static void say_children(struct transcript *transcript, const struct value *value,
			 const char *signs)
{
	bool is_struct = value->shape->kind == SHAPE_STRUCT;
	unsigned int count = 0;

	say(transcript, "%c", signs[0]);
	for (const struct value *child = value->first; child; child = child->next, count++) {
		say(transcript, "%s", count ? " " : "");
		if (is_struct)
			say(transcript, "%s:", child->name);
		if (value->shape->kind == SHAPE_MAP) {
			say_bytes(transcript, child->key);
			say(transcript, ":");
		}
		say_value(transcript, child);
	}
	say(transcript, "%c", signs[1]);
	if (value->dropped)
		say(transcript, "-%u", value->dropped);
	assert_int_equal(value->count, is_struct ? 0 : count);
}

static void say_value(struct transcript *transcript, const struct value *value)
{
	if (value->is_nil) {
		assert_null(value->first);
		say(transcript, "nil");
		return;
	}
	switch (value->shape->kind) {
	case SHAPE_BOOL:
		say(transcript, value->boolean ? "true" : "false");
		break;
	case SHAPE_INTEGER:
		say(transcript, "%lld", (long long)value->number);
		break;
	case SHAPE_STRING:
	case SHAPE_BASE64:
		say_bytes(transcript, value->string);
		say(transcript, "%s", value->cut ? "cut" : "");
		break;
	case SHAPE_STRUCT:
		say_children(transcript, value, "{}");
		break;
	case SHAPE_MAP:
		say_children(transcript, value, "()");
		break;
	case SHAPE_LIST:
	case SHAPE_STRSLICE:
		say_children(transcript, value, "[]");
		break;
	default:
		say(transcript, "any");
	}
}

static void say_body(struct transcript *transcript, const struct body *body)
{
	static const char *const states[] = {"open", "done", "invalid", "mistyped"};
	static const char *const oddities[] = {"duplicate", "folded",  "escaped", "utf8",
					       "trailing",  "dropped", "cut"};

	say(transcript, "%s", states[body_state(body)]);
	for (size_t i = 0; i < sizeof(oddities) / sizeof(*oddities); i++)
		if (body_oddities(body) & (1U << i))
			say(transcript, "+%s", oddities[i]);
	assert_int_equal(!body_error(body),
			 body_state(body) == BODY_OPEN || body_state(body) == BODY_DONE);
	if (body_state(body) == BODY_DONE) {
		say(transcript, " ");
		say_value(transcript, body_value(body));
	}
}

static void feed(struct body *body, const char *data, size_t size)
{
	char *piece = guarded_piece(data, size);

	assert_int_equal(body_feed(body, piece, size), 0);
	memset(piece, 0xa5, size);
}

/* Reads JSON in pieces of FIRST, then of THEN bytes. */
static struct body *read_body(const struct shape *shape, size_t limit, unsigned int *calls,
			      const char *json, size_t size, size_t first, size_t then)
{
	struct body *body;
	size_t at = 0, piece = first;

	*calls = 0;
	assert_int_equal(body_new(shape, limit, calls, &body), 0);
	while (at < size) {
		if (piece > size - at)
			piece = size - at;
		feed(body, json + at, piece);
		assert_true(body_memory(body) <= limit);
		at += piece;
		piece = then;
	}
	return body;
}

static void check_reading(const struct shape *shape, const char *json, size_t size, size_t first,
			  size_t then, const char *expected)
{
	static struct transcript transcript;
	unsigned int calls;
	struct body *body = read_body(shape, AMPLE, &calls, json, size, first, then);

	transcript_begin(&transcript);
	say_body(&transcript, body);
	body_free(body);
	if (strcmp(transcript.text, expected))
		print_error("%.300s\n in pieces of %zu, then %zu\n", json, first, then);
	assert_string_equal(transcript.text, expected);
}

static void check_size(const struct shape *shape, const char *json, size_t size,
		       const char *expected)
{
	check_reading(shape, json, size, size, size, expected);
	check_reading(shape, json, size, 1, 1, expected);
	for (size_t at = 1; at<size; at += size> SPLIT_MAX ? size / 97 : 1)
		check_reading(shape, json, size, at, size, expected);
}

static void check_shape(const struct shape *shape, const char *json, const char *expected)
{
	check_size(shape, json, strlen(json), expected);
}

struct a_case {
	const char *json, *expected;
};

static void check_cases(const struct a_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_shape(&whole, cases[i].json, cases[i].expected);
}

#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof(*(cases)))

/* --- Grammar --------------------------------------------------------------------------------- */

static void test_grammar(void **state)
{
	static const struct a_case cases[] = {
		{"", "open"},
		{" \t\r\n", "open"},
		{"{", "open"},
		{"{\"Text\":\"a\"", "open"},
		{"{\"Text\"", "open"},
		{"{}", "done {}"},
		{" \t\r\n{ \t\r\n} \t\r\n", "done {}"},
		{"{ \"Text\" : \"a\" , \"Flag\" : true }", "done {Text:'a' Flag:true}"},
		{"null", "done nil"},
		{"\xef\xbb\xbf{}", "invalid"},
		{"\v{}", "invalid"},
		{"{}x", "done+trailing {}"},
		{"{} {\"Text\":\"a\"}", "done+trailing {}"},
		{"{}\n\0", "done {}"},
		{"{\"Text\":\"a\",}", "invalid"},
		{"{,}", "invalid"},
		{"{\"Text\" \"a\"}", "invalid"},
		{"{\"Text\":}", "invalid"},
		{"{Text:\"a\"}", "invalid"},
		{"{'Text':\"a\"}", "invalid"},
		{"{\"Text\":\"a\"]", "invalid"},
		{"{\"L\":[\"a\"}", "invalid"},
		{"{\"L\":[,]}", "invalid"},
		{"{\"L\":[\"a\",]}", "invalid"},
		{"{\"L\":[\"a\" \"b\"]}", "invalid"},
		{"{\"Text\":\"a\" // no\n}", "invalid"},
		{"{\"Flag\":tru}", "invalid"},
		{"{\"Flag\":True}", "invalid"},
		{"{\"Flag\":truee}", "invalid"},
		{"{\"Flag\":falsy}", "invalid"},
		{"{\"Flag\":nul}", "invalid"},
		{"{\"Flag\":NaN}", "invalid"},
		{"{\"I64\":01}", "invalid"},
		{"{\"I64\":+1}", "invalid"},
		{"{\"I64\":-}", "invalid"},
		{"{\"I64\":1.}", "invalid"},
		{"{\"I64\":.5}", "invalid"},
		{"{\"I64\":1e}", "invalid"},
		{"{\"I64\":1e+}", "invalid"},
		{"{\"I64\":1ee1}", "invalid"},
		{"{\"I64\":0x10}", "invalid"},
		{"{\"Any\":[1.5e+10,-0,0.0E-1,1e5]}", "done {}"},
		{"{\"Any\":{\"a\":[{}, [], {\"b\":null}]}}", "done {}"},
		{"{\"Any\":{\"a\":[{}, [}, {\"b\":null}]}}", "invalid"},
		{"{\"Any\":{\"a\" 1}}", "invalid"},
		/* nothing is taken of what is invalid at its end only */
		{"{\"Text\":1,\"Flag\":[}", "invalid"},
		{"{\"Text\":1,\"Flag\":[", "open"},
	};

	CHECK_CASES(cases);
	check_size(&whole, "{\"Text\":\"\0\"}", 12, "invalid");
	check_size(&whole, "{}\0", 3, "done+trailing {}");
}

static void test_top_level(void **state)
{
	check_shape(&texts, "[\"a\"]", "done ['a']");
	check_shape(&texts, "[]", "done []");
	check_shape(&texts, "null", "done nil");
	check_shape(&texts, "{}", "mistyped");
	check_shape(&text_map, "{\"a\":\"b\"}", "done ('a':'b')");
	check_shape(&text, "\"a\" ", "done 'a'");
	check_shape(&text, "\"a\"x", "done+trailing 'a'");
	check_shape(&flag, "true", "done true");
	check_shape(&flag, "truex", "done+trailing true");
	check_shape(&int8, "12", "open");
	check_shape(&int8, "12 ", "done 12");
	check_shape(&int8, "12x", "done+trailing 12");
	check_shape(&strslice, "\"a\"", "done ['a']");
	check_shape(&item_pointer, "null", "done nil");
	check_shape(&item_pointer, "{\"Name\":\"a\"}", "done {Name:'a'}");
	check_shape(&any, "{\"a\":1}", "done nil");
	check_shape(&item_checked, "{\"Name\":\"a\"}", "done nil");
	check_shape(&item_checked, "{\"Name\":1}", "mistyped");
	check_shape(&whole, "[]", "mistyped");
	check_shape(&whole, "\"\"", "mistyped");
	check_shape(&whole, "true", "mistyped");
}

static void check_depth(unsigned int depth, const char *expected)
{
	size_t size = strlen("{\"Any\":}") + 2 * (size_t)depth, at = strlen("{\"Any\":");
	char *json = malloc(size);

	assert_non_null(json);
	memcpy(json, "{\"Any\":", at);
	memset(json + at, '[', depth);
	memset(json + at + depth, ']', depth);
	json[size - 1] = '}';
	check_size(&whole, json, size, expected);
	free(json);
}

static void test_depth(void **state)
{
	check_depth(9999, "done {}");
	check_depth(10000, "invalid");
}

/* --- Strings --------------------------------------------------------------------------------- */

static void test_strings(void **state)
{
	static const struct a_case cases[] = {
		{"{\"Text\":\"\"}", "done {}"}, /* zero: as if it was not there */
		{"{\"Text\":\"plain text, longer than eight bytes\"}",
		 "done {Text:'plain text, longer than eight bytes'}"},
		{"{\"Text\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
		 "done {Text:'\"\\/\\08\\0c\\0a\\0d\\09'}"},
		{"{\"Text\":\"\\'\"}", "invalid"},
		{"{\"Text\":\"\\a\"}", "invalid"},
		{"{\"Text\":\"\\u12G4\"}", "invalid"},
		{"{\"Text\":\"\\u123\"}", "invalid"},
		{"{\"Text\":\"\\U0041\"}", "invalid"},
		{"{\"Text\":\"a\tb\"}", "invalid"},
		{"{\"Text\":\"a\nb\"}", "invalid"},
		{"{\"Any\":\"a\x1f b\"}", "invalid"},
		{"{\"Text\":\"a\x7f b\"}", "done {Text:'a\\7f b'}"},
		{"{\"Text\":\"\\u0041\\u00e9\\u20aC\\u0000\"}",
		 "done {Text:'A\\c3\\a9\\e2\\82\\ac\\00'}"},
		{"{\"Text\":\"\\ud83d\\ude00\"}", "done {Text:'\\f0\\9f\\98\\80'}"},
		{"{\"Text\":\"\\uDBFF\\uDFFF\"}", "done {Text:'\\f4\\8f\\bf\\bf'}"},
		{"{\"Text\":\"\\ud83d\"}", "done+utf8 {Text:'\\ef\\bf\\bd'}"},
		{"{\"Text\":\"\\ud83dx\"}", "done+utf8 {Text:'\\ef\\bf\\bdx'}"},
		{"{\"Text\":\"\\ud83d\\n\"}", "done+utf8 {Text:'\\ef\\bf\\bd\\0a'}"},
		{"{\"Text\":\"\\ude00\"}", "done+utf8 {Text:'\\ef\\bf\\bd'}"},
		{"{\"Text\":\"\\ude00\\ud83d\"}", "done+utf8 {Text:'\\ef\\bf\\bd\\ef\\bf\\bd'}"},
		{"{\"Text\":\"\\ud83d\\u0041\"}", "done+utf8 {Text:'\\ef\\bf\\bdA'}"},
		{"{\"Text\":\"\\ud83d\\ud83d\\ude00\"}",
		 "done+utf8 {Text:'\\ef\\bf\\bd\\f0\\9f\\98\\80'}"},
		{"{\"Text\":\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbf\xbd\"}",
		 "done {Text:'\\c3\\a9 \\e2\\82\\ac \\f0\\9f\\98\\80 \\ef\\bf\\bd'}"},
		/* one U+FFFD for each byte */
		{"{\"Text\":\"\xff\"}", "done+utf8 {Text:'\\ef\\bf\\bd'}"},
		{"{\"Text\":\"\xe2\x82\"}", "done+utf8 {Text:'\\ef\\bf\\bd\\ef\\bf\\bd'}"},
		{"{\"Text\":\"\xf0\x9f\x98y\"}",
		 "done+utf8 {Text:'\\ef\\bf\\bd\\ef\\bf\\bd\\ef\\bf\\bdy'}"},
		{"{\"Text\":\"\xe2\\n\"}", "done+utf8 {Text:'\\ef\\bf\\bd\\0a'}"},
		{"{\"Text\":\"\xc3\xc3\xa9\"}", "done+utf8 {Text:'\\ef\\bf\\bd\\c3\\a9'}"},
		{"{\"Text\":\"\xc0\xaf\"}", "done+utf8 {Text:'\\ef\\bf\\bd\\ef\\bf\\bd'}"},
		{"{\"Text\":\"\xed\xa0\x80\"}",
		 "done+utf8 {Text:'\\ef\\bf\\bd\\ef\\bf\\bd\\ef\\bf\\bd'}"},
		{"{\"Text\":\"\xe0\x9f\xbf\"}",
		 "done+utf8 {Text:'\\ef\\bf\\bd\\ef\\bf\\bd\\ef\\bf\\bd'}"},
		{"{\"Text\":\"\xf4\x90\x80\x80\"}",
		 "done+utf8 {Text:'\\ef\\bf\\bd\\ef\\bf\\bd\\ef\\bf\\bd\\ef\\bf\\bd'}"},
		{"{\"Text\":\"\\ud83d\xc3\xa9\"}", "done+utf8 {Text:'\\ef\\bf\\bd\\c3\\a9'}"},
		{"{\"Text\":\"\\ud83d\xff\"}", "done+utf8 {Text:'\\ef\\bf\\bd\\ef\\bf\\bd'}"},
		{"{\"M\":{\"\xff\":\"a\",\"\\ud800\":\"b\"}}",
		 "done+duplicate+utf8 {M:('\\ef\\bf\\bd':'b')}"},
	};

	CHECK_CASES(cases);
}

static void test_kept_names(void **state)
{
	static const struct a_case cases[] = {
		{"{\"Name\":\"PASSWORD=hunter2=x\"}", "done {Name:'PASSWORD'}"},
		{"{\"Name\":\"PASSWORD\"}", "done {Name:'PASSWORD'}"},
		{"{\"Name\":\"=x\"}", "done {Name:''}"},
		{"{\"Name\":\"\"}", "done {}"},
		{"{\"Name\":\"A\\u003db\"}", "done {Name:'A'}"},
		{"{\"Name\":\"\xc3\xa9=\xff\"}", "done+utf8 {Name:'\\c3\\a9'}"},
		{"{\"LN\":[\"A=b\",\"C\",\"D==\"]}", "done {LN:['A' 'C' 'D']}"},
		{"{\"CmdN\":[\"A=b\"]}", "done {CmdN:['A']}"},
		{"{\"CmdN\":\"A=b\"}", "done {CmdN:['A']}"},
		{"{\"Secret\":\"x\",\"LC\":[\"y\",\"z\"]}", "done {LC:[]}"},
		{"{\"Secret\":1}", "mistyped"},
		{"{\"LC\":[\"y\",1]}", "mistyped"},
		{"{\"ItemC\":{\"Name\":\"a\",\"Tags\":[\"b\"]}}", "done {}"},
		{"{\"ItemC\":{\"Name\":\"a\",\"Tags\":[1]}}", "mistyped"},
		{"{\"ItemC\":{\"Name\":\"a\",\"name\":\"b\"}}", "done+duplicate+folded {}"},
		{"{\"Keys\":{\"a\":[1,{}],\"b\":null,\"a\":1}}",
		 "done+duplicate {Keys:('a':any 'b':any)}"},
		{"{\"Set\":{\"80/tcp\":{},\"x\":null}}", "done {Set:('80/tcp':{} 'x':{})}"},
	};

	CHECK_CASES(cases);
}

/* --- Types ----------------------------------------------------------------------------------- */

static void test_numbers(void **state)
{
	static const struct a_case cases[] = {
		{"{\"I8\":0}", "done {}"},
		{"{\"I8\":-0}", "done {}"},
		{"{\"I8\":127}", "done {I8:127}"},
		{"{\"I8\":-128}", "done {I8:-128}"},
		{"{\"I8\":128}", "mistyped"},
		{"{\"I8\":-129}", "mistyped"},
		{"{\"I8\":1.0}", "mistyped"},
		{"{\"I8\":1e1}", "mistyped"},
		{"{\"I8\":\"1\"}", "mistyped"},
		{"{\"I8\":true}", "mistyped"},
		{"{\"I8\":[]}", "mistyped"},
		{"{\"U8\":255}", "done {U8:255}"},
		{"{\"U8\":256}", "mistyped"},
		{"{\"U8\":-0}", "mistyped"},
		{"{\"U8\":-1}", "mistyped"},
		{"{\"I64\":9223372036854775807}", "done {I64:9223372036854775807}"},
		{"{\"I64\":-9223372036854775808}", "done {I64:-9223372036854775808}"},
		{"{\"I64\":9223372036854775808}", "mistyped"},
		{"{\"I64\":-9223372036854775809}", "mistyped"},
		{"{\"I64\":36893488147419103233}", "mistyped"},
		{"{\"U64\":18446744073709551615}", "done {U64:9223372036854775807}"},
		{"{\"U64\":18446744073709551616}", "mistyped"},
		{"{\"Real\":1.5e10}", "done {}"},
		{"{\"Real\":\"1\"}", "mistyped"},
		{"{\"Real\":1.7976931348623158e308}", "done {}"},
		{"{\"Real\":-1.7976931348623159e308}", "mistyped"},
		{"{\"Real\":1e308}", "done {}"},
		{"{\"Real\":1e309}", "mistyped"},
		{"{\"Real\":0.0001e312}", "done {}"},
		{"{\"Real\":0.0001e313}", "mistyped"},
		{"{\"Real\":1e-999999999999999999999}", "done {}"},
		{"{\"Real\":0e999999999999999999999}", "done {}"},
		{"{\"Any\":1e999}", "done {}"},
		/* 2^1024 - 2^970, the first one that is rounded to infinity, and those about it */
		{"{\"Real\":17976931348623158079372897140530341507993413271003782693617377898044"
		 "496829276475094664901797758720709633028641669288791094655554785194040263065748"
		 "867150582068190890200070838367627385484581771153176447573027006985557136695962"
		 "284291481986083493647529271907416844436551070434271155969950809304288017790417"
		 "4497792}",
		 "mistyped"},
		{"{\"Real\":17976931348623158079372897140530341507993413271003782693617377898044"
		 "496829276475094664901797758720709633028641669288791094655554785194040263065748"
		 "867150582068190890200070838367627385484581771153176447573027006985557136695962"
		 "284291481986083493647529271907416844436551070434271155969950809304288017790417"
		 "4497791.9999}",
		 "done {}"},
		{"{\"Real\":17976931348623158079372897140530341507993413271003782693617377898044"
		 "496829276475094664901797758720709633028641669288791094655554785194040263065748"
		 "867150582068190890200070838367627385484581771153176447573027006985557136695962"
		 "284291481986083493647529271907416844436551070434271155969950809304288017790417"
		 "449779.2e1}",
		 "mistyped"},
		{"{\"Real\":17976931348623158079372897140530341507993413271003782693617377898044"
		 "496829276475094664901797758720709633028641669288791094655554785194040263065748"
		 "867150582068190890200070838367627385484581771153176447573027006985557136695962"
		 "284291481986083493647529271907416844436551070434271155969950809304288017790417"
		 "449779e1}",
		 "done {}"},
	};

	CHECK_CASES(cases);
}

static void test_mistyped(void **state)
{
	static const struct a_case cases[] = {
		{"{\"Flag\":1}", "mistyped"},
		{"{\"Flag\":\"true\"}", "mistyped"},
		{"{\"Flag\":{}}", "mistyped"},
		{"{\"Text\":1}", "mistyped"},
		{"{\"Text\":false}", "mistyped"},
		{"{\"Text\":[\"a\"]}", "mistyped"},
		{"{\"Text\":{\"a\":\"b\"}}", "mistyped"},
		{"{\"L\":\"a\"}", "mistyped"},
		{"{\"L\":{}}", "mistyped"},
		{"{\"L\":[1]}", "mistyped"},
		{"{\"L\":[[\"a\"]]}", "mistyped"},
		{"{\"M\":[]}", "mistyped"},
		{"{\"M\":\"a\"}", "mistyped"},
		{"{\"M\":{\"a\":1}}", "mistyped"},
		{"{\"Item\":[]}", "mistyped"},
		{"{\"Item\":1}", "mistyped"},
		{"{\"ItemP\":true}", "mistyped"},
		{"{\"Item\":{\"Flag\":1}}", "mistyped"},
		/* of what is unknown only the syntax counts, within a wrong type, too */
		{"{\"Unknown\":{\"Flag\":1,\"Text\":[{}]}}", "done {}"},
		{"{\"Item\":{\"Unknown\":[1]},\"Text\":\"a\"}", "done {Item:{} Text:'a'}"},
		{"{\"Text\":[\"a\",}", "invalid"},
		/* null is right everywhere */
		{"{\"Text\":null,\"Flag\":null,\"I8\":null,\"Real\":null,\"B64\":null,\"Cmd\":null,"
		 "\"L\":null,\"Pair\":null,\"M\":null,\"Any\":null,\"Item\":null,\"ItemP\":null}",
		 "done {}"},
		{"{\"L\":[null],\"LP\":[null],\"LL\":[null],\"Items\":[null],\"ItemPs\":[null],"
		 "\"Cmds\":[null],\"M\":{\"a\":null},\"ItemPM\":{\"a\":null}}",
		 "done {L:[''] LP:[nil] LL:[nil] Items:[{}] ItemPs:[nil] Cmds:[nil] M:('a':'') "
		 "ItemPM:('a':nil)}"},
		{"{\"Pair\":[1,2]}", "done {}"},
		{"{\"Pair\":[]}", "done {}"},
		{"{\"Pair\":[null]}", "done {}"},
		{"{\"Pair\":[1,256]}", "mistyped"},
		{"{\"Pair\":[1,2,\"x\",{\"a\":[]}]}", "done {}"},
		{"{\"Pair\":[1,2,x]}", "invalid"},
		{"{\"Pair\":{}}", "mistyped"},
	};

	CHECK_CASES(cases);
}

static void test_base64(void **state)
{
	static const struct a_case cases[] = {
		{"{\"B64\":\"\"}", "done {B64:''}"},
		{"{\"B64\":\"aGVsbG8=\"}", "done {B64:'aGVsbG8='}"},
		{"{\"B64\":\"AA==\"}", "done {B64:'AA=='}"},
		{"{\"B64\":\"AB==\"}", "done {B64:'AB=='}"},
		{"{\"B64\":\"+/09\"}", "done {B64:'+/09'}"},
		{"{\"B64\":\"\\nA\\rA\\n=\\r=\\n\"}", "done {B64:'\\0aA\\0dA\\0a=\\0d=\\0a'}"},
		{"{\"B64\":\"A\"}", "mistyped"},
		{"{\"B64\":\"AA\"}", "mistyped"},
		{"{\"B64\":\"AA=\"}", "mistyped"},
		{"{\"B64\":\"AAA\"}", "mistyped"},
		{"{\"B64\":\"=\"}", "mistyped"},
		{"{\"B64\":\"A===\"}", "mistyped"},
		{"{\"B64\":\"AAAA=\"}", "mistyped"},
		{"{\"B64\":\"AAA==\"}", "mistyped"},
		{"{\"B64\":\"AA==A\"}", "mistyped"},
		{"{\"B64\":\"A=A=\"}", "mistyped"},
		{"{\"B64\":\"AA=A\"}", "mistyped"},
		{"{\"B64\":\"AA A\"}", "mistyped"},
		{"{\"B64\":\"-_-_\"}", "mistyped"},
		{"{\"B64\":\"\xff\"}", "mistyped+utf8"},
		{"{\"B64\":1}", "mistyped"},
		{"{\"B64\":{}}", "mistyped"},
		{"{\"B64\":[]}", "done {B64:''}"},
		{"{\"B64\":[0,255,null]}", "done+cut {B64:''cut}"},
		{"{\"B64\":[256]}", "mistyped+cut"},
		{"{\"B64\":[-1]}", "mistyped+cut"},
		{"{\"B64\":[\"a\"]}", "mistyped+cut"},
		{"{\"B64\":\"AAAA\",\"B64\":[1]}", "done+duplicate+cut {B64:''cut}"},
		{"{\"B64\":[1],\"B64\":\"AAAA\"}", "done+duplicate+cut {B64:'AAAA'}"},
		{"{\"B64\":\"AAAA\",\"B64\":null}", "done+duplicate {B64:nil}"},
		{"{\"B64C\":\"AAAA\"}", "done {}"},
		{"{\"B64C\":\"A\"}", "mistyped"},
		{"{\"B64C\":[1,2]}", "done {}"},
		{"{\"B64C\":[1,\"\"]}", "mistyped"},
	};

	CHECK_CASES(cases);
}

static void test_strslice(void **state)
{
	static const struct a_case cases[] = {
		{"{\"Cmd\":[\"a\",\"b\"]}", "done {Cmd:['a' 'b']}"},
		{"{\"Cmd\":\"a b\"}", "done {Cmd:['a b']}"},
		{"{\"Cmd\":\"\"}", "done {Cmd:['']}"},
		{"{\"Cmd\":[]}", "done {Cmd:[]}"},
		{"{\"Cmd\":[null]}", "done {Cmd:['']}"},
		{"{\"Cmd\":1}", "mistyped"},
		{"{\"Cmd\":true}", "mistyped"},
		{"{\"Cmd\":{}}", "mistyped"},
		{"{\"Cmd\":[\"a\",1]}", "mistyped"},
		{"{\"Cmd\":[[\"a\"]]}", "mistyped"},
		/* each is wholly new */
		{"{\"Cmd\":[\"a\",\"b\"],\"Cmd\":[null]}", "done+duplicate {Cmd:['']}"},
		{"{\"Cmd\":[\"a\",\"b\"],\"Cmd\":\"c\"}", "done+duplicate {Cmd:['c']}"},
		{"{\"Cmd\":\"c\",\"Cmd\":[\"a\",\"b\"]}", "done+duplicate {Cmd:['a' 'b']}"},
		{"{\"Cmd\":\"c\",\"Cmd\":null}", "done+duplicate {Cmd:nil}"},
		{"{\"Cmds\":[\"a\",[\"b\",\"c\"],null]}", "done {Cmds:[['a'] ['b' 'c'] nil]}"},
	};

	CHECK_CASES(cases);
}

/* --- Keys and duplicates --------------------------------------------------------------------- */

static void test_keys(void **state)
{
	static const struct a_case cases[] = {
		{"{\"text\":\"a\"}", "done+folded {Text:'a'}"},
		{"{\"TEXT\":\"a\"}", "done+folded {Text:'a'}"},
		{"{\"T\\u0065xt\":\"a\"}", "done+escaped {Text:'a'}"},
		{"{\"t\\u0065xt\":\"a\"}", "done+folded+escaped {Text:'a'}"},
		{"{\"Unkn\\u0065xt\":\"a\"}", "done {}"},
		{"{\"Tex\":\"a\",\"Textt\":\"a\",\"\":\"a\"}", "done {}"},
		{"{\"Text\\u0000\":\"a\"}", "done {}"},
		{"{\"Item\":{\"Ta\xc5\xbf\xe2\x84\xaa_1\":\"a\"}}",
		 "done+folded {Item:{Task_1:'a'}}"},
		{"{\"Item\":{\"TA\\u017f\\u212A_1\":\"a\"}}",
		 "done+folded+escaped {Item:{Task_1:'a'}}"},
		{"{\"Item\":{\"Task\x7f"
		 "1\":\"a\"}}",
		 "done {Item:{}}"}, /* not an underscore in another case */
		{"{\"\xe2\x84\xaa"
		 "eys\":{\"a\":1}}",
		 "done+folded {Keys:('a':any)}"},
		{"{\"\xc5\xbf"
		 "et\":{}}",
		 "done+folded {Set:()}"},
		{"{\"\xc5\xbf"
		 "\":{}}",
		 "done {}"},
		{"{\"Text\xff\":\"a\"}", "done+utf8 {}"},
		/* the exact name goes before one that folds to it, wherever it stands */
		{"{\"DUP\":\"a\"}", "done {DUP:'a'}"},
		{"{\"dup\":\"a\"}", "done {dup:'a'}"},
		{"{\"Dup\":\"a\"}", "done+folded {dup:'a'}"},
		{"{\"DUP\":\"a\",\"dup\":\"b\",\"DuP\":\"c\"}",
		 "done+duplicate+folded {DUP:'a' dup:'c'}"},
		/* of a map as they are */
		{"{\"M\":{\"a\":\"1\",\"A\":\"2\",\"\":\"3\"}}",
		 "done {M:('a':'1' 'A':'2' '':'3')}"},
	};
	char json[600];

	CHECK_CASES(cases);
	snprintf(json, sizeof(json), "{\"Text%0500d\":\"a\",\"Flag\":true}", 0);
	check_shape(&whole, json, "done {Flag:true}");
}

static void test_duplicates(void **state)
{
	static const struct a_case cases[] = {
		{"{\"Text\":\"a\",\"Text\":\"b\"}", "done+duplicate {Text:'b'}"},
		{"{\"Text\":\"a\",\"TEXT\":\"b\"}", "done+duplicate+folded {Text:'b'}"},
		{"{\"Text\":\"a\",\"Text\":null}", "done+duplicate {Text:'a'}"},
		{"{\"Flag\":true,\"Flag\":null}", "done+duplicate {Flag:true}"},
		{"{\"I8\":1,\"I8\":null}", "done+duplicate {I8:1}"},
		{"{\"TextP\":\"a\",\"TextP\":null}", "done+duplicate {TextP:nil}"},
		{"{\"FlagP\":true,\"FlagP\":null,\"FlagP\":false}", "done+duplicate {FlagP:false}"},
		/* a zero is told where something stood before, and where a pointer has it */
		{"{\"Text\":\"a\",\"Text\":\"\"}", "done+duplicate {Text:''}"},
		{"{\"Text\":\"\",\"Text\":\"a\"}", "done+duplicate {Text:'a'}"},
		{"{\"Flag\":false,\"I8\":0}", "done {}"},
		{"{\"Flag\":true,\"Flag\":false}", "done+duplicate {Flag:false}"},
		{"{\"I8\":1,\"I8\":0}", "done+duplicate {I8:0}"},
		{"{\"TextP\":\"\",\"FlagP\":false}", "done {TextP:'' FlagP:false}"},
		{"{\"Items\":[{\"Name\":\"a\"}],\"Items\":[{\"Name\":\"\",\"Flag\":false}]}",
		 "done+duplicate {Items:[{Name:''}]}"},
		{"{\"Secret\":\"a\",\"Secret\":\"b\"}", "done+duplicate {}"},
		{"{\"Unknown\":\"a\",\"Unknown\":\"b\"}", "done {}"},
		/* structs merge */
		{"{\"Item\":{\"Name\":\"a\"},\"Item\":{\"Flag\":true}}",
		 "done+duplicate {Item:{Name:'a' Flag:true}}"},
		{"{\"Item\":{\"Name\":\"a\"},\"Item\":null}", "done+duplicate {Item:{Name:'a'}}"},
		{"{\"ItemP\":{\"Name\":\"a\"},\"ItemP\":{\"Flag\":true}}",
		 "done+duplicate {ItemP:{Name:'a' Flag:true}}"},
		{"{\"ItemP\":{\"Name\":\"a\"},\"ItemP\":null}", "done+duplicate {ItemP:nil}"},
		{"{\"ItemP\":{\"Name\":\"a\"},\"ItemP\":null,\"ItemP\":{\"Flag\":true}}",
		 "done+duplicate {ItemP:{Flag:true}}"},
		/* maps merge, their elements do not */
		{"{\"M\":{\"a\":\"1\",\"b\":\"2\"},\"M\":{\"a\":\"3\",\"c\":\"4\"}}",
		 "done+duplicate {M:('a':'3' 'b':'2' 'c':'4')}"},
		{"{\"M\":{\"a\":\"1\",\"a\":null}}", "done+duplicate {M:('a':'')}"},
		{"{\"M\":{\"a\":\"1\"},\"M\":null}", "done+duplicate {M:nil}"},
		{"{\"M\":{\"a\":\"1\"},\"M\":null,\"M\":{}}", "done+duplicate {M:()}"},
		{"{\"M\":{\"a\":\"1\"},\"M\":{}}", "done+duplicate {M:('a':'1')}"},
		{"{\"ItemM\":{\"a\":{\"Name\":\"x\"},\"a\":{\"Flag\":true}}}",
		 "done+duplicate {ItemM:('a':{Flag:true})}"},
		{"{\"ItemPM\":{\"a\":{\"Name\":\"x\"},\"a\":{\"Flag\":true}}}",
		 "done+duplicate {ItemPM:('a':{Flag:true})}"},
		{"{\"ItemPM\":{\"a\":{\"Name\":\"x\"},\"a\":null}}",
		 "done+duplicate {ItemPM:('a':nil)}"},
	};

	CHECK_CASES(cases);
}

static void test_list_duplicates(void **state)
{
	static const struct a_case cases[] = {
		{"{\"L\":[\"a\",\"b\"],\"L\":[\"c\"]}", "done+duplicate {L:['c']}"},
		{"{\"L\":[\"a\",\"b\"],\"L\":[null]}", "done+duplicate {L:['a']}"},
		{"{\"L\":[\"a\",\"b\"],\"L\":[null,\"c\",null]}",
		 "done+duplicate {L:['a' 'c' '']}"},
		{"{\"L\":[\"a\"],\"L\":null}", "done+duplicate {L:nil}"},
		{"{\"L\":[\"a\"],\"L\":null,\"L\":[null]}", "done+duplicate {L:['']}"},
		{"{\"L\":[\"a\"],\"L\":[],\"L\":[null]}", "done+duplicate {L:['']}"},
		/* elements merge with those at their place */
		{"{\"Items\":[{\"Name\":\"a\"},{\"Name\":\"b\"}],\"Items\":[{\"Flag\":true}]}",
		 "done+duplicate {Items:[{Name:'a' Flag:true}]}"},
		{"{\"ItemPs\":[{\"Name\":\"a\"},{\"Name\":\"b\"}],"
		 "\"ItemPs\":[{\"Flag\":true},null]}",
		 "done+duplicate {ItemPs:[{Name:'a' Flag:true} nil]}"},
		{"{\"ItemsP\":[{\"Name\":\"a\"}],\"ItemsP\":[{\"Flag\":true}]}",
		 "done+duplicate {ItemsP:[{Name:'a' Flag:true}]}"},
		{"{\"ItemsP\":[{\"Name\":\"a\"}],\"ItemsP\":null,\"ItemsP\":[{\"Flag\":true}]}",
		 "done+duplicate {ItemsP:[{Flag:true}]}"},
		{"{\"LL\":[[\"a\",\"b\"]],\"LL\":[[null]]}", "done+duplicate {LL:[['a']]}"},
		/* and with those beyond the end, which Go leaves in the array */
		{"{\"L\":[\"a\",\"b\",\"c\"],\"L\":[\"d\"],\"L\":[null,null,null,null]}",
		 "done+duplicate {L:['d' 'b' 'c' '']}"},
		{"{\"Items\":[{\"Name\":\"a\"},{\"Name\":\"b\"}],\"Items\":[{}],"
		 "\"Items\":[{},{\"Flag\":true}]}",
		 "done+duplicate {Items:[{Name:'a'} {Name:'b' Flag:true}]}"},
		{"{\"LL\":[[\"a\",\"b\"]],\"LL\":[[\"c\"]],\"LL\":[[null,null]]}",
		 "done+duplicate {LL:[['c' 'b']]}"},
		{"{\"L\":[\"a\",\"b\",\"c\"],\"L\":[\"d\",\"e\"],\"L\":[\"f\"],\"L\":[null,null,"
		 "null]}",
		 "done+duplicate {L:['f' 'e' 'c']}"},
		{"{\"L\":[\"a\",\"b\",\"c\",\"d\",\"e\"],\"L\":[\"x\"],"
		 "\"L\":[null,null,null,null,null,null,null]}",
		 "done+duplicate {L:['x' 'b' 'c' 'd' 'e' '' '']}"},
		{"{\"Item\":{\"Tags\":[\"a\",\"b\"]},\"Item\":{\"Tags\":[\"c\"]}}",
		 "done+duplicate {Item:{Tags:['c']}}"},
	};

	CHECK_CASES(cases);
}

/* --- Elements that are chosen ---------------------------------------------------------------- */

static void test_chosen(void **state)
{
	static const struct a_case cases[] = {
		{"{\"LB\":[\"good\",\"bad\"]}", "done {LB:['good' 'bad']}"},
		{"{\"LOB\":[\"good\",\"bad\",\"good\",\"bad2\"]}", "done {LOB:['bad' 'bad2']-2}"},
		{"{\"MOB\":{\"good\":\"1\",\"bad\":\"2\"}}", "done {MOB:('bad':'2')-1}"},
		{"{\"MOB\":{\"bad1\":\"1\",\"bad\":\"2\",\"bad1\":\"3\"}}",
		 "done+duplicate {MOB:('bad1':'3' 'bad':'2')}"},
		{"{\"ItemsOB\":[{\"Name\":\"a\"},{\"Name\":\"bad\",\"Flag\":true},{}]}",
		 "done {ItemsOB:[{Name:'bad' Flag:true}]-2}"},
		/* the place of those that were dropped is known still */
		{"{\"ItemsOB\":[{\"Name\":\"a\"},{\"Name\":\"bad\"}],"
		 "\"ItemsOB\":[null,{\"Flag\":true}]}",
		 "done+duplicate {ItemsOB:[{Name:'bad' Flag:true}]-1}"},
		{"{\"LOB\":[\"bad\",\"a\",\"bad2\"],\"LOB\":[null,null,null,null]}",
		 "done+duplicate {LOB:['bad' 'bad2']-2}"},
		/* what one that was dropped held is not */
		{"{\"ItemsOB\":[{\"Flag\":true}],\"ItemsOB\":[{\"Name\":\"bad\"}]}",
		 "done+duplicate+dropped {ItemsOB:[{Name:'bad'}]}"},
		{"{\"LOB\":[\"a\"],\"LOB\":[\"bad\"]}", "done+duplicate {LOB:['bad']}"},
		{"{\"LOB\":[\"bad\"],\"LOB\":[\"a\"]}", "done+duplicate {LOB:[]-1}"},
	};

	CHECK_CASES(cases);
}

/* --- Limits ---------------------------------------------------------------------------------- */

/* A type that holds itself is looked into as deep as any type of Docker's is, then skipped. */
static const struct shape deep;
static const struct shape_field deep_fields[] = {
	{"Next", &deep}, {"Cmd", &strslice}, {"Flag", &flag}, {0}};
static const struct shape deep = {.kind = SHAPE_STRUCT, .pointer = true, .fields = deep_fields};

static void check_deep(unsigned int levels, const char *inner, const char *expected)
{
	static struct transcript transcript;
	char json[1024] = "";
	unsigned int calls;
	struct body *body;

	for (unsigned int i = 0; i < levels; i++)
		strcat(json, "{\"Next\":");
	strcat(json, inner);
	for (unsigned int i = 0; i < levels; i++)
		strcat(json, "}");
	body = read_body(&deep, AMPLE, &calls, json, strlen(json), 1, 1);
	transcript_begin(&transcript);
	say_body(&transcript, body);
	assert_memory_equal(transcript.text, expected, strlen(expected));
	body_free(body);
}

static void test_deep_shape(void **state)
{
	check_deep(1, "{\"Cmd\":\"a\"}", "done {Next:{Cmd:['a']}}");
	check_deep(30, "{\"Cmd\":\"a\"}", "done {Next:");
	check_deep(31, "{\"Cmd\":\"a\",\"Flag\":true}", "done+dropped {Next:");
	check_deep(31, "{\"Cmd\":[1],\"Flag\":1}", "mistyped+dropped");
	check_deep(40, "{\"Cmd\":[1],\"Flag\":1}", "done+dropped {Next:");
	check_deep(40, "{\"Cmd\":[1],\"Flag\":x}", "invalid+dropped");
}

struct growing {
	char *data;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct growing *json, const char *format, ...)
{
	va_list args;

	if (!json->data)
		json->data = malloc(GUARDED_SIZE);
	assert_non_null(json->data);
	va_start(args, format);
	json->size += vsnprintf(json->data + json->size, GUARDED_SIZE - json->size, format, args);
	va_end(args);
	assert_true(json->size < GUARDED_SIZE);
}

static struct body *read_growing(struct growing *json, size_t limit, unsigned int *calls)
{
	struct body *body =
		read_body(&whole, limit, calls, json->data, json->size, 4096, json->size);

	free(json->data);
	memset(json, 0, sizeof(*json));
	return body;
}

static bool is_string(struct bytes bytes, const char *expected)
{
	return bytes.size == strlen(expected) && !memcmp(bytes.data, expected, bytes.size);
}

static void test_long_strings(void **state)
{
	static const char *const tails[] = {"", "a", "\xc3\xa9", "\xe2\x82\xac"};
	char *text_of = malloc(3 * BODY_STRING_MAX);
	struct growing json = {0};
	struct body *body;
	struct bytes string;
	unsigned int calls;

	assert_non_null(text_of);
	memset(text_of, 'x', BODY_STRING_MAX - 1);
	for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
		bool too_long = strlen(tails[i]) > 1;

		strcpy(text_of + BODY_STRING_MAX - 1, tails[i]);
		add(&json, "{\"Text\":\"%s\"}", text_of);
		body = read_growing(&json, AMPLE, &calls);
		string = body_string(body_value(body), "Text");
		assert_int_equal(string.size,
				 BODY_STRING_MAX - 1 + (too_long ? 0 : strlen(tails[i])));
		assert_int_equal(!!(body_oddities(body) & BODY_CUT), too_long);
		assert_int_equal(body_get(body_value(body), "Text")->cut, too_long);
		body_free(body);
	}
	/* the next one is whole again */
	memset(text_of, 'y', 2 * BODY_STRING_MAX);
	text_of[2 * BODY_STRING_MAX] = '\0';
	add(&json, "{\"Text\":\"%s\",\"Text\":\"short\",\"Name\":\"%s=%s\",\"M\":{\"%s\":\"a\"}}",
	    text_of, text_of, text_of, text_of);
	body = read_growing(&json, AMPLE, &calls);
	assert_int_equal(body_state(body), BODY_DONE);
	assert_false(body_get(body_value(body), "Text")->cut);
	assert_true(is_string(body_string(body_value(body), "Text"), "short"));
	assert_true(body_get(body_value(body), "Name")->cut);
	assert_int_equal(body_get(body_value(body), "M")->dropped,
			 1); /* which key it was is lost */
	assert_true(body_oddities(body) & BODY_DROPPED);
	body_free(body);
	free(text_of);
}

/* Many elements, none of which must be missed, then what must still be kept. */
static void test_full_of_elements(void **state)
{
	struct growing json = {0};
	const struct value *value;
	struct body *body;
	unsigned int calls;

	add(&json, "{\"L\":[\"first\"");
	for (int i = 0; i < 20000; i++)
		add(&json, ",\"element %d\"", i);
	add(&json, "],\"LB\":[");
	for (int i = 0; i < 5000; i++)
		add(&json, "\"%s %d\",", i % 5 ? "good" : "bad", i);
	add(&json, "\"bad\"],\"CmdB\":[\"good\",\"bad\"],\"Items\":[{\"Name\":\"x\"}],\"M\":{");
	for (int i = 0; i < 5000; i++)
		add(&json, "\"key %d\":\"value\",", i);
	add(&json,
	    "\"a\":\"b\"},\"Text\":\"kept\",\"Flag\":true,\"I8\":7,\"Item\":{\"Flag\":true}}");
	body = read_growing(&json, SMALL, &calls);
	value = body_value(body);
	assert_int_equal(body_state(body), BODY_DONE);
	assert_int_equal(body_oddities(body) & ~BODY_CUT, BODY_DROPPED);
	assert_int_equal(body_get(value, "L")->count + body_get(value, "L")->dropped, 20001);
	assert_in_range(body_get(value, "L")->count, 50, 1000);
	assert_true(is_string(body_get(value, "L")->first->string, "first"));
	assert_int_equal(body_get(value, "LB")->count + body_get(value, "LB")->dropped, 5001);
	assert_in_range(body_get(value, "LB")->count, 50, 500);
	for (const struct value *bad = body_get(value, "LB")->first; bad; bad = bad->next)
		assert_memory_equal(bad->string.data, "bad", 3);
	assert_int_equal(body_get(value, "M")->count + body_get(value, "M")->dropped, 5001);
	assert_int_equal(body_get(value, "Items")->dropped, 1);
	assert_true(is_string(body_string(value, "Text"), "kept"));
	assert_true(body_true(value, "Flag"));
	assert_true(body_true(body_get(value, "Item"), "Flag"));
	assert_int_equal(body_get(value, "I8")->number, 7);
	assert_in_range(calls, 400, 5000); /* as long as there is room to read one into */
	body_free(body);
}

/* element_done is asked only where memory is short, unless it is always to be. */
static void test_calls(void **state)
{
	struct growing json = {0};
	unsigned int calls;
	struct body *body;

	add(&json, "{\"LB\":[\"bad\",\"good\"]}");
	body = read_growing(&json, SMALL, &calls);
	assert_int_equal(calls, 0);
	body_free(body);
	add(&json, "{\"LOB\":[\"bad\",\"good\"]}");
	body = read_growing(&json, SMALL, &calls);
	assert_int_equal(calls, 2);
	body_free(body);
	/* of those that .always takes away memory never gets short */
	add(&json, "{\"LOB\":[\"bad\"");
	for (int i = 0; i < 20000; i++)
		add(&json, ",\"element %d\"", i);
	add(&json, "]}");
	body = read_growing(&json, SMALL, &calls);
	assert_int_equal(calls, 20001);
	assert_int_equal(body_oddities(body), 0);
	assert_int_equal(body_get(body_value(body), "LOB")->dropped, 20000);
	body_free(body);
}

static void test_full_of_strings(void **state)
{
	static const char *const names_of[] = {"Text", "Name", "TextP", "dup", "DUP"};
	struct growing json = {0};
	const struct value *value;
	struct body *body;
	unsigned int calls;
	size_t kept = 0;

	add(&json, "{");
	for (size_t i = 0; i < sizeof(names_of) / sizeof(*names_of); i++)
		add(&json, "\"%s\":\"%018000d\",", names_of[i], 0);
	add(&json, "\"Flag\":true,\"Item\":{\"Flag\":true}}");
	body = read_growing(&json, 16 << 10, &calls);
	value = body_value(body);
	assert_int_equal(body_state(body), BODY_DONE);
	assert_int_equal(body_oddities(body), BODY_CUT);
	for (size_t i = 0; i < sizeof(names_of) / sizeof(*names_of); i++) {
		assert_true(body_get(value, names_of[i])->cut);
		kept += body_string(value, names_of[i]).size;
	}
	assert_in_range(kept, 8000, 12000);
	assert_true(body_true(value, "Flag"));
	assert_true(body_true(body_get(value, "Item"), "Flag"));
	body_free(body);
}

/* The types are checked to the end, whatever was dropped. */
static void test_types_when_full(void **state)
{
	struct growing json = {0};
	unsigned int calls;
	struct body *body;

	add(&json, "{\"Items\":[{\"Name\":\"a\"}");
	for (int i = 0; i < 5000; i++)
		add(&json, ",{\"Name\":\"element %d\",\"Tags\":[\"x\",\"y\"]}", i);
	add(&json, ",{\"Tags\":[\"x\",1]}]}");
	body = read_growing(&json, SMALL, &calls);
	assert_int_equal(body_state(body), BODY_MISTYPED);
	assert_true(body_oddities(body) & BODY_DROPPED);
	body_free(body);
}

/* A key that is there already, and whose new value is too much: Go has the new one, we have
 * neither. */
static void test_replaced_when_full(void **state)
{
	struct growing json = {0};
	const struct value *map;
	unsigned int calls;
	struct body *body;

	add(&json, "{\"M\":{\"first\":\"short\"");
	for (int i = 0; i < 1000; i++)
		add(&json, ",\"key %d\":\"value\"", i);
	add(&json, ",\"first\":\"%0500d\",\"key 0\":\"\"}}", 0);
	body = read_growing(&json, SMALL, &calls);
	map = body_get(body_value(body), "M");
	assert_int_equal(body_state(body), BODY_DONE);
	assert_int_equal(body_oddities(body), BODY_DUPLICATE_KEY | BODY_DROPPED);
	assert_int_equal(map->count + map->dropped, 1001);
	assert_null(body_get(map, "first"));
	assert_true(is_string(map->first->key, "key 0"));
	assert_int_equal(map->first->string.size, 0);
	body_free(body);
}

/* Lists that merge when some of their elements were dropped. */
static void test_merge_when_full(void **state)
{
	struct growing json = {0};
	const struct value *list;
	unsigned int calls;
	struct body *body;

	add(&json, "{");
	for (int round = 0; round < 3; round++) {
		add(&json, "\"Items\":[{\"Name\":\"round %d\"}", round);
		for (int i = 0; i < 3000; i++)
			add(&json, round == 1 ? ",null" : ",{\"Name\":\"element %d\"}", i);
		add(&json, "],");
	}
	add(&json, "\"Flag\":true}");
	body = read_growing(&json, SMALL, &calls);
	list = body_get(body_value(body), "Items");
	assert_int_equal(body_state(body), BODY_DONE);
	assert_int_equal(list->count + list->dropped, 3001);
	assert_true(is_string(body_string(list->first, "Name"), "round 2"));
	assert_true(is_string(body_string(list->first->next, "Name"), "element 0"));
	body_free(body);
}

/* What is not kept costs nothing, in any size; what was replaced is given back. */
static void test_nothing_kept(void **state)
{
	static const char *const keys[] = {"Secret", "Unknown", "B64C", "Any", "LC", "Name"};
	char *long_text = malloc(1 << 20);
	struct growing json = {0};
	size_t empty_memory;
	unsigned int calls;
	struct body *body;

	assert_non_null(long_text);
	memset(long_text, 'A', 1 << 20);
	long_text[(1 << 20) - 4] = '\0';
	assert_int_equal(body_new(&whole, SMALL, &calls, &body), 0);
	empty_memory = body_memory(body);
	body_free(body);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		bool list = !strcmp(keys[i], "LC"), name = !strcmp(keys[i], "Name");

		add(&json, "{\"%s\":%s\"%s%s\"%s}", keys[i], list ? "[" : "", name ? "N=" : "",
		    long_text, list ? "]" : "");
		body = read_growing(&json, SMALL, &calls);
		assert_int_equal(body_state(body), BODY_DONE);
		assert_in_range(body_memory(body), empty_memory, empty_memory + 400);
		body_free(body);
	}
	free(long_text);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Far from quadratic: each takes some tenths of a second at most, with the sanitizers. */
static void test_time(void **state)
{
	static const struct {
		const char *begin, *before, *after, *end;
		int count;
	} floods[] = {
		{"{\"L\":[\"a\"", ",\"b", "\"", "]}", 300000},
		{"{\"M\":{\"a\":\"b\"", ",\"k", "\":\"\"", "}}", 300000},
		{"{\"M\":{\"a\":\"b\"", ",\"a\":\"", "\"", "}}", 300000},
		{"{\"Text\":\"\"", ",\"Text\":\"", "\"", "}", 300000},
		{"{\"Text\":\"\"", ",\"L\":[\"", "\"]", "}", 300000},
		{"{\"L\":[\"a\",\"b\",\"c\",\"d\",\"e\"]", ",\"L\":[\"",
		 "\"],\"L\":[null,null,null]", "}", 100000},
		{"{\"Items\":[{}", ",{\"Name\":\"", "\"}", "]}", 200000},
		{"{\"Unknown\":\"", "\\u00e9", "\\n", "\"}", 300000},
	};
	struct growing json = {0};
	unsigned int calls;
	struct body *body;
	double began;

	for (size_t i = 0; i < sizeof(floods) / sizeof(*floods); i++) {
		add(&json, "%s", floods[i].begin);
		for (int count = 0; count < floods[i].count; count++)
			add(&json, "%s%d%s", floods[i].before, count, floods[i].after);
		add(&json, "%s", floods[i].end);
		began = seconds();
		body = read_growing(&json, 1 << 20, &calls);
		assert_true(seconds() - began < 10);
		assert_int_equal(body_state(body), BODY_DONE);
		body_free(body);
	}
}

/* --- Looking things up ----------------------------------------------------------------------- */

static void test_lookups(void **state)
{
	static const char json[] = "{\"Text\":\"a\",\"TextP\":\"b\",\"TextP\":null,\"Flag\":true,"
				   "\"FlagP\":false,\"L\":null,\"M\":{\"Text\":\"c\"}}";
	unsigned int calls;
	struct body *body = read_body(&whole, SMALL, &calls, json, strlen(json), strlen(json), 1);
	const struct value *value = body_value(body);

	assert_true(is_string(body_string(value, "Text"), "a"));
	assert_null(body_string(value, "text").data);
	assert_null(body_get(value, "TextP"));
	assert_null(body_get(value, "L"));
	assert_null(body_get(NULL, "Text"));
	assert_null(body_get(body_get(value, "Text"), "Text"));
	assert_null(body_get(body_get(value, "Nothing"), "Text"));
	assert_true(is_string(body_get(body_get(value, "M"), "Text")->string, "c"));
	assert_true(body_true(value, "Flag"));
	assert_false(body_true(value, "FlagP"));
	assert_false(body_true(value, "Nothing"));
	assert_false(body_true(NULL, "Flag"));
	assert_ptr_equal(body_get(value, "Flag")->shape, &flag);
	body_free(body);
	body_free(NULL);
}

static void test_unfinished(void **state)
{
	static const char json[] =
		"{\"Item\":{\"Tags\":[\"a\",\"b\"]},\"Items\":[{\"Name\":\"a\"},{\"Name\":\"b\"}],"
		"\"L\":[\"a\",\"b\"],\"L\":[\"c\"],\"L\":[null],\"M\":{\"k\":\"v\",\"long key\":"
		"\"long value\"},\"Items\":[{\"Name\":\"a long one\",\"Tags\":[\"c\",\"d\"]}]}";
	unsigned int calls;
	struct body *body;

	for (size_t size = 0; size < sizeof(json) - 1; size++) {
		body = read_body(&whole, SMALL, &calls, json, size, size, 1);
		assert_int_equal(body_state(body), BODY_OPEN);
		assert_ptr_equal(body_value(body)->shape, &whole);
		assert_true(size || body_value(body)->is_nil);
		body_free(body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_top_level),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_kept_names),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_mistyped),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_strslice),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_list_duplicates),
		cmocka_unit_test(test_chosen),
		cmocka_unit_test(test_deep_shape),
		cmocka_unit_test(test_long_strings),
		cmocka_unit_test(test_full_of_elements),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_full_of_strings),
		cmocka_unit_test(test_types_when_full),
		cmocka_unit_test(test_replaced_when_full),
		cmocka_unit_test(test_merge_when_full),
		cmocka_unit_test(test_nothing_kept),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_unfinished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
