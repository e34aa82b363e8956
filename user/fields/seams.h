/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between the values of callerd's lines, learned from the lines before: brackets, commas and keys. Behind a value the
 * same bytes say the same wherever that place of a record (struct seam_place) comes again, so they are taken apart once.
 */
#ifndef CALLERD_SEAMS_H
#define CALLERD_SEAMS_H

#include <string.h>

#include "base/table.h"
#include "json/ownjson.h"

#define SEAM_PATH_MAX 256
#define SEAM_TEXT_MAX 256
#define SEAM_MARKS 4

/* Of a path: for tables in memory. Of a path that is known beforehand the compiler makes a number. */
static inline uint32_t seam_hash(const char *path, size_t size)
{
	uint64_t first = 0, last = 0;

	if (size >= sizeof(first)) {
		memcpy(&first, path, sizeof(first));
		memcpy(&last, path + (size - sizeof(last)), sizeof(last));
	} else {
		for (size_t i = 0; i < size; i++)
			first = first << 8 | (unsigned char)path[i];
	}
	first = (first ^ size) * UINT64_C(0x9e3779b97f4a7c15) + last;
	return (uint32_t)((first * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static inline bool seam_same_words(const char *one, const char *other)
{
	uint64_t a, b;

	memcpy(&a, one, sizeof(a));
	memcpy(&b, other, sizeof(b));
	return a == b;
}

/* As memcmp() == 0: most are some ten or twenty bytes, which to call it for takes longer than to compare them. */
static inline bool seam_same(const char *one, const char *other, size_t size)
{
	size_t at = 0;

	if (size < sizeof(uint64_t))
		return !memcmp(one, other, size);
	for (; at + sizeof(uint64_t) < size; at += sizeof(uint64_t))
		if (!seam_same_words(one + at, other + at))
			return false;
	at = size - sizeof(uint64_t); /* some once more */
	return seam_same_words(one + at, other + at);
}

/* What decides what the next bytes say. */
struct seam_place {
	struct ownjson_place json;
	uint32_t path_size;
	/* Of the path, around each object and array that is open. */
	uint16_t sizes[OWNJSON_DEPTH_MAX];
	char path[SEAM_PATH_MAX]; /* of the object, or of the key that was read last */
};

/* Between two values. */
struct seam {
	struct seam *next; /* of those behind the same place; what came last is the first */
	struct seam_after *to;
	enum seam_end {
		SEAM_STRING,
		SEAM_NUMBER,
		SEAM_TRUE,
		SEAM_FALSE,
		SEAM_OVER
	} end;		 /* what comes */
	bool is_lineage; /* it is callerd.lineage */
	uint16_t key;	 /* behind the last key; 0: there is none */
	uint16_t size;	 /* of .text */
	unsigned int mark_count;
	/* Where something that is measured begins or ends: behind its bracket. */
	struct seam_mark {
		uint16_t at;
		unsigned char depth;
		enum seam_what { SEAM_BEGINS, SEAM_LINEAGE, SEAM_CONTENT } what;
	} marks[SEAM_MARKS];
	char text[]; /* what stands there */
};

/* A place and what came behind it so far. */
struct seam_after {
	UT_hash_handle hh;
	uint32_t hash;	/* of the path */
	bool of_caller; /* reread_callers_has() it */
	unsigned int count;
	struct seam *seams;
	struct seam_place place;
};

struct seams;

/* NULL: no memory. */
struct seams *seams_new(void);
void seams_free(struct seams *seams);

/* The beginning of a line. NULL: too much was learned, and lines are read by other means. MAY_FORGET: nothing of what was found
 * before is used any more. */
struct seam_after *seams_begin(struct seams *seams, bool may_forget);

/* Whether SEAM stands at AT; the line's end is END. */
static inline bool seam_is(const struct seam *seam, const char *at, const char *end)
{
	if ((size_t)(end - at) < seam->size || !seam_same(at, seam->text, seam->size))
		return false;
	at += seam->size;
	if (seam->end == SEAM_OVER)
		return at == end;
	/* Before other values more may stand. */
	return seam->end != SEAM_NUMBER || (at < end && (*at == '-' || (*at >= '0' && *at <= '9')));
}

/* As seams_find(), where it is not what came last. */
const struct seam *seams_find_other(struct seams *seams, struct seam_after *after, const char *at,
				    const char *end);

/* What stands from AT on behind AFTER; the line's end is END. NULL: it cannot be told; callerd did not write that. */
static inline const struct seam *seams_find(struct seams *seams, struct seam_after *after,
					    const char *at, const char *end)
{
	const struct seam *seam = after->seams;

	return seam && seam_is(seam, at, end) ? seam : seams_find_other(seams, after, at, end);
}

#endif
