/* SPDX-License-Identifier: Apache-2.0 */
/* What the host adds to records: its name, its boot, the names of its users and groups. */
#ifndef CALLERD_HOST_H
#define CALLERD_HOST_H

#include "base/beside.h"
#include "record/record.h"

struct host;

/* Reads what does not change. 0 or -errno. Free with host_free(). */
int host_new(struct host **ret);
void host_free(struct host *host);

/* The context for the record writers, valid as long as HOST. */
struct record_context *host_context(struct host *host);

/* From now on nobody waits for a name; until then who asks does. BESIDE is kept by reference. */
void host_ask_beside(struct host *host, struct beside *beside);

/* Names of CALLER will be wanted: asks for those that are not known. */
void host_expect(struct host *host, const struct caller *caller);

/* Lets the context know of names that have come in. */
void host_take_news(struct host *host);

/* The distance of the clocks at this moment, to some hundreds of ns: ns to add to CLOCK_BOOTTIME for CLOCK_REALTIME.
 * Records have one that stays the same as long as the time is not set. */
int64_t host_clock(void);

/* Takes the clocks' distance anew; it changes when the time is set. */
void host_refresh(struct host *host);

#endif
