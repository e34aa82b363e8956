// SPDX-License-Identifier: Apache-2.0
/* What a request leaves behind: in the ledger, so that events can be told to be of it, and in the inventory. */
#include <signal.h>

#include "base/idtree.h"
#include "docker/call/call_inside.h"
#include "docker/host/volumes.h"
#include "docker/judge/facts.h"
#include "http/query.h"
#include "json/gofold.h"

/* As the daemon takes a flag: everything but a few words is true. */
static bool query_true(struct bytes query, const char *key)
{
	static const char *const words[] = {"", "0", "no", "false", "none"};
	struct text value = {0};
	bool is_true = query_value(query, key, &value);

	for (size_t i = 0; is_true && i < COUNT(words); i++)
		is_true = !gofold_is(gofold_trim(text_since(&value, 0)), words[i], GOFOLD_LOWER);
	text_free(&value);
	return is_true;
}

/* The name that a rename or a tag gives. */
static void enter_result(struct call *call)
{
	struct bytes query = text_since(&call->query, 0);
	enum route_enter enter = call->match.route->enter;
	struct text name = {0};

	if (enter == ENTER_NEW_NAME) {
		query_value(query, "name", &name);
	} else if (enter == ENTER_TAG) {
		query_value(query, "repo", &name);
		text_add_char(&name, ':');
		if (!query_value(query, "tag", &name))
			text_add_string(&name, "latest");
	}
	if (name.size)
		ledger_request_set(call->request, &call->request->result,
				   call_told(call, text_since(&name, 0)));
	text_free(&name);
}

/* The number of a signal as Docker takes it: SIGKILL where there is none; 0: not known. */
static int read_signal(struct bytes text)
{
	struct bytes name = text;
	int number = 0;

	if (!text.size)
		return SIGKILL;
	name = bytes_from(name, gofold_begins(name, "SIG", GOFOLD_UPPER));
	for (int i = SIGHUP; i <= SIGSYS; i++)
		if (gofold_is(name, sigabbrev_np(i), GOFOLD_UPPER))
			return i;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' || number > 99)
			return 0;
		number = 10 * number + text.data[i] - '0';
	}
	return number;
}

/* What the query says that events can be told by. */
static void enter_query(struct call *call)
{
	struct bytes query = text_since(&call->query, 0);
	enum route_enter enter = call->match.route->enter;
	struct text value = {0};

	if (enter == ENTER_SIGNAL) {
		query_value(query, "signal", &value);
		call->request->signal = value.error ? 0 : read_signal(text_since(&value, 0));
	} else if (enter == ENTER_REMOVAL) {
		call->request->signal = SIGKILL;
		call->request->volumeless = !query_true(query, "v");
	} else if (enter == ENTER_BUILD) {
		call->request->volumeless =
			call->grpc || (query_value(query, "version", &value) &&
				       bytes_equal(text_since(&value, 0), bytes_of("2")));
	}
	text_free(&value);
}

void call_enter(struct call *call, const struct exchange *exchange)
{
	struct ledger *ledger = call->calls->options.ledger;

	if (!ledger || !call->match.route)
		return;
	call->request = ledger_begin(ledger, call->socket, exchange->connection, exchange->started,
				     call->match.route->operation, call->event_id);
	if (!call->request)
		return;
	call->request->named_late = call->named_late;
	call_target_enter(call);
	enter_result(call);
	if (!exchange->http.target_truncated && !call->form)
		enter_query(call);
}

/* The container that a network is connected with, which the body names. */
static void enter_connected(struct call *call, const struct value *body)
{
	struct bytes name = body_string(body, "Container");
	const struct inventory_container *container = inventory_container(
		call->inventory, name.data ? name : body_string(body, "container"));

	if (container)
		ledger_request_set_target(call->request, call->target.id, call->key, container->id);
}

/* Whether an update changes how much memory there is, or is not seen whole. */
static bool changes_limits(const struct call *call, const struct value *body)
{
	static const char *const names[][2] = {
		{"Memory", "limit"}, {"MemorySwap", "swap"}, {"MemoryReservation", "reservation"}};

	if (!body || body_state(call->body) != BODY_DONE)
		return true;
	for (size_t i = 0; i < COUNT(names); i++) {
		const struct value *limit =
			body_get(body, names[i][0])
				?: body_get(body_get(body, "memory"), names[i][1]);

		if (limit && limit->number)
			return true;
	}
	return false;
}

void call_enter_body(struct call *call)
{
	const struct value *body = call_taken_body(call);

	switch (call->match.route->enter) {
	case ENTER_CONTAINER:
		if (call->match.route->operation == OPERATION_ContainerCreateLibpod) {
			ledger_request_set(call->request, &call->request->result,
					   call_told(call, body_string(body, "name")));
			call->request->auto_remove = body_true(body, "remove");
			break;
		}
		ledger_request_set(call->request, &call->request->image,
				   call_told(call, body_string(body, "Image")));
		call->request->auto_remove = body_true(body_get(body, "HostConfig"), "AutoRemove");
		break;
	case ENTER_LIMITS:
		call->request->limits = changes_limits(call, body);
		break;
	case ENTER_NAME:
		ledger_request_set(call->request, &call->request->result,
				   call_told(call, call_body_name(body)));
		break;
	case ENTER_CONNECTED:
		enter_connected(call, body);
		break;
	default:
		break;
	}
}

/* What it makes is told by events before it is answered. */
void call_enter_build(struct call *call)
{
	if (call->request && call->match.route->target == TARGET_IMAGE &&
	    build_is_complete(call->build))
		ledger_request_set(call->request, &call->request->result,
				   call_told(call, call_built_images(call)));
}

static void add_removed(struct request *request, const struct value *list)
{
	for (const struct value *one = list ? list->first : NULL; one; one = one->next) {
		struct bytes id = one->string;

		if (!id.size)
			id = body_string(one, "Deleted");
		ledger_request_add_removed(request, id.size ? id : body_string(one, "Untagged"));
	}
}

void call_enter_removed(struct call *call)
{
	static const char *const names[] = {"ContainersDeleted", "VolumesDeleted",
					    "NetworksDeleted", "ImagesDeleted"};
	const struct value *answer = body_value(call->answer);
	const struct value *lists[5] = {answer};
	unsigned int count = 1, elements = answer->count;
	bool all = body_state(call->answer) == BODY_DONE &&
		   !(body_oddities(call->answer) & (BODY_DROPPED | BODY_CUT));

	if (call->match.route->removed->kind == SHAPE_STRUCT) {
		count = elements = 0;
		for (size_t i = 0; i < COUNT(names); i++) {
			lists[count] = body_get(answer, names[i]);
			elements += lists[count] ? lists[count]->count : 0;
			count++;
		}
	}
	ledger_request_set_removed(call->request, elements, all);
	for (unsigned int i = 0; i < count; i++)
		add_removed(call->request, lists[i]);
}

void call_enter_findings(struct call *call, const struct verdict *verdict)
{
	struct finding findings[INVENTORY_FINDINGS_MAX];

	if (call->request)
		ledger_request_set_findings(call->request, findings,
					    call_findings(call->calls->options.policy, verdict,
							  findings, COUNT(findings)));
}

static void learn_container(struct call *call)
{
	bool libpod = call->match.route->operation == OPERATION_ContainerCreateLibpod;
	const struct value *body = call_taken_body(call);
	struct inventory_container container = {
		.id = call_answer_string(call, "Id"),
		.name = libpod ? body_string(body, "name") : call->target.name,
		.image = body_string(body, libpod ? "image" : "Image"),
		.user = body_string(body, libpod ? "user" : "User"),
		.labels = body && !libpod ? labels_packed(&call->labels) : (struct bytes){0},
		.witnessed = body && body_state(call->body) == BODY_DONE &&
			     !(body_oddities(call->body) & (BODY_DROPPED | BODY_CUT)),
	};

	call_take_judged(call->calls, call->judged, &container);
	if (!inventory_put_container(call->inventory, &container))
		call_ask_about(call, container.id);
}

static void learn_exec(struct call *call)
{
	struct inventory_exec exec = {
		.id = call_answer_string(call, "Id"),
		.container_id = call->target.container_id.size ? call->target.container_id
							       : call->target.container_name,
	};
	struct text command = {0};

	facts_spell_exec(&command, call_taken_body(call));
	exec.command = !command.error ? text_since(&command, 0) : (struct bytes){0};
	exec.finding_count = call_findings(NULL, call->judged, exec.findings, COUNT(exec.findings));
	inventory_put_exec(call->inventory, &exec);
	text_free(&command);
}

static void learn_volume(struct call *call)
{
	const struct value *body = call_taken_body(call);
	struct inventory_volume volume = {
		.name = call_answer_string(call, "Name"),
		.driver = body_string(body, "Driver"),
	};
	struct text path = {0};

	if (volumes_value_path(volume.driver, volumes_options(body), call->calls->options.files,
			       &path))
		volume.host_path = text_since(&path, 0);
	/* One that is there already stays as it is, if it is there still: then it is the more dangerous of
	 * the two. */
	if (volume.name.size &&
	    (volume.host_path.size || !inventory_volume(call->inventory, volume.name)))
		inventory_put_volume(call->inventory, &volume);
	text_free(&path);
}

static void learn_rename(struct call *call)
{
	struct text name = {0};

	if (call->target.id.size && query_value(text_since(&call->query, 0), "name", &name))
		inventory_rename_container(call->inventory, call->target.id, text_since(&name, 0));
	text_free(&name);
}

/* The engine is asked what it has: no request named it. */
static void ask_for_lists(const struct call *call)
{
	const struct calls_options *options = &call->calls->options;

	if (options->changed)
		options->changed(options->data, call->socket);
}

/* With ?link=1 only a name of the container goes: which ones it has left, the engine tells. */
static void learn_removed(struct call *call)
{
	if (query_true(text_since(&call->query, 0), "link"))
		ask_for_lists(call);
	else
		inventory_remove_container(call->inventory, call->target.id);
}

/* It has what it was given when it was created, and what its mounts and the containers that it joins are by now. A
 * container whose creation was not judged is judged when the engine is asked about it. */
static void learn_started(struct call *call)
{
	const struct inventory_container *container =
		inventory_container(call->inventory, call->target.id);
	struct finding findings[INVENTORY_FINDINGS_MAX];

	if (container && inventory_container_judged(container))
		inventory_add_findings(
			call->inventory, call->target.id, findings,
			call_findings(NULL, call->judged, findings, COUNT(findings)));
}

/* Whether the contents can be judged now: a body may be on its way yet, but for a start none is needed. */
static bool is_ready_to_judge(const struct call *call)
{
	const struct route *route = call->match.route;

	if (route->answer || route->learn == LEARN_STARTED)
		return true;
	return call->request && !route->body && (route->judge || route->entry);
}

void call_learn(struct call *call)
{
	const struct route *route = call->match.route;

	if (call->learned || !route || !call_succeeded(call) || call_other_server(call))
		return;
	call->learned = true;
	call_target_refresh(call);
	call_target_enter(call);
	if (is_ready_to_judge(call))
		call_judge_early(call);
	switch (route->learn) {
	case LEARN_CONTAINER:
		if (call->judged)
			learn_container(call);
		break;
	case LEARN_EXEC:
		if (call->judged)
			learn_exec(call);
		break;
	case LEARN_VOLUME:
		learn_volume(call);
		break;
	case LEARN_STARTED:
		if (call->judged)
			learn_started(call);
		break;
	case LEARN_REMOVED:
		learn_removed(call);
		break;
	case LEARN_RENAMED:
		learn_rename(call);
		break;
	case LEARN_VOLUME_REMOVED:
		inventory_remove_volume(call->inventory, call->target.name);
		break;
	case LEARN_IMAGE_REMOVED: /* the name alone, where the request has a name */
		inventory_remove_image(call->inventory, call->target.name);
		ask_for_lists(call);
		break;
	case LEARN_LISTS:
		ask_for_lists(call);
		break;
	case LEARN_NOTHING:
		break;
	}
}
