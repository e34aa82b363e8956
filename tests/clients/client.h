/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the test clients share. Each client is one program: its first argument is the socket, it
 * makes real HTTP requests there and prints key=value lines, one fact each, of what the records
 * must show.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLIENT_HELPER static inline __attribute__((unused))

#define client_die(...)                                                                            \
	do {                                                                                       \
		fprintf(stderr, __VA_ARGS__);                                                      \
		fprintf(stderr, ": %s\n", strerror(errno));                                        \
		exit(1);                                                                           \
	} while (0)

/* Prints one fact as a line of its own, at once: a reader may be waiting for it. */
CLIENT_HELPER __attribute__((format(printf, 1, 2))) void client_say(const char *format, ...)
{
	char line[PIPE_BUF];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, n) < 0)
		exit(1);
}

/* Says who ROLE is: ROLE.pid, ROLE.tid, ROLE.name, ROLE.executable. */
CLIENT_HELPER void client_say_self(const char *role)
{
	char name[17] = "", exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n < 0 ? 0 : n] = 0;
	prctl(PR_GET_NAME, name);
	client_say("%s.pid=%d", role, getpid());
	client_say("%s.tid=%ld", role, syscall(SYS_gettid));
	client_say("%s.name=%s", role, name);
	client_say("%s.executable=%s", role, exe);
}

/* The value after option NAME ("--target") anywhere in argv before "--", or FALLBACK. */
CLIENT_HELPER const char *client_option(int argc, char **argv, const char *name,
					const char *fallback)
{
	for (int i = 2; i + 1 < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], name))
			return argv[i + 1];
	return fallback;
}

CLIENT_HELPER bool client_flag(int argc, char **argv, const char *name)
{
	for (int i = 2; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], name))
			return true;
	return false;
}

CLIENT_HELPER long client_number(int argc, char **argv, const char *name, long fallback)
{
	const char *value = client_option(argc, argv, name, NULL);

	return value ? strtol(value, NULL, 0) : fallback;
}

/* The socket's path; ends the program with its usage where there is none. */
CLIENT_HELPER const char *client_socket(int argc, char **argv, const char *usage)
{
	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: %s SOCKET %s\n", argc ? argv[0] : "client", usage);
		exit(2);
	}
	return argv[1];
}

CLIENT_HELPER socklen_t client_address(struct sockaddr_un *address, const char *path)
{
	size_t size = strlen(path);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (size > sizeof(address->sun_path)) {
		errno = ENAMETOOLONG;
		client_die("%s", path);
	}
	memcpy(address->sun_path, path, size);
	return offsetof(struct sockaddr_un, sun_path) + size + (size < sizeof(address->sun_path));
}

/* Returns a connected descriptor or -1 with errno. */
CLIENT_HELPER int client_try_connect(const char *path)
{
	struct sockaddr_un address;
	socklen_t size = client_address(&address, path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), error;

	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&address, size))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

CLIENT_HELPER int client_connect(const char *path)
{
	int fd = client_try_connect(path);

	if (fd < 0)
		client_die("connect %s", path);
	return fd;
}

/* Writes the head of a request without body to TEXT (SIZE bytes); returns its length. */
CLIENT_HELPER size_t client_request(char *text, size_t size, const char *method, const char *target)
{
	int n = snprintf(text, size,
			 "%s %s HTTP/1.1\r\nHost: docker\r\nUser-Agent: callerd-test\r\n\r\n",
			 method, target);

	if (n < 0 || (size_t)n >= size) {
		errno = EMSGSIZE;
		client_die("%s", target);
	}
	return n;
}

/* What stands between TARGET and one more parameter of its query. */
CLIENT_HELPER char client_separator(const char *target)
{
	return strchr(target, '?') ? '&' : '?';
}

CLIENT_HELPER int client_send(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = send(fd, p, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		size -= n;
	}
	return 0;
}

CLIENT_HELPER int client_get(int fd, const char *target)
{
	char text[9216];

	return client_send(fd, text, client_request(text, sizeof(text), "GET", target));
}

/* Reads one whole response, its body included; returns its status, 0 where the connection ended
 * before the end of it. Nothing may be pipelined behind it. */
CLIENT_HELPER int client_response(int fd, bool head_only)
{
	char text[65536];
	size_t size = 0, body = 0;
	long length = -1;
	bool chunked = false, in_body = false;
	int status = 0;

	for (;;) {
		ssize_t n = recv(fd, text + size, sizeof(text) - 1 - size, 0);
		char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return in_body && length < 0 && !chunked ? status : 0;
		size += n;
		text[size] = 0;
		if (!in_body) {
			end = strstr(text, "\r\n\r\n");
			if (!end)
				continue;
			*end = 0;
			status = atoi(text + sizeof("HTTP/1.1"));
			for (char *line = text; (line = strstr(line, "\r\n")); line += 2) {
				if (!strncasecmp(line + 2, "Content-Length:", 15))
					length = atol(line + 17);
				if (!strncasecmp(line + 2, "Transfer-Encoding: chunked", 26))
					chunked = true;
			}
			if (head_only || status == 204 || status == 304)
				return status;
			in_body = true;
			body = size - (end + 4 - text);
			memmove(text, end + 4, body);
			size = body;
		} else {
			body += n;
		}
		if (length >= 0 && body >= (size_t)length)
			return status;
		if (chunked && size >= 5 && !memcmp(text + size - 5, "0\r\n\r\n", 5))
			return status;
		if (size > 4) { /* only the tail is needed from here on */
			memmove(text, text + size - 4, 4);
			size = 4;
		}
	}
}

/* Waits for the child PID; returns its exit code, 128 + signal. */
CLIENT_HELPER int client_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			client_die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Copies this program to a file called NAME in a new directory, so that another image of it can be
 * executed. Returns the path, kept in static memory; client_remove_copy() removes both. */
CLIENT_HELPER const char *client_copy_self(const char *name)
{
	static char path[PATH_MAX];
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX - NAME_MAX - 2], data[65536];
	ssize_t n;
	int in, out;

	snprintf(dir, sizeof(dir), "%s/callerd-client.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		client_die("%s", dir);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (in < 0 || out < 0)
		client_die("%s", path);
	while ((n = read(in, data, sizeof(data))) > 0)
		if (write(out, data, n) != n)
			client_die("%s", path);
	close(in);
	close(out);
	return path;
}

CLIENT_HELPER void client_remove_copy(const char *path)
{
	char dir[PATH_MAX];

	unlink(path);
	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = 0;
	rmdir(dir);
}

CLIENT_HELPER uint64_t client_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

#endif
