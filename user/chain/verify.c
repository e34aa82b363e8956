// SPDX-License-Identifier: Apache-2.0
/*
 * A line vouches for the one before it: by its number, which is one more, and by its hash. Where one does not,
 * either of the two can be wrong. What comes next tells which: a line that the next one vouches for is as it was
 * written. So a line is judged once the two behind it are known.
 *
 *	at	the last line that has its place in the chain; a fault may have been found in it
 *	strays	lines since that have no place. If as many numbers are missing behind them, they were changed;
 *		else they were inserted
 *	window	the line to be judged, and those behind it
 *
 * After a fault the chain goes on with the next line that has a place, so that one edit is one fault, or two.
 */
#include "chain/verify.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "chain/link.h"

#define WINDOW 3

struct verify_place {
	uint64_t file, line;
};

struct line {
	struct verify_place place;
	bool complete;
	bool faulted; /* told already that it is not as it was written */
	struct chain_link link;
	unsigned char hash[CHAIN_HASH_SIZE];
	bool is_signed; /* a seal, by the key that it says */
	char time[VERIFY_TIME_SIZE];
};

/* Lines that have no place. */
struct strays {
	uint64_t count;
	struct verify_place first;
	bool torn;	 /* the first has no LF */
	uint64_t number; /* that it says; 0: it has no link */
};

struct verify {
	struct verify_options options;
	struct verify_report report;
	struct verify_place place; /* of the line that was read last */
	bool any_file;

	struct line window[WINDOW];
	unsigned int waiting;

	bool started; /* there is an at */
	struct line at;
	struct strays strays;

	/* Of the next seal. */
	bool seal_known; /* else it is believed */
	uint64_t seal;
	unsigned char key[CHAIN_KEY_SIZE];
	uint64_t missing; /* lines since the last seal: so many seals may be among them */

	/* Of the chain that AT is in. */
	struct verify_place
		unlike_written; /* the seal file has another hash for that line; line 0: no */
	struct verify_place beginning; /* of its seal 0; line 0: not seen */
	char beginning_key[CHAIN_HEX_SIZE];
};

const char *verify_fault_name(enum verify_fault fault)
{
	static const char *const names[VERIFY_FAULTS] = {
		[VERIFY_CHANGED] = "changed",	[VERIFY_REMOVED] = "removed",
		[VERIFY_INSERTED] = "inserted", [VERIFY_CUT] = "cut",
		[VERIFY_FORGED] = "forged",	[VERIFY_RESTARTED] = "restarted",
	};

	assert(fault < VERIFY_FAULTS);
	return names[fault];
}

struct verify *verify_new(const struct verify_options *options)
{
	struct verify *verify = calloc(1, sizeof(*verify));

	if (verify)
		verify->options = *options;
	return verify;
}

void verify_free(struct verify *verify)
{
	free(verify);
}

__attribute__((format(printf, 4, 5))) static void verify_tell(struct verify *verify,
							      enum verify_fault fault,
							      struct verify_place place,
							      const char *format, ...)
{
	char what[320];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	verify->report.faults++;
	verify->options.fault(verify->options.data, fault, (unsigned int)place.file, place.line,
			      what);
}

/* VALUE as printf() wants it. */
static unsigned long long verify_number(uint64_t value)
{
	return value;
}

static const char *plural_of(uint64_t count, const char *one, const char *several)
{
	return count == 1 ? one : several;
}

static bool verify_follows(const struct line *line, const struct line *before)
{
	return link_follows(&line->link, before->link.line, before->hash);
}

/* --- seals ------------------------------------------------------------------------------------ */

static bool is_seal(const struct line *line)
{
	return line->link.kind == LINK_IS_SEAL;
}

/* Whether LINE is the next seal, made with the key that the last seal named. */
static bool is_expected_seal(const struct verify *verify, const struct line *line)
{
	return is_seal(line) && line->is_signed && verify->seal_known &&
	       line->link.seal == verify->seal &&
	       !memcmp(line->link.key, verify->key, CHAIN_KEY_SIZE);
}

/* False where a fault was told. */
static bool check_given_key(struct verify *verify, const struct line *line)
{
	const char *wanted = verify->options.key;

	if (!wanted || !strcmp(wanted, verify->report.first_key))
		return true;
	verify_tell(verify, VERIFY_FORGED, line->place,
		    "the first seal is number %llu and made with another key than the one that was "
		    "given: "
		    "%s%s",
		    verify_number(line->link.seal), verify->report.first_key,
		    verify->report.starts_at_beginning
			    ? ""
			    : "; the chain's beginning is not in these files");
	return false;
}

static bool check_sequence(struct verify *verify, const struct line *line)
{
	uint64_t seal = line->link.seal;

	if (!verify->seal_known)
		return true;
	if (seal < verify->seal || seal - verify->seal > verify->missing) {
		verify_tell(verify, VERIFY_FORGED, line->place,
			    "it says that it is seal %llu, where seal %llu was to come",
			    verify_number(seal), verify_number(verify->seal));
		return false;
	}
	if (seal == verify->seal && memcmp(line->link.key, verify->key, CHAIN_KEY_SIZE) != 0) {
		verify_tell(verify, VERIFY_FORGED, line->place,
			    "seal %llu is not made with the key that the seal before it named",
			    verify_number(seal));
		return false;
	}
	return true;
}

static void note_first_key(struct verify *verify, const struct line *line)
{
	char key[CHAIN_HEX_SIZE];

	*key_put_hex(key, line->link.key, CHAIN_KEY_SIZE) = '\0';
	if (!*verify->report.first_key)
		memcpy(verify->report.first_key, key, sizeof(key));
	if (!line->link.seal) {
		verify->beginning = line->place;
		memcpy(verify->beginning_key, key, sizeof(key));
	}
}

static bool check_seal(struct verify *verify, const struct line *line)
{
	bool first = !*verify->report.first_key;

	note_first_key(verify, line);
	if (!line->is_signed) {
		if (!line->faulted)
			verify_tell(verify, VERIFY_FORGED, line->place,
				    "the signature of seal %llu does not fit what it signs",
				    verify_number(line->link.seal));
		return false;
	}
	return (!first || check_given_key(verify, line)) && check_sequence(verify, line);
}

/* LINE, a seal, has its place. */
static void verify_take_seal(struct verify *verify, struct line *line)
{
	struct verify_report *report = &verify->report;

	verify->seal_known = check_seal(verify, line);
	if (verify->seal_known) {
		report->seals++;
		report->sealed = true;
		report->last_seal = line->link.seal;
		memcpy(report->last_seal_time, line->time, sizeof(line->time));
		report->unsealed = 0;
	} else { /* nor is anything believed that it says */
		line->faulted = true;
	}
	verify->seal = line->link.seal + 1;
	memcpy(verify->key, line->link.next_key, CHAIN_KEY_SIZE);
	verify->missing = 0;
}

/* --- places ----------------------------------------------------------------------------------- */

static void verify_note_written(struct verify *verify, const struct line *line)
{
	const struct chain *written = verify->options.written;

	if (!written || line->faulted || line->link.line != written->lines)
		return;
	verify->unlike_written = line->place;
	if (!memcmp(line->hash, written->last, CHAIN_HASH_SIZE))
		verify->unlike_written.line = 0;
}

/* LINE has its place. */
static void verify_accept(struct verify *verify, struct line *line)
{
	struct verify_report *report = &verify->report;

	report->unsealed++;
	if (is_seal(line))
		verify_take_seal(verify, line);
	verify_note_written(verify, line);
	if (!line->faulted)
		report->lines++;
	else if (report->unsealed)
		report->unsealed--;
	verify->at = *line;
	verify->started = true;
}

static void blame_at(struct verify *verify, const char *why)
{
	struct line *at = &verify->at;

	if (at->faulted)
		return;
	at->faulted = true;
	if (!memcmp(&verify->unlike_written, &at->place, sizeof(at->place)))
		verify->unlike_written.line = 0;
	verify->report.lines--;
	if (verify->report.unsealed)
		verify->report.unsealed--;
	verify_tell(verify, VERIFY_CHANGED, at->place, "%s", why);
}

static void verify_stray(struct verify *verify, const struct line *line)
{
	struct strays *strays = &verify->strays;

	if (strays->count++)
		return;
	strays->first = line->place;
	strays->torn = !line->complete;
	strays->number = line->link.line;
}

static void tell_inserted(struct verify *verify, const struct strays *strays)
{
	if (strays->torn)
		verify_tell(verify, VERIFY_CUT, strays->first, "the file ends within this line");
	else if (strays->count > 1)
		verify_tell(verify, VERIFY_INSERTED, strays->first,
			    "this line and the %llu behind it have no place in the chain",
			    verify_number(strays->count - 1));
	else if (strays->number)
		verify_tell(verify, VERIFY_INSERTED, strays->first,
			    "it says that it is line %llu of the chain, which has no place here",
			    verify_number(strays->number));
	else
		verify_tell(verify, VERIFY_INSERTED, strays->first,
			    "it has no link of the chain: callerd did not write it so");
}

static void tell_changed(struct verify *verify, const struct strays *strays)
{
	if (strays->torn)
		verify_tell(verify, VERIFY_CUT, strays->first, "the file ends within this line");
	else if (strays->count > 1)
		verify_tell(verify, VERIFY_CHANGED, strays->first,
			    "this line and the %llu behind it are not those that were written",
			    verify_number(strays->count - 1));
	else
		verify_tell(verify, VERIFY_CHANGED, strays->first,
			    "its own place in the chain is not what was written");
}

/* What came before the line at PLACE: strays, and lines that are MISSING. */
static void verify_settle(struct verify *verify, uint64_t missing, struct verify_place place)
{
	struct strays strays = verify->strays;

	verify->strays = (struct strays){0};
	verify->missing += missing;
	if (strays.count && strays.count == missing) {
		tell_changed(verify, &strays);
		return;
	}
	if (strays.count)
		tell_inserted(verify, &strays);
	if (missing && place.file != verify->at.place.file)
		verify_tell(verify, VERIFY_CUT, verify->at.place,
			    "%llu %s missing between the last line of this file and the next file",
			    verify_number(missing), plural_of(missing, "line is", "lines are"));
	else if (missing)
		verify_tell(verify, VERIFY_REMOVED, place, "%llu %s missing before this one",
			    verify_number(missing), plural_of(missing, "line is", "lines are"));
}

/* --- judging ---------------------------------------------------------------------------------- */

/* LINE and the line before do not fit each other. Whether LINE is the one that is not as it was written. */
static bool is_to_blame(const struct verify *verify, const struct line *line,
			const struct line *next, const struct line *third)
{
	if (is_seal(&verify->at) && !verify->at.faulted)
		return true;
	if (is_seal(line) && !line->is_signed)
		return true;
	if (is_expected_seal(verify, line) || (next && verify_follows(next, line)) ||
	    verify->at.faulted)
		return false;
	/* Nor does the next one fit: that is one edit, where that one is as it was written. */
	return next && next->link.line == line->link.line + 1 &&
	       (!third || verify_follows(third, next) || is_expected_seal(verify, next));
}

/* LINE comes, by its number, right behind the last one, but does not vouch for it. */
static void judge_break(struct verify *verify, struct line *line, const struct line *next,
			const struct line *third)
{
	if (is_to_blame(verify, line, next, third)) {
		verify_tell(verify, VERIFY_CHANGED, line->place,
			    "it is not as it was written: it does not fit the line before");
		line->faulted = true;
	} else if (is_expected_seal(verify, line)) {
		blame_at(verify, "seal and chain do not agree: this line, or one between it and "
				 "the seal before it, is not as it was written");
	} else if (next && verify_follows(next, line)) {
		blame_at(verify, "it is not as it was written: the next line does not fit it");
	} else {
		blame_at(verify, "it, or the place in the chain that the next line names, is not "
				 "as it was written");
	}
}

static bool begins_chain(const struct line *line)
{
	static const unsigned char none[CHAIN_HASH_SIZE];

	return is_seal(line) && line->is_signed && !line->link.seal &&
	       link_follows(&line->link, 0, none);
}

static void verify_restart(struct verify *verify, const struct line *line)
{
	verify_settle(verify, 0, line->place);
	verify_tell(verify, VERIFY_RESTARTED, line->place,
		    "a new chain begins here; nothing shows what came after line %llu of the one "
		    "before",
		    verify_number(verify->at.link.line));
	verify->seal_known = false;
	verify->unlike_written.line = 0;
}

/* LINE goes back in the chain: lines were moved or doubled. */
static void go_back(struct verify *verify, const struct line *line)
{
	verify_settle(verify, 0, line->place);
	verify_tell(verify, VERIFY_INSERTED, line->place,
		    "line %llu of the chain comes after line %llu: lines were moved or doubled%s",
		    verify_number(line->link.line), verify_number(verify->at.link.line),
		    line->place.line == 1 ? ", or the files are not given in their order" : "");
	verify->seal_known = false;
}

/* Whether a number that is not the one to come is believed. */
static bool is_borne_out(const struct verify *verify, const struct line *line,
			 const struct line *next)
{
	return !next || next->link.kind == LINK_IS_NONE || next->link.line == line->link.line + 1 ||
	       is_expected_seal(verify, line);
}

/* The first line of all, or of those that may be it. */
static void judge_first(struct verify *verify, struct line *line, const struct line *next)
{
	uint64_t strays = verify->strays.count;

	if (line->link.kind == LINK_IS_NONE ||
	    (!begins_chain(line) && !is_borne_out(verify, line, next))) {
		verify_stray(verify, line);
		return;
	}
	verify->report.starts_at_beginning = line->link.line == 1;
	verify_settle(verify, strays && line->link.line - 1 == strays ? strays : 0, line->place);
	if (line->link.line == 1 && !begins_chain(line) && (!is_seal(line) || line->is_signed)) {
		verify_tell(verify, VERIFY_FORGED, line->place,
			    "a chain begins with seal 0, and this line is none that fits");
		line->faulted = true;
	}
	verify_accept(verify, line);
}

/* LINE does not come right behind the last one. */
static void judge_elsewhere(struct verify *verify, struct line *line, const struct line *next)
{
	uint64_t at = verify->at.link.line;

	if (begins_chain(line)) {
		verify_restart(verify, line);
		verify_accept(verify, line);
	} else if (line->link.line > at && is_borne_out(verify, line, next)) {
		verify_settle(verify, line->link.line - at - 1, line->place);
		verify_accept(verify, line);
	} else if (line->link.line <= at && next && verify_follows(next, line)) {
		go_back(verify, line);
		verify_accept(verify, line);
	} else {
		verify_stray(verify, line);
	}
}

/* Whether LINE, which fits, was put before the one that was there: the chain goes on from that one. */
static bool is_planted(const struct verify *verify, const struct line *line,
		       const struct line *next, const struct line *third)
{
	return next && third && verify_follows(next, &verify->at) && verify_follows(third, next) &&
	       !verify_follows(third, line);
}

static void judge_line(struct verify *verify, struct line *line, const struct line *next,
		       const struct line *third)
{
	const struct line *at = &verify->at;

	if (!verify->started) {
		judge_first(verify, line, next);
	} else if (verify_follows(line, at) && !is_planted(verify, line, next, third)) {
		verify_settle(verify, 0, line->place);
		verify_accept(verify, line);
	} else if (line->link.kind == LINK_IS_NONE || (next && verify_follows(next, at))) {
		verify_stray(verify, line);
	} else if (line->link.line - 1 == at->link.line) {
		judge_break(verify, line, next, third);
		verify_settle(verify, 0, line->place);
		verify_accept(verify, line);
	} else {
		judge_elsewhere(verify, line, next);
	}
}

static void verify_judge(struct verify *verify)
{
	struct line *window = verify->window;
	unsigned int waiting = verify->waiting;

	judge_line(verify, &window[0], waiting > 1 ? &window[1] : NULL,
		   waiting > 2 ? &window[2] : NULL);
	if (!window[0].complete && !verify->strays.count)
		verify_tell(verify, VERIFY_CUT, window[0].place, "its line feed is missing");
	verify->waiting--;
	memmove(window, window + 1, verify->waiting * sizeof(*window));
}

/* --- reading ---------------------------------------------------------------------------------- */

/* TEXT up to END, where it is a time and no more. */
static void copy_time(char ret[VERIFY_TIME_SIZE], struct bytes text, char end)
{
	size_t size = 0;

	while (size < text.size && size < VERIFY_TIME_SIZE - 1 && text.data[size] &&
	       strchr("0123456789-:.TZ", text.data[size]))
		size++;
	if (size < text.size && text.data[size] == end)
		memcpy(ret, text.data, size);
}

/* The time of a seal, with which LINE begins: a text in ECS, ms since 1970 in OCSF. */
static void verify_read_time(char ret[VERIFY_TIME_SIZE], struct bytes line)
{
	static const char ecs[] = "{\"@timestamp\":\"", ocsf[] = "{\"time\":";
	char digits[VERIFY_TIME_SIZE] = "";
	_cleanup_(text_free) struct text time = {0};
	unsigned long long ms;

	if (bytes_begin(line, ecs))
		copy_time(ret, bytes_from(line, strlen(ecs)), '"');
	if (!bytes_begin(line, ocsf))
		return;
	copy_time(digits, bytes_from(line, strlen(ocsf)), ',');
	ms = strtoull(digits, NULL, 10);
	if (ms < UINT64_MAX / NS_PER_MS)
		clock_add_rfc3339_digits(&time, ms * NS_PER_MS, 3);
	if (time.size < VERIFY_TIME_SIZE && time.size)
		memcpy(ret, time.data, time.size);
}

void verify_file(struct verify *verify)
{
	if (verify->any_file)
		verify->place.file++;
	verify->any_file = true;
	verify->place.line = 0;
}

int verify_line(struct verify *verify, struct bytes line, bool complete)
{
	struct line *read;
	int error;

	if (verify->waiting == WINDOW)
		verify_judge(verify);
	verify->place.line++;
	read = &verify->window[verify->waiting];
	*read = (struct line){.place = verify->place, .complete = complete};
	error = key_hash(line, read->hash);
	if (error)
		return error;
	if (line.size <= VERIFY_LINE_MAX)
		read->link = link_read(line);
	if (is_seal(read)) {
		read->is_signed = link_is_signed(&read->link, line);
		verify_read_time(read->time, line);
	}
	verify->waiting++;
	return 0;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Whether the chain at the end is not the one of the seal file. */
static bool is_other_chain(const struct verify *verify, const struct chain *written)
{
	return verify->beginning.line && strcmp(verify->beginning_key, written->first_key) != 0;
}

/* Lines that the seal file has, behind those that were found. */
static uint64_t missing_at_end(const struct verify *verify, const struct chain *written)
{
	uint64_t at = verify->started ? verify->at.link.line : 0;

	if (!written || is_other_chain(verify, written) || written->lines < at)
		return 0;
	return written->lines - at;
}

static void compare_written(struct verify *verify, const struct chain *written, uint64_t missing)
{
	struct verify_place place = verify->started ? verify->at.place : verify->place;

	if (is_other_chain(verify, written))
		verify_tell(verify, VERIFY_FORGED, verify->beginning,
			    "the chain that begins here is not that of the seal file, whose first "
			    "key is "
			    "%s",
			    written->first_key);
	else if (missing)
		verify_tell(verify, VERIFY_CUT, place,
			    "%llu %s missing at the end: the seal file says that line %llu and "
			    "%llu seals "
			    "were written",
			    verify_number(missing), plural_of(missing, "line is", "lines are"),
			    verify_number(written->lines), verify_number(written->seals));
	else if (verify->unlike_written.line)
		verify_tell(verify, VERIFY_CHANGED, verify->unlike_written,
			    "it is not the line %llu that the seal file says was written",
			    verify_number(written->lines));
}

void verify_end(struct verify *verify, struct verify_report *ret)
{
	const struct chain *written = verify->options.written;
	uint64_t missing;

	while (verify->waiting)
		verify_judge(verify);
	missing = missing_at_end(verify, written);
	if (verify->strays.count == missing) {
		verify_settle(verify, missing, verify->strays.first);
		missing = 0;
	}
	verify_settle(verify, 0, verify->place);
	if (verify->started && verify->options.key && !*verify->report.first_key)
		verify_tell(verify, VERIFY_FORGED, verify->at.place,
			    "there is no seal that the key could be compared with");
	if (written)
		compare_written(verify, written, missing);
	*ret = verify->report;
}
