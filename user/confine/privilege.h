/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capabilities of this process, given up as soon as they have done their work. The kernel keeps them for each thread:
 * the main thread gives up its own, and each other one begins with fewer.
 */
#ifndef CALLERD_PRIVILEGE_H
#define CALLERD_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

/* 0 where the capabilities that callerd cannot do without are there; else -EPERM, and which ones are
 * missing and how to grant them on stderr. */
int privilege_check(void);

/* Gives up for good, before the first thread: all capabilities but those that docs/service.md lists, in each of the
 * kernel's sets, and what an exec could bring. No other process of the same user may look into this one from now on.
 * DIVIDED: what needs root after the start is to be another process's (broker/broker.h). */
void privilege_shed(bool divided);

/* Whose the files are that callerd made, or was given: the user that it was started as. */
uid_t privilege_owner(void);

/* Of the broker: keeps what it needs, for good. */
void privilege_keep_broker(void);

/* Gives up, of the calling thread, what only loading the kernel programs needs. Where another process has the rest, that is
 * all that there is, and a thread of root becomes one of the user callerd, or of nobody where there is none. 0 or -errno: the
 * thread is what it was. */
int privilege_end_loading(void);

#endif
