/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What callers are, in a line of its own each: caller-seen. Records that only name their caller have it with them (entry.before).
 *
 * The id of a line is a hash of all that it says but its time and its own id: a caller of which anything is another now has
 * another id, and whoever reads the same id twice has read the same. It takes a secret of this run, so that nobody can make
 * two callers with one id.
 */
#ifndef CALLERD_CALLER_LINE_H
#define CALLERD_CALLER_LINE_H

#include "output/store/entry.h"
#include "record/record.h"

#define CALLER_LINE_ID_SIZE (2 * ENTRY_KEY_SIZE + 1)

struct caller_lines;

/* 0, -ENOMEM, or -ENOTSUP where libcrypto gives no secret. Free with caller_line_free(). */
int caller_line_new(struct caller_lines **ret);
void caller_line_free(struct caller_lines *lines);

/* The line that tells what the caller of RECORD is, with a reference, and its id in ID. NULL: there is no caller, or it cannot
 * be told so, and the record is to tell it itself. */
struct entry *caller_line_find(struct caller_lines *lines, const struct record *record,
			       const struct record_context *context, char id[CALLER_LINE_ID_SIZE]);

#endif
