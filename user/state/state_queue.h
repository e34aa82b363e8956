/* SPDX-License-Identifier: Apache-2.0 */
/* What was put and is not written yet: copied, bounded, in its order. */
#ifndef CALLERD_STATE_QUEUE_H
#define CALLERD_STATE_QUEUE_H

#include "docker/known/origin.h"
#include "guard/memory.h"
#include "login/login_memory.h"
#include "state/state_schema.h"

#define STATE_QUEUE_MAX (16u << 20) /* bytes that wait, what they reference included */

enum state_item_kind {
	STATE_OWNED,
	STATE_DEED,
	STATE_EXEC,
	STATE_EXEC_ENDED,
	STATE_REMOVED,
	/* Of no engine. */
	STATE_GUARDED,
	STATE_LOGIN,
};

static inline bool state_item_is_of_engine(enum state_item_kind kind)
{
	return kind < STATE_GUARDED;
}

/* Something that was put. */
struct state_item {
	struct state_item *next;
	enum state_item_kind kind;
	unsigned int socket; /* 0 where it is of no engine */
	size_t weight;
	struct bytes id; /* of the container, or of the exec; none where it is of no engine */
	union {
		struct owned owned;
		struct deed deed;
		struct owned_exec exec;
		struct state_removed {
			uint64_t time; /* ns of CLOCK_REALTIME */
		} removed;
		struct guard_memory guarded;
		struct login_memory login;
	};
	size_t size; /* of its texts */
	char texts[];
};

/* The columns for what an item of this kind has. */
const struct state_columns *state_queue_columns(enum state_item_kind kind);

/* The origin that ITEM has in COLUMN; NULL: none. */
struct origin *state_queue_origin(const struct state_item *item, const struct state_column *column);

struct state_queue {
	struct state_item *first, **last;
	unsigned int socket_count;
	size_t weight;	  /* of all that wait */
	uint64_t dropped; /* there was no room for them */
};

void state_queue_init(struct state_queue *queue, unsigned int socket_count);
void state_queue_clear(struct state_queue *queue);

void state_queue_put_guarded(struct state_queue *queue, const struct guard_memory *memory);
void state_queue_put_login(struct state_queue *queue, const struct login_memory *memory);

/* Puts what it is given into QUEUE. */
struct keeper state_queue_keeper(struct state_queue *queue);

/* The first one was written. */
void state_queue_drop_first(struct state_queue *queue);

#endif
