/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Describes processes that do not act on a socket at this moment: a process that lives, when the
 * agent asks, and a process that ends, for the agent to ask later.
 *
 * fanotify tells the agent which process changed a file, by its PID. chmod(1) has ended by the time
 * the agent reads that. The processes that ended last are therefore kept, as far as they could
 * change who may use a socket: those with a capability, and those of the users who own something on
 * the way to a socket.
 */
#ifndef CALLERD_BPF_DEPART_H
#define CALLERD_BPF_DEPART_H

#include "describe.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CALLERD_DEPARTED_MAX);
	__type(key, __u32);
	__type(value, struct callerd_departed);
} departures SEC(".maps");

/* The arguments are those of the exec: the memory of another process cannot be read, and a process
 * that ends has none any more. */
CHECKED_ONCE int describe_other(struct callerd_caller_event *event, __u64 address)
{
	struct task_struct *task = (struct task_struct *)address;

	if (event)
		describe_task(event, task, false);
	return 0;
}

CHECKED_ONCE int describe_other_ancestors(struct callerd_caller_event *event, __u64 address)
{
	struct task_struct *task = (struct task_struct *)address;

	if (event)
		describe_ancestors_of(event, BPF_CORE_READ(task, group_leader));
	return 0;
}

static __always_inline void describe_actor(struct callerd_caller_event *event,
					   struct task_struct *task)
{
	__u32 login_uid = CALLERD_UNSET_ID, size;
	__u64 address;

	if (bpf_core_field_exists(task->loginuid))
		login_uid = BPF_CORE_READ(task, loginuid.val);
	fill_header(&event->header, CALLERD_EVENT_ACTOR, 0, NULL);
	event->header.account = account_of((__u64)BPF_CORE_READ(task, cred),
					   (__u64)BPF_CORE_READ(task, thread_pid), login_uid);
	address = address_of(task);
	describe_other(event, address);
	describe_other_ancestors(event, address);
	size = event->text_size;
	if (size > CALLERD_TEXT_MAX)
		size = CALLERD_TEXT_MAX;
	event->header.size = offsetof(struct callerd_caller_event, text) + size;
}

#define FMODE_WRITE 2
#define WORDS_MAX 16 /* words of open_fds that are looked through, 64 descriptors each */

struct writes_search {
	unsigned long *open_fds;
	unsigned long word; /* of open_fds: the lowest bit is that of .file */
	struct file **files, **file;
	bool found;
};

/* Whether FILE is open for writing and somebody is told of changes in its directory. */
static __always_inline bool is_watched_write(struct file *file)
{
	struct inode *directory;

	if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE))
		return false;
	directory = BPF_CORE_READ(file, f_path.dentry, d_parent, d_inode);
	return directory && BPF_CORE_READ(directory, i_fsnotify_mask);
}

static long write_step(__u32 index, void *context)
{
	struct writes_search *search = context;
	struct file *file = NULL;

	if (!search->word)
		return 1;
	if (search->word & 1) {
		bpf_probe_read_kernel(&file, sizeof(file), search->file);
		search->found = file && is_watched_write(file);
	}
	search->word >>= 1;
	search->file++;
	return search->found;
}

static long writes_step(__u32 index, void *context)
{
	struct writes_search *search = context;

	bpf_probe_read_kernel(&search->word, sizeof(search->word), search->open_fds + index);
	search->file = search->files + index * 64;
	bpf_loop(64, write_step, search, 0);
	return search->found;
}

/* Whether TASK, which ends, may cause an event yet: the kernel closes its files after this. */
static __always_inline bool may_end_a_write(struct task_struct *task)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	__u32 words = BPF_CORE_READ(table, max_fds) / 64;
	struct writes_search search = {
		.open_fds = BPF_CORE_READ(table, open_fds),
		.files = BPF_CORE_READ(table, fd),
	};

	if (!bpf_core_field_exists(((struct inode *)0)->i_fsnotify_mask) || words > WORDS_MAX)
		return true;
	bpf_loop(words, writes_step, &search, 0);
	return search.found;
}

/* Whether the agent has still to be told of a change, or describes who made one. But for files that
 * its end closes, a process changed something before it ended. */
static __always_inline bool is_change_waiting(void)
{
	for (__u32 i = 0; i < CALLERD_GUARD_QUEUES; i++) {
		struct fsnotify_group *group = (struct fsnotify_group *)control.guard_queues[i];

		if (group && BPF_CORE_READ(group, q_len))
			return true;
	}
	/* The agent sets this before it takes an event out of a queue: it is looked at after them. */
	return __sync_fetch_and_add(&control.guard_reading, 0);
}

/* Whether TASK may change files that only their owner or root may change. */
static __always_inline bool may_change_access(struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);
	__u32 uid = BPF_CORE_READ(cred, euid.val);
	__u64 capabilities = 0;

	bpf_core_read(&capabilities, sizeof(capabilities), &cred->cap_effective);
	/* In a user namespace of its own every process may have all capabilities. */
	if (!uid || (capabilities && !BPF_CORE_READ(cred, user_ns, level)))
		return true;
	for (__u32 i = 0; i < CALLERD_GUARD_OWNERS_MAX; i++)
		if (control.guard_owners[i] == uid)
			return true;
	return false;
}

static __always_inline void keep_departed(struct task_struct *task)
{
	__u64 number = __sync_fetch_and_add(&control.departures, 1);
	__u32 key = number % CALLERD_DEPARTED_MAX;
	struct callerd_departed *slot = bpf_map_lookup_elem(&departures, &key);

	/* A slot is busy where the whole buffer was filled while one process was described. */
	if (!slot || __sync_lock_test_and_set(&slot->busy, 1))
		return;
	slot->number = 0; /* the agent must not read the slot now */
	describe_actor(&slot->event, task);
	slot->number = number + 1;
	__sync_lock_test_and_set(&slot->busy, 0);
}

/* From here on the rings wait for the next agent. */
static __always_inline void agent_ended(void)
{
	control.agent_pid = 0;
	control.gone = bpf_ktime_get_ns();
	__sync_fetch_and_add(&control.epoch, 1);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	__u32 pid = BPF_CORE_READ(task, tgid);

	if (BPF_CORE_READ(task, signal, live.counter)) /* not its last thread */
		return 0;
	if (pid == control.agent_pid &&
	    BPF_CORE_READ(task, group_leader, start_boottime) == control.agent_start)
		agent_ended();
	if (control.guarding && may_change_access(task) &&
	    (is_change_waiting() || may_end_a_write(task)))
		keep_departed(task);
	bpf_map_delete_elem(&images, &pid);
	return 0;
}

/* Describes the process that the agent asks for, by the parameters of the iterator. */
SEC("iter/task")
int actor(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct scratch *scratch;
	__u32 size;

	if (!task || BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0;
	scratch = take_scratch();
	if (!scratch)
		return 0;
	describe_actor(&scratch->event, task);
	size = scratch->event.header.size;
	barrier_var(size);
	if (size <= sizeof(scratch->event))
		bpf_seq_write(context->meta->seq, &scratch->event, size);
	give_scratch(scratch);
	return 0;
}

#endif
