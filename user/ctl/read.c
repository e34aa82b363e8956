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
#include "log/logfile.h"
#include "log/moment.h"
#include "log/series.h"

#define FOLLOW_PAUSE 200 /* ms */

struct reading {
	struct ctl *ctl;
	struct ctl_records *records;
	struct reread reread;
	struct text text; /* of fields */
	/* Of a log that is followed. */
	const char *path;
	int fd;
};


static bool is_in_time(const struct ctl *ctl, uint64_t time)
{
	return time >= ctl->since && (!ctl->until || time <= ctl->until);
}

static bool is_meant(struct reading *reading)
{
	struct fields fields;
	bool meant;

	if (!reading->ctl->where)
		return true;
	text_cut(&reading->text, 0);
	reread_fields(&reading->reread, &fields, &reading->text);
	meant = where_matches(reading->ctl->where, &fields) == WHERE_YES;
	fields_free(&fields, 0);
	return meant;
}

static int take_line(struct reading *reading, struct bytes line)
{
	struct ctl_records *records = reading->records;
	uint64_t time = moment_of_line(line.data, line.size);
	int error;

	if (!line.size || (time && !is_in_time(reading->ctl, time)))
		return 0;
	if (records->may_matter && !records->may_matter(records->data, line))
		return 0;
	error = reread_read(&reading->reread, line);
	if (error == -ENOMEM)
		return error;
	if (error) {
		if (!bytes_are(reread_text(&reading->reread, "event.action"), "log-sealed"))
			records->unreadable++;
		return 0;
	}
	if (!time) { /* somebody else wrote it anew */
		struct bytes text = reread_text(&reading->reread, "@timestamp");

		time = moment_rfc3339(text.data, text.size);
		if (!is_in_time(reading->ctl, time))
			return 0;
	}
	return is_meant(reading) ? records->take(records->data, &reading->reread, time, line) : 0;
}

static int take_lines(struct reading *reading, struct lines *lines)
{
	struct bytes line;
	bool complete;
	int result;

	while ((result = lines_next(lines, &line, &complete)) > 0) {
		result = take_line(reading, line);
		if (result)
			return result;
	}
	return result;
}

static int read_file(struct reading *reading, const char *path)
{
	struct logfile log;
	int error = logfile_open(&log, path, false);

	if (!error) {
		error = take_lines(reading, &log.lines);
		if (error && error != -ECANCELED)
			fprintf(stderr, "callerctl: %s: %s\n", path, log.error ?: strerror(-error));
		logfile_close(&log);
	} else {
		fprintf(stderr, "callerctl: cannot read %s: %s\n", path, strerror(-error));
	}
	return error;
}

/* --- following -------------------------------------------------------------------------------- */

/* Whether the log has another file now. */
static bool was_rotated(const struct reading *reading)
{
	struct stat here, there;

	return !fstat(reading->fd, &here) && !stat(reading->path, &there) &&
	       (here.st_ino != there.st_ino || here.st_dev != there.st_dev);
}

/* Reads on, and waits where there is nothing: lines_next() sees no end. */
static ssize_t read_on(void *data, char *to, size_t size)
{
	struct reading *reading = data;
	bool rotated = false;

	for (;;) {
		ssize_t got = read(reading->fd, to, size);
		int other;

		if (got)
			return got < 0 ? -errno : got;
		reading->records->idle(reading->records->data);
		if (!rotated) { /* what came before that is read first */
			rotated = was_rotated(reading);
			if (!rotated)
				poll(NULL, 0, FOLLOW_PAUSE);
			continue;
		}
		other = open(reading->path, O_RDONLY | O_CLOEXEC);
		if (other >= 0) {
			close(reading->fd);
			reading->fd = other;
		}
		rotated = false;
	}
}

static int follow(struct reading *reading, const char *path)
{
	struct lines lines = {.read = read_on, .data = reading};
	int error;

	reading->path = path;
	reading->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (reading->fd < 0) {
		fprintf(stderr, "callerctl: cannot read %s: %s\n", path, strerror(errno));
		return -errno;
	}
	error = take_lines(reading, &lines);
	close(reading->fd);
	lines_free(&lines);
	return error;
}

/* --- logs ------------------------------------------------------------------------------------- */

static int read_log(struct reading *reading, const char *path)
{
	_cleanup_(series_free) struct series series;
	int error = series_find(&series, path);

	if (error)
		fprintf(stderr, "callerctl: cannot read %s: %s\n", path, strerror(-error));
	for (unsigned int i = 0; !error && i < series.count; i++) {
		const struct series_file *file = &series.files[i];

		if (file->modified && file->modified < reading->ctl->since)
			continue;
		if (reading->records->idle && strcmp(path, "-") != 0 && i + 1 == series.count)
			error = follow(reading, file->path);
		else
			error = read_file(reading, file->path);
	}
	return error;
}

int ctl_read(struct ctl *ctl, struct ctl_records *records)
{
	struct reading reading = {.ctl = ctl, .records = records, .fd = -1};
	int error = 0;

	for (unsigned int i = 0; !error && i < ctl->log_count; i++)
		error = read_log(&reading, ctl->logs[i]);
	reread_free(&reading.reread);
	text_free(&reading.text);
	if (records->unreadable)
		fprintf(stderr, "callerctl: %llu lines are no records of callerd's\n",
			(unsigned long long)records->unreadable);
	return error == -ECANCELED ? 0 : error;
}
