/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc adds to the kernel's description of a process. A PID may have passed on to another
 * process: what stands in /proc counts only where the start time matches.
 *
 * The kernel reads cmdline, environ and maps from the memory of the process, which the process can
 * lock as long as it likes. Only proc_read_args() reads one of them.
 */
#ifndef CALLERD_PROC_H
#define CALLERD_PROC_H

#include <stdbool.h>

#include "kernel/capture.h"
#include "process/decode.h"

struct proc;

/* CAPTURE is kept by reference. 0 or -ENOMEM. Free with proc_free(). */
int proc_new(struct capture *capture, struct proc **ret);
void proc_free(struct proc *proc);

/* The callbacks that decode_event() wants, served by PROC. */
struct decode_detail proc_detail(struct proc *proc);

/* Opens /proc/PID if it is the process that started at START (ns of CLOCK_BOOTTIME; 0: any
 * process). The descriptor stays bound to that process; the caller closes it. -ESRCH if it is
 * another process, or -errno. */
int proc_open(uint32_t pid, uint64_t start);

/* Reads at most SIZE bytes of the file NAME in PROCESS, a directory in /proc. Returns how many, or -errno. */
ssize_t proc_read(int process, const char *name, char *data, size_t size);

/* The start time, in clock ticks, of the process whose directory in /proc is PROCESS; 0: unknown. */
uint64_t proc_start_ticks(int process);

/* Reads the arguments, with their secrets, of the process PID that started at START, from its
 * memory. Returns the bytes written to ARGS, or -errno. The process decides how long the call
 * takes. */
ssize_t proc_read_args(uint32_t pid, uint64_t start, char args[CALLERD_ARGV_MAX],
		       bool *ret_truncated);

#endif
