/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as one direction of an HTTP/2 connection: whole, byte by byte, and in pieces of random sizes. Each must
 * tell the same. The input's first byte chooses the role, the second one the pieces; the preface need not be in it.
 */
#include "fuzz.h"

#include "http/http2.h"

struct told {
	uint64_t steps, bodies, end;
	bool failed;
};

static void check_head(const struct http2_seen *seen)
{
	const struct http1_head *head = &seen->head;

	MUST(memchr(head->method, '\0', sizeof(head->method)));
	MUST(memchr(head->content_type, '\0', sizeof(head->content_type)));
	MUST(memchr(head->user_agent, '\0', sizeof(head->user_agent)));
	MUST(head->target_size <= HTTP1_TARGET_MAX);
	MUST(!head->status || (head->status >= 100 && head->status <= 999));
	MUST(seen->stream);
	MUST(seen->begin < seen->end);
}

static void tell(struct told *told, const struct http2_reader *reader, enum http2_step step,
		 struct bytes body)
{
	const struct http2_seen *seen = http2_seen(reader);

	if (step == HTTP2_BODY) {
		MUST(body.size);
		for (size_t i = 0; i < body.size; i++) {
			fuzz_hash_number(&told->bodies, seen->stream);
			fuzz_hash(&told->bodies, body.data + i, 1);
		}
		return;
	}
	MUST(!body.size);
	fuzz_hash_number(&told->steps, step);
	if (step == HTTP2_ERROR) {
		fuzz_hash(&told->steps, seen->error, strlen(seen->error));
		return;
	}
	fuzz_hash_number(&told->steps, seen->stream);
	fuzz_hash_number(&told->steps, seen->begin);
	fuzz_hash_number(&told->steps, seen->end);
	if (step != HTTP2_HEAD)
		return;
	check_head(seen);
	fuzz_hash_number(&told->steps, seen->kind);
	fuzz_hash(&told->steps, seen->target, seen->head.target_size);
	fuzz_hash(&told->steps, seen->head.method, strlen(seen->head.method));
	fuzz_hash(&told->steps, seen->head.content_type, strlen(seen->head.content_type));
	fuzz_hash_number(&told->steps, seen->head.anomalies);
	fuzz_hash_number(&told->steps, seen->head.status);
}

/* Feeds a piece from a block of just its size; false after an error. */
static bool feed(struct told *told, struct http2_reader *reader, const char *piece, size_t size)
{
	char *data = exact_copy((const uint8_t *)piece, size);
	enum http2_step step;
	struct bytes body;
	size_t used, at = 0;

	do {
		step = http2_next(reader, data + at, size - at, &used, &body.data, &body.size);
		MUST(used <= size - at);
		if (step == HTTP2_BODY)
			MUST(body.data >= data + at && body.data + body.size == data + at + used);
		at += used;
		if (step != HTTP2_MORE)
			tell(told, reader, step, body);
		MUST(http2_memory(reader) < (1 << 20));
	} while (step != HTTP2_MORE && step != HTTP2_ERROR);
	MUST(step == HTTP2_ERROR || at == size);
	MUST(step == HTTP2_ERROR || http2_pending(reader) <= told->end + size);
	told->end += size;
	free(data);
	return step == HTTP2_MORE;
}

static void read_all(struct told *told, enum http1_role role, const char *data, size_t size,
		     enum fuzz_cut cut, uint64_t seed)
{
	struct http2_reader *reader = http2_new(role, 0);

	MUST(reader);
	*told = (struct told){0};
	if (role == HTTP1_REQUEST && (size < 3 || memcmp(data, HTTP2_PREFACE, 3)))
		MUST(feed(told, reader, HTTP2_PREFACE, HTTP2_PREFACE_SIZE));
	for (size_t at = 0; at < size && !told->failed;) {
		size_t piece = fuzz_piece(cut, size - at, &seed);

		told->failed = !feed(told, reader, data + at, piece);
		at += piece;
	}
	http2_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told whole, other;
	enum http1_role role;
	const char *bytes = (const char *)data + 2;

	if (size < 2)
		return 0;
	role = data[0] & 1 ? HTTP1_RESPONSE : HTTP1_REQUEST;
	http2_looks_like_frames(HTTP1_REQUEST, bytes, size - 2);
	http2_looks_like_frames(HTTP1_RESPONSE, bytes, size - 2);
	read_all(&whole, role, bytes, size - 2, CUT_NOWHERE, data[1]);
	for (unsigned int cut = CUT_EVERYWHERE; cut <= CUT_ANYWHERE; cut++) {
		read_all(&other, role, bytes, size - 2, cut, data[1]);
		MUST(whole.failed == other.failed);
		MUST(whole.steps == other.steps);
		MUST(whole.bodies == other.bodies);
	}
	return 0;
}
