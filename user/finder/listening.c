// SPDX-License-Identifier: Apache-2.0
#include "finder/listening.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"

/* An engine opens its listening sockets before those of its clients. */
#define SOCKETS_MAX 256
#define FILES_MAX 1024

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

/* Whether SOCKET is a stream socket that listens at an address of a kind that an engine has. */
static bool take_listening(const struct broker_socket *socket, struct listening *ret)
{
	const union address *address = (const void *)&socket->address;

	if (!socket->accepts || socket->type != SOCK_STREAM || !socket->size)
		return false;
	*ret = (struct listening){0};
	if (address->any.sa_family == AF_UNIX)
		return take_local(&address->local, socket->size, ret);
	return (address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6) &&
	       take_inet(address, ret);
}

static bool is_socket(int directory, const char *name)
{
	char text[16] = "";

	return isdigit((unsigned char)name[0]) &&
	       broker_readlink(directory, name, text, sizeof(text) - 1) > 0 &&
	       !strncmp(text, "socket:", strlen("socket:"));
}

int listening_find(uint32_t pid, int process, struct listening ret[LISTENING_MAX])
{
	_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	_closedir_ DIR *directory = broker_opendir(process, "fd");
	const struct dirent *entry;
	int count = 0, sockets = 0, error = 0;

	if (pidfd < 0 || !directory)
		return -errno;
	while (count < LISTENING_MAX && sockets < SOCKETS_MAX && (entry = readdir(directory))) {
		struct broker_socket socket;

		if (!is_socket(dirfd(directory), entry->d_name))
			continue;
		sockets++;
		if (!broker_socket(pidfd, atoi(entry->d_name), &socket))
			count += take_listening(&socket, &ret[count]);
		else if (errno == EPERM)
			error = -EPERM;
	}
	return count ?: error;
}

/* A connection that was accepted has the listener's address; over TCP that is seen only of what a process was begun with. */
static bool is_accepted(const struct broker_socket *socket, int number)
{
	const union address *address = (const void *)&socket->address;

	if (socket->accepts || socket->type != SOCK_STREAM || !socket->peer_size || !socket->size)
		return false;
	if (address->any.sa_family == AF_UNIX)
		return socket->size > offsetof(struct sockaddr_un, sun_path);
	return !number && (address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6);
}

int listening_role(uint32_t pid, int process)
{
	_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	_closedir_ DIR *directory = broker_opendir(process, "fd");
	const struct dirent *entry;
	int role = LISTENING_NOT, sockets = 0;

	if (pidfd < 0 || !directory)
		return -errno;
	for (int files = 0;
	     files < FILES_MAX && sockets < SOCKETS_MAX && (entry = readdir(directory)); files++) {
		struct broker_socket socket;
		int number = atoi(entry->d_name);

		if (!is_socket(dirfd(directory), entry->d_name))
			continue;
		sockets++;
		if (broker_socket(pidfd, number, &socket))
			continue;
		if (socket.accepts)
			return LISTENING_LISTENS;
		if (is_accepted(&socket, number))
			role = LISTENING_ACCEPTED;
	}
	return role;
}
