// SPDX-License-Identifier: Apache-2.0
/* One look at a login, on a /proc and a /run of the test's own: whose word counts, and what a user can make others say. */
#include "files.h"

#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <utmp.h>

#include "base/clock.h"
#include "broker/broker.h"
#include "kernel/capture.h"
#include "login/login_look.h"
#include "login/utmp.h"

#define HOSTS_MOUNTS 10
#define BOOTED 1000 /* seconds since 1970 */
#define SOCKETS 3

/* --- the host --------------------------------------------------------------------------------- */

/* Where PATH is here; what is of an open directory stays as it is. */
static const char *path_here(const char *path, char ret[PATH_MAX])
{
	if (path[0] != '/')
		return path;
	snprintf(ret, PATH_MAX, "%s%s", directory, path);
	return ret;
}

int __real_broker_open(int at, const char *path, int flags, mode_t mode);

int __wrap_broker_open(int at, const char *path, int flags, mode_t mode)
{
	char here[PATH_MAX];

	return __real_broker_open(at, path_here(strcmp(path, "exe") ? path : "/program", here),
				  flags, mode);
}

DIR *__real_broker_opendir(int at, const char *path);

DIR *__wrap_broker_opendir(int at, const char *path)
{
	char here[PATH_MAX];

	return __real_broker_opendir(at, path_here(path, here));
}

ssize_t __real_broker_readlink(int at, const char *path, char *ret, size_t size);

ssize_t __wrap_broker_readlink(int at, const char *path, char *ret, size_t size)
{
	char here[PATH_MAX];

	return __real_broker_readlink(at, path_here(path, here), ret, size);
}

/* Each program is the host's own file. */
int __wrap_broker_stat(int at, const char *path, struct stat *ret, int flags)
{
	char here[PATH_MAX];

	return stat(path_here("/program", here), ret);
}

static struct broker_socket sockets[SOCKETS];

int __wrap_broker_socket(int pidfd, int number, struct broker_socket *ret)
{
	*ret = sockets[number];
	return 0;
}

/* NAME in the directory of PID. */
static const char *path_of_process(uint32_t pid, const char *name, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/proc/%u/%s", directory, pid, name);
	return ret;
}

/* No kernel programs are asked. */
ssize_t __wrap_capture_args(struct capture *capture, uint32_t pid, uint64_t start,
			    char args[CALLERD_ARGV_MAX], bool *ret_truncated)
{
	return -ENOENT;
}

bool __wrap_capture_has_labels(void)
{
	return false;
}

static void put_file(uint32_t pid, const char *name, const char *text)
{
	char path[PATH_MAX];

	files_write(path_of_process(pid, name, path), text, strlen(text));
}

static void put_link(uint32_t pid, const char *name, const char *to)
{
	char path[PATH_MAX];

	unlink(path_of_process(pid, name, path));
	assert_int_equal(symlink(to, path), 0);
}

static void make_directory(uint32_t pid, const char *name)
{
	char path[PATH_MAX];

	assert_true(!mkdir(path_of_process(pid, name, path), 0755) || errno == EEXIST);
}

struct played {
	uint32_t pid, parent, session;
	unsigned int second; /* since boot, of its start */
	const char *file;
	bool contained;
};

static void put_process(struct played process)
{
	char text[256];

	make_directory(process.pid, "");
	make_directory(process.pid, "ns");
	make_directory(process.pid, "fd");
	snprintf(text, sizeof(text), "%u (a) b) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 %lu 0\n",
		 process.pid, process.second * sysconf(_SC_CLK_TCK));
	put_file(process.pid, "stat", text);
	snprintf(text, sizeof(text), "Name:\tx\nPPid:\t%u\nUid:\t0\t0\t0\t0\n", process.parent);
	put_file(process.pid, "status", text);
	snprintf(text, sizeof(text), "%u", process.session);
	put_file(process.pid, "sessionid", text);
	put_link(process.pid, "exe", process.file);
	put_link(process.pid, "ns/mnt", process.contained ? "mnt:[11]" : "mnt:[10]");
	put_link(process.pid, "ns/net", process.contained ? "net:[21]" : "net:[20]");
	put_link(process.pid, "ns/pid", "pid:[4026531836]");
	put_link(process.pid, "ns/cgroup", "cgroup:[4026531835]");
	put_link(process.pid, "ns/user", "user:[40]");
}

static void set_address(struct sockaddr_storage *ret, socklen_t *size, const char *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;

	*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(50022)};
	inet_pton(AF_INET, address, &v4->sin_addr);
	*size = sizeof(*v4);
}

/* NUMBER of this process, which is sshd; PEER NULL: nobody is there. */
static void put_socket(unsigned int number, const char *peer)
{
	struct broker_socket *socket = &sockets[number];

	*socket = (struct broker_socket){.is_socket = true, .type = SOCK_STREAM};
	set_address(&socket->address, &socket->size, "10.0.0.1");
	if (peer)
		set_address(&socket->peer, &socket->peer_size, peer);
	put_link((uint32_t)getpid(), number ? "fd/1" : "fd/0", "socket:[7]");
}

static void put_entry(uint32_t pid, int second, const char *host, const char *address)
{
	char here[PATH_MAX];
	struct utmp entry = {.ut_type = USER_PROCESS, .ut_pid = (int)pid, .ut_line = "pts/0"};

	entry.ut_tv.tv_sec = BOOTED + second;
	strncpy(entry.ut_host, host, sizeof(entry.ut_host));
	if (address)
		inet_pton(AF_INET, address, entry.ut_addr_v6);
	files_append(path_here(UTMP_PATH, here), &entry, sizeof(entry));
}

static int begin_host(void **state)
{
	char here[PATH_MAX];

	if (files_prepare("/tmp"))
		return -1;
	for (const char *const *name = (const char *const[]){"/proc", "/run", NULL}; *name; name++)
		mkdir(path_here(*name, here), 0755);
	files_write(path_here("/program", here), "x", 1);
	put_process((struct played){1, 0, CALLERD_UNSET_ID, 1, "/sbin/init"});
	snprintf(here, sizeof(here), "%s/proc/self", directory);
	if (symlink("1", here))
		return -1;
	return 0;
}

static int end_host(void **state)
{
	return files_remove(directory);
}

static struct login_question question_of(uint32_t session, uint32_t leader, unsigned int second)
{
	struct login_question ret = {.mnt_ns = HOSTS_MOUNTS, .boot_to_real = BOOTED * NS_PER_S};

	ret.key = (struct login_key){.session = session, .user = 1000, .leader = leader};
	ret.key.leader_start = second * NS_PER_S;
	if (leader) {
		ret.above[ret.above_count].pid = leader;
		ret.above[ret.above_count++].start = ret.key.leader_start;
	} else {
		ret.searches = true;
	}
	return ret;
}

/* --- utmp ------------------------------------------------------------------------------------- */

/* tmux has its panes entered with a host of its own making; anybody can have anything entered. */
static void test_what_users_enter(void **state)
{
	struct login_question question = question_of(3, 0, 0);
	struct login_found found;

	put_process((struct played){2712, 1, 3, 100, "/usr/bin/tmux"});
	put_entry(2712, 110, "10.9.9.9", NULL);
	put_entry(2712, 111, "tmux(2712).%0", NULL);
	question.above[0].pid = 2712;
	question.above[0].start = 100 * NS_PER_S;
	question.above_count = 1;
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 0);
	assert_string_equal(found.login.address, "");
	assert_string_equal(found.login.host, "");
}

/* What login enters of itself comes first; below it the user has more entered in its name. */
static void test_first_entry(void **state)
{
	struct login_question question = question_of(3, 700, 90);
	struct login_found found;

	put_process((struct played){700, 1, 3, 90, "/usr/bin/login"});
	put_entry(700, 110, "10.9.9.9", NULL);
	put_entry(700, 95, "desk.example.com", NULL);
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 1u << LOGIN_BY_PROCESS | 1u << LOGIN_BY_UTMP);
	assert_string_equal(found.login.host, "desk.example.com");
	assert_string_equal(found.login.address, "");
}

/* The process has ended, and another one has its PID and an entry. */
static void test_reused_pid(void **state)
{
	struct login_question question = question_of(3, 700, 90);
	struct login_found found;

	put_process((struct played){700, 1, 3, 90, "/usr/bin/login"});
	put_process((struct played){815, 1, 4, 200, "/usr/bin/login"});
	question.above[1].pid = 815;
	question.above[1].start = 91 * NS_PER_S;
	question.above_count = 2;
	put_entry(815, 201, "10.9.9.9", NULL);
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 1u << LOGIN_BY_PROCESS);
	assert_string_equal(found.login.address, "");
}

static void test_host_names(void **state)
{
	static const struct {
		const char *host;
		bool counts;
	} hosts[] = {
		{"x) | sh | ContainerCreate", false},
		{"-x", false},
		{"tmux(1).%0", false},
		{"a b", false},
		{"\xc3\xa4.example", false},
		{":0", false},
		{"build-7_a.example.com", true},
		{"7", true},
	};
	struct login_question question = question_of(3, 700, 90);
	struct login_found found;
	char here[PATH_MAX];

	put_process((struct played){700, 1, 3, 90, "/usr/bin/login"});
	for (size_t i = 0; i < COUNT(hosts); i++) {
		unlink(path_here(UTMP_PATH, here));
		put_entry(700, 95, hosts[i].host, NULL);
		login_look(&question, &found);
		assert_string_equal(found.login.host, hosts[i].counts ? hosts[i].host : "");
	}
}

/* --- logind ----------------------------------------------------------------------------------- */

/* Without a session of audit it is the cgroup's, if its leader is the one above; one that has its PID later is not. */
static void test_logind_leader(void **state)
{
	static const char file[] = "UID=1000\nLEADER=700\nSERVICE=remote\nREMOTE_HOST=10.1.2.3\n";
	struct login_question question = question_of(CALLERD_UNSET_ID, 700, 90);
	struct login_found found;
	char here[PATH_MAX];

	mkdir(path_here("/run/systemd", here), 0755);
	mkdir(path_here("/run/systemd/sessions", here), 0755);
	files_write(path_here("/run/systemd/sessions/c12", here), file, sizeof(file) - 1);
	strcpy(question.key.scope, "c12");
	put_process((struct played){700, 1, CALLERD_UNSET_ID, 90, "/usr/bin/login"});
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 1u << LOGIN_BY_PROCESS | 1u << LOGIN_BY_LOGIND);
	assert_string_equal(found.login.address, "10.1.2.3");
	put_process((struct played){700, 1, CALLERD_UNSET_ID, 200, "/usr/bin/login"});
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 0);
}

/* What is of the kernel, cgroups and PIDs, is the host's; what logind says, of the container that we are in. */
static void test_logind_in_a_container(void **state)
{
	static const char file[] = "UID=1000\nLEADER=376\nAUDIT=3\nSERVICE=login\n";
	static const char unset[] = "UID=1000\nLEADER=377\nSERVICE=su-l\n";
	struct login_question of_audit = question_of(3, 0, 0);
	struct login_question of_cgroup = question_of(CALLERD_UNSET_ID, 0, 0);
	struct login_found found;
	char here[PATH_MAX];

	mkdir(path_here("/run/systemd", here), 0755);
	mkdir(path_here("/run/systemd/sessions", here), 0755);
	files_write(path_here("/run/systemd/sessions/3", here), file, sizeof(file) - 1);
	files_write(path_here("/run/systemd/sessions/c1", here), unset, sizeof(unset) - 1);
	strcpy(of_cgroup.key.scope, "c1");
	login_look(&of_cgroup, &found);
	assert_int_equal(found.login.basis, 1u << LOGIN_BY_LOGIND);
	assert_int_equal(found.login.leader.pid, 377);

	put_link(1, "ns/pid", "pid:[31]");
	put_link(1, "ns/cgroup", "cgroup:[51]");
	login_look(&of_cgroup, &found);
	assert_int_equal(found.login.basis, 0);
	login_look(&of_audit, &found);
	assert_int_equal(found.login.basis, 1u << LOGIN_BY_LOGIND);
	assert_string_equal(found.login.service, "login");
	assert_int_equal(found.login.leader.pid, 0);
	/* Who is above the caller has the host's number in any case. */
	of_audit = question_of(3, 700, 90);
	put_process((struct played){700, 1, 3, 90, "/usr/bin/login"});
	login_look(&of_audit, &found);
	assert_int_equal(found.login.leader.pid, 700);
}

/* --- sshd ------------------------------------------------------------------------------------- */

static struct login_question put_sshd(uint32_t parents_session)
{
	uint32_t own = (uint32_t)getpid();

	memset(sockets, 0, sizeof(sockets));
	put_process((struct played){500, 1, parents_session, 50, "/usr/sbin/sshd"});
	put_process((struct played){own, 500, 3, 80, "/usr/sbin/sshd"});
	return question_of(3, own, 80);
}

static void test_connection(void **state)
{
	struct login_question question = put_sshd(CALLERD_UNSET_ID);
	struct login_found found;

	put_socket(0, "10.1.2.3");
	put_entry((uint32_t)getpid(), 81, "laptop.example.com", "10.1.2.3");
	login_look(&question, &found);
	assert_true(found.owns);
	assert_string_equal(found.login.address, "10.1.2.3");
	assert_int_equal(found.login.port, 50022);
	assert_string_equal(found.login.host, "laptop.example.com");
	/* sshd enters the address, too */
	put_entry((uint32_t)getpid(), 80, "evil.example.com", NULL);
	login_look(&question, &found);
	assert_string_equal(found.login.host, "");
	put_entry((uint32_t)getpid(), 79, "evil.example.com", "10.9.9.9");
	login_look(&question, &found);
	assert_string_equal(found.login.address, "10.1.2.3");
	assert_string_equal(found.login.host, "");
	assert_int_equal(found.login.contradiction_count, 1);
}

/* It came by something else, or what it came by is over: another connection is not taken for it, nor what utmp says. */
static void test_hidden_connection(void **state)
{
	struct login_question question = put_sshd(CALLERD_UNSET_ID);
	struct sockaddr_vm *vsock = (struct sockaddr_vm *)&sockets[1].address;
	struct login_found found;

	put_socket(0, "10.1.2.3");
	put_socket(1, NULL);
	put_entry((uint32_t)getpid(), 81, "10.9.9.9", "10.9.9.9");
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 1u << LOGIN_BY_PROCESS);
	assert_string_equal(found.login.address, "");
	assert_false(found.owns);
	sockets[0] = (struct broker_socket){0}; /* it alone is there */
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 1u << LOGIN_BY_PROCESS);
	put_socket(0, "10.1.2.3");
	*vsock = (struct sockaddr_vm){.svm_family = AF_VSOCK};
	sockets[1].size = sockets[1].peer_size = sizeof(*vsock);
	login_look(&question, &found);
	assert_string_equal(found.login.address, "");
	*(&sockets[1]) = (struct broker_socket){.is_socket = true,
						.type = SOCK_STREAM,
						.accepts = true,
						.size = sizeof(struct sockaddr_in),
						.address.ss_family = AF_INET};
	login_look(&question, &found); /* that it listens there says nothing */
	assert_string_equal(found.login.address, "10.1.2.3");
}

/* A container may have the host's files in its mounts. */
static void test_in_a_container(void **state)
{
	struct login_question question = question_of(3, 700, 90);
	struct login_found found;

	put_process((struct played){700, 1, 3, 90, "/usr/bin/login", .contained = true});
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 0);
	put_link(700, "ns/net", "net:[20]"); /* a unit with mounts of its own */
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 1u << LOGIN_BY_PROCESS);
	put_link(700, "ns/pid", "pid:[31]");
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 0);
}

/* --- whose session ---------------------------------------------------------------------------- */

static void test_search(void **state)
{
	struct login_question question = put_sshd(CALLERD_UNSET_ID);
	struct login_found found;

	put_socket(0, "10.1.2.3");
	question = question_of(3, 0, 0);
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 1u << LOGIN_BY_CONNECTION | 1u << LOGIN_BY_PROCESS |
						    1u << LOGIN_BY_SESSION);
	assert_int_equal(found.login.leader.pid, getpid());
	question.searches = false;
	login_look(&question, &found);
	assert_int_equal(found.login.basis, 0);
}

/* Who starts a daemon by hand is not logged in by it: it has his session. */
static void test_daemon_started_by_hand(void **state)
{
	struct login_question question = put_sshd(3), search = question_of(3, 0, 0);
	struct login_found found;

	put_socket(0, "10.1.2.3");
	login_look(&question, &found); /* below it; it has the session of what it is below */
	assert_string_equal(found.login.address, "10.1.2.3");
	assert_false(found.owns);
	login_look(&search, &found);
	assert_int_equal(found.login.basis, 0);
	/* a daemon is init's child, and listens at most */
	put_process((struct played){(uint32_t)getpid(), 1, 3, 80, "/usr/sbin/sshd"});
	sockets[0].accepts = true;
	login_look(&search, &found);
	assert_int_equal(found.login.basis, 0);
	put_process((struct played){(uint32_t)getpid(), 1, 3, 80, "/usr/sbin/cron"});
	login_look(&search, &found);
	assert_int_equal(found.login.basis, 0);
	assert_false(found.owns);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_host, end_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_users_enter),
		TEST(test_first_entry),
		TEST(test_reused_pid),
		TEST(test_host_names),
		TEST(test_logind_leader),
		TEST(test_logind_in_a_container),
		TEST(test_connection),
		TEST(test_hidden_connection),
		TEST(test_in_a_container),
		TEST(test_search),
		TEST(test_daemon_started_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
