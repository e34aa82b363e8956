// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* The agent's, in this file: it is not in the library. */
#include "agent/output.c"

static struct output parsed(const char *spec)
{
	struct output output;
	char reason[256] = "";

	if (output_parse(spec, &output, reason, sizeof(reason)))
		fail_msg("%s: %s", spec, reason);
	return output;
}

static void test_defaults(void **state)
{
	struct output output = parsed("file:/var/log/callerd.ndjson");

	assert_string_equal(output.where, "file:/var/log/callerd.ndjson");
	assert_int_equal(output.format, FORMAT_ECS);
	assert_false(output.has_format);
	assert_int_equal(output.min_severity, 0);
	assert_int_equal(output.actions, 0);
	assert_null(output.findings);
	assert_null(output.users);
	output_free(&output);
}

static void test_choices(void **state)
{
	struct output output = parsed("stdout,format=cef,min-severity=high,actions=api-request+"
				      "records-lost,findings=privileged+device,users=alice+1000");

	assert_string_equal(output.where, "stdout");
	assert_int_equal(output.format, FORMAT_CEF);
	assert_true(output.has_format);
	assert_int_equal(output.min_severity, 80);
	assert_int_equal(output.actions, 1u << RECORD_API_REQUEST | 1u << RECORD_RECORDS_LOST);
	assert_string_equal(output.findings, "privileged+device");
	assert_string_equal(output.users, "alice+1000");
	output_free(&output);
}

static void test_refused(void **state)
{
	static const struct {
		const char *spec, *why;
	} cases[] = {
		{"", NULL}, /* that is for the sink to refuse */
		{"stdout,", NULL},
		{"stdout,format", "there is no such option"},
		{"stdout,format=", "it is ecs, human"},
		{"stdout,format=ECS", "it is ecs, human"},
		{"stdout,colour=red", "there is no such option"},
		{"stdout,min-severity=", "it is 0 to 100"},
		{"stdout,min-severity=101", "it is 0 to 100"},
		{"stdout,min-severity=-1", "it is 0 to 100"},
		{"stdout,min-severity=5x", "it is 0 to 100"},
		{"stdout,actions=", "it names no action"},
		{"stdout,actions=api-request+nothing", "there is no such action"},
		{"stdout,findings=privileged+nothing", "there is no such finding"},
		{"stdout,findings=", "it names no finding"},
		{"stdout,users=", "it names no user"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct output output;
		char reason[256] = "";
		int error = output_parse(cases[i].spec, &output, reason, sizeof(reason));

		output_free(&output);
		if (error != (cases[i].why ? -EINVAL : 0) ||
		    (cases[i].why && !strstr(reason, cases[i].why)))
			fail_msg("%s: %d %s", cases[i].spec, error, reason);
	}
}

/* --- what goes there -------------------------------------------------------------------------- */

static bool name_user(void *data, uint32_t uid, char *name, size_t size)
{
	snprintf(name, size, "%s", uid == 1000 ? "alice" : "");
	return uid == 1000;
}

static const struct record_context context = {.user_name = name_user};

static bool takes(const char *spec, const struct record *record)
{
	struct output output = parsed(spec);
	bool taken = output_takes(&output, record, &context);

	output_free(&output);
	return taken;
}

static void test_severities(void **state)
{
	struct record grave = {.action = RECORD_API_REQUEST, .api.severity = 100};
	struct record usual = {.action = RECORD_API_REQUEST};
	struct record housekeeping = {.action = RECORD_AGENT_STATUS};
	struct record lost = {.action = RECORD_RECORDS_LOST};

	assert_true(takes("stdout,min-severity=critical", &grave));
	assert_false(takes("stdout,min-severity=21", &usual));
	assert_true(takes("stdout,min-severity=20", &usual));
	assert_false(takes("stdout,min-severity=1", &housekeeping));
	assert_true(takes("stdout,min-severity=0", &housekeeping));
	assert_true(takes("stdout,min-severity=100", &lost)); /* whoever filters has to know, too */
}

static void test_actions(void **state)
{
	struct record request = {.action = RECORD_API_REQUEST};
	struct record event = {.action = RECORD_DOCKER_EVENT};
	struct record lost = {.action = RECORD_RECORDS_LOST};

	assert_true(takes("stdout,actions=docker-event", &event));
	assert_false(takes("stdout,actions=docker-event", &request));
	assert_false(takes("stdout,actions=docker-event", &lost));
	assert_true(takes("stdout,actions=docker-event+records-lost", &lost));
}

static void test_findings(void **state)
{
	struct record_finding findings[] = {{"device", "high", {0}}, {"privileged", "high", {0}}};
	struct record record = {
		.action = RECORD_API_REQUEST,
		.api = {.findings = findings, .finding_count = 2},
	};

	assert_true(takes("stdout,findings=privileged", &record));
	assert_true(takes("stdout,findings=plugin+device", &record));
	assert_false(takes("stdout,findings=plugin", &record));
	record.api.finding_count = 0;
	assert_false(takes("stdout,findings=privileged", &record));
}

static void test_users(void **state)
{
	struct caller caller = {.process.euid = 0, .login_uid = 1000};
	struct record record = {.action = RECORD_API_REQUEST, .caller = &caller};
	struct record nobody = {.action = RECORD_API_REQUEST};

	assert_true(takes("stdout,users=alice", &record));
	assert_true(takes("stdout,users=bob+1000", &record));
	assert_true(takes("stdout,users=0", &record));
	assert_false(takes("stdout,users=bob+100", &record));
	assert_false(takes("stdout,users=alice", &nobody));
	caller.login_uid = CALLERD_UNSET_ID;
	assert_false(takes("stdout,users=alice+4294967295", &record));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_choices),
		cmocka_unit_test(test_refused),	 cmocka_unit_test(test_severities),
		cmocka_unit_test(test_actions),	 cmocka_unit_test(test_findings),
		cmocka_unit_test(test_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
