// SPDX-License-Identifier: Apache-2.0
#include "http/grpc.h"

#include <string.h>
#include <strings.h>

#define MEDIA_TYPE "application/grpc"

bool grpc_is(const char *content_type)
{
	size_t size = sizeof(MEDIA_TYPE) - 1;

	/* In other letters an engine refuses it. */
	return !strncasecmp(content_type, MEDIA_TYPE, size) &&
	       (!content_type[size] || content_type[size] == '+' || content_type[size] == ';');
}

void grpc_split(struct bytes path, struct bytes *ret_service, struct bytes *ret_method)
{
	const char *query = path.size ? memchr(path.data, '?', path.size) : NULL;
	const char *slash;

	if (query)
		path.size = (size_t)(query - path.data);
	if (path.size && *path.data == '/')
		path = bytes_from(path, 1);
	slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	*ret_service = path;
	*ret_method = (struct bytes){0};
	if (!slash)
		return;
	ret_service->size = (size_t)(slash - path.data);
	*ret_method = bytes_from(path, ret_service->size + 1);
}

/* In the order of their numbers. */
static const struct {
	const char *name;
	int http;
} statuses[] = {
	{"OK", 200},
	{"CANCELLED", 499},
	{"UNKNOWN", 500},
	{"INVALID_ARGUMENT", 400},
	{"DEADLINE_EXCEEDED", 504},
	{"NOT_FOUND", 404},
	{"ALREADY_EXISTS", 409},
	{"PERMISSION_DENIED", 403},
	{"RESOURCE_EXHAUSTED", 429},
	{"FAILED_PRECONDITION", 400},
	{"ABORTED", 409},
	{"OUT_OF_RANGE", 400},
	{"UNIMPLEMENTED", 501},
	{"INTERNAL", 500},
	{"UNAVAILABLE", 503},
	{"DATA_LOSS", 500},
	{"UNAUTHENTICATED", 401},
};

const char *grpc_status_name(int status)
{
	return status >= 0 && (size_t)status < COUNT(statuses) ? statuses[status].name : NULL;
}

int grpc_status_http(int status)
{
	return grpc_status_name(status) ? statuses[status].http : 500;
}

enum grpc_step grpc_next(struct grpc_messages *messages, struct bytes *data,
			 struct bytes *ret_piece)
{
	while (data->size && messages->have < GRPC_PREFIX_SIZE) {
		messages->prefix[messages->have++] = (unsigned char)*data->data;
		*data = bytes_from(*data, 1);
		if (messages->have < GRPC_PREFIX_SIZE)
			continue;
		messages->compressed = messages->prefix[0];
		messages->left = (uint32_t)messages->prefix[1] << 24 |
				 (uint32_t)messages->prefix[2] << 16 |
				 (uint32_t)messages->prefix[3] << 8 | messages->prefix[4];
		messages->count++;
		return GRPC_MESSAGE;
	}
	if (messages->have < GRPC_PREFIX_SIZE)
		return GRPC_MORE;
	if (!messages->left) {
		messages->have = 0;
		return GRPC_END;
	}
	if (!data->size)
		return GRPC_MORE;
	*ret_piece = *data;
	if (ret_piece->size > messages->left)
		ret_piece->size = messages->left;
	messages->left -= (uint32_t)ret_piece->size;
	*data = bytes_from(*data, ret_piece->size);
	return GRPC_PIECE;
}
