// SPDX-License-Identifier: Apache-2.0
#include "docker/known/cause_kind.h"

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

/* The index of NAME among NAMES, or COUNT. */
static size_t find_name(struct bytes name, const char *const *names, size_t count)
{
	size_t i = 0;

	while (i < count && (!names[i] || strlen(names[i]) != name.size || !name.data ||
			     memcmp(names[i], name.data, name.size) != 0))
		i++;
	return i;
}

bool cause_kind_by_name(struct bytes name, enum cause_kind *ret)
{
	size_t found = find_name(name, kinds, COUNT(kinds));

	if (found < COUNT(kinds))
		*ret = (enum cause_kind)found;
	return found < COUNT(kinds);
}

bool cause_basis_by_name(struct bytes name, enum cause_basis *ret)
{
	size_t found = find_name(name, bases, COUNT(bases));

	if (found < COUNT(bases))
		*ret = (enum cause_basis)found;
	return found < COUNT(bases);
}

bool cause_reason_by_name(struct bytes name, enum cause_reason *ret)
{
	size_t found = find_name(name, reasons, COUNT(reasons));

	if (found < COUNT(reasons))
		*ret = (enum cause_reason)found;
	return found < COUNT(reasons);
}
