/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that an agent leaves, and how the next one goes on with it. */
#include "framing.h"

#include "conversation/handover.h"
#include "conversation/multiplex.h"

static uint64_t unpaired, offsets[2];
static struct connection *connection;
static struct callerd_handed_http2 http2;

static void begin(void)
{
	connection = connection_new(7, 3, 0, 1);
	assert_non_null(connection);
	connection->unpaired = &unpaired;
	offsets[0] = offsets[1] = 0;
}

static void speak_bytes(unsigned int direction, const char *bytes, size_t size)
{
	struct callerd_data_event *event = calloc(1, sizeof(*event) + size);

	assert_non_null(event);
	event->header.flags = CALLERD_FLAG_TURN;
	event->header.time = 1000 + offsets[0] + offsets[1];
	event->offset = event->confirmed = offsets[direction];
	event->length = event->copied = size;
	event->direction = direction;
	memcpy(event->data, bytes, size);
	offsets[direction] += size;
	assert_int_equal(connection_data(connection, event), 0);
	free(event);
}

static void speak(unsigned int direction, const char *bytes)
{
	speak_bytes(direction, bytes, strlen(bytes));
}

static void speak_text(unsigned int direction, struct text *text)
{
	speak_bytes(direction, text->data, text->size);
	text_cut(text, 0);
}

/* The next agent's connection is that of HANDED. */
static void hand_over(struct callerd_handed *handed)
{
	assert_true(handover_give(connection, handed, &http2));
	assert_true(handover_is_sound(handed));
	connection_free(connection);
	connection = connection_new(7, 3, 0, 1);
	assert_non_null(connection);
	connection->unpaired = &unpaired;
	assert_int_equal(handover_take(connection, handed, handed->http2 ? &http2 : NULL, NULL), 0);
}

#define PING "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
#define PONG "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"

/* As the tracker does when the record is written. */
static void written(void)
{
	assert_non_null(connection->finished);
	exchange_written(connection->finished, RECORD_API_REQUEST, NULL);
	connection_written(connection);
}

static void test_between_requests(void **state)
{
	struct callerd_handed handed;

	begin();
	speak(CALLERD_REQUEST, PING);
	speak(CALLERD_RESPONSE, PONG);
	assert_false(handover_give(connection, &handed, &http2)); /* its record is not written */
	written();
	hand_over(&handed);
	assert_int_equal(handed.streaming, 0);
	speak(CALLERD_REQUEST, PING);
	assert_int_equal(connection->exchange->number, 2);
	assert_int_equal(connection->exchange->incomplete, 0);
	speak(CALLERD_RESPONSE, PONG);
	assert_int_equal(connection->finished->http.status, 200);
	assert_int_equal(connection->finished->incomplete, 0);
	assert_int_equal(unpaired, 0);
	connection_free(connection);
}

static void test_not_within(void **state)
{
	struct callerd_handed handed;

	begin();
	speak(CALLERD_REQUEST, "GET /_pi");
	assert_false(handover_give(connection, &handed, &http2));
	speak(CALLERD_REQUEST, "ng HTTP/1.1\r\nHost: docker\r\n\r\n");
	assert_false(handover_give(connection, &handed, &http2)); /* no answer yet */
	speak(CALLERD_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nO");
	written();
	assert_true(handover_give(connection, &handed, &http2));
	assert_int_equal(handed.streaming, 1);
	speak(CALLERD_REQUEST, PING); /* held */
	assert_false(handover_give(connection, &handed, &http2));
	connection_free(connection);
}

/* Of a response that goes on, the next request tells that it is over. */
static void test_streaming(void **state)
{
	struct callerd_handed handed;
	struct exchange *exchange;

	begin();
	speak(CALLERD_REQUEST, "GET /events HTTP/1.1\r\nHost: docker\r\nUser-Agent: x\r\n\r\n");
	speak(CALLERD_RESPONSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
	written();
	hand_over(&handed);
	assert_string_equal(handed.request.target, "/events");
	exchange = connection->current;
	assert_ptr_equal(exchange, connection->streaming);
	assert_string_equal(exchange->method, "GET");
	assert_string_equal(exchange->user_agent, "x");
	assert_int_equal(exchange->http.status, 200);
	assert_int_equal(exchange->finished, handed.request.finished);
	speak(CALLERD_RESPONSE, "2\r\ncd\r\n0\r\n\r\n");
	speak(CALLERD_REQUEST, PING);
	assert_ptr_equal(connection->finished, exchange);
	assert_int_equal(exchange->stream.end_reason, RECORD_END_COMPLETE);
	assert_int_equal(connection->exchange->number, 2);
	connection_free(connection);
}

static void test_taken_over(void **state)
{
	struct callerd_handed handed;
	struct callerd_end_event end = {.reason = CALLERD_END_CLIENT};
	struct exchange *exchange;

	begin();
	speak(CALLERD_REQUEST, "POST /containers/a/attach HTTP/1.1\r\nHost: docker\r\n"
			       "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
	speak(CALLERD_RESPONSE,
	      "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
	written();
	hand_over(&handed);
	assert_int_equal(handed.opaque, 1);
	exchange = connection->current;
	end.received = offsets[0] + 5;
	end.answered = offsets[1] + 9;
	connection_end(connection, UINT64_MAX / 2, 0, &end);
	assert_ptr_equal(connection->finished, exchange);
	assert_true(exchange_has_end(exchange));
	assert_int_equal(exchange->stream.end_reason, RECORD_END_CLIENT);
	assert_int_equal(exchange->stream.request_bytes, end.received);
	assert_int_equal(exchange->stream.response_bytes, end.answered);
	assert_int_equal(exchange->end_incomplete, 0);
	connection_free(connection);
}

#define HEAD ":method GET\n:scheme http\n:authority d\n:path /_ping?table\nx-mark of-the-table"
#define ANSWER ":status 200\nserver of-the-table"

static nghttp2_hd_deflater *deflaters[2];

static void ask_http2(struct text *out, uint32_t stream)
{
	put_headers(out, deflaters[CALLERD_REQUEST], stream, HEAD, true);
	speak_text(CALLERD_REQUEST, out);
	put_headers(out, deflaters[CALLERD_RESPONSE], stream, ANSWER, true);
	speak_text(CALLERD_RESPONSE, out);
}

/* One request, of which the tables know all; half of a body of another one is there, within its frame. */
static void begin_http2(struct text *out)
{
	const char half[50] = {0};

	begin();
	text_add_string(out, HTTP2_PREFACE);
	put_frame(out, NGHTTP2_SETTINGS, 0, 0, "", 0);
	speak_text(CALLERD_REQUEST, out);
	put_frame(out, NGHTTP2_SETTINGS, 0, 0, "", 0);
	speak_text(CALLERD_RESPONSE, out);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(nghttp2_hd_deflate_new(&deflaters[i], 4096), 0);
	ask_http2(out, 1);
	written();
	put_headers(out, deflaters[CALLERD_REQUEST], 3, HEAD, false);
	text_add(out, "\0\0\x64\0\0\0\0\0\x03", 9); /* 100 bytes of DATA */
	text_add(out, half, sizeof(half));
	speak_text(CALLERD_REQUEST, out);
}

static void end_http2(void)
{
	nghttp2_hd_deflate_del(deflaters[0]);
	nghttp2_hd_deflate_del(deflaters[1]);
	connection_free(connection);
}

/* Its streams are told as cut off. What follows is read as if nothing had happened. */
static void test_http2(void **state)
{
	const char half[50] = {0};
	_cleanup_(text_free) struct text out = {0};
	struct callerd_handed handed;
	struct exchange *exchange;

	begin_http2(&out);
	assert_false(handover_give(connection, &handed, &http2)); /* a stream is open */
	multiplex_end(connection, 9, RECORD_INCOMPLETE_AGENT_STOPPED, RECORD_END_AGENT_STOPPED);
	assert_int_equal(connection->finished->incomplete, RECORD_INCOMPLETE_AGENT_STOPPED);
	written();
	hand_over(&handed);
	assert_int_equal(handed.http2, 1);
	speak_bytes(CALLERD_REQUEST, half, sizeof(half));
	ask_http2(&out, 5);
	exchange = connection->finished;
	assert_non_null(exchange);
	assert_null(exchange->next);
	assert_int_equal(exchange->http.status, 200);
	assert_int_equal(exchange->incomplete, 0);
	assert_int_equal(exchange->number, 3);
	assert_true(
		bytes_are((struct bytes){exchange->target, exchange->target_size}, "/_ping?table"));
	assert_int_equal(unpaired, 0);
	end_http2();
}

/* Within a header block nothing is handed over; what is not sound is a connection that is met in its middle. */
static void test_http2_sound(void **state)
{
	_cleanup_(text_free) struct text out = {0};
	static struct callerd_handed_http2 sound;
	struct callerd_handed handed;

	begin_http2(&out);
	multiplex_end(connection, 9, RECORD_INCOMPLETE_AGENT_STOPPED, RECORD_END_AGENT_STOPPED);
	written();
	assert_true(handover_give(connection, &handed, &sound));
#define ASSERT_HTTP2_UNSOUND(member, value)                                                        \
	do {                                                                                       \
		http2 = sound;                                                                     \
		http2.member = (value);                                                            \
		connection_free(connection);                                                       \
		connection = connection_new(7, 3, 0, 1);                                           \
		connection->unpaired = &unpaired;                                                  \
		assert_int_equal(handover_take(connection, &handed, &http2, NULL), -EINVAL);       \
		assert_int_equal(connection->request.state, STREAM_LOST);                          \
		assert_null(connection->multiplex);                                                \
	} while (0)
	ASSERT_HTTP2_UNSOUND(begins[0], UINT64_MAX);
	ASSERT_HTTP2_UNSOUND(upgrade_end, UINT64_MAX);
	ASSERT_HTTP2_UNSOUND(readers[0].position, 1);
	ASSERT_HTTP2_UNSOUND(readers[1].begin, UINT64_MAX);
	ASSERT_HTTP2_UNSOUND(readers[0].state, 99);
	ASSERT_HTTP2_UNSOUND(readers[0].left, 1 << 24);
	ASSERT_HTTP2_UNSOUND(readers[0].padding, 101);
	ASSERT_HTTP2_UNSOUND(readers[1].have, 9);
	ASSERT_HTTP2_UNSOUND(readers[0].table_size, CALLERD_HANDED_TABLE_MAX + 1);
	ASSERT_HTTP2_UNSOUND(readers[0].table[0], 0xff);
	end_http2();
}

static void test_http2_within_a_head(void **state)
{
	_cleanup_(text_free) struct text out = {0};
	struct callerd_handed handed;

	begin_http2(&out);
	multiplex_end(connection, 9, RECORD_INCOMPLETE_AGENT_STOPPED, RECORD_END_AGENT_STOPPED);
	written();
	put_headers(&out, deflaters[CALLERD_RESPONSE], 3, ANSWER, true);
	speak_bytes(CALLERD_RESPONSE, out.data, 10);
	assert_false(handover_give(connection, &handed, &http2));
	end_http2();
}

static void test_sound(void **state)
{
	struct callerd_handed sound = {.next = {100, 200},
				       .served = 90,
				       .message_end = 100,
				       .streaming = 1},
			      handed;

	sound.request = (struct callerd_handed_request){.offset = 50,
							.end = 100,
							.answer_offset = 150,
							.started = 1,
							.finished = 2,
							.status = 101};
	assert_true(handover_is_sound(&sound));
#define ASSERT_UNSOUND(member, value)                                                              \
	do {                                                                                       \
		handed = sound;                                                                    \
		handed.member = (value);                                                           \
		assert_false(handover_is_sound(&handed));                                          \
	} while (0)
	ASSERT_UNSOUND(blanks, BLANKS_MAX + 1);
	ASSERT_UNSOUND(served, 101);
	ASSERT_UNSOUND(message_end, 101);
	ASSERT_UNSOUND(request.offset, 101);
	handed = (struct callerd_handed){.opaque = 1};
	assert_false(handover_is_sound(&handed)); /* nothing took it over */
	ASSERT_UNSOUND(request.end, 101);
	ASSERT_UNSOUND(request.answer_offset, 201);
	ASSERT_UNSOUND(request.started, 3);
	ASSERT_UNSOUND(request.status, 1000);
	ASSERT_UNSOUND(request.version_minor, 10);
	ASSERT_UNSOUND(request.version_minor, -2);
#define ASSERT_UNENDED(member)                                                                     \
	do {                                                                                       \
		handed = sound;                                                                    \
		memset(handed.request.member, 'x', sizeof(handed.request.member));                 \
		assert_false(handover_is_sound(&handed));                                          \
	} while (0)
	ASSERT_UNENDED(id);
	ASSERT_UNENDED(method);
	ASSERT_UNENDED(user_agent);
	ASSERT_UNENDED(target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_between_requests),
		cmocka_unit_test(test_not_within),
		cmocka_unit_test(test_streaming),
		cmocka_unit_test(test_taken_over),
		cmocka_unit_test(test_http2),
		cmocka_unit_test(test_http2_sound),
		cmocka_unit_test(test_http2_within_a_head),
		cmocka_unit_test(test_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
