/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens N connections and keeps them until SIGTERM or SIGINT.
 *
 *	--connections N	 1000
 *	--every MS	 one request each MS milliseconds, on one connection after the other (0:
 *none)
 *	--first		 one request on each connection before ready
 *	--again		 SIGUSR1: one request on each connection, then again=TOTAL
 *
 * Prints ready=N once they are open, and connects and requests at the end.
 */
#include <signal.h>
#include <sys/resource.h>

#include "client.h"

static long requests;

static void request(int fd, const char *target)
{
	if (client_get(fd, target) || client_response(fd, false) != 200)
		client_die("request");
	requests++;
}

int main(int argc, char **argv)
{
	const char *path = client_socket(
		argc, argv, "[--connections N] [--every MS] [--first] [--again] [--target T]");
	const char *target = client_option(argc, argv, "--target", "/_ping");
	long count = client_number(argc, argv, "--connections", 1000);
	long every = client_number(argc, argv, "--every", 0);
	struct timespec pause = {every ? every / 1000 : 3600, every % 1000 * 1000000};
	struct rlimit limit;
	sigset_t signals;
	int *fds = calloc(count, sizeof(*fds)), signal;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (client_flag(argc, argv, "--again"))
		sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < (rlim_t)count + 16) {
		limit.rlim_cur = count + 16;
		if (limit.rlim_max < limit.rlim_cur)
			limit.rlim_max = limit.rlim_cur;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			client_die("setrlimit %ld", count + 16);
	}
	client_say("sender.pid=%d", getpid());
	for (long i = 0; i < count; i++) {
		fds[i] = client_connect(path);
		if (client_flag(argc, argv, "--first"))
			request(fds[i], target);
	}
	client_say("ready=%ld", count);
	for (long i = 0;; i = (i + 1) % count) {
		signal = sigtimedwait(&signals, NULL, &pause);
		if (signal == SIGUSR1) {
			for (long j = 0; j < count; j++)
				request(fds[j], target);
			client_say("again=%ld", requests);
		} else if (signal > 0) {
			break;
		} else if (every) {
			request(fds[i], target);
		}
	}
	free(fds);
	client_say("connects=%ld", count);
	client_say("requests=%ld", requests);
	return 0;
}
