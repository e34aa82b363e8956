/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_KERNELFS_H
#define CALLERD_KERNELFS_H

/* Opens the root of one of the kernel's own file systems ("cgroup2", "tracefs"), even where it is
 * not mounted anywhere: through a mount that is attached nowhere and disappears with its
 * descriptor. Returns a file descriptor, which the caller closes, or -errno. */
int kernelfs_open(const char *type);

#endif
