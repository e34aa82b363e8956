// SPDX-License-Identifier: Apache-2.0
/* The object that a request acts on: how the request names it, and what the inventory knows of it. */
#include <assert.h>

#include "base/cleanup.h"
#include "base/idtree.h"
#include "docker/call/call_inside.h"
#include "secret/mask.h"

/* The name as the request has it. */
static struct bytes named_target(struct call *call)
{
	const struct route *route = call->match.route;
	struct bytes query = text_since(&call->query, 0), kept = {0};
	struct text name = {0};

	if (call->match.name.size) {
		text_add_bytes(&name, call->match.name);
		route_query_tag(route, query, &name, 0);
	}
	if (name.error) /* too long, with its tag */
		kept = call_keep(call, call->match.name);
	else if (call->match.name.size || route_query_name(route, query, &name))
		kept = call_keep(call, text_since(&name, 0));
	text_free(&name);
	return kept;
}

static bool resolve_container(struct call *call, struct bytes key, struct bytes *ret_id,
			      struct bytes *ret_name)
{
	const struct inventory_container *container = inventory_container(call->inventory, key);

	if (!container) {
		*(idtree_is_id(key) ? ret_id : ret_name) = call_keep(call, key);
		return false;
	}
	*ret_id = call_keep(call, container->id);
	*ret_name = call_keep(call, container->name);
	call->target.image = call_keep(call, container->image);
	call->target.labels = call_keep(call, container->labels);
	return true;
}

static bool resolve_exec(struct call *call, struct bytes id)
{
	const struct inventory_exec *exec = inventory_exec(call->inventory, id);

	call->target.id = call_keep(call, id);
	return exec && resolve_container(call, exec->container_id, &call->target.container_id,
					 &call->target.container_name);
}

static void call_target_resolve(struct call *call, struct bytes key)
{
	const struct route *route = call->match.route;
	struct target *target = &call->target;

	if (route->target == TARGET_CONTAINER && key.size && *key.data == '/')
		key = bytes_from(key, 1); /* that the daemon adds to names by itself */
	if (call_is_create(call) || !key.size) {
		target->name = call_keep(call, key);
	} else if (route->made) {
		call->resolved = resolve_container(call, key, &target->container_id,
						   &target->container_name);
	} else if (route->target == TARGET_CONTAINER) {
		call->resolved = resolve_container(call, key, &target->id, &target->name);
	} else if (route->target == TARGET_EXEC) {
		call->resolved = resolve_exec(call, key);
	} else {
		target->name = call_keep(call, key);
		if (route->target == TARGET_IMAGE)
			target->id = call_keep(call, inventory_image(call->inventory, key));
		call->resolved = target->id.size > 0;
	}
}

void call_target_refresh(struct call *call)
{
	if (!call->resolved && call->key.size)
		call_target_resolve(call, call->key);
}

void call_target_begin(struct call *call)
{
	call->key = named_target(call);
	call->named_late = call->match.route->body || call->form;
	call_target_resolve(call, call->key);
}

/* The id that KEY has by now; may be empty. */
static struct bytes present_id(const struct call *call, struct bytes key)
{
	const struct inventory_container *container;

	if (call->match.route->target == TARGET_IMAGE)
		return inventory_image(call->inventory, key);
	if (call->match.route->target != TARGET_CONTAINER)
		return (struct bytes){};
	if (key.size && *key.data == '/')
		key = bytes_from(key, 1);
	container = inventory_container(call->inventory, key);
	return container ? container->id : (struct bytes){};
}

struct bytes call_told(struct call *call, struct bytes name)
{
	struct text masked = {0};

	if (name.size && !idtree_is_id(name) && mask_reference(&masked, name))
		name = call_keep(call, text_since(&masked, 0));
	text_free(&masked);
	return name;
}

void call_target_enter(struct call *call)
{
	const struct route *route = call->match.route;
	const struct target *target = &call->target;

	if (!call->request || call->unclear)
		return;
	if (route->made)
		ledger_request_set_target(call->request, target->container_id,
					  call_told(call, target->container_name),
					  (struct bytes){});
	else if (call_is_create(call))
		ledger_request_set(call->request, &call->request->result,
				   call_told(call, target->name));
	else
		ledger_request_set_target(call->request, target->id, call_told(call, call->key),
					  target->container_id);
}

/* The engine means the object that had the name when the body was there. If the name changed hands about then, it may
 * have meant either. */
void call_target_follow(struct call *call, bool answered)
{
	const struct route *route = call->match.route;
	struct bytes id, before, none = {0};

	if (!route || !call->named_late || !call->resolved || !(call->fed || call->gap))
		return;
	before = route->made ? call->target.container_id : call->target.id;
	id = present_id(call, call->key);
	if (!id.size || bytes_equal(id, before))
		return;
	call->meant = before;
	call->means = call_keep(call, id);
	if (answered) {
		call->unclear = true;
		if (call->request)
			ledger_request_set_target(call->request, none, call_told(call, call->key),
						  none);
		return;
	}
	call_target_resolve(call, call->key);
	call_target_enter(call);
}

struct bytes call_built_images(struct call *call)
{
	_cleanup_(text_free) struct text names = {0};

	if (call->build)
		build_add_names(call->build, &names);
	return call_keep(call, text_since(&names, 0));
}

/* What a call of BuildKit makes: the first of its names. */
static void complete_image(struct call *call)
{
	struct bytes names = call_built_images(call);
	const char *comma = names.size ? memchr(names.data, ',', names.size) : NULL;

	if (comma)
		names.size = (size_t)(comma - names.data);
	call->target.name = call_keep(call, names);
	if (call->result)
		call->target.id = call_keep(
			call, build_value(call->result, BUILD_RESULT, "containerimage.digest"));
}

/* What a call to containerd is about, and what came of it. */
static void complete_containerd(struct call *call)
{
	struct target *target = &call->target;

	if (call->match.route->target == TARGET_IMAGE) {
		target->name = call_keep(call, containerd_text(call->containerd, CONTAINERD_IMAGE));
		return;
	}
	target->id =
		call_keep(call, containerd_text(call->named ?: call->containerd, CONTAINERD_ID));
	target->name = call_keep(call, containerd_text(call->containerd, CONTAINERD_NAME));
	target->image = call_keep(call, containerd_text(call->containerd, CONTAINERD_IMAGE));
}

void call_target_complete(struct call *call)
{
	const struct route *route = call->match.route;
	const struct value *body = call_taken_body(call);
	struct target *target = &call->target;

	assert(route);
	call_target_refresh(call);
	if (call->build && route->target == TARGET_IMAGE)
		complete_image(call);
	if (call->containerd)
		complete_containerd(call);
	if (route->answer && call->answer)
		target->id = call_keep(call, call_answer_string(call, "Id"));
	if (!target->name.size && !route->made && route->body &&
	    (route->method == METHOD_POST || route->method == METHOD_PUT) &&
	    route->target != TARGET_CONTAINER)
		target->name = call_keep(call, call_body_name(body));
	if (!target->name.size && route->learn == LEARN_VOLUME)
		target->name = call_keep(call, call_answer_string(call, "Name"));
	if (route->learn == LEARN_CONTAINER && call->body)
		target->image = call_keep(call, body_string(body, "Image"));
}
