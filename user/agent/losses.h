/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of all losses, in the kernel and in user space, by reason. */
#ifndef CALLERD_LOSSES_H
#define CALLERD_LOSSES_H

#include <stdbool.h>
#include <stdint.h>

#include "callerd/event.h"
#include "output/sink.h"

enum loss {
	/* The kernel's losses come first, in the order of enum callerd_loss. */
	LOSS_PROGRAM_MISSED = CALLERD_LOSS_MAX,
	LOSS_MALFORMED,
	LOSS_NO_MEMORY,
	LOSS_EVICTED,
	LOSS_UNRESOLVED,
	LOSS_KILLED,   /* requests that an agent which was killed had read, and not told */
	LOSS_REPLACED, /* open connections that programs which were replaced knew */
	/* The losses before this one may include requests; this one and those that follow do
	 * not. */
	LOSS_ENGINE_EVENTS,
	LOSS_STATE,
	LOSS_GUARD_EVENTS, /* how often the kernel dropped events of guarded files */
	LOSS_OUTPUTS,	   /* the outputs' losses come last, in the order of enum sink_loss */
	LOSS_COUNT = LOSS_OUTPUTS + SINK_LOSS_COUNT,
};

#define LOSSES_CHARGED_MAX 100

/* Losses of one account that were not reported yet. */
struct loss_charge {
	enum loss loss;
	uint64_t account, count;
};

struct losses {
	uint64_t now[LOSS_COUNT]; /* since the start */
	uint64_t reported[LOSS_COUNT];
	/* The accounts of the losses that are in .now and not in .reported, as far as there is
	 * room. */
	struct loss_charge charges[LOSSES_CHARGED_MAX];
	unsigned int charge_count;
};

/* The reason as records name it. */
const char *losses_name(enum loss loss);

/* Charges COUNT losses to ACCOUNT. The caller counts them in .now as well. */
void losses_charge(struct losses *losses, enum loss loss, uint64_t account, uint64_t count);

/* Removes one charge, as reported, into RET. False: there is none. */
bool losses_take_charge(struct losses *losses, struct loss_charge *ret);

/* Returns the losses since the last report, and marks them as reported. */
uint64_t losses_take(struct losses *losses, enum loss loss);

uint64_t losses_total(const struct losses *losses);

#endif
