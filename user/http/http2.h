/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction of an HTTP/2 connection, read by somebody who only listens: frames, and the header blocks in them by
 * nghttp2's inflater. Heads come as those of HTTP/1 do.
 *
 * Works on any split of the bytes. Memory is bounded: the header table has at most HTTP2_TABLE_MAX bytes.
 */
#ifndef CALLERD_HTTP2_H
#define CALLERD_HTTP2_H

#include "callerd/event.h"
#include "http/http1.h"

#define HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define HTTP2_PREFACE_SIZE (sizeof(HTTP2_PREFACE) - 1)
#define HTTP2_TABLE_MAX 65536
#define HTTP2_FRAME_HEAD 9 /* bytes before the payload of each frame */

enum http2_step {
	HTTP2_MORE,  /* all was used; feed more */
	HTTP2_HEAD,  /* a header block is complete: see .head and .kind */
	HTTP2_BODY,  /* a piece of a body, its framing removed */
	HTTP2_FRAME, /* a frame of a stream ended, which was no header block; .end_stream is set */
	HTTP2_RESET, /* the stream was given up */
	HTTP2_ERROR, /* see .error; stays so */
};

enum http2_kind {
	HTTP2_MESSAGE, /* the head of a request or a response */
	HTTP2_TRAILER,
	HTTP2_PROMISE, /* of a response that nobody asked for */
};

struct http2_reader;

/* What the last step was about. */
struct http2_seen {
	uint32_t stream;
	enum http2_kind kind;
	bool end_stream;
	/* The frame, or the frames of the header block: stream offsets. */
	uint64_t begin, end;
	const char *error;	/* static text for a person */
	struct http1_head head; /* HTTP2_HEAD */
	char target[HTTP1_TARGET_MAX];
};

/* OFFSET: of the first byte, in its stream. NULL where there is no memory. Free with http2_free(). */
struct http2_reader *http2_new(enum http1_role role, uint64_t offset);

/* NULL is fine. */
void http2_free(struct http2_reader *reader);

const struct http2_seen *http2_seen(const struct http2_reader *reader);

/* As http1_next(): consumes up to SIZE bytes of DATA and stops at the next step. */
enum http2_step http2_next(struct http2_reader *reader, const char *data, size_t size,
			   size_t *ret_used, const char **ret_body, size_t *ret_body_size);

/* SIZE bytes went by unseen. 0 where they are within a body's frame, whose stream *RET_STREAM is; -ENODATA where the
 * framing is lost, or what the header table holds: the reader is then in error. */
int http2_skip(struct http2_reader *reader, uint64_t size, uint32_t *ret_stream);

/* Describes READER in RET, for another process to go on. False: within a header block, or where the header table is larger than there
 * is room for, it cannot be handed over. */
bool http2_give(const struct http2_reader *reader, struct callerd_handed_reader *ret);

/* A reader that goes on where HANDED was, which anybody may have written. NULL: it is not sound, or there is no memory. */
struct http2_reader *http2_take_up(enum http1_role role,
				   const struct callerd_handed_reader *handed);

/* The offset behind all frames that are complete: that of a request, if one begins here. */
uint64_t http2_pending(const struct http2_reader *reader);

/* Bytes of memory. */
size_t http2_memory(const struct http2_reader *reader);

/* Whether DATA looks like frames that a client sends (HTTP1_REQUEST), or a server: where the framing is not known, a sign that this is HTTP/2.
 * What Docker puts before each piece of a container's output, in a raw stream, does not look so. */
bool http2_looks_like_frames(enum http1_role role, const char *data, size_t size);

#endif
