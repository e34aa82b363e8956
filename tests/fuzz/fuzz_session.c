/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as what the daemon says within a call that lends it a session: whole, byte by byte, and in pieces of
 * random sizes. Each must tell the same requests. The input's first byte says whether it is put into messages and behind a preface
 * here, the second one chooses the pieces.
 */
#include "fuzz.h"

#include "conversation/connection.h"
#include "http/http2.h"

enum flag {
	FLAG_RAW = 1 << 0,     /* the input has the messages, too */
	FLAG_PREFACE = 1 << 1, /* and the preface */
	FLAG_GAP = 1 << 2,     /* its last bytes are not seen */
};

#define DATA_MAX 16384
#define MEMORY_MAX (8 << 20)

static void *begin_lending(void *data, const struct exchange *exchange, uint32_t socket)
{
	(void)data;
	(void)socket;
	return exchange->target_size == 2 ? "/S" : NULL;
}

static bool lends_session(const void *content)
{
	return content;
}

static const struct reader lending = {.begin = begin_lending, .lends = lends_session};

struct talk {
	struct connection *connection;
	uint64_t offset[2];
};

static void speak(struct talk *talk, enum callerd_direction direction, const void *bytes,
		  size_t copied, size_t size)
{
	struct callerd_data_event *event = calloc(1, sizeof(*event) + copied);

	MUST(event);
	event->header.time = 1000;
	event->offset = talk->offset[direction];
	event->length = (uint32_t)size;
	event->copied = (uint32_t)copied;
	event->direction = direction;
	memcpy(event->data, bytes, copied);
	MUST(!connection_data(talk->connection, event));
	talk->offset[direction] += size;
	free(event);
	MUST(connection_memory(talk->connection) < MEMORY_MAX);
}

/* The head of a DATA frame of stream 1, and SIZE bytes, of which COPIED are seen. */
static void speak_data(struct talk *talk, const void *bytes, size_t copied, size_t size)
{
	char head[9] = {(char)(size >> 16), (char)(size >> 8), (char)size, 0, 0, 0, 0, 0, 1};

	speak(talk, CALLERD_RESPONSE, head, sizeof(head), sizeof(head));
	if (copied)
		speak(talk, CALLERD_RESPONSE, bytes, copied, copied);
	if (copied < size)
		talk->offset[CALLERD_RESPONSE] += size - copied;
}

static void begin_talk(struct talk *talk)
{
	static const char asks[] = HTTP2_PREFACE "\0\0\0\4\0\0\0\0\0\0\0\x19\1\4\0\0\0\1"
						 "\x83\x86\4\2/S\x0f\x10\x10"
						 "application/grpc";
	static const char answers[] = "\0\0\0\4\0\0\0\0\0\0\0\1\1\4\0\0\0\1\x88";

	*talk = (struct talk){.connection = connection_new(1, 0, 0, 1)};
	MUST(talk->connection);
	talk->connection->reader = &lending;
	speak(talk, CALLERD_REQUEST, asks, sizeof(asks) - 1, sizeof(asks) - 1);
	speak(talk, CALLERD_RESPONSE, answers, sizeof(answers) - 1, sizeof(answers) - 1);
}

/* SIZE bytes of the inner connection, in a message of their own. */
static void speak_message(struct talk *talk, const char *bytes, size_t size)
{
	char head[5 + 4] = {0, 0, 0, 0, 0, 0x0a};
	size_t used = size < 128 ? 1 : 2;

	MUST(size < 1 << 14);
	head[3] = (char)((size + used + 1) >> 8);
	head[4] = (char)(size + used + 1);
	head[6] = (char)(used == 1 ? size : size | 0x80);
	head[7] = (char)(size >> 7);
	speak_data(talk, head, 6 + used, 6 + used);
	speak_data(talk, bytes, size, size);
}

static uint64_t hash_told(const struct connection *connection, unsigned int *ret_count)
{
	uint64_t sum = 14695981039346656037u;

	for (const struct exchange *one = connection->finished; one; one = one->next) {
		const char *error = one->http.parse_error ?: "";

		if (one->number == 1) /* the call that lends it */
			continue;
		++*ret_count;
		MUST(one->http.by_engine && !one->http.status);
		MUST(one->offset >= HTTP2_PREFACE_SIZE && one->end > one->offset);
		fuzz_hash_number(&sum, one->number);
		fuzz_hash_text(&sum, (struct bytes){one->target, one->target_size});
		fuzz_hash_text(&sum, bytes_of(one->method));
		fuzz_hash_text(&sum, bytes_of(error));
		fuzz_hash_number(&sum, one->http.request_bytes);
		fuzz_hash_number(&sum, one->incomplete);
		fuzz_hash_number(&sum, one->http.anomalies);
	}
	return sum;
}

static uint64_t read_all(const char *data, size_t size, unsigned int flags, enum fuzz_cut cut,
			 uint64_t seed)
{
	struct talk talk;
	unsigned int count = 0;
	uint64_t sum;

	begin_talk(&talk);
	if (!(flags & (FLAG_RAW | FLAG_PREFACE)))
		speak_message(&talk, HTTP2_PREFACE, HTTP2_PREFACE_SIZE);
	for (size_t at = 0; at < size;) {
		size_t piece = fuzz_piece(cut, size - at, &seed);

		if (piece > DATA_MAX - 1)
			piece = DATA_MAX - 1;
		if (flags & FLAG_RAW)
			speak_data(&talk, data + at, piece, piece);
		else
			speak_message(&talk, data + at, piece);
		at += piece;
	}
	if (flags & FLAG_GAP)
		speak_data(&talk, "", 0, 5);
	connection_end(talk.connection, 2000, 0, NULL);
	sum = hash_told(talk.connection, &count);
	MUST(count <= size + 2);
	connection_free(talk.connection);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data + 2;
	uint64_t whole;

	if (size < 2)
		return 0;
	whole = read_all(bytes, size - 2, data[0], CUT_NOWHERE, data[1]);
	for (unsigned int cut = CUT_EVERYWHERE; cut <= CUT_ANYWHERE; cut++)
		MUST(read_all(bytes, size - 2, data[0], cut, data[1]) == whole);
	return 0;
}
