// SPDX-License-Identifier: Apache-2.0
#include "host/elders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/wipe.h"
#include "host/proc.h"

#define PATIENCE (200 * NS_PER_MS)
#define ASKED_MAX 32
#define PROCESSES_MAX 16384
#define BYTES_MAX (8u << 20)

struct elder {
	struct callerd_process process;
	char *args; /* with their secrets; NULL: not read */
	size_t size;
	bool truncated;
	bool same; /* after the reading of .args the process still had its first image */
};

struct elders {
	struct capture *capture;
	struct elder *list;
	size_t count, room;
	size_t next;  /* index of the next process whose arguments are to be read */
	size_t asked; /* jobs that have not come back */
	size_t bytes; /* of all arguments in .list */
	bool settled;
	int error;
};

struct read_args {
	struct job job;
	struct elders *elders; /* the loop alone uses .elders */
	size_t index;	       /* in the list of .elders */
	uint32_t pid;
	uint64_t start;
	ssize_t size;
	bool truncated;
	char args[CALLERD_ARGV_MAX];
};

static void on_process(void *data, const struct callerd_process *process)
{
	struct elders *elders = data;
	struct elder *grown;

	if (elders->count >= PROCESSES_MAX || elders->error)
		return;
	if (elders->count == elders->room) {
		elders->room = elders->room ? 2 * elders->room : 256;
		grown = realloc(elders->list, elders->room * sizeof(*grown));
		if (!grown) {
			elders->error = -ENOMEM;
			return;
		}
		elders->list = grown;
	}
	elders->list[elders->count++] = (struct elder){.process = *process};
}

CLEANUP_DEFINE(drop_elders, struct elders *, elders_free)

int elders_new(struct capture *capture, struct elders **ret)
{
	_cleanup_(drop_elders) struct elders *elders = calloc(1, sizeof(*elders));
	int error;

	if (!elders)
		return -ENOMEM;
	elders->capture = capture;
	error = capture_processes(capture, on_process, elders) ?: elders->error;
	if (!error)
		*ret = take_ptr(elders);
	return error;
}

static void drop_args(struct elder *elder)
{
	wipe_free(elder->args, elder->size);
	elder->args = NULL;
}

void elders_free(struct elders *elders)
{
	if (!elders)
		return;
	for (size_t i = 0; i < elders->count; i++)
		drop_args(&elders->list[i]);
	free(elders->list);
	free(elders);
}

static void elders_run_job(struct job *job)
{
	struct read_args *read = (struct read_args *)job;

	read->size = proc_read_args(read->pid, read->start, read->args, &read->truncated);
}

static void elders_done(struct job *job, bool came, void *data)
{
	struct read_args *read = (struct read_args *)job;
	struct elders *elders = read->elders;
	struct elder *elder = &elders->list[read->index];

	(void)data;
	elders->asked--;
	if (!came || read->size <= 0 || elders->bytes + read->size > BYTES_MAX)
		return;
	elder->args = malloc(read->size);
	if (!elder->args)
		return;
	memcpy(elder->args, read->args, read->size);
	elder->size = read->size;
	elder->truncated = read->truncated;
	elders->bytes += read->size;
}

static void elders_free_job(struct job *job)
{
	wipe_free(job, sizeof(struct read_args));
}

static int elders_ask(struct elders *elders, struct beside *beside, uint64_t now)
{
	const struct callerd_process *process = &elders->list[elders->next].process;
	struct read_args *read = calloc(1, sizeof(*read));
	int error;

	if (!read)
		return -ENOMEM;
	read->job = (struct job){
		.run = elders_run_job,
		.done = elders_done,
		.free = elders_free_job,
		.account = process->account,
		.patience = PATIENCE,
	};
	read->elders = elders;
	read->index = elders->next;
	read->pid = process->pid;
	read->start = process->start;
	error = beside_put(beside, &read->job, now);
	if (error)
		elders_free_job(&read->job);
	else
		elders->asked++;
	return error;
}

static int elders_compare(const void *a, const void *b)
{
	uint64_t left = ((const struct elder *)a)->process.image;
	uint64_t right = ((const struct elder *)b)->process.image;

	return left < right ? -1 : left > right;
}

/* Marks the elder whose process still has the image that was listed at the start. Processes that
 * share an image (by fork) have the same arguments, so that any elder of an image will do. */
static void on_same(void *data, const struct callerd_process *process)
{
	struct elders *elders = data;
	struct elder key = {.process = *process};
	struct elder *elder =
		bsearch(&key, elders->list, elders->count, sizeof(key), elders_compare);

	if (elder && elder->process.pid == process->pid && elder->process.start == process->start)
		elder->same = true;
}

/* Hands the arguments to the kernel programs. A process may have executed another program before
 * its arguments were read: only those of a process that has the same image before and after
 * count. */
static void elders_settle(struct elders *elders)
{
	if (elders->count) {
		qsort(elders->list, elders->count, sizeof(*elders->list), elders_compare);
		capture_processes(elders->capture, on_same, elders);
	}
	for (size_t i = 0; i < elders->count; i++) {
		struct elder *elder = &elders->list[i];

		if (elder->same && elder->args)
			capture_keep_args(elders->capture, elder->process.image, elder->args,
					  elder->size, elder->truncated);
		drop_args(elder);
	}
	free(elders->list);
	elders->list = NULL;
	elders->count = 0;
	elders->settled = true;
}

void elders_run(struct elders *elders, struct beside *beside, uint64_t now)
{
	if (elders->settled)
		return;
	while (elders->next < elders->count && elders->asked < ASKED_MAX) {
		/* where the job is refused, the process stays without arguments */
		elders_ask(elders, beside, now);
		elders->next++;
	}
	if (elders->next == elders->count && !elders->asked)
		elders_settle(elders);
}

bool elders_settled(const struct elders *elders)
{
	return elders->settled;
}
