// SPDX-License-Identifier: Apache-2.0
/* digest/: a digest is told of what was executed, or none; and nobody has the reading to himself. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "digest/digest.h"

/* Of the three bytes that each file here has. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char directory[] = "/tmp/callerd-digest-XXXXXX";
static bool in_vain; /* each file changes while it is read */
static unsigned int readings;
static bool large;	/* each file has more than half of what one may have read, sparse */
static bool other_file; /* the kernel says that it is another one */

int __real_broker_digest(int fd, struct broker_digest *ret);

int __wrap_broker_digest(int fd, struct broker_digest *ret)
{
	readings++;
	if (in_vain) {
		errno = ESTALE;
		return -1;
	}
	return __real_broker_digest(fd, ret);
}

static int identify(void *data, int fd, struct callerd_node_key *ret)
{
	struct stat info;

	if (fstat(fd, &info))
		return -errno;
	*ret = (struct callerd_node_key){info.st_ino, (uint32_t)info.st_dev, other_file};
	return 0;
}

struct bench {
	struct beside *beside;
	struct digests *digests;
	char path[64];
	struct caller caller;
};

static void describe(struct bench *bench, const char *name, uint64_t account)
{
	struct stat info;
	FILE *file;

	snprintf(bench->path, sizeof(bench->path), "%s/%s", directory, name);
	file = fopen(bench->path, "w");
	assert_non_null(file);
	fputs("abc", file);
	fclose(file);
	if (large)
		assert_int_equal(truncate(bench->path, DIGEST_OF_ONE / 2 + 1), 0);
	assert_int_equal(chmod(bench->path, 0755), 0);
	assert_int_equal(stat(bench->path, &info), 0);
	memset(&bench->caller, 0, sizeof(bench->caller));
	bench->caller.executable_inode = info.st_ino;
	bench->caller.executable_device = (uint32_t)info.st_dev;
	bench->caller.executable_changed =
		(uint64_t)info.st_ctim.tv_sec * NS_PER_S + (uint64_t)info.st_ctim.tv_nsec;
	bench->caller.account = account;
	bench->caller.process.pid = UINT32_MAX; /* has ended */
	bench->caller.process.start = bench->caller.executable_changed + 2 * NS_PER_S;
	bench->caller.process.executable = bytes_of(bench->path);
}

static bool find(struct bench *bench, char ret[DIGEST_TEXT_SIZE])
{
	return digests_find(bench->digests, &bench->caller, 0, ret);
}

/* Until what was asked for has been answered. */
static void settle(struct bench *bench)
{
	while (beside_is_waiting(bench->beside)) {
		struct pollfd poll_fd = {.fd = beside_fd(bench->beside), .events = POLLIN};

		poll(&poll_fd, 1, 100);
		beside_run(bench->beside, clock_now(CLOCK_BOOTTIME));
	}
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	assert_int_equal(beside_new(NULL, &bench->beside), 0);
	assert_int_equal(digests_new(&bench->digests), 0);
	digests_read_beside(bench->digests, bench->beside,
			    (struct digest_identity){identify, NULL});
	readings = 0;
	in_vain = false;
	other_file = false;
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	beside_free(bench->beside);
	digests_free(bench->digests);
	free(bench);
	return 0;
}

static void test_known_from_the_second_time_on(void **state)
{
	struct bench *bench = *state;
	char digest[DIGEST_TEXT_SIZE];

	describe(bench, "known", 1);
	assert_false(find(bench, digest));
	assert_false(find(bench, digest));
	settle(bench);
	assert_int_equal(digests_news(bench->digests), 1);
	assert_true(find(bench, digest));
	assert_string_equal(digest, ABC);
	assert_int_equal(readings, 1);
}

static void test_none_of_what_may_be_another_content(void **state)
{
	struct bench *bench = *state;
	char digest[DIGEST_TEXT_SIZE];

	describe(bench, "changed", 1);
	/* It changed when the process was there already, or as good as. */
	bench->caller.process.start = bench->caller.executable_changed + NS_PER_MS;
	assert_false(find(bench, digest));
	settle(bench);
	assert_false(find(bench, digest));
	describe(bench, "changed", 1);
	bench->caller.executable_changed -= 1; /* it changed since it was described */
	assert_false(find(bench, digest));
	settle(bench);
	assert_false(find(bench, digest));
	assert_int_equal(readings, 0);
	describe(bench, "other", 1);
	other_file = true;
	assert_false(find(bench, digest));
	settle(bench);
	assert_false(find(bench, digest));
	assert_int_equal(readings, 1);
	describe(bench, "boot", 1);
	bench->caller.boot_id = bytes_of("earlier");
	assert_false(find(bench, digest));
	settle(bench);
	assert_int_equal(readings, 1);
}

static void test_not_read(void **state)
{
	struct bench *bench = *state;
	char digest[DIGEST_TEXT_SIZE], path[64];

	describe(bench, "plain", 1);
	chmod(bench->path, 0644);
	describe(bench, "link", 1);
	assert_int_equal(unlink(bench->path), 0);
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0755), 0);
	bench->caller.process.executable = bytes_of(path);
	assert_false(find(bench, digest));
	settle(bench);
	assert_int_equal(readings, 0);
}

static void test_nobody_has_it_to_himself(void **state)
{
	struct bench *bench = *state;
	char digest[DIGEST_TEXT_SIZE], name[16];

	large = true;
	in_vain = true; /* what is not read to its end counts as well */
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "large%d", i);
		describe(bench, name, 7);
		find(bench, digest);
		settle(bench);
	}
	assert_int_equal(readings, 2);
	for (uint64_t account = 8; account < 100; account++) {
		snprintf(name, sizeof(name), "many%d", (int)account);
		describe(bench, name, account);
		find(bench, digest);
		settle(bench);
	}
	assert_true(readings > 2 &&
		    (uint64_t)readings * (DIGEST_OF_ONE / 2) < DIGEST_BUDGET + DIGEST_OF_ONE);
	large = false;
}

static int clean(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_known_from_the_second_time_on, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_none_of_what_may_be_another_content, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_not_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_has_it_to_himself, set_up, tear_down),
	};

	if (!mkdtemp(directory))
		return 1;
	return cmocka_run_group_tests(tests, NULL, clean);
}
