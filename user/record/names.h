/* SPDX-License-Identifier: Apache-2.0 */
/* The words that records use: each is stable, other programs rely on it. */
#ifndef CALLERD_NAMES_H
#define CALLERD_NAMES_H

#include "record/engine_action.h"
#include "record/record.h"

/* The ECS categories of an action. */
struct action_name {
	const char *action;
	const char *kind, *category, *type;
	const char *outcome; /* NULL: depends, or none */
	unsigned int severity;
};

const struct action_name *name_action(enum record_action action);

/* The ECS categories of an engine's event. */
struct event_name {
	enum engine_type object;
	enum engine_action action;
	const char *category, *second_category; /* NULL: there is none */
	const char *type;
	bool requested; /* the event needs a request: without one its cause is in doubt */
};

struct event_name name_event(const struct record_event *event);

/* The name of bit BIT of a capability set; NULL: this version knows none. */
const char *name_capability(unsigned int bit);

/* The name of bit BIT of record.incomplete, of record_http.anomalies; NULL: there is none. */
const char *name_incomplete(unsigned int bit);
const char *name_anomaly(unsigned int bit);

/* NULL: unknown. CALLER_ACCESS_GROUP is "group". */
const char *name_access(enum caller_access access);

/* The kind of an account: "user", "container" …; NULL: none. */
const char *name_account(uint64_t account);

#endif
