/* SPDX-License-Identifier: Apache-2.0 */
/* Times as people give them, and as ausearch takes them. */
#ifndef CALLERD_MOMENT_H
#define CALLERD_MOMENT_H

#include <stdint.h>

/*
 * Reads TEXT, in the local time zone, at the time NOW (ns since 1970): now; recent (10 minutes ago); boot; today, yesterday,
 * this-week, week-ago, this-month, this-year, each with a time of day behind it or none; 15:00 or 15:00:30 (of today);
 * 2026-11-30, 2026-11-30 15:00, 2026-11-30T15:00:00Z; 90s, 10m, 2h, 7d (ago). ns since 1970 in *RET: 0, or -EINVAL.
 */
int moment_parse(const char *text, uint64_t now, uint64_t *ret);

/* The beginning of a record's line, {"@timestamp":"2026-11-30T15:00:00.123456789Z": ns since 1970; 0: it is none. */
uint64_t moment_of_line(const char *line, unsigned long size);

/* RFC 3339 in UTC, with a fraction of at most 9 digits. 0: it is none. */
uint64_t moment_rfc3339(const char *text, unsigned long size);

#endif
