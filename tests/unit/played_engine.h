/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of an engine that is played, with one connection at a time. The test says what is answered. */
#ifndef CALLERD_TEST_PLAYED_ENGINE_H
#define CALLERD_TEST_PLAYED_ENGINE_H

#include "files.h"

#include <sys/socket.h>
#include <sys/un.h>

static struct {
	char path[80];
	int listener, fd;   /* -1: none */
	pid_t pid;	    /* who listens, as the client is told; 0: this process */
	size_t portion;	    /* bytes sent at once */
	uint64_t exchanged; /* bytes that arrived here or at the client */
	char request[1024], *output;
	size_t request_size, output_size, sent;
	unsigned int accepted;
} server;

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
ssize_t __real_recv(int fd, void *data, size_t size, int flags);

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	int result = __real_getsockopt(fd, level, name, value, size);

	if (name == SO_PEERCRED && server.pid)
		((struct ucred *)value)->pid = server.pid;
	return result;
}

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
	ssize_t got = __real_recv(fd, data, size, flags);

	server.exchanged += got > 0 ? (size_t)got : 0;
	return got;
}

static void server_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, server.path);
	server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server.listener, 8), 0);
}

static void server_begin(void)
{
	memset(&server, 0, sizeof(server));
	server.fd = -1;
	server.portion = SIZE_MAX;
	assert_int_equal(files_prepare("/tmp"), 0);
	snprintf(server.path, sizeof(server.path), "%s/sock", directory);
	server_listen();
}

static void server_hang_up(void)
{
	if (server.fd >= 0)
		close(server.fd);
	server.fd = -1;
	free(server.output);
	server.output = NULL;
	server.request_size = server.output_size = server.sent = 0;
}

static void server_stop(void)
{
	server_hang_up();
	close(server.listener);
	unlink(server.path);
	server.listener = -1;
}

/* Whether there is a connection. */
static bool server_accept(void)
{
	if (server.fd < 0 && server.listener >= 0) {
		server.fd = accept(server.listener, NULL, NULL);
		server.accepted += server.fd >= 0;
	}
	return server.fd >= 0;
}

/* Reads; whether SERVER.request is a whole request. */
static bool server_take_request(void)
{
	ssize_t size = recv(server.fd, server.request + server.request_size,
			    sizeof(server.request) - server.request_size - 1, MSG_DONTWAIT);

	if (!size)
		server_hang_up();
	if (size <= 0)
		return false;
	server.request_size += (size_t)size;
	server.request[server.request_size] = '\0';
	if (!strstr(server.request, "\r\n\r\n"))
		return false;
	server.request_size = 0;
	return true;
}

static void server_put(const char *text)
{
	size_t size = strlen(text);

	server.output = realloc(server.output, server.output_size + size + 1);
	memcpy(server.output + server.output_size, text, size + 1);
	server.output_size += size;
}

/* Sends what was put, as far as the client takes it, or one portion; whether nothing is left. */
static bool server_send(void)
{
	while (server.sent < server.output_size) {
		size_t left = server.output_size - server.sent;
		ssize_t size = send(server.fd, server.output + server.sent,
				    left < server.portion ? left : server.portion,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (size < 0 && errno != EAGAIN)
			server_hang_up();
		if (size < 0)
			return false;
		server.sent += (size_t)size;
		if (server.portion < SIZE_MAX && server.sent < server.output_size)
			return false;
	}
	server.output_size = server.sent = 0;
	return true;
}

#endif
