/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the dockerds of this host keep their files, as their command lines and configuration files
 * say. The Docker API tells the data root of an engine, but not its other directories.
 *
 * Only processes of root with the root directory of the host's init are looked at: a user, or a
 * container, can write what it likes into the command line of its own process.
 */
#ifndef CALLERD_DAEMON_H
#define CALLERD_DAEMON_H

#include "base/bytes.h"

#define DAEMON_PATH_MAX 1024
#define DAEMONS_MAX 16

enum daemon_path {
	DAEMON_DATA_ROOT,
	DAEMON_EXEC_ROOT,
	DAEMON_CONTAINERD, /* containerd's socket */
	DAEMON_PATHS
};

struct daemon {
	char paths[DAEMON_PATHS][DAEMON_PATH_MAX]; /* absolute; empty: the daemon was not told it */
};

/* Finds the daemons that run now; returns their number, DAEMONS_MAX at most. The configuration file
 * is read as it is now, not as it was when the daemon started. The file system that holds the file
 * decides how long the call takes. */
unsigned int daemon_find(struct daemon daemons[DAEMONS_MAX]);

/* Sets a path, unless PATH is relative, too long or has a NUL. */
void daemon_set(struct daemon *daemon, enum daemon_path which, struct bytes path);

/* Sets the paths that ARGUMENTS name, each of which ends in a NUL. CONFIG, of DAEMON_PATH_MAX
 * bytes, becomes the path of the configuration file where ARGUMENTS name one. */
void daemon_take_arguments(struct daemon *daemon, struct bytes arguments, char *config);

/* Sets the paths that the TEXT of a configuration file names, unless the command line set them:
 * dockerd does not start where both set the same one. */
void daemon_take_config(struct daemon *daemon, struct bytes text);

#endif
