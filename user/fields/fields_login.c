// SPDX-License-Identifier: Apache-2.0
/* From where: the login that the caller belongs to. */
#include <string.h>

#include "base/bytes.h"
#include "fields/fields_table.h"

/* NULL: it has none, or nothing is known of it, perhaps only not yet. */
static const struct login *login_of_record(struct fields *fields)
{
	fields->awaits |= fields->view.login_asked;
	return fields->view.login;
}

static void set_login_text(struct fields *fields, const char *text, struct field_value *ret)
{
	fields_set_text(ret, bytes_of(text));
}

/* --- source ----------------------------------------------------------------------------------- */

static void get_source_ip(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);

	if (login)
		set_login_text(fields, login->address, ret);
}

static void get_source_port(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);

	if (login && login->port)
		fields_set_number(ret, VALUE_NUMBER, login->port);
}

static void get_source_domain(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);

	if (login)
		set_login_text(fields, login->host, ret);
}

static void get_related_addresses(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);
	const char *asker = fields->view.record->relayed.source;
	unsigned int count = 0;

	if (login && login->address[0])
		fields->words[count++] = login->address;
	if (asker[0] && !(count && !strcmp(asker, login->address)))
		fields->words[count++] = asker;
	if (count)
		fields_set_list(ret, VALUE_STRINGS, fields->words, count);
}

/* --- the entry -------------------------------------------------------------------------------- */

/* What the login began: the shell. Below tmux and the like it is not among the ancestors. */
static int enter_entry(struct fields *fields, unsigned int index)
{
	static const struct process unknown;
	const struct caller *caller = fields_caller(fields);
	int leader = login_leader_of(caller), entry;

	if (index || !login_of_record(fields))
		return 0;
	fields->of[FIELDS_process] = &unknown;
	/* Only a program of the host's, which it is where its login was found by way of it. */
	if (leader < 0 || fields->view.login->leader.pid != caller->ancestors[leader].pid ||
	    fields->view.login->leader.start != caller->ancestors[leader].start)
		return 1;
	entry = login_entry_of(caller, (unsigned int)leader);
	fields->of[FIELDS_process] = entry < 0 ? &caller->process : &caller->ancestors[entry];
	return 1;
}

/* The words of ECS for it, which has none for others. */
static void get_entry_type(struct fields *fields, struct field_value *ret)
{
	const struct login *login = fields->view.login;

	if (!strcmp(login->service, "sshd"))
		fields_set_word(ret, "sshd");
	else if (!strcmp(login->service, "login"))
		fields_set_word(ret, strncmp(login->terminal, "tty", 3) ? "terminal" : "console");
}

/* --- the session ------------------------------------------------------------------------------ */

static void get_session_id(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);

	if (login)
		set_login_text(fields, login->id, ret);
}

static void get_service(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);

	if (login)
		set_login_text(fields, login->service, ret);
}

static void get_session_basis(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);

	if (login)
		fields_set_bits(ret, login->basis, login_basis_name, NULL);
}

static void get_session_terminal(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);

	if (login)
		set_login_text(fields, login->terminal, ret);
}

static void get_session_start(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);

	if (login && login->time)
		fields_set_number(ret, VALUE_TIME, login->time);
}

static void get_session_ended(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);

	fields_set_number(ret, login && login->ended ? VALUE_BOOL : VALUE_NONE, true);
}

static void get_contradictions(struct fields *fields, struct field_value *ret)
{
	const struct login *login = login_of_record(fields);
	struct text *out = fields_begin(fields);

	for (unsigned int i = 0; login && i < login->contradiction_count; i++)
		text_add(out, login->contradictions[i], strlen(login->contradictions[i]) + 1);
	if (out->size)
		fields_begun_list(fields, ret);
}

static int enter_session_leader(struct fields *fields, unsigned int index)
{
	const struct login *login = login_of_record(fields);

	if (index || !login || !login->leader.pid)
		return 0;
	fields->of[FIELDS_process] = &login->leader;
	return 1;
}

static void get_leader_id(struct fields *fields, struct field_value *ret)
{
	view_add_entity_id(fields_begin(fields), &fields->view, fields_caller(fields),
			   fields_process(fields));
	fields_begun(fields, ret);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* clang-format off */
const struct record_field fields_of_entry[] = {
	ABOUT("entry_leader", IF_DESCRIBED | IF_HERE, enter_entry,
		NUMBER32("pid", process, pid, .optional = true),
		GET("entity_id", get_leader_id),
		BYTES("name", process, name),
		BYTES("executable", process, executable),
		OBJECT("entry_meta", 0,
			GET("type", get_entry_type),
			OBJECT("source", 0, GET("ip", get_source_ip)))),
	{0},
};

const struct record_field fields_of_source[] = {
	OBJECT("source", IF_DESCRIBED | IF_HERE,
		GET("ip", get_source_ip),
		GET("port", get_source_port),
		GET("domain", get_source_domain)),
	{0},
};

const struct record_field fields_of_addresses[] = {
	GET("ip", get_related_addresses),
	{0},
};

const struct record_field fields_of_session[] = {
	OBJECT("session", IF_DESCRIBED | IF_HERE,
		GET("id", get_session_id),
		GET("service", get_service),
		GET("basis", get_session_basis),
		GET("tty", get_session_terminal),
		GET("start", get_session_start),
		GET("ended", get_session_ended),
		GET("contradictions", get_contradictions),
		ABOUT("leader", 0, enter_session_leader,
			NUMBER32("pid", process, pid),
			GET("entity_id", get_leader_id),
			BYTES("executable", process, executable))),
	{0},
};
/* clang-format on */
