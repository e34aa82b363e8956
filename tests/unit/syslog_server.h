/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behind a driver of syslog: a server on 127.0.0.1, in a thread, which notes what it got. A record that comes for
 * the first time must be the next one, and whole.
 */
#ifndef CALLERD_TEST_SYSLOG_SERVER_H
#define CALLERD_TEST_SYSLOG_SERVER_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "output/syslog/syslog_channel.h"
#include "output/syslog/syslog_flight.h"
#include "syslogging.h"

#define PATIENCE 10000 /* milliseconds until something must have happened */

/* --- the driver's patience ---------------------------------------------------------------------- */

/* As syslog_stream.c has them. */
#define RESEND_MAX (8ull << 20)
#define REACTION 100
#define GRACE 5000

/* What a driver does with its connection, and how long it really waits, in ms: its clock moves on by the rest. */
static struct {
	const struct channel *channel;
	bool full;	 /* it took nothing of what was written last */
	int reaction;	 /* for the server's, on a new connection */
	int slice;	 /* for a server that takes nothing */
	bool grace_over; /* what was written, was so before the last GRACE */
} watched;

int __real_syslog_channel_open(struct channel *channel, struct driver *driver, SSL_CTX *context);
ssize_t __real_syslog_channel_write(struct channel *channel, const void *data, size_t size);
uint64_t __real_syslog_flight_until(const struct flight *flight, uint64_t time);
int __real_driver_poll(const struct driver *driver, int fd, short events, int milliseconds);

int __wrap_syslog_channel_open(struct channel *channel, struct driver *driver, SSL_CTX *context)
{
	watched.channel = channel;
	return __real_syslog_channel_open(channel, driver, context);
}

ssize_t __wrap_syslog_channel_write(struct channel *channel, const void *data, size_t size)
{
	ssize_t written = __real_syslog_channel_write(channel, data, size);

	watched.full = written == -EAGAIN;
	return written;
}

uint64_t __wrap_syslog_flight_until(const struct flight *flight, uint64_t time)
{
	return __real_syslog_flight_until(flight, watched.grace_over ? time + GRACE : time);
}

int __wrap_driver_poll(const struct driver *driver, int fd, short events, int milliseconds)
{
	bool for_room = (events & (POLLOUT | POLLRDHUP)) == (POLLOUT | POLLRDHUP);
	int wait = milliseconds, seen;

	if (events == (POLLIN | POLLRDHUP) && milliseconds == REACTION)
		wait = watched.reaction;
	else if (for_room && milliseconds > watched.slice)
		wait = watched.slice;
	seen = __real_driver_poll(driver, fd, events, wait);
	if (!seen && wait < milliseconds)
		skipped += (uint64_t)(milliseconds - wait);
	return seen;
}

/* Before a driver is opened. */
static void watch(void)
{
	memset(&watched, 0, sizeof(watched));
	watched.reaction = 1;
	watched.slice = 50;
}

static uint64_t real_ms(void)
{
	return __real_clock_now(CLOCK_MONOTONIC) / NS_PER_MS;
}

/* Until the connection has ended. */
static void world_wait_end(struct world *world)
{
	for (int left = PATIENCE; watched.channel->fd >= 0; left--, usleep(1000)) {
		world_run(world);
		assert_true(left);
	}
}

/* Sends all that there is, as a sink does that never gives up. */
static void world_send_all(struct world *world)
{
	uint64_t end = real_ms() + PATIENCE;

	while (world->next < world->count) {
		world_send(world, 128);
		if (real_ms() > end)
			fail_msg("%u of %u sent, %u confirmed; %s", world->next, world->count,
				 world->confirmed, world->driver->why);
	}
}

/* Whatever breaks meanwhile. */
static void world_send_until_confirmed(struct world *world)
{
	world_send_all(world);
	for (int left = PATIENCE; world->confirmed < world->count; left--) {
		world_finish(world);
		world_send_all(world);
		assert_true(left);
	}
}

/* --- the server ------------------------------------------------------------------------------- */

#define FRAME_MAX (1u << 20)

struct server {
	int listener;
	char port[8];
	pthread_t thread;
	const struct world *world;
	void (*serve)(struct server *server, int fd, unsigned int connection);
	void *data;
	uint32_t random;
	unsigned int connections; /* atomic */
	unsigned int got;	  /* atomic: records, without doubles */
	unsigned int doubles;	  /* atomic */
	unsigned int told;	  /* atomic: callers, each time */
	bool seen[CALLERS_MAX];	  /* on this connection */
	char wrong[200];	  /* what was wrong with what it got */
	char first[512];	  /* the first message */

	char *frame; /* what there is of the next one */
	size_t size;
};

static unsigned int server_got(const struct server *server)
{
	return __atomic_load_n(&server->got, __ATOMIC_ACQUIRE);
}

static unsigned int server_connections(const struct server *server)
{
	return __atomic_load_n(&server->connections, __ATOMIC_ACQUIRE);
}

/* Whether MESSAGE tells of a caller. */
static bool note_caller(struct server *server, const char *message, size_t size)
{
	const char *seen = memmem(message, size, "{\"seen\":", 8);

	if (!seen)
		return false;
	server->seen[strtoul(seen + 8, NULL, 10) % CALLERS_MAX] = true;
	__atomic_add_fetch(&server->told, 1, __ATOMIC_RELEASE);
	return true;
}

static void note_message(struct server *server, const char *message, size_t size)
{
	const char *body = memmem(message, size, "{\"n\":", 5);
	unsigned int number = body ? (unsigned int)strtoul(body + 5, NULL, 10) : 0;
	const struct entry *entry =
		body && number < server->world->count ? server->world->entries[number] : NULL;
	size_t head = body ? (size_t)(body - message) : 0;

	if (server->wrong[0] || note_caller(server, message, size))
		return;
	if (!server->first[0])
		snprintf(server->first, sizeof(server->first), "%.*s", (int)size, message);
	if (!entry || size - head != entry->size - 1 || memcmp(body, entry->data, entry->size - 1))
		snprintf(server->wrong, sizeof(server->wrong), "not a record: %.100s", message);
	else if (caller_each && !server->seen[caller_of(number)])
		snprintf(server->wrong, sizeof(server->wrong), "nobody told whom %u names", number);
	else if (number > server->got)
		snprintf(server->wrong, sizeof(server->wrong), "%u came after %u", number,
			 server->got - 1);
	else if (number == server->got)
		__atomic_add_fetch(&server->got, 1, __ATOMIC_RELEASE);
	else
		__atomic_add_fetch(&server->doubles, 1, __ATOMIC_RELEASE);
}

/* Takes SIZE bytes more of octet-counted messages. */
static void note_bytes(struct server *server, const char *data, size_t size)
{
	memcpy(server->frame + server->size, data, size);
	server->size += size;
	server->frame[server->size] = '\0';
	for (;;) {
		char *end;
		unsigned long length = strtoul(server->frame, &end, 10);
		size_t head = (size_t)(end - server->frame) + 1;

		if (end > server->frame && *end && *end != ' ')
			snprintf(server->wrong, sizeof(server->wrong), "no length: %.40s",
				 server->frame);
		if (end == server->frame || *end != ' ' || server->size < head + length)
			return;
		note_message(server, end + 1, length);
		server->size -= head + length;
		memmove(server->frame, server->frame + head + length, server->size + 1);
	}
}

/* Reads at most SIZE bytes, until nothing comes for QUIET milliseconds; returns whether more may come. */
static bool serve_bytes(struct server *server, int fd, size_t size, int quiet)
{
	char buffer[16384];

	while (size) {
		struct pollfd pollfd = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (poll(&pollfd, 1, quiet) <= 0)
			return true;
		got = recv(fd, buffer, size < sizeof(buffer) ? size : sizeof(buffer), 0);
		if (got <= 0)
			return false;
		note_bytes(server, buffer, (size_t)got);
		size -= (size_t)got;
	}
	return true;
}

static void serve_until_end(struct server *server, int fd, unsigned int connection)
{
	serve_bytes(server, fd, SIZE_MAX, PATIENCE);
}

static void *serve_all(void *data)
{
	struct server *server = data;

	for (unsigned int connection = 0;; connection++) {
		int fd = accept(server->listener, NULL, NULL);

		if (fd < 0)
			return NULL;
		server->size = 0;
		memset(server->seen, 0, sizeof(server->seen));
		__atomic_add_fetch(&server->connections, 1, __ATOMIC_RELEASE);
		server->serve(server, fd, connection);
		close(fd);
	}
}

/* Listens on PORT, "0": any that is free, and points WORLD there; nothing is served yet. */
static void server_listen(struct server *server, struct world *world, const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)atoi(port)),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	const int on = 1;

	*server = (struct server){.world = world, .random = 815, .serve = serve_until_end};
	server->frame = malloc(FRAME_MAX);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server->listener, 128), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
	snprintf(server->port, sizeof(server->port), "%d", ntohs(address.sin_port));
	world->options.port = server->port;
}

static void server_start(struct server *server)
{
	assert_int_equal(pthread_create(&server->thread, NULL, serve_all, server), 0);
}

/* Waits until what it serves has ended. */
static void server_stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	if (server->thread)
		pthread_join(server->thread, NULL);
	close(server->listener);
	free(server->frame);
	server->frame = NULL;
}

#endif
