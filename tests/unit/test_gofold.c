// SPDX-License-Identifier: Apache-2.0
/* Words in any case, as Go compares them. */
#include "unit.h"

#include "base/text.h"
#include "json/gofold.h"

static void test_words(void **state)
{
	static const struct {
		const char *text, *word;
		bool upper, lower, equal;
	} cases[] = {
		{"sys_admin", "SYS_ADMIN", true, true, true},
		{"SYS_ADMIN", "SYS_ADMIN", true, true, true},
		{"\u017fys_admin", "SYS_ADMIN", true, false, true},
		{"sys_adm\u0131n", "SYS_ADMIN", true, false, false},
		{"sys_adm\u0130n", "sys_admin", false, true, false},
		{"\u212aill", "kill", false, true, true},
		{"sys_admi", "SYS_ADMIN", false, false, false},
		{"sys_admin_", "SYS_ADMIN", false, false, false},
		{"", "x", false, false, false},
		{"", "", true, true, true},
		{"x", "", false, false, false},
		{"\xc5", "s", false, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bytes text = bytes_of(cases[i].text);

		assert_int_equal(gofold_is(text, cases[i].word, GOFOLD_UPPER), cases[i].upper);
		assert_int_equal(gofold_is(text, cases[i].word, GOFOLD_LOWER), cases[i].lower);
		assert_int_equal(gofold_is(text, cases[i].word, GOFOLD_EQUAL), cases[i].equal);
	}
	assert_int_equal(gofold_begins(bytes_of("cap_x"), "CAP_", GOFOLD_UPPER), 4);
	assert_int_equal(gofold_begins(bytes_of("cap"), "CAP_", GOFOLD_UPPER), 0);
	assert_int_equal(gofold_begins(bytes_of("\u017fx"), "S", GOFOLD_UPPER), 2);
}

static void test_bools(void **state)
{
	static const char *const others[] = {"", "yes", "tRUE", " 1", "on", "00"};
	bool value = false;

	assert_true(gofold_bool(bytes_of("T"), &value) && value);
	assert_true(gofold_bool(bytes_of("True"), &value) && value);
	assert_true(gofold_bool(bytes_of("F"), &value) && !value);
	assert_true(gofold_bool(bytes_of("0"), &value) && !value);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_false(gofold_bool(bytes_of(others[i]), &value));
}

static void test_trim(void **state)
{
	struct bytes text = gofold_trim(bytes_of(" \t\n x y\r "));

	assert_int_equal(text.size, 3);
	assert_memory_equal(text.data, "x y", 3);
	assert_int_equal(gofold_trim(bytes_of(" ")).size, 0);
	assert_int_equal(gofold_trim((struct bytes){0}).size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_bools),
		cmocka_unit_test(test_trim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
