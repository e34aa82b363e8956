// SPDX-License-Identifier: Apache-2.0
/* What an event changes: whose containers and execs are. */
#include <signal.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "docker/cause/causes_inside.h"

static void keep_deed(const struct causes *causes, unsigned int socket,
		      const struct waiting_event *waiting, const struct owner *owner,
		      const struct cause *cause)
{
	const struct keeper *keeper = &causes->options.keeper;
	const struct engine_event *event = waiting->event;
	struct owned owned = owner_owned(owner);
	struct deed deed = {
		.action = event->act,
		.command = causes_command(causes, socket, event),
		.exec_id = event->exec_id,
		.has_exit_code = event->has_exit_code,
		.exit_code = event->exit_code,
		.time = event->time ?: record_time(causes->options.context, waiting->time),
		.kind = cause->kind,
		.basis = cause->basis,
		.reason = cause->reason,
		.origin = cause->origin,
	};

	if (!engine_action_words[event->act].kept || cause->reason == REASON_HEALTH_CHECK)
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
	owner->looked_into = 0;
	owner->stopped = false;
	owner->signalled = false;
	owner->signalled_at = 0;
	owner->out_of_memory = owner->stopped_by_engine = false;
	owner_culprit_clear(&owner->killer);
	owner_culprit_clear(&owner->signaller);
}

/* A network or a volume of the container was connected, mounted, or left. Whoever copies files of one that runs mounts
 * its volumes once more for that time. */
static void was_connected(struct owner *owner, const struct engine_event *event)
{
	owner->reconnected |= causes_is_start(event);
	if (event->act == ACTION_MOUNT && owner->state == OWNER_RUNNING)
		owner->looked_into++;
	else if (event->act == ACTION_UNMOUNT && owner->looked_into)
		owner->looked_into--;
}

/* The number that EVENT has, or that its request asked for where a label hides it; 0: not known. */
static int signal_of(const struct engine_event *event, const struct request *request)
{
	int number = 0;

	if (!event->signal.size)
		return request ? request->signal : 0;
	for (size_t i = 0; i < event->signal.size; i++) {
		int digit = event->signal.data[i] - '0';

		if (digit < 0 || digit > 9 || number > 99)
			return 0;
		number = 10 * number + digit;
	}
	return number;
}

static void was_killed(struct owner *owner, const struct engine_event *event,
		       const struct cause *cause)
{
	bool known = cause->kind == CAUSE_REQUEST;
	int signal = signal_of(event, cause->request);

	if (cause->reason == REASON_ENGINE_STOPPED) {
		owner->stopped_by_engine = true;
		return;
	}
	owner->signalled = true;
	if (cause->request)
		cause->request->signalled = event->time;
	if (ledger_signal_is_harmless(signal))
		return;
	if (signal == SIGKILL || !signal) /* a signal that is not known may be SIGKILL */
		owner_culprit_add(&owner->killer, known ? cause->origin : NULL, cause->basis);
	if (signal == SIGKILL)
		return;
	owner_culprit_add(&owner->signaller, known ? cause->origin : NULL, cause->basis);
	owner->signalled_at = event->time;
}

static void was_updated(struct owner *owner, const struct cause *cause)
{
	owner->inspected = false; /* the restart policy may be another one */
	if (cause->request && !cause->request->limits)
		return;
	owner_culprit_clear(&owner->limiter);
	owner_culprit_add(&owner->limiter, cause->kind == CAUSE_REQUEST ? cause->origin : NULL,
			  cause->basis);
}

static void has_died(struct engine_side *engine, struct owner *owner,
		     const struct engine_event *event, const struct cause *cause)
{
	owner->died = event->time;
	owner_set_ender(owner, cause->origin, cause->basis);
	if (owner->auto_remove || !(owner->inspected || owner->creator))
		engine->auto_removal = event->time;
	if (owner->started > event->time) /* this was missed then, and is told after that */
		return;
	owner->state = OWNER_ENDED;
	owner->reconnected = false;
	owner->failed = event->has_exit_code && event->exit_code;
	/* A container that was sent a signal is not started again by the engine. */
	owner->stopped = cause->kind == CAUSE_REQUEST || owner->signalled;
}

/* Whether REQUEST, of the daemon of SOCKET, began an exec in CONTAINER: it says which, and the engine begins none twice. */
static bool began_exec(const struct causes *causes, unsigned int socket,
		       const struct request *request, struct bytes container)
{
	return operation_docker(request->operation) == OPERATION_ExecStart && request->sent &&
	       request->answered && request->status < STATUS_ERROR &&
	       bytes_equal(request->container, container) &&
	       causes_is_same(causes, request->socket, socket);
}

/* Podman tells that an exec runs in CONTAINER, not which one, and some time after it came to run: these are all that requests began. */
static void take_begun_execs(const struct causes *causes, unsigned int socket,
			     struct bytes container)
{
	struct owners *owners = &causes_side(causes, socket)->owners;
	struct request *request = causes->ledger.newest;
	struct owner_exec *exec;

	for (; request; request = request->older) {
		if (request->taken || !began_exec(causes, socket, request, container))
			continue;
		exec = owners_get_exec(owners, request->id);
		if (!exec)
			continue;
		request->taken = true;
		memcpy(exec->container, container.data, ID_DIGITS);
		exec->begun = request->started;
		origin_unref(exec->starter);
		exec->starter = origin_ref(ledger_origin(&causes->ledger, request));
		exec->starter_basis = BASIS_ID;
		causes_keep_exec(causes, socket, exec);
		causes_ask_exec(causes, socket, exec);
	}
}

static void had_exec(const struct causes *causes, unsigned int socket,
		     const struct engine_event *event, const struct cause *cause)
{
	struct owners *owners = &causes_side(causes, socket)->owners;
	const struct keeper *keeper = &causes->options.keeper;
	struct owner_exec *exec;
	bool ends = event->act == ACTION_EXEC_DIE;
	struct bytes id = event->exec_id;

	if (!id.size && event->act == ACTION_EXEC_START) {
		take_begun_execs(causes, socket, event->id);
		return;
	}
	exec = ends ? owners_find_exec(owners, id) : owners_get_exec(owners, id);
	if (!exec)
		return;
	memcpy(exec->container, event->id.data, ID_DIGITS);
	exec->health_check |= cause->reason == REASON_HEALTH_CHECK;
	if (ends) {
		owners_end_exec(owners, exec);
		if (keeper->end_exec)
			keeper->end_exec(keeper->data, socket, id);
		return;
	}
	if (event->act == ACTION_EXEC_CREATE)
		return;
	if (!exec->begun)
		exec->begun = causes_boot_of(causes, event->time, 0);
	if (cause->kind == CAUSE_REQUEST) {
		origin_ref(cause->origin);
		origin_unref(exec->starter);
		exec->starter = cause->origin;
		exec->starter_basis = cause->basis;
		if (cause->request)
			cause->request->taken = true;
	}
	causes_keep_exec(causes, socket, exec);
	causes_ask_exec(causes, socket, exec);
}

/* What the inventory learns of a request, where a request was seen, the event tells it where none was. */
static void tell_inventory(const struct causes *causes, unsigned int socket,
			   const struct engine_event *event, const struct cause *cause)
{
	bool named = event->act == ACTION_CREATE || event->act == ACTION_RENAME;
	/* The mounts may lead elsewhere by now. */
	bool restarted = event->act == ACTION_START && cause->kind != CAUSE_REQUEST;
	bool changed;

	if (event->act == ACTION_DESTROY)
		inventory_remove_container(causes->options.inventories[socket], event->id);
	/* What a request changed was learned with its answer. An event may be told late: by now another container
	 * may have the name. */
	changed =
		(named && cause->kind != CAUSE_REQUEST) || event->act == ACTION_UPDATE || restarted;
	if (changed && causes->options.inspect)
		causes->options.inspect(causes->options.inspect_data, socket, event->id);
}

static void was_destroyed(const struct causes *causes, unsigned int socket, struct owner *owner,
			  const struct waiting_event *waiting)
{
	const struct keeper *keeper = &causes->options.keeper;
	uint64_t time = waiting->event->time ?: record_time(causes->options.context, waiting->time);

	if (keeper->remove)
		keeper->remove(keeper->data, socket, waiting->event->id, time);
	owners_remove(&causes_side(causes, socket)->owners, owner);
}

void causes_apply(struct causes *causes, unsigned int socket, const struct waiting_event *waiting,
		  const struct cause *cause)
{
	const struct engine_event *event = waiting->event;
	struct engine_side *engine = causes_side(causes, socket);
	struct owner *owner =
		causes_is_container(event) ? owners_get(&engine->owners, event->id) : NULL;

	if (event->kind == ENGINE_IMAGE && event->act == ACTION_TAG)
		inventory_put_image(causes->options.inventories[socket], event->id, event->name);
	if (!owner) {
		owner = causes_owner_of(engine, event);
		if (owner)
			was_connected(owner, event);
		return;
	}
	if (event->act == ACTION_RENAME && owner->name)
		for (unsigned int i = 0; i < causes->options.socket_count; i++)
			if (causes_is_same(causes, i, socket))
				ledger_renamed(&causes->ledger, i, bytes_of(owner->name), event->id,
					       waiting->time);
	owner_set_name(owner, event->name);
	owner_set_image(owner, event->image);
	switch (event->act) {
	case ACTION_CREATE:
		was_created(causes->options.inventories[socket], owner, event, cause);
		if (!waiting->recovered)
			owner->generation = engine->generation; /* nothing of it was missed */
		break;
	case ACTION_START:
		was_started(owner, event, cause);
		break;
	case ACTION_KILL:
		was_killed(owner, event, cause);
		break;
	case ACTION_DIE:
		has_died(engine, owner, event, cause);
		break;
	case ACTION_STOP: /* also of a container that the engine was about to start again */
		owner->stopped |= cause->reason != REASON_ENGINE_STOPPED;
		break;
	case ACTION_UPDATE:
		was_updated(owner, cause);
		break;
	case ACTION_OOM:
		owner->out_of_memory = true;
		break;
	case ACTION_EXEC_CREATE:
	case ACTION_EXEC_START:
	case ACTION_EXEC_DETACH:
	case ACTION_EXEC_DIE:
		had_exec(causes, socket, event, cause);
		break;
	default:
		break;
	}
	keep_deed(causes, socket, waiting, owner, cause);
	tell_inventory(causes, socket, event, cause);
	if (event->act == ACTION_DESTROY)
		was_destroyed(causes, socket, owner, waiting);
}
