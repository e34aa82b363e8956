/* SPDX-License-Identifier: Apache-2.0 */
/* The files that engines keep at unusual places, for docker/host/host_paths.h. */
#ifndef CALLERD_PLACES_H
#define CALLERD_PLACES_H

#include "docker/host/host_paths.h"
#include "host/daemon.h"

struct places {
	struct host_place *list; /* ended by an entry without a path; NULL: empty */
	unsigned int count;
};

/* Frees the list and empties PLACES. A zeroed struct is empty. */
void places_clear(struct places *places);

/* Adds the unusual places of DAEMON, each once, and the paths that FILES resolves them to. Where
 * memory is short, some may be missing. */
void places_add(struct places *places, const struct daemon *daemon, const struct host_files *files);

#endif
