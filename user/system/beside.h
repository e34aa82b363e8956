/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that may have to wait for another program or computer, done beside the main loop: to read
 * memory that a process can lock, to walk a path through a file system that a program serves, to
 * ask a directory server.
 *
 * A few threads do the work. A job that does not come back in time is given up: the loop does not
 * wait for it any more, another thread takes its thread's place, and its result is unknown. The
 * number of threads that hang is limited, in all and for each account. The limit of an account is
 * below the number of threads, so that no account takes the threads of all others. Beyond the
 * limits jobs are refused.
 */
#ifndef CALLERD_BESIDE_H
#define CALLERD_BESIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* The first member of a struct of the caller's, which is all that RUN may touch: a job may outlive
 * everything else. */
struct job {
	void (*run)(struct job *job); /* called in a thread; may wait without limit */
	/* Called once, in the loop; DATA is that of beside_new(). CAME false: the job was given up,
	 * and what run() writes must not be read. */
	void (*done)(struct job *job, bool came, void *data);
	/* called in the thread or in the loop, when both are done with the job */
	void (*free)(struct job *job);
	uint64_t account; /* the account that the job is counted for */
	/* ns that the job may wait for a thread, and then as many to run */
	uint64_t patience;
	/* The rest belongs to beside.c. */
	uint64_t deadline;
	unsigned int holders;
	bool given_up;
	TAILQ_ENTRY(job) link;
};

struct beside;

/* 0 or -errno. Free with beside_free(). */
int beside_new(void *data, struct beside **ret);

/* Ends the threads. False: some threads hang; what they use is not freed, and the process must end
 * by _exit(). done() is not called for jobs that are not done yet. NULL is fine. */
bool beside_free(struct beside *beside);

/* Takes over JOB. -EBUSY: refused; the job still belongs to the caller, and done() is not
 * called. */
int beside_put(struct beside *beside, struct job *job, uint64_t now);

/* A descriptor that is readable when a job has finished. */
int beside_fd(const struct beside *beside);

/* Calls done() of the finished jobs, and gives up those that take too long by NOW (CLOCK_BOOTTIME;
 * UINT64_MAX: gives up all). */
void beside_run(struct beside *beside, uint64_t now);

/* Whether done() is still to be called for a job. */
bool beside_is_waiting(const struct beside *beside);

/* Jobs that were refused or given up so far. */
uint64_t beside_missed(const struct beside *beside);

#endif
