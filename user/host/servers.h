/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who serves each watched socket. Whoever can write to its directory can put another listener there; the kernel
 * tells at each connect who called listen(), and what that is, is looked up when it is another process than before.
 *
 * The first one is taken for the usual one. Another process of the same user, executable and unit is a restart.
 */
#ifndef CALLERD_SERVERS_H
#define CALLERD_SERVERS_H

#include "host/programs.h"
#include "process/kernel_event.h"
#include "record/record.h"

struct servers;

/* PROGRAMS outlives it. 0 or -ENOMEM. Free with servers_free(). */
int servers_new(struct programs *programs, struct servers **ret);
void servers_free(struct servers *servers);

/* The server of SOCKET at a connect. Returns what is to be told of it where it is another process than at the one
 * before, else NULL; valid until the next call. */
const struct record_server *servers_note(struct servers *servers, struct capture *capture,
					 unsigned int socket, uint32_t pid, uint32_t uid,
					 uint64_t start, uint64_t now);

/* Takes who listens at PATH, which is SOCKET, for its usual server, unless one is known. Connects to it for that:
 * the kernel tells who it is. */
void servers_ask(struct servers *servers, struct capture *capture, unsigned int socket,
		 const char *path);

/* What is to be said of each request to SOCKET: its present server is not the usual one. NULL: it is. */
const struct record_server *servers_differ(const struct servers *servers, unsigned int socket);

#endif
