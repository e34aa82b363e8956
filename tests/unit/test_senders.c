// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "conversation/senders.h"

/* PID sends from OFFSET on. ASan sees it if a sender is not given back, or twice. */
static void add(struct senders *senders, uint64_t offset, uint32_t pid, bool overlaps)
{
	struct caller *caller = calloc(1, sizeof(*caller));

	assert_non_null(caller);
	caller->shared.references = 1;
	caller->process.pid = pid;
	assert_int_equal(senders_add(senders, (struct sender){offset, caller, overlaps}), 0);
}

static uint32_t pid_at(const struct senders *senders, uint64_t offset)
{
	int index = senders_find(senders, offset);

	return index < 0 ? 0 : senders_get(senders, (unsigned int)index)->caller->process.pid;
}

static void test_find(void **state)
{
	struct senders senders = {0};

	assert_int_equal(pid_at(&senders, 0), 0);
	add(&senders, 10, 1, false);
	add(&senders, 20, 2, true);
	add(&senders, 20, 3, true);
	add(&senders, 30, 4, false);
	add(&senders, 30, 5, false);
	assert_int_equal(pid_at(&senders, 9), 0);
	assert_int_equal(pid_at(&senders, 10), 1);
	assert_int_equal(pid_at(&senders, 20), 1); /* who began it, as far as is known */
	assert_int_equal(pid_at(&senders, 21), 3);
	assert_int_equal(pid_at(&senders, 30), 5);
	assert_int_equal(pid_at(&senders, UINT64_MAX), 5);
	senders_clear(&senders);
	assert_int_equal(pid_at(&senders, 30), 0);
}

static void test_late(void **state)
{
	struct senders senders = {0};

	add(&senders, 10, 1, false);
	add(&senders, 30, 2, false);
	add(&senders, 40, 3, false);
	add(&senders, 20, 4, false);
	assert_int_equal(senders.count, 2);
	assert_int_equal(pid_at(&senders, 19), 1);
	assert_int_equal(pid_at(&senders, 20), 4);
	assert_int_equal(pid_at(&senders, 50), 4);
	senders_clear(&senders);
}

static void test_drop(void **state)
{
	struct senders senders = {0};

	senders_drop_before(&senders, 5);
	add(&senders, 10, 1, false);
	add(&senders, 20, 2, true);
	add(&senders, 30, 3, false);
	senders_drop_before(&senders, 9);
	senders_drop_before(&senders, 20);
	assert_int_equal(senders.count, 3);
	senders_drop_before(&senders, 21);
	assert_int_equal(senders.count, 2);
	assert_int_equal(pid_at(&senders, 21), 2);
	senders_drop_before(&senders, UINT64_MAX);
	assert_int_equal(senders.count, 1);
	assert_int_equal(pid_at(&senders, 30), 3);
	senders_clear(&senders);
}

/* It has as much memory as it takes, and gives it back. */
static void test_memory(void **state)
{
	struct senders senders = {0};

	for (uint32_t i = 0; i < SENDERS_MAX; i++)
		add(&senders, i, i + 1, false);
	assert_false(senders.forgotten);
	assert_in_range(senders.room, SENDERS_MAX, 2 * SENDERS_MAX);
	for (uint32_t i = 0; i < SENDERS_MAX; i++)
		assert_int_equal(pid_at(&senders, i), i + 1);
	for (uint32_t i = 0; i < SENDERS_MAX; i++) {
		senders_drop_before(&senders, i);
		assert_int_equal(pid_at(&senders, i), i + 1);
		assert_true(senders.room < 8 || senders.room < 4 * senders.count + 4);
	}
	/* Where one comes and one goes it stays. */
	for (uint32_t i = SENDERS_MAX; i < 10 * SENDERS_MAX; i++) {
		add(&senders, i, i + 1, false);
		senders_drop_before(&senders, i);
		assert_int_equal(pid_at(&senders, i), i + 1);
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
		add(&senders, 10 * i, i + 1, false);
		assert_int_equal(senders.forgotten, i >= SENDERS_MAX);
	}
	assert_int_equal(senders.count, SENDERS_MAX);
	assert_int_equal(pid_at(&senders, 0), 1);
	assert_int_equal(pid_at(&senders, 39), 1); /* two to four are forgotten */
	assert_int_equal(pid_at(&senders, 40), 5);
	assert_int_equal(pid_at(&senders, UINT64_MAX), SENDERS_MAX + 3);
	senders_clear(&senders);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),	 cmocka_unit_test(test_late),
		cmocka_unit_test(test_drop),	 cmocka_unit_test(test_memory),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
