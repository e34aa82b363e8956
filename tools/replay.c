// SPDX-License-Identifier: Apache-2.0
/*
 * Runs kernel events that `callerd --record-events` kept through the library and prints the records.
 * Times, names and the host come from fixed values, so that the same events give the same bytes: nobody is
 * asked what the engine has or what the host's files are, and there is no policy. What the requests in the
 * file themselves create is known.
 *
 * usage: replay [--format ecs|human|ocsf|cef|rfc5424] FILE
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "callerd/eventfile.h"
#include "capture/decode.h"
#include "conversation/tracker.h"
#include "docker/call.h"
#include "record/format.h"
#include "record/text.h"

#define FRAME_MAX (1u << 20)
#define SOCKETS_MAX 64
#define ENTRIES_MAX 65536

struct replay {
	enum record_format format;
	struct tracker *tracker;
	struct calls *calls;
	struct inventory *inventories[SOCKETS_MAX];
	const char *sockets[SOCKETS_MAX + 1];
	unsigned int socket_count;
	uint64_t sequence, malformed;
	struct text line;
};

static const struct record_context context = {
	.host_name = "replay",
	.boot_id = "00000000-0000-0000-0000-000000000000",
	.agent_version = "replay",
	.run_id = "0000000000000000",
};

static void on_record(void *data, struct record *record)
{
	struct replay *replay = data;

	calls_describe_caller(replay->calls, record);
	record->sequence = ++replay->sequence;
	replay->line.size = 0;
	record_write(replay->format, record, &context, &replay->line);
	fwrite(replay->line.data, 1, replay->line.size, stdout);
}

static int add_socket(struct replay *replay, const char *path, size_t size)
{
	if (replay->socket_count == SOCKETS_MAX)
		return -EBADMSG;
	replay->sockets[replay->socket_count] = strndup(path, size);
	return replay->sockets[replay->socket_count++] ? 0 : -ENOMEM; /* NOLINT: main() frees it */
}

static int start_calls(struct replay *replay)
{
	struct calls_options options = {
		.socket_count = replay->socket_count,
		.inventories = replay->inventories,
		.context = &context,
		.memory_max = 32 << 20,
	};
	int error = 0;

	for (unsigned int i = 0; !error && i < replay->socket_count; i++)
		error = inventory_new(ENTRIES_MAX, &replay->inventories[i]);
	return error ?: calls_new(&options, &replay->calls);
}

static int start(struct replay *replay)
{
	struct tracker_options options = {
		.connections_max = 65536,
		.memory_max = 64 << 20,
		.sender_wait = 200000000,
		.sockets = replay->sockets,
		.socket_count = replay->socket_count,
		.data = replay,
		.record = on_record,
	};
	int error;

	if (replay->tracker)
		return 0;
	error = start_calls(replay);
	if (error)
		return error;
	options.reader = calls_reader(replay->calls);
	return tracker_new(&options, &replay->tracker);
}

static int play(struct replay *replay, const struct callerd_frame *frame, const void *data)
{
	struct event event;
	int error;

	if (frame->kind == CALLERD_FRAME_SOCKET)
		return add_socket(replay, data, frame->size);
	error = start(replay); /* all sockets are named before the first event */
	if (error)
		return error;
	switch (frame->kind) {
	case CALLERD_FRAME_EVENT:
		if (decode_event(data, frame->size, NULL, &event))
			replay->malformed++;
		else
			tracker_event(replay->tracker, &event, frame->socket);
		return 0;
	case CALLERD_FRAME_FLUSH:
		tracker_flush(replay->tracker, frame->time);
		return 0;
	case CALLERD_FRAME_CLOSE:
		tracker_close(replay->tracker, frame->time);
		return 0;
	default:
		return -EBADMSG;
	}
}

/* 1: a frame; 0: the end; -errno. */
static int read_frame(FILE *file, struct callerd_frame *frame, void *data)
{
	size_t size = fread(frame, 1, sizeof(*frame), file);

	if (!size)
		return ferror(file) ? -EIO : 0;
	if (size != sizeof(*frame))
		return -EBADMSG;
	size = (frame->size + 7ull) & ~7ull;
	if (size > FRAME_MAX || fread(data, 1, size, file) != size)
		return -EBADMSG;
	return 1;
}

static int replay_file(struct replay *replay, FILE *file)
{
	char magic[16];
	struct callerd_frame frame;
	void *data = malloc(FRAME_MAX);
	int error;

	if (!data)
		return -ENOMEM;
	error = fread(magic, sizeof(magic), 1, file) == 1 &&
				!memcmp(magic, CALLERD_EVENTFILE_MAGIC, sizeof(magic))
			? 1
			: -EBADMSG;
	while (error > 0) {
		error = read_frame(file, &frame, data);
		if (error > 0)
			error = play(replay, &frame, data) ?: 1;
	}
	free(data);
	return error;
}

static bool take_format(int argc, char **argv, enum record_format *ret)
{
	if (argc == 4 && !strcmp(argv[1], "--format"))
		return format_by_name(bytes_of(argv[2]), ret);
	return argc == 2;
}

int main(int argc, char **argv)
{
	struct replay replay = {.format = FORMAT_ECS};
	FILE *file;
	int error;

	if (!take_format(argc, argv, &replay.format)) {
		fprintf(stderr, "usage: replay [--format ecs|human|ocsf|cef|rfc5424] FILE\n");
		return 2;
	}
	file = fopen(argv[argc - 1], "re");
	if (!file) {
		fprintf(stderr, "replay: cannot read %s: %s\n", argv[argc - 1], strerror(errno));
		return 1;
	}
	error = replay_file(&replay, file);
	fclose(file);
	tracker_free(replay.tracker);
	calls_free(replay.calls);
	text_free(&replay.line);
	for (unsigned int i = 0; i < replay.socket_count; i++) {
		inventory_free(replay.inventories[i]);
		free((char *)replay.sockets[i]);
	}
	if (error)
		fprintf(stderr, "replay: %s: not a file of events, or cut off\n", argv[argc - 1]);
	if (replay.malformed)
		fprintf(stderr, "replay: %llu malformed events\n",
			(unsigned long long)replay.malformed);
	return error ? 1 : 0;
}
