/* SPDX-License-Identifier: Apache-2.0 */
/* The words of engine_actions.def as values. */
#ifndef CALLERD_ENGINE_ACTION_H
#define CALLERD_ENGINE_ACTION_H

#include "base/bytes.h"

/* What ECS calls a thing that happened: event.type. */
enum ecs_type {
	ECS_NONE,
	ECS_ACCESS,
	ECS_CHANGE,
	ECS_CONNECTION,
	ECS_CREATION,
	ECS_DELETION,
	ECS_DENIED,
	ECS_END,
	ECS_INFO,
	ECS_START,
	ECS_TYPES,
};

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

/* By enum engine_action. */
extern const struct engine_action_word {
	const char *word; /* "extract-to-dir"; NULL for ACTION_OTHER */
	enum ecs_type ecs_type;
	bool requested; /* of a container: it takes a request to bring it about */
	bool kept;	/* of a container: its story has it */
} engine_action_words[ENGINE_ACTIONS];

enum engine_type engine_type_by_name(struct bytes word);
enum engine_action engine_action_by_name(struct bytes word);

#endif
