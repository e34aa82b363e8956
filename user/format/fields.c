// SPDX-License-Identifier: Apache-2.0
#include "format/fields.h"

#include <assert.h>
#include <errno.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "format/ecs.h"
#include "format/line.h"
#include "format/reread.h"
#include "http/grpc.h"
#include "secret/command.h"

#define FACILITY "13" /* log audit */
#define ALERT_FROM SEVERITY_HIGH
#define CAPABILITIES_ALL ((1ull << 41) - 1) /* those that name_capability() knows */
#define CAPABILITIES_MISSING 8 /* so many at most are told rather than those that are there */

/* --- values ----------------------------------------------------------------------------------- */

static void fields_set_text(struct field_value *ret, struct bytes text)
{
	ret->kind = text.data && text.size ? VALUE_TEXT : VALUE_NONE;
	ret->text = text;
}

static void set_word(struct field_value *ret, const char *word)
{
	ret->kind = word ? VALUE_WORD : VALUE_NONE;
	ret->text = bytes_of(word);
}

static void set_number(struct field_value *ret, enum value_kind kind, uint64_t number)
{
	ret->kind = kind;
	ret->number = number;
}

static void set_list(struct field_value *ret, enum value_kind kind, const void *items,
		     unsigned int count)
{
	ret->kind = kind;
	ret->items = items;
	ret->count = count;
}

static void set_bits(struct field_value *ret, uint64_t bits, const char *(*name)(unsigned int bit),
		     const char *more)
{
	ret->kind = VALUE_BITS;
	ret->count = 0;
	ret->number = bits;
	ret->bit_name = name;
	ret->more = more;
}

struct text *fields_begin(struct fields *fields)
{
	text_cut(&fields->scratch, 0);
	return &fields->scratch;
}

void fields_begun(const struct fields *fields, struct field_value *ret)
{
	fields_set_text(ret, text_since(&fields->scratch, 0));
}

/* The value is the list of what was added to what fields_begin() gave, each with its NUL. */
static void fields_begun_list(const struct fields *fields, struct field_value *ret)
{
	ret->kind = VALUE_ARGUMENTS;
	ret->text = text_since(&fields->scratch, 0);
}

static bool take_bit(struct field_value *bits, struct field_value *ret)
{
	const char *more = bits->more;

	while (bits->number && !(bits->number & 1)) {
		bits->number >>= 1;
		bits->count++;
	}
	if (!bits->number) {
		bits->more = NULL;
		set_word(ret, more);
		return more;
	}
	set_word(ret, bits->bit_name(bits->count));
	if (!ret->kind)
		set_number(ret, VALUE_ID, bits->count);
	bits->number >>= 1;
	bits->count++;
	return true;
}

bool fields_next(struct field_value *list, struct field_value *ret)
{
	if (list->kind == VALUE_BITS)
		return take_bit(list, ret);
	ret->kind = VALUE_TEXT;
	if (list->kind == VALUE_ARGUMENTS)
		return command_next(&list->text, &ret->text);
	if (!list->count)
		return false;
	list->count--;
	if (list->kind == VALUE_TEXTS) {
		const struct bytes *text = list->items;

		ret->text = *text;
		list->items = text + 1;
	} else {
		const char *const *word = list->items;

		ret->kind = list->kind == VALUE_WORDS ? VALUE_WORD : VALUE_TEXT;
		ret->text = bytes_of(*word);
		list->items = word + 1;
	}
	return true;
}

void fields_fact(const struct record_fact *fact, struct field_value *ret)
{
	switch (fact->kind) {
	case FACT_TEXT:
		fields_set_text(ret, fact->text);
		break;
	case FACT_LIST:
	case FACT_COMMAND:
		set_list(ret, VALUE_TEXTS, fact->list, fact->count);
		break;
	case FACT_TRUE:
		set_number(ret, VALUE_BOOL, true);
		break;
	}
}

/* --- the record ------------------------------------------------------------------------------- */

static void get_message(struct fields *fields, struct field_value *ret)
{
	line_add_message(fields_begin(fields), &fields->view);
	fields_begun(fields, ret);
}

static void get_priority(struct fields *fields, struct field_value *ret)
{
	set_number(ret, VALUE_NUMBER, view_syslog_severity(fields->view.severity));
}

static void get_severity(struct fields *fields, struct field_value *ret)
{
	set_number(ret, VALUE_NUMBER, finding_severity_number(fields->view.severity));
}

/* An alert is what has a grave finding that nobody expects. */
static void get_kind(struct fields *fields, struct field_value *ret)
{
	const struct action_name *name = fields->of[FIELDS_action_name];
	const struct record_api *api = &fields->view.record->api;
	bool alert = api->finding_count && api->findings[0].severity >= ALERT_FROM &&
		     !api->expected_rule;

	set_word(ret, alert ? "alert" : name->kind);
}

/* The gravest finding, as queries take one value better than a list. */
static void get_rule(struct fields *fields, struct field_value *ret)
{
	const struct record_api *api = &fields->view.record->api;

	if (api->finding_count)
		set_word(ret, finding_kind(api->findings[0].id)->id);
}

static void get_categories(struct fields *fields, struct field_value *ret)
{
	const struct action_name *name = fields->of[FIELDS_action_name];
	const struct event_name *event = &fields->view.event;

	fields->words[0] = name->category ? name->category : event->category;
	fields->words[1] = event->second_category;
	set_list(ret, VALUE_WORDS, fields->words, event->second_category ? 2 : 1);
}

/* Of a request by its operation: its method alone says little of a POST. */
static enum ecs_type type_of_request(const struct record *record)
{
	static const enum ecs_type of_posts[ACTIVITIES] = {
		[ACTIVITY_UPDATE] = ECS_CHANGE,	  [ACTIVITY_CREATE] = ECS_CREATION,
		[ACTIVITY_DELETE] = ECS_DELETION, [ACTIVITY_READ] = ECS_ACCESS,
		[ACTIVITY_START] = ECS_START,	  [ACTIVITY_END] = ECS_END,
	};

	switch (record->http.verb) {
	case METHOD_GET:
	case METHOD_HEAD:
	case METHOD_OPTIONS:
		return ECS_ACCESS;
	case METHOD_DELETE:
		return ECS_DELETION;
	case METHOD_POST:
	case METHOD_PUT:
	case METHOD_PATCH:
		return of_posts[record->api.activity];
	default:
		return ECS_INFO;
	}
}

static void get_types(struct fields *fields, struct field_value *ret)
{
	const struct action_name *name = fields->of[FIELDS_action_name];
	const struct record *record = fields->view.record;
	enum ecs_type type = name->type ?: fields->view.event.type;
	bool denied = record->action == RECORD_SOCKET_REFUSED &&
		      (record->error == EACCES || record->error == EPERM);

	if (record->action == RECORD_API_REQUEST)
		type = type_of_request(record);
	if (record_is_request(record))
		denied = record->http.status == 401 || record->http.status == 403;
	fields->words[0] = name_type(type);
	fields->words[1] = name_type(ECS_DENIED);
	set_list(ret, VALUE_WORDS, fields->words, denied ? 2 : 1);
}

static void get_id(struct fields *fields, struct field_value *ret)
{
	view_add_id(fields_begin(fields), &fields->view);
	fields_begun(fields, ret);
}

static void get_request_id(struct fields *fields, struct field_value *ret)
{
	view_add_request_id(fields_begin(fields), &fields->view);
	fields_begun(fields, ret);
}

static bool has_error(const struct record *record)
{
	return record->error > 0 && (record->action == RECORD_SOCKET_REFUSED ||
				     record->action == RECORD_ENGINE_UNREACHABLE);
}

static void get_error_code(struct fields *fields, struct field_value *ret)
{
	if (!has_error(fields->view.record))
		return;
	view_add_error(fields_begin(fields), fields->view.record->error);
	fields_begun(fields, ret);
}

static void get_error_message(struct fields *fields, struct field_value *ret)
{
	const struct record *record = fields->view.record;

	if (has_error(record))
		fields_set_text(ret, bytes_of(strerrordesc_np(record->error)));
	if (record_is_request(record))
		fields_set_text(ret, view_request_error(record));
}

/* --- processes -------------------------------------------------------------------------------- */

static const struct caller *caller_of(const struct fields *fields)
{
	return fields->of[FIELDS_caller];
}

static const struct process *process_of(const struct fields *fields)
{
	return fields->of[FIELDS_process];
}

static void get_entity_id(struct fields *fields, struct field_value *ret)
{
	view_add_entity_id(fields_begin(fields), &fields->view, caller_of(fields),
			   process_of(fields));
	fields_begun(fields, ret);
}

static void get_start(struct fields *fields, struct field_value *ret)
{
	int64_t clock = view_boot_to_real(&fields->view, caller_of(fields));
	uint64_t start = process_of(fields)->start;

	set_number(ret, start ? VALUE_TIME : VALUE_NONE, clock_real(clock, start));
}

static bool is_own(const struct fields *fields, const struct process *process)
{
	return fields->view.caller && process == &fields->view.caller->process;
}

/* The arguments of the process, without secrets. */
static struct bytes find_args(struct fields *fields)
{
	const struct process *process = process_of(fields);

	if (fields->masked_process == process)
		return text_since(&fields->masked, 0);
	if (process->args.size && !is_own(fields, process))
		fields->masked_process = process;
	return view_args(&fields->view, process, &fields->masked);
}

static void get_args(struct fields *fields, struct field_value *ret)
{
	ret->kind = VALUE_ARGUMENTS;
	ret->text = find_args(fields);
}

static void get_args_count(struct fields *fields, struct field_value *ret)
{
	struct bytes args = find_args(fields), argument;
	uint64_t count = 0;

	if (!args.data || process_of(fields)->args_truncated)
		return;
	while (command_next(&args, &argument))
		count++;
	set_number(ret, VALUE_NUMBER, count);
}

static void get_command_line(struct fields *fields, struct field_value *ret)
{
	command_add(fields_begin(fields), find_args(fields));
	fields_begun(fields, ret);
}

static void name_user(struct fields *fields, uint32_t uid, struct field_value *ret)
{
	const struct record_context *context = fields->view.context;

	view_user_name(context, uid, fields->name);
	fields_set_text(ret, bytes_of(fields->name));
	fields->awaits |=
		!fields->name[0] && context->user_asked && context->user_asked(context->data, uid);
}

static void get_user_name(struct fields *fields, struct field_value *ret)
{
	name_user(fields, process_of(fields)->euid, ret);
}

/* Who acts: the user who logged in, whomever he became since; else the one that the process acts as. */
static uint32_t acting_uid(const struct view *view)
{
	return view->elevated ? view->caller->login_uid : view->caller->process.euid;
}

static void get_acting_id(struct fields *fields, struct field_value *ret)
{
	set_number(ret, VALUE_ID, acting_uid(&fields->view));
}

static void get_acting_name(struct fields *fields, struct field_value *ret)
{
	name_user(fields, acting_uid(&fields->view), ret);
}

/* All of whom the record is: by name, or by number where there is no name. */
static void get_related_users(struct fields *fields, struct field_value *ret)
{
	const struct view *view = &fields->view;
	const struct record_context *context = view->context;
	const struct caller *caller = view->caller;
	const struct {
		const char *name;
		uint32_t uid;
	} users[] = {
		{view->login_user, acting_uid(view)},
		{view->user, caller->process.euid},
		{view->real_user, view->described ? caller->uid : caller->process.euid},
	};
	struct text *out = fields_begin(fields);

	for (unsigned int i = 0; i < COUNT(users); i++) {
		bool again = false;

		for (unsigned int k = 0; k < i; k++)
			again |= users[k].uid == users[i].uid;
		if (again)
			continue;
		if (users[i].uid == caller->process.euid && view->user[0])
			text_add_string(out, view->user);
		else if (users[i].name[0])
			text_add_string(out, users[i].name);
		else {
			text_add_number(out, users[i].uid);
			fields->awaits |= context->user_asked &&
					  context->user_asked(context->data, users[i].uid);
		}
		text_add_char(out, '\0');
	}
	fields_begun_list(fields, ret);
}

/* A process that is not known has no user, not root. */
static void get_parent_user(struct fields *fields, struct field_value *ret)
{
	const struct process *process = process_of(fields);

	if (process->pid)
		set_number(ret, VALUE_ID, process->euid);
}

static void get_login_name(struct fields *fields, struct field_value *ret)
{
	uint32_t uid = caller_of(fields)->login_uid;

	if (uid != CALLERD_UNSET_ID)
		name_user(fields, uid, ret);
}

static void get_cgroup_owner(struct fields *fields, struct field_value *ret)
{
	const struct caller *caller = caller_of(fields);

	set_number(ret, caller->cgroup_claimed ? VALUE_ID : VALUE_NONE, caller->cgroup_owner);
}

static void get_claimed_container(struct fields *fields, struct field_value *ret)
{
	fields_set_text(ret, caller_claimed_container_id(caller_of(fields)));
}

static void get_unit(struct fields *fields, struct field_value *ret)
{
	fields_set_text(ret, caller_unit(caller_of(fields)));
}

static void get_mount_namespace(struct fields *fields, struct field_value *ret)
{
	const struct caller *caller = caller_of(fields);
	bool other = caller_in_mount_namespace(caller, fields->view.context->mnt_ns);

	set_number(ret, other ? VALUE_NUMBER : VALUE_NONE, caller->mnt_ns);
}

static void get_capabilities(struct fields *fields, struct field_value *ret)
{
	set_bits(ret, caller_of(fields)->capabilities, name_capability, NULL);
}

static bool has_nearly_all(const struct caller *caller)
{
	return __builtin_popcountll(~caller->capabilities & CAPABILITIES_ALL) <=
	       CAPABILITIES_MISSING;
}

/* In ECS each by its name. */
static void get_few_capabilities(struct fields *fields, struct field_value *ret)
{
	if (!has_nearly_all(caller_of(fields)))
		get_capabilities(fields, ret);
}

/* ALL, -CAP_SYS_RESOURCE: nearly all are there. */
static void get_nearly_all(struct fields *fields, struct field_value *ret)
{
	uint64_t missing = ~caller_of(fields)->capabilities & CAPABILITIES_ALL;
	struct text *out;

	if (!has_nearly_all(caller_of(fields)))
		return;
	out = fields_begin(fields);
	text_add(out, "ALL", sizeof("ALL"));
	for (unsigned int bit = 0; missing >> bit; bit++) {
		if (!(missing >> bit & 1))
			continue;
		text_add_char(out, '-');
		text_add_string(out, name_capability(bit));
		text_add_char(out, '\0');
	}
	fields_begun_list(fields, ret);
}

static void get_root(struct fields *fields, struct field_value *ret)
{
	struct bytes root = caller_of(fields)->root;

	if (!bytes_are(root, "/"))
		fields_set_text(ret, root);
}

static void get_claimed_executable(struct fields *fields, struct field_value *ret)
{
	const struct caller *caller = caller_of(fields);

	if (caller->process.executable_exchanged)
		fields_set_text(ret, caller->executable_claimed);
}

static int enter_parent(struct fields *fields, unsigned int index)
{
	const struct caller *caller = caller_of(fields);

	if (index || !caller->ancestor_count)
		return 0;
	fields->of[FIELDS_process] = caller->ancestors;
	return 1;
}

static int enter_ancestor(struct fields *fields, unsigned int index)
{
	const struct caller *caller = fields->view.caller;

	if (index >= caller->ancestor_count)
		return 0;
	fields->of[FIELDS_process] = &caller->ancestors[index];
	return caller->ancestors[index].pid ? 1 : -1;
}

static void enter_caller(struct fields *fields, const struct caller *caller)
{
	fields->of[FIELDS_caller] = caller;
	fields->of[FIELDS_process] = caller ? &caller->process : NULL;
}

static int enter_connector(struct fields *fields, unsigned int index)
{
	const struct caller *connector = fields->view.record->connector;

	if (index || !connector || connector == fields->view.caller)
		return 0;
	enter_caller(fields, connector);
	return 1;
}

static int enter_candidate(struct fields *fields, unsigned int index)
{
	const struct record *record = fields->view.record;

	if (index >= record->candidate_count)
		return 0;
	enter_caller(fields, record->candidates[index]);
	return 1;
}

/* What sets processes apart in a lineage, and what a name has of it, as \x5b; what could turn the line around or hide in
 * it, too. */
static void add_lineage_text(struct text *out, struct bytes text)
{
	while (text.size && !out->error) {
		uint32_t code;
		size_t size = utf8_decode(text.data, text.size, &code);

		if (code != UTF8_INVALID && code >= 0x80) {
			if (utf8_is_unsafe(code))
				text_add_spelled(out, code);
			else
				text_add(out, text.data, size);
		} else {
			size = 1;
			code = (unsigned char)*text.data;
			if (code < 0x20 || code >= 0x7f || strchr("[]()<\\", (int)code)) {
				text_add_string(out, "\\x");
				text_add_hex(out, code, 2);
			} else
				text_add_char(out, *text.data);
		}
		text = bytes_from(text, size);
	}
}

/* Whether FILE lies in a directory of the host that root alone writes, and so is what its name says. */
static bool is_of_system(struct bytes file)
{
	static const char *const directories[] = {
		"/bin/", "/sbin/", "/lib/systemd/", "/usr/bin/", "/usr/sbin/", "/usr/lib/systemd/",
	};
	size_t size = file.size - bytes_basename(file).size;

	for (size_t i = 0; i < COUNT(directories); i++)
		if (bytes_are((struct bytes){file.data, size}, directories[i]))
			return true;
	return false;
}

/* Whether paths of the processes above CALLER may be in short. The namespace of each of them is not known, but that one of
 * the caller is, and in most cases they have it in common. */
static bool is_in_host_mounts(const struct caller *caller, uint32_t mnt_ns)
{
	return mnt_ns && caller->mnt_ns == mnt_ns && !caller->boot_id.size;
}

/* python3.11(backup): the file that it executes, which is the kernel's word, and how it calls itself, where that is another
 * name. */
static void add_lineage_name(struct text *out, const struct process *process, bool short_names)
{
	struct bytes path = process->executable, name = process->name;
	struct bytes file = bytes_basename(path);

	add_lineage_text(out, short_names && is_of_system(path) ? file : path);
	/* The kernel cuts names; python3 is python3.11. */
	if (!name.size || (file.size >= name.size && !memcmp(file.data, name.data, name.size)))
		return;
	text_add_char(out, '(');
	add_lineage_text(out, name);
	text_add_char(out, ')');
}

/* sudo[4700] < bash[4368 uid 1000] < sshd[812 uid 0]: a user where he is not that of the process before. */
static void get_lineage(struct fields *fields, struct field_value *ret)
{
	const struct caller *caller = fields->view.caller;
	const struct process *before = &caller->process;
	bool short_names = is_in_host_mounts(caller, fields->view.context->mnt_ns);
	struct text *out = fields_begin(fields);

	for (unsigned int i = 0; i < caller->ancestor_count; i++) {
		const struct process *process = &caller->ancestors[i];

		if (out->size)
			text_add_string(out, " < ");
		if (process->pid) {
			add_lineage_name(out, process, short_names);
			text_add_char(out, '[');
			text_add_number(out, process->pid);
			if (!before->pid || process->euid != before->euid) {
				text_add_string(out, " uid ");
				text_add_number(out, process->euid);
			}
			text_add_char(out, ']');
		} else
			text_add_char(out, '?');
		before = process;
	}
	/* Above init, and above the first thread of the kernel, is none. */
	if (caller->ancestor_count == CALLERD_ANCESTORS_MAX && (!before->pid || before->pid > 2))
		text_add_string(out, " < …");
	fields_begun(fields, ret);
}

/* 1 4700 /usr/bin/sudo: sudo docker ps. The first number is its place: lists have no order there. */
static void add_ancestor(struct fields *fields, struct text *out)
{
	const struct process *process = process_of(fields);
	struct bytes args = find_args(fields);
	unsigned int number = 1;

	for (const struct process *at = fields->view.caller->ancestors; at < process; at++)
		number += at->pid != 0;
	text_add_number(out, number);
	text_add_char(out, ' ');
	text_add_number(out, process->pid);
	text_add_char(out, ' ');
	text_add_bytes(out, process->executable.size ? process->executable : process->name);
	if (args.size)
		text_add_string(out, ": ");
	command_add(out, args);
}

/* --- requests --------------------------------------------------------------------------------- */

static void get_http_version(struct fields *fields, struct field_value *ret)
{
	int minor = fields->view.record->http.version_minor;
	char version[] = {'1', '.', (char)('0' + minor)};

	if (fields->view.record->http.http2) {
		fields_set_text(ret, bytes_of("2"));
		return;
	}
	if (minor < 0 || minor > 9)
		return;
	text_add(fields_begin(fields), version, sizeof(version));
	fields_begun(fields, ret);
}

static void get_status(struct fields *fields, struct field_value *ret)
{
	int status = fields->view.record->http.status;

	if (status > 0)
		set_number(ret, VALUE_NUMBER, (uint64_t)status);
}

/* "OK"; of a number that nobody knows the number. */
static void get_call_status(struct fields *fields, struct field_value *ret)
{
	int outcome = fields->view.record->http.outcome;

	if (outcome == GRPC_UNKNOWN)
		return;
	if (grpc_status_name(outcome)) {
		set_word(ret, grpc_status_name(outcome));
		return;
	}
	text_add_number(fields_begin(fields), (uint64_t)outcome);
	fields_begun(fields, ret);
}

static void get_url_path(struct fields *fields, struct field_value *ret)
{
	const struct url *url = &fields->view.url;
	struct bytes path;

	if (!url->original.size)
		return;
	url_clean_path(fields_begin(fields), url->path);
	path = text_since(&fields->scratch, 0);
	if (fields_meet(fields, IF_WHOLE) || !bytes_equal(url->path, path))
		fields_begun(fields, ret);
}

/* T1548.003 is a technique, T1548, and a sub-technique of it. */
static void get_techniques(struct fields *fields, struct field_value *ret)
{
	const struct record_api *api = &fields->view.record->api;
	struct text *out = fields_begin(fields);

	for (unsigned int i = 0; i < api->technique_count; i++) {
		const char *name = finding_technique_name(api->techniques[i]);

		text_add(out, name, strcspn(name, "."));
		text_add_char(out, '\0');
	}
	fields_begun_list(fields, ret);
}

static void get_subtechniques(struct fields *fields, struct field_value *ret)
{
	const struct record_api *api = &fields->view.record->api;
	unsigned int count = 0;

	for (unsigned int i = 0; i < api->technique_count; i++) {
		const char *name = finding_technique_name(api->techniques[i]);

		if (strchr(name, '.'))
			fields->words[count++] = name;
	}
	set_list(ret, VALUE_WORDS, fields->words, count);
}

/* A list, a prune: there is no target in particular. */
static void get_target_type(struct fields *fields, struct field_value *ret)
{
	const struct record_api *api = &fields->view.record->api;
	bool any = api->target_id.size || api->target_name.size || api->container_id.size ||
		   api->container_name.size;

	if (any)
		set_word(ret, name_target(api->target_type));
}

static int enter_finding(struct fields *fields, const struct finding *findings, unsigned int count,
			 unsigned int index)
{
	if (index >= count)
		return 0;
	fields->of[FIELDS_finding] = &findings[index];
	return 1;
}

static int enter_own_finding(struct fields *fields, unsigned int index)
{
	const struct record_api *api = &fields->view.record->api;

	return enter_finding(fields, api->findings, api->finding_count, index);
}

static int enter_cause_finding(struct fields *fields, unsigned int index)
{
	const struct record_cause *cause = &fields->view.record->cause;

	return enter_finding(fields, cause->findings, cause->finding_count, index);
}

static void fields_add_finding(struct fields *fields, struct text *out)
{
	view_add_finding(out, fields->of[FIELDS_finding]);
}

static void get_level(struct fields *fields, struct field_value *ret)
{
	enum record_level level = fields->view.record->level;

	set_word(ret, level == LEVEL_FULL ? NULL : name_level(level));
}

/* No rule is asked of what an engine tells: its cause is a record of its own. */
static void get_expected(struct fields *fields, struct field_value *ret)
{
	const struct record *record = fields->view.record;

	if (record->action != RECORD_DOCKER_EVENT &&
	    (record->caller || record_is_request(record) || record->api.finding_count))
		set_number(ret, VALUE_BOOL, record->api.expected_rule != NULL);
}

/* --- how much of it was seen ------------------------------------------------------------------ */

static void get_complete(struct fields *fields, struct field_value *ret)
{
	const struct view *view = &fields->view;
	bool complete = !view->incomplete && !view->target_truncated;

	if (complete && (!record_is_request(view->record) || !fields_meet(fields, IF_WHOLE)))
		return;
	set_number(ret, VALUE_BOOL, complete);
}

static void get_incomplete(struct fields *fields, struct field_value *ret)
{
	const struct view *view = &fields->view;

	set_bits(ret, view->incomplete, name_incomplete,
		 view->target_truncated ? "target-truncated" : NULL);
}

static void get_described(struct fields *fields, struct field_value *ret)
{
	const struct view *view = &fields->view;

	if (!view_described_before(view))
		return;
	set_number(ret, VALUE_TIME, record_time(view->context, view->record->described));
}

static void get_anomalies(struct fields *fields, struct field_value *ret)
{
	set_bits(ret, fields->view.record->http.anomalies, name_anomaly, NULL);
}

/* --- the agent -------------------------------------------------------------------------------- */

static void get_account_type(struct fields *fields, struct field_value *ret)
{
	set_word(ret, name_account(fields->view.record->account));
}

static void get_account_id(struct fields *fields, struct field_value *ret)
{
	uint64_t account = fields->view.record->account;

	if (!name_account(account) || CALLERD_ACCOUNT_KIND(account) == CALLERD_ACCOUNT_REST)
		return;
	set_number(ret, VALUE_ID, CALLERD_ACCOUNT_ID(account));
}

static void fields_add_account(struct fields *fields, struct text *out)
{
	view_add_account(out, &fields->view);
}

static void set_strings(struct field_value *ret, const char *const *strings)
{
	unsigned int count = 0;

	while (strings && strings[count])
		count++;
	set_list(ret, VALUE_STRINGS, strings, count);
}

static void get_sockets(struct fields *fields, struct field_value *ret)
{
	set_strings(ret, fields->view.record->sockets);
}

static void get_restart(struct fields *fields, struct field_value *ret)
{
	set_strings(ret, fields->view.record->reload_restart);
}

/* --- changes of access ------------------------------------------------------------------------ */

static void get_change(struct fields *fields, struct field_value *ret)
{
	set_bits(ret, fields->view.record->change.what, name_change, NULL);
}

static void get_added(struct fields *fields, struct field_value *ret)
{
	const struct record_change *change = &fields->view.record->change;

	set_list(ret, change->added_count ? VALUE_TEXTS : VALUE_NONE, change->added,
		 change->added_count);
}

static void get_removed(struct fields *fields, struct field_value *ret)
{
	const struct record_change *change = &fields->view.record->change;

	set_list(ret, change->removed_count ? VALUE_TEXTS : VALUE_NONE, change->removed,
		 change->removed_count);
}

static int enter_access(struct fields *fields, const struct record_access *access,
			unsigned int index)
{
	if (index || !access->known)
		return 0;
	fields->of[FIELDS_record_access] = access;
	return 1;
}

static int enter_before(struct fields *fields, unsigned int index)
{
	return enter_access(fields, &fields->view.record->change.before, index);
}

static int enter_after(struct fields *fields, unsigned int index)
{
	return enter_access(fields, &fields->view.record->change.after, index);
}

static void get_owner(struct fields *fields, struct field_value *ret)
{
	const struct record_access *access = fields->of[FIELDS_record_access];

	name_user(fields, access->uid, ret);
}

static void get_group(struct fields *fields, struct field_value *ret)
{
	const struct record_access *access = fields->of[FIELDS_record_access];
	const struct record_context *context = fields->view.context;

	fields->name[0] = '\0';
	if (context->group_name)
		context->group_name(context->data, access->gid, fields->name, sizeof(fields->name));
	fields_set_text(ret, bytes_of(fields->name));
}

/* --- engines ---------------------------------------------------------------------------------- */

static const struct record_engine *engine_of(const struct fields *fields)
{
	return fields->of[FIELDS_record_engine];
}

static void get_found(struct fields *fields, struct field_value *ret)
{
	if (engine_of(fields)->found)
		set_bits(ret, engine_of(fields)->found, name_found, NULL);
}

static void get_plugins(struct fields *fields, struct field_value *ret)
{
	const struct record_engine *engine = engine_of(fields);

	set_list(ret, engine->plugin_count ? VALUE_TEXTS : VALUE_NONE, engine->plugins,
		 engine->plugin_count);
}

static void get_security(struct fields *fields, struct field_value *ret)
{
	const struct record_engine *engine = engine_of(fields);

	set_list(ret, engine->security_count ? VALUE_TEXTS : VALUE_NONE, engine->security,
		 engine->security_count);
}

static int enter_output(struct fields *fields, unsigned int index)
{
	const struct record *record = fields->view.record;

	if (index >= record->output_count)
		return 0;
	fields->of[FIELDS_record_output] = &record->outputs[index];
	return 1;
}

static int enter_program(struct fields *fields, unsigned int index)
{
	const struct record *record = fields->view.record;

	if (index >= record->program_count)
		return 0;
	fields->of[FIELDS_record_program] = &record->programs[index];
	return 1;
}

static int enter_engine(struct fields *fields, unsigned int index)
{
	const struct record *record = fields->view.record;

	if (index >= record->engine_count)
		return 0;
	fields->of[FIELDS_record_watched] = &record->engines[index];
	return 1;
}

static void get_engine_error(struct fields *fields, struct field_value *ret)
{
	const struct record_watched *engine = fields->of[FIELDS_record_watched];

	if (engine->error <= 0)
		return;
	view_add_error(fields_begin(fields), engine->error);
	fields_begun(fields, ret);
}

/* connect_begin: 120 runs, 81234 ns, 0 missed. As one line: the journal keeps no order. */
static void fields_add_program(struct fields *fields, struct text *out)
{
	const struct record_program *program = fields->of[FIELDS_record_program];

	text_add_string(out, program->name);
	text_add_string(out, ": ");
	text_add_number(out, program->runs);
	text_add_string(out, " runs, ");
	text_add_number(out, program->run_time);
	text_add_string(out, " ns, ");
	text_add_number(out, program->missed);
	text_add_string(out, program->detached ? " missed, detached" : " missed");
}

/* reached /run/docker.sock */
static void fields_add_engine(struct fields *fields, struct text *out)
{
	const struct record_watched *engine = fields->of[FIELDS_record_watched];

	text_add_string(out, name_engine_state(engine->state));
	text_add_char(out, ' ');
	text_add_string(out, engine->socket);
}

/* file:/var/log/callerd.ndjson: 0 waiting, 1200 written, 0 lost */
static void fields_add_output(struct fields *fields, struct text *out)
{
	const struct record_output *output = fields->of[FIELDS_record_output];

	text_add_string(out, output->name);
	text_add_string(out, ": ");
	text_add_number(out, output->waiting);
	text_add_string(out, " waiting, ");
	text_add_number(out, output->written);
	text_add_string(out, " written, ");
	text_add_number(out, output->lost);
	text_add_string(out, " lost");
	if (output->trouble) {
		text_add_string(out, ": ");
		text_add_string(out, output->trouble);
	}
}

/* written file:/var/log/callerd.ndjson */
static void fields_add_tested(struct fields *fields, struct text *out)
{
	const struct record_output *output = fields->of[FIELDS_record_output];

	text_add_string(out, output->outcome);
	text_add_char(out, ' ');
	text_add_string(out, output->name);
}

/* A key with the name of its output, as the journal keeps no order. */
static void get_key_of_output(struct fields *fields, struct field_value *ret)
{
	const struct record_output *output = fields->of[FIELDS_record_output];
	struct text *out = fields_begin(fields);

	if (!output->seal_key)
		return;
	text_add_string(out, output->seal_key);
	text_add_char(out, ' ');
	text_add_string(out, output->name);
	fields_begun(fields, ret);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* clang-format off */
/* MEMBER of a struct TYPE, which is a source. */
#define MEMBER(type, member) .source = FIELDS_##type, .offset = offsetof(struct type, member)
#define HAS(type, member) .has = offsetof(struct type, member)

#define BYTES(key, type, member, ...) {key, FIELD_BYTES, MEMBER(type, member), __VA_ARGS__}
#define TEXT(key, type, member, ...) {key, FIELD_TEXT, MEMBER(type, member), __VA_ARGS__}
#define WORD(key, type, member, ...) {key, FIELD_WORD, MEMBER(type, member), __VA_ARGS__}
/* An enum of the record as its word. */
#define NAMED(key, kind, type, member, ...) {key, FIELD_##kind, MEMBER(type, member), __VA_ARGS__}
#define CHARS(key, type, member, ...) {key, FIELD_CHARS, MEMBER(type, member), __VA_ARGS__}
#define NUMBER(key, type, member, ...) {key, FIELD_NUMBER, MEMBER(type, member), __VA_ARGS__}
#define NUMBER32(key, type, member, ...) {key, FIELD_NUMBER32, MEMBER(type, member), __VA_ARGS__}
#define IDENTIFIER(key, type, member, ...) {key, FIELD_ID, MEMBER(type, member), __VA_ARGS__}
#define ID32(key, type, member, ...) {key, FIELD_ID32, MEMBER(type, member), __VA_ARGS__}
#define TRUE_OF(key, type, member, ...) {key, FIELD_TRUE, MEMBER(type, member), __VA_ARGS__}
#define SIGNED(key, type, member, ...) {key, FIELD_SIGNED, MEMBER(type, member), __VA_ARGS__}
#define BOOT_TIME(key, type, member, ...) {key, FIELD_BOOT_TIME, MEMBER(type, member), __VA_ARGS__}
#define REAL_TIME(key, type, member, ...) {key, FIELD_REAL_TIME, MEMBER(type, member), __VA_ARGS__}
#define CONSTANT(key, word, ...) {key, FIELD_CONSTANT, .constant = (word), __VA_ARGS__}
#define GET(key, function, ...) {key, FIELD_GET, .get = (function), __VA_ARGS__}
#define LIST_OF(...) .fields = (const struct record_field[]){__VA_ARGS__, {0}}
#define GROUP(conditions, ...) {NULL, FIELD_GROUP, .when = (conditions), LIST_OF(__VA_ARGS__)}
#define OBJECT(key, conditions, ...) {key, FIELD_OBJECT, .when = (conditions), LIST_OF(__VA_ARGS__)}
#define PART(number, conditions) {NULL, FIELD_PART, .when = (conditions), .part = (number)}
/* Lists of objects, and objects about another process: ENTER goes there. */
#define OBJECTS(key, conditions, to, line, ...) \
	{key, FIELD_OBJECTS, .when = (conditions), .enter = (to), .add_line = (line), \
	 LIST_OF(__VA_ARGS__)}
#define ABOUT(key, conditions, to, ...) \
	{key, FIELD_OBJECT, .when = (conditions), .enter = (to), LIST_OF(__VA_ARGS__)}

/* Of any process. */
#define IDENTITY \
	NUMBER32("pid", process, pid, .optional = true), \
	GET("entity_id", get_entity_id), \
	BYTES("name", process, name), \
	BYTES("executable", process, executable), \
	GET("start", get_start, .when = IF_WHOLE)

#define ARGUMENTS \
	GET("args", get_args, .when = IF_ECS | IF_WHOLE), \
	GET("args_count", get_args_count, .when = IF_ECS | IF_WHOLE), \
	GET("command_line", get_command_line)

static const struct record_field of_process[] = {
	IDENTITY,
	GROUP(IF_DESCRIBED,
		ARGUMENTS,
		BYTES("working_directory", caller, working_directory),
		OBJECT("real_user", IF_REAL_USER,
			ID32("id", caller, uid),
			CHARS("name", view, real_user))),
	{0},
};

static const struct record_field of_user[] = {
	OBJECT("user", 0,
		GET("id", get_acting_id),
		GET("name", get_acting_name),
		OBJECT("group", IF_PLAIN, ID32("id", caller, egid)),
		OBJECT("effective", IF_ELEVATED,
			ID32("id", process, euid),
			CHARS("name", view, user),
			OBJECT("group", 0, ID32("id", caller, egid)))),
	OBJECT("related", 0, GET("user", get_related_users)),
	{0},
};

static const struct record_field of_caller[] = {
	OBJECT("caller", 0,
		CONSTANT("basis", "kernel", .when = IF_DESCRIBED | IF_WHOLE),
		CONSTANT("basis", "peer", .when = IF_PEER),
		GROUP(IF_DESCRIBED,
			NUMBER32("session", caller, session, .has_unset = true),
			CHARS("tty", caller, tty),
			BYTES("cgroup", caller, cgroup),
			GET("cgroup_owner", get_cgroup_owner),
			GET("container_claimed", get_claimed_container),
			GET("unit", get_unit),
			BYTES("label", caller, label),
			GET("mount_namespace", get_mount_namespace),
			OBJECT("user_namespace", IF_USER_NAMESPACE,
				NUMBER32("id", caller, user_ns),
				ID32("owner", caller, user_ns_owner),
				GET("capabilities", get_capabilities)),
			GET("capabilities", get_nearly_all, .when = IF_HOST_USERS | IF_BRIEF),
			CHARS("access", view, access),
			GET("root", get_root),
			TRUE_OF("args_truncated", process, args_truncated),
			TRUE_OF("executable_deleted", process, executable_deleted),
			GET("executable_claimed", get_claimed_executable)),
		BYTES("boot", caller, boot_id)),
	{0},
};

static const struct record_field of_parent[] = {
	ABOUT("parent", IF_DESCRIBED | IF_WHOLE, enter_parent,
		IDENTITY,
		ARGUMENTS,
		OBJECT("user", 0, GET("id", get_parent_user))),
	ABOUT("parent", IF_DESCRIBED | IF_BRIEF, enter_parent,
		NUMBER32("pid", process, pid, .optional = true),
		BYTES("name", process, name),
		BYTES("executable", process, executable),
		GET("command_line", get_command_line)),
	{0},
};

static const struct record_field of_ancestors[] = {
	OBJECTS("ancestors", IF_DESCRIBED | IF_WHOLE, enter_ancestor, add_ancestor,
		GROUP(IF_ECS,
			IDENTITY,
			GET("command_line", get_command_line),
			OBJECT("user", 0, ID32("id", process, euid)))),
	GET("lineage", get_lineage, .when = IF_DESCRIBED | IF_BRIEF),
	{0},
};

#define ACCESS \
	CHARS("mode", record_access, mode), \
	ID32("uid", record_access, uid), \
	GET("owner", get_owner), \
	ID32("gid", record_access, gid), \
	GET("group", get_group), \
	BYTES("acl", record_access, acl), \
	BYTES("label", record_access, label)

const struct record_field *const fields_parts[FIELD_PARTS] = {
	[PART_PROCESS] = of_process,
	[PART_USER] = of_user,
	[PART_CALLER] = of_caller,
	[PART_PARENT] = of_parent,
	[PART_ANCESTORS] = of_ancestors,
};

#define CONTAINER(conditions) \
	OBJECT("container", conditions, \
		BYTES("id", view, container_id), \
		BYTES("name", record, container_name), \
		OBJECT("image", 0, BYTES("name", record, container_image)))

const struct record_field fields_all[] = {
	BOOT_TIME("@timestamp", record, time, .when = IF_ECS),
	OBJECT("ecs", IF_ECS, CONSTANT("version", ECS_VERSION)),
	GET("message", get_message),
	GET("priority", get_priority, .when = IF_JOURNAL),
	OBJECT("syslog", IF_JOURNAL,
		CONSTANT("identifier", "callerd"),
		CONSTANT("facility", FACILITY)),
	OBJECT("event", 0,
		GET("kind", get_kind, .when = IF_ECS),
		GET("category", get_categories, .when = IF_ECS),
		GET("type", get_types, .when = IF_ECS),
		WORD("action", action_name, action),
		NAMED("outcome", OUTCOME, view, outcome),
		GET("id", get_id),
		NUMBER("sequence", record, sequence),
		CONSTANT("module", "callerd", .when = IF_ECS | IF_AGAIN),
		CONSTANT("dataset", "callerd.audit", .when = IF_ECS),
		GET("severity", get_severity),
		NUMBER("duration", record, http.duration, HAS(record, http.has_duration),
			.when = IF_REQUEST)),
	OBJECT("host", 0,
		TEXT("name", record_context, host_name),
		OBJECT("boot", IF_ECS | IF_AGAIN, TEXT("id", record_context, boot_id))),
	OBJECT("agent", 0,
		CONSTANT("type", "callerd", .when = IF_ECS),
		TEXT("version", record_context, agent_version),
		TEXT("ephemeral_id", record_context, run_id)),
	OBJECT("process", IF_CALLER,
		PART(PART_PROCESS, 0),
		OBJECT("thread", 0,
			NUMBER32("id", caller, tid, .when = IF_THREAD),
			/* Capabilities in another user namespace say nothing of the host. */
			OBJECT("capabilities", IF_DESCRIBED | IF_HOST_USERS,
				GET("effective", get_capabilities, .when = IF_WHOLE),
				GET("effective", get_few_capabilities, .when = IF_BRIEF))),
		PART(PART_PARENT, IF_LINEAGE)),
	PART(PART_USER, IF_CALLER),
	/* In the journal CONTAINER_NAME and its like are those of Docker's log driver. */
	CONTAINER(IF_CALLER | IF_ECS),
	OBJECT("http", IF_REQUEST,
		GET("version", get_http_version),
		OBJECT("request", 0,
			GET("id", get_request_id),
			NUMBER("bytes", record, stream.request_bytes,
				HAS(record, stream.has_request_bytes)),
			BYTES("method", record, http.method),
			BYTES("mime_type", record, http.mime_type),
			OBJECT("body", 0,
				NUMBER("bytes", record, http.request_bytes,
					HAS(record, http.has_request_bytes)))),
		OBJECT("response", 0,
			NUMBER("bytes", record, stream.response_bytes,
				HAS(record, stream.has_response_bytes)),
			GET("status_code", get_status),
			OBJECT("body", 0,
				NUMBER("bytes", record, http.response_bytes,
					HAS(record, http.has_response_bytes))))),
	OBJECT("url", IF_REQUEST,
		BYTES("original", view, url.original),
		GET("path", get_url_path),
		BYTES("query", view, url.query, .when = IF_WHOLE)),
	OBJECT("user_agent", IF_REQUEST, BYTES("original", record, http.user_agent)),
	OBJECT("rule", 0, GET("id", get_rule)),
	OBJECT("threat", IF_TECHNIQUES,
		OBJECT("technique", 0,
			GET("id", get_techniques),
			OBJECT("subtechnique", 0, GET("id", get_subtechniques)))),
	OBJECT("error", 0, GET("code", get_error_code), GET("message", get_error_message)),
	/* The last one: the chain's mark goes before its end. */
	OBJECT("callerd", 0,
		BOOT_TIME("timestamp", record, time, .when = IF_JOURNAL),
		PART(PART_CALLER, IF_CALLER),
		CONTAINER(IF_CALLER | IF_JOURNAL),
		PART(PART_ANCESTORS, IF_CALLER | IF_LINEAGE),
		ABOUT("connector", 0, enter_connector,
			IDENTITY,
			GET("command_line", get_command_line),
			OBJECT("user", 0, ID32("id", process, euid), GET("name", get_user_name))),
		/* One of them, or each of them a part, sent the request. */
		OBJECTS("candidates", 0, enter_candidate, NULL,
			IDENTITY,
			GET("command_line", get_command_line),
			OBJECT("user", 0, ID32("id", process, euid), GET("name", get_user_name)),
			OBJECT("audit", 0,
				ID32("id", caller, login_uid, .has_unset = true),
				GET("name", get_login_name))),
		TRUE_OF("candidates_truncated", record, candidates_cut),
		OBJECT("connection", 0,
			IDENTIFIER("id", record, connection.id, .optional = true),
			BYTES("socket", record, connection.socket),
			BYTES("address", record, address),
			TRUE_OF("preexisting", record, connection.preexisting),
			NUMBER("request", record, connection.request, .optional = true)),
		OBJECT("server", IF_SERVER,
			NUMBER32("pid", record_server, pid),
			OBJECT("user", 0, ID32("id", record_server, uid)),
			BYTES("executable", record_server, executable),
			BYTES("unit", record_server, unit)),
		OBJECT("api", 0,
			NAMED("engine", BRAND, record, api.engine),
			BYTES("version", record, api.version),
			NAMED("operation", OPERATION, record, api.operation)),
		OBJECT("grpc", IF_CALL,
			BYTES("service", record, http.service),
			BYTES("method", record, http.method_name),
			BYTES("namespace", record, http.namespace),
			GET("status", get_call_status),
			TRUE_OF("by_engine", record, http.by_engine)),
		OBJECT("target", 0,
			GET("type", get_target_type),
			BYTES("id", record, api.target_id),
			BYTES("name", record, api.target_name),
			BYTES("image", record, api.target_image),
			OBJECT("container", 0,
				BYTES("id", record, api.container_id),
				BYTES("name", record, api.container_name))),
		{"request", FIELD_FACTS, .when = IF_CONTENT},
		OBJECTS("findings", 0, enter_own_finding, fields_add_finding,
			NAMED("id", FINDING, finding, id),
			NAMED("severity", SEVERITY, finding, severity, .when = IF_ECS),
			BYTES("detail", finding, detail, .when = IF_ECS)),
		GET("level", get_level),
		GET("expected", get_expected),
		TEXT("expected_rule", record, api.expected_rule),
		OBJECT("stream", 0, NAMED("end_reason", STREAM_END, record, stream.end_reason)),
		OBJECT("capture", 0,
			GET("complete", get_complete),
			GET("reason", get_incomplete),
			GET("caller_described", get_described),
			GET("anomalies", get_anomalies, .when = IF_REQUEST),
			TEXT("backend", record, backend, .when = IF_STARTED),
			TEXT("backend", record, backend, .when = IF_COUNTERS),
			TEXT("backend_reason", record, backend_reason, .when = IF_STARTED)),
		{"account", FIELD_OBJECT, .add_line = fields_add_account, LIST_OF(
			GET("type", get_account_type),
			GET("id", get_account_id),
			CHARS("name", view, account))},
		OBJECT("refused", IF_REFUSED_MANY,
			NUMBER("count", record, refused_count),
			BYTES("name", record, refused_name),
			BOOT_TIME("first", record, refused_first),
			BOOT_TIME("last", record, refused_last)),
		OBJECT("folded", IF_FOLDED,
			NUMBER("count", record, fold_count),
			NUMBER("different", record, fold_different),
			NUMBER("connections", record, fold_connections, .optional = true),
			BOOT_TIME("first", record, fold_first),
			BOOT_TIME("last", record, fold_last)),
		OBJECT("docker_event", IF_EVENT,
			BYTES("type", record, event.type),
			BYTES("action", record, event.action),
			BYTES("id", record, event.id),
			BYTES("name", record, event.name),
			BYTES("image", record, event.image),
			OBJECT("container", 0,
				BYTES("id", record, event.container_id),
				BYTES("name", record, event.container_name)),
			BYTES("exec_id", record, event.exec_id),
			BYTES("command", record, event.command),
			SIGNED("exit_code", record, event.exit_code,
				HAS(record, event.has_exit_code)),
			BYTES("signal", record, event.signal),
			BYTES("health", record, event.health),
			REAL_TIME("time", record, event.time, .optional = true),
			TRUE_OF("recovered", record, event.recovered)),
		OBJECT("cause", IF_EVENT,
			NAMED("kind", CAUSE_KIND, record, cause.kind),
			NAMED("basis", CAUSE_BASIS, record, cause.basis),
			NAMED("reason", CAUSE_REASON, record, cause.reason),
			BYTES("event_id", record, cause.event_id),
			NAMED("operation", OPERATION, record, cause.operation),
			OBJECTS("findings", 0, enter_cause_finding, fields_add_finding,
				NAMED("id", FINDING, finding, id),
				NAMED("severity", SEVERITY, finding, severity, .when = IF_ECS))),
		OBJECT("change", IF_CHANGE,
			NAMED("object", CHANGE_OBJECT, record, change.object),
			BYTES("path", record, change.path),
			GET("what", get_change),
			ABOUT("before", 0, enter_before, ACCESS),
			ABOUT("after", 0, enter_after, ACCESS),
			BYTES("group", record, change.group),
			GET("added", get_added),
			GET("removed", get_removed),
			NUMBER32("pid", record, change.pid, .optional = true)),
		OBJECT("engine", 0,
			BYTES("address", record_engine, address),
			GET("found_by", get_found),
			TRUE_OF("watched", record_engine, watched),
			TEXT("unwatched", record_engine, unwatched),
			WORD("tls", record_engine, tls),
			TRUE_OF("foreign_program", record_engine, foreign_program),
			TRUE_OF("unconfirmed", record_engine, unconfirmed),
			TEXT("unanswered", record_engine, unanswered),
			NAMED("brand", BRAND, record_engine, brand),
			BYTES("version", record_engine, version),
			BYTES("api_version", record_engine, api_version),
			BYTES("root_directory", record_engine, root_directory),
			BYTES("cgroup_driver", record_engine, cgroup_driver),
			GET("authorization_plugins", get_plugins),
			GET("security_options", get_security),
			TRUE_OF("rootless", record_engine, rootless),
			TRUE_OF("userns_remap", record_engine, userns_remap),
			TRUE_OF("live_restore", record_engine, live_restore)),
		OBJECT("lost", IF_LOST,
			TEXT("reason", record, lost_reason),
			NUMBER("count", record, lost_count),
			TEXT("output", record, lost_output)),
		{"status", FIELD_COUNTERS, .when = IF_COUNTERS},
		OBJECTS("programs", IF_COUNTERS, enter_program, fields_add_program,
			TEXT("name", record_program, name, .when = IF_ECS),
			NUMBER("runs", record_program, runs, .when = IF_ECS),
			NUMBER("run_time", record_program, run_time, .when = IF_ECS),
			NUMBER("missed", record_program, missed, .when = IF_ECS),
			TRUE_OF("detached", record_program, detached, .when = IF_ECS)),
		OBJECTS("engines", IF_COUNTERS, enter_engine, fields_add_engine,
			TEXT("socket", record_watched, socket, .when = IF_ECS),
			NAMED("state", ENGINE_STATE, record_watched, state, .when = IF_ECS),
			GET("error", get_engine_error, .when = IF_ECS)),
		GET("sockets", get_sockets, .when = IF_STARTED),
		OBJECT("reload", 0,
			TEXT("refused", record, reload_refused),
			GET("restart", get_restart)),
		OBJECTS("outputs", IF_STARTED, enter_output, NULL,
			TEXT("name", record_output, name),
			TEXT("seal_key", record_output, seal_key, .when = IF_ECS),
			GET("seal_key", get_key_of_output, .when = IF_JOURNAL)),
		OBJECTS("outputs", IF_COUNTERS, enter_output, fields_add_output,
			TEXT("name", record_output, name),
			NUMBER("waiting", record_output, waiting, .when = IF_ECS),
			NUMBER("written", record_output, written, .when = IF_ECS),
			NUMBER("lost", record_output, lost, .when = IF_ECS),
			TEXT("error", record_output, trouble, .when = IF_ECS)),
		OBJECT("self_test", IF_TEST,
			TEXT("fault", record, test_fault),
			NUMBER("unseen", record, test_unseen, .optional = true)),
		OBJECTS("outputs", IF_TEST, enter_output, fields_add_tested,
			TEXT("name", record_output, name),
			WORD("outcome", record_output, outcome, .when = IF_ECS))),
	{0},
};
/* clang-format on */

/* --- the walk --------------------------------------------------------------------------------- */

static uint64_t conditions_of_caller(const struct view *view)
{
	const struct caller *caller = view->caller;
	const struct record *record = view->record;
	uint64_t met = IF_CALLER | (view->elevated ? IF_ELEVATED : IF_PLAIN);

	if (!view->described)
		return met | IF_PEER;
	met |= IF_DESCRIBED;
	met |= caller_in_user_namespace(caller) ? IF_USER_NAMESPACE : IF_HOST_USERS;
	if (caller->login_uid != CALLERD_UNSET_ID)
		met |= IF_LOGIN;
	if (caller->uid != caller->process.euid)
		met |= IF_REAL_USER;
	/* The threads of a process that sends are not told apart. */
	if (caller->tid && !record_is_request(record) && record->action != RECORD_DOCKER_EVENT &&
	    !record->refused_count)
		met |= IF_THREAD;
	return met;
}

static uint64_t conditions_of_action(const struct record *record)
{
	const struct record_event *event = &record->event;
	const struct record_api *api = &record->api;

	switch (record->action) {
	case RECORD_API_STARTED:
	case RECORD_API_REQUEST:
	case RECORD_API_ENDED:
		return IF_REQUEST | IF_TECHNIQUES |
		       (record->http.version_minor >= 0 || record->http.http2 ? IF_HTTP : 0) |
		       (record->http.grpc ? IF_CALL : 0) |
		       (api->target_id.size || api->target_name.size ? IF_TARGET : 0);
	case RECORD_DOCKER_EVENT:
		return IF_EVENT | (event->id.size || event->name.size ? IF_TARGET : 0);
	case RECORD_AGENT_STARTED:
	case RECORD_AGENT_RELOADED:
		return IF_STARTED;
	case RECORD_AGENT_STATUS:
	case RECORD_AGENT_STOPPED:
		return IF_COUNTERS;
	case RECORD_RECORDS_LOST:
		return IF_LOST;
	case RECORD_SELF_TEST:
		return IF_TEST;
	case RECORD_SOCKET_CHANGED:
	case RECORD_ACCESS_CHANGED:
		return IF_CHANGE;
	default:
		return 0;
	}
}

/* Whether process.entity_id tells the boot, and that it is this one. */
static bool has_own_entity(const struct view *view)
{
	const struct caller *caller = view->caller;

	return caller && caller->process.start && !caller->boot_id.size;
}

static const struct record_engine no_engine;

int fields_init(struct fields *fields, const struct record *record,
		const struct record_context *context, uint64_t format, struct text *out)
{
	int error = view_init(&fields->view, record, context);

	fields->out = out;
	fields->start = out->size;
	fields->conditions = format | conditions_of_action(record);
	if (record->caller)
		fields->conditions |= conditions_of_caller(&fields->view);
	if (format & IF_WHOLE || !has_own_entity(&fields->view))
		fields->conditions |= IF_AGAIN;
	if (record->server)
		fields->conditions |= IF_SERVER;
	if (record->refused_count)
		fields->conditions |= IF_REFUSED_MANY;
	if (record->fold_count)
		fields->conditions |= IF_FOLDED;
	if (record->level <= LEVEL_REQUEST)
		fields->conditions |= IF_CONTENT;
	if (record->level == LEVEL_FULL)
		fields->conditions |= IF_LINEAGE;
	if (record->connection.socket.size)
		fields->conditions |= IF_SOCKET;
	fields->of[FIELDS_record] = record;
	fields->of[FIELDS_record_context] = context;
	fields->of[FIELDS_view] = &fields->view;
	fields->of[FIELDS_action_name] = name_action(record->action);
	fields->of[FIELDS_record_server] = record->server;
	fields->of[FIELDS_record_engine] = record->engine ?: &no_engine;
	enter_caller(fields, record->caller);
	fields->scratch = fields->masked = (struct text){0};
	fields->masked_process = NULL;
	fields->reread = NULL;
	fields->awaits = false;
	return error;
}

int fields_free(struct fields *fields, int error)
{
	error = error ?: fields->out->error ?: fields->scratch.error ?: fields->masked.error;
	if (error)
		text_cut(fields->out, fields->start);
	text_free(&fields->scratch);
	text_free(&fields->masked);
	view_free(&fields->view);
	return error;
}

bool fields_enter(struct fields *fields, const struct record_field *field, unsigned int *index)
{
	int found;

	do
		found = field->enter(fields, (*index)++);
	while (found < 0);
	if (!found)
		enter_caller(fields, fields->view.caller);
	return found;
}

void fields_line(struct fields *fields, const struct record_field *field, struct field_value *ret)
{
	field->add_line(fields, fields_begin(fields));
	fields_begun(fields, ret);
}

/* The word for VALUE of an enum; NULL: it has none. */
static const char *word_of(enum field_kind kind, unsigned int value)
{
	switch (kind) {
	case FIELD_OUTCOME:
		return name_outcome(value);
	case FIELD_BRAND:
		return name_brand(value);
	case FIELD_CHANGE_OBJECT:
		return name_change_object(value);
	case FIELD_OPERATION:
		return operation_name(value);
	case FIELD_FINDING:
		return finding_kind(value)->id;
	case FIELD_SEVERITY:
		return finding_severity_name(value);
	case FIELD_STREAM_END:
		return name_end(value);
	case FIELD_ENGINE_STATE:
		return name_engine_state(value);
	case FIELD_CAUSE_KIND:
		return cause_kind_name(value);
	case FIELD_CAUSE_BASIS:
		return cause_basis_name(value);
	default:
		return cause_reason_name(value);
	}
}

/* A number, or nothing where it stands for that. */
static void set_some(struct field_value *ret, const struct record_field *field,
		     enum value_kind kind, uint64_t number)
{
	bool unset =
		(field->optional && !number) || (field->has_unset && number == CALLERD_UNSET_ID);

	set_number(ret, unset ? VALUE_NONE : kind, number);
}

void fields_value(struct fields *fields, const struct record_field *field, struct field_value *ret)
{
	const char *source = fields->of[field->source], *at = source + field->offset;

	ret->kind = VALUE_NONE;
	if (field->has && !*(const bool *)(source + field->has))
		return;
	switch (field->kind) {
	case FIELD_BYTES:
		fields_set_text(ret, *fields_bytes(fields, field));
		break;
	case FIELD_TEXT:
		fields_set_text(ret, bytes_of(*(const char *const *)at));
		break;
	case FIELD_WORD:
		set_word(ret, *(const char *const *)at);
		break;
	case FIELD_OUTCOME ... FIELD_CAUSE_REASON:
		set_word(ret, word_of(field->kind, *(const unsigned int *)at));
		break;
	case FIELD_CHARS:
		fields_set_text(ret, bytes_of(at));
		break;
	case FIELD_NUMBER:
		set_some(ret, field, VALUE_NUMBER, *(const uint64_t *)at);
		break;
	case FIELD_NUMBER32:
		set_some(ret, field, VALUE_NUMBER, *(const uint32_t *)at);
		break;
	case FIELD_ID:
		set_some(ret, field, VALUE_ID, *(const uint64_t *)at);
		break;
	case FIELD_ID32:
		set_some(ret, field, VALUE_ID, *(const uint32_t *)at);
		break;
	case FIELD_TRUE:
		set_number(ret, *(const bool *)at ? VALUE_BOOL : VALUE_NONE, true);
		break;
	case FIELD_SIGNED:
		set_number(ret, VALUE_SIGNED, *(const uint64_t *)at);
		break;
	case FIELD_BOOT_TIME:
		set_number(ret, VALUE_TIME,
			   record_time(fields->view.context, *(const uint64_t *)at));
		break;
	case FIELD_REAL_TIME:
		set_some(ret, field, VALUE_TIME, *(const uint64_t *)at);
		break;
	case FIELD_CONSTANT:
		set_word(ret, field->constant);
		break;
	case FIELD_GET:
		field->get(fields, ret);
		break;
	default:
		break;
	}
}

/* --- by path ---------------------------------------------------------------------------------- */

/* Where paths that are found go. */
struct found_paths {
	struct field_path *all;
	unsigned int count, max;
};

static void find_path(const struct record_field *field, struct field_path from, const char *rest,
		      struct found_paths *ret);

/* Whether FIELD can be told at the end of a path. */
static bool is_value(const struct record_field *field)
{
	return field->kind <= FIELD_GET || (field->add_line && !field->enter);
}

/* FIELD has the key that REST begins with; MORE: what follows it in REST, or NULL. */
static void find_below(const struct record_field *field, struct field_path from, const char *more,
		       struct found_paths *ret)
{
	if (!more) {
		from.field = field;
		if (is_value(field) || (field->kind == FIELD_OBJECTS && field->add_line))
			ret->all[ret->count++] = from;
		return;
	}
	if (field->kind == FIELD_FACTS || field->kind == FIELD_COUNTERS) {
		from.field = field;
		from.member = more;
		ret->all[ret->count++] = from;
		return;
	}
	if (field->enter)
		from.entered = field;
	if (field->kind == FIELD_OBJECT || field->kind == FIELD_OBJECTS)
		find_path(field->fields, from, more, ret);
}

static void find_path(const struct record_field *field, struct field_path from, const char *rest,
		      struct found_paths *ret)
{
	size_t size = strcspn(rest, ".");
	uint64_t when = from.when;

	for (; field->kind && ret->count < ret->max; field++) {
		from.when = when | field->when;
		if (field->kind == FIELD_GROUP)
			find_path(field->fields, from, rest, ret);
		else if (field->kind == FIELD_PART)
			find_path(fields_parts[field->part], from, rest, ret);
		else if (!strncmp(field->key, rest, size) && !field->key[size])
			find_below(field, from, rest[size] ? rest + size + 1 : NULL, ret);
	}
}

unsigned int fields_find_all(const char *path, struct field_path *ret, unsigned int max)
{
	struct found_paths found = {.all = ret, .max = max};

	find_path(fields_all, (struct field_path){.path = path}, path, &found);
	return found.count;
}

void fields_find(struct field_path *path)
{
	unsigned int found = fields_find_all(path->path, path, 1);

	assert(found && !path->entered && !path->member);
	(void)found;
}

/* A member of the facts, or of the counters. */
static void member_value(const struct fields *fields, const struct field_path *path,
			 struct field_value *ret)
{
	const struct record *record = fields->view.record;

	ret->kind = VALUE_NONE;
	for (unsigned int i = 0; path->field->kind == FIELD_FACTS && i < record->api.fact_count;
	     i++)
		if (!strcmp(record->api.facts[i].name, path->member))
			fields_fact(&record->api.facts[i], ret);
	for (unsigned int i = 0; path->field->kind == FIELD_COUNTERS && i < record->counter_count;
	     i++)
		if (!strcmp(record->counters[i].name, path->member))
			set_number(ret, VALUE_NUMBER, record->counters[i].value);
}

static bool any_value(struct fields *fields, const struct field_path *path,
		      bool (*test)(void *data, struct fields *fields,
				   const struct field_value *value),
		      void *data)
{
	const struct record_field *field = path->field;
	struct field_value value, element;

	if (path->member)
		member_value(fields, path, &value);
	else if (field->kind == FIELD_OBJECT || field->kind == FIELD_OBJECTS)
		fields_line(fields, field, &value);
	else
		fields_value(fields, field, &value);
	if (!fields_is_list(&value))
		return value.kind && test(data, fields, &value);
	while (fields_next(&value, &element))
		if (test(data, fields, &element))
			return true;
	return false;
}

bool fields_any(struct fields *fields, const struct field_path *path,
		bool (*test)(void *data, struct fields *fields, const struct field_value *value),
		void *data)
{
	const struct record_field *entered = path->entered
						     ?: path->field->kind == FIELD_OBJECTS
							? path->field
							: NULL;
	unsigned int index = 0;
	bool found = false;

	if (fields->reread)
		return reread_any(fields, path, test, data);
	fields->awaits = false;
	if (!fields_meet(fields, path->when))
		return false;
	if (!entered)
		return any_value(fields, path, test, data);
	while (!found && fields_enter(fields, entered, &index))
		found = any_value(fields, path, test, data);
	enter_caller(fields, fields->view.caller);
	return found;
}

bool fields_is_of_one(const char *path, bool different)
{
	static const struct {
		const char *begin;
		bool of_equal; /* also of records that are equal */
	} left_out[] = {
		{"url.", false},
		{"user_agent.", false},
		{"http.", true},
		{"callerd.connection.", true},
		{"callerd.target.", false},
		{"callerd.docker_event.", true},
		{"callerd.api.", false},
	};

	for (size_t i = 0; i < COUNT(left_out); i++)
		if (!strncmp(path, left_out[i].begin, strlen(left_out[i].begin)))
			return different || left_out[i].of_equal;
	return false;
}

static bool any_at_all(void *data, struct fields *fields, const struct field_value *value)
{
	return true;
}

/* Whether a record that stands for several does not tell what PATH has, or tells it of one of them. */
static bool is_left_out(struct fields *fields, const struct field_path *path)
{
	const struct record *record = fields->view.record;
	bool different = record->fold_different > 1;

	if (!record->fold_count || !fields_meet(fields, path->when))
		return false;
	if (different &&
	    (!strcmp(path->path, "message") ||
	     (!strcmp(path->path, "event.type") && record->action == RECORD_DOCKER_EVENT)))
		return true;
	return fields_is_of_one(path->path, different) &&
	       !fields_any(fields, path, any_at_all, NULL);
}

bool fields_awaited(struct fields *fields, const struct field_path *path)
{
	const struct record_context *context = fields->view.context;
	const struct record_field *field = path->field;
	const struct caller *caller = fields->view.caller;
	uint32_t uid;

	if (fields->reread)
		return reread_awaited(fields, path);
	/* Who is in a container has a name and an image, though callerd may not know them, or not yet. */
	if (field->source == FIELDS_record && !path->entered &&
	    (field->offset == offsetof(struct record, container_name) ||
	     field->offset == offsetof(struct record, container_image)))
		return fields->view.container_id.size && !fields_bytes(fields, field)->size &&
		       fields_meet(fields, path->when);
	if (fields->awaits || is_left_out(fields, path))
		return true;
	if (!caller || !context->user_asked || field->kind != FIELD_CHARS ||
	    field->source != FIELDS_view || !fields_meet(fields, path->when))
		return false;
	if (field->offset == offsetof(struct view, user))
		uid = caller->process.euid;
	else if (field->offset == offsetof(struct view, real_user))
		uid = caller->uid;
	else if (field->offset == offsetof(struct view, account))
		uid = (uint32_t)CALLERD_ACCOUNT_ID(fields->view.record->account);
	else
		return false;
	return !((const char *)&fields->view)[field->offset] &&
	       context->user_asked(context->data, uid);
}

bool fields_read(struct fields *fields, const struct field_path *path, struct field_cursor *cursor,
		 struct field_value *ret)
{
	const struct record_field *field = path->field;

	if (!fields_meet(fields, path->when))
		return false;
	if (field->kind == FIELD_OBJECTS) {
		if (!fields_enter(fields, field, &cursor->index))
			return false;
		fields_line(fields, field, ret);
		return true;
	}
	if (cursor->index++)
		return fields_is_list(&cursor->list) && fields_next(&cursor->list, ret);
	if (field->kind == FIELD_OBJECT)
		fields_line(fields, field, ret);
	else
		fields_value(fields, field, ret);
	if (!fields_is_list(ret))
		return ret->kind;
	cursor->list = *ret;
	return fields_next(&cursor->list, ret);
}

struct bytes fields_text(struct fields *fields, const struct field_value *value)
{
	if (value->kind == VALUE_TEXT || value->kind == VALUE_WORD)
		return value->text;
	fields_begin(fields);
	if (value->kind == VALUE_SIGNED)
		text_add_signed(&fields->scratch, (int64_t)value->number);
	else if (value->kind == VALUE_BOOL)
		text_add_string(&fields->scratch, value->number ? "true" : "false");
	else if (value->kind == VALUE_TIME)
		clock_add_rfc3339(&fields->scratch, value->number);
	else
		text_add_number(&fields->scratch, value->number);
	return text_since(&fields->scratch, 0);
}
