// SPDX-License-Identifier: Apache-2.0
#include "fields/fields.h"

#include "base/clock.h"
#include "fields/fields_table.h"
#include "secret/command.h"

#define FACILITY "13" /* log audit */

/* --- values ----------------------------------------------------------------------------------- */

void fields_set_text(struct field_value *ret, struct bytes text)
{
	ret->kind = text.data && text.size ? VALUE_TEXT : VALUE_NONE;
	ret->text = text;
}

void fields_set_word(struct field_value *ret, const char *word)
{
	ret->kind = word ? VALUE_WORD : VALUE_NONE;
	ret->text = bytes_of(word);
}

void fields_set_number(struct field_value *ret, enum value_kind kind, uint64_t number)
{
	ret->kind = kind;
	ret->number = number;
}

void fields_set_list(struct field_value *ret, enum value_kind kind, const void *items,
		     unsigned int count)
{
	ret->kind = kind;
	ret->items = items;
	ret->count = count;
}

void fields_set_bits(struct field_value *ret, uint64_t bits, const char *(*name)(unsigned int bit),
		     const char *more)
{
	ret->kind = VALUE_BITS;
	ret->count = 0;
	ret->number = bits;
	ret->bit_name = name;
	ret->more = more;
}

struct text *fields_begin(struct fields *fields)
{
	text_cut(&fields->scratch, 0);
	return &fields->scratch;
}

void fields_begun(const struct fields *fields, struct field_value *ret)
{
	fields_set_text(ret, text_since(&fields->scratch, 0));
}

/* The value is the list of what was added to what fields_begin() gave, each with its NUL. */
void fields_begun_list(const struct fields *fields, struct field_value *ret)
{
	ret->kind = VALUE_ARGUMENTS;
	ret->text = text_since(&fields->scratch, 0);
}

static bool take_bit(struct field_value *bits, struct field_value *ret)
{
	const char *more = bits->more;

	while (bits->number && !(bits->number & 1)) {
		bits->number >>= 1;
		bits->count++;
	}
	if (!bits->number) {
		bits->more = NULL;
		fields_set_word(ret, more);
		return more;
	}
	fields_set_word(ret, bits->bit_name(bits->count));
	if (!ret->kind)
		fields_set_number(ret, VALUE_ID, bits->count);
	bits->number >>= 1;
	bits->count++;
	return true;
}

bool fields_next(struct field_value *list, struct field_value *ret)
{
	if (list->kind == VALUE_BITS)
		return take_bit(list, ret);
	ret->kind = VALUE_TEXT;
	if (list->kind == VALUE_ARGUMENTS)
		return command_next(&list->text, &ret->text);
	if (!list->count)
		return false;
	list->count--;
	if (list->kind == VALUE_TEXTS) {
		const struct bytes *text = list->items;

		ret->text = *text;
		list->items = text + 1;
	} else {
		const char *const *word = list->items;

		ret->kind = list->kind == VALUE_WORDS ? VALUE_WORD : VALUE_TEXT;
		ret->text = bytes_of(*word);
		list->items = word + 1;
	}
	return true;
}

void fields_fact(const struct record_fact *fact, struct field_value *ret)
{
	switch (fact->kind) {
	case FACT_TEXT:
		fields_set_text(ret, fact->text);
		break;
	case FACT_LIST:
	case FACT_COMMAND:
		fields_set_list(ret, VALUE_TEXTS, fact->list, fact->count);
		break;
	case FACT_TRUE:
		fields_set_number(ret, VALUE_BOOL, true);
		break;
	}
}

/* --- all of them ------------------------------------------------------------------------------ */

/* clang-format off */
const struct record_field *const fields_parts[FIELD_PARTS] = {
	[PART_PROCESS] = fields_of_process,
	[PART_USER] = fields_of_user,
	[PART_CALLER] = fields_of_caller,
	[PART_CLAIMS] = fields_of_claims,
	[PART_PARENT] = fields_of_parent,
	[PART_ANCESTORS] = fields_of_ancestors,
};

const struct record_field fields_all[] = {
	BOOT_TIME("@timestamp", record, time, .when = IF_ECS),
	OBJECT("ecs", IF_ECS, CONSTANT("version", ECS_VERSION)),
	ALL_OF(fields_of_message, 0),
	OBJECT("syslog", IF_JOURNAL,
		CONSTANT("identifier", "callerd"),
		CONSTANT("facility", FACILITY)),
	OBJECT_OF("event", 0, fields_of_event),
	OBJECT("host", 0,
		TEXT("name", record_context, host_name),
		TEXT("id", record_context, host_id, .when = IF_HERE),
		OBJECT("boot", IF_ECS | IF_AGAIN, TEXT("id", record_context, boot_id))),
	OBJECT("agent", 0,
		CONSTANT("type", "callerd", .when = IF_ECS),
		TEXT("version", record_context, agent_version, .when = IF_HERE),
		TEXT("ephemeral_id", record_context, run_id)),
	OBJECT("process", IF_CALLER,
		PART(PART_PROCESS, 0),
		ALL_OF(fields_of_thread, 0),
		PART(PART_PARENT, IF_LINEAGE)),
	PART(PART_USER, IF_CALLER),
	ALL_OF(fields_of_nobody, 0),
	ALL_OF(fields_of_ends, IF_TCP),
	/* In the journal CONTAINER_NAME and its like are those of Docker's log driver. */
	ALL_OF(fields_of_container, IF_CALLER | IF_ECS),
	ALL_OF(fields_of_pod, IF_CALLER | IF_DESCRIBED),
	ALL_OF(fields_of_request, IF_REQUEST),
	ALL_OF(fields_of_rule, 0),
	ALL_OF(fields_of_threat, IF_TECHNIQUES),
	ALL_OF(fields_of_error, 0),
	/* The last one: the chain's mark goes before its end. */
	OBJECT("callerd", 0,
		BOOT_TIME("timestamp", record, time, .when = IF_JOURNAL),
		OBJECT("caller", IF_CALLER,
			PART(PART_CALLER, 0),
			ALL_OF(fields_of_makers, IF_CONTAINED)),
		PART(PART_CLAIMS, IF_CALLER),
		ALL_OF(fields_of_container, IF_CALLER | IF_JOURNAL),
		PART(PART_ANCESTORS, IF_CALLER | IF_LINEAGE),
		ALL_OF(fields_of_relayed, IF_RELAYED),
		ALL_OF(fields_of_others, 0),
		ALL_OF(fields_of_deed, 0),
		ALL_OF(fields_of_counted, 0),
		ALL_OF(fields_of_docker_event, IF_EVENT),
		ALL_OF(fields_of_change, IF_CHANGE),
		ALL_OF(fields_of_engine, 0),
		ALL_OF(fields_of_agent, 0)),
	{0},
};
/* clang-format on */

/* --- the walk --------------------------------------------------------------------------------- */

static uint64_t conditions_of_caller(const struct view *view)
{
	const struct caller *caller = view->caller;
	const struct record *record = view->record;
	uint64_t met = IF_CALLER | (view->elevated ? IF_ELEVATED : IF_PLAIN);

	if (!view->described)
		return met | IF_PEER;
	met |= IF_DESCRIBED;
	met |= caller_in_user_namespace(caller) ? IF_USER_NAMESPACE : IF_HOST_USERS;
	if (caller->login_uid != CALLERD_UNSET_ID)
		met |= IF_LOGIN;
	if (caller->uid != caller->process.euid)
		met |= IF_REAL_USER;
	/* The threads of a process that sends are not told apart. */
	if (caller->tid && !record_is_request(record) && record->action != RECORD_DOCKER_EVENT &&
	    record->action != RECORD_CALLER_SEEN && !record->refused_count)
		met |= IF_THREAD;
	return met;
}

static uint64_t conditions_of_action(const struct record *record)
{
	const struct record_event *event = &record->event;
	const struct record_api *api = &record->api;

	switch (record->action) {
	case RECORD_API_STARTED:
	case RECORD_API_REQUEST:
	case RECORD_API_ENDED:
		return IF_REQUEST | IF_TECHNIQUES |
		       (record->http.version_minor >= 0 || record->http.http2 ? IF_HTTP : 0) |
		       (record->http.grpc ? IF_CALL : 0) |
		       (api->target_id.size || api->target_name.size ? IF_TARGET : 0);
	case RECORD_DOCKER_EVENT:
		return IF_EVENT | (event->id.size || event->name.size ? IF_TARGET : 0);
	case RECORD_AGENT_STARTED:
	case RECORD_AGENT_RELOADED:
		return IF_STARTED;
	case RECORD_AGENT_STATUS:
	case RECORD_AGENT_STOPPED:
		return IF_COUNTERS;
	case RECORD_RECORDS_LOST:
		return IF_LOST;
	case RECORD_SELF_TEST:
		return IF_TEST;
	case RECORD_SOCKET_CHANGED:
	case RECORD_ACCESS_CHANGED:
		return IF_CHANGE;
	case RECORD_CALLER_SEEN:
		return IF_SEEN;
	default:
		return 0;
	}
}

/* Whether process.entity_id tells the boot, and that it is this one. */
static bool has_own_entity(const struct view *view)
{
	const struct caller *caller = view->caller;

	return caller && caller->process.start && !caller->boot_id.size;
}

static const struct record_engine no_engine;
static const struct record_maker no_maker;
static const struct record_tcp no_tcp;

int fields_init(struct fields *fields, const struct record *record,
		const struct record_context *context, uint64_t format, struct text *out)
{
	int error = view_init(&fields->view, record, context);

	fields->out = out;
	fields->start = out->size;
	fields->conditions = format | IF_COUNT | conditions_of_action(record);
	if (record->caller)
		fields->conditions |= conditions_of_caller(&fields->view);
	if (format & IF_WHOLE || !has_own_entity(&fields->view))
		fields->conditions |= IF_AGAIN;
	if (record->server)
		fields->conditions |= IF_SERVER;
	if (record->refused_count)
		fields->conditions |= IF_REFUSED_MANY;
	if (record->fold_count)
		fields->conditions |= IF_FOLDED;
	if (record->level <= LEVEL_REQUEST)
		fields->conditions |= IF_CONTENT;
	if (!(format & IF_NAMED))
		fields->conditions |= IF_HERE;
	if (record->level == LEVEL_FULL && !(format & IF_NAMED))
		fields->conditions |= IF_LINEAGE;
	if (record->connection.socket.size)
		fields->conditions |= IF_SOCKET;
	if (record->connection.tcp)
		fields->conditions |= IF_TCP;
	if (fields->view.container_id.size)
		fields->conditions |= IF_CONTAINED;
	if (record->relayed.certainty)
		fields->conditions |= IF_RELAYED;
	fields->of[FIELDS_record] = record;
	fields->of[FIELDS_record_context] = context;
	fields->of[FIELDS_view] = &fields->view;
	fields->of[FIELDS_action_name] = name_action(record->action);
	fields->of[FIELDS_record_server] = record->server;
	fields->of[FIELDS_record_engine] = record->engine ?: &no_engine;
	fields->of[FIELDS_record_maker] = &no_maker;
	fields->of[FIELDS_record_tcp] = record->connection.tcp ?: &no_tcp;
	fields_enter_caller(fields, record->caller);
	fields->scratch = fields->masked = (struct text){0};
	fields->masked_process = NULL;
	fields->reread = NULL;
	fields->awaits = false;
	return error;
}

int fields_free(struct fields *fields, int error)
{
	error = error ?: fields->out->error ?: fields->scratch.error ?: fields->masked.error;
	if (error)
		text_cut(fields->out, fields->start);
	text_free(&fields->scratch);
	text_free(&fields->masked);
	view_free(&fields->view);
	return error;
}

bool fields_enter(struct fields *fields, const struct record_field *field, unsigned int *index)
{
	int found;

	do
		found = field->enter(fields, (*index)++);
	while (found < 0);
	if (!found)
		fields_enter_caller(fields, fields->view.caller);
	return found;
}

void fields_line(struct fields *fields, const struct record_field *field, struct field_value *ret)
{
	field->add_line(fields, fields_begin(fields));
	fields_begun(fields, ret);
}

/* The word for VALUE of an enum; NULL: it has none. */
static const char *word_of(enum field_kind kind, unsigned int value)
{
	switch (kind) {
	case FIELD_OUTCOME:
		return name_outcome(value);
	case FIELD_BRAND:
		return name_brand(value);
	case FIELD_CHANGE_OBJECT:
		return name_change_object(value);
	case FIELD_OPERATION:
		return operation_name(value);
	case FIELD_FINDING:
		return finding_kind(value)->id;
	case FIELD_SEVERITY:
		return finding_severity_name(value);
	case FIELD_STREAM_END:
		return name_end(value);
	case FIELD_ENGINE_STATE:
		return name_engine_state(value);
	case FIELD_CAUSE_KIND:
		return cause_kind_name(value);
	case FIELD_CAUSE_BASIS:
		return cause_basis_name(value);
	default:
		return cause_reason_name(value);
	}
}

/* A number, or nothing where it stands for that. */
static void set_some(struct field_value *ret, const struct record_field *field,
		     enum value_kind kind, uint64_t number)
{
	bool unset =
		(field->optional && !number) || (field->has_unset && number == CALLERD_UNSET_ID);

	fields_set_number(ret, unset ? VALUE_NONE : kind, number);
}

void fields_value(struct fields *fields, const struct record_field *field, struct field_value *ret)
{
	const char *source = fields->of[field->source], *at = source + field->offset;

	ret->kind = VALUE_NONE;
	if (field->has && !*(const bool *)(source + field->has))
		return;
	switch (field->kind) {
	case FIELD_BYTES:
		fields_set_text(ret, *fields_bytes(fields, field));
		break;
	case FIELD_TEXT:
		fields_set_text(ret, bytes_of(*(const char *const *)at));
		break;
	case FIELD_WORD:
		fields_set_word(ret, *(const char *const *)at);
		break;
	case FIELD_OUTCOME ... FIELD_CAUSE_REASON:
		fields_set_word(ret, word_of(field->kind, *(const unsigned int *)at));
		break;
	case FIELD_CHARS:
		fields_set_text(ret, bytes_of(at));
		break;
	case FIELD_NUMBER:
		set_some(ret, field, VALUE_NUMBER, *(const uint64_t *)at);
		break;
	case FIELD_NUMBER32:
		set_some(ret, field, VALUE_NUMBER, *(const uint32_t *)at);
		break;
	case FIELD_ID:
		set_some(ret, field, VALUE_ID, *(const uint64_t *)at);
		break;
	case FIELD_ID32:
		set_some(ret, field, VALUE_ID, *(const uint32_t *)at);
		break;
	case FIELD_TRUE:
		fields_set_number(ret, *(const bool *)at ? VALUE_BOOL : VALUE_NONE, true);
		break;
	case FIELD_SIGNED:
		fields_set_number(ret, VALUE_SIGNED, *(const uint64_t *)at);
		break;
	case FIELD_BOOT_TIME:
		fields_set_number(ret, VALUE_TIME,
				  record_time(fields->view.context, *(const uint64_t *)at));
		break;
	case FIELD_REAL_TIME:
		set_some(ret, field, VALUE_TIME, *(const uint64_t *)at);
		break;
	case FIELD_CONSTANT:
		fields_set_word(ret, field->constant);
		break;
	case FIELD_GET:
		field->get(fields, ret);
		break;
	default:
		break;
	}
}

struct bytes fields_text(struct fields *fields, const struct field_value *value)
{
	if (value->kind == VALUE_TEXT || value->kind == VALUE_WORD)
		return value->text;
	fields_begin(fields);
	if (value->kind == VALUE_SIGNED)
		text_add_signed(&fields->scratch, (int64_t)value->number);
	else if (value->kind == VALUE_BOOL)
		text_add_string(&fields->scratch, value->number ? "true" : "false");
	else if (value->kind == VALUE_TIME)
		clock_add_rfc3339(&fields->scratch, value->number);
	else
		text_add_number(&fields->scratch, value->number);
	return text_since(&fields->scratch, 0);
}
