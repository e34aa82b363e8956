// SPDX-License-Identifier: Apache-2.0
#include "syslog_server.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#define HEADER "2026-01-01T00:00:00.123456Z host callerd run "

/* --- records on their way --------------------------------------------------------------------- */

static void test_flight(void **state)
{
	struct flight flight = {0};

	assert_int_equal(syslog_flight_take(&flight, UINT64_MAX), 0);
	syslog_flight_add(&flight, 100, 1000);
	syslog_flight_add(&flight, 200, 1100); /* close: one span */
	syslog_flight_add(&flight, 100000, 1200);
	syslog_flight_add(&flight, 100100, 9000);
	assert_int_equal(flight.records, 4);
	assert_int_equal(syslog_flight_until(&flight, 1000), 0); /* late rather than early */
	assert_int_equal(syslog_flight_until(&flight, 1100), 2);
	assert_int_equal(syslog_flight_until(&flight, 8999), 3);
	assert_int_equal(syslog_flight_until(&flight, 9000), 4);
	assert_int_equal(syslog_flight_take(&flight, 199), 0);
	assert_int_equal(syslog_flight_take(&flight, 200), 2);
	assert_int_equal(syslog_flight_take(&flight, 100100), 2);
	assert_int_equal(flight.records, 0);
}

/* Whatever is joined: nothing is told before its time, all of it at last. */
static void test_flight_is_bounded(void **state)
{
	struct flight flight = {0};
	uint64_t told = 0;

	for (uint64_t i = 1; i <= 100000; i++)
		syslog_flight_add(&flight, i * 3000, i * 40);
	assert_int_equal(flight.records, 100000);
	for (uint64_t offset = 0; offset <= 300000000; offset += 1000000) {
		uint64_t until = syslog_flight_until(&flight, offset / 3000 * 40);

		assert_true(told + until <= offset / 3000);
		told += syslog_flight_take(&flight, offset);
		assert_true(told <= offset / 3000);
	}
	assert_int_equal(told, 100000);
	assert_int_equal(flight.count, 0);
}

/* --- TCP -------------------------------------------------------------------------------------- */

static int ignore_sigpipe(void **state)
{
	signal(SIGPIPE, SIG_IGN); /* as the agent does */
	return 0;
}

static void server_wait(const struct server *server, unsigned int records)
{
	for (int left = PATIENCE; server_got(server) < records; left--) {
		if (!left)
			fail_msg("%u of %u records; %s", server_got(server), records,
				 server->wrong);
		usleep(1000);
	}
}

static void begin_tcp(struct world *world, struct server *server, unsigned int count, size_t size)
{
	watch();
	world_begin(world, TRANSPORT_TCP);
	world_fill(world, count, size);
	server_listen(server, world, "0");
	world_open(world);
}

static void end_tcp(struct world *world, struct server *server)
{
	world_end(world);
	server_stop(server);
	assert_string_equal(server->wrong, "");
}

static void test_tcp(void **state)
{
	struct world world;
	struct server server;

	begin_tcp(&world, &server, 1200, 1000);
	server_start(&server);
	world_send_all(&world);
	world_run(&world);
	assert_int_equal(world.driver->error, 0);
	assert_int_equal(world.confirmed, 0); /* it may not have read them */
	world_finish(&world);
	assert_int_equal(world.confirmed, 1200);
	assert_int_equal(server_got(&server), 1200);
	assert_int_equal(server.doubles, 0);
	assert_int_equal(server.connections, 1);
	assert_int_equal(server.told, caller_each ? 400 : 0); /* each once */
	assert_memory_equal(server.first, "<110>1 " HEADER "agent-started - {\"n\":0,", 60);
	end_tcp(&world, &server);
}

static void test_tcp_refused(void **state)
{
	struct world world;
	struct server server;

	begin_tcp(&world, &server, 3, 100);
	close(server.listener);
	assert_int_equal(world_send(&world, 3), 0);
	assert_string_equal(world.driver->why, "cannot write syslog:test: Connection refused");
	free(server.frame);
	server_listen(&server, &world, world.options.port);
	server_start(&server);
	assert_int_equal(world_send(&world, 3), 3);
	assert_int_equal(world.driver->error, 0);
	world_finish(&world);
	assert_int_equal(server_got(&server), 3);
	end_tcp(&world, &server);
}

/* On a connection that goes on, what was passed by enough bytes has arrived. */
static void test_tcp_passed(void **state)
{
	struct world world;
	struct server server;
	unsigned int confirmed;
	size_t after = 0;

	begin_tcp(&world, &server, 3000, 8000);
	server_start(&server);
	world_send_all(&world);
	server_wait(&server, 3000);
	world_run(&world);
	confirmed = world.confirmed;
	assert_true(confirmed > 0 && confirmed < 3000);
	for (unsigned int i = confirmed; i < 3000; i++)
		after += world.entries[i]->size;
	assert_true(after >= RESEND_MAX - 500000);
	assert_true(after < 2 * RESEND_MAX);
	world_finish(&world);
	assert_int_equal(world.confirmed, 3000);
	end_tcp(&world, &server);
}

/* Reads a while, and breaks off in some way; in the end it behaves. */
#define BREAKS 200

static void break_randomly(struct server *server, int fd, unsigned int connection)
{
	static const struct linger reset = {.l_onoff = 1};
	size_t size = next_random(&server->random) % 40000;

	if (connection >= BREAKS) {
		serve_until_end(server, fd, connection);
		return;
	}
	switch (next_random(&server->random) % 4) {
	case 0: /* a reset, whatever was read */
		serve_bytes(server, fd, size, 5);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		break;
	case 1: /* with bytes unread most often */
		serve_bytes(server, fd, size, 5);
		break;
	case 2: /* all was read, or enough */
		(void)!write(fd, "garbage\0\xff", 9);
		serve_bytes(server, fd, size, 2);
		break;
	default: /* at once */
		break;
	}
}

static void test_tcp_breaks(void **state)
{
	struct world world;
	struct server server;

	begin_tcp(&world, &server, 3000, 3000);
	watched.grace_over = true;
	server.serve = break_randomly;
	server_start(&server);
	world_send_until_confirmed(&world);
	assert_int_equal(server_got(&server), 3000);
	assert_true(server_connections(&server) > BREAKS);
	assert_true(world.rewinds > 1);
	end_tcp(&world, &server);
}

/* Reads one message, and closes. */
static void take_one(struct server *server, int fd, unsigned int connection)
{
	unsigned int before = server->got + server->doubles;

	while (server->got + server->doubles == before && serve_bytes(server, fd, 1, PATIENCE))
		;
}

static void test_tcp_one_each(void **state)
{
	struct world world;
	struct server server;
	uint64_t end = real_ms() + PATIENCE;

	begin_tcp(&world, &server, 8, 100);
	watched.reaction = 10;
	server.serve = take_one;
	server_start(&server);
	while (world.confirmed < world.count && real_ms() < end) {
		world_send(&world, 128);
		world_run(&world);
	}
	assert_int_equal(world.confirmed, 8);
	assert_int_equal(server_got(&server), 8);
	end_tcp(&world, &server);
}

/* What was written just before the end may have died with its reader: it comes again, once. */
static void read_and_close(struct server *server, int fd, unsigned int connection)
{
	serve_bytes(server, fd, SIZE_MAX, connection < 2 ? 20 : PATIENCE);
}

static void wait_end(struct world *world, struct server *server, unsigned int connections)
{
	world_wait_end(world);
	assert_int_equal(server_connections(server), connections);
}

static void test_tcp_grace(void **state)
{
	struct world world;
	struct server server;

	begin_tcp(&world, &server, 10, 100);
	server.serve = read_and_close;
	server_start(&server);
	assert_int_equal(world_send(&world, 3), 3);
	wait_end(&world, &server, 1);
	assert_int_equal(world.confirmed, 0);
	assert_int_equal(world.rewinds, 1);
	assert_why(&world, "its server closed the connection");
	assert_int_equal(world_send(&world, 5), 5);
	assert_int_equal(world.driver->error, 0);
	wait_end(&world, &server, 2);
	assert_int_equal(world.confirmed, 3);
	assert_int_equal(world.next, 3);
	world_send_all(&world);
	world_finish(&world); /* at our own end there is no doubt */
	assert_int_equal(world.confirmed, 10);
	assert_int_equal(server.doubles, 5);
	end_tcp(&world, &server);
}

/* After the grace an orderly end says that all was read, and is no news. */
static void test_tcp_orderly(void **state)
{
	struct world world;
	struct server server;

	begin_tcp(&world, &server, 10, 100);
	watched.grace_over = true;
	server.serve = read_and_close;
	server_start(&server);
	assert_int_equal(world_send(&world, 3), 3);
	wait_end(&world, &server, 1);
	assert_int_equal(world.confirmed, 3);
	assert_int_equal(world.driver->error, 0);
	assert_int_equal(world_send(&world, 3), 3);
	server_wait(&server, 6);
	while (recv(watched.channel->fd, &(char){0}, 1, MSG_PEEK) > 0)
		;
	for (int left = PATIENCE; world.next < 10 && left--; usleep(1000))
		world_send(&world, 4); /* notices it by itself */
	world_finish(&world);
	assert_int_equal(world.confirmed, 10);
	assert_int_equal(server.doubles, 0);
	end_tcp(&world, &server);
}

/* An end with bytes unread is none: nothing of it has arrived, though all of it was acknowledged. */
static void close_unread(struct server *server, int fd, unsigned int connection)
{
	if (connection) {
		serve_until_end(server, fd, connection);
		return;
	}
	for (int left = PATIENCE; left; left--, usleep(1000)) {
		int waiting = 0;

		ioctl(fd, SIOCINQ, &waiting);
		if (waiting > 1000)
			return;
	}
}

static void test_tcp_unread(void **state)
{
	struct world world;
	struct server server;

	begin_tcp(&world, &server, 100, 100);
	watched.grace_over = true;
	server.serve = close_unread;
	server_start(&server);
	assert_int_equal(world_send(&world, 100), 100);
	wait_end(&world, &server, 1);
	assert_int_equal(world.confirmed, 0);
	assert_int_equal(world.next, 0);
	assert_why(&world, "Connection reset");
	world_send_all(&world);
	world_finish(&world);
	assert_int_equal(world.confirmed, 100);
	assert_int_equal(server_got(&server), 100);
	end_tcp(&world, &server);
}

/* A server that does not read holds up nobody; it gets all once it reads. */
static void test_tcp_slow(void **state)
{
	struct world world;
	struct server server;
	unsigned int sent;

	begin_tcp(&world, &server, 3000, 8000);
	do
		sent = world_send(&world, 128);
	while (!world.driver->error && world.next < world.count);
	assert_true(sent < 128);
	assert_int_equal(world.driver->error, -EAGAIN);
	assert_why(&world, "its server is slow");
	assert_int_equal(world.confirmed, 0);
	skipped += 6000;
	assert_int_equal(world_send(&world, 128), 0);
	assert_int_equal(world.driver->error, -ETIMEDOUT);
	assert_why(&world, "its server takes nothing");
	world_run(&world);
	server_start(&server);
	world_send_all(&world);
	assert_int_equal(world.driver->error, 0);
	world_finish(&world);
	assert_int_equal(world.confirmed, 3000);
	assert_int_equal(server.doubles, 0);
	assert_int_equal(server.told, caller_each ? 1000 : 0);
	end_tcp(&world, &server);
}

/* Who is to give up does so at once, in mid-record. */
static void test_tcp_given_up(void **state)
{
	struct world world;
	struct server server;
	uint64_t begun = real_ms();

	begin_tcp(&world, &server, 3000, 8000);
	eventfd_write(world.stop, 1);
	for (int left = 1000; world.next < 3000 && left; left--)
		world_send(&world, 128);
	assert_true(world.next < 3000);
	world_finish(&world);
	assert_true(real_ms() < begun + 10000);
	assert_int_equal(world.confirmed, 0);
	end_tcp(&world, &server);
}

/* Talks all the time, and is read only as much as that it goes on. */
static void talk(struct server *server, int fd, unsigned int connection)
{
	static const char noise[4096] = "9 <13>1 - -";
	bool more = true;

	while (more) {
		send(fd, noise, sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL);
		more = serve_bytes(server, fd, 100000, 1);
	}
}

static void test_tcp_talkative(void **state)
{
	struct world world;
	struct server server;

	begin_tcp(&world, &server, 1000, 3000);
	server.serve = talk;
	server_start(&server);
	world_send_all(&world);
	world_finish(&world);
	assert_int_equal(server_got(&server), 1000);
	assert_int_equal(world.rewinds, 0);
	end_tcp(&world, &server);
}

int main(void)
{
	const struct CMUnitTest flights[] = {
		cmocka_unit_test(test_flight),
		cmocka_unit_test(test_flight_is_bounded),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),	      cmocka_unit_test(test_tcp_refused),
		cmocka_unit_test(test_tcp_passed),    cmocka_unit_test(test_tcp_breaks),
		cmocka_unit_test(test_tcp_one_each),  cmocka_unit_test(test_tcp_grace),
		cmocka_unit_test(test_tcp_orderly),   cmocka_unit_test(test_tcp_unread),
		cmocka_unit_test(test_tcp_slow),      cmocka_unit_test(test_tcp_given_up),
		cmocka_unit_test(test_tcp_talkative),
	};
	int failed = cmocka_run_group_tests(flights, NULL, NULL) +
		     cmocka_run_group_tests(tests, ignore_sigpipe, NULL);

	caller_each = 3;
	return failed + cmocka_run_group_tests_name("with callers", tests, ignore_sigpipe, NULL);
}
