/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of an engine: sends one request at a time over the engine's own socket, on one
 * connection. The client's owner decides what to ask, and when. Never blocks; while the engine does
 * not answer, the client waits longer and longer before it connects again.
 */
#ifndef CALLERD_CLIENT_H
#define CALLERD_CLIENT_H

#include <sys/types.h>
#include <sys/un.h>

#include "base/clock.h"
#include "http/http1.h"
#include "json/body.h"

/* The client's owner. */
struct client_calls {
	bool (*has_question)(void *data);
	/* Calls client_ask() and returns true; false: there is nothing to ask. */
	bool (*ask)(void *data);
	/* A connection was made. ANOTHER: the engine may not be the one of the last connection. */
	void (*connected)(void *data, bool another);
	/* The answer's head came. head(), body() and end() return 0, or another value to drop the
	 * connection. */
	int (*head)(void *data, int status);
	int (*body)(void *data, const char *bytes, size_t size);
	/* The answer came to its end. Not COMPLETE: the rest of it will not come. */
	int (*end)(void *data, bool complete);
};

/* The limits of an answer; 0: none. */
struct client_limits {
	uint64_t bytes;
	uint64_t head, whole; /* ns from the request until the head, the whole answer, is there */
	uint64_t silence;     /* ns without a byte of the answer */
};

struct client {
	int fd; /* -1: not connected */
	uint64_t connects;
	bool asked;		    /* a request is under way */
	bool dormant;		    /* see client_seen() */
	int status;		    /* HTTP status of the answer; 0: no head yet */
	uint64_t now;		    /* time of the last client_run() */
	struct http1_parser parser; /* of the answer */
	/* private from here */
	const struct client_calls *calls;
	void *data;
	struct sockaddr_un address;
	int error;  /* of the last connect, negative; 0: it came about, or none was tried yet */
	pid_t peer; /* PID of the last connection's listener; 0: not known */
	uid_t peer_uid; /* of the last that was known; root's before that */
	uint64_t connected_at, tried_at, retry_at, backoff;
	bool lost; /* the last connection was lost, or could not be made */
	char request[512];
	size_t request_size, sent;
	uint64_t asked_at, heard_at, answer_size;
	struct client_limits limits;
};

/* Does nothing yet: the first client_run() connects. CALLS must outlive CLIENT. 0 or -ENAMETOOLONG.
 * Undo with client_close(). */
int client_init(struct client *client, const char *socket, const struct client_calls *calls,
		void *data);
void client_close(struct client *client);

/* Asks GET PATH. Called by calls.ask() only. */
void client_ask(struct client *client, const char *path, const struct client_limits *limits);

/* Whether the whole request was sent. */
bool client_is_sent(const struct client *client);

/*
 * The caller saw the engine answer a request, so the engine runs.
 *
 * Where systemd listens for the engine (docker.socket), a connect would start an engine that was
 * stopped. So once such an engine is gone, the client connects again only after client_seen() or
 * client_hurry().
 */
void client_seen(struct client *client);

/* Connects again soon, even if connects have failed often. */
void client_hurry(struct client *client);

/* Drops the connection, and makes a new one in the next client_run(). */
void client_reconnect(struct client *client);

/* Whether ERROR of a connect says that nobody listens. */
bool client_nobody_listens(int error);

/* Whether the engine has closed the socket that it listened on itself. False where systemd listens
 * for the engine: that is not tried, since a connect might start an engine. */
bool client_is_deserted(const struct client *client);

/* The same as engine_fd() and engine_run(). */
int client_fd(const struct client *client, short *ret_events);
void client_run(struct client *client, uint64_t now);

/* The fields of GET /version's answer that are read, and whether they are Podman's. */
extern const struct shape client_version_shape;
bool client_version_is_podman(const struct value *version);

#endif
