// SPDX-License-Identifier: Apache-2.0
#include "log/exported.h"

#include <errno.h>

#include "chain/verify.h"
#include "json/wholejson.h"

#define WITHIN_MAX 3 /* lines in lines: a container engine's, in a shipper's, in a document */

void exported_free(struct exported *exported)
{
	text_free(&exported->raw);
	text_free(&exported->line);
	text_free(&exported->whole);
}

static bool is_json_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct exported_level *exported_top(struct exported *exported)
{
	unsigned int depth = exported->json.depth;

	return depth && depth <= EXPORTED_DEPTH ? &exported->levels[depth - 1] : NULL;
}

/* Whether the last key is one of WORDS. */
static bool key_is_one_of(const struct exported *exported, const char *const *words)
{
	struct bytes key = {exported->key, exported->key_size};

	for (; *words; words++)
		if (bytes_are(key, *words))
			return true;
	return false;
}

/* --- levels ----------------------------------------------------------------------------------- */

/* What is opened within a level of the KIND above. */
static enum exported_kind kind_within(const struct exported *exported,
				      const struct exported_level *above, bool object)
{
	static const char *const items[] = {"_source", "result", "hits", "data", NULL};
	static const char *const lists[] = {"hits",   "results", "responses",
					    "result", "values",	 NULL};

	if (!above)
		return object ? EXPORTED_ITEM : EXPORTED_ITEMS;
	if (above->kind == EXPORTED_ITEMS)
		return object ? EXPORTED_ITEM : EXPORTED_PAIR;
	if (above->kind != EXPORTED_ITEM)
		return EXPORTED_OTHER;
	if (object)
		return key_is_one_of(exported, items) ? EXPORTED_ITEM : EXPORTED_OTHER;
	return key_is_one_of(exported, lists) ? EXPORTED_ITEMS : EXPORTED_OTHER;
}

static void forget_raw(struct exported *exported)
{
	exported->kept = false;
	text_cut(&exported->raw, 0);
}

/* An object or array was opened, by the last byte that was read. */
static void open_exported(struct exported *exported, bool object)
{
	unsigned int depth = exported->json.depth;
	struct exported_level *level = exported_top(exported);

	if (!level)
		return;
	*level = (struct exported_level){
		.kind = kind_within(exported, depth > 1 ? level - 1 : NULL, object)};
	if (depth > 1 && level[-1].kind == EXPORTED_OTHER)
		level->kind = EXPORTED_OTHER;
	if (level->kind == EXPORTED_ITEMS) { /* what has a list is no record, and may be long */
		if (depth > 1)
			level[-1].answered = true;
		forget_raw(exported);
	}
	if (level->kind != EXPORTED_ITEM)
		return;
	if (!exported->kept) {
		text_add_char(&exported->raw, '{');
		exported->kept = true;
		exported->kept_at = depth;
	}
	level->start = exported->raw.size - 1;
}

/* The string of the innermost object, as a line that may be a record or have one in it. */
static int take_exported_line(struct exported *exported, bool *ret)
{
	struct bytes line = {exported->line.data, exported->line_size};
	struct exported within = {.data = exported->data,
				  .take = exported->take,
				  .take_whole = exported->take_whole,
				  .signs = exported->signs,
				  .within = exported->within + 1};
	int error;

	while (line.size && is_json_space(line.data[0]))
		line = bytes_from(line, 1);
	while (line.size && is_json_space(line.data[line.size - 1]))
		line.size--;
	if (!line.size || line.data[0] != '{' || exported->within == WITHIN_MAX)
		return 0;
	error = exported_read(&within, line);
	*ret = within.levels[0].found || within.levels[0].answered;
	exported_free(&within);
	return error;
}

/* An object ends that may be a record, or have had one. */
static int end_exported_item(struct exported *exported, struct exported_level *level,
			     unsigned int depth)
{
	struct bytes text;
	int error = -EINVAL;

	if (!level->found && !level->answered && exported->kept &&
	    (level->has_sign || !exported->signs)) {
		text = text_since(&exported->raw, level->start);
		error = exported->take(exported->data, text);
		level->found = !error;
		if (level->found)
			exported->alike = depth;
	}
	if (error && error != -EINVAL)
		return error;
	error = 0;
	if (!level->found && exported->line_level == depth)
		error = take_exported_line(exported, &level->found);
	if (exported->line_level == depth)
		exported->line_level = 0;
	if (exported->kept && exported->kept_at == depth)
		forget_raw(exported);
	return error;
}

/* An object or array was closed. */
static int close_exported(struct exported *exported)
{
	unsigned int depth = exported->json.depth + 1;
	struct exported_level *level, *above;
	int error = 0;

	exported->open = depth > 1;
	if (depth > EXPORTED_DEPTH)
		return 0;
	level = &exported->levels[depth - 1];
	above = depth > 1 ? level - 1 : NULL;
	if (level->kind == EXPORTED_ITEM)
		error = end_exported_item(exported, level, depth);
	if (level->kind == EXPORTED_OTHER)
		return error;
	if (above && above->kind == EXPORTED_ITEM) {
		above->found |= level->found;
		above->answered |= level->answered;
	} else if (level->kind != EXPORTED_ITEMS) {
		exported->unknown += !level->found && !level->answered;
	}
	return error;
}

/* Whether the object whose brace was the byte before BYTES may be a record, by its first key, or by where it stands. */
static bool is_record_like(const struct exported *exported, struct bytes bytes)
{
	while (bytes.size && is_json_space(bytes.data[0]))
		bytes = bytes_from(bytes, 1);
	return exported->json.depth == exported->alike || bytes_begin(bytes, "\"@timestamp\"");
}

static void make_spaces(struct text *text, size_t from, char of)
{
	char *at;

	while (from < text->size && (at = memchr(text->data + from, of, text->size - from))) {
		*at = ' ';
		from = (size_t)(at - text->data) + 1;
	}
}

/* A line feed within JSON is a space. */
static void make_one_line(struct text *text, size_t from)
{
	make_spaces(text, from, '\n');
	make_spaces(text, from, '\r');
}

/* TEXT on one line. */
static struct bytes on_one_line(struct exported *exported, struct bytes text)
{
	if (!memchr(text.data, '\n', text.size) && !memchr(text.data, '\r', text.size))
		return text;
	text_cut(&exported->whole, 0);
	text_add_bytes(&exported->whole, text);
	if (!exported->whole.error)
		wholejson_flatten(exported->whole.data, exported->whole.size);
	return text_since(&exported->whole, 0);
}

/* Takes the object that was just opened, if it is a record and there as a whole: nearly all are, and to read them step by step takes
 * many times as long. BYTES is what is behind its brace. */
static int take_whole_object(struct exported *exported, struct bytes *bytes)
{
	struct exported_level *level = exported_top(exported);
	struct bytes text;
	int error;

	if (!exported->take_whole || !level || level->kind != EXPORTED_ITEM ||
	    !is_record_like(exported, *bytes))
		return 0;
	text.data = bytes->data - 1;
	text.size = wholejson_object(text.data, bytes->size + 1);
	if (!text.size || text.size > VERIFY_LINE_MAX)
		return 0;
	text = on_one_line(exported, text);
	error = exported->whole.error ?: exported->take_whole(exported->data, text);
	if (error)
		return error == -EAGAIN ? 0 : error;
	*bytes = bytes_from(*bytes, text.size - 1);
	level->found = true;
	exported->alike = exported->json.depth;
	gojson_leave_object(&exported->json);
	return close_exported(exported);
}

/* --- strings ---------------------------------------------------------------------------------- */

static void begin_exported_string(struct exported *exported)
{
	static const char *const lines[] = {"_raw", "raw", "message", "msg", "MESSAGE",
					    "MSG",  "log", "line",    NULL};
	const struct exported_level *level = exported_top(exported);
	unsigned int depth = exported->json.depth;

	exported->in_line = false;
	if (!level || exported->line_level == depth)
		return;
	exported->in_line = level->kind == EXPORTED_PAIR ||
			    (level->kind == EXPORTED_ITEM && key_is_one_of(exported, lines));
	if (exported->in_line)
		text_cut(&exported->line, 0);
}

static int end_exported_string(struct exported *exported)
{
	struct exported_level *level = exported_top(exported);
	bool found = false;
	int error;

	if (!exported->in_line || !level)
		return 0;
	exported->in_line = false;
	exported->line_size = exported->line.size;
	if (level->kind == EXPORTED_ITEM) {
		if (exported->line_size && exported->line.data[0] == '{')
			exported->line_level = exported->json.depth;
		return 0;
	}
	error = take_exported_line(exported, &found);
	level->found |= found;
	return error;
}

/* PIECE is the first or a later one of a key or a string. */
static void add_exported_piece(struct exported *exported, struct bytes piece)
{
	size_t room;

	if (!exported->in_string) {
		exported->in_string = true;
		if (exported->json.in_key)
			exported->key_size = 0;
		else
			begin_exported_string(exported);
	}
	if (!exported->json.in_key) {
		if (exported->in_line)
			text_add_bytes(&exported->line, piece);
		return;
	}
	room = sizeof(exported->key) - exported->key_size;
	if (piece.size > room) /* a longer key is none that is looked for */
		piece.size = room;
	if (piece.size)
		memcpy(exported->key + exported->key_size, piece.data, piece.size);
	exported->key_size += piece.size;
}

static void heed_exported_key(struct exported *exported)
{
	struct exported_level *level = exported_top(exported);
	struct bytes key = {exported->key, exported->key_size};

	for (const char *const *sign = exported->signs; sign && level && *sign; sign++)
		level->has_sign |= bytes_begin(key, *sign);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* What stands in a list of records, and is none. */
static void count_element(struct exported *exported)
{
	const struct exported_level *level = exported_top(exported);

	exported->unknown += level && level->kind == EXPORTED_ITEMS;
}

static int take_exported_step(struct exported *exported, enum gojson_step step, struct bytes piece)
{
	switch (step) {
	case GOJSON_OBJECT:
	case GOJSON_ARRAY:
		open_exported(exported, step == GOJSON_OBJECT);
		return 0;
	case GOJSON_OBJECT_END:
	case GOJSON_ARRAY_END:
		return close_exported(exported);
	case GOJSON_PIECE:
		add_exported_piece(exported, piece);
		return 0;
	case GOJSON_KEY:
	case GOJSON_STRING:
		add_exported_piece(exported, piece);
		exported->in_string = false;
		if (step == GOJSON_KEY) {
			heed_exported_key(exported);
			return 0;
		}
		count_element(exported);
		return end_exported_string(exported);
	case GOJSON_NUMBER:
	case GOJSON_TRUE:
	case GOJSON_FALSE:
	case GOJSON_NULL:
		count_element(exported);
		return 0;
	default:
		return 0;
	}
}

/* Keeps in mind whether there is more than spaces in the line so far. */
static void heed_blank(struct exported *exported, struct bytes used)
{
	for (size_t i = 0; i < used.size; i++) {
		if (used.data[i] == '\n')
			exported->blank = true;
		else if (!is_json_space(used.data[i]))
			exported->blank = false;
	}
}

/* What could not be read is left out to the end of its line; a line behind one that was torn is read for itself. */
static void give_up_exported(struct exported *exported, bool torn)
{
	exported->unknown++;
	exported->skipping = !torn;
	exported->open = false;
	forget_raw(exported);
	text_cut(&exported->line, 0);
	exported->line_level = 0;
}

/* Uses up what has to be skipped of BYTES. */
static void skip_exported(struct exported *exported, struct bytes *bytes)
{
	const char *end = bytes->size ? memchr(bytes->data, '\n', bytes->size) : NULL;

	*bytes = end ? bytes_from(*bytes, (size_t)(end - bytes->data)) : (struct bytes){0};
	exported->skipping = !end;
	exported->blank = end;
}

/* Steps over spaces between values; whether there is a value in BYTES. */
static bool begin_exported(struct exported *exported, struct bytes *bytes)
{
	while (bytes->size && is_json_space(bytes->data[0])) {
		heed_blank(exported, (struct bytes){bytes->data, 1});
		*bytes = bytes_from(*bytes, 1);
	}
	if (!bytes->size)
		return false;
	gojson_init(&exported->json);
	memset(exported->levels, 0, sizeof(exported->levels));
	exported->open = true;
	exported->in_string = exported->in_line = false;
	exported->line_level = 0;
	if (bytes->data[0] != '{' && bytes->data[0] != '[') { /* nothing that could have records */
		give_up_exported(exported, false);
		return false;
	}
	return true;
}

static void keep_exported(struct exported *exported, struct bytes taken)
{
	size_t at = exported->raw.size;

	text_add_bytes(&exported->raw, taken);
	make_one_line(&exported->raw, at);
}

/* Reads the rest of a string that may have a record in it, of which BYTES are what is behind a piece. */
static int take_rest_of_string(struct exported *exported, struct bytes *bytes)
{
	size_t before = exported->line.size, size;

	if (!exported->take_whole || !exported->in_line || !gojson_within_string(&exported->json))
		return 0;
	size = wholejson_string(&exported->line, bytes->data, bytes->size);
	if (!size || exported->line.size > VERIFY_LINE_MAX) {
		text_cut(&exported->line, before);
		return 0;
	}
	if (exported->kept)
		keep_exported(exported, (struct bytes){bytes->data, size});
	*bytes = bytes_from(*bytes, size);
	gojson_leave_string(&exported->json);
	exported->in_string = false;
	count_element(exported);
	return end_exported_string(exported);
}

static int exported_step(struct exported *exported, struct bytes *bytes)
{
	size_t used;
	struct bytes piece = {0}, taken;
	enum gojson_step step =
		gojson_next(&exported->json, bytes->data, bytes->size, &used, &piece);
	int error = 0;

	taken = (struct bytes){bytes->data, used};
	heed_blank(exported, taken);
	if (step == GOJSON_ERROR) {
		give_up_exported(exported, exported->blank && exported->json.depth);
	} else {
		if (exported->kept)
			keep_exported(exported, taken);
		if (exported->raw.size > VERIFY_LINE_MAX || exported->line.size > VERIFY_LINE_MAX) {
			forget_raw(exported);
			text_cut(&exported->line, 0);
			exported->in_line = false; /* what is behind is no beginning of a line */
			exported->line_level = 0;
			exported->line_size = 0;
		}
		error = take_exported_step(exported, step, piece);
	}
	*bytes = bytes_from(*bytes, used);
	if (!error && step == GOJSON_OBJECT)
		error = take_whole_object(exported, bytes);
	else if (!error && step == GOJSON_PIECE)
		error = take_rest_of_string(exported, bytes);
	return error ?: exported->raw.error ?: exported->line.error;
}

int exported_read(struct exported *exported, struct bytes bytes)
{
	int error = 0;

	while (bytes.size && !error) {
		if (exported->skipping)
			skip_exported(exported, &bytes);
		else if (exported->open || begin_exported(exported, &bytes))
			error = exported_step(exported, &bytes);
	}
	return error;
}

void exported_end(struct exported *exported)
{
	exported->unknown += exported->open;
	exported->open = false;
}
