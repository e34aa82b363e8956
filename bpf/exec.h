/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Remembers the arguments of every process at its exec. The memory of another process cannot be read when
 * a caller's ancestors are described, and /proc is read too late for those that are gone in a moment.
 */
#ifndef CALLERD_BPF_EXEC_H
#define CALLERD_BPF_EXEC_H

#include "maps.h"

struct executed {
	__u64 start; /* tell this process image from others of the PID */
	__u64 exec_id;
	__u32 size;
	__u32 flags; /* CALLERD_TEXT_ */
	char argv[CALLERD_ANCESTOR_ARGV_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* thread group */
	__type(value, struct executed);
} executed SEC(".maps");

/* Where an entry is put together; a program is never re-entered on its CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct executed);
} executing SEC(".maps");

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	__u32 zero = 0, pid = BPF_CORE_READ(task, tgid);
	struct executed *entry = bpf_map_lookup_elem(&executing, &zero);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	unsigned long start = BPF_CORE_READ(mm, arg_start);
	unsigned long length = BPF_CORE_READ(mm, arg_end) - start;
	__u32 size = length < sizeof(entry->argv) ? length : sizeof(entry->argv);

	if (!entry)
		return 0;
	entry->start = BPF_CORE_READ(task, group_leader, start_boottime);
	entry->exec_id = BPF_CORE_READ(task, self_exec_id);
	entry->flags = length > sizeof(entry->argv) ? CALLERD_TEXT_TRUNCATED : 0;
	entry->size = size;
	barrier_var(size);
	if (size > sizeof(entry->argv))
		return 0;
	if (bpf_probe_read_user(entry->argv, size, (void *)start))
		return 0;
	bpf_map_update_elem(&executed, &pid, entry, BPF_ANY);
	return 0;
}

/* What is remembered of TASK's present image, or NULL. */
static __always_inline struct executed *find_executed(struct task_struct *task)
{
	__u32 pid = BPF_CORE_READ(task, tgid);
	struct executed *entry = bpf_map_lookup_elem(&executed, &pid);

	if (!entry || entry->start != BPF_CORE_READ(task, start_boottime) ||
	    entry->exec_id != BPF_CORE_READ(task, self_exec_id))
		return NULL;
	return entry;
}

#endif
