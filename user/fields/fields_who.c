// SPDX-License-Identifier: Apache-2.0
/* Who: the caller, its users, its parent and ancestors; and who else had a part in it. */
#include "base/utf8.h"
#include "docker/known/labels.h"
#include "fields/fields_table.h"
#include "fields/line.h"
#include "process/environment.h"
#include "secret/command.h"

#define CAPABILITIES_ALL ((1ull << 41) - 1) /* those that name_capability() knows */
#define CAPABILITIES_MISSING 8 /* so many at most are told rather than those that are there */

/* --- processes -------------------------------------------------------------------------------- */

static void get_entity_id(struct fields *fields, struct field_value *ret)
{
	view_add_entity_id(fields_begin(fields), &fields->view, fields_caller(fields),
			   fields_process(fields));
	fields_begun(fields, ret);
}

static void get_start(struct fields *fields, struct field_value *ret)
{
	int64_t clock = view_boot_to_real(&fields->view, fields_caller(fields));
	uint64_t start = fields_process(fields)->start;

	fields_set_number(ret, start ? VALUE_TIME : VALUE_NONE, clock_real(clock, start));
}

static bool is_own(const struct fields *fields, const struct process *process)
{
	return fields->view.caller && process == &fields->view.caller->process;
}

/* The arguments of the process, without secrets. */
static struct bytes find_args(struct fields *fields)
{
	const struct process *process = fields_process(fields);

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

	if (!args.data || fields_process(fields)->args_truncated)
		return;
	while (command_next(&args, &argument))
		count++;
	fields_set_number(ret, VALUE_NUMBER, count);
}

static void get_command_line(struct fields *fields, struct field_value *ret)
{
	command_add(fields_begin(fields), find_args(fields));
	fields_begun(fields, ret);
}

/* --- users ------------------------------------------------------------------------------------ */

void fields_name_user(struct fields *fields, uint32_t uid, struct field_value *ret)
{
	const struct record_context *context = fields->view.context;

	view_user_name(context, uid, fields->name);
	fields_set_text(ret, bytes_of(fields->name));
	fields->awaits |=
		!fields->name[0] && context->user_asked && context->user_asked(context->data, uid);
}

static void get_user_name(struct fields *fields, struct field_value *ret)
{
	fields_name_user(fields, fields_process(fields)->euid, ret);
}

static void get_acting_id(struct fields *fields, struct field_value *ret)
{
	fields_set_number(ret, VALUE_ID, view_acting_uid(fields->view.caller));
}

static void get_acting_name(struct fields *fields, struct field_value *ret)
{
	fields_name_user(fields, view_acting_uid(fields->view.caller), ret);
}

/* All of whom the record is: by name, or by number where there is no name. */
static void get_related_users(struct fields *fields, struct field_value *ret)
{
	const struct view *view = &fields->view;
	const struct record_context *context = view->context;
	char asker_name[VIEW_NAME_SIZE] = "";
	const struct caller *caller = view->caller, *asker = view->record->relayed.caller;
	const struct {
		const char *name;
		uint32_t uid;
	} users[] = {
		{view->login_user, view_acting_uid(view->caller)},
		{view->user, caller->process.euid},
		{view->real_user, view->described ? caller->uid : caller->process.euid},
		{asker_name, asker ? view_acting_uid(asker) : caller->process.euid},
	};
	struct text *out = fields_begin(fields);

	if (asker)
		view_user_name(context, view_acting_uid(asker), asker_name);
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

static void get_related_hosts(struct fields *fields, struct field_value *ret)
{
	const char *name = fields->view.context->host_name;

	fields->words[0] = name;
	if (name && *name)
		fields_set_list(ret, VALUE_STRINGS, fields->words, 1);
}

/* Of a record without a caller: its users stand in the same object, and are written once for many records. */
static void get_hosts_alone(struct fields *fields, struct field_value *ret)
{
	if (!fields_caller(fields))
		get_related_hosts(fields, ret);
}

/* A process that is not known has no user, not root. */
static void get_parent_user(struct fields *fields, struct field_value *ret)
{
	const struct process *process = fields_process(fields);

	if (process->pid)
		fields_set_number(ret, VALUE_ID, process->euid);
}

static void get_login_name(struct fields *fields, struct field_value *ret)
{
	uint32_t uid = fields_caller(fields)->login_uid;

	if (uid != CALLERD_UNSET_ID)
		fields_name_user(fields, uid, ret);
}

/* --- the caller ------------------------------------------------------------------------------- */

static void get_cgroup_owner(struct fields *fields, struct field_value *ret)
{
	const struct caller *caller = fields_caller(fields);

	fields_set_number(ret, caller->cgroup_claimed ? VALUE_ID : VALUE_NONE,
			  caller->cgroup_owner);
}

static void get_claimed_container(struct fields *fields, struct field_value *ret)
{
	fields_set_text(ret, caller_claimed_container_id(fields_caller(fields)));
}

static void get_pod(struct fields *fields, struct field_value *ret)
{
	struct bytes uid;

	if (caller_in_pod(fields_caller(fields), &uid))
		fields_set_word(ret, "pod");
}

static void get_orchestrator(struct fields *fields, struct field_value *ret)
{
	struct bytes uid;

	if (caller_in_pod(fields_caller(fields), &uid))
		fields_set_word(ret, "kubernetes");
}

static void get_pod_uid(struct fields *fields, struct field_value *ret)
{
	struct bytes uid;
	struct text *out = fields_begin(fields);

	if (!caller_in_pod(fields_caller(fields), &uid))
		return;
	for (size_t i = 0; i < uid.size; i++)
		text_add_char(out, uid.data[i] == '_' ? '-' : uid.data[i]);
	fields_begun(fields, ret);
}

static void get_unit(struct fields *fields, struct field_value *ret)
{
	fields_set_text(ret, caller_unit(fields_caller(fields)));
}

static void get_mount_namespace(struct fields *fields, struct field_value *ret)
{
	const struct caller *caller = fields_caller(fields);
	bool other = caller_in_mount_namespace(caller, fields->view.context->mnt_ns);

	fields_set_number(ret, other ? VALUE_NUMBER : VALUE_NONE, caller->mnt_ns);
}

static void get_capabilities(struct fields *fields, struct field_value *ret)
{
	fields_set_bits(ret, fields_caller(fields)->capabilities, name_capability, NULL);
}

static bool has_nearly_all(const struct caller *caller)
{
	return __builtin_popcountll(~caller->capabilities & CAPABILITIES_ALL) <=
	       CAPABILITIES_MISSING;
}

/* In ECS each by its name. */
static void get_few_capabilities(struct fields *fields, struct field_value *ret)
{
	if (!has_nearly_all(fields_caller(fields)))
		get_capabilities(fields, ret);
}

/* ALL, -CAP_SYS_RESOURCE: nearly all are there. */
static void get_nearly_all(struct fields *fields, struct field_value *ret)
{
	uint64_t missing = ~fields_caller(fields)->capabilities & CAPABILITIES_ALL;
	struct text *out;

	if (!has_nearly_all(fields_caller(fields)))
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
	struct bytes root = fields_caller(fields)->root;

	if (!bytes_are(root, "/"))
		fields_set_text(ret, root);
}

/* Of a caller alone: of its ancestors none is computed. */
static void get_digest(struct fields *fields, struct field_value *ret)
{
	const struct record_context *context = fields->view.context;

	if (context->digest && is_own(fields, fields_process(fields)) &&
	    context->digest(context->data, fields_caller(fields), fields->digest))
		fields_set_text(ret, (struct bytes){fields->digest, sizeof(fields->digest) - 1});
}

static void get_groups(struct fields *fields, struct field_value *ret)
{
	struct bytes groups = fields_caller(fields)->groups;

	text_add(fields_begin(fields), groups.data, groups.size);
	fields_begun_list(fields, ret);
}

static void get_claimed_executable(struct fields *fields, struct field_value *ret)
{
	const struct caller *caller = fields_caller(fields);

	if (caller->process.executable_exchanged)
		fields_set_text(ret, caller->executable_claimed);
}

/* --- what it says of itself ------------------------------------------------------------------- */

static void get_ci_system(struct fields *fields, struct field_value *ret)
{
	const struct environment_system *system =
		environment_find_system(fields_caller(fields)->environment);

	if (system)
		fields_set_word(ret, environment_system_name(system));
}

static void get_ci_part(struct fields *fields, enum environment_part part, struct field_value *ret)
{
	struct bytes environment = fields_caller(fields)->environment;
	const struct environment_system *system = environment_find_system(environment);
	struct text *out = fields_begin(fields);

	if (system)
		environment_add_part(out, system, environment, part);
	fields_begun(fields, ret);
}

static void get_ci_pipeline(struct fields *fields, struct field_value *ret)
{
	get_ci_part(fields, ENVIRONMENT_PIPELINE, ret);
}

static void get_ci_job(struct fields *fields, struct field_value *ret)
{
	get_ci_part(fields, ENVIRONMENT_JOB, ret);
}

static void get_ci_url(struct fields *fields, struct field_value *ret)
{
	get_ci_part(fields, ENVIRONMENT_URL, ret);
}

static void get_ci_actor(struct fields *fields, struct field_value *ret)
{
	get_ci_part(fields, ENVIRONMENT_ACTOR, ret);
}

static void get_ci_repository(struct fields *fields, struct field_value *ret)
{
	get_ci_part(fields, ENVIRONMENT_REPOSITORY, ret);
}

static void get_ai_agents(struct fields *fields, struct field_value *ret)
{
	environment_add_agents(fields_begin(fields), fields_caller(fields)->environment);
	fields_begun_list(fields, ret);
}

static void get_variables(struct fields *fields, struct field_value *ret)
{
	ret->kind = VALUE_ARGUMENTS;
	ret->text = fields_caller(fields)->environment;
}

/* Those that callerd.ci and callerd.ai do not tell. */
static void get_other_variables(struct fields *fields, struct field_value *ret)
{
	struct bytes left = fields_caller(fields)->environment, variable;
	bool has_system = environment_find_system(left);
	struct text *out = fields_begin(fields);

	while (command_next(&left, &variable))
		if (!environment_is_told(environment_name_of(variable), has_system))
			text_add(out, variable.data, variable.size + 1);
	fields_begun_list(fields, ret);
}

/* In ECS those of the process itself. */
static void get_own_variables(struct fields *fields, struct field_value *ret)
{
	const struct caller *caller = fields_caller(fields);

	if (caller->environment_pid == fields_process(fields)->pid)
		get_variables(fields, ret);
}

/* Whose they are, where they are an ancestor's. */
static void get_variables_pid(struct fields *fields, struct field_value *ret)
{
	const struct caller *caller = fields_caller(fields);

	if (caller->environment.size && caller->environment_pid != caller->process.pid)
		fields_set_number(ret, VALUE_NUMBER, caller->environment_pid);
}

static int enter_parent(struct fields *fields, unsigned int index)
{
	const struct caller *caller = fields_caller(fields);

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

static int enter_connector(struct fields *fields, unsigned int index)
{
	const struct caller *connector = fields->view.record->connector;

	if (index || !connector || connector == fields->view.caller)
		return 0;
	fields_enter_caller(fields, connector);
	return 1;
}

static int enter_candidate(struct fields *fields, unsigned int index)
{
	const struct record *record = fields->view.record;

	if (index >= record->candidate_count)
		return 0;
	fields_enter_caller(fields, record->candidates[index]);
	return 1;
}

/* --- who is behind it ------------------------------------------------------------------------- */

static const struct record_maker *fields_maker(const struct fields *fields)
{
	return fields->of[FIELDS_record_maker];
}

static int enter_maker(struct fields *fields, unsigned int index, enum record_maker_kind kind)
{
	const struct record_maker *maker = &fields->view.record->makers[kind];

	if (index || !maker->caller)
		return 0;
	fields->of[FIELDS_record_maker] = maker;
	fields_enter_caller(fields, maker->caller);
	return 1;
}

static int enter_creator(struct fields *fields, unsigned int index)
{
	return enter_maker(fields, index, MAKER_CREATED);
}

static int enter_starter(struct fields *fields, unsigned int index)
{
	return enter_maker(fields, index, MAKER_STARTED);
}

static int enter_exec_maker(struct fields *fields, unsigned int index)
{
	return enter_maker(fields, index, MAKER_EXEC);
}

static int enter_behind(struct fields *fields, unsigned int index)
{
	return enter_maker(fields, index, MAKER_BEHIND);
}

static void get_maker_id(struct fields *fields, struct field_value *ret)
{
	fields_set_number(ret, VALUE_ID, view_acting_uid(fields_caller(fields)));
}

static void get_maker_name(struct fields *fields, struct field_value *ret)
{
	fields_name_user(fields, view_acting_uid(fields_caller(fields)), ret);
}

/* Whether the caller acts as another user than the one who logged in. */
static bool is_maker_elevated(const struct fields *fields)
{
	return view_acting_uid(fields_caller(fields)) != fields_caller(fields)->process.euid;
}

static void get_maker_effective_id(struct fields *fields, struct field_value *ret)
{
	if (is_maker_elevated(fields))
		fields_set_number(ret, VALUE_ID, fields_caller(fields)->process.euid);
}

static void get_maker_effective_name(struct fields *fields, struct field_value *ret)
{
	if (is_maker_elevated(fields))
		fields_name_user(fields, fields_caller(fields)->process.euid, ret);
}

static void get_maker_via(struct fields *fields, struct field_value *ret)
{
	if (is_maker_elevated(fields))
		fields_set_text(ret, line_elevator(fields_caller(fields)));
}

static void get_maker_container(struct fields *fields, struct field_value *ret)
{
	fields_set_text(ret, caller_container_id(fields_caller(fields)));
}

static void get_behind_id(struct fields *fields, struct field_value *ret)
{
	const struct caller *behind = fields_maker(fields)->behind;

	if (behind)
		fields_set_number(ret, VALUE_ID, view_acting_uid(behind));
}

static void get_behind_name(struct fields *fields, struct field_value *ret)
{
	const struct caller *behind = fields_maker(fields)->behind;

	if (behind)
		fields_name_user(fields, view_acting_uid(behind), ret);
}

/* --- who asked a relay ------------------------------------------------------------------------ */

static int enter_asker(struct fields *fields, unsigned int index)
{
	const struct caller *asker = fields->view.record->relayed.caller;

	if (index || !asker)
		return 0;
	fields_enter_caller(fields, asker);
	return 1;
}

/* Of several processes of one user it is not known which it is of. */
static int enter_asking_process(struct fields *fields, unsigned int index)
{
	return fields->view.record->relayed.askers == 1 ? enter_asker(fields, index) : 0;
}

static void get_certainty(struct fields *fields, struct field_value *ret)
{
	static const char *const words[] = {NULL, "certain", "likely", "unknown"};

	fields_set_word(ret, words[fields->view.record->relayed.certainty]);
}

static void get_relayed_basis(struct fields *fields, struct field_value *ret)
{
	static const char *const words[] = {NULL,      "request",  "head",
					    "listens", "accepted", "connection"};

	fields_set_word(ret, words[fields->view.record->relayed.basis]);
}

static void get_asker_id(struct fields *fields, struct field_value *ret)
{
	const struct caller *asker = fields->view.record->relayed.caller;

	if (asker)
		fields_set_number(ret, VALUE_ID, view_acting_uid(asker));
}

static void get_asker_name(struct fields *fields, struct field_value *ret)
{
	const struct caller *asker = fields->view.record->relayed.caller;

	if (asker)
		fields_name_user(fields, view_acting_uid(asker), ret);
}

static void get_askers(struct fields *fields, struct field_value *ret)
{
	unsigned int askers = fields->view.record->relayed.askers;

	fields_set_number(ret, askers > 1 ? VALUE_NUMBER : VALUE_NONE, askers);
}

static void get_asker_address(struct fields *fields, struct field_value *ret)
{
	fields_set_text(ret, bytes_of(fields->view.record->relayed.source));
}

static void get_asker_port(struct fields *fields, struct field_value *ret)
{
	uint32_t port = fields->view.record->relayed.source_port;

	fields_set_number(ret, port ? VALUE_NUMBER : VALUE_NONE, port);
}

void fields_list_labels(struct fields *fields, struct bytes packed, struct field_value *ret)
{
	struct text *out = fields_begin(fields);
	struct bytes key, value;

	while (labels_next(&packed, &key, &value)) {
		text_add_bytes(out, key);
		text_add_char(out, '=');
		text_add_bytes(out, value);
		text_add_char(out, '\0');
	}
	if (out->size)
		fields_begun_list(fields, ret);
}

static void get_container_labels(struct fields *fields, struct field_value *ret)
{
	fields_list_labels(fields, fields->view.record->container_labels, ret);
}

static void get_labels_cut(struct fields *fields, struct field_value *ret)
{
	if (labels_are_cut(fields->view.record->container_labels))
		fields_set_number(ret, VALUE_BOOL, true);
}

/* --- the lineage ------------------------------------------------------------------------------ */

/* What sets processes apart in a lineage, and what a name has of it, as \x5b; what could turn the line around or hide in
 * it, too. */
static void add_lineage_text(struct text *out, struct bytes text)
{
	while (text.data && text.size && !out->error) {
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
	const struct process *process = fields_process(fields);
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

/* --- all of them ------------------------------------------------------------------------------ */

/* clang-format off */
/* Of any process. MORE: the conditions of what is not wanted at once. */
#define IDENTITY(more) \
	NUMBER32("pid", process, pid, .optional = true), \
	GET("entity_id", get_entity_id, .when = (more)), \
	BYTES("name", process, name), \
	BYTES("executable", process, executable, .when = (more)), \
	GET("start", get_start, .when = IF_WHOLE | (more))

#define ARGUMENTS \
	GET("args", get_args, .when = IF_ECS | IF_WHOLE), \
	GET("args_count", get_args_count, .when = IF_ECS | IF_WHOLE), \
	GET("command_line", get_command_line)

const struct record_field fields_of_process[] = {
	IDENTITY(IF_HERE),
	GROUP(IF_DESCRIBED | IF_HERE,
		ARGUMENTS,
		GET("env_vars", get_own_variables, .when = IF_ECS | IF_WHOLE),
		OBJECT("hash", 0, GET("sha256", get_digest)),
		BYTES("working_directory", caller, working_directory),
		TRUE_OF("interactive", caller, interactive),
		OBJECT("supplemental_groups", IF_WHOLE, GET("id", get_groups)),
		OBJECT("real_user", IF_REAL_USER,
			ID32("id", caller, uid),
			CHARS("name", view, real_user))),
	ALL_OF(fields_of_entry, 0),
	{0},
};

const struct record_field fields_of_thread[] = {
	OBJECT("thread", 0,
		NUMBER32("id", caller, tid, .when = IF_THREAD),
		/* Capabilities in another user namespace say nothing of the host. */
		OBJECT("capabilities", IF_DESCRIBED | IF_HOST_USERS | IF_HERE,
			GET("effective", get_capabilities, .when = IF_WHOLE),
			GET("effective", get_few_capabilities, .when = IF_BRIEF))),
	{0},
};

const struct record_field fields_of_user[] = {
	OBJECT("user", 0,
		GET("id", get_acting_id),
		GET("name", get_acting_name),
		OBJECT("group", IF_PLAIN | IF_HERE, ID32("id", caller, egid)),
		OBJECT("effective", IF_ELEVATED,
			ID32("id", process, euid),
			CHARS("name", view, user),
			OBJECT("group", IF_HERE, ID32("id", caller, egid)))),
	OBJECT("related", IF_HERE,
		GET("user", get_related_users),
		GET("hosts", get_related_hosts, .when = IF_ECS),
		ALL_OF(fields_of_addresses, IF_ECS)),
	ALL_OF(fields_of_source, 0),
	{0},
};

const struct record_field fields_of_nobody[] = {
	OBJECT("related", IF_ECS, GET("hosts", get_hosts_alone)),
	{0},
};

const struct record_field fields_of_caller[] = {
	BYTES("id", record, caller_id),
	CONSTANT("basis", "kernel", .when = IF_DESCRIBED | IF_WHOLE),
	CONSTANT("basis", "peer", .when = IF_PEER),
	GROUP(IF_DESCRIBED | IF_HERE,
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
		TRUE_OF("groups_truncated", caller, groups_truncated, .when = IF_WHOLE),
		TRUE_OF("executable_deleted", process, executable_deleted),
		GET("executable_claimed", get_claimed_executable),
		OBJECT("environment", 0,
			GET("variables", get_variables, .when = IF_WHOLE),
			GET("variables", get_other_variables, .when = IF_BRIEF),
			GET("pid", get_variables_pid),
			TRUE_OF("truncated", caller, environment_truncated))),
	BYTES("boot", caller, boot_id),
	{0},
};

const struct record_field fields_of_claims[] = {
	ALL_OF(fields_of_session, 0),
	GROUP(IF_DESCRIBED | IF_HERE,
		OBJECT("ci", 0,
			GET("system", get_ci_system),
			GET("pipeline", get_ci_pipeline),
			GET("job", get_ci_job),
			GET("url", get_ci_url),
			GET("actor", get_ci_actor),
			GET("repository", get_ci_repository)),
		OBJECT("ai", 0, GET("agent", get_ai_agents))),
	{0},
};

#define MAKER_USER \
	OBJECT("user", 0, \
		GET("id", get_maker_id), \
		GET("name", get_maker_name), \
		OBJECT("effective", 0, \
			GET("id", get_maker_effective_id), \
			GET("name", get_maker_effective_name))), \
	GET("via", get_maker_via)

/* Who began something by a request. */
#define MAKER(key, to) \
	ABOUT(key, 0, to, \
		MAKER_USER, \
		BYTES("event_id", record_maker, event_id), \
		NAMED("basis", CAUSE_BASIS, record_maker, basis), \
		OBJECT("container", 0, \
			GET("id", get_maker_container), \
			BYTES("name", record_maker, container_name)), \
		OBJECT("behind", 0, \
			OBJECT("user", 0, GET("id", get_behind_id), GET("name", get_behind_name)), \
			BYTES("event_id", record_maker, behind_id)))

const struct record_field fields_of_makers[] = {
	OBJECT("container", 0,
		GET("labels_truncated", get_labels_cut, .when = IF_HERE),
		MAKER("created_by", enter_creator),
		MAKER("started_by", enter_starter),
		MAKER("exec_by", enter_exec_maker)),
	ABOUT("behind", 0, enter_behind,
		MAKER_USER,
		BYTES("event_id", record_maker, event_id)),
	{0},
};

const struct record_field fields_of_relayed[] = {
	OBJECT("relayed_for", 0,
		GET("certainty", get_certainty),
		GET("basis", get_relayed_basis),
		GET("askers", get_askers),
		OBJECT("user", 0,
			GET("id", get_asker_id),
			GET("name", get_asker_name),
			ABOUT("effective", 0, enter_asker,
				GET("id", get_maker_effective_id),
				GET("name", get_maker_effective_name))),
		ABOUT("process", 0, enter_asking_process,
			IDENTITY(0),
			GET("command_line", get_command_line)),
		ABOUT("container", 0, enter_asker, GET("id", get_maker_container)),
		OBJECT("source", 0, GET("ip", get_asker_address), GET("port", get_asker_port))),
	{0},
};

const struct record_field fields_of_parent[] = {
	ABOUT("parent", IF_DESCRIBED | IF_WHOLE, enter_parent,
		IDENTITY(0),
		ARGUMENTS,
		OBJECT("user", 0, GET("id", get_parent_user))),
	ABOUT("parent", IF_DESCRIBED | IF_BRIEF, enter_parent,
		NUMBER32("pid", process, pid, .optional = true),
		BYTES("name", process, name),
		BYTES("executable", process, executable),
		GET("command_line", get_command_line)),
	{0},
};

const struct record_field fields_of_ancestors[] = {
	OBJECTS("ancestors", IF_DESCRIBED | IF_WHOLE, enter_ancestor, add_ancestor,
		GROUP(IF_ECS,
			IDENTITY(0),
			GET("command_line", get_command_line),
			OBJECT("user", 0, ID32("id", process, euid)))),
	OBJECTS("ancestors", IF_DESCRIBED | IF_SEEN, enter_ancestor, add_ancestor,
		IDENTITY(0),
		GET("command_line", get_command_line),
		OBJECT("user", 0, ID32("id", process, euid))),
	GET("lineage", get_lineage, .when = IF_DESCRIBED | IF_BRIEF),
	{0},
};

const struct record_field fields_of_container[] = {
	OBJECT("container", 0,
		BYTES("id", view, container_id),
		BYTES("name", record, container_name),
		OBJECT("image", 0, BYTES("name", record, container_image)),
		LABELS("labels", record, container_labels, .when = IF_ECS | IF_HERE),
		GET("labels", get_container_labels, .when = IF_JOURNAL)),
	{0},
};

const struct record_field fields_of_pod[] = {
	OBJECT("orchestrator", 0,
		GET("type", get_orchestrator),
		OBJECT("resource", 0,
			GET("type", get_pod),
			GET("id", get_pod_uid))),
	{0},
};

const struct record_field fields_of_others[] = {
	ABOUT("connector", 0, enter_connector,
		IDENTITY(0),
		GET("command_line", get_command_line),
		OBJECT("user", 0, ID32("id", process, euid), GET("name", get_user_name))),
	/* One of them, or each of them a part, sent the request. */
	OBJECTS("candidates", 0, enter_candidate, NULL,
		IDENTITY(0),
		GET("command_line", get_command_line),
		OBJECT("user", 0, ID32("id", process, euid), GET("name", get_user_name)),
		OBJECT("audit", 0,
			ID32("id", caller, login_uid, .has_unset = true),
			GET("name", get_login_name))),
	TRUE_OF("candidates_truncated", record, candidates_cut),
	{0},
};
/* clang-format on */
