// SPDX-License-Identifier: Apache-2.0
#include "engine/client.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "broker/broker.h"

#ifndef CALLERD_VERSION
#define CALLERD_VERSION "0"
#endif

#define BACKOFF_FIRST NS_PER_S
#define BACKOFF_MAX (60 * NS_PER_S)
#define BACKOFF_ABSENT_MAX (4 * NS_PER_S) /* where no engine listens, a connect disturbs nothing */
#define STEADY (60 * NS_PER_S) /* a connection that lasted this long resets the backoff */

#define SYSTEMD 1 /* the PID of systemd */

#define RUN_REQUESTS 8	      /* at most, in one client_run() */
#define RUN_BYTES (64u << 10) /* read at most, in one client_run() */

/* --- the version ------------------------------------------------------------------------------ */

static const struct shape word = {.kind = SHAPE_STRING};
static const struct shape_field component_fields[] = {{"Name", &word}, {}};
static const struct shape component = {.kind = SHAPE_STRUCT, .fields = component_fields};
static const struct shape components = {.kind = SHAPE_LIST, .element = &component};
static const struct shape_field version_fields[] = {
	{"ApiVersion", &word}, {"MinAPIVersion", &word}, {"Components", &components}, {}};

const struct shape client_version_shape = {.kind = SHAPE_STRUCT, .fields = version_fields};

bool client_version_is_podman(const struct value *version)
{
	static const struct bytes podman = {"Podman Engine", sizeof("Podman Engine") - 1};
	const struct value *parts = body_get(version, "Components");

	for (const struct value *part = parts ? parts->first : NULL; part; part = part->next)
		if (bytes_equal(body_string(part, "Name"), podman))
			return true;
	return false;
}

/* --- the connection --------------------------------------------------------------------------- */

static int end_request(struct client *client, bool complete)
{
	client->asked = false;
	return client->calls->end(client->data, complete);
}

static void client_disconnect(struct client *client)
{
	cleanup_close(&client->fd);
	if (client->asked)
		end_request(client, false);
}

/* Sets when to connect again. */
static void back_off(struct client *client, uint64_t max)
{
	uint64_t twice = 2 * client->backoff;

	client->backoff = !twice ? BACKOFF_FIRST : twice < max ? twice : max;
	client->retry_at = client->now + client->backoff;
}

/* Drops the connection. CLOSED: the engine closed it. */
static void client_lose(struct client *client, bool closed)
{
	client_disconnect(client);
	client->lost = true;
	client->dormant = closed && client->peer == SYSTEMD;
	if (client->now - client->connected_at >= STEADY)
		client->backoff = 0;
	back_off(client, BACKOFF_MAX);
}

static bool may_connect(const struct client *client)
{
	/* A lost connection is made again as soon as the backoff allows. Where the engine closes
	 * each connection after its answer, the next one is made when there is a question. */
	return !client->dormant && client->now >= client->retry_at &&
	       (client->lost || client->calls->has_question(client->data));
}

/* Begins to use FD, a new connection to PEER. */
static void take_connection(struct client *client, int fd, pid_t peer, uid_t uid)
{
	/* Where the peer's PID does not show a new engine, a lost connection may mean one. */
	bool another = peer != client->peer || (client->lost && peer <= SYSTEMD);

	client->peer = peer;
	client->peer_uid = uid;
	client->fd = fd;
	client->error = 0;
	client->lost = false;
	client->connected_at = client->now;
	client->retry_at = 0;
	client->connects++;
	client->calls->connected(client->data, another);
}

bool client_nobody_listens(int error)
{
	return error == -ENOENT || error == -ECONNREFUSED;
}

static void connect_engine(struct client *client)
{
	struct ucred peer;
	int fd = broker_connect(client->address.sun_path, &peer), error = -errno;

	client->tried_at = client->now;
	if (fd >= 0) {
		take_connection(client, fd, peer.pid, peer.uid);
		return;
	}
	if (client_nobody_listens(error))
		client->peer = 0;
	client->error = error;
	client->lost = true;
	back_off(client, client_nobody_listens(error) ? BACKOFF_ABSENT_MAX : BACKOFF_MAX);
}

/* --- requests and answers --------------------------------------------------------------------- */

void client_ask(struct client *client, const char *path, const struct client_limits *limits)
{
	assert(!client->asked && client->fd >= 0);
	client->request_size = (size_t)snprintf(client->request, sizeof(client->request),
						"GET %s HTTP/1.1\r\nHost: docker\r\n"
						"User-Agent: callerd/" CALLERD_VERSION "\r\n\r\n",
						path);
	http1_init(&client->parser, HTTP1_RESPONSE);
	client->limits = *limits;
	client->asked = true;
	client->sent = client->answer_size = 0;
	client->status = 0;
	client->asked_at = client->heard_at = client->now;
}

bool client_is_sent(const struct client *client)
{
	return client->asked && client->sent == client->request_size;
}

/* 0, -EAGAIN, or another error: the connection is gone. */
static int send_request(struct client *client)
{
	while (client->sent < client->request_size) {
		ssize_t size =
			send(client->fd, client->request + client->sent,
			     client->request_size - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (size < 0)
			return errno == EINTR ? -EAGAIN : -errno;
		client->sent += (size_t)size;
	}
	return 0;
}

static int take_head(struct client *client)
{
	http1_response_to(&client->parser, METHOD_GET);
	client->status = client->parser.head.status;
	if (client->status == 101)
		return -EPROTO;
	return client->status < 200 ? 0 : client->calls->head(client->data, client->status);
}

/* The answer came to its end. */
static int end_answer(struct client *client)
{
	bool last =
		client->parser.head.close || client->parser.head.framing == HTTP1_BODY_UNTIL_CLOSE;
	int error;

	if (client->status < 200) { /* an interim answer: the final one follows */
		client->status = 0;
		return 0;
	}
	error = end_request(client, true);
	if (!error && last)
		client_disconnect(client);
	return error;
}

/* Parses SIZE bytes of the answer. 0, or -errno: the connection is of no more use. */
static int take_bytes(struct client *client, const char *data, size_t size)
{
	client->heard_at = client->now;
	client->answer_size += size;
	if (client->limits.bytes && client->answer_size > client->limits.bytes)
		return -EPROTO;
	for (;;) {
		const char *piece;
		size_t used, piece_size;
		int error = 0;

		if (!client->asked) /* the answer is complete: further bytes are an error */
			return size ? -EPROTO : 0;
		switch (http1_next(&client->parser, data, size, &used, &piece, &piece_size)) {
		case HTTP1_MORE:
			return 0;
		case HTTP1_HEAD:
			error = take_head(client);
			break;
		case HTTP1_BODY:
			if (client->status >= 200)
				error = client->calls->body(client->data, piece, piece_size);
			break;
		case HTTP1_END:
			error = end_answer(client);
			break;
		case HTTP1_ERROR:
			error = -EPROTO;
			break;
		}
		if (error)
			return error;
		data += used;
		size -= used;
	}
}

/* The engine closed the connection, which ends some answers. */
static int take_end(struct client *client)
{
	bool complete = false;

	if (!client->asked || http1_finish(&client->parser, &complete) || !complete)
		return -ECONNRESET;
	return end_answer(client);
}

/* Reads once. Returns the number of bytes; 0 at the end of a complete answer; -EAGAIN; or another
 * error: the connection is of no more use. */
static int client_receive(struct client *client)
{
	char bytes[16384];
	ssize_t size = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	int error;

	if (size < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (!size)
		return take_end(client);
	error = take_bytes(client, bytes, (size_t)size);
	/* The bytes may have secrets, as a container's environment. */
	explicit_bzero(bytes, (size_t)size);
	return error ?: (int)size;
}

static bool timed_out(const struct client *client)
{
	const struct client_limits *limits = &client->limits;
	uint64_t time = client->now - client->asked_at, silence = client->now - client->heard_at;

	return client->asked && ((limits->head && !client->status && time >= limits->head) ||
				 (limits->whole && time >= limits->whole) ||
				 (limits->silence && silence >= limits->silence));
}

/* Sends, or reads once. Returns the same as client_receive(). */
static int client_step(struct client *client)
{
	int error = client->asked ? send_request(client) : 0;

	return error ?: client_receive(client);
}

void client_run(struct client *client, uint64_t now)
{
	unsigned int requests = 0;
	size_t bytes = 0;
	int size = 0;

	client->now = now;
	while (bytes < RUN_BYTES && requests <= RUN_REQUESTS) {
		if (client->fd < 0 && may_connect(client))
			connect_engine(client);
		if (client->fd < 0)
			break;
		if (!client->asked && requests < RUN_REQUESTS)
			requests += client->calls->ask(client->data);
		else if (!client->asked)
			break;
		size = client_step(client);
		if (size < 0)
			break;
		bytes += (size_t)size;
	}
	if (client->fd >= 0 && size < 0 && size != -EAGAIN)
		client_lose(client, size == -ECONNRESET || size == -EPIPE);
	else if (client->fd >= 0 && timed_out(client))
		client_lose(client, false);
}

int client_fd(const struct client *client, short *ret_events)
{
	bool write =
		client->asked ? !client_is_sent(client) : client->calls->has_question(client->data);

	*ret_events = write ? POLLOUT : POLLIN;
	return client->fd;
}

/* --- the rest --------------------------------------------------------------------------------- */

void client_seen(struct client *client)
{
	client->dormant = false;
}

void client_hurry(struct client *client)
{
	client->dormant = false;
	if (client->retry_at > client->tried_at + BACKOFF_FIRST)
		client->retry_at = client->tried_at + BACKOFF_FIRST;
}

bool client_is_deserted(const struct client *client)
{
	struct ucred peer;

	return client->peer != SYSTEMD && broker_peer(client->address.sun_path, &peer) &&
	       client_nobody_listens(-errno);
}

void client_reconnect(struct client *client)
{
	client_disconnect(client);
	client->lost = true;
}

int client_init(struct client *client, const char *socket, const struct client_calls *calls,
		void *data)
{
	*client = (struct client){.fd = -1, .calls = calls, .data = data, .lost = true};
	if (strlen(socket) >= sizeof(client->address.sun_path))
		return -ENAMETOOLONG;
	client->address.sun_family = AF_UNIX;
	memcpy(client->address.sun_path, socket, strlen(socket) + 1);
	return 0;
}

void client_close(struct client *client)
{
	client_disconnect(client);
}
