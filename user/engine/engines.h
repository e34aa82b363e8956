/* SPDX-License-Identifier: Apache-2.0 */
/* The engines behind the watched sockets: their inventories, the requests to them, the events that
 * they report, and the causes of those events. */
#ifndef CALLERD_ENGINES_H
#define CALLERD_ENGINES_H

#include <poll.h>

#include "conversation/reader.h"
#include "docker/cause/causes.h"
#include "record/record.h"
#include "state/state.h"
#include "system/beside.h"

#define ENGINES_INVENTORY_DEFAULT 65536 /* entries of each kind */
#define ENGINES_FDS_MAX (2 * CALLERD_SOCKETS_MAX)

struct engines;

struct engines_options {
	unsigned int socket_count, socket_room; /* now, and in all */
	const char *const *sockets;		/* NULL-terminated; by index */
	unsigned int docker_count; /* of the sockets now; those behind them are of containerd */
	const struct policy *policy;
	unsigned int inventory; /* entries of each kind; 0: the engines are not asked */
	uint64_t event_wait;	/* ns that an event waits for the request that caused it */
	const struct record_context *context;
	struct state *state; /* NULL: no state is kept */
	struct beside *beside;
	void *data;
	/* Takes a docker-event, an engine-unreachable or an engine-reached. */
	void (*record)(void *data, struct record *record);
	/* The server of a socket, if it is not the usual one; else NULL. */
	const struct record_server *(*server)(void *data, unsigned int socket);
	/* Whether FILE is the key of the host's file at PATH. */
	bool (*is_program)(void *data, struct bytes path, const struct callerd_node_key *file);
	/* How CALLER serves others. */
	enum relayed_basis (*serves)(void *data, const struct caller *caller);
};

struct engines_stats {
	struct causes_stats causes;
	uint64_t missed; /* gaps in the engines' events, and events that were malformed */
	/* Engines, as they are now: nobody listens on the socket; callerd cannot connect to it. */
	unsigned int absent, unreachable;
};

/* OPTIONS's pointers must stay valid until engines_free(). NOW, here and below: ns of
 * CLOCK_BOOTTIME. 0 or -errno. */
int engines_new(const struct engines_options *options, uint64_t now, struct engines **ret);
void engines_free(struct engines *engines);

/* .sockets has one more, at its end. ASK: its engine may be asked what it has, and is believed. 0 or
 * -errno. */
int engines_add(struct engines *engines, bool ask, enum engine_brand brand, uint64_t now);

/* What the site makes of a finding. */
enum finding_severity engines_severity(const struct engines *engines, enum finding_id id,
				       enum finding_severity severity);

/* The tracker's reader of requests' contents. */
const struct reader *engines_reader(const struct engines *engines);

/* Adds to RECORD the container that the caller runs in, and the policy's rule that expects the
 * caller. */
void engines_describe_caller(struct engines *engines, struct record *record);

/* Whether CALLER is known to be in the host's PID namespace, or in callerd's own. */
bool engines_is_beside(const struct engines *engines, const struct caller *caller);

/* From now on POLICY judges. What engines have is asked for again, as it was judged by the old one. */
void engines_set_policy(struct engines *engines, const struct policy *policy);

/* Requests were lost: asks the engines for everything again, and leaves causes that are in doubt
 * unknown. */
void engines_lost(struct engines *engines, uint64_t now);

/* To be called before the first request: all that began after TIME (ns of CLOCK_BOOTTIME) will come. */
void engines_know_since(struct engines *engines, uint64_t time);

/* The descriptors to poll; returns their number. */
unsigned int engines_fds(const struct engines *engines, struct pollfd fds[ENGINES_FDS_MAX]);

/* Whether each engine has answered all questions, or does not answer. */
bool engines_settled(const struct engines *engines);

/* Asks the engines and reads their events, without waiting. */
void engines_run(struct engines *engines, uint64_t now);

/* Writes the records of events that do not wait for a request any more. */
void engines_tell(struct engines *engines, uint64_t now);

/* Whether events wait for their requests, or engines are to be asked again soon. */
bool engines_waiting(const struct engines *engines);

/* Writes the records of all waiting events, with what is known of their causes. */
void engines_close(struct engines *engines);

/* What is known of the engine behind each watched socket; returns how many there are. */
unsigned int engines_list(const struct engines *engines,
			  struct record_watched ret[CALLERD_SOCKETS_MAX]);

void engines_stats(const struct engines *engines, struct engines_stats *ret);

#endif
