// SPDX-License-Identifier: Apache-2.0
#include "process/environment.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "callerd/event.h"
#include "secret/command.h"
#include "secret/mask.h"

#define WAYS_MAX 3

/* Ways to say a part: the first one whose variables are all there. $NAME stands for the value of a variable. */
struct part_ways {
	const char *ways[WAYS_MAX];
};

/* A system tells itself by the variable .marker, or by that value of it. .poses_as: one whose marker it sets, too. A system
 * stands behind those that pose as it. */
struct environment_system {
	const char *name, *marker, *value, *poses_as;
	struct part_ways parts[ENVIRONMENT_PARTS];
};

#define GITHUB_PARTS                                                                               \
	{                                                                                          \
		[ENVIRONMENT_PIPELINE] = {{"$GITHUB_RUN_ID"}},                                     \
		[ENVIRONMENT_JOB] = {{"$GITHUB_JOB"}},                                             \
		[ENVIRONMENT_URL] =                                                                \
			{{"$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"}},   \
		[ENVIRONMENT_ACTOR] = {{"$GITHUB_TRIGGERING_ACTOR", "$GITHUB_ACTOR"}},             \
		[ENVIRONMENT_REPOSITORY] = {{"$GITHUB_REPOSITORY"}},                               \
	}

/* Variables as the documentation of each system has them. None that holds a token: of GitLab CI_REPOSITORY_URL has one. */
static const struct environment_system systems[] = {
	{"gitlab", "GITLAB_CI",
	 .parts =
		 {
			 [ENVIRONMENT_PIPELINE] = {{"$CI_PIPELINE_ID"}},
			 [ENVIRONMENT_JOB] = {{"$CI_JOB_ID"}},
			 [ENVIRONMENT_URL] = {{"$CI_JOB_URL"}},
			 [ENVIRONMENT_ACTOR] = {{"$GITLAB_USER_LOGIN"}},
			 [ENVIRONMENT_REPOSITORY] = {{"$CI_PROJECT_PATH"}},
		 }},
	/* Forgejo's runner says that it is Gitea's, too, and both that they are GitHub's. */
	{"forgejo", "FORGEJO_ACTIONS", .poses_as = "github", .parts = GITHUB_PARTS},
	{"gitea", "GITEA_ACTIONS", .poses_as = "github", .parts = GITHUB_PARTS},
	{"github", "GITHUB_ACTIONS", .parts = GITHUB_PARTS},
	{"jenkins", "JENKINS_URL",
	 .parts =
		 {
			 [ENVIRONMENT_PIPELINE] = {{"$JOB_NAME"}},
			 [ENVIRONMENT_JOB] = {{"$BUILD_NUMBER"}},
			 [ENVIRONMENT_URL] = {{"$BUILD_URL"}},
			 [ENVIRONMENT_ACTOR] = {{"$BUILD_USER_ID", "$CHANGE_AUTHOR"}},
			 [ENVIRONMENT_REPOSITORY] = {{"$GIT_URL"}},
		 }},
	{"buildkite", "BUILDKITE",
	 .parts =
		 {
			 [ENVIRONMENT_PIPELINE] = {{"$BUILDKITE_BUILD_ID"}},
			 [ENVIRONMENT_JOB] = {{"$BUILDKITE_JOB_ID"}},
			 [ENVIRONMENT_URL] = {{"$BUILDKITE_BUILD_URL"}},
			 [ENVIRONMENT_ACTOR] = {{"$BUILDKITE_BUILD_CREATOR"}},
			 [ENVIRONMENT_REPOSITORY] = {{"$BUILDKITE_REPO"}},
		 }},
	{"circleci", "CIRCLECI",
	 .parts =
		 {
			 [ENVIRONMENT_PIPELINE] = {{"$CIRCLE_PIPELINE_ID", "$CIRCLE_WORKFLOW_ID"}},
			 [ENVIRONMENT_JOB] = {{"$CIRCLE_BUILD_NUM"}},
			 [ENVIRONMENT_URL] = {{"$CIRCLE_BUILD_URL"}},
			 [ENVIRONMENT_ACTOR] = {{"$CIRCLE_USERNAME"}},
			 [ENVIRONMENT_REPOSITORY] =
				 {{"$CIRCLE_PROJECT_USERNAME/$CIRCLE_PROJECT_REPONAME"}},
		 }},
	{"woodpecker", "CI_SYSTEM_NAME", "woodpecker",
	 .parts =
		 {
			 [ENVIRONMENT_PIPELINE] = {{"$CI_PIPELINE_NUMBER"}},
			 [ENVIRONMENT_JOB] = {{"$CI_STEP_NAME"}},
			 [ENVIRONMENT_URL] = {{"$CI_STEP_URL", "$CI_PIPELINE_URL"}},
			 [ENVIRONMENT_ACTOR] = {{"$CI_PIPELINE_AUTHOR"}},
			 [ENVIRONMENT_REPOSITORY] = {{"$CI_REPO"}},
		 }},
	{"drone", "DRONE",
	 .parts =
		 {
			 [ENVIRONMENT_PIPELINE] = {{"$DRONE_BUILD_NUMBER"}},
			 [ENVIRONMENT_JOB] = {{"$DRONE_STAGE_NAME/$DRONE_STEP_NAME",
					       "$DRONE_STEP_NAME"}},
			 [ENVIRONMENT_URL] = {{"$DRONE_BUILD_LINK"}},
			 [ENVIRONMENT_ACTOR] = {{"$DRONE_BUILD_TRIGGER"}},
			 [ENVIRONMENT_REPOSITORY] = {{"$DRONE_REPO"}},
		 }},
	{"teamcity", "TEAMCITY_VERSION",
	 .parts =
		 {
			 [ENVIRONMENT_PIPELINE] =
				 {{"$TEAMCITY_PROJECT_NAME/$TEAMCITY_BUILDCONF_NAME"}},
			 [ENVIRONMENT_JOB] = {{"$BUILD_NUMBER"}},
		 }},
	{"azure", "TF_BUILD",
	 .parts =
		 {
			 [ENVIRONMENT_PIPELINE] = {{"$BUILD_BUILDID"}},
			 [ENVIRONMENT_JOB] = {{"$SYSTEM_JOBID"}},
			 [ENVIRONMENT_URL] = {{"$SYSTEM_COLLECTIONURI$SYSTEM_TEAMPROJECT/_build/"
					       "results?buildId=$BUILD_BUILDID"}},
			 [ENVIRONMENT_ACTOR] = {{"$BUILD_REQUESTEDFOR"}},
			 [ENVIRONMENT_REPOSITORY] = {{"$BUILD_REPOSITORY_NAME"}},
		 }},
};

/* What AI agents set for the programs that they run. .name NULL: the variable's value is the name. */
static const struct {
	const char *variable, *name;
} agents[] = {
	{"CLAUDECODE", "claude-code"},
	{"CODEX_CI", "codex"},
	{"CODEX_SANDBOX", "codex"},
	{"CODEX_THREAD_ID", "codex"},
	{"CURSOR_AGENT", "cursor"},
	{"GEMINI_CLI", "gemini-cli"},
	{"OPENCODE", "opencode"},
	{"COPILOT_CLI", "github-copilot"},
	{"AUGMENT_AGENT", "augment"},
	{"ANTIGRAVITY_AGENT", "antigravity"},
	{"AI_AGENT", NULL},
};

/* Variables that are told as they are, as their values say more. */
static const char *const others[] = {
	"CLAUDE_CODE_SESSION_ID",
	"CODEX_THREAD_ID",
	"CURSOR_CONVERSATION_ID",
	"COPILOT_AGENT_SESSION_ID",
};

/* The names that are read, each once: those above, then those of the site. */
static char names[CALLERD_VARIABLES_MAX][CALLERD_VARIABLE_NAME_MAX];
static unsigned int name_count, own_count; /* all of them; those above */
static bool reads_none;

static_assert(ENVIRONMENT_NAME_MAX == CALLERD_VARIABLE_NAME_MAX - 1, "with a NUL");

/* --- which are read --------------------------------------------------------------------------- */

static bool is_name_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Takes the next $NAME out of WAY. False: there is none. *RET_BEFORE is what stands before it, or at the end. */
static bool next_variable(const char **way, struct bytes *ret_before, struct bytes *ret_name)
{
	size_t before = strcspn(*way, "$"), size = 0;

	*ret_before = (struct bytes){*way, before};
	*way += before;
	if (!**way)
		return false;
	++*way;
	while (is_name_letter((*way)[size]))
		size++;
	*ret_name = (struct bytes){*way, size};
	*way += size;
	return true;
}

static bool knows_name(struct bytes name)
{
	for (unsigned int i = 0; i < name_count; i++)
		if (bytes_are(name, names[i]))
			return true;
	return false;
}

static void enter_name(struct bytes name)
{
	if (knows_name(name))
		return;
	assert(name.data && name.size <= ENVIRONMENT_NAME_MAX &&
	       name_count < CALLERD_VARIABLES_MAX);
	memcpy(names[name_count++], name.data, name.size);
}

static void enter_ways(const struct part_ways *part)
{
	for (unsigned int i = 0; i < WAYS_MAX && part->ways[i]; i++) {
		const char *way = part->ways[i];
		struct bytes before, name;

		while (next_variable(&way, &before, &name))
			enter_name(name);
	}
}

/* Enters the names of the tables above, at the first use. */
static void enter_own(void)
{
	if (own_count)
		return;
	for (size_t i = 0; i < COUNT(systems); i++) {
		enter_name(bytes_of(systems[i].marker));
		for (int part = 0; part < ENVIRONMENT_PARTS; part++)
			enter_ways(&systems[i].parts[part]);
	}
	for (size_t i = 0; i < COUNT(agents); i++)
		enter_name(bytes_of(agents[i].variable));
	for (size_t i = 0; i < COUNT(others); i++)
		enter_name(bytes_of(others[i]));
	own_count = name_count;
}

const char *environment_refuse_name(const char *name)
{
	size_t size = strlen(name);

	if (!size || size > ENVIRONMENT_NAME_MAX || (*name >= '0' && *name <= '9'))
		return "it is no name (1 to 47 letters, digits and _)";
	for (size_t i = 0; i < size; i++)
		if (!is_name_letter(name[i]))
			return "it is no name (1 to 47 letters, digits and _)";
	if (mask_is_secret_name(bytes_of(name)))
		return "a variable of this name may hold a secret";
	return NULL;
}

int environment_add_name(const char *name)
{
	enter_own();
	if (environment_refuse_name(name))
		return -EINVAL;
	if (knows_name(bytes_of(name)))
		return 0;
	if (name_count == own_count + ENVIRONMENT_SITE_MAX)
		return -E2BIG;
	enter_name(bytes_of(name));
	return 0;
}

void environment_read_none(void)
{
	reads_none = true;
}

void environment_forget_site(void)
{
	memset(names, 0, sizeof(names));
	name_count = own_count = 0;
	reads_none = false;
}

const char *environment_name(unsigned int number)
{
	enter_own();
	return !reads_none && number < name_count ? names[number] : NULL;
}

bool environment_is_read(struct bytes name)
{
	enter_own();
	return !reads_none && knows_name(name);
}

/* --- what they say ---------------------------------------------------------------------------- */

struct bytes environment_name_of(struct bytes variable)
{
	const char *equals = variable.size ? memchr(variable.data, '=', variable.size) : NULL;

	return (struct bytes){equals ? variable.data : NULL,
			      equals ? (size_t)(equals - variable.data) : 0};
}

bool environment_is_told(struct bytes name, bool has_system)
{
	for (size_t i = 0; i < COUNT(others); i++)
		if (bytes_are(name, others[i]))
			return false;
	for (size_t i = 0; i < COUNT(agents); i++)
		if (bytes_are(name, agents[i].variable))
			return true;
	enter_own();
	for (unsigned int i = 0; has_system && i < own_count; i++)
		if (bytes_are(name, names[i]))
			return true;
	return false;
}

static struct bytes find_value(struct bytes environment, struct bytes wanted)
{
	struct bytes variable, name;

	while (command_next(&environment, &variable)) {
		name = environment_name_of(variable);
		if (name.data && bytes_equal(name, wanted)) {
			variable = bytes_from(variable, name.size + 1);
			return variable.size ? variable : (struct bytes){0};
		}
	}
	return (struct bytes){0};
}

struct bytes environment_find(struct bytes environment, const char *name)
{
	return find_value(environment, bytes_of(name));
}

static bool says_system(struct bytes environment, const struct environment_system *system)
{
	struct bytes value = environment_find(environment, system->marker);

	return value.size && (!system->value || bytes_are(value, system->value));
}

/* Whether SYSTEM and the one that it poses as, or others that pose as that one, say so together. */
static bool is_one_family(const struct environment_system *system,
			  const struct environment_system *other)
{
	const char *family = system->poses_as;

	return family && (!strcmp(other->name, family) ||
			  (other->poses_as && !strcmp(other->poses_as, family)));
}

const struct environment_system *environment_find_system(struct bytes environment)
{
	const struct environment_system *found = NULL;

	for (size_t i = 0; environment.size && i < COUNT(systems); i++) {
		if (!says_system(environment, &systems[i]))
			continue;
		if (found && !is_one_family(found, &systems[i]))
			return NULL;
		found = found ?: &systems[i];
	}
	return found;
}

const char *environment_system_name(const struct environment_system *system)
{
	return system->name;
}

const char *environment_system_of(const char *name)
{
	for (size_t i = 0; i < COUNT(systems); i++)
		if (!strcmp(name, systems[i].name))
			return systems[i].name;
	return NULL;
}

/* Adds WAY with the values of its variables. False, and nothing is added: one of them has none. */
static bool add_filled(struct text *out, const char *way, struct bytes environment)
{
	size_t start = out->size;
	struct bytes before, name, value;

	while (next_variable(&way, &before, &name)) {
		value = find_value(environment, name);
		if (!value.size) {
			text_cut(out, start);
			return false;
		}
		text_add_bytes(out, before);
		text_add_bytes(out, value);
	}
	text_add_bytes(out, before);
	return true;
}

void environment_add_part(struct text *out, const struct environment_system *system,
			  struct bytes environment, enum environment_part part)
{
	const struct part_ways *ways = &system->parts[part];

	for (unsigned int i = 0; i < WAYS_MAX && ways->ways[i]; i++)
		if (add_filled(out, ways->ways[i], environment))
			return;
}

/* Whether the strings in OUT from START on, each with its NUL, have WORD. */
static bool has_string(const struct text *out, size_t start, struct bytes word)
{
	struct bytes list = text_since(out, start), one;

	while (command_next(&list, &one))
		if (bytes_equal(one, word))
			return true;
	return false;
}

void environment_add_agents(struct text *out, struct bytes environment)
{
	size_t start = out->size;

	for (size_t i = 0; environment.size && i < COUNT(agents); i++) {
		struct bytes value = environment_find(environment, agents[i].variable);
		struct bytes name = agents[i].name ? bytes_of(agents[i].name) : value;

		if (!value.size || has_string(out, start, name))
			continue;
		text_add_bytes(out, name);
		text_add_char(out, '\0');
	}
}
