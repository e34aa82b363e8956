/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc adds to the kernel's description of a process, and only while it is still that process:
 * a PID is trusted no longer than its start time matches. */
#ifndef CALLERD_PROC_H
#define CALLERD_PROC_H

#include <stdbool.h>

#include "capture/decode.h"

struct proc;

/* 0 or -ENOMEM. Free with proc_free(). */
int proc_new(struct proc **ret);
void proc_free(struct proc *proc);

/* The callbacks that decode_event() wants, served by PROC. */
struct decode_detail proc_detail(struct proc *proc);

/* Opens /proc/PID if it is the process that started at START (ns of CLOCK_BOOTTIME; 0: whichever).
 * The descriptor stays bound to that process; the caller closes it. -ESRCH, -errno. */
int proc_open(uint32_t pid, uint64_t start);

#endif
