/* SPDX-License-Identifier: Apache-2.0 */
/* What happened at an engine, and why, as members of a record. */
#ifndef CALLERD_CAUSE_JSON_H
#define CALLERD_CAUSE_JSON_H

#include "json/json.h"
#include "record/record.h"

/* Members of callerd: docker_event, cause. */
void cause_put(struct json *json, const struct record *record);

#endif
