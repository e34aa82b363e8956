// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "output/driver.h"

#define PATIENCE 10000 /* milliseconds until something must have happened */
#define QUEUE_SIZE (1u << 20)

static void sleep_a_moment(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Waits until CONDITION; the test fails where it never comes true. */
#define WAIT_FOR(condition)                                                                        \
	do {                                                                                       \
		int left = PATIENCE;                                                               \
		bool seen;                                                                         \
		while (!(seen = (condition)) && left--)                                            \
			sleep_a_moment();                                                          \
		assert_true(seen);                                                                 \
	} while (0)

/* --- a driver that does as it is told --------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	uint64_t got[20000]; /* sequence numbers */
	unsigned int count;
	unsigned int calls, runs, reopened, finished, closed;
	/* orders: */
	int error;	    /* nothing goes */
	bool hang;	    /* until it is to stop */
	bool doubt;	    /* nothing is confirmed */
	bool rewind;	    /* once */
	int closed_disk;    /* nothing can be opened */
	unsigned int large; /* the next ones are too large */
	unsigned int meet;  /* so many are to end, or to give up, at the same time */
	unsigned int met, alone;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

#define LOCKED(statement)                                                                          \
	do {                                                                                       \
		pthread_mutex_lock(&told.lock);                                                    \
		statement;                                                                         \
		pthread_mutex_unlock(&told.lock);                                                  \
	} while (0)

static unsigned int told_count(void)
{
	unsigned int count;

	LOCKED(count = told.count);
	return count;
}

static unsigned int told_calls(void)
{
	unsigned int calls;

	LOCKED(calls = told.calls);
	return calls;
}

static unsigned int told_reopened(void)
{
	unsigned int reopened;

	LOCKED(reopened = told.reopened);
	return reopened;
}

static unsigned int told_runs(void)
{
	unsigned int runs;

	LOCKED(runs = told.runs);
	return runs;
}

/* Waits for the others; one that was not given up yet, until it is. */
static void meet_others(struct driver *driver, bool given_up)
{
	bool all = false;

	LOCKED(told.met++);
	for (int left = PATIENCE; !all && left--; sleep_a_moment()) {
		LOCKED(all = told.met == told.meet);
		if (!all && !given_up && driver_poll(driver, -1, 0, 0) == -ECANCELED)
			break;
	}
	LOCKED(told.alone += !all);
}

static unsigned int take(struct driver *driver, struct entry *const *entries, unsigned int count)
{
	unsigned int large = told.large < count ? told.large : count;

	for (unsigned int i = large; i < count; i++)
		told.got[told.count++] = entries[i]->sequence;
	driver->too_large = large;
	told.large -= large;
	driver->rewind = told.rewind;
	if (!told.doubt && !told.rewind)
		driver->confirmed = count;
	told.rewind = false;
	driver_works(driver);
	return count;
}

static unsigned int fake_send(struct driver *driver, struct entry *const *entries,
			      unsigned int count)
{
	bool hang;
	int error;

	LOCKED(told.calls++; hang = told.hang; error = told.error);
	if (hang)
		assert_int_equal(driver_poll(driver, -1, 0, PATIENCE), -ECANCELED);
	if (hang && told.meet)
		meet_others(driver, true);
	if (hang || error) {
		driver_fail(driver, error ?: -EAGAIN, NULL);
		return 0;
	}
	if (count > 3)
		count = 3; /* never all of them */
	LOCKED(count = take(driver, entries, count));
	return count;
}

static void fake_run(struct driver *driver)
{
	LOCKED(told.runs++);
}

static void fake_reopen(struct driver *driver)
{
	LOCKED(told.reopened++);
}

static void fake_finish(struct driver *driver)
{
	LOCKED(told.finished++);
	if (told.meet && !told.hang)
		meet_others(driver, false);
}

static void fake_close(struct driver *driver)
{
	LOCKED(told.closed++);
	free(driver);
}

static const char *fake_seal_key(struct driver *driver)
{
	return "0123abcd";
}

static const struct driver_ops fake_ops = {
	.send = fake_send,
	.run = fake_run,
	.reopen = fake_reopen,
	.finish = fake_finish,
	.close = fake_close,
	.seal_key = fake_seal_key,
};

/* Stands for that of files. */
int file_open(const struct sink_options *options, int stop, struct driver **ret, char *reason,
	      size_t size)
{
	struct driver *driver;

	int error;

	LOCKED(error = told.closed_disk);
	if (error) {
		snprintf(reason, size, "cannot write %s: %s", options->name, strerror(-error));
		return error;
	}
	if (!strcmp(options->path, "refused")) {
		snprintf(reason, size, "cannot write %s: refused", options->name);
		return -EACCES;
	}
	driver = calloc(1, sizeof(*driver));
	*driver = (struct driver){.ops = &fake_ops, .options = options, .stop = stop, .torn = 2};
	*ret = driver;
	return 0;
}

static struct sink_options options = {
	.name = "file:x",
	.kind = SINK_FILE,
	.path = "x",
	.queue_size = QUEUE_SIZE,
};

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	LOCKED(memset(&told.count, 0, sizeof(told) - offsetof(typeof(told), count)));
	options.overflow = OVERFLOW_DROP_NEWEST;
	options.queue_size = QUEUE_SIZE;
	options.kind = SINK_FILE;
	options.name = "file:x";
	return files_prepare("/tmp");
}

static int teardown(void **state)
{
	return files_remove(directory);
}

static struct sink *opened(void)
{
	char reason[256] = "";
	struct sink *sink;
	int error = sink_open(&options, &sink, reason, sizeof(reason));

	if (error)
		fail_msg("%d %s", error, reason);
	return sink;
}

/* How many records were left. */
static uint64_t closed_with(struct sink *sink, int milliseconds)
{
	uint64_t left;

	assert_true(sink_close(sink, milliseconds, &left));
	return left;
}

static void put(struct sink *sink, uint64_t from, uint64_t count)
{
	for (uint64_t i = from; i < from + count; i++) {
		char line[400];
		int size = snprintf(line, sizeof(line), "%07u %0*u\n", (unsigned int)i,
				    1 + (int)i % 300, 0);
		struct entry *entry = entry_new(line, (size_t)size);

		entry->sequence = i;
		sink_put(sink, entry);
		entry_unref(entry);
	}
	sink_flush(sink);
}

static struct sink_stats stats_of(struct sink *sink)
{
	struct sink_stats stats;

	sink_stats(sink, &stats);
	return stats;
}

static void expect(unsigned int count, uint64_t first)
{
	assert_int_equal(told_count(), count);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(told.got[i], first + i);
}

/* --- sinks ------------------------------------------------------------------------------------ */

static bool next_news(struct sink *sink, char *text, size_t size)
{
	text[0] = '\0';
	return sink_news(sink, text, size);
}

/* A disk that is read-only at the start: what comes waits, and is written once it can be. */
static void test_opened_later(void **state)
{
	struct sink *sink, *other;
	char text[256];

	LOCKED(told.closed_disk = -EROFS);
	sink = opened();
	other = opened();
	assert_null(sink_seal_key(sink));
	assert_true(sink_same_file(sink, other)); /* by its name */
	closed_with(other, 0);
	put(sink, 0, 10);
	assert_true(sink_trouble(sink, text, sizeof(text)));
	assert_string_equal(text, "cannot write file:x: Read-only file system");
	assert_true(next_news(sink, text, sizeof(text)));
	assert_string_equal(text, "cannot write file:x: Read-only file system; keeping up to 1024 "
				  "KiB of records in memory");
	LOCKED(told.closed_disk = -ENOENT); /* it is tried on, whatever is the reason then */
	sink_reopen(sink);
	WAIT_FOR(sink_trouble(sink, text, sizeof(text)) &&
		 !strcmp(text, "cannot write file:x: No such file or directory"));
	LOCKED(told.closed_disk = 0);
	sink_reopen(sink);
	WAIT_FOR(told_count() == 10);
	expect(10, 0);
	WAIT_FOR(!sink_trouble(sink, text, sizeof(text)));
	assert_string_equal(sink_seal_key(sink), "0123abcd");
	assert_true(next_news(sink, text, sizeof(text)));
	assert_string_equal(text, "file:x can be written again");
	WAIT_FOR(next_news(sink, text, sizeof(text)));
	assert_string_equal(text, "file:x is sealed from key 0123abcd");
	assert_int_equal(closed_with(sink, PATIENCE), 0);
	assert_int_equal(told.closed, 1);
}

static void test_never_opened(void **state)
{
	struct sink *sink;

	LOCKED(told.closed_disk = -ENOSPC);
	sink = opened();
	put(sink, 0, 3);
	assert_int_equal(closed_with(sink, 50), 3);
	assert_int_equal(told.closed, 0);
}

static void test_order(void **state)
{
	struct sink *sink = opened();
	char text[256];

	assert_string_equal(sink_name(sink), "file:x");
	assert_string_equal(sink_seal_key(sink), "0123abcd");
	for (uint64_t i = 0; i < 40; i++)
		put(sink, i * 10, 10);
	WAIT_FOR(told_count() == 400);
	expect(400, 0);
	WAIT_FOR(stats_of(sink).written == 400);
	assert_int_equal(stats_of(sink).waiting, 0);
	assert_int_equal(stats_of(sink).lost[SINK_LOSS_TORN], 2); /* what it said at the start */
	assert_int_equal(stats_of(sink).lost[SINK_LOSS_FULL], 0);
	assert_false(sink_news(sink, text, sizeof(text)));
	assert_int_equal(closed_with(sink, PATIENCE), 0);
	assert_int_equal(told.finished, 1);
	assert_int_equal(told.closed, 1);
}

/* What waits at the end is written, also where nobody asked for it to be. */
static void test_close_writes(void **state)
{
	struct sink *sink = opened();
	struct entry *entry = entry_new("x\n", 2);

	sink_put(sink, entry);
	entry_unref(entry);
	assert_int_equal(closed_with(sink, PATIENCE), 0);
	assert_int_equal(told.count, 1);
}

static void test_refused(void **state)
{
	struct sink *sink = NULL;
	char reason[256] = "";

	options.path = "refused";
	assert_int_equal(sink_open(&options, &sink, reason, sizeof(reason)), -EACCES);
	assert_string_equal(reason, "cannot write file:x: refused");
	assert_null(sink);
	options.path = "x";
	assert_int_equal(closed_with(NULL, 1000), 0);
}

/* It is told once that nothing goes and once that it goes again; what came meanwhile waited. */
static void test_failure(void **state)
{
	struct sink *sink = opened();
	char text[256] = "";

	LOCKED(told.error = -ENOSPC);
	put(sink, 0, 10);
	WAIT_FOR(sink_news(sink, text, sizeof(text)));
	assert_string_equal(text, "cannot write file:x: No space left on device; keeping up to "
				  "1024 KiB of records in memory");
	WAIT_FOR(told_calls() > 2);
	assert_false(sink_news(sink, text, sizeof(text)));
	put(sink, 10, 10);
	assert_int_equal(stats_of(sink).waiting, 20);
	LOCKED(told.error = 0);
	WAIT_FOR(told_count() == 20);
	expect(20, 0);
	WAIT_FOR(sink_news(sink, text, sizeof(text)));
	assert_string_equal(text, "file:x can be written again");
	LOCKED(told.error = -ENOSPC; told.calls = 0); /* it comes and goes: not each time */
	put(sink, 20, 1);
	WAIT_FOR(told_calls() > 0);
	LOCKED(told.error = 0);
	WAIT_FOR(told_count() == 21);
	assert_false(sink_news(sink, text, sizeof(text)));
	assert_int_equal(closed_with(sink, PATIENCE), 0);
}

/* A driver that does not come back holds up nobody. */
static void test_hanging(void **state)
{
	struct timespec before, after;
	struct sink *sink = opened();
	uint64_t waiting;
	char text[256];

	LOCKED(told.hang = true);
	put(sink, 0, 20000);
	WAIT_FOR(told_calls() == 1);
	waiting = stats_of(sink).waiting;
	assert_in_range(waiting, 1000, 10000);
	assert_int_equal(stats_of(sink).lost[SINK_LOSS_FULL], 20000 - waiting);
	assert_false(sink_news(sink, text, sizeof(text))); /* slow is no news */
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(closed_with(sink, 100), waiting);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000 +
			    (after.tv_nsec - before.tv_nsec) / 1000000 >=
		    90);
	assert_int_equal(told.closed, 1);
}

/* Closes two sinks at once; how many records were left. */
static uint64_t closed_together(struct sink *one, struct sink *other, int milliseconds)
{
	struct sink *sinks[] = {one, NULL, other};
	uint64_t left[3];
	bool ended[3];

	sink_close_all(sinks, 3, milliseconds, left, ended);
	for (int i = 0; i < 3; i++)
		assert_true(ended[i]);
	assert_int_equal(told.met, 2);
	assert_int_equal(told.alone, 0);
	return left[0] + left[1] + left[2];
}

/* Neither waits for the end of the other one. */
static void test_end_together(void **state)
{
	struct sink *sink = opened();

	LOCKED(told.meet = 2);
	put(sink, 0, 10);
	assert_int_equal(closed_together(sink, opened(), PATIENCE), 0);
	assert_int_equal(told_count(), 10);
}

static void test_give_up_together(void **state)
{
	struct sink *one = opened(), *other = opened();

	LOCKED(told.meet = 2; told.hang = true);
	put(one, 0, 2);
	put(other, 2, 3);
	WAIT_FOR(told_calls() == 2);
	assert_int_equal(closed_together(one, other, 50), 5);
}

static void test_drop_oldest(void **state)
{
	struct sink *sink;
	uint64_t waiting;

	options.overflow = OVERFLOW_DROP_OLDEST;
	sink = opened();
	LOCKED(told.error = -EIO);
	put(sink, 0, 20000);
	waiting = stats_of(sink).waiting;
	assert_int_equal(stats_of(sink).lost[SINK_LOSS_FULL], 20000 - waiting);
	LOCKED(told.error = 0; told.count = 0);
	assert_int_equal(closed_with(sink, PATIENCE), 0);
	assert_true(told.count >= waiting - 128 && told.count <= waiting);
	assert_int_equal(told.got[told.count - 1], 19999);
}

/* What was sent and not confirmed comes again. */
static void test_rewind(void **state)
{
	struct sink *sink = opened();

	LOCKED(told.doubt = true);
	put(sink, 0, 30);
	WAIT_FOR(told_count() == 30);
	LOCKED(told.rewind = true);
	put(sink, 30, 1);
	WAIT_FOR(told_count() == 31 + 31);
	for (unsigned int i = 0; i < 62; i++)
		assert_int_equal(told.got[i], i % 31);
	assert_int_equal(closed_with(sink, PATIENCE), 0);
}

static void test_too_large(void **state)
{
	struct sink *sink = opened();

	LOCKED(told.large = 5);
	put(sink, 0, 20);
	WAIT_FOR(told_count() == 15);
	expect(15, 5);
	WAIT_FOR(stats_of(sink).written == 15);
	assert_int_equal(stats_of(sink).lost[SINK_LOSS_TOO_LARGE], 5);
	closed_with(sink, PATIENCE);
}

static void test_reopen(void **state)
{
	struct sink *sink = opened();

	sink_reopen(sink);
	WAIT_FOR(told_reopened() == 1);
	LOCKED(told.error = -EIO);
	put(sink, 0, 1);
	WAIT_FOR(told_calls() > 0);
	sink_reopen(sink); /* while it waits to try again */
	WAIT_FOR(told_reopened() == 2);
	assert_true(told_runs() > 1);
	LOCKED(told.error = 0);
	assert_int_equal(closed_with(sink, PATIENCE), 0);
}

/* What a life could not send, the next one sends. */
static void test_spool(void **state)
{
	struct sink *sink;
	char spool[80];

	snprintf(spool, sizeof(spool), "%s/spool", directory);
	options.overflow = OVERFLOW_SPOOL;
	options.spool = spool;
	options.spool_size = 4 << 20;
	sink = opened();
	LOCKED(told.error = -ECONNREFUSED);
	put(sink, 0, 1000);
	WAIT_FOR(told_calls() > 0);
	assert_int_equal(closed_with(sink, PATIENCE), 0); /* all of them are on the disk */
	assert_int_equal(told.count, 0);

	sink = opened();
	WAIT_FOR(stats_of(sink).waiting == 1000);
	put(sink, 1000, 1000);
	LOCKED(told.error = 0);
	WAIT_FOR(told_count() == 2000);
	expect(2000, 0);
	assert_int_equal(closed_with(sink, PATIENCE), 0);

	sink = opened();
	put(sink, 2000, 1);
	WAIT_FOR(told_count() >= 2001);
	assert_int_equal(told.got[2000], 2000); /* confirmed ones do not come again */
	assert_int_equal(closed_with(sink, PATIENCE), 0);
}

/* The spool is full: what it does not take fills the queue, and then it is counted. */
static void test_spool_full(void **state)
{
	struct sink *sink;
	uint64_t lost;
	char spool[80];

	snprintf(spool, sizeof(spool), "%s/spool", directory);
	options.overflow = OVERFLOW_SPOOL;
	options.spool = spool;
	options.spool_size = 1 << 20;
	options.queue_size = 64 << 10;
	sink = opened();
	LOCKED(told.error = -ECONNREFUSED);
	for (uint64_t i = 0; i < 100; i++) {
		put(sink, i * 100, 100);
		sleep_a_moment();
	}
	WAIT_FOR(stats_of(sink).waiting + stats_of(sink).lost[SINK_LOSS_FULL] == 10000);
	lost = stats_of(sink).lost[SINK_LOSS_FULL];
	assert_in_range(lost, 1000, 9000);
	closed_with(sink, 10);
}

/* --- stdout ----------------------------------------------------------------------------------- */

static int real_stdout = -1;

/* Puts FD in stdout's place. */
static void replace_stdout(int fd)
{
	fflush(stdout);
	real_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	dup2(fd, STDOUT_FILENO);
}

static void restore_stdout(void)
{
	dup2(real_stdout, STDOUT_FILENO);
	close(real_stdout);
}

static int stdout_setup(void **state)
{
	int error = setup(state);

	options.kind = SINK_STDOUT;
	options.name = "stdout";
	return error;
}

static void test_stdout_not_writable(void **state)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct sink *sink = NULL;
	char reason[256] = "";
	int error;

	replace_stdout(nothing);
	error = sink_open(&options, &sink, reason, sizeof(reason));
	restore_stdout();
	assert_int_equal(error, -EBADF);
	assert_string_equal(reason, "cannot write stdout: it is not open for writing");
	assert_null(sink);
	close(nothing);
}

/* Whole lines, each as it was put, in order; returns how many. */
static unsigned int check_lines(const char *data, size_t size, long *last)
{
	unsigned int count = 0;

	assert_true(!size || data[size - 1] == '\n');
	while (size) {
		const char *end = memchr(data, '\n', size);
		long number = strtol(data, NULL, 10);

		assert_true(number > *last);
		assert_int_equal(end - data, 9 + number % 300);
		*last = number;
		count++;
		size -= (size_t)(end - data) + 1;
		data = end + 1;
	}
	return count;
}

/* Nobody reads: the queue fills, the rest is dropped and counted, and nothing blocks. Then somebody
 * reads: whatever was taken is there, in order, line by line. */
static void test_full_pipe(void **state)
{
	const unsigned int total = 20000;
	struct sink_stats stats;
	struct sink *sink;
	size_t size = 0, room = 2 * QUEUE_SIZE;
	char *got = malloc(room);
	long last = -1;
	int pipes[2];
	ssize_t now;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	replace_stdout(pipes[1]);
	sink = opened();
	for (unsigned int i = 0; i < total; i += 1000)
		put(sink, i, 1000);
	stats = stats_of(sink);
	for (int left = PATIENCE; stats.waiting && left; left--) {
		while ((now = read(pipes[0], got + size, room - size)) > 0)
			size += (size_t)now;
		sleep_a_moment();
		stats = stats_of(sink);
	}
	closed_with(sink, PATIENCE);
	restore_stdout();
	while ((now = read(pipes[0], got + size, room - size)) > 0)
		size += (size_t)now;
	assert_int_equal(stats.waiting, 0);
	assert_true(stats.lost[SINK_LOSS_FULL] > 0);
	assert_int_equal(check_lines(got, size, &last), total - stats.lost[SINK_LOSS_FULL]);
	close(pipes[0]);
	close(pipes[1]);
	free(got);
}

static void test_reader_gone(void **state)
{
	struct sink *sink;
	bool closed;
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	close(pipes[0]);
	replace_stdout(pipes[1]);
	sink = opened();
	put(sink, 0, 1);
	for (int left = PATIENCE; !sink_is_closed(sink) && left; left--)
		sleep_a_moment();
	closed = sink_is_closed(sink);
	closed_with(sink, 0);
	restore_stdout();
	assert_true(closed);
	close(pipes[1]);
}

/* A terminal that is closed is as good as gone. */
static void test_terminal_hung_up(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct sink *sink;
	bool closed;
	int terminal;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC); /* NOLINT: one thread */
	assert_true(terminal >= 0);
	replace_stdout(terminal);
	sink = opened();
	close(master);
	put(sink, 0, 1);
	for (int left = PATIENCE; !sink_is_closed(sink) && left; left--)
		sleep_a_moment();
	closed = sink_is_closed(sink);
	closed_with(sink, 0);
	restore_stdout();
	assert_true(closed);
	close(terminal);
}

/* Closing waits for a slow reader no longer than told, and says what was left. */
static void test_close_gives_up(void **state)
{
	struct sink *sink;
	char page[4096] = {0};
	uint64_t left;
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(pipes[1], page, sizeof(page)) > 0)
		;
	replace_stdout(pipes[1]);
	sink = opened();
	put(sink, 0, 3);
	left = closed_with(sink, 100);
	restore_stdout();
	assert_int_equal(left, 3);
	assert_int_equal(fcntl(STDOUT_FILENO, F_GETFD) < 0, 0); /* stdout is not ours to close */
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
#define SINK_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
#define STDOUT_TEST(function) cmocka_unit_test_setup_teardown(function, stdout_setup, teardown)
	const struct CMUnitTest tests[] = {
		SINK_TEST(test_order),
		SINK_TEST(test_opened_later),
		SINK_TEST(test_never_opened),
		SINK_TEST(test_close_writes),
		SINK_TEST(test_refused),
		SINK_TEST(test_failure),
		SINK_TEST(test_hanging),
		SINK_TEST(test_end_together),
		SINK_TEST(test_give_up_together),
		SINK_TEST(test_drop_oldest),
		SINK_TEST(test_rewind),
		SINK_TEST(test_too_large),
		SINK_TEST(test_reopen),
		SINK_TEST(test_spool),
		SINK_TEST(test_spool_full),
		STDOUT_TEST(test_stdout_not_writable),
		STDOUT_TEST(test_full_pipe),
		STDOUT_TEST(test_reader_gone),
		STDOUT_TEST(test_terminal_hung_up),
		STDOUT_TEST(test_close_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
