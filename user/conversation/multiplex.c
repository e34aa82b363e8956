// SPDX-License-Identifier: Apache-2.0
#include "conversation/multiplex.h"

#include <errno.h>
#include <stdlib.h>

#include "http/grpc_bytes.h"
#include "http/http2.h"

#define STREAMS_MAX 1024 /* servers take 100 to 250 at a time */
#define SESSIONS_MAX                                                                               \
	8 /* within calls of a connection, at a time; clients have one for each build */

/* Ids of streams are none of a connection. They have 31 bits, and there are fewer connections than 2^32. What is asked within a
 * session has even ones, as no request has: nothing comes of it that may end with it. */
#define STREAM_KEY (UINT64_C(1) << 63)
#define STREAM_KEY_SHIFT 31

/* A connection within a call, on which the daemon asks. */
struct session {
	struct grpc_bytes bytes;
	struct multiplex *multiplex;
	uint64_t time; /* of the bytes at hand, and what became of them */
	int error;
};

struct multiplex_stream {
	uint32_t id;
	struct exchange *exchange;
	bool lends;		 /* a session that is to come */
	struct session *session; /* NULL: nothing of one was seen */
	uint64_t body_bytes;	 /* of the request so far */
	uint64_t answer_bytes;
	UT_hash_handle hh;
};

struct multiplex {
	struct connection *connection;
	const struct exchange *lender; /* the call that carries it as a session; NULL: none does */
	unsigned int sessions;	       /* in its calls */
	/* Of requests and responses, by enum callerd_direction, whoever sends them. NULL: lost, or .undecided. */
	struct http2_reader *readers[2];
	struct multiplex_stream *streams; /* in the order of their requests */
	unsigned int count;
	uint32_t newest;       /* the highest stream that a request began */
	bool spoken[2];	       /* something went in this direction of the connection */
	unsigned int lost_why; /* why requests cannot be read any more: RECORD_INCOMPLETE_ bits */
	unsigned int missed;   /* the same of responses */
	bool undecided;	       /* it is not known yet who asks */
	bool midway;	       /* whether it is HTTP/2, since .midway_at */
	uint64_t midway_at, midway_time;
	bool reversed; /* the daemon does */
	uint64_t begins
		[2]; /* stream offsets of the first bytes, by the direction of the connection */
	struct senders_range
		upgrade; /* the bytes of its request; none where there was no upgrade */
};

static struct multiplex *new_multiplex(struct connection *connection, uint64_t request,
				       uint64_t response)
{
	struct multiplex *multiplex = calloc(1, sizeof(*multiplex));

	if (!multiplex)
		return NULL;
	multiplex->connection = connection;
	multiplex->readers[CALLERD_REQUEST] = http2_new(HTTP1_REQUEST, request);
	multiplex->readers[CALLERD_RESPONSE] = http2_new(HTTP1_RESPONSE, response);
	if (multiplex->readers[0] && multiplex->readers[1])
		return multiplex;
	multiplex_free(multiplex);
	return NULL;
}

int multiplex_begin(struct connection *connection, uint64_t offset)
{
	connection->multiplex = new_multiplex(connection, offset, connection->response.next);
	return connection->multiplex ? 0 : -ENOMEM;
}

int multiplex_upgrade(struct connection *connection, const struct exchange *exchange)
{
	struct multiplex *multiplex = calloc(1, sizeof(*multiplex));

	connection->multiplex = multiplex;
	if (!multiplex)
		return -ENOMEM;
	multiplex->connection = connection;
	multiplex->undecided = true;
	multiplex->begins[CALLERD_REQUEST] = connection->request.next;
	multiplex->begins[CALLERD_RESPONSE] = connection->response.next;
	multiplex->upgrade = (struct senders_range){exchange->offset, exchange->end};
	return 0;
}

/* What is a request, or a response, for the streams: what goes in DIRECTION of the connection. */
static enum callerd_direction part_in(const struct multiplex *multiplex,
				      enum callerd_direction direction)
{
	return multiplex->reversed ? !direction : direction;
}

/* Whoever begins with the preface asks: BYTE is the first one in DIRECTION, and no frame of the other side begins like it. 0
 * or -ENOMEM. */
static int decide_who_asks(struct multiplex *multiplex, enum callerd_direction direction, char byte)
{
	bool asks = byte == HTTP2_PREFACE[0];
	struct multiplex *fresh;

	multiplex->undecided = false;
	multiplex->reversed = asks == (direction == CALLERD_RESPONSE);
	fresh = new_multiplex(multiplex->connection,
			      multiplex->begins[part_in(multiplex, CALLERD_REQUEST)],
			      multiplex->begins[part_in(multiplex, CALLERD_RESPONSE)]);
	if (!fresh)
		return -ENOMEM;
	multiplex->readers[0] = fresh->readers[0];
	multiplex->readers[1] = fresh->readers[1];
	free(fresh);
	return 0;
}

static void drop_session(struct multiplex *multiplex, struct multiplex_stream *stream)
{
	if (!stream->session)
		return;
	multiplex_free(stream->session->multiplex);
	explicit_bzero(stream->session, sizeof(*stream->session));
	free(stream->session);
	stream->session = NULL;
	multiplex->sessions--;
}

static void drop_stream(struct multiplex *multiplex, struct multiplex_stream *stream)
{
	drop_session(multiplex, stream);
	HASH_DEL(multiplex->streams, stream);
	multiplex->count--;
	free(stream);
}

void multiplex_free(struct multiplex *multiplex)
{
	if (!multiplex)
		return;
	while (multiplex->streams) {
		if (!multiplex->streams->exchange->queued)
			exchange_free(multiplex->streams->exchange);
		drop_stream(multiplex, multiplex->streams);
	}
	http2_free(multiplex->readers[0]);
	http2_free(multiplex->readers[1]);
	free(multiplex);
}

void multiplex_take_back(struct connection *connection)
{
	struct multiplex *multiplex = connection->multiplex;

	for (unsigned int i = 0; connection->begun && i < multiplex->count; i++)
		connection->begun(connection->data, true);
	connection->requests -= multiplex->count;
	multiplex_free(multiplex);
	connection->multiplex = NULL;
}

/* Its bytes are those of its frames; where the daemon sent them, those that had it do so. */
static void take_range(const struct multiplex *multiplex, struct exchange *exchange,
		       const struct http2_seen *seen)
{
	if (multiplex->reversed)
		exchange_add_range(exchange, multiplex->upgrade.begin, multiplex->upgrade.end);
	else
		exchange_add_range(exchange, seen->begin, seen->end);
}

static struct multiplex_stream *find_stream(const struct multiplex *multiplex, uint32_t id)
{
	struct multiplex_stream *stream;

	HASH_FIND(hh, multiplex->streams, &id, sizeof(id), stream);
	return stream;
}

/* --- ends ------------------------------------------------------------------------------------- */

static void note_end(struct multiplex_stream *stream, uint64_t time, enum record_end reason)
{
	struct exchange *exchange = stream->exchange;

	exchange_stop(exchange);
	exchange->over = time > exchange->finished ? time : exchange->finished;
	exchange->stream.end_reason = reason;
	exchange->stream.has_response_bytes = exchange->http.status;
	exchange->stream.response_bytes = stream->answer_bytes;
	exchange->stream.has_request_bytes = exchange->complete;
	exchange->stream.request_bytes = stream->body_bytes;
	if (exchange->http.grpc) {
		exchange->http.has_response_bytes = true;
		exchange->http.response_bytes = stream->answer_bytes;
	}
}

/* The stream is over: its request's record is due, if it had none, or that of its end. */
static void end_stream(struct multiplex *multiplex, struct multiplex_stream *stream, uint64_t time,
		       enum record_end reason)
{
	struct connection *connection = multiplex->connection;
	struct exchange *exchange = stream->exchange;
	const struct reader *reader = connection->reader;

	while (stream->session && stream->session->multiplex->streams)
		end_stream(stream->session->multiplex, stream->session->multiplex->streams, time,
			   reason);
	if (multiplex->lender) /* whatever it was, its answer is never seen */
		exchange->incomplete |= multiplex->missed;
	if (exchange->http.status)
		note_end(stream, time, reason);
	exchange_stop(exchange);
	exchange->attached = false;
	if (reader && reader->over)
		reader->over(reader->data, exchange->connection, true, time);
	if (!exchange->queued)
		connection_queue(connection, exchange, time);
	drop_stream(multiplex, stream);
}

/* --- losses ----------------------------------------------------------------------------------- */

/* Tells that requests come which cannot be read. */
static int tell_unread(struct multiplex *multiplex, const char *error, unsigned int why,
		       uint64_t offset, uint64_t time)
{
	struct connection *connection = multiplex->connection;
	struct exchange *exchange = exchange_new(connection->id, connection->requests + 1, offset,
						 time, connection->reader);

	if (!exchange)
		return -ENOMEM;
	connection->requests++;
	if (connection->begun)
		connection->begun(connection->data, false);
	exchange->account = connection->account;
	exchange->http.http2 = true;
	exchange->http.parse_error = error;
	exchange->incomplete |= RECORD_INCOMPLETE_UNPARSED | why;
	if (multiplex->lender) {
		exchange->http.by_engine = true;
		exchange_add_range(exchange, multiplex->upgrade.begin, multiplex->upgrade.end);
	}
	connection_queue(connection, exchange, time);
	return 0;
}

static int lose_requests_of_streams(struct multiplex *multiplex, const char *error,
				    unsigned int why, uint64_t time)
{
	http2_free(multiplex->readers[CALLERD_REQUEST]);
	multiplex->readers[CALLERD_REQUEST] = NULL;
	multiplex->lost_why = why ?: RECORD_INCOMPLETE_RESYNCHRONISED;
	for (struct multiplex_stream *one = multiplex->streams; one; one = one->hh.next) {
		if (one->exchange->complete)
			continue;
		one->exchange->incomplete |= why;
		exchange_body_gap(one->exchange);
	}
	return tell_unread(multiplex, error, why,
			   multiplex->lender ? multiplex->upgrade.begin
					     : multiplex->connection->request.next,
			   time);
}

static void lose_responses_of_streams(struct multiplex *multiplex, unsigned int why, uint64_t time)
{
	struct multiplex_stream *next;

	http2_free(multiplex->readers[CALLERD_RESPONSE]);
	multiplex->readers[CALLERD_RESPONSE] = NULL;
	multiplex->missed = why ?: RECORD_INCOMPLETE_RESYNCHRONISED;
	for (struct multiplex_stream *one = multiplex->streams; one; one = next) {
		next = one->hh.next;
		if (!one->exchange->http.status)
			one->exchange->incomplete |= multiplex->missed;
		else
			one->exchange->end_incomplete |= multiplex->missed;
		exchange_stop(one->exchange);
		/* Nothing will tell when it is answered. */
		if (one->exchange->complete || one->exchange->http.status)
			end_stream(multiplex, one, time, RECORD_END_UNKNOWN);
	}
}

static int multiplex_lose(struct multiplex *multiplex, enum callerd_direction direction,
			  const char *error, unsigned int why, uint64_t time)
{
	int ret = 0;

	if (!multiplex->readers[direction])
		return 0;
	if (direction == CALLERD_REQUEST)
		ret = lose_requests_of_streams(multiplex, error, why, time);
	else
		lose_responses_of_streams(multiplex, why, time);
	return ret;
}

static int lose_both(struct multiplex *multiplex, const char *error, uint64_t time)
{
	int ret = multiplex_lose(multiplex, CALLERD_REQUEST, error, 0, time);

	multiplex_lose(multiplex, CALLERD_RESPONSE, error, 0, time);
	return ret;
}

bool multiplex_is_unanswered(const struct multiplex *multiplex)
{
	return multiplex->readers[CALLERD_RESPONSE] && !multiplex->spoken[CALLERD_RESPONSE] &&
	       !multiplex->upgrade.end;
}

bool multiplex_is_lost(const struct multiplex *multiplex)
{
	return !multiplex->undecided && !multiplex->midway &&
	       !multiplex->readers[CALLERD_REQUEST] && !multiplex->readers[CALLERD_RESPONSE];
}

int multiplex_begin_midway(struct connection *connection, uint64_t offset, uint64_t time)
{
	struct multiplex *multiplex = calloc(1, sizeof(*multiplex));

	connection->multiplex = multiplex;
	if (!multiplex)
		return -ENOMEM;
	multiplex->connection = connection;
	multiplex->midway = true;
	multiplex->midway_at = offset;
	multiplex->midway_time = time;
	return 0;
}

bool multiplex_is_midway(const struct multiplex *multiplex)
{
	return multiplex->midway;
}

int multiplex_confirm_midway(struct connection *connection)
{
	struct multiplex *multiplex = connection->multiplex;

	multiplex->midway = false;
	return tell_unread(multiplex, "HTTP/2, met in its middle: its header tables are not known",
			   RECORD_INCOMPLETE_RESYNCHRONISED, multiplex->midway_at,
			   multiplex->midway_time);
}

static void miss_body(const struct multiplex *multiplex, struct multiplex_stream *stream,
		      uint64_t size, unsigned int why)
{
	take_range(multiplex, stream->exchange, http2_seen(multiplex->readers[CALLERD_REQUEST]));
	stream->body_bytes += size;
	/* What the daemon sends into a session, and what it is sent once it has begun to answer, is left out on purpose. */
	if (!(multiplex->reversed || stream->answer_bytes) || why != RECORD_INCOMPLETE_BUDGET)
		stream->exchange->incomplete |= why;
	exchange_body_gap(stream->exchange);
}

static int read_part(struct multiplex *multiplex, enum callerd_direction part, const char *data,
		     size_t size, uint64_t time);
static int lose_session(struct multiplex *multiplex, struct multiplex_stream *stream,
			unsigned int why, uint64_t time);

int multiplex_gap(struct connection *connection, enum callerd_direction direction, uint64_t size,
		  unsigned int why, uint64_t time)
{
	struct multiplex *multiplex = connection->multiplex;
	enum callerd_direction part = part_in(multiplex, direction);
	struct http2_reader *reader = multiplex->readers[part];
	struct multiplex_stream *stream;
	uint32_t id;
	int error = 0;

	if (multiplex->midway)
		return 0;
	if (multiplex->undecided) {
		multiplex->undecided = false;
		return tell_unread(multiplex, "HTTP/2: its first bytes were not seen", why,
				   connection->request.next, time);
	}
	if (!reader)
		return 0;
	if (http2_skip(reader, size, &id))
		return multiplex_lose(multiplex, part, http2_seen(reader)->error, why, time);
	stream = id ? find_stream(multiplex, id) : NULL;
	if (stream && part == CALLERD_RESPONSE) {
		stream->answer_bytes += size;
		stream->exchange->awaits_content = false;
		error = lose_session(multiplex, stream, why, time);
	} else if (stream && !stream->exchange->complete) {
		miss_body(multiplex, stream, size, why);
	}
	/* The frame may end there. */
	return read_part(multiplex, part, "", 0, time) ?: error;
}

/* --- requests --------------------------------------------------------------------------------- */

static struct multiplex_stream *new_stream(struct multiplex *multiplex, uint32_t id,
					   uint64_t number, uint64_t offset, uint64_t time)
{
	struct connection *connection = multiplex->connection;
	struct multiplex_stream *stream = calloc(1, sizeof(*stream));
	uint64_t key = STREAM_KEY | connection->id << STREAM_KEY_SHIFT |
		       (multiplex->lender ? id & ~1U : id);

	if (!stream)
		return NULL;
	stream->id = id;
	stream->exchange = exchange_new(key, number, offset, time, connection->reader);
	if (!stream->exchange) {
		free(stream);
		return NULL;
	}
	HASH_ADD(hh, multiplex->streams, id, sizeof(stream->id), stream);
	if (!stream->hh.tbl) {
		exchange_free(stream->exchange);
		free(stream);
		return NULL;
	}
	multiplex->count++;
	stream->exchange->carrier = connection->id;
	stream->exchange->account = connection->account;
	stream->exchange->attached = true;
	stream->exchange->http.http2 = true;
	stream->exchange->http.by_engine = multiplex->reversed;
	return stream;
}

/* Whether a session is to come on STREAM. The engine asks for none within one; that would be said, and not followed. */
static void note_lending(const struct multiplex *multiplex, struct multiplex_stream *stream)
{
	struct exchange *exchange = stream->exchange;

	stream->lends = exchange_lends(exchange);
	if (!stream->lends || !multiplex->reversed)
		return;
	stream->lends = false;
	exchange->http.anomalies |= HTTP1_ANOMALY_DISPUTED;
	exchange->http.parse_error = "HTTP/2: a session within a session is not followed";
	exchange->incomplete |= RECORD_INCOMPLETE_UNPARSED;
}

static void complete_request(struct multiplex *multiplex, struct multiplex_stream *stream,
			     uint64_t time)
{
	struct exchange *exchange = stream->exchange;

	exchange_complete(exchange, exchange->http.anomalies, stream->body_bytes);
	if (!multiplex->missed)
		return;
	exchange->incomplete |= multiplex->missed;
	end_stream(multiplex, stream, time, RECORD_END_UNKNOWN);
}

/* There are more streams at once than are followed: this one is told by its head. */
static void tell_surplus(struct multiplex *multiplex, struct multiplex_stream *stream,
			 bool complete, uint64_t time)
{
	struct exchange *exchange = stream->exchange;

	exchange->incomplete |= RECORD_INCOMPLETE_LOST;
	if (complete)
		exchange_complete(exchange, exchange->http.anomalies, 0);
	else
		exchange_body_gap(exchange);
	end_stream(multiplex, stream, time, RECORD_END_UNKNOWN);
}

static int begin_request(struct multiplex *multiplex, const struct http2_seen *seen, uint64_t time)
{
	struct connection *connection = multiplex->connection;
	struct multiplex_stream *stream;
	int error;

	stream = new_stream(multiplex, seen->stream, connection->requests + 1,
			    multiplex->reversed ? multiplex->upgrade.begin : seen->begin, time);
	if (!stream)
		return -ENOMEM;
	if (seen->stream > multiplex->newest)
		multiplex->newest = seen->stream;
	connection->requests++;
	if (connection->begun)
		connection->begun(connection->data, false);
	take_range(multiplex, stream->exchange, seen);
	error = exchange_head(stream->exchange, &seen->head, seen->target);
	if (error)
		return error;
	if (seen->kind != HTTP2_MESSAGE)
		stream->exchange->http.anomalies |= HTTP1_ANOMALY_DISPUTED;
	exchange_read(stream->exchange, connection->socket);
	note_lending(multiplex, stream);
	if (multiplex->count > STREAMS_MAX)
		tell_surplus(multiplex, stream, seen->end_stream, time);
	else if (seen->end_stream)
		complete_request(multiplex, stream, time);
	return 0;
}

static int take_request_head(struct multiplex *multiplex, const struct http2_seen *seen,
			     uint64_t time)
{
	struct multiplex_stream *stream = find_stream(multiplex, seen->stream);

	/* A trailer may be of a stream that is over, but not one that begins a stream. */
	if (!stream && (seen->kind == HTTP2_MESSAGE || seen->stream > multiplex->newest))
		return begin_request(multiplex, seen, time);
	if (!stream)
		return 0;
	if (stream->exchange->complete)
		return 0;
	take_range(multiplex, stream->exchange, seen);
	stream->exchange->http.anomalies |=
		seen->kind == HTTP2_TRAILER ? HTTP1_ANOMALY_TRAILER : HTTP1_ANOMALY_DISPUTED;
	if (seen->end_stream)
		complete_request(multiplex, stream, time);
	return 0;
}

static int take_request_step(struct multiplex *multiplex, enum http2_step step,
			     const struct http2_seen *seen, struct bytes body, uint64_t time)
{
	struct multiplex_stream *stream;

	if (step == HTTP2_HEAD)
		return take_request_head(multiplex, seen, time);
	stream = find_stream(multiplex, seen->stream);
	if (!stream)
		return 0;
	if (step == HTTP2_RESET) {
		end_stream(multiplex, stream, time, RECORD_END_CLIENT);
		return 0;
	}
	if (stream->exchange->complete)
		return 0;
	take_range(multiplex, stream->exchange, seen);
	stream->body_bytes += body.size;
	if (body.size)
		exchange_body(stream->exchange, body.data, body.size);
	if (step == HTTP2_FRAME && seen->end_stream)
		complete_request(multiplex, stream, time);
	return 0;
}

/* --- sessions within calls -------------------------------------------------------------------- */

static void take_session_bytes(void *data, int id, struct bytes piece)
{
	struct session *session = data;

	(void)id;
	if (!session->error)
		session->error = read_part(session->multiplex, CALLERD_REQUEST, piece.data,
					   piece.size, session->time);
}

/* What the client answers within it is never copied: the kernel programs see to that. */
static struct session *new_session(struct multiplex *multiplex, const struct exchange *lender)
{
	struct session *session = calloc(1, sizeof(*session));
	struct multiplex *inner;

	if (!session)
		return NULL;
	inner = new_multiplex(multiplex->connection, 0, 0);
	if (!inner) {
		free(session);
		return NULL;
	}
	http2_free(inner->readers[CALLERD_RESPONSE]);
	inner->readers[CALLERD_RESPONSE] = NULL;
	inner->missed = RECORD_INCOMPLETE_BUDGET;
	inner->reversed = true;
	inner->lender = lender;
	inner->upgrade = lender->ranges[0];
	session->multiplex = inner;
	grpc_bytes_begin(&session->bytes, take_session_bytes, session);
	multiplex->sessions++;
	return session;
}

/* The session on STREAM; the first bytes of one that is too many are said to be so. 0 or -ENOMEM. */
static int find_session(struct multiplex *multiplex, struct multiplex_stream *stream, uint64_t time)
{
	if (stream->session)
		return 0;
	stream->session = new_session(multiplex, stream->exchange);
	if (!stream->session)
		return -ENOMEM;
	if (multiplex->sessions <= SESSIONS_MAX)
		return 0;
	return multiplex_lose(stream->session->multiplex, CALLERD_REQUEST,
			      "HTTP/2: more sessions at once than are followed",
			      RECORD_INCOMPLETE_LOST, time);
}

/* The daemon's BODY on STREAM, which lends it a session. */
static int read_session(struct multiplex *multiplex, struct multiplex_stream *stream,
			struct bytes body, uint64_t time)
{
	struct session *session;
	int error = find_session(multiplex, stream, time);

	if (error)
		return error;
	session = stream->session;
	session->time = time;
	error = grpc_bytes_feed(&session->bytes, body);
	if (error == -EPROTO)
		error = multiplex_lose(session->multiplex, CALLERD_REQUEST,
				       "HTTP/2: messages of a session that cannot be read", 0,
				       time);
	return error ?: session->error;
}

/* Bytes of the daemon's on STREAM were not seen. */
static int lose_session(struct multiplex *multiplex, struct multiplex_stream *stream,
			unsigned int why, uint64_t time)
{
	if (!stream->lends)
		return 0;
	return find_session(multiplex, stream, time)
		       ?: multiplex_lose(stream->session->multiplex, CALLERD_REQUEST,
					 "HTTP/2: not all that is asked within a session was seen",
					 why, time);
}

/* --- responses -------------------------------------------------------------------------------- */

/* The answer to a request that could not be read. */
static int begin_unread(struct multiplex *multiplex, uint32_t id, uint64_t time,
			struct multiplex_stream **ret)
{
	struct connection *connection = multiplex->connection;

	*ret = NULL;
	if (!multiplex->lost_why)
		return 0;
	*ret = new_stream(multiplex, id, 0, connection->request.next, time);
	if (!*ret)
		return -ENOMEM;
	++*connection->unpaired;
	(*ret)->exchange->unseen = true;
	(*ret)->exchange->incomplete = RECORD_INCOMPLETE_RESYNCHRONISED | multiplex->lost_why;
	exchange_read((*ret)->exchange, connection->socket);
	return 0;
}

static int take_answer(struct multiplex *multiplex, const struct http2_seen *seen, uint64_t time)
{
	struct multiplex_stream *stream = find_stream(multiplex, seen->stream);
	int error = 0;

	if (seen->kind == HTTP2_PROMISE)
		return 0;
	if (!stream && seen->kind == HTTP2_MESSAGE)
		error = begin_unread(multiplex, seen->stream, time, &stream);
	if (!stream)
		return error;
	if (seen->head.status >= 200 && !stream->exchange->http.status) {
		exchange_answer(stream->exchange, &seen->head, time);
		connection_queue(multiplex->connection, stream->exchange, time);
	}
	if (seen->head.has_outcome)
		exchange_outcome(stream->exchange, seen->head.outcome, time);
	if (seen->end_stream)
		end_stream(multiplex, stream, time, RECORD_END_COMPLETE);
	else if (multiplex->count > STREAMS_MAX)
		end_stream(multiplex, stream, time, RECORD_END_UNKNOWN);
	return 0;
}

static int take_response_step(struct multiplex *multiplex, enum http2_step step,
			      const struct http2_seen *seen, struct bytes body, uint64_t time)
{
	struct multiplex_stream *stream;
	int error;

	if (step == HTTP2_HEAD)
		return take_answer(multiplex, seen, time);
	stream = find_stream(multiplex, seen->stream);
	if (!stream)
		return 0;
	stream->answer_bytes += body.size;
	if (body.size)
		exchange_answer_body(stream->exchange, body.data, body.size);
	if (body.size && stream->lends && (error = read_session(multiplex, stream, body, time)))
		return error;
	if (step == HTTP2_RESET)
		end_stream(multiplex, stream, time, RECORD_END_DAEMON);
	else if (step == HTTP2_FRAME && seen->end_stream)
		end_stream(multiplex, stream, time, RECORD_END_COMPLETE);
	return 0;
}

/* --- both ------------------------------------------------------------------------------------- */

/* Decides who asks, or finds that both do: no frame begins like the preface. */
static int see_first_byte(struct multiplex *multiplex, enum callerd_direction direction, char byte,
			  uint64_t time)
{
	int error = 0;

	if (multiplex->undecided)
		error = decide_who_asks(multiplex, direction, byte);
	else if (!multiplex->spoken[direction] &&
		 (byte == HTTP2_PREFACE[0]) != !part_in(multiplex, direction))
		error = lose_both(multiplex, "HTTP/2: both sides ask, or none", time);
	multiplex->spoken[direction] = true;
	return error;
}

static int read_part(struct multiplex *multiplex, enum callerd_direction part, const char *data,
		     size_t size, uint64_t time)
{
	int error = 0;

	while (!error && multiplex->readers[part]) {
		struct http2_reader *reader = multiplex->readers[part];
		const struct http2_seen *seen = http2_seen(reader);
		struct bytes body;
		size_t used;
		enum http2_step step =
			http2_next(reader, data, size, &used, &body.data, &body.size);

		data += used;
		size -= used;
		if (step == HTTP2_MORE)
			return 0;
		if (step == HTTP2_ERROR)
			return multiplex_lose(multiplex, part, seen->error, 0, time);
		error = part == CALLERD_REQUEST
				? take_request_step(multiplex, step, seen, body, time)
				: take_response_step(multiplex, step, seen, body, time);
	}
	if (error)
		multiplex_lose(multiplex, part, "HTTP/2: no memory", RECORD_INCOMPLETE_LOST, time);
	return error;
}

int multiplex_data(struct connection *connection, enum callerd_direction direction,
		   const char *data, size_t size, uint64_t time)
{
	struct multiplex *multiplex = connection->multiplex;
	int error = 0;

	if (multiplex->midway)
		return 0;
	if (size)
		error = see_first_byte(multiplex, direction, *data, time);
	return error ?: read_part(multiplex, part_in(multiplex, direction), data, size, time);
}

void multiplex_end(struct connection *connection, uint64_t time, unsigned int reason,
		   enum record_end end)
{
	struct multiplex *multiplex = connection->multiplex;

	if (multiplex->midway)
		multiplex_confirm_midway(connection);
	while (multiplex->streams) {
		struct exchange *exchange = multiplex->streams->exchange;

		if (!exchange->http.status)
			exchange->incomplete |= reason;
		end_stream(multiplex, multiplex->streams, time, end);
	}
}

uint64_t multiplex_oldest(const struct connection *connection)
{
	const struct multiplex *multiplex = connection->multiplex;
	const struct http2_reader *reader = multiplex->readers[CALLERD_REQUEST];
	uint64_t oldest =
		reader && !multiplex->reversed ? http2_pending(reader) : connection->request.next;

	if (multiplex->midway)
		oldest = multiplex->midway_at;
	/* What the daemon asks is counted to those who sent the upgrade, as long as the connection lasts. */
	if (multiplex->reversed || multiplex->undecided)
		oldest = multiplex->upgrade.begin;

	/* The same goes for who lends it a session. */
	for (const struct multiplex_stream *one = multiplex->streams; one; one = one->hh.next)
		if ((!one->exchange->written || one->lends) && one->exchange->offset < oldest)
			oldest = one->exchange->offset;
	for (const struct exchange *one = connection->finished; one; one = one->next)
		if (!one->written && one->offset < oldest)
			oldest = one->offset;
	return oldest;
}

static bool is_untold(const struct exchange *exchange)
{
	return exchange->complete && exchange->content && !exchange->sender_told;
}

bool multiplex_has_untold(const struct connection *connection)
{
	for (const struct multiplex_stream *one = connection->multiplex->streams; one;
	     one = one->hh.next)
		if (is_untold(one->exchange))
			return true;
	return false;
}

void multiplex_tell_senders(struct connection *connection)
{
	for (struct multiplex_stream *one = connection->multiplex->streams; one; one = one->hh.next)
		if (is_untold(one->exchange) &&
		    connection_sender_certain(connection, one->exchange))
			exchange_sent(one->exchange, connection_sender(connection, one->exchange));
}

static struct exchange *unanswered_in(const struct multiplex *multiplex)
{
	struct exchange *exchange;

	for (struct multiplex_stream *one = multiplex->streams; one; one = one->hh.next) {
		if (!one->exchange->http.status && one->exchange->has_head &&
		    !one->exchange->start_told)
			return one->exchange;
		exchange = one->session ? unanswered_in(one->session->multiplex) : NULL;
		if (exchange)
			return exchange;
	}
	return NULL;
}

struct exchange *multiplex_unanswered(const struct connection *connection)
{
	return unanswered_in(connection->multiplex);
}

bool multiplex_give(const struct connection *connection, struct callerd_handed_http2 *ret)
{
	const struct multiplex *multiplex = connection->multiplex;

	if (multiplex->count || multiplex->midway)
		return false;
	*ret = (struct callerd_handed_http2){
		.begins = {multiplex->begins[0], multiplex->begins[1]},
		.upgrade_begin = multiplex->upgrade.begin,
		.upgrade_end = multiplex->upgrade.end,
		.newest = multiplex->newest,
		.spoken = multiplex->spoken[0] << 0 | multiplex->spoken[1] << 1,
		.undecided = multiplex->undecided,
		.reversed = multiplex->reversed,
		.lost_why = multiplex->lost_why,
		.missed = multiplex->missed,
	};
	for (unsigned int i = 0; i < 2 && !multiplex->undecided; i++) {
		ret->readers[i].is_lost = !multiplex->readers[i];
		if (multiplex->readers[i] && !http2_give(multiplex->readers[i], &ret->readers[i]))
			return false;
	}
	return true;
}

static bool take_up_reader(const struct connection *connection, struct multiplex *multiplex,
			   enum callerd_direction part, const struct callerd_handed_reader *handed)
{
	const uint64_t next[] = {connection->request.next, connection->response.next};

	if (handed->is_lost)
		return true;
	if (handed->position != next[part_in(multiplex, part)] || handed->begin > handed->position)
		return false;
	multiplex->readers[part] =
		http2_take_up(part == CALLERD_REQUEST ? HTTP1_REQUEST : HTTP1_RESPONSE, handed);
	return multiplex->readers[part];
}

int multiplex_take_up(struct connection *connection, const struct callerd_handed_http2 *handed)
{
	struct multiplex *multiplex = calloc(1, sizeof(*multiplex));
	bool sound = multiplex && handed->begins[0] <= connection->request.next &&
		     handed->begins[1] <= connection->response.next &&
		     handed->upgrade_begin <= handed->upgrade_end &&
		     handed->upgrade_end <= connection->request.next;

	connection->multiplex = multiplex;
	if (multiplex)
		multiplex->connection = connection;
	if (sound) {
		multiplex->begins[0] = handed->begins[0];
		multiplex->begins[1] = handed->begins[1];
		multiplex->upgrade =
			(struct senders_range){handed->upgrade_begin, handed->upgrade_end};
		multiplex->newest = handed->newest & INT32_MAX;
		multiplex->spoken[0] = handed->spoken & 1;
		multiplex->spoken[1] = handed->spoken >> 1 & 1;
		multiplex->undecided = handed->undecided;
		multiplex->reversed = handed->reversed;
		multiplex->lost_why = handed->lost_why;
		multiplex->missed = handed->missed;
	}
	for (unsigned int i = 0; i < 2 && sound && !multiplex->undecided; i++)
		sound = take_up_reader(connection, multiplex, i, &handed->readers[i]);
	if (sound && !multiplex_is_lost(multiplex))
		return 0;
	multiplex_free(multiplex);
	connection->multiplex = NULL;
	return -EINVAL;
}

size_t multiplex_memory(const struct multiplex *multiplex)
{
	size_t size = sizeof(*multiplex);

	for (unsigned int i = 0; i < 2; i++)
		size += multiplex->readers[i] ? http2_memory(multiplex->readers[i]) : 0;
	for (const struct multiplex_stream *one = multiplex->streams; one; one = one->hh.next) {
		size += sizeof(*one) + sizeof(*one->exchange) + exchange_memory(one->exchange);
		if (one->session)
			size += sizeof(*one->session) + multiplex_memory(one->session->multiplex);
	}
	return size;
}
