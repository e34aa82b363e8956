// SPDX-License-Identifier: Apache-2.0
#include "files.h"
#include "syslog_server.h"

#include <openssl/err.h>
#include <sys/stat.h>

/* --- certificates ----------------------------------------------------------------------------- */

static const char script[] =
	"set -e; exec 2>/dev/null\n"
	"request() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\\n"
	"	-keyout \"$1.key\" -out \"$1.csr\" -subj \"/CN=$1\"; }\n"
	"authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\\n"
	"	-keyout \"$1.key\" -out \"$1.pem\" -subj \"/CN=$1\" -days 2; }\n"
	"sign() { request \"$1\"; echo \"$3\" >\"$1.ext\"; openssl x509 -req -in \"$1.csr\" \\\n"
	"	-CA ca.pem -CAkey ca.key -set_serial 1 -days \"$2\" -extfile \"$1.ext\" \\\n"
	"	-out \"$1.pem\"; }\n"
	"authority ca; authority other\n"
	"sign good 2 subjectAltName=DNS:log.test,DNS:*.log.test,IP:127.0.0.1\n"
	"sign named 2 subjectAltName=DNS:log.test\n"
	"sign expired 0 subjectAltName=IP:127.0.0.1\n"
	"sign client 2 extendedKeyUsage=clientAuth\n"
	"cat client.pem client.key >both.pem\n"
	"openssl ec -in client.key -aes128 -passout pass:secret -out locked.key\n"
	"echo nothing >empty.pem\n";

static int make_certificates(void **state)
{
	char command[sizeof(script) + 100];

	signal(SIGPIPE, SIG_IGN);
	if (files_prepare("/tmp"))
		return -1;
	snprintf(command, sizeof(command), "cd %s\n%s", directory, script);
	return system(command);
}

static int remove_certificates(void **state)
{
	return files_remove(directory);
}

/* The path of a file of ours; of the last 64 asked for. */
static const char *in(const char *name)
{
	static char paths[64][80];
	static unsigned int next;
	char *path = paths[next++ % 64];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

/* --- the server ------------------------------------------------------------------------------- */

static SSL_CTX *context_of(const char *name)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	char certificate[16], key[16];

	snprintf(certificate, sizeof(certificate), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(context, in(certificate)), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(context, in(key), SSL_FILETYPE_PEM), 1);
	return context;
}

/* Reads at most SIZE bytes; returns whether the client ended in good order. */
static bool read_session(struct server *server, SSL *session, size_t size)
{
	char buffer[16384];
	int got = 1;

	while (size && got > 0) {
		got = SSL_read(session, buffer,
			       size < sizeof(buffer) ? (int)size : (int)sizeof(buffer));
		if (got > 0) {
			note_bytes(server, buffer, (size_t)got);
			size -= (size_t)got;
		}
	}
	return got <= 0 && SSL_get_error(session, got) == SSL_ERROR_ZERO_RETURN;
}

static void serve_tls(struct server *server, int fd, unsigned int connection)
{
	SSL *session = SSL_new(server->data);

	SSL_set_fd(session, fd);
	if (SSL_accept(session) == 1 && read_session(server, session, SIZE_MAX))
		SSL_shutdown(session);
	SSL_free(session);
	ERR_clear_error();
}

/* Reads a while, and breaks off in some way; in the end it behaves. */
#define BREAKS 100

static void break_randomly(struct server *server, int fd, unsigned int connection)
{
	static const struct timeval quiet = {.tv_usec = 2000};
	SSL *session;

	if (connection >= BREAKS) {
		serve_tls(server, fd, connection);
		return;
	}
	if (next_random(&server->random) % 5 == 0) {
		(void)!write(fd, "this is no TLS", 14);
		return;
	}
	session = SSL_new(server->data);
	SSL_set_fd(session, fd);
	if (next_random(&server->random) % 5 && SSL_accept(session) == 1) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &quiet, sizeof(quiet));
		if (next_random(&server->random) % 2)
			SSL_write(session, "garbage", 7);
		read_session(server, session, next_random(&server->random) % 40000);
		if (next_random(&server->random) % 2)
			SSL_shutdown(session);
	}
	SSL_free(session);
	ERR_clear_error();
}

static void begin(struct world *world, struct server *server, const char *certificate,
		  unsigned int count, size_t size)
{
	watch();
	world_begin(world, TRANSPORT_TLS);
	world_fill(world, count, size);
	world->options.ca = in("ca.pem");
	server_listen(server, world, "0");
	server->serve = serve_tls;
	server->data = context_of(certificate);
}

static void finish_tls(struct world *world, struct server *server)
{
	world_end(world);
	server_stop(server);
	SSL_CTX_free(server->data);
	assert_string_equal(server->wrong, "");
}

/* --- what works ------------------------------------------------------------------------------- */

static void test_good(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 1200, 1000);
	world_open(&world);
	server_start(&server);
	world_send_all(&world);
	world_run(&world);
	assert_int_equal(world.driver->error, 0);
	world_finish(&world);
	assert_int_equal(world.confirmed, 1200);
	assert_int_equal(server_got(&server), 1200);
	assert_int_equal(server.doubles, 0);
	finish_tls(&world, &server);
}

static void test_names(void **state)
{
	static const char *const names[] = {"log.test", "a.log.test", "127.0.0.1"};

	for (size_t i = 0; i < 3; i++) {
		struct world world;
		struct server server;

		begin(&world, &server, "good", 3, 100);
		world.options.server_name = names[i];
		world_open(&world);
		server_start(&server);
		assert_int_equal(world_send(&world, 3), 3);
		world_finish(&world);
		assert_int_equal(world.confirmed, 3);
		finish_tls(&world, &server);
	}
}

static void test_tls_1_2(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 600, 1000);
	SSL_CTX_set_max_proto_version(server.data, TLS1_2_VERSION);
	world_open(&world);
	server_start(&server);
	world_send_all(&world);
	world_finish(&world);
	assert_int_equal(world.confirmed, 600);
	finish_tls(&world, &server);
}

static void test_client_certificate(void **state)
{
	static const char *const files[][2] = {{"client.pem", "client.key"}, {"both.pem", NULL}};

	for (size_t i = 0; i < 2; i++) {
		struct world world;
		struct server server;

		begin(&world, &server, "good", 3, 100);
		SSL_CTX_load_verify_locations(server.data, in("ca.pem"), NULL);
		SSL_CTX_set_verify(server.data, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
		world.options.cert = in(files[i][0]);
		world.options.key = files[i][1] ? in(files[i][1]) : NULL;
		world_open(&world);
		server_start(&server);
		assert_int_equal(world_send(&world, 3), 3);
		world_finish(&world);
		assert_int_equal(world.confirmed, 3);
		finish_tls(&world, &server);
	}
}

/* --- what does not ---------------------------------------------------------------------------- */

/* Nothing of the records gets to a server that is not the one. */
static void refuses(struct world *world, struct server *server, const char *words)
{
	world_open(world);
	server_start(server);
	assert_int_equal(world_send(world, 3), 0);
	assert_why(world, words);
	assert_memory_equal(world->driver->why, "cannot write syslog:test: ", 26);
	assert_false(world->driver->rewind);
	assert_int_equal(server_got(server), 0);
	finish_tls(world, server);
}

static void test_wrong_authority(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 3, 100);
	world.options.ca = in("other.pem");
	refuses(&world, &server, "certificate does not hold: unable to get local issuer");
}

static void test_system_authorities(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 3, 100);
	world.options.ca = NULL;
	refuses(&world, &server, "certificate does not hold: unable to get local issuer");
}

static void test_expired(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "expired", 3, 100);
	refuses(&world, &server, "certificate does not hold: certificate has expired");
}

static void test_wrong_names(void **state)
{
	static const char *const names[] = {"other.test", "a.b.log.test", "127.0.0.2", "::1"};

	for (size_t i = 0; i < 4; i++) {
		struct world world;
		struct server server;
		char words[64];

		begin(&world, &server, "good", 3, 100);
		world.options.server_name = names[i];
		snprintf(words, sizeof(words), "certificate is not for %s", names[i]);
		refuses(&world, &server, words);
	}
}

/* An address is no name. */
static void test_address_not_in_certificate(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "named", 3, 100);
	refuses(&world, &server, "certificate is not for 127.0.0.1");
}

/* With TLS 1.3 its refusal comes after the first records: they are not lost. */
static void test_no_client_certificate(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 3, 100);
	SSL_CTX_set_verify(server.data, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	world_open(&world);
	watched.reaction = PATIENCE;
	server_start(&server);
	world_send(&world, 3);
	for (int left = PATIENCE; !world.driver->error && left; left--, usleep(1000))
		world_run(&world);
	assert_why(&world, "certificate required");
	assert_int_equal(world.next, 0);
	assert_int_equal(world.confirmed, 0);
	world_send(&world, 3); /* now it waits for the word */
	assert_why(&world, "certificate required");
	assert_int_equal(world.next, 0);
	finish_tls(&world, &server);
}

static void test_old_tls(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 3, 100);
	SSL_CTX_set_security_level(server.data, 0);
	SSL_CTX_set_min_proto_version(server.data, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(server.data, TLS1_1_VERSION);
	refuses(&world, &server, "TLS: ");
}

static void serve_plain(struct server *server, int fd, unsigned int connection)
{
	(void)!write(fd, "220 hello\r\n", 11);
}

static void test_no_tls(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 3, 100);
	server.serve = serve_plain;
	refuses(&world, &server, "does not speak TLS");
}

static void serve_nothing(struct server *server, int fd, unsigned int connection)
{
	char buffer[4096];

	(void)!read(fd, buffer, sizeof(buffer));
}

static void test_closes(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 3, 100);
	server.serve = serve_nothing;
	refuses(&world, &server, "closed the connection within the TLS handshake");
}

static void cannot_open(const char *ca, const char *cert, const char *key, int wanted,
			const char *words)
{
	struct world world;
	char reason[300] = "";
	int error;

	world_begin(&world, TRANSPORT_TLS);
	world.options.ca = ca ? in(ca) : NULL;
	world.options.cert = cert ? in(cert) : NULL;
	world.options.key = key ? in(key) : NULL;
	error = syslog_open(&world.options, world.stop, &world.driver, reason, sizeof(reason));
	if (error != wanted || !strstr(reason, words))
		fail_msg("%d \"%s\" does not say \"%s\"", error, reason, words);
	assert_null(world.driver);
	assert_int_equal(ERR_peek_error(), 0);
	world_end(&world);
}

static void test_files(void **state)
{
	cannot_open("none.pem", NULL, NULL, -ENOENT, "none.pem: No such file");
	cannot_open("empty.pem", NULL, NULL, -EINVAL, "empty.pem: no certificates of authorities");
	cannot_open("ca.pem", "none.pem", "client.key", -ENOENT, "none.pem: No such file");
	cannot_open("ca.pem", "client.pem", "none.key", -ENOENT, "none.key: No such file");
	cannot_open("ca.pem", "empty.pem", "client.key", -EINVAL, "empty.pem: no certificate");
	cannot_open("ca.pem", "client.pem", "good.key", -EINVAL, "good.key: no private key");
	cannot_open("ca.pem", "client.pem", "locked.key", -EINVAL, "locked.key: no private key");
	cannot_open("ca.pem", "client.pem", NULL, -EINVAL, "client.pem: no private key");
	cannot_open("ca.pem", NULL, "client.key", -EINVAL, "client.key is of no use");
	cannot_open(".", NULL, NULL, -EINVAL, "no certificates of authorities");
}

/* To OpenSSL an empty name is any. */
static void test_no_name(void **state)
{
	struct world world;
	char reason[300] = "";

	world_begin(&world, TRANSPORT_TLS);
	world.options.server_name = "";
	assert_int_equal(
		syslog_open(&world.options, world.stop, &world.driver, reason, sizeof(reason)),
		-EINVAL);
	assert_non_null(strstr(reason, "no name"));
	world_end(&world);
}

/* --- breaks ----------------------------------------------------------------------------------- */

static void test_breaks(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 1500, 3000);
	world_open(&world);
	watched.grace_over = true;
	server.serve = break_randomly;
	server_start(&server);
	world_send_until_confirmed(&world);
	assert_int_equal(server_got(&server), 1500);
	assert_true(server_connections(&server) > BREAKS);
	assert_true(world.rewinds > 1);
	finish_tls(&world, &server);
}

/* Reads all; the first time it goes without a word, as one that was killed. */
static void serve_two_ends(struct server *server, int fd, unsigned int connection)
{
	static const struct timeval quiet = {.tv_usec = 20000};
	SSL *session = SSL_new(server->data);

	SSL_set_fd(session, fd);
	SSL_accept(session);
	if (connection < 3)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &quiet, sizeof(quiet));
	read_session(server, session, SIZE_MAX);
	if (connection)
		SSL_shutdown(session);
	SSL_free(session);
	ERR_clear_error();
}

/* Whoever was killed may have thrown away what it had read a moment before, and whoever says that it closes the connection, too. */
static void test_word_of_the_end(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 10, 100);
	world_open(&world);
	server.serve = serve_two_ends;
	server_start(&server);
	assert_int_equal(world_send(&world, 3), 3);
	world_wait_end(&world);
	assert_int_equal(world.confirmed, 0);
	assert_int_equal(world.rewinds, 1);
	assert_int_equal(world_send(&world, 5), 5);
	world_wait_end(&world);
	assert_int_equal(world.confirmed, 0);
	assert_int_equal(world.rewinds, 2);
	assert_int_equal(world_send(&world, 7), 1); /* by itself */
	world_wait_end(&world);
	assert_int_equal(world.confirmed, 1); /* once more is enough */
	world_send_all(&world);
	world_finish(&world);
	assert_int_equal(world.confirmed, 10);
	assert_int_equal(server.doubles, 8);
	finish_tls(&world, &server);
}

/* Does not read before it may. */
static bool may_read; /* atomic */

static void serve_late(struct server *server, int fd, unsigned int connection)
{
	SSL *session = SSL_new(server->data);

	SSL_set_fd(session, fd);
	SSL_accept(session);
	for (int left = PATIENCE; left && !__atomic_load_n(&may_read, __ATOMIC_ACQUIRE); left--)
		usleep(1000);
	if (read_session(server, session, SIZE_MAX))
		SSL_shutdown(session);
	SSL_free(session);
}

/* It is full in the middle of a record of TLS, which must be given to it again as it was. */
static void test_slow(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 3000, 8000);
	world_open(&world);
	server.serve = serve_late;
	server_start(&server);
	for (unsigned int i = 0; i < 1000 && !world.driver->error; i++)
		world_send(&world, 1 + i % 40);
	assert_int_equal(world.driver->error, -EAGAIN);
	assert_true(watched.full);
	watched.slice = 1;
	world_send(&world, 1);
	world_send(&world, 128);
	world_run(&world);
	assert_true(watched.full);
	__atomic_store_n(&may_read, true, __ATOMIC_RELEASE);
	world_send_all(&world);
	world_finish(&world);
	assert_int_equal(world.confirmed, 3000);
	assert_int_equal(server.doubles, 0);
	finish_tls(&world, &server);
}

/* The certificates on the disk are others by now. */
static void test_reload(void **state)
{
	struct world world;
	struct server server;

	begin(&world, &server, "good", 3, 100);
	assert_int_equal(rename(in("ca.pem"), in("ca.kept")), 0);
	assert_int_equal(link(in("other.pem"), in("ca.pem")), 0);
	world_open(&world);
	server_start(&server);
	assert_int_equal(world_send(&world, 3), 0);
	assert_why(&world, "certificate does not hold");
	assert_int_equal(rename(in("ca.kept"), in("ca.pem")), 0);
	assert_int_equal(world_send(&world, 3), 3);
	world_finish(&world);
	assert_int_equal(world.confirmed, 3);
	finish_tls(&world, &server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_tls_1_2),
		cmocka_unit_test(test_client_certificate),
		cmocka_unit_test(test_wrong_authority),
		cmocka_unit_test(test_system_authorities),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_wrong_names),
		cmocka_unit_test(test_address_not_in_certificate),
		cmocka_unit_test(test_no_client_certificate),
		cmocka_unit_test(test_old_tls),
		cmocka_unit_test(test_no_tls),
		cmocka_unit_test(test_closes),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_no_name),
		cmocka_unit_test(test_breaks),
		cmocka_unit_test(test_word_of_the_end),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
