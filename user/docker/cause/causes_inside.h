/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of causes.c share: the events that wait, and how one is decided and taken in. */
#ifndef CALLERD_CAUSES_INSIDE_H
#define CALLERD_CAUSES_INSIDE_H

#include <assert.h>

#include "docker/cause/causes.h"
#include "docker/cause/owners.h"

/* ns: events that come with the end of a container follow it within this time. */
#define SETTLED_WITHIN 10000000000ull

/* An event that is not told yet. */
struct waiting_event {
	struct waiting_event *next;
	struct engine_event *event; /* owned */
	uint64_t arrived, time;	    /* ns of CLOCK_BOOTTIME */
	bool recovered, asked, purged;
};

struct event_queue {
	struct waiting_event *first, **end;
};

struct engine_side {
	enum engine_brand brand;
	bool swarm;
	struct owners owners;
	struct event_queue told, recovered;
	uint64_t position; /* ns of CLOCK_REALTIME, of the last event told; 0: none */
	bool gap; /* events may have been missed, and not all containers were looked at since */
	uint64_t gap_since; /* ns of CLOCK_REALTIME */
	unsigned int generation;
	/* ns of CLOCK_REALTIME: the last end of a container that is removed by itself. */
	uint64_t auto_removal;
	unsigned int first; /* the first of this daemon's sockets; SHARED: it has several */
	bool shared, undecided;
	uint64_t
		told_before; /* ns of CLOCK_REALTIME: events up to this time were told in an earlier life; 0: none */
};

struct causes {
	struct causes_options options;
	struct ledger ledger;
	struct engine_side *engines;
	struct causes_stats stats;
	uint64_t *
		known; /* identities of the last KNOWN_EVENTS that were told; NULL: each daemon has one socket */
	unsigned int known_next;
	int64_t clock; /* ns to add to the requests' clock for the engines' */
};

/* What an event goes back to. */
struct cause {
	enum cause_kind kind;
	enum cause_basis basis;
	enum cause_reason reason;
	struct origin *origin; /* borrowed */
	struct request *request;
};

enum decision { DECIDED, WAIT };

/* Takes out of an event what a label of its container may have put there. LATE: it has waited for too long. */
enum decision causes_purge(struct causes *causes, unsigned int socket,
			   struct waiting_event *waiting, bool late);

/* What WAITING goes back to; *RET borrows its origin. */
enum decision causes_decide(struct causes *causes, unsigned int socket,
			    struct waiting_event *waiting, bool late, struct cause *ret);

/* The command of an exec's event: that of the request which made the exec, where it is known, else the program's
 * name alone. Lives as long as the event and the inventory do. */
struct bytes causes_command(const struct causes *causes, unsigned int socket,
			    const struct engine_event *event);

/* Takes in what the event changes: owners, the keeper's data, the inventory. */
void causes_apply(struct causes *causes, unsigned int socket, const struct waiting_event *waiting,
		  const struct cause *cause);

/* --- causes_same.c --- */

/* Whether two sockets are known to be one daemon's. */
static inline bool causes_is_same(const struct causes *causes, unsigned int a, unsigned int b)
{
	return causes->engines[a].first == causes->engines[b].first;
}

/* Whether WAITING waits to be told at another socket of the same daemon, or until it is known whether there is one. */
bool causes_is_held(const struct causes *causes, unsigned int socket,
		    const struct waiting_event *waiting);

/* Whether WAITING is to be told, which the caller does: not where that was done at another socket of the same daemon. */
bool causes_tell_once(struct causes *causes, unsigned int socket,
		      const struct waiting_event *waiting);

/* --- causes_makers.c --- */

/* Has what is known of EXEC kept beyond our life. */
void causes_keep_exec(const struct causes *causes, unsigned int socket,
		      const struct owner_exec *exec);

/* Has the engine asked for the process of EXEC, where that may call an engine. */
void causes_ask_exec(const struct causes *causes, unsigned int socket,
		     const struct owner_exec *exec);

/* The engine of the watched socket SOCKET. */
static inline struct engine_side *causes_side(const struct causes *causes, unsigned int socket)
{
	assert(socket < causes->options.socket_count);
	return &causes->engines[socket];
}

/* TIME as the requests have it. */
static inline uint64_t causes_boot_of(const struct causes *causes, uint64_t real, uint64_t now)
{
	uint64_t ahead = (uint64_t)causes->clock;

	if (!real)
		return now;
	return real > ahead ? real - ahead : 0;
}

static inline bool causes_is_container(const struct engine_event *event)
{
	return event->kind == ENGINE_CONTAINER;
}

/* The container that EVENT is of, or names. */
static inline struct owner *causes_owner_of(const struct engine_side *engine,
					    const struct engine_event *event)
{
	return owners_find(&engine->owners,
			   causes_is_container(event) ? event->id : event->container);
}

static inline bool causes_is_start(const struct engine_event *event)
{
	if (causes_is_container(event))
		return event->act == ACTION_START || event->act == ACTION_INIT;
	return event->act == ACTION_CONNECT || event->act == ACTION_MOUNT;
}

static inline bool causes_is_exec(const struct engine_event *event)
{
	return event->act == ACTION_EXEC_CREATE || event->act == ACTION_EXEC_START ||
	       event->act == ACTION_EXEC_DETACH || event->act == ACTION_EXEC_DIE;
}

/* Whether starts of OWNER may have been missed. */
static inline bool causes_is_doubtful(const struct engine_side *engine, const struct owner *owner)
{
	return engine->gap && owner->generation != engine->generation;
}

#endif
