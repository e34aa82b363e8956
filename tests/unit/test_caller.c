// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "process/caller.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define OVERRIDE (1ull << 1)

static struct bytes bytes(const char *string)
{
	return (struct bytes){string, string ? strlen(string) : 0};
}

/* Whether FOUND is WANTED and lies within WHOLE; a WANTED of NULL means nothing found. */
static void assert_found(struct bytes whole, struct bytes found, const char *wanted)
{
	if (!wanted) {
		assert_null(found.data);
		return;
	}
	assert_non_null(found.data);
	assert_int_equal(found.size, strlen(wanted));
	assert_memory_equal(found.data, wanted, found.size);
	assert_true(found.data >= whole.data && found.data + found.size <= whole.data + whole.size);
}

static void test_references(void **state)
{
	struct caller *caller = calloc(1, sizeof(*caller));

	assert_non_null(caller);
	caller->shared.references = 1;
	assert_ptr_equal(caller_ref(caller), caller);
	assert_int_equal(caller->shared.references, 2);
	assert_null(caller_unref(caller));
	assert_int_equal(caller->shared.references, 1);
	assert_null(caller_unref(caller)); /* ASan sees it if that did not free it, or twice */
	assert_null(caller_ref(NULL));
	assert_null(caller_unref(NULL));
}

/* What others keep to themselves, of the process and of each above it; all else stays. */
static void test_in_public(void **state)
{
	static const char above[] = "sudo\0sudo\0secret\0",
			  own[] = "sh\0sh\0-c\0/home\0CI_JOB_ID=1\0";
	struct process ancestor = {
		.pid = 2, .start = 3, .name = {above, 4}, .args = {above + 5, 12}};
	struct lineage *lineage = caller_lineage_new(&ancestor, 1, above, sizeof(above));
	struct caller draft = {.process = {.pid = 5,
					   .start = 6,
					   .name = {own, 2},
					   .args = {own + 3, 6},
					   .args_truncated = true},
			       .uid = 7,
			       .working_directory = {own + 9, 5},
			       .environment = {own + 15, 12},
			       .environment_pid = 5,
			       .environment_truncated = true};
	struct caller *caller = caller_new(&draft, lineage, own, sizeof(own)), *public;

	assert_non_null(caller);
	public = caller_in_public(caller);
	assert_non_null(public);
	assert_ptr_not_equal(public, caller);
	assert_int_equal(public->uid, 7);
	assert_int_equal(public->process.start, 6);
	assert_true(bytes_are(public->process.name, "sh"));
	assert_null(public->process.args.data);
	assert_null(public->working_directory.data);
	assert_null(public->environment.data);
	assert_false(public->process.args_truncated || public->environment_truncated);
	assert_int_equal(public->environment_pid, 0);
	assert_int_equal(public->ancestor_count, 1);
	assert_true(bytes_are(public->ancestors[0].name, "sudo"));
	assert_null(public->ancestors[0].args.data);
	assert_non_null(caller->process.args.data);
	assert_non_null(caller->ancestors[0].args.data);
	caller_unref(public);
	caller_unref(caller);
	assert_int_equal(callers_memory(), 0);
}

/* Root of no login is one somebody only within one cgroup. */
static void test_same_user(void **state)
{
	struct caller a = {.uid = 1, .login_uid = 1, .cgroup = bytes("/a")}, b = a;
	struct caller contained = a;

	b.process.pid = 7;
	b.cgroup = bytes("/b");
	contained.cgroup = bytes("/docker/" ID);
	assert_true(caller_same_user(&a, &a));
	assert_true(caller_same_user(&a, &b));
	assert_false(caller_same_user(&a, &contained));
	assert_false(caller_same_user(&a, NULL));
	assert_false(caller_same_user(NULL, NULL));
	b.process.euid = 2;
	assert_false(caller_same_user(&a, &b));
	b = a;
	b.login_uid = 2;
	assert_false(caller_same_user(&a, &b));
	b = a;
	b.basis = CALLER_FROM_PEER;
	assert_false(caller_same_user(&a, &b));
	a.login_uid = CALLERD_UNSET_ID;
	b = a;
	assert_true(caller_same_user(&a, &b));
	b.cgroup = bytes("/b");
	assert_false(caller_same_user(&a, &b));
}

static void test_same_image(void **state)
{
	struct caller a = {
		.process = {
			.pid = 1, .start = 2, .executable = bytes("/bin/a"), .args = {"a\0b", 4}}};
	struct caller b = a, unknown = {0}, unknown2 = {0};
	char copy[] = "a\0b";

	b.process.args.data = copy;
	assert_true(caller_same_image(&a, &b));
	assert_true(caller_same_image(&a, &a));
	assert_true(caller_same_image(NULL, NULL));
	assert_true(caller_same_image(&unknown, &unknown));
	assert_false(caller_same_image(&unknown, &unknown2));
	assert_false(caller_same_image(&a, NULL));
	assert_false(caller_same_image(NULL, &a));
	copy[2] = 'c';
	assert_false(caller_same_image(&a, &b));
	copy[2] = 'b';
	b.process.start = 3;
	assert_false(caller_same_image(&a, &b));
	b.process.start = 2;
	b.process.pid = 4;
	assert_false(caller_same_image(&a, &b));
	b.process.pid = 1;
	b.process.executable = bytes("/bin/b");
	assert_false(caller_same_image(&a, &b));
	b.process.executable = (struct bytes){0};
	assert_false(caller_same_image(&a, &b));
	b.process.executable = a.process.executable;
	b.process.args = (struct bytes){"", 0}; /* known to be none, against unknown */
	a.process.args = (struct bytes){0};
	assert_false(caller_same_image(&a, &b));
	b.process.args = (struct bytes){0};
	assert_true(caller_same_image(&a, &b));
}

static void test_container_id(void **state)
{
	static const struct {
		const char *cgroup, *id;
	} cases[] = {
		{"/docker/" ID, ID},
		{"/system.slice/docker-" ID ".scope", ID},
		{"/system.slice/docker-" ID ".scope/", ID},
		{"/system.slice/docker-" ID ".scope/init.scope", ID},
		{"/docker/" ID "/system.slice/ssh.service", ID},
		{"/docker/" ID "/docker/" ID2, NULL},
		{"/machine.slice/libpod-" ID ".scope", ID},
		{"/machine.slice/libpod-" ID ".scope/container", ID},
		{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
		 ".scope/container",
		 ID},
		{"/libpod_parent/libpod-" ID "/container", ID},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12ab.slice/"
		 "cri-containerd-" ID ".scope",
		 ID},
		{"/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope", ID},
		{"/kubepods/burstable/pod0f1e2d3c-0000-1111-2222-333344445555/" ID, ID},
		{"/system.slice:docker:" ID, ID},
		{"/kubepods-besteffort-podx.slice:cri-containerd:" ID, ID},
		{"../../docker/" ID, ID},
		{ID, ID},
		/* not a container */
		{"/machine.slice/libpod-conmon-" ID ".scope", NULL},
		{"/kubepods.slice/crio-conmon-" ID ".scope", NULL},
		{"/docker/" ID "0", NULL},
		{"/docker/0" ID, NULL},
		{"/docker/" ID ID2, NULL},
		{"/docker/x" ID, NULL},
		{"/docker/" ID "x", NULL},
		{"/docker/" ID ".service", NULL},
		{"/docker/0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF", NULL},
		{"/docker/0123456789abcdef", NULL},
		{"/system.slice/docker.service", NULL},
		{"/", NULL},
		{"//", NULL},
		{"", NULL},
		{NULL, NULL},
		/* Which of them it runs in cannot be told: each may be another's choice. */
		{"/" ID "/" ID2, NULL},
		{"/docker/" ID "/" ID2, NULL},
		{"/docker-" ID ".scope/docker-" ID2 ".scope", NULL},
		/* a pod is none */
		{"/libpod_parent/" ID "/libpod-" ID2, ID2},
		/* fooled by nothing: the outer one is real, the inner name too long */
		{"/docker/" ID "/" ID2 "0", ID},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct caller caller = {.cgroup = bytes(cases[i].cgroup)};

		assert_found(caller.cgroup, caller_container_id(&caller), cases[i].id);
		assert_null(caller_claimed_container_id(&caller).data);
		if (cases[i].id)
			assert_true(caller_may_be_contained(&caller));
	}
}

static void test_unit(void **state)
{
	static const struct {
		const char *cgroup, *unit;
	} cases[] = {
		{"/system.slice/cron.service", "cron.service"},
		{"/user.slice/user-1000.slice/session-3.scope", "session-3.scope"},
		/* Below its outermost unit it is that unit's own matter. */
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope",
		 "user@1000.service"},
		{"/machine.slice/machine-box.scope/payload/system.slice/telegraf.service",
		 "machine-box.scope"},
		{"/system.slice/systemd-nspawn@box.service/payload/system.slice/cron.service",
		 "systemd-nspawn@box.service"},
		{"/lxc.payload.box/system.slice", "system.slice"},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice", "user@1000.service"},
		{"/system.slice/cron.service/sub/leaf", "cron.service"},
		{"/user.slice/user-1000.slice", "user-1000.slice"},
		{"/system.slice/_cpu.service", "cpu.service"},
		{"/system.slice/docker-" ID ".scope", "docker-" ID ".scope"},
		{"/docker/" ID, NULL},
		{"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope",
		 "cri-containerd-" ID ".scope"},
		{"/system.slice/web.service/libpod-payload-" ID "/container", "web.service"},
		/* Whoever creates a container may choose what is above it, and who is root in it what
		 * is below. */
		{"/telegraf.service/" ID, NULL},
		{"/telegraf.service/libpod-" ID, NULL},
		{"/system.slice/" ID, NULL},
		{"/docker/" ID "/system.slice/telegraf.service", NULL},
		{"/docker-" ID ".scope/docker-" ID2 ".scope", NULL},
		{"/init.scope", "init.scope"},
		{"/.service", NULL},
		{"/_.service", NULL},
		{"/_", NULL},
		{"/", NULL},
		{"", NULL},
		{NULL, NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct caller caller = {.cgroup = bytes(cases[i].cgroup)};

		assert_found(caller.cgroup, caller_unit(&caller), cases[i].unit);
	}
}

/* The end of PATH, from PROVEN on, is what not only root could name. */
static void test_claims(void **state)
{
	static const struct {
		const char *proven, *claimed, *id, *claimed_id, *unit;
		bool contained;
	} cases[] = {
		{"/user.slice/user-1000.slice/user@1000.service", "/" ID, NULL, ID,
		 "user@1000.service", true},
		{"/user.slice/user-1000.slice/user@1000.service", "/telegraf.service", NULL, NULL,
		 "user@1000.service", false},
		{"/user.slice/user-1000.slice/user@1000.service", "/user.slice/libpod-" ID ".scope",
		 NULL, ID, "user@1000.service", true},
		{"/alice", "/docker-" ID ".scope", NULL, ID, NULL, true},
		{"/alice", "/telegraf.service", NULL, NULL, NULL, false},
		{"/docker/" ID, "/" ID2, ID, ID2, NULL, true},
		{"/docker/" ID, "/init", ID, NULL, NULL, true},
		{"", "/docker/" ID, NULL, ID, NULL, true},
		{"", ".../docker/" ID, NULL, ID, NULL, true},
		{"", ".../x.service", NULL, NULL, NULL, true},
		{"", "", NULL, NULL, NULL, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char path[512];
		struct caller caller = {.cgroup_claimed = (uint32_t)strlen(cases[i].claimed)};

		snprintf(path, sizeof(path), "%s%s", cases[i].proven, cases[i].claimed);
		caller.cgroup = bytes(path);
		assert_found(caller.cgroup, caller_container_id(&caller), cases[i].id);
		assert_found(caller.cgroup, caller_claimed_container_id(&caller),
			     cases[i].claimed_id);
		assert_found(caller.cgroup, caller_unit(&caller), cases[i].unit);
		assert_int_equal(caller_may_be_contained(&caller), cases[i].contained);
		caller.cgroup_claimed = UINT32_MAX;
		assert_null(caller_container_id(&caller).data);
		assert_null(caller_unit(&caller).data);
	}
}

#define UID "0f1e2d3c_0000_1111_2222_333344445555"
#define POD "/kubepods.slice/kubepods-pod" UID ".slice"

static void test_pod(void **state)
{
	static const struct {
		const char *cgroup, *uid;
		bool pod;
	} cases[] = {
		{POD "/cri-containerd-" ID ".scope", UID, true},
		{POD "/crio-" ID ".scope", UID, true},
		{POD "/crio-" ID ".scope/inner/of.slice", UID, true},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID
		 ".slice/cri-containerd-" ID ".scope",
		 UID, true},
		{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID
		 ".slice/cri-containerd-" ID ".scope",
		 UID, true},
		/* a static pod */
		{"/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/"
		 "cri-containerd-" ID ".scope",
		 NULL, true},
		/* Who has an engine make a container chooses what is above it, and these would be called so. */
		{POD "/docker-" ID ".scope", NULL, false},
		{POD "/libpod-" ID ".scope", NULL, false},
		{"/kubepods/burstable/pod0f1e2d3c-0000-1111-2222-333344445555/" ID, NULL, false},
		{POD "/crio-conmon-" ID ".scope", NULL, false},
		{POD "/crio-" ID ".scope/docker-" ID2 ".scope", NULL, false},
		{POD "/cri-containerd-" ID, NULL, false},
		{POD, NULL, false},
		{"/system.slice" POD "/cri-containerd-" ID ".scope", NULL, false},
		{"/kubepods.slice/cri-containerd-" ID ".scope", NULL, false},
		{"/kubepods.slice/kubepods-burstable.slice/cri-containerd-" ID ".scope", NULL,
		 false},
		{"/kubepods.slice/other.slice/cri-containerd-" ID ".scope", NULL, false},
		{"/kubepods.slice", NULL, false},
		{"/", NULL, false},
		{NULL, NULL, false},
	};
	struct bytes uid;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct caller caller = {.cgroup = bytes(cases[i].cgroup)};

		if (caller_in_pod(&caller, &uid) != cases[i].pod)
			fail_msg("case %zu", i);
		assert_found(caller.cgroup, uid, cases[i].uid);
		/* What another than root could name proves nothing. */
		caller.cgroup_claimed = (uint32_t)caller.cgroup.size;
		assert_false(caller_in_pod(&caller, &uid));
		caller.cgroup_claimed = (uint32_t)(caller.cgroup.size ? caller.cgroup.size - 1 : 0);
		assert_false(caller_in_pod(&caller, &uid));
	}
}

static void test_access(void **state)
{
	enum { DOCKER = 998, ALICE = 1000, BOB = 1001 };
	static const struct {
		uint32_t fsuid, node_uid, mode;
		bool in_group;
		uint64_t capabilities;
		uint32_t user_ns;
		enum caller_access access;
	} cases[] = {
		{0, 0, 0140660, false, OVERRIDE, 0, CALLER_ACCESS_ROOT},
		{0, ALICE, 0140600, false, OVERRIDE, 0, CALLER_ACCESS_ROOT},
		{0, 0, 0140660, false, OVERRIDE, 0xeffffffd, CALLER_ACCESS_ROOT},
		{0, 0, 0140660, false, 0, 0, CALLER_ACCESS_OWNER},
		/* Root of a user namespace. */
		{0, 0, 0140660, false, OVERRIDE, 0xf0000001, CALLER_ACCESS_OWNER},
		{0, ALICE, 0140660, false, OVERRIDE, 0xf0000001, CALLER_ACCESS_UNKNOWN},
		{0, ALICE, 0140660, false, 0, 0, CALLER_ACCESS_ACL},
		{ALICE, ALICE, 0140660, true, 0, 0, CALLER_ACCESS_OWNER},
		{ALICE, 0, 0140660, true, 0, 0, CALLER_ACCESS_GROUP},
		{ALICE, 0, 0140660, true, OVERRIDE, 0, CALLER_ACCESS_GROUP},
		{ALICE, 0, 0140666, true, 0, 0, CALLER_ACCESS_GROUP},
		{ALICE, 0, 0140666, false, 0, 0, CALLER_ACCESS_OTHER},
		{ALICE, 0, 0140666, false, OVERRIDE, 0, CALLER_ACCESS_OTHER},
		{ALICE, 0, 0140660, false, 0, 0, CALLER_ACCESS_ACL},
		{ALICE, 0, 0140660, false, OVERRIDE, 0, CALLER_ACCESS_CAPABILITY},
		{ALICE, 0, 0140660, false, OVERRIDE, 0xeffffffd, CALLER_ACCESS_CAPABILITY},
		{ALICE, 0, 0140660, false, OVERRIDE, 0xf0000001, CALLER_ACCESS_UNKNOWN},
		{ALICE, 0, 0140660, false, ~OVERRIDE, 0, CALLER_ACCESS_ACL},
		/* The owner's bits are the last word for the owner, the group's for a member. */
		{ALICE, ALICE, 0140066, true, 0, 0, CALLER_ACCESS_UNKNOWN},
		{ALICE, ALICE, 0140066, true, OVERRIDE, 0, CALLER_ACCESS_CAPABILITY},
		{ALICE, 0, 0140606, true, 0, 0, CALLER_ACCESS_UNKNOWN},
		{ALICE, 0, 0140606, true, OVERRIDE, 0, CALLER_ACCESS_CAPABILITY},
		/* No ACL grants what its mask, shown as the group's bits, lacks. */
		{ALICE, 0, 0140600, false, 0, 0, CALLER_ACCESS_UNKNOWN},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct caller caller = {
			.fsuid = cases[i].fsuid,
			.has_node = true,
			.node_uid = cases[i].node_uid,
			.node_gid = DOCKER,
			.node_mode = cases[i].mode,
			.in_node_group = cases[i].in_group,
			.capabilities = cases[i].capabilities,
			.user_ns = cases[i].user_ns,
		};

		if (caller_access(&caller) != cases[i].access)
			fail_msg("case %zu: %d, not %d", i, caller_access(&caller),
				 cases[i].access);
		caller.has_node = false;
		assert_int_equal(caller_access(&caller), CALLER_ACCESS_UNKNOWN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_public),    cmocka_unit_test(test_references),
		cmocka_unit_test(test_same_user),    cmocka_unit_test(test_same_image),
		cmocka_unit_test(test_container_id), cmocka_unit_test(test_unit),
		cmocka_unit_test(test_claims),	     cmocka_unit_test(test_pod),
		cmocka_unit_test(test_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
