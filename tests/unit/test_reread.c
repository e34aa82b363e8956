// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "format/reread.h"
#include "recording.h"
#include "where/levels.h"
#include "where/where.h"

static const struct finding finding = {FINDING_PRIVILEGED, SEVERITY_CRITICAL, BYTES("all of it")};
static struct bytes binds[] = {BYTES("/etc:/e"), BYTES("/srv:/s")};
static const struct record_fact facts[] = {
	{.name = "binds", .kind = FACT_LIST, .list = binds, .count = 2},
	{.name = "capabilities.add", .kind = FACT_TEXT, .text = BYTES("SYS_ADMIN")},
	{.name = "privileged", .kind = FACT_TRUE},
};

static struct record full_request(const struct caller *caller)
{
	struct record record = plain_request(caller);

	record.api.findings = &finding;
	record.api.finding_count = 1;
	record.api.facts = facts;
	record.api.fact_count = COUNT(facts);
	record.api.operation = OPERATION_ContainerCreate;
	return record;
}

/* The answer of the record's own fields, and of those of its line. */
static enum where_answer answer(const char *text, const struct record *record, bool line)
{
	struct text out = {0}, scratch = {0};
	struct reread reread = {0};
	struct where *where = NULL;
	struct fields fields;
	char reason[200] = "";
	enum where_answer ret;

	if (where_parse(text, &where, reason, sizeof(reason)))
		fail_msg("%s: %s", text, reason);
	assert_int_equal(ecs_write(record, &context, &out), 0);
	assert_int_equal(reread_read(&reread, (struct bytes){out.data, out.size - 1}), 0);
	assert_int_equal(reread.record.action, record->action);
	if (line)
		reread_fields(&reread, &fields, &scratch);
	else
		assert_int_equal(fields_init(&fields, record, &context, IF_ASKED, &scratch), 0);
	ret = where_matches(where, &fields);
	assert_int_equal(fields_free(&fields, 0), 0);
	where_free(where);
	reread_free(&reread);
	text_free(&out);
	text_free(&scratch);
	return ret;
}

static const char *const expressions[] = {
	"action = api-request",
	"action = docker-event",
	"severity >= high",
	"severity = 20",
	"severity < critical",
	"callerd.findings.severity >= high",
	"callerd.findings.severity < low",
	"finding",
	"finding = privileged",
	"finding != privileged",
	"finding in (prune, privileged)",
	"type = access",
	"type in (change, creation)",
	"operation = ContainerCreate and not expected",
	"user = alice",
	"user.id = 1000",
	"user.id < 1000",
	"pid = 4711",
	"pid > 1",
	"command contains docker",
	"callerd.request.binds startswith /etc",
	"callerd.request.binds endswith :/s",
	"callerd.request.binds = /nothing",
	"callerd.request.capabilities.add = SYS_ADMIN",
	"callerd.request.privileged",
	"callerd.request.tty",
	"callerd.ancestors.name = sudo",
	"callerd.ancestors.executable matches '/s(udo|u)$'",
	"process.parent.name glob s?do",
	"process.args = nothing",
	"status >= 400",
	"status < 400",
	"event.sequence >= 1",
	"event.duration > 1s",
	"url.original contains containers",
	"callerd.cause.kind",
	"callerd.status.records > 3",
	"agent.version = \"0.1.0\"",
};

/* A line answers as the record that it is of, unless it does not say it. */
static void test_same_answers(void **state)
{
	struct caller caller = {
		.process = {.pid = 4711, .euid = 1000, .args = BYTES("docker\0run\0")},
		.login_uid = 1000,
		.ancestors = ancestors,
		.ancestor_count = 3,
	};
	struct record records[] = {full_request(&caller), {.action = RECORD_DOCKER_EVENT}};
	unsigned int unsure = 0; /* of what such a line says in brief */

	for (size_t i = 0; i < COUNT(expressions); i++)
		for (size_t j = 0; j < COUNT(records); j++) {
			enum where_answer line = answer(expressions[i], &records[j], true);

			unsure += line == WHERE_MAYBE;
			if (line != WHERE_MAYBE &&
			    line != answer(expressions[i], &records[j], false))
				fail_msg("%s of record %zu", expressions[i], j);
		}
	assert_true(unsure < 8);
}

/* What a record does not have since a level, or a count, left it out may have been anything. */
static void test_what_was_left_out(void **state)
{
	struct caller caller = {
		.process = {.pid = 4711, .euid = 4711},
		.login_uid = CALLERD_UNSET_ID,
		.ancestors = ancestors,
		.ancestor_count = 3,
	};
	struct record record = full_request(&caller);

	assert_int_equal(answer("callerd.request.tty", &record, true), WHERE_NO);
	assert_int_equal(answer("user = dave", &record, true), WHERE_MAYBE);
	assert_int_equal(answer("not user = dave", &record, true), WHERE_MAYBE);
	assert_int_equal(answer("user.id = 4711", &record, true), WHERE_YES);
	record.level = LEVEL_METADATA;
	assert_int_equal(answer("callerd.request.tty", &record, true), WHERE_MAYBE);
	assert_int_equal(answer("callerd.ancestors.name = cron", &record, true), WHERE_MAYBE);
	assert_int_equal(answer("operation = ContainerCreate", &record, true), WHERE_YES);
	record.level = LEVEL_FULL;
	record.http.user_agent = (struct bytes){0};
	assert_int_equal(answer("client = curl", &record, true), WHERE_NO);
	record.fold_count = record.fold_different = 2;
	assert_int_equal(answer("client = curl", &record, true), WHERE_MAYBE);
	assert_int_equal(answer("callerd.findings = x", &record, true), WHERE_MAYBE);
}

static void test_not_a_record(void **state)
{
	static const char *const lines[] = {
		"",
		"{",
		"{}",
		"[]",
		"1",
		"{\"event\":{\"module\":\"callerd\"}}",
		"{}}",
		"{\"event\":{\"module\":\"callerd\",\"action\":\"what\"}}",
		"{\"event\":{\"module\":\"other\",\"action\":\"api-request\"}}",
		"{\"event\":{\"module\":\"callerd\",\"action\":\"api-request\"}} x",
	};
	struct reread reread = {0};

	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(reread_read(&reread, bytes_of(lines[i])), -EINVAL);
	assert_int_equal(reread_read(&reread, bytes_of("{\"event\":{\"module\":\"callerd\","
						       "\"action\":\"api-request\"}}")),
			 0);
	reread_free(&reread);
}

/* A finding of a line is never less than all, and none that is not known is harmless. */
static void test_levels_of_a_line(void **state)
{
	static const char odd[] = "{\"event\":{\"module\":\"callerd\",\"action\":\"api-request\"},"
				  "\"callerd\":{\"findings\":[{\"severity\":\"odd\"}]}}";
	static const char plain[] =
		"{\"event\":{\"module\":\"callerd\",\"action\":\"api-request\"}}";
	struct levels_decision decision;
	struct reread reread = {0};
	struct levels *levels;
	struct text scratch = {0};
	struct fields fields;
	char reason[100];

	assert_int_equal(levels_new(&levels), 0);
	assert_int_equal(levels_set(levels, (struct setting_source){0}, "all", NULL, NULL, reason,
				    sizeof(reason)),
			 0);
	levels_set(levels, (struct setting_source){0}, "all", "where", "action", reason,
		   sizeof(reason));
	levels_set(levels, (struct setting_source){0}, "all", "level", "none", reason,
		   sizeof(reason));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(reread_read(&reread, bytes_of(i ? odd : plain)), 0);
		reread_fields(&reread, &fields, &scratch);
		levels_decide(levels, SEVERITY_LOW, &reread.record, &fields, &decision);
		assert_int_equal(decision.level, i ? LEVEL_FULL : LEVEL_NONE);
		assert_int_equal(fields_free(&fields, 0), 0);
	}
	assert_string_equal(levels_rule(levels, 0), "all");
	assert_null(levels_rule(levels, 1));
	levels_free(levels);
	reread_free(&reread);
	text_free(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_answers),
		cmocka_unit_test(test_what_was_left_out),
		cmocka_unit_test(test_not_a_record),
		cmocka_unit_test(test_levels_of_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
