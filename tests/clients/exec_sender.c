/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connects, then becomes another program, which sends on the inherited descriptor: same pid, other
 * executable and arguments. By default a copy of itself called exec_successor, with --same itself
 * under other arguments, with --busybox the shell of /bin/busybox.
 */
#include "client.h"

static int successor(int argc, char **argv)
{
	const char *target = client_option(argc, argv, "--target", "/_ping");
	int fd = client_number(argc, argv, "--fd", -1), status;

	client_say_self("sender");
	if (client_get(fd, target))
		client_die("send");
	status = client_response(fd, false);
	client_say("status=%d", status);
	return status == 200 ? 0 : 1;
}

static int become_busybox(int fd, const char *target)
{
	char script[8192];

	client_say("sender.pid=%d", getpid());
	client_say("sender.name=busybox");
	snprintf(script, sizeof(script),
		 "printf 'GET %s HTTP/1.1\\r\\nHost: docker\\r\\nConnection: close\\r\\n\\r\\n' "
		 ">&%d; "
		 "read -r v s r <&%d; echo status=$s; [ $s = 200 ]",
		 target, fd, fd);
	execl("/bin/busybox", "busybox", "sh", "-c", script, NULL);
	client_die("/bin/busybox");
}

int main(int argc, char **argv)
{
	const char *path = client_socket(argc, argv, "[--target T] [--same|--busybox]");
	const char *target = client_option(argc, argv, "--target", "/_ping"), *copy;
	char number[16];
	pid_t pid;
	int fd, result;

	if (client_flag(argc, argv, "--fd"))
		return successor(argc, argv);
	copy = client_copy_self("exec_successor");
	pid = fork(); /* the one that stays removes the copy */
	if (pid < 0)
		client_die("fork");
	if (pid) {
		result = client_wait(pid);
		client_remove_copy(copy);
		return result;
	}
	client_say_self("connector");
	fd = client_connect(path);
	if (client_flag(argc, argv, "--busybox"))
		return become_busybox(fd, target);
	snprintf(number, sizeof(number), "%d", fd);
	execl(client_flag(argc, argv, "--same") ? "/proc/self/exe" : copy, "exec_successor", path,
	      "--fd", number, "--target", target, NULL);
	client_die("%s", copy);
}
