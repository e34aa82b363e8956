/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening socket of an engine, in the engine's own process. systemd may hold the same socket
 * (docker.socket): clients can then still connect after the engine has closed its descriptor, with
 * which each stop of an engine begins.
 *
 * The engine is found by its pid file beside the socket, as docker.pid is beside docker.sock.
 */
#ifndef CALLERD_LISTENER_H
#define CALLERD_LISTENER_H

#include <stdbool.h>

#define LISTENER_PID_FILE 108

struct listener {
	char pid_file[LISTENER_PID_FILE];
	int process; /* pidfd; -1: the engine, or its socket, is not known */
	int fd;	     /* number of the socket in the engine's process */
	bool closed; /* an engine that lived on closed the socket */
};

void listener_init(struct listener *listener);

/* Finds the engine of SOCKET, and SOCKET among that process's first descriptors. Called when the
 * engine answers. */
void listener_find(struct listener *listener, const char *socket);

/* Whether the engine closed the socket while it lived. A socket closed by its mere end does not
 * count. */
bool listener_is_closed(struct listener *listener);

/* Whether the engine removed its pid file, as it does at an orderly end. */
bool listener_has_signed_off(const struct listener *listener);

/* Whether the process PROCESS, a pidfd, listens at SOCKET, by one of its first descriptors. */
bool listener_serves(int process, const char *socket);

/* The process of the engine whose pid file lies beside SOCKET, as a pidfd; -1: there is none. */
int listener_process(const char *socket);

void listener_close(struct listener *listener);

#endif
