/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text, UTC, without libc's calendar. */
#ifndef CALLERD_CLOCK_H
#define CALLERD_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/text.h"

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

/* The time of the clock ID of clock_gettime(), in ns. */
uint64_t clock_now(clockid_t id);

/* The time of CLOCK_MONOTONIC, in ms. */
static inline uint64_t clock_now_ms(void)
{
	return clock_now(CLOCK_MONOTONIC) / NS_PER_MS;
}

/* Converts BOOT_TIME (ns of CLOCK_BOOTTIME) to ns since 1970, in a boot where CLOCK_REALTIME is
 * BOOT_TO_REAL ns ahead; 0 where the result would be before 1970. */
uint64_t clock_real(int64_t boot_to_real, uint64_t boot_time);

/* Adds 2026-03-01T12:03:44.120000001Z. REAL is ns since 1970. */
void clock_add_rfc3339(struct text *out, uint64_t real);

/* As clock_add_rfc3339(), with a fraction of DIGITS digits, 1 to 9. */
void clock_add_rfc3339_digits(struct text *out, uint64_t real, unsigned int digits);

/* Adds 12:03:44.120. */
void clock_add_time_of_day(struct text *out, uint64_t real);

/* Adds a duration in the unit that suits it: 120 µs, 3.1 ms, 12 s, 5 min. */
void clock_add_duration(struct text *out, uint64_t ns);

#endif
