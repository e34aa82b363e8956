// SPDX-License-Identifier: Apache-2.0
#include "docker/judge/removals.h"

static uint64_t last_time(const struct remover *remover)
{
	return remover->count ? remover->times[(remover->count - 1) % REMOVALS_MANY] : 0;
}

/* The place in which CALLER's removals are counted: its own, or the one that was idle longest. */
static struct remover *find_remover(struct removals *removals, const struct caller *caller)
{
	struct remover *idlest = removals->removers;

	for (unsigned int i = 0; i < REMOVERS_MAX; i++) {
		struct remover *remover = &removals->removers[i];

		if (remover->count && remover->uid == caller->process.euid &&
		    remover->login_uid == caller->login_uid &&
		    remover->cgroup_id == caller->cgroup_id)
			return remover;
		if (last_time(remover) < last_time(idlest))
			idlest = remover;
	}
	*idlest = (struct remover){
		.uid = caller->process.euid,
		.login_uid = caller->login_uid,
		.cgroup_id = caller->cgroup_id,
	};
	return idlest;
}

bool removals_add(struct removals *removals, const struct caller *caller, uint64_t time)
{
	struct remover *remover = find_remover(removals, caller);
	uint64_t first;

	remover->times[remover->count++ % REMOVALS_MANY] = time;
	if (remover->count < REMOVALS_MANY)
		return false;
	first = remover->times[remover->count % REMOVALS_MANY];
	return time < first + REMOVALS_TIME;
}
