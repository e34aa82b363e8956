// SPDX-License-Identifier: Apache-2.0
#include "output/caller_line.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "chain/key.h"
#include "record/view.h"

#define SETS 32
#define WAYS 4

static_assert(ENTRY_KEY_SIZE <= CHAIN_HASH_SIZE, "a key is a part of a hash");

/* A line that was made, and what it was made of. */
struct made_line {
	uint64_t used;	 /* of .uses; 0: free */
	uint64_t number; /* of the caller */
	bool alone;	 /* without what is above the process */
	/* Of the context: names and times are another where these are. */
	uint64_t names;
	int64_t clock;
	struct text container; /* its name and its image, each with its NUL, and its labels */
	struct entry *entry;
};

struct caller_lines {
	unsigned char secret[CHAIN_KEY_SIZE];
	uint64_t uses;
	uint64_t told; /* for event.id */
	struct text scratch;
	struct made_line lines[SETS][WAYS];
};

CLEANUP_DEFINE(drop_caller_lines, struct caller_lines *, caller_line_free)

int caller_line_new(struct caller_lines **ret)
{
	_cleanup_(drop_caller_lines) struct caller_lines *lines = calloc(1, sizeof(*lines));
	int error = lines ? key_random(lines->secret) : -ENOMEM;

	if (!error)
		*ret = take_ptr(lines);
	return error;
}

static void caller_line_drop_line(struct made_line *line)
{
	entry_unref(line->entry);
	text_free(&line->container);
	*line = (struct made_line){0};
}

void caller_line_free(struct caller_lines *lines)
{
	if (!lines)
		return;
	for (unsigned int i = 0; i < SETS * WAYS; i++)
		caller_line_drop_line(&lines->lines[i / WAYS][i % WAYS]);
	explicit_bzero(lines->secret, sizeof(lines->secret));
	text_free(&lines->scratch);
	free(lines);
}

/* --- the lines that were made ----------------------------------------------------------------- */

static void caller_line_add_container(const struct record *record, struct text *out)
{
	text_add_bytes(out, record->container_name);
	text_add_char(out, '\0');
	text_add_bytes(out, record->container_image);
	text_add_char(out, '\0');
	text_add_bytes(out, record->container_labels);
}

static bool caller_line_fits(struct caller_lines *lines, const struct made_line *line,
			     const struct record *record, const struct record_context *context)
{
	if (!line->used || line->number != record->caller->shared.number ||
	    line->alone != (record->level != LEVEL_FULL) || line->names != context->names ||
	    line->clock != context->boot_to_real)
		return false;
	text_cut(&lines->scratch, 0);
	caller_line_add_container(record, &lines->scratch);
	return bytes_equal(text_since(&lines->scratch, 0), text_since(&line->container, 0));
}

/* The line for RECORD, or the one that has to give way to it. */
static struct made_line *caller_line_place(struct caller_lines *lines, const struct record *record,
					   const struct record_context *context)
{
	struct made_line *set = lines->lines[record->caller->shared.number % SETS], *oldest = set;

	for (unsigned int i = 0; i < WAYS; i++) {
		if (caller_line_fits(lines, &set[i], record, context))
			return &set[i];
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	caller_line_drop_line(oldest);
	return oldest;
}

/* --- making one ------------------------------------------------------------------------------- */

/* Sets KEY to that of DRAFT, a line without a time and an id. 0 or -errno. */
static int caller_line_hash(struct caller_lines *lines, const struct record *draft,
			    const struct record_context *context, unsigned char key[ENTRY_KEY_SIZE])
{
	struct text *text = &lines->scratch;
	unsigned char hash[CHAIN_HASH_SIZE];
	int error;

	text_cut(text, 0);
	text_add(text, (const char *)lines->secret, sizeof(lines->secret));
	error = ecs_write(draft, context, text);
	if (!error)
		error = text->error ?: key_hash(text_since(text, 0), hash);
	if (!error)
		memcpy(key, hash, ENTRY_KEY_SIZE);
	return error;
}

/* DRAFT with KEY, for a record at TIME. 0 or -errno. */
static int caller_line_write(struct caller_lines *lines, const struct record *draft, uint64_t time,
			     const struct record_context *context,
			     const unsigned char key[ENTRY_KEY_SIZE], struct entry **ret)
{
	_cleanup_(text_free) struct text event_id = {0};
	char id[2 * ENTRY_KEY_SIZE];
	struct record line = *draft;
	struct entry *entry;
	uint64_t real = record_time(context, time);
	int error;

	record_add_id(&event_id, context, real, 'c', ++lines->told);
	key_put_hex(id, key, ENTRY_KEY_SIZE);
	line.time = time;
	line.id = text_since(&event_id, 0);
	line.caller_id = (struct bytes){id, sizeof(id)};
	text_cut(&lines->scratch, 0);
	error = event_id.error ?: ecs_write(&line, context, &lines->scratch);
	if (error)
		return error;
	entry = entry_new(lines->scratch.data, lines->scratch.size);
	if (!entry)
		return -ENOMEM;
	memcpy(entry->key, key, sizeof(entry->key));
	entry->time = real;
	entry->action = RECORD_CALLER_SEEN;
	entry->severity = (uint8_t)view_syslog_severity(SEVERITY_NONE);
	*ret = entry;
	return 0;
}

/* Makes AT the line for RECORD. 0 or -errno. */
static int caller_line_make(struct caller_lines *lines, struct made_line *at,
			    const struct record *record, const struct record_context *context)
{
	const struct record draft = {
		.action = RECORD_CALLER_SEEN,
		.level = record->level == LEVEL_FULL ? LEVEL_FULL : LEVEL_REQUEST,
		.caller = record->caller,
		.container_name = record->container_name,
		.container_image = record->container_image,
		.container_labels = record->container_labels,
	};
	unsigned char key[ENTRY_KEY_SIZE];
	int error = caller_line_hash(lines, &draft, context, key);

	if (!error)
		error = caller_line_write(lines, &draft, record->time, context, key, &at->entry);
	if (error)
		return error;
	caller_line_add_container(record, &at->container);
	at->number = record->caller->shared.number;
	at->alone = record->level != LEVEL_FULL;
	at->names = context->names;
	at->clock = context->boot_to_real;
	return at->container.error;
}

struct entry *caller_line_find(struct caller_lines *lines, const struct record *record,
			       const struct record_context *context, char id[CALLER_LINE_ID_SIZE])
{
	struct made_line *line;

	if (!record->caller)
		return NULL;
	line = caller_line_place(lines, record, context);
	if (!line->used && caller_line_make(lines, line, record, context)) {
		caller_line_drop_line(line);
		if (lines->scratch.error)
			text_free(&lines->scratch);
		return NULL;
	}
	line->used = ++lines->uses;
	*key_put_hex(id, line->entry->key, ENTRY_KEY_SIZE) = '\0';
	return entry_ref(line->entry);
}
