// SPDX-License-Identifier: Apache-2.0
/* The spool against a model of it: in ordinary life, after a kill, after a power failure, and over files that are not
 * as it left them. */
#include "files.h"

#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "faults.h"
#include "output/store/spool_inside.h"
#include "record/record.h"
#include "spooling.h"

#define MIB (1u << 20)
#define HEAD sizeof(struct entry_head)
#define BATCH_MAX 600
#define WINDOW_SIZE (256u << 10) /* what a spool reads at once */

static char path[96], said[512];
static struct spool *spool;
static struct store *store;

/* --- the disk ---------------------------------------------------------------------------------- */

#define FILES_MAX 64

/* What would be left of a file after a power failure. */
struct shadow {
	char name[64];
	bool named;	   /* the directory on the disk has it */
	unsigned int gone; /* it was unlinked as the so-manieth; 0: it was not */
	char *data;	   /* on the disk */
	size_t size;
};

static struct {
	bool kept; /* shadows are */
	unsigned int unlinked;
	struct shadow shadows[FILES_MAX];
	unsigned int count;
	bool dead; /* nothing is written any more */
	int sync_error, unlink_error;
	off_t bad_from, bad_to; /* cannot be read */
	size_t write_max;	/* 0: any */
	size_t read_most;	/* in one call */
} disk;

ssize_t __real_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t __real_pwritev(int fd, const struct iovec *parts, int count, off_t offset);
int __real_unlinkat(int dir, const char *name, int flags);

static struct shadow *shadow_of(const char *name)
{
	for (unsigned int i = 0; i < disk.count; i++)
		if (!strcmp(disk.shadows[i].name, name))
			return &disk.shadows[i];
	assert_true(disk.count < FILES_MAX);
	snprintf(disk.shadows[disk.count].name, sizeof(disk.shadows->name), "%s", name);
	return &disk.shadows[disk.count++];
}

static void forget_shadows(void)
{
	for (unsigned int i = 0; i < disk.count; i++)
		free(disk.shadows[i].data);
	memset(&disk, 0, sizeof(disk));
}

static char *file_path(const char *name)
{
	static char ret[4][400];
	static unsigned int next;

	next = (next + 1) % 4;
	snprintf(ret[next], sizeof(ret[next]), "%s/%s", path, name);
	return ret[next];
}

static char *read_file(const char *name, size_t *size)
{
	return files_read(file_path(name), size);
}

static void write_file(const char *name, const void *data, size_t size)
{
	files_write(file_path(name), data, size);
}

static void shadow_file(const char *name, void *data)
{
	shadow_of(name);
}

static unsigned int each_file(void (*on)(const char *name, void *data), void *data);

static void name_of_fd(int fd, char ret[PATH_MAX])
{
	char link[64];
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, ret, PATH_MAX - 1);
	assert_true(size > 0);
	ret[size] = '\0';
	memmove(ret, strrchr(ret, '/') + 1, strlen(strrchr(ret, '/')));
}

int __wrap_fdatasync(int fd)
{
	char name[PATH_MAX];

	if (disk.dead || disk.sync_error)
		return faults_return(disk.dead ? EIO : disk.sync_error);
	if (disk.kept) {
		struct shadow *shadow;

		name_of_fd(fd, name);
		shadow = shadow_of(name);
		free(shadow->data);
		shadow->data = read_file(name, &shadow->size);
		assert_non_null(shadow->data);
	}
	return 0;
}

/* Of the directory. */
int __wrap_fsync(int fd)
{
	if (disk.dead)
		return faults_return(EIO);
	if (disk.kept)
		each_file(shadow_file, NULL);
	for (unsigned int i = 0; disk.kept && i < disk.count; i++) {
		struct shadow *shadow = &disk.shadows[i];

		shadow->named = !shadow->gone && !access(file_path(shadow->name), F_OK);
	}
	return 0;
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
	if (disk.dead || disk.unlink_error)
		return faults_return(disk.dead ? EIO : disk.unlink_error);
	if (disk.kept)
		shadow_of(name)->gone = ++disk.unlinked;
	return __real_unlinkat(dir, name, flags);
}

/* As the kernel does: what is before a page that cannot be read, it reads. */
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
	if (size > disk.read_most)
		disk.read_most = size;
	if (offset < disk.bad_to && offset + (off_t)size > disk.bad_from) {
		if (offset >= disk.bad_from)
			return faults_return(EIO);
		size = (size_t)(disk.bad_from - offset);
	}
	return __real_pread(fd, data, size, offset);
}

/* Of the cursor. */
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return disk.dead ? faults_return(EIO) : __real_pwrite(fd, data, size, offset);
}

ssize_t __wrap_pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	size_t left = disk.write_max, done = 0;

	if (!left)
		return __real_pwritev(fd, parts, count, offset);
	for (int i = 0; i < count && left; i++) {
		size_t size = parts[i].iov_len < left ? parts[i].iov_len : left;

		assert_int_equal(pwrite(fd, parts[i].iov_base, size, offset + (off_t)done), size);
		done += size;
		left -= size;
	}
	return (ssize_t)done;
}

/* --- entries ----------------------------------------------------------------------------------- */

/* Its own numbers: the same in every run. */
static uint64_t seed;

static uint64_t draw(uint64_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (seed >> 33) % below;
}

enum sizes { SIZES_SMALL, SIZES_MIXED, SIZES_LARGE };

static enum sizes sizes;

static size_t size_for(uint64_t number)
{
	static const size_t mixed[] = {0, 1, 30, 300, 3000, 3000, 3000, 7000, 20000};
	static const size_t large[] = {100, 100000, 250000, 263000, 300000, 10};

	if (sizes == SIZES_SMALL)
		return 20 + number % 3;
	if (sizes == SIZES_MIXED)
		return mixed[number * 7 % (sizeof(mixed) / sizeof(*mixed))];
	return large[number % (sizeof(large) / sizeof(*large))];
}

/* Some entries have a line before them. */
static bool lines_before;

static struct entry *make_before(uint64_t number)
{
	struct entry *before = entry_new(NULL, 1 + number * 7 % 900);

	assert_non_null(before);
	memset(before->data, (int)number, before->size);
	memset(before->key, (int)number + 1, sizeof(before->key));
	before->time = number * 13;
	before->action = RECORD_CALLER_SEEN;
	before->severity = 6;
	return before;
}

static bool is_same(const struct entry *a, const struct entry *b)
{
	return a->size == b->size && a->time == b->time && a->severity == b->severity &&
	       a->action == b->action && !memcmp(a->key, b->key, sizeof(a->key)) &&
	       !memcmp(a->data, b->data, a->size);
}

/* Each byte tells which entry it is of. */
static struct entry *make(uint64_t number, size_t size)
{
	struct entry *entry = entry_new(NULL, size);

	assert_non_null(entry);
	if (lines_before && number % 3)
		entry->before = make_before(number);
	for (size_t i = 0; i < size; i++)
		entry->data[i] = (char)(number * 131 + i * (1 + number % 7));
	entry->severity = number % 8;
	entry->action = number % 11;
	entry->time = number * 1000003;
	entry->sequence = number;
	return entry;
}

static bool is_whole(const struct entry *entry)
{
	struct entry *wanted = make(entry->sequence, entry->size);
	bool whole = is_same(entry, wanted) && !entry->before == !wanted->before &&
		     (!entry->before || is_same(entry->before, wanted->before));

	entry_unref(wanted);
	return whole;
}

/* Appends those from FIRST on; returns how many were taken. */
static unsigned int append_at(uint64_t first, unsigned int count, int *error)
{
	struct entry *entries[BATCH_MAX] = {NULL};
	unsigned int done;

	for (unsigned int i = 0; i < count; i++)
		entries[i] = make(first + i, size_for(first + i));
	*error = 1;
	done = spool_append(spool, entries, count, error);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(entries[i]->refs, 1);
		entry_unref(entries[i]);
	}
	assert_true(done <= count);
	return done;
}

static void append(uint64_t first, unsigned int count)
{
	while (count) {
		unsigned int some = count < BATCH_MAX ? count : BATCH_MAX;
		int error;

		assert_int_equal(append_at(first, some, &error), some);
		assert_int_equal(error, 0);
		first += some;
		count -= some;
	}
}

/* The numbers of those that wait, at most MAX. */
static unsigned int peek_at(uint64_t *numbers, unsigned int max)
{
	static struct entry *entries[BATCH_MAX];
	unsigned int count = store->ops->peek(store, entries, max);
	size_t bytes = 0;

	assert_true(count <= max);
	for (unsigned int i = 0; i < count; i++) {
		assert_true(is_whole(entries[i]));
		numbers[i] = entries[i]->sequence;
		bytes += entries[i]->size;
		entry_unref(entries[i]);
	}
	assert_true(count == 1 || bytes <= MIB);
	return count;
}

static uint64_t waiting_now(void)
{
	return store->ops->waiting(store);
}

/* Sends all that waits; in NUMBERS, with room for MAX. */
static unsigned int take_all(uint64_t *numbers, unsigned int max)
{
	unsigned int all = 0;

	while (waiting_now()) {
		uint64_t some[64];
		unsigned int count = peek_at(some, 64);

		assert_true(all + count <= max);
		memcpy(numbers + all, some, count * sizeof(*some));
		all += count;
		store->ops->sent(store, count);
	}
	assert_int_equal(peek_at(numbers + all, 1), 0);
	return all;
}

/* All that waits is FIRST and so on. */
static void expect_from(uint64_t first, unsigned int count)
{
	static uint64_t numbers[200000];

	assert_int_equal(take_all(numbers, 200000), count);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(numbers[i], first + i);
}

/* --- its life ---------------------------------------------------------------------------------- */

static int open_it(uint64_t size)
{
	int error = spool_open(path, size, &spool, said, sizeof(said));

	store = error ? NULL : spool_store(spool);
	return error;
}

static void opened(uint64_t size)
{
	if (open_it(size))
		fail_msg("%s", said);
	assert_string_equal(said, "");
}

static void closed(void)
{
	spool_close(spool);
	spool = NULL;
}

/* As after a kill: nothing more is written. */
static void abandoned(void)
{
	disk.dead = true;
	closed();
	disk.dead = false;
}

static void reopened(uint64_t size)
{
	closed();
	opened(size);
}

static void refused(const char *name, uint64_t size, int wanted, const char *why)
{
	struct spool *none = NULL;

	assert_int_equal(spool_open(name, size, &none, said, sizeof(said)), wanted);
	assert_null(none);
	if (!strstr(said, why) || !strstr(said, name))
		fail_msg("\"%s\" does not say \"%s\" of %s", said, why, name);
}

static int setup(void **state)
{
	umask(022);
	if (files_prepare("/tmp"))
		return -1;
	snprintf(path, sizeof(path), "%s/spool", directory);
	sizes = SIZES_SMALL;
	seed = 1;
	spool = NULL;
	memset(&disk, 0, sizeof(disk));
	return 0;
}

static int teardown(void **state)
{
	forget_shadows();
	spool_close(spool);
	return files_remove(directory);
}

/* Calls ON for each file; returns how many. */
static unsigned int each_file(void (*on)(const char *name, void *data), void *data)
{
	DIR *stream = opendir(path);
	unsigned int count = 0;
	struct dirent *name;

	assert_non_null(stream);
	while ((name = readdir(stream)))
		if (name->d_name[0] != '.') {
			count++;
			if (on)
				on(name->d_name, data);
		}
	closedir(stream);
	return count;
}

static void add_size(const char *name, void *data)
{
	struct stat info;

	assert_int_equal(lstat(file_path(name), &info), 0);
	assert_int_equal(info.st_mode, S_IFREG | 0600);
	*(uint64_t *)data += ((uint64_t)info.st_size + 4095) / 4096 * 4096;
}

/* What is said of the disk is so, and within the bound. */
static void check_used(uint64_t size)
{
	uint64_t used = 0;

	each_file(add_size, &used);
	assert_int_equal(spool_used(spool), used);
	assert_true(used <= size);
}

static unsigned int segment_count(void)
{
	return each_file(NULL, NULL) - 1;
}

/* --- ordinary life ----------------------------------------------------------------------------- */

static void test_empty(void **state)
{
	uint64_t number;
	struct stat info;

	opened(MIB);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode, S_IFDIR | 0700);
	assert_int_equal(peek_at(&number, 1), 0);
	store->ops->sent(store, 5);
	store->ops->confirm(store, 5);
	store->ops->rewind(store);
	assert_int_equal(waiting_now(), 0);
	append(0, 0);
	assert_int_equal(spool_sync(spool), 0);
	check_used(MIB);
	reopened(MIB);
	assert_int_equal(waiting_now(), 0);
	assert_int_equal(spool_damaged(spool), 0);
	spool_close(NULL);
}

static void test_order_over_many_segments(void **state)
{
	sizes = SIZES_MIXED;
	opened(8 * MIB);
	append(0, 1500);
	assert_int_equal(waiting_now(), 1500);
	assert_true(segment_count() >= 10);
	check_used(8 * MIB);
	expect_from(0, 1500);
	store->ops->rewind(store);
	assert_int_equal(waiting_now(), 1500);
	store->ops->sent(store, 700);
	store->ops->confirm(store, 300);
	store->ops->rewind(store);
	expect_from(300, 1200);
	store->ops->confirm(store, UINT64_MAX); /* more than there are */
	store->ops->rewind(store);
	assert_int_equal(waiting_now(), 0);
	append(1500, 10);
	expect_from(1500, 10);
	reopened(8 * MIB);
	expect_from(1500, 10);
	assert_int_equal(spool_damaged(spool), 0);
}

static void test_confirmed_segments_go(void **state)
{
	sizes = SIZES_MIXED;
	opened(8 * MIB);
	append(0, 1000);
	assert_true(segment_count() >= 8);
	expect_from(0, 1000);
	store->ops->confirm(store, 999);
	assert_int_equal(spool_sync(spool), 0);
	assert_int_equal(segment_count(), 1);
	check_used(8 * MIB);
	store->ops->confirm(store, 1);
	closed();
	assert_int_equal(segment_count(), 0);
	opened(8 * MIB);
	append(1000, 3);
	expect_from(1000, 3);
}

static void test_large_entries(void **state)
{
	struct entry *entry;
	uint64_t numbers[64];
	int error;

	sizes = SIZES_LARGE;
	opened(16 * MIB);
	append(0, 60);
	check_used(16 * MIB);
	assert_true(peek_at(numbers, 64) < 64);
	expect_from(0, 60);
	store->ops->confirm(store, 60);
	assert_int_equal(spool_sync(spool), 0);
	entry = make(60, 5 * MIB); /* peek returns one in any case */
	assert_int_equal(spool_append(spool, &entry, 1, &error), 1);
	entry_unref(entry);
	append(61, 1);
	assert_int_equal(peek_at(numbers, 64), 1);
	reopened(16 * MIB);
	expect_from(60, 2);
}

/* To the byte: the largest one that the bound allows, and one byte more. */
static void test_too_large(void **state)
{
	size_t most = MIB - 4096 - sizeof(struct segment_head) - HEAD;
	struct entry *entries[3] = {make(0, 10), make(1, most + 1), make(1, most)};
	uint64_t number;
	int error;

	opened(MIB);
	assert_int_equal(spool_append(spool, entries, 2, &error), 1);
	assert_int_equal(error, -EMSGSIZE);
	assert_int_equal(spool_append(spool, entries + 2, 1, &error), 0);
	assert_int_equal(error, 0); /* for now */
	store->ops->sent(store, 1);
	assert_int_equal(spool_append(spool, entries + 2, 1, &error), 1);
	check_used(MIB);
	assert_int_equal(spool_used(spool), MIB);
	assert_int_equal(peek_at(&number, 1), 1);
	assert_int_equal(number, 1);
	closed();
	for (int i = 0; i < 3; i++)
		entry_unref(entries[i]);
	entries[0] = make(2, SPOOL_ENTRY_MAX + 1);
	opened(200 * MIB);
	assert_int_equal(spool_append(spool, entries, 1, &error), 0);
	assert_int_equal(error, -EMSGSIZE);
	entry_unref(entries[0]);
}

/* Nothing that waits gives way; what was sent does, a segment at a time. */
static void test_bound(void **state)
{
	unsigned int taken, more;
	uint64_t number;
	int error;

	sizes = SIZES_MIXED;
	opened(MIB);
	for (taken = 0; (more = append_at(taken, 40, &error)); taken += more)
		check_used(MIB);
	assert_int_equal(error, 0);
	assert_int_equal(waiting_now(), taken);
	assert_true(spool_used(spool) > MIB - 32768);
	store->ops->sent(store, 1);
	assert_int_equal(append_at(taken, 40, &error), 0);
	store->ops->sent(store, taken / 2 - 1);
	more = append_at(taken, 40, &error);
	assert_int_equal(more, 40);
	check_used(MIB);
	assert_int_equal(store->ops->unconfirmed(store), 0);
	assert_int_equal(waiting_now(), taken - taken / 2 + more);
	/* Of those that were sent and gave way the confirmation is not taken for that of others. */
	store->ops->confirm(store, 2);
	store->ops->rewind(store);
	assert_int_equal(peek_at(&number, 1), 1);
	assert_true(number > 2 && number < taken / 2);
	assert_int_equal(store->ops->unconfirmed(store), number - 2);
	expect_from(number, (unsigned int)(taken + more - number));
	reopened(MIB);
	expect_from(number, (unsigned int)(taken + more - number));
}

static void test_confirmation_of_what_gave_way(void **state)
{
	unsigned int taken, more;
	uint64_t number;
	int error;

	sizes = SIZES_MIXED;
	opened(MIB);
	for (taken = 0; (more = append_at(taken, 40, &error)); taken += more)
		;
	store->ops->sent(store, taken / 2);
	more = append_at(taken, 40, &error);
	store->ops->confirm(store, taken / 2 - 3);
	store->ops->rewind(store);
	assert_int_equal(peek_at(&number, 1), 1);
	assert_int_equal(number, taken / 2 - 3);
	assert_int_equal(store->ops->unconfirmed(store), 0);
}

static void test_size_may_shrink(void **state)
{
	unsigned int taken;
	int error;

	sizes = SIZES_MIXED;
	opened(4 * MIB);
	append(0, 500);
	reopened(MIB);
	assert_true(spool_used(spool) > MIB);
	assert_int_equal(append_at(500, 10, &error), 0);
	assert_int_equal(error, 0);
	expect_from(0, 500);
	store->ops->confirm(store, 500);
	taken = append_at(500, 40, &error);
	assert_int_equal(taken, 40);
	check_used(MIB);
	expect_from(500, 40);
}

/* Few descriptors, and none that keeps the disk used by what is gone. */
static void test_reader_keeps_no_file(void **state)
{
	uint64_t numbers[8];

	opened(MIB);
	append(0, 8);
	assert_int_equal(peek_at(numbers, 4), 4);
	assert_int_equal(spool->reader.fd, -1);
}

/* --- against a model --------------------------------------------------------------------------- */

#define MODEL_SIZE (2 * MIB)

/* Entries from CONFIRMED on are there, those from SENT on wait, END is the next. */
static struct {
	uint64_t confirmed, sent, end;
	uint64_t kept; /* another life begins here or later: the cursor of the last sync */
	bool gave_way; /* something that was sent may have */
} model;

static void model_append(void)
{
	unsigned int count = (unsigned int)draw(60), done;
	int error;

	done = append_at(model.end, count, &error);
	assert_int_equal(error, 0);
	if (model.end + count - model.confirmed >
	    20) /* those that are sent may have been in the way */
		model.gave_way = true;
	model.end += done;
	check_used(MODEL_SIZE);
}

static void model_send(void)
{
	uint64_t numbers[100];
	unsigned int max = 1 + (unsigned int)draw(100), count = peek_at(numbers, max);
	unsigned int send = count ? (unsigned int)draw(count + 1) : 0;

	assert_true(count || model.sent == model.end);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(numbers[i], model.sent + i);
	store->ops->sent(store, send);
	model.sent += send;
}

static void model_confirm(void)
{
	uint64_t count = draw(model.sent - model.confirmed + 1);

	store->ops->confirm(store, count);
	model.confirmed += count;
}

/* It goes on with the oldest that was not confirmed, or behind what was sent and gave way. */
static void model_begin_again(uint64_t least)
{
	uint64_t number;

	if (!peek_at(&number, 1))
		number = model.end;
	assert_true(number >= least);
	if (number > model.confirmed) {
		assert_true(model.gave_way);
		assert_true(number <= model.sent);
	}
	model.confirmed = model.sent = number;
	model.gave_way = false;
}

static void model_rewind(void)
{
	uint64_t before = store->ops->unconfirmed(store), confirmed = model.confirmed;

	store->ops->rewind(store);
	model_begin_again(model.confirmed);
	assert_int_equal(store->ops->unconfirmed(store) - before, model.confirmed - confirmed);
}

static void model_sync(void)
{
	assert_int_equal(spool_sync(spool), 0);
	model.kept = model.confirmed;
}

static void model_reopen(bool killed)
{
	if (killed)
		abandoned();
	else
		closed();
	opened(MODEL_SIZE);
	model_begin_again(killed ? model.kept : model.confirmed);
	model.kept = model.confirmed;
}

static void model_step(void)
{
	uint64_t what = draw(100);

	if (what < 35)
		model_append();
	else if (what < 70)
		model_send();
	else if (what < 85)
		model_confirm();
	else if (what < 90)
		model_rewind();
	else if (what < 94)
		model_sync();
	else
		model_reopen(what % 2);
	assert_int_equal(waiting_now(), model.end - model.sent);
	assert_int_equal(spool_damaged(spool), 0);
}

static void test_model(void **state)
{
	sizes = SIZES_MIXED;
	for (unsigned int run = 0; run < 5; run++) {
		memset(&model, 0, sizeof(model));
		seed = 100 + run;
		opened(MODEL_SIZE);
		for (unsigned int i = 0; i < 250; i++)
			model_step();
		closed();
		files_remove(path);
	}
}

/* --- damage ------------------------------------------------------------------------------------ */

#define SAVED_MAX 16

static struct {
	char name[64];
	char *data;
	size_t size;
} saved[SAVED_MAX];

static unsigned int saved_count;

static void save(const char *name, void *data)
{
	assert_true(saved_count < SAVED_MAX);
	snprintf(saved[saved_count].name, sizeof(saved->name), "%s", name);
	saved[saved_count].data = read_file(name, &saved[saved_count].size);
	saved_count++;
}

static void forget_saved(void)
{
	while (saved_count)
		free(saved[--saved_count].data);
}

static void restore(void)
{
	files_remove(path);
	mkdir(path, 0700);
	for (unsigned int i = 0; i < saved_count; i++)
		write_file(saved[i].name, saved[i].data, saved[i].size);
}

static unsigned int find_saved(const char *name)
{
	unsigned int i = 0;

	while (strcmp(saved[i].name, name) != 0)
		assert_true(++i < saved_count);
	return i;
}

static const char *segment_file(unsigned int number)
{
	static char name[SEGMENT_NAME_SIZE];

	spool_format_name(name, number);
	return name;
}

/* COUNT segments of EACH entries from 1 on, the first one confirmed. */
static void make_segments(unsigned int count, unsigned int each)
{
	for (unsigned int i = 0; i < count; i++) {
		opened(MIB);
		append(1 + i * each, each);
		if (!i) {
			store->ops->sent(store, 1);
			store->ops->confirm(store, 1);
		}
		closed();
	}
	saved_count = 0;
	each_file(save, NULL);
	assert_int_equal(saved_count, count + 1);
}

/* Numbers that rise, of all from FIRST to LAST; what is missing was counted. Returns how many are. */
static unsigned int expect_most(uint64_t first, uint64_t last)
{
	uint64_t numbers[256];
	unsigned int count = take_all(numbers, 256);

	for (unsigned int i = 0; i < count; i++) {
		assert_true(numbers[i] >= first && numbers[i] <= last);
		first = numbers[i] + 1;
	}
	return count;
}

/* What comes after damage goes on as if there were none. */
static void goes_on(uint64_t last)
{
	uint64_t numbers[256], damaged = spool_damaged(spool);
	unsigned int count;

	append(last + 1, 2);
	store->ops->rewind(store);
	count = take_all(numbers, 256);
	assert_true(count >= 2 && numbers[count - 2] == last + 1 && numbers[count - 1] == last + 2);
	assert_int_equal(spool_damaged(spool), damaged); /* each once */
	store->ops->confirm(store, count - 1);
	if (open_it((closed(), MIB)))
		fail_msg("%s", said);
	assert_string_equal(said, "");
	expect_from(last + 2, 1);
	assert_int_equal(spool_damaged(spool), 0);
	closed();
}

static void test_torn_end(void **state)
{
	const size_t size = HEAD + size_for(3);
	size_t whole;

	make_segments(1, 3);
	whole = saved[find_saved(segment_file(1))].size;
	for (size_t cut = 0; cut <= size; cut++) {
		restore();
		assert_int_equal(truncate(file_path(segment_file(1)), (off_t)(whole - cut)), 0);
		opened(MIB);
		assert_int_equal(expect_most(2, 3), cut ? 1 : 2);
		assert_int_equal(spool_damaged(spool), cut && cut < size);
		goes_on(3);
	}
	forget_saved();
}

/* As it was, in as many files: others are quicker written to than made. */
static void restore_in_place(void)
{
	for (unsigned int i = 0; i < saved_count; i++) {
		int fd = open(file_path(saved[i].name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		assert_int_equal(pwrite(fd, saved[i].data, saved[i].size, 0), saved[i].size);
		close(fd);
	}
}

static void flip_bits_of(unsigned int file, uint64_t last)
{
	bool cursor = !strcmp(saved[file].name, SPOOL_CURSOR);

	for (size_t bit = 0; bit < saved[file].size * 8; bit++) {
		unsigned int got;

		saved[file].data[bit / 8] ^= (char)(1 << bit % 8);
		restore_in_place();
		saved[file].data[bit / 8] ^= (char)(1 << bit % 8);
		if (open_it(MIB))
			fail_msg("%s", said);
		assert_int_equal(!!strstr(said, "its cursor is damaged"), cursor);
		got = expect_most(cursor ? 1 : 2, last);
		assert_int_equal(got + spool_damaged(spool), cursor ? last : last - 1);
		assert_true(spool_damaged(spool) <= 1);
		abandoned();
	}
}

static void test_every_bit(void **state)
{
	make_segments(2, 3);
	for (unsigned int i = 0; i < saved_count; i++)
		flip_bits_of(i, 6);
	forget_saved();
}

enum harm {
	GONE,
	EMPTIED,
	ZEROS,
	NOISE,
	HALF,
	HUGE_HEAD,
	HEADLESS,
	LINKED,
	FIFO,
	DIRECTORY,
	HARMS
};

/* A head that is whole, and says that more follows than there is. */
static void make_head_huge(char *data)
{
	struct entry_head head;

	memcpy(&head, data + sizeof(struct segment_head), sizeof(head));
	head.size = SPOOL_ENTRY_MAX;
	spooling_mend_head(&head, 3);
	memcpy(data + sizeof(struct segment_head), &head, sizeof(head));
}

static void do_harm(enum harm harm, const char *name, size_t size)
{
	char *file = strdup(file_path(name)), *data = read_file(name, &size);

	unlink(file);
	for (size_t i = 0; (harm == ZEROS || harm == NOISE) && i < size; i++)
		data[i] = harm == ZEROS ? 0 : (char)draw(256);
	if (harm == HUGE_HEAD)
		make_head_huge(data);
	if (harm == HEADLESS)
		memset(data, 0xff, sizeof(struct segment_head));
	if (harm == EMPTIED)
		write_file(name, "", 0);
	else if (harm == LINKED)
		assert_int_equal(symlink("/etc/passwd", file), 0);
	else if (harm == FIFO)
		assert_int_equal(mkfifo(file, 0600), 0);
	else if (harm == DIRECTORY)
		assert_int_equal(mkdir(file, 0700), 0);
	else if (harm == HALF)
		write_file(name, data, size / 2);
	else if (harm != GONE)
		write_file(name, data, size);
	free(data);
	free(file);
}

/* In the middle, the indexes around it tell how many are lost. */
static void test_harmed_segment_in_the_middle(void **state)
{
	make_segments(5, 10);
	for (enum harm harm = 0; harm < HARMS; harm++) {
		unsigned int got;

		restore();
		do_harm(harm, segment_file(3), 0);
		opened(MIB);
		got = expect_most(2, 50);
		assert_int_equal(got + spool_damaged(spool), 49);
		if (harm == HEADLESS)
			assert_int_equal(got, 49);
		else if (harm == HALF)
			assert_true(got > 39 && got < 49);
		else
			assert_int_equal(got, 39);
		goes_on(50);
	}
	forget_saved();
}

/* At the end nothing tells how many there were: what is unreadable counts as one. */
static void test_harmed_segment_at_the_end(void **state)
{
	make_segments(3, 10);
	for (enum harm harm = 0; harm < HARMS; harm++) {
		bool one = harm == ZEROS || harm == NOISE || harm == HALF || harm == HUGE_HEAD;
		unsigned int got;

		restore();
		do_harm(harm, segment_file(3), 0);
		opened(MIB);
		got = expect_most(2, 30);
		assert_int_equal(spool_damaged(spool), one);
		if (harm == HEADLESS)
			assert_int_equal(got, 29);
		else if (harm == HALF)
			assert_true(got > 19 && got < 29);
		else
			assert_int_equal(got, 19);
		goes_on(30);
	}
	forget_saved();
}

static void test_nothing_readable(void **state)
{
	make_segments(3, 10);
	for (enum harm harm = ZEROS; harm <= NOISE; harm++) {
		restore();
		for (unsigned int i = 1; i <= 3; i++)
			do_harm(harm, segment_file(i), 0);
		opened(MIB);
		assert_int_equal(expect_most(2, 30), 0);
		assert_int_equal(spool_damaged(spool), 3);
		assert_int_equal(spool_sync(spool), 0);
		assert_int_equal(segment_count(), 0); /* it was all told of */
		goes_on(30);
	}
	forget_saved();
}

/* Every second one of many: more holes than are remembered. */
static void test_much_damage(void **state)
{
	const unsigned int total = 5000;
	static uint64_t numbers[5000];
	unsigned int got, lost = 0;
	char *data;
	size_t size;

	opened(MIB);
	append(0, total);
	closed();
	for (unsigned int i = 1; (data = read_file(segment_file(i), &size)); i++) {
		size_t at = sizeof(struct segment_head);

		while (at < size) {
			struct entry_head head;

			memcpy(&head, data + at, sizeof(head));
			if (head.index % 2)
				data[at + (head.index % 4 == 1 ? 3 : sizeof(head))] ^= 1;
			lost += head.index % 2;
			at += sizeof(head) + head.size;
		}
		write_file(segment_file(i), data, size);
		free(data);
	}
	opened(MIB);
	got = take_all(numbers, total);
	assert_int_equal(got, total - lost);
	for (unsigned int i = 0; i < got; i++)
		assert_int_equal(numbers[i], 2 * i);
	assert_int_equal(spool_damaged(spool), lost);
	store->ops->confirm(store, 200);
	store->ops->rewind(store);
	got = take_all(numbers, total);
	assert_true(numbers[0] <= 400);
	assert_int_equal(numbers[got - 1], total - 2);
}

/* The count of those that arrived is one of entries: what was damaged among them does not arrive. */
static void test_confirm_over_damage(void **state)
{
	uint64_t numbers[64];

	make_segments(4, 10);
	restore();
	do_harm(GONE, segment_file(2), 0);
	do_harm(HALF, segment_file(3), 0);
	opened(MIB);
	assert_int_equal(take_all(numbers, 64), 9 + 4 + 10);
	store->ops->confirm(store, 8);
	store->ops->rewind(store);
	assert_int_equal(peek_at(numbers, 1), 1);
	assert_int_equal(numbers[0], 10);
	store->ops->sent(store, 100);
	store->ops->confirm(store, 1);
	store->ops->rewind(store);
	assert_int_equal(peek_at(numbers, 1), 1);
	assert_int_equal(numbers[0], 21);
	store->ops->sent(store, 100);
	store->ops->confirm(store, 4 + 3);
	store->ops->rewind(store);
	assert_int_equal(peek_at(numbers, 1), 1);
	assert_int_equal(numbers[0], 34);
	assert_int_equal(spool_damaged(spool), 10 + 6);
	assert_int_equal(waiting_now(), 7);
	reopened(MIB);
	assert_int_equal(peek_at(numbers, 1), 1);
	assert_int_equal(numbers[0], 34);
	forget_saved();
}

/* An entry whose data look like entries, behind a head that is damaged. */
static void test_entry_in_an_entry(void **state)
{
	/* Of another segment; of an index that is past; of one that is to come. Each says that what follows is its. */
	static const struct {
		uint64_t number, index;
	} inner[] = {{2, 1}, {1, 0}, {1, 1000}};
	struct entry *outer = make(1, 3 * HEAD), *claim = make(7, 3 * HEAD);
	uint64_t numbers[4];
	size_t size;
	char *data;
	int error;

	for (size_t i = 0; i < 3; i++) {
		struct entry_head head;

		spool_format_make_entry(&head, inner[i].number, inner[i].index, claim);
		memcpy(outer->data + i * HEAD, &head, HEAD);
	}
	opened(MIB);
	append(0, 1);
	assert_int_equal(spool_append(spool, &outer, 1, &error), 1);
	append(2, 1);
	reopened(MIB);
	append(3, 1);
	closed();
	data = read_file(segment_file(1), &size);
	data[sizeof(struct segment_head) + HEAD + size_for(0) + 8] ^= 1;
	write_file(segment_file(1), data, size);
	opened(MIB);
	assert_int_equal(take_all(numbers, 4), 3);
	assert_int_equal(numbers[1], 2);
	assert_int_equal(spool_damaged(spool), 1);
	free(data);
	entry_unref(claim);
	entry_unref(outer);
}

/* What was damaged is not counted a second time when its segment gives way. */
static void test_damage_that_gives_way(void **state)
{
	static uint64_t numbers[10000];
	unsigned int taken = 0, more;
	uint64_t first;
	int error;

	sizes = SIZES_MIXED;
	opened(MIB);
	while ((more = append_at(taken, 40, &error)))
		taken += more;
	disk.bad_from = 20000;
	disk.bad_to = 60000;
	more = take_all(numbers, 10000);
	assert_int_equal(more + spool_damaged(spool), taken);
	assert_true(more < taken);
	store->ops->confirm(store, 2);
	assert_int_equal(append_at(taken, 1, &error), 1);
	store->ops->rewind(store);
	assert_int_equal(peek_at(&first, 1), 1);
	assert_true(first > numbers[2]);
	more = 2;
	while (numbers[more] != first)
		more++;
	assert_int_equal(store->ops->unconfirmed(store), more - 2);
}

/* The next head lies across the end of what is read at once. */
static void test_head_across_blocks(void **state)
{
	for (int across = -4; across <= (int)HEAD; across += across < 4 ? 1 : 11) {
		struct entry *entries[2] = {make(1, WINDOW_SIZE - HEAD - across), make(2, 100)};
		uint64_t numbers[2];
		int error, fd;

		opened(8 * MIB);
		assert_int_equal(spool_append(spool, entries, 2, &error), 2);
		fd = open(file_path(segment_file(1)), O_WRONLY | O_CLOEXEC);
		assert_int_equal(pwrite(fd, "?", 1, sizeof(struct segment_head)), 1);
		close(fd);
		assert_int_equal(take_all(numbers, 2), 1);
		assert_int_equal(numbers[0], 2);
		assert_int_equal(spool_damaged(spool), 1);
		assert_int_equal(disk.read_most, WINDOW_SIZE);
		closed();
		files_remove(path);
		entry_unref(entries[0]);
		entry_unref(entries[1]);
	}
}

static void test_unreadable_pages(void **state)
{
	static uint64_t numbers[2000];
	unsigned int got;

	opened(MIB);
	append(0, 2000);
	disk.bad_from = 8192;
	disk.bad_to = 16384;
	got = take_all(numbers, 2000);
	assert_int_equal(got + spool_damaged(spool), 2000);
	assert_true(spool_damaged(spool) >= 8192 / (HEAD + 22));
	assert_true(spool_damaged(spool) <= 8192 / (HEAD + 20) + 2);
	assert_int_equal(numbers[got - 1], 1999);
	disk.bad_to = LONG_MAX; /* none at all, not even the first */
	disk.bad_from = 0;
	store->ops->rewind(store);
	assert_int_equal(take_all(numbers, 2000), 0);
	assert_int_equal(spool_damaged(spool), 2000);
}

/* Files that are harmed while they are in use. */
static void test_harm_in_use(void **state)
{
	static uint64_t numbers[10000];
	unsigned int got;

	sizes = SIZES_MIXED;
	opened(4 * MIB);
	append(0, 500);
	assert_int_equal(peek_at(numbers, 10), 10);
	assert_int_equal(truncate(file_path(segment_file(1)), 10000), 0);
	unlink(file_path(segment_file(2)));
	do_harm(FIFO, segment_file(4), 0);
	do_harm(DIRECTORY, segment_file(5), 0);
	assert_int_equal(truncate(file_path(segment_file(spool->segment_count)), 100), 0);
	append(500, 50);
	got = take_all(numbers, 10000);
	assert_int_equal(got + spool_damaged(spool), 550);
	assert_int_equal(numbers[got - 1], 549);
	assert_true(got > 100);
	store->ops->confirm(store, got);
	assert_int_equal(spool_sync(spool), -EISDIR); /* what is not ours stays */
	rmdir(file_path(segment_file(5)));
	assert_int_equal(spool_sync(spool), 0);
	append(550, 2);
	expect_from(550, 2);
}

/* --- the cursor -------------------------------------------------------------------------------- */

static void put_cursor(uint64_t index)
{
	struct cursor cursor;

	spool_format_make_cursor(&cursor, index);
	write_file(SPOOL_CURSOR, &cursor, sizeof(cursor));
}

static void begins_anew(const char *why)
{
	assert_int_equal(open_it(MIB), 0);
	if (!strstr(said, why) || !strstr(said, path))
		fail_msg("\"%s\" does not say \"%s\"", said, why);
	expect_from(1, 20);
	assert_int_equal(spool_damaged(spool), 0);
	reopened(MIB); /* and it is said once */
	expect_from(1, 20);
	store->ops->confirm(store, 19);
	reopened(MIB);
	expect_from(20, 1);
	closed();
}

static void test_cursor(void **state)
{
	make_segments(2, 10);
	restore();
	unlink(file_path(SPOOL_CURSOR));
	begins_anew("is missing");
	restore();
	write_file(SPOOL_CURSOR, "", 0);
	begins_anew("is missing");
	restore();
	write_file(SPOOL_CURSOR, "short", 5);
	begins_anew("is damaged");
	restore();
	put_cursor(21);
	begins_anew("is ahead");
	restore();
	put_cursor(SPOOL_NUMBER_MAX - 1);
	begins_anew("is ahead");
	restore();
	put_cursor(2 * SPOOL_NUMBER_MAX);
	begins_anew("is damaged");
	restore();
	put_cursor(20);
	opened(MIB);
	assert_int_equal(waiting_now(), 0);
	goes_on(20);
	restore();
	put_cursor(0); /* behind */
	opened(MIB);
	expect_from(1, 20);
	closed();
	forget_saved();
}

/* How far another life may be behind. */
static void test_when_the_cursor_is_written(void **state)
{
	uint64_t numbers[1];

	opened(MIB);
	append(0, 1000);
	assert_int_equal(spool_sync(spool), 0);
	append(1000, 500);
	store->ops->sent(store, 1500);
	store->ops->confirm(store, 100);
	abandoned();
	opened(MIB);
	assert_int_equal(peek_at(numbers, 1), 1);
	assert_int_equal(numbers[0], 0);
	store->ops->sent(store, 1500);
	for (unsigned int i = 0; i < 100; i++)
		store->ops->confirm(store, 3);
	abandoned();
	opened(MIB);
	assert_int_equal(peek_at(numbers, 1), 1);
	assert_true(numbers[0] > 300 - 128 && numbers[0] <= 300);
	append(1500, 200);
	store->ops->sent(store, 5000);
	store->ops->confirm(store, 5000); /* 1500 of these were synced */
	abandoned();
	opened(MIB);
	assert_int_equal(peek_at(numbers, 1), 1);
	assert_int_equal(numbers[0], 1500);
	store->ops->sent(store, 150);
	store->ops->confirm(store, 50);
	assert_int_equal(spool_sync(spool), 0);
	abandoned();
	opened(MIB);
	expect_from(1550, 150);
}

/* --- what else is in the directory -------------------------------------------------------------- */

static const char *const foreign_names[] = {
	"segment-",
	"segment-1",
	"segment-zzzzzzzzzzzzzzzz",
	"segment-00000000000000001",
	"segment-000000000000000A",
	"segment-+000000000000001",
	"segment- 000000000000001",
	"segment-0x00000000000001",
	"segment-ffffffffffffffff",
	"segment-4000000000000000",
	"Segment-0000000000000001",
	"segment-0000000000000001.swp",
	"segment-0000000000000001\n",
	"cursor.bak",
	"-rf",
	"\xff\xfe%s%n",
};

#define FOREIGN_COUNT (sizeof(foreign_names) / sizeof(*foreign_names))

static void test_foreign_names(void **state)
{
	size_t size;

	opened(MIB);
	append(1, 5);
	closed();
	for (size_t i = 0; i < FOREIGN_COUNT; i++)
		write_file(foreign_names[i], "theirs", 6);
	assert_int_equal(mkdir(file_path(segment_file(2)), 0700), 0);
	assert_int_equal(symlink("/etc/passwd", file_path(segment_file(3))), 0);
	assert_int_equal(mkfifo(file_path(segment_file(4)), 0600), 0);
	opened(MIB);
	append(6, 5);
	assert_int_equal(access(file_path(segment_file(5)), F_OK), 0);
	expect_from(1, 10);
	store->ops->confirm(store, 10);
	closed();
	for (size_t i = 0; i < FOREIGN_COUNT; i++) {
		char *data = read_file(foreign_names[i], &size);

		assert_non_null(data);
		assert_int_equal(size, 6);
		free(data);
	}
	assert_int_equal(each_file(NULL, NULL), FOREIGN_COUNT + 3 + 1);
}

static void test_last_number(void **state)
{
	int error;

	opened(MIB);
	append(1, 3);
	closed();
	assert_int_equal(mkdir(file_path("segment-3fffffffffffffff"), 0700), 0);
	opened(MIB);
	assert_int_equal(append_at(4, 1, &error), 0);
	assert_int_equal(error, -EOVERFLOW);
	expect_from(1, 3);
}

static void test_name_taken_meanwhile(void **state)
{
	int error;

	opened(MIB);
	write_file(segment_file(1), "theirs", 6);
	assert_int_equal(append_at(1, 3, &error), 0);
	assert_int_equal(error, -EEXIST);
	append(1, 3);
	expect_from(1, 3);
}

/* --- refusals ---------------------------------------------------------------------------------- */

static void test_refused_directories(void **state)
{
	char name[128];

	refused(path, MIB - 1, -EINVAL, "1 MiB");
	assert_int_equal(access(path, F_OK), -1);
	refused("", MIB, -ENOENT, "No such file");
	snprintf(name, sizeof(name), "%s/none/spool", directory);
	refused(name, MIB, -ENOENT, "No such file");
	snprintf(name, sizeof(name), "%s/real", directory);
	mkdir(name, 0700);
	assert_int_equal(symlink(name, path), 0);
	refused(path, MIB, -EPERM, "is a symbolic link");
	strcat(path, "//");
	refused(path, MIB, -EPERM, "is a symbolic link");
	path[strlen(path) - 2] = '\0';
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(path, MIB, -EPERM, "is not a directory");
	unlink(path);
	mkdir(path, 0700);
	chmod(path, 0720);
	refused(path, MIB, -EPERM, "can be written to by others");
	chmod(path, 0702);
	refused(path, MIB, -EPERM, "can be written to by others");
	chmod(path, 0755);
	opened(MIB);
	assert_int_equal(each_file(NULL, NULL), 1);
}

static void test_somebody_elses(void **state)
{
	mkdir(path, 0700);
	if (chown(path, 1, 1))
		skip();
	refused(path, MIB, -EPERM, "belongs to somebody else");
}

static void test_lock(void **state)
{
	opened(MIB);
	refused(path, MIB, -EBUSY, "in use by another");
	reopened(MIB);
	refused(path, MIB, -EBUSY, "in use by another");
}

static void test_refused_cursor(void **state)
{
	mkdir(path, 0700);
	mkdir(file_path(SPOOL_CURSOR), 0700);
	refused(path, MIB, -EISDIR, "cursor");
	rmdir(file_path(SPOOL_CURSOR));
	assert_int_equal(symlink("/etc/passwd", file_path(SPOOL_CURSOR)), 0);
	refused(path, MIB, -ELOOP, "cursor");
	unlink(file_path(SPOOL_CURSOR));
	assert_int_equal(mkfifo(file_path(SPOOL_CURSOR), 0600), 0);
	refused(path, MIB, -EPERM, "it is not a regular file");
}

/* --- the disk fails ---------------------------------------------------------------------------- */

/* Writes that stop anywhere: what is whole stays, the rest is taken back. */
static void test_partial_writes(void **state)
{
	uint64_t next = 1;
	int error;

	opened(MIB);
	for (size_t most = 1; most < 400; most += 3) {
		unsigned int done;

		disk.write_max = most;
		done = append_at(next, 5, &error);
		if (done < 5)
			assert_int_equal(error, -ENOSPC);
		next += done;
		check_used(MIB);
		if (most % 10 == 0) {
			abandoned();
			opened(MIB);
		}
	}
	assert_true(next > 50);
	abandoned();
	opened(MIB);
	expect_from(1, (unsigned int)(next - 1));
	assert_int_equal(spool_damaged(spool), 0);
}

static void test_failing_sync(void **state)
{
	opened(MIB);
	append(1, 3);
	disk.sync_error = EIO;
	assert_int_equal(spool_sync(spool), -EIO);
	disk.sync_error = 0;
	assert_int_equal(spool_sync(spool), -EIO); /* the kernel would say that all is well */
	append(4, 3);
	assert_int_equal(segment_count(), 2);
	assert_int_equal(spool_sync(spool), -EIO);
	expect_from(1, 6);
	store->ops->confirm(store, 3);
	assert_int_equal(spool_sync(spool), -EIO); /* the last time: nobody needs it any more */
	assert_int_equal(segment_count(), 1);
	assert_int_equal(spool_sync(spool), 0);
	store->ops->confirm(store, 3);
	append(7, 1);
	disk.unlink_error = EROFS;
	reopened(MIB);
	expect_from(7, 1);
	store->ops->confirm(store, 1);
	assert_int_equal(spool_sync(spool), -EROFS);
	check_used(MIB);
	disk.unlink_error = 0;
	assert_int_equal(spool_sync(spool), 0);
	assert_int_equal(segment_count(), 0);
}

static void fill_disk(const char *name, unsigned int pages)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	char page[4096] = {0};

	while (pages-- && write(fd, page, sizeof(page)) > 0)
		;
	close(fd);
}

static void test_disk_full(void **state)
{
	char filler[128];
	unsigned int taken, more, later;
	int error;

	if (mount("tmpfs", directory, "tmpfs", 0, "size=1m"))
		skip();
	snprintf(filler, sizeof(filler), "%s/filler", directory);
	fill_disk(filler, 100);
	sizes = SIZES_MIXED;
	opened(64 * MIB);
	for (taken = 0; (more = append_at(taken, 40, &error)); taken += more)
		check_used(64 * MIB);
	assert_int_equal(error, -ENOSPC);
	assert_true(taken > 50);
	assert_int_equal(append_at(taken, 40, &error), 0); /* again and again */
	assert_int_equal(error, -ENOSPC);
	check_used(64 * MIB);
	assert_int_equal(spool_sync(spool), 0);
	reopened(64 * MIB);
	unlink(filler);
	later = append_at(taken, 40, &error);
	assert_int_equal(later, 40);
	fill_disk(filler, 10000);
	for (taken += later; (more = append_at(taken, 40, &error)); taken += more)
		;
	assert_int_equal(error, -ENOSPC);
	unlink(filler);
	reopened(64 * MIB);
	expect_from(0, taken);
	assert_int_equal(spool_damaged(spool), 0);
	closed();
	assert_int_equal(umount(directory), 0);
}

/* A spool that is made where there is no room, and works once there is. */
static void test_made_on_a_full_disk(void **state)
{
	char filler[128];
	int error;

	if (mount("tmpfs", directory, "tmpfs", 0, "size=1m"))
		skip();
	snprintf(filler, sizeof(filler), "%s/filler", directory);
	fill_disk(filler, 10000);
	opened(MIB);
	assert_int_equal(append_at(1, 5, &error), 0);
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(spool_sync(spool), -ENOSPC);
	assert_int_equal(segment_count(), 0);
	unlink(filler);
	append(1, 5);
	assert_int_equal(spool_sync(spool), 0);
	reopened(MIB);
	expect_from(1, 5);
	closed();
	assert_int_equal(umount(directory), 0);
}

/* --- a power failure --------------------------------------------------------------------------- */

/* What the disk has of a file: what was synced, all of it, or anything between, with zeros or noise in it. */
static void lose_power_over(struct shadow *shadow, unsigned int unlinked)
{
	bool cursor = !strcmp(shadow->name, SPOOL_CURSOR);
	size_t size = 0, keep;
	char *now = shadow->gone ? NULL : read_file(shadow->name, &size);
	bool there = shadow->named ? !shadow->gone || shadow->gone > unlinked : now && draw(2);

	unlink(file_path(shadow->name));
	if (there && now && (!draw(3) || (cursor && draw(2)))) {
		write_file(shadow->name, now, size);
	} else if (there && now && !cursor && size > shadow->size) {
		keep = shadow->size + draw(size - shadow->size + 1);
		for (size_t i = keep; i < size; i++)
			now[i] = draw(2) ? 0 : (char)draw(256);
		write_file(shadow->name, now, draw(2) ? size : keep);
	} else if (there) {
		write_file(shadow->name, shadow->data ? shadow->data : "", shadow->size);
	}
	free(now);
}

static void keep_file(const char *name, void *data)
{
	struct shadow *shadow = shadow_of(name);

	shadow->named = true;
	shadow->data = read_file(name, &shadow->size);
}

/* Of the files that were unlinked, the disk has the last ones still: it loses in the order of what was done. */
static void lose_power(void)
{
	unsigned int unlinked = (unsigned int)draw(disk.unlinked + 1);

	abandoned();
	each_file(shadow_file, NULL);
	for (unsigned int i = 0; i < disk.count; i++)
		lose_power_over(&disk.shadows[i], unlinked);
	forget_shadows();
	each_file(keep_file, NULL);
	disk.kept = true;
}

/* All from FROM to TO are among NUMBERS, in order. */
static void expect_among(const uint64_t *numbers, unsigned int count, uint64_t from, uint64_t to)
{
	unsigned int at = 0;

	for (uint64_t number = from; number < to; number++, at++) {
		while (at < count && numbers[at] < number)
			at++;
		if (at >= count || numbers[at] != number)
			fail_msg("%llu of %llu to %llu is lost", (unsigned long long)number,
				 (unsigned long long)from, (unsigned long long)to);
	}
}

static void test_power_failure(void **state)
{
	static uint64_t numbers[4000];
	uint64_t end = 1, confirmed = 1, synced = 1;

	disk.kept = true;
	sizes = SIZES_MIXED;
	opened(2 * MIB);
	for (unsigned int life = 0; life < 30; life++) {
		unsigned int count, steps = (unsigned int)draw(30);
		uint64_t sent = confirmed;

		while (steps--) {
			unsigned int some = (unsigned int)draw(20);
			uint64_t step = draw(sent - confirmed + 1);
			int error;

			end += append_at(end, some, &error);
			some = peek_at(numbers, (unsigned int)draw(30));
			store->ops->sent(store, some);
			sent = some ? numbers[some - 1] + 1 : sent;
			store->ops->confirm(store, step);
			confirmed += step;
			if (draw(4))
				continue;
			if (draw(5)) {
				assert_int_equal(spool_sync(spool), 0);
			} else { /* a kill; what is opened again is on the disk */
				abandoned();
				opened(2 * MIB);
				sent = peek_at(numbers, 1) ? numbers[0] : end;
				confirmed = sent;
			}
			synced = end;
		}
		lose_power();
		assert_int_equal(open_it(2 * MIB), 0);
		assert_string_equal(said, ""); /* nor is the cursor ever ahead */
		count = take_all(numbers, 4000);
		expect_among(numbers, count, confirmed, synced);
		for (unsigned int i = 1; i < count; i++)
			assert_true(numbers[i] > numbers[i - 1]);
		store->ops->confirm(store, count);
		assert_int_equal(spool_sync(spool), 0);
		synced = confirmed = end;
	}
}

/* --- a kill ------------------------------------------------------------------------------------ */

/* Shared with the child. */
struct progress {
	uint64_t appended, confirmed;
	unsigned int kills;
};

static void *append_until_killed(void *data)
{
	struct progress *progress = data;
	struct entry *entries[64];
	unsigned int turn = 0;

	for (;;) {
		unsigned int count = 1 + turn++ % 64, done;
		int error;

		for (unsigned int i = 0; i < count; i++)
			entries[i] = make(progress->appended + i, size_for(progress->appended + i));
		done = spool_append(spool, entries, count, &error);
		__atomic_add_fetch(&progress->appended, done, __ATOMIC_RELEASE);
		for (unsigned int i = 0; i < count; i++)
			entry_unref(entries[i]);
		if (error || turn % 50 == 0)
			spool_sync(spool);
		if (!done)
			sched_yield();
	}
	return NULL;
}

/* Without cmocka: a failure would go on with the parent's tests in the child. */
static unsigned int take_some(void)
{
	struct entry *entries[64];
	unsigned int count = store->ops->peek(store, entries, 64);

	for (unsigned int i = 0; i < count; i++) {
		if (!is_whole(entries[i]))
			_exit(1);
		entry_unref(entries[i]);
	}
	store->ops->sent(store, count);
	return count;
}

/* Confirms what it gets, a little later. */
static void take_until_killed(struct progress *progress)
{
	uint64_t unconfirmed = 0;
	unsigned int turn = 0;

	for (;;) {
		unsigned int count = take_some();

		unconfirmed += count;
		if (unconfirmed > 100 || !count) {
			uint64_t step = unconfirmed > 50 ? unconfirmed - 50 : unconfirmed;

			/* Before it is: then it may have arrived. */
			__atomic_add_fetch(&progress->confirmed, step, __ATOMIC_RELEASE);
			store->ops->confirm(store, step);
			unconfirmed -= step;
		}
		if (turn++ % 97 == 0) {
			store->ops->rewind(store);
			unconfirmed = 0;
		}
	}
}

static void live_until_killed(struct progress *progress)
{
	pthread_t appender;

	if (open_it(64 * MIB))
		_exit(1);
	if (pthread_create(&appender, NULL, append_until_killed, progress))
		_exit(1);
	take_until_killed(progress);
}

static void kill_one(struct progress *progress)
{
	uint64_t until = progress->appended + 100 + draw(2000);
	pid_t child = fork();
	int status;

	if (!child)
		live_until_killed(progress);
	while (__atomic_load_n(&progress->appended, __ATOMIC_ACQUIRE) < until) {
		assert_int_equal(waitpid(child, &status, WNOHANG), 0);
		sched_yield();
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* What was appended is there and in order, from before what was confirmed on. Of what was being written, the one who
 * was killed does not know; each kill may have torn one entry. */
static void check_after_kill(struct progress *progress)
{
	static uint64_t numbers[200000];
	unsigned int count;
	uint64_t last;

	opened(64 * MIB);
	count = take_all(numbers, 200000);
	last = count ? numbers[count - 1] + 1 : progress->appended;
	assert_true(last >= progress->appended && last <= progress->appended + 64);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(numbers[i], last - count + i);
	assert_true(last - count <= progress->confirmed);
	assert_true(spool_damaged(spool) <= ++progress->kills);
	progress->appended = last;
	progress->confirmed = last - count;
	store->ops->confirm(store, count / 2);
	progress->confirmed += count / 2;
	closed();
}

static void test_kill(void **state)
{
	struct progress *progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(progress != MAP_FAILED);
	sizes = SIZES_MIXED;
	for (unsigned int i = 0; i < 5; i++) {
		kill_one(progress);
		check_after_kill(progress);
	}
	munmap(progress, sizeof(*progress));
}

/* --- two threads ------------------------------------------------------------------------------- */

static void *append_many(void *data)
{
	uint64_t *total = data;
	unsigned int turn = 0;

	for (uint64_t number = 0; number < *total;) {
		uint64_t left = *total - number;
		unsigned int count = 1 + turn++ % 100;
		int error;

		number += append_at(number, left < count ? (unsigned int)left : count, &error);
		if (error)
			abort();
		if (turn % 20 == 0 && spool_sync(spool))
			abort();
		spool_used(spool);
	}
	return NULL;
}

static void test_two_threads(void **state)
{
	uint64_t total = 10000, confirmed = 0, sent = 0, numbers[100];
	pthread_t appender;

	sizes = SIZES_MIXED;
	opened(2 * MIB);
	assert_int_equal(pthread_create(&appender, NULL, append_many, &total), 0);
	while (confirmed < total) {
		unsigned int count = peek_at(numbers, 1 + (unsigned int)draw(100));
		unsigned int send = count - (unsigned int)draw(count / 2 + 1);
		uint64_t step;

		for (unsigned int i = 0; i < count; i++)
			assert_int_equal(numbers[i], sent + i);
		store->ops->sent(store, send);
		sent += send;
		step = sent - draw((sent - confirmed) / 2 + 1) - confirmed;
		store->ops->confirm(store, step);
		confirmed += step;
		if (!draw(20)) {
			uint64_t before = store->ops->unconfirmed(store);

			store->ops->rewind(store);
			confirmed += store->ops->unconfirmed(store) - before;
			sent = confirmed;
		}
		assert_int_equal(spool_damaged(spool), 0);
		assert_true(spool_used(spool) <= 2 * MIB);
	}
	pthread_join(appender, NULL);
	assert_int_equal(confirmed, total);
	assert_int_equal(waiting_now(), 0);
}

int main(void)
{
#define SPOOL_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(test_empty),
		SPOOL_TEST(test_order_over_many_segments),
		SPOOL_TEST(test_confirmed_segments_go),
		SPOOL_TEST(test_large_entries),
		SPOOL_TEST(test_bound),
		SPOOL_TEST(test_confirmation_of_what_gave_way),
		SPOOL_TEST(test_size_may_shrink),
		SPOOL_TEST(test_reader_keeps_no_file),
		SPOOL_TEST(test_model),
		SPOOL_TEST(test_torn_end),
		SPOOL_TEST(test_every_bit),
		SPOOL_TEST(test_harmed_segment_in_the_middle),
		SPOOL_TEST(test_harmed_segment_at_the_end),
		SPOOL_TEST(test_nothing_readable),
		SPOOL_TEST(test_entry_in_an_entry),
		SPOOL_TEST(test_damage_that_gives_way),
		SPOOL_TEST(test_head_across_blocks),
		SPOOL_TEST(test_harm_in_use),
		SPOOL_TEST(test_cursor),
		SPOOL_TEST(test_when_the_cursor_is_written),
		SPOOL_TEST(test_foreign_names),
		SPOOL_TEST(test_last_number),
		SPOOL_TEST(test_name_taken_meanwhile),
		SPOOL_TEST(test_refused_directories),
		SPOOL_TEST(test_somebody_elses),
		SPOOL_TEST(test_lock),
		SPOOL_TEST(test_refused_cursor),
		SPOOL_TEST(test_failing_sync),
		SPOOL_TEST(test_disk_full),
		SPOOL_TEST(test_made_on_a_full_disk),
		SPOOL_TEST(test_power_failure),
		SPOOL_TEST(test_kill),
		SPOOL_TEST(test_two_threads),
	};

	/* These reckon with how large entries are. */
	const struct CMUnitTest reckoning[] = {
		SPOOL_TEST(test_too_large),	      SPOOL_TEST(test_much_damage),
		SPOOL_TEST(test_confirm_over_damage), SPOOL_TEST(test_unreadable_pages),
		SPOOL_TEST(test_partial_writes),
	};
	int failed = cmocka_run_group_tests(reckoning, NULL, NULL) +
		     cmocka_run_group_tests(tests, NULL, NULL);

	lines_before = true;
	return failed + cmocka_run_group_tests_name("with lines before", tests, NULL, NULL);
}
