// SPDX-License-Identifier: Apache-2.0
/* What was asked, of what, with which findings; what became of it, and how much of it was seen. */
#include "docker/known/labels.h"
#include "fields/fields_table.h"
#include "http/grpc.h"

/* --- requests --------------------------------------------------------------------------------- */

static void get_request_id(struct fields *fields, struct field_value *ret)
{
	struct text *out = fields_begin(fields);
	size_t size;

	view_add_request_id(out, &fields->view);
	size = out->size;
	/* Where all is short, event.id tells it of the request's own record. */
	if (fields_meet(fields, IF_NAMED) && fields->view.record->action == RECORD_API_REQUEST) {
		view_add_id(out, &fields->view);
		text_cut(out, bytes_equal((struct bytes){out->data, size}, text_since(out, size))
				      ? 0
				      : size);
	}
	fields_begun(fields, ret);
}

static void get_http_version(struct fields *fields, struct field_value *ret)
{
	int minor = fields->view.record->http.version_minor;
	char version[] = {'1', '.', (char)('0' + minor)};

	if (fields->view.record->http.http2) {
		fields_set_text(ret, bytes_of("2"));
		return;
	}
	if (minor < 0 || minor > 9)
		return;
	text_add(fields_begin(fields), version, sizeof(version));
	fields_begun(fields, ret);
}

static void get_status(struct fields *fields, struct field_value *ret)
{
	int status = fields->view.record->http.status;

	if (status > 0)
		fields_set_number(ret, VALUE_NUMBER, (uint64_t)status);
}

/* "OK"; of a number that nobody knows the number. */
static void get_call_status(struct fields *fields, struct field_value *ret)
{
	int outcome = fields->view.record->http.outcome;

	if (outcome == GRPC_UNKNOWN)
		return;
	if (grpc_status_name(outcome)) {
		fields_set_word(ret, grpc_status_name(outcome));
		return;
	}
	text_add_number(fields_begin(fields), (uint64_t)outcome);
	fields_begun(fields, ret);
}

static void get_url_path(struct fields *fields, struct field_value *ret)
{
	const struct url *url = &fields->view.url;
	struct bytes path;

	if (!url->original.size)
		return;
	url_clean_path(fields_begin(fields), url->path);
	path = text_since(&fields->scratch, 0);
	if (fields_meet(fields, IF_WHOLE) || !bytes_equal(url->path, path))
		fields_begun(fields, ret);
}

/* T1548.003 is a technique, T1548, and a sub-technique of it. */
static void get_techniques(struct fields *fields, struct field_value *ret)
{
	const struct record_api *api = &fields->view.record->api;
	struct text *out = fields_begin(fields);

	for (unsigned int i = 0; i < api->technique_count; i++) {
		const char *name = finding_technique_name(api->techniques[i]);

		text_add(out, name, strcspn(name, "."));
		text_add_char(out, '\0');
	}
	fields_begun_list(fields, ret);
}

static void get_subtechniques(struct fields *fields, struct field_value *ret)
{
	const struct record_api *api = &fields->view.record->api;
	unsigned int count = 0;

	for (unsigned int i = 0; i < api->technique_count; i++) {
		const char *name = finding_technique_name(api->techniques[i]);

		if (strchr(name, '.'))
			fields->words[count++] = name;
	}
	fields_set_list(ret, VALUE_WORDS, fields->words, count);
}

/* A list, a prune: there is no target in particular. */
static void get_target_type(struct fields *fields, struct field_value *ret)
{
	const struct record_api *api = &fields->view.record->api;
	bool any = api->target_id.size || api->target_name.size || api->container_id.size ||
		   api->container_name.size;

	if (any)
		fields_set_word(ret, name_target(api->target_type));
}

static void get_target_labels(struct fields *fields, struct field_value *ret)
{
	fields_list_labels(fields, fields->view.record->api.target_labels, ret);
}

static void get_target_labels_cut(struct fields *fields, struct field_value *ret)
{
	if (labels_are_cut(fields->view.record->api.target_labels))
		fields_set_number(ret, VALUE_BOOL, true);
}

int fields_enter_finding(struct fields *fields, const struct finding *findings, unsigned int count,
			 unsigned int index)
{
	if (index >= count)
		return 0;
	fields->of[FIELDS_finding] = &findings[index];
	return 1;
}

static int enter_own_finding(struct fields *fields, unsigned int index)
{
	const struct record_api *api = &fields->view.record->api;

	return fields_enter_finding(fields, api->findings, api->finding_count, index);
}

void fields_add_finding(struct fields *fields, struct text *out)
{
	view_add_finding(out, fields->of[FIELDS_finding]);
}

static void get_level(struct fields *fields, struct field_value *ret)
{
	enum record_level level = fields->view.record->level;

	fields_set_word(ret, level == LEVEL_FULL ? NULL : name_level(level));
}

/* What an engine tells is as expected as the request that it certainly goes back to; what it does by itself nobody did. */
static void get_expected(struct fields *fields, struct field_value *ret)
{
	const struct record *record = fields->view.record;

	if (record->action == RECORD_CALLER_SEEN)
		return;
	if (record->action == RECORD_DOCKER_EVENT
		    ? record->cause.kind != CAUSE_DAEMON
		    : record->caller || record_is_request(record) || record->api.finding_count)
		fields_set_number(ret, VALUE_BOOL, record->api.expected_rule != NULL);
}

/* --- how much of it was seen ------------------------------------------------------------------ */

static void get_complete(struct fields *fields, struct field_value *ret)
{
	const struct view *view = &fields->view;
	bool complete = !view->incomplete && !view->target_truncated;

	if (complete && (!record_is_request(view->record) || !fields_meet(fields, IF_WHOLE)))
		return;
	fields_set_number(ret, VALUE_BOOL, complete);
}

static void get_incomplete(struct fields *fields, struct field_value *ret)
{
	const struct view *view = &fields->view;

	fields_set_bits(ret, view->incomplete, name_incomplete,
			view->target_truncated ? "target-truncated" : NULL);
}

static void get_described(struct fields *fields, struct field_value *ret)
{
	const struct view *view = &fields->view;

	if (!view_described_before(view))
		return;
	fields_set_number(ret, VALUE_TIME, record_time(view->context, view->record->described));
}

static void get_anomalies(struct fields *fields, struct field_value *ret)
{
	fields_set_bits(ret, fields->view.record->http.anomalies, name_anomaly, NULL);
}

/* --- the ends of a connection ----------------------------------------------------------------- */

/* Of a caller who is a process of this host, source would be where its user came from. */
static void get_far_ip(struct fields *fields, struct field_value *ret)
{
	const struct record *record = fields->view.record;

	if (record->connection.tcp && !record->caller)
		fields_set_text(ret, bytes_of(record->connection.tcp->source));
}

static void get_far_port(struct fields *fields, struct field_value *ret)
{
	const struct record *record = fields->view.record;

	if (record->connection.tcp && !record->caller)
		fields_set_number(ret, VALUE_NUMBER, record->connection.tcp->source_port);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* clang-format off */
const struct record_field fields_of_ends[] = {
	OBJECT("source", 0,
		GET("ip", get_far_ip),
		GET("port", get_far_port)),
	OBJECT("destination", 0,
		CHARS("ip", record_tcp, destination),
		NUMBER32("port", record_tcp, destination_port, .optional = true)),
	{0},
};

const struct record_field fields_of_request[] = {
	OBJECT("http", IF_REQUEST,
		GET("version", get_http_version),
		OBJECT("request", 0,
			GET("id", get_request_id),
			NUMBER("bytes", record, stream.request_bytes,
				HAS(record, stream.has_request_bytes)),
			BYTES("method", record, http.method),
			BYTES("mime_type", record, http.mime_type),
			OBJECT("body", 0,
				NUMBER("bytes", record, http.request_bytes,
					HAS(record, http.has_request_bytes)))),
		OBJECT("response", 0,
			NUMBER("bytes", record, stream.response_bytes,
				HAS(record, stream.has_response_bytes)),
			GET("status_code", get_status),
			OBJECT("body", 0,
				NUMBER("bytes", record, http.response_bytes,
					HAS(record, http.has_response_bytes))))),
	OBJECT("url", IF_REQUEST,
		BYTES("original", view, url.original),
		GET("path", get_url_path),
		BYTES("query", view, url.query, .when = IF_WHOLE)),
	OBJECT("user_agent", IF_REQUEST, BYTES("original", record, http.user_agent)),
	{0},
};

const struct record_field fields_of_threat[] = {
	OBJECT("threat", IF_TECHNIQUES,
		OBJECT("technique", 0,
			GET("id", get_techniques),
			OBJECT("subtechnique", 0, GET("id", get_subtechniques)))),
	{0},
};

const struct record_field fields_of_deed[] = {
	OBJECT("connection", 0,
		IDENTIFIER("id", record, connection.id, .optional = true),
		BYTES("socket", record, connection.socket),
		BYTES("address", record, address),
		OBJECT("source", 0,
			CHARS("ip", record_tcp, source),
			NUMBER32("port", record_tcp, source_port, .optional = true)),
		TRUE_OF("tls", record_tcp, tls),
		TEXT("basis", record, connection.basis),
		TRUE_OF("preexisting", record, connection.preexisting),
		NUMBER("request", record, connection.request, .optional = true)),
	OBJECT("server", IF_SERVER,
		NUMBER32("pid", record_server, pid),
		OBJECT("user", 0, ID32("id", record_server, uid)),
		BYTES("executable", record_server, executable),
		BYTES("unit", record_server, unit)),
	OBJECT("api", 0,
		NAMED("engine", BRAND, record, api.engine),
		BYTES("version", record, api.version),
		NAMED("operation", OPERATION, record, api.operation)),
	OBJECT("grpc", IF_CALL,
		BYTES("service", record, http.service),
		BYTES("method", record, http.method_name),
		BYTES("namespace", record, http.namespace),
		GET("status", get_call_status),
		TRUE_OF("by_engine", record, http.by_engine)),
	OBJECT("target", 0,
		GET("type", get_target_type),
		BYTES("id", record, api.target_id),
		BYTES("name", record, api.target_name),
		BYTES("image", record, api.target_image),
		LABELS("labels", record, api.target_labels, .when = IF_ECS | IF_CONTENT),
		GET("labels", get_target_labels, .when = IF_JOURNAL | IF_CONTENT),
		GET("labels_truncated", get_target_labels_cut, .when = IF_CONTENT),
		OBJECT("container", 0,
			BYTES("id", record, api.container_id),
			BYTES("name", record, api.container_name))),
	{"request", FIELD_FACTS, .when = IF_CONTENT},
	OBJECTS("findings", 0, enter_own_finding, fields_add_finding,
		NAMED("id", FINDING, finding, id),
		NAMED("severity", SEVERITY, finding, severity, .when = IF_ECS),
		BYTES("detail", finding, detail, .when = IF_ECS)),
	GET("level", get_level),
	GET("expected", get_expected),
	TEXT("expected_rule", record, api.expected_rule),
	OBJECT("stream", 0, NAMED("end_reason", STREAM_END, record, stream.end_reason)),
	OBJECT("capture", 0,
		GET("complete", get_complete),
		GET("reason", get_incomplete),
		GET("caller_described", get_described),
		GET("anomalies", get_anomalies, .when = IF_REQUEST),
		TEXT("backend", record, backend, .when = IF_STARTED),
		TEXT("backend", record, backend, .when = IF_COUNTERS),
		TEXT("backend_reason", record, backend_reason, .when = IF_STARTED)),
	{0},
};
/* clang-format on */
