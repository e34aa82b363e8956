/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of Docker are told of engines: ~/.docker/config.json, ~/.docker/contexts/meta/ID/meta.json. */
#ifndef CALLERD_ACCESS_CONTEXT_H
#define CALLERD_ACCESS_CONTEXT_H

#include <stdbool.h>

#include "base/bytes.h"

struct access_context {
	char name[80];
	char host
		[160]; /* unix:///run/docker.sock, tcp://…, ssh://…: without a password; empty: none */
};

/* Reads a meta.json. False: it is none. */
bool access_context_read(struct bytes json, struct access_context *ret);

/* The context that a config.json makes the current one, in RET of SIZE bytes; empty: none. */
void access_context_current(struct bytes json, char *ret, size_t size);

#endif
