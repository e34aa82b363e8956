// SPDX-License-Identifier: Apache-2.0
#include "log/series.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define SERIES_MAX 10000

/* Whether SUFFIX is one that rotation gives: .1, .2.gz, -20261130, -20261130.gz. */
static bool is_rotated(const char *suffix)
{
	size_t digits;

	if (*suffix != '.' && *suffix != '-')
		return false;
	digits = strspn(suffix + 1, "0123456789");
	return digits && (!suffix[1 + digits] || !strcmp(suffix + 1 + digits, ".gz"));
}

static int series_add(struct series *series, const char *path, const struct stat *info)
{
	struct series_file *files =
		series->count < SERIES_MAX
			? reallocarray(series->files, series->count + 1, sizeof(*files))
			: NULL;

	if (!files)
		return -ENOMEM;
	series->files = files;
	files += series->count;
	*files = (struct series_file){strdup(path), 0};
	if (!files->path)
		return -ENOMEM;
	if (info)
		files->modified =
			(uint64_t)info->st_mtim.tv_sec * NS_PER_S + (uint64_t)info->st_mtim.tv_nsec;
	series->count++;
	return 0;
}

/* By the time of their last lines; of those that are equally old a higher number is the older one. */
static int compare_series(const void *a, const void *b)
{
	const struct series_file *one = a, *other = b;

	if (one->modified != other->modified)
		return one->modified < other->modified ? -1 : 1;
	return strverscmp(other->path, one->path);
}

static int find_in(struct series *series, int directory, const char *prefix, const char *name)
{
	_cleanup_(cleanup_closedir) DIR *entries = fdopendir(directory);
	size_t length = strlen(name);
	int error = 0;

	if (!entries) {
		close(directory);
		return -errno;
	}
	for (struct dirent *entry; !error && (entry = readdir(entries));) {
		_cleanup_(cleanup_free) char *path = NULL;
		struct stat info;

		if (strncmp(entry->d_name, name, length) != 0 ||
		    (entry->d_name[length] && !is_rotated(entry->d_name + length)) ||
		    fstatat(dirfd(entries), entry->d_name, &info, 0) || !S_ISREG(info.st_mode))
			continue;
		if (asprintf(&path, "%s%s", prefix, entry->d_name) < 0)
			return -ENOMEM;
		error = series_add(series, path, &info);
	}
	return error;
}

int series_find(struct series *series, const char *path)
{
	_cleanup_(cleanup_free) char *prefix = NULL;
	const char *name = strrchr(path, '/');
	struct stat info;
	int directory, error;

	*series = (struct series){0};
	if (!strcmp(path, "-"))
		return series_add(series, path, NULL);
	if (!stat(path, &info) && !S_ISREG(info.st_mode)) /* a pipe */
		return S_ISDIR(info.st_mode) ? -EISDIR : series_add(series, path, NULL);
	name = name ? name + 1 : path;
	prefix = strndup(path, (size_t)(name - path));
	if (!prefix)
		return -ENOMEM;
	directory = open(*prefix ? prefix : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return -errno;
	error = find_in(series, directory, prefix, name);
	if (error || !series->count)
		return error ?: -ENOENT;
	qsort(series->files, series->count, sizeof(*series->files), compare_series);
	return 0;
}

void series_free(struct series *series)
{
	for (unsigned int i = 0; i < series->count; i++)
		free(series->files[i].path);
	free(series->files);
	*series = (struct series){0};
}
