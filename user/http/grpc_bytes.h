/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a connection within a call of gRPC: BuildKit's BytesMessage, each of which has the next ones in its first field. */
#ifndef CALLERD_GRPC_BYTES_H
#define CALLERD_GRPC_BYTES_H

#include "base/protobuf.h"
#include "http/grpc.h"

struct grpc_bytes {
	struct grpc_messages framing;
	bool failed;
	struct protobuf_user user;
	struct protobuf protobuf;
};

/* BYTES stays where it is; nothing of it is to be freed. TAKE gets DATA and the next bytes. */
void grpc_bytes_begin(struct grpc_bytes *bytes,
		      void (*take)(void *data, int id, struct bytes piece), void *data);

/* A piece of the call's direction, in any size. 0; -EPROTO from the first byte on that is none of such a message. */
int grpc_bytes_feed(struct grpc_bytes *bytes, struct bytes piece);

#endif
