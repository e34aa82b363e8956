// SPDX-License-Identifier: Apache-2.0
#include "output/driver.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

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
