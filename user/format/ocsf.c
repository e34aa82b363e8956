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
 * Behind it, where it has findings of low severity or graver, a line of its own with another event: a Detection Finding.
 * One a record, not one a finding: who is to look at it looks at one act of one caller, and SIEMs make an alert of each.
 * Its analytic is the gravest finding, which ECS has as rule.id; the others are related to it.
 *
 * What is required and not known is Unknown, as the schema has it; what else is not known is absent. What has
 * no place in the class is in `unmapped`, by its names in ECS.
 */
#include "format/ocsf.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "format/ecs.h"

#define UNKNOWN "unknown" /* where a name is required */
#define ACTIVITY_OTHER 99

enum class_uid {
	CLASS_DETECTION = 2004,
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
	struct activity activity;
	const char *class_name, *category_name;
	struct text scratch; /* of the value being written */
	struct fields fields;
};

/* Starts a value that is put together. */
static struct text *ocsf_begin(struct ocsf *ocsf)
{
	text_cut(&ocsf->scratch, 0);
	return &ocsf->scratch;
}

static void put_begun(struct ocsf *ocsf, const char *key)
{
	json_put_string(&ocsf->json, key, text_since(&ocsf->scratch, 0));
}

static void ocsf_put_text(struct ocsf *ocsf, const char *key, const char *text)
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
	case RECORD_ENGINE_UNREACHABLE:
		return CLASS_ERROR;
	case RECORD_SOCKET_CHANGED:
	case RECORD_ACCESS_CHANGED:
		return CLASS_ENTITY_MANAGEMENT;
	case RECORD_DOCKER_EVENT:
		switch (record->event.kind) {
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

static struct activity ocsf_activity(unsigned int id, const char *name)
{
	return (struct activity){id, bytes_of(name)};
}

static struct activity ocsf_other(struct bytes name)
{
	return (struct activity){ACTIVITY_OTHER, name.size ? name : bytes_of(UNKNOWN)};
}

/* A POST may be anything: its operation tells. */
static struct activity activity_of_post(const struct record *record)
{
	switch (record->api.activity) {
	case ACTIVITY_CREATE:
		return ocsf_activity(1, "Create");
	case ACTIVITY_READ:
		return ocsf_activity(2, "Read");
	case ACTIVITY_DELETE:
		return ocsf_activity(4, "Delete");
	default:
		return ocsf_activity(3, "Update");
	}
}

static struct activity activity_of_request(const struct record *record)
{
	switch (record->http.verb) {
	case METHOD_NONE:
		return ocsf_activity(0, "Unknown");
	case METHOD_GET:
	case METHOD_HEAD:
	case METHOD_OPTIONS:
		return ocsf_activity(2, "Read");
	case METHOD_PUT:
	case METHOD_PATCH:
		return ocsf_activity(3, "Update");
	case METHOD_DELETE:
		return ocsf_activity(4, "Delete");
	case METHOD_POST:
		return activity_of_post(record);
	default:
		return ocsf_other(record->http.method);
	}
}

/* EAGAIN and the like: nobody refused, but it failed. */
static struct activity activity_of_refused(int error)
{
	if (error == EACCES || error == EPERM || error == ECONNREFUSED)
		return ocsf_activity(5, "Refuse");
	return ocsf_activity(4, "Fail");
}

/* Of an application, by the engine's word for it. An exec, a pause, a signal is none of these. */
static struct activity activity_of_life(const struct view *view)
{
	switch (view->record->event.act) {
	case ACTION_CREATE:
	case ACTION_PULL:
		return ocsf_activity(1, "Install");
	case ACTION_DESTROY:
	case ACTION_REMOVE:
		return ocsf_activity(2, "Remove");
	case ACTION_START:
		return ocsf_activity(3, "Start");
	case ACTION_DIE:
	case ACTION_STOP:
		return ocsf_activity(4, "Stop");
	case ACTION_RESTART:
		return ocsf_activity(5, "Restart");
	case ACTION_ENABLE:
		return ocsf_activity(6, "Enable");
	case ACTION_DISABLE:
		return ocsf_activity(7, "Disable");
	case ACTION_UPDATE:
	case ACTION_RENAME:
		return ocsf_activity(8, "Update");
	default:
		return ocsf_other(view->record->event.action);
	}
}

/* Of any other thing, by what ECS says of it. */
static struct activity activity_of_entity(const struct view *view)
{
	switch (view->event.type) {
	case ECS_CREATION:
		return ocsf_activity(1, "Create");
	case ECS_ACCESS:
		return ocsf_activity(2, "Read");
	case ECS_CHANGE:
		return ocsf_activity(3, "Update");
	case ECS_DELETION:
		return ocsf_activity(4, "Delete");
	default:
		return ocsf_other(view->record->event.action);
	}
}

static struct activity activity_of_change(unsigned int what)
{
	if (what & CHANGE_CREATED)
		return ocsf_activity(1, "Create");
	if (what & (CHANGE_DELETED | CHANGE_MOVED))
		return ocsf_activity(4, "Delete");
	return ocsf_activity(3, "Update");
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
		return ocsf_activity(1, "Open");
	case RECORD_SOCKET_REFUSED:
		return activity_of_refused(record->error);
	case RECORD_DOCKER_EVENT:
		if (ocsf->class == CLASS_LIFECYCLE)
			return activity_of_life(ocsf->view);
		return activity_of_entity(ocsf->view);
	case RECORD_SOCKET_CHANGED:
	case RECORD_ACCESS_CHANGED:
		return activity_of_change(record->change.what);
	case RECORD_AGENT_STARTED:
	case RECORD_ENGINE_FOUND:
		return ocsf_activity(3, "Start");
	case RECORD_AGENT_STOPPED:
	case RECORD_ENGINE_GONE:
		return ocsf_activity(4, "Stop");
	case RECORD_AGENT_RELOADED:
		return ocsf_activity(8, "Update");
	case RECORD_RECORDS_LOST:
	case RECORD_ENGINE_UNREACHABLE:
		return ocsf_activity(1, "General Error");
	default:
		return ocsf_other(bytes_of("Status"));
	}
}

/* --- classification --------------------------------------------------------------------------- */

static void set_class(struct ocsf *ocsf, enum class_uid class)
{
	static const struct {
		enum class_uid class;
		const char *name, *category;
	} classes[] = {
		{CLASS_DETECTION, "Detection Finding", "Findings"},
		{CLASS_ENTITY_MANAGEMENT, "Entity Management", "Identity & Access Management"},
		{CLASS_NETWORK, "Network Activity", "Network Activity"},
		{CLASS_LIFECYCLE, "Application Lifecycle", "Application Activity"},
		{CLASS_API, "API Activity", "Application Activity"},
		{CLASS_ERROR, "Application Error", "Application Activity"},
	};
	size_t i = 0;

	while (classes[i].class != class)
		i++;
	ocsf->class = class;
	ocsf->class_name = classes[i].name;
	ocsf->category_name = classes[i].category;
}

static unsigned int type_uid(const struct ocsf *ocsf)
{
	return ocsf->class * 100u + ocsf->activity.id;
}

static void put_class(struct ocsf *ocsf, const char *key)
{
	struct json *json = &ocsf->json;

	json_put_number(json, "category_uid", ocsf->class / 1000);
	json_put_word(json, "category_name", ocsf->category_name);
	json_put_number(json, "class_uid", ocsf->class);
	json_put_word(json, "class_name", ocsf->class_name);
	json_put_number(json, "activity_id", ocsf->activity.id);
	json_put_string(json, "activity_name", ocsf->activity.name);
	json_put_number(json, "type_uid", type_uid(ocsf));
}

static void put_severity(struct ocsf *ocsf, const char *key)
{
	static const struct {
		unsigned int id;
		const char *name;
	} severities[] = {
		[SEVERITY_NONE] = {1, "Informational"},
		[SEVERITY_INFO] = {1, "Informational"},
		[SEVERITY_LOW] = {2, "Low"},
		[SEVERITY_MEDIUM] = {3, "Medium"},
		[SEVERITY_HIGH] = {4, "High"},
		[SEVERITY_CRITICAL] = {5, "Critical"},
	};
	enum finding_severity severity = ocsf->view->severity;

	json_put_number(&ocsf->json, "severity_id", severities[severity].id);
	json_put_word(&ocsf->json, "severity", severities[severity].name);
}

static void put_outcome(struct ocsf *ocsf)
{
	static const struct {
		unsigned int id;
		const char *name;
	} statuses[] = {
		[OUTCOME_SUCCESS] = {1, "Success"},
		[OUTCOME_FAILURE] = {2, "Failure"},
		[OUTCOME_UNKNOWN] = {0, "Unknown"},
	};
	enum record_outcome outcome = ocsf->view->outcome;

	if (!outcome)
		return;
	json_put_number(&ocsf->json, "status_id", statuses[outcome].id);
	json_put_word(&ocsf->json, "status", statuses[outcome].name);
}

static bool is_expected(const struct ocsf *ocsf)
{
	return ocsf->record->api.expected_rule;
}

/* Of a finding that is what becomes of it; here it is new. What the site expects is nobody's work. */
static void put_finding_status(struct ocsf *ocsf)
{
	json_put_number(&ocsf->json, "status_id", is_expected(ocsf) ? 3 : 1);
	json_put_word(&ocsf->json, "status", is_expected(ocsf) ? "Suppressed" : "New");
}

/* The code of the outcome, and what it means. */
static void put_status(struct ocsf *ocsf, const char *key)
{
	const struct record *record = ocsf->record;
	struct json *json = &ocsf->json;

	if (ocsf->class == CLASS_DETECTION) {
		put_finding_status(ocsf);
		return;
	}
	put_outcome(ocsf);
	if (record_is_request(record)) {
		if (record->http.status > 0)
			json_put_id(json, "status_code", (uint64_t)record->http.status);
		json_put_string(json, "status_detail", view_request_error(record));
	} else if (record->error > 0) {
		view_add_error(ocsf_begin(ocsf), record->error);
		put_begun(ocsf, "status_code");
		ocsf_put_text(ocsf, "status_detail", strerrordesc_np(record->error));
	} else if (record->action == RECORD_DOCKER_EVENT && record->event.has_exit_code) {
		text_add_signed(ocsf_begin(ocsf), record->event.exit_code);
		put_begun(ocsf, "status_code");
	} else if (record->action == RECORD_RECORDS_LOST) {
		ocsf_put_text(ocsf, "status_code", record->lost_reason);
	}
}

/* --- what takes code -------------------------------------------------------------------------- */

/* Conditions of this format, besides those of the fields. */
enum ocsf_condition {
	IF_NAMELESS_HOST = 1ull << 32,
	IF_PROCESS = 1ull << 33,   /* the caller is known to be a process */
	IF_BEHALF = 1ull << 47,	   /* who asked the caller, a relay, is certain */
	IF_ITSELF = 1ull << 48,	   /* he is not */
	IF_NOBODY = 1ull << 35,	   /* a request without a caller */
	IF_NETWORK = 1ull << 36,   /* the class is Network Activity */
	IF_ENDPOINTS = 1ull << 37, /* the class has endpoints */
	IF_METHOD = 1ull << 38,	   /* the schema has the method; else the activity's name has it */
	IF_RESPONSE = 1ull << 39,
	IF_ANSWERED = 1ull << 40, /* the duration is that of the response */
	IF_SINGLE = 1ull << 42,	  /* the record is of one, and no sum */
	IF_LOCAL = 1ull << 43,	  /* nobody is known to have logged in, or called, from elsewhere */
	IF_ACTIVITY = 1ull << 41, /* the event is what was done, and no Detection Finding */
};

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

static void put_profiles(struct ocsf *ocsf, const char *key)
{
	struct json *json = &ocsf->json;

	json_open_array(json, key);
	json_put_word(json, NULL, "host");
	if (ocsf->view->container_id.size)
		json_put_word(json, NULL, "container");
	if (fields_meet(&ocsf->fields, IF_ACTIVITY) &&
	    (is_denied(ocsf->record) || has_attacks(ocsf->record)))
		json_put_word(json, NULL, "security_control");
	if (ocsf->view->caller)
		json_put_word(json, NULL, "linux/linux_users");
	json_close(json);
}

static void put_extensions(struct ocsf *ocsf, const char *key)
{
	struct json *json = &ocsf->json;

	json_open_array(json, key);
	json_open_object(json, NULL);
	json_put_word(json, "name", "linux");
	json_put_word(json, "uid", "1");
	json_put_word(json, "version", OCSF_VERSION);
	json_close(json);
	json_close(json);
}

static void put_digest(struct ocsf *ocsf)
{
	const struct fields *fields = &ocsf->fields;
	const struct record_context *context = fields->view.context;
	const struct caller *caller = fields->view.caller;
	struct json *json = &ocsf->json;
	char digest[65];

	if (!context->digest || !caller || fields->of[FIELDS_process] != &caller->process ||
	    !context->digest(context->data, caller, digest))
		return;
	json_open_array(json, "hashes");
	json_open_object(json, NULL);
	json_put_word(json, "algorithm", "SHA-256");
	json_put_number(json, "algorithm_id", 3);
	json_put_string(json, "value", (struct bytes){digest, sizeof(digest) - 1});
	json_close(json);
	json_close(json);
}

/* The file of the process that the fields are of. */
static void put_file(struct ocsf *ocsf, const char *key)
{
	const struct process *process = ocsf->fields.of[FIELDS_process];
	struct bytes name = bytes_basename(process->executable);
	struct json *json = &ocsf->json;

	if (!name.size)
		return;
	json_open_object(json, key);
	json_put_string(json, "name", name);
	json_put_string(json, "path", process->executable);
	json_put_number(json, "type_id", 1);
	json_put_word(json, "type", "Regular File");
	if (process->executable_deleted)
		json_put_bool(json, "is_deleted", true);
	put_digest(ocsf);
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

static void put_denied(struct ocsf *ocsf, const char *key)
{
	if (is_denied(ocsf->record))
		put_control(ocsf, 2, "Denied", 26, "Unauthorized");
}

static void ocsf_put_operation(struct ocsf *ocsf, const char *key)
{
	struct bytes method = ocsf->record->http.method;
	struct bytes operation = bytes_of(operation_name(ocsf->record->api.operation));

	if (!operation.size)
		operation = method.size ? method : bytes_of(UNKNOWN);
	json_put_string(&ocsf->json, key, operation);
}

/* RUN-CONNECTION-REQUEST: ids of connections are unique in a run. */
static void put_request_uid(struct ocsf *ocsf, const char *key)
{
	const struct record_connection *connection = &ocsf->record->connection;
	struct text *uid = ocsf_begin(ocsf);

	if (!connection->id || !connection->request)
		return;
	if (ocsf->context->run_id) {
		text_add_string(uid, ocsf->context->run_id);
		text_add_char(uid, '-');
	}
	text_add_number(uid, connection->id);
	text_add_char(uid, '-');
	text_add_number(uid, connection->request);
	put_begun(ocsf, key);
}

static void put_resource(struct ocsf *ocsf, enum target_type type, struct bytes id,
			 struct bytes name, bool target)
{
	struct json *json = &ocsf->json;

	if (!id.size && !name.size)
		return;
	json_open_object(json, NULL);
	json_put_word(json, "type", name_target(type));
	json_put_string(json, "uid", id);
	json_put_string(json, "name", name);
	json_put_number(json, "role_id", target ? 1 : 4);
	json_put_word(json, "role", target ? "Target" : "Related");
	json_close(json);
}

static void put_resources(struct ocsf *ocsf, const char *key)
{
	const struct record_api *api = &ocsf->record->api;

	json_open_array(&ocsf->json, key);
	put_resource(ocsf, api->target_type, api->target_id, api->target_name, true);
	put_resource(ocsf, TARGET_CONTAINER, api->container_id, api->container_name, false);
	put_resource(ocsf, TARGET_IMAGE, (struct bytes){0}, api->target_image, false);
	json_close(&ocsf->json);
}

/* T1548.003 is a sub-technique of T1548. */
static void put_technique(struct ocsf *ocsf, const char *name)
{
	struct bytes technique = {name, strcspn(name, ".")};
	struct json *json = &ocsf->json;

	json_open_object(json, NULL);
	json_open_object(json, "technique");
	json_put_string(json, "uid", technique);
	json_close(json);
	if (name[technique.size]) {
		json_open_object(json, "sub_technique");
		json_put_word(json, "uid", name);
		json_close(json);
	}
	json_close(json);
}

static void ocsf_put_techniques(struct ocsf *ocsf, const char *key)
{
	const struct record_api *api = &ocsf->record->api;

	json_open_array(&ocsf->json, key);
	for (unsigned int i = 0; i < api->technique_count; i++)
		put_technique(ocsf, finding_technique_name(api->techniques[i]));
	json_close(&ocsf->json);
}

/* callerd saw what was done, and let it be. */
static void put_attacks(struct ocsf *ocsf, const char *key)
{
	if (!ocsf->record->api.technique_count)
		return;
	put_control(ocsf, 3, "Observed", 15, "Detected");
	ocsf_put_techniques(ocsf, key);
}

/* The application or the entity that an engine's event is about; callerd itself. */
static void ocsf_put_object(struct ocsf *ocsf, const char *key)
{
	const struct record_event *event = &ocsf->record->event;
	struct bytes name = event->name.size ? event->name : event->id;
	struct json *json = &ocsf->json;

	if (ocsf->class != CLASS_LIFECYCLE && ocsf->class != CLASS_ENTITY_MANAGEMENT)
		return;
	json_open_object(json, ocsf->class == CLASS_LIFECYCLE ? "app" : "entity");
	if (fields_meet(&ocsf->fields, IF_CHANGE)) {
		json_put_number(json, "type_id", 99);
		json_put_word(json, "type", name_change_object(ocsf->record->change.object));
		name = ocsf->record->change.path;
		json_put_string(json, "name", name.size ? name : bytes_of(UNKNOWN));
	} else if (ocsf->record->action != RECORD_DOCKER_EVENT) {
		json_put_word(json, "name", "callerd");
		json_put_word(json, "vendor_name", "callerd");
		ocsf_put_text(ocsf, "version", ocsf->context->agent_version);
	} else {
		if (ocsf->class == CLASS_ENTITY_MANAGEMENT) {
			json_put_number(json, "type_id", 99);
			json_put_string(json, "type",
					event->type.size ? event->type : bytes_of(UNKNOWN));
		}
		json_put_string(json, "name", name.size ? name : bytes_of(UNKNOWN));
		json_put_string(json, "uid", event->id);
	}
	json_close(json);
}

static void put_callerd(struct ocsf *ocsf, const char *key)
{
	uint64_t conditions = ocsf->fields.conditions;

	ocsf->fields.conditions &= ~(uint64_t)IF_COUNT; /* the schema has a place for it */
	ecs_put_callerd(&ocsf->json, &ocsf->fields);
	ocsf->fields.conditions = conditions;
}

static void put_container_labels(struct ocsf *ocsf, const char *key)
{
	struct field_value labels = {0};

	fields_list_labels(&ocsf->fields, ocsf->view->record->container_labels, &labels);
	ecs_put_value(&ocsf->json, key, &labels);
}

/* --- a Detection Finding ---------------------------------------------------------------------- */

/* Not of what is merely to be known: most of that is no reason to look at anything. */
static bool has_detection(const struct record *record)
{
	return record->api.finding_count && record->api.findings[0].severity > SEVERITY_INFO;
}

/* Each event has its own id: SIEMs take it for the document's. */
static void put_uid(struct ocsf *ocsf, const char *key)
{
	view_add_id(ocsf_begin(ocsf), ocsf->view);
	if (ocsf->class == CLASS_DETECTION)
		text_add_string(&ocsf->scratch, "-finding");
	put_begun(ocsf, key);
}

/* All records of a request that tell of a finding tell of the same. */
static void put_finding_uid(struct ocsf *ocsf, const char *key)
{
	view_add_request_id(ocsf_begin(ocsf), ocsf->view);
	if (!ocsf->scratch.size)
		view_add_id(&ocsf->scratch, ocsf->view);
	put_begun(ocsf, key);
}

/* What is found stands in the request, or in a file: it is certain as far as that was seen, and could be judged. */
static void put_confidence(struct ocsf *ocsf, const char *key)
{
	static const char *const names[] = {NULL, "Low", "Medium", "High"};
	unsigned int id = 3;

	if (ocsf->record->api.findings[0].id == FINDING_NOT_JUDGED)
		id = 1;
	else if (ocsf->record->incomplete)
		id = 2;
	json_put_number(&ocsf->json, "confidence_id", id);
	json_put_word(&ocsf->json, "confidence", names[id]);
}

static struct field_path kind_path = {"event.kind"};

static void put_is_alert(struct ocsf *ocsf, const char *key)
{
	struct field_cursor cursor = {0};
	struct field_value value = {0};

	json_put_bool(&ocsf->json, key,
		      fields_read(&ocsf->fields, &kind_path, &cursor, &value) &&
			      bytes_equal(value.text, bytes_of("alert")));
}

static void put_analytic(struct ocsf *ocsf, const char *key, const struct finding *finding)
{
	const struct finding_kind *kind = finding_kind(finding->id);
	struct json *json = &ocsf->json;

	json_open_object(json, key);
	json_put_word(json, "uid", kind->id);
	json_put_word(json, "name", kind->id);
	json_put_word(json, "desc", kind->meaning);
	json_put_number(json, "type_id", 1);
	json_put_word(json, "type", "Rule");
	json_close(json);
}

/* The gravest one, and those beside it. */
static void put_analytics(struct ocsf *ocsf, const char *key)
{
	const struct record_api *api = &ocsf->record->api;
	struct json *json = &ocsf->json;

	json_put_word(json, "title", finding_kind(api->findings[0].id)->meaning);
	json_put_string(json, "desc", api->findings[0].detail);
	json_open_array(json, "types");
	for (unsigned int i = 0; i < api->finding_count; i++)
		json_put_word(json, NULL, finding_kind(api->findings[i].id)->id);
	json_close(json);
	put_analytic(ocsf, "analytic", api->findings);
	json_open_array(json, "related_analytics");
	for (unsigned int i = 1; i < api->finding_count; i++)
		put_analytic(ocsf, NULL, &api->findings[i]);
	json_close(json);
}

/* Leads to the event of what was done: the line before this one. */
static void put_related(struct ocsf *ocsf, const char *key)
{
	struct json *json = &ocsf->json;
	struct ocsf done = {.view = ocsf->view, .record = ocsf->record};

	set_class(&done, class_of(ocsf->record));
	done.activity = activity_of(&done);
	json_open_array(json, key);
	json_open_object(json, NULL);
	view_add_id(ocsf_begin(ocsf), ocsf->view);
	put_begun(ocsf, "uid");
	json_put_number(json, "type_uid", type_uid(&done));
	text_add_string(ocsf_begin(ocsf), done.class_name);
	text_add_string(&ocsf->scratch, ": ");
	text_add_bytes(&ocsf->scratch, done.activity.name);
	put_begun(ocsf, "type_name");
	json_close(json);
	json_close(json);
}

/* What a finding is about that is no request. */
static void put_found_resource(struct ocsf *ocsf)
{
	const struct record *record = ocsf->record;
	bool changed = fields_meet(&ocsf->fields, IF_CHANGE);
	struct bytes name = changed ? record->change.path : record->connection.socket;
	struct json *json = &ocsf->json;

	if (!changed && record->engine)
		name = record->engine->address;
	json_open_object(json, NULL);
	json_put_word(json, "type", changed ? name_change_object(record->change.object) : "engine");
	json_put_string(json, "name", name.size ? name : bytes_of(UNKNOWN));
	json_put_number(json, "role_id", 1);
	json_put_word(json, "role", "Target");
	json_close(json);
}

static void put_found_resources(struct ocsf *ocsf, const char *key)
{
	if (record_is_request(ocsf->record)) {
		put_resources(ocsf, key);
		return;
	}
	json_open_array(&ocsf->json, key);
	put_found_resource(ocsf);
	json_close(&ocsf->json);
}

static void put_evidences(struct ocsf *ocsf, const char *key);

/* Never empty, as the chain of a log wants an object at the end of a line. */
static void put_expected(struct ocsf *ocsf, const char *key)
{
	json_put_bool(&ocsf->json, key, is_expected(ocsf));
	ocsf_put_text(ocsf, "expected_rule", ocsf->record->api.expected_rule);
}

/* --- what is renamed -------------------------------------------------------------------------- */

enum row_kind {
	ROW_AS_IS,
	ROW_NUMBER,
	ROW_ID, /* a number as a string */
	ROW_MILLISECONDS,
};

/* A member of the record: what PUT writes, else a field, else a word, else a number. */
struct ocsf_row {
	const char *key;	/* with the objects that it is in, parted by dots */
	struct field_path from; /* what it is in ECS */
	enum row_kind kind;
	uint64_t when; /* besides the conditions of the field */
	void (*put)(struct ocsf *ocsf, const char *key);
	const char *word;
	unsigned int number;
};

static void put_parent(struct ocsf *ocsf, const char *key);
static void put_ancestry(struct ocsf *ocsf, const char *key);

/* The paths are those of the caller's process; put_parent() and put_ancestry() go to another one. */
static struct ocsf_row parent_rows[] = {
	{"pid", {"process.pid"}},
	{"uid", {"process.entity_id"}},
	{"name", {"process.name"}},
	{"cmd_line", {"process.command_line"}},
	{"created_time", {"process.start"}, ROW_MILLISECONDS},
	{"file", .put = put_file},
	{"user.uid", {"user.id"}},
};

static struct ocsf_row ancestor_rows[] = {
	{"pid", {"process.pid"}},
	{"uid", {"process.entity_id"}},
	{"name", {"process.name"}},
	{"cmd_line", {"process.command_line"}},
	{"created_time", {"process.start"}, ROW_MILLISECONDS},
	{"path", {"process.executable"}},
};

/* In their order: of both events. */
/* clang-format off */
static struct ocsf_row head_rows[] = {
	{"time", {"@timestamp"}, ROW_MILLISECONDS},
	{"message", {"message"}},
	{"class", .put = put_class},
	{"severity", .put = put_severity},
	{"status", .put = put_status},
	{"metadata.version", .word = OCSF_VERSION},
	{"metadata.profiles", .put = put_profiles},
	{"metadata.extensions", .put = put_extensions, .when = IF_CALLER},
	{"metadata.product.name", .word = "callerd"},
	{"metadata.product.vendor_name", .word = "callerd"},
	{"metadata.product.version", {"agent.version"}},
	{"metadata.uid", .put = put_uid},
	/* All records of a request, and of what happened because of it, have its id in common. */
	{"metadata.correlation_uid", {"http.request.id"}},
	{"metadata.correlation_uid", {"callerd.cause.event_id"}},
	{"metadata.sequence", {"event.sequence"}, .when = IF_ACTIVITY},
	{"metadata.event_code", {"event.action"}},
	{"metadata.log_name", .word = "callerd.audit"},
	/* A host whose name is not known is called as any host calls itself. */
	{"device.type_id", .number = 0},
	{"device.type", .word = "Unknown"},
	{"device.hostname", {"host.name"}},
	{"device.name", .word = "localhost", .when = IF_NAMELESS_HOST},
	{"device.uid", {"host.id"}},
	{"device.boot_uid", {"host.boot.id"}},
	{"device.os.name", .word = "Linux"},
	{"device.os.type_id", .number = 200},
	{"actor.process.pid", {"process.pid"}},
	{"actor.process.uid", {"process.entity_id"}, .when = IF_PROCESS},
	{"actor.process.name", {"process.name"}, .when = IF_PROCESS},
	{"actor.process.cmd_line", {"process.command_line"}, .when = IF_PROCESS},
	{"actor.process.created_time", {"process.start"}, ROW_MILLISECONDS, IF_PROCESS},
	{"actor.process.file", .put = put_file, .when = IF_PROCESS},
	{"actor.process.user.uid", {"user.effective.id"}, .when = IF_PROCESS},
	{"actor.process.user.name", {"user.effective.name"}, .when = IF_PROCESS},
	{"actor.process.user.uid", {"user.id"}, .when = IF_PROCESS | IF_PLAIN},
	{"actor.process.user.name", {"user.name"}, .when = IF_PROCESS | IF_PLAIN},
	{"actor.process.euid", {"user.effective.id"}, ROW_NUMBER, IF_PROCESS},
	{"actor.process.egid", {"user.effective.group.id"}, ROW_NUMBER, IF_PROCESS},
	{"actor.process.euid", {"user.id"}, ROW_NUMBER, IF_PROCESS | IF_PLAIN},
	{"actor.process.egid", {"user.group.id"}, ROW_NUMBER, IF_PROCESS},
	{"actor.process.working_directory", {"process.working_directory"}, .when = IF_PROCESS},
	{"actor.process.ptid", {"process.thread.id"}, .when = IF_PROCESS},
	{"actor.process.auid", {"user.id"}, ROW_NUMBER, IF_PROCESS | IF_LOGIN},
	{"actor.process.parent_process", .put = put_parent, .when = IF_PROCESS | IF_DESCRIBED | IF_ACTIVITY},
	{"actor.process.ancestry", .put = put_ancestry, .when = IF_PROCESS | IF_DESCRIBED | IF_ACTIVITY},
	{"actor.process.container.uid", {"container.id"}, .when = IF_PROCESS},
	{"actor.process.container.name", {"container.name"}, .when = IF_PROCESS},
	{"actor.process.container.labels", .put = put_container_labels, .when = IF_PROCESS},
	{"actor.process.container.pod_uuid", {"orchestrator.resource.id"}, .when = IF_PROCESS},
	{"actor.process.container.orchestrator", {"orchestrator.type"}, .when = IF_PROCESS},
	/* The user who logged in, where that is known, or for whom it is done; the process has the user whom it acts as. */
	{"actor.user.uid", {"callerd.relayed_for.user.id"}, .when = IF_BEHALF},
	{"actor.user.name", {"callerd.relayed_for.user.name"}, .when = IF_BEHALF},
	{"actor.user.uid", {"user.id"}, .when = IF_ITSELF},
	{"actor.user.name", {"user.name"}, .when = IF_ITSELF},
	{"actor.session.uid", {"callerd.caller.session"}, ROW_ID},
	{"actor.session.terminal", {"callerd.caller.tty"}},
	{"actor.session.created_time", {"callerd.session.start"}, ROW_MILLISECONDS},
	{"actor.app_name", .word = UNKNOWN, .when = IF_NOBODY},
};

/* Of a request: of the activity, and of what a finding rests on. */
static struct ocsf_row api_rows[] = {
	{"api.operation", .put = ocsf_put_operation, .when = IF_REQUEST},
	{"api.version", {"callerd.api.version"}, .when = IF_REQUEST},
	{"api.service.name", {"callerd.api.engine"}, .when = IF_REQUEST},
	{"api.request.uid", .put = put_request_uid, .when = IF_REQUEST},
	{"api.response.code", {"http.response.status_code"}},
};

static struct ocsf_row activity_rows[] = {
	/* Of a sum that would be the time from the first to the last, by the schema. */
	{"duration", {"event.duration"}, ROW_MILLISECONDS, IF_SINGLE},
	{"count", {"callerd.folded.count"}},
	{"start_time", {"callerd.folded.first"}, ROW_MILLISECONDS},
	{"end_time", {"callerd.folded.last"}, ROW_MILLISECONDS},
	{"count", {"callerd.refused.count"}},
	{"start_time", {"callerd.refused.first"}, ROW_MILLISECONDS},
	{"end_time", {"callerd.refused.last"}, ROW_MILLISECONDS},
	{"http_request.http_method", {"http.request.method"}, .when = IF_METHOD},
	{"http_request.url.url_string", {"url.original"}},
	{"http_request.url.path", {"url.path"}},
	{"http_request.url.query_string", {"url.query"}},
	{"http_request.user_agent", {"user_agent.original"}},
	{"http_request.version", {"http.version"}},
	{"http_request.length", {"http.request.bytes"}},
	{"http_request.body_length", {"http.request.body.bytes"}},
	{"http_response.code", {"http.response.status_code"}},
	{"http_response.length", {"http.response.bytes"}, .when = IF_RESPONSE},
	{"http_response.body_length", {"http.response.body.bytes"}, .when = IF_RESPONSE},
	{"http_response.latency", {"event.duration"}, ROW_MILLISECONDS, IF_ANSWERED},
	/* Both ends of a Unix socket are on this host, and the caller may be in a container of it; but whoever logged in from
	 * elsewhere called from there. */
	{"src_endpoint.ip", {"source.ip"}, .when = IF_ENDPOINTS},
	{"src_endpoint.port", {"source.port"}, .when = IF_ENDPOINTS},
	{"src_endpoint.hostname", {"source.domain"}, .when = IF_ENDPOINTS},
	{"src_endpoint.hostname", {"host.name"}, .when = IF_ENDPOINTS | IF_LOCAL},
	{"src_endpoint.name", .word = "localhost", .when = IF_ENDPOINTS | IF_LOCAL | IF_NAMELESS_HOST},
	{"src_endpoint.container.uid", {"container.id"}, .when = IF_ENDPOINTS},
	{"src_endpoint.container.name", {"container.name"}, .when = IF_ENDPOINTS},
	{"dst_endpoint.hostname", {"host.name"}, .when = IF_ENDPOINTS | IF_SOCKET},
	{"dst_endpoint.name", {"callerd.connection.socket"}, .when = IF_ENDPOINTS},
	{"dst_endpoint.svc_name", {"callerd.api.engine"}, .when = IF_ENDPOINTS | IF_SOCKET},
	{"connection_info.uid", {"callerd.connection.id"}, .when = IF_NETWORK},
	{"connection_info.direction_id", .number = 4, .when = IF_NETWORK},
	{"connection_info.direction", .word = "Local", .when = IF_NETWORK},
	{"connection_info.boundary_id", .number = 1, .when = IF_NETWORK},
	{"connection_info.boundary", .word = "Localhost", .when = IF_NETWORK},
	{"disposition", .put = put_denied, .when = IF_NETWORK},
	{"resources", .put = put_resources, .when = IF_REQUEST},
	{"attacks", .put = put_attacks, .when = IF_REQUEST},
	{"object", .put = ocsf_put_object},
	{"unmapped.callerd", .put = put_callerd},
	{"unmapped.process.real_user.id", {"process.real_user.id"}},
	{"unmapped.process.real_user.name", {"process.real_user.name"}},
	/* An image has a place in the schema, but an id is required there. */
	{"unmapped.container.image.name", {"container.image.name"}},
	{"unmapped.http.request.mime_type", {"http.request.mime_type"}},
};

static struct ocsf_row finding_rows[] = {
	{"confidence", .put = put_confidence},
	{"is_alert", .put = put_is_alert},
	{"finding_info.uid", .put = put_finding_uid},
	{"finding_info.title", .put = put_analytics},
	{"finding_info.attacks", .put = ocsf_put_techniques},
	{"finding_info.created_time", {"@timestamp"}, ROW_MILLISECONDS},
	{"finding_info.related_events", .put = put_related},
	{"evidences", .put = put_evidences},
	{"resources", .put = put_found_resources},
	{"unmapped.callerd.expected", .put = put_expected},
};
/* clang-format on */

static void find_fields_of(struct ocsf_row *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].from.path)
			fields_find(&list[i].from);
}

static void ocsf_find_fields(void)
{
	fields_find(&kind_path);
	find_fields_of(head_rows, COUNT(head_rows));
	find_fields_of(api_rows, COUNT(api_rows));
	find_fields_of(activity_rows, COUNT(activity_rows));
	find_fields_of(finding_rows, COUNT(finding_rows));
	find_fields_of(parent_rows, COUNT(parent_rows));
	find_fields_of(ancestor_rows, COUNT(ancestor_rows));
}

#define ROW_DEPTH_MAX 4
#define ROW_KEY_MAX 32

/* The objects that the last row was in. */
struct open_objects {
	unsigned int count;
	char keys[ROW_DEPTH_MAX][ROW_KEY_MAX];
};

/* Closes all but COUNT objects. */
static void close_objects(struct json *json, struct open_objects *open, unsigned int count)
{
	for (; open->count > count; open->count--)
		json_close(json);
}

/* Closes and opens objects until those of PATH are open. Returns the key behind them. */
static const char *open_objects(struct json *json, struct open_objects *open, const char *path)
{
	unsigned int depth = 0;
	const char *dot;

	for (; (dot = strchr(path, '.')); path = dot + 1, depth++) {
		size_t size = (size_t)(dot - path);
		char *key = open->keys[depth];

		assert(depth < ROW_DEPTH_MAX && size < ROW_KEY_MAX);
		if (depth < open->count && !strncmp(key, path, size) && !key[size])
			continue;
		close_objects(json, open, depth);
		memcpy(key, path, size);
		key[size] = '\0';
		json_open_object(json, key);
		open->count++;
	}
	close_objects(json, open, depth);
	return path;
}

static void ocsf_put_field(struct ocsf *ocsf, const struct ocsf_row *row, const char *key)
{
	struct field_cursor cursor = {0};
	struct field_value value;

	if (!fields_read(&ocsf->fields, &row->from, &cursor, &value))
		return;
	if (row->kind == ROW_MILLISECONDS)
		value.number /= NS_PER_MS;
	if (row->kind != ROW_AS_IS)
		value.kind = row->kind == ROW_ID ? VALUE_ID : VALUE_NUMBER;
	ecs_put_value(&ocsf->json, key, &value);
}

static void put_rows(struct ocsf *ocsf, const struct ocsf_row *row, size_t count)
{
	struct open_objects open = {0};

	for (const struct ocsf_row *end = row + count; row < end; row++) {
		const char *key;

		if (!fields_meet(&ocsf->fields, row->when | row->from.when))
			continue;
		key = open_objects(&ocsf->json, &open, row->key);
		if (row->put)
			row->put(ocsf, key);
		else if (row->from.path)
			ocsf_put_field(ocsf, row, key);
		else if (row->word)
			json_put_word(&ocsf->json, key, row->word);
		else
			json_put_number(&ocsf->json, key, row->number);
	}
	close_objects(&ocsf->json, &open, 0);
}

static void put_parent(struct ocsf *ocsf, const char *key)
{
	const struct caller *caller = ocsf->view->caller;

	if (!caller->ancestor_count || !caller->ancestors[0].pid ||
	    !fields_meet(&ocsf->fields, IF_LINEAGE))
		return;
	ocsf->fields.of[FIELDS_process] = caller->ancestors;
	json_open_object(&ocsf->json, key);
	put_rows(ocsf, parent_rows, COUNT(parent_rows));
	json_close(&ocsf->json);
	ocsf->fields.of[FIELDS_process] = &caller->process;
}

static void put_ancestry(struct ocsf *ocsf, const char *key)
{
	const struct record_field *ancestors = fields_parts[PART_ANCESTORS];
	unsigned int index = 0;

	json_open_array(&ocsf->json, key);
	while (fields_meet(&ocsf->fields, IF_LINEAGE) &&
	       fields_enter(&ocsf->fields, ancestors, &index)) {
		json_open_object(&ocsf->json, NULL);
		put_rows(ocsf, ancestor_rows, COUNT(ancestor_rows));
		json_close(&ocsf->json);
	}
	json_close(&ocsf->json);
}

static void put_evidences(struct ocsf *ocsf, const char *key)
{
	struct json *json = &ocsf->json;

	json_open_array(json, key);
	json_open_object(json, NULL);
	if (record_is_request(ocsf->record))
		put_rows(ocsf, api_rows, COUNT(api_rows));
	else
		put_found_resources(ocsf, "resources");
	json_close(json);
	json_close(json);
}

/* --- the whole -------------------------------------------------------------------------------- */

static uint64_t conditions_of(const struct ocsf *ocsf)
{
	const char *host = ocsf->context->host_name;
	const struct record *record = ocsf->record;
	const struct caller *caller = record->caller;
	const struct login *login = ocsf->view->login;
	uint64_t met = IF_ACTIVITY | (host && *host ? 0 : IF_NAMELESS_HOST);

	if (caller && caller->process.pid)
		met |= IF_PROCESS;
	if ((!login || (!login->address[0] && !login->host[0])) &&
	    (caller || !record->connection.tcp))
		met |= IF_LOCAL;
	if (!record->fold_count)
		met |= IF_SINGLE;
	met |= record->relayed.certainty == RELAYED_CERTAIN && record->relayed.caller ? IF_BEHALF
										      : IF_ITSELF;
	if (ocsf->class == CLASS_NETWORK)
		met |= IF_NETWORK | IF_ENDPOINTS;
	if (ocsf->class != CLASS_API)
		return met;
	met |= IF_ENDPOINTS | (caller ? 0 : IF_NOBODY);
	if (record->http.verb > METHOD_OTHER && record->http.verb != METHOD_PRI)
		met |= IF_METHOD;
	if (record->http.status > 0)
		met |= IF_RESPONSE | (record->action == RECORD_API_REQUEST ? IF_ANSWERED : 0);
	return met;
}

static void put_activity(struct ocsf *ocsf)
{
	set_class(ocsf, class_of(ocsf->record));
	ocsf->activity = activity_of(ocsf);
	ocsf->fields.conditions |= conditions_of(ocsf);
	json_open_object(&ocsf->json, NULL);
	put_rows(ocsf, head_rows, COUNT(head_rows));
	if (ocsf->class == CLASS_API)
		put_rows(ocsf, api_rows, COUNT(api_rows));
	put_rows(ocsf, activity_rows, COUNT(activity_rows));
	json_close(&ocsf->json);
	text_add_char(ocsf->json.out, '\n');
}

static void put_detection(struct ocsf *ocsf)
{
	/* The record of the answer comes after that of the beginning. */
	bool again = ocsf->record->http.begun;

	set_class(ocsf, CLASS_DETECTION);
	ocsf->activity = ocsf_activity(again ? 2 : 1, again ? "Update" : "Create");
	ocsf->fields.conditions &= ~(uint64_t)IF_ACTIVITY;
	json_open_object(&ocsf->json, NULL);
	put_rows(ocsf, head_rows, COUNT(head_rows));
	put_rows(ocsf, finding_rows, COUNT(finding_rows));
	json_close(&ocsf->json);
	text_add_char(ocsf->json.out, '\n');
}

int ocsf_write(const struct record *record, const struct record_context *context, struct text *out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ocsf ocsf = {.json.out = out, .record = record, .context = context};
	int error = fields_init(&ocsf.fields, record, context, IF_ECS | IF_WHOLE, out);

	pthread_once(&once, ocsf_find_fields);
	ocsf.view = &ocsf.fields.view;
	if (!error) {
		put_activity(&ocsf);
		if (has_detection(record))
			put_detection(&ocsf);
		error = ocsf.scratch.error;
	}
	error = fields_free(&ocsf.fields, error);
	text_free(&ocsf.scratch);
	return error;
}
