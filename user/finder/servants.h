/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Callers that serve others: they listen, or they were begun for a connection that somebody else made. What such a process asks an
 * engine for it may have been asked for itself, by whom is not known. Nothing is waited for: a process is looked at once, beside the
 * loop, and what it asks from then on is told so.
 *
 * Clients live shorter than what serves others: a process is looked at when it has lived for a second, or when init began it.
 */
#ifndef CALLERD_SERVANTS_H
#define CALLERD_SERVANTS_H

#include "record/record.h"
#include "system/beside.h"

struct servants;

/* BESIDE is kept by reference. 0 or -ENOMEM. Free with servants_free() when no job runs any more. */
int servants_new(struct beside *beside, struct servants **ret);

/* NULL is fine. */
void servants_free(struct servants *servants);

/* How CALLER, or a process of the same program that began it, serves others: RELAYED_BY_LISTENING, RELAYED_BY_ACCEPTED;
 * RELAYED_BY_NOTHING: it does not, or that is not known. Has it looked at where that is not known. NOW: ns of CLOCK_BOOTTIME. */
enum relayed_basis servants_find(struct servants *servants, const struct caller *caller,
				 uint64_t now);

/* Whether a caller is being looked at of which nothing is known yet. */
bool servants_are_asked(const struct servants *servants);

#endif
