// SPDX-License-Identifier: Apache-2.0
#include "errand/verb.h"

#include <stdlib.h>

#include "base/hash.h"

#include "record/engine_action.h"

static const struct verb verbs[OPERATIONS] = {
#define VERB(operation, weight, phrase) [OPERATION_##operation] = {phrase, WEIGHT_##weight},
#include "errand/verb.def"
};

static int compare_operations(const void *a, const void *b)
{
	const enum operation *one = a, *other = b;

	return strcmp(operation_name(*one), operation_name(*other));
}

static int compare_with_name(const void *key, const void *element)
{
	const struct bytes *name = key;
	const char *other = operation_name(*(const enum operation *)element);
	int order = strncmp(name->data, other, name->size);

	return order ?: -(int)(strlen(other) > name->size);
}

enum operation verb_operation(struct bytes name)
{
	static enum operation sorted[OPERATIONS - 1], recent[256]; /* of the main thread */
	enum operation *again = &recent[hash_add_fast(0, name.data, name.size) % COUNT(recent)];
	const enum operation *found;

	if (!sorted[0]) {
		for (size_t i = 0; i < COUNT(sorted); i++)
			sorted[i] = (enum operation)(i + 1);
		qsort(sorted, COUNT(sorted), sizeof(*sorted), compare_operations);
	}
	if (*again && bytes_are(name, operation_name(*again)))
		return *again;
	if (!name.size || memchr(name.data, '\0', name.size))
		return OPERATION_NONE;
	found = bsearch(&name, sorted, COUNT(sorted), sizeof(*sorted), compare_with_name);
	*again = found ? *found : OPERATION_NONE;
	return *again;
}

struct verb verb_of(enum operation operation, struct bytes type)
{
	static const struct {
		const char *type;
		struct verb verb;
	} others[] = {
		{"creation", {"made", WEIGHT_CHANGE}},	{"deletion", {"removed", WEIGHT_CHANGE}},
		{"start", {"started", WEIGHT_HEAVY}},	{"end", {"ended", WEIGHT_CHANGE}},
		{"access", {"looked at", WEIGHT_LOOK}}, {"info", {"looked at", WEIGHT_LOOK}},
		{"change", {"changed", WEIGHT_CHANGE}},
	};
	struct verb verb = verbs[operation];

	if (!verb.phrase)
		verb = verbs[operation_docker(operation)];
	for (size_t i = 0; i < COUNT(others) && !verb.phrase; i++)
		if (bytes_are(type, others[i].type))
			verb = others[i].verb;
	return verb;
}

struct verb verb_of_record(const struct reread *record, enum operation *ret)
{
	enum operation operation = verb_operation(reread_text(record, "callerd.api.operation"));

	if (ret)
		*ret = operation;
	return verb_of(operation, reread_text(record, "event.type"));
}

const char *verb_of_event(struct bytes type, struct bytes action)
{
	static const char *const of_containers[ENGINE_ACTIONS] = {
		[ACTION_CREATE] = "created",
		[ACTION_START] = "started",
		[ACTION_RESTART] = "restarted",
		[ACTION_DIE] = "saw the end of",
		[ACTION_STOP] = "stopped",
		[ACTION_KILL] = "killed",
		[ACTION_PAUSE] = "paused",
		[ACTION_UNPAUSE] = "resumed",
		[ACTION_OOM] = "saw without memory",
		[ACTION_RENAME] = "renamed",
		[ACTION_DESTROY] = "removed",
		[ACTION_EXEC_CREATE] = "prepared a command in",
		[ACTION_EXEC_START] = "ran a command in",
		[ACTION_EXEC_DIE] = "saw the end of a command in",
	};
	static const char *const of_networks[ENGINE_ACTIONS] = {
		[ACTION_CONNECT] = "connected a container to network",
		[ACTION_DISCONNECT] = "disconnected a container from network",
	};
	enum engine_action known = engine_action_by_name(action);

	switch (engine_type_by_name(type)) {
	case ENGINE_CONTAINER:
		return of_containers[known];
	case ENGINE_NETWORK:
		return of_networks[known];
	default:
		return NULL;
	}
}

bool verb_changes(const struct verb *verb)
{
	return !verb->phrase || verb->weight >= WEIGHT_CHANGE;
}
