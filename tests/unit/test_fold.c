// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "fold/fold.h"
#include "recording.h"

#define MINUTE (60 * NS_PER_S)

/* What was written. */
static struct told {
	enum record_action action;
	enum record_level level;
	uint64_t owed, count, first, last, different, connections, refused, duration, connection;
	uint64_t pid;
	int status;
	char target[64], url[64], rule[32], command[32];
	enum engine_action act;
} told[600];
static unsigned int told_count;

static void copy(char *at, size_t size, struct bytes text)
{
	snprintf(at, size, "%.*s", (int)text.size, text.data ?: "");
}

static void tell(void *data, struct record *record, uint64_t owed)
{
	struct told *one = &told[told_count++];

	assert_true(told_count <= COUNT(told));
	*one = (struct told){
		.action = record->action,
		.level = record->level,
		.owed = owed,
		.count = record->fold_count,
		.first = record->fold_first,
		.last = record->fold_last,
		.different = record->fold_different,
		.connections = record->fold_connections,
		.refused = record->refused_count,
		.duration = record->http.duration,
		.connection = record->connection.id,
		.pid = record->caller ? record->caller->process.pid : 0,
		.status = record->http.status,
		.act = record->event.act,
	};
	copy(one->target, sizeof(one->target), record->api.target_name);
	copy(one->url, sizeof(one->url), record->http.target);
	copy(one->rule, sizeof(one->rule), bytes_of(record->api.expected_rule));
	copy(one->command, sizeof(one->command), record->event.command);
}

static struct fold *fold_of_minutes(void)
{
	struct fold *fold;

	told_count = 0;
	assert_int_equal(fold_new(&(struct fold_options){.tell = tell}, &fold), 0);
	fold_set(fold, MINUTE);
	return fold;
}

/* A process, made anew as often as it is asked for. */
static struct caller *process(uint32_t pid, uint32_t uid, const char *args, uint32_t tid)
{
	static const char parents[] = "bash";
	struct caller draft;
	struct process above[1];
	char text[64];
	size_t size = strlen(args) + 1;

	memset(&draft, 0, sizeof(draft));
	memset(above, 0, sizeof(above));
	above[0].pid = 1;
	above[0].name = bytes_of(parents);
	memcpy(text, args, size);
	draft.process.pid = pid;
	draft.process.euid = uid;
	draft.process.args = (struct bytes){text, size};
	draft.tid = tid;
	return caller_new(&draft, caller_lineage_new(above, 1, parents, sizeof(parents)), text,
			  size);
}

static struct record polling(const struct caller *caller, uint64_t time)
{
	return (struct record){
		.action = RECORD_API_REQUEST,
		.time = time,
		.caller = caller,
		.connection = {7, BYTES("/run/docker.sock"), false, 1},
		.http = {.method = BYTES("GET"),
			 .verb = METHOD_GET,
			 .target = BYTES("/containers/json"),
			 .status = 200,
			 .has_duration = true,
			 .duration = time % 1000},
		.api.operation = OPERATION_ContainerList,
	};
}

/* The first is told at once, the others by their count, and after an hour there is a first one again. */
static void test_polls_are_counted(void **state)
{
	struct fold *fold = fold_of_minutes();
	uint64_t now = NS_PER_S;

	for (int i = 0; i < 5; i++, now += NS_PER_S) {
		struct caller *caller = process(40, 1000, "poll", (uint32_t)i);
		struct record record = polling(caller, now + (uint64_t)i);

		record.connection.id = (uint64_t)(100 + i);
		assert_int_equal(fold_take(fold, &record, now), i > 0);
		caller_unref(caller); /* the count has its own */
		fold_run(fold, now);
	}
	assert_int_equal(told_count, 0);
	fold_run(fold, 2 * NS_PER_S + MINUTE);
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].count, 4);
	assert_int_equal(told[0].owed, 4);
	assert_int_equal(told[0].first, 2 * NS_PER_S + 1);
	assert_int_equal(told[0].last, 5 * NS_PER_S + 4);
	assert_int_equal(told[0].different, 1);
	assert_int_equal(told[0].duration, 4);
	assert_int_equal(told[0].connection, 0);
	assert_int_equal(told[0].pid, 40);
	assert_string_equal(told[0].url, "/containers/json");
	assert_int_equal(fold_taken(fold), 4);
	assert_int_equal(fold_told(fold), 1);

	struct caller *caller = process(40, 1000, "poll", 0);
	struct record record = polling(caller, now);

	assert_true(fold_take(fold, &record, FOLD_AGAIN));
	assert_false(fold_take(fold, &record, FOLD_AGAIN + NS_PER_S));
	assert_true(fold_take(fold, &record, FOLD_AGAIN + NS_PER_S));
	caller_unref(caller);
	fold_free(fold);
}

/* Whoever is not that very process, or asks something else, is told. */
static void test_others_are_told(void **state)
{
	struct fold *fold = fold_of_minutes();
	struct caller *poller = process(40, 1000, "poll", 0);
	struct caller *others[] = {
		process(41, 1000, "poll", 0),
		process(40, 1001, "poll", 0),
		process(40, 1000, "pol1", 0),
	};
	struct record usual = polling(poller, 1), record;
	struct finding finding = {FINDING_PRUNE, SEVERITY_INFO};
	struct record_fact fact = {.name = "image"};
	struct record_server server = {0};
	char other_rule[] = "rule";

	assert_false(fold_take(fold, &usual, 1));
	assert_true(fold_take(fold, &usual, 1));
	for (size_t i = 0; i < COUNT(others); i++) {
		record = usual;
		record.caller = others[i];
		assert_false(fold_take(fold, &record, 1));
	}
#define TOLD(change)                                                                               \
	do {                                                                                       \
		record = usual;                                                                    \
		change;                                                                            \
		assert_false(fold_take(fold, &record, 1));                                         \
	} while (0)
	TOLD(record.caller = NULL);
	TOLD(record.connector = others[0]);
	TOLD(record.http.target = bytes_of("/containers/json?all=1"));
	TOLD(record.http.user_agent = bytes_of("curl"));
	TOLD(record.http.status = 500);
	TOLD(record.api.expected_rule = other_rule);
	TOLD(record.container_name = bytes_of("web"));
	for (unsigned int i = 0; i < RECORD_MAKERS; i++) {
		TOLD((record.makers[i].caller = others[0],
		      record.makers[i].event_id = bytes_of("one")));
		TOLD((record.makers[i].caller = others[0],
		      record.makers[i].event_id = bytes_of("two")));
	}
	TOLD(record.relayed =
		     ((struct record_relayed){RELAYED_CERTAIN, RELAYED_BY_REQUEST, others[0], 1}));
	TOLD(record.relayed =
		     ((struct record_relayed){RELAYED_CERTAIN, RELAYED_BY_REQUEST, others[1], 1}));
	TOLD(record.relayed =
		     ((struct record_relayed){RELAYED_LIKELY, RELAYED_BY_HEAD, others[1], 1}));
	TOLD(record.relayed =
		     ((struct record_relayed){RELAYED_UNKNOWN, RELAYED_BY_REQUEST, NULL, 2}));
	TOLD(record.connection.socket = bytes_of("/run/other.sock"));
	TOLD(record.api.target_name = bytes_of("web"));
	TOLD(record.level = LEVEL_METADATA);
	/* Never, however often: */
	for (int i = 0; i < 2; i++) {
		TOLD(record.http.status = 403);
		TOLD(record.http.status = 401);
		TOLD(record.http.status = 0);
		TOLD(record.http.status_unsure = true);
		TOLD(record.http.duration = FOLD_SLOW);
		TOLD(record.http.request_bytes = 1);
		TOLD(record.http.anomalies = 1);
		TOLD(record.http.target_truncated = true);
		TOLD(record.http.verb = METHOD_POST);
		TOLD(record.incomplete = RECORD_INCOMPLETE_LOST);
		TOLD(record.candidate_count = 1);
		TOLD((record.api.findings = &finding, record.api.finding_count = 1));
		TOLD((record.api.facts = &fact, record.api.fact_count = 1));
		TOLD(record.api.operation = OPERATION_ContainerLogs);
		TOLD(record.api.operation = OPERATION_NONE);
		TOLD(record.server = &server);
		TOLD(record.action = RECORD_API_STARTED);
		TOLD(record.action = RECORD_API_ENDED);
		TOLD(record.action = RECORD_SOCKET_CHANGED);
	}
#undef TOLD
	fold_flush(fold);
	assert_int_equal(told_count, 1);
	fold_set(fold, 0);
	assert_false(fold_take(fold, &usual, 2));
	caller_unref(poller);
	for (size_t i = 0; i < COUNT(others); i++)
		caller_unref(others[i]);
	fold_free(fold);
}

/* A read that takes its time has a record when it begins, and one when it is answered: each is counted by itself. */
static void test_slow_reads(void **state)
{
	struct fold *fold = fold_of_minutes();
	struct caller *caller = process(40, 0, "monitor", 0);
	struct record answer = polling(caller, NS_PER_S), begun = answer;

	answer.http.duration = FOLD_SLOW - 1;
	begun.action = RECORD_API_STARTED;
	begun.http.status = 0;
	begun.http.has_duration = false;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fold_take(fold, &begun, NS_PER_S), i > 0);
		assert_int_equal(fold_take(fold, &answer, NS_PER_S), i > 0);
	}
	answer.http.status = 0;
	assert_false(fold_take(fold, &answer, NS_PER_S));
	assert_false(fold_take(fold, &answer, NS_PER_S));
	fold_flush(fold);
	assert_int_equal(told_count, 2);
	assert_int_equal(told[0].action, RECORD_API_STARTED);
	assert_int_equal(told[0].count, 2);
	assert_int_equal(told[1].action, RECORD_API_REQUEST);
	assert_int_equal(told[1].duration, FOLD_SLOW - 1);
	caller_unref(caller);
	fold_free(fold);
}

/* What an inspector asks of all containers again is one record, which has no target. */
static void test_several_targets(void **state)
{
	struct fold *fold = fold_of_minutes();
	struct caller *caller = process(40, 0, "traefik", 0);

	for (int round = 0; round < 4; round++)
		for (int i = 0; i < 30; i++) {
			struct record record = polling(caller, NS_PER_S);
			char name[8];

			snprintf(name, sizeof(name), "web%d", i);
			record.api.operation = OPERATION_ContainerInspect;
			record.api.target_name = bytes_of(name);
			assert_int_equal(fold_take(fold, &record, NS_PER_S), round > 0);
		}
	fold_flush(fold);
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].count, 90);
	assert_int_equal(told[0].different, 30);
	assert_string_equal(told[0].target, "");
	assert_string_equal(told[0].url, "");
	caller_unref(caller);
	fold_free(fold);
}

/* Of two connections what began first may end last. */
static void test_times_out_of_order(void **state)
{
	static const uint64_t times[] = {50, 70, 60, 55};
	struct fold *fold = fold_of_minutes();
	struct caller *caller = process(40, 0, "monitor", 0);

	for (size_t i = 0; i < COUNT(times); i++) {
		struct record record = polling(caller, times[i] * NS_PER_S);

		assert_int_equal(fold_take(fold, &record, 80 * NS_PER_S), i > 0);
	}
	fold_run(fold, 80 * NS_PER_S + MINUTE);
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].first, 55 * NS_PER_S);
	assert_int_equal(told[0].last, 70 * NS_PER_S);
	caller_unref(caller);
	fold_free(fold);
}

/* Where records went may be gone: then each is told whole again. */
static void test_forgotten(void **state)
{
	struct fold *fold = fold_of_minutes();
	struct caller *caller = process(40, 0, "poll", 0);
	struct record record = polling(caller, 5);

	for (int i = 0; i < 2; i++) {
		assert_false(fold_take(fold, &record, 10));
		assert_true(fold_take(fold, &record, 10));
		fold_flush(fold);
	}
	assert_false(fold_take(fold, &record, 10));
	fold_forget(fold);
	assert_false(fold_take(fold, &record, 10));
	assert_int_equal(told_count, 2);
	caller_unref(caller);
	fold_free(fold);
}

/* A connect goes with its request: it is told before one that is told, and not by itself with one that is not. */
static void test_connects(void **state)
{
	struct fold *fold = fold_of_minutes();
	struct caller *caller = process(40, 0, "poll", 0);
	struct record request = polling(caller, 5);
	struct record connect = {
		.action = RECORD_SOCKET_CONNECTED,
		.caller = caller,
		.connection = request.connection,
	};

	connect.connection.request = 0;
	assert_false(fold_take(fold, &connect, 1));
	assert_false(fold_take(fold, &request, 1));
	for (uint64_t id = 8; id < 12; id++) {
		connect.connection.id = request.connection.id = id;
		assert_true(fold_take(fold, &connect, 1));
		assert_true(fold_take(fold, &request, 1));
	}
	assert_int_equal(told_count, 0);
	connect.connection.id = request.connection.id = 12;
	assert_true(fold_take(fold, &connect, 1));
	request.http.verb = METHOD_POST;
	assert_false(fold_take(fold, &request, 1));
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].action, RECORD_SOCKET_CONNECTED);
	assert_int_equal(told[0].connection, 12);
	assert_int_equal(told[0].owed, 1);
	/* No request follows. */
	connect.connection.id = 13;
	assert_true(fold_take(fold, &connect, 1));
	fold_run(fold, FOLD_HOLD);
	assert_int_equal(told_count, 1);
	fold_run(fold, 1 + FOLD_HOLD);
	assert_int_equal(told_count, 2);
	/* Another one's request does not end the wait, however much alike their numbers are. */
	connect.connection.id = 14;
	assert_true(fold_take(fold, &connect, 2));
	request.connection.id = 14 + FOLD_HELD_MAX;
	assert_false(fold_take(fold, &request, 2));
	assert_int_equal(told_count, 2);
	request.connection.id = 14;
	assert_false(fold_take(fold, &request, 2));
	assert_int_equal(told_count, 3);
	assert_int_equal(told[2].connection, 14);
	/* No more than there is room for. */
	for (uint64_t id = 20; id < 20 + FOLD_HELD_MAX; id++) {
		connect.connection.id = id;
		assert_true(fold_take(fold, &connect, 2));
	}
	connect.connection.id = 19;
	assert_false(fold_take(fold, &connect, 2));
	fold_flush(fold);
	assert_int_equal(told_count, 3 + FOLD_HELD_MAX + 1);
	for (uint64_t i = 0; i < FOLD_HELD_MAX; i++)
		assert_int_equal(told[3 + i].connection, 20 + i);
	assert_int_equal(told[told_count - 1].count, 4);
	assert_int_equal(told[told_count - 1].connections, 4);
	assert_int_equal(told[told_count - 1].owed, 8);
	caller_unref(caller);
	fold_free(fold);
}

static void test_health_checks(void **state)
{
	static const enum engine_action acts[] = {ACTION_EXEC_CREATE, ACTION_EXEC_START,
						  ACTION_EXEC_DIE};
	struct fold *fold = fold_of_minutes();
	struct record check = {
		.action = RECORD_DOCKER_EVENT,
		.event = {.kind = ENGINE_CONTAINER,
			  .id = BYTES(ID),
			  .command = BYTES("wget"),
			  .has_exit_code = true},
		.cause = {CAUSE_DAEMON, BASIS_NONE, REASON_HEALTH_CHECK},
	};

	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < COUNT(acts); i++) {
			check.event.act = acts[i];
			assert_int_equal(fold_take(fold, &check, 1), round > 0);
		}
	/* Another end is told, and counted by itself. */
	check.event.exit_code = 1;
	assert_false(fold_take(fold, &check, 1));
	assert_true(fold_take(fold, &check, 1));
	check.event.act = ACTION_HEALTH_STATUS;
	assert_false(fold_take(fold, &check, 1));
	assert_false(fold_take(fold, &check, 1));
	check.event.act = ACTION_EXEC_START;
	check.cause.reason = REASON_NONE;
	check.cause.kind = CAUSE_UNKNOWN;
	assert_false(fold_take(fold, &check, 1));
	assert_false(fold_take(fold, &check, 1));
	fold_flush(fold);
	assert_int_equal(told_count, 2);
	assert_int_equal(told[0].count, 6);
	assert_int_equal(told[0].different, 3);
	assert_int_equal(told[0].act, ACTION_OTHER);
	assert_int_equal(told[1].count, 1);
	assert_int_equal(told[1].act, ACTION_EXEC_DIE);
	fold_free(fold);
}

/* Those of a moment at once, in a record that says how many they are; what goes on is counted. */
static void test_refused(void **state)
{
	struct fold *fold = fold_of_minutes();
	struct caller *caller = process(40, 1000, "docker", 0);
	struct record refused = {
		.action = RECORD_SOCKET_REFUSED,
		.caller = caller,
		.time = 10,
		.connection.socket = BYTES("/run/docker.sock"),
		.error = EACCES,
	};

	for (int i = 0; i < 5; i++, refused.time++)
		assert_true(fold_take(fold, &refused, refused.time));
	fold_run(fold, 9 + FOLD_BURST);
	assert_int_equal(told_count, 0);
	fold_run(fold, 10 + FOLD_BURST);
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].refused, 5);
	assert_int_equal(told[0].owed, 5);
	/* It goes on for minutes: a record for each minute. */
	for (uint64_t i = 1; i < 100; i++) {
		refused.time = 14 + i * FOLD_BURST;
		assert_true(fold_take(fold, &refused, refused.time));
		fold_run(fold, refused.time);
	}
	assert_int_equal(told_count, 2);
	fold_run(fold, refused.time + FOLD_BURST);
	assert_int_equal(told_count, 3);
	assert_int_equal(told[1].refused + told[2].refused, 99);
	/* Once more, and another error: each is of one. */
	refused.time += 2 * FOLD_BURST;
	assert_true(fold_take(fold, &refused, refused.time));
	refused.error = EPERM;
	assert_true(fold_take(fold, &refused, refused.time));
	fold_run(fold, refused.time + FOLD_BURST);
	assert_int_equal(told_count, 5);
	assert_int_equal(told[3].refused, 0);
	assert_int_equal(told[4].refused, 0);
	assert_int_equal(told[4].owed, 1);
	fold_flush(fold);
	assert_int_equal(told_count, 5);
	caller_unref(caller);
	fold_free(fold);
}

/* So many are counted at once; what comes in has one of them written. */
static void test_bounds(void **state)
{
	struct fold *fold = fold_of_minutes();

	for (uint32_t pid = 1; pid <= 2 * FOLD_GROUPS_MAX; pid++) {
		struct caller *caller = process(pid, 1000, "flood", 0);
		struct record record = polling(caller, pid);

		assert_false(fold_take(fold, &record, pid));
		assert_true(fold_take(fold, &record, pid));
		caller_unref(caller);
	}
	assert_int_equal(told_count, FOLD_GROUPS_MAX);
	assert_int_equal(told[0].pid, 1);
	assert_int_equal(told[FOLD_GROUPS_MAX - 1].pid, FOLD_GROUPS_MAX);
	fold_flush(fold);
	assert_int_equal(told_count, 2 * FOLD_GROUPS_MAX);
	fold_free(fold);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_polls_are_counted),
		cmocka_unit_test(test_others_are_told),
		cmocka_unit_test(test_several_targets),
		cmocka_unit_test(test_slow_reads),
		cmocka_unit_test(test_times_out_of_order),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_connects),
		cmocka_unit_test(test_health_checks),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
