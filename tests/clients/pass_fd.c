/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process A connects and passes the descriptor over SCM_RIGHTS to process B, which sends. They are
 * siblings, and B runs another executable (a copy called fd_receiver). A is gone before B sends,
 * or with --keep waits for the end.
 */
#include "client.h"

enum { CHANNEL = 3 }; /* the socket pair's end that each of the two inherits */

static int connector(const char *path, bool keep)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fd;

	client_say_self("connector");
	fd = client_connect(path);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(CHANNEL, &message, 0) != 1)
		client_die("sendmsg");
	if (keep && read(CHANNEL, &byte, 1) < 0)
		client_die("read");
	return 0;
}

static int sender(const char *target)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header;
	int fd, status;

	client_say_self("sender");
	if (recvmsg(CHANNEL, &message, 0) != 1 || !(header = CMSG_FIRSTHDR(&message)))
		client_die("recvmsg");
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	/* Without --keep the other end is closed by now or soon: wait for it. */
	if (!getenv("PASS_FD_KEEP") && recv(CHANNEL, &byte, 1, 0) != 0)
		client_die("recv");
	if (client_get(fd, target))
		client_die("send");
	status = client_response(fd, false);
	client_say("status=%d", status);
	return status == 200 ? 0 : 1;
}

static pid_t start(const char *image, char **argv, int channel)
{
	pid_t pid = fork();

	if (pid < 0)
		client_die("fork");
	if (pid)
		return pid;
	if (channel == CHANNEL ? fcntl(channel, F_SETFD, 0) : dup2(channel, CHANNEL) < 0)
		client_die("dup2");
	execv(image, argv);
	client_die("%s", image);
}

int main(int argc, char **argv)
{
	const char *path = client_socket(argc, argv, "[--target T] [--keep]");
	const char *target = client_option(argc, argv, "--target", "/_ping");
	bool keep = client_flag(argc, argv, "--keep");
	const char *role = client_option(argc, argv, "--role", "");
	const char *copy;
	int pair[2], result;
	pid_t a, b;

	if (!strcmp(role, "connector"))
		return connector(path, keep);
	if (!strcmp(role, "sender"))
		return sender(target);

	if (keep)
		setenv("PASS_FD_KEEP", "1", 1);
	copy = client_copy_self("fd_receiver");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		client_die("socketpair");
	b = start(copy,
		  (char *[]){"fd_receiver", (char *)path, "--role", "sender", "--target",
			     (char *)target, NULL},
		  pair[1]);
	a = start("/proc/self/exe",
		  (char *[]){"pass_fd", (char *)path, "--role", "connector", keep ? "--keep" : NULL,
			     NULL},
		  pair[0]);
	close(pair[0]);
	close(pair[1]);
	result = client_wait(b) | client_wait(a);
	client_remove_copy(copy);
	return result;
}
