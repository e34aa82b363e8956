// SPDX-License-Identifier: Apache-2.0
/* Engines: what they tell, and whose doing it is; what they are. */
#include "fields/fields_table.h"

static int enter_cause_finding(struct fields *fields, unsigned int index)
{
	const struct record_cause *cause = &fields->view.record->cause;

	return fields_enter_finding(fields, cause->findings, cause->finding_count, index);
}

static const struct record_engine *engine_of(const struct fields *fields)
{
	return fields->of[FIELDS_record_engine];
}

static void get_found(struct fields *fields, struct field_value *ret)
{
	if (engine_of(fields)->found)
		fields_set_bits(ret, engine_of(fields)->found, name_found, NULL);
}

static void get_plugins(struct fields *fields, struct field_value *ret)
{
	const struct record_engine *engine = engine_of(fields);

	fields_set_list(ret, engine->plugin_count ? VALUE_TEXTS : VALUE_NONE, engine->plugins,
			engine->plugin_count);
}

static void get_security(struct fields *fields, struct field_value *ret)
{
	const struct record_engine *engine = engine_of(fields);

	fields_set_list(ret, engine->security_count ? VALUE_TEXTS : VALUE_NONE, engine->security,
			engine->security_count);
}

/* clang-format off */
const struct record_field fields_of_docker_event[] = {
	OBJECT("docker_event", IF_EVENT,
		BYTES("type", record, event.type),
		BYTES("action", record, event.action),
		BYTES("id", record, event.id),
		BYTES("name", record, event.name),
		BYTES("image", record, event.image),
		OBJECT("container", 0,
			BYTES("id", record, event.container_id),
			BYTES("name", record, event.container_name)),
		BYTES("exec_id", record, event.exec_id),
		BYTES("command", record, event.command),
		SIGNED("exit_code", record, event.exit_code,
			HAS(record, event.has_exit_code)),
		BYTES("signal", record, event.signal),
		BYTES("health", record, event.health),
		REAL_TIME("time", record, event.time, .optional = true),
		TRUE_OF("recovered", record, event.recovered)),
	OBJECT("cause", IF_EVENT,
		NAMED("kind", CAUSE_KIND, record, cause.kind),
		NAMED("basis", CAUSE_BASIS, record, cause.basis),
		NAMED("reason", CAUSE_REASON, record, cause.reason),
		BYTES("event_id", record, cause.event_id),
		NAMED("operation", OPERATION, record, cause.operation),
		OBJECTS("findings", 0, enter_cause_finding, fields_add_finding,
			NAMED("id", FINDING, finding, id),
			NAMED("severity", SEVERITY, finding, severity, .when = IF_ECS))),
	{0},
};

const struct record_field fields_of_engine[] = {
	OBJECT("engine", 0,
		BYTES("address", record_engine, address),
		GET("found_by", get_found),
		TRUE_OF("watched", record_engine, watched),
		TEXT("unwatched", record_engine, unwatched),
		WORD("tls", record_engine, tls),
		TRUE_OF("foreign_program", record_engine, foreign_program),
		TRUE_OF("unconfirmed", record_engine, unconfirmed),
		TEXT("unanswered", record_engine, unanswered),
		NAMED("brand", BRAND, record_engine, brand),
		BYTES("version", record_engine, version),
		BYTES("api_version", record_engine, api_version),
		BYTES("root_directory", record_engine, root_directory),
		BYTES("cgroup_driver", record_engine, cgroup_driver),
		GET("authorization_plugins", get_plugins),
		GET("security_options", get_security),
		TRUE_OF("rootless", record_engine, rootless),
		TRUE_OF("userns_remap", record_engine, userns_remap),
		TRUE_OF("live_restore", record_engine, live_restore)),
	{0},
};
/* clang-format on */
