// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <pthread.h>

#include "output/store/queue.h"

#define MANY 20000

static struct entry *numbered(uint64_t number, size_t size)
{
	struct entry *entry = entry_new(NULL, size);

	memset(entry->data, (int)number, size);
	entry->sequence = number;
	return entry;
}

/* Puts one and lets go of it: what is not in the queue is freed, which the sanitizer watches. */
static void put(struct queue *queue, uint64_t number, size_t size)
{
	struct entry *entry = numbered(number, size);

	queue_put(queue, entry, false);
	entry_unref(entry);
}

/* The same, charged to ACCOUNT. */
static void put_sized_of(struct queue *queue, uint64_t account, uint64_t number, size_t size)
{
	struct entry *entry = numbered(number, size);

	entry->account = account;
	queue_put(queue, entry, false);
	entry_unref(entry);
}

static void put_of(struct queue *queue, uint64_t account, uint64_t number)
{
	put_sized_of(queue, account, number, 100);
}

static uint64_t cost(size_t size)
{
	struct entry *entry = numbered(0, size);
	uint64_t cost = entry_cost(entry);

	entry_unref(entry);
	return cost;
}

/* The next up to MAX are FIRST, FIRST + 1 … */
static unsigned int peeked(struct queue *queue, uint64_t first, unsigned int max)
{
	struct store *store = queue_store(queue);
	struct entry *entries[64];
	unsigned int count = store->ops->peek(store, entries, max);

	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(entries[i]->sequence, first + i);
		entry_unref(entries[i]);
	}
	return count;
}

static void send(struct queue *queue, uint64_t count)
{
	queue_store(queue)->ops->sent(queue_store(queue), count);
}

static void confirm(struct queue *queue, uint64_t count)
{
	queue_store(queue)->ops->confirm(queue_store(queue), count);
}

static uint64_t waiting(struct queue *queue)
{
	return queue_store(queue)->ops->waiting(queue_store(queue));
}

static void test_order(void **state)
{
	struct queue *queue = queue_new(1 << 20, false);
	uint64_t put_count = 0, sent_count = 0;

	assert_int_equal(peeked(queue, 0, 10), 0);
	for (int round = 0; round < 300; round++) {
		for (int i = 0; i < 7; i++)
			put(queue, put_count++, (size_t)round % 50);
		assert_int_equal(peeked(queue, sent_count, 5), 5);
		assert_int_equal(peeked(queue, sent_count, 6), 6); /* peeking takes nothing */
		send(queue, 4);
		sent_count += 4;
		assert_int_equal(waiting(queue), put_count - sent_count);
		confirm(queue, round % 5); /* sometimes fewer, sometimes more than there are */
	}
	assert_int_equal(queue_dropped(queue), 0);
	queue_free(queue);
}

/* To the byte: what just fits is taken, one byte more is not. */
static void test_bound(void **state)
{
	struct queue *queue = queue_new(cost(100) + cost(20), false);

	put(queue, 9, 1000);
	assert_int_equal(queue_dropped(queue), 1);
	put(queue, 0, 100);
	put(queue, 9, 21);
	assert_int_equal(queue_dropped(queue), 2);
	put(queue, 1, 20);
	put(queue, 9, 0);
	assert_int_equal(queue_dropped(queue), 3);
	assert_int_equal(peeked(queue, 0, 10), 2);
	queue_free(queue);
}

static void test_drop_oldest(void **state)
{
	struct queue *queue = queue_new(4 * cost(100), true);

	for (uint64_t i = 0; i < 10; i++)
		put(queue, i, 100);
	assert_int_equal(queue_dropped(queue), 6);
	assert_int_equal(peeked(queue, 6, 10), 4);
	queue_free(queue);
}

/* What somebody is sending right now stays, whatever comes; it is those behind it that go. */
static void test_held_are_not_dropped(void **state)
{
	struct queue *queue = queue_new(4 * cost(100), true);

	for (uint64_t i = 0; i < 4; i++)
		put(queue, i, 100);
	assert_int_equal(peeked(queue, 0, 2), 2);
	for (uint64_t i = 4; i < 8; i++)
		put(queue, i, 100);
	assert_int_equal(queue_dropped(queue), 4);
	assert_int_equal(peeked(queue, 0, 2), 2);
	send(queue, 2);
	confirm(queue, 2);
	assert_int_equal(peeked(queue, 6, 10), 2);
	put(queue, 9, 1000); /* larger than all */
	assert_int_equal(queue_dropped(queue), 5);
	queue_free(queue);
}

static void test_rewind(void **state)
{
	struct queue *queue = queue_new(1 << 20, false);

	for (uint64_t i = 0; i < 10; i++)
		put(queue, i, 100);
	send(queue, 6);
	confirm(queue, 2);
	queue_store(queue)->ops->rewind(queue_store(queue));
	assert_int_equal(peeked(queue, 2, 10), 8);
	assert_int_equal(queue_store(queue)->ops->unconfirmed(queue_store(queue)), 0);
	queue_free(queue);
}

/* Room for new ones is made of what was sent. A rewind that wants it back is a loss, perhaps. */
static void test_sent_are_given_up(void **state)
{
	struct queue *queue = queue_new(4 * cost(100), false);
	struct store *store = queue_store(queue);

	for (uint64_t i = 0; i < 4; i++)
		put(queue, i, 100);
	send(queue, 3);
	put(queue, 4, 100);
	put(queue, 5, 100);
	assert_int_equal(queue_dropped(queue), 0);
	confirm(queue, 1); /* number 0, which is gone already: 1 is not confirmed, nor is 2 */
	assert_int_equal(store->ops->unconfirmed(store), 0);
	store->ops->rewind(store);
	assert_int_equal(store->ops->unconfirmed(store), 1);
	assert_int_equal(peeked(queue, 2, 10), 4);
	queue_free(queue);
}

/* Some room is kept for what must be said. */
static void test_urgent(void **state)
{
	struct queue *queue = queue_new(2 * cost(100), false);
	struct entry *entry = numbered(100, 1000);
	uint64_t count = 0;

	for (uint64_t i = 0; i < 3; i++)
		put(queue, i, 100);
	assert_int_equal(queue_dropped(queue), 1);
	while (queue_has_urgent_room(queue)) {
		queue_put(queue, entry, true);
		count++;
	}
	assert_int_equal(queue_dropped(queue), 1);
	assert_in_range(count, 40, QUEUE_URGENT_SIZE / 1000);
	assert_int_equal(waiting(queue), 2 + count);
	put(queue, 9, 0); /* that room is not for others */
	assert_int_equal(queue_dropped(queue), 2);
	send(queue, 2 + count);
	confirm(queue, 2 + count);
	assert_true(queue_has_urgent_room(queue));
	entry_unref(entry);
	queue_free(queue);
}

/* Takes all that was dropped: of account 1, of 2, of all others. */
static void take_losses(struct queue *queue, uint64_t ret[3])
{
	uint64_t account, count;

	memset(ret, 0, 3 * sizeof(*ret));
	while (queue_take_loss(queue, &account, &count))
		ret[account == 1 ? 0 : account == 2 ? 1 : 2] += count;
}

static uint64_t sequence_of(struct queue *queue, uint64_t ret[64])
{
	struct store *store = queue_store(queue);
	struct entry *entries[64];
	unsigned int count = store->ops->peek(store, entries, 64);

	for (unsigned int i = 0; i < count; i++) {
		ret[i] = entries[i]->sequence;
		entry_unref(entries[i]);
	}
	return count;
}

/* Whoever floods has two thirds, and loses his own newest; there is room left for others, who lose nothing. */
static void test_share(void **state)
{
	struct queue *queue = queue_new(60 * cost(100), false);
	uint64_t losses[3], sequence[64];

	for (uint64_t i = 0; i < 100; i++)
		put_of(queue, 1, i);
	assert_int_equal(waiting(queue), 40);
	for (uint64_t i = 0; i < 10; i++)
		put_of(queue, 2, 1000 + i);
	put_of(queue, 1, 100);
	put(queue, 2000, 100);
	take_losses(queue, losses);
	assert_int_equal(losses[0], 61);
	assert_int_equal(losses[1] + losses[2], 0);
	assert_int_equal(queue_dropped(queue), 61);
	take_losses(queue, losses);
	assert_int_equal(losses[0], 0);
	assert_int_equal(sequence_of(queue, sequence), 51);
	for (uint64_t i = 0; i < 51; i++)
		assert_int_equal(sequence[i], i < 40 ? i : i < 50 ? 960 + i : 2000);
	send(queue, 30); /* what was sent can be given up: it is free */
	for (uint64_t i = 0; i < 20; i++)
		put_of(queue, 1, 200 + i);
	take_losses(queue, losses);
	assert_int_equal(losses[0], 0);
	queue_free(queue);
}

/* However many they are. */
static void test_many_shares(void **state)
{
	struct queue *queue = queue_new(1000 * cost(100), false);
	uint64_t account, count, lost = 0;

	for (uint64_t i = 0; i < 1000; i++)
		for (uint64_t one = 10; one < 50; one++)
			put_of(queue, one << 32, i);
	for (uint64_t i = 0; i < 5; i++)
		put_of(queue, 2, i);
	while (queue_take_loss(queue, &account, &count)) {
		assert_int_not_equal(account, 2);
		lost += count;
	}
	assert_int_equal(lost + waiting(queue), 40005);
	assert_int_equal(lost, queue_dropped(queue));
	queue_free(queue);
}

static void test_share_of_oldest(void **state)
{
	struct queue *queue = queue_new(60 * cost(100), true);
	uint64_t losses[3], sequence[64];

	for (uint64_t i = 0; i < 5; i++)
		put_of(queue, 2, 1000 + i);
	assert_int_equal(sequence_of(queue, sequence), 5); /* held */
	for (uint64_t i = 0; i < 100; i++)
		put_of(queue, 1, i);
	for (uint64_t i = 0; i < 5; i++)
		put_of(queue, 2, 1005 + i);
	take_losses(queue, losses);
	assert_int_equal(losses[1] + losses[2], 0);
	assert_int_equal(losses[0] + waiting(queue), 110);
	assert_int_equal(sequence_of(queue, sequence), waiting(queue));
	for (uint64_t i = 0; i < waiting(queue); i++) /* his newest are there */
		assert_int_equal(sequence[i], i < 5		       ? 1000 + i
					      : i < waiting(queue) - 5 ? 105 + i - waiting(queue)
								       : 1010 + i - waiting(queue));
	assert_int_equal(peeked(queue, 1000, 5), 5);
	for (uint64_t i = 0; i < 100; i++) /* nobody's: takes the place of who has most */
		put(queue, 2000 + i, 100);
	take_losses(queue, losses);
	assert_true(losses[0] > 30);
	queue_free(queue);
}

/* What is sent again counts again. */
static void test_share_rewound(void **state)
{
	struct queue *queue = queue_new(60 * cost(100), false);
	uint64_t losses[3];

	for (uint64_t i = 0; i < 40; i++)
		put_of(queue, 1, i);
	send(queue, 40);
	queue_store(queue)->ops->rewind(queue_store(queue));
	put_of(queue, 1, 40);
	take_losses(queue, losses);
	assert_int_equal(losses[0], 1);
	queue_free(queue);
}

static void *put_many(void *data)
{
	for (uint64_t i = 0; i < MANY; i++)
		if (i % 3)
			put(data, i, i % 200);
		else
			put_sized_of(data, i % 2 + 1, i, i % 200);
	return NULL;
}

/* One puts while another takes: in order, and what is not there was counted. */
static void test_two_threads(void **state)
{
	for (int drop_oldest = 0; drop_oldest < 2; drop_oldest++) {
		struct queue *queue = queue_new(64 << 10, drop_oldest);
		struct store *store = queue_store(queue);
		uint64_t next = 0, got = 0;
		bool over = false;
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, put_many, queue), 0);
		while (got + queue_dropped(queue) < MANY || !over) {
			struct entry *entries[16];
			unsigned int count = store->ops->peek(store, entries, 16);

			over = !count && got + queue_dropped(queue) == MANY;
			for (unsigned int i = 0; i < count; i++) {
				assert_true(entries[i]->sequence >= next);
				assert_int_equal(entries[i]->size, entries[i]->sequence % 200);
				next = entries[i]->sequence + 1;
				entry_unref(entries[i]);
			}
			got += count;
			store->ops->sent(store, count);
			if (got % 3 == 0)
				store->ops->confirm(store, count);
		}
		pthread_join(thread, NULL);
		assert_int_equal(got + queue_dropped(queue), MANY);
		queue_free(queue);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_drop_oldest),	cmocka_unit_test(test_held_are_not_dropped),
		cmocka_unit_test(test_rewind),		cmocka_unit_test(test_sent_are_given_up),
		cmocka_unit_test(test_share),		cmocka_unit_test(test_many_shares),
		cmocka_unit_test(test_share_of_oldest), cmocka_unit_test(test_share_rewound),
		cmocka_unit_test(test_urgent),		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
