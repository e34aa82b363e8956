/* SPDX-License-Identifier: Apache-2.0 */
/* Which operations can cause which events, and how a request is known to be the cause: the table in effect.c. */
#ifndef CALLERD_EFFECT_H
#define CALLERD_EFFECT_H

#include <stdbool.h>

#include "record/engine_action.h"
#include "record/operation.h"

#define EFFECT_CAUSES_MAX 12

/* By what a request is known to be the cause of an event. */
enum effect_key {
	/* The request acts on the object of the event. */
	KEY_TARGET,
	/* The request acts on the container that the event of a volume or a network names. */
	KEY_CONTAINER,
	/* The request made the object of the event: its answer has the id. */
	KEY_MADE,
	/* The request failed to make the container of the event, of which no creation was told. */
	KEY_UNMADE,
	/* The request removed the object of the event, and perhaps others: its answer has the ids. */
	KEY_REMOVED,
	/* The request acts on the exec of the event. */
	KEY_EXEC,
	/* The request names the image of the event, in any spelling. */
	KEY_REFERENCE,
	/* The request, a build, made the container of the event and works in it. */
	KEY_OWN,
	/* The request was under way, and makes containers of images that have only an id: a build. */
	KEY_STEP,
	/* The request was under way, and makes or removes volumes of a container. If these are known, they decide. */
	KEY_VOLUMES,
	/* The request was under way. */
	KEY_TIME,
};

/* To whom an event goes back that no request caused. */
enum effect_heir {
	HEIR_NONE,
	HEIR_STARTER, /* of the container */
	HEIR_CREATOR, /* of a container that is removed when it ends (AutoRemove) */
	HEIR_EXEC,    /* the starter of the exec */
};

/* Whether the event may come after the response's head. */
enum lateness {
	IN_TIME,
	LATE, /* as long as the response goes on */
	SOON, /* shortly after the response's head, as long as the connection goes on */
	AFTER, /* shortly after the response's head, whatever becomes of the connection: what a swarm does */
};

struct effect_cause {
	enum operation operation; /* of two that correspond to each other, Docker's (operation.h) */
	enum effect_key key;
	enum lateness late;
	bool failed;  /* only a request that fails */
	bool once;    /* a request causes one such event at most */
	bool kills;   /* it sends SIGKILL: an end by anything else is not its effect */
	bool signals; /* by a signal, of which Docker tells before, in an event of its own */
	bool looks;   /* also if the answer is that there is no such path */
};

struct effect {
	enum engine_type type;
	enum engine_action action;
	enum effect_heir heir;
	bool partly; /* a request that fails may have caused it before it failed */
	bool engine; /* the engine does it by itself as well: restart policies, health checks, swarm */
	struct effect_cause causes[EFFECT_CAUSES_MAX]; /* up to the first without an operation */
};

/* NULL: nothing is known of such events. */
const struct effect *effect_find(enum engine_type type, enum engine_action action);

/* Whether OPERATION can cause any event. */
bool effect_has_cause(enum operation operation);

/* Whether OPERATION, of a request, is the one of CAUSE. */
bool effect_is_cause(const struct effect_cause *cause, enum operation operation);

#endif
