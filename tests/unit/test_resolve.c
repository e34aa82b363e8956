/* SPDX-License-Identifier: Apache-2.0 */
/* Which watched socket a refused connect meant, where its caller ends while its path is walked. */
#include "unit.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/hostfiles.h"
#include "host/resolve.h"

#define SOCKET "/no/such.sock"
#define INDEX 1
#define INITIAL_USER_NS 0xeffffffd /* PROC_USER_INIT_INO of the kernel */

static const char *const sockets[] = {"/other.sock", SOCKET};

/* --- what is around it ------------------------------------------------------------------------ */

static struct {
	pid_t caller;	    /* a child, which waits; 0: it has ended */
	bool ends;	    /* during the walk */
	unsigned int walks; /* so far */
	bool whole;	    /* what a walk comes to is there */
	bool in_kernel;	    /* the kernel knows it for the socket's */
} played;

static void end_caller(void)
{
	if (!played.caller)
		return;
	kill(played.caller, SIGKILL);
	waitpid(played.caller, NULL, 0);
	played.caller = 0;
}

/* Begins, and comes to the socket's directory, or to the socket, unless nothing is to be seen there any more. */
int __wrap_hostfiles_walk(const struct hostfiles_place *place, const char *path,
			  const struct hostfiles_visitor *visitor, struct hostfiles_end *ret)
{
	int fd;

	(void)visitor;
	assert_string_equal(path, SOCKET);
	played.walks++;
	if (played.ends)
		end_caller();
	fd = open(place->root, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	ret->whole = played.whole;
	ret->missing = !played.whole;
	strcpy(ret->done, played.whole ? SOCKET : "/no");
	strcpy(ret->rest, played.whole ? "" : "/such.sock");
	return fd;
}

int __wrap_proc_open(uint32_t pid, uint64_t start)
{
	char path[32];
	int fd;

	(void)start;
	snprintf(path, sizeof(path), "/proc/%u", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

struct watches *capture_watches(struct capture *capture)
{
	(void)capture;
	return NULL;
}

int watches_match(struct watches *watches, int fd)
{
	(void)watches;
	assert_true(fd >= 0);
	return played.in_kernel ? INDEX : -ENOENT;
}

int watches_match_name(struct watches *watches, int fd, const char *name)
{
	(void)name;
	return watches_match(watches, fd);
}

int watches_match_path(struct watches *watches, const char *path)
{
	(void)watches;
	return strcmp(path, SOCKET) ? -ENOENT : INDEX;
}

/* --- tests ------------------------------------------------------------------------------------ */

static int setup(void **state)
{
	(void)state;
	memset(&played, 0, sizeof(played));
	played.caller = fork();
	if (!played.caller)
		for (;;)
			pause();
	return played.caller < 0;
}

static int teardown(void **state)
{
	(void)state;
	end_caller();
	return 0;
}

static ino_t mount_namespace(void)
{
	struct stat info;

	assert_int_equal(stat("/proc/self/ns/mnt", &info), 0);
	return info.st_ino;
}

/* Of the caller, whose mounts are those of MNT_NS. */
static struct resolve question(ino_t mnt_ns)
{
	struct resolve resolve = {
		.path = SOCKET,
		.root = "/",
		.mnt_ns = (uint32_t)mnt_ns,
		.processes = {{.pid = (uint32_t)played.caller}},
		.process_count = 1,
		.fd = -1,
	};
	struct stat info;

	/* In a user namespace no walk is begun. */
	if (stat("/proc/self/ns/user", &info) || info.st_ino != INITIAL_USER_NS)
		skip();
	return resolve;
}

/* Walks; what ERROR of the connect is found to mean. */
static int answer(struct resolve *resolve, int error)
{
	struct callerd_event_header header = {.socket = CALLERD_NO_SOCKET};
	struct event event = {.header = &header, .error = error};
	int index;

	resolve_walk(resolve);
	index = resolve_end(resolve, true, NULL, &event, sockets, 2);
	resolve_close(resolve);
	return index;
}

static void test_a_caller_that_stays(void **state)
{
	struct resolve resolve = question(mount_namespace());

	assert_int_equal(answer(&resolve, ENOENT), INDEX);
	assert_int_equal(played.walks, 1);
	assert_string_equal(resolve.end, SOCKET);
}

/* The agent, which has the same mounts, goes the way once more. */
static void test_a_caller_that_ends(void **state)
{
	struct resolve resolve = question(mount_namespace());

	played.ends = true;
	assert_int_equal(answer(&resolve, ENOENT), INDEX);
	assert_int_equal(played.walks, 2);
	assert_false(resolve.unsure);
	assert_false(resolve.elsewhere);
}

/* And one that was gone before. */
static void test_a_caller_that_is_gone(void **state)
{
	struct resolve resolve = question(mount_namespace());

	end_caller();
	assert_int_equal(answer(&resolve, ENOENT), INDEX);
	assert_int_equal(played.walks, 1);
}

/* Nobody is left in its mounts: that is told. */
static void test_mounts_that_are_gone(void **state)
{
	struct resolve resolve = question(1);

	assert_int_equal(answer(&resolve, ENOENT), -ESRCH);
	assert_int_equal(played.walks, 0);
}

/* Its ancestor stands in for one who ends in a root of his own; not the agent, who has another root. */
static void test_a_caller_in_a_root_of_its_own(void **state)
{
	struct resolve resolve = question(mount_namespace());

	strcpy(resolve.root, "/not/there");
	played.ends = true;
	assert_int_equal(answer(&resolve, ENOENT), -ESRCH);
	assert_int_equal(played.walks, 2);
}

/* A socket that the kernel was not told of yet. */
static void test_what_has_just_appeared(void **state)
{
	struct resolve resolve = question(mount_namespace());

	played.whole = true;
	assert_int_equal(answer(&resolve, ECONNREFUSED), INDEX);
	strcpy(resolve.root, "/not"); /* which is another one's path */
	resolve.end[0] = '\0';
	assert_int_equal(answer(&resolve, ECONNREFUSED), -ENOENT);
	played.in_kernel = true;
	assert_int_equal(answer(&resolve, ECONNREFUSED), INDEX);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_caller_that_stays),		  TEST(test_a_caller_that_ends),
		TEST(test_a_caller_that_is_gone),	  TEST(test_mounts_that_are_gone),
		TEST(test_a_caller_in_a_root_of_its_own), TEST(test_what_has_just_appeared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
