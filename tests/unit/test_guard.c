// SPDX-License-Identifier: Apache-2.0
/* Members of groups, rules that name engines, and what a change of a file means. */
#include "unit.h"

#include <sys/stat.h>

#include "guard/exposure.h"
#include "guard/members.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "alice:x:1000:1000::/home/alice:/bin/sh\n"
			     "bob:x:1001:998::/home/bob:/bin/sh\n"
			     "toor:x:0:0::/root:/bin/sh\n";

static struct members list(const char *users, const char *group, const char *gshadow)
{
	static const uint32_t groups[] = {998};
	struct members members;

	assert_int_equal(members_list(bytes_of(users), bytes_of(group), bytes_of(gshadow), groups,
				      1, &members),
			 0);
	return members;
}

static void expect_list(const char *users, const char *group, const char *gshadow,
			const char *wanted)
{
	struct members members = list(users, group, gshadow);

	assert_string_equal(members.lines.data ? members.lines.data : "", wanted);
	members_free(&members);
}

static void test_members(void **state)
{
	expect_list(passwd, "docker:x:998:alice,carol\nusers:x:100:dave\n", "docker:!::\n",
		    "docker/\ndocker/alice\ndocker/bob\ndocker/carol\nuid 0/\nuid 0/root\nuid "
		    "0/toor\n");
	/* a group with a password, a name twice, an empty name, a last line without its end */
	expect_list("", "docker:x:998:alice,,alice", "docker:$6$x:bob:\n",
		    "docker/\ndocker/:\ndocker/alice\nuid 0/\n");
	expect_list("", "docker:x:998:", "docker:*::\n", "docker/\nuid 0/\n");
	/* no numbers */
	expect_list("a:x:-0:0\nb:x:00000000000:0\nc:x::0\nd\n", "docker:x:0998x:a\n:x:998:e\n", "",
		    "/\n/e\nuid 0/\n");
}

static void test_new_members(void **state)
{
	struct members before = list("", "docker:x:998:alice,bob\n", "");
	struct members now = list("", "docker:x:998:carol,bob,dave\n", "");
	struct bytes line;
	size_t at = 0;

	assert_true(members_next_new(&before, &now, &at, &line));
	assert_true(bytes_are(line, "docker/carol"));
	assert_true(members_next_new(&before, &now, &at, &line));
	assert_true(bytes_are(line, "docker/dave"));
	assert_false(members_next_new(&before, &now, &at, &line));
	members_free(&before);
	members_free(&now);
}

static void test_engine_lines(void **state)
{
	uint64_t rule = look_engine_lines(bytes_of("x\nbob ALL = /usr/bin/docker\n"));

	assert_int_not_equal(rule, 0);
	assert_int_equal(look_engine_lines(bytes_of("bob ALL = /usr/bin/docker")), rule);
	assert_int_not_equal(look_engine_lines(bytes_of("bob ALL = /usr/bin/podman")), rule);
	assert_int_equal(look_engine_lines(bytes_of(" # docker\nbob ALL = ALL\n")), 0);
	assert_int_equal(look_engine_lines(bytes_of("")), 0);
}

static void test_exposure(void **state)
{
	struct look_file before = {
		.present = true, .mode = S_IFSOCK | 0660, .gid = 998, .inode = 1};
	struct look_file now = before;
	struct text detail = {0};

	assert_int_equal(exposure_compare(&before, &now), 0);
	assert_false(exposure_widens(&before, &now, &detail));
	now.mode = S_IFSOCK | 0666;
	assert_int_equal(exposure_compare(&before, &now), CHANGE_MODE);
	assert_true(exposure_widens(&before, &now, &detail));
	assert_string_equal(detail.data, "every user may write");
	text_cut(&detail, 0);
	assert_false(exposure_widens(&now, &before, &detail)); /* the way back */
	now = before;
	now.gid = 100;
	assert_int_equal(exposure_compare(&before, &now), CHANGE_GROUP);
	assert_true(exposure_widens(&before, &now, &detail));
	now.gid = 0; /* root's group */
	assert_false(exposure_widens(&before, &now, &detail));
	now = before;
	strcpy(now.acl, "user:1000:r--");
	now.acl_hash = 1;
	assert_int_equal(exposure_compare(&before, &now), CHANGE_ACL);
	assert_false(exposure_widens(&before, &now, &detail));
	strcpy(now.acl, "user:1000:rw-");
	now.acl_hash = 2;
	now.acl_writes = true;
	assert_true(exposure_widens(&before, &now, &detail));
	now = before;
	now.inode = 2;
	assert_int_equal(exposure_compare(&before, &now), CHANGE_REPLACED);
	now.mount = 7;
	assert_int_equal(exposure_compare(&before, &now), CHANGE_MOUNTED);
	now.present = false;
	assert_int_equal(exposure_compare(&before, &now), CHANGE_DELETED);
	assert_int_equal(exposure_compare(&now, &before), CHANGE_CREATED);
	text_free(&detail);
}

static void test_findings(void **state)
{
	assert_int_equal(exposure_find(CHANGE_SOCKET, CHANGE_CREATED, true), FINDING_NONE);
	assert_int_equal(exposure_find(CHANGE_SOCKET, CHANGE_CREATED, false),
			 FINDING_SOCKET_REPLACED);
	assert_int_equal(exposure_find(CHANGE_SOCKET, CHANGE_MOVED, false), FINDING_SOCKET_REMOVED);
	assert_int_equal(exposure_find(CHANGE_SOCKET, CHANGE_TOUCHED, false), FINDING_NOT_JUDGED);
	assert_int_equal(exposure_find(CHANGE_SUDOERS, CHANGE_CONTENT, false),
			 FINDING_SUDOERS_CHANGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),	     cmocka_unit_test(test_new_members),
		cmocka_unit_test(test_engine_lines), cmocka_unit_test(test_exposure),
		cmocka_unit_test(test_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
