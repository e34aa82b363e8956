/* SPDX-License-Identifier: Apache-2.0 */
/* Which variables the kernel programs keep of environments: those that process/environment.h names. */
#ifndef CALLERD_VARIABLE_NAMES_H
#define CALLERD_VARIABLE_NAMES_H

#include <stdint.h>

#include "callerd/event.h"

uint32_t variable_names_count(void);

/* Tells the kernel programs, whose map "variables" is MAP, and takes from those that run already the names that an earlier agent
 * had and this one has not. 0 or -errno. */
int variable_names_tell(int map, struct callerd_control *control);

#endif
