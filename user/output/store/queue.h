/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded store in memory. Records that were sent and not confirmed are kept while there is room: they are
 * given up first. */
#ifndef CALLERD_QUEUE_H
#define CALLERD_QUEUE_H

#include "output/store/store.h"

struct queue;

/* For SIZE bytes of entries, by entry_cost(). DROP_OLDEST: what finds no room takes that of the oldest that
 * wait, of the account that has most. An account that has too much loses its own, the newest or its oldest; account
 * 0 may have all. NULL: no memory. */
struct queue *queue_new(uint64_t size, bool drop_oldest);
void queue_free(struct queue *queue);

struct store *queue_store(struct queue *queue);

#define QUEUE_URGENT_SIZE (64u << 10) /* bytes beyond the bound */

/* Takes a reference of ENTRY. URGENT: it may use room that is kept for such. Never blocks for longer than another
 * thread takes to copy pointers. */
void queue_put(struct queue *queue, struct entry *entry, bool urgent);

/* Whether an urgent entry of a usual size would find room. */
bool queue_has_urgent_room(struct queue *queue);

/* Takes one account whose records were dropped and not taken yet, and how many; false: there is none. Account 0 is
 * that of those that have none. */
bool queue_take_loss(struct queue *queue, uint64_t *ret_account, uint64_t *ret_count);

/* Records that found no room so far, or were dropped for one that did. */
uint64_t queue_dropped(struct queue *queue);

#endif
