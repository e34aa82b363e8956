/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction of an HTTP/1 connection, read the way the daemon reads it: Go's net/http, not the RFC.
 * Whatever Go would act on is understood, whatever Go rejects is an error.
 *
 * Works on any split of the bytes, one at a time too, and keeps no more than this struct: no
 * allocation, no clock, no I/O.
 */
#ifndef CALLERD_HTTP1_H
#define CALLERD_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/method.h"

#define HTTP1_TARGET_MAX 8192		  /* bytes of the request target kept */
#define HTTP1_LINE_MAX 1024		  /* a longer line is read all the same, and flagged */
#define HTTP1_HEAD_MAX ((1 << 20) + 4096) /* Go's DefaultMaxHeaderBytes and its slop */

enum http1_role { HTTP1_REQUEST, HTTP1_RESPONSE };

enum http1_framing {
	HTTP1_BODY_NONE,
	HTTP1_BODY_LENGTH,
	HTTP1_BODY_CHUNKED,
	HTTP1_BODY_UNTIL_CLOSE, /* responses only */
};

/* Valid for Go, but odd: two parsers could read it differently. The bits of a body come as it does, so
 * look again at HTTP1_END. */
enum http1_anomaly {
	HTTP1_ANOMALY_BARE_LF = 1 << 0,
	HTTP1_ANOMALY_FOLDED_HEADER = 1 << 1,
	HTTP1_ANOMALY_LENGTH_AND_CHUNKED = 1 << 2,
	HTTP1_ANOMALY_DUPLICATE_LENGTH = 1 << 3,
	HTTP1_ANOMALY_DUPLICATE_HEADER = 1 << 4, /* of those below, where only one may stand */
	HTTP1_ANOMALY_UNKNOWN_METHOD = 1 << 5,
	HTTP1_ANOMALY_ABSOLUTE_TARGET = 1 << 6,
	HTTP1_ANOMALY_CHUNK_EXTENSION = 1 << 7,
	HTTP1_ANOMALY_TRAILER = 1 << 8,
	HTTP1_ANOMALY_CONTROL_BYTES = 1 << 9, /* in a value; in the target, bytes beyond ASCII */
	/* A line of more than HTTP1_LINE_MAX, or a target that was cut off. */
	HTTP1_ANOMALY_OVERSIZED = 1 << 10,
	/* Go's versions, or parsers, are known to differ; the message is read so that more happens. */
	HTTP1_ANOMALY_DISPUTED = 1 << 11,
};

struct http1_head {
	int version_minor;
	int status;	    /* responses */
	char method[32];    /* requests; NUL-terminated, truncated if longer */
	enum method verb;   /* the same */
	size_t target_size; /* of the kept bytes in http1_parser.target */
	bool target_truncated;
	bool has_content_length, chunked;
	uint64_t content_length;
	bool close; /* Connection: close, or HTTP/1.0 without keep-alive; Go reads no further message */
	bool upgrade; /* Connection: Upgrade and an Upgrade header */
	bool h2c;     /* that header names HTTP/2 */
	bool has_outcome;
	int outcome; /* of a call of gRPC, in HTTP/2: grpc-status */
	/* The same: containerd-namespace, the first one, as containerd takes it. NUL-terminated; longer than containerd's may be. */
	bool has_namespace;
	char namespace[128];
	bool expect_continue;
	char content_type[256], user_agent[512]; /* values; NUL-terminated, truncated if longer */
	char build[256]; /* the same of a call of BuildKit, in HTTP/2: which build it is of */
	char asked[256]; /* the same of what the engine asks a session for: a directory, a key */
	enum http1_framing framing;
	unsigned int anomalies; /* enum http1_anomaly bits */
};

enum http1_step {
	HTTP1_MORE, /* all was used; feed more */
	HTTP1_HEAD, /* the head is complete; see http1_parser.head */
	HTTP1_BODY, /* a piece of the body, its framing removed */
	HTTP1_END,  /* the message is complete; the next byte begins another one */
	HTTP1_ERROR, /* see http1_parser.error; stays so until http1_reset(). Before HTTP1_HEAD nothing
		      * was acted on; after it the daemon may have acted on what it had by then */
};

struct http1_parser {
	enum http1_role role;
	struct http1_head head;
	const char *error;	/* static text for a person */
	uint64_t message_bytes; /* consumed of this message so far, framing included */
	/* Of this message's body so far, framing excluded, skipped bytes included. */
	uint64_t body_bytes;
	char target[HTTP1_TARGET_MAX];
	/* A message came before this one, for which Go's limit of a head is another one. A user that takes a new parser
	 * for each message sets this. */
	bool followed;
	/* private from here */
	int state, kind;
	uint64_t remaining;	       /* of the body or of the chunk */
	uint64_t block_bytes;	       /* of the head or the trailer so far */
	uint64_t length, first_length; /* Content-Length, this and the first one */
	uint64_t digits, first_digits;
	unsigned int header_count;
	unsigned int line_size;	   /* of the header line so far, HTTP1_LINE_MAX at most */
	unsigned int seen;	   /* what the header said that is judged at its end */
	unsigned int kept;	   /* of the value in head.content_type or head.user_agent */
	unsigned int kept_trimmed; /* the same without the white space at its end */
	unsigned int version_major;
	unsigned int member; /* what the list's member is, if it is a single word */
	unsigned char phase, skipped, escape, token_size, words;
	bool after_post;	 /* and was a POST, or is unknown */
	bool stale;		 /* head is that of the message that ended */
	bool at_body;		 /* after HTTP1_HEAD, with nothing of the body seen */
	bool trailer;		 /* the lines are those of a trailer */
	bool cr;		 /* a CR is pending: part of the line's end, or data */
	bool in_header;		 /* a header line that may still be continued */
	bool value_started, gap; /* of the value: it has begun; white space may turn out inner */
	bool spaced, bad;	 /* of the token or number */
	char token[24];
};

/* Ready for the first byte of a message. */
void http1_init(struct http1_parser *parser, enum http1_role role);

/* Ready for the first byte of the next message; drops all state but the role and how the message
 * before ended, which Go heeds too. Needed after HTTP1_ERROR only. */
void http1_reset(struct http1_parser *parser);

/* Whether a byte of the current message was consumed. Line ends between messages are of none. */
bool http1_in_message(const struct http1_parser *parser);

/* Consumes up to SIZE bytes of DATA and stops at the next step; *RET_USED is how many it took. With
 * HTTP1_BODY, *RET_BODY and *RET_BODY_SIZE name the piece within DATA. May return a step
 * without using a byte (an HTTP1_END after a head without a body). */
enum http1_step http1_next(struct http1_parser *parser, const char *data, size_t size,
			   size_t *ret_used, const char **ret_body, size_t *ret_body_size);

/* After HTTP1_HEAD of a response: the request was of METHOD (the response to a HEAD has no body). */
void http1_response_to(struct http1_parser *parser, enum method method);

/* SIZE bytes went by unseen. 0 where the framing is still known (within a body of known
 * length, a chunk, or until close), -ENODATA where it is not: the parser is then in error. */
int http1_skip(struct http1_parser *parser, uint64_t size);

/* The stream ended. 0 where it may end here (between messages, or a body until close: *RET_END is
 * then true and the message complete), -EPIPE within a message. */
int http1_finish(struct http1_parser *parser, bool *ret_end);

#endif
