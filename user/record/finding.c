// SPDX-License-Identifier: Apache-2.0
#include "record/finding.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"

/* clang-format off */
static const struct finding_kind kinds[] = {
#define FINDING(id, name, severity, technique, meaning, advice) \
	[FINDING_##id] = {name, SEVERITY_##severity, TECHNIQUE_##technique, meaning, advice},
#include "record/findings.def"
};
/* clang-format on */

static const struct {
	const char *name;
	unsigned int number;
} severities[] = {
	[SEVERITY_NONE] = {NULL, 0},	[SEVERITY_INFO] = {"info", 20},
	[SEVERITY_LOW] = {"low", 40},	[SEVERITY_MEDIUM] = {"medium", 60},
	[SEVERITY_HIGH] = {"high", 80}, [SEVERITY_CRITICAL] = {"critical", 100},
};

static const char *const techniques[] = {
	[TECHNIQUE_T1036] = "T1036",	     [TECHNIQUE_T1485] = "T1485",
	[TECHNIQUE_T1098_007] = "T1098.007", [TECHNIQUE_T1222_002] = "T1222.002",
	[TECHNIQUE_T1548_003] = "T1548.003", [TECHNIQUE_T1554] = "T1554",
	[TECHNIQUE_T1525] = "T1525",	     [TECHNIQUE_T1552_007] = "T1552.007",
	[TECHNIQUE_T1609] = "T1609",	     [TECHNIQUE_T1610] = "T1610",
	[TECHNIQUE_T1611] = "T1611",	     [TECHNIQUE_T1612] = "T1612",
};
static_assert(COUNT(techniques) == TECHNIQUES, "each has its name");

static bool is_name(const char *known, const char *name, size_t size)
{
	return known && strlen(known) == size && !memcmp(known, name, size);
}

const struct finding_kind *finding_kind(enum finding_id id)
{
	return &kinds[(size_t)id < COUNT(kinds) ? id : FINDING_NONE];
}

enum finding_id finding_by_name(const char *id, size_t size)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (is_name(kinds[i].id, id, size))
			return (enum finding_id)i;
	return FINDING_NONE;
}

bool finding_is_mount(enum finding_id id)
{
	return id == FINDING_HOST_ROOT_MOUNT || id == FINDING_HOST_PATH_MOUNT ||
	       id == FINDING_ENGINE_SOCKET_MOUNT || id == FINDING_VOLUME_HOST_PATH;
}

const char *finding_severity_name(enum finding_severity severity)
{
	return (size_t)severity < COUNT(severities) ? severities[severity].name : NULL;
}

enum finding_severity finding_severity_by_name(const char *name, size_t size)
{
	for (size_t i = 0; i < COUNT(severities); i++)
		if (is_name(severities[i].name, name, size))
			return (enum finding_severity)i;
	return SEVERITY_NONE;
}

unsigned int finding_severity_number(enum finding_severity severity)
{
	return (size_t)severity < COUNT(severities) ? severities[severity].number : 0;
}

const char *finding_technique_name(enum finding_technique technique)
{
	return (size_t)technique < COUNT(techniques) ? techniques[technique] : NULL;
}

void finding_message_id(enum finding_id id, char ret[33])
{
	const char *name = finding_kind(id)->id;
	uint64_t high = hash_add(HASH_START, "callerd finding", 15);
	uint64_t low = hash_add(~HASH_START, "callerd finding", 15);

	/* From the name alone: the same in each version. */
	snprintf(ret, 33, "%016" PRIx64 "%016" PRIx64, hash_add(high, name, strlen(name)),
		 hash_add(low, name, strlen(name)));
}
