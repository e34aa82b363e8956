// SPDX-License-Identifier: Apache-2.0
/*
 * Conversations as the kernel would tell them, and the records that are to come of them, one line of text
 * each. A conversation is a function that is played several times: its bytes in the pieces that it
 * names, one by one, and in pieces of random sizes. The records must be the same.
 */
#include <arpa/inet.h>
#include "unit.h"

#include "framing.h"

#include "base/text.h"
#include "conversation/connection.h"
#include "conversation/tracker.h"
#include "http/grpc.h"
#include "process/decode.h"
#include "record/names.h"

#define SENDER_WAIT (200 * NS_PER_MS)
#define WIRES_MAX 128
#define RANDOM_SPLITS 12
#define HOST "Host: docker\r\n"
#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"

/* --- the kernel's side ------------------------------------------------------------------------ */

enum split { SPLIT_NOT, SPLIT_BYTES, SPLIT_RANDOM };

/* A connection as the kernel knows it. */
struct wire {
	uint64_t offset[2];
	uint64_t sent; /* known to have its senders; moves along unless .unconfirmed */
	uint32_t span;
	int speaking;
	bool unconfirmed;
	uint64_t answered_at;
	bool skipped;	/* bytes of the request were not copied in this turn */
	uint32_t flags; /* of all its events */
};

struct world {
	enum split split;
	unsigned int random;
	struct tracker *tracker;
	struct tracker_options options;
	struct wire wires[WIRES_MAX];
	uint64_t now;
	uint32_t flags; /* of the next event only */
	struct text told;
	bool timed;		  /* tell the times, too */
	uint32_t mute[WIRES_MAX]; /* the last wish of each connection */
	unsigned int mutes[WIRES_MAX];
	uint64_t account;    /* of the events */
	uint32_t door;	     /* the same; if it is not 0, it is told */
	uint64_t evicted[2]; /* of account 7, of others */
};

static const char *const sockets[] = {"/run/docker.sock", "/run/other.sock"};

static void say(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct world *world, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	text_add_string(&world->told, line);
}

static void say_incomplete(struct world *world, unsigned int bits)
{
	static const char *const names[] = {
		"budget",    "lost",	       "unparsed",	"resynchronised", "unconfirmed",
		"senders",   "connector-lost", "agent-stopped", "evicted",	  "unreadable",
		"ambiguous", "sender-lost",    "unfinished",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (bits & 1u << i)
			say(world, " !%s", names[i]);
}

static void say_caller(struct world *world, const char *what, const struct caller *caller)
{
	if (!caller) {
		say(world, " %s nobody", what);
		return;
	}
	say(world, " %s %.*s", what, (int)caller->process.name.size, caller->process.name.data);
	say(world, "%u", caller->process.pid);
	assert_int_equal(caller->process.euid, caller->process.pid);
}

static void say_tcp(struct world *world, const struct record_connection *connection)
{
	const struct record_tcp *tcp = connection->tcp;

	if (tcp)
		say(world, " from %s:%u to %s:%u%s, %s", tcp->source, tcp->source_port,
		    tcp->destination, tcp->destination_port, tcp->tls ? " tls" : "",
		    connection->basis ?: "unknown");
}

static void say_request(struct world *world, const struct record *record)
{
	const struct record_http *http = &record->http;

	say(world, "%llu.%llu", (unsigned long long)record->connection.id,
	    (unsigned long long)record->connection.request);
	if (http->method.size)
		say(world, " %.*s %.*s", (int)http->method.size, http->method.data,
		    http->target.size > 60 ? 60 : (int)http->target.size, http->target.data);
	if (http->has_request_bytes && http->request_bytes)
		say(world, " +%llu", (unsigned long long)http->request_bytes);
	if (http->status)
		say(world, " -> %d", http->status);
	if (http->grpc && http->outcome != GRPC_UNKNOWN)
		say(world, " %s", grpc_status_name(http->outcome));
	if (http->by_engine)
		say(world, " asked");
	if (http->has_response_bytes && http->response_bytes)
		say(world, " +%llu", (unsigned long long)http->response_bytes);
	say_caller(world, "by", record->caller);
	if (record->connector)
		say_caller(world, "via", record->connector);
	for (unsigned int i = 0; i < record->candidate_count; i++)
		say_caller(world, i ? "or" : "candidates", record->candidates[i]);
	if (record->candidates_cut)
		say(world, " or more");
	if (record->connection.preexisting)
		say(world, " preexisting");
	say_tcp(world, &record->connection);
	say_incomplete(world, record->incomplete);
	if (http->parse_error)
		say(world, " (%s)", http->parse_error);
	if (world->timed)
		say(world, " @%llu+%llu", (unsigned long long)record->time,
		    (unsigned long long)http->duration);
	assert_true(http->status || !http->has_duration);
	assert_int_equal(!!(record->incomplete & RECORD_INCOMPLETE_UNPARSED), !!http->parse_error);
}

static void say_end(struct world *world, const struct record *record)
{
	const struct record_stream *stream = &record->stream;

	say(world, " %s after %llums", name_end(stream->end_reason),
	    (unsigned long long)(record->http.duration / NS_PER_MS));
	if (stream->has_request_bytes)
		say(world, " in %llu", (unsigned long long)stream->request_bytes);
	if (stream->has_response_bytes)
		say(world, " out %llu", (unsigned long long)stream->response_bytes);
}

static void on_record(void *data, struct record *record)
{
	struct world *world = data;

	switch (record->action) {
	case RECORD_SOCKET_CONNECTED:
		say(world, "%llu connected", (unsigned long long)record->connection.id);
		say_caller(world, "by", record->caller);
		say_tcp(world, &record->connection);
		if (record->connection.tcp)
			say_incomplete(world, record->incomplete);
		break;
	case RECORD_SOCKET_REFUSED:
		say(world, "refused %d %.*s", record->error, (int)record->address.size,
		    record->address.data);
		say_caller(world, "by", record->caller);
		break;
	case RECORD_API_STARTED:
		say(world, "started ");
		say_request(world, record);
		break;
	case RECORD_API_REQUEST:
		say_request(world, record);
		break;
	case RECORD_API_ENDED:
		say(world, "ended ");
		say_request(world, record);
		say_end(world, record);
		break;
	default:
		fail_msg("action %d", record->action);
	}
	if (world->door)
		say(world, " at %.*s", (int)record->connection.socket.size,
		    record->connection.socket.data);
	assert_true(record->connection.socket.data == sockets[0] ||
		    record->connection.socket.data == sockets[1]);
	say(world, "\n");
}

#define MUTED (CALLERD_MUTE_REQUEST | CALLERD_MUTE_RESPONSE)

static void on_mute(void *data, uint64_t connection, uint32_t bits)
{
	struct world *world = data;

	assert_true(connection < WIRES_MAX);
	assert_true(!bits || bits == MUTED || bits == CALLERD_FORGOTTEN);
	world->mute[connection] = bits;
	world->mutes[connection] += bits == MUTED;
}

/* Hands an event over in memory of just its size. */
static void emit(struct world *world, const void *event, size_t size, uint32_t socket)
{
	struct event decoded;
	void *copy = malloc(size);

	memcpy(copy, event, size);
	assert_int_equal(decode_event(copy, size, NULL, &decoded), 0);
	tracker_event(world->tracker, &decoded, socket);
	free(copy);
}

static struct callerd_event_header header(struct world *world, uint32_t type, size_t size,
					  uint64_t id)
{
	struct callerd_event_header made = {
		.type = type,
		.size = (uint32_t)size,
		.time = world->now,
		.connection = id,
		.account = world->account,
		.socket = world->door,
		.flags = world->flags | (id ? world->wires[id].flags : 0),
	};

	assert_true(id < WIRES_MAX);
	world->flags = 0;
	return made;
}

static struct callerd_text add_text(struct callerd_caller_event *event, const char *data,
				    size_t size)
{
	struct callerd_text text = {event->text_size, (uint16_t)size, 0};

	memcpy(event->text + event->text_size, data, size);
	event->text_size += (uint32_t)size;
	return text;
}

/* The process PID runs NAME, an image of its own, and its effective UID is its PID. */
static void emit_caller(struct world *world, uint32_t type, uint64_t id, uint64_t offset,
			uint32_t pid, const char *name)
{
	static struct callerd_caller_event event;
	size_t size;

	memset(&event, 0, offsetof(struct callerd_caller_event, text));
	event.pid = event.tid = event.euid = pid;
	event.start = pid * 1000;
	event.offset = offset;
	event.span = world->wires[id].span;
	event.login_uid = event.session = CALLERD_UNSET_ID;
	snprintf(event.comm, sizeof(event.comm), "%s", name);
	event.argv = add_text(&event, name, strlen(name) + 1);
	event.exe = event.argv;
	if (type == CALLERD_EVENT_REFUSED) {
		event.address = add_text(&event, sockets[0], strlen(sockets[0]) + 1);
		event.error = 13;
	}
	size = offsetof(struct callerd_caller_event, text) + event.text_size;
	event.header = header(world, type, size, id);
	emit(world, &event, size, 0);
}

static void step(struct world *world)
{
	world->now += NS_PER_MS;
}

static void connects(struct world *world, uint64_t id, uint32_t pid)
{
	step(world);
	emit_caller(world, CALLERD_EVENT_CONNECT, id, 0, pid, "p");
}

/* Begins a span at OFFSET. */
static void sender_at(struct world *world, uint64_t id, uint64_t offset, uint32_t pid)
{
	world->wires[id].span++;
	emit_caller(world, CALLERD_EVENT_SENDER, id, offset, pid, "p");
}

/* Joins the present span: bytes from OFFSET on may be its own. */
static void joins_at(struct world *world, uint64_t id, uint64_t offset, uint32_t pid)
{
	world->flags = CALLERD_FLAG_OVERLAP;
	emit_caller(world, CALLERD_EVENT_SENDER, id, offset, pid, "p");
}

/* From the next byte on. */
static void sender(struct world *world, uint64_t id, uint32_t pid)
{
	sender_at(world, id, world->wires[id].offset[CALLERD_REQUEST], pid);
}

static void peer(struct world *world, uint64_t id, uint32_t pid)
{
	struct callerd_peer_event event = {.start = pid * 1000, .pid = pid, .uid = pid, .gid = pid};

	step(world);
	world->wires[id].flags |= CALLERD_FLAG_PREEXISTING;
	event.header = header(world, CALLERD_EVENT_PEER, sizeof(event), id);
	emit(world, &event, sizeof(event), 0);
}

static void emit_data(struct world *world, uint64_t id, int direction, const char *data,
		      size_t copied, size_t length)
{
	struct wire *wire = &world->wires[id];
	struct callerd_data_event *event = calloc(1, sizeof(*event) + copied);

	event->header = header(world, CALLERD_EVENT_DATA, sizeof(*event) + copied, id);
	if (direction == CALLERD_RESPONSE && wire->skipped)
		event->header.flags |= CALLERD_FLAG_UNSEEN;
	event->offset = wire->offset[direction];
	event->confirmed = wire->sent;
	event->span = wire->span;
	event->answered_at = wire->answered_at;
	event->length = (uint32_t)length;
	event->copied = (uint32_t)copied;
	event->direction = (uint32_t)direction;
	memcpy(event->data, data, copied);
	emit(world, event, sizeof(*event) + copied, 0);
	free(event);
	wire->offset[direction] += length;
	if (direction == CALLERD_RESPONSE)
		wire->answered_at = world->now;
}

/* The daemon turned to this direction. */
static void turn(struct world *world, uint64_t id, int direction)
{
	struct wire *wire = &world->wires[id];

	if (wire->speaking != direction)
		world->flags |= CALLERD_FLAG_TURN;
	if (wire->speaking != direction && direction == CALLERD_REQUEST)
		wire->skipped = false;
	wire->speaking = direction;
}

static size_t piece(struct world *world, size_t left)
{
	size_t size = left;

	if (world->split == SPLIT_BYTES)
		size = 1;
	else if (world->split == SPLIT_RANDOM)
		size = 1 + (size_t)rand_r(&world->random) % (left > 40 ? left / 3 : 20);
	if (size > CALLERD_DATA_MAX)
		size = CALLERD_DATA_MAX;
	return size < left ? size : left;
}

static void speak(struct world *world, uint64_t id, int direction, const char *data, size_t size)
{
	struct wire *wire = &world->wires[id];

	step(world);
	turn(world, id, direction);
	if (direction == CALLERD_REQUEST && !wire->unconfirmed)
		wire->sent = wire->offset[CALLERD_REQUEST] + size;
	while (size) {
		size_t now = piece(world, size);

		emit_data(world, id, direction, data, now, now);
		data += now;
		size -= now;
	}
}

static void asks(struct world *world, uint64_t id, const char *text)
{
	speak(world, id, CALLERD_REQUEST, text, strlen(text));
}

static void answers(struct world *world, uint64_t id, const char *text)
{
	speak(world, id, CALLERD_RESPONSE, text, strlen(text));
}

/* SIZE bytes of filler. */
static void speak_filler(struct world *world, uint64_t id, int direction, char byte, size_t size)
{
	char *data = malloc(size);

	memset(data, byte, size);
	speak(world, id, direction, data, size);
	free(data);
}

/* SIZE bytes that the kernel did not copy: beyond the budget. */
static void unseen(struct world *world, uint64_t id, int direction, size_t size)
{
	struct wire *wire = &world->wires[id];

	turn(world, id, direction);
	world->flags = 0;
	wire->skipped |= direction == CALLERD_REQUEST;
	wire->offset[direction] += size;
	if (direction == CALLERD_RESPONSE)
		wire->answered_at = world->now;
	if (direction == CALLERD_REQUEST && !wire->unconfirmed)
		wire->sent = wire->offset[direction];
}

/* SIZE bytes for which the ring had no room. The next event of the direction says so, and that it is the
 * first one after a turn if none was before. */
static void lost(struct world *world, uint64_t id, int direction, size_t size)
{
	uint32_t turned = world->wires[id].speaking != direction ? CALLERD_FLAG_TURN : 0;

	unseen(world, id, direction, size);
	world->wires[id].skipped = false;
	world->flags = CALLERD_FLAG_LOST_BEFORE | turned;
}

/* The flags that lost() left are of the next event of DIRECTION, which is not the next event. */
static uint32_t put_off(struct world *world)
{
	uint32_t flags = world->flags;

	world->flags = 0;
	return flags;
}

/* SIZE bytes in a buffer that the kernel could not read. */
static void unreadable(struct world *world, uint64_t id, int direction, size_t size)
{
	struct wire *wire = &world->wires[id];

	step(world);
	turn(world, id, direction);
	world->flags |= CALLERD_FLAG_UNREADABLE;
	if (direction == CALLERD_REQUEST && !wire->unconfirmed)
		wire->sent = wire->offset[direction] + size;
	emit_data(world, id, direction, "", 0, size);
}

static void sent(struct world *world, uint64_t id, uint64_t offset)
{
	struct callerd_sent_event event = {.offset = offset};

	event.header = header(world, CALLERD_EVENT_SENT, sizeof(event), id);
	emit(world, &event, sizeof(event), 0);
}

static void ends(struct world *world, uint64_t id)
{
	const struct wire *wire = &world->wires[id];
	struct callerd_end_event event = {
		.reason = CALLERD_END_CLIENT,
		.received = wire->offset[CALLERD_REQUEST],
		.answered = wire->offset[CALLERD_RESPONSE],
		.answered_at = wire->answered_at,
	};

	step(world);
	event.header = header(world, CALLERD_EVENT_END, sizeof(event), id);
	emit(world, &event, sizeof(event), 0);
}

/* Connection ID came about over TCP, from FROM of IPv4. BITS: CALLERD_FLAG_ bits. */
static void accepted(struct world *world, uint64_t id, uint32_t from, uint32_t bits)
{
	struct callerd_accept_event event = {
		.from = {{0, 0, htonl(0xffff), htonl(from)}, 40000},
		.to = {{0, 0, htonl(0xffff), htonl(0x7f000001)}, 2375},
	};

	step(world);
	world->wires[id].flags |= CALLERD_FLAG_TCP | bits;
	event.header = header(world, CALLERD_EVENT_ACCEPT, sizeof(event), id);
	emit(world, &event, sizeof(event), 0);
}

static void flush(struct world *world)
{
	tracker_flush(world->tracker, world->now);
}

static uint64_t unpaired(struct world *world)
{
	struct tracker_stats stats;

	tracker_stats(world->tracker, &stats);
	return stats.unpaired;
}

/* Calls whose path ends so lend a session. */
#define LENDING "/Session"

static void *begin_lending(void *data, const struct exchange *exchange, uint32_t socket)
{
	size_t size = strlen(LENDING);
	bool lends = exchange->target_size >= size &&
		     !memcmp(exchange->target + exchange->target_size - size, LENDING, size);

	(void)data;
	(void)socket;
	return lends ? "it lends" : NULL;
}

static bool lends_session(const void *content)
{
	return content;
}

/* What such a one says behind its answer may be that it failed. */
static bool follows_content(const void *content)
{
	return content;
}

static bool says_failure(void *content, const char *bytes, size_t size)
{
	(void)content;
	return memmem(bytes, size, "FAILED", 6);
}

static const struct reader lending = {
	.begin = begin_lending,
	.lends = lends_session,
	.follows = follows_content,
	.progress = says_failure,
};

/* --- playing ---------------------------------------------------------------------------------- */

typedef void (*talk_fn)(struct world *world);

static void world_begin(struct world *world, enum split split, unsigned int seed)
{
	*world = (struct world){
		.split = split,
		.random = seed,
		.options =
			{
				.connections_max = 1000,
				.memory_max = 64 << 20,
				.sender_wait = SENDER_WAIT,
				.reader = &lending,
				.sockets = sockets,
				.socket_count = 2,
				.data = world,
				.record = on_record,
				.mute = on_mute,
			},
		.now = 1000 * NS_PER_MS,
	};
	for (size_t i = 0; i < WIRES_MAX; i++)
		world->wires[i].speaking = CALLERD_RESPONSE;
	assert_int_equal(tracker_new(&world->options, &world->tracker), 0);
}

static void world_end(struct world *world)
{
	struct tracker_stats stats;

	tracker_stats(world->tracker, &stats);
	assert_int_equal(stats.no_memory, 0);
	tracker_free(world->tracker);
	for (size_t i = 0; i < WIRES_MAX && !stats.evicted; i++)
		assert_int_equal(world->mute[i], 0);
	assert_int_equal(world->told.error, 0);
	text_free(&world->told);
}

static void play(talk_fn talk, enum split split, unsigned int seed, const char *expected)
{
	struct world world;
	const char *told;

	world_begin(&world, split, seed);
	talk(&world);
	tracker_flush(world.tracker, world.now);
	told = world.told.data ? world.told.data : "";
	if (strcmp(told, expected))
		print_error("split %d, seed %u:\n", split, seed);
	assert_string_equal(told, expected);
	world_end(&world);
}

static void check(talk_fn talk, const char *expected)
{
	play(talk, SPLIT_NOT, 0, expected);
	play(talk, SPLIT_BYTES, 0, expected);
	for (unsigned int seed = 1; seed <= RANDOM_SPLITS; seed++)
		play(talk, SPLIT_RANDOM, seed, expected);
}

/* A test is a conversation and what is told of it. */
#define TEST(name, expected)                                                                       \
	static void talk_##name(struct world *world);                                              \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		check(talk_##name, expected);                                                      \
	}                                                                                          \
	static void talk_##name(struct world *world)

/* The same of one where it matters what came in one read or write. */
#define TEST_WHOLE(name, expected)                                                                 \
	static void talk_##name(struct world *world);                                              \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		play(talk_##name, SPLIT_NOT, 0, expected);                                         \
	}                                                                                          \
	static void talk_##name(struct world *world)

/* --- requests and responses ------------------------------------------------------------------- */

TEST(one_request, "1 connected by p10\n"
		  "1.1 GET /_ping -> 200 +2 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, "GET /_ping HTTP/1.1\r\n" HOST "\r\n");
	flush(world);
	answers(world, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
}

TEST(keep_alive, "1 connected by p10\n"
		 "1.1 HEAD /_ping -> 200 by p10\n"
		 "1.2 POST /a +5 -> 201 +2 by p10\n"
		 "1.3 POST /b +7 -> 200 by p10\n"
		 "1.4 DELETE /c -> 204 by p10\n"
		 "1.5 GET /d -> 304 by p10\n"
		 "1.6 GET /e -> 404 +3 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, "HEAD /_ping HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
	answers(world, 1, CREATED);
	asks(world, 1,
	     "POST /b HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	     "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
	answers(world, 1,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
	asks(world, 1, "DELETE /c HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, "HTTP/1.1 204 No Content\r\n\r\n");
	asks(world, 1, "GET /d HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
	asks(world, 1, "GET /e HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n{}\n");
}

TEST(continued, "1 connected by p10\n"
		"1.1 POST /a +5 -> 201 +2 by p10\n"
		"1.2 GET /b -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "POST /a HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	answers(world, 1, "HTTP/1.1 100 Continue\r\n\r\n");
	asks(world, 1, "hello");
	answers(world, 1, "HTTP/1.1 102 Processing\r\n\r\n");
	answers(world, 1, CREATED);
	asks(world, 1, "GET /b HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, OK_EMPTY);
}

/* The daemon answers before it has read the body, reads the rest of it, and then the next request. */
TEST(answered_early, "1 connected by p10\n"
		     "1.1 POST /a +10 -> 400 by p10\n"
		     "1.2 GET /b -> 200 by p10\n"
		     "1.3 POST /c -> 400 by p10\n"
		     "1.4 GET /d -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n12345");
	answers(world, 1, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
	asks(world, 1, "GET /GET /b HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, OK_EMPTY);
	asks(world, 1, "POST /c HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n9\r\nab");
	answers(world, 1, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
	asks(world, 1, "cdefghi\r\n0\r\n\r\n");
	asks(world, 1, "GET /d HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, OK_EMPTY);
}

TEST(pipelined, "1 connected by p10\n"
		"1.1 GET /a -> 200 by p10\n"
		"1.2 POST /b +3 -> 201 +2 by p10\n"
		"1.3 GET /c -> 200 by p10\n"
		"1.4 GET /d -> 404 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "GET /a HTTP/1.1\r\n" HOST "\r\nPOST /b HTTP/1.1\r\n" HOST
	     "Content-Length: 3\r\n\r\nxyzGET /c HTTP/1.1\r\n" HOST "\r\nGET /d HTT");
	answers(world, 1, OK_EMPTY);
	flush(world);
	answers(world, 1, CREATED);
	asks(world, 1, "P/1.1\r\n" HOST "\r\n");
	answers(world, 1, OK_EMPTY "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* Whatever was read ahead and never answered was asked all the same. */
TEST(pipelined_unanswered, "1 connected by p10\n"
			   "1.1 GET /a by p10\n"
			   "1.2 GET /b by p10\n"
			   "1.3 GET /c by p10\n"
			   "1.4 by p10 !unparsed (ended within its head)\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "GET /a HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST "\r\n"
	     "GET /c HTTP/1.1\r\n" HOST "\r\nGET /d HTTP");
	ends(world, 1);
}

TEST(no_answer, "1 connected by p10\n"
		"1.1 POST /a +9 by p10\n"
		"2 connected by p11\n"
		"2.1 by p11 !unparsed (ended within its head)\n"
		"3 connected by p12\n")
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhalf");
	ends(world, 1);
	flush(world);
	connects(world, 2, 11);
	asks(world, 2, "GET /a HTTP/1.1\r\nHo");
	ends(world, 2);
	flush(world);
	connects(world, 3, 12);
	ends(world, 3);
}

TEST(malformed, "1 connected by p10\n"
		"1.1 -> 400 by p10 !unparsed (malformed request line)\n"
		"2 connected by p11\n"
		"2.1 GET /fine -> 200 by p11\n")
{
	connects(world, 1, 10);
	asks(world, 1, "\x16\x03\x01garbage\r\n\r\n");
	answers(world, 1,
		"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: "
		"close\r\n\r\n400");
	ends(world, 1);
	flush(world);
	connects(world, 2, 11);
	asks(world, 2, "GET /fine HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 2, OK_EMPTY);
	flush(world);
}

TEST(malformed_unanswered, "1 connected by p10\n"
			   "1.1 by p10 !unparsed (malformed request line)\n")
{
	connects(world, 1, 10);
	asks(world, 1, "garbage\r\n\r\n");
	ends(world, 1);
}

/* The body's framing breaks after the head was acted on. */
TEST(malformed_body, "1 connected by p10\n"
		     "1.1 POST /a -> 400 by p10 !unparsed (malformed chunk size)\n"
		     "1.2 GET /b -> 200 by p10 !resynchronised\n")
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n");
	answers(world, 1, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
	asks(world, 1, "GET /b HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, OK_EMPTY);
}

/* Nobody asked for anything. */
TEST(http2_preface, "1 connected by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	speak(world, 1, CALLERD_RESPONSE, "\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0", 15);
	ends(world, 1);
}

TEST(not_http_at_all, "1 connected by p10\n"
		      "1.1 GET /a by p10 !unparsed (the response is not HTTP/1)\n")
{
	connects(world, 1, 10);
	asks(world, 1, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, "220 mail.example ESMTP\r\n");
	answers(world, 1, "250 fine\r\n");
	ends(world, 1);
}

/* A head that the daemon gives up on. */
TEST(answered_within_head, "1 connected by p10\n"
			   "1.1 -> 408 by p10 !unparsed (answered before its head was complete)\n")
{
	connects(world, 1, 10);
	asks(world, 1, "GET /a HTTP/1.1\r\nHost");
	answers(world, 1, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
	asks(world, 1, "more of it");
	ends(world, 1);
}

static void talk_times(struct world *world)
{
	world->timed = true;
	connects(world, 1, 10);
	asks(world, 1, "G"); /* Go's background read */
	world->now += 5;
	asks(world, 1, "ET /a HTTP/1.1\r\n" HOST "\r\n");
	world->now += 20 * NS_PER_MS;
	answers(world, 1, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
	answers(world, 1, "body");
}

static void test_times(void **state)
{
	check(talk_times, "1 connected by p10\n"
			  "1.1 GET /a -> 200 +4 by p10 @1002000000+22000005\n");
}

/* --- takeovers -------------------------------------------------------------------------------- */

#define RAW "Content-Type: application/vnd.docker.raw-stream\r\n"

static void taken_over(struct world *world)
{
	assert_int_equal(world->mute[1], MUTED);
	asks(world, 1, "GET /typed HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	unseen(world, 1, CALLERD_REQUEST, 100);
	unseen(world, 1, CALLERD_RESPONSE, 100);
	asks(world, 1, "POST /typed HTTP/1.1\r\n" HOST "\r\n");
	flush(world);
	ends(world, 1);
	flush(world);
	assert_int_equal(world->mutes[1], 1);
	assert_int_equal(world->mute[1], 0);
}

TEST(upgraded,
     "1 connected by p10\n"
     "1.1 POST /containers/x/attach -> 101 by p10\n"
     "ended 1.1 POST /containers/x/attach -> 101 by p10 client after 5ms in 262 out 250\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "POST /containers/x/attach HTTP/1.1\r\n" HOST
	     "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
	answers(world, 1,
		"HTTP/1.1 101 UPGRADED\r\n" RAW "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nout");
	taken_over(world);
}

TEST(taken_over_by_200, "1 connected by p10\n"
			"1.1 POST /exec/x/start +2 -> 200 by p10\n"
			"ended 1.1 POST /exec/x/start +2 -> 200 by p10 client after 5ms in 241 "
			"out 209\n")
{
	connects(world, 1, 10);
	asks(world, 1, "POST /exec/x/start HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}");
	answers(world, 1, "HTTP/1.1 200 OK\r\n" RAW "\r\nout");
	taken_over(world);
}

/* What the client sent ahead of the takeover is not HTTP. */
TEST(taken_over_with_held, "1 connected by p10\n"
			   "1.1 POST /attach -> 101 by p10\n"
			   "ended 1.1 POST /attach -> 101 by p10 client after 2ms in 111 out 60\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "POST /attach HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
	     "GET /typed HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
	ends(world, 1);
}

/* The takeover that fails stays HTTP. */
TEST(upgrade_refused, "1 connected by p10\n"
		      "1.1 POST /attach -> 404 +2 by p10\n"
		      "1.2 GET /b -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "POST /attach HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
	answers(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
	asks(world, 1, "GET /b HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, OK_EMPTY);
	assert_int_equal(world->mutes[1], 0);
}

/* An endless response is written when its head is seen; so is one until close. */
TEST(endless, "1 connected by p10\n"
	      "1.1 GET /events -> 200 by p10\n"
	      "2 connected by p11\n"
	      "2.1 GET /old -> 200 by p11\n"
	      "ended 2.1 GET /old -> 200 by p11 client after 2ms in 21 out 36\n")
{
	connects(world, 1, 10);
	asks(world, 1, "GET /events HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	flush(world);
	for (int i = 0; i < 20; i++)
		answers(world, 1, "4\r\nevnt\r\n");
	unseen(world, 1, CALLERD_RESPONSE, 100000);
	answers(world, 1, "nt\r\n4\r\nevnt\r\n");
	ends(world, 1);
	connects(world, 2, 11);
	asks(world, 2, "GET /old HTTP/1.0\r\n\r\n");
	answers(world, 2, "HTTP/1.0 200 OK\r\n\r\nall until the end");
	ends(world, 2);
}

/* --- senders ---------------------------------------------------------------------------------- */

#define GET_A "GET /a HTTP/1.1\r\n" HOST "\r\n"
#define GET_B "GET /b HTTP/1.1\r\n" HOST "\r\n"

/* The rings are read one after the other: what belongs to a request may come after it. */
TEST(any_order, "1 connected by p10\n"
		"1.1 GET /a -> 200 by p11 via p10\n"
		"1.2 GET /b -> 200 by p12 via p10\n")
{
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
	ends(world, 1);
	connects(world, 1, 10);
	sender_at(world, 1, 0, 11);
	sender_at(world, 1, strlen(GET_A), 12);
}

TEST(senders_in_turn, "1 connected by p10\n"
		      "1.1 GET /a -> 200 by p10\n"
		      "1.2 GET /b -> 200 by p11 via p10\n"
		      "1.3 GET /a -> 200 by p10\n"
		      "1.4 GET /b -> 200 by p12 via p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	sender(world, 1, 11);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
	sender(world, 1, 10);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	flush(world);
	sender(world, 1, 12);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* Pipelined by two processes: each request has its own sender, to the byte. */
TEST(senders_pipelined, "1 connected by p10\n"
			"1.1 GET /a -> 200 by p11 via p10\n"
			"1.2 GET /b -> 200 by p12 via p10\n"
			"1.3 GET /a -> 200 by p12 via p10 candidates p12 or p13 !senders\n")
{
	connects(world, 1, 10);
	sender_at(world, 1, 0, 11);
	sender_at(world, 1, strlen(GET_A), 12);
	sender_at(world, 1, strlen(GET_A GET_B GET_A) - 1, 13);
	asks(world, 1, GET_A GET_B GET_A);
	answers(world, 1, OK_EMPTY OK_EMPTY OK_EMPTY);
}

/* A second one sends while the first one's send goes on: whose bytes are whose is not known. */
TEST(senders_overlap,
     "1 connected by p10\n"
     "1.1 GET /a -> 200 by p11 via p10\n"
     "1.2 GET /b -> 200 by nobody via p10 candidates p11 or p12 or p13 !ambiguous\n"
     "1.3 GET /a -> 200 by p12 via p10\n")
{
	connects(world, 1, 10);
	sender(world, 1, 11);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	joins_at(world, 1, strlen(GET_A), 12);
	joins_at(world, 1, strlen(GET_A), 13);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
	sender(world, 1, 12);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
}

/* The connector's own span may be joined, too. */
TEST(connector_overlap, "1 connected by p10\n"
			"1.1 GET /a -> 200 by nobody via p10 candidates p10 or p11 !ambiguous\n"
			"1.2 GET /b -> 200 by p10\n")
{
	connects(world, 1, 10);
	joins_at(world, 1, 0, 11);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	flush(world);
	sender(world, 1, 10);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* The event of who began a span was lost; it is told again at the next occasion. */
TEST(sender_lost, "1 connected by p10\n"
		  "1.1 GET /a -> 200 by p10\n"
		  "1.2 GET /b -> 200 by nobody via p10 candidates p10 !sender-lost\n"
		  "1.3 GET /a -> 200 by p11 via p10\n"
		  "1.4 GET /b -> 200 by p11 via p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	flush(world);
	world->wires[1].span++;
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
	flush(world);
	sender(world, 1, 11);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* The same where the next span is told before the request is written. */
TEST(span_lost, "1 connected by p10\n"
		"1.1 GET /a -> 200 by nobody via p10 candidates p10 !sender-lost\n"
		"1.2 GET /b -> 200 by p12 via p10\n")
{
	connects(world, 1, 10);
	world->wires[1].span++;
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	sender(world, 1, 12);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* The event of who joined was lost: that somebody did shows in the bytes that were read. */
TEST(joiner_lost, "1 connected by p10\n"
		  "1.1 GET /a -> 200 by nobody via p10 candidates p10 !ambiguous !sender-lost\n"
		  "1.2 GET /b -> 200 by p10\n")
{
	connects(world, 1, 10);
	world->flags = CALLERD_FLAG_OVERLAP;
	emit_data(world, 1, CALLERD_REQUEST, GET_A, strlen(GET_A), strlen(GET_A));
	answers(world, 1, OK_EMPTY);
	sent(world, 1, strlen(GET_A));
	flush(world);
	sender(world, 1, 10);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* More sent than the kernel keeps apart. */
TEST(crowd, "1 connected by p10\n"
	    "1.1 GET /a -> 200 by nobody via p10 candidates p10 !ambiguous !sender-lost\n")
{
	connects(world, 1, 10);
	world->wires[1].flags = CALLERD_FLAG_CROWD;
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
}

/* Its connect was lost: its first send tells it, and who connected. */
TEST(connector_told_late, "1.1 GET /a -> 200 by p10\n")
{
	world->wires[1].span = 1;
	world->flags = CALLERD_FLAG_CONNECTOR;
	emit_caller(world, CALLERD_EVENT_SENDER, 1, 0, 10, "p");
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
}

TEST(several_senders, "1 connected by p10\n"
		      "1.1 POST /a +4 -> 200 by p10 candidates p10 or p11 !senders\n"
		      "1.2 GET /b -> 200 by p11 via p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nab");
	sender(world, 1, 11);
	asks(world, 1, "cd");
	answers(world, 1, OK_EMPTY);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* The same process, another image. */
static void talk_exec(struct world *world)
{
	connects(world, 1, 10);
	world->wires[1].span++;
	emit_caller(world, CALLERD_EVENT_SENDER, 1, 0, 10, "q");
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
}

static void test_exec(void **state)
{
	check(talk_exec, "1 connected by p10\n"
			 "1.1 GET /a -> 200 by q10 via p10\n");
}

static void talk_tcp(struct world *world)
{
	for (uint64_t id = 1; id <= 6; id++)
		world->wires[id].flags |= CALLERD_FLAG_TCP;
	connects(world, 1, 10); /* of this host */
	accepted(world, 1, 0x7f000001, 0);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	accepted(world, 2, 0x0a010203, 0); /* of another one */
	asks(world, 2, GET_A);
	answers(world, 2, OK_EMPTY);
	accepted(world, 3, 0x7f000002, 0); /* of this host, unseen */
	asks(world, 3, GET_A);
	answers(world, 3, OK_EMPTY);
	connects(world, 4, 10); /* nobody accepts it */
	ends(world, 4);
	accepted(world, 5, 0x0a010203, 0);
	accepted(world, 5, 0x0a010203, CALLERD_FLAG_TLS);
	ends(world, 5);
	accepted(world, 6, 0x0a010203,
		 CALLERD_FLAG_LOCAL); /* of this host, by whatever address, and unseen */
	asks(world, 6, GET_A);
	answers(world, 6, OK_EMPTY);
}

static void test_tcp(void **state)
{
	check(talk_tcp,
	      "1 connected by p10 from 127.0.0.1:40000 to 127.0.0.1:2375, connected\n"
	      "2 connected by nobody from 10.1.2.3:40000 to 127.0.0.1:2375, address\n"
	      "3 connected by nobody from 127.0.0.2:40000 to 127.0.0.1:2375, unknown "
	      "!connector-lost\n"
	      "5 connected by nobody from 10.1.2.3:40000 to 127.0.0.1:2375 tls, address\n"
	      "6 connected by nobody from 10.1.2.3:40000 to 127.0.0.1:2375, unknown "
	      "!connector-lost\n"
	      "1.1 GET /a -> 200 by p10 from 127.0.0.1:40000 to 127.0.0.1:2375, connected\n"
	      "2.1 GET /a -> 200 by nobody from 10.1.2.3:40000 to 127.0.0.1:2375, address\n"
	      "3.1 GET /a -> 200 by nobody from 127.0.0.2:40000 to 127.0.0.1:2375, unknown "
	      "!connector-lost !sender-lost\n"
	      "6.1 GET /a -> 200 by nobody from 10.1.2.3:40000 to 127.0.0.1:2375, unknown "
	      "!connector-lost !sender-lost\n");
}

/* As many changes as are remembered, all within one unfinished request. */
static void talk_many_senders(struct world *world)
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 8193\r\n\r\n");
	for (unsigned int i = 0; i < SENDERS_MAX; i++) {
		sender(world, 1, 20 + i);
		asks(world, 1, "x");
	}
	asks(world, 1, "y");
	answers(world, 1, OK_EMPTY);
	flush(world);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

static void test_many_senders(void **state)
{
	check(talk_many_senders,
	      "1 connected by p10\n"
	      "1.1 POST /a +8193 -> 200 by p10 candidates p10 or p20 or p21 or p22 "
	      "or p23 or p24 or p25 or p26 or more !senders\n"
	      "1.2 GET /b -> 200 by p8211 via p10\n");
}

static void talk_too_many_senders(struct world *world)
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 8194\r\n\r\n");
	for (unsigned int i = 0; i < SENDERS_MAX + 1; i++) {
		sender(world, 1, 20 + i);
		asks(world, 1, "x");
	}
	asks(world, 1, "y");
	answers(world, 1, OK_EMPTY);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

static void test_too_many_senders(void **state)
{
	check(talk_too_many_senders,
	      "1 connected by p10\n"
	      "1.1 POST /a +8194 -> 200 by nobody via p10 candidates p10 or p20 or p22 "
	      "or p23 or p24 or p25 or p26 or p27 or more !senders !sender-lost\n"
	      "1.2 GET /b -> 200 by nobody via p10 candidates p8212 !sender-lost\n");
}

/* Senders that come and go before the request do not fill the memory of them. */
TEST(past_senders, "1 connected by p10\n"
		   "1.1 GET /a -> 200 by p10\n"
		   "1.2 GET /b -> 200 by p99 via p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	flush(world);
	for (unsigned int i = 0; i < 4 * SENDERS_MAX; i++)
		sender(world, 1, 20 + i);
	sender(world, 1, 99);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* The kernel does not yet know whose bytes the last ones were. */
static void talk_unconfirmed(struct world *world)
{
	connects(world, 1, 10);
	world->wires[1].unconfirmed = true;
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	assert_false(tracker_is_waiting(world->tracker) && world->told.size > 30);
	flush(world);
	assert_true(tracker_is_waiting(world->tracker));
	world->now += SENDER_WAIT - NS_PER_MS;
	sent(world, 1, strlen(GET_A) - 1);
	flush(world);
	assert_true(tracker_is_waiting(world->tracker));
	sender_at(world, 1, 0, 11);
	sent(world, 1, strlen(GET_A));
	flush(world);
	assert_false(tracker_is_waiting(world->tracker));
	say(world, "-\n");
	/* Nobody ever says so: */
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
	world->now += SENDER_WAIT - 1;
	flush(world);
	say(world, "-\n");
	assert_true(tracker_is_waiting(world->tracker));
	world->now += 1;
	flush(world);
	assert_false(tracker_is_waiting(world->tracker));
	/* nor before the end. */
	asks(world, 1, GET_B);
	ends(world, 1);
}

static void test_unconfirmed(void **state)
{
	check(talk_unconfirmed, "1 connected by p10\n"
				"1.1 GET /a -> 200 by p11 via p10\n"
				"-\n"
				"-\n"
				"1.2 GET /b -> 200 by p11 via p10 !unconfirmed\n"
				"1.3 GET /b by p11 via p10 !unconfirmed\n");
}

/* A later request whose sender is certain does not overtake the one that waits. */
TEST(unconfirmed_in_order, "1 connected by p10\n"
			   "1.1 GET /a -> 200 by p10\n"
			   "1.2 GET /b -> 200 by p10\n")
{
	connects(world, 1, 10);
	world->wires[1].unconfirmed = true;
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	flush(world);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
	flush(world);
	sent(world, 1, strlen(GET_A GET_B));
	flush(world);
}

/* MSG_OOB makes the offsets inexact: it matters once there is more than one sender. */
TEST(out_of_band, "1 connected by p10\n"
		  "1.1 GET /a -> 200 by p10\n"
		  "1.2 GET /b -> 200 by nobody via p10 candidates p10 or p11 !senders !ambiguous\n")
{
	connects(world, 1, 10);
	world->wires[1].flags |= CALLERD_FLAG_OUT_OF_BAND;
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	flush(world);
	sender(world, 1, 11);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

TEST(connect_lost, "1.1 GET /a -> 200 by nobody !connector-lost !sender-lost\n"
		   "1.2 GET /b -> 200 by p11 !connector-lost\n")
{
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	flush(world);
	sender(world, 1, 11);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* --- older than the agent --------------------------------------------------------------------- */

TEST(preexisting, "1.1 GET /a -> 200 by 10 preexisting\n"
		  "1.2 GET /b -> 200 by 10 preexisting\n")
{
	peer(world, 1, 10);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* The process that connected sends, as far as the kernel told of it; then another one does. */
TEST(preexisting_sender, "1.1 GET /a -> 200 by p10 preexisting\n"
			 "1.2 GET /b -> 200 by p11 via 10 preexisting\n")
{
	peer(world, 1, 10);
	sender(world, 1, 10);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	sender(world, 1, 11);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* The rest of a response, then of a body; only what follows a response can be a request. */
TEST(preexisting_midway, "1.1 GET /b -> 200 by 10 preexisting\n")
{
	peer(world, 1, 10);
	answers(world, 1, "the rest of HTTP/1.1 200 OK\r\n\r\n");
	asks(world, 1, "\"rest\": \"of a body\"}\r\nGET /a HTTP/1.1\r\n\r\n");
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	assert_int_equal(unpaired(world), 0);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* A turn that begins with a letter is tried and given up; nothing is said of it. */
TEST(preexisting_no_request, "1.1 GET /b -> 200 by 10 preexisting\n")
{
	peer(world, 1, 10);
	asks(world, 1, "rest of a body\r\n\r\n");
	answers(world, 1, OK_EMPTY);
	asks(world, 1, "more");
	ends(world, 1);
	flush(world);
	peer(world, 1, 10);
	world->wires[1] = (struct wire){.speaking = CALLERD_RESPONSE, .flags = 1};
	asks(world, 1, "more\r\n\r\n");
	answers(world, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* --- gaps ------------------------------------------------------------------------------------- */

/* Beyond the budget, within a body of known size: nothing is in doubt. */
TEST(budget_in_length, "1 connected by p10\n"
		       "1.1 POST /a +1000 -> 200 +100000 by p10 !budget\n"
		       "1.2 GET /b -> 200 +100000 by p10\n"
		       "1.3 GET /b -> 404 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nbegin");
	unseen(world, 1, CALLERD_REQUEST, 993);
	asks(world, 1, "ab");
	answers(world, 1, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegin");
	unseen(world, 1, CALLERD_RESPONSE, 99995);
	asks(world, 1, GET_B);
	answers(world, 1, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	unseen(world, 1, CALLERD_RESPONSE, 90000);
	answers(world, 1, "1234567890");
	unseen(world, 1, CALLERD_RESPONSE, 9990);
	asks(world, 1, GET_B);
	answers(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* The gap reaches to the body's last byte: only the next request shows it. */
TEST(budget_to_the_end, "1 connected by p10\n"
			"1.1 POST /a +1000 -> 200 by p10 !budget\n"
			"1.2 GET /b -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nbegin");
	unseen(world, 1, CALLERD_REQUEST, 995);
	answers(world, 1, OK_EMPTY);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* Without framing the next request is found where the daemon turns to it. */
TEST(budget_in_chunks, "1 connected by p10\n"
		       "1.1 POST /a -> 200 by p10 !budget\n"
		       "1.2 GET /b -> 200 by p10 !resynchronised\n"
		       "1.3 GET /a -> 200 by p10\n"
		       "1.4 GET /b -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n400\r\nbegin");
	unseen(world, 1, CALLERD_REQUEST, 100000);
	answers(world, 1, OK_EMPTY);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
	asks(world, 1, GET_A);
	answers(world, 1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\nbegin");
	unseen(world, 1, CALLERD_RESPONSE, 100000);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

TEST(lost_in_chunks, "1 connected by p10\n"
		     "1.1 POST /a -> 200 by p10 !lost\n"
		     "1.2 GET /b -> 200 by p10 !resynchronised\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n400\r\nbegin");
	lost(world, 1, CALLERD_REQUEST, 5000);
	asks(world, 1, "GET /not HTTP/1.1\r\n\r\n");
	answers(world, 1, OK_EMPTY);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

/* An upload in chunks beyond the budget, and its response too: the next request is tried at once, and
 * proves to be one by the gap in the response. */
TEST(budget_both_ways, "1 connected by p10\n"
		       "1.1 POST /a -> 200 by p10 !budget\n"
		       "1.2 GET /b -> 404 by p10 !resynchronised\n"
		       "1.3 GET /a -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n400\r\nbegin");
	unseen(world, 1, CALLERD_REQUEST, 100000);
	asks(world, 1, "x");
	answers(world, 1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\nbegin");
	unseen(world, 1, CALLERD_RESPONSE, 100000);
	asks(world, 1, GET_B);
	answers(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
}

/* The same with a response of known length. */
TEST(budget_both_ways_length, "1 connected by p10\n"
			      "1.1 POST /a -> 200 +1000 by p10 !budget\n"
			      "1.2 GET /b -> 404 by p10 !resynchronised\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n400\r\nbegin");
	unseen(world, 1, CALLERD_REQUEST, 100000);
	asks(world, 1, "x");
	answers(world, 1, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	unseen(world, 1, CALLERD_RESPONSE, 1000);
	asks(world, 1, GET_B);
	answers(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* What is uploaded while the response tells of the progress may look like a request. */
TEST(upload_like_requests, "1 connected by p10\n"
			   "1.1 POST /load -> 200 by p10 !budget\n"
			   "1.2 GET /b -> 404 by p10 !resynchronised\n"
			   "1.3 GET /a -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "POST /load HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n400\r\nbegin");
	unseen(world, 1, CALLERD_REQUEST, 100000);
	asks(world, 1, "more");
	answers(world, 1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{..}\r\n");
	asks(world, 1, "GET /fake HTTP/1.1\r\n" HOST "\r\nPOST /fake HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, "4\r\n{..}\r\n");
	asks(world, 1, "GET /part");
	answers(world, 1, "4\r\n{..}\r\n");
	asks(world, 1, "text\n\n");
	answers(world, 1, "0\r\n\r\n");
	asks(world, 1, GET_B);
	answers(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
}

/* The response's head is lost: the next response is the next request's. */
TEST(lost_response_head, "1 connected by p10\n"
			 "1.1 GET /a by p10 !lost\n"
			 "1.2 GET /b -> 201 +2 by p10\n"
			 "1.3 GET /a -> 404 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	lost(world, 1, CALLERD_RESPONSE, 100);
	answers(world, 1, "rest of a body");
	asks(world, 1, GET_B);
	answers(world, 1, CREATED);
	asks(world, 1, GET_A);
	answers(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* The same, and no other byte of that response is seen. */
TEST(lost_response, "1 connected by p10\n"
		    "1.1 GET /a by p10 !lost\n"
		    "1.2 GET /b -> 201 +2 by p10\n"
		    "1.3 GET /a -> 404 by p10\n")
{
	uint32_t flags;

	connects(world, 1, 10);
	asks(world, 1, GET_A);
	lost(world, 1, CALLERD_RESPONSE, 100);
	flags = put_off(world);
	asks(world, 1, GET_B);
	world->flags = flags;
	answers(world, 1, CREATED);
	asks(world, 1, GET_A);
	answers(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* The end of one response and the next one's head are lost. */
TEST(lost_between_responses, "1 connected by p10\n"
			     "1.1 GET /a -> 200 by p10\n"
			     "1.2 GET /b by p10 !lost\n"
			     "1.3 GET /a -> 201 +2 by p10\n"
			     "1.4 GET /b -> 404 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	answers(world, 1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab");
	unseen(world, 1, CALLERD_RESPONSE, 9);
	asks(world, 1, GET_B);
	lost(world, 1, CALLERD_RESPONSE, 100);
	answers(world, 1, "the second one's body");
	asks(world, 1, GET_A);
	answers(world, 1, CREATED);
	asks(world, 1, GET_B);
	answers(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* Two responses in one turn share its budget: the second one's head is not seen at all. */
TEST(budget_of_pipelined, "1 connected by p10\n"
			  "1.1 GET /a -> 200 +100000 by p10\n"
			  "1.2 GET /b by p10 !budget\n"
			  "1.3 GET /a -> 201 +2 by p10\n"
			  "1.4 GET /b -> 404 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A GET_B);
	answers(world, 1, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegin");
	unseen(world, 1, CALLERD_RESPONSE, 100100);
	asks(world, 1, GET_A);
	answers(world, 1, CREATED);
	asks(world, 1, GET_B);
	answers(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

#define OVER_BUDGET "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\nbegin"

/* A write that begins as a response does, be it one or not. */
static void head(struct world *world, uint64_t id, const char *text)
{
	world->flags |= CALLERD_FLAG_HEAD;
	answers(world, id, text);
}

/* Behind an answer over the budget: what looks like the next one is told, and not taken for certain. */
TEST_WHOLE(behind_answer, "1 connected by p10\n"
			  "1.1 GET /a -> 200 by p10\n"
			  "1.2 GET /b -> 201 +2 by p10 !resynchronised\n"
			  "1.3 GET /a -> 404 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A GET_B);
	head(world, 1, OVER_BUDGET);
	unseen(world, 1, CALLERD_RESPONSE, 100000);
	head(world, 1, CREATED);
	asks(world, 1, GET_A);
	head(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

/* Where the framing of the first answer is known, so is the place of the second one. */
TEST_WHOLE(behind_answer_of_length, "1 connected by p10\n"
				    "1.1 GET /a -> 200 +100000 by p10\n"
				    "1.2 GET /b -> 201 +2 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A GET_B);
	head(world, 1, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegin");
	unseen(world, 1, CALLERD_RESPONSE, 40000);
	head(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	unseen(world, 1, CALLERD_RESPONSE, 100000 - 5 - 40000 - 45);
	head(world, 1, CREATED);
}

/* Its answer never showed: what it says of it is not all there is. */
TEST_WHOLE(answer_in_the_dark, "1 connected by p10\n"
			       "1.1 GET /a -> 200 by p10\n"
			       "1.2 GET /b by p10 !budget\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A GET_B);
	head(world, 1, OVER_BUDGET);
	unseen(world, 1, CALLERD_RESPONSE, 100000);
	ends(world, 1);
}

/* The last bytes of the connection were not seen. */
TEST_WHOLE(answer_lost_at_the_end, "1 connected by p10\n"
				   "1.1 GET /a by p10 !budget\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	unseen(world, 1, CALLERD_RESPONSE, 100);
	ends(world, 1);
}

/* A log may hold anything. Nothing was asked that this could be the answer to. */
TEST_WHOLE(forged_in_log, "1 connected by p10\n"
			  "1.1 GET /a -> 200 by p10\n"
			  "1.2 GET /b -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	head(world, 1, OVER_BUDGET);
	unseen(world, 1, CALLERD_RESPONSE, 100000);
	head(world, 1, CREATED);
	asks(world, 1, "G"); /* read ahead while the log goes on */
	head(world, 1, CREATED);
	asks(world, 1, "ET /b HTTP/1.1\r\n" HOST "\r\n");
	head(world, 1, OK_EMPTY);
	assert_int_equal(unpaired(world), 0);
}

/* What looks like an answer, then the answer: neither is certain, and none is left out. */
TEST_WHOLE(forged_answer, "1 connected by p10\n"
			  "1.1 GET /a -> 200 by p10\n"
			  "1.2 GET /b -> 404 +1000000 by p10 !resynchronised\n"
			  "1.0 -> 201 +2 by p10 !resynchronised\n"
			  "1.3 GET /a -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A GET_B);
	head(world, 1, OVER_BUDGET);
	unseen(world, 1, CALLERD_RESPONSE, 100000);
	head(world, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\nnot");
	unseen(world, 1, CALLERD_RESPONSE, 5000);
	head(world, 1, CREATED);
	asks(world, 1, GET_A);
	head(world, 1, OK_EMPTY);
}

/* What only looks like a takeover does not end the reading. */
TEST_WHOLE(forged_takeover, "1 connected by p10\n"
			    "1.1 GET /a -> 200 by p10\n"
			    "1.2 GET /b -> 101 by p10 !resynchronised\n"
			    "1.3 GET /a -> 200 by p10 !resynchronised\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A GET_B);
	head(world, 1, OVER_BUDGET);
	unseen(world, 1, CALLERD_RESPONSE, 100000);
	head(world, 1, "HTTP/1.1 101 UPGRADED\r\n\r\n");
	assert_int_equal(world->mutes[1], 0);
	asks(world, 1, GET_A);
	head(world, 1, OK_EMPTY);
}

/* Garbage behind the beginning of a head does neither. */
TEST_WHOLE(forged_garbage, "1 connected by p10\n"
			   "1.1 GET /a -> 200 by p10\n"
			   "1.2 GET /b -> 201 +2 by p10 !resynchronised\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A GET_B);
	head(world, 1, OVER_BUDGET);
	unseen(world, 1, CALLERD_RESPONSE, 100000);
	head(world, 1, "HTTP/1.garbage\r\n\r\n");
	head(world, 1, CREATED);
}

/* All that is read ahead is seen, whatever was left out of the body before it. */
TEST(behind_body, "1 connected by p10\n"
		  "1.1 POST /a +100000 -> 200 by p10 !budget\n"
		  "1.2 GET /b -> 201 +2 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\nbegin");
	unseen(world, 1, CALLERD_REQUEST, 99000);
	asks(world, 1, "0123456789");
	unseen(world, 1, CALLERD_REQUEST, 985);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY CREATED);
}

TEST(behind_chunks, "1 connected by p10\n"
		    "1.1 POST /a +96 -> 200 by p10 !budget\n"
		    "1.2 GET /b -> 201 +2 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n30\r\nbegin");
	unseen(world, 1, CALLERD_REQUEST, 0x30 - 5);
	asks(world, 1, "\r\n30\r\nbegin");
	unseen(world, 1, CALLERD_REQUEST, 0x30 - 5);
	asks(world, 1, "\r\n0\r\n\r\n" GET_B);
	answers(world, 1, OK_EMPTY CREATED);
}

/* The first byte was read alone, and the response before went on. */
TEST_WHOLE(byte_read_ahead, "1 connected by p10\n"
			    "1.1 POST /a -> 200 by p10 !budget\n"
			    "1.2 POST /b -> 201 +2 by p10 !resynchronised\n")
{
	connects(world, 1, 10);
	asks(world, 1,
	     "POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n400\r\nbegin");
	unseen(world, 1, CALLERD_REQUEST, 100000);
	asks(world, 1, "x");
	head(world, 1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{..}\r\n");
	asks(world, 1, "P");
	answers(world, 1, "4\r\n{..}\r\n0\r\n\r\n");
	asks(world, 1, "OST /b HTTP/1.1\r\n" HOST "\r\n");
	head(world, 1, CREATED);
}

/* The same, and that byte is lost. */
TEST_WHOLE(beheaded, "1 connected by p10\n"
		     "1.1 GET /a -> 200 by p10\n"
		     "1.2 -> 201 +2 by p10 !resynchronised\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	head(world, 1, OK_EMPTY);
	lost(world, 1, CALLERD_REQUEST, 1);
	asks(world, 1, "OST /b HTTP/1.1\r\n" HOST "\r\n");
	head(world, 1, CREATED);
}

/* --- beginnings and ends ---------------------------------------------------------------------- */

static void pause_at(struct world *world, uint64_t milliseconds)
{
	world->now += milliseconds * NS_PER_MS;
	flush(world);
}

TEST_WHOLE(slow_answer, "1 connected by p10\n"
			"started 1.1 GET /a by p10\n"
			"1.1 GET /a -> 200 by p10\n"
			"1.2 GET /b -> 201 +2 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	pause_at(world, 900);
	pause_at(world, 200);
	pause_at(world, 5000);
	head(world, 1, OK_EMPTY);
	asks(world, 1, GET_B);
	pause_at(world, 900);
	head(world, 1, CREATED);
	pause_at(world, 5000);
}

/* Each in its time. */
TEST_WHOLE(slow_answers, "1 connected by p10\n"
			 "2 connected by p11\n"
			 "started 1.1 GET /a by p10\n"
			 "started 2.1 POST /b +10 by p11 !unfinished\n"
			 "1.1 GET /a -> 200 by p10\n"
			 "started 1.2 GET /b by p10\n"
			 "2.1 POST /b +10 by p11 !agent-stopped\n"
			 "1.2 GET /b by p10 !agent-stopped\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A GET_B);
	connects(world, 2, 11);
	pause_at(world, 500);
	asks(world, 2, "POST /b HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nbegin");
	pause_at(world, 600);
	pause_at(world, 500);
	head(world, 1, OK_EMPTY);
	pause_at(world, 1100);
	tracker_close(world->tracker, world->now);
}

/* Who sent it is not certain yet. */
TEST_WHOLE(slow_unconfirmed, "1 connected by p10\n"
			     "started 1.1 GET /a by p10 !unconfirmed\n"
			     "1.1 GET /a -> 200 by p10\n")
{
	connects(world, 1, 10);
	world->wires[1].unconfirmed = true;
	asks(world, 1, GET_A);
	pause_at(world, 1500);
	sent(world, 1, world->wires[1].offset[CALLERD_REQUEST]);
	head(world, 1, OK_EMPTY);
}

#define LOG "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

TEST_WHOLE(long_answer, "1 connected by p10\n"
			"1.1 GET /a -> 200 by p10\n"
			"ended 1.1 GET /a -> 200 by p10 complete after 2002ms in 33 out 61\n"
			"1.2 GET /b -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	head(world, 1, LOG);
	pause_at(world, 2000);
	answers(world, 1, "4\r\nline\r\n0\r\n\r\n");
	flush(world);
	asks(world, 1, GET_B);
	head(world, 1, OK_EMPTY);
}

/* Over the budget it shows with the next request that it is over: the daemon wrote last when it was. */
TEST_WHOLE(long_answer_over_budget, "1 connected by p10\n"
				    "1.1 GET /a -> 200 by p10\n"
				    "ended 1.1 GET /a -> 200 by p10 complete after 2001ms in 33\n"
				    "1.2 GET /b -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	head(world, 1, OVER_BUDGET);
	pause_at(world, 2000);
	unseen(world, 1, CALLERD_RESPONSE, 100000);
	pause_at(world, 9000);
	asks(world, 1, GET_B);
	head(world, 1, OK_EMPTY);
}

TEST_WHOLE(long_answer_broken_off,
	   "1 connected by p10\n"
	   "1.1 GET /a -> 200 by p10\n"
	   "ended 1.1 GET /a -> 200 by p10 client after 2002ms in 33 out 47\n"
	   "2 connected by p11\n"
	   "2.1 GET /a -> 200 by p11\n"
	   "ended 2.1 GET /a -> 200 by p11 agent-stopped after 2001ms in 33\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	head(world, 1, LOG);
	pause_at(world, 2000);
	ends(world, 1);
	flush(world);
	connects(world, 2, 11);
	asks(world, 2, GET_A);
	head(world, 2, LOG);
	pause_at(world, 2000);
	tracker_close(world->tracker, world->now);
}

/* A request is lost: its response says that there was one. */
TEST(lost_request, "1 connected by p10\n"
		   "1.1 GET /a -> 200 by p10\n"
		   "1.0 -> 201 +2 by p10 !resynchronised\n"
		   "1.2 GET /b -> 200 by p10 !resynchronised\n")
{
	uint32_t flags;

	connects(world, 1, 10);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	lost(world, 1, CALLERD_REQUEST, 80);
	flags = put_off(world);
	answers(world, 1, CREATED);
	assert_int_equal(unpaired(world), 1);
	world->flags = flags;
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
	assert_int_equal(unpaired(world), 1);
}

TEST(lost_in_head, "1 connected by p10\n"
		   "1.1 -> 200 by p10 !lost !unparsed (answered before its head was complete)\n"
		   "1.2 GET /b -> 200 by p10 !resynchronised\n")
{
	connects(world, 1, 10);
	asks(world, 1, "GET /a HTT");
	lost(world, 1, CALLERD_REQUEST, 30);
	asks(world, 1, "GET: x\r\n\r\n");
	answers(world, 1, OK_EMPTY);
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
}

TEST(unreadable_body, "1 connected by p10\n"
		      "1.1 POST /a +100 -> 200 by p10 !unreadable\n"
		      "1.2 GET /b -> 200 by p10\n"
		      "1.3 POST /c +100 -> 200 by p10 !unreadable\n")
{
	connects(world, 1, 10);
	asks(world, 1, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\n");
	unreadable(world, 1, CALLERD_REQUEST, 100);
	answers(world, 1, OK_EMPTY);
	flush(world);
	assert_false(tracker_is_waiting(world->tracker));
	asks(world, 1, GET_B);
	answers(world, 1, OK_EMPTY);
	asks(world, 1, "POST /c HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nbegin");
	unreadable(world, 1, CALLERD_REQUEST, 50);
	asks(world, 1, "123456789012345678901234567890123456789012345");
	answers(world, 1, OK_EMPTY);
	flush(world);
}

TEST(unreadable_response, "1 connected by p10\n"
			  "1.1 GET /a by p10 !unreadable\n"
			  "1.2 GET /b -> 201 +2 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	unreadable(world, 1, CALLERD_RESPONSE, 100);
	asks(world, 1, GET_B);
	answers(world, 1, CREATED);
}

/* --- held bytes ------------------------------------------------------------------------------- */

static void hold_body(struct world *world, size_t size, const char *after)
{
	char head[200];

	connects(world, 1, 10);
	asks(world, 1, GET_A);
	snprintf(head, sizeof(head), "POST /b HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
		 size - strlen("POST /b HTTP/1.1\r\n" HOST "Content-Length: 12345\r\n\r\n"));
	asks(world, 1, head);
	speak_filler(world, 1, CALLERD_REQUEST, 'x', size - strlen(head));
	asks(world, 1, after);
	answers(world, 1, OK_EMPTY);
	answers(world, 1, CREATED);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
}

TEST(held_to_the_brim, "1 connected by p10\n"
		       "1.1 GET /a -> 200 by p10\n"
		       "1.2 POST /b +65479 -> 201 +2 by p10\n"
		       "1.3 GET /a -> 200 by p10\n")
{
	hold_body(world, HELD_MAX, "");
}

static void talk_held_over(struct world *world)
{
	hold_body(world, HELD_MAX, "?");
}

/* One byte more, in a piece of its own. */
static void test_held_over(void **state)
{
	check(talk_held_over, "1 connected by p10\n"
			      "1.1 GET /a -> 200 by p10\n"
			      "1.2 POST /b +65479 -> 201 +2 by p10\n"
			      "1.3 GET /a -> 200 by p10 !resynchronised\n");
}

/* --- unknown and foreign ---------------------------------------------------------------------- */

TEST(unknown_connections, "refused 13 /run/docker.sock by p10\n")
{
	ends(world, 5);
	sent(world, 6, 100);
	flush(world);
	step(world);
	emit_caller(world, CALLERD_EVENT_REFUSED, 0, 0, 10, "p");
	assert_null(tracker_is_waiting(world->tracker) ? "" : NULL);
}

/* The socket's index may be one that nobody named. */
static void test_unknown_socket(void **state)
{
	struct world world;
	struct callerd_sent_event mark = {.offset = 1};
	struct event event = {.header = &mark.header, .sent = &mark};

	world_begin(&world, SPLIT_NOT, 0);
	mark.header.type = CALLERD_EVENT_SENT;
	mark.header.connection = 77;
	tracker_event(world.tracker, &event, 99);
	tracker_flush(world.tracker, 1);
	assert_int_equal(world.told.size, 0);
	world_end(&world);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static void test_eviction_by_count(void **state)
{
	struct tracker_stats stats;
	struct world world;

	world_begin(&world, SPLIT_NOT, 0);
	tracker_free(world.tracker);
	world.options.connections_max = 2;
	assert_int_equal(tracker_new(&world.options, &world.tracker), 0);
	connects(&world, 1, 10);
	asks(&world, 1, GET_A);
	connects(&world, 2, 11);
	asks(&world, 1, "GET /ne"); /* the second one is silent longest */
	connects(&world, 3, 12);
	connects(&world, 4, 13);
	tracker_stats(world.tracker, &stats);
	assert_int_equal(stats.connections, 2);
	assert_int_equal(stats.evicted, 2);
	assert_string_equal(world.told.data,
			    "1 connected by p10\n"
			    "2 connected by p11\n"
			    "3 connected by p12\n"
			    "4 connected by p13\n"
			    "1.1 GET /a by p10 !evicted\n"
			    "1.2 by p10 !unparsed !evicted (ended within its head)\n");
	/* It goes on all the same: what was answered was asked, and the next request is found again. */
	asks(&world, 1, "xt HTTP/1.1\r\n\r\n");
	answers(&world, 1, OK_EMPTY OK_EMPTY);
	text_cut(&world.told, 0);
	asks(&world, 1, GET_B);
	answers(&world, 1, CREATED);
	flush(&world);
	assert_string_equal(
		world.told.data,
		"1.0 -> 200 by nobody !budget !resynchronised !connector-lost !sender-lost\n"
		"1.0 -> 200 by nobody !budget !resynchronised !connector-lost !sender-lost\n"
		"1.1 GET /b -> 201 +2 by nobody !resynchronised !connector-lost !sender-lost\n");
	world_end(&world);
}

/* Counts those of account 7, and of others. */
static void on_evicted(void *data, uint64_t account)
{
	((struct world *)data)->evicted[account != 7]++;
}

static void world_with_accounts(struct world *world)
{
	world_begin(world, SPLIT_NOT, 0);
	tracker_free(world->tracker);
	world->options.evicted = on_evicted;
	world->evicted[0] = world->evicted[1] = 0;
}

/* Whoever has the most connections loses his own, though another's was silent longer. */
static void test_eviction_of_the_greatest(void **state)
{
	struct world world;

	world_with_accounts(&world);
	world.options.connections_max = 10;
	assert_int_equal(tracker_new(&world.options, &world.tracker), 0);
	world.account = 5;
	connects(&world, 1, 10);
	asks(&world, 1, "POST /containers/create HTTP/1.1\r\n");
	world.account = 6;
	connects(&world, 2, 11);
	world.account = 7;
	for (unsigned int i = 3; i < 100; i++)
		connects(&world, i, 12);
	assert_int_equal(world.evicted[0], 89);
	assert_int_equal(world.evicted[1], 0);
	world.account = 5;
	text_cut(&world.told, 0);
	asks(&world, 1, "Host: x\r\nContent-Length: 0\r\n\r\n");
	answers(&world, 1, CREATED);
	flush(&world);
	assert_string_equal(world.told.data, "1.1 POST /containers/create -> 201 +2 by p10\n");
	/* Whoever acts on a connection is who has it. */
	world.account = 7;
	sender_at(&world, 2, 0, 12);
	world.account = 6;
	for (unsigned int i = 100; i < 110; i++)
		connects(&world, i, 11);
	assert_in_range(world.evicted[0], 89 + 4, 89 + 5); /* until both have as many */
	assert_int_equal(world.evicted[0] + world.evicted[1], 89 + 10);
	world_end(&world);
}

/* The same with memory: half heads. An account alone may have all of it. */
static void test_eviction_of_the_largest(void **state)
{
	struct tracker_stats stats;
	struct world world;

	world_with_accounts(&world);
	world.options.memory_max = 400000;
	assert_int_equal(tracker_new(&world.options, &world.tracker), 0);
	world.account = 5;
	connects(&world, 1, 10);
	asks(&world, 1, "POST /containers/create HTTP/1.1\r\n");
	world.account = 7;
	for (unsigned int i = 2; i < 100; i++) {
		connects(&world, i, 12);
		asks(&world, i, "GET /half");
	}
	assert_true(world.evicted[0] > 20);
	assert_int_equal(world.evicted[1], 0);
	tracker_stats(world.tracker, &stats);
	assert_true(stats.memory <= 400000 && stats.memory > 350000);
	world.account = 5;
	text_cut(&world.told, 0);
	asks(&world, 1, "Host: x\r\nContent-Length: 0\r\n\r\n");
	answers(&world, 1, CREATED);
	flush(&world);
	assert_string_equal(world.told.data, "1.1 POST /containers/create -> 201 +2 by p10\n");
	world_end(&world);
}

/* A connection with something to write is evicted between the event and the flush. */
static void test_eviction_of_listed(void **state)
{
	struct world world;

	world_begin(&world, SPLIT_NOT, 0);
	tracker_free(world.tracker);
	world.options.connections_max = 2;
	assert_int_equal(tracker_new(&world.options, &world.tracker), 0);
	connects(&world, 1, 10);
	asks(&world, 1, GET_A);
	answers(&world, 1, OK_EMPTY);
	connects(&world, 2, 11);
	asks(&world, 2, GET_A);
	answers(&world, 2, OK_EMPTY);
	connects(&world, 3, 12);
	ends(&world, 2);
	connects(&world, 4, 13);
	flush(&world);
	assert_string_equal(world.told.data, "1 connected by p10\n"
					     "2 connected by p11\n"
					     "3 connected by p12\n"
					     "1.1 GET /a -> 200 by p10\n"
					     "4 connected by p13\n"
					     "2.1 GET /a -> 200 by p11\n");
	world_end(&world);
}

static void test_eviction_by_memory(void **state)
{
	struct tracker_stats stats;
	struct world world;

	world_begin(&world, SPLIT_NOT, 0);
	tracker_free(world.tracker);
	world.options.memory_max = 20000;
	assert_int_equal(tracker_new(&world.options, &world.tracker), 0);
	connects(&world, 1, 10);
	asks(&world, 1, GET_A);
	for (unsigned int i = 2; i <= 100; i++) {
		connects(&world, i, 10 + i);
		tracker_stats(world.tracker, &stats);
		assert_true(stats.memory <= world.options.memory_max);
		assert_int_equal(stats.connections + stats.evicted, i);
	}
	assert_true(stats.evicted > 0 && stats.connections > 5);
	assert_non_null(strstr(world.told.data, "1.1 GET /a by p10 !evicted\n"));
	/* One that alone is too large stays, for it is the one at hand. */
	connects(&world, 120, 9);
	asks(&world, 120, GET_A);
	speak_filler(&world, 120, CALLERD_REQUEST, 'x', HELD_MAX - 1);
	speak_filler(&world, 120, CALLERD_REQUEST, 'x', HELD_MAX);
	tracker_stats(world.tracker, &stats);
	assert_true(stats.connections >= 1);
	answers(&world, 120, OK_EMPTY);
	flush(&world);
	assert_non_null(strstr(world.told.data, "120.1 GET /a -> 200 by p9\n"));
	for (unsigned int i = 1; i <= 120; i++)
		ends(&world, i);
	flush(&world);
	tracker_stats(world.tracker, &stats);
	assert_int_equal(stats.memory, 0);
	assert_int_equal(stats.connections, 0);
	world_end(&world);
}

/* A process is accounted for once, however many connections it has. */
static void test_memory_of_shared_caller(void **state)
{
	struct tracker_stats one, many;
	struct world world;

	world_begin(&world, SPLIT_NOT, 0);
	connects(&world, 1, 10);
	tracker_stats(world.tracker, &one);
	for (unsigned int i = 2; i <= 100; i++)
		connects(&world, i, 10);
	tracker_stats(world.tracker, &many);
	assert_int_equal(many.memory - one.memory, 99 * (one.memory - callers_memory()));
	for (unsigned int i = 1; i <= 100; i++)
		ends(&world, i);
	flush(&world);
	tracker_stats(world.tracker, &many);
	assert_int_equal(many.memory, 0);
	world_end(&world);
}

/* A taken-over connection that is given up stays muted until its end; of others the kernel is to tell
 * anew. */
TEST(evicted_takeover, "1 connected by p10\n"
		       "1.1 GET /a -> 200 by p10\n"
		       "2 connected by p11\n"
		       "3 connected by p12\n"
		       "ended 1.1 GET /a -> 200 by p10 evicted after 3ms\n"
		       "4 connected by p13\n")
{
	tracker_free(world->tracker);
	world->options.connections_max = 2;
	assert_int_equal(tracker_new(&world->options, &world->tracker), 0);
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	answers(world, 1, "HTTP/1.1 200 OK\r\n" RAW "\r\n");
	flush(world);
	assert_int_equal(world->mute[1], MUTED);
	connects(world, 2, 11);
	connects(world, 3, 12);
	assert_int_equal(world->mute[1], MUTED);
	assert_int_equal(world->mute[2], 0);
	ends(world, 1);
	assert_int_equal(world->mute[1], 0);
	connects(world, 4, 13);
	assert_int_equal(world->mute[2], CALLERD_FORGOTTEN);
	ends(world, 2);
	assert_int_equal(world->mute[2], 0);
}

/* --- surveys and the end ---------------------------------------------------------------------- */

static bool on_totals(void *data, struct callerd_totals *ret)
{
	ret->received = 1000;
	ret->answered = 5000;
	ret->answered_at = ((struct world *)data)->now - 7000 * NS_PER_MS;
	return true;
}

static void on_unnoticed(void *data, uint64_t connection)
{
	say(data, "%llu ended unnoticed\n", (unsigned long long)connection);
}

/* Nobody said that a stream ended: what the kernel still knows of it is told, and no more. */
TEST_WHOLE(ended_unnoticed,
	   "1 connected by p10\n"
	   "1.1 GET /a -> 101 by p10\n"
	   "1 ended unnoticed\n"
	   "ended 1.1 GET /a -> 101 by p10 unknown after 2001ms in 1000 out 5000\n")
{
	tracker_free(world->tracker);
	world->options.unnoticed = on_unnoticed;
	world->options.totals = on_totals;
	assert_int_equal(tracker_new(&world->options, &world->tracker), 0);
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	head(world, 1, "HTTP/1.1 101 UPGRADED\r\n\r\n");
	pause_at(world, 9000);
	tracker_survey_begin(world->tracker);
	tracker_survey_end(world->tracker, world->now);
	flush(world);
}

static void test_survey(void **state)
{
	struct world world;

	world_begin(&world, SPLIT_NOT, 0);
	connects(&world, 1, 10);
	asks(&world, 1, GET_A);
	connects(&world, 2, 11);
	asks(&world, 2, GET_A);
	world.wires[3].flags = CALLERD_FLAG_FOREIGN;
	connects(&world, 3, 12);
	asks(&world, 3, GET_A);
	connects(&world, 4, 13);
	asks(&world, 4, GET_A);
	text_cut(&world.told, 0);
	assert_false(tracker_has_idle(world.tracker, world.now, 100 * NS_PER_MS));
	assert_true(tracker_has_idle(world.tracker, world.now + 101 * NS_PER_MS, 100 * NS_PER_MS));
	tracker_survey_begin(world.tracker);
	tracker_survey_seen(world.tracker, 2);
	tracker_survey_seen(world.tracker, 99);
	connects(&world, 5, 14); /* younger than the survey */
	asks(&world, 5, GET_A);
	answers(&world, 4, OK_EMPTY); /* what the dead still have to say */
	text_cut(&world.told, 0);
	tracker_survey_end(world.tracker, world.now);
	flush(&world);
	assert_string_equal(world.told.data, "4.1 GET /a -> 200 by p13\n"
					     "1.1 GET /a by p10\n");
	answers(&world, 2, OK_EMPTY);
	answers(&world, 3, OK_EMPTY);
	answers(&world, 5, OK_EMPTY);
	text_cut(&world.told, 0);
	flush(&world);
	assert_non_null(strstr(world.told.data, "2.1 GET /a -> 200"));
	assert_non_null(strstr(world.told.data, "3.1 GET /a -> 200"));
	assert_non_null(strstr(world.told.data, "5.1 GET /a -> 200"));
	world_end(&world);
}

/* Told of who connected, and the connection came about while those that live were listed. */
TEST_WHOLE(accepted_in_a_survey,
	   "1 connected by p10 from 127.0.0.1:40000 to 127.0.0.1:2375, connected\n"
	   "1.1 GET /a -> 200 by p10 from 127.0.0.1:40000 to 127.0.0.1:2375, connected\n")
{
	world->wires[1].flags |= CALLERD_FLAG_TCP;
	connects(world, 1, 10);
	tracker_survey_begin(world->tracker);
	accepted(world, 1, 0x7f000001, 0);
	tracker_survey_end(world->tracker, world->now);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	flush(world);
}

/* The event that it came about is lost: where it led the others tell. */
TEST_WHOLE(accept_lost, "1.1 GET /a -> 200 by p10 at /run/other.sock\n")
{
	world->wires[1].flags |= CALLERD_FLAG_TCP;
	world->door = 1;
	connects(world, 1, 10);
	asks(world, 1, GET_A);
	answers(world, 1, OK_EMPTY);
	flush(world);
}

/* Nothing was said there, and its end not seen. */
TEST_WHOLE(accepted_and_stopped,
	   "1 connected by p10 from 127.0.0.1:40000 to 127.0.0.1:2375, connected\n")
{
	world->wires[1].flags |= CALLERD_FLAG_TCP;
	connects(world, 1, 10);
	accepted(world, 1, 0x7f000001, 0);
	tracker_close(world->tracker, world->now);
}

TEST_WHOLE(accepted_and_unnoticed,
	   "1 connected by nobody from 10.1.2.3:40000 to 127.0.0.1:2375, address\n")
{
	accepted(world, 1, 0x0a010203, 0);
	tracker_survey_begin(world->tracker);
	tracker_survey_end(world->tracker, world->now);
	flush(world);
}

static void test_close(void **state)
{
	struct tracker_stats stats;
	struct world world;

	world_begin(&world, SPLIT_NOT, 0);
	assert_false(tracker_has_idle(world.tracker, world.now, 0));
	connects(&world, 1, 10);
	asks(&world, 1, GET_A GET_B);
	connects(&world, 2, 11);
	asks(&world, 2, GET_A);
	answers(&world, 2, OK_EMPTY);
	connects(&world, 3, 12);
	asks(&world, 3, GET_A);
	ends(&world, 3);
	peer(&world, 4, 13);
	asks(&world, 4, "GET /ab");
	text_cut(&world.told, 0);
	tracker_close(world.tracker, world.now);
	assert_non_null(strstr(world.told.data, "1.1 GET /a by p10 !agent-stopped\n"
						"1.2 GET /b by p10 !agent-stopped\n"));
	assert_non_null(strstr(world.told.data, "2.1 GET /a -> 200 by p11\n"));
	assert_non_null(strstr(world.told.data, "3.1 GET /a by p12\n"));
	assert_null(strstr(world.told.data, "\n4.1"));
	tracker_stats(world.tracker, &stats);
	assert_int_equal(stats.connections, 0);
	assert_int_equal(stats.memory, 0);
	world_end(&world);
}

/* Freed with everything pending: ASan tells what is left. */
static void test_free_pending(void **state)
{
	struct world world;

	world_begin(&world, SPLIT_NOT, 0);
	connects(&world, 1, 10);
	sender_at(&world, 1, 0, 11);
	asks(&world, 1, GET_A GET_A GET_B);
	answers(&world, 1, OK_EMPTY);
	answers(&world, 1, "HTTP/1.1 200 OK\r\nContent-Len");
	connects(&world, 2, 11);
	asks(&world, 2, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nhalf");
	world_end(&world);
	tracker_free(NULL);
}

/* --- fields ----------------------------------------------------------------------------------- */

static void on_field_record(void *data, struct record *record)
{
	const struct record_http *http = &record->http;

	if (record->action != RECORD_API_REQUEST)
		return;
	assert_int_equal(http->version_minor, 1);
	assert_memory_equal(http->target.data, "/v1.41/build?a=b", http->target.size);
	assert_int_equal(http->target.size, strlen("/v1.41/build?a=b"));
	assert_memory_equal(http->mime_type.data, "application/x-tar", http->mime_type.size);
	assert_memory_equal(http->user_agent.data, "Docker-Client/20.10", http->user_agent.size);
	assert_true(http->has_request_bytes && http->has_response_bytes && http->has_duration);
	assert_int_equal(http->anomalies, HTTP1_ANOMALY_CHUNK_EXTENSION);
	assert_true(record->connection.socket.data == sockets[1]);
	++*(int *)data;
}

static void test_fields(void **state)
{
	static const char request[] =
		"POST /v1.41/build?a=b HTTP/1.1\r\n" HOST "User-Agent: Docker-Client/20.10\r\n"
		"Content-Type: application/x-tar; a=b\r\n"
		"Transfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\n\r\n";
	static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}\n";
	struct world world;
	int count = 0;
	union {
		struct callerd_data_event event;
		char room[sizeof(struct callerd_data_event) + sizeof(request)];
	} message = {.event.header = {.type = CALLERD_EVENT_DATA, .connection = 9}};
	struct event event;

	world_begin(&world, SPLIT_NOT, 0);
	tracker_free(world.tracker);
	world.options.record = on_field_record;
	world.options.data = &count;
	world.options.mute = NULL;
	assert_int_equal(tracker_new(&world.options, &world.tracker), 0);
	for (uint32_t direction = 0; direction < 2; direction++) {
		const char *text = direction ? response : request;

		message.event.direction = direction;
		message.event.length = message.event.copied = (uint32_t)strlen(text);
		message.event.confirmed = 1000;
		message.event.header.size =
			(uint32_t)(sizeof(message.event) + message.event.copied);
		memcpy(message.event.data, text, message.event.copied);
		assert_int_equal(decode_event(&message, sizeof(message), NULL, &event), 0);
		tracker_event(world.tracker, &event, 1);
	}
	tracker_flush(world.tracker, 1);
	assert_int_equal(count, 1);
	world_end(&world);
}

/* --- HTTP/2 ----------------------------------------------------------------------------------- */

/* A client and a server of HTTP/2, whose header tables go on. */
struct pair {
	struct world *world;
	nghttp2_hd_deflater *deflaters[2];
	struct text out;
};

static struct pair pair_begin(struct world *world)
{
	struct pair pair = {.world = world};

	nghttp2_hd_deflate_new(&pair.deflaters[CALLERD_REQUEST], 4096);
	nghttp2_hd_deflate_new(&pair.deflaters[CALLERD_RESPONSE], 4096);
	connects(world, 1, 10);
	asks(world, 1, HTTP2_PREFACE);
	put_frame(&pair.out, NGHTTP2_SETTINGS, 0, 0, "", 0);
	speak(world, 1, CALLERD_REQUEST, pair.out.data, pair.out.size);
	speak(world, 1, CALLERD_RESPONSE, pair.out.data, pair.out.size);
	text_cut(&pair.out, 0);
	return pair;
}

static void pair_end(struct pair *pair)
{
	nghttp2_hd_deflate_del(pair->deflaters[CALLERD_REQUEST]);
	nghttp2_hd_deflate_del(pair->deflaters[CALLERD_RESPONSE]);
	text_free(&pair->out);
}

static void pair_say(struct pair *pair, int direction)
{
	speak(pair->world, 1, direction, pair->out.data, pair->out.size);
	text_cut(&pair->out, 0);
}

static void pair_heads(struct pair *pair, int direction, uint32_t stream, const char *fields,
		       bool end)
{
	put_headers(&pair->out, pair->deflaters[direction], stream, fields, end);
	pair_say(pair, direction);
}

static void pair_sends(struct pair *pair, int direction, uint32_t stream, const char *data,
		       bool end)
{
	put_data(&pair->out, stream, data, end);
	pair_say(pair, direction);
}

#define H2(method, path) ":method " method "\n:scheme http\n:path " path "\n:authority d\n"
#define H2_200 ":status 200\n"

TEST(http2_requests, "1 connected by p10\n"
		     "1.1 GET /_ping -> 200 +2 by p10\n"
		     "1.2 POST /v1.41/containers/create?name=a +11 -> 201 by p10\n"
		     "1.3 GET /_ping -> 200 by p10\n")
{
	struct pair pair = pair_begin(world);

	pair_heads(&pair, CALLERD_REQUEST, 1, H2("GET", "/_ping"), true);
	flush(world);
	pair_heads(&pair, CALLERD_RESPONSE, 1, H2_200 "content-length 2\n", false);
	pair_sends(&pair, CALLERD_RESPONSE, 1, "OK", true);
	flush(world);
	pair_heads(&pair, CALLERD_REQUEST, 3,
		   H2("POST", "/v1.41/containers/create?name=a") "content-type application/json\n",
		   false);
	pair_sends(&pair, CALLERD_REQUEST, 3, "{\"Ima", false);
	pair_sends(&pair, CALLERD_REQUEST, 3, "ge\":", false);
	pair_sends(&pair, CALLERD_REQUEST, 3, "1}", true);
	pair_heads(&pair, CALLERD_RESPONSE, 3, ":status 201\n", true);
	flush(world);
	/* The names come from the tables of both sides now. */
	pair_heads(&pair, CALLERD_REQUEST, 5, H2("GET", "/_ping"), true);
	pair_heads(&pair, CALLERD_RESPONSE, 5, H2_200, true);
	pair_end(&pair);
}

/* Answers come in any order; what one stream waits for holds no other up. */
TEST(http2_at_once, "1 connected by p10\n"
		    "1.2 GET /b -> 404 by p10\n"
		    "1.3 GET /c -> 200 by p10\n"
		    "started 1.1 POST /a by p10 !unfinished\n"
		    "1.1 POST /a +2 -> 200 by p10\n"
		    "ended 1.3 GET /c -> 200 by p10 complete after 1205ms in 0 out 4\n")
{
	struct pair pair = pair_begin(world);

	pair_heads(&pair, CALLERD_REQUEST, 1, H2("POST", "/a"), false);
	pair_heads(&pair, CALLERD_REQUEST, 3, H2("GET", "/b"), true);
	pair_heads(&pair, CALLERD_REQUEST, 5, H2("GET", "/c"), true);
	pair_heads(&pair, CALLERD_RESPONSE, 3, ":status 404\n", true);
	pair_heads(&pair, CALLERD_RESPONSE, 5, H2_200, false);
	flush(world);
	pause_at(world, 1200);
	flush(world);
	pair_sends(&pair, CALLERD_REQUEST, 1, "{}", true);
	pair_heads(&pair, CALLERD_RESPONSE, 1, H2_200, true);
	pair_sends(&pair, CALLERD_RESPONSE, 5, "logs", true);
	pair_end(&pair);
}

TEST(http2_frames_of_all_kinds, "1 connected by p10\n"
				"1.1 POST /long/path +2 -> 200 by p10\n")
{
	struct pair pair = pair_begin(world);
	struct text block = header_block(pair.deflaters[CALLERD_REQUEST], H2("POST", "/long/path"));
	struct text padded = {0};

	/* padded, with a priority, in three frames, the last of them empty */
	text_add(&padded, "\3\0\0\0\0\7", 6);
	text_add(&padded, block.data, 5);
	text_add(&padded, "\0\0\0", 3);
	put_frame(&pair.out, NGHTTP2_HEADERS, NGHTTP2_FLAG_PADDED | NGHTTP2_FLAG_PRIORITY, 1,
		  padded.data, padded.size);
	put_frame(&pair.out, NGHTTP2_CONTINUATION, 0, 1, block.data + 5, block.size - 5);
	put_frame(&pair.out, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, "", 0);
	put_frame(&pair.out, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\4{\0\0\0\0", 6);
	put_frame(&pair.out, NGHTTP2_PING, 0, 0, "12345678", 8);
	put_frame(&pair.out, 200, 0xff, 1, "a frame of a later version", 26);
	put_frame(&pair.out, NGHTTP2_DATA, 0, 1, "}", 1);
	pair_say(&pair, CALLERD_REQUEST);
	pair_heads(&pair, CALLERD_REQUEST, 1, "x-trailer 1\n", true);
	pair_heads(&pair, CALLERD_RESPONSE, 1, ":status 103\n", false);
	pair_heads(&pair, CALLERD_RESPONSE, 1, H2_200, false);
	pair_heads(&pair, CALLERD_RESPONSE, 1, "grpc-status 0\n", true);
	text_free(&padded);
	text_free(&block);
	pair_end(&pair);
}

#define UPGRADE(path)                                                                              \
	"POST " path " HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
#define SWITCHED "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
#define CALL(path) H2("POST", path) "content-type application/grpc\n"

/* A connection that speaks HTTP/2 since its first request: .deflaters are those of who asks and who answers. */
static struct pair upgrade(struct world *world, const char *request)
{
	struct pair pair = {.world = world};

	nghttp2_hd_deflate_new(&pair.deflaters[0], 4096);
	nghttp2_hd_deflate_new(&pair.deflaters[1], 4096);
	connects(world, 1, 10);
	asks(world, 1, request);
	answers(world, 1, SWITCHED);
	flush(world);
	return pair;
}

static void pair_begins(struct pair *pair, int direction, bool preface)
{
	if (preface)
		text_add_string(&pair->out, HTTP2_PREFACE);
	put_frame(&pair->out, NGHTTP2_SETTINGS, 0, 0, "", 0);
	pair_say(pair, direction);
}

/* PART of the message that is asked, or answered, in DIRECTION. */
static void pair_calls(struct pair *pair, int direction, int part, uint32_t stream,
		       const char *fields, const char *data, bool end)
{
	put_headers(&pair->out, pair->deflaters[part], stream, fields, end && !data);
	if (data)
		put_data(&pair->out, stream, data, end);
	pair_say(pair, direction);
}

/* The daemon may be the first to speak. */
TEST(http2_upgrade, "1 connected by p10\n"
		    "1.1 POST /grpc -> 101 by p10\n"
		    "1.2 POST /a.B/C +3 -> 200 PERMISSION_DENIED +2 by p10\n"
		    "1.3 POST /a.B/D -> 200 UNIMPLEMENTED by p11 via p10\n"
		    "1.4 POST /e -> 500 by p11 via p10\n"
		    "1.5 POST /a.B/E -> 200 by p11 via p10\n"
		    "ended 1.5 POST /a.B/E -> 200 by p11 via p10 daemon after 1302ms in 0 out 0\n"
		    "ended 1.1 POST /grpc -> 101 by p10 client after 1314ms in 202 out 169\n")
{
	struct pair pair = upgrade(world, UPGRADE("/grpc"));

	pair_begins(&pair, CALLERD_RESPONSE, false);
	pair_begins(&pair, CALLERD_REQUEST, true);
	pair_calls(&pair, CALLERD_REQUEST, 0, 1, CALL("/a.B/C"), "123", true);
	pair_calls(&pair, CALLERD_RESPONSE, 1, 1, H2_200, "ok", false);
	flush(world);
	pair_calls(&pair, CALLERD_RESPONSE, 1, 1, "grpc-status 7\n", NULL, true);
	flush(world);
	sender(world, 1, 11);
	pair_calls(&pair, CALLERD_REQUEST, 0, 3, CALL("/a.B/D"), NULL, true);
	pair_calls(&pair, CALLERD_RESPONSE, 1, 3, H2_200 "grpc-status 12\n", NULL, true);
	pair_calls(&pair, CALLERD_REQUEST, 0, 5, H2("POST", "/e"), NULL, true);
	pair_calls(&pair, CALLERD_RESPONSE, 1, 5, ":status 500\n", NULL, true);
	flush(world);
	/* The outcome of what streams comes with its end, or never. */
	pair_calls(&pair, CALLERD_REQUEST, 0, 7, CALL("/a.B/E"), NULL, true);
	pair_calls(&pair, CALLERD_RESPONSE, 1, 7, H2_200, NULL, false);
	flush(world);
	pause_at(world, 1300);
	flush(world);
	put_frame(&pair.out, NGHTTP2_RST_STREAM, 0, 7, "\0\0\0\0", 4);
	pair_say(&pair, CALLERD_RESPONSE);
	ends(world, 1);
	pair_end(&pair);
}

/* What the daemon asks is counted to those who sent the upgrade. */
TEST(http2_reversed, "1 connected by p10\n"
		     "1.1 POST /session -> 101 by p10\n"
		     "1.2 POST /s.S/Get +2 -> 200 OK asked +6 by p10\n"
		     "1.3 POST /s.S/Get +2 asked by p10\n"
		     "ended 1.1 POST /session -> 101 by p10 client after 8ms in 125 out 182\n")
{
	struct pair pair = upgrade(world, UPGRADE("/session"));

	pair_begins(&pair, CALLERD_REQUEST, false);
	pair_begins(&pair, CALLERD_RESPONSE, true);
	pair_calls(&pair, CALLERD_RESPONSE, 0, 1, CALL("/s.S/Get"), "id", true);
	sender(world, 1, 11);
	pair_calls(&pair, CALLERD_REQUEST, 1, 1, H2_200, "secret", false);
	pair_calls(&pair, CALLERD_REQUEST, 1, 1, "grpc-status 0\n", NULL, true);
	flush(world);
	pair_calls(&pair, CALLERD_RESPONSE, 0, 3, CALL("/s.S/Get"), "id", true);
	ends(world, 1);
	pair_end(&pair);
}

TEST(http2_both_ask, "1 connected by p10\n"
		     "1.1 POST /session -> 101 by p10\n"
		     "1.2 by p10 !unparsed (HTTP/2: both sides ask, or none)\n"
		     "ended 1.1 POST /session -> 101 by p10 client after 4ms in 103 out 104\n")
{
	struct pair pair = upgrade(world, UPGRADE("/session"));

	pair_begins(&pair, CALLERD_REQUEST, true);
	pair_begins(&pair, CALLERD_RESPONSE, true);
	ends(world, 1);
	pair_end(&pair);
}

/* That it failed is told by the record of its end, however soon that comes; behind what is copied of the answer, too. */
TEST_WHOLE(failure_behind_the_answer,
	   "1 connected by p10\n"
	   "1.1 POST /a/Session -> 200 by p10\n"
	   "ended 1.1 POST /a/Session -> 200 by p10 complete after 953ms in 42 out 72\n"
	   "1.2 POST /b/Session -> 200 by p10\n"
	   "ended 1.2 POST /b/Session -> 200 by p10 complete after 303ms in 42\n"
	   "1.3 GET /c -> 200 by p10\n")
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

	connects(world, 1, 10);
	for (unsigned int i = 0; i < 2; i++) {
		asks(world, 1,
		     i ? "POST /b/Session HTTP/1.1\r\n" HOST "\r\n"
		       : "POST /a/Session HTTP/1.1\r\n" HOST "\r\n");
		answers(world, 1, head);
		answers(world, 1, "3\r\nabc\r\n");
		pause_at(world, i ? 300 : 950);
		if (i)
			unseen(world, 1, CALLERD_RESPONSE, 5000);
		answers(world, 1, "7\r\nFAILED\n\r\n0\r\n\r\n");
		flush(world);
	}
	asks(world, 1, "GET /c HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, OK_EMPTY);
}

/* --- sessions within calls --- */

/* Bytes of the daemon's within the call STREAM that lends it a session: those in pair.inner. */
static void pair_asks_within(struct pair *pair, struct text *inner, uint32_t stream)
{
	char head[] = {0, 0, 0, 0, 0, 0x0a, 0, 0};

	assert_true(inner->size < 1 << 14);
	head[3] = (char)((inner->size + 3) >> 8);
	head[4] = (char)(inner->size + 3);
	head[6] = (char)(inner->size | 0x80);
	head[7] = (char)(inner->size >> 7);
	put_frame(&pair->out, NGHTTP2_DATA, 0, stream, head, sizeof(head));
	put_frame(&pair->out, NGHTTP2_DATA, 0, stream, inner->data, inner->size);
	pair_say(pair, CALLERD_RESPONSE);
	text_cut(inner, 0);
}

/* A call on STREAM lends a session, on which the daemon begins; ASKS are the headers of what it asks there. */
static struct text lend(struct pair *pair, uint32_t stream, nghttp2_hd_deflater **ret_asks)
{
	struct text inner = {0};

	nghttp2_hd_deflate_new(ret_asks, 4096);
	pair_heads(pair, CALLERD_REQUEST, stream, CALL("/b.C/Session"), false);
	pair_heads(pair, CALLERD_RESPONSE, stream, H2_200, false);
	text_add_string(&inner, HTTP2_PREFACE);
	put_frame(&inner, NGHTTP2_SETTINGS, 0, 0, "", 0);
	return inner;
}

/* What the daemon asks there is told as soon as it is asked, as the doing of who lent the session: its answers are never seen. */
TEST(http2_session_in_a_call,
     "1 connected by p10\n"
     "1.1 POST /b.C/Session -> 200 by p10\n"
     "1.2 POST /s.S/Get +2 asked by p10 !budget\n"
     "1.4 POST /s.S/Get +2 asked by p10 !budget\n"
     "started 1.3 POST /f.F/Copy asked by p10 !unfinished\n"
     "1.5 POST /s.S/Gone asked by p10 !budget\n"
     "1.3 POST /f.F/Copy asked by p10 !budget\n"
     "ended 1.1 POST /b.C/Session -> 200 OK +208 by p10 complete after 1207ms out 208\n")
{
	struct pair pair = pair_begin(world);
	nghttp2_hd_deflater *asks;
	struct text inner = lend(&pair, 1, &asks);

	put_headers(&inner, asks, 1, CALL("/s.S/Get"), false);
	put_data(&inner, 1, "id", true);
	pair_asks_within(&pair, &inner, 1);
	flush(world);
	sender(world, 1, 11);
	put_headers(&inner, asks, 3, CALL("/f.F/Copy"), false);
	pair_asks_within(&pair, &inner, 1);
	put_headers(&inner, asks, 5, CALL("/s.S/Get"), false);
	pair_asks_within(&pair, &inner, 1);
	put_data(&inner, 5, "id", true);
	pair_asks_within(&pair, &inner, 1);
	flush(world);
	pause_at(world, 1200);
	flush(world);
	put_headers(&inner, asks, 7, CALL("/s.S/Gone"), false);
	put_frame(&inner, NGHTTP2_RST_STREAM, 0, 7, "\0\0\0\10", 4);
	pair_asks_within(&pair, &inner, 1);
	flush(world);
	pair_heads(&pair, CALLERD_RESPONSE, 1, "grpc-status 0\n", true);
	nghttp2_hd_deflate_del(asks);
	text_free(&inner);
	pair_end(&pair);
}

/* What is beyond the budget is told of once. */
TEST(http2_session_in_a_call_unseen, "1 connected by p10\n"
				     "1.1 POST /b.C/Session -> 200 by p10\n"
				     "1.2 POST /s.S/Get +2 asked by p10 !budget\n"
				     "1.3 asked by p10 !budget !unparsed (HTTP/2: not all that is "
				     "asked within a session was seen)\n"
				     "1.4 GET /_ping -> 200 by p10\n")
{
	struct pair pair = pair_begin(world);
	nghttp2_hd_deflater *asks;
	struct text inner = lend(&pair, 1, &asks);

	flush(world);
	put_headers(&inner, asks, 1, CALL("/s.S/Get"), false);
	put_data(&inner, 1, "id", true);
	pair_asks_within(&pair, &inner, 1);
	for (unsigned int i = 0; i < 2; i++) {
		put_frame(&pair.out, NGHTTP2_DATA, 0, 1, HOST, 5);
		text_cut(&pair.out, HTTP2_FRAME_HEAD);
		pair_say(&pair, CALLERD_RESPONSE);
		unseen(world, 1, CALLERD_RESPONSE, 5);
	}
	put_headers(&inner, asks, 3, CALL("/s.S/Get"), true);
	pair_asks_within(&pair, &inner, 1);
	pair_heads(&pair, CALLERD_REQUEST, 3, H2("GET", "/_ping"), true);
	pair_heads(&pair, CALLERD_RESPONSE, 3, H2_200, true);
	nghttp2_hd_deflate_del(asks);
	text_free(&inner);
	pause_at(world, 1200);
	pair_end(&pair);
}

/* A session within a session, of either kind, is said and not followed. */
TEST(http2_session_in_a_session, "1 connected by p10\n"
				 "1.1 POST /b.C/Session -> 200 by p10\n"
				 "1.2 POST /b.C/Session +9 asked by p10 !budget !unparsed "
				 "(HTTP/2: a session within a session is not followed)\n")
{
	struct pair pair = pair_begin(world);
	nghttp2_hd_deflater *asks;
	struct text inner = lend(&pair, 1, &asks);

	put_headers(&inner, asks, 1, CALL("/b.C/Session"), false);
	put_frame(&inner, NGHTTP2_DATA, 0, 1, "\0\0\0\0\4\n\2PR", 9);
	put_frame(&inner, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "", 0);
	pair_asks_within(&pair, &inner, 1);
	nghttp2_hd_deflate_del(asks);
	text_free(&inner);
	pause_at(world, 1200);
	pair_end(&pair);
}

/* Messages that are compressed, or none; bytes in them that are no HTTP/2. */
TEST(http2_session_of_nonsense,
     "1 connected by p10\n"
     "1.1 POST /b.C/Session -> 200 by p10\n"
     "1.2 asked by p10 !unparsed (HTTP/2: messages of a session that cannot be read)\n"
     "1.3 POST /b.C/Session -> 200 by p10\n"
     "1.4 asked by p10 !unparsed (HTTP/2: messages of a session that cannot be read)\n"
     "1.5 POST /b.C/Session -> 200 by p10\n"
     "1.6 asked by p10 !unparsed (HTTP/2: no preface)\n")
{
	static const char *const data[] = {"\1\0\0\0\2xy", "\0\0\0\0\2\7\7", "\0\0\0\0\3\n\1x"};
	static const size_t size[] = {7, 7, 8};
	struct pair pair = pair_begin(world);

	for (unsigned int i = 0; i < 3; i++) {
		nghttp2_hd_deflater *asks;
		struct text inner = lend(&pair, 2 * i + 1, &asks);

		flush(world);
		put_frame(&pair.out, NGHTTP2_DATA, 0, 2 * i + 1, data[i], size[i]);
		put_frame(&pair.out, NGHTTP2_DATA, 0, 2 * i + 1, data[i], size[i]);
		pair_say(&pair, CALLERD_RESPONSE);
		flush(world);
		nghttp2_hd_deflate_del(asks);
		text_free(&inner);
	}
	pause_at(world, 1200);
	pair_end(&pair);
}

/* Attacker: sessions that nobody needs hide none. */
TEST(http2_sessions_many,
     "1 connected by p10\n"
     "1.1 POST /b.C/Session -> 200 OK +84 by p10\n"
     "1.2 POST /b.C/Session -> 200 OK +41 by p10\n"
     "1.3 POST /b.C/Session -> 200 OK +41 by p10\n"
     "1.4 POST /b.C/Session -> 200 OK +41 by p10\n"
     "1.5 POST /b.C/Session -> 200 OK +41 by p10\n"
     "1.6 POST /b.C/Session -> 200 OK +41 by p10\n"
     "1.7 POST /b.C/Session -> 200 OK +41 by p10\n"
     "1.8 POST /b.C/Session -> 200 OK +41 by p10\n"
     "1.9 POST /b.C/Session -> 200 OK +41 by p10\n"
     "1.10 asked by p10 !lost !unparsed (HTTP/2: more sessions at once than are followed)\n"
     "1.11 POST /s.S/Get asked by p10 !budget\n")
{
	struct pair pair = pair_begin(world);
	nghttp2_hd_deflater *asks[9];
	struct text inner;

	for (unsigned int i = 0; i < 9; i++) {
		inner = lend(&pair, 2 * i + 1, &asks[i]);
		pair_asks_within(&pair, &inner, 2 * i + 1);
		text_free(&inner);
	}
	put_headers(&inner, asks[0], 1, CALL("/s.S/Get"), true);
	pair_asks_within(&pair, &inner, 1);
	for (unsigned int i = 0; i < 9; i++) {
		pair_heads(&pair, CALLERD_RESPONSE, 2 * i + 1, "grpc-status 0\n", true);
		nghttp2_hd_deflate_del(asks[i]);
	}
	text_free(&inner);
	pair_end(&pair);
}

/* Docker drops what it read ahead of its answer. */
TEST(http2_read_ahead, "1 connected by p10\n"
		       "1.1 POST /grpc -> 101 by p10\n"
		       "1.2 GET /b -> 200 by p10\n"
		       "ended 1.1 POST /grpc -> 101 by p10 client after 6ms in 142 out 90\n")
{
	struct pair pair = upgrade(world, UPGRADE("/grpc") HTTP2_PREFACE);

	pair_begins(&pair, CALLERD_REQUEST, true);
	pair_begins(&pair, CALLERD_RESPONSE, false);
	pair_calls(&pair, CALLERD_REQUEST, 0, 1, H2("GET", "/b"), NULL, true);
	pair_calls(&pair, CALLERD_RESPONSE, 1, 1, H2_200, NULL, true);
	ends(world, 1);
	pair_end(&pair);
}

TEST(http2_upgrade_lost, "1 connected by p10\n"
			 "1.1 POST /grpc -> 101 by p10\n"
			 "1.2 by p10 !lost !unparsed (HTTP/2: its first bytes were not seen)\n"
			 "ended 1.1 POST /grpc -> 101 by p10 client after 3ms in 106 out 71\n")
{
	struct pair pair = upgrade(world, UPGRADE("/grpc"));

	lost(world, 1, CALLERD_REQUEST, 30);
	pair_begins(&pair, CALLERD_REQUEST, false);
	ends(world, 1);
	pair_end(&pair);
}

/* Each stream has the senders of its own frames. */
TEST(http2_senders, "1 connected by p10\n"
		    "1.2 GET /theirs -> 200 by p11 via p10\n"
		    "1.1 POST /ours +2 -> 200 by p10\n"
		    "1.3 POST /both +2 -> 200 by p11 via p10 candidates p11 or p10 !senders\n")
{
	struct pair pair = pair_begin(world);

	pair_heads(&pair, CALLERD_REQUEST, 1, H2("POST", "/ours"), false);
	sender(world, 1, 11);
	pair_heads(&pair, CALLERD_REQUEST, 3, H2("GET", "/theirs"), true);
	pair_heads(&pair, CALLERD_REQUEST, 5, H2("POST", "/both"), false);
	sender(world, 1, 10);
	pair_sends(&pair, CALLERD_REQUEST, 1, "{}", true);
	pair_sends(&pair, CALLERD_REQUEST, 5, "{}", true);
	pair_heads(&pair, CALLERD_RESPONSE, 3, H2_200, true);
	pair_heads(&pair, CALLERD_RESPONSE, 1, H2_200, true);
	pair_heads(&pair, CALLERD_RESPONSE, 5, H2_200, true);
	pair_end(&pair);
}

TEST(http2_resets, "1 connected by p10\n"
		   "1.1 GET /a by p10\n"
		   "1.2 GET /b by p10\n"
		   "1.3 GET /c -> 200 by p10\n")
{
	struct pair pair = pair_begin(world);

	pair_heads(&pair, CALLERD_REQUEST, 1, H2("GET", "/a"), true);
	put_frame(&pair.out, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\10", 4);
	pair_say(&pair, CALLERD_REQUEST);
	pair_heads(&pair, CALLERD_REQUEST, 3, H2("GET", "/b"), true);
	put_frame(&pair.out, NGHTTP2_RST_STREAM, 0, 3, "\0\0\0\7", 4);
	pair_say(&pair, CALLERD_RESPONSE);
	pair_heads(&pair, CALLERD_REQUEST, 5, H2("GET", "/c"), true);
	pair_heads(&pair, CALLERD_RESPONSE, 5, H2_200, false);
	put_frame(&pair.out, NGHTTP2_RST_STREAM, 0, 5, "\0\0\0\2", 4);
	pair_say(&pair, CALLERD_RESPONSE);
	pair_end(&pair);
}

/* A piece of a body is missing: all else can be read. */
TEST(http2_gap_in_a_body, "1 connected by p10\n"
			  "1.1 POST /a +1000 -> 200 by p10 !budget\n"
			  "1.2 GET /b -> 200 by p10\n")
{
	struct pair pair = pair_begin(world);
	static char filler[1000];

	pair_heads(&pair, CALLERD_REQUEST, 1, H2("POST", "/a"), false);
	put_frame(&pair.out, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, filler, sizeof(filler));
	text_cut(&pair.out, HTTP2_FRAME_HEAD + 100);
	pair_say(&pair, CALLERD_REQUEST);
	unseen(world, 1, CALLERD_REQUEST, 900);
	pair_heads(&pair, CALLERD_REQUEST, 3, H2("GET", "/b"), true);
	pair_heads(&pair, CALLERD_RESPONSE, 1, H2_200, true);
	pair_heads(&pair, CALLERD_RESPONSE, 3, H2_200, true);
	pair_end(&pair);
}

/* Who sent the piece that is missing is one of its senders. */
TEST(http2_sender_of_a_gap,
     "1 connected by p10\n"
     "1.1 POST /a +1000 -> 200 by p10 candidates p10 or p11 !budget !senders\n")
{
	struct pair pair = pair_begin(world);
	static char filler[1000];

	pair_heads(&pair, CALLERD_REQUEST, 1, H2("POST", "/a"), false);
	put_frame(&pair.out, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, filler, sizeof(filler));
	text_cut(&pair.out, HTTP2_FRAME_HEAD + 100);
	pair_say(&pair, CALLERD_REQUEST);
	sender(world, 1, 11);
	unseen(world, 1, CALLERD_REQUEST, 900);
	sender(world, 1, 10);
	pair_heads(&pair, CALLERD_REQUEST, 3, H2("GET", "/b"), false);
	pair_heads(&pair, CALLERD_RESPONSE, 1, H2_200, true);
	pair_end(&pair);
}

/* A header block is missing: that is told once, and later requests by their answers only. */
TEST(http2_lost_requests, "1 connected by p10\n"
			  "1.2 by p10 !lost !unparsed (HTTP/2: bytes were not seen)\n"
			  "1.1 GET /a -> 200 by p10\n"
			  "1.0 -> 201 by p10 !lost !resynchronised\n")
{
	struct pair pair = pair_begin(world);

	pair_heads(&pair, CALLERD_REQUEST, 1, H2("GET", "/a"), true);
	lost(world, 1, CALLERD_REQUEST, 50);
	pair_heads(&pair, CALLERD_REQUEST, 5, H2("GET", "/b"), true);
	pair_heads(&pair, CALLERD_RESPONSE, 1, H2_200, true);
	pair_heads(&pair, CALLERD_RESPONSE, 5, ":status 201\n", true);
	assert_int_equal(unpaired(world), 1);
	assert_int_equal(world->mute[1], 0);
	pair_end(&pair);
}

static void pair_opens_many(struct pair *pair)
{
	for (uint32_t i = 0; i < 1024; i++)
		put_headers(&pair->out, pair->deflaters[CALLERD_REQUEST], 2 * i + 1,
			    H2("POST", "/a"), false);
	pair_say(pair, CALLERD_REQUEST);
}

/* Attacker: whoever holds streams open hides none. */
TEST_WHOLE(http2_too_many_streams, "1 connected by p10\n"
				   "1.1025 POST /create by p10 !lost\n"
				   "1.1026 GET /b by p10 !lost\n"
				   "1.1 POST /a -> 200 by p10\n"
				   "1.1027 GET /c -> 200 by p10\n")
{
	struct pair pair = pair_begin(world);

	pair_opens_many(&pair);
	pair_heads(&pair, CALLERD_REQUEST, 3001, H2("POST", "/create"), false);
	pair_sends(&pair, CALLERD_REQUEST, 3001, "{}", true);
	pair_heads(&pair, CALLERD_REQUEST, 3003, H2("GET", "/b"), true);
	pair_heads(&pair, CALLERD_RESPONSE, 3001, ":status 201\n", true);
	pair_heads(&pair, CALLERD_RESPONSE, 1, H2_200, true);
	pair_heads(&pair, CALLERD_REQUEST, 3005, H2("GET", "/c"), true);
	pair_heads(&pair, CALLERD_RESPONSE, 3005, H2_200, true);
	pair_end(&pair);
}

/* The same of requests that cannot be read. */
TEST_WHOLE(http2_too_many_streams_lost,
	   "1 connected by p10\n"
	   "1.1025 by p10 !lost !unparsed (HTTP/2: bytes were not seen)\n"
	   "1.0 -> 201 by p10 !lost !resynchronised\n"
	   "1.0 -> 202 by p10 !lost !resynchronised\n")
{
	struct pair pair = pair_begin(world);

	pair_opens_many(&pair);
	lost(world, 1, CALLERD_REQUEST, 50);
	pair_heads(&pair, CALLERD_REQUEST, 3005, H2("GET", "/b"), true);
	pair_heads(&pair, CALLERD_RESPONSE, 3001, ":status 201\n", false);
	pair_sends(&pair, CALLERD_RESPONSE, 3001, "{}", true);
	pair_heads(&pair, CALLERD_RESPONSE, 3003, ":status 202\n", true);
	pair_end(&pair);
}

/* Answers are missing: requests go on to be told. */
TEST(http2_lost_responses, "1 connected by p10\n"
			   "1.1 GET /a by p10 !lost\n"
			   "1.2 GET /b by p10 !lost\n")
{
	struct pair pair = pair_begin(world);

	pair_heads(&pair, CALLERD_REQUEST, 1, H2("GET", "/a"), true);
	lost(world, 1, CALLERD_RESPONSE, 50);
	pair_heads(&pair, CALLERD_RESPONSE, 1, H2_200, true);
	pair_heads(&pair, CALLERD_REQUEST, 3, H2("GET", "/b"), true);
	pair_end(&pair);
}

/* Servers refuse such heads; they are told all the same. */
TEST(http2_odd_heads, "1 connected by p10\n"
		      "1.1 -> 400 by p10\n"
		      "1.2 -> 400 by p10\n")
{
	struct pair pair = pair_begin(world);

	pair_heads(&pair, CALLERD_REQUEST, 1, "accept a\n" H2("GET", "/a"), true);
	pair_heads(&pair, CALLERD_RESPONSE, 1, ":status 400\n", true);
	pair_heads(&pair, CALLERD_REQUEST, 3, "accept a\n", true);
	pair_heads(&pair, CALLERD_RESPONSE, 3, ":status 400\n", true);
	/* A trailer of a stream that is over. */
	pair_heads(&pair, CALLERD_REQUEST, 1, "x-trailer a\n", true);
	pair_end(&pair);
}

TEST(http2_malformed, "1 connected by p10\n"
		      "1.1 by p10 !unparsed (HTTP/2: a header block is interrupted)\n")
{
	struct pair pair = pair_begin(world);

	put_frame(&pair.out, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, "", 0);
	pair_say(&pair, CALLERD_REQUEST);
	put_frame(&pair.out, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 0, "", 0);
	pair_say(&pair, CALLERD_RESPONSE);
	assert_int_equal(world->mute[1], MUTED);
	pair_end(&pair);
}

/* A daemon that speaks HTTP/1 only. */
TEST(http2_refused, "1 connected by p10\n"
		    "1.1 -> 400 by p10 !unparsed (HTTP/2 preface)\n")
{
	struct text out = {0};

	connects(world, 1, 10);
	asks(world, 1, HTTP2_PREFACE);
	put_frame(&out, NGHTTP2_SETTINGS, 0, 0, "", 0);
	speak(world, 1, CALLERD_REQUEST, out.data, out.size);
	answers(world, 1, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
	ends(world, 1);
	text_free(&out);
}

TEST(http2_preface_cut_short, "1 connected by p10\n"
			      "1.1 by p10 !unparsed (HTTP/2 preface)\n")
{
	connects(world, 1, 10);
	asks(world, 1, "PRI * HTTP/2.0\r\n\r\nSM");
	ends(world, 1);
}

TEST(like_a_preface, "1 connected by p10\n"
		     "1.1 PRIZE /a -> 200 by p10\n")
{
	connects(world, 1, 10);
	asks(world, 1, "PRIZE /a HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, OK_EMPTY);
}

/* What is told of a connection that is HTTP/2, and older than callerd. */
#define MET_IN_ITS_MIDDLE                                                                          \
	"1.1 by nobody preexisting !unparsed !resynchronised !connector-lost !sender-lost "        \
	"(HTTP/2, met in its middle: its header tables are not known)\n"

/* It is older than the agent: nothing is guessed, and it is told once, when the daemon has written a frame, too. */
TEST_WHOLE(http2_midway, MET_IN_ITS_MIDDLE)
{
	nghttp2_hd_deflater *deflater;
	struct text out = {0};

	nghttp2_hd_deflate_new(&deflater, 4096);
	for (unsigned int i = 0; i < 2; i++) {
		world->flags = CALLERD_FLAG_PREEXISTING;
		put_headers(&out, deflater, 2 * i + 9, H2("GET", "/a"), true);
		speak(world, 1, CALLERD_REQUEST, out.data, out.size);
		text_cut(&out, 0);
		assert_int_equal(world->mute[1], 0);
	}
	put_headers(&out, deflater, 9, H2_200, true);
	speak(world, 1, CALLERD_RESPONSE, out.data, out.size);
	assert_int_equal(world->mute[1], MUTED);
	nghttp2_hd_deflate_del(deflater);
	text_free(&out);
}

/* Of an older connection the client's first bytes look like an empty frame of SETTINGS. */
static void begins_like_frames(struct world *world)
{
	world->flags = CALLERD_FLAG_PREEXISTING;
	speak(world, 1, CALLERD_REQUEST, "\0\0\0\4\0\0\0\0\0", 9);
}

/* The daemon writes nothing any more. */
TEST_WHOLE(http2_midway_unanswered, MET_IN_ITS_MIDDLE)
{
	begins_like_frames(world);
	unreadable(world, 1, CALLERD_RESPONSE, 100);
	ends(world, 1);
}

/* Attacker: the daemon was blocked within a frame when the agent came. What it writes next decides nothing. */
TEST_WHOLE(http2_midway_in_mid_frame, MET_IN_ITS_MIDDLE)
{
	begins_like_frames(world);
	answers(world, 1, "the rest of a frame");
	assert_int_equal(world->mute[1], 0);
	speak(world, 1, CALLERD_RESPONSE, "\0\0\0\4\1\0\0\0\0", 9);
	assert_int_equal(world->mute[1], MUTED);
}

/* Attacker: the daemon's frames are larger than is common. */
TEST_WHOLE(http2_midway_large_frames, MET_IN_ITS_MIDDLE)
{
	begins_like_frames(world);
	speak(world, 1, CALLERD_RESPONSE, "\1\0\1\0\0\0\0\0\1data", 13);
	ends(world, 1);
}

/* Attacker: the rest of a frame begins like an answer, and has no record as one. */
TEST_WHOLE(http2_midway_like_http1, MET_IN_ITS_MIDDLE)
{
	begins_like_frames(world);
	answers(world, 1, "H");
	speak(world, 1, CALLERD_REQUEST, "frame", 5);
	answers(world, 1, "HTTP/1.1 is nice\r\n\r\n");
	speak(world, 1, CALLERD_REQUEST, "frame", 5);
	answers(world, 1, "HTTP/1.1 100 Continue\r\n\r\n");
	speak(world, 1, CALLERD_REQUEST, "frame", 5);
	answers(world, 1, "HTTP/1.1 200 OK\r\nServer: ");
	ends(world, 1);
}

/* Attacker: whatever the client sends is cut within a frame. The daemon's frames tell, once. */
TEST_WHOLE(http2_midway_cut_by_its_client, MET_IN_ITS_MIDDLE)
{
	world->flags = CALLERD_FLAG_PREEXISTING;
	speak(world, 1, CALLERD_REQUEST, "\0\0\5junk", 7);
	speak(world, 1, CALLERD_RESPONSE, "\0\0\0\4\1\0\0\0\0", 9);
	assert_int_equal(world->mute[1], MUTED);
	speak(world, 1, CALLERD_REQUEST, "\0\0\5junk", 7);
	speak(world, 1, CALLERD_RESPONSE, "\0\0\0\4\1\0\0\0\0", 9);
	ends(world, 1);
}

/* A stream of a container's, where each piece of its output has a head of its own. */
TEST_WHOLE(raw_midway, "")
{
	world->flags = CALLERD_FLAG_PREEXISTING;
	asks(world, 1, "1 or 2\n");
	speak(world, 1, CALLERD_RESPONSE, "\1\0\0\0\0\0\0\0071 or 2\n", 15);
	asks(world, 1, "3\n");
	speak(world, 1, CALLERD_RESPONSE, "\2\0\0\0\0\0\0\0023\n", 10);
	ends(world, 1);
}

/* Attacker: what looks like a frame, at the end of a body that began before the agent did, hides no request. */
TEST_WHOLE(http1_like_http2_midway,
	   "1.0 -> 201 +2 by nobody preexisting !resynchronised !connector-lost !sender-lost\n"
	   "1.0 -> 200 by nobody preexisting !resynchronised !connector-lost !sender-lost\n"
	   "1.1 POST /create -> 201 +2 by p10 preexisting !connector-lost\n")
{
	begins_like_frames(world);
	asks(world, 1, "GET /pipelined HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, CREATED);
	answers(world, 1, OK_EMPTY);
	sender(world, 1, 10);
	asks(world, 1, "POST /create HTTP/1.1\r\n" HOST "\r\n");
	answers(world, 1, CREATED);
	assert_int_equal(world->mute[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_request),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_continued),
		cmocka_unit_test(test_answered_early),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_pipelined_unanswered),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_malformed_unanswered),
		cmocka_unit_test(test_malformed_body),
		cmocka_unit_test(test_http2_preface),
		cmocka_unit_test(test_http2_requests),
		cmocka_unit_test(test_http2_at_once),
		cmocka_unit_test(test_http2_frames_of_all_kinds),
		cmocka_unit_test(test_http2_upgrade),
		cmocka_unit_test(test_http2_reversed),
		cmocka_unit_test(test_http2_both_ask),
		cmocka_unit_test(test_http2_read_ahead),
		cmocka_unit_test(test_http2_upgrade_lost),
		cmocka_unit_test(test_http2_senders),
		cmocka_unit_test(test_http2_resets),
		cmocka_unit_test(test_http2_gap_in_a_body),
		cmocka_unit_test(test_http2_sender_of_a_gap),
		cmocka_unit_test(test_http2_lost_requests),
		cmocka_unit_test(test_http2_too_many_streams),
		cmocka_unit_test(test_http2_too_many_streams_lost),
		cmocka_unit_test(test_http2_lost_responses),
		cmocka_unit_test(test_http2_odd_heads),
		cmocka_unit_test(test_http2_malformed),
		cmocka_unit_test(test_http2_refused),
		cmocka_unit_test(test_http2_preface_cut_short),
		cmocka_unit_test(test_like_a_preface),
		cmocka_unit_test(test_failure_behind_the_answer),
		cmocka_unit_test(test_http2_midway),
		cmocka_unit_test(test_http2_midway_unanswered),
		cmocka_unit_test(test_http2_midway_in_mid_frame),
		cmocka_unit_test(test_http2_midway_large_frames),
		cmocka_unit_test(test_http2_midway_like_http1),
		cmocka_unit_test(test_http2_midway_cut_by_its_client),
		cmocka_unit_test(test_raw_midway),
		cmocka_unit_test(test_http1_like_http2_midway),
		cmocka_unit_test(test_http2_session_in_a_call),
		cmocka_unit_test(test_http2_session_in_a_call_unseen),
		cmocka_unit_test(test_http2_session_in_a_session),
		cmocka_unit_test(test_http2_session_of_nonsense),
		cmocka_unit_test(test_http2_sessions_many),
		cmocka_unit_test(test_not_http_at_all),
		cmocka_unit_test(test_answered_within_head),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_upgraded),
		cmocka_unit_test(test_taken_over_by_200),
		cmocka_unit_test(test_taken_over_with_held),
		cmocka_unit_test(test_upgrade_refused),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_senders_in_turn),
		cmocka_unit_test(test_senders_pipelined),
		cmocka_unit_test(test_senders_overlap),
		cmocka_unit_test(test_connector_overlap),
		cmocka_unit_test(test_sender_lost),
		cmocka_unit_test(test_span_lost),
		cmocka_unit_test(test_joiner_lost),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_connector_told_late),
		cmocka_unit_test(test_several_senders),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_many_senders),
		cmocka_unit_test(test_too_many_senders),
		cmocka_unit_test(test_past_senders),
		cmocka_unit_test(test_unconfirmed),
		cmocka_unit_test(test_unconfirmed_in_order),
		cmocka_unit_test(test_out_of_band),
		cmocka_unit_test(test_connect_lost),
		cmocka_unit_test(test_preexisting),
		cmocka_unit_test(test_preexisting_sender),
		cmocka_unit_test(test_preexisting_midway),
		cmocka_unit_test(test_preexisting_no_request),
		cmocka_unit_test(test_budget_in_length),
		cmocka_unit_test(test_budget_to_the_end),
		cmocka_unit_test(test_budget_in_chunks),
		cmocka_unit_test(test_lost_in_chunks),
		cmocka_unit_test(test_budget_both_ways),
		cmocka_unit_test(test_budget_both_ways_length),
		cmocka_unit_test(test_upload_like_requests),
		cmocka_unit_test(test_lost_response_head),
		cmocka_unit_test(test_lost_response),
		cmocka_unit_test(test_lost_between_responses),
		cmocka_unit_test(test_budget_of_pipelined),
		cmocka_unit_test(test_behind_answer),
		cmocka_unit_test(test_behind_answer_of_length),
		cmocka_unit_test(test_answer_in_the_dark),
		cmocka_unit_test(test_answer_lost_at_the_end),
		cmocka_unit_test(test_forged_in_log),
		cmocka_unit_test(test_forged_answer),
		cmocka_unit_test(test_forged_takeover),
		cmocka_unit_test(test_forged_garbage),
		cmocka_unit_test(test_behind_body),
		cmocka_unit_test(test_behind_chunks),
		cmocka_unit_test(test_byte_read_ahead),
		cmocka_unit_test(test_beheaded),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_slow_answer),
		cmocka_unit_test(test_slow_answers),
		cmocka_unit_test(test_slow_unconfirmed),
		cmocka_unit_test(test_long_answer),
		cmocka_unit_test(test_long_answer_over_budget),
		cmocka_unit_test(test_long_answer_broken_off),
		cmocka_unit_test(test_lost_request),
		cmocka_unit_test(test_lost_in_head),
		cmocka_unit_test(test_unreadable_body),
		cmocka_unit_test(test_unreadable_response),
		cmocka_unit_test(test_held_to_the_brim),
		cmocka_unit_test(test_held_over),
		cmocka_unit_test(test_unknown_connections),
		cmocka_unit_test(test_unknown_socket),
		cmocka_unit_test(test_eviction_by_count),
		cmocka_unit_test(test_eviction_of_the_greatest),
		cmocka_unit_test(test_eviction_of_the_largest),
		cmocka_unit_test(test_eviction_of_listed),
		cmocka_unit_test(test_eviction_by_memory),
		cmocka_unit_test(test_memory_of_shared_caller),
		cmocka_unit_test(test_evicted_takeover),
		cmocka_unit_test(test_survey),
		cmocka_unit_test(test_ended_unnoticed),
		cmocka_unit_test(test_accept_lost),
		cmocka_unit_test(test_accepted_and_stopped),
		cmocka_unit_test(test_accepted_and_unnoticed),
		cmocka_unit_test(test_accepted_in_a_survey),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_free_pending),
		cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
