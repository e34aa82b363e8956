// SPDX-License-Identifier: Apache-2.0
#include "system/own_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "broker/broker.h"
#include "confine/privilege.h"

#define SET_ASIDE_MAX 3
#define STAMP_SIZE 23 /* 20260301T120344.123456Z */

/* --- Whose it is --------------------------------------------------------------------------------- */

const char *own_file_fault(const struct stat *info, mode_t type)
{
	if (S_ISLNK(info->st_mode))
		return "is a symbolic link";
	if ((info->st_mode & S_IFMT) != type)
		return type == S_IFDIR ? "is not a directory" : "is not a regular file";
	if (info->st_uid && info->st_uid != privilege_owner())
		return "belongs to somebody else";
	if (info->st_mode & (S_IWGRP | S_IWOTH))
		return "can be written to by others than its owner: chmod go-w";
	return NULL;
}

int own_file_prepare_directory(const char *path, struct sentence *why)
{
	char copy[OWN_FILE_PATH_SIZE];
	const char *directory, *fault;
	struct stat info;
	int error;

	snprintf(copy, sizeof(copy), "%s", path);
	directory = dirname(copy);
	if ((broker_mkdir(directory, 0700) && errno != EEXIST) ||
	    broker_stat(AT_FDCWD, directory, &info, 0)) {
		error = -errno;
		sentence_say(why, "the directory of %s: %s", path, strerror(-error));
		return error;
	}
	fault = own_file_fault(&info, S_IFDIR);
	if (!fault)
		return 0;
	sentence_say(why, "%s %s", directory, fault);
	return -EPERM;
}

int own_file_prepare(const char *path, struct sentence *why)
{
	int fd = broker_open(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			     0600);
	const char *fault;
	struct stat info;
	int error;

	if (fd >= 0)
		close(fd); /* before SQLite locks it: closing gives the locks up */
	if ((fd < 0 && errno != EEXIST) ||
	    broker_stat(AT_FDCWD, path, &info, AT_SYMLINK_NOFOLLOW)) {
		error = -errno;
		sentence_say(why, "%s: %s", path, strerror(-error));
		return error;
	}
	fault = own_file_fault(&info, S_IFREG);
	if (!fault)
		return 0;
	sentence_say(why, "%s %s", path, fault);
	return -EPERM;
}

int own_file_lock(const char *path, struct sentence *why)
{
	char name[OWN_FILE_PATH_SIZE];
	_close_ int fd = -1;
	int error;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = broker_open(AT_FDCWD, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
			 0600);
	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return take_fd(fd);
	error = -errno;
	if (error == -EWOULDBLOCK) {
		sentence_say(why, "%s is in use by another callerd", path);
		return -EBUSY;
	}
	sentence_say(why, "%s: %s", name, strerror(-error));
	return error;
}

/* --- Setting aside ------------------------------------------------------------------------------- */

static const char *const companions[] = {"", "-wal", "-shm", "-journal"};

static void set_aside_name(char ret[OWN_FILE_PATH_SIZE], const char *path, const char *stamp,
			   const char *companion)
{
	snprintf(ret, OWN_FILE_PATH_SIZE, "%s.set-aside-%s%s", path, stamp, companion);
}

static void make_stamp(char ret[STAMP_SIZE + 1])
{
	struct timespec now;
	struct tm time;
	size_t size;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &time);
	size = strftime(ret, STAMP_SIZE + 1, "%Y%m%dT%H%M%S", &time);
	snprintf(ret + size, STAMP_SIZE + 1 - size, ".%06ldZ", now.tv_nsec / 1000);
}

/* Removes what was set aside of PATH, but for the files with the last stamps. */
static void forget_set_aside(const char *path)
{
	char copy[OWN_FILE_PATH_SIZE], prefix[OWN_FILE_PATH_SIZE], name[2 * OWN_FILE_PATH_SIZE];
	const char *slash = strrchr(path, '/'), *last = "", *directory;
	struct dirent **entries = NULL;
	int count, stamps = 0;
	size_t size;

	snprintf(prefix, sizeof(prefix), "%s.set-aside-", slash ? slash + 1 : path);
	size = strlen(prefix);
	snprintf(copy, sizeof(copy), "%s", path);
	directory = dirname(copy);
	count = scandir(directory, &entries, NULL, alphasort);
	for (int i = count - 1; i >= 0; i--) {
		const char *file = entries[i]->d_name;

		if (strncmp(file, prefix, size) != 0 || strlen(file) < size + STAMP_SIZE)
			continue;
		stamps += strncmp(file, last, size + STAMP_SIZE) != 0;
		last = file;
		snprintf(name, sizeof(name), "%s/%s", directory, file);
		if (stamps > SET_ASIDE_MAX)
			broker_unlink(AT_FDCWD, name, 0);
	}
	while (count > 0)
		free(entries[--count]);
	free(entries);
}

int own_file_set_aside(const char *path, const char *name, const char *fault, struct sentence *told)
{
	char from[OWN_FILE_PATH_SIZE], to[OWN_FILE_PATH_SIZE], stamp[STAMP_SIZE + 1];

	make_stamp(stamp);
	/* The file itself first: beside an empty one, SQLite takes nothing of the others for its own. */
	for (size_t i = 0; i < COUNT(companions); i++) {
		snprintf(from, sizeof(from), "%s%s", path, companions[i]);
		set_aside_name(to, path, stamp, companions[i]);
		if (broker_rename(AT_FDCWD, from, to) && errno != ENOENT) {
			int error = -errno;

			sentence_say(told, "%s %s %s, and cannot be set aside: %s", name, path,
				     fault, strerror(-error));
			return error;
		}
	}
	set_aside_name(to, path, stamp, "");
	sentence_say(told, "%s %s %s: it is now %s, and callerd begins anew", name, path, fault,
		     to);
	forget_set_aside(path);
	return 0;
}
