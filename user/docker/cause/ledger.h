/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests that may have made events happen, those under way and those of the last minute, in memory.
 *
 * Bounded: when there are too many, the requests that were over first are dropped. After that, and when requests were
 * missed, the ledger cannot say any more that something was *not* asked for.
 */
#ifndef CALLERD_LEDGER_H
#define CALLERD_LEDGER_H

#include "base/pool.h"
#include "docker/cause/effect.h"
#include "docker/cause/engine_event.h"
#include "docker/known/origin.h"
#include "record/record.h"

#define LEDGER_MAX 8192	 /* requests */
#define STATUS_ERROR 400 /* of an answer: this and above */
#define SLACK 100000	 /* ns by which the engines' clock and ours may differ */

/* Times are ns of CLOCK_BOOTTIME, 0: not yet. What is not known is 0, data NULL. */
struct request {
	/* private */
	struct request *newer, *older;
	unsigned int references;
	struct pool pool;
	struct request *next_on_connection;
	/* set by ledger_begin() */
	unsigned int socket;
	uint64_t connection;
	uint64_t started;
	enum operation operation;
	struct bytes event_id;
	/* as they come to be known, by the functions below */
	/* The object that it acts on; the name as sent, if the id is not known. */
	struct bytes id, name;
	struct bytes container; /* full id: of an exec's container, or one that joins a network */
	struct bytes result;	/* the name that the object gets */
	struct bytes image;	/* of the container that it makes */
	bool auto_remove;	/* that container is removed when it ends */
	bool volumeless;    /* it makes and removes no volumes; of a build, no containers either */
	bool named_late;    /* the engine looks its name up only when it has read the body */
	bool limits;	    /* it changes, or may change, the memory that a container may have */
	int signal;	    /* the only signal that it sends; 0: any */
	uint64_t signalled; /* ns of CLOCK_REALTIME: the last event of a signal of it; 0: none */
	bool taken;	    /* the exec that it began is known to be its own */
	bool alike; /* an effect that was told to be of it may be of another request of its user */
	uint64_t answered, over;
	int status;
	bool silent;	       /* it ended without an answer */
	struct bytes made;     /* id of what it made */
	struct bytes *removed; /* ids or names */
	unsigned int removed_count;
	bool removed_known; /* .removed has all */
	bool sent;	    /* .caller is certain */
	struct caller *caller;
	struct bytes container_name, container_image; /* that the caller runs in */
	struct bytes expected_rule;		      /* that expects it of the caller */
	struct caller *behind;			      /* as in struct origin */
	struct bytes behind_id;
	struct record_relayed relayed; /* the same */
	struct finding findings[INVENTORY_FINDINGS_MAX];
	unsigned int finding_count;
	struct origin *origin;	       /* made when it was needed first */
	const struct effect *consumed; /* an effect that it has once, and has had */
	unsigned int consumed_at;      /* the socket at which the event was told */
	uint64_t consumed_by;	       /* time of the event */
};

struct ledger {
	const struct record_context *context;
	const char *const *sockets;
	struct request *newest, *oldest; /* by .started, nearly */
	unsigned int count;
	struct on_connection *connections;
	uint64_t ignorant;	   /* requests up to this time may be missing */
	uint64_t lost_first, lost; /* the last time that requests were lost; 0: never */
};

/* NULL: the operation causes no events, or there is no memory, of which the ledger takes note. The request belongs to
 * the ledger and to who asks here: give it back with ledger_request_end(). */
struct request *ledger_begin(struct ledger *ledger, unsigned int socket, uint64_t connection,
			     uint64_t time, enum operation operation, struct bytes event_id);

/* Copies. */
void ledger_request_set_target(struct request *request, struct bytes id, struct bytes name,
			       struct bytes container);
/* FIELD is one of the texts of REQUEST: .result, .image, .made, .expected_rule. */
void ledger_request_set(struct request *request, struct bytes *field, struct bytes bytes);
/* Up to COUNT calls of ledger_request_add_removed() follow. */
void ledger_request_set_removed(struct request *request, unsigned int count, bool all);
void ledger_request_add_removed(struct request *request, struct bytes id);
void ledger_request_set_sender(struct request *request, struct caller *caller,
			       struct bytes container_name, struct bytes container_image);
/* BEHIND: who is behind the sender, by the request BEHIND_ID. */
void ledger_request_set_behind(struct request *request, struct caller *behind,
			       struct bytes behind_id);
/* Who asked its sender for it. */
void ledger_request_set_relayed(struct request *request, const struct record_relayed *relayed);
void ledger_request_set_findings(struct request *request, const struct finding *findings,
				 unsigned int count);
void ledger_request_answered(struct request *request, int status, uint64_t time);

/* Nothing more will be set. NULL is fine. */
void ledger_request_end(struct request *request);

/* The responses to all answered requests on the connection are over; or the connection ENDED. */
void ledger_over(struct ledger *ledger, uint64_t connection, bool ended, uint64_t time);

/* Requests were lost before TIME. */
void ledger_lost(struct ledger *ledger, uint64_t time);

/* All requests that began after TIME are known: those that an earlier agent left were read. */
void ledger_know_since(struct ledger *ledger, uint64_t time);

/* The container ID was called NAME up to TIME: earlier requests mean this container by NAME. */
void ledger_renamed(struct ledger *ledger, unsigned int socket, struct bytes name, struct bytes id,
		    uint64_t time);

/* Drops requests that have been over for long. */
void ledger_run(struct ledger *ledger, uint64_t now);
void ledger_clear(struct ledger *ledger);

/* Whether the ledger has all requests that were under way at TIME. */
bool ledger_knows(const struct ledger *ledger, uint64_t time);

/* The request as an origin. The reference is the request's own; NULL where there is no memory. */
struct origin *ledger_origin(const struct ledger *ledger, struct request *request);

/* Whether SIGNAL ends no process that does not handle it. */
bool ledger_signal_is_harmless(int signal);

/* Whether the end that EVENT tells of was not by SIGKILL. */
static inline bool ledger_event_survived_sigkill(const struct engine_event *event)
{
	return event->has_exit_code && event->exit_code != 128 + 9;
}

/* What an event and a request have to do with each other. */
enum match {
	MATCH_NONE,
	MATCH_BARREN,  /* of one object, but the engine answered that there was nothing to do */
	MATCH_PERHAPS, /* what is known so far does not decide */
	MATCH,
};

/* Whether REQUEST may have made EVENT happen by way of CAUSE; TIME: of the event, on the requests' clock. CREATOR:
 * of the event's container, or NULL. *RET_BASIS: what that rests on. SLACK: ns that the event may lie outside of the
 * request. Looks at everything but the socket. */
enum match ledger_request_match(const struct request *request, const struct effect_cause *cause,
				const struct engine_event *event, uint64_t time, uint64_t slack,
				const struct origin *creator, struct bytes container,
				enum cause_basis *ret_basis);

#endif
