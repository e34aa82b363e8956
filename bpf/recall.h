/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptions that are kept, since one and the same process often acts again, and to describe it anew costs ten times what
 * it costs to see that nothing has changed. Most processes act once: nothing is kept of a process, nor looked for, before it acts
 * a second time.
 *
 * A description is that of a key: a number that is made of all that the description rests on. What the process has in its
 * own memory, its arguments, is read each time. Of paths only the file, its name, its directory, its mount and where that is
 * mounted are looked at: where a directory further up was renamed meanwhile, or a mount above its own was moved, the path
 * is that of the description's time.
 */
#ifndef CALLERD_BPF_RECALL_H
#define CALLERD_BPF_RECALL_H

#include "describe.h"

#define DESCRIBED_KEPT 256
#define DESCRIBED_SIZE 8192 /* a larger description is not kept */
#define ARGS_MIXED 64	    /* bytes that are mixed at a time */

struct described {
	__u64 busy; /* somebody reads or writes the entry; nobody waits for it */
	__u64 seen; /* sender_key() of the last process that acted here for the first time */
	__u64 sender,
		key; /* the description is of this sender_key(), and rests on this key; 0: there is none */
	__u32 flags;
	__u32 size;
	char body[DESCRIBED_SIZE]; /* a struct callerd_caller_event from .start on */
};

#define DESCRIBED_FLAGS                                                                            \
	(CALLERD_FLAG_EXE_DELETED | CALLERD_FLAG_EXE_KNOWN | CALLERD_FLAG_INTERACTIVE)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DESCRIBED_KEPT);
	__type(key, __u32);
	__type(value, struct described);
} described SEC(".maps");

/* SENDER: sender_key() of the process. */
static __always_inline struct described *find_described(__u64 sender)
{
	__u32 slot = (sender >> 32) % DESCRIBED_KEPT;

	return bpf_map_lookup_elem(&described, &slot);
}

/* --- the key ---------------------------------------------------------------------------------- */

struct args_mix {
	const struct callerd_caller_event *event;
	__u64 key;
};

static long args_step(__u32 index, void *context)
{
	struct args_mix *mix = context;
	__u32 at;

	barrier_var(index); /* Linux 6.1 tracks no copies: check the register that is used */
	if (index > CALLERD_ARGV_MAX / ARGS_MIXED)
		return 1;
	at = index * ARGS_MIXED;
	if (at >= mix->event->text_size)
		return 1;
	for (int i = 0; i < ARGS_MIXED; i += sizeof(__u64))
		MIX(mix->key, *(__u64 *)(mix->event->text + at + i));
	return 0;
}

/* Mixes in the arguments that the process has now. They are left in EVENT's text. */
CHECKED_ONCE __u64 mix_args(struct callerd_caller_event *event, __u64 key)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct args_mix mix = {.event = event, .key = key};
	__u32 size;

	if (!event)
		return key;
	event->text_size = 0;
	describe_own_argv(event, BPF_CORE_READ(task, mm));
	size = event->text_size;
	barrier_var(size);
	if (size > CALLERD_ARGV_MAX)
		return key;
	__builtin_memset(event->text + size, 0, ARGS_MIXED);
	MIX(mix.key, size | (__u64)event->argv.flags << 32);
	bpf_loop(CALLERD_ARGV_MAX / ARGS_MIXED + 1, args_step, &mix, 0);
	return mix.key ?: 1;
}

CHECKED_ONCE __u64 mix_dentry(__u64 key, __u64 address)
{
	struct dentry *dentry = (struct dentry *)address;
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);

	MIX(key, BPF_CORE_READ(dentry, d_parent));
	MIX(key, BPF_CORE_READ(dentry, d_name.hash_len));
	MIX(key, BPF_CORE_READ(inode, i_ino));
	MIX(key, BPF_CORE_READ(inode, i_nlink) | (__u64)BPF_CORE_READ(inode, i_generation) << 32);
	return key;
}

static __always_inline __u64 mix_path(__u64 key, const struct path *path)
{
	struct mount *mount =
		(void *)BPF_CORE_READ(path, mnt) - bpf_core_field_offset(struct mount, mnt);

	key = mix_dentry(key, (__u64)BPF_CORE_READ(path, dentry));
	MIX(key, BPF_CORE_READ(mount, mnt_parent));
	return mix_dentry(key, (__u64)BPF_CORE_READ(mount, mnt_mountpoint));
}

static __always_inline __u64 cgroup_of(struct css_set *set, __u32 controller)
{
	struct cgroup_subsys_state *state = NULL;

	if (controller >= 16)
		return 0;
	bpf_probe_read_kernel(&state, sizeof(state), &set->subsys[controller]);
	return BPF_CORE_READ(state, cgroup, kn, id);
}

/* What sender_key() has only by its address, which may be another object's a moment later, by what never comes again, or
 * by what is told of it. */
CHECKED_ONCE __u64 mix_objects(__u64 key)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	__u64 label[4] = {};

	MIX(key, BPF_CORE_READ(cred, user_ns, ns.inum) |
			 (__u64)BPF_CORE_READ(cred, user_ns, owner.val) << 32);
	MIX(key, BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) |
			 (__u64)BPF_CORE_READ(task, nsproxy, net_ns, ns.inum) << 32);
	MIX(key, BPF_CORE_READ(set, dfl_cgrp, kn, id));
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		MIX(key, cgroup_of(set, bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id)));
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		MIX(key,
		    cgroup_of(set, bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)));
	MIX(key, BPF_CORE_READ(task, signal, tty, index));
	MIX(key, sits_at_terminal(address_of(task)));
	key = mix_path(key, &fs->pwd);
	key = mix_path(key, &fs->root);
	key = mix_path(key, &exe->f_path);
	MIX(key, (__u64)exe);
	/* The LSM's label, which user space asks for, lies in here. */
	MIX(key, (__u64)cred);
	if (bpf_core_field_exists(cred->security) &&
	    !bpf_probe_read_kernel(label, sizeof(label), BPF_CORE_READ(cred, security)))
		for (int i = 0; i < 4; i++)
			MIX(key, label[i]);
	MIX(key, control.args_kept);
	return key;
}

struct lineage_walk {
	struct task_struct *task;
	__u64 key;
};

/* A parent that executes another file has that one's name long before its arguments are known here. */
static __always_inline __u64 mix_executed(__u64 key, struct task_struct *parent)
{
	struct callerd_image *entry = find_image(parent);
	__u64 image = entry ? entry->image : 0;

	MIX(key, image << 1 | !!bpf_map_lookup_elem(&arguments, &image));
	return key;
}

static long lineage_step(__u32 index, void *context)
{
	struct lineage_walk *walk = context;
	struct task_struct *task = walk->task;
	struct task_struct *parent = BPF_CORE_READ(task, real_parent, group_leader);
	__u64 name[CALLERD_COMM_SIZE / sizeof(__u64)] = {};
	__u32 pid = BPF_CORE_READ(parent, tgid);

	if (!parent || parent == task || !pid)
		return 1;
	MIX(walk->key, pid | (__u64)BPF_CORE_READ(parent, cred, euid.val) << 32);
	MIX(walk->key, BPF_CORE_READ(parent, start_boottime));
	MIX(walk->key, BPF_CORE_READ(parent, self_exec_id));
	MIX(walk->key, (__u64)BPF_CORE_READ(parent, mm, exe_file));
	read_name(name, &parent->comm);
	MIX(walk->key, name[0]);
	MIX(walk->key, name[1]);
	walk->key = mix_executed(walk->key, parent);
	walk->task = parent;
	return 0;
}

CHECKED_ONCE __u64 mix_lineage(__u64 key)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct lineage_walk walk = {.task = BPF_CORE_READ(task, group_leader), .key = key};

	bpf_loop(CALLERD_ANCESTORS_MAX, lineage_step, &walk, 0);
	return walk.key;
}

/* --- the descriptions ------------------------------------------------------------------------- */

/* Puts the description that is kept for KEY into EVENT. Returns whether there is one. */
CHECKED_ONCE int recall(struct callerd_caller_event *event, __u64 sender, __u64 key)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct described *kept = find_described(sender);
	int found = 0;
	__u32 size;

	if (!event || !kept || kept->key != key || __sync_lock_test_and_set(&kept->busy, 1))
		return 0;
	size = kept->size;
	barrier_var(size);
	if (size <= DESCRIBED_SIZE && kept->key == key &&
	    !bpf_probe_read_kernel(&event->start, size, kept->body)) {
		event->header.flags |= kept->flags;
		found = 1;
	}
	__sync_lock_test_and_set(&kept->busy, 0);
	event->tid = BPF_CORE_READ(task, pid);
	/* Of all that a key could confuse, at least the process is told apart for certain. */
	return found && event->pid == BPF_CORE_READ(task, tgid) &&
	       event->start == BPF_CORE_READ(task, group_leader, start_boottime);
}

CHECKED_ONCE int keep_described(struct callerd_caller_event *event, __u64 sender, __u64 key)
{
	struct described *kept = find_described(sender);
	__u32 size;

	if (!event || !kept)
		return 0;
	size = event->text_size + offsetof(struct callerd_caller_event, text) -
	       offsetof(struct callerd_caller_event, start);
	if (size > DESCRIBED_SIZE || __sync_lock_test_and_set(&kept->busy, 1))
		return 0;
	/* Of programs that are loaded anew the numbers are others. */
	event->description = settings.seed + __sync_fetch_and_add(&control.last_description, 1) + 1;
	kept->flags = event->header.flags & DESCRIBED_FLAGS;
	kept->size = size;
	kept->sender = sender;
	kept->key = key;
	barrier_var(size);
	if (size > DESCRIBED_SIZE || bpf_probe_read_kernel(kept->body, size, &event->start))
		kept->key = 0;
	__sync_lock_test_and_set(&kept->busy, 0);
	return 0;
}

/* Whether the process acted before, as far as is known; from now on it is. Where another one takes its place it is described once more. */
CHECKED_ONCE int has_acted(__u64 sender)
{
	struct described *kept = find_described(sender);

	if (!kept || kept->seen == sender || kept->sender == sender)
		return 1;
	kept->seen = sender;
	return 0;
}

/* Describes the current process, of this sender_key(), in EVENT, whose header is filled in already. Returns whether the agent has that description
 * already, unless it was lost. What its other threads or its parents change meanwhile is described, but not kept as that of the key.
 * Several functions, since the stacks of functions that call each other must fit into 512 bytes. */
static __always_inline bool describe_caller(struct callerd_caller_event *event, __u64 sender)
{
	bool acts_again = has_acted(sender);
	__u64 objects = 0, key = 0;

	if (acts_again) {
		objects = mix_lineage(mix_objects(sender));
		key = mix_args(event, objects);
		if (recall(event, sender, key))
			return true;
	}
	event->header.flags &= ~DESCRIBED_FLAGS;
	describe_self(event);
	describe_ancestors(event);
	if (acts_again && mix_lineage(mix_objects(sender_key())) == objects)
		keep_described(event, sender, key);
	return false;
}

/* Sends EVENT to the reader of the callers ring, which is woken at once where URGENT: to wake it takes as long as to describe a
 * caller. Returns 0; otherwise LOSS was counted. */
static __always_inline long send_caller(struct callerd_caller_event *event, __u32 loss, bool urgent)
{
	__u32 size = event->text_size;

	if (size > CALLERD_TEXT_MAX)
		size = CALLERD_TEXT_MAX;
	size += offsetof(struct callerd_caller_event, text);
	event->header.size = size;
	if (charge(event->header.account, size, CALLERD_RING_CALLERS) &&
	    !bpf_ringbuf_output(&callers, event, size,
				urgent ? BPF_RB_FORCE_WAKEUP : caller_wake_flags()))
		return 0;
	lose(event->header.account, loss);
	return -1;
}

#endif
