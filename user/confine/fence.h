/* SPDX-License-Identifier: Apache-2.0 */
/* What this process may do to files, by Landlock: read what its user may, and make, write and remove nothing by its path, but
 * in the directories that it needs at its start. What another process opens for it can be written as ever. Processes outside
 * cannot be looked into, or be sent signals. */
#ifndef CALLERD_FENCE_H
#define CALLERD_FENCE_H

/* For the calling thread, and those that it starts. In the directory of PIN, which is one for pins of kernel programs, such pins
 * can be made and removed, and in those of both sockets sockets can be made; NULL: there is none. 0 or -errno: -EOPNOTSUPP or -ENOSYS
 * where the kernel has no Landlock. */
int fence_raise(const char *pin, const char *socket, const char *other_socket);

#endif
