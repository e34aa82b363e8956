// SPDX-License-Identifier: Apache-2.0
/*
 * Runs the kernel events in a file of `callerd --record-events` through the library and prints the
 * records. Times, names and the host have fixed values, so that the same events give the same
 * bytes. No engine and no file of the host is asked, and there is no policy; only objects that the
 * requests in the file create are known.
 *
 * usage: replay [--format ecs|human|ocsf|cef|rfc5424] FILE
 *        replay --output SPEC [--copies N] FILE
 *
 * With --output the records go to an output of callerd's, each N times, to try a way to a SIEM or
 * the speed of an output. The time that took is printed on stderr.
 */
#include <errno.h>
#include <stdio.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/outputs.h"
#include "base/text.h"
#include "callerd/eventfile.h"
#include "conversation/tracker.h"
#include "docker/call/call.h"
#include "format/format.h"
#include "process/decode.h"

#define FRAME_MAX (1u << 20)
#define SOCKETS_MAX 64
#define ENTRIES_MAX 65536
#define AHEAD_MAX 1000 /* records that may wait for the output */
#define CLOSE_MILLISECONDS 60000

struct replay {
	enum record_format format;
	const char *output;
	unsigned long copies;
	struct outputs *outputs; /* NULL: stdout */
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
	.host_id = "0123456789abcdef0123456789abcdef",
	.boot_id = "00000000-0000-0000-0000-000000000000",
	.agent_version = "replay",
	.run_id = "0000000000000000",
};

/* Hands RECORD to the output, and waits where the agent would drop records. */
static void deliver(struct replay *replay, struct record *record)
{
	for (unsigned long i = 0; i < replay->copies; i++) {
		record->sequence = ++replay->sequence;
		outputs_put(replay->outputs, record, &context);
		if (record->sequence % 100)
			continue;
		outputs_flush(replay->outputs);
		while (outputs_waiting(replay->outputs) > AHEAD_MAX)
			sched_yield();
	}
}

static void on_record(void *data, struct record *record)
{
	struct replay *replay = data;

	calls_describe_caller(replay->calls, record);
	if (replay->outputs) {
		deliver(replay, record);
		return;
	}
	record->sequence = ++replay->sequence;
	replay->line.size = 0;
	format_write(replay->format, record, &context, &replay->line);
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
	error = start(replay); /* the first event: all sockets are named by now */
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

/* 1: FRAME and DATA are filled; 0: the end of FILE; -errno. */
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

static double seconds(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void tell(void *data, const char *text)
{
	fprintf(stderr, "replay: %s\n", text);
}

static bool open_output(struct replay *replay)
{
	struct options options = {.outputs = {replay->output}, .output_count = 1};
	char reason[768];

	if (!replay->output ||
	    outputs_open(&options, &context, &replay->outputs, reason, sizeof(reason)) == EXIT_OK)
		return true;
	fprintf(stderr, "replay: %s\n", reason);
	return false;
}

/* Closes the output and prints how many records were written since WALL and CPU, and how many were
 * lost. */
static void close_output(struct replay *replay, double wall, double cpu)
{
	uint64_t lost[SINK_LOSS_COUNT], all = 0;

	if (!replay->outputs)
		return;
	outputs_news(replay->outputs, NULL, tell);
	outputs_losses(replay->outputs, lost, NULL, NULL);
	for (int i = 0; i < SINK_LOSS_COUNT; i++)
		all += lost[i];
	outputs_close(replay->outputs, CLOSE_MILLISECONDS, NULL, tell);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	fprintf(stderr,
		"%llu records, %llu of them lost, in %.3f s, %.3f s of CPU: %.0f a second\n",
		(unsigned long long)replay->sequence, (unsigned long long)all, wall, cpu,
		(double)replay->sequence / wall);
}

static int usage(void)
{
	fprintf(stderr, "usage: replay [--format ecs|human|ocsf|cef|rfc5424] FILE\n"
			"       replay --output SPEC [--copies N] FILE\n");
	return 2;
}

static bool take_arguments(struct replay *replay, int argc, char **argv)
{
	bool good = argc % 2 == 0;

	for (int i = 1; good && i + 1 < argc; i += 2) {
		const char *value = argv[i + 1];

		if (!strcmp(argv[i], "--format"))
			good = format_by_name(bytes_of(value), &replay->format);
		else if (!strcmp(argv[i], "--output"))
			replay->output = value;
		else if (!strcmp(argv[i], "--copies"))
			good = (replay->copies = strtoul(value, NULL, 10)) > 0;
		else
			good = false;
	}
	return good;
}

int main(int argc, char **argv)
{
	struct replay replay = {.format = FORMAT_ECS, .copies = 1};
	double wall, cpu;
	FILE *file;
	int error;

	if (!take_arguments(&replay, argc, argv))
		return usage();
	file = fopen(argv[argc - 1], "re");
	if (!file) {
		fprintf(stderr, "replay: cannot read %s: %s\n", argv[argc - 1], strerror(errno));
		return 1;
	}
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	if (!open_output(&replay)) {
		fclose(file);
		return 1;
	}
	error = replay_file(&replay, file);
	fclose(file);
	close_output(&replay, wall, cpu);
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
