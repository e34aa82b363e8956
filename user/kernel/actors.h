/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Describes processes by their PID: those that live, and those that ended a moment ago. The kernel
 * programs describe both, in the form of a struct callerd_caller_event of the type
 * CALLERD_EVENT_ACTOR. PIDs are those of the initial PID namespace for processes that ended, of the
 * agent's own for processes that live.
 */
#ifndef CALLERD_ACTORS_H
#define CALLERD_ACTORS_H

#include <stdint.h>
#include <sys/types.h>

#include "callerd/event.h"

struct actors;
struct bpf_program;

/* DESCRIBE: the iterator "actor". QUEUE: the program "queue". DEPARTURES: the map's descriptor. All
 * are kept by reference. 0 or -errno. Free with actors_free(). */
int actors_new(struct bpf_program *describe, int queue, int departures,
	       struct callerd_control *control, struct actors **ret);

/* NULL is fine. */
void actors_free(struct actors *actors);

/* From now on the kernel programs keep processes that end: those with a capability, and those of
 * the COUNT users at OWNERS; at most CALLERD_GUARD_OWNERS_MAX count. */
void actors_guard(struct actors *actors, const uint32_t *owners, unsigned int count);

/* FDS: COUNT groups of fanotify (negative: none), at most CALLERD_GUARD_QUEUES. Processes that end are
 * kept only while an event waits in one of them, and between actors_begin() and actors_end(). */
void actors_guard_queues(struct actors *actors, const int *fds, unsigned int count);

/* The agent reads events from now on, and describes the processes that they name, until the end. */
void actors_begin(struct actors *actors);
void actors_end(struct actors *actors);

/* Describes the process PID that lives. 0, -ESRCH where there is none, or -errno. */
int actors_living(struct actors *actors, uint32_t pid, struct callerd_caller_event *ret);

/*
 * Describes the process PID that began at START (0: not known) and ended after SINCE; both in ns of
 * CLOCK_BOOTTIME.
 *
 * -ESRCH: no such process was kept, or the agent is in a PID namespace of its own, whose PIDs others
 * have as well.
 * -ENOTUNIQ: several processes with that PID ended since.
 * -EOVERFLOW: it may have been among those that are not kept any more.
 */
int actors_departed(struct actors *actors, uint32_t pid, uint64_t start, uint64_t since,
		    struct callerd_caller_event *ret);

#endif
