// SPDX-License-Identifier: Apache-2.0
/*
 * A message a datagram, RFC 5426.
 *
 * To a socket of this machine: what was sent lies in its receiver's queue, and counts as arrived. A full queue is
 * waited for.
 *
 * By UDP nobody says what has arrived, and what a network or a full receiver drops is lost in silence; there is
 * nothing to be done about that here: TCP is for who minds. What can be noticed is that nobody listens: the host
 * answers so (ICMP). So what was sent counts as arrived only a second or two later, and is sent again if such an
 * answer came.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "output/syslog/syslog.h"
#include "output/syslog/syslog_message.h"
#include "output/syslog/syslog_socket.h"

#define SLICE 1000	     /* milliseconds that a full receiver is waited for at a time */
#define SLOW_AFTER 5000	     /* milliseconds without a message taken, until it is told */
#define NO_MEMORY_PAUSE 10   /* milliseconds; there is nothing to poll for */
#define RESOLVE_AFTER 300000 /* milliseconds: the name may mean another host by now */
#define ANSWER_TIME 100	     /* milliseconds in which a host says that nobody listens */
#define CONNECT_TIMEOUT 1000 /* milliseconds; it does not take any */

/* Messages that count as sent. */
struct sent {
	unsigned int all, too_large;
};

struct datagram {
	struct driver driver;
	struct syslog_message message;
	struct sockaddr_un path; /* TRANSPORT_UNIX */
	int fd;			 /* -1: none */
	uint64_t connected;	 /* ms */
	/* The number of the host's address that is used: the next one where nobody listens. */
	unsigned int address;
	uint64_t progress;	   /* ms: when a message was taken, or the first one waited */
	bool waits;		   /* for a full receiver */
	bool refused;		   /* nobody listened */
	struct sent recent, older; /* not confirmed; older: before the last run */
};

static bool is_udp(const struct datagram *datagram)
{
	return datagram->driver.options->transport == TRANSPORT_UDP;
}

/* --- sockets ---------------------------------------------------------------------------------- */

static int connect_path(struct datagram *datagram)
{
	int fd = driver_connect_path(&datagram->path);

	if (fd >= 0)
		return fd;
	return driver_fail(&datagram->driver, fd,
			   fd == -EPROTOTYPE
				   ? "it is a socket for streams; syslog's are for datagrams"
				   : NULL);
}

/* A packet that is too large for some router is taken apart there. The kernel would rather learn that it must
 * do so itself, and what it learns from is lost. */
static void allow_fragments(int fd)
{
	const int v4 = IP_PMTUDISC_DONT, v6 = IPV6_PMTUDISC_DONT;

	(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof(v4));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof(v6));
}

static int connect_host(struct datagram *datagram)
{
	int fd = syslog_connect(&datagram->driver, SOCK_DGRAM, datagram->address, CONNECT_TIMEOUT);

	if (fd >= 0)
		allow_fragments(fd);
	return fd;
}

/* Sees to it that there is a socket. 0, or -errno that is in driver.error as well. */
static int syslog_datagram_connected(struct datagram *datagram)
{
	uint64_t now = clock_now_ms();
	int fd;

	if (datagram->fd >= 0 && (!is_udp(datagram) || now - datagram->connected < RESOLVE_AFTER))
		return 0;
	fd = is_udp(datagram) ? connect_host(datagram) : connect_path(datagram);
	datagram->connected = now;
	if (fd < 0) /* where the name went is still good enough */
		return datagram->fd >= 0 ? 0 : fd;
	cleanup_close(&datagram->fd);
	datagram->fd = fd;
	return 0;
}

/* --- what arrived ----------------------------------------------------------------------------- */

static void count_sent(struct datagram *datagram, bool too_large)
{
	datagram->recent.all++;
	datagram->recent.too_large += too_large;
}

/* A message too large is counted with its confirmation: else it would be again after a rewind. */
static void syslog_datagram_confirm(struct datagram *datagram, struct sent *sent)
{
	datagram->driver.confirmed += sent->all;
	datagram->driver.too_large += sent->too_large;
	*sent = (struct sent){0};
}

/* ERROR, of an earlier datagram, says that it did not arrive; nor did others, perhaps. */
static int take_back(struct datagram *datagram, int error)
{
	datagram->driver.rewind = datagram->recent.all || datagram->older.all;
	datagram->recent = datagram->older = (struct sent){0};
	datagram->refused = true;
	datagram->address++;
	cleanup_close(&datagram->fd);
	return driver_fail(&datagram->driver, error, NULL);
}

/* Waits for the word that nobody listens. 0 or -errno. */
static int wait_refused(struct datagram *datagram)
{
	int error;

	if (driver_poll(&datagram->driver, datagram->fd, 0, ANSWER_TIME) <= 0)
		return 0;
	error = syslog_pending_error(datagram->fd);
	return error ? take_back(datagram, error) : 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

static int send_once(struct datagram *datagram)
{
	const struct syslog_message *message = &datagram->message;
	struct iovec parts[] = {{message->head.data, message->head.size},
				{(void *)message->body.data, message->body.size}};
	const struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};

	for (;;) {
		if (sendmsg(datagram->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EINTR)
			return errno == EPIPE ? -ECONNRESET : -errno;
	}
}

/* Waits for a full receiver, which may have been another process since long: after a while its socket is
 * looked up again. */
static int syslog_datagram_wait_room(struct datagram *datagram, int error, uint64_t until)
{
	uint64_t now = clock_now_ms();
	int seen = 0;

	if (!datagram->waits)
		datagram->progress = now;
	datagram->waits = true;
	if (now - datagram->progress >= SLOW_AFTER) {
		cleanup_close(&datagram->fd);
		return driver_fail(&datagram->driver, -ETIMEDOUT, "its receiver takes nothing");
	}
	if (now < until && error == -EAGAIN)
		seen = driver_poll(&datagram->driver, datagram->fd, POLLOUT, (int)(until - now));
	else if (now < until)
		seen = driver_poll(&datagram->driver, -1, 0, NO_MEMORY_PAUSE);
	if (seen < 0 || now >= until)
		return driver_fail(&datagram->driver, -EAGAIN, "its receiver is slow");
	return 0;
}

/* What to do about ERROR of a datagram. 0: send it again; or -errno. */
static int syslog_datagram_react(struct datagram *datagram, int error, bool *again, uint64_t until)
{
	switch (error) {
	case -EAGAIN:
	case -ENOBUFS:
	case -ENOMEM:
		return syslog_datagram_wait_room(datagram, error, until);
	case -EMSGSIZE:
		return error;
	default:
		break;
	}
	if (is_udp(datagram))
		return take_back(datagram, error);
	cleanup_close(&datagram->fd);
	if (*again) {
		*again = false; /* its receiver may have begun anew */
		return 0;
	}
	return driver_fail(&datagram->driver, error, NULL);
}

/* 0; -EMSGSIZE: it cannot be sent; or -errno that is in driver.error as well. */
static int syslog_datagram_send_entry(struct datagram *datagram, const struct entry *entry,
				      uint64_t until)
{
	bool again = true;
	int error;

	if (syslog_message_make(&datagram->message, datagram->driver.options, entry))
		return driver_fail(&datagram->driver, -ENOMEM, NULL);
	for (;;) {
		error = syslog_datagram_connected(datagram);
		if (error)
			return error;
		error = send_once(datagram);
		if (!error) {
			datagram->waits = false;
			return 0;
		}
		error = syslog_datagram_react(datagram, error, &again, until);
		if (error)
			return error;
	}
}

/* The same with the line before it, each time: what becomes of datagrams is not known. */
static int syslog_datagram_send_lines(struct datagram *datagram, const struct entry *entry,
				      uint64_t until)
{
	int error = entry->before ? syslog_datagram_send_entry(datagram, entry->before, until) : 0;

	return error ?: syslog_datagram_send_entry(datagram, entry, until);
}

static unsigned int syslog_datagram_send_entries(struct driver *driver,
						 struct entry *const *entries, unsigned int count)
{
	struct datagram *datagram = (struct datagram *)driver;
	uint64_t until = clock_now_ms() + SLICE;
	unsigned int done = 0;
	int error = 0;

	while (done < count && !error) {
		error = syslog_datagram_send_lines(datagram, entries[done], until);
		if (error && error != -EMSGSIZE)
			break;
		count_sent(datagram, error);
		done++;
		if (error || !datagram->refused) {
			error = 0;
			continue;
		}
		error = wait_refused(datagram);
		datagram->refused = error;
	}
	if (!error)
		driver_works(driver);
	if (!is_udp(datagram))
		syslog_datagram_confirm(datagram, &datagram->recent);
	return done;
}

/* --- its life --------------------------------------------------------------------------------- */

static void syslog_datagram_run(struct driver *driver)
{
	struct datagram *datagram = (struct datagram *)driver;
	int error;

	if (!is_udp(datagram) || datagram->fd < 0)
		return;
	error = syslog_pending_error(datagram->fd);
	if (error) {
		take_back(datagram, error);
		return;
	}
	syslog_datagram_confirm(datagram, &datagram->older);
	datagram->older = datagram->recent;
	datagram->recent = (struct sent){0};
}

static void syslog_datagram_finish(struct driver *driver)
{
	struct datagram *datagram = (struct datagram *)driver;

	if (datagram->fd < 0)
		return;
	if ((datagram->recent.all || datagram->older.all) && is_udp(datagram) &&
	    wait_refused(datagram))
		return;
	syslog_datagram_confirm(datagram, &datagram->older);
	syslog_datagram_confirm(datagram, &datagram->recent);
}

static void syslog_datagram_close_driver(struct driver *driver)
{
	struct datagram *datagram = (struct datagram *)driver;

	cleanup_close(&datagram->fd);
	syslog_message_free(&datagram->message);
	free(datagram);
}

static const struct driver_ops ops = {
	.send = syslog_datagram_send_entries,
	.run = syslog_datagram_run,
	.finish = syslog_datagram_finish,
	.close = syslog_datagram_close_driver,
};

int syslog_datagram_open(const struct sink_options *options, int stop, struct driver **ret,
			 char *reason, size_t size)
{
	_free_ struct datagram *datagram = calloc(1, sizeof(*datagram));
	int error = 0;

	if (!datagram)
		return -ENOMEM;
	datagram->driver = (struct driver){.ops = &ops, .options = options, .stop = stop};
	datagram->fd = -1;
	if (!is_udp(datagram))
		error = driver_set_path(options, &datagram->path, reason, size);
	if (!error)
		*ret = &take_ptr(datagram)->driver;
	return error;
}
