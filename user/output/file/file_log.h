/* SPDX-License-Identifier: Apache-2.0 */
/* The file system's side of a log file: opening it, its last whole line, its rotated files. */
#ifndef CALLERD_FILE_LOG_H
#define CALLERD_FILE_LOG_H

#include "output/sink.h"

/* What opening found. */
struct log_opened {
	int fd;
	bool created;
	int group_error; /* -errno: a new file has not got its group, and lets only its owner read it */
	const char *detail; /* of a failure, where it says more than its number; else NULL */
};

/* Opens OPTIONS->path to read it and append to it, or creates it. What it finds keeps its mode and group. A
 * symlink is not followed, and what is no regular file is refused. 0 or -errno. */
int file_log_open(const struct sink_options *options, struct log_opened *ret);

/* Makes the directory that OPTIONS->path is to lie in, but none above it. Who may read the log may look into it; its owner
 * alone may write there. 0 or -errno. */
int file_log_make_directory(const struct sink_options *options);

/* How many of the first SIZE bytes are whole lines, or -errno. */
int64_t file_log_whole(int fd, uint64_t size);

/* Cuts what is behind the first END of SIZE bytes. -EBUSY: the file has not got that size (any more); or
 * -errno. Who appends between the look and the cut is not seen. */
int file_log_cut(int fd, uint64_t size, uint64_t end);

/* Whether PATH, a symlink not followed, is the file that FD has open. 0; -ENOENT: there is none; -ESTALE: it is
 * another one; or another -errno. */
int file_log_is(const char *path, int fd);

/* Renames PATH.1 to PATH.2 and so on up to PATH.KEEP (at least 1), then PATH to PATH.1. The one that goes is
 * PATH.KEEP, and only where all numbers up to it are taken. The highest comes first and each rename is atomic:
 * a crash leaves a number without a file, which the next rotation fills. 0 or -errno: PATH is still there. */
int file_log_rotate(const char *path, unsigned int keep);

/* Takes back what file_log_rotate() did to PATH, as long as there is no other. 0 or -errno. */
int file_log_unrotate(const char *path);

/* Opens PATH.1 to read it. -errno: there is none. */
int file_log_open_rotated(const char *path);

#endif
