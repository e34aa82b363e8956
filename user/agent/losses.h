/* SPDX-License-Identifier: Apache-2.0 */
/* All that was lost, by reason, in the kernel and after it. */
#ifndef CALLERD_LOSSES_H
#define CALLERD_LOSSES_H

#include <stdbool.h>
#include <stdint.h>

#include "callerd/event.h"
#include "output/sink.h"

enum loss {
	/* the kernel's, in the order of enum callerd_loss, come first */
	LOSS_PROGRAM_MISSED = CALLERD_LOSS_MAX,
	LOSS_MALFORMED,
	LOSS_NO_MEMORY,
	LOSS_EVICTED,
	LOSS_UNRESOLVED,
	LOSS_ENGINE_EVENTS, /* requests may be among what comes before it, and are not from here on */
	LOSS_STATE,
	LOSS_OUTPUTS, /* the outputs', in the order of enum sink_loss, come last */
	LOSS_COUNT = LOSS_OUTPUTS + SINK_LOSS_COUNT,
};

#define LOSSES_CHARGED_MAX 100

/* What an account lost of its own, and was not reported yet. */
struct loss_charge {
	enum loss loss;
	uint64_t account, count;
};

struct losses {
	uint64_t now[LOSS_COUNT]; /* since the start */
	uint64_t reported[LOSS_COUNT];
	/* Of what is in .now and not in .reported, whose it is, as far as there is room. */
	struct loss_charge charges[LOSSES_CHARGED_MAX];
	unsigned int charge_count;
};

/* The reason as records name it. */
const char *losses_name(enum loss loss);

/* COUNT of a loss, which are or will be in .now as well, are ACCOUNT's. */
void losses_charge(struct losses *losses, enum loss loss, uint64_t account, uint64_t count);

/* Takes one of these off, as reported. False: there is none. */
bool losses_take_charge(struct losses *losses, struct loss_charge *ret);

/* What came since the last report, which this is. */
uint64_t losses_take(struct losses *losses, enum loss loss);

uint64_t losses_total(const struct losses *losses);

#endif
