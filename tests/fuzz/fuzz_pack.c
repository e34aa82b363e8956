// SPDX-License-Identifier: Apache-2.0
/*
 * Reads the input as a packed caller, of another boot and of this one. What is taken has one form only: packed
 * again, it is the input.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "process/pack.h"

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Of exactly its own size, so that ASan sees a read beyond it. */
static int unpack(const void *data, size_t size, struct bytes boot_id, struct caller **ret)
{
	char *copy = malloc(size ? size : 1);
	int error;

	require(copy);
	if (size)
		memcpy(copy, data, size);
	error = pack_read_caller((struct bytes){copy, size}, boot_id, ret);
	free(copy);
	return error;
}

static void check_caller(const struct caller *caller)
{
	require(caller->ancestor_count <= CALLERD_ANCESTORS_MAX);
	require(!caller->ancestor_count == !caller->lineage);
	require(memchr(caller->tty, '\0', sizeof(caller->tty)));
	require(caller->basis == CALLER_FROM_KERNEL || caller->basis == CALLER_FROM_PEER);
	require(caller->shared.size <= sizeof(*caller) + CALLER_PACK_MAX);
}

static void both_ways(const uint8_t *data, size_t size)
{
	struct text packed = {0};
	struct caller *caller;
	int error = unpack(data, size, (struct bytes){0}, &caller);

	require(!error || error == -22);
	if (error)
		return;
	check_caller(caller);
	require(caller->boot_id.data);
	pack_caller(caller, bytes_of(BOOT), 1, &packed);
	require(!packed.error && packed.size == size && !memcmp(packed.data, data, size));
	caller_unref(caller);
	text_free(&packed);
}

/* Of this boot: with the clock that it had, the same again. */
static void this_boot(const uint8_t *data, size_t size)
{
	struct text packed = {0};
	struct caller *of_boot, *caller, *again;

	if (unpack(data, size, (struct bytes){0}, &of_boot))
		return;
	require(!unpack(data, size, of_boot->boot_id, &caller));
	require(!of_boot->boot_id.size == !!caller->boot_id.data);
	pack_caller(caller, of_boot->boot_id, of_boot->boot_to_real, &packed);
	require(packed.size == size && !memcmp(packed.data, data, size));
	require(!unpack(packed.data, packed.size, of_boot->boot_id, &again));
	require(again == caller); /* kept once */
	caller_unref(again);
	caller_unref(caller);
	caller_unref(of_boot);
	text_free(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t before = callers_memory();

	both_ways(data, size);
	this_boot(data, size);
	require(callers_memory() == before);
	return 0;
}
