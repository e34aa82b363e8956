// SPDX-License-Identifier: Apache-2.0
/*
 * Who is behind a process in a container: who made and started the container, and who began the exec that the process comes
 * from. What is not certain is not said: a process that left its exec for the container's init has the init's ancestors, and
 * comes from nobody that can be told.
 */
#include "base/bytes.h"
#include "docker/cause/causes_inside.h"

#define INIT 1 /* of the host */

/* --- execs ------------------------------------------------------------------------------------ */

void causes_keep_exec(const struct causes *causes, unsigned int socket,
		      const struct owner_exec *exec)
{
	const struct keeper *keeper = &causes->options.keeper;
	uint64_t clock = (uint64_t)causes->clock;
	struct owned_exec owned = {
		.id = {exec->id, ID_DIGITS},
		.container_id = {exec->container, ID_DIGITS},
		.starter = exec->starter,
		.starter_basis = exec->starter_basis,
		.pid = exec->pid,
		.begun = exec->begun ? exec->begun + clock : 0,
		.alive = exec->alive ? exec->alive + clock : 0,
	};

	if (keeper->put_exec && exec->starter)
		keeper->put_exec(keeper->data, socket, &owned);
}

/* Whether a process in the container may call an engine: one that has nothing of the host's cannot, until it does. */
static bool may_call(const struct causes *causes, unsigned int socket, struct bytes id)
{
	const struct owner *owner = owners_find(&causes_side(causes, socket)->owners, id);
	const struct inventory_container *container;

	if (owner && owner->calls)
		return true;
	container = inventory_container(causes->options.inventories[socket], id);
	return !container || !inventory_container_judged(container) || container->finding_count;
}

void causes_ask_exec(const struct causes *causes, unsigned int socket,
		     const struct owner_exec *exec)
{
	const struct causes_options *options = &causes->options;

	if (options->inspect_exec && exec->starter && !exec->pid && !exec->health_check &&
	    may_call(causes, socket, (struct bytes){exec->container, ID_DIGITS}))
		options->inspect_exec(options->inspect_data, socket,
				      (struct bytes){exec->id, ID_DIGITS});
}

void causes_exec_runs(struct causes *causes, unsigned int socket, struct bytes id,
		      struct bytes container, uint32_t pid, uint64_t asked)
{
	struct owners *owners = &causes_side(causes, socket)->owners;
	struct owner_exec *exec = owners_find_exec(owners, id);

	if (!exec || !pid || !bytes_equal(container, (struct bytes){exec->container, ID_DIGITS}))
		return;
	owners_set_process(owners, exec, pid, asked);
	causes_keep_exec(causes, socket, exec);
}

/* A process in the container OWNER called: from now on the processes of its execs are asked for. */
static void note_calls(struct causes *causes, unsigned int socket, struct owner *owner)
{
	const struct owner_exec *exec = causes_side(causes, socket)->owners.execs;

	if (owner->calls)
		return;
	owner->calls = true;
	for (; exec; exec = exec->hh.next)
		if (!memcmp(exec->container, owner->id, ID_DIGITS))
			causes_ask_exec(causes, socket, exec);
}

/* The exec that CALLER comes from: the innermost one, where there are several. NULL: none that is known. */
static const struct owner_exec *find_exec_of(const struct owners *owners, struct bytes container,
					     const struct caller *caller)
{
	const struct owner_exec *exec =
		owners_exec_of(owners, container, caller->process.pid, caller->process.start);

	for (unsigned int i = 0; !exec && i < caller->ancestor_count; i++)
		exec = owners_exec_of(owners, container, caller->ancestors[i].pid,
				      caller->ancestors[i].start);
	return exec;
}

/* --- who -------------------------------------------------------------------------------------- */

/* Whether CALLER, a process in a container, is of the run of it that OWNER knows: a start may have come to pass that its
 * engine has not told yet, or that is not decided. Each run has a process of its own that holds it, below the host's init. */
static bool is_of_this_run(const struct causes *causes, const struct owner *owner,
			   const struct caller *caller, const struct owner_exec *exec)
{
	uint64_t started = causes_boot_of(causes, owner->started, 0);
	uint64_t died = owner->died < owner->started ? owner->died : 0;
	const struct process *holder;
	struct bytes name;

	if (!started || caller->boot_id.size)
		return false;
	if (exec)
		return exec->begun >= started;
	if (caller->ancestor_count < 2 || caller->ancestors[caller->ancestor_count - 1].pid != INIT)
		return false;
	holder = &caller->ancestors[caller->ancestor_count - 2];
	name = bytes_basename(holder->executable);
	if (!bytes_begin(name, "containerd-shim") && !bytes_are(name, "conmon"))
		return false;
	return holder->start && holder->start <= started &&
	       holder->start >= causes_boot_of(causes, died, 0);
}

static void set_maker(struct record_maker *maker, const struct origin *origin,
		      enum cause_basis basis)
{
	if (!origin || !origin->caller)
		return;
	*maker = (struct record_maker){
		.caller = origin->caller,
		.event_id = origin->event_id,
		.container_name = origin->container_name,
		.basis = basis,
	};
	/* Joined by time alone, it may be another request by the same user: as everybody is in a container. */
	if (basis == BASIS_TIME)
		return;
	maker->behind = origin->behind;
	maker->behind_id = origin->behind_id;
}

/* Who is at the end behind EXEC. */
static void set_behind(struct record_maker *behind, const struct record_maker *exec)
{
	if (exec->behind)
		*behind =
			(struct record_maker){.caller = exec->behind, .event_id = exec->behind_id};
	else if (exec->caller && !caller_may_be_contained(exec->caller))
		*behind = (struct record_maker){.caller = exec->caller, .event_id = exec->event_id};
}

/* As one of the engines knows it; a daemon with several sockets tells each what the others have begun as well. */
static void find_makers(struct causes *causes, unsigned int socket, struct owner *owner,
			const struct caller *caller, struct record_maker ret[RECORD_MAKERS])
{
	const struct engine_side *engine = causes_side(causes, socket);
	struct bytes container = {owner->id, ID_DIGITS};
	const struct owner_exec *exec =
		caller ? find_exec_of(&engine->owners, container, caller) : NULL;

	if (!ret[MAKER_CREATED].caller)
		set_maker(&ret[MAKER_CREATED], owner->creator, owner->creator_basis);
	if (!caller)
		return;
	note_calls(causes, socket, owner);
	if (!ret[MAKER_STARTED].caller && owner->starter_known &&
	    !causes_is_doubtful(engine, owner) && is_of_this_run(causes, owner, caller, exec))
		set_maker(&ret[MAKER_STARTED], owner->starter, owner->starter_basis);
	if (exec && !ret[MAKER_EXEC].caller)
		set_maker(&ret[MAKER_EXEC], exec->starter, exec->starter_basis);
}

void causes_makers(struct causes *causes, struct bytes container, const struct caller *caller,
		   struct record_maker ret[RECORD_MAKERS])
{
	memset(ret, 0, RECORD_MAKERS * sizeof(*ret));
	for (unsigned int i = 0; i < causes->options.socket_count; i++) {
		const struct causes_options *options = &causes->options;
		struct owner *owner = owners_find(&causes->engines[i].owners, container);

		if (owner && (!options->names_containers ||
			      options->names_containers(options->inspect_data, i)))
			find_makers(causes, i, owner, caller, ret);
	}
	set_behind(&ret[MAKER_BEHIND], &ret[MAKER_EXEC]);
}
