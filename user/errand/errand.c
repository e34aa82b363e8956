// SPDX-License-Identifier: Apache-2.0
#include "errand/errand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/table.h"
#include "errand/who.h"
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

struct open_errand {
	struct errand errand;
	char key[KEY_SIZE];
	struct open_errand *prev, *next; /* by when their last record came */
	UT_hash_handle hh;
};

struct errands {
	void *data;
	void (*tell)(void *data, const struct errand *errand);
	struct open_errand *table, *list;
	unsigned int count;
};

struct errands *errands_new(void *data, void (*tell)(void *data, const struct errand *errand))
{
	struct errands *errands = calloc(1, sizeof(*errands));

	if (errands)
		*errands = (struct errands){.data = data, .tell = tell};
	return errands;
}

/* --- texts ------------------------------------------------------------------------------------ */

static struct bytes cut_id(struct bytes id)
{
	if (bytes_begin(id, "sha256:"))
		id = bytes_from(id, 7);
	if (id.size > ID_SHOWN)
		id.size = ID_SHOWN;
	return id;
}

/* What an operation is about: the container of an exec, else its target. */
static void set_object(struct act *act, const struct reread *record)
{
	bool exec = bytes_are(reread_text(record, "callerd.target.type"), "exec");
	struct bytes id =
		reread_text(record, exec ? "callerd.target.container.id" : "callerd.target.id");
	struct bytes name =
		reread_text(record, exec ? "callerd.target.container.name" : "callerd.target.name");
	struct bytes image = reread_text(record, "callerd.target.image");
	_cleanup_(text_free) struct text object = {0};

	text_add_bytes(&object, name.size ? name : cut_id(id));
	if (image.size && act->weight == WEIGHT_HEAVY && !exec && !bytes_equal(image, name)) {
		text_add_string(&object, object.size ? " (" : "from ");
		text_add_bytes(&object, image);
		if (object.data && object.data[0] != 'f')
			text_add_char(&object, ')');
	}
	text_copy_visible(act->object, sizeof(act->object), text_since(&object, 0), OBJECT_COLUMNS);
	text_copy_visible(act->id, sizeof(act->id), cut_id(id), ID_SHOWN);
}

static void add_command_of(struct text *out, const struct reread *record)
{
	struct bytes arguments[ARGUMENTS_MAX];
	unsigned int count =
		reread_texts(record, "callerd.request.command", arguments, COUNT(arguments));

	if (count)
		command_add_list(out, arguments, count);
}

/* What makes it dangerous: one finding by its detail, several by their names. */
static void set_found(struct act *act, const struct reread *record)
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
		text_add_bytes(&found,
			       detail.size && record->record.api.finding_count == 1 ? detail : id);
	}
	if (found.size)
		text_copy_visible(act->found, sizeof(act->found), text_since(&found, 0),
				  DETAIL_COLUMNS);
}

static void set_detail(struct act *act, const struct reread *record)
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
		text_copy_visible(act->detail, sizeof(act->detail), text_since(&detail, 0),
				  DETAIL_COLUMNS);
}

/* --- errands ------------------------------------------------------------------------------------ */

/* What is dangerous, then what does most. */
static bool is_told_before(const struct act *one, const struct act *other)
{
	unsigned int danger = one->severity >= SEVERITY_MEDIUM ? one->severity : 0;
	unsigned int others = other->severity >= SEVERITY_MEDIUM ? other->severity : 0;

	return danger != others ? danger > others : one->weight > other->weight;
}

const struct act *errand_main(const struct errand *errand)
{
	const struct act *first = errand->act_count ? errand->acts : NULL;

	for (unsigned int i = 1; i < errand->act_count; i++)
		if (is_told_before(&errand->acts[i], first))
			first = &errand->acts[i];
	return first;
}

static void end_errand(struct errands *errands, struct open_errand *open)
{
	struct errand *errand = &open->errand;

	HASH_DEL(errands->table, open);
	DL_DELETE(errands->list, open);
	errands->count--;
	errand->main = errand_main(errand);
	if (errand->main && errands->tell)
		errands->tell(errands->data, errand);
	free(open);
}

void errands_free(struct errands *errands)
{
	if (!errands)
		return;
	errands->tell = NULL;
	errands_run(errands, UINT64_MAX);
	free(errands);
}

void errands_run(struct errands *errands, uint64_t now)
{
	struct open_errand *open, *next;

	DL_FOREACH_SAFE(errands->list, open, next)
	{
		if (now != UINT64_MAX && open->errand.last + QUIET > now)
			return;
		end_errand(errands, open);
	}
}

void errand_add_act(struct text *out, const struct act *act, const char *first, const char *second)
{
	text_add_string(out, act->phrase);
	if (*act->phrase && act->object[0])
		text_add_char(out, ' ');
	text_add_string(out, act->object);
	if (act->count > 1) {
		text_add_string(out, " ×");
		text_add_number(out, act->count);
	}
	if (*first) {
		text_add_string(out, ": ");
		text_add_string(out, first);
	}
	if (*second) {
		text_add_string(out, *first ? "; " : ": ");
		text_add_string(out, second);
	}
}

bool errand_is_minor(const struct errand *errand)
{
	if (errand->severity > SEVERITY_INFO)
		return false;
	return errand->main->weight == WEIGHT_NOISE || errand->later;
}

bool errand_only_looks(const struct errand *errand)
{
	return errand->main->weight <= WEIGHT_LOOK && errand->severity <= SEVERITY_INFO &&
	       errand->kind != ERRAND_REFUSED;
}

static void errand_set_who(struct errand *errand, const char *who)
{
	snprintf(errand->who, sizeof(errand->who), "%s", who);
	snprintf(errand->brief, sizeof(errand->brief), "%s", who);
	snprintf(errand->origin, sizeof(errand->origin), "%s", who);
}

static void describe_origin(struct errand *errand, const struct reread *record)
{
	_cleanup_(text_free) struct text who = {0};

	errand->from = who_has_origin(record);
	who_add_origin(&who, record, false);
	text_copy_visible(errand->origin, sizeof(errand->origin), text_since(&who, 0),
			  sizeof(errand->origin));
	text_cut(&who, 0);
	who_add_origin(&who, record, true);
	text_copy_visible(errand->brief, sizeof(errand->brief), text_since(&who, 0),
			  sizeof(errand->brief));
}

static void describe_caller(struct errand *errand, const struct reread *record)
{
	struct bytes executable = reread_text(record, "process.executable");
	_cleanup_(text_free) struct text who = {0};

	describe_origin(errand, record);
	who_add(&who, record);
	text_copy_visible(errand->who, sizeof(errand->who), text_since(&who, 0),
			  sizeof(errand->who));
	text_copy_visible(errand->program, sizeof(errand->program),
			  executable.size ? bytes_basename(executable)
					  : reread_text(record, "process.name"),
			  sizeof(errand->program));
	text_copy_visible(errand->command, sizeof(errand->command),
			  reread_text(record, "process.command_line"), COMMAND_COLUMNS);
}

static struct open_errand *add_errand(struct errands *errands, const char *key,
				      enum errand_kind kind, const struct reread *record,
				      uint64_t time)
{
	struct open_errand *open;

	if (errands->count == ERRANDS_OPEN_MAX)
		end_errand(errands, errands->list);
	open = malloc(sizeof(*open));
	if (!open)
		return NULL;
	/* All but the acts, which are much, and mostly none. */
	memset(&open->errand, 0, offsetof(struct errand, acts));
	open->errand.kind = kind;
	open->errand.first = open->errand.last = time;
	open->errand.expected = open->errand.later = open->errand.repeated = true;
	open->hh.tbl = NULL;
	snprintf(open->key, sizeof(open->key), "%s", key);
	HASH_ADD_STR(errands->table, key, open);
	if (!open->hh.tbl) {
		free(open);
		return NULL;
	}
	DL_APPEND(errands->list, open);
	errands->count++;
	describe_caller(&open->errand, record);
	return open;
}

static struct open_errand *find_errand(struct errands *errands, const char *key,
				       enum errand_kind kind, const struct reread *record,
				       uint64_t time)
{
	struct open_errand *open;

	HASH_FIND_STR(errands->table, key, open);
	if (open && (time > open->errand.first + LONGEST || open->errand.kind != kind)) {
		end_errand(errands, open);
		open = NULL;
	}
	if (!open)
		return add_errand(errands, key, kind, record, time);
	if (!open->errand.from && who_has_origin(record)) /* it was looked up meanwhile */
		describe_origin(&open->errand, record);
	DL_DELETE(errands->list, open);
	DL_APPEND(errands->list, open);
	if (time > open->errand.last)
		open->errand.last = time;
	if (time < open->errand.first)
		open->errand.first = time;
	return open;
}

/* Whether LIKE belongs to ACT: the same was done to the same, or a container is started that was created. */
static bool is_part_of(const struct act *like, const struct act *act)
{
	bool same = like->id[0] && act->id[0] ? !strcmp(act->id, like->id)
					      : !strcmp(act->object, like->object);

	if (!same)
		return false;
	if (operation_docker(act->operation) == OPERATION_ContainerCreate &&
	    operation_docker(like->operation) == OPERATION_ContainerStart)
		return true;
	/* Another command is another act: one does not stand for the other. */
	if (act->operation == like->operation && act->detail[0] && like->detail[0] &&
	    strcmp(act->detail, like->detail) != 0)
		return false;
	return act->phrase == like->phrase;
}

/* The act of ERRAND that LIKE is part of, or a new one; NULL: it is only counted, as what there is matters as much. */
static struct act *find_act(struct errand *errand, const struct act *like)
{
	struct act *least = errand->acts;

	for (unsigned int i = errand->act_count; i; i--) /* the latest first */
		if (is_part_of(like, &errand->acts[i - 1]))
			return &errand->acts[i - 1];
	if (errand->act_count < ERRAND_ACTS) {
		errand->acts[errand->act_count] = (struct act){0};
		return &errand->acts[errand->act_count++];
	}
	errand->more_acts++;
	for (unsigned int i = 1; i < ERRAND_ACTS; i++)
		if (is_told_before(least, &errand->acts[i]))
			least = &errand->acts[i];
	if (!is_told_before(like, least))
		return NULL;
	*least = (struct act){0};
	return least;
}

static enum act_result result_of(const struct reread *record)
{
	struct bytes outcome = reread_text(record, "event.outcome");

	if (bytes_are(outcome, "success"))
		return ACT_OK;
	return bytes_are(outcome, "failure") ? ACT_FAILED : ACT_UNKNOWN;
}

/* Adds LIKE, of RECORD, to ERRAND. */
static struct act *add_act(struct errand *errand, struct act *like, const struct reread *record)
{
	enum finding_severity severity = reread_gravest(record);
	struct act *act;

	if (severity > like->severity)
		like->severity = severity;
	if (severity > errand->severity) {
		errand->severity = severity;
		text_copy_visible(errand->word, sizeof(errand->word),
				  reread_text(record, "rule.id"), sizeof(errand->word));
	}
	set_detail(like, record);
	act = find_act(errand, like);
	if (!act)
		return NULL;
	if (!act->phrase) {
		*act = *like;
		set_found(act, record);
		return act;
	}
	if (operation_docker(act->operation) == OPERATION_ContainerCreate &&
	    operation_docker(like->operation) == OPERATION_ContainerStart) {
		act->phrase = "ran";
	}
	if (severity > act->severity) {
		act->severity = severity;
		set_found(act, record);
	}
	if (like->result != ACT_UNKNOWN && act->result != ACT_FAILED)
		act->result = like->result;
	if (like->status)
		act->status = like->status;
	set_detail(act, record);
	return act;
}

/* --- records ---------------------------------------------------------------------------------- */

/* Who RECORD is of, and as what: what one process does as another user, in another container, by another program, or as a relay for
 * somebody else, is another errand. */
static void make_key(char key[KEY_SIZE], const char *kind, const struct reread *record)
{
	static const char *const ids[] = {"process.entity_id", "callerd.account.id",
					  "callerd.docker_event.id", "event.id"};
	static const char *const roles[] = {"user.id",
					    "user.effective.id",
					    "container.id",
					    "process.executable",
					    "callerd.relayed_for.user.id",
					    "callerd.relayed_for.process.entity_id",
					    "callerd.relayed_for.source.ip"};
	uint64_t role = HASH_START;
	struct bytes id = {0};

	for (size_t i = 0; i < COUNT(ids) && !id.size; i++)
		id = reread_text(record, ids[i]);
	for (size_t i = 0; i < COUNT(roles); i++) {
		struct bytes text = reread_text(record, roles[i]);

		role = hash_add_fast(role, text.data, text.size);
	}
	key = stpcpy(stpcpy(key, kind), " ");
	if (id.size) /* without a NUL: the key is a string */
		key = mempcpy(key, id.data, strnlen(id.data, id.size > 80 ? 80 : id.size));
	*key++ = ' ';
	for (unsigned int i = 0; i < 16; i++, role <<= 4)
		*key++ = "0123456789abcdef"[role >> 60];
	*key = '\0';
}

static int errand_take_request(struct errands *errands, const struct reread *record, uint64_t time)
{
	enum record_action action = record->record.action;
	uint64_t status = reread_number(record, "http.response.status_code");
	uint64_t times = reread_times(record);
	struct open_errand *open;
	char key[KEY_SIZE];
	struct act like = {
		.result = result_of(record),
		.status = status < 1000 ? (unsigned int)status : 0,
	};
	struct verb verb = verb_of_record(record, &like.operation);
	struct errand *errand;
	struct act *act;

	make_key(key, "calls", record);
	open = find_errand(errands, key, ERRAND_CALLS, record, time);
	if (!open)
		return -ENOMEM;
	errand = &open->errand;
	errand->records++;
	like.phrase = verb.phrase ?: "asked";
	like.weight = verb.phrase ? verb.weight : WEIGHT_CHANGE;
	set_object(&like, record);
	if (!like.operation && !like.object[0])
		text_copy_visible(like.object, sizeof(like.object),
				  reread_text(record, "url.original"), OBJECT_COLUMNS);
	act = add_act(errand, &like, record);
	if (action == RECORD_API_REQUEST ||
	    (action == RECORD_API_STARTED && like.weight >= WEIGHT_CHANGE))
		errand->later = false;
	if (!reread_number(record, "callerd.folded.count"))
		errand->repeated = false;
	if (action == RECORD_API_REQUEST) {
		errand->requests += times;
		errand->expected &= reread_true(record, "callerd.expected");
		if (act && act->operation == like.operation) /* a start is part of its run */
			act->count += times;
	}
	if (errand->expected && !errand->word[0])
		text_copy_visible(errand->word, sizeof(errand->word),
				  reread_text(record, "callerd.expected_rule"),
				  sizeof(errand->word));
	return 0;
}

/* A connect alone does nothing: it only says who it is. */
static int errand_take_connect(struct errands *errands, const struct reread *record, uint64_t time)
{
	char key[KEY_SIZE];
	struct open_errand *open;

	make_key(key, "calls", record);
	HASH_FIND_STR(errands->table, key, open);
	if (open) {
		open->errand.records++;
		if (time > open->errand.last)
			open->errand.last = time;
	}
	return 0;
}

static int take_refusal(struct errands *errands, const struct reread *record, uint64_t time)
{
	struct act like = {.phrase = "was refused at", .weight = WEIGHT_CHANGE};
	struct bytes socket = reread_text(record, "callerd.connection.socket");
	struct open_errand *open;
	char key[KEY_SIZE];
	struct act *act;

	make_key(key, "refused", record);
	open = find_errand(errands, key, ERRAND_REFUSED, record, time);
	if (!open)
		return -ENOMEM;
	open->errand.records++;
	open->errand.expected = open->errand.later = open->errand.repeated = false;
	text_copy_visible(like.object, sizeof(like.object),
			  socket.size ? socket : reread_text(record, "callerd.connection.address"),
			  OBJECT_COLUMNS);
	text_copy_visible(like.detail, sizeof(like.detail), reread_text(record, "error.code"),
			  DETAIL_COLUMNS);
	act = add_act(&open->errand, &like, record);
	if (act)
		act->count += reread_times(record);
	return 0;
}

/* An engine's event behind a request: how what it began has ended. */
static void take_consequence(struct errand *errand, const struct reread *record,
			     struct bytes action)
{
	struct bytes id = cut_id(reread_text(record, "callerd.docker_event.id"));
	bool command = bytes_are(action, "exec_die");
	int64_t exit;

	if (!command && !bytes_are(action, "die"))
		return;
	if (!reread_signed(record, "callerd.docker_event.exit_code", &exit))
		return;
	for (unsigned int i = 0; i < errand->act_count; i++) {
		struct act *act = &errand->acts[i];
		enum operation operation = operation_docker(act->operation);
		bool of_command =
			operation == OPERATION_ContainerExec || operation == OPERATION_ExecStart;

		if (of_command != command || !bytes_are(id, act->id) || act->weight < WEIGHT_HEAVY)
			continue;
		if (operation == OPERATION_ContainerRestart)
			continue; /* that was the end of what ran before */
		act->has_exit = true;
		act->exit = exit;
		if (exit && act->result == ACT_UNKNOWN)
			act->result = ACT_FAILED;
	}
}

/* What nobody who is known asked for: the engine's own doing, or somebody's by a door that is not watched. */
static void describe_event(struct act *like, const struct reread *record)
{
	struct bytes type = reread_text(record, "callerd.docker_event.type");
	struct bytes action = reread_text(record, "callerd.docker_event.action");
	struct bytes name = reread_text(record, "callerd.docker_event.name");
	struct bytes reason = reread_text(record, "callerd.cause.reason");
	bool daemon = bytes_are(reread_text(record, "callerd.cause.kind"), "daemon");
	_cleanup_(text_free) struct text object = {0};

	like->weight = WEIGHT_LIGHT;
	if (reread_number(record, "event.severity") >=
	    (uint64_t)finding_severity_number(SEVERITY_MEDIUM)) {
		like->weight = WEIGHT_CHANGE;
		like->severity = SEVERITY_MEDIUM;
	} else if (bytes_are(reason, "health-check") || bytes_are(action, "health_status") ||
		   (daemon && bytes_are(type, "network"))) {
		like->weight = WEIGHT_NOISE;
	}
	like->phrase = verb_of_event(type, action);
	if (!like->phrase) {
		like->phrase = daemon ? "did" : "somebody did";
		text_add_bytes(&object, action);
		text_add_string(&object, " of ");
	}
	text_add_bytes(&object,
		       name.size ? name : cut_id(reread_text(record, "callerd.docker_event.id")));
	text_copy_visible(like->object, sizeof(like->object), text_since(&object, 0),
			  OBJECT_COLUMNS);
	text_copy_visible(like->detail, sizeof(like->detail),
			  reason.size ? reason
				      : bytes_of(daemon ? "" : "nobody is known who asked for it"),
			  DETAIL_COLUMNS);
	like->has_exit = reread_signed(record, "callerd.docker_event.exit_code", &like->exit);
}

static int take_event(struct errands *errands, const struct reread *record, uint64_t time)
{
	struct bytes action = reread_text(record, "callerd.docker_event.action");
	struct bytes kind = reread_text(record, "callerd.cause.kind");
	struct act like = {0};
	struct open_errand *open;
	char key[KEY_SIZE];

	if (reread_text(record, "process.entity_id").size) {
		make_key(key, "calls", record);
		HASH_FIND_STR(errands->table, key, open);
		if (open) {
			open->errand.records++;
			take_consequence(&open->errand, record, action);
		}
		return 0;
	}
	if (bytes_are(kind, "request") || bytes_are(kind, "inherited"))
		return 0; /* somebody's, whose request has a record */
	make_key(key, "engine", record);
	open = find_errand(errands, key, ERRAND_ENGINE, record, time);
	if (!open)
		return -ENOMEM;
	open->errand.records++;
	open->errand.expected = open->errand.later = open->errand.repeated = false;
	describe_event(&like, record);
	open->errand.severity = like.severity;
	add_act(&open->errand, &like, record);
	return 0;
}

/* What a record's message says that happened, without what was found in it. */
static struct bytes what_of_message(const struct reread *record)
{
	struct bytes message = reread_what(record);
	const char *at = message.size ? memmem(message.data, message.size, "  !", 3) : NULL;

	if (at)
		message.size = (size_t)(at - message.data);
	if (bytes_begin(message, "callerd "))
		message = bytes_from(message, sizeof("callerd ") - 1);
	return message;
}

/* What is one line by itself, in the record's own words behind those of LIKE. */
static int take_other(struct errands *errands, const struct reread *record, uint64_t time,
		      enum errand_kind kind, struct act like)
{
	struct bytes id = reread_text(record, "event.id");
	struct open_errand *open;
	char key[KEY_SIZE];
	struct act *act;

	snprintf(key, sizeof(key), "other %.*s", (int)(id.size > 90 ? 90 : id.size), id.data ?: "");
	open = find_errand(errands, key, kind, record, time);
	if (!open)
		return -ENOMEM;
	open->errand.records++;
	open->errand.expected = open->errand.later = open->errand.repeated = false;
	if (kind == ERRAND_AGENT)
		errand_set_who(&open->errand, "callerd");
	text_copy_visible(like.object, sizeof(like.object), what_of_message(record),
			  DETAIL_COLUMNS);
	act = add_act(&open->errand, &like, record);
	if (act)
		act->found[0] = '\0'; /* it says the same once more */
	if (like.severity > open->errand.severity)
		open->errand.severity = like.severity;
	return 0;
}

int errands_take(struct errands *errands, const struct reread *record, uint64_t time)
{
	switch (record->record.action) {
	case RECORD_API_REQUEST:
	case RECORD_API_STARTED:
	case RECORD_API_ENDED:
		return errand_take_request(errands, record, time);
	case RECORD_SOCKET_CONNECTED:
		return errand_take_connect(errands, record, time);
	case RECORD_SOCKET_REFUSED:
		return take_refusal(errands, record, time);
	case RECORD_DOCKER_EVENT:
		return take_event(errands, record, time);
	case RECORD_SOCKET_CHANGED:
	case RECORD_ACCESS_CHANGED:
		return take_other(errands, record, time, ERRAND_ACCESS,
				  (struct act){.phrase = "changed",
					       .weight = WEIGHT_CHANGE,
					       .result = ACT_OK});
	case RECORD_RECORDS_LOST:
		return take_other(errands, record, time, ERRAND_AGENT,
				  (struct act){.phrase = "",
					       .weight = WEIGHT_CHANGE,
					       .severity = SEVERITY_MEDIUM});
	case RECORD_AGENT_STATUS:
	case RECORD_SELF_TEST:
		return 0;
	default:
		return take_other(errands, record, time, ERRAND_AGENT,
				  (struct act){.phrase = "", .weight = WEIGHT_LIGHT});
	}
}
