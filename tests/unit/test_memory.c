// SPDX-License-Identifier: Apache-2.0
/*
 * Out of memory, at every place: recorded events go through the library, from the kernel's bytes to lines in each
 * format, while one allocation fails, or all from one on. Nothing may crash or leak, and what comes after is told.
 */
#include "unit.h"

#include <limits.h>

#include "callerd/eventfile.h"
#include "conversation/tracker.h"
#include "docker/call/call.h"
#include "docker/cause/causes.h"
#include "format/format.h"
#include "process/decode.h"

#define SOCKETS_MAX 4

/* --- the allocator ------------------------------------------------------------------------------ */

enum failing { FAIL_NEVER, FAIL_ONCE, FAIL_FROM_THEN_ON };

static enum failing failing;
static unsigned long at, allocations; /* the one that fails; those so far */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);

static bool fails(void)
{
	bool now = failing == FAIL_ONCE ? ++allocations == at
					: failing == FAIL_FROM_THEN_ON && ++allocations >= at;

	if (now)
		errno = ENOMEM;
	return now;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(memory, count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
	return fails() ? NULL : __real_strndup(text, size);
}

/* --- the library -------------------------------------------------------------------------------- */

struct world {
	struct tracker *tracker;
	struct calls *calls;
	struct causes *causes;
	struct engine_event_reader *reader;
	struct inventory *inventories[SOCKETS_MAX];
	const char *sockets[SOCKETS_MAX + 1];
	unsigned int socket_count;
	unsigned long records, written;
};

static const struct record_context context = {
	.host_name = "host",
	.boot_id = "00000000-0000-0000-0000-000000000000",
	.agent_version = "1",
	.run_id = "0000000000000000",
};

static void on_record(void *data, struct record *record)
{
	struct world *world = data;
	struct text line = {0};

	if (world->calls)
		calls_describe_caller(world->calls, record);
	record->sequence = ++world->records;
	for (enum record_format format = 0; format < RECORD_FORMATS; format++) {
		text_cut(&line, 0);
		world->written += !format_write(format, record, &context, &line);
		line.error = 0;
	}
	text_free(&line);
}

static void on_engine_event(void *data, const struct engine_event *event)
{
	struct world *world = data;

	causes_event(world->causes, 0, event, event->time);
}

static int open_world(struct world *world)
{
	struct calls_options calls = {.socket_count = world->socket_count,
				      .inventories = world->inventories,
				      .context = &context,
				      .memory_max = 32 << 20};
	struct causes_options causes = {.socket_count = world->socket_count,
					.sockets = world->sockets,
					.inventories = world->inventories,
					.context = &context,
					.data = world,
					.record = on_record};
	struct tracker_options tracker = {.connections_max = 64,
					  .memory_max = 64 << 20,
					  .sender_wait = 200000000,
					  .sockets = world->sockets,
					  .socket_count = world->socket_count,
					  .data = world,
					  .record = on_record};
	int error = 0;

	for (unsigned int i = 0; !error && i < world->socket_count; i++)
		error = inventory_new(256, &world->inventories[i]);
	error = error ?: causes_new(&causes, 0, &world->causes);
	if (!error)
		calls.ledger = causes_ledger(world->causes);
	error = error ?: calls_new(&calls, &world->calls);
	error = error ?: engine_event_reader_new(on_engine_event, world, &world->reader);
	if (!error)
		tracker.reader = calls_reader(world->calls);
	return error ?: tracker_new(&tracker, &world->tracker);
}

static void close_world(struct world *world)
{
	tracker_free(world->tracker);
	engine_event_reader_free(world->reader);
	calls_free(world->calls);
	causes_free(world->causes);
	for (unsigned int i = 0; i < world->socket_count; i++)
		inventory_free(world->inventories[i]);
}

/* --- what happens -------------------------------------------------------------------------------- */

struct recording {
	char *data;
	size_t size;
};

static struct recording read_recording(const char *path)
{
	FILE *file = fopen(path, "re");
	struct recording recording = {.data = malloc(4 << 20)};

	assert_non_null(file);
	assert_non_null(recording.data);
	recording.size = fread(recording.data, 1, 4 << 20, file);
	assert_true(recording.size > sizeof(CALLERD_EVENTFILE_MAGIC));
	fclose(file);
	return recording;
}

static void tell_events(struct world *world)
{
	static const char lines[] =
		"{\"Type\":\"container\",\"Action\":\"create\",\"Actor\":{\"ID\":\"%064d\","
		"\"Attributes\":{\"name\":\"web\",\"image\":\"bb\"}},\"timeNano\":%llu}\n"
		"{\"Type\":\"container\",\"Action\":\"exec_create: sh -c true\",\"Actor\":{\"ID\":"
		"\"%064d\",\"Attributes\":{\"execID\":\"%064d\"}},\"timeNano\":%llu}\n"
		"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"%064d\","
		"\"Attributes\":"
		"{\"exitCode\":\"1\"}},\"timeNano\":%llu}\n";
	char text[2048];
	unsigned long long time = 1795331015000000000ull;
	int size = snprintf(text, sizeof(text), lines, 1, time, 1, 2, time + 1, 1, time + 2);

	engine_event_reader_feed(world->reader, text, (size_t)size);
	causes_run(world->causes, time);
}

static void play(struct world *world, const struct callerd_frame *frame, const void *data)
{
	struct event event;

	switch (frame->kind) {
	case CALLERD_FRAME_EVENT:
		if (!decode_event(data, frame->size, NULL, &event))
			tracker_event(world->tracker, &event, frame->socket);
		break;
	case CALLERD_FRAME_FLUSH:
		tracker_flush(world->tracker, frame->time);
		break;
	case CALLERD_FRAME_CLOSE:
		tracker_close(world->tracker, frame->time);
		break;
	default:
		break;
	}
}

/* Plays RECORDING while the allocation AT fails. Returns the records told. */
static unsigned long play_all(const struct recording *recording, enum failing how,
			      unsigned long first)
{
	struct world world = {0};
	struct callerd_frame frame;
	char paths[SOCKETS_MAX][128];
	bool open = false;

	for (size_t offset = 16; offset + sizeof(frame) <= recording->size;
	     offset += sizeof(frame) + ((frame.size + 7ull) & ~7ull)) {
		const char *data = recording->data + offset + sizeof(frame);

		memcpy(&frame, recording->data + offset, sizeof(frame));
		if (frame.kind == CALLERD_FRAME_SOCKET) {
			char *path = paths[world.socket_count];

			snprintf(path, sizeof(*paths), "%.*s", (int)frame.size, data);
			world.sockets[world.socket_count++] = path;
			continue;
		}
		if (!open) {
			failing = how;
			at = first;
			allocations = 0;
			if (open_world(&world))
				break;
			open = true;
		}
		play(&world, &frame, data);
	}
	if (open)
		tell_events(&world);
	failing = FAIL_NEVER;
	close_world(&world);
	return world.records;
}

static void check(const char *path, unsigned long stride)
{
	struct recording recording = read_recording(path);
	unsigned long whole = play_all(&recording, FAIL_NEVER, 0), all = 0;

	assert_true(whole > 0);
	play_all(&recording, FAIL_ONCE, ULONG_MAX);
	all = allocations;
	assert_true(all > 100);
	for (unsigned long first = 1; first <= all; first += stride)
		play_all(&recording, FAIL_ONCE, first);
	for (unsigned long first = 1; first <= all; first += 3 * stride)
		play_all(&recording, FAIL_FROM_THEN_ON, first);
	assert_int_equal(play_all(&recording, FAIL_NEVER, 0), whole); /* nothing stays behind */
	free(recording.data);
}

static void test_exec(void **state)
{
	check("tests/golden/docker-exec.events", 1);
}

static void test_findings(void **state)
{
	check("tests/golden/findings.events", 7);
}

static void test_senders(void **state)
{
	check("tests/golden/senders.events", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_senders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
