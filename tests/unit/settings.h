/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of settings share: sentences that say why, a policy as text, a file in a directory of its own. */
#ifndef CALLERD_TEST_SETTINGS_H
#define CALLERD_TEST_SETTINGS_H

#include "unit.h"

#include <sys/stat.h>

#include "base/text.h"
#include "docker/judge/policy.h"

static inline void assert_says(const char *said, const char *why)
{
	if (!strstr(said, why))
		fail_msg("\"%s\" does not say \"%s\"", said, why);
}

/* POLICY, written as a configuration file, is WANTED. */
static inline void assert_policy(const struct policy *policy, const char *wanted)
{
	struct text text = {0};

	policy_write(policy, &text);
	assert_string_equal(text.data ? text.data : "", wanted);
	text_free(&text);
}

struct settings_file {
	char directory[32], path[64];
};

static inline int settings_file_prepare(struct settings_file *file)
{
	snprintf(file->directory, sizeof(file->directory), "/tmp/test-settings.XXXXXX");
	if (!mkdtemp(file->directory))
		return -1;
	snprintf(file->path, sizeof(file->path), "%s/callerd.conf", file->directory);
	return 0;
}

static inline int settings_file_tidy(const struct settings_file *file)
{
	unlink(file->path);
	return rmdir(file->directory);
}

/* Replaces what stands at PATH by a file of these SIZE bytes. */
static inline void settings_write(const char *path, const char *text, size_t size, mode_t mode)
{
	FILE *stream;

	unlink(path);
	stream = fopen(path, "w");
	assert_non_null(stream);
	assert_int_equal(fwrite(text, 1, size, stream), size);
	fclose(stream);
	assert_int_equal(chmod(path, mode), 0);
}

#endif
