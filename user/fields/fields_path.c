// SPDX-License-Identifier: Apache-2.0
/* Fields by their paths in ECS, as other formats and expressions pick them. */
#include <assert.h>
#include <stdio.h>

#include "docker/known/labels.h"
#include "fields/fields_table.h"
#include "fields/reread.h"

/* Where paths that are found go. */
struct found_paths {
	struct field_path *all;
	unsigned int count, max;
};

static void find_path(const struct record_field *field, struct field_path from, const char *rest,
		      struct found_paths *ret);

/* Whether FIELD can be told at the end of a path. */
static bool is_value(const struct record_field *field)
{
	return field->kind <= FIELD_GET || (field->add_line && !field->enter);
}

/* FIELD has the key that REST begins with; MORE: what follows it in REST, or NULL. */
static void find_below(const struct record_field *field, struct field_path from, const char *more,
		       struct found_paths *ret)
{
	if (!more) {
		from.field = field;
		if (is_value(field) || (field->kind == FIELD_OBJECTS && field->add_line))
			ret->all[ret->count++] = from;
		return;
	}
	if (field->kind == FIELD_FACTS || field->kind == FIELD_LABELS ||
	    field->kind == FIELD_COUNTERS) {
		from.field = field;
		from.member = more;
		ret->all[ret->count++] = from;
		return;
	}
	if (field->enter)
		from.entered = field;
	if (field->kind == FIELD_OBJECT || field->kind == FIELD_OBJECTS)
		find_path(field->fields, from, more, ret);
}

static void find_path(const struct record_field *field, struct field_path from, const char *rest,
		      struct found_paths *ret)
{
	size_t size = strcspn(rest, ".");
	uint64_t when = from.when;

	for (; field->kind && ret->count < ret->max; field++) {
		from.when = when | field->when;
		if (field->kind == FIELD_GROUP)
			find_path(field->fields, from, rest, ret);
		else if (field->kind == FIELD_PART)
			find_path(fields_parts[field->part], from, rest, ret);
		else if (!strncmp(field->key, rest, size) && !field->key[size])
			find_below(field, from, rest[size] ? rest + size + 1 : NULL, ret);
	}
}

unsigned int fields_find_all(const char *path, struct field_path *ret, unsigned int max)
{
	struct found_paths found = {.all = ret, .max = max};

	find_path(fields_all, (struct field_path){.path = path}, path, &found);
	return found.count;
}

void fields_find(struct field_path *path)
{
	unsigned int found = fields_find_all(path->path, path, 1);

	assert(found && !path->entered && !path->member);
	(void)found;
}

/* Where a walk over all fields is. */
struct path_walk {
	void *data;
	void (*see)(void *data, const char *path);
	char path[256];
};

static void walk_fields(struct path_walk *walk, size_t size, const struct record_field *field);

static void walk_field(struct path_walk *walk, size_t size, const struct record_field *field)
{
	bool many = field->kind == FIELD_FACTS || field->kind == FIELD_LABELS ||
		    field->kind == FIELD_COUNTERS;
	int length = snprintf(walk->path + size, sizeof(walk->path) - size, "%s%s%s",
			      size ? "." : "", field->key, many ? ".*" : "");

	assert(length > 0 && size + (size_t)length < sizeof(walk->path));
	if (field->kind == FIELD_OBJECT || field->kind == FIELD_OBJECTS)
		walk_fields(walk, size + (size_t)length, field->fields);
	else
		walk->see(walk->data, walk->path);
}

static void walk_fields(struct path_walk *walk, size_t size, const struct record_field *field)
{
	for (; field->kind; field++) {
		if (field->when & IF_JOURNAL)
			continue;
		if (field->kind == FIELD_GROUP)
			walk_fields(walk, size, field->fields);
		else if (field->kind == FIELD_PART)
			walk_fields(walk, size, fields_parts[field->part]);
		else
			walk_field(walk, size, field);
	}
}

void fields_walk_paths(void *data, void (*see)(void *data, const char *path))
{
	struct path_walk walk = {.data = data, .see = see};

	walk_fields(&walk, 0, fields_all);
}

/* The label whose field is called NAME. */
static void label_value(struct bytes packed, const char *name, struct field_value *ret)
{
	char field[LABEL_KEY_MAX + 1];
	struct bytes key, value;

	while (labels_next(&packed, &key, &value))
		if (!strcmp(labels_field(key, field), name))
			fields_set_text(ret, value);
}

/* A member of the facts, of labels, or of the counters. */
static void member_value(const struct fields *fields, const struct field_path *path,
			 struct field_value *ret)
{
	const struct record *record = fields->view.record;

	ret->kind = VALUE_NONE;
	if (path->field->kind == FIELD_LABELS)
		label_value(*fields_bytes(fields, path->field), path->member, ret);
	for (unsigned int i = 0; path->field->kind == FIELD_FACTS && i < record->api.fact_count;
	     i++)
		if (!strcmp(record->api.facts[i].name, path->member))
			fields_fact(&record->api.facts[i], ret);
	for (unsigned int i = 0; path->field->kind == FIELD_COUNTERS && i < record->counter_count;
	     i++)
		if (!strcmp(record->counters[i].name, path->member))
			fields_set_number(ret, VALUE_NUMBER, record->counters[i].value);
}

static bool any_value(struct fields *fields, const struct field_path *path,
		      bool (*test)(void *data, struct fields *fields,
				   const struct field_value *value),
		      void *data)
{
	const struct record_field *field = path->field;
	struct field_value value, element;

	if (path->member)
		member_value(fields, path, &value);
	else if (field->kind == FIELD_OBJECT || field->kind == FIELD_OBJECTS)
		fields_line(fields, field, &value);
	else
		fields_value(fields, field, &value);
	if (!fields_is_list(&value))
		return value.kind && test(data, fields, &value);
	while (fields_next(&value, &element))
		if (test(data, fields, &element))
			return true;
	return false;
}

bool fields_any(struct fields *fields, const struct field_path *path,
		bool (*test)(void *data, struct fields *fields, const struct field_value *value),
		void *data)
{
	const struct record_field *entered = path->entered
						     ?: path->field->kind == FIELD_OBJECTS
							? path->field
							: NULL;
	unsigned int index = 0;
	bool found = false;

	if (fields->reread)
		return reread_any(fields, path, test, data);
	fields->awaits = false;
	if (!fields_meet(fields, path->when))
		return false;
	if (!entered)
		return any_value(fields, path, test, data);
	while (!found && fields_enter(fields, entered, &index))
		found = any_value(fields, path, test, data);
	fields_enter_caller(fields, fields->view.caller);
	return found;
}

bool fields_is_of_one(const char *path, bool different)
{
	static const struct {
		const char *begin;
		bool of_equal; /* also of records that are equal */
	} left_out[] = {
		{"url.", false},
		{"user_agent.", false},
		{"http.", true},
		{"callerd.connection.", true},
		{"callerd.target.", false},
		{"callerd.docker_event.", true},
		{"callerd.api.", false},
	};

	for (size_t i = 0; i < COUNT(left_out); i++)
		if (!strncmp(path, left_out[i].begin, strlen(left_out[i].begin)))
			return different || left_out[i].of_equal;
	return false;
}

bool fields_is_behind(struct bytes path)
{
	return bytes_begin(path, "callerd.caller.container.") ||
	       bytes_begin(path, "callerd.caller.behind.");
}

static bool any_at_all(void *data, struct fields *fields, const struct field_value *value)
{
	return true;
}

/* Whether a record that stands for several does not tell what PATH has, or tells it of one of them. */
static bool is_left_out(struct fields *fields, const struct field_path *path)
{
	const struct record *record = fields->view.record;
	bool different = record->fold_different > 1;

	if (!record->fold_count || !fields_meet(fields, path->when))
		return false;
	if (different &&
	    (!strcmp(path->path, "message") ||
	     (!strcmp(path->path, "event.type") && record->action == RECORD_DOCKER_EVENT)))
		return true;
	return fields_is_of_one(path->path, different) &&
	       !fields_any(fields, path, any_at_all, NULL);
}

/* Whether there is a container that FIELD would be the labels of. */
static bool may_have_labels(const struct fields *fields, const struct record_field *field)
{
	enum target_type type = fields->view.record->api.target_type;

	if (field->offset == offsetof(struct record, container_labels))
		return fields->view.container_id.size;
	return type == TARGET_CONTAINER || type == TARGET_EXEC;
}

bool fields_awaited(struct fields *fields, const struct field_path *path)
{
	const struct record_context *context = fields->view.context;
	const struct record_field *field = path->field;
	const struct caller *caller = fields->view.caller;
	uint32_t uid;

	if (fields->reread)
		return reread_awaited(fields, path);
	/* Who is in a container has a name and an image, though callerd may not know them, or not yet. */
	if (field->kind == FIELD_LABELS && !fields_bytes(fields, field)->data)
		return fields_meet(fields, path->when) && may_have_labels(fields, field);
	if (field->source == FIELDS_record && !path->entered &&
	    (field->offset == offsetof(struct record, container_name) ||
	     field->offset == offsetof(struct record, container_image)))
		return fields->view.container_id.size && !fields_bytes(fields, field)->size &&
		       fields_meet(fields, path->when);
	if (fields->awaits || is_left_out(fields, path))
		return true;
	if (fields_is_behind(bytes_of(path->path)))
		return fields->view.container_id.size &&
		       !fields_any(fields, path, any_at_all, NULL);
	if (!caller || !context->user_asked || field->kind != FIELD_CHARS ||
	    field->source != FIELDS_view || !fields_meet(fields, path->when))
		return false;
	if (field->offset == offsetof(struct view, user))
		uid = caller->process.euid;
	else if (field->offset == offsetof(struct view, real_user))
		uid = caller->uid;
	else if (field->offset == offsetof(struct view, account))
		uid = (uint32_t)CALLERD_ACCOUNT_ID(fields->view.record->account);
	else
		return false;
	return !((const char *)&fields->view)[field->offset] &&
	       context->user_asked(context->data, uid);
}

bool fields_read(struct fields *fields, const struct field_path *path, struct field_cursor *cursor,
		 struct field_value *ret)
{
	const struct record_field *field = path->field;

	if (!fields_meet(fields, path->when))
		return false;
	if (field->kind == FIELD_OBJECTS) {
		if (!fields_enter(fields, field, &cursor->index))
			return false;
		fields_line(fields, field, ret);
		return true;
	}
	if (cursor->index++)
		return fields_is_list(&cursor->list) && fields_next(&cursor->list, ret);
	if (field->kind == FIELD_OBJECT)
		fields_line(fields, field, ret);
	else
		fields_value(fields, field, ret);
	if (!fields_is_list(ret))
		return ret->kind;
	cursor->list = *ret;
	return fields_next(&cursor->list, ret);
}
