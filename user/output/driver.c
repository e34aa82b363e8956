// SPDX-License-Identifier: Apache-2.0
#include "output/driver.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "broker/broker.h"

#define SEND_BUFFER (8 << 20) /* bytes, as systemd's own library has it */

int driver_fail(struct driver *driver, int error, const char *detail)
{
	driver->error = error;
	snprintf(driver->why, sizeof(driver->why), "cannot write %s: %s", driver->options->name,
		 detail ? detail : strerror(-error));
	return error;
}

void driver_works(struct driver *driver)
{
	driver->error = 0;
	driver->why[0] = '\0';
}

int driver_poll(const struct driver *driver, int fd, short events, int milliseconds)
{
	struct pollfd fds[] = {{.fd = driver->stop, .events = POLLIN},
			       {.fd = fd, .events = events}};

	if (poll(fds, 2, milliseconds) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents)
		return -ECANCELED;
	return fds[1].revents;
}

int driver_set_path(const struct sink_options *options, struct sockaddr_un *ret, char *reason,
		    size_t size)
{
	ret->sun_family = AF_UNIX;
	if (strlen(options->path) < sizeof(ret->sun_path)) {
		strcpy(ret->sun_path, options->path);
		return 0;
	}
	snprintf(reason, size, "cannot write %s: the path of a socket has at most %zu bytes",
		 options->name, sizeof(ret->sun_path) - 1);
	return -ENAMETOOLONG;
}

int driver_connect_path(const struct sockaddr_un *path)
{
	int fd = broker_connect_output(path->sun_path);
	const int size = SEND_BUFFER;

	if (fd < 0)
		return -errno;
	/* The most that one datagram can hold; more than the system's limit takes CAP_NET_ADMIN. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fd;
}
