// SPDX-License-Identifier: Apache-2.0
#include "finder/listening.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

/* An engine opens its listening sockets before those of its clients. */
#define SOCKETS_MAX 256

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool take_local(const struct sockaddr_un *address, socklen_t size, struct listening *ret)
{
	size_t length = size - offsetof(struct sockaddr_un, sun_path);

	/* One without a name in the file system cannot be watched. */
	if (size <= offsetof(struct sockaddr_un, sun_path) || address->sun_path[0] != '/')
		return false;
	snprintf(ret->text, sizeof(ret->text), "%.*s",
		 (int)(length < sizeof(address->sun_path) ? length : sizeof(address->sun_path)),
		 address->sun_path);
	return true;
}

static bool take_inet(const union address *address, struct listening *ret)
{
	bool v6 = address->any.sa_family == AF_INET6;
	const void *number = v6 ? (const void *)&address->v6.sin6_addr : &address->v4.sin_addr;
	char text[INET6_ADDRSTRLEN] = "";

	ret->tcp = true;
	ret->port = ntohs(v6 ? address->v6.sin6_port : address->v4.sin_port);
	if (!inet_ntop(address->any.sa_family, number, text, sizeof(text)))
		return false;
	snprintf(ret->text, sizeof(ret->text), v6 ? "[%s]:%u" : "%s:%u", text, ret->port);
	return true;
}

/* Whether FD is a stream socket that listens at an address of a kind that an engine has. */
static bool take_listening(int fd, struct listening *ret)
{
	union address address = {0};
	socklen_t size = sizeof(address), wide = sizeof(int);
	int accepts = 0, type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &wide) || !accepts ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &wide) || type != SOCK_STREAM ||
	    getsockname(fd, &address.any, &size))
		return false;
	*ret = (struct listening){0};
	if (address.any.sa_family == AF_UNIX)
		return take_local(&address.local, size, ret);
	return (address.any.sa_family == AF_INET || address.any.sa_family == AF_INET6) &&
	       take_inet(&address, ret);
}

static bool is_socket(int directory, const char *name)
{
	char text[16] = "";

	return isdigit((unsigned char)name[0]) &&
	       readlinkat(directory, name, text, sizeof(text) - 1) > 0 &&
	       !strncmp(text, "socket:", strlen("socket:"));
}

int listening_find(uint32_t pid, int process, struct listening ret[LISTENING_MAX])
{
	_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int below = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_closedir_ DIR *directory = below < 0 ? NULL : fdopendir(below);
	const struct dirent *entry;
	int count = 0, sockets = 0, error = 0;

	if (pidfd < 0 || !directory) {
		error = -errno;
		if (!directory && below >= 0)
			close(below);
		return error;
	}
	while (count < LISTENING_MAX && sockets < SOCKETS_MAX && (entry = readdir(directory))) {
		_close_ int fd = -1;

		if (!is_socket(dirfd(directory), entry->d_name))
			continue;
		sockets++;
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);
		if (fd >= 0)
			count += take_listening(fd, &ret[count]);
		else if (errno == EPERM)
			error = -EPERM;
	}
	return count ?: error;
}
