/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks one engine, over its own socket, for its version, swarm, volumes, images and containers, and
 * for the details of each container, and keeps the answers in the inventory. Asks at the start,
 * after the engine was gone, and on request.
 *
 * Never blocks and never hurries: each engine_run() does a little, one request at a time on one
 * connection. While the engine does not answer, connects come at longer and longer intervals.
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
	const struct host_files *files; /* resolves the host paths of volumes; NULL: not resolved */
	void *data;
	/* Sets CONTAINER's findings and finding_count, and corrects its other fields, from INSPECT,
	 * which is of shape_container_inspect. Texts that it sets must stay until the next call. 0,
	 * or -errno: CONTAINER goes into the inventory as not inspected. NULL: the details of
	 * containers are never asked for. */
	int (*judge_container)(void *data, const struct value *inspect,
			       struct inventory_container *container);
	/* The engine runs, and has told where it keeps its files. May be NULL. */
	void (*introduced)(void *data);
	/* The engine has no container with this full id, or no longer. May be NULL. */
	void (*gone)(void *data, struct bytes id);
	/* The exec ID of CONTAINER ran as the process PID, by the engine's count, when it was asked, or later: ASKED is NOW of the
	 * engine_run() that asked. Told twice: the process may have begun behind the first question. May be NULL. */
	void (*exec_runs)(void *data, struct bytes id, struct bytes container, uint32_t pid,
			  uint64_t asked);
	/* A refresh ended, its inspections included. COMPLETE: the lists were complete, and each
	 * container on them was asked about. Not called for a refresh that a newer one replaced.
	 * May be NULL. */
	void (*refreshed)(void *data, bool complete);
};

struct engine_stats {
	uint64_t connects;
	uint64_t requests;
	uint64_t failures;  /* requests without a usable answer; a container's 404 does not count */
	uint64_t refreshes; /* completed */
	uint64_t inspected; /* containers */
	uint64_t gone;	    /* containers that did not exist any more when asked about */
	uint64_t overflows; /* containers that had no place in the queue */
	unsigned int listed;  /* containers in the last list */
	unsigned int waiting; /* containers that are still to be asked about */
	unsigned int api;     /* N of the API version 1.N in use; 0: not known */
	bool podman;	      /* by its last answer, the engine is Podman */
	bool swarm;	      /* by its last answer, the engine is in a swarm */
	int error; /* of the last connect, negative; 0: it came about, or none was tried yet */
	bool connected;
	bool dormant; /* see engine_seen() */
	bool listing; /* a refresh is asking for its lists */
};

/* Does nothing yet: the first engine_run() connects. OPTIONS's pointers must stay valid. 0, -ENOMEM
 * or -ENAMETOOLONG. Free with engine_free(). */
int engine_new(const struct engine_options *options, struct engine **ret);
void engine_free(struct engine *engine);

/* Asks the engine for all its lists again, soon. */
void engine_refresh(struct engine *engine);

/* Asks once, soon, for the details of the container KEY, an id or a name. */
void engine_inspect(struct engine *engine, struct bytes key);

/* Asks for the process of the exec ID, of 64 hex digits, until it is known, the exec ended, or a minute has passed. */
void engine_inspect_exec(struct engine *engine, struct bytes id);

/* To be called often while this returns true: it asks for execs at times of its own. */
bool engine_waits_for_execs(struct engine *engine, uint64_t now);

/* What the daemon calls itself, "" where that is not said or no such name (Podman's is another each time). NULL: the present
 * connection's engine has not told yet. */
const char *engine_id(const struct engine *engine);

/* When it told; and whether a connect after TIME found that nobody listens. */
uint64_t engine_told_at(const struct engine *engine);
bool engine_was_absent(const struct engine *engine, uint64_t time);

/* The PID of the process that the last connection led to; 0: not known. */
pid_t engine_peer(const struct engine *engine);

/* Whether the process that the last connection led to, however long ago, was another user's than root's. */
bool engine_is_of_user(const struct engine *engine);

/*
 * The caller saw the engine answer a request, so the engine runs. Cheap enough to be called often.
 *
 * Where systemd listens for the engine (docker.socket), a connect would start an engine that was
 * stopped. So once such an engine is gone, connects begin again only after engine_seen() or
 * engine_refresh().
 */
void engine_seen(struct engine *engine);

/* The descriptor to poll, and in *RET_EVENTS the events to poll for; -1: none, and calling
 * engine_run() once a second will do. */
int engine_fd(const struct engine *engine, short *ret_events);

/* Sends and reads without waiting, for a few milliseconds at most. NOW: nanoseconds of any clock
 * that never goes back. Called when engine_fd() is ready, and once a second. */
void engine_run(struct engine *engine, uint64_t now);

/* Where the engine keeps its files, by its last answer. Changes in engine_run(). */
const struct daemon *engine_places(const struct engine *engine);

void engine_stats(const struct engine *engine, struct engine_stats *ret);

#endif
