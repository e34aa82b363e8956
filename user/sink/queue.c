// SPDX-License-Identifier: Apache-2.0
#include "sink/queue.h"

#include <pthread.h>
#include <stdlib.h>

#define ROOM_FIRST 256	  /* entries */
#define URGENT_USUAL 4096 /* bytes */

struct queue {
	struct store store;
	pthread_mutex_t lock;
	struct entry *
		*ring; /* [start, start + count) of ROOM, a power of two: sent, then waiting */
	uint64_t room, start, count;
	uint64_t sent;	   /* of count */
	uint64_t given_up; /* of those that were sent, before the oldest that is here */
	uint64_t held;	   /* of those that wait: peeked, and not to be dropped */
	uint64_t size, size_max;
	uint64_t dropped, unconfirmed;
	bool drop_oldest;
};

static struct entry **at(struct queue *queue, uint64_t index)
{
	return &queue->ring[(queue->start + index) & (queue->room - 1)];
}

static void remove_first(struct queue *queue)
{
	struct entry *entry = *at(queue, 0);

	queue->size -= entry_cost(entry);
	queue->start++;
	queue->count--;
	entry_unref(entry);
}

/* Those before it, all held or sent, move up. */
static void remove_at(struct queue *queue, uint64_t index)
{
	struct entry *entry = *at(queue, index);

	for (; index; index--)
		*at(queue, index) = *at(queue, index - 1);
	*at(queue, 0) = entry;
	remove_first(queue);
}

static void remove_sent(struct queue *queue)
{
	remove_first(queue);
	queue->sent--;
}

/* Makes room for COST more bytes of MAX; false: there is none to make. */
static bool make_room(struct queue *queue, uint64_t cost, uint64_t max)
{
	if (cost > max)
		return false;
	while (queue->size + cost > max && queue->sent) {
		remove_sent(queue);
		queue->given_up++;
	}
	while (queue->drop_oldest && queue->size + cost > max && queue->count > queue->held) {
		remove_at(queue, queue->held);
		queue->dropped++;
	}
	return queue->size + cost <= max;
}

static bool grow(struct queue *queue)
{
	uint64_t room = queue->room * 2;
	struct entry **ring = malloc(room * sizeof(*ring));

	if (!ring)
		return false;
	for (uint64_t i = 0; i < queue->count; i++)
		ring[i] = *at(queue, i);
	free(queue->ring);
	queue->ring = ring;
	queue->room = room;
	queue->start = 0;
	return true;
}

void queue_put(struct queue *queue, struct entry *entry, bool urgent)
{
	uint64_t cost = entry_cost(entry), max = queue->size_max + (urgent ? QUEUE_URGENT_SIZE : 0);

	pthread_mutex_lock(&queue->lock);
	if (make_room(queue, cost, max) && (queue->count < queue->room || grow(queue))) {
		queue->size += cost;
		*at(queue, queue->count++) = entry_ref(entry);
	} else {
		queue->dropped++;
	}
	pthread_mutex_unlock(&queue->lock);
}

bool queue_has_urgent_room(struct queue *queue)
{
	bool room;

	pthread_mutex_lock(&queue->lock);
	room = queue->size + URGENT_USUAL <= queue->size_max + QUEUE_URGENT_SIZE;
	pthread_mutex_unlock(&queue->lock);
	return room;
}

/* --- the store -------------------------------------------------------------------------------- */

static struct queue *of(struct store *store)
{
	return (struct queue *)store;
}

static unsigned int peek(struct store *store, struct entry **ret, unsigned int max)
{
	struct queue *queue = of(store);
	uint64_t count;

	pthread_mutex_lock(&queue->lock);
	count = queue->count - queue->sent;
	if (count > max)
		count = max;
	for (uint64_t i = 0; i < count; i++)
		ret[i] = entry_ref(*at(queue, queue->sent + i));
	queue->held = count;
	pthread_mutex_unlock(&queue->lock);
	return (unsigned int)count;
}

static void sent(struct store *store, uint64_t count)
{
	struct queue *queue = of(store);

	pthread_mutex_lock(&queue->lock);
	queue->sent += count;
	queue->held -= count < queue->held ? count : queue->held;
	pthread_mutex_unlock(&queue->lock);
}

static void confirm(struct store *store, uint64_t count)
{
	struct queue *queue = of(store);

	pthread_mutex_lock(&queue->lock);
	for (; count && queue->given_up; count--)
		queue->given_up--;
	for (; count && queue->sent; count--)
		remove_sent(queue);
	pthread_mutex_unlock(&queue->lock);
}

static void rewind_sent(struct store *store)
{
	struct queue *queue = of(store);

	pthread_mutex_lock(&queue->lock);
	queue->unconfirmed += queue->given_up;
	queue->given_up = queue->sent = queue->held = 0;
	pthread_mutex_unlock(&queue->lock);
}

static uint64_t waiting(struct store *store)
{
	struct queue *queue = of(store);
	uint64_t count;

	pthread_mutex_lock(&queue->lock);
	count = queue->count - queue->sent;
	pthread_mutex_unlock(&queue->lock);
	return count;
}

static uint64_t unconfirmed(struct store *store)
{
	struct queue *queue = of(store);
	uint64_t count;

	pthread_mutex_lock(&queue->lock);
	count = queue->unconfirmed;
	pthread_mutex_unlock(&queue->lock);
	return count;
}

static const struct store_ops ops = {
	.peek = peek,
	.sent = sent,
	.confirm = confirm,
	.rewind = rewind_sent,
	.waiting = waiting,
	.unconfirmed = unconfirmed,
};

struct store *queue_store(struct queue *queue)
{
	return &queue->store;
}

uint64_t queue_dropped(struct queue *queue)
{
	uint64_t dropped;

	pthread_mutex_lock(&queue->lock);
	dropped = queue->dropped;
	pthread_mutex_unlock(&queue->lock);
	return dropped;
}

/* --- its life --------------------------------------------------------------------------------- */

struct queue *queue_new(uint64_t size, bool drop_oldest)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->ring = malloc(ROOM_FIRST * sizeof(struct entry *));
	if (!queue->ring) {
		free(queue);
		return NULL;
	}
	*queue = (struct queue){
		.store.ops = &ops,
		.ring = queue->ring,
		.room = ROOM_FIRST,
		.size_max = size,
		.drop_oldest = drop_oldest,
	};
	pthread_mutex_init(&queue->lock, NULL);
	return queue;
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	while (queue->count)
		remove_first(queue);
	pthread_mutex_destroy(&queue->lock);
	free(queue->ring);
	free(queue);
}
