/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frames of HTTP/2, as far as they say what is to be copied. Heads of frames and all that is no DATA are copied in any case: what is
 * missed of a header block makes all later ones unreadable. Of DATA
 *
 *   each stream has the budget of a request, and that of a response;
 *   what a client sends on a stream is wanted until the daemon has answered there with DATA. What a request asks for is said by then,
 *   and nobody but the daemon can end that. Whoever lends the daemon a session within a call answers it later: with files,
 *   secrets, tokens. So these are never copied, however slow the agent is, and it need not say anything;
 *   on a session of its own, where the daemon asks, nothing is wanted that the client sends.
 *
 * All of it is kept per connection: what one does makes no difference to another, while there is room for it. Of a connection by prior
 * knowledge that found none all is copied: without its heads nothing could be said of it.
 */
#ifndef CALLERD_BPF_FRAMES_H
#define CALLERD_BPF_FRAMES_H

#include "sends.h"

/* While the agent is away, the ring has to last: of responses a head is copied, of requests what
 * most of them have. */
#define AWAY_REQUEST_MAX (64 << 10)
#define AWAY_RESPONSE_MAX 960

/* What the daemon asks of a session has no more. */
#define SESSION_DATA_MAX 1024

#define STREAM_PROBES 8

enum {
	FRAME_DATA = 0,
	FRAME_HEADERS = 1,
	FRAME_RST_STREAM = 3,
	FRAME_SETTINGS = 4,

	FRAME_END_STREAM = 1, /* flags */
	FRAME_PADDED = 8,
};

static __always_inline __u64 budget_of(__u32 direction)
{
	__u64 budget =
		direction == CALLERD_REQUEST ? settings.request_budget : settings.response_budget;
	__u64 away = direction == CALLERD_REQUEST ? AWAY_REQUEST_MAX : AWAY_RESPONSE_MAX;

	return control.gone && budget > away ? away : budget;
}

static __always_inline struct session *find_session(const struct connection *connection)
{
	__u64 id = connection ? connection->id : 0; /* Linux 6.1 takes keys on the stack alone */

	return bpf_map_lookup_elem(&sessions, &id);
}

/* The agent, which lists the living connections, is to see that CONNECTION is one. */
static __always_inline void list_living(struct connection *connection)
{
	__u64 id = connection->id;
	struct session *session;

	bpf_map_push_elem(&living_ids, &id, BPF_EXIST);
	session = find_session(connection);
	if (session)
		session->mark.walk = control.walk;
}

static __always_inline struct frames *find_frames(const struct connection *connection,
						  __u32 direction)
{
	struct session *session = find_session(connection);

	return session ? &session->frames[direction & 1] : NULL;
}

/* Whether the daemon may ask on CONNECTION, and its client answer. A client that does not begin with the preface answers, and
 * may do so before the daemon's own was seen. */
static __always_inline bool is_reversed(const struct connection *connection)
{
	return connection->protocol == PROTOCOL_SESSION ||
	       (connection->switched && connection->protocol == PROTOCOL_OTHER);
}

static __always_inline bool has_frames(const struct connection *connection)
{
	return connection->protocol == PROTOCOL_HTTP2 || connection->switched;
}

/* Whether what goes in DIRECTION is looked at by its frames. */
CHECKED_ONCE int is_framed(const struct connection *connection, __u32 direction)
{
	struct frames *frames;

	if (!connection)
		return 0;
	/* Where it is not known what of it nobody may copy, nothing is copied. */
	if (connection->protocol == PROTOCOL_SESSION ||
	    (direction == CALLERD_REQUEST && is_reversed(connection)))
		return 1;
	if (!has_frames(connection))
		return 0;
	frames = find_frames(connection, direction);
	return frames && frames->state == FRAMES_KNOWN;
}

/* From here on it is not known where frames begin in DIRECTION. */
static __always_inline void lose_frames(const struct connection *connection, __u32 direction)
{
	struct frames *frames = has_frames(connection) ? find_frames(connection, direction) : NULL;

	if (frames)
		frames->state = FRAMES_UNKNOWN;
}

/* --- where they begin ------------------------------------------------------------------------- */

/* STATE: of what the daemon says. */
static __always_inline struct session *begin_session(struct connection *connection, __u32 state)
{
	struct session *session;
	__u64 id = connection->id;

	connection->session = 1; /* before there is one, which its end would leave */
	bpf_map_update_elem(&sessions, &id, new_session, BPF_ANY);
	session = find_session(connection);
	if (session) {
		session->mark.daemon = connection->daemon;
		session->mark.walk = control.walk;
		session->mark.foreign = connection->flags & CALLERD_FLAG_FOREIGN;
		session->frames[CALLERD_REQUEST].wants = FRAME_HEAD;
		session->frames[CALLERD_RESPONSE].wants = FRAME_HEAD;
		session->frames[CALLERD_RESPONSE].state = state;
	} else {
		lose(connection->account, CALLERD_LOSS_SESSION);
	}
	return session;
}

/* The next bytes in FRAMES are the preface's, but for the HAVE bytes before them, which were compared. */
static __always_inline void begin_preface(struct frames *frames, __u32 have)
{
	*(__u64 *)frames->head = LETTERS('P', 'R', 'I', ' ', '*', ' ', 'H');
	frames->have = have;
	frames->wants = PREFACE_SIZE;
	frames->state = FRAMES_KNOWN;
}

/* Whether FOUND, seven bytes, is the beginning of the SETTINGS that a server begins with. */
static __always_inline bool begins_like_server(__u64 found)
{
	return (found & 0xffffffff0000ffull) == (__u64)FRAME_SETTINGS << 24;
}

/* The daemon writes FOUND. FIRST: these are its first bytes on the connection, and a daemon of HTTP/1 says nothing before it is
 * asked. Otherwise it may have switched to HTTP/2 before them. */
CHECKED_ONCE int begin_answers(struct connection *connection, __u64 found, __u32 first)
{
	bool asks = found == LETTERS('P', 'R', 'I', ' ', '*', ' ', 'H');
	struct frames *frames;
	struct session *session;

	if (!connection || (first && !begins_like_server(found)))
		return 0;
	session = find_session(connection);
	if (first && !session)
		session = begin_session(connection, FRAMES_NEXT);
	if (!session)
		return 0;
	frames = &session->frames[CALLERD_RESPONSE];
	if (first)
		frames->state = FRAMES_NEXT;
	/* Until then this may be the rest of the head of answer 101, in any pieces. */
	if (frames->state != FRAMES_NEXT)
		return 0;
	if (begins_like_server(found)) {
		frames->state = FRAMES_KNOWN;
	} else if (asks && connection->protocol != PROTOCOL_HTTP2) {
		/* Whoever answers begins with a frame, too, if nothing of it was looked at yet. */
		if (!connection->protocol && !connection->compared)
			session->frames[CALLERD_REQUEST].state = FRAMES_KNOWN;
		connection->protocol = PROTOCOL_SESSION;
		begin_preface(frames, 0);
	}
	return 0;
}

/* Goes on to compare what the daemon reads with the beginning of HTTP/2, which may come in any
 * pieces. FOUND: the next seven letters, of which those of this read count. */
CHECKED_ONCE int note_protocol(struct connection *connection, __u64 found)
{
	struct session *session;
	__u64 wanted;
	__u32 left, had, size;
	bool seen;

	if (!connection)
		return 0;
	had = connection->compared & 7;
	left = PROTOCOL_LETTERS - had;
	size = connection->heard < left ? connection->heard : left;
	wanted = LETTERS('P', 'R', 'I', ' ', '*', ' ', 'H') >> 8 * had;
	/* Where not all before it was seen it may be anything. */
	seen = connection->received - connection->heard == connection->compares + had;
	if (!seen || (found ^ wanted) & ((1ull << 8 * (size & 7)) - 1)) {
		connection->protocol = PROTOCOL_OTHER;
		session = connection->switched && seen && !had ? find_session(connection) : NULL;
		if (session)
			session->frames[CALLERD_REQUEST].state = FRAMES_KNOWN;
		return 0;
	}
	connection->compared = had + size;
	if (size != left)
		return 0;
	connection->protocol = PROTOCOL_HTTP2;
	session = find_session(connection);
	if (!session)
		session = begin_session(connection, FRAMES_UNKNOWN);
	if (session)
		begin_preface(&session->frames[CALLERD_REQUEST], had);
	return 0;
}

/* --- what is wanted of them ------------------------------------------------------------------- */

/* What is kept of stream ID: with MAKE also where there was nothing yet. NULL: there is none, or no room. */
static __always_inline struct stream *kept_stream(struct session *session, __u32 id, bool make)
{
	struct stream *room = NULL, *found = NULL;
	__u32 was = 0;

	for (__u32 i = 0; i < STREAM_PROBES; i++) {
		struct stream *one = &session->streams[((id >> 1) + i) % STREAMS_KEPT];
		__u32 now = one->id;

		if ((now & ~STREAM_OVER) == id) {
			found = one;
		} else if (!now || now & STREAM_OVER) {
			room = one;
			was = now;
		}
	}
	if (found || !make || !room)
		return found;
	/* The other direction may take it at this moment. */
	if (__sync_val_compare_and_swap(&room->id, was, id) != was)
		return NULL;
	room->left[CALLERD_REQUEST] = budget_of(CALLERD_REQUEST);
	room->left[CALLERD_RESPONSE] = budget_of(CALLERD_RESPONSE);
	return room;
}

/* How many bytes of LENGTH, the DATA of stream ID, are wanted. Where more streams are under way than are kept, which honest clients
 * do not come to, rather all than too little of what a client asks. */
CHECKED_ONCE __u32 wanted_of_stream(struct session *session, __u32 id, __u32 direction,
				    __u32 length)
{
	struct stream *stream;
	__u32 wanted = length;

	if (!session)
		return length;
	stream = kept_stream(session, id, true);
	if (!stream)
		return direction == CALLERD_REQUEST || length < SESSION_DATA_MAX ? length
										 : SESSION_DATA_MAX;
	if (wanted > stream->left[direction & 1])
		wanted = stream->left[direction & 1];
	stream->left[direction & 1] -= wanted;
	if (direction == CALLERD_RESPONSE && length)
		stream->left[CALLERD_REQUEST] = 0;
	return wanted;
}

/* Stream ID needs no room any more, but keeps what is known of it until another one takes it. */
CHECKED_ONCE int end_stream(struct session *session, __u32 id)
{
	struct stream *stream = session ? kept_stream(session, id, false) : NULL;

	if (stream)
		stream->id |= STREAM_OVER;
	return 0;
}

static __always_inline __u32 wanted_of_data(const struct connection *connection,
					    struct session *session, __u32 id, __u32 direction,
					    __u32 length)
{
	if (!is_reversed(connection))
		return wanted_of_stream(session, id, direction, length);
	return direction == CALLERD_REQUEST || length > SESSION_DATA_MAX ? 0 : length;
}

/* The head of a frame is there. */
CHECKED_ONCE int begin_frame(struct connection *connection, __u32 direction)
{
	struct session *session = find_session(connection);
	struct frames *frames;
	__u32 id, flags, type;

	if (!session || !connection)
		return 0;
	frames = &session->frames[direction & 1];
	flags = frames->head[4];
	id = (frames->head[5] & 0x7f) << 24 | frames->head[6] << 16 | frames->head[7] << 8 |
	     frames->head[8];
	frames->left = frames->head[0] << 16 | frames->head[1] << 8 | frames->head[2];
	type = frames->head[3];
	frames->keep = frames->left;
	if (type == FRAME_DATA) {
		frames->keep = wanted_of_data(connection, session, id, direction, frames->left);
		/* The size of the padding says how much content there is. */
		if (flags & FRAME_PADDED && frames->left && !frames->keep)
			frames->keep = 1;
	}
	if (type == FRAME_RST_STREAM ||
	    (direction == CALLERD_RESPONSE && type <= FRAME_HEADERS && flags & FRAME_END_STREAM))
		end_stream(session, id);
	return 0;
}

/* The whole preface is there, or what began like it: then it is no HTTP/2. */
static __always_inline void end_preface(struct frames *frames)
{
	const __u64 *words = (const __u64 *)frames->head;

	frames->have = 0;
	frames->wants = FRAME_HEAD;
	/* Otherwise all that follows is wanted. */
	if (words[0] != (LETTERS('P', 'R', 'I', ' ', '*', ' ', 'H') | (__u64)'T' << 56) ||
	    words[1] != (LETTERS('T', 'P', '/', '2', '.', '0', '\r') | (__u64)'\n'
									       << 56) ||
	    words[2] != (LETTERS('\r', '\n', 'S', 'M', '\r', '\n', '\r') | (__u64)'\n'
										   << 56)) {
		frames->state = FRAMES_UNKNOWN;
		frames->left = frames->keep = ~0U;
	}
}

/* Takes what it can of PART bytes of a frame's head, or of the preface, at the user address FROM. */
static __always_inline __u64 take_head(struct frames *frames, __u64 from, __u64 part)
{
	__u32 have = frames->have & 31, size = (frames->wants & 31) - have;

	if (size > part)
		size = part;
	barrier_var(size); /* Linux 6.1 tracks no copies of a bounded value */
	size &= 31;
	bpf_probe_read_user(frames->head + have, size, (void *)from);
	frames->have = have + size;
	return size;
}

#define WALK_ON 0
#define WALK_END (1ull << 32)

/* Takes the next bytes that belong together, of a frame's head or payload. Returns how many before them are to be copied now, from
 * .ready on; WALK_ON: none; WALK_END: there is nothing more. What it knows is in the connection, not on the stack: there the
 * verifier would follow its values from step to step. */
CHECKED_ONCE __u64 walk_frames(struct connection *connection, __u32 direction)
{
	struct frames *frames = find_frames(connection, direction);
	__u64 part, run;
	bool skipped;

	if (!frames)
		return WALK_END;
	run = frames->run;
	part = frames->rest - run;
	skipped = frames->left && !frames->keep;
	if (!part && !run)
		return WALK_END;
	if (run && (!part || skipped || run + PREFACE_SIZE > CALLERD_DATA_MAX)) {
		frames->ready = frames->from;
		frames->ready_offset = frames->offset;
		frames->from += run;
		frames->offset += run;
		frames->rest -= run;
		frames->run = 0;
		return run & (2 * CALLERD_DATA_MAX - 1);
	}
	if (skipped) {
		if (part > frames->left)
			part = frames->left;
		frames->left -= part;
		frames->from += part;
		frames->offset += part;
		frames->rest -= part;
		return WALK_ON;
	}
	if (part > CALLERD_DATA_MAX - run)
		part = CALLERD_DATA_MAX - run;
	if (frames->left) {
		if (part > frames->keep)
			part = frames->keep;
		frames->left -= part;
		frames->keep -= part;
	} else {
		part = take_head(frames, frames->from + run, part);
		if (frames->have == FRAME_HEAD && frames->wants == FRAME_HEAD) {
			frames->have = 0;
			begin_frame(connection, direction);
		} else if (frames->have == PREFACE_SIZE) {
			end_preface(frames);
		}
	}
	frames->run = run + part;
	return WALK_ON;
}

#endif
