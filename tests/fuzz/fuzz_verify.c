// SPDX-License-Identifier: Apache-2.0
/*
 * The first byte says what the others are: a log; what follows the true lines of a log whose seal file we have;
 * or what somebody does to a log, edit by edit. Who knows the first key and what was written finds out unless all
 * that was written is there, as it was.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#include "../unit/sealing.h"
#include "chain/lines.h"
#include "chain/link.h"
#include "chain/verify.h"

#define LINES 16
#define EDITS_MAX 12
#define ROOM (LINES + EDITS_MAX)

/* A disk would take its time. */
int __wrap_fdatasync(int fd)
{
	return 0;
}

int __wrap_fsync(int fd)
{
	return 0;
}

/* --- the true log ------------------------------------------------------------------------------- */

static struct text written;
static struct bytes lines_written[LINES];
static struct chain states[LINES + 1];
static char directory[] = "/tmp/fuzz-verify.XXXXXX", log_path[64], seal_path[80];

static void add_mark(struct chain *chain, struct text *out)
{
	MUST(!chain_mark(chain, bytes_of("{\"message\":\"a\",\"callerd\":{\"b\":1}}\n"), out));
}

static void add_seal(struct chain *chain, struct text *out, bool ocsf)
{
	const struct chain_seal seal = {
		.real = 1772366624000000000, .host_name = "h", .ocsf = ocsf};

	MUST(!chain_seal(chain, &seal, out));
}

static void clean_up(void)
{
	unlink(log_path);
	unlink(seal_path);
	rmdir(directory);
	text_free(&written);
}

static void prepare(void)
{
	struct chain chain = {.seed = "a fixed seed of thirty-two byte"};
	unsigned char key[CHAIN_KEY_SIZE];
	size_t ends[LINES + 1] = {0};

	if (written.size)
		return;
	MUST(!key_public(chain.seed, key));
	*key_put_hex(chain.first_key, key, sizeof(key)) = '\0';
	states[0] = chain;
	for (unsigned int i = 0; i < LINES; i++) {
		if (i % 5 == 0)
			add_seal(&chain, &written, i % 2);
		else
			add_mark(&chain, &written);
		ends[i + 1] = written.size;
		states[i + 1] = chain;
	}
	for (unsigned int i = 0; i < LINES; i++)
		lines_written[i] =
			(struct bytes){written.data + ends[i], ends[i + 1] - ends[i] - 1};
	MUST(mkdtemp(directory));
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	snprintf(seal_path, sizeof(seal_path), "%s.seal", log_path);
	atexit(clean_up);
}

/* --- verifying ---------------------------------------------------------------------------------- */

struct seen {
	unsigned int file;
	uint64_t line, faults;
};

static void on_fault(void *data, enum verify_fault fault, unsigned int file, uint64_t line,
		     const char *what)
{
	struct seen *seen = data;

	MUST(file <= seen->file && line <= seen->line && *what && *verify_fault_name(fault));
	seen->faults++;
}

static struct verify *new_verify(struct seen *seen, bool witness)
{
	const struct verify_options options = {
		.key = witness ? states[0].first_key : NULL,
		.written = witness ? &states[LINES] : NULL,
		.data = seen,
		.fault = on_fault,
	};
	struct verify *verify = verify_new(&options);

	MUST(verify);
	return verify;
}

static void end_verify(struct verify *verify, const struct seen *seen, uint64_t lines)
{
	struct verify_report report;

	verify_end(verify, &report);
	verify_free(verify);
	MUST(report.faults == seen->faults && report.lines <= lines);
	MUST(report.seals <= lines && report.unsealed <= lines);
	MUST(memchr(report.last_seal_time, '\0', VERIFY_TIME_SIZE));
	MUST(report.sealed == (report.seals > 0));
}

/* --- bytes as a log ------------------------------------------------------------------------------ */

struct source {
	const uint8_t *data;
	size_t size;
};

/* In pieces of another size each. */
static ssize_t read_source(void *data, char *to, size_t size)
{
	struct source *source = data;
	size_t piece = 1 + source->size % 100;

	if (piece > size)
		piece = size;
	if (piece > source->size)
		piece = source->size;
	if (piece)
		memcpy(to, source->data, piece);
	source->data += piece;
	source->size -= piece;
	return (ssize_t)piece;
}

static void as_log(const uint8_t *data, size_t size, bool witness)
{
	struct source source = {data, size};
	struct lines lines = {.read = read_source, .data = &source};
	struct seen seen = {.line = size + 1};
	struct verify *verify = new_verify(&seen, witness);
	size_t bytes = 0, count = 0;
	struct bytes line;
	bool complete;

	verify_file(verify);
	while (lines_next(&lines, &line, &complete) > 0) {
		bytes += line.size + complete;
		count++;
		MUST(!verify_line(verify, line, complete));
		if (line.size == 3) { /* any rule will do */
			verify_file(verify);
			seen.file++;
		}
	}
	MUST(bytes == size);
	lines_free(&lines);
	end_verify(verify, &seen, count);
}

/* --- bytes as a log's end ------------------------------------------------------------------------ */

static void write_files(const uint8_t *data, size_t size, unsigned int saved, unsigned int logged)
{
	int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t end = logged ? (size_t)(lines_written[logged - 1].data +
				       lines_written[logged - 1].size + 1 - written.data)
			    : 0;

	MUST(log >= 0);
	MUST(write(log, written.data, end) == (ssize_t)end);
	MUST(write(log, data, size) == (ssize_t)size);
	MUST(!sealing_save(log_path, &states[saved]));
	close(log);
}

static void as_tail(const uint8_t *data, size_t size)
{
	unsigned int saved = size > 2 ? data[0] % (LINES + 1) : 0;
	unsigned int logged = size > 2 ? data[1] % (LINES + 1) : 0;
	struct sealfile *file;
	struct chain chain;
	char text[512];
	bool fresh;
	int log;

	if (size > 2) {
		data += 2;
		size -= 2;
	}
	write_files(data, size, saved, logged);
	log = open(log_path, O_RDONLY);
	MUST(!sealfile_open(log_path, log, &file, &chain, &fresh, text, sizeof(text)));
	MUST(chain.lines >= states[saved].lines && chain.seals >= states[saved].seals);
	MUST(chain.seals <= states[LINES].seals); /* nobody has the keys of others */
	MUST(fresh == !chain.lines);
	if (logged > saved)
		MUST(chain.lines >= logged);
	sealfile_close(file);
	close(log);
	chain_wipe(&chain);
}

/* --- bytes as edits ------------------------------------------------------------------------------ */

struct edited {
	struct text lines[ROOM];
	unsigned int count;
};

static void insert(struct edited *log, unsigned int at, struct bytes line)
{
	struct text text = {0};

	if (log->count == ROOM)
		return;
	text_add(&text, line.data, line.size);
	memmove(log->lines + at + 1, log->lines + at, (log->count - at) * sizeof(text));
	log->lines[at] = text;
	log->count++;
}

static void take_out(struct edited *log, unsigned int at)
{
	text_free(&log->lines[at]);
	log->count--;
	memmove(log->lines + at, log->lines + at + 1, (log->count - at) * sizeof(*log->lines));
}

static struct bytes line_at(const struct edited *log, unsigned int at)
{
	return (struct bytes){log->lines[at].data, log->lines[at].size};
}

/* Writes the line AT anew, so that it fits the one before: a line, or a seal by a key of one's own. */
static void forge(struct edited *log, unsigned int at, bool seal)
{
	struct chain chain = {.seed = "somebody else"};
	struct text out = {0};
	struct chain_link link;

	if (!at)
		return;
	link = link_read(line_at(log, at - 1));
	chain.lines = link.line;
	MUST(!key_hash(line_at(log, at - 1), chain.last));
	for (unsigned int i = 0; i < at; i++)
		chain.seals += link_read(line_at(log, i)).kind == LINK_IS_SEAL;
	if (seal)
		add_seal(&chain, &out, false);
	else
		add_mark(&chain, &out);
	text_cut(&out, out.size - 1);
	text_free(&log->lines[at]);
	log->lines[at] = out;
}

static void edit(struct edited *log, unsigned int kind, unsigned int a, unsigned int b)
{
	unsigned int at = a % log->count, other = b % log->count;
	struct text *line = &log->lines[at], swapped;

	switch (kind % 7) {
	case 0:
		if (line->size)
			line->data[(size_t)b * 7 % line->size] ^= (char)(1 + kind / 7);
		break;
	case 1:
		if (log->count > 1)
			take_out(log, at);
		break;
	case 2:
		insert(log, other, line_at(log, at));
		break;
	case 3:
		swapped = *line;
		*line = log->lines[other];
		log->lines[other] = swapped;
		break;
	case 4:
		insert(log, at, (struct bytes){"{\"callerd\":{}}", b % 15});
		break;
	case 5:
		forge(log, at, b % 2);
		break;
	default:
		text_cut(line, line->size * b / 256);
		break;
	}
}

static bool is_whole(const struct edited *log)
{
	for (unsigned int i = 0; i < LINES; i++)
		if (i >= log->count || line_at(log, i).size != lines_written[i].size ||
		    memcmp(line_at(log, i).data, lines_written[i].data, lines_written[i].size) != 0)
			return false;
	return true;
}

static uint64_t verify_edited(const struct edited *log, bool witness, unsigned int file_every)
{
	struct seen seen = {.line = log->count + 1};
	struct verify *verify = new_verify(&seen, witness);

	verify_file(verify);
	for (unsigned int i = 0; i < log->count; i++) {
		if (i && i % file_every == 0) {
			verify_file(verify);
			seen.file++;
		}
		MUST(!verify_line(verify, line_at(log, i), true));
	}
	end_verify(verify, &seen, log->count);
	return seen.faults;
}

static void as_edits(const uint8_t *data, size_t size)
{
	unsigned int file_every = size ? 1 + data[0] % 20 : 20;
	struct edited log = {0};
	uint64_t faults;

	for (unsigned int i = 0; i < LINES; i++)
		insert(&log, i, lines_written[i]);
	for (unsigned int i = 0; i < EDITS_MAX && 1 + 3 * i + 3 <= size; i++)
		edit(&log, data[1 + 3 * i], data[2 + 3 * i], data[3 + 3 * i]);
	verify_edited(&log, false, file_every);
	faults = verify_edited(&log, true, file_every);
	MUST(faults || is_whole(&log));
	MUST(!faults || !is_whole(&log) || log.count > LINES);
	while (log.count)
		take_out(&log, log.count - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	prepare();
	if (!size)
		return 0;
	switch (data[0] % 4) {
	case 0:
	case 1:
		as_log(data + 1, size - 1, data[0] % 2);
		break;
	case 2:
		as_tail(data + 1, size - 1);
		break;
	default:
		as_edits(data + 1, size - 1);
		break;
	}
	return 0;
}
