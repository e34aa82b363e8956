// SPDX-License-Identifier: Apache-2.0
#include "docker/cause/owners.h"

#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/table.h"
#include "base/text.h"

static void set_origin(struct origin **place, struct origin *origin)
{
	origin_ref(origin);
	origin_unref(*place);
	*place = origin;
}

void owner_culprit_add(struct culprit *culprit, struct origin *origin, enum cause_basis basis)
{
	struct origin *first = culprit->origin;

	if (first && origin && !origin_equal(first, origin) &&
	    caller_same_user(first->caller, origin->caller)) {
		culprit->basis = BASIS_TIME;
		return;
	}
	culprit->several |= !origin || (first && !origin_equal(first, origin));
	if (culprit->several)
		origin = NULL;
	else if (!first)
		culprit->basis = basis;
	set_origin(&culprit->origin, origin);
}

void owner_culprit_clear(struct culprit *culprit)
{
	culprit->several = false;
	set_origin(&culprit->origin, NULL);
}

/* --- the tables ------------------------------------------------------------------------------- */

struct owner *owners_find(const struct owners *owners, struct bytes id)
{
	struct owner *owner = NULL;

	if (idtree_is_id(id))
		HASH_FIND(hh, owners->containers, id.data, ID_DIGITS, owner);
	return owner;
}

void owners_remove(struct owners *owners, struct owner *owner)
{
	HASH_DEL(owners->containers, owner);
	origin_unref(owner->creator);
	origin_unref(owner->starter);
	owner_culprit_clear(&owner->killer);
	owner_culprit_clear(&owner->signaller);
	owner_culprit_clear(&owner->limiter);
	origin_unref(owner->ender);
	free(owner->volumes);
	free(owner->name);
	free(owner->image);
	free(owner);
}

struct owner *owners_get(struct owners *owners, struct bytes id)
{
	struct owner *owner = owners_find(owners, id);

	if (owner || !idtree_is_id(id))
		return owner;
	owner = calloc(1, sizeof(*owner));
	if (!owner)
		return NULL;
	memcpy(owner->id, id.data, ID_DIGITS);
	HASH_ADD(hh, owners->containers, id, ID_DIGITS, owner);
	if (!owner->hh.tbl) {
		free(owner);
		return NULL;
	}
	if (HASH_COUNT(owners->containers) > OWNERS_MAX)
		owners_remove(owners, owners->containers);
	return owner;
}

struct owner_exec *owners_find_exec(const struct owners *owners, struct bytes id)
{
	struct owner_exec *exec = NULL;

	if (idtree_is_id(id))
		HASH_FIND(hh, owners->execs, id.data, ID_DIGITS, exec);
	return exec;
}

static void forget_process(struct owners *owners, struct owner_exec *exec)
{
	if (exec->pid)
		HASH_DELETE(of_pid, owners->by_pid, exec);
	exec->pid = 0;
}

/* EXEC, of TABLE. */
static void drop_exec_of(struct owners *owners, struct owner_exec **table, struct owner_exec *exec)
{
	HASH_DEL(*table, exec);
	forget_process(owners, exec);
	origin_unref(exec->starter);
	free(exec);
}

struct owner_exec *owners_get_exec(struct owners *owners, struct bytes id)
{
	struct owner_exec *exec = owners_find_exec(owners, id);

	if (exec || !idtree_is_id(id))
		return exec;
	exec = calloc(1, sizeof(*exec));
	if (!exec)
		return NULL;
	memcpy(exec->id, id.data, ID_DIGITS);
	HASH_ADD(hh, owners->execs, id, ID_DIGITS, exec);
	if (!exec->hh.tbl) {
		free(exec);
		return NULL;
	}
	if (HASH_COUNT(owners->execs) > OWNERS_EXECS_MAX)
		drop_exec_of(owners, &owners->execs, owners->execs);
	return exec;
}

void owners_end_exec(struct owners *owners, struct owner_exec *exec)
{
	struct owner_exec *old = NULL;

	if (!exec->pid) {
		drop_exec_of(owners, &owners->execs, exec);
		return;
	}
	HASH_FIND(hh, owners->ended, exec->id, ID_DIGITS, old);
	if (old)
		drop_exec_of(owners, &owners->ended, old);
	HASH_DEL(owners->execs, exec);
	HASH_ADD(hh, owners->ended, id, ID_DIGITS, exec);
	if (!exec->hh.tbl) {
		forget_process(owners, exec);
		origin_unref(exec->starter);
		free(exec);
	} else if (HASH_COUNT(owners->ended) > OWNERS_ENDED_MAX) {
		drop_exec_of(owners, &owners->ended, owners->ended);
	}
}

void owners_set_process(struct owners *owners, struct owner_exec *exec, uint32_t pid,
			uint64_t alive)
{
	struct owner_exec *other;

	if (alive > exec->alive)
		exec->alive = alive;
	if (exec->pid == pid)
		return;
	forget_process(owners, exec);
	HASH_FIND(of_pid, owners->by_pid, &pid, sizeof(pid), other);
	if (other)
		forget_process(owners, other);
	exec->pid = pid;
	HASH_ADD(of_pid, owners->by_pid, pid, sizeof(exec->pid), exec);
	if (!exec->of_pid.tbl)
		exec->pid = 0;
}

struct owner_exec *owners_exec_of(const struct owners *owners, struct bytes container, uint32_t pid,
				  uint64_t start)
{
	struct owner_exec *exec = NULL;

	if (pid && start)
		HASH_FIND(of_pid, owners->by_pid, &pid, sizeof(pid), exec);
	if (!exec || !bytes_equal((struct bytes){exec->container, ID_DIGITS}, container) ||
	    start < exec->begun || start > exec->alive)
		return NULL;
	return exec;
}

void owners_clear(struct owners *owners)
{
	while (owners->containers) /* NOLINTNEXTLINE: the analyzer loses track of the table */
		owners_remove(owners, owners->containers);
	while (owners->execs) /* NOLINTNEXTLINE: likewise */
		drop_exec_of(owners, &owners->execs, owners->execs);
	while (owners->ended) /* NOLINTNEXTLINE: likewise */
		drop_exec_of(owners, &owners->ended, owners->ended);
}

/* --- one of them ------------------------------------------------------------------------------ */

static void owners_set_text(char **text, struct bytes bytes)
{
	char *copy;

	if (!bytes.size || bytes_equal(bytes_of(*text), bytes))
		return;
	copy = strndup(bytes.data, bytes.size);
	if (!copy)
		return;
	free(*text);
	*text = copy;
}

void owner_set_name(struct owner *owner, struct bytes name)
{
	owners_set_text(&owner->name, name.size && *name.data == '/' ? bytes_from(name, 1) : name);
}

void owner_set_image(struct owner *owner, struct bytes image)
{
	owners_set_text(&owner->image, image);
}

void owner_set_creator(struct owner *owner, struct origin *origin, enum cause_basis basis)
{
	set_origin(&owner->creator, origin);
	owner->creator_basis = basis;
}

void owner_set_ender(struct owner *owner, struct origin *origin, enum cause_basis basis)
{
	set_origin(&owner->ender, origin);
	owner->ender_basis = basis;
}

void owner_set_starter(struct owner *owner, struct origin *origin, enum cause_basis basis,
		       bool known)
{
	set_origin(&owner->starter, origin);
	owner->starter_basis = basis;
	owner->starter_known = known;
}

/* --- what inspect tells ----------------------------------------------------------------------- */

/* RFC 3339, as Go writes it, as ns of CLOCK_REALTIME; 0: it is none, or before 1970 (Go's zero). */
static uint64_t owners_read_time(struct bytes text)
{
	char buffer[48], *at;
	struct tm tm = {0};
	uint64_t fraction = 0;
	time_t seconds;
	long zone;

	if (!text.size || text.size >= sizeof(buffer))
		return 0;
	memcpy(buffer, text.data, text.size);
	buffer[text.size] = '\0';
	at = strptime(buffer, "%Y-%m-%dT%H:%M:%S", &tm);
	if (at && *at == '.')
		for (uint64_t unit = NS_PER_S / 10; isdigit((unsigned char)*++at); unit /= 10)
			fraction += unit * (uint64_t)(*at - '0');
	at = at ? strptime(at, "%z", &tm) : NULL;
	if (!at || *at)
		return 0;
	zone = tm.tm_gmtoff; /* which timegm() resets */
	seconds = timegm(&tm) - zone;
	return seconds < 0 ? 0 : (uint64_t)seconds * NS_PER_S + fraction;
}

/* The health check's command, as events have it; 0: none. */
static uint64_t health_hash(const struct value *config)
{
	const struct value *test = body_get(body_get(config, "Healthcheck"), "Test");
	const struct value *word = test ? test->first : NULL;
	const struct value *shell = body_get(config, "Shell");
	struct text command = {0};
	uint64_t hash = 0;

	if (!word || bytes_equal(word->string, bytes_of("NONE")))
		return 0;
	if (bytes_equal(word->string, bytes_of("CMD-SHELL"))) {
		if (!shell || !shell->first)
			text_add_string(&command, "/bin/sh -c");
		for (shell = shell ? shell->first : NULL; shell; shell = shell->next) {
			if (command.size)
				text_add_char(&command, ' ');
			text_add_bytes(&command, shell->string);
		}
	}
	for (word = word->next; word; word = word->next) {
		if (command.size)
			text_add_char(&command, ' ');
		text_add_bytes(&command, word->string);
	}
	if (!command.error && command.size)
		hash = engine_event_command_hash(text_since(&command, 0));
	explicit_bzero(command.data ?: (char[1]){0}, command.data ? command.size : 0);
	text_free(&command);
	return hash;
}

static unsigned int label_bits(const struct value *labels)
{
	unsigned int bits = 0;

	for (const struct value *label = labels ? labels->first : NULL; label; label = label->next)
		bits |= attribute_of_label(label->key);
	return bits;
}

/* They are known if no mount of the list was left out. */
static void set_volumes(struct owner *owner, const struct value *mounts)
{
	struct text names = {0};
	unsigned int count = 0;
	bool cut = false;

	for (const struct value *mount = mounts ? mounts->first : NULL; mount;
	     mount = mount->next) {
		const struct value *name = body_get(mount, "Name");

		count++;
		if (!name || !name->string.size)
			continue;
		cut |= name->cut;
		text_add_bytes(&names, name->string);
		text_add_char(&names, 0);
	}
	free(owner->volumes);
	owner->volumes = names.data;
	owner->volumes_size = names.error ? 0 : names.size;
	owner->volumes_known = mounts && mounts->count == count && !cut && !names.error;
}

bool owner_has_volume(const struct owner *owner, struct bytes name)
{
	for (size_t at = 0; at < owner->volumes_size; at += strlen(owner->volumes + at) + 1)
		if (bytes_equal(bytes_of(owner->volumes + at), name))
			return true;
	return false;
}

void owner_inspected(struct owner *owner, const struct value *inspect)
{
	const struct value *config = body_get(inspect, "Config");
	const struct value *host = body_get(inspect, "HostConfig");
	const struct value *state = body_get(inspect, "State");
	const struct value *exit_code = body_get(state, "ExitCode");
	struct bytes policy = body_string(body_get(host, "RestartPolicy"), "Name");

	owner->inspected = true;
	owner->restarts_always = bytes_equal(policy, bytes_of("always")) ||
				 bytes_equal(policy, bytes_of("unless-stopped"));
	owner->restarts = owner->restarts_always || bytes_equal(policy, bytes_of("on-failure"));
	owner->auto_remove = body_true(host, "AutoRemove");
	owner->health_hash = health_hash(config);
	owner->labels |= label_bits(body_get(config, "Labels"));
	owner->labels_known = true;
	set_volumes(owner, body_get(inspect, "Mounts"));
	owner->running = body_true(state, "Running");
	owner->made_at = owners_read_time(body_string(inspect, "Created"));
	owner->started_at = owners_read_time(body_string(state, "StartedAt"));
	owner->finished_at = owners_read_time(body_string(state, "FinishedAt"));
	owner->exit_code = exit_code ? exit_code->number : 0;
	if (!owner->name) /* else events tell it, each at its time */
		owner_set_name(owner, body_string(inspect, "Name"));
	owner_set_image(owner, body_string(config, "Image"));
}

/* --- beyond our life -------------------------------------------------------------------------- */

struct owned owner_owned(const struct owner *owner)
{
	return (struct owned){
		.id = {owner->id, ID_DIGITS},
		.name = bytes_of(owner->name),
		.image = bytes_of(owner->image),
		.creator = owner->creator,
		.starter = owner->starter,
		.creator_basis = owner->creator_basis,
		.starter_basis = owner->starter_basis,
		.starter_known = owner->starter_known,
		.created = owner->created,
		.started = owner->started,
		.died = owner->died,
		.labels = owner->labels,
		.labels_known = owner->labels_known,
		.swarm = owner->swarm,
		.stopped = owner->stopped,
		.witnessed = owner->witnessed,
	};
}

static enum owner_state owners_state_of(const struct owned *owned)
{
	if (owned->died && owned->died >= owned->started)
		return OWNER_ENDED;
	if (owned->started)
		return OWNER_RUNNING;
	return owned->created ? OWNER_CREATED : OWNER_UNKNOWN;
}

void owner_restore(struct owner *owner, const struct owned *owned)
{
	owner_set_name(owner, owned->name);
	owner_set_image(owner, owned->image);
	owner_set_creator(owner, owned->creator, owned->creator_basis);
	owner_set_starter(owner, owned->starter, owned->starter_basis, owned->starter_known);
	owner->created = owned->created;
	owner->started = owned->started;
	owner->died = owned->died;
	owner->labels |= owned->labels;
	owner->labels_known |= owned->labels_known;
	owner->swarm = owned->swarm;
	owner->stopped = owned->stopped;
	owner->witnessed = owned->witnessed;
	owner->state = owners_state_of(owned);
}
