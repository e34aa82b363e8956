/* SPDX-License-Identifier: Apache-2.0 */
/* The words that records use: each is stable, other programs rely on it. */
#ifndef CALLERD_NAMES_H
#define CALLERD_NAMES_H

#include "record/engine_action.h"
#include "record/record.h"

enum record_outcome {
	OUTCOME_NONE,
	OUTCOME_SUCCESS,
	OUTCOME_FAILURE,
	OUTCOME_UNKNOWN,
	OUTCOMES,
};

/* The ECS categories of an action. */
struct action_name {
	const char *action;
	const char *kind, *category; /* NULL: depends */
	enum ecs_type type;	     /* ECS_NONE: depends */
	enum record_outcome outcome; /* OUTCOME_NONE: depends, or none */
	enum finding_severity severity;
};

const struct action_name *name_action(enum record_action action);

/* The ECS categories of an engine's event. */
struct event_name {
	const char *category, *second_category; /* NULL: there is none */
	enum ecs_type type;
	bool requested; /* the event needs a request: without one its cause is in doubt */
};

struct event_name name_event(const struct record_event *event);

/* "success", "access", "docker", "container", "complete"; NULL for the value that stands for none. */
const char *name_outcome(enum record_outcome outcome);
const char *name_type(enum ecs_type type);
const char *name_brand(enum engine_brand brand);
const char *name_engine_state(enum record_engine_state state);
const char *name_target(enum target_type type);
const char *name_end(enum record_end end);
const char *name_level(enum record_level level);

/* The name of bit BIT of a capability set; NULL: this version knows none. */
const char *name_capability(unsigned int bit);

/* The name of bit BIT of record.incomplete, of record_http.anomalies; NULL: there is none. */
const char *name_incomplete(unsigned int bit);
const char *name_anomaly(unsigned int bit);

/* "socket"; the name of bit BIT of record_change.what; NULL: there is none. */
const char *name_change_object(enum change_object object);
const char *name_change(unsigned int bit);

const char *name_found(unsigned int bit);

/* NULL: unknown. CALLER_ACCESS_GROUP is "group". */
const char *name_access(enum caller_access access);

/* The kind of an account: "user", "container" …; NULL: none. */
const char *name_account(uint64_t account);

#endif
