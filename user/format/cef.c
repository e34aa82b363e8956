// SPDX-License-Identifier: Apache-2.0
/*
 * The record in ArcSight's Common Event Format, version 0. Keys are those of its dictionary, with what the
 * dictionary says that fits them; custom strings and numbers say by their labels what they are, the same in
 * each record; what is left has keys of its own, which begin with callerd.
 */
#include "format/cef.h"

#include "base/clock.h"
#include "format/line.h"
#include "secret/command.h"

/* What the dictionary gives a key room for. */
#define LIMIT_ACTION 63
#define LIMIT_HOST 100
#define LIMIT_CUSTOM 4000
#define LIMIT_TEXT 1023

struct cef {
	struct text *out;
	const struct view *view;
	const struct record *record;
	bool any;	     /* there is a key before */
	struct text scratch; /* of the value being written */
};

static struct text *begin(struct cef *cef)
{
	text_cut(&cef->scratch, 0);
	return &cef->scratch;
}

static struct bytes begun(const struct cef *cef)
{
	return text_since(&cef->scratch, 0);
}

/* --- the header ------------------------------------------------------------------------------- */

static void add_header(struct cef *cef, struct bytes value)
{
	text_add_escaped(cef->out, value, "|", LIMIT_TEXT);
	text_add_char(cef->out, '|');
}

/* The gravest finding; not one that is but for information. */
static const char *finding_of(const struct record *record)
{
	const struct record_api *api = &record->api;

	if (!api->finding_count || !strcmp(api->findings[0].severity, "info"))
		return NULL;
	return api->findings[0].id;
}

/* What kind of event of its action it is: a finding, an operation, an engine's event; or nothing. */
static void add_kind(struct text *out, const struct record *record, char separator)
{
	const char *finding = finding_of(record);

	if (finding) {
		text_add_string(out, finding);
	} else if (record_is_request(record) && record->api.operation) {
		text_add_string(out, record->api.operation);
	} else if (record->action == RECORD_DOCKER_EVENT) {
		text_add_bytes(out, record->event.type);
		text_add_char(out, separator);
		text_add_bytes(out, record->event.action);
	}
}

static void add_signature(struct cef *cef)
{
	struct text *id = begin(cef);

	add_kind(id, cef->record, '-');
	if (!id->size)
		text_add_string(id, name_action(cef->record->action)->action);
	add_header(cef, begun(cef));
}

static void add_name(struct cef *cef)
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
	};
	struct text *name = begin(cef);
	size_t size;

	text_add_string(name, names[cef->record->action]);
	text_add_string(name, ": ");
	size = name->size;
	add_kind(name, cef->record, ' ');
	if (name->size == size)
		text_cut(name, size - strlen(": "));
	add_header(cef, begun(cef));
}

/* CEF calls 0 to 3 low, 4 to 6 medium, 7 and 8 high, 9 and 10 very high. */
static void add_severity(struct cef *cef)
{
	static const unsigned char severities[] = {0, 1, 3, 6, 8, 10};

	text_add_number(cef->out, severities[cef->view->severity / 20]);
	text_add_char(cef->out, '|');
}

/* --- the extension ---------------------------------------------------------------------------- */

static void put_key(struct cef *cef, const char *key)
{
	if (cef->any)
		text_add_char(cef->out, ' ');
	cef->any = true;
	text_add_string(cef->out, key);
	text_add_char(cef->out, '=');
}

static void put(struct cef *cef, const char *key, struct bytes value, size_t limit)
{
	if (!value.size)
		return;
	put_key(cef, key);
	text_add_escaped(cef->out, value, "=\n\r", limit);
}

static void put_text(struct cef *cef, const char *key, const char *text, size_t limit)
{
	put(cef, key, bytes_of(text), limit);
}

static void put_number(struct cef *cef, const char *key, uint64_t number)
{
	put_key(cef, key);
	text_add_number(cef->out, number);
}

/* Where the dictionary has an Integer: what does not fit is left out, rather than wrong. */
static void put_integer(struct cef *cef, const char *key, uint64_t number)
{
	if (number <= INT32_MAX)
		put_number(cef, key, number);
}

static void put_label(struct cef *cef, const char *key, const char *label)
{
	text_add_char(cef->out, ' ');
	text_add_string(cef->out, key);
	text_add_string(cef->out, "Label=");
	text_add_string(cef->out, label);
}

static void put_custom(struct cef *cef, const char *key, const char *label, struct bytes value,
		       size_t limit)
{
	if (!value.size)
		return;
	put(cef, key, value, limit);
	put_label(cef, key, label);
}

static void put_custom_number(struct cef *cef, const char *key, const char *label, int64_t number)
{
	put_key(cef, key);
	text_add_signed(cef->out, number);
	put_label(cef, key, label);
}

static void put_event(struct cef *cef)
{
	const struct action_name *name = name_action(cef->record->action);
	const struct record_context *context = cef->view->context;

	put_number(cef, "rt", record_time(context, cef->record->time) / NS_PER_MS);
	put_text(cef, "dvchost", context->host_name, LIMIT_HOST);
	put_number(cef, "externalId", cef->record->sequence);
	view_add_id(begin(cef), cef->view);
	put_custom(cef, "flexString1", "eventId", begun(cef), LIMIT_TEXT);
	put_text(cef, "cat", name->category ? name->category : cef->view->event.category,
		 LIMIT_TEXT);
	put_text(cef, "act", name->action, LIMIT_ACTION);
	put_text(cef, "outcome", cef->view->outcome, LIMIT_ACTION);
}

/* Why it came to this, where there is one word for it. */
static void put_reason(struct cef *cef)
{
	const struct record *record = cef->record;
	struct text *reason = begin(cef);

	if (record->action == RECORD_SOCKET_REFUSED && record->error > 0)
		view_add_error(reason, record->error);
	else if (record_is_request(record) && record->http.parse_error)
		text_add_string(reason, record->http.parse_error);
	else if (record->stream.end_reason)
		text_add_string(reason, record->stream.end_reason);
	else if (record->action == RECORD_DOCKER_EVENT && record->cause.reason)
		text_add_string(reason, record->cause.reason);
	else if (record->action == RECORD_RECORDS_LOST && record->lost_reason)
		text_add_string(reason, record->lost_reason);
	put(cef, "reason", begun(cef), LIMIT_TEXT);
	if (record->action == RECORD_RECORDS_LOST)
		put_number(cef, "callerdLost", record->lost_count);
	if (record->refused_count)
		put_number(cef, "cnt", record->refused_count);
	view_add_account(begin(cef), cef->view);
	put(cef, "callerdAccount", begun(cef), LIMIT_TEXT);
	put_text(cef, "callerdLostOutput", record->lost_output, LIMIT_TEXT);
}

static void put_login(struct cef *cef, const struct caller *caller)
{
	if (caller->login_uid == CALLERD_UNSET_ID)
		return;
	if (*cef->view->login_user)
		text_add_string(begin(cef), cef->view->login_user);
	else
		text_add_number(begin(cef), caller->login_uid);
	put_custom(cef, "cs3", "loginUser", begun(cef), LIMIT_CUSTOM);
}

static void put_caller(struct cef *cef)
{
	const struct caller *caller = cef->view->caller;
	const struct process *process = &caller->process;
	struct bytes container = cef->record->container_name;

	put_number(cef, "suid", process->euid);
	put_text(cef, "suser", cef->view->user, LIMIT_TEXT);
	if (process->pid)
		put_integer(cef, "spid", process->pid);
	put(cef, "sproc", process->executable.size ? process->executable : process->name,
	    LIMIT_TEXT);
	if (!cef->view->described)
		return;
	put(cef, "sourceServiceName", caller_unit(caller), LIMIT_TEXT);
	command_add(begin(cef), cef->view->args);
	put_custom(cef, "cs1", "commandLine", begun(cef), LIMIT_CUSTOM);
	put_login(cef, caller);
	if (cef->view->container_id.size)
		put_custom(cef, "cs4", "callerContainer",
			   container.size ? container : cef->view->container_id, LIMIT_CUSTOM);
}

/* The socket is a file of its kind: the dictionary has a key for that. */
static void put_socket(struct cef *cef)
{
	struct bytes socket = cef->record->connection.socket;

	if (!socket.size)
		return;
	put(cef, "filePath", socket, LIMIT_TEXT);
	put_text(cef, "fileType", "socket", LIMIT_TEXT);
	put_text(cef, "destinationServiceName", cef->record->api.engine, LIMIT_TEXT);
}

static void put_target(struct cef *cef, struct bytes type, struct bytes id, struct bytes name)
{
	if (!id.size && !name.size)
		return;
	put_custom(cef, "cs5", "target", name.size ? name : id, LIMIT_CUSTOM);
	put(cef, "callerdTargetType", type, LIMIT_TEXT);
	put(cef, "callerdTargetId", id, LIMIT_TEXT);
}

static void put_http(struct cef *cef)
{
	const struct record_stream *stream = &cef->record->stream;
	const struct record_http *http = &cef->record->http;

	if (http->version_minor >= 0)
		put_text(cef, "app", "HTTP", LIMIT_ACTION);
	put(cef, "requestMethod", http->method, LIMIT_TEXT);
	put(cef, "request", cef->view->url.original, LIMIT_TEXT);
	put(cef, "requestClientApplication", http->user_agent, LIMIT_TEXT);
	view_add_request_id(begin(cef), cef->view);
	put(cef, "callerdRequestId", begun(cef), LIMIT_TEXT);
	if (stream->has_request_bytes || http->has_request_bytes)
		put_integer(cef, "in",
			    stream->has_request_bytes ? stream->request_bytes
						      : http->request_bytes);
	if (stream->has_response_bytes || http->has_response_bytes)
		put_integer(cef, "out",
			    stream->has_response_bytes ? stream->response_bytes
						       : http->response_bytes);
	if (http->status > 0)
		put_custom_number(cef, "cn1", "httpStatus", http->status);
	if (http->has_duration)
		put_custom_number(cef, "cn2", "durationMicroseconds",
				  (int64_t)(http->duration / NS_PER_US));
}

/* critical host-root-mount: / mounted read-write at /host; high privileged */
static void put_findings(struct cef *cef, const struct record_api *api)
{
	struct text *findings = begin(cef);

	for (unsigned int i = 0; i < api->finding_count; i++) {
		if (i)
			text_add_string(findings, "; ");
		view_add_finding(findings, &api->findings[i]);
	}
	put_custom(cef, "cs2", "findings", begun(cef), LIMIT_CUSTOM);
}

/* Adds WORD to a list. */
static void add_word(struct text *list, const char *word)
{
	if (list->size)
		text_add_char(list, ',');
	text_add_string(list, word);
}

static void put_bits(struct cef *cef, const char *key, unsigned int bits,
		     const char *(*name)(unsigned int bit), const char *more)
{
	struct text *list = begin(cef);

	for (unsigned int bit = 0; bit < 32; bit++)
		if (bits >> bit & 1)
			add_word(list, name(bit) ? name(bit) : "?");
	if (more)
		add_word(list, more);
	put(cef, key, begun(cef), LIMIT_TEXT);
}

static void put_request(struct cef *cef)
{
	const struct record_api *api = &cef->record->api;
	struct text *techniques;

	put_http(cef);
	put_custom(cef, "flexString2", "operation", bytes_of(api->operation), LIMIT_TEXT);
	put_target(cef, bytes_of(api->target_type), api->target_id, api->target_name);
	put_findings(cef, api);
	techniques = begin(cef);
	for (unsigned int i = 0; i < api->technique_count; i++)
		add_word(techniques, api->techniques[i]);
	put(cef, "callerdTechniques", begun(cef), LIMIT_TEXT);
	put_text(cef, "callerdExpectedRule", api->expected_rule, LIMIT_TEXT);
	put_bits(cef, "callerdAnomalies", cef->record->http.anomalies, name_anomaly, NULL);
}

/* request ContainerStart 18b2…-0000002a by id */
static void put_cause(struct cef *cef, const struct record_cause *cause)
{
	struct text *text = begin(cef);

	if (!cause->kind)
		return;
	text_add_string(text, cause->kind);
	if (cause->operation.size) {
		text_add_char(text, ' ');
		text_add_bytes(text, cause->operation);
	}
	if (cause->event_id.size) {
		text_add_char(text, ' ');
		text_add_bytes(text, cause->event_id);
	}
	if (cause->basis) {
		text_add_string(text, " by ");
		text_add_string(text, cause->basis);
	}
	put_custom(cef, "cs6", "cause", begun(cef), LIMIT_CUSTOM);
	text = begin(cef);
	for (unsigned int i = 0; i < cause->finding_count; i++) {
		if (i)
			text_add_string(text, "; ");
		view_add_finding(text, &cause->findings[i]);
	}
	put(cef, "callerdCauseFindings", begun(cef), LIMIT_TEXT);
}

static void put_docker_event(struct cef *cef)
{
	const struct record_event *event = &cef->record->event;

	put_target(cef, event->type, event->id, event->name);
	put_cause(cef, &cef->record->cause);
	if (event->has_exit_code)
		put_custom_number(cef, "cn3", "exitCode", event->exit_code);
}

static void put_extension(struct cef *cef)
{
	put_event(cef);
	put_reason(cef);
	if (cef->view->caller)
		put_caller(cef);
	put_socket(cef);
	if (record_is_request(cef->record))
		put_request(cef);
	else if (cef->record->action == RECORD_DOCKER_EVENT)
		put_docker_event(cef);
	put_bits(cef, "callerdIncomplete", cef->view->incomplete, name_incomplete,
		 cef->view->target_truncated ? "target-truncated" : NULL);
	line_add_message(begin(cef), cef->view);
	put(cef, "msg", begun(cef), LIMIT_TEXT);
}

static void add_record(struct cef *cef)
{
	text_add_string(cef->out, "CEF:0|callerd|callerd|");
	add_header(cef, bytes_of(cef->view->context->agent_version));
	add_signature(cef);
	add_name(cef);
	add_severity(cef);
	put_extension(cef);
	text_add_char(cef->out, '\n');
}

int cef_write(const struct record *record, const struct record_context *context, struct text *out)
{
	size_t start = out->size;
	struct view view;
	struct cef cef = {.out = out, .view = &view, .record = record};
	int error = view_init(&view, record, context);

	if (!error) {
		add_record(&cef);
		error = out->error ? out->error : cef.scratch.error;
	}
	if (error)
		text_cut(out, start);
	text_free(&cef.scratch);
	view_free(&view);
	return error;
}
