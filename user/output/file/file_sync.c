// SPDX-License-Identifier: Apache-2.0
#include "output/file/file_sync.h"

#include <errno.h>
#include <unistd.h>

#include "system/disk.h"
#include "system/thread.h"

#define STACK_SIZE (256u << 10)

/* --- the thread ------------------------------------------------------------------------------- */

static struct syncer_outcome do_job(struct syncer_job *job)
{
	struct syncer_outcome outcome = {.synced = true};

	if (job->names)
		disk_sync_name(job->names);
	outcome.sync_error = fdatasync(job->fd) ? -errno : 0;
	close(job->fd);
	outcome.saved = job->seals && !outcome.sync_error;
	if (outcome.saved)
		outcome.save_error = sealfile_save(job->seals, &job->chain, true);
	chain_wipe(&job->chain);
	return outcome;
}

static void add_outcome(struct syncer_outcome *to, const struct syncer_outcome *outcome)
{
	to->synced |= outcome->synced;
	to->saved |= outcome->saved;
	to->sync_error = outcome->sync_error ?: to->sync_error;
	to->save_error = outcome->save_error ?: to->save_error;
}

/* Does the first job; the lock is held before and after, not meanwhile. */
static void do_first(struct syncer *syncer)
{
	struct syncer_job *job = &syncer->jobs[syncer->first];
	struct syncer_outcome outcome;

	pthread_mutex_unlock(&syncer->lock);
	outcome = do_job(job);
	pthread_mutex_lock(&syncer->lock);
	add_outcome(&syncer->outcome, &outcome);
	syncer->first = (syncer->first + 1) % SYNCER_JOBS;
	syncer->count--;
	pthread_cond_broadcast(&syncer->changed);
}

static void *do_all(void *data)
{
	struct syncer *syncer = data;

	thread_guard(&syncer->lock);
	while (syncer->count || !syncer->ending) {
		if (syncer->count)
			do_first(syncer);
		else
			pthread_cond_wait(&syncer->changed, &syncer->lock);
	}
	return NULL;
}

static int file_sync_start(struct syncer *syncer)
{
	int error = thread_start(&syncer->thread, STACK_SIZE, do_all, syncer);

	syncer->running = !error;
	return error;
}

/* --- for the log ------------------------------------------------------------------------------ */

void file_sync_init(struct syncer *syncer)
{
	pthread_mutex_init(&syncer->lock, NULL);
	pthread_cond_init(&syncer->changed, NULL);
}

int file_sync_put(struct syncer *syncer, const struct syncer_job *job)
{
	int error = syncer->running ? 0 : file_sync_start(syncer);

	if (error)
		return error;
	thread_guard(&syncer->lock);
	while (syncer->count == SYNCER_JOBS)
		pthread_cond_wait(&syncer->changed, &syncer->lock);
	syncer->jobs[(syncer->first + syncer->count++) % SYNCER_JOBS] = *job;
	pthread_cond_broadcast(&syncer->changed);
	return 0;
}

bool file_sync_is_idle(struct syncer *syncer)
{
	thread_guard(&syncer->lock);
	return !syncer->count;
}

struct syncer_outcome file_sync_take(struct syncer *syncer)
{
	thread_guard(&syncer->lock);
	return CLEANUP_TAKE(syncer->outcome, (struct syncer_outcome){0});
}

void file_sync_wait(struct syncer *syncer)
{
	thread_guard(&syncer->lock);
	while (syncer->count)
		pthread_cond_wait(&syncer->changed, &syncer->lock);
}

void file_sync_end(struct syncer *syncer)
{
	if (syncer->running) {
		pthread_mutex_lock(&syncer->lock);
		syncer->ending = true;
		pthread_cond_broadcast(&syncer->changed);
		pthread_mutex_unlock(&syncer->lock);
		pthread_join(syncer->thread, NULL);
	}
	pthread_cond_destroy(&syncer->changed);
	pthread_mutex_destroy(&syncer->lock);
}
