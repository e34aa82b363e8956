/* SPDX-License-Identifier: Apache-2.0 */
/* Variables that lead clients to an engine, where the files that set the environment of people assign them: profiles of shells, environment(5)
 * and environment.d(5), systemd's DefaultEnvironment=. No file is run: what is not written out is said to be so. */
#ifndef CALLERD_ACCESS_PROFILE_H
#define CALLERD_ACCESS_PROFILE_H

#include <stdbool.h>

#include "base/bytes.h"

enum access_profile_form {
	PROFILE_SHELL,	     /* a program: whether an assignment is come to is not known */
	PROFILE_ENVIRONMENT, /* NAME=VALUE lines */
	PROFILE_SYSTEMD,     /* DefaultEnvironment= of system.conf and user.conf */
};

struct access_profile {
	const char *name; /* DOCKER_HOST, DOCKER_CONTEXT, CONTAINER_HOST */
	char value[160];  /* without a password */
	bool literal;	  /* it is written out */
};

/* Gives TAKE each assignment of such a variable in FILE, in its order. */
void access_profile_read(struct bytes file, enum access_profile_form form, void *data,
			 void (*take)(void *data, const struct access_profile *assigned));

#endif
