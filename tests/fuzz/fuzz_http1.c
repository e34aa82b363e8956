/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as one direction of a connection: whole, byte by byte, in pieces of random sizes,
 * and with parts of the bodies skipped. Each must tell the same. The input's first byte chooses the
 * role and what the responses are to, the second one the pieces.
 */
#include "fuzz.h"

#include "http/http1.h"

/* As CUT_ANYWHERE, and what may be skipped is. */
#define CUT_AND_SKIP (CUT_ANYWHERE + 1)

/* What was told, as a running hash; its parts are compared at the end only. */
struct told {
	uint64_t steps, bodies, last_body_bytes;
	unsigned int count;
	enum http1_step last;
	int finish;
	bool ended;
};

static void check_head(const struct http1_parser *parser)
{
	const struct http1_head *head = &parser->head;

	MUST(memchr(head->method, '\0', sizeof(head->method)));
	MUST(memchr(head->content_type, '\0', sizeof(head->content_type)));
	MUST(memchr(head->user_agent, '\0', sizeof(head->user_agent)));
	MUST(head->target_size <= HTTP1_TARGET_MAX);
	MUST(!head->target_truncated || head->target_size == HTTP1_TARGET_MAX);
	MUST(head->framing != HTTP1_BODY_CHUNKED || head->chunked);
	MUST(head->framing != HTTP1_BODY_LENGTH || (head->has_content_length && !head->chunked));
	MUST(head->framing != HTTP1_BODY_UNTIL_CLOSE || parser->role == HTTP1_RESPONSE);
	MUST(!head->has_content_length || head->content_length <= INT64_MAX);
	MUST(parser->role == HTTP1_REQUEST ? *head->method && !head->status
					   : head->status >= 100 && head->status <= 999);
}

static void hash_head(struct told *told, const struct http1_parser *parser)
{
	const struct http1_head *head = &parser->head;
	uint64_t flags = (uint64_t)head->target_truncated | head->has_content_length << 1 |
			 head->chunked << 2 | head->close << 3 | head->upgrade << 4 |
			 head->expect_continue << 5 | head->framing << 6;

	fuzz_hash_number(&told->steps, flags);
	fuzz_hash_number(&told->steps, head->content_length);
	fuzz_hash_number(&told->steps,
			 (uint64_t)head->status << 32 | (uint32_t)head->version_minor);
	fuzz_hash_number(&told->steps, head->anomalies);
	fuzz_hash(&told->steps, head->method, strlen(head->method));
	fuzz_hash(&told->steps, head->content_type, strlen(head->content_type));
	fuzz_hash(&told->steps, head->user_agent, strlen(head->user_agent));
	fuzz_hash(&told->steps, parser->target, head->target_size);
}

static void tell(struct told *told, struct http1_parser *parser, enum http1_step step,
		 const char *body, size_t body_size)
{
	if (step == HTTP1_MORE)
		return;
	if (step == HTTP1_BODY) {
		MUST(body_size > 0 && body);
		fuzz_hash(&told->bodies, body, body_size);
		return;
	}
	MUST(!body_size && !body);
	told->count++;
	told->last = step;
	fuzz_hash_number(&told->steps, step);
	if (step == HTTP1_HEAD) {
		check_head(parser);
		hash_head(told, parser);
	} else if (step == HTTP1_END) {
		MUST(!http1_in_message(parser));
		MUST(parser->body_bytes <= parser->message_bytes);
		fuzz_hash_number(&told->steps, parser->head.anomalies);
		fuzz_hash_number(&told->steps, parser->message_bytes);
		fuzz_hash_number(&told->steps, parser->body_bytes);
	} else {
		fuzz_hash(&told->steps, parser->error, strlen(parser->error));
	}
}

/* Feeds a piece from a block of just its size; false after an error. */
static bool feed(struct told *told, struct http1_parser *parser, enum method method,
		 const uint8_t *piece, size_t size)
{
	size_t used, body_size, at = 0, idle = 0;
	enum http1_step step;
	const char *body;
	char *data = exact_copy(piece, size);

	do {
		uint64_t before = parser->message_bytes;

		step = http1_next(parser, data + at, size - at, &used, &body, &body_size);
		MUST(used <= size - at);
		MUST(parser->message_bytes == before + used || parser->message_bytes == used);
		if (step == HTTP1_BODY)
			MUST(body >= data + at && body + body_size == data + at + used);
		idle = used ? 0 : idle + 1;
		MUST(idle < 4);
		at += used;
		tell(told, parser, step, body, body_size);
		if (step == HTTP1_HEAD && method)
			http1_response_to(parser, method);
	} while (step != HTTP1_MORE && step != HTTP1_ERROR);
	MUST(step == HTTP1_ERROR || at == size);
	free(data);
	return step == HTTP1_MORE;
}

/* How many of SIZE bytes to skip: only where that must work. */
static size_t skippable(const struct http1_parser *parser, size_t size)
{
	const struct http1_head *head = &parser->head;
	uint64_t left;

	if (!parser->body_bytes || !http1_in_message(parser))
		return 0;
	if (head->framing == HTTP1_BODY_UNTIL_CLOSE)
		return size;
	if (head->framing != HTTP1_BODY_LENGTH)
		return 0;
	left = head->content_length - parser->body_bytes;
	return left < size ? left : size;
}

static void finish(struct told *told, struct http1_parser *parser)
{
	bool in_message = http1_in_message(parser);

	told->last_body_bytes = parser->body_bytes;
	told->finish = http1_finish(parser, &told->ended);
	MUST(told->finish || !http1_in_message(parser));
	MUST(in_message || (!told->finish && !told->ended));
}

static void read_all(struct told *told, enum http1_role role, enum method method,
		     const uint8_t *data, size_t size, unsigned int cut, uint64_t seed)
{
	static struct http1_parser parser;
	size_t at = 0;

	memset(&parser, 0xa5, sizeof(parser));
	memset(told, 0, sizeof(*told));
	http1_init(&parser, role);
	while (at < size) {
		size_t skip, piece = fuzz_piece(cut > CUT_ANYWHERE ? CUT_ANYWHERE : cut, size - at,
						&seed);

		skip = cut == CUT_AND_SKIP ? skippable(&parser, piece) : 0;
		if (skip)
			MUST(!http1_skip(&parser, skip));
		if (!feed(told, &parser, method, data + at + skip, piece - skip))
			return;
		at += piece;
	}
	finish(told, &parser);
}

static void compare(const struct told *a, const struct told *b)
{
	MUST(a->count == b->count);
	MUST(a->last == b->last);
	MUST(a->steps == b->steps);
	MUST(a->finish == b->finish);
	MUST(a->ended == b->ended);
	MUST(a->last_body_bytes == b->last_body_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum method methods[] = {METHOD_NONE, METHOD_GET, METHOD_HEAD, METHOD_NONE};
	struct told whole, other;
	enum http1_role role;
	enum method method;

	if (size < 2)
		return 0;
	role = data[0] & 1 ? HTTP1_RESPONSE : HTTP1_REQUEST;
	method = methods[data[0] >> 1 & 3];
	read_all(&whole, role, method, data + 2, size - 2, CUT_NOWHERE, data[1]);
	for (unsigned int cut = CUT_EVERYWHERE; cut <= CUT_AND_SKIP; cut++) {
		read_all(&other, role, method, data + 2, size - 2, cut, data[1]);
		compare(&whole, &other);
		if (cut != CUT_AND_SKIP)
			MUST(whole.bodies == other.bodies);
	}
	return 0;
}
