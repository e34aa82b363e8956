// SPDX-License-Identifier: Apache-2.0
/* What is said of callerd's own state: judged, as metrics, in a file, on a socket with clients of all kinds. */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "agent/command/bugreport.h"
#include "files.h"
#include "health/endpoint.h"
#include "health/health.h"
#include "health/metrics.h"

static int make_health_directory(void **state)
{
	return files_prepare("/tmp");
}

static int remove_health_directory(void **state)
{
	return files_remove(directory);
}

static void assert_file(const char *path, const char *wanted)
{
	size_t size;
	char *data = files_read(path, &size);

	assert_non_null(data);
	assert_string_equal(data, wanted);
	free(data);
}

static struct health well(void)
{
	struct health health = {
		.version = "1.2.3",
		.backend = "trampoline",
		.started = 5 * NS_PER_S + 1,
		.now = 1000 * NS_PER_S,
		.kernel_events = 77,
		.losses = {{"ring-full-request", 0}, {"output-full", 0}},
		.loss_count = 2,
		.capture_losses = 1,
		.rings = {{"callers", 512, 4096}, {"payload", 0, 8192}},
		.programs = {{"connect_begin", 12, 3 * NS_PER_S + 5, 1}},
		.program_count = 1,
		.outputs = {{.name = "file:/a", .waiting = 2, .written = 10}},
		.output_count = 1,
		.engines = {{"/run/docker.sock", ENGINE_REACHED}},
		.engine_count = 1,
		.cpu_user = NS_PER_S / 2,
		.memory = 4096,
	};

	health.records[RECORD_API_REQUEST] = 9;
	return health;
}

/* --- judged ----------------------------------------------------------------------------------- */

static void assert_judged(const struct health_memory *memory, const struct health *health,
			  const char *wanted)
{
	struct text text = {0};
	bool healthy = health_judge(memory, health, &text);

	assert_string_equal(text.data, wanted);
	assert_int_equal(healthy, !strcmp(wanted, "ok\n"));
	text_free(&text);
}

static void all_is_well(void **state)
{
	struct health_memory memory = {0};
	struct health health = well();

	health_note(&memory, &health);
	assert_judged(&memory, &health, "ok\n");
	health.engines[0].state = ENGINE_ABSENT; /* a host without an engine is no fault */
	health.test = HEALTH_PASSED;
	assert_judged(&memory, &health, "ok\n");
}

static void hooks(void **state)
{
	struct health_memory memory = {0};
	struct health health = well();

	health_note(&memory, &health);
	health.programs[0].detached = true;
	assert_judged(&memory, &health, "not attached: connect_begin was taken off its hook\n");
	health.program_count = 0;
	assert_judged(&memory, &health, "not attached: there is no kernel program\n");
	health = well();
	health.unseen = 2;
	health_note(&memory, &health);
	assert_judged(&memory, &health,
		      "hooks do not fire: 2 connections since the start were not seen, the last "
		      "within the last minute\n");
	health.test = HEALTH_FAILED;
	health.test_fault = "no\nrecord";
	health.now += 60 * NS_PER_S;
	health.outputs[0].written++;
	health_note(&memory, &health);
	assert_judged(&memory, &health, "self-test: no\\nrecord\n");
}

static void losses(void **state)
{
	struct health_memory memory = {0};
	struct health health = well();

	health.losses[0].value = 3;
	health.losses[1].value = 5; /* an output's: told of that */
	health_note(&memory, &health);
	assert_judged(
		&memory, &health,
		"lost within the last minute of what happened at the sockets; since the start "
		"3 (ring-full-request)\n");
	health.now += 60 * NS_PER_S;
	health.outputs[0].written++;
	health_note(&memory, &health);
	assert_judged(&memory, &health, "ok\n");
}

static void outputs(void **state)
{
	struct health_memory memory = {0};
	struct health health = well();

	health_note(&memory, &health);
	health.now += 9 * NS_PER_S;
	health_note(&memory, &health);
	assert_judged(&memory, &health, "ok\n");
	health.now += NS_PER_S;
	health_note(&memory, &health);
	assert_judged(&memory, &health,
		      "output file:/a: is behind: 2 records wait, and none is written\n");
	health.outputs[0].written++;
	health_note(&memory, &health);
	assert_judged(&memory, &health, "ok\n");
	health.outputs[0].lost = 4;
	health_note(&memory, &health);
	assert_judged(&memory, &health,
		      "output file:/a: lost records within the last minute, 4 since the start\n");
	health.outputs[0].name = "file:/b"; /* another one in its place */
	health.outputs[0].lost = 0;
	health.outputs[0].trouble = "cannot write file:/b: \033[2J";
	health_note(&memory, &health);
	assert_judged(&memory, &health, "output file:/b: cannot write file:/b: \\e[2J\n");
}

static void engines(void **state)
{
	struct health_memory memory = {0};
	struct health health = well();

	health_note(&memory, &health);
	health.engines[0].state = ENGINE_UNREACHABLE;
	health.engines[0].error = EACCES;
	assert_judged(&memory, &health, "engine /run/docker.sock: cannot be asked: EACCES\n");
}

/* --- as metrics ------------------------------------------------------------------------------- */

static void assert_has(const struct text *text, const char *wanted)
{
	if (!strstr(text->data, wanted))
		fail_msg("no %s in %s", wanted, text->data);
}

static void metrics(void **state)
{
	struct health health = well();
	struct text text = {0};

	metrics_add(&text, &health, true);
	assert_has(&text, "\n# TYPE callerd_records_total counter\n");
	assert_has(&text, "\ncallerd_records_total{action=\"api-request\"} 9\n");
	assert_has(&text, "\ncallerd_lost_total{reason=\"ring-full-request\"} 0\n");
	assert_has(&text, "\ncallerd_build_info{version=\"1.2.3\",backend=\"trampoline\"} 1\n");
	assert_has(&text, "\ncallerd_start_time_seconds 5.000000001\n");
	assert_has(&text, "\ncallerd_healthy 1\n");
	assert_has(&text, "\ncallerd_cpu_seconds_total{mode=\"user\"} 0.500000000\n");
	assert_has(&text, "\ncallerd_ring_waiting_bytes{ring=\"callers\"} 512\n");
	assert_has(&text, "\ncallerd_program_missed_total{program=\"connect_begin\"} 1\n");
	assert_has(&text, "\ncallerd_output_waiting_records{output=\"file:/a\"} 2\n");
	assert_has(&text,
		   "\ncallerd_engine_state{socket=\"/run/docker.sock\",state=\"reached\"} 1\n");
	assert_has(&text,
		   "\ncallerd_engine_state{socket=\"/run/docker.sock\",state=\"absent\"} 0\n");
	/* What is not known is not there. */
	assert_null(strstr(text.data, "program_runs"));
	assert_null(strstr(text.data, "self_test_success"));
	text_cut(&text, 0);
	health.timed = true;
	health.test = HEALTH_FAILED;
	health.tested = 7 * NS_PER_S;
	metrics_add(&text, &health, false);
	assert_has(&text, "\ncallerd_healthy 0\n");
	assert_has(&text, "\ncallerd_program_runs_total{program=\"connect_begin\"} 12\n");
	assert_has(&text,
		   "\ncallerd_program_run_seconds_total{program=\"connect_begin\"} 3.000000005\n");
	assert_has(&text, "\ncallerd_self_test_success 0\n");
	assert_has(&text, "\ncallerd_self_test_timestamp_seconds 7.000000000\n");
	text_free(&text);
}

/* Every line is a comment or a sample, whatever names there are. */
static void metrics_of_odd_names(void **state)
{
	struct health health = well();
	struct text text = {0};
	struct bytes rest, line;

	health.outputs[0].name = "file:/a\"} 1\ncallerd_x{y=\"\\ \xff\033";
	metrics_add(&text, &health, true);
	rest = text_since(&text, 0);
	while (bytes_take(&rest, '\n', &line) && rest.data)
		assert_true(bytes_begin(line, "# HELP callerd_") ||
			    bytes_begin(line, "# TYPE callerd_") || bytes_begin(line, "callerd_"));
	assert_has(&text, "\ncallerd_output_lost_total{output=\"file:/a\\\"} "
			  "1\\ncallerd_x{y=\\\"\\\\ \xef\xbf\xbd\\\\e\"} 0\n");
	text_free(&text);
}

/* Each sample is there once. */
static void metrics_of_one_place(void **state)
{
	struct health health = well();
	struct text text = {0};

	for (; health.output_count < 3; health.output_count++)
		health.outputs[health.output_count] = (struct record_output){.name = "file:/a"};
	metrics_add(&text, &health, true);
	assert_has(&text, "\ncallerd_output_waiting_records{output=\"file:/a\"} 2\n"
			  "callerd_output_waiting_records{output=\"file:/a (2)\"} 0\n"
			  "callerd_output_waiting_records{output=\"file:/a (3)\"} 0\n");
	assert_has(&text, "\ncallerd_output_failing{output=\"file:/a (3)\"} 0\n");
	text_free(&text);
}

/* For a bug report: no name that a site chose, however it is written. */
static void without_names(void **state)
{
	struct health health = well();
	struct text text = {0}, out = {0};

	health.outputs[0].name = "file:/canary\"} 1\ncallerd_canary{action=\"canary\\";
	health.engines[0].socket = "/canary\\\",state=\"";
	metrics_add(&text, &health, true);
	assert_has(&text, "canary");
	bugreport_add_metrics(&out, text_since(&text, 0));
	assert_null(strstr(out.data, "canary"));
	assert_has(&out, "\ncallerd_records_total{action=\"api-request\"} 9\n");
	assert_has(&out, "\ncallerd_output_waiting_records{output=\"(withheld)\"} 2\n");
	assert_has(&out, "\ncallerd_engine_state{socket=\"(withheld)\",state=\"reached\"} 1\n");
	text_cut(&out, 0);
	bugreport_add_config(&out,
			     bytes_of("# /canary\n[callerd]\nsocket = /canary ; /canary:3\n"
				      "connections = 99 ; /canary:4\nhuman = no ; default\n"
				      "nosuch = canary ; x\n\n[expected canary]\nuser = canary\n"
				      "operations = ContainerList\n"));
	assert_string_equal(out.data,
			    "[callerd]\nsocket = (withheld)\nconnections = 99\nhuman = no ; "
			    "default\nnosuch = (withheld)\n[expected (withheld)]\nuser = "
			    "(withheld)\noperations = ContainerList\n");
	text_cut(&out, 0);
	bugreport_add_health(&out, bytes_of("output canary: is behind\nengine /canary: x\nok\n"));
	assert_string_equal(out.data, "output (withheld)\nengine (withheld)\nok\n");
	text_cut(&out, 0);
	bugreport_add_details(
		&out,
		bytes_of("backend a: 1/2; not pinned: /x/canary canary/y: Is a directory\n"
			 "backend a: b; not pinned: /x holds canary, which is not callerd's\n"
			 "backend a: b; taken over from /canary; pinned at /canary b\nmap c\n"));
	assert_string_equal(out.data,
			    "backend a: 1/2; not pinned: (withheld): Is a directory\n"
			    "backend a: b; not pinned: (withheld)\n"
			    "backend a: b; taken over from (withheld); pinned at (withheld)\n"
			    "map c\n");
	text_free(&out);
	text_free(&text);
}

/* --- in a file -------------------------------------------------------------------------------- */

static void finish_writing(struct beside *beside)
{
	struct pollfd fd = {.fd = beside_fd(beside), .events = POLLIN};

	while (beside_is_waiting(beside)) {
		poll(&fd, 1, 100);
		beside_run(beside, 1);
	}
}

static void file(void **state)
{
	_cleanup_(text_free) struct text text = {0};
	struct metrics_file *file;
	struct beside *beside;
	struct stat info;
	char path[128], moved[128], why[256];

	snprintf(path, sizeof(path), "%s/callerd.prom", directory);
	snprintf(moved, sizeof(moved), "%s/elsewhere", directory);
	assert_int_equal(beside_new(NULL, &beside), 0);
	assert_int_equal(metrics_file_open("/no/such/callerd.prom", &file, why, sizeof(why)),
			 -ENOENT);
	assert_string_equal(why, "cannot write /no/such/callerd.prom: No such file or directory");
	assert_int_equal(metrics_file_open(path, &file, why, sizeof(why)), 0);
	assert_true(metrics_file_is_due(file, 1));
	text_add_string(&text, "one\n");
	umask(077);
	metrics_file_write(file, beside, &text, 1);
	assert_false(metrics_file_is_due(file, 100 * NS_PER_S)); /* while it is written */
	finish_writing(beside);
	umask(022);
	assert_file(path, "one\n");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0644);
	assert_null(metrics_file_news(file));
	assert_false(metrics_file_is_due(file, 2 * NS_PER_S));
	assert_true(metrics_file_is_due(file, 16 * NS_PER_S));
	/* A link in its place is replaced, and what it leads to is not touched. */
	unlink(path);
	assert_int_equal(symlink(moved, path), 0);
	text_add_string(&text, "two\n");
	metrics_file_write(file, beside, &text, 16 * NS_PER_S);
	finish_writing(beside);
	assert_file(path, "two\n");
	assert_int_equal(access(moved, F_OK), -1);
	/* It cannot be written. */
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	text_add_string(&text, "three\n");
	metrics_file_write(file, beside, &text, 40 * NS_PER_S);
	finish_writing(beside);
	snprintf(why, sizeof(why), "cannot write %s: Is a directory", path);
	assert_string_equal(metrics_file_news(file), why);
	assert_null(metrics_file_news(file));
	rmdir(path);
	text_add_string(&text, "four\n");
	metrics_file_write(file, beside, &text, 60 * NS_PER_S);
	finish_writing(beside);
	snprintf(why, sizeof(why), "%s can be written again", path);
	assert_string_equal(metrics_file_news(file), why);
	assert_file(path, "four\n");
	assert_true(beside_free(beside));
	metrics_file_close(file);
	assert_int_equal(access(path, F_OK), -1);
}

/* --- on a socket ------------------------------------------------------------------------------ */

static struct endpoint *endpoint;
static char socket_path[108];

static int connect_client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* What comes until the end. */
static const char *receive_all(int fd)
{
	static char answer[1 << 16];
	size_t size = 0;
	ssize_t got;

	while ((got = recv(fd, answer + size, sizeof(answer) - 1 - size, 0)) > 0)
		size += (size_t)got;
	answer[size] = '\0';
	close(fd);
	return answer;
}

static const char *ask(const char *request)
{
	int fd = connect_client();

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return receive_all(fd);
}

static void assert_begins(const char *answer, const char *wanted)
{
	if (strncmp(answer, wanted, strlen(wanted)) != 0)
		fail_msg("%s does not begin with %s", answer, wanted);
}

static const char *body_of(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

/* The loop's part: publishes whenever it is asked to. */
static bool publishing, loop_ends, wrong;

static void *publish_always(void *data)
{
	while (!__atomic_load_n(&loop_ends, __ATOMIC_ACQUIRE)) {
		struct text metrics = {0}, health = {0}, details = {0};
		bool ill = __atomic_load_n(&wrong, __ATOMIC_ACQUIRE);

		if (__atomic_load_n(&publishing, __ATOMIC_ACQUIRE) && endpoint_wants(endpoint)) {
			text_add_string(&metrics, "a 1\n");
			text_add_string(&health, ill ? "it rains\n" : "ok\n");
			text_add_string(&details, "backend none\n");
			endpoint_publish(endpoint, &metrics, &health, !ill, &details);
		}
		if (endpoint_take_test(endpoint))
			endpoint_tested(endpoint, ill ? "failed\nx\n" : "passed\n", !ill);
		text_free(&metrics);
		text_free(&health);
		text_free(&details);
		poll(NULL, 0, 1);
	}
	return NULL;
}

static pthread_t loop;

static int open_endpoint(void **state)
{
	char why[8192];

	snprintf(socket_path, sizeof(socket_path), "%s/health.sock", directory);
	loop_ends = wrong = false;
	publishing = true;
	if (endpoint_open(socket_path, (gid_t)-1, false, &endpoint, why, sizeof(why)))
		return -1;
	return pthread_create(&loop, NULL, publish_always, NULL);
}

static int close_endpoint(void **state)
{
	__atomic_store_n(&loop_ends, true, __ATOMIC_RELEASE);
	pthread_join(loop, NULL);
	endpoint_close(endpoint);
	return access(socket_path, F_OK) ? 0 : -1;
}

static void answers(void **state)
{
	const char *answer = ask("GET /metrics?x HTTP/1.1\r\nHost: x\r\n\r\n");
	struct stat info;

	assert_int_equal(stat(socket_path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_begins(answer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; "
			      "charset=utf-8\r\nContent-Length: 4\r\n");
	assert_string_equal(body_of(answer), "a 1\n");
	answer = ask("GET /healthz HTTP/1.0\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 200 ");
	assert_string_equal(body_of(answer), "ok\n");
	answer = ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 200 ");
	assert_string_equal(body_of(answer), "");
	assert_begins(ask("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 405 ");
	assert_begins(ask("GET /self-test HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 405 ");
	assert_begins(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 ");
	assert_begins(ask("GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 ");
	assert_begins(ask("\026\003\001\r\n\r\n"), "HTTP/1.1 400 ");
}

static void is_ill(void **state)
{
	const char *answer;

	__atomic_store_n(&wrong, true, __ATOMIC_RELEASE);
	answer = ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 503 ");
	assert_string_equal(body_of(answer), "it rains\n");
	assert_begins(ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ");
}

static void loop_hangs(void **state)
{
	const char *answer;

	__atomic_store_n(&publishing, false, __ATOMIC_RELEASE);
	answer = ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_begins(answer, "HTTP/1.1 503 ");
	assert_string_equal(body_of(answer), "the main loop of callerd does not answer\n");
}

static void too_long(void **state)
{
	char request[6000] = "GET /metrics HTTP/1.1\r\nX: ";

	memset(request + strlen(request), 'x', sizeof(request) - 1 - strlen(request));
	assert_begins(ask(request), "HTTP/1.1 431 ");
}

/* Those who say nothing keep no place from others for long, and take no more than a few. */
static void too_many(void **state)
{
	int idle[8];
	unsigned int refused = 0;
	char byte;

	for (size_t i = 0; i < COUNT(idle); i++)
		idle[i] = connect_client();
	for (size_t i = 0; i < COUNT(idle); i++) {
		struct pollfd fd = {.fd = idle[i], .events = POLLIN};

		if (i >= 4 && poll(&fd, 1, 2000) == 1 && recv(idle[i], &byte, 1, 0) == 0)
			refused++;
	}
	assert_int_equal(refused, 4);
	for (size_t i = 0; i < 4; i++) /* their time passes, without an answer */
		assert_string_equal(receive_all(idle[i]), "");
	for (size_t i = 4; i < COUNT(idle); i++)
		close(idle[i]);
	assert_begins(ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ");
}

/* Users who are many take no place from root. */
static void of_many_users(void **state)
{
	int idle[16];

	if (getuid() != 0)
		skip();
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(chmod(socket_path, 0666), 0);
	for (size_t i = 0; i < COUNT(idle); i++) {
		/* Of this thread alone, unlike seteuid(). */
		assert_int_equal(syscall(SYS_setresuid, -1, 65000 + i / 4, -1), 0);
		idle[i] = connect_client();
		assert_int_equal(syscall(SYS_setresuid, -1, 0, -1), 0);
	}
	assert_begins(ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ");
	for (size_t i = 0; i < COUNT(idle); i++) {
		struct pollfd fd = {.fd = idle[i], .events = POLLIN};

		if (i < 12) /* root did not wait for their time to pass */
			assert_int_equal(poll(&fd, 1, 0), 0);
		close(idle[i]);
	}
}

static void byte_by_byte(void **state)
{
	const char *request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = connect_client();

	for (; *request; request++)
		assert_int_equal(send(fd, request, 1, MSG_NOSIGNAL), 1);
	assert_begins(receive_all(fd), "HTTP/1.1 200 ");
}

static void self_test(void **state)
{
	struct text report = {0};

	if (getuid() != 0) {
		assert_int_equal(endpoint_ask_test(socket_path, &report), -EACCES);
	} else {
		assert_int_equal(endpoint_ask_test(socket_path, &report), 0);
		assert_string_equal(report.data, "passed\n");
		text_cut(&report, 0);
		__atomic_store_n(&wrong, true, __ATOMIC_RELEASE);
		assert_int_equal(endpoint_ask_test(socket_path, &report), -EIO);
		assert_string_equal(report.data, "failed\nx\n");
	}
	text_free(&report);
	assert_int_equal(endpoint_ask_test("/no/such", &report), -ENOENT);
	text_free(&report);
	report = (struct text){0};
	assert_int_equal(endpoint_ask(socket_path, "/details", &report), 0);
	assert_string_equal(report.data, "backend none\n");
	text_free(&report);
}

/* --- who a process is -------------------------------------------------------------------------- */

static int open_control(void **state)
{
	char why[8192];

	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", directory);
	return endpoint_open(socket_path, (gid_t)-1, true, &endpoint, why, sizeof(why)) ? -1 : 0;
}

static int close_control(void **state)
{
	endpoint_close(endpoint);
	return 0;
}

static int pose(const char *target)
{
	char request[256];
	int fd = connect_client();
	int size = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);

	assert_int_equal(send(fd, request, (size_t)size, MSG_NOSIGNAL), size);
	return fd;
}

/* Waits for a question; ROOT asks, as this test does, or another one. */
static void take_question(struct endpoint_question *ret)
{
	while (!endpoint_take_question(endpoint, true, ret))
		poll(NULL, 0, 1);
}

static void who_is_it(void **state)
{
	static const char *const wrong_ones[] = {"/who",
						 "/who?",
						 "/who?pid=",
						 "/who?pid=0",
						 "/who?pid=-1",
						 "/who?pid=1x",
						 "/who?pid=%31",
						 "/who?pid=2147483648",
						 "/who?pid=4294967297",
						 "/who?pid=1&pid=2",
						 "/who?pid=00000000001"};
	struct endpoint_question question, other;
	int first, second;

	assert_false(endpoint_take_question(endpoint, true, &question));
	assert_false(endpoint_take_question(NULL, true, &question));
	for (size_t i = 0; i < COUNT(wrong_ones); i++)
		assert_begins(receive_all(pose(wrong_ones[i])), "HTTP/1.1 400 ");
	first = pose("/who?pid=4711");
	take_question(&question);
	assert_int_equal(question.pid, 4711);
	assert_int_equal(question.root, getuid() == 0);
	assert_false(endpoint_take_question(endpoint, true, &other));
	second = pose("/who?pid=2147483647");
	take_question(&other);
	assert_int_equal(other.pid, INT32_MAX);
	endpoint_answer(endpoint, &other, 404, bytes_of("none\n"));
	assert_begins(receive_all(second), "HTTP/1.1 404 ");
	endpoint_answer(endpoint, &question, 410, bytes_of("{}\n"));
	assert_string_equal(body_of(receive_all(first)), "{}\n");
	/* Whoever waits no more gets no answer, and nobody in his place. */
	first = pose("/who?pid=1");
	take_question(&question);
	close(first);
	do {
		endpoint_answer(endpoint, &question, 200, bytes_of("of 1\n"));
		second = pose("/who?pid=2");
		take_question(&other);
		endpoint_answer(endpoint, &question, 200, bytes_of("of 1\n"));
		endpoint_answer(endpoint, &other, 200, bytes_of("of 2\n"));
		assert_string_equal(body_of(receive_all(second)), "of 2\n");
	} while (other.client != question.client);
}

static void one_place(void **state)
{
	struct endpoint *other;
	char why[8192], path[140];
	int fd;

	assert_int_equal(endpoint_open(socket_path, (gid_t)-1, false, &other, why, sizeof(why)),
			 -EADDRINUSE);
	assert_non_null(strstr(why, "another callerd does"));
	assert_begins(ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ");
	/* What is no socket is left alone. */
	snprintf(path, sizeof(path), "%s/file", directory);
	files_write(path, "x", 1);
	assert_int_equal(endpoint_open(path, (gid_t)-1, false, &other, why, sizeof(why)), -EEXIST);
	assert_file(path, "x");
	unlink(path);
	/* A socket that nobody serves any more makes way. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	{
		struct sockaddr_un address = {.sun_family = AF_UNIX};

		snprintf(address.sun_path, sizeof(address.sun_path), "%s/old", directory);
		snprintf(path, sizeof(path), "%s/old", directory);
		assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	}
	close(fd);
	assert_int_equal(endpoint_open(path, getgid(), false, &other, why, sizeof(why)), 0);
	endpoint_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(hooks),
		cmocka_unit_test(losses),
		cmocka_unit_test(outputs),
		cmocka_unit_test(engines),
		cmocka_unit_test(metrics),
		cmocka_unit_test(metrics_of_odd_names),
		cmocka_unit_test(metrics_of_one_place),
		cmocka_unit_test(without_names),
		cmocka_unit_test(file),
		cmocka_unit_test_setup_teardown(answers, open_endpoint, close_endpoint),
		cmocka_unit_test_setup_teardown(is_ill, open_endpoint, close_endpoint),
		cmocka_unit_test_setup_teardown(loop_hangs, open_endpoint, close_endpoint),
		cmocka_unit_test_setup_teardown(too_long, open_endpoint, close_endpoint),
		cmocka_unit_test_setup_teardown(too_many, open_endpoint, close_endpoint),
		cmocka_unit_test_setup_teardown(of_many_users, open_endpoint, close_endpoint),
		cmocka_unit_test_setup_teardown(byte_by_byte, open_endpoint, close_endpoint),
		cmocka_unit_test_setup_teardown(self_test, open_endpoint, close_endpoint),
		cmocka_unit_test_setup_teardown(one_place, open_endpoint, close_endpoint),
		cmocka_unit_test_setup_teardown(who_is_it, open_control, close_control),
	};

	return cmocka_run_group_tests(tests, make_health_directory, remove_health_directory);
}
