// SPDX-License-Identifier: Apache-2.0
/* The record in the Elastic Common Schema: one object, its fields named as docs/record.md has them. json.h drops the
 * objects and lists that stay empty. */
#include "format/ecs.h"

#include <assert.h>

#include "docker/known/labels.h"

struct ecs {
	struct json *json;
	struct fields *fields;
	/* What was rendered before, by its part; NULL: it is written anew. */
	const struct rendered *rendered[FIELD_PARTS];
	bool without_ancestors;
};

static void put_texts(struct json *json, const struct bytes *texts, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		json_put_element(json, texts[i]);
}

static void put_elements(struct json *json, struct field_value *list)
{
	struct field_value element;

	while (fields_next(list, &element))
		if (element.kind == VALUE_TEXT)
			json_put_element(json, element.text);
		else
			ecs_put_value(json, NULL, &element);
}

void ecs_put_value(struct json *json, const char *key, struct field_value *value)
{
	switch (value->kind) {
	case VALUE_NONE:
		break;
	case VALUE_TEXT:
		json_put_string(json, key, value->text);
		break;
	case VALUE_WORD:
		json_put_plain(json, key, value->text.data, value->text.size);
		break;
	case VALUE_NUMBER:
		json_put_number(json, key, value->number);
		break;
	case VALUE_SIGNED:
		json_put_signed(json, key, (int64_t)value->number);
		break;
	case VALUE_ID:
		json_put_id(json, key, value->number);
		break;
	case VALUE_BOOL:
		json_put_bool(json, key, value->number);
		break;
	case VALUE_TIME:
		json_put_time(json, key, value->number);
		break;
	case VALUE_TEXTS:
		json_open_array(json, key);
		put_texts(json, value->items, value->count);
		json_close(json);
		break;
	default:
		json_open_array(json, key);
		put_elements(json, value);
		json_close(json);
		break;
	}
}

/* --- facts and counters ----------------------------------------------------------------------- */

/* The part of a fact's name before its dot: the object that it stands in; empty: none. */
static struct bytes group_of(const struct record_fact *fact)
{
	const char *dot = strchr(fact->name, '.');

	return (struct bytes){fact->name, dot ? (size_t)(dot - fact->name) : 0};
}

/* KEY is memory for the key of an open group. */
static void change_group(struct json *json, struct bytes from, struct bytes to, char key[32])
{
	if (bytes_equal(from, to))
		return;
	if (from.size)
		json_close(json);
	if (!to.size || to.size >= 32)
		return;
	memcpy(key, to.data, to.size);
	key[to.size] = '\0';
	json_open_object(json, key);
}

static void put_cuts(struct json *json, const struct record_api *api)
{
	json_open_array(json, "cut");
	for (unsigned int i = 0; i < api->fact_count; i++)
		if (api->facts[i].cut)
			json_put_word(json, NULL, api->facts[i].name);
	json_close(json);
}

static void ecs_put_facts(struct json *json, const char *key, const struct record_api *api)
{
	struct bytes group = {0};
	char group_key[32];

	json_open_object(json, key);
	for (unsigned int i = 0; i < api->fact_count; i++) {
		const struct record_fact *fact = &api->facts[i];
		struct bytes next = group_of(fact);
		struct field_value value;

		change_group(json, group, next, group_key);
		group = next;
		fields_fact(fact, &value);
		ecs_put_value(json, fact->name + (group.size ? group.size + 1 : 0), &value);
	}
	change_group(json, group, (struct bytes){0}, group_key);
	put_cuts(json, api);
	json_close(json);
}

static void ecs_put_labels(struct json *json, const char *key, struct bytes packed)
{
	char field[LABEL_KEY_MAX + 1];
	struct bytes label, value;

	json_open_object(json, key);
	while (labels_next(&packed, &label, &value))
		json_put_string(json, labels_field(label, field), value);
	json_close(json);
}

static void ecs_put_counters(struct json *json, const char *key, const struct record *record)
{
	json_open_object(json, key);
	for (unsigned int i = 0; i < record->counter_count; i++)
		json_put_number(json, record->counters[i].name, record->counters[i].value);
	json_close(json);
}

/* --- fields ----------------------------------------------------------------------------------- */

static void ecs_put_fields(struct ecs *ecs, const struct record_field *field);

static void ecs_put_object(struct ecs *ecs, const char *key, const struct record_field *field)
{
	json_open_object(ecs->json, key);
	ecs_put_fields(ecs, field->fields);
	json_close(ecs->json);
}

/* Those that FIELD goes to: elements of an open list, or the one member called KEY. */
static void put_entered(struct ecs *ecs, const char *key, const struct record_field *field)
{
	unsigned int index = 0;

	while (fields_enter(ecs->fields, field, &index))
		ecs_put_object(ecs, key, field);
}

static void put_part(struct ecs *ecs, enum field_part part)
{
	const struct rendered *rendered = ecs->rendered[part];
	unsigned int i = part < PARTS_OF_CALLER ? part : part - PARTS_OF_CALLER;

	if (ecs->without_ancestors && part == PART_ANCESTORS)
		return;
	if (rendered)
		json_put_members(ecs->json, rendered->text + rendered->parts[i].at,
				 rendered->parts[i].size);
	else
		ecs_put_fields(ecs, fields_parts[part]);
}

static void put_inner(struct ecs *ecs, const struct record_field *field)
{
	const struct record *record = ecs->fields->view.record;

	switch (field->kind) {
	case FIELD_OBJECT:
		if (field->enter)
			put_entered(ecs, field->key, field);
		else
			ecs_put_object(ecs, field->key, field);
		break;
	case FIELD_OBJECTS:
		json_open_array(ecs->json, field->key);
		put_entered(ecs, NULL, field);
		json_close(ecs->json);
		break;
	case FIELD_GROUP:
		ecs_put_fields(ecs, field->fields);
		break;
	case FIELD_PART:
		put_part(ecs, field->part);
		break;
	case FIELD_LABELS:
		ecs_put_labels(ecs->json, field->key, *fields_bytes(ecs->fields, field));
		break;
	case FIELD_FACTS:
		ecs_put_facts(ecs->json, field->key, &record->api);
		break;
	case FIELD_COUNTERS:
		ecs_put_counters(ecs->json, field->key, record);
		break;
	default:
		break;
	}
}

static void ecs_put_fields(struct ecs *ecs, const struct record_field *field)
{
	struct field_value value;

	for (; field->kind; field++) {
		if (!fields_meet(ecs->fields, field->when))
			continue;
		if (field->kind == FIELD_BYTES) { /* most of them, and so without a detour */
			json_put_string(ecs->json, field->key, *fields_bytes(ecs->fields, field));
		} else if (field->kind > FIELD_GET) {
			put_inner(ecs, field);
		} else {
			fields_value(ecs->fields, field, &value);
			ecs_put_value(ecs->json, field->key, &value);
		}
	}
}

/* --- what is rendered once -------------------------------------------------------------------- */

static_assert(PARTS_OF_CALLER <= RENDERED_PARTS && FIELD_PARTS - PARTS_OF_CALLER <= RENDERED_PARTS,
	      "all are kept");

/* Writes the parts from FIRST to before END behind the record, the members of an object each, and takes them off
 * again. */
static void ecs_render(struct ecs *ecs, unsigned int first, unsigned int end,
		       struct rendered *rendered)
{
	struct view *view = &ecs->fields->view;
	struct rendered made = {
		.clock = view_boot_to_real(view, view->caller),
		.names = view->context->names,
		.euid = view->caller->process.euid,
		.mnt_ns = view->caller->mnt_ns,
	};
	struct text *out = ecs->json->out;
	size_t start = out->size;

	for (unsigned int i = 0; first + i < end; i++) {
		struct json part = {.out = out, .depth = 1, .written = 1};
		struct ecs alone = {.json = &part, .fields = ecs->fields};

		text_add_char(out, '{');
		made.parts[i].at = out->size - start;
		ecs_put_fields(&alone, fields_parts[first + i]);
		made.parts[i].size = out->size - start - made.parts[i].at;
	}
	if (!out->error && !ecs->fields->masked.error && !ecs->fields->scratch.error)
		caller_rendered_keep(rendered, &made, text_since(out, start));
	text_cut(out, start);
}

/* Finds what was rendered of SHARED before, or renders it now, where it can be kept. */
static void find_rendered(struct ecs *ecs, const struct shared *shared, unsigned int first,
			  unsigned int end)
{
	const struct view *view = &ecs->fields->view;
	struct rendered *rendered = shared->rendered;

	if (!rendered)
		return;
	/* The times in it are of another clock where that was set meanwhile. */
	if (!rendered->text || rendered->clock != view_boot_to_real(view, view->caller) ||
	    rendered->names != view->context->names ||
	    rendered->euid != view->caller->process.euid ||
	    rendered->mnt_ns != view->caller->mnt_ns)
		ecs_render(ecs, first, end, rendered);
	for (unsigned int i = first; rendered->text && i < end; i++)
		ecs->rendered[i] = rendered;
}

static void ecs_find_parts(struct ecs *ecs, const struct record *record)
{
	const struct caller *caller = record->caller;

	/* Of a refused connect there is less to say, and its caller will not be met again. */
	if (record->action != RECORD_SOCKET_REFUSED)
		find_rendered(ecs, &caller->shared, 0, PARTS_OF_CALLER);
	/* Callers of several boots may share a lineage: only this boot's is kept. */
	if (caller->lineage && !caller->boot_id.size)
		find_rendered(ecs, &caller->lineage->shared, PARTS_OF_CALLER, FIELD_PARTS);
}

/* --- the whole -------------------------------------------------------------------------------- */

void ecs_put_callerd(struct json *json, struct fields *fields)
{
	struct ecs ecs = {.json = json, .fields = fields, .without_ancestors = true};
	const struct record_field *field = fields_all;

	while (field[1].kind)
		field++;
	ecs_put_object(&ecs, field->key, field);
}

static int ecs_write_detail(const struct record *record, const struct record_context *context,
			    uint64_t detail, struct text *out)
{
	struct json json = {.out = out};
	struct fields fields;
	struct ecs ecs = {.json = &json, .fields = &fields};
	int error = fields_init(&fields, record, context, IF_ECS | detail, out);

	if (!error) {
		json_open_object(&json, NULL);
		/* One kind is kept. */
		if (record->caller && detail == IF_BRIEF && record->action != RECORD_CALLER_SEEN)
			ecs_find_parts(&ecs, record);
		ecs_put_fields(&ecs, fields_all);
		json_close(&json);
		text_add_char(out, '\n');
	}
	return fields_free(&fields, error);
}

int ecs_write(const struct record *record, const struct record_context *context, struct text *out)
{
	return ecs_write_detail(record, context, IF_BRIEF, out);
}

int ecs_write_reference(const struct record *record, const struct record_context *context,
			struct text *out)
{
	return ecs_write_detail(record, context, IF_BRIEF | (record->caller_id.data ? IF_NAMED : 0),
				out);
}

int ecs_write_whole(const struct record *record, const struct record_context *context,
		    struct text *out)
{
	return ecs_write_detail(record, context, IF_WHOLE, out);
}
