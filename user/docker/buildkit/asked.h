/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the open calls of one build say, side by side. Clients ask for a build in two calls, Solve of Control and of LLBBridge, which have the
 * same attributes; the second one is what is built. The engine serves a call of LLBBridge only while that of Control goes on, so
 * each pair of calls is open at one time, and nothing needs to be remembered of those that are over.
 */
#ifndef CALLERD_ASKED_H
#define CALLERD_ASKED_H

#include "base/table.h"
#include "docker/buildkit/build.h"

#define ASKED_SUBJECTS 12 /* what is compared */

/* What one open call said. */
struct asked {
	struct asked *next; /* of the same build */
	struct asked_build *of;
	bool by_frontend; /* Solve of LLBBridge */
	bool silent; /* says nothing of attributes: some clients leave that to the other call */
	unsigned int values[ASKED_SUBJECTS]; /* hashes; 0: it says nothing */
	unsigned int differs; /* bit per subject: the other call says another thing */
};

/* Open builds, by their engine and reference. */
struct asked_build {
	char *key;
	struct asked *calls;
	UT_hash_handle hh;
};

/* Enters what BUILD says, a complete message of Solve, which is of the build REFERENCE of the engine of SOCKET. NULL: there is no
 * reference, or no memory. Free with asked_free(). */
struct asked *asked_new(struct asked_build **builds, unsigned int socket, struct bytes reference,
			bool by_frontend, const struct build *build);

/* NULL is fine. */
void asked_free(struct asked_build **builds, struct asked *asked);

/* What a difference is about. */
const char *asked_subject(unsigned int number);

#endif
