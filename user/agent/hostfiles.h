/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers about the host's file system, as its init process sees it (ourselves where that is not
 * allowed).
 *
 * Asked for paths that anybody may choose, it must never wait for a file system that somebody else
 * serves: a dead NFS server, a user's FUSE. It therefore goes component by component, enters a
 * mount only if its type is known to be served by the kernel alone, and says of the rest of a path
 * what it says itself. Nor does it follow links in procfs, which mean another thing to the daemon:
 * a path there stays as it is, and what /proc/PID/root means is for docker/hostpath.h to judge.
 *
 * What is said is true of the moment; the daemon asks at another.
 */
#ifndef CALLERD_HOSTFILES_H
#define CALLERD_HOSTFILES_H

#include "docker/hostpath.h"

/* Callbacks for host_source_judge(), next to SOCKETS (NULL-terminated, kept by reference; NULL:
 * none). Nothing to free. */
struct host_files hostfiles(const char *const *sockets);

/* Opens (O_PATH) what is at PATH, links followed. -ENOENT: nothing is, or it is not known. */
int hostfiles_open(const char *path);

#endif
