// SPDX-License-Identifier: Apache-2.0
/* The spool as its consumer sees it. */
#include <errno.h>
#include <string.h>

#include "output/store/spool_inside.h"

/* Bytes that one call reads: more than a segment, to find its place; less than a spool full of damage. */
#define SCAN_MAX (32u << 20)
#define CURSOR_EVERY 128 /* confirmed entries */

/* --- Indexes that nobody has --------------------------------------------------------------------- */

/* All under lock. A gap is known from when it is come upon until it is confirmed: a rewind comes upon it again, and
 * each entry is counted once. Where there are too many to know, it may be twice, and spool_read_confirm() counts what is not there
 * as well: it confirms less than it could. */

static void remove_gaps(struct spool *spool, unsigned int at, unsigned int count)
{
	spool->gap_count -= count;
	memmove(spool->gaps + at, spool->gaps + at + count,
		(spool->gap_count - at) * sizeof(*spool->gaps));
}

static void insert_gap(struct spool *spool, unsigned int at, struct gap gap)
{
	if (spool->gap_count == GAPS_MAX)
		return;
	memmove(spool->gaps + at + 1, spool->gaps + at,
		(spool->gap_count - at) * sizeof(*spool->gaps));
	spool->gaps[at] = gap;
	spool->gap_count++;
}

static uint64_t spool_read_common(const struct gap *a, const struct gap *b)
{
	uint64_t first = a->first > b->first ? a->first : b->first;
	uint64_t end = a->end < b->end ? a->end : b->end;

	return first < end ? end - first : 0;
}

/* Nothing is there from FIRST to END. Returns how many of these were not known to be missing. */
static uint64_t add_gap(struct spool *spool, uint64_t first, uint64_t end)
{
	const struct gap added = {first, end};
	struct gap all = added;
	uint64_t fresh = end - first;
	unsigned int at = spool->gap_count, touched = 0;

	while (at && spool->gaps[at - 1].end >= first)
		at--;
	for (; at + touched < spool->gap_count; touched++) {
		const struct gap *gap = &spool->gaps[at + touched];

		if (gap->first > end)
			break;
		fresh -= spool_read_common(gap, &added);
		if (gap->first < all.first)
			all.first = gap->first;
		if (gap->end > all.end)
			all.end = gap->end;
	}
	remove_gaps(spool, at, touched);
	insert_gap(spool, at, all);
	return fresh;
}

/* The next entry that can be read is INDEX. */
static void next_is(struct spool *spool, uint64_t index)
{
	if (index <= spool->next)
		return;
	spool->damaged += add_gap(spool, spool->next, index);
	spool->next = index;
}

/* What is missing where it is confirmed up to, and is as good as sent, is as good as confirmed. */
static void confirm_gaps(struct spool *spool)
{
	while (spool->gap_count && spool->gaps[0].first <= spool->confirmed) {
		struct gap *first = &spool->gaps[0];

		if (first->end > spool->sent) {
			first->first = spool->confirmed;
			break;
		}
		if (first->end > spool->confirmed)
			spool->confirmed = first->end;
		remove_gaps(spool, 0, 1);
	}
}

/* --- Reading ------------------------------------------------------------------------------------- */

/* The first segment whose number is NUMBER or more. */
static size_t find_number(const struct spool *spool, uint64_t number)
{
	size_t low = 0, high = spool->segment_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spool->segments[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The segment that has INDEX: the last one that does not begin behind it. */
static size_t find_index(const struct spool *spool, uint64_t index)
{
	size_t low = 0, high = spool->segment_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spool->segments[middle].first <= index)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : 0;
}

static void start_segment(struct spool *spool, size_t at)
{
	const struct segment *segment = &spool->segments[at];

	spool_reader_start(&spool->reader, segment->number, segment->size, segment->first,
			   spool_segment_end(spool, at));
	spool->reading = segment->size;
}

/* Where the reader is at the end of what was known: to what was appended to that segment since, or to the next one.
 * False: there is nothing more. */
static bool spool_read_advance(struct spool *spool)
{
	struct spool_reader *reader = &spool->reader;
	size_t at;

	thread_guard(&spool->lock);
	at = find_number(spool, reader->number);
	if (at < spool->segment_count && spool->segments[at].number == reader->number) {
		if (spool->segments[at].size > spool->reading) {
			reader->offset = spool->reading;
			reader->size = spool->reading = spool->segments[at].size;
			reader->limit = spool_segment_end(spool, at);
			return true;
		}
		at++;
	}
	if (at < spool->segment_count) {
		start_segment(spool, at);
		return true;
	}
	next_is(spool, spool->end);
	return false;
}

static void add_ready(struct spool *spool, struct entry *entry, uint64_t index)
{
	spool->queue_bytes += entry_bytes(entry);
	thread_guard(&spool->lock);
	next_is(spool, index);
	spool->next = index + 1;
	spool->queue[spool->queue_start + spool->ready++] = (struct ready){entry, index};
}

/* Reads the entry of HEAD, if it is one of those to come. False: enough, for now. */
static bool spool_read_read_entry(struct spool *spool, const struct entry_head *head)
{
	struct entry *entry;
	int taken;

	if (head->index < spool->next) {
		spool_reader_skip(&spool->reader, head);
		return true;
	}
	if (spool->ready && spool->queue_bytes + head->size > READY_BYTES)
		return false;
	taken = spool_reader_take(&spool->reader, head, &entry);
	if (taken > 0)
		add_ready(spool, entry, head->index);
	return taken >= 0;
}

/* Has WANTED entries ready, or as many as there are and may be. */
static void spool_read_fill(struct spool *spool, unsigned int wanted)
{
	struct entry_head head;
	bool more = true;

	if (spool->ready >= wanted)
		return;
	memmove(spool->queue, spool->queue + spool->queue_start,
		spool->ready * sizeof(*spool->queue));
	spool->queue_start = 0;
	spool->reader.budget = SCAN_MAX;
	while (more && spool->ready < wanted && spool->queue_bytes < READY_BYTES) {
		int found = spool_reader_next(&spool->reader, &head);

		if (found > 0)
			more = spool_read_read_entry(spool, &head);
		else
			more = !found && spool_read_advance(spool);
	}
	spool_reader_rest(&spool->reader);
}

/* With nothing ready, what is missing up to the next entry is as good as sent. */
static void send_gap(struct spool *spool)
{
	thread_guard(&spool->lock);
	if (!spool->ready)
		spool->sent = spool->next;
	confirm_gaps(spool);
}

static void pop_ready(struct spool *spool)
{
	struct ready *first = &spool->queue[spool->queue_start++];

	pthread_mutex_lock(&spool->lock);
	spool->sent = first->index + 1;
	spool->ready--;
	confirm_gaps(spool);
	pthread_mutex_unlock(&spool->lock);
	spool->queue_bytes -= entry_bytes(first->entry);
	entry_unref(first->entry);
}

void spool_forget_ready(struct spool *spool)
{
	while (spool->ready) {
		entry_unref(spool->queue[spool->queue_start++].entry);
		spool->ready--;
	}
	spool->queue_start = 0;
	spool->queue_bytes = 0;
}

void spool_restart(struct spool *spool)
{
	spool->sent = spool->next = spool->confirmed = spool_kept(spool);
	confirm_gaps(spool);
	if (spool->segment_count)
		start_segment(spool, find_index(spool, spool->next));
}

/* --- The store ----------------------------------------------------------------------------------- */

static struct spool *spool_of(struct store *store)
{
	return (struct spool *)store;
}

static unsigned int spool_read_peek(struct store *store, struct entry **ret, unsigned int max)
{
	struct spool *spool = spool_of(store);

	if (max > READY_MAX)
		max = READY_MAX;
	spool_read_fill(spool, max);
	send_gap(spool);
	if (max > spool->ready)
		max = spool->ready;
	for (unsigned int i = 0; i < max; i++)
		ret[i] = entry_ref(spool->queue[spool->queue_start + i].entry);
	return max;
}

static void spool_read_sent(struct store *store, uint64_t count)
{
	struct spool *spool = spool_of(store);

	for (; count; count--) {
		spool_read_fill(spool, 1);
		if (!spool->ready)
			break;
		pop_ready(spool);
	}
	send_gap(spool);
}

/* Over the gaps as if they were not there. */
static void move_confirmed(struct spool *spool, uint64_t count)
{
	while (count && spool->confirmed < spool->sent) {
		uint64_t until = spool->sent;

		if (spool->gap_count && spool->gaps[0].first < until)
			until = spool->gaps[0].first;
		if (until - spool->confirmed > count)
			until = spool->confirmed + count;
		count -= until - spool->confirmed;
		spool->confirmed = until;
		confirm_gaps(spool);
	}
}

static void spool_read_confirm(struct store *store, uint64_t count)
{
	struct spool *spool = spool_of(store);
	uint64_t index;
	bool due;

	pthread_mutex_lock(&spool->lock);
	move_confirmed(spool, count);
	due = spool_cursor_index(spool) >= spool->written + CURSOR_EVERY;
	pthread_mutex_unlock(&spool->lock);
	if (due)
		spool_write_cursor(spool, &index); /* that it cannot be, spool_sync() tells */
}

/* Of those that were sent and not confirmed, how many gave way for others. */
static uint64_t count_given_up(const struct spool *spool)
{
	uint64_t until = spool_kept(spool), count = until - spool->confirmed;

	for (unsigned int i = 0; i < spool->gap_count && spool->gaps[i].first < until; i++) {
		const struct gap *gap = &spool->gaps[i];

		count -= (gap->end < until ? gap->end : until) - gap->first;
	}
	return count;
}

static void spool_read_rewind_sent(struct store *store)
{
	struct spool *spool = spool_of(store);

	thread_guard(&spool->lock);
	spool->unconfirmed += count_given_up(spool);
	spool_forget_ready(spool);
	spool_restart(spool);
}

static uint64_t spool_read_waiting(struct store *store)
{
	struct spool *spool = spool_of(store);

	thread_guard(&spool->lock);
	return spool->ready + (spool->end - spool->next);
}

static uint64_t spool_read_unconfirmed(struct store *store)
{
	struct spool *spool = spool_of(store);

	thread_guard(&spool->lock);
	return spool->unconfirmed;
}

const struct store_ops spool_store_ops = {
	.peek = spool_read_peek,
	.sent = spool_read_sent,
	.confirm = spool_read_confirm,
	.rewind = spool_read_rewind_sent,
	.waiting = spool_read_waiting,
	.unconfirmed = spool_read_unconfirmed,
};
