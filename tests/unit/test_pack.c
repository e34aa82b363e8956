// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "process/pack.h"

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"
#define OTHER "fedcba98-7654-3210-fedc-ba9876543210"
#define SIZE_AT 1 /* in what is packed */
#define CLOCK 1700000000000000000ll

/* A piece of memory that texts are taken from, as decode.c does. */
struct arena {
	char memory[4096];
	size_t used;
};

static struct bytes keep(struct arena *arena, const char *text, size_t size)
{
	struct bytes kept = {arena->memory + arena->used, size};

	memcpy(arena->memory + arena->used, text, size);
	arena->used += size;
	return kept;
}

static struct lineage *make_lineage(unsigned int count)
{
	struct process ancestors[CALLERD_ANCESTORS_MAX];
	struct arena arena = {.used = 0};

	memset(ancestors, 0, sizeof(ancestors));
	for (unsigned int i = 0; i < count; i++) {
		ancestors[i].pid = 100 + i;
		ancestors[i].euid = i % 2 ? 0 : 1000;
		ancestors[i].start = 5000 - i;
		ancestors[i].name = keep(&arena, "bash", 4);
		if (i % 3)
			ancestors[i].executable = keep(&arena, "/usr/bin/bash", 13);
		if (i % 2)
			ancestors[i].args = keep(&arena, "-bash\0-c\0", 9);
		ancestors[i].args_truncated = i == 3;
		ancestors[i].executable_deleted = i == 4;
	}
	return caller_lineage_new(ancestors, count, arena.memory, arena.used);
}

/* A caller of which all is known, in the way of decode.c. */
static struct caller *make_caller(unsigned int ancestors)
{
	struct arena arena = {.used = 0};
	struct caller draft;
	struct caller *caller;

	memset(&draft, 0, sizeof(draft));
	draft.basis = CALLER_FROM_KERNEL;
	draft.process.pid = 4242;
	draft.process.euid = 1;
	draft.process.start = 0x1122334455667788;
	draft.tid = 4243;
	draft.uid = 2;
	draft.gid = 3;
	draft.egid = 4;
	draft.fsuid = 5;
	draft.fsgid = 6;
	draft.login_uid = 1000;
	draft.session = CALLERD_UNSET_ID;
	draft.mnt_ns = 7;
	draft.pid_ns = 8;
	draft.user_ns = 9;
	draft.net_ns = 10;
	draft.capabilities = UINT64_MAX;
	draft.cgroup_id = 11;
	draft.user_ns_owner = 15;
	draft.executable_inode = 1ull << 40;
	draft.executable_device = 16;
	draft.executable_generation = 17;
	draft.executable_known = draft.process.executable_exchanged = true;
	draft.cgroup_claimed = 3;
	draft.cgroup_owner = 14;
	strcpy(draft.tty, "pts/3");
	draft.has_node = draft.in_node_group = true;
	draft.node_uid = 12;
	draft.node_gid = 13;
	draft.node_mode = 0140660;
	draft.process.name = keep(&arena, "docker", 6);
	draft.process.executable = keep(&arena, "/usr/bin/docker", 15);
	draft.process.args = keep(&arena, "docker\0ps\0", 10);
	draft.executable_claimed = keep(&arena, "/bin/true", 9);
	draft.working_directory = keep(&arena, "/root", 5);
	draft.root = keep(&arena, "", 0); /* known to be empty */
	draft.cgroup = keep(&arena, "/user.slice", 11);
	caller = caller_new(&draft, ancestors ? make_lineage(ancestors) : NULL, arena.memory,
			    arena.used);
	assert_non_null(caller);
	return caller;
}

static void pack(const struct caller *caller, const char *boot_id, int64_t clock, struct text *out)
{
	text_cut(out, 0);
	pack_caller(caller, bytes_of(boot_id), clock, out);
	assert_int_equal(out->error, 0);
}

/* From a block of exactly that size. */
static int unpack(const void *data, size_t size, const char *boot_id, struct caller **ret)
{
	char *copy = malloc(size ? size : 1);
	int error;

	memcpy(copy, data, size);
	error = pack_read_caller((struct bytes){copy, size}, bytes_of(boot_id), ret);
	free(copy);
	return error;
}

/* In the boot that it lived in it is the very same one; callers are kept once. */
static void test_same_boot(void **state)
{
	struct text packed = {0};

	for (unsigned int ancestors = 0; ancestors <= CALLERD_ANCESTORS_MAX; ancestors++) {
		struct caller *caller = make_caller(ancestors), *again = NULL;

		pack(caller, BOOT, CLOCK, &packed);
		assert_int_equal(unpack(packed.data, packed.size, BOOT, &again), 0);
		assert_ptr_equal(again, caller);
		caller_unref(again);
		caller_unref(caller);
	}
	text_free(&packed);
	assert_int_equal(callers_memory(), 0);
}

static void assert_bytes(struct bytes bytes, const char *wanted, size_t size)
{
	assert_non_null(bytes.data);
	assert_int_equal(bytes.size, size);
	assert_memory_equal(bytes.data, wanted, size);
}

static void test_other_boot(void **state)
{
	struct caller *caller = make_caller(5), *later = NULL, *again = NULL;
	struct text packed = {0}, second = {0};

	pack(caller, BOOT, CLOCK, &packed);
	assert_int_equal(unpack(packed.data, packed.size, OTHER, &later), 0);
	assert_ptr_not_equal(later, caller);
	assert_bytes(later->boot_id, BOOT, 36);
	assert_int_equal(later->boot_to_real, CLOCK);
	assert_ptr_equal(later->lineage, caller->lineage);
	assert_int_equal(later->process.start, 0x1122334455667788);
	assert_int_equal(later->capabilities, UINT64_MAX);
	assert_int_equal(later->session, CALLERD_UNSET_ID);
	assert_string_equal(later->tty, "pts/3");
	assert_bytes(later->process.args, "docker\0ps\0", 10);
	assert_bytes(later->root, "", 0);
	assert_null(later->label.data);
	/* It keeps its boot, whichever one it is by now. */
	pack(later, OTHER, 1, &second);
	assert_int_equal(second.size, packed.size);
	assert_memory_equal(second.data, packed.data, packed.size);
	assert_int_equal(unpack(second.data, second.size, BOOT, &again), 0);
	assert_ptr_equal(again, caller);
	caller_unref(again);
	caller_unref(later);
	caller_unref(caller);
	text_free(&packed);
	text_free(&second);
}

/* Two boots of which nothing is known are not taken for the same. */
static void test_unknown_boot(void **state)
{
	static const char *const unknown[] = {NULL,
					      "",
					      "nonsense",
					      BOOT "0",
					      "01234567-89AB-cdef-0123-456789abcdef",
					      "01234567-89ab-cdef-0123_456789abcdef"};
	struct caller *caller = make_caller(1);
	struct text packed = {0};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		struct caller *again = NULL;

		pack(caller, unknown[i], CLOCK, &packed);
		assert_int_equal(unpack(packed.data, packed.size, unknown[i], &again), 0);
		assert_bytes(again->boot_id, "", 0);
		caller_unref(again);
	}
	caller_unref(caller);
	text_free(&packed);
}

static void test_peer(void **state)
{
	struct caller draft, *caller, *again = NULL;
	struct text packed = {0};

	memset(&draft, 0, sizeof(draft));
	draft.basis = CALLER_FROM_PEER;
	draft.uid = draft.login_uid = CALLERD_UNSET_ID;
	caller = caller_new(&draft, NULL, "", 0);
	pack(caller, BOOT, -1, &packed);
	assert_int_equal(unpack(packed.data, packed.size, BOOT, &again), 0);
	assert_ptr_equal(again, caller);
	caller_unref(again);
	assert_int_equal(unpack(packed.data, packed.size, OTHER, &again), 0);
	assert_int_equal(again->boot_to_real, -1);
	caller_unref(again);
	caller_unref(caller);
	text_free(&packed);
}

/* Whatever is cut off, or stands behind it. */
static void test_sizes(void **state)
{
	struct caller *caller = make_caller(16), *again = NULL;
	struct text packed = {0};
	uint32_t size;

	pack(caller, BOOT, CLOCK, &packed);
	for (size_t left = 0; left < packed.size; left++) {
		assert_int_equal(unpack(packed.data, left, BOOT, &again), -EINVAL);
		if (left < SIZE_AT + sizeof(size))
			continue;
		/* With a size that is right. */
		size = (uint32_t)left;
		memcpy(packed.data + SIZE_AT, &size, sizeof(size));
		assert_int_equal(unpack(packed.data, left, BOOT, &again), -EINVAL);
	}
	size = (uint32_t)packed.size + 1;
	memcpy(packed.data + SIZE_AT, &size, sizeof(size));
	text_add_char(&packed, '\0');
	assert_int_equal(unpack(packed.data, packed.size, BOOT, &again), -EINVAL);
	assert_null(again);
	caller_unref(caller);
	text_free(&packed);
}

/* Any byte changed: refused, or another caller with a form of its own. */
static void test_changes(void **state)
{
	struct caller *caller = make_caller(4);
	struct text packed = {0}, second = {0};
	unsigned int taken = 0, refused = 0;

	pack(caller, BOOT, CLOCK, &packed);
	for (size_t at = 0; at < packed.size; at++)
		for (int bit = 0; bit < 8; bit++) {
			struct caller *again = NULL;
			int error;

			packed.data[at] ^= (char)(1 << bit);
			error = unpack(packed.data, packed.size, OTHER, &again);
			if (!error) {
				taken++;
				assert_ptr_not_equal(again, caller);
				pack(again, OTHER, 1, &second);
				assert_int_equal(second.size, packed.size);
				assert_memory_equal(second.data, packed.data, packed.size);
				caller_unref(again);
			} else {
				refused++;
				assert_int_equal(error, -EINVAL);
			}
			packed.data[at] ^= (char)(1 << bit);
		}
	assert_true(taken > 1000 && refused > 500);
	caller_unref(caller);
	text_free(&packed);
	text_free(&second);
}

/* A caller with a directory of this size. */
static struct caller *make_large(size_t size)
{
	char *memory = calloc(1, size + 1);
	struct caller draft, *caller;

	memset(&draft, 0, sizeof(draft));
	memset(memory, 'x', size);
	draft.working_directory = (struct bytes){memory, size};
	caller = caller_new(&draft, NULL, memory, size);
	free(memory);
	return caller;
}

static void test_large(void **state)
{
	static const size_t sizes[] = {24576, 65536, 65537};
	struct text packed = {0};

	for (size_t i = 0; i < 3; i++) {
		struct caller *caller = make_large(sizes[i]), *again = NULL;

		pack(caller, BOOT, CLOCK, &packed);
		assert_int_equal(unpack(packed.data, packed.size, BOOT, &again), 0);
		if (i < 2)
			assert_ptr_equal(again, caller);
		else /* more than there can be: not known */
			assert_null(again->working_directory.data);
		caller_unref(again);
		caller_unref(caller);
	}
	text_free(&packed);
	assert_int_equal(callers_memory(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_boot),    cmocka_unit_test(test_other_boot),
		cmocka_unit_test(test_unknown_boot), cmocka_unit_test(test_peer),
		cmocka_unit_test(test_sizes),	     cmocka_unit_test(test_changes),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
