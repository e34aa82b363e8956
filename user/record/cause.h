/* SPDX-License-Identifier: Apache-2.0 */
/* What happened at an engine, and why, as members of a record. */
#ifndef CALLERD_CAUSE_H
#define CALLERD_CAUSE_H

#include "record/json.h"

/* Members of callerd: docker_event, cause. */
void cause_put(struct json *json, const struct record *record);

#endif
