// SPDX-License-Identifier: Apache-2.0
#include "docker/cause/causes.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "docker/cause/causes_inside.h"
#include "docker/judge/policy.h"
#include "secret/mask.h"

#define WAITING_MAX 65536
/* ns that a concluded event waits: the engine may still tell it. */
#define RECOVERY_WAIT 2000000000ull

/* --- the record ------------------------------------------------------------------------------- */

struct bytes causes_command(const struct causes *causes, unsigned int socket,
			    const struct engine_event *event)
{
	const struct inventory_exec *exec =
		inventory_exec(causes->options.inventories[socket], event->exec_id);

	/* The exec's id may be a label, which names an exec of another container. */
	if (!event->program.data || !exec || !exec->command.size ||
	    !bytes_equal(exec->container_id, event->id))
		return event->program;
	return exec->command;
}

static struct record_event event_of(const struct causes *causes, unsigned int socket,
				    const struct waiting_event *waiting, const struct owner *owner)
{
	const struct engine_event *event = waiting->event;

	return (struct record_event){
		.kind = event->kind,
		.act = event->act,
		.type = event->type,
		.action = event->action,
		.id = event->id,
		.name = event->name,
		.image = event->image,
		.container_id = event->container,
		.container_name =
			event->container.size && owner ? bytes_of(owner->name) : (struct bytes){},
		.exec_id = event->exec_id,
		.command = causes_command(causes, socket, event),
		.health = event->health,
		.unhealthy = event->unhealthy,
		.signal = event->signal,
		.has_exit_code = event->has_exit_code,
		.exit_code = event->exit_code,
		.time = event->time,
		.recovered = waiting->recovered,
	};
}

/* A name that somebody chose, without its secrets. MASKED is where they were taken out. */
static struct bytes told_name(struct bytes name, struct text *masked)
{
	return mask_reference(masked, name) ? text_since(masked, 0) : name;
}

/* Each kind of finding once, in its gravest form. Returns how many. */
static unsigned int findings_of(const struct origin *origin,
				struct finding findings[INVENTORY_FINDINGS_MAX])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < origin->finding_count; i++) {
		const struct finding *finding = &origin->findings[i];
		unsigned int same = 0;

		while (same < count && findings[same].id != finding->id)
			same++;
		if (same == count && finding->severity != SEVERITY_NONE)
			findings[count++] = (struct finding){finding->id, finding->severity};
	}
	return count;
}

/* The name of the rule that expected ORIGIN, as a string; NULL: none did. */
static const char *rule_of(const struct origin *origin, char name[POLICY_NAME_MAX + 1])
{
	size_t size = origin->expected_rule.size;

	if (!size || size > POLICY_NAME_MAX)
		return NULL;
	memcpy(name, origin->expected_rule.data, size);
	name[size] = '\0';
	return name;
}

static void causes_tell(struct causes *causes, unsigned int socket,
			const struct waiting_event *waiting, const struct cause *cause)
{
	const struct engine_side *engine = causes_side(causes, socket);
	struct text masked[4] = {0};
	struct finding findings[INVENTORY_FINDINGS_MAX];
	char rule[POLICY_NAME_MAX + 1];
	struct record record = {
		.action = RECORD_DOCKER_EVENT,
		.time = waiting->event->time /* it may have been before this boot */
				? waiting->event->time -
					  (uint64_t)causes->options.context->boot_to_real
				: waiting->time,
		.connection.socket = bytes_of(causes->options.sockets[socket]),
		.api.engine = engine->brand,
		.event = event_of(causes, socket, waiting, causes_owner_of(engine, waiting->event)),
		.cause =
			{
				.kind = cause->kind,
				.basis = cause->basis,
				.reason = cause->reason,
			},
	};

	if (cause->origin) {
		record.caller = cause->origin->caller;
		record.container_name = cause->origin->container_name;
		record.container_image = cause->origin->container_image;
		if (cause->origin->behind && cause->basis != BASIS_TIME)
			record.makers[MAKER_BEHIND] =
				(struct record_maker){.caller = cause->origin->behind,
						      .event_id = cause->origin->behind_id};
		if (cause->basis != BASIS_TIME) /* it may be another one's by the same relay */
			record.relayed = cause->origin->relayed;
		record.cause.event_id = cause->origin->event_id;
		record.cause.operation = cause->origin->operation;
		/* Time alone is not enough: another's deed would pass for an expected one. */
		if ((cause->kind == CAUSE_REQUEST || cause->kind == CAUSE_INHERITED) &&
		    cause->basis != BASIS_TIME)
			record.api.expected_rule = rule_of(cause->origin, rule);
		record.cause.findings = findings;
		record.cause.finding_count = findings_of(cause->origin, findings);
	}
	causes->stats.events++;
	causes->stats.kinds[cause->kind]++;
	record.event.id =
		told_name(record.event.id, &masked[0]); /* of a volume or image its name */
	record.event.name = told_name(record.event.name, &masked[1]);
	record.event.image = told_name(record.event.image, &masked[2]);
	record.event.exec_id =
		told_name(record.event.exec_id, &masked[3]); /* a label may stand there */
	causes->options.record(causes->options.data, &record);
	for (unsigned int i = 0; i < COUNT(masked); i++)
		text_free(&masked[i]);
}

/* --- the queues ------------------------------------------------------------------------------- */

static void free_waiting(struct causes *causes, struct event_queue *queue)
{
	struct waiting_event *waiting = queue->first;

	queue->first = waiting->next;
	if (!queue->first)
		queue->end = &queue->first;
	causes->stats.waiting--;
	free(waiting->event);
	free(waiting);
}

/* Tells the first event, unless it has to wait. Returns whether it was told. */
static bool run_first(struct causes *causes, unsigned int socket, struct event_queue *queue,
		      bool late)
{
	struct waiting_event *waiting = queue->first;
	struct cause cause;

	if (!late && causes_is_held(causes, socket, waiting))
		return false;
	if (causes_purge(causes, socket, waiting, late) == WAIT ||
	    causes_decide(causes, socket, waiting, late, &cause) == WAIT)
		return false;
	causes->stats.late += late;
	if (!waiting->recovered && waiting->event->time)
		causes_side(causes, socket)->position = waiting->event->time;
	origin_ref(cause.origin); /* causes_apply() may give up the last other reference */
	if (causes_tell_once(causes, socket, waiting))
		causes_tell(causes, socket, waiting, &cause);
	causes_apply(causes, socket, waiting, &cause);
	origin_unref(cause.origin);
	free_waiting(causes, queue);
	return true;
}

/* Whether a concluded event has been told by the engine meanwhile, or is no longer true. */
static bool is_known(const struct engine_side *engine, const struct engine_event *event)
{
	const struct owner *owner = owners_find(&engine->owners, event->id);

	if (event->act == ACTION_DESTROY)
		return !owner || owner->generation == engine->generation;
	if (!owner)
		return true; /* the container was removed: it has no more events */
	if (event->act == ACTION_CREATE)
		return owner->created;
	if (event->act == ACTION_START)
		return owner->started >= event->time;
	return owner->died >= event->time;
}

/* Whether a concluded event was heard at another socket of the same daemon. */
static bool is_known_elsewhere(const struct causes *causes, unsigned int socket,
			       const struct engine_event *event)
{
	for (unsigned int i = 0; i < causes->options.socket_count; i++) {
		const struct engine_side *other = &causes->engines[i];

		if (i != socket && causes_is_same(causes, i, socket) && !other->gap &&
		    (event->act == ACTION_DESTROY || owners_find(&other->owners, event->id)) &&
		    is_known(other, event))
			return true;
	}
	return false;
}

static void run_recovered(struct causes *causes, unsigned int socket, uint64_t now)
{
	struct engine_side *engine = causes_side(causes, socket);
	struct event_queue *queue = &engine->recovered;

	while (queue->first && now >= queue->first->arrived + RECOVERY_WAIT) {
		if (is_known(engine, queue->first->event) ||
		    is_known_elsewhere(causes, socket, queue->first->event))
			free_waiting(causes, queue);
		else
			run_first(causes, socket, queue, true);
	}
}

void causes_run(struct causes *causes, uint64_t now)
{
	ledger_run(&causes->ledger, now);
	for (unsigned int i = 0; i < causes->options.socket_count; i++) {
		struct event_queue *queue = &causes->engines[i].told;

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
		struct event_queue *queue = &causes->engines[i].told;

		while (queue->first)
			run_first(causes, i, queue, true);
	}
}

uint64_t causes_position(const struct causes *causes, unsigned int socket)
{
	return causes_side(causes, socket)->position;
}

bool causes_waiting(const struct causes *causes)
{
	return causes->stats.waiting;
}

static void causes_enqueue(struct causes *causes, struct event_queue *queue,
			   const struct engine_event *event, bool recovered, uint64_t now)
{
	struct waiting_event *waiting = calloc(1, sizeof(*waiting));
	struct engine_event *copy = engine_event_copy(event);

	if (!waiting || !copy) {
		free(waiting);
		free(copy);
		causes->stats.dropped++;
		return;
	}
	*waiting = (struct waiting_event){
		.event = copy,
		.arrived = now,
		.time = causes_boot_of(causes, event->time, now),
		.recovered = recovered,
	};
	*queue->end = waiting;
	queue->end = &waiting->next;
	causes->stats.waiting++;
}

void causes_event(struct causes *causes, unsigned int socket, const struct engine_event *event,
		  uint64_t now)
{
	struct event_queue *queue = &causes_side(causes, socket)->told;

	while (causes->stats.waiting >= WAITING_MAX && queue->first)
		run_first(causes, socket, queue, true);
	causes_enqueue(causes, queue, event, false, now);
}

/* --- gaps ------------------------------------------------------------------------------------- */

void causes_gap(struct causes *causes, unsigned int socket, uint64_t since)
{
	struct engine_side *engine = causes_side(causes, socket);

	if (!engine->gap || since < engine->gap_since)
		engine->gap_since = since;
	engine->gap = true;
	engine->generation++;
}

static void causes_recover(struct causes *causes, unsigned int socket, const struct owner *owner,
			   enum engine_action action, uint64_t time, uint64_t now)
{
	/* The exit code of one that runs is of another end. */
	bool dead = action == ACTION_DIE && !owner->running;
	struct engine_event event = {
		.kind = ENGINE_CONTAINER,
		.act = action,
		.type = bytes_of("container"),
		.action = bytes_of(engine_action_words[action].word),
		.id = {owner->id, ID_DIGITS},
		.name = bytes_of(owner->name),
		.image = bytes_of(owner->image),
		.has_exit_code = dead,
		.exit_code = dead ? owner->exit_code : 0,
		.time = time,
	};

	causes_enqueue(causes, &causes_side(causes, socket)->recovered, &event, true, now);
}

/* Concludes what happened to a container since the gap from its present state. */
static void causes_look_back(struct causes *causes, unsigned int socket, struct owner *owner,
			     uint64_t now)
{
	uint64_t since = causes_side(causes, socket)->gap_since;
	bool again = owner->started_at > owner->started;
	bool started = again && owner->started_at > since;
	bool before = owner->finished_at < owner->started_at; /* and then it was started again */
	bool died = owner->finished_at > since && owner->finished_at > owner->died &&
		    (before || !owner->running);

	if (owner->made_at > since && !owner->created)
		causes_recover(causes, socket, owner, ACTION_CREATE, owner->made_at, now);
	if (died && before)
		causes_recover(causes, socket, owner, ACTION_DIE, owner->finished_at, now);
	if (started)
		causes_recover(causes, socket, owner, ACTION_START, owner->started_at, now);
	if (again) /* until that is clear */
		owner_set_starter(owner, NULL, BASIS_NONE, false);
	if (died && !before)
		causes_recover(causes, socket, owner, ACTION_DIE, owner->finished_at, now);
}

void causes_inspected(struct causes *causes, unsigned int socket, const struct value *inspect,
		      uint64_t now)
{
	struct engine_side *engine = causes_side(causes, socket);
	struct owner *owner = owners_get(&engine->owners, body_string(inspect, "Id"));

	if (!owner)
		return;
	owner_inspected(owner, inspect);
	if (causes_is_doubtful(engine, owner)) {
		owner_set_name(owner, body_string(inspect, "Name"));
		causes_look_back(causes, socket, owner, now);
	}
	owner->generation = engine->generation;
}

void causes_gone(struct causes *causes, unsigned int socket, struct bytes id)
{
	struct owner *owner = owners_get(&causes_side(causes, socket)->owners, id);

	if (owner)
		owner->gone = true;
}

void causes_refreshed(struct causes *causes, unsigned int socket, bool complete, uint64_t now)
{
	struct engine_side *engine = causes_side(causes, socket);
	struct owner *owner, *next;

	if (!engine->gap || !complete)
		return;
	HASH_ITER(hh, engine->owners.containers, owner, next)
	{
		struct bytes id = {owner->id, ID_DIGITS};

		if (owner->generation != engine->generation &&
		    !inventory_container(causes->options.inventories[socket], id))
			causes_recover(causes, socket, owner, ACTION_DESTROY, 0, now);
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

		engine->brand = BRAND_DOCKER;
		engine->first = i;
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
	free(causes->known);
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

void causes_set_engine(struct causes *causes, unsigned int socket, enum engine_brand brand,
		       bool swarm)
{
	causes_side(causes, socket)->brand = brand;
	causes_side(causes, socket)->swarm = swarm;
}

void causes_restore_position(struct causes *causes, unsigned int socket, uint64_t position)
{
	causes_side(causes, socket)->told_before = position;
}

int causes_restore(struct causes *causes, unsigned int socket, const struct owned *owned)
{
	struct owner *owner = owners_get(&causes_side(causes, socket)->owners, owned->id);

	if (!owner)
		return idtree_is_id(owned->id) ? -ENOMEM : -EINVAL;
	owner_restore(owner, owned);
	return 0;
}

int causes_restore_exec(struct causes *causes, unsigned int socket, const struct owned_exec *exec)
{
	struct owner_exec *kept = owners_get_exec(&causes_side(causes, socket)->owners, exec->id);

	if (!kept || !idtree_is_id(exec->container_id))
		return kept ? -EINVAL : -ENOMEM;
	memcpy(kept->container, exec->container_id.data, ID_DIGITS);
	origin_ref(exec->starter);
	origin_unref(kept->starter);
	kept->starter = exec->starter;
	kept->starter_basis = exec->starter_basis;
	kept->health_check = exec->health_check;
	kept->begun = causes_boot_of(causes, exec->begun, 0);
	if (exec->pid)
		owners_set_process(&causes_side(causes, socket)->owners, kept, exec->pid,
				   causes_boot_of(causes, exec->alive, 0));
	return 0;
}

void causes_stats(const struct causes *causes, struct causes_stats *ret)
{
	*ret = causes->stats;
}
