/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lines the reader of an output has had: those that records need before them (entry.before), by their keys. Each driver
 * keeps one for what it writes to: a file, a connection. It adds a line where that is certain to be written, and forgets all
 * where something else begins, or where it is not certain what was written: a line that comes again is no harm, one that is
 * missing is.
 *
 * A line is written again after an hour, since a log that somebody else keeps may be cut into files at any time, and what is
 * older than a query goes back. Of more than some HEARD_MAX the least recently used ones are forgotten.
 */
#ifndef CALLERD_HEARD_H
#define CALLERD_HEARD_H

#include <stdbool.h>

#include "output/store/entry.h"

#define HEARD_SETS 256
#define HEARD_WAYS 4
#define HEARD_MAX (HEARD_SETS * HEARD_WAYS)
#define HEARD_AGAIN 3600000 /* milliseconds */

/* Zeroed at the start. */
struct heard {
	uint64_t uses;
	uint64_t forgotten; /* of .uses: what was used last then, or before, is forgotten */
	struct heard_line {
		unsigned char key[ENTRY_KEY_SIZE];
		uint64_t used; /* of .uses; 0: free */
		uint64_t time; /* ms: when it was told */
	} lines[HEARD_SETS][HEARD_WAYS];
};

/* The line that is to be written before ENTRY at NOW, in ms; NULL: there is none, or the reader has it. */
const struct entry *heard_missing(struct heard *heard, const struct entry *entry, uint64_t now);

/* ENTRY and the line before it are written. */
void heard_add(struct heard *heard, const struct entry *entry, uint64_t now);

/* The line of KEY was not written, after all. */
void heard_remove(struct heard *heard, const unsigned char key[ENTRY_KEY_SIZE]);

void heard_forget(struct heard *heard);

#endif
