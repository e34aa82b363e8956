// SPDX-License-Identifier: Apache-2.0
#include "process/decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "process/environment.h"
#include "secret/command.h"
#include "secret/mask.h"

#define EXTRA_MAX 65536	       /* bytes of text that a caller may get from struct decode_detail */
#define ANCESTOR_ARGS_MAX 2048 /* bytes of arguments that are kept of ancestors above the parent */

static const char no_arguments[] = "";

/* Fills the memory of a caller's texts from the front. */
struct decode_arena {
	char *next;
	size_t left;
};

static bool text_ok(const struct callerd_caller_event *event, const struct callerd_text *text)
{
	return text->offset <= event->text_size && text->length <= event->text_size - text->offset;
}

static bool caller_event_ok(const struct callerd_caller_event *event, size_t size)
{
	const struct callerd_text *texts[] = {
		&event->argv,	   &event->exe,	    &event->exe_claimed,
		&event->cwd,	   &event->root,    &event->cgroup,
		&event->cgroup_v1, &event->address, &event->environment};

	if (size < offsetof(struct callerd_caller_event, text) ||
	    event->text_size > CALLERD_TEXT_MAX ||
	    size != offsetof(struct callerd_caller_event, text) + event->text_size ||
	    event->ancestors > CALLERD_ANCESTORS_MAX)
		return false;
	for (size_t i = 0; i < COUNT(texts); i++)
		if (!text_ok(event, texts[i]))
			return false;
	for (uint32_t i = 0; i < event->ancestors; i++)
		if (!text_ok(event, &event->ancestor[i].exe) ||
		    !text_ok(event, &event->ancestor[i].argv))
			return false;
	return true;
}

static struct bytes decode_keep(struct decode_arena *arena, const char *data, size_t size)
{
	struct bytes kept = {arena->next, size};

	if (!data || size > arena->left)
		return (struct bytes){};
	memcpy(arena->next, data, size);
	arena->next += size;
	arena->left -= size;
	return kept;
}

static struct bytes keep_string(struct decode_arena *arena, const char *string, size_t max)
{
	size_t size = strnlen(string, max);

	return size ? decode_keep(arena, string, size) : (struct bytes){};
}

static struct bytes decode_text_of(const struct callerd_caller_event *event,
				   const struct callerd_text *text)
{
	return (struct bytes){event->text + text->offset, text->length};
}

/* Keeps TEXT, whose components go from the leaf to the root, each ended by a NUL, as a path. Where
 * the kernel programs cut the walk to the root short, the path begins with "...". The path takes at
 * most four bytes more than the text. */
static struct bytes keep_path(struct decode_arena *arena, const struct callerd_caller_event *event,
			      const struct callerd_text *text)
{
	struct bytes source = decode_text_of(event, text);
	size_t end = source.size, size = 0;
	char *path = arena->next;

	if (text->flags & CALLERD_TEXT_FAULT && !source.size)
		return (struct bytes){};
	if (arena->left < source.size + 4)
		return (struct bytes){};
	if (text->flags) {
		memcpy(path, "...", 3);
		size = 3;
	}
	while (end) {
		/* the component's NUL, or its last byte where the NUL is missing */
		size_t start = end - 1;

		while (start && source.data[start - 1])
			start--;
		path[size++] = '/';
		memcpy(path + size, source.data + start, strnlen(source.data + start, end - start));
		size += strnlen(source.data + start, end - start);
		end = start;
	}
	if (!size)
		path[size++] = '/';
	arena->next += size;
	arena->left -= size;
	return (struct bytes){path, size};
}

/* Kernel threads have no executable, and an empty text. */
static struct bytes keep_executable(struct decode_arena *arena,
				    const struct callerd_caller_event *event,
				    struct callerd_text text)
{
	text.flags &= ~CALLERD_TEXT_EXCHANGED; /* the flag does not say that the path is cut */
	return text.length ? keep_path(arena, event, &text) : (struct bytes){};
}

/* Masks the secrets in ARGS: a decoded event holds none. Valid until the next call. */
static struct bytes without_secrets(struct bytes args)
{
	static __thread struct text masked;

	if (!args.size)
		return args;
	text_cut(&masked, 0);
	masked.error = 0;
	mask_args(&masked, args);
	/* The last argument has no NUL where the list was cut short or its end was overwritten.
	 * mask_args() adds one, which is taken back. */
	if (args.data[args.size - 1] && masked.size)
		text_cut(&masked, masked.size - 1);
	if (masked.error)
		return (struct bytes){};
	return text_since(&masked, 0);
}

/* Keeps at most MAX bytes of ARGS. TRUNCATED: ARGS are the beginning of a longer list already. */
static void keep_args(struct decode_arena *arena, struct bytes args, bool truncated, size_t max,
		      struct process *process)
{
	process->args_truncated = truncated || args.size > max;
	process->args = decode_keep(arena, args.data, args.size > max ? max : args.size);
}

/* Keeps at most MAX bytes of the arguments in TEXT, without their secrets. */
static void decode_args(struct decode_arena *arena, const struct callerd_caller_event *event,
			const struct callerd_text *text, size_t max, struct process *process)
{
	struct bytes args = decode_text_of(event, text);
	bool truncated = text->flags || args.size > max;

	if (text->flags & CALLERD_TEXT_FAULT && !args.size)
		return;
	if (!args.size)
		args.data = no_arguments;
	if (args.size > max)
		args.size = max;
	keep_args(arena, without_secrets(args), truncated, max, process);
}

static void decode_self(struct decode_arena *arena, const struct callerd_caller_event *event,
			struct process *process)
{
	process->pid = event->pid;
	process->euid = event->euid;
	process->start = event->start;
	process->name = keep_string(arena, event->comm, sizeof(event->comm));
	process->executable = keep_executable(arena, event, event->exe);
	process->executable_exchanged = event->exe.flags & CALLERD_TEXT_EXCHANGED;
	process->executable_deleted = event->header.flags & CALLERD_FLAG_EXE_DELETED;
	decode_args(arena, event, &event->argv, CALLERD_ARGV_MAX, process);
}

static void decode_ancestor(struct decode_arena *arena, const struct callerd_caller_event *event,
			    const struct callerd_ancestor *ancestor, size_t args_max,
			    struct process *process)
{
	process->pid = ancestor->pid;
	process->euid = ancestor->uid;
	process->start = ancestor->start;
	process->name = keep_string(arena, ancestor->comm, sizeof(ancestor->comm));
	process->executable = keep_executable(arena, event, ancestor->exe);
	process->executable_exchanged = ancestor->exe.flags & CALLERD_TEXT_EXCHANGED;
	decode_args(arena, event, &ancestor->argv, args_max, process);
}

/* The bytes of the last COMPONENTS of PATH. Of a path that is not known up to the root all bytes
 * count as claimed. */
static uint32_t claimed_size(struct bytes path, uint32_t components)
{
	size_t proven = path.size;

	if (path.size && *path.data != '/')
		return path.size;
	while (proven && components)
		components -= path.data[--proven] == '/';
	return path.size - proven;
}

static void set_cgroup(struct caller *caller, struct bytes path, uint32_t claimed, uint32_t owner)
{
	caller->cgroup = path;
	caller->cgroup_claimed = claimed_size(path, claimed);
	caller->cgroup_owner = owner;
}

/* Keeps the cgroup2 path, or the v1 path where only that names a container or the cgroup2 path is
 * the root: with both kinds mounted a container or service may show in one of them only. */
static void choose_cgroup(struct decode_arena *arena, const struct callerd_caller_event *event,
			  struct caller *caller)
{
	struct bytes unified = keep_path(arena, event, &event->cgroup);
	struct bytes other;

	set_cgroup(caller, unified, event->cgroup_claimed, event->cgroup_owner);
	if (!event->cgroup_v1.length)
		return;
	other = keep_path(arena, event, &event->cgroup_v1);
	if (unified.size > 1 && caller_container_id(caller).data)
		return;
	set_cgroup(caller, other, event->cgroup_v1_claimed, event->cgroup_v1_owner);
	if (unified.size > 1 && !caller_container_id(caller).data)
		set_cgroup(caller, unified, event->cgroup_claimed, event->cgroup_owner);
}

static void decode_terminal(const struct callerd_caller_event *event, struct caller *caller)
{
	char driver[sizeof(event->tty_driver) + 1] = "";

	memcpy(driver, event->tty_driver, strnlen(event->tty_driver, sizeof(event->tty_driver)));
	if (driver[0])
		snprintf(caller->tty, sizeof(caller->tty), "%s%s%u", driver,
			 strcmp(driver, "pts") ? "" : "/", event->tty_index);
}

static void decode_identity(const struct callerd_caller_event *event, struct caller *caller)
{
	caller->tid = event->tid;
	caller->uid = event->uid;
	caller->gid = event->gid;
	caller->egid = event->egid;
	caller->fsuid = event->fsuid;
	caller->fsgid = event->fsgid;
	caller->login_uid = event->login_uid;
	caller->session = event->session;
	caller->mnt_ns = event->mnt_ns;
	caller->pid_ns = event->pid_ns;
	caller->user_ns = event->user_ns;
	caller->user_ns_owner = event->user_ns_owner;
	caller->net_ns = event->net_ns;
	caller->capabilities = event->capabilities;
	caller->cgroup_id = event->cgroup_id;
	caller->executable_inode = event->exe_node.inode;
	caller->executable_device = event->exe_node.device;
	caller->executable_generation = event->exe_node.generation;
	caller->executable_known = event->header.flags & CALLERD_FLAG_EXE_KNOWN;
	caller->executable_changed = event->exe_changed;
	caller->interactive = event->header.flags & CALLERD_FLAG_INTERACTIVE;
	caller->has_node = event->header.flags & CALLERD_FLAG_NODE;
	caller->in_node_group = event->header.flags & CALLERD_FLAG_IN_GROUP;
	caller->node_uid = event->node_uid;
	caller->node_gid = event->node_gid;
	caller->node_mode = event->node_mode;
}

/* Whether VALUE, which was cut, may end within the password of a URL, so that the @ behind it is not there. */
static bool ends_in_authority(struct bytes value)
{
	const char *begin = value.size ? memmem(value.data, value.size, "://", 3) : NULL;

	if (!begin)
		return false;
	value = bytes_from(value, (size_t)(begin - value.data) + 3);
	for (size_t i = 0; i < value.size; i++)
		if (strchr("/?#@", value.data[i]))
			return false;
	return true;
}

/* Adds VARIABLE without the secrets in its value. */
static void add_variable(struct text *out, struct bytes variable, struct bytes name)
{
	struct bytes value = bytes_from(variable, name.size + 1);

	text_add_bytes(out, name);
	text_add_char(out, '=');
	if (variable.size == CALLERD_VARIABLE_MAX - 1 && ends_in_authority(value))
		text_add_string(out, MASK);
	else if (value.size)
		mask_text(out, value);
	text_add_char(out, '\0');
}

static bool has_variable(const struct text *variables, struct bytes name)
{
	struct bytes list = text_since(variables, 0), one;

	while (command_next(&list, &one))
		if (bytes_equal(environment_name_of(one), name))
			return true;
	return false;
}

/* Only names that are read count, whatever the kernel programs kept: others may have been read when they began. */
static void decode_environment(struct decode_arena *arena, const struct callerd_caller_event *event,
			       struct caller *caller)
{
	static __thread struct text told;
	struct bytes variables = decode_text_of(event, &event->environment), variable, name;

	caller->environment_truncated = event->environment.flags;
	text_cut(&told, 0);
	told.error = 0;
	while (command_next(&variables, &variable)) {
		name = environment_name_of(variable);
		if (!name.size || !environment_is_read(name) || has_variable(&told, name))
			continue;
		add_variable(&told, variable, name);
		caller->environment_truncated |= variable.size == CALLERD_VARIABLE_MAX - 1;
	}
	if (told.error || !told.size)
		return;
	caller->environment = decode_keep(arena, told.data, told.size);
	caller->environment_pid = event->environment_pid;
}

static void decode_groups(const struct callerd_caller_event *event, struct decode_arena *arena,
			  struct caller *caller)
{
	char text[CALLERD_GROUPS_MAX * sizeof("4294967295")];
	uint32_t count = event->group_count;
	size_t size = 0;

	caller->groups_truncated = count > CALLERD_GROUPS_MAX;
	if (caller->groups_truncated)
		count = CALLERD_GROUPS_MAX;
	for (uint32_t i = 0; i < count; i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%u", event->groups[i]) +
			1;
	if (size)
		caller->groups = decode_keep(arena, text, size);
}

static void decode_into(const struct callerd_caller_event *event,
			const struct decode_detail *detail, struct decode_arena *arena,
			struct caller *caller)
{
	struct bytes label = {};

	decode_identity(event, caller);
	decode_terminal(event, caller);
	decode_self(arena, event, &caller->process);
	caller->executable_claimed = keep_executable(arena, event, event->exe_claimed);
	caller->working_directory = keep_path(arena, event, &event->cwd);
	caller->root = keep_path(arena, event, &event->root);
	choose_cgroup(arena, event, caller);
	if (detail && detail->label)
		label = detail->label(detail->data, event->pid, event->start);
	caller->label = decode_keep(arena, label.data, label.size);
	decode_environment(arena, event, caller);
	decode_groups(event, arena, caller);
}

/* 0, with *RET NULL where there are no ancestors; or -ENOMEM. */
static int decode_lineage(const struct callerd_caller_event *event, struct decode_arena *arena,
			  struct lineage **ret)
{
	struct process ancestors[CALLERD_ANCESTORS_MAX];
	const char *text = arena->next;

	*ret = NULL;
	if (!event->ancestors)
		return 0;
	memset(ancestors, 0, sizeof(ancestors));
	for (uint32_t i = 0; i < event->ancestors; i++)
		decode_ancestor(arena, event, &event->ancestor[i],
				i ? ANCESTOR_ARGS_MAX : CALLERD_ARGV_MAX, &ancestors[i]);
	*ret = caller_lineage_new(ancestors, event->ancestors, text, arena->next - text);
	return *ret ? 0 : -ENOMEM;
}

/* --- descriptions that came before ------------------------------------------------------------ */

#define KNOWN_PLACES 128

/* A caller as decoded from the event with this description, and what of that event the description does not determine, but
 * the caller has. */
struct known {
	uint32_t description; /* 0: none */
	uint32_t tid, flags, node_uid, node_gid, node_mode;
	uint32_t pid, text_size; /* no more than a check: a description determines them */
	uint64_t start, account;
	struct caller *caller;
};

static struct known known[KNOWN_PLACES];

/* Whether the event of NOW describes the caller as that of BEFORE did. */
static bool is_same_description(const struct known *before, const struct known *now)
{
	return now->description && now->description == before->description &&
	       now->tid == before->tid && now->flags == before->flags &&
	       now->node_uid == before->node_uid && now->node_gid == before->node_gid &&
	       now->node_mode == before->node_mode && now->pid == before->pid &&
	       now->text_size == before->text_size && now->start == before->start &&
	       now->account == before->account;
}

static struct known decode_traits(const struct callerd_caller_event *event)
{
	return (struct known){
		.description = event->description,
		.tid = event->tid,
		.flags = event->header.flags &
			 (CALLERD_FLAG_NODE | CALLERD_FLAG_IN_GROUP | CALLERD_FLAG_EXE_DELETED |
			  CALLERD_FLAG_EXE_KNOWN | CALLERD_FLAG_INTERACTIVE),
		.node_uid = event->node_uid,
		.node_gid = event->node_gid,
		.node_mode = event->node_mode,
		.pid = event->pid,
		.text_size = event->text_size,
		.start = event->start,
		.account = event->header.account,
	};
}

/* The place of what is known with these traits: the threads of a process have different ones. */
static struct known *known_place(const struct known *traits)
{
	return &known[(traits->description + traits->tid * 31) % KNOWN_PLACES];
}

void decode_forget(void)
{
	for (size_t i = 0; i < KNOWN_PLACES; i++) {
		caller_unref(known[i].caller);
		known[i] = (struct known){};
	}
}

static struct caller *decode_new_caller(const struct callerd_caller_event *event,
					const struct decode_detail *detail)
{
	/* Of one thread, as the tables of callers are; and each thread that there is would be given its own at its start. */
	static char memory[2 * CALLERD_TEXT_MAX + EXTRA_MAX];
	struct decode_arena arena = {memory, sizeof(memory)};
	struct lineage *lineage;
	struct caller draft;
	size_t own;

	memset(&draft, 0, sizeof(draft));
	draft.basis = CALLER_FROM_KERNEL;
	draft.account = event->header.account;
	decode_into(event, detail, &arena, &draft);
	own = arena.next - memory;
	if (decode_lineage(event, &arena, &lineage))
		return NULL;
	return caller_new(&draft, lineage, memory, own);
}

static struct caller *decode_known_caller(const struct callerd_caller_event *event,
					  const struct decode_detail *detail)
{
	struct known traits = decode_traits(event), *place = known_place(&traits);

	if (is_same_description(place, &traits))
		return caller_ref(place->caller);
	traits.caller = decode_new_caller(event, detail);
	if (traits.caller && traits.description) {
		caller_unref(place->caller);
		*place = traits;
		caller_ref(place->caller);
	}
	return traits.caller;
}

static int decode_caller(const struct callerd_caller_event *event, size_t size,
			 const struct decode_detail *detail, struct event *ret)
{
	if (!caller_event_ok(event, size))
		return -EBADMSG;
	ret->caller = decode_known_caller(event, detail);
	if (!ret->caller)
		return -ENOMEM;
	ret->offset = event->offset;
	ret->span = event->span;
	ret->error = event->error;
	ret->server.pid = event->server_pid;
	ret->server.uid = event->server_uid;
	ret->server.start = event->server_start;
	ret->address = decode_text_of(event, &event->address);
	ret->mounted = ret->address;
	ret->address.size = strnlen(ret->address.data, ret->address.size);
	ret->mounted.data += ret->address.size + 1;
	ret->mounted.size = ret->mounted.size > ret->address.size
				    ? ret->mounted.size - ret->address.size - 1
				    : 0;
	return 0;
}

static void decode_peer_identity(const struct callerd_peer_event *event, struct caller *caller)
{
	caller->basis = CALLER_FROM_PEER;
	caller->process.pid = event->pid;
	caller->process.start = event->start;
	caller->uid = caller->process.euid = caller->fsuid = event->uid;
	caller->gid = caller->egid = caller->fsgid = event->gid;
	caller->login_uid = CALLERD_UNSET_ID;
	caller->session = CALLERD_UNSET_ID;
}

static int decode_peer(const struct callerd_peer_event *event, const struct decode_detail *detail,
		       struct event *ret)
{
	static char memory[EXTRA_MAX];
	struct decode_arena arena = {memory, sizeof(memory)};
	struct process *process;
	struct caller draft;

	memset(&draft, 0, sizeof(draft));
	decode_peer_identity(event, &draft);
	draft.account = event->header.account;
	process = &draft.process;
	if (event->start && detail && detail->peer)
		detail->peer(detail->data, process);
	process->name = decode_keep(&arena, process->name.data, process->name.size);
	process->executable =
		decode_keep(&arena, process->executable.data, process->executable.size);
	process->args = decode_keep(&arena, process->args.data, process->args.size);
	ret->caller = caller_new(&draft, NULL, memory, arena.next - memory);
	return ret->caller ? 0 : -ENOMEM;
}

static bool data_ok(const struct callerd_data_event *event, size_t size)
{
	return size >= sizeof(*event) && event->copied <= CALLERD_DATA_MAX &&
	       event->copied <= event->length && size - sizeof(*event) >= event->copied &&
	       event->direction <= CALLERD_RESPONSE &&
	       event->offset + event->length >= event->offset;
}

int decode_event(const void *event, size_t size, const struct decode_detail *detail,
		 struct event *ret)
{
	const struct callerd_event_header *header = event;
	struct event decoded = {.header = header};
	int error = 0;

	/* A ring hands over the reserved size, which may be more than the event's. */
	if (size < sizeof(*header) || header->size < sizeof(*header) || header->size > size)
		return -EBADMSG;
	size = header->size;
	switch (header->type) {
	case CALLERD_EVENT_CONNECT:
	case CALLERD_EVENT_REFUSED:
	case CALLERD_EVENT_SENDER:
	case CALLERD_EVENT_ACTOR:
		error = decode_caller(event, size, detail, &decoded);
		break;
	case CALLERD_EVENT_PEER:
		error = size == sizeof(struct callerd_peer_event)
				? decode_peer(event, detail, &decoded)
				: -EBADMSG;
		break;
	case CALLERD_EVENT_ACCEPT:
		decoded.accept = event;
		error = size == sizeof(*decoded.accept) ? 0 : -EBADMSG;
		break;
	case CALLERD_EVENT_DATA:
		decoded.data = event;
		error = data_ok(event, size) ? 0 : -EBADMSG;
		break;
	case CALLERD_EVENT_SENT:
		decoded.sent = event;
		error = size == sizeof(*decoded.sent) ? 0 : -EBADMSG;
		break;
	case CALLERD_EVENT_END:
		decoded.end = event;
		error = size == sizeof(*decoded.end) ? 0 : -EBADMSG;
		break;
	default:
		error = -EBADMSG;
	}
	if (!error)
		*ret = decoded;
	return error;
}
