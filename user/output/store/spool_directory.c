// SPDX-License-Identifier: Apache-2.0
#include "output/store/spool_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"
#include "output/store/spool_format.h"
#include "system/disk.h"
#include "system/own_file.h"

static int spool_directory_lock(int fd, const char *path, char *reason, size_t reason_size)
{
	int error;

	if (!flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	error = -errno;
	if (error != -EWOULDBLOCK) {
		snprintf(reason, reason_size, "cannot lock the spool %s: %s", path,
			 strerror(-error));
		return error;
	}
	snprintf(reason, reason_size, "the spool %s is in use by another output or callerd", path);
	return -EBUSY;
}

/* PATH without the slashes at its end: behind one, a symlink would be followed. 0 or -errno. */
static int plain_path(char ret[PATH_MAX], const char *path)
{
	size_t size = strlen(path);

	while (size > 1 && path[size - 1] == '/')
		size--;
	if (!size)
		return -ENOENT;
	if (size >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(ret, path, size);
	ret[size] = '\0';
	return 0;
}

/* Makes it, opens it, and tells of what was opened, or of what there is where that cannot be. A descriptor or
 * -errno. */
static int make_and_open(const char *path, struct stat *info)
{
	_close_ int fd = -1;
	int error;

	if (!broker_mkdir(path, 0700))
		disk_sync_name(path);
	else if (errno != EEXIST)
		return -errno;
	fd = broker_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	error = fd < 0 ? -errno : 0;
	if (fd < 0 ? broker_stat(AT_FDCWD, path, info, AT_SYMLINK_NOFOLLOW) : fstat(fd, info))
		error = error ? error : -errno;
	return error ? error : take_fd(fd);
}

int spool_directory_open(const char *path, char *reason, size_t reason_size)
{
	char plain[PATH_MAX];
	struct stat info = {0};
	int error = plain_path(plain, path);
	_close_ int fd = error ? error : make_and_open(plain, &info);
	const char *fault = info.st_mode ? own_file_fault(&info, S_IFDIR) : NULL;

	if (fault) {
		snprintf(reason, reason_size, "the spool %s %s", path, fault);
		return -EPERM;
	}
	if (fd < 0) {
		snprintf(reason, reason_size, "cannot use the spool %s: %s", path, strerror(-fd));
		return fd;
	}
	error = spool_directory_lock(fd, path, reason, reason_size);
	return error ? error : take_fd(fd);
}

static int spool_directory_compare(const void *a, const void *b)
{
	const struct spool_file *first = a, *second = b;

	return (first->number > second->number) - (first->number < second->number);
}

/* Makes room for one more where COUNT are. */
static int spool_directory_grow(struct spool_file **files, size_t count)
{
	struct spool_file *grown;

	if (count & (count - 1)) /* full at 0 and at powers of 2 */
		return 0;
	grown = reallocarray(*files, count ? 2 * count : 1, sizeof(**files));
	if (!grown)
		return -ENOMEM;
	*files = grown;
	return 0;
}

static int read_names(DIR *stream, struct spool_file **files, size_t *count, uint64_t *highest)
{
	struct dirent *name;
	struct stat info;
	uint64_t number;
	int error;

	while (errno = 0, (name = readdir(stream))) {
		if (!spool_format_read_name(name->d_name, &number))
			continue;
		if (number > *highest)
			*highest = number;
		if (broker_stat(dirfd(stream), name->d_name, &info, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(info.st_mode))
			continue;
		error = spool_directory_grow(files, *count);
		if (error)
			return error;
		(*files)[(*count)++] = (struct spool_file){number, (uint64_t)info.st_size};
	}
	return -errno;
}

int spool_directory_list(int directory, struct spool_file **ret, size_t *count, uint64_t *highest)
{
	_free_ struct spool_file *files = NULL;
	_close_ int fd = broker_open(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	_closedir_ DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	int error;

	if (!stream)
		return -errno;
	(void)take_fd(fd); /* STREAM has it */
	*count = 0;
	*highest = 0;
	error = read_names(stream, &files, count, highest);
	if (error)
		return error;
	if (*count)
		qsort(files, *count, sizeof(*files), spool_directory_compare);
	*ret = take_ptr(files);
	return 0;
}

int spool_directory_open_cursor(int directory, const char *path, char *reason, size_t reason_size)
{
	_close_ int fd = broker_open(directory, SPOOL_CURSOR,
				     O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat info = {0};
	int error = fd < 0 || fstat(fd, &info) ? -errno : 0;
	const char *fault = error ? strerror(-error) : "it is not a regular file";

	if (!error && S_ISREG(info.st_mode))
		return take_fd(fd);
	snprintf(reason, reason_size, "cannot write %s/" SPOOL_CURSOR ": %s", path, fault);
	return error ? error : -EPERM;
}
