// SPDX-License-Identifier: Apache-2.0
/*
 * The record as an entry of systemd's journal, in its native protocol. A field has the name that ECS gives it, in
 * upper case, with an underscore for what is neither letter nor digit. journald keeps the values of a field that is
 * there several times in no order, and equal ones once: a list whose order matters is one value.
 */
#include "format/journal_fields.h"

#include <assert.h>
#include <endian.h>

#include "fields/fields.h"
#include "secret/command.h"

#define FACTS_MAX 64
/* From here on no more elements of lists: there is room for a field of each fact, and for what journald and those
 * who pass the entry on add to it. */
#define LISTED_MAX (JOURNAL_FIELDS_MAX - 2 * FACTS_MAX)

struct journal {
	struct text *out;
	struct fields *fields;
	unsigned int count; /* fields so far */
	char name[JOURNAL_NAME_MAX];
	size_t name_size; /* of the object that is open, with an underscore at its end */
};

/* --- fields ----------------------------------------------------------------------------------- */

/* Puts KEY behind the name of the open object; what is too long is cut. Returns the size of the whole. */
static size_t journal_fields_add_name(struct journal *journal, const char *key)
{
	size_t size = journal->name_size;

	for (; *key && size < sizeof(journal->name); key++)
		if (*key >= 'a' && *key <= 'z')
			journal->name[size++] = (char)(*key - 'a' + 'A');
		else if ((*key >= 'A' && *key <= 'Z') || (*key >= '0' && *key <= '9'))
			journal->name[size++] = *key;
		else
			journal->name[size++] = '_';
	return size;
}

/* A reader of lines would be misled by more than the line feed, of which alone the protocol speaks. */
static bool is_plain(struct bytes value)
{
	for (size_t i = 0; value.data && i < value.size; i++) {
		unsigned char byte = (unsigned char)value.data[i];

		if (byte < ' ' || byte == 0x7f)
			return false;
	}
	return true;
}

/* An empty TEXT is a value as well. */
static void journal_fields_put_text(struct journal *journal, const char *key, struct bytes text)
{
	text_add(journal->out, journal->name, journal_fields_add_name(journal, key));
	if (is_plain(text)) {
		text_add_char(journal->out, '=');
	} else {
		uint64_t size = htole64(text.size);

		text_add_char(journal->out, '\n');
		text_add(journal->out, (const char *)&size, sizeof(size));
	}
	text_add_bytes(journal->out, text);
	text_add_char(journal->out, '\n');
	journal->count++;
}

static void put_value(struct journal *journal, const char *key, struct field_value *value)
{
	struct field_value element;

	if (!fields_is_list(value)) {
		if (value->kind)
			journal_fields_put_text(journal, key, fields_text(journal->fields, value));
		return;
	}
	while (fields_next(value, &element))
		journal_fields_put_text(journal, key, fields_text(journal->fields, &element));
}

static size_t open_object(struct journal *journal, const char *key)
{
	size_t outer = journal->name_size;

	journal->name_size = journal_fields_add_name(journal, key);
	journal->name_size = journal_fields_add_name(journal, ".");
	return outer;
}

static void journal_fields_put_fields(struct journal *journal, const struct record_field *field);

static void put_objects(struct journal *journal, const struct record_field *field)
{
	unsigned int index = 0;
	struct field_value line;
	size_t outer;

	while (fields_enter(journal->fields, field, &index)) {
		outer = open_object(journal, field->key);
		journal_fields_put_fields(journal, field->fields);
		journal->name_size = outer;
		if (!field->add_line)
			continue;
		fields_line(journal->fields, field, &line);
		put_value(journal, field->key, &line);
	}
}

static void journal_fields_put_counters(struct journal *journal, const struct record *record)
{
	for (unsigned int i = 0; i < record->counter_count; i++) {
		struct field_value value = {.kind = VALUE_NUMBER,
					    .number = record->counters[i].value};

		put_value(journal, record->counters[i].name, &value);
	}
}

static void journal_fields_put_field(struct journal *journal, const struct record_field *field)
{
	size_t outer = journal->name_size;
	struct field_value value;

	switch (field->kind) {
	case FIELD_OBJECT:
		if (field->enter) {
			put_objects(journal, field);
			break;
		}
		open_object(journal, field->key);
		journal_fields_put_fields(journal, field->fields);
		break;
	case FIELD_OBJECTS:
		put_objects(journal, field);
		break;
	case FIELD_GROUP:
		journal_fields_put_fields(journal, field->fields);
		break;
	case FIELD_PART:
		journal_fields_put_fields(journal, fields_parts[field->part]);
		break;
	case FIELD_COUNTERS:
		open_object(journal, field->key);
		journal_fields_put_counters(journal, journal->fields->view.record);
		break;
	case FIELD_FACTS: /* journal_fields_put_facts(), at the end */
		break;
	default:
		fields_value(journal->fields, field, &value);
		put_value(journal, field->key, &value);
	}
	journal->name_size = outer;
}

static void journal_fields_put_fields(struct journal *journal, const struct record_field *field)
{
	for (; field->kind; field++)
		if (fields_meet(journal->fields, field->when))
			journal_fields_put_field(journal, field);
}

/* --- facts ------------------------------------------------------------------------------------ */

static void put_command(struct journal *journal, const struct record_fact *fact)
{
	struct text *out = fields_begin(journal->fields);
	struct field_value value;

	command_add_list(out, fact->list, fact->count);
	fields_begun(journal->fields, &value);
	put_value(journal, fact->name, &value);
}

/* Returns whether all of it had room. */
static bool put_list(struct journal *journal, const struct record_fact *fact)
{
	for (unsigned int i = 0; i < fact->count; i++) {
		if (journal->count >= LISTED_MAX)
			return false;
		journal_fields_put_text(journal, fact->name, fact->list[i]);
	}
	return true;
}

static bool put_fact(struct journal *journal, const struct record_fact *fact)
{
	struct field_value value;

	if (fact->kind == FACT_LIST)
		return put_list(journal, fact);
	if (fact->kind == FACT_COMMAND) {
		put_command(journal, fact);
	} else {
		fields_fact(fact, &value);
		put_value(journal, fact->name, &value);
	}
	return true;
}

/* By which journalctl -x explains the gravest finding. */
static void put_message_id(struct journal *journal, const struct record_api *api)
{
	char id[33];

	if (!api->finding_count)
		return;
	finding_message_id(api->findings[0].id, id);
	journal->name_size = 0;
	journal_fields_put_text(journal, "MESSAGE_ID", bytes_of(id));
}

/* journald drops an entry of more fields than it takes, in silence: nobody is to bring that about. */
static void journal_fields_put_facts(struct journal *journal, const struct record_api *api)
{
	uint64_t cut = 0;

	assert(api->fact_count <= FACTS_MAX);
	open_object(journal, "callerd.request");
	for (unsigned int i = 0; i < api->fact_count; i++)
		if (!put_fact(journal, &api->facts[i]) || api->facts[i].cut)
			cut |= 1ull << i;
	for (unsigned int i = 0; i < api->fact_count; i++)
		if (cut >> i & 1)
			journal_fields_put_text(journal, "cut", bytes_of(api->facts[i].name));
}

int journal_fields_write(const struct record *record, const struct record_context *context,
			 struct text *out)
{
	struct fields fields;
	struct journal journal = {.out = out, .fields = &fields};
	int error =
		fields_init(&fields, record, context, IF_JOURNAL | IF_WHOLE | IF_TECHNIQUES, out);

	if (!error) {
		journal_fields_put_fields(&journal, fields_all);
		put_message_id(&journal, &record->api);
		journal_fields_put_facts(
			&journal, &record->api); /* the last: they take the room that is left */
	}
	return fields_free(&fields, error);
}
