// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "json/wholejson.h"

/* OBJECT is as long as it is, whatever stands before and behind its parts, and nothing that is shorter is one. */
static void check_object(const char *object)
{
	size_t size = strlen(object);
	struct text text = {0};

	for (unsigned int spaces = 0; spaces < 130; spaces++) {
		text_cut(&text, 0);
		text_add_char(&text, '{');
		for (unsigned int i = 0; i < spaces; i++)
			text_add_char(&text, ' ');
		text_add_string(&text, object + 1);
		text_add_string(&text, "}\"{");
		assert_int_equal(wholejson_object(text.data, text.size), size + spaces);
		assert_int_equal(wholejson_object(text.data, size + spaces), size + spaces);
		assert_int_equal(wholejson_object(text.data, size + spaces - 1), 0);
	}
	text_free(&text);
}

static void test_objects(void **state)
{
	check_object("{}");
	check_object("{\"a\":{\"b\":[{},{}]}}");
	check_object("{\"a\":\"}\",\"b\":\"{\"}");
	check_object("{\"a\":\"\\\"}\",\"b\\\\\":\"\\\\\\\"}\"}");
	check_object("{\"a\":\"\\\\\"}");
	assert_int_equal(wholejson_object("[{}]", 4), 0);
	assert_int_equal(wholejson_object("", 0), 0);
}

/* What TEXT, with its quote, stands for; NULL: that is left to others. */
static void check_string(const char *text, const char *meant)
{
	struct text out = {0};
	size_t size = wholejson_string(&out, text, strlen(text));

	assert_int_equal(size, meant ? strlen(text) : 0);
	if (meant)
		assert_string_equal(out.data, meant);
	text_free(&out);
}

static void test_strings(void **state)
{
	char text[2000], meant[2000];

	check_string("\"", "");
	check_string("a\\\"b\\\\\\n\\u00e9\\/\"", "a\"b\\\n\303\251/");
	check_string("\303\251\"", "\303\251");
	check_string("a", NULL);
	check_string("a\\", NULL);
	check_string("a\\x\"", NULL);
	check_string("a\\ud83d\\ude00\"", NULL);
	check_string("a\\u0000\"", NULL);
	check_string("a\\u12", NULL);
	check_string("a\377\"", NULL);
	check_string("a\n\"", NULL);
	/* Whatever a piece ends with. */
	for (size_t size = 200; size < 600; size++) {
		memset(text, 'x', size);
		memset(meant, 'x', size);
		snprintf(text + size, 20, "\\\"\303\251\\\\y\"");
		snprintf(meant + size, 20, "\"\303\251\\y");
		check_string(text, meant);
	}
}

static void check_compact(const char *text, const char *compact)
{
	struct text out = {0};

	assert_int_equal(wholejson_compact(&out, bytes_of(text)), compact != NULL);
	if (compact)
		assert_string_equal(out.data, compact);
	text_free(&out);
}

static void test_spaces(void **state)
{
	char text[] = "{\n \"a\nb\":\r\n1}";

	check_compact("{ \"a b\" : [ 1 , true ] ,\r\n\t\"c\": \"\\\" \" }",
		      "{\"a b\":[1,true],\"c\":\"\\\" \"}");
	check_compact("{\"a\":1 2}", NULL);
	check_compact("{\"a\":tr ue}", NULL);
	check_compact("{\"a\" \"b\"}", NULL);
	check_compact("{\"a", "{\"a");
	wholejson_flatten(text, sizeof(text) - 1);
	assert_string_equal(text, "{  \"a\nb\":  1}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_spaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
