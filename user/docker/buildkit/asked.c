// SPDX-License-Identifier: Apache-2.0
#include "docker/buildkit/asked.h"

#include <stdlib.h>

#include "base/text.h"

/* The first one is no attribute. */
static const char *const subjects[] = {
	"frontend",	 "force-network-mode",
	"cgroup-parent", "source",
	"cmdline",	 "build-arg:BUILDKIT_SYNTAX",
	"context",	 "filename",
	"target",	 "platform",
	"add-hosts",	 "devices",
};
static_assert(COUNT(subjects) == ASKED_SUBJECTS, "each has a value");

const char *asked_subject(unsigned int number)
{
	return subjects[number];
}

/* Not 0 for anything that is said. */
static unsigned int hash_value(struct bytes value)
{
	return value.size ? table_hash(value.data, value.size) | 1 : 0;
}

static void take_subjects(struct asked *asked, const struct build *build)
{
	asked->silent = true;
	for (const struct build_item *one = build_items(build); one; one = one->next)
		asked->silent &= one->kind != BUILD_ATTRIBUTE;
	asked->values[0] = hash_value(build_frontend(build));
	for (unsigned int i = 1; i < COUNT(subjects); i++)
		asked->values[i] = hash_value(build_value(build, BUILD_ATTRIBUTE, subjects[i]));
}

/* Of the frontend each may leave it to the other to name it. */
static unsigned int differences_of(const struct asked *a, const struct asked *b)
{
	unsigned int differs = a->values[0] && b->values[0] && a->values[0] != b->values[0];

	if (a->silent || b->silent)
		return differs;
	for (unsigned int i = 1; i < COUNT(subjects); i++)
		differs |= (unsigned int)(a->values[i] != b->values[i]) << i;
	return differs;
}

static void compare_with_others(struct asked *asked)
{
	for (struct asked *one = asked->of->calls; one; one = one->next) {
		unsigned int differs;

		if (one->by_frontend == asked->by_frontend)
			continue;
		differs = differences_of(one, asked);
		one->differs |= differs;
		asked->differs |= differs;
	}
}

static struct asked_build *find_or_add_build(struct asked_build **builds, unsigned int socket,
					     struct bytes reference)
{
	_cleanup_(text_free) struct text key = {0};
	struct asked_build *build;

	text_add_number(&key, socket);
	text_add_char(&key, ' ');
	text_add_bytes(&key, reference);
	if (key.error)
		return NULL;
	HASH_FIND(hh, *builds, key.data, key.size, build);
	if (build)
		return build;
	build = calloc(1, sizeof(*build));
	if (!build)
		return NULL;
	build->key = key.data;
	HASH_ADD_KEYPTR(hh, *builds, build->key, key.size, build);
	if (!build->hh.tbl) {
		free(build);
		return NULL;
	}
	key.data = NULL;
	return build;
}

struct asked *asked_new(struct asked_build **builds, unsigned int socket, struct bytes reference,
			bool by_frontend, const struct build *build)
{
	struct asked *asked;

	if (!reference.size)
		return NULL;
	asked = calloc(1, sizeof(*asked));
	if (!asked)
		return NULL;
	asked->of = find_or_add_build(builds, socket, reference);
	if (!asked->of) {
		free(asked);
		return NULL;
	}
	asked->by_frontend = by_frontend;
	take_subjects(asked, build);
	compare_with_others(asked);
	asked->next = asked->of->calls;
	asked->of->calls = asked;
	return asked;
}

void asked_free(struct asked_build **builds, struct asked *asked)
{
	struct asked **at;

	if (!asked)
		return;
	at = &asked->of->calls;
	while (*at != asked)
		at = &(*at)->next;
	*at = asked->next;
	if (!asked->of->calls) {
		HASH_DEL(*builds, asked->of);
		free(asked->of->key);
		free(asked->of);
	}
	free(asked);
}
