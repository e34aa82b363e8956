// SPDX-License-Identifier: Apache-2.0
/*
 * From the kernel's bytes to records: the input is a row of events, each through decode_event(), the
 * tracker, and both formats. Whatever it is, every record is one line of each, every connection that was
 * muted and not given up is unmuted, and nothing is left in the end.
 *
 * A piece of input is an operation, a size of two bytes and as many bytes. The bits of the operation:
 */
#include "fuzz.h"

#include "conversation/tracker.h"
#include "process/decode.h"

#define OP_WRONG_SIZE (1 << 0) /* the header's size stays as it is in the input */
#define OP_FLUSH (1 << 1)      /* flush after this event */
#define OP_SURVEY (1 << 2)     /* survey after this event; those of even id live */
#define OP_ANY_ID (1 << 3)     /* the connection is not one of a few */
#define OP_DETAIL (1 << 4)     /* with what /proc would add */
#define OP_LATER (1 << 5)      /* time passes before it */
#define OP_CUT (1 << 6)	       /* less is handed over than the input has */

#define CONNECTIONS_MAX 4
#define MEMORY_MAX 80000
#define IDS 8

struct fuzz {
	struct tracker *tracker;
	struct text line;
	uint64_t sequence, now;
	bool muted[IDS];
	uint64_t evicted;
};

static void check_line(const struct text *line)
{
	MUST(!line->error && line->size > 1);
	MUST(memchr(line->data, '\n', line->size) == line->data + line->size - 1);
	MUST(!memchr(line->data, '\0', line->size));
}

static void on_record(void *data, struct record *record)
{
	static const struct record_context context = {
		.host_name = "host",
		.boot_id = "00000000-0000-0000-0000-000000000000",
		.agent_version = "fuzz",
		.run_id = "run",
	};
	struct fuzz *fuzz = data;

	record->sequence = ++fuzz->sequence;
	fuzz->line.size = 0;
	ecs_write(record, &context, &fuzz->line);
	check_line(&fuzz->line);
	fuzz->line.size = 0;
	human_write(record, &context, &fuzz->line);
	check_line(&fuzz->line);
}

static void on_mute(void *data, uint64_t connection, uint32_t bits)
{
	struct fuzz *fuzz = data;

	if (connection < IDS)
		fuzz->muted[connection] = bits & (CALLERD_MUTE_REQUEST | CALLERD_MUTE_RESPONSE);
}

static struct bytes detail_label(void *data, uint32_t pid, uint64_t start)
{
	return pid & 2 ? (struct bytes){"label", 5} : (struct bytes){0};
}

static void detail_peer(void *data, struct process *process)
{
	process->name = (struct bytes){"peer", 4};
	process->executable = (struct bytes){"/bin/peer", 9};
}

/* Makes an event of a piece more often what the kernel would send. */
static void adjust(struct callerd_event_header *header, size_t size, uint8_t operation,
		   const struct fuzz *fuzz)
{
	if (!(operation & OP_WRONG_SIZE))
		header->size = (uint32_t)size;
	if (!(operation & OP_ANY_ID))
		header->connection %= IDS;
	header->time = fuzz->now;
}

static void feed(struct fuzz *fuzz, const uint8_t *data, size_t size, uint8_t operation)
{
	static const struct decode_detail detail = {NULL, detail_label, detail_peer};
	struct event event;
	void *copy = exact_copy(data, size);

	if (size >= sizeof(struct callerd_event_header))
		adjust(copy, size, operation, fuzz);
	if (!decode_event(copy, size, operation & OP_DETAIL ? &detail : NULL, &event))
		tracker_event(fuzz->tracker, &event, event.header->socket);
	free(copy);
}

static void survey(struct fuzz *fuzz)
{
	tracker_survey_begin(fuzz->tracker);
	for (uint64_t id = 0; id < IDS; id += 2)
		tracker_survey_seen(fuzz->tracker, id);
	tracker_survey_end(fuzz->tracker, fuzz->now);
}

static void check_stats(struct fuzz *fuzz)
{
	struct tracker_stats stats;

	tracker_stats(fuzz->tracker, &stats);
	fuzz->evicted = stats.evicted;
	MUST(stats.connections <= CONNECTIONS_MAX && !stats.no_memory);
	MUST(stats.connections <= 1 || stats.memory <= MEMORY_MAX);
	MUST(stats.connections || !stats.memory);
}

static void play(struct fuzz *fuzz, const uint8_t *data, size_t size)
{
	while (size >= 3) {
		uint8_t operation = data[0];
		size_t now = data[1] | (size_t)data[2] << 8;

		data += 3;
		size -= 3;
		if (now > size)
			now = size;
		fuzz->now += operation & OP_LATER ? 1000000000 : 1;
		feed(fuzz, data, operation & OP_CUT && now ? now - 1 : now, operation);
		check_stats(fuzz);
		if (operation & OP_SURVEY)
			survey(fuzz);
		if (operation & OP_FLUSH)
			tracker_flush(fuzz->tracker, fuzz->now);
		data += now;
		size -= now;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sockets[] = {"/run/docker.sock", "/run/\"\n.sock"};
	struct fuzz fuzz = {.now = 1000};
	struct tracker_options options = {
		.connections_max = CONNECTIONS_MAX,
		.memory_max = MEMORY_MAX,
		.sender_wait = 200000000,
		.sockets = sockets,
		.socket_count = 2,
		.data = &fuzz,
		.record = on_record,
		.mute = on_mute,
	};

	MUST(!tracker_new(&options, &fuzz.tracker));
	play(&fuzz, data, size);
	if (size & 1) {
		tracker_close(fuzz.tracker, fuzz.now);
		check_stats(&fuzz);
	}
	tracker_free(fuzz.tracker);
	for (size_t id = 0; id < IDS && !fuzz.evicted; id++)
		MUST(!fuzz.muted[id]);
	text_free(&fuzz.line);
	return 0;
}
