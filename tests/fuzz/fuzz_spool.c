// SPDX-License-Identifier: Apache-2.0
/*
 * Opens a spool in which the input is a segment, two of them, or the cursor, as it is or with its checksums mended;
 * reads all, goes back, goes on in another life, appends. What was readable once stays so, what is appended is there,
 * and what is confirmed does not come again. The input's first byte says what the rest is.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit/spooling.h"
#include "output/store/spool.h"

#define SIZE (1u << 20)
#define APPENDED 3
#define PEEKS_MAX 100000

enum {
	IN_CURSOR = 1,	      /* the input is the cursor's; else the segments' */
	IN_TWO = 1 << 1,      /* segments */
	IN_MENDED = 1 << 2,   /* with checksums that hold */
	IN_PLACED = 1 << 3,   /* the cursor is whole, and somewhere */
	IN_CONFIRMED = 1 << 4 /* one of what is read is confirmed before the second life */
};

/* What a reading gave. */
struct result {
	uint64_t count, sum, last;
};

static char path[64];

/* The disk need not keep it. */
int __wrap_fdatasync(int fd)
{
	return 0;
}

int __wrap_fsync(int fd)
{
	return 0;
}

static void remove_directory(void)
{
	char name[SEGMENT_NAME_SIZE + sizeof(path)];

	for (unsigned int i = 1; i < 10; i++) {
		snprintf(name, sizeof(name), "%s/segment-%016x", path, i);
		unlink(name);
	}
	snprintf(name, sizeof(name), "%s/cursor", path);
	unlink(name);
	rmdir(path);
}

static void make_directory(void)
{
	if (!*path) {
		strcpy(path, "/dev/shm/fuzz-spool.XXXXXX");
		if (!mkdtemp(path)) {
			strcpy(path, "/tmp/fuzz-spool.XXXXXX");
			MUST(mkdtemp(path));
		}
		atexit(remove_directory);
	}
	remove_directory();
	MUST(!mkdir(path, 0700));
}

static void put(const char *name, const void *data, size_t size)
{
	char file[sizeof(path) + 64];
	int fd;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0);
	MUST(write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void mend_entries(uint8_t *data, size_t size, uint64_t number)
{
	struct entry_head head;

	for (size_t at = sizeof(struct segment_head); at + sizeof(head) <= size;) {
		memcpy(&head, data + at, sizeof(head));
		head.magic = ENTRY_MAGIC;
		if (!(head.zero & 1)) /* else it may well be more than there is */
			head.size %= 300;
		if (!(head.zero & 2) && head.size <= size - at - sizeof(head))
			head.data_checksum =
				spool_format_checksum(data + at + sizeof(head), head.size);
		if (!(head.zero & 4))
			spooling_mend_head(&head, number);
		memcpy(data + at, &head, sizeof(head));
		at += sizeof(head) + head.size % (size + 1);
	}
}

static void mend(uint8_t *data, size_t size, uint64_t number)
{
	struct segment_head head;

	if (size < sizeof(head))
		return;
	memcpy(&head, data, sizeof(head));
	if (!(head.zero & 1))
		spool_format_make_segment(&head, number, head.first);
	memcpy(data, &head, sizeof(head));
	mend_entries(data, size, number);
}

static void put_segment(const uint8_t *data, size_t size, unsigned int number, bool mended)
{
	char name[SEGMENT_NAME_SIZE];
	uint8_t *copy = malloc(size + 1);

	MUST(copy);
	if (size)
		memcpy(copy, data, size);
	if (mended)
		mend(copy, size, number);
	spool_format_name(name, number);
	put(name, copy, size);
	free(copy);
}

static struct spool *open_spool(void)
{
	struct spool *spool;
	char reason[256];

	MUST(!spool_open(path, SIZE, &spool, reason, sizeof(reason)));
	return spool;
}

static void append(struct spool *spool)
{
	struct entry *entries[APPENDED];
	int error;

	for (unsigned int i = 0; i < APPENDED; i++) {
		entries[i] = entry_new("appended", 8);
		MUST(entries[i]);
		entries[i]->sequence = 1000 + i;
	}
	if (spool_append(spool, entries, APPENDED, &error) != APPENDED)
		MUST(error == -EOVERFLOW);
	for (unsigned int i = 0; i < APPENDED; i++)
		entry_unref(entries[i]);
}

static void read_all(struct spool *spool, struct result *result)
{
	struct store *store = spool_store(spool);
	uint64_t before, now = store->ops->waiting(store);
	unsigned int peeks = 0;

	*result = (struct result){0};
	while (now) {
		struct entry *entries[7];
		unsigned int count = store->ops->peek(store, entries, 7);

		for (unsigned int i = 0; i < count; i++) {
			MUST(entries[i]->severity < 8 && entries[i]->size <= SPOOL_ENTRY_MAX);
			fuzz_hash(&result->sum, entries[i]->data, entries[i]->size);
			fuzz_hash(&result->sum, &entries[i]->time, sizeof(entries[i]->time));
			result->last = entries[i]->sequence;
			result->count++;
			entry_unref(entries[i]);
		}
		store->ops->sent(store, count);
		before = now;
		now = store->ops->waiting(store);
		MUST(now < before && ++peeks < PEEKS_MAX);
	}
}

static void read_again(struct spool *spool, const struct result *first)
{
	struct store *store = spool_store(spool);
	uint64_t damaged = spool_damaged(spool);
	struct result again;

	store->ops->rewind(store);
	read_all(spool, &again);
	MUST(again.count == first->count && again.sum == first->sum);
	MUST(spool_damaged(spool) == damaged);
}

static void make_files(const uint8_t *data, size_t size, unsigned int in)
{
	uint64_t index = 0;

	make_directory();
	if (in & IN_CURSOR) {
		struct spool *spool = open_spool();

		append(spool);
		spool_close(spool);
		put(SPOOL_CURSOR, data, size);
		return;
	}
	if (in & IN_PLACED && size > sizeof(index)) {
		struct cursor cursor;

		memcpy(&index, data, sizeof(index));
		data += sizeof(index);
		size -= sizeof(index);
		spool_format_make_cursor(&cursor, index);
		put(SPOOL_CURSOR, &cursor, sizeof(cursor));
	}
	if (in & IN_TWO)
		put_segment(data + size / 2, size - size / 2, 2, in & IN_MENDED);
	put_segment(data, in & IN_TWO ? size / 2 : size, 1, in & IN_MENDED);
}

/* The next life. FIRST: what was read before, of which CONFIRMED entries were confirmed. */
static void live_on(const struct result *first, uint64_t confirmed)
{
	struct spool *spool = open_spool();
	struct store *store = spool_store(spool);
	struct result result;

	read_all(spool, &result);
	MUST(result.count == first->count - confirmed);
	MUST(confirmed || result.sum == first->sum);
	append(spool);
	if (store->ops->waiting(store)) {
		read_all(spool, &result);
		MUST(result.count == APPENDED && result.last == 1000 + APPENDED - 1);
	}
	store->ops->confirm(store, UINT64_MAX);
	MUST(!spool_sync(spool));
	MUST(spool_used(spool) <= SIZE);
	spool_close(spool);
	spool = open_spool();
	MUST(!spool_store(spool)->ops->waiting(spool_store(spool)));
	spool_close(spool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result first;
	struct spool *spool;
	uint64_t confirmed = 0;

	if (!size)
		return 0;
	make_files(data + 1, size - 1, *data);
	spool = open_spool();
	read_all(spool, &first);
	read_again(spool, &first);
	if (*data & IN_CONFIRMED && first.count) {
		spool_store(spool)->ops->confirm(spool_store(spool), 1);
		confirmed = 1;
	}
	spool_close(spool);
	live_on(&first, confirmed);
	return 0;
}
