// SPDX-License-Identifier: Apache-2.0
#include "output/syslog/syslog_socket.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

int syslog_pending_error(int fd)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
		return -errno;
	return -error;
}

/* Waits for the end of a connect that was begun. */
static int wait_connected(const struct driver *driver, int fd, uint64_t until)
{
	for (;;) {
		uint64_t now = clock_now_ms();
		int seen;

		if (now >= until)
			return -ETIMEDOUT;
		seen = driver_poll(driver, fd, POLLOUT, (int)(until - now));
		if (seen < 0)
			return seen;
		if (seen)
			return syslog_pending_error(fd);
	}
}

/* Whether FD is connected to itself, as a TCP socket can be where its own port was to be that of the server. */
static bool is_own_peer(int fd)
{
	struct sockaddr_storage own, peer;
	socklen_t own_size = sizeof(own), peer_size = sizeof(peer);

	return !getsockname(fd, (struct sockaddr *)&own, &own_size) &&
	       !getpeername(fd, (struct sockaddr *)&peer, &peer_size) && own_size == peer_size &&
	       !memcmp(&own, &peer, own_size);
}

static int connect_to(const struct driver *driver, const struct addrinfo *address, uint64_t until)
{
	_close_ int fd =
		socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       address->ai_protocol);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen))
		error = errno == EINPROGRESS ? wait_connected(driver, fd, until) : -errno;
	if (error)
		return error;
	return is_own_peer(fd) ? -ECONNREFUSED : take_fd(fd);
}

static const struct addrinfo *address_at(const struct addrinfo *addresses, unsigned int number)
{
	while (number--)
		addresses = addresses->ai_next;
	return addresses;
}

/* Each address has its share of the time: the first ones may lead nowhere. */
static int connect_any(struct driver *driver, const struct addrinfo *addresses, unsigned int first,
		       int milliseconds)
{
	uint64_t now, end = clock_now_ms() + (uint64_t)milliseconds;
	unsigned int count = 0;
	int fd = -EADDRNOTAVAIL;

	for (const struct addrinfo *address = addresses; address; address = address->ai_next)
		count++;
	for (unsigned int i = 0; i < count; i++) {
		now = clock_now_ms();
		fd = connect_to(driver, address_at(addresses, (first + i) % count),
				now < end ? now + (end - now) / (count - i) : now);
		if (fd >= 0 || fd == -ECANCELED)
			return fd;
	}
	return driver_fail(driver, fd, NULL);
}

int syslog_connect(struct driver *driver, int type, unsigned int first, int milliseconds)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = type};
	struct addrinfo *addresses;
	int fd, error;

	error = getaddrinfo(driver->options->host, driver->options->port, &hints, &addresses);
	if (error == EAI_SYSTEM)
		return driver_fail(driver, errno ? -errno : -EIO, NULL);
	if (error)
		return driver_fail(driver, -EHOSTUNREACH, gai_strerror(error));
	fd = connect_any(driver, addresses, first, milliseconds);
	freeaddrinfo(addresses);
	return fd;
}
