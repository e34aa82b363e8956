/* SPDX-License-Identifier: Apache-2.0 */
/* What other formats take over from ECS. */
#ifndef CALLERD_ECS_H
#define CALLERD_ECS_H

#include "json/json.h"
#include "record/view.h"

#define ECS_VERSION "8.17.0"

/* The member callerd as ECS has it, but for the ancestors. */
void ecs_put_callerd(struct json *json, const struct view *view);

#endif
