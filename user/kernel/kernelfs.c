// SPDX-License-Identifier: Apache-2.0
#include "kernel/kernelfs.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Opens any mount of TYPE that exists, for hosts that refuse the agent a mount of its own. */
static int open_mounted(const char *type)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int fd = -ENOENT;

	if (!mounts)
		return -errno;
	while (fd < 0 && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, type)) {
			fd = open(entry->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			fd = fd < 0 ? -errno : fd;
		}
	endmntent(mounts);
	return fd;
}

static int open_detached(const char *type)
{
	int context = fsopen(type, FSOPEN_CLOEXEC);
	int fd = -1, error;

	if (context < 0)
		return -errno;
	if (!fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
	error = errno;
	close(context);
	return fd < 0 ? -error : fd;
}

int kernelfs_open(const char *type)
{
	int fd = open_detached(type);

	return fd >= 0 ? fd : open_mounted(type);
}
