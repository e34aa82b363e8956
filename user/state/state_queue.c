// SPDX-License-Identifier: Apache-2.0
#include "state/state_queue.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/idtree.h"

const struct state_columns *state_queue_columns(enum state_item_kind kind)
{
	static const struct state_columns none;

	switch (kind) {
	case STATE_OWNED:
		return &state_owned_columns;
	case STATE_DEED:
		return &state_deed_columns;
	case STATE_EXEC:
		return &state_exec_columns;
	case STATE_REMOVED:
		return &state_removed_columns;
	case STATE_GUARDED:
		return &state_guarded_columns;
	case STATE_LOGIN:
		return &state_login_columns;
	default:
		return &none;
	}
}

struct origin *state_queue_origin(const struct state_item *item, const struct state_column *column)
{
	const char *member = (const char *)&item->owned + column->at;

	return column->kind == COLUMN_ORIGIN ? *(struct origin *const *)member : NULL;
}

/* The text that ITEM has in COLUMN; NULL: none. */
static struct bytes *text_at(struct state_item *item, const struct state_column *column)
{
	char *member = (char *)&item->owned + column->at;

	return state_column_is_text(column->kind) ? (struct bytes *)member : NULL;
}

/* --- Taking away --------------------------------------------------------------------------------- */

void state_queue_drop_first(struct state_queue *queue)
{
	struct state_item *item = queue->first;
	const struct state_columns *columns = state_queue_columns(item->kind);

	queue->first = item->next;
	if (!queue->first)
		queue->last = &queue->first;
	queue->weight -= item->weight;
	for (unsigned int i = 0; i < columns->count; i++)
		origin_unref(state_queue_origin(item, &columns->list[i]));
	free(item);
}

void state_queue_init(struct state_queue *queue, unsigned int socket_count)
{
	*queue = (struct state_queue){.last = &queue->first, .socket_count = socket_count};
}

void state_queue_clear(struct state_queue *queue)
{
	while (queue->first)
		state_queue_drop_first(queue);
}

/* --- Putting ------------------------------------------------------------------------------------- */

static size_t weight_of(const struct origin *origin)
{
	const struct caller *callers[] = {origin ? origin->caller : NULL,
					  origin ? origin->behind : NULL,
					  origin ? origin->relayed.caller : NULL};
	size_t weight = origin ? sizeof(*origin) : 0;

	for (unsigned int i = 0; i < COUNT(callers); i++) {
		if (!callers[i])
			continue;
		weight += callers[i]->shared.size;
		weight += callers[i]->lineage ? callers[i]->lineage->shared.size : 0;
	}
	return weight;
}

/* TEXT becomes its copy in ITEM, which has room for it. */
static void move_text(struct state_item *item, struct bytes *text)
{
	char *at = item->texts + item->size;

	if (!text->data)
		return;
	item->size += text->size;
	text->data = memcpy(at, text->data, text->size);
}

/* Puts a copy of DRAFT, with references and texts of its own. What is of no id, but should be, is not kept; what there is
 * no room for is counted. */
static void state_queue_put(struct state_queue *queue, struct state_item *draft)
{
	const struct state_columns *columns = state_queue_columns(draft->kind);
	struct state_item *item = NULL;
	size_t size = ID_DIGITS;

	draft->id = state_column_text(COLUMN_ID, draft->id);
	if (!draft->id.data && state_item_is_of_engine(draft->kind))
		return;
	for (unsigned int i = 0; i < columns->count; i++) {
		struct bytes *text = text_at(draft, &columns->list[i]);

		if (text)
			*text = state_column_text(columns->list[i].kind, *text);
		size += text ? text->size : 0;
		draft->weight += weight_of(state_queue_origin(draft, &columns->list[i]));
	}
	draft->weight += sizeof(*item) + size;
	if (draft->socket < queue->socket_count && draft->weight <= STATE_QUEUE_MAX - queue->weight)
		item = malloc(sizeof(*item) + size);
	if (!item) {
		queue->dropped++;
		return;
	}
	*item = *draft;
	move_text(item, &item->id);
	for (unsigned int i = 0; i < columns->count; i++) {
		struct bytes *text = text_at(item, &columns->list[i]);

		if (text)
			move_text(item, text);
		origin_ref(state_queue_origin(item, &columns->list[i]));
	}
	*queue->last = item;
	queue->last = &item->next;
	queue->weight += item->weight;
}

static void put_owned(void *data, unsigned int socket, const struct owned *owned)
{
	state_queue_put(data, &(struct state_item){.kind = STATE_OWNED,
						   .socket = socket,
						   .id = owned->id,
						   .owned = *owned});
}

static void put_deed(void *data, unsigned int socket, struct bytes id, const struct deed *deed)
{
	state_queue_put(data,
			&(struct state_item){
				.kind = STATE_DEED, .socket = socket, .id = id, .deed = *deed});
}

static void put_exec(void *data, unsigned int socket, const struct owned_exec *exec)
{
	state_queue_put(
		data, &(struct state_item){
			      .kind = STATE_EXEC, .socket = socket, .id = exec->id, .exec = *exec});
}

static void put_exec_ended(void *data, unsigned int socket, struct bytes id)
{
	state_queue_put(data,
			&(struct state_item){.kind = STATE_EXEC_ENDED, .socket = socket, .id = id});
}

static void put_removed(void *data, unsigned int socket, struct bytes id, uint64_t time)
{
	state_queue_put(data, &(struct state_item){.kind = STATE_REMOVED,
						   .socket = socket,
						   .id = id,
						   .removed = {time}});
}

void state_queue_put_guarded(struct state_queue *queue, const struct guard_memory *memory)
{
	state_queue_put(queue, &(struct state_item){.kind = STATE_GUARDED, .guarded = *memory});
}

void state_queue_put_login(struct state_queue *queue, const struct login_memory *memory)
{
	state_queue_put(queue, &(struct state_item){.kind = STATE_LOGIN, .login = *memory});
}

struct keeper state_queue_keeper(struct state_queue *queue)
{
	return (struct keeper){
		.data = queue,
		.put = put_owned,
		.deed = put_deed,
		.put_exec = put_exec,
		.end_exec = put_exec_ended,
		.remove = put_removed,
	};
}
