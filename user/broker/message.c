// SPDX-License-Identifier: Apache-2.0
#include "broker/message.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int message_send(int channel, const void *data, size_t size, const int *fds, unsigned int count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
	} control = {0};
	struct iovec part = {(void *)data, size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
	}
	do
		sent = sendmsg(channel, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

ssize_t message_receive(int channel, void *data, size_t size, int fds[MESSAGE_FDS])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
	} control;
	struct iovec part = {data, size};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *head;
	ssize_t got;

	for (int i = 0; i < MESSAGE_FDS; i++)
		fds[i] = -1;
	do
		got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(head),
		       head->cmsg_len - CMSG_LEN(0) < MESSAGE_FDS * sizeof(int)
			       ? head->cmsg_len - CMSG_LEN(0)
			       : MESSAGE_FDS * sizeof(int));
	return message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EMSGSIZE : got;
}

bool message_check(const struct message_request *request, size_t size, const char *paths[2])
{
	size_t at = 0;

	if (size < MESSAGE_HEAD || request->act >= ACTS)
		return false;
	size -= MESSAGE_HEAD;
	for (int i = 0; i < 2; i++) {
		size_t text = request->text_sizes[i];

		paths[i] = NULL;
		if (!text)
			continue;
		if (text > PATH_MAX || text > size - at ||
		    strnlen(request->text + at, text) != text - 1)
			return false;
		paths[i] = request->text + at;
		at += text;
	}
	return at == size;
}
