/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the record by their words, as tests write them. */
#ifndef CALLERD_TEST_NAMING_H
#define CALLERD_TEST_NAMING_H

#include "record/record.h"

/* OPERATION_NONE: there is no such name. */
static inline enum operation operation_named(const char *name)
{
	for (enum operation i = OPERATION_NONE + 1; name && i < OPERATIONS; i++)
		if (!strcmp(operation_name(i), name))
			return i;
	return OPERATION_NONE;
}

/* EVENT with the values that its words have. */
static inline struct record_event event_named(struct record_event event)
{
	event.kind = engine_type_by_name(event.type);
	event.act = engine_action_by_name(event.action);
	event.unhealthy = bytes_are(event.health, "unhealthy");
	return event;
}

#endif
