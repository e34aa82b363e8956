/* SPDX-License-Identifier: Apache-2.0 */
/* A log with the files that were rotated from it: NAME.1, NAME.2.gz, NAME-20261130.gz … */
#ifndef CALLERD_SERIES_H
#define CALLERD_SERIES_H

#include <stdint.h>

struct series {
	struct series_file {
		char *path;
		uint64_t modified; /* ns since 1970: no line in it was written later */
	} * files;
	unsigned int count;
};

/* Finds the files of the log at PATH, the oldest first; what is no regular file is left out. "-" is itself. 0 or -errno,
 * -ENOENT where there is none. series_free() it in any case. */
int series_find(struct series *series, const char *path);
void series_free(struct series *series);

#endif
