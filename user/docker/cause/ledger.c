// SPDX-License-Identifier: Apache-2.0
#include "docker/cause/ledger.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/idtree.h"
#include "base/table.h"
#include "docker/api/route.h"
#include "docker/known/reference.h"

#define POOL_BLOCK 256
#define KEPT (60 * NS_PER_S) /* that a request is kept after it was over: events may be told late */
#define LOST_AROUND (5 * NS_PER_S)
#define AT_ONCE                                                                                    \
	(5 * NS_PER_S) /* from the response's head on, where the event comes right after it */
#define SILENT_GOES_ON                                                                             \
	(15 * NS_PER_S) /* the engine does what was asked, though nobody listens any more */
#define STATUS_NOT_MODIFIED 304
#define STATUS_NOT_FOUND 404
#define STATUS_CONFLICT 409

/* The requests on one connection that are not over. */
struct on_connection {
	UT_hash_handle hh;
	uint64_t id;
	struct request *requests;
};

/* --- the list --------------------------------------------------------------------------------- */

static void ledger_unref(struct request *request)
{
	if (--request->references)
		return;
	caller_unref(request->caller);
	caller_unref(request->behind);
	caller_unref((struct caller *)request->relayed.caller);
	origin_unref(request->origin);
	pool_free(&request->pool);
	free(request);
}

static void forget_connection(struct ledger *ledger, struct on_connection *on)
{
	HASH_DEL(ledger->connections, on);
	free(on);
}

static struct on_connection *find_connection(const struct ledger *ledger, uint64_t id)
{
	struct on_connection *on;

	HASH_FIND(hh, ledger->connections, &id, sizeof(id), on);
	return on;
}

static void leave_connection(struct ledger *ledger, struct request *request)
{
	struct on_connection *on = find_connection(ledger, request->connection);
	struct request **link;

	if (!on)
		return;
	for (link = &on->requests; *link; link = &(*link)->next_on_connection) {
		if (*link != request)
			continue;
		*link = request->next_on_connection;
		break;
	}
	if (!on->requests)
		forget_connection(ledger, on);
}

static void ledger_drop(struct ledger *ledger, struct request *request)
{
	leave_connection(ledger, request);
	*(request->newer ? &request->newer->older : &ledger->newest) = request->older;
	*(request->older ? &request->older->newer : &ledger->oldest) = request->newer;
	ledger->count--;
	ledger_unref(request);
}

static void be_ignorant(struct ledger *ledger, uint64_t until)
{
	if (until > ledger->ignorant)
		ledger->ignorant = until;
}

/* Drops the oldest request that is over; where none is over, the oldest. */
static void ledger_make_room(struct ledger *ledger, uint64_t now)
{
	struct request *victim = ledger->oldest;

	while (victim && !victim->over)
		victim = victim->newer;
	victim = victim ?: ledger->oldest;
	if (!victim)
		return;
	be_ignorant(ledger, victim->over ? victim->over + SLACK : now + KEPT);
	ledger_drop(ledger, victim);
}

static bool enter_connection(struct ledger *ledger, struct request *request)
{
	struct on_connection *on = find_connection(ledger, request->connection);

	if (!on) {
		on = calloc(1, sizeof(*on));
		if (!on)
			return false;
		on->id = request->connection;
		HASH_ADD(hh, ledger->connections, id, sizeof(on->id), on);
		if (!on->hh.tbl) {
			free(on);
			return false;
		}
	}
	request->next_on_connection = on->requests;
	on->requests = request;
	return true;
}

struct request *ledger_begin(struct ledger *ledger, unsigned int socket, uint64_t connection,
			     uint64_t time, enum operation operation, struct bytes event_id)
{
	struct request *request;

	if (!effect_has_cause(operation))
		return NULL;
	if (ledger->count >= LEDGER_MAX)
		ledger_make_room(ledger, time);
	request = calloc(1, sizeof(*request));
	if (!request) {
		be_ignorant(ledger, time + KEPT);
		return NULL;
	}
	request->references = 2;
	request->pool.block = POOL_BLOCK;
	request->socket = socket;
	request->connection = connection;
	request->started = time;
	request->operation = operation;
	request->event_id = pool_copy(&request->pool, event_id);
	request->older = ledger->newest;
	*(ledger->newest ? &ledger->newest->newer : &ledger->oldest) = request;
	ledger->newest = request;
	ledger->count++;
	if (!enter_connection(ledger, request))
		be_ignorant(ledger, time + KEPT); /* the end of this request will not be noticed */
	return request;
}

void ledger_over(struct ledger *ledger, uint64_t connection, bool ended, uint64_t time)
{
	struct on_connection *on = find_connection(ledger, connection);
	struct request **link = on ? &on->requests : NULL;

	while (link && *link) {
		struct request *request = *link;

		request->silent |= ended && !request->answered;
		if (!request->answered && !request->silent) { /* its response is to follow */
			link = &request->next_on_connection;
			continue;
		}
		request->over = time;
		*link = request->next_on_connection;
	}
	if (on && !on->requests)
		forget_connection(ledger, on);
}

void ledger_lost(struct ledger *ledger, uint64_t time)
{
	if (!ledger->lost || time > ledger->lost + KEPT)
		ledger->lost_first = time;
	ledger->lost = time;
}

void ledger_know_since(struct ledger *ledger, uint64_t time)
{
	if (!ledger->newest) /* else some may have been dropped already */
		ledger->ignorant = time;
}

void ledger_run(struct ledger *ledger, uint64_t now)
{
	struct request *request = ledger->oldest, *newer;

	/* A request that goes on for long, as an attach does, does not keep others here. */
	for (; request && request->started + KEPT < now; request = newer) {
		newer = request->newer;
		if (!request->over || request->over + KEPT >= now)
			continue;
		be_ignorant(ledger, request->over + SLACK);
		ledger_drop(ledger, request);
	}
}

void ledger_clear(struct ledger *ledger)
{
	while (ledger->oldest) /* NOLINTNEXTLINE: the analyzer loses track of the list */
		ledger_drop(ledger, ledger->oldest);
}

bool ledger_knows(const struct ledger *ledger, uint64_t time)
{
	if (time <= ledger->ignorant)
		return false;
	return !ledger->lost || time > ledger->lost + LOST_AROUND ||
	       time + LOST_AROUND < ledger->lost_first;
}

/* --- one of them ------------------------------------------------------------------------------ */

static bool ledger_same(struct bytes a, struct bytes b)
{
	return a.size && bytes_equal(a, b);
}

static struct bytes ledger_keep(struct request *request, struct bytes bytes)
{
	return bytes.size ? pool_copy(&request->pool, bytes) : (struct bytes){};
}

void ledger_request_set(struct request *request, struct bytes *field, struct bytes bytes)
{
	if (!bytes_equal(*field, bytes)) /* most is told twice */
		*field = ledger_keep(request, bytes);
}

void ledger_request_set_target(struct request *request, struct bytes id, struct bytes name,
			       struct bytes container)
{
	ledger_request_set(request, &request->id, id);
	ledger_request_set(request, &request->name, name);
	ledger_request_set(request, &request->container, container);
}

void ledger_request_set_removed(struct request *request, unsigned int count, bool all)
{
	request->removed_count = 0;
	request->removed = pool_take(&request->pool, (count + 1) * sizeof(*request->removed));
	request->removed_known = request->removed && all;
}

void ledger_request_add_removed(struct request *request, struct bytes id)
{
	if (request->removed)
		request->removed[request->removed_count++] = ledger_keep(request, id);
	request->removed_known &= !request->pool.failed;
}

void ledger_request_set_sender(struct request *request, struct caller *caller,
			       struct bytes container_name, struct bytes container_image)
{
	caller_unref(request->caller);
	request->caller = caller_ref(caller);
	ledger_request_set(request, &request->container_name, container_name);
	ledger_request_set(request, &request->container_image, container_image);
	request->sent = true;
}

void ledger_request_set_behind(struct request *request, struct caller *behind,
			       struct bytes behind_id)
{
	caller_ref(behind);
	caller_unref(request->behind);
	request->behind = behind;
	ledger_request_set(request, &request->behind_id, behind_id);
	if (request->origin && behind) /* made before that was known */
		request->origin = origin_unref(request->origin);
}

void ledger_request_set_relayed(struct request *request, const struct record_relayed *relayed)
{
	caller_ref((struct caller *)relayed->caller);
	caller_unref((struct caller *)request->relayed.caller);
	request->relayed = *relayed;
	if (request->origin) /* made before that was known */
		request->origin = origin_unref(request->origin);
}

void ledger_request_set_findings(struct request *request, const struct finding *findings,
				 unsigned int count)
{
	request->finding_count = 0;
	for (unsigned int i = 0; i < count && i < INVENTORY_FINDINGS_MAX; i++) {
		request->findings[i] = findings[i];
		request->findings[i].detail = ledger_keep(request, findings[i].detail);
		request->finding_count++;
	}
	if (request->origin && count) /* made before the findings were known */
		request->origin = origin_unref(request->origin);
}

void ledger_request_answered(struct request *request, int status, uint64_t time)
{
	request->status = status;
	if (status)
		request->answered = time;
	else
		request->silent = true;
}

void ledger_request_end(struct request *request)
{
	if (!request)
		return;
	if (!request->status)
		request->silent = true;
	ledger_unref(request);
}

void ledger_renamed(struct ledger *ledger, unsigned int socket, struct bytes name, struct bytes id,
		    uint64_t time)
{
	for (struct request *request = ledger->newest; request; request = request->older) {
		bool of_container = route_of(request->operation)->target == TARGET_CONTAINER;

		if (request->socket == socket && request->started < time && !request->over &&
		    of_container && !request->named_late && !request->id.size &&
		    ledger_same(request->name, name))
			request->id = ledger_keep(request, id);
	}
}

struct origin *ledger_origin(const struct ledger *ledger, struct request *request)
{
	struct origin draft = {
		.caller = request->caller,
		.time = record_time(ledger->context, request->started),
		.event_id = request->event_id,
		.operation = request->operation,
		.socket = bytes_of(ledger->sockets[request->socket]),
		.container_name = request->container_name,
		.container_image = request->container_image,
		.expected_rule = request->expected_rule,
		.behind = request->behind,
		.behind_id = request->behind_id,
		.relayed = request->relayed,
	};

	if (!request->origin || (!request->origin->caller && request->caller)) {
		origin_unref(request->origin);
		request->origin = origin_new(&draft, request->findings, request->finding_count);
	}
	return request->origin;
}

bool ledger_signal_is_harmless(int signal)
{
	return signal == SIGCONT || signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH;
}

/* --- matching --------------------------------------------------------------------------------- */

/* Whether the request was under way at TIME, give or take SLACK. */
static bool is_within(const struct request *request, const struct effect_cause *cause,
		      uint64_t time, uint64_t slack)
{
	if (time + slack < request->started)
		return false;
	if (request->silent)
		return !request->over || time < request->over + SILENT_GOES_ON;
	if (cause->late == AFTER && request->answered)
		return time <= request->answered + AT_ONCE;
	if (cause->late == SOON && request->answered && time > request->answered + AT_ONCE)
		return false;
	if (cause->late || !request->answered)
		return !request->over || time <= request->over + slack;
	return time <= request->answered + slack;
}

/* Whether the engine said that there was nothing to do. */
static bool did_nothing(const struct request *request, const struct effect_cause *cause)
{
	switch (request->status) {
	case STATUS_NOT_MODIFIED:
	case STATUS_CONFLICT:
		return true;
	case STATUS_NOT_FOUND:
		return !cause->looks;
	default:
		return request->status >= STATUS_ERROR && cause->key == KEY_MADE;
	}
}

/* As ledger_same(), of ids with or without sha256:. */
static bool same_id(struct bytes a, struct bytes b)
{
	return ledger_same(reference_bare_id(a), reference_bare_id(b));
}

static bool begins_id(struct bytes id, struct bytes beginning)
{
	return beginning.size && idtree_is_id(id) && beginning.size < id.size &&
	       !memcmp(id.data, beginning.data, beginning.size);
}

/* Podman's events of secrets have their ids alone, which the request's name does not tell. */
static bool is_nameless(const struct request *request, const struct engine_event *event)
{
	return event->kind == ENGINE_SECRET && !event->name.size && !request->id.size;
}

/* Whether the request acts on the object with this ID and NAME. */
static enum match match_object(const struct request *request, struct bytes id, struct bytes name,
			       enum cause_basis *ret_basis)
{
	*ret_basis = BASIS_ID;
	if (request->id.size)
		return same_id(request->id, id) ? MATCH : MATCH_NONE;
	if (same_id(request->name, id)) /* volumes and plugins have no other */
		return MATCH;
	*ret_basis = BASIS_NAME;
	if (ledger_same(request->name, name) || begins_id(id, request->name))
		return MATCH;
	return MATCH_NONE;
}

/* The name of a volume is its id. */
static struct bytes name_of(const struct engine_event *event)
{
	return event->kind == ENGINE_VOLUME ? event->id : event->name;
}

/* Whether the request names another object as its result. */
static bool has_other_result(const struct request *request, const struct engine_event *event)
{
	struct bytes name = name_of(event);

	return request->result.size && name.size && !ledger_same(request->result, name) &&
	       !ledger_same(request->result, event->id) && !reference_equal(request->result, name);
}

static enum match match_target(const struct request *request, const struct engine_event *event,
			       enum cause_basis *ret_basis)
{
	enum match match;

	if (has_other_result(request, event))
		return MATCH_NONE;
	match = match_object(request, event->id, event->name, ret_basis);
	if (match == MATCH_NONE && is_nameless(request, event)) {
		*ret_basis = BASIS_TIME;
		return MATCH_PERHAPS;
	}
	if (match == MATCH_NONE && !request->id.size && request->result.size && event->name.size)
		return MATCH; /* it has its new name already */
	if (match == MATCH_NONE || !event->container.size)
		return match;
	if (request->container.size)
		return ledger_same(request->container, event->container) ? MATCH : MATCH_NONE;
	*ret_basis = BASIS_TIME; /* of which container it is, is not known */
	return MATCH_PERHAPS;
}

static enum match match_made(const struct request *request, const struct engine_event *event,
			     enum cause_basis *ret_basis)
{
	bool is_exec = event->act == ACTION_EXEC_CREATE;
	struct bytes made = is_exec ? event->exec_id : event->id;
	enum cause_basis basis;

	if (is_exec && match_object(request, event->id, event->name, &basis) == MATCH_NONE)
		return MATCH_NONE;
	*ret_basis = BASIS_ID;
	if (request->made.size && made.size)
		return same_id(request->made, made) ? MATCH : MATCH_NONE;
	if (has_other_result(request, event))
		return MATCH_NONE;
	if (request->image.size && event->image.size && !ledger_same(request->image, event->image))
		return MATCH_NONE;
	*ret_basis = ledger_same(request->result, name_of(event)) ? BASIS_NAME : BASIS_TIME;
	return MATCH_PERHAPS;
}

/* The engine tells neither the id of what it failed to make, nor its creation, but its end. */
static enum match match_unmade(const struct request *request, const struct engine_event *event,
			       enum cause_basis *ret_basis)
{
	if (!request->result.size || !ledger_same(request->result, event->name))
		return MATCH_NONE;
	*ret_basis = BASIS_NAME;
	return MATCH;
}

/* The answer has the names that an image lost, the event has the image's id: which id the request's name meant need not
 * be known. */
static bool may_be_name(struct bytes removed, const struct request *request,
			const struct engine_event *event)
{
	return event->kind == ENGINE_IMAGE && event->act == ACTION_UNTAG && !request->id.size &&
	       !idtree_is_id(reference_bare_id(removed));
}

static enum match match_removed(const struct request *request, const struct engine_event *event,
				enum cause_basis *ret_basis)
{
	bool perhaps = !request->removed_known;

	*ret_basis = BASIS_ID;
	if (request->id.size && same_id(request->id, event->id))
		return MATCH;
	for (unsigned int i = 0; i < request->removed_count; i++) {
		if (same_id(request->removed[i], event->id) ||
		    ledger_same(request->removed[i], event->name))
			return MATCH;
		perhaps |= may_be_name(request->removed[i], request, event);
	}
	*ret_basis = BASIS_TIME;
	return perhaps ? MATCH_PERHAPS : MATCH_NONE;
}

static enum match match_exec(const struct request *request, const struct engine_event *event,
			     enum cause_basis *ret_basis)
{
	if (request->container.size && !ledger_same(request->container, event->id))
		return MATCH_NONE;
	*ret_basis = BASIS_ID;
	if (event->exec_id.size)
		return ledger_same(request->id, event->exec_id) ? MATCH : MATCH_NONE;
	*ret_basis = BASIS_TIME; /* a label hides which one */
	return MATCH_PERHAPS;
}

static enum match match_reference(const struct request *request, const struct engine_event *event,
				  enum cause_basis *ret_basis)
{
	struct bytes name = request->result.size ? request->result : request->name;

	*ret_basis = BASIS_NAME;
	if (same_id(request->id, event->id))
		return MATCH;
	/* Podman says localhost/ of a name without a registry. */
	if (request->operation == OPERATION_ImageUntagLibpod &&
	    bytes_begin(event->name, "localhost/") &&
	    reference_equal(name, bytes_from(event->name, strlen("localhost/"))))
		return MATCH;
	/* A build may give several names. */
	while (name.size) {
		const char *comma = memchr(name.data, ',', name.size);
		struct bytes one = {name.data, comma ? (size_t)(comma - name.data) : name.size};

		if (reference_equal(one, event->id) || reference_equal(one, event->name))
			return MATCH;
		name = bytes_from(name, one.size + (comma != NULL));
	}
	return MATCH_NONE;
}

static enum match match_key(const struct request *request, enum effect_key key,
			    const struct engine_event *event, const struct origin *creator,
			    struct bytes container, enum cause_basis *ret_basis)
{
	switch (key) {
	case KEY_TARGET:
		return match_target(request, event, ret_basis);
	case KEY_CONTAINER:
		return match_object(request, event->container, container, ret_basis);
	case KEY_MADE:
		return match_made(request, event, ret_basis);
	case KEY_UNMADE:
		return match_unmade(request, event, ret_basis);
	case KEY_REMOVED:
		return match_removed(request, event, ret_basis);
	case KEY_EXEC:
		return match_exec(request, event, ret_basis);
	case KEY_REFERENCE:
		return match_reference(request, event, ret_basis);
	case KEY_OWN:
		*ret_basis = BASIS_ID;
		return creator && ledger_same(request->event_id, creator->event_id) ? MATCH
										    : MATCH_NONE;
	case KEY_STEP:
		*ret_basis = BASIS_TIME;
		return !request->volumeless && bytes_begin(event->image, REFERENCE_DIGEST)
			       ? MATCH_PERHAPS
			       : MATCH_NONE;
	case KEY_VOLUMES:
		*ret_basis = BASIS_TIME;
		return request->volumeless ? MATCH_NONE : MATCH_PERHAPS;
	case KEY_TIME:
		*ret_basis = BASIS_TIME;
		return MATCH_PERHAPS;
	}
	return MATCH_NONE;
}

/* Whether the signals that the request sends may have caused the event. */
static bool may_signal(const struct request *request, const struct effect_cause *cause,
		       const struct engine_event *event)
{
	char number[12];

	if (!request->signal)
		return true;
	if (event->act == ACTION_KILL && event->signal.size) {
		snprintf(number, sizeof(number), "%d", request->signal);
		return bytes_equal(event->signal, bytes_of(number));
	}
	if (!cause->signals || request->signal == SIGKILL)
		return true;
	return !ledger_signal_is_harmless(request->signal) &&
	       !(event->has_exit_code && !ledger_event_survived_sigkill(event));
}

enum match ledger_request_match(const struct request *request, const struct effect_cause *cause,
				const struct engine_event *event, uint64_t time, uint64_t slack,
				const struct origin *creator, struct bytes container,
				enum cause_basis *ret_basis)
{
	enum match match;

	if (cause->kills && ledger_event_survived_sigkill(event))
		return MATCH_NONE;
	if (!may_signal(request, cause, event))
		return MATCH_NONE;
	if (!effect_is_cause(cause, request->operation) || !is_within(request, cause, time, slack))
		return MATCH_NONE;
	match = match_key(request, cause->key, event, creator, container, ret_basis);
	if (match != MATCH_NONE && did_nothing(request, cause))
		return MATCH_BARREN;
	if (match != MATCH || !cause->failed || request->status >= STATUS_ERROR)
		return match;
	if (request->answered)
		return MATCH_NONE;
	*ret_basis = BASIS_TIME; /* how it ends is not known */
	return MATCH_PERHAPS;
}
