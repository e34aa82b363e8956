// SPDX-License-Identifier: Apache-2.0
#include "output/store/spool_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"
#include "record/view.h"

#define WINDOW_SIZE (256u << 10)
#define DISK_PAGE 4096 /* what a disk that fails loses at least */

int spool_reader_init(struct spool_reader *reader, int directory)
{
	*reader = (struct spool_reader){
		.directory = directory,
		.fd = -1,
		.budget = READER_NO_BUDGET,
		.window = malloc(WINDOW_SIZE),
	};
	return reader->window ? 0 : -ENOMEM;
}

void spool_reader_rest(struct spool_reader *reader)
{
	cleanup_close(&reader->fd);
}

void spool_reader_free(struct spool_reader *reader)
{
	spool_reader_rest(reader);
	free(reader->window);
	reader->window = NULL;
}

void spool_reader_start(struct spool_reader *reader, uint64_t number, uint64_t size, uint64_t index,
			uint64_t limit)
{
	spool_reader_rest(reader);
	reader->number = number;
	reader->offset = sizeof(struct segment_head);
	reader->size = size;
	reader->index = index;
	reader->limit = limit;
	reader->window_size = 0;
}

/* Whether an open that failed may succeed soon, by no change of the file itself. */
static bool spool_reader_passes(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR;
}

/* 1; 0: there is no such segment, or nobody can read it; -errno: not now. */
static int open_segment(struct spool_reader *reader)
{
	char name[SEGMENT_NAME_SIZE];

	if (reader->fd >= 0)
		return 1;
	spool_format_name(name, reader->number);
	reader->fd = broker_open(reader->directory, name,
				 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (reader->fd >= 0)
		return 1;
	return spool_reader_passes(errno) ? -errno : 0;
}

static void spool_reader_spend(struct spool_reader *reader, uint64_t bytes)
{
	if (reader->budget != READER_NO_BUDGET)
		reader->budget -= bytes < reader->budget ? bytes : reader->budget;
}

/* Has the window begin at the offset, with SIZE bytes at least; or moves the offset past what cannot be read, or
 * finds that the segment ends here. 0 or -errno. */
static int spool_reader_load(struct spool_reader *reader, size_t size)
{
	uint64_t left = reader->size - reader->offset;
	int opened = open_segment(reader);
	ssize_t got = 0;

	if (opened < 0)
		return opened;
	spool_reader_spend(reader, WINDOW_SIZE);
	if (opened)
		got = pread(reader->fd, reader->window, left < WINDOW_SIZE ? left : WINDOW_SIZE,
			    (off_t)reader->offset);
	if (got < 0 && errno == EINTR)
		return 0;
	reader->window_start = reader->offset;
	reader->window_size = got > 0 ? (size_t)got : 0;
	if (!got)
		reader->size = reader->offset;
	else if (got < 0) /* of the first page: else those before it would have been read */
		reader->offset += DISK_PAGE - reader->offset % DISK_PAGE;
	else if ((size_t)got < size)
		reader->offset += (size_t)got;
	return 0;
}

/* SIZE bytes at the offset, which may have moved. NULL: there are no more (0 in *ERROR), or -errno in *ERROR. */
static const uint8_t *look_at_entry(struct spool_reader *reader, size_t size, int *error)
{
	*error = 0;
	while (!*error && reader->offset <= reader->size && reader->size - reader->offset >= size) {
		uint64_t at = reader->offset - reader->window_start;

		if (at < reader->window_size && reader->window_size - at >= size)
			return reader->window + at;
		*error = reader->budget ? spool_reader_load(reader, size) : -EAGAIN;
	}
	return NULL;
}

/* To what may be a head, behind the offset; else to the last bytes of the window, which may begin one. */
static void next_candidate(struct spool_reader *reader)
{
	static const uint32_t magic = ENTRY_MAGIC;
	size_t at = (size_t)(reader->offset - reader->window_start) + 1;
	const uint8_t *found =
		memmem(reader->window + at, reader->window_size - at, &magic, sizeof(magic));

	if (found)
		at = (size_t)(found - reader->window);
	else if (reader->window_size >= at + sizeof(magic))
		at = reader->window_size - sizeof(magic) + 1;
	reader->offset = reader->window_start + at;
}

int spool_reader_next(struct spool_reader *reader, struct entry_head *ret)
{
	const uint8_t *bytes;
	int error;

	while ((bytes = look_at_entry(reader, sizeof(*ret), &error))) {
		if (spool_format_read_entry(ret, bytes, reader->number) &&
		    ret->index >= reader->index && ret->index < reader->limit)
			return 1;
		next_candidate(reader);
	}
	if (!error)
		reader->offset = reader->size;
	return error;
}

void spool_reader_skip(struct spool_reader *reader, const struct entry_head *head)
{
	uint64_t left = reader->size - reader->offset;
	uint64_t size = sizeof(*head) + head->size;

	reader->offset += size < left ? size : left;
	reader->index = head->index + 1;
}

/* The data at OFFSET: from the window as far as that goes. Whether all is there. */
static bool copy_data(struct spool_reader *reader, uint64_t offset, char *data, size_t size)
{
	uint64_t at = offset - reader->window_start;
	size_t done = 0;

	if (at < reader->window_size) {
		done = reader->window_size - at < size ? reader->window_size - at : size;
		memcpy(data, reader->window + at, done);
	}
	if (done < size)
		spool_reader_spend(reader, size - done);
	while (done < size) {
		ssize_t got = pread(reader->fd, data + done, size - done, (off_t)(offset + done));

		if (got > 0)
			done += (size_t)got;
		else if (!got || errno != EINTR)
			return false;
	}
	return true;
}

CLEANUP_DEFINE(drop_entry, struct entry *, entry_unref)

/* Reads the SIZE bytes at OFFSET, and goes on with the checksum *SUM of what was read before them. NULL: they are not all
 * there, or there is no memory (-ENOMEM in *ERROR). */
static struct entry *spool_take_line(struct spool_reader *reader, uint64_t offset, size_t size,
				     uint32_t *sum, int *error)
{
	_cleanup_(drop_entry) struct entry *line = entry_new(NULL, size);

	if (!line)
		*error = -ENOMEM;
	if (!line || !copy_data(reader, offset, line->data, size))
		return NULL;
	*sum = spool_format_checksum_on(*sum, line->data, size);
	return take_ptr(line);
}

/* The same with the line before it, if HEAD has one, which may be wrong about that. */
static struct entry *spool_take_lines(struct spool_reader *reader, const struct entry_head *head,
				      uint64_t offset, int *error)
{
	_cleanup_(drop_entry) struct entry *before = NULL, *entry = NULL;
	struct before_head before_head;
	uint64_t size = head->size;
	uint32_t sum = 0;

	if (head->before) {
		if (size < sizeof(before_head) || size - sizeof(before_head) < head->before ||
		    !copy_data(reader, offset, (char *)&before_head, sizeof(before_head)))
			return NULL;
		sum = spool_format_checksum(&before_head, sizeof(before_head));
		before = spool_take_line(reader, offset + sizeof(before_head), head->before, &sum,
					 error);
		if (!before)
			return NULL;
		before->severity = (uint8_t)view_syslog_severity(SEVERITY_NONE);
		before->action = RECORD_CALLER_SEEN;
		before->time = before_head.time;
		memcpy(before->key, before_head.key, sizeof(before->key));
		offset += sizeof(before_head) + head->before;
		size -= sizeof(before_head) + head->before;
	}
	entry = spool_take_line(reader, offset, size, &sum, error);
	if (!entry || sum != head->data_checksum)
		return NULL;
	entry->before = take_ptr(before);
	return take_ptr(entry);
}

int spool_reader_take(struct spool_reader *reader, const struct entry_head *head,
		      struct entry **ret)
{
	struct entry *entry;
	uint64_t offset = reader->offset + sizeof(*head);
	int opened, error = 0;

	if (reader->size - offset < head->size) {
		spool_reader_skip(reader, head);
		return 0;
	}
	opened = open_segment(reader); /* not all may be in the window */
	if (opened < 0)
		return opened;
	entry = spool_take_lines(reader, head, offset, &error);
	if (error)
		return error;
	spool_reader_skip(reader, head);
	if (!entry)
		return 0;
	entry->severity = head->severity & 7;
	entry->action = head->action;
	entry->time = head->time;
	entry->sequence = head->sequence;
	*ret = entry;
	return 1;
}
