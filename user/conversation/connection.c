// SPDX-License-Identifier: Apache-2.0
#include "conversation/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/wipe.h"

struct connection *connection_new(uint64_t id, uint32_t socket, uint32_t flags, uint64_t time)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->id = id;
	connection->socket = socket;
	connection->flags = flags;
	connection->active = time;
	connection->surveyed = true;
	/* Who was there before may be in the middle of anything. */
	if (flags & CALLERD_FLAG_PREEXISTING)
		connection->request.state = connection->response.state = STREAM_LOST;
	connection->missed = RECORD_INCOMPLETE_RESYNCHRONISED;
	return connection;
}

static void stream_close(struct stream *stream)
{
	if (stream->parser)
		explicit_bzero(stream->parser->target, stream->parser->head.target_size);
	free(stream->parser);
	stream->parser = NULL;
}

void connection_free(struct connection *connection)
{
	struct exchange *exchange;

	if (!connection)
		return;
	while ((exchange = connection_take_finished(connection)))
		exchange_free(exchange);
	exchange_free(connection->exchange);
	stream_close(&connection->request);
	stream_close(&connection->response);
	caller_unref(connection->connector);
	senders_clear(&connection->senders);
	wipe_free(connection->held, connection->held_size);
	free(connection);
}

void connection_set_connector(struct connection *connection, struct caller *caller)
{
	caller_unref(connection->connector);
	connection->connector = caller;
}

/* The offset of the oldest request that is still to be attributed. */
static uint64_t oldest_offset(const struct connection *connection)
{
	if (connection->finished)
		return connection->finished->offset;
	if (connection->exchange)
		return connection->exchange->offset;
	return connection->held_size ? connection->held_offset : connection->request.next;
}

int connection_add_sender(struct connection *connection, struct sender sender)
{
	senders_drop_before(&connection->senders, oldest_offset(connection));
	return senders_add(&connection->senders, sender);
}

bool connection_sender_certain(const struct connection *connection, const struct exchange *exchange)
{
	return connection->confirmed >= exchange->end;
}

void connection_find_senders(const struct connection *connection, const struct exchange *exchange,
			     struct senders_found *ret)
{
	/* Offsets are not exact: it may be any of them. */
	bool inexact = connection->flags & CALLERD_FLAG_OUT_OF_BAND;
	bool crowd = connection->flags & CALLERD_FLAG_CROWD;

	senders_find(&connection->senders, connection->connector, inexact ? 0 : exchange->offset,
		     inexact ? UINT64_MAX : exchange->end, ret);
	ret->ambiguous |= crowd || (inexact && ret->count > 1);
	ret->unknown |= crowd;
}

struct caller *connection_sender(const struct connection *connection, struct exchange *exchange)
{
	struct senders_found found;

	connection_find_senders(connection, exchange, &found);
	if (!connection_sender_certain(connection, exchange))
		exchange->incomplete |= RECORD_INCOMPLETE_SENDER_UNCONFIRMED;
	if (found.several)
		exchange->incomplete |= RECORD_INCOMPLETE_SENDERS;
	if (found.ambiguous)
		exchange->incomplete |= RECORD_INCOMPLETE_SENDER_AMBIGUOUS;
	if (found.unknown)
		exchange->incomplete |= RECORD_INCOMPLETE_SENDER_LOST;
	return found.count && !found.ambiguous && !found.unknown ? found.caller[0] : NULL;
}

bool connection_has_untold(const struct connection *connection)
{
	const struct exchange *exchange = connection->exchange;

	return exchange && exchange->complete && exchange->content && !exchange->sender_told;
}

void connection_tell_sender(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	if (connection_has_untold(connection) && connection_sender_certain(connection, exchange))
		exchange_sent(exchange, connection_sender(connection, exchange));
}

struct exchange *connection_take_finished(struct connection *connection)
{
	struct exchange *exchange = connection->finished;

	if (!exchange)
		return NULL;
	connection->finished = exchange->next;
	if (exchange == connection->answering)
		connection->answering = NULL;
	senders_drop_before(&connection->senders, oldest_offset(connection));
	return exchange;
}

size_t connection_memory(const struct connection *connection)
{
	size_t size = sizeof(*connection) + connection->held_size;

	size += connection->senders.room * sizeof(struct sender);
	if (connection->exchange)
		size += exchange_memory(connection->exchange);
	size += connection->request.parser ? sizeof(struct http1_parser) : 0;
	size += connection->response.parser ? sizeof(struct http1_parser) : 0;
	return size;
}

static struct http1_parser *stream_parser(struct stream *stream, enum http1_role role)
{
	if (!stream->parser) {
		stream->parser = malloc(sizeof(*stream->parser));
		if (stream->parser) {
			http1_init(stream->parser, role);
			stream->parser->followed = stream->followed;
		}
	}
	return stream->parser;
}

/* No more of the response will be seen that a request waits for. */
static void stop_answering(struct connection *connection)
{
	if (connection->answering)
		connection->answering->awaits_content = false;
	connection->answering = NULL;
}

static void stream_lose(struct stream *stream)
{
	stream_close(stream);
	if (stream->state != STREAM_OPAQUE)
		stream->state = STREAM_LOST;
}

/* Nothing more comes of the requests so far. */
static void tell_over(const struct connection *connection, uint64_t time)
{
	if (connection->reader && connection->reader->over)
		connection->reader->over(connection->reader->data, connection->id,
					 connection->ended, time);
}

/* The request at hand goes to those that wait to be written. */
static void finish(struct connection *connection, uint64_t time)
{
	struct exchange *exchange = connection->exchange;

	connection->exchange = NULL;
	if (!exchange)
		return;
	if (!exchange->finished)
		exchange->finished = time;
	exchange->next = NULL;
	if (connection->finished)
		connection->finished_last->next = exchange;
	else
		connection->finished = exchange;
	connection->finished_last = exchange;
}

static void drop_held(struct connection *connection)
{
	wipe_free(connection->held, connection->held_size);
	connection->held = NULL;
	connection->held_size = 0;
}

static void take_over(struct connection *connection)
{
	stop_answering(connection);
	stream_close(&connection->request);
	stream_close(&connection->response);
	connection->request.state = connection->response.state = STREAM_OPAQUE;
	drop_held(connection);
}

/* --- requests --------------------------------------------------------------------------------- */

static int begin_exchange(struct connection *connection, uint64_t offset, uint64_t time)
{
	if (connection->requests)
		tell_over(connection, time);
	connection->exchange = exchange_new(connection->id, connection->requests + 1, offset, time,
					    connection->reader);
	if (!connection->exchange)
		return -ENOMEM;
	connection->requests++;
	return 0;
}

/* A beginning found in the dark was none. */
static void forget_exchange(struct connection *connection)
{
	exchange_free(connection->exchange);
	connection->exchange = NULL;
	connection->requests--;
}

static void request_failed(struct connection *connection, const char *error)
{
	struct exchange *exchange = connection->exchange;

	if (exchange && exchange->resynchronised && !exchange->has_head) {
		forget_exchange(connection);
	} else if (exchange) {
		exchange->parse_error = error;
		exchange->incomplete |= RECORD_INCOMPLETE_UNPARSED;
	}
	connection->draining = false;
	stream_lose(&connection->request);
}

static int hold(struct connection *connection, const char *data, size_t size, uint64_t offset,
		uint64_t time)
{
	char *held;

	if (connection->held_gap)
		return 0;
	if (connection->held_size + size > HELD_MAX ||
	    (connection->held_size && connection->held_offset + connection->held_size != offset)) {
		connection->held_gap = true;
		return 0;
	}
	held = wipe_realloc(connection->held, connection->held_size, connection->held_size,
			    connection->held_size + size);
	if (!held) {
		connection->held_gap = true;
		return -ENOMEM;
	}
	if (!connection->held_size) {
		connection->held_offset = offset;
		connection->held_time = time;
	}
	memcpy(held + connection->held_size, data, size);
	connection->held = held;
	connection->held_size += size;
	return 0;
}

static int request_step(struct connection *connection, enum http1_step step)
{
	struct http1_parser *parser = connection->request.parser;
	int error;

	switch (step) {
	case HTTP1_HEAD:
		if (connection->draining)
			return 0;
		error = exchange_head(connection->exchange, parser);
		if (!error)
			exchange_read(connection->exchange, connection->socket);
		return error;
	case HTTP1_END:
		if (!connection->draining)
			exchange_complete(connection->exchange, parser);
		connection->draining = false;
		connection->request.followed = true;
		connection->request.blanks = strcmp(parser->head.method, "POST") ? 0 : BLANKS_MAX;
		stream_close(&connection->request);
		return 0;
	case HTTP1_ERROR:
		request_failed(connection, parser->error);
		return 0;
	default:
		return 0;
	}
}

/* How many of the bytes before a request the daemon takes for none of it. */
static size_t skip_blanks(struct stream *stream, const char *data, size_t size)
{
	size_t skipped = 0;

	while (skipped < size && stream->blanks &&
	       (data[skipped] == '\r' || data[skipped] == '\n')) {
		stream->blanks--;
		skipped++;
	}
	return skipped;
}

/* Reads as far as one request goes; what follows it is held. */
static int read_requests(struct connection *connection, const char *data, size_t size,
			 uint64_t offset, uint64_t time)
{
	struct stream *stream = &connection->request;
	const char *body;
	size_t used, body_size;
	int error = 0;

	while (!error && (size || stream->parser) && stream->state == STREAM_READ) {
		struct exchange *exchange = connection->exchange;
		enum http1_step step;

		if (exchange && exchange->complete)
			return size ? hold(connection, data, size, offset, time) : 0;
		if (!exchange && !connection->draining) {
			used = skip_blanks(stream, data, size);
			data += used;
			size -= used;
			offset += used;
			if (!size)
				return 0;
			stream->blanks = 0;
			error = begin_exchange(connection, offset, time);
			if (error)
				break;
		}
		if (!stream_parser(stream, HTTP1_REQUEST)) {
			error = -ENOMEM;
			break;
		}
		step = http1_next(stream->parser, data, size, &used, &body, &body_size);
		data += used;
		size -= used;
		offset += used;
		if (connection->exchange)
			connection->exchange->end = offset;
		if (step == HTTP1_MORE)
			return 0;
		if (step == HTTP1_BODY && connection->exchange)
			exchange_body(connection->exchange, body, body_size);
		error = request_step(connection, step);
	}
	if (error)
		stream_lose(stream);
	return error;
}

static bool may_begin_request(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/* Without framing, a request begins at the daemon's first read after it spoke, if at all. Where a
 * response is not over, its end may have gone by unseen: the next bytes of it will tell. */
static bool find_request(struct connection *connection, const struct callerd_data_event *data)
{
	if (!(data->header.flags & CALLERD_FLAG_TURN) || !data->copied || connection->exchange ||
	    !may_begin_request(data->data[0]))
		return false;
	if (begin_exchange(connection, data->offset, data->header.time))
		return false;
	connection->exchange->resynchronised = true;
	connection->exchange->doubtful = connection->response.parser;
	/* A connection older than the agent is marked as such; all others lost something. */
	if (!(connection->flags & CALLERD_FLAG_PREEXISTING))
		connection->exchange->incomplete |= RECORD_INCOMPLETE_RESYNCHRONISED;
	connection->request.state = STREAM_READ;
	return true;
}

static void request_gap(struct connection *connection, uint64_t size, unsigned int why)
{
	struct exchange *exchange = connection->exchange;
	struct stream *stream = &connection->request;

	if (exchange && exchange->complete) { /* the gap is in what follows */
		connection->held_gap = true;
		return;
	}
	if (exchange) {
		exchange->incomplete |= why;
		exchange->end += size;
		exchange_body_gap(exchange);
	}
	if (!stream->parser || http1_skip(stream->parser, size)) {
		connection->draining = false;
		stream_lose(stream);
		return;
	}
	/* The body may end within the gap; its end is a step of its own. */
	read_requests(connection, "", 0, stream->next + size, connection->active);
}

static int request_data(struct connection *connection, const struct callerd_data_event *data)
{
	struct stream *stream = &connection->request;

	if (stream->state == STREAM_OPAQUE)
		return 0;
	if (data->header.flags & CALLERD_FLAG_TURN)
		connection->turned = data->offset;
	if (stream->state == STREAM_LOST && !find_request(connection, data))
		return 0;
	return read_requests(connection, (const char *)data->data, data->copied, data->offset,
			     data->header.time);
}

/* The request at hand is through: what was held behind it is next. */
static int release_held(struct connection *connection)
{
	char *held = connection->held;
	size_t size = connection->held_size;
	bool gap = connection->held_gap;
	int error = 0;

	connection->held = NULL;
	connection->held_size = 0;
	connection->held_gap = false;
	if (size)
		error = read_requests(connection, held, size, connection->held_offset,
				      connection->held_time);
	wipe_free(held, size);
	if (gap)
		request_gap(connection, 0, RECORD_INCOMPLETE_LOST);
	return error;
}

/* --- responses -------------------------------------------------------------------------------- */

static int answered(struct connection *connection, uint64_t time)
{
	struct stream *stream = &connection->response;
	struct exchange *exchange = connection->exchange;
	const struct http1_head *head = &stream->parser->head;

	if (head->status >= 100 && head->status < 200 && head->status != 101)
		return 0; /* the final one is still to come */
	if (!exchange) {
		++*connection->unpaired;
		return 0;
	}
	if (!exchange->has_head && !exchange->parse_error) {
		exchange->parse_error = "answered before its head was complete";
		exchange->incomplete |= RECORD_INCOMPLETE_UNPARSED;
		stream_lose(&connection->request);
	}
	http1_response_to(stream->parser, exchange->method);
	exchange_answer(exchange, head, time);
	connection->draining = !exchange->complete && connection->request.state == STREAM_READ;
	finish(connection, time);
	connection->answering = exchange;
	if (head->status == 101 || head->framing == HTTP1_BODY_UNTIL_CLOSE) {
		take_over(connection);
		return 0;
	}
	return connection->draining ? 0 : release_held(connection);
}

/* The daemon does not speak HTTP/1: what was asked stays without an answer. */
static void response_failed(struct connection *connection, uint64_t time)
{
	struct exchange *exchange = connection->exchange;

	stop_answering(connection);
	stream_lose(&connection->response);
	if (!exchange)
		return;
	exchange->incomplete |= RECORD_INCOMPLETE_UNPARSED;
	if (!exchange->parse_error)
		exchange->parse_error = "the response is not HTTP/1";
	stream_lose(&connection->request);
	finish(connection, time);
}

static void end_response(struct connection *connection, uint64_t time)
{
	tell_over(connection, time);
	stop_answering(connection);
	stream_close(&connection->response);
}

static int read_responses(struct connection *connection, const char *data, size_t size,
			  uint64_t time)
{
	struct stream *stream = &connection->response;
	const char *body;
	size_t used, body_size;
	int error = 0;

	while (!error && (size || stream->parser) && stream->state == STREAM_READ) {
		enum http1_step step;

		if (!stream_parser(stream, HTTP1_RESPONSE))
			return -ENOMEM;
		step = http1_next(stream->parser, data, size, &used, &body, &body_size);
		data += used;
		size -= used;
		if (step == HTTP1_MORE)
			return 0;
		if (step == HTTP1_HEAD)
			error = answered(connection, time);
		else if (step == HTTP1_BODY && connection->answering)
			exchange_answer_body(connection->answering, body, body_size);
		else if (step == HTTP1_END)
			end_response(connection, time);
		else if (step == HTTP1_ERROR)
			response_failed(connection, time);
	}
	return error;
}

static bool begins_response(const struct callerd_data_event *data)
{
	static const char start[] = "HTTP/1.";
	size_t size = data->copied < sizeof(start) - 1 ? data->copied : sizeof(start) - 1;

	return data->header.flags & CALLERD_FLAG_TURN && size && !memcmp(data->data, start, size);
}

/* The response to the request at hand went by unseen. */
static int pass_over(struct connection *connection, uint64_t time)
{
	connection->exchange->incomplete |= connection->missed;
	finish(connection, time);
	return release_held(connection);
}

/* Where the daemon spoke since it had the request at hand, and turned to the next one, what it said in
 * the dark was the answer; the response that begins now is a later one's. */
static int pass_over_answered(struct connection *connection, uint64_t time)
{
	int error = 0;

	while (!error && connection->exchange && connection->exchange->complete &&
	       connection->exchange->end <= connection->turned)
		error = pass_over(connection, time);
	return error;
}

/* What was taken for a request while a response went on was none if that response still goes on. */
static void drop_doubtful(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	if (!exchange || !exchange->doubtful)
		return;
	exchange->doubtful = false;
	if (!connection->response.parser) /* it was over */
		return;
	forget_exchange(connection);
	drop_held(connection);
	connection->held_gap = false;
	stream_lose(&connection->request);
}

static int response_data(struct connection *connection, const struct callerd_data_event *data)
{
	struct stream *stream = &connection->response;
	int error = 0;

	if (stream->state == STREAM_OPAQUE)
		return 0;
	if (data->header.flags & CALLERD_FLAG_UNSEEN && connection->exchange &&
	    !connection->exchange->complete)
		connection->exchange->incomplete |= RECORD_INCOMPLETE_BUDGET;
	if (stream->state == STREAM_LOST) {
		/* A response can only begin where a request was made. */
		if (!connection->exchange || !begins_response(data))
			return 0;
		error = pass_over_answered(connection, data->header.time);
		stream->state = STREAM_READ;
	}
	if (error)
		return error;
	drop_doubtful(connection);
	return read_responses(connection, (const char *)data->data, data->copied,
			      data->header.time);
}

/* --- both ------------------------------------------------------------------------------------- */

static int response_gap(struct connection *connection, uint64_t size, unsigned int why,
			uint64_t time)
{
	struct stream *stream = &connection->response;
	struct exchange *exchange = connection->exchange;
	bool within = stream->parser;

	stop_answering(connection);
	if (stream->state == STREAM_OPAQUE)
		return 0;
	if (within && !http1_skip(stream->parser, size))
		return read_responses(connection, "", 0, time);
	connection->missed = why;
	stream_lose(stream);
	/* Lost between responses, not just left out: the head of the next one was among it. */
	if (why != RECORD_INCOMPLETE_BUDGET && !within && exchange && exchange->complete)
		return pass_over(connection, time);
	return 0;
}

static int handle_gap(struct connection *connection, const struct callerd_data_event *data,
		      uint64_t size, unsigned int why)
{
	if (data->direction == CALLERD_RESPONSE)
		return response_gap(connection, size, why, data->header.time);
	request_gap(connection, size, why);
	return 0;
}

int connection_data(struct connection *connection, const struct callerd_data_event *data)
{
	bool request = data->direction == CALLERD_REQUEST;
	struct stream *stream = request ? &connection->request : &connection->response;
	bool lost = data->header.flags & CALLERD_FLAG_LOST_BEFORE;
	int error = 0;

	connection->flags |= data->header.flags & (CALLERD_FLAG_OUT_OF_BAND | CALLERD_FLAG_CROWD);
	if (request)
		senders_read(&connection->senders, data->offset, data->offset + data->length,
			     data->span, data->header.flags & CALLERD_FLAG_OVERLAP);
	if (data->confirmed > connection->confirmed)
		connection->confirmed = data->confirmed;
	if (data->offset > stream->next)
		error = handle_gap(connection, data, data->offset - stream->next,
				   lost ? RECORD_INCOMPLETE_LOST : RECORD_INCOMPLETE_BUDGET);
	stream->next = data->offset;
	if (data->header.flags & CALLERD_FLAG_UNREADABLE) {
		error = handle_gap(connection, data, data->length, RECORD_INCOMPLETE_UNREADABLE)
				?: error;
		stream->next += data->length;
		return error;
	}
	stream->next += data->length;
	return (request ? request_data(connection, data) : response_data(connection, data))
		       ?: error;
}

void connection_end(struct connection *connection, uint64_t time, unsigned int reason)
{
	struct exchange *exchange;

	connection->ended = true;
	stop_answering(connection);
	/* What was read ahead were requests too, never answered. */
	while ((exchange = connection->exchange)) {
		exchange->incomplete |= reason;
		if (!exchange->has_head && !exchange->parse_error) {
			exchange->parse_error = "ended within its head";
			exchange->incomplete |= RECORD_INCOMPLETE_UNPARSED;
		}
		if (exchange->resynchronised && !exchange->has_head)
			forget_exchange(connection);
		else
			finish(connection, time);
		release_held(connection);
	}
	tell_over(connection, time);
	stream_close(&connection->request);
	stream_close(&connection->response);
}
