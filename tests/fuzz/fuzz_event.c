// SPDX-License-Identifier: Apache-2.0
/*
 * Reads the input as a stream of events: whole, byte by byte, and in pieces of random sizes. Each must tell the
 * same events, one or a malformed line for each line feed. The input's first byte chooses the pieces.
 */
#include "fuzz.h"

#include "base/utf8.h"
#include "docker/cause/engine_event.h"
#include "json/body.h"

/* What a reading gave. */
struct result {
	uint64_t events, malformed, sum;
};

static void check_text(uint64_t *sum, struct bytes text)
{
	uint32_t code;

	MUST(text.data || !text.size);
	for (size_t at = 0; at < text.size;) {
		at += utf8_decode(text.data + at, text.size - at, &code);
		MUST(code != UTF8_INVALID);
	}
	fuzz_hash_number(sum, (uint64_t)!text.data << 32 | text.size);
	fuzz_hash(sum, text.data, text.size);
}

static uint64_t sum_of(const struct engine_event *event)
{
	const struct bytes texts[] = {
		event->type,	  event->action,  event->id,	  event->name,	 event->image,
		event->container, event->exec_id, event->program, event->health, event->signal};
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check_text(&sum, texts[i]);
	fuzz_hash_number(&sum, event->command_hash);
	fuzz_hash_number(&sum, event->has_exit_code);
	fuzz_hash_number(&sum, event->exit_code);
	fuzz_hash_number(&sum, event->attributes);
	fuzz_hash_number(&sum, event->labels);
	fuzz_hash_number(&sum, event->swarm_task);
	fuzz_hash_number(&sum, event->time);
	return sum;
}

static bool is(struct bytes text, const char *word)
{
	return bytes_equal(text, (struct bytes){word, strlen(word)});
}

static void take(void *data, const struct engine_event *event)
{
	struct result *result = data;
	struct engine_event *copy = engine_event_copy(event);
	bool container = is(event->type, "container");

	MUST(copy);
	MUST(event->type.size && event->action.size);
	MUST(event->kind == engine_type_by_name(event->type));
	MUST(event->act == engine_action_by_name(event->action));
	MUST(!memchr(event->action.data, ':', event->action.size));
	MUST(event->id.size <= BODY_STRING_MAX);
	MUST(!(event->attributes >> ATTRIBUTES) && !(event->labels & ~event->attributes));
	MUST(!event->has_exit_code || event->attributes & ATTRIBUTE_EXIT_CODE);
	MUST(!event->signal.data || event->attributes & ATTRIBUTE_SIGNAL);
	MUST(!event->exec_id.data || event->attributes & ATTRIBUTE_EXEC_ID);
	MUST(container || (!event->program.data && !event->health.data && !event->exec_id.data));
	MUST(!container || !event->container.data);
	MUST(event->program.data || !event->command_hash);
	MUST(sum_of(copy) == sum_of(event));
	fuzz_hash_number(&result->sum, sum_of(event));
	result->events++;
	free(copy);
}

static void feed(struct engine_event_reader *reader, const uint8_t *data, size_t size)
{
	char *piece = exact_copy(data, size);

	MUST(!engine_event_reader_feed(reader, piece, size));
	free(piece);
}

static void read_all(struct result *result, const uint8_t *data, size_t size, enum fuzz_cut cut,
		     uint64_t seed)
{
	struct engine_event_reader *reader;
	size_t at = 0;

	*result = (struct result){0};
	MUST(!engine_event_reader_new(take, result, &reader));
	while (at < size) {
		size_t piece = fuzz_piece(cut, size - at, &seed);

		feed(reader, data + at, piece);
		at += piece;
	}
	result->malformed = engine_event_reader_malformed(reader);
	engine_event_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result first, other;
	uint64_t lines = 0;

	if (!size)
		return 0;
	for (size_t i = 1; i < size; i++)
		lines += data[i] == '\n';
	read_all(&first, data + 1, size - 1, CUT_NOWHERE, *data);
	MUST(first.events + first.malformed == lines);
	for (enum fuzz_cut cut = CUT_EVERYWHERE; cut <= CUT_ANYWHERE; cut++) {
		read_all(&other, data + 1, size - 1, cut, *data);
		MUST(other.events == first.events && other.malformed == first.malformed);
		MUST(other.sum == first.sum);
	}
	return 0;
}
