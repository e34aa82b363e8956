// SPDX-License-Identifier: Apache-2.0
#include "fields/reread_callers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"
#include "fields/fields.h"

#define ID_MAX 64 /* bytes: those of callerd have 24 */

/* In the order in which they were told or named. */
struct kept_caller {
	UT_hash_handle hh;
	size_t id_size, size;
	char data[]; /* the id, and the line */
};

static void reread_callers_drop(struct reread_callers *callers, struct kept_caller *kept)
{
	HASH_DEL(callers->all, kept);
	callers->bytes -= sizeof(*kept) + kept->id_size + kept->size;
	free(kept);
}

static struct kept_caller *reread_callers_get(struct reread_callers *callers, struct bytes id)
{
	struct kept_caller *kept = NULL;

	if (id.size && id.size <= ID_MAX)
		HASH_FIND(hh, callers->all, id.data, id.size, kept);
	return kept;
}

static void drop_oldest_callers(struct reread_callers *callers)
{
	while (callers->all && (callers->bytes > REREAD_CALLERS_BYTES ||
				HASH_COUNT(callers->all) > REREAD_CALLERS_MAX))
		reread_callers_drop(callers, callers->all);
}

int reread_callers_keep(struct reread_callers *callers, struct bytes id, struct bytes line)
{
	struct kept_caller *kept = reread_callers_get(callers, id);

	if (!id.size || id.size > ID_MAX)
		return 0;
	if (kept)
		reread_callers_drop(callers, kept);
	kept = malloc(sizeof(*kept) + id.size + line.size);
	if (!kept)
		return -ENOMEM;
	*kept = (struct kept_caller){.id_size = id.size, .size = line.size};
	memcpy(kept->data, id.data, id.size);
	memcpy(kept->data + id.size, line.data, line.size);
	HASH_ADD_KEYPTR(hh, callers->all, kept->data, kept->id_size, kept);
	if (!kept->hh.tbl) {
		free(kept);
		return -ENOMEM;
	}
	callers->bytes += sizeof(*kept) + id.size + line.size;
	drop_oldest_callers(callers);
	return 0;
}

struct bytes reread_callers_find(struct reread_callers *callers, struct bytes id)
{
	struct kept_caller *kept = reread_callers_get(callers, id);

	if (!kept)
		return (struct bytes){0};
	/* Behind all others. */
	HASH_DEL(callers->all, kept);
	HASH_ADD_KEYPTR(hh, callers->all, kept->data, kept->id_size, kept);
	if (!kept->hh.tbl) {
		callers->bytes -= sizeof(*kept) + kept->id_size + kept->size;
		free(kept);
		return (struct bytes){0};
	}
	return (struct bytes){kept->data + kept->id_size, kept->size};
}

void reread_callers_free(struct reread_callers *callers)
{
	while (callers->all)
		reread_callers_drop(callers, callers->all);
}

/* Within a string its quotes would have a backslash before them. */
bool reread_callers_is_told(struct bytes line)
{
	return bytes_find(line, bytes_of("\"caller-seen\""));
}

bool reread_callers_is_named(struct bytes line)
{
	return bytes_find(line, bytes_of("\"caller\":{\"id\":"));
}

bool reread_callers_has(struct bytes path)
{
	static const char *const begins[] = {"agent.",
					     "process.",
					     "user.",
					     "source.",
					     "container.",
					     "callerd.caller.",
					     "callerd.ancestors.",
					     "callerd.session.",
					     "callerd.ci.",
					     "callerd.ai."};

	for (size_t i = 0; i < COUNT(begins); i++)
		if (bytes_begin(path, begins[i]))
			return !bytes_are(path, "process.thread.id") && !fields_is_behind(path);
	return bytes_begin(path, "related.") || bytes_are(path, "host.id") ||
	       bytes_are(path, "callerd.lineage");
}
