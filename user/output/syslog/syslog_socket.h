/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets to a host and a port that have names. */
#ifndef CALLERD_SYSLOG_SOCKET_H
#define CALLERD_SYSLOG_SOCKET_H

#include "output/driver.h"

/* Connects a socket of TYPE to options->host and port, trying all addresses that the name has now, from number
 * FIRST on (which may be more than there are), for MILLISECONDS in all. Looking the name up may take longer, as
 * the system is set up. A descriptor that does not block, or -errno, which is then in driver.error as well;
 * -ECANCELED: the driver is to give up. */
int syslog_connect(struct driver *driver, int type, unsigned int first, int milliseconds);

/* The error of an earlier operation that a socket keeps, as -errno; 0: none. */
int syslog_pending_error(int fd);

#endif
