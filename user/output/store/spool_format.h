/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a spool hold, in the byte order of x86-64.
 *
 *	segment-NUMBER	a struct segment_head, then entries: a struct entry_head and SIZE bytes each. Of an
 *			entry that needs a line before it these are a struct before_head, that line and its own.
 *			NUMBER, 16 hexadecimal digits, grows. No segment is appended to by a second life.
 *	cursor		a struct cursor: where to go on
 *
 * Every entry has an index that counts up by 1 from life to life, and is never given twice while anything that
 * had it is left: a hole in the indexes is what was lost, and tells how much. The cursor is one of them.
 *
 * A head is recognised by its magic, which no text in UTF-8 contains, and by its checksum, which depends on the
 * segment's number: a copy of it in the data of an entry, in another segment, or in a block of the disk that
 * was another segment's is none.
 */
#ifndef CALLERD_SPOOL_FORMAT_H
#define CALLERD_SPOOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "output/store/entry.h"

#define SPOOL_ENTRY_MAX (64u << 20)	     /* bytes of data */
#define SPOOL_NUMBER_MAX (UINT64_C(1) << 62) /* of segments and indexes: no sum of two overflows */
#define SPOOL_CURSOR "cursor"

#define ENTRY_MAGIC UINT32_C(0xfe0df5c3)

struct segment_head {
	uint64_t magic;
	uint64_t number; /* as in its name */
	uint64_t first;	 /* the index of its first entry */
	uint32_t zero;
	uint32_t checksum; /* of all before it */
};

struct entry_head {
	uint32_t magic;
	uint32_t size; /* of the data behind it */
	uint64_t index;
	uint64_t time;
	uint64_t sequence;
	uint32_t data_checksum;
	uint8_t severity;
	uint8_t action;
	uint16_t zero;
	uint32_t
		before; /* bytes of the line before it; 0: there is none, nor a struct before_head */
	uint32_t checksum; /* of the segment's number and all before it */
};

struct before_head {
	uint64_t time;
	unsigned char key[ENTRY_KEY_SIZE];
	uint32_t zero;
};

struct cursor {
	uint64_t magic;
	uint64_t index; /* of the oldest entry that is not confirmed */
	uint32_t zero;
	uint32_t checksum; /* of all before it */
};

_Static_assert(sizeof(struct segment_head) == 32 && sizeof(struct entry_head) == 48 &&
		       sizeof(struct before_head) == 24 && sizeof(struct cursor) == 24,
	       "no padding: it would not be checked");

#define SPOOL_SEGMENT_MAX                                                                          \
	(sizeof(struct segment_head) + sizeof(struct entry_head) + SPOOL_ENTRY_MAX)

#define SEGMENT_NAME_SIZE 25

void spool_format_name(char ret[SEGMENT_NAME_SIZE], uint64_t number);

/* Whether NAME is a segment's, and then its number. */
bool spool_format_read_name(const char *name, uint64_t *ret);

/* The parts of what stands behind the head of ENTRY, in their order; returns how many. HEAD is memory for one of them. */
#define SPOOL_PARTS_MAX 3
unsigned int spool_format_parts(const struct entry *entry, struct before_head *head,
				struct bytes ret[SPOOL_PARTS_MAX]);

/* Bytes of all of them. */
uint64_t spool_format_size(const struct entry *entry);

void spool_format_make_segment(struct segment_head *ret, uint64_t number, uint64_t first);
void spool_format_make_entry(struct entry_head *ret, uint64_t number, uint64_t index,
			     const struct entry *entry);
void spool_format_make_cursor(struct cursor *ret, uint64_t index);

/* Whether BYTES, of the size of *RET, are one; *RET is set in any case. */
bool spool_format_read_segment(struct segment_head *ret, const void *bytes, uint64_t number);
bool spool_format_read_entry(struct entry_head *ret, const void *bytes, uint64_t number);
bool spool_format_read_cursor(struct cursor *ret, const void *bytes);

uint32_t spool_format_checksum(const void *data, size_t size);

/* SUM is the checksum of what stands before DATA. */
uint32_t spool_format_checksum_on(uint32_t sum, const void *data, size_t size);

#endif
