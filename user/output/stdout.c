// SPDX-License-Identifier: Apache-2.0
/* Standard output: a pipe, a terminal, a file that somebody else has opened. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "output/driver.h"
#include "output/heard.h"

#define BATCH_SIZE (64u << 10)
#define SLICE 1000 /* milliseconds that a slow reader is waited for at a time */

struct stdout_driver {
	struct driver driver;
	bool terminal;
	char batch[BATCH_SIZE]; /* short entries in one write */
	size_t done;		/* bytes of the first entry that went out before */
	bool leads;		/* these begin with the line before it */
	struct heard heard;
};

/* A pipe or terminal takes PIPE_BUF bytes without blocking once it polls writable; its description may
 * be shared with others, so it cannot be made non-blocking. */
static ssize_t stdout_write_some(struct stdout_driver *out, const char *data, size_t size)
{
	int seen = driver_poll(&out->driver, STDOUT_FILENO, POLLOUT, SLICE);

	if (seen <= 0)
		return seen ?: -EAGAIN;
	for (;;) {
		ssize_t written =
			write(STDOUT_FILENO, data, size < PIPE_BUF ? size : (size_t)PIPE_BUF);

		if (written >= 0)
			return written;
		if (errno == EIO &&
		    out->terminal) /* it was hung up: as a pipe whose reader is gone */
			return -EPIPE;
		if (errno != EINTR)
			return -errno;
	}
}

/* Adds what has room of LINE, but for its first *SKIP bytes, to the SIZE bytes of the batch; returns the new size. */
static size_t stdout_add(struct stdout_driver *out, const struct entry *line, size_t *skip,
			 size_t size)
{
	size_t skipped = *skip < line->size ? *skip : line->size, part = line->size - skipped;

	*skip -= skipped;
	if (part > BATCH_SIZE - size)
		part = BATCH_SIZE - size;
	memcpy(out->batch + size, line->data + skipped, part);
	return size + part;
}

/* Fills the batch; returns its size, with what is left of the first entry at its beginning. Only that one has a line before it:
 * it is as long as that takes. */
static size_t stdout_fill(struct stdout_driver *out, struct entry *const *entries,
			  unsigned int count)
{
	size_t size = 0, skip = out->done;
	uint64_t now = clock_now_ms();

	if (!out->done)
		out->leads = heard_missing(&out->heard, entries[0], now);
	if (out->leads)
		size = stdout_add(out, entries[0]->before, &skip, size);
	for (unsigned int i = 0; i < count && size < BATCH_SIZE; i++) {
		if (i && heard_missing(&out->heard, entries[i], now))
			break;
		size = stdout_add(out, entries[i], &skip, size);
	}
	return size;
}

static size_t stdout_size(const struct stdout_driver *out, const struct entry *first)
{
	return out->leads ? entry_bytes(first) : first->size;
}

/* SIZE bytes went out; returns how many entries that finished. */
static unsigned int stdout_account(struct stdout_driver *out, struct entry *const *entries,
				   size_t size)
{
	unsigned int finished = 0;

	out->done += size;
	while (out->done && out->done >= stdout_size(out, entries[finished])) {
		out->done -= stdout_size(out, entries[finished]);
		if (out->leads)
			heard_add(&out->heard, entries[finished], clock_now_ms());
		out->leads = false;
		finished++;
	}
	out->driver.confirmed += finished;
	return finished;
}

static unsigned int stdout_send_entries(struct driver *driver, struct entry *const *entries,
					unsigned int count)
{
	struct stdout_driver *out = (struct stdout_driver *)driver;
	unsigned int finished = 0;
	ssize_t written = 0;

	while (finished < count) {
		size_t size = stdout_fill(out, entries + finished, count - finished);

		for (size_t done = 0; done < size; done += written) {
			written = stdout_write_some(out, out->batch + done, size - done);
			if (written < 0)
				break;
			finished += stdout_account(out, entries + finished, written);
		}
		if (written < 0)
			break;
	}
	if (written >= 0)
		driver_works(driver);
	else if (written == -EAGAIN)
		driver_fail(driver, -EAGAIN, "its reader is slow");
	else
		driver_fail(driver, (int)written, NULL);
	return finished;
}

static void stdout_close_driver(struct driver *driver)
{
	free(driver);
}

static const struct driver_ops ops = {
	.send = stdout_send_entries,
	.close = stdout_close_driver,
};

int stdout_open(const struct sink_options *options, int stop, struct driver **ret, char *reason,
		size_t size)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	struct stdout_driver *out;

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
		snprintf(reason, size, "cannot write stdout: it is not open for writing");
		return -EBADF;
	}
	out = calloc(1, sizeof(*out));
	if (!out)
		return -ENOMEM;
	out->driver = (struct driver){.ops = &ops, .options = options, .stop = stop};
	out->terminal = isatty(STDOUT_FILENO);
	*ret = &out->driver;
	return 0;
}
