/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that an agent leaves, and how the next one goes on with it. */
#include "unit.h"

#include "conversation/handover.h"

static uint64_t unpaired, offsets[2];
static struct connection *connection;

static void begin(void)
{
	connection = connection_new(7, 3, 0, 1);
	assert_non_null(connection);
	connection->unpaired = &unpaired;
	offsets[0] = offsets[1] = 0;
}

static void speak(unsigned int direction, const char *bytes)
{
	size_t size = strlen(bytes);
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

/* The next agent's connection is that of HANDED. */
static void hand_over(struct callerd_handed *handed)
{
	assert_true(handover_give(connection, handed));
	assert_true(handover_is_sound(handed));
	connection_free(connection);
	connection = connection_new(7, 3, 0, 1);
	assert_non_null(connection);
	connection->unpaired = &unpaired;
	assert_int_equal(handover_take(connection, handed, NULL), 0);
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
	assert_false(handover_give(connection, &handed)); /* its record is not written */
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
	assert_false(handover_give(connection, &handed));
	speak(CALLERD_REQUEST, "ng HTTP/1.1\r\nHost: docker\r\n\r\n");
	assert_false(handover_give(connection, &handed)); /* no answer yet */
	speak(CALLERD_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nO");
	written();
	assert_true(handover_give(connection, &handed));
	assert_int_equal(handed.streaming, 1);
	speak(CALLERD_REQUEST, PING); /* held */
	assert_false(handover_give(connection, &handed));
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
		cmocka_unit_test(test_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
