// SPDX-License-Identifier: Apache-2.0
#include "docker/causes.h"

#include <errno.h>
#include <stdlib.h>

#include "docker/owners.h"
#include "record/clock.h"

#define WAITING_MAX 65536
#define STATUS_ERROR 400
#define SECOND 1000000000ull
#define RESTARTED_WITHIN                                                                           \
	(90 * SECOND) /* engines wait for up to a minute before they start it again */
#define SETTLED_WITHIN (10 * SECOND) /* what an end brings with it comes right after it */
#define RECOVERY_WAIT 2000000000ull  /* what the engine tells after all comes first */

/* An event that is not told yet. */
struct waiting {
	struct waiting *next;
	struct engine_event *event; /* owned */
	uint64_t arrived, time;	    /* ns of CLOCK_BOOTTIME */
	bool recovered, asked, purged;
};

struct queue {
	struct waiting *first, **end;
};

struct engine_side {
	const char *name;
	bool swarm;
	struct owners owners;
	struct queue told, recovered;
	uint64_t position; /* ns of CLOCK_REALTIME, of the last event told; 0: none */
	bool gap;	   /* events may have been missed, and not everything was looked at since */
	uint64_t gap_since; /* ns of CLOCK_REALTIME */
	unsigned int generation;
	uint64_t auto_removal; /* ns of CLOCK_REALTIME: when one that goes by itself ended last */
};

struct causes {
	struct causes_options options;
	struct ledger ledger;
	struct engine_side *engines;
	struct causes_stats stats;
	int64_t clock; /* ns to add to the requests' clock for the engines' */
};

/* What an event goes back to. */
struct cause {
	enum cause_kind kind;
	enum cause_basis basis;
	enum cause_reason reason;
	struct origin *origin; /* borrowed */
	const struct request *request;
};

/* One request of a sort, if there is but one. */
struct only {
	struct request *request;
	const struct effect_cause *cause;
	enum cause_basis basis;
	bool several, mixed; /* there are others; of another sort */
};

/* What may be the cause of an event. */
struct candidates {
	struct only done;    /* these fit, and succeeded */
	struct only open;    /* these fit, and are under way */
	struct only failed;  /* these fit, and failed, which may have effects, too */
	struct only perhaps; /* these may fit */
	bool unresolved;     /* and more will be known of them */
};

enum verdict_state { DECIDED, WAIT };

/* --- looking for the request ------------------------------------------------------------------ */

/* Who gave it its name comes before who was only under way. */
static void add(struct only *only, const struct only *one)
{
	bool several = only->request, timed = only->basis == BASIS_TIME;
	bool mixed = only->mixed || (several && only->cause != one->cause);

	if (several && !mixed && timed != (one->basis == BASIS_TIME)) {
		if (!timed)
			return;
		several = false;
	}
	*only = *one;
	only->several = several;
	only->mixed = mixed;
}

static bool is_telling(const struct effect_cause *cause)
{
	return cause->key == KEY_MADE || cause->key == KEY_REMOVED || cause->failed;
}

static void add_candidate(struct candidates *candidates, enum match match, const struct only *one)
{
	const struct request *request = one->request;

	if (match == MATCH_PERHAPS) {
		add(&candidates->perhaps, one);
		candidates->unresolved |=
			is_telling(one->cause) && !request->silent && !request->over;
	} else if (request->status >= STATUS_ERROR) {
		add(&candidates->failed, one);
	} else {
		add(request->answered ? &candidates->done : &candidates->open, one);
	}
}

/* TIME as the requests have it. */
static uint64_t boot_of(const struct causes *causes, uint64_t real, uint64_t now)
{
	uint64_t ahead = (uint64_t)causes->clock;

	if (!real)
		return now;
	return real > ahead ? real - ahead : 0;
}

static bool is_of(const struct origin *origin, const struct request *request)
{
	return origin && bytes_equal(origin->event_id, request->event_id);
}

/* Whether it cannot have been REQUEST, for what else is known. */
static bool is_ruled_out(const struct causes *causes, const struct effect *effect,
			 const struct effect_cause *cause, const struct waiting *waiting,
			 const struct owner *owner, const struct request *request)
{
	if (request->status >= STATUS_ERROR && !effect->partly && !cause->failed)
		return true;
	/* Removals, too, are under way when what they wait for ends by itself. */
	return cause->signals && !waiting->recovered &&
	       !strcmp(causes->engines[request->socket].name, "docker") &&
	       !(owner && is_of(owner->signaller, request));
}

/* Where and when an event is looked for. */
struct search {
	const struct causes *causes;
	unsigned int socket;
	const struct effect *effect;
	const struct waiting *waiting;
	const struct owner *owner; /* of the event; NULL: not known */
	uint64_t slack;
};

/* Adds REQUEST if it may be the cause. Returns whether it has to do with the event at all. */
static bool try_request(const struct search *search, struct request *request,
			struct candidates *ret)
{
	const struct owner *owner = search->owner;
	const struct effect_cause *cause = search->effect->causes;

	for (; cause->operation; cause++) {
		struct only one = {.request = request, .cause = cause};
		enum match match =
			request_match(request, cause, search->waiting->event, search->waiting->time,
				      search->slack, owner ? owner->creator : NULL,
				      bytes_of(owner ? owner->name : NULL), &one.basis);

		if (match == MATCH_NONE)
			continue;
		if (match == MATCH_BARREN || is_ruled_out(search->causes, search->effect, cause,
							  search->waiting, owner, request))
			return true;
		if (owner && cause->key == KEY_OWN)
			one.basis = owner->creator_basis;
		add_candidate(ret, match, &one);
		return true;
	}
	return false;
}

static bool search_requests(const struct search *search, struct candidates *ret)
{
	bool found = false;

	for (struct request *request = search->causes->ledger.newest; request;
	     request = request->older)
		if (request->socket == search->socket && request->consumed != search->effect)
			found |= try_request(search, request, ret);
	return found;
}

/* Those that were under way at the very moment; only if there is none, as far as the clocks go, those next to it. */
static void find_candidates(const struct causes *causes, unsigned int socket,
			    const struct effect *effect, const struct waiting *waiting,
			    const struct owner *owner, struct candidates *ret)
{
	struct search search = {causes, socket, effect, waiting, owner, 0};

	if (search_requests(&search, ret))
		return;
	search.slack = SLACK;
	search_requests(&search, ret);
}

/* The only one that it can have been. NULL: there is none; *RET_DOUBT: since that is not certain. KNOWS: no request
 * is missing. OPEN_COUNTS: also one that may be answered with nothing having been done. */
static const struct only *choose(const struct candidates *candidates, bool knows, bool open_counts,
				 bool *ret_doubt)
{
	const struct only *done = &candidates->done, *open = &candidates->open;
	const struct only *failed = &candidates->failed, *perhaps = &candidates->perhaps;

	*ret_doubt = false;
	if (done->request || open->request) {
		const struct only *only = done->request ? done : open;

		*ret_doubt = only->several || (done->request && open->request) || failed->request ||
			     (only == open && (!open_counts || perhaps->request));
		return *ret_doubt ? NULL : only;
	}
	if (failed->request && !failed->several && !perhaps->request)
		return failed;
	if (failed->request || perhaps->several || (perhaps->request && !knows)) {
		*ret_doubt = true;
		return NULL;
	}
	return perhaps->request ? perhaps : NULL;
}

/* Whether the answers to come may say more. */
static bool may_become_clear(const struct candidates *candidates)
{
	return candidates->open.request || (!candidates->done.request && candidates->unresolved);
}

/* --- where no request is -------------------------------------------------------------------------- */

static bool is(struct bytes text, const char *word)
{
	return bytes_equal(text, bytes_of(word));
}

static bool is_container(const struct engine_event *event)
{
	return is(event->type, "container");
}

/* The container that it is about, or of. */
static struct owner *owner_of(const struct engine_side *engine, const struct engine_event *event)
{
	return owners_find(&engine->owners, is_container(event) ? event->id : event->container);
}

/* Asks the engine, once, for what is to be known of it. Returns whether to wait for that. */
static bool ask(const struct causes *causes, unsigned int socket, struct waiting *waiting)
{
	const struct engine_event *event = waiting->event;
	struct bytes id = is_container(event) ? event->id : event->container;

	if (!causes->options.inspect || !id_valid(id))
		return false;
	if (!waiting->asked)
		causes->options.inspect(causes->options.inspect_data, socket, id);
	waiting->asked = true;
	return true;
}

/* Whether starts of it may have been missed. */
static bool is_doubtful(const struct engine_side *engine, const struct owner *owner)
{
	return engine->gap && owner->generation != engine->generation;
}

static bool inherit(struct cause *cause, struct origin *origin, enum cause_basis basis)
{
	if (!origin)
		return false;
	*cause = (struct cause){CAUSE_INHERITED, basis, REASON_NONE, origin, NULL};
	return true;
}

static bool by_daemon(struct cause *cause, enum cause_reason reason)
{
	*cause = (struct cause){CAUSE_DAEMON, BASIS_NONE, reason, NULL, NULL};
	return true;
}

/* Whether its end has just brought EVENT with it. */
static bool is_end(const struct owner *owner, const struct engine_event *event)
{
	return owner->state == OWNER_ENDED && !owner->reconnected &&
	       event->time <= owner->died + SETTLED_WITHIN;
}

/* Returns whether it is somebody's. */
static bool find_heir(const struct engine_side *engine, enum effect_heir heir,
		      const struct engine_event *event, struct cause *ret)
{
	const struct owner *owner = owner_of(engine, event);
	const struct owner_exec *exec;

	switch (heir) {
	case HEIR_STARTER:
		return owner && owner->starter_known && !is_doubtful(engine, owner) &&
		       (is_container(event) || is_end(owner, event)) &&
		       inherit(ret, owner->starter, owner->starter_basis);
	case HEIR_CREATOR:
		/* Who killed it unseen may have removed it as well. */
		return owner && owner->auto_remove && owner->state == OWNER_ENDED &&
		       !owner->killer.several && inherit(ret, owner->creator, owner->creator_basis);
	case HEIR_EXEC:
		exec = owners_find_exec(&engine->owners, event->exec_id);
		if (exec && exec->health_check)
			return by_daemon(ret, REASON_HEALTH_CHECK);
		return exec && inherit(ret, exec->starter, exec->starter_basis);
	case HEIR_NONE:
		break;
	}
	return false;
}

static bool is_start(const struct engine_event *event)
{
	if (is_container(event))
		return is(event->action, "start") || is(event->action, "init");
	return is(event->action, "connect") || is(event->action, "mount");
}

static bool is_exec(const struct engine_event *event)
{
	return bytes_begin(event->action, "exec");
}

/* Whether the engine starts it by itself now. */
static bool is_restarted(const struct engine_side *engine, const struct owner *owner,
			 const struct waiting *waiting)
{
	if (!owner->inspected || !owner->restarts)
		return false;
	if (engine->gap && owner->restarts_always) /* it was started anew itself */
		return owner->state != OWNER_CREATED;
	if (owner->state == OWNER_ENDED)
		return !owner->stopped && (owner->restarts_always || owner->failed) &&
		       (engine->gap || waiting->recovered ||
			waiting->event->time <= owner->died + RESTARTED_WITHIN);
	/* It may have ended while nobody looked, together with the engine. */
	return engine->gap && owner->state != OWNER_CREATED;
}

static bool is_health_check(const struct engine_side *engine, const struct owner *owner,
			    const struct engine_event *event)
{
	const struct owner_exec *exec = owners_find_exec(&engine->owners, event->exec_id);

	if (exec)
		return exec->health_check;
	return event->command_hash && owner->health_hash == event->command_hash;
}

/* Returns whether the engine did it by itself; there is proof of that, not only nobody else. */
static bool find_daemon(const struct engine_side *engine, const struct waiting *waiting,
			struct cause *ret)
{
	const struct engine_event *event = waiting->event;
	const struct owner *owner = owner_of(engine, event);

	if (is_container(event) && is(event->action, "create") && engine->swarm &&
	    event->swarm_task)
		return by_daemon(ret, REASON_SWARM);
	if (!owner)
		return false;
	if (owner->swarm && !is_exec(event))
		return by_daemon(ret, REASON_SWARM);
	if (is_start(event) && is_restarted(engine, owner, waiting))
		return by_daemon(ret, REASON_RESTART_POLICY);
	if (is_exec(event) && is_health_check(engine, owner, event))
		return by_daemon(ret, REASON_HEALTH_CHECK);
	return false;
}

/* Whether more is to be known of the container before it can be said that nobody did it. */
static bool is_unexplored(const struct engine_side *engine, const struct effect *effect,
			  const struct engine_event *event)
{
	const struct owner *owner = owner_of(engine, event);

	if ((!is_container(event) && !event->container.size) || (owner && owner->gone))
		return false;
	if (owner && is_doubtful(engine, owner))
		return true;
	if (effect->heir == HEIR_CREATOR)
		return owner && !owner->inspected && !owner->auto_remove &&
		       owner->state == OWNER_ENDED;
	return effect->engine && effect->heir != HEIR_EXEC && (is_start(event) || is_exec(event)) &&
	       (!owner || !owner->inspected);
}

/* --- the decision ----------------------------------------------------------------------------- */

static bool is_killed(const struct owner *owner, const struct engine_event *event)
{
	return owner && is_container(event) && is(event->action, "die") &&
	       !event_survived_sigkill(event);
}

/* Who sent SIGKILL is who ended it. */
static bool take_killer(const struct owner *owner, const struct engine_event *event,
			struct cause *cause)
{
	if (!is_killed(owner, event) || !owner->killer.origin)
		return false;
	*cause = (struct cause){CAUSE_REQUEST, BASIS_ID, REASON_NONE, owner->killer.origin, NULL};
	return true;
}

/* Whether somebody else than who asked for REQUEST, or nobody knows who, sent it SIGKILL. */
static bool is_killed_by_another(const struct owner *owner, const struct engine_event *event,
				 const struct request *request)
{
	return is_killed(owner, event) &&
	       (owner->killer.several ||
		(owner->killer.origin && !is_of(owner->killer.origin, request)));
}

/* Whether more speaks for the engine than for the only request that fits: that one was only under way, or is
 * to do what the engine is about to do. */
static bool is_weak(const struct causes *causes, const struct only *only, const struct owner *owner,
		    const struct engine_event *event)
{
	if (only->basis == BASIS_TIME)
		return only->cause->key != KEY_OWN;
	if (is(event->action, "destroy")) /* it may be told that it goes already */
		return !only->request->answered;
	/* Looking into it, too, mounts what it has, and a start that fails undoes what it did. */
	if (is(event->action, "unmount") || is(event->action, "disconnect"))
		return only->cause->key == KEY_CONTAINER && !only->cause->signals;
	return is_start(event) && only->cause->key != KEY_OWN && owner &&
	       owner->state == OWNER_ENDED && !owner->stopped &&
	       boot_of(causes, owner->died, 0) < only->request->started;
}

/* Whether it can have happened without any request. */
static bool has_rival(const struct engine_side *engine, const struct effect *effect,
		      const struct waiting *waiting)
{
	const struct engine_event *event = waiting->event;
	const struct owner *owner = owner_of(engine, event);
	struct cause other;

	if (is(event->type, "volume") && is(event->action, "destroy"))
		return event->time <= engine->auto_removal + SETTLED_WITHIN;
	if (owner && effect->heir == HEIR_STARTER && !is_container(event) && is_end(owner, event))
		return true;
	if (owner && effect->heir == HEIR_CREATOR && owner->state == OWNER_ENDED)
		return owner->auto_remove || !owner->inspected;
	if ((is_start(event) || is_exec(event)) && is_unexplored(engine, effect, event))
		return true;
	return find_heir(engine, effect->heir, event, &other) ||
	       (effect->engine && find_daemon(engine, waiting, &other));
}

static enum verdict_state decide_request(struct causes *causes, const struct effect *effect,
					 const struct only *only, bool late, struct cause *ret)
{
	if (!only->request->sent && !late)
		return WAIT; /* for its sender */
	*ret = (struct cause){CAUSE_REQUEST, only->basis, REASON_NONE,
			      ledger_origin(&causes->ledger, only->request), only->request};
	if (only->cause->once)
		only->request->consumed = effect;
	return DECIDED;
}

static enum verdict_state decide(struct causes *causes, unsigned int socket,
				 struct waiting *waiting, bool late, struct cause *ret)
{
	struct engine_side *engine = &causes->engines[socket];
	const struct engine_event *event = waiting->event;
	const struct effect *effect = effect_find(event->type, event->action);
	const struct owner *owner = owner_of(engine, event);
	bool knows = ledger_knows(&causes->ledger, waiting->time), doubt;
	struct candidates candidates = {};
	const struct only *only;
	bool weak;

	*ret = (struct cause){};
	if (!effect)
		return DECIDED;
	find_candidates(causes, socket, effect, waiting, owner, &candidates);
	if (!late && may_become_clear(&candidates))
		return WAIT;
	only = choose(&candidates, knows, !is_start(event), &doubt);
	weak = only && is_weak(causes, only, owner, event);
	if ((weak || (!only && !doubt)) && is_unexplored(engine, effect, event) && !late &&
	    ask(causes, socket, waiting))
		return WAIT;
	if (only && (is_killed_by_another(owner, event, only->request) ||
		     (weak && has_rival(engine, effect, waiting))))
		doubt = true;
	else if (only)
		return decide_request(causes, effect, only, late, ret);
	if (!doubt && take_killer(owner, event, ret))
		return DECIDED;
	/* Whoever ended it: it is the end of what its starter began. */
	if ((!doubt || (effect->heir == HEIR_STARTER && is_container(event))) &&
	    find_heir(engine, effect->heir, event, ret))
		return DECIDED;
	if (effect->engine && !doubt && knows)
		find_daemon(engine, waiting, ret);
	return DECIDED;
}

/* --- what labels imitate ---------------------------------------------------------------------- */

/* Attributes that the engine gives to an action before the labels overwrite them. */
static bool has_given_attributes(const struct engine_event *event)
{
	return is(event->action, "die") || is(event->action, "kill") || is_exec(event);
}

static void drop_attributes(struct engine_event *event, unsigned int bits)
{
	if (bits & ATTRIBUTE_EXIT_CODE)
		event->has_exit_code = false;
	if (bits & ATTRIBUTE_SIGNAL)
		event->signal = (struct bytes){};
	if (bits & ATTRIBUTE_EXEC_ID)
		event->exec_id = (struct bytes){};
}

/* Takes out of an event what a label of its container may have put there. */
static enum verdict_state purge(struct causes *causes, unsigned int socket, struct waiting *waiting,
				bool late)
{
	struct engine_side *engine = &causes->engines[socket];
	struct engine_event *event = waiting->event;
	struct owner *owner;

	if (waiting->purged || waiting->recovered || !is_container(event))
		return DECIDED;
	owner = owners_get(&engine->owners, event->id);
	if (owner) {
		owner->labels |= event->labels;
		owner->labels_known |= !has_given_attributes(event);
	}
	if (has_given_attributes(event) && event->attributes && !(owner && owner->labels_known)) {
		if (!late && !(owner && owner->gone) && ask(causes, socket, waiting))
			return WAIT;
		drop_attributes(event, ~0u);
	}
	if (owner)
		drop_attributes(event, owner->labels);
	waiting->purged = true;
	return DECIDED;
}

/* --- what it changes -------------------------------------------------------------------------- */

static const char *const kept_deeds[] = {
	"create",      "start",	     "restart",	   "stop",   "kill",	     "die",
	"oom",	       "destroy",    "rename",	   "update", "pause",	     "unpause",
	"attach",      "commit",     "export",	   "copy",   "archive-path", "extract-to-dir",
	"exec_create", "exec_start", "checkpoint",
};

static bool is_kept(const struct engine_event *event, const struct cause *cause)
{
	if (cause->reason == REASON_HEALTH_CHECK)
		return false;
	for (size_t i = 0; i < sizeof(kept_deeds) / sizeof(*kept_deeds); i++)
		if (is(event->action, kept_deeds[i]))
			return true;
	return false;
}

static void keep_deed(const struct causes *causes, unsigned int socket,
		      const struct waiting *waiting, const struct owner *owner,
		      const struct cause *cause)
{
	const struct keeper *keeper = &causes->options.keeper;
	const struct engine_event *event = waiting->event;
	struct owned owned = owner_owned(owner);
	struct deed deed = {
		.action = event->action,
		.command = event->command,
		.exec_id = event->exec_id,
		.has_exit_code = event->has_exit_code,
		.exit_code = event->exit_code,
		.time = event->time ?: clock_real(causes->options.context, waiting->time),
		.kind = cause->kind,
		.basis = cause->basis,
		.reason = cause->reason,
		.origin = cause->origin,
	};

	if (!is_kept(event, cause))
		return;
	if (keeper->put)
		keeper->put(keeper->data, socket, &owned);
	if (keeper->deed)
		keeper->deed(keeper->data, socket, owned.id, &deed);
}

static void was_created(struct inventory *inventory, struct owner *owner,
			const struct engine_event *event, const struct cause *cause)
{
	const struct inventory_container *known = inventory_container(inventory, event->id);

	owner->witnessed = known && known->witnessed;
	owner->created = event->time;
	owner->swarm = cause->reason == REASON_SWARM;
	owner->auto_remove |= cause->request && cause->request->auto_remove;
	owner_set_creator(owner, cause->origin, cause->basis);
	if (owner->started >= event->time ||
	    owner->died >= event->time) /* this was missed then, and is told after that */
		return;
	owner->state = OWNER_CREATED;
	owner_set_starter(owner, NULL, BASIS_NONE, false);
}

static void was_started(struct owner *owner, const struct engine_event *event,
			const struct cause *cause)
{
	owner->started = event->time;
	if (cause->kind == CAUSE_REQUEST)
		owner_set_starter(owner, cause->origin, cause->basis, cause->origin);
	else if (cause->kind == CAUSE_UNKNOWN)
		owner_set_starter(owner, NULL, BASIS_NONE, false);
	if (owner->died > event->time) /* this was missed then, and is told after that */
		return;
	owner->state = OWNER_RUNNING;
	owner->stopped = false;
	owner->signalled = false;
	culprit_clear(&owner->killer);
	owner_set_signaller(owner, NULL);
}

static void was_killed(struct owner *owner, const struct engine_event *event,
		       const struct cause *cause)
{
	bool known = cause->kind == CAUSE_REQUEST;

	owner->signalled = true;
	owner_set_signaller(owner, known ? cause->origin : NULL);
	if (is(event->signal, "9") || (!event->signal.size && !known)) /* a label hides it */
		culprit_add(&owner->killer, known ? cause->origin : NULL);
}

static void has_died(struct engine_side *engine, struct owner *owner,
		     const struct engine_event *event, const struct cause *cause)
{
	owner->died = event->time;
	if (owner->auto_remove || !(owner->inspected || owner->creator))
		engine->auto_removal = event->time;
	if (owner->started > event->time) /* this was missed then, and is told after that */
		return;
	owner->state = OWNER_ENDED;
	owner->reconnected = false;
	owner->failed = event->has_exit_code && event->exit_code;
	/* Whoever sends it a signal stops the engine from starting it again. */
	owner->stopped = cause->kind == CAUSE_REQUEST || owner->signalled;
}

static void had_exec(const struct causes *causes, unsigned int socket,
		     const struct engine_event *event, const struct cause *cause)
{
	struct owners *owners = &causes->engines[socket].owners;
	const struct keeper *keeper = &causes->options.keeper;
	struct owner_exec *exec;
	bool ends = is(event->action, "exec_die") || is(event->action, "exec_died");

	exec = ends ? owners_find_exec(owners, event->exec_id)
		    : owners_get_exec(owners, event->exec_id);
	if (!exec)
		return;
	memcpy(exec->container, event->id.data, ID_DIGITS);
	exec->health_check |= cause->reason == REASON_HEALTH_CHECK;
	if (ends) {
		owners_remove_exec(owners, exec);
		if (keeper->end_exec)
			keeper->end_exec(keeper->data, socket, event->exec_id);
		return;
	}
	if (is(event->action, "exec_create"))
		return;
	if (cause->kind == CAUSE_REQUEST) {
		origin_ref(cause->origin);
		origin_unref(exec->starter);
		exec->starter = cause->origin;
		exec->starter_basis = cause->basis;
	}
	if (keeper->put_exec && exec->starter) {
		struct owned_exec owned = {
			.id = event->exec_id,
			.container_id = event->id,
			.starter = exec->starter,
		};

		keeper->put_exec(keeper->data, socket, &owned);
	}
}

/* The engine's word on what the inventory would learn by a request. */
static void tell_inventory(const struct causes *causes, unsigned int socket,
			   const struct engine_event *event, const struct cause *cause)
{
	struct inventory *inventory = causes->options.inventories[socket];
	bool new = is(event->action, "create") && cause->kind != CAUSE_REQUEST;

	if (is(event->action, "destroy"))
		inventory_remove_container(inventory, event->id);
	else if (is(event->action, "rename"))
		inventory_rename_container(inventory, event->id, event->name);
	else if ((new || is(event->action, "update")) && causes->options.inspect)
		causes->options.inspect(causes->options.inspect_data, socket, event->id);
}

static void was_destroyed(const struct causes *causes, unsigned int socket, struct owner *owner,
			  const struct waiting *waiting)
{
	const struct keeper *keeper = &causes->options.keeper;
	uint64_t time = waiting->event->time ?: clock_real(causes->options.context, waiting->time);

	if (keeper->remove)
		keeper->remove(keeper->data, socket, waiting->event->id, time);
	owners_remove(&causes->engines[socket].owners, owner);
}

static void apply(struct causes *causes, unsigned int socket, const struct waiting *waiting,
		  const struct cause *cause)
{
	const struct engine_event *event = waiting->event;
	struct engine_side *engine = &causes->engines[socket];
	struct owner *owner = is_container(event) ? owners_get(&engine->owners, event->id) : NULL;

	if (is(event->type, "image") && is(event->action, "tag"))
		inventory_put_image(causes->options.inventories[socket], event->id, event->name);
	if (!owner) {
		owner = owner_of(engine, event);
		if (owner && is_start(event))
			owner->reconnected = true;
		return;
	}
	if (is(event->action, "rename") && owner->name)
		ledger_renamed(&causes->ledger, socket, bytes_of(owner->name), event->id,
			       waiting->time);
	owner_set_name(owner, event->name);
	owner_set_image(owner, event->image);
	if (is(event->action, "create"))
		was_created(causes->options.inventories[socket], owner, event, cause);
	if (is(event->action, "create") && !waiting->recovered)
		owner->generation = engine->generation; /* nothing of it was missed */
	if (is(event->action, "start"))
		was_started(owner, event, cause);
	else if (is(event->action, "kill"))
		was_killed(owner, event, cause);
	else if (is(event->action, "die"))
		has_died(engine, owner, event, cause);
	else if (is(event->action, "stop"))
		owner->stopped = true; /* also of one that the engine was about to start again */
	else if (is(event->action, "update"))
		owner->inspected = false; /* it may have got another policy */
	else if (is_exec(event))
		had_exec(causes, socket, event, cause);
	keep_deed(causes, socket, waiting, owner, cause);
	tell_inventory(causes, socket, event, cause);
	if (is(event->action, "destroy"))
		was_destroyed(causes, socket, owner, waiting);
}

/* --- the record ------------------------------------------------------------------------------- */

static struct record_event event_of(const struct waiting *waiting, const struct owner *owner)
{
	const struct engine_event *event = waiting->event;

	return (struct record_event){
		.type = event->type,
		.action = event->action,
		.id = event->id,
		.name = event->name,
		.image = event->image,
		.container_id = event->container,
		.container_name =
			event->container.size && owner ? bytes_of(owner->name) : (struct bytes){},
		.exec_id = event->exec_id,
		.command = event->command,
		.health = event->health,
		.signal = event->signal,
		.has_exit_code = event->has_exit_code,
		.exit_code = event->exit_code,
		.time = event->time,
		.recovered = waiting->recovered,
	};
}

static void tell(struct causes *causes, unsigned int socket, const struct waiting *waiting,
		 const struct cause *cause)
{
	const struct engine_side *engine = &causes->engines[socket];
	struct record record = {
		.action = RECORD_DOCKER_EVENT,
		.time = waiting->event->time /* it may have been before this boot */
				? waiting->event->time -
					  (uint64_t)causes->options.context->boot_to_real
				: waiting->time,
		.connection.socket = bytes_of(causes->options.sockets[socket]),
		.api.engine = engine->name,
		.event = event_of(waiting, owner_of(engine, waiting->event)),
		.cause =
			{
				.kind = cause_kind_name(cause->kind),
				.basis = cause_basis_name(cause->basis),
				.reason = cause_reason_name(cause->reason),
			},
	};

	if (cause->origin) {
		record.caller = cause->origin->caller;
		record.container_name = cause->origin->container_name;
		record.container_image = cause->origin->container_image;
		record.cause.event_id = cause->origin->event_id;
		record.cause.operation = cause->origin->operation;
	}
	causes->stats.events++;
	causes->stats.kinds[cause->kind]++;
	causes->options.record(causes->options.data, &record);
}

/* --- the queues ------------------------------------------------------------------------------- */

static void free_waiting(struct causes *causes, struct queue *queue)
{
	struct waiting *waiting = queue->first;

	queue->first = waiting->next;
	if (!queue->first)
		queue->end = &queue->first;
	causes->stats.waiting--;
	free(waiting->event);
	free(waiting);
}

/* Tells the first one, unless it is to wait. */
static bool run_first(struct causes *causes, unsigned int socket, struct queue *queue, bool late)
{
	struct waiting *waiting = queue->first;
	struct cause cause;

	if (purge(causes, socket, waiting, late) == WAIT ||
	    decide(causes, socket, waiting, late, &cause) == WAIT)
		return false;
	causes->stats.late += late;
	if (!waiting->recovered && waiting->event->time)
		causes->engines[socket].position = waiting->event->time;
	origin_ref(cause.origin); /* what it changes may be the last to have it */
	tell(causes, socket, waiting, &cause);
	apply(causes, socket, waiting, &cause);
	origin_unref(cause.origin);
	free_waiting(causes, queue);
	return true;
}

/* Whether what was concluded has been told meanwhile, or is no longer so. */
static bool is_known(const struct engine_side *engine, const struct engine_event *event)
{
	const struct owner *owner = owners_find(&engine->owners, event->id);

	if (is(event->action, "destroy"))
		return !owner || owner->generation == engine->generation;
	if (!owner)
		return true; /* it went: there are no more events of it */
	if (is(event->action, "create"))
		return owner->created;
	if (is(event->action, "start"))
		return owner->started >= event->time;
	return owner->died >= event->time;
}

static void run_recovered(struct causes *causes, unsigned int socket, uint64_t now)
{
	struct engine_side *engine = &causes->engines[socket];
	struct queue *queue = &engine->recovered;

	while (queue->first && now >= queue->first->arrived + RECOVERY_WAIT) {
		if (is_known(engine, queue->first->event))
			free_waiting(causes, queue);
		else
			run_first(causes, socket, queue, true);
	}
}

void causes_run(struct causes *causes, uint64_t now)
{
	ledger_run(&causes->ledger, now);
	for (unsigned int i = 0; i < causes->options.socket_count; i++) {
		struct queue *queue = &causes->engines[i].told;

		while (queue->first &&
		       run_first(causes, i, queue,
				 now >= queue->first->arrived + causes->options.wait)) {
		}
		run_recovered(causes, i, now);
	}
}

void causes_close(struct causes *causes)
{
	for (unsigned int i = 0; i < causes->options.socket_count; i++) {
		struct queue *queue = &causes->engines[i].told;

		while (queue->first)
			run_first(causes, i, queue, true);
	}
}

uint64_t causes_position(const struct causes *causes, unsigned int socket)
{
	return causes->engines[socket].position;
}

bool causes_waiting(const struct causes *causes)
{
	return causes->stats.waiting;
}

static void enqueue(struct causes *causes, struct queue *queue, const struct engine_event *event,
		    bool recovered, uint64_t now)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));
	struct engine_event *copy = event_copy(event);

	if (!waiting || !copy) {
		free(waiting);
		free(copy);
		causes->stats.dropped++;
		return;
	}
	*waiting = (struct waiting){
		.event = copy,
		.arrived = now,
		.time = boot_of(causes, event->time, now),
		.recovered = recovered,
	};
	*queue->end = waiting;
	queue->end = &waiting->next;
	causes->stats.waiting++;
}

void causes_event(struct causes *causes, unsigned int socket, const struct engine_event *event,
		  uint64_t now)
{
	struct queue *queue = &causes->engines[socket].told;

	while (causes->stats.waiting >= WAITING_MAX && queue->first) {
		causes->stats.hurried++;
		run_first(causes, socket, queue, true);
	}
	enqueue(causes, queue, event, false, now);
}

/* --- gaps ------------------------------------------------------------------------------------- */

void causes_gap(struct causes *causes, unsigned int socket, uint64_t since)
{
	struct engine_side *engine = &causes->engines[socket];

	if (!engine->gap || since < engine->gap_since)
		engine->gap_since = since;
	engine->gap = true;
	engine->generation++;
}

static void recover(struct causes *causes, unsigned int socket, const struct owner *owner,
		    const char *action, uint64_t time, uint64_t now)
{
	bool dead =
		!strcmp(action, "die") && !owner->running; /* else its code is not that of then */
	struct engine_event event = {
		.type = bytes_of("container"),
		.action = bytes_of(action),
		.id = {owner->id, ID_DIGITS},
		.name = bytes_of(owner->name),
		.image = bytes_of(owner->image),
		.has_exit_code = dead,
		.exit_code = dead ? owner->exit_code : 0,
		.time = time,
	};

	enqueue(causes, &causes->engines[socket].recovered, &event, true, now);
}

/* What happened to it since the gap, as its present state has it. */
static void look_back(struct causes *causes, unsigned int socket, struct owner *owner, uint64_t now)
{
	uint64_t since = causes->engines[socket].gap_since;
	bool again = owner->started_at > owner->started;
	bool started = again && owner->started_at > since;
	bool before = owner->finished_at < owner->started_at; /* and then it was started again */
	bool died = owner->finished_at > since && owner->finished_at > owner->died &&
		    (before || !owner->running);

	if (owner->made_at > since && !owner->created)
		recover(causes, socket, owner, "create", owner->made_at, now);
	if (died && before)
		recover(causes, socket, owner, "die", owner->finished_at, now);
	if (started)
		recover(causes, socket, owner, "start", owner->started_at, now);
	if (again) /* until that is clear */
		owner_set_starter(owner, NULL, BASIS_NONE, false);
	if (died && !before)
		recover(causes, socket, owner, "die", owner->finished_at, now);
}

void causes_inspected(struct causes *causes, unsigned int socket, const struct value *inspect,
		      uint64_t now)
{
	struct engine_side *engine = &causes->engines[socket];
	struct owner *owner = owners_get(&engine->owners, value_string(inspect, "Id"));

	if (!owner)
		return;
	owner_inspected(owner, inspect);
	if (is_doubtful(engine, owner)) {
		owner_set_name(owner, value_string(inspect, "Name"));
		look_back(causes, socket, owner, now);
	}
	owner->generation = engine->generation;
}

void causes_gone(struct causes *causes, unsigned int socket, struct bytes id)
{
	struct owner *owner = owners_get(&causes->engines[socket].owners, id);

	if (owner)
		owner->gone = true;
}

void causes_refreshed(struct causes *causes, unsigned int socket, bool complete, uint64_t now)
{
	struct engine_side *engine = &causes->engines[socket];
	struct owner *owner, *next;

	if (!engine->gap || !complete)
		return;
	HASH_ITER(hh, engine->owners.containers, owner, next)
	{
		struct bytes id = {owner->id, ID_DIGITS};

		if (owner->generation != engine->generation &&
		    !inventory_container(causes->options.inventories[socket], id))
			recover(causes, socket, owner, "destroy", 0, now);
	}
	engine->gap = false;
}

/* --- the whole -------------------------------------------------------------------------------- */

int causes_new(const struct causes_options *options, uint64_t now, struct causes **ret)
{
	struct causes *causes = calloc(1, sizeof(*causes));

	if (!causes)
		return -ENOMEM;
	causes->engines = calloc(options->socket_count ?: 1, sizeof(*causes->engines));
	if (!causes->engines) {
		free(causes);
		return -ENOMEM;
	}
	causes->options = *options;
	causes->clock = options->context->boot_to_real;
	causes->ledger.context = options->context;
	causes->ledger.sockets = options->sockets;
	causes->ledger.ignorant = now;
	for (unsigned int i = 0; i < options->socket_count; i++) {
		struct engine_side *engine = &causes->engines[i];

		engine->name = "docker";
		engine->told.end = &engine->told.first;
		engine->recovered.end = &engine->recovered.first;
	}
	*ret = causes;
	return 0;
}

void causes_free(struct causes *causes)
{
	if (!causes)
		return;
	for (unsigned int i = 0; i < causes->options.socket_count; i++) {
		struct engine_side *engine = &causes->engines[i];

		while (engine->told.first)
			free_waiting(causes, &engine->told);
		while (engine->recovered.first)
			free_waiting(causes, &engine->recovered);
		owners_clear(&engine->owners);
	}
	ledger_clear(&causes->ledger);
	free(causes->engines);
	free(causes);
}

struct ledger *causes_ledger(struct causes *causes)
{
	return &causes->ledger;
}

void causes_set_clock(struct causes *causes, int64_t boot_to_real)
{
	causes->clock = boot_to_real;
}

void causes_set_engine(struct causes *causes, unsigned int socket, const char *name, bool swarm)
{
	causes->engines[socket].name = name;
	causes->engines[socket].swarm = swarm;
}

int causes_restore(struct causes *causes, unsigned int socket, const struct owned *owned)
{
	struct owner *owner = owners_get(&causes->engines[socket].owners, owned->id);

	if (!owner)
		return id_valid(owned->id) ? -ENOMEM : -EINVAL;
	owner_restore(owner, owned);
	return 0;
}

int causes_restore_exec(struct causes *causes, unsigned int socket, const struct owned_exec *exec)
{
	struct owner_exec *kept = owners_get_exec(&causes->engines[socket].owners, exec->id);

	if (!kept || !id_valid(exec->container_id))
		return kept ? -EINVAL : -ENOMEM;
	memcpy(kept->container, exec->container_id.data, ID_DIGITS);
	origin_ref(exec->starter);
	origin_unref(kept->starter);
	kept->starter = exec->starter;
	kept->starter_basis = BASIS_ID;
	kept->health_check = exec->health_check;
	return 0;
}

void causes_stats(const struct causes *causes, struct causes_stats *ret)
{
	*ret = causes->stats;
}
