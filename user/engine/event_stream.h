/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listens to the events of one engine, over its own socket, as long as there is one.
 *
 * Where a connection was lost, the next one asks for what happened since. An engine remembers only so many
 * events (Docker: 256), none over its own restart, and passes over a listener that is slow to read: whenever
 * something may have been missed and cannot be had, gap() says so.
 *
 * Never blocks; does a little whenever event_stream_run() is called, and waits longer and longer where the engine does
 * not answer. Each event is told once, in the engine's order, but for one that was passed over: it comes late, with
 * its own time.
 *
 * Docker waits 100 ms, for each event, for a listener that does not read and has more than a thousand of them to
 * come. So event_stream_run() must be called soon whenever event_stream_fd() is ready.
 */
#ifndef CALLERD_EVENT_STREAM_H
#define CALLERD_EVENT_STREAM_H

#include "docker/cause/engine_event.h"

struct event_stream;

struct event_stream_options {
	const char *socket; /* absolute path */
	/* The time of the last event that was told in an earlier life: go on from there. 0: from now on. */
	uint64_t since;
	void *data;
	void (*event)(void *data, const struct engine_event *event);
	/* Events may have been missed, before the one that is told next. By then the engine tells us again: what
	 * it has is best asked for now. */
	void (*gap)(void *data);
};

struct event_stream_stats {
	uint64_t connects;
	uint64_t events;   /* told */
	uint64_t repeated; /* told before, and not again */
	uint64_t gaps;
	uint64_t restarts; /* of the engine, of which all was told: gap() was called, too */
	uint64_t malformed;
	bool listening; /* the engine took the request, on this connection */
	bool dormant;	/* see event_stream_seen() */
};

/* Does nothing yet: the first event_stream_run() connects. What OPTIONS points to has to stay. 0, -ENOMEM or
 * -ENAMETOOLONG. Free with event_stream_free(). */
int event_stream_new(const struct event_stream_options *options, struct event_stream **ret);
void event_stream_free(struct event_stream *stream);

/* The engine answered somebody, so it runs: as engine_seen(). */
void event_stream_seen(struct event_stream *stream);

/* The time of the last event that was told (ns of CLOCK_REALTIME), from which to go on in another life; 0: none. */
uint64_t event_stream_position(const struct event_stream *stream);

/* Whether the engine stops: it talks to us, but nobody listens any more. */
bool event_stream_is_stopping(struct event_stream *stream);

/* As engine_fd() and engine_run(). */
int event_stream_fd(const struct event_stream *stream, short *ret_events);
void event_stream_run(struct event_stream *stream, uint64_t now);

void event_stream_stats(const struct event_stream *stream, struct event_stream_stats *ret);

#endif
