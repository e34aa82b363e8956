/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers about the host's file system, as its init process sees it (as the agent does, where the
 * init's view is not allowed).
 *
 * A caller can choose the paths, so that a walk must never wait for a file system that another
 * program or computer serves: a dead NFS server, a user's FUSE. A walk therefore goes component by
 * component, enters a mount only if the kernel alone serves its type, and keeps the rest of the
 * path as it is spelled. Nor does it follow links in procfs, which mean another thing to the
 * daemon: such a path stays as it is, and docker/host/host_paths.h judges what /proc/PID/root
 * means.
 *
 * An answer is true at the moment of the walk. The daemon walks the path at another moment.
 */
#ifndef CALLERD_HOSTFILES_H
#define CALLERD_HOSTFILES_H

#include <limits.h>

#include "docker/host/host_paths.h"

/* The callbacks for host_paths_judge(), and SOCKETS (NULL-terminated, kept by reference; NULL:
 * none). Nothing to free. */
struct host_files hostfiles(const char *const *sockets);

/* Opens (O_PATH) the file at PATH, links followed. -ENOENT: there is none, or it is not known. */
int hostfiles_open(const char *path);

/* Where a walk begins. */
struct hostfiles_place {
	const char *root;   /* the directory */
	const char *mounts; /* the mountinfo of a process that has this root */
};

/* A callback for each step down: from DIRECTORY to FD, which is negative where the name is missing.
 * Both are O_PATH, in one mount whose type is known. */
struct hostfiles_visitor {
	void *data;
	void (*visit)(void *data, int directory, int fd);
};

#define HOSTFILES_REST_MAX 16384 /* the path, and the targets of its links */

struct hostfiles_end {
	bool whole;	     /* the walk came to the end of the path */
	bool missing;	     /* the last component of .done does not exist */
	char done[PATH_MAX]; /* the walked part, with the missing component: no links, no dots */
	char rest[HOSTFILES_REST_MAX]; /* the rest of the path, as it is spelled */
};

/* Walks an absolute PATH by the rules above. Returns an O_PATH descriptor, which the caller closes,
 * or -errno. The descriptor is of the file that the walk came to, or of the directory where the
 * last component of .done is missing or may not be entered. */
int hostfiles_walk(const struct hostfiles_place *place, const char *path,
		   const struct hostfiles_visitor *visitor, struct hostfiles_end *ret);

#endif
