/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One blocking write(2) that carries a whole request and megabytes behind it, so that the writer is
 * still inside it when the daemon reads the request, acts on it and answers.
 *
 *	--mode early	  POST /v1.41/nowhere with a large body: 404 before the body was read
 *(default)
 *	--mode pipelined  GET /_ping, and behind it a POST with a large body
 *	--mode create	  POST /containers/create with a large, valid JSON body of an unknown image
 *	--size MB	  8
 *	--chunked	  the body in chunks of 64 KiB instead of Content-Length
 *
 * in_write_at_response=1: the first response byte was there before write(2) returned.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "client.h"

static atomic_int in_write, in_write_at_response;
static int fd, status;
static size_t received;

static void *read_all(void *unused)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char text[65536];
	ssize_t n;

	(void)unused;
	poll(&wait, 1, -1);
	in_write_at_response = in_write;
	while ((n = recv(fd, text, sizeof(text) - 1, 0)) > 0) {
		text[n] = 0;
		if (!received && n > (ssize_t)sizeof("HTTP/1.1 200"))
			status = atoi(text + sizeof("HTTP/1.1"));
		received += n;
	}
	return NULL;
}

/* Appends SIZE bytes of PATTERN's head, filling and tail, as one body; returns its length. */
static size_t put_body(char *out, size_t size, const char *head, const char *tail, bool chunked)
{
	const size_t piece = 65536;
	char *p = out, *plain = malloc(size);
	size_t h = strlen(head), t = strlen(tail);

	memset(plain, 'x', size);
	memcpy(plain, head, h);
	memcpy(plain + size - t, tail, t);
	if (!chunked) {
		memcpy(p, plain, size);
		p += size;
	}
	for (size_t i = 0; chunked && i < size; i += piece) {
		size_t n = size - i < piece ? size - i : piece;

		p += sprintf(p, "%zx\r\n", n);
		memcpy(p, plain + i, n);
		p += n;
		p += sprintf(p, "\r\n");
	}
	if (chunked)
		p += sprintf(p, "0\r\n\r\n");
	free(plain);
	return p - out;
}

int main(int argc, char **argv)
{
	const char *path = client_socket(argc, argv,
					 "[--mode early|pipelined|create] [--size MB] [--chunked]");
	const char *mode = client_option(argc, argv, "--mode", "early");
	bool chunked = client_flag(argc, argv, "--chunked"), create = !strcmp(mode, "create");
	size_t size = client_number(argc, argv, "--size", 8) << 20, used = 0;
	char *text = malloc(size * 2 + 65536);
	pthread_t reader;
	ssize_t n;

	if (!text)
		client_die("malloc");
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(mode, "pipelined"))
		used += sprintf(text, "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n");
	used += sprintf(text + used, "POST %s HTTP/1.1\r\nHost: docker\r\n",
			create ? "/v1.41/containers/create" : "/v1.41/nowhere");
	used += sprintf(text + used, "Content-Type: application/json\r\nConnection: close\r\n");
	if (chunked)
		used += sprintf(text + used, "Transfer-Encoding: chunked\r\n\r\n");
	else
		used += sprintf(text + used, "Content-Length: %zu\r\n\r\n", size);
	used += put_body(text + used, size,
			 create ? "{\"Image\":\"no-such-image\",\"Hostname\":\"" : "",
			 create ? "\"}" : "", chunked);

	client_say("mode=%s", mode);
	client_say_self("sender");
	fd = client_connect(path);
	errno = pthread_create(&reader, NULL, read_all, NULL);
	if (errno)
		client_die("pthread_create");
	in_write = 1;
	n = write(fd, text, used);
	in_write = 0;
	client_say("write=%zd", n < 0 ? (ssize_t)-errno : n);
	client_say("size=%zu", used);
	shutdown(fd, SHUT_WR);
	pthread_join(reader, NULL);
	client_say("in_write_at_response=%d", in_write_at_response);
	client_say("status=%d", status);
	return status ? 0 : 1;
}
