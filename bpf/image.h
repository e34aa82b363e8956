/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Remembers what every process executed: its image, which it has from an exec on, and all processes
 * have that it forks without another exec. Its number is the key of its arguments (exec.h).
 *
 * Its file is remembered, too. A process with CAP_CHECKPOINT_RESTORE in a user namespace of its own,
 * which any user may create, can exchange its mm->exe_file with PR_SET_MM_MAP after the exec; it
 * cannot change the file that was remembered at the exec.
 *
 * An entry lives from the exec, or from the fork of a process that has an entry, to the end of the
 * process. No action of other processes pushes it out: user space gives the table room for as many
 * as there can be. A process has no entry where memory was short. That of a process older than the
 * agent has no file.
 */
#ifndef CALLERD_BPF_IMAGE_H
#define CALLERD_BPF_IMAGE_H

#include "socket.h"
#include "texts.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, __u32); /* thread group */
	__type(value, struct callerd_image);
} images SEC(".maps");

/* Entries are built here, one for an exec and one for a fork: a program is never re-entered on its
 * CPU. */
enum { IMAGING_EXEC, IMAGING_FORK, IMAGINGS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, IMAGINGS);
	__type(key, __u32);
	__type(value, struct callerd_image);
} imaging SEC(".maps");

/* The entry of TASK's current image; NULL: none. */
static __always_inline struct callerd_image *find_image(struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u32 pid = BPF_CORE_READ(leader, tgid);
	struct callerd_image *image = bpf_map_lookup_elem(&images, &pid);

	if (!image || image->start != BPF_CORE_READ(leader, start_boottime) ||
	    image->exec_id != BPF_CORE_READ(leader, self_exec_id))
		return NULL;
	return image;
}

static __always_inline void set_image_file(struct callerd_image *image, struct file *exe)
{
	struct inode *inode = BPF_CORE_READ(exe, f_path.dentry, d_inode);
	struct scratch *scratch;
	__u32 size;

	if (!inode)
		return;
	node_key(inode, &image->node);
	image->has_file = 1;
	scratch = take_scratch();
	if (!scratch)
		return;
	scratch->event.text_size = 0;
	image->flags = text_add_path(&scratch->event, BPF_CORE_READ(exe, f_path.dentry),
				     BPF_CORE_READ(exe, f_path.mnt));
	size = scratch->event.text_size;
	if (size > CALLERD_IMAGE_PATH_MAX) {
		size = CALLERD_IMAGE_PATH_MAX;
		image->flags |= CALLERD_TEXT_TRUNCATED;
	}
	barrier_var(size);
	if (size <= CALLERD_IMAGE_PATH_MAX &&
	    !bpf_probe_read_kernel(image->path, size, scratch->event.text))
		image->size = size;
	give_scratch(scratch);
}

/* Begins a new image of TASK, a thread group's leader, without a file yet. */
static __always_inline void begin_image(struct callerd_image *image, struct task_struct *task,
					__u64 environment)
{
	image->start = BPF_CORE_READ(task, start_boottime);
	image->exec_id = BPF_CORE_READ(task, self_exec_id);
	image->image = __sync_fetch_and_add(&control.last_image, 1) + 1;
	image->environment = environment;
	image->has_file = 0;
	image->size = 0;
	image->flags = CALLERD_TEXT_FAULT;
}

/* What is known of a process's image; 0: it is not. */
struct image_facts {
	__u64 image;	   /* its number */
	__u64 environment; /* its key */
	struct callerd_node_key node;
	__u32 has_file;	 /* .node is set: the file that the process executed */
	__u32 exchanged; /* the process has another executable now */
};

/* Looks up the image of a process, whose task and current executable are at these addresses. */
CHECKED_ONCE int look_up_image(struct image_facts *ret, __u64 task_address, __u64 exe_address)
{
	struct file *exe = (struct file *)exe_address;
	struct inode *inode = BPF_CORE_READ(exe, f_path.dentry, d_inode);
	struct callerd_image *image = find_image((struct task_struct *)task_address);
	struct callerd_node_key now = {};

	if (!ret)
		return 0;
	*ret = (struct image_facts){};
	if (!image)
		return 0;
	ret->image = image->image;
	ret->environment = image->environment;
	ret->has_file = image->has_file;
	ret->node = image->node;
	if (!inode || !image->has_file)
		return 0;
	node_key(inode, &now);
	ret->exchanged = now.inode != image->node.inode || now.device != image->node.device ||
			 now.generation != image->node.generation;
	return 0;
}

/* Appends the path of what the process executed whose task is at this address. */
CHECKED_ONCE int text_add_executed(struct callerd_caller_event *event, __u64 address)
{
	struct callerd_image *image = find_image((struct task_struct *)address);
	__u32 at, size;

	if (!event || !image)
		return CALLERD_TEXT_FAULT;
	at = event->text_size;
	size = image->size;
	if (at > CALLERD_TEXT_MAX - CALLERD_IMAGE_PATH_MAX)
		return CALLERD_TEXT_TRUNCATED;
	barrier_var(size);
	if (size > CALLERD_IMAGE_PATH_MAX ||
	    bpf_probe_read_kernel(event->text + at, size, image->path))
		return CALLERD_TEXT_FAULT;
	event->text_size = at + size;
	return image->flags;
}

#endif
