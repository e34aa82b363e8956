/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets that a process listens on, by its descriptors: what the kernel says, in whatever
 * network namespace, and not what the process was told or says of itself.
 */
#ifndef CALLERD_LISTENING_H
#define CALLERD_LISTENING_H

#include <stdbool.h>
#include <stdint.h>

#define LISTENING_MAX 32
#define LISTENING_SIZE 108

struct listening {
	bool tcp;
	unsigned int port; /* of TCP */
	char text
		[LISTENING_SIZE]; /* the path that it was bound to; "127.0.0.1:2375", "[::]:2375" */
};

/* Finds the sockets of PID, whose directory in /proc is PROCESS, among its first descriptors.
 * Returns their number, LISTENING_MAX at most, or -errno. */
int listening_find(uint32_t pid, int process, struct listening ret[LISTENING_MAX]);

enum listening_role {
	LISTENING_NOT,
	LISTENING_ACCEPTED, /* it has a connection that another process made to a listener */
	LISTENING_LISTENS,
};

/* What PID, whose directory in /proc is PROCESS, is to others, by its first sockets: enum listening_role, or -errno. */
int listening_role(uint32_t pid, int process);

#endif
