/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arguments of processes that are older than the agent, whose execs the kernel programs have
 * not seen. The arguments are read once, at the start and beside the loop, and given to the kernel
 * programs, which report them with the callers whose ancestors these processes are. A process that
 * locks its memory stays without arguments.
 */
#ifndef CALLERD_ELDERS_H
#define CALLERD_ELDERS_H

#include "kernel/capture.h"
#include "system/beside.h"

struct elders;

/* Lists the processes that run now. 0 or -errno. CAPTURE is kept by reference. Free with
 * elders_free(). */
int elders_new(struct capture *capture, struct elders **ret);

/* NULL is fine. */
void elders_free(struct elders *elders);

/* Puts more jobs into BESIDE, and ends the work when all have come back. */
void elders_run(struct elders *elders, struct beside *beside, uint64_t now);

/* Whether the kernel programs have all arguments that could be read. */
bool elders_settled(const struct elders *elders);

#endif
