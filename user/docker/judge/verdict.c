// SPDX-License-Identifier: Apache-2.0
#include "docker/judge/verdict.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "secret/mask.h"

void verdict_free(struct verdict *verdict)
{
	pool_free(&verdict->pool);
	text_free(&verdict->scratch);
	verdict->finding_count = verdict->fact_count = 0;
}

/* Where a finding of this kind and severity goes: a new place, or that of a lesser one; NULL: nowhere. */
static struct finding *find_place(struct verdict *verdict, const struct finding *finding)
{
	struct finding *least = NULL;
	unsigned int same = 0;

	for (unsigned int i = 0; i < verdict->finding_count; i++) {
		struct finding *other = &verdict->findings[i];

		if (other->id == finding->id && bytes_equal(other->detail, finding->detail)) {
			if (finding->severity > other->severity)
				other->severity = finding->severity;
			return NULL;
		}
		same += other->id == finding->id;
		if (!least || other->severity < least->severity)
			least = other;
	}
	if (same >= VERDICT_PER_ID_MAX) { /* the list is told by the facts */
		least = NULL;
		for (unsigned int i = 0; i < verdict->finding_count; i++)
			if (verdict->findings[i].id == finding->id &&
			    (!least || verdict->findings[i].severity < least->severity))
				least = &verdict->findings[i];
	} else if (verdict->finding_count < VERDICT_FINDINGS_MAX) {
		return &verdict->findings[verdict->finding_count++];
	}
	return least && least->severity < finding->severity ? least : NULL;
}

void verdict_add_finding(struct verdict *verdict, const struct finding *finding)
{
	struct finding told = *finding, *place;
	struct text *masked = verdict_scratch(verdict);

	if (mask_text(masked, finding->detail)) /* it quotes what the caller wrote */
		told.detail = text_since(masked, 0);
	place = find_place(verdict, &told);
	if (place) {
		*place = told;
		place->detail = pool_copy(&verdict->pool, told.detail);
	}
}

void verdict_add(struct verdict *verdict, enum finding_id id, enum finding_severity severity,
		 const char *format, ...)
{
	struct finding finding = {.id = id, .severity = severity ?: finding_kind(id)->severity};
	char detail[512];
	va_list args;
	int size;

	assert(id > FINDING_NONE && id < FINDINGS);
	va_start(args, format);
	size = vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	if (size < 0)
		size = 0;
	finding.detail = (struct bytes){detail, (size_t)size < sizeof(detail) ? (size_t)size
									      : sizeof(detail) - 1};
	verdict_add_finding(verdict, &finding);
	explicit_bzero(detail, finding.detail.size); /* it may quote a secret */
}

struct record_fact *verdict_fact(struct verdict *verdict, const char *name,
				 enum record_fact_kind kind)
{
	struct record_fact *fact = &verdict->facts[verdict->fact_count];

	if (verdict->fact_count == VERDICT_FACTS_MAX)
		return NULL;
	verdict->fact_count++;
	*fact = (struct record_fact){.name = name, .kind = kind};
	return fact;
}

bool verdict_list(struct verdict *verdict, struct record_fact *fact, size_t count)
{
	if (!fact)
		return false;
	if (count > VERDICT_LIST_MAX)
		count = VERDICT_LIST_MAX;
	fact->list = pool_take(&verdict->pool, count * sizeof(*fact->list));
	fact->room = fact->list ? (unsigned int)count : 0;
	return fact->list;
}

struct text *verdict_scratch(struct verdict *verdict)
{
	text_cut(&verdict->scratch, 0);
	verdict->scratch.error = 0;
	return &verdict->scratch;
}

void verdict_append(struct verdict *verdict, struct record_fact *fact, struct bytes text)
{
	assert(fact->kind == FACT_LIST || fact->kind == FACT_COMMAND);
	if (fact->count == fact->room)
		fact->cut = true;
	else
		fact->list[fact->count++] = pool_copy(&verdict->pool, text);
}
