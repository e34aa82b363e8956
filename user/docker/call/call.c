// SPDX-License-Identifier: Apache-2.0
#include "docker/call/call.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/idtree.h"
#include "base/table.h"
#include "conversation/exchange.h"
#include "docker/api/route.h"
#include "docker/api/shapes.h"
#include "docker/host/volumes.h"
#include "docker/judge/facts.h"
#include "docker/judge/judge.h"
#include "docker/judge/removals.h"
#include "http/query.h"
#include "http/url.h"
#include "json/gofold.h"
#include "secret/mask.h"

#define BODY_MEMORY 65536	/* of one request's body */
#define BODY_MEMORY_TIGHT 16384 /* where all of them together take much */
#define ANSWER_MEMORY 16384
#define REMOVED_MEMORY 131072 /* of an answer that lists what was removed */
#define TECHNIQUES_MAX 8
#define SHARE_OF_FREE                                                                              \
	2 /* the bodies of an account may take so many times as much memory as is free */
#define INITIAL_PID_NS 0xeffffffcu /* PROC_PID_INIT_INO of the kernel */
#define SHORT_ID 12		   /* digits, as docker ps has them */
#define FORM "application/x-www-form-urlencoded"

/* Who sends bodies. Lives as long as there is one of his at hand. */
struct payer {
	uint64_t account;
	size_t memory; /* of his bodies */
	unsigned int bodies;
	UT_hash_handle hh;
};

struct calls {
	struct calls_options options;
	struct payer *payers; /* by account */
	struct reader reader;
	size_t memory;	      /* of the bodies at hand */
	uint64_t requests;    /* so far: each has a number */
	struct text event_id; /* of the last one */
	struct removals removals;
	struct kept kept; /* of the contents judged last */
	/* Of the record described last. */
	struct verdict verdict;
	struct record_finding findings[VERDICT_FINDINGS_MAX];
	const char *techniques[TECHNIQUES_MAX];
};

/* Who is acted on. Owned by the call's pool. */
struct target {
	struct bytes id, name, image;
	struct bytes container_id, container_name; /* of an exec, or what an image is made of */
};

struct call {
	struct calls *calls;
	struct inventory *inventory;
	unsigned int socket;
	struct pool pool;
	struct text path;
	struct route_match match;
	/* Owned: as sent, since what is judged must mean what it means to the engine, but without the
	 * values of secret keys, of which none is judged. */
	struct text query;
	struct target target;
	bool resolved;	  /* the target is known by its id */
	struct bytes key; /* that names it, as the request has it */
	bool unclear;	  /* which of two the engine meant */
	bool named_late;  /* the engine looks the key up only when it has read the body */
	struct bytes meant,
		means;	   /* ids that the key had, one after the other, where it changed hands */
	char event_id[64]; /* of its record */
	size_t event_id_size;
	struct request *request; /* in the ledger; NULL: it is of no interest there */
	struct body *body;	 /* NULL: of no interest, or no memory */
	size_t body_memory;	 /* as counted */
	struct payer *payer;	 /* of the body; NULL: there is none */
	bool body_refused;	 /* there was no memory for one */
	bool fed, gap;		 /* something of it came; something did not */
	bool dark;		 /* what is asked was not seen, or not from its beginning */
	bool uncertain;		 /* so is the answer, as it may be another one's content */
	int status;		 /* 0: no answer yet */
	struct body *answer;
	bool learned;
	struct verdict *judged; /* its contents already were, when it was learned; NULL: not yet */
};

static bool succeeded(const struct call *call)
{
	return call->status >= 200 && call->status < 300;
}

/* Go takes media types in any case. */
static bool is_form(struct bytes mime_type)
{
	return gofold_is(mime_type, FORM, GOFOLD_LOWER);
}

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

/* --- the target ----------------------------------------------------------------------------------- */

static enum target_type target_type(const struct route *route)
{
	return route->made ?: route->target;
}

static struct bytes keep(struct call *call, struct bytes bytes)
{
	return bytes.size ? pool_copy(&call->pool, bytes) : (struct bytes){};
}

/* The name as the request has it. */
static struct bytes named_target(struct call *call)
{
	struct text name = {0};
	struct bytes kept = {0};

	if (call->match.name.size)
		return keep(call, call->match.name);
	if (route_query_name(call->match.route, text_since(&call->query, 0), &name))
		kept = keep(call, text_since(&name, 0));
	text_free(&name);
	return kept;
}

static bool resolve_container(struct call *call, struct bytes key, struct bytes *ret_id,
			      struct bytes *ret_name)
{
	const struct inventory_container *container = inventory_container(call->inventory, key);

	if (!container) {
		*(idtree_is_id(key) ? ret_id : ret_name) = keep(call, key);
		return false;
	}
	*ret_id = keep(call, container->id);
	*ret_name = keep(call, container->name);
	call->target.image = keep(call, container->image);
	return true;
}

static bool resolve_exec(struct call *call, struct bytes id)
{
	const struct inventory_exec *exec = inventory_exec(call->inventory, id);

	call->target.id = keep(call, id);
	return exec && resolve_container(call, exec->container_id, &call->target.container_id,
					 &call->target.container_name);
}

/* A create's target has no id before it is answered, and its name may be in the body. */
static bool is_create(const struct route *route)
{
	return route->answer && !route->made;
}

static void resolve(struct call *call, struct bytes key)
{
	const struct route *route = call->match.route;
	struct target *target = &call->target;

	if (route->target == TARGET_CONTAINER && key.size && *key.data == '/')
		key = bytes_from(key, 1); /* that the daemon adds to names by itself */
	if (is_create(route) || !key.size) {
		target->name = keep(call, key);
	} else if (route->made) {
		call->resolved = resolve_container(call, key, &target->container_id,
						   &target->container_name);
	} else if (route->target == TARGET_CONTAINER) {
		call->resolved = resolve_container(call, key, &target->id, &target->name);
	} else if (route->target == TARGET_EXEC) {
		call->resolved = resolve_exec(call, key);
	} else {
		target->name = keep(call, key);
		if (route->target == TARGET_IMAGE)
			target->id = keep(call, inventory_image(call->inventory, key));
		call->resolved = target->id.size > 0;
	}
}

/* What is told of it where it is not known by its id yet, since the response that gave it was read later. */
static void resolve_again(struct call *call)
{
	struct bytes key = named_target(call);

	if (!call->resolved && key.size)
		resolve(call, key);
}

/* Whether the engine looks its target up only when it has read the body: what it parses, and forms. */
static bool is_named_late(const struct call *call, const struct exchange *exchange)
{
	bool form = exchange->mime_type && is_form(bytes_of(exchange->mime_type));

	return call->match.route->body || form;
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

/* Its record's event.id is made now: events that it causes may be written before it is. */
static void make_event_id(struct call *call, const struct exchange *exchange)
{
	const struct record_context *context = call->calls->options.context;
	struct text *id = &call->calls->event_id;

	if (!context)
		return;
	text_cut(id, 0);
	record_add_id(id, context, record_time(context, exchange->started), 'r',
		      ++call->calls->requests);
	if (id->error || id->size > sizeof(call->event_id))
		return;
	memcpy(call->event_id, id->data, id->size);
	call->event_id_size = id->size;
}

static struct bytes event_id(const struct call *call)
{
	return (struct bytes){call->event_id_size ? call->event_id : NULL, call->event_id_size};
}

/* --- the ledger ----------------------------------------------------------------------------------- */

/* NAME, as a request has it, as it may be told: it may have a password in it, which no engine takes. */
static struct bytes told(struct call *call, struct bytes name)
{
	struct text masked = {0};

	if (name.size && !idtree_is_id(name) && mask_reference(&masked, name))
		name = keep(call, text_since(&masked, 0));
	text_free(&masked);
	return name;
}

/* What it acts on, as far as it is known now. */
static void enter_target(struct call *call)
{
	const struct route *route = call->match.route;
	const struct target *target = &call->target;

	if (!call->request || call->unclear)
		return;
	if (route->made)
		ledger_request_set_target(call->request, target->container_id,
					  told(call, target->container_name), (struct bytes){});
	else if (is_create(route))
		ledger_request_set_result(call->request, told(call, target->name));
	else
		ledger_request_set_target(call->request, target->id, told(call, named_target(call)),
					  target->container_id);
}

/* While the body is read, and until it is ANSWERED, its name may come to be another one's: the engine means the one
 * that had it when the body was there; if that was about then, it may have meant either. */
static void follow_target(struct call *call, bool answered)
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
	call->means = keep(call, id);
	if (answered) {
		call->unclear = true;
		if (call->request)
			ledger_request_set_target(call->request, none, told(call, call->key), none);
		return;
	}
	resolve(call, call->key);
	enter_target(call);
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
		ledger_request_set_result(call->request, told(call, text_since(&name, 0)));
	text_free(&name);
}

/* The number of a signal as Docker takes it: SIGKILL where there is none; 0: not known. */
static int read_signal(struct bytes text)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
		{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"KILL", SIGKILL},
		{"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"TERM", SIGTERM},   {"CHLD", SIGCHLD},
		{"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"WINCH", SIGWINCH}, {"URG", SIGURG},
	};
	struct bytes name = text;
	int number = 0;

	if (!text.size)
		return SIGKILL;
	name = bytes_from(name, gofold_begins(name, "SIG", GOFOLD_UPPER));
	for (size_t i = 0; i < COUNT(names); i++)
		if (gofold_is(name, names[i].name, GOFOLD_UPPER))
			return names[i].number;
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
		call->request->volumeless = query_value(query, "version", &value) &&
					    bytes_equal(text_since(&value, 0), bytes_of("2"));
	}
	text_free(&value);
}

static void enter(struct call *call, const struct exchange *exchange)
{
	struct ledger *ledger = call->calls->options.ledger;

	if (!ledger || !call->match.route)
		return;
	call->request = ledger_begin(ledger, call->socket, exchange->connection, exchange->started,
				     call->match.route->operation, event_id(call));
	if (!call->request)
		return;
	call->request->named_late = call->named_late;
	enter_target(call);
	enter_result(call);
	if (!exchange->target_truncated &&
	    (!exchange->mime_type || !is_form(bytes_of(exchange->mime_type))))
		enter_query(call);
}

/* The container that a network is connected with, which the body names. */
static void enter_connected(struct call *call, const struct value *body)
{
	const struct inventory_container *container =
		inventory_container(call->inventory, body_string(body, "Container"));

	if (container)
		ledger_request_set_target(call->request, call->target.id, named_target(call),
					  container->id);
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

static bool exceeds_share(const struct calls *calls, const struct payer *payer)
{
	return payer->memory > SHARE_OF_FREE * free_memory(calls);
}

static void count_body(struct call *call)
{
	size_t memory = call->body ? body_memory(call->body) : 0;

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
	count_body(call);
	if (!call->payer)
		return;
	call->payer->bodies--;
	leave_payer(call->calls, call->payer);
	call->payer = NULL;
}

/* The judging that a body's elements are shown to refers to nothing: by the path alone is enough there. */
static void open_body(struct call *call, uint64_t account)
{
	struct calls *calls = call->calls;
	struct payer *payer;
	size_t limit;

	if (!call->match.route || !call->match.route->body)
		return;
	payer = find_or_add_payer(calls, account);
	call->body_refused = true;
	if (!payer)
		return;
	limit = payer->memory < free_memory(calls) ? BODY_MEMORY : BODY_MEMORY_TIGHT;
	if (calls->memory > calls->options.memory_max || exceeds_share(calls, payer) ||
	    body_new(call->match.route->body, limit, NULL, &call->body) < 0) {
		leave_payer(calls, payer);
		return;
	}
	call->body_refused = false;
	call->payer = payer;
	payer->bodies++;
	count_body(call);
}

static void *begin(void *data, const struct exchange *exchange, uint32_t socket)
{
	struct calls *calls = data;
	struct call *call;
	struct url url;

	if (socket >= calls->options.socket_count)
		return NULL;
	call = calloc(1, sizeof(*call));
	if (!call)
		return NULL;
	call->calls = calls;
	call->socket = socket;
	call->inventory = calls->options.inventories[socket];
	call->dark = !*exchange->method;
	if (call->dark) {
		make_event_id(call, exchange);
		return call;
	}
	url = url_split((struct bytes){exchange->target, exchange->target_size});
	mask_query_keys(&call->query, url.query);
	route_find(bytes_of(exchange->method), url.original, &call->path, &call->match);
	if (call->match.route) {
		call->key = named_target(call);
		call->named_late = is_named_late(call, exchange);
		resolve(call, call->key);
		open_body(call, exchange->account);
	}
	make_event_id(call, exchange);
	enter(call, exchange);
	return call;
}

static void end(void *content)
{
	struct call *call = content;

	close_body(call);
	body_free(call->answer);
	if (call->judged)
		verdict_free(call->judged);
	free(call->judged);
	ledger_request_end(call->request);
	text_free(&call->path);
	text_free(&call->query);
	pool_free(&call->pool);
	free(call);
}

static void request(void *content, const char *bytes, size_t size)
{
	struct call *call = content;

	call->fed |= size > 0;
	follow_target(call, false);
	if (!call->body || call->gap)
		return;
	/* One body alone is bounded by its own limit. */
	if (call->payer->bodies > 1 && exceeds_share(call->calls, call->payer)) {
		call->body_refused = true;
		close_body(call);
		return;
	}
	if (body_feed(call->body, bytes, size))
		call->body_refused = true;
	count_body(call);
}

static void request_gap(void *content)
{
	((struct call *)content)->gap = true;
}

static size_t memory(const void *content)
{
	const struct call *call = content;

	return sizeof(*call) + call->body_memory + (call->answer ? ANSWER_MEMORY : 0) +
	       (call->judged ? sizeof(*call->judged) : 0);
}

/* The body as far as the daemon takes it; NULL: none. Where the daemon did not refuse it, a mistyped one counts
 * (it knows the type better), and of one that was not seen to its end what was seen. */
static const struct value *taken_body(const struct call *call)
{
	enum body_state state;

	if (!call->body || !call->fed)
		return NULL;
	state = body_state(call->body);
	if (state == BODY_DONE)
		return body_value(call->body);
	if (call->status < 400 && (state == BODY_MISTYPED || (state == BODY_OPEN && call->gap)))
		return body_value(call->body);
	return NULL;
}

/* --- judgement ------------------------------------------------------------------------------------ */

static struct judging judging_of(struct call *call, struct verdict *verdict)
{
	struct judging judging = {
		.inventory = call->inventory,
		.files = call->calls->options.files,
		.name = call->match.name,
		.path = call->match.path,
		.entry = call->match.route->entry,
		.query = text_since(&call->query, 0),
		.body = taken_body(call),
		.verdict = verdict,
		.refused = call->status >= 300,
	};
	enum target_type type = target_type(call->match.route);
	struct bytes container =
		type == TARGET_CONTAINER ? call->target.id : call->target.container_id;

	if (container.size)
		judging.container = inventory_container(call->inventory, container);
	if (call->match.route->target == TARGET_EXEC)
		judging.exec = inventory_exec(call->inventory, call->target.id);
	return judging;
}

static bool was_taken_over(const struct call *call, const struct record *record)
{
	return call->status == 101 || (call->status == 200 && !record->http.has_response_bytes);
}

/* What the operation by itself is, unless its contents say the same in more detail. */
static void judge_operation(struct call *call, struct verdict *verdict, const struct record *record)
{
	const struct route *route = call->match.route;

	if (!route->finding)
		return;
	if (route->opaque && route->finding == FINDING_OPAQUE_STREAM &&
	    !was_taken_over(call, record))
		return;
	for (unsigned int i = 0; i < verdict->finding_count; i++)
		if (verdict->findings[i].id == route->finding)
			return;
	verdict_add(verdict, route->finding, route->severity, "%s",
		    operation_name(route->operation));
}

/* Why the body was not seen whole, or is not understood; NULL: it was and is. */
static const char *unseen(const struct call *call, bool complete, uint64_t size)
{
	if (call->body_refused)
		return "there was no memory for it";
	if (call->gap || !complete)
		return "it was not seen whole";
	if (!size)
		return NULL;
	switch (body_state(call->body)) {
	case BODY_OPEN:
		return "it ends too early";
	case BODY_INVALID:
	case BODY_MISTYPED:
		return body_error(call->body);
	case BODY_DONE:
		break;
	}
	if (body_oddities(call->body) & BODY_DROPPED)
		return "it has more than is kept; what is dangerous by itself was judged";
	if (body_oddities(call->body) & BODY_CUT)
		return "a text in it is longer than what is kept";
	return NULL;
}

/* What may open the way to the host. */
static bool is_grave(const struct route *route)
{
	switch (route->target) {
	case TARGET_CONTAINER:
	case TARGET_VOLUME:
	case TARGET_SERVICE:
	case TARGET_PLUGIN:
		return true;
	default:
		return false;
	}
}

/* What the daemon refused was not acted on, seen or not. */
static void judge_completeness(struct call *call, struct verdict *verdict, bool complete,
			       const struct record *record)
{
	const struct route *route = call->match.route;
	const char *why;

	if (call->status >= 400)
		return;
	if (route->unread)
		verdict_add(verdict, FINDING_BODY_NOT_SEEN, SEVERITY_HIGH,
			    "callerd does not read Podman's own body of this operation");
	if (!route->body)
		return;
	why = unseen(call, complete, record->http.request_bytes);
	if (why)
		verdict_add(verdict, FINDING_BODY_NOT_SEEN,
			    is_grave(route) ? SEVERITY_HIGH : SEVERITY_INFO, "body: %s", why);
}

static void add_word(struct text *text, const char *word)
{
	if (text->size)
		text_add_string(text, ", ");
	text_add_string(text, word);
}

static void judge_oddities(const struct call *call, struct verdict *verdict,
			   const struct record *record)
{
	static const char *const body_words[] = {
		"a key twice", "a key in another case", "a key spelled with escapes",
		"bytes that are not UTF-8", "bytes behind the JSON"};
	/* A long line is no other reading of it. */
	unsigned int http = record->http.anomalies & ~HTTP1_ANOMALY_OVERSIZED;
	unsigned int body = call->body ? body_oddities(call->body) : 0;
	struct text words = {0};

	for (size_t i = 0; i < COUNT(body_words); i++)
		if (body >> i & 1)
			add_word(&words, body_words[i]);
	if (http)
		add_word(&words, "HTTP that others read differently");
	if (call->means.size)
		verdict_add(verdict, FINDING_PROTOCOL_ANOMALY, SEVERITY_NONE,
			    "the name meant %.12s when the request began, and %.12s before it was "
			    "answered",
			    call->meant.data, call->means.data);
	/* Go prefers what the form says. */
	if (record->http.request_bytes && is_form(record->http.mime_type))
		add_word(&words, "a form in the body, which overrides the query");
	if (words.size)
		verdict_add(verdict, FINDING_PROTOCOL_ANOMALY, SEVERITY_NONE, "%s", words.data);
	text_free(&words);
}

static void judge_removal(struct call *call, struct verdict *verdict, const struct record *record)
{
	if (strcmp(call->match.route->method ?: "", "DELETE") || !succeeded(call) ||
	    !record->caller)
		return;
	if (removals_add(&call->calls->removals, record->caller, record->time))
		verdict_add(verdict, FINDING_REMOVE_MANY, SEVERITY_NONE,
			    "the last of %u removals or more within a minute", REMOVALS_MANY);
}

static void judge_unknown(const struct call *call, struct verdict *verdict)
{
	/* Podman does not redirect where Docker does. */
	bool redirected = call->match.redirected && call->status / 100 == 3;

	if (!redirected && call->status != 404)
		verdict_add(verdict, FINDING_UNKNOWN_OPERATION, SEVERITY_NONE,
			    "callerd does not know this operation");
}

static struct kept *kept_anew(struct calls *calls)
{
	text_cut(&calls->kept.joins, 0);
	text_cut(&calls->kept.places, 0);
	calls->kept.more = false;
	return &calls->kept;
}

static void judge_contents(struct call *call, struct verdict *verdict)
{
	struct judging judging = judging_of(call, verdict);

	judging.kept = kept_anew(call->calls);

	if (call->match.route->judge)
		call->match.route->judge(&judging);
	judge_entry(&judging);
}

/* The same, which may have been done. */
static void take_judgement(struct call *call, struct verdict *verdict)
{
	if (!call->judged) {
		judge_contents(call, verdict);
		return;
	}
	*verdict = *call->judged;
	free(call->judged);
	call->judged = NULL;
}

/* A container of any watched engine; NULL: none has it. */
static const struct inventory_container *container_of(const struct calls *calls, struct bytes id)
{
	const struct inventory_container *container = NULL;

	for (unsigned int i = 0; id.size && !container && i < calls->options.socket_count; i++)
		container = inventory_container(calls->options.inventories[i], id);
	return container;
}

/* The owner of a rootless engine may name the cgroups of its containers: that is how it works. */
static bool is_own_engine(const struct caller *caller)
{
	return caller->has_node && caller->node_uid && caller->node_uid == caller->cgroup_owner;
}

#define SHOWN_MAX 128
/* The precision and the pointer of a bytes that is shown. */
#define SHOWN(bytes) (int)((bytes).size < SHOWN_MAX ? (bytes).size : SHOWN_MAX), (bytes).data ?: ""

/* What the caller wants to be taken for. */
static void judge_caller(const struct calls *calls, struct verdict *verdict,
			 const struct caller *caller)
{
	struct bytes claimed = caller_claimed_container_id(caller);
	const struct inventory_container *container = container_of(calls, claimed);

	if (caller->process.executable_exchanged)
		verdict_add(verdict, FINDING_EXECUTABLE_FORGED, SEVERITY_NONE,
			    "executed %.*s, pretends %.*s", SHOWN(caller->process.executable),
			    SHOWN(caller->executable_claimed));
	for (unsigned int i = 0; i < caller->ancestor_count; i++)
		if (caller->ancestors[i].executable_exchanged)
			verdict_add(verdict, FINDING_EXECUTABLE_FORGED, SEVERITY_NONE,
				    "an ancestor, process %u, executed %.*s and pretends another",
				    caller->ancestors[i].pid,
				    SHOWN(caller->ancestors[i].executable));
	if (!claimed.size || is_own_engine(caller))
		return;
	verdict_add(
		verdict, FINDING_CALLER_FORGED, container ? SEVERITY_HIGH : SEVERITY_LOW,
		"the cgroup is named after container %.12s, by user %u and not by an engine%s%.*s",
		claimed.data, caller->cgroup_owner, container ? ": " : "",
		container ? (int)container->name.size : 0,
		container ? container->name.data ?: "" : "");
}

/* What was asked may have been anything. */
static void judge_dark(const struct call *call, struct verdict *verdict)
{
	if (call->status < 400)
		verdict_add(verdict, FINDING_BODY_NOT_SEEN, SEVERITY_HIGH,
			    "the request was not seen");
}

/* Of a request that goes on, which may be still on its way: what is seen of it by now. VERDICT is empty. */
static void judge_begun(struct call *call, struct verdict *verdict, bool complete,
			const struct record *record)
{
	if (call->match.route && complete) {
		judge_contents(call, verdict);
		judge_operation(call, verdict, record);
		judge_completeness(call, verdict, complete, record);
	} else if (call->match.route) {
		judge_operation(call, verdict, record);
	}
	judge_oddities(call, verdict, record);
}

/* Whether it is in a PID namespace that is neither the host's nor callerd's. */
static bool is_foreign(const struct calls *calls, const struct caller *caller)
{
	return caller->pid_ns && caller->pid_ns != INITIAL_PID_NS &&
	       caller->pid_ns != calls->options.pid_ns;
}

/* That the caller is in a container, as far as that is certain; one within another has no proven id. */
static void judge_contained(const struct calls *calls, const struct route *route,
			    struct verdict *verdict, const struct record *record)
{
	const struct caller *caller = record->caller;
	struct bytes id = caller_container_id(caller);
	const struct inventory_container *container = container_of(calls, id);
	bool foreign = is_foreign(calls, caller);
	struct bytes name = id;

	if (!id.size && !(foreign && caller_may_be_contained(caller)))
		return;
	if (container && container->name.size)
		name = container->name;
	else if (id.size > SHORT_ID)
		name.size = SHORT_ID;
	verdict_add(verdict, FINDING_CALLED_FROM_CONTAINER,
		    route_reads(route, record->http.method) ? SEVERITY_LOW : SEVERITY_NONE,
		    "by a process in %s%.*s", name.size ? "container " : "a container",
		    (int)name.size, name.data ?: "");
}

/* The server of its socket, where it is not the usual one: what it answers may be anything. */
static const struct record_server *other_server(const struct call *call)
{
	const struct calls_options *options = &call->calls->options;

	return options->server ? options->server(options->data, call->socket) : NULL;
}

static void judge_server(struct verdict *verdict, const struct record_server *server)
{
	bool grave = server && (server->change == SERVER_OTHER_USER ||
				server->change == SERVER_OTHER_EXECUTABLE);

	if (server && server->change != SERVER_SAME)
		verdict_add(verdict, FINDING_SERVER_DIFFERS,
			    grave ? SEVERITY_CRITICAL : SEVERITY_HIGH,
			    "served by process %u of user %u, %.*s in %.*s, not by user %u, %.*s "
			    "in %.*s",
			    server->pid, server->uid, SHOWN(server->executable),
			    SHOWN(server->unit), server->usual_uid, SHOWN(server->usual_executable),
			    SHOWN(server->usual_unit));
}

/* VERDICT is empty. */
static void judge(struct call *call, struct verdict *verdict, bool complete,
		  const struct record *record)
{
	if (call->dark) {
		judge_dark(call, verdict);
	} else if (call->match.route) {
		take_judgement(call, verdict);
		judge_operation(call, verdict, record);
		judge_completeness(call, verdict, complete, record);
		judge_removal(call, verdict, record);
	} else {
		judge_unknown(call, verdict);
	}
	judge_oddities(call, verdict, record);
	if (record->caller) {
		judge_caller(call->calls, verdict, record->caller);
		judge_contained(call->calls, call->match.route, verdict, record);
	}
	judge_server(verdict, other_server(call));
	if (record->connector)
		verdict_add(verdict, FINDING_SENDER_DIFFERS, SEVERITY_NONE,
			    "another process than the one that connected");
}

/* What the policy makes of it. */
static void apply_policy(const struct calls *calls, struct verdict *verdict)
{
	const struct policy *policy = calls->options.policy;

	for (unsigned int i = 0; policy && i < verdict->finding_count; i++) {
		struct finding *finding = &verdict->findings[i];

		finding->severity = policy_severity(policy, finding->id, finding->severity);
	}
}

/* --- what it changed ------------------------------------------------------------------------------ */

static struct bytes answer_string(const struct call *call, const char *name)
{
	if (!call->answer || body_state(call->answer) != BODY_DONE)
		return (struct bytes){};
	return body_string(body_value(call->answer), name);
}

/* What an event will have: of a volume, that is its name. */
static struct bytes made_id(const struct call *call)
{
	struct bytes id = answer_string(call, "Id");

	return id.size ? id : answer_string(call, "Name");
}

/* The gravest first, as many as fit. */
static unsigned int copy_findings(struct finding *to, const struct verdict *verdict)
{
	unsigned int count = 0;

	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_INFO; severity--)
		for (unsigned int i = 0; i < verdict->finding_count; i++)
			if ((int)verdict->findings[i].severity == severity &&
			    count < INVENTORY_FINDINGS_MAX)
				to[count++] = verdict->findings[i];
	return count;
}

/* The gravest first; else as they are. */
static void sort_findings(struct finding *findings, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++) {
		struct finding finding = findings[i];
		unsigned int at = i;

		for (; at && findings[at - 1].severity < finding.severity; at--)
			findings[at] = findings[at - 1];
		findings[at] = finding;
	}
}

/* The findings of a verdict, as its record will have them. */
static void enter_findings(struct call *call, struct verdict *verdict)
{
	const struct policy *policy = call->calls->options.policy;
	struct finding findings[INVENTORY_FINDINGS_MAX];
	unsigned int count, kept = 0;

	if (!call->request)
		return;
	count = copy_findings(findings, verdict);
	for (unsigned int i = 0; i < count; i++) {
		if (policy)
			findings[i].severity =
				policy_severity(policy, findings[i].id, findings[i].severity);
		if (findings[i].severity != SEVERITY_NONE)
			findings[kept++] = findings[i];
	}
	sort_findings(findings, kept);
	ledger_request_set_findings(call->request, findings, kept);
}

/* Of what was judged last. */
static void take_kept(const struct calls *calls, struct inventory_container *container)
{
	container->joins = text_since(&calls->kept.joins, 0);
	container->places = text_since(&calls->kept.places, 0);
	container->more = calls->kept.more || calls->kept.joins.error || calls->kept.places.error;
}

static void learn_container(struct call *call, const struct verdict *verdict)
{
	struct calls *calls = call->calls;
	const struct value *body = taken_body(call);
	struct inventory_container container = {
		.id = answer_string(call, "Id"),
		.name = call->target.name,
		.image = body_string(body, "Image"),
		.user = body_string(body, "User"),
		.witnessed = body && body_state(call->body) == BODY_DONE &&
			     !(body_oddities(call->body) & (BODY_DROPPED | BODY_CUT)),
	};

	container.finding_count = copy_findings(container.findings, verdict);
	take_kept(calls, &container);
	if (inventory_put_container(call->inventory, &container))
		return;
	if (calls->options.created)
		calls->options.created(calls->options.data, call->socket, container.id);
}

static void learn_exec(struct call *call, const struct verdict *verdict)
{
	struct inventory_exec exec = {
		.id = answer_string(call, "Id"),
		.container_id = call->target.container_id.size ? call->target.container_id
							       : call->target.container_name,
	};
	struct text command = {0};

	facts_spell_exec(&command, taken_body(call));
	exec.command = !command.error ? text_since(&command, 0) : (struct bytes){0};
	exec.finding_count = copy_findings(exec.findings, verdict);
	inventory_put_exec(call->inventory, &exec);
	text_free(&command);
}

static void learn_volume(struct call *call)
{
	const struct value *body = taken_body(call);
	struct inventory_volume volume = {
		.name = answer_string(call, "Name"),
		.driver = body_string(body, "Driver"),
	};
	struct text path = {0};

	if (volumes_value_path(volume.driver, body_get(body, "DriverOpts"),
			       call->calls->options.files, &path))
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

static void learn_created(struct call *call)
{
	struct verdict *verdict = calloc(1, sizeof(*verdict));

	if (!verdict)
		return;
	judge_contents(call, verdict);
	enter_findings(call, verdict);
	if (call->match.route->learn == LEARN_CONTAINER)
		learn_container(call, verdict);
	else if (call->match.route->learn == LEARN_EXEC)
		learn_exec(call, verdict);
	else if (call->match.route->learn == LEARN_VOLUME)
		learn_volume(call);
	call->judged = verdict;
}

/* Whether an update changes how much memory there is, or is not seen whole. */
static bool changes_limits(const struct call *call, const struct value *body)
{
	static const char *const names[] = {"Memory", "MemorySwap", "MemoryReservation"};

	if (!body || body_state(call->body) != BODY_DONE)
		return true;
	for (size_t i = 0; i < COUNT(names); i++) {
		const struct value *limit = body_get(body, names[i]);

		if (limit && limit->number)
			return true;
	}
	return false;
}

static bool is_start(const struct call *call)
{
	return call->match.route->learn == LEARN_STARTED;
}

/* Events that it causes may be told before its record is: they refer to its findings. */
static void judge_early(struct call *call)
{
	const struct route *route = call->match.route;
	bool has_all = is_start(call) || !route->body; /* which may not be read to its end yet */

	if (call->judged || route->answer || !has_all || (!route->judge && !route->entry))
		return;
	call->judged = calloc(1, sizeof(*call->judged));
	if (!call->judged)
		return;
	judge_contents(call, call->judged);
	enter_findings(call, call->judged);
}

/* It has what it was given when it was created, and what its mounts and the containers that it joins are by now. */
static void learn_started(struct call *call)
{
	const struct inventory_container *container =
		inventory_container(call->inventory, call->target.id);
	struct finding findings[INVENTORY_FINDINGS_MAX];

	/* Of one that nobody looked at so far, somebody will. */
	if (container && inventory_container_judged(container))
		inventory_add_findings(call->inventory, call->target.id, findings,
				       copy_findings(findings, call->judged));
}

/* What the body says that events can be told by. */
static void enter_body(struct call *call)
{
	const struct value *body = taken_body(call);

	switch (call->match.route->enter) {
	case ENTER_CONTAINER:
		ledger_request_set_image(call->request, told(call, body_string(body, "Image")));
		call->request->auto_remove = body_true(body_get(body, "HostConfig"), "AutoRemove");
		break;
	case ENTER_LIMITS:
		call->request->limits = changes_limits(call, body);
		break;
	case ENTER_NAME:
		ledger_request_set_result(call->request, told(call, body_string(body, "Name")));
		break;
	case ENTER_CONNECTED:
		enter_connected(call, body);
		break;
	default:
		break;
	}
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

/* What the answer says was removed. */
static void enter_removed(struct call *call)
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

static void learn(struct call *call)
{
	if (call->learned || !call->match.route || !succeeded(call) || other_server(call))
		return;
	call->learned = true;
	resolve_again(call);
	enter_target(call);
	if (call->request || is_start(call))
		judge_early(call);
	if (call->match.route->answer)
		learn_created(call);
	switch (call->match.route->learn) {
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
	case LEARN_IMAGE_REMOVED: /* by a name: that name alone */
		inventory_remove_image(call->inventory, call->target.name);
		ask_for_lists(call);
		break;
	case LEARN_LISTS:
		ask_for_lists(call);
		break;
	default:
		break;
	}
}

/* That the caller runs in. */
static void put_container(const struct calls *calls, struct record *record)
{
	const struct inventory_container *container =
		container_of(calls, caller_container_id(record->caller));

	if (!container)
		return;
	record->container_name = container->name;
	record->container_image = container->image;
}

/* Whether the answer is to be read: what it makes or removed stands there. */
static bool open_answer(struct call *call)
{
	const struct route *route = call->match.route;

	if (call->dark && call->status == 201)
		return !body_new(&shape_created, ANSWER_MEMORY, NULL, &call->answer);
	if (!route || !succeeded(call))
		return false;
	if (route->answer)
		return !body_new(&shape_created, ANSWER_MEMORY, NULL, &call->answer);
	return route->removed && call->request && !call->uncertain &&
	       !body_new(route->removed, REMOVED_MEMORY, NULL, &call->answer);
}

static void sent(void *content, struct caller *caller)
{
	struct call *call = content;
	struct record record = {.caller = caller};

	if (!call->request || !caller)
		return;
	put_container(call->calls, &record);
	ledger_request_set_sender(call->request, caller, record.container_name,
				  record.container_image);
}

static void over(void *data, uint64_t connection, bool ended, uint64_t time)
{
	struct calls *calls = data;

	if (calls->options.ledger)
		ledger_over(calls->options.ledger, connection, ended, time);
}

/* What may not be the answer changes nothing, and it may have been another one. */
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

static bool answered(void *content, int status, bool complete, bool certain, uint64_t time)
{
	struct call *call = content;
	struct calls *calls = call->calls;
	bool awaited;

	if (!certain)
		return answered_uncertainly(call, status);
	call->status = status;
	call->gap |= !complete; /* who answered read it */
	if (calls->options.answered)
		calls->options.answered(calls->options.data, call->socket);
	follow_target(call, true);
	awaited = open_answer(call);
	if (call->request) {
		enter_body(call);
		ledger_request_answered(call->request, status, time);
	}
	if (!call->dark && (!awaited || !call->match.route->answer))
		learn(call);
	return awaited;
}

/* The engine knows what it is that may have been made here. */
static void ask_about_made(const struct call *call)
{
	const struct calls_options *options = &call->calls->options;
	struct bytes id = answer_string(call, "Id");

	if (idtree_is_id(id) && options->created)
		options->created(options->data, call->socket, id);
}

static void response(void *content, const char *bytes, size_t size)
{
	struct call *call = content;

	body_feed(call->answer, bytes, size);
	if (body_state(call->answer) != BODY_DONE)
		return;
	if (call->dark || call->uncertain) {
		ask_about_made(call);
		return;
	}
	if (call->match.route->removed) {
		enter_removed(call);
		return;
	}
	if (call->request)
		ledger_request_set_made(call->request, made_id(call));
	learn(call);
}

/* --- the record ----------------------------------------------------------------------------------- */

/* Where users have the processes that they start: what is there may be anything that they like. */
static bool is_of_user_session(const struct caller *caller)
{
	return bytes_begin(caller->cgroup, "/user.slice/");
}

/* A path proves nothing by itself, as the caller may have mounted what it likes: the host must have that very
 * file there. Where the kernel did not see what was executed, *RET_SEEN is false. */
static struct bytes proven_executable(const struct calls *calls, const struct caller *caller,
				      bool *ret_seen)
{
	const struct calls_options *options = &calls->options;
	const struct process *process = &caller->process;
	struct callerd_node_key file = {caller->executable_inode, caller->executable_device,
					caller->executable_generation};

	*ret_seen = caller->executable_known;
	if (process->executable_deleted || process->executable_exchanged ||
	    (!*ret_seen && is_of_user_session(caller)) || !options->is_program ||
	    !options->is_program(options->data, process->executable, &file))
		return (struct bytes){0};
	return process->executable;
}

static struct policy_call policy_call(const struct calls *calls, const struct record *record,
				      char user[128], char login[128])
{
	const struct record_context *context = calls->options.context;
	const struct caller *caller = record->caller;
	struct policy_call ret = {
		.uid = CALLERD_UNSET_ID,
		.login_uid = CALLERD_UNSET_ID,
		.container_image = record->container_image,
		.container_name = record->container_name,
		.operation = bytes_of(record->api.operation),
	};

	if (!caller)
		return ret;
	ret.uid = caller->process.euid;
	ret.login_uid = caller->login_uid;
	if (policy_has_executables(calls->options.policy))
		ret.executable = proven_executable(calls, caller, &ret.executable_seen);
	ret.unit = caller_unit(caller);
	ret.contained = caller_may_be_contained(caller);
	ret.foreign = caller->pid_ns != INITIAL_PID_NS && caller->pid_ns != calls->options.pid_ns;
	if (context && context->user_name && context->user_name(context->data, ret.uid, user, 128))
		ret.user = bytes_of(user);
	if (context && context->user_name && ret.login_uid != CALLERD_UNSET_ID &&
	    context->user_name(context->data, ret.login_uid, login, 128))
		ret.login_user = bytes_of(login);
	return ret;
}

static void add_technique(struct calls *calls, struct record_api *api, const char *technique)
{
	for (unsigned int i = 0; i < api->technique_count; i++)
		if (!strcmp(calls->techniques[i], technique))
			return;
	if (api->technique_count < TECHNIQUES_MAX)
		calls->techniques[api->technique_count++] = technique;
}

static void put_findings(struct calls *calls, struct record_api *api)
{
	struct verdict *verdict = &calls->verdict;

	apply_policy(calls, verdict);
	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_INFO; severity--) {
		for (unsigned int i = 0; i < verdict->finding_count; i++) {
			const struct finding *finding = &verdict->findings[i];
			const struct finding_kind *kind = finding_kind(finding->id);

			if ((int)finding->severity != severity)
				continue;
			calls->findings[api->finding_count++] = (struct record_finding){
				kind->id, finding_severity_name(finding->severity),
				finding->detail};
			if (kind->technique)
				add_technique(calls, api, kind->technique);
			if (!api->severity)
				api->severity = finding_severity_number(finding->severity);
		}
	}
	api->findings = calls->findings;
	api->techniques = calls->techniques;
}

void calls_describe_caller(struct calls *calls, struct record *record)
{
	const struct policy *policy = calls->options.policy;
	char user[128], login[128];
	struct policy_call call;

	if (record->action == RECORD_SOCKET_CONNECTED && record->server) {
		verdict_free(&calls->verdict);
		judge_server(&calls->verdict, record->server);
		put_findings(calls, &record->api);
	}
	if (!record->caller)
		return;
	put_container(calls, record);
	if (!policy)
		return;
	call = policy_call(calls, record, user, login);
	record->api.expected_rule = policy_expected(policy, &call);
}

static void put_target(struct call *call, struct record_api *api)
{
	const struct route *route = call->match.route;
	const struct value *body = taken_body(call);
	struct target *target = &call->target;

	if (route->answer && call->answer)
		target->id = keep(call, answer_string(call, "Id"));
	if (!target->name.size && !route->made && route->body && route->method[0] == 'P' &&
	    route->target != TARGET_CONTAINER)
		target->name = keep(call, body_string(body, "Name"));
	if (!target->name.size && route->learn == LEARN_VOLUME)
		target->name = keep(call, answer_string(call, "Name"));
	if (route->learn == LEARN_CONTAINER && call->body)
		target->image = keep(call, body_string(body, "Image"));
	api->target_type = route_target_name(target_type(route));
	api->target_id = told(call, target->id);
	api->target_name = told(call, target->name);
	api->target_image = told(call, target->image);
	api->container_id = told(call, target->container_id);
	api->container_name = told(call, target->container_name);
}

/* A container that is there, and not known: the answer that made it was read out of order, or lost. */
static void ask_about_target(const struct call *call)
{
	const struct calls_options *options = &call->calls->options;

	if (call->match.route->target == TARGET_CONTAINER && !is_create(call->match.route) &&
	    !call->resolved && call->target.name.size && succeeded(call) && options->created)
		options->created(options->data, call->socket, call->target.name);
}

static void describe(void *content, bool complete, struct record *record)
{
	struct call *call = content;
	struct calls *calls = call->calls;
	struct record_api *api = &record->api;

	verdict_free(&calls->verdict);
	api->engine = calls->options.engines ? calls->options.engines[call->socket] : "docker";
	record->request_id = event_id(call);
	if (record->action == RECORD_API_REQUEST)
		record->id = record->request_id;
	if (call->dark)
		api->target_id = told(call, made_id(call));
	if (call->match.route) {
		resolve_again(call);
		if (record->action == RECORD_API_REQUEST)
			ask_about_target(call);
		api->version = call->match.version;
		api->operation = operation_name(call->match.route->operation);
		api->activity = call->match.route->activity;
		put_target(call, api);
	}
	if (record->action == RECORD_API_ENDED) /* the rest was told with its answer */
		return;
	if (record->action == RECORD_API_STARTED)
		judge_begun(call, &calls->verdict, complete, record);
	else
		judge(call, &calls->verdict, complete, record);
	api->facts = calls->verdict.facts;
	api->fact_count = calls->verdict.fact_count;
	put_findings(calls, api);
	enter_findings(call, &calls->verdict);
}

static void written(void *content)
{
	struct call *call = content;

	body_free(call->body);
	call->body = NULL;
	count_body(call);
	body_free(call->answer);
	call->answer = NULL;
	ledger_request_end(call->request);
	call->request = NULL;
}

/* Of a request that is not HTTP as the daemon reads it, or another protocol. */
static void describe_unread(void *data, struct record *record)
{
	struct calls *calls = data;

	verdict_free(&calls->verdict);
	verdict_add(&calls->verdict, FINDING_PROTOCOL_ANOMALY, SEVERITY_NONE, "%s",
		    record->http.parse_error ?: "its head was not seen");
	if (record->http.status < 300)
		verdict_add(&calls->verdict, FINDING_BODY_NOT_SEEN, SEVERITY_HIGH,
			    "what was asked for is not understood");
	put_findings(calls, &record->api);
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
		.begin = begin,
		.request = request,
		.request_gap = request_gap,
		.sent = sent,
		.answered = answered,
		.response = response,
		.describe = describe,
		.written = written,
		.describe_unread = describe_unread,
		.over = over,
		.memory = memory,
		.end = end,
	};
	*ret = calls;
	return 0;
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

void calls_judge_inspected(struct calls *calls, unsigned int socket, const struct value *inspect,
			   struct inventory_container *ret)
{
	struct verdict *verdict = &calls->verdict;
	struct judging judging = {
		.inventory = calls->options.inventories[socket],
		.files = calls->options.files,
		.verdict = verdict,
		.kept = kept_anew(calls),
	};
	const struct value *config = body_get(inspect, "Config");

	verdict_free(verdict);
	judge_inspected(&judging, inspect);
	ret->image = body_string(config, "Image");
	ret->user = body_string(config, "User");
	ret->finding_count = copy_findings(ret->findings, verdict);
	take_kept(calls, ret);
}
