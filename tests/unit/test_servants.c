// SPDX-License-Identifier: Apache-2.0
/* finder/servants: of which callers it is known that they serve others, by real processes of this test. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "finder/listening.h"
#include "finder/servants.h"
#include "host/proc.h"

static unsigned int looks;

int __real_listening_role(uint32_t pid, int process);

int __wrap_listening_role(uint32_t pid, int process)
{
	looks++;
	return __real_listening_role(pid, process);
}

/* No test loads a kernel program. */
ssize_t __wrap_capture_args(struct capture *capture, uint32_t pid, uint64_t start,
			    char args[CALLERD_ARGV_MAX], bool *ret_truncated)
{
	return -ENOENT;
}

bool __wrap_capture_has_labels(void)
{
	return false;
}

#define ACCOUNT 7

struct bench {
	struct beside *beside;
	struct servants *servants;
	struct caller caller;
	struct process above[3];
};

static struct process process_of(pid_t pid, const char *executable)
{
	int directory = proc_open((uint32_t)pid, 0);
	uint64_t tick = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	struct process ret = {.pid = (uint32_t)pid,
			      .start = proc_start_ticks(directory) * tick,
			      .executable = bytes_of(executable)};

	close(directory);
	return ret;
}

static void leave_alone(void)
{
}

/* A listener at an abstract name, which is in no file system. */
static void listen_somewhere(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(fd, (void *)&address, sizeof(address.sun_family)) || listen(fd, 1))
		_exit(1);
}

static void listen_on_tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (listen(fd, 1))
		_exit(1);
}

/* What it accepted is there, and no listener. */
static void accept_one(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(address);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(listener, (void *)&address, sizeof(address.sun_family)) || listen(listener, 1) ||
	    getsockname(listener, (void *)&address, &size) ||
	    connect(client, (void *)&address, size) || accept(listener, NULL, NULL) < 0)
		_exit(1);
	close(listener);
	close(client);
}

/* As a client: what it has connected, and a pair. */
static void connect_out(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	int pair[2];

	if (listen(listener, 1) || getsockname(listener, (void *)&address, &size) ||
	    connect(client, (void *)&address, size) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		_exit(1);
	close(listener);
}

/* A process that has done ACT, and waits. */
static pid_t begin(void (*act)(void))
{
	int done[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(done), 0);
	pid = fork();
	if (!pid) {
		close(0);
		close(done[0]);
		act();
		if (write(done[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(done[1]);
	assert_int_equal(read(done[0], &byte, 1), 1);
	close(done[0]);
	return pid;
}

static void finish(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The caller is PROCESS, and above it are those of .above. */
static void describe(struct bench *bench, struct process process)
{
	memset(&bench->caller, 0, sizeof(bench->caller));
	bench->caller.process = process;
	bench->caller.basis = CALLER_FROM_KERNEL;
	bench->caller.account = ACCOUNT;
	bench->caller.ancestors = bench->above;
	bench->caller.ancestor_count = 3;
}

/* What is known once it was looked at. OLD: so long after the process began. */
static enum relayed_basis known(struct bench *bench, uint64_t old)
{
	uint64_t now = bench->caller.process.start + old;

	servants_find(bench->servants, &bench->caller, now);
	while (beside_is_waiting(bench->beside)) {
		struct pollfd poll_fd = {.fd = beside_fd(bench->beside), .events = POLLIN};

		poll(&poll_fd, 1, 100);
		beside_run(bench->beside, clock_now(CLOCK_BOOTTIME));
	}
	assert_false(servants_are_asked(bench->servants));
	return servants_find(bench->servants, &bench->caller, now);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	assert_int_equal(beside_new(NULL, &bench->beside), 0);
	assert_int_equal(servants_new(bench->beside, &bench->servants), 0);
	bench->above[0] = process_of(getpid(), "/bin/test");
	bench->above[1] = process_of(getppid(), "/bin/sh");
	bench->above[2] = process_of(1, "/sbin/init");
	looks = 0;
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	beside_free(bench->beside);
	servants_free(bench->servants);
	free(bench);
	return 0;
}

static void expect(struct bench *bench, void (*act)(void), enum relayed_basis how)
{
	pid_t pid = begin(act);

	describe(bench, process_of(pid, "/bin/relay"));
	assert_int_equal(known(bench, 2 * NS_PER_S), how);
	finish(pid);
}

static void test_what_serves(void **state)
{
	struct bench *bench = *state;

	expect(bench, listen_somewhere, RELAYED_BY_LISTENING);
	expect(bench, listen_on_tcp, RELAYED_BY_LISTENING);
	expect(bench, accept_one, RELAYED_BY_ACCEPTED);
}

static void test_what_does_not(void **state)
{
	struct bench *bench = *state;

	expect(bench, leave_alone, RELAYED_BY_NOTHING);
	expect(bench, connect_out, RELAYED_BY_NOTHING);
	assert_int_equal(looks, 2);
}

/* Clients end before they would be looked at; and each process is looked at once. */
static void test_when_it_is_looked_at(void **state)
{
	struct bench *bench = *state;
	pid_t pid = begin(listen_somewhere);

	describe(bench, process_of(pid, "/bin/relay"));
	assert_int_equal(known(bench, NS_PER_S / 2), RELAYED_BY_NOTHING);
	assert_int_equal(looks, 0);
	assert_int_equal(known(bench, NS_PER_S), RELAYED_BY_LISTENING);
	for (int i = 0; i < 10; i++)
		assert_int_equal(known(bench, 2 * NS_PER_S), RELAYED_BY_LISTENING);
	assert_int_equal(looks, 1);
	/* Another process has its PID. */
	bench->caller.process.start += NS_PER_S;
	assert_int_equal(known(bench, 2 * NS_PER_S), RELAYED_BY_NOTHING);
	/* What init began for a connection lives no second. */
	describe(bench, process_of(pid, "/bin/relay"));
	bench->above[0] = bench->above[2];
	assert_int_equal(known(bench, 0), RELAYED_BY_LISTENING);
	finish(pid);
}

static void test_what_forked_it(void **state)
{
	struct bench *bench = *state;
	pid_t listener = begin(listen_somewhere), child = begin(leave_alone);

	bench->above[0] = process_of(listener, "/bin/relay");
	describe(bench, process_of(child, "/bin/relay"));
	assert_int_equal(known(bench, 2 * NS_PER_S), RELAYED_BY_LISTENING);
	/* Another program's parent says nothing. */
	describe(bench, process_of(child, "/bin/client"));
	assert_int_equal(known(bench, 2 * NS_PER_S), RELAYED_BY_NOTHING);
	/* Nor does the sshd that logged somebody in, of what his own one asks. */
	bench->above[0] = process_of(listener, "/usr/sbin/sshd");
	describe(bench, process_of(child, "/usr/sbin/sshd"));
	assert_int_equal(known(bench, 2 * NS_PER_S), RELAYED_BY_NOTHING);
	finish(child);
	finish(listener);
}

/* Who begins many processes has few of them looked at, and keeps nobody else from it. */
static void test_many_of_one(void **state)
{
	struct bench *bench = *state;
	pid_t pid = begin(listen_somewhere);
	struct process process = process_of(pid, "/bin/relay");

	for (unsigned int i = 0; i < 100; i++) {
		describe(bench, process);
		bench->caller.process.pid = UINT32_MAX - i;
		servants_find(bench->servants, &bench->caller, process.start + 2 * NS_PER_S);
	}
	describe(bench, process);
	assert_int_equal(known(bench, 2 * NS_PER_S), RELAYED_BY_NOTHING);
	assert_int_equal(looks, 0);
	bench->caller.account = ACCOUNT + 1;
	bench->caller.process.start = process.start;
	assert_int_equal(known(bench, 4 * NS_PER_S), RELAYED_BY_LISTENING);
	finish(pid);
}

/* What was found in an earlier boot is of other processes. */
static void test_whom_it_does_not_know(void **state)
{
	struct bench *bench = *state;
	pid_t pid = begin(listen_somewhere);

	describe(bench, process_of(pid, "/bin/relay"));
	bench->caller.basis = CALLER_FROM_PEER;
	assert_int_equal(known(bench, 2 * NS_PER_S), RELAYED_BY_NOTHING);
	bench->caller.basis = CALLER_FROM_KERNEL;
	bench->caller.boot_id = bytes_of("another");
	assert_int_equal(known(bench, 2 * NS_PER_S), RELAYED_BY_NOTHING);
	assert_int_equal(looks, 0);
	finish(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_serves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_does_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_when_it_is_looked_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_forked_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_of_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_whom_it_does_not_know, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
