/* SPDX-License-Identifier: Apache-2.0 */
/* What callerd and its broker send each other, over a socket that keeps messages apart. */
#ifndef CALLERD_MESSAGE_H
#define CALLERD_MESSAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "broker/broker.h"

enum message_act {
	ACT_CHANNEL, /* with a socket: another channel, served by a thread of its own */
	ACT_RELOAD,
	ACT_THREAD, /* answers with the thread that serves the channel */
	ACT_OPEN,   /* at, path, flags, mode, resolve; answers with a descriptor */
	ACT_LINK,   /* at, path; answers with a text */
	ACT_RENAME, /* at, path, path */
	ACT_UNLINK, /* at, path, flags */
	ACT_MKDIR,  /* path, mode */
	ACT_CHMOD,  /* a descriptor, mode */
	ACT_CHGRP,  /* a descriptor, mode: the group */
	ACT_MARK,   /* fanotify, a directory; flags, mask */
	ACT_WATCH,  /* inotify, a directory; mask; answers with the watch */
	ACT_SOCKET, /* a pidfd; number; answers with what it is */
	ACT_ENGINE, /* at, path; answers with a descriptor and the peer */
	ACT_PEER,   /* at, path; answers with the peer */
	ACT_OUTPUT, /* path; answers with a descriptor */
	ACT_DIGEST, /* a descriptor of an executable; answers with its digest */
	ACTS
};

#define MESSAGE_FDS 2

struct message_request {
	uint32_t act;
	uint32_t flags;
	uint32_t mode; /* or a group, or the number of a descriptor */
	uint32_t reserved;
	uint64_t mask;		/* or openat2()'s RESOLVE_* */
	uint32_t text_sizes[2]; /* with their NULs; 0: there is none */
	char text[2 * PATH_MAX];
};

#define MESSAGE_HEAD offsetof(struct message_request, text)

struct message_answer {
	int32_t error; /* errno, or 0 */
	uint32_t value;
	struct ucred peer;
	struct broker_socket socket;
	struct broker_digest digest;
	uint32_t text_size;
	char text[PATH_MAX];
};

/* Sends SIZE bytes with the COUNT descriptors at FDS. 0 or -errno. */
int message_send(int channel, const void *data, size_t size, const int *fds, unsigned int count);

/* Takes the next message, and what descriptors came with it: MESSAGE_FDS at most, -1 where there is none, which are the
 * caller's. Returns its size; 0: the other end is closed; or -errno. */
ssize_t message_receive(int channel, void *data, size_t size, int fds[MESSAGE_FDS]);

/* Whether SIZE bytes at REQUEST are one whose texts have the sizes and ends that it says. PATHS: become its texts; NULL where
 * there is none. */
bool message_check(const struct message_request *request, size_t size, const char *paths[2]);

#endif
