/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers about the host's file system, as its init process sees it (ourselves where that is not
 * allowed).
 *
 * Asked for paths that anybody may choose, it must never wait for a file system that somebody else
 * serves: a dead NFS server, a user's FUSE. It therefore goes component by component, enters a
 * mount only if its type is known to be served by the kernel alone, and says of the rest of a path
 * what it says itself. Nor does it follow links in procfs, which mean another thing to the daemon:
 * a path there stays as it is, and what /proc/PID/root means is for docker/host/host_paths.h to judge.
 *
 * What is said is true of the moment; the daemon asks at another.
 */
#ifndef CALLERD_HOSTFILES_H
#define CALLERD_HOSTFILES_H

#include <limits.h>

#include "docker/host/host_paths.h"

/* Callbacks for host_paths_judge(), next to SOCKETS (NULL-terminated, kept by reference; NULL:
 * none). Nothing to free. */
struct host_files hostfiles(const char *const *sockets);

/* Opens (O_PATH) what is at PATH, links followed. -ENOENT: nothing is, or it is not known. */
int hostfiles_open(const char *path);

/* Where a walk begins. */
struct hostfiles_place {
	const char *root;   /* the directory */
	const char *mounts; /* the mountinfo of who has that as his root */
};

/* Is told of each step down: the DIRECTORY, and what is there, FD, negative where there is nothing. Both are
 * O_PATH, of one mount, whose type is known. */
struct hostfiles_visitor {
	void *data;
	void (*visit)(void *data, int directory, int fd);
};

#define HOSTFILES_REST_MAX 16384 /* the path, and the targets of its links */

struct hostfiles_end {
	bool whole;   /* the walk came to the end of the path */
	bool missing; /* the last component of .done does not exist */
	char done
		[PATH_MAX]; /* as far as it went, what is missing there included: no links, no dots */
	char rest[HOSTFILES_REST_MAX]; /* what was not walked, as it stands */
};

/* Walks an absolute PATH by the rules above. An O_PATH descriptor, for the caller to close, of what it came to, or of the
 * directory where the last component of .done is missing or may not be entered; or -errno. */
int hostfiles_walk(const struct hostfiles_place *place, const char *path,
		   const struct hostfiles_visitor *visitor, struct hostfiles_end *ret);

#endif
