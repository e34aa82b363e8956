// SPDX-License-Identifier: Apache-2.0
#include "output/syslog/syslog_flight.h"

#include <stddef.h>

#define SPAN_BYTES (64u << 10)
#define SPAN_TIME 1000 /* milliseconds */

static struct flight_span *syslog_flight_at(struct flight *flight, unsigned int index)
{
	return &flight->spans[(flight->first + index) % FLIGHT_SPANS];
}

static void syslog_flight_remove_first(struct flight *flight)
{
	flight->first = (flight->first + 1) % FLIGHT_SPANS;
	flight->count--;
}

/* The oldest span becomes a part of the next one. */
static void join_oldest(struct flight *flight)
{
	struct flight_span *second = syslog_flight_at(flight, 1);

	second->begin = syslog_flight_at(flight, 0)->begin;
	second->records += syslog_flight_at(flight, 0)->records;
	syslog_flight_remove_first(flight);
}

void syslog_flight_add(struct flight *flight, uint64_t end, uint64_t time)
{
	struct flight_span *last =
		flight->count ? syslog_flight_at(flight, flight->count - 1) : NULL;

	flight->records++;
	/* Its time is moved on: a span that kept the first one's would make records seem older. */
	if (last && end - last->begin < SPAN_BYTES && time - last->time < SPAN_TIME) {
		last->end = end;
		last->time = time;
		last->records++;
		return;
	}
	if (flight->count == FLIGHT_SPANS)
		join_oldest(flight);
	flight->count++;
	*syslog_flight_at(flight, flight->count - 1) =
		(struct flight_span){.begin = end, .end = end, .time = time, .records = 1};
}

uint64_t syslog_flight_take(struct flight *flight, uint64_t offset)
{
	uint64_t records = 0;

	while (flight->count && syslog_flight_at(flight, 0)->end <= offset) {
		records += syslog_flight_at(flight, 0)->records;
		syslog_flight_remove_first(flight);
	}
	flight->records -= records;
	return records;
}

uint64_t syslog_flight_until(const struct flight *flight, uint64_t time)
{
	uint64_t records = 0;

	for (unsigned int i = 0; i < flight->count; i++) {
		const struct flight_span *span = &flight->spans[(flight->first + i) % FLIGHT_SPANS];

		if (span->time > time)
			break;
		records += span->records;
	}
	return records;
}

void syslog_flight_clear(struct flight *flight)
{
	flight->first = flight->count = 0;
	flight->records = 0;
}
