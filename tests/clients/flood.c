/* SPDX-License-Identifier: Apache-2.0 */
/*
 * N connections with a request each, as fast as it goes, and an exact count of what succeeded.
 *
 *	--connections N	 1000		--threads M	 4
 *	--per-connection K  requests on each connection (1)
 *	--target T	 /_ping		--no-read	 close without reading the response
 *	--connect-only	 no requests
 *
 * SIGTERM ends it early. The last lines say what it did until then:
 *
 * connects: connect(2) returned 0; requests: a request was written whole; responses: and answered.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "client.h"

static const char *path, *target;
static long connections, per_connection;
static bool no_read, connect_only;
static atomic_long next, connects, requests, responses, connect_errors, other_errors;

static void stop(int signal)
{
	(void)signal;
	next = connections;
}

static void converse(int fd)
{
	for (long i = 0; i < per_connection; i++) {
		if (client_get(fd, target)) {
			other_errors++;
			return;
		}
		requests++;
		if (no_read)
			continue;
		if (client_response(fd, false) == 200) {
			responses++;
		} else {
			other_errors++;
			return;
		}
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

int main(int argc, char **argv)
{
	long threads, i;
	uint64_t start;
	double seconds;
	pthread_t *thread;

	path = client_socket(argc, argv,
			     "[--connections N] [--threads M] [--per-connection K] [--target T] "
			     "[--no-read|--connect-only]");
	target = client_option(argc, argv, "--target", "/_ping");
	connections = client_number(argc, argv, "--connections", 1000);
	per_connection = client_number(argc, argv, "--per-connection", 1);
	threads = client_number(argc, argv, "--threads", 4);
	no_read = client_flag(argc, argv, "--no-read");
	connect_only = client_flag(argc, argv, "--connect-only");
	thread = calloc(threads, sizeof(*thread));

	signal(SIGTERM, stop);
	client_say("sender.pid=%d", getpid());
	start = client_now();
	for (i = 0; i < threads; i++)
		if ((errno = pthread_create(&thread[i], NULL, work, NULL)))
			client_die("pthread_create");
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	seconds = (client_now() - start) / 1e9;
	free(thread);
	client_say("connects=%ld", connects);
	client_say("requests=%ld", requests);
	client_say("responses=%ld", responses);
	client_say("connect_errors=%ld", connect_errors);
	client_say("other_errors=%ld", other_errors);
	client_say("seconds=%.3f", seconds);
	client_say("rate=%.0f", (connect_only ? connects : requests) / seconds);
	return connect_errors || other_errors;
}
