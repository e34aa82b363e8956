// SPDX-License-Identifier: Apache-2.0
#include "broker/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "broker/detached.h"
#include "broker/grants.h"

#define RELAYS_MAX 256
#define REQUEST_MAX 4096

struct relay {
	int engine, agent;
	char request[REQUEST_MAX]; /* of the agent, as far as it came */
	size_t size;
	char answer[32768];
};

static atomic_uint relay_count;

int relay_connect(const char *path, struct ucred *peer)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*peer);

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size))
		return -errno;
	return take_fd(fd);
}

/* --- requests --------------------------------------------------------------------------------- */

/* The headers of callerd's own requests. */
static bool is_own_header(struct bytes line)
{
	return bytes_are(line, "Host: docker") || bytes_are(line, "Connection: close") ||
	       bytes_begin(line, "User-Agent: callerd/");
}

/* Takes a line that ends in CR LF off HEAD. False: there is none, or it has a CR or LF of its own. */
static bool relay_take_line(struct bytes *head, struct bytes *ret)
{
	const char *end = memmem(head->data, head->size, "\r\n", 2);

	if (!end)
		return false;
	*ret = (struct bytes){head->data, (size_t)(end - head->data)};
	*head = bytes_from(*head, ret->size + 2);
	return !memchr(ret->data, '\n', ret->size) && !memchr(ret->data, '\r', ret->size);
}

static bool is_question(struct bytes line)
{
	static const char method[] = "GET ", version[] = " HTTP/1.1";
	size_t fixed = sizeof(method) + sizeof(version) - 2;

	return line.size > fixed && bytes_begin(line, method) &&
	       !memcmp(line.data + line.size - sizeof(version) + 1, version, sizeof(version) - 1) &&
	       grants_may_ask((struct bytes){line.data + sizeof(method) - 1, line.size - fixed});
}

int relay_check(const char *data, size_t size)
{
	const char *end = memmem(data, size, "\r\n\r\n", 4);
	struct bytes head = {data, end ? (size_t)(end - data) + 2 : 0}, line;

	if (!end)
		return size < REQUEST_MAX ? 0 : -EPERM;
	if (!relay_take_line(&head, &line) || !is_question(line))
		return -EPERM;
	while (head.size)
		if (!relay_take_line(&head, &line) || !is_own_header(line))
			return -EPERM;
	return (int)(end - data) + 4;
}

/* --- passing on ------------------------------------------------------------------------------- */

/* FD does not block, and is waited for; not beyond the end of GIVER (-1: nobody), who then wants it no more. */
static bool pass_all(int fd, int giver, const char *data, size_t size)
{
	while (size) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
		struct pollfd fds[2] = {{fd, POLLOUT, 0}, {giver, POLLRDHUP, 0}};

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		data += sent > 0 ? sent : 0;
		size -= sent > 0 ? (size_t)sent : 0;
		if (size && poll(fds, 2, -1) > 0 && fds[1].revents)
			return false;
	}
	return true;
}

/* Passes on what was asked. False: it is the end. */
static bool pass_request(struct relay *relay)
{
	ssize_t got = recv(relay->agent, relay->request + relay->size,
			   sizeof(relay->request) - relay->size, 0);
	int whole;

	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	relay->size += (size_t)got;
	while ((whole = relay_check(relay->request, relay->size)) > 0) {
		if (!pass_all(relay->engine, relay->agent, relay->request, (size_t)whole))
			return false;
		relay->size -= (size_t)whole;
		memmove(relay->request, relay->request + whole, relay->size);
	}
	return whole == 0;
}

static bool pass_answer(struct relay *relay)
{
	ssize_t got = recv(relay->engine, relay->answer, sizeof(relay->answer), 0);
	bool ret;

	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	ret = pass_all(relay->agent, -1, relay->answer, (size_t)got);
	explicit_bzero(relay->answer, (size_t)got); /* it may have secrets, as an environment */
	return ret;
}

static void *run_relay(void *data)
{
	struct relay *relay = data;
	struct pollfd fds[2] = {{relay->engine, POLLIN, 0}, {relay->agent, POLLIN, 0}};
	bool goes_on = true;

	while (goes_on) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents)
			goes_on = pass_answer(relay);
		if (goes_on && fds[1].revents)
			goes_on = pass_request(relay);
	}
	close(relay->engine);
	close(relay->agent);
	free(relay);
	relay_count--;
	return NULL;
}

int relay_start(int engine)
{
	_close_ int own = engine;
	_free_ struct relay *relay = calloc(1, sizeof(*relay));
	int ends[2], error;

	if (!relay)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends))
		return -errno;
	relay->engine = engine;
	relay->agent = ends[1];
	error = detached_start(run_relay, relay, &relay_count, RELAYS_MAX);
	if (error) {
		close(ends[0]);
		close(ends[1]);
		return error;
	}
	(void)take_ptr(relay);
	(void)take_fd(own);
	return ends[0];
}
