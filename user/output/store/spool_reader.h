/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the entries in one segment of a spool, one after the other, whatever has become of the file. Where there
 * is no head of an entry, it looks for the next one; each byte is looked at a bounded number of times.
 */
#ifndef CALLERD_SPOOL_READER_H
#define CALLERD_SPOOL_READER_H

#include "output/store/spool_format.h"

#define READER_NO_BUDGET UINT64_MAX

struct spool_reader {
	int directory;	 /* borrowed */
	int fd;		 /* of the segment; -1: not open */
	uint64_t number; /* of the segment */
	uint64_t offset; /* where the next entry is looked for */
	uint64_t size;	 /* where the segment ends */
	uint64_t index;	 /* the least that the next entry can have, */
	uint64_t limit;	 /* and the first that it cannot have */
	uint64_t budget; /* bytes that may be read; for the owner to set */
	uint64_t window_start;
	size_t window_size;
	uint8_t *window;
};

/* 0 or -ENOMEM. */
int spool_reader_init(struct spool_reader *reader, int directory);
void spool_reader_free(struct spool_reader *reader);

/* Begins with the first entry of segment NUMBER, SIZE bytes long. */
void spool_reader_start(struct spool_reader *reader, uint64_t number, uint64_t size, uint64_t index,
			uint64_t limit);

/* Moves to the next head. 1: in *RET; its data may be damaged. 0: the segment ends. -EAGAIN: the budget is used up.
 * Another -errno: nothing can be read now; worth another try. */
int spool_reader_next(struct spool_reader *reader, struct entry_head *ret);

/* After 1 of spool_reader_next(): behind that entry. */
void spool_reader_skip(struct spool_reader *reader, const struct entry_head *head);

/* The same, and reads it: 1, in *RET with one reference. 0: it is damaged. -errno as above, and it is not skipped. */
int spool_reader_take(struct spool_reader *reader, const struct entry_head *head,
		      struct entry **ret);

/* Until the next call, no file is kept open: one that is unlinked would still use the disk. */
void spool_reader_rest(struct spool_reader *reader);

#endif
