/* SPDX-License-Identifier: Apache-2.0 */
/* What gRPC puts around a call: its name, its outcome, and the five bytes before each message. */
#ifndef CALLERD_GRPC_H
#define CALLERD_GRPC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define GRPC_UNKNOWN (-1) /* the outcome of a call that is not over, or whose end was not seen */
#define GRPC_OK 0
#define GRPC_UNIMPLEMENTED 12
#define GRPC_PREFIX_SIZE 5

/* Whether a request of this media type is a call, as grpc-go decides it. */
bool grpc_is(const char *content_type);

/* The parts of a call's path, "/SERVICE/METHOD", without a query, which Go's HTTP server takes off. grpc-go before 1.79.3 takes it without the first slash, too. */
void grpc_split(struct bytes path, struct bytes *ret_service, struct bytes *ret_method);

/* "PERMISSION_DENIED"; NULL: there is none of that number. */
const char *grpc_status_name(int status);

/* The answer of HTTP that says the same. */
int grpc_status_http(int status);

/* The messages of one direction of a call. Zero is its beginning. */
struct grpc_messages {
	unsigned char prefix[GRPC_PREFIX_SIZE];
	unsigned int have; /* bytes of .prefix */
	uint32_t left;	   /* of the message */
	unsigned int count;
	bool compressed; /* the one at hand */
};

enum grpc_step {
	GRPC_MORE,    /* all was used */
	GRPC_MESSAGE, /* a message begins */
	GRPC_PIECE,   /* a piece of it */
	GRPC_END,     /* it is complete */
};

/* Uses up to all of *DATA, of which it takes that away, and stops at the next step. *RET_PIECE is that of GRPC_PIECE. */
enum grpc_step grpc_next(struct grpc_messages *messages, struct bytes *data,
			 struct bytes *ret_piece);

#endif
