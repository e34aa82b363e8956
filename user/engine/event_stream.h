/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listens to the events of one engine, over the engine's own socket.
 *
 * After a lost connection, the next one asks for the events since then. An engine remembers a
 * limited number of events (Docker: 256), none across a restart of its own, and skips events for a
 * listener that reads slowly. Whenever events may have been missed for good, gap() is called.
 *
 * Never blocks; each event_stream_run() does a little. While the engine does not answer, connects
 * come at longer and longer intervals. Each event is told once, in the engine's order. Only an
 * event that the engine skipped and told later comes late, with its own time.
 *
 * Docker waits 100 ms per event for a listener that does not read and has more than a thousand
 * events to come. So event_stream_run() must be called soon after event_stream_fd() becomes ready.
 */
#ifndef CALLERD_EVENT_STREAM_H
#define CALLERD_EVENT_STREAM_H

#include "docker/cause/engine_event.h"

struct event_stream;

struct event_stream_options {
	const char *socket; /* absolute path */
	/* The time of the last event that an earlier run of the agent told: events after it are
	 * told. 0: events from now on are told. */
	uint64_t since;
	void *data;
	void (*event)(void *data, const struct engine_event *event);
	/* Events before the next one may have been missed. The engine answers by now, so its
	 * inventory can be asked for. */
	void (*gap)(void *data);
};

struct event_stream_stats {
	uint64_t connects;
	uint64_t events;   /* told */
	uint64_t repeated; /* events that the engine repeated, told once only */
	uint64_t gaps;
	uint64_t restarts; /* engine restarts without a missed event; gap() was called, too */
	uint64_t malformed;
	bool listening; /* the engine has accepted the request on this connection */
	bool dormant;	/* see event_stream_seen() */
};

/* Does nothing yet: the first event_stream_run() connects. OPTIONS's pointers must stay valid. 0,
 * -ENOMEM or -ENAMETOOLONG. Free with event_stream_free(). */
int event_stream_new(const struct event_stream_options *options, struct event_stream **ret);
void event_stream_free(struct event_stream *stream);

/* The same as engine_seen(). */
void event_stream_seen(struct event_stream *stream);

/* The time of the last told event (ns of CLOCK_REALTIME), the next run's options.since; 0: none. */
uint64_t event_stream_position(const struct event_stream *stream);

/* Whether the engine is stopping: the connection lives, but the engine has closed its listening
 * socket. */
bool event_stream_is_stopping(struct event_stream *stream);

/* The same as engine_fd() and engine_run(). */
int event_stream_fd(const struct event_stream *stream, short *ret_events);
void event_stream_run(struct event_stream *stream, uint64_t now);

/* Whether the engine is Podman, by its last answer. NULL: no. */
bool event_stream_is_podman(const struct event_stream *stream);

void event_stream_stats(const struct event_stream *stream, struct event_stream_stats *ret);

#endif
