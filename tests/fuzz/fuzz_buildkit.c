/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as the messages of a call to BuildKit, whole and in pieces: each must tell the same. The input's first byte
 * chooses the message that is expected, the second one the pieces; a prefix is put before what follows.
 */
#include "fuzz.h"

#include "docker/buildkit/build.h"

static uint64_t told(const struct build *build)
{
	const char *trouble = build_trouble(build);
	uint64_t hash = 0;
	unsigned int counts[BUILD_KINDS] = {0};

	MUST(build_memory(build) < 300000);
	fuzz_hash_text(&hash, bytes_of(trouble ?: ""));
	fuzz_hash_number(&hash, build_is_complete(build));
	fuzz_hash_number(&hash, build_flags(build));
	fuzz_hash_text(&hash, build_reference(build));
	fuzz_hash_text(&hash, build_frontend(build));
	for (const struct build_item *one = build_items(build); one; one = one->next) {
		MUST(one->kind < BUILD_KINDS && ++counts[one->kind] <= 128);
		MUST(one->name.size <= 1024 && one->value.size <= 1024);
		fuzz_hash_number(&hash, one->kind);
		fuzz_hash_text(&hash, one->name);
		fuzz_hash_text(&hash, one->value);
	}
	return hash;
}

static uint64_t read_all(enum build_message message, const char *data, size_t size,
			 enum fuzz_cut cut, uint64_t seed)
{
	struct build *build = build_new(message);
	const char prefix[] = {0, 0, (char)(size >> 16), (char)(size >> 8), (char)size};
	uint64_t hash;

	MUST(build);
	build_feed(build, (struct bytes){prefix, sizeof(prefix)});
	for (size_t at = 0; at < size;) {
		size_t piece = fuzz_piece(cut, size - at, &seed);
		char *copy = exact_copy((const uint8_t *)data + at, piece);

		build_feed(build, (struct bytes){copy, piece});
		free(copy);
		at += piece;
	}
	hash = told(build);
	build_free(build);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum build_message message;
	uint64_t whole;

	if (size < 2 || size > 1 << 20)
		return 0;
	message = 1 + data[0] % BUILD_MESSAGE_RESULT;
	whole = read_all(message, (const char *)data + 2, size - 2, CUT_NOWHERE, data[1]);
	for (unsigned int cut = CUT_EVERYWHERE; cut <= CUT_ANYWHERE; cut++)
		MUST(read_all(message, (const char *)data + 2, size - 2, cut, data[1]) == whole);
	return 0;
}
