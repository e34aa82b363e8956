/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that says 200 to each HTTP/1 request on a socket of its own, in one thread, until SIGTERM: in the place of an
 * engine, to see what others cost; and the least that a plugin of authorization for Docker can be.
 *
 *	--log FILE	a line for each request of the plugin: its target, and the body as far as it was read
 *
 * Prints ready=PATH once it listens.
 */
#include <sys/epoll.h>
#include <sys/resource.h>

#include "client.h"

#define HEAD_MAX 4096

static const char allowed[] = "HTTP/1.1 200 OK\r\nContent-Type: "
			      "application/json\r\nContent-Length: 14\r\n\r\n{\"Allow\":true}";
static const char authz[] =
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n"
	"{\"Implements\":[\"authz\"]}";

struct peer {
	int fd;
	size_t filled; /* of text */
	size_t body;   /* bytes of the body that are still to come */
	char text[HEAD_MAX + 1];
};

static FILE *log_file;

/* The length of the body that the head in TEXT announces. */
static size_t body_length(const char *text)
{
	const char *line = strcasestr(text, "\r\nContent-Length:");

	return line ? strtoul(line + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

static void tell(const char *text, size_t size, const char *body)
{
	int end = (int)strcspn(text, "\r");

	fprintf(log_file, "%.*s %.*s\n", end, text, (int)(text + size - body), body);
	fflush(log_file);
}

/* Answers the requests that are there whole; false where the connection is to end. */
static bool answer(struct peer *peer)
{
	while (peer->filled) {
		const char *said = allowed;
		size_t size, skip;
		char *end;

		if (peer->body) {
			skip = peer->body < peer->filled ? peer->body : peer->filled;
			peer->body -= skip;
			peer->filled -= skip;
			memmove(peer->text, peer->text + skip, peer->filled);
			continue;
		}
		peer->text[peer->filled] = 0;
		end = strstr(peer->text, "\r\n\r\n");
		if (!end)
			return peer->filled < HEAD_MAX;
		end += 4;
		size = (size_t)(end - peer->text);
		peer->body = body_length(peer->text);
		if (strstr(peer->text, "/Plugin.Activate"))
			said = authz;
		else if (log_file)
			tell(peer->text, peer->filled, end);
		peer->filled -= size;
		memmove(peer->text, end, peer->filled);
		if (send(peer->fd, said, strlen(said), MSG_NOSIGNAL) < 0)
			return false;
	}
	return true;
}

static void take(int epoll, int listener)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};

	if (!peer)
		client_die("calloc");
	peer->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (peer->fd < 0) {
		free(peer);
		return;
	}
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, peer->fd, &event))
		client_die("epoll_ctl");
}

static void serve(struct peer *peer)
{
	ssize_t n = recv(peer->fd, peer->text + peer->filled, HEAD_MAX - peer->filled, 0);

	if (n > 0) {
		peer->filled += (size_t)n;
		if (answer(peer))
			return;
	}
	close(peer->fd);
	free(peer);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address;
	socklen_t size = client_address(&address, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, SOMAXCONN))
		client_die("%s", path);
	return fd;
}

int main(int argc, char **argv)
{
	const char *path = client_socket(argc, argv, "[--log FILE]");
	const char *name = client_option(argc, argv, "--log", NULL);
	struct epoll_event event = {.events = EPOLLIN}, events[64];
	struct rlimit limit;
	int listener, epoll;

	if (name && !(log_file = fopen(name, "a")))
		client_die("%s", name);
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	listener = listen_at(path);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
		client_die("epoll");
	client_say("ready=%s", path);
	for (;;) {
		int count = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr)
				serve(events[i].data.ptr);
			else
				take(epoll, listener);
		}
	}
}
