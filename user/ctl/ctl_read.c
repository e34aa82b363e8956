// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "chain/lines.h"
#include "ctl/ctl.h"
#include "health/endpoint.h"
#include "json/wholejson.h"
#include "log/ahead.h"
#include "log/exported.h"
#include "log/logfile.h"
#include "log/moment.h"
#include "log/series.h"

#define FOLLOW_PAUSE 200      /* ms */
#define ORDER (60 * NS_PER_S) /* in which records of an export may be out of order */

struct log_reader {
	struct ctl *ctl;
	struct ctl_records *records;
	struct reread reread;
	struct exported exported; /* what is not as callerd writes it */
	uint64_t latest, behind;  /* of that: the time; records that came long after later ones */
	uint64_t journal;	  /* entries of journald's */
	struct text text;	  /* of fields */
	struct text compact;	  /* a record of an export without spaces */
	uint64_t unsure;	  /* records that do not tell whether they are meant */
	/* Of a log that is followed. */
	const char *path;
	int fd;
};

static bool is_in_time(const struct ctl *ctl, uint64_t time)
{
	return time >= ctl->since && (!ctl->until || time <= ctl->until);
}

bool ctl_may_hold(struct bytes line, struct bytes name)
{
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] < ' ' || strchr("\"\\<>&\177", name.data[i]))
			return true; /* it is spelled out */
	return bytes_find(line, name);
}

/* Whether --where chooses the record. */
static bool is_chosen(struct log_reader *log_reader)
{
	struct fields fields;
	enum where_answer answer;

	text_cut(&log_reader->text, 0);
	reread_fields(&log_reader->reread, &fields, &log_reader->text);
	answer = where_matches(log_reader->ctl->where, &fields);
	fields_free(&fields, 0);
	log_reader->unsure += answer == WHERE_MAYBE;
	return answer == WHERE_YES;
}

/* Whether LINE, of TIME, is not asked for. Who a caller is may be told in such a line, too, long before the records that name him. */
static bool is_not_asked(const struct log_reader *log_reader, struct bytes line, uint64_t time)
{
	const struct ctl_records *records = log_reader->records;

	return (time && !is_in_time(log_reader->ctl, time)) ||
	       (records->may_matter && !records->may_matter(records->data, line) &&
		!reread_callers_is_named(line));
}

static int take_record(struct log_reader *log_reader, uint64_t time, struct bytes line)
{
	struct ctl_records *records = log_reader->records;

	return !log_reader->ctl->where || is_chosen(log_reader)
		       ? records->take(records->data, &log_reader->reread, time, line)
		       : 0;
}

/* Whether LINE begins as callerd writes them. */
static bool is_as_written(struct bytes line, uint64_t time)
{
	static const char from[] = "{\"@timestamp\":\"2026-11-30T15:00:00.123456789Z\"";

	return time && line.size > sizeof(from) &&
	       bytes_begin(bytes_from(line, sizeof(from) - 1), ",\"ecs\":{");
}

/* A record of an export, that happened at TIME. */
static void note_order(struct log_reader *log_reader, uint64_t time)
{
	if (time > log_reader->latest)
		log_reader->latest = time;
	log_reader->behind += time + ORDER < log_reader->latest;
}

/* What was read of LINE is a record. 0; -EINVAL: it has no time; another -errno. */
static int take_exported_record(struct log_reader *log_reader, struct bytes line)
{
	struct bytes at = reread_text(&log_reader->reread, "@timestamp");
	uint64_t time = moment_rfc3339(at.data, at.size);

	if (!time)
		return -EINVAL;
	note_order(log_reader, time);
	return is_in_time(log_reader->ctl, time) ? take_record(log_reader, time, line) : 0;
}

/* TEXT is an object of what somebody else wrote. As exported.take(). */
static int take_exported(void *data, struct bytes text)
{
	struct log_reader *log_reader = data;
	int error = reread_read(&log_reader->reread, text);
	struct bytes at;

	if (error == -ENOMEM || (error && reread_is_own(&log_reader->reread)))
		return error == -ENOMEM ? error : 0;
	if (!error)
		return take_exported_record(log_reader, text);
	at = reread_text(&log_reader->reread, "SYSLOG_IDENTIFIER");
	log_reader->journal += bytes_are(at, "callerd");
	return error;
}

/* TEXT, an object, as callerd would write it; of no size: it is none. */
static struct bytes without_spaces(struct log_reader *log_reader, struct bytes text)
{
	if (is_as_written(text, moment_of_line(text.data, text.size)))
		return text;
	text_cut(&log_reader->compact, 0);
	if (!wholejson_compact(&log_reader->compact, text))
		return (struct bytes){0};
	return text_since(&log_reader->compact, 0);
}

/* The same, where it may be no JSON. As exported.take_whole(). */
static int take_whole(void *data, struct bytes text)
{
	static const char dataset[] =
		"\"callerd.audit\""; /* within a string its quotes have backslashes */
	struct log_reader *log_reader = data;
	struct bytes line;
	uint64_t time;
	int error;

	if (!bytes_find(text, bytes_of(dataset)))
		return -EAGAIN;
	line = without_spaces(log_reader, text);
	if (!line.size)
		return log_reader->compact.error ?: -EAGAIN;
	time = moment_of_line(line.data, line.size);
	if (is_as_written(line, time) && is_not_asked(log_reader, line, time) &&
	    !reread_callers_is_told(line)) {
		note_order(log_reader, time);
		return 0;
	}
	error = reread_read(&log_reader->reread, line);
	if (error == -ENOMEM || !log_reader->reread.whole)
		return error == -ENOMEM ? error : -EAGAIN;
	if (!error)
		error = take_exported_record(log_reader, text);
	else if (reread_is_own(&log_reader->reread))
		return 0;
	return error == -EINVAL ? -EAGAIN : error;
}

static int take_line(struct log_reader *log_reader, struct bytes line)
{
	uint64_t time = moment_of_line(line.data, line.size);
	int error;

	if (!line.size)
		return 0;
	if (exported_is_open(&log_reader->exported) || !is_as_written(line, time))
		return exported_read(&log_reader->exported, line)
			       ?: exported_read(&log_reader->exported, bytes_of("\n"));
	if (is_not_asked(log_reader, line, time) && !reread_callers_is_told(line))
		return 0;
	error = reread_read(&log_reader->reread, line);
	if (!error)
		return take_record(log_reader, time, line);
	if (error != -ENOMEM && !reread_is_own(&log_reader->reread))
		log_reader->records->unreadable++;
	return error == -ENOMEM ? error : 0;
}

static int take_lines(struct log_reader *log_reader, struct lines *lines)
{
	struct bytes line;
	bool complete;
	int result;

	while ((result = lines_next(lines, &line, &complete)) > 0) {
		if (log_reader->records->line)
			log_reader->records->line(log_reader->records->data, line, complete);
		result = take_line(log_reader, line);
		if (result)
			return result;
	}
	return result;
}

/* Reads what AHEAD reads. As take_lines(). */
static int take_ahead(struct log_reader *log_reader, struct ahead *ahead)
{
	struct bytes line;
	int result;

	while ((result = ahead_next(ahead, &line)) > 0) {
		result = take_line(log_reader, line);
		/* A value in many lines has its records as wholes only where they are together. */
		if (!result && exported_is_open(&log_reader->exported))
			result = exported_read(&log_reader->exported, ahead_rest(ahead));
		if (result)
			break;
	}
	return result;
}

/* A file that is there as a whole: while its lines are looked at the next ones are read. */
static int read_ahead(struct log_reader *log_reader, const char *path)
{
	const struct ahead_options options = {.see = log_reader->records->line,
					      .data = log_reader->records->data};
	struct ahead *ahead;
	int error = ahead_open(&ahead, path, &options);

	if (error) {
		fprintf(stderr, "callerctl: cannot read %s: %s\n", path, strerror(-error));
		return error;
	}
	error = take_ahead(log_reader, ahead);
	if (error && error != -ECANCELED)
		fprintf(stderr, "callerctl: %s: %s\n", path,
			ahead_error(ahead) ?: strerror(-error));
	ahead_close(ahead);
	return error;
}

/* What somebody writes now. */
static int read_stream(struct log_reader *log_reader, const char *path)
{
	struct logfile log;
	int error = logfile_open(&log, path, false);

	if (error) {
		fprintf(stderr, "callerctl: cannot read %s: %s\n", path, strerror(-error));
		return error;
	}
	error = take_lines(log_reader, &log.lines);
	if (error && error != -ECANCELED)
		fprintf(stderr, "callerctl: %s: %s\n", path, log.error ?: strerror(-error));
	logfile_close(&log);
	return error;
}

static int read_log_file(struct log_reader *log_reader, const char *path)
{
	return (ahead_suits(path) ? read_ahead : read_stream)(log_reader, path);
}

/* --- following -------------------------------------------------------------------------------- */

/* Whether the log has another file now. */
static bool was_rotated(const struct log_reader *log_reader)
{
	struct stat here, there;

	return !fstat(log_reader->fd, &here) && !stat(log_reader->path, &there) &&
	       (here.st_ino != there.st_ino || here.st_dev != there.st_dev);
}

/* A file that was cut, as copytruncate does, begins anew. */
static void begin_anew_if_cut(const struct log_reader *log_reader)
{
	off_t at = lseek(log_reader->fd, 0, SEEK_CUR);
	struct stat status;

	if (at > 0 && !fstat(log_reader->fd, &status) && status.st_size < at)
		lseek(log_reader->fd, 0, SEEK_SET);
}

/* Reads on, and waits where there is nothing: lines_next() sees no end. */
static ssize_t read_on(void *data, char *to, size_t size)
{
	struct log_reader *log_reader = data;
	bool rotated = false;

	for (;;) {
		ssize_t got = read(log_reader->fd, to, size);
		int other, error;

		if (got)
			return got < 0 ? -errno : got;
		error = log_reader->records->idle(log_reader->records->data);
		if (error)
			return error;
		if (!rotated) { /* what came before that is read first */
			begin_anew_if_cut(log_reader);
			rotated = was_rotated(log_reader);
			if (!rotated)
				poll(NULL, 0, FOLLOW_PAUSE);
			continue;
		}
		other = open(log_reader->path, O_RDONLY | O_CLOEXEC);
		if (other >= 0) {
			close(log_reader->fd);
			log_reader->fd = other;
		}
		rotated = false;
	}
}

static int follow_log(struct log_reader *log_reader, const char *path)
{
	struct lines lines = {.read = read_on, .data = log_reader};
	int error;

	log_reader->path = path;
	log_reader->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (log_reader->fd < 0) {
		fprintf(stderr, "callerctl: cannot read %s: %s\n", path, strerror(errno));
		return -errno;
	}
	error = take_lines(log_reader, &lines);
	close(log_reader->fd);
	lines_free(&lines);
	return error;
}

/* --- an agent that runs ------------------------------------------------------------------------ */

/* What the agent sends; waits where there is nothing. */
static ssize_t read_agent(void *data, char *to, size_t size)
{
	struct log_reader *log_reader = data;
	struct pollfd fd = {.fd = log_reader->fd, .events = POLLIN};
	int error;

	for (;;) {
		ssize_t got;

		error = log_reader->records->idle(log_reader->records->data);
		if (error)
			return error;
		if (poll(&fd, 1, FOLLOW_PAUSE) <= 0)
			continue;
		got = read(log_reader->fd, to, size);
		return got < 0 ? -errno : got;
	}
}

/* Skips the head of the answer. 0; -EPERM: it is no answer to what was asked. */
static int skip_head(struct lines *lines)
{
	struct bytes line;
	bool complete, good = false;
	int result;

	while ((result = lines_next(lines, &line, &complete)) > 0) {
		good |= bytes_begin(line, "HTTP/1.1 200 ");
		if (bytes_are(line, "\r"))
			return good ? 0 : -EPERM;
	}
	return result ?: -EPERM;
}

static int watch_agent(struct log_reader *log_reader, const char *path)
{
	struct lines lines = {.read = read_agent, .data = log_reader};
	int error;

	if (!log_reader->records->idle) {
		fprintf(stderr,
			"callerctl: the agent at %s tells what comes, not what was: tail and top "
			"may ask it\n",
			path);
		return -EINVAL;
	}
	log_reader->fd = endpoint_watch(path);
	if (log_reader->fd < 0) {
		fprintf(stderr, "callerctl: cannot ask the agent at %s: %s\n", path,
			strerror(-log_reader->fd));
		return log_reader->fd;
	}
	error = skip_head(&lines) ?: take_lines(log_reader, &lines);
	if (!error)
		fprintf(stderr, "callerctl: the agent has ended, or this reader was too slow\n");
	else if (error != -ECANCELED)
		fprintf(stderr, "callerctl: the agent at %s: %s\n", path, strerror(-error));
	close(log_reader->fd);
	lines_free(&lines);
	return error ?: -EPIPE;
}

/* --- logs ------------------------------------------------------------------------------------- */

static int read_series(struct log_reader *log_reader, const char *path)
{
	_cleanup_(series_free) struct series series = {0};
	int error;

	if (!strncmp(path, CTL_AGENT, strlen(CTL_AGENT)))
		return watch_agent(log_reader,
				   path[strlen(CTL_AGENT)] ? path + strlen(CTL_AGENT) : CTL_SOCKET);
	error = series_find(&series, path);

	if (error)
		fprintf(stderr, "callerctl: cannot read %s: %s\n", path, strerror(-error));
	for (unsigned int i = 0; !error && i < series.count; i++) {
		const struct series_file *file = &series.files[i];

		if (log_reader->records->file)
			log_reader->records->file(log_reader->records->data, path, !i);
		if (file->modified && file->modified < log_reader->ctl->since)
			continue;
		if (log_reader->records->idle && strcmp(path, "-") != 0 && i + 1 == series.count)
			error = follow_log(log_reader, file->path);
		else
			error = read_log_file(log_reader, file->path);
		exported_end(&log_reader->exported);
		log_reader->latest = 0;
	}
	return error;
}

int ctl_read(struct ctl *ctl, struct ctl_records *records)
{
	/* event.dataset; journald's entries are counted. */
	static const char *const signs[] = {"event", "SYSLOG_ID", NULL};
	struct log_reader log_reader = {.ctl = ctl, .records = records, .fd = -1};
	int error = 0;

	log_reader.exported = (struct exported){.data = &log_reader,
						.take = take_exported,
						.take_whole = take_whole,
						.signs = signs};
	for (unsigned int i = 0; !error && i < ctl->log_count; i++)
		error = read_series(&log_reader, ctl->logs[i]);
	records->unreadable += log_reader.exported.unknown;
	exported_free(&log_reader.exported);
	reread_free(&log_reader.reread);
	text_free(&log_reader.text);
	text_free(&log_reader.compact);
	if (records->unreadable)
		fprintf(stderr, "callerctl: %llu lines are no records of callerd's\n",
			(unsigned long long)records->unreadable);
	if (log_reader.journal)
		fprintf(stderr,
			"callerctl: %llu of them are journald's, which does not keep records "
			"whole: "
			"journalctl reads them, callerctl a file\n",
			(unsigned long long)log_reader.journal);
	if (log_reader.behind)
		fprintf(stderr,
			"callerctl: %llu records came after later ones: sort what you export by "
			"@timestamp and event.sequence, or commands are told in parts\n",
			(unsigned long long)log_reader.behind);
	if (log_reader.unsure)
		fprintf(stderr,
			"callerctl: %llu records do not tell enough to be chosen by --where\n",
			(unsigned long long)log_reader.unsure);
	return error == -ECANCELED ? 0 : error;
}
