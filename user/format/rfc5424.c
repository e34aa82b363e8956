// SPDX-License-Identifier: Apache-2.0
/*
 * The record as a message of syslog, RFC 5424: what programs want is structured data, the text is the line for
 * a person. How messages are framed on their way is not told here.
 */
#include "format/rfc5424.h"

#include <pthread.h>

#include "base/clock.h"
#include "fields/fields.h"
#include "fields/line.h"

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

/* --- the header ------------------------------------------------------------------------------- */

/* A field of the header: printable ASCII without spaces, MAX bytes of it, or a dash. */
static void rfc5424_add_field(struct text *out, const char *field, size_t max)
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
	rfc5424_add_field(out, host_name, HOST_MAX);
	text_add_string(out, "callerd ");
	rfc5424_add_field(out, run_id, PROCID_MAX);
	rfc5424_add_field(out, action, MSGID_MAX);
}

static void rfc5424_put_header(struct text *out, const struct view *view)
{
	const struct record_context *context = view->context;

	text_add_char(out, '<');
	text_add_number(out, FACILITY * 8 + view_syslog_severity(view->severity));
	text_add_char(out, '>');
	rfc5424_add_header(out, record_time(context, view->record->time), context->host_name,
			   context->run_id, name_action(view->record->action)->action);
}

/* --- structured data -------------------------------------------------------------------------- */

/* In their order. A list is a parameter for each element. */
static struct parameter {
	const char *name;
	struct field_path path;
	uint64_t when; /* besides the conditions of the field */
} parameters[] = {
	{"eventId", {"event.id"}},
	{"hostId", {"host.id"}},
	{"severity", {"event.severity"}},
	{"outcome", {"event.outcome"}},
	{"pid", {"process.pid"}},
	{"process", {"process.name"}},
	{"executable", {"process.executable"}},
	{"uid", {"user.effective.id"}},
	{"user", {"user.effective.name"}},
	{"uid", {"user.id"}, IF_PLAIN},
	{"user", {"user.name"}, IF_PLAIN},
	{"command", {"process.command_line"}},
	{"loginUid", {"user.id"}, IF_LOGIN},
	{"loginUser", {"user.name"}, IF_LOGIN},
	{"session", {"callerd.caller.session"}},
	{"src", {"source.ip"}},
	{"srcPort", {"source.port"}},
	{"service", {"callerd.session.service"}},
	{"unit", {"callerd.caller.unit"}},
	{"access", {"callerd.caller.access"}},
	{"containerId", {"container.id"}},
	{"containerName", {"container.name"}},
	{"podUid", {"orchestrator.resource.id"}},
	{"relayedUid", {"callerd.relayed_for.user.id"}},
	{"relayedFor", {"callerd.relayed_for.user.name"}},
	{"relayedSrc", {"callerd.relayed_for.source.ip"}},
	{"relayedCertainty", {"callerd.relayed_for.certainty"}},
	{"ciSystem", {"callerd.ci.system"}},
	{"ciPipeline", {"callerd.ci.pipeline"}},
	{"ciJob", {"callerd.ci.job"}},
	{"ciUrl", {"callerd.ci.url"}},
	{"ciActor", {"callerd.ci.actor"}},
	{"ciRepository", {"callerd.ci.repository"}},
	{"aiAgent", {"callerd.ai.agent"}},
	{"variable", {"callerd.caller.environment.variables"}},
	{"socket", {"callerd.connection.socket"}},
	{"connection", {"callerd.connection.id"}},
	{"request", {"callerd.connection.request"}},
	{"error", {"error.code"}},
	{"requestId", {"http.request.id"}},
	{"endReason", {"callerd.stream.end_reason"}},
	{"requestBytes", {"http.request.bytes"}},
	{"responseBytes", {"http.response.bytes"}},
	{"method", {"http.request.method"}},
	{"url", {"url.original"}},
	{"userAgent", {"user_agent.original"}},
	{"status", {"http.response.status_code"}},
	{"grpcStatus", {"callerd.grpc.status"}},
	{"durationNs", {"event.duration"}},
	{"error", {"error.message"}, IF_REQUEST},
	{"engine", {"callerd.api.engine"}, IF_REQUEST},
	{"operation", {"callerd.api.operation"}},
	{"targetType", {"callerd.target.type"}, IF_TARGET},
	{"targetId", {"callerd.target.id"}},
	{"targetName", {"callerd.target.name"}},
	{"targetImage", {"callerd.target.image"}},
	{"finding", {"callerd.findings"}},
	{"technique", {"threat.technique.id"}},
	{"subtechnique", {"threat.technique.subtechnique.id"}},
	{"expectedRule", {"callerd.expected_rule"}},
	{"anomaly", {"callerd.capture.anomalies"}},
	{"engine", {"callerd.api.engine"}, IF_EVENT},
	{"eventAction", {"callerd.docker_event.action"}},
	{"targetType", {"callerd.docker_event.type"}, IF_TARGET},
	{"targetId", {"callerd.docker_event.id"}},
	{"targetName", {"callerd.docker_event.name"}},
	{"targetImage", {"callerd.docker_event.image"}},
	{"exitCode", {"callerd.docker_event.exit_code"}},
	{"cause", {"callerd.cause.kind"}},
	{"causeBasis", {"callerd.cause.basis"}},
	{"causeReason", {"callerd.cause.reason"}},
	{"causeEventId", {"callerd.cause.event_id"}},
	{"causeOperation", {"callerd.cause.operation"}},
	{"causeFinding", {"callerd.cause.findings"}},
	{"changeObject", {"callerd.change.object"}},
	{"changePath", {"callerd.change.path"}},
	{"change", {"callerd.change.what"}},
	{"group", {"callerd.change.group"}},
	{"added", {"callerd.change.added"}},
	{"removed", {"callerd.change.removed"}},
	{"lostReason", {"callerd.lost.reason"}},
	{"lostCount", {"callerd.lost.count"}},
	{"lostOutput", {"callerd.lost.output"}},
	{"refusedCount", {"callerd.refused.count"}},
	{"foldedCount", {"callerd.folded.count"}},
	{"account", {"callerd.account"}},
	{"incomplete", {"callerd.capture.reason"}},
};

static void rfc5424_find_fields(void)
{
	for (size_t i = 0; i < COUNT(parameters); i++)
		fields_find(&parameters[i].path);
}

static void rfc5424_put(struct text *out, const char *name, struct bytes value)
{
	if (!value.size)
		return;
	text_add_char(out, ' ');
	text_add_string(out, name);
	text_add_string(out, "=\"");
	text_add_escaped(out, value, "\"]", VALUE_MAX);
	text_add_char(out, '"');
}

static void add_own_element(struct text *out, struct fields *fields)
{
	struct field_value value;

	text_add_string(out, "[" SD_ID);
	for (const struct parameter *one = parameters; one < parameters + COUNT(parameters);
	     one++) {
		struct field_cursor cursor = {0};

		while (fields_meet(fields, one->when) &&
		       fields_read(fields, &one->path, &cursor, &value))
			rfc5424_put(out, one->name, fields_text(fields, &value));
	}
	text_add_char(out, ']');
}

/* The elements that the RFC itself names: the writer of the message, and its number. */
static void add_known_elements(struct text *out, const struct view *view)
{
	const char *version = view->context->agent_version;
	uint64_t sequence = view->record->sequence;

	text_add_string(out, "[origin software=\"callerd\"");
	if (version && strlen(version) <= SOFTWARE_VERSION_MAX)
		rfc5424_put(out, "swVersion", bytes_of(version));
	text_add_char(out, ']');
	if (!sequence)
		return;
	text_add_string(out, "[meta sequenceId=\"");
	text_add_number(out, (sequence - 1) % SEQUENCE_MAX + 1);
	text_add_string(out, "\"]");
}

int rfc5424_write(const struct record *record, const struct record_context *context,
		  struct text *out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct fields fields;
	int error = fields_init(&fields, record, context, IF_ECS | IF_WHOLE | IF_TECHNIQUES, out);

	pthread_once(&once, rfc5424_find_fields);
	if (!error) {
		rfc5424_put_header(out, &fields.view);
		add_own_element(out, &fields);
		add_known_elements(out, &fields.view);
		text_add_string(out, " " BOM);
		line_add_message(out, &fields.view);
		text_add_char(out, '\n');
	}
	return fields_free(&fields, error);
}
