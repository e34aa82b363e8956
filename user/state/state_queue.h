/* SPDX-License-Identifier: Apache-2.0 */
/* What was put and is not written yet: copied, bounded, in its order. */
#ifndef CALLERD_STATE_QUEUE_H
#define CALLERD_STATE_QUEUE_H

#include "docker/known/origin.h"

#define QUEUE_MAX (16u << 20) /* bytes that wait, what they reference included */

enum item_kind { ITEM_OWNED, ITEM_DEED, ITEM_EXEC, ITEM_EXEC_ENDED, ITEM_REMOVED };

/* Something that was put. */
struct item {
	struct item *next;
	enum item_kind kind;
	unsigned int socket;
	size_t weight;
	struct bytes id; /* of the container, or of the exec */
	union {
		struct owned owned;
		struct deed deed;
		struct owned_exec exec;
		uint64_t removed; /* ns of CLOCK_REALTIME */
	};
	size_t size; /* of its texts */
	char texts[];
};

struct state_queue {
	struct item *first, **last;
	unsigned int socket_count;
	size_t weight;	  /* of all that wait */
	uint64_t dropped; /* there was no room for them */
};

void state_queue_init(struct state_queue *queue, unsigned int socket_count);
void state_queue_clear(struct state_queue *queue);

/* Puts what it is given into QUEUE. */
struct keeper state_queue_keeper(struct state_queue *queue);

/* The first one was written. */
void state_queue_drop_first(struct state_queue *queue);

#endif
