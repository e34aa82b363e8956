/* SPDX-License-Identifier: Apache-2.0 */
/* The words of engine_actions.def as values. */
#ifndef CALLERD_ENGINE_ACTION_H
#define CALLERD_ENGINE_ACTION_H

#include "base/bytes.h"

/* clang-format off */
enum engine_type {
	ENGINE_OTHER, /* any other word, or none */
#define TYPE(name, word) ENGINE_##name,
#define ACTION(...)
#include "record/engine_actions.def"
};

enum engine_action {
	ACTION_OTHER, /* any other word, or none */
#define TYPE(...)
#define ACTION(name, ...) ACTION_##name,
#include "record/engine_actions.def"
	ENGINE_ACTIONS,
};
/* clang-format on */

enum engine_type engine_type_by_name(struct bytes word);
enum engine_action engine_action_by_name(struct bytes word);

/* "extract-to-dir"; NULL for ACTION_OTHER. */
const char *engine_action_name(enum engine_action action);

/* event.type of ECS; "info" for ACTION_OTHER. */
const char *engine_action_ecs_type(enum engine_action action);

/* Whether a container's ACTION takes a request to bring it about. */
bool engine_action_is_requested(enum engine_action action);

#endif
