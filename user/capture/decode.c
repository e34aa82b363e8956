// SPDX-License-Identifier: Apache-2.0
#include "capture/decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXTRA_MAX 65536 /* bytes of detail that one caller may get */

static const char no_arguments[] = "";

/* Fills the memory behind a struct caller from the front. */
struct arena {
	char *next;
	size_t left;
};

static bool text_ok(const struct callerd_caller_event *event, const struct callerd_text *text)
{
	return text->offset <= event->text_size && text->length <= event->text_size - text->offset;
}

static bool caller_event_ok(const struct callerd_caller_event *event, size_t size)
{
	const struct callerd_text *texts[] = {&event->argv,   &event->exe,    &event->cwd,
					      &event->root,   &event->cgroup, &event->cgroup_v1,
					      &event->address};

	if (size < offsetof(struct callerd_caller_event, text) ||
	    event->text_size > CALLERD_TEXT_MAX ||
	    size != offsetof(struct callerd_caller_event, text) + event->text_size ||
	    event->ancestors > CALLERD_ANCESTORS_MAX)
		return false;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!text_ok(event, texts[i]))
			return false;
	for (uint32_t i = 0; i < event->ancestors; i++)
		if (!text_ok(event, &event->ancestor[i].exe) ||
		    !text_ok(event, &event->ancestor[i].argv))
			return false;
	return true;
}

static struct bytes keep(struct arena *arena, const char *data, size_t size)
{
	struct bytes kept = {arena->next, size};

	if (!data || size > arena->left)
		return (struct bytes){};
	memcpy(arena->next, data, size);
	arena->next += size;
	arena->left -= size;
	return kept;
}

static struct bytes keep_string(struct arena *arena, const char *string, size_t max)
{
	size_t size = strnlen(string, max);

	return size ? keep(arena, string, size) : (struct bytes){};
}

static struct bytes text_of(const struct callerd_caller_event *event,
			    const struct callerd_text *text)
{
	return (struct bytes){event->text + text->offset, text->length};
}

/* Components from the leaf to the root, each ended by a NUL, become a path; a walk that was cut short
 * begins with "...". Takes at most four bytes more than the text. */
static struct bytes keep_path(struct arena *arena, const struct callerd_caller_event *event,
			      const struct callerd_text *text)
{
	struct bytes source = text_of(event, text);
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
		size_t start =
			end - 1; /* the component's NUL, or its last byte if that is missing */

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

/* Executables have no path when they are kernel threads. */
static struct bytes keep_executable(struct arena *arena, const struct callerd_caller_event *event,
				    const struct callerd_text *text)
{
	return text->length ? keep_path(arena, event, text) : (struct bytes){};
}

static void keep_detail(struct arena *arena, const struct decode_detail *detail,
			struct process *process)
{
	struct bytes args = {};

	if (detail && detail->args)
		args = detail->args(detail->data, process->pid, process->start);
	if (!args.data)
		return;
	if (args.size > CALLERD_ARGV_MAX) {
		args.size = CALLERD_ARGV_MAX;
		process->args_truncated = true;
	}
	process->args = keep(arena, args.data, args.size);
}

/* The kernel's copy, else the detail, else what there is of the kernel's copy. */
static void keep_args(struct arena *arena, const struct callerd_caller_event *event,
		      const struct callerd_text *text, const struct decode_detail *detail,
		      struct process *process)
{
	struct bytes args = text_of(event, text);

	if (text->flags && text->length < CALLERD_ARGV_MAX)
		keep_detail(arena, detail, process);
	if (process->args.data || (text->flags & CALLERD_TEXT_FAULT && !args.size))
		return;
	process->args_truncated = text->flags;
	process->args = keep(arena, args.size ? args.data : no_arguments, args.size);
}

static void decode_self(struct arena *arena, const struct callerd_caller_event *event,
			const struct decode_detail *detail, struct process *process)
{
	process->pid = event->pid;
	process->euid = event->euid;
	process->start = event->start;
	process->name = keep_string(arena, event->comm, sizeof(event->comm));
	process->executable = keep_executable(arena, event, &event->exe);
	process->executable_deleted = event->header.flags & CALLERD_FLAG_EXE_DELETED;
	keep_args(arena, event, &event->argv, detail, process);
}

static void decode_ancestor(struct arena *arena, const struct callerd_caller_event *event,
			    const struct callerd_ancestor *ancestor,
			    const struct decode_detail *detail, struct process *process)
{
	process->pid = ancestor->pid;
	process->euid = ancestor->uid;
	process->start = ancestor->start;
	process->name = keep_string(arena, ancestor->comm, sizeof(ancestor->comm));
	process->executable = keep_executable(arena, event, &ancestor->exe);
	keep_args(arena, event, &ancestor->argv, detail, process);
}

/* In a hybrid hierarchy the container or service may show in one kind of cgroup only. */
static struct bytes choose_cgroup(struct arena *arena, const struct callerd_caller_event *event)
{
	struct bytes unified = keep_path(arena, event, &event->cgroup);
	struct bytes other;

	if (!event->cgroup_v1.length)
		return unified;
	other = keep_path(arena, event, &event->cgroup_v1);
	if (unified.size <= 1)
		return other;
	if (!caller_container_id(unified).data && caller_container_id(other).data)
		return other;
	return unified;
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
	caller->net_ns = event->net_ns;
	caller->capabilities = event->capabilities;
	caller->cgroup_id = event->cgroup_id;
	caller->has_node = event->header.flags & CALLERD_FLAG_NODE;
	caller->in_node_group = event->header.flags & CALLERD_FLAG_IN_GROUP;
	caller->node_uid = event->node_uid;
	caller->node_gid = event->node_gid;
	caller->node_mode = event->node_mode;
}

static void decode_into(const struct callerd_caller_event *event,
			const struct decode_detail *detail, struct arena *arena,
			struct caller *caller)
{
	struct bytes label = {};

	decode_identity(event, caller);
	decode_terminal(event, caller);
	decode_self(arena, event, detail, &caller->process);
	caller->working_directory = keep_path(arena, event, &event->cwd);
	caller->root = keep_path(arena, event, &event->root);
	caller->cgroup = choose_cgroup(arena, event);
	if (detail && detail->label)
		label = detail->label(detail->data, event->pid, event->start);
	caller->label = keep(arena, label.data, label.size);
	caller->ancestor_count = event->ancestors;
	for (uint32_t i = 0; i < event->ancestors; i++)
		decode_ancestor(arena, event, &event->ancestor[i], detail, &caller->ancestors[i]);
}

/* What a caller's memory refers to moves with it. */
static void rebase(struct bytes *bytes, const char *from, size_t size, char *to)
{
	if (bytes->data >= from && bytes->data <= from + size)
		bytes->data = to + (bytes->data - from);
}

static void rebase_process(struct process *process, const char *from, size_t size, char *to)
{
	rebase(&process->name, from, size, to);
	rebase(&process->executable, from, size, to);
	rebase(&process->args, from, size, to);
}

/* A copy of DRAFT, whose texts lie in TEXT, in one piece of memory of just the size that it needs. */
static struct caller *settle(const struct caller *draft, const char *text, size_t size)
{
	struct caller *caller = malloc(sizeof(*caller) + size);
	char *own;

	if (!caller)
		return NULL;
	own = (char *)(caller + 1);
	*caller = *draft;
	memcpy(own, text, size);
	rebase_process(&caller->process, text, size, own);
	for (unsigned int i = 0; i < caller->ancestor_count; i++)
		rebase_process(&caller->ancestors[i], text, size, own);
	rebase(&caller->working_directory, text, size, own);
	rebase(&caller->root, text, size, own);
	rebase(&caller->cgroup, text, size, own);
	rebase(&caller->label, text, size, own);
	caller->references = 1;
	caller->cache = calloc(1, sizeof(*caller->cache)); /* does without */
	caller->size = sizeof(*caller) + size;
	return caller;
}

static int decode_caller(const struct callerd_caller_event *event, size_t size,
			 const struct decode_detail *detail, struct event *ret)
{
	static __thread char memory[2 * CALLERD_TEXT_MAX + EXTRA_MAX];
	struct arena arena = {memory, sizeof(memory)};
	struct caller draft = {.basis = CALLER_FROM_KERNEL};

	if (!caller_event_ok(event, size))
		return -EBADMSG;
	decode_into(event, detail, &arena, &draft);
	ret->caller = settle(&draft, memory, arena.next - memory);
	if (!ret->caller)
		return -ENOMEM;
	ret->offset = event->offset;
	ret->error = event->error;
	ret->address = text_of(event, &event->address);
	ret->mounted = ret->address;
	ret->address.size = strnlen(ret->address.data, ret->address.size);
	ret->mounted.data += ret->address.size + 1;
	ret->mounted.size = ret->mounted.size > ret->address.size
				    ? ret->mounted.size - ret->address.size - 1
				    : 0;
	return 0;
}

static int decode_peer(const struct callerd_peer_event *event, const struct decode_detail *detail,
		       struct event *ret)
{
	struct caller draft = {
		.basis = CALLER_FROM_PEER,
		.process = {.pid = event->pid, .euid = event->uid, .start = event->start},
		.uid = event->uid,
		.gid = event->gid,
		.egid = event->gid,
		.fsuid = event->uid,
		.fsgid = event->gid,
		.login_uid = CALLERD_UNSET_ID,
		.session = CALLERD_UNSET_ID,
	};
	static __thread char memory[EXTRA_MAX];
	struct arena arena = {memory, sizeof(memory)};
	struct process *process = &draft.process;

	if (event->start && detail && detail->peer)
		detail->peer(detail->data, process);
	process->name = keep(&arena, process->name.data, process->name.size);
	process->executable = keep(&arena, process->executable.data, process->executable.size);
	process->args = keep(&arena, process->args.data, process->args.size);
	ret->caller = settle(&draft, memory, arena.next - memory);
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

	/* A ring hands pieces over in the size that they were reserved with. */
	if (size < sizeof(*header) || header->size < sizeof(*header) || header->size > size)
		return -EBADMSG;
	size = header->size;
	switch (header->type) {
	case CALLERD_EVENT_CONNECT:
	case CALLERD_EVENT_REFUSED:
	case CALLERD_EVENT_SENDER:
		error = decode_caller(event, size, detail, &decoded);
		break;
	case CALLERD_EVENT_PEER:
		error = size == sizeof(struct callerd_peer_event)
				? decode_peer(event, detail, &decoded)
				: -EBADMSG;
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
