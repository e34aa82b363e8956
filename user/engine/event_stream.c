// SPDX-License-Identifier: Apache-2.0
/*
 * Events that one connection missed are repeated on the next: Docker keeps its last 256 events,
 * Podman a log. The certain event is the last one of which we know that all events before it were
 * told. We ask for events from a little before the certain event on. If the answer has the certain
 * event, or an earlier one, it has all later events, too, and those that were not told yet are told
 * now. Otherwise events may be missing.
 *
 * Docker keeps 1024 events for each listener, beside those in its socket, and skips events for a
 * listener whose queue stays full for 100 ms (pkg/pubsub). So when we read late, and much, events
 * beyond those 1024 are not certain, and we ask again.
 */
#include "engine/event_stream.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/hash.h"
#include "broker/broker.h"
#include "engine/client.h"
#include "engine/listener.h"

#define HEAD_TIME_MAX (10 * NS_PER_S)
#define VERSION_MAX (1u << 20)	   /* bytes of the version's answer */
#define VERSION_MEMORY (64u << 10) /* bytes of memory for that answer's fields */

/* We ask for events from this much earlier on. Docker's events are not in the order of their times,
 * and its search backwards ends at the first event older than the time asked for; Podman rounds
 * that time to a float. */
#define SLACK NS_PER_S
#define REPLAY_TIME (2 * NS_PER_S) /* an engine sends repeated events at once */
#define RECENT 4096		   /* events that are recognized when repeated */

#define ENGINE_MEMORY 256    /* events that Docker can repeat */
#define LISTENER_MAX 1024    /* events that Docker keeps for a listener */
#define LATE (NS_PER_S / 10) /* Docker waits at least this long for a listener */
#define MUCH (16u << 10)     /* bytes: half of what a socket holds when Docker has to wait */
#define CATCH_UP NS_PER_S    /* until Docker has sent the events that it kept for us */
#define CHECK_EVERY (10 * NS_PER_S)

enum phase {
	SEEKING,   /* no repeated event has shown yet that none is missing */
	REPLAYING, /* events may be from before we asked */
	LIVE,
};

struct event_stream {
	struct event_stream_options options;
	struct client client;
	struct listener listener;
	struct engine_event_reader *reader;
	struct event_stream_stats stats;
	uint64_t position;

	bool version_known; /* the engine answered on this connection: events can be asked for */
	bool podman;
	bool subscribing; /* the request under way is that for events */
	bool listened;	  /* since the start of the agent */
	bool another;	  /* the engine may not be that of the last connection */
	/* The last engine closed its socket before it ended, so it told all its events. */
	bool ended;
	struct body *version;
	uint64_t listening_at;

	/* Events that were told, or skipped on purpose, are numbered from 1 on; 0: none. */
	uint64_t recent[RECENT]; /* identities: that of event N at N % RECENT */
	uint64_t last;
	uint64_t last_time; /* time of event .last; 0: none since the last gap */
	uint64_t forgotten; /* no engine can repeat events up to this one */
	uint64_t certain;
	uint64_t certain_time; /* 0: there is no certain event */

	enum phase phase;
	uint64_t asked_time; /* when we asked, ns of CLOCK_REALTIME */
	uint64_t floor;	     /* repeated events up to this time are not told */
	uint64_t from;	     /* ask from this time on if there is no certain event */
	/* Time of the last event of an earlier run of the agent; 0: none, or useless by now. */
	uint64_t earlier;
	uint64_t last_before;  /* value of .last when we asked */
	bool unproven;	       /* no event was known when we asked */
	unsigned int replayed; /* new events among the repeated ones */

	unsigned int waiting; /* bytes that could be read when this run began */
	uint64_t prompt_at;   /* when less than MUCH was waiting */
	bool late;
	uint64_t late_at, late_until;
	uint64_t late_bytes; /* position in the answer: LISTENER_MAX events after it are certain */
	unsigned int late_events;
	uint64_t checked_at; /* 0: never */
};

/* --- events that are known -------------------------------------------------------------------- */

/* A hash that identifies EVENT; 0: EVENT has no time, and cannot be identified. */
static uint64_t event_stream_identity(const struct engine_event *event)
{
	return event->time ? engine_event_identity(event) : 0;
}

/* The number of the event with this IDENTITY; 0: none. */
static uint64_t number_of(const struct event_stream *stream, uint64_t identity)
{
	if (!identity)
		return 0;
	for (uint64_t i = 0; i < RECENT; i++)
		if (stream->recent[i] == identity)
			return stream->last - (stream->last - i) % RECENT;
	return 0;
}

static void event_stream_remember(struct event_stream *stream, uint64_t identity, uint64_t time)
{
	if (!identity)
		return;
	stream->last++;
	stream->recent[stream->last % RECENT] = identity;
	stream->last_time = time;
}

/* --- what is certain -------------------------------------------------------------------------- */

static void all_certain(struct event_stream *stream)
{
	stream->certain = stream->last;
	stream->certain_time = stream->last_time;
}

static void event_stream_look_back(struct event_stream *stream)
{
	if (stream->options.gap)
		stream->options.gap(stream->options.data);
}

static void tell_gap(struct event_stream *stream)
{
	stream->stats.gaps++;
	event_stream_look_back(stream);
}

/* All events that the engine can repeat were repeated. */
static void go_live(struct event_stream *stream)
{
	stream->phase = LIVE;
	stream->another = stream->ended = false;
	all_certain(stream);
}

/* The engine cannot repeat the certain event: goes on with events from now on. */
static void start_over(struct event_stream *stream)
{
	bool restarted = stream->another && stream->ended && !stream->podman;

	if (restarted) {
		stream->stats.restarts++;
		event_stream_look_back(stream);
	} else {
		tell_gap(stream);
	}
	stream->forgotten = stream->last;
	stream->last_time = stream->earlier = 0;
	stream->from = stream->asked_time;
	go_live(stream);
	if (!restarted)
		return;
	/* The new engine repeats all its events, unless there are more than it remembers. */
	stream->phase = REPLAYING;
	stream->unproven = true;
	stream->last_before = 0;
}

/* Whether all repeated events must have come by now. Podman reads its log first, and may have sent
 * no head yet. */
static bool is_replayed(const struct event_stream *stream)
{
	uint64_t time = stream->podman ? HEAD_TIME_MAX : REPLAY_TIME;

	return stream->client.now - stream->listening_at >= time;
}

/* Whether the events that come may be from before we asked. */
static bool is_replay(const struct event_stream *stream)
{
	return stream->phase != LIVE || !is_replayed(stream);
}

/* The engine repeated event NUMBER, whose time is TIME. */
static void told_again(struct event_stream *stream, uint64_t number, uint64_t time)
{
	if (stream->phase == SEEKING && (number <= stream->certain || time == stream->earlier))
		stream->phase = REPLAYING;
	if (stream->phase == REPLAYING && number == stream->last_before)
		go_live(stream);
}

/* The last event is certain, unless we read late and Docker's queue for us may have overflowed
 * before it. */
static void event_stream_advance(struct event_stream *stream)
{
	if (stream->late && stream->client.parser.message_bytes > stream->late_bytes) {
		if (!stream->late_events)
			return;
		stream->late_events--;
	}
	all_certain(stream);
}

/* --- events ----------------------------------------------------------------------------------- */

static void set_position(struct event_stream *stream, uint64_t time)
{
	/* Events' times are a little out of order, and the clock may have been set back. */
	if (time > stream->position || (!is_replay(stream) && time + SLACK < stream->position))
		stream->position = time;
}

/* Counts another new event from the engine's memory. Returns whether the engine may have forgotten
 * earlier ones. */
static bool overruns_memory(struct event_stream *stream)
{
	return stream->unproven && !stream->podman && ++stream->replayed == ENGINE_MEMORY;
}

static void event_stream_tell(struct event_stream *stream, const struct engine_event *event,
			      uint64_t this)
{
	bool live = event->time >= stream->asked_time;

	if (stream->phase == REPLAYING && live)
		go_live(stream);
	if (stream->phase == SEEKING)
		start_over(stream);
	if (stream->phase == REPLAYING && overruns_memory(stream))
		start_over(stream);
	event_stream_remember(stream, this, event->time);
	if (event->time)
		set_position(stream, event->time);
	if (stream->phase == LIVE)
		event_stream_advance(stream);
	stream->stats.events++;
	stream->options.event(stream->options.data, event);
}

static void event_stream_take_event(void *data, const struct engine_event *event)
{
	struct event_stream *stream = data;
	uint64_t this = event_stream_identity(event), number = number_of(stream, this);

	if (number) {
		stream->stats.repeated++;
		told_again(stream, number, event->time);
		return;
	}
	if (is_replay(stream) && event->time && event->time <= stream->floor) {
		stream->stats.repeated += event->time <= stream->options.since;
		event_stream_remember(stream, this, event->time);
		told_again(stream, stream->last, event->time);
		return;
	}
	event_stream_tell(stream, event, this);
}

/* --- questions -------------------------------------------------------------------------------- */

/* Sets the state for the answer to a request for events. */
static void set_out(struct event_stream *stream)
{
	bool known = stream->last > stream->forgotten || stream->earlier;

	stream->asked_time = clock_now(CLOCK_REALTIME);
	stream->phase = known || stream->another ? SEEKING : REPLAYING;
	stream->unproven = !known;
	stream->replayed = 0;
	stream->last_before = stream->last;
	stream->late = false;
	stream->prompt_at = stream->listening_at = stream->client.now;
	engine_event_reader_reset(stream->reader);
}

static void ask_events(struct event_stream *stream)
{
	struct client_limits limits = {
		/* Some of Podman's versions send the head with the first event. */
		.head = stream->podman ? 0 : HEAD_TIME_MAX,
	};
	uint64_t since;
	char path[64];

	set_out(stream);
	since = stream->certain_time ?: stream->from;
	since -= since > SLACK ? SLACK : since;
	snprintf(path, sizeof(path), "/events?since=%llu.%09llu",
		 (unsigned long long)(since / NS_PER_S), (unsigned long long)(since % NS_PER_S));
	client_ask(&stream->client, path, &limits);
}

static bool event_stream_ask(void *data)
{
	struct event_stream *stream = data;

	stream->subscribing = stream->version_known;
	if (stream->subscribing)
		ask_events(stream);
	else
		client_ask(&stream->client, "/version",
			   &(struct client_limits){.bytes = VERSION_MAX, .whole = HEAD_TIME_MAX});
	return true;
}

static bool event_stream_has_question(void *data)
{
	return true;
}

static void event_stream_connected(void *data, bool another)
{
	struct event_stream *stream = data;

	stream->another |= another && stream->listened;
	if (another)
		stream->version_known = false;
}

static int event_stream_answer_begins(void *data, int status)
{
	struct event_stream *stream = data;

	if (stream->subscribing) {
		stream->listening_at = stream->client.now;
		stream->listened |= status == 200;
		if (status == 200)
			listener_find(&stream->listener, stream->options.socket);
		return status == 200 ? 0 : -EPROTO;
	}
	if (status != 200)
		return 0;
	return body_new(&client_version_shape, VERSION_MEMORY, NULL, &stream->version);
}

static int event_stream_answer_goes_on(void *data, const char *bytes, size_t size)
{
	struct event_stream *stream = data;

	if (!stream->subscribing)
		return stream->version ? body_feed(stream->version, bytes, size) : 0;
	if (engine_event_reader_feed(stream->reader, bytes, size))
		tell_gap(stream); /* memory was short: an event is lost */
	return 0;
}

static int event_stream_answer_ends(void *data, bool complete)
{
	struct event_stream *stream = data;
	struct stat node;

	if (stream->subscribing) { /* the stream of events ends with the engine */
		stream->ended |= (broker_stat(AT_FDCWD, stream->options.socket, &node, 0) &&
				  errno == ENOENT) ||
				 listener_has_signed_off(&stream->listener);
		/* An engine that sent no head has to answer another request first. */
		stream->version_known = stream->client.status != 0;
		return -ECONNRESET;
	}
	stream->version_known = complete;
	stream->podman = stream->version && client_version_is_podman(body_value(stream->version));
	body_free(stream->version);
	stream->version = NULL;
	return 0;
}

static const struct client_calls stream_calls = {
	.has_question = event_stream_has_question,
	.ask = event_stream_ask,
	.connected = event_stream_connected,
	.head = event_stream_answer_begins,
	.body = event_stream_answer_goes_on,
	.end = event_stream_answer_ends,
};

/* --- being late ------------------------------------------------------------------------------- */

static bool is_listening(const struct event_stream *stream)
{
	return stream->client.asked && stream->subscribing &&
	       (stream->client.status == 200 ||
		(stream->podman && client_is_sent(&stream->client)));
}

/* Notes, at the beginning of a run, whether we read late. Podman's log does not skip slow
 * readers. */
static void watch_pace(struct event_stream *stream, uint64_t now)
{
	int waiting = 0;

	stream->waiting = 0;
	if (!is_listening(stream) || ioctl(stream->client.fd, SIOCINQ, &waiting) || waiting < 0)
		return;
	stream->waiting = (unsigned int)waiting;
	if (stream->waiting < MUCH || stream->podman) {
		stream->prompt_at = now;
		return;
	}
	if (now - stream->prompt_at < LATE)
		return;
	stream->late_until = now + CATCH_UP;
	if (stream->late)
		return;
	stream->late = true;
	stream->late_at = now;
	stream->late_bytes = stream->client.parser.message_bytes + stream->waiting;
	stream->late_events = LISTENER_MAX;
}

/* Accepts that events behind the certain one may be missing, and makes the last one certain. */
static void give_up(struct event_stream *stream)
{
	tell_gap(stream);
	all_certain(stream);
}

/* If more events came than Docker keeps for a listener, some may be missing: asks for them again,
 * or gives up. */
static void end_lateness(struct event_stream *stream)
{
	uint64_t now = stream->client.now;
	bool caught_up = stream->waiting < MUCH && now >= stream->late_until;

	if (!caught_up && now - stream->late_at < CHECK_EVERY)
		return;
	stream->late = false;
	if (stream->certain == stream->last)
		return;
	if (!caught_up || (stream->checked_at && now - stream->checked_at < CHECK_EVERY)) {
		give_up(stream);
		return;
	}
	stream->checked_at = now;
	client_reconnect(&stream->client);
	client_run(&stream->client, now);
}

bool event_stream_is_podman(const struct event_stream *stream)
{
	return stream && stream->podman;
}

void event_stream_run(struct event_stream *stream, uint64_t now)
{
	if (!stream->floor) /* also for an engine that starts later */
		stream->floor = stream->from = stream->earlier ?: clock_now(CLOCK_REALTIME);
	watch_pace(stream, now);
	client_run(&stream->client, now);
	if (!is_listening(stream))
		return;
	stream->listened = true;
	if (stream->phase != LIVE && !stream->waiting && is_replayed(stream)) {
		if (stream->phase == SEEKING)
			start_over(stream);
		else
			go_live(stream);
	}
	if (stream->late && stream->phase == LIVE)
		end_lateness(stream);
}

/* --- the rest --------------------------------------------------------------------------------- */

int event_stream_fd(const struct event_stream *stream, short *ret_events)
{
	return client_fd(&stream->client, ret_events);
}

void event_stream_seen(struct event_stream *stream)
{
	client_seen(&stream->client);
}

bool event_stream_is_stopping(struct event_stream *stream)
{
	if (!stream->listened ||
	    (!client_is_deserted(&stream->client) && !listener_is_closed(&stream->listener)))
		return false;
	stream->ended |= is_listening(stream);
	return true;
}

uint64_t event_stream_position(const struct event_stream *stream)
{
	return stream->position;
}

void event_stream_stats(const struct event_stream *stream, struct event_stream_stats *ret)
{
	*ret = stream->stats;
	ret->connects = stream->client.connects;
	ret->malformed = engine_event_reader_malformed(stream->reader);
	ret->listening = is_listening(stream);
	ret->dormant = stream->client.dormant;
}

int event_stream_new(const struct event_stream_options *options, struct event_stream **ret)
{
	_free_ struct event_stream *stream = calloc(1, sizeof(*stream));
	int error;

	if (!stream)
		return -ENOMEM;
	error = client_init(&stream->client, options->socket, &stream_calls, stream)
			?: engine_event_reader_new(event_stream_take_event, stream,
						   &stream->reader);
	if (error)
		return error;
	listener_init(&stream->listener);
	stream->options = *options;
	stream->position = stream->earlier = options->since;
	*ret = take_ptr(stream);
	return 0;
}

void event_stream_free(struct event_stream *stream)
{
	if (!stream)
		return;
	client_close(&stream->client);
	listener_close(&stream->listener);
	engine_event_reader_free(stream->reader);
	free(stream);
}
