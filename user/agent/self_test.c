// SPDX-License-Identifier: Apache-2.0
#include "agent/self_test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "broker/broker.h"
#include "engine/client.h"
#include "kernel/doors.h"

#define ACCOUNT (UINT64_MAX - 3) /* account of no user */
#define CALL_TIME 5		 /* seconds for each step of the call */
#define CALL_PATIENCE (16 * NS_PER_S)
#define RECORD_TIME (5 * NS_PER_S) /* from the call to its record */
#define OUTPUT_TIME (5 * NS_PER_S) /* from the record to the last output */
#define TARGET_SIZE 64
#define COLUMNS 500 /* of a name, for a person */

enum test_step { STEP_IDLE, STEP_CALL, STEP_RECORD, STEP_OUTPUTS };

/* A connection that no program saw. */
struct unseen {
	uint64_t address;
	bool told; /* or older than the programs */
};

struct self_test {
	struct self_test_options options;
	enum test_step step;
	unsigned int socket, called; /* the one at hand; how many had somebody who listens */
	char target[TARGET_SIZE];    /* of the call */
	bool recorded;
	uint64_t deadline;
	struct outputs_mark mark;
	struct self_test_result result;
	bool ended; /* .result is to be taken */
	char fault[256];
	struct text report;

	struct unseen unseen[CALLERD_UNSEEN_MAX], found[CALLERD_UNSEEN_MAX];
	unsigned int unseen_count, found_count;
	bool surveyed;
	uint64_t told;
};

/* --- the call --------------------------------------------------------------------------------- */

struct call_job {
	struct job job;
	struct self_test *test; /* the loop's */
	int probe;
	struct sockaddr_un address;
	char request[256];
	int error;
};

/* Waits for EVENTS at FD. 0 or -errno. */
static int wait_for(int fd, short events)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int count = poll(&poll_fd, 1, CALL_TIME * 1000);

	return count < 0 ? -errno : count ? 0 : -ETIMEDOUT;
}

static int send_call(const struct call_job *call, int fd)
{
	size_t size = strlen(call->request);
	int error = wait_for(fd, POLLOUT);
	char answer[512];

	if (error)
		return error;
	if (send(fd, call->request, size, MSG_NOSIGNAL) != (ssize_t)size)
		return -errno;
	error = wait_for(fd, POLLIN);
	if (error)
		return error;
	return recv(fd, answer, sizeof(answer), 0) < 0 ? -errno : 0; /* its record needs no more */
}

static void run_call(struct job *job)
{
	struct call_job *call = (struct call_job *)job;
	_close_ int fd = -1;
	struct ucred peer;

	call->error = capture_probe(call->probe, broker_thread());
	if (call->error)
		return;
	fd = broker_connect(call->address.sun_path, &peer);
	call->error = fd < 0 ? -errno : 0;
	capture_probe(call->probe, 0);
	if (fd >= 0)
		call->error = send_call(call, fd);
}

static void free_call(struct job *job)
{
	struct call_job *call = (struct call_job *)job;

	cleanup_close(&call->probe);
	free(call);
}

/* --- results ---------------------------------------------------------------------------------- */

static const char *socket_at(const struct self_test *test)
{
	return test->options.sockets[test->socket];
}

/* Writes the record and the lines of one socket. FAULT: NULL where all is well. */
static void tell_tested(struct self_test *test, const char *fault,
			const struct record_output *outputs, unsigned int count)
{
	struct record record = {
		.action = RECORD_SELF_TEST,
		.time = clock_now(CLOCK_BOOTTIME),
		.connection.socket = bytes_of(socket_at(test)),
		.test_fault = fault,
		.outputs = outputs,
		.output_count = count,
	};

	text_add_visible(&test->report, bytes_of(socket_at(test)), COLUMNS);
	text_add_string(&test->report, ": ");
	text_add_string(&test->report, fault ?: "the call was seen and recorded");
	text_add_char(&test->report, '\n');
	for (unsigned int i = 0; i < count; i++) {
		text_add_visible(&test->report, bytes_of(outputs[i].name), COLUMNS);
		text_add_string(&test->report, ": ");
		text_add_string(&test->report, outputs[i].outcome);
		text_add_char(&test->report, '\n');
	}
	test->options.record(test->options.data, &record);
}

static void set_fault(struct self_test *test, enum exit_code code, const char *fault)
{
	if (test->result.code != EXIT_OK)
		return;
	test->result.code = code;
	snprintf(test->fault, sizeof(test->fault), "%s", fault);
}

/* --- one socket after the other --------------------------------------------------------------- */

static void end_own_call(struct job *job, bool came, void *data);

static int start_call(struct self_test *test, uint64_t now)
{
	struct call_job *call = calloc(1, sizeof(*call));
	const char *path = socket_at(test);
	uint64_t token[2];
	int error;

	if (!call)
		return -ENOMEM;
	if (getrandom(token, sizeof(token), 0) != sizeof(token))
		memset(token, 0, sizeof(token));
	snprintf(test->target, sizeof(test->target), "/_ping?callerd-self-test=%016llx%016llx",
		 (unsigned long long)token[0], (unsigned long long)token[1]);
	snprintf(call->request, sizeof(call->request),
		 "GET %s HTTP/1.1\r\nHost: docker\r\nUser-Agent: callerd/" CALLERD_VERSION
		 " (self-test)\r\nConnection: close\r\n\r\n",
		 test->target);
	call->address.sun_family = AF_UNIX;
	snprintf(call->address.sun_path, sizeof(call->address.sun_path), "%s", path);
	call->job = (struct job){
		.run = run_call,
		.done = end_own_call,
		.free = free_call,
		.account = ACCOUNT,
		.patience = CALL_PATIENCE,
	};
	call->test = test;
	call->probe = capture_probe_open(test->options.capture);
	error = call->probe < 0 ? call->probe : beside_put(test->options.beside, &call->job, now);
	if (error)
		free_call(&call->job);
	return error;
}

static void end_test(struct self_test *test)
{
	if (!test->called)
		set_fault(test, EXIT_FAILED,
			  "nobody listens on a watched socket: nothing was tested");
	test->step = STEP_IDLE;
	test->ended = true;
}

/* Goes to the next socket that can be called. Not that of a user, who could have the test take long, or fail. */
static void next_socket(struct self_test *test, uint64_t now)
{
	char fault[160];

	for (; test->socket < *test->options.socket_count; test->socket++) {
		int error;

		if (test->options.owners[test->socket] ||
		    doors_is_port(test->options.sockets[test->socket]) ||
		    !test->options.is_docker(test->options.data, test->socket))
			continue;
		error = start_call(test, now);
		test->recorded = false;
		test->step = STEP_CALL;
		if (!error)
			return;
		test->called++;
		snprintf(fault, sizeof(fault), "callerd cannot call: %s", strerror(-error));
		set_fault(test, EXIT_FAILED, fault);
		tell_tested(test, fault, NULL, 0);
	}
	end_test(test);
}

static void end_socket(struct self_test *test, uint64_t now)
{
	test->socket++;
	next_socket(test, now);
}

static void end_own_call(struct job *job, bool came, void *data)
{
	const struct call_job *call = (struct call_job *)job;
	struct self_test *test = call->test;
	uint64_t now = clock_now(CLOCK_BOOTTIME);
	int error = came ? call->error : -ETIMEDOUT;
	char fault[160];

	(void)data;
	if (client_nobody_listens(error)) {
		end_socket(test, now);
		return;
	}
	test->called++;
	test->step = STEP_RECORD;
	test->deadline = now + RECORD_TIME;
	if (!error || error == -EAGAIN) /* the engine is slow: the call was made all the same */
		return;
	snprintf(fault, sizeof(fault), "callerd cannot call: %s", strerror(-error));
	set_fault(test, EXIT_FAILED, fault);
	tell_tested(test, fault, NULL, 0);
	end_socket(test, now);
}

void self_test_ask(struct self_test *test, uint64_t now)
{
	if (test->step != STEP_IDLE)
		return;
	test->socket = test->called = 0;
	test->result.code = EXIT_OK;
	test->fault[0] = '\0';
	test->ended = false;
	text_cut(&test->report, 0);
	next_socket(test, now);
}

bool self_test_is_call(const struct self_test *test, const struct record *record)
{
	return test->step != STEP_IDLE && record_is_request(record) &&
	       bytes_are(record->http.target, test->target);
}

void self_test_note(struct self_test *test, const struct record *record)
{
	if (test->recorded || !self_test_is_call(test, record))
		return;
	test->recorded = true;
	outputs_mark(test->options.outputs, record, test->options.context, &test->mark);
}

/* Why the outputs did not get the record; NULL: they did. */
static const char *fault_of_outputs(const struct record_output *outputs, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (!strcmp(outputs[i].outcome, "lost") || !strcmp(outputs[i].outcome, "waiting"))
			return "the call was seen, and is not in every output";
	return NULL;
}

static void look_at_outputs(struct self_test *test, uint64_t now)
{
	struct record_output outputs[OUTPUTS_MAX];
	const char *fault;

	if (!outputs_passed(test->options.outputs, &test->mark, outputs) && now < test->deadline)
		return;
	fault = fault_of_outputs(outputs, test->mark.count);
	if (fault)
		set_fault(test, EXIT_OUTPUT, fault);
	tell_tested(test, fault, outputs, test->mark.count);
	end_socket(test, now);
}

void self_test_run(struct self_test *test, uint64_t now)
{
	static const char fault[] = "callerd called, and no kernel program saw it";

	switch (test->step) {
	case STEP_RECORD:
		if (test->recorded) {
			test->step = STEP_OUTPUTS;
			test->deadline = now + OUTPUT_TIME;
		} else if (now >= test->deadline) {
			set_fault(test, EXIT_FAILED, fault);
			tell_tested(test, fault, NULL, 0);
			end_socket(test, now);
		}
		break;
	case STEP_OUTPUTS:
		look_at_outputs(test, now);
		break;
	default:
		break;
	}
}

bool self_test_is_waiting(const struct self_test *test)
{
	return test->step != STEP_IDLE;
}

bool self_test_take(struct self_test *test, struct self_test_result *ret)
{
	if (!test->ended)
		return false;
	test->ended = false;
	*ret = test->result;
	ret->fault = test->fault[0] ? test->fault : NULL;
	ret->report = test->report.data ?: "";
	return true;
}

static const char passed[] = "passed\n", failed[] = "failed\n",
		  failed_output[] = "failed: an output\n";

void self_test_report(const struct self_test_result *result, struct text *out)
{
	text_add_string(out, result->code == EXIT_OK	   ? passed
			     : result->code == EXIT_OUTPUT ? failed_output
							   : failed);
	text_add_string(out, result->report);
	if (!*result->report && result->fault) {
		text_add_string(out, result->fault);
		text_add_char(out, '\n');
	}
}

enum exit_code self_test_code(struct bytes report)
{
	if (bytes_begin(report, passed))
		return EXIT_OK;
	return bytes_begin(report, failed_output) ? EXIT_OUTPUT : EXIT_FAILED;
}

/* --- the survey ------------------------------------------------------------------------------- */

static void on_unseen(void *data, uint64_t address)
{
	struct self_test *test = data;

	if (test->found_count < COUNT(test->found))
		test->found[test->found_count++] = (struct unseen){address, false};
}

static const struct unseen *find_unseen(const struct self_test *test, uint64_t address)
{
	for (unsigned int i = 0; i < test->unseen_count; i++)
		if (test->unseen[i].address == address)
			return &test->unseen[i];
	return NULL;
}

static void tell_unseen(struct self_test *test, uint64_t count)
{
	char fault[160];
	struct record record = {
		.action = RECORD_SELF_TEST,
		.time = clock_now(CLOCK_BOOTTIME),
		.test_fault = fault,
		.test_unseen = count,
	};

	snprintf(fault, sizeof(fault),
		 "the watched sockets have %llu connections that no kernel program saw",
		 (unsigned long long)count);
	test->told += count;
	test->options.record(test->options.data, &record);
}

void self_test_survey(struct self_test *test, bool table_full)
{
	uint64_t count = 0;

	test->found_count = 0;
	capture_unseen(test->options.capture, on_unseen, test);
	for (unsigned int i = 0; i < test->found_count; i++) {
		struct unseen *found = &test->found[i];
		const struct unseen *before = find_unseen(test, found->address);

		/* Once is no proof: it may have been made a moment ago. */
		found->told = !test->surveyed || table_full || before;
		count += before && !before->told && !table_full;
	}
	memcpy(test->unseen, test->found, test->found_count * sizeof(*test->found));
	test->unseen_count = test->found_count;
	test->surveyed = true;
	if (count)
		tell_unseen(test, count);
}

uint64_t self_test_unseen(const struct self_test *test)
{
	return test->told;
}

/* --- its life --------------------------------------------------------------------------------- */

int self_test_new(const struct self_test_options *options, struct self_test **ret)
{
	struct self_test *test = calloc(1, sizeof(*test));

	if (!test)
		return -ENOMEM;
	test->options = *options;
	*ret = test;
	return 0;
}

void self_test_free(struct self_test *test)
{
	if (!test)
		return;
	text_free(&test->report);
	free(test);
}
