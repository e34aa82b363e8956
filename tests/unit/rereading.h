/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines are read in two ways: as callerd writes them, by what was learned from others (fields/seams.h), and as any JSON. A space
 * behind a line changes nothing of it, but callerd writes none.
 */
#ifndef CALLERD_TEST_REREADING_H
#define CALLERD_TEST_REREADING_H

#include "fields/reread.h"

struct rereading {
	struct reread own, any;
	struct text spaced;
};

static inline bool rereading_same(const struct reread *one, unsigned int at,
				  const struct reread *other)
{
	const struct reread_value *a = &one->values[at], *b = &other->values[at];

	return a->kind == b->kind && a->negative == b->negative && a->number == b->number &&
	       a->text_size == b->text_size && a->path_size == b->path_size && a->hash == b->hash &&
	       !memcmp(a->path_of_seam ?: one->texts.data + a->path,
		       b->path_of_seam ?: other->texts.data + b->path, a->path_size) &&
	       (!a->text_size ||
		!memcmp(one->texts.data + a->text, other->texts.data + b->text, a->text_size));
}

/* Reads LINE in both ways. False: they differ. What reread_read() says of it in *ERROR; the record is .own. */
static inline bool rereading_read(struct rereading *rereading, struct bytes line, int *error)
{
	struct reread *own = &rereading->own, *any = &rereading->any;
	bool same;

	text_cut(&rereading->spaced, 0);
	text_add_bytes(&rereading->spaced, line);
	text_add_char(&rereading->spaced, ' ');
	*error = reread_read(own, line);
	if (reread_read(any, text_since(&rereading->spaced, 0)) != *error)
		return false;
	if (*error)
		return reread_is_own(own) == reread_is_own(any);
	same = own->count == any->count && own->lineage == any->lineage &&
	       own->content == any->content && own->named == any->named &&
	       own->joined == any->joined && own->record.action == any->record.action &&
	       own->record.api.finding_count == any->record.api.finding_count &&
	       reread_gravest(own) == reread_gravest(any);
	for (unsigned int i = 0; same && i < own->count; i++)
		same = rereading_same(own, i, any);
	return same;
}

static inline void rereading_free(struct rereading *rereading)
{
	reread_free(&rereading->own);
	reread_free(&rereading->any);
	text_free(&rereading->spaced);
}

#endif
