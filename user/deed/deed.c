// SPDX-License-Identifier: Apache-2.0
#include "deed/deed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"
#include "deed/who.h"
#include "secret/command.h"
#include <utlist.h>

#define QUIET (2 * NS_PER_S)
#define LONGEST (10 * NS_PER_S) /* of a process that does not come to rest */
#define KEY_SIZE 128
#define COMMAND_COLUMNS 200
#define DETAIL_COLUMNS 160
#define OBJECT_COLUMNS 60
#define ID_SHOWN 12
#define ARGUMENTS_MAX 64

struct open_deed {
	struct deed deed;
	char key[KEY_SIZE];
	struct open_deed *prev, *next; /* by when their last record came */
	UT_hash_handle hh;
};

struct deeds {
	void *data;
	void (*tell)(void *data, const struct deed *deed);
	struct open_deed *table, *list;
	unsigned int count;
	struct text scratch;
};

struct deeds *deeds_new(void *data, void (*tell)(void *data, const struct deed *deed))
{
	struct deeds *deeds = calloc(1, sizeof(*deeds));

	if (deeds)
		*deeds = (struct deeds){.data = data, .tell = tell};
	return deeds;
}

/* --- texts ------------------------------------------------------------------------------------ */

/* Copies TEXT to TO, of SIZE bytes, as a terminal may have it. */
static void deed_set(struct deeds *deeds, char *to, size_t size, struct bytes text, size_t columns)
{
	struct text *scratch = &deeds->scratch;
	size_t length;

	text_cut(scratch, 0);
	text_add_visible(scratch, text, columns);
	if (scratch->error)
		return;
	length = scratch->size < size ? scratch->size : size - 1;
	while (length && length < scratch->size && (scratch->data[length] & 0xc0) == 0x80)
		length--; /* no half character */
	memcpy(to, scratch->data ?: "", length);
	to[length] = '\0';
}

static struct bytes cut_id(struct bytes id)
{
	if (bytes_begin(id, "sha256:"))
		id = bytes_from(id, 7);
	if (id.size > ID_SHOWN)
		id.size = ID_SHOWN;
	return id;
}

/* What an operation is about: the container of an exec, else its target. */
static void set_object(struct deeds *deeds, struct act *act, const struct reread *record)
{
	bool exec = bytes_are(reread_text(record, "callerd.target.type"), "exec");
	struct bytes id = reread_text(record, exec ? "callerd.target.container.id"
						   : "callerd.target.id");
	struct bytes name = reread_text(record, exec ? "callerd.target.container.name"
						     : "callerd.target.name");
	struct bytes image = reread_text(record, "callerd.target.image");
	_cleanup_(text_free) struct text object = {0};

	text_add_bytes(&object, name.size ? name : cut_id(id));
	if (image.size && act->weight == WEIGHT_HEAVY && !exec && !bytes_equal(image, name)) {
		text_add_string(&object, object.size ? " (" : "from ");
		text_add_bytes(&object, image);
		if (object.data && object.data[0] != 'f')
			text_add_char(&object, ')');
	}
	deed_set(deeds, act->object, sizeof(act->object), text_since(&object, 0), OBJECT_COLUMNS);
	deed_set(deeds, act->id, sizeof(act->id), cut_id(id), ID_SHOWN);
}

static void add_command_of(struct text *out, const struct reread *record)
{
	struct bytes arguments[ARGUMENTS_MAX];
	unsigned int count = 0;

	while (count < ARGUMENTS_MAX) {
		arguments[count] = reread_text_at(record, "callerd.request.command", count);
		if (!arguments[count].data)
			break;
		count++;
	}
	if (count)
		command_add_list(out, arguments, count);
}

/* What makes it dangerous: one finding by its detail, several by their names. */
static void set_found(struct deeds *deeds, struct act *act, const struct reread *record)
{
	_cleanup_(text_free) struct text found = {0};
	struct bytes detail = reread_text(record, "callerd.findings.detail");

	for (unsigned int i = 0; i < record->record.api.finding_count; i++) {
		struct bytes id = reread_text_at(record, "callerd.findings.id", i);

		if (record->findings[i].severity < SEVERITY_MEDIUM)
			continue;
		if (found.size)
			text_add_string(&found, ", ");
		/* Where one of several has no detail it is not certain whose the next one is. */
		text_add_bytes(&found, detail.size && record->record.api.finding_count == 1 ? detail
											     : id);
	}
	if (found.size)
		deed_set(deeds, act->found, sizeof(act->found), text_since(&found, 0),
			 DETAIL_COLUMNS);
}

static void set_detail(struct deeds *deeds, struct act *act, const struct reread *record)
{
	struct bytes error = reread_text(record, "error.message");
	_cleanup_(text_free) struct text detail = {0};

	add_command_of(&detail, record);
	if (error.size) {
		if (detail.size)
			text_add_string(&detail, ": ");
		text_add_bytes(&detail, error);
	}
	if (detail.size)
		deed_set(deeds, act->detail, sizeof(act->detail), text_since(&detail, 0),
			 DETAIL_COLUMNS);
}

/* --- deeds ------------------------------------------------------------------------------------ */

/* What is dangerous, then what does most. */
static bool is_told_before(const struct act *one, const struct act *other)
{
	unsigned int danger = one->severity >= SEVERITY_MEDIUM ? one->severity : 0;
	unsigned int others = other->severity >= SEVERITY_MEDIUM ? other->severity : 0;

	return danger != others ? danger > others : one->weight > other->weight;
}

static void end_deed(struct deeds *deeds, struct open_deed *open)
{
	struct deed *deed = &open->deed;

	HASH_DEL(deeds->table, open);
	DL_DELETE(deeds->list, open);
	deeds->count--;
	for (unsigned int i = 0; i < deed->act_count; i++) {
		if (!deed->main || is_told_before(&deed->acts[i], deed->main))
			deed->main = &deed->acts[i];
	}
	if (deed->main && deeds->tell)
		deeds->tell(deeds->data, deed);
	free(open);
}

void deeds_free(struct deeds *deeds)
{
	if (!deeds)
		return;
	deeds->tell = NULL;
	deeds_run(deeds, UINT64_MAX);
	text_free(&deeds->scratch);
	free(deeds);
}

void deeds_run(struct deeds *deeds, uint64_t now)
{
	struct open_deed *open, *next;

	DL_FOREACH_SAFE(deeds->list, open, next)
	{
		if (now != UINT64_MAX && open->deed.last + QUIET > now)
			return;
		end_deed(deeds, open);
	}
}

bool deed_only_looks(const struct deed *deed)
{
	return deed->main->weight <= WEIGHT_LOOK && deed->severity <= SEVERITY_INFO &&
	       deed->kind != DEED_REFUSED;
}

static void describe_caller(struct deeds *deeds, struct deed *deed, const struct reread *record)
{
	struct bytes executable = reread_text(record, "process.executable");
	struct bytes name = reread_text(record, "container.name");
	struct bytes user = reread_text(record, "user.name");
	_cleanup_(text_free) struct text who = {0};

	who_add(&who, record);
	deed_set(deeds, deed->who, sizeof(deed->who), text_since(&who, 0), sizeof(deed->who));
	deed_set(deeds, deed->user, sizeof(deed->user),
		 user.size ? user : reread_text(record, "user.id"), sizeof(deed->user));
	deed_set(deeds, deed->container, sizeof(deed->container),
		 name.size ? name : cut_id(reread_text(record, "container.id")),
		 sizeof(deed->container));
	deed_set(deeds, deed->unit, sizeof(deed->unit), reread_text(record, "callerd.caller.unit"),
		 sizeof(deed->unit));
	deed_set(deeds, deed->program, sizeof(deed->program),
		 executable.size ? bytes_basename(executable) : reread_text(record, "process.name"),
		 sizeof(deed->program));
	deed_set(deeds, deed->command, sizeof(deed->command),
		 reread_text(record, "process.command_line"), COMMAND_COLUMNS);
}

static struct open_deed *add_deed(struct deeds *deeds, const char *key, enum deed_kind kind,
				  const struct reread *record, uint64_t time)
{
	struct open_deed *open;

	if (deeds->count == DEEDS_OPEN_MAX)
		end_deed(deeds, deeds->list);
	open = calloc(1, sizeof(*open));
	if (!open)
		return NULL;
	open->deed = (struct deed){
		.kind = kind, .first = time, .last = time, .expected = true, .later = true};
	snprintf(open->key, sizeof(open->key), "%s", key);
	HASH_ADD_STR(deeds->table, key, open);
	if (!open->hh.tbl) {
		free(open);
		return NULL;
	}
	DL_APPEND(deeds->list, open);
	deeds->count++;
	describe_caller(deeds, &open->deed, record);
	return open;
}

static struct open_deed *find_deed(struct deeds *deeds, const char *key, enum deed_kind kind,
				   const struct reread *record, uint64_t time)
{
	struct open_deed *open;

	HASH_FIND_STR(deeds->table, key, open);
	if (open && (time > open->deed.first + LONGEST || open->deed.kind != kind)) {
		end_deed(deeds, open);
		open = NULL;
	}
	if (!open)
		return add_deed(deeds, key, kind, record, time);
	DL_DELETE(deeds->list, open);
	DL_APPEND(deeds->list, open);
	if (time > open->deed.last)
		open->deed.last = time;
	if (time < open->deed.first)
		open->deed.first = time;
	return open;
}

/* The act of DEED with these words, or a new one; NULL: there is no place for it, and it is counted. */
static struct act *find_act(struct deeds *deeds, struct deed *deed, const struct act *like)
{
	struct act *lightest = NULL;

	for (unsigned int i = 0; i < deed->act_count; i++) {
		struct act *act = &deed->acts[i];
		bool same = like->id[0] && act->id[0] ? !strcmp(act->id, like->id)
						      : !strcmp(act->object, like->object);

		if (same && act->phrase == like->phrase)
			return act;
		if (same && act->operation && like->operation &&
		    operation_docker(act->operation) == OPERATION_ContainerCreate &&
		    operation_docker(like->operation) == OPERATION_ContainerStart)
			return act;
		if (!lightest || act->weight < lightest->weight)
			lightest = act;
	}
	if (deed->act_count < DEED_ACTS)
		return &deed->acts[deed->act_count++];
	deed->more_acts++;
	if (lightest->weight >= like->weight && lightest->severity >= like->severity)
		return NULL;
	*lightest = (struct act){0};
	return lightest;
}

static enum act_result result_of(const struct reread *record)
{
	struct bytes outcome = reread_text(record, "event.outcome");

	if (bytes_are(outcome, "success"))
		return ACT_OK;
	return bytes_are(outcome, "failure") ? ACT_FAILED : ACT_UNKNOWN;
}

static enum finding_severity gravest(const struct reread *record)
{
	enum finding_severity severity = SEVERITY_NONE;

	for (unsigned int i = 0; i < record->record.api.finding_count; i++)
		if (record->findings[i].severity > severity)
			severity = record->findings[i].severity;
	return severity;
}

/* Adds an act LIKE that, of RECORD, to DEED. */
static struct act *add_act(struct deeds *deeds, struct deed *deed, const struct act *like,
			   const struct reread *record, uint64_t time)
{
	struct act *act = find_act(deeds, deed, like);
	enum finding_severity severity = gravest(record);

	if (severity > deed->severity) {
		deed->severity = severity;
		deed_set(deeds, deed->word, sizeof(deed->word), reread_text(record, "rule.id"),
			 sizeof(deed->word));
	}
	if (!act)
		return NULL;
	if (!act->phrase) {
		*act = *like;
		act->time = time;
		act->sequence = reread_number(record, "event.sequence");
	} else if (operation_docker(act->operation) == OPERATION_ContainerCreate &&
		   operation_docker(like->operation) == OPERATION_ContainerStart) {
		act->ran = true;
		act->phrase = "ran";
	}
	if (severity > act->severity) {
		act->severity = severity;
		set_found(deeds, act, record);
	}
	if (like->result != ACT_UNKNOWN && act->result != ACT_FAILED)
		act->result = like->result;
	if (like->status)
		act->status = like->status;
	set_detail(deeds, act, record);
	return act;
}

/* --- records ---------------------------------------------------------------------------------- */

static void make_key(char key[KEY_SIZE], const char *kind, const struct reread *record)
{
	static const char *const paths[] = {"process.entity_id", "callerd.account.id",
					    "callerd.docker_event.id", "event.id"};
	struct bytes what = {0};

	for (size_t i = 0; i < COUNT(paths) && !what.size; i++)
		what = reread_text(record, paths[i]);
	snprintf(key, KEY_SIZE, "%s %.*s", kind, (int)(what.size > 90 ? 90 : what.size),
		 what.data ?: "");
}

static int take_request(struct deeds *deeds, const struct reread *record, uint64_t time)
{
	enum record_action action = record->record.action;
	uint64_t status = reread_number(record, "http.response.status_code");
	uint64_t times = reread_number(record, "callerd.folded.count") ?: 1;
	struct open_deed *open;
	char key[KEY_SIZE];
	struct act like = {
		.operation = verb_operation(reread_text(record, "callerd.api.operation")),
		.result = result_of(record),
		.status = status < 1000 ? (unsigned int)status : 0,
	};
	struct verb verb = verb_of(like.operation, reread_text(record, "event.type"));
	struct deed *deed;
	struct act *act;

	make_key(key, "calls", record);
	open = find_deed(deeds, key, DEED_CALLS, record, time);
	if (!open)
		return -ENOMEM;
	deed = &open->deed;
	deed->records++;
	like.phrase = verb.phrase ?: "asked";
	like.weight = verb.phrase ? verb.weight : WEIGHT_CHANGE;
	set_object(deeds, &like, record);
	if (!like.operation && !like.object[0])
		deed_set(deeds, like.object, sizeof(like.object), reread_text(record, "url.original"),
			 OBJECT_COLUMNS);
	act = add_act(deeds, deed, &like, record, time);
	if (action == RECORD_API_REQUEST) {
		deed->later = false;
		deed->requests += times;
		deed->failures += like.result == ACT_FAILED ? times : 0;
		deed->expected &= reread_true(record, "callerd.expected");
		if (act && act->operation == like.operation) /* a start is part of its run */
			act->count += times;
	}
	if (deed->expected && !deed->word[0])
		deed_set(deeds, deed->word, sizeof(deed->word),
			 reread_text(record, "callerd.expected_rule"), sizeof(deed->word));
	return 0;
}

/* A connect alone does nothing: it only says who it is. */
static int take_connect(struct deeds *deeds, const struct reread *record, uint64_t time)
{
	char key[KEY_SIZE];
	struct open_deed *open;

	make_key(key, "calls", record);
	HASH_FIND_STR(deeds->table, key, open);
	if (open) {
		open->deed.records++;
		if (time > open->deed.last)
			open->deed.last = time;
	}
	return 0;
}

static int take_refusal(struct deeds *deeds, const struct reread *record, uint64_t time)
{
	struct act like = {.phrase = "was refused at", .weight = WEIGHT_CHANGE};
	struct bytes socket = reread_text(record, "callerd.connection.socket");
	struct open_deed *open;
	char key[KEY_SIZE];
	struct act *act;

	make_key(key, "refused", record);
	open = find_deed(deeds, key, DEED_REFUSED, record, time);
	if (!open)
		return -ENOMEM;
	open->deed.records++;
	open->deed.expected = open->deed.later = false;
	deed_set(deeds, like.object, sizeof(like.object),
		 socket.size ? socket : reread_text(record, "callerd.connection.address"),
		 OBJECT_COLUMNS);
	deed_set(deeds, like.detail, sizeof(like.detail), reread_text(record, "error.code"),
		 DETAIL_COLUMNS);
	act = add_act(deeds, &open->deed, &like, record, time);
	if (act)
		act->count += reread_number(record, "callerd.refused.count") ?: 1;
	return 0;
}

/* An engine's event behind a request: how what it began has ended. */
static void take_consequence(struct deeds *deeds, struct deed *deed, const struct reread *record,
			     struct bytes action)
{
	struct bytes id = cut_id(reread_text(record, "callerd.docker_event.id"));
	bool command = bytes_are(action, "exec_die");
	int64_t exit;

	if (!command && !bytes_are(action, "die"))
		return;
	if (!reread_signed(record, "callerd.docker_event.exit_code", &exit))
		return;
	for (unsigned int i = 0; i < deed->act_count; i++) {
		struct act *act = &deed->acts[i];
		enum operation operation = operation_docker(act->operation);
		bool of_command = operation == OPERATION_ContainerExec ||
				  operation == OPERATION_ExecStart;

		if (of_command != command || !bytes_are(id, act->id) ||
		    act->weight < WEIGHT_HEAVY)
			continue;
		act->has_exit = true;
		act->exit = exit;
		if (exit && act->result == ACT_UNKNOWN)
			act->result = ACT_FAILED;
	}
}

static int take_event(struct deeds *deeds, const struct reread *record, uint64_t time)
{
	struct bytes action = reread_text(record, "callerd.docker_event.action");
	struct bytes name = reread_text(record, "callerd.docker_event.name");
	struct bytes kind = reread_text(record, "callerd.cause.kind");
	struct act like = {.weight = WEIGHT_NOISE};
	struct open_deed *open;
	char key[KEY_SIZE];

	if (reread_text(record, "process.entity_id").size) {
		make_key(key, "calls", record);
		HASH_FIND_STR(deeds->table, key, open);
		if (open) {
			open->deed.records++;
			take_consequence(deeds, &open->deed, record, action);
		}
		return 0;
	}
	if (bytes_are(kind, "request") || bytes_are(kind, "inherited"))
		return 0; /* somebody's, whose request has a record */
	make_key(key, "engine", record);
	open = find_deed(deeds, key, DEED_ENGINE, record, time);
	if (!open)
		return -ENOMEM;
	open->deed.records++;
	open->deed.later = false;
	open->deed.expected = false;
	like.phrase = bytes_are(kind, "daemon") ? "did" : "somebody did";
	if (reread_number(record, "event.severity") > 20) {
		like.weight = WEIGHT_CHANGE;
		open->deed.severity = SEVERITY_LOW;
		like.severity = SEVERITY_LOW;
	} else if (!bytes_are(reread_text(record, "callerd.cause.reason"), "health-check") &&
		   !bytes_are(action, "health_status")) {
		like.weight = WEIGHT_LIGHT;
	}
	deed_set(deeds, like.detail, sizeof(like.detail),
		 reread_text(record, "callerd.cause.reason"), DETAIL_COLUMNS);
	snprintf(like.object, sizeof(like.object), "%.*s of %.*s", (int)(action.size % 40),
		 action.data ?: "", (int)(name.size > 48 ? 48 : name.size), name.data ?: "");
	deed_set(deeds, like.object, sizeof(like.object), bytes_of(like.object), OBJECT_COLUMNS);
	add_act(deeds, &open->deed, &like, record, time);
	return 0;
}

/* The last part of a record's message: what happened, without who, with what, and what was found in it. */
static struct bytes what_of_message(const struct reread *record)
{
	struct bytes message = reread_text(record, "message");
	const char *at;

	while ((at = message.size ? memmem(message.data, message.size, " | ", 3) : NULL))
		message = bytes_from(message, (size_t)(at - message.data) + 3);
	at = message.size ? memmem(message.data, message.size, "  !", 3) : NULL;
	if (at)
		message.size = (size_t)(at - message.data);
	if (bytes_begin(message, "callerd "))
		message = bytes_from(message, sizeof("callerd ") - 1);
	return message;
}

/* What is one line by itself, in the record's own words behind those of LIKE. */
static int take_other(struct deeds *deeds, const struct reread *record, uint64_t time,
		      enum deed_kind kind, struct act like)
{
	struct bytes id = reread_text(record, "event.id");
	struct open_deed *open;
	char key[KEY_SIZE];
	struct act *act;

	snprintf(key, sizeof(key), "other %.*s", (int)(id.size > 90 ? 90 : id.size), id.data ?: "");
	open = find_deed(deeds, key, kind, record, time);
	if (!open)
		return -ENOMEM;
	open->deed.records++;
	open->deed.expected = open->deed.later = false;
	if (kind == DEED_AGENT)
		snprintf(open->deed.who, sizeof(open->deed.who), "callerd");
	deed_set(deeds, like.object, sizeof(like.object), what_of_message(record), DETAIL_COLUMNS);
	act = add_act(deeds, &open->deed, &like, record, time);
	if (act)
		act->found[0] = '\0'; /* it says the same once more */
	if (like.severity > open->deed.severity)
		open->deed.severity = like.severity;
	return 0;
}

int deeds_take(struct deeds *deeds, const struct reread *record, uint64_t time)
{
	switch (record->record.action) {
	case RECORD_API_REQUEST:
	case RECORD_API_STARTED:
	case RECORD_API_ENDED:
		return take_request(deeds, record, time);
	case RECORD_SOCKET_CONNECTED:
		return take_connect(deeds, record, time);
	case RECORD_SOCKET_REFUSED:
		return take_refusal(deeds, record, time);
	case RECORD_DOCKER_EVENT:
		return take_event(deeds, record, time);
	case RECORD_SOCKET_CHANGED:
	case RECORD_ACCESS_CHANGED:
		return take_other(deeds, record, time, DEED_ACCESS,
				  (struct act){.phrase = "changed",
					       .weight = WEIGHT_CHANGE,
					       .result = ACT_OK});
	case RECORD_RECORDS_LOST:
		return take_other(deeds, record, time, DEED_AGENT,
				  (struct act){.phrase = "",
					       .weight = WEIGHT_CHANGE,
					       .severity = SEVERITY_MEDIUM});
	case RECORD_AGENT_STATUS:
	case RECORD_SELF_TEST:
		return 0;
	default:
		return take_other(deeds, record, time, DEED_AGENT,
				  (struct act){.phrase = "", .weight = WEIGHT_LIGHT});
	}
}
