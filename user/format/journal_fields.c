// SPDX-License-Identifier: Apache-2.0
/*
 * The record as an entry of systemd's journal, in its native protocol. A field has the name that ECS gives it, in
 * upper case, with an underscore for what is neither letter nor digit, so that there is no table of names. journald
 * keeps the values of a field that is there several times in no order, and equal ones once: whatever has an order
 * is one value.
 */
#include "format/journal_fields.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>

#include "base/clock.h"
#include "format/line.h"
#include "secret/command.h"

#define FACILITY 13 /* log audit */
#define FACTS_MAX 64
/* From here on no more elements of lists: room for a field of each fact, and for what journald and who passes it on
 * add to the entry. */
#define LISTED_MAX (JOURNAL_FIELDS_MAX - 2 * FACTS_MAX)

struct journal {
	struct text *out;
	const struct view *view;
	const struct record *record;
	unsigned int count;  /* fields so far */
	struct text scratch; /* of the value being written */
	struct text masked;  /* of a process's arguments */
};

static struct text *begin(struct journal *journal)
{
	text_cut(&journal->scratch, 0);
	return &journal->scratch;
}

static struct bytes begun(const struct journal *journal)
{
	return text_since(&journal->scratch, 0);
}

/* --- fields ----------------------------------------------------------------------------------- */

static char *put_name(char *at, const char *end, const char *name)
{
	for (; *name && at < end; name++)
		if (*name >= 'a' && *name <= 'z')
			*at++ = (char)(*name - 'a' + 'A');
		else if ((*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9'))
			*at++ = *name;
		else
			*at++ = '_';
	return at;
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

/* The field GROUP.NAME; GROUP ends in its dot. An empty value is one as well. */
static void put_any(struct journal *journal, const char *group, const char *name,
		    struct bytes value)
{
	char field[JOURNAL_NAME_MAX];
	const char *limit = field + sizeof(field);
	char *end = put_name(put_name(field, limit, group), limit, name);

	text_add(journal->out, field, (size_t)(end - field));
	if (is_plain(value)) {
		text_add_char(journal->out, '=');
	} else {
		uint64_t size = htole64(value.size);

		text_add_char(journal->out, '\n');
		text_add(journal->out, (const char *)&size, sizeof(size));
	}
	text_add_bytes(journal->out, value);
	text_add_char(journal->out, '\n');
	journal->count++;
}

static void put(struct journal *journal, const char *group, const char *name, struct bytes value)
{
	if (value.data && value.size)
		put_any(journal, group, name, value);
}

static void put_begun(struct journal *journal, const char *group, const char *name)
{
	put(journal, group, name, begun(journal));
}

static void put_text(struct journal *journal, const char *group, const char *name, const char *text)
{
	put(journal, group, name, bytes_of(text));
}

static void put_number(struct journal *journal, const char *group, const char *name,
		       uint64_t number)
{
	text_add_number(begin(journal), number);
	put_begun(journal, group, name);
}

static void put_time(struct journal *journal, const char *group, const char *name, uint64_t real)
{
	clock_add_rfc3339(begin(journal), real);
	put_begun(journal, group, name);
}

static void put_true(struct journal *journal, const char *group, const char *name, bool value)
{
	if (value)
		put_text(journal, group, name, "true");
}

/* The names of BITS, a field each. */
static void put_bits(struct journal *journal, const char *group, const char *name,
		     unsigned int bits, const char *(*bit_name)(unsigned int bit))
{
	for (unsigned int bit = 0; bit < 32; bit++)
		if (!(bits >> bit & 1))
			continue;
		else if (bit_name(bit))
			put_text(journal, group, name, bit_name(bit));
		else
			put_number(journal, group, name, bit);
}

/* --- of every record -------------------------------------------------------------------------- */

static void put_head(struct journal *journal)
{
	line_add_message(begin(journal), journal->view);
	put_begun(journal, "", "message");
	put_number(journal, "", "priority", view_syslog_severity(journal->view->severity));
	put_text(journal, "syslog.", "identifier", "callerd");
	put_number(journal, "syslog.", "facility", FACILITY);
}

static void put_event(struct journal *journal)
{
	const struct view *view = journal->view;
	const struct record_context *context = view->context;
	const struct record *record = journal->record;

	put_time(journal, "callerd.", "timestamp", record_time(context, record->time));
	put_text(journal, "event.", "action", name_action(record->action)->action);
	put_text(journal, "event.", "outcome", view->outcome);
	view_add_id(begin(journal), view);
	put_begun(journal, "event.", "id");
	put_number(journal, "event.", "sequence", record->sequence);
	put_number(journal, "event.", "severity", view->severity);
	if (record_is_request(record) && record->http.has_duration)
		put_number(journal, "event.", "duration", record->http.duration);
	put_text(journal, "host.", "name", context->host_name);
	put_text(journal, "agent.", "version", context->agent_version);
	put_text(journal, "agent.", "ephemeral_id", context->run_id);
}

static void put_capture(struct journal *journal)
{
	const struct view *view = journal->view;
	const struct record *record = journal->record;
	bool request = record_is_request(record);
	bool complete = !view->incomplete && !view->target_truncated;

	if (request || !complete)
		put_text(journal, "callerd.capture.", "complete", complete ? "true" : "false");
	put_bits(journal, "callerd.capture.", "reason", view->incomplete, name_incomplete);
	if (view->target_truncated)
		put_text(journal, "callerd.capture.", "reason", "target-truncated");
	if (request)
		put_bits(journal, "callerd.capture.", "anomalies", record->http.anomalies,
			 name_anomaly);
}

static void put_error(struct journal *journal)
{
	const struct record *record = journal->record;

	if (record->action == RECORD_SOCKET_REFUSED && record->error > 0) {
		view_add_error(begin(journal), record->error);
		put_begun(journal, "error.", "code");
		put_text(journal, "error.", "message", strerrordesc_np(record->error));
	} else if (record_is_request(record)) {
		put_text(journal, "error.", "message", record->http.parse_error);
	}
}

/* --- who -------------------------------------------------------------------------------------- */

static void put_process(struct journal *journal, const char *group, const struct caller *caller,
			const struct process *process)
{
	if (process->pid)
		put_number(journal, group, "pid", process->pid);
	view_add_entity_id(begin(journal), journal->view, caller, process);
	put_begun(journal, group, "entity_id");
	put(journal, group, "name", process->name);
	put(journal, group, "executable", process->executable);
	if (process->start)
		put_time(journal, group, "start",
			 clock_real(view_boot_to_real(journal->view, caller), process->start));
}

static void put_command_line(struct journal *journal, const char *group,
			     const struct process *process)
{
	command_add(begin(journal), view_args(journal->view, process, &journal->masked));
	put_begun(journal, group, "command_line");
}

static void put_user(struct journal *journal, const char *group, uint32_t uid, const char *name)
{
	put_number(journal, group, "id", uid);
	put_text(journal, group, "name", name);
}

static void put_parent(struct journal *journal, const struct caller *caller)
{
	const struct process *parent = caller->ancestors;

	if (!caller->ancestor_count)
		return;
	put_process(journal, "process.parent.", caller, parent);
	put_command_line(journal, "process.parent.", parent);
	if (parent->pid)
		put_number(journal, "process.parent.", "user.id", parent->euid);
}

/* 4700 /usr/bin/sudo: sudo docker ps */
static void add_ancestor(struct journal *journal, struct text *out, const struct process *process)
{
	struct bytes args = view_args(journal->view, process, &journal->masked);

	text_add_number(out, process->pid);
	text_add_char(out, ' ');
	text_add_bytes(out, process->executable.size ? process->executable : process->name);
	if (args.size)
		text_add_string(out, ": ");
	command_add(out, args);
}

/* The number before each says which it is, as journald keeps no order. */
static void put_ancestors(struct journal *journal, const struct caller *caller)
{
	unsigned int number = 0;

	for (unsigned int i = 0; i < caller->ancestor_count; i++) {
		struct text *out = begin(journal);

		if (!caller->ancestors[i].pid)
			continue;
		text_add_number(out, ++number);
		text_add_char(out, ' ');
		add_ancestor(journal, out, &caller->ancestors[i]);
		put_begun(journal, "callerd.", "ancestors");
	}
}

static void put_capabilities(struct journal *journal, const char *group, uint64_t capabilities)
{
	for (unsigned int bit = 0; bit < 64; bit++) {
		const char *name = name_capability(bit);
		struct text *out = begin(journal);

		if (!(capabilities >> bit & 1))
			continue;
		text_add_string(out, name ? name : "CAP_");
		if (!name)
			text_add_number(out, bit);
		put_begun(journal, group, "capabilities");
	}
}

static void put_namespaces(struct journal *journal, const struct caller *caller)
{
	static const char group[] = "callerd.caller.user_namespace.";

	if (caller_in_mount_namespace(caller, journal->view->context->mnt_ns))
		put_number(journal, "callerd.caller.", "mount_namespace", caller->mnt_ns);
	if (!caller_in_user_namespace(caller)) {
		put_capabilities(journal, "callerd.caller.", caller->capabilities);
		return;
	}
	put_number(journal, group, "id", caller->user_ns);
	put_number(journal, group, "owner", caller->user_ns_owner);
	put_capabilities(journal, group, caller->capabilities);
}

static void put_described(struct journal *journal, const struct caller *caller)
{
	const struct view *view = journal->view;
	const struct process *process = &caller->process;
	const struct record *record = journal->record;

	/* A sender's threads are not told apart. */
	if (caller->tid && !record_is_request(record) && record->action != RECORD_DOCKER_EVENT)
		put_number(journal, "process.", "thread.id", caller->tid);
	put_command_line(journal, "process.", process);
	put(journal, "process.", "working_directory", caller->working_directory);
	if (caller->uid != process->euid)
		put_user(journal, "process.real_user.", caller->uid, view->real_user);
	if (caller->login_uid != CALLERD_UNSET_ID)
		put_user(journal, "user.audit.", caller->login_uid, view->login_user);
	if (caller->session != CALLERD_UNSET_ID)
		put_number(journal, "callerd.caller.", "session", caller->session);
	put_text(journal, "callerd.caller.", "tty", caller->tty);
	put(journal, "callerd.caller.", "cgroup", caller->cgroup);
	if (caller->cgroup_claimed)
		put_number(journal, "callerd.caller.", "cgroup_owner", caller->cgroup_owner);
	put(journal, "callerd.caller.", "container_claimed", caller_claimed_container_id(caller));
	put(journal, "callerd.caller.", "unit", caller_unit(caller));
	put(journal, "callerd.caller.", "label", caller->label);
	put_namespaces(journal, caller);
	put_text(journal, "callerd.caller.", "access", view->access);
	if (!bytes_equal(caller->root, bytes_of("/")))
		put(journal, "callerd.caller.", "root", caller->root);
	put_true(journal, "callerd.caller.", "args_truncated", process->args_truncated);
	put_true(journal, "callerd.caller.", "executable_deleted", process->executable_deleted);
	if (process->executable_exchanged)
		put(journal, "callerd.caller.", "executable_claimed", caller->executable_claimed);
	put_parent(journal, caller);
	put_ancestors(journal, caller);
}

/* CONTAINER_ID and CONTAINER_NAME are those of Docker's own log driver for journald, which looks for them. */
static void put_container(struct journal *journal)
{
	put(journal, "callerd.container.", "id", journal->view->container_id);
	put(journal, "callerd.container.", "name", journal->record->container_name);
	put(journal, "callerd.container.", "image.name", journal->record->container_image);
}

static void put_caller(struct journal *journal)
{
	const struct view *view = journal->view;
	const struct caller *caller = view->caller;

	put_process(journal, "process.", caller, &caller->process);
	put_user(journal, "user.", caller->process.euid, view->user);
	put_number(journal, "user.", "group.id", caller->egid);
	put_text(journal, "callerd.caller.", "basis", view->described ? "kernel" : "peer");
	put(journal, "callerd.caller.", "boot", caller->boot_id);
	if (view->described)
		put_described(journal, caller);
	put_container(journal);
}

static void put_connector(struct journal *journal)
{
	const struct caller *connector = journal->record->connector;
	char user[VIEW_NAME_SIZE];

	if (!connector || connector == journal->view->caller)
		return;
	put_process(journal, "callerd.connector.", connector, &connector->process);
	put_command_line(journal, "callerd.connector.", &connector->process);
	view_user_name(journal->view->context, connector->process.euid, user);
	put_user(journal, "callerd.connector.user.", connector->process.euid, user);
}

static void put_candidates(struct journal *journal)
{
	const struct record *record = journal->record;
	char name[VIEW_NAME_SIZE];

	for (unsigned int i = 0; i < record->candidate_count; i++) {
		const struct caller *caller = record->candidates[i];

		put_process(journal, "callerd.candidates.", caller, &caller->process);
		put_command_line(journal, "callerd.candidates.", &caller->process);
		view_user_name(journal->view->context, caller->process.euid, name);
		put_user(journal, "callerd.candidates.user.", caller->process.euid, name);
		if (caller->login_uid == CALLERD_UNSET_ID)
			continue;
		view_user_name(journal->view->context, caller->login_uid, name);
		put_user(journal, "callerd.candidates.audit.", caller->login_uid, name);
	}
	if (record->candidates_cut)
		put_text(journal, "callerd.", "candidates_truncated", "true");
}

static void put_connection(struct journal *journal)
{
	const struct record_connection *connection = &journal->record->connection;

	if (connection->id)
		put_number(journal, "callerd.connection.", "id", connection->id);
	put(journal, "callerd.connection.", "socket", connection->socket);
	put(journal, "callerd.connection.", "address", journal->record->address);
	put_true(journal, "callerd.connection.", "preexisting", connection->preexisting);
	if (connection->request)
		put_number(journal, "callerd.connection.", "request", connection->request);
}

/* --- what: a request -------------------------------------------------------------------------- */

static void put_http(struct journal *journal)
{
	const struct record_http *http = &journal->record->http;

	if (http->version_minor >= 0 && http->version_minor <= 9) {
		char version[] = {'1', '.', (char)('0' + http->version_minor), '\0'};

		put_text(journal, "http.", "version", version);
	}
	view_add_request_id(begin(journal), journal->view);
	put_begun(journal, "http.", "request.id");
	put(journal, "http.", "request.method", http->method);
	put(journal, "http.", "request.mime_type", http->mime_type);
	if (http->has_request_bytes)
		put_number(journal, "http.", "request.body.bytes", http->request_bytes);
	if (http->status > 0)
		put_number(journal, "http.", "response.status_code", (uint64_t)http->status);
	if (http->has_response_bytes)
		put_number(journal, "http.", "response.body.bytes", http->response_bytes);
	put(journal, "user_agent.", "original", http->user_agent);
}

static void put_stream(struct journal *journal)
{
	const struct record_stream *stream = &journal->record->stream;

	if (stream->has_request_bytes)
		put_number(journal, "http.", "request.bytes", stream->request_bytes);
	if (stream->has_response_bytes)
		put_number(journal, "http.", "response.bytes", stream->response_bytes);
	put_text(journal, "callerd.stream.", "end_reason", stream->end_reason);
}

static void put_url(struct journal *journal)
{
	const struct url *url = &journal->view->url;

	if (!url->original.size)
		return;
	put(journal, "url.", "original", url->original);
	url_clean_path(begin(journal), url->path);
	put_begun(journal, "url.", "path");
	put(journal, "url.", "query", url->query);
}

static void put_target(struct journal *journal, const struct record_api *api)
{
	if (api->target_id.size || api->target_name.size || api->container_id.size ||
	    api->container_name.size)
		put_text(journal, "callerd.target.", "type", api->target_type);
	put(journal, "callerd.target.", "id", api->target_id);
	put(journal, "callerd.target.", "name", api->target_name);
	put(journal, "callerd.target.", "image", api->target_image);
	put(journal, "callerd.target.", "container.id", api->container_id);
	put(journal, "callerd.target.", "container.name", api->container_name);
}

static void put_findings(struct journal *journal, const struct record_api *api)
{
	for (unsigned int i = 0; i < api->finding_count; i++) {
		put_text(journal, "callerd.findings.", "id", api->findings[i].id);
		view_add_finding(begin(journal), &api->findings[i]);
		put_begun(journal, "callerd.", "findings");
	}
	for (unsigned int i = 0; i < api->technique_count; i++)
		put_text(journal, "threat.", "technique.id", api->techniques[i]);
	put_true(journal, "callerd.", "expected", api->expected_rule);
	put_text(journal, "callerd.", "expected_rule", api->expected_rule);
}

/* docker run -it: a list whose order is what it is about. */
static bool is_command(const struct record_fact *fact)
{
	return !strcmp(fact->name, "command") || !strcmp(fact->name, "entrypoint");
}

static void put_command(struct journal *journal, const struct record_fact *fact)
{
	struct text *out = begin(journal);

	for (unsigned int i = 0; i < fact->count; i++) {
		if (i)
			text_add_char(out, ' ');
		command_add_argument(out, fact->list[i]);
	}
	put_begun(journal, "callerd.request.", fact->name);
}

/* Returns whether all of it had room. */
static bool put_list(struct journal *journal, const struct record_fact *fact)
{
	for (unsigned int i = 0; i < fact->count; i++) {
		if (journal->count >= LISTED_MAX)
			return false;
		put_any(journal, "callerd.request.", fact->name, fact->list[i]);
	}
	return true;
}

static bool put_fact(struct journal *journal, const struct record_fact *fact)
{
	switch (fact->kind) {
	case FACT_TEXT:
		put(journal, "callerd.request.", fact->name, fact->text);
		return true;
	case FACT_LIST:
		if (!is_command(fact))
			return put_list(journal, fact);
		put_command(journal, fact);
		return true;
	case FACT_TRUE:
		put_text(journal, "callerd.request.", fact->name, "true");
		return true;
	}
	return true;
}

/* journald drops an entry of more fields than it takes, in silence: nobody is to bring that about. */
static void put_facts(struct journal *journal, const struct record_api *api)
{
	uint64_t cut = 0;

	assert(api->fact_count <= FACTS_MAX);
	for (unsigned int i = 0; i < api->fact_count; i++)
		if (!put_fact(journal, &api->facts[i]) || api->facts[i].cut)
			cut |= 1ull << i;
	for (unsigned int i = 0; i < api->fact_count; i++)
		if (cut >> i & 1)
			put_text(journal, "callerd.request.", "cut", api->facts[i].name);
}

static void put_api(struct journal *journal)
{
	const struct record_api *api = &journal->record->api;

	put_text(journal, "callerd.api.", "engine", api->engine);
	put(journal, "callerd.api.", "version", api->version);
	put_text(journal, "callerd.api.", "operation", api->operation);
	put_target(journal, api);
	put_findings(journal, api);
}

/* --- what: an engine's event ------------------------------------------------------------------ */

static void put_docker_event(struct journal *journal)
{
	static const char group[] = "callerd.docker_event.";
	const struct record_event *event = &journal->record->event;

	put(journal, group, "type", event->type);
	put(journal, group, "action", event->action);
	put(journal, group, "id", event->id);
	put(journal, group, "name", event->name);
	put(journal, group, "image", event->image);
	put(journal, group, "container.id", event->container_id);
	put(journal, group, "container.name", event->container_name);
	put(journal, group, "exec_id", event->exec_id);
	put(journal, group, "command", event->command);
	if (event->has_exit_code) {
		text_add_signed(begin(journal), event->exit_code);
		put_begun(journal, group, "exit_code");
	}
	put(journal, group, "signal", event->signal);
	put(journal, group, "health", event->health);
	if (event->time)
		put_time(journal, group, "time", event->time);
	put_true(journal, group, "recovered", event->recovered);
}

static void put_cause(struct journal *journal)
{
	const struct record_cause *cause = &journal->record->cause;

	put_text(journal, "callerd.cause.", "kind", cause->kind);
	put_text(journal, "callerd.cause.", "basis", cause->basis);
	put_text(journal, "callerd.cause.", "reason", cause->reason);
	put(journal, "callerd.cause.", "event_id", cause->event_id);
	put(journal, "callerd.cause.", "operation", cause->operation);
	for (unsigned int i = 0; i < cause->finding_count; i++) {
		put_text(journal, "callerd.cause.findings.", "id", cause->findings[i].id);
		view_add_finding(begin(journal), &cause->findings[i]);
		put_begun(journal, "callerd.cause.", "findings");
	}
}

/* --- the agent itself ------------------------------------------------------------------------- */

/* A key says whose it is, as journald keeps no order. */
static void put_output(struct journal *journal, const struct record_output *output)
{
	struct text *out = begin(journal);

	put_text(journal, "callerd.outputs.", "name", output->name);
	if (!output->seal_key)
		return;
	text_add_string(out, output->seal_key);
	text_add_char(out, ' ');
	text_add_string(out, output->name);
	put_begun(journal, "callerd.outputs.", "seal_key");
}

static void put_started(struct journal *journal)
{
	const struct record *record = journal->record;
	const char *const *socket = record->sockets;

	put_text(journal, "callerd.capture.", "backend", record->backend);
	put_text(journal, "callerd.capture.", "backend_reason", record->backend_reason);
	for (; socket && *socket; socket++)
		put_text(journal, "callerd.", "sockets", *socket);
	for (unsigned int i = 0; i < record->output_count; i++)
		put_output(journal, &record->outputs[i]);
}

static void put_status(struct journal *journal)
{
	const struct record *record = journal->record;

	for (unsigned int i = 0; i < record->counter_count; i++)
		put_number(journal, "callerd.status.", record->counters[i].name,
			   record->counters[i].value);
}

static void put_account(struct journal *journal)
{
	uint64_t account = journal->record->account;
	const char *type = name_account(account);

	if (!type)
		return;
	put_text(journal, "callerd.account.", "type", type);
	if (CALLERD_ACCOUNT_KIND(account) != CALLERD_ACCOUNT_REST)
		put_number(journal, "callerd.account.", "id", CALLERD_ACCOUNT_ID(account));
	put_text(journal, "callerd.account.", "name", journal->view->account);
}

static void put_refused(struct journal *journal)
{
	const struct record *record = journal->record;

	if (!record->refused_count)
		return;
	put_number(journal, "callerd.refused.", "count", record->refused_count);
	put(journal, "callerd.refused.", "name", record->refused_name);
	put_time(journal, "callerd.refused.", "first",
		 record_time(journal->view->context, record->refused_first));
	put_time(journal, "callerd.refused.", "last",
		 record_time(journal->view->context, record->refused_last));
	put_account(journal);
}

static void put_lost(struct journal *journal)
{
	put_text(journal, "callerd.lost.", "reason", journal->record->lost_reason);
	put_number(journal, "callerd.lost.", "count", journal->record->lost_count);
	put_text(journal, "callerd.lost.", "output", journal->record->lost_output);
	put_account(journal);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void put_server(struct journal *journal)
{
	const struct record_server *server = journal->record->server;

	if (!server)
		return;
	put_number(journal, "callerd.server.", "pid", server->pid);
	put_number(journal, "callerd.server.", "user.id", server->uid);
	put(journal, "callerd.server.", "executable", server->executable);
	put(journal, "callerd.server.", "unit", server->unit);
}

static void put_of_action(struct journal *journal)
{
	switch (journal->record->action) {
	case RECORD_AGENT_STARTED:
		put_started(journal);
		break;
	case RECORD_AGENT_STATUS:
	case RECORD_AGENT_STOPPED:
		put_status(journal);
		break;
	case RECORD_API_STARTED:
	case RECORD_API_REQUEST:
	case RECORD_API_ENDED:
		put_http(journal);
		put_stream(journal);
		put_url(journal);
		break;
	case RECORD_DOCKER_EVENT:
		put_docker_event(journal);
		put_cause(journal);
		break;
	case RECORD_RECORDS_LOST:
		put_lost(journal);
		break;
	case RECORD_SOCKET_CONNECTED:
		put_server(journal);
		break;
	case RECORD_SOCKET_REFUSED:
		put_refused(journal);
		break;
	default:
		break;
	}
}

static void put_record(struct journal *journal)
{
	put_head(journal);
	put_event(journal);
	if (journal->view->caller)
		put_caller(journal);
	put_connector(journal);
	put_candidates(journal);
	put_connection(journal);
	put_of_action(journal);
	put_error(journal);
	put_capture(journal);
	put_api(journal);
	put_facts(journal, &journal->record->api); /* the last: they take the room that is left */
}

int journal_fields_write(const struct record *record, const struct record_context *context,
			 struct text *out)
{
	size_t start = out->size;
	struct view view;
	struct journal journal = {.out = out, .view = &view, .record = record};
	int error = view_init(&view, record, context);

	if (!error) {
		put_record(&journal);
		error = out->error ? out->error : journal.scratch.error;
	}
	if (!error)
		error = journal.masked.error;
	if (error)
		text_cut(out, start);
	text_free(&journal.scratch);
	text_free(&journal.masked);
	view_free(&view);
	return error;
}
