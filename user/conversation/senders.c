// SPDX-License-Identifier: Apache-2.0
#include "conversation/senders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 4

/* Moves the queue to the front of its memory, and gives it ROOM places, at least as many as it has senders. */
static int senders_move(struct senders *senders, unsigned int room)
{
	struct sender *queue = senders->queue;

	if (senders->first)
		memmove(queue, queue + senders->first, senders->count * sizeof(*queue));
	senders->first = 0;
	if (room == senders->room)
		return 0;
	queue = realloc(queue, room * sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	senders->queue = queue;
	senders->room = room;
	return 0;
}

/* Moves only where half of the places have become free since the last move: one step per sender, over all. */
static int senders_make_room(struct senders *senders)
{
	if (senders->first + senders->count < senders->room)
		return 0;
	if (senders->first && senders->first >= senders->room / 2)
		return senders_move(senders, senders->room);
	return senders_move(senders, senders->room ? 2 * senders->room : ROOM_MIN);
}

static struct sender *senders_at(const struct senders *senders, unsigned int index)
{
	return &senders->queue[senders->first + index];
}

static void drop_first(struct senders *senders)
{
	caller_unref(senders_at(senders, 0)->caller);
	senders->first++;
	senders->count--;
}

/* Drops the second sender for want of room: the first one began the bytes at hand. */
static void forget_second(struct senders *senders)
{
	struct sender first = *senders_at(senders, 0);

	*senders_at(senders, 0) = *senders_at(senders, 1);
	*senders_at(senders, 1) = first;
	drop_first(senders);
	senders->forgotten = true;
}

/* Whether A comes before B. The kernel may tell the one that began a span after those that joined it. */
static bool is_before(const struct sender *a, const struct sender *b)
{
	return a->span != b->span ? a->span < b->span : !a->joins && b->joins;
}

int senders_add(struct senders *senders, struct sender sender)
{
	unsigned int index;

	if (senders->count == SENDERS_MAX)
		forget_second(senders);
	if (senders_make_room(senders)) {
		caller_unref(sender.caller);
		senders->forgotten = true;
		return -ENOMEM;
	}
	for (index = senders->count++; index && is_before(&sender, senders_at(senders, index - 1));
	     index--)
		*senders_at(senders, index) = *senders_at(senders, index - 1);
	*senders_at(senders, index) = sender;
	if (sender.span > senders->span)
		senders->span = sender.span;
	return 0;
}

void senders_read(struct senders *senders, uint64_t begin, uint64_t end, uint32_t span, bool shared)
{
	if (span > senders->span)
		senders->span = span;
	if (!shared)
		return;
	if (senders->shared_from == senders->shared_until || begin < senders->shared_from)
		senders->shared_from = begin;
	if (end > senders->shared_until)
		senders->shared_until = end;
}

static void add_found(struct senders_found *found, struct caller *caller)
{
	if (!caller) {
		found->unknown = true;
		return;
	}
	for (unsigned int i = 0; i < found->count; i++)
		if (found->caller[i] == caller)
			return;
	if (found->count == SENDERS_FOUND_MAX)
		found->more = true;
	else
		found->caller[found->count++] = caller;
}

/* A walk over the spans: the bytes that it looks for, and what it found. */
struct senders_search {
	const struct senders *senders;
	struct senders_range range;
	struct senders_found *found;
	unsigned int spans; /* that have some of these bytes */
};

/* The index of the first sender of the next span, from INDEX on. */
static unsigned int next_span(const struct senders *senders, unsigned int index, uint32_t span)
{
	while (index < senders->count && senders_at(senders, index)->span == span)
		index++;
	return index;
}

/* Looks at SPAN, which FIRST began at START, and whose senders are those from INDEX up to NEXT. */
static void search_span(struct senders_search *search, struct caller *first, uint32_t span,
			uint64_t start, unsigned int index, unsigned int next)
{
	const struct senders *senders = search->senders;
	uint64_t until = next < senders->count ? senders_at(senders, next)->offset : UINT64_MAX;
	uint32_t following =
		next < senders->count ? senders_at(senders, next)->span - 1 : senders->span;

	if (start >= search->range.end || until <= search->range.begin)
		return;
	search->spans++;
	add_found(search->found, first);
	/* Spans between this one and the next were not told: the end of this one is not known. */
	search->found->unknown |= following != span;
	for (; index < next; index++) {
		const struct sender *sender = senders_at(senders, index);

		if (!sender->joins || sender->offset >= search->range.end)
			continue;
		add_found(search->found, sender->caller);
		search->found->ambiguous = true;
	}
}

static void search_range(struct senders_search *search, struct caller *connector)
{
	const struct senders *senders = search->senders;
	struct senders_found *found = search->found;
	unsigned int index = 0, next;

	/* Span 0 is the connector's, unless its beginning was dropped, or another sender began it. */
	if (!senders->count || senders_at(senders, 0)->span || senders_at(senders, 0)->joins) {
		next = next_span(senders, 0, 0);
		if (!senders->count || senders_at(senders, 0)->offset > search->range.begin || next)
			search_span(search, connector, 0, 0, 0, next);
		index = next;
	}
	for (; index < senders->count; index = next) {
		const struct sender *sender = senders_at(senders, index);

		next = next_span(senders, index, sender->span);
		search_span(search, sender->joins ? NULL : sender->caller, sender->span,
			    sender->offset, index, next);
		if (found->count == 1 && found->caller[0] == sender->caller)
			found->time = sender->time;
	}
}

void senders_find(const struct senders *senders, struct caller *connector,
		  const struct senders_range *ranges, unsigned int count, struct senders_found *ret)
{
	struct senders_search search = {.senders = senders, .found = ret};
	bool shared = false;

	*ret = (struct senders_found){.unknown = senders->forgotten};
	for (unsigned int i = 0; i < count; i++) {
		search.range = ranges[i];
		search_range(&search, connector);
		shared |= ranges[i].begin < senders->shared_until &&
			  ranges[i].end > senders->shared_from;
	}
	ret->unknown |= !ret->count;
	ret->several = search.spans > 1 && ret->count > 1;
	if (!ret->ambiguous && shared)
		ret->unknown = ret->ambiguous = true;
}

/* The index of the sender that began the span of the byte at OFFSET; 0 where that is not known. */
static unsigned int senders_beginner(const struct senders *senders, uint64_t offset)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < senders->count && senders_at(senders, i)->offset <= offset;
	     i++)
		if (!senders_at(senders, i)->joins)
			found = i;
	return found;
}

void senders_drop_before(struct senders *senders, uint64_t offset)
{
	unsigned int room = senders->room;

	for (unsigned int past = senders_beginner(senders, offset); past > 0; past--)
		drop_first(senders);
	if (offset >= senders->shared_until)
		senders->shared_from = senders->shared_until = 0;
	while (room > ROOM_MIN && senders->count <= room / 4)
		room /= 2;
	if (room < senders->room)
		senders_move(senders, room); /* where that fails, it keeps what it has */
}

void senders_clear(struct senders *senders)
{
	while (senders->count)
		drop_first(senders);
	free(senders->queue);
	*senders = (struct senders){0};
}
