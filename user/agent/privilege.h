/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_PRIVILEGE_H
#define CALLERD_PRIVILEGE_H

/* 0 where the capabilities that callerd cannot do without are there; else -EPERM, and which ones are
 * missing and how to grant them on stderr. */
int privilege_check(void);

#endif
