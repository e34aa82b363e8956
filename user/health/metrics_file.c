// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/broker.h"

#include "health/metrics.h"

#define INTERVAL (15 * NS_PER_S)
#define PATIENCE (10 * NS_PER_S)
#define ACCOUNT (UINT64_MAX - 2) /* account of no user */

/* What a job has of the file: a job that hangs outlives it. */
struct metrics_place {
	int directory; /* O_PATH */
	unsigned int holders;
	char name[256], next[260]; /* in the directory: the file, and what becomes it */
};

struct metrics_file {
	struct metrics_place *place;
	char path[4096];
	uint64_t due;
	bool writing;
	int error, told; /* of the last write; the one that was told */
	char news[4600];
};

struct metrics_job {
	struct job job;
	struct metrics_place *place;
	struct metrics_file *file; /* the loop's */
	struct text text;
	int error;
};

static void drop_place(struct metrics_place *place)
{
	if (__atomic_sub_fetch(&place->holders, 1, __ATOMIC_ACQ_REL))
		return;
	cleanup_close(&place->directory);
	free(place);
}

int metrics_file_open(const char *path, struct metrics_file **ret, char *why, size_t size)
{
	_free_ struct metrics_file *file = calloc(1, sizeof(*file));
	_free_ struct metrics_place *place = calloc(1, sizeof(*place));
	const char *base = strrchr(path, '/') + 1;
	char directory[4096];

	if (!file || !place)
		return -ENOMEM;
	if (strlen(path) >= sizeof(file->path) || strlen(base) >= sizeof(place->name) - 4) {
		snprintf(why, size, "%s: %s", path, strerror(ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	snprintf(file->path, sizeof(file->path), "%s", path);
	snprintf(place->name, sizeof(place->name), "%s", base);
	snprintf(place->next, sizeof(place->next), "%s.new", base);
	snprintf(directory, sizeof(directory), "%.*s", (int)(base - path), path);
	place->directory = broker_open(AT_FDCWD, directory, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (place->directory < 0) {
		snprintf(why, size, "cannot write %s: %s", path, strerror(errno));
		return -errno;
	}
	place->holders = 1;
	file->place = take_ptr(place);
	*ret = take_ptr(file);
	return 0;
}

void metrics_file_close(struct metrics_file *file)
{
	if (!file)
		return;
	broker_unlink(file->place->directory, file->place->name, 0);
	drop_place(file->place);
	free(file);
}

bool metrics_file_is_due(const struct metrics_file *file, uint64_t now)
{
	return file && !file->writing && now >= file->due;
}

static int write_whole(int fd, const struct text *text)
{
	size_t done = 0;

	while (done < text->size) {
		ssize_t size = write(fd, text->data + done, text->size - done);

		if (size < 0 && errno != EINTR)
			return -errno;
		done += size > 0 ? (size_t)size : 0;
	}
	return broker_chmod(fd, 0644) ? -errno : 0; /* whoever collects it may be another user */
}

static void run_metrics_job(struct job *job)
{
	struct metrics_job *metrics = (struct metrics_job *)job;
	const struct metrics_place *place = metrics->place;
	_close_ int fd = -1;

	broker_unlink(place->directory, place->next, 0);
	fd = broker_open(place->directory, place->next,
			 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	metrics->error = fd < 0 ? -errno : write_whole(fd, &metrics->text);
	if (!metrics->error && broker_rename(place->directory, place->next, place->name))
		metrics->error = -errno;
	if (metrics->error && fd >= 0)
		broker_unlink(place->directory, place->next, 0);
}

static void end_metrics_job(struct job *job, bool came, void *data)
{
	struct metrics_job *metrics = (struct metrics_job *)job;

	(void)data;
	metrics->file->writing = false;
	metrics->file->error = came ? metrics->error : -ETIMEDOUT;
}

static void free_metrics_job(struct job *job)
{
	struct metrics_job *metrics = (struct metrics_job *)job;

	text_free(&metrics->text);
	drop_place(metrics->place);
	free(metrics);
}

void metrics_file_write(struct metrics_file *file, struct beside *beside, struct text *text,
			uint64_t now)
{
	struct metrics_job *job = calloc(1, sizeof(*job));

	file->due = now + INTERVAL;
	if (!job || text->error) {
		file->error = -ENOMEM;
		free(job);
		return;
	}
	job->job = (struct job){
		.run = run_metrics_job,
		.done = end_metrics_job,
		.free = free_metrics_job,
		.account = ACCOUNT,
		.patience = PATIENCE,
	};
	job->file = file;
	job->place = file->place;
	__atomic_add_fetch(&file->place->holders, 1, __ATOMIC_ACQ_REL);
	job->text = *text;
	*text = (struct text){0};
	file->writing = !beside_put(beside, &job->job, now);
	if (!file->writing) {
		file->error = -EBUSY;
		free_metrics_job(&job->job);
	}
}

const char *metrics_file_news(struct metrics_file *file)
{
	if (!file || file->error == file->told)
		return NULL;
	file->told = file->error;
	if (file->error)
		snprintf(file->news, sizeof(file->news), "cannot write %s: %s", file->path,
			 strerror(-file->error));
	else
		snprintf(file->news, sizeof(file->news), "%s can be written again", file->path);
	return file->news;
}
