// SPDX-License-Identifier: Apache-2.0
/*
 * The record in ArcSight's Common Event Format, version 0. Keys are those of its dictionary, with what the
 * dictionary says that fits them; custom strings and numbers say by their labels what they are, the same in
 * each record; what is left has keys of its own, which begin with callerd.
 */
#include "format/cef.h"

#include <pthread.h>

#include "base/clock.h"
#include "fields/fields.h"

/* What the dictionary gives a key room for. */
#define LIMIT_ACTION 63
#define LIMIT_HOST 100
#define LIMIT_HOST_ID 255
#define LIMIT_CUSTOM 4000
#define LIMIT_TEXT 1023

struct cef {
	struct text *out;
	struct fields fields;
	struct text scratch; /* of the value being written */
	bool any;	     /* there is a key before */
};

static struct text *cef_begin(struct cef *cef)
{
	text_cut(&cef->scratch, 0);
	return &cef->scratch;
}

static struct bytes cef_begun(const struct cef *cef)
{
	return text_since(&cef->scratch, 0);
}

/* --- the header ------------------------------------------------------------------------------- */

static void cef_add_header(struct cef *cef, struct bytes value)
{
	text_add_escaped(cef->out, value, "|", LIMIT_TEXT);
	text_add_char(cef->out, '|');
}

/* The gravest finding; not one that is but for information. */
static const char *finding_of(const struct record *record)
{
	const struct record_api *api = &record->api;

	if (!api->finding_count || api->findings[0].severity <= SEVERITY_INFO)
		return NULL;
	return finding_kind(api->findings[0].id)->id;
}

/* What kind of event of its action it is: a finding, an operation, an engine's event; or nothing. */
static void add_kind(struct text *out, const struct record *record, char separator)
{
	const char *finding = finding_of(record);

	if (finding) {
		text_add_string(out, finding);
	} else if (record_is_request(record) && record->api.operation) {
		text_add_string(out, operation_name(record->api.operation));
	} else if (record->action == RECORD_DOCKER_EVENT) {
		text_add_bytes(out, record->event.type);
		text_add_char(out, separator);
		text_add_bytes(out, record->event.action);
	}
}

static void add_signature(struct cef *cef)
{
	struct text *id = cef_begin(cef);

	add_kind(id, cef->fields.view.record, '-');
	if (!id->size)
		text_add_string(id, name_action(cef->fields.view.record->action)->action);
	cef_add_header(cef, cef_begun(cef));
}

static void cef_add_name(struct cef *cef)
{
	static const char *const names[RECORD_ACTION_MAX] = {
		[RECORD_AGENT_STARTED] = "callerd started",
		[RECORD_AGENT_STOPPED] = "callerd stopped",
		[RECORD_AGENT_STATUS] = "callerd status",
		[RECORD_SOCKET_CONNECTED] = "Connected to the engine's socket",
		[RECORD_SOCKET_REFUSED] = "Refused at the engine's socket",
		[RECORD_API_REQUEST] = "Engine API request",
		[RECORD_API_STARTED] = "Engine API request started",
		[RECORD_API_ENDED] = "Engine API request ended",
		[RECORD_DOCKER_EVENT] = "Engine event",
		[RECORD_RECORDS_LOST] = "Records lost",
		[RECORD_SOCKET_CHANGED] = "Access to the engine's socket changed",
		[RECORD_ENGINE_UNREACHABLE] = "Engine cannot be asked",
		[RECORD_AGENT_RELOADED] = "callerd read its configuration",
		[RECORD_ENGINE_REACHED] = "Engine can be asked again",
		[RECORD_ENGINE_FOUND] = "Engine found",
		[RECORD_ENGINE_GONE] = "Engine gone",
		[RECORD_ACCESS_CHANGED] = "Access to the engine changed",
		[RECORD_SELF_TEST] = "callerd tested itself",
	};
	struct text *name = cef_begin(cef);
	size_t size;

	text_add_string(name, names[cef->fields.view.record->action]);
	text_add_string(name, ": ");
	size = name->size;
	add_kind(name, cef->fields.view.record, ' ');
	if (name->size == size)
		text_cut(name, size - strlen(": "));
	cef_add_header(cef, cef_begun(cef));
}

/* CEF calls 0 to 3 low, 4 to 6 medium, 7 and 8 high, 9 and 10 very high. */
static void add_severity(struct cef *cef)
{
	static const unsigned char severities[] = {0, 1, 3, 6, 8, 10};

	text_add_number(cef->out, severities[cef->fields.view.severity]);
	text_add_char(cef->out, '|');
}

/* --- the extension ---------------------------------------------------------------------------- */

enum key_kind {
	KEY_TEXT,
	KEY_FIRST, /* the first element of a list alone */
	KEY_MILLISECONDS,
	KEY_MICROSECONDS,
	KEY_INTEGER, /* of the dictionary: what does not fit is left out, rather than wrong */
	KEY_SOCKET,
	KEY_HTTP,
	KEY_CAUSE,
	KEY_V4, /* an address, if it is one of that version */
	KEY_V6,
};

/* In their order. */
static struct cef_key {
	const char *key;
	struct field_path paths[5]; /* the first one that has a value */
	size_t limit;
	const char *label; /* of a custom key */
	uint64_t when;	   /* besides the conditions of the field */
	enum key_kind kind;
} keys[] = {
	{"rt", {{"@timestamp"}}, .kind = KEY_MILLISECONDS},
	{"dvchost", {{"host.name"}}, LIMIT_HOST},
	{"deviceExternalId", {{"host.id"}}, LIMIT_HOST_ID},
	{"externalId", {{"event.sequence"}}, LIMIT_TEXT},
	{"flexString1", {{"event.id"}}, LIMIT_TEXT, "eventId"},
	{"cat", {{"event.category"}}, LIMIT_TEXT, .kind = KEY_FIRST},
	{"act", {{"event.action"}}, LIMIT_ACTION},
	{"outcome", {{"event.outcome"}}, LIMIT_ACTION},
	{"reason",
	 {{"error.code"},
	  {"error.message"},
	  {"callerd.stream.end_reason"},
	  {"callerd.cause.reason"},
	  {"callerd.lost.reason"}},
	 LIMIT_TEXT},
	{"callerdLost", {{"callerd.lost.count"}}, LIMIT_TEXT},
	{"cnt", {{"callerd.refused.count"}, {"callerd.folded.count"}}, LIMIT_TEXT},
	{"callerdAccount", {{"callerd.account"}}, LIMIT_TEXT},
	{"callerdLostOutput", {{"callerd.lost.output"}}, LIMIT_TEXT},
	{"suid", {{"user.effective.id"}, {"user.id"}}, LIMIT_TEXT},
	{"suser", {{"user.effective.name"}, {"user.name"}}, LIMIT_TEXT},
	{"src", {{"source.ip"}}, LIMIT_TEXT, .kind = KEY_V4},
	{"c6a2", {{"source.ip"}}, LIMIT_TEXT, "Source IPv6 Address", .kind = KEY_V6},
	{"spt", {{"source.port"}}, LIMIT_TEXT, .kind = KEY_INTEGER},
	{"shost", {{"source.domain"}}, LIMIT_TEXT},
	{"callerdService", {{"callerd.session.service"}}, LIMIT_TEXT},
	{"spid", {{"process.pid"}}, LIMIT_TEXT, .kind = KEY_INTEGER},
	{"sproc", {{"process.executable"}, {"process.name"}}, LIMIT_TEXT},
	{"sourceServiceName", {{"callerd.caller.unit"}}, LIMIT_TEXT},
	{"cs1", {{"process.command_line"}}, LIMIT_CUSTOM, "commandLine"},
	{"cs3", {{"user.name"}, {"user.id"}}, LIMIT_CUSTOM, "loginUser", IF_LOGIN},
	{"cs4", {{"container.name"}, {"container.id"}}, LIMIT_CUSTOM, "callerContainer"},
	{"callerdRelayedFor",
	 {{"callerd.relayed_for.user.name"},
	  {"callerd.relayed_for.user.id"},
	  {"callerd.relayed_for.source.ip"}},
	 LIMIT_TEXT},
	{"callerdRelayedUid", {{"callerd.relayed_for.user.id"}}, LIMIT_TEXT},
	{"callerdRelayedCertainty", {{"callerd.relayed_for.certainty"}}, LIMIT_TEXT},
	{"callerdPodUid", {{"orchestrator.resource.id"}}, LIMIT_TEXT},
	{"callerdCiSystem", {{"callerd.ci.system"}}, LIMIT_TEXT},
	{"callerdCiPipeline", {{"callerd.ci.pipeline"}}, LIMIT_TEXT},
	{"callerdCiJob", {{"callerd.ci.job"}}, LIMIT_TEXT},
	{"callerdCiUrl", {{"callerd.ci.url"}}, LIMIT_TEXT},
	{"callerdCiActor", {{"callerd.ci.actor"}}, LIMIT_TEXT},
	{"callerdCiRepository", {{"callerd.ci.repository"}}, LIMIT_TEXT},
	{"callerdAiAgent", {{"callerd.ai.agent"}}, LIMIT_TEXT},
	{"callerdVariables", {{"callerd.caller.environment.variables"}}, LIMIT_TEXT},
	/* The socket is a file of its kind: the dictionary has a key for that. */
	{"filePath", {{"callerd.connection.socket"}, {"callerd.change.path"}}, LIMIT_TEXT},
	{"fileType", .kind = KEY_SOCKET, .limit = LIMIT_TEXT, .when = IF_SOCKET},
	{"destinationServiceName", {{"callerd.api.engine"}}, LIMIT_TEXT, .when = IF_SOCKET},
	{"app", .kind = KEY_HTTP, .limit = LIMIT_ACTION, .when = IF_HTTP},
	{"requestMethod", {{"http.request.method"}}, LIMIT_TEXT},
	{"request", {{"url.original"}}, LIMIT_TEXT},
	{"requestClientApplication", {{"user_agent.original"}}, LIMIT_TEXT},
	{"callerdRequestId", {{"http.request.id"}}, LIMIT_TEXT},
	{"in", {{"http.request.bytes"}, {"http.request.body.bytes"}}, .kind = KEY_INTEGER},
	{"out", {{"http.response.bytes"}, {"http.response.body.bytes"}}, .kind = KEY_INTEGER},
	{"cn1", {{"http.response.status_code"}}, LIMIT_TEXT, "httpStatus"},
	{"cn2", {{"event.duration"}}, 0, "durationMicroseconds", .kind = KEY_MICROSECONDS},
	{"flexString2", {{"callerd.api.operation"}}, LIMIT_TEXT, "operation"},
	{"cs5", {{"callerd.target.name"}, {"callerd.target.id"}}, LIMIT_CUSTOM, "target"},
	{"callerdTargetType", {{"callerd.target.type"}}, LIMIT_TEXT, .when = IF_TARGET},
	{"callerdTargetId", {{"callerd.target.id"}}, LIMIT_TEXT},
	{"cs2", {{"callerd.findings"}}, LIMIT_CUSTOM, "findings", IF_REQUEST},
	{"callerdTechniques", {{"threat.technique.id"}}, LIMIT_TEXT},
	{"callerdSubtechniques", {{"threat.technique.subtechnique.id"}}, LIMIT_TEXT},
	{"callerdExpectedRule", {{"callerd.expected_rule"}}, LIMIT_TEXT},
	{"callerdGrpcStatus", {{"callerd.grpc.status"}}, LIMIT_TEXT},
	{"callerdAnomalies", {{"callerd.capture.anomalies"}}, LIMIT_TEXT},
	{"cs5",
	 {{"callerd.docker_event.name"}, {"callerd.docker_event.id"}},
	 LIMIT_CUSTOM,
	 "target"},
	{"callerdTargetType", {{"callerd.docker_event.type"}}, LIMIT_TEXT, .when = IF_TARGET},
	{"callerdTargetId", {{"callerd.docker_event.id"}}, LIMIT_TEXT},
	{"cs6", .kind = KEY_CAUSE, .limit = LIMIT_CUSTOM, .label = "cause", .when = IF_EVENT},
	{"callerdCauseFindings", {{"callerd.cause.findings"}}, LIMIT_TEXT},
	{"cn3", {{"callerd.docker_event.exit_code"}}, LIMIT_TEXT, "exitCode"},
	{"callerdChangeObject", {{"callerd.change.object"}}, LIMIT_TEXT},
	{"callerdChange", {{"callerd.change.what"}}, LIMIT_TEXT},
	{"callerdGroup", {{"callerd.change.group"}}, LIMIT_TEXT},
	{"callerdAdded", {{"callerd.change.added"}}, LIMIT_TEXT},
	{"callerdRemoved", {{"callerd.change.removed"}}, LIMIT_TEXT},
	{"cs2", {{"callerd.findings"}}, LIMIT_CUSTOM, "findings", IF_CHANGE},
	{"callerdIncomplete", {{"callerd.capture.reason"}}, LIMIT_TEXT},
	{"msg", {{"message"}}, LIMIT_TEXT},
};

static void cef_find_fields(void)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		for (size_t j = 0; j < COUNT(keys[i].paths) && keys[i].paths[j].path; j++)
			fields_find(&keys[i].paths[j]);
}

/* request ContainerStart 18b2…-0000002a by id */
static void cef_add_cause(struct text *out, const struct record_cause *cause)
{
	text_add_string(out, cause_kind_name(cause->kind));
	if (cause->operation) {
		text_add_char(out, ' ');
		text_add_string(out, operation_name(cause->operation));
	}
	if (cause->event_id.size) {
		text_add_char(out, ' ');
		text_add_bytes(out, cause->event_id);
	}
	if (cause->basis) {
		text_add_string(out, " by ");
		text_add_string(out, cause_basis_name(cause->basis));
	}
}

/* critical host-root-mount: / mounted read-write at /host; high privileged */
static void cef_add_field(struct cef *cef, const struct cef_key *key, const struct field_path *path)
{
	const char *separator = path->field->kind == FIELD_OBJECTS ? "; " : ",";
	struct field_cursor cursor = {0};
	struct field_value value;

	while (fields_read(&cef->fields, path, &cursor, &value)) {
		if (cef->scratch.size && key->kind == KEY_FIRST)
			return;
		if (cef->scratch.size)
			text_add_string(&cef->scratch, separator);
		if (key->kind == KEY_MILLISECONDS)
			value = (struct field_value){VALUE_NUMBER,
						     .number = value.number / NS_PER_MS};
		if (key->kind == KEY_MICROSECONDS)
			value.number /= NS_PER_US;
		if ((key->kind == KEY_V4 || key->kind == KEY_V6) &&
		    (key->kind == KEY_V6) != !!memchr(value.text.data, ':', value.text.size))
			return;
		text_add_bytes(&cef->scratch, fields_text(&cef->fields, &value));
		if (key->kind == KEY_INTEGER && value.number > INT32_MAX)
			text_cut(&cef->scratch, 0);
	}
}

static void put_key(struct cef *cef, const struct cef_key *key)
{
	struct text *value = cef_begin(cef);

	if (key->kind == KEY_SOCKET)
		text_add_string(value, "socket");
	else if (key->kind == KEY_HTTP)
		text_add_string(value, "HTTP");
	else if (key->kind == KEY_CAUSE)
		cef_add_cause(value, &cef->fields.view.record->cause);
	for (size_t i = 0; i < COUNT(key->paths) && key->paths[i].path && !value->size; i++)
		cef_add_field(cef, key, &key->paths[i]);
	if (!value->size)
		return;
	if (cef->any)
		text_add_char(cef->out, ' ');
	cef->any = true;
	text_add_string(cef->out, key->key);
	text_add_char(cef->out, '=');
	text_add_escaped(cef->out, cef_begun(cef), "=\n\r", key->limit ? key->limit : LIMIT_TEXT);
	if (!key->label)
		return;
	text_add_char(cef->out, ' ');
	text_add_string(cef->out, key->key);
	text_add_string(cef->out, "Label=");
	text_add_string(cef->out, key->label);
}

static void add_record(struct cef *cef)
{
	text_add_string(cef->out, "CEF:0|callerd|callerd|");
	cef_add_header(cef, bytes_of(cef->fields.view.context->agent_version));
	add_signature(cef);
	cef_add_name(cef);
	add_severity(cef);
	for (const struct cef_key *key = keys; key < keys + COUNT(keys); key++)
		if (fields_meet(&cef->fields, key->when))
			put_key(cef, key);
	text_add_char(cef->out, '\n');
}

int cef_write(const struct record *record, const struct record_context *context, struct text *out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct cef cef = {.out = out};
	int error = fields_init(&cef.fields, record, context, IF_ECS | IF_WHOLE, out);

	pthread_once(&once, cef_find_fields);
	if (!error) {
		add_record(&cef);
		error = cef.scratch.error;
	}
	error = fields_free(&cef.fields, error);
	text_free(&cef.scratch);
	return error;
}
