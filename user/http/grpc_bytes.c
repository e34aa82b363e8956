// SPDX-License-Identifier: Apache-2.0
#include "http/grpc_bytes.h"

#include <errno.h>

static const struct protobuf_field fields[] = {{1, 1, .is_stream = true}, {0}};

void grpc_bytes_begin(struct grpc_bytes *bytes,
		      void (*take)(void *data, int id, struct bytes piece), void *data)
{
	*bytes = (struct grpc_bytes){.user = {.data = data, .piece = take}};
	protobuf_init(&bytes->protobuf, fields, &bytes->user);
}

int grpc_bytes_feed(struct grpc_bytes *bytes, struct bytes piece)
{
	enum grpc_step taken;
	struct bytes part;

	while (!bytes->failed && (taken = grpc_next(&bytes->framing, &piece, &part)) != GRPC_MORE) {
		if (taken == GRPC_MESSAGE) {
			bytes->failed = bytes->framing.compressed;
			protobuf_init(&bytes->protobuf, fields, &bytes->user);
		} else if (taken == GRPC_PIECE) {
			bytes->failed = protobuf_feed(&bytes->protobuf, part) != 0;
		} else {
			bytes->failed = !protobuf_is_complete(&bytes->protobuf);
		}
	}
	return bytes->failed ? -EPROTO : 0;
}
