// SPDX-License-Identifier: Apache-2.0
#include "system/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static int notify_socket = -1;

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = path ? strlen(path) : 0;
	_close_ int fd = -1;

	if (!size || (*path != '/' && *path != '@') || size >= sizeof(address.sun_path))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	memcpy(address.sun_path, path, size);
	if (*path == '@') /* an abstract socket */
		address.sun_path[0] = '\0';
	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&address,
				(socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)))
		notify_socket = take_fd(fd);
}

void notify_send(const char *state)
{
	if (notify_socket >= 0)
		(void)send(notify_socket, state, strlen(state), MSG_NOSIGNAL);
}

uint64_t notify_watchdog(void)
{
	const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!period || (pid && atoi(pid) != getpid()))
		return 0;
	return strtoull(period, NULL, 10) * 1000;
}
