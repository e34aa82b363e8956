/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as what others gave back of a log. However it is cut into pieces it has the same records, and as many values
 * without one; each record is an object that ends where it says.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "fields/reread.h"
#include "log/exported.h"

struct seen {
	struct reread reread;
	uint64_t hash, count;
};

static int see(void *data, struct bytes text)
{
	struct seen *seen = data;
	int error;

	MUST(text.size >= 2 && text.data[0] == '{');
	MUST(!memchr(text.data, '\n', text.size));
	error = reread_read(&seen->reread, text);
	MUST(error != -ENOMEM);
	seen->hash = hash_add(hash_add(seen->hash, text.data, text.size), error ? "-" : "+", 1);
	seen->count += !error;
	return error ? -EINVAL : 0;
}

static uint64_t read_pieces(struct seen *seen, struct bytes rest, size_t most)
{
	struct exported exported = {.data = seen, .take = see};
	uint64_t unknown;

	while (rest.size) {
		struct bytes piece = {rest.data, rest.size < most ? rest.size : most};

		MUST(!exported_read(&exported, piece));
		rest = bytes_from(rest, piece.size);
	}
	exported_end(&exported);
	unknown = exported.unknown;
	exported_free(&exported);
	reread_free(&seen->reread);
	return unknown;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = {(const char *)data, size};
	struct seen whole = {.hash = HASH_START}, bytewise = {.hash = HASH_START};
	uint64_t unknown = read_pieces(&whole, all, size ?: 1);

	MUST(read_pieces(&bytewise, all, 1) == unknown);
	MUST(whole.hash == bytewise.hash && whole.count == bytewise.count);
	return 0;
}
