/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests that may have made events happen, those under way and those of the last minute, in memory.
 *
 * Bounded: of too many those go first that were over first. Then, and when requests were missed, the ledger does not
 * know any more that something was *not* asked for.
 */
#ifndef CALLERD_LEDGER_H
#define CALLERD_LEDGER_H

#include "base/pool.h"
#include "docker/cause/effect.h"
#include "docker/cause/engine_event.h"
#include "docker/known/origin.h"
#include "record/record.h"

#define LEDGER_MAX 8192 /* requests */
#define SLACK 100000	/* ns by which the engines' clock and ours may differ */

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
	struct bytes id, name;	/* what it acts on; its name as sent, if the id is not known */
	struct bytes container; /* of an exec, what a network is connected with: its full id */
	struct bytes result;	/* the name that it gives */
	struct bytes image;	/* that it makes a container of */
	bool auto_remove;	/* which goes by itself when it ends */
	bool volumeless;    /* it makes and removes no volumes; of a build, no containers either */
	bool named_late;    /* the engine looks its name up only when it has read the body */
	bool limits;	    /* it changes how much memory there is, or may do so */
	int signal;	    /* the only one that it sends; 0: any */
	uint64_t signalled; /* ns of CLOCK_REALTIME: when one was told last; 0: never */
	bool alike; /* another one of its user may have had an effect that it was told to have */
	uint64_t answered, over;
	int status;
	bool silent;	       /* it ended without an answer */
	struct bytes made;     /* id of what it made */
	struct bytes *removed; /* ids or names */
	unsigned int removed_count;
	bool removed_known; /* and they are all */
	bool sent;	    /* .caller is right */
	struct caller *caller;
	struct bytes container_name, container_image; /* that the caller runs in */
	struct finding findings[INVENTORY_FINDINGS_MAX];
	unsigned int finding_count;
	struct origin *origin;	       /* what is remembered of it */
	const struct effect *consumed; /* it has had this one, of which there is but one */
};

struct ledger {
	const struct record_context *context;
	const char *const *sockets;
	struct request *newest, *oldest; /* by .started, nearly */
	unsigned int count;
	struct on_connection *connections;
	uint64_t ignorant;	   /* up to then, requests may be missing */
	uint64_t lost_first, lost; /* when some were lost last, from when to when; 0: never */
};

/* NULL: such requests make no events happen, or there is no memory: then the ledger is ignorant. The request is the
 * ledger's and the caller's; give it back with ledger_request_end(). */
struct request *ledger_begin(struct ledger *ledger, unsigned int socket, uint64_t connection,
			     uint64_t time, enum operation operation, struct bytes event_id);

/* Copies. */
void ledger_request_set_target(struct request *request, struct bytes id, struct bytes name,
			       struct bytes container);
/* FIELD is one of the texts of REQUEST: .result, .image, .made. */
void ledger_request_set(struct request *request, struct bytes *field, struct bytes bytes);
/* Up to COUNT calls of ledger_request_add_removed() follow. */
void ledger_request_set_removed(struct request *request, unsigned int count, bool all);
void ledger_request_add_removed(struct request *request, struct bytes id);
void ledger_request_set_sender(struct request *request, struct caller *caller,
			       struct bytes container_name, struct bytes container_image);
void ledger_request_set_findings(struct request *request, const struct finding *findings,
				 unsigned int count);
void ledger_request_answered(struct request *request, int status, uint64_t time);

/* Nothing more will be set. NULL is fine. */
void ledger_request_end(struct request *request);

/* The response to what was answered on the connection is over; or the connection ENDED. */
void ledger_over(struct ledger *ledger, uint64_t connection, bool ended, uint64_t time);

/* Requests were lost before TIME. */
void ledger_lost(struct ledger *ledger, uint64_t time);

/* The container ID was called NAME up to TIME: requests of before mean it by that. */
void ledger_renamed(struct ledger *ledger, unsigned int socket, struct bytes name, struct bytes id,
		    uint64_t time);

/* Forgets what has been over for long. */
void ledger_run(struct ledger *ledger, uint64_t now);
void ledger_clear(struct ledger *ledger);

/* Whether all requests that were under way at TIME are there. */
bool ledger_knows(const struct ledger *ledger, uint64_t time);

/* What is remembered of a request; the request's own reference, which may be NULL without memory. */
struct origin *ledger_origin(const struct ledger *ledger, struct request *request);

/* Whether SIGNAL ends nothing that does not ask for it. */
bool ledger_signal_is_harmless(int signal);

/* Whether something else ended what EVENT says has died. */
static inline bool ledger_event_survived_sigkill(const struct engine_event *event)
{
	return event->has_exit_code && event->exit_code != 128 + 9;
}

/* What an event and a request have to do with each other. */
enum match {
	MATCH_NONE,
	MATCH_BARREN, /* it is what they are about, but the engine said that there was nothing to do */
	MATCH_PERHAPS, /* more of the request will tell, or nothing will */
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
