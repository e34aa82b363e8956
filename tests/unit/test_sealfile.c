// SPDX-License-Identifier: Apache-2.0
/* Where a chain goes on: after a crash, after damage, and where somebody wrote to the log while we were away. */
#include "files.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "chain/key.h"
#include "chaining.h"
#include "sealing.h"

/* A seal file is two slots of so many bytes, at such a distance. */
#define SLOTS 2
#define SLOT_SIZE 176
#define SLOT_DISTANCE 4096

/* They are counted; a disk would take its time. */
static unsigned int syncs;

int __wrap_fdatasync(int fd)
{
	syncs++;
	return 0;
}

int __wrap_fsync(int fd)
{
	syncs++;
	return 0;
}

static unsigned int evolutions;

int __real_key_evolve(unsigned char seed[CHAIN_KEY_SIZE]);

int __wrap_key_evolve(unsigned char seed[CHAIN_KEY_SIZE])
{
	evolutions++;
	return __real_key_evolve(seed);
}

static off_t written_first = -1; /* where, of what was written since this was -1 */

ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);

ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	if (written_first < 0)
		written_first = offset;
	return __real_pwrite(fd, data, size, offset);
}

#define LINES 14
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define FILE_SIZE (SLOT_DISTANCE + SLOT_SIZE)

static char path[96], seal_path[112], said[512];

static int setup(void **state)
{
	if (files_prepare("/tmp"))
		return -1;
	snprintf(path, sizeof(path), "%s/log", directory);
	snprintf(seal_path, sizeof(seal_path), "%s.seal", path);
	return 0;
}

static int teardown(void **state)
{
	return files_remove(directory);
}

/* --- a log, line by line ------------------------------------------------------------------------ */

struct past {
	struct text text;
	size_t end[LINES + 1];	       /* of the text, after so many lines */
	struct chain chain[LINES + 1]; /* likewise */
};

static void make_past(struct past *past, unsigned char seed, bool ocsf)
{
	struct chain chain = known_chain(seed);

	memset(past, 0, sizeof(*past));
	past->chain[0] = chain;
	for (unsigned int i = 0; i < LINES; i++) {
		if (i % 4 == 0 || i == 5)
			add_seal_line(&chain, &past->text, ocsf);
		else
			add_line(&chain, &past->text, "{\"message\":\"a line\",\"callerd\":{}}\n");
		past->end[i + 1] = past->text.size;
		past->chain[i + 1] = chain;
	}
}

/* The lines FROM to TO of the past. */
static void write_past(const struct past *past, unsigned int from, unsigned int to)
{
	files_write(path, past->text.data + past->end[from], past->end[to] - past->end[from]);
}

/* --- a seal file -------------------------------------------------------------------------------- */

static int try_open(struct sealfile **ret, struct chain *chain, bool *fresh)
{
	int fd = open(path, O_RDONLY | O_CREAT, 0644), error;

	assert_true(fd >= 0);
	strcpy(said, "not said");
	error = sealfile_open(path, fd, ret, chain, fresh, said, sizeof(said));
	close(fd);
	return error;
}

static struct sealfile *opened(struct chain *chain, bool *fresh)
{
	struct sealfile *file;
	int error = try_open(&file, chain, fresh);

	if (error)
		fail_msg("%d: %s", error, said);
	return file;
}

/* The state of a life that ended there. */
static void save(const struct chain *chain)
{
	assert_int_equal(sealing_save(path, chain), 0);
}

static void expect_said(const char *what)
{
	if (*what ? !strstr(said, what) : *said)
		fail_msg("\"%s\" is not: \"%s\"", said, what);
}

static void expect_same(const struct chain *chain, const struct chain *wanted)
{
	assert_int_equal(chain->lines, wanted->lines);
	assert_int_equal(chain->seals, wanted->seals);
	assert_int_equal(chain->unsealed, wanted->unsealed);
	assert_memory_equal(chain->last, wanted->last, sizeof(chain->last));
	assert_memory_equal(chain->seed, wanted->seed, sizeof(chain->seed));
	assert_string_equal(chain->first_key, wanted->first_key);
}

/* Opens, and expects the chain to go on as WANTED. */
static void expect_going_on(const struct chain *wanted, const char *text)
{
	struct sealfile *file;
	struct chain chain, kept;
	bool fresh;

	file = opened(&chain, &fresh);
	expect_said(text);
	expect_same(&chain, wanted);
	assert_int_equal(fresh, !wanted->lines);
	sealfile_close(file);
	/* And it is kept. */
	assert_int_equal(sealfile_peek(seal_path, &kept), 0);
	assert_int_equal(kept.lines, wanted->lines);
	assert_int_equal(kept.seals, wanted->seals);
}

static void expect_new(const char *text, struct chain *ret)
{
	struct sealfile *file;
	bool fresh;

	file = opened(ret, &fresh);
	expect_said(text);
	assert_true(fresh);
	assert_int_equal(ret->lines, 0);
	assert_int_equal(ret->seals, 0);
	sealfile_close(file);
}

static size_t read_seal_file(char data[FILE_SIZE + 1])
{
	int fd = open(seal_path, O_RDONLY);
	ssize_t size = read(fd, data, FILE_SIZE + 1);

	assert_true(fd >= 0 && size >= 0);
	close(fd);
	return (size_t)size;
}

/* --- as it should be ---------------------------------------------------------------------------- */

static void begins(void **state)
{
	struct chain chain, again;
	struct stat info;

	expect_new("", &chain);
	assert_int_equal(stat(seal_path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	/* It is the same chain if we end before anything was written. */
	expect_new("", &again);
	expect_same(&again, &chain);
}

static void keeps_what_is_saved(void **state)
{
	struct past past;
	struct sealfile *file;
	struct chain chain;
	bool fresh;

	make_past(&past, 0, false);
	save(&past.chain[0]);
	file = opened(&chain, &fresh);
	write_past(&past, 0, LINES);
	for (unsigned int i = 1; i <= LINES; i++) {
		struct chain kept;

		bool new_key = past.chain[i].seals > past.chain[i - 1].seals;

		syncs = 0;
		assert_int_equal(sealfile_save(file, &past.chain[i], i % 2), 0);
		assert_int_equal(syncs, i % 2 ? 1 + new_key : 0);
		assert_int_equal(sealfile_peek(seal_path, &kept), 0);
		assert_int_equal(kept.lines, i);
		assert_int_equal(kept.seals, past.chain[i].seals);
		assert_memory_equal(kept.last, past.chain[i].last, sizeof(kept.last));
		assert_string_equal(kept.first_key, past.chain[0].first_key);
		assert_memory_equal(kept.seed, (char[CHAIN_KEY_SIZE]){0}, CHAIN_KEY_SIZE);
	}
	sealfile_close(file);
	expect_going_on(&past.chain[LINES], "");
	text_free(&past.text);
}

static void holds_no_older_key(void **state)
{
	char data[FILE_SIZE + 1];
	struct sealfile *file;
	struct chain chain;
	struct past past;
	bool fresh;

	make_past(&past, 0, false);
	save(&past.chain[0]);
	file = opened(&chain, &fresh);
	for (unsigned int i = 1; i <= LINES; i++) {
		size_t size;

		assert_int_equal(sealfile_save(file, &past.chain[i], false), 0);
		size = read_seal_file(data);
		for (unsigned int j = 0; j < i; j++)
			if (past.chain[j].seals < past.chain[i].seals)
				assert_null(memmem(data, size, past.chain[j].seed, CHAIN_KEY_SIZE));
		assert_non_null(memmem(data, size, past.chain[i].seed, CHAIN_KEY_SIZE));
	}
	sealfile_close(file);
	/* Nor after a life that saved none of its seals. */
	write_past(&past, 0, LINES);
	save(&past.chain[0]);
	expect_going_on(&past.chain[LINES], "");
	assert_null(memmem(data, read_seal_file(data), past.chain[0].seed, CHAIN_KEY_SIZE));
	text_free(&past.text);
}

static void goes_on_after_rotation(void **state)
{
	struct past past;

	make_past(&past, 0, false);
	for (unsigned int i = 0; i <= LINES; i++) {
		save(&past.chain[i]);
		files_write(path, "", 0);
		expect_going_on(&past.chain[i], "");
		/* Something was written since, and not saved. */
		save(&past.chain[i]);
		write_past(&past, i, LINES);
		expect_going_on(&past.chain[LINES], "");
	}
	text_free(&past.text);
}

/* Each end of the log that is not before what was saved. */
static void catches_up_after_a_crash(void **state)
{
	for (unsigned int ocsf = 0; ocsf < 2; ocsf++) {
		struct past past;

		make_past(&past, 3, ocsf);
		for (unsigned int saved = 0; saved <= LINES; saved++)
			for (unsigned int logged = saved; logged <= LINES; logged++) {
				save(&past.chain[saved]);
				write_past(&past, 0, logged);
				expect_going_on(&past.chain[logged], "");
			}
		text_free(&past.text);
	}
}

static void ignores_a_torn_line(void **state)
{
	struct past past;

	make_past(&past, 0, false);
	for (size_t size = past.end[LINES - 1]; size < past.text.size; size++) {
		save(&past.chain[5]);
		files_write(path, past.text.data, size);
		expect_going_on(&past.chain[LINES - 1], "");
	}
	text_free(&past.text);
}

/* What was saved is far from the log's end, and lines are longer than what is read at first. */
static void reads_back_far(void **state)
{
	struct chain chain = known_chain(0), saved;
	struct text log = {0}, line = {0};

	add_seal_line(&chain, &log, false);
	saved = chain;
	for (unsigned int i = 0; i < 40; i++) {
		text_cut(&line, 0);
		text_add_string(&line, "{\"message\":\"");
		for (unsigned int j = 0; j < i * 500; j++)
			text_add_string(&line, "long ");
		text_add_string(&line, "\",\"callerd\":{}}\n");
		add_line(&chain, &log, line.data);
		if (i % 3 == 0)
			add_seal_line(&chain, &log, false);
	}
	files_write(path, log.data, log.size);
	save(&saved);
	expect_going_on(&chain, "");
	text_free(&log);
	text_free(&line);
}

/* What is read begins within the first line that was not saved. */
static void takes_no_part_of_a_line(void **state)
{
	struct chain begun = known_chain(0);
	struct text log = {0}, line = {0};
	char record[2048];

	add_seal_line(&begun, &log, false);
	text_cut(&log, 0);
	for (size_t size = TAIL_MIN / 4; size < TAIL_MIN * 9 / 8; size += TAIL_MIN / 8) {
		struct chain chain = begun;

		snprintf(record, sizeof(record), "{\"message\":\"%01500d\",\"callerd\":{}}\n", 0);
		text_cut(&log, 0);
		add_line(&chain, &log, record);
		text_cut(&line, 0);
		text_add_string(&line, "{\"message\":\"");
		for (unsigned int i = 0; i < size; i++)
			text_add_char(&line, 'x');
		text_add_string(&line, "\",\"callerd\":{}}\n");
		add_line(&chain, &log, line.data);
		files_write(path, log.data, log.size);
		save(&begun);
		expect_going_on(&chain, "");
	}
	text_free(&log);
	text_free(&line);
}

/* --- torn, damaged ------------------------------------------------------------------------------ */

static void expect_either(const struct chain *a, const struct chain *b)
{
	struct chain kept;

	assert_int_equal(sealfile_peek(seal_path, &kept), 0);
	if (kept.lines != a->lines && kept.lines != b->lines)
		fail_msg("line %llu", (unsigned long long)kept.lines);
}

/* The power fails at any byte of a save, or between its two writes. */
static void survives_torn_writes(void **state)
{
	char before[FILE_SIZE + 1], after[FILE_SIZE + 1], torn[FILE_SIZE];
	struct sealfile *file;
	struct chain chain;
	struct past past;
	bool fresh;

	make_past(&past, 0, false);
	write_past(&past, 0, 4);
	save(&past.chain[4]);
	for (unsigned int i = 5; i <= 6; i++) { /* either slot is the older one, each with a seal */
		file = opened(&chain, &fresh);
		assert_int_equal(read_seal_file(before), FILE_SIZE);
		written_first = -1;
		assert_int_equal(sealfile_save(file, &past.chain[i], false), 0);
		sealfile_close(file);
		assert_int_equal(read_seal_file(after), FILE_SIZE);
		for (unsigned int second = 0; second < SLOTS; second++) {
			size_t first_at = (size_t)written_first;
			size_t at = second ? SLOT_DISTANCE - first_at : first_at;

			for (size_t done = 0; done <= SLOT_SIZE; done++) {
				memcpy(torn, before, FILE_SIZE);
				if (second)
					memcpy(torn + first_at, after + first_at, SLOT_SIZE);
				memcpy(torn + at, after + at, done);
				files_write(seal_path, torn, FILE_SIZE);
				if (second)
					expect_either(&past.chain[i], &past.chain[i]);
				else
					expect_either(&past.chain[i - 1], &past.chain[i]);
			}
		}
		files_write(seal_path, after, FILE_SIZE);
		write_past(&past, 0, i);
	}
	text_free(&past.text);
}

static void tells_damage(void **state)
{
	char data[FILE_SIZE + 1];
	struct chain chain;
	struct past past;

	make_past(&past, 0, false);
	write_past(&past, 0, LINES);
	save(&past.chain[LINES]);
	read_seal_file(data);
	/* Any byte of one slot is no harm. */
	for (size_t at = 0; at < SLOT_SIZE; at++) {
		data[at] ^= 1;
		files_write(seal_path, data, FILE_SIZE);
		expect_going_on(&past.chain[LINES], "");
		data[at] ^= 1;
	}
	data[0] ^= 1;
	data[SLOT_DISTANCE + 30] ^= 1;
	files_write(seal_path, data, FILE_SIZE);
	assert_int_equal(sealfile_peek(seal_path, &chain), -EBADMSG);
	expect_new("is damaged: a new chain begins", &chain);
	assert_memory_not_equal(chain.seed, past.chain[0].seed, CHAIN_KEY_SIZE);
	for (size_t size = 1; size < SLOT_SIZE; size += 35) {
		files_write(seal_path, data, size);
		expect_new("is damaged: a new chain begins", &chain);
	}
	/* An empty one was made by a life that did not come to write it. */
	files_write(path, "", 0);
	files_write(seal_path, "", 0);
	expect_new("", &chain);
	text_free(&past.text);
}

static void tells_that_it_is_gone(void **state)
{
	static const char plain[] = "{\"message\":\"of an older version\",\"callerd\":{}}\n";
	struct chain chain;
	struct past past;

	make_past(&past, 0, false);
	write_past(&past, 0, LINES);
	unlink(seal_path);
	expect_new("is gone: a new chain begins", &chain);
	/* A log that never had a chain is no news. */
	unlink(seal_path);
	files_write(path, plain, strlen(plain));
	expect_new("", &chain);
	expect_new("", &chain);
	text_free(&past.text);
}

/* A new chain behind an old one, in the same file. */
static void tells_chains_apart(void **state)
{
	struct past past, newer;

	make_past(&past, 0, false);
	make_past(&newer, 77, false);
	for (unsigned int saved = 0; saved < 6; saved++)
		for (unsigned int logged = saved ? saved : 1; logged < 10; logged++) {
			save(&newer.chain[saved]);
			write_past(&past, 0, LINES);
			files_append(path, newer.text.data, newer.end[logged]);
			expect_going_on(&newer.chain[logged], "");
		}
	text_free(&past.text);
	text_free(&newer.text);
}

/* --- somebody else ------------------------------------------------------------------------------ */

static void tells_a_cut_log(void **state)
{
	struct past past;

	make_past(&past, 0, false);
	for (unsigned int left = 1; left < LINES; left++) {
		save(&past.chain[LINES]);
		write_past(&past, 0, left);
		expect_going_on(&past.chain[LINES], "before line 14 that was written: it was cut");
	}
	text_free(&past.text);
}

static void tells_a_changed_line(void **state)
{
	struct past past;

	make_past(&past, 0, false);
	save(&past.chain[LINES]);
	past.text.data[past.end[LINES - 1] + 5] ^= 1;
	write_past(&past, 0, LINES);
	expect_going_on(&past.chain[LINES], "does not end as callerd left it");
	/* Of what was not saved, no more than what was there is believed. */
	save(&past.chain[10]);
	past.text.data[past.end[12] + 5] ^= 1; /* a seal */
	write_past(&past, 0, LINES);
	expect_going_on(&past.chain[12], "does not end as callerd left it");
	text_free(&past.text);
}

static void tells_foreign_lines(void **state)
{
	static const char *const foreign[] = {
		"\n",
		"{\"message\":\"I was here\"}\n",
		"{\"callerd\":{\"chain\":{\"line\":3,\"previous\":\"" ZEROS "\"}}}\n",
		"{\"callerd\":{\"chain\":{\"line\":18446744073709551615,\"previous\":\"" ZEROS
		"\"}}}"
		"\n",
	};
	struct past past;

	make_past(&past, 0, false);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		for (unsigned int saved = 9; saved <= LINES; saved++) {
			save(&past.chain[saved]);
			write_past(&past, 0, LINES);
			files_append(path, foreign[i], strlen(foreign[i]));
			expect_going_on(&past.chain[LINES], "does not end as callerd left it");
		}
	text_free(&past.text);
}

/* Who can read the log can make a line that fits. It does not hide the seal behind it. */
static void finds_the_seal_behind_a_fitting_line(void **state)
{
	struct chain fake;
	struct past past;
	size_t at;

	make_past(&past, 0, false);
	save(&past.chain[6]);
	fake = past.chain[6];
	at = past.end[6];
	files_write(path, past.text.data, at);
	{
		struct text text = {0};

		add_line(&fake, &text, "{\"message\":\"fake\",\"callerd\":{}}\n");
		files_append(path, text.data, text.size);
		text_free(&text);
	}
	files_append(path, past.text.data + at, past.text.size - at);
	expect_going_on(&past.chain[LINES], "");
	text_free(&past.text);
}

/* A seal file of long ago: the log that went on from it was rotated away. */
static void skips_to_a_seal(void **state)
{
	struct past past;

	make_past(&past, 0, false);
	for (unsigned int from = 2; from < 13; from++) {
		save(&past.chain[1]);
		write_past(&past, from, LINES);
		expect_going_on(&past.chain[LINES], "");
	}
	/* Without a seal in it nothing shows that it is ours. */
	save(&past.chain[1]);
	write_past(&past, 13, LINES);
	expect_going_on(&past.chain[1], "does not end as callerd left it");
	text_free(&past.text);
}

/* Seals that say what they like: they cost little and are not believed. */
static void is_not_led_astray_by_seals(void **state)
{
	static const uint64_t numbers[] = {
		0,	   3, 5, 6, 1000, WORK_MAX - 1, WORK_MAX + 1, 1ull << 32, UINT64_MAX - 1,
		UINT64_MAX};
	struct text text = {0};
	struct past past;

	make_past(&past, 0, false);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		for (unsigned int right_key = 0; right_key < 2; right_key++) {
			struct chain thief = known_chain(200);

			thief.lines = LINES + 3 * right_key;
			memcpy(thief.last, past.chain[LINES].last, sizeof(thief.last));
			thief.seals = numbers[i];
			text_cut(&text, 0);
			add_seal_line(&thief, &text, false);
			if (right_key) { /* which everybody knows */
				unsigned char key[CHAIN_KEY_SIZE];
				char *at = strstr(text.data, LINK_KEY);

				key_public(past.chain[LINES].seed, key);
				key_put_hex(at + strlen(LINK_KEY), key, sizeof(key));
			}
			save(&past.chain[LINES - 1]);
			write_past(&past, 0, LINES);
			for (unsigned int j = 0; j < 20; j++)
				files_append(path, text.data, text.size);
			evolutions = 0;
			expect_going_on(&past.chain[LINES], "does not end as callerd left it");
			assert_in_range(evolutions, 0, 2 * WORK_MAX);
		}
	text_free(&text);
	text_free(&past.text);
}

/* A chain begins with a seal. */
static void takes_no_other_beginning(void **state)
{
	struct chain chain = known_chain(0), begun = chain;
	struct text text = {0};

	add_line(&chain, &text, "{\"callerd\":{}}\n");
	files_write(path, text.data, text.size);
	save(&begun);
	expect_going_on(&begun, "does not end as callerd left it");
	text_free(&text);
}

/* --- files that are not ours -------------------------------------------------------------------- */

static void expect_refused(int wanted, const char *text)
{
	struct sealfile *file;
	struct chain chain;
	bool fresh;

	assert_int_equal(try_open(&file, &chain, &fresh), wanted);
	expect_said(text);
	assert_memory_equal(&chain, &(struct chain){0}, sizeof(chain));
}

static void refuses_other_files(void **state)
{
	struct chain chain;
	struct stat info;

	files_write(path, "", 0);
	assert_int_equal(symlink("elsewhere", seal_path), 0);
	expect_refused(-ELOOP, "is a symbolic link");
	unlink(seal_path);
	assert_int_equal(mkdir(seal_path, 0700), 0);
	expect_refused(-EISDIR, "Is a directory");
	rmdir(seal_path);
	assert_int_equal(mkfifo(seal_path, 0600), 0);
	expect_refused(-EPERM, "is not a regular file");
	unlink(seal_path);
	expect_new("", &chain);
	assert_int_equal(chmod(seal_path, 0620), 0);
	expect_refused(-EPERM, "can be written to by others");
	assert_int_equal(chmod(seal_path, 0644), 0);
	expect_new("", &chain);
	assert_int_equal(stat(seal_path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	if (!geteuid() && !chown(seal_path, 1, 1))
		expect_refused(-EPERM, "belongs to somebody else");
}

static void refuses_a_file_in_use(void **state)
{
	struct sealfile *file;
	struct chain chain;
	bool fresh;

	file = opened(&chain, &fresh);
	expect_refused(-EBUSY, "is in use by another callerd");
	sealfile_close(file);
	file = opened(&chain, &fresh);
	sealfile_close(file);
}

static void refuses_long_paths(void **state)
{
	char name[PATH_MAX + 16], text[256];
	struct sealfile *file;
	struct chain chain;
	bool fresh;

	memset(name, 'x', sizeof(name));
	name[PATH_MAX - 2] = '\0';
	assert_int_equal(sealfile_open(name, 0, &file, &chain, &fresh, text, sizeof(text)),
			 -ENAMETOOLONG);
	assert_non_null(strstr(text, "too long"));
	name[0] = '\0';
	assert_int_equal(sealfile_peek("/nonexistent/file", &chain), -ENOENT);
}

/* A disk that takes nothing: what was saved stays, and the next save is as good as ever. */
static void survives_failing_writes(void **state)
{
	struct rlimit none = {0}, before;
	struct sealfile *file;
	struct chain chain;
	struct past past;
	bool fresh;

	make_past(&past, 0, false);
	write_past(&past, 0, LINES);
	save(&past.chain[LINES - 1]);
	file = opened(&chain, &fresh);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(sealfile_save(file, &past.chain[LINES], true), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(sealfile_peek(seal_path, &chain), 0);
	assert_int_equal(sealfile_save(file, &past.chain[LINES], true), 0);
	sealfile_close(file);
	expect_going_on(&past.chain[LINES], "");
	text_free(&past.text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(begins),
		TEST(keeps_what_is_saved),
		TEST(holds_no_older_key),
		TEST(goes_on_after_rotation),
		TEST(catches_up_after_a_crash),
		TEST(ignores_a_torn_line),
		TEST(reads_back_far),
		TEST(takes_no_part_of_a_line),
		TEST(survives_torn_writes),
		TEST(tells_damage),
		TEST(tells_that_it_is_gone),
		TEST(tells_chains_apart),
		TEST(tells_a_cut_log),
		TEST(tells_a_changed_line),
		TEST(tells_foreign_lines),
		TEST(finds_the_seal_behind_a_fitting_line),
		TEST(skips_to_a_seal),
		TEST(is_not_led_astray_by_seals),
		TEST(takes_no_other_beginning),
		TEST(refuses_other_files),
		TEST(refuses_a_file_in_use),
		TEST(refuses_long_paths),
		TEST(survives_failing_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
