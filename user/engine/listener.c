// SPDX-License-Identifier: Apache-2.0
#include "engine/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"

#define FIRST_FDS 64 /* an engine opens its listening sockets before other files */
#define SUFFIX ".sock"

/* Whether SOCKET listens at the node whose status is STATUS. */
static bool listens_at(const struct broker_socket *socket, const struct stat *status)
{
	const struct sockaddr_un *address = (const struct sockaddr_un *)&socket->address;
	char path[sizeof(address->sun_path) + 1];
	struct stat own;

	if (!socket->accepts || !socket->size || address->sun_family != AF_UNIX ||
	    !address->sun_path[0])
		return false;
	snprintf(path, sizeof(path), "%.*s", (int)sizeof(address->sun_path), address->sun_path);
	return !broker_stat(AT_FDCWD, path, &own, 0) && own.st_dev == status->st_dev &&
	       own.st_ino == status->st_ino;
}

/* The number in PATH, a file that only root can write; 0: none. */
static int read_pid(const char *path)
{
	_close_ int fd =
		broker_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	struct stat status;
	char text[16] = "";

	if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_uid ||
	    status.st_mode & 022 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	return atoi(text);
}

void listener_init(struct listener *listener)
{
	*listener = (struct listener){.process = -1};
}

void listener_close(struct listener *listener)
{
	cleanup_close(&listener->process);
	listener_init(listener);
}

void listener_find(struct listener *listener, const char *socket)
{
	size_t size = strlen(socket), suffix = strlen(SUFFIX);
	struct stat status;
	int pid;

	listener_close(listener);
	if (size <= suffix || size >= sizeof(listener->pid_file) ||
	    strcmp(socket + size - suffix, SUFFIX) != 0 ||
	    broker_stat(AT_FDCWD, socket, &status, 0))
		return;
	snprintf(listener->pid_file, sizeof(listener->pid_file), "%.*s.pid", (int)(size - suffix),
		 socket);
	pid = read_pid(listener->pid_file);
	listener->process = pid > 1 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	for (int number = 0; listener->process >= 0 && number < FIRST_FDS; number++) {
		struct broker_socket found;

		listener->fd = number;
		if (!broker_socket(listener->process, number, &found) &&
		    listens_at(&found, &status))
			return;
	}
	listener_close(listener);
}

bool listener_is_closed(struct listener *listener)
{
	struct broker_socket found, other;

	if (listener->process < 0 || listener->closed)
		return listener->closed;
	/* The descriptor's number may have another file by now. */
	if (!broker_socket(listener->process, listener->fd, &found))
		listener->closed = !found.accepts;
	else /* a process that is ending has no descriptors */
		listener->closed =
			errno == EBADF && !broker_socket(listener->process, STDERR_FILENO, &other);
	return listener->closed;
}

bool listener_has_signed_off(const struct listener *listener)
{
	struct stat status;

	return listener->process >= 0 && broker_stat(AT_FDCWD, listener->pid_file, &status, 0) &&
	       errno == ENOENT;
}
