// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <stdarg.h>

#include "errand/errand.h"
#include "errand/who.h"

struct told {
	struct errand errands[8];
	unsigned int count;
};

static struct told told;
static struct errands *errands;

static void on_errand(void *data, const struct errand *errand)
{
	struct told *all = data;

	assert_true(all->count < COUNT(all->errands));
	assert_non_null(errand->main);
	all->errands[all->count] = *errand;
	all->errands[all->count].main =
		all->errands[all->count].acts + (errand->main - errand->acts);
	all->count++;
}

static int setup(void **state)
{
	told = (struct told){0};
	errands = errands_new(&told, on_errand);
	return !errands;
}

static int teardown(void **state)
{
	errands_free(errands);
	return 0;
}

/* A record at MS with what REST says behind action and id. */
__attribute__((format(printf, 4, 5))) static void take(unsigned int ms, const char *action,
						       const char *entity, const char *rest, ...)
{
	static unsigned int number;
	struct reread reread = {0};
	char line[2000], tail[1500];
	va_list values;
	int size;

	va_start(values, rest);
	vsnprintf(tail, sizeof(tail), rest, values);
	va_end(values);
	size = snprintf(
		line, sizeof(line),
		"{\"event\":{\"action\":\"%s\",\"dataset\":\"callerd.audit\",\"id\":\"%u\"},"
		"\"process\":{\"entity_id\":\"%s\",\"executable\":\"/usr/bin/docker\"}%s%s}",
		action, number++, entity, *tail ? "," : "", tail);
	assert_int_equal(reread_read(&reread, (struct bytes){line, (size_t)size}), 0);
	errands_run(errands, ms * NS_PER_MS);
	assert_int_equal(errands_take(errands, &reread, ms * NS_PER_MS), 0);
	reread_free(&reread);
}

#define ALICE "\"user\":{\"id\":\"1000\",\"name\":\"alice\"}"
#define WEB                                                                                        \
	"\"target\":{\"type\":\"container\",\"id\":\"0123456789abcdef\",\"name\":\"web\","         \
	"\"image\":\"bb\"}"
#define REQUEST(operation, more)                                                                   \
	"\"callerd\":{\"api\":{\"operation\":\"" operation "\"}," WEB ",\"expected\":false" more "}"

static void test_a_run_is_one(void **state)
{
	take(1, "socket-connected", "a", ALICE);
	take(2, "api-request", "a",
	     ALICE ",\"callerd\":{\"api\":{\"operation\":\"SystemPingHead\"}}");
	take(3, "api-request", "a",
	     ALICE "," REQUEST("ContainerCreate",
			       ",\"findings\":[{\"id\":\"privileged\",\"severity\":\"critical\"},"
			       "{\"id\":\"host-pid\",\"severity\":\"high\"}]"));
	take(4, "api-request", "a", ALICE "," REQUEST("ContainerStart", ""));
	take(5, "docker-event", "a",
	     ALICE
	     ",\"callerd\":{\"docker_event\":{\"type\":\"container\",\"action\":\"die\","
	     "\"id\":\"0123456789abcdef\",\"exit_code\":3},\"cause\":{\"kind\":\"inherited\"}}");
	take(4000, "api-request", "b", ALICE "," REQUEST("ContainerList", ""));
	assert_int_equal(told.count, 1);
	assert_string_equal(told.errands[0].who, "alice");
	assert_string_equal(told.errands[0].main->phrase, "ran");
	assert_string_equal(told.errands[0].main->object, "web (bb)");
	assert_string_equal(told.errands[0].main->found, "privileged, host-pid");
	assert_int_equal(told.errands[0].main->count, 1);
	assert_int_equal(told.errands[0].severity, SEVERITY_CRITICAL);
	assert_true(told.errands[0].main->has_exit);
	assert_int_equal(told.errands[0].main->exit, 3);
	assert_int_equal(told.errands[0].requests, 3);
	assert_false(told.errands[0].expected);
}

#define FROM "\"session\":{\"service\":\"sshd\"},\"lineage\":\"sudo[2] < bash[1]\","
#define ROOT                                                                                       \
	"\"source\":{\"ip\":\"10.1.2.3\"},\"user\":{\"id\":\"1000\",\"name\":\"alice\","           \
	"\"effective\":"                                                                           \
	"{\"id\":\"0\",\"name\":\"root\"}},"
#define JOB                                                                                        \
	"\"ci\":{\"system\":\"gitlab\",\"job\":\"4711\",\"repository\":\"group/"                   \
	"project\",\"actor\":"                                                                     \
	"\"bob\"}"
#define IN_WEB "\"container\":{\"id\":\"0123456789abcdef\",\"name\":\"web\"}"

/* From where somebody came and which job he says he is: in words, and in short. */
static void test_from_where(void **state)
{
	static const struct {
		const char *rest, *origin, *brief, *who;
	} cases[] = {
		{ROOT "\"callerd\":{" FROM "\"api\":{\"operation\":\"ContainerList\"}}",
		 "alice (ssh from 10.1.2.3) → root (sudo)", "alice (10.1.2.3, sudo)",
		 "alice (sudo)"},
		{"\"source\":{\"ip\":\"fd00::1\"}," ALICE
		 ",\"callerd\":{\"session\":{\"service\":\"sshd\"}}",
		 "alice (ssh from fd00::1)", "alice (fd00::1)", "alice"},
		{ALICE ",\"callerd\":{\"session\":{\"service\":\"cron\"}}", "alice", "alice",
		 "alice"},
		{ALICE ",\"callerd\":{" JOB "}", "alice [gitlab job 4711 of group/project (bob)]",
		 "alice: gitlab 4711", "alice"},
		/* What a job calls itself is no other part of the line. */
		{ALICE ",\"callerd\":{\"ci\":{\"system\":\"gitlab\",\"job\":\"1] → root "
		       "(sudo)\"},\"ai\":{"
		       "\"agent\":[\"web, exec]\"]}}",
		 "alice [gitlab job '1] → root (sudo)', 'web, exec]']",
		 "alice: gitlab '1] → root (sudo)', 'web, exec]'", "alice"},
		{ALICE "," IN_WEB
		       ",\"callerd\":{\"caller\":{\"behind\":{\"user\":{\"id\":\"7\",\"name\":"
		       "\"bob\"}}}}",
		 "bob, in container web (exec)", "bob [web, exec]", "bob [web, exec]"},
		/* The login of a process in a container is not that of whoever is behind it. */
		{ROOT IN_WEB ",\"callerd\":{" FROM
			     "\"caller\":{\"behind\":{\"user\":{\"id\":\"7\"}}}}",
		 "uid 7, in container web (exec)", "uid 7 [web, exec]", "uid 7 [web, exec]"},
		{"\"callerd\":{\"connection\":{\"source\":{\"ip\":\"10.1.2.9\"}}}", "10.1.2.9",
		 "10.1.2.9", "unknown"},
		{"\"callerd\":{\"connection\":{\"source\":{\"ip\":\"10.1.2.9\"}},\"candidates\":[{"
		 "\"pid\":1}]}",
		 NULL, NULL, NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		told = (struct told){0};
		take((unsigned int)i, "api-request", "a", "%s", cases[i].rest);
		errands_run(errands, UINT64_MAX);
		assert_int_equal(told.count, 1);
		assert_string_equal(told.errands[0].origin, cases[i].origin ?: told.errands[0].who);
		assert_string_equal(told.errands[0].brief, cases[i].brief ?: told.errands[0].who);
		if (cases[i].who)
			assert_string_equal(told.errands[0].who, cases[i].who);
	}
	/* It may be known from a later record on. */
	told = (struct told){0};
	take(1, "api-request", "a", ALICE "," REQUEST("ContainerStop", ""));
	take(2, "api-request", "a",
	     "\"source\":{\"ip\":\"fd00::1\"}," ALICE
	     ",\"callerd\":{\"session\":{\"service\":\"sshd\"}}");
	take(3, "api-request", "a", ALICE "," REQUEST("ContainerStop", ""));
	errands_run(errands, UINT64_MAX);
	assert_string_equal(told.errands[0].origin, "alice (ssh from fd00::1)");
}

/* Two processes at once are two, whatever they are called. */
static void test_processes_are_apart(void **state)
{
	take(1, "api-request", "a", ALICE "," REQUEST("ContainerStop", ""));
	take(2, "api-request", "b", ALICE "," REQUEST("ContainerDelete", ""));
	take(3, "api-request", "a", ALICE "," REQUEST("ContainerDelete", ""));
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 2);
	assert_int_equal(told.errands[0].act_count + told.errands[1].act_count, 3);
}

/* What is harmless cannot hide what is dangerous, however much of it there is. */
static void test_noise_hides_nothing(void **state)
{
	for (unsigned int i = 0; i < 3 * ERRAND_ACTS; i++)
		take(i, "api-request", "a",
		     ALICE ",\"callerd\":{\"api\":{\"operation\":\"VolumeCreate\"},"
			   "\"target\":{\"type\":\"volume\",\"name\":\"v%u\"}}",
		     i);
	take(100, "api-request", "a",
	     ALICE
	     "," REQUEST("ContainerExec",
			 ",\"findings\":[{\"id\":\"exec-privileged\",\"severity\":\"critical\","
			 "\"detail\":\"all of it\"}],\"request\":{\"command\":[\"sh\",\"-c\",\"id; "
			 "id\"]}"));
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.errands[0].act_count, ERRAND_ACTS);
	assert_int_equal(told.errands[0].more_acts, 2 * ERRAND_ACTS + 1);
	assert_string_equal(told.errands[0].main->phrase, "ran a command in");
	assert_string_equal(told.errands[0].main->detail, "sh -c 'id; id'");
	assert_string_equal(told.errands[0].main->found, "all of it");
}

/* Nor can as much of what does as much. */
static void test_equals_hide_nothing(void **state)
{
	for (unsigned int i = 0; i < 3 * ERRAND_ACTS; i++)
		take(i, "api-request", "a",
		     ALICE ",\"callerd\":{\"api\":{\"operation\":\"ContainerCreate\"},"
			   "\"target\":{\"type\":\"container\",\"id\":\"%012u\",\"name\":\"c%u\"}}",
		     i, i);
	take(100, "api-request", "a",
	     ALICE "," REQUEST("ContainerCreate",
			       ",\"findings\":[{\"id\":\"privileged\",\"severity\":\"critical\","
			       "\"detail\":\"all of it\"}]"));
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.errands[0].severity, SEVERITY_CRITICAL);
	assert_string_equal(told.errands[0].main->object, "web (bb)");
	assert_string_equal(told.errands[0].main->found, "all of it");
}

/* A harmless command does not stand for another one in the same container. */
static void test_commands_are_apart(void **state)
{
	take(1, "api-request", "a",
	     ALICE "," REQUEST("ContainerExec", ",\"request\":{\"command\":[\"evil\"]}"));
	take(2, "api-request", "a", ALICE "," REQUEST("ExecStart", ""));
	take(3, "api-request", "a",
	     ALICE "," REQUEST("ContainerExec", ",\"request\":{\"command\":[\"true\"]}"));
	take(4, "api-request", "a", ALICE "," REQUEST("ExecStart", ""));
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.errands[0].act_count, 2);
	assert_string_equal(told.errands[0].acts[0].detail, "evil");
	assert_string_equal(told.errands[0].acts[1].detail, "true");
}

/* One process that acts as two users is two, and each has his name; so is one that became another program. */
static void test_users_of_one_process(void **state)
{
	take(1, "api-request", "a", ALICE "," REQUEST("ContainerStop", ""));
	take(2, "api-request", "a",
	     "\"user\":{\"id\":\"1001\",\"name\":\"bob\"}," REQUEST("ContainerDelete", ""));
	take(3, "docker-event", "a",
	     "\"user\":{\"id\":\"1001\",\"name\":\"bob\"},\"callerd\":{\"docker_event\":{"
	     "\"action\":\"destroy\"},"
	     "\"cause\":{\"kind\":\"request\"}}");
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 2);
	assert_string_equal(told.errands[0].who, "alice");
	assert_string_equal(told.errands[0].main->phrase, "stopped");
	assert_string_equal(told.errands[1].who, "bob");
	assert_string_equal(told.errands[1].main->phrase, "removed");
	assert_int_equal(told.errands[1].records, 2);
}

#define ASKED_BY(user, place)                                                                      \
	"\"user\":{\"id\":\"0\",\"name\":\"root\"}," place                                         \
	"\"callerd\":{\"api\":{\"operation\":\"ContainerStop\"},\"relayed_for\":{"                 \
	"\"certainty\":\"certain\",\"user\":{\"id\":\"" user "\",\"name\":\"" user "\"}}"
#define OF_THE_RELAY "\"source\":{\"ip\":\"10.1.2.3\"},"

/* What a relay passes on is whose it is: neither the one's who asked it before, nor of where the relay was started from. */
static void test_askers_of_one_relay(void **state)
{
	take(1, "api-request", "a", ASKED_BY("alice", "") "}");
	take(2, "api-request", "a", ASKED_BY("bob", "") "}");
	take(3, "api-request", "a",
	     ASKED_BY("carol", OF_THE_RELAY) ",\"session\":{\"service\":\"sshd\"}," JOB "}");
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 3);
	assert_string_equal(told.errands[0].who, "alice (via docker)");
	assert_string_equal(told.errands[1].who, "bob (via docker)");
	assert_string_equal(told.errands[2].who, "carol (via docker)");
	assert_string_equal(told.errands[2].origin, "carol (via docker)");
	assert_string_equal(told.errands[2].brief, "carol (via docker)");
}

/* What is not answered yet is no repetition, if it is grave. */
static void test_minor(void **state)
{
	take(1, "api-request-started", "a",
	     ALICE "," REQUEST("ContainerArchive", ",\"findings\":[{\"id\":\"root-container-"
						   "entered\",\"severity\":\"critical\"}]"));
	take(1, "api-request-started", "b", ALICE "," REQUEST("ContainerLogs", ""));
	take(1, "api-request", "c", ALICE "," REQUEST("SystemPing", ""));
	take(1, "api-request", "d", ALICE "," REQUEST("ContainerArchive", ""));
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 4);
	assert_false(errand_is_minor(&told.errands[0]));
	assert_true(errand_is_minor(&told.errands[1]));
	assert_true(errand_is_minor(&told.errands[2]));
	assert_false(errand_is_minor(&told.errands[3]));
}

/* What is expected is so only as a whole; what only looks is known as that. */
static void test_expected_and_looks(void **state)
{
	take(1, "api-request", "a",
	     "\"callerd\":{\"api\":{\"operation\":\"ContainerList\"},\"expected\":true,\"expected_"
	     "rule\":\"ci\"}");
	take(1, "api-request", "b",
	     "\"callerd\":{\"api\":{\"operation\":\"ContainerList\"},\"expected\":true,\"expected_"
	     "rule\":\"ci\"}");
	take(2, "api-request", "b",
	     "\"callerd\":{\"api\":{\"operation\":\"ContainerDelete\"},\"expected\":false}");
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 2);
	assert_true(told.errands[0].expected && errand_only_looks(&told.errands[0]));
	assert_string_equal(told.errands[0].word, "ci");
	assert_false(told.errands[1].expected || errand_only_looks(&told.errands[1]));
}

/* Ends and consequences alone are no new errand of somebody; nobody's are the engine's. */
static void test_what_comes_later(void **state)
{
	take(1, "api-request-ended", "a", ALICE "," REQUEST("ContainerAttach", ""));
	take(2, "docker-event", "",
	     "\"callerd\":{\"docker_event\":{\"type\":\"container\",\"action\":\"start\",\"id\":"
	     "\"01\","
	     "\"name\":\"web\"},\"cause\":{\"kind\":\"unknown\"}}");
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 2);
	assert_true(told.errands[0].later);
	assert_int_equal(told.errands[1].kind, ERRAND_ENGINE);
	assert_string_equal(told.errands[1].who, "unknown");
	assert_string_equal(told.errands[1].main->phrase, "started");
	assert_string_equal(told.errands[1].main->object, "web");
	assert_true(told.errands[1].main->detail[0]);
	assert_false(errand_is_minor(&told.errands[1]));
}

/* How a command ended is none of a person's, whatever it was; that of one which is going on is. What was told before is only counted. */
static void test_ends_and_numbers(void **state)
{
	take(1, "api-request-ended", "a", ALICE "," REQUEST("ExecStart", ""));
	take(1, "api-request-started", "b", ALICE "," REQUEST("ContainerAttach", ""));
	take(1, "api-request-started", "c", ALICE "," REQUEST("ImageBuild", ""));
	take(1, "api-request", "d",
	     ALICE "," REQUEST("ContainerList", ",\"folded\":{\"count\":7}"));
	take(1, "api-request", "e", ALICE "," REQUEST("ContainerList", ""));
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 5);
	assert_true(errand_is_minor(&told.errands[0]));
	assert_true(errand_is_minor(&told.errands[1]));
	assert_false(errand_is_minor(&told.errands[2]));
	assert_true(told.errands[3].repeated && !errand_is_minor(&told.errands[3]));
	assert_int_equal(told.errands[3].requests, 7);
	assert_false(told.errands[4].repeated);
}

/* What ended when a container was restarted was not what that began. */
static void test_a_restart_is_well(void **state)
{
	take(1, "api-request", "a",
	     ALICE ",\"event\":{\"outcome\":\"success\"}," REQUEST("ContainerRestart", ""));
	take(2, "docker-event", "a",
	     ALICE
	     ",\"callerd\":{\"docker_event\":{\"type\":\"container\",\"action\":\"die\","
	     "\"id\":\"0123456789abcdef\",\"exit_code\":137},\"cause\":{\"kind\":\"request\"}}");
	errands_run(errands, UINT64_MAX);
	assert_int_equal(told.count, 1);
	assert_string_equal(told.errands[0].main->phrase, "restarted");
	assert_int_equal(told.errands[0].records, 2);
	assert_false(told.errands[0].main->has_exit);
}

static void check_who(const char *fields, const char *expected)
{
	struct reread reread = {0};
	struct text who = {0};
	char line[1000];
	int size = snprintf(
		line, sizeof(line),
		"{\"event\":{\"action\":\"api-request\",\"dataset\":\"callerd.audit\"},%s}",
		fields);

	assert_int_equal(reread_read(&reread, (struct bytes){line, (size_t)size}), 0);
	who_add(&who, &reread);
	assert_string_equal(who.data, expected);
	text_free(&who);
	reread_free(&reread);
}

static void test_who(void **state)
{
	check_who("\"user\":{\"id\":\"7\"}", "uid 7");
	check_who("\"user\":{\"id\":\"7\",\"name\":\"eve\\u001b[2J\"}", "eve\\e[2J");
	check_who("\"user\":{\"id\":\"7\",\"name\":\"alice\",\"effective\":{\"id\":\"0\"}},"
		  "\"callerd\":{\"lineage\":\"bash[9] < sudo[8] < bash[7] < sshd[1]\"}",
		  "alice (sudo)");
	/* A file that somebody called so, and a process that calls itself so, are not sudo. */
	check_who("\"user\":{\"id\":\"7\",\"name\":\"alice\",\"effective\":{\"id\":\"0\"}},"
		  "\"callerd\":{\"lineage\":\"/tmp/sudo[9] < bash(sudo)[8] < bash[7]\"}",
		  "alice");
	check_who("\"user\":{\"id\":\"0\",\"name\":\"root\"},"
		  "\"callerd\":{\"lineage\":\"dash[9] < cron[8] < cron[7] < systemd[1]\"}",
		  "root (cron)");
	check_who("\"user\":{\"id\":\"0\",\"name\":\"root\"},"
		  "\"callerd\":{\"caller\":{\"unit\":\"backup.service\"}}",
		  "root (backup)");
	check_who("\"user\":{\"id\":\"0\",\"name\":\"root\"},"
		  "\"container\":{\"id\":\"0123456789abcdef\",\"name\":\"watchtower\"}",
		  "[watchtower]");
	check_who("\"user\":{\"id\":\"0\",\"name\":\"root\"},"
		  "\"container\":{\"id\":\"0123456789abcdef\",\"name\":\"web\"},"
		  "\"callerd\":{\"caller\":{\"behind\":{\"user\":{\"id\":\"1001\",\"name\":\"bob\"}"
		  "}}}",
		  "bob [web, exec]");
	check_who(
		"\"user\":{\"id\":\"0\",\"name\":\"root\"},"
		"\"process\":{\"executable\":\"/usr/sbin/haproxy\"},"
		"\"callerd\":{\"relayed_for\":{\"certainty\":\"certain\",\"user\":{\"id\":\"1001\","
		"\"name\":\"bob\"}}}",
		"bob (via haproxy)");
	check_who("\"user\":{\"id\":\"0\",\"name\":\"root\"},"
		  "\"process\":{\"name\":\"relay\"},"
		  "\"callerd\":{\"relayed_for\":{\"certainty\":\"likely\",\"user\":{\"id\":"
		  "\"1001\"}}}",
		  "uid 1001? (via relay)");
	check_who("\"user\":{\"id\":\"0\",\"name\":\"root\"},"
		  "\"process\":{\"name\":\"relay\"},"
		  "\"callerd\":{\"relayed_for\":{\"certainty\":\"certain\",\"source\":{\"ip\":\"10."
		  "1.2.3\"}}}",
		  "10.1.2.3 (via relay)");
	check_who("\"user\":{\"id\":\"0\",\"name\":\"root\"},"
		  "\"callerd\":{\"relayed_for\":{\"certainty\":\"unknown\",\"askers\":2}}",
		  "root");
	check_who("\"user\":{\"id\":\"7\",\"name\":\"eve\"},"
		  "\"container\":{\"id\":\"0123456789abcdef\"}",
		  "eve [0123456789ab]");
	check_who("\"callerd\":{\"candidates\":[{\"pid\":7},{\"pid\":8}]}", "somebody");
	check_who("\"callerd\":{\"cause\":{\"kind\":\"daemon\"}}", "the engine");
}

/* Each operation has words: a table, or the type of its record. */
static void test_verbs(void **state)
{
	for (enum operation operation = OPERATION_NONE + 1; operation < OPERATIONS; operation++) {
		const char *name = operation_name(operation);

		assert_int_equal(verb_operation(bytes_of(name)), operation);
		assert_non_null(verb_of(operation, bytes_of("access")).phrase);
	}
	assert_int_equal(verb_operation(bytes_of("ContainerCreat")), OPERATION_NONE);
	assert_int_equal(verb_operation(bytes_of("ContainerCreateX")), OPERATION_NONE);
	assert_int_equal(verb_operation((struct bytes){0}), OPERATION_NONE);
	assert_string_equal(
		verb_of(verb_operation(bytes_of("ContainerCreateLibpod")), bytes_of("creation"))
			.phrase,
		"created");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_run_is_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_from_where, setup, teardown),
		cmocka_unit_test_setup_teardown(test_processes_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_noise_hides_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_equals_hide_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commands_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_users_of_one_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_askers_of_one_relay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_minor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expected_and_looks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_comes_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends_and_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_restart_is_well, setup, teardown),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_verbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
