/* SPDX-License-Identifier: Apache-2.0 */
/* Operations in a person's words: verb.def. */
#ifndef CALLERD_VERB_H
#define CALLERD_VERB_H

#include "base/bytes.h"
#include "fields/reread.h"
#include "record/operation.h"

/* How much an operation matters where nothing was found. */
enum errand_weight {
	WEIGHT_NOISE, /* what clients do by themselves: pings, waiting */
	WEIGHT_LOOK,  /* lists, states */
	WEIGHT_LIGHT, /* part of something else */
	WEIGHT_READ,  /* contents: logs, files */
	WEIGHT_CHANGE,
	WEIGHT_HEAVY, /* something runs that did not before */
};

struct verb {
	const char *phrase; /* "created"; NULL: there is none */
	enum errand_weight weight;
};

/* The operation of that name; OPERATION_NONE: there is none. Podman's own are not made Docker's. */
enum operation verb_operation(struct bytes name);

/* What OPERATION is called. One without words of its own is called by TYPE, the event.type of its record. */
struct verb verb_of(enum operation operation, struct bytes type);

/* Those of the request that RECORD tells of, and its operation in *RET, unless that is NULL. */
struct verb verb_of_record(const struct reread *record, enum operation *ret);

/* What an engine's event of that type and ACTION is called; NULL: it has no words of its own. */
const char *verb_of_event(struct bytes type, struct bytes action);

/* Whether it changes something: of what has no words nobody can say that it does not. */
bool verb_changes(const struct verb *verb);

#endif
