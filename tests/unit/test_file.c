// SPDX-License-Identifier: Apache-2.0
/* Log files: whole lines, each once, whatever the disk and others do. */
#include "files.h"

#include <libgen.h>
#include <limits.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "chain/verify.h"
#include "faults.h"
#include "output/file/file_inside.h"

/* --- a disk that fails as it is told ---------------------------------------------------------- */

static struct {
	size_t room;	      /* bytes that can be written until it is full */
	int write_error;      /* once it is */
	void (*others)(void); /* what somebody else does, once, when a write was short */
	int thread_error;
	unsigned int renames; /* that work before one fails */
	unsigned int writes;

	/* Also for the syncer's thread. */
	_Atomic int sync_error, save_error;
	_Atomic bool slow; /* it has an fdatasync() wait for a byte in the gate, or its end */
	_Atomic unsigned int syncs;	/* that were begun */
	_Atomic unsigned int own_waits; /* syncs of any kind that held up who writes */
	_Atomic bool signals;		/* come to another thread */
} disk;

static int gate[2] = {-1, -1};
static pthread_t writer;
static char path[96], seal_path[112];

/* What was done, in its order; by one thread at a time. */
static struct event {
	bool saved; /* else synced */
	ino_t inode;
	uint64_t lines;
} history[1024];
static unsigned int history_count;

FAULTS_OF(ftruncate, (int fd, off_t size), fd, size)
FAULTS_OF(fchown, (int fd, uid_t user, gid_t group), fd, user, group)
FAULTS_OF(fchmod, (int fd, mode_t mode), fd, mode)

ssize_t __real_write(int fd, const void *data, size_t size);
int __real_renameat(int from_at, const char *from, int to_at, const char *to);
int __real_sealfile_save(struct sealfile *file, const struct chain *chain, bool sync);
int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*start)(void *),
			  void *data);

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	void (*others)(void) = disk.others;
	ssize_t written;

	disk.writes++;
	if (size && !disk.room)
		return faults_return(disk.write_error);
	written = __real_write(fd, data, size < disk.room ? size : disk.room);
	if (written > 0)
		disk.room -= (size_t)written;
	if (written > 0 && (size_t)written < size && others) {
		disk.others = NULL;
		others();
	}
	return written;
}

static void note_waiting(void)
{
	disk.own_waits += pthread_equal(pthread_self(), writer) != 0;
}

static bool is_seal_file(const struct stat *info)
{
	struct stat seals;

	return !stat(seal_path, &seals) && seals.st_ino == info->st_ino;
}

/* What would survive a power failure is tested of the log alone. */
int __wrap_fdatasync(int fd)
{
	struct stat info;
	sigset_t blocked;
	char byte;

	note_waiting();
	if (fstat(fd, &info))
		return -1;
	if (is_seal_file(&info))
		return 0;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (!pthread_equal(pthread_self(), writer) && !sigismember(&blocked, SIGTERM))
		disk.signals = true;
	disk.syncs++;
	if (disk.slow && read(gate[0], &byte, 1) < 0)
		return -1;
	if (!disk.sync_error && history_count < 1024)
		history[history_count++] = (struct event){.inode = info.st_ino};
	return faults_return(disk.sync_error);
}

/* Of directories. */
int __wrap_fsync(int fd)
{
	note_waiting();
	return 0;
}

int __wrap_renameat(int from_at, const char *from, int to_at, const char *to)
{
	if (!disk.renames)
		return faults_return(EACCES);
	disk.renames--;
	return __real_renameat(from_at, from, to_at, to);
}

int __wrap_sealfile_save(struct sealfile *file, const struct chain *chain, bool sync)
{
	if (disk.save_error)
		return -disk.save_error;
	if (history_count < 1024)
		history[history_count++] = (struct event){.saved = true, .lines = chain->lines};
	return __real_sealfile_save(file, chain, sync);
}

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*start)(void *),
			  void *data)
{
	return disk.thread_error ?: __real_pthread_create(ret, attributes, start, data);
}

/* --- the clock -------------------------------------------------------------------------------- */

static uint64_t real_seconds, monotonic_seconds;

uint64_t __wrap_clock_now(clockid_t id)
{
	return (id == CLOCK_REALTIME ? real_seconds : monotonic_seconds) * NS_PER_S;
}

static void pass(unsigned int seconds)
{
	real_seconds += seconds;
	monotonic_seconds += seconds;
}

/* --- the driver under test -------------------------------------------------------------------- */

#define HOUR 3600
#define BATCH 128
#define TAIL_BLOCK 16384      /* bytes that file_log.c looks through at a time */
#define BATCH_KEEP (4u << 20) /* a larger buffer is not kept */

static char name[112];
static struct sink_options options;
static struct driver *driver;
static struct {
	uint64_t torn;
	unsigned int sent;
	char news[4096]; /* since forget_news() */
} told;

static int setup(void **state)
{
	signal(SIGXFSZ, SIG_IGN);
	umask(022);
	if (files_prepare("/tmp"))
		return -1;
	snprintf(path, sizeof(path), "%s/log", directory);
	snprintf(seal_path, sizeof(seal_path), "%s.seal", path);
	snprintf(name, sizeof(name), "file:%s", path);
	options = (struct sink_options){
		.name = name,
		.kind = SINK_FILE,
		.path = path,
		.mode = 0600,
		.group = (gid_t)-1,
		.keep = 5,
		.host_name = "box",
		.run_id = "8000000000000000",
		.version = "0.1.0",
	};
	memset(&disk, 0, sizeof(disk));
	ftruncate_error = fchown_error = fchmod_error = 0;
	disk.room = SIZE_MAX;
	disk.write_error = ENOSPC;
	disk.renames = UINT_MAX;
	history_count = 0;
	writer = pthread_self();
	memset(&told, 0, sizeof(told));
	driver = NULL;
	real_seconds = time(NULL) / HOUR * HOUR + 1; /* files that are made now are of this hour */
	monotonic_seconds = 1000;
	return 0;
}

/* chattr +a, or -a. */
static bool set_append_only(bool on)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), flags = 0;
	bool done;

	if (fd < 0)
		return false;
	done = !ioctl(fd, FS_IOC_GETFLAGS, &flags);
	flags = on ? flags | FS_APPEND_FL : flags & ~FS_APPEND_FL;
	done = done && !ioctl(fd, FS_IOC_SETFLAGS, &flags);
	close(fd);
	return done;
}

static void close_gate(unsigned int end)
{
	if (gate[end] >= 0)
		close(gate[end]);
	gate[end] = -1;
}

static int teardown(void **state)
{
	disk.slow = false; /* where a test failed */
	close_gate(1);
	close_gate(0);
	set_append_only(false);
	umount(directory);
	return files_remove(directory);
}

/* Takes what the driver says, as the sink does. */
static void take_word(void)
{
	assert_false(driver->rewind);
	assert_int_equal(driver->too_large, 0);
	told.torn += driver->torn;
	told.sent += driver->confirmed;
	driver->confirmed = driver->torn = 0;
	assert_true(driver->error || !driver->why[0]);
	if (driver->news[0]) {
		size_t used = strlen(told.news);

		snprintf(told.news + used, sizeof(told.news) - used, "%s\n", driver->news);
		driver->news[0] = '\0';
	}
}

static void forget_news(void)
{
	told.news[0] = '\0';
}

static void assert_no_news(void)
{
	assert_string_equal(told.news, "");
}

static void open_driver(void)
{
	char reason[256] = "";
	int error = file_open(&options, -1, &driver, reason, sizeof(reason));

	if (error)
		fail_msg("%d %s", error, reason);
	assert_string_equal(reason, "");
	assert_int_equal(driver->error, 0);
	take_word();
}

static void refused(int wanted, const char *why)
{
	char reason[256] = "";

	assert_int_equal(file_open(&options, -1, &driver, reason, sizeof(reason)), wanted);
	if (!strstr(reason, why) || !strstr(reason, path))
		fail_msg("\"%s\" does not say \"%s\"", reason, why);
	assert_null(driver);
}

static void run(void)
{
	driver->ops->run(driver);
	take_word();
}

/* Waits for what a run began. */
static void settle(void)
{
	file_sync_wait(&((struct file *)driver)->syncer);
}

static void reopen(void)
{
	driver->ops->reopen(driver);
	take_word();
}

static void close_driver(void)
{
	driver->ops->finish(driver);
	take_word();
	driver->ops->close(driver);
	driver = NULL;
}

/* Without a word: as a crash does. */
static void drop_driver(void)
{
	driver->ops->close(driver);
	driver = NULL;
}

static bool said(const char *what)
{
	return strstr(driver->why, what) != NULL;
}

/* Besides errors. */
static bool heard(const char *what)
{
	return strstr(told.news, what) != NULL;
}

/* Where records name their callers, so many take turns. */
static unsigned int callers;

/* The caller of record NUMBER, which needs a line before it. */
static void add_caller(struct entry *entry, unsigned int number)
{
	char line[256];
	unsigned char caller = (unsigned char)(number * 5 / 3 % callers);
	int size = snprintf(line, sizeof(line),
			    "{\"@timestamp\":\"2026-03-01T12:03:44Z\",\"seen\":%u,\"pad\":\"%0*u\","
			    "\"callerd\":{\"a\":1}}\n",
			    caller, 1 + caller * 11, 0);

	entry->before = entry_new(line, (size_t)size);
	entry->before->key[0] = caller;
}

/* Record NUMBER, of a size that depends on it. */
static struct entry *make_record(unsigned int number)
{
	char line[1024], named[24] = "";
	struct entry *entry;
	int size;

	if (callers)
		snprintf(named, sizeof(named), "\"of\":%u,", number * 5 / 3 % callers);
	size = snprintf(line, sizeof(line),
			"{\"@timestamp\":\"2026-03-01T12:03:44Z\",\"n\":%u,%s\"pad\":\"%0*u\","
			"\"callerd\":{\"a\":1}}\n",
			number, named, 1 + (int)(number * 7 % 300), 0);
	entry = entry_new(line, (size_t)size);
	if (callers)
		add_caller(entry, number);
	return entry;
}

static unsigned int send_some(struct entry *const *entries, unsigned int count)
{
	unsigned int sent = driver->ops->send(driver, entries, count);

	assert_true(sent <= count);
	assert_true(sent == count || driver->error);
	assert_int_equal(driver->confirmed, sent);
	take_word();
	return sent;
}

/* Sends the records from told.sent on up to END, once; returns whether all were. */
static bool send_once(unsigned int end)
{
	struct entry *entries[BATCH] = {NULL};
	unsigned int count = 0;
	unsigned int sent;

	while (told.sent + count < end && count < BATCH) {
		entries[count] = make_record(told.sent + count);
		count++;
	}
	sent = send_some(entries, count);
	for (unsigned int i = 0; i < count; i++)
		entry_unref(entries[i]);
	return sent == count;
}

static void send_all(unsigned int end)
{
	while (told.sent < end)
		if (!send_once(end))
			fail_msg("%s", driver->why);
	assert_int_equal(driver->error, 0);
}

/* --- what is in the files --------------------------------------------------------------------- */

static void assert_file(const char *text)
{
	size_t size;
	char *data = files_read(path, &size);

	assert_non_null(data);
	assert_string_equal(data, text);
	assert_int_equal(size, strlen(text));
	free(data);
}

static bool exists(unsigned int number)
{
	char file[128];

	snprintf(file, sizeof(file), "%s.%u", path, number);
	return !access(file, F_OK);
}

struct found {
	struct verify *verify; /* NULL: no chain */
	unsigned int records, doubles, seals, others, files;
	uint64_t seen;	   /* of this file: a bit for each caller that was told */
	unsigned int told; /* how often one was */
	bool ends_in_seal; /* the last line of the last file */
	bool holes;	   /* are to be expected */
	unsigned int faults;
	enum verify_fault kind; /* of the first one */
	char fault[512];
};

static void note_fault(void *data, enum verify_fault fault, unsigned int file, uint64_t line,
		       const char *what)
{
	struct found *found = data;

	if (found->faults++)
		return;
	found->kind = fault;
	snprintf(found->fault, sizeof(found->fault), "fault %d in file %u line %llu: %s", fault,
		 file, (unsigned long long)line, what);
}

/* A record names nobody who was not told before it in the same file. */
static void check_caller(const struct found *found, const char *text)
{
	const char *of = strstr(text, "\"of\":");

	assert_int_equal(of != NULL, callers != 0);
	if (of)
		assert_true(found->seen >> strtoul(of + 5, NULL, 10) & 1);
}

static void check_line(struct found *found, struct bytes line)
{
	char text[64] = "";
	const char *number, *seen;
	bool seal = memmem(line.data, line.size, "log-sealed", 10) != NULL;

	memcpy(text, line.data, line.size < 63 ? line.size : 63);
	number = strstr(text, "\"n\":");
	seen = strstr(text, "\"seen\":");
	found->ends_in_seal = seal;
	if (number && line.data[line.size - 1] == '}')
		check_caller(found, text);
	if (seal) {
		found->seals++;
	} else if (seen && line.data[line.size - 1] == '}') {
		found->seen |= 1ull << strtoul(seen + 7, NULL, 10);
		found->told++;
	} else if (!number || line.data[line.size - 1] != '}') {
		found->others++;
	} else if (strtoul(number + 4, NULL, 10) < found->records) {
		found->doubles++;
	} else {
		if (!found->holes)
			assert_int_equal(strtoul(number + 4, NULL, 10), found->records);
		found->records = (unsigned int)strtoul(number + 4, NULL, 10) + 1;
	}
}

static void check_file(struct found *found, const char *file)
{
	size_t size;
	char *data = files_read(file, &size);
	const char *at = data, *end;

	if (!data)
		return;
	found->files++;
	found->seen = 0;
	if (found->verify)
		verify_file(found->verify);
	for (; at < data + size; at = end + 1) {
		struct bytes line = {at};

		end = memchr(at, '\n', size - (size_t)(at - data));
		assert_non_null(end); /* whole lines only */
		line.size = (size_t)(end - at);
		check_line(found, line);
		if (found->verify)
			assert_int_equal(verify_line(found->verify, line, true), 0);
	}
	free(data);
}

/* The highest number, with a few missing ones before it. */
static unsigned int oldest(void)
{
	unsigned int found = 0;

	for (unsigned int number = 1; number < found + 10; number++)
		if (exists(number))
			found = number;
	return found;
}

/* Reads all files, the oldest first, into what is FOUND already. */
static struct found find(struct found found)
{
	struct verify_options verifying = {.data = &found, .fault = note_fault};
	struct verify_report report;
	char file[128];

	found.verify = options.chain ? verify_new(&verifying) : NULL;
	for (unsigned int i = oldest(); i; i--) {
		snprintf(file, sizeof(file), "%s.%u", path, i);
		check_file(&found, file);
	}
	check_file(&found, path);
	if (found.verify) {
		verify_end(found.verify, &report);
		verify_free(found.verify);
	}
	return found;
}

/* The records are in their order, from FIRST on, each there. */
static struct found find_from(unsigned int first)
{
	return find((struct found){.records = first});
}

/* The records are there from the first to before END, each once and nothing else, and the chain is whole. */
static struct found check_records(unsigned int end)
{
	struct found found = find_from(0);

	assert_int_equal(found.records, end);
	assert_int_equal(found.doubles, 0);
	assert_int_equal(found.others, 0);
	if (found.faults)
		fail_msg("%s (and %u more)", found.fault, found.faults - 1);
	return found;
}

static void forget_files(void)
{
	unlink(path);
	unlink(seal_path);
	memset(&told, 0, sizeof(told));
}

static void forget_rotated(void)
{
	for (unsigned int i = oldest(); i; i--) {
		char file[128];

		snprintf(file, sizeof(file), "%s.%u", path, i);
		unlink(file);
	}
}

/* --- opening ---------------------------------------------------------------------------------- */

static void test_mode_and_group(void **state)
{
	struct stat info;

	umask(077);
	options.mode = 0640;
	options.group = geteuid() ? getegid() : 1;
	open_driver();
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode, S_IFREG | 0640);
	assert_int_equal(info.st_gid, options.group);
	assert_int_equal(fcntl(driver->ops->file(driver), F_GETFD), FD_CLOEXEC);
	close_driver();
}

static void test_existing_file_is_kept(void **state)
{
	struct stat info;

	files_write(path, "before\n", 7);
	chmod(path, 0644);
	assert_int_equal(stat(path, &info), 0);
	options.group = info.st_gid + 1;
	open_driver();
	send_all(1);
	close_driver();
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0644);
	assert_int_not_equal(info.st_gid, options.group);
	assert_int_equal(find_from(0).others, 1);
	assert_int_equal(told.torn, 0);
}

/* A missing directory is made, for those who may read the log. */
static void test_directory_is_made(void **state)
{
	char made[128];
	struct stat info;

	snprintf(made, sizeof(made), "%s/made", directory);
	snprintf(path, sizeof(path), "%s/log", made);
	open_driver();
	close_driver();
	assert_int_equal(stat(made, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0700);
	assert_int_equal(files_remove(made), 0);
	options.mode = 0640;
	options.group = getegid() + 1;
	if (geteuid())
		options.group = getegid();
	open_driver();
	close_driver();
	assert_int_equal(stat(made, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0750);
	assert_int_equal(info.st_gid, options.group);
}

/* Nobody else may read what was to be for a group. */
static void test_group_is_refused(void **state)
{
	struct stat info;

	options.group = 1;
	options.mode = 0640;
	fchown_error = EPERM;
	refused(-EPERM, "cannot be given to its group");
	assert_int_equal(access(path, F_OK), -1);
	fchown_error = 0;
	options.group = getegid();
	open_driver();
	fchown_error = EPERM;
	assert_int_equal(unlink(path), 0);
	run();
	send_all(1);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	run();
	assert_true(heard("cannot be given to its group: Operation not permitted"));
	close_driver();
}

static void test_refused_files(void **state)
{
	char target[128];

	snprintf(target, sizeof(target), "%s/target", directory);
	assert_int_equal(symlink(target, path), 0);
	refused(-ELOOP, "a symlink is not followed");
	assert_int_equal(access(target, F_OK), -1);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-ENODEV, "not a regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refused(-EISDIR, "Is a directory");
	rmdir(path);
	snprintf(path, sizeof(path), "%s/none/none/log", directory);
	refused(-ENOENT, "No such file");
	snprintf(target, sizeof(target), "%s/none", directory);
	assert_int_equal(access(target, F_OK), -1);
	snprintf(path, sizeof(path), "/dev/null");
	refused(-ENODEV, "not a regular file");
}

static void test_keep_is_needed(void **state)
{
	options.keep = 0;
	options.rotate_size = 1000;
	refused(-EINVAL, "at least one rotated file");
	options.rotate_size = 0;
	open_driver();
	close_driver();
}

/* --- torn lines ------------------------------------------------------------------------------- */

static void check_mended(const char *data, size_t size, const char *cut, unsigned int torn)
{
	files_write(path, data, size);
	told.torn = 0;
	open_driver();
	assert_int_equal(told.torn, torn);
	assert_file(cut);
	close_driver();
	open_driver(); /* only once */
	assert_int_equal(told.torn, torn);
	close_driver();
	assert_file(cut);
}

static void test_torn_line_is_cut(void **state)
{
	char *large = malloc(5 * TAIL_BLOCK);

	check_mended("", 0, "", 0);
	check_mended("whole\n", 6, "whole\n", 0);
	check_mended("whole\n{\"torn\":", 14, "whole\n", 1);
	check_mended("{\"torn\":", 8, "", 1);
	check_mended("whole\n\0\0\0\0", 10, "whole\n", 1);
	check_mended("whole\n{\"to\0\0\0\0", 14, "whole\n", 1);
	check_mended("\0", 1, "", 1);
	check_mended("\n", 1, "\n", 0);
	for (int i = -2; i <= 2; i++) {
		size_t size = (size_t)(4 * TAIL_BLOCK + i);

		memset(large, 'x', size);
		check_mended(large, size, "", 1);
		memcpy(large, "whole\n", 6);
		check_mended(large, size, "whole\n", 1);
	}
	free(large);
}

/* Where it cannot be cut. */
static void test_torn_line_is_ended(void **state)
{
	ftruncate_error = EPERM;
	check_mended("whole\n{\"torn\":", 14, "whole\n{\"torn\":\n", 1);
	files_write(path, "torn", 4);
	told.torn = 0;
	disk.room = 0;
	open_driver();
	assert_false(send_once(1));
	assert_true(said("No space left on device"));
	assert_file("torn");
	disk.room = SIZE_MAX;
	send_all(2);
	close_driver();
	assert_int_equal(told.torn, 1);
	assert_int_equal(find_from(0).others, 1);
}

/* A real one. */
static void test_append_only_file(void **state)
{
	files_write(path, "whole\ntorn", 10);
	if (!set_append_only(true))
		skip();
	open_driver();
	assert_file("whole\ntorn\n");
	assert_int_equal(told.torn, 1);
	options.rotate_size = 1;
	send_all(10);
	run();
	assert_true(heard("cannot be rotated and grows on: Operation not permitted"));
	close_driver();
	assert_true(set_append_only(false));
	assert_int_equal(find_from(0).records, 10);
}

/* --- others write as well --------------------------------------------------------------------- */

static void test_others_append_too(void **state)
{
	struct found found;

	open_driver();
	send_all(1);
	files_append(path, "other\n", strlen("other\n"));
	send_all(2);
	assert_int_equal(told.torn, 0);
	files_append(path, "half", strlen("half"));
	send_all(3);
	assert_int_equal(told.torn, 1);
	close_driver();
	found = find_from(0);
	assert_int_equal(found.records, 3);
	assert_int_equal(found.others, 2);
}

/* --- disks that are full ---------------------------------------------------------------------- */

#define RECORDS 20

/* Opens with room for SIZE bytes, until all were tried; then there is room for all. */
static void fill_and_recover(size_t size)
{
	open_driver();
	disk.room = size;
	while (!send_once(RECORDS) && driver->error == -EAGAIN)
		; /* others wrote, at once again */
	if (driver->error) {
		assert_int_equal(driver->error, -ENOSPC);
		assert_true(said("cannot write file:/tmp/"));
		assert_true(said("No space left on device"));
		assert_false(send_once(RECORDS));
		run();
		assert_int_equal(driver->error, -ENOSPC);
	}
	disk.room = 100; /* of which not even a line can be made */
	send_once(RECORDS);
	disk.room = 900; /* a little more */
	send_once(RECORDS);
	disk.room = SIZE_MAX;
	send_all(RECORDS);
	assert_string_equal(driver->why, "");
	close_driver();
}

/* How large and sealed all records are where nothing goes wrong. */
static size_t size_of_all(unsigned int *seals)
{
	struct stat info;

	open_driver();
	send_all(RECORDS);
	close_driver();
	*seals = check_records(RECORDS).seals;
	assert_int_equal(stat(path, &info), 0);
	forget_files();
	return (size_t)info.st_size;
}

static void full_anywhere(void)
{
	unsigned int seals;
	size_t size = size_of_all(&seals);

	for (size_t room = 0; room < size + 10; room += 419) {
		fill_and_recover(room);
		if (callers) /* how many lines there are depends on where it was full */
			check_records(RECORDS);
		else
			assert_int_equal(check_records(RECORDS).seals, seals);
		assert_int_equal(told.torn, 0);
		forget_files();
	}
}

static void test_full_disk_anywhere(void **state)
{
	full_anywhere();
	options.chain = true;
	full_anywhere();
	options.fsync = FSYNC_ALWAYS;
	options.seal_lines = 3;
	full_anywhere();
}

/* The part of a line that is there cannot be cut: its rest comes first. */
static void test_full_disk_append_only(void **state)
{
	ftruncate_error = EPERM;
	full_anywhere();
	options.chain = true;
	options.seal_lines = 3;
	full_anywhere();
	options.fsync = FSYNC_ALWAYS;
	full_anywhere();
}

static bool cut_behind_line; /* when the disk was full the file ended in a whole line */

static void note_cut(void)
{
	size_t size;
	char *data = files_read(path, &size);

	cut_behind_line = !size || data[size - 1] == '\n';
	free(data);
}

static void others_append(void)
{
	note_cut();
	files_append(path, "other\n", strlen("other\n"));
}

static void others_append_half(void)
{
	note_cut();
	files_append(path, "half", strlen("half"));
}

/* And there is room again, at once. */
static void others_make_room(void)
{
	others_append();
	disk.room = SIZE_MAX;
}

/* Somebody else writes behind a part of a line: it is ended, and written anew. */
static void test_full_disk_and_others(void **state)
{
	static void (*const others[])(void) = {others_append, others_append_half, others_make_room};

	for (size_t room = 10; room < 2000; room += 37) {
		struct found found;

		disk.others = others[room % 3];
		fill_and_recover(room);
		found = find_from(0);
		assert_int_equal(found.records, RECORDS);
		assert_int_equal(found.doubles, 0);
		assert_in_range(found.others, 1, 2);
		assert_int_equal(told.torn, cut_behind_line ? 0 : 1);
		forget_files();
	}
}

/* A rest that waits is given up where somebody else writes behind it, or the file is left. */
static void test_rest_is_given_up(void **state)
{
	static const uint64_t rooms[] = {2700, 2800, 2900, 3000, 3100, 3200, 3300, 3400};

	unsigned int tried = 0;

	options.chain = true;
	/* Wherever it is cut: in a record, or in the line that is before it. */
	for (unsigned int i = 0; i < 2 * COUNT(rooms); i++) {
		bool reopened = i & 1;
		struct found found;

		ftruncate_error = EPERM;
		open_driver();
		disk.room = rooms[i / 2];
		assert_false(send_once(RECORDS));
		note_cut();
		if (cut_behind_line) { /* of nothing there is no rest */
			disk.room = SIZE_MAX;
			send_all(RECORDS);
			close_driver();
			forget_files();
			continue;
		}
		tried++;
		assert_int_equal(((struct file *)driver)->rest.kind, REST_RECORD);
		if (reopened) {
			char rotated[128];

			snprintf(rotated, sizeof(rotated), "%s.1", path);
			assert_int_equal(__real_renameat(AT_FDCWD, path, AT_FDCWD, rotated), 0);
			disk.room = 1; /* to end it */
			reopen();
		} else {
			files_append(path, "other\n", strlen("other\n"));
		}
		disk.room = SIZE_MAX;
		send_all(RECORDS);
		close_driver();
		assert_int_equal(told.torn, 1);
		found = find_from(0);
		assert_int_equal(found.records, RECORDS);
		assert_int_equal(found.doubles, 0);
		assert_int_equal(found.others, 1);
		assert_int_equal(found.faults, 1); /* it, and nothing else */
		assert_int_equal(found.kind, VERIFY_INSERTED);
		forget_files();
		forget_rotated();
	}
	assert_in_range(tried, 2 * COUNT(rooms) - 4, 2 * COUNT(rooms));
}

/* A crash, while a rest waits: what was saved is not ahead of the file. */
static void test_crash_with_rest(void **state)
{
	options.chain = true;
	ftruncate_error = EPERM;
	open_driver();
	disk.room = 3000;
	assert_false(send_once(RECORDS));
	run();
	drop_driver();
	disk.room = SIZE_MAX;
	ftruncate_error = 0;
	open_driver();
	assert_no_news();
	assert_int_equal(told.torn, 1);
	send_all(RECORDS);
	close_driver();
	check_records(RECORDS);
}

static void test_full_tmpfs(void **state)
{
	char filler[128], page[4096] = {0};
	int fd;

	if (mount("tmpfs", directory, "tmpfs", 0, "size=1m"))
		skip();
	options.chain = true;
	options.seal_lines = 50;
	open_driver();
	send_all(10);
	run();
	snprintf(filler, sizeof(filler), "%s/filler", directory);
	for (int round = 0; round < 5; round++) {
		fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		while (__real_write(fd, page, sizeof(page)) > 0)
			;
		close(fd);
		while (send_once(2000))
			;
		assert_int_equal(driver->error, -ENOSPC);
		run();
		assert_int_equal(unlink(filler), 0);
		send_all(told.sent + 300);
		run();
	}
	close_driver();
	check_records(told.sent);
	assert_int_equal(told.torn, 0);
	assert_int_equal(umount(directory), 0);
}

static void test_file_size_limit(void **state)
{
	struct rlimit before, limit;

	options.chain = true;
	open_driver();
	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){.rlim_cur = 10000, .rlim_max = before.rlim_max};
	setrlimit(RLIMIT_FSIZE, &limit);
	while (send_once(1000))
		;
	assert_int_equal(driver->error, -EFBIG);
	assert_true(told.sent > 10);
	setrlimit(RLIMIT_FSIZE, &before);
	send_all(1000);
	close_driver();
	check_records(1000);
}

/* --- the disk itself -------------------------------------------------------------------------- */

static void test_fsync(void **state)
{
	options.fsync = FSYNC_NONE;
	open_driver();
	send_all(RECORDS);
	run();
	assert_int_equal(disk.syncs, 0);
	close_driver();
	assert_int_equal(disk.syncs, 0);
	options.fsync = FSYNC_INTERVAL;
	open_driver();
	send_all(2 * RECORDS);
	assert_int_equal(disk.syncs, 0);
	run();
	settle();
	assert_int_equal(disk.syncs, 1);
	run();
	settle();
	assert_int_equal(disk.syncs, 1); /* nothing new */
	close_driver();
	disk.syncs = 0;
	options.fsync = FSYNC_ALWAYS;
	open_driver();
	send_all(3 * RECORDS);
	assert_int_equal(disk.syncs, 1);
	close_driver();
	check_records(3 * RECORDS);
}

/* What may not be on the disk does not count as written. */
static void test_fsync_fails(void **state)
{
	options.chain = true;
	options.fsync = FSYNC_ALWAYS;
	open_driver();
	send_all(RECORDS);
	disk.sync_error = EIO;
	assert_false(send_once(2 * RECORDS));
	assert_int_equal(told.sent, RECORDS);
	assert_true(said("Input/output error"));
	disk.sync_error = 0;
	send_all(2 * RECORDS);
	close_driver();
	check_records(2 * RECORDS);
}

static void test_fsync_fails_append_only(void **state)
{
	struct found found;

	options.chain = true;
	options.fsync = FSYNC_ALWAYS;
	ftruncate_error = EPERM;
	open_driver();
	disk.sync_error = EIO;
	assert_false(send_once(RECORDS));
	disk.sync_error = 0;
	send_all(RECORDS);
	close_driver();
	found = find_from(0);
	assert_int_equal(found.records, RECORDS);
	assert_int_equal(found.doubles, RECORDS); /* better twice than never */
	assert_int_equal(found.faults, 0);
}

/* The rest of a record is there, but may not be on the disk: it counts once it is. */
static void test_fsync_of_rest_fails(void **state)
{
	options.chain = true;
	options.fsync = FSYNC_ALWAYS;
	ftruncate_error = EPERM;
	open_driver();
	disk.room = 2000;
	assert_false(send_once(RECORDS));
	assert_int_equal(((struct file *)driver)->rest.kind, REST_RECORD);
	disk.room = SIZE_MAX;
	disk.sync_error = EIO;
	for (int i = 0; i < 3; i++) {
		unsigned int before = told.sent;

		assert_false(send_once(RECORDS));
		assert_int_equal(told.sent, before);
	}
	disk.sync_error = 0;
	send_all(RECORDS);
	close_driver();
	check_records(RECORDS);
}

static void test_fsync_fails_later(void **state)
{
	options.chain = true;
	open_driver();
	send_all(RECORDS);
	for (int i = 0; i < 2; i++) {
		disk.sync_error = EIO;
		run();
		settle();
		run();
		assert_int_equal(driver->error, 0);
		assert_true(heard("may not be on the disk: Input/output error"));
		forget_news();
		settle();
		run();
		settle();
		run();
		assert_no_news(); /* said once, until it works again */
		settle();
		assert_int_equal(history_count, 2 * i);
		disk.sync_error = 0;
		run();
		settle();
		run();
		assert_int_equal(history_count, 2 * i + 2); /* nothing was saved before */
		send_all(2 * RECORDS);
	}
	close_driver();
	/* And again where what was written may be gone. */
	assert_int_equal(check_records(2 * RECORDS).told, 2 * callers);
}

/* --- a slow disk ------------------------------------------------------------------------------ */

#define PATIENCE 100000 /* times 100 microseconds */

static struct syncer *syncer(void)
{
	return &((struct file *)driver)->syncer;
}

static uint64_t chain_lines(void)
{
	return ((struct file *)driver)->chain.lines;
}

static void make_slow(void)
{
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	disk.slow = true;
}

static void make_fast(void)
{
	disk.slow = false;
	close_gate(1);
}

static unsigned int count_jobs(struct syncer *of)
{
	unsigned int count;

	pthread_mutex_lock(&of->lock);
	count = of->count;
	pthread_mutex_unlock(&of->lock);
	return count;
}

/* Until the thread is in the disk; or something is wrong. */
static void wait_for_sync(void)
{
	for (int i = 0; !disk.syncs && i < PATIENCE; i++)
		usleep(100);
}

/* The same, until there are so many jobs. */
static void wait_for_jobs(struct syncer *of, unsigned int count)
{
	for (int i = 0; count_jobs(of) < count && i < PATIENCE; i++)
		usleep(100);
}

/* While that lasts, all else goes on, and no other one begins. */
static void test_writes_go_on(void **state)
{
	uint64_t lines;

	options.chain = true;
	options.seal_lines = 10;
	open_driver();
	disk.own_waits = 0;
	make_slow();
	send_all(10);
	run();
	lines = chain_lines();
	wait_for_sync();
	for (int i = 0; i < 20; i++) {
		send_all(told.sent + 100);
		run();
		assert_int_equal(driver->error, 0);
	}
	assert_int_equal(count_jobs(syncer()), 1);
	assert_int_equal(disk.syncs, 1);
	make_fast();
	settle();
	assert_int_equal(history_count, 2);
	assert_int_equal(history[1].lines, lines);
	run();
	settle();
	assert_int_equal(history_count, 4);
	assert_int_equal(history[3].lines, chain_lines());
	run();
	settle();
	assert_int_equal(disk.syncs, 2); /* nothing new */
	assert_int_equal(disk.own_waits, 0);
	assert_false(disk.signals);
	assert_no_news();
	close_driver();
	check_records(told.sent);
}

/* How many lines FILE has, and its inode. */
static uint64_t count_lines(const char *file, ino_t *inode)
{
	size_t size;
	char *data = files_read(file, &size);
	struct stat info;
	uint64_t lines = 0;

	assert_non_null(data);
	assert_int_equal(stat(file, &info), 0);
	*inode = info.st_ino;
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	free(data);
	return lines;
}

/* The syncs from AT on that are of the file INODE, each followed by the chain, which ends at LINES then. Returns
 * where the next file's begin. */
static unsigned int check_history(unsigned int at, ino_t inode, uint64_t lines)
{
	unsigned int start = at;
	uint64_t saved = 0;

	for (; at + 1 < history_count && !history[at].saved && history[at].inode == inode;
	     at += 2) {
		assert_true(history[at + 1].saved);
		assert_true(!at || history[at + 1].lines > history[at - 1].lines);
		saved = history[at + 1].lines;
	}
	assert_true(at > start);
	assert_int_equal(saved, lines);
	return at;
}

/* The files had their turn from the oldest on, each up to its end before the seal file had the chain there, and
 * that never went back. */
static void check_order(void)
{
	unsigned int at = 0;
	uint64_t lines = 0;
	char file[128];
	ino_t inode;

	for (unsigned int i = oldest(); i; i--) {
		snprintf(file, sizeof(file), "%s.%u", path, i);
		lines += count_lines(file, &inode);
		at = check_history(at, inode, lines);
	}
	lines += count_lines(path, &inode);
	assert_int_equal(check_history(at, inode, lines), history_count);
}

static void send_files(unsigned int count)
{
	for (unsigned int i = 0; oldest() < count; i++) {
		send_all(told.sent + 3);
		if (i % 4 == 0)
			run();
	}
	send_all(told.sent + 1);
}

static void test_rotation_on_slow_disk(void **state)
{
	options.chain = true;
	options.rotate_size = 4000;
	options.keep = 1000;
	open_driver();
	disk.own_waits = 0;
	make_slow();
	send_files(30);
	assert_in_range(disk.syncs, 0, 1);
	assert_int_equal(disk.own_waits, 0);
	make_fast();
	close_driver();
	assert_no_news();
	check_records(told.sent);
	check_order();
	open_driver();
	assert_no_news();
	close_driver();
}

/* Killed there, files after the last one that the seal file knows of. */
static void die_on_slow_disk(unsigned int files, unsigned int more)
{
	pid_t child = fork();
	int status;

	if (!child) {
		open_driver();
		make_slow();
		send_all(10);
		run();
		if (files)
			send_files(files);
		send_all(told.sent + more);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_killed_on_slow_disk(void **state)
{
	options.chain = true;
	options.rotate_size = 4000;
	options.keep = 1000;
	for (unsigned int files = 0; files < 6; files += 2) {
		for (unsigned int more = 0; more < 8; more += 3) {
			die_on_slow_disk(files, more);
			open_driver();
			assert_no_news();
			told.sent = find_from(0).records;
			send_all(told.sent + 10);
			close_driver();
			check_records(told.sent);
			forget_rotated();
			forget_files();
		}
	}
}

static struct {
	_Atomic bool over;
	_Atomic unsigned int most; /* jobs that were seen */
} watch;

/* Has the disk do one thing each time when there is no room, for some time. */
static void *watch_jobs(void *data)
{
	unsigned int same = 0;

	while (!watch.over) {
		unsigned int count = count_jobs(data);

		if (count > watch.most)
			watch.most = count;
		same = count == SYNCER_JOBS ? same + 1 : 0;
		if (same == 20 && __real_write(gate[1], "", 1) == 1)
			same = 0;
		usleep(100);
	}
	make_fast();
	return NULL;
}

/* There is an end to what it puts off. */
static void test_disk_too_slow(void **state)
{
	pthread_t helper;

	options.chain = true;
	options.rotate_size = 4000;
	options.keep = 1000;
	watch.over = false;
	watch.most = 0;
	open_driver();
	make_slow();
	assert_int_equal(__real_pthread_create(&helper, NULL, watch_jobs, syncer()), 0);
	send_files(SYNCER_JOBS + 10);
	watch.over = true;
	pthread_join(helper, NULL);
	assert_int_equal(watch.most, SYNCER_JOBS);
	close_driver();
	check_records(told.sent);
	check_order();
}

static void *speed_up_at_two(void *data)
{
	wait_for_jobs(data, 2);
	make_fast();
	return NULL;
}

static void test_close_waits(void **state)
{
	pthread_t helper;
	uint64_t lines;

	options.chain = true;
	open_driver();
	make_slow();
	send_all(10);
	run();
	send_all(20);
	assert_int_equal(__real_pthread_create(&helper, NULL, speed_up_at_two, syncer()), 0);
	driver->ops->finish(driver);
	take_word();
	lines = chain_lines();
	assert_int_equal(history_count, 4);
	assert_int_equal(history[3].lines, lines);
	pthread_join(helper, NULL);
	drop_driver();
	check_records(20);
	check_order();
}

/* What becomes of a file that was left is told. */
static void test_sync_of_old_file_fails(void **state)
{
	options.chain = true;
	options.rotate_size = 4000;
	open_driver();
	disk.sync_error = EIO;
	while (!exists(1))
		send_all(told.sent + 1);
	settle();
	assert_no_news();
	assert_int_equal(history_count, 0);
	disk.sync_error = 0;
	run();
	assert_true(heard("may not be on the disk: Input/output error"));
	forget_news();
	settle();
	assert_int_equal(history[1].lines, chain_lines());
	run();
	assert_no_news();
	close_driver();
	check_records(told.sent);
}

static void test_close_tells(void **state)
{
	open_driver();
	send_all(10);
	disk.sync_error = EIO;
	close_driver();
	assert_true(heard("may not be on the disk: Input/output error"));
}

/* Then it takes its time. */
static void test_no_thread(void **state)
{
	options.chain = true;
	disk.thread_error = EAGAIN;
	open_driver();
	send_all(10);
	run();
	assert_int_equal(history_count, 2);
	assert_int_equal(history[1].lines, chain_lines());
	assert_no_news();
	send_all(20);
	disk.sync_error = EIO;
	run();
	assert_int_equal(history_count, 2);
	assert_true(heard("may not be on the disk: Input/output error"));
	disk.sync_error = 0;
	disk.thread_error = 0;
	disk.own_waits = 0;
	run();
	settle();
	assert_int_equal(history_count, 4);
	assert_int_equal(disk.own_waits, 0);
	close_driver();
	check_records(20);
}

static void *speed_up(void *data)
{
	wait_for_sync();
	make_fast();
	return NULL;
}

/* … after the thread, if there is one. */
static void test_no_descriptor(void **state)
{
	struct rlimit before, limit;
	pthread_t helper;

	options.chain = true;
	open_driver();
	make_slow();
	send_all(10);
	run();
	send_all(20);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = (struct rlimit){.rlim_cur = 1, .rlim_max = before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(__real_pthread_create(&helper, NULL, speed_up, NULL), 0);
	driver->ops->finish(driver);
	take_word();
	pthread_join(helper, NULL);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(history_count, 4);
	assert_true(disk.own_waits > 0);
	assert_no_news();
	drop_driver();
	check_records(20);
	check_order();
}

/* --- rotation --------------------------------------------------------------------------------- */

static void check_sizes(void)
{
	struct stat info;
	char file[128];

	for (unsigned int i = 1; i <= oldest(); i++) {
		snprintf(file, sizeof(file), "%s.%u", path, i);
		assert_int_equal(stat(file, &info), 0);
		assert_in_range(info.st_size, options.rotate_size / 2, options.rotate_size);
	}
	assert_int_equal(stat(path, &info), 0);
	assert_in_range(info.st_size, 0, options.rotate_size);
}

static void rotate_often(void)
{
	unsigned int files;

	options.rotate_size = 6000;
	options.keep = 1000;
	open_driver();
	while (oldest() < 100)
		send_all(told.sent + 200);
	close_driver();
	files = check_records(told.sent).files;
	assert_true(files > 100);
	assert_int_equal(files, oldest() + 1);
	check_sizes();
}

static void test_rotation_by_size(void **state)
{
	rotate_often();
}

static void check_last_lines(void)
{
	for (unsigned int i = 1; i <= oldest(); i++) {
		struct found found = {0};
		char file[128];

		snprintf(file, sizeof(file), "%s.%u", path, i);
		found.holes = true;
		check_file(&found, file);
		assert_true(found.ends_in_seal);
	}
}

static void test_rotation_of_a_chain(void **state)
{
	options.chain = true;
	rotate_often();
	check_last_lines();
}

/* A line that is larger than a file may be has one of its own. */
static void test_large_line(void **state)
{
	struct entry *entries[3] = {make_record(0), entry_new(NULL, 5000), make_record(1)};
	struct found found;

	memset(entries[1]->data, 'x', 5000);
	entries[1]->data[4999] = '\n';
	options.rotate_size = 1000;
	open_driver();
	assert_int_equal(send_some(entries, 3), 3);
	close_driver();
	assert_true(exists(2));
	assert_false(exists(3));
	found = find_from(0);
	assert_int_equal(found.files, 3);
	assert_int_equal(found.others, 1);
	for (int i = 0; i < 3; i++)
		entry_unref(entries[i]);
}

/* … even behind a seal, which each file begins with. */
static void test_large_lines_in_chain(void **state)
{
	struct entry *entries[6];
	struct found found;

	for (unsigned int i = 0; i < 6; i++) {
		char line[6000];
		int size = snprintf(line, sizeof(line),
				    "{\"n\":%u,\"pad\":\"%0*u\",\"callerd\":{\"a\":1}}\n", i,
				    i % 3 ? 5000 : 10, 0);

		entries[i] = entry_new(line, (size_t)size);
	}
	options.chain = true;
	options.rotate_size = 4000;
	options.keep = 1000;
	open_driver();
	assert_int_equal(send_some(entries, 6), 6);
	close_driver();
	found = check_records(6);
	assert_in_range(found.files, 6, 7);
	for (int i = 0; i < 6; i++)
		entry_unref(entries[i]);
}

/* Room that one large line took is given back, and nothing is lost with it. */
static void test_huge_line(void **state)
{
	const size_t size = BATCH_KEEP + 1000;
	struct entry *entries[3] = {make_record(0), entry_new(NULL, size), make_record(1)};
	struct found found;

	memset(entries[1]->data, 'x', size);
	entries[1]->data[size - 1] = '\n';
	open_driver();
	for (int i = 0; i < 2; i++)
		assert_int_equal(send_some(entries + i, 1), 1);
	assert_int_equal(send_some(entries + 2, 1), 1);
	assert_true(((struct file *)driver)->batch.text.capacity < BATCH_KEEP);
	close_driver();
	found = find_from(0);
	assert_int_equal(found.records, 2);
	assert_int_equal(found.others, 1);
	for (int i = 0; i < 3; i++)
		entry_unref(entries[i]);
}

static void test_rotation_by_time(void **state)
{
	options.rotate_interval = HOUR;
	open_driver();
	run();
	pass(HOUR);
	run();
	assert_false(exists(1)); /* it was empty */
	send_all(1);
	pass(HOUR - 2);
	run();
	send_all(2);
	assert_false(exists(1));
	pass(2); /* the next hour */
	send_all(3);
	assert_true(exists(1));
	assert_false(exists(2));
	pass(HOUR);
	run(); /* with nothing to write */
	assert_true(exists(2));
	run();
	pass(HOUR);
	run();
	assert_false(exists(3));
	close_driver();
	check_records(3);
}

static void set_age(unsigned int seconds)
{
	struct timespec times[2] = {{.tv_sec = (time_t)(real_seconds - seconds)},
				    {.tv_sec = (time_t)(real_seconds - seconds)}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_rotation_by_time_at_start(void **state)
{
	options.rotate_interval = HOUR;
	open_driver();
	send_all(1);
	close_driver();
	set_age(0);
	open_driver();
	send_all(2);
	assert_false(exists(1));
	close_driver();
	set_age(2); /* in the hour before */
	open_driver();
	send_all(3);
	assert_true(exists(1));
	close_driver();
	files_write(path, "", 0);
	set_age(2 * HOUR);
	open_driver();
	run();
	assert_false(exists(2));
	close_driver();
}

static void test_keep(void **state)
{
	struct found found;

	options.rotate_size = 2000;
	options.keep = 3;
	open_driver();
	send_all(200);
	assert_true(exists(1) && exists(2) && exists(3));
	assert_false(exists(4));
	close_driver();
	options.keep = 1;
	open_driver();
	send_all(220);
	close_driver();
	assert_true(exists(1));
	assert_false(exists(2) || exists(3));
	found = find_from(220 - 10);
	assert_int_equal(found.records, 220);
}

/* Stops after each rename that a rotation makes; what is left is taken up. */
static void stop_in_rotation(unsigned int renames, bool crash)
{
	options.rotate_size = 3000;
	options.keep = 100;
	open_driver();
	while (!exists(3))
		send_all(told.sent + 1);
	disk.renames = renames;
	if (crash) {
		file_log_rotate(path, 100);
		drop_driver();
		disk.renames = UINT_MAX;
		open_driver();
	}
	send_all(told.sent + 50);
	if (!crash) {
		run();
		assert_true(heard("cannot be rotated and grows on: Permission denied"));
		forget_news();
		run();
		assert_no_news();
	}
	disk.renames = UINT_MAX;
	pass(31);
	run();
	send_all(told.sent + 50);
	close_driver();
	check_records(told.sent);
	forget_files();
	forget_rotated();
}

static void test_rotation_stops_anywhere(void **state)
{
	options.chain = true;
	for (unsigned int i = 0; i < 4; i++) {
		stop_in_rotation(i, true);
		stop_in_rotation(i, false);
	}
	stop_in_rotation(4, true);
}

/* Even while renames fail, only the oldest goes, and only for one that takes its place. */
static void test_blocked_rotation_keeps_all(void **state)
{
	options.rotate_size = 3000;
	options.keep = 3;
	open_driver();
	while (!exists(3))
		send_all(told.sent + 1);
	for (int i = 0; i < 10; i++) {
		disk.renames = 2; /* 2 to 3, 1 to 2, but not the log itself */
		pass(31);
		run();
		send_all(told.sent + 30);
	}
	assert_true(exists(3) && exists(2));
	assert_false(exists(1));
	disk.renames = UINT_MAX;
	pass(31);
	run();
	send_all(told.sent + 1);
	assert_true(exists(1));
	close_driver();
}

/* The new file cannot be made: the old one goes on under its name. */
static void test_new_file_fails(void **state)
{
	options.rotate_size = 3000;
	options.chain = true;
	options.keep = 1000;
	open_driver();
	fchmod_error = EIO;
	send_all(100);
	assert_false(exists(1));
	run();
	assert_true(heard("cannot be rotated and grows on: Input/output error"));
	fchmod_error = 0;
	pass(31);
	run();
	send_all(120);
	assert_true(exists(1));
	close_driver();
	check_records(120);
}

/* … nor can the old one have its name back: records wait until there is a file again. */
static void test_log_is_nowhere(void **state)
{
	options.rotate_size = 3000;
	options.chain = true;
	open_driver();
	fchmod_error = EIO;
	disk.renames = 1;
	for (int i = 0; i < 3; i++) {
		assert_false(send_once(100));
		run();
		assert_int_equal(driver->error, -EIO);
	}
	assert_true(exists(1));
	assert_true(access(path, F_OK));
	fchmod_error = 0;
	disk.renames = UINT_MAX;
	run();
	send_all(100);
	close_driver();
	check_records(100);
}

/* Somebody else rotated it, just before we would. */
static void test_rotation_meets_another(void **state)
{
	options.rotate_size = 3000;
	options.chain = true;
	options.keep = 1000;
	open_driver();
	send_all(100);
	assert_int_equal(file_log_rotate(path, 1000), 0);
	send_all(200);
	run();
	assert_no_news();
	close_driver();
	check_records(200);
	check_last_lines();
}

/* What is no file of ours is not written over. */
static void test_rotated_names_taken(void **state)
{
	char file[128], target[128], taken[128];

	options.rotate_size = 3000;
	options.keep = 2;
	snprintf(taken, sizeof(taken), "%s.2", path);
	assert_int_equal(mkdir(taken, 0700), 0);
	snprintf(target, sizeof(target), "%s/target", directory);
	snprintf(file, sizeof(file), "%s.1", path);
	assert_int_equal(symlink(target, file), 0);
	open_driver();
	send_all(50);
	close_driver();
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(taken), 0);
	check_records(50);
}

/* --- what others do to it --------------------------------------------------------------------- */

static void move_away(const char *to)
{
	char file[128];

	snprintf(file, sizeof(file), "%s.%s", path, to);
	assert_int_equal(__real_renameat(AT_FDCWD, path, AT_FDCWD, file), 0);
}

static void test_file_is_renamed(void **state)
{
	options.chain = true;
	open_driver();
	send_all(10);
	run();
	move_away("1");
	send_all(15);
	run();
	assert_true(heard("was renamed by somebody else: a new one begins"));
	send_all(20);
	close_driver();
	assert_int_equal(check_records(20).files, 2);
	check_last_lines();
}

static void test_file_is_removed(void **state)
{
	open_driver();
	send_all(10);
	unlink(path);
	run();
	assert_true(heard("was removed by somebody else: a new one begins"));
	forget_news();
	unlink(path);
	run();
	assert_true(heard("was removed by somebody else: a new one begins"));
	send_all(20);
	close_driver();
	assert_int_equal(find_from(10).records, 20);
}

static void test_file_is_truncated(void **state)
{
	struct found found;

	options.chain = true;
	options.seal_lines = 5;
	open_driver();
	send_all(20);
	run();
	assert_int_equal(truncate(path, 0), 0);
	run();
	assert_int_equal(driver->error, 0);
	assert_true(heard("was truncated by somebody else: from "));
	assert_true(heard(" to 0 bytes"));
	send_all(30);
	assert_int_equal(told.torn, 0);
	assert_int_equal(truncate(path, 1000), 0); /* in a line */
	send_all(40);
	run();
	assert_true(heard(" to 1000 bytes"));
	assert_int_equal(told.torn, 1);
	close_driver();
	found = find((struct found){.holes = true});
	assert_int_equal(found.records, 40);
	assert_int_equal(found.others, 1);
	assert_true(found.faults);
}

/* A link in its place is not followed: records wait until it is gone. */
static void test_file_is_replaced(void **state)
{
	char target[128];

	snprintf(target, sizeof(target), "%s/target", directory);
	open_driver();
	send_all(10);
	move_away("1");
	assert_int_equal(symlink(target, path), 0);
	run();
	assert_int_equal(driver->error, -ELOOP);
	assert_true(said("cannot write file:/tmp/"));
	assert_true(said("a symlink is not followed"));
	assert_false(send_once(20));
	reopen();
	assert_int_equal(driver->error, -ELOOP);
	assert_int_equal(told.sent, 10);
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(unlink(path), 0);
	run();
	assert_int_equal(driver->error, 0);
	send_all(20);
	close_driver();
	assert_int_equal(check_records(20).files, 2);
}

/* It comes back under its name. */
static void test_file_comes_back(void **state)
{
	char file[128];

	open_driver();
	send_all(10);
	move_away("1");
	assert_int_equal(mkdir(path, 0700), 0);
	run();
	assert_int_equal(driver->error, -EISDIR);
	assert_int_equal(rmdir(path), 0);
	snprintf(file, sizeof(file), "%s.1", path);
	assert_int_equal(__real_renameat(AT_FDCWD, file, AT_FDCWD, path), 0);
	run();
	assert_int_equal(driver->error, 0);
	send_all(20);
	close_driver();
	assert_int_equal(check_records(20).files, 1);
}

/* logrotate in a hurry. */
static void test_reopen(void **state)
{
	options.chain = true;
	options.keep = 1000;
	open_driver();
	for (int i = 0; i < 50; i++) {
		send_all(told.sent + 30);
		assert_int_equal(file_log_rotate(path, 1000), 0);
		send_all(told.sent + 30);
		reopen();
		assert_no_news();
	}
	reopen(); /* nothing was renamed */
	close_driver();
	assert_int_equal(check_records(told.sent).files, 51);
	check_last_lines();
}

static void write_config(const char *config)
{
	FILE *file = fopen(config, "w");

	fprintf(file, "%s {\n\trotate 20\n\tnocreate\n\tnocopytruncate\n}\n", path);
	fclose(file);
}

/* The real one, with what matters of packaging/callerd.logrotate. */
static void test_logrotate(void **state)
{
	char config[128], command[512];

	if (system("PATH=$PATH:/usr/sbin:/sbin; command -v logrotate >/dev/null 2>&1"))
		skip();
	snprintf(config, sizeof(config), "%s/logrotate.conf", directory);
	snprintf(command, sizeof(command),
		 "PATH=$PATH:/usr/sbin:/sbin; logrotate --force --state %s/state %s", directory,
		 config);
	write_config(config);
	options.chain = true;
	open_driver();
	for (int i = 0; i < 4; i++) {
		send_all(told.sent + 30);
		assert_int_equal(system(command), 0);
		send_all(told.sent + 30); /* before the signal */
		reopen();
	}
	send_all(told.sent + 30);
	close_driver();
	assert_int_equal(check_records(told.sent).files, 5);
	check_last_lines();
}

/* --- chain and seals -------------------------------------------------------------------------- */

static void test_seals_by_lines(void **state)
{
	struct found found;

	options.chain = true;
	options.seal_lines = 10;
	open_driver();
	assert_non_null(driver->ops->seal_key(driver));
	assert_int_equal(strlen(driver->ops->seal_key(driver)), 64);
	send_all(95);
	assert_int_equal(check_records(95).seals, 1 + 9);
	run();
	send_all(100);
	run(); /* with nothing to write */
	found = check_records(100);
	assert_int_equal(found.seals, 1 + 10);
	assert_true(found.ends_in_seal);
	close_driver();
	assert_int_equal(check_records(100).seals, 1 + 10); /* no lines since */
}

/* As the output's lines are. Nothing is written before the first one of them. */
static void test_format_of_seals(void **state)
{
	options.chain = true;
	for (int ocsf = 0; ocsf < 2; ocsf++) {
		const char *start = ocsf ? "{\"time\"" : "{\"@timestamp\"";
		size_t size;
		char *data;

		options.ocsf = ocsf;
		open_driver();
		close_driver();
		assert_file("");
		open_driver();
		send_all(1);
		data = files_read(path, &size);
		assert_memory_equal(data, start, strlen(start));
		free(data);
		close_driver();
		check_records(1);
		forget_files();
	}
}

static void test_seals_by_time(void **state)
{
	options.chain = true;
	options.seal_interval = 60;
	open_driver();
	pass(100);
	run();
	assert_int_equal(check_records(0).seals, 0);
	send_all(5);
	assert_int_equal(check_records(5).seals, 1); /* of the beginning */
	run();
	pass(59);
	run();
	assert_int_equal(check_records(5).seals, 1);
	pass(1);
	run();
	assert_int_equal(check_records(5).seals, 2);
	pass(100);
	run();
	assert_int_equal(check_records(5).seals, 2); /* no lines since */
	close_driver();
}

static void test_seal_waits_for_room(void **state)
{
	options.chain = true;
	options.seal_interval = 60;
	open_driver();
	send_all(5);
	pass(60);
	disk.room = 100;
	run();
	assert_int_equal(driver->error, -ENOSPC);
	assert_int_equal(check_records(5).seals, 1);
	disk.room = SIZE_MAX;
	run();
	assert_int_equal(driver->error, 0);
	assert_int_equal(check_records(5).seals, 2);
	close_driver();
	check_records(5);
}

static void test_chain_goes_on(void **state)
{
	char key[CHAIN_HEX_SIZE];

	options.chain = true;
	for (int i = 0; i < 5; i++) {
		open_driver();
		assert_no_news();
		if (i)
			assert_string_equal(driver->ops->seal_key(driver), key);
		strcpy(key, driver->ops->seal_key(driver));
		send_all(told.sent + 10);
		close_driver();
	}
	assert_int_equal(check_records(50).seals, 6);
}

static void test_seal_file_fails(void **state)
{
	options.chain = true;
	open_driver();
	disk.save_error = EROFS;
	send_all(10);
	run();
	settle();
	run();
	assert_int_equal(driver->error, 0);
	assert_true(heard("cannot write the seal file of "));
	assert_true(heard("Read-only file system"));
	forget_news();
	settle();
	send_all(20);
	run();
	settle();
	run();
	assert_no_news(); /* said once */
	disk.save_error = 0;
	close_driver();
	check_records(20);
	assert_int_equal(unlink(seal_path), 0);
	assert_int_equal(symlink("nowhere", seal_path), 0);
	refused(-ELOOP, ".seal");
}

/* What the seal file's keeper finds at the start is said. */
static void test_seal_file_is_gone(void **state)
{
	options.chain = true;
	open_driver();
	send_all(10);
	close_driver();
	assert_int_equal(unlink(seal_path), 0);
	open_driver();
	assert_true(heard("is gone: a new chain begins"));
	assert_int_equal(driver->error, 0);
	send_all(20);
	close_driver();
	assert_int_equal(find_from(0).records, 20);
}

/* logrotate was there, and then the power went: the end of the chain is in the file before. */
static void test_crash_before_reopen(void **state)
{
	options.chain = true;
	open_driver();
	send_all(10);
	run();
	send_all(20);
	move_away("1");
	drop_driver();
	open_driver();
	assert_no_news();
	send_all(30);
	close_driver();
	assert_int_equal(check_records(30).files, 2);
}

/* The log is gone, and the one before it does not end where it should. */
static void test_log_is_gone(void **state)
{
	options.chain = true;
	open_driver();
	send_all(10);
	move_away("1");
	reopen();
	send_all(20);
	close_driver();
	assert_int_equal(unlink(path), 0);
	open_driver();
	if (!heard("line 12")) /* the last one that is there */
		fail_msg("%s", told.news);
	close_driver();
}

/* What is to be known is told beside an error, each once, and waits until the sink takes it. */
static void test_news(void **state)
{
	struct file *file;

	open_driver();
	file = (struct file *)driver;
	send_all(1);
	disk.room = 0;
	assert_false(send_once(2));
	assert_int_equal(truncate(path, 0), 0);
	run();
	assert_int_equal(driver->error, -ENOSPC);
	assert_true(said("No space left on device"));
	assert_true(heard("was truncated by somebody else"));
	forget_news();
	file_warn(file, "one");
	file_warn(file, "two");
	assert_string_equal(driver->news, "one");
	driver->ops->run(driver);
	assert_string_equal(driver->news, "one");
	run();
	assert_string_equal(told.news, "one\n");
	run();
	run();
	assert_string_equal(told.news, "one\ntwo\n");
	close_driver();
}

/* Lines that have no place for a link are written all the same. */
static void test_unmarked_lines(void **state)
{
	struct entry *entry = entry_new("no json\n", 8);
	struct found found;

	options.chain = true;
	open_driver();
	send_all(5);
	assert_int_equal(send_some(&entry, 1), 1);
	told.sent--;
	run();
	assert_true(heard("are not in its chain"));
	send_all(10);
	close_driver();
	found = find_from(0);
	assert_int_equal(found.records, 10);
	assert_int_equal(found.others, 1);
	assert_true(found.faults);
	entry_unref(entry);
}

/* --- everything at once ----------------------------------------------------------------------- */

static uint32_t random_state;

static unsigned int random_below(unsigned int bound)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % bound;
}

/* Something happens to the driver or its disk. */
static void happen(void)
{
	static const int errors[] = {0, 0, 0, EIO};

	switch (random_below(10)) {
	case 0:
		disk.room = random_below(4000);
		break;
	case 1:
		disk.room = random_below(150);
		break;
	case 2:
	case 3:
		disk.room = SIZE_MAX;
		break;
	case 4:
		disk.sync_error = errors[random_below(4)];
		break;
	case 5:
		pass(random_below(100));
		break;
	case 6:
		disk.renames = random_below(2) ? UINT_MAX : random_below(4);
		break;
	case 7:
		if (ftruncate_error) /* what is left behind can be ended, then */
			disk.room = SIZE_MAX;
		if (!file_log_rotate(path, options.keep))
			reopen();
		break;
	case 8:
		run();
		break;
	default:
		disk.room = SIZE_MAX;
		disk.sync_error = 0;
		close_driver();
		forget_news();
		open_driver();
		assert_no_news();
	}
}

static void send_through(unsigned int count)
{
	while (told.sent < count) {
		if (random_below(3) == 0)
			happen();
		send_once(told.sent + 1 + random_below(20));
	}
	disk.room = SIZE_MAX;
	disk.sync_error = 0;
	disk.renames = UINT_MAX;
	send_all(told.sent + 5);
	run();
	close_driver();
}

static void test_everything(void **state)
{
	options.keep = 10000;
	options.chain = true;
	for (unsigned int i = 0; i < 6; i++) {
		random_state = i;
		options.fsync = i % 3 == 0   ? FSYNC_ALWAYS
				: i % 3 == 1 ? FSYNC_INTERVAL
					     : FSYNC_NONE;
		options.rotate_size = i % 2 ? 10000 : 0;
		options.seal_lines = 7;
		options.seal_interval = 60;
		open_driver();
		send_through(1000);
		assert_int_equal(told.torn, 0);
		check_records(told.sent);
		forget_rotated();
		forget_files();
	}
}

/* Torn lines stay, and all else is there. */
static void test_everything_append_only(void **state)
{
	options.keep = 10000;
	ftruncate_error = EPERM;
	for (unsigned int i = 0; i < 6; i++) {
		struct found found;

		random_state = i;
		options.rotate_size = i % 2 ? 10000 : 0;
		open_driver();
		send_through(1000);
		found = find_from(0);
		assert_int_equal(found.records, told.sent);
		assert_int_equal(found.doubles, 0);
		assert_int_equal(found.others, told.torn);
		forget_rotated();
		forget_files();
	}
}

/* --- killed ----------------------------------------------------------------------------------- */

/* Writes as fast as it can, from the next record on, until it is killed. */
static void write_for_ever(int ready)
{
	open_driver();
	for (unsigned int i = 0;; i++) {
		send_all(told.sent + BATCH);
		if (i % 4 == 0)
			run();
		if (i == 8 && __real_write(ready, "", 1) != 1)
			_exit(1);
	}
}

static void kill_writer(unsigned int microseconds)
{
	int pipes[2], status;
	char byte;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (!child) {
		close(pipes[0]);
		write_for_ever(pipes[1]);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	close(pipes[0]);
	usleep(microseconds); /* anywhere */
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void test_killed(void **state)
{
	options.chain = true;
	options.seal_lines = 100;
	options.rotate_size = 300000;
	options.keep = 1000;
	for (unsigned int i = 0; i < 6; i++) {
		kill_writer(1000 + 1700 * i);
		open_driver();
		told.sent = find_from(0).records; /* with whole lines only */
		assert_no_news();
		send_all(told.sent + 10);
		close_driver();
		check_records(told.sent);
	}
}

int main(void)
{
#define FILE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_mode_and_group),
		FILE_TEST(test_existing_file_is_kept),
		FILE_TEST(test_directory_is_made),
		FILE_TEST(test_group_is_refused),
		FILE_TEST(test_refused_files),
		FILE_TEST(test_keep_is_needed),
		FILE_TEST(test_torn_line_is_cut),
		FILE_TEST(test_torn_line_is_ended),
		FILE_TEST(test_append_only_file),
		FILE_TEST(test_others_append_too),
		FILE_TEST(test_full_disk_anywhere),
		FILE_TEST(test_full_disk_append_only),
		FILE_TEST(test_full_disk_and_others),
		FILE_TEST(test_rest_is_given_up),
		FILE_TEST(test_crash_with_rest),
		FILE_TEST(test_full_tmpfs),
		FILE_TEST(test_file_size_limit),
		FILE_TEST(test_fsync),
		FILE_TEST(test_fsync_fails),
		FILE_TEST(test_fsync_fails_append_only),
		FILE_TEST(test_fsync_of_rest_fails),
		FILE_TEST(test_fsync_fails_later),
		FILE_TEST(test_writes_go_on),
		FILE_TEST(test_rotation_on_slow_disk),
		FILE_TEST(test_killed_on_slow_disk),
		FILE_TEST(test_disk_too_slow),
		FILE_TEST(test_close_waits),
		FILE_TEST(test_sync_of_old_file_fails),
		FILE_TEST(test_close_tells),
		FILE_TEST(test_no_thread),
		FILE_TEST(test_no_descriptor),
		FILE_TEST(test_rotation_by_size),
		FILE_TEST(test_rotation_of_a_chain),
		FILE_TEST(test_large_line),
		FILE_TEST(test_huge_line),
		FILE_TEST(test_rotation_by_time),
		FILE_TEST(test_rotation_by_time_at_start),
		FILE_TEST(test_keep),
		FILE_TEST(test_rotation_stops_anywhere),
		FILE_TEST(test_blocked_rotation_keeps_all),
		FILE_TEST(test_new_file_fails),
		FILE_TEST(test_log_is_nowhere),
		FILE_TEST(test_rotation_meets_another),
		FILE_TEST(test_rotated_names_taken),
		FILE_TEST(test_file_is_renamed),
		FILE_TEST(test_file_is_removed),
		FILE_TEST(test_file_is_truncated),
		FILE_TEST(test_file_is_replaced),
		FILE_TEST(test_file_comes_back),
		FILE_TEST(test_reopen),
		FILE_TEST(test_logrotate),
		FILE_TEST(test_format_of_seals),
		FILE_TEST(test_seals_by_time),
		FILE_TEST(test_seal_waits_for_room),
		FILE_TEST(test_chain_goes_on),
		FILE_TEST(test_seal_file_fails),
		FILE_TEST(test_seal_file_is_gone),
		FILE_TEST(test_crash_before_reopen),
		FILE_TEST(test_news),
		FILE_TEST(test_unmarked_lines),
		FILE_TEST(test_everything),
		FILE_TEST(test_everything_append_only),
		FILE_TEST(test_killed),
	};

	/* How many lines there are is known where records have none before them. */
	const struct CMUnitTest counting[] = {
		FILE_TEST(test_large_lines_in_chain),
		FILE_TEST(test_seals_by_lines),
		FILE_TEST(test_log_is_gone),
	};
	int failed = cmocka_run_group_tests(counting, NULL, NULL) +
		     cmocka_run_group_tests(tests, NULL, NULL);

	callers = 6;
	return failed + cmocka_run_group_tests_name("with callers", tests, NULL, NULL);
}
