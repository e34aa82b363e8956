// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <errno.h>

#include "log/exported.h"

/* What is a record here: {"r":…. */
static int take(void *data, struct bytes text)
{
	struct text *taken = data;

	if (!bytes_begin(text, "{\"r\":"))
		return -EINVAL;
	text_add_bytes(taken, bytes_from(text, 5));
	return 0;
}

/* The same of an object that its braces alone say to be one; what this cannot tell has to be read. */
static int take_whole(void *data, struct bytes text)
{
	assert_true(text.size >= 2 && text.data[0] == '{' && text.data[text.size - 1] == '}');
	return memchr(text.data, '7', text.size) ? -EAGAIN : take(data, text) ? -EAGAIN : 0;
}

static struct text taken;
static uint64_t unknown;

/* Reads TEXT in pieces of STEP bytes; WHOLE: by its braces, where that can be done. */
static void read_in_steps(const char *text, size_t step, bool whole)
{
	static const char *const signs[] = {"r", NULL};
	struct exported exported = {.data = &taken,
				    .take = take,
				    .take_whole = whole ? take_whole : NULL,
				    .signs = whole ? signs : NULL};
	struct bytes rest = bytes_of(text);

	text_cut(&taken, 0);
	while (rest.size) {
		struct bytes piece = {rest.data, rest.size < step ? rest.size : step};

		assert_int_equal(exported_read(&exported, piece), 0);
		rest = bytes_from(rest, piece.size);
	}
	exported_end(&exported);
	unknown = exported.unknown;
	exported_free(&exported);
}

static void check(const char *text, const char *records, unsigned int others)
{
	for (size_t step = 1; step <= 1000; step += step < 19 ? 6 : 981) {
		for (unsigned int whole = 0; whole < 2; whole++) {
			read_in_steps(text, step, whole);
			assert_string_equal(taken.size ? taken.data : "", records);
			assert_int_equal(unknown, others);
		}
	}
}

static void test_alone(void **state)
{
	check("{\"r\":1}", "1}", 0);
	check("{\"r\":1}\n{\"r\":2}\n", "1}2}", 0);
	check("{\"r\":1}{\"r\":2}", "1}2}", 0);
	check(" {\"r\":\n1} \n\n\t{\"r\":2}\r\n", " 1}2}", 0);
	check("[{\"r\":1},{\"r\":2}]", "1}2}", 0);
	check("[\n{\"r\":1},\n{\"r\":2}\n]\n", "1}2}", 0);
	check("", "", 0);
	check("[]\n", "", 0);
}

static void test_what_is_put_around_it(void **state)
{
	check("{\"_index\":\"i\",\"_source\":{\"r\":1},\"sort\":[3]}", "1}", 0);
	check("{\"took\":3,\"hits\":{\"total\":{\"value\":2},\"hits\":[{\"_source\":{\"r\":1}},"
	      "{\"_source\":{\"r\":2}}]}}",
	      "1}2}", 0);
	check("{\"responses\":[{\"hits\":{\"hits\":[{\"_source\":{\"r\":1}}]}},{\"hits\":{\"hits\":"
	      "[]}}]}",
	      "1}", 0);
	check("{\"preview\":false,\"result\":{\"_raw\":\"{\\\"r\\\":1}\",\"host\":\"h\"}}", "1}",
	      0);
	check("{\"fields\":[{\"name\":\"_raw\"}],\"results\":[{\"_raw\":\"{\\\"r\\\":1}\"}]}", "1}",
	      0);
	check("{\"log\":\"{\\\"r\\\":1}\\n\",\"stream\":\"stdout\"}", "1}", 0);
	check("{\"labels\":{\"line\":\"{\\\"r\\\":7}\"},\"line\":\"{\\\"r\\\":1}\"}", "1}", 0);
	check("{\"data\":{\"result\":[{\"stream\":{\"a\":\"b\"},\"values\":[[\"9\",\"{\\\"r\\\":1}"
	      "\"],"
	      "[\"9\",\"{\\\"r\\\":2}\",{\"x\":{\"r\":3}}]]}]}}",
	      "1}2}", 0);
	check("{\"_source\":{\"message\":\"{\\\"log\\\":\\\"{\\\\\\\"r\\\\\\\":1}\\\"}\"}}", "1}",
	      0);
}

/* What is not known for a record is counted, and nothing behind it is lost. */
static void test_others_are_counted(void **state)
{
	check("plain text\n{\"r\":1}\n", "1}", 1);
	check("{\"x\":1}\n{\"r\":1}", "1}", 1);
	check("[{\"x\":1},5,\"{\\\"r\\\":7}\",{\"r\":1},null]", "1}", 4);
	check("{\"_source\":{\"x\":1}}", "", 1);
	check("{\"message\":\"root | docker ps\"}", "", 1);
	check("{\"message\":\"{not JSON}\"}", "", 1);
	check("{\"values\":[[\"9\",\"text\"]]}", "", 1);
	check("CEF:0|callerd|callerd|1\n5\n\"{}\"\n", "", 3);
	/* One that was torn, within a string or behind one, takes no other along. */
	check("{\"_source\":{\"r\":\"to\n{\"_source\":{\"r\":2}}\n", "2}", 1);
	check("{\"_source\":{\"x\":1,\n{\"r\":2}\n", "2}", 1);
	check("{\"r\":2", "", 1);
	check("{\"r\":2}}\n{\"r\":3}", "2}3}", 1);
}

/* What somebody wrote into a record is never taken for one, and neither is what stands where no export has it. */
static void test_what_callers_write(void **state)
{
	check("{\"r\":{\"args\":[\"\\\"_source\\\":{\\\"r\\\":7}}\"],\"message\":\"{\\\"r\\\":7}\"}"
	      "}",
	      "{\"args\":[\"\\\"_source\\\":{\\\"r\\\":7}}\"],\"message\":\"{\\\"r\\\":7}\"}}", 0);
	check("{\"r\":1,\"message\":\"{\\\"r\\\":7}\"}", "1,\"message\":\"{\\\"r\\\":7}\"}", 0);
	check("{\"process\":{\"_source\":{\"r\":7},\"message\":\"{\\\"r\\\":7}\"}}", "", 1);
	check("{\"process\":{\"hits\":[{\"r\":7}]}}", "", 1);
	check("{\"_source\":{\"callerd\":{\"_source\":{\"r\":7}}}}", "", 1);
	/* Not for ever, however deep it goes. */
	check("{\"_source\":{\"_source\":{\"_source\":{\"_source\":{\"_source\":{\"_source\":{\"_"
	      "source\":"
	      "{\"_source\":{\"_source\":{\"_source\":{\"_source\":{\"r\":7}}}}}}}}}}}}",
	      "", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_what_is_put_around_it),
		cmocka_unit_test(test_others_are_counted),
		cmocka_unit_test(test_what_callers_write),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	text_free(&taken);
	return failed;
}
