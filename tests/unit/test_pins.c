/* SPDX-License-Identifier: Apache-2.0 */
/* What is pinned is used only where it is what callerd would make itself. */
#include "unit.h"

#include <bpf/bpf.h>
#include <linux/magic.h>

#include "files.h"
#include "kernel/pins.h"
#include "kernel/takeover.h"

static void test_directory(void **state)
{
	struct stat good = {.st_mode = S_IFDIR | 0700}, info = good;

	assert_null(pins_fault(&info, BPF_FS_MAGIC));
	assert_string_equal(pins_fault(&info, TMPFS_MAGIC), "is not in a bpffs");
	info.st_uid = 1000;
	assert_string_equal(pins_fault(&info, BPF_FS_MAGIC), "does not belong to root");
	info = good;
	info.st_gid = 1000; /* who may not enter all the same */
	assert_null(pins_fault(&info, BPF_FS_MAGIC));
	for (mode_t bit = 1; bit < 0100; bit <<= 1) {
		info = good;
		info.st_mode |= bit;
		assert_string_equal(pins_fault(&info, BPF_FS_MAGIC),
				    "is open to others than root: chmod 700");
	}
	info.st_mode = S_IFLNK | 0777;
	assert_string_equal(pins_fault(&info, BPF_FS_MAGIC), "is a symbolic link");
	info.st_mode = S_IFREG | 0600;
	assert_string_equal(pins_fault(&info, BPF_FS_MAGIC), "is not a directory");
}

/* A directory elsewhere is refused before anything in it is looked at; one that is missing is not made unless asked. */
static void test_open(void **state)
{
	char path[300], target[300];
	struct sentence why;
	struct pins *pins;

	snprintf(target, sizeof(target), "%s/pins", directory);
	assert_int_equal(pins_open(target, false, &pins, &why), -ENOENT);
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(pins_open(target, true, &pins, &why), -EPERM);
	assert_non_null(strstr(why.text, "is not in a bpffs"));
	snprintf(path, sizeof(path), "%s/link", directory);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(pins_open(path, true, &pins, &why), -EPERM);
	assert_non_null(strstr(why.text, "is a symbolic link"));
}

static void test_maps(void **state)
{
	struct bpf_map_info wanted = {.type = BPF_MAP_TYPE_HASH,
				      .key_size = 8,
				      .value_size = 16,
				      .max_entries = 512,
				      .map_flags = BPF_F_NO_PREALLOC,
				      .name = "a_name_of_15_by"};
	struct bpf_map_info pinned = wanted;

	pinned.id = 77;
	assert_null(takeover_map_fault(&pinned, &wanted));
#define ASSERT_FAULT(member, value, fault)                                                         \
	do {                                                                                       \
		pinned = wanted;                                                                   \
		pinned.member = (value);                                                           \
		assert_string_equal(takeover_map_fault(&pinned, &wanted), fault);                  \
	} while (0)
	ASSERT_FAULT(type, BPF_MAP_TYPE_LRU_HASH, "is a map of another type");
	ASSERT_FAULT(key_size, 4, "holds other things");
	ASSERT_FAULT(value_size, 17, "holds other things");
	ASSERT_FAULT(max_entries, 511, "has another size");
	ASSERT_FAULT(map_flags, 0, "has other flags");
	ASSERT_FAULT(name[14], 'z', "is another map");
}

static void test_programs(void **state)
{
	uint32_t maps[] = {3, 5, 9}, turned[] = {9, 3, 5}, others[] = {3, 5, 8};
	struct bpf_prog_info own = {.type = BPF_PROG_TYPE_TRACING,
				    .tag = {1, 2, 3, 4, 5, 6, 7, 8},
				    .name = "send_length",
				    .attach_btf_obj_id = 1,
				    .attach_btf_id = 4242,
				    .nr_map_ids = 3,
				    .map_ids = (uintptr_t)maps};
	struct bpf_prog_info pinned = own;

	pinned.id = 99;
	pinned.map_ids = (uintptr_t)turned;
	assert_null(takeover_program_fault(&pinned, &own));
	pinned.map_ids = (uintptr_t)others;
	assert_string_equal(takeover_program_fault(&pinned, &own), "uses other maps");
	pinned.map_ids = (uintptr_t)maps;
	pinned.nr_map_ids = 2;
	assert_string_equal(takeover_program_fault(&pinned, &own), "uses other maps");
	pinned = own;
	pinned.tag[7] = 9;
	assert_string_equal(takeover_program_fault(&pinned, &own), "runs another program");
	pinned = own;
	pinned.name[0] = 'x';
	assert_string_equal(takeover_program_fault(&pinned, &own), "runs another program");
	pinned = own;
	pinned.type = BPF_PROG_TYPE_KPROBE;
	assert_string_equal(takeover_program_fault(&pinned, &own), "runs another program");
	pinned = own;
	pinned.attach_btf_id = 1;
	assert_string_equal(takeover_program_fault(&pinned, &own), "runs at another place");
}

/* The seed alone may differ: the programs that stay have theirs. */
static void test_settings(void **state)
{
	struct callerd_settings own = {.request_budget = 1, .seed = 7, .own_calls = 1},
				pinned = own;

	pinned.seed = 8;
	assert_null(takeover_settings_fault(&pinned, &own));
	pinned.ring_size[1] = 4096;
	assert_string_equal(takeover_settings_fault(&pinned, &own), "has other settings");
	pinned = own;
	pinned.agent_mnt_ns = 3;
	assert_string_equal(takeover_settings_fault(&pinned, &own), "has other settings");
}

static int prepare(void **state)
{
	return files_prepare("/tmp");
}

static int tidy(void **state)
{
	return files_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory), cmocka_unit_test(test_open),
		cmocka_unit_test(test_maps),	  cmocka_unit_test(test_programs),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, prepare, tidy);
}
