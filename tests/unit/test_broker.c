// SPDX-License-Identifier: Apache-2.0
/* What the broker does for somebody who asks for anything. */
#include "unit.h"

#include <poll.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "broker/relay.h"
#include "broker/serve.h"
#include "files.h"

static const char *granted_directory;

static int grant(void *data, struct grants *grants)
{
	char path[256];

	if (!granted_directory)
		return -EINVAL;
	snprintf(path, sizeof(path), "%s/log", granted_directory);
	assert_int_equal(grants_add(grants, GRANT_FILE, path), 0);
	snprintf(path, sizeof(path), "%s/made/log", granted_directory);
	assert_int_equal(grants_add(grants, GRANT_FILE, path), 0);
	snprintf(path, sizeof(path), "%s/spool", granted_directory);
	assert_int_equal(grants_add(grants, GRANT_DIRECTORY, path), 0);
	snprintf(path, sizeof(path), "%s/socket", granted_directory);
	assert_int_equal(grants_add(grants, GRANT_SOCKET, path), 0);
	snprintf(path, sizeof(path), "%s/config", granted_directory);
	assert_int_equal(grants_add(grants, GRANT_READING, path), 0);
	return 0;
}

static const struct broker_options options = {.grant = grant};

/* --- messages --------------------------------------------------------------------------------- */

static size_t ask_for(struct message_request *request, enum message_act act, const char *first,
		      const char *second)
{
	size_t size = MESSAGE_HEAD;
	const char *texts[] = {first, second};

	memset(request, 0, MESSAGE_HEAD);
	request->act = act;
	for (int i = 0; i < 2; i++)
		if (texts[i]) {
			request->text_sizes[i] = (uint32_t)strlen(texts[i]) + 1;
			memcpy((char *)request + size, texts[i], request->text_sizes[i]);
			size += request->text_sizes[i];
		}
	return size;
}

static void test_messages(void **state)
{
	struct message_request request;
	const char *paths[2];
	size_t size = ask_for(&request, ACT_RENAME, "/a", "/bc");

	assert_true(message_check(&request, size, paths));
	assert_string_equal(paths[0], "/a");
	assert_string_equal(paths[1], "/bc");
	for (size_t i = 0; i < size; i++)
		assert_false(message_check(&request, i, paths));
	assert_false(message_check(&request, size + 1, paths));
	request.text[1] = '\0'; /* an end within a text */
	assert_false(message_check(&request, size, paths));
	size = ask_for(&request, ACTS, NULL, NULL);
	assert_false(message_check(&request, size, paths));
	size = ask_for(&request, ACT_OPEN, "/a", NULL);
	request.text_sizes[0] = UINT32_MAX;
	assert_false(message_check(&request, size, paths));
	request.text_sizes[0] = 2; /* the NUL is missing */
	assert_false(message_check(&request, size - 1, paths));
}

/* --- acts ------------------------------------------------------------------------------------- */

/* Returns the error; a descriptor in *RET_FD if there is one. */
static int act(struct message_request *request, size_t size, int first, int second, int *ret_fd)
{
	int fds[MESSAGE_FDS] = {first, second};
	struct message_answer answer;
	int got = serve_request(request, size, fds, &options, &answer);

	if (ret_fd)
		*ret_fd = got;
	else if (got >= 0)
		close(got);
	return answer.error;
}

static int act_on(enum message_act wanted, const char *first, const char *second)
{
	struct message_request request;

	return act(&request, ask_for(&request, wanted, first, second), -1, -1, NULL);
}

static int open_as(const char *path, int flags)
{
	struct message_request request;
	size_t size = ask_for(&request, ACT_OPEN, path, NULL);

	request.flags = (uint32_t)flags;
	request.mode = 0600;
	return act(&request, size, -1, -1, NULL);
}

static char *below(const char *name)
{
	static char paths[4][256];
	static int next;
	char *ret = paths[next++ % 4];

	snprintf(ret, sizeof(paths[0]), "%s/%s", granted_directory, name);
	return ret;
}

static void test_writing(void **state)
{
	static const char *const granted[] = {"log", "log.1", "log.seal", "log-wal", "spool/0001"};
	static const char *const others[] = {
		"lo",	    "logs",   "log/x",	  "log.d/x", "spool",	       "spool/a/b",
		"spoolx",   "config", "config/x", "other",   "spool/../other", "log.1/../other",
		"spool/..",
	};

	assert_int_equal(mkdir(below("spool"), 0700), 0);
	assert_int_equal(mkdir(below("log.d"), 0700), 0);
	for (size_t i = 0; i < COUNT(granted); i++)
		assert_int_equal(open_as(below(granted[i]), O_RDWR | O_CREAT | O_APPEND), 0);
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_not_equal(open_as(below(others[i]), O_RDWR | O_CREAT), 0);
	assert_int_equal(open_as(below("log"), O_PATH | O_CREAT), EINVAL);
	assert_int_equal(act_on(ACT_RENAME, below("log"), below("log.2")), 0);
	assert_int_equal(act_on(ACT_RENAME, below("log.2"), below("other")), EPERM);
	assert_int_equal(act_on(ACT_RENAME, "/etc/passwd", below("log.3")), EPERM);
	assert_int_equal(act_on(ACT_RENAME, below("log.2"), NULL), EINVAL);
	assert_int_equal(act_on(ACT_UNLINK, below("log.2"), NULL), 0);
	assert_int_equal(act_on(ACT_UNLINK, "/etc/passwd", NULL), EPERM);
	assert_int_equal(act_on(ACT_UNLINK, NULL, NULL), EINVAL);
	assert_int_equal(act_on(ACT_MKDIR, below("made"), NULL), 0);
	assert_int_equal(act_on(ACT_MKDIR, below("another"), NULL), EPERM);
	assert_int_equal(open_as(below("made/log"), O_WRONLY | O_CREAT), 0);
}

/* A link at the end is not followed, and one in the middle leads to where nothing is granted. */
static void test_links(void **state)
{
	assert_int_equal(symlink("/etc/passwd", below("log.9")), 0);
	assert_int_equal(open_as(below("log.9"), O_RDWR), ELOOP);
	assert_int_equal(symlink("/etc", below("spool.d")), 0);
	assert_int_equal(open_as(below("spool.d/passwd"), O_RDWR), EPERM);
	unlink(below("log.9"));
}

static void test_reading(void **state)
{
	static const char *const granted[] = {
		"/etc/passwd",	     "/etc/group",    "/",
		"/proc/self/status", "/proc/self/fd", "/proc/self/ns/mnt"};
	static const char *const others[] = {"/proc/self/environ", "/proc/self/mem", "/dev/null",
					     "/proc/self/maps", "/etc/shadow"};
	_close_ int secret = open(below("secret"), O_RDWR | O_CREAT, 0600);

	assert_true(secret >= 0);
	for (size_t i = 0; i < COUNT(granted); i++)
		assert_int_equal(open_as(granted[i], O_RDONLY), 0);
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(open_as(others[i], O_RDONLY), EPERM);
	assert_int_equal(open_as(below("secret"), O_RDONLY), EPERM);
	assert_int_equal(open_as(below("secret"), O_PATH), 0);
	assert_int_equal(open_as(below("secret"), O_PATH | O_TMPFILE), EINVAL);
	assert_int_equal(mkdir(below("config"), 0700), 0);
	assert_int_equal(mkdir(below("config/conf.d"), 0700), 0);
	close(open(below("config/conf.d/a"), O_RDWR | O_CREAT, 0600));
	assert_int_equal(open_as(below("config/conf.d/a"), O_RDONLY), 0);
	assert_int_equal(open_as(below("config/conf.d/a"), O_RDWR), EPERM);
	assert_int_equal(symlink(below("secret"), below("config/b")), 0);
	assert_int_equal(open_as(below("config/b"), O_RDONLY), EPERM);
}

/* A descriptor that can only be looked at becomes one that can be read only where that is granted. */
static void test_descriptors(void **state)
{
	_close_ int looked = open(below("secret"), O_PATH), passwd = open("/etc/passwd", O_PATH);
	struct message_request request;
	size_t size = ask_for(&request, ACT_OPEN, NULL, NULL);
	_close_ int fd = -1;
	char byte;

	assert_int_equal(act(&request, size, looked, -1, NULL), EPERM);
	assert_int_equal(act(&request, size, -1, -1, NULL), EINVAL);
	assert_int_equal(act(&request, size, passwd, -1, &fd), 0);
	assert_int_equal(read(fd, &byte, 1), 1);
	size = ask_for(&request, ACT_CHMOD, NULL, NULL);
	request.mode = 0777;
	assert_int_equal(act(&request, size, fd, -1, NULL), EPERM);
	assert_int_equal(act(&request, size, -1, -1, NULL), EBADF);
	size = ask_for(&request, ACT_CHGRP, NULL, NULL);
	assert_int_equal(act(&request, size, fd, -1, NULL), EPERM);
}

/* The mode of a directory is changed where the broker made it, and not of one that holds what may be written. */
static void test_modes(void **state)
{
	_close_ int file = open(below("log"), O_RDWR | O_CREAT, 0600), made = -1, above = -1;
	_close_ int spool = -1;
	struct message_request request;
	size_t size = ask_for(&request, ACT_CHMOD, NULL, NULL);
	struct stat info;

	request.mode = 04775; /* not the bits above the permissions */
	assert_int_equal(act(&request, size, file, -1, NULL), 0);
	assert_int_equal(fstat(file, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0775);
	above = open(granted_directory, O_RDONLY | O_DIRECTORY);
	assert_int_equal(act(&request, size, above, -1, NULL), EPERM);
	spool = open(below("spool"), O_RDONLY | O_DIRECTORY);
	assert_int_equal(act(&request, size, spool, -1, NULL), EPERM);
	made = open(below("made"), O_RDONLY | O_DIRECTORY);
	assert_int_equal(act(&request, size, made, -1, NULL), 0);
}

static void test_watching(void **state)
{
	_close_ int inotify = inotify_init1(IN_CLOEXEC), root = open("/", O_PATH);
	_close_ int file = open("/etc/passwd", O_PATH);
	struct message_request request;
	size_t size = ask_for(&request, ACT_WATCH, NULL, NULL);

	request.mask = IN_CREATE;
	assert_int_equal(act(&request, size, inotify, root, NULL), 0);
	assert_int_equal(act(&request, size, inotify, file, NULL), ENOTDIR);
	assert_int_equal(act(&request, size, inotify, -1, NULL), EBADF);
	size = ask_for(&request, ACT_MARK, NULL, NULL);
	request.flags = FAN_MARK_ADD | FAN_MARK_MOUNT;
	assert_int_equal(act(&request, size, inotify, root, NULL), EINVAL);
	request.flags = FAN_MARK_ADD | FAN_MARK_ONLYDIR | FAN_MARK_FILESYSTEM;
	assert_int_equal(act(&request, size, inotify, root, NULL), EINVAL);
}

/* A copy of another process's descriptor is described, and never given away. */
static void test_sockets(void **state)
{
	_close_ int own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int ends[2], fds[MESSAGE_FDS] = {own, -1};
	struct message_request request;
	struct message_answer answer;
	size_t size = ask_for(&request, ACT_SOCKET, NULL, NULL);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	request.mode = (uint32_t)ends[0];
	assert_int_equal(serve_request(&request, size, fds, &options, &answer), -1);
	assert_int_equal(answer.error, 0);
	assert_true(answer.socket.is_socket && !answer.socket.accepts);
	assert_int_equal(answer.socket.type, SOCK_STREAM);
	close(ends[0]);
	close(ends[1]);
}

static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", below(name));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void test_output(void **state)
{
	_close_ int granted = listen_at("socket"), other = listen_at("socket.2"), fd = -1;
	struct message_request request;
	size_t size = ask_for(&request, ACT_OUTPUT, below("socket"), NULL);
	char text[8] = "";

	assert_int_equal(act(&request, size, -1, -1, &fd), 0);
	assert_int_equal(send(fd, "record", 6, 0), 6);
	assert_int_equal(recv(granted, text, sizeof(text), 0), 6);
	assert_true(other >= 0);
	assert_int_equal(act_on(ACT_OUTPUT, below("socket.2"), NULL), EPERM);
	assert_int_equal(open_as(below("socket"), O_RDWR), EPERM);
}

static void test_reload(void **state)
{
	const char *before = granted_directory;

	granted_directory = NULL;
	assert_int_equal(act_on(ACT_RELOAD, NULL, NULL), EINVAL);
	granted_directory = before;
	assert_int_equal(open_as(below("log"), O_RDWR | O_CREAT), 0); /* as it was before */
	assert_int_equal(act_on(ACT_RELOAD, NULL, NULL), 0);
	assert_int_equal(open_as(below("log"), O_RDWR | O_CREAT), 0);
}

/* --- engines ---------------------------------------------------------------------------------- */

#define REQUEST(target) "GET " target " HTTP/1.1\r\nHost: docker\r\nUser-Agent: callerd/1\r\n\r\n"

static void test_requests(void **state)
{
	static const char *const asked[] = {
		REQUEST("/version"),
		REQUEST("/v1.41/info"),
		REQUEST("/v1.41/containers/json?all=1"),
		REQUEST("/v1.41/containers/a0b1/json"),
		REQUEST("/v1.41/exec/a0b1/json"),
		REQUEST("/events?since=1.2"),
		"GET /_ping?a=b HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
	};
	static const char *const refused[] = {
		REQUEST("/containers/a/archive?path=/etc/shadow"),
		REQUEST("/containers/a/export"),
		REQUEST("/containers/a/logs"),
		REQUEST("/containers/a/b/json"),
		REQUEST("/exec/a/start"),
		REQUEST("/exec/a/resize?h=1"),
		REQUEST("/exec/a/b/json"),
		REQUEST("/containers/..%2fa/json"),
		REQUEST("/secrets"),
		REQUEST("/"),
		REQUEST("version"),
		REQUEST("http://x/version"),
		REQUEST("/version HTTP/1.1\r\nX: y\r\n\r\nPOST /containers/create"),
		"POST /version HTTP/1.1\r\nHost: docker\r\n\r\n",
		"GET /version HTTP/1.0\r\nHost: docker\r\n\r\n",
		"GET /version HTTP/1.1\r\nHost: docker\r\nContent-Length: 5\r\n\r\n",
		"GET /session HTTP/1.1\r\nHost: docker\r\nUpgrade: h2c\r\n\r\n",
		"GET /version HTTP/1.1\r\nHost: docker\r\nUser-Agent: callerd/\nA: b\r\n\r\n",
		"GET /version HTTP/1.1\nHost: docker\r\n\r\n",
		"\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	};
	char large[5000];

	for (size_t i = 0; i < COUNT(asked); i++) {
		size_t size = strlen(asked[i]);

		assert_int_equal(relay_check(asked[i], size), size);
		assert_int_equal(relay_check(asked[i], size - 1), 0);
	}
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_int_equal(relay_check(refused[i], strlen(refused[i])), -EPERM);
	memset(large, 'a', sizeof(large));
	assert_int_equal(relay_check(large, sizeof(large)), -EPERM);
}

/* What may be asked comes to the engine, and the answer back; what may not ends the connection. */
static void test_relay(void **state)
{
	static const char good[] = REQUEST("/version"), bad[] = REQUEST("/secrets");
	int ends[2], fd;
	char text[200];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fd = relay_start(ends[0]);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, good, 20, 0), 20);
	assert_int_equal(send(fd, good + 20, sizeof(good) - 21, 0), sizeof(good) - 21);
	assert_int_equal(recv(ends[1], text, sizeof(text), 0), sizeof(good) - 1);
	assert_memory_equal(text, good, sizeof(good) - 1);
	assert_int_equal(send(ends[1], "answer", 6, 0), 6);
	fcntl(fd, F_SETFL, 0);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 6);
	assert_int_equal(send(fd, bad, sizeof(bad) - 1, 0), sizeof(bad) - 1);
	assert_int_equal(recv(ends[1], text, sizeof(text), 0), 0);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 0);
	close(fd);
	close(ends[1]);
}

/* An answer is whole, though the engine closes behind it and callerd takes its time. */
static void test_answer_of_one_that_closes(void **state)
{
	static char answer[1 << 20];
	size_t sent = 0, got = 0;
	int ends[2], fd;
	ssize_t size;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fd = relay_start(ends[0]);
	assert_true(fd >= 0);
	while (sent < sizeof(answer)) {
		struct pollfd poll_fd = {.fd = ends[1], .events = POLLOUT};

		size = send(ends[1], answer + sent, sizeof(answer) - sent, MSG_DONTWAIT);
		if (size < 0 && !poll(&poll_fd, 1, 100))
			break; /* nobody reads */
		sent += size > 0 ? (size_t)size : 0;
	}
	assert_in_range(sent, 1, sizeof(answer) - 1);
	close(ends[1]);
	fcntl(fd, F_SETFL, 0);
	while ((size = recv(fd, answer, sizeof(answer), 0)) > 0)
		got += (size_t)size;
	assert_int_equal(got, sent);
	close(fd);
}

/* Nobody waits for an engine that takes no request, once callerd is gone. */
static void test_engine_that_does_not_read(void **state)
{
	static const char request[] = REQUEST("/version");
	struct pollfd room = {.events = POLLOUT}, gone = {.events = POLLRDHUP};
	int ends[2], fd;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	fd = room.fd = relay_start(ends[0]);
	assert_true(fd >= 0);
	while (poll(&room, 1, 200) == 1) /* until nothing is taken any more */
		if (send(fd, request, sizeof(request) - 1, MSG_DONTWAIT) < 0)
			assert_int_equal(errno, EAGAIN);
	close(fd);
	gone.fd = ends[1];
	assert_int_equal(poll(&gone, 1, 10000), 1);
	close(ends[1]);
}

static int begin(void **state)
{
	static char name[] = "/tmp/callerd-broker-XXXXXX";

	granted_directory = mkdtemp(name);
	return granted_directory && !serve_reload(&options) ? 0 : -1;
}

static int end(void **state)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf %s", granted_directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_watching),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_relay),
		cmocka_unit_test(test_answer_of_one_that_closes),
		cmocka_unit_test(test_engine_that_does_not_read),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
