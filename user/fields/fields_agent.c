// SPDX-License-Identifier: Apache-2.0
/* The agent itself: how it does, what it lost and whose that was, what it counted in place of records. */
#include "fields/fields_table.h"

/* --- what was counted ------------------------------------------------------------------------- */

static void get_account_type(struct fields *fields, struct field_value *ret)
{
	fields_set_word(ret, name_account(fields->view.record->account));
}

static void get_account_id(struct fields *fields, struct field_value *ret)
{
	uint64_t account = fields->view.record->account;

	if (!name_account(account) || CALLERD_ACCOUNT_KIND(account) == CALLERD_ACCOUNT_REST)
		return;
	fields_set_number(ret, VALUE_ID, CALLERD_ACCOUNT_ID(account));
}

static void fields_add_account(struct fields *fields, struct text *out)
{
	view_add_account(out, &fields->view);
}

/* --- what it watches, and where it writes ----------------------------------------------------- */

static void set_strings(struct field_value *ret, const char *const *strings)
{
	unsigned int count = 0;

	while (strings && strings[count])
		count++;
	fields_set_list(ret, VALUE_STRINGS, strings, count);
}

static void get_sockets(struct fields *fields, struct field_value *ret)
{
	set_strings(ret, fields->view.record->sockets);
}

static void get_restart(struct fields *fields, struct field_value *ret)
{
	set_strings(ret, fields->view.record->reload_restart);
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
const struct record_field fields_of_counted[] = {
	{"account", FIELD_OBJECT, .add_line = fields_add_account, LIST_OF(
		GET("type", get_account_type),
		GET("id", get_account_id),
		CHARS("name", view, account))},
	OBJECT("refused", IF_REFUSED_MANY,
		NUMBER("count", record, refused_count, .when = IF_COUNT),
		BYTES("name", record, refused_name),
		BOOT_TIME("first", record, refused_first, .when = IF_COUNT),
		BOOT_TIME("last", record, refused_last, .when = IF_COUNT)),
	OBJECT("folded", IF_FOLDED,
		NUMBER("count", record, fold_count, .when = IF_COUNT),
		NUMBER("different", record, fold_different),
		NUMBER("connections", record, fold_connections, .optional = true),
		BOOT_TIME("first", record, fold_first, .when = IF_COUNT),
		BOOT_TIME("last", record, fold_last, .when = IF_COUNT)),
	{0},
};

const struct record_field fields_of_agent[] = {
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
		WORD("outcome", record_output, outcome, .when = IF_ECS)),
	{0},
};
/* clang-format on */
