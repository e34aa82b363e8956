// SPDX-License-Identifier: Apache-2.0
/* The life of a request: its contents as they come, from the head to the last record. */
#include <errno.h>
#include <stdlib.h>

#include "base/idtree.h"
#include "base/table.h"
#include "docker/api/shapes.h"
#include "docker/call/call_inside.h"
#include "http/grpc.h"
#include "http/url.h"
#include "json/gofold.h"
#include "secret/mask.h"

#define BODY_MEMORY 65536	/* of one request's body */
#define BODY_MEMORY_TIGHT 16384 /* the same, where the bodies of its account take much */
#define SPEC_TIMES 4 /* as much for what a runtime is told of a container: it leaves out nothing */
#define ANSWER_MEMORY 16384
#define REMOVED_MEMORY 131072 /* of an answer that lists what was removed */
#define POOL_BLOCK 256	      /* what is kept of most requests is an id, and perhaps a name */
/* The bodies of an account may take so many times as much memory as is free. */
#define SHARE_OF_FREE 2
#define FORM "application/x-www-form-urlencoded"

/* An account that sends bodies. Lives as long as one of its bodies is at hand. */
struct payer {
	uint64_t account;
	size_t memory; /* of its bodies */
	unsigned int bodies;
	UT_hash_handle hh;
};

/* The event.id of the request's record is made now: events that it causes may be written before that record is. */
static void make_event_id(struct call *call, const struct exchange *exchange)
{
	const struct record_context *context = call->calls->options.context;
	struct text *id = &call->calls->event_id;

	if (*exchange->id)
		call->event_id = call_keep(call, bytes_of(exchange->id));
	if (!context || *exchange->id)
		return;
	text_cut(id, 0);
	record_add_id(id, context, record_time(context, exchange->started), 'r',
		      ++call->calls->requests);
	if (!id->error)
		call->event_id = call_keep(call, text_since(id, 0));
}

/* --- bodies --------------------------------------------------------------------------------------- */

/* NULL: there is no memory. */
static struct payer *find_or_add_payer(struct calls *calls, uint64_t account)
{
	struct payer *payer;

	HASH_FIND(hh, calls->payers, &account, sizeof(account), payer);
	if (payer)
		return payer;
	payer = calloc(1, sizeof(*payer));
	if (!payer)
		return NULL;
	payer->account = account;
	HASH_ADD(hh, calls->payers, account, sizeof(payer->account), payer);
	if (payer->hh.tbl)
		return payer;
	free(payer);
	return NULL;
}

static void leave_payer(struct calls *calls, struct payer *payer)
{
	if (payer->bodies)
		return;
	HASH_DEL(calls->payers, payer);
	free(payer);
}

static size_t free_memory(const struct calls *calls)
{
	size_t max = calls->options.memory_max;

	return calls->memory < max ? max - calls->memory : 0;
}

static bool call_exceeds_share(const struct calls *calls, const struct payer *payer)
{
	return payer->memory > SHARE_OF_FREE * free_memory(calls);
}

static void count_body(struct call *call)
{
	size_t memory = (call->body ? body_memory(call->body) + call->yaml.capacity : 0) +
			call->labels.text.capacity + (call->build ? build_memory(call->build) : 0) +
			(call->containerd ? containerd_memory(call->containerd) : 0);

	if (!call->payer)
		return;
	call->payer->memory += memory - call->body_memory;
	call->calls->memory += memory - call->body_memory;
	call->body_memory = memory;
}

static void close_body(struct call *call)
{
	body_free(call->body);
	call->body = NULL;
	yaml_body_free(&call->yaml);
	labels_free(&call->labels);
	build_free(call->build);
	call->build = NULL;
	containerd_free(call->containerd);
	call->containerd = NULL;
	count_body(call);
	if (!call->payer)
		return;
	call->payer->bodies--;
	leave_payer(call->calls, call->payer);
	call->payer = NULL;
}

/* A specification within the message of a call: the last one counts. */
static void take_spec(void *data, struct bytes piece, bool begins)
{
	struct call *call = data;

	if (!call->match.route->body)
		return;
	if (begins) {
		body_free(call->body);
		call->body = NULL;
		call->body_refused |=
			body_new(call->match.route->body, call->body_limit, NULL, &call->body) != 0;
	}
	if (call->body && piece.size && body_feed(call->body, piece.data, piece.size))
		call->body_refused = true;
}

static int call_begin_body(struct call *call, size_t limit)
{
	const struct route *route = call->match.route;

	call->body_limit = SPEC_TIMES * limit;
	if (route->takes) {
		call->containerd = containerd_new(route->takes, take_spec, call);
		return call->containerd ? 0 : -ENOMEM;
	}
	if (route->body)
		return body_new(route->body, limit, &call->labels, &call->body);
	call->build = build_new(route->asks);
	return call->build ? 0 : -ENOMEM;
}

static void open_body(struct call *call, uint64_t account)
{
	struct calls *calls = call->calls;
	const struct route *route = call->match.route;
	struct payer *payer;
	size_t limit;

	if (!route || !(route->body || route->asks || route->takes))
		return;
	payer = find_or_add_payer(calls, account);
	call->body_refused = true;
	if (!payer)
		return;
	limit = payer->memory < free_memory(calls) ? BODY_MEMORY : BODY_MEMORY_TIGHT;
	if (calls->memory > calls->options.memory_max || call_exceeds_share(calls, payer) ||
	    call_begin_body(call, limit)) {
		leave_payer(calls, payer);
		return;
	}
	call->body_refused = false;
	call->payer = payer;
	payer->bodies++;
	count_body(call);
}

const struct value *call_taken_body(const struct call *call)
{
	enum body_state state;

	if (!call->body || !call->fed)
		return NULL;
	state = body_state(call->body);
	if (state == BODY_DONE)
		return body_value(call->body);
	if (call->status < 400 &&
	    (state == BODY_MISTYPED || (state == BODY_OPEN && (call->gap || call->yaml_trouble))))
		return body_value(call->body);
	return NULL;
}

static void *begin_call(void *data, const struct exchange *exchange, uint32_t socket)
{
	struct calls *calls = data;
	struct call *call;
	struct url url;

	if (socket >= calls->options.socket_count || !calls->options.inventories[socket])
		return NULL;
	call = calloc(1, sizeof(*call));
	if (!call)
		return NULL;
	call->calls = calls;
	call->socket = socket;
	call->pool.block = POOL_BLOCK;
	call->inventory = calls->options.inventories[socket];
	call->dark = !*exchange->method;
	make_event_id(call, exchange);
	if (call->dark)
		return call;
	/* Go takes media types in any case. */
	call->form =
		exchange->mime_type && gofold_is(bytes_of(exchange->mime_type), FORM, GOFOLD_LOWER);
	url = url_split((struct bytes){exchange->target, exchange->target_size});
	mask_query_keys(&call->query, url.query);
	call->grpc = exchange->http.grpc;
	call->of_build = call_keep(call, bytes_of(exchange->build));
	call->asked_for = call_keep(call, bytes_of(exchange->asked));
	if (exchange->namespace)
		call->namespace = call_keep(call, bytes_of(exchange->namespace));
	if (call->grpc)
		route_find_call(url.original, &call->path, &call->match);
	else
		route_find(exchange->http.verb, url.original, &call->path, &call->match);
	if (call->match.route) {
		call_target_begin(call);
		open_body(call, exchange->account);
	}
	call_enter(call, exchange);
	return call;
}

static void free_judged(struct call *call)
{
	if (call->judged)
		verdict_free(call->judged);
	free(call->judged);
	call->judged = NULL;
}

static void end_call(void *content)
{
	struct call *call = content;

	close_body(call);
	asked_free(&call->calls->builds, call->asked);
	build_free(call->result);
	containerd_free(call->named);
	body_free(call->answer);
	call_free_progress(call);
	free_judged(call);
	ledger_request_end(call->request);
	text_free(&call->path);
	text_free(&call->query);
	pool_free(&call->pool);
	free(call);
}

/* Puts what a Solve says beside what the other calls of its build say. */
static void compare_build(struct call *call)
{
	bool by_frontend = call->match.route->asks == BUILD_MESSAGE_FRONTEND;

	if (call->asked || !build_is_complete(call->build) ||
	    !(by_frontend || call->match.route->asks == BUILD_MESSAGE_SOLVE))
		return;
	call->asked = asked_new(&call->calls->builds, call->socket,
				by_frontend ? call->of_build : build_reference(call->build),
				by_frontend, call->build);
}

static void read_request(void *content, const char *bytes, size_t size)
{
	struct call *call = content;

	call->fed |= size > 0;
	call_target_follow(call, false);
	if (!(call->body || call->build || call->containerd) || call->gap)
		return;
	/* The only body of an account is bounded by its own limit. */
	if (call->payer->bodies > 1 && call_exceeds_share(call->calls, call->payer)) {
		call->body_refused = true;
		close_body(call);
		return;
	}
	if (call->containerd) {
		containerd_feed(call->containerd, (struct bytes){bytes, size});
	} else if (call->build) {
		build_feed(call->build, (struct bytes){bytes, size});
		compare_build(call);
		call_enter_build(call);
	} else if (call->match.route->yaml
			   ? yaml_body_feed(&call->yaml, (struct bytes){bytes, size}, BODY_MEMORY)
			   : body_feed(call->body, bytes, size)) {
		call->body_refused = true;
	}
	count_body(call);
}

void call_read_yaml(struct call *call)
{
	if (!call->body || !call->yaml.size)
		return;
	call->yaml_trouble = yaml_body_read(&call->yaml, call->body);
	count_body(call);
}

static bool call_lends(const void *content)
{
	const struct route *route = ((const struct call *)content)->match.route;

	return route && route->lends;
}

static void note_gap(void *content)
{
	((struct call *)content)->gap = true;
}

static size_t count_memory(const void *content)
{
	const struct call *call = content;

	return sizeof(*call) + call->body_memory + (call->named ? ANSWER_MEMORY : 0) +
	       (call->answer ? ANSWER_MEMORY : 0) + call_progress_memory(call) +
	       (call->judged ? sizeof(*call->judged) : 0);
}

/* --- the answer ----------------------------------------------------------------------------------- */

struct bytes call_answer_string(const struct call *call, const char *name)
{
	if (!call->answer || body_state(call->answer) != BODY_DONE)
		return (struct bytes){};
	return body_string(body_value(call->answer), name);
}

struct bytes call_made_id(const struct call *call)
{
	struct bytes id = call_answer_string(call, "Id");

	return id.size ? id : call_answer_string(call, "Name");
}

/* Whether the answer is to be read: it says what was made or removed. */
static bool open_answer(struct call *call)
{
	const struct route *route = call->match.route;

	if (call->dark ? call->status == 201 : route && route->answer && call_succeeded(call))
		return !body_new(&shape_created, ANSWER_MEMORY, NULL, &call->answer);
	return route && route->removed && call_succeeded(call) && call->request &&
	       !call->uncertain && !body_new(route->removed, REMOVED_MEMORY, NULL, &call->answer);
}

static void note_sender(void *content, struct caller *caller)
{
	struct call *call = content;
	struct bytes none = {0};
	const struct inventory_container *container;

	if (!call->request || !caller)
		return;
	container = call_container(call->calls, caller_container_id(caller));
	ledger_request_set_sender(call->request, caller, container ? container->name : none,
				  container ? container->image : none);
	ledger_request_set(
		call->request, &call->request->expected_rule,
		bytes_of(call_expected(call->calls, caller, call->match.route->operation, false)));
	call_note_behind(call);
	call_note_servant(call);
}

static void note_relayed(void *content, const struct record_relayed *relayed)
{
	struct call *call = content;

	if (call->request)
		ledger_request_set_relayed(call->request, relayed);
}

static void note_over(void *data, uint64_t connection, bool ended, uint64_t time)
{
	struct calls *calls = data;

	if (calls->options.ledger)
		ledger_over(calls->options.ledger, connection, ended, time);
}

/* What may be content of another answer changes nothing. */
static bool answered_uncertainly(struct call *call, int status)
{
	bool awaited;

	call->uncertain = true;
	call->status = status;
	awaited = open_answer(call);
	if (!call->dark)
		call->status = 0;
	return awaited;
}

void call_ask_about(const struct call *call, struct bytes container)
{
	const struct calls_options *options = &call->calls->options;

	if (options->created)
		options->created(options->data, call->socket, container);
}

/* A container that is there, and not known: the answer that made it was read out of order, or lost. */
static void ask_about_target(const struct call *call)
{
	if (call->match.route && call->match.route->target == TARGET_CONTAINER &&
	    !call_is_create(call) && !call->resolved && call->target.name.size &&
	    call_succeeded(call))
		call_ask_about(call, call->target.name);
}

/* Takes in that the request was answered with STATUS. Whether the answer is to be read. */
static bool call_take_answer(struct call *call, int status, bool complete, uint64_t time)
{
	bool awaited;

	call->status = status;
	call->gap |= !complete; /* the engine has read the body to its end */
	if (call->calls->options.answered)
		call->calls->options.answered(call->calls->options.data, call->socket);
	call_target_follow(call, true);
	awaited = open_answer(call);
	if (call->request) {
		call_enter_body(call);
		ledger_request_answered(call->request, status, time);
	}
	if (!call->dark && (!awaited || !call->match.route->answer))
		call_learn(call);
	ask_about_target(call);
	return awaited;
}

static void read_outcome(void *content, int outcome, bool complete, uint64_t time)
{
	call_take_answer(content, grpc_status_http(outcome), complete, time);
}

static bool read_head(void *content, int status, bool complete, bool certain, uint64_t time)
{
	struct call *call = content;

	if (!certain)
		return answered_uncertainly(call, status);
	if (call->grpc && status == 200) {
		if (call->match.route && call->match.route->results)
			call->result = build_new(BUILD_MESSAGE_RESULT);
		if (call->match.route && call->match.route->names)
			call->named = containerd_new(CONTAINERD_OF_NAME, NULL, NULL);
		return call->result || call->named;
	}
	return call_take_answer(call, status, complete, time);
}

static void read_answer(void *content, const char *bytes, size_t size)
{
	struct call *call = content;

	if (call->result || call->named) {
		if (call->result)
			build_feed(call->result, (struct bytes){bytes, size});
		else
			containerd_feed(call->named, (struct bytes){bytes, size});
		return;
	}
	body_feed(call->answer, bytes, size);
	if (body_state(call->answer) != BODY_DONE)
		return;
	if (call->dark || call->uncertain) {
		/* The engine knows what may have been made. */
		if (idtree_is_id(call_answer_string(call, "Id")))
			call_ask_about(call, call_answer_string(call, "Id"));
		return;
	}
	if (call->match.route->removed) {
		call_enter_removed(call);
		return;
	}
	if (call->request)
		ledger_request_set(call->request, &call->request->made, call_made_id(call));
	call_learn(call);
}

static void call_note_written(void *content, enum record_action action)
{
	struct call *call = content;

	call_enter_findings(call, call->judged ?: &call->calls->verdict);
	if (action != RECORD_API_REQUEST)
		return;
	body_free(call->body);
	call->body = NULL;
	yaml_body_free(&call->yaml);
	build_free(call->build);
	build_free(call->result);
	call->build = call->result = NULL;
	containerd_free(call->containerd);
	containerd_free(call->named);
	call->containerd = call->named = NULL;
	count_body(call);
	body_free(call->answer);
	call->answer = NULL;
	free_judged(call);
	ledger_request_end(call->request);
	call->request = NULL;
}

/* --- all of them ---------------------------------------------------------------------------------- */

int calls_new(const struct calls_options *options, struct calls **ret)
{
	struct calls *calls = calloc(1, sizeof(*calls));

	if (!calls)
		return -ENOMEM;
	calls->options = *options;
	calls->reader = (struct reader){
		.data = calls,
		.begin = begin_call,
		.request = read_request,
		.request_gap = note_gap,
		.lends = call_lends,
		.sent = note_sender,
		.relayed = note_relayed,
		.answered = read_head,
		.outcome = read_outcome,
		.response = read_answer,
		.follows = call_follows,
		.progress = call_progress,
		.describe = call_describe,
		.written = call_note_written,
		.describe_unread = call_describe_unread,
		.over = note_over,
		.memory = count_memory,
		.end = end_call,
	};
	*ret = calls;
	return 0;
}

void calls_set_policy(struct calls *calls, const struct policy *policy)
{
	calls->options.policy = policy;
}

void calls_free(struct calls *calls)
{
	if (!calls)
		return;
	verdict_free(&calls->verdict);
	text_free(&calls->event_id);
	text_free(&calls->kept.joins);
	text_free(&calls->kept.places);
	free(calls);
}

const struct reader *calls_reader(const struct calls *calls)
{
	return &calls->reader;
}
