/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts what a callback reads into lines, with bounded memory. */
#ifndef CALLERD_LINES_H
#define CALLERD_LINES_H

#include <sys/types.h>

#include "chain/verify.h"

#define LINES_TAKEN_MAX ((size_t)VERIFY_LINE_MAX + 1) /* of a line */

struct lines {
	/* Up to SIZE bytes to TO; 0 at the end; -errno. */
	ssize_t (*read)(void *data, char *to, size_t size);
	void *data;

	/* Its own; all 0 at first. */
	char *buffer;
	size_t start, end, capacity;
	bool overlong; /* the rest of the line is to be skipped */
};

/* The next line, without its LF, in *RET until the next call; *COMPLETE: it has one. Of a line longer than
 * VERIFY_LINE_MAX so many bytes and one. 1; 0 after the last; -errno. */
int lines_next(struct lines *lines, struct bytes *ret, bool *complete);

/* Whether a line was begun that has no end so far. */
bool lines_in_line(const struct lines *lines);

void lines_free(struct lines *lines);

#endif
