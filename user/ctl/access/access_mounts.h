/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file of the host can be seen in a mount namespace, by the text of /proc/PID/mountinfo. */
#ifndef CALLERD_ACCESS_MOUNTS_H
#define CALLERD_ACCESS_MOUNTS_H

#include <limits.h>
#include <stdbool.h>

#include "base/bytes.h"

/* A file by its file system and its path in that. */
struct access_place {
	struct bytes device; /* "0:24" */
	char path[PATH_MAX];
};

/* Where PATH (absolute, no links) lies. False: no mount has it. The device is part of MOUNTS. */
bool access_mounts_place(struct bytes mounts, const char *path, struct access_place *ret);

/* The next path in RET, of PATH_MAX bytes, at which PLACE can be seen by these MOUNTS. *AT begins as 0. 1; 0: there is none;
 * -E2BIG: it is not known, as there are too many that others lie over. */
int access_mounts_next(struct bytes mounts, const struct access_place *place, size_t *at,
		       char *ret);

#endif
