/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at the doors of the engines of this host: the sockets that a dockerd or podman listens
 * on, by its descriptors; those at the usual paths; those that systemd listens on for an engine.
 *
 * A program is an engine by the name of its file, which the kernel knows. What only a user other
 * than root vouches for is believed as far as it concerns that user: a socket has to be that
 * user's, without links on the way, and no memory of the user's processes is read. The file systems
 * of the host decide how long a look takes, those that a program serves are not entered.
 */
#ifndef CALLERD_SCAN_H
#define CALLERD_SCAN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "finder/listening.h"
#include "finder/told.h"
#include "record/record.h"

#define SCAN_DOORS_MAX 128
#define SCAN_DOORS_OF_USER_MAX 4   /* of a user other than root */
#define SCAN_DOORS_OF_USERS_MAX 32 /* of all of them: one user may have many accounts */

struct door {
	char text[LISTENING_SIZE]; /* the path, or "127.0.0.1:2375" */
	bool tcp;
	unsigned int found;	 /* enum record_found bits */
	uint64_t device, inode;	 /* of a path's node */
	bool listens;		 /* somebody listens there */
	enum engine_brand brand; /* what the program is called */
	/* The process of the engine; .pid 0: none is known. .uid is the owner of the node then. */
	uint32_t pid, uid;
	uint64_t start; /* ns of CLOCK_BOOTTIME */
	char executable[256];
	bool foreign_program; /* it is another user's than root's, or others may write to it */
	enum told_tls tls;    /* of TCP */
	bool unconfirmed;     /* it is what the engine was told: its sockets could not be seen */
};

struct scan {
	struct door doors[SCAN_DOORS_MAX];
	unsigned int count;
	unsigned int left_out; /* doors beyond the limits */
};

/* SOCKETS, NULL-terminated: the paths that callerd was told of. WATCHES: an inotify that the
 * directories are added to where doors may appear; -1: none. */
void scan_host(struct scan *ret, const char *const *sockets, int watches);

/* Whether a change of NAME in one of the directories may mean another door. */
bool scan_name_counts(const char *name);

#endif
