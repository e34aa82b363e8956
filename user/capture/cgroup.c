// SPDX-License-Identifier: Apache-2.0
#include "capture/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A mount of a subtree (inside a container) would miss callers elsewhere: the root's inode is 1. */
static int open_mounted(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int fd = -ENOENT;

	if (!mounts)
		return -errno;
	while (fd < 0 && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2")) {
			fd = open(entry->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			fd = fd < 0 ? -errno : fd;
		}
	endmntent(mounts);
	return fd;
}

/* A mount of our own, attached nowhere and gone with its descriptor. */
static int open_detached(void)
{
	int context = fsopen("cgroup2", FSOPEN_CLOEXEC);
	int fd, error;

	if (context < 0)
		return -errno;
	fd = fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ?
		     -1 :
		     fsmount(context, FSMOUNT_CLOEXEC, 0);
	error = errno;
	close(context);
	return fd < 0 ? -error : fd;
}

int cgroup_open_root(void)
{
	int fd = open_detached();

	return fd >= 0 ? fd : open_mounted();
}
