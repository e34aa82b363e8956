/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the engines of this host as they come and go, has their sockets watched, and tells of each
 * door: where it is, how it was found, who listens there, what the engine says of itself; and which
 * doors callerd cannot watch.
 *
 * It looks again when a program of an engine was started or a socket begins to listen on TCP (the
 * kernel programs count that), when a name has changed in one of the directories where doors are,
 * and twice a minute. Each look, and each question to an engine, is made beside the loop.
 */
#ifndef CALLERD_FINDER_H
#define CALLERD_FINDER_H

#include "record/record.h"
#include "system/beside.h"

struct finder;

/* A port that an engine listens on. */
struct finder_port {
	const char *text; /* "127.0.0.1:2375" */
	uint32_t pid;	  /* who holds the listener */
	uint32_t owner;	  /* whose engine it is */
	enum engine_brand brand;
	bool tls;
	const char *socket; /* a socket of the same engine; NULL: none is known */
};

struct finder_options {
	const char *const *sockets; /* the paths that callerd was told of; NULL-terminated */
	bool ask;		    /* the engines may be asked what they are */
	struct beside *beside;
	void *data;
	/* Has the socket at PATH watched. OWNER: whose engine it is; that of another user than root is
	 * not to be asked for what it has. 0, or -ENOSPC. */
	int (*watch)(void *data, const char *path, uint32_t owner, enum engine_brand brand);
	/* The same of a port. 0 or -errno. */
	int (*watch_port)(void *data, const struct finder_port *port);
	/* The engine of OWNER that was watched at the port TEXT does not listen there any more. */
	void (*leave_port)(void *data, const char *text, uint32_t owner);
	/* A number that changes when an engine may have been started; never waits. */
	uint64_t (*started)(void *data);
	/* What the site makes of a finding. */
	enum finding_severity (*severity)(void *data, enum finding_id id,
					  enum finding_severity severity);
	void (*record)(void *data, struct record *record);
};

/* OPTIONS are copied; what they point to is kept by reference. 0 or -errno. Free with finder_free()
 * when no job runs any more. */
int finder_new(const struct finder_options *options, struct finder **ret);
void finder_free(struct finder *finder);

/* Looks again where there is a reason. To be called once a second. */
void finder_run(struct finder *finder, uint64_t now);

/* Whether the first look has ended. NULL is fine, here and below. */
bool finder_settled(const struct finder *finder);

/* Doors that were left out at the last look: there were too many, of one user or in all. */
unsigned int finder_left_out(const struct finder *finder);

#endif
