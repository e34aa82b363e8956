// SPDX-License-Identifier: Apache-2.0
#include "docker/known/origin.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define ORIGIN_TEXTS 6

static void texts_of(struct origin *origin, struct bytes *texts[ORIGIN_TEXTS])
{
	texts[0] = &origin->event_id;
	texts[1] = &origin->socket;
	texts[2] = &origin->container_name;
	texts[3] = &origin->container_image;
	texts[4] = &origin->expected_rule;
	texts[5] = &origin->behind_id;
}

/* Moves what *TEXT points to to *AT. */
static void origin_move(struct bytes *text, char **at)
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
		origin_move(texts[i], &at);
	*origin = head;
	for (unsigned int i = 0; i < head.finding_count; i++) {
		origin->findings[i] = findings[i];
		origin_move(&origin->findings[i].detail, &at);
	}
	caller_ref(origin->caller);
	caller_ref(origin->behind);
	caller_ref((struct caller *)origin->relayed.caller);
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
	assert(!origin || origin->references);
	if (!origin || --origin->references)
		return NULL;
	caller_unref(origin->caller);
	caller_unref(origin->behind);
	caller_unref((struct caller *)origin->relayed.caller);
	free(origin);
	return NULL;
}
