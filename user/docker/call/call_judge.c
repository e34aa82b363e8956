// SPDX-License-Identifier: Apache-2.0
/* What is to be thought of a request: its operation, its contents, how much of it was seen, and its caller. */
#include <stdlib.h>

#include "docker/call/call_inside.h"
#include "http/grpc.h"

#define SHORT_ID 12 /* digits, as docker ps has them */

#define SHOWN_MAX 128
/* The precision and the pointer of a bytes that is shown. */
#define SHOWN(bytes) (int)((bytes).size < SHOWN_MAX ? (bytes).size : SHOWN_MAX), (bytes).data ?: ""

static struct judging judging_of(struct call *call, struct verdict *verdict)
{
	struct judging judging = {
		.inventory = call->inventory,
		.files = call->calls->options.files,
		.name = call->match.name,
		.path = call->match.path,
		.entry = call->match.route->entry,
		.query = text_since(&call->query, 0),
		.build = call->build,
		.of_build = call->of_build,
		.asked_for = call->asked_for,
		.containerd = call->containerd,
		.namespace = call->namespace,
		.body = call_taken_body(call),
		.verdict = verdict,
		.refused = call->status >= 300,
	};
	enum target_type type = call_target_type(call);
	struct bytes container =
		type == TARGET_CONTAINER ? call->target.id : call->target.container_id;

	if (container.size)
		judging.container = inventory_container(call->inventory, container);
	if (call->match.route->target == TARGET_EXEC)
		judging.exec = inventory_exec(call->inventory, call->target.id);
	return judging;
}

static bool was_taken_over(const struct call *call, const struct record *record)
{
	return call->status == 101 || (call->status == 200 && !record->http.has_response_bytes);
}

/* Adds the finding that the operation always is, unless the contents say the same in more detail. */
static void judge_operation(struct call *call, struct verdict *verdict, const struct record *record)
{
	const struct route *route = call->match.route;

	if (!route->finding)
		return;
	if (route->opaque && route->finding == FINDING_OPAQUE_STREAM &&
	    (!was_taken_over(call, record) || record->http.upgraded))
		return;
	for (unsigned int i = 0; i < verdict->finding_count; i++)
		if (verdict->findings[i].id == route->finding)
			return;
	verdict_add(verdict, route->finding, route->severity, "%s",
		    operation_name(route->operation));
}

/* Why the body was not seen whole, or is not understood; NULL: it was and is. */
static const char *unseen_part(const struct call *call, bool complete, uint64_t size)
{
	if (call->body_refused)
		return "there was no memory for it";
	if (call->gap || !complete)
		return "it was not seen whole";
	if (!size)
		return NULL;
	if (call->yaml_trouble)
		return call->yaml_trouble;
	if (!call->body)
		return "there was no memory for it";
	switch (body_state(call->body)) {
	case BODY_OPEN:
		return "it ends too early";
	case BODY_INVALID:
	case BODY_MISTYPED:
		return body_error(call->body);
	case BODY_DONE:
		break;
	}
	if (body_oddities(call->body) & BODY_DROPPED)
		return "it has more than is kept; what is dangerous by itself was judged";
	if (body_oddities(call->body) & BODY_CUT)
		return "a text in it is longer than what is kept";
	return NULL;
}

/* The same of the message of a call. */
static const char *unseen_message(const struct call *call)
{
	if (call->containerd && (call->gap || !containerd_is_complete(call->containerd)))
		return containerd_trouble(call->containerd) ?: "it was not seen whole";
	if (call->containerd)
		return containerd_trouble(call->containerd);
	if (!call->build)
		return "there was no memory for it";
	if (call->gap || !build_is_complete(call->build))
		return build_trouble(call->build) ?: "it was not seen whole";
	return build_trouble(call->build);
}

/* Whether what is created there may open the way to the host. */
static bool is_grave(enum target_type target)
{
	return target == TARGET_CONTAINER || target == TARGET_VOLUME || target == TARGET_SERVICE ||
	       target == TARGET_POD || target == TARGET_PLUGIN || target == TARGET_NONE;
}

/* Adds that the body was not seen whole. What the daemon refused was not acted on, seen or not. */
static void judge_completeness(struct call *call, struct verdict *verdict, bool complete,
			       const struct record *record)
{
	const struct route *route = call->match.route;
	const char *why;

	if (call->status >= 400)
		return;
	if (route->unread)
		verdict_add(verdict, FINDING_BODY_NOT_SEEN, SEVERITY_HIGH,
			    "callerd does not read Podman's own body of this operation");
	if (route->asks || route->takes) {
		why = unseen_message(call);
		if (why)
			verdict_add(verdict, FINDING_BODY_NOT_SEEN,
				    route->reads ? SEVERITY_INFO : SEVERITY_HIGH, "message: %s",
				    why);
	}
	if (!route->body ||
	    (route->takes && !(call->containerd && containerd_specs(call->containerd))))
		return;
	why = unseen_part(call, complete, record->http.request_bytes);
	if (why)
		verdict_add(verdict, FINDING_BODY_NOT_SEEN,
			    is_grave(route->target) ? SEVERITY_HIGH : SEVERITY_INFO, "body: %s",
			    why);
}

static void add_word(struct text *text, const char *word)
{
	if (text->size)
		text_add_string(text, ", ");
	text_add_string(text, word);
}

static void judge_oddities(const struct call *call, struct verdict *verdict,
			   const struct record *record)
{
	static const char *const body_words[] = {
		"a key twice", "a key in another case", "a key spelled with escapes",
		"bytes that are not UTF-8", "bytes behind the JSON"};
	/* A long line is no other reading of it. */
	unsigned int http = record->http.anomalies & ~HTTP1_ANOMALY_OVERSIZED;
	unsigned int body = call->body ? body_oddities(call->body) : 0;
	struct text words = {0};

	for (size_t i = 0; i < COUNT(body_words); i++)
		if (body >> i & 1)
			add_word(&words, body_words[i]);
	if (http)
		add_word(&words, "HTTP that others read differently");
	if (call->means.size)
		verdict_add(verdict, FINDING_PROTOCOL_ANOMALY, SEVERITY_NONE,
			    "the name meant %.12s when the request began, and %.12s before it was "
			    "answered",
			    call->meant.data, call->means.data);
	/* Go prefers what the form says. */
	if (record->http.request_bytes && call->form)
		add_word(&words, "a form in the body, which overrides the query");
	if (call->containerd && containerd_specs(call->containerd) > 1)
		add_word(&words, "a specification twice");
	if (words.size)
		verdict_add(verdict, FINDING_PROTOCOL_ANOMALY, SEVERITY_NONE, "%s", words.data);
	text_free(&words);
}

static void judge_removal(struct call *call, struct verdict *verdict, const struct record *record)
{
	if (call->match.route->method != METHOD_DELETE || !call_succeeded(call) || !record->caller)
		return;
	if (removals_add(&call->calls->removals, record->caller, record->time))
		verdict_add(verdict, FINDING_REMOVE_MANY, SEVERITY_NONE,
			    "the last of %u removals or more within a minute", REMOVALS_MANY);
}

static void judge_unknown(const struct call *call, struct verdict *verdict)
{
	/* Podman does not redirect where Docker does. */
	bool redirected = call->match.redirected && call->status / 100 == 3;
	struct bytes service, method;

	if (call->grpc) {
		grpc_split(call->match.path, &service, &method);
		if (call->status == grpc_status_http(GRPC_UNIMPLEMENTED))
			return;
		if (!route_knows_service(service)) {
			verdict_add(verdict, FINDING_GRPC_SERVICE_UNKNOWN, SEVERITY_NONE,
				    "service %.*s", SHOWN(service));
			return;
		}
	}
	if (!redirected && call->status != 404)
		verdict_add(verdict, FINDING_UNKNOWN_OPERATION, SEVERITY_NONE,
			    "callerd does not know this operation");
}

/* A build is asked for by two calls, one of which is what is built. */
static void judge_asked(const struct call *call, struct verdict *verdict)
{
	unsigned int differs = call->asked ? call->asked->differs : 0;

	for (unsigned int i = 0; i < ASKED_SUBJECTS; i++)
		if (differs >> i & 1)
			verdict_add(verdict, FINDING_BUILD_DIFFERS, SEVERITY_NONE,
				    "%s: %s says another thing", asked_subject(i),
				    call->asked->by_frontend ? "Solve of Control"
							     : "Solve of LLBBridge");
}

static struct kept *kept_anew(struct calls *calls)
{
	text_cut(&calls->kept.joins, 0);
	text_cut(&calls->kept.places, 0);
	calls->kept.more = false;
	return &calls->kept;
}

static void judge_contents(struct call *call, struct verdict *verdict)
{
	struct judging judging;

	call_read_yaml(call);
	judging = judging_of(call, verdict);
	judging.kept = kept_anew(call->calls);
	if (call->match.route->judge)
		call->match.route->judge(&judging);
	judge_entry(&judging);
}

const struct inventory_container *call_container(const struct calls *calls, struct bytes id)
{
	const struct inventory_container *container = NULL;

	for (unsigned int i = 0; id.size && !container && i < calls->options.socket_count &&
				 calls->options.inventories[i];
	     i++)
		container = inventory_container(calls->options.inventories[i], id);
	return container;
}

/* The owner of a rootless engine may name the cgroups of its containers: that is how it works. */
static bool is_own_engine(const struct caller *caller)
{
	return caller->has_node && caller->node_uid && caller->node_uid == caller->cgroup_owner;
}

/* Adds that the caller pretends to be what it is not. */
static void judge_caller(const struct calls *calls, struct verdict *verdict,
			 const struct caller *caller)
{
	struct bytes claimed = caller_claimed_container_id(caller);
	const struct inventory_container *container = call_container(calls, claimed);

	if (caller->process.executable_exchanged)
		verdict_add(verdict, FINDING_EXECUTABLE_FORGED, SEVERITY_NONE,
			    "executed %.*s, pretends %.*s", SHOWN(caller->process.executable),
			    SHOWN(caller->executable_claimed));
	for (unsigned int i = 0; i < caller->ancestor_count; i++)
		if (caller->ancestors[i].executable_exchanged)
			verdict_add(verdict, FINDING_EXECUTABLE_FORGED, SEVERITY_NONE,
				    "an ancestor, process %u, executed %.*s and pretends another",
				    caller->ancestors[i].pid,
				    SHOWN(caller->ancestors[i].executable));
	if (!claimed.size || is_own_engine(caller))
		return;
	verdict_add(
		verdict, FINDING_CALLER_FORGED, container ? SEVERITY_HIGH : SEVERITY_LOW,
		"the cgroup is named after container %.12s, by user %u and not by an engine%s%.*s",
		claimed.data, caller->cgroup_owner, container ? ": " : "",
		container ? (int)container->name.size : 0,
		container ? container->name.data ?: "" : "");
}

/* A request that was not seen may have asked for anything. */
static void judge_dark(const struct call *call, struct verdict *verdict)
{
	if (call->status < 400)
		verdict_add(verdict, FINDING_BODY_NOT_SEEN, SEVERITY_HIGH,
			    "the request was not seen");
}

/* Of a request that goes on, which may be still on its way: what is seen of it by now. */
static void judge_begun(struct call *call, struct verdict *verdict, bool complete,
			const struct record *record)
{
	const struct route *route = call->match.route;

	if (route && complete && !call->judged)
		judge_contents(call, verdict);
	if (route)
		judge_operation(call, verdict, record);
	if (route && complete)
		judge_completeness(call, verdict, complete, record);
	judge_asked(call, verdict);
	judge_oddities(call, verdict, record);
}

/* Whether it is in a PID namespace that is neither the host's nor callerd's. */
static bool is_foreign(const struct calls *calls, const struct caller *caller)
{
	return caller->pid_ns && caller->pid_ns != CALLER_INITIAL_PID_NS &&
	       caller->pid_ns != calls->options.pid_ns;
}

/* That the caller is in a container, as far as that is certain. The id of a container within another is not. */
static void judge_contained(const struct calls *calls, const struct route *route,
			    struct verdict *verdict, const struct record *record)
{
	const struct caller *caller = record->caller;
	struct bytes id = caller_container_id(caller);
	const struct inventory_container *container = call_container(calls, id);
	bool foreign = is_foreign(calls, caller);
	struct bytes name = id;

	if (!id.size && !(foreign && caller_may_be_contained(caller)))
		return;
	if (container && container->name.size)
		name = container->name;
	else if (id.size > SHORT_ID)
		name.size = SHORT_ID;
	verdict_add(verdict, FINDING_CALLED_FROM_CONTAINER,
		    route_reads(route, record->http.verb) ? SEVERITY_LOW : SEVERITY_NONE,
		    "by a process in %s%.*s", name.size ? "container " : "a container",
		    (int)name.size, name.data ?: "");
}

const struct record_server *call_other_server(const struct call *call)
{
	const struct calls_options *options = &call->calls->options;

	return options->server ? options->server(options->data, call->socket) : NULL;
}

void call_judge_server(struct verdict *verdict, const struct record_server *server)
{
	bool grave = server && (server->change == SERVER_OTHER_USER ||
				server->change == SERVER_OTHER_EXECUTABLE);

	if (server && server->change != SERVER_SAME)
		verdict_add(verdict, FINDING_SERVER_DIFFERS,
			    grave ? SEVERITY_CRITICAL : SEVERITY_HIGH,
			    "served by process %u of user %u, %.*s in %.*s, not by user %u, %.*s "
			    "in %.*s",
			    server->pid, server->uid, SHOWN(server->executable),
			    SHOWN(server->unit), server->usual_uid, SHOWN(server->usual_executable),
			    SHOWN(server->usual_unit));
}

/* Whether another process than the one that connected sent the request, or may have sent it. Who may have is at least one that
 * sent on the connection. */
static bool sent_by_another(const struct record *record)
{
	if (!record->connector || record->caller)
		return record->connector;
	for (unsigned int i = 0; i < record->candidate_count; i++)
		if (!caller_same_image(record->candidates[i], record->connector))
			return true;
	return false;
}

static void judge_answered(struct call *call, struct verdict *verdict, bool complete,
			   const struct record *record)
{
	if (call->dark) {
		judge_dark(call, verdict);
	} else if (call->match.route) {
		if (!call->judged)
			judge_contents(call, verdict);
		judge_operation(call, verdict, record);
		judge_completeness(call, verdict, complete, record);
		judge_removal(call, verdict, record);
		judge_asked(call, verdict);
	} else {
		judge_unknown(call, verdict);
	}
	judge_oddities(call, verdict, record);
	if (record->caller) {
		judge_caller(call->calls, verdict, record->caller);
		judge_contained(call->calls, call->match.route, verdict, record);
	}
	call_judge_server(verdict, call_other_server(call));
	if (sent_by_another(record))
		verdict_add(verdict, FINDING_SENDER_DIFFERS, SEVERITY_NONE,
			    "another process than the one that connected");
}

const struct verdict *call_judge(struct call *call, bool complete, const struct record *record)
{
	struct verdict *verdict = call->judged ?: &call->calls->verdict;

	if (!call->judged)
		verdict_free(verdict);
	if (record->action == RECORD_API_STARTED)
		judge_begun(call, verdict, complete, record);
	else
		judge_answered(call, verdict, complete, record);
	return verdict;
}

void call_judge_early(struct call *call)
{
	if (call->judged)
		return;
	call->judged = calloc(1, sizeof(*call->judged));
	if (!call->judged)
		return;
	judge_contents(call, call->judged);
	call_enter_findings(call, call->judged);
}

unsigned int call_findings(const struct policy *policy, const struct verdict *verdict,
			   struct finding *to, unsigned int max)
{
	unsigned int count = 0;

	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_INFO; severity--)
		for (unsigned int i = 0; i < verdict->finding_count && count < max; i++) {
			to[count] = verdict->findings[i];
			if (policy)
				to[count].severity =
					policy_severity(policy, to[count].id, to[count].severity);
			count += (int)to[count].severity == severity;
		}
	return count;
}

void call_take_judged(const struct calls *calls, const struct verdict *verdict,
		      struct inventory_container *container)
{
	container->finding_count =
		call_findings(NULL, verdict, container->findings, INVENTORY_FINDINGS_MAX);
	container->joins = text_since(&calls->kept.joins, 0);
	container->places = text_since(&calls->kept.places, 0);
	container->more = calls->kept.more || calls->kept.joins.error || calls->kept.places.error;
}

void calls_judge_inspected(struct calls *calls, unsigned int socket, const struct value *inspect,
			   struct inventory_container *ret)
{
	struct verdict *verdict = &calls->verdict;
	const struct value *config = body_get(inspect, "Config");
	struct judging judging = {
		.inventory = calls->options.inventories[socket],
		.files = calls->options.files,
		.verdict = verdict,
		.kept = kept_anew(calls),
	};

	verdict_free(verdict);
	judge_inspected(&judging, inspect);
	ret->image = body_string(config, "Image");
	ret->user = body_string(config, "User");
	call_take_judged(calls, verdict, ret);
}
