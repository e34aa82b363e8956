// SPDX-License-Identifier: Apache-2.0
/* What sudo says of a user, whom its rules name, and where a socket is among mounts. */
#include "unit.h"

#include "ctl/access/access_mounts.h"
#include "ctl/access/access_profile.h"
#include "ctl/grants/access_grant.h"
#include "ctl/rules/access_doas.h"
#include "ctl/rules/access_sudo.h"

static char seen[1000];

static void on_rule(void *data, const struct access_rule *rule)
{
	size_t used = strlen(seen);

	snprintf(seen + used, sizeof(seen) - used, "%.*s/%.*s/%.*s/%d\n", (int)rule->users.size,
		 rule->users.data ? rule->users.data : "", (int)rule->groups.size,
		 rule->groups.data ? rule->groups.data : "", (int)rule->command.size,
		 rule->command.data, rule->reach);
}

static enum access_sudo_answer read_rules(const char *text)
{
	seen[0] = '\0';
	return access_sudo_read(bytes_of(text), NULL, on_rule);
}

static void test_sudo_rules(void **state)
{
	assert_int_equal(read_rules("Matching Defaults entries for bob on vm:\n    env_reset\n\n"
				    "User bob may run the following commands on vm:\n\n"
				    "Sudoers entry: /etc/sudoers.d/bob\n    RunAsUsers: root\n    "
				    "Options: !authenticate\n"
				    "    Commands:\n\t/usr/bin/docker\n\tsha224:d7 "
				    "/usr/bin/docker-compose ps\n\t!/usr/bin/foo\n\n"
				    "Sudoers entry:\n    RunAsUsers: ALL\n    RunAsGroups: ALL\n   "
				    " Commands:\n\tALL\n\n"
				    "Sudoers entry:\n    RunAsUsers: bob\n    RunAsGroups: "
				    "docker\n    Commands:\n\tsudoedit /etc/x\n"),
			 SUDO_RULES);
	assert_string_equal(seen, "root///usr/bin/docker/2\nroot//sha224:d7 "
				  "/usr/bin/docker-compose ps/2\nALL/ALL/ALL/3\n"
				  "bob/docker/sudoedit /etc/x/1\n");
	assert_int_equal(read_rules("User nobody is not allowed to run sudo on vm.\n"), SUDO_NONE);
	assert_int_equal(read_rules("sudo: unknown user x\n"), SUDO_UNKNOWN);
	assert_int_equal(read_rules(""), SUDO_UNKNOWN);
	/* what stands before sudo's word of the user is none of it */
	assert_int_equal(read_rules("    Commands:\n\tALL\n"), SUDO_UNKNOWN);
	assert_string_equal(seen, "");
}

static bool is_daves(void *data, const struct access_doas_rule *rule)
{
	return !strcmp(rule->identity, "dave") || !strcmp(rule->identity, ":staff");
}

/* The rules of FILE, each with what it permits dave after all. */
static const char *read_doas(const char *file, size_t size)
{
	static char told[1000];
	struct access_doas *doas = calloc(1, sizeof(*doas));

	assert_non_null(doas);
	if (!access_doas_read((struct bytes){file, size}, doas)) {
		access_doas_free(doas);
		return "refused";
	}
	told[0] = '\0';
	for (unsigned int i = 0; i < doas->count; i++) {
		const struct access_doas_rule *rule = &doas->rules[i];
		size_t used = strlen(told);

		snprintf(told + used, sizeof(told) - used, "%s%s/%s/%s%s%s%s", i ? ", " : "",
			 rule->identity, rule->target ?: "", rule->command ?: "",
			 rule->has_arguments ? " with" : "", rule->arguments,
			 access_doas_holds(doas, i, NULL, is_daves) ? "!" : "");
	}
	access_doas_free(doas);
	return told;
}

static void test_doas(void **state)
{
	static const struct {
		const char *file, *told;
	} cases[] = {
		{"", ""},
		{"# nothing\n\n", ""},
		{"permit dave\n", "dave//!"},
		{"permit dave", "refused"}, /* as doas does: the line has no end */
		{"permit dave # comment\n", "dave//!"},
		{"permit nopass keepenv nolog :staff as root cmd docker\n", ":staff/root/docker!"},
		{"permit nopass persist dave\n", "refused"},
		{"permit setenv { A B=c -D \"E=f g\" } dave\n", "dave//!"},
		{"permit setenv A dave\n", "refused"},
		{"permit setenv { A\n} dave\n", "refused"},
		{"deny nopass dave\n", "refused"},
		{"permit dave cmd docker args\n", "dave//docker with!"},
		{"permit dave cmd docker args ps -a \"b c\"\n", "dave//docker with ps -a b c!"},
		{"permit dave cmd \"/opt/a b\"\n", "dave///opt/a b!"},
		{"permit cmd docker\n", "refused"},
		{"\"permit\" dave\n", "refused"},
		{"permit \"permit\"\n", "permit//"},
		{"per\\\nmit dave\n", "refused"},
		{"per\\mit dave\n", "dave//!"},
		{"permit \\\n dave\n", "dave//!"},
		{"permit dave \\\n cmd sh\n", "refused"}, /* it is no keyword then, as in doas */
		{"permit dave \"a\nb\"\n", "refused"},
		{"permit dave\\", "refused"},
		{"permit dave{\n", "refused"},
		{"permit dave#\ndeny dave\n", "dave//, dave//"},
		/* the last one decides */
		{"deny dave\npermit dave\n", "dave//, dave//!"},
		{"permit dave\ndeny erin\n", "dave//!, erin//"},
		{"permit dave\ndeny dave cmd sh\n", "dave//!, dave//sh"},
		{"permit dave cmd sh\ndeny dave cmd sh\n", "dave//sh, dave//sh"},
		{"permit dave cmd sh\ndeny dave cmd sh args a\n", "dave//sh!, dave//sh with a"},
		{"permit dave cmd sh args a\ndeny dave cmd sh args b\n",
		 "dave//sh with a!, dave//sh with b"},
		{"permit dave cmd sh args a\ndeny dave cmd sh\n", "dave//sh with a, dave//sh"},
		{"permit dave as root\ndeny dave as 0\n", "dave/root/, dave/0/"},
		{"permit dave\ndeny dave as erin\n", "dave//!, dave/erin/"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(read_doas(cases[i].file, strlen(cases[i].file)), cases[i].told);
	assert_string_equal(read_doas("permit da\0ve\n", 14), "refused");
}

/* A word longer than doas takes, and more rules than are looked at. */
static void test_doas_is_bounded(void **state)
{
	struct text file = {0};

	text_add_string(&file, "permit ");
	for (unsigned int i = 0; i < 1024; i++)
		text_add_char(&file, 'a');
	text_add_char(&file, '\n');
	assert_string_equal(read_doas(file.data, file.size), "refused");
	text_cut(&file, 0);
	for (unsigned int i = 0; i < DOAS_RULES_MAX + 1; i++)
		text_add_string(&file, "permit dave\n");
	assert_string_equal(read_doas(file.data, file.size), "refused");
	text_free(&file);
}

static void test_sudo_reach(void **state)
{
	static const struct {
		const char *command;
		enum access_reach reach;
	} cases[] = {
		{"ALL", REACH_ANYTHING},
		{"!ALL", REACH_NOTHING},
		{"list", REACH_NOTHING},
		{"", REACH_NOTHING},
		{"/usr/bin/docker ps", REACH_ENGINE},
		{"/opt/bin/nerdctl", REACH_ENGINE},
		{"/usr/bin/dockerx", REACH_OTHER},
		{"/usr/bin/d*r", REACH_ENGINE},
		{"/usr/bin/*", REACH_ANYTHING},
		{"/usr/bin/", REACH_ANYTHING},
		{"/opt/", REACH_OTHER},
		{"/bin/bash -c id", REACH_ANYTHING},
		{"/usr/bin/vim /etc/hosts", REACH_OTHER},
		{"^/usr/bin/d.*$", REACH_OTHER},
		{"sha256:a, sha256:b /bin/sh", REACH_ANYTHING},
		{"sha256:a", REACH_OTHER},
		{"/a\\", REACH_OTHER},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		if (access_rule_reach(bytes_of(cases[i].command)) != cases[i].reach)
			fail_msg("%s", cases[i].command);
	assert_true(access_rule_lists(bytes_of("bob, root"), "root"));
	assert_true(access_rule_lists(bytes_of("ALL, !root"), "root"));
	assert_false(access_rule_lists(bytes_of("roots, !root"), "root"));
	assert_false(access_rule_lists((struct bytes){0}, "root"));
}

static void on_name(void *data, enum access_sudo_named kind, struct bytes name, uint32_t id)
{
	size_t used = strlen(seen);

	snprintf(seen + used, sizeof(seen) - used, "%d/%.*s/%u|", kind, (int)name.size,
		 name.data ? name.data : "", id);
}

static bool read_users(const char *json)
{
	seen[0] = '\0';
	return access_sudo_users(bytes_of(json), NULL, on_name);
}

static void test_sudo_users(void **state)
{
	assert_true(read_users(
		"{\"User_Specs\": [{\"User_List\": [{\"username\": \"dave\"}, {\"usergid\": "
		"27}, {\"netgroup\": \"net\"}, {\"username\": \"eve\", \"negated\": true}],"
		"\"Cmnd_Specs\": [{\"runasusers\": [{\"username\": \"root\"}]}]},"
		"{\"User_List\": [{\"usergroup\": \"domain users\"}, {\"username\": \"ALL\"},"
		"{\"userid\": 1234}, {\"nonunixgroup\": \"ad\"}]}]}"));
	assert_string_equal(seen, "0/dave/0|3//27|4/net/0|0/eve/0|2/domain users/0|4/ALL/0|1//1234|"
				  "4/ad/0|");
	assert_true(read_users("{}"));
	/* as where cvtsudoers fails */
	assert_false(read_users(""));
	assert_false(read_users("{\"User_Specs\": [{\"User_List\": [{\"username\": \"x\"}"));
	assert_false(read_users("{\"User_Specs\": [{\"User_List\": [{\"username\": 1}]}]}"));
}

#define HOST                                                                                       \
	"21 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"                                         \
	"22 21 0:24 / /run rw,nosuid - tmpfs tmpfs rw\n"                                           \
	"23 21 0:30 / /mnt/with\\040space rw - tmpfs tmpfs rw\n"

static int next(const char *mounts, struct access_place *place, size_t *at, char *path)
{
	return access_mounts_next(bytes_of(mounts), place, at, path);
}

static void test_mounts(void **state)
{
	struct access_place place, other;
	char path[PATH_MAX];
	size_t at = 0;

	assert_true(access_mounts_place(bytes_of(HOST), "/run/docker.sock", &place));
	assert_true(bytes_are(place.device, "0:24"));
	assert_string_equal(place.path, "/docker.sock");
	assert_true(access_mounts_place(bytes_of(HOST), "/mnt/with space/x", &other));
	assert_string_equal(other.path, "/x");
	assert_true(access_mounts_place(bytes_of(HOST), "/", &other));
	assert_string_equal(other.path, "/");
	assert_true(access_mounts_place(bytes_of(HOST), "/runner", &other));
	assert_string_equal(other.path, "/runner");
	assert_false(access_mounts_place(bytes_of("no mount\n"), "/", &other));

	/* the socket itself, a directory above it, and neither */
	assert_true(next("30 1 0:50 / / rw - overlay o rw\n31 30 0:24 /docker.sock "
			 "/var/run/docker.sock ro - tmpfs t rw\n",
			 &place, &at, path));
	assert_string_equal(path, "/var/run/docker.sock");
	at = 0;
	assert_true(
		next("30 1 0:50 / / rw - overlay o rw\n31 30 0:24 / /host/run rw - tmpfs t rw\n",
		     &place, &at, path));
	assert_string_equal(path, "/host/run/docker.sock");
	assert_false(
		next("30 1 0:50 / / rw - overlay o rw\n31 30 0:24 / /host/run rw - tmpfs t rw\n",
		     &place, &at, path));
	at = 0;
	assert_false(next(
		"30 1 0:50 / / rw - overlay o rw\n31 30 0:24 /docker.sock2 /x rw - tmpfs t rw\n",
		&place, &at, path));
	/* covered by another mount, of the directory or at the same place */
	at = 0;
	assert_false(next(
		"31 30 0:24 / /host/run rw - tmpfs t rw\n32 31 0:99 / /host/run rw - tmpfs t rw\n",
		&place, &at, path));
	at = 0;
	assert_false(next("31 30 0:24 / /run rw - tmpfs t rw\n32 31 0:99 / /run/docker.sock rw - "
			  "tmpfs t rw\n",
			  &place, &at, path));
}

static void test_who_may_write(void **state)
{
	static const uint32_t groups[] = {100, 998};
	struct access_socket socket = {.mode = 0660, .uid = 5, .gid = 998, .group_may = true};

	assert_true(access_may_write(&socket, 1000, groups, 2, false));
	assert_true(access_may_write(&socket, 1000, groups, 2, true));
	assert_false(access_may_write(&socket, 1000, groups, 1, false));
	assert_true(access_may_write(&socket, 5, groups, 1, false));
	assert_true(access_may_write(&socket, 0, groups, 0, false));
	assert_false(access_may_write(&socket, 5, groups, 1, true));
	socket.group_may = false; /* its ACL gives the group nothing */
	assert_false(access_may_write(&socket, 1000, groups, 2, false));
	socket.acl[socket.acl_count++] = (struct access_acl){100, true};
	socket.acl[socket.acl_count++] = (struct access_acl){1001, false};
	assert_true(access_may_write(&socket, 1000, groups, 1, true));
	assert_true(access_may_write(&socket, 1001, NULL, 0, false));
	assert_false(access_may_write(&socket, 1001, NULL, 0, true));
	assert_false(access_may_write(&socket, 100, NULL, 0, false));
	socket.mode = 0666;
	assert_true(access_may_write(&socket, 7, NULL, 0, false));
}

static void expect_quoted(const char *word, const char *wanted)
{
	_cleanup_(text_free) struct text text = {0};

	if (!wanted) {
		assert_false(access_quote(&text, word));
		return;
	}
	assert_true(access_quote(&text, word));
	assert_string_equal(text.data, wanted);
}

static void test_quote(void **state)
{
	expect_quoted("carol", "carol");
	expect_quoted("a b", "'a b'");
	expect_quoted("it's; rm", "'it'\\''s; rm'");
	expect_quoted("", "''");
	expect_quoted("a\nb", NULL);
	expect_quoted("a\xe2\x80\xae", NULL);
	expect_quoted("a\xff", NULL);
}

static void test_directories(void **state)
{
	static const uint32_t groups[] = {100, 998};
	struct access_socket socket = {
		.way_count = 1,
		.ways = {{.step_count = 2, .steps = {{0755, 0, 0}, {0750, 0, 998}}}}};

	assert_true(access_passes(&socket, 0, NULL, 0));
	assert_true(access_passes(&socket, 1000, groups, 2));
	assert_false(access_passes(&socket, 1000, groups, 1));
	socket.ways[0].steps[1] =
		(struct access_step){0705, 0, 998}; /* the group less than others */
	assert_false(access_passes(&socket, 1000, groups, 2));
	assert_true(access_passes(&socket, 1000, groups, 1));
	socket.ways[0].steps[1] = (struct access_step){0600, 1000, 0};
	assert_false(access_passes(&socket, 1000, groups, 2));
	socket.way_count = 2; /* another path may be open */
	assert_true(access_passes(&socket, 1000, groups, 2));
}

/* Whoever mounts may have many, one over the other: that is not walked for ever, and not taken for none. */
static void test_many_mounts(void **state)
{
	struct access_place place;
	struct text mounts = {0};
	char path[PATH_MAX];
	size_t at = 0;

	assert_true(access_mounts_place(bytes_of("1 0 0:9 / / rw\n2 1 0:24 / /run rw\n"),
					"/run/docker.sock", &place));
	text_add_string(&mounts, "1 0 0:9 / / rw\n");
	for (unsigned int i = 0; i < 5000; i++)
		text_add_string(&mounts, "2 1 0:24 / /a rw\n3 1 0:9 / /a rw\n");
	assert_int_equal(access_mounts_next(text_since(&mounts, 0), &place, &at, path), -E2BIG);
	text_free(&mounts);
}

static void on_assigned(void *data, const struct access_profile *assigned)
{
	size_t used = strlen(seen);

	snprintf(seen + used, sizeof(seen) - used, "%s=%s|", assigned->name,
		 assigned->literal ? assigned->value : "?");
}

static void test_profiles(void **state)
{
	static const struct {
		enum access_profile_form form;
		const char *file, *told;
	} cases[] = {
		{PROFILE_SHELL, "", ""},
		{PROFILE_SHELL, "export DOCKER_HOST=tcp://a:2375", "DOCKER_HOST=tcp://a:2375|"},
		{PROFILE_SHELL, "  DOCKER_HOST=tcp://a # why\nexport DOCKER_HOST\n",
		 "DOCKER_HOST=tcp://a|"},
		{PROFILE_SHELL, "A=b declare -x X DOCKER_CONTEXT='my one';CONTAINER_HOST=\"x\"y",
		 "DOCKER_CONTEXT=my one|CONTAINER_HOST=xy|"},
		{PROFILE_SHELL, "if [ -z \"$DOCKER_HOST\" ]; then DOCKER_HOST=ssh://b; fi",
		 "DOCKER_HOST=ssh://b|"},
		{PROFILE_SHELL, "DOCKER_HOST=tcp://bob:word@h", "DOCKER_HOST=tcp://bob:***@h|"},
		{PROFILE_SHELL, "DOCKER_HOST=tcp://$H\nDOCKER_HOST=`a`\nDOCKER_HOST=$(a)\n",
		 "DOCKER_HOST=?|DOCKER_HOST=?|DOCKER_HOST=?|"},
		{PROFILE_SHELL, "DOCKER_HOST='$a'", "DOCKER_HOST=$a|"},
		{PROFILE_SHELL, "DOCKER_HOST+=a", "DOCKER_HOST=?|"},
		{PROFILE_SHELL, "DOCKER_HOST=\nDOCKER_HOST=''", "DOCKER_HOST=|DOCKER_HOST=|"},
		/* none of it is assigned */
		{PROFILE_SHELL, "# DOCKER_HOST=a\necho DOCKER_HOST=a\nXDOCKER_HOST=a\n", ""},
		{PROFILE_SHELL, "'DOCKER_HOST=a'\nDOCKER_HOST =a\nDOCKER_HOSTS=a\n=\n+=\n", ""},
		{PROFILE_SHELL, "X=a\\ DOCKER_HOST=a", ""},
		{PROFILE_SHELL, "echo 'a\nDOCKER_HOST=a\n'; DOCKER_HOST=b", "DOCKER_HOST=b|"},
		{PROFILE_SHELL, "DOCKER_HOST='a\nDOCKER_HOST=b'", "DOCKER_HOST=?|"},
		{PROFILE_SHELL, "DOCKER_HOST=a\\", "DOCKER_HOST=?|"},
		{PROFILE_ENVIRONMENT, "DOCKER_HOST=tcp://a;b\n#DOCKER_HOST=c\nexport DOCKER_HOST=d",
		 "DOCKER_HOST=tcp://a;b|DOCKER_HOST=d|"},
		{PROFILE_ENVIRONMENT, "DOCKER_HOST=\"tcp://${H}\"\necho DOCKER_HOST=x",
		 "DOCKER_HOST=?|"},
		{PROFILE_SYSTEMD,
		 "[Manager]\n#DefaultEnvironment=DOCKER_HOST=c\n"
		 "DefaultEnvironment=A=b \"DOCKER_HOST=tcp://a\" 'DOCKER_CONTEXT=b c' "
		 "CONTAINER_HOST=%h\nDOCKER_HOST=x",
		 "DOCKER_HOST=tcp://a|DOCKER_CONTEXT=b c|CONTAINER_HOST=?|"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		seen[0] = '\0';
		access_profile_read(bytes_of(cases[i].file), cases[i].form, NULL, on_assigned);
		assert_string_equal(seen, cases[i].told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sudo_rules),  cmocka_unit_test(test_sudo_reach),
		cmocka_unit_test(test_doas),	    cmocka_unit_test(test_doas_is_bounded),
		cmocka_unit_test(test_sudo_users),  cmocka_unit_test(test_who_may_write),
		cmocka_unit_test(test_many_mounts), cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_profiles),    cmocka_unit_test(test_quote),
		cmocka_unit_test(test_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
