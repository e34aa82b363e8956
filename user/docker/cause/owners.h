/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The users whom the containers and execs of one engine go back to, and the state of each, as the engine's events tell.
 * Bounded: of too many containers the one that was met first is dropped. Execs that ended are kept for a while, as what their
 * processes did may be told later.
 */
#ifndef CALLERD_OWNERS_H
#define CALLERD_OWNERS_H

#include "base/idtree.h"
#include "base/table.h"
#include "docker/cause/engine_event.h"
#include "docker/known/origin.h"
#include "json/body.h"

#define OWNERS_MAX 65536
#define OWNERS_EXECS_MAX 16384
#define OWNERS_ENDED_MAX 256 /* execs */

/* The last known state of a container. */
enum owner_state { OWNER_UNKNOWN, OWNER_CREATED, OWNER_RUNNING, OWNER_ENDED };

/* The user who did something: the first request of that user. */
struct culprit {
	struct origin *origin; /* NULL: nobody, or several */
	bool several;	       /* several users did it, or an unknown one */
	enum cause_basis basis;
};

struct owner {
	UT_hash_handle hh;
	char id[ID_DIGITS];
	char *name, *image; /* owned; NULL: unknown */
	struct origin *creator, *starter;
	bool starter_known; /* struct owned has it */
	bool stopped; /* it ended since somebody asked for it: no policy starts it again by itself */
	enum owner_state state;
	uint64_t created, started, died; /* ns of CLOCK_REALTIME, of the last such event; 0: none */
	unsigned int labels;		 /* enum engine_attribute: those that it has labels for */
	bool labels_known;		 /* .labels has all of them */
	bool swarm;			 /* made by the engine, for a service */
	bool witnessed;			 /* its creator's findings are all there were */
	struct culprit killer;		 /* who sent it SIGKILL, since it was started */
	/* Who sent it another signal that may have ended it, since then. */
	struct culprit signaller;
	uint64_t signalled_at;	/* ns of CLOCK_REALTIME: the last such one; 0: none */
	bool signalled;		/* it was sent any signal */
	struct culprit limiter; /* who changed its memory limits last */
	bool out_of_memory;	/* it ran out of memory since it was started */
	struct origin *ender;	/* who ended it; NULL: not known */
	enum cause_basis ender_basis;
	bool stopped_by_engine; /* it was sent a signal by the engine that stops, since it was started */
	bool failed;		/* it ended with an exit code other than 0 */
	bool reconnected;	/* to a network, or a volume of it mounted, since it ended */
	bool calls; /* a process in it called an engine: its execs are looked at more closely */
	unsigned int looked_into; /* volumes that were mounted once more while it runs */
	/* What .creator and .starter rest on. */
	enum cause_basis creator_basis, starter_basis;
	unsigned int generation; /* of the last look at all containers in which it was seen */
	/* As inspect tells. */
	bool gone; /* the engine does not know it any more */
	bool inspected, restarts, restarts_always, auto_remove, running;
	bool volumes_known;
	char *volumes; /* their names, each ended by a NUL, owned; NULL: it has none */
	size_t volumes_size;
	uint64_t health_hash; /* engine_event_command_hash() of its health check; 0: none */
	uint64_t made_at, started_at, finished_at; /* ns of CLOCK_REALTIME; 0: never */
	int64_t exit_code;
};

/* Times are ns of CLOCK_BOOTTIME; 0: not known. */
struct owner_exec {
	UT_hash_handle hh, of_pid;
	char id[ID_DIGITS], container[ID_DIGITS];
	struct origin *starter; /* NULL: unknown */
	enum cause_basis starter_basis;
	bool health_check;
	/* Its process, as the host numbers it: the one with this PID that began from .begun to .alive; 0: not known. */
	uint32_t pid;
	uint64_t begun; /* its start was told to have begun */
	uint64_t alive; /* the last time that it was seen to be there */
};

struct owners {
	struct owner *containers;
	struct owner_exec *execs, *ended;
	struct owner_exec *by_pid; /* of both */
};

void owners_clear(struct owners *owners);

/* NULL: not known. ID: 64 hex digits, else NULL as well. Valid until the next change. */
struct owner *owners_find(const struct owners *owners, struct bytes id);

/* The same; added if it is not there. NULL: it is no id, or there is no memory. */
struct owner *owners_get(struct owners *owners, struct bytes id);
void owners_remove(struct owners *owners, struct owner *owner);

struct owner_exec *owners_find_exec(const struct owners *owners, struct bytes id);
struct owner_exec *owners_get_exec(struct owners *owners, struct bytes id);

/* EXEC, which owners_find_exec() found, ended: only owners_exec_of() finds it for a while. */
void owners_end_exec(struct owners *owners, struct owner_exec *exec);

/* The process of EXEC is PID, and was there at ALIVE. An exec that had this PID before has none any more. */
void owners_set_process(struct owners *owners, struct owner_exec *exec, uint32_t pid,
			uint64_t alive);

/* The exec in the container CONTAINER whose process is the one of this PID and START (ns of CLOCK_BOOTTIME); NULL: none is known. */
struct owner_exec *owners_exec_of(const struct owners *owners, struct bytes container, uint32_t pid,
				  uint64_t start);

/* Copies; data NULL leaves what there was. */
void owner_set_name(struct owner *owner, struct bytes name);
void owner_set_image(struct owner *owner, struct bytes image);

/* Take a reference of their own; ORIGIN may be NULL. */
void owner_set_creator(struct owner *owner, struct origin *origin, enum cause_basis basis);
void owner_set_starter(struct owner *owner, struct origin *origin, enum cause_basis basis,
		       bool known);
void owner_set_ender(struct owner *owner, struct origin *origin, enum cause_basis basis);
void owner_culprit_add(struct culprit *culprit, struct origin *origin, enum cause_basis basis);
void owner_culprit_clear(struct culprit *culprit);

/* Whether the volume NAME is one of its, where they are known. */
bool owner_has_volume(const struct owner *owner, struct bytes name);

/* Takes in what inspect tells (shape_container_inspect). */
void owner_inspected(struct owner *owner, const struct value *inspect);

/* As a keeper wants it; refers to OWNER. */
struct owned owner_owned(const struct owner *owner);

/* Takes in what a keeper kept. */
void owner_restore(struct owner *owner, const struct owned *owned);

#endif
