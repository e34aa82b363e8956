// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "callerd/event.h"
#include "process/environment.h"

#define LIST(string) ((struct bytes){string, sizeof(string) - 1})

static void assert_part(struct bytes environment, enum environment_part part, const char *wanted)
{
	const struct environment_system *system = environment_find_system(environment);
	struct text out = {0};

	assert_non_null(system);
	environment_add_part(&out, system, environment, part);
	assert_string_equal(out.size ? out.data : "", wanted);
	text_free(&out);
}

/* None of the names that are read without being asked for may hold a secret, and all fit the kernel's table. */
static void test_own_names(void **state)
{
	unsigned int count = 0;
	const char *name;

	for (; (name = environment_name(count)); count++) {
		assert_null(environment_refuse_name(name));
		assert_true(environment_is_read(bytes_of(name)));
		assert_null(strstr(name, "TOKEN"));
		for (unsigned int i = 0; i < count; i++)
			assert_string_not_equal(environment_name(i), name);
	}
	assert_true(count > 60);
	assert_true(count + ENVIRONMENT_SITE_MAX <= CALLERD_VARIABLES_MAX);
	assert_false(environment_is_read(bytes_of("CI_REPOSITORY_URL")));
	assert_false(environment_is_read(bytes_of("CI_JOB_I")));
	assert_false(environment_is_read(bytes_of("")));
}

static void test_site(void **state)
{
	char name[16];

	assert_int_equal(environment_add_name("OUR_TICKET"), 0);
	assert_int_equal(environment_add_name("OUR_TICKET"), 0);
	assert_int_equal(environment_add_name("CI_JOB_ID"), 0); /* is there */
	assert_true(environment_is_read(bytes_of("OUR_TICKET")));
	assert_false(environment_is_told(bytes_of("OUR_TICKET"), true));
	assert_int_equal(environment_add_name("OUR_PASSWORD"), -EINVAL);
	assert_int_equal(environment_add_name("a-b"), -EINVAL);
	assert_int_equal(environment_add_name("1A"), -EINVAL);
	assert_int_equal(environment_add_name(""), -EINVAL);
	assert_int_equal(environment_add_name("N23456789012345678901234567890123456789012345678"),
			 -EINVAL);
	for (int i = 1; i < ENVIRONMENT_SITE_MAX; i++) {
		snprintf(name, sizeof(name), "N%d", i);
		assert_int_equal(environment_add_name(name), 0);
	}
	assert_int_equal(environment_add_name("ONE_MORE"), -E2BIG);
	environment_read_none();
	assert_null(environment_name(0));
	assert_false(environment_is_read(bytes_of("CI_JOB_ID")));
	environment_forget_site();
	assert_false(environment_is_read(bytes_of("OUR_TICKET")));
	assert_true(environment_is_read(bytes_of("CI_JOB_ID")));
}

static void test_systems(void **state)
{
	assert_null(environment_find_system((struct bytes){0}));
	assert_null(environment_find_system(LIST("CI=true\0")));
	assert_null(environment_find_system(
		LIST("GITLAB_CI=\0GITLAB_CI=true\0"))); /* the first counts */
	assert_null(environment_find_system(LIST("CI_SYSTEM_NAME=other\0")));
	assert_null(environment_find_system(LIST("GITLAB_CI=true\0TF_BUILD=True\0")));
	assert_null(environment_find_system(LIST("GITEA_ACTIONS=1\0GITHUB_ACTIONS=1\0DRONE=1\0")));
	assert_string_equal(environment_system_name(environment_find_system(LIST(
				    "GITHUB_ACTIONS=1\0FORGEJO_ACTIONS=1\0GITEA_ACTIONS=1\0"))),
			    "forgejo");
	assert_string_equal(environment_system_name(environment_find_system(
				    LIST("GITHUB_ACTIONS=true\0GITEA_ACTIONS=true\0"))),
			    "gitea");
	assert_string_equal(environment_system_name(
				    environment_find_system(LIST("CI_SYSTEM_NAME=woodpecker\0"))),
			    "woodpecker");
}

#define GITHUB "GITHUB_ACTIONS=1\0GITHUB_REPOSITORY=a/b\0GITHUB_RUN_ID=7\0"

static void test_parts(void **state)
{
	assert_part(LIST(GITHUB "GITHUB_SERVER_URL=https://g\0"), ENVIRONMENT_URL,
		    "https://g/a/b/actions/runs/7");
	assert_part(LIST(GITHUB), ENVIRONMENT_URL, ""); /* one is missing: nothing of it */
	assert_part(LIST(GITHUB "GITHUB_ACTOR=x\0"), ENVIRONMENT_ACTOR, "x");
	assert_part(LIST(GITHUB "GITHUB_ACTOR=x\0GITHUB_TRIGGERING_ACTOR=y\0"), ENVIRONMENT_ACTOR,
		    "y");
	assert_part(LIST(GITHUB), ENVIRONMENT_JOB, "");
	/* A value is no text with variables in it, and has no end but the NUL. */
	assert_part(LIST("GITLAB_CI=1\0CI_JOB_ID=$CI_JOB_URL=1\0"), ENVIRONMENT_JOB,
		    "$CI_JOB_URL=1");
	/* The last one may lack its NUL. */
	assert_part(LIST("GITLAB_CI=1\0CI_JOB_ID=5"), ENVIRONMENT_JOB, "5");
}

static void test_agents(void **state)
{
	struct text out = {0};

	environment_add_agents(
		&out, LIST("CODEX_CI=1\0CLAUDECODE=1\0CODEX_THREAD_ID=x\0AI_AGENT=codex\0"));
	assert_int_equal(out.size, sizeof("claude-code\0codex"));
	assert_memory_equal(out.data, "claude-code\0codex", out.size);
	text_free(&out);
	environment_add_agents(&out, LIST("CLAUDECODE=\0"));
	assert_int_equal(out.size, 0);
	text_free(&out);
	assert_true(environment_is_told(bytes_of("CLAUDECODE"), false));
	assert_false(environment_is_told(bytes_of("CODEX_THREAD_ID"), true));
	assert_false(environment_is_told(bytes_of("CI_JOB_ID"), false));
	assert_true(environment_is_told(bytes_of("CI_JOB_ID"), true));
}

static void test_names_of(void **state)
{
	assert_null(environment_name_of(LIST("NAME")).data);
	assert_null(environment_name_of((struct bytes){0}).data);
	assert_true(bytes_are(environment_name_of(LIST("A=B=C")), "A"));
	assert_int_equal(environment_name_of(LIST("=C")).size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_names), cmocka_unit_test(test_site),
		cmocka_unit_test(test_systems),	  cmocka_unit_test(test_parts),
		cmocka_unit_test(test_agents),	  cmocka_unit_test(test_names_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
