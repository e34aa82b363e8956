// SPDX-License-Identifier: Apache-2.0
#include "system/disk.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"

void disk_sync_name(const char *path)
{
	_close_ int fd = -1;
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	fd = broker_open(AT_FDCWD, dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd >= 0)
		fsync(fd);
}
