/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends on a connection, from which byte of the request stream on: a queue, the first byte's sender
 * first. Offsets never fall from one to the next. */
#ifndef CALLERD_SENDERS_H
#define CALLERD_SENDERS_H

#include "conversation/caller.h"

/* Changes of sender remembered per connection: more than the callers ring holds by default, for an agent
 * that is late takes in all of it before it sees the bytes that were sent. */
#define SENDERS_MAX 8192

/* From OFFSET of the request stream on, CALLER sends. */
struct sender {
	uint64_t offset;
	struct caller *caller;
	bool overlaps; /* while the one before was still sending: what is whose is not known */
};

struct senders {
	struct sender *queue; /* [first, first + count) of ROOM */
	unsigned int first, count, room;
	bool forgotten; /* there were more than are remembered */
};

/* Takes over the reference to SENDER's caller. 0, or -ENOMEM: it is then forgotten. */
int senders_add(struct senders *senders, struct sender sender);

/* The sender of INDEX, which is below senders->count. */
static inline const struct sender *senders_get(const struct senders *senders, unsigned int index)
{
	return &senders->queue[senders->first + index];
}

/* The index of the sender of the byte at OFFSET; -1: it is before the first one. Of two that overlap, the
 * first one began at their common offset. */
int senders_find(const struct senders *senders, uint64_t offset);

/* Drops all that come before the sender of the byte at OFFSET. */
void senders_drop_before(struct senders *senders, uint64_t offset);

/* Gives all of it back. */
void senders_clear(struct senders *senders);

#endif
