// SPDX-License-Identifier: Apache-2.0
#include "fields/reread.h"

#include <errno.h>
#include <stdlib.h>

#include "record/finding.h"

#define DEPTH_MAX 32
#define NOWHERE SIZE_MAX

/* --- reading ---------------------------------------------------------------------------------- */

/* Where the reader is: the path is that of the object, or of the key that was read last. */
struct reread_reader {
	struct reread *reread;
	size_t at;		  /* in the line */
	size_t value;		  /* where the value of a key begins in the line */
	size_t sizes[DEPTH_MAX];  /* of the path, around each object and array that is open */
	size_t starts[DEPTH_MAX]; /* in the line */
	unsigned int depth;
	char path[256];
	size_t path_size;
	size_t path_at; /* in .texts; NOWHERE: it is not there yet */
	uint32_t path_hash;
};

static bool reread_is_at(const struct reread_reader *reader, const char *path)
{
	return bytes_are((struct bytes){reader->path, reader->path_size}, path);
}

/* Makes room for more values. 0, -EINVAL: there are too many, or -ENOMEM. */
static int reread_grow(struct reread *reread)
{
	unsigned int room = reread->room ? 2 * reread->room : 256;
	struct reread_value *values;

	if (reread->room == REREAD_VALUES_MAX)
		return -EINVAL;
	values = reallocarray(reread->values, room, sizeof(*values));
	if (!values)
		return -ENOMEM;
	reread->values = values;
	reread->room = room;
	return 0;
}

static int reread_append(struct reread *reread, const struct reread_value *added)
{
	int error = reread->count == reread->room ? reread_grow(reread) : 0;

	if (!error)
		reread->values[reread->count++] = *added;
	return error ?: reread->texts.error;
}

static int add_reread(struct reread_reader *reader, const struct reread_value *value)
{
	struct text *texts = &reader->reread->texts;
	struct reread_value added = *value;

	if (reader->path_at == NOWHERE) {
		reader->path_at = texts->size;
		reader->path_hash = seam_hash(reader->path, reader->path_size);
		text_add(texts, reader->path, reader->path_size);
	}
	added.path = (uint32_t)reader->path_at;
	added.path_size = (uint32_t)reader->path_size;
	added.hash = reader->path_hash;
	added.of_caller = reread_callers_has((struct bytes){reader->path, reader->path_size});
	return reread_append(reader->reread, &added);
}

static void reread_cut_path(struct reread_reader *reader, size_t size)
{
	reader->path_size = size;
	reader->path_at = NOWHERE;
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
	if (reader->path_size != reader->sizes[reader->depth])
		reread_cut_path(reader, reader->sizes[reader->depth]);
	/* An element is a part of its array, which counts as a whole. */
	if (reader->depth && reader->sizes[reader->depth - 1] == reader->path_size)
		return;
	size = reader->at - reader->starts[reader->depth];
	if (reread_is_at(reader, "process.parent") || reread_is_at(reader, "callerd.ancestors"))
		reader->reread->lineage += size;
	if (reread_is_at(reader, "callerd.request"))
		reader->reread->content += size;
}

/* Puts the key behind the path of the object that it is in. */
static int reread_key(struct reread_reader *reader, struct bytes key)
{
	size_t size = reader->sizes[reader->depth - 1];

	if (size + 1 + key.size > sizeof(reader->path))
		return -EINVAL;
	if (size)
		reader->path[size++] = '.';
	if (key.size)
		memcpy(reader->path + size, key.data, key.size);
	reread_cut_path(reader, size + key.size);
	return 0;
}

/* What STEP says, of whose key or string the bytes from TEXT on in .texts, SIZE of them, are the text. */
static int reread_take(struct reread_reader *reader, enum gojson_step step, size_t text,
		       size_t size)
{
	struct reread *reread = reader->reread;
	struct reread_value value = {.kind = REREAD_BOOL, .number = step == GOJSON_TRUE};

	switch (step) {
	case GOJSON_OBJECT:
	case GOJSON_ARRAY:
		return reread_open(reader);
	case GOJSON_OBJECT_END:
	case GOJSON_ARRAY_END:
		reread_close(reader);
		return 0;
	case GOJSON_KEY:
		reader->value = reader->at;
		return reread_key(reader, (struct bytes){reread->texts.data + text, size});
	case GOJSON_STRING:
		value.kind = REREAD_STRING;
		value.text = (uint32_t)text;
		value.text_size = (uint32_t)size;
		if (reread_is_at(reader, "callerd.lineage"))
			reread->lineage += reader->at - reader->value;
		reader->value = reader->at;
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

static int reread_take_number(struct reread_reader *reader, bool fits, bool negative,
			      uint64_t number)
{
	struct reread_value value = {
		.kind = fits ? REREAD_NUMBER : REREAD_ODD,
		.negative = fits && negative,
		.number = fits ? number : 0,
	};

	return add_reread(reader, &value);
}

static struct bytes reread_path(const struct reread *reread, const struct reread_value *value)
{
	return (struct bytes){value->path_of_seam ?: reread->texts.data + value->path,
			      value->path_size};
}

static struct bytes reread_string(const struct reread *reread, const struct reread_value *value)
{
	return (struct bytes){reread->texts.data + value->text, value->text_size};
}

/* Has reread_find() find all values. */
static void reread_index(struct reread *reread)
{
	struct reread_value *value = reread->count ? reread->values + reread->count : NULL;

	memset(reread->buckets, 0, sizeof(reread->buckets));
	for (unsigned int number = reread->count; number; number--) {
		unsigned int *first = &reread->buckets[(--value)->hash % REREAD_BUCKETS];

		value->next = *first;
		*first = number;
	}
}

/* The value at PATH, of HASH, among that before which so many are as NUMBER says, and those behind it; NULL: there is none. */
static const struct reread_value *reread_from(const struct reread *reread, struct bytes path,
					      uint32_t hash, unsigned int number)
{
	while (number) {
		const struct reread_value *value = &reread->values[number - 1];

		if (value->hash == hash && value->path_size == path.size &&
		    seam_same(reread_path(reread, value).data, path.data, path.size))
			return value;
		number = value->next;
	}
	return NULL;
}

const struct reread_value *reread_find_hashed(const struct reread *reread, const char *path,
					      size_t size, uint32_t hash)
{
	return reread_from(reread, (struct bytes){path, size}, hash,
			   reread->buckets[hash % REREAD_BUCKETS]);
}

/* The value that has the path of VALUE, and comes next. NULL: there is none. */
static const struct reread_value *reread_again(const struct reread *reread,
					       const struct reread_value *value)
{
	return reread_from(reread, reread_path(reread, value), value->hash, value->next);
}

struct bytes reread_text_at(const struct reread *reread, const char *path, unsigned int which)
{
	const struct reread_value *value = reread_find(reread, path);

	for (; value && which; which--)
		value = reread_again(reread, value);
	if (!value || value->kind != REREAD_STRING)
		return (struct bytes){0};
	return reread_string(reread, value);
}

bool reread_true(const struct reread *reread, const char *path)
{
	const struct reread_value *value = reread_find(reread, path);

	return value && value->kind == REREAD_BOOL && value->number;
}

static bool reread_says(const struct reread *reread, const char *path, const char *text)
{
	return bytes_are(reread_text(reread, path), text);
}

uint64_t reread_number(const struct reread *reread, const char *path)
{
	const struct reread_value *value = reread_find(reread, path);

	return value && value->kind == REREAD_NUMBER && !value->negative ? value->number : 0;
}

bool reread_signed(const struct reread *reread, const char *path, int64_t *ret)
{
	const struct reread_value *value = reread_find(reread, path);

	if (!value || value->kind != REREAD_NUMBER || value->number > (uint64_t)INT64_MAX)
		return false;
	*ret = value->negative ? -(int64_t)value->number : (int64_t)value->number;
	return true;
}

unsigned int reread_texts(const struct reread *reread, const char *path, struct bytes *ret,
			  unsigned int max)
{
	const struct reread_value *value = reread_find(reread, path);
	unsigned int count = 0;

	for (; count < max && value && value->kind == REREAD_STRING;
	     value = reread_again(reread, value))
		ret[count++] = reread_string(reread, value);
	return count;
}

enum finding_severity reread_gravest(const struct reread *reread)
{
	enum finding_severity severity = SEVERITY_NONE;

	for (unsigned int i = 0; i < reread->record.api.finding_count; i++)
		if (reread->findings[i].severity > severity)
			severity = reread->findings[i].severity;
	return severity;
}

uint64_t reread_times(const struct reread *reread)
{
	bool refused = reread->record.action == RECORD_SOCKET_REFUSED;

	return reread_number(reread, refused ? "callerd.refused.count" : "callerd.folded.count")
		       ?: 1;
}

struct bytes reread_what(const struct reread *reread)
{
	struct bytes what = reread_text(reread, "message");
	const char *bar;

	while ((bar = bytes_find_spaced(what, '|')))
		what = bytes_from(what, (size_t)(bar - what.data) + 3);
	return what;
}

static unsigned int count_reread(const struct reread *reread, const char *path)
{
	unsigned int count = 0;

	for (const struct reread_value *value = reread_find(reread, path); value;
	     value = reread_again(reread, value))
		count++;
	return count;
}

/* Sets the severities of the FINDINGS findings of which they are at PATH. One that is not known is the gravest; so are more than there
 * is room for, and one without a severity. */
static unsigned int reread_findings(const struct reread *reread, unsigned int findings,
				    const char *path, struct finding ret[REREAD_FINDINGS_MAX])
{
	unsigned int count = 0;

	for (const struct reread_value *value = reread_find(reread, path); value;
	     value = reread_again(reread, value)) {
		struct bytes word = reread_string(reread, value);

		if (count < REREAD_FINDINGS_MAX)
			ret[count].severity =
				finding_severity_by_name(word.data, word.size) ?: SEVERITY_CRITICAL;
		count++;
	}
	if (count <= REREAD_FINDINGS_MAX && count == findings)
		return count;
	ret[0].severity = SEVERITY_CRITICAL;
	return 1;
}

/* Sets what the record itself is asked for. */
static int reread_describe(struct reread *reread)
{
	struct bytes action = reread_text(reread, "event.action");
	const struct reread_value *severity = reread_find(reread, "event.severity");
	struct record *record = &reread->record;
	int at = 0;

	while (at < RECORD_ACTION_MAX &&
	       !bytes_are(action, name_action((enum record_action)at)->action))
		at++;
	if (!reread_says(reread, "event.dataset", "callerd.audit") || at == RECORD_ACTION_MAX)
		return -EINVAL;
	if (severity && (severity->kind != REREAD_NUMBER || severity->negative))
		return -EINVAL;
	*record = (struct record){.action = (enum record_action)at};
	if (reread_find(reread, "callerd.server.pid"))
		record->server = &reread->server;
	record->api.findings = reread->findings;
	record->api.finding_count =
		reread_findings(reread,
				count_reread(reread, "callerd.findings") +
					count_reread(reread, "callerd.findings.id"),
				"callerd.findings.severity", reread->findings);
	record->cause.findings = reread->cause_findings;
	record->cause.finding_count =
		reread_findings(reread,
				count_reread(reread, "callerd.cause.findings") +
					count_reread(reread, "callerd.cause.findings.id"),
				"callerd.cause.findings.severity", reread->cause_findings);
	return 0;
}

/* Of a line that is read by its seams. */
struct reread_own {
	struct reread *reread;
	const char *begin;   /* of the line */
	size_t copy;	     /* of it, in .texts: most texts are in there as they are */
	struct ownjson json; /* where it is read */
	const char *value;   /* where the value of a key begins */
	const char *starts[OWNJSON_DEPTH_MAX]; /* of what is measured */
};

/* What SEAM, at AT, says of sizes. */
static void reread_measure(struct reread_own *own, const struct seam *seam, const char *at)
{
	for (unsigned int i = 0; i < seam->mark_count; i++) {
		const struct seam_mark *mark = &seam->marks[i];
		size_t size = (size_t)(at + mark->at - own->starts[mark->depth]);

		if (mark->what == SEAM_BEGINS)
			own->starts[mark->depth] = at + mark->at;
		else if (mark->what == SEAM_LINEAGE)
			own->reread->lineage += size;
		else
			own->reread->content += size;
	}
}

static bool reread_own_string(struct reread_own *own, const struct seam *seam,
			      struct reread_value *value)
{
	struct text *texts = &own->reread->texts;
	struct ownjson *json = &own->json;
	const char *begin = json->at;
	size_t size = gojson_plain_run(begin, (size_t)(json->end - begin));

	value->kind = REREAD_STRING;
	value->text = (uint32_t)(own->copy + (size_t)(begin - own->begin));
	value->text_size = (uint32_t)size;
	if (begin + size < json->end && begin[size] == '"') {
		json->at += size + 1;
	} else if (ownjson_string(json)) { /* it is escaped */
		value->text = (uint32_t)texts->size;
		ownjson_unescape(texts, json->text);
		value->text_size = (uint32_t)texts->size - value->text;
	} else {
		return false;
	}
	if (seam->is_lineage)
		own->reread->lineage += (size_t)(json->at - own->value);
	own->value = json->at;
	return true;
}

/* Reads what SEAM ends before. */
static int reread_own_value(struct reread_own *own, const struct seam *seam)
{
	struct reread *reread = own->reread;
	const struct seam_after *to = seam->to;
	int error = reread->count == reread->room ? reread_grow(reread) : 0;
	struct reread_value *value;

	if (error)
		return error;
	value = &reread->values[reread->count++];
	*value = (struct reread_value){
		.path_of_seam = to->place.path,
		.path_size = to->place.path_size,
		.hash = to->hash,
		.of_caller = to->of_caller,
		.kind = REREAD_BOOL,
		.number = seam->end == SEAM_TRUE,
	};
	if (seam->end == SEAM_STRING) {
		if (!reread_own_string(own, seam, value))
			return -EINVAL;
	} else if (seam->end == SEAM_NUMBER) {
		if (!ownjson_number(&own->json))
			return -EINVAL;
		value->kind = REREAD_NUMBER;
		value->negative = own->json.negative;
		value->number = own->json.number;
	}
	return reread->texts.error;
}

/* Adds the values of LINE, which callerd wrote. -EINVAL: it did not. */
static int reread_add_own(struct reread *reread, struct bytes line)
{
	struct reread_own own = {.reread = reread, .begin = line.data, .copy = reread->texts.size};
	struct seam_after *after;
	int error;

	if (!reread->seams && !(reread->seams = seams_new()))
		return -ENOMEM;
	after = seams_begin(reread->seams, !reread->count);
	text_add_bytes(&reread->texts, line);
	error = reread->texts.error ?: after && line.size ? 0 : -EINVAL;
	own.json = (struct ownjson){.at = line.data, .end = line.data + line.size};
	own.value = line.data;
	while (!error) {
		const char *at = own.json.at;
		const struct seam *seam = seams_find(reread->seams, after, at, own.json.end);

		if (!seam)
			return -EINVAL;
		reread_measure(&own, seam, at);
		if (seam->key)
			own.value = at + seam->key;
		own.json.at += seam->size;
		if (seam->end == SEAM_OVER)
			return 0;
		error = reread_own_value(&own, seam);
		after = seam->to;
	}
	return error;
}

/* The same of what another one wrote. */
static int reread_add_any(struct reread *reread, struct bytes line)
{
	struct reread_reader reader = {.reread = reread, .path_at = NOWHERE};
	struct text *texts = &reread->texts;
	size_t text = texts->size, used;
	int error = texts->error;
	bool begun = false;

	gojson_init(&reread->json);
	while (!error) {
		struct bytes rest = bytes_from(line, reader.at), piece;
		enum gojson_step step =
			gojson_next(&reread->json, rest.data, rest.size, &used, &piece);
		const struct gojson_number *number = &reread->json.number;

		reader.at += used;
		if (step == GOJSON_MORE)
			return begun && !reader.depth ? 0 : -EINVAL;
		if (step == GOJSON_PIECE || step == GOJSON_KEY || step == GOJSON_STRING)
			text_add_bytes(texts, piece);
		if (step == GOJSON_PIECE)
			continue;
		if (step == GOJSON_NUMBER)
			error = reread_take_number(
				&reader,
				number->integral && !number->overflow &&
					(!number->negative ||
					 number->magnitude <= (uint64_t)INT64_MAX),
				number->negative, number->magnitude);
		else
			error = reread_take(&reader, step, text, texts->size - text);
		text = texts->size;
		begun = true;
	}
	return error;
}

/* Adds the values of LINE. 0, -EINVAL or -ENOMEM. */
static int reread_add(struct reread *reread, struct bytes line)
{
	size_t lineage = reread->lineage, content = reread->content, texts = reread->texts.size;
	unsigned int count = reread->count;
	int error = reread_add_own(reread, line);

	if (error == -EINVAL) {
		text_cut(&reread->texts, texts);
		reread->count = count;
		reread->lineage = lineage;
		reread->content = content;
		error = reread_add_any(reread, line);
	}
	return error;
}

/* --- callers ---------------------------------------------------------------------------------- */

/* Keeps of the values from FROM on those that are told of a caller, or those that are not. */
static void reread_filter(struct reread *reread, unsigned int from, bool of_caller)
{
	unsigned int count = from;

	for (unsigned int i = from; i < reread->count; i++)
		if (reread->values[i].of_caller == of_caller)
			reread->values[count++] = reread->values[i];
	reread->count = count;
}

/* Of a request's own record that names its caller, event.id tells http.request.id, too, unless it stands for several. */
static int reread_add_request_id(struct reread *reread)
{
	static const char path[] = "http.request.id";
	const struct reread_value *id = reread_find(reread, "event.id");
	struct reread_value added;

	if (reread->record.action != RECORD_API_REQUEST || !id || reread_find(reread, path) ||
	    reread_find(reread, "callerd.folded.count"))
		return 0;
	added = *id;
	added.path_of_seam = NULL;
	added.of_caller = false;
	added.path = (uint32_t)reread->texts.size;
	added.path_size = sizeof(path) - 1;
	added.hash = seam_hash(path, sizeof(path) - 1);
	text_add_string(&reread->texts, path);
	return reread_append(reread, &added);
}

/* Puts what the line tells that the record names in place of what it says itself. */
static int reread_join(struct reread *reread)
{
	struct bytes id = reread_text(reread, "callerd.caller.id");
	struct bytes told = reread_callers_find(&reread->callers, id);
	size_t lineage = reread->lineage, content = reread->content;
	unsigned int count;
	int error;

	reread->named = id.size;
	error = reread->named ? reread_add_request_id(reread) : 0;
	if (error || !told.data) {
		reread_index(reread);
		return error == -ENOMEM ? error : 0;
	}
	reread_filter(reread, 0, false);
	count = reread->count;
	error = reread_add(reread, told);
	reread->lineage = lineage; /* these are of another line */
	reread->content = content;
	if (error) /* there are too many */
		reread->count = count;
	else
		reread_filter(reread, count, true);
	reread_index(reread);
	reread->joined = !error;
	return error == -ENOMEM ? error : 0;
}

bool reread_is_own(const struct reread *reread)
{
	return reread_says(reread, "event.dataset", "callerd.audit") &&
	       (reread_says(reread, "event.action", "log-sealed") ||
		reread_says(reread, "event.action", "caller-seen"));
}

int reread_read(struct reread *reread, struct bytes line)
{
	int error;

	reread->count = 0;
	reread->lineage = reread->content = 0;
	reread->named = reread->joined = false;
	if (reread->texts.error)
		text_free(&reread->texts);
	text_cut(&reread->texts, 0);
	error = reread_add(reread, line);
	reread->whole = !error;
	reread_index(reread);
	if (error)
		return error;
	error = reread_describe(reread);
	if (!error)
		return reread_join(reread);
	if (reread_says(reread, "event.action", "caller-seen") && reread_is_own(reread) &&
	    reread_callers_keep(&reread->callers, reread_text(reread, "callerd.caller.id"), line))
		return -ENOMEM;
	return error;
}

void reread_free(struct reread *reread)
{
	free(reread->values);
	text_free(&reread->texts);
	seams_free(reread->seams);
	reread_callers_free(&reread->callers);
}

/* --- asking ----------------------------------------------------------------------------------- */

void reread_fields(const struct reread *reread, struct fields *fields, struct text *out)
{
	*fields = (struct fields){.out = out, .reread = reread};
}

static bool is_one_of(const char *path, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(path, paths[i]))
			return true;
	return false;
}

/* What a string at PATH is to the agent. */
static enum value_kind kind_of_string(const struct field_path *path)
{
	static const char *const ids[] = {
		"user.id",
		"process.parent.user.id",
		"callerd.caller.cgroup_owner",
		"callerd.account.id",
	};
	size_t size = strlen(path->path);

	switch (path->field->kind) {
	case FIELD_WORD ... FIELD_CAUSE_REASON:
	case FIELD_CONSTANT:
		return VALUE_WORD;
	case FIELD_ID:
	case FIELD_ID32:
		return VALUE_ID;
	case FIELD_BOOT_TIME:
	case FIELD_REAL_TIME:
		return VALUE_TIME;
	case FIELD_GET:
		if (is_one_of(path->path, ids, COUNT(ids)))
			return VALUE_ID;
		if (size > 6 && !strcmp(path->path + size - 6, ".start"))
			return VALUE_TIME;
		return strcmp(path->path, "callerd.capture.caller_described") != 0 ? VALUE_TEXT
										   : VALUE_TIME;
	default:
		return VALUE_TEXT;
	}
}

static bool reread_id(struct bytes text, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < '0' || text.data[i] > '9' ||
		    __builtin_mul_overflow(*ret, 10, ret) ||
		    __builtin_add_overflow(*ret, (uint64_t)(text.data[i] - '0'), ret))
			return false;
	return text.size;
}

static bool reread_set_string(const struct field_path *path, struct bytes text,
			      struct field_value *ret)
{
	enum value_kind kind = kind_of_string(path);

	if (kind == VALUE_ID) {
		if (!reread_id(text, &ret->number))
			return false;
		ret->kind = kind;
		return true;
	}
	/* Of a time the text is known, not what it is as a number. */
	ret->kind = kind == VALUE_TIME ? VALUE_TEXT : kind;
	ret->text = text;
	return kind != VALUE_TIME;
}

/* Whether callerd writes what is at PATH as a value of KIND. */
static bool is_told_as(const struct field_path *path, enum reread_kind kind)
{
	static const char *const numbers[] = {
		"http.response.status_code",
		"process.args_count",
		"process.parent.args_count",
		"callerd.caller.mount_namespace",
	};

	switch (path->field->kind) {
	case FIELD_NUMBER:
	case FIELD_NUMBER32:
	case FIELD_SIGNED:
	case FIELD_COUNTERS:
		return kind == REREAD_NUMBER;
	case FIELD_TRUE:
		return kind == REREAD_BOOL;
	case FIELD_GET:
		if (is_one_of(path->path, numbers, COUNT(numbers)))
			return kind == REREAD_NUMBER;
		return kind != REREAD_ODD;
	case FIELD_FACTS:
	case FIELD_LABELS:
		return kind != REREAD_ODD;
	default:
		return kind == REREAD_STRING;
	}
}

/* Whether *RET is all that VALUE says; a VALUE_NONE: that is not known. */
static bool reread_set(const struct reread *reread, const struct field_path *path,
		       const struct reread_value *value, struct field_value *ret)
{
	*ret = (struct field_value){0};
	if (!is_told_as(path, value->kind))
		return false;
	if (value->kind == REREAD_STRING)
		return reread_set_string(path, reread_string(reread, value), ret);
	*ret = (struct field_value){
		.kind = value->kind == REREAD_BOOL ? VALUE_BOOL
			: value->negative	   ? VALUE_SIGNED
						   : VALUE_NUMBER,
		.number = value->negative ? -value->number : value->number,
	};
	return true;
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

/* What a record that stands for several has of its own, or of one of them. */
static bool is_of_several(const struct reread *reread, const char *path)
{
	static const char *const own[] = {
		"@timestamp",	  "message",
		"event.category", "event.duration",
		"event.id",	  "event.sequence",
		"event.type",	  "callerd.capture.caller_described",
	};

	return is_one_of(path, own, COUNT(own)) && reread_find(reread, "callerd.folded.count");
}

bool reread_any(struct fields *fields, const struct field_path *path,
		bool (*test)(void *data, struct fields *fields, const struct field_value *value),
		void *data)
{
	const struct reread *reread = fields->reread;
	const struct reread_value *value = reread_find(reread, path->path);
	struct field_value one = {.kind = VALUE_TEXT};

	fields->awaits = is_of_several(reread, path->path);
	if (fields->awaits)
		return false;
	if (!value && reread_has_below(reread, path->path)) {
		fields->awaits = true; /* what its line would say is not known */
		return test(data, fields, &one);
	}
	for (; value; value = reread_again(reread, value)) {
		fields->awaits |= !reread_set(reread, path, value, &one);
		if (one.kind && test(data, fields, &one))
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
		return reread_find(reread, "container.id");
	snprintf(id, sizeof(id), "%.*s.id", (int)size - 5, path);
	return reread_find(reread, id);
}

/* What is not told of records that stand for several. */
static bool is_of_one(const struct reread *reread, const char *path)
{
	return reread_find(reread, "callerd.folded.count") &&
	       fields_is_of_one(path, reread_number(reread, "callerd.folded.different") > 1);
}

/* Whether the line has what is written with detail=full alone. Not every such line has: its caller may be unknown, or
 * without a start. */
static bool is_whole(const struct reread *reread)
{
	const struct reread_value *complete = reread_find(reread, "callerd.capture.complete");

	return reread_find(reread, "event.module") &&
	       (reread_find(reread, "process.start") ||
		reread_says(reread, "callerd.caller.basis", "kernel") ||
		(complete && complete->kind == REREAD_BOOL && complete->number));
}

/* What a record may have, and its line says in another way or not again: with detail=full in full alone, else in brief. */
static bool is_in_other_words(const struct reread *reread, const struct field_path *path)
{
	static const char *const both[] = {
		"process.parent.pid",
		"process.parent.name",
		"process.parent.executable",
		"process.parent.command_line",
	};
	const char *at = path->path;
	bool is_peer = reread_says(reread, "callerd.caller.basis", "peer");

	if (path->when & IF_CALLER && !reread_find(reread, "user.id") &&
	    !reread_find(reread, "process.pid"))
		return false;
	if ((path->when & IF_DESCRIBED && is_peer) || is_one_of(at, both, COUNT(both)))
		return false;
	/* A line that tells of a caller has its ancestors. */
	if (reread->joined && reread_begins(at, "callerd.ancestors.") &&
	    strcmp(at, "callerd.ancestors.start") != 0)
		return false;
	/* In brief nearly all of them are told there as ALL. */
	if (!strcmp(at, "process.thread.capabilities.effective"))
		return !is_whole(reread) && reread_find(reread, "callerd.caller.capabilities");
	if (is_whole(reread))
		return path->when & IF_BRIEF;
	if (reread_begins(at, "url.") && !reread_find(reread, "url.original"))
		return false;
	if (!strcmp(at, "url.path"))
		return !reread_find(reread, at);
	if (!strcmp(at, "callerd.capture.complete"))
		return record_is_request(&reread->record) && !reread_find(reread, at);
	if (path->when & IF_AGAIN && reread_find(reread, "event.module"))
		return false;
	return path->when & (IF_WHOLE | IF_AGAIN);
}

bool reread_awaited(const struct fields *fields, const struct field_path *path)
{
	const struct reread *reread = fields->reread;
	struct bytes level = reread_text(reread, "callerd.level");
	const char *at = path->path;

	if (fields->awaits || is_in_other_words(reread, path))
		return true;
	if (reread_find(reread, at))
		return false;
	if (fields_is_behind(bytes_of(at)))
		return reread_find(reread, "container.id");
	if (reread->named && !reread->joined && reread_callers_has(bytes_of(at)))
		return true;
	if (level.size &&
	    (reread_begins(at, "process.parent.") || reread_begins(at, "callerd.ancestors") ||
	     !strcmp(at, "callerd.lineage")))
		return true;
	if (bytes_are(level, "metadata") && reread_begins(at, "callerd.request."))
		return true;
	return is_unnamed(reread, at) || is_of_one(reread, at);
}
