// SPDX-License-Identifier: Apache-2.0
/* Opening a spool, and finding what an earlier life left. spool_format.h has the format of the files. */
#include "output/store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/broker.h"
#include "output/store/spool_directory.h"
#include "output/store/spool_inside.h"

#define UNKNOWN UINT64_MAX

struct spool_sentence {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void spool_say(const struct spool_sentence *sentence,
							    const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence->text, sentence->size, format, arguments);
	va_end(arguments);
}

/* --- What is there ------------------------------------------------------------------------------- */

/* The index that the segment says it begins with, or else its first entry; UNKNOWN. */
static uint64_t find_first(struct spool *spool, const struct segment *segment)
{
	struct segment_head head;
	struct entry_head entry;
	char bytes[sizeof(head)], name[SEGMENT_NAME_SIZE];
	_close_ int fd = -1;

	spool_format_name(name, segment->number);
	fd = broker_open(spool->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd >= 0 && pread(fd, bytes, sizeof(bytes), 0) == sizeof(bytes) &&
	    spool_format_read_segment(&head, bytes, segment->number))
		return head.first;
	spool_reader_start(&spool->reader, segment->number, segment->size, 0, SPOOL_NUMBER_MAX);
	return spool_reader_next(&spool->reader, &entry) > 0 ? entry.index : UNKNOWN;
}

/* The index behind the last entry; what cannot be read after it counts as one. */
static uint64_t spool_find_end(struct spool *spool, const struct segment *segment)
{
	struct spool_reader *reader = &spool->reader;
	uint64_t end = sizeof(struct segment_head);
	struct entry_head head;

	spool_reader_start(reader, segment->number, segment->size, segment->first,
			   SPOOL_NUMBER_MAX);
	while (spool_reader_next(reader, &head) > 0) {
		spool_reader_skip(reader, &head);
		end = reader->offset;
	}
	return reader->index + (end < segment->size);
}

static int add_segments(struct spool *spool, const struct spool_file *files, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		struct segment segment = {
			.number = files[i].number,
			.size = files[i].size < SPOOL_SEGMENT_MAX ? files[i].size
								  : SPOOL_SEGMENT_MAX,
			.disk = spool_disk(files[i].size),
			.unsynced = true, /* an earlier life need not have come to that */
		};

		segment.first = find_first(spool, &segment);
		segment.known = segment.first != UNKNOWN;
		error = spool_add_segment(spool, &segment);
	}
	return error;
}

/* The index after all that is there; each unreadable segment at the end counts as one entry. *KNOWN: at least one
 * index was found; else it counts from 0. */
static uint64_t find_last(struct spool *spool, bool *known)
{
	uint64_t lost = 0;

	*known = false;
	for (size_t i = spool->segment_count; i; i--) {
		const struct segment *segment = &spool->segments[i - 1];

		if (segment->known) {
			*known = true;
			return lost + spool_find_end(spool, segment);
		}
		lost += segment->size > 0;
	}
	return lost;
}

/* Has the segments' indexes grow, also where that is not known of some. */
static void order_segments(struct spool *spool)
{
	uint64_t bound = spool->end;

	for (size_t i = spool->segment_count; i; i--) {
		struct segment *segment = &spool->segments[i - 1];

		if (!segment->known || segment->first > bound)
			segment->first = bound;
		bound = segment->first;
	}
}

/* --- Where to go on ------------------------------------------------------------------------------ */

/* What is wrong with the cursor, to be said; NULL: nothing, and the index is in *RET, else what to begin with. */
static const char *find_cursor(struct spool *spool, uint64_t last, bool known, uint64_t *ret)
{
	struct cursor cursor;
	char bytes[sizeof(cursor)];
	ssize_t size = pread(spool->cursor, bytes, sizeof(bytes), 0);
	bool valid = size == sizeof(bytes) && spool_format_read_cursor(&cursor, bytes);

	*ret = valid ? cursor.index : 0;
	if (valid && (!known || cursor.index <= last))
		return NULL;
	if (!valid && !known && !size)
		return NULL; /* new, or it ended before it began */
	if (known)
		*ret = spool->segments[0].first;
	if (valid)
		return "is ahead of the records";
	return size ? "is damaged" : "is missing";
}

static void spool_begin(struct spool *spool, const char *path, const struct spool_sentence *told)
{
	bool known;
	uint64_t last = find_last(spool, &known), index;
	const char *fault;

	spool->end = last;
	order_segments(spool);
	fault = find_cursor(spool, last, known, &index);
	if (!known) {
		spool->end += index;
		order_segments(spool);
	}
	if (fault)
		spool_say(told,
			  "the spool %s: its cursor %s, and it begins anew with the oldest record "
			  "that "
			  "is "
			  "there: some may come twice",
			  path, fault);
	spool->confirmed = spool->given_up = index;
	spool->written = spool->synced = UNKNOWN;
	spool_reader_start(&spool->reader, 0, 0, 0, 0);
	spool_restart(spool);
}

/* --- Opening ------------------------------------------------------------------------------------- */

static struct spool *new_spool(uint64_t size)
{
	struct spool *spool = calloc(1, sizeof(*spool));

	if (!spool)
		return NULL;
	spool->store.ops = &spool_store_ops;
	spool->directory = spool->cursor = spool->writing = spool->reader.fd = -1;
	pthread_mutex_init(&spool->lock, NULL);
	pthread_mutex_init(&spool->cursor_lock, NULL);
	spool->size = size;
	spool->segment_size = size / 16;
	if (spool->segment_size < SEGMENT_MIN)
		spool->segment_size = SEGMENT_MIN;
	if (spool->segment_size > SEGMENT_MAX)
		spool->segment_size = SEGMENT_MAX;
	spool->used = DISK_BLOCK; /* of the cursor */
	return spool;
}

static int read_directory(struct spool *spool, const char *path, const struct spool_sentence *told)
{
	_free_ struct spool_file *files = NULL;
	uint64_t highest;
	size_t count;
	int error = spool_directory_list(spool->directory, &files, &count, &highest)
			    ?: spool_reader_init(&spool->reader, spool->directory)
			    ?: add_segments(spool, files, count);

	if (error) {
		spool_say(told, "cannot read the spool %s: %s", path, strerror(-error));
		return error;
	}
	spool->next_number = highest + 1;
	spool_begin(spool, path, told);
	return 0;
}

static void free_spool(struct spool *spool)
{
	spool_forget_ready(spool);
	spool_reader_free(&spool->reader);
	cleanup_close(&spool->writing);
	cleanup_close(&spool->cursor);
	cleanup_close(&spool->directory);
	pthread_mutex_destroy(&spool->lock);
	pthread_mutex_destroy(&spool->cursor_lock);
	free(spool->segments);
	free(spool);
}

CLEANUP_DEFINE(drop_spool, struct spool *, free_spool)

int spool_open(const char *directory, uint64_t size, struct spool **ret, char *reason,
	       size_t reason_size)
{
	const struct spool_sentence told = {reason, reason_size};
	_cleanup_(drop_spool) struct spool *spool = NULL;
	int error;

	spool_say(&told, "%s", "");
	if (size < SPOOL_SIZE_MIN) {
		spool_say(&told, "the spool %s is too small: it needs 1 MiB at least", directory);
		return -EINVAL;
	}
	spool = new_spool(size);
	if (!spool) {
		spool_say(&told, "the spool %s: %s", directory, strerror(ENOMEM));
		return -ENOMEM;
	}
	spool->directory = spool_directory_open(directory, reason, reason_size);
	if (spool->directory < 0)
		return spool->directory;
	spool->cursor =
		spool_directory_open_cursor(spool->directory, directory, reason, reason_size);
	if (spool->cursor < 0)
		return spool->cursor;
	error = read_directory(spool, directory, &told);
	if (error)
		return error;
	spool->new_names = true;
	spool_sync(spool); /* on a full disk it may fail; that shows at the next one */
	*ret = take_ptr(spool);
	return 0;
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	cleanup_close(&spool->writing); /* it may go, too */
	spool_sync(spool);
	free_spool(spool);
}

struct store *spool_store(struct spool *spool)
{
	return &spool->store;
}

uint64_t spool_damaged(struct spool *spool)
{
	thread_guard(&spool->lock);
	return spool->damaged;
}

uint64_t spool_used(struct spool *spool)
{
	thread_guard(&spool->lock);
	return spool->used;
}
