// SPDX-License-Identifier: Apache-2.0
/* The record in the Elastic Common Schema: one object, its fields named as docs/record.md has
 * them. Whatever is not known is left out; json.h drops the objects and arrays that stay empty. */
#include "format/ecs.h"

#include <assert.h>
#include <errno.h>

#include "base/clock.h"
#include "format/api_json.h"
#include "format/cause_json.h"
#include "format/line.h"
#include "record/names.h"
#include "secret/command.h"
#include "secret/mask.h"

/* A literal of this program that needs no escaping. */
#define PLAIN(literal) literal, sizeof(literal) - 1

struct ecs {
	struct json json;
	const struct view *view;
	const struct record *record;
	const struct record_context *context;
	const struct rendered *of_caller, *of_lineage; /* NULL: to be written anew */
	bool without_ancestors;
	struct text masked, scratch; /* of the value being written */
};

static void put_text(struct json *json, const char *key, const char *text)
{
	json_put_string(json, key, bytes_of(text));
}

/* --- event, host, agent
 * --------------------------------------------------------------------------- */

static void put_event_id(struct ecs *ecs)
{
	text_cut(&ecs->scratch, 0);
	view_add_id(&ecs->scratch, ecs->view);
	json_put_string(&ecs->json, "id", text_since(&ecs->scratch, 0));
}

static bool is_method(const struct record *record, const char *method)
{
	return bytes_equal(record->http.method, bytes_of(method));
}

static const char *request_type(const struct record *record)
{
	if (is_method(record, "GET") || is_method(record, "HEAD") || is_method(record, "OPTIONS"))
		return "access";
	if (is_method(record, "DELETE"))
		return "deletion";
	if (is_method(record, "POST") || is_method(record, "PUT") || is_method(record, "PATCH"))
		return "change";
	return "info";
}

static void put_categories(struct ecs *ecs, const char *category)
{
	const struct event_name *event = &ecs->view->event;

	json_open_array(&ecs->json, "category");
	json_put_word(&ecs->json, NULL, category ? category : event->category);
	json_put_word(&ecs->json, NULL, event->second_category);
	json_close(&ecs->json);
}

static void put_event_type(struct ecs *ecs, const char *type)
{
	const struct record *record = ecs->record;
	bool denied = record->action == RECORD_SOCKET_REFUSED &&
		      (record->error == EACCES || record->error == EPERM);

	if (record_is_request(record)) {
		if (record->action == RECORD_API_REQUEST)
			type = request_type(record);
		denied = record->http.status == 401 || record->http.status == 403;
	}
	json_open_array(&ecs->json, "type");
	json_put_word(&ecs->json, NULL, type ? type : ecs->view->event.type);
	if (denied)
		json_put_plain(&ecs->json, NULL, PLAIN("denied"));
	json_close(&ecs->json);
}

static void put_event(struct ecs *ecs)
{
	const struct action_name *name = name_action(ecs->record->action);
	const struct record_http *http = &ecs->record->http;
	struct json *json = &ecs->json;

	json_open_object(json, "event");
	json_put_word(json, "kind", name->kind);
	put_categories(ecs, name->category);
	put_event_type(ecs, name->type);
	json_put_word(json, "action", name->action);
	json_put_word(json, "outcome", ecs->view->outcome);
	put_event_id(ecs);
	json_put_number(json, "sequence", ecs->record->sequence);
	json_put_plain(json, "module", PLAIN("callerd"));
	json_put_plain(json, "dataset", PLAIN("callerd.audit"));
	json_put_number(json, "severity", ecs->view->severity);
	if (record_is_request(ecs->record) && http->has_duration)
		json_put_number(json, "duration", http->duration);
	json_close(json);
}

static void put_message(struct ecs *ecs)
{
	text_cut(&ecs->scratch, 0);
	line_add_message(&ecs->scratch, ecs->view);
	json_put_string(&ecs->json, "message", text_since(&ecs->scratch, 0));
}

static void put_host_and_agent(struct ecs *ecs)
{
	const struct record_context *context = ecs->context;
	struct json *json = &ecs->json;

	json_open_object(json, "host");
	put_text(json, "name", context->host_name);
	json_open_object(json, "boot");
	put_text(json, "id", context->boot_id);
	json_close(json);
	json_close(json);
	json_open_object(json, "agent");
	json_put_plain(json, "type", PLAIN("callerd"));
	put_text(json, "version", context->agent_version);
	put_text(json, "ephemeral_id", context->run_id);
	json_close(json);
}

/* --- processes
 * ------------------------------------------------------------------------------------ */

static void put_entity_id(struct ecs *ecs, const struct caller *caller,
			  const struct process *process)
{
	text_cut(&ecs->scratch, 0);
	view_add_entity_id(&ecs->scratch, ecs->view, caller, process);
	json_put_string(&ecs->json, "entity_id", text_since(&ecs->scratch, 0));
}

static void put_user(struct ecs *ecs, const char *key, uint32_t uid, const char *name)
{
	struct json *json = &ecs->json;

	json_open_object(json, key);
	json_put_id(json, "id", uid);
	put_text(json, "name", name);
	json_close(json);
}

/* Valid until those of another process are asked for. */
static struct bytes args_of(struct ecs *ecs, const struct process *process)
{
	return view_args(ecs->view, process, &ecs->masked);
}

static void put_command_line(struct ecs *ecs, struct bytes args)
{
	text_cut(&ecs->scratch, 0);
	command_add(&ecs->scratch, args);
	json_put_string(&ecs->json, "command_line", text_since(&ecs->scratch, 0));
}

static void put_args(struct ecs *ecs, struct bytes args, bool truncated)
{
	struct json *json = &ecs->json;
	struct bytes rest = args, argument;
	uint64_t count = 0;

	json_open_array(json, "args");
	for (; command_next(&rest, &argument); count++)
		json_put_element(json, argument);
	json_close(json);
	if (args.data && !truncated)
		json_put_number(json, "args_count", count);
	put_command_line(ecs, args);
}

/* What is known of any process, CALLER's own or that of an ancestor: members of an open object. */
static void put_process_identity(struct ecs *ecs, const struct caller *caller,
				 const struct process *process)
{
	struct json *json = &ecs->json;

	if (process->pid)
		json_put_number(json, "pid", process->pid);
	put_entity_id(ecs, caller, process);
	json_put_string(json, "name", process->name);
	json_put_string(json, "executable", process->executable);
	if (process->start)
		json_put_time(json, "start",
			      clock_real(view_boot_to_real(ecs->view, caller), process->start));
}

static void put_parent(struct ecs *ecs, const struct caller *caller)
{
	const struct process *parent = caller->ancestors;
	struct json *json = &ecs->json;

	if (!ecs->view->described || !caller->ancestor_count)
		return;
	json_open_object(json, "parent");
	put_process_identity(ecs, caller, parent);
	put_args(ecs, args_of(ecs, parent), parent->args_truncated);
	if (parent->pid)
		put_user(ecs, "user", parent->euid, NULL);
	json_close(json);
}

/* What stays the same of the caller's process, but for its parent. */
static void put_process(struct ecs *ecs, const struct caller *caller)
{
	const struct view *view = ecs->view;

	put_process_identity(ecs, caller, &caller->process);
	if (!view->described)
		return;
	put_args(ecs, view->args, caller->process.args_truncated);
	json_put_string(&ecs->json, "working_directory", caller->working_directory);
	if (caller->uid != caller->process.euid)
		put_user(ecs, "real_user", caller->uid, view->real_user);
}

/* Of a connect; a sender's threads are not told apart. */
static void put_thread(struct ecs *ecs, const struct caller *caller)
{
	const struct record *record = ecs->record;
	struct json *json = &ecs->json;

	if (!ecs->view->described || !caller->tid || record_is_request(record) ||
	    record->action == RECORD_DOCKER_EVENT)
		return;
	json_open_object(json, "thread");
	json_put_number(json, "id", caller->tid);
	json_close(json);
}

static void put_caller_user(struct ecs *ecs, const struct caller *caller)
{
	const struct view *view = ecs->view;
	struct json *json = &ecs->json;

	json_open_object(json, "user");
	json_put_id(json, "id", caller->process.euid);
	put_text(json, "name", view->user);
	json_open_object(json, "group");
	json_put_id(json, "id", caller->egid);
	json_close(json);
	if (view->described && caller->login_uid != CALLERD_UNSET_ID)
		put_user(ecs, "audit", caller->login_uid, view->login_user);
	json_close(json);
}

/* Its name may become known while the caller lives. */
static void put_container(struct ecs *ecs)
{
	struct json *json = &ecs->json;

	json_open_object(json, "container");
	json_put_string(json, "id", ecs->view->container_id);
	json_put_string(json, "name", ecs->record->container_name);
	json_open_object(json, "image");
	json_put_string(json, "name", ecs->record->container_image);
	json_close(json);
	json_close(json);
}

/* --- the request
 * ---------------------------------------------------------------------------------- */

static void put_http_request(struct ecs *ecs)
{
	const struct record_stream *stream = &ecs->record->stream;
	const struct record_http *http = &ecs->record->http;
	struct json *json = &ecs->json;

	json_open_object(json, "request");
	text_cut(&ecs->scratch, 0);
	view_add_request_id(&ecs->scratch, ecs->view);
	json_put_string(json, "id", text_since(&ecs->scratch, 0));
	if (stream->has_request_bytes)
		json_put_number(json, "bytes", stream->request_bytes);
	json_put_string(json, "method", http->method);
	json_put_string(json, "mime_type", http->mime_type);
	if (http->has_request_bytes) {
		json_open_object(json, "body");
		json_put_number(json, "bytes", http->request_bytes);
		json_close(json);
	}
	json_close(json);
}

static void put_http_response(struct ecs *ecs)
{
	const struct record_stream *stream = &ecs->record->stream;
	const struct record_http *http = &ecs->record->http;
	struct json *json = &ecs->json;

	json_open_object(json, "response");
	if (stream->has_response_bytes)
		json_put_number(json, "bytes", stream->response_bytes);
	if (http->status > 0)
		json_put_number(json, "status_code", (uint64_t)http->status);
	if (http->has_response_bytes) {
		json_open_object(json, "body");
		json_put_number(json, "bytes", http->response_bytes);
		json_close(json);
	}
	json_close(json);
}

static void put_http(struct ecs *ecs)
{
	const struct record_http *http = &ecs->record->http;
	struct json *json = &ecs->json;

	json_open_object(json, "http");
	if (http->version_minor >= 0 && http->version_minor <= 9) {
		char version[] = {'1', '.', (char)('0' + http->version_minor)};

		json_put_plain(json, "version", version, sizeof(version));
	}
	put_http_request(ecs);
	put_http_response(ecs);
	json_close(json);
}

static void put_url(struct ecs *ecs)
{
	const struct url *url = &ecs->view->url;
	struct json *json = &ecs->json;

	json_open_object(json, "url");
	json_put_string(json, "original", url->original);
	text_cut(&ecs->scratch, 0);
	if (url->original.size)
		url_clean_path(&ecs->scratch, url->path);
	json_put_string(json, "path", text_since(&ecs->scratch, 0));
	json_put_string(json, "query", url->query);
	json_close(json);
}

static void put_request(struct ecs *ecs)
{
	put_http(ecs);
	put_url(ecs);
	json_open_object(&ecs->json, "user_agent");
	json_put_string(&ecs->json, "original", ecs->record->http.user_agent);
	json_close(&ecs->json);
	api_put_threat(&ecs->json, &ecs->record->api);
}

static void put_error(struct ecs *ecs)
{
	const struct record *record = ecs->record;
	struct json *json = &ecs->json;

	json_open_object(json, "error");
	if (record->action == RECORD_SOCKET_REFUSED && record->error > 0) {
		text_cut(&ecs->scratch, 0);
		view_add_error(&ecs->scratch, record->error);
		json_put_string(json, "code", text_since(&ecs->scratch, 0));
		put_text(json, "message", strerrordesc_np(record->error));
	} else if (record_is_request(record)) {
		put_text(json, "message", record->http.parse_error);
	}
	json_close(json);
}

/* --- callerd.*
 * ------------------------------------------------------------------------------------ */

static void put_capabilities(struct json *json, uint64_t capabilities)
{
	json_open_array(json, "capabilities");
	for (unsigned int bit = 0; bit < 64; bit++) {
		const char *name = name_capability(bit);
		char unknown[] = {
			'C', 'A', 'P', '_', (char)('0' + bit / 10), (char)('0' + bit % 10)};

		if (!(capabilities >> bit & 1))
			continue;
		if (name)
			json_put_word(json, NULL, name);
		else
			json_put_plain(json, NULL, unknown, sizeof(unknown));
	}
	json_close(json);
}

/* What the caller may do there says nothing of the host. */
static void put_user_namespace(struct json *json, const struct caller *caller)
{
	json_open_object(json, "user_namespace");
	json_put_number(json, "id", caller->user_ns);
	json_put_id(json, "owner", caller->user_ns_owner);
	put_capabilities(json, caller->capabilities);
	json_close(json);
}

static void put_caller_details(struct ecs *ecs, const struct caller *caller)
{
	struct json *json = &ecs->json;

	json_put_plain(json, "basis", PLAIN("kernel"));
	if (caller->session != CALLERD_UNSET_ID)
		json_put_number(json, "session", caller->session);
	put_text(json, "tty", caller->tty);
	json_put_string(json, "cgroup", caller->cgroup);
	if (caller->cgroup_claimed)
		json_put_id(json, "cgroup_owner", caller->cgroup_owner);
	json_put_string(json, "container_claimed", caller_claimed_container_id(caller));
	json_put_string(json, "unit", caller_unit(caller));
	json_put_string(json, "label", caller->label);
	if (caller_in_mount_namespace(caller, ecs->context->mnt_ns))
		json_put_number(json, "mount_namespace", caller->mnt_ns);
	if (caller_in_user_namespace(caller))
		put_user_namespace(json, caller);
	else
		put_capabilities(json, caller->capabilities);
	put_text(json, "access", ecs->view->access);
	if (!bytes_equal(caller->root, bytes_of("/")))
		json_put_string(json, "root", caller->root);
	if (caller->process.args_truncated)
		json_put_bool(json, "args_truncated", true);
	if (caller->process.executable_deleted)
		json_put_bool(json, "executable_deleted", true);
	if (caller->process.executable_exchanged)
		json_put_string(json, "executable_claimed", caller->executable_claimed);
}

static void put_caller(struct ecs *ecs, const struct caller *caller)
{
	json_open_object(&ecs->json, "caller");
	if (ecs->view->described)
		put_caller_details(ecs, caller);
	else
		json_put_plain(&ecs->json, "basis", PLAIN("peer"));
	json_put_string(&ecs->json, "boot", caller->boot_id);
	json_close(&ecs->json);
}

/* The members that a process has in callerd.ancestors and callerd.connector. */
static void put_other_process(struct ecs *ecs, const struct caller *caller,
			      const struct process *process, const char *user)
{
	put_process_identity(ecs, caller, process);
	put_command_line(ecs, args_of(ecs, process));
	put_user(ecs, "user", process->euid, user);
}

static void put_ancestors(struct ecs *ecs, const struct caller *caller)
{
	struct json *json = &ecs->json;

	json_open_array(json, "ancestors");
	for (unsigned int i = 0; ecs->view->described && i < caller->ancestor_count; i++) {
		if (!caller->ancestors[i].pid)
			continue;
		json_open_object(json, NULL);
		put_other_process(ecs, caller, &caller->ancestors[i], NULL);
		json_close(json);
	}
	json_close(json);
}

static void put_connector(struct ecs *ecs)
{
	const struct caller *connector = ecs->record->connector;
	char user[VIEW_NAME_SIZE];

	if (!connector || connector == ecs->view->caller)
		return;
	view_user_name(ecs->context, connector->process.euid, user);
	json_open_object(&ecs->json, "connector");
	put_other_process(ecs, connector, &connector->process, user);
	json_close(&ecs->json);
}

/* Those of whom one, or each a part, sent the request. */
static void put_candidates(struct ecs *ecs)
{
	const struct record *record = ecs->record;
	char name[VIEW_NAME_SIZE];

	json_open_array(&ecs->json, "candidates");
	for (unsigned int i = 0; i < record->candidate_count; i++) {
		const struct caller *caller = record->candidates[i];

		json_open_object(&ecs->json, NULL);
		view_user_name(ecs->context, caller->process.euid, name);
		put_other_process(ecs, caller, &caller->process, name);
		if (caller->login_uid != CALLERD_UNSET_ID) {
			view_user_name(ecs->context, caller->login_uid, name);
			put_user(ecs, "audit", caller->login_uid, name);
		}
		json_close(&ecs->json);
	}
	json_close(&ecs->json);
	if (record->candidates_cut)
		json_put_bool(&ecs->json, "candidates_truncated", true);
}

static void put_server(struct ecs *ecs)
{
	const struct record_server *server = ecs->record->server;
	struct json *json = &ecs->json;

	if (!server)
		return;
	json_open_object(json, "server");
	json_put_number(json, "pid", server->pid);
	put_user(ecs, "user", server->uid, NULL);
	json_put_string(json, "executable", server->executable);
	json_put_string(json, "unit", server->unit);
	json_close(json);
}

static void put_connection(struct ecs *ecs)
{
	const struct record_connection *connection = &ecs->record->connection;
	struct json *json = &ecs->json;

	json_open_object(json, "connection");
	if (connection->id)
		json_put_id(json, "id", connection->id);
	json_put_string(json, "socket", connection->socket);
	json_put_string(json, "address", ecs->record->address);
	if (connection->preexisting)
		json_put_bool(json, "preexisting", true);
	if (connection->request)
		json_put_number(json, "request", connection->request);
	json_close(json);
}

static void put_bit_names(struct json *json, unsigned int bits,
			  const char *(*name)(unsigned int bit))
{
	for (unsigned int bit = 0; bits; bit++, bits >>= 1) {
		if (!(bits & 1))
			continue;
		if (name(bit))
			json_put_word(json, NULL, name(bit));
		else
			json_put_id(json, NULL, bit);
	}
}

static void put_capture(struct ecs *ecs)
{
	const struct view *view = ecs->view;
	const struct record *record = ecs->record;
	struct json *json = &ecs->json;
	bool request = record_is_request(record);
	bool complete = !view->incomplete && !view->target_truncated;

	json_open_object(json, "capture");
	if (request || !complete)
		json_put_bool(json, "complete", complete);
	json_open_array(json, "reason");
	put_bit_names(json, view->incomplete, name_incomplete);
	if (view->target_truncated)
		json_put_plain(json, NULL, PLAIN("target-truncated"));
	json_close(json);
	if (view_described_before(view))
		json_put_time(json, "caller_described",
			      clock_real(ecs->context->boot_to_real, record->described));
	json_open_array(json, "anomalies");
	if (request)
		put_bit_names(json, record->http.anomalies, name_anomaly);
	json_close(json);
	if (record->action == RECORD_AGENT_STARTED) {
		put_text(json, "backend", record->backend);
		put_text(json, "backend_reason", record->backend_reason);
	}
	json_close(json);
}

/* Whom the record is about, where there is no caller. */
static void put_account(struct ecs *ecs)
{
	uint64_t account = ecs->record->account;
	const char *type = name_account(account);
	struct json *json = &ecs->json;

	if (!type)
		return;
	json_open_object(json, "account");
	json_put_word(json, "type", type);
	if (CALLERD_ACCOUNT_KIND(account) != CALLERD_ACCOUNT_REST)
		json_put_id(json, "id", CALLERD_ACCOUNT_ID(account));
	put_text(json, "name", ecs->view->account);
	json_close(json);
}

static void put_refused(struct ecs *ecs)
{
	const struct record *record = ecs->record;
	struct json *json = &ecs->json;

	if (!record->refused_count)
		return;
	json_open_object(json, "refused");
	json_put_number(json, "count", record->refused_count);
	json_put_string(json, "name", record->refused_name);
	json_put_time(json, "first", record_time(ecs->context, record->refused_first));
	json_put_time(json, "last", record_time(ecs->context, record->refused_last));
	json_close(json);
}

static void put_stream(struct ecs *ecs)
{
	json_open_object(&ecs->json, "stream");
	put_text(&ecs->json, "end_reason", ecs->record->stream.end_reason);
	json_close(&ecs->json);
}

static void put_lost(struct ecs *ecs)
{
	json_open_object(&ecs->json, "lost");
	put_text(&ecs->json, "reason", ecs->record->lost_reason);
	json_put_number(&ecs->json, "count", ecs->record->lost_count);
	put_text(&ecs->json, "output", ecs->record->lost_output);
	json_close(&ecs->json);
}

static void put_status(struct ecs *ecs)
{
	json_open_object(&ecs->json, "status");
	for (unsigned int i = 0; i < ecs->record->counter_count; i++)
		json_put_number(&ecs->json, ecs->record->counters[i].name,
				ecs->record->counters[i].value);
	json_close(&ecs->json);
}

static void put_sockets(struct ecs *ecs)
{
	const char *const *socket = ecs->record->sockets;

	json_open_array(&ecs->json, "sockets");
	for (; socket && *socket; socket++)
		put_text(&ecs->json, NULL, *socket);
	json_close(&ecs->json);
}

static void put_outputs(struct ecs *ecs)
{
	json_open_array(&ecs->json, "outputs");
	for (unsigned int i = 0; i < ecs->record->output_count; i++) {
		json_open_object(&ecs->json, NULL);
		put_text(&ecs->json, "name", ecs->record->outputs[i].name);
		put_text(&ecs->json, "seal_key", ecs->record->outputs[i].seal_key);
		json_close(&ecs->json);
	}
	json_close(&ecs->json);
}

/* --- what is rendered once
 * ------------------------------------------------------------------------ */

typedef void put_function(struct ecs *ecs, const struct caller *caller);

enum { PART_PROCESS, PART_USER, PART_CALLER, CALLER_PARTS };
enum { PART_PARENT, PART_ANCESTORS, LINEAGE_PARTS };
static_assert(CALLER_PARTS <= RENDERED_PARTS && LINEAGE_PARTS <= RENDERED_PARTS, "all are kept");

static put_function *const put_caller_part[CALLER_PARTS] = {
	[PART_PROCESS] = put_process,
	[PART_USER] = put_caller_user,
	[PART_CALLER] = put_caller,
};
static put_function *const put_lineage_part[LINEAGE_PARTS] = {
	[PART_PARENT] = put_parent,
	[PART_ANCESTORS] = put_ancestors,
};

/* Writes the parts behind the record, the members of an object each, and takes them off again. */
static void render(struct ecs *ecs, const struct caller *caller, put_function *const put[],
		   unsigned int count, struct rendered *rendered)
{
	struct rendered made = {
		.clock = view_boot_to_real(ecs->view, caller),
		.names = ecs->context->names,
	};
	struct text *out = ecs->json.out;
	size_t start = out->size;

	for (unsigned int i = 0; i < count; i++) {
		json_open_object(&ecs->json, "part");
		made.parts[i].at = out->size - start;
		put[i](ecs, caller);
		made.parts[i].size = out->size - start - made.parts[i].at;
		ecs->json.depth--;
	}
	if (!out->error && !ecs->masked.error && !ecs->scratch.error)
		caller_rendered_keep(rendered, &made, text_since(out, start));
	text_cut(out, start);
}

/* What was rendered of SHARED before, or is now; NULL: nothing can be kept. */
static const struct rendered *rendered_once(struct ecs *ecs, const struct caller *caller,
					    const struct shared *shared, put_function *const put[],
					    unsigned int count)
{
	struct rendered *rendered = shared->rendered;

	if (!rendered)
		return NULL;
	/* The times in it are of another clock where that was set meanwhile. */
	if (!rendered->text || rendered->clock != view_boot_to_real(ecs->view, caller) ||
	    rendered->names != ecs->context->names)
		render(ecs, caller, put, count, rendered);
	return rendered->text ? rendered : NULL;
}

static void put_part(struct ecs *ecs, const struct caller *caller, const struct rendered *rendered,
		     put_function *const put[], unsigned int part)
{
	if (rendered)
		json_put_members(&ecs->json, rendered->text + rendered->parts[part].at,
				 rendered->parts[part].size);
	else
		put[part](ecs, caller);
}

/* Of a refused connect there is less to say, and its caller will not be met again. */
static void find_rendered(struct ecs *ecs, const struct caller *caller)
{
	if (ecs->record->action != RECORD_SOCKET_REFUSED)
		ecs->of_caller =
			rendered_once(ecs, caller, &caller->shared, put_caller_part, CALLER_PARTS);
	/* Callers of several boots may share a lineage: only this boot's is kept. */
	if (caller->lineage && !caller->boot_id.size)
		ecs->of_lineage = rendered_once(ecs, caller, &caller->lineage->shared,
						put_lineage_part, LINEAGE_PARTS);
}

/* The members that describe the caller, at the top and within callerd. */
static void put_caller_members(struct ecs *ecs, const struct caller *caller)
{
	json_open_object(&ecs->json, "process");
	put_part(ecs, caller, ecs->of_caller, put_caller_part, PART_PROCESS);
	put_thread(ecs, caller);
	put_part(ecs, caller, ecs->of_lineage, put_lineage_part, PART_PARENT);
	json_close(&ecs->json);
	put_part(ecs, caller, ecs->of_caller, put_caller_part, PART_USER);
	put_container(ecs);
}

static void put_callerd_members(struct ecs *ecs, const struct caller *caller)
{
	put_part(ecs, caller, ecs->of_caller, put_caller_part, PART_CALLER);
	if (!ecs->without_ancestors)
		put_part(ecs, caller, ecs->of_lineage, put_lineage_part, PART_ANCESTORS);
}

static void put_callerd(struct ecs *ecs)
{
	const struct record *record = ecs->record;
	const struct caller *caller = ecs->view->caller;

	json_open_object(&ecs->json, "callerd");
	if (caller)
		put_callerd_members(ecs, caller);
	put_connector(ecs);
	put_candidates(ecs);
	put_connection(ecs);
	put_server(ecs);
	api_put(&ecs->json, &record->api);
	put_stream(ecs);
	put_capture(ecs);
	put_account(ecs);
	put_refused(ecs);
	if (record->action == RECORD_DOCKER_EVENT)
		cause_put(&ecs->json, record);
	if (record->action == RECORD_RECORDS_LOST)
		put_lost(ecs);
	if (record->action == RECORD_AGENT_STATUS || record->action == RECORD_AGENT_STOPPED)
		put_status(ecs);
	if (record->action == RECORD_AGENT_STARTED) {
		put_sockets(ecs);
		put_outputs(ecs);
	}
	json_close(&ecs->json);
}

void ecs_put_callerd(struct json *json, const struct view *view)
{
	struct ecs ecs = {
		.json = *json,
		.view = view,
		.record = view->record,
		.context = view->context,
		.without_ancestors = true,
	};

	put_callerd(&ecs);
	if (ecs.masked.error || ecs.scratch.error)
		json->out->error = ecs.masked.error ? ecs.masked.error : ecs.scratch.error;
	text_free(&ecs.masked);
	text_free(&ecs.scratch);
}

/* --- the whole
 * ------------------------------------------------------------------------------------ */

static void put_record(struct ecs *ecs)
{
	const struct caller *caller = ecs->view->caller;
	struct json *json = &ecs->json;

	json_open_object(json, NULL);
	json_put_time(json, "@timestamp", record_time(ecs->context, ecs->record->time));
	json_open_object(json, "ecs");
	json_put_plain(json, "version", PLAIN(ECS_VERSION));
	json_close(json);
	put_message(ecs);
	put_event(ecs);
	put_host_and_agent(ecs);
	if (caller) {
		find_rendered(ecs, caller);
		put_caller_members(ecs, caller);
	}
	if (record_is_request(ecs->record))
		put_request(ecs);
	put_error(ecs);
	put_callerd(ecs); /* the last: the chain's mark goes before its end */
	json_close(json);
	text_add_char(json->out, '\n');
}

int ecs_write(const struct record *record, const struct record_context *context, struct text *out)
{
	size_t start = out->size;
	struct view view;
	struct ecs ecs = {
		.json.out = out,
		.view = &view,
		.record = record,
		.context = context,
	};
	int error = view_init(&view, record, context);

	if (!error) {
		put_record(&ecs);
		error = out->error;
	}
	if (!error)
		error = ecs.masked.error ? ecs.masked.error : ecs.scratch.error;
	if (error)
		text_cut(out, start);
	text_free(&ecs.masked);
	text_free(&ecs.scratch);
	view_free(&view);
	return error;
}
