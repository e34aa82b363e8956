/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that may have to wait for somebody, done beside the main loop: to read what a process can lock, to
 * walk a path through a file system that somebody serves, to ask a directory server.
 *
 * A few threads do it. One that does not come back in time is given up: nobody waits for it any more,
 * another one takes its place, and what it was asked for is not known. There is a limit to those that hang:
 * in all, and for each account, which is less than there are threads. So nobody takes the others' place;
 * beyond the limit jobs are refused.
 */
#ifndef CALLERD_BESIDE_H
#define CALLERD_BESIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Whoever asks puts this first in a struct of his own, which is all that RUN may touch: it may outlive
 * everything else. */
struct job {
	void (*run)(struct job *job); /* in a thread; may wait as long as it likes */
	/* In the loop, once: DATA is that of beside_new(). Unless it CAME, nothing that run() writes
	 * may be read. */
	void (*done)(struct job *job, bool came, void *data);
	void (*free)(struct job *job); /* in whichever of the two has it last */
	uint64_t account;	       /* on whose account it may hang */
	uint64_t patience;	       /* ns that it may wait for its turn, and then run */
	/* The rest is beside's. */
	uint64_t deadline;
	unsigned int holders;
	bool given_up;
	TAILQ_ENTRY(job) link;
};

struct beside;

/* 0 or -errno. Free with beside_free(). */
int beside_new(void *data, struct beside **ret);

/* Ends the threads. False: some of them hang. What they use is not freed, and the process must end by
 * _exit(). Jobs that are not done yet never are; NULL is fine. */
bool beside_free(struct beside *beside);

/* Takes over JOB. -EBUSY: refused, and the job is the caller's still; done() is not called. */
int beside_put(struct beside *beside, struct job *job, uint64_t now);

/* Readable when something came back. */
int beside_fd(const struct beside *beside);

/* Hands over what came back, and gives up what takes too long by NOW (CLOCK_BOOTTIME; UINT64_MAX: all). */
void beside_run(struct beside *beside, uint64_t now);

/* Whether anything is yet to be done(). */
bool beside_is_waiting(const struct beside *beside);

/* Jobs that were refused or given up so far. */
uint64_t beside_missed(const struct beside *beside);

#endif
