// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "conversation/senders.h"

/* PID sends in SPAN, from OFFSET on. ASan sees it if a sender is not given back, or twice. */
static void add(struct senders *senders, uint32_t span, uint64_t offset, uint32_t pid, bool joins)
{
	struct caller *caller = calloc(1, sizeof(*caller));
	struct sender sender = {
		.offset = offset, .span = span, .joins = joins, .caller = caller, .time = pid};

	assert_non_null(caller);
	caller->shared.references = 1;
	caller->process.pid = pid;
	assert_int_equal(senders_add(senders, sender), 0);
}

/* Who sent [BEGIN, END), as "1 2", with a mark for each doubt: + several, ~ ambiguous, ? unknown,
 * ! there are more. */
static const char *who(const struct senders *senders, struct caller *connector, uint64_t begin,
		       uint64_t end)
{
	static char told[256];
	struct senders_found found;
	size_t size = 0;

	senders_find(senders, connector, &(struct senders_range){begin, end}, 1, &found);
	told[0] = '\0';
	for (unsigned int i = 0; i < found.count; i++)
		size += (size_t)snprintf(told + size, sizeof(told) - size, "%s%u", i ? " " : "",
					 found.caller[i]->process.pid);
	snprintf(told + size, sizeof(told) - size, "%s%s%s%s", found.several ? "+" : "",
		 found.ambiguous ? "~" : "", found.unknown ? "?" : "", found.more ? "!" : "");
	return told;
}

static const char *at(const struct senders *senders, uint64_t offset)
{
	return who(senders, NULL, offset, offset + 1);
}

static void test_find(void **state)
{
	struct caller connector = {.process = {.pid = 9}};
	struct senders senders = {0};

	assert_string_equal(who(&senders, &connector, 0, 5), "9");
	assert_string_equal(who(&senders, NULL, 0, 5), "?");
	add(&senders, 1, 10, 1, false);
	add(&senders, 2, 20, 2, false);
	assert_string_equal(who(&senders, &connector, 0, 10), "9");
	assert_string_equal(who(&senders, &connector, 9, 11), "9 1+");
	assert_string_equal(who(&senders, &connector, 10, 20), "1");
	assert_string_equal(who(&senders, &connector, 19, 21), "1 2+");
	assert_string_equal(who(&senders, &connector, 0, 100), "9 1 2+");
	assert_string_equal(at(&senders, UINT64_MAX - 1), "2");
	senders_clear(&senders);
	assert_string_equal(at(&senders, 30), "?");
}

static void test_join(void **state)
{
	struct caller connector = {.process = {.pid = 9}};
	struct senders senders = {0};

	add(&senders, 0, 4, 7, true);
	add(&senders, 1, 10, 1, false);
	add(&senders, 1, 15, 3, true);
	add(&senders, 1, 15, 2, true);
	add(&senders, 2, 20, 5, false);
	assert_string_equal(who(&senders, &connector, 0, 4), "9");
	assert_string_equal(who(&senders, &connector, 0, 5), "9 7~");
	assert_string_equal(who(&senders, &connector, 10, 15), "1");
	assert_string_equal(who(&senders, &connector, 15, 16), "1 3 2~");
	assert_string_equal(who(&senders, &connector, 19, 21), "1 3 2 5+~");
	assert_string_equal(who(&senders, &connector, 20, 21), "5");
	senders_clear(&senders);
}

/* Events come in the order in which the kernel got them out, which is not always that of the spans. */
static void test_order(void **state)
{
	struct senders senders = {0};

	add(&senders, 3, 30, 3, false);
	add(&senders, 2, 25, 6, true);
	add(&senders, 1, 10, 1, false);
	add(&senders, 2, 20, 2, false);
	assert_string_equal(at(&senders, 10), "1");
	assert_string_equal(at(&senders, 20), "2");
	assert_string_equal(at(&senders, 25), "2 6~");
	assert_string_equal(at(&senders, 30), "3");
	senders_clear(&senders);
}

/* A span of which nobody told who began it, or of which nothing was told at all. */
static void test_lost(void **state)
{
	struct caller connector = {.process = {.pid = 9}};
	struct senders senders = {0};

	senders_read(&senders, 0, 10, 1, false);
	assert_string_equal(who(&senders, &connector, 0, 10), "9?");
	add(&senders, 2, 10, 2, false);
	assert_string_equal(who(&senders, &connector, 0, 10), "9?");
	assert_string_equal(who(&senders, &connector, 10, 11), "2");
	add(&senders, 4, 20, 4, true);
	assert_string_equal(who(&senders, &connector, 10, 11), "2?");
	assert_string_equal(who(&senders, &connector, 20, 21), "4~?");
	senders_clear(&senders);
}

/* What is read while several send is nobody's for certain, told or not. */
static void test_shared(void **state)
{
	struct caller connector = {.process = {.pid = 9}};
	struct senders senders = {0};

	senders_read(&senders, 10, 20, 0, true);
	assert_string_equal(who(&senders, &connector, 0, 10), "9");
	assert_string_equal(who(&senders, &connector, 0, 11), "9~?");
	assert_string_equal(who(&senders, &connector, 19, 30), "9~?");
	assert_string_equal(who(&senders, &connector, 20, 30), "9");
	add(&senders, 0, 10, 1, true);
	assert_string_equal(who(&senders, &connector, 10, 20), "9 1~");
	senders_drop_before(&senders, 20);
	assert_int_equal(senders.shared_until, 0);
	senders_clear(&senders);
}

static void test_drop(void **state)
{
	struct senders senders = {0};

	senders_drop_before(&senders, 5);
	add(&senders, 1, 10, 1, false);
	add(&senders, 1, 12, 4, true);
	add(&senders, 2, 20, 2, false);
	add(&senders, 3, 30, 3, false);
	senders_drop_before(&senders, 9);
	senders_drop_before(&senders, 19);
	assert_int_equal(senders.count, 4);
	assert_string_equal(at(&senders, 19), "1 4~");
	senders_drop_before(&senders, 20);
	assert_int_equal(senders.count, 2);
	assert_string_equal(at(&senders, 21), "2");
	senders_drop_before(&senders, UINT64_MAX);
	assert_int_equal(senders.count, 1);
	assert_string_equal(at(&senders, 30), "3");
	senders_clear(&senders);
}

/* It has as much memory as it takes, and gives it back. */
static void test_memory(void **state)
{
	struct senders senders = {0};
	char name[16];

	for (uint32_t i = 0; i < SENDERS_MAX; i++)
		add(&senders, i + 1, i, i + 1, false);
	assert_false(senders.forgotten);
	assert_in_range(senders.room, SENDERS_MAX, 2 * SENDERS_MAX);
	for (uint32_t i = 0; i < SENDERS_MAX; i++) {
		senders_drop_before(&senders, i);
		snprintf(name, sizeof(name), "%u", i + 1);
		assert_string_equal(at(&senders, i), name);
		assert_true(senders.room < 8 || senders.room < 4 * senders.count + 4);
	}
	/* Where one comes and one goes it stays. */
	for (uint32_t i = SENDERS_MAX; i < 10 * SENDERS_MAX; i++) {
		add(&senders, i + 1, i, i + 1, false);
		senders_drop_before(&senders, i);
		assert_true(senders.room < 8);
	}
	assert_false(senders.forgotten);
	senders_clear(&senders);
	assert_null(senders.queue);
}

static void test_too_many(void **state)
{
	struct senders senders = {0};

	for (uint32_t i = 0; i < SENDERS_MAX + 3; i++) {
		add(&senders, i + 1, 10 * i, i + 1, false);
		assert_int_equal(senders.forgotten, i >= SENDERS_MAX);
	}
	assert_int_equal(senders.count, SENDERS_MAX);
	assert_string_equal(at(&senders, 0), "1?");
	assert_string_equal(at(&senders, 40), "5?");
	senders_clear(&senders);
}

/* More candidates than are told. */
static void test_candidates(void **state)
{
	struct senders senders = {0};

	for (uint32_t i = 0; i < SENDERS_FOUND_MAX + 1; i++)
		add(&senders, 1, 0, i + 1, i > 0);
	assert_string_equal(at(&senders, 0), "1 2 3 4 5 6 7 8~!");
	senders_clear(&senders);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),	   cmocka_unit_test(test_join),
		cmocka_unit_test(test_order),	   cmocka_unit_test(test_lost),
		cmocka_unit_test(test_shared),	   cmocka_unit_test(test_drop),
		cmocka_unit_test(test_memory),	   cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_candidates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
