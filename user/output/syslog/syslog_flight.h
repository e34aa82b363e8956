/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records on their way: which of those that were written to a connection, in their order, lie before which of its
 * bytes. Records that lie close together are kept as one, so that it stays small: what it says is late, never
 * early.
 */
#ifndef CALLERD_SYSLOG_FLIGHT_H
#define CALLERD_SYSLOG_FLIGHT_H

#include <stdint.h>

#define FLIGHT_SPANS 512

struct flight {
	struct flight_span {
		uint64_t begin, end; /* where its first and its last record end */
		uint64_t time;	     /* ms: when the last one was written */
		uint64_t records;
	} spans[FLIGHT_SPANS];
	unsigned int first, count;
	uint64_t records;
};

/* One more record, written at TIME in ms, ends before the byte END, which never decreases. */
void syslog_flight_add(struct flight *flight, uint64_t end, uint64_t time);

/* Takes out those that lie before the byte OFFSET; returns how many. */
uint64_t syslog_flight_take(struct flight *flight, uint64_t offset);

/* How many were written until TIME. */
uint64_t syslog_flight_until(const struct flight *flight, uint64_t time);

void syslog_flight_clear(struct flight *flight);

#endif
