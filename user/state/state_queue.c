// SPDX-License-Identifier: Apache-2.0
#include "state/state_queue.h"

#include <stdlib.h>

#include "state/state_text.h"

static void free_item(struct item *item)
{
	if (item->kind == ITEM_OWNED) {
		origin_unref(item->owned.creator);
		origin_unref(item->owned.starter);
	} else if (item->kind == ITEM_DEED) {
		origin_unref(item->deed.origin);
	} else if (item->kind == ITEM_EXEC) {
		origin_unref(item->exec.starter);
	}
	free(item);
}

void state_queue_drop_first(struct state_queue *queue)
{
	struct item *item = queue->first;

	queue->first = item->next;
	if (!queue->first)
		queue->last = &queue->first;
	queue->weight -= item->weight;
	free_item(item);
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
	const struct caller *caller = origin ? origin->caller : NULL;
	size_t weight = origin ? sizeof(*origin) : 0;

	if (caller)
		weight += caller->shared.size;
	return caller && caller->lineage ? weight + caller->lineage->shared.size : weight;
}

/* An item of what ID names, with room for SIZE bytes more; NULL: it is no id, or, and that is counted, there is no
 * room for it. REFERENCED: the weight of its origins. */
static struct item *new_item(struct state_queue *queue, enum item_kind kind, unsigned int socket,
			     struct bytes id, size_t size, size_t referenced)
{
	size_t weight = sizeof(struct item) + ID_SIZE + size + referenced;
	struct item *item = NULL;

	if (!is_id(id))
		return NULL;
	if (socket < queue->socket_count && weight <= QUEUE_MAX - queue->weight)
		item = malloc(sizeof(*item) + ID_SIZE + size);
	if (!item) {
		queue->dropped++;
		return NULL;
	}
	*item = (struct item){.kind = kind, .socket = socket, .weight = weight};
	memcpy(item->texts, id.data, ID_SIZE);
	item->id = (struct bytes){item->texts, ID_SIZE};
	item->size = ID_SIZE;
	*queue->last = item;
	queue->last = &item->next;
	queue->weight += weight;
	return item;
}

/* A copy of TEXT in ITEM, which has room for it. */
static struct bytes add_text(struct item *item, struct bytes text)
{
	char *at = item->texts + item->size;

	if (!text.data)
		return text;
	memcpy(at, text.data, text.size);
	item->size += text.size;
	return (struct bytes){at, text.size};
}

static void put_owned(void *data, unsigned int socket, const struct owned *owned)
{
	struct bytes name = bounded(owned->name), image = bounded(owned->image);
	struct item *item = new_item(data, ITEM_OWNED, socket, owned->id, name.size + image.size,
				     weight_of(owned->creator) + weight_of(owned->starter));

	if (!item)
		return;
	item->owned = *owned;
	item->owned.id = item->id;
	item->owned.name = add_text(item, name);
	item->owned.image = add_text(item, image);
	origin_ref(owned->creator);
	origin_ref(owned->starter);
}

static void put_deed(void *data, unsigned int socket, struct bytes id, const struct deed *deed)
{
	struct bytes action = bounded(deed->action), command = cut(deed->command);
	struct bytes exec_id = is_id(deed->exec_id) ? deed->exec_id : (struct bytes){0};
	struct item *item =
		new_item(data, ITEM_DEED, socket, id, action.size + command.size + exec_id.size,
			 weight_of(deed->origin));

	if (!item)
		return;
	item->deed = *deed;
	item->deed.action = add_text(item, action);
	item->deed.command = add_text(item, command);
	item->deed.exec_id = add_text(item, exec_id);
	origin_ref(deed->origin);
}

static void put_exec(void *data, unsigned int socket, const struct owned_exec *exec)
{
	struct bytes container = is_id(exec->container_id) ? exec->container_id : (struct bytes){0};
	struct item *item = new_item(data, ITEM_EXEC, socket, exec->id, container.size,
				     weight_of(exec->starter));

	if (!item)
		return;
	item->exec = *exec;
	item->exec.id = item->id;
	item->exec.container_id = add_text(item, container);
	origin_ref(exec->starter);
}

static void put_exec_ended(void *data, unsigned int socket, struct bytes id)
{
	new_item(data, ITEM_EXEC_ENDED, socket, id, 0, 0);
}

static void put_removed(void *data, unsigned int socket, struct bytes id, uint64_t time)
{
	struct item *item = new_item(data, ITEM_REMOVED, socket, id, 0, 0);

	if (item)
		item->removed = time;
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
