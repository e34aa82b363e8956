/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of a spool: whose it is, and what is in it. All that is not a spool's is left alone. */
#ifndef CALLERD_SPOOL_DIRECTORY_H
#define CALLERD_SPOOL_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool_file {
	uint64_t number;
	uint64_t size;
};

/* Makes DIRECTORY where it is missing (its parent must be there), and locks it. Returns its descriptor; the lock
 * goes with it. -errno with a sentence in REASON: -EPERM: others could write there; -EBUSY: in use. */
int spool_directory_open(const char *path, char *reason, size_t reason_size);

/* The segments, in order, in *RET, to be freed; in *HIGHEST the highest number that a name has, 0 if there is none.
 * 0 or -errno. */
int spool_directory_list(int directory, struct spool_file **ret, size_t *count, uint64_t *highest);

/* The cursor, made where it is missing. Returns its descriptor, or -errno with a sentence in REASON. */
int spool_directory_open_cursor(int directory, const char *path, char *reason, size_t reason_size);

#endif
