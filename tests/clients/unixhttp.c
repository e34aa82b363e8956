/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest HTTP client for a Unix socket; linked statically it goes into the test image.
 * unixhttp SOCKET [METHOD [TARGET [BODY]]]: prints the response's first line and body, ends with 0
 * below status 400. */
#include "client.h"

int main(int argc, char **argv)
{
	const char *path = client_socket(argc, argv, "[METHOD [TARGET [BODY]]]");
	const char *method = argc > 2 ? argv[2] : "GET", *target = argc > 3 ? argv[3] : "/_ping";
	const char *body = argc > 4 ? argv[4] : "";
	char text[65536], *end = NULL;
	size_t size = 0;
	ssize_t n;
	int fd = client_connect(path), status;

	n = snprintf(
		text, sizeof(text),
		"%s %s HTTP/1.1\r\nHost: docker\r\nUser-Agent: unixhttp\r\nConnection: close\r\n",
		method, target);
	if (*body && (size_t)n < sizeof(text))
		n += snprintf(text + n, sizeof(text) - n,
			      "Content-Type: application/json\r\nContent-Length: %zu\r\n",
			      strlen(body));
	if ((size_t)n < sizeof(text))
		n += snprintf(text + n, sizeof(text) - n, "\r\n%s", body);
	if ((size_t)n >= sizeof(text) || client_send(fd, text, n))
		client_die("send");

	while (!end && size < sizeof(text) - 1 &&
	       (n = recv(fd, text + size, sizeof(text) - 1 - size, 0)) > 0) {
		size += n;
		text[size] = 0;
		end = strstr(text, "\r\n\r\n");
	}
	if (!end)
		client_die("no response");
	status = atoi(text + sizeof("HTTP/1.1"));
	printf("%.*s\n", (int)strcspn(text, "\r"), text);
	fwrite(end + 4, 1, size - (end + 4 - text), stdout);
	while ((n = recv(fd, text, sizeof(text), 0)) > 0)
		fwrite(text, 1, n, stdout);
	putchar('\n');
	return status < 400 ? 0 : 1;
}
