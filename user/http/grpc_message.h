/* SPDX-License-Identifier: Apache-2.0 */
/* The first message of one direction of a call, read as it comes. What follows it in a stream is passed over, or read like it. */
#ifndef CALLERD_GRPC_MESSAGE_H
#define CALLERD_GRPC_MESSAGE_H

#include "base/pool.h"
#include "base/protobuf.h"
#include "http/grpc.h"

#define GRPC_MESSAGE_KEPT_MAX 65536 /* bytes */

struct grpc_message {
	struct pool pool; /* what its user keeps of it */
	size_t kept;	  /* bytes in it */
	bool cut;	  /* set by the user: not all was kept */
	bool all;	  /* the same: each message is like the first */
	/* The rest is of grpc_message.c. */
	struct grpc_messages framing;
	bool compressed, failed;
	struct protobuf_user user;
	const struct protobuf_field *fields;
	struct protobuf protobuf;
};

/* MESSAGE is zeroed, stays where it is, and is freed with grpc_message_free(). FIELDS outlive it. */
void grpc_message_begin(struct grpc_message *message, const struct protobuf_field *fields,
			struct protobuf_user user);
void grpc_message_free(struct grpc_message *message);

/* Sets *RET to a copy of TEXT that goes with MESSAGE, or to nothing. False: it has too much already. */
bool grpc_message_keep(struct grpc_message *message, struct bytes text, struct bytes *ret);

void grpc_message_feed(struct grpc_message *message, struct bytes data);

/* Whether all of it came. */
bool grpc_message_is_complete(const struct grpc_message *message);

/* Why it cannot be told whole; NULL: it can. */
const char *grpc_message_trouble(const struct grpc_message *message);

#endif
