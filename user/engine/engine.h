/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks one engine, over its own socket, what it is and has: version, swarm, volumes, images, containers, and each
 * container in detail, into the inventory. At the start, after the engine was gone, and when asked to.
 *
 * Never blocks and never hurries: it does a little whenever engine_run() is called, one request at a time on
 * one connection. Where the engine does not answer, it waits longer and longer.
 */
#ifndef CALLERD_ENGINE_H
#define CALLERD_ENGINE_H

#include <stdint.h>

#include "docker/host/host_paths.h"
#include "docker/known/inventory.h"
#include "host/daemon.h"
#include "json/body.h"

struct engine;

struct engine_options {
	const char *socket; /* absolute path */
	struct inventory *inventory;
	const struct host_files *files; /* for the host paths of volumes; NULL: nobody to ask */
	void *data;
	/* Sets findings and finding_count of CONTAINER, and whatever else it knows better, from INSPECT, which
	 * is of shape_container_inspect; texts must stay until its next call. 0, or -errno: CONTAINER is then put
	 * as not inspected. NULL: containers are never asked about one by one. */
	int (*judge_container)(void *data, const struct value *inspect,
			       struct inventory_container *container);
	/* It runs, and was asked where it keeps its files. NULL: nobody wants to know. */
	void (*introduced)(void *data);
	/* There is no container of this full id (any more). NULL: nobody wants to know. */
	void (*gone)(void *data, struct bytes id);
	/* All that a refresh asks is through, its inspections included. COMPLETE: the lists told all there is, and
	 * each container on them was asked about. A refresh that another one overtook is not told. NULL: nobody
	 * wants to know. */
	void (*refreshed)(void *data, bool complete);
};

struct engine_stats {
	uint64_t connects;
	uint64_t requests;
	uint64_t
		failures; /* requests without an answer that could be used, 404 of a container aside */
	uint64_t refreshes;   /* completed */
	uint64_t inspected;   /* containers */
	uint64_t gone;	      /* containers that were no more when asked about */
	uint64_t overflows;   /* containers that had no place in the queue */
	unsigned int listed;  /* containers in the last list */
	unsigned int waiting; /* containers of which an answer is still to come */
	unsigned int api;     /* N of version 1.N that is spoken; 0: not known */
	bool podman;	      /* it is Podman, by its last word */
	bool swarm;	      /* it is a member of a swarm, by its last word */
	bool connected;
	bool dormant; /* see engine_seen() */
	bool listing; /* a refresh is under way, its inspections aside */
};

/* Does nothing yet: the first engine_run() connects. What OPTIONS points to has to stay. 0, -ENOMEM or
 * -ENAMETOOLONG. Free with engine_free(). */
int engine_new(const struct engine_options *options, struct engine **ret);
void engine_free(struct engine *engine);

/* Lists everything anew, soon. */
void engine_refresh(struct engine *engine);

/* Asks about the container KEY, an id or a name, soon, once. */
void engine_inspect(struct engine *engine, struct bytes key);

/*
 * The engine answered somebody, so it runs: for whoever sees that. Costs nothing.
 *
 * Where systemd listens for the engine (docker.socket), a connect would start an engine that was stopped. So
 * once such a one is gone, only engine_seen() and engine_refresh() make us try again.
 */
void engine_seen(struct engine *engine);

/* What to poll for, and in *RET_EVENTS for what; -1: nothing, and then engine_run() wants to be called once a
 * second. */
int engine_fd(const struct engine *engine, short *ret_events);

/* Does what can be done now, for a few milliseconds at most. NOW: nanoseconds of any clock that never goes
 * back. To be called when engine_fd() is ready, and once a second. */
void engine_run(struct engine *engine, uint64_t now);

/* Where it keeps its files, by its last word. Changes in engine_run(). */
const struct daemon *engine_places(const struct engine *engine);

void engine_stats(const struct engine *engine, struct engine_stats *ret);

#endif
