/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to engines on which callerd can read, and ask what grants_may_ask() lets through; no more. */
#ifndef CALLERD_RELAY_H
#define CALLERD_RELAY_H

#include <sys/socket.h>

/* Connects to the socket at PATH, without waiting for who listens. A descriptor or -errno. */
int relay_connect(const char *path, struct ucred *peer);

/* Passes on between ENGINE, which it takes over, and the descriptor that it returns, in a thread of its own, until one of the
 * two ends. -errno. */
int relay_start(int engine);

/* How many bytes of SIZE at DATA are one whole request that may be asked; 0: it is not whole yet; -EPERM: it is none. */
int relay_check(const char *data, size_t size);

#endif
