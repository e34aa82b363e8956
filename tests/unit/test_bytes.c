// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/bytes.h"

/* The same as memmem(), wherever it stands, and however often its letters do. */
static void check_find(const char *what)
{
	size_t size = strlen(what);
	char text[200];

	for (size_t length = 0; length < sizeof(text); length++)
		for (size_t at = 0; at <= length; at += at < 40 ? 1 : 13) {
			struct bytes bytes = {text, length};

			memset(text, what[size - 1], sizeof(text));
			if (at + size <= length)
				memcpy(text + at, what, size);
			assert_ptr_equal(bytes_find(bytes, bytes_of(what)),
					 memmem(text, length, what, size));
			memset(text, '.', sizeof(text));
			memcpy(text + at / 2, what, size < 90 ? size : 90);
			assert_ptr_equal(bytes_find(bytes, bytes_of(what)),
					 memmem(text, length, what, size));
		}
}

static void test_find(void **state)
{
	struct bytes some = bytes_of("some");

	check_find("a");
	check_find("ab");
	check_find("aa");
	check_find("\"caller\":{\"id\":");
	check_find("\"\"\"");
	check_find("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	assert_null(bytes_find((struct bytes){0}, some));
	assert_null(bytes_find(bytes_of("som"), some));
	assert_ptr_equal(bytes_find(some, some), some.data);
	assert_ptr_equal(bytes_find(some, bytes_of("")), some.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_find)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
