// SPDX-License-Identifier: Apache-2.0
#include "agent/event_recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "broker/broker.h"
#include "callerd/eventfile.h"

/* struct eventfile is a FILE by another name. */
static FILE *event_recorder_stream(struct eventfile *file)
{
	return (FILE *)file;
}

static void write_frame(struct eventfile *file, const struct callerd_frame *frame, const void *data)
{
	static const char zeros[8];

	if (!file)
		return;
	fwrite(frame, sizeof(*frame), 1, event_recorder_stream(file));
	if (data) {
		fwrite(data, 1, frame->size, event_recorder_stream(file));
		fwrite(zeros, 1, -frame->size & 7, event_recorder_stream(file));
	}
}

int event_recorder_open(const char *path, const char *const *sockets, struct eventfile **ret)
{
	_close_ int fd = broker_open(AT_FDCWD, path,
				     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file)
		return -errno;
	(void)take_fd(fd); /* FILE has it */
	*ret = (struct eventfile *)file;
	fwrite(CALLERD_EVENTFILE_MAGIC, 16, 1, file);
	for (uint32_t i = 0; sockets[i]; i++) {
		struct callerd_frame frame = {
			.kind = CALLERD_FRAME_SOCKET,
			.size = strlen(sockets[i]),
			.socket = i,
		};

		write_frame(*ret, &frame, sockets[i]);
	}
	return 0;
}

void event_recorder_close(struct eventfile *file)
{
	if (file)
		fclose(event_recorder_stream(file));
}

void event_recorder_event(struct eventfile *file, const struct callerd_event_header *event,
			  uint32_t socket)
{
	struct callerd_frame frame = {
		.kind = CALLERD_FRAME_EVENT,
		.size = event->size,
		.socket = socket,
		.time = event->time,
	};

	write_frame(file, &frame, event);
}

void event_recorder_flush(struct eventfile *file, uint64_t time)
{
	struct callerd_frame frame = {.kind = CALLERD_FRAME_FLUSH, .time = time};

	write_frame(file, &frame, NULL);
}

void event_recorder_close_frame(struct eventfile *file, uint64_t time)
{
	struct callerd_frame frame = {.kind = CALLERD_FRAME_CLOSE, .time = time};

	write_frame(file, &frame, NULL);
}
