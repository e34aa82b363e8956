/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_CGROUP_H
#define CALLERD_CGROUP_H

/* Opens the root of the cgroup2 hierarchy, wherever it is mounted, or mounted nowhere at all.
 * Returns a file descriptor that the caller closes, or -errno. */
int cgroup_open_root(void);

#endif
