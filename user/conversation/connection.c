// SPDX-License-Identifier: Apache-2.0
#include "conversation/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "conversation/multiplex.h"
#include "http/http2.h"

struct connection *connection_new(uint64_t id, uint32_t socket, uint32_t flags, uint64_t time)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->id = id;
	connection->socket = connection->door = socket;
	connection->flags = flags;
	connection->active = time;
	connection->surveyed = true;
	/* A connection from before the agent's start may be in the middle of a message. */
	if (flags & CALLERD_FLAG_PREEXISTING)
		connection->request.state = connection->response.state = STREAM_LOST;
	connection->missed = RECORD_INCOMPLETE_RESYNCHRONISED;
	return connection;
}

/* The one that the last message had, for the next one: it is large, and few messages are read at once. */
static __thread struct http1_parser *spare_parser;

static void stream_close(struct stream *stream)
{
	if (!stream->parser)
		return;
	explicit_bzero(stream->parser->target, stream->parser->head.target_size);
	if (spare_parser)
		free(stream->parser);
	else
		spare_parser = stream->parser;
	stream->parser = NULL;
}

/* The offset of the oldest request that is still to be attributed. */
static uint64_t oldest_offset(const struct connection *connection)
{
	if (connection->multiplex)
		return multiplex_oldest(connection);
	if (connection->preface)
		return 0;
	if (connection->finished)
		return connection->finished->offset;
	if (connection->exchange)
		return connection->exchange->offset;
	if (connection->request.state ==
	    STREAM_LOST) /* a request from there on may still be answered */
		return connection->lost_at;
	return connection->held_size ? connection->held_offset : connection->request.next;
}

/* Takes the oldest finished exchange off; the caller frees it. NULL: there is none. */
static struct exchange *take_finished(struct connection *connection)
{
	struct exchange *exchange = connection->finished;

	if (!exchange)
		return NULL;
	connection->finished = exchange->next;
	exchange->queued = false;
	if (exchange == connection->answering)
		connection->answering = NULL;
	/* Of streams the oldest one is looked for among all. */
	if (!connection->multiplex || !connection->finished)
		senders_drop_before(&connection->senders, oldest_offset(connection));
	return exchange;
}

void connection_free(struct connection *connection)
{
	struct exchange *exchange;

	if (!connection)
		return;
	/* Before the finished ones: some of them are those of its streams. */
	multiplex_free(connection->multiplex);
	connection->multiplex = NULL;
	while ((exchange = take_finished(connection)))
		exchange_free(exchange);
	exchange_free(connection->exchange);
	exchange_free(connection->streaming);
	stream_close(&connection->request);
	stream_close(&connection->response);
	free(connection->tcp);
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

int connection_add_sender(struct connection *connection, struct sender sender)
{
	if (!connection->multiplex || !(connection->senders.count % 64))
		senders_drop_before(&connection->senders, oldest_offset(connection));
	return senders_add(&connection->senders, sender);
}

void connection_write_endpoint(const struct callerd_endpoint *end, char *ret, socklen_t size)
{
	bool mapped = !end->address[0] && !end->address[1] && end->address[2] == htonl(0xffff);

	if (!inet_ntop(mapped ? AF_INET : AF_INET6,
		       mapped ? (const void *)&end->address[3] : end->address, ret, size))
		ret[0] = '\0';
}

int connection_accept(struct connection *connection, const struct callerd_accept_event *accept)
{
	bool is_new = !connection->tcp;
	struct record_tcp *tcp = connection->tcp ?: calloc(1, sizeof(*tcp));

	if (!tcp)
		return -ENOMEM;
	connection->tcp = tcp;
	connection->surveyed = true; /* whoever connected may have been told of long ago */
	connection->door = accept->header.socket;
	connection->flags |=
		accept->header.flags & (CALLERD_FLAG_TCP | CALLERD_FLAG_TLS | CALLERD_FLAG_LOCAL);
	connection_write_endpoint(&accept->from, tcp->source, sizeof(tcp->source));
	connection_write_endpoint(&accept->to, tcp->destination, sizeof(tcp->destination));
	tcp->source_port = accept->from.port;
	tcp->destination_port = accept->to.port;
	tcp->tls = connection->flags & CALLERD_FLAG_TLS;
	if (tcp->tls)
		connection->request.state = connection->response.state = STREAM_OPAQUE;
	if (is_new && !connection->inherited && !(accept->header.flags & CALLERD_FLAG_PREEXISTING))
		connection->accepted = accept->header.time;
	return 0;
}

bool connection_is_local(const struct connection *connection)
{
	const struct record_tcp *tcp = connection->tcp;

	return !tcp || connection->flags & CALLERD_FLAG_LOCAL || !strncmp(tcp->source, "127.", 4) ||
	       !strcmp(tcp->source, "::1") || !strcmp(tcp->source, tcp->destination);
}

bool connection_sender_certain(const struct connection *connection, const struct exchange *exchange)
{
	return connection->confirmed >= exchange->end;
}

void connection_find_senders(const struct connection *connection, const struct exchange *exchange,
			     struct senders_found *ret)
{
	/* With urgent data on the connection offsets are not exact: any of its senders may have sent it. */
	bool inexact = connection->flags & CALLERD_FLAG_OUT_OF_BAND;
	bool crowd = connection->flags & CALLERD_FLAG_CROWD;
	struct senders_range all = {inexact ? 0 : exchange->offset,
				    inexact ? UINT64_MAX : exchange->end};
	bool pieces = exchange->range_count && !inexact;

	senders_find(&connection->senders, connection->connector, pieces ? exchange->ranges : &all,
		     pieces ? exchange->range_count : 1, ret);
	ret->ambiguous |= crowd || (inexact && ret->count > 1);
	ret->unknown |= crowd;
}

struct caller *connection_sender(const struct connection *connection, struct exchange *exchange)
{
	struct senders_found found;

	if (!connection->connector && !connection_is_local(connection))
		return NULL;
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

	if (connection->multiplex)
		return multiplex_has_untold(connection);
	return exchange && exchange->complete && exchange->content && !exchange->sender_told;
}

void connection_tell_sender(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	if (connection->multiplex)
		multiplex_tell_senders(connection);
	else if (connection_has_untold(connection) &&
		 connection_sender_certain(connection, exchange))
		exchange_sent(exchange, connection_sender(connection, exchange));
}

void connection_written(struct connection *connection)
{
	struct exchange *exchange = take_finished(connection);

	if (exchange == connection->current)
		connection->streaming = exchange;
	else if (!exchange->attached)
		exchange_free(exchange);
}

struct exchange *connection_unanswered(const struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	if (connection->multiplex)
		return multiplex_unanswered(connection);
	if (!exchange || !exchange->has_head || exchange->start_told || exchange->doubtful)
		return NULL;
	return exchange;
}

size_t connection_memory(const struct connection *connection)
{
	size_t size = sizeof(*connection) + connection->held_size;

	size += connection->senders.room * sizeof(struct sender);
	if (connection->multiplex)
		size += multiplex_memory(connection->multiplex);
	if (connection->exchange)
		size += exchange_memory(connection->exchange);
	if (connection->streaming)
		size += sizeof(struct exchange) + exchange_memory(connection->streaming);
	size += connection->request.parser ? sizeof(struct http1_parser) : 0;
	size += connection->response.parser ? sizeof(struct http1_parser) : 0;
	return size;
}

static size_t caller_part(const struct caller *caller)
{
	return caller ? caller->shared.size / caller->shared.references : 0;
}

size_t connection_callers_memory(const struct connection *connection)
{
	const struct senders *senders = &connection->senders;
	size_t size = caller_part(connection->connector);

	/* The last sender stands for all: there are many only where one process forks the next, and such callers are alike. */
	if (senders->count)
		size += senders->count *
			caller_part(senders_get(senders, senders->count - 1)->caller);
	return size;
}

static struct http1_parser *stream_parser(struct stream *stream, enum http1_role role)
{
	if (!stream->parser) {
		stream->parser = take_ptr(spare_parser) ?: malloc(sizeof(*stream->parser));
		if (stream->parser) {
			http1_init(stream->parser, role);
			stream->parser->followed = stream->followed;
		}
	}
	return stream->parser;
}

/* The rest of the response that a finished request waits for will not be seen. */
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

/* The framing of requests is lost from OFFSET on. WHY: a RECORD_INCOMPLETE_ bit. */
static void lose_requests(struct connection *connection, uint64_t offset, unsigned int why)
{
	if (connection->request.state == STREAM_READ)
		connection->lost_at = offset;
	connection->lost_why |= why;
	stream_lose(&connection->request);
}

/* Tells the reader that all requests so far are over. */
static void tell_over(const struct connection *connection, uint64_t time)
{
	if (connection->reader && connection->reader->over)
		connection->reader->over(connection->reader->data, connection->id,
					 connection->ended, time);
}

void connection_queue(struct connection *connection, struct exchange *exchange, uint64_t time)
{
	if (!exchange->finished)
		exchange->finished = time;
	exchange->next = NULL;
	if (connection->finished)
		connection->finished_last->next = exchange;
	else
		connection->finished = exchange;
	connection->finished_last = exchange;
	exchange->queued = true;
}

/* Moves the request at hand to the finished ones. */
static void connection_finish(struct connection *connection, uint64_t time)
{
	struct exchange *exchange = connection->exchange;

	connection->exchange = NULL;
	if (exchange)
		connection_queue(connection, exchange, time);
}

/* Notes that the current response was over at TIME. */
static void end_current(struct connection *connection, uint64_t time, enum record_end reason)
{
	struct exchange *exchange = connection->current;

	connection->current = NULL;
	if (!exchange)
		return;
	exchange->follows = false;
	exchange->over = time > exchange->finished ? time : exchange->finished;
	exchange->stream.end_reason = reason;
	if (!exchange->taken_over && exchange->complete) {
		exchange->stream.has_request_bytes = true;
		exchange->stream.request_bytes = exchange->end - exchange->offset;
	}
	if (exchange != connection->streaming)
		return;
	connection->streaming = NULL;
	if (exchange->http.upgraded) { /* behind what was asked since then */
		connection_queue(connection, exchange, time);
		return;
	}
	exchange->next = connection->finished;
	if (!connection->finished)
		connection->finished_last = exchange;
	connection->finished = exchange;
}

/* The same, where the response ended at END_OFFSET. */
static void end_current_at(struct connection *connection, uint64_t time, enum record_end reason,
			   uint64_t end_offset)
{
	struct exchange *exchange = connection->current;

	if (exchange) {
		exchange->stream.has_response_bytes = true;
		exchange->stream.response_bytes = end_offset - exchange->answer_offset;
	}
	end_current(connection, time, reason);
}

static void drop_held(struct connection *connection)
{
	wipe_free(connection->held, connection->held_size);
	connection->held = NULL;
	connection->held_size = 0;
}

/* Nothing of HTTP/1 is at hand any more; what was held belongs to nobody. */
static void end_http1(struct connection *connection, enum stream_state state)
{
	stop_answering(connection);
	stream_close(&connection->request);
	stream_close(&connection->response);
	connection->request.state = connection->response.state = state;
	drop_held(connection);
}

static void take_over(struct connection *connection)
{
	/* A refusal that ends with its connection takes nothing over. */
	connection->current->taken_over = connection->current->http.status < 300;
	end_http1(connection, STREAM_OPAQUE);
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
	connection->exchange->account = connection->account;
	connection->requests++;
	if (connection->begun)
		connection->begun(connection->data, false);
	if (connection->perhaps_taken_over) {
		connection->exchange->resynchronised = true;
		connection->exchange->incomplete |= RECORD_INCOMPLETE_RESYNCHRONISED;
	}
	return 0;
}

/* Begins an exchange for a response whose request was not seen: its bytes are among the lost ones. */
static int begin_unseen(struct connection *connection, uint64_t time)
{
	bool lost = connection->request.state == STREAM_LOST;
	struct exchange *exchange;

	tell_over(connection, time);
	exchange =
		exchange_new(connection->id, 0, connection->request.next, time, connection->reader);
	connection->exchange = exchange;
	if (!exchange)
		return -ENOMEM;
	++*connection->unpaired;
	exchange->unseen = true;
	exchange->incomplete = RECORD_INCOMPLETE_RESYNCHRONISED | connection->lost_why;
	if (lost)
		exchange->offset = connection->lost_at;
	exchange_read(exchange, connection->socket);
	return 0;
}

/* Drops an exchange that was begun where the framing was lost, and was no request. */
static void forget_exchange(struct connection *connection)
{
	exchange_free(connection->exchange);
	connection->exchange = NULL;
	connection->requests--;
	if (connection->begun)
		connection->begun(connection->data, true);
}

static void request_failed(struct connection *connection, const char *error)
{
	struct exchange *exchange = connection->exchange;
	uint64_t lost_at = exchange ? exchange->end : connection->request.next;

	if (exchange && exchange->resynchronised && !exchange->has_head) {
		lost_at = connection->lost_at;
		forget_exchange(connection);
	} else if (exchange) {
		exchange->http.parse_error = error;
		exchange->incomplete |= RECORD_INCOMPLETE_UNPARSED;
	}
	connection->draining = false;
	lose_requests(connection, lost_at, RECORD_INCOMPLETE_UNPARSED);
}

static int connection_hold(struct connection *connection, const char *data, size_t size,
			   uint64_t offset, uint64_t time)
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
		error = exchange_head(connection->exchange, &parser->head, parser->target);
		if (!error)
			exchange_read(connection->exchange, connection->socket);
		return error;
	case HTTP1_END:
		if (!connection->draining)
			exchange_complete(connection->exchange, parser->head.anomalies,
					  parser->body_bytes);
		connection->draining = false;
		connection->request.followed = true;
		connection->request.blanks = parser->head.verb == METHOD_POST ? BLANKS_MAX : 0;
		stream_close(&connection->request);
		return 0;
	case HTTP1_ERROR:
		request_failed(connection, parser->error);
		return 0;
	default:
		return 0;
	}
}

/* How many line ends the daemon skips before a request. */
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

/* Reads up to the end of one request, and holds what follows. */
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
			return size ? connection_hold(connection, data, size, offset, time) : 0;
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
		if (step == HTTP1_END)
			connection->message_end = offset;
		if (step == HTTP1_BODY && connection->exchange)
			exchange_body(connection->exchange, body, body_size);
		error = request_step(connection, step);
	}
	if (error)
		lose_requests(connection, offset, RECORD_INCOMPLETE_LOST);
	return error;
}

static bool may_begin_request(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/* Where the framing is lost, a request can begin only at the daemon's first read after a write. A response that seems to
 * go on may have ended unseen: its next bytes, or none, tell. */
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
	connection->lost_why = 0;
	return true;
}

/* SIZE bytes of the request stream at OFFSET were not seen. */
static void request_gap(struct connection *connection, uint64_t offset, uint64_t size,
			unsigned int why)
{
	struct exchange *exchange = connection->exchange;
	struct stream *stream = &connection->request;

	if (exchange && exchange->complete) { /* the gap lies behind that request */
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
		lose_requests(connection, offset, why);
		return;
	}
	/* The body may end within the gap; its end is a step of its own. */
	read_requests(connection, "", 0, offset + size, connection->active);
}

/* Notes that the daemon read DATA: what stands before it is served. A single byte may be the one that Go reads ahead. */
static void note_served(struct connection *connection, const struct callerd_data_event *data)
{
	const struct exchange *current = connection->current;
	uint64_t served = data->length > 1 || !data->offset ? data->offset : data->offset - 1;

	if (served > connection->served)
		connection->served = served;
	/* The end of the current response was not seen, but it is over. */
	if (current && current->complete && current->end <= connection->served)
		end_current(connection, connection->spoken, RECORD_END_COMPLETE);
}

/* Reads the bytes of the preface that wait as what they are without the rest: HTTP/1. */
static int give_up_preface(struct connection *connection)
{
	size_t size = connection->preface;

	connection->preface = 0;
	return size ? read_requests(connection, HTTP2_PREFACE, size, connection->preface_at,
				    connection->preface_time)
		    : 0;
}

/* Whether HTTP/2 may begin with DATA. On a connection that is older than the agent only where all of the preface is there. */
static bool may_begin_http2(const struct connection *connection,
			    const struct callerd_data_event *data)
{
	if (connection->requests || connection->exchange || connection->preface)
		return false;
	if (connection->request.state == STREAM_READ)
		return !data->offset;
	return data->header.flags & CALLERD_FLAG_TURN && data->copied >= HTTP2_PREFACE_SIZE;
}

/* How many bytes at the beginning of DATA go on with the preface, which no request of HTTP/1 can begin with; 0: DATA is
 * something else. */
static size_t preface_in(const struct connection *connection, const struct callerd_data_event *data)
{
	size_t left = HTTP2_PREFACE_SIZE - connection->preface;
	size_t size = data->copied < left ? data->copied : left;

	if (memcmp(data->data, &HTTP2_PREFACE[connection->preface], size))
		return 0;
	return size;
}

static int take_preface(struct connection *connection, const struct callerd_data_event *data,
			size_t size)
{
	if (!connection->preface) {
		connection->preface_at = data->offset;
		connection->preface_time = data->header.time;
	}
	connection->preface += size;
	if (connection->preface < HTTP2_PREFACE_SIZE)
		return 0;
	connection->request.state = connection->response.state = STREAM_READ;
	return multiplex_begin(connection, connection->preface_at)
		       ?: multiplex_data(connection, CALLERD_REQUEST, HTTP2_PREFACE,
					 HTTP2_PREFACE_SIZE, connection->preface_time)
		       ?: multiplex_data(connection, CALLERD_REQUEST,
					 (const char *)data->data + size, data->copied - size,
					 data->header.time);
}

/* A frame where a request of HTTP/1 could begin: HTTP/2, perhaps, whose beginning an earlier agent may have seen. */
static bool is_midway_in_http2(const struct connection *connection,
			       const struct callerd_data_event *data)
{
	return connection->request.state == STREAM_LOST && data->header.flags & CALLERD_FLAG_TURN &&
	       !connection->requests && !connection->exchange &&
	       http2_looks_like_frames(HTTP1_REQUEST, (const char *)data->data, data->copied);
}

static int request_data(struct connection *connection, const struct callerd_data_event *data)
{
	struct stream *stream = &connection->request;
	int error = 0;

	if (stream->state == STREAM_OPAQUE)
		return 0;
	if (connection->multiplex)
		return multiplex_data(connection, CALLERD_REQUEST, (const char *)data->data,
				      data->copied, data->header.time);
	if (connection->preface || may_begin_http2(connection, data)) {
		size_t size = preface_in(connection, data);

		if (size)
			return take_preface(connection, data, size);
		error = give_up_preface(connection);
	}
	if (is_midway_in_http2(connection, data))
		return multiplex_begin_midway(connection, data->offset, data->header.time);
	note_served(connection, data);
	if (stream->state == STREAM_LOST && !find_request(connection, data))
		return error;
	return read_requests(connection, (const char *)data->data, data->copied, data->offset,
			     data->header.time)
		       ?: error;
}

/* Reads the bytes that were held behind the request at hand, which is finished. */
static int release_held(struct connection *connection)
{
	char *held = connection->held;
	size_t size = connection->held_size;
	bool gap = connection->held_gap;
	uint64_t end = size ? connection->held_offset + size : connection->message_end;
	int error = 0;

	connection->held = NULL;
	connection->held_size = 0;
	connection->held_gap = false;
	if (size)
		error = read_requests(connection, held, size, connection->held_offset,
				      connection->held_time);
	wipe_free(held, size);
	if (gap)
		request_gap(connection, end, connection->request.next - end,
			    RECORD_INCOMPLETE_LOST);
	return error;
}

/* --- responses -------------------------------------------------------------------------------- */

/* Whether HEAD is an interim response (100 to 199): the final one is still to come. */
static bool is_interim(const struct http1_head *head)
{
	return head->status >= 100 && head->status < 200 && head->status != 101;
}

/* The response that begins is the last one of HTTP on this connection. */
static int end_of_http(struct connection *connection)
{
	if (!connection->unsure) {
		take_over(connection);
		return 0;
	}
	/* It may be content that looks like a response: reading goes on. */
	connection->perhaps_taken_over = true;
	stop_answering(connection);
	stream_lose(&connection->response);
	return release_held(connection);
}

/* The connection speaks HTTP/2 from here on. Docker drops what it had read ahead of its answer; others may keep it. */
static int switch_to_http2(struct connection *connection)
{
	struct exchange *exchange = connection->current;

	exchange->taken_over = exchange->http.upgraded = true;
	if (connection->held_size || connection->held_gap)
		exchange->http.anomalies |= HTTP1_ANOMALY_DISPUTED;
	connection->held_gap = connection->draining = false;
	end_http1(connection, STREAM_READ);
	if (!multiplex_upgrade(connection, exchange))
		return 0;
	end_http1(connection, STREAM_OPAQUE);
	return -ENOMEM;
}

/* Takes in a response's head, which began at OFFSET. */
static int connection_answered(struct connection *connection, uint64_t offset, uint64_t time)
{
	struct stream *stream = &connection->response;
	const struct http1_head *head = &stream->parser->head;
	struct exchange *exchange;

	if (is_interim(head))
		return 0;
	if (!connection->exchange && begin_unseen(connection, time))
		return -ENOMEM;
	exchange = connection->exchange;
	if (!exchange->has_head && !exchange->unseen && !exchange->http.parse_error) {
		exchange->http.parse_error = "answered before its head was complete";
		exchange->incomplete |= RECORD_INCOMPLETE_UNPARSED;
		lose_requests(connection, exchange->end, RECORD_INCOMPLETE_UNPARSED);
	}
	if (connection->unsure) {
		exchange->http.status_unsure = true;
		exchange->incomplete |= RECORD_INCOMPLETE_RESYNCHRONISED;
	}
	http1_response_to(stream->parser, exchange->http.verb);
	exchange_answer(exchange, head, time);
	exchange->answer_offset = offset;
	connection->draining = !exchange->complete && !exchange->unseen &&
			       connection->request.state == STREAM_READ;
	connection_finish(connection, time);
	connection->answering = exchange;
	end_current_at(connection, connection->spoken, RECORD_END_COMPLETE, offset);
	connection->current = exchange;
	if (head->status == 101 && head->upgrade && head->h2c && !connection->unsure)
		return switch_to_http2(connection);
	if (head->status == 101 || head->framing == HTTP1_BODY_UNTIL_CLOSE)
		return end_of_http(connection);
	return connection->draining ? 0 : release_held(connection);
}

/* The response is not HTTP/1: the request stays without an answer. */
static void response_failed(struct connection *connection, uint64_t time)
{
	struct exchange *exchange = connection->exchange;

	stop_answering(connection);
	stream_lose(&connection->response);
	if (!exchange || connection->unsure) /* so it was no response */
		return;
	exchange->incomplete |= RECORD_INCOMPLETE_UNPARSED;
	if (!exchange->http.parse_error)
		exchange->http.parse_error = "the response is not HTTP/1";
	lose_requests(connection, exchange->end, RECORD_INCOMPLETE_UNPARSED);
	connection_finish(connection, time);
}

static void end_response(struct connection *connection, uint64_t offset, uint64_t time)
{
	tell_over(connection, time);
	stop_answering(connection);
	if (!is_interim(&connection->response.parser->head))
		end_current_at(connection, time, RECORD_END_COMPLETE, offset);
	stream_close(&connection->response);
}

/* The first byte of DATA is at OFFSET. */
static int read_responses(struct connection *connection, const char *data, size_t size,
			  uint64_t offset, uint64_t time)
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
		offset += used;
		if (step == HTTP1_MORE)
			return 0;
		if (step == HTTP1_HEAD)
			error = connection_answered(connection,
						    offset - stream->parser->message_bytes, time);
		if (connection->multiplex)
			return error
				       ?: multiplex_data(connection, CALLERD_RESPONSE, data, size,
							 time);
		if (step == HTTP1_BODY && connection->answering)
			exchange_answer_body(connection->answering, body, body_size);
		else if (step == HTTP1_BODY && connection->current)
			exchange_progress(connection->current, body, body_size);
		else if (step == HTTP1_END)
			end_response(connection, offset, time);
		else if (step == HTTP1_ERROR)
			response_failed(connection, time);
	}
	return error;
}

/* Whether DATA is the beginning of one write of the daemon's, and looks like a response's head. */
static bool begins_response(const struct callerd_data_event *data)
{
	static const char start[] = "HTTP/1.";
	size_t size = data->copied < sizeof(start) - 1 ? data->copied : sizeof(start) - 1;

	if (data->header.flags & CALLERD_FLAG_HEAD)
		return true;
	return data->header.flags & CALLERD_FLAG_TURN && size && !memcmp(data->data, start, size);
}

/* Finishes the request at hand, whose response was not seen. */
static int pass_over(struct connection *connection, uint64_t time)
{
	connection->exchange->incomplete |= connection->missed;
	connection_finish(connection, time);
	return release_held(connection);
}

/* Finishes the requests that were answered in full without being seen: the response that begins now belongs to a later
 * request. */
static int pass_over_answered(struct connection *connection, uint64_t time)
{
	int error = 0;

	while (!error && connection->exchange && connection->exchange->complete &&
	       connection->exchange->end <= connection->served)
		error = pass_over(connection, time);
	return error;
}

/* Whether a response may begin here: there is a request that it may be of. */
static bool may_be_answered(const struct connection *connection)
{
	const struct exchange *exchange = connection->exchange;

	if (exchange) /* of a single byte that was read ahead there is no answer */
		return exchange->end > exchange->offset + 1;
	if (connection->request.state == STREAM_READ) /* all were seen, and are answered */
		return connection->unsure;
	/* What is not known from its beginning on may be in the middle of anything. */
	return connection->requests || connection->doubted ||
	       (connection->connector && !connection->midway &&
		!(connection->flags & CALLERD_FLAG_PREEXISTING));
}

/* A response's head, by its looks, where it is not known where responses begin. It is one for certain if it is
 * the first that the daemon wrote since it began to read the request at hand: then no other response goes
 * on. Else it may be what another one carries: a container's log, a file. */
static int find_response(struct connection *connection, const struct callerd_data_event *data)
{
	const struct exchange *exchange;
	int error = pass_over_answered(connection, data->header.time);

	if (error || !may_be_answered(connection))
		return error;
	exchange = connection->exchange;
	connection->unsure = !exchange || exchange->offset > connection->served ||
			     !(data->header.flags & CALLERD_FLAG_TURN);
	stop_answering(connection);
	stream_close(&connection->response);
	connection->response.state = STREAM_READ;
	return 0;
}

/* What was taken for a request while a response went on was none if that response still goes on. */
static void drop_doubtful(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;

	if (!exchange || !exchange->doubtful)
		return;
	/* While it does, a byte may be read ahead. */
	if (connection->response.parser && exchange->end == exchange->offset + 1)
		return;
	exchange->doubtful = false;
	if (!connection->response.parser) /* it was over */
		return;
	forget_exchange(connection);
	drop_held(connection);
	connection->held_gap = false;
	lose_requests(connection, connection->lost_at, 0);
}

/* The daemon answers: with HTTP/1, where it does not speak HTTP/2, or before the preface was whole. */
static int give_up_preface_for(struct connection *connection, const struct callerd_data_event *data)
{
	bool other = data->copied && data->data[0] == 'H';

	if (!connection->preface ||
	    (connection->multiplex && !(other && multiplex_is_unanswered(connection->multiplex))))
		return 0;
	if (connection->multiplex)
		multiplex_take_back(connection);
	return give_up_preface(connection);
}

/* Whether all of a head that has a record stands in DATA. */
static bool is_response(const struct callerd_data_event *data)
{
	struct http1_parser *parser = malloc(sizeof(*parser));
	const char *body;
	size_t used, body_size;
	bool is;

	if (!parser)
		return false;
	http1_init(parser, HTTP1_RESPONSE);
	is = http1_next(parser, (const char *)data->data, data->copied, &used, &body, &body_size) ==
		     HTTP1_HEAD &&
	     !is_interim(&parser->head);
	free(parser);
	return is;
}

/* What looked like a frame of HTTP/2 was none where the daemon answers in HTTP/1, which goes on then: any client can send what looks
 * so, and what comes behind it is not to be missed for that. That answer has a record: within a frame its looks may be of the client's making, and
 * they are not to hide all. What is neither decides nothing: the daemon may have been in the middle of a frame. The connection's end tells, then. */
static int decide_midway(struct connection *connection, const struct callerd_data_event *data)
{
	if (!connection->multiplex || !multiplex_is_midway(connection->multiplex) || !data->copied)
		return 0;
	if (!begins_response(data))
		return http2_looks_like_frames(HTTP1_RESPONSE, (const char *)data->data,
					       data->copied)
			       ? multiplex_confirm_midway(connection)
			       : 0;
	if (!is_response(data))
		return 0;
	multiplex_free(connection->multiplex);
	connection->multiplex = NULL;
	connection->doubted = true;
	return 0;
}

/* The daemon writes frames where it turned to answering, on a connection of which nothing could be read: it is HTTP/2, however its client cuts what
 * it sends. */
static int meet_frames(struct connection *connection, const struct callerd_data_event *data)
{
	if (connection->multiplex || connection->request.state != STREAM_LOST ||
	    connection->requests || connection->exchange ||
	    !(data->header.flags & CALLERD_FLAG_TURN) ||
	    !http2_looks_like_frames(HTTP1_RESPONSE, (const char *)data->data, data->copied))
		return 0;
	return multiplex_begin_midway(connection, connection->request.next, data->header.time)
		       ?: multiplex_confirm_midway(connection);
}

/* Behind what is copied of a long answer: the chunk that says how it failed, which is copied, too. */
static void read_failure(const struct connection *connection, const struct callerd_data_event *data)
{
	struct bytes bytes = {(const char *)data->data, data->copied};
	const char *end = bytes.size ? memchr(bytes.data, '\n', bytes.size) : NULL;

	if (!connection->current || !end)
		return;
	/* What came before is a line of its own. */
	bytes = bytes_from(bytes, (size_t)(end - bytes.data));
	exchange_progress(connection->current, bytes.data, bytes.size);
}

static int response_data(struct connection *connection, const struct callerd_data_event *data)
{
	struct stream *stream = &connection->response;
	int error = give_up_preface_for(connection, data)
			    ?: decide_midway(connection, data)
			    ?: meet_frames(connection, data);

	if (stream->state == STREAM_OPAQUE)
		return 0;
	if (connection->multiplex)
		return multiplex_data(connection, CALLERD_RESPONSE, (const char *)data->data,
				      data->copied, data->header.time);
	if (data->header.flags & CALLERD_FLAG_UNSEEN && connection->exchange &&
	    !connection->exchange->complete)
		connection->exchange->incomplete |= RECORD_INCOMPLETE_BUDGET;
	if ((stream->state == STREAM_LOST || connection->unsure) && begins_response(data))
		error = find_response(connection, data);
	if (!error && stream->state == STREAM_LOST)
		read_failure(connection, data);
	if (error || stream->state == STREAM_LOST)
		return error;
	drop_doubtful(connection);
	return read_responses(connection, (const char *)data->data, data->copied, data->offset,
			      data->header.time);
}

/* --- both ------------------------------------------------------------------------------------- */

/* SIZE bytes at OFFSET went by unseen. */
static int response_gap(struct connection *connection, uint64_t offset, uint64_t size,
			unsigned int why, uint64_t time)
{
	struct stream *stream = &connection->response;
	struct exchange *exchange = connection->exchange;
	bool within = stream->parser;

	stop_answering(connection);
	if (stream->state == STREAM_OPAQUE)
		return 0;
	if (within && !http1_skip(stream->parser, size))
		return read_responses(connection, "", 0, offset + size, time);
	connection->missed = why;
	stream_lose(stream);
	if (why != RECORD_INCOMPLETE_BUDGET && exchange && !exchange->complete)
		exchange->incomplete |= why; /* its answer may have been among it */
	/* Lost between responses, not just left out: the head of the next one was among it. */
	if (why != RECORD_INCOMPLETE_BUDGET && !within && exchange && exchange->complete)
		return pass_over(connection, time);
	return 0;
}

/* SIZE bytes before DATA, or those of DATA itself, were not seen, up to TIME. */
static int handle_gap(struct connection *connection, const struct callerd_data_event *data,
		      uint64_t size, unsigned int why, uint64_t time)
{
	struct stream *stream = &connection->response;
	int error = 0;

	if (connection->multiplex)
		return multiplex_gap(connection, data->direction, size, why, time);
	if (connection->preface)
		error = give_up_preface(connection);
	if (data->direction == CALLERD_RESPONSE)
		return response_gap(connection, stream->next, size, why, time) ?: error;
	stream = &connection->request;
	if (why == RECORD_INCOMPLETE_LOST && data->header.flags & CALLERD_FLAG_TURN) {
		/* The daemon wrote, and reads on: the answer to the request at hand was lost, too. */
		connection->missed = why;
		note_served(connection, data);
		error = pass_over_answered(connection, time);
		if (!error && connection->exchange && !connection->exchange->has_head) {
			connection->exchange->incomplete |= why;
			connection_finish(connection, time);
			lose_requests(connection, stream->next, why);
		}
	}
	request_gap(connection, stream->next, size, why);
	return error;
}

/* The first bytes that are seen of a stream from which an earlier agent may have read before: where they are not the very
 * first ones, the framing is not known. */
static void begin_inherited(struct connection *connection, struct stream *stream,
			    const struct callerd_data_event *data)
{
	unsigned int bit = 1U << data->direction;

	if (!(connection->inherited & bit))
		return;
	connection->inherited &= ~bit;
	if (!data->offset || stream->state != STREAM_READ)
		return;
	connection->midway = true;
	stream->state = STREAM_LOST;
	stream->next = data->offset;
	if (data->direction == CALLERD_REQUEST)
		connection->lost_at = data->offset;
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
	connection->spoken = data->answered_at;
	begin_inherited(connection, stream, data);
	if (data->offset > stream->next)
		error = handle_gap(connection, data, data->offset - stream->next,
				   lost ? RECORD_INCOMPLETE_LOST : RECORD_INCOMPLETE_BUDGET,
				   connection->spoken ?: data->header.time);
	stream->next = data->offset;
	if (data->header.flags & CALLERD_FLAG_UNREADABLE) {
		error = handle_gap(connection, data, data->length, RECORD_INCOMPLETE_UNREADABLE,
				   data->header.time)
				?: error;
		stream->next += data->length;
		return error;
	}
	stream->next += data->length;
	error = (request ? request_data(connection, data) : response_data(connection, data))
			?: error;
	if (connection->multiplex && multiplex_is_lost(connection->multiplex))
		connection->request.state = connection->response.state = STREAM_OPAQUE;
	return error;
}

static enum record_end end_reason(unsigned int reason, const struct callerd_end_event *end)
{
	if (reason & RECORD_INCOMPLETE_AGENT_STOPPED)
		return RECORD_END_AGENT_STOPPED;
	if (reason & RECORD_INCOMPLETE_EVICTED)
		return RECORD_END_EVICTED;
	switch (end ? end->reason : 0) {
	case CALLERD_END_CLIENT:
		return RECORD_END_CLIENT;
	case CALLERD_END_DAEMON:
		return RECORD_END_DAEMON;
	case CALLERD_END_RESET:
		return RECORD_END_RESET;
	default:
		return RECORD_END_UNKNOWN;
	}
}

/* Ends the current response, since its connection ended. */
static void end_streaming(struct connection *connection, uint64_t time, unsigned int reason,
			  const struct callerd_end_event *end)
{
	struct exchange *exchange = connection->current;

	if (!exchange)
		return;
	if (connection->response.state == STREAM_LOST) /* it may have been over before */
		exchange->end_incomplete = connection->missed;
	if (end && end->received >= exchange->offset && exchange->taken_over) {
		exchange->stream.has_request_bytes = true;
		exchange->stream.request_bytes = end->received - exchange->offset;
	}
	if (end && end->answered >= exchange->answer_offset)
		end_current_at(connection, time, end_reason(reason, end), end->answered);
	else
		end_current(connection, time, end_reason(reason, end));
}

/* Takes in how much the daemon wrote behind the last bytes that were seen. */
static void see_totals(struct connection *connection, const struct callerd_end_event *end)
{
	struct stream *stream = &connection->response;

	if (stream->state != STREAM_READ || end->answered <= stream->next)
		return;
	if (connection->multiplex)
		multiplex_gap(connection, CALLERD_RESPONSE, end->answered - stream->next,
			      RECORD_INCOMPLETE_BUDGET, end->answered_at);
	else
		response_gap(connection, stream->next, end->answered - stream->next,
			     RECORD_INCOMPLETE_BUDGET, end->answered_at);
	stream->next = end->answered;
}

void connection_end(struct connection *connection, uint64_t time, unsigned int reason,
		    const struct callerd_end_event *end)
{
	struct exchange *exchange;
	unsigned int missed;

	if (end)
		see_totals(connection, end);
	/* The answer may be among the bytes that were not seen. */
	missed = connection->response.state == STREAM_LOST ? connection->missed : 0;
	connection->ended = true;
	/* A daemon that speaks HTTP/2 says so at once: this one does not. */
	if (connection->multiplex && multiplex_is_unanswered(connection->multiplex))
		multiplex_take_back(connection);
	if (!connection->multiplex)
		give_up_preface(connection);
	else
		multiplex_end(connection, time, reason, end_reason(reason, end));
	stop_answering(connection);
	end_streaming(connection, time, reason, end);
	/* Held bytes are requests, too, which were never answered. */
	while ((exchange = connection->exchange)) {
		exchange->incomplete |= reason | missed;
		if (!exchange->has_head && !exchange->http.parse_error) {
			exchange->http.parse_error = "ended within its head";
			exchange->incomplete |= RECORD_INCOMPLETE_UNPARSED;
		}
		if (exchange->resynchronised && !exchange->has_head)
			forget_exchange(connection);
		else
			connection_finish(connection, time);
		release_held(connection);
	}
	tell_over(connection, time);
	stream_close(&connection->request);
	stream_close(&connection->response);
}
