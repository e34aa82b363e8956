// SPDX-License-Identifier: Apache-2.0
/* The agent's listener to an engine's events, against an engine that is played here: as dockerd, it keeps its last
 * events, tells those from a time on, and passes over a listener that does not read. */
#include "played_engine.h"

#include <poll.h>

#include "base/clock.h"
#include "engine/event_stream.h"
#include "engine/listener.h"

#define EVENTS_MAX 8192
#define CHANNEL 1024
#define ENGINE_MEMORY 256 /* events that Docker can repeat */

/* An event is but a number, its id, and a time. */
struct happened {
	unsigned int id;
	uint64_t time;
};

struct played {
	/* What it answers. */
	const char *version, *events_head; /* NULL: nothing at all */
	bool in_chunks, late_head;
	bool closes; /* after /version */
	/* Its memory. */
	struct happened memory[EVENTS_MAX];
	unsigned int memory_size, memory_max;
	uint64_t clock; /* its own, a second an event; 0: it has the real one */
	/* The connection. */
	struct happened channel[EVENTS_MAX];
	unsigned int channel_size, passed_over;
	bool subscribed, headed;
	unsigned int version_requests, events_requests;
	uint64_t since;
	/* The listener. */
	struct event_stream_options options;
	struct event_stream *stream;
	uint64_t now;
	char told[65536]; /* "1 2 gap 3 " */
};

static struct played played;

static struct event_stream_stats stats(void)
{
	struct event_stream_stats now;

	event_stream_stats(played.stream, &now);
	return now;
}

/* --- the engine that is played ---------------------------------------------------------------- */

static void hang_up(void)
{
	server_hang_up();
	played.channel_size = 0;
	played.subscribed = played.headed = false;
}

static void stop_listening(void)
{
	hang_up();
	server_stop();
}

static void put_piece(const char *text)
{
	char head[32];

	snprintf(head, sizeof(head), "%zx\r\n", strlen(text));
	if (played.in_chunks)
		server_put(head);
	server_put(text);
	if (played.in_chunks)
		server_put("\r\n");
}

static void put_head(void)
{
	if (!played.headed && played.events_head)
		server_put(played.events_head);
	played.headed = true;
}

static void put_event(const struct happened *happened)
{
	char line[512];

	put_head();
	snprintf(line, sizeof(line),
		 "{\"Type\":\"volume\",\"Action\":\"create\",\"Actor\":{\"ID\":\"%u\","
		 "\"Attributes\":"
		 "{\"driver\":\"local\"}},\"scope\":\"local\",\"time\":%llu,\"timeNano\":%llu}\n",
		 happened->id, (unsigned long long)(happened->time / NS_PER_S),
		 (unsigned long long)happened->time);
	put_piece(line);
}

/* As loadBufferedEvents() of daemon/events/events.go. */
static void replay(uint64_t since)
{
	unsigned int first = played.memory_size;

	while (first && played.memory[first - 1].time >= since)
		first--;
	for (; first < played.memory_size; first++)
		put_event(&played.memory[first]);
}

static void answer_events(const char *query)
{
	unsigned long long seconds, nanos;

	played.events_requests++;
	assert_int_equal(sscanf(query, "?since=%llu.%9llu HTTP/1.1\r\n", &seconds, &nanos), 2);
	played.since = seconds * NS_PER_S + nanos;
	if (!played.events_head)
		return;
	if (!played.late_head)
		put_head();
	played.subscribed = strstr(played.events_head, " 200 ") != NULL;
	if (played.subscribed)
		replay(played.since);
}

static void answer_version(void)
{
	char head[128];

	played.version_requests++;
	if (!played.version)
		return;
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n",
		 strlen(played.version), played.closes ? "Connection: close\r\n" : "");
	server_put(head);
	server_put(played.version);
}

static void take_request(void)
{
	if (!server_take_request())
		return;
	assert_false(played.subscribed);
	if (!strncmp(server.request, "GET /version HTTP/1.1\r\n", 23))
		answer_version();
	else if (!strncmp(server.request, "GET /events", 11))
		answer_events(server.request + 11);
	else
		fail_msg("it asks %s", server.request);
}

/* Sends what is due; one event of the channel after another. */
static void play(void)
{
	bool more = server_accept();

	if (more)
		take_request();
	while (more && server.fd >= 0) {
		more = !server.output_size && played.channel_size && played.subscribed;
		if (more) {
			put_event(&played.channel[0]);
			memmove(played.channel, played.channel + 1,
				--played.channel_size * sizeof(*played.channel));
		}
		if (server.output_size && server_send() && played.closes && !played.subscribed)
			server_hang_up();
		more = more && !server.output_size;
	}
	if (server.fd < 0)
		hang_up();
}

/* Something happens, at TIME. */
static void happen_at(unsigned int id, uint64_t time)
{
	struct happened happened = {id, time};

	if (played.memory_size == played.memory_max)
		memmove(played.memory, played.memory + 1,
			--played.memory_size * sizeof(*played.memory));
	played.memory[played.memory_size++] = happened;
	if (played.subscribed && played.channel_size < CHANNEL)
		played.channel[played.channel_size++] = happened;
	else if (played.subscribed)
		played.passed_over++;
}

static void happen(unsigned int id)
{
	happen_at(id, played.clock ? played.clock += NS_PER_S : clock_now(CLOCK_REALTIME));
}

static void happen_many(unsigned int first, unsigned int last)
{
	for (unsigned int id = first; id <= last; id++) {
		happen(id);
		if (server.fd >= 0 && played.subscribed)
			play(); /* until the socket is full */
	}
}

/* --- the listener ----------------------------------------------------------------------------- */

static void told(const char *text)
{
	if (strlen(played.told) + strlen(text) + 2 < sizeof(played.told))
		strcat(strcat(played.told, text), " ");
}

static void on_event(void *data, const struct engine_event *event)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*s", (int)event->id.size, event->id.data);
	told(text);
}

static void on_gap(void *data)
{
	told("gap");
}

static void begin(uint64_t since)
{
	played.options = (struct event_stream_options){
		.socket = server.path, .since = since, .event = on_event, .gap = on_gap};
	assert_int_equal(event_stream_new(&played.options, &played.stream), 0);
}

static void start_engine(void)
{
	played.memory_size = 0;
	server_listen();
}

static int setup(void **state)
{
	played = (struct played){
		.version = "{\"ApiVersion\":\"1.41\",\"Components\":[{\"Name\":\"Engine\"}]}",
		.events_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		.in_chunks = true,
		.memory_max = ENGINE_MEMORY,
		.now = 1000 * NS_PER_S,
	};
	server_begin();
	begin(0);
	return 0;
}

static int teardown(void **state)
{
	event_stream_free(played.stream);
	stop_listening();
	return files_remove(directory);
}

/* As often as there is something to do, in a time that does not pass. */
static void settle(void)
{
	for (unsigned int idle = 0; idle < 4; idle++) {
		uint64_t exchanged = server.exchanged;

		event_stream_run(played.stream, played.now);
		play();
		if (exchanged != server.exchanged)
			idle = 0;
	}
}

/* HALVES of a second pass. */
static void pass_halves(unsigned int halves)
{
	while (halves--) {
		played.now += 500 * NS_PER_MS;
		settle();
	}
}

static void pass(unsigned int seconds)
{
	pass_halves(2 * seconds);
}

static void assert_told(const char *wanted)
{
	settle();
	assert_string_equal(played.told, wanted);
}

/* The numbers FIRST to LAST, and nothing else, were told since. */
static void assert_told_all(unsigned int first, unsigned int last)
{
	const char *at = played.told;

	for (unsigned int id = first; id <= last; id++) {
		char *end;

		if (strtoul(at, &end, 10) != id)
			fail_msg("instead of %u: %.40s", id, at);
		at = end + 1;
	}
	assert_string_equal(at, "");
	played.told[0] = '\0';
}

/* The connection is lost, and sought again. */
static void lose_connection(void)
{
	hang_up();
	settle();
	assert_false(stats().listening);
	pass_halves(3);
	while (!stats().listening)
		pass_halves(1);
}

static void another_life(uint64_t since)
{
	event_stream_free(played.stream);
	hang_up();
	played.told[0] = '\0';
	begin(since);
}

/* --- as it should be -------------------------------------------------------------------------- */

static void test_idle(void **state)
{
	short events;

	assert_int_equal(event_stream_fd(played.stream, &events), -1);
	assert_false(stats().listening);
	settle();
	assert_true(stats().listening);
	assert_true(event_stream_fd(played.stream, &events) >= 0);
	assert_int_equal(events, POLLIN);
	pass(3600);
	happen(1);
	assert_told("1 ");
	assert_int_equal(server.accepted, 1);
	assert_int_equal(stats().connects, 1);
	assert_int_equal(stats().events, 1);
	assert_int_equal(stats().gaps, 0);
	assert_int_equal(event_stream_position(played.stream), played.memory[0].time);
}

static void test_from_now_on(void **state)
{
	happen(1);
	happen(2);
	assert_told("");
	assert_int_equal(event_stream_position(played.stream), 0);
	happen(3);
	happen(4);
	assert_told("3 4 ");
	assert_int_equal(stats().repeated, 0);
}

/* The head is there, but what happens before the engine takes us for a listener comes by its memory. */
static void test_between_asking_and_listening(void **state)
{
	event_stream_run(played.stream, played.now);
	play();
	event_stream_run(played.stream, played.now);
	happen(1);
	assert_false(played.subscribed);
	assert_told("1 ");
	happen(2);
	assert_told("1 2 ");
}

/* An event that is in the memory, and then published: told once. */
static void test_told_once(void **state)
{
	settle();
	happen(1);
	played.channel[played.channel_size++] = played.memory[0];
	happen(2);
	assert_told("1 2 ");
	assert_int_equal(stats().repeated, 1);
}

/* Of the same time, but not the same. */
static void test_same_time(void **state)
{
	uint64_t time = clock_now(CLOCK_REALTIME) + NS_PER_S;

	settle();
	for (unsigned int id = 1; id <= 5; id++)
		happen_at(id, time);
	assert_told("1 2 3 4 5 ");
	lose_connection();
	assert_told("1 2 3 4 5 ");
}

static void test_without_times(void **state)
{
	settle();
	happen_at(1, 0);
	happen_at(1, 0);
	assert_told("1 1 ");
	assert_int_equal(event_stream_position(played.stream), 0);
}

static void test_byte_by_byte(void **state)
{
	server.portion = 1;
	settle();
	happen_many(1, 3);
	assert_told("1 2 3 ");
	lose_connection();
	happen(4);
	assert_told("1 2 3 4 ");
	assert_int_equal(stats().malformed, 0);
}

/* Chunks that end anywhere, an interim answer before. */
static void test_chunks(void **state)
{
	for (size_t size = 1; size < 200; size++) {
		char line[512], chunk[512];
		size_t length;

		another_life(0);
		played.events_head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
				     "Transfer-Encoding: chunked\r\n\r\n";
		settle();
		length = (size_t)snprintf(
			line, sizeof(line),
			"{\"Type\":\"volume\",\"Action\":\"create\",\"Actor\":{\"ID\":\"7\","
			"\"Attributes\":{}},\"timeNano\":%llu}\n",
			(unsigned long long)clock_now(CLOCK_REALTIME));
		for (size_t at = 0; at < length; at += size) {
			size_t left = length - at < size ? length - at : size;

			snprintf(chunk, sizeof(chunk), "%zx;x=y\r\n%.*s\r\n", left, (int)left,
				 line + at);
			server_put(chunk);
		}
		assert_told("7 ");
	}
	assert_int_equal(stats().malformed, 0);
}

static void test_until_close(void **state)
{
	played.events_head = "HTTP/1.0 200 OK\r\n\r\n";
	played.in_chunks = false;
	settle();
	happen(1);
	assert_told("1 ");
	lose_connection();
	happen(2);
	assert_told("1 2 ");
}

static void test_an_engine_that_closes_after_each_answer(void **state)
{
	played.closes = true;
	settle();
	assert_true(stats().listening);
	happen(1);
	assert_told("1 ");
}

/* --- a connection that is lost ---------------------------------------------------------------- */

static void test_resume(void **state)
{
	settle();
	happen(1);
	happen(2);
	assert_told("1 2 ");
	hang_up();
	settle();
	happen(3);
	happen(4);
	assert_told("1 2 ");
	pass(2);
	happen(5);
	assert_told("1 2 3 4 5 ");
	assert_true(played.since <= played.memory[1].time);
	assert_int_equal(stats().gaps, 0);
	assert_int_equal(stats().repeated, 2);
	for (unsigned int id = 6; id < 10; id++) {
		lose_connection();
		happen(id);
	}
	assert_told("1 2 3 4 5 6 7 8 9 ");
}

static void test_nothing_happened_meanwhile(void **state)
{
	settle();
	happen(1);
	lose_connection();
	pass(100);
	assert_told("1 ");
	assert_int_equal(stats().gaps, 0);
}

/* In the middle of an event. */
static void test_cut_off(void **state)
{
	settle();
	happen(1);
	settle();
	happen(2);
	server.portion = 70;
	play();
	server.portion = SIZE_MAX;
	lose_connection();
	assert_told("1 2 ");
	assert_int_equal(stats().malformed, 0);
}

static void test_the_last_event_is_not_replayed(void **state)
{
	settle();
	happen(1);
	assert_told("1 ");
	hang_up();
	settle();
	happen_many(2, ENGINE_MEMORY + 1); /* there is room for that */
	happen(ENGINE_MEMORY + 2);
	pass(2);
	assert_int_equal(stats().gaps, 1);
	assert_memory_equal(played.told, "1 gap 3 4 5 ", 12);
	assert_int_equal(stats().events, ENGINE_MEMORY + 1);
	lose_connection(); /* once */
	assert_int_equal(stats().gaps, 1);
}

static void test_all_of_its_memory_is_replayed(void **state)
{
	settle();
	happen(1);
	assert_told("1 ");
	hang_up();
	settle();
	happen_many(2, ENGINE_MEMORY);
	pass(2);
	assert_told_all(1, ENGINE_MEMORY);
}

/* It replays nothing at all. */
static void test_restarted(void **state)
{
	settle();
	happen(1);
	settle();
	stop_listening();
	pass(10);
	assert_told("1 ");
	start_engine();
	pass(6);
	assert_told("1 gap ");
	pass(100);
	happen(2);
	assert_told("1 gap 2 ");
	lose_connection();
	happen(3);
	assert_told("1 gap 2 3 ");
}

/* It closed its socket before it went, and told all it had to tell: nothing was missed. */
static void test_stopped_and_started(void **state)
{
	settle();
	happen(1);
	settle();
	assert_false(event_stream_is_stopping(played.stream));
	close(server.listener);
	assert_int_equal(unlink(server.path), 0);
	server.listener = -1;
	assert_true(event_stream_is_stopping(played.stream));
	happen(2);
	settle();
	hang_up();
	pass(10);
	start_engine();
	happen(3);
	pass(6);
	assert_told("1 2 gap 3 ");
	assert_int_equal(stats().gaps, 0);
	assert_int_equal(stats().restarts, 1);
}

/* The new one tells more than it remembers. */
static void test_stopped_and_started_busily(void **state)
{
	settle();
	happen(1);
	settle();
	stop_listening();
	unlink(server.path);
	assert_true(event_stream_is_stopping(played.stream));
	pass(10);
	start_engine();
	happen_many(2, ENGINE_MEMORY + 100);
	pass(6);
	assert_int_equal(stats().gaps, 1);
}

/* It listens, and answers nobody for 14 s: what it does meanwhile is told. */
static void test_slow_start(void **state)
{
	const char *version = played.version;

	played.version = NULL;
	pass(5);
	happen(1);
	pass(9);
	happen(2);
	played.version = version;
	hang_up();
	pass(20);
	assert_told("1 2 ");
	assert_int_equal(stats().gaps, 0);
}

static void test_restarted_and_busy(void **state)
{
	settle();
	happen(1);
	settle();
	stop_listening();
	pass(10);
	start_engine();
	happen(2);
	happen(3);
	pass(6);
	assert_told("1 gap 2 3 ");
}

/* The gap is told once, though nothing happens. */
static void test_restarted_and_lost(void **state)
{
	settle();
	happen(1);
	settle();
	stop_listening();
	start_engine();
	pass(10);
	assert_told("1 gap ");
	lose_connection();
	pass(10);
	lose_connection();
	happen(2);
	assert_told("1 gap 2 ");
}

/* Lost again, before the engine could tell what it knows. */
static void test_lost_twice(void **state)
{
	settle();
	happen(1);
	settle();
	stop_listening();
	start_engine();
	pass_halves(3);
	assert_true(stats().listening);
	assert_told("1 ");
	lose_connection();
	pass(3);
	assert_told("1 gap ");
}

/* No event was ever told. */
static void test_nothing_told_yet(void **state)
{
	settle();
	lose_connection();
	pass(10);
	assert_told("");
	hang_up();
	settle();
	happen(1);
	happen(2);
	pass(3);
	assert_told("1 2 ");
	assert_int_equal(stats().gaps, 0);
}

static void test_nothing_told_yet_and_restarted(void **state)
{
	settle();
	stop_listening();
	pass(5);
	start_engine();
	happen(1);
	pass(8);
	assert_told("gap 1 ");
	another_life(0);
	settle();
	stop_listening();
	pass(5);
	start_engine();
	pass(10);
	assert_told("gap ");
	pass(100);
	assert_told("gap ");
}

/* The same engine, but more than it can remember. */
static void test_nothing_told_yet_and_busy(void **state)
{
	settle();
	hang_up();
	settle();
	happen_many(1, ENGINE_MEMORY + 100);
	pass(2);
	assert_int_equal(stats().gaps, 1);
	assert_int_equal(stats().events, ENGINE_MEMORY);
}

/* As Podman: another process, the same log. */
static void test_memory_that_outlives_the_engine(void **state)
{
	settle();
	happen(1);
	settle();
	stop_listening();
	pass(10);
	happen(2);
	server_listen();
	pass(6);
	assert_told("1 2 ");
	assert_int_equal(stats().gaps, 0);
}

/* Its order in memory is not that of its times, nor that in which it told them. */
static void test_out_of_order(void **state)
{
	uint64_t time;

	settle();
	happen(1);
	assert_told("1 ");
	time = clock_now(CLOCK_REALTIME);
	happen_at(3, time + 20);
	happen_at(2, time + 10);
	played.channel[1] = played.channel[0];
	played.channel[0] = played.memory[2];
	assert_told("1 2 3 ");
	assert_int_equal(event_stream_position(played.stream), time + 20);
	happen_at(5, time + 40);
	assert_told("1 2 3 5 ");
	happen_at(4, time + 30);
	lose_connection();
	happen_at(6, time + 50);
	assert_told("1 2 3 5 4 6 ");
	assert_int_equal(stats().gaps, 0);
}

static void test_clock_set_back(void **state)
{
	settle();
	happen_at(1, clock_now(CLOCK_REALTIME) + 3600 * NS_PER_S);
	assert_told("1 ");
	pass(5);
	happen(2);
	assert_told("1 2 ");
	assert_int_equal(event_stream_position(played.stream), played.memory[1].time);
	lose_connection();
	happen(3);
	assert_told("1 2 3 ");
}

/* --- an earlier life -------------------------------------------------------------------------- */

static void test_earlier_life(void **state)
{
	uint64_t position;

	settle();
	happen_many(1, 3);
	assert_told("1 2 3 ");
	position = event_stream_position(played.stream);
	another_life(position);
	assert_int_equal(event_stream_position(played.stream), position);
	happen(4);
	assert_told("4 ");
	assert_int_equal(stats().repeated, 3);
	assert_int_equal(stats().gaps, 0);
	lose_connection();
	lose_connection();
	happen(5);
	assert_told("4 5 ");
	another_life(event_stream_position(played.stream));
	pass(100);
	assert_told("");
	lose_connection();
	pass(3);
	assert_told("");
	happen(6);
	assert_told("6 ");
	assert_int_equal(stats().gaps, 0);
}

/* Its last event is not there any more. */
static void test_earlier_life_and_restarted(void **state)
{
	uint64_t position = clock_now(CLOCK_REALTIME) - 3600 * NS_PER_S;

	happen(1);
	another_life(position);
	assert_told("gap 1 ");
	played.memory_size = 0;
	another_life(position);
	pass(1);
	assert_told("");
	pass(3);
	assert_told("gap ");
	lose_connection();
	assert_true(played.since > position + 3500 * NS_PER_S); /* there is nothing more to it */
	pass(10);
	happen(2);
	assert_told("gap 2 ");
	assert_int_equal(stats().gaps, 1);
}

/* What is told again, whatever came before it, is not told. */
static void test_earlier_life_out_of_order(void **state)
{
	uint64_t position = clock_now(CLOCK_REALTIME);

	happen_at(2, position + 10);
	happen_at(1, position);
	another_life(position);
	happen(3);
	assert_told("gap 2 3 ");
}

static void test_earlier_life_and_lost(void **state)
{
	happen(1);
	another_life(played.memory[0].time);
	for (unsigned int i = 0; i < 5; i++) {
		event_stream_run(played.stream, played.now);
		play();
	}
	lose_connection();
	happen(2);
	assert_told("2 ");
	assert_int_equal(stats().gaps, 0);
}

/* --- an engine that does not answer as it should ---------------------------------------------- */

static void test_absent(void **state)
{
	stop_listening();
	pass(60);
	assert_false(stats().listening);
	assert_int_equal(stats().connects, 0);
	start_engine();
	pass(5);
	assert_true(stats().listening);
	happen(1);
	assert_told("1 ");
}

/* It is there for a second, again and again: left alone for longer and longer. */
static void test_refusals(void **state)
{
	static const char *const heads[] = {
		"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n",
		"\x15\x03\x01 what?\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
	};
	const char *good = played.events_head;

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		another_life(0);
		server.accepted = 0;
		played.events_head = heads[i];
		pass(100);
		assert_false(stats().listening);
		assert_in_range(server.accepted, 4, 9);
		played.events_head = good;
		pass(70);
		assert_true(stats().listening);
		happen(1);
		assert_told("1 ");
	}
}

static void test_no_head(void **state)
{
	const char *good = played.events_head;

	played.events_head = NULL;
	pass(9);
	assert_false(stats().listening);
	assert_int_equal(stats().connects, 1);
	played.events_head = good;
	pass(3);
	assert_int_equal(stats().connects, 2);
	assert_true(stats().listening);
}

static void test_no_version(void **state)
{
	const char *good = played.version;

	played.version = NULL;
	pass(9);
	assert_int_equal(stats().connects, 1);
	played.version = good;
	pass(3);
	assert_int_equal(stats().connects, 2);
	assert_true(stats().listening);
}

/* A head that never ends, however fast it comes. */
static void test_endless_head(void **state)
{
	char *endless = malloc(4 << 20);
	unsigned int seconds = 0;

	memset(endless, 'x', 4 << 20);
	memcpy(endless, "HTTP/1.1 200 OK\r\nX: ", 20);
	endless[(4 << 20) - 1] = '\0';
	played.events_head = endless;
	settle();
	assert_false(stats().listening);
	assert_int_equal(server.fd, -1);
	server.portion = 1;
	while (played.events_requests == 1 || server.fd >= 0) {
		played.now += NS_PER_S;
		for (unsigned int i = 0; i < 200 && (!i || !played.headed); i++) {
			event_stream_run(played.stream, played.now);
			play();
		}
		assert_in_range(seconds++, 0, 15);
	}
	assert_int_equal(played.events_requests, 2);
	assert_true(seconds > 9);
	free(endless);
}

static void test_garbage(void **state)
{
	settle();
	put_piece("what?\n");
	put_piece("[1,2]\n{\"Type\":7}\n");
	put_piece("\n{\"x\":\n");
	happen(1);
	assert_told("1 ");
	assert_true(stats().malformed > 0);
	assert_true(stats().listening);
}

/* Some of Podman's versions send the head when the first event is there. */
static void test_late_head(void **state)
{
	played.version = "{\"Components\":[{\"Name\":\"Podman Engine\"}],\"ApiVersion\":\"1.41\"}";
	played.late_head = true;
	settle();
	assert_true(stats().listening);
	pass(1000);
	assert_int_equal(stats().connects, 1);
	happen(1);
	assert_told("1 ");
	lose_connection();
	happen(2);
	assert_told("1 2 ");
	stop_listening();
	start_engine(); /* it has lost its log */
	pass(15);
	assert_told("1 2 gap ");
	pass(100);
	assert_int_equal(stats().gaps, 1);
	happen(3);
	assert_told("1 2 gap 3 ");
}

static void test_left_to_systemd(void **state)
{
	server.pid = 1;
	settle();
	happen(1);
	assert_told("1 ");
	hang_up();
	happen(2);
	pass(1000);
	assert_true(stats().dormant);
	assert_false(stats().listening);
	event_stream_seen(played.stream);
	pass(1);
	assert_true(stats().listening);
	assert_told("1 2 ");
}

/* --- a slow listener -------------------------------------------------------------------------- */

/* We do not run while EVENTS happen, from 1 on; how many of them the socket takes is up to the kernel. */
static void sleep_over(unsigned int events)
{
	settle();
	pass(1);
	happen(1);
	settle();
	happen_many(2, events);
	played.now += NS_PER_S;
}

static void catch_up(void)
{
	settle();
	pass(2);
}

/* More than there is room for a listener, on this machine. */
static unsigned int room(void)
{
	unsigned int id = 1;

	sleep_over(1);
	while (!played.passed_over)
		happen_many(id + 1, id + 1), id++;
	catch_up();
	played.told[0] = '\0';
	another_life(0);
	played.memory_size = played.passed_over = 0;
	return id - 2;
}

static void test_slow_but_all_is_there(void **state)
{
	unsigned int most = room();

	assert_in_range(most, CHANNEL + 50, 4000);
	sleep_over(CHANNEL);
	catch_up();
	assert_told_all(1, CHANNEL);
	assert_int_equal(stats().connects, 1);
	another_life(0);
	sleep_over(most);
	catch_up();
	assert_int_equal(played.passed_over, 0);
	assert_told_all(1, most);
	assert_int_equal(stats().gaps, 0);
}

static void test_passed_over(void **state)
{
	unsigned int most = room();

	sleep_over(most + 100);
	assert_in_range(played.passed_over, 90, 110);
	catch_up();
	assert_told_all(1, most + 100);
	assert_int_equal(stats().gaps, 0);
	assert_int_equal(stats().connects, 2);
	happen(1000000);
	assert_told("1000000 ");
	pass(100);
	assert_int_equal(stats().connects, 2);
}

/* More than the engine remembers. */
static void test_passed_over_for_good(void **state)
{
	unsigned int most = room(), events;

	sleep_over(most + 400);
	catch_up();
	assert_int_equal(stats().gaps, 1);
	assert_non_null(strstr(played.told, " gap "));
	events = (unsigned int)stats().events;
	assert_in_range(events, most + ENGINE_MEMORY - 5, most + ENGINE_MEMORY + 5);
	pass(100);
	assert_int_equal(stats().connects, 2);
	assert_int_equal(stats().events, events);
}

/* It was passed over, and then lost the connection. */
static void test_passed_over_and_lost(void **state)
{
	unsigned int most = room();

	sleep_over(most + 100);
	settle();
	lose_connection();
	pass(5);
	assert_told_all(1, most + 100);
	assert_int_equal(stats().gaps, 0);
}

/* Lost again when the engine had just begun to tell what it knows: of what we know, some came after what we do
 * not know. */
static void test_passed_over_and_lost_twice(void **state)
{
	unsigned int most = room();

	another_life(1); /* nothing is too old */
	pass(3);
	played.clock = clock_now(CLOCK_REALTIME) - 86400 * NS_PER_S;
	sleep_over(most + 100);
	settle();
	happen_many(10001, 10020);
	settle();
	assert_int_equal(stats().events, most + 120 - played.passed_over);
	hang_up();
	settle();
	server.portion = 1;
	for (played.now += 2 * NS_PER_S; stats().repeated < 1;) {
		event_stream_run(played.stream, played.now);
		play();
	}
	assert_in_range(stats().events, most + 10, most + 30);
	server.portion = SIZE_MAX;
	lose_connection();
	pass(5);
	assert_int_equal(stats().events, most + 120);
	assert_int_equal(stats().gaps, 1); /* that of the beginning */
}

/* All that the engine remembers is known, but it came later. */
static void test_passed_over_long_ago(void **state)
{
	unsigned int most = room();

	sleep_over(most + 10);
	settle();
	for (unsigned int id = 10000; id < 10000 + ENGINE_MEMORY; id++) {
		happen(id);
		settle();
	}
	assert_int_equal(stats().gaps, 0);
	catch_up();
	pass(2); /* until it is clear that no other event is told again */
	assert_in_range(played.passed_over, 5, 15);
	assert_int_equal(stats().events, most + 10 + ENGINE_MEMORY - played.passed_over);
	assert_int_equal(stats().gaps, 1);
	assert_int_equal(stats().connects, 2);
}

/* It is not asked all the time. */
static void test_passed_over_twice(void **state)
{
	unsigned int most = room();

	sleep_over(most + 100);
	catch_up();
	assert_told_all(1, most + 100);
	played.passed_over = 0;
	sleep_over(most + 100);
	catch_up();
	assert_int_equal(stats().connects, 2);
	assert_int_equal(stats().gaps, 1);
	assert_memory_equal(played.told + strlen(played.told) - 4, "gap ", 4);
	pass(10);
	played.told[0] = '\0';
	sleep_over(most + 100);
	catch_up();
	assert_int_equal(stats().connects, 3);
	assert_int_equal(stats().gaps, 1);
	assert_told_all(1, most + 100);
}

/* All the time: it is said soon, and the connection stays. */
static void test_always_slow(void **state)
{
	unsigned int most = room(), first = 1;

	settle();
	for (unsigned int i = 0; i < 40; i++) {
		happen_many(first, first + most + 50);
		first += most + 51;
		played.now += NS_PER_S;
		settle();
		pass_halves(1);
	}
	assert_int_equal(stats().connects, 1);
	assert_in_range(stats().gaps, 4, 6);
	pass(5);
	assert_in_range(stats().connects, 1, 2);
}

/* However much there is, if it is read at once. */
static void test_busy(void **state)
{
	settle();
	for (unsigned int id = 1; id <= 6000; id += 200) {
		happen_many(id, id + 199);
		played.now += 20 * NS_PER_MS;
		settle();
	}
	assert_told_all(1, 6000);
	pass(10);
	assert_int_equal(stats().connects, 1);
	assert_int_equal(stats().gaps, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_idle),
		TEST(test_from_now_on),
		TEST(test_between_asking_and_listening),
		TEST(test_told_once),
		TEST(test_same_time),
		TEST(test_without_times),
		TEST(test_byte_by_byte),
		TEST(test_chunks),
		TEST(test_until_close),
		TEST(test_an_engine_that_closes_after_each_answer),
		TEST(test_resume),
		TEST(test_nothing_happened_meanwhile),
		TEST(test_cut_off),
		TEST(test_the_last_event_is_not_replayed),
		TEST(test_all_of_its_memory_is_replayed),
		TEST(test_restarted),
		TEST(test_stopped_and_started),
		TEST(test_stopped_and_started_busily),
		TEST(test_slow_start),
		TEST(test_restarted_and_busy),
		TEST(test_restarted_and_lost),
		TEST(test_lost_twice),
		TEST(test_nothing_told_yet),
		TEST(test_nothing_told_yet_and_restarted),
		TEST(test_nothing_told_yet_and_busy),
		TEST(test_memory_that_outlives_the_engine),
		TEST(test_out_of_order),
		TEST(test_clock_set_back),
		TEST(test_earlier_life),
		TEST(test_earlier_life_and_restarted),
		TEST(test_earlier_life_out_of_order),
		TEST(test_earlier_life_and_lost),
		TEST(test_absent),
		TEST(test_refusals),
		TEST(test_no_head),
		TEST(test_no_version),
		TEST(test_endless_head),
		TEST(test_garbage),
		TEST(test_late_head),
		TEST(test_left_to_systemd),
		TEST(test_slow_but_all_is_there),
		TEST(test_passed_over),
		TEST(test_passed_over_for_good),
		TEST(test_passed_over_and_lost),
		TEST(test_passed_over_and_lost_twice),
		TEST(test_passed_over_long_ago),
		TEST(test_passed_over_twice),
		TEST(test_always_slow),
		TEST(test_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
