// SPDX-License-Identifier: Apache-2.0
#include "output/heard.h"

#include <string.h>

/* Keys are hashes: each byte of one is as good as another. */
static struct heard_line *set_of(struct heard *heard, const unsigned char *key)
{
	return heard->lines[key[0] % HEARD_SETS];
}

/* NULL: it is not there. */
static struct heard_line *heard_find(struct heard *heard, const unsigned char *key)
{
	struct heard_line *set = set_of(heard, key);

	for (unsigned int i = 0; i < HEARD_WAYS; i++)
		if (set[i].used > heard->forgotten && !memcmp(set[i].key, key, sizeof(set[i].key)))
			return &set[i];
	return NULL;
}

const struct entry *heard_missing(struct heard *heard, const struct entry *entry, uint64_t now)
{
	const struct entry *line = entry->before;
	struct heard_line *found = line ? heard_find(heard, line->key) : NULL;

	if (!line || (found && now - found->time < HEARD_AGAIN)) {
		if (found)
			found->used = ++heard->uses;
		return NULL;
	}
	return line;
}

void heard_add(struct heard *heard, const struct entry *entry, uint64_t now)
{
	struct heard_line *set, *at;

	if (!entry->before)
		return;
	set = set_of(heard, entry->before->key);
	at = heard_find(heard, entry->before->key);
	for (unsigned int i = 0; !at && i < HEARD_WAYS; i++)
		if (set[i].used <= heard->forgotten)
			at = &set[i];
	if (!at) {
		at = set;
		for (unsigned int i = 1; i < HEARD_WAYS; i++)
			if (set[i].used < at->used)
				at = &set[i];
	}
	memcpy(at->key, entry->before->key, sizeof(at->key));
	at->used = ++heard->uses;
	at->time = now;
}

void heard_remove(struct heard *heard, const unsigned char key[ENTRY_KEY_SIZE])
{
	struct heard_line *found = heard_find(heard, key);

	if (found)
		found->used = 0;
}

void heard_forget(struct heard *heard)
{
	heard->forgotten = heard->uses;
}
