// SPDX-License-Identifier: Apache-2.0
/*
 * The record as a message of syslog, RFC 5424: what programs want is structured data, the text is the line for
 * a person. How messages are framed on their way is not told here.
 */
#include "format/rfc5424.h"

#include "base/clock.h"
#include "format/line.h"
#include "secret/command.h"

#define FACILITY 13 /* log audit */
#define VERSION "1"
/* 32473 is the number that RFC 5612 keeps for examples: callerd has none of its own. */
#define SD_ID "callerd@32473"
#define NIL "-"
#define BOM "\xef\xbb\xbf"
#define HOST_MAX 255
#define PROCID_MAX 128
#define MSGID_MAX 32
#define SOFTWARE_VERSION_MAX 32
#define SEQUENCE_MAX INT32_MAX
#define VALUE_MAX 8192 /* a command line; the RFC leaves it to who reads */

struct syslog {
	struct text *out;
	const struct view *view;
	const struct record *record;
	struct text scratch; /* of the value being written */
};

static struct text *begin(struct syslog *syslog)
{
	text_cut(&syslog->scratch, 0);
	return &syslog->scratch;
}

/* --- the header ------------------------------------------------------------------------------- */

/* A field of the header: printable ASCII without spaces, MAX bytes of it, or a dash. */
static void add_field(struct text *out, const char *field, size_t max)
{
	size_t size = field ? strnlen(field, max) : 0;

	if (!size)
		text_add_string(out, NIL);
	for (size_t i = 0; i < size; i++)
		text_add_char(out, field[i] > ' ' && field[i] < 0x7f ? field[i] : '?');
	text_add_char(out, ' ');
}

/* The process id is there to tell when a program started anew: the run does that. */
void rfc5424_add_header(struct text *out, uint64_t real, const char *host_name, const char *run_id,
			const char *action)
{
	text_add_string(out, VERSION " ");
	clock_add_rfc3339_digits(out, real, 6);
	text_add_char(out, ' ');
	add_field(out, host_name, HOST_MAX);
	text_add_string(out, "callerd ");
	add_field(out, run_id, PROCID_MAX);
	add_field(out, action, MSGID_MAX);
}

static void add_header(struct syslog *syslog)
{
	const struct record_context *context = syslog->view->context;
	struct text *out = syslog->out;

	text_add_char(out, '<');
	text_add_number(out, FACILITY * 8 + view_syslog_severity(syslog->view->severity));
	text_add_char(out, '>');
	rfc5424_add_header(out, record_time(context, syslog->record->time), context->host_name,
			   context->run_id, name_action(syslog->record->action)->action);
}

/* --- structured data -------------------------------------------------------------------------- */

static void put(struct syslog *syslog, const char *name, struct bytes value)
{
	struct text *out = syslog->out;

	if (!value.size)
		return;
	text_add_char(out, ' ');
	text_add_string(out, name);
	text_add_string(out, "=\"");
	text_add_escaped(out, value, "\"]", VALUE_MAX);
	text_add_char(out, '"');
}

static void put_begun(struct syslog *syslog, const char *name)
{
	put(syslog, name, text_since(&syslog->scratch, 0));
}

static void put_text(struct syslog *syslog, const char *name, const char *text)
{
	put(syslog, name, bytes_of(text));
}

static void put_number(struct syslog *syslog, const char *name, uint64_t number)
{
	text_add_number(begin(syslog), number);
	put_begun(syslog, name);
}

/* The names of BITS, a parameter each. */
static void put_bits(struct syslog *syslog, const char *name, unsigned int bits,
		     const char *(*bit_name)(unsigned int bit))
{
	for (unsigned int bit = 0; bit < 32; bit++)
		if (bits >> bit & 1)
			put_text(syslog, name, bit_name(bit) ? bit_name(bit) : "?");
}

static void put_event(struct syslog *syslog)
{
	view_add_id(begin(syslog), syslog->view);
	put_begun(syslog, "eventId");
	put_number(syslog, "severity", syslog->view->severity);
	put_text(syslog, "outcome", syslog->view->outcome);
}

static void put_user(struct syslog *syslog, const char *id_key, uint32_t uid, const char *name_key,
		     const char *name)
{
	put_number(syslog, id_key, uid);
	put_text(syslog, name_key, name);
}

static void put_described(struct syslog *syslog, const struct caller *caller)
{
	const struct view *view = syslog->view;

	command_add(begin(syslog), view->args);
	put_begun(syslog, "command");
	if (caller->login_uid != CALLERD_UNSET_ID)
		put_user(syslog, "loginUid", caller->login_uid, "loginUser", view->login_user);
	if (caller->session != CALLERD_UNSET_ID)
		put_number(syslog, "session", caller->session);
	put(syslog, "unit", caller_unit(caller));
	put_text(syslog, "access", view->access);
	put(syslog, "containerId", view->container_id);
	put(syslog, "containerName", syslog->record->container_name);
}

static void put_caller(struct syslog *syslog)
{
	const struct caller *caller = syslog->view->caller;

	if (caller->process.pid)
		put_number(syslog, "pid", caller->process.pid);
	put(syslog, "process", caller->process.name);
	put(syslog, "executable", caller->process.executable);
	put_user(syslog, "uid", caller->process.euid, "user", syslog->view->user);
	if (syslog->view->described)
		put_described(syslog, caller);
}

static void put_connection(struct syslog *syslog)
{
	const struct record *record = syslog->record;

	put(syslog, "socket", record->connection.socket);
	if (record->connection.id)
		put_number(syslog, "connection", record->connection.id);
	if (record->connection.request)
		put_number(syslog, "request", record->connection.request);
	if (record->action == RECORD_SOCKET_REFUSED && record->error > 0) {
		view_add_error(begin(syslog), record->error);
		put_begun(syslog, "error");
	}
}

static void put_target(struct syslog *syslog, struct bytes type, struct bytes id, struct bytes name)
{
	if (!id.size && !name.size)
		return;
	put(syslog, "targetType", type);
	put(syslog, "targetId", id);
	put(syslog, "targetName", name);
}

static void put_findings(struct syslog *syslog, const struct record_api *api)
{
	for (unsigned int i = 0; i < api->finding_count; i++) {
		view_add_finding(begin(syslog), &api->findings[i]);
		put_begun(syslog, "finding");
	}
	for (unsigned int i = 0; i < api->technique_count; i++)
		put_text(syslog, "technique", api->techniques[i]);
	put_text(syslog, "expectedRule", api->expected_rule);
}

static void put_stream(struct syslog *syslog, const struct record_stream *stream)
{
	put_text(syslog, "endReason", stream->end_reason);
	if (stream->has_request_bytes)
		put_number(syslog, "requestBytes", stream->request_bytes);
	if (stream->has_response_bytes)
		put_number(syslog, "responseBytes", stream->response_bytes);
}

static void put_request(struct syslog *syslog)
{
	const struct record_http *http = &syslog->record->http;
	const struct record_api *api = &syslog->record->api;

	view_add_request_id(begin(syslog), syslog->view);
	put_begun(syslog, "requestId");
	put_stream(syslog, &syslog->record->stream);
	put(syslog, "method", http->method);
	put(syslog, "url", syslog->view->url.original);
	put(syslog, "userAgent", http->user_agent);
	if (http->status > 0)
		put_number(syslog, "status", (uint64_t)http->status);
	if (http->has_duration)
		put_number(syslog, "durationNs", http->duration);
	put_text(syslog, "error", http->parse_error);
	put_text(syslog, "engine", api->engine);
	put_text(syslog, "operation", api->operation);
	put_target(syslog, bytes_of(api->target_type), api->target_id, api->target_name);
	put(syslog, "targetImage", api->target_image);
	put_findings(syslog, api);
	put_bits(syslog, "anomaly", http->anomalies, name_anomaly);
}

static void put_docker_event(struct syslog *syslog)
{
	const struct record_event *event = &syslog->record->event;
	const struct record_cause *cause = &syslog->record->cause;

	put_text(syslog, "engine", syslog->record->api.engine);
	put(syslog, "eventAction", event->action);
	put_target(syslog, event->type, event->id, event->name);
	put(syslog, "targetImage", event->image);
	if (event->has_exit_code) {
		text_add_signed(begin(syslog), event->exit_code);
		put_begun(syslog, "exitCode");
	}
	put_text(syslog, "cause", cause->kind);
	put_text(syslog, "causeBasis", cause->basis);
	put_text(syslog, "causeReason", cause->reason);
	put(syslog, "causeEventId", cause->event_id);
	put(syslog, "causeOperation", cause->operation);
	for (unsigned int i = 0; i < cause->finding_count; i++) {
		view_add_finding(begin(syslog), &cause->findings[i]);
		put_begun(syslog, "causeFinding");
	}
}

static void add_own_element(struct syslog *syslog)
{
	const struct record *record = syslog->record;

	text_add_string(syslog->out, "[" SD_ID);
	put_event(syslog);
	if (syslog->view->caller)
		put_caller(syslog);
	put_connection(syslog);
	if (record_is_request(record))
		put_request(syslog);
	else if (record->action == RECORD_SOCKET_CONNECTED)
		put_findings(syslog, &record->api);
	else if (record->action == RECORD_DOCKER_EVENT)
		put_docker_event(syslog);
	else if (record->action == RECORD_RECORDS_LOST) {
		put_text(syslog, "lostReason", record->lost_reason);
		put_number(syslog, "lostCount", record->lost_count);
		put_text(syslog, "lostOutput", record->lost_output);
	} else if (record->refused_count) {
		put_number(syslog, "refusedCount", record->refused_count);
	}
	view_add_account(begin(syslog), syslog->view);
	put_begun(syslog, "account");
	put_bits(syslog, "incomplete", syslog->view->incomplete, name_incomplete);
	if (syslog->view->target_truncated)
		put_text(syslog, "incomplete", "target-truncated");
	text_add_char(syslog->out, ']');
}

/* What the RFC itself names: who wrote it, and which it is of those. */
static void add_known_elements(struct syslog *syslog)
{
	const char *version = syslog->view->context->agent_version;
	uint64_t sequence = syslog->record->sequence;

	text_add_string(syslog->out, "[origin software=\"callerd\"");
	if (version && strlen(version) <= SOFTWARE_VERSION_MAX)
		put_text(syslog, "swVersion", version);
	text_add_char(syslog->out, ']');
	if (!sequence)
		return;
	text_add_string(syslog->out, "[meta sequenceId=\"");
	text_add_number(syslog->out, (sequence - 1) % SEQUENCE_MAX + 1);
	text_add_string(syslog->out, "\"]");
}

/* --- the whole -------------------------------------------------------------------------------- */

static void add_record(struct syslog *syslog)
{
	add_header(syslog);
	add_own_element(syslog);
	add_known_elements(syslog);
	text_add_string(syslog->out, " " BOM);
	line_add_message(syslog->out, syslog->view);
	text_add_char(syslog->out, '\n');
}

int rfc5424_write(const struct record *record, const struct record_context *context,
		  struct text *out)
{
	size_t start = out->size;
	struct view view;
	struct syslog syslog = {.out = out, .view = &view, .record = record};
	int error = view_init(&view, record, context);

	if (!error) {
		add_record(&syslog);
		error = out->error ? out->error : syslog.scratch.error;
	}
	if (error)
		text_cut(out, start);
	text_free(&syslog.scratch);
	view_free(&view);
	return error;
}
