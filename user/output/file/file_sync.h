/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that has the disk keep a log, and then the seal file where its chain was, while the log is written on:
 * a slow disk takes seconds for it. Jobs are done one by one, in the order in which they came: neither does an
 * older chain follow a newer one into the seal file, nor a chain go there before the lines that it speaks of.
 */
#ifndef CALLERD_FILE_SYNC_H
#define CALLERD_FILE_SYNC_H

#include <pthread.h>

#include "output/file/sealfile.h"

#define SYNCER_JOBS 64

/* In this order. NAMES and SEALS are borrowed. */
struct syncer_job {
	const char *names;	/* a path whose directory is to be kept; NULL: none */
	int fd;			/* of the log; closed then */
	struct sealfile *seals; /* where CHAIN goes, if the log was kept; NULL: nowhere */
	struct chain chain;
};

/* What came of those jobs that were done. */
struct syncer_outcome {
	bool synced, saved;	    /* whether any log, and any chain, had its turn */
	int sync_error, save_error; /* the last -errno, even where others went well */
};

struct syncer {
	pthread_t thread;
	bool running; /* there is a thread; it waits where it has nothing to do */

	pthread_mutex_t lock;	/* for what follows */
	pthread_cond_t changed; /* any of it */
	bool ending;
	unsigned int first, count;	     /* those that wait, and the one that is being done */
	struct syncer_job jobs[SYNCER_JOBS]; /* the first is the thread's, without the lock */
	struct syncer_outcome outcome;
};

void file_sync_init(struct syncer *syncer);

/* Adds a copy of JOB; waits for the oldest where there are SYNCER_JOBS already. 0, or -errno where there can be
 * no thread: nothing was done. */
int file_sync_put(struct syncer *syncer, const struct syncer_job *job);

/* Whether all is done. */
bool file_sync_is_idle(struct syncer *syncer);

/* What came of those that were done since the last call. */
struct syncer_outcome file_sync_take(struct syncer *syncer);

/* Waits until all is done. */
void file_sync_wait(struct syncer *syncer);

/* The same, and frees all but SYNCER itself. */
void file_sync_end(struct syncer *syncer);

#endif
