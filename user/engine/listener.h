/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket at which an engine listens, as the engine itself has it. systemd may hold it as well (docker.socket): then
 * it is there for whoever connects when the engine has closed its own, which is how each of its stops begins.
 *
 * The engine is found by its pid file beside the socket, as docker.pid is beside docker.sock.
 */
#ifndef CALLERD_LISTENER_H
#define CALLERD_LISTENER_H

#include <stdbool.h>

struct listener {
	char pid_file[108];
	int process; /* pidfd; -1: the engine, or its socket, is not known */
	int fd;	     /* number of the engine's */
	bool closed; /* by an engine that lived on */
};

void listener_init(struct listener *listener);

/* The engine that listens at SOCKET answers: looks for its own descriptor, among the first ones. */
void listener_find(struct listener *listener, const char *socket);

/* Whether that engine closed it, and does not only end. */
bool listener_is_closed(struct listener *listener);

/* Whether that engine removed its pid file, as it does at an orderly end. */
bool listener_has_signed_off(const struct listener *listener);

void listener_close(struct listener *listener);

#endif
