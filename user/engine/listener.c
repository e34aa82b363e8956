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

/* The process whose pid file lies beside SOCKET; -1: there is none. */
static int process_beside(const char *socket, char pid_file[LISTENER_PID_FILE])
{
	size_t size = strlen(socket), suffix = strlen(SUFFIX);
	int pid;

	if (size <= suffix || size >= LISTENER_PID_FILE || strcmp(socket + size - suffix, SUFFIX) != 0)
		return -1;
	snprintf(pid_file, LISTENER_PID_FILE, "%.*s.pid", (int)(size - suffix), socket);
	pid = read_pid(pid_file);
	return pid > 1 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

/* The number of PROCESS's descriptor that listens at SOCKET; -1: there is none. */
static int find_listening(int process, const char *socket)
{
	struct stat status;

	if (broker_stat(AT_FDCWD, socket, &status, 0))
		return -1;
	for (int number = 0; number < FIRST_FDS; number++) {
		struct broker_socket found;

		if (!broker_socket(process, number, &found) && listens_at(&found, &status))
			return number;
	}
	return -1;
}

void listener_find(struct listener *listener, const char *socket)
{
	listener_close(listener);
	listener->process = process_beside(socket, listener->pid_file);
	if (listener->process >= 0)
		listener->fd = find_listening(listener->process, socket);
	if (listener->fd < 0)
		listener_close(listener);
}

bool listener_serves(int process, const char *socket)
{
	return find_listening(process, socket) >= 0;
}

int listener_process(const char *socket)
{
	char pid_file[LISTENER_PID_FILE];

	return process_beside(socket, pid_file);
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
