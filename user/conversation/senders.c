// SPDX-License-Identifier: Apache-2.0
#include "conversation/senders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 4

/* Moves the queue to the front of memory for ROOM of them, which is no less than there are. */
static int move(struct senders *senders, unsigned int room)
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

/* Moves only where half of the memory has become free since it moved last: a step per sender, overall. */
static int make_room(struct senders *senders)
{
	if (senders->first + senders->count < senders->room)
		return 0;
	if (senders->first && senders->first >= senders->room / 2)
		return move(senders, senders->room);
	return move(senders, senders->room ? 2 * senders->room : ROOM_MIN);
}

static struct sender *at(const struct senders *senders, unsigned int index)
{
	return &senders->queue[senders->first + index];
}

static void drop_first(struct senders *senders)
{
	caller_unref(at(senders, 0)->caller);
	senders->first++;
	senders->count--;
}

/* Where there is no room for more the second one goes: the first one began what is being sent. */
static void forget_second(struct senders *senders)
{
	struct sender first = *at(senders, 0);

	*at(senders, 0) = *at(senders, 1);
	*at(senders, 1) = first;
	drop_first(senders);
	senders->forgotten = true;
}

int senders_add(struct senders *senders, struct sender sender)
{
	/* One that comes in late has all bytes of those that began behind it. */
	while (senders->count && at(senders, senders->count - 1)->offset > sender.offset)
		caller_unref(at(senders, --senders->count)->caller);
	if (senders->count == SENDERS_MAX)
		forget_second(senders);
	if (make_room(senders)) {
		caller_unref(sender.caller);
		senders->forgotten = true;
		return -ENOMEM;
	}
	*at(senders, senders->count++) = sender;
	return 0;
}

int senders_find(const struct senders *senders, uint64_t offset)
{
	unsigned int next = 0;
	int found = -1;

	for (; next < senders->count && at(senders, next)->offset <= offset; next++)
		if (at(senders, next)->offset < offset || !at(senders, next)->overlaps)
			found = (int)next;
	return found;
}

void senders_drop_before(struct senders *senders, uint64_t offset)
{
	unsigned int room = senders->room;

	for (int past = senders_find(senders, offset); past > 0; past--)
		drop_first(senders);
	while (room > ROOM_MIN && senders->count <= room / 4)
		room /= 2;
	if (room < senders->room)
		move(senders, room); /* or keeps what it has */
}

void senders_clear(struct senders *senders)
{
	while (senders->count)
		drop_first(senders);
	free(senders->queue);
	*senders = (struct senders){0};
}
