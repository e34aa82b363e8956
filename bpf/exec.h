/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Remembers the arguments of every process at its exec. When a caller's ancestors are described,
 * the memory of other processes cannot be read. /proc would not do either: a reader of
 * /proc/PID/cmdline waits as long as the owner of that memory likes, and gets the arguments of a
 * later exec.
 *
 * Arguments belong to an image: a process after an exec, and all processes that it forks without
 * another exec. User space reads the arguments of processes older than the agent once, when the
 * agent starts; of their environment nothing is read.
 */
#ifndef CALLERD_BPF_EXEC_H
#define CALLERD_BPF_EXEC_H

#include "image.h"
#include "variables.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* image */
	__type(value, struct callerd_args);
} arguments SEC(".maps");

/* Arguments that are too long for the map above, which has their beginning. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, __u64); /* image */
	__type(value, struct callerd_long_args);
} long_arguments SEC(".maps");

/* An entry is built here: a program is never re-entered on its CPU. */
struct executing {
	struct callerd_args args;
	struct callerd_long_args long_args;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct executing);
} executing SEC(".maps");

static __always_inline void keep_long_args(struct callerd_long_args *args, __u64 image,
					   unsigned long start, unsigned long length)
{
	__u32 size = length < sizeof(args->argv) ? length : sizeof(args->argv);

	args->flags = length > sizeof(args->argv) ? CALLERD_TEXT_TRUNCATED : 0;
	args->size = size;
	barrier_var(size);
	if (size > sizeof(args->argv) || bpf_probe_read_user(args->argv, size, (void *)start))
		return;
	bpf_map_update_elem(&long_arguments, &image, args, BPF_ANY);
}

/* TASK executed a file. Those whose names are an engine's count: dockerd and what begins so, podman. Seven letters are compared as a
 * number: of a loop over them the verifier would follow all ways. */
static __always_inline void note_engine(struct task_struct *task)
{
	__u64 name = 0;

	bpf_probe_read_kernel_str(&name, sizeof(name), task->comm);
	if (name == LETTERS('d', 'o', 'c', 'k', 'e', 'r', 'd') ||
	    name == LETTERS('p', 'o', 'd', 'm', 'a', 'n', 0))
		__sync_fetch_and_add(&control.started, 1);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	__u32 zero = 0, key = IMAGING_EXEC, pid = BPF_CORE_READ(task, tgid);
	struct callerd_image *image = bpf_map_lookup_elem(&imaging, &key);
	struct executing *entry = bpf_map_lookup_elem(&executing, &zero);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	unsigned long start = BPF_CORE_READ(mm, arg_start);
	unsigned long length = BPF_CORE_READ(mm, arg_end) - start;
	struct callerd_args *args;
	__u32 size = length < sizeof(args->argv) ? length : sizeof(args->argv);
	__u64 number;

	note_engine(task);
	if (!image || !entry)
		return 0;
	begin_image(image, task, keep_environment((__u64)mm));
	set_image_file(image, BPF_CORE_READ(mm, exe_file));
	bpf_map_update_elem(&images, &pid, image, BPF_ANY);
	number = image->image;
	args = &entry->args;
	args->flags = length > sizeof(args->argv) ? CALLERD_TEXT_TRUNCATED : 0;
	args->size = size;
	barrier_var(size);
	if (size > sizeof(args->argv) || bpf_probe_read_user(args->argv, size, (void *)start))
		return 0;
	if (length > sizeof(args->argv))
		keep_long_args(&entry->long_args, number, start, length);
	bpf_map_update_elem(&arguments, &number, args, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 key = IMAGING_FORK, pid = BPF_CORE_READ(child, tgid);
	struct callerd_image *own, *image;

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

/* Gives TASK, of a process older than the agent, an image, and returns its number. The entry is built on the stack: of iterators several
 * may be at work on a CPU. */
static __always_inline __u64 old_image(struct task_struct *task)
{
	struct callerd_image image = {};
	__u32 pid = BPF_CORE_READ(task, tgid);

	begin_image(&image, task, 0);
	bpf_map_update_elem(&images, &pid, &image, BPF_ANY);
	return image.image;
}

static __always_inline void list_process(struct seq_file *out, struct task_struct *task)
{
	struct callerd_process process = {};
	struct callerd_image *known;
	__u32 login_uid = CALLERD_UNSET_ID;

	if (BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid) || !BPF_CORE_READ(task, mm))
		return;
	if (bpf_core_field_exists(task->loginuid))
		login_uid = BPF_CORE_READ(task, loginuid.val);
	known = find_image(task);
	process.start = BPF_CORE_READ(task, start_boottime);
	process.image = known ? known->image : old_image(task);
	process.pid = BPF_CORE_READ(task, tgid);
	process.account = account_of((__u64)BPF_CORE_READ(task, cred),
				     (__u64)BPF_CORE_READ(task, thread_pid), login_uid);
	bpf_seq_write(out, &process, sizeof(process));
}

/* Lists the processes and their images. A process older than the agent gets its image's number
 * here. */
SEC("iter/task")
int processes(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task, *init;

	if (!task)
		return 0;
	/* On some kernels the iterator leaves out PID 1. */
	init = BPF_CORE_READ(task, nsproxy, pid_ns_for_children, child_reaper);
	if (!context->meta->seq_num && init && BPF_CORE_READ(task, pid) != BPF_CORE_READ(init, pid))
		list_process(context->meta->seq, init);
	list_process(context->meta->seq, task);
	return 0;
}

#endif
