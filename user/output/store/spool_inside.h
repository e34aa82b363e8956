/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the spool share. Two threads: the appender (spool_append, spool_sync) and the consumer (the
 * store's operations).
 *
 * Entries are known by their indexes:
 *
 *	gone | kept .. sent: to be sent again after a rewind | sent .. next: read ahead | next .. end
 *
 * What stands under LOCK is shared; it is never held across a system call. The list of segments is changed by the
 * appender alone, which therefore reads it without the lock. CURSOR_LOCK is held while the cursor's few bytes are
 * written to the page cache, so that it never goes back; it is taken before LOCK.
 */
#ifndef CALLERD_SPOOL_INSIDE_H
#define CALLERD_SPOOL_INSIDE_H

#include <pthread.h>

#include "output/store/spool.h"
#include "output/store/spool_reader.h"
#include "system/thread.h"

#define SPOOL_SIZE_MIN (1u << 20)
#define SEGMENT_MIN (256u << 10)
#define SEGMENT_MAX (16u << 20)
#define DISK_BLOCK 4096u /* what files take of the disk is a multiple of it */
#define APPEND_MAX 511	 /* entries in one writev() of at most IOV_MAX parts */
#define READY_MAX 1024	 /* entries */
#define READY_BYTES (1u << 20)
#define GAPS_MAX 4096

struct segment {
	uint64_t number;
	uint64_t first; /* the index of its first entry; it ends before that of the next segment */
	uint64_t size;	/* what is to be read of it */
	uint64_t disk;	/* what it takes of the disk */
	bool known;	/* at open: FIRST is what the file says */
	bool unsynced;	/* it may not be on the disk */
	bool failed;	/* it will not be: the kernel tried and forgot */
};

/* Indexes of which no entry is there any more. */
struct gap {
	uint64_t first, end;
};

struct ready {
	struct entry *entry;
	uint64_t index;
};

struct spool {
	struct store store;
	int directory, cursor; /* descriptors */
	uint64_t size, segment_size;
	pthread_mutex_t lock, cursor_lock;

	/* Under lock. */
	struct segment *segments; /* the oldest first */
	size_t segment_count, segment_room;
	uint64_t used;	    /* bytes of disk */
	uint64_t end;	    /* index of the entry to come */
	uint64_t confirmed; /* by confirm(); <= sent */
	uint64_t given_up;  /* those below were sent and gave way, confirmed or not; <= sent */
	uint64_t sent;	    /* <= next */
	uint64_t next;	    /* to be read; <= end */
	unsigned int ready; /* entries between sent and next that were read */
	uint64_t settled;   /* those below are on the disk, as far as they ever will be */
	uint64_t written;   /* in the cursor */
	uint64_t damaged;
	uint64_t unconfirmed;	   /* that gave way before a rewind wanted them */
	struct gap gaps[GAPS_MAX]; /* from confirmed on, in order, none touching another */
	unsigned int gap_count;

	/* The appender's. */
	int writing; /* the last segment, where it is appended to; -1: the next entry begins another */
	uint64_t next_number; /* of segments */
	bool new_names;	      /* the directory was changed since it was synced */
	uint64_t synced;      /* as the cursor has it on the disk */
	struct entry_head heads[APPEND_MAX];

	/* The consumer's. */
	struct spool_reader reader;
	uint64_t reading; /* what was known of the size of the segment in READER */
	struct ready queue[READY_MAX];
	unsigned int queue_start; /* READY of them wait from here on */
	size_t queue_bytes;
};

extern const struct store_ops spool_store_ops;

/* Under lock: has the consumer, with nothing read ahead, begin again with the oldest entry that is kept. */
void spool_restart(struct spool *spool);

/* Under lock: what was read ahead is to be read again. */
void spool_forget_ready(struct spool *spool);

/* Under lock: the index behind the last entry of segment AT; the oldest entry that is not done with. */
uint64_t spool_segment_end(const struct spool *spool, size_t at);
uint64_t spool_kept(const struct spool *spool);

/* Under lock: what the cursor may say. After a power failure it must not be ahead of the entries that are there. */
uint64_t spool_cursor_index(const struct spool *spool);

/* Writes the cursor as far as it may go to the page cache; what it says then in *RET. 0 or -errno. */
int spool_write_cursor(struct spool *spool, uint64_t *ret);

/* What SIZE bytes of a file take of the disk. */
uint64_t spool_disk(uint64_t size);

/* Appends to the list. 0 or -ENOMEM. */
int spool_add_segment(struct spool *spool, const struct segment *segment);

#endif
