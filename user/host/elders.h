/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arguments of processes that are older than the agent, whose execs the kernel programs have not seen. They are
 * read once, at the start and beside the loop, and given to the kernel programs, which tell them with the
 * callers whose ancestors they are. Who has his arguments locked goes without.
 */
#ifndef CALLERD_ELDERS_H
#define CALLERD_ELDERS_H

#include "base/beside.h"
#include "kernel/capture.h"

struct elders;

/* Lists them. 0 or -errno. CAPTURE is kept by reference. Free with elders_free(). */
int elders_new(struct capture *capture, struct elders **ret);

/* NULL is fine. */
void elders_free(struct elders *elders);

/* Asks for some more. */
void elders_run(struct elders *elders, struct beside *beside, uint64_t now);

/* Whether all that can be is given to the kernel programs. */
bool elders_settled(const struct elders *elders);

#endif
