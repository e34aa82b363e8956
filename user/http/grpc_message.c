// SPDX-License-Identifier: Apache-2.0
#include "http/grpc_message.h"

void grpc_message_begin(struct grpc_message *message, const struct protobuf_field *fields,
			struct protobuf_user user)
{
	message->user = user;
	message->fields = fields;
	protobuf_init(&message->protobuf, fields, &message->user);
}

void grpc_message_free(struct grpc_message *message)
{
	pool_free(&message->pool);
}

bool grpc_message_keep(struct grpc_message *message, struct bytes text, struct bytes *ret)
{
	*ret = (struct bytes){0};
	if (message->kept + text.size > GRPC_MESSAGE_KEPT_MAX)
		return false;
	message->kept += text.size;
	if (text.size)
		*ret = pool_copy(&message->pool, text);
	return true;
}

void grpc_message_feed(struct grpc_message *message, struct bytes data)
{
	enum grpc_step taken;
	struct bytes piece;

	while ((taken = grpc_next(&message->framing, &data, &piece)) != GRPC_MORE) {
		if (message->framing.count > 1 && !message->all) /* what goes on in a stream */
			continue;
		if (taken == GRPC_MESSAGE) {
			message->compressed |= message->framing.compressed;
			protobuf_init(&message->protobuf, message->fields, &message->user);
		} else if (taken == GRPC_PIECE && !message->compressed) {
			message->failed |= protobuf_feed(&message->protobuf, piece) != 0;
		} else if (taken == GRPC_END) {
			message->failed |= !protobuf_is_complete(&message->protobuf);
		}
	}
}

bool grpc_message_is_complete(const struct grpc_message *message)
{
	const struct grpc_messages *framing = &message->framing;

	return framing->count > 1 || (framing->count && framing->have < GRPC_PREFIX_SIZE);
}

const char *grpc_message_trouble(const struct grpc_message *message)
{
	if (message->compressed)
		return "it is compressed";
	if (message->failed)
		return "it is no message that callerd reads";
	if (message->pool.failed)
		return "there was no memory for it";
	if (message->cut)
		return "it has more than is kept";
	return NULL;
}
