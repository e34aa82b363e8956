/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of the test's own, and whole files. By stdio: what a test replaces of the rest does not concern it. */
#ifndef CALLERD_TEST_FILES_H
#define CALLERD_TEST_FILES_H

#include "unit.h"

#include <ftw.h>
#include <sys/stat.h>

static char directory[64];

/* Makes DIRECTORY in the one at ABOVE. 0 or -1, as setup functions return. */
static inline int files_prepare(const char *above)
{
	snprintf(directory, sizeof(directory), "%s/callerd-test.XXXXXX", above);
	return mkdtemp(directory) ? 0 : -1;
}

static inline int files_remove_one(const char *file, const struct stat *info, int kind,
				   struct FTW *where)
{
	return remove(file);
}

/* Removes FILE, with all that is in it. 0 or -1. */
static inline int files_remove(const char *file)
{
	return nftw(file, files_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void files_put(const char *file, int flags, const void *data, size_t size)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "w");

	assert_non_null(stream);
	assert_int_equal(fwrite(data, 1, size, stream), size);
	assert_int_equal(fclose(stream), 0);
}

/* A new file is 0600. */
static inline void files_write(const char *file, const void *data, size_t size)
{
	files_put(file, O_TRUNC, data, size);
}

static inline void files_append(const char *file, const void *data, size_t size)
{
	files_put(file, O_APPEND, data, size);
}

/* To be freed, with a NUL behind it; NULL: there is no such file. */
static inline char *files_read(const char *file, size_t *size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat info;
	FILE *stream;
	char *data;

	if (fd < 0)
		return NULL;
	assert_int_equal(fstat(fd, &info), 0);
	*size = (size_t)info.st_size;
	data = malloc(*size + 1);
	stream = fdopen(fd, "r");
	assert_int_equal(fread(data, 1, *size, stream), *size);
	fclose(stream);
	data[*size] = '\0';
	return data;
}

#endif
