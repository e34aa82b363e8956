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

#define FIRST_FDS 64 /* an engine opens its listening sockets before other files */
#define SUFFIX ".sock"

/* Whether FD is a socket that listens at the node whose status is STATUS. */
static bool listens_at(int fd, const struct stat *status)
{
	struct sockaddr_un address = {0};
	socklen_t size = sizeof(address) - 1, wide = sizeof(int);
	struct stat own;
	int accepts = 0;

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &wide) && accepts &&
	       !getsockname(fd, (struct sockaddr *)&address, &size) &&
	       address.sun_family == AF_UNIX && address.sun_path[0] &&
	       !stat(address.sun_path, &own) && own.st_dev == status->st_dev &&
	       own.st_ino == status->st_ino;
}

/* The number in PATH, a file that only root can write; 0: none. */
static int read_pid(const char *path)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
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

/* A copy of descriptor NUMBER of PROCESS, or -errno. */
static int copy_fd(int process, int number)
{
	int fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);

	return fd < 0 ? -errno : fd;
}

void listener_find(struct listener *listener, const char *socket)
{
	size_t size = strlen(socket), suffix = strlen(SUFFIX);
	struct stat status;
	int pid;

	listener_close(listener);
	if (size <= suffix || size >= sizeof(listener->pid_file) ||
	    strcmp(socket + size - suffix, SUFFIX) != 0 || stat(socket, &status))
		return;
	snprintf(listener->pid_file, sizeof(listener->pid_file), "%.*s.pid", (int)(size - suffix),
		 socket);
	pid = read_pid(listener->pid_file);
	listener->process = pid > 1 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	for (int number = 0; listener->process >= 0 && number < FIRST_FDS; number++) {
		_close_ int fd = copy_fd(listener->process, number);

		listener->fd = number;
		if (fd >= 0 && listens_at(fd, &status))
			return;
	}
	listener_close(listener);
}

bool listener_is_closed(struct listener *listener)
{
	_close_ int fd = -1, other = -1;
	socklen_t size = sizeof(int);
	int accepts = 0;

	if (listener->process < 0 || listener->closed)
		return listener->closed;
	fd = copy_fd(listener->process, listener->fd);
	/* A process that is ending has no descriptors. */
	if (fd == -EBADF)
		other = copy_fd(listener->process, STDERR_FILENO);
	/* The descriptor's number may have another file by now. */
	listener->closed =
		fd < 0 ? other >= 0
		       : getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) || !accepts;
	return listener->closed;
}

bool listener_has_signed_off(const struct listener *listener)
{
	return listener->process >= 0 && access(listener->pid_file, F_OK) && errno == ENOENT;
}
