// SPDX-License-Identifier: Apache-2.0
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_BATCH (256u << 10) /* bytes that wait before they are written to a file */

struct sink {
	char *name;
	int fd;
	bool regular; /* a file: writes do not block for long */
	char *queue;  /* ring of whole lines; [start, start + size) waits */
	size_t start, size;
	uint64_t dropped;
	int error; /* of the last write; 0: fine */
};

/* Appends to what a crash may have left of a line. */
static int end_torn_line(int fd)
{
	char last;
	off_t end = lseek(fd, 0, SEEK_END);

	if (end <= 0 || pread(fd, &last, 1, end - 1) != 1 || last == '\n')
		return 0;
	return write(fd, "\n", 1) == 1 ? 0 : -errno;
}

static int open_file(struct sink *sink, const char *path, char *reason, size_t reason_size)
{
	struct stat info;
	int error;

	sink->fd =
		open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (sink->fd < 0) {
		error = -errno;
		snprintf(reason, reason_size, "cannot write %s: %s%s", path, strerror(-error),
			 error == -ELOOP ? " (a symlink is not followed)" : "");
		return error;
	}
	if (fstat(sink->fd, &info) || !S_ISREG(info.st_mode)) {
		snprintf(reason, reason_size, "cannot write %s: it is not a regular file", path);
		return -ENODEV;
	}
	sink->regular = true;
	return end_torn_line(sink->fd);
}

static int open_stdout(struct sink *sink, char *reason, size_t reason_size)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
		snprintf(reason, reason_size, "cannot write stdout: it is not open for writing");
		return -EBADF;
	}
	sink->fd = STDOUT_FILENO;
	return 0;
}

int sink_open(const char *spec, struct sink **ret, char *reason, size_t reason_size)
{
	struct sink *sink = calloc(1, sizeof(*sink));
	int error = 0;

	if (!sink)
		return -ENOMEM;
	sink->fd = -1;
	sink->name = strdup(spec);
	sink->queue = malloc(SINK_QUEUE_MAX);
	if (!sink->name || !sink->queue) {
		error = -ENOMEM;
	} else if (!strcmp(spec, "stdout")) {
		error = open_stdout(sink, reason, reason_size);
	} else if (!strncmp(spec, "file:", 5) && spec[5]) {
		error = open_file(sink, spec + 5, reason, reason_size);
	} else {
		snprintf(reason, reason_size, "unknown output \"%s\": it is stdout or file:PATH",
			 spec);
		error = -EINVAL;
	}
	if (error) {
		sink_close(sink, 0);
		return error;
	}
	*ret = sink;
	return 0;
}

/* A pipe or terminal takes PIPE_BUF bytes without blocking once it polls writable; its description may
 * be shared with others, so it cannot be made non-blocking. */
static bool writable(const struct sink *sink)
{
	struct pollfd pollfd = {.fd = sink->fd, .events = POLLOUT};

	return sink->regular || (poll(&pollfd, 1, 0) > 0 && pollfd.revents & (POLLOUT | POLLERR));
}

static int write_queue(struct sink *sink)
{
	int error = 0;

	while (!error && sink->size && writable(sink)) {
		size_t size = SINK_QUEUE_MAX - sink->start;
		ssize_t written;

		if (size > sink->size)
			size = sink->size;
		if (!sink->regular && size > PIPE_BUF)
			size = PIPE_BUF;
		written = write(sink->fd, sink->queue + sink->start, size);
		if (written < 0) {
			error = errno == EINTR || errno == EAGAIN ? 0 : -errno;
			if (errno == EAGAIN)
				break;
			continue;
		}
		sink->start = (sink->start + written) % SINK_QUEUE_MAX;
		sink->size -= written;
		if (!sink->size)
			sink->start = 0; /* stay in few pages */
	}
	return error;
}

bool sink_put(struct sink *sink, const char *line, size_t size)
{
	size_t end, first;

	/* A file takes what there is: the queue stays in few pages. An error shows again at the next
	 * flush. */
	if (size > SINK_QUEUE_MAX - sink->size || (sink->regular && sink->size >= FILE_BATCH))
		write_queue(sink);
	if (size > SINK_QUEUE_MAX - sink->size) {
		sink->dropped++;
		return false;
	}
	end = (sink->start + sink->size) % SINK_QUEUE_MAX;
	first = SINK_QUEUE_MAX - end;
	if (first > size)
		first = size;
	memcpy(sink->queue + end, line, first);
	memcpy(sink->queue, line + first, size - first);
	sink->size += size;
	return true;
}

int sink_flush(struct sink *sink)
{
	int error = write_queue(sink);

	if (error && error == sink->error && error != -EPIPE)
		return 0;
	sink->error = error;
	return error;
}

bool sink_same_file(const struct sink *a, const struct sink *b)
{
	struct stat first, second;

	return !fstat(a->fd, &first) && !fstat(b->fd, &second) && S_ISREG(first.st_mode) &&
	       first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

uint64_t sink_dropped(const struct sink *sink)
{
	return sink->dropped;
}

const char *sink_name(const struct sink *sink)
{
	return sink->name;
}

void sink_close(struct sink *sink, int milliseconds)
{
	static const struct timespec moment = {.tv_nsec = 10000000};

	if (!sink)
		return;
	while (sink->fd >= 0 && sink->size && !sink_flush(sink) && sink->size && milliseconds > 0) {
		nanosleep(&moment, NULL);
		milliseconds -= 10;
	}
	if (sink->fd > STDOUT_FILENO)
		close(sink->fd);
	free(sink->queue);
	free(sink->name);
	free(sink);
}
