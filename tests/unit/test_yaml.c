// SPDX-License-Identifier: Apache-2.0
/* YAML as Go's yaml.v3 and sigs.k8s.io/yaml read it: what comes of it in a value. */
#include "unit.h"

#include "base/text.h"
#include "json/yaml_body.h"

#define LIMIT 65536

static const struct shape scalar = {.kind = SHAPE_STRING};
static const struct shape scalars = {.kind = SHAPE_LIST, .element = &scalar};
static const struct shape scalar_map = {.kind = SHAPE_MAP, .element = &scalar};
static const struct shape_field inner_fields[] = {{"x", &scalar}, {"y", &scalar}, {0}};
static const struct shape inner = {.kind = SHAPE_STRUCT, .fields = inner_fields, .pointer = true};
static const struct shape_field fields[] = {{"a", &scalar},	{"b", &scalar}, {"l", &scalars},
					    {"m", &scalar_map}, {"s", &inner},	{0}};
static const struct shape document = {.kind = SHAPE_STRUCT, .fields = fields};
static const struct shape documents = {.kind = SHAPE_LIST, .element = &document};

static void spell(struct text *out, const struct value *value)
{
	if (value->shape->kind == SHAPE_STRING) {
		text_add_bytes(out, value->string);
		return;
	}
	text_add_char(out, value->shape->kind == SHAPE_LIST ? '[' : '{');
	EACH (one, value) {
		if (one != value->first)
			text_add_char(out, ' ');
		if (one->name)
			text_add_string(out, one->name);
		text_add_bytes(out, one->key);
		if (one->name || one->key.size)
			text_add_char(out, '=');
		spell(out, one);
	}
	text_add_char(out, value->shape->kind == SHAPE_LIST ? ']' : '}');
}

/* Adds what TEXT is read as, and why not all of it was. */
static void read_text(struct text *out, struct bytes text, size_t piece)
{
	struct yaml_body yaml = {0};
	struct body *body;
	const char *trouble;

	assert_int_equal(body_new(&documents, LIMIT, NULL, &body), 0);
	for (size_t at = 0; at < text.size; at += piece) {
		struct bytes part = bytes_from(text, at);

		part.size = part.size < piece ? part.size : piece;
		assert_int_equal(yaml_body_feed(&yaml, part, LIMIT), 0);
	}
	trouble = yaml_body_read(&yaml, body);
	assert_null(yaml.data);
	if (!trouble && body_state(body) != BODY_DONE)
		trouble = body_error(body);
	spell(out, body_value(body));
	if (trouble) {
		text_add_string(out, " ! ");
		text_add_string(out, trouble);
	}
	body_free(body);
}

static void check(const char *text, const char *wanted)
{
	for (size_t piece = 1; piece <= 1000; piece *= 1000) {
		_cleanup_(text_free) struct text out = {0};

		read_text(&out, bytes_of(text), piece);
		if (strcmp(out.data ?: "", wanted) != 0)
			print_error("%s\n", text);
		assert_string_equal(out.data, wanted);
	}
}

static void test_documents(void **state)
{
	check("", "[]");
	check("# nothing\n", "[]");
	check("a: 1", "[{a=1}]");
	check("---\na: 1\n---\n---\na: 2\n...\n", "[{a=1} {} {a=2}]");
	check("{\"a\": \"1\", \"l\": [\"x\", 2]}", "[{a=1 l=[x 2]}]");
	check("%YAML 1.1\n---\na: 1\n", "[{a=1}]");
	/* UTF-16, with its mark. */
	{
		static const char utf16[] = "\xff\xfe"
					    "a\0:\0 \0"
					    "1";
		_cleanup_(text_free) struct text out = {0};

		read_text(&out, (struct bytes){utf16, sizeof(utf16)}, 100);
		assert_string_equal(out.data, "[{a=1}]");
	}
}

static void test_scalars(void **state)
{
	check("a: true", "[{a=true}]");
	check("a: 0x10", "[{a=0x10}]");
	check("a: ~\nb: 'null'", "[{b=null}]");
	check("a:\nb: Null", "[{}]");
	check("a: \"\\u0041\\x42\\\"\\\\\\n\"", "[{a=AB\"\\\n}]");
	check("a: |\n  x\n   y\nb: >-\n  x\n  y\n", "[{a=x\n y\n b=x y}]");
	check("a: !!str 5\nb: !!bool yes", "[{a=5 b=yes}]");
	check("a: !!binary Lw==\nb: x", "[{a=Lw==}] ! a tag gives a text another meaning");
	check("a: !x y", "[{a=y}] ! a tag gives a text another meaning");
	check("l: !!set {x, y}", "[{}] ! a tag gives a text another meaning");
	assert_true(yaml_body_is_true(bytes_of("true")) && yaml_body_is_true(bytes_of("TRUE")) &&
		    yaml_body_is_true(bytes_of("yes")));
	assert_false(yaml_body_is_true(bytes_of("false")) || yaml_body_is_true(bytes_of("")) ||
		     yaml_body_is_true(bytes_of("1")));
}

static void test_keys(void **state)
{
	check("A: 1", "[{a=1}]"); /* as Go takes them */
	check("? a\n: 1", "[{a=1}]");
	check("? [a]\n: 1\nb: 2", "[{}] ! a key is no text");
	check("b: 2\n? [a]\n: 1", "[{b=2}] ! a key is no text");
	check("m: {<: 1, '<<': 2}", "[{m={<=1 <<=2}}]");
}

static void test_aliases(void **state)
{
	check("a: &x 1\nb: *x", "[{a=1 b=1}]");
	check("m: &x {p: 1}\ns: *x\n", "[{m={p=1} s={}}]");
	check("a: &x 1\nb: &x 2\nl: [*x]", "[{a=1 b=2 l=[2]}]");
	check("m: {&k p: 1, q: *k}", "[{m={p=1 q=p}}]");
	check("a: *x", "[{}] ! an alias of nothing");
	/* Of one document only. */
	check("a: &x 1\n---\nb: 2\na: *x", "[{a=1} {b=2}] ! an alias of nothing");
	check("l: &x [1, *x]", "[{l=[1 ]}] ! it is deeper than is looked into");
}

static void test_merges(void **state)
{
	check("m: &x {x: 1, y: 2}\ns:\n  <<: *x\n  x: 3", "[{m={x=1 y=2} s={x=3 y=2}}]");
	check("m: &x {x: 1, y: 2}\ns:\n  x: 3\n  <<: *x", "[{m={x=1 y=2} s={x=3 y=2}}]");
	check("l: [&p 1]\nm: &x {x: 1}\ns: {<<: [*x, {x: 2, y: 4}]}",
	      "[{l=[1] m={x=1} s={x=1 y=4}}]");
	check("m: &x {x: 1}\ns: {<<: [{<<: *x}, {x: 2}]}", "[{m={x=1} s={x=1}}]");
	check("s: {<<: 1, x: 2}", "[{s={x=2}}] ! what is merged is no map");
	/* What stands there replaces the whole. */
	check("<<: {s: {x: 1}}\ns: {y: 2}", "[{s={y=2}}]");
}

static void test_errors(void **state)
{
	check("a: 1\n b: 2\n", "[{a=1 b}] ! it is no YAML");
	check("a: [1", "[{}] ! it is no YAML");
	check("a: 1\n---\na: 2\nb: \"", "[{a=1} {a=2}] ! it is no YAML");
	check("a: \x01", "[] ! it is no YAML");
	check("\x1f\x8b\x08", "[] ! it is no YAML");
}

/* Adds COUNT times TEXT. */
static void repeat(struct text *out, const char *text, unsigned int count)
{
	while (count--)
		text_add_string(out, text);
}

static void check_long(const struct text *text, const char *wanted)
{
	_cleanup_(text_free) struct text out = {0};
	const char *mark;

	read_text(&out, text_since(text, 0), 1000);
	mark = strstr(out.data, " ! ");
	assert_string_equal(mark ? mark + 3 : "", wanted);
}

/* What is longer, or means more, than is read. */
static void test_bounds(void **state)
{
	static const struct {
		const char *before, *text;
		unsigned int count;
		const char *wanted;
	} cases[] = {
		{"a: ", "[", 60, "it is no YAML"},
		{"a: ", "[", 30000, "it is deeper than is looked into"},
		{"", "- ", 30000, "it is deeper than is looked into"},
		{"", "? ", 30000, "it is deeper than is looked into"},
		{"l: [", "a,", 30000, "it has more nodes than are kept"},
		{"l: [", "&a x,", 60, "it is no YAML"},
		{"l: [", "&a x,", 5000, "it has more anchors than are kept"},
		{"l: [&a x,", "*a,", 5000, "it is no YAML"},
		{"", "a: 1\n", 14000, "it is longer than what is kept of it"},
		{"", "#x\n", 30000, "it is longer than what is kept of it"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		_cleanup_(text_free) struct text text = {0};

		text_add_string(&text, cases[i].before);
		repeat(&text, cases[i].text, cases[i].count);
		check_long(&text, cases[i].wanted);
	}
}

/* Each level has the one before it thirty times. */
static void check_bomb(const char *open, const char *close)
{
	_cleanup_(text_free) struct text text = {0};

	text_add_string(&text, "z0: &a0 {x: 1}\n");
	for (unsigned int level = 1; level < 9; level++) {
		char line[64];

		snprintf(line, sizeof(line), "z%u: &a%u %s", level, level, open);
		text_add_string(&text, line);
		snprintf(line, sizeof(line), "*a%u,", level - 1);
		repeat(&text, line, 30);
		text_add_string(&text, close);
	}
	check_long(&text, "its aliases make more of it than is read");
}

static void test_bombs(void **state)
{
	check_bomb("[", "]\n");
	check_bomb("{<<: [", "]}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents), cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_keys),	  cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_merges),	  cmocka_unit_test(test_errors),
		cmocka_unit_test(test_bounds),	  cmocka_unit_test(test_bombs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
