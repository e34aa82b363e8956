/* SPDX-License-Identifier: Apache-2.0 */
/* What other formats in JSON take over from ECS. */
#ifndef CALLERD_ECS_H
#define CALLERD_ECS_H

#include "fields/fields.h"
#include "json/json.h"

/* A member of an open object; nothing where there is no value. Takes all elements off a list. */
void ecs_put_value(struct json *json, const char *key, struct field_value *value);

/* The member callerd as ECS has it, but for the ancestors. */
void ecs_put_callerd(struct json *json, struct fields *fields);

#endif
