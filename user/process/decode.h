/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and decodes the bytes of a ring into an event. Pure: no I/O, no libbpf; fuzzed. */
#ifndef CALLERD_DECODE_H
#define CALLERD_DECODE_H

#include "process/kernel_event.h"

/* Callbacks for details that the kernel's event lacks. Each may be NULL. */
struct decode_detail {
	void *data;
	/* Returns the LSM label of the process PID that started at START; data NULL where it is not
	 * known or another process has that PID now. Valid until the next call. */
	struct bytes (*label)(void *data, uint32_t pid, uint64_t start);
	/* Fills in PROCESS, of which the kernel recorded only PID and start. Its arguments each end
	 * in a NUL, and hold no secrets (record/mask.h). */
	void (*peer)(void *data, struct process *process);
};

/* Checks SIZE bytes at EVENT (8-byte aligned) and describes them in *RET, which points into them.
 * The arguments of callers come without their secrets. RET->caller, where set, is to be given back
 * with caller_unref(). 0, -EBADMSG where the bytes break the contract of callerd/event.h, or
 * -ENOMEM. */
int decode_event(const void *event, size_t size, const struct decode_detail *detail,
		 struct event *ret);

/* Gives back the callers that are kept since their descriptions may come again. */
void decode_forget(void);

#endif
