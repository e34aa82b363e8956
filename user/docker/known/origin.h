/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things come from: the request that an engine's events go back to, as it is remembered when it is long
 * over, and what came of it.
 */
#ifndef CALLERD_ORIGIN_H
#define CALLERD_ORIGIN_H

#include "docker/known/inventory.h"
#include "process/caller.h"
#include "record/cause_kind.h"
#include "record/engine_action.h"
#include "record/operation.h"
#include "record/record.h"

/* A request and its caller. Never changes. data NULL, NULL, 0: unknown. */
struct origin {
	unsigned int references;
	struct caller *caller; /* a reference of its own */
	uint64_t time;	       /* ns of CLOCK_REALTIME: when the engine read its first byte */
	enum operation operation;
	struct bytes event_id;			      /* of its api-request */
	struct bytes socket;			      /* the engine's, as it is watched */
	struct bytes container_name, container_image; /* that the caller runs in */
	struct bytes expected_rule;		      /* the name of the rule that expected it */
	/* Who is behind the caller, which is of an exec in a container: whoever began that exec, or is behind him; and the event_id of
	 * that. NULL: not known, or nobody. A reference of its own. */
	struct caller *behind;
	struct bytes behind_id;
	/* Who asked the caller for it, where that is a relay; its caller is a reference of its own. */
	struct record_relayed relayed;
	unsigned int finding_count;
	struct finding findings[]; /* the gravest first, at most INVENTORY_FINDINGS_MAX */
};

/* A copy of DRAFT with FINDINGS, COUNT of them, and references to its callers; its own references and
 * findings are not looked at. NULL where there is no memory. Give it back with origin_unref(). */
struct origin *origin_new(const struct origin *draft, const struct finding *findings,
			  unsigned int count);

/* Takes another reference; returns ORIGIN, which may be NULL. */
struct origin *origin_ref(struct origin *origin);

/* Gives a reference back; the last one frees it. NULL is fine. Returns NULL. */
struct origin *origin_unref(struct origin *origin);

/* Whether both are the same request. */
static inline bool origin_equal(const struct origin *a, const struct origin *b)
{
	return a == b || (a && b && a->event_id.size && bytes_equal(a->event_id, b->event_id));
}

/* One step in the life of a container. */
struct deed {
	enum engine_action action;
	struct bytes command; /* of an exec; without secrets */
	struct bytes exec_id; /* of an exec */
	bool has_exit_code;
	int64_t exit_code;
	uint64_t time; /* ns of CLOCK_REALTIME, by the engine's clock */
	enum cause_kind kind;
	enum cause_basis basis;
	enum cause_reason reason;
	struct origin *origin; /* NULL: none is known */
};

/* The requests that a container's later events are attributed to. */
struct owned {
	struct bytes id;	/* 64 hex digits */
	struct bytes name;	/* without the slash */
	struct bytes image;	/* as its creator asked for it */
	struct origin *creator; /* of its last "create"; NULL: unknown */
	struct origin *starter; /* of its last "start" by a request; NULL: unknown */
	enum cause_basis creator_basis, starter_basis;
	bool starter_known; /* false: after that, somebody unknown started it */
	uint64_t created, started,
		died;	     /* ns of CLOCK_REALTIME, of the last such event; 0: none known */
	unsigned int labels; /* enum engine_attribute bits that its labels imitate */
	bool labels_known;
	bool swarm;	/* the engine made it by itself, for a service */
	bool stopped;	/* it ended since somebody asked for it */
	bool witnessed; /* its creator's findings are all there were: struct inventory_container */
};

/* An exec whose process may live. */
struct owned_exec {
	struct bytes id;	   /* 64 hex digits */
	struct bytes container_id; /* the same */
	struct origin *starter;	   /* NULL: unknown */
	enum cause_basis starter_basis;
	bool health_check; /* the engine started it by itself */
	/* Its process: the one with this PID that began between the other two (ns of CLOCK_REALTIME). 0: not known. */
	uint32_t pid;
	uint64_t begun, alive;
};

/*
 * Who keeps it beyond our own life. Callbacks copy what they want; SOCKET is the index of the watched one. NULL
 * callbacks are not called.
 */
struct keeper {
	void *data;
	/* What is known of a container, anew. */
	void (*put)(void *data, unsigned int socket, const struct owned *owned);
	/* Something happened to the container ID, after put() of it. */
	void (*deed)(void *data, unsigned int socket, struct bytes id, const struct deed *deed);
	void (*put_exec)(void *data, unsigned int socket, const struct owned_exec *exec);
	void (*end_exec)(void *data, unsigned int socket, struct bytes id);
	/* It is no more; its story may be told for a while. */
	void (*remove)(void *data, unsigned int socket, struct bytes id, uint64_t time);
};

#endif
