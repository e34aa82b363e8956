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
	/* A connection of ACCOUNT was evicted. NULL: nobody wants to know. */
	void (*evicted)(void *data, uint64_t account);
	/* Wishes that a connection's bytes are copied no longer (CALLERD_MUTE_ bits), or to be told of
	 * it anew since it was evicted (CALLERD_FORGOTTEN); 0: it is over. */
	void (*mute)(void *data, uint64_t connection, uint32_t bits);
	/* Asks what was counted of a connection that ended unnoticed: false where that is not known. NULL: nobody
	 * to ask. */
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

/* Takes an event in, and the reference that it carries. SOCKET is the index of the watched socket. */
void tracker_event(struct tracker *tracker, const struct event *event, uint32_t socket);

/* Both rings are drained: writes the records of what is finished, and of the beginning of what has been going on for
 * EXCHANGE_LONG; to be called that often for the latter. NOW: ns of CLOCK_BOOTTIME. */
void tracker_flush(struct tracker *tracker, uint64_t now);

/* Whether a finished request waits for its sender to become certain. */
bool tracker_is_waiting(const struct tracker *tracker);

/* Whether a connection may have died unnoticed: none of its bytes were seen for AGE ns. */
bool tracker_has_idle(const struct tracker *tracker, uint64_t now, uint64_t age);

/* A survey of the connections that still live: begin, each that lives, end. Those that were there at
 * the beginning and were not named have ended. Both rings must be drained before the end, or what they
 * still say of the dead comes after their end. */
void tracker_survey_begin(struct tracker *tracker);
void tracker_survey_seen(struct tracker *tracker, uint64_t connection);
void tracker_survey_end(struct tracker *tracker, uint64_t now);

/* The agent stops: writes what is unfinished. */
void tracker_close(struct tracker *tracker, uint64_t now);

void tracker_stats(const struct tracker *tracker, struct tracker_stats *ret);

#endif
