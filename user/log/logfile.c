// SPDX-License-Identifier: Apache-2.0
#include "log/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define READ_BUFFER                                                                                \
	(64u                                                                                       \
	 << 10) /* packed; who asks for more than twice that has it unpacked to where it is wanted */

/* How often, and how long each time, to wait for the rest of a line that callerd is writing. */
#define WRITING_TRIES 20
#define WRITING_MS 50

/* Waits for the rest of a line: callerd may be writing it now. */
static int logfile_read_late(struct logfile *logfile, char *to, unsigned int size)
{
	int got = 0;

	if (!logfile->may_grow || !lines_in_line(&logfile->lines) || !gzdirect(logfile->file))
		return 0;
	for (unsigned int i = 0; i < WRITING_TRIES && !got; i++) {
		poll(NULL, 0, WRITING_MS);
		gzclearerr(logfile->file);
		got = gzread(logfile->file, to, size);
	}
	logfile->may_grow = got > 0;
	return got;
}

static ssize_t logfile_read(void *data, char *to, size_t size)
{
	struct logfile *logfile = data;
	unsigned int room = size < INT_MAX ? (unsigned int)size : INT_MAX;
	int got = gzread(logfile->file, to, room), code;

	if (!got)
		got = logfile_read_late(logfile, to, room);
	if (got > 0)
		return got;
	logfile->error = gzerror(logfile->file, &code);
	if (code == Z_OK)
		return 0;
	if (code == Z_ERRNO)
		logfile->error = strerror(errno);
	return -EIO;
}

static gzFile logfile_open_file(const char *path)
{
	_close_ int fd = strcmp(path, "-") != 0 ? open(path, O_RDONLY | O_CLOEXEC)
						: fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	gzFile file = fd < 0 ? NULL : gzdopen(fd, "rb");

	if (!file)
		return NULL;
	(void)take_fd(fd); /* FILE has it */
	gzbuffer(file, READ_BUFFER);
	return file;
}

int logfile_open(struct logfile *logfile, const char *path, bool may_grow)
{
	*logfile = (struct logfile){.file = logfile_open_file(path), .may_grow = may_grow};
	logfile->lines = (struct lines){.read = logfile_read, .data = logfile};
	return logfile->file ? 0 : -(errno ?: ENOMEM);
}

void logfile_close(struct logfile *logfile)
{
	lines_free(&logfile->lines);
	gzclose(logfile->file);
}
