// SPDX-License-Identifier: Apache-2.0
#include "output/file/file_log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"

#define OPEN_TRIES 10	 /* while somebody else removes it and makes it */
#define TAIL_BLOCK 16384 /* bytes looked through at a time */
#define NAME_SIZE (PATH_MAX + 16)

/* --- opening ---------------------------------------------------------------------------------- */

/* Only its owner can read it until it has its group. */
static int file_log_create(const struct sink_options *options, struct log_opened *ret)
{
	bool has_group = options->group != (gid_t)-1;
	mode_t mode = options->mode;
	int error;

	ret->fd = broker_open(AT_FDCWD, options->path,
			      O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ret->fd < 0)
		return -errno;
	ret->created = true;
	if (has_group && broker_chgrp(ret->fd, options->group)) {
		ret->group_error = -errno;
		mode &= 0700;
	}
	if (!broker_chmod(ret->fd, mode))
		return 0;
	error = -errno;
	broker_unlink(AT_FDCWD, options->path, 0);
	return error;
}

static int open_existing(const char *path, struct log_opened *ret)
{
	struct stat info;

	/* O_NONBLOCK: a FIFO is refused, not waited for. */
	ret->fd =
		broker_open(AT_FDCWD, path,
			    O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	if (ret->fd < 0) {
		if (errno == ELOOP)
			ret->detail = "a symlink is not followed";
		return -errno;
	}
	if (!fstat(ret->fd, &info) && S_ISREG(info.st_mode))
		return 0;
	ret->detail = "it is not a regular file";
	return -ENODEV;
}

int file_log_open(const struct sink_options *options, struct log_opened *ret)
{
	int error = -EEXIST;

	*ret = (struct log_opened){.fd = -1};
	for (int i = 0; i < OPEN_TRIES && (error == -EEXIST || error == -ENOENT); i++) {
		error = file_log_create(options, ret);
		if (error != -EEXIST)
			break;
		error = open_existing(options->path, ret);
	}
	if (error)
		cleanup_close(&ret->fd);
	return error;
}

int file_log_make_directory(const struct sink_options *options)
{
	_free_ char *copy = strdup(options->path);
	const char *directory = copy ? dirname(copy) : NULL;
	mode_t mode = 0700 | (options->mode & 0044) | (options->mode & 0044) >> 2;
	_close_ int fd = -1;

	if (!directory)
		return -ENOMEM;
	if (broker_mkdir(directory, 0700))
		return -errno;
	fd = broker_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (options->group != (gid_t)-1 && broker_chgrp(fd, options->group))
		return 0; /* the log itself cannot have its group either, and says so */
	return broker_chmod(fd, mode) ? -errno : 0;
}

int file_log_is(const char *path, int fd)
{
	struct stat named, opened;

	if (fstat(fd, &opened) || broker_stat(AT_FDCWD, path, &named, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return named.st_dev == opened.st_dev && named.st_ino == opened.st_ino ? 0 : -ESTALE;
}

/* --- the last line ---------------------------------------------------------------------------- */

int64_t file_log_whole(int fd, uint64_t size)
{
	char block[TAIL_BLOCK];

	while (size) {
		size_t part = size % TAIL_BLOCK ?: TAIL_BLOCK;
		ssize_t got = pread(fd, block, part, (off_t)(size - part));
		const char *end;

		if (got != (ssize_t)part)
			return got < 0 ? -errno : -EBUSY;
		size -= part;
		end = memrchr(block, '\n', part);
		if (end)
			return (int64_t)size + (end - block) + 1;
	}
	return 0;
}

int file_log_cut(int fd, uint64_t size, uint64_t end)
{
	struct stat info;

	if (fstat(fd, &info))
		return -errno;
	if ((uint64_t)info.st_size != size)
		return -EBUSY;
	return ftruncate(fd, (off_t)end) ? -errno : 0;
}

/* --- rotated files ---------------------------------------------------------------------------- */

/* NUMBER 0: PATH itself. */
static bool rotated_name(char name[NAME_SIZE], const char *path, unsigned int number)
{
	int size = number ? snprintf(name, NAME_SIZE, "%s.%u", path, number)
			  : snprintf(name, NAME_SIZE, "%s", path);

	return size < NAME_SIZE;
}

static bool is_taken(const char *path, unsigned int number)
{
	char name[NAME_SIZE];
	struct stat info;

	return rotated_name(name, path, number) &&
	       (!broker_stat(AT_FDCWD, name, &info, AT_SYMLINK_NOFOLLOW) || errno != ENOENT);
}

static int file_log_move(const char *path, unsigned int from, unsigned int to)
{
	char source[NAME_SIZE], target[NAME_SIZE];

	if (!rotated_name(source, path, from) || !rotated_name(target, path, to))
		return -ENAMETOOLONG;
	return broker_rename(AT_FDCWD, source, target) ? -errno : 0;
}

/* Removes rotated files of a time when more of them were kept. */
static void remove_beyond(const char *path, unsigned int keep)
{
	char name[NAME_SIZE];

	while (keep < UINT_MAX && rotated_name(name, path, ++keep) &&
	       !broker_unlink(AT_FDCWD, name, 0))
		;
}

int file_log_rotate(const char *path, unsigned int keep)
{
	unsigned int target = 1;
	int error = 0;

	while (target < keep && is_taken(path, target))
		target++;
	for (; target && !error; target--)
		error = file_log_move(path, target - 1, target);
	if (!error)
		remove_beyond(path, keep);
	return error;
}

int file_log_unrotate(const char *path)
{
	return is_taken(path, 0) ? -EEXIST : file_log_move(path, 1, 0);
}

int file_log_open_rotated(const char *path)
{
	char name[NAME_SIZE];
	_close_ int fd = -1;
	struct stat info;

	if (!rotated_name(name, path, 1))
		return -ENAMETOOLONG;
	fd = broker_open(AT_FDCWD, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
			 0);
	if (fd < 0)
		return -errno;
	return !fstat(fd, &info) && S_ISREG(info.st_mode) ? take_fd(fd) : -ENODEV;
}
