/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_KERNELFS_H
#define CALLERD_KERNELFS_H

/* Opens the root of one of the kernel's own file systems ("cgroup2", "tracefs"), whether or not it
 * is mounted anywhere: through a mount of our own that is attached nowhere and gone with its
 * descriptor. Returns a file descriptor that the caller closes, or -errno. */
int kernelfs_open(const char *type);

#endif
