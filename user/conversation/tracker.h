/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversations on the watched sockets: kernel events in, records out.
 *
 * Events of one drain may come in any order between the two rings: what a request needs to be attributed
 * (its connect, its senders) may be read after its bytes. So nothing is decided while
 * events are taken in; tracker_flush(), called when both rings are drained, decides.
 */
#ifndef CALLERD_TRACKER_H
#define CALLERD_TRACKER_H

#include "process/kernel_event.h"
#include "record/record.h"

struct tracker;

struct tracker_options {
	/* More connections, or bytes of callers and held requests, evict one: of the account that has most, the one
	 * that was silent longest. */
	unsigned int connections_max;
	size_t memory_max;
	uint64_t sender_wait; /* ns to wait until the sender of a request is certain, and for the
				       * response's body where the reader wants it */
	const struct reader *reader; /* of contents; outlives the tracker; NULL: none */
	const char *const *sockets;  /* paths by index; outlive the tracker */
	unsigned int socket_count;
	void *data;
	/* A record; what it points to lives as long as the call. */
	void (*record)(void *data, struct record *record);
	/* Called when a request has begun, which has its record later; taken back: it was none. May be NULL. */
	void (*begun)(void *data, bool taken_back);
	/* Called when a connection of ACCOUNT was evicted. May be NULL. */
	void (*evicted)(void *data, uint64_t account);
	/* Tells the kernel programs what to do with the connection: CALLERD_MUTE_ bits stop the copying of its bytes,
	 * CALLERD_FORGOTTEN has it announced anew, since it was evicted; 0: it is over. May be NULL. */
	void (*mute)(void *data, uint64_t connection, uint32_t bits);
	/* Nothing is kept of the connection any more. May be NULL. */
	void (*forgotten)(void *data, uint64_t connection);
	/* The connection is over, and the kernel programs did not see its end: what they keep of it is to go. May be NULL. */
	void (*unnoticed)(void *data, uint64_t connection);
	/* Gives what the kernel counted of a connection whose end was not seen; false where that is not known. May be
	 * NULL. */
	bool (*totals)(void *data, struct callerd_totals *ret);
};

struct tracker_stats {
	uint64_t connections; /* open now */
	uint64_t evicted;     /* given up for want of room */
	uint64_t memory;      /* bytes of callers, each counted once, and held requests now */
	uint64_t unpaired;    /* responses whose request was not seen */
	uint64_t no_memory;   /* events dropped because an allocation failed */
};

/* 0 or -ENOMEM. Free with tracker_free(). */
int tracker_new(const struct tracker_options *options, struct tracker **ret);
void tracker_free(struct tracker *tracker);

/* An earlier agent may have seen the connections up to LAST, and parts of what was said on them. */
void tracker_inherit(struct tracker *tracker, uint64_t last);

/* The connection ID as an earlier agent that was stopped left it; CALLER sent the request whose response goes on, and the
 * reference is taken over; NULL: not known. What is not sound is left out. NOW: ns of CLOCK_BOOTTIME. */
void tracker_resume(struct tracker *tracker, uint64_t id, const struct callerd_handed *handed,
		    const struct callerd_handed_http2 *http2, struct caller *caller, uint64_t now);

/* Calls GIVE for each connection that the next agent can go on with, and forgets it. NOW: ns of CLOCK_BOOTTIME. */
void tracker_hand_over(struct tracker *tracker, uint64_t now,
		       void (*give)(void *data, uint64_t id, const struct callerd_handed *handed,
				    const struct callerd_handed_http2 *http2));

/* Takes an event in, and the reference that it carries. SOCKET is the index of the watched socket. */
void tracker_event(struct tracker *tracker, const struct event *event, uint32_t socket);

/* Called when both rings are drained, and at least every EXCHANGE_LONG: writes the records of finished requests, and of
 * the beginning of those that have waited for EXCHANGE_LONG. NOW: ns of CLOCK_BOOTTIME. */
void tracker_flush(struct tracker *tracker, uint64_t now);

/* Whether a finished request waits for its sender to become certain. */
bool tracker_is_waiting(const struct tracker *tracker);

/* Whether a connection may have died unnoticed: none of its bytes were seen for AGE ns. */
bool tracker_has_idle(const struct tracker *tracker, uint64_t now, uint64_t age);

/* A survey of living connections: tracker_survey_begin(), tracker_survey_seen() for each that lives, and
 * tracker_survey_end(), which ends the connections that were there at the beginning and not seen since. Drain both
 * rings before tracker_survey_end(): they may hold bytes of the ended ones. */
void tracker_survey_begin(struct tracker *tracker);
void tracker_survey_seen(struct tracker *tracker, uint64_t connection);
void tracker_survey_end(struct tracker *tracker, uint64_t now);

/* The agent stops: writes what is unfinished. */
void tracker_close(struct tracker *tracker, uint64_t now);

void tracker_stats(const struct tracker *tracker, struct tracker_stats *ret);

#endif
