/* SPDX-License-Identifier: Apache-2.0 */
/* A log file that is read and unpacked in a thread of its own, seen in another one, while what came before is looked at. */
#ifndef CALLERD_AHEAD_H
#define CALLERD_AHEAD_H

#include <stdbool.h>

#include "base/bytes.h"

struct ahead;

struct ahead_options {
	/* Gets each line in a thread, before ahead_next(); NULL: nobody wants that. */
	void (*see)(void *data, struct bytes line, bool complete);
	void *data;
};

/* Whether the file at PATH ("-": stdin) is one to read so: a regular one. What others write may take its time. */
bool ahead_suits(const char *path);

/* Begins to read it. 0 or -errno. */
int ahead_open(struct ahead **ret, const char *path, const struct ahead_options *options);

/* The next line, until the next call. 1; 0 after the last; -errno. */
int ahead_next(struct ahead *ahead, struct bytes *ret);

/* What was read already of the lines behind that one, with their line feeds: these come no more by ahead_next(). Of no size: it is told
 * line by line. */
struct bytes ahead_rest(struct ahead *ahead);

/* After -errno: why, in words; NULL: -errno says it. */
const char *ahead_error(const struct ahead *ahead);

/* Ends the reading, wherever it is. NULL is fine. */
void ahead_close(struct ahead *ahead);

#endif
