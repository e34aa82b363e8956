/* SPDX-License-Identifier: Apache-2.0 */
/* What engines keep elsewhere than usual, for docker/host/host_paths.h. */
#ifndef CALLERD_PLACES_H
#define CALLERD_PLACES_H

#include "docker/host/host_paths.h"
#include "host/daemon.h"

struct places {
	struct host_place *list; /* ended by one without a path; NULL: none */
	unsigned int count;
};

/* Frees all; zeros are an empty one. */
void places_clear(struct places *places);

/* Adds those of DAEMON, and where they lead by FILES, each once. For want of memory some may be missing. */
void places_add(struct places *places, const struct daemon *daemon, const struct host_files *files);

#endif
