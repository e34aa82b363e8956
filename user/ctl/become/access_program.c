// SPDX-License-Identifier: Apache-2.0
#include "ctl/become/access_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

static void run_program(int out, const char *program, const char *const *arguments)
{
	static char *const environment[] = {"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 || chdir("/"))
		_exit(127);
	closefrom(STDERR_FILENO + 1);
	execve(program, (char *const *)arguments, environment);
	_exit(127);
}

/* Reads what comes until its end. False: it does not end in time, or is too long. */
static bool read_program(int fd, size_t max, struct text *out)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + ACCESS_PROGRAM_TIME;

	for (;;) {
		uint64_t now = clock_now(CLOCK_MONOTONIC);
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		char *room = out->size < max ? text_room(out, 4096) : NULL;
		ssize_t got;

		if (!room || now >= end || poll(&wait, 1, (int)((end - now) / NS_PER_MS) + 1) <= 0)
			return false;
		got = read(fd, room, 4096);
		if (got <= 0)
			return !got;
		out->size += (size_t)got;
		out->data[out->size] = '\0';
	}
}

bool access_program_ask(const char *program, const char *const *arguments, size_t max,
			struct text *out)
{
	_close_ int from = -1, to = -1;
	int ends[2];
	bool whole;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	from = ends[0];
	to = ends[1];
	pid = fork();
	if (pid < 0)
		return false;
	if (!pid)
		run_program(to, program, arguments);
	cleanup_close(&to);
	whole = read_program(from, max, out);
	if (!whole)
		kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return whole;
}
