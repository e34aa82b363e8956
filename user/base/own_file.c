// SPDX-License-Identifier: Apache-2.0
#include "base/own_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"

#define SET_ASIDE_MAX 3
#define STAMPS_MAX 64
#define STAMP_SIZE 23 /* 20260301T120344.123456Z */

void say(struct sentence *sentence, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence->text, sizeof(sentence->text), format, arguments);
	va_end(arguments);
}

/* --- Whose it is --------------------------------------------------------------------------------- */

/* Why what INFO tells of can be of somebody else's making; NULL: it cannot. */
static const char *why_not_ours(const struct stat *info)
{
	if (info->st_uid && info->st_uid != geteuid())
		return "belongs to somebody else";
	if (info->st_mode & (S_IWGRP | S_IWOTH))
		return "can be written to by others than its owner: chmod go-w";
	return NULL;
}

int own_file_prepare_directory(const char *path, struct sentence *why)
{
	char copy[STATE_PATH_SIZE];
	const char *directory, *fault;
	struct stat info;
	int error;

	snprintf(copy, sizeof(copy), "%s", path);
	directory = dirname(copy);
	if ((mkdir(directory, 0700) && errno != EEXIST) || stat(directory, &info)) {
		error = -errno;
		say(why, "the directory of %s: %s", path, strerror(-error));
		return error;
	}
	fault = S_ISDIR(info.st_mode) ? why_not_ours(&info) : "is none";
	if (!fault)
		return 0;
	say(why, "the directory %s %s", directory, fault);
	return -EPERM;
}

static const char *why_not_our_file(const struct stat *info)
{
	if (S_ISLNK(info->st_mode))
		return "is a symbolic link";
	if (!S_ISREG(info->st_mode))
		return "is not a regular file";
	return why_not_ours(info);
}

int own_file_prepare(const char *path, struct sentence *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	const char *fault;
	struct stat info;
	int error;

	if (fd >= 0)
		close(fd); /* before SQLite locks it: closing gives the locks up */
	if ((fd < 0 && errno != EEXIST) || lstat(path, &info)) {
		error = -errno;
		say(why, "%s: %s", path, strerror(-error));
		return error;
	}
	fault = why_not_our_file(&info);
	if (!fault)
		return 0;
	say(why, "%s %s", path, fault);
	return -EPERM;
}

int own_file_lock(const char *path, struct sentence *why)
{
	char name[STATE_PATH_SIZE];
	int fd, error;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	error = -errno;
	if (fd >= 0)
		close(fd);
	if (error == -EWOULDBLOCK) {
		say(why, "%s is in use by another callerd", path);
		return -EBUSY;
	}
	say(why, "%s: %s", name, strerror(-error));
	return error;
}

/* --- Setting aside ------------------------------------------------------------------------------- */

static const char *const companions[] = {"", "-wal", "-shm", "-journal"};

static void set_aside_name(char ret[STATE_PATH_SIZE], const char *path, const char *stamp,
			   const char *companion)
{
	snprintf(ret, STATE_PATH_SIZE, "%s.set-aside-%s%s", path, stamp, companion);
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

static int compare_stamps(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The stamps of what was set aside of PATH, the oldest first; returns how many there are. */
static size_t read_stamps(const char *path, char stamps[STAMPS_MAX][STAMP_SIZE + 1])
{
	char copy[STATE_PATH_SIZE], start[STATE_PATH_SIZE];
	const char *slash = strrchr(path, '/');
	struct dirent *entry;
	size_t count = 0;
	DIR *directory;

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(start, sizeof(start), "%s.set-aside-", slash ? slash + 1 : path);
	directory = opendir(dirname(copy));
	while (directory && count < STAMPS_MAX && (entry = readdir(directory))) {
		const char *stamp = entry->d_name + strlen(start);

		if (!strncmp(entry->d_name, start, strlen(start)) && strlen(stamp) == STAMP_SIZE)
			memcpy(stamps[count++], stamp, STAMP_SIZE + 1);
	}
	if (directory)
		closedir(directory);
	qsort(stamps, count, sizeof(*stamps), compare_stamps);
	return count;
}

/* All but the last ones go. */
static void forget_set_aside(const char *path)
{
	char stamps[STAMPS_MAX][STAMP_SIZE + 1], name[STATE_PATH_SIZE];
	size_t count = read_stamps(path, stamps);

	for (size_t i = 0; i + SET_ASIDE_MAX < count; i++)
		for (size_t j = 0; j < COUNT(companions); j++) {
			set_aside_name(name, path, stamps[i], companions[j]);
			unlink(name);
		}
}

int own_file_set_aside(const char *path, const char *fault, struct sentence *told)
{
	char from[STATE_PATH_SIZE], to[STATE_PATH_SIZE], stamp[STAMP_SIZE + 1];

	make_stamp(stamp);
	/* The file itself first: beside an empty one, SQLite takes nothing of the others for its own. */
	for (size_t i = 0; i < COUNT(companions); i++) {
		snprintf(from, sizeof(from), "%s%s", path, companions[i]);
		set_aside_name(to, path, stamp, companions[i]);
		if (rename(from, to) && errno != ENOENT) {
			int error = -errno;

			say(told, "the state file %s %s, and cannot be set aside: %s", path, fault,
			    strerror(-error));
			return error;
		}
	}
	set_aside_name(to, path, stamp, "");
	say(told, "the state file %s %s: it is now %s, and callerd begins anew", path, fault, to);
	forget_set_aside(path);
	return 0;
}
