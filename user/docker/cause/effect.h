/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests can have made which event happen, and how to tell that it was this one: the table in effect.c. */
#ifndef CALLERD_EFFECT_H
#define CALLERD_EFFECT_H

#include <stdbool.h>

#include "docker/known/operation.h"
#include "record/engine_action.h"

#define EFFECT_CAUSES_MAX 12

/* How an event and the request that caused it know each other. */
enum effect_key {
	/* The request acts on what the event is about. */
	KEY_TARGET,
	/* It acts on the container that the event, of a volume or a network, is of. */
	KEY_CONTAINER,
	/* It made what the event is about: its answer has the id. */
	KEY_MADE,
	/* It removed what the event is about, among others: its answer has the ids. */
	KEY_REMOVED,
	/* It is about the exec of the event. */
	KEY_EXEC,
	/* It names the image of the event, in any spelling. */
	KEY_REFERENCE,
	/* It made the container of the event, and goes on with it: a build. */
	KEY_OWN,
	/* It was under way, and makes containers of images that have no name but an id: a build. */
	KEY_STEP,
	/* It was under way, and makes or removes the volumes of a container: if that is known, it tells. */
	KEY_VOLUMES,
	/* It was under way. */
	KEY_TIME,
};

/* Whose event it is where no request made it happen. */
enum effect_heir {
	HEIR_NONE,
	HEIR_STARTER, /* of the container */
	HEIR_CREATOR, /* of a container that goes by itself */
	HEIR_EXEC,    /* the starter of the exec */
};

/* Whether the event may come after the response's head. */
enum lateness {
	IN_TIME,
	LATE, /* as long as the response goes on */
	SOON, /* then, where the response begins */
};

struct effect_cause {
	enum operation
		operation; /* Docker's, where both engines have it: it stands for Podman's as well */
	enum effect_key key;
	enum lateness late;
	bool failed;  /* only if it fails */
	bool once;    /* it makes but one of them happen */
	bool kills;   /* with SIGKILL: who dies of something else was not killed by it */
	bool signals; /* by a signal, which Docker tells in an event of its own before */
	bool looks;   /* also where the answer is that there is no such path */
};

struct effect {
	enum engine_type type;
	enum engine_action action;
	enum effect_heir heir;
	bool partly; /* requests that fail may have done it before they did */
	bool engine; /* the engine does it by itself as well: restart policies, health checks, swarm */
	struct effect_cause causes[EFFECT_CAUSES_MAX]; /* up to the first without an operation */
};

/* NULL: nothing is known of such events. */
const struct effect *effect_find(enum engine_type type, enum engine_action action);

/* Whether an operation is in the table at all. */
bool effect_has_cause(enum operation operation);

/* Whether OPERATION, of a request, is the one of CAUSE. */
bool effect_is_cause(const struct effect_cause *cause, enum operation operation);

#endif
