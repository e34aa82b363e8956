/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What records wait in before they are sent, and stay in until they are confirmed: the queue in memory, or the
 * spool on disk. In order of their arrival they are
 *
 *	confirmed (gone) | sent, to be sent again after a rewind | waiting
 *
 * One thread puts, another peeks, sends, confirms and rewinds.
 */
#ifndef CALLERD_STORE_H
#define CALLERD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "output/store/entry.h"

/* Embedded as the first member of queue and spool. */
struct store {
	const struct store_ops *ops;
};

struct store_ops {
	/* Up to MAX of those waiting, the oldest first, each with a reference that is the caller's. Returns
	 * how many. They are never dropped for want of room: the next peek begins
	 * with those of them that were not sent. */
	unsigned int (*peek)(struct store *store, struct entry **ret, unsigned int max);

	/* The COUNT oldest that wait are sent. */
	void (*sent)(struct store *store, uint64_t count);

	/* The COUNT oldest that were sent have arrived. More than there are: all. */
	void (*confirm)(struct store *store, uint64_t count);

	/* Those that were sent wait again. */
	void (*rewind)(struct store *store);

	/* How many wait. */
	uint64_t (*waiting)(struct store *store);

	/* Records so far that a rewind wanted and that had been given up for want of room: they were sent, and
	 * nobody knows whether they arrived. */
	uint64_t (*unconfirmed)(struct store *store);
};

#endif
