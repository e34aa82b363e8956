/* SPDX-License-Identifier: Apache-2.0 */
/* What other formats in JSON take over from ECS. */
#ifndef CALLERD_ECS_H
#define CALLERD_ECS_H

#include "format/fields.h"
#include "json/json.h"

#define ECS_VERSION "9.4.0"

/* A member of an open object; nothing where there is no value. Takes all elements off a list. */
void ecs_put_value(struct json *json, const char *key, struct field_value *value);

/* The member callerd as ECS has it, but for the ancestors. */
void ecs_put_callerd(struct json *json, struct fields *fields);

#endif
