/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parent and child share one connection.
 *
 *	--mode half		the parent sends the first half of one request, the child the rest
 *(default)
 *	--mode alternate	parent and child take turns, a whole request each (keep-alive)
 *	--requests N		with alternate: how many (6)
 *
 * Request I of alternate has the target T?n=I; request.I.pid says who sent it.
 */
#include "client.h"

/* Lets the other one go on, or waits for it. */
static void pass(int fd)
{
	if (write(fd, "x", 1) != 1)
		client_die("write");
}

static void await(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		exit(1);
}

static int half(int fd, const char *target, int mine, bool parent)
{
	char text[9216];
	size_t size = client_request(text, sizeof(text), "GET", target), middle = size / 2;
	int status;

	if (parent) {
		client_say_self("first");
		if (client_send(fd, text, middle))
			client_die("send");
		pass(mine);
		return 0;
	}
	await(mine);
	usleep(20000); /* the daemon reads the first half by itself */
	client_say_self("second");
	client_say("split=%zu", middle);
	if (client_send(fd, text + middle, size - middle))
		client_die("send");
	status = client_response(fd, false);
	client_say("status=%d", status);
	return status == 200 ? 0 : 1;
}

static int alternate(int fd, const char *target, int mine, bool parent, long requests)
{
	char own[8200];
	int status = 200;

	for (long i = parent ? 0 : 1; i < requests && status == 200; i += 2) {
		if (i)
			await(mine);
		snprintf(own, sizeof(own), "%s%cn=%ld", target, client_separator(target), i);
		client_say("request.%ld.pid=%d", i, getpid());
		if (client_get(fd, own))
			client_die("send");
		status = client_response(fd, false);
		if (i + 1 < requests)
			pass(mine);
	}
	return status == 200 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *path =
		client_socket(argc, argv, "[--mode half|alternate] [--requests N] [--target T]");
	const char *target = client_option(argc, argv, "--target", "/_ping");
	bool halves = !strcmp(client_option(argc, argv, "--mode", "half"), "half");
	long requests = client_number(argc, argv, "--requests", 6);
	int fd, pair[2], result;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		client_die("socketpair");
	client_say("connector.pid=%d", getpid());
	fd = client_connect(path);
	pid = fork();
	if (pid < 0)
		client_die("fork");
	if (!halves)
		result = alternate(fd, target, pair[!pid], pid, requests);
	else
		result = half(fd, target, pair[!pid], pid);
	if (pid) {
		close(pair[0]);
		close(pair[1]);
		result |= client_wait(pid);
	}
	return result;
}
