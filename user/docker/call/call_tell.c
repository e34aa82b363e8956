// SPDX-License-Identifier: Apache-2.0
/* What the record of a request says of its contents. What is known outside of the call does not change by that, but for
 * the removals that were counted (removals.h). */
#include "docker/call/call_inside.h"

/* The container that the caller runs in, and who is behind the caller there. */
static void put_container(const struct calls *calls, struct record *record)
{
	struct bytes id = caller_container_id(record->caller);
	const struct inventory_container *container = call_container(calls, id);

	if (container) {
		record->container_name = container->name;
		record->container_image = container->image;
		record->container_labels = container->labels;
	}
	if (id.size && calls->options.causes)
		causes_makers(calls->options.causes, id, record->caller, record->makers);
}

void call_note_behind(struct call *call)
{
	struct request *request = call->request;
	struct bytes container =
		request && request->caller && !request->behind && call->calls->options.causes
			? caller_container_id(request->caller)
			: (struct bytes){0};
	struct record_maker makers[RECORD_MAKERS];
	const struct record_maker *behind = &makers[MAKER_BEHIND];

	if (!container.size)
		return;
	causes_makers(call->calls->options.causes, container, request->caller, makers);
	if (behind->caller)
		ledger_request_set_behind(request, (struct caller *)behind->caller,
					  behind->event_id);
}

void call_note_servant(struct call *call)
{
	const struct calls_options *options = &call->calls->options;
	struct request *request = call->request;
	struct record_relayed relayed = {.certainty = RELAYED_UNKNOWN};

	if (!request || !request->caller || request->relayed.certainty || !options->serves)
		return;
	relayed.basis = options->serves(options->data, request->caller);
	if (relayed.basis)
		ledger_request_set_relayed(request, &relayed);
}

/* Whether users start what they like there. */
static bool is_of_user_session(const struct caller *caller)
{
	return bytes_begin(caller->cgroup, "/user.slice/");
}

/* A path proves nothing by itself, as the caller may have mounted what it likes: the host must have that very
 * file there. Where the kernel did not see what was executed, *RET_SEEN is false. */
static struct bytes proven_executable(const struct calls *calls, const struct caller *caller,
				      bool *ret_seen)
{
	const struct calls_options *options = &calls->options;
	const struct process *process = &caller->process;
	struct callerd_node_key file = caller_file(caller);

	*ret_seen = caller->executable_known;
	if (process->executable_deleted || process->executable_exchanged ||
	    (!*ret_seen && is_of_user_session(caller)) || !options->is_program ||
	    !options->is_program(options->data, process->executable, &file))
		return (struct bytes){0};
	return process->executable;
}

static struct policy_call policy_call(const struct calls *calls, const struct caller *caller,
				      char user[128], char login[128])
{
	const struct record_context *context = calls->options.context;
	const struct inventory_container *container =
		call_container(calls, caller_container_id(caller));
	struct policy_call ret = {
		.uid = caller->process.euid,
		.login_uid = caller->login_uid,
	};

	if (container) {
		ret.container_image = container->image;
		ret.container_name = container->name;
	}
	if (policy_has_executables(calls->options.policy))
		ret.executable = proven_executable(calls, caller, &ret.executable_seen);
	ret.unit = caller_unit(caller);
	ret.contained = caller_may_be_contained(caller);
	ret.foreign =
		caller->pid_ns != CALLER_INITIAL_PID_NS && caller->pid_ns != calls->options.pid_ns;
	if (context && context->user_name && context->user_name(context->data, ret.uid, user, 128))
		ret.user = bytes_of(user);
	if (context && context->user_name && ret.login_uid != CALLERD_UNSET_ID &&
	    context->user_name(context->data, ret.login_uid, login, 128))
		ret.login_user = bytes_of(login);
	return ret;
}

const char *call_expected(const struct calls *calls, const struct caller *caller,
			  enum operation operation, bool connects)
{
	char user[128], login[128];
	struct policy_call call;

	if (!calls->options.policy)
		return NULL;
	call = policy_call(calls, caller, user, login);
	call.operation = bytes_of(operation_name(operation));
	call.connects = connects;
	return policy_expected(calls->options.policy, &call);
}

/* Each once. */
static void put_techniques(struct calls *calls, struct record_api *api)
{
	unsigned int seen = 1 << TECHNIQUE_NONE;

	api->technique_count = 0;
	for (unsigned int i = 0; i < api->finding_count; i++) {
		enum finding_technique technique = finding_kind(api->findings[i].id)->technique;

		if (!(seen >> technique & 1))
			calls->techniques[api->technique_count++] = technique;
		seen |= 1 << technique;
	}
	api->techniques = calls->techniques;
}

static void put_findings(struct calls *calls, const struct verdict *verdict, struct record_api *api)
{
	api->finding_count = call_findings(calls->options.policy, verdict, calls->findings,
					   COUNT(calls->findings));
	api->findings = calls->findings;
	put_techniques(calls, api);
}

void calls_describe_caller(struct calls *calls, struct record *record)
{
	bool connects = record->action == RECORD_SOCKET_CONNECTED;

	if (connects && record->server) {
		verdict_free(&calls->verdict);
		call_judge_server(&calls->verdict, record->server);
		put_findings(calls, &calls->verdict, &record->api);
	}
	if (!record->caller)
		return;
	put_container(calls, record);
	/* What is found of a server is no matter of who connects to it. */
	if (!connects || !record->api.finding_count)
		record->api.expected_rule =
			call_expected(calls, record->caller, record->api.operation, connects);
}

static void call_tell_put_operation(struct call *call, struct record_api *api)
{
	const struct route *route = call->match.route;
	const struct target *target = &call->target;

	call_target_complete(call);
	api->version = call->match.version;
	api->operation = route->operation;
	api->activity = route->reads ? ACTIVITY_READ : route->activity;
	api->target_type = call_target_type(call);
	api->target_id = call_told(call, target->id);
	api->target_name = call_told(call, target->name);
	api->target_image = call_told(call, target->image);
	api->target_labels = call_is_create(call) && call->labels.count
				     ? labels_packed(&call->labels)
				     : target->labels;
	api->container_id = call_told(call, target->container_id);
	api->container_name = call_told(call, target->container_name);
}

void call_describe(void *content, bool complete, struct record *record)
{
	struct call *call = content;
	const struct calls_options *options = &call->calls->options;
	struct record_api *api = &record->api;
	const struct verdict *verdict;

	api->engine = options->engines ? options->engines[call->socket] : BRAND_DOCKER;
	record->request_id = call->event_id;
	if (record->action == RECORD_API_REQUEST)
		record->id = call->event_id;
	record->http.failure = call->failure;
	call_note_behind(call); /* it may have come to be known only since the request was sent */
	call_note_servant(call);
	if (call->dark)
		api->target_id = call_told(call, call_made_id(call));
	if (call->match.route)
		call_tell_put_operation(call, api);
	if (record->action == RECORD_API_ENDED) /* the rest was told with its answer */
		return;
	verdict = call_judge(call, complete, record);
	api->facts = verdict->facts;
	api->fact_count = verdict->fact_count;
	put_findings(call->calls, verdict, api);
}

/* Of a request that is not HTTP as the daemon reads it, or another protocol. */
void call_describe_unread(void *data, struct record *record)
{
	struct calls *calls = data;

	const char *error = record->http.parse_error ?: "its head was not seen";

	verdict_free(&calls->verdict);
	if (record->http.by_engine && record->incomplete & RECORD_INCOMPLETE_BUDGET) {
		/* A large build comes to that; whoever lends a session asks nothing by it. */
		verdict_add(&calls->verdict, FINDING_BODY_NOT_SEEN, SEVERITY_INFO, "%s", error);
		put_findings(calls, &calls->verdict, &record->api);
		return;
	}
	verdict_add(&calls->verdict, FINDING_PROTOCOL_ANOMALY, SEVERITY_NONE, "%s", error);
	if (record->http.status < 300)
		verdict_add(&calls->verdict, FINDING_BODY_NOT_SEEN, SEVERITY_HIGH,
			    "what was asked for is not understood");
	put_findings(calls, &calls->verdict, &record->api);
}
