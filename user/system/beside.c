// SPDX-License-Identifier: Apache-2.0
#include "system/beside.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "system/thread.h"

#define WORKERS 3
#define HANGING_MAX 13
#define THREADS_OF_ACCOUNT_MAX 2 /* threads of one account that run or hang */
#define QUEUE_MAX 256
#define QUEUE_OF_ACCOUNT_MAX 64
/* large, since name services are foreign code that the agent does not control */
#define STACK_SIZE (1u << 20)

TAILQ_HEAD(jobs, job);

/* A job is in one of the lists, which are read and written with the lock held. No thread keeps the
 * lock while it waits or runs a job's callback. */
struct beside {
	void *data;
	int event;
	pthread_mutex_t lock;
	/* signalled for one more job that may run; broadcast when a worker has ended */
	pthread_cond_t changed;
	struct jobs queue, running, finished, hanging;
	unsigned int queued, hangs, workers; /* .workers: threads that do not hang */
	uint64_t missed;
	bool stop;
};

static unsigned int count_of(const struct jobs *jobs, uint64_t account)
{
	unsigned int count = 0;
	const struct job *job;

	TAILQ_FOREACH(job, jobs, link)
	count += job->account == account;
	return count;
}

static bool hangs_enough(const struct beside *beside, uint64_t account)
{
	return count_of(&beside->hanging, account) >= THREADS_OF_ACCOUNT_MAX;
}

/* The oldest queued job whose account may have another thread. */
static struct job *next_to_run(const struct beside *beside)
{
	struct job *job;

	TAILQ_FOREACH(job, &beside->queue, link)
	if (count_of(&beside->hanging, job->account) + count_of(&beside->running, job->account) <
	    THREADS_OF_ACCOUNT_MAX)
		return job;
	return NULL;
}

/* Drops a reference to JOB. The lock is released meanwhile, since free() may wait. */
static void let_go(struct beside *beside, struct job *job)
{
	if (--job->holders)
		return;
	pthread_mutex_unlock(&beside->lock);
	job->free(job);
	pthread_mutex_lock(&beside->lock);
}

/* A failed write is no loss: an eventfd whose count is full is readable already. */
static void beside_tell(int event)
{
	uint64_t one = 1;
	ssize_t written = write(event, &one, sizeof(one));

	(void)written;
}

static void beside_work(struct beside *beside, struct job *job)
{
	TAILQ_REMOVE(&beside->queue, job, link);
	beside->queued--;
	TAILQ_INSERT_TAIL(&beside->running, job, link);
	job->deadline = 0; /* the loop sets the deadline of the run when it looks next */
	pthread_mutex_unlock(&beside->lock);
	job->run(job);
	pthread_mutex_lock(&beside->lock);
	if (job->given_up) {
		TAILQ_REMOVE(&beside->hanging, job, link);
		beside->hangs--;
		beside->workers++;
		let_go(beside, job);
	} else {
		TAILQ_REMOVE(&beside->running, job, link);
		TAILQ_INSERT_TAIL(&beside->finished, job, link);
		beside_tell(beside->event);
	}
}

static void *beside_run_jobs(void *data)
{
	struct beside *beside = data;
	struct job *job;

	thread_be_nice();
	thread_guard(&beside->lock);
	/* A worker that hung ends if another worker has taken its place. The account of a finished job may have another thread: this one
	 * looks again, or ends, and then all others look. */
	while (!beside->stop && beside->workers <= WORKERS) {
		job = next_to_run(beside);
		if (job)
			beside_work(beside, job);
		else
			pthread_cond_wait(&beside->changed, &beside->lock);
	}
	beside->workers--;
	pthread_cond_broadcast(&beside->changed);
	return NULL;
}

static int start_worker(struct beside *beside)
{
	pthread_t thread;
	int error = thread_start(&thread, STACK_SIZE, beside_run_jobs, beside);

	if (error)
		return error;
	pthread_detach(thread);
	beside->workers++;
	return 0;
}

CLEANUP_DEFINE(beside_drop, struct beside *, beside_free)

int beside_new(void *data, struct beside **ret)
{
	_cleanup_(beside_drop) struct beside *beside = calloc(1, sizeof(*beside));
	int error = 0;

	if (!beside)
		return -ENOMEM;
	beside->data = data;
	TAILQ_INIT(&beside->queue);
	TAILQ_INIT(&beside->running);
	TAILQ_INIT(&beside->finished);
	TAILQ_INIT(&beside->hanging);
	pthread_mutex_init(&beside->lock, NULL);
	pthread_cond_init(&beside->changed, NULL);
	beside->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (beside->event < 0)
		return -errno;
	pthread_mutex_lock(&beside->lock);
	for (int i = 0; i < WORKERS && !error; i++)
		error = start_worker(beside);
	pthread_mutex_unlock(&beside->lock);
	if (!error)
		*ret = take_ptr(beside);
	return error;
}

static void free_jobs(struct jobs *jobs)
{
	struct job *job;

	while ((job = TAILQ_FIRST(jobs))) {
		TAILQ_REMOVE(jobs, job, link);
		job->free(job);
	}
}

bool beside_free(struct beside *beside)
{
	bool hangs;

	if (!beside)
		return true;
	pthread_mutex_lock(&beside->lock);
	beside->stop = true;
	pthread_cond_broadcast(&beside->changed);
	hangs = beside->hangs || !TAILQ_EMPTY(&beside->running);
	while (!hangs && beside->workers)
		pthread_cond_wait(&beside->changed, &beside->lock);
	pthread_mutex_unlock(&beside->lock);
	if (hangs)
		return false;
	free_jobs(&beside->queue);
	free_jobs(&beside->finished);
	cleanup_close(&beside->event);
	pthread_cond_destroy(&beside->changed);
	pthread_mutex_destroy(&beside->lock);
	free(beside);
	return true;
}

int beside_put(struct beside *beside, struct job *job, uint64_t now)
{
	assert(job->run && job->done && job->free);
	thread_guard(&beside->lock);
	if (!beside->workers || beside->queued >= QUEUE_MAX || hangs_enough(beside, job->account) ||
	    count_of(&beside->queue, job->account) >= QUEUE_OF_ACCOUNT_MAX) {
		beside->missed++;
		return -EBUSY;
	}
	job->given_up = false;
	job->holders = 1;
	job->deadline = now + job->patience;
	TAILQ_INSERT_TAIL(&beside->queue, job, link);
	beside->queued++;
	pthread_cond_signal(&beside->changed);
	return 0;
}

int beside_fd(const struct beside *beside)
{
	return beside->event;
}

/* Takes out a queued job that will not begin in time. */
static struct job *next_late(struct beside *beside, uint64_t now)
{
	struct job *job;

	TAILQ_FOREACH(job, &beside->queue, link)
	if (now >= job->deadline || hangs_enough(beside, job->account)) {
		TAILQ_REMOVE(&beside->queue, job, link);
		beside->queued--;
		return job;
	}
	return NULL;
}

/* Takes out a running job whose thread hangs, as of NOW, and starts a worker in its place. */
static struct job *next_hanging(struct beside *beside, uint64_t now)
{
	struct job *job;

	TAILQ_FOREACH(job, &beside->running, link)
	{
		if (!job->deadline && now < UINT64_MAX - job->patience)
			job->deadline = now + job->patience;
		if (now >= job->deadline)
			break;
	}
	if (!job)
		return NULL;
	TAILQ_REMOVE(&beside->running, job, link);
	TAILQ_INSERT_TAIL(&beside->hanging, job, link);
	job->given_up = true;
	job->holders++;
	beside->workers--;
	if (++beside->hangs <= HANGING_MAX)
		start_worker(beside); /* on failure fewer threads do the work */
	return job;
}

static struct job *next_done(struct beside *beside, uint64_t now, bool *ret_came)
{
	struct job *job = TAILQ_FIRST(&beside->finished);

	*ret_came = job;
	if (job) {
		TAILQ_REMOVE(&beside->finished, job, link);
		return job;
	}
	job = next_hanging(beside, now);
	if (!job)
		job = next_late(beside, now);
	beside->missed += !!job;
	return job;
}

void beside_run(struct beside *beside, uint64_t now)
{
	struct job *job;
	uint64_t count;
	bool came;
	ssize_t told = read(beside->event, &count, sizeof(count));

	(void)told; /* finished jobs are looked for in any case */
	thread_guard(&beside->lock);
	while ((job = next_done(beside, now, &came))) {
		pthread_mutex_unlock(&beside->lock);
		job->done(job, came, beside->data);
		pthread_mutex_lock(&beside->lock);
		let_go(beside, job);
	}
}

bool beside_is_waiting(const struct beside *beside)
{
	thread_guard(&((struct beside *)beside)->lock);

	return beside->queued || !TAILQ_EMPTY(&beside->running) || !TAILQ_EMPTY(&beside->finished);
}

uint64_t beside_missed(const struct beside *beside)
{
	return beside->missed; /* only the loop's thread changes it */
}
