// SPDX-License-Identifier: Apache-2.0
#include "record/view.h"

#include <assert.h>

#include "base/clock.h"
#include "http/grpc.h"
#include "secret/mask.h"

#define DESCRIBED_BEFORE 1000000000 /* ns; a shorter time is not worth a mark */

void record_add_id(struct text *out, const struct record_context *context, uint64_t real, char kind,
		   uint64_t number)
{
	text_add_hex(out, real, 16);
	text_add_char(out, '-');
	if (context->run_id) {
		text_add_string(out, context->run_id);
		text_add_char(out, '-');
	}
	if (kind)
		text_add_char(out, kind);
	text_add_hex(out, number, 8);
}

void view_add_id(struct text *out, const struct view *view)
{
	const struct record *record = view->record;

	if (record->id.size)
		text_add_bytes(out, record->id);
	else
		record_add_id(out, view->context, record_time(view->context, record->time), 0,
			      record->sequence);
}

void view_add_request_id(struct text *out, const struct view *view)
{
	if (view->record->request_id.size)
		text_add_bytes(out, view->record->request_id);
	else if (view->record->action == RECORD_API_REQUEST && !view->record->fold_count)
		view_add_id(out, view);
}

struct bytes view_request_error(const struct record *record)
{
	return record->http.failure.size ? record->http.failure
					 : bytes_of(record->http.parse_error);
}

void view_add_error(struct text *out, int error)
{
	const char *name = strerrorname_np(error);

	if (name)
		text_add_string(out, name);
	else
		text_add_number(out, (uint64_t)error);
}

void view_add_account(struct text *out, const struct view *view)
{
	uint64_t account = view->record->account;
	const char *type = name_account(account);

	if (!type)
		return;
	text_add_string(out, type);
	if (CALLERD_ACCOUNT_KIND(account) == CALLERD_ACCOUNT_REST)
		return;
	text_add_char(out, ' ');
	if (!view->account[0]) {
		text_add_number(out, CALLERD_ACCOUNT_ID(account));
		return;
	}
	text_add_string(out, view->account);
	text_add_string(out, " (");
	text_add_number(out, CALLERD_ACCOUNT_ID(account));
	text_add_char(out, ')');
}

void view_add_finding(struct text *out, const struct finding *finding)
{
	text_add_string(out, finding_severity_name(finding->severity));
	text_add_char(out, ' ');
	text_add_string(out, finding_kind(finding->id)->id);
	if (!finding->detail.size)
		return;
	text_add_string(out, ": ");
	text_add_bytes(out, finding->detail);
}

/* The boot in which CALLER and its ancestors ran. */
static struct bytes boot_id_of(const struct view *view, const struct caller *caller)
{
	return caller->boot_id.size ? caller->boot_id : bytes_of(view->context->boot_id);
}

int64_t view_boot_to_real(const struct view *view, const struct caller *caller)
{
	return caller->boot_id.size ? caller->boot_to_real : view->context->boot_to_real;
}

/* BOOT-PID-START: the boot id without its dashes, the pid in decimal, and the start in ns of
 * CLOCK_BOOTTIME in hexadecimal. Rests on the clock that no one can set. */
void view_add_entity_id(struct text *out, const struct view *view, const struct caller *caller,
			const struct process *process)
{
	struct bytes boot = boot_id_of(view, caller);

	if (!boot.size || !process->pid || !process->start)
		return;
	for (size_t i = 0; i < boot.size; i++)
		if (boot.data[i] != '-')
			text_add_char(out, boot.data[i]);
	text_add_char(out, '-');
	text_add_number(out, process->pid);
	text_add_char(out, '-');
	text_add_hex(out, process->start, 1);
}

struct bytes view_args(const struct view *view, const struct process *process, struct text *masked)
{
	if (view->caller && process == &view->caller->process)
		return view->args;
	if (!process->args.size)
		return process->args;
	text_cut(masked, 0);
	mask_args(masked, process->args);
	return text_since(masked, 0);
}

void view_user_name(const struct record_context *context, uint32_t uid, char name[VIEW_NAME_SIZE])
{
	if (!context->user_name || !context->user_name(context->data, uid, name, VIEW_NAME_SIZE))
		name[0] = '\0';
	name[VIEW_NAME_SIZE - 1] = '\0';
}

static char *view_put(char *at, const char *string)
{
	size_t size = strlen(string);

	memcpy(at, string, size + 1);
	return at + size;
}

/* "group:docker", or "group:998" where the group has no name. */
static void name_group(struct view *view, char *at)
{
	const struct record_context *context = view->context;
	uint32_t gid = view->caller->node_gid;
	char digits[10];
	int size = 0;

	at = view_put(at, "group:");
	if (context->group_name && context->group_name(context->data, gid, at, VIEW_NAME_SIZE) &&
	    *at) {
		at[VIEW_NAME_SIZE - 1] = '\0';
		return;
	}
	do {
		digits[size++] = (char)('0' + gid % 10);
		gid /= 10;
	} while (gid);
	while (size)
		*at++ = digits[--size];
	*at = '\0';
}

static void view_access(struct view *view)
{
	enum caller_access access = caller_access(view->caller);

	view->access[0] = '\0';
	if (view->record->action == RECORD_SOCKET_REFUSED || access == CALLER_ACCESS_UNKNOWN)
		return;
	if (access == CALLER_ACCESS_GROUP)
		name_group(view, view->access);
	else
		view_put(view->access, name_access(access));
}

static void view_caller(struct view *view)
{
	const struct caller *caller = view->caller;

	view->user[0] = view->real_user[0] = view->login_user[0] = view->access[0] = '\0';
	if (!caller)
		return;
	view_user_name(view->context, caller->process.euid, view->user);
	if (caller->basis != CALLER_FROM_KERNEL)
		return;
	view->described = true;
	if (caller->uid != caller->process.euid)
		view_user_name(view->context, caller->uid, view->real_user);
	if (caller->login_uid != CALLERD_UNSET_ID) {
		view->elevated = caller->login_uid != caller->process.euid;
		view_user_name(view->context, caller->login_uid, view->login_user);
	}
	if (view->context->login)
		view->login =
			view->context->login(view->context->login_data, caller, &view->login_asked);
	view->container_id = caller_container_id(caller);
	view_access(view);
	view->args = caller->process.args;
	if (view->args.size) {
		mask_args(&view->args_text, caller->process.args);
		view->args = text_since(&view->args_text, 0);
	}
}

static bool has_cause(const struct record *record, enum cause_kind kind)
{
	return record->action == RECORD_DOCKER_EVENT && record->cause.kind == kind;
}

bool view_described_before(const struct view *view)
{
	const struct record *record = view->record;

	return record->described && record->described + DESCRIBED_BEFORE < record->time;
}

uint32_t view_acting_uid(const struct caller *caller)
{
	bool login = caller->basis == CALLER_FROM_KERNEL && caller->login_uid != CALLERD_UNSET_ID;

	return login ? caller->login_uid : caller->process.euid;
}

bool view_has_cause(const struct view *view, enum cause_kind kind)
{
	return has_cause(view->record, kind);
}

/* The outcome that the engine tells. An end without an exit code has an unknown one. */
static enum record_outcome outcome_of_event(const struct record_event *event)
{
	if (event->act == ACTION_OOM || event->unhealthy)
		return OUTCOME_FAILURE;
	if (event->act != ACTION_DIE && event->act != ACTION_EXEC_DIE)
		return OUTCOME_SUCCESS;
	if (!event->has_exit_code)
		return OUTCOME_UNKNOWN;
	return event->exit_code ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
}

static enum record_outcome outcome_of(const struct record *record)
{
	if (record->action == RECORD_DOCKER_EVENT)
		return outcome_of_event(&record->event);
	if (record->action == RECORD_AGENT_RELOADED)
		return record->reload_refused ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
	if (record->action == RECORD_SELF_TEST)
		return record->test_fault ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
	if (!record_is_request(record))
		return name_action(record->action)->outcome;
	if (!record->http.status || record->http.status_unsure)
		return OUTCOME_UNKNOWN;
	if (record->http.grpc && record->http.status == 200)
		return record->http.outcome == GRPC_UNKNOWN ? OUTCOME_UNKNOWN
		       : record->http.outcome == GRPC_OK    ? OUTCOME_SUCCESS
							    : OUTCOME_FAILURE;
	return record->http.status < 400 && !record->http.failure.size ? OUTCOME_SUCCESS
								       : OUTCOME_FAILURE;
}

/* An event that needs a request where none was seen is doubtful: that request came through another door. So is a request
 * that was not seen whole, or is odd. */
enum finding_severity view_severity(const struct record *record)
{
	enum finding_severity severity = name_action(record->action)->severity;
	bool doubtful = has_cause(record, CAUSE_UNKNOWN) && name_event(&record->event).requested;

	if (record->reload_refused || (record->action == RECORD_SELF_TEST && record->test_fault))
		severity = SEVERITY_MEDIUM;
	/* Most are those of programs that look for other sockets. */
	if (record->lost_refused)
		severity = SEVERITY_LOW;
	if (record->api.finding_count && severity < record->api.findings[0].severity)
		severity = record->api.findings[0].severity;
	/* A filter by severity that shows a request shows the events that it caused, too. */
	if (record->action == RECORD_DOCKER_EVENT && record->cause.finding_count &&
	    record->cause.findings[0].severity >= SEVERITY_HIGH)
		doubtful = true;
	if (record_is_request(record)) {
		doubtful = record->incomplete & ~(unsigned int)RECORD_INCOMPLETE_UNFINISHED ||
			   record->http.target_truncated || record->http.anomalies;
	}
	return doubtful && severity < SEVERITY_LOW ? SEVERITY_LOW : severity;
}

/* Critical is 2: callerd sees no emergency, and nothing that must be done at once. */
unsigned int view_syslog_severity(enum finding_severity severity)
{
	static const unsigned char severities[] = {
		[SEVERITY_NONE] = 6,	 /* the agent itself: informational */
		[SEVERITY_INFO] = 6,	 /* informational */
		[SEVERITY_LOW] = 5,	 /* notice */
		[SEVERITY_MEDIUM] = 4,	 /* warning */
		[SEVERITY_HIGH] = 3,	 /* error */
		[SEVERITY_CRITICAL] = 2, /* critical */
	};

	assert(severity < COUNT(severities));
	return severities[severity];
}

int view_init(struct view *view, const struct record *record, const struct record_context *context)
{
	bool request = record_is_request(record);

	view->record = record;
	view->context = context;
	view->caller = record->caller;
	view->described = view->elevated = view->login_asked = false;
	view->login = NULL;
	view->args = view->container_id = (struct bytes){0};
	view->url = (struct url){0};
	view->event = (struct event_name){0};
	view->args_text = view->url_text = (struct text){0};
	view_caller(view);
	view->account[0] = '\0';
	if (CALLERD_ACCOUNT_KIND(record->account) == CALLERD_ACCOUNT_USER)
		view_user_name(context, CALLERD_ACCOUNT_ID(record->account), view->account);
	if (request && record->http.target.size)
		url_mask(&view->url_text, record->http.target, &view->url);
	view->target_truncated = request && record->http.target_truncated;
	view->incomplete = record->incomplete;
	if (record->action == RECORD_DOCKER_EVENT)
		view->event = name_event(&record->event);
	view->outcome = outcome_of(record);
	view->severity = view_severity(record);
	return view->args_text.error ? view->args_text.error : view->url_text.error;
}

void view_free(struct view *view)
{
	text_free(&view->args_text);
	text_free(&view->url_text);
}
