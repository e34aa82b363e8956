/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as the messages of a call to containerd, whole and in pieces: each must tell the same, and hand on the same
 * specification. The input's first byte chooses the message that is expected, the second one the pieces; a prefix is put before
 * what follows.
 */
#include "fuzz.h"

#include "docker/containerd/containerd.h"

static void take_spec(void *data, struct bytes piece, bool begins)
{
	if (begins)
		fuzz_hash_number(data, 1);
	if (piece.size)
		fuzz_hash(data, piece.data, piece.size);
}

static uint64_t told(const struct containerd *containerd, uint64_t hash)
{
	unsigned int counts[CONTAINERD_KINDS] = {0};
	const char *trouble = containerd_trouble(containerd);

	MUST(containerd_memory(containerd) < 300000);
	fuzz_hash_text(&hash, bytes_of(trouble ?: ""));
	fuzz_hash_number(&hash, containerd_is_complete(containerd));
	fuzz_hash_number(&hash, containerd_specs(containerd));
	for (enum containerd_kind kind = CONTAINERD_ID; kind < CONTAINERD_SINGLE; kind++)
		fuzz_hash_text(&hash, containerd_text(containerd, kind));
	for (enum containerd_number number = 0; number < CONTAINERD_NUMBERS; number++)
		fuzz_hash_number(&hash, containerd_number(containerd, number));
	for (const struct containerd_item *one = containerd_items(containerd); one;
	     one = one->next) {
		MUST(one->kind >= CONTAINERD_SINGLE && one->kind < CONTAINERD_KINDS);
		MUST(++counts[one->kind] <= 128 && one->options.size <= 16384);
		fuzz_hash_number(&hash, one->kind);
		fuzz_hash_number(&hash, one->read_only);
		fuzz_hash_text(&hash, one->text);
		fuzz_hash_text(&hash, one->source);
		fuzz_hash_text(&hash, one->target);
		fuzz_hash_text(&hash, one->options);
	}
	return hash;
}

static uint64_t read_all(enum containerd_message message, const char *data, size_t size,
			 enum fuzz_cut cut, uint64_t seed)
{
	uint64_t hash = 0;
	struct containerd *containerd = containerd_new(message, take_spec, &hash);
	const char prefix[] = {0, 0, (char)(size >> 16), (char)(size >> 8), (char)size};

	MUST(containerd);
	containerd_feed(containerd, (struct bytes){prefix, sizeof(prefix)});
	for (size_t at = 0; at < size;) {
		size_t piece = fuzz_piece(cut, size - at, &seed);
		char *copy = exact_copy((const uint8_t *)data + at, piece);

		containerd_feed(containerd, (struct bytes){copy, piece});
		free(copy);
		at += piece;
	}
	hash = told(containerd, hash);
	containerd_free(containerd);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum containerd_message message;
	uint64_t whole;

	if (size < 2 || size > 1 << 20)
		return 0;
	message = 1 + data[0] % (CONTAINERD_MESSAGES - 1);
	whole = read_all(message, (const char *)data + 2, size - 2, CUT_NOWHERE, data[1]);
	for (unsigned int cut = CUT_EVERYWHERE; cut <= CUT_ANYWHERE; cut++)
		MUST(read_all(message, (const char *)data + 2, size - 2, cut, data[1]) == whole);
	return 0;
}
