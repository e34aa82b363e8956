// SPDX-License-Identifier: Apache-2.0
#include "fields/seams.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "fields/reread_callers.h"

/* Records of callerd's have some hundreds of keys. More is somebody else's, or hostile. */
#define PLACES_MAX 2048
#define SEAMS_MAX 8192
#define SEAMS_BEHIND_MAX 64 /* one place */
#define FORGETS_MAX 16

struct seams {
	struct seam_after *all,
		*beginning; /* of these the one of a line's beginning; NULL: none so far */
	unsigned int count, forgets;
	bool full;
};

/* --- what is known ---------------------------------------------------------------------------- */

struct seams *seams_new(void)
{
	return calloc(1, sizeof(struct seams));
}

static void seams_forget(struct seams *seams)
{
	struct seam_after *after, *next_after;

	HASH_ITER(hh, seams->all, after, next_after)
	{
		HASH_DEL(seams->all, after);
		for (struct seam *seam = after->seams, *next; seam; seam = next) {
			next = seam->next;
			free(seam);
		}
		free(after);
	}
	seams->beginning = NULL;
	seams->count = 0;
	seams->full = false;
}

void seams_free(struct seams *seams)
{
	if (!seams)
		return;
	seams_forget(seams);
	free(seams);
}

/* That place; NULL: there is no room. */
static struct seam_after *seams_at(struct seams *seams, const struct seam_place *place)
{
	struct seam_after *after;

	HASH_FIND(hh, seams->all, place, sizeof(*place), after);
	if (after)
		return after;
	seams->full |= HASH_COUNT(seams->all) >= PLACES_MAX;
	after = seams->full ? NULL : calloc(1, sizeof(*after));
	if (!after)
		return NULL;
	after->place = *place;
	after->hash = seam_hash(place->path, place->path_size);
	after->of_caller =
		reread_callers_has((struct bytes){after->place.path, after->place.path_size});
	HASH_ADD(hh, seams->all, place, sizeof(after->place), after);
	if (after->hh.tbl)
		return after;
	free(after);
	return NULL;
}

struct seam_after *seams_begin(struct seams *seams, bool may_forget)
{
	static const struct seam_place beginning;

	if (may_forget && seams->full && seams->forgets < FORGETS_MAX) {
		seams_forget(seams);
		seams->forgets++;
	}
	if (seams->full)
		return NULL;
	if (!seams->beginning)
		seams->beginning = seams_at(seams, &beginning);
	return seams->beginning;
}

/* --- learning --------------------------------------------------------------------------------- */

static bool seam_is_at(const struct seam_place *place, const char *path)
{
	return bytes_are((struct bytes){place->path, place->path_size}, path);
}

/* Cuts the path; what is behind it is zeroed, as places are compared as they are. */
static void seam_cut(struct seam_place *place, size_t size)
{
	if (size < place->path_size)
		memset(place->path + size, 0, place->path_size - size);
	place->path_size = (uint32_t)size;
}

/* Which sizes the object or array at the path of PLACE is a part of. */
static bool seam_measured(const struct seam_place *place, enum seam_what *ret)
{
	*ret = seam_is_at(place, "callerd.request") ? SEAM_CONTENT : SEAM_LINEAGE;
	return *ret == SEAM_CONTENT || seam_is_at(place, "process.parent") ||
	       seam_is_at(place, "callerd.ancestors");
}

static bool seam_mark(struct seam *seam, size_t at, unsigned int depth, enum seam_what what)
{
	if (seam->mark_count == SEAM_MARKS)
		return false;
	seam->marks[seam->mark_count++] =
		(struct seam_mark){.at = (uint16_t)at, .depth = (unsigned char)depth, .what = what};
	return true;
}

/* At AT, behind its bracket, an object or array begins. */
static bool seam_open(struct seam *seam, struct seam_place *place, size_t at)
{
	unsigned int depth = place->json.depth - 1;
	enum seam_what what;

	place->sizes[depth] = (uint16_t)place->path_size;
	return !seam_measured(place, &what) || seam_mark(seam, at, depth, SEAM_BEGINS);
}

static bool seam_close(struct seam *seam, struct seam_place *place, size_t at)
{
	unsigned int depth = place->json.depth;
	enum seam_what what;

	seam_cut(place, place->sizes[depth]);
	place->sizes[depth] = 0;
	/* An element is a part of its array, which counts as a whole. */
	if (depth && place->sizes[depth - 1] == place->path_size)
		return true;
	return !seam_measured(place, &what) || seam_mark(seam, at, depth, what);
}

/* Puts the key behind the path of the object that it is in. */
static bool seam_key(struct seam_place *place, const struct ownjson *json)
{
	size_t size = place->sizes[place->json.depth - 1];

	if (json->escaped || size + 1 + json->text.size > sizeof(place->path))
		return false;
	seam_cut(place, size);
	if (size)
		place->path[size++] = '.';
	if (json->text.size)
		memcpy(place->path + size, json->text.data, json->text.size);
	place->path_size = (uint32_t)(size + json->text.size);
	return true;
}

/* Goes on to the next value in JSON. The size of what stands before it; 0: it cannot be told. */
static size_t seam_walk(struct seam *seam, struct seam_place *place, struct ownjson *json)
{
	const char *begin = json->at;

	for (;;) {
		enum gojson_step step = ownjson_next(json);
		size_t at = (size_t)(json->at - begin);

		place->json = json->place;
		switch (step) {
		case GOJSON_OBJECT:
		case GOJSON_ARRAY:
			if (!seam_open(seam, place, at))
				return 0;
			break;
		case GOJSON_OBJECT_END:
		case GOJSON_ARRAY_END:
			if (!seam_close(seam, place, at))
				return 0;
			break;
		case GOJSON_KEY:
			if (at >= SEAM_TEXT_MAX || !seam_key(place, json))
				return 0;
			seam->key = (uint16_t)at;
			break;
		case GOJSON_NULL:
			break;
		case GOJSON_STRING:
		case GOJSON_NUMBER:
			seam->end = step == GOJSON_STRING ? SEAM_STRING : SEAM_NUMBER;
			return (size_t)(json->text.data - begin);
		case GOJSON_TRUE:
		case GOJSON_FALSE:
			seam->end = step == GOJSON_TRUE ? SEAM_TRUE : SEAM_FALSE;
			return at;
		case GOJSON_MORE:
			seam->end = SEAM_OVER;
			return at;
		default:
			return 0;
		}
		if (at >= SEAM_TEXT_MAX)
			return 0;
	}
}

static const struct seam *seams_learn(struct seams *seams, struct seam_after *after, const char *at,
				      const char *end)
{
	struct ownjson json = {.at = at, .end = end, .place = after->place.json};
	struct seam_place place = after->place;
	struct seam learned = {0}, *seam;
	size_t size = seam_walk(&learned, &place, &json);

	seams->full |= seams->count == SEAMS_MAX || after->count == SEAMS_BEHIND_MAX;
	if (!size || size > SEAM_TEXT_MAX || seams->full)
		return NULL;
	learned.to = seams_at(seams, &place);
	seam = learned.to ? malloc(sizeof(*seam) + size) : NULL;
	if (!seam)
		return NULL;
	*seam = learned;
	seam->size = (uint16_t)size;
	seam->is_lineage = seam_is_at(&place, "callerd.lineage");
	memcpy(seam->text, at, size);
	seam->next = after->seams;
	after->seams = seam;
	after->count++;
	seams->count++;
	return seam;
}

/* --- reading ---------------------------------------------------------------------------------- */

const struct seam *seams_find_other(struct seams *seams, struct seam_after *after, const char *at,
				    const char *end)
{
	struct seam *before = after->seams;

	for (struct seam *seam = before ? before->next : NULL; seam;
	     before = seam, seam = seam->next) {
		if (!seam_is(seam, at, end))
			continue;
		before->next = seam->next;
		seam->next = after->seams;
		after->seams = seam;
		return seam;
	}
	return seams_learn(seams, after, at, end);
}
