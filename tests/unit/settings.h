/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of settings share: sentences that say why, a policy as text, a file in a directory of its own. */
#ifndef CALLERD_TEST_SETTINGS_H
#define CALLERD_TEST_SETTINGS_H

#include "files.h"

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

	policy_write(policy, false, &text);
	assert_string_equal(text.data ? text.data : "", wanted);
	text_free(&text);
}

#endif
