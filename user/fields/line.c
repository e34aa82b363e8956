// SPDX-License-Identifier: Apache-2.0
#include "fields/line.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "record/names.h"
#include "http/grpc.h"
#include "process/environment.h"
#include "secret/command.h"

#define COMMAND_COLUMNS 60
#define COMMAND_SIZE (4 * COMMAND_COLUMNS) /* bytes; of what is longer none is kept */
#define COMMANDS_KEPT 16
#define TARGET_COLUMNS 100
#define NAME_COLUMNS 40
#define PATH_COLUMNS 108
#define ID_SIZE 64
#define ID_SHOWN 12
#define UNLIMITED SIZE_MAX
#define FINDINGS_SHOWN 4
#define DETAIL_COLUMNS 80
#define NAMES_SHOWN 4

bool line_is_about_agent(const struct record *record)
{
	switch (record->action) {
	case RECORD_SOCKET_CONNECTED:
	case RECORD_SOCKET_REFUSED:
	case RECORD_API_STARTED:
	case RECORD_API_REQUEST:
	case RECORD_API_ENDED:
	case RECORD_DOCKER_EVENT:
	case RECORD_SOCKET_CHANGED:
	case RECORD_ACCESS_CHANGED:
	case RECORD_CALLER_SEEN:
		return false;
	default:
		return true;
	}
}

/* --- the caller ------------------------------------------------------------------------------- */

static void add_user(struct text *out, const char *name, uint32_t uid)
{
	if (*name) {
		text_add_visible(out, bytes_of(name), NAME_COLUMNS);
	} else {
		text_add_string(out, "uid ");
		text_add_number(out, uid);
	}
}

/* The kernel's name of PROCESS: that of its executable, else its comm. */
static struct bytes kernel_name(const struct process *process)
{
	struct bytes name = bytes_basename(process->executable);

	return name.size ? name : process->name;
}

static bool is_elevator(struct bytes name)
{
	static const char *const elevators[] = {
		"sudo",	   "su",   "doas", "pkexec", "run0",
		"runuser", "dzdo", "sg",   "ksu",    "machinectl",
	};

	for (size_t i = 0; i < COUNT(elevators); i++)
		if (bytes_equal(name, bytes_of(elevators[i])))
			return true;
	return false;
}

struct bytes line_elevator(const struct caller *caller)
{
	for (unsigned int i = 0; i < caller->ancestor_count; i++) {
		struct bytes name = kernel_name(&caller->ancestors[i]);

		if (is_elevator(name))
			return name;
	}
	return bytes_of(caller->uid != caller->process.euid ? "setuid" : NULL);
}

/* Stands for the caller where none is known: a request has one. */
static const char *has_nobody(const struct view *view)
{
	if (view_has_cause(view, CAUSE_DAEMON))
		return "the engine";
	return view_has_cause(view, CAUSE_UNKNOWN) ? "unknown" : "somebody";
}

static void add_pid(struct text *out, uint32_t pid)
{
	text_add_string(out, "PID ");
	text_add_number(out, pid);
}

/* The candidates: one of them did it. */
static void add_candidates(struct text *out, const struct view *view)
{
	const struct record *record = view->record;

	for (unsigned int i = 0; i < record->candidate_count; i++) {
		const struct caller *caller = record->candidates[i];
		bool login = caller->login_uid != CALLERD_UNSET_ID;
		uint32_t uid = login ? caller->login_uid : caller->process.euid;
		char name[VIEW_NAME_SIZE];

		view_user_name(view->context, uid, name);
		if (i)
			text_add_string(out, " or ");
		add_user(out, name, uid);
		text_add_string(out, " (");
		add_pid(out, caller->process.pid);
		text_add_char(out, ')');
	}
	if (record->candidates_cut || view->incomplete & RECORD_INCOMPLETE_SENDER_LOST)
		text_add_string(out, " or another");
}

/* Adds a word that the caller chose: as a shell would take it, so that it is no other part of the line. */
static void add_claimed(struct text *out, const struct text *word)
{
	struct text quoted = {0};

	command_add_argument(&quoted, text_since(word, 0));
	text_add_visible(out, text_since(&quoted, 0), NAME_COLUMNS);
	if (quoted.error || word->error)
		out->error = quoted.error ?: word->error;
	text_free(&quoted);
}

/* An address is what callerd wrote; a name is what others told it. */
static void add_origin(struct text *out, const struct login *login)
{
	_cleanup_(text_free) struct text name = {0};

	text_add_string(out, " from ");
	if (login->address[0]) {
		text_add_visible(out, bytes_of(login->address), NAME_COLUMNS);
		return;
	}
	text_add_string(&name, login->host);
	add_claimed(out, &name);
}

/* alice (ssh from 10.1.2.3) */
static void add_login(struct text *out, const struct login *login)
{
	static const struct {
		const char *service, *word;
	} words[] = {{"sshd", "ssh"}, {"atd", "at"}, {"systemd-user", "systemd --user"}};
	const char *word = login ? login->service : "";

	for (size_t i = 0; i < COUNT(words); i++)
		if (!strcmp(word, words[i].service))
			word = words[i].word;
	if (!*word)
		return;
	text_add_string(out, " (");
	text_add_visible(out, bytes_of(word), NAME_COLUMNS);
	if (login->address[0] || login->host[0])
		add_origin(out, login);
	text_add_char(out, ')');
}

/* alice (ssh from 10.1.2.3) → root (sudo). NAME, USER: the names of the user who logged in, by LOGIN, and of the one that CALLER acts
 * as. */
static void add_caller_user(struct text *out, const struct caller *caller, const char *name,
			    const char *user, const struct login *login)
{
	uint32_t acting = view_acting_uid(caller);
	struct bytes elevator = {0};

	if (acting != caller->process.euid) {
		add_user(out, name, acting);
		add_login(out, login);
		text_add_string(out, " → ");
		elevator = line_elevator(caller);
	}
	add_user(out, user, caller->process.euid);
	if (acting == caller->process.euid)
		add_login(out, login);
	if (!elevator.size)
		return;
	text_add_string(out, " (");
	text_add_visible(out, elevator, NAME_COLUMNS);
	text_add_char(out, ')');
}

/* Of a process in a container its user says nothing, where it is known who is behind it. */
static void add_behind(struct text *out, const struct view *view, const struct caller *behind)
{
	char name[VIEW_NAME_SIZE], user[VIEW_NAME_SIZE];
	const struct login *login = NULL;
	bool asked;

	view_user_name(view->context, view_acting_uid(behind), name);
	view_user_name(view->context, behind->process.euid, user);
	if (view->context->login)
		login = view->context->login(view->context->login_data, behind, &asked);
	add_caller_user(out, behind, name, user, login);
}

static bool say_part(struct text *word, const struct environment_system *system,
		     struct bytes environment, enum environment_part part)
{
	text_cut(word, 0);
	environment_add_part(word, system, environment, part);
	return word->size;
}

/* gitlab job 4711 of group/project (bob) */
static void add_job(struct text *out, const struct environment_system *system,
		    struct bytes environment)
{
	_cleanup_(text_free) struct text word = {0};

	text_add_string(out, environment_system_name(system));
	if (say_part(&word, system, environment, ENVIRONMENT_JOB)) {
		text_add_string(out, " job ");
		add_claimed(out, &word);
	}
	if (say_part(&word, system, environment, ENVIRONMENT_REPOSITORY) ||
	    say_part(&word, system, environment, ENVIRONMENT_PIPELINE)) {
		text_add_string(out, " of ");
		add_claimed(out, &word);
	}
	if (say_part(&word, system, environment, ENVIRONMENT_ACTOR)) {
		text_add_string(out, " (");
		add_claimed(out, &word);
		text_add_char(out, ')');
	}
}

/* Adds in brackets of which job and which AI agent the process says that it is. */
static void add_claims(struct text *out, struct bytes environment)
{
	const struct environment_system *system = environment_find_system(environment);
	_cleanup_(text_free) struct text agents = {0}, word = {0};
	struct bytes left, agent;
	const char *before = " [";

	if (system) {
		text_add_string(out, before);
		add_job(out, system, environment);
		before = ", ";
	}
	environment_add_agents(&agents, environment);
	left = text_since(&agents, 0);
	while (command_next(&left, &agent)) {
		text_add_string(out, before);
		text_cut(&word, 0);
		text_add_bytes(&word, agent);
		add_claimed(out, &word);
		before = ", ";
	}
	if (*before == ',')
		text_add_char(out, ']');
}

/* bob (via haproxy): who asked a relay. */
static void line_add_asker(struct text *out, const struct view *view)
{
	const struct record_relayed *relayed = &view->record->relayed;

	if (relayed->certainty == RELAYED_LIKELY)
		text_add_string(out, "likely ");
	if (relayed->caller)
		add_behind(out, view, relayed->caller);
	else
		text_add_string(out, relayed->source);
	text_add_string(out, " (via ");
	text_add_visible(out, kernel_name(&view->caller->process), NAME_COLUMNS);
	text_add_char(out, ')');
}

void line_add_who(struct text *out, const struct view *view)
{
	const struct caller *caller = view->caller;
	const struct caller *behind = view->record->makers[MAKER_BEHIND].caller;

	if (!caller && view->record->candidate_count) {
		add_candidates(out, view);
		return;
	}
	if (!caller && view->record->connection.tcp) {
		text_add_string(out, view->record->connection.tcp->source);
		return;
	}
	if (!caller) {
		text_add_string(out, has_nobody(view));
		return;
	}
	if (view->record->relayed.caller || view->record->relayed.source[0]) {
		line_add_asker(out, view);
		return;
	}
	if (behind)
		add_behind(out, view, behind);
	else
		add_caller_user(out, caller, view->login_user, view->user, view->login);
	if (view->container_id.size) {
		text_add_string(out, behind ? ", in container " : " in container ");
		if (view->record->container_name.size)
			text_add_visible(out, view->record->container_name, NAME_COLUMNS);
		else
			text_add(out, view->container_id.data, ID_SHOWN);
		text_add_string(out, behind ? " (exec)" : "");
	}
	if (caller->environment.size)
		add_claims(out, caller->environment);
}

/* --- its command ------------------------------------------------------------------------------ */

static bool begins_with(struct bytes bytes, struct bytes beginning)
{
	return bytes.size >= beginning.size &&
	       bytes_equal((struct bytes){bytes.data, beginning.size}, beginning);
}

/* The name of a caller: the kernel's, and argv[0] in brackets where the two differ by more than a version (python3,
 * python3.11): busybox[wget]. */
static void add_called(struct text *out, struct bytes name, struct bytes own_word)
{
	own_word = bytes_basename(own_word);
	if (own_word.size && own_word.data[0] == '-') /* a login shell */
		own_word = bytes_from(own_word, 1);
	if (!name.size)
		name = own_word;
	command_add_argument(out, name);
	if (!own_word.size || begins_with(name, own_word))
		return;
	text_add_char(out, '[');
	command_add_argument(out, own_word);
	text_add_char(out, ']');
}

static void line_make_command(struct text *out, const struct view *view)
{
	const struct caller *caller = view->caller;
	struct bytes args = view->args, first = {0}, name;
	struct text command = {0};

	command_next(&args, &first);
	name = kernel_name(&caller->process);
	if (!name.size && !first.size) {
		if (caller->process.pid)
			add_pid(out, caller->process.pid);
		return;
	}
	add_called(&command, name, first);
	if (args.size) {
		text_add_char(&command, ' ');
		command_add(&command, args);
	}
	if (caller->process.args_truncated)
		text_add_string(&command, " …");
	text_add_visible(out, text_since(&command, 0), COMMAND_COLUMNS);
	if (command.error)
		out->error = command.error;
	text_free(&command);
}

/* The command of a caller, which does not change: most callers come again and again. */
struct kept_command {
	uint64_t number; /* of the caller; 0: none */
	size_t size;
	char text[COMMAND_SIZE];
};

void line_add_command(struct text *out, const struct view *view)
{
	static __thread struct kept_command kept[COMMANDS_KEPT];
	uint64_t number = view->caller ? view->caller->shared.number : 0;
	struct kept_command *place = &kept[number % COMMANDS_KEPT];
	size_t start = out->size;
	struct bytes made;

	if (!view->caller)
		return;
	if (number && place->number == number) {
		text_add(out, place->text, place->size);
		return;
	}
	line_make_command(out, view);
	made = text_since(out, start);
	if (out->error || made.size > sizeof(place->text))
		return;
	place->number = number;
	place->size = made.size;
	if (made.size)
		memcpy(place->text, made.data, made.size);
}

/* --- what it did ------------------------------------------------------------------------------ */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Adds a text that somebody else wrote. A text with a bar, which could be taken for one of the line's own, is quoted. */
static void line_add_quoted(struct text *out, struct bytes words, size_t columns)
{
	struct text quoted = {0};

	if (words.data && memchr(words.data, '|', words.size)) {
		command_add_argument(&quoted, words);
		words = text_since(&quoted, 0);
	}
	text_add_visible(out, words, columns);
	if (quoted.error)
		out->error = quoted.error;
	text_free(&quoted);
}

/* The target with full ids cut to the length that docker itself shows. */
static void add_target(struct text *out, struct bytes target, size_t columns)
{
	struct text shown = {0};
	size_t run = 0;

	for (size_t at = 0; at <= target.size; at++) {
		if (at < target.size && is_hex(target.data[at])) {
			run++;
			continue;
		}
		text_add(&shown, target.data + at - run, run == ID_SIZE ? ID_SHOWN : run);
		if (at < target.size)
			text_add_char(&shown, target.data[at]);
		run = 0;
	}
	line_add_quoted(out, text_since(&shown, 0), columns);
	if (shown.error)
		out->error = shown.error;
	text_free(&shown);
}

/* Adds a name. The name of a volume may be an id, which is cut. */
static void add_object(struct text *out, const char *before, struct bytes name, struct bytes id)
{
	if (!name.size && !id.size)
		return;
	text_add_string(out, before);
	add_target(out, name.size ? name : id, name.size ? NAME_COLUMNS : TARGET_COLUMNS);
}

/* The command that a request asks for, where it starts a process: its entrypoint, which is told first, and the rest. */
static void add_asked_command(struct text *out, const struct record_api *api)
{
	struct text command = {0};

	for (unsigned int i = 0; i < api->fact_count; i++)
		if (api->facts[i].kind == FACT_COMMAND)
			command_add_list(&command, api->facts[i].list, api->facts[i].count);
	if (command.size) {
		text_add_string(out, ": ");
		text_add_visible(out, text_since(&command, 0), COMMAND_COLUMNS);
	}
	if (command.error)
		out->error = command.error;
	text_free(&command);
}

/* ContainerCreate web from busybox: sh -c id; ExecStart in web. */
static void add_operation(struct text *out, const struct record_api *api)
{
	bool inner = api->container_id.size || api->container_name.size;

	text_add_string(out, operation_name(api->operation));
	if (inner)
		add_object(out, " in ", api->container_name, api->container_id);
	else
		add_object(out, " ", api->target_name, api->target_id);
	if (api->fact_count) /* a create; other requests have the image of their target */
		add_object(out, " from ", api->target_image, (struct bytes){0});
	add_asked_command(out, api);
}

static void add_asked(struct text *out, const struct view *view, bool aligned)
{
	const struct record_http *http = &view->record->http;
	size_t start = out->size;

	if (view->record->api.operation) {
		add_operation(out, &view->record->api);
		return;
	}
	if (http->method.size)
		text_add_visible(out, http->method, NAME_COLUMNS);
	else
		text_add_char(out, '?');
	while (aligned && !out->error && out->size - start < 4)
		text_add_char(out, ' ');
	text_add_char(out, ' ');
	if (view->url.original.size)
		add_target(out, view->url.original, TARGET_COLUMNS);
	else
		text_add_char(out, '?');
}

/* The findings, the gravest first, before all notes. */
static void line_add_findings(struct text *out, const struct record_api *api)
{
	unsigned int count = 0;

	/* Findings for information are not added: the rest of the line says the same. */
	while (count < api->finding_count && api->findings[count].severity > SEVERITY_INFO)
		count++;
	for (unsigned int i = 0; i < count && i < FINDINGS_SHOWN; i++) {
		const struct finding *finding = &api->findings[i];

		text_add_string(out, i ? "; " : "  !");
		if (!i || finding->severity != api->findings[i - 1].severity) {
			text_add_string(out, finding_severity_name(finding->severity));
			text_add_char(out, ' ');
		}
		text_add_string(out, finding_kind(finding->id)->id);
		if (finding->detail.size) {
			text_add_string(out, ": ");
			text_add_visible(out, finding->detail, DETAIL_COLUMNS);
		}
	}
	if (count <= FINDINGS_SHOWN)
		return;
	text_add_string(out, "; ");
	text_add_number(out, count - FINDINGS_SHOWN);
	text_add_string(out, " more");
}

static void line_add_outcome(struct text *out, int outcome)
{
	if (grpc_status_name(outcome))
		text_add_string(out, grpc_status_name(outcome));
	else
		text_add_number(out, (uint64_t)outcome);
}

static void add_request(struct text *out, const struct view *view, bool aligned)
{
	const struct record_http *http = &view->record->http;

	add_asked(out, view, aligned);
	text_add_string(out, " → ");
	if (http->status == 200 && http->outcome != GRPC_UNKNOWN && http->grpc)
		line_add_outcome(out, http->outcome);
	else if (http->status > 0)
		text_add_number(out, (uint64_t)http->status);
	else if (view->record->action == RECORD_API_STARTED)
		text_add_string(out, "goes on");
	else
		text_add_string(out, "no answer");
	if (http->has_duration) {
		text_add_string(out, " (");
		clock_add_duration(out, http->duration);
		text_add_char(out, ')');
	}
	if (view->record->api.expected_rule) {
		text_add_string(out, "  expected: ");
		text_add_visible(out, bytes_of(view->record->api.expected_rule), NAME_COLUMNS);
	}
	line_add_findings(out, &view->record->api);
}

/* ExecStart in web → ended after 4.2 s: by the client, 24 bytes in, 4096 out. */
static void add_ended(struct text *out, const struct view *view, bool aligned)
{
	const struct record_stream *stream = &view->record->stream;

	add_asked(out, view, aligned);
	text_add_string(out, " → ended");
	if (view->record->http.grpc && view->record->http.outcome != GRPC_UNKNOWN) {
		text_add_char(out, ' ');
		line_add_outcome(out, view->record->http.outcome);
	}
	if (view->record->http.has_duration) {
		text_add_string(out, " after ");
		clock_add_duration(out, view->record->http.duration);
	}
	if (stream->end_reason) {
		text_add_string(out, ": ");
		text_add_string(out, name_end(stream->end_reason));
	}
	if (stream->has_request_bytes) {
		text_add_string(out, ", bytes in ");
		text_add_number(out, stream->request_bytes);
	}
	if (stream->has_response_bytes) {
		text_add_string(out, ", bytes out ");
		text_add_number(out, stream->response_bytes);
	}
}

static void add_after(struct text *out, const char *before, struct bytes words, size_t columns)
{
	if (!words.size)
		return;
	text_add_string(out, before);
	line_add_quoted(out, words, columns);
}

/* container die web (busybox) exit code 137; network connect bridge of web. */
static void add_event(struct text *out, const struct record_event *event)
{
	const struct bytes none = {0};

	line_add_quoted(out, event->type, NAME_COLUMNS);
	add_after(out, " ", event->action, NAME_COLUMNS);
	add_object(out, " ", event->name, event->id);
	if (event->image.size) {
		add_object(out, " (", event->image, none);
		text_add_char(out, ')');
	}
	add_object(out, " of ", event->container_name, event->container_id);
	if (event->has_exit_code) {
		text_add_string(out, " exit code ");
		text_add_signed(out, event->exit_code);
	}
	add_after(out, " signal ", event->signal, NAME_COLUMNS);
	add_after(out, ": ", event->health, NAME_COLUMNS);
	add_after(out, ": ", event->command, COMMAND_COLUMNS);
}

/* Adds the request behind an event, by its operation. WHO: its caller. */
static void add_cause_request(struct text *out, const char *before,
			      const struct record_cause *cause)
{
	text_add_string(out, before);
	text_add_string(out, "its ");
	text_add_string(out, operation_name(cause->operation) ?: "request");
}

void line_add_daemon(struct text *out, enum cause_reason reason)
{
	const char *word = cause_reason_name(reason);

	text_add_string(out, "by the engine itself");
	if (word)
		text_add_string(out, ": ");
	for (; word && *word; word++)
		text_add_char(out, *word == '-' ? ' ' : *word);
}

static void add_daemon(struct text *out, const struct record_cause *cause)
{
	line_add_daemon(out, cause->reason);
	if (cause->event_id.size || cause->operation)
		add_cause_request(out, ", goes back to ", cause);
}

static void add_happened(struct text *out, const struct view *view)
{
	const struct record *record = view->record;

	add_event(out, &record->event);
	text_add_string(out, "  ");
	switch (record->cause.kind) {
	case CAUSE_REQUEST:
		add_cause_request(out, "by ", &record->cause);
		break;
	case CAUSE_INHERITED:
		add_cause_request(out, "goes back to ", &record->cause);
		break;
	case CAUSE_DAEMON:
		add_daemon(out, &record->cause);
		break;
	default:
		text_add_string(out, "cause unknown");
	}
}

static void add_error(struct text *out, int error)
{
	const char *name = strerrorname_np(error);

	if (name) {
		text_add_string(out, name);
	} else {
		text_add_string(out, "error ");
		text_add_number(out, (uint64_t)error);
	}
}

static void line_add_account(struct text *out, const struct view *view)
{
	struct text account = {0};

	view_add_account(&account, view);
	if (account.size) {
		text_add_string(out, ", charged to ");
		text_add_visible(out, text_since(&account, 0), UNLIMITED);
	}
	text_free(&account);
}

static void add_refused(struct text *out, const struct view *view)
{
	const struct record *record = view->record;
	struct bytes socket = record->connection.socket;

	text_add_string(out, "refused ");
	if (record->refused_count) {
		text_add_number(out, record->refused_count);
		text_add_string(out, view->caller ? " times " : " times more ");
	}
	text_add_string(out, "at ");
	text_add_visible(out, socket.size ? socket : record->refused_name, PATH_COLUMNS);
	if (record->error > 0) {
		text_add_string(out, " → ");
		add_error(out, record->error);
	}
	if (record->address.size && !bytes_equal(record->address, record->connection.socket)) {
		text_add_string(out, ", named ");
		text_add_visible(out, record->address, PATH_COLUMNS);
	}
	line_add_account(out, view);
}

static void add_started(struct text *out, const struct record *record)
{
	text_add_string(out, "started");
	if (record->backend) {
		text_add_string(out, ", backend ");
		text_add_visible(out, bytes_of(record->backend), UNLIMITED);
	}
	if (record->backend_reason) {
		text_add_string(out, " (");
		text_add_visible(out, bytes_of(record->backend_reason), UNLIMITED);
		text_add_char(out, ')');
	}
	for (unsigned int i = 0; record->sockets && record->sockets[i]; i++) {
		text_add_string(out, i ? ", " : ", watching ");
		text_add_visible(out, bytes_of(record->sockets[i]), PATH_COLUMNS);
	}
	for (unsigned int i = 0; i < record->output_count; i++) {
		if (!record->outputs[i].seal_key)
			continue;
		text_add_string(out, ", sealing ");
		text_add_visible(out, bytes_of(record->outputs[i].name), PATH_COLUMNS);
		text_add_string(out, " from key ");
		text_add_string(out, record->outputs[i].seal_key);
	}
}

static void add_reloaded(struct text *out, const struct record *record)
{
	const char *separator = ", only a restart changes ";

	if (record->reload_refused) {
		text_add_string(out, "KEEPS its configuration: ");
		text_add_visible(out, bytes_of(record->reload_refused), UNLIMITED);
		return;
	}
	text_add_string(out, "has another configuration");
	for (const char *const *name = record->reload_restart; name && *name; name++) {
		text_add_string(out, separator);
		text_add_visible(out, bytes_of(*name), PATH_COLUMNS);
		separator = ", ";
	}
}

static void add_bracketed(struct text *out, const char *before, struct bytes text)
{
	if (!text.size)
		return;
	text_add_string(out, before);
	text_add_visible(out, text, NAME_COLUMNS);
}

/* found docker 24.0.7 (API 1.43) at unix:///run/docker.sock, process 812 of uid 0, by usual-path, process */
static void add_found_engine(struct text *out, const struct record *record)
{
	const struct record_engine *engine = record->engine;
	const char *brand, *separator = ", by ";

	if (!engine)
		return;
	brand = name_brand(engine->brand);
	text_add_string(out, "found ");
	text_add_string(out, brand ? brand : "an engine");
	add_bracketed(out, " ", engine->version);
	add_bracketed(out, ", API ", engine->api_version);
	text_add_string(out, " at ");
	text_add_visible(out, engine->address, PATH_COLUMNS);
	if (record->server) {
		text_add_string(out, ", of ");
		add_pid(out, record->server->pid);
		text_add_string(out, ", uid ");
		text_add_number(out, record->server->uid);
	}
	for (unsigned int bit = 0; engine->found >> bit; bit++) {
		if (!(engine->found >> bit & 1))
			continue;
		text_add_string(out, separator);
		text_add_string(out, name_found(bit));
		separator = ", ";
	}
	if (engine->unwatched) {
		text_add_string(out, ", NOT WATCHED: ");
		text_add_string(out, engine->unwatched);
	}
	line_add_findings(out, &record->api);
}

static void add_tested(struct text *out, const struct record *record)
{
	text_add_string(out, record->test_fault ? "FAILED its self-test" : "sees its own call");
	if (record->connection.socket.size) {
		text_add_string(out, " at ");
		text_add_visible(out, record->connection.socket, PATH_COLUMNS);
	}
	if (record->test_fault) {
		text_add_string(out, ": ");
		text_add_visible(out, bytes_of(record->test_fault), UNLIMITED);
	}
	for (unsigned int i = 0; i < record->output_count; i++) {
		text_add_string(out, ", ");
		text_add_visible(out, bytes_of(record->outputs[i].name), PATH_COLUMNS);
		text_add_char(out, ' ');
		text_add_string(out, record->outputs[i].outcome);
	}
}

/* Adds the counters that are not zero. */
static void add_counters(struct text *out, const char *what, const struct record *record)
{
	const char *separator = ": ";

	text_add_string(out, what);
	for (unsigned int i = 0; i < record->counter_count; i++) {
		if (!record->counters[i].value)
			continue;
		text_add_string(out, separator);
		text_add_visible(out, bytes_of(record->counters[i].name), NAME_COLUMNS);
		text_add_char(out, ' ');
		text_add_number(out, record->counters[i].value);
		separator = ", ";
	}
}

static void add_lost(struct text *out, const struct view *view)
{
	const struct record *record = view->record;

	text_add_string(out, "LOST ");
	text_add_number(out, record->lost_count);
	if (record->lost_reason) {
		text_add_string(out, ": ");
		text_add_visible(out, bytes_of(record->lost_reason), UNLIMITED);
	}
	if (record->lost_output) {
		text_add_string(out, ", of ");
		text_add_visible(out, bytes_of(record->lost_output), PATH_COLUMNS);
	}
	line_add_account(out, view);
}

/* --- notes ------------------------------------------------------------------------------------ */

/* Notes follow in brackets, parted by semicolons. */
struct notes {
	struct text *out;
	bool any;
};

static void begin_note(struct notes *notes, const char *text)
{
	text_add_string(notes->out, notes->any ? "; " : "  [");
	text_add_string(notes->out, text);
	notes->any = true;
}

static void note_bits(struct notes *notes, const char *what, unsigned int bits,
		      const char *(*name)(unsigned int bit))
{
	const char *separator = " ";

	if (!bits)
		return;
	begin_note(notes, what);
	for (unsigned int bit = 0; bit < 32; bit++) {
		const char *word = name(bit);

		if (!(bits >> bit & 1))
			continue;
		text_add_string(notes->out, separator);
		text_add_string(notes->out, word ? word : "?");
		separator = ", ";
	}
}

/* Notes the connector, where the caller spoke on a connection that another process made. */
static void note_connector(struct notes *notes, const struct view *view)
{
	const struct caller *connector = view->record->connector;
	struct bytes name;

	if (!connector || connector == view->caller)
		return;
	if (view->caller && connector->process.pid == view->caller->process.pid &&
	    connector->basis == CALLER_FROM_PEER)
		return;
	begin_note(notes, "on a connection of ");
	if (connector->process.pid)
		add_pid(notes->out, connector->process.pid);
	else
		text_add_string(notes->out, "an unknown process");
	name = kernel_name(&connector->process);
	if (!name.size)
		return;
	text_add_string(notes->out, " (");
	text_add_visible(notes->out, name, NAME_COLUMNS);
	text_add_char(notes->out, ')');
}

/* 12 times in 54 s, 3 different */
static void note_folded(struct notes *notes, const struct record *record)
{
	if (!record->fold_count)
		return;
	begin_note(notes, "");
	text_add_number(notes->out, record->fold_count);
	text_add_string(notes->out, " times in ");
	text_add_number(notes->out, (record->fold_last - record->fold_first) / NS_PER_S);
	text_add_string(notes->out, " s");
	if (record->fold_different > 1) {
		text_add_string(notes->out, ", ");
		text_add_number(notes->out, record->fold_different);
		text_add_string(notes->out, " different");
	}
}

/* Notes what makes an event's cause less certain, or its caller hard to find. */
static void note_event(struct notes *notes, const struct view *view)
{
	const struct record *record = view->record;

	if (record->cause.basis == BASIS_TIME)
		begin_note(notes, "matched by time alone");
	if (record->event.recovered)
		begin_note(notes, "concluded: the engine's word was missed");
	if (view->caller && view->caller->boot_id.size)
		begin_note(notes, "caller of an earlier boot");
}

static void add_notes(struct text *out, const struct view *view)
{
	const struct record *record = view->record;
	struct notes notes = {.out = out};

	note_folded(&notes, record);
	if (record->connection.preexisting)
		begin_note(&notes, "open before callerd");
	note_connector(&notes, view);
	if (view->described && view->caller->process.executable_deleted)
		begin_note(&notes, "its executable is deleted");
	note_bits(&notes, "incomplete:", view->incomplete, name_incomplete);
	if (view->target_truncated)
		begin_note(&notes, "target cut");
	if (record_is_request(record)) {
		if (record->http.parse_error) {
			begin_note(&notes, "");
			text_add_visible(out, bytes_of(record->http.parse_error), UNLIMITED);
		}
		if (record->http.failure.size) {
			begin_note(&notes, "failed: ");
			text_add_visible(out, record->http.failure, UNLIMITED);
		}
		note_bits(&notes, "odd:", record->http.anomalies, name_anomaly);
	}
	if (record->action == RECORD_DOCKER_EVENT)
		note_event(&notes, view);
	if (notes.any)
		text_add_char(out, ']');
}

static void add_names(struct text *out, const struct bytes *names, unsigned int count,
		      const char *verb)
{
	for (unsigned int i = 0; i < count && i < NAMES_SHOWN; i++) {
		text_add_string(out, i ? ", " : " ");
		text_add_visible(out, names[i], NAME_COLUMNS);
	}
	if (count > NAMES_SHOWN)
		text_add_string(out, ", …");
	if (count)
		text_add_string(out, verb);
}

/* "mode 0660 → 0666" */
static void add_difference(struct text *out, const char **separator, const char *name,
			   struct bytes before, struct bytes after)
{
	if (bytes_equal(before, after))
		return;
	text_add_string(out, *separator);
	*separator = ", ";
	text_add_string(out, name);
	text_add_char(out, ' ');
	text_add_visible(out, before.size ? before : bytes_of("none"), DETAIL_COLUMNS);
	text_add_string(out, " → ");
	text_add_visible(out, after.size ? after : bytes_of("none"), DETAIL_COLUMNS);
}

static void add_id_difference(struct text *out, const char **separator, const char *name,
			      uint32_t before, uint32_t after)
{
	if (before == after)
		return;
	text_add_string(out, *separator);
	*separator = ", ";
	text_add_string(out, name);
	text_add_char(out, ' ');
	text_add_number(out, before);
	text_add_string(out, " → ");
	text_add_number(out, after);
}

/* What of the changes a difference tells. */
static uint32_t line_differences(const struct record_change *change)
{
	const struct record_access *before = &change->before, *after = &change->after;

	if (!before->known || !after->known)
		return 0;
	return (strcmp(before->mode, after->mode) != 0 ? CHANGE_MODE : 0) |
	       (before->uid != after->uid ? CHANGE_OWNER : 0) |
	       (before->gid != after->gid ? CHANGE_GROUP : 0) |
	       (bytes_equal(before->acl, after->acl) ? 0 : CHANGE_ACL) |
	       (bytes_equal(before->label, after->label) ? 0 : CHANGE_LABEL);
}

static void add_differences(struct text *out, const char **separator,
			    const struct record_change *change)
{
	const struct record_access *before = &change->before, *after = &change->after;

	if (!before->known || !after->known)
		return;
	add_difference(out, separator, "mode", bytes_of(before->mode), bytes_of(after->mode));
	add_id_difference(out, separator, "uid", before->uid, after->uid);
	add_id_difference(out, separator, "gid", before->gid, after->gid);
	add_difference(out, separator, "ACL", before->acl, after->acl);
	add_difference(out, separator, "label", before->label, after->label);
}

/* socket /run/docker.sock: replaced, mode 0660 → 0666 */
static void add_changed(struct text *out, const struct view *view)
{
	const struct record_change *change = &view->record->change;
	uint32_t named = change->what & ~line_differences(change);
	const char *separator = ": ";

	text_add_string(out, name_change_object(change->object));
	text_add_char(out, ' ');
	if (change->what & CHANGE_MEMBER) {
		text_add_string(out, "of ");
		text_add_visible(out, change->group, NAME_COLUMNS);
		text_add_char(out, ':');
		add_names(out, change->added, change->added_count, " added");
		add_names(out, change->removed, change->removed_count, " removed");
	} else {
		text_add_visible(out, change->path, PATH_COLUMNS);
		for (unsigned int bit = 0; named >> bit; bit++) {
			if (!(named >> bit & 1))
				continue;
			text_add_string(out, separator);
			text_add_string(out, name_change(bit));
			separator = ", ";
		}
		add_differences(out, &separator, change);
	}
	if (change->pid) {
		text_add_string(out, " by ");
		add_pid(out, change->pid);
	}
	line_add_findings(out, &view->record->api);
}

void line_add_deed(struct text *out, const struct view *view, bool aligned)
{
	const struct record *record = view->record;

	switch (record->action) {
	case RECORD_AGENT_STARTED:
		add_started(out, record);
		break;
	case RECORD_AGENT_STOPPED:
		add_counters(out, "stopped", record);
		break;
	case RECORD_AGENT_STATUS:
		add_counters(out, "status", record);
		break;
	case RECORD_SOCKET_CONNECTED:
		text_add_string(out, "connected to ");
		text_add_visible(out, record->connection.socket, PATH_COLUMNS);
		line_add_findings(out, &record->api);
		break;
	case RECORD_SOCKET_REFUSED:
		add_refused(out, view);
		break;
	case RECORD_API_STARTED:
	case RECORD_API_REQUEST:
		add_request(out, view, aligned);
		break;
	case RECORD_API_ENDED:
		add_ended(out, view, aligned);
		break;
	case RECORD_DOCKER_EVENT:
		add_happened(out, view);
		break;
	case RECORD_RECORDS_LOST:
		add_lost(out, view);
		break;
	case RECORD_SOCKET_CHANGED:
	case RECORD_ACCESS_CHANGED:
		add_changed(out, view);
		break;
	case RECORD_AGENT_RELOADED:
		add_reloaded(out, record);
		break;
	case RECORD_ENGINE_UNREACHABLE:
		text_add_string(out, "CANNOT ASK the engine at ");
		text_add_visible(out, record->connection.socket, PATH_COLUMNS);
		text_add_string(out, " → ");
		add_error(out, record->error);
		break;
	case RECORD_ENGINE_REACHED:
		text_add_string(out, "asks the engine again at ");
		text_add_visible(out, record->connection.socket, PATH_COLUMNS);
		break;
	case RECORD_ENGINE_FOUND:
		add_found_engine(out, record);
		break;
	case RECORD_ENGINE_GONE:
		text_add_string(out, "finds nobody any more at ");
		if (record->engine)
			text_add_visible(out, record->engine->address, PATH_COLUMNS);
		break;
	case RECORD_SELF_TEST:
		add_tested(out, record);
		break;
	case RECORD_CALLER_SEEN:
		text_add_string(out, "is who later records name as ");
		text_add_bytes(out, record->caller_id);
		break;
	}
	add_notes(out, view);
}

void line_add_message(struct text *out, const struct view *view)
{
	size_t start;

	if (line_is_about_agent(view->record)) {
		text_add_string(out, "callerd ");
		line_add_deed(out, view, false);
		return;
	}
	/* A bar between the parts is safe: one within a command or a name is quoted. */
	line_add_who(out, view);
	text_add_string(out, " | ");
	start = out->size;
	line_add_command(out, view);
	if (out->size > start)
		text_add_string(out, " | ");
	line_add_deed(out, view, false);
}
