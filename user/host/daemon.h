/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the dockerds of this host keep their files, as their command lines and configuration files say. An engine
 * tells of itself where its data is, but not of its other directories.
 *
 * Only processes of root with the root directory of the host's init are looked at: the command line of a user's, or
 * a container's, is for whoever wrote it to make up.
 */
#ifndef CALLERD_DAEMON_H
#define CALLERD_DAEMON_H

#include "base/bytes.h"

#define DAEMON_PATH_MAX 1024
#define DAEMONS_MAX 16

enum daemon_path {
	DAEMON_DATA_ROOT,
	DAEMON_EXEC_ROOT,
	DAEMON_CONTAINERD, /* the socket */
	DAEMON_PATHS
};

struct daemon {
	char paths[DAEMON_PATHS][DAEMON_PATH_MAX]; /* absolute; empty: not said */
};

/* Those that run now; returns how many, DAEMONS_MAX of them at most. A configuration file is taken as it is now. May
 * wait for whoever serves that. */
unsigned int daemon_find(struct daemon daemons[DAEMONS_MAX]);

/* Takes PATH, unless it is relative, too long or has a NUL. */
void daemon_set(struct daemon *daemon, enum daemon_path which, struct bytes path);

/* Takes what ARGUMENTS say, each of which ends in a NUL; CONFIG, of DAEMON_PATH_MAX bytes, becomes the configuration
 * file that they name. */
void daemon_take_arguments(struct daemon *daemon, struct bytes arguments, char *config);

/* Takes what the TEXT of a configuration file says that is not known yet: dockerd refuses to be told both. */
void daemon_take_config(struct daemon *daemon, struct bytes text);

#endif
