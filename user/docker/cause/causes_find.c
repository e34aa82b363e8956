// SPDX-License-Identifier: Apache-2.0
/* Finds the cause of an event. */
#include "docker/cause/causes_inside.h"

#define RESTARTED_WITHIN                                                                           \
	90000000000ull /* ns: engines wait for up to a minute before they start it again */

#define OBEYED_WITHIN 60000000000ull /* ns: an end within this time may be the effect of a signal */

/* The first of some requests, as long as all are of one user. */
struct only {
	struct request *request;
	const struct effect_cause *cause;
	enum cause_basis basis;
	bool several; /* there are others, of other users */
	bool alike;   /* there are others, of the same user */
	bool mixed;   /* they are of several sorts */
};

/* The requests that may be the cause of an event. */
struct candidates {
	struct only done;    /* these fit, and succeeded */
	struct only open;    /* these fit, and are under way */
	struct only failed;  /* these fit, and failed, which may have effects, too */
	struct only perhaps; /* these may fit */
	bool unresolved;     /* and more will be known of .perhaps */
	bool unsent;	     /* the sender of some is not known yet */
	bool doubtful;	     /* a request may have sent a signal that was not told of */
};

/* Where and when an event is looked for. */
struct cause_search {
	const struct causes *causes;
	unsigned int socket;
	const struct effect *effect;
	const struct waiting_event *waiting;
	const struct owner *owner; /* of the event; NULL: not known */
	uint64_t slack;
};

/* --- looking for the request ------------------------------------------------------------------ */

static bool is_same_user(const struct request *a, const struct request *b)
{
	return caller_same_user(a->caller, b->caller);
}

/* A request that names the object goes before one that was only under way. ONE is not younger than those before. */
static void causes_find_add(struct only *only, const struct only *one)
{
	struct only before = *only;
	bool timed = before.basis == BASIS_TIME, same;

	if (!before.request) {
		*only = *one;
		return;
	}
	before.mixed |= before.cause != one->cause;
	if (!before.mixed && timed != (one->basis == BASIS_TIME)) {
		if (timed)
			*only = *one;
		return;
	}
	same = is_same_user(before.request, one->request);
	*only = *one;
	only->several = before.several || !same;
	only->alike = before.alike || same;
	only->mixed = before.mixed;
}

static bool is_telling(const struct effect_cause *cause)
{
	return cause->key == KEY_MADE || cause->key == KEY_REMOVED || cause->failed;
}

/* Whether the volumes of the container that REQUEST makes will be known. */
static bool will_tell_volumes(const struct cause_search *search, const struct request *request)
{
	const struct owner *owner;

	if (operation_docker(request->operation) != OPERATION_ContainerCreate ||
	    request->status >= STATUS_ERROR)
		return false;
	if (!request->made.size)
		return !request->silent && !request->over;
	owner = owners_find(&causes_side(search->causes, search->socket)->owners, request->made);
	return search->causes->options.inspect && !(owner && (owner->inspected || owner->gone));
}

static void add_candidate(const struct cause_search *search, struct candidates *candidates,
			  enum match match, const struct only *one)
{
	const struct request *request = one->request;

	candidates->unsent |= !request->sent;
	if (match == MATCH_PERHAPS) {
		causes_find_add(&candidates->perhaps, one);
		candidates->unresolved |=
			one->cause->key == KEY_VOLUMES
				? will_tell_volumes(search, request)
				: is_telling(one->cause) && !request->silent && !request->over;
	} else if (request->status >= STATUS_ERROR) {
		causes_find_add(&candidates->failed, one);
	} else {
		causes_find_add(request->answered ? &candidates->done : &candidates->open, one);
	}
}

static bool is_of(const struct origin *origin, const struct request *request)
{
	return origin && bytes_equal(origin->event_id, request->event_id);
}

/* Whether REQUEST ends containers by a signal, and no event of a signal was told: Docker tells that before the end. */
static bool is_unsignalled(const struct cause_search *search, const struct effect_cause *cause,
			   const struct request *request)
{
	const struct owner *owner = search->owner;

	/* A removal may be under way when the container ends by itself. */
	return cause->signals && !search->waiting->recovered &&
	       causes_side(search->causes, request->socket)->brand == BRAND_DOCKER &&
	       (!request->signalled || (owner && request->signalled < owner->started));
}

/* Whether the volume is one of the container that REQUEST makes or removes, where its volumes are known. */
static enum match match_volume(const struct cause_search *search, const struct request *request,
			       enum match match, enum cause_basis *basis)
{
	const struct owner *owner =
		owners_find(&causes_side(search->causes, search->socket)->owners,
			    request->made.size ? request->made : request->id);

	if (match != MATCH_PERHAPS || !owner || !owner->volumes_known)
		return match;
	*basis = BASIS_ID;
	return owner_has_volume(owner, search->waiting->event->id) ? MATCH : MATCH_NONE;
}

/* Adds REQUEST if it may be the cause. Returns whether it has to do with the event at all. */
static bool try_request(const struct cause_search *search, struct request *request,
			struct candidates *ret)
{
	const struct owner *owner = search->owner;
	const struct effect_cause *cause = search->effect->causes;

	for (; cause->operation; cause++) {
		struct only one = {.request = request, .cause = cause};
		enum match match = ledger_request_match(
			request, cause, search->waiting->event, search->waiting->time,
			search->slack, owner ? owner->creator : NULL,
			bytes_of(owner ? owner->name : NULL), &one.basis);

		if (cause->key == KEY_VOLUMES)
			match = match_volume(search, request, match, &one.basis);
		if (cause->key == KEY_UNMADE && owner && owner->created)
			continue;
		if (match == MATCH_NONE)
			continue;
		if (match == MATCH_BARREN ||
		    (request->status >= STATUS_ERROR && !search->effect->partly && !cause->failed))
			return true;
		if (is_unsignalled(search, cause, request)) {
			ret->doubtful |= owner && owner->signaller.several;
			return true;
		}
		if (owner && cause->key == KEY_OWN)
			one.basis = owner->creator_basis;
		add_candidate(search, ret, match, &one);
		return true;
	}
	return false;
}

/* Whether REQUEST has had this effect, and not as the event at hand, at another socket of the daemon. */
static bool is_consumed(const struct cause_search *search, const struct request *request)
{
	return request->consumed == search->effect &&
	       (request->consumed_at == search->socket ||
		request->consumed_by != search->waiting->event->time);
}

static bool search_requests(const struct cause_search *search, struct candidates *ret)
{
	bool found = false;

	for (struct request *request = search->causes->ledger.newest; request;
	     request = request->older)
		if (causes_is_same(search->causes, request->socket, search->socket) &&
		    !is_consumed(search, request))
			found |= try_request(search, request, ret);
	return found;
}

/* Finds requests that were under way at the time of the event; only if there are none, those within SLACK of it. */
static void find_candidates(const struct causes *causes, unsigned int socket,
			    const struct effect *effect, const struct waiting_event *waiting,
			    const struct owner *owner, struct candidates *ret)
{
	struct cause_search search = {causes, socket, effect, waiting, owner, 0};

	if (search_requests(&search, ret))
		return;
	search.slack = SLACK;
	search_requests(&search, ret);
}

/* Whether OTHER has requests of another user than ONLY. */
static bool has_others(const struct only *other, const struct only *only)
{
	return other->request && (other->several || !is_same_user(other->request, only->request));
}

/* The requests of the only user that can have caused the event. NULL: there is none; *RET_DOUBT: because that is not
 * certain. KNOWS: no request is missing. OPEN_COUNTS: a request counts that may yet be answered with an error. */
static const struct only *choose_candidate(const struct candidates *candidates, bool knows,
					   bool open_counts, bool *ret_doubt)
{
	const struct only *done = &candidates->done, *open = &candidates->open;
	const struct only *failed = &candidates->failed, *perhaps = &candidates->perhaps;

	*ret_doubt = candidates->doubtful;
	if (candidates->doubtful)
		return NULL;
	if (done->request || open->request) {
		const struct only *only = done->request ? done : open;

		*ret_doubt =
			only->several || has_others(open, only) || has_others(failed, only) ||
			(only == open && !open_counts) ||
			((only == open || only->basis == BASIS_TIME) && has_others(perhaps, only));
		return *ret_doubt ? NULL : only;
	}
	if (failed->request && !failed->several && !has_others(perhaps, failed))
		return failed;
	if (failed->request || perhaps->several || (perhaps->request && !knows)) {
		*ret_doubt = true;
		return NULL;
	}
	return perhaps->request ? perhaps : NULL;
}

/* Whether other requests of the same user fit as well. */
static bool is_alike(const struct candidates *candidates, const struct only *only)
{
	return only->alike || (only != &candidates->open && candidates->open.request) ||
	       (only != &candidates->failed && candidates->failed.request) ||
	       (only == &candidates->open && candidates->perhaps.request);
}

/* Whether the answers to come may say more. */
static bool may_become_clear(const struct candidates *candidates)
{
	bool several = candidates->done.several || candidates->failed.several ||
		       candidates->perhaps.several ||
		       (candidates->done.request && candidates->failed.request);

	return candidates->open.request || (!candidates->done.request && candidates->unresolved) ||
	       (several && candidates->unsent);
}

/* --- where no request is -------------------------------------------------------------------------- */

/* Asks the engine about the container, once. Returns whether the event waits for the answer. */
static bool causes_find_ask(const struct causes *causes, unsigned int socket,
			    struct waiting_event *waiting)
{
	const struct engine_event *event = waiting->event;
	struct bytes id = causes_is_container(event) ? event->id : event->container;

	if (!causes->options.inspect || !idtree_is_id(id))
		return false;
	if (!waiting->asked)
		causes->options.inspect(causes->options.inspect_data, socket, id);
	waiting->asked = true;
	return true;
}

static bool causes_find_inherit(struct cause *cause, struct origin *origin, enum cause_basis basis)
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

/* Whether EVENT came with the end of the container. */
static bool is_end(const struct owner *owner, const struct engine_event *event)
{
	return owner->state == OWNER_ENDED && !owner->reconnected &&
	       event->time <= owner->died + SETTLED_WITHIN;
}

/* The end, where nothing else than SIGKILL can have ended it. */
static bool is_killed(const struct owner *owner, const struct engine_event *event)
{
	return owner && causes_is_container(event) && event->act == ACTION_DIE &&
	       !ledger_event_survived_sigkill(event);
}

/* Whether its memory is not what its starter gave it. */
static bool was_limited(const struct owner *owner)
{
	return owner->limiter.origin || owner->limiter.several;
}

/* Whether EVENT is that its memory was at its end, or the end by that. */
static bool is_out_of_memory(const struct owner *owner, const struct engine_event *event)
{
	return event->act == ACTION_OOM || (owner->out_of_memory && is_killed(owner, event));
}

/* Whether it may be the end that somebody else than its starter wanted, though no request that fits is at hand: he
 * sent it a signal, which it obeys when it likes to; or what killed it is not known, and he took its memory away. */
static bool is_ended_by_others(const struct owner *owner, const struct engine_event *event)
{
	const struct culprit *signaller = &owner->signaller;
	bool obeys = event->act == ACTION_DIE && owner->signalled_at &&
		     event->time <= owner->signalled_at + OBEYED_WITHIN;

	if (is_killed(owner, event) && (owner->killer.several || was_limited(owner)))
		return true;
	return obeys && (signaller->several || !signaller->origin || !owner->starter ||
			 !caller_same_user(signaller->origin->caller, owner->starter->caller));
}

/* Whether EVENT is of an end that the engine brought about when it stopped, as one of its signals told. */
static bool is_end_by_engine(const struct owner *owner, const struct engine_event *event)
{
	if (!owner || !owner->stopped_by_engine)
		return false;
	return causes_is_container(event) ? event->act == ACTION_DIE || event->act == ACTION_STOP
					  : is_end(owner, event) && !owner->ender;
}

/* Finds the owner whom an event goes back to. Returns whether there is one. */
static bool find_heir(const struct engine_side *engine, enum effect_heir heir,
		      const struct engine_event *event, struct cause *ret)
{
	const struct owner *owner = causes_owner_of(engine, event);
	const struct owner_exec *exec;

	switch (heir) {
	case HEIR_STARTER:
		if (!owner || causes_is_doubtful(engine, owner))
			return false;
		if (is_end_by_engine(owner, event))
			return by_daemon(ret, REASON_ENGINE_STOPPED);
		if (!causes_is_container(event))
			return is_end(owner, event) &&
			       causes_find_inherit(ret, owner->ender, owner->ender_basis);
		if (is_out_of_memory(owner, event) && was_limited(owner))
			return causes_find_inherit(ret, owner->limiter.origin,
						   owner->limiter.basis);
		return owner->starter_known && !is_ended_by_others(owner, event) &&
		       causes_find_inherit(ret, owner->starter, owner->starter_basis);
	case HEIR_CREATOR:
		/* A user who killed it unseen may have removed it as well. */
		return owner && owner->auto_remove && owner->state == OWNER_ENDED &&
		       !owner->killer.several &&
		       causes_find_inherit(ret, owner->creator, owner->creator_basis);
	case HEIR_EXEC:
		exec = owners_find_exec(&engine->owners, event->exec_id);
		if (exec && exec->health_check)
			return by_daemon(ret, REASON_HEALTH_CHECK);
		return exec && causes_find_inherit(ret, exec->starter, exec->starter_basis);
	case HEIR_NONE:
		break;
	}
	return false;
}

/* Whether the engine starts the container by its restart policy. */
static bool is_restarted(const struct engine_side *engine, const struct owner *owner,
			 const struct waiting_event *waiting)
{
	if (!owner->inspected || !owner->restarts)
		return false;
	if (engine->gap && owner->restarts_always) /* the engine itself was started anew */
		return owner->state != OWNER_CREATED;
	if (owner->state == OWNER_ENDED)
		return !owner->stopped && (owner->restarts_always || owner->failed) &&
		       (engine->gap || waiting->recovered ||
			waiting->event->time <= owner->died + RESTARTED_WITHIN);
	/* The container may have ended unseen, together with the engine. */
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

/* Returns whether the engine caused the event by itself. That needs a proof: the lack of a request is none. */
static bool find_daemon(const struct engine_side *engine, const struct waiting_event *waiting,
			struct cause *ret)
{
	const struct engine_event *event = waiting->event;
	const struct owner *owner = causes_owner_of(engine, event);

	if (causes_is_container(event) && event->act == ACTION_CREATE && engine->swarm &&
	    event->swarm_task)
		return by_daemon(ret, REASON_SWARM);
	if (!owner)
		return false;
	if (owner->swarm && !causes_is_exec(event))
		return by_daemon(ret, REASON_SWARM);
	if (is_end_by_engine(owner, event))
		return by_daemon(ret, REASON_ENGINE_STOPPED);
	if (causes_is_start(event) && is_restarted(engine, owner, waiting))
		return by_daemon(ret, REASON_RESTART_POLICY);
	if (causes_is_exec(event) && is_health_check(engine, owner, event))
		return by_daemon(ret, REASON_HEALTH_CHECK);
	return false;
}

/* Whether the engine is to be asked about the container before the event counts as caused by nobody. */
static bool is_unexplored(const struct engine_side *engine, const struct effect *effect,
			  const struct engine_event *event)
{
	const struct owner *owner = causes_owner_of(engine, event);

	if ((!causes_is_container(event) && !event->container.size) || (owner && owner->gone))
		return false;
	if (owner && causes_is_doubtful(engine, owner))
		return true;
	if (effect->heir == HEIR_CREATOR)
		return owner && !owner->inspected && !owner->auto_remove &&
		       owner->state == OWNER_ENDED;
	return effect->engine && effect->heir != HEIR_EXEC &&
	       (causes_is_start(event) || causes_is_exec(event)) && (!owner || !owner->inspected);
}

/* --- the decision ----------------------------------------------------------------------------- */

/* The end of the container that WAITING names, right behind it. *RET_OTHER: something else happens to it first. */
static struct waiting_event *find_end_behind(const struct waiting_event *waiting, bool *ret_other)
{
	*ret_other = false;
	for (struct waiting_event *next = waiting->next; next && !*ret_other; next = next->next) {
		if (!causes_is_container(next->event) ||
		    !bytes_equal(next->event->id, waiting->event->container))
			continue;
		if (next->event->act == ACTION_DIE)
			return next;
		*ret_other = !causes_is_exec(next->event) && next->event->act != ACTION_STOP;
	}
	return NULL;
}

/* Whether the event is that the container, which runs, left a network or a volume of its own. */
static bool is_leaving(const struct engine_side *engine, const struct owner *owner,
		       const struct waiting_event *waiting)
{
	const struct engine_event *event = waiting->event;

	if (!owner || owner->state != OWNER_RUNNING || causes_is_doubtful(engine, owner))
		return false;
	return (event->kind == ENGINE_NETWORK && event->act == ACTION_DISCONNECT) ||
	       (event->kind == ENGINE_VOLUME && event->act == ACTION_UNMOUNT &&
		!owner->looked_into);
}

/* Docker from 26 on tells that a container leaves its networks and volumes before it tells that the container ended:
 * then all of them go back to the same. Returns WAIT as long as the end may come. *RET: as of an event that came with the end; its request,
 * if it is of one. */
static enum decision decide_with_end(struct causes *causes, unsigned int socket,
				     struct waiting_event *waiting, bool late, struct cause *ret)
{
	bool other;
	struct waiting_event *end = find_end_behind(waiting, &other);

	*ret = (struct cause){};
	if (!end || late)
		return other || late ? DECIDED : WAIT;
	if (causes_purge(causes, socket, end, false) == WAIT ||
	    causes_decide(causes, socket, end, false, ret) == WAIT)
		return WAIT;
	if (ret->kind == CAUSE_REQUEST)
		ret->kind = CAUSE_INHERITED;
	return DECIDED;
}

/* An end by SIGKILL goes back to the only user who sent SIGKILL. */
static bool take_killer(const struct owner *owner, const struct engine_event *event,
			struct cause *cause)
{
	if (!is_killed(owner, event) || !owner->killer.origin)
		return false;
	*cause = (struct cause){CAUSE_REQUEST, owner->killer.basis, REASON_NONE,
				owner->killer.origin, NULL};
	return true;
}

/* Whether EVENT came with the end of a container, and ONLY is a request that may have caused that end. */
static bool is_of_an_end(const struct owner *owner, const struct engine_event *event,
			 const struct only *only)
{
	return owner && !causes_is_container(event) && is_end(owner, event) && only->cause->signals;
}

/* Whether an event behind the end says that the container ran out of memory. */
static bool is_out_of_memory_behind(const struct waiting_event *waiting)
{
	for (const struct waiting_event *next = waiting->next; next; next = next->next)
		if (causes_is_container(next->event) && next->event->act == ACTION_OOM &&
		    bytes_equal(next->event->id, waiting->event->id))
			return true;
	return false;
}

/* Whether an event to come may say that the container ran out of memory, which would decide the cause of the end. */
static bool may_be_out_of_memory(struct owner *owner, const struct waiting_event *waiting)
{
	if (!is_killed(owner, waiting->event) || !was_limited(owner) || owner->killer.origin)
		return false;
	owner->out_of_memory |= is_out_of_memory_behind(waiting);
	return !owner->out_of_memory;
}

/* Whether the engine is as likely a cause as the only request that fits: that request was only under way, or asks for
 * what the engine is about to do by itself. */
static bool is_weak(const struct causes *causes, const struct only *only, const struct owner *owner,
		    const struct engine_event *event)
{
	if (only->basis == BASIS_TIME)
		return only->cause->key != KEY_OWN;
	/* The answer may be that the removal is in progress already. */
	if (event->act == ACTION_DESTROY)
		return !only->request->answered;
	/* Reading files of a container mounts its volumes, too, and a start that fails undoes what it did. */
	if (event->act == ACTION_UNMOUNT || event->act == ACTION_DISCONNECT)
		return only->cause->key == KEY_CONTAINER && !only->cause->signals;
	return causes_is_start(event) && only->cause->key != KEY_OWN && owner &&
	       owner->state == OWNER_ENDED && !owner->stopped &&
	       causes_boot_of(causes, owner->died, 0) < only->request->started;
}

/* Whether OTHER goes back to the user of ONLY, a request that is matched by time alone. */
static bool is_of_same_user(const struct only *only, const struct cause *other)
{
	return only->basis == BASIS_TIME && other->origin &&
	       caller_same_user(other->origin->caller, only->request->caller);
}

/* Whether the event can have happened without ONLY, the request that fits. */
static bool has_rival(const struct engine_side *engine, const struct effect *effect,
		      const struct waiting_event *waiting, const struct only *only)
{
	const struct engine_event *event = waiting->event;
	const struct owner *owner = causes_owner_of(engine, event);
	struct cause other;
	bool otherwise;

	if (event->kind == ENGINE_VOLUME && event->act == ACTION_DESTROY)
		return event->time <= engine->auto_removal + SETTLED_WITHIN;
	if (owner && effect->heir == HEIR_STARTER && !causes_is_container(event) &&
	    is_end(owner, event))
		return true;
	if (owner && effect->heir == HEIR_CREATOR && owner->state == OWNER_ENDED)
		return owner->auto_remove || !owner->inspected;
	if ((causes_is_start(event) || causes_is_exec(event)) &&
	    is_unexplored(engine, effect, event))
		return true;
	if (is_leaving(engine, owner, waiting) && find_end_behind(waiting, &otherwise))
		return true;
	if (find_heir(engine, effect->heir, event, &other))
		return !is_of_same_user(only, &other);
	return effect->engine && find_daemon(engine, waiting, &other);
}

/* Marks the requests of the same user on the same object: which of them has an effect cannot be told any more. */
static void causes_find_blur(struct causes *causes, const struct request *request)
{
	for (struct request *other = causes->ledger.newest; other; other = other->older)
		if (causes_is_same(causes, other->socket, request->socket) &&
		    is_same_user(other, request) &&
		    (!other->id.size || !request->id.size || bytes_equal(other->id, request->id)) &&
		    (!other->over || other->over >= request->started))
			other->alike = true;
}

/* TIME: of the event. ALIKE: others of the same user fit as well. */
static enum decision decide_request(struct causes *causes, unsigned int socket,
				    const struct effect *effect, uint64_t time,
				    const struct only *only, bool alike, bool late,
				    struct cause *ret)
{
	if (!only->request->sent && !late)
		return WAIT; /* until the sender is known */
	if (alike)
		causes_find_blur(causes, only->request);
	*ret = (struct cause){CAUSE_REQUEST, only->request->alike ? BASIS_TIME : only->basis,
			      REASON_NONE, ledger_origin(&causes->ledger, only->request),
			      only->request};
	if (only->cause->once && !only->request->alike) {
		only->request->consumed = effect;
		only->request->consumed_at = socket;
		only->request->consumed_by = time;
	}
	return DECIDED;
}

enum decision causes_decide(struct causes *causes, unsigned int socket,
			    struct waiting_event *waiting, bool late, struct cause *ret)
{
	struct engine_side *engine = causes_side(causes, socket);
	const struct engine_event *event = waiting->event;
	const struct effect *effect = effect_find(event->kind, event->act);
	struct owner *owner = causes_owner_of(engine, event);
	bool knows = ledger_knows(&causes->ledger, waiting->time), doubt;
	struct candidates candidates = {};
	const struct only *only;
	enum decision decision;
	bool weak;

	*ret = (struct cause){};
	if (!effect)
		return DECIDED;
	find_candidates(causes, socket, effect, waiting, owner, &candidates);
	if (!late && may_become_clear(&candidates))
		return WAIT;
	only = choose_candidate(&candidates, knows, !causes_is_start(event), &doubt);
	weak = only && is_weak(causes, only, owner, event);
	if ((weak || (!only && !doubt)) && is_unexplored(engine, effect, event) && !late &&
	    causes_find_ask(causes, socket, waiting))
		return WAIT;
	if (is_killed(owner, event) && owner->killer.several)
		return DECIDED;
	if (take_killer(owner, event, ret))
		return DECIDED;
	if (only && is_of_an_end(owner, event, only) && !is_of(owner->ender, only->request))
		only = NULL; /* it was under way, but did not end the container */
	if (!doubt && (!only || only->cause->key == KEY_CONTAINER) &&
	    is_leaving(engine, owner, waiting)) {
		decision = decide_with_end(causes, socket, waiting, late, ret);
		if (decision == WAIT || !only || !is_of(ret->origin, only->request))
			return decision;
	}
	if (only && weak && has_rival(engine, effect, waiting, only))
		doubt = true;
	else if (only)
		return decide_request(causes, socket, effect, event->time, only,
				      is_alike(&candidates, only), late, ret);
	if (may_be_out_of_memory(owner, waiting) && !late)
		return WAIT;
	if (!doubt && find_heir(engine, effect->heir, event, ret))
		return DECIDED;
	if (!effect->engine || doubt || !knows || find_daemon(engine, waiting, ret))
		return DECIDED;
	if (owner && !waiting->recovered && causes_is_container(event) &&
	    event->act == ACTION_KILL && causes->options.stopping &&
	    causes->options.stopping(causes->options.inspect_data, socket))
		by_daemon(ret, REASON_ENGINE_STOPPED);
	return DECIDED;
}

/* --- labels that look like attributes --------------------------------------------------------- */

/* Attributes that the engine gives to an action before the labels overwrite them. */
static bool has_given_attributes(const struct engine_event *event)
{
	return event->act == ACTION_DIE || event->act == ACTION_KILL || causes_is_exec(event);
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

enum decision causes_purge(struct causes *causes, unsigned int socket,
			   struct waiting_event *waiting, bool late)
{
	struct engine_side *engine = causes_side(causes, socket);
	struct engine_event *event = waiting->event;
	struct owner *owner;

	if (waiting->purged || waiting->recovered || !causes_is_container(event))
		return DECIDED;
	owner = owners_get(&engine->owners, event->id);
	if (owner) {
		owner->labels |= event->labels;
		owner->labels_known |= !has_given_attributes(event);
	}
	if (has_given_attributes(event) && event->attributes && !(owner && owner->labels_known)) {
		if (!late && !(owner && owner->gone) && causes_find_ask(causes, socket, waiting))
			return WAIT;
		drop_attributes(event, ~0u);
	}
	if (owner)
		drop_attributes(event, owner->labels);
	waiting->purged = true;
	return DECIDED;
}
