/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capabilities of this process, given up as soon as they have done their work. The kernel keeps them for each thread:
 * the main thread gives up its own, and each other one begins with fewer.
 */
#ifndef CALLERD_PRIVILEGE_H
#define CALLERD_PRIVILEGE_H

/* 0 where the capabilities that callerd cannot do without are there; else -EPERM, and which ones are
 * missing and how to grant them on stderr. */
int privilege_check(void);

/* Gives up for good, before the first thread: all capabilities but those that docs/service.md lists, in each of the
 * kernel's sets, and what an exec could bring. No other process of the same user may look into this one from now on. */
void privilege_shed(void);

/* Gives up, of the calling thread, what only loading the kernel programs needs. */
void privilege_end_loading(void);

#endif
