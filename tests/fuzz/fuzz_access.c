// SPDX-License-Identifier: Apache-2.0
/* What sudo prints, its rules, those of doas, profiles, and mountinfo: no text is read beyond its end, and what is found is part of what was given. */
#include "fuzz.h"

#include "ctl/access/access_context.h"
#include "ctl/access/access_mounts.h"
#include "ctl/access/access_profile.h"
#include "ctl/rules/access_doas.h"
#include "ctl/rules/access_sudo.h"
#include "json/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_rule(void *data, const struct access_rule *rule)
{
	const struct bytes *input = data;

	MUST(rule->reach != REACH_NOTHING && rule->command.size);
	MUST(rule->command.data >= input->data &&
	     rule->command.data + rule->command.size <= input->data + input->size);
	access_rule_lists(rule->users, "root");
	access_rule_lists(rule->groups, "docker");
}

static void on_name(void *data, enum access_sudo_named kind, struct bytes name, uint32_t id)
{
	MUST(kind <= SUDO_NAMES_OTHERS && name.size < 3 * BODY_STRING_MAX);
}

static bool is_anybody(void *data, const struct access_doas_rule *rule)
{
	return *rule->identity != ':';
}

static void read_doas(struct bytes file)
{
	struct access_doas *doas = calloc(1, sizeof(*doas));
	size_t size = 0;

	MUST(doas);
	if (!access_doas_read(file, doas))
		MUST(doas->count <= DOAS_RULES_MAX);
	for (unsigned int i = 0; i < doas->count; i++) {
		const struct access_doas_rule *rule = &doas->rules[i];

		size += strlen(rule->identity) + strlen(rule->arguments) +
			strlen(rule->target ?: "") + strlen(rule->command ?: "");
		if (access_doas_holds(doas, i, NULL, is_anybody))
			MUST(rule->permits);
	}
	MUST(size <= 2 * file.size + doas->count);
	access_doas_free(doas);
}

static void on_assigned(void *data, const struct access_profile *assigned)
{
	MUST(strlen(assigned->value) < sizeof(assigned->value));
	MUST(!strpbrk(assigned->value, "\n\033") && (assigned->literal || !*assigned->value));
	++*(size_t *)data;
}

static void read_profiles(struct bytes file)
{
	static const enum access_profile_form forms[] = {PROFILE_SHELL, PROFILE_ENVIRONMENT,
							 PROFILE_SYSTEMD};

	for (size_t i = 0; i < COUNT(forms); i++) {
		size_t assigned = 0;

		access_profile_read(file, forms[i], &assigned, on_assigned);
		MUST(assigned <= file.size / strlen("DOCKER_HOST="));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = {(const char *)data, size};
	static char path[PATH_MAX];
	static struct access_place place;
	struct access_context context;
	size_t at = 0, before;

	access_sudo_read(input, &input, on_rule);
	read_doas(input);
	read_profiles(input);
	access_sudo_users(input, NULL, on_name);
	access_context_current(input, context.name, sizeof(context.name));
	if (access_context_read(input, &context))
		MUST(*context.name && !strpbrk(context.host, "\n\033"));
	if (!access_mounts_place(input, "/run/docker.sock", &place))
		return 0;
	MUST(*place.path == '/');
	for (;;) {
		before = at;
		if (access_mounts_next(input, &place, &at, path) <= 0)
			break;
		MUST(at > before && *path == '/');
	}
	return 0;
}
