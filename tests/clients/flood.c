/* SPDX-License-Identifier: Apache-2.0 */
/*
 * N connections with a request each, as fast as it goes, and an exact count of what succeeded.
 *
 *	--connections N	 1000		--threads M	 4
 *	--per-connection K  requests on each connection (1)
 *	--target T	 /_ping		--no-read	 close without reading the response
 *	--connect-only	 no requests
 *	--together	 all connections are open from the first request on, and each gets its K requests in turn
 *	--orphaned	 begins once its parent has ended, or after a second: init is all that it descends from then
 *	--number	 request I has the target T?n=I, I from 0 on; unanswered=I where it may have failed
 *
 * SIGTERM ends it early. The last lines say what it did until then:
 *
 * connects: connect(2) returned 0; requests: a request was written whole; responses: and answered. numbered: the first
 * number that no request had. cpu: its own seconds on a processor.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "client.h"

static const char *path, *target;
static long connections, per_connection, threads;
static bool no_read, connect_only, number, together;
static int *fds; /* of connections that are open together */
static atomic_long next, numbered, connects, requests, responses, connect_errors, other_errors;

static void stop(int signal)
{
	(void)signal;
	next = connections;
}

/* One request on FD; whether it was answered, or is not to be. */
static bool ask(int fd, const char *what)
{
	if (client_get(fd, what))
		return false;
	requests++;
	if (no_read)
		return true;
	if (client_response(fd, false) != 200)
		return false;
	responses++;
	return true;
}

static void converse(int fd)
{
	char own[8200];

	for (long i = 0; i < per_connection; i++) {
		long mine = numbered++;

		snprintf(own, sizeof(own), "%s%cn=%ld", target, client_separator(target), mine);
		if (ask(fd, number ? own : target))
			continue;
		other_errors++;
		if (number)
			client_say("unanswered=%ld", mine);
		return;
	}
}

static void *work(void *unused)
{
	(void)unused;
	while (next++ < connections) {
		int fd = client_try_connect(path);

		if (fd < 0) {
			connect_errors++;
			continue;
		}
		connects++;
		if (!connect_only)
			converse(fd);
		close(fd);
	}
	return NULL;
}

/* Each thread has connections of its own: FIRST, and then each threads-th. */
static void *work_together(void *first)
{
	for (long turn = 0; turn < per_connection; turn++)
		for (long i = (long)(intptr_t)first; i < connections && next < connections;
		     i += threads)
			if (!ask(fds[i], target))
				other_errors++;
	return NULL;
}

static void wait_for_end_of(pid_t parent)
{
	for (int i = 0; i < 100 && getppid() == parent && parent != 1; i++)
		usleep(10000);
}

static void open_together(void)
{
	struct rlimit limit;

	fds = calloc((size_t)connections, sizeof(*fds));
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (long i = 0; i < connections; i++) {
		fds[i] = client_connect(path);
		connects++;
	}
}

int main(int argc, char **argv)
{
	long i;
	uint64_t start;
	double seconds;
	pthread_t *thread;

	path = client_socket(argc, argv,
			     "[--connections N] [--threads M] [--per-connection K] [--target T] "
			     "[--no-read|--connect-only] [--number] [--together] [--orphaned]");
	target = client_option(argc, argv, "--target", "/_ping");
	connections = client_number(argc, argv, "--connections", 1000);
	per_connection = client_number(argc, argv, "--per-connection", 1);
	threads = client_number(argc, argv, "--threads", 4);
	no_read = client_flag(argc, argv, "--no-read");
	connect_only = client_flag(argc, argv, "--connect-only");
	number = client_flag(argc, argv, "--number");
	together = client_flag(argc, argv, "--together");
	thread = calloc(threads, sizeof(*thread));

	signal(SIGTERM, stop);
	client_say("sender.pid=%d", getpid());
	if (client_flag(argc, argv, "--orphaned"))
		wait_for_end_of(getppid());
	if (together)
		open_together();
	start = client_now();
	for (i = 0; i < threads; i++)
		if ((errno = pthread_create(&thread[i], NULL, together ? work_together : work,
					    (void *)(intptr_t)i)))
			client_die("pthread_create");
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	seconds = (client_now() - start) / 1e9;
	free(thread);
	client_say("connects=%ld", connects);
	client_say("requests=%ld", requests);
	client_say("responses=%ld", responses);
	client_say("numbered=%ld", numbered);
	client_say("connect_errors=%ld", connect_errors);
	client_say("other_errors=%ld", other_errors);
	client_say("seconds=%.3f", seconds);
	client_say("cpu=%.6f", (double)clock() / CLOCKS_PER_SEC);
	client_say("rate=%.0f", (connect_only ? connects : requests) / seconds);
	return connect_errors || other_errors;
}
