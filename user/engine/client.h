/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks an engine over its own socket: one request at a time, on one connection, what and when is up to whoever has
 * the client. Never blocks; where the engine does not answer, it waits longer and longer before it connects again.
 */
#ifndef CALLERD_CLIENT_H
#define CALLERD_CLIENT_H

#include <sys/types.h>
#include <sys/un.h>

#include "base/clock.h"
#include "http/http1.h"
#include "json/body.h"

/* Who asks. */
struct client_calls {
	bool (*has_question)(void *data);
	/* client_ask(), and true; false: there is nothing to ask. */
	bool (*ask)(void *data);
	/* A connection was made; ANOTHER engine may listen than last time. */
	void (*connected)(void *data, bool another);
	/* The answer begins. As with the next ones, other than 0: the connection is of no more use. */
	int (*head)(void *data, int status);
	int (*body)(void *data, const char *bytes, size_t size);
	/* The answer came, or, not COMPLETE, it will not. */
	int (*end)(void *data, bool complete);
};

/* Of an answer; 0: as long as it pleases. */
struct client_limits {
	uint64_t bytes;
	uint64_t head, whole; /* ns until it is there */
	uint64_t silence;     /* ns between two of its bytes */
};

struct client {
	int fd; /* -1: not connected */
	uint64_t connects;
	bool asked;		    /* a request is under way */
	bool dormant;		    /* see client_seen() */
	int status;		    /* of the answer; 0: no head yet */
	uint64_t now;		    /* of the last client_run() */
	struct http1_parser parser; /* of the answer */
	/* private from here */
	const struct client_calls *calls;
	void *data;
	struct sockaddr_un address;
	pid_t peer; /* of the last connection: who listens; 0: not known */
	uint64_t connected_at, tried_at, retry_at, backoff;
	bool lost; /* the last connection, or none was made */
	char request[512];
	size_t request_size, sent;
	uint64_t asked_at, heard_at, answer_size;
	struct client_limits limits;
};

/* Does nothing yet: the first client_run() connects. CALLS has to stay. 0 or -ENAMETOOLONG. Undo with
 * client_close(). */
int client_init(struct client *client, const char *socket, const struct client_calls *calls,
		void *data);
void client_close(struct client *client);

/* Asks GET PATH, within calls.ask(). */
void client_ask(struct client *client, const char *path, const struct client_limits *limits);

/* Whether the request is on its way, all of it. */
bool client_is_sent(const struct client *client);

/*
 * The engine answered somebody, so it runs.
 *
 * Where systemd listens for the engine (docker.socket), a connect would start an engine that was stopped. So
 * once such a one is gone, only client_seen() and client_hurry() make us try again.
 */
void client_seen(struct client *client);

/* Connects again soon, even where that failed often. */
void client_hurry(struct client *client);

/* Drops the connection for a new one, at once. */
void client_reconnect(struct client *client);

/* Whether nobody listens any more where the engine listened itself. Where systemd listens for it that is not known,
 * and is not asked for: a connect might start an engine. */
bool client_is_deserted(const struct client *client);

/* As engine_fd() and engine_run(). */
int client_fd(const struct client *client, short *ret_events);
void client_run(struct client *client, uint64_t now);

/* What GET /version answers, as far as it matters, and what it means. */
extern const struct shape client_version_shape;
bool client_version_is_podman(const struct value *version);

#endif
