// SPDX-License-Identifier: Apache-2.0
#include "docker/known/origin.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static const char *const kinds[] = {
	[CAUSE_UNKNOWN] = "unknown",
	[CAUSE_REQUEST] = "request",
	[CAUSE_INHERITED] = "inherited",
	[CAUSE_DAEMON] = "daemon",
};
static_assert(COUNT(kinds) == CAUSE_KINDS, "each has its word");

static const char *const bases[] = {
	[BASIS_ID] = "id",
	[BASIS_NAME] = "name",
	[BASIS_TIME] = "time",
};
static_assert(COUNT(bases) == CAUSE_BASES, "each has its word");

static const char *const reasons[] = {
	[REASON_RESTART_POLICY] = "restart-policy",
	[REASON_HEALTH_CHECK] = "health-check",
	[REASON_SWARM] = "swarm",
	[REASON_ENGINE_STOPPED] = "engine-stopped",
};
static_assert(COUNT(reasons) == CAUSE_REASONS, "each has its word");

const char *cause_kind_name(enum cause_kind kind)
{
	return (size_t)kind < COUNT(kinds) ? kinds[kind] : NULL;
}

const char *cause_basis_name(enum cause_basis basis)
{
	return (size_t)basis < COUNT(bases) ? bases[basis] : NULL;
}

const char *cause_reason_name(enum cause_reason reason)
{
	return (size_t)reason < COUNT(reasons) ? reasons[reason] : NULL;
}

/* The index of NAME among NAMES, or COUNT. */
static size_t find(struct bytes name, const char *const *names, size_t count)
{
	size_t i = 0;

	while (i < count && (!names[i] || strlen(names[i]) != name.size || !name.data ||
			     memcmp(names[i], name.data, name.size) != 0))
		i++;
	return i;
}

bool cause_kind_by_name(struct bytes name, enum cause_kind *ret)
{
	size_t found = find(name, kinds, COUNT(kinds));

	if (found < COUNT(kinds))
		*ret = (enum cause_kind)found;
	return found < COUNT(kinds);
}

bool cause_basis_by_name(struct bytes name, enum cause_basis *ret)
{
	size_t found = find(name, bases, COUNT(bases));

	if (found < COUNT(bases))
		*ret = (enum cause_basis)found;
	return found < COUNT(bases);
}

bool cause_reason_by_name(struct bytes name, enum cause_reason *ret)
{
	size_t found = find(name, reasons, COUNT(reasons));

	if (found < COUNT(reasons))
		*ret = (enum cause_reason)found;
	return found < COUNT(reasons);
}

#define ORIGIN_TEXTS 4

static void texts_of(struct origin *origin, struct bytes *texts[ORIGIN_TEXTS])
{
	texts[0] = &origin->event_id;
	texts[1] = &origin->socket;
	texts[2] = &origin->container_name;
	texts[3] = &origin->container_image;
}

/* Moves what *TEXT points to to *AT. */
static void move(struct bytes *text, char **at)
{
	if (!text->data)
		return;
	memcpy(*at, text->data, text->size);
	text->data = *at;
	*at += text->size;
}

struct origin *origin_new(const struct origin *draft, const struct finding *findings,
			  unsigned int count)
{
	struct bytes *texts[ORIGIN_TEXTS];
	struct origin head = *draft, *origin;
	size_t size, own;
	char *at;

	head.references = 1;
	head.finding_count = count < INVENTORY_FINDINGS_MAX ? count : INVENTORY_FINDINGS_MAX;
	size = own = sizeof(head) + head.finding_count * sizeof(*findings);
	texts_of(&head, texts);
	for (unsigned int i = 0; i < ORIGIN_TEXTS; i++)
		size += texts[i]->data ? texts[i]->size : 0;
	for (unsigned int i = 0; i < head.finding_count; i++)
		size += findings[i].detail.data ? findings[i].detail.size : 0;
	origin = malloc(size);
	if (!origin)
		return NULL;
	at = (char *)origin + own;
	for (unsigned int i = 0; i < ORIGIN_TEXTS; i++)
		move(texts[i], &at);
	*origin = head;
	for (unsigned int i = 0; i < head.finding_count; i++) {
		origin->findings[i] = findings[i];
		move(&origin->findings[i].detail, &at);
	}
	caller_ref(origin->caller);
	return origin;
}

struct origin *origin_ref(struct origin *origin)
{
	if (origin)
		origin->references++;
	return origin;
}

struct origin *origin_unref(struct origin *origin)
{
	if (!origin || --origin->references)
		return NULL;
	caller_unref(origin->caller);
	free(origin);
	return NULL;
}
