/* SPDX-License-Identifier: Apache-2.0 */
/* The parent connects, its child sends and reads the response. --orphan: the parent is gone before
 * the child sends. */
#include "client.h"

int main(int argc, char **argv)
{
	const char *path = client_socket(argc, argv, "[--target T] [--orphan]");
	const char *target = client_option(argc, argv, "--target", "/_ping");
	bool orphan = client_flag(argc, argv, "--orphan");
	pid_t parent = getpid(), pid;
	int fd, status;

	client_say_self("connector");
	fd = client_connect(path);
	pid = fork();
	if (pid < 0)
		client_die("fork");
	if (pid) {
		client_say("sender.pid=%d", pid);
		if (!orphan)
			close(fd);
		return orphan ? 0 : client_wait(pid);
	}
	while (orphan && getppid() == parent)
		usleep(1000);
	if (client_get(fd, target))
		client_die("send");
	status = client_response(fd, false);
	client_say("status=%d", status);
	return status == 200 ? 0 : 1;
}
