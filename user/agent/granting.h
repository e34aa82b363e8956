/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration has the broker do: the broker reads it for itself, so that nobody else can grant anything. */
#ifndef CALLERD_GRANTING_H
#define CALLERD_GRANTING_H

#include "agent/options/options.h"
#include "broker/grants.h"

struct granting {
	int argc;
	char **argv;
	const struct options
		*options; /* as they were read at the start; NULL: they are read again */
};

/* DATA: a struct granting. Fills GRANTS. 0 or -errno. */
int granting_grant(void *data, struct grants *grants);

#endif
