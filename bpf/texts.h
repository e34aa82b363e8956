/* SPDX-License-Identifier: GPL-2.0-only */
/* The buffers that callers are described in, and how strings and paths are appended. */
#ifndef CALLERD_BPF_TEXTS_H
#define CALLERD_BPF_TEXTS_H

#include "maps.h"

#define COMPONENT_MAX 256 /* NAME_MAX and the NUL */
#define PATH_DEPTH_MAX 160

/* A caller is described in a buffer of the current CPU. Trampoline programs can be preempted by
 * each other, so a CPU has several buffers, each with a mark that it is taken. */
#define SCRATCH_BUFFERS 4

struct scratch {
	__u64 busy;
	struct callerd_caller_event event;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_BUFFERS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *take_scratch(void)
{
	for (__u32 i = 0; i < SCRATCH_BUFFERS; i++) {
		__u32 key = i;
		struct scratch *scratch = bpf_map_lookup_elem(&scratches, &key);

		if (scratch && !__sync_lock_test_and_set(&scratch->busy, 1))
			return scratch;
	}
	count_loss(CALLERD_LOSS_SCRATCH);
	return NULL;
}

static __always_inline void give_scratch(struct scratch *scratch)
{
	__sync_lock_test_and_set(&scratch->busy, 0);
}

static __always_inline void text_begin(struct callerd_caller_event *event,
				       struct callerd_text *text)
{
	text->offset = event->text_size;
	text->length = 0;
	text->flags = 0;
}

static __always_inline void text_end(struct callerd_caller_event *event, struct callerd_text *text)
{
	text->length = event->text_size - text->offset;
}

/* Appends a NUL-terminated kernel string. Returns 0, or the CALLERD_TEXT_ flag that says why it did
 * not. */
static __always_inline __u16 text_add(struct callerd_caller_event *event, const void *string)
{
	__u32 at = event->text_size;
	long size;

	if (at > CALLERD_TEXT_MAX - COMPONENT_MAX)
		return CALLERD_TEXT_TRUNCATED;
	size = bpf_probe_read_kernel_str(event->text + at, COMPONENT_MAX, string);
	if (size <= 0)
		return CALLERD_TEXT_FAULT;
	event->text_size = at + size;
	return 0;
}

struct path_walk {
	struct callerd_caller_event *event;
	struct dentry *dentry;
	struct mount *mount;
	__u16 flags;
	bool done;
};

static long path_step(__u32 index, void *context)
{
	struct path_walk *walk = context;
	struct dentry *dentry = walk->dentry;
	struct mount *mount = walk->mount;
	struct dentry *parent;

	if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		struct mount *above = BPF_CORE_READ(mount, mnt_parent);

		if (!above || above == mount) {
			walk->done = true;
			return 1;
		}
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->mount = above;
		return 0;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	walk->flags |= text_add(walk->event, BPF_CORE_READ(dentry, d_name.name));
	if (!parent || parent == dentry) /* not under its mount: memfd, pipe, unmounted */
		walk->done = true;
	if (walk->done || walk->flags)
		return 1;
	walk->dentry = parent;
	return 0;
}

CHECKED_ONCE int text_add_path_at(struct callerd_caller_event *event, __u64 dentry, __u64 mnt)
{
	struct path_walk walk = {.event = event, .dentry = (struct dentry *)dentry};

	if (!event || !dentry || !mnt)
		return CALLERD_TEXT_FAULT;
	walk.mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	bpf_loop(PATH_DEPTH_MAX, path_step, &walk, 0);
	return walk.flags | (walk.done ? 0 : CALLERD_TEXT_TRUNCATED);
}

/* Appends the components of DENTRY's path on MNT, from the leaf to the root of the mount tree. */
static __always_inline int text_add_path(struct callerd_caller_event *event, struct dentry *dentry,
					 struct vfsmount *mnt)
{
	return text_add_path_at(event, (__u64)dentry, (__u64)mnt);
}

#endif
