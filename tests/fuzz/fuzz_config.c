/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as a configuration file. What is refused has a line and a sentence; of what is accepted,
 * the part that goes to the policy is written and read again, and must be the same.
 */
#include "fuzz.h"

#include "agent/options/config.h"
#include "base/text.h"

static struct config *parse(const void *data, size_t size, struct config_error *error)
{
	struct config *config = NULL;
	char *copy = exact_copy(data, size);

	MUST(!config_parse("fuzz.conf", copy, size, &config, error) == !!config);
	free(copy);
	return config;
}

static unsigned int count_lines(const uint8_t *data, size_t size)
{
	unsigned int count = 1;

	for (size_t i = 0; i < size; i++)
		count += data[i] == '\n';
	return count;
}

static void check_error(const struct config_error *error, unsigned int lines)
{
	MUST(error->line > 0 && error->line <= lines);
	MUST(*error->what && memchr(error->what, '\0', sizeof(error->what)));
	for (const char *c = error->what; *c; c++)
		MUST((unsigned char)*c >= ' ' || *c == '\t');
}

static void check_settings(const struct config *config, unsigned int lines)
{
	unsigned int line = 0;

	MUST(config->setting_count <= CONFIG_SETTINGS_MAX);
	for (unsigned int i = 0; i < config->setting_count; i++) {
		const struct config_setting *setting = &config->settings[i];

		MUST(setting->source.line > line && setting->source.line <= lines &&
		     *setting->value);
		line = setting->source.line;
	}
}

static void check_policy(const struct policy *policy)
{
	struct policy_call call = {.uid = CALLERD_UNSET_ID, .login_uid = CALLERD_UNSET_ID};
	struct text first = {0}, second = {0};
	struct config_error error = {0};
	struct config *config;

	MUST(!policy_expected(policy, &call)); /* of whom nothing is known */
	call.executable = bytes_of("/usr/bin/docker");
	call.unit = call.container_name = bytes_of("a.service");
	policy_expected(policy, &call);
	policy_write(policy, false, &first);
	if (first.size) {
		config = parse(first.data, first.size, &error);
		MUST(config);
		policy_write(config->policy, false, &second);
		MUST(first.size == second.size && !memcmp(first.data, second.data, first.size));
		config_free(config);
	}
	text_free(&first);
	text_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned int lines = count_lines(data, size);
	struct config_error error = {0};
	struct config *config = parse(data, size, &error);

	if (!config) {
		check_error(&error, lines);
		return 0;
	}
	check_settings(config, lines);
	check_policy(config->policy);
	config_free(config);
	return 0;
}
