// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "broker/broker.h"
#include "output/file/file_inside.h"

#define BATCH_SIZE (256u << 10) /* bytes from which on a batch is written: they stay in the cache */
#define BATCH_SPARE (64u << 10) /* for the line that makes it full */
#define BATCH_KEEP (4u << 20)	/* a larger buffer is not kept */
#define SEAL_SPARE 64		/* bytes that a seal may be longer than the one before */

/* --- the chain's place ------------------------------------------------------------------------ */

static struct file_place place_of(const struct chain *chain)
{
	struct file_place place = {.lines = chain->lines, .unsealed = chain->unsealed};

	memcpy(place.last, chain->last, sizeof(place.last));
	return place;
}

static void go_to(struct chain *chain, const struct file_place *place)
{
	chain->lines = place->lines;
	chain->unsealed = place->unsealed;
	memcpy(chain->last, place->last, sizeof(chain->last));
}

static const struct file_place *place_before(const struct batch *batch, unsigned int at)
{
	return at ? &batch->entries[at - 1].after : &batch->before;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Bytes that the file still has room for, with a seal behind them. */
static uint64_t room_in(const struct file *file)
{
	uint64_t size = file->driver.options->rotate_size;
	uint64_t used = file->size + (file->seals ? file->seal_size + SEAL_SPARE : 0);

	if (!size || file->blocked)
		return UINT64_MAX;
	return size > used ? size - used : 0;
}

/* Adds the line of ENTRY alone, with its link where there is a chain. 0 or -errno. */
static int file_add_line(struct file *file, const struct entry *entry)
{
	struct bytes line = {entry->data, entry->size};
	int error = file->seals ? chain_mark(&file->chain, line, &file->batch.text) : -EINVAL;

	if (error != -EINVAL)
		return error;
	if (file->seals && !file->told_unmarked)
		file_warn(file,
			  "%s has records that are not JSON of callerd: they are not in its chain",
			  file->driver.options->path);
	file->told_unmarked |= file->seals != NULL;
	text_add_bytes(&file->batch.text, line);
	return file->batch.text.error;
}

/* Adds ENTRY, and before it what the file does not have yet. 0 or -errno. */
static int file_add_entry(struct file *file, const struct entry *entry, uint64_t now)
{
	const struct entry *before = heard_missing(&file->heard, entry, now);
	struct batch *batch = &file->batch;
	int error = before ? file_add_line(file, before) : 0;

	batch->entries[batch->count].begin = batch->text.size;
	batch->entries[batch->count].at_begin = place_of(&file->chain);
	return error ?: file_add_line(file, entry);
}

/* Makes a batch of the first of ENTRIES: none where the file is full. 0 or -errno. */
static int file_fill(struct file *file, struct entry *const *entries, unsigned int count)
{
	struct batch *batch = &file->batch;
	uint64_t room = room_in(file), now = clock_now_ms();
	int error = 0;

	if (batch->text.capacity > BATCH_KEEP)
		text_free(&batch->text);
	text_cut(&batch->text, 0);
	batch->before = place_of(&file->chain);
	batch->count = 0;
	file->full = false;
	while (batch->count < count && batch->count < BATCH_LINES &&
	       batch->text.size < BATCH_SIZE && !file_is_seal_due(file)) {
		size_t before = batch->text.size;

		error = file_add_entry(file, entries[batch->count], now);
		file->full = batch->text.size > room && file->size + before > file->head;
		if (error || file->full) {
			go_to(&file->chain, place_before(batch, batch->count));
			text_cut(&batch->text, before);
			break;
		}
		heard_add(&file->heard, entries[batch->count], now);
		batch->entries[batch->count].end = batch->text.size;
		batch->entries[batch->count++].after = place_of(&file->chain);
	}
	batch->text.error = 0; /* what was added before is still there */
	return error;
}

/* Of the batch, only DONE bytes were written: AT is the first entry that is not whole. */
static void undo_entry(struct file *file, unsigned int at, size_t done)
{
	struct batch *batch = &file->batch;
	size_t start = at ? batch->entries[at - 1].end : 0;
	const struct file_place *place = place_before(batch, at);
	struct bytes bytes;

	if (done >= batch->entries[at].begin) { /* the line before it is whole, and stays */
		start = batch->entries[at].begin;
		place = &batch->entries[at].at_begin;
	}
	bytes = (struct bytes){batch->text.data + start, batch->entries[at].end - start};
	go_to(&file->chain, place);
	if (done == start)
		return;
	file->rest.before = file->chain;
	if (file_take_back(file, bytes, done - start, REST_RECORD))
		go_to(&file->chain, &batch->entries[at].after);
	else
		chain_wipe(&file->rest.before);
}

/* SIZE bytes of whole lines were written that may not be on the disk: takes them back where it can, or they
 * will be there twice. */
static void undo_batch(struct file *file, size_t size)
{
	file_give_up_rest(file);
	if (file->rest.kind != REST_NONE || file_log_cut(file->fd, file->size, file->size - size))
		return;
	file->size -= size;
	go_to(&file->chain, &file->batch.before);
}

/* Returns how many entries of the batch are written. */
static unsigned int file_write_batch(struct file *file, int *error)
{
	struct batch *batch = &file->batch;
	size_t done = file_append(file, batch->text.data, batch->text.size, error);
	unsigned int whole = 0;

	while (whole < batch->count && batch->entries[whole].end <= done)
		whole++;
	if (whole < batch->count)
		undo_entry(file, whole, done);
	file->period = file_period(file);
	if (whole && file->driver.options->fsync == FSYNC_ALWAYS) {
		int failed = file_synchronise(file);

		if (failed) {
			undo_batch(file, batch->entries[whole - 1].end);
			whole = 0;
			*error = failed;
		}
	}
	if (whole < batch->count || *error)
		heard_forget(&file->heard);
	return whole;
}

/* The rest of the first entry was written. 0 where that counts; or -errno, in the driver's words. */
static int count_finished(struct file *file)
{
	int error = 0;

	if (file->driver.options->fsync == FSYNC_ALWAYS)
		error = file_synchronise(file);
	if (error)
		return driver_fail(&file->driver, error, NULL);
	file->finished = false;
	return 0;
}

/* Has the right file ready for lines. 0, or -errno, in the driver's words. */
static int file_prepare(struct file *file)
{
	file_rotate_if_due(file);
	if (file->detached)
		return file->driver.error;
	return file_is_seal_due(file) ? file_write_seal(file) : file_get_ready(file);
}

static unsigned int file_send_batch(struct file *file, struct entry *const *entries,
				    unsigned int count, int *error)
{
	unsigned int sent = 0;

	*error = file_fill(file, entries, count);
	if (file->batch.count)
		sent = file_write_batch(file, error);
	if (*error)
		driver_fail(&file->driver, *error, NULL);
	file->driver.confirmed += sent;
	return sent;
}

static unsigned int file_send(struct driver *driver, struct entry *const *entries,
			      unsigned int count)
{
	struct file *file = (struct file *)driver;
	unsigned int sent = 0;
	int error;

	if (file->detached || !count)
		return 0;
	error = file_get_ready(file);
	if (!error && file->finished) {
		error = count_finished(file);
		sent = !error;
	}
	driver->confirmed += sent;
	while (sent < count && !error) {
		error = file_prepare(file);
		if (!error)
			sent += file_send_batch(file, entries + sent, count - sent, &error);
	}
	if (!error)
		file_works(file);
	return sent;
}

/* --- what else is due ------------------------------------------------------------------------- */

static void file_run(struct driver *driver)
{
	struct file *file = (struct file *)driver;
	bool failed = driver->error;
	int error = 0;

	if (file->blocked && clock_now(CLOCK_MONOTONIC) >= file->retry_at)
		file->blocked = false;
	file_look(file);
	if (!file->detached && file->rest.kind != REST_RECORD) {
		file_rotate_if_due(file);
		error = file->detached ? 0 : file_seal_if_due(file);
	}
	if (!failed && driver->error) {
		file->run_failed = true;
	} else if (!error && !file->detached && file->run_failed) {
		file->run_failed = false;
		file_works(file);
	}
	file_preserve(file);
	file_tell(file);
}

static void file_reopen(struct driver *driver)
{
	struct file *file = (struct file *)driver;

	if (file_log_is(driver->options->path, file->fd) || file->detached)
		file_follow(file);
}

static void file_finish(struct driver *driver)
{
	struct file *file = (struct file *)driver;

	file_end(file);
	file_await(file);
}

static void file_close(struct driver *driver)
{
	struct file *file = (struct file *)driver;

	file_sync_end(&file->syncer);
	cleanup_close(&file->fd);
	sealfile_close(file->seals);
	chain_wipe(&file->chain);
	chain_wipe(&file->rest.before);
	text_free(&file->rest.text);
	text_free(&file->batch.text);
	free(file);
}

static const char *file_seal_key(struct driver *driver)
{
	struct file *file = (struct file *)driver;

	return file->seals ? file->chain.first_key : NULL;
}

static int file_descriptor(struct driver *driver)
{
	return ((struct file *)driver)->fd;
}

static const struct driver_ops ops = {
	.send = file_send,
	.run = file_run,
	.reopen = file_reopen,
	.finish = file_finish,
	.close = file_close,
	.seal_key = file_seal_key,
	.file = file_descriptor,
};

/* --- opening ---------------------------------------------------------------------------------- */

/* Opens the log, in a directory that is made where it is missing. Where the disk does not let it be made, that is the error. */
static int open_in_directory(const struct sink_options *options, struct log_opened *ret)
{
	int made, error = file_log_open(options, ret);

	if (error != -ENOENT)
		return error;
	made = file_log_make_directory(options);
	if (!made)
		return file_log_open(options, ret);
	return made == -EROFS || made == -ENOSPC || made == -EDQUOT ? made : error;
}

static int open_log(struct file *file, char *reason, size_t size)
{
	const struct sink_options *options = file->driver.options;
	struct log_opened opened;
	int error = open_in_directory(options, &opened);
	const char *detail = opened.detail;

	if (!error && opened.group_error) {
		broker_unlink(AT_FDCWD, options->path, 0);
		cleanup_close(&opened.fd);
		error = opened.group_error;
		detail = "it cannot be given to its group";
	}
	if (!error)
		error = file_take_over(file, &opened);
	if (error)
		snprintf(reason, size, "cannot write %s: %s%s%s%s", options->path,
			 detail ? detail : strerror(-error), detail ? " (" : "",
			 detail ? strerror(-error) : "", detail ? ")" : "");
	return error;
}

static void drop_file(struct file **file)
{
	if (*file)
		file_close(&(*file)->driver);
}

int file_open(const struct sink_options *options, int stop, struct driver **ret, char *reason,
	      size_t size)
{
	_cleanup_(drop_file) struct file *file = NULL;
	int error;

	if ((options->rotate_size || options->rotate_interval) && !options->keep) {
		snprintf(reason, size, "cannot rotate %s: at least one rotated file must be kept",
			 options->path);
		return -EINVAL;
	}
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->driver = (struct driver){.ops = &ops, .options = options, .stop = stop};
	file->fd = -1;
	file_sync_init(&file->syncer);
	error = text_grow(&file->batch.text, BATCH_SIZE + BATCH_SPARE)
			?: open_log(file, reason, size);
	if (error)
		return error;
	/* Before the seal file looks at it; what fails shows at the next write. */
	file_settle(file);
	error = options->chain ? file_open_chain(file, reason, size) : 0;
	if (!error)
		*ret = &take_ptr(file)->driver;
	return error;
}
