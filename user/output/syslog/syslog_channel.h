/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to a server, plain or TLS, that bytes go down; what the server says is read and thrown away. */
#ifndef CALLERD_SYSLOG_CHANNEL_H
#define CALLERD_SYSLOG_CHANNEL_H

#include "output/syslog/syslog_tls.h"

struct channel {
	int fd;		 /* -1: not open */
	SSL *session;	 /* NULL: plain */
	short wants;	 /* events of poll() to wait for, after -EAGAIN */
	bool finished;	 /* our end is closed */
	uint64_t plain;	 /* bytes written, without TLS */
	uint64_t window; /* the most that the server's end was ready to hold unread, in bytes */
};

/* What syslog_channel_check() may return beside 0 and -errno: the server closed its end, no more can come. */
#define CHANNEL_ENDED 1

/* Connects as driver->options say, with CONTEXT by TLS. 0, or -errno, which is then in driver.error as well;
 * -ECANCELED: the driver is to give up. */
int syslog_channel_open(struct channel *channel, struct driver *driver, SSL_CTX *context);
void syslog_channel_close(struct channel *channel);

/* Writes at most SIZE bytes; returns how many; -EAGAIN: none, channel->wants says what to wait for, and the
 * same bytes must come again; or another -errno. */
ssize_t syslog_channel_write(struct channel *channel, const void *data, size_t size);

/* Reads what the server said. 0, CHANNEL_ENDED or -errno. */
int syslog_channel_check(struct channel *channel, const struct driver *driver);

/* Bytes handed to the connection so far, with all that TLS adds. */
uint64_t syslog_channel_written(const struct channel *channel);

/* So many of those as the server's kernel has acknowledged; also notes its window. */
uint64_t syslog_channel_acknowledged(struct channel *channel);

/* Says that no more will come, and waits, for MILLISECONDS, until the server has closed its end too. As
 * syslog_channel_check(); 0: it has not. */
int syslog_channel_finish(struct channel *channel, const struct driver *driver, int milliseconds);

/* In words, what an error of the last call was. NULL: strerror() says all there is. */
const char *syslog_channel_error(const struct channel *channel, int error);

#endif
