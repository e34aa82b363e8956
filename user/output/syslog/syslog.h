/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of syslog's driver; as syslog_open(). */
#ifndef CALLERD_SYSLOG_H
#define CALLERD_SYSLOG_H

#include "output/driver.h"

/* TRANSPORT_UNIX, TRANSPORT_UDP: a message is a datagram. */
int syslog_datagram_open(const struct sink_options *options, int stop, struct driver **ret,
			 char *reason, size_t size);

/* TRANSPORT_TCP, TRANSPORT_TLS: messages follow each other on a connection. */
int syslog_stream_open(const struct sink_options *options, int stop, struct driver **ret,
		       char *reason, size_t size);

#endif
