/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which variables of a process's environment are read: those by which systems of continuous integration (CI) and AI agents
 * name themselves and the job, and those that the site adds. The kernel programs keep these alone. What is in them is the
 * word of whoever executed the process.
 *
 * An environment below is a list of NAME=VALUE, each ended by a NUL; as getenv() does, of a name that is there twice the first
 * one counts.
 */
#ifndef CALLERD_ENVIRONMENT_H
#define CALLERD_ENVIRONMENT_H

#include <stdbool.h>

#include "base/text.h"

#define ENVIRONMENT_SITE_MAX 32 /* names that a site can add */
#define ENVIRONMENT_NAME_MAX 47 /* bytes of a name */

/* What of a job a system of CI says. */
enum environment_part {
	ENVIRONMENT_PIPELINE, /* of which it is: the run, where that has an id or a number */
	ENVIRONMENT_JOB,
	ENVIRONMENT_URL,
	ENVIRONMENT_ACTOR, /* who had it run */
	ENVIRONMENT_REPOSITORY,
	ENVIRONMENT_PARTS,
};

/* NULL: the site may add NAME; else why it may not. */
const char *environment_refuse_name(const char *name);

/* Adds a name, once each; before the first event is decoded. 0, -EINVAL (see above) or -E2BIG. */
int environment_add_name(const char *name);

/* No variable is read, from now on. */
void environment_read_none(void);

/* Takes both back. */
void environment_forget_site(void);

/* The name of this number, from 0 on; NULL: there are no more. */
const char *environment_name(unsigned int number);

/* Whether it is among them. */
bool environment_is_read(struct bytes name);

/* The name in "NAME=VALUE"; data NULL: there is none. */
struct bytes environment_name_of(struct bytes variable);

/* Whether what a variable says is said of the AI agents below, or of the job, if HAS_SYSTEM: its system is known. */
bool environment_is_told(struct bytes name, bool has_system);

/* The value of NAME; data NULL: it is not there, or empty. */
struct bytes environment_find(struct bytes environment, const char *name);

struct environment_system;

/* The system whose job it says that it is; NULL: none, or several, of which nobody knows which one runs within which. */
const struct environment_system *environment_find_system(struct bytes environment);
const char *environment_system_name(const struct environment_system *system);

/* The system's own name, where NAME is that of one; else NULL. */
const char *environment_system_of(const char *name);

/* Adds what the system says of PART. Nothing where it says nothing of it. */
void environment_add_part(struct text *out, const struct environment_system *system,
			  struct bytes environment, enum environment_part part);

/* Adds the names of the AI agents that it says it is of, each ended by a NUL. */
void environment_add_agents(struct text *out, struct bytes environment);

#endif
