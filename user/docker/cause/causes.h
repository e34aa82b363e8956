/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says of each event of an engine who made it happen.
 *
 * An event has no requester. It is joined with the requests that the ledger has, by the ids of both: an event
 * belongs to a request that was under way when it happened, that can have it as its effect, and that names
 * or made the same thing. Time alone counts where there are no ids, where exactly one request fits, and where
 * none can have been missed. In doubt nobody is named.
 *
 * Events are held back, in the engine's order, until what they are joined with is there, but for no longer than
 * .wait; each is told once.
 */
#ifndef CALLERD_CAUSES_H
#define CALLERD_CAUSES_H

#include "docker/cause/ledger.h"
#include "record/record.h"

struct causes;

struct causes_options {
	unsigned int socket_count;  /* at most */
	const char *const *sockets; /* by index */
	struct inventory *const *inventories;
	const struct record_context *context;
	uint64_t wait; /* ns that an event waits for what it is joined with */
	struct keeper keeper;
	void *data;
	/* A docker-event. RECORD lives until it returns. */
	void (*record)(void *data, struct record *record);
	void *inspect_data;
	/* The engine knows more of this container: it is asked, if it can be. NULL: nobody to ask. */
	void (*inspect)(void *inspect_data, unsigned int socket, struct bytes container);
	/* The engine knows the process of this exec, or will: the same. */
	void (*inspect_exec)(void *inspect_data, unsigned int socket, struct bytes exec);
	/* Whether a container that the kernel tells for certain may be one of this engine's: others than root's have none of those.
	 * NULL: each. */
	bool (*names_containers)(void *inspect_data, unsigned int socket);
	/* Whether the engine stops: nobody can ask it for anything any more. NULL: that is not known. */
	bool (*stopping)(void *inspect_data, unsigned int socket);
};

struct causes_stats {
	uint64_t events;
	uint64_t kinds[CAUSE_KINDS];
	uint64_t late;	  /* told since they had waited for too long */
	uint64_t dropped; /* lost for want of memory */
	unsigned int waiting;
};

/* All that OPTIONS points to outlives it. NOW, here and below: ns of CLOCK_BOOTTIME. 0 or -ENOMEM. Free with
 * causes_free(). */
int causes_new(const struct causes_options *options, uint64_t now, struct causes **ret);

void causes_free(struct causes *causes);

/* Where requests are entered, for those who read them. */
struct ledger *causes_ledger(struct causes *causes);

/* The distance of the clocks as of now, more exact than the records' own: ns to add to the requests' clock for the
 * engines'. */
void causes_set_clock(struct causes *causes, int64_t boot_to_real);

/* What the engine is, and whether it belongs to a swarm. */
void causes_set_engine(struct causes *causes, unsigned int socket, enum engine_brand brand,
		       bool swarm);

/* The socket is one of the daemon's whose first socket is FIRST, perhaps itself. Not CERTAIN: it may turn out to be another one's,
 * and its events wait for that. To be called for all sockets, where there are several, or never. */
void causes_set_same(struct causes *causes, unsigned int socket, unsigned int first, bool certain);

/* The engine told EVENT. All requests that came before it must be entered before causes_run(). */
void causes_event(struct causes *causes, unsigned int socket, const struct engine_event *event,
		  uint64_t now);

/* Events may have been missed since SINCE (ns of CLOCK_REALTIME, 0: ever). What the engine tells about its
 * containers from here to causes_refreshed() is searched for what happened meanwhile. */
void causes_gap(struct causes *causes, unsigned int socket, uint64_t since);

/* The engine told about a container (shape_container_inspect). */
void causes_inspected(struct causes *causes, unsigned int socket, const struct value *inspect,
		      uint64_t now);

/* The engine told that the exec ID of CONTAINER runs as the process PID, as the host numbers it. It was asked at ASKED (ns of
 * CLOCK_BOOTTIME). */
void causes_exec_runs(struct causes *causes, unsigned int socket, struct bytes id,
		      struct bytes container, uint32_t pid, uint64_t asked);

/* Who is behind CALLER, a process in the container CONTAINER, as far as that is certain; of MAKER_EXEC to MAKER_BEHIND nothing
 * where CALLER is NULL. What *RET refers to lives until the next change. */
void causes_makers(struct causes *causes, struct bytes container, const struct caller *caller,
		   struct record_maker ret[RECORD_MAKERS]);

/* There is nothing to tell about this one any more: nobody waits for that. */
void causes_gone(struct causes *causes, unsigned int socket, struct bytes id);

/* It told about all that it has; COMPLETE: none was left out. */
void causes_refreshed(struct causes *causes, unsigned int socket, bool complete, uint64_t now);

/* Tells what can be told. */
void causes_run(struct causes *causes, uint64_t now);

/* Tells what the engines told as it stands: the end is near. What was only concluded, another life will see, too. */
void causes_close(struct causes *causes);

/* The time of the last event of an engine that was told (ns of CLOCK_REALTIME); 0: none was. */
uint64_t causes_position(const struct causes *causes, unsigned int socket);

/* Whether events wait. */
bool causes_waiting(const struct causes *causes);

/* Events of that socket up to POSITION (ns of CLOCK_REALTIME) were told in an earlier life. */
void causes_restore_position(struct causes *causes, unsigned int socket, uint64_t position);

/* What a keeper kept. 0 or -errno. */
int causes_restore(struct causes *causes, unsigned int socket, const struct owned *owned);
int causes_restore_exec(struct causes *causes, unsigned int socket, const struct owned_exec *exec);

void causes_stats(const struct causes *causes, struct causes_stats *ret);

#endif
