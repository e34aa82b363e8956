// SPDX-License-Identifier: Apache-2.0
/* Names out of the files, and of services that hang; the host's id. */
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "host/host.h"
#include "host/user_names.h"

#define PATIENCE (5 * NS_PER_S)
#define NAME_SIZE 64
#define THREADS_OF_ACCOUNT_MAX 2 /* of beside.c */

/* The name service, as a test wants it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const char *served; /* NULL: it has no such name */
static int failure;
static bool stuck;
static unsigned int questions;

int __wrap_getpwuid_r(uid_t id, struct passwd *entry, char *memory, size_t size,
		      struct passwd **found)
{
	pthread_mutex_lock(&lock);
	questions++;
	pthread_cond_broadcast(&changed);
	while (stuck)
		pthread_cond_wait(&changed, &lock);
	entry->pw_name = (char *)served;
	*found = served ? entry : NULL;
	pthread_mutex_unlock(&lock);
	return failure;
}

/* The clock, and the file in the place of /etc/passwd. */
static uint64_t passed;
static char path[32];

uint64_t __real_clock_now(clockid_t id);
int __real_stat(const char *name, struct stat *info);
FILE *__real_fopen(const char *name, const char *mode);

uint64_t __wrap_clock_now(clockid_t id)
{
	return __real_clock_now(id) + passed;
}

static const char *place_of(const char *name)
{
	return strcmp(name, "/etc/passwd") ? name : path;
}

int __wrap_stat(const char *name, struct stat *info)
{
	return __real_stat(place_of(name), info);
}

FILE *__wrap_fopen(const char *name, const char *mode)
{
	return __real_fopen(place_of(name), mode);
}

static void pass(unsigned int seconds)
{
	passed += seconds * NS_PER_S;
}

static void serve(const char *name, int error, bool hang)
{
	pthread_mutex_lock(&lock);
	served = name;
	failure = error;
	stuck = hang;
	questions = 0;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void write_file(const char *text)
{
	int fd;

	strcpy(path, "/tmp/names.XXXXXX");
	fd = mkstemp(path);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void check(struct names *names, uint32_t id, enum names_answer wanted, const char *name)
{
	char found[NAME_SIZE];

	assert_int_equal(user_names_find(names, NAMES_USER, id, found, sizeof(found)), wanted);
	assert_string_equal(found, name);
}

static void test_files(void **state)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/bash\n"
				   "toor:x:0:0::/:/bin/sh\n" /* the first one counts */
				   "+nis:x:5:5:::\n-nis:x:5:5:::\n# remark:x:5:\n"
				   "\n:::\nbroken\nbroken:x\nbroken:x:\nbroken:x:5x:5:::\n"
				   "bare::7:7:::\nlast:x:8";
	char before[sizeof(path)];
	struct names *names;

	serve(NULL, 0, false);
	assert_int_equal(user_names_new(&names), 0);
	write_file(text);
	check(names, 0, NAMES_FOUND, "root");
	check(names, 7, NAMES_FOUND, "bare");
	check(names, 8, NAMES_FOUND, "last");
	assert_int_equal(questions, 0);
	check(names, 5, NAMES_NONE, "");
	assert_int_equal(questions, 1);
	check(names, 5, NAMES_NONE, ""); /* and is believed */
	assert_int_equal(questions, 1);
	strcpy(before, path);
	write_file("admin:x:0:0:::\n"); /* another file: its inode differs */
	unlink(before);
	check(names, 0, NAMES_FOUND, "root");
	pass(61);
	check(names, 0, NAMES_FOUND, "admin");
	unlink(path);
	user_names_free(names);
}

static void run_until_told(struct beside *beside)
{
	struct pollfd fd = {.fd = beside_fd(beside), .events = POLLIN};

	poll(&fd, 1, -1);
	beside_run(beside, 0);
}

static void test_services(void **state)
{
	struct beside *beside;
	struct names *names;

	assert_int_equal(user_names_new(&names), 0);
	assert_int_equal(beside_new(NULL, &beside), 0);
	user_names_ask_beside(names, beside);
	write_file("");
	serve("alice", 0, true);
	check(names, 1000, NAMES_ASKED, "");
	check(names, 1000, NAMES_ASKED, "");
	assert_int_equal(user_names_news(names), 0);
	serve("alice", 0, false);
	run_until_told(beside);
	check(names, 1000, NAMES_FOUND, "alice");
	assert_int_equal(user_names_news(names), 1);

	/* What was known stays, until there is another answer. */
	serve("alicia", 0, true);
	pass(61);
	check(names, 1000, NAMES_FOUND, "alice");
	serve("alicia", 0, false);
	run_until_told(beside);
	check(names, 1000, NAMES_FOUND, "alicia");
	assert_int_equal(user_names_news(names), 2);

	/* No answer is not the answer that there is none. */
	serve(NULL, EIO, false);
	check(names, 1001, NAMES_ASKED, "");
	run_until_told(beside);
	check(names, 1001, NAMES_ASKED, "");
	pass(6);
	serve(NULL, 0, false);
	check(names, 1001, NAMES_ASKED, "");
	run_until_told(beside);
	check(names, 1001, NAMES_NONE, "");
	unlink(path);
	while (!beside_free(beside))
		;
	user_names_free(names);
}

/* Each question stuck: some are asked, the others refused, and nobody waits. */
static void test_services_hang(void **state)
{
	struct beside *beside;
	struct names *names;
	uint64_t now;

	passed = 0;
	assert_int_equal(user_names_new(&names), 0);
	assert_int_equal(beside_new(NULL, &beside), 0);
	user_names_ask_beside(names, beside);
	write_file("bob:x:1:1:::\n");
	serve("alice", 0, true);
	for (uint32_t id = 1000; id < 1400; id++)
		check(names, id, NAMES_ASKED, "");
	pthread_mutex_lock(&lock);
	while (questions < THREADS_OF_ACCOUNT_MAX)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	now = clock_now(CLOCK_BOOTTIME);
	beside_run(beside, now);
	beside_run(beside, now + 2 * PATIENCE);
	check(names, 1000, NAMES_ASKED, "");
	check(names, 1, NAMES_FOUND, "bob");
	assert_int_equal(questions, THREADS_OF_ACCOUNT_MAX);
	serve("alice", 0, false);
	while (!beside_free(beside))
		;
	unlink(path);
	user_names_free(names);
}

/* What `systemd-id128 machine-id -a 8d4f9a52-b7c3-4e06-a1d2-5e6f90c37b18` says on such a host. */
static void test_host_id(void **state)
{
	static const char *const none[] = {"",
					   "uninitialized",
					   "00000000000000000000000000000000",
					   "0123456789abcdef0123456789abcde",
					   "0123456789abcdef0123456789abcdef0",
					   "0123456789abcdef0123456789abcdeg",
					   "0123456789ABCDEF0123456789ABCDEF",
					   "01234567-89ab-cdef-0123-456789abcdef"};
	char id[33];

	assert_true(host_make_id("0123456789abcdef0123456789abcdef", id));
	assert_string_equal(id, "1e5677f9eb6c4cfe9d415f1d2f8fd195");
	for (size_t i = 0; i < COUNT(none); i++) {
		assert_false(host_make_id(none[i], id));
		assert_string_equal(id, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_host_id),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_services_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
