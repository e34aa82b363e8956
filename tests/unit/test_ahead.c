// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include "base/hash.h"
#include "base/text.h"
#include "files.h"
#include "log/ahead.h"
#include "log/logfile.h"

static char path[96];

static int prepare(void **state)
{
	int error = files_prepare("/tmp");

	snprintf(path, sizeof(path), "%s/log", directory);
	return error;
}

static int tidy(void **state)
{
	return files_remove(directory);
}

/* What was seen of lines: their number, and a hash of them all. */
struct lines_seen {
	uint64_t count, hash, complete;
};

static void see(void *data, struct bytes line, bool complete)
{
	struct lines_seen *seen = data;

	seen->count++;
	seen->complete += complete;
	seen->hash =
		hash_add(hash_add(seen->hash, &line.size, sizeof(line.size)), line.data, line.size);
}

/* Lines of all sizes: none, a few bytes, more than a block, and a last one without its LF. */
static void write_lines(struct text *out, unsigned int count, size_t largest)
{
	for (unsigned int i = 0; i < count; i++) {
		size_t size = i % 97 ? i * 7919 % 3000 : i % 2 ? largest : 0;

		for (size_t at = 0; at < size; at++)
			text_add_char(out, (char)('a' + (at + i) % 26));
		text_add_char(out, '\n');
	}
	text_add_string(out, "torn");
}

static void pack(const struct text *text)
{
	gzFile file = gzopen(path, "wb1");

	assert_int_equal(gzwrite(file, text->data, (unsigned int)text->size), (int)text->size);
	assert_int_equal(gzclose(file), Z_OK);
}

/* All lines come, in their order, as lines_next() has them; each is seen once. */
static void check_all(void)
{
	struct lines_seen plain = {0}, seen = {0}, taken = {0};
	const struct ahead_options options = {.see = see, .data = &seen};
	struct logfile log;
	struct ahead *ahead;
	struct bytes line;
	bool complete;

	assert_int_equal(logfile_open(&log, path, false), 0);
	while (lines_next(&log.lines, &line, &complete) > 0)
		see(&plain, line, complete);
	logfile_close(&log);
	assert_true(ahead_suits(path));
	assert_int_equal(ahead_open(&ahead, path, &options), 0);
	while (ahead_next(ahead, &line) > 0)
		see(&taken, line, true);
	assert_int_equal(ahead_next(ahead, &line), 0); /* as often as asked */
	ahead_close(ahead);
	assert_int_equal(seen.count, plain.count);
	assert_int_equal(seen.hash, plain.hash);
	assert_int_equal(seen.complete, plain.complete);
	assert_int_equal(taken.count, plain.count);
	assert_int_equal(taken.hash, plain.hash);
}

static void test_all_lines(void **state)
{
	struct text text = {0};

	files_write(path, "", 0);
	check_all();
	files_write(path, "\n\n", 2);
	check_all();
	write_lines(&text, 2000, 700000);
	files_write(path, text.data, text.size);
	check_all();
	pack(&text);
	check_all();
	text_free(&text);
}

/* Of lines that are too long their beginnings come, wherever the file or a block ends. */
static void test_long_lines(void **state)
{
	static const struct {
		size_t size;
		const char *behind;
	} sizes[] = {{LINES_TAKEN_MAX, "\nlast"},
		     {LINES_TAKEN_MAX + 1, ""},
		     {LINES_TAKEN_MAX + 600000, "\na\nb"}};
	struct text text = {0};
	char *filler = malloc(LINES_TAKEN_MAX + 600000);

	assert_non_null(filler);
	memset(filler, 'x', LINES_TAKEN_MAX + 600000);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		text_cut(&text, 0);
		text_add_string(&text, "first\n");
		text_add(&text, filler, sizes[i].size);
		text_add_string(&text, sizes[i].behind);
		files_write(path, text.data, text.size);
		check_all();
	}
	free(filler);
	text_free(&text);
}

/* A line and what is behind it in its block are all that there is. */
static void test_rest(void **state)
{
	const struct ahead_options options = {0};
	struct text text = {0}, taken = {0};
	struct ahead *ahead;
	struct bytes line;

	write_lines(&text, 2000, 700000);
	files_write(path, text.data, text.size);
	assert_int_equal(ahead_open(&ahead, path, &options), 0);
	while (ahead_next(ahead, &line) > 0) {
		text_add_bytes(&taken, line);
		if (taken.size < text.size)
			text_add_char(&taken, '\n');
		text_add_bytes(&taken, ahead_rest(ahead));
		assert_int_equal(ahead_rest(ahead).size, 0);
	}
	ahead_close(ahead);
	assert_int_equal(taken.size, text.size);
	assert_memory_equal(taken.data, text.data, text.size);
	text_free(&text);
	text_free(&taken);
}

/* Who wants no more does not wait for the rest, and frees what was read. */
static void test_ends_early(void **state)
{
	const struct ahead_options options = {0};
	struct text text = {0};
	struct ahead *ahead;
	struct bytes line;

	write_lines(&text, 5000, 700000);
	files_write(path, text.data, text.size);
	for (unsigned int take = 0; take < 2500; take += 250) {
		assert_int_equal(ahead_open(&ahead, path, &options), 0);
		for (unsigned int i = 0; i < take; i++)
			assert_int_equal(ahead_next(ahead, &line), 1);
		ahead_close(ahead);
	}
	text_free(&text);
}

/* What comes before the fault is told, then the fault. */
static void test_broken(void **state)
{
	const struct ahead_options options = {0};
	struct text text = {0};
	struct ahead *ahead;
	struct bytes line;
	struct stat info;
	unsigned int count = 0;
	int result;

	assert_int_equal(ahead_open(&ahead, "/nowhere/at/all", &options), -ENOENT);
	write_lines(&text, 2000, 3000);
	pack(&text);
	text_free(&text);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(truncate(path, info.st_size / 2), 0);
	assert_int_equal(ahead_open(&ahead, path, &options), 0);
	while ((result = ahead_next(ahead, &line)) > 0)
		count++;
	assert_in_range(count, 10, 2000);
	assert_int_equal(result, -EIO);
	assert_non_null(ahead_error(ahead));
	ahead_close(ahead);
	ahead_close(NULL);
}

/* A pipe is not read ahead: who reads it may have to end while nobody writes. */
static void test_what_suits(void **state)
{
	char fifo[128];

	snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_false(ahead_suits(fifo));
	assert_false(ahead_suits(directory));
	assert_false(ahead_suits("/nowhere/at/all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_lines, prepare, tidy),
		cmocka_unit_test_setup_teardown(test_long_lines, prepare, tidy),
		cmocka_unit_test_setup_teardown(test_rest, prepare, tidy),
		cmocka_unit_test_setup_teardown(test_ends_early, prepare, tidy),
		cmocka_unit_test_setup_teardown(test_broken, prepare, tidy),
		cmocka_unit_test_setup_teardown(test_what_suits, prepare, tidy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
