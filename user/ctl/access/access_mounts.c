// SPDX-License-Identifier: Apache-2.0
#include "ctl/access/access_mounts.h"

#include <errno.h>
#include <stdio.h>

#define TRIES_MAX 64

struct access_mount {
	struct bytes device;
	char root[PATH_MAX], point[PATH_MAX];
};

/* Undoes \040 and its like. False: it is too long. */
static bool unescape_path(struct bytes from, char to[PATH_MAX])
{
	size_t size = 0;

	for (size_t i = 0; i < from.size; i++) {
		char c = from.data[i];

		if (size + 1 == PATH_MAX)
			return false;
		if (c == '\\' && i + 3 < from.size && from.data[i + 1] >= '0' &&
		    from.data[i + 1] <= '3') {
			c = (char)((from.data[i + 1] - '0') << 6 | (from.data[i + 2] & 7) << 3 |
				   (from.data[i + 3] & 7));
			i += 3;
		}
		to[size++] = c;
	}
	to[size] = '\0';
	return size && *to == '/' && strlen(to) == size;
}

/* 36 35 98:0 /mnt1 /mnt2 rw,noatime … */
static bool read_mount_line(struct bytes line, struct access_mount *ret)
{
	struct bytes fields[5];

	for (size_t i = 0; i < COUNT(fields); i++)
		if (!bytes_take(&line, ' ', &fields[i]))
			return false;
	ret->device = fields[2];
	return unescape_path(fields[3], ret->root) && unescape_path(fields[4], ret->point);
}

/* What PATH has behind DIRECTORY, "/b" of "/a/b" and "/a"; NULL: it is not in there. */
static const char *path_behind(const char *path, const char *directory)
{
	size_t size = strcmp(directory, "/") ? strlen(directory) : 0;

	if (strncmp(path, directory, size) != 0 || (path[size] && path[size] != '/'))
		return NULL;
	return path + size;
}

/* The mount that PATH is in: of those above it the deepest, and of several there the last. */
static bool find_mount_of(struct bytes mounts, const char *path, struct access_mount *ret)
{
	struct access_mount mount;
	struct bytes line;
	size_t deepest = 0;

	while (bytes_take(&mounts, '\n', &line)) {
		if (!read_mount_line(line, &mount) || !path_behind(path, mount.point) ||
		    strlen(mount.point) < deepest)
			continue;
		deepest = strlen(mount.point);
		*ret = mount;
	}
	return deepest;
}

bool access_mounts_place(struct bytes mounts, const char *path, struct access_place *ret)
{
	struct access_mount mount;
	const char *behind;
	int size;

	if (!find_mount_of(mounts, path, &mount))
		return false;
	behind = path_behind(path, mount.point);
	if (!strcmp(mount.root, "/") && *behind)
		mount.root[0] = '\0';
	ret->device = mount.device;
	size = snprintf(ret->path, sizeof(ret->path), "%s%s", mount.root, behind);
	return size > 0 && (size_t)size < sizeof(ret->path);
}

int access_mounts_next(struct bytes mounts, const struct access_place *place, size_t *at, char *ret)
{
	struct bytes rest = mounts.size > *at ? bytes_from(mounts, *at) : (struct bytes){0}, line;
	unsigned int tries = 0;

	while (bytes_take(&rest, '\n', &line)) {
		struct access_mount mount, there;
		const char *behind;
		int size;

		*at = rest.data ? (size_t)(rest.data - mounts.data) : mounts.size;
		if (!read_mount_line(line, &mount) || !bytes_equal(mount.device, place->device))
			continue;
		behind = path_behind(place->path, mount.root);
		if (!behind)
			continue;
		size = snprintf(ret, PATH_MAX, "%s%s",
				!strcmp(mount.point, "/") && *behind ? "" : mount.point, behind);
		if (size <= 0 || size >= PATH_MAX)
			continue;
		/* Another mount may lie over it: each costs a walk over all of them, and whoever mounts has many. */
		if (tries++ == TRIES_MAX)
			return -E2BIG;
		if (find_mount_of(mounts, ret, &there) && bytes_equal(there.device, mount.device) &&
		    !strcmp(there.root, mount.root) && !strcmp(there.point, mount.point))
			return 1;
	}
	return 0;
}
