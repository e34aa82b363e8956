// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <fnmatch.h>

/* --- the wildcards ----------------------------------------------------------------------------- */

/* A rule for a container, whose name may have slashes covered by a wildcard; a PATH may not. */
static struct policy *make_pattern(const char *pattern, bool path)
{
	const char *key = path ? "container-image" : "container-name";
	struct policy *policy = NULL;
	char value[512], reason[256];

	snprintf(value, sizeof(value), "_%s", pattern); /* not only wildcards */
	assert_int_equal(policy_new(&policy), 0);
	assert_int_equal(policy_set(policy, (struct setting_source){"test", 1}, "expected r", NULL,
				    NULL, reason, sizeof(reason)),
			 0);
	assert_int_equal(policy_set(policy, (struct setting_source){"test", 1}, "expected r", key,
				    value, reason, sizeof(reason)),
			 0);
	return policy;
}

static bool matches_pattern(const struct policy *policy, const char *text)
{
	char value[8192];
	struct policy_call call = {.contained = true};

	snprintf(value, sizeof(value), "_%s", text);
	call.container_image = call.container_name = bytes_of(value);
	return policy_expected(policy, &call);
}

static bool matches(const char *pattern, const char *text, bool path)
{
	struct policy *policy = make_pattern(pattern, path);
	bool result = matches_pattern(policy, text);

	policy_free(policy);
	return result;
}

static void test_wildcards(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool plain, path;
	} table[] = {
		{"Container*", "ContainerList", true, true},
		{"Container*", "Container", true, true},
		{"Container*", "ImageList", false, false},
		{"Container*", "container", false, false},
		{"*List", "ContainerList", true, true},
		{"*List", "ContainerListAll", false, false},
		{"C*L*", "ContainerList", true, true},
		{"C*L*x", "ContainerList", false, false},
		{"/usr/bin/*", "/usr/bin/docker", true, true},
		{"/usr/bin/*", "/usr/bin/", true, true},
		{"/usr/bin/*", "/usr/bin", false, false},
		{"/usr/bin/*", "/usr/bin/x/docker", true, false},
		{"/usr/*/docker", "/usr/bin/docker", true, true},
		{"/usr/*/docker", "/usr/local/bin/docker", true, false},
		{"/usr/*/*/docker", "/usr/local/bin/docker", true, true},
		{"/usr/bin?docker", "/usr/bin/docker", true, false},
		{"/usr/bin/d?cker", "/usr/bin/docker", true, true},
		{"/usr/bin/d?cker", "/usr/bin/dcker", false, false},
		{"*", "", true, true},
		{"?", "", false, false},
		{"**a", "ba", true, true},
		{"[a]*", "a", false, false}, /* only * and ? are wild */
		{"[a]*", "[a]b", true, true},
		{"\\*", "\\x", true, true},
		{"a*?", "a", false, false},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		if (matches(table[i].pattern, table[i].text, false) != table[i].plain ||
		    matches(table[i].pattern, table[i].text, true) != table[i].path)
			fail_msg("%s and %s", table[i].pattern, table[i].text);
	}
}

/* Of the characters at NUMBER's digits. */
static const char *spell(unsigned int number, const char *alphabet, char text[16])
{
	unsigned int size = 0, letters = (unsigned int)strlen(alphabet);

	for (; number; number /= letters + 1)
		if (number % (letters + 1))
			text[size++] = alphabet[number % (letters + 1) - 1];
	text[size] = '\0';
	return text;
}

/* All short patterns over all short texts, as the C library says it. */
static void test_wildcards_as_fnmatch(void **state)
{
	char pattern[16], text[16];

	for (unsigned int i = 0; i < 2 * 7776; i++) {
		const bool path = i % 2;
		const int flags = FNM_NOESCAPE | (path ? FNM_PATHNAME : 0);
		struct policy *policy = make_pattern(spell(i / 2, "ab/*?", pattern), path);

		for (unsigned int t = 0; t < 256; t++) {
			spell(t, "ab/", text);
			if (matches_pattern(policy, text) == !!fnmatch(pattern, text, flags))
				fail_msg("%s and %s, path %d", pattern, text, path);
		}
		policy_free(policy);
	}
}

/* Would take the age of the universe by trying all ways. */
static void test_wildcards_end(void **state)
{
	char pattern[401], text[4097];

	for (size_t i = 0; i < 400; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[399] = 'b';
	pattern[400] = '\0';
	memset(text, 'a', 4096);
	text[4096] = '\0';
	assert_false(matches(pattern, text, false));
	assert_false(matches(pattern, text, true));
}

/* --- settings ---------------------------------------------------------------------------------- */

/* "section|key|value"; a key may be missing. */
static int set(struct policy *policy, const char *setting, char *reason, size_t size)
{
	char section[512], *key, *value = NULL;

	snprintf(section, sizeof(section), "%s", setting);
	key = strchr(section, '|');
	if (key) {
		*key++ = '\0';
		value = strchr(key, '|');
		*value++ = '\0';
	}
	return policy_set(policy, (struct setting_source){"test", 1}, section, key, value, reason,
			  size);
}

/* The policy of SETTINGS, up to NULL, all of which are right. */
static struct policy *make(const char *const *settings)
{
	struct policy *policy = NULL;
	char reason[256] = "";

	assert_int_equal(policy_new(&policy), 0);
	for (; *settings; settings++)
		if (set(policy, *settings, reason, sizeof(reason)))
			fail_msg("%s: %s", *settings, reason);
	assert_int_equal(policy_check(policy, reason, sizeof(reason)), 0);
	return policy;
}

#define MAKE(...) make((const char *const[]){__VA_ARGS__, NULL})

static void test_refused(void **state)
{
	static const struct {
		const char *settings[4], *why;
	} table[] = {
		{{"nonsense"}, "there is no section [nonsense]; there are [callerd]"},
		{{""}, "there is no section []"},
		{{"finding"}, "there is no section [finding]"},
		{{"findings x"}, "there is no section"},
		{{"finding "}, "there is no finding \"\""},
		{{"finding privilege"}, "there is no finding \"privilege\""},
		{{"finding Privileged"}, "there is no finding"},
		{{"finding prune", "finding prune"}, "[finding prune] is there twice"},
		{{"finding prune", "finding prune|level|low"},
		 "unknown key \"level\": a finding has a severity only"},
		{{"finding prune", "finding prune|severity|severe"},
		 "severity \"severe\": it is one of info low medium high critical off"},
		{{"finding prune", "finding prune|severity|"}, "it is one of"},
		{{"finding prune", "finding prune|severity|HIGH"}, "it is one of"},
		{{"finding prune", "finding prune|severity|none"}, "it is one of"},
		{{"finding prune", "finding prune|severity|off", "finding prune|severity|low"},
		 "severity is given twice"},
		{{"expected "}, "a rule has a name of 1 to 40 bytes"},
		{{"expected aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "of 1 to 40 bytes"},
		{{"expected a b"}, "its name is made of"},
		{{"expected a\"b"}, "its name is made of"},
		{{"expected a", "expected a"}, "[expected a] is there twice"},
		{{"expected a", "expected a|users|root"}, "unknown key \"users\": a rule has user"},
		{{"expected a", "expected a|User|root"}, "unknown key"},
		{{"expected a", "expected a|user|"}, "user: it needs a value"},
		{{"expected a", "expected a|operations|"}, "operations: it needs a value"},
		{{"expected a", "expected a|operations| , ,"}, "operations: it needs a value"},
		{{"expected a", "expected a|operations|Container[A-Z]*"},
		 "operations \"Container[A-Z]*\": no operation has such a name"},
		{{"expected a", "expected a|operations|ContainrList"},
		 "operations \"ContainrList\": no operation has such a name"},
		{{"expected a", "expected a|operations|ContainerList, Containr*"},
		 "operations \"Containr*\": no operation has such a name"},
		{{"expected a", "expected a|operations|containerlist"},
		 "no operation has such a name"},
		{{"expected a", "expected a|user|alice bob"},
		 "user \"alice bob\": one value only; repeat the line"},
		{{"expected a", "expected a|user|alice,bob"}, "one value only"},
		{{"expected a", "expected a|unit|a.service\tb.service"}, "one value only"},
		{{"expected a", "expected a|user|*"}, "users have no wildcards"},
		{{"expected a", "expected a|login-user|adm-?"}, "users have no wildcards"},
		{{"expected a", "expected a|user|4294967295"}, "no user has so high a number"},
		{{"expected a", "expected a|login-user|99999999999999999999999"},
		 "login-user: no user has so high a number"},
		{{"expected a", "expected a|exe|docker"},
		 "exe \"docker\": the path must be absolute"},
		{{"expected a", "expected a|exe|*"}, "the path must be absolute"},
		{{"expected a", "expected a|unit|telegraf"}, "a unit's name ends in .service"},
		{{"expected a", "expected a|unit|*"}, "says nothing, it matches all"},
		{{"expected a", "expected a|container-name|?*"}, "says nothing"},
		{{"expected a", "expected a|container-image|**"}, "says nothing"},
		{{"expected a|user|root"}, "there is no rule \"a\""},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct policy *policy = NULL;
		char reason[256] = "";
		int error = 0;

		assert_int_equal(policy_new(&policy), 0);
		for (int j = 0; j < 4 && table[i].settings[j]; j++) {
			assert_int_equal(error, 0);
			error = set(policy, table[i].settings[j], reason, sizeof(reason));
		}
		assert_int_equal(error, -EINVAL);
		assert_says(reason, table[i].why);
		policy_free(policy);
	}
	policy_free(NULL);
}

static void test_check(void **state)
{
	static const struct {
		const char *settings[3], *why;
	} table[] = {
		{{"expected a"}, "[expected a] would match everybody"},
		{{"expected a", "expected a|operations|ContainerList"}, "would match everybody"},
		{{"finding prune"}, "[finding prune] has no severity"},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct policy *policy = NULL;
		char reason[256] = "";

		assert_int_equal(policy_new(&policy), 0);
		for (int j = 0; j < 3 && table[i].settings[j]; j++)
			assert_int_equal(set(policy, table[i].settings[j], reason, sizeof(reason)),
					 0);
		assert_int_equal(policy_check(policy, reason, sizeof(reason)), -EINVAL);
		assert_says(reason, table[i].why);
		policy_free(policy);
	}
}

static void test_limits(void **state)
{
	struct policy *policy = NULL;
	char text[128], reason[256] = "";

	assert_int_equal(policy_new(&policy), 0);
	for (int i = 0; i <= POLICY_RULES_MAX; i++) {
		snprintf(text, sizeof(text), "expected r%d", i);
		assert_int_equal(set(policy, text, reason, sizeof(reason)),
				 i < POLICY_RULES_MAX ? 0 : -EINVAL);
	}
	assert_string_equal(reason, "too many rules (1000 at most)");
	for (int i = 0; i <= POLICY_VALUES_MAX; i++) {
		snprintf(text, sizeof(text), "expected r7|user|u%d", i);
		assert_int_equal(set(policy, text, reason, sizeof(reason)),
				 i < POLICY_VALUES_MAX ? 0 : -EINVAL);
	}
	assert_string_equal(reason, "too many values for user (256 at most)");
	policy_free(policy);
}

/* --- severities -------------------------------------------------------------------------------- */

static void test_severity(void **state)
{
	static const char *const names[] = {"off", "info", "low", "medium", "high", "critical"};
	struct policy *policy;

	assert_int_equal(policy_severity(NULL, FINDING_PRUNE, SEVERITY_LOW), SEVERITY_LOW);
	for (unsigned int i = 0; i < COUNT(names); i++) {
		char setting[64];

		snprintf(setting, sizeof(setting), "finding prune|severity|%s", names[i]);
		policy = MAKE("finding prune", setting);
		for (enum finding_severity s = SEVERITY_NONE; s <= SEVERITY_CRITICAL; s++) {
			assert_int_equal(policy_severity(policy, FINDING_PRUNE, s), i);
			assert_int_equal(policy_severity(policy, FINDING_DEVICE, s), s);
		}
		policy_free(policy);
	}
	for (enum finding_id id = FINDING_NONE + 1; id < FINDINGS; id++) {
		char section[64], setting[96];

		snprintf(section, sizeof(section), "finding %s", finding_kind(id)->id);
		snprintf(setting, sizeof(setting), "%s|severity|off", section);
		policy = MAKE(section, setting);
		for (enum finding_id other = FINDING_NONE + 1; other < FINDINGS; other++)
			assert_int_equal(policy_severity(policy, other, SEVERITY_HIGH),
					 other == id ? SEVERITY_NONE : SEVERITY_HIGH);
		policy_free(policy);
	}
}

/* --- expected callers -------------------------------------------------------------------------- */

#define TEXT(literal)                                                                              \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

static const struct policy_call nobody = {.uid = CALLERD_UNSET_ID, .login_uid = CALLERD_UNSET_ID};
static const struct policy_call on_host = {
	.user = TEXT("root"),
	.login_user = TEXT("alice"),
	.uid = 0,
	.login_uid = 1000,
	.executable = TEXT("/usr/bin/docker"),
	.executable_seen = true,
	.unit = TEXT("session-3.scope"),
	.operation = TEXT("ContainerList"),
};
static const struct policy_call in_container = {
	.user = TEXT("root"),
	.uid = 0,
	.login_uid = CALLERD_UNSET_ID,
	.executable = TEXT("/usr/bin/docker"),
	.executable_seen = true,
	.unit = TEXT("docker-1234.scope"),
	.container_image = TEXT("registry.example/ci/runner:1"),
	.container_name = TEXT("ci-7"),
	.contained = true,
	.operation = TEXT("ContainerList"),
};

static void test_expected(void **state)
{
	static const struct {
		const char *settings[4];
		bool on_host, in_container;
	} table[] = {
		{{"user|root"}, true, false},
		{{"user|0"}, true, false},
		{{"user|1000"}, false, false},
		{{"user|roo"}, false, false},
		{{"user|roott"}, false, false},
		{{"user|Root"}, false, false},
		{{"user|bob", "user|root"}, true, false},
		{{"user|bob", "user|carol"}, false, false},
		{{"login-user|alice"}, true, false},
		{{"login-user|1000"}, true, false},
		{{"login-user|0"}, false, false},
		{{"user|alice"}, false, false},
		{{"exe|/usr/bin/docker"}, true, false},
		{{"exe|/usr/bin/*"}, true, false},
		{{"exe|/usr/*"}, false, false},
		{{"exe|/usr/bin/docke"}, false, false},
		{{"exe|/usr/bin/podman", "exe|/usr/*/docker"}, true, false},
		{{"unit|session-3.scope"}, true, false},
		{{"unit|session-*.scope"}, true, false},
		{{"unit|*.scope"}, true, false},
		{{"unit|*.service"}, false, false},
		/* All keys. */
		{{"user|root", "login-user|alice"}, true, false},
		{{"user|root", "login-user|bob"}, false, false},
		{{"user|root", "exe|/usr/bin/docker", "operations|ContainerList"}, true, false},
		{{"user|root", "exe|/usr/bin/docker", "operations|ContainerCreate"}, false, false},
		/* Lists. */
		{{"user|root", "operations|ImageList ContainerList"}, true, false},
		{{"user|root", "operations|ImageList,ContainerList"}, true, false},
		{{"user|root", "operations|, ImageList,\tContainer* ,"}, true, false},
		{{"user|root", "operations|ImageList", "operations|*List"}, true, false},
		{{"user|root", "operations|*"}, true, false},
		/* Containers are named, or they do not match. */
		{{"container-name|ci-7"}, false, true},
		{{"container-name|ci-*"}, false, true},
		{{"container-image|registry.example/ci/runner:1"}, false, true},
		{{"container-image|registry.example/ci/*"}, false, true},
		{{"container-image|registry.example/*"}, false, false},
		{{"container-image|*/runner:1"}, false, false},
		{{"container-name|ci-7", "user|root", "exe|/usr/bin/docker"}, false, true},
		{{"container-name|ci-7", "user|999"}, false, false},
		{{"container-name|1234"}, false, false},
		{{"unit|docker-1234.scope"}, false, false},
		/* What is unset is no number. */
		{{"container-name|ci-7", "login-user|4294967294"}, false, false},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		const char *settings[6] = {"expected rule"};
		char texts[4][128];
		struct policy *policy;

		for (int j = 0; j < 4 && table[i].settings[j]; j++) {
			snprintf(texts[j], sizeof(texts[j]), "expected rule|%s",
				 table[i].settings[j]);
			settings[j + 1] = texts[j];
		}
		policy = make(settings);
		if (!policy_expected(policy, &on_host) == table[i].on_host ||
		    !policy_expected(policy, &in_container) == table[i].in_container)
			fail_msg("line %zu: %s …", i, table[i].settings[0]);
		assert_null(policy_expected(policy, &nobody));
		policy_free(policy);
	}
	assert_null(policy_expected(NULL, &on_host));
}

/* A connect does nothing: it counts for whoever may do something; and for nobody else. */
static void test_connects(void **state)
{
	static const struct {
		const char *user, *operations, *rule;
	} table[] = {
		{"r|user|root", "r|operations|ContainerList", "r"},
		{"r|user|root", "r|operations|ContainerCreate", "r"},
		{"r|user|bob", "r|operations|ContainerList", NULL},
	};
	struct policy_call connects = on_host;

	connects.connects = true;
	connects.operation = (struct bytes){0};
	for (size_t i = 0; i < COUNT(table); i++) {
		char user[64], operations[64];
		struct policy *policy;
		const char *rule;

		snprintf(user, sizeof(user), "expected %s", table[i].user);
		snprintf(operations, sizeof(operations), "expected %s", table[i].operations);
		policy = MAKE("expected r", user, operations);
		rule = policy_expected(policy, &connects);
		if (table[i].rule)
			assert_string_equal(rule, table[i].rule);
		else
			assert_null(rule);
		policy_free(policy);
	}
}

/* Whoever is root in a PID namespace may be root in a container that is not known as one. */
static void test_foreign(void **state)
{
	static const struct {
		const char *setting;
		bool expected;
	} table[] = {
		{"user|root", false},
		{"login-user|alice", false},
		{"exe|/usr/bin/docker", false},
		{"unit|session-3.scope", true},
	};
	struct policy_call foreign = on_host, old = on_host;

	foreign.foreign = true;
	old.executable_seen = false;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct policy *policy;
		char text[128];

		snprintf(text, sizeof(text), "expected r|%s", table[i].setting);
		policy = MAKE("expected r", text);
		assert_int_equal(!!policy_expected(policy, &foreign), table[i].expected);
		assert_non_null(policy_expected(policy, &on_host));
		/* What was not seen to be executed counts beside a unit only. */
		assert_int_equal(!policy_expected(policy, &old), policy_has_executables(policy));
		policy_free(policy);
	}
	{
		struct policy *policy = MAKE("expected r", "expected r|exe|/usr/bin/docker",
					     "expected r|unit|session-3.scope");

		assert_non_null(policy_expected(policy, &old));
		policy_free(policy);
	}
}

/* What is not known matches nothing, whatever the value; nor does a name that goes on after a NUL. */
static void test_unknown(void **state)
{
	static const char *const settings[] = {
		"user|root",
		"user|0",
		"login-user|alice",
		"login-user|1000",
		"exe|/usr/bin/*",
		"unit|session-*.scope",
		"container-image|r*/*",
		"container-name|c*",
		"operations|Con*",
	};
	static const struct {
		size_t offset, size;
	} members[] = {
		{offsetof(struct policy_call, user), sizeof(struct bytes)},
		{offsetof(struct policy_call, uid), sizeof(uint32_t)},
		{offsetof(struct policy_call, login_user), sizeof(struct bytes)},
		{offsetof(struct policy_call, login_uid), sizeof(uint32_t)},
		{offsetof(struct policy_call, executable), sizeof(struct bytes)},
		{offsetof(struct policy_call, unit), sizeof(struct bytes)},
		{offsetof(struct policy_call, container_image), sizeof(struct bytes)},
		{offsetof(struct policy_call, container_name), sizeof(struct bytes)},
		{offsetof(struct policy_call, operation), sizeof(struct bytes)},
	};
	struct policy_call all = on_host;

	all.container_image = (struct bytes)TEXT("r/i");
	all.container_name = (struct bytes)TEXT("c1");
	for (size_t i = 0; i < COUNT(settings); i++) {
		struct policy_call less = all;
		char text[128];
		struct policy *policy;

		snprintf(text, sizeof(text), "expected r|%s", settings[i]);
		policy = MAKE("expected r", "expected r|exe|/usr/bin/docker", text);
		if (i == 4) { /* an exe beside an exe would be one or the other */
			policy_free(policy);
			policy = MAKE("expected r", text);
		}
		assert_non_null(policy_expected(policy, &all));
		memcpy((char *)&less + members[i].offset, (const char *)&nobody + members[i].offset,
		       members[i].size);
		assert_null(policy_expected(policy, &less));
		policy_free(policy);
	}
	all.user = (struct bytes)TEXT("root\0x");
	{
		struct policy *policy = MAKE("expected r", "expected r|user|root");

		assert_null(policy_expected(policy, &all));
		policy_free(policy);
	}
}

static void test_first_rule(void **state)
{
	struct policy *policy =
		MAKE("expected a", "expected b", "expected a|user|bob", "expected b|user|root",
		     "expected c", "expected c|exe|/usr/bin/*", "expected c|operations|*");

	assert_string_equal(policy_expected(policy, &on_host), "b");
	policy_free(policy);
	policy = MAKE("expected z", "expected z|exe|/usr/bin/*", "expected y",
		      "expected y|user|root");
	assert_string_equal(policy_expected(policy, &on_host), "z");
	policy_free(policy);
}

static void test_write(void **state)
{
	struct policy *policy =
		MAKE("expected ci", "expected ci|operations|Container*, ImageList", "finding prune",
		     "finding prune|severity|off", "expected ci|user|7", "expected ci|exe|/a b",
		     "finding device", "finding device|severity|info");

	assert_policy(policy, "[finding device]\n"
			      "severity = info\n"
			      "\n"
			      "[finding prune]\n"
			      "severity = off\n"
			      "\n"
			      "[expected ci]\n"
			      "user = 7\n"
			      "exe = /a b\n"
			      "operations = Container*\n"
			      "operations = ImageList\n");
	policy_free(policy);
	policy = NULL;
	assert_int_equal(policy_new(&policy), 0);
	assert_policy(policy, "");
	policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wildcards),     cmocka_unit_test(test_wildcards_as_fnmatch),
		cmocka_unit_test(test_wildcards_end), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_check),	      cmocka_unit_test(test_limits),
		cmocka_unit_test(test_severity),      cmocka_unit_test(test_expected),
		cmocka_unit_test(test_connects),      cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_unknown),	      cmocka_unit_test(test_first_rule),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
