// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "base/clock.h"
#include "log/moment.h"

#define S(seconds) ((uint64_t)(seconds)*NS_PER_S)

static void at(const char *text, uint64_t expected)
{
	uint64_t got = 0;

	if (moment_parse(text, S(1796036445), &got)) /* Monday, 2026-11-30T10:20:45Z */
		fail_msg("%s: not a time", text);
	if (got != expected)
		fail_msg("%s: %llu", text, (unsigned long long)(got / NS_PER_S));
}

static void test_words(void **state)
{
	at("now", S(1796036445));
	at("recent", S(1796036445 - 600));
	at("today", S(1795996800));
	at("yesterday", S(1795996800 - 86400));
	at("yesterday 15:00", S(1795996800 - 86400 + 15 * 3600));
	at("this-week", S(1795996800));
	at("week-ago 01:02:03", S(1795996800 - 7 * 86400 + 3723));
	at("this-month", S(1795996800 - 29 * 86400));
	at("this-year", S(1767225600));
}

static void test_times(void **state)
{
	at("15:00", S(1795996800 + 15 * 3600));
	at("15:00:30", S(1795996800 + 15 * 3600 + 30));
	at("2026-11-29", S(1795996800 - 86400));
	at("2026-11-29 23:59:59", S(1795996800 - 1));
	at("2026-11-29T23:59", S(1795996800 - 60));
	at("2026-11-29T23:59:59.5Z", S(1795996800 - 1) + NS_PER_S / 2);
	at("90s", S(1796036445 - 90));
	at("10m", S(1796036445 - 600));
	at("2h", S(1796036445 - 7200));
	at("7d", S(1796036445 - 7 * 86400));
}

static void test_no_times(void **state)
{
	static const char *const texts[] = {
		"",
		"soon",
		"25:00",
		"12:60",
		"today 9",
		"2026-13-01",
		"2026-11-29x",
		"7y",
		"7",
		"yesterdayx",
		"-5m",
		"99999999999999999999d",
		"2026-11-29 ",
		"12:00:00:00",
	};
	uint64_t got;

	for (size_t i = 0; i < COUNT(texts); i++)
		if (!moment_parse(texts[i], S(1796036445), &got))
			fail_msg("\"%s\" is a time: %llu", texts[i], (unsigned long long)got);
}

static void test_lines(void **state)
{
	static const char line[] = "{\"@timestamp\":\"2026-11-29T23:59:59.000000001Z\",\"ecs\":{}}";

	assert_int_equal(moment_of_line(line, sizeof(line) - 1), S(1795996800 - 1) + 1);
	for (size_t size = 0; size < 44; size++)
		assert_int_equal(moment_of_line(line, size), 0);
	assert_int_equal(moment_of_line("{\"message\":\"2026-11-29T23:59:59.000000001Z\"}", 43), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_no_times),
		cmocka_unit_test(test_lines),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
