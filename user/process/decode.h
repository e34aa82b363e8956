/* SPDX-License-Identifier: Apache-2.0 */
/* From the bytes of a ring to a checked event. Pure: no I/O, no libbpf; fuzzed. */
#ifndef CALLERD_DECODE_H
#define CALLERD_DECODE_H

#include "process/kernel_event.h"

/* Detail that the kernel event lacks and that only adds to it. Each may be NULL. */
struct decode_detail {
	void *data;
	/* The LSM label of the process PID that started at START; data NULL where it is not known or the
	 * process is another one now. Valid until the next call. */
	struct bytes (*label)(void *data, uint32_t pid, uint64_t start);
	/* Fills in what is known of a process of which the kernel recorded only PID and start; its
	 * arguments, each ended by a NUL, without their secrets (record/mask.h). */
	void (*peer)(void *data, struct process *process);
};

/* Checks SIZE bytes at EVENT (8-byte aligned) and describes them in *RET, which points into them; the
 * arguments of callers without their secrets.
 * RET->caller, where set, is to be given back with caller_unref(). 0, -EBADMSG for
 * what breaks the contract, -ENOMEM. */
int decode_event(const void *event, size_t size, const struct decode_detail *detail,
		 struct event *ret);

#endif
