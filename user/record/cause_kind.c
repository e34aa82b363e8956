// SPDX-License-Identifier: Apache-2.0
#include "record/cause_kind.h"

#include <assert.h>

static const char *const kinds[] = {
	[CAUSE_UNKNOWN] = "unknown",
	[CAUSE_REQUEST] = "request",
	[CAUSE_INHERITED] = "inherited",
	[CAUSE_DAEMON] = "daemon",
};
static_assert(COUNT(kinds) == CAUSE_KINDS, "each has its word");

static const char *const bases[] = {
	[BASIS_ID] = "id",
	[BASIS_NAME] = "name",
	[BASIS_TIME] = "time",
};
static_assert(COUNT(bases) == CAUSE_BASES, "each has its word");

static const char *const reasons[] = {
	[REASON_RESTART_POLICY] = "restart-policy",
	[REASON_HEALTH_CHECK] = "health-check",
	[REASON_SWARM] = "swarm",
	[REASON_ENGINE_STOPPED] = "engine-stopped",
};
static_assert(COUNT(reasons) == CAUSE_REASONS, "each has its word");

const char *cause_kind_name(enum cause_kind kind)
{
	return (size_t)kind < COUNT(kinds) ? kinds[kind] : NULL;
}

const char *cause_basis_name(enum cause_basis basis)
{
	return (size_t)basis < COUNT(bases) ? bases[basis] : NULL;
}

const char *cause_reason_name(enum cause_reason reason)
{
	return (size_t)reason < COUNT(reasons) ? reasons[reason] : NULL;
}
