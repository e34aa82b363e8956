// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include "setting/setting.h"

struct target {
	bool flag;
	unsigned int number, choice;
	uint64_t power, size, seconds;
	const char *text, *path;
	const char *list[3];
};

#define AT(member) SETTING_AT(struct target, member)

static int take_entry(struct setting_reader *reader, const char *value)
{
	struct target *target = reader->target;

	assert_string_equal(reader->setting->name, "list");
	for (size_t i = 0; i < 2; i++) {
		if (target->list[i])
			continue;
		target->list[i] = value;
		return 0;
	}
	return setting_refuse(reader->why, "%u at most", 2);
}

static const char *const words[] = {"zero", "one", "two", NULL};
static const char *const nothing[] = {"none", NULL};

enum { HERE = 1, THERE = 2 };

static const struct setting table[] = {
	{"flag", SETTING_FLAG, AT(flag), .places = HERE, .repeats = HERE},
	{"number", SETTING_NUMBER, AT(number), 5, 300, words, .places = HERE, .repeats = HERE,
	 .wanted = "5 to 300"},
	{"power", SETTING_POWER, AT(power), 4, 64, .places = HERE, .repeats = HERE},
	{"size", SETTING_SIZE, AT(size), 1, UINT64_MAX, .places = HERE, .repeats = HERE},
	{"seconds", SETTING_SECONDS, AT(seconds), 1, 86400, .places = HERE, .repeats = HERE},
	{"choice", SETTING_CHOICE, AT(choice), .words = words, .places = HERE, .repeats = HERE},
	{"text", SETTING_TEXT, AT(text), .words = nothing, .places = HERE | THERE, .repeats = HERE},
	{"path", SETTING_PATH, AT(path), .places = HERE, .repeats = HERE, .wanted = "a path"},
	{"list", SETTING_LIST, AT(list), .places = HERE, .repeats = HERE, .take = take_entry},
	{.name = NULL},
};

static struct target target;
static char why[64];
static struct setting_reader reader;

static int prepare(void **state)
{
	target = (struct target){0};
	reader = (struct setting_reader){
		.table = table, .place = HERE, .target = &target, .why = {why, sizeof(why)}};
	return 0;
}

static int read_one(const char *name, const char *value)
{
	return setting_read(&reader, bytes_of(name), value);
}

static void test_values(void **state)
{
	static const struct {
		const char *name, *value;
		const void *member;
		size_t size;
		uint64_t result;
	} values[] = {
#define VALUE(name, value, member, result)                                                         \
	{name, value, &target.member, sizeof(target.member), result}
		VALUE("flag", "yes", flag, 1),
		VALUE("flag", "no", flag, 0),
		VALUE("number", "5", number, 5),
		VALUE("number", "0300", number, 300),
		VALUE("number", "two", number, 2),
		VALUE("power", "64", power, 64),
		VALUE("size", "1", size, 1),
		VALUE("size", "3K", size, 3 << 10),
		VALUE("size", "3M", size, 3 << 20),
		VALUE("size", "3G", size, 3ull << 30),
		VALUE("size", "16777215T", size, 16777215ull << 40),
		VALUE("size", "18446744073709551615", size, UINT64_MAX),
		VALUE("seconds", "7", seconds, 7),
		VALUE("seconds", "7s", seconds, 7),
		VALUE("seconds", "7m", seconds, 420),
		VALUE("seconds", "7h", seconds, 25200),
		VALUE("seconds", "1d", seconds, 86400),
		VALUE("choice", "zero", choice, 0),
		VALUE("choice", "two", choice, 2),
#undef VALUE
	};

	for (size_t i = 0; i < COUNT(values); i++) {
		struct target before;
		uint64_t value = 0;

		memset(&target, 0xaa, sizeof(target));
		before = target;
		assert_int_equal(read_one(values[i].name, values[i].value), 0);
		memcpy(&value, values[i].member, values[i].size);
		if (value != values[i].result)
			fail_msg("%s: %llu", values[i].value, (unsigned long long)value);
		/* Nothing beside the member has changed. */
		memcpy((char *)values[i].member,
		       (char *)&before + ((char *)values[i].member - (char *)&target),
		       values[i].size);
		assert_memory_equal(&target, &before, sizeof(target));
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *name, *value, *why;
	} wrong[] = {
		{"flag", "", "it is one of no yes"},
		{"flag", "Yes", "it is one of no yes"},
		{"number", "4", "5 to 300"},
		{"number", "301", "5 to 300"},
		{"number", "three", "5 to 300"},
		{"number", "", "5 to 300"},
		{"number", "-6", "5 to 300"},
		{"number", "6K", "5 to 300"},
		{"power", "6", "it is a number from 4 to 64, a power of two"},
		{"power", "128", "it is a number from 4 to 64, a power of two"},
		{"size", "0", "it is a number from 1 to 18446744073709551615"},
		{"size", "1k", "it is a number"},
		{"size", "1KB", "it is a number"},
		{"size", "16777216T", "it is a number"},
		{"size", "18446744073709551616", "it is a number"},
		{"seconds", "2d", "it is a number from 1 to 86400"},
		{"seconds", "1M", "it is a number"},
		{"choice", "three", "it is one of zero one two"},
		{"choice", "1", "it is one of zero one two"},
		{"path", "a/b", "a path"},
		{"path", "", "a path"},
	};
	const struct target before = target;

	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(read_one(wrong[i].name, wrong[i].value), -EINVAL);
		assert_says(why, wrong[i].why);
		assert_memory_equal(&target, &before, sizeof(target));
	}
	assert_int_equal(read_one("numb", "5"), -ENOENT);
	assert_int_equal(read_one("", "5"), -ENOENT);
}

static void test_places(void **state)
{
	assert_int_equal(read_one("text", "a"), 0);
	assert_int_equal(read_one("text", "b"), 0);
	reader.place = THERE;
	reader.given = 0;
	assert_int_equal(read_one("flag", "yes"), -ENOENT);
	assert_int_equal(read_one("text", "c"), 0);
	assert_int_equal(read_one("text", "d"), -EINVAL);
	assert_string_equal(why, "given twice");
	assert_string_equal(target.text, "c");
}

static void test_write(void **state)
{
	static const char *const given[][2] = {
		{"flag", "yes"},   {"number", "200"}, {"power", "8"}, {"size", "2K"},
		{"choice", "one"}, {"path", "/a b"},  {"list", "x"},  {"list", "y"},
	};
	struct text text = {0};

	for (size_t i = 0; i < COUNT(given); i++)
		assert_int_equal(read_one(given[i][0], given[i][1]), 0);
	assert_int_equal(read_one("list", "z"), -EINVAL);
	assert_string_equal(why, "2 at most");
	for (size_t i = 0; table[i].name; i++)
		setting_write(&table[i], &target, NULL, &text);
	assert_string_equal(text.data, "flag = yes\nnumber = 200\npower = 8\nsize = 2048\n"
				       "seconds = 0\nchoice = one\ntext = none\npath = /a b\n"
				       "list = x\nlist = y\n");
	text_free(&text);
}

/* Each line says where it comes from: the last place that gave it. */
static void test_notes(void **state)
{
	struct setting_notes notes = {0};
	struct text text = {0};

	reader.notes = &notes;
	reader.source = (struct setting_source){"/a.conf", 3};
	assert_int_equal(read_one("number", "200"), 0);
	assert_int_equal(read_one("list", "x"), 0);
	assert_int_equal(read_one("number", "none"), -EINVAL);
	reader.source = (struct setting_source){"/b.conf", 12};
	assert_int_equal(read_one("number", "210"), 0);
	reader.source = (struct setting_source){0};
	assert_int_equal(read_one("list", "y"), 0);
	for (size_t i = 0; table[i].name; i++)
		if (table[i].kind == SETTING_NUMBER || table[i].kind == SETTING_LIST ||
		    table[i].kind == SETTING_SECONDS)
			setting_write(&table[i], &target, &notes, &text);
	assert_string_equal(text.data, "number = 210 ; /b.conf:12\nseconds = 0 ; default\n"
				       "list = x ; /a.conf:3\nlist = y ; command line\n");
	text_free(&text);
	setting_forget_notes(&notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_values, prepare),
		cmocka_unit_test_setup(test_refused, prepare),
		cmocka_unit_test_setup(test_places, prepare),
		cmocka_unit_test_setup(test_write, prepare),
		cmocka_unit_test_setup(test_notes, prepare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
