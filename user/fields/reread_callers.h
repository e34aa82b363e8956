/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a log that tell what callers are (caller-seen), for the records behind them that only name these. */
#ifndef CALLERD_REREAD_CALLERS_H
#define CALLERD_REREAD_CALLERS_H

#include <stddef.h>

#include "base/bytes.h"

/* Of more, those that were named last longest ago are forgotten: an output tells some 1000 of a log again before that. */
#define REREAD_CALLERS_MAX 8192
#define REREAD_CALLERS_BYTES ((size_t)64 << 20)

/* Zeroed at the start. */
struct reread_callers {
	struct kept_caller *all;
	size_t bytes;
};

/* Keeps LINE, which tells what the caller of ID is. 0 or -ENOMEM. */
int reread_callers_keep(struct reread_callers *callers, struct bytes id, struct bytes line);

/* The line of ID; data NULL: it is not known. Valid until the next call. */
struct bytes reread_callers_find(struct reread_callers *callers, struct bytes id);

void reread_callers_free(struct reread_callers *callers);

/* Whether LINE may be such a line, or may be a record that names one: without reading it. */
bool reread_callers_is_told(struct bytes line);
bool reread_callers_is_named(struct bytes line);

/* Whether what is at PATH of a record is told by the line that it names. */
bool reread_callers_has(struct bytes path);

#endif
