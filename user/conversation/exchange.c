// SPDX-License-Identifier: Apache-2.0
#include "conversation/exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "http/grpc.h"
#include "http/url.h"
#include "secret/mask.h"

struct exchange *exchange_new(uint64_t connection, uint64_t number, uint64_t offset, uint64_t time,
			      const struct reader *reader)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->connection = connection;
	exchange->number = number;
	exchange->offset = offset;
	exchange->end = offset;
	exchange->started = time;
	exchange->carrier = connection;
	exchange->reader = reader;
	exchange->http.version_minor = -1;
	exchange->http.outcome = GRPC_UNKNOWN;
	return exchange;
}

void exchange_free(struct exchange *exchange)
{
	if (!exchange)
		return;
	if (exchange->content && exchange->reader->end)
		exchange->reader->end(exchange->content);
	wipe_free(exchange->target, exchange->target_size);
	free(exchange->mime_type);
	free(exchange->user_agent);
	free(exchange->namespace);
	free(exchange->build);
	free(exchange->asked);
	caller_unref(exchange->caller);
	free(exchange);
}

/* A header's value without its secrets; NULL: there is none, or no memory. */
static char *told_header(const char *value, size_t size)
{
	struct text masked = {0};

	if (!size)
		return NULL;
	mask_text(&masked, (struct bytes){value, size});
	text_add_char(&masked, '\0');
	if (masked.error)
		text_free(&masked);
	return masked.data;
}

int exchange_head(struct exchange *exchange, const struct http1_head *head, const char *target)
{
	exchange->has_head = true;
	exchange->http.version_minor = head->version_minor;
	exchange->http.anomalies = head->anomalies;
	if (exchange->resynchronised && head->anomalies & HTTP1_ANOMALY_UNKNOWN_METHOD) {
		/* Rather the end of one, the first bytes of which were not seen. */
		exchange->incomplete |= RECORD_INCOMPLETE_RESYNCHRONISED;
		exchange->http.anomalies &= ~(unsigned int)HTTP1_ANOMALY_UNKNOWN_METHOD;
	} else {
		exchange->http.verb = head->verb;
		memcpy(exchange->method, head->method, sizeof(exchange->method));
	}
	exchange->http.grpc = exchange->http.http2 && exchange->http.verb == METHOD_POST &&
			      grpc_is(head->content_type);
	exchange->target = malloc(head->target_size ? head->target_size : 1);
	if (!exchange->target)
		return -ENOMEM;
	memcpy(exchange->target, target, head->target_size);
	exchange->target_size = head->target_size;
	exchange->http.target_truncated = head->target_truncated;
	/* The media type without its parameters. */
	exchange->mime_type = told_header(head->content_type, strcspn(head->content_type, "; \t"));
	exchange->user_agent = told_header(head->user_agent, strlen(head->user_agent));
	if (exchange->http.grpc)
		exchange->namespace = told_header(head->namespace, strlen(head->namespace));
	if (exchange->http.grpc && *head->build)
		exchange->build = strdup(head->build);
	if (exchange->http.by_engine && *head->asked)
		exchange->asked = strdup(head->asked);
	if (head->framing != HTTP1_BODY_CHUNKED) {
		exchange->http.has_request_bytes = true;
		exchange->http.request_bytes =
			head->framing == HTTP1_BODY_LENGTH ? head->content_length : 0;
	}
	return 0;
}

/* From here on the target is without its secrets. */
/* What is masked takes the place of what it was made of: it is as long in most cases. */
static int replace_target(struct exchange *exchange, struct bytes masked)
{
	char *room = exchange->target;

	if (masked.size > exchange->target_size)
		room = malloc(masked.size);
	if (!room)
		return -ENOMEM;
	explicit_bzero(exchange->target, exchange->target_size);
	if (room != exchange->target)
		free(exchange->target);
	memcpy(room, masked.data, masked.size);
	exchange->target = room;
	exchange->target_size = masked.size;
	return 0;
}

static void mask_target(struct exchange *exchange)
{
	_cleanup_(text_free) struct text masked = {0};
	struct url url;

	if (!exchange->target_size)
		return;
	url_mask(&masked, (struct bytes){exchange->target, exchange->target_size}, &url);
	if (!masked.error && masked.size && !replace_target(exchange, text_since(&masked, 0)))
		return;
	explicit_bzero(exchange->target, exchange->target_size);
	exchange->target_size = 0;
	exchange->http.target_truncated = true;
}

void exchange_read(struct exchange *exchange, uint32_t socket)
{
	const struct reader *reader = exchange->reader;

	if (reader && reader->begin)
		exchange->content = reader->begin(reader->data, exchange, socket);
	mask_target(exchange);
}

void exchange_body(struct exchange *exchange, const char *bytes, size_t size)
{
	if (exchange->content && exchange->reader->request)
		exchange->reader->request(exchange->content, bytes, size);
}

void exchange_body_gap(struct exchange *exchange)
{
	if (exchange->content && exchange->reader->request_gap)
		exchange->reader->request_gap(exchange->content);
}

bool exchange_lends(const struct exchange *exchange)
{
	return exchange->content && exchange->reader->lends &&
	       exchange->reader->lends(exchange->content);
}

size_t exchange_memory(const struct exchange *exchange)
{
	return exchange->content && exchange->reader->memory
		       ? exchange->reader->memory(exchange->content)
		       : 0;
}

/* Where there are more pieces than room, the last one takes in what lies between: rather too many senders than too few. */
void exchange_add_range(struct exchange *exchange, uint64_t begin, uint64_t end)
{
	unsigned int count = exchange->range_count;
	struct senders_range *last = count ? &exchange->ranges[count - 1] : NULL;

	if (last && (begin <= last->end || count == EXCHANGE_RANGES_MAX))
		last->end = end;
	else
		exchange->ranges[exchange->range_count++] = (struct senders_range){begin, end};
	exchange->end = end;
}

void exchange_complete(struct exchange *exchange, unsigned int anomalies, uint64_t body_bytes)
{
	exchange->complete = true;
	exchange->http.anomalies = anomalies;
	if (!exchange->method[0])
		exchange->http.anomalies &= ~(unsigned int)HTTP1_ANOMALY_UNKNOWN_METHOD;
	exchange->http.has_request_bytes = true;
	exchange->http.request_bytes = body_bytes;
}

void exchange_sent(struct exchange *exchange, struct caller *caller)
{
	if (exchange->sender_told || !caller)
		return;
	exchange->sender_told = true;
	if (exchange->content && exchange->reader->sent)
		exchange->reader->sent(exchange->content, caller);
}

void exchange_answer(struct exchange *exchange, const struct http1_head *head, uint64_t time)
{
	exchange->http.status = head->status;
	exchange->finished = time;
	if (head->framing == HTTP1_BODY_LENGTH || head->framing == HTTP1_BODY_NONE) {
		exchange->http.has_response_bytes = head->status != 101;
		exchange->http.response_bytes =
			head->framing == HTTP1_BODY_LENGTH ? head->content_length : 0;
	}
	if (exchange->content && exchange->reader->answered)
		exchange->awaits_content = exchange->reader->answered(
			exchange->content, head->status, exchange->complete,
			!exchange->http.status_unsure, time);
	exchange->awaits_outcome = exchange->http.grpc;
	exchange->follows = exchange->content && exchange->reader->follows &&
			    exchange->reader->follows(exchange->content);
}

void exchange_outcome(struct exchange *exchange, int outcome, uint64_t time)
{
	const struct reader *reader = exchange->reader;

	if (!exchange->awaits_outcome)
		return;
	exchange_stop(exchange);
	exchange->http.outcome = outcome;
	if (!exchange->written)
		exchange->finished = time;
	if (exchange->content && reader->outcome)
		reader->outcome(exchange->content, outcome, exchange->complete, time);
}

void exchange_stop(struct exchange *exchange)
{
	exchange->awaits_content = exchange->awaits_outcome = exchange->follows = false;
}

void exchange_progress(struct exchange *exchange, const char *bytes, size_t size)
{
	if (!exchange->follows || !exchange->reader->progress(exchange->content, bytes, size))
		return;
	exchange->follows = false;
	exchange->failed_late = exchange->written;
}

void exchange_answer_body(struct exchange *exchange, const char *bytes, size_t size)
{
	exchange_progress(exchange, bytes, size);
	if (exchange->awaits_content)
		exchange->reader->response(exchange->content, bytes, size);
}

static struct bytes string_bytes(const char *string)
{
	return string && *string ? (struct bytes){string, strlen(string)} : (struct bytes){};
}

static void describe_duration(const struct exchange *exchange, struct record *record)
{
	uint64_t end = record->action == RECORD_API_ENDED ? exchange->over : exchange->finished;

	if (record->action == RECORD_API_STARTED || exchange->unseen)
		return;
	record->http.has_duration = exchange->http.status && end >= exchange->started;
	record->http.duration = end - exchange->started;
}

void exchange_describe(struct exchange *exchange, struct record *record)
{
	assert(record_is_request(record));
	record->time = record->action == RECORD_API_ENDED ? exchange->over : exchange->started;
	record->connection.request = exchange->number;
	record->incomplete |= exchange->incomplete;
	record->http = exchange->http;
	record->http.begun = exchange->start_told;
	record->http.method = string_bytes(exchange->method);
	if (exchange->target_size)
		record->http.target = (struct bytes){exchange->target, exchange->target_size};
	record->http.mime_type = string_bytes(exchange->mime_type);
	record->http.user_agent = string_bytes(exchange->user_agent);
	if (exchange->http.grpc)
		grpc_split(record->http.target, &record->http.service, &record->http.method_name);
	record->http.namespace = string_bytes(exchange->namespace);
	describe_duration(exchange, record);
	if (record->action == RECORD_API_ENDED) {
		record->stream = exchange->stream;
		record->incomplete |= exchange->end_incomplete;
	}
	if (exchange->content && exchange->reader->describe)
		exchange->reader->describe(exchange->content, exchange->complete, record);
	else if (!exchange->has_head && exchange->reader && exchange->reader->describe_unread)
		exchange->reader->describe_unread(exchange->reader->data, record);
}

void exchange_written(struct exchange *exchange, enum record_action action, struct caller *caller)
{
	assert(!exchange->written); /* its caller is one reference */
	if (exchange->content && exchange->reader->written)
		exchange->reader->written(exchange->content, action);
	if (action != RECORD_API_REQUEST)
		return;
	exchange->written = true;
	exchange->awaits_content = false; /* the reader has let go of what that is read into */
	exchange->outcome_late = exchange->awaits_outcome;
	exchange->caller = caller ? caller_ref(caller) : NULL;
}

bool exchange_has_end(const struct exchange *exchange)
{
	return exchange->over &&
	       (exchange->taken_over || exchange->outcome_late || exchange->failed_late ||
		exchange->over > exchange->finished + EXCHANGE_LONG);
}
