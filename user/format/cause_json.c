// SPDX-License-Identifier: Apache-2.0
#include "format/cause_json.h"

static void put_event(struct json *json, const struct record_event *event)
{
	json_open_object(json, "docker_event");
	json_put_string(json, "type", event->type);
	json_put_string(json, "action", event->action);
	json_put_string(json, "id", event->id);
	json_put_string(json, "name", event->name);
	json_put_string(json, "image", event->image);
	json_open_object(json, "container");
	json_put_string(json, "id", event->container_id);
	json_put_string(json, "name", event->container_name);
	json_close(json);
	json_put_string(json, "exec_id", event->exec_id);
	json_put_string(json, "command", event->command);
	if (event->has_exit_code)
		json_put_signed(json, "exit_code", event->exit_code);
	json_put_string(json, "signal", event->signal);
	json_put_string(json, "health", event->health);
	if (event->time)
		json_put_time(json, "time", event->time);
	if (event->recovered)
		json_put_bool(json, "recovered", true);
	json_close(json);
}

static void put_cause(struct json *json, const struct record_cause *cause)
{
	json_open_object(json, "cause");
	json_put_word(json, "kind", cause->kind);
	json_put_word(json, "basis", cause->basis);
	json_put_word(json, "reason", cause->reason);
	json_put_string(json, "event_id", cause->event_id);
	json_put_string(json, "operation", cause->operation);
	json_open_array(json, "findings");
	for (unsigned int i = 0; i < cause->finding_count; i++) {
		json_open_object(json, NULL);
		json_put_word(json, "id", cause->findings[i].id);
		json_put_word(json, "severity", cause->findings[i].severity);
		json_close(json);
	}
	json_close(json);
	json_close(json);
}

void cause_put(struct json *json, const struct record *record)
{
	put_event(json, &record->event);
	put_cause(json, &record->cause);
}
