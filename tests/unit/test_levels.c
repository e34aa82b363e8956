// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "record/names.h"
#include "recording.h"
#include "where/levels.h"

static const struct setting_source nowhere = {"f", 1};

static void set(struct levels *levels, const char *name, const char *where, const char *level)
{
	char reason[200] = "";

	assert_int_equal(levels_set(levels, nowhere, name, NULL, NULL, reason, sizeof(reason)), 0);
	if (levels_set(levels, nowhere, name, "where", where, reason, sizeof(reason)))
		fail_msg("%s", reason);
	assert_int_equal(levels_set(levels, nowhere, name, "level", level, reason, sizeof(reason)),
			 0);
	assert_int_equal(levels_check(levels, reason, sizeof(reason)), 0);
}

static uint32_t awaited = CALLERD_UNSET_ID;

static bool user_asked(void *data, uint32_t uid)
{
	return uid == awaited;
}

static enum record_level level(const struct levels *levels, const struct record *record)
{
	struct record_context knowing = context;

	knowing.user_asked = user_asked;
	return levels_of(levels, SEVERITY_LOW, record, &knowing);
}

static void test_first_rule_decides(void **state)
{
	struct caller caller = {.process.euid = 0, .login_uid = 1000};
	struct record record = plain_request(&caller);
	struct levels *levels;

	assert_int_equal(levels_new(&levels), 0);
	assert_int_equal(level(levels, &record), LEVEL_FULL);
	set(levels, "bob", "user = bob", "none");
	assert_int_equal(level(levels, &record), LEVEL_FULL);
	set(levels, "alice", "user = alice", "request");
	assert_int_equal(level(levels, &record), LEVEL_REQUEST);
	set(levels, "all", "action", "metadata");
	assert_int_equal(level(levels, &record), LEVEL_REQUEST);
	caller.login_uid = 0;
	assert_int_equal(level(levels, &record), LEVEL_METADATA);
	caller.login_uid = 1001;
	assert_int_equal(level(levels, &record), LEVEL_NONE);
	levels_free(levels);
}

/* A finding is never hidden, nor what is not about a call. */
static void test_what_tells_all(void **state)
{
	struct finding finding = {.id = FINDING_PRUNE, .severity = SEVERITY_LOW};
	struct record_server server = {.change = SERVER_OTHER_USER};
	struct caller caller = {0};
	struct record record = plain_request(&caller);
	struct record event = {.action = RECORD_DOCKER_EVENT};
	struct record connected = {.action = RECORD_SOCKET_CONNECTED};
	struct record lost = {.action = RECORD_RECORDS_LOST};
	struct record changed = {.action = RECORD_SOCKET_CHANGED};
	struct levels *levels;

	assert_int_equal(levels_new(&levels), 0);
	set(levels, "all", "action", "none");
	assert_int_equal(level(levels, &record), LEVEL_NONE);
	record.api.findings = &finding;
	record.api.finding_count = 1;
	assert_int_equal(level(levels, &record), LEVEL_FULL);
	finding.severity = SEVERITY_INFO;
	assert_int_equal(level(levels, &record), LEVEL_NONE);
	assert_int_equal(levels_of(levels, SEVERITY_INFO, &record, &context), LEVEL_FULL);
	assert_int_equal(level(levels, &event), LEVEL_NONE);
	finding.severity = SEVERITY_CRITICAL;
	event.cause.findings = &finding;
	event.cause.finding_count = 1;
	assert_int_equal(level(levels, &event), LEVEL_FULL);
	assert_int_equal(level(levels, &connected), LEVEL_NONE);
	connected.server = &server;
	assert_int_equal(level(levels, &connected), LEVEL_FULL);
	assert_int_equal(level(levels, &lost), LEVEL_FULL);
	assert_int_equal(level(levels, &changed), LEVEL_FULL);
	levels_free(levels);
}

static void test_rules_that_may_fit(void **state)
{
	struct caller caller = {.process.euid = 4000, .login_uid = 4000};
	struct record record = plain_request(&caller);
	struct levels *levels;

	assert_int_equal(levels_new(&levels), 0);
	awaited = 4000;
	set(levels, "perhaps", "user = carla", "none");
	assert_int_equal(level(levels, &record), LEVEL_FULL);
	set(levels, "else", "action", "metadata");
	assert_int_equal(level(levels, &record), LEVEL_METADATA);
	awaited = CALLERD_UNSET_ID;
	assert_int_equal(level(levels, &record), LEVEL_METADATA);
	levels_free(levels);
	awaited = 4000;
	assert_int_equal(levels_new(&levels), 0);
	set(levels, "perhaps", "user = carla", "request");
	set(levels, "else", "action", "none");
	assert_int_equal(level(levels, &record), LEVEL_REQUEST);
	awaited = CALLERD_UNSET_ID;
	levels_free(levels);
}

/* What a record of each level has. */
static void test_what_is_told(void **state)
{
	static const struct record_fact fact = {.name = "privileged", .kind = FACT_TRUE};
	struct caller caller = {.login_uid = 1000, .ancestors = ancestors, .ancestor_count = 3};
	struct record record = plain_request(&caller);
	static const char *const names[] = {"\"parent\":{", "\"lineage\":\"",
					    "\"request\":{\"privileged\""};

	record.api.facts = &fact;
	record.api.fact_count = 1;
	for (enum record_level i = LEVEL_FULL; i < LEVEL_NONE; i++) {
		struct text out = {0};
		char told[40];

		record.level = i;
		assert_int_equal(ecs_write(&record, &context, &out), 0);
		snprintf(told, sizeof(told), "\"level\":\"%s\"", name_level(i));
		assert_int_equal(!strstr(out.data, told), i == LEVEL_FULL);
		assert_int_equal(!strstr(out.data, names[0]), i != LEVEL_FULL);
		assert_int_equal(!strstr(out.data, names[1]), i != LEVEL_FULL);
		assert_int_equal(!strstr(out.data, names[2]), i == LEVEL_METADATA);
		text_free(&out);
	}
}

static void refuses(struct levels *levels, const char *name, const char *key, const char *value,
		    const char *why)
{
	char reason[200] = "";

	assert_int_equal(levels_set(levels, nowhere, name, key, value, reason, sizeof(reason)),
			 -EINVAL);
	if (!strstr(reason, why))
		fail_msg("%s: not %s", reason, why);
}

static void test_mistakes(void **state)
{
	char reason[200] = "", name[8];
	struct levels *levels;

	assert_int_equal(levels_new(&levels), 0);
	refuses(levels, "", NULL, NULL, "1 to 40 bytes");
	refuses(levels, "a b", NULL, NULL, "made of letters");
	assert_int_equal(levels_set(levels, nowhere, "a", NULL, NULL, reason, sizeof(reason)), 0);
	assert_int_equal(levels_check(levels, reason, sizeof(reason)), -EINVAL);
	assert_non_null(strstr(reason, "[level a] has no where"));
	refuses(levels, "a", "where", "user = ", "where: at 8: a value is missing");
	refuses(levels, "a", "severity", "low", "unknown key \"severity\"");
	refuses(levels, "a", "level", "some", "it is full, request, metadata or none");
	assert_int_equal(levels_set(levels, nowhere, "a", "where", "pid", reason, sizeof(reason)),
			 0);
	refuses(levels, "a", "where", "pid", "given twice");
	assert_int_equal(levels_check(levels, reason, sizeof(reason)), -EINVAL);
	assert_non_null(strstr(reason, "[level a] has no level"));
	assert_int_equal(levels_set(levels, nowhere, "a", "level", "none", reason, sizeof(reason)),
			 0);
	refuses(levels, "a", "level", "none", "given twice");
	refuses(levels, "a", NULL, NULL, "there twice");
	for (int i = 1; i < LEVELS_RULES_MAX; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		set(levels, name, "pid", "full");
	}
	refuses(levels, "one-more", NULL, NULL, "too many rules (64 at most)");
	levels_free(levels);
	levels_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_rule_decides), cmocka_unit_test(test_what_tells_all),
		cmocka_unit_test(test_rules_that_may_fit), cmocka_unit_test(test_what_is_told),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
