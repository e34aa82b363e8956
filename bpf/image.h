/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Remembers which file every process executed. A process with CAP_CHECKPOINT_RESTORE in a user
 * namespace of its own, which any user may create, can exchange its mm->exe_file with PR_SET_MM_MAP
 * after the exec; it cannot change the file that was remembered at the exec.
 *
 * An entry lives from the exec, or from the fork of a process that has an entry, to the end of the
 * process. No action of other processes pushes it out: user space gives the table room for as many
 * as there can be. A process has no entry where memory was short, or if it is older than the agent.
 */
#ifndef CALLERD_BPF_IMAGE_H
#define CALLERD_BPF_IMAGE_H

#include "socket.h"
#include "texts.h"

#define IMAGE_PATH_MAX 212

struct image {
	__u64 start; /* with .exec_id: tells this process image from others of the PID */
	__u64 exec_id;
	struct callerd_node_key node;
	__u16 size;
	__u16 flags;		   /* CALLERD_TEXT_ */
	char path[IMAGE_PATH_MAX]; /* its first components, from the leaf on */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, __u32); /* thread group */
	__type(value, struct image);
} images SEC(".maps");

/* Entries are built here, one for an exec and one for a fork: a program is never re-entered on its
 * CPU. */
enum { IMAGING_EXEC, IMAGING_FORK, IMAGINGS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, IMAGINGS);
	__type(key, __u32);
	__type(value, struct image);
} imaging SEC(".maps");

static __always_inline void copy_image_path(struct image *image, struct file *exe)
{
	struct scratch *scratch = take_scratch();
	__u32 size;

	image->size = 0;
	image->flags = CALLERD_TEXT_FAULT;
	if (!scratch)
		return;
	scratch->event.text_size = 0;
	image->flags = text_add_path(&scratch->event, BPF_CORE_READ(exe, f_path.dentry),
				     BPF_CORE_READ(exe, f_path.mnt));
	size = scratch->event.text_size;
	if (size > IMAGE_PATH_MAX) {
		size = IMAGE_PATH_MAX;
		image->flags |= CALLERD_TEXT_TRUNCATED;
	}
	barrier_var(size);
	if (size <= IMAGE_PATH_MAX &&
	    !bpf_probe_read_kernel(image->path, size, scratch->event.text))
		image->size = size;
	give_scratch(scratch);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(image_exec, struct task_struct *task)
{
	__u32 key = IMAGING_EXEC, pid = BPF_CORE_READ(task, tgid);
	struct image *image = bpf_map_lookup_elem(&imaging, &key);
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct inode *inode = BPF_CORE_READ(exe, f_path.dentry, d_inode);

	if (!image)
		return 0;
	if (!inode) {
		bpf_map_delete_elem(&images, &pid);
		return 0;
	}
	image->start = BPF_CORE_READ(task, group_leader, start_boottime);
	image->exec_id = BPF_CORE_READ(task, self_exec_id);
	node_key(inode, &image->node);
	copy_image_path(image, exe);
	bpf_map_update_elem(&images, &pid, image, BPF_ANY);
	return 0;
}

/* The entry of TASK's current process image; NULL: none. */
static __always_inline struct image *find_image(struct task_struct *task)
{
	__u32 pid = BPF_CORE_READ(task, tgid);
	struct image *image = bpf_map_lookup_elem(&images, &pid);

	if (!image || image->start != BPF_CORE_READ(task, group_leader, start_boottime) ||
	    image->exec_id != BPF_CORE_READ(task, self_exec_id))
		return NULL;
	return image;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(image_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 key = IMAGING_FORK, pid = BPF_CORE_READ(child, tgid);
	struct image *own, *image;

	if (pid != BPF_CORE_READ(child, pid)) /* a thread */
		return 0;
	image = find_image(parent);
	own = bpf_map_lookup_elem(&imaging, &key);
	if (!image || !own)
		return 0;
	*own = *image;
	own->start = BPF_CORE_READ(child, start_boottime);
	own->exec_id = BPF_CORE_READ(child, self_exec_id);
	bpf_map_update_elem(&images, &pid, own, BPF_ANY);
	return 0;
}

enum image_state { IMAGE_UNKNOWN, IMAGE_SAME, IMAGE_EXCHANGED };

/* Compares NODE, the key of a task's current executable, with IMAGE, the task's entry, which may be
 * NULL. */
static __always_inline enum image_state compare_image(const struct image *image,
						      const struct callerd_node_key *node)
{
	if (!image)
		return IMAGE_UNKNOWN;
	return image->node.inode == node->inode && image->node.device == node->device &&
			       image->node.generation == node->generation
		       ? IMAGE_SAME
		       : IMAGE_EXCHANGED;
}

/* Appends the path in IMAGE. */
static __always_inline __u16 text_add_image(struct callerd_caller_event *event,
					    const struct image *image)
{
	__u32 at = event->text_size, size = image->size;

	if (at > CALLERD_TEXT_MAX - IMAGE_PATH_MAX)
		return CALLERD_TEXT_TRUNCATED;
	barrier_var(size);
	if (size > IMAGE_PATH_MAX || bpf_probe_read_kernel(event->text + at, size, image->path))
		return CALLERD_TEXT_FAULT;
	event->text_size = at + size;
	return image->flags;
}

#endif
