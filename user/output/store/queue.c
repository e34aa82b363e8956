// SPDX-License-Identifier: Apache-2.0
#include "output/store/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "system/thread.h"

#define ROOM_FIRST 256	  /* entries */
#define URGENT_USUAL 4096 /* bytes */

/* An account may have so many times as many bytes as are free. Alone it can fill two thirds of the queue, and
 * whatever the number of those that flood it, there is room left for others. */
#define SHARE_OF_FREE 2

#define BUCKETS 256

/* What one account has in the queue. */
struct share {
	struct share *next; /* of its bucket */
	uint64_t account;
	uint64_t bytes;	  /* of its entries that wait */
	uint64_t first;	  /* no entry that waits is before this position: start + index */
	uint64_t dropped; /* and not told yet */
};

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
	uint64_t sent_size;	       /* of .size, of those that were sent */
	struct share *shares[BUCKETS]; /* by account */
	struct share nobody;	       /* account 0, and those for which there was no memory */
	uint64_t dropped, unconfirmed;
	bool drop_oldest;
};

static struct entry **queue_at(struct queue *queue, uint64_t index)
{
	return &queue->ring[(queue->start + index) & (queue->room - 1)];
}

/* --- shares ----------------------------------------------------------------------------------- */

static struct share **find_bucket(struct queue *queue, uint64_t account)
{
	return &queue->shares[(account ^ account >> 32) % BUCKETS];
}

/* NULL: it has none, and is not charged. */
static struct share *find_share(struct queue *queue, uint64_t account)
{
	struct share *share = account ? *find_bucket(queue, account) : NULL;

	while (share && share->account != account)
		share = share->next;
	return share;
}

static struct share *find_or_add_share(struct queue *queue, uint64_t account)
{
	struct share *share = find_share(queue, account);
	struct share **bucket = find_bucket(queue, account);

	if (share || !account)
		return share;
	share = calloc(1, sizeof(*share));
	if (!share)
		return NULL;
	share->account = account;
	share->next = *bucket;
	*bucket = share;
	return share;
}

/* Forgets SHARE if there is nothing left of it. */
static void put_share(struct queue *queue, struct share *share)
{
	struct share **link = find_bucket(queue, share->account);

	if (share->bytes || share->dropped || share == &queue->nobody)
		return;
	while (*link != share)
		link = &(*link)->next;
	*link = share->next;
	free(share);
}

/* ENTRY waits, or waits no longer. */
static void queue_charge(struct queue *queue, const struct entry *entry)
{
	struct share *share = find_or_add_share(queue, entry->account);

	if (share)
		share->bytes += entry_cost(entry);
}

static void queue_discharge(struct queue *queue, const struct entry *entry)
{
	struct share *share = find_share(queue, entry->account);
	uint64_t cost = entry_cost(entry);

	if (!share)
		return;
	share->bytes -= cost < share->bytes ? cost : share->bytes;
	put_share(queue, share);
}

static void count_dropped(struct queue *queue, uint64_t account)
{
	struct share *share = find_or_add_share(queue, account);

	(share ? share : &queue->nobody)->dropped++;
	queue->dropped++;
}

static bool queue_exceeds_share(struct queue *queue, const struct share *share, uint64_t cost)
{
	uint64_t taken = queue->size - queue->sent_size;
	uint64_t left = taken < queue->size_max ? queue->size_max - taken : 0;

	return share->bytes + cost > SHARE_OF_FREE * left;
}

/* The one with the most bytes; NULL: none has any. */
static struct share *find_greatest_share(const struct queue *queue)
{
	struct share *greatest = NULL;

	for (unsigned int i = 0; i < BUCKETS; i++)
		for (struct share *share = queue->shares[i]; share; share = share->next)
			if (share->bytes > (greatest ? greatest->bytes : 0))
				greatest = share;
	return greatest;
}

/* --- entries ---------------------------------------------------------------------------------- */

static void queue_remove_first(struct queue *queue)
{
	struct entry *entry = *queue_at(queue, 0);

	queue->size -= entry_cost(entry);
	queue->start++;
	queue->count--;
	entry_unref(entry);
}

/* Drops one that waits. Those before it move up. */
static void drop_at(struct queue *queue, uint64_t index)
{
	struct entry *entry = *queue_at(queue, index);

	for (; index; index--)
		*queue_at(queue, index) = *queue_at(queue, index - 1);
	*queue_at(queue, 0) = entry;
	count_dropped(queue, entry->account);
	queue_discharge(queue, entry);
	queue_remove_first(queue);
}

/* Drops the oldest that waits of SHARE, or of all where it is NULL; false: there is none. */
static bool drop_oldest(struct queue *queue, struct share *share)
{
	uint64_t index = queue->held;

	if (share && share->first > queue->start + index)
		index = share->first - queue->start;
	while (share && index < queue->count &&
	       (*queue_at(queue, index))->account != share->account)
		index++;
	if (share)
		share->first = queue->start + index;
	if (index >= queue->count)
		return false;
	drop_at(queue, index);
	return true;
}

static void remove_sent(struct queue *queue)
{
	queue->sent_size -= entry_cost(*queue_at(queue, 0));
	queue_remove_first(queue);
	queue->sent--;
}

/* Whether ENTRY may have COST bytes of what its account may have. */
static bool keep_share(struct queue *queue, const struct entry *entry, uint64_t cost)
{
	struct share *share = find_or_add_share(queue, entry->account);

	while (share && queue_exceeds_share(queue, share, cost)) {
		if (!queue->drop_oldest || !share->bytes || !drop_oldest(queue, share))
			return false;
		share = find_or_add_share(queue, entry->account);
	}
	return true;
}

/* Makes room for COST more bytes of MAX; false: there is none to make. */
static bool queue_make_room(struct queue *queue, uint64_t cost, uint64_t max)
{
	if (cost > max)
		return false;
	while (queue->size + cost > max && queue->sent) {
		remove_sent(queue);
		queue->given_up++;
	}
	while (queue->drop_oldest && queue->size + cost > max && queue->count > queue->held)
		if (!drop_oldest(queue, find_greatest_share(queue)) && !drop_oldest(queue, NULL))
			break;
	return queue->size + cost <= max;
}

static bool queue_grow(struct queue *queue)
{
	uint64_t room = queue->room * 2;
	struct entry **ring = malloc(room * sizeof(*ring));

	if (!ring)
		return false;
	for (uint64_t i = 0; i < queue->count; i++)
		ring[i] = *queue_at(queue, i);
	free(queue->ring);
	queue->ring = ring;
	queue->room = room;
	queue->start = 0;
	return true;
}

void queue_put(struct queue *queue, struct entry *entry, bool urgent)
{
	uint64_t cost = entry_cost(entry), max = queue->size_max + (urgent ? QUEUE_URGENT_SIZE : 0);

	thread_guard(&queue->lock);
	if ((!urgent && !keep_share(queue, entry, cost)) || !queue_make_room(queue, cost, max) ||
	    (queue->count == queue->room && !queue_grow(queue))) {
		count_dropped(queue, entry->account);
		return;
	}
	queue->size += cost;
	*queue_at(queue, queue->count++) = entry_ref(entry);
	queue_charge(queue, entry);
}

bool queue_has_urgent_room(struct queue *queue)
{
	thread_guard(&queue->lock);
	return queue->size + URGENT_USUAL <= queue->size_max + QUEUE_URGENT_SIZE;
}

/* --- the store -------------------------------------------------------------------------------- */

static struct queue *queue_of(struct store *store)
{
	return (struct queue *)store;
}

static unsigned int queue_peek(struct store *store, struct entry **ret, unsigned int max)
{
	struct queue *queue = queue_of(store);
	uint64_t count;

	thread_guard(&queue->lock);
	count = queue->count - queue->sent;
	if (count > max)
		count = max;
	for (uint64_t i = 0; i < count; i++)
		ret[i] = entry_ref(*queue_at(queue, queue->sent + i));
	queue->held = count;
	return (unsigned int)count;
}

static void queue_sent(struct store *store, uint64_t count)
{
	struct queue *queue = queue_of(store);

	thread_guard(&queue->lock);
	for (uint64_t i = 0; i < count && queue->sent < queue->count; i++) {
		const struct entry *entry = *queue_at(queue, queue->sent++);

		queue->sent_size += entry_cost(entry);
		queue_discharge(queue, entry);
	}
	queue->held -= count < queue->held ? count : queue->held;
}

static void queue_confirm(struct store *store, uint64_t count)
{
	struct queue *queue = queue_of(store);

	thread_guard(&queue->lock);
	for (; count && queue->given_up; count--)
		queue->given_up--;
	for (; count && queue->sent; count--)
		remove_sent(queue);
}

static void queue_rewind_sent(struct store *store)
{
	struct queue *queue = queue_of(store);

	thread_guard(&queue->lock);
	queue->unconfirmed += queue->given_up;
	for (uint64_t i = 0; i < queue->sent; i++) {
		struct entry *entry = *queue_at(queue, i);
		struct share *share;

		queue_charge(queue, entry);
		share = find_share(queue, entry->account);
		if (share)
			share->first = queue->start;
	}
	queue->sent_size = 0;
	queue->given_up = queue->sent = queue->held = 0;
}

static uint64_t queue_waiting(struct store *store)
{
	struct queue *queue = queue_of(store);

	thread_guard(&queue->lock);
	return queue->count - queue->sent;
}

static uint64_t queue_unconfirmed(struct store *store)
{
	struct queue *queue = queue_of(store);

	thread_guard(&queue->lock);
	return queue->unconfirmed;
}

static const struct store_ops ops = {
	.peek = queue_peek,
	.sent = queue_sent,
	.confirm = queue_confirm,
	.rewind = queue_rewind_sent,
	.waiting = queue_waiting,
	.unconfirmed = queue_unconfirmed,
};

struct store *queue_store(struct queue *queue)
{
	return &queue->store;
}

bool queue_take_loss(struct queue *queue, uint64_t *ret_account, uint64_t *ret_count)
{
	struct share *share;

	thread_guard(&queue->lock);
	share = queue->nobody.dropped ? &queue->nobody : NULL;
	for (unsigned int i = 0; i < BUCKETS && !share; i++)
		for (share = queue->shares[i]; share && !share->dropped; share = share->next)
			;
	if (!share)
		return false;
	*ret_account = share->account;
	*ret_count = share->dropped;
	share->dropped = 0;
	put_share(queue, share);
	return true;
}

uint64_t queue_dropped(struct queue *queue)
{
	thread_guard(&queue->lock);
	return queue->dropped;
}

/* --- its life --------------------------------------------------------------------------------- */

struct queue *queue_new(uint64_t size, bool drop_oldest)
{
	_free_ struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->ring = malloc(ROOM_FIRST * sizeof(struct entry *));
	if (!queue->ring)
		return NULL; /* NOLINT(clang-analyzer-unix.Malloc): _free_ frees it */
	queue->store.ops = &ops;
	queue->room = ROOM_FIRST;
	queue->size_max = size;
	queue->drop_oldest = drop_oldest;
	pthread_mutex_init(&queue->lock, NULL);
	return take_ptr(queue);
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	while (queue->count)
		queue_remove_first(queue);
	for (unsigned int i = 0; i < BUCKETS; i++)
		for (struct share *share = queue->shares[i], *next; share; share = next) {
			next = share->next;
			free(share);
		}
	pthread_mutex_destroy(&queue->lock);
	free(queue->ring);
	free(queue);
}
