// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <errno.h>

#include "naming.h"
#include "recording.h"
#include "where/where.h"

static uint32_t asked = CALLERD_UNSET_ID;

static bool user_asked(void *data, uint32_t uid)
{
	return uid == asked;
}

static enum where_answer answer_of(const char *text, const struct record *record)
{
	struct record_context knowing = context;
	struct text out = {0};
	struct fields fields;
	struct where *where;
	char reason[200] = "";
	enum where_answer answer;

	knowing.user_asked = user_asked;
	if (where_parse(text, &where, reason, sizeof(reason)))
		fail_msg("%s: %s", text, reason);
	assert_int_equal(fields_init(&fields, record, &knowing, IF_ASKED, &out), 0);
	answer = where_matches(where, &fields);
	/* The fields are as they were. */
	assert_int_equal(where_matches(where, &fields), answer);
	assert_int_equal(fields_free(&fields, 0), 0);
	text_free(&out);
	where_free(where);
	return answer;
}

static struct record whole_record(void)
{
	static const struct caller caller = {
		.process = {.pid = 4711,
			    .euid = 0,
			    .executable = BYTES("/usr/bin/docker"),
			    .args = BYTES("docker\0run\0--password\0hunter2\0-v\0/:/host\0")},
		.uid = 0,
		.login_uid = 1000,
		.basis = CALLER_FROM_KERNEL,
		.ancestors = ancestors,
		.ancestor_count = 3,
	};
	static const struct finding findings[] = {
		{FINDING_PRIVILEGED, SEVERITY_CRITICAL, BYTES("all capabilities")},
		{FINDING_HOST_NETWORK, SEVERITY_MEDIUM, {0}},
	};
	static struct bytes binds[] = {BYTES("/:/host"), BYTES("/srv:/srv")};
	static const struct record_fact facts[] = {
		{.name = "binds", .kind = FACT_LIST, .list = binds, .count = 2},
		{.name = "capabilities.add", .kind = FACT_TEXT, .text = BYTES("SYS_ADMIN")},
		{.name = "privileged", .kind = FACT_TRUE},
	};
	struct record record = plain_request(&caller);

	record.api.operation = operation_named("ContainerCreate");
	record.api.findings = findings;
	record.api.finding_count = 2;
	record.api.facts = facts;
	record.api.fact_count = 3;
	return record;
}

static void test_answers(void **state)
{
	static const struct {
		const char *text;
		enum where_answer answer;
	} table[] = {
		{"action = api-request", WHERE_YES},
		{"event.action == 'api-request'", WHERE_YES},
		{"action != api-request", WHERE_NO},
		{"operation in (ContainerList, ContainerCreate)", WHERE_YES},
		{"operation in (ContainerList,\"ContainerCreat\")", WHERE_NO},
		{"operation glob Container*", WHERE_YES},
		{"operation glob Container", WHERE_NO},
		{"operation matches ^Cont.*te$", WHERE_YES},
		{"operation matches \"^(Image|Exec)\"", WHERE_NO},
		{"exe startswith /usr/ and exe endswith docker", WHERE_YES},
		{"exe contains sbin", WHERE_NO},
		{"severity >= high", WHERE_YES},
		{"severity = critical", WHERE_YES},
		{"severity < 99", WHERE_NO},
		{"severity > critical", WHERE_NO},
		{"status = 201", WHERE_YES},
		{"status = \"201\"", WHERE_YES},
		{"status in (409, 201)", WHERE_YES},
		{"status < 200 or status >= 300", WHERE_NO},
		{"duration > 3ms and duration < 4ms", WHERE_YES},
		{"http.request.body.bytes > 1K", WHERE_YES},
		{"http.request.body.bytes >= 1M", WHERE_NO},
		{"pid = 4711", WHERE_YES},
		{"pid = -4711", WHERE_NO},
		{"effective_user = root and user = alice", WHERE_YES},
		{"user.effective.id = 0", WHERE_YES},
		{"user.id = 1000", WHERE_YES},
		{"not user = alice", WHERE_NO},
		{"not not user = alice", WHERE_YES},
		{"! (user = alice)", WHERE_NO},
		/* Any value of a list, any object of it. */
		{"finding = host-network", WHERE_YES},
		{"finding != host-network", WHERE_NO},
		{"finding = prune", WHERE_NO},
		{"finding != prune", WHERE_YES},
		{"callerd.findings.severity = medium", WHERE_YES},
		{"callerd.findings.severity < medium", WHERE_NO},
		{"callerd.findings.detail contains capabilities", WHERE_YES},
		{"callerd.findings", WHERE_YES},
		{"process.args = '***'", WHERE_YES},
		{"command contains hunter2",
		 WHERE_NO}, /* what a record does not tell is not asked for */
		{"process.parent.name = sudo", WHERE_YES},
		{"process.parent.args contains hunter", WHERE_NO},
		{"process.name = sudo", WHERE_NO},
		{"callerd.ancestors.name = systemd", WHERE_YES},
		{"callerd.ancestors.name = bash", WHERE_NO},
		{"callerd.ancestors.user.id = 0", WHERE_YES},
		{"callerd.ancestors.user.id > 0", WHERE_NO},
		{"callerd.request.binds = /:/host", WHERE_YES},
		{"callerd.request.binds glob /srv*", WHERE_YES},
		{"callerd.request.capabilities.add = SYS_ADMIN", WHERE_YES},
		{"callerd.request.privileged", WHERE_YES},
		{"callerd.request.privileged = true", WHERE_YES},
		{"callerd.request.pid_mode", WHERE_NO},
		/* What is not there is none of the values. */
		{"container", WHERE_NO},
		{"container = web", WHERE_NO},
		{"container != web", WHERE_YES},
		{"expected", WHERE_NO},
		{"callerd.docker_event.exit_code < 1", WHERE_NO},
		/* "and" binds more than "or", "not" most. */
		{"user = alice or user = bob and user = bob", WHERE_YES},
		{"(user = alice or user = bob) and user = bob", WHERE_NO},
		{"not user = bob and user = alice", WHERE_YES},
		{"user=alice and(not(user=bob))", WHERE_YES},
		{"client = 'Docker-Client/20.10.24 (linux)'", WHERE_YES},
		{"client contains \"24 (\"", WHERE_YES},
		{"client contains '\\''", WHERE_NO},
		{"client contains ''", WHERE_YES},
	};
	struct record record = whole_record();

	for (size_t i = 0; i < COUNT(table); i++)
		if (answer_of(table[i].text, &record) != table[i].answer)
			fail_msg("%s", table[i].text);
}

/* As long as a name is asked for, it may be any. */
static void test_names_to_come(void **state)
{
	struct caller caller = {.process.euid = 4000, .uid = 4000, .login_uid = 4000};
	struct record record = plain_request(&caller);
	struct caller connector = {.process = {.pid = 77, .euid = 4000}, .login_uid = 4000};

	assert_int_equal(answer_of("user = carla", &record), WHERE_NO);
	assert_int_equal(answer_of("user != carla", &record), WHERE_YES);
	asked = 4000;
	assert_int_equal(answer_of("user = carla", &record), WHERE_MAYBE);
	assert_int_equal(answer_of("not user = carla", &record), WHERE_MAYBE);
	assert_int_equal(answer_of("user = carla and pid = 1", &record), WHERE_NO);
	assert_int_equal(answer_of("user = carla or status = 201", &record), WHERE_YES);
	assert_int_equal(answer_of("user = carla and status = 201", &record), WHERE_MAYBE);
	assert_int_equal(answer_of("user.id = 4000", &record), WHERE_YES);
	/* Of other processes, too. */
	record.connector = &connector;
	assert_int_equal(answer_of("callerd.connector.user.name = carla", &record), WHERE_MAYBE);
	asked = CALLERD_UNSET_ID;
	assert_int_equal(answer_of("callerd.connector.user.name = carla", &record), WHERE_NO);
}

/* Who is in a container that callerd has no name of is in one with a name. */
static void test_containers_without_a_name(void **state)
{
	struct caller caller = {.cgroup = BYTES("/docker/" ID)};
	struct record record = plain_request(&caller);

	assert_int_equal(answer_of("container.id", &record), WHERE_YES);
	assert_int_equal(answer_of("container", &record), WHERE_MAYBE);
	assert_int_equal(answer_of("container != web and image != traefik", &record), WHERE_MAYBE);
	record.container_name = (struct bytes)BYTES("web");
	assert_int_equal(answer_of("container = web", &record), WHERE_YES);
	assert_int_equal(answer_of("container = db", &record), WHERE_NO);
}

/* What the records that are told as one do not have in common may be of each. */
static void test_counted_records(void **state)
{
	struct caller caller = {0};
	struct record record = plain_request(&caller);

	record.http.target = record.http.user_agent = (struct bytes){0};
	record.connection.id = 0;
	record.fold_count = 3;
	record.fold_different = 1; /* equal ones: there was none */
	assert_int_equal(answer_of("client = curl", &record), WHERE_NO);
	assert_int_equal(answer_of("callerd.connection.id = 5", &record), WHERE_MAYBE);
	record.fold_different = 2;
	assert_int_equal(answer_of("client = curl", &record), WHERE_MAYBE);
	assert_int_equal(answer_of("target = prod-db", &record), WHERE_MAYBE);
	assert_int_equal(answer_of("not target = prod-db", &record), WHERE_MAYBE);
	assert_int_equal(answer_of("url.original contains prod", &record), WHERE_MAYBE);
	assert_int_equal(answer_of("message contains prod-db", &record), WHERE_MAYBE);
	/* That they have in common. */
	assert_int_equal(answer_of("http.request.method = PATCH", &record), WHERE_NO);
	assert_int_equal(answer_of("status = 599", &record), WHERE_NO);
	assert_int_equal(answer_of("pid = 77", &record), WHERE_NO);
	assert_int_equal(answer_of("callerd.docker_event.action = die", &record), WHERE_NO);

	record = (struct record){
		.action = RECORD_DOCKER_EVENT, .fold_count = 3, .fold_different = 2};
	assert_int_equal(answer_of("callerd.docker_event.action = exec_start", &record),
			 WHERE_MAYBE);
	assert_int_equal(answer_of("event.type = start", &record), WHERE_MAYBE);
	assert_int_equal(answer_of("client = curl", &record), WHERE_NO);
}

/* Nobody stops the agent by a text that he chooses. */
static void test_pattern_that_takes_long(void **state)
{
	static char text[4000];
	struct caller caller = {0};
	struct record record = plain_request(&caller);

	memset(text, 'a', sizeof(text));
	record.http.user_agent = (struct bytes){text, sizeof(text)};
	assert_int_equal(answer_of("client matches '^(a+)+$'", &record), WHERE_YES);
	text[sizeof(text) - 1] = 'b';
	assert_int_equal(answer_of("client matches '^(a+)+$'", &record), WHERE_MAYBE);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "sudo"[i % 4];
	text[sizeof(text) / 2] = '-';
	text[sizeof(text) - 1] = 'i';
	assert_int_equal(answer_of("client matches 'sudo.*-i'", &record), WHERE_MAYBE);
	memset(text, 'a', sizeof(text));
	assert_int_equal(answer_of("client glob *a*a*a*a*a*a*a*c", &record), WHERE_NO);
}

static void test_records_without_a_caller(void **state)
{
	struct record lost = {
		.action = RECORD_RECORDS_LOST, .lost_reason = "ring-full", .lost_count = 3};
	struct record_counter counters[] = {{"records", 7}};
	struct record told = {
		.action = RECORD_AGENT_STATUS, .counters = counters, .counter_count = 1};

	assert_int_equal(answer_of("callerd.lost.count = 3 and not user", &lost), WHERE_YES);
	assert_int_equal(
		answer_of("callerd.ancestors.name = bash or process.parent.pid = 1", &lost),
		WHERE_NO);
	assert_int_equal(answer_of("callerd.status.records > 6", &told), WHERE_YES);
	assert_int_equal(answer_of("callerd.status.records > 7", &told), WHERE_NO);
}

static void refused(const char *text, const char *why)
{
	char reason[200] = "";
	struct where *where;

	assert_int_equal(where_parse(text, &where, reason, sizeof(reason)), -EINVAL);
	if (!strstr(reason, why))
		fail_msg("%s: %s, not %s", text, reason, why);
}

static void test_mistakes(void **state)
{
	char text[WHERE_SIZE_MAX + 2] = "";

	refused("", "at 1: a field is missing");
	refused("user = root and", "at 16: a field is missing");
	refused("users = root", "at 1: \"users\" is no field");
	refused("user =", "at 7: a value is missing");
	refused("user = root bob", "at 13: \"and\", \"or\" or the end");
	refused("(user = root", "\")\" is missing");
	refused("user = root)", "the end was expected");
	refused("user in root", "parentheses");
	refused("user in (root bob)", "\")\" is missing");
	refused("user in ()", "a value is missing");
	refused("user = \"root", "a quote without its end");
	refused("process = docker", "is no field");
	refused("process.parent = 1", "is no field");
	refused("callerd.request = 1", "is no field");
	refused("priority = 1", "is no field"); /* of the journal alone */
	refused("status > ok", "a number");
	refused("status > 10parsecs", "a number");
	refused("severity = grave", "a severity is");
	refused("status > 99999999999999999999", "a number");
	refused("duration > 9999999999999d", "a number");
	refused("client matches '('", "at 16: ");
	refused("\"user\" = root", "a field is missing");
	memset(text, '(', sizeof(text) - 1);
	refused(text, "more than 4094 bytes");
	text[1000] = '\0';
	refused(text, "more than 32 parentheses");
	text[0] = '\0';
	for (int i = 0; i < 300; i++)
		strcat(text, i ? " or pid" : "pid");
	refused(text, "more than 256");
	text[0] = '\0';
	for (int i = 0; i < 300; i++)
		strcat(text, i ? ",1" : "pid in (1");
	strcat(text, ")");
	refused(text, "more than 256 values");
}

static void see_name(void *data, const char *name, const char *path)
{
	struct field_path places[4];

	assert_true(fields_find_all(path, places, COUNT(places)));
	assert_true(strcmp(name, *(const char **)data) > 0); /* in their order */
	*(const char **)data = name;
}

static void test_short_names(void **state)
{
	const char *last = "";

	where_walk_names(&last, see_name);
	assert_string_equal(last, "user");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_names_to_come),
		cmocka_unit_test(test_containers_without_a_name),
		cmocka_unit_test(test_counted_records),
		cmocka_unit_test(test_pattern_that_takes_long),
		cmocka_unit_test(test_records_without_a_caller),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_short_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
