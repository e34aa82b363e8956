// SPDX-License-Identifier: Apache-2.0
/* What kind of record it is: event.*, its rule, its error. */
#include <errno.h>

#include "fields/fields_table.h"
#include "fields/line.h"

#define ALERT_FROM SEVERITY_HIGH

static void get_message(struct fields *fields, struct field_value *ret)
{
	line_add_message(fields_begin(fields), &fields->view);
	fields_begun(fields, ret);
}

static void get_priority(struct fields *fields, struct field_value *ret)
{
	fields_set_number(ret, VALUE_NUMBER, view_syslog_severity(fields->view.severity));
}

static void get_severity(struct fields *fields, struct field_value *ret)
{
	fields_set_number(ret, VALUE_NUMBER, finding_severity_number(fields->view.severity));
}

/* An alert is what has a grave finding that nobody expects. */
static void get_kind(struct fields *fields, struct field_value *ret)
{
	const struct action_name *name = fields->of[FIELDS_action_name];
	const struct record_api *api = &fields->view.record->api;
	bool alert = api->finding_count && api->findings[0].severity >= ALERT_FROM &&
		     !api->expected_rule;

	fields_set_word(ret, alert ? "alert" : name->kind);
}

/* The gravest finding, as queries take one value better than a list. */
static void get_rule(struct fields *fields, struct field_value *ret)
{
	const struct record_api *api = &fields->view.record->api;

	if (api->finding_count)
		fields_set_word(ret, finding_kind(api->findings[0].id)->id);
}

static void get_categories(struct fields *fields, struct field_value *ret)
{
	const struct action_name *name = fields->of[FIELDS_action_name];
	const struct event_name *event = &fields->view.event;

	fields->words[0] = name->category ? name->category : event->category;
	fields->words[1] = event->second_category;
	fields_set_list(ret, VALUE_WORDS, fields->words, event->second_category ? 2 : 1);
}

/* Of a request by its operation: its method alone says little of a POST. */
static enum ecs_type type_of_request(const struct record *record)
{
	static const enum ecs_type of_posts[ACTIVITIES] = {
		[ACTIVITY_UPDATE] = ECS_CHANGE,	  [ACTIVITY_CREATE] = ECS_CREATION,
		[ACTIVITY_DELETE] = ECS_DELETION, [ACTIVITY_READ] = ECS_ACCESS,
		[ACTIVITY_START] = ECS_START,	  [ACTIVITY_END] = ECS_END,
	};

	switch (record->http.verb) {
	case METHOD_GET:
	case METHOD_HEAD:
	case METHOD_OPTIONS:
		return ECS_ACCESS;
	case METHOD_DELETE:
		return ECS_DELETION;
	case METHOD_POST:
	case METHOD_PUT:
	case METHOD_PATCH:
		return of_posts[record->api.activity];
	default:
		return ECS_INFO;
	}
}

static void get_types(struct fields *fields, struct field_value *ret)
{
	const struct action_name *name = fields->of[FIELDS_action_name];
	const struct record *record = fields->view.record;
	enum ecs_type type = name->type ?: fields->view.event.type;
	bool denied = record->action == RECORD_SOCKET_REFUSED &&
		      (record->error == EACCES || record->error == EPERM);

	if (record->action == RECORD_API_REQUEST)
		type = type_of_request(record);
	if (record_is_request(record))
		denied = record->http.status == 401 || record->http.status == 403;
	fields->words[0] = name_type(type);
	fields->words[1] = name_type(ECS_DENIED);
	fields_set_list(ret, VALUE_WORDS, fields->words, denied ? 2 : 1);
}

static void get_id(struct fields *fields, struct field_value *ret)
{
	view_add_id(fields_begin(fields), &fields->view);
	fields_begun(fields, ret);
}

static bool has_error(const struct record *record)
{
	return record->error > 0 && (record->action == RECORD_SOCKET_REFUSED ||
				     record->action == RECORD_ENGINE_UNREACHABLE);
}

static void get_error_code(struct fields *fields, struct field_value *ret)
{
	if (!has_error(fields->view.record))
		return;
	view_add_error(fields_begin(fields), fields->view.record->error);
	fields_begun(fields, ret);
}

static void get_error_message(struct fields *fields, struct field_value *ret)
{
	const struct record *record = fields->view.record;

	if (has_error(record))
		fields_set_text(ret, bytes_of(strerrordesc_np(record->error)));
	if (record_is_request(record))
		fields_set_text(ret, view_request_error(record));
}

/* clang-format off */
const struct record_field fields_of_message[] = {
	GET("message", get_message),
	GET("priority", get_priority, .when = IF_JOURNAL),
	{0},
};

const struct record_field fields_of_event[] = {
	GET("kind", get_kind, .when = IF_ECS),
	GET("category", get_categories, .when = IF_ECS),
	GET("type", get_types, .when = IF_ECS),
	WORD("action", action_name, action),
	NAMED("outcome", OUTCOME, view, outcome),
	GET("id", get_id),
	NUMBER("sequence", record, sequence, .optional = true),
	CONSTANT("module", "callerd", .when = IF_ECS | IF_AGAIN),
	CONSTANT("dataset", "callerd.audit", .when = IF_ECS),
	GET("severity", get_severity),
	NUMBER("duration", record, http.duration, HAS(record, http.has_duration),
		.when = IF_REQUEST),
	{0},
};

const struct record_field fields_of_rule[] = {
	OBJECT("rule", 0, GET("id", get_rule)),
	{0},
};

const struct record_field fields_of_error[] = {
	OBJECT("error", 0, GET("code", get_error_code), GET("message", get_error_message)),
	{0},
};
/* clang-format on */
