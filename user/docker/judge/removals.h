/* SPDX-License-Identifier: Apache-2.0 */
/* Finds callers that remove many objects in a short time. Removals are counted by user and cgroup, because a loop in a
 * shell is many processes. */
#ifndef CALLERD_REMOVALS_H
#define CALLERD_REMOVALS_H

#include "base/bytes.h"
#include "process/caller.h"

#define REMOVALS_MANY 10		   /* within REMOVALS_TIME is many */
#define REMOVALS_TIME (60ull * 1000000000) /* ns */
#define REMOVERS_MAX 64			   /* counted at once; beyond, the idlest is forgotten */

struct remover {
	uint32_t uid, login_uid;
	uint64_t cgroup_id;
	uint64_t times[REMOVALS_MANY]; /* of the last ones, a ring; ns of CLOCK_BOOTTIME */
	uint64_t count;
};

struct removals {
	struct remover removers[REMOVERS_MAX];
};

/* CALLER removed something at TIME (ns of CLOCK_BOOTTIME). Returns whether that makes it many. */
bool removals_add(struct removals *removals, const struct caller *caller, uint64_t time);

#endif
