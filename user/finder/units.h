/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where systemd listens for an engine: ListenStream= of docker.socket and podman.socket, with their
 * drop-ins, as the files are now.
 */
#ifndef CALLERD_UNITS_H
#define CALLERD_UNITS_H

#include <stdbool.h>

#include "base/bytes.h"

#define UNITS_STREAMS_MAX 16
#define UNITS_STREAM_SIZE 128

struct units_streams {
	char list[UNITS_STREAMS_MAX][UNITS_STREAM_SIZE]; /* "/run/docker.sock", "2375" */
	unsigned int count;
	bool cut; /* there are more, or one that is too long */
};

/* Reads the streams of UNIT, "docker.socket", below ROOT, "" or another directory. */
void units_read(const char *root, const char *unit, struct units_streams *ret);

/* Takes what the TEXT of a unit or a drop-in says: it adds to RET, and an empty value empties it. */
void units_take(struct units_streams *ret, struct bytes text);

/* Whether one of them is PATH, or the TCP port PORT. */
bool units_have_path(const struct units_streams *streams, const char *path);
bool units_have_port(const struct units_streams *streams, unsigned int port);

#endif
