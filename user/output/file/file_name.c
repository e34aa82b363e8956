// SPDX-License-Identifier: Apache-2.0
/* Which file a log is: rotated, renamed and removed by us and by others. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output/file/file_inside.h"

#define ROTATE_RETRY (30 * NS_PER_S) /* after a failure */

static uint64_t period_of(const struct file *file, uint64_t seconds)
{
	uint64_t interval = file->driver.options->rotate_interval;

	return interval ? seconds / interval : 0;
}

uint64_t file_period(const struct file *file)
{
	return period_of(file, clock_now(CLOCK_REALTIME) / NS_PER_S);
}

/* Cuts, or has file_settle() end, what an earlier life or a power failure left of a line. 0 or -errno. */
static int file_name_mend(struct file *file)
{
	int64_t whole = file_log_whole(file->fd, file->size);

	if (whole < 0)
		return (int)whole;
	if ((uint64_t)whole == file->size)
		return 0;
	file->driver.torn++;
	if (file_log_cut(file->fd, file->size, (uint64_t)whole))
		file->rest.kind = REST_END;
	else
		file->size = (uint64_t)whole;
	file->unsynced = true;
	return 0;
}

int file_take_over(struct file *file, const struct log_opened *opened)
{
	const struct sink_options *options = file->driver.options;
	struct stat info;

	file_give_up_rest(file);
	heard_forget(&file->heard);
	cleanup_close(&file->fd);
	file->rest.kind = REST_NONE;
	file->fd = opened->fd;
	file->full = file->detached = file->unsynced = false;
	file->unnamed |= opened->created;
	if (opened->group_error)
		file_warn(file, "%s cannot be given to its group: %s: only its owner can read it",
			  options->path, strerror(-opened->group_error));
	if (fstat(file->fd, &info))
		return -errno;
	file->size = (uint64_t)info.st_size;
	file->leading = file->seals && options->fsync == FSYNC_INTERVAL && !file->size;
	file->head = 0;
	file->period = info.st_size ? period_of(file, (uint64_t)info.st_mtime) : file_period(file);
	return file_name_mend(file);
}

void file_end(struct file *file)
{
	file_give_up_rest(file);
	if (file_settle(file) == 0 && file->seals && file->chain.unsealed && file_write_seal(file))
		file_give_up_rest(file);
	file_preserve_end(file);
}

void file_follow(struct file *file)
{
	struct log_opened opened;
	int error = file_log_open(file->driver.options, &opened);

	if (!error) {
		file_end(file);
		error = file_take_over(file, &opened);
	}
	if (!error) {
		file_works(file);
		return;
	}
	file->detached = true;
	driver_fail(&file->driver, error, opened.detail);
}

/* Opens the file that comes after the one that is PATH.1 now. */
static int begin_file(struct file *file)
{
	struct log_opened opened;
	int error = file_log_open(file->driver.options, &opened);

	if (!error)
		return file_take_over(file, &opened);
	if (file_log_unrotate(file->driver.options->path)) {
		file->detached = true;
		driver_fail(&file->driver, error, opened.detail);
	}
	return error;
}

static void file_name_rotate(struct file *file)
{
	const struct sink_options *options = file->driver.options;
	int error = file_log_is(options->path, file->fd);

	if (error == -ENOENT || error == -ESTALE) {
		file_follow(file);
		return;
	}
	file_end(file);
	if (!error)
		error = file_log_rotate(options->path, options->keep);
	if (!error)
		error = begin_file(file);
	if (error && !file->told_blocked)
		file_warn(file, "%s cannot be rotated and grows on: %s", options->path,
			  strerror(-error));
	file->blocked = file->told_blocked = error;
	file->retry_at = clock_now(CLOCK_MONOTONIC) + ROTATE_RETRY;
}

void file_rotate_if_due(struct file *file)
{
	if (file->size && !file->blocked && (file->full || file_period(file) != file->period))
		file_name_rotate(file);
}

void file_look(struct file *file)
{
	const char *path = file->driver.options->path;
	int error = file_log_is(path, file->fd);
	struct stat info;

	if (error == -EACCES) /* nobody can tell */
		error = 0;
	if (!error && file->detached) {
		file->detached = false;
		file_works(file);
	}
	if (!error)
		return;
	if (!file->detached && !fstat(file->fd, &info))
		file_warn(file, "%s was %s by somebody else: a new one begins", path,
			  info.st_nlink ? "renamed" : "removed");
	file_follow(file);
}
