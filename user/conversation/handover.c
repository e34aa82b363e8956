// SPDX-License-Identifier: Apache-2.0
#include "conversation/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "conversation/multiplex.h"

#define STATUS_MAX 999

/* Nothing of a request is at hand, and it is known where the next one begins. */
static bool is_between_requests(const struct connection *connection)
{
	const struct stream *request = &connection->request;

	if (connection->ended || connection->exchange || connection->finished ||
	    connection->held_size || connection->held_gap || connection->draining ||
	    connection->unsure || connection->perhaps_taken_over || connection->inherited)
		return false;
	/* Until the daemon has answered it is not known whether it speaks HTTP/2. */
	if (connection->multiplex && multiplex_is_unanswered(connection->multiplex))
		return false;
	return request->state == STREAM_OPAQUE || connection->multiplex ||
	       (request->state == STREAM_READ && !request->parser && !connection->preface);
}

/* Nothing of a response is at hand, but what the record of its end does not need. */
static bool is_between_responses(const struct connection *connection)
{
	const struct exchange *current = connection->current;

	if (current)
		return current == connection->streaming && current->has_head &&
		       current->target_size < CALLERD_HANDED_TARGET_MAX;
	return connection->multiplex ||
	       (connection->response.state == STREAM_READ && !connection->response.parser);
}

static void give_text(char *to, size_t size, struct bytes text)
{
	snprintf(to, size, "%.*s", (int)text.size, text.size ? text.data : "");
}

static void give_request(struct exchange *exchange, struct callerd_handed_request *ret)
{
	struct record record = {.action = RECORD_API_ENDED};
	const struct caller *caller = exchange->caller;

	exchange_describe(exchange, &record);
	*ret = (struct callerd_handed_request){
		.number = exchange->number,
		.offset = exchange->offset,
		.end = exchange->end,
		.answer_offset = exchange->answer_offset,
		.started = exchange->started,
		.finished = exchange->finished,
		.described = exchange->described,
		.request_bytes = exchange->http.request_bytes,
		.status = exchange->http.status,
		.anomalies = exchange->http.anomalies,
		.incomplete = exchange->incomplete,
		.version_minor = exchange->http.version_minor,
		.complete = exchange->complete,
		.has_request_bytes = exchange->http.has_request_bytes,
		.pid = caller ? caller->process.pid : 0,
		.start = caller ? caller->process.start : 0,
	};
	give_text(ret->id, sizeof(ret->id), record.request_id);
	give_text(ret->method, sizeof(ret->method), record.http.method);
	give_text(ret->user_agent, sizeof(ret->user_agent), record.http.user_agent);
	give_text(ret->target, sizeof(ret->target), record.http.target);
}

bool handover_give(const struct connection *connection, struct callerd_handed *ret,
		   struct callerd_handed_http2 *ret_http2)
{
	bool http2 = connection->multiplex && connection->request.state != STREAM_OPAQUE;

	if (!is_between_requests(connection) || !is_between_responses(connection) ||
	    (http2 && !multiplex_give(connection, ret_http2)))
		return false;
	*ret = (struct callerd_handed){
		.next = {connection->request.next, connection->response.next},
		.served = connection->served,
		.message_end = connection->message_end,
		.confirmed = connection->confirmed,
		.spoken = connection->spoken,
		.requests = connection->requests,
		.account = connection->account,
		.socket = connection->socket,
		.flags = connection->flags,
		.opaque = connection->request.state == STREAM_OPAQUE,
		.followed = connection->request.followed << CALLERD_REQUEST |
			    connection->response.followed << CALLERD_RESPONSE,
		.blanks = connection->request.blanks,
		.streaming = connection->current != NULL,
		.http2 = http2,
	};
	if (connection->current)
		give_request(connection->current, &ret->request);
	return true;
}

static bool is_text(const char *text, size_t size)
{
	return strnlen(text, size) < size;
}

bool handover_is_sound(const struct callerd_handed *handed)
{
	const struct callerd_handed_request *request = &handed->request;

	if (handed->blanks > BLANKS_MAX || handed->served > handed->next[CALLERD_REQUEST] ||
	    handed->message_end > handed->next[CALLERD_REQUEST])
		return false;
	if (!handed->streaming)
		return !handed->opaque;
	if (handed->opaque && handed->http2)
		return false;
	return request->status <= STATUS_MAX && request->offset <= request->end &&
	       request->end <= handed->next[CALLERD_REQUEST] &&
	       request->answer_offset <= handed->next[CALLERD_RESPONSE] &&
	       request->started <= request->finished && request->version_minor >= -1 &&
	       request->version_minor <= 9 && is_text(request->id, sizeof(request->id)) &&
	       is_text(request->method, sizeof(request->method)) &&
	       is_text(request->user_agent, sizeof(request->user_agent)) &&
	       is_text(request->target, sizeof(request->target));
}

/* The request as it was when its record was written. */
static struct exchange *take_request(const struct connection *connection,
				     const struct callerd_handed_request *request)
{
	struct exchange *exchange = exchange_new(connection->id, request->number, request->offset,
						 request->started, connection->reader);

	if (!exchange)
		return NULL;
	exchange->account = connection->account;
	exchange->end = request->end;
	exchange->answer_offset = request->answer_offset;
	exchange->has_head = true;
	exchange->complete = request->complete;
	exchange->incomplete = request->incomplete;
	exchange->described = request->described;
	exchange->http.version_minor = request->version_minor;
	exchange->http.anomalies = request->anomalies;
	exchange->http.has_request_bytes = request->has_request_bytes;
	exchange->http.request_bytes = request->request_bytes;
	exchange->http.verb = method_by_name(bytes_of(request->method));
	memcpy(exchange->id, request->id, sizeof(exchange->id));
	memcpy(exchange->method, request->method, sizeof(exchange->method));
	exchange->target = strdup(request->target);
	exchange->target_size = exchange->target ? strlen(exchange->target) : 0;
	exchange->user_agent = *request->user_agent ? strdup(request->user_agent) : NULL;
	return exchange;
}

int handover_take(struct connection *connection, const struct callerd_handed *handed,
		  const struct callerd_handed_http2 *http2, struct caller *caller)
{
	const struct callerd_handed_request *request = &handed->request;
	struct http1_head answer = {.status = (int)request->status,
				    .framing = HTTP1_BODY_UNTIL_CLOSE};
	struct exchange *exchange;

	connection->request.state = connection->response.state =
		handed->opaque ? STREAM_OPAQUE : STREAM_READ;
	connection->request.next = handed->next[CALLERD_REQUEST];
	connection->response.next = handed->next[CALLERD_RESPONSE];
	connection->request.followed = handed->followed >> CALLERD_REQUEST & 1;
	connection->response.followed = handed->followed >> CALLERD_RESPONSE & 1;
	connection->request.blanks = handed->blanks;
	connection->served = handed->served;
	connection->message_end = handed->message_end;
	connection->confirmed = handed->confirmed;
	connection->spoken = handed->spoken;
	connection->requests = handed->requests;
	connection->account = handed->account;
	if (handed->http2 && multiplex_take_up(connection, http2)) {
		/* As of any that is met in its middle. */
		connection->request.state = connection->response.state = STREAM_LOST;
		connection->lost_at = connection->request.next;
		caller_unref(caller);
		return -EINVAL;
	}
	if (!handed->streaming)
		return 0;
	if (!handed->opaque &&
	    !handed->http2) /* where in its body the response is, was not handed over */
		connection->response.state = STREAM_LOST;
	exchange = take_request(connection, request);
	if (!exchange) {
		caller_unref(caller);
		return -ENOMEM;
	}
	exchange_read(exchange, connection->socket);
	exchange_sent(exchange, caller);
	exchange_answer(exchange, &answer, request->finished);
	exchange->awaits_content = false;
	exchange->taken_over = handed->opaque || handed->http2;
	exchange->http.upgraded = handed->http2;
	exchange->written = true;
	exchange->caller = caller;
	connection->current = connection->streaming = exchange;
	return 0;
}
