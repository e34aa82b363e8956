// SPDX-License-Identifier: Apache-2.0
/* The agent's client of an engine, against one that is played here. */
#include "played_engine.h"

#include <poll.h>

#include "base/clock.h"
#include "base/idtree.h"
#include "engine/engine.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define IMAGE "sha256:" ID_B

/* As the engine's client has them. */
#define QUEUE_MAX 65536
#define RUN_REQUESTS 8

/* What it says of the exec EXEC: an answer each time it is asked, the last one again. */
#define EXEC ID_B
static const char *const *played_execs;

/* What the engine that is played answers to TARGET: a whole response, malloc()ed; NULL: nothing. */
typedef char *(*answer_function)(const char *target);

struct played {
	answer_function answer;
	bool closes; /* after each response */
	unsigned int answered;
	char log[4096]; /* targets */
	struct inventory *inventory;
	struct engine_options options;
	struct engine *engine;
	struct body *body; /* the engine's, of the answer that is read; NULL: none */
	uint64_t now;
	uint64_t most_requests; /* begun by one engine_run() */
	unsigned int introduced;
	/* What refreshed() said, and what was known by then. */
	unsigned int refreshed, complete;
	uint64_t inspected;
};

static struct played played;

/* --- the engine that is played ---------------------------------------------------------------- */

static void take_request(void)
{
	char target[512], *response;

	if (!server_take_request())
		return;
	assert_int_equal(sscanf(server.request, "GET %511s HTTP/1.1", target), 1);
	assert_non_null(strstr(server.request, "\r\nUser-Agent: callerd/"));
	assert_non_null(strstr(server.request, "\r\nHost: "));
	if (strlen(played.log) + strlen(target) + 2 < sizeof(played.log))
		strcat(strcat(played.log, target), "\n");
	response = played.answer(target);
	if (response)
		server_put(response);
	free(response);
}

static void play(void)
{
	if (server_accept() && !server.output_size)
		take_request();
	if (!server.output_size || !server_send())
		return;
	played.answered++;
	if (played.closes)
		server_hang_up();
}

int __real_body_new(const struct shape *shape, size_t limit, void *data, struct body **ret);
void __real_body_free(struct body *body);

int __wrap_body_new(const struct shape *shape, size_t limit, void *data, struct body **ret)
{
	int error = __real_body_new(shape, limit, data, ret);

	played.body = error ? NULL : *ret;
	return error;
}

void __wrap_body_free(struct body *body)
{
	played.body = NULL;
	__real_body_free(body);
}

static struct engine_stats stats(void)
{
	struct engine_stats now;

	engine_stats(played.engine, &now);
	return now;
}

static void run_once(void)
{
	uint64_t before = stats().requests;

	engine_run(played.engine, played.now);
	if (stats().requests - before > played.most_requests)
		played.most_requests = stats().requests - before;
	play();
}

static bool is_busy(void)
{
	return stats().listing || stats().waiting;
}

/* Until there is nothing more to ask; in a time that does not pass. */
static void run_until_idle(void)
{
	unsigned int rounds = 0;

	do {
		run_once();
		if (++rounds > 3000000)
			fail_msg("it does not end; it was asked %s", played.log);
	} while (is_busy());
}

/* SECONDS pass, in steps of a half. */
static void pass(unsigned int seconds)
{
	for (unsigned int i = 0; i < seconds * 2; i++) {
		unsigned int idle = 0;

		played.now += 500 * NS_PER_MS;
		while (idle < 3) {
			uint64_t requests = stats().requests, exchanged = server.exchanged;

			run_once();
			idle = stats().requests == requests && server.exchanged == exchanged
				       ? idle + 1
				       : 0;
		}
	}
}

static char *respond(const char *status, const char *headers, const char *body)
{
	char *response = NULL;

	if (asprintf(&response, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status,
		     strlen(body), headers, body) < 0)
		abort();
	return response;
}

static const char *played_version; /* its answer to /version */

static const char *body_for(const char *target)
{
	if (!strcmp(target, "/version"))
		return played_version;
	if (strstr(target, "/info"))
		return "{\"ID\":\"X\",\"Swarm\":{\"NodeID\":\"n\",\"LocalNodeState\":\"active\"}}"
		       "\n";
	if (strstr(target, "/volumes"))
		return "{\"Volumes\":[{\"Name\":\"host\",\"Driver\":\"local\",\"Labels\":null,"
		       "\"Options\":{\"type\":\"none\",\"o\":\"bind\",\"device\":\"/etc\"}},"
		       "{\"Name\":\"plain\",\"Driver\":\"local\",\"Options\":null},null],"
		       "\"Warnings\":null}\n";
	if (strstr(target, "/images/json"))
		return "[{\"Id\":\"" IMAGE "\",\"RepoTags\":[\"img:1\",\"<none>:<none>\"],"
		       "\"RepoDigests\":null,\"Size\":12.5}]\n";
	if (strstr(target, "/containers/json?all=1"))
		return "[{\"Id\":\"" ID_A "\",\"Names\":[\"/other/alias\",\"/web\"],\"Image\":"
		       "\"img:1\",\"ImageID\":\"" IMAGE "\"},{\"Id\":\"short\"},{\"Id\":\"" ID_B
		       "\",\"Names\":null,\"Image\":\"" IMAGE "\",\"ImageID\":\"" IMAGE "\"}]\n";
	if (strstr(target, "/containers/" ID_A "/json") || strstr(target, "/containers/web/json"))
		return "{\"Id\":\"" ID_A "\",\"Name\":\"/web\",\"Image\":\"" IMAGE "\",\"Config\":"
		       "{\"Image\":\"img:1\",\"User\":\"7\"},\"HostConfig\":{\"Privileged\":true}}";
	if (strstr(target, "/exec/" EXEC "/json") && played_execs)
		return played_execs[1] ? *played_execs++ : *played_execs;
	if (strstr(target, "/containers/" ID_B "/json"))
		return "{\"Id\":\"" ID_B "\",\"Name\":\"/db\",\"Config\":{\"Image\":\"img\"}}";
	return NULL;
}

static char *answer_well(const char *target)
{
	const char *body = body_for(target);

	return body ? respond("200 OK", "", body) : respond("404 Not Found", "", "{}");
}

static int judge(void *data, const struct value *inspect, struct inventory_container *judged)
{
	if (body_true(body_get(inspect, "HostConfig"), "Privileged"))
		judged->findings[judged->finding_count++].id = FINDING_PRIVILEGED;
	return 0;
}

static void refreshed(void *data, bool complete)
{
	played.refreshed++;
	played.complete += complete;
	played.inspected = stats().inspected;
}

static void introduced(void *data)
{
	played.introduced++;
}

static void exec_runs(void *data, struct bytes id, struct bytes container, uint32_t pid,
		      uint64_t asked)
{
	snprintf(played.log + strlen(played.log), sizeof(played.log) - strlen(played.log),
		 "%.4s in %.4s is %u at %u\n", id.data, container.data, pid,
		 (unsigned int)((asked - 1000 * NS_PER_S) / NS_PER_MS));
}

static int setup(void **state)
{
	server_begin();
	played = (struct played){.answer = answer_well, .now = 1000 * NS_PER_S};
	played_version = "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\",\"Os\":\"linux\"}\n";
	inventory_new(65536, &played.inventory);
	played.options = (struct engine_options){
		.socket = server.path,
		.inventory = played.inventory,
		.judge_container = judge,
		.introduced = introduced,
		.refreshed = refreshed,
		.exec_runs = exec_runs,
	};
	return engine_new(&played.options, &played.engine);
}

static int teardown(void **state)
{
	engine_free(played.engine);
	inventory_free(played.inventory);
	server_stop();
	return files_remove(directory);
}

static const struct inventory_container *find(const char *key)
{
	return inventory_container(played.inventory, bytes_of(key));
}

static void assert_text(struct bytes bytes, const char *wanted)
{
	if (!bytes_equal(bytes, bytes_of(wanted)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)bytes.size, bytes.data, wanted);
}

/* All that body_for() tells is known. */
static void assert_known(void)
{
	assert_non_null(find("web"));
	assert_text(find("web")->image, "img:1");
	assert_text(find("web")->image_id, IMAGE);
	assert_text(find("web")->user, "7");
	assert_int_equal(find("web")->finding_count, 1);
	assert_true(find("web")->inspected);
	assert_ptr_equal(find("other/alias"), find("web"));
	assert_true(find("db")->inspected);
	assert_text(find("db")->image, "img");
	assert_non_null(inventory_volume(played.inventory, bytes_of("host")));
	assert_text(inventory_volume(played.inventory, bytes_of("host"))->host_path, "/etc");
	assert_null(inventory_volume(played.inventory, bytes_of("plain"))->host_path.data);
	assert_text(inventory_image(played.inventory, bytes_of("img:1")), IMAGE);
}

/* --- as it should be -------------------------------------------------------------------------- */

/* From which version on Docker takes the host's part of a container in HostConfig alone. */
static void test_strict(void **state)
{
	static const struct {
		const char *version;
		bool strict;
	} cases[] = {
		{"{\"ApiVersion\":\"1.41\"}", false},
		{"{\"ApiVersion\":\"1.45\"}", false},
		{"{\"ApiVersion\":\"1.46\"}", true},
		{"{\"ApiVersion\":\"1.51\",\"Components\":[{\"Name\":\"Engine\"}]}", true},
		{"{\"ApiVersion\":\"1.44\",\"Components\":[{\"Name\":\"Podman Engine\"}]}", false},
		{"{}", false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		played_version = cases[i].version;
		engine_refresh(played.engine);
		run_until_idle();
		assert_int_equal(inventory_is_strict(played.inventory), cases[i].strict);
	}
}

static void test_all_is_asked(void **state)
{
	short events;

	assert_int_equal(engine_fd(played.engine, &events), -1);
	run_until_idle();
	assert_string_equal(played.log,
			    "/version\n/v1.41/info\n/v1.41/volumes\n/v1.41/images/json\n"
			    "/v1.41/containers/json?all=1\n/v1.41/containers/" ID_A
			    "/json\n/v1.41/containers/" ID_B "/json\n");
	assert_known();
	assert_int_equal(stats().requests, 7);
	assert_int_equal(stats().failures, 0);
	assert_int_equal(stats().refreshes, 1);
	assert_int_equal(stats().inspected, 2);
	assert_int_equal(stats().listed, 2);
	assert_int_equal(stats().api, 41);
	assert_true(engine_fd(played.engine, &events) >= 0);
	assert_int_equal(events, POLLIN);
	pass(100); /* and no more */
	assert_int_equal(stats().requests, 7);
	assert_int_equal(server.accepted, 1);
}

static void test_byte_by_byte(void **state)
{
	server.portion = 1;
	run_until_idle();
	assert_known();
	assert_int_equal(stats().failures, 0);
}

static char *answer_in_chunks(const char *target)
{
	const char *body = body_for(target);
	char *response = NULL;

	if (asprintf(&response,
		     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
		     "chunked\r\n\r\n1\r\n%c\r\n%zx;x=y\r\n%s\r\n0\r\n\r\n",
		     body[0], strlen(body) - 1, body + 1) < 0)
		abort();
	return response;
}

static void test_chunks(void **state)
{
	played.answer = answer_in_chunks;
	server.portion = 7;
	run_until_idle();
	assert_known();
	assert_int_equal(stats().failures, 0);
}

static char *answer_until_close(const char *target)
{
	char *response = NULL;

	if (asprintf(&response, "HTTP/1.0 200 OK\r\n\r\n%s", body_for(target)) < 0)
		abort();
	return response;
}

static void test_an_engine_that_always_closes(void **state)
{
	played.answer = answer_until_close;
	played.closes = true;
	run_until_idle();
	assert_known();
	assert_int_equal(stats().failures, 0);
	assert_int_equal(stats().requests, 7);
	assert_int_equal(server.accepted, 7);
	pass(100);
	assert_int_equal(stats().requests, 7);
}

static void test_inspect(void **state)
{
	run_until_idle();
	played.log[0] = '\0';
	engine_inspect(played.engine, bytes_of("web"));
	engine_inspect(played.engine, bytes_of("web"));
	engine_inspect(played.engine, bytes_of("../version"));
	engine_inspect(played.engine, bytes_of("..%2fversion"));
	engine_inspect(played.engine, bytes_of("a b"));
	engine_inspect(played.engine, bytes_of(""));
	engine_inspect(played.engine, bytes_of("gone"));
	assert_int_equal(stats().waiting, 2);
	run_until_idle();
	assert_string_equal(played.log,
			    "/v1.41/containers/web/json\n/v1.41/containers/gone/json\n");
	assert_int_equal(stats().inspected, 3);
	assert_int_equal(stats().gone, 1);
}

#define EXEC_ANSWER(running, code, pid)                                                            \
	"{\"ID\":\"" EXEC "\",\"Running\":" running ",\"ExitCode\":" code                          \
	",\"ContainerID\":\"" ID_A "\",\"Pid\":" pid "}"
#define ASKED "/v1.41/exec/" EXEC "/json\n"

/* Asks for EXEC, of which ANSWERS are told, and goes on for a while. Returns what came of it. */
static const char *ask_for_exec(const char *const *answers, unsigned int steps)
{
	played_execs = answers;
	played.log[0] = '\0';
	engine_inspect_exec(played.engine, bytes_of(EXEC));
	for (unsigned int i = 0; i < steps; i++) {
		engine_waits_for_execs(played.engine, played.now);
		for (unsigned int k = 0; k < 10; k++)
			run_once();
		played.now += 5 * NS_PER_MS;
	}
	return played.log;
}

static void test_execs(void **state)
{
	static const char *const runs[] = {EXEC_ANSWER("false", "null", "0"),
					   EXEC_ANSWER("true", "null", "0"),
					   EXEC_ANSWER("true", "null", "7"), NULL};
	static const char *const ended[] = {EXEC_ANSWER("false", "0", "0"),
					    EXEC_ANSWER("false", "0", "7"), NULL};
	static const char *const odd[] = {
		EXEC_ANSWER("true", "null", "-7"), EXEC_ANSWER("true", "null", "4294967303"),
		EXEC_ANSWER("true", "null", "\"7\""), EXEC_ANSWER("false", "126", "0"), NULL};
	static const char *const never[] = {EXEC_ANSWER("false", "null", "0"), NULL};

	run_until_idle();
	assert_false(engine_waits_for_execs(played.engine, played.now));
	/* Asked until it runs, and once more, at ever longer intervals. */
	assert_string_equal(ask_for_exec(runs, 20), ASKED ASKED ASKED
			    "bbbb in aaaa is 7 at 25\n" ASKED "bbbb in aaaa is 7 at 25\n");
	assert_false(engine_waits_for_execs(played.engine, played.now));
	/* An exec that was never seen to run has no process that could be told from another one. */
	assert_string_equal(ask_for_exec(ended, 20), ASKED ASKED);
	assert_string_equal(ask_for_exec(odd, 40), ASKED ASKED ASKED ASKED);
	played_execs = NULL; /* 404 */
	assert_string_equal(ask_for_exec(NULL, 20), ASKED);
	engine_inspect_exec(played.engine, bytes_of("short"));
	assert_false(engine_waits_for_execs(played.engine, played.now));
	/* Given up after a minute. */
	ask_for_exec(never, 1);
	assert_true(engine_waits_for_execs(played.engine, played.now));
	assert_true(engine_waits_for_execs(played.engine, played.now + 59 * NS_PER_S));
	assert_false(engine_waits_for_execs(played.engine, played.now + 60 * NS_PER_S));
	/* As many as there is room for. */
	for (unsigned int i = 0; i <= 1024; i++) {
		char id[ID_DIGITS + 1];

		snprintf(id, sizeof(id), "%064x", i);
		engine_inspect_exec(played.engine, bytes_of(id));
	}
	assert_int_equal(stats().overflows, 1);
}

static void test_refresh_drops_what_is_gone(void **state)
{
	struct inventory_container old = {.id = bytes_of("c0ffee" ID_A), .name = bytes_of("old")};

	old.id.size = ID_DIGITS;
	run_until_idle();
	inventory_put_container(played.inventory, &old);
	engine_refresh(played.engine);
	run_until_idle();
	assert_null(find("old"));
	assert_known();
	assert_int_equal(stats().refreshes, 2);
}

static void test_overflow_is_a_refresh(void **state)
{
	char name[32];

	run_until_idle();
	for (unsigned int i = 0; i <= QUEUE_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		engine_inspect(played.engine, bytes_of(name));
	}
	assert_int_equal(stats().overflows, 1);
	assert_int_equal(stats().waiting, QUEUE_MAX);
	run_until_idle();
	run_until_idle();
	assert_int_equal(stats().refreshes, 2);
	assert_int_equal(stats().gone, QUEUE_MAX);
}

static char *answer_as_podman(const char *target)
{
	if (strcmp(target, "/version") != 0)
		return strstr(target, "/info") ? respond("200 OK", "", "{}") : answer_well(target);
	return respond("200 OK", "",
		       "{\"Components\":[null,{\"Name\":\"Conmon\"},{\"Name\":\"Podman Engine\","
		       "\"Details\":{\"Arch\":\"amd64\"}}],\"ApiVersion\":\"1.41\"}");
}

static void test_what_it_is(void **state)
{
	run_until_idle();
	assert_false(stats().podman);
	assert_true(stats().swarm);
	played.answer = answer_as_podman;
	engine_refresh(played.engine);
	run_until_idle();
	assert_true(stats().podman);
	assert_false(stats().swarm);
	played.answer = answer_well;
	engine_refresh(played.engine);
	run_until_idle();
	assert_false(stats().podman);
	assert_true(stats().swarm);
}

static void assert_refreshed(unsigned int times, unsigned int complete, uint64_t inspected)
{
	assert_int_equal(played.refreshed, times);
	assert_int_equal(played.complete, complete);
	assert_int_equal(played.inspected, inspected);
}

static void test_refreshed(void **state)
{
	while (stats().inspected < 2) {
		assert_int_equal(played.refreshed, 0);
		run_once();
	}
	assert_refreshed(1, 1, 2);
	engine_inspect(played.engine, bytes_of("web"));
	run_until_idle();
	pass(100);
	assert_refreshed(1, 1, 2);
	engine_refresh(played.engine); /* what comes in between is waited for */
	while (strcmp(strrchr(played.log, '/'), "/volumes\n") != 0)
		run_once();
	engine_inspect(played.engine, bytes_of("web"));
	run_until_idle();
	assert_refreshed(2, 2, 6);
}

/* What is asked meanwhile does not put it off. */
static void test_refreshed_in_time(void **state)
{
	do {
		if (stats().inspected)
			engine_inspect(played.engine, bytes_of("web"));
		run_once();
	} while (stats().inspected < 10);
	assert_refreshed(1, 1, 2);
}

static void test_overtaken_refresh(void **state)
{
	while (stats().listing)
		run_once();
	engine_refresh(played.engine);
	run_until_idle();
	assert_refreshed(1, 1, 3);
}

/* --- as it should not be ---------------------------------------------------------------------- */

static const char *bad_target;
static char *(*bad_answer)(void);

static char *answer_badly(const char *target)
{
	return strstr(target, bad_target) ? bad_answer() : answer_well(target);
}

static char *not_found(void)
{
	return respond("404 Not Found", "", "{\"message\":\"no\"}");
}

static char *broken(void)
{
	return respond("500 Internal Server Error", "", "{\"message\":\"no\"}");
}

static char *garbage(void)
{
	return strdup("\x15\x03\x01 what?\r\n\r\n\r\n");
}

static char *no_json(void)
{
	return respond("200 OK", "", "[{\"Id\":\"" ID_B "\",]");
}

static char *another(void)
{
	return respond("200 OK", "", "{\"Id\":\"" ID_B "\"}");
}

static char *two(void)
{
	return strdup("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n");
}

static char *switching(void)
{
	return strdup("HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\n"
		      "Connection: Upgrade\r\n\r\n");
}

static char *nothing(void)
{
	return NULL;
}

static void test_container_gone(void **state)
{
	bad_target = "/containers/" ID_A;
	bad_answer = not_found;
	played.answer = answer_badly;
	run_until_idle();
	assert_null(find("web"));
	assert_non_null(find("db"));
	assert_int_equal(stats().gone, 1);
	assert_int_equal(stats().failures, 0);
}

/* Whatever comes instead of an answer: all the rest is asked, and no container is taken for gone. */
static void test_bad_answers(void **state)
{
	static char *(*const answers[])(void) = {broken, garbage,   no_json, another,
						 two,	 switching, nothing};
	static const char *const targets[] = {"/version", "/info",     "/volumes",
					      "/images",  "/json?all", ("/containers/" ID_A)};

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		for (size_t k = 0; k < sizeof(targets) / sizeof(*targets); k++) {
			bool harmless = answers[i] == two && k < 4;

			played.answer = answer_well;
			run_until_idle();
			bad_target = targets[k];
			bad_answer = answers[i];
			played.answer = answer_badly;
			uint64_t failures = stats().failures;
			engine_refresh(played.engine);
			pass(40);
			if (is_busy())
				fail_msg("stuck with answer %zu to %s", i, targets[k]);
			if (!harmless && stats().failures == failures && answers[i] != another)
				fail_msg("answer %zu to %s did not fail", i, targets[k]);
			assert_non_null(find("web"));
			assert_non_null(find("db"));
			played.answer = answer_well;
			pass(130); /* time heals */
			engine_refresh(played.engine);
			run_until_idle();
			assert_known();
		}
}

/* Neither the version nor whether it is in a swarm is needed for the rest. */
static void test_refreshed_all_the_same(void **state)
{
	static const char *const targets[] = {"/version", "/info"};
	static char *(*const answers[])(void) = {not_found, broken, garbage, nothing};

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		for (size_t k = 0; k < sizeof(answers) / sizeof(*answers); k++) {
			uint64_t failures = stats().failures;

			played.refreshed = played.complete = 0;
			bad_target = targets[i];
			bad_answer = answers[k];
			played.answer = answer_badly;
			engine_refresh(played.engine);
			pass(40);
			assert_int_equal(stats().failures, failures + 1);
			assert_int_equal(played.refreshed, 1);
			assert_int_equal(played.complete, 1);
			assert_known();
			played.answer = answer_well;
			server_hang_up();
			pass(130);
		}
	assert_true(stats().swarm); /* by its last word */
}

static void test_refreshed_in_part(void **state)
{
	static const char *const targets[] = {"/volumes", "/images", "/json?all"};
	static char *(*const answers[])(void) = {not_found, broken, no_json, garbage, nothing};

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		for (size_t k = 0; k < sizeof(answers) / sizeof(*answers); k++) {
			played.refreshed = played.complete = 0;
			bad_target = targets[i];
			bad_answer = answers[k];
			played.answer = answer_badly;
			engine_refresh(played.engine);
			pass(40);
			assert_int_equal(played.refreshed, 1);
			assert_int_equal(played.complete, 0);
			played.answer = answer_well;
			server_hang_up();
			pass(7400); /* it was tried again */
			assert_int_equal(played.complete, k > 0);
		}
}

/* A container that cannot be inspected is still on the list. */
static void test_refreshed_without_one(void **state)
{
	bad_target = "/containers/" ID_A;
	bad_answer = broken;
	played.answer = answer_badly;
	run_until_idle();
	assert_refreshed(1, 1, 1);
}

/* Nobody is told when all is over. */
static void test_freed_in_between(void **state)
{
	played.answer = answer_well;
	while (strcmp(played.log, "") == 0 || !strstr(played.log, "?all"))
		run_once();
	engine_free(played.engine);
	assert_int_equal(played.refreshed, 0);
	assert_int_equal(engine_new(&played.options, &played.engine), 0);
}

static const char *const *told_places;

static char *answer_with_places(const char *target)
{
	return strstr(target, "/info") ? respond("200 OK", "", *told_places) : answer_well(target);
}

/* Where it keeps its files is what it said last. */
static void test_places(void **state)
{
	static const struct {
		const char *answer, *data, *containerd;
	} cases[] = {
		{"{}", "", ""},
		{"{\"DockerRootDir\":\"/d\"}", "/d", ""},
		{"{\"DockerRootDir\":\"/e\",\"Containerd\":{\"Address\":\"/c.sock\"}}", "/e",
		 "/c.sock"},
		{"{\"DockerRootDir\":\"f\",\"Containerd\":null}", "/e", "/c.sock"},
	};
	const struct daemon *places = engine_places(played.engine);

	played.answer = answer_with_places;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		told_places = &cases[i].answer;
		engine_refresh(played.engine);
		run_until_idle();
		assert_string_equal(places->paths[DAEMON_DATA_ROOT], cases[i].data);
		assert_string_equal(places->paths[DAEMON_CONTAINERD], cases[i].containerd);
		assert_string_equal(places->paths[DAEMON_EXEC_ROOT], "");
		assert_int_equal(played.introduced, i + 1);
	}
}

/* A list that failed says nothing of what is not on it. */
static void test_failed_list_drops_nothing(void **state)
{
	run_until_idle();
	bad_target = "/json?all";
	bad_answer = broken;
	played.answer = answer_badly;
	engine_refresh(played.engine);
	run_until_idle();
	assert_int_equal(stats().refreshes, 1);
	assert_int_equal(stats().failures, 1);
	assert_known();
	pass(59);
	assert_int_equal(stats().failures, 1);
	pass(2); /* a minute later, and then two */
	assert_int_equal(stats().failures, 2);
	pass(110);
	assert_int_equal(stats().failures, 2);
	played.answer = answer_well;
	pass(15);
	assert_int_equal(stats().refreshes, 2);
}

static void test_cut_off(void **state)
{
	static const size_t sizes[] = {0, 1, 20, 60};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		run_until_idle();
		engine_refresh(played.engine);
		server.portion = sizes[i];
		for (int k = 0; k < 5; k++)
			run_once();
		server_hang_up();
		server.portion = SIZE_MAX;
		pass(100);
		assert_known();
		assert_false(is_busy());
	}
}

static char *endless_data;

static char *endless(const char *target)
{
	return strdup(endless_data);
}

/* An answer that never ends, in any way, is left alone in the end. */
static void test_endless_answers(void **state)
{
	static const char *const starts[] = {
		"HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\n\r\n{\"x\":\"",
		"HTTP/1.1 200 OK\r\n\r\n[[[[[["};

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		uint64_t failures = stats().failures;

		endless_data = malloc(12 << 20);
		memset(endless_data, starts[i][strlen(starts[i]) - 1] == '[' ? '[' : 'x', 12 << 20);
		memcpy(endless_data, starts[i], strlen(starts[i]));
		endless_data[(12 << 20) - 1] = '\0';
		played.answer = endless;
		engine_refresh(played.engine);
		pass(5);
		if (stats().failures == failures)
			fail_msg("it takes whatever follows %s", starts[i]);
		played.answer = answer_well;
		server_hang_up();
		pass(1000);
		free(endless_data);
	}
}

static void test_silence(void **state)
{
	bad_target = "/volumes";
	bad_answer = nothing;
	played.answer = answer_badly;
	pass(9);
	assert_int_equal(stats().failures, 0);
	assert_true(stats().connected);
	pass(2);
	assert_int_equal(stats().failures, 1);
	pass(2); /* the rest, on another connection */
	assert_int_equal(stats().connects, 2);
	assert_int_equal(stats().inspected, 2);
}

static void test_drip(void **state)
{
	server.portion = 1;
	for (unsigned int i = 0; i < 599; i += 9) {
		played.now += 9 * NS_PER_S;
		run_once();
	}
	assert_int_equal(stats().failures, 0);
	played.now += 9 * NS_PER_S;
	run_once();
	assert_int_equal(stats().failures, 1);
}

/* --- coming and going ------------------------------------------------------------------------- */

static void test_nobody_there(void **state)
{
	server_stop();
	pass(60);
	assert_int_equal(stats().requests, 0);
	assert_false(stats().connected);
	assert_int_equal(stats().error, -ENOENT);
	server_listen();
	pass(5);
	assert_known();
	assert_int_equal(stats().error, 0);
}

static void test_not_allowed(void **state)
{
	assert_int_equal(chmod(server.path, 0600), 0);
	if (!geteuid())
		assert_int_equal(chmod(directory, 0755) | seteuid(65534), 0);
	else
		assert_int_equal(chmod(server.path, 0), 0);
	pass(3);
	assert_false(stats().connected);
	assert_int_equal(stats().error, -EACCES);
	if (geteuid() == 65534)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(server.path, 0600), 0);
	pass(5);
	assert_known();
	assert_int_equal(stats().error, 0);
}

static void test_backlog_full(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int others[16];

	listen(server.listener, 0);
	strcpy(address.sun_path, server.path);
	for (int i = 0; i < 16; i++) {
		others[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(others[i], (struct sockaddr *)&address, sizeof(address));
	}
	engine_run(played.engine, played.now); /* does not block */
	assert_false(stats().connected);
	for (int i = 0; i < 16; i++)
		close(others[i]);
	listen(server.listener, 8);
	pass(30);
	assert_known();
}

static void test_the_same_engine_closes(void **state)
{
	run_until_idle();
	server_hang_up();
	pass(5);
	assert_true(stats().connected);
	assert_int_equal(stats().refreshes, 1);
	for (int i = 0; i < 100;
	     i++) { /* again and again: it is left alone for longer and longer */
		server_hang_up();
		pass(1);
	}
	assert_in_range(stats().connects, 3, 12);
}

static void test_another_engine(void **state)
{
	server.pid = 4000000;
	run_until_idle();
	server.pid = 0;
	server_hang_up();
	pass(5);
	assert_int_equal(stats().refreshes, 2);
	server_stop();
	pass(4); /* nobody is there for a while */
	server_listen();
	pass(8);
	assert_int_equal(stats().refreshes, 3);
}

static void test_started_by_systemd(void **state)
{
	server.pid = 1;
	run_until_idle();
	server_hang_up();
	pass(1000);
	assert_true(stats().dormant);
	assert_false(stats().connected);
	engine_seen(played.engine);
	pass(1);
	assert_true(stats().connected);
	assert_int_equal(stats().refreshes, 2);
}

/* --- size ------------------------------------------------------------------------------------- */

enum { MANY = 5000 };

static char *answer_many(const char *target)
{
	struct text list = {0};
	char *response;

	if (strstr(target, "/containers/") && !strstr(target, "?all")) {
		text_add_string(&list, "{\"Id\":\"");
		text_add(&list, strstr(target, "/containers/") + 12, ID_DIGITS);
		text_add_string(&list, "\"}");
	} else if (strstr(target, "?all")) {
		for (unsigned int i = 0; i < MANY; i++) {
			char element[256];

			snprintf(element, sizeof(element),
				 "%c{\"Id\":\"%08x%.56s\",\"Names\":[\"/c%u\"],\"Labels\":{\"x\":"
				 "\"%0100u\"}}",
				 i ? ',' : '[', i * 2654435761u, ID_A, i, i);
			text_add_string(&list, element);
		}
		text_add_string(&list, "]");
	} else {
		return answer_well(target);
	}
	response = respond("200 OK", "", list.data);
	text_free(&list);
	return response;
}

static void test_many(void **state)
{
	size_t most = 0;

	played.answer = answer_many;
	do {
		run_once();
		if (played.body && body_memory(played.body) > most)
			most = body_memory(played.body);
	} while (is_busy());
	assert_int_equal(stats().inspected, MANY);
	assert_int_equal(stats().failures, 0);
	assert_in_range(played.most_requests, 1, RUN_REQUESTS);
	assert_in_range(most, 1, 64 << 10);
	assert_true(find("c4999")->inspected);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_strict),
		TEST(test_all_is_asked),
		TEST(test_byte_by_byte),
		TEST(test_chunks),
		TEST(test_an_engine_that_always_closes),
		TEST(test_inspect),
		TEST(test_execs),
		TEST(test_refresh_drops_what_is_gone),
		TEST(test_overflow_is_a_refresh),
		TEST(test_what_it_is),
		TEST(test_refreshed),
		TEST(test_refreshed_in_time),
		TEST(test_overtaken_refresh),
		TEST(test_container_gone),
		TEST(test_bad_answers),
		TEST(test_refreshed_all_the_same),
		TEST(test_refreshed_in_part),
		TEST(test_refreshed_without_one),
		TEST(test_freed_in_between),
		TEST(test_places),
		TEST(test_failed_list_drops_nothing),
		TEST(test_cut_off),
		TEST(test_endless_answers),
		TEST(test_silence),
		TEST(test_drip),
		TEST(test_nobody_there),
		TEST(test_not_allowed),
		TEST(test_backlog_full),
		TEST(test_the_same_engine_closes),
		TEST(test_another_engine),
		TEST(test_started_by_systemd),
		TEST(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
