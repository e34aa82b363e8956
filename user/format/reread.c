// SPDX-License-Identifier: Apache-2.0
#include "format/reread.h"

#include <errno.h>
#include <stdlib.h>

#include "record/finding.h"

#define DEPTH_MAX 32

/* --- reading ---------------------------------------------------------------------------------- */

/* Where the reader is: the path is that of the object, or of the key that was read last. */
struct reread_reader {
	struct reread *reread;
	struct bytes line;
	size_t at;
	size_t text;		  /* where the key or string begins in .texts */
	size_t sizes[DEPTH_MAX];  /* of the path, around each object and array that is open */
	size_t starts[DEPTH_MAX]; /* in the line */
	unsigned int depth;
	char path[256];
	size_t path_size;
};

static bool reread_is_at(const struct reread_reader *reader, const char *path)
{
	return bytes_are((struct bytes){reader->path, reader->path_size}, path);
}

static int add_reread(struct reread_reader *reader, const struct reread_value *value)
{
	struct reread *reread = reader->reread;

	if (reread->count == REREAD_VALUES_MAX)
		return -EINVAL;
	if (reread->count == reread->room) {
		unsigned int room = reread->room ? 2 * reread->room : 256;
		struct reread_value *values = reallocarray(reread->values, room, sizeof(*values));

		if (!values)
			return -ENOMEM;
		reread->values = values;
		reread->room = room;
	}
	reread->values[reread->count] = *value;
	reread->values[reread->count].text = reader->text;
	reread->values[reread->count].text_size = reread->texts.size - reader->text;
	reread->values[reread->count].path = reread->texts.size;
	reread->values[reread->count].path_size = reader->path_size;
	text_add(&reread->texts, reader->path, reader->path_size);
	reader->text = reread->texts.size;
	reread->count++;
	return reread->texts.error;
}

static int reread_open(struct reread_reader *reader)
{
	if (reader->depth == DEPTH_MAX)
		return -EINVAL;
	reader->sizes[reader->depth] = reader->path_size;
	reader->starts[reader->depth] = reader->at;
	reader->depth++;
	return 0;
}

/* An object or an array ends. */
static void reread_close(struct reread_reader *reader)
{
	size_t size;

	reader->depth--;
	reader->path_size = reader->sizes[reader->depth];
	/* An element is a part of its array, which counts as a whole. */
	if (reader->depth && reader->sizes[reader->depth - 1] == reader->path_size)
		return;
	size = reader->at - reader->starts[reader->depth];
	if (reread_is_at(reader, "process.parent") || reread_is_at(reader, "callerd.ancestors"))
		reader->reread->lineage += size;
	if (reread_is_at(reader, "callerd.request"))
		reader->reread->content += size;
}

static enum gojson_step reread_step(struct reread_reader *reader, struct bytes *piece)
{
	struct bytes rest = bytes_from(reader->line, reader->at);
	size_t used;
	enum gojson_step step =
		gojson_next(&reader->reread->json, rest.data, rest.size, &used, piece);

	reader->at += used;
	return step;
}

/* Puts the key behind the path of the object that it is in. */
static int reread_key(struct reread_reader *reader)
{
	struct text *texts = &reader->reread->texts;
	struct bytes key = text_since(texts, reader->text);

	reader->path_size = reader->sizes[reader->depth - 1];
	if (reader->path_size + 1 + key.size > sizeof(reader->path))
		return -EINVAL;
	if (reader->path_size)
		reader->path[reader->path_size++] = '.';
	if (key.size)
		memcpy(reader->path + reader->path_size, key.data, key.size);
	reader->path_size += key.size;
	text_cut(texts, reader->text);
	return texts->error;
}

/* PIECE is the last one of a key or a string, or one before it, which .text begins with. */
static int reread_take(struct reread_reader *reader, enum gojson_step step, struct bytes piece)
{
	struct reread *reread = reader->reread;
	struct reread_value value = {.kind = REREAD_BOOL, .number = step == GOJSON_TRUE};

	if (step == GOJSON_PIECE || step == GOJSON_KEY || step == GOJSON_STRING)
		text_add_bytes(&reread->texts, piece);
	switch (step) {
	case GOJSON_OBJECT:
	case GOJSON_ARRAY:
		return reread_open(reader);
	case GOJSON_OBJECT_END:
	case GOJSON_ARRAY_END:
		reread_close(reader);
		return 0;
	case GOJSON_KEY:
		return reread_key(reader);
	case GOJSON_STRING:
		value.kind = REREAD_STRING;
		return add_reread(reader, &value);
	case GOJSON_PIECE:
		return reread->texts.error;
	case GOJSON_NUMBER:
		value.kind = REREAD_NUMBER;
		value.number = reread->json.number.magnitude;
		value.negative = reread->json.number.negative;
		return add_reread(reader, &value);
	case GOJSON_TRUE:
	case GOJSON_FALSE:
		return add_reread(reader, &value);
	case GOJSON_NULL:
		return 0;
	default:
		return -EINVAL;
	}
}

static struct bytes reread_path(const struct reread *reread, const struct reread_value *value)
{
	return (struct bytes){reread->texts.data + value->path, value->path_size};
}

static struct bytes reread_string(const struct reread *reread, const struct reread_value *value)
{
	return (struct bytes){reread->texts.data + value->text, value->text_size};
}

static const struct reread_value *reread_next(const struct reread *reread, const char *path,
					      unsigned int from)
{
	for (; from < reread->count; from++)
		if (bytes_are(reread_path(reread, &reread->values[from]), path))
			return &reread->values[from];
	return NULL;
}

struct bytes reread_text(const struct reread *reread, const char *path)
{
	const struct reread_value *value = reread_next(reread, path, 0);

	if (!value || value->kind != REREAD_STRING)
		return (struct bytes){0};
	return reread_string(reread, value);
}

uint64_t reread_number(const struct reread *reread, const char *path)
{
	const struct reread_value *value = reread_next(reread, path, 0);

	return value && value->kind == REREAD_NUMBER && !value->negative ? value->number : 0;
}

/* The severities at PATH. One that is not known is the gravest. */
static unsigned int reread_findings(const struct reread *reread, const char *path,
				    struct finding ret[REREAD_FINDINGS_MAX])
{
	const struct reread_value *value = reread_next(reread, path, 0);
	unsigned int count = 0;

	for (; value && count < REREAD_FINDINGS_MAX;
	     value = reread_next(reread, path, (unsigned int)(value - reread->values) + 1)) {
		struct bytes word = reread_string(reread, value);

		ret[count++] = (struct finding){
			.severity =
				finding_severity_by_name(word.data, word.size) ?: SEVERITY_CRITICAL,
		};
	}
	return count;
}

/* Sets what the record itself is asked for. */
static int reread_describe(struct reread *reread)
{
	struct bytes action = reread_text(reread, "event.action");
	struct record *record = &reread->record;
	int at = 0;

	while (at < RECORD_ACTION_MAX &&
	       !bytes_are(action, name_action((enum record_action)at)->action))
		at++;
	if (!bytes_are(reread_text(reread, "event.module"), "callerd") || at == RECORD_ACTION_MAX)
		return -EINVAL;
	*record = (struct record){.action = (enum record_action)at};
	if (reread_next(reread, "callerd.server.pid", 0))
		record->server = &reread->server;
	record->api.findings = reread->findings;
	record->api.finding_count =
		reread_findings(reread, "callerd.findings.severity", reread->findings);
	record->cause.findings = reread->cause_findings;
	record->cause.finding_count =
		reread_findings(reread, "callerd.cause.findings.severity", reread->cause_findings);
	return 0;
}

int reread_read(struct reread *reread, struct bytes line)
{
	struct reread_reader reader = {.reread = reread, .line = line};
	struct bytes piece;
	enum gojson_step step;
	int error = 0;

	gojson_init(&reread->json);
	reread->count = 0;
	reread->lineage = reread->content = 0;
	if (reread->texts.error)
		text_free(&reread->texts);
	text_cut(&reread->texts, 0);
	do {
		step = reread_step(&reader, &piece);
		if (step == GOJSON_MORE)
			return -EINVAL;
		error = reread_take(&reader, step, piece);
	} while (!error && reader.depth);
	if (!error && reread_step(&reader, &piece) != GOJSON_MORE)
		error = -EINVAL;
	return error ?: reread_describe(reread);
}

void reread_free(struct reread *reread)
{
	free(reread->values);
	text_free(&reread->texts);
}

/* --- asking ----------------------------------------------------------------------------------- */

void reread_fields(const struct reread *reread, struct fields *fields, struct text *out)
{
	*fields = (struct fields){.out = out, .reread = reread};
}

/* As the table says what a string at PATH is. */
static void reread_set_string(const struct field_path *path, struct bytes text,
			      struct field_value *ret)
{
	uint64_t number = 0;

	*ret = (struct field_value){.kind = VALUE_TEXT, .text = text};
	switch (path->field->kind) {
	case FIELD_WORD ... FIELD_CAUSE_REASON:
	case FIELD_CONSTANT:
		ret->kind = VALUE_WORD;
		return;
	case FIELD_ID:
	case FIELD_ID32:
		for (size_t i = 0; i < text.size; i++)
			number = number * 10 + (uint64_t)(text.data[i] - '0');
		*ret = (struct field_value){.kind = VALUE_ID, .number = number};
		return;
	default:
		return;
	}
}

static void reread_set(const struct reread *reread, const struct field_path *path,
		       const struct reread_value *value, struct field_value *ret)
{
	if (value->kind == REREAD_STRING) {
		reread_set_string(path, reread_string(reread, value), ret);
		return;
	}
	*ret = (struct field_value){
		.kind = value->kind == REREAD_BOOL ? VALUE_BOOL
			: value->negative	   ? VALUE_SIGNED
						   : VALUE_NUMBER,
		.number = value->negative ? -value->number : value->number,
	};
}

/* Whether there is something in the object at PATH. */
static bool reread_has_below(const struct reread *reread, const char *path)
{
	size_t size = strlen(path);

	for (unsigned int i = 0; i < reread->count; i++) {
		struct bytes of = reread_path(reread, &reread->values[i]);

		if (of.size > size && of.data[size] == '.' && !memcmp(of.data, path, size))
			return true;
	}
	return false;
}

bool reread_any(struct fields *fields, const struct field_path *path,
		bool (*test)(void *data, struct fields *fields, const struct field_value *value),
		void *data)
{
	const struct reread *reread = fields->reread;
	const struct reread_value *value = reread_next(reread, path->path, 0);
	struct field_value one = {.kind = VALUE_TEXT};

	fields->awaits = false;
	if (!value && reread_has_below(reread, path->path)) {
		fields->awaits = true; /* what its line would say is not known */
		return test(data, fields, &one);
	}
	for (; value;
	     value = reread_next(reread, path->path, (unsigned int)(value - reread->values) + 1)) {
		reread_set(reread, path, value, &one);
		if (test(data, fields, &one))
			return true;
	}
	return false;
}

static bool reread_begins(const char *path, const char *with)
{
	return !strncmp(path, with, strlen(with));
}

/* Whether a name at PATH is absent though the id beside it is there. */
static bool is_unnamed(const struct reread *reread, const char *path)
{
	static const char name[] = ".name";
	size_t size = strlen(path);
	char id[128];

	if (size < sizeof(name) || size >= sizeof(id) || strcmp(path + size - 5, name) != 0)
		return false;
	if (!strcmp(path, "container.image.name"))
		return reread_next(reread, "container.id", 0);
	snprintf(id, sizeof(id), "%.*s.id", (int)size - 5, path);
	return reread_next(reread, id, 0);
}

/* What is not told of records that stand for several. */
static bool is_of_one(const struct reread *reread, const char *path)
{
	static const char *const common[] = {
		"url.",
		"user_agent.",
		"http.",
		"callerd.target.",
		"callerd.connection.",
		"callerd.api.",
		"callerd.docker_event.",
	};

	for (size_t i = 0; i < COUNT(common); i++)
		if (reread_begins(path, common[i]))
			return reread_next(reread, "callerd.folded.count", 0);
	return false;
}

/* What a line says in another way, or not again, unless it was written with detail=full. */
static bool is_in_brief(const struct reread *reread, const struct field_path *path)
{
	bool whole = reread_next(reread, "event.dataset", 0) &&
		     reread_next(reread, "process.entity_id", 0);

	if (whole)
		return false;
	if (!strcmp(path->path, "url.path") || !strcmp(path->path, "callerd.capture.complete"))
		return !reread_next(reread, path->path, 0);
	if (path->when & (IF_CALLER | IF_DESCRIBED) && !reread_next(reread, "process.pid", 0))
		return false;
	return path->when & (IF_WHOLE | IF_AGAIN);
}

bool reread_awaited(const struct fields *fields, const struct field_path *path)
{
	const struct reread *reread = fields->reread;
	struct bytes level = reread_text(reread, "callerd.level");
	const char *at = path->path;

	if (fields->awaits || is_in_brief(reread, path))
		return true;
	if (reread_next(reread, at, 0))
		return false;
	if (level.size &&
	    (reread_begins(at, "process.parent.") || reread_begins(at, "callerd.ancestors")))
		return true;
	if (bytes_are(level, "metadata") && reread_begins(at, "callerd.request."))
		return true;
	return is_unnamed(reread, at) || is_of_one(reread, at);
}
