// SPDX-License-Identifier: Apache-2.0
#include "output/syslog/syslog_channel.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h> /* newer than libc's: tcpi_snd_wnd */
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "output/syslog/syslog_socket.h"

/* A tcpi_state: libc's TCP_CLOSE_WAIT, whose header does not go with the kernel's. */
#define CLOSE_WAIT 8
#define OPEN_TIMEOUT 10000 /* milliseconds; for the handshake of TLS as many again */
#define SEND_BUFFER (256 << 10)
#define DEAD_AFTER 60000     /* milliseconds without a sign of life */
#define PROBE_AFTER 60	     /* seconds without anything sent */
#define PROBE_INTERVAL 15    /* seconds */
#define READ_MAX (64u << 10) /* bytes at a time: a server that says more waits */
#define CLOSE_TIMEOUT 1000   /* milliseconds from the end of TLS to the end of its connection */

static void syslog_channel_set(int fd, int level, int name, int value)
{
	/* Each makes it better, none is needed. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static void syslog_channel_tune(int fd)
{
	syslog_channel_set(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
	syslog_channel_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	syslog_channel_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, PROBE_AFTER);
	syslog_channel_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_INTERVAL);
	syslog_channel_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_AFTER);
}

int syslog_channel_open(struct channel *channel, struct driver *driver, SSL_CTX *context)
{
	int error, fd = syslog_connect(driver, SOCK_STREAM, 0, OPEN_TIMEOUT);

	if (fd < 0)
		return fd;
	syslog_channel_tune(fd);
	*channel = (struct channel){.fd = fd};
	if (!context)
		return 0;
	error = syslog_tls_session_new(driver, context, fd, OPEN_TIMEOUT, &channel->session);
	if (error)
		syslog_channel_close(channel);
	return error;
}

void syslog_channel_close(struct channel *channel)
{
	SSL_free(channel->session);
	channel->session = NULL;
	cleanup_close(&channel->fd);
}

const char *syslog_channel_error(const struct channel *channel, int error)
{
	if (error == CHANNEL_ENDED)
		return "its server closed the connection";
	return channel->session && error == -EPROTO ? syslog_tls_error() : NULL;
}

static int socket_error(void)
{
	return errno == EPIPE ? -ECONNRESET : -errno;
}

static ssize_t write_tls(struct channel *channel, const void *data, size_t size)
{
	size_t written = 0;
	int error = 0;

	switch (syslog_tls_write(channel->session, data, size, &written, &error)) {
	case TLS_OPEN:
		return (ssize_t)written;
	case TLS_WANTS_READ:
		channel->wants = POLLIN;
		return -EAGAIN;
	case TLS_WANTS_WRITE:
		channel->wants = POLLOUT;
		return -EAGAIN;
	case TLS_BROKEN:
		return error;
	default:
		return -ECONNRESET;
	}
}

ssize_t syslog_channel_write(struct channel *channel, const void *data, size_t size)
{
	ssize_t written;

	if (channel->session)
		return write_tls(channel, data, size);
	do
		written = send(channel->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (written < 0 && errno == EINTR);
	if (written >= 0) {
		channel->plain += (uint64_t)written;
		return written;
	}
	channel->wants = POLLOUT;
	return socket_error();
}

static struct tcp_info info_of(const struct channel *channel)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	(void)getsockopt(channel->fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	return info;
}

/* Nothing more can be read: whether the server has ended the connection in good order. A socket tells of a reset
 * once, and looks as if it had ended in good order after that, and also if there was such an end before. */
static int end_of(const struct channel *channel)
{
	int error = syslog_pending_error(channel->fd);

	if (error)
		return error == -EPIPE ? -ECONNRESET : error;
	if (channel->finished || info_of(channel).tcpi_state == CLOSE_WAIT)
		return CHANNEL_ENDED;
	return -ECONNRESET;
}

/* Reads below TLS. 0, CHANNEL_ENDED or -errno. */
static int read_away(const struct channel *channel)
{
	char buffer[4096];

	for (size_t total = 0; total < READ_MAX;) {
		ssize_t got = recv(channel->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

		if (!got)
			return end_of(channel);
		if (got > 0)
			total += (size_t)got;
		else if (errno != EINTR)
			return errno == EAGAIN ? 0 : socket_error();
	}
	return 0;
}

/* Reads until the server's end of the connection; 0: it did not come in time. */
static int wait_ended(const struct channel *channel, const struct driver *driver, int milliseconds)
{
	uint64_t now, end = clock_now_ms() + (uint64_t)milliseconds;
	int result, seen;

	for (;;) {
		result = read_away(channel);
		now = clock_now_ms();
		if (result || now >= end)
			return result;
		seen = driver_poll(driver, channel->fd, POLLIN | POLLRDHUP, (int)(end - now));
		if (seen < 0)
			return 0;
	}
}

/* What TLS says is the end is that only once its connection has ended: a reset may still come, which says that
 * not all was read. */
static int check_tls(struct channel *channel, const struct driver *driver)
{
	int error = 0;

	switch (syslog_tls_read_away(channel->session, READ_MAX, &error)) {
	case TLS_CLOSED:
		error = wait_ended(channel, driver, CLOSE_TIMEOUT);
		return error ? error : -ETIMEDOUT;
	case TLS_ENDED:
		return end_of(channel);
	case TLS_BROKEN:
		return error;
	default:
		return 0;
	}
}

int syslog_channel_check(struct channel *channel, const struct driver *driver)
{
	return channel->session ? check_tls(channel, driver) : read_away(channel);
}

uint64_t syslog_channel_written(const struct channel *channel)
{
	return channel->session ? BIO_number_written(SSL_get_wbio(channel->session))
				: channel->plain;
}

static void note_window(struct channel *channel)
{
	uint64_t window = info_of(channel).tcpi_snd_wnd; /* Linux 5.4 is the first to tell */

	if (window > channel->window)
		channel->window = window;
}

uint64_t syslog_channel_acknowledged(struct channel *channel)
{
	uint64_t written = syslog_channel_written(channel);
	int unacknowledged = 0;

	note_window(channel);
	if (ioctl(channel->fd, SIOCOUTQ, &unacknowledged) || unacknowledged < 0 ||
	    (uint64_t)unacknowledged > written)
		return 0;
	return written - (uint64_t)unacknowledged;
}

int syslog_channel_finish(struct channel *channel, const struct driver *driver, int milliseconds)
{
	if (channel->session)
		syslog_tls_end(channel->session);
	if (shutdown(channel->fd, SHUT_WR))
		return socket_error();
	channel->finished = true;
	return wait_ended(channel, driver, milliseconds);
}
