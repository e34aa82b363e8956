// SPDX-License-Identifier: Apache-2.0
/* A log file on the disk, its seal file, and its seals. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "output/file/file_inside.h"
#include "system/disk.h"

#define SEAL_SIZE 1024 /* bytes; a guess until there was one */

static void note_synced(struct file *file, int error)
{
	if (error) /* the kernel may have dropped what it could not write */
		heard_forget(&file->heard);
	if (error && !file->told_unsynced)
		file_warn(file, "%s may not be on the disk: %s", file->driver.options->path,
			  strerror(-error));
	file->told_unsynced = error;
}

static void note_saved(struct file *file, int error)
{
	if (error && !file->told_unsaved)
		file_warn(file, "cannot write the seal file of %s: %s", file->driver.options->path,
			  strerror(-error));
	file->told_unsaved = error;
}

/* Whether there is something new for the seal file. While a rest waits, the chain is ahead of the log. */
static bool is_save_due(const struct file *file)
{
	return file->seals && file->unsaved && file->rest.kind <= REST_END;
}

static void file_seal_save(struct file *file, bool sync)
{
	int error;

	if (!is_save_due(file))
		return;
	error = sealfile_save(file->seals, &file->chain, sync);
	file->unsaved = error;
	note_saved(file, error);
}

int file_synchronise(struct file *file)
{
	if (file->unnamed)
		disk_sync_name(file->driver.options->path);
	file->unnamed = false;
	if (file->unsynced && fdatasync(file->fd))
		return -errno;
	file->unsynced = false;
	file_seal_save(file, true);
	return 0;
}

/* --- behind our back -------------------------------------------------------------------------- */

/* Gives the syncer what is to be done. 0 or -errno. */
static int hand_over(struct file *file)
{
	_close_ int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	struct syncer_job job = {
		.names = file->unnamed ? file->driver.options->path : NULL,
		.fd = fd,
		.seals = is_save_due(file) ? file->seals : NULL,
	};
	int error;

	if (fd < 0)
		return -errno;
	if (job.seals)
		job.chain = file->chain;
	error = file_sync_put(&file->syncer, &job);
	chain_wipe(&job.chain);
	if (error)
		return error;
	(void)take_fd(fd); /* the syncer closes it */
	file->unnamed = file->unsynced = false;
	if (job.seals)
		file->unsaved = false;
	return 0;
}

/* What the syncer could not do is to be done again, as far as it is for this file. */
static void take_outcome(struct file *file)
{
	struct syncer_outcome outcome = file_sync_take(&file->syncer);

	file->unsynced |= outcome.sync_error != 0;
	file->unsaved |= outcome.sync_error || outcome.save_error;
	if (outcome.synced)
		note_synced(file, outcome.sync_error);
	if (outcome.saved)
		note_saved(file, outcome.save_error);
}

void file_await(struct file *file)
{
	file_sync_wait(&file->syncer);
	take_outcome(file);
}

/* Has it done behind what goes on; or here and now where that cannot be. */
static void preserve_behind(struct file *file)
{
	if (!file->unnamed && !file->unsynced && !is_save_due(file))
		return;
	if (!hand_over(file))
		return;
	file_await(file); /* an older chain must not come after a newer one */
	note_synced(file, file_synchronise(file));
}

void file_preserve(struct file *file)
{
	enum sink_fsync fsync = file->driver.options->fsync;

	if (fsync == FSYNC_NONE) {
		file_seal_save(file, false);
	} else if (fsync == FSYNC_ALWAYS) {
		note_synced(file, file_synchronise(file));
	} else {
		take_outcome(file);
		if (file_sync_is_idle(&file->syncer))
			preserve_behind(file);
	}
}

void file_preserve_end(struct file *file)
{
	if (file->driver.options->fsync == FSYNC_INTERVAL)
		preserve_behind(file);
	else
		file_preserve(file);
}

/* --- seals ------------------------------------------------------------------------------------ */

bool file_is_seal_due(const struct file *file)
{
	uint64_t lines = file->driver.options->seal_lines;

	return file->seals &&
	       (file->fresh || file->leading || (lines && file->chain.unsealed >= lines));
}

static bool is_seal_late(const struct file *file)
{
	uint64_t interval = file->driver.options->seal_interval;

	return file->seals && interval && file->chain.unsealed &&
	       clock_now(CLOCK_MONOTONIC) - file->sealed_at >= interval * NS_PER_S;
}

static int make_seal(struct file *file, struct text *out)
{
	const struct sink_options *options = file->driver.options;
	struct chain_seal seal = {
		.real = clock_now(CLOCK_REALTIME),
		.host_name = options->host_name,
		.host_id = options->host_id,
		.run_id = options->run_id,
		.version = options->version,
		.ocsf = options->ocsf,
	};
	int error = chain_seal(&file->chain, &seal, out);

	return error ? driver_fail(&file->driver, error, "no seal can be made") : 0;
}

/* Writes what make_seal() made of the chain BEFORE. 0 or -errno. */
static int append_seal(struct file *file, struct bytes line, const struct chain *before)
{
	int error;
	size_t done = file_append(file, line.data, line.size, &error);

	if (done == line.size) {
		file->seal_size = line.size;
		file_sealed(file);
		return 0;
	}
	file->rest.before = *before;
	if (!done || !file_take_back(file, line, done, REST_SEAL)) {
		chain_wipe(&file->rest.before);
		file->chain = *before;
	}
	return driver_fail(&file->driver, error, NULL);
}

int file_write_seal(struct file *file)
{
	_cleanup_(text_free) struct text text = {0};
	_cleanup_(chain_wipe) struct chain before = {0};
	int error = file_get_ready(file);

	if (error)
		return error;
	before = file->chain;
	error = make_seal(file, &text) ?: append_seal(file, text_since(&text, 0), &before);
	if (!error && file->driver.options->fsync != FSYNC_INTERVAL)
		file_preserve(file);
	return error;
}

int file_seal_if_due(struct file *file)
{
	int error = file_get_ready(file);

	if (error || file->fresh || file->leading ||
	    !(file_is_seal_due(file) || is_seal_late(file)))
		return error;
	return file_write_seal(file);
}

int file_open_chain(struct file *file, char *reason, size_t size)
{
	/* The chain ends in the log, or in the one before it where nothing was written to this one yet. */
	_close_ int before = file->size ? -1 : file_log_open_rotated(file->driver.options->path);
	char text[sizeof(*file->warnings)];
	int error = sealfile_open(file->driver.options->path, before < 0 ? file->fd : before,
				  &file->seals, &file->chain, &file->fresh, text, sizeof(text));

	if (error) {
		snprintf(reason, size, "%s", text);
		return error;
	}
	if (text[0])
		file_warn(file, "%s", text);
	file->seal_size = SEAL_SIZE;
	file->sealed_at = clock_now(CLOCK_MONOTONIC);
	return 0;
}
