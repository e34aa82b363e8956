// SPDX-License-Identifier: Apache-2.0
/* What a caller gets that enters a container which is dangerous by itself. */
#include "docker/judge/judge_inside.h"

/* Whether a finding of this id is about files of the host that can be read in the container: an engine's socket cannot. */
static bool is_of_files(enum finding_id id)
{
	return finding_is_mount(id) && id != FINDING_ENGINE_SOCKET_MOUNT;
}

/* Whether ENTRY gives the caller what FINDING is about. */
static bool entering_is_given(enum judge_entry entry, const struct finding *finding)
{
	return entry == ENTRY_ALL || (entry == ENTRY_FILES && is_of_files(finding->id));
}

static const char *verb_of(const struct finding *finding)
{
	return bytes_begin(finding->detail, "runs ") ? "" : "has ";
}

static const struct finding *find_gravest(const struct verdict *has)
{
	const struct finding *ret = NULL;

	for (unsigned int i = 0; i < has->finding_count; i++)
		if (!ret || has->findings[i].severity > ret->severity)
			ret = &has->findings[i];
	return ret;
}

/* Adds FINDING of the container, as grave as it is where the caller gets what it is about. Else it only tells what
 * sort of container that is, with a medium severity. */
static void carry_finding(struct judging *judging, enum judge_entry entry,
			  const struct finding *finding)
{
	enum finding_severity severity = finding->severity;

	if (severity < SEVERITY_MEDIUM)
		return;
	if (!entering_is_given(entry, finding))
		severity = SEVERITY_MEDIUM;
	ADD(judging, finding->id, severity, "in a container that %s%.*s", verb_of(finding),
	    PRINTED(finding->detail));
}

static void add_entered(struct judging *judging, enum judge_entry entry, const struct verdict *has)
{
	const struct finding *worst = NULL;

	for (unsigned int i = 0; i < has->finding_count; i++)
		if (entering_is_given(entry, &has->findings[i]) &&
		    (!worst || has->findings[i].severity > worst->severity))
			worst = &has->findings[i];
	if (worst && worst->severity >= SEVERITY_HIGH)
		ADD(judging, FINDING_ROOT_CONTAINER_ENTERED, worst->severity,
		    "%s a container that %s%.*s", entry == ENTRY_ALL ? "enters" : "reads in",
		    verb_of(worst), PRINTED(worst->detail));
}

bool judge_container_known(struct judging *judging)
{
	const struct inventory_container *container = judging->container;

	if (container && inventory_container_judged(container))
		return true;
	if (!judging->refused)
		ADD(judging, FINDING_NOT_JUDGED, SEVERITY_NONE,
		    "what the container may do is not known");
	return false;
}

void judge_entry(struct judging *judging)
{
	enum judge_entry entry = judging->entry;
	const struct inventory_container *container = judging->container;
	struct verdict has = {0};

	if (entry == ENTRY_NONE || !judge_container_known(judging))
		return;
	for (unsigned int i = 0; i < container->finding_count; i++)
		verdict_add_finding(&has, &container->findings[i]);
	judge_joined(judging, container, &has);
	if (find_gravest(&has) && find_gravest(&has)->severity >= SEVERITY_HIGH) {
		for (unsigned int i = 0; i < has.finding_count; i++)
			carry_finding(judging, entry, &has.findings[i]);
		add_entered(judging, entry, &has);
	}
	verdict_free(&has);
}
