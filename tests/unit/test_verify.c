// SPDX-License-Identifier: Apache-2.0
/* Logs that somebody touched, and `callerd verify` over files. */
#include "files.h"

#include <poll.h>
#include <sys/stat.h>
#include <zlib.h>

#include "agent/options/options.h"
#include "agent/command/verify_command.h"
#include "chain/lines.h"
#include "chain/link.h"
#include "chain/verify.h"
#include "chaining.h"
#include "output/file/sealfile.h"

#define LINES_MAX 80
#define FILES_MAX 4
#define ROUNDS 40

/* --- a log -------------------------------------------------------------------------------------- */

struct item {
	char *data; /* of its own */
	size_t size;
	unsigned int file;
	bool seal, torn;
};

struct log {
	struct item items[LINES_MAX + 8];
	unsigned int count;
	struct chain end; /* as it was after the last line */
	bool ocsf;
};

static uint64_t random_state;

static unsigned int random_below(unsigned int limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned int)(random_state >> 33) % limit;
}

static struct item new_item(const char *data, size_t size, unsigned int file)
{
	struct item item = {.data = malloc(size + 1), .size = size, .file = file};

	assert_non_null(item.data);
	memcpy(item.data, data, size);
	item.data[size] = '\0';
	item.seal = link_read((struct bytes){data, size}).kind == LINK_IS_SEAL;
	return item;
}

static void insert_at(struct log *log, unsigned int at, struct item item)
{
	assert_true(log->count < sizeof(log->items) / sizeof(*log->items));
	memmove(log->items + at + 1, log->items + at, (log->count - at) * sizeof(item));
	log->items[at] = item;
	log->count++;
}

static void remove_at(struct log *log, unsigned int at)
{
	free(log->items[at].data);
	log->count--;
	memmove(log->items + at, log->items + at + 1, (log->count - at) * sizeof(*log->items));
}

static void replace_at(struct log *log, unsigned int at, struct text *text)
{
	unsigned int file = log->items[at].file;

	free(log->items[at].data);
	log->items[at] = new_item(text->data, text->size - 1, file);
	text_cut(text, 0);
}

static void free_log(struct log *log)
{
	while (log->count)
		remove_at(log, log->count - 1);
}

static void write_line(struct chain *chain, struct text *out, bool ocsf, unsigned int number)
{
	char line[200];

	snprintf(line, sizeof(line), "{\"message\":\"line %u of a log\",\"%s\":{%s}}\n", number,
		 ocsf ? "unmapped" : "callerd",
		 number % 3 ? "\"api\":{\"engine\":\"docker\"}" : "");
	add_line(chain, out, line);
}

/* COUNT lines over FILES files, a seal first and before about one line of EVERY. */
static void make_log(struct log *log, unsigned int count, unsigned int files, unsigned int every,
		     bool ocsf)
{
	struct chain chain = known_chain(0);
	struct text out = {0};

	*log = (struct log){.ocsf = ocsf};
	for (unsigned int i = 0; i < count; i++) {
		if (!i || !random_below(every))
			add_seal_line(&chain, &out, ocsf);
		else
			write_line(&chain, &out, ocsf, i);
		insert_at(log, log->count, new_item(out.data, out.size - 1, i * files / count));
		text_cut(&out, 0);
	}
	log->end = chain;
	text_free(&out);
}

/* --- verifying it ------------------------------------------------------------------------------- */

struct place_of_fault {
	unsigned int file;
	uint64_t line;
	enum verify_fault fault;
};

static struct seen {
	unsigned int count;
	struct place_of_fault first; /* by its place */
	char told[4096];
} seen;

static void see(void *data, enum verify_fault fault, unsigned int file, uint64_t line,
		const char *what)
{
	size_t used = strlen(seen.told);

	snprintf(seen.told + used, sizeof(seen.told) - used, "  %u:%llu %s: %s\n", file,
		 (unsigned long long)line, verify_fault_name(fault), what);
	if (!seen.count++ || file < seen.first.file ||
	    (file == seen.first.file && line < seen.first.line))
		seen.first = (struct place_of_fault){file, line, fault};
}

static void put_line(struct verify *verify, const char *data, size_t size, bool complete)
{
	char *copy = exact_copy(data, size);

	assert_int_equal(verify_line(verify, (struct bytes){copy, size}, complete), 0);
	free(copy);
}

/* An item in which there is an LF by now is two lines. */
static void put_item(struct verify *verify, const struct item *item)
{
	const char *at = item->data, *end = item->data + item->size, *feed;

	while ((feed = memchr(at, '\n', (size_t)(end - at)))) {
		put_line(verify, at, (size_t)(feed - at), true);
		at = feed + 1;
	}
	put_line(verify, at, (size_t)(end - at), !item->torn);
}

static struct verify_report verified(const struct log *log, const char *key,
				     const struct chain *written)
{
	struct verify_options options = {.key = key, .written = written, .fault = see};
	struct verify *verify = verify_new(&options);
	struct verify_report report;
	unsigned int file = 0;

	assert_non_null(verify);
	memset(&seen, 0, sizeof(seen));
	verify_file(verify);
	for (unsigned int i = 0; i < log->count; i++) {
		for (; file < log->items[i].file; file++)
			verify_file(verify);
		put_item(verify, &log->items[i]);
	}
	verify_end(verify, &report);
	verify_free(verify);
	assert_int_equal(report.faults, seen.count);
	return report;
}

/* Where the item AT is. */
static struct place_of_fault place_of(const struct log *log, unsigned int at)
{
	struct place_of_fault place = {.file = log->items[at].file, .line = 1};

	for (unsigned int i = at; i-- && log->items[i].file == place.file;)
		place.line++;
	return place;
}

static bool found_at(const struct log *log, unsigned int at)
{
	struct place_of_fault place = place_of(log, at);

	return seen.count && seen.first.file == place.file && seen.first.line == place.line;
}

static void expect_found(const struct log *log, unsigned int at, unsigned int most,
			 const char *what)
{
	struct place_of_fault place = place_of(log, at);

	if (!found_at(log, at) || seen.count > most)
		fail_msg("%s: %u faults, not at most %u at %u:%llu\n%s", what, seen.count, most,
			 place.file, (unsigned long long)place.line, seen.told);
}

static void expect_fault(const struct log *log, unsigned int at, enum verify_fault fault,
			 const char *what)
{
	expect_found(log, at, 1, what);
	if (seen.first.fault != fault)
		fail_msg("%s: not %s\n%s", what, verify_fault_name(fault), seen.told);
}

static void expect_good(const char *what)
{
	if (seen.count)
		fail_msg("%s:\n%s", what, seen.told);
}

/* --- nobody touched it -------------------------------------------------------------------------- */

static void takes_what_was_written(void **state)
{
	struct verify_report report;
	struct log log;

	for (unsigned int round = 0; round < 60; round++) {
		unsigned int unsealed = 0, seals = 0;

		make_log(&log, 1 + random_below(30), 1 + random_below(FILES_MAX),
			 1 + random_below(9), round % 2);
		for (unsigned int i = 0; i < log.count; i++) {
			unsealed = log.items[i].seal ? 0 : unsealed + 1;
			seals += log.items[i].seal;
		}
		report = verified(&log, round % 3 ? log.end.first_key : NULL,
				  round % 5 ? &log.end : NULL);
		expect_good("a log");
		assert_int_equal(report.lines, log.count);
		assert_int_equal(report.seals, seals);
		assert_int_equal(report.unsealed, unsealed);
		assert_int_equal(report.last_seal, seals - 1);
		assert_true(report.starts_at_beginning);
		assert_string_equal(report.first_key, log.end.first_key);
		assert_memory_equal(report.last_seal_time, "2026-03-01T12:0", 15);
		free_log(&log);
	}
}

static void takes_what_is_left_of_it(void **state)
{
	char next_key[CHAIN_HEX_SIZE] = "";
	struct verify_report report;
	struct log log;

	make_log(&log, 30, 3, 4, false);
	while (log.items[0].file == 0) {
		struct chain_link link =
			link_read((struct bytes){log.items[0].data, log.items[0].size});

		if (link.kind == LINK_IS_SEAL)
			*key_put_hex(next_key, link.next_key, CHAIN_KEY_SIZE) = '\0';
		remove_at(&log, 0);
	}
	report = verified(&log, NULL, &log.end);
	expect_good("without its first file");
	assert_false(report.starts_at_beginning);
	assert_int_equal(report.lines, log.count);
	verified(&log, next_key, NULL);
	expect_good("with the key that the seal before named");
	verified(&log, log.end.first_key, NULL);
	if (seen.count != 1 || seen.first.fault != VERIFY_FORGED)
		fail_msg("with a key that is not that of its first seal:\n%s", seen.told);
	free_log(&log);
}

static void takes_nothing(void **state)
{
	struct verify_report report;
	struct log log = {0};

	report = verified(&log, known_chain(0).first_key, NULL);
	expect_good("no line at all");
	assert_int_equal(report.lines, 0);
	assert_false(report.sealed);
}

/* --- one edit ----------------------------------------------------------------------------------- */

/* Who sees what was written sees the last lines, too. */
static const struct chain *some_witness(const struct log *log)
{
	return random_below(2) ? &log->end : NULL;
}

static void one_byte(struct log *log)
{
	unsigned int at = random_below(log->count), offset;
	bool last = at + 1 == log->count;
	struct item *item = &log->items[at];
	const struct chain *written = last && !item->seal ? &log->end : some_witness(log);
	char byte;

	offset = random_below((unsigned int)item->size);
	do
		byte = (char)(random_below(3) ? ' ' + random_below(95) : random_below(256));
	while (byte == item->data[offset]);
	item->data[offset] = byte;
	verified(log, NULL, written);
	/* Of the last line nobody knows whether it or the one before is wrong, unless one is signed. */
	if (last && at && !item->seal && !log->items[at - 1].seal && found_at(log, at - 1))
		return;
	/* Two lines of one: of those none has its place, so that one is missing, in front of this file. */
	if (byte == '\n' && at && log->items[at - 1].file != item->file && found_at(log, at - 1))
		at--;
	expect_found(log, at, byte == '\n' ? 3 : 2, "a byte");
}

static void remove_some(struct log *log)
{
	unsigned int at = random_below(log->count), count = 1 + random_below(log->count - at);
	bool at_end = at + count == log->count;
	const struct chain *written = at_end ? &log->end : some_witness(log);
	unsigned int before, after;

	if (!at) /* the beginning is for the key to miss */
		return;
	for (unsigned int i = 0; i < count; i++)
		remove_at(log, at);
	verified(log, log->end.first_key, written);
	if (at_end) {
		expect_fault(log, at - 1, VERIFY_CUT, "the end is gone");
		return;
	}
	before = log->items[at - 1].file;
	after = log->items[at].file;
	if (before == after)
		expect_fault(log, at, VERIFY_REMOVED, "lines are gone");
	else
		expect_fault(log, at - 1, VERIFY_CUT, "a file's end, or the next one's beginning");
}

static void remove_beginning(struct log *log)
{
	unsigned int count = 1 + random_below(log->count);

	while (count--)
		remove_at(log, 0);
	if (!log->count)
		return;
	assert_false(verified(log, NULL, NULL).starts_at_beginning);
	expect_good("the beginning is gone, and nobody has a key");
	verified(log, log->end.first_key, NULL);
	if (seen.count != 1 || seen.first.fault != VERIFY_FORGED)
		fail_msg("the beginning is gone:\n%s", seen.told);
}

static void insert_junk(struct log *log)
{
	static const char *const junk[] = {
		"",
		"{\"message\":\"hello\",\"callerd\":{}}",
		"}}}",
		"\"}}}",
		"{\"callerd\":{\"chain\":{\"line\":3,\"previous\":\"\"}}}",
	};
	unsigned int at = random_below(log->count + 1), file;
	unsigned int count = 1 + random_below(4);

	file = log->items[at < log->count ? at : at - 1].file;
	for (unsigned int i = 0; i < count; i++) {
		const char *line = junk[random_below(5)];

		insert_at(log, at, new_item(line, strlen(line), file));
	}
	verified(log, NULL, some_witness(log));
	expect_fault(log, at, VERIFY_INSERTED, "lines of another kind");
}

static void insert_copy(struct log *log)
{
	unsigned int from = random_below(log->count), at = random_below(log->count + 1), file;
	struct item *item = &log->items[from];

	file = log->items[at < log->count ? at : at - 1].file;
	insert_at(log, at, new_item(item->data, item->size, file));
	verified(log, NULL, some_witness(log));
	if (at == from) /* the second of the two is the copy */
		at++;
	if (seen.first.fault == VERIFY_RESTARTED)
		expect_found(log, at, 2, "the first line again");
	else
		expect_fault(log, at, VERIFY_INSERTED, "a copy");
}

/* Several lines at once, as they were. */
static void insert_block(struct log *log)
{
	unsigned int from = random_below(log->count - 2), count = 2 + random_below(3);
	unsigned int at;

	if (from + count > log->count)
		count = log->count - from;
	at = from + count;
	for (unsigned int i = 0; i < count; i++)
		insert_at(log, at + i,
			  new_item(log->items[from + i].data, log->items[from + i].size,
				   log->items[at - 1].file));
	verified(log, NULL, some_witness(log));
	expect_found(log, at, 2, "a block again");
}

/* With the right number and the right hash. */
static void insert_fitting(struct log *log)
{
	unsigned int at = 1 + random_below(log->count - 1);
	struct chain chain = known_chain(0);
	struct text out = {0};

	assert_int_equal(key_hash((struct bytes){log->items[at - 1].data, log->items[at - 1].size},
				  chain.last),
			 0);
	chain.lines = at;
	write_line(&chain, &out, log->ocsf, 99);
	insert_at(log, at, new_item(out.data, out.size - 1, log->items[at].file));
	verified(log, NULL, some_witness(log));
	if (at + 2 < log->count)
		expect_fault(log, at, VERIFY_INSERTED, "a line that fits");
	else if (!found_at(log, at)) /* or its twin, which is the last */
		expect_found(log, at + 1, 2, "a line that fits before the last one");
	text_free(&out);
}

static void swap_two(struct log *log)
{
	unsigned int a = random_below(log->count - 1);
	unsigned int b = a + 1 + random_below(log->count - a - 1);
	struct item first = log->items[a], second = log->items[b];

	log->items[a] = (struct item){second.data, second.size, first.file, second.seal, false};
	log->items[b] = (struct item){first.data, first.size, second.file, first.seal, false};
	verified(log, NULL, some_witness(log));
	/* Between two files, what is missing shows in the first. */
	if (a && log->items[a - 1].file != log->items[a].file && found_at(log, a - 1))
		a--;
	expect_found(log, a, 4, "two lines, one for the other");
}

static void cut_file(struct log *log)
{
	unsigned int file = log->items[log->count - 1].file, end = 0, count, size;

	if (!file)
		return;
	file = random_below(file);
	while (end < log->count && log->items[end].file <= file)
		end++;
	if (random_below(2)) { /* within a line, or just its LF */
		size = random_below((unsigned int)log->items[end - 1].size + 1);
		log->items[end - 1].size = size ? size : 1;
		log->items[end - 1].torn = true;
		verified(log, NULL, some_witness(log));
		expect_fault(log, end - 1, VERIFY_CUT, "within a line");
		return;
	}
	count = 1 + random_below(end);
	if (count == end)
		return;
	for (unsigned int i = 0; i < count; i++)
		remove_at(log, --end);
	verified(log, NULL, some_witness(log));
	expect_fault(log, end - 1, VERIFY_CUT, "lines at a file's end");
}

/* The first seal from FROM on. */
static unsigned int seal_from(const struct log *log, unsigned int from)
{
	while (from < log->count && !log->items[from].seal)
		from++;
	return from;
}

/* The chain as whoever can read the log knows it, at line AT, with a seed of their own. */
static struct chain thief_at(const struct log *log, unsigned int at)
{
	struct chain chain = known_chain(100);

	if (at)
		assert_int_equal(
			key_hash((struct bytes){log->items[at - 1].data, log->items[at - 1].size},
				 chain.last),
			0);
	chain.lines = at;
	for (unsigned int i = 0; i < at; i++)
		chain.seals += log->items[i].seal;
	return chain;
}

static void replace_seal(struct log *log)
{
	unsigned int at = seal_from(log, random_below(log->count));
	struct text out = {0};
	struct chain chain;

	if (at == log->count)
		return;
	chain = thief_at(log, at);
	add_seal_line(&chain, &out, log->ocsf);
	replace_at(log, at, &out);
	verified(log, at ? NULL : log->end.first_key, some_witness(log));
	if (at)
		expect_fault(log, at, VERIFY_FORGED, "a seal by another key");
	else
		expect_found(log, at, 3, "the first seal by another key");
	text_free(&out);
}

/* Writes anew all from the line AT on; CHAIN is there. */
static void rewrite_from(struct log *log, struct chain *chain, unsigned int at, unsigned int end)
{
	struct text out = {0};

	for (; at < end; at++) {
		if (log->items[at].seal)
			add_seal_line(chain, &out, log->ocsf);
		else
			write_line(chain, &out, log->ocsf, at + 100);
		replace_at(log, at, &out);
	}
	text_free(&out);
}

/* A new past, with all links and seals as they should be, but for the keys. */
static void rewrite_with_own_key(struct log *log)
{
	unsigned int at = random_below(log->count), seal = seal_from(log, at);
	struct chain chain = thief_at(log, at);

	rewrite_from(log, &chain, at, log->count);
	if (seal == log->count) { /* it takes the seal file to see that */
		verified(log, NULL, &log->end);
		expect_fault(log, log->count - 1, VERIFY_CHANGED, "the unsealed end");
		return;
	}
	verified(log, seal ? NULL : log->end.first_key, NULL);
	expect_fault(log, seal, VERIFY_FORGED, "another past by another key");
}

/* The same, up to a seal that cannot be made. */
static void rewrite_between_seals(struct log *log)
{
	unsigned int at = random_below(log->count), seal;
	struct chain chain;

	if (log->items[at].seal)
		return;
	seal = seal_from(log, at);
	if (seal == log->count)
		return;
	chain = thief_at(log, at);
	rewrite_from(log, &chain, at, seal);
	verified(log, NULL, some_witness(log));
	expect_fault(log, seal - 1, VERIFY_CHANGED, "another past between two seals");
}

static void (*const edits[])(struct log *log) = {
	one_byte,    remove_some,  remove_beginning,	 insert_junk,
	insert_copy, insert_block, insert_fitting,	 swap_two,
	cut_file,    replace_seal, rewrite_with_own_key, rewrite_between_seals,
};

static void finds_every_edit(void **state)
{
	struct log log;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
			unsigned int count = 3 + random_below(22);

			make_log(&log, count, 1 + random_below(FILES_MAX < count ? FILES_MAX : 1),
				 2 + random_below(6), random_below(2));
			edits[i](&log);
			free_log(&log);
		}
	}
}

/* Each byte of a small log. */
static void finds_every_byte(void **state)
{
	struct log log;

	make_log(&log, 5, 2, 2, false);
	for (unsigned int at = 0; at < log.count; at++) {
		for (size_t offset = 0; offset < log.items[at].size; offset++) {
			char *byte = &log.items[at].data[offset];

			*byte ^= 1;
			verified(&log, NULL, &log.end);
			if (!seen.count)
				fail_msg("line %u byte %zu", at, offset);
			*byte ^= 1;
		}
	}
	verified(&log, NULL, &log.end);
	expect_good("as it was");
	free_log(&log);
}

/* --- who has the key ---------------------------------------------------------------------------- */

/* With the key of the next seal in hand, only what no seal covers can be written anew. */
static void the_key_is_of_no_use_for_the_past(void **state)
{
	for (unsigned int round = 0; round < 60; round++) {
		struct log log;
		struct chain chain;
		unsigned int at, last = 0;

		make_log(&log, 12, 2, 4, round % 2);
		for (unsigned int i = 0; i < log.count; i++)
			last = log.items[i].seal ? i : last;
		at = 1 + random_below(log.count - 1);
		chain = thief_at(&log, at);
		memcpy(chain.seed, log.end.seed, sizeof(chain.seed));
		rewrite_from(&log, &chain, at, log.count);
		verified(&log, log.end.first_key, NULL);
		if (at > last)
			expect_good("it has the key");
		else
			expect_fault(&log, seal_from(&log, at), VERIFY_FORGED, "too late for that");
		free_log(&log);
	}
}

/* --- other cases -------------------------------------------------------------------------------- */

static void sees_a_restart(void **state)
{
	struct log log, other;

	make_log(&log, 10, 1, 4, false);
	make_log(&other, 8, 1, 4, false);
	for (unsigned int i = 0; i < other.count; i++)
		insert_at(&log, log.count, new_item(other.items[i].data, other.items[i].size, 0));
	verified(&log, log.end.first_key, &other.end);
	expect_fault(&log, 10, VERIFY_RESTARTED, "another chain");
	free_log(&other);
	free_log(&log);
}

/* A whole log by another key is seen by the seal file's word, and by the key's. */
static void sees_another_log(void **state)
{
	struct chain other = known_chain(50);
	struct log log;

	make_log(&log, 10, 1, 4, false);
	verified(&log, NULL, &other);
	expect_fault(&log, 0, VERIFY_FORGED, "not the seal file's");
	verified(&log, other.first_key, NULL);
	expect_fault(&log, 0, VERIFY_FORGED, "not the key's");
	free_log(&log);
}

static void sees_missing_seals(void **state)
{
	struct chain chain = known_chain(0);
	struct text out = {0};
	struct log log = {0};

	/* A chain that does not begin with a seal. */
	write_line(&chain, &out, false, 1);
	insert_at(&log, 0, new_item(out.data, out.size - 1, 0));
	text_cut(&out, 0);
	verified(&log, NULL, NULL);
	expect_fault(&log, 0, VERIFY_FORGED, "no seal first");
	free_log(&log);

	/* One that leaves a seal out, though no line is missing. */
	chain = known_chain(0);
	for (unsigned int i = 0; i < 3; i++) {
		if (i == 2) {
			chain.seals++;
			assert_int_equal(key_evolve(chain.seed), 0);
		}
		add_seal_line(&chain, &out, false);
		insert_at(&log, i, new_item(out.data, out.size - 1, 0));
		text_cut(&out, 0);
	}
	verified(&log, NULL, NULL);
	expect_fault(&log, 2, VERIFY_FORGED, "a seal is left out");
	free_log(&log);
	text_free(&out);
}

static void takes_any_number(void **state)
{
	static const char zeros[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	char line[256];
	struct log log;

	make_log(&log, 10, 1, 4, false);
	snprintf(line, sizeof(line),
		 "{\"callerd\":{\"chain\":{\"line\":18446744073709551615,\"previous\":\"%s\"}}}",
		 zeros);
	insert_at(&log, 5, new_item(line, strlen(line), 0));
	verified(&log, NULL, &log.end);
	expect_fault(&log, 5, VERIFY_INSERTED, "the last number there is");
	insert_at(&log, log.count, new_item(line, strlen(line), 0));
	verified(&log, NULL, &log.end);
	assert_int_equal(seen.count, 2);
	free_log(&log);
}

/* A seal that fits its key is as it was written, so that the last line is not; and the other way round. */
static void blames_no_seal(void **state)
{
	static const char previous[] = "\"previous\":\"";

	for (unsigned int seal_last = 0; seal_last < 2; seal_last++) {
		struct chain chain = known_chain(0);
		struct text out = {0};
		struct log log = {0};
		char *digit;

		for (unsigned int i = 0; i < 5 + seal_last; i++) {
			if (i % 3 == 0 || i == 5)
				add_seal_line(&chain, &out, false);
			else
				write_line(&chain, &out, false, i);
			insert_at(&log, i, new_item(out.data, out.size - 1, 0));
			text_cut(&out, 0);
		}
		digit = strstr(log.items[log.count - 1].data, previous) + strlen(previous);
		*digit = *digit == '0' ? '1' : '0';
		verified(&log, NULL, NULL);
		expect_fault(&log, log.count - 1, VERIFY_CHANGED, "the last line");
		free_log(&log);
		text_free(&out);
	}
}

/* Two edits beside each other are not more than a few faults. */
static void finds_two_edits(void **state)
{
	for (unsigned int round = 0; round < 150; round++) {
		unsigned int a, b;
		struct log log;

		make_log(&log, 20, 1 + random_below(3), 5, round % 2);
		a = 1 + random_below(17);
		b = a + random_below(3);
		log.items[a].data[random_below((unsigned int)log.items[a].size)] ^= 1;
		log.items[b].data[random_below((unsigned int)log.items[b].size)] ^= 2;
		verified(&log, NULL, &log.end);
		if (!found_at(&log, a) && !found_at(&log, a + 1) && !found_at(&log, a - 1))
			fail_msg("%u and %u:\n%s", a, b, seen.told);
		if (seen.count > 4)
			fail_msg("%u and %u: too much\n%s", a, b, seen.told);
		free_log(&log);
	}
}

/* Perfect but for its size. */
static void refuses_endless_lines(void **state)
{
	struct chain chain = known_chain(0);
	struct text text = {0};
	struct log log;

	make_log(&log, 6, 1, 4, false);
	assert_int_equal(key_hash((struct bytes){log.items[5].data, log.items[5].size}, chain.last),
			 0);
	chain.lines = 6;
	add_line(&chain, &text, "{\"callerd\":{}}\n");
	text.size--;
	for (unsigned int longer = 0; longer < 2; longer++) {
		size_t size = (size_t)VERIFY_LINE_MAX + longer;
		char *data = malloc(size + 1);

		assert_non_null(data);
		memset(data, 'x', size);
		memcpy(data + size - text.size, text.data, text.size);
		insert_at(&log, 6, (struct item){.data = data, .size = size});
		verified(&log, NULL, NULL);
		if (longer)
			expect_fault(&log, 6, VERIFY_INSERTED, "too long");
		else
			expect_good("as long as may be");
		remove_at(&log, 6);
	}
	free_log(&log);
	text_free(&text);
}

/* --- cutting into lines ------------------------------------------------------------------------- */

/* Bytes of a line of x, in pieces, its LF, and one more line. */
struct stream {
	size_t at, size, piece;
};

static ssize_t read_stream(void *data, char *to, size_t size)
{
	static const char after[] = "\n\nlast";
	struct stream *stream = data;
	size_t left = stream->size + strlen(after) - stream->at;

	if (size > stream->piece)
		size = stream->piece;
	if (size > left)
		size = left;
	if (stream->at < stream->size && size > stream->size - stream->at)
		size = stream->size - stream->at;
	if (stream->at < stream->size)
		memset(to, 'x', size);
	else
		memcpy(to, after + (stream->at - stream->size), size);
	stream->at += size;
	return (ssize_t)size;
}

static void cuts_lines(void **state)
{
	static const size_t sizes[] = {0,
				       1,
				       5000,
				       (256 << 10) - 1,
				       256 << 10,
				       VERIFY_LINE_MAX,
				       VERIFY_LINE_MAX + 1,
				       2 * VERIFY_LINE_MAX + (2 << 20)};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct stream stream = {.size = sizes[i], .piece = 1 << 20};
		struct lines lines = {.read = read_stream, .data = &stream};
		size_t wanted = sizes[i];
		struct bytes line;
		bool complete;

		if (sizes[i] < 10000)
			stream.piece = 7;
		if (wanted > VERIFY_LINE_MAX)
			wanted = VERIFY_LINE_MAX + 1;
		assert_int_equal(lines_next(&lines, &line, &complete), 1);
		assert_int_equal(line.size, wanted);
		assert_true(complete);
		assert_int_equal(lines_next(&lines, &line, &complete), 1);
		assert_int_equal(line.size, 0);
		assert_true(complete);
		assert_int_equal(lines_next(&lines, &line, &complete), 1);
		assert_int_equal(line.size, 4);
		assert_memory_equal(line.data, "last", 4);
		assert_false(complete);
		assert_int_equal(lines_next(&lines, &line, &complete), 0);
		assert_in_range(lines.capacity, 0, 2 * VERIFY_LINE_MAX);
		lines_free(&lines);
	}
}

/* --- the command -------------------------------------------------------------------------------- */

static char paths[FILES_MAX][96], output[65536];

static int setup(void **state)
{
	random_state = 0x9e3779b97f4a7c15;
	if (files_prepare("/tmp"))
		return -1;
	for (unsigned int i = 0; i < FILES_MAX; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/log.%u", directory, i);
	return 0;
}

static int teardown(void **state)
{
	return files_remove(directory);
}

/* As zlib writes it where COMPRESSED. */
static void write_file(const char *path, const char *data, size_t size, bool compressed)
{
	gzFile file = gzopen(path, compressed ? "wb" : "wbT");

	assert_non_null(file);
	assert_int_equal(gzwrite(file, data, (unsigned int)size), size);
	assert_int_equal(gzclose(file), Z_OK);
}

/* Into paths[]; returns how many files. */
static unsigned int write_files(const struct log *log, bool compressed)
{
	unsigned int files = log->items[log->count - 1].file + 1;

	for (unsigned int file = 0; file < files; file++) {
		struct text text = {0};

		for (unsigned int i = 0; i < log->count; i++) {
			if (log->items[i].file != file)
				continue;
			text_add(&text, log->items[i].data, log->items[i].size);
			if (!log->items[i].torn)
				text_add_char(&text, '\n');
		}
		write_file(paths[file], text.data ? text.data : "", text.size,
			   compressed && file + 1 < files);
		text_free(&text);
	}
	return files;
}

/* What it prints is in OUTPUT, stderr and all. */
static int command(const char *const *arguments)
{
	char path[96], *argv[16] = {(char *)"verify"};
	int argc = 1, out = dup(1), err = dup(2), code;
	FILE *file;

	while (*arguments)
		argv[argc++] = (char *)*arguments++;
	snprintf(path, sizeof(path), "%s/output", directory);
	fflush(stdout);
	file = fopen(path, "w+");
	assert_non_null(file);
	dup2(fileno(file), 1);
	dup2(fileno(file), 2);
	code = verify_command(argc, argv);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	rewind(file);
	output[fread(output, 1, sizeof(output) - 1, file)] = '\0';
	fclose(file);
	return code;
}

#define RUN(...) command((const char *const[]){__VA_ARGS__, NULL})

static void expect_output(const char *what)
{
	if (!strstr(output, what))
		fail_msg("\"%s\" is not in:\n%s", what, output);
}

static void expect_exit(int code, int wanted)
{
	if (code != wanted)
		fail_msg("%d instead of %d:\n%s", code, wanted, output);
}

static void commands_over_files(void **state)
{
	struct log log;

	for (unsigned int compressed = 0; compressed < 2; compressed++) {
		make_log(&log, 24, 3, 6, compressed);
		assert_int_equal(write_files(&log, compressed), 3);
		expect_exit(RUN("--key", log.end.first_key, paths[0], paths[1], paths[2]), EXIT_OK);
		expect_output("24 lines as they were written, ");
		expect_output(" 0 faults; last seal: ");
		expect_output(log.end.first_key);
		assert_null(strstr(output, "note:"));
		expect_exit(RUN(paths[0], paths[1], paths[2]), EXIT_OK);
		expect_output("note: the first key is believed");
		expect_exit(RUN(paths[1], paths[2]), EXIT_OK);
		expect_output("note: the chain began before these files");
		expect_exit(RUN(paths[2], paths[1], paths[0]), EXIT_FAILED);
		expect_output("or the files are not given in their order");
		expect_exit(RUN(paths[0], paths[2]), EXIT_FAILED);
		expect_output("log.0:8: cut: 8 lines are missing between");
		free_log(&log);
	}
}

/* The one that was written from the specification alone. */
static bool other_verifier_takes(const struct log *log)
{
	char line[640];
	int size =
		snprintf(line, sizeof(line), "tests/schema/chain.py --key %s", log->end.first_key);
	unsigned int files = write_files(log, false);

	for (unsigned int i = 0; i < files; i++)
		size += snprintf(line + size, sizeof(line) - (size_t)size, " %s", paths[i]);
	snprintf(line + size, sizeof(line) - (size_t)size, " >%s/output", directory);
	return !system(line); /* NOLINT */
}

static void agrees_with_the_other_verifier(void **state)
{
	struct log log = {0};
	char line[8192];
	FILE *vector = fopen("tests/schema/chain.ndjson", "r");

	if (!vector || access("tests/schema/chain.py", X_OK) ||
	    system("python3 -c '' && openssl version >/dev/null")) /* NOLINT */
		skip();
	log.end = known_chain(0);
	while (fgets(line, sizeof(line), vector))
		insert_at(&log, log.count, new_item(line, strlen(line) - 1, 0));
	fclose(vector);
	assert_int_equal(verified(&log, log.end.first_key, NULL).lines, 7);
	expect_good("the vector");
	assert_true(other_verifier_takes(&log));
	free_log(&log);
	for (unsigned int i = 0; i <= sizeof(edits) / sizeof(*edits); i++) {
		bool good;

		make_log(&log, 8, 1 + i % 3, 4, i % 2);
		if (i)
			edits[i - 1](&log);
		verified(&log, log.end.first_key, NULL);
		good = !seen.count;
		if (other_verifier_takes(&log) != good)
			fail_msg("edit %u: %d\n%s", i, good, seen.told);
		free_log(&log);
	}
}

static void reads_stdin(void **state)
{
	int in = dup(0), fd;
	struct log log;

	make_log(&log, 6, 1, 6, false);
	write_files(&log, false);
	fd = open(paths[0], O_RDONLY);
	assert_true(fd >= 0);
	dup2(fd, 0);
	close(fd);
	expect_exit(RUN("--key", log.end.first_key, "-"), EXIT_OK);
	expect_output("6 lines as they were written");
	dup2(in, 0);
	close(in);
	free_log(&log);
}

static void compares_with_the_seal_file(void **state)
{
	struct log log;
	struct sealfile *file;
	struct chain chain;
	char text[256], path[112];
	bool fresh;
	int fd;

	make_log(&log, 9, 1, 4, false);
	write_files(&log, false);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(sealfile_open(paths[0], fd, &file, &chain, &fresh, text, sizeof(text)), 0);
	assert_int_equal(sealfile_save(file, &log.end, false), 0);
	sealfile_close(file);
	close(fd);
	expect_exit(RUN(paths[0]), EXIT_OK);
	assert_null(strstr(output, "note:"));
	remove_at(&log, 8);
	remove_at(&log, 7);
	write_files(&log, false);
	expect_exit(RUN(paths[0]), EXIT_FAILED);
	expect_output("log.0:7: cut: 2 lines are missing at the end");
	snprintf(path, sizeof(path), "%s.seal", paths[0]);
	assert_int_equal(rename(path, paths[1]), 0);
	expect_exit(RUN(paths[0]), EXIT_OK);
	expect_exit(RUN("--seal-file", paths[1], paths[0]), EXIT_FAILED);
	expect_exit(RUN("--seal-file", paths[2], paths[0]), EXIT_OUTPUT);
	expect_exit(RUN("--seal-file", paths[0], paths[0]), EXIT_OUTPUT);
	expect_output("damaged, or no seal file");
	free_log(&log);
	unlink(paths[1]);
}

static void counts_what_it_does_not_show(void **state)
{
	unsigned int shown = 0;
	struct log log;

	make_log(&log, 30, 1, 6, false);
	for (unsigned int i = 1; i <= 60; i += 2)
		insert_at(&log, i, new_item("{}", 2, 0));
	write_files(&log, false);
	expect_exit(RUN(paths[0]), EXIT_FAILED);
	for (const char *at = output; (at = strstr(at, ": inserted: ")); at++)
		shown++;
	assert_int_equal(shown, 20);
	expect_output("\nand 10 faults more\n");
	expect_output("30 lines as they were written, ");
	expect_output(", 30 faults; ");
	free_log(&log);
}

/* Whoever made the file, or its name, has no say on the terminal. */
static void prints_nothing_of_the_file(void **state)
{
	static const char line[] = "{\"@timestamp\":\"\033[2J\033]0;owned\007\",\"callerd\":{}}\n";
	struct chain chain = known_chain(0);
	struct text text = {0};
	char path[128];

	add_seal_line(&chain, &text, false);
	add_line(&chain, &text, line);
	text_add_string(&text, line);
	snprintf(path, sizeof(path), "%s/\033[31m\nlog", directory);
	write_file(path, text.data, text.size, false);
	expect_exit(RUN(path), EXIT_FAILED);
	expect_output("\\e[31m\\nlog:3: inserted: it has no link");
	assert_null(strchr(output, '\033'));
	text_free(&text);
}

static void says_what_it_cannot_read(void **state)
{
	struct log log;
	struct stat info;

	make_log(&log, 24, 2, 6, false);
	write_files(&log, true);
	expect_exit(RUN("/nonexistent/log"), EXIT_OUTPUT);
	expect_output("cannot read /nonexistent/log: No such file or directory");
	expect_exit(RUN(directory), EXIT_OUTPUT);
	expect_output("Is a directory");
	assert_int_equal(stat(paths[0], &info), 0);
	assert_int_equal(truncate(paths[0], info.st_size / 2), 0);
	assert_true(RUN(paths[0]) != EXIT_OK);
	expect_output("unexpected end of file");
	free_log(&log);
}

static void refuses_wrong_command_lines(void **state)
{
	expect_exit(RUN("--help"), EXIT_OK);
	expect_output("usage: callerd verify");
	expect_exit(RUN("--key", "abc", "f"), EXIT_USAGE);
	expect_output("64 hexadecimal digits");
	expect_exit(RUN("--key"), EXIT_USAGE);
	expect_output("\"--key\": it needs a value");
	expect_exit(RUN("--colour", "f"), EXIT_USAGE);
	expect_output("\"--colour\": there is no such one");
	expect_exit(command((const char *const[]){NULL}), EXIT_USAGE);
	expect_output("no FILE");
}

/* A key in capitals is the same key. */
static void takes_a_key_in_capitals(void **state)
{
	char key[CHAIN_HEX_SIZE];
	struct log log;

	make_log(&log, 6, 1, 6, false);
	write_files(&log, false);
	for (unsigned int i = 0; i < CHAIN_HEX_SIZE; i++) {
		char c = log.end.first_key[i];

		key[i] = (char)(c >= 'a' ? c - 'a' + 'A' : c);
	}
	expect_exit(RUN("--key", key, paths[0]), EXIT_OK);
	key[0] = key[0] == '0' ? '1' : '0';
	expect_exit(RUN("--key", key, paths[0]), EXIT_FAILED);
	expect_output("log.0:1: forged: the first seal is number 0 and made with another key");
	free_log(&log);
}

/* A last line without its LF is waited for, and told if it does not come. */
static void tells_a_line_without_end(void **state)
{
	struct log log;

	make_log(&log, 6, 1, 20, false);
	log.items[5].torn = true;
	log.items[5].size /= 2;
	write_files(&log, false);
	expect_exit(RUN(paths[0]), EXIT_FAILED);
	expect_output("log.0:6: cut: the file ends within this line");
	free_log(&log);
}

static const struct item *late; /* the rest of this line is written at the third wait for it */
static unsigned int waits;

/* A wait for a line that may be written now takes no time. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int fd;

	assert_int_equal(count, 0);
	if (!late || ++waits != 3)
		return 0;
	fd = open(paths[0], O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, late->data + late->size, 100), 100);
	close(fd);
	return 0;
}

static void waits_for_a_line_that_is_written(void **state)
{
	struct item whole;
	struct log log;

	make_log(&log, 6, 1, 20, false);
	whole = log.items[5];
	whole.data[whole.size] = '\n';
	log.items[5].torn = true;
	log.items[5].size = whole.size -= 99;
	write_files(&log, false);
	late = &whole;
	expect_exit(RUN(paths[0]), EXIT_OK);
	late = NULL;
	assert_int_equal(waits, 3);
	expect_output("6 lines as they were written");
	free_log(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_was_written),
		cmocka_unit_test(takes_what_is_left_of_it),
		cmocka_unit_test(takes_nothing),
		cmocka_unit_test(finds_every_edit),
		cmocka_unit_test(finds_every_byte),
		cmocka_unit_test(the_key_is_of_no_use_for_the_past),
		cmocka_unit_test(sees_a_restart),
		cmocka_unit_test(sees_another_log),
		cmocka_unit_test(sees_missing_seals),
		cmocka_unit_test(takes_any_number),
		cmocka_unit_test(blames_no_seal),
		cmocka_unit_test(finds_two_edits),
		cmocka_unit_test(refuses_endless_lines),
		cmocka_unit_test(cuts_lines),
		cmocka_unit_test(commands_over_files),
		cmocka_unit_test(agrees_with_the_other_verifier),
		cmocka_unit_test(reads_stdin),
		cmocka_unit_test(compares_with_the_seal_file),
		cmocka_unit_test(counts_what_it_does_not_show),
		cmocka_unit_test(prints_nothing_of_the_file),
		cmocka_unit_test(says_what_it_cannot_read),
		cmocka_unit_test(refuses_wrong_command_lines),
		cmocka_unit_test(takes_a_key_in_capitals),
		cmocka_unit_test(tells_a_line_without_end),
		cmocka_unit_test(waits_for_a_line_that_is_written),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
