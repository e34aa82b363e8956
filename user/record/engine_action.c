// SPDX-License-Identifier: Apache-2.0
#include "record/engine_action.h"

/* clang-format off */
static const char *const types[] = {
#define TYPE(name, word) [ENGINE_##name] = (word),
#define ACTION(...)
#include "record/engine_actions.def"
};

const struct engine_action_word engine_action_words[ENGINE_ACTIONS] = {
	[ACTION_OTHER] = {NULL, ECS_INFO},
#define TYPE(...)
#define ACTION(name, ...) [ACTION_##name] = {__VA_ARGS__},
#include "record/engine_actions.def"
};
/* clang-format on */

enum engine_type engine_type_by_name(struct bytes word)
{
	for (size_t i = ENGINE_OTHER + 1; word.size && i < COUNT(types); i++)
		if (bytes_are(word, types[i]))
			return (enum engine_type)i;
	return ENGINE_OTHER;
}

enum engine_action engine_action_by_name(struct bytes word)
{
	for (size_t i = ACTION_OTHER + 1; word.size && i < ENGINE_ACTIONS; i++)
		if (bytes_are(word, engine_action_words[i].word))
			return (enum engine_action)i;
	return ACTION_OTHER;
}
