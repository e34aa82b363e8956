// SPDX-License-Identifier: Apache-2.0
/* The spool as its appender sees it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker/broker.h"

#include "output/store/spool_inside.h"

uint64_t spool_disk(uint64_t size)
{
	return (size + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK;
}

uint64_t spool_segment_end(const struct spool *spool, size_t at)
{
	return at + 1 < spool->segment_count ? spool->segments[at + 1].first : spool->end;
}

uint64_t spool_kept(const struct spool *spool)
{
	return spool->confirmed > spool->given_up ? spool->confirmed : spool->given_up;
}

uint64_t spool_cursor_index(const struct spool *spool)
{
	uint64_t kept = spool_kept(spool);

	return kept < spool->settled ? kept : spool->settled;
}

int spool_add_segment(struct spool *spool, const struct segment *segment)
{
	if (spool->segment_count == spool->segment_room) {
		size_t room = spool->segment_room ? 2 * spool->segment_room : 16;
		struct segment *grown = reallocarray(spool->segments, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		spool->segments = grown;
		spool->segment_room = room;
	}
	spool->segments[spool->segment_count++] = *segment;
	spool->used += segment->disk;
	return 0;
}

static struct segment *last_segment(struct spool *spool)
{
	return &spool->segments[spool->segment_count - 1];
}

/* --- To the disk --------------------------------------------------------------------------------- */

int spool_write_cursor(struct spool *spool, uint64_t *ret)
{
	struct cursor cursor;
	uint64_t index;

	thread_guard(&spool->cursor_lock);
	pthread_mutex_lock(&spool->lock);
	index = spool_cursor_index(spool);
	pthread_mutex_unlock(&spool->lock);
	if (index != spool->written) {
		ssize_t size;

		spool_format_make_cursor(&cursor, index);
		size = pwrite(spool->cursor, &cursor, sizeof(cursor), 0);
		if (size != sizeof(cursor))
			return size < 0 ? -errno : -ENOSPC;
	}
	pthread_mutex_lock(&spool->lock);
	spool->written = index;
	pthread_mutex_unlock(&spool->lock);
	*ret = index;
	return 0;
}

static int spool_write_sync_file(struct spool *spool, uint64_t number)
{
	char name[SEGMENT_NAME_SIZE];
	_close_ int fd = -1;

	spool_format_name(name, number);
	fd = broker_open(spool->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* then it is a loss that the reader finds */
	return fdatasync(fd) ? -errno : 0;
}

static int sync_segment(struct spool *spool, struct segment *segment)
{
	bool last = spool->writing >= 0 && segment == last_segment(spool);
	int error = 0;

	if (!last)
		error = spool_write_sync_file(spool, segment->number);
	else if (fdatasync(spool->writing))
		error = -errno;
	if (error == -EMFILE || error == -ENFILE || error == -ENOMEM)
		return error;
	segment->unsynced = false;
	if (error) {
		segment->failed = true;
		if (last)
			cleanup_close(&spool->writing);
	}
	return error;
}

/* All segments, and their names. The first error, also one of an earlier call for what is still there: another try
 * would seem to succeed. */
static int sync_segments(struct spool *spool)
{
	int first_error = 0;

	for (size_t i = 0; i < spool->segment_count; i++) {
		struct segment *segment = &spool->segments[i];
		int error = segment->failed ? -EIO : 0;

		if (segment->unsynced)
			error = sync_segment(spool, segment);
		if (!first_error)
			first_error = error;
	}
	if (spool->new_names) {
		if (!fsync(spool->directory))
			spool->new_names = false;
		else if (!first_error)
			first_error = -errno;
	}
	return first_error;
}

/* Removes the segments of which all is below INDEX, as the cursor on the disk says. */
static int remove_done(struct spool *spool, uint64_t index)
{
	size_t count = 0, all = spool->segment_count - (spool->writing >= 0);
	uint64_t disk = 0;
	int error = 0;

	for (; count < all && spool_segment_end(spool, count) <= index; count++) {
		char name[SEGMENT_NAME_SIZE];

		spool_format_name(name, spool->segments[count].number);
		if (broker_unlink(spool->directory, name, 0) && errno != ENOENT) {
			error = -errno;
			break;
		}
		disk += spool->segments[count].disk;
	}
	if (!count)
		return error;
	thread_guard(&spool->lock);
	spool->segment_count -= count;
	memmove(spool->segments, spool->segments + count,
		spool->segment_count * sizeof(*spool->segments));
	spool->used -= disk;
	return error;
}

/* The cursor, and then what it makes needless: never the other way round. */
static int sync_cursor(struct spool *spool)
{
	uint64_t index;
	int error = spool_write_cursor(spool, &index);

	if (error)
		return error;
	if (index != spool->synced && fdatasync(spool->cursor))
		return -errno;
	spool->synced = index;
	return remove_done(spool, index);
}

int spool_sync(struct spool *spool)
{
	int error = sync_segments(spool), cursor_error;

	pthread_mutex_lock(&spool->lock);
	spool->settled = spool->end;
	pthread_mutex_unlock(&spool->lock);
	cursor_error = sync_cursor(spool);
	return error ? error : cursor_error;
}

/* --- Room ---------------------------------------------------------------------------------------- */

static uint64_t size_of(const struct entry *entry)
{
	return sizeof(struct entry_head) + spool_format_size(entry);
}

static uint64_t size_before(struct spool *spool)
{
	return spool->writing >= 0 ? last_segment(spool)->size : 0;
}

/* Whether a segment that was BEFORE bytes long may be AFTER. */
static bool spool_write_fits(const struct spool *spool, uint64_t before, uint64_t after)
{
	return spool->used - spool_disk(before) + spool_disk(after) <= spool->size;
}

/* Has the oldest segment go, if all of it was sent. 1: it is gone. 0: it stays. -errno. */
static int give_up_oldest(struct spool *spool)
{
	uint64_t end;
	bool all_sent;
	size_t before = spool->segment_count;
	int error;

	if (!before)
		return 0;
	end = spool_segment_end(spool, 0);
	pthread_mutex_lock(&spool->lock);
	all_sent = end <= spool->sent;
	if (all_sent && end > spool->given_up)
		spool->given_up = end;
	pthread_mutex_unlock(&spool->lock);
	if (!all_sent)
		return 0;
	if (before == 1)
		cleanup_close(&spool->writing);
	error = spool_sync(spool);
	if (spool->segment_count < before)
		return 1;
	return error;
}

/* For SIZE more bytes, in this segment or in another one. 0, even if there is none; or -errno. */
static int spool_write_make_room(struct spool *spool, uint64_t size, bool *ret)
{
	for (;;) {
		uint64_t before = size_before(spool);
		int given;

		if (before && before + size > spool->segment_size) {
			cleanup_close(&spool->writing);
			before = 0;
		}
		*ret = spool_write_fits(spool, before,
					(before ? before : sizeof(struct segment_head)) + size);
		if (*ret)
			return 0;
		given = give_up_oldest(spool);
		if (given <= 0)
			return given;
	}
}

/* --- Appending ----------------------------------------------------------------------------------- */

/* What goes to the file in one write. */
struct spool_batch {
	struct segment_head segment_head;
	struct segment segment; /* as it is before, and then after it */
	uint64_t old_size;
	bool fresh; /* the segment begins with it */
	unsigned int count;
	unsigned int parts;
	struct iovec iov[2 * APPEND_MAX + 1];
	struct before_head befores[APPEND_MAX];
};

/* Opens another segment; it is in the list once something is in it. */
static int begin_segment(struct spool *spool, struct spool_batch *batch)
{
	char name[SEGMENT_NAME_SIZE];

	batch->fresh = true;
	batch->segment = (struct segment){.number = spool->next_number, .first = spool->end};
	spool_format_make_segment(&batch->segment_head, spool->next_number, spool->end);
	spool_format_name(name, spool->next_number++);
	spool->writing = broker_open(spool->directory, name,
				     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (spool->writing < 0)
		return -errno;
	spool->new_names = true;
	return 0;
}

/* Takes a segment back in which nothing is. */
static void discard_segment(struct spool *spool, const struct spool_batch *batch)
{
	char name[SEGMENT_NAME_SIZE];

	cleanup_close(&spool->writing);
	spool_format_name(name, batch->segment.number);
	broker_unlink(spool->directory, name, 0);
}

static void spool_write_add_part(struct spool_batch *batch, const void *data, size_t size)
{
	batch->iov[batch->parts++] = (struct iovec){(void *)data, size};
	batch->segment.size += size;
}

/* As many as have room in the segment, and one at least: for that there is room. */
static void spool_write_gather(struct spool *spool, struct spool_batch *batch,
			       struct entry *const *entries, unsigned int count)
{
	struct segment *segment = &batch->segment;
	struct bytes parts[SPOOL_PARTS_MAX];
	unsigned int count_parts;

	batch->old_size = segment->size;
	if (batch->fresh)
		spool_write_add_part(batch, &batch->segment_head, sizeof(batch->segment_head));
	for (; batch->count < count && batch->count < APPEND_MAX; batch->count++) {
		const struct entry *entry = entries[batch->count];
		struct entry_head *head = &spool->heads[batch->count];
		uint64_t after = segment->size + size_of(entry);

		if (batch->count && (after > spool->segment_size ||
				     batch->parts + 1 + SPOOL_PARTS_MAX > COUNT(batch->iov) ||
				     !spool_write_fits(spool, batch->old_size, after)))
			break;
		spool_format_make_entry(head, segment->number, spool->end + batch->count, entry);
		spool_write_add_part(batch, head, sizeof(*head));
		count_parts = spool_format_parts(entry, &batch->befores[batch->count], parts);
		for (unsigned int i = 0; i < count_parts; i++)
			spool_write_add_part(batch, parts[i].data, parts[i].size);
	}
}

/* SIZE bytes of the batch were written: what is whole stays of it. */
static void keep_whole(struct spool_batch *batch, struct entry *const *entries, uint64_t size)
{
	uint64_t whole = batch->fresh ? sizeof(batch->segment_head) : 0;
	unsigned int count = 0;

	while (count < batch->count && whole + size_of(entries[count]) <= size)
		whole += size_of(entries[count++]);
	batch->count = count;
	batch->segment.size = count ? batch->old_size + whole : batch->old_size;
}

/* Writes it, and leaves in it what was written of it. 0, or -errno where that is nothing. */
static int spool_write_write_batch(struct spool *spool, struct spool_batch *batch,
				   struct entry *const *entries)
{
	uint64_t wanted = batch->segment.size;
	ssize_t written;
	int error = -ENOSPC; /* of a write that came to nothing whole */

	do {
		written = pwritev(spool->writing, batch->iov, (int)batch->parts,
				  (off_t)batch->old_size);
	} while (written < 0 && errno == EINTR);
	if (written < 0)
		error = -errno;
	keep_whole(batch, entries, written > 0 ? (uint64_t)written : 0);
	/* Where it cannot be cut, the next entry overwrites it, or the reader takes it for none. */
	if (batch->segment.size < wanted && written > 0 &&
	    ftruncate(spool->writing, (off_t)batch->segment.size) && !batch->count)
		error = -errno;
	return batch->count ? 0 : error;
}

/* Has the consumer see what was written. */
static int spool_write_publish(struct spool *spool, struct spool_batch *batch)
{
	struct segment *segment = &batch->segment;
	int error = 0;

	segment->disk = spool_disk(segment->size);
	segment->unsynced = true;
	thread_guard(&spool->lock);
	if (batch->fresh) {
		error = spool_add_segment(spool, segment);
	} else {
		spool->used += segment->disk - last_segment(spool)->disk;
		*last_segment(spool) = *segment;
	}
	if (!error)
		spool->end += batch->count;
	return error;
}

/* As many as go in one write. Returns how many, or -errno; 0: there is no room. */
static int append_some(struct spool *spool, struct entry *const *entries, unsigned int count)
{
	uint64_t size = size_of(entries[0]);
	struct spool_batch batch;
	bool room = false;
	int error;

	if (spool_format_size(entries[0]) > SPOOL_ENTRY_MAX ||
	    DISK_BLOCK + spool_disk(sizeof(struct segment_head) + size) > spool->size)
		return -EMSGSIZE;
	if (spool->next_number >= SPOOL_NUMBER_MAX || spool->end >= SPOOL_NUMBER_MAX - APPEND_MAX)
		return -EOVERFLOW; /* not in this universe, unless somebody wrote such numbers */
	error = spool_write_make_room(spool, size, &room);
	if (error || !room)
		return error;
	batch.fresh = false;
	batch.count = batch.parts = 0;
	if (spool->writing >= 0)
		batch.segment = *last_segment(spool);
	else
		error = begin_segment(spool, &batch);
	if (error)
		return error;
	spool_write_gather(spool, &batch, entries, count);
	error = spool_write_write_batch(spool, &batch, entries);
	if (!error)
		error = spool_write_publish(spool, &batch);
	if (error && batch.fresh)
		discard_segment(spool, &batch);
	return error ? error : (int)batch.count;
}

unsigned int spool_append(struct spool *spool, struct entry *const *entries, unsigned int count,
			  int *error)
{
	unsigned int done = 0;
	int some = 1;

	while (done < count && some > 0) {
		some = append_some(spool, entries + done, count - done);
		if (some > 0)
			done += (unsigned int)some;
	}
	*error = some < 0 ? some : 0;
	return done;
}
