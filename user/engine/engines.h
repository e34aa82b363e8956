/* SPDX-License-Identifier: Apache-2.0 */
/* The engines behind the watched sockets: what each of them has, what requests ask of them, what they say that
 * happened, and who that goes back to. */
#ifndef CALLERD_ENGINES_H
#define CALLERD_ENGINES_H

#include <poll.h>

#include "base/beside.h"
#include "conversation/reader.h"
#include "docker/cause/causes.h"
#include "record/record.h"
#include "state/state.h"

#define ENGINES_INVENTORY_DEFAULT 65536 /* entries of each kind */
#define ENGINES_FDS_MAX (2 * CALLERD_SOCKETS_MAX)

struct engines;

struct engines_options {
	unsigned int socket_count;
	const char *const *sockets; /* NULL-terminated; by index */
	const struct policy *policy;
	unsigned int inventory; /* entries of each kind; 0: the engines are not asked */
	uint64_t event_wait;	/* ns that an event waits for the request behind it */
	const struct record_context *context;
	struct state *state; /* NULL: nothing is kept */
	struct beside *beside;
	void *data;
	void (*record)(void *data, struct record *record); /* a docker-event */
	/* The server of a socket, where it is not the usual one; else NULL. */
	const struct record_server *(*server)(void *data, unsigned int socket);
	/* Whether FILE is what the host has at PATH. */
	bool (*is_program)(void *data, struct bytes path, const struct callerd_node_key *file);
};

struct engines_stats {
	struct causes_stats causes;
	uint64_t missed; /* times that events were missed, and events that were not understood */
};

/* All that OPTIONS points to outlives it. NOW, here and below: ns of CLOCK_BOOTTIME. 0 or -errno. Free with
 * engines_free(). */
int engines_new(const struct engines_options *options, uint64_t now, struct engines **ret);
void engines_free(struct engines *engines);

/* Reads the contents of requests, for the tracker. */
const struct reader *engines_reader(const struct engines *engines);

/* Adds what is known of the caller: the container that it runs in, the rule that expects it. */
void engines_describe_caller(struct engines *engines, struct record *record);

/* Requests were lost: everything is to be asked for anew, and in doubt nobody did it. */
void engines_lost(struct engines *engines, uint64_t now);

/* What to poll for; returns how many. */
unsigned int engines_fds(const struct engines *engines, struct pollfd fds[ENGINES_FDS_MAX]);

/* Whether each of them has told all that it was asked, or does not answer. */
bool engines_settled(const struct engines *engines);

/* Goes on asking and listening, without waiting. */
void engines_run(struct engines *engines, uint64_t now);

/* Writes the events that came before the requests that the tracker has seen by now. */
void engines_tell(struct engines *engines, uint64_t now);

/* Whether events wait to be told. */
bool engines_waiting(const struct engines *engines);

/* Writes all events, as they stand. */
void engines_close(struct engines *engines);

void engines_stats(const struct engines *engines, struct engines_stats *ret);

#endif
