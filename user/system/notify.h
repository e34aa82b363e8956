/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the service manager how the program is, as sd_notify(3) has it: lines of text in a datagram. The protocol is meant to
 * be written by hand where a library for it would bring more along (liblzma, libzstd, libgcrypt) than it saves.
 */
#ifndef CALLERD_NOTIFY_H
#define CALLERD_NOTIFY_H

#include <stdint.h>

/* Connects to the socket in $NOTIFY_SOCKET, with what this process may yet; where there is none, nobody wants to know. */
void notify_open(void);

/* Waits for nobody. */
void notify_send(const char *state);

/* ns within which the manager wants to hear WATCHDOG=1 from this process again and again; 0: it does not. */
uint64_t notify_watchdog(void);

#endif
