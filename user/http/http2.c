// SPDX-License-Identifier: Apache-2.0
#include "http/http2.h"

#include <errno.h>
#include <malloc.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define STREAM_MASK 0x7fffffffu

/* Where the reader stands. */
enum http2_state {
	STATE_PREFACE,
	STATE_FRAME,   /* the nine bytes before a payload */
	STATE_PADDING, /* the byte that gives the size of the padding */
	STATE_PREFIX,  /* bytes before a header block: a priority, a promised stream */
	STATE_BLOCK,   /* a piece of a header block */
	STATE_BODY,
	STATE_SKIPPED, /* the rest of the payload, which nobody wants */
	STATE_FRAME_END,
	STATE_FAILED,
};

/* What a header block said that is judged at its end. */
enum seen_fields {
	SEEN_METHOD = 1 << 0,
	SEEN_PATH = 1 << 1,
	SEEN_STATUS = 1 << 2,
	SEEN_SCHEME = 1 << 3,
	SEEN_AUTHORITY = 1 << 4,
	SEEN_REGULAR = 1 << 5,
	SEEN_PSEUDO =
		1 << 6, /* one whose name begins with a colon, also where it counts for nothing */
};

struct http2_reader {
	enum http1_role role;
	enum http2_state state;
	nghttp2_hd_inflater *inflater;
	uint64_t position; /* stream offset of the next byte */
	unsigned char frame[HTTP2_FRAME_HEAD];
	unsigned int have; /* of what the state waits for */
	uint8_t type, flags;
	bool in_block; /* a header block goes on in the next frame */
	uint32_t left; /* of the payload, padding included */
	uint32_t padding;
	unsigned int seen; /* enum seen_fields */
	size_t block_size; /* bytes of the header block so far */
	size_t list_size;  /* the same unpacked, as RFC 9113 counts them */
	struct http2_seen step;
};

/* --- memory ----------------------------------------------------------------------------------- */

/* Header tables hold what nobody is to find in freed memory. */
static void wipe_and_free(void *memory, void *unused)
{
	(void)unused;
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

static void *wipe_malloc(size_t size, void *unused)
{
	(void)unused;
	return malloc(size);
}

static void *wipe_calloc(size_t count, size_t size, void *unused)
{
	(void)unused;
	return calloc(count, size);
}

static void *move_and_wipe(void *memory, size_t size, void *unused)
{
	size_t had = memory ? malloc_usable_size(memory) : 0;
	void *ret = malloc(size);

	if (!ret)
		return NULL;
	if (memory)
		memcpy(ret, memory, had < size ? had : size);
	wipe_and_free(memory, unused);
	return ret;
}

struct http2_reader *http2_new(enum http1_role role, uint64_t offset)
{
	static nghttp2_mem memory = {NULL, wipe_malloc, wipe_and_free, wipe_calloc, move_and_wipe};
	struct http2_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	if (nghttp2_hd_inflate_new2(&reader->inflater, &memory)) {
		free(reader);
		return NULL;
	}
	/* The table grows only where the peer says so: this is the most that it may say. */
	nghttp2_hd_inflate_change_table_size(reader->inflater, HTTP2_TABLE_MAX);
	reader->role = role;
	reader->position = offset;
	reader->state = role == HTTP1_REQUEST ? STATE_PREFACE : STATE_FRAME;
	return reader;
}

void http2_free(struct http2_reader *reader)
{
	if (!reader)
		return;
	nghttp2_hd_inflate_del(reader->inflater);
	explicit_bzero(reader, sizeof(*reader));
	free(reader);
}

const struct http2_seen *http2_seen(const struct http2_reader *reader)
{
	return &reader->step;
}

uint64_t http2_pending(const struct http2_reader *reader)
{
	if (reader->state == STATE_PREFACE || reader->state == STATE_FRAME)
		return reader->in_block ? reader->step.begin : reader->position - reader->have;
	return reader->step.begin;
}

size_t http2_memory(const struct http2_reader *reader)
{
	/* A string that is not complete is kept, too; unpacked it is larger. */
	return sizeof(*reader) + nghttp2_hd_inflate_get_dynamic_table_size(reader->inflater) +
	       (reader->in_block ? 2 * reader->block_size : 0);
}

/* --- header blocks ---------------------------------------------------------------------------- */

static enum http2_step http2_fail(struct http2_reader *reader, const char *error)
{
	reader->state = STATE_FAILED;
	reader->step.error = error;
	return HTTP2_ERROR;
}

static void begin_block(struct http2_reader *reader)
{
	struct http2_seen *step = &reader->step;

	step->head = (struct http1_head){.version_minor = -1};
	step->begin = reader->position - HTTP2_FRAME_HEAD;
	step->kind = reader->type == NGHTTP2_PUSH_PROMISE ? HTTP2_PROMISE : HTTP2_MESSAGE;
	step->end_stream =
		reader->flags & NGHTTP2_FLAG_END_STREAM && reader->type == NGHTTP2_HEADERS;
	reader->seen = 0;
	reader->block_size = reader->list_size = 0;
	reader->in_block = true;
}

/* Copies VALUE, cut where it does not fit. */
static void keep_value(char *to, size_t room, struct bytes value)
{
	size_t size = value.size < room ? value.size : room - 1;

	memcpy(to, value.data, size);
	to[size] = '\0';
}

/* A number of digits only; false: it is none. */
static bool read_number(struct bytes value, uint64_t *ret)
{
	uint64_t number = 0;

	if (!value.size || value.size > 18)
		return false;
	for (size_t i = 0; i < value.size; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return false;
		number = number * 10 + (value.data[i] - '0');
	}
	*ret = number;
	return true;
}

static unsigned int pseudo_field(struct bytes name)
{
	return bytes_equal(name, bytes_of(":method"))	   ? SEEN_METHOD
	       : bytes_equal(name, bytes_of(":path"))	   ? SEEN_PATH
	       : bytes_equal(name, bytes_of(":status"))	   ? SEEN_STATUS
	       : bytes_equal(name, bytes_of(":scheme"))	   ? SEEN_SCHEME
	       : bytes_equal(name, bytes_of(":authority")) ? SEEN_AUTHORITY
							   : 0;
}

static void take_path(struct http2_seen *step, struct bytes value)
{
	struct http1_head *head = &step->head;

	head->target_truncated = value.size > HTTP1_TARGET_MAX;
	head->target_size = head->target_truncated ? HTTP1_TARGET_MAX : value.size;
	memcpy(step->target, value.data, head->target_size);
	if (head->target_truncated)
		head->anomalies |= HTTP1_ANOMALY_OVERSIZED;
	if (!value.size || value.data[0] != '/')
		head->anomalies |= HTTP1_ANOMALY_ABSOLUTE_TARGET;
	for (size_t i = 0; i < value.size; i++)
		if ((unsigned char)value.data[i] <= ' ' || (unsigned char)value.data[i] >= 0x7f)
			head->anomalies |= HTTP1_ANOMALY_CONTROL_BYTES;
}

static void take_pseudo(struct http2_reader *reader, unsigned int field, struct bytes value)
{
	struct http1_head *head = &reader->step.head;
	uint64_t status;

	/* A server refuses these. What it acts on, if it does, is not known: the first one stands. */
	reader->seen |= SEEN_PSEUDO;
	if (!field || reader->seen & (field | SEEN_REGULAR)) {
		head->anomalies |= HTTP1_ANOMALY_DUPLICATE_HEADER | HTTP1_ANOMALY_DISPUTED;
		return;
	}
	reader->seen |= field;
	switch (field) {
	case SEEN_METHOD:
		keep_value(head->method, sizeof(head->method), value);
		head->verb = method_by_name(bytes_of(head->method));
		break;
	case SEEN_PATH:
		take_path(&reader->step, value);
		break;
	case SEEN_STATUS:
		if (read_number(value, &status) && status >= 100 && status <= 999)
			head->status = status;
		break;
	}
}

static void take_length(struct http1_head *head, struct bytes value)
{
	uint64_t length;
	bool sound = read_number(value, &length);

	if (!sound || (head->has_content_length && head->content_length != length)) {
		head->anomalies |= HTTP1_ANOMALY_DUPLICATE_LENGTH | HTTP1_ANOMALY_DISPUTED;
		return;
	}
	head->has_content_length = true;
	head->content_length = length;
}

static void take_grpc_status(struct http1_head *head, struct bytes value)
{
	uint64_t outcome;

	if (head->has_outcome || !read_number(value, &outcome) || outcome > INT32_MAX)
		return;
	head->has_outcome = true;
	head->outcome = (int)outcome;
}

static void take_field(struct http2_reader *reader, struct bytes name, struct bytes value)
{
	struct http1_head *head = &reader->step.head;

	/* A few bytes can name a large field of the table again and again. Servers act on no such head. */
	reader->list_size += name.size + value.size + 32;
	if (reader->list_size > HTTP1_HEAD_MAX) {
		head->anomalies |= HTTP1_ANOMALY_OVERSIZED;
		return;
	}
	if (name.size && name.data[0] == ':') {
		take_pseudo(reader, pseudo_field(name), value);
		return;
	}
	reader->seen |= SEEN_REGULAR;
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] >= 'A' && name.data[i] <= 'Z')
			head->anomalies |= HTTP1_ANOMALY_DISPUTED;
	if (bytes_equal(name, bytes_of("content-length")))
		take_length(head, value);
	else if (bytes_equal(name, bytes_of("content-type")) && !head->content_type[0])
		keep_value(head->content_type, sizeof(head->content_type), value);
	else if (bytes_equal(name, bytes_of("grpc-status")))
		take_grpc_status(head, value);
	else if (bytes_equal(name, bytes_of("containerd-namespace")) && !head->has_namespace) {
		head->has_namespace = true;
		keep_value(head->namespace, sizeof(head->namespace), value);
	} else if (bytes_equal(name, bytes_of("buildkit-controlapi-buildid")) && !head->build[0]) {
		keep_value(head->build, sizeof(head->build), value);
	} else if (!head->asked[0] && (bytes_equal(name, bytes_of("dir-name")) ||
				       bytes_equal(name, bytes_of("buildkit.ssh.id")))) {
		keep_value(head->asked, sizeof(head->asked), value);
	} else if (bytes_equal(name, bytes_of("user-agent")) && !head->user_agent[0])
		keep_value(head->user_agent, sizeof(head->user_agent), value);
}

/* Reads a piece of a header block; LAST: the block ends with it. */
static int inflate_block(struct http2_reader *reader, const char *data, size_t size, bool last)
{
	const uint8_t *from = (const uint8_t *)data;

	for (;;) {
		nghttp2_nv field;
		int flags = 0;
		ssize_t used =
			nghttp2_hd_inflate_hd2(reader->inflater, &field, &flags, from, size, last);

		if (used < 0)
			return -EPROTO;
		from += used;
		size -= used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			take_field(reader, (struct bytes){(char *)field.name, field.namelen},
				   (struct bytes){(char *)field.value, field.valuelen});
		else if (flags & NGHTTP2_HD_INFLATE_FINAL || !size)
			return 0;
	}
}

static enum http2_step close_block(struct http2_reader *reader)
{
	struct http2_seen *step = &reader->step;
	struct http1_head *head = &step->head;

	nghttp2_hd_inflate_end_headers(reader->inflater);
	reader->in_block = false;
	step->end = reader->position;
	if (!(reader->seen & SEEN_PSEUDO) && step->kind == HTTP2_MESSAGE)
		step->kind = HTTP2_TRAILER;
	if (step->kind == HTTP2_MESSAGE && reader->role == HTTP1_REQUEST &&
	    (reader->seen & (SEEN_METHOD | SEEN_PATH)) != (SEEN_METHOD | SEEN_PATH))
		head->anomalies |= HTTP1_ANOMALY_DISPUTED;
	if (head->verb == METHOD_OTHER || head->verb == METHOD_PRI)
		head->anomalies |= HTTP1_ANOMALY_UNKNOWN_METHOD;
	head->framing = step->end_stream	   ? HTTP1_BODY_NONE
			: head->has_content_length ? HTTP1_BODY_LENGTH
						   : HTTP1_BODY_CHUNKED;
	return HTTP2_HEAD;
}

/* --- frames ----------------------------------------------------------------------------------- */

static uint32_t read_big(const unsigned char *bytes, unsigned int size)
{
	uint32_t number = 0;

	for (unsigned int i = 0; i < size; i++)
		number = number << 8 | bytes[i];
	return number;
}

/* How many bytes stand before the header block. */
static unsigned int prefix_size(const struct http2_reader *reader)
{
	if (reader->type == NGHTTP2_HEADERS && reader->flags & NGHTTP2_FLAG_PRIORITY)
		return 5;
	return reader->type == NGHTTP2_PUSH_PROMISE ? 4 : 0;
}

static bool has_block(const struct http2_reader *reader)
{
	return reader->type == NGHTTP2_HEADERS || reader->type == NGHTTP2_CONTINUATION ||
	       reader->type == NGHTTP2_PUSH_PROMISE;
}

/* Where to go on once the padding's size is known. */
static void begin_payload(struct http2_reader *reader)
{
	reader->have = 0;
	if (reader->type == NGHTTP2_DATA)
		reader->state = STATE_BODY;
	else if (has_block(reader))
		reader->state = prefix_size(reader) ? STATE_PREFIX : STATE_BLOCK;
	else
		reader->state = STATE_SKIPPED;
}

static enum http2_step begin_frame(struct http2_reader *reader)
{
	struct http2_seen *step = &reader->step;
	uint32_t stream = read_big(reader->frame + 5, 4) & STREAM_MASK;
	bool continues;

	reader->left = read_big(reader->frame, 3);
	reader->type = reader->frame[3];
	reader->flags = reader->frame[4];
	reader->padding = 0;
	continues = reader->type == NGHTTP2_CONTINUATION;
	if (reader->in_block != continues || (continues && stream != step->stream))
		return http2_fail(reader, "HTTP/2: a header block is interrupted");
	if (!stream && (reader->type == NGHTTP2_DATA || has_block(reader)))
		return http2_fail(reader, "HTTP/2: a message without a stream");
	step->stream = stream;
	if (has_block(reader) && !continues)
		begin_block(reader);
	if (!has_block(reader)) {
		step->begin = reader->position - HTTP2_FRAME_HEAD;
		step->end_stream =
			reader->type == NGHTTP2_DATA && reader->flags & NGHTTP2_FLAG_END_STREAM;
	}
	reader->have = 0;
	if (reader->flags & NGHTTP2_FLAG_PADDED &&
	    (reader->type == NGHTTP2_DATA || (has_block(reader) && !continues)))
		reader->state = STATE_PADDING;
	else
		begin_payload(reader);
	return HTTP2_MORE;
}

static enum http2_step end_frame(struct http2_reader *reader)
{
	reader->have = 0;
	reader->state = STATE_FRAME;
	reader->step.end = reader->position;
	if (has_block(reader))
		return reader->flags & NGHTTP2_FLAG_END_HEADERS ? close_block(reader) : HTTP2_MORE;
	if (reader->type == NGHTTP2_RST_STREAM)
		return HTTP2_RESET;
	return reader->type == NGHTTP2_DATA ? HTTP2_FRAME : HTTP2_MORE;
}

/* What DATA has of the next WANTED bytes of the frame, from those that the reader has on. */
static size_t frame_part(const struct http2_reader *reader, size_t size, size_t wanted)
{
	size_t missing = wanted - reader->have;

	return size < missing ? size : missing;
}

/* The bytes of the payload before its padding. */
static uint32_t content_left(const struct http2_reader *reader)
{
	return reader->left - reader->padding;
}

static enum http2_step read_padding(struct http2_reader *reader, const char *data)
{
	if (!reader->left)
		return http2_fail(reader, "HTTP/2: a padded frame without padding");
	reader->padding = (unsigned char)*data;
	reader->left--;
	if (reader->padding + prefix_size(reader) > reader->left)
		return http2_fail(reader, "HTTP/2: more padding than frame");
	begin_payload(reader);
	return HTTP2_MORE;
}

static enum http2_step read_block(struct http2_reader *reader, const char *data, size_t size)
{
	bool last = size == content_left(reader) && reader->flags & NGHTTP2_FLAG_END_HEADERS;

	if (inflate_block(reader, data, size, last))
		return http2_fail(reader, "HTTP/2: a header block that cannot be read");
	reader->left -= size;
	reader->block_size += size;
	return HTTP2_MORE;
}

/* Takes in SIZE bytes, at most what the state wants of DATA; *RET_USED says how many. */
static enum http2_step http2_take(struct http2_reader *reader, const char *data, size_t size,
				  size_t *ret_used)
{
	size_t used = 0;

	switch (reader->state) {
	case STATE_PREFACE:
		used = frame_part(reader, size, HTTP2_PREFACE_SIZE);
		if (memcmp(data, &HTTP2_PREFACE[reader->have], used))
			return http2_fail(reader, "HTTP/2: no preface");
		reader->have += used;
		break;
	case STATE_FRAME:
		used = frame_part(reader, size, HTTP2_FRAME_HEAD);
		memcpy(reader->frame + reader->have, data, used);
		reader->have += used;
		break;
	case STATE_PREFIX:
		used = frame_part(reader, size, prefix_size(reader));
		reader->have += used;
		reader->left -= used;
		break;
	case STATE_PADDING:
		used = 1;
		break;
	default:
		used = size < content_left(reader) ? size : content_left(reader);
		break;
	}
	reader->position += used;
	reader->step.end = reader->position;
	*ret_used = used;
	switch (reader->state) {
	case STATE_PREFACE:
		if (reader->have == HTTP2_PREFACE_SIZE) {
			reader->have = 0;
			reader->state = STATE_FRAME;
		}
		return HTTP2_MORE;
	case STATE_FRAME:
		return reader->have == HTTP2_FRAME_HEAD ? begin_frame(reader) : HTTP2_MORE;
	case STATE_PREFIX:
		if (reader->have == prefix_size(reader))
			reader->state = STATE_BLOCK;
		return HTTP2_MORE;
	case STATE_PADDING:
		return read_padding(reader, data);
	case STATE_BLOCK:
		return read_block(reader, data, used);
	case STATE_BODY:
		reader->left -= used;
		return HTTP2_BODY;
	default:
		reader->left -= used;
		return HTTP2_MORE;
	}
}

/* Whether the state is over without a further byte; moves on to the next one. */
static bool move_on(struct http2_reader *reader)
{
	switch (reader->state) {
	case STATE_PREFIX:
		if (content_left(reader) >= prefix_size(reader) - reader->have)
			return false;
		http2_fail(reader, "HTTP/2: a frame that is too short");
		return false;
	case STATE_BLOCK:
		/* A block may end with an empty frame. */
		if (content_left(reader))
			return false;
		if (reader->flags & NGHTTP2_FLAG_END_HEADERS &&
		    inflate_block(reader, "", 0, true)) {
			http2_fail(reader, "HTTP/2: a header block that cannot be read");
			return false;
		}
		break;
	case STATE_BODY:
		if (content_left(reader))
			return false;
		break;
	case STATE_SKIPPED:
		if (reader->left)
			return false;
		break;
	default:
		return false;
	}
	reader->state = reader->left ? STATE_SKIPPED : STATE_FRAME_END;
	reader->padding = 0;
	return true;
}

enum http2_step http2_next(struct http2_reader *reader, const char *data, size_t size,
			   size_t *ret_used, const char **ret_body, size_t *ret_body_size)
{
	*ret_used = 0;
	*ret_body = NULL;
	*ret_body_size = 0;
	for (;;) {
		enum http2_step step;
		size_t used = 0;

		while (move_on(reader))
			;
		if (reader->state == STATE_FAILED)
			return HTTP2_ERROR;
		if (reader->state == STATE_FRAME_END) {
			step = end_frame(reader);
			if (step != HTTP2_MORE)
				return step;
			continue;
		}
		if (*ret_used == size)
			return HTTP2_MORE;
		step = http2_take(reader, data + *ret_used, size - *ret_used, &used);
		*ret_used += used;
		if (step == HTTP2_BODY) {
			*ret_body = data + *ret_used - used;
			*ret_body_size = used;
		}
		if (step != HTTP2_MORE)
			return step;
	}
}

int http2_skip(struct http2_reader *reader, uint64_t size, uint32_t *ret_stream)
{
	bool body = reader->state == STATE_BODY;

	*ret_stream = body ? reader->step.stream : 0;
	if ((!body && reader->state != STATE_SKIPPED) || has_block(reader) || size > reader->left) {
		http2_fail(reader, "HTTP/2: bytes were not seen");
		return -ENODATA;
	}
	/* The padding comes last. */
	reader->position += size;
	reader->step.end = reader->position;
	reader->left -= size;
	if (reader->left < reader->padding)
		reader->padding = reader->left;
	return 0;
}

/* --- handing over ----------------------------------------------------------------------------- */

/* Adds an integer of HPACK behind the bits of FIRST, with a prefix of BITS bits (RFC 7541, 5.1). */
static void put_integer(struct text *out, unsigned char first, unsigned int bits, size_t number)
{
	size_t most = (1U << bits) - 1;

	if (number < most) {
		text_add_char(out, (char)(first | number));
		return;
	}
	text_add_char(out, (char)(first | most));
	for (number -= most; number > 127; number >>= 7)
		text_add_char(out, (char)(number | 128));
	text_add_char(out, (char)number);
}

static void put_field(struct text *out, const nghttp2_nv *field)
{
	put_integer(out, 0x40, 6, 0); /* into the table, by name */
	put_integer(out, 0, 7, field->namelen);
	text_add(out, (const char *)field->name, field->namelen);
	put_integer(out, 0, 7, field->valuelen);
	text_add(out, (const char *)field->value, field->valuelen);
}

#define STATIC_ENTRIES 61 /* of the table that all have */

/* A header block that makes the table of a new inflater that of READER: its size, then the fields, the oldest first. */
static bool put_table(const struct http2_reader *reader, struct callerd_handed_reader *ret)
{
	size_t count = nghttp2_hd_inflate_get_num_table_entries(reader->inflater);
	struct text block = {0};
	bool fits;

	text_grow(&block, sizeof(ret->table));
	put_integer(&block, 0x20, 5,
		    nghttp2_hd_inflate_get_max_dynamic_table_size(reader->inflater));
	for (size_t i = count; i > STATIC_ENTRIES; i--)
		put_field(&block, nghttp2_hd_inflate_get_table_entry(reader->inflater, i));
	fits = !block.error && block.size <= sizeof(ret->table);
	if (fits) {
		memcpy(ret->table, block.data, block.size);
		ret->table_size = (uint32_t)block.size;
	}
	if (block.data)
		explicit_bzero(block.data, block.capacity);
	text_free(&block);
	return fits;
}

bool http2_give(const struct http2_reader *reader, struct callerd_handed_reader *ret)
{
	if (reader->in_block || (reader->state != STATE_PREFACE && reader->state != STATE_FRAME &&
				 reader->state != STATE_BODY && reader->state != STATE_SKIPPED))
		return false;
	*ret = (struct callerd_handed_reader){
		.position = reader->position,
		.begin = reader->step.begin,
		.state = reader->state,
		.have = reader->have,
		.left = reader->left,
		.padding = reader->padding,
	};
	memcpy(ret->frame, reader->frame, sizeof(reader->frame));
	return put_table(reader, ret);
}

static bool is_sound(enum http1_role role, const struct callerd_handed_reader *handed)
{
	switch (handed->state) {
	case STATE_PREFACE:
		return role == HTTP1_REQUEST && handed->have < HTTP2_PREFACE_SIZE;
	case STATE_FRAME:
		return handed->have < HTTP2_FRAME_HEAD;
	case STATE_BODY:
	case STATE_SKIPPED:
		return handed->left < 1U << 24 && handed->padding <= handed->left &&
		       (handed->state == STATE_SKIPPED || handed->frame[3] == NGHTTP2_DATA);
	default:
		return false;
	}
}

/* Reads the block that makes the header table; what it says of fields is none of a message. */
static bool take_table(struct http2_reader *reader, const struct callerd_handed_reader *handed)
{
	const uint8_t *from = handed->table;
	size_t left = handed->table_size;

	if (left > sizeof(handed->table))
		return false;
	for (;;) {
		nghttp2_nv field;
		int flags = 0;
		ssize_t used =
			nghttp2_hd_inflate_hd2(reader->inflater, &field, &flags, from, left, true);

		if (used < 0)
			return false;
		from += used;
		left -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_FINAL)
			break;
		if (!left && !(flags & NGHTTP2_HD_INFLATE_EMIT))
			break;
	}
	nghttp2_hd_inflate_end_headers(reader->inflater);
	return true;
}

struct http2_reader *http2_take_up(enum http1_role role, const struct callerd_handed_reader *handed)
{
	struct http2_reader *reader =
		is_sound(role, handed) ? http2_new(role, handed->position) : NULL;

	if (!reader)
		return NULL;
	if (!take_table(reader, handed)) {
		http2_free(reader);
		return NULL;
	}
	reader->state = handed->state;
	reader->have = handed->have;
	memcpy(reader->frame, handed->frame, sizeof(reader->frame));
	reader->type = reader->frame[3];
	reader->flags = reader->frame[4];
	reader->left = handed->left;
	reader->padding = handed->padding;
	reader->step.begin = handed->begin;
	reader->step.stream = read_big(reader->frame + 5, 4) & STREAM_MASK;
	reader->step.end_stream =
		reader->type == NGHTTP2_DATA && reader->flags & NGHTTP2_FLAG_END_STREAM;
	return reader;
}

/* Whether a frame of TYPE with LENGTH bytes may be on STREAM. */
static bool is_likely_frame(uint8_t type, uint32_t length, uint32_t stream)
{
	switch (type) {
	case NGHTTP2_DATA:
	case NGHTTP2_HEADERS:
	case NGHTTP2_CONTINUATION:
		return stream & 1 && length <= HTTP2_TABLE_MAX;
	case NGHTTP2_PRIORITY:
		return stream & 1 && length == 5;
	case NGHTTP2_RST_STREAM:
		return stream & 1 && length == 4;
	case NGHTTP2_SETTINGS:
		return !stream && length <= 60 && !(length % 6);
	case NGHTTP2_PING:
		return !stream && length == 8;
	case NGHTTP2_GOAWAY:
		return !stream && length >= 8 && length <= 1024;
	case NGHTTP2_WINDOW_UPDATE:
		return length == 4;
	default:
		return false;
	}
}

/* Whether a server writes such a frame, which sets no flags but those that there are. A client may set any. */
static bool is_likely_of_server(uint8_t type, uint8_t flags, uint32_t length)
{
	switch (type) {
	case NGHTTP2_DATA:
		/* Docker's raw streams: 0 to 3, three zeros, and four bytes of size before each piece. */
		if (!(length & 0xffff) && (length || !(flags & NGHTTP2_FLAG_END_STREAM)))
			return false;
		return !(flags & ~(NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_PADDED));
	case NGHTTP2_HEADERS:
		return !(flags & ~(NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_END_HEADERS |
				   NGHTTP2_FLAG_PADDED | NGHTTP2_FLAG_PRIORITY));
	case NGHTTP2_CONTINUATION:
		return !(flags & ~NGHTTP2_FLAG_END_HEADERS);
	case NGHTTP2_SETTINGS:
	case NGHTTP2_PING:
		return !(flags & ~NGHTTP2_FLAG_ACK);
	default:
		return !flags;
	}
}

bool http2_looks_like_frames(enum http1_role role, const char *data, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)data;
	size_t at = 0;

	do {
		uint32_t length;

		if (size - at < HTTP2_FRAME_HEAD)
			return at;
		length = read_big(bytes + at, 3);
		if (!is_likely_frame(bytes[at + 3], length, read_big(bytes + at + 5, 4)))
			return false;
		if (role == HTTP1_RESPONSE &&
		    !is_likely_of_server(bytes[at + 3], bytes[at + 4], length))
			return false;
		at += HTTP2_FRAME_HEAD + length;
	} while (at < size);
	return true;
}
