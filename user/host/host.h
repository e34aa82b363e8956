/* SPDX-License-Identifier: Apache-2.0 */
/* What the host adds to records: its name, its boot, the names of its users and groups. */
#ifndef CALLERD_HOST_H
#define CALLERD_HOST_H

#include "digest/digest.h"
#include "record/record.h"
#include "system/beside.h"

struct host;

/* Makes host.id of MACHINE_ID, the line in /etc/machine-id, which must not be told to others: its HMAC-SHA256 with an id of callerd's
 * own, as sd_id128_get_machine_app_specific() has it. False, and the empty string: that is no such id. */
bool host_make_id(const char *machine_id, char ret[33]);

/* Reads the host's name and the ids of this boot and this run. 0 or -errno. Free with
 * host_free(). */
int host_new(struct host **ret);
void host_free(struct host *host);
CLEANUP_DEFINE(host_drop, struct host *, host_free)

/* The context for the record writers, valid as long as HOST. */
struct record_context *host_context(struct host *host);

/* From now on the name services are asked beside the loop; before this call the caller of a lookup
 * waits for them. BESIDE is kept by reference. */
void host_ask_beside(struct host *host, struct beside *beside);

/* From now on what callers execute is read in BESIDE, which is kept by reference. */
void host_read_executables(struct host *host, struct beside *beside,
			   struct digest_identity identity);

/* Asks for the names of CALLER's users and groups, and the digest of what it executes, that are not known yet: its records will need
 * them. */
void host_expect(struct host *host, const struct caller *caller);

/* Tells the context that more names are known, or logins, of which LOGINS changes, so that formats do not reuse text without them. */
void host_take_news(struct host *host, uint64_t logins);

/* The distance of the clocks at this moment, to some hundreds of ns: ns to add to CLOCK_BOOTTIME
 * for CLOCK_REALTIME. The distance in records differs slightly: it stays the same until the time is
 * set. */
int64_t host_clock(void);

/* Measures the distance of the clocks again, and keeps it in the context if the time was set. */
void host_refresh(struct host *host);

#endif
