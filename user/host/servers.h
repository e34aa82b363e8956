/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process serves each watched socket. A user who can write to its directory can put another
 * listener there. The kernel programs report at each connect which process called listen(); a
 * process other than at the connect before is looked up.
 *
 * The first server that is seen is taken for the usual one. Another process with the same user,
 * executable and unit is a restart.
 */
#ifndef CALLERD_SERVERS_H
#define CALLERD_SERVERS_H

#include "host/programs.h"
#include "process/kernel_event.h"
#include "record/record.h"

struct servers;

/* PROGRAMS is kept by reference. 0 or -ENOMEM. Free with servers_free(). */
int servers_new(struct programs *programs, struct servers **ret);
void servers_free(struct servers *servers);

/* Takes in the server of SOCKET at a connect. Returns its description where it is another process
 * than at the connect before, else NULL; valid until the next call. */
const struct record_server *servers_note(struct servers *servers, struct capture *capture,
					 unsigned int socket, uint32_t pid, uint32_t uid,
					 uint64_t start, uint64_t now);

/* Connects to PATH, which is SOCKET, and takes its listener for the usual server, unless one is
 * known already. */
void servers_ask(struct servers *servers, struct capture *capture, unsigned int socket,
		 const char *path);

/* Whether the process PID that began at START (ns of CLOCK_BOOTTIME) is root's, and serves SOCKET as its usual server, or in its
 * place after a restart. */
bool servers_has(const struct servers *servers, unsigned int socket, uint32_t pid, uint64_t start);

/* The present server of SOCKET if it differs from the usual one, for the record of each request;
 * else NULL. */
const struct record_server *servers_differ(const struct servers *servers, unsigned int socket);

#endif
