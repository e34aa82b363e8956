/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection, one request in one write, then gone.
 *
 *	--no-read	exit right after the write
 *	--connect-only	exit right after the connect
 *	--target T	request target (/_ping)
 *	--quiet		print nothing
 *	--spawn N	run N such processes, one after the other: process I has the request target
 *			T?n=I and the argument n=I, so that each record can be checked by itself
 *	--argv-size S	with --spawn: pad each one's arguments to S bytes
 *	-- ...		passed through, ignored
 */
#include <spawn.h>

#include "client.h"

extern char **environ;

static int spawn_all(const char *path, int argc, char **argv, long count)
{
	const char *target = client_option(argc, argv, "--target", "/_ping");
	long size = client_number(argc, argv, "--argv-size", 0), good = 0, bytes = 0;
	const char *mode = client_flag(argc, argv, "--no-read")	       ? "--no-read"
			   : client_flag(argc, argv, "--connect-only") ? "--connect-only"
								       : "--read";
	char own_target[4096], own_argument[64], *padding = calloc(1, size + 1);

	for (long i = 0; i < count; i++) {
		char *child_argv[] = {argv[0],	  (char *)path, (char *)mode, "--quiet", "--target",
				      own_target, "--",		own_argument, padding,	 NULL};
		pid_t pid;

		snprintf(own_target, sizeof(own_target), "%s%cn=%ld", target,
			 client_separator(target), i);
		snprintf(own_argument, sizeof(own_argument), "n=%ld", i);
		*padding = 0;
		bytes = 0;
		for (char **a = child_argv; *a; a++)
			bytes += strlen(*a) + 1;
		if (bytes < size) {
			memset(padding, 'a' + i % 26, size - bytes);
			padding[size - bytes] = 0;
			bytes = size;
		} else {
			child_argv[8] = NULL;
			bytes--;
		}
		if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, child_argv, environ))
			client_die("posix_spawn");
		good += client_wait(pid) == 0;
	}
	free(padding);
	client_say("spawned=%ld", count);
	client_say("good=%ld", good);
	client_say("argv_bytes=%ld", bytes);
	return good == count ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *path = client_socket(
		argc, argv, "[--no-read|--connect-only] [--target T] [--spawn N] [-- ...]");
	const char *target = client_option(argc, argv, "--target", "/_ping");
	bool quiet = client_flag(argc, argv, "--quiet");
	long count = client_number(argc, argv, "--spawn", 0);
	int fd, status;

	if (count > 0)
		return spawn_all(path, argc, argv, count);
	if (!quiet)
		client_say_self(
			"sender"); /* first: nothing may come between the connect and the end */
	fd = client_connect(path);
	if (client_flag(argc, argv, "--connect-only"))
		_exit(0);
	if (client_get(fd, target))
		client_die("send");
	if (client_flag(argc, argv, "--no-read"))
		_exit(0);
	status = client_response(fd, false);
	if (!quiet)
		client_say("status=%d", status);
	return status && status < 400 ? 0 : 1;
}
