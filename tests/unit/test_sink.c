// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/mount.h>

#include "sink/sink.c"

#define LINE "a line of some bytes\n"

static char directory[64], path[96], spec[112];

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	strcpy(directory, "/tmp/test-sink.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/log", directory);
	snprintf(spec, sizeof(spec), "file:%s", path);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	rmdir(path);
	return rmdir(directory);
}

static struct sink *opened(const char *what)
{
	char reason[256] = "";
	struct sink *sink;
	int error = sink_open(what, &sink, reason, sizeof(reason));

	if (error)
		fail_msg("%s: %d %s", what, error, reason);
	assert_string_equal(reason, "");
	assert_string_equal(sink_name(sink), what);
	assert_int_equal(sink_dropped(sink), 0);
	return sink;
}

static void refused(const char *what, int wanted, const char *why)
{
	struct sink *sink = NULL;
	char reason[256] = "";

	assert_int_equal(sink_open(what, &sink, reason, sizeof(reason)), wanted);
	assert_null(sink);
	if (!strstr(reason, why))
		fail_msg("\"%s\" does not say \"%s\"", reason, why);
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

static char *read_file(void)
{
	static char text[4096];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

/* --- files ------------------------------------------------------------------------------------ */

static void test_file_is_created(void **state)
{
	struct sink *sink = opened(spec);
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode, S_IFREG | 0600);
	assert_int_equal(fcntl(sink->fd, F_GETFD), FD_CLOEXEC);
	assert_true(sink_put(sink, LINE, strlen(LINE)));
	assert_string_equal(read_file(), "");
	assert_int_equal(sink_flush(sink), 0);
	assert_string_equal(read_file(), LINE);
	assert_int_equal(sink_flush(sink), 0);
	assert_true(sink_put(sink, "2\n", 2));
	sink_close(sink, 0); /* writes what waits, even without patience */
	assert_string_equal(read_file(), LINE "2\n");
}

static void test_file_is_appended_to(void **state)
{
	struct sink *sink;

	write_file("before\n");
	sink = opened(spec);
	assert_true(sink_put(sink, LINE, strlen(LINE)));
	assert_int_equal(sink_flush(sink), 0);
	sink_close(sink, 100);
	assert_string_equal(read_file(), "before\n" LINE);
}

static void test_torn_line_is_ended(void **state)
{
	struct sink *sink;

	write_file("whole\n{\"torn\":");
	sink = opened(spec);
	assert_true(sink_put(sink, LINE, strlen(LINE)));
	sink_close(sink, 100);
	assert_string_equal(read_file(), "whole\n{\"torn\":\n" LINE);
	sink_close(opened(spec), 100); /* only once */
	assert_string_equal(read_file(), "whole\n{\"torn\":\n" LINE);
}

static void test_mode_of_a_file_is_kept(void **state)
{
	struct stat info;

	write_file("");
	chmod(path, 0640);
	sink_close(opened(spec), 0);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0640);
}

/* Written by somebody else meanwhile: nothing is overwritten. */
static void test_others_append_too(void **state)
{
	struct sink *sink = opened(spec);
	FILE *file = fopen(path, "a");

	assert_true(sink_put(sink, "1\n", 2));
	assert_int_equal(sink_flush(sink), 0);
	fputs("other\n", file);
	fclose(file);
	assert_true(sink_put(sink, "2\n", 2));
	sink_close(sink, 0);
	assert_string_equal(read_file(), "1\nother\n2\n");
}

/* Two names of one file would mix their lines. */
static void test_same_file(void **state)
{
	struct sink *sink = opened(spec), *same = opened(spec), *other, *out = opened("stdout");
	char name[160];

	snprintf(name, sizeof(name), "file:%s/./log", directory);
	assert_true(sink_same_file(sink, same));
	sink_close(same, 0);
	same = opened(name);
	assert_true(sink_same_file(sink, same));
	sink_close(same, 0);
	snprintf(name, sizeof(name), "file:%s/log2", directory);
	other = opened(name);
	assert_false(sink_same_file(sink, other));
	assert_false(sink_same_file(sink, out));
	sink_close(other, 0);
	sink_close(sink, 0);
	sink_close(out, 0);
	unlink(name + strlen("file:"));
}

/* --- what is no output ------------------------------------------------------------------------ */

static void test_refused_files(void **state)
{
	char target[128], missing[160];

	snprintf(target, sizeof(target), "%s/target", directory);
	assert_int_equal(symlink(target, path), 0);
	refused(spec, -ELOOP, "a symlink is not followed");
	assert_int_equal(access(target, F_OK), -1);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(spec, -ENODEV, "not a regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refused(spec, -EISDIR, "Is a directory");
	rmdir(path);
	snprintf(missing, sizeof(missing), "file:%s/none/log", directory);
	refused(missing, -ENOENT, "No such file");
	refused("file:/dev/null", -ENODEV, "not a regular file");
}

static void test_refused_kinds(void **state)
{
	static const char *const specs[] = {"",	     "stdou",	 "stdout ", "stdoutx",	  "file",
					    "file:", "syslog:x", "/tmp/x",  "FILE:/tmp/x"};

	for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++)
		refused(specs[i], -EINVAL, "unknown output");
	sink_close(NULL, 1000);
}

/* --- stdout ----------------------------------------------------------------------------------- */

static int real_stdout = -1;

/* Puts FD in stdout's place; -1: nothing. */
static void replace_stdout(int fd)
{
	fflush(stdout);
	real_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	if (fd < 0)
		close(STDOUT_FILENO);
	else
		dup2(fd, STDOUT_FILENO);
}

static void restore_stdout(void)
{
	dup2(real_stdout, STDOUT_FILENO);
	close(real_stdout);
}

static void test_stdout_not_writable(void **state)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (int closed = 0; closed < 2; closed++) {
		struct sink *sink = NULL;
		char reason[256] = "";
		int error;

		replace_stdout(closed ? -1 : nothing);
		error = sink_open("stdout", &sink, reason, sizeof(reason));
		restore_stdout();
		assert_int_equal(error, -EBADF);
		assert_string_equal(reason, "cannot write stdout: it is not open for writing");
		assert_null(sink);
	}
	close(nothing);
}

static void put_numbered(struct sink *sink, unsigned int number, unsigned int *put)
{
	char line[400];
	int size = snprintf(line, sizeof(line), "%07u %0*u\n", number, 1 + (int)number % 300, 0);

	if (sink_put(sink, line, (size_t)size))
		++*put;
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
	const unsigned int total = 100000;
	char *got = malloc(2 * SINK_QUEUE_MAX);
	unsigned int put = 0, rounds = 0;
	struct sink *sink;
	size_t size = 0;
	long last = -1;
	int pipes[2], error = 0;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	sink = opened("stdout");
	replace_stdout(pipes[1]);
	for (unsigned int i = 0; i < total; i++) {
		put_numbered(sink, i, &put);
		if (i % 1000 == 0)
			error |= sink_flush(sink);
	}
	while (++rounds < 10000 && sink->size) {
		ssize_t now;

		while ((now = read(pipes[0], got + size, 2 * SINK_QUEUE_MAX - size)) > 0)
			size += (size_t)now;
		error |= sink_flush(sink);
	}
	restore_stdout();
	size += (size_t)read(pipes[0], got + size, 2 * SINK_QUEUE_MAX - size);
	assert_int_equal(error, 0);
	assert_true(put < total && put > 10000);
	assert_int_equal(sink_dropped(sink), total - put);
	assert_int_equal(check_lines(got, size, &last), put);
	assert_true(last < (long)total);
	sink_close(sink, 0);
	close(pipes[0]);
	close(pipes[1]);
	free(got);
}

/* To the byte: a line that just fits is taken, one byte more is not. */
static void test_queue_bound(void **state)
{
	char *line = malloc(SINK_QUEUE_MAX + 1);
	struct sink *sink;
	int pipes[2];

	memset(line, 'x', SINK_QUEUE_MAX + 1);
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(pipes[1], line, 4096) > 0)
		;
	sink = opened("stdout");
	replace_stdout(pipes[1]);
	bool oversized = sink_put(sink, line, SINK_QUEUE_MAX + 1);
	bool most = sink_put(sink, line, SINK_QUEUE_MAX - 10);
	bool rest = sink_put(sink, line, 10);
	bool empty = sink_put(sink, line, 0);
	bool more = sink_put(sink, line, 1);
	int flushed = sink_flush(sink);
	restore_stdout();
	assert_false(oversized);
	assert_true(most && rest && empty);
	assert_false(more);
	assert_int_equal(flushed, 0);
	assert_int_equal(sink_dropped(sink), 2);
	close(pipes[0]);
	close(pipes[1]);
	replace_stdout(open("/dev/null", O_WRONLY | O_CLOEXEC));
	sink_close(sink, 1000);
	restore_stdout();
	free(line);
}

static void test_reader_gone(void **state)
{
	struct sink *sink = opened("stdout");
	int pipes[2], first, second;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	close(pipes[0]);
	replace_stdout(pipes[1]);
	sink_put(sink, LINE, strlen(LINE));
	first = sink_flush(sink);
	second = sink_flush(sink);
	restore_stdout();
	assert_int_equal(first, -EPIPE);
	assert_int_equal(second, -EPIPE); /* for good */
	close(pipes[1]);
	replace_stdout(open("/dev/null", O_WRONLY | O_CLOEXEC));
	sink_close(sink, 0);
	restore_stdout();
}

/* Closing waits for a slow reader no longer than told. */
static void test_close_gives_up(void **state)
{
	struct timespec before, after;
	struct sink *sink = opened("stdout");
	char page[4096] = {0};
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(pipes[1], page, sizeof(page)) > 0)
		;
	replace_stdout(pipes[1]);
	sink_put(sink, LINE, strlen(LINE));
	clock_gettime(CLOCK_MONOTONIC, &before);
	sink_close(sink, 100);
	clock_gettime(CLOCK_MONOTONIC, &after);
	restore_stdout();
	assert_true((after.tv_sec - before.tv_sec) * 1000 +
			    (after.tv_nsec - before.tv_nsec) / 1000000 >=
		    90);
	assert_int_equal(fcntl(STDOUT_FILENO, F_GETFD) < 0, 0); /* stdout is not ours to close */
	close(pipes[0]);
	close(pipes[1]);
}

/* --- a full disk ------------------------------------------------------------------------------ */

static void fill_and_recover(struct sink *sink, const char *filler)
{
	unsigned int put = 0, later = 0;
	int fd, error = 0, errors = 0;
	char page[4096];
	struct stat info;
	long last = -1;
	char *got;

	memset(page, 0, sizeof(page));
	for (unsigned int i = 0; i < 2000; i++) {
		put_numbered(sink, i, &put);
		error = sink_flush(sink);
		if (error)
			assert_int_equal(error, -ENOSPC);
		errors += !!error;
	}
	assert_int_equal(errors, 1); /* it is said once, and tried again and again */
	assert_int_equal(put, 2000);
	unlink(filler);
	assert_int_equal(sink_flush(sink), 0);
	fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, page, sizeof(page)) > 0)
		;
	for (unsigned int i = 2000; i < 2500; i++)
		put_numbered(sink, i, &later);
	assert_int_equal(sink_flush(sink), -ENOSPC); /* new again */
	close(fd);
	unlink(filler);
	sink_close(sink, 100);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &info), 0);
	got = malloc((size_t)info.st_size);
	assert_int_equal(read(fd, got, (size_t)info.st_size), info.st_size);
	assert_int_equal(check_lines(got, (size_t)info.st_size, &last), put + later);
	close(fd);
	free(got);
}

static void test_disk_full(void **state)
{
	char filler[128], page[4096] = {0};
	int fd;

	if (mount("tmpfs", directory, "tmpfs", 0, "size=1m"))
		skip();
	snprintf(filler, sizeof(filler), "%s/filler", directory);
	fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 0; i < 200; i++)
		assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	close(fd);
	fill_and_recover(opened(spec), filler);
	assert_int_equal(umount(directory), 0);
}

int main(void)
{
#define SINK_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		SINK_TEST(test_file_is_created),     SINK_TEST(test_file_is_appended_to),
		SINK_TEST(test_torn_line_is_ended),  SINK_TEST(test_mode_of_a_file_is_kept),
		SINK_TEST(test_others_append_too),   SINK_TEST(test_refused_files),
		SINK_TEST(test_refused_kinds),	     SINK_TEST(test_same_file),
		SINK_TEST(test_stdout_not_writable), SINK_TEST(test_full_pipe),
		SINK_TEST(test_queue_bound),	     SINK_TEST(test_reader_gone),
		SINK_TEST(test_close_gives_up),	     SINK_TEST(test_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
