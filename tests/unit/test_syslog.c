// SPDX-License-Identifier: Apache-2.0
#include "files.h"
#include "syslogging.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/un.h>

#include "output/syslog/syslog_message.h"
#include "output/syslog/syslog_socket.h"

#define HEADER "2026-01-01T00:00:00.123456Z host callerd run "

/* --- messages --------------------------------------------------------------------------------- */

/* The message of a record with DATA. */
static const char *message_of(const struct sink_options *options, struct entry *entry)
{
	static char buffer[2048];
	struct syslog_message message = {0};

	assert_int_equal(syslog_message_make(&message, options, entry), 0);
	snprintf(buffer, sizeof(buffer), "%s%.*s", message.head.data, (int)message.body.size,
		 message.body.data);
	syslog_message_free(&message);
	entry_unref(entry);
	return buffer;
}

static struct entry *entry_of(const char *data)
{
	struct entry *entry = entry_new(data, strlen(data));

	entry->severity = 4;
	entry->action = RECORD_API_REQUEST;
	entry->time = 1767225600123456789ull;
	return entry;
}

static void test_rfc5424(void **state)
{
	struct sink_options options = {.facility = 13, .host_name = "host", .run_id = "run"};
	struct entry *entry;

	assert_string_equal(message_of(&options, entry_of("{\"a\":1}\n")),
			    "<108>1 " HEADER "api-request - {\"a\":1}");
	assert_string_equal(message_of(&options, entry_of("no line feed")),
			    "<108>1 " HEADER "api-request - no line feed");
	options.facility = 0;
	assert_string_equal(message_of(&options, entry_of("<13>1 -\n")),
			    "<4>1 " HEADER "api-request - <13>1 -");
	options.facility = 23;
	entry = entry_of("\n");
	entry->severity = 7;
	entry->action = 255; /* of a later version, from a spool */
	assert_string_equal(message_of(&options, entry), "<191>1 " HEADER "- - ");
}

static void test_rfc5424_fields(void **state)
{
	char name[300] = {0};
	struct sink_options options = {.host_name = "a b\n\xc3\xa4]\"", .run_id = NULL};

	assert_string_equal(message_of(&options, entry_of("x\n")),
			    "<4>1 2026-01-01T00:00:00.123456Z a?b???]\" callerd - api-request - x");
	memset(name, 'h', sizeof(name) - 1);
	options = (struct sink_options){.host_name = name, .run_id = ""};
	name[255] = '\0';
	assert_non_null(strstr(message_of(&options, entry_of("x\n")), name));
	name[255] = 'h';
	assert_null(strstr(message_of(&options, entry_of("x\n")), name));
}

static void test_local(void **state)
{
	struct sink_options options = {.facility = 10, .header = HEADER_LOCAL, .host_name = "host"};
	char wanted[100];

	setenv("TZ", "XXX-5:30", 1);
	tzset();
	snprintf(wanted, sizeof(wanted), "<84>Jan  1 05:30:00 callerd[%d]: {\"a\":1}", getpid());
	assert_string_equal(message_of(&options, entry_of("{\"a\":1}\n")), wanted);
	unsetenv("TZ");
	tzset();
}

/* A whole message already: its facility alone is another. */
static void test_complete(void **state)
{
	struct sink_options options = {
		.facility = 13, .complete = true, .host_name = "host", .run_id = "run"};

	assert_string_equal(message_of(&options, entry_of("<108>1 time host app - id - x\n")),
			    "<108>1 time host app - id - x");
	options.facility = 1;
	assert_string_equal(message_of(&options, entry_of("<108>1 time host app - id - <1>\n")),
			    "<12>1 time host app - id - <1>");
	options.header = HEADER_LOCAL;
	assert_string_equal(message_of(&options, entry_of("<108>1 time\n")), "<12>1 time");
	/* From a spool that was written in another format. */
	options.header = HEADER_RFC5424;
	assert_string_equal(message_of(&options, entry_of("<>x\n")),
			    "<12>1 " HEADER "api-request - <>x");
	assert_string_equal(message_of(&options, entry_of("<1234>x\n")),
			    "<12>1 " HEADER "api-request - <1234>x");
	assert_string_equal(message_of(&options, entry_of("<12")),
			    "<12>1 " HEADER "api-request - <12");
	assert_string_equal(message_of(&options, entry_of("")), "<12>1 " HEADER "api-request - ");
}

/* --- datagrams of this machine ---------------------------------------------------------------- */

static char path[80];

static int make_directory(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	if (files_prepare("/tmp"))
		return -1;
	snprintf(path, sizeof(path), "%s/log", directory);
	return 0;
}

static int remove_directory(void **state)
{
	return files_remove(directory);
}

static int receiver(int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static unsigned int receive_all(int fd)
{
	static char buffer[1u << 20];
	unsigned int count = 0;

	while (recv(fd, buffer, sizeof(buffer), 0) >= 0)
		count++;
	return count;
}

static void begin_unix(struct world *world)
{
	world_begin(world, TRANSPORT_UNIX);
	world->options.path = path;
	world->options.header = HEADER_LOCAL;
	world_fill(world, 20, 100);
	world_open(world);
}

static void test_unix(void **state)
{
	struct world world;
	char got[1000], wanted[64];
	int fd = receiver(SOCK_DGRAM);
	ssize_t size;

	begin_unix(&world);
	assert_int_equal(world_send(&world, 1), 1);
	assert_int_equal(world.driver->error, 0);
	assert_int_equal(world.confirmed, 1);
	size = recv(fd, got, sizeof(got) - 1, 0);
	assert_true(size > 0);
	got[size] = '\0';
	assert_memory_equal(got, "<110>", 5);
	snprintf(wanted, sizeof(wanted), "callerd[%d]: {\"n\":0,", getpid());
	assert_non_null(strstr(got, wanted));
	assert_int_equal(got[size - 1], '}');
	assert_int_equal(world_send(&world, 8), 8); /* the least that a system lets wait is 10 */
	assert_int_equal(world.confirmed, 9);
	world_run(&world);
	world_finish(&world);
	assert_int_equal(receive_all(fd), 8);
	close(fd);
	world_end(&world);
}

/* Its receiver goes, and comes back as another socket. */
static void test_unix_comes_and_goes(void **state)
{
	struct world world;
	int fd;

	unlink(path);
	begin_unix(&world);
	assert_int_equal(world_send(&world, 1), 0);
	assert_int_equal(world.driver->error, -ENOENT);
	assert_why(&world, "cannot write syslog:test: No such file");
	fd = receiver(SOCK_DGRAM);
	assert_int_equal(world_send(&world, 1), 1);
	assert_int_equal(world.driver->error, 0);
	close(fd);
	assert_int_equal(world_send(&world, 1), 0);
	assert_why(&world, "Connection refused");
	fd = receiver(SOCK_DGRAM);
	assert_int_equal(world_send(&world, 1), 1);
	close(fd);
	fd = receiver(SOCK_DGRAM); /* before anybody noticed */
	assert_int_equal(world_send(&world, 1), 1);
	assert_int_equal(world.driver->error, 0);
	assert_int_equal(receive_all(fd), 1);
	assert_int_equal(world.confirmed, 3);
	assert_int_equal(world.rewinds, 0);
	close(fd);
	world_end(&world);
}

static void test_unix_wrong_kind(void **state)
{
	struct world world;
	char reason[200] = "", long_path[200];
	struct driver *driver;
	int fd = receiver(SOCK_STREAM);

	begin_unix(&world);
	assert_int_equal(world_send(&world, 1), 0);
	assert_why(&world, "socket for streams");
	close(fd);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	world.options.path = long_path;
	assert_int_equal(syslog_open(&world.options, world.stop, &driver, reason, sizeof(reason)),
			 -ENAMETOOLONG);
	assert_non_null(strstr(reason, "107 bytes"));
	world_end(&world);
}

/* A receiver that does not read: what fits goes, the rest waits. */
static void test_unix_full(void **state)
{
	struct world world;
	int fd = receiver(SOCK_DGRAM);
	unsigned int sent, total;

	begin_unix(&world);
	world_end(&world);
	begin_unix(&world);
	for (unsigned int i = 0; i < world.count; i++)
		entry_unref(world.entries[i]);
	free(world.entries);
	world_fill(&world, 2000, 100);
	eventfd_write(world.stop, 1); /* does not wait */
	total = world_send(&world, 2000);
	assert_true(total && total < 2000);
	assert_int_equal(world.driver->error, -EAGAIN);
	assert_int_equal(world.confirmed, total);
	sent = receive_all(fd);
	assert_int_equal(sent, total);
	while (world.next < world.count) {
		total += world_send(&world, 2000);
		sent += receive_all(fd);
	}
	assert_int_equal(total, 2000);
	assert_int_equal(sent, 2000);
	assert_int_equal(world.driver->error, 0);

	/* For long: it is told, and its socket is looked up anew. */
	world.next = world.confirmed = 0;
	total = world_send(&world, 2000);
	assert_int_equal(world.driver->error, -EAGAIN);
	skipped += 6000;
	assert_int_equal(world_send(&world, 2000), 0);
	assert_why(&world, "takes nothing");
	close(fd);
	fd = receiver(SOCK_DGRAM);
	assert_true(world_send(&world, 1) == 1);
	assert_int_equal(receive_all(fd), 1);
	close(fd);
	world_end(&world);
}

/* What no datagram can hold counts, and holds up nothing. */
static void test_too_large(void **state)
{
	struct world world;
	int fd = receiver(SOCK_DGRAM);

	begin_unix(&world);
	entry_unref(world.entries[1]);
	world.entries[1] = numbered(1, 20u << 20);
	assert_int_equal(world_send(&world, 3), 3);
	assert_int_equal(world.driver->error, 0);
	assert_int_equal(world.too_large, 1);
	assert_int_equal(world.confirmed, 3);
	assert_int_equal(receive_all(fd), 2);
	close(fd);
	world_end(&world);
}

/* --- UDP -------------------------------------------------------------------------------------- */

static int udp_receiver(char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)atoi(port)),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	sprintf(port, "%d", ntohs(address.sin_port));
	return fd;
}

static void test_udp(void **state)
{
	struct world world;
	char port[8] = "0", got[2000];
	int fd = udp_receiver(port);
	ssize_t size;

	world_begin(&world, TRANSPORT_UDP);
	world.options.port = port;
	world_fill(&world, 20, 100);
	entry_unref(world.entries[3]);
	world.entries[3] = numbered(3, 70000);
	world_open(&world);
	assert_int_equal(world_send(&world, 20), 20);
	assert_int_equal(world.driver->error, 0);
	size = recv(fd, got, sizeof(got) - 1, 0);
	assert_true(size > 0);
	got[size] = '\0';
	assert_memory_equal(got, "<110>1 " HEADER "agent-started - {\"n\":0,", 60);
	assert_int_equal(got[size - 1], '}');
	assert_int_equal(receive_all(fd), 18);
	assert_int_equal(world.confirmed, 0); /* nobody may be there */
	world_run(&world);
	assert_int_equal(world.confirmed, 0);
	assert_int_equal(world.too_large, 0);
	world_run(&world);
	assert_int_equal(world.confirmed, 20);
	assert_int_equal(world.too_large, 1);
	close(fd);
	world_end(&world);
}

/* Nobody listens: the host says so, and what was sent comes again. */
static void test_udp_refused(void **state)
{
	struct world world;
	char port[8] = "0";
	int fd = udp_receiver(port);

	world_begin(&world, TRANSPORT_UDP);
	world.options.port = port;
	world_fill(&world, 20, 100);
	world_open(&world);
	assert_int_equal(world_send(&world, 2), 2);
	assert_int_equal(receive_all(fd), 2);
	world_run(&world);
	world_run(&world);
	assert_int_equal(world.confirmed, 2);
	close(fd);
	world_send(&world, 2);
	for (int left = 100; !world.driver->error && left--; usleep(1000))
		world_run(&world);
	assert_why(&world, "Connection refused");
	assert_int_equal(world.next, 2);
	assert_int_equal(world.rewinds, 1);
	world_send(&world, 2); /* still: it says so at once */
	assert_why(&world, "Connection refused");
	assert_int_equal(world.next, 2);
	fd = udp_receiver(port);
	assert_int_equal(world_send(&world, 128), 18);
	assert_int_equal(world.driver->error, 0);
	world_finish(&world);
	assert_int_equal(world.confirmed, 20);
	assert_int_equal(receive_all(fd), 18);
	close(fd);
	world_end(&world);
}

/* --- connecting -------------------------------------------------------------------------------- */

static struct addrinfo *named; /* what any name means; NULL: as it is */
static bool binds; /* a socket that is to be connected has the port that it is connected to */
static unsigned int own_peers; /* sockets that were connected to themselves */

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **ret);
void __real_freeaddrinfo(struct addrinfo *addresses);
int __real_connect(int fd, const struct sockaddr *address, socklen_t size);

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **ret)
{
	*ret = named;
	return named ? 0 : __real_getaddrinfo(host, port, hints, ret);
}

void __wrap_freeaddrinfo(struct addrinfo *addresses)
{
	if (addresses != named)
		__real_freeaddrinfo(addresses);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	struct pollfd waits = {.fd = fd, .events = POLLOUT};
	struct sockaddr_in peer;

	if (!binds)
		return __real_connect(fd, address, size);
	assert_int_equal(bind(fd, address, size), 0);
	if (__real_connect(fd, address, size))
		assert_int_equal(errno, EINPROGRESS);
	assert_int_equal(poll(&waits, 1, 10000), 1);
	own_peers += !getpeername(fd, (struct sockaddr *)&peer, &size);
	return 0;
}

/* Where nobody listens at one of the addresses that a name has, it is the next one's turn. */
static void test_addresses(void **state)
{
	struct sockaddr_in where[2] = {{.sin_family = AF_INET}, {.sin_family = AF_INET}}, peer;
	struct addrinfo addresses[2] = {{.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM},
					{.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM}};
	const struct sink_options options = {.name = "x", .host = "two", .port = "9"};
	struct driver driver = {.options = &options, .stop = -1};

	for (int i = 0; i < 2; i++) {
		where[i].sin_port = htons(9);
		where[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK + (in_addr_t)i);
		addresses[i].ai_addr = (struct sockaddr *)&where[i];
		addresses[i].ai_addrlen = sizeof(where[i]);
	}
	addresses[0].ai_next = &addresses[1];
	named = addresses;
	for (unsigned int first = 0; first < 5; first++) {
		socklen_t size = sizeof(peer);
		int fd = syslog_connect(&driver, SOCK_DGRAM, first, 1000);

		assert_true(fd >= 0);
		assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &size), 0);
		assert_int_equal(ntohl(peer.sin_addr.s_addr), INADDR_LOOPBACK + first % 2);
		close(fd);
	}
	named = NULL;
}

/* A port that is its own: there is no server. */
static void test_own_peer(void **state)
{
	char port[8] = "0";
	const struct sink_options options = {.name = "x", .host = "127.0.0.1", .port = port};
	struct driver driver = {.options = &options, .stop = -1};

	close(udp_receiver(port)); /* it is free, as good as certainly of TCP as well */
	binds = true;
	assert_int_equal(syslog_connect(&driver, SOCK_STREAM, 0, 1000), -ECONNREFUSED);
	binds = false;
	assert_int_equal(own_peers, 1);
}

static void test_unknown_host(void **state)
{
	struct world world;

	world_begin(&world, TRANSPORT_UDP);
	world.options.host = "host.invalid";
	world.options.port = "514";
	world_fill(&world, 1, 100);
	world_open(&world);
	assert_int_equal(world_send(&world, 1), 0);
	assert_why(&world, "cannot write syslog:test: ");
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc5424),
		cmocka_unit_test(test_rfc5424_fields),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_unix_comes_and_goes),
		cmocka_unit_test(test_unix_wrong_kind),
		cmocka_unit_test(test_unix_full),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_udp_refused),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_own_peer),
		cmocka_unit_test(test_unknown_host),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
