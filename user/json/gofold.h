/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons as Go makes them where an engine takes a word in any case. Two letters of Unicode become ASCII in
 * each of Go's ways, and not the same two: strcasecmp() knows none of them. */
#ifndef CALLERD_GOFOLD_H
#define CALLERD_GOFOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

enum gofold {
	GOFOLD_UPPER, /* strings.ToUpper(text) == WORD */
	GOFOLD_LOWER, /* strings.ToLower(text) == word */
	GOFOLD_EQUAL, /* strings.EqualFold(text, word) */
};

/* How many bytes at the beginning of TEXT are WORD, which is ASCII, in any case. 0: it begins otherwise. */
size_t gofold_begins(struct bytes text, const char *word, enum gofold how);

bool gofold_is(struct bytes text, const char *word, enum gofold how);

/* TEXT as strconv.ParseBool reads it. False: it is none. */
bool gofold_bool(struct bytes text, bool *ret);

/* TEXT without the white space at both ends, as strings.TrimSpace takes it off where it is ASCII. */
struct bytes gofold_trim(struct bytes text);

#endif
