// SPDX-License-Identifier: Apache-2.0
/* A message to the broker, and the same bytes as a request to an engine: nothing is written where nothing is granted, and no
 * other request than a harmless one comes through. */
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "broker/relay.h"
#include "broker/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int grant_nothing(void *data, struct grants *grants)
{
	return 0;
}

static void do_act(const uint8_t *data, size_t size)
{
	static const struct broker_options options = {.grant = grant_nothing};
	static struct message_request request;
	struct message_answer answer;
	int fds[MESSAGE_FDS] = {-1, -1}, fd;

	memset(&request, 0, MESSAGE_HEAD);
	memcpy(&request, data, size < sizeof(request) ? size : sizeof(request));
	/* Sockets of the machine that fuzzes are left alone, and there are no other threads. */
	if (request.act == ACT_CHANNEL || request.act == ACT_ENGINE || request.act == ACT_PEER)
		return;
	fd = serve_request(&request, size < sizeof(request) ? size : sizeof(request), fds, &options,
			   &answer);
	if (request.act >= ACT_RENAME)
		MUST(answer.error);
	if (fd >= 0) {
		MUST(request.act == ACT_OPEN && !answer.error);
		MUST((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
		close(fd);
	}
}

static void do_request(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	int whole = relay_check(text, size);

	MUST(whole <= (int)size);
	if (whole <= 0)
		return;
	MUST(!memcmp(text, "GET /", 5) && !memcmp(text + whole - 4, "\r\n\r\n", 4));
	MUST(memmem(text, (size_t)whole, "\r\n\r\n", 4) == text + whole - 4);
	MUST(!memmem(text, (size_t)whole, "pgrade:", 7) ||
	     memmem(text, (size_t)whole, "callerd/", 8) || memchr(text, '?', (size_t)whole));
	MUST(!memmem(text, (size_t)whole, "\nContent-", 9));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	do_act(data, size);
	do_request(data, size);
	return 0;
}
