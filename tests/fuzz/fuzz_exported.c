/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as what others gave back of a log. However it is cut into pieces, and whether its objects are taken as wholes, it has
 * the same records, and as many values without one; each record is an object that ends where it says.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "fields/reread.h"
#include "json/wholejson.h"
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
	if (!error)
		seen->hash = hash_add(seen->hash, text.data, text.size);
	seen->count += !error;
	return error ? -EINVAL : 0;
}

/* Whether something stands in the record that is looked for around one: which of both it is then does not matter. */
static bool has_another(const struct reread *reread)
{
	static const char *const around[] = {"_source", "result",    "hits",  "data",
					     "results", "responses", "values"};

	for (unsigned int i = 0; i < reread->count; i++) {
		const struct reread_value *value = &reread->values[i];
		struct bytes path = {value->path_of_seam ?: reread->texts.data + value->path,
				     value->path_size};

		for (size_t j = 0; j < COUNT(around); j++)
			if (bytes_begin(path, around[j]))
				return true;
	}
	return false;
}

/* As callerctl does it. */
static int see_whole(void *data, struct bytes text)
{
	struct seen *seen = data;
	struct text compact = {0};
	int error;

	MUST(text.size >= 2 && text.data[0] == '{' && text.data[text.size - 1] == '}');
	error = wholejson_compact(&compact, text) ? 0 : -EAGAIN;
	if (!error &&
	    (reread_read(&seen->reread, text_since(&compact, 0)) || has_another(&seen->reread)))
		error = -EAGAIN;
	if (!error)
		MUST(!see(data, text));
	text_free(&compact);
	return error;
}

static uint64_t read_pieces(struct seen *seen, struct bytes rest, size_t most, bool whole)
{
	static const char *const signs[] = {"event", NULL};
	struct exported exported = {.data = seen,
				    .take = see,
				    .take_whole = whole ? see_whole : NULL,
				    .signs = whole ? signs : NULL};
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
	struct seen stepwise = {.hash = HASH_START};
	uint64_t unknown = read_pieces(&stepwise, all, size ?: 1, false);

	for (unsigned int turn = 0; turn < 3; turn++) {
		struct seen seen = {.hash = HASH_START};

		MUST(read_pieces(&seen, all, turn % 2 ? 1 : size ?: 1, turn < 2) == unknown);
		MUST(seen.hash == stepwise.hash && seen.count == stepwise.count);
	}
	return 0;
}
