// SPDX-License-Identifier: Apache-2.0
#include "docker/known/finding.h"

#include <string.h>

#include "base/bytes.h"

/* clang-format off */
static const struct finding_kind kinds[] = {
#define FINDING(id, name, severity, ...) [FINDING_##id] = {name, SEVERITY_##severity, __VA_ARGS__},
#include "docker/known/findings.def"
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
