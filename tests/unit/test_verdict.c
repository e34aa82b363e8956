// SPDX-License-Identifier: Apache-2.0
/* What is kept of the findings and facts of one request, and the memory that they lie in. */
#include "unit.h"

#include "base/text.h"
#include "docker/judge/verdict.h"

/* --- the pool --------------------------------------------------------------------------------- */

static bool is_zeroed(const char *memory, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i])
			return false;
	return true;
}

/* Sizes around that of a block, in an order that leaves rests. */
static void test_pool(void **state)
{
	static const size_t sizes[] = {0,    1,	   8,	 33,   100, 2000, 40,	2048, 1,
				       2049, 2047, 5000, 1984, 32,  31,	  4096, 16,   1 << 20};
	enum { TIMES = 3, SIZES = sizeof(sizes) / sizeof(*sizes) };
	char *taken[TIMES * SIZES];
	struct pool pool = {0};

	for (unsigned int i = 0; i < TIMES * SIZES; i++) {
		size_t size = sizes[i % SIZES];

		taken[i] = pool_take(&pool, size);
		assert_non_null(taken[i]);
		assert_int_equal((uintptr_t)taken[i] % _Alignof(max_align_t), 0);
		assert_true(is_zeroed(taken[i], size));
		memset(taken[i], (int)i + 1, size);
	}
	/* Each kept what it was given. */
	for (unsigned int i = 0; i < TIMES * SIZES; i++)
		for (size_t at = 0; at < sizes[i % SIZES]; at++)
			assert_int_equal((unsigned char)taken[i][at], i + 1);
	assert_false(pool.failed);
	pool_free(&pool);
	assert_null(pool.blocks);
	assert_non_null(pool_take(&pool, 8)); /* and is as new */
	pool_free(&pool);
	pool_free(&pool);
}

static void test_pool_copy(void **state)
{
	static const char text[] = "a\0b";
	struct pool pool = {0};
	struct bytes copy = pool_copy(&pool, (struct bytes){text, 3});

	assert_int_equal(copy.size, 3);
	assert_ptr_not_equal(copy.data, text);
	assert_memory_equal(copy.data, text, sizeof(text)); /* the NUL behind it, too */
	copy = pool_copy(&pool, (struct bytes){0});
	assert_int_equal(copy.size, 0);
	assert_string_equal(copy.data, "");
	pool_free(&pool);
}

/* --- findings --------------------------------------------------------------------------------- */

static unsigned int count_of(const struct verdict *verdict, enum finding_id id)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < verdict->finding_count; i++)
		count += verdict->findings[i].id == id;
	return count;
}

static bool has(const struct verdict *verdict, enum finding_id id, enum finding_severity severity,
		const char *detail)
{
	for (unsigned int i = 0; i < verdict->finding_count; i++) {
		const struct finding *finding = &verdict->findings[i];

		if (finding->id == id && finding->severity == severity &&
		    bytes_equal(finding->detail, bytes_of(detail)))
			return true;
	}
	return false;
}

static void test_add(void **state)
{
	struct verdict verdict = {0};

	verdict_add(&verdict, FINDING_CAP_ADD, SEVERITY_NONE, "capability %s", "X");
	assert_true(has(&verdict, FINDING_CAP_ADD, SEVERITY_MEDIUM, "capability X"));
	verdict_add(&verdict, FINDING_CAP_ADD, SEVERITY_LOW, "capability %s", "Y");
	assert_true(has(&verdict, FINDING_CAP_ADD, SEVERITY_LOW, "capability Y"));
	/* Once for each kind and detail, as grave as it ever was. */
	verdict_add(&verdict, FINDING_CAP_ADD, SEVERITY_LOW, "capability X");
	assert_true(has(&verdict, FINDING_CAP_ADD, SEVERITY_MEDIUM, "capability X"));
	verdict_add(&verdict, FINDING_CAP_ADD, SEVERITY_HIGH, "capability X");
	assert_true(has(&verdict, FINDING_CAP_ADD, SEVERITY_HIGH, "capability X"));
	assert_int_equal(verdict.finding_count, 2);
	verdict_add(&verdict, FINDING_DEVICE, SEVERITY_HIGH, "capability X");
	assert_int_equal(verdict.finding_count, 3);
	verdict_free(&verdict);
}

static void test_add_finding(void **state)
{
	char detail[] = "as it stands: %s";
	struct verdict verdict = {0};
	struct finding finding = {FINDING_PRIVILEGED, SEVERITY_LOW, bytes_of(detail)};

	verdict_add_finding(&verdict, &finding);
	memset(detail, 'x', sizeof(detail));
	assert_true(has(&verdict, FINDING_PRIVILEGED, SEVERITY_LOW, "as it stands: %s"));
	finding.detail = (struct bytes){0};
	verdict_add_finding(&verdict, &finding);
	assert_true(has(&verdict, FINDING_PRIVILEGED, SEVERITY_LOW, ""));
	verdict_free(&verdict);
}

/* A few of one kind, the gravest. */
static void test_per_kind(void **state)
{
	struct verdict verdict = {0};

	for (unsigned int i = 0; i < 20; i++)
		verdict_add(&verdict, FINDING_CAP_ADD, SEVERITY_LOW, "%u", i);
	assert_int_equal(count_of(&verdict, FINDING_CAP_ADD), VERDICT_PER_ID_MAX);
	verdict_add(&verdict, FINDING_CAP_ADD, SEVERITY_CRITICAL, "critical");
	verdict_add(&verdict, FINDING_CAP_ADD, SEVERITY_INFO, "info");
	assert_int_equal(count_of(&verdict, FINDING_CAP_ADD), VERDICT_PER_ID_MAX);
	assert_true(has(&verdict, FINDING_CAP_ADD, SEVERITY_CRITICAL, "critical"));
	assert_false(has(&verdict, FINDING_CAP_ADD, SEVERITY_INFO, "info"));
	for (unsigned int i = 0; i < 20; i++)
		verdict_add(&verdict, FINDING_CAP_ADD, SEVERITY_HIGH, "high %u", i);
	assert_true(has(&verdict, FINDING_CAP_ADD, SEVERITY_CRITICAL, "critical"));
	for (unsigned int i = 0; i < VERDICT_PER_ID_MAX - 1; i++) {
		char detail[32];

		snprintf(detail, sizeof(detail), "high %u", i);
		assert_true(has(&verdict, FINDING_CAP_ADD, SEVERITY_HIGH, detail));
	}
	/* Others are not in its way. */
	verdict_add(&verdict, FINDING_DEVICE, SEVERITY_INFO, "x");
	assert_int_equal(count_of(&verdict, FINDING_DEVICE), 1);
	verdict_free(&verdict);
}

/* As many as there is room for, the gravest. */
static void test_full(void **state)
{
	struct verdict verdict = {0};

	for (unsigned int i = 0; i < VERDICT_FINDINGS_MAX; i++)
		verdict_add(&verdict, (enum finding_id)(FINDING_PRIVILEGED + i % 8),
			    SEVERITY_MEDIUM, "%u", i);
	assert_int_equal(verdict.finding_count, VERDICT_FINDINGS_MAX);
	verdict_add(&verdict, FINDING_PRUNE, SEVERITY_LOW, "low");
	verdict_add(&verdict, FINDING_PRUNE, SEVERITY_MEDIUM, "medium");
	assert_int_equal(count_of(&verdict, FINDING_PRUNE), 0);
	for (unsigned int i = 0; i < VERDICT_PER_ID_MAX; i++)
		verdict_add(&verdict, FINDING_PLUGIN, SEVERITY_CRITICAL, "%u", i);
	assert_int_equal(count_of(&verdict, FINDING_PLUGIN), VERDICT_PER_ID_MAX);
	assert_int_equal(verdict.finding_count, VERDICT_FINDINGS_MAX);
	verdict_free(&verdict);
}

static void test_long_detail(void **state)
{
	struct verdict verdict = {0};
	char detail[2000];

	memset(detail, 'x', sizeof(detail));
	verdict_add(&verdict, FINDING_DEVICE, SEVERITY_NONE, "%.*s", (int)sizeof(detail), detail);
	assert_in_range(verdict.findings[0].detail.size, 400, 600);
	assert_memory_equal(verdict.findings[0].detail.data, detail,
			    verdict.findings[0].detail.size);
	verdict_free(&verdict);
}

/* --- facts ------------------------------------------------------------------------------------ */

static void test_facts(void **state)
{
	struct verdict verdict = {0};

	for (unsigned int i = 0; i < VERDICT_FACTS_MAX; i++) {
		struct record_fact *fact = verdict_fact(&verdict, "x", FACT_LIST);

		assert_ptr_equal(fact, &verdict.facts[i]);
		assert_int_equal(fact->kind, FACT_LIST);
		assert_string_equal(fact->name, "x");
		fact->cut = true;
	}
	assert_null(verdict_fact(&verdict, "x", FACT_TRUE));
	assert_int_equal(verdict.fact_count, VERDICT_FACTS_MAX);
	assert_false(verdict_list(&verdict, NULL, 3));
	/* Used again, as new. */
	verdict.fact_count = 0;
	assert_false(verdict_fact(&verdict, "y", FACT_TEXT)->cut);
	verdict_free(&verdict);
}

static void test_list(void **state)
{
	struct verdict verdict = {0};
	struct record_fact *fact = verdict_fact(&verdict, "x", FACT_LIST);

	assert_true(verdict_list(&verdict, fact, 2));
	verdict_append(&verdict, fact, bytes_of("a"));
	verdict_append(&verdict, fact, bytes_of(""));
	assert_false(fact->cut);
	verdict_append(&verdict, fact, bytes_of("c"));
	assert_true(fact->cut);
	assert_int_equal(fact->count, 2);
	assert_true(bytes_equal(fact->list[0], bytes_of("a")));
	assert_int_equal(fact->list[1].size, 0);

	fact = verdict_fact(&verdict, "x", FACT_LIST);
	assert_true(verdict_list(&verdict, fact, 100000));
	assert_int_equal(fact->room, VERDICT_LIST_MAX);
	for (unsigned int i = 0; i < VERDICT_LIST_MAX; i++)
		verdict_append(&verdict, fact, bytes_of("x"));
	assert_false(fact->cut);
	verdict_append(&verdict, fact, bytes_of("x"));
	assert_true(fact->cut);
	assert_int_equal(fact->count, VERDICT_LIST_MAX);
	verdict_free(&verdict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),	    cmocka_unit_test(test_pool_copy),
		cmocka_unit_test(test_add),	    cmocka_unit_test(test_add_finding),
		cmocka_unit_test(test_per_kind),    cmocka_unit_test(test_full),
		cmocka_unit_test(test_long_detail), cmocka_unit_test(test_facts),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
