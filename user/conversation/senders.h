/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The senders of a connection. The kernel programs cut its request stream into spans (callerd/event.h): the bytes of a
 * span were sent by the process that began it or, where others joined it, by any of these. Span 0 is the connector's.
 */
#ifndef CALLERD_SENDERS_H
#define CALLERD_SENDERS_H

#include "process/caller.h"

/* Changes of sender remembered per connection: more than the callers ring holds by default, for an agent
 * that is late takes in all of it before it sees the bytes that were sent. */
#define SENDERS_MAX 8192

#define SENDERS_FOUND_MAX 8 /* candidates told of one request */

struct sender {
	uint64_t offset; /* of the first byte that may be its own */
	uint32_t span;
	bool joins; /* it joined a span that another sender began */
	struct caller *caller;
	uint64_t time; /* when the caller was described: ns of CLOCK_BOOTTIME */
};

struct senders {
	struct sender
		*queue; /* [first, first + count) of ROOM; by span, the one that began it first */
	unsigned int first, count, room;
	bool forgotten;			    /* senders were dropped for want of room */
	uint32_t span;			    /* the newest one that is known */
	uint64_t shared_from, shared_until; /* bytes that were read while several sent */
};

/* The senders of a piece of the stream. Callers are borrowed. */
struct senders_found {
	struct caller *caller[SENDERS_FOUND_MAX]; /* different ones, the earliest first */
	unsigned int count;
	uint64_t time;	/* when the first one was described; 0: when it connected */
	bool more;	/* and there are more than fit */
	bool several;	/* different ones sent different parts */
	bool ambiguous; /* which of them sent what is not known */
	bool unknown;	/* senders that are not known may have sent it as well */
};

/* Takes over the reference to SENDER's caller. 0, or -ENOMEM: it is then forgotten. */
int senders_add(struct senders *senders, struct sender sender);

/* The sender of INDEX, which is below senders->count. */
static inline const struct sender *senders_get(const struct senders *senders, unsigned int index)
{
	return &senders->queue[senders->first + index];
}

/* The daemon read [BEGIN, END) when SPAN was the newest one. SHARED: several processes sent at once. */
void senders_read(struct senders *senders, uint64_t begin, uint64_t end, uint32_t span,
		  bool shared);

/* A piece of the stream: its first byte, and the one behind its last. */
struct senders_range {
	uint64_t begin, end;
};

/* Finds the senders of the COUNT pieces at RANGES. CONNECTOR: the sender of span 0; NULL: not known. */
void senders_find(const struct senders *senders, struct caller *connector,
		  const struct senders_range *ranges, unsigned int count,
		  struct senders_found *ret);

/* Drops what is only needed for bytes before OFFSET. */
void senders_drop_before(struct senders *senders, uint64_t offset);

/* Gives all of it back. */
void senders_clear(struct senders *senders);

#endif
