// SPDX-License-Identifier: Apache-2.0
/*
 * The record in the Open Cybersecurity Schema Framework, 1.8.0: one event, of one of these classes.
 *
 *	api-request		API Activity
 *	socket-connected	Network Activity, Open
 *	socket-refused		Network Activity, Refuse; or Fail, where nobody refused it
 *	docker-event		Application Lifecycle of a container, plugin or service: it is an
 *				application that is installed, started, stopped. Not Process Activity, which
 *				requires the pid of the process, and that the engine does not say.
 *				Entity Management of all else that the engine manages.
 *	agent-*			Application Lifecycle of callerd
 *	records-lost		Application Error
 *
 * What is required and not known is Unknown, as the schema has it; what else is not known is absent. What has
 * no place in the class is in `unmapped`, by its names in ECS.
 */
#include "format/ocsf.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "format/ecs.h"
#include "format/line.h"
#include "secret/command.h"

#define UNKNOWN "unknown" /* where a name is required */
#define ACTIVITY_OTHER 99

enum class_uid {
	CLASS_ENTITY_MANAGEMENT = 3004,
	CLASS_NETWORK = 4001,
	CLASS_LIFECYCLE = 6002,
	CLASS_API = 6003,
	CLASS_ERROR = 6008,
};

struct activity {
	unsigned int id;
	struct bytes name;
};

struct ocsf {
	struct json json;
	const struct view *view;
	const struct record *record;
	const struct record_context *context;
	enum class_uid class;
	struct text masked, scratch; /* of the value being written */
	struct fields fields;
};

/* Starts a value that is put together. */
static struct text *begin(struct ocsf *ocsf)
{
	text_cut(&ocsf->scratch, 0);
	return &ocsf->scratch;
}

static void put_begun(struct ocsf *ocsf, const char *key)
{
	json_put_string(&ocsf->json, key, text_since(&ocsf->scratch, 0));
}

static void put_text(struct ocsf *ocsf, const char *key, const char *text)
{
	json_put_string(&ocsf->json, key, bytes_of(text));
}

/* --- what it is ------------------------------------------------------------------------------- */

static enum class_uid class_of(const struct record *record)
{
	switch (record->action) {
	case RECORD_API_STARTED:
	case RECORD_API_REQUEST:
	case RECORD_API_ENDED:
		return CLASS_API;
	case RECORD_SOCKET_CONNECTED:
	case RECORD_SOCKET_REFUSED:
		return CLASS_NETWORK;
	case RECORD_RECORDS_LOST:
		return CLASS_ERROR;
	case RECORD_DOCKER_EVENT:
		switch (engine_type_by_name(record->event.type)) {
		case ENGINE_CONTAINER: /* a program that runs, or can */
		case ENGINE_PLUGIN:
		case ENGINE_SERVICE:
			return CLASS_LIFECYCLE;
		default:
			return CLASS_ENTITY_MANAGEMENT;
		}
	default:
		return CLASS_LIFECYCLE;
	}
}

static struct activity activity(unsigned int id, const char *name)
{
	return (struct activity){id, bytes_of(name)};
}

static struct activity other(struct bytes name)
{
	return (struct activity){ACTIVITY_OTHER, name.size ? name : bytes_of(UNKNOWN)};
}

static struct activity activity_of_request(const struct record *record)
{
	static const struct {
		const char *method, *name;
		unsigned int id;
	} methods[] = {
		{"GET", "Read", 2},   {"HEAD", "Read", 2},    {"OPTIONS", "Read", 2},
		{"PUT", "Update", 3}, {"PATCH", "Update", 3}, {"DELETE", "Delete", 4},
	};
	/* A POST may be anything: its operation tells. */
	static const struct {
		const char *name;
		unsigned int id;
	} posts[] = {
		[ACTIVITY_UPDATE] = {"Update", 3},
		[ACTIVITY_CREATE] = {"Create", 1},
		[ACTIVITY_DELETE] = {"Delete", 4},
	};
	struct bytes method = record->http.method;

	if (!method.size)
		return activity(0, "Unknown");
	if (bytes_equal(method, bytes_of("POST")))
		return activity(posts[record->api.activity].id, posts[record->api.activity].name);
	for (size_t i = 0; i < COUNT(methods); i++)
		if (bytes_equal(method, bytes_of(methods[i].method)))
			return activity(methods[i].id, methods[i].name);
	return other(method);
}

/* EAGAIN and the like: nobody refused, but it failed. */
static struct activity activity_of_refused(int error)
{
	if (error == EACCES || error == EPERM || error == ECONNREFUSED)
		return activity(5, "Refuse");
	return activity(4, "Fail");
}

/* Of an application, by the engine's word for it. An exec, a pause, a signal is none of these. */
static struct activity activity_of_life(const struct view *view)
{
	switch (view->event.action) {
	case ACTION_CREATE:
	case ACTION_PULL:
		return activity(1, "Install");
	case ACTION_DESTROY:
	case ACTION_REMOVE:
		return activity(2, "Remove");
	case ACTION_START:
		return activity(3, "Start");
	case ACTION_DIE:
	case ACTION_STOP:
		return activity(4, "Stop");
	case ACTION_RESTART:
		return activity(5, "Restart");
	case ACTION_ENABLE:
		return activity(6, "Enable");
	case ACTION_DISABLE:
		return activity(7, "Disable");
	case ACTION_UPDATE:
	case ACTION_RENAME:
		return activity(8, "Update");
	default:
		return other(view->record->event.action);
	}
}

/* Of any other thing, by what ECS says of it. */
static struct activity activity_of_entity(const struct view *view)
{
	static const struct {
		const char *type, *name;
		unsigned int id;
	} types[] = {
		{"creation", "Create", 1},
		{"access", "Read", 2},
		{"change", "Update", 3},
		{"deletion", "Delete", 4},
	};

	for (size_t i = 0; i < COUNT(types); i++)
		if (!strcmp(view->event.type, types[i].type))
			return activity(types[i].id, types[i].name);
	return other(view->record->event.action);
}

static struct activity activity_of(const struct ocsf *ocsf)
{
	const struct record *record = ocsf->record;

	switch (record->action) {
	case RECORD_API_STARTED:
	case RECORD_API_REQUEST:
	case RECORD_API_ENDED:
		return activity_of_request(record);
	case RECORD_SOCKET_CONNECTED:
		return activity(1, "Open");
	case RECORD_SOCKET_REFUSED:
		return activity_of_refused(record->error);
	case RECORD_DOCKER_EVENT:
		if (ocsf->class == CLASS_LIFECYCLE)
			return activity_of_life(ocsf->view);
		return activity_of_entity(ocsf->view);
	case RECORD_AGENT_STARTED:
		return activity(3, "Start");
	case RECORD_AGENT_STOPPED:
		return activity(4, "Stop");
	case RECORD_RECORDS_LOST:
		return activity(1, "General Error");
	default:
		return other(bytes_of("Status"));
	}
}

/* --- classification --------------------------------------------------------------------------- */

static void put_class(struct ocsf *ocsf)
{
	static const struct {
		enum class_uid class;
		const char *name, *category;
	} classes[] = {
		{CLASS_ENTITY_MANAGEMENT, "Entity Management", "Identity & Access Management"},
		{CLASS_NETWORK, "Network Activity", "Network Activity"},
		{CLASS_LIFECYCLE, "Application Lifecycle", "Application Activity"},
		{CLASS_API, "API Activity", "Application Activity"},
		{CLASS_ERROR, "Application Error", "Application Activity"},
	};
	struct activity activity = activity_of(ocsf);
	struct json *json = &ocsf->json;
	size_t i = 0;

	while (classes[i].class != ocsf->class)
		i++;
	json_put_number(json, "category_uid", ocsf->class / 1000);
	json_put_word(json, "category_name", classes[i].category);
	json_put_number(json, "class_uid", ocsf->class);
	json_put_word(json, "class_name", classes[i].name);
	json_put_number(json, "activity_id", activity.id);
	json_put_string(json, "activity_name", activity.name);
	json_put_number(json, "type_uid", ocsf->class * 100u + activity.id);
}

static void put_severity(struct ocsf *ocsf)
{
	static const char *const names[] = {
		"Informational", "Informational", "Low", "Medium", "High", "Critical",
	};
	unsigned int step = ocsf->view->severity / 20;

	json_put_number(&ocsf->json, "severity_id", step ? step : 1);
	json_put_word(&ocsf->json, "severity", names[step]);
}

static void put_outcome(struct ocsf *ocsf)
{
	const char *outcome = ocsf->view->outcome;
	struct json *json = &ocsf->json;
	bool success = outcome && !strcmp(outcome, "success");
	bool failure = outcome && !strcmp(outcome, "failure");

	if (!outcome)
		return;
	json_put_number(json, "status_id", success ? 1 : failure ? 2 : 0);
	json_put_word(json, "status", success ? "Success" : failure ? "Failure" : "Unknown");
}

/* The code of the outcome, and what it means. */
static void put_status(struct ocsf *ocsf)
{
	const struct record *record = ocsf->record;
	struct json *json = &ocsf->json;

	put_outcome(ocsf);
	if (record_is_request(record)) {
		if (record->http.status > 0)
			json_put_id(json, "status_code", (uint64_t)record->http.status);
		put_text(ocsf, "status_detail", record->http.parse_error);
	} else if (record->action == RECORD_SOCKET_REFUSED && record->error > 0) {
		view_add_error(begin(ocsf), record->error);
		put_begun(ocsf, "status_code");
		put_text(ocsf, "status_detail", strerrordesc_np(record->error));
	} else if (record->action == RECORD_DOCKER_EVENT && record->event.has_exit_code) {
		text_add_signed(begin(ocsf), record->event.exit_code);
		put_begun(ocsf, "status_code");
	} else if (record->action == RECORD_RECORDS_LOST) {
		put_text(ocsf, "status_code", record->lost_reason);
	}
}

/* --- metadata --------------------------------------------------------------------------------- */

/* What the kernel's access control said no to. */
static bool is_denied(const struct record *record)
{
	return record->action == RECORD_SOCKET_REFUSED &&
	       (record->error == EACCES || record->error == EPERM);
}

static bool has_attacks(const struct record *record)
{
	return record_is_request(record) && record->api.technique_count;
}

static void put_profiles(struct ocsf *ocsf)
{
	struct json *json = &ocsf->json;

	json_open_array(json, "profiles");
	json_put_word(json, NULL, "host");
	if (ocsf->view->container_id.size)
		json_put_word(json, NULL, "container");
	if (is_denied(ocsf->record) || has_attacks(ocsf->record))
		json_put_word(json, NULL, "security_control");
	if (ocsf->view->caller)
		json_put_word(json, NULL, "linux/linux_users");
	json_close(json);
}

static void put_product(struct ocsf *ocsf, const char *key)
{
	struct json *json = &ocsf->json;

	json_open_object(json, key);
	json_put_word(json, "name", "callerd");
	json_put_word(json, "vendor_name", "callerd");
	put_text(ocsf, "version", ocsf->context->agent_version);
	json_close(json);
}

/* All records of a request, and of what happened because of it, have the request's id in common. */
static void put_correlation(struct ocsf *ocsf)
{
	const struct record *record = ocsf->record;

	if (record->action == RECORD_DOCKER_EVENT) {
		json_put_string(&ocsf->json, "correlation_uid", record->cause.event_id);
		return;
	}
	view_add_request_id(begin(ocsf), ocsf->view);
	put_begun(ocsf, "correlation_uid");
}

static void put_metadata(struct ocsf *ocsf)
{
	struct json *json = &ocsf->json;

	json_open_object(json, "metadata");
	json_put_word(json, "version", OCSF_VERSION);
	put_profiles(ocsf);
	if (ocsf->view->caller) {
		json_open_array(json, "extensions");
		json_open_object(json, NULL);
		json_put_word(json, "name", "linux");
		json_put_word(json, "uid", "1");
		json_put_word(json, "version", OCSF_VERSION);
		json_close(json);
		json_close(json);
	}
	put_product(ocsf, "product");
	view_add_id(begin(ocsf), ocsf->view);
	put_begun(ocsf, "uid");
	put_correlation(ocsf);
	json_put_number(json, "sequence", ocsf->record->sequence);
	json_put_word(json, "event_code", name_action(ocsf->record->action)->action);
	json_put_word(json, "log_name", "callerd.audit");
	json_close(json);
}

/* Everything is on this host, whose name may not be known: then it is that of any host to itself. */
static void put_host(struct ocsf *ocsf)
{
	if (ocsf->context->host_name && *ocsf->context->host_name)
		put_text(ocsf, "hostname", ocsf->context->host_name);
	else
		json_put_word(&ocsf->json, "name", "localhost");
}

static void put_device(struct ocsf *ocsf)
{
	struct json *json = &ocsf->json;

	json_open_object(json, "device");
	json_put_number(json, "type_id", 0);
	json_put_word(json, "type", "Unknown");
	put_host(ocsf);
	put_text(ocsf, "boot_uid", ocsf->context->boot_id);
	json_open_object(json, "os");
	json_put_word(json, "name", "Linux");
	json_put_number(json, "type_id", 200);
	json_close(json);
	json_close(json);
}

/* --- the caller ------------------------------------------------------------------------------- */

static void put_user(struct ocsf *ocsf, uint32_t uid, const char *name)
{
	json_open_object(&ocsf->json, "user");
	json_put_id(&ocsf->json, "uid", uid);
	put_text(ocsf, "name", name);
	json_close(&ocsf->json);
}

static void put_command_line(struct ocsf *ocsf, const struct process *process)
{
	command_add(begin(ocsf), view_args(ocsf->view, process, &ocsf->masked));
	put_begun(ocsf, "cmd_line");
}

/* What is known of any process. Members of an open object. */
static void put_process_entity(struct ocsf *ocsf, const struct process *process)
{
	const struct caller *caller = ocsf->view->caller;
	struct json *json = &ocsf->json;

	if (process->pid)
		json_put_number(json, "pid", process->pid);
	view_add_entity_id(begin(ocsf), ocsf->view, caller, process);
	put_begun(ocsf, "uid");
	json_put_string(json, "name", process->name);
	put_command_line(ocsf, process);
	if (process->start)
		json_put_number(json, "created_time",
				clock_real(view_boot_to_real(ocsf->view, caller), process->start) /
					NS_PER_MS);
}

static void put_file(struct ocsf *ocsf, const struct process *process)
{
	struct bytes name = bytes_basename(process->executable);
	struct json *json = &ocsf->json;

	if (!name.size)
		return;
	json_open_object(json, "file");
	json_put_string(json, "name", name);
	json_put_string(json, "path", process->executable);
	json_put_number(json, "type_id", 1);
	json_put_word(json, "type", "Regular File");
	if (process->executable_deleted)
		json_put_bool(json, "is_deleted", true);
	json_close(json);
}

static void put_container(struct ocsf *ocsf)
{
	struct json *json = &ocsf->json;

	if (!ocsf->view->container_id.size)
		return;
	json_open_object(json, "container");
	json_put_string(json, "uid", ocsf->view->container_id);
	json_put_string(json, "name", ocsf->record->container_name);
	json_close(json);
}

static void put_ancestors(struct ocsf *ocsf, const struct caller *caller)
{
	struct json *json = &ocsf->json;

	if (caller->ancestor_count && caller->ancestors[0].pid) {
		json_open_object(json, "parent_process");
		put_process_entity(ocsf, caller->ancestors);
		put_file(ocsf, caller->ancestors);
		put_user(ocsf, caller->ancestors[0].euid, NULL);
		json_close(json);
	}
	json_open_array(json, "ancestry");
	for (unsigned int i = 0; i < caller->ancestor_count; i++) {
		if (!caller->ancestors[i].pid)
			continue;
		json_open_object(json, NULL);
		put_process_entity(ocsf, &caller->ancestors[i]);
		json_put_string(json, "path", caller->ancestors[i].executable);
		json_close(json);
	}
	json_close(json);
}

/* What there is more of a process that the kernel described. */
static void put_described(struct ocsf *ocsf, const struct caller *caller)
{
	const struct record *record = ocsf->record;
	struct json *json = &ocsf->json;

	json_put_string(json, "working_directory", caller->working_directory);
	if (caller->tid && !record_is_request(record) && record->action != RECORD_DOCKER_EVENT)
		json_put_number(json, "ptid", caller->tid);
	if (caller->login_uid != CALLERD_UNSET_ID)
		json_put_number(json, "auid", caller->login_uid);
	put_ancestors(ocsf, caller);
	put_container(ocsf);
}

static void put_session(struct ocsf *ocsf, const struct caller *caller)
{
	struct json *json = &ocsf->json;

	if (!ocsf->view->described)
		return;
	json_open_object(json, "session");
	if (caller->session != CALLERD_UNSET_ID)
		json_put_id(json, "uid", caller->session);
	put_text(ocsf, "terminal", caller->tty);
	json_close(json);
}

static void put_process(struct ocsf *ocsf, const struct caller *caller)
{
	struct json *json = &ocsf->json;

	if (!caller->process.pid)
		return; /* one that is not known to be any */
	json_open_object(json, "process");
	put_process_entity(ocsf, &caller->process);
	put_file(ocsf, &caller->process);
	put_user(ocsf, caller->process.euid, ocsf->view->user);
	json_put_number(json, "euid", caller->process.euid);
	json_put_number(json, "egid", caller->egid);
	if (ocsf->view->described)
		put_described(ocsf, caller);
	json_close(json);
}

/* The user is whoever logged in, where that is known; whom the process acts as is in the process. */
static void put_actor(struct ocsf *ocsf)
{
	const struct caller *caller = ocsf->view->caller;
	const struct view *view = ocsf->view;

	if (!caller && ocsf->class != CLASS_API)
		return;
	json_open_object(&ocsf->json, "actor");
	if (caller) {
		put_process(ocsf, caller);
		if (view->described && caller->login_uid != CALLERD_UNSET_ID)
			put_user(ocsf, caller->login_uid, view->login_user);
		else
			put_user(ocsf, caller->process.euid, view->user);
		put_session(ocsf, caller);
	} else {
		json_put_word(&ocsf->json, "app_name", UNKNOWN);
	}
	json_close(&ocsf->json);
}

/* --- the connection --------------------------------------------------------------------------- */

/* Both ends of a Unix socket are on this host; the caller may be in a container of it. */
static void put_endpoints(struct ocsf *ocsf)
{
	struct json *json = &ocsf->json;

	json_open_object(json, "src_endpoint");
	put_host(ocsf);
	put_container(ocsf);
	json_close(json);
	if (!ocsf->record->connection.socket.size)
		return;
	json_open_object(json, "dst_endpoint");
	put_text(ocsf, "hostname", ocsf->context->host_name);
	json_put_string(json, "name", ocsf->record->connection.socket);
	json_put_word(json, "svc_name", ocsf->record->api.engine);
	json_close(json);
}

static void put_connection(struct ocsf *ocsf)
{
	struct json *json = &ocsf->json;

	json_open_object(json, "connection_info");
	if (ocsf->record->connection.id)
		json_put_id(json, "uid", ocsf->record->connection.id);
	json_put_number(json, "direction_id", 4);
	json_put_word(json, "direction", "Local");
	json_put_number(json, "boundary_id", 1);
	json_put_word(json, "boundary", "Localhost");
	json_close(json);
}

/* Of the profile security_control: what became of it, by whom. */
static void put_control(struct ocsf *ocsf, unsigned int action, const char *action_name,
			unsigned int disposition, const char *disposition_name)
{
	json_put_number(&ocsf->json, "action_id", action);
	json_put_word(&ocsf->json, "action", action_name);
	json_put_number(&ocsf->json, "disposition_id", disposition);
	json_put_word(&ocsf->json, "disposition", disposition_name);
}

static void put_network(struct ocsf *ocsf)
{
	put_endpoints(ocsf);
	put_connection(ocsf);
	if (is_denied(ocsf->record))
		put_control(ocsf, 2, "Denied", 26, "Unauthorized");
}

/* --- the request ------------------------------------------------------------------------------ */

/* RUN-CONNECTION-REQUEST: ids of connections are unique in a run. */
static void put_request_uid(struct ocsf *ocsf)
{
	const struct record_connection *connection = &ocsf->record->connection;
	struct text *uid = begin(ocsf);

	if (!connection->id || !connection->request)
		return;
	if (ocsf->context->run_id) {
		text_add_string(uid, ocsf->context->run_id);
		text_add_char(uid, '-');
	}
	text_add_number(uid, connection->id);
	text_add_char(uid, '-');
	text_add_number(uid, connection->request);
	put_begun(ocsf, "uid");
}

static void put_api(struct ocsf *ocsf)
{
	const struct record_api *api = &ocsf->record->api;
	const struct record_http *http = &ocsf->record->http;
	struct json *json = &ocsf->json;

	json_open_object(json, "api");
	if (api->operation)
		json_put_word(json, "operation", api->operation);
	else
		json_put_string(json, "operation",
				http->method.size ? http->method : bytes_of(UNKNOWN));
	json_put_string(json, "version", api->version);
	json_open_object(json, "service");
	json_put_word(json, "name", api->engine);
	json_close(json);
	json_open_object(json, "request");
	put_request_uid(ocsf);
	json_close(json);
	json_open_object(json, "response");
	if (http->status > 0)
		json_put_number(json, "code", (uint64_t)http->status);
	json_close(json);
	json_close(json);
}

static void put_url(struct ocsf *ocsf)
{
	const struct url *url = &ocsf->view->url;
	struct json *json = &ocsf->json;

	if (!url->original.size)
		return;
	json_open_object(json, "url");
	json_put_string(json, "url_string", url->original);
	url_clean_path(begin(ocsf), url->path);
	put_begun(ocsf, "path");
	json_put_string(json, "query_string", url->query);
	json_close(json);
}

/* The methods that the schema has; another one is told by the activity's name. */
static bool is_method(struct bytes method)
{
	static const char *const methods[] = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS",
					      "PATCH",	 "POST",   "PUT", "TRACE"};

	for (size_t i = 0; i < COUNT(methods); i++)
		if (bytes_equal(method, bytes_of(methods[i])))
			return true;
	return false;
}

static void put_http(struct ocsf *ocsf)
{
	const struct record_http *http = &ocsf->record->http;
	const struct record_stream *stream = &ocsf->record->stream;
	char version[] = {'1', '.', (char)('0' + http->version_minor)};
	struct json *json = &ocsf->json;

	json_open_object(json, "http_request");
	if (is_method(http->method))
		json_put_string(json, "http_method", http->method);
	put_url(ocsf);
	json_put_string(json, "user_agent", http->user_agent);
	if (http->version_minor >= 0 && http->version_minor <= 9)
		json_put_plain(json, "version", version, sizeof(version));
	if (stream->has_request_bytes)
		json_put_number(json, "length", stream->request_bytes);
	if (http->has_request_bytes)
		json_put_number(json, "body_length", http->request_bytes);
	json_close(json);
	if (http->status <= 0)
		return;
	json_open_object(json, "http_response");
	json_put_number(json, "code", (uint64_t)http->status);
	if (stream->has_response_bytes)
		json_put_number(json, "length", stream->response_bytes);
	if (http->has_response_bytes)
		json_put_number(json, "body_length", http->response_bytes);
	if (http->has_duration && ocsf->record->action == RECORD_API_REQUEST)
		json_put_number(json, "latency", http->duration / NS_PER_MS);
	json_close(json);
}

static void put_resource(struct ocsf *ocsf, const char *type, struct bytes id, struct bytes name,
			 bool target)
{
	struct json *json = &ocsf->json;

	if (!id.size && !name.size)
		return;
	json_open_object(json, NULL);
	json_put_word(json, "type", type);
	json_put_string(json, "uid", id);
	json_put_string(json, "name", name);
	json_put_number(json, "role_id", target ? 1 : 4);
	json_put_word(json, "role", target ? "Target" : "Related");
	json_close(json);
}

static void put_resources(struct ocsf *ocsf)
{
	const struct record_api *api = &ocsf->record->api;

	json_open_array(&ocsf->json, "resources");
	put_resource(ocsf, api->target_type, api->target_id, api->target_name, true);
	put_resource(ocsf, "container", api->container_id, api->container_name, false);
	put_resource(ocsf, "image", (struct bytes){0}, api->target_image, false);
	json_close(&ocsf->json);
}

/* callerd saw what was done, and let it be. */
static void put_attacks(struct ocsf *ocsf)
{
	const struct record_api *api = &ocsf->record->api;
	struct json *json = &ocsf->json;

	put_control(ocsf, 3, "Observed", 15, "Detected");
	json_open_array(json, "attacks");
	for (unsigned int i = 0; i < api->technique_count; i++) {
		json_open_object(json, NULL);
		json_open_object(json, "technique");
		json_put_word(json, "uid", api->techniques[i]);
		json_close(json);
		json_close(json);
	}
	json_close(json);
}

static void put_request(struct ocsf *ocsf)
{
	const struct record_http *http = &ocsf->record->http;

	if (http->has_duration)
		json_put_number(&ocsf->json, "duration", http->duration / NS_PER_MS);
	put_api(ocsf);
	put_http(ocsf);
	put_endpoints(ocsf);
	put_resources(ocsf);
	if (has_attacks(ocsf->record))
		put_attacks(ocsf);
}

/* --- the engine's events ---------------------------------------------------------------------- */

static struct bytes name_of(const struct record_event *event)
{
	if (event->name.size)
		return event->name;
	return event->id.size ? event->id : bytes_of(UNKNOWN);
}

static void put_application(struct ocsf *ocsf)
{
	const struct record_event *event = &ocsf->record->event;
	struct json *json = &ocsf->json;

	if (ocsf->record->action != RECORD_DOCKER_EVENT) {
		put_product(ocsf, "app");
		return;
	}
	json_open_object(json, "app");
	json_put_string(json, "name", name_of(event));
	json_put_string(json, "uid", event->id);
	json_close(json);
}

static void put_entity(struct ocsf *ocsf)
{
	const struct record_event *event = &ocsf->record->event;
	struct json *json = &ocsf->json;

	json_open_object(json, "entity");
	json_put_number(json, "type_id", 99);
	json_put_string(json, "type", event->type.size ? event->type : bytes_of(UNKNOWN));
	json_put_string(json, "name", name_of(event));
	json_put_string(json, "uid", event->id);
	json_close(json);
}

/* --- what the class has no place for ---------------------------------------------------------- */

static void put_unmapped_caller(struct ocsf *ocsf, const struct caller *caller)
{
	struct json *json = &ocsf->json;

	if (ocsf->view->described && caller->uid != caller->process.euid) {
		json_open_object(json, "process");
		json_open_object(json, "real_user");
		json_put_id(json, "id", caller->uid);
		put_text(ocsf, "name", ocsf->view->real_user);
		json_close(json);
		json_close(json);
	}
	/* An image has a place, but there an id is required. */
	json_open_object(json, "container");
	json_open_object(json, "image");
	json_put_string(json, "name", ocsf->record->container_image);
	json_close(json);
	json_close(json);
}

static void put_unmapped(struct ocsf *ocsf)
{
	struct json *json = &ocsf->json;

	json_open_object(json, "unmapped");
	ecs_put_callerd(json, &ocsf->fields);
	if (ocsf->view->caller)
		put_unmapped_caller(ocsf, ocsf->view->caller);
	if (record_is_request(ocsf->record)) {
		json_open_object(json, "http");
		json_open_object(json, "request");
		json_put_string(json, "mime_type", ocsf->record->http.mime_type);
		json_close(json);
		json_close(json);
	}
	json_close(json);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void put_of_class(struct ocsf *ocsf)
{
	switch (ocsf->class) {
	case CLASS_API:
		put_request(ocsf);
		break;
	case CLASS_NETWORK:
		put_network(ocsf);
		break;
	case CLASS_LIFECYCLE:
		put_application(ocsf);
		break;
	case CLASS_ENTITY_MANAGEMENT:
		put_entity(ocsf);
		break;
	case CLASS_ERROR:
		break;
	}
}

static void put_record(struct ocsf *ocsf)
{
	struct json *json = &ocsf->json;

	json_open_object(json, NULL);
	json_put_number(json, "time", record_time(ocsf->context, ocsf->record->time) / NS_PER_MS);
	line_add_message(begin(ocsf), ocsf->view);
	put_begun(ocsf, "message");
	put_class(ocsf);
	put_severity(ocsf);
	put_status(ocsf);
	put_metadata(ocsf);
	put_device(ocsf);
	put_actor(ocsf);
	put_of_class(ocsf);
	put_unmapped(ocsf);
	json_close(json);
	text_add_char(json->out, '\n');
}

int ocsf_write(const struct record *record, const struct record_context *context, struct text *out)
{
	size_t start = out->size;
	struct ocsf ocsf = {
		.json.out = out,
		.record = record,
		.context = context,
		.class = class_of(record),
	};
	int error = fields_init(&ocsf.fields, record, context, IF_ECS);

	ocsf.view = &ocsf.fields.view;
	if (!error) {
		put_record(&ocsf);
		error = out->error;
	}
	if (!error)
		error = ocsf.masked.error ? ocsf.masked.error : ocsf.scratch.error;
	error = fields_free(&ocsf.fields, error);
	if (error)
		text_cut(out, start);
	text_free(&ocsf.masked);
	text_free(&ocsf.scratch);
	return error;
}
