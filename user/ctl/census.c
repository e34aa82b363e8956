// SPDX-License-Identifier: Apache-2.0
#include "ctl/census.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "errand/who.h"

static void census_set(char *to, size_t size, struct bytes text)
{
	text_copy_visible(to, size, text, size - 1);
}

void census_make_key(struct caller_key *key, const struct reread *record)
{
	struct bytes executable = reread_text(record, "process.executable");
	struct bytes place = reread_text(record, "container.name");
	_cleanup_(text_free) struct text who = {0};

	memset(key, 0, sizeof(*key));
	who_add(&who, record);
	census_set(key->who, sizeof(key->who), text_since(&who, 0));
	census_set(key->program, sizeof(key->program),
		   executable.size ? bytes_basename(executable)
				   : reread_text(record, "process.name"));
	if (!place.size)
		place = reread_text(record, "container.id");
	census_set(key->place, sizeof(key->place),
		   place.size ? place : reread_text(record, "callerd.caller.unit"));
}

static void describe_census(struct census_caller *caller, const struct reread *record)
{
	const struct {
		char *to;
		size_t size;
		const char *path;
	} texts[] = {
		{caller->user, sizeof(caller->user), "user.name"},
		{caller->user_id, sizeof(caller->user_id), "user.id"},
		{caller->executable, sizeof(caller->executable), "process.executable"},
		{caller->unit, sizeof(caller->unit), "callerd.caller.unit"},
		{caller->container, sizeof(caller->container), "container.name"},
		{caller->image, sizeof(caller->image), "container.image.name"},
		{caller->command, sizeof(caller->command), "process.command_line"},
		{caller->lineage, sizeof(caller->lineage), "callerd.lineage"},
	};

	caller->logged_in = reread_number(record, "callerd.caller.session");
	for (size_t i = 0; i < COUNT(texts); i++)
		census_set(texts[i].to, texts[i].size, reread_text(record, texts[i].path));
}

/* From where he came last, and for which job: looked at once in a second of the records. */
static void note_origin(struct census_caller *caller, const struct reread *record, uint64_t time)
{
	_cleanup_(text_free) struct text who = {0};

	if (*caller->origin &&
	    (time < caller->asked + NS_PER_S ||
	     !(who_has_origin(record) || reread_text(record, "callerd.ci.system").size)))
		return;
	caller->asked = time;
	who_add_origin(&who, record, false);
	census_set(caller->origin, sizeof(caller->origin), text_since(&who, 0));
}

/* The caller of RECORD; that of all others where there are too many. NULL: no memory. */
static struct census_caller *find_caller(struct census *census, const struct caller_key *key,
					 const struct reread *record, uint64_t time)
{
	struct census_caller *caller;

	HASH_FIND(hh, census->callers, key, sizeof(*key), caller);
	if (caller)
		return caller;
	if (census->count >= CENSUS_MAX && census->others)
		return census->others;
	caller = calloc(1, sizeof(*caller));
	if (!caller)
		return NULL;
	caller->key = *key;
	caller->first = time;
	caller->expected = true;
	if (census->count >= CENSUS_MAX) {
		caller->key = (struct caller_key){.who = "others"};
		census->others = caller;
	} else {
		describe_census(caller, record);
	}
	HASH_ADD(hh, census->callers, key, sizeof(caller->key), caller);
	if (!caller->hh.tbl) {
		free(caller);
		census->others = NULL;
		return NULL;
	}
	census->count++;
	return caller;
}

/* --- counting --------------------------------------------------------------------------------- */

static void count_second(struct census_caller *caller, uint64_t second, uint32_t times)
{
	if (second + CENSUS_SECONDS <= caller->second)
		return; /* long ago */
	for (uint64_t later = caller->second + 1;
	     later <= second && later < caller->second + 1 + CENSUS_SECONDS; later++)
		caller->seconds[later % CENSUS_SECONDS] = 0;
	if (second > caller->second + CENSUS_SECONDS)
		memset(caller->seconds, 0, sizeof(caller->seconds));
	if (second > caller->second)
		caller->second = second;
	caller->seconds[second % CENSUS_SECONDS] += times;
}

static void keep_recent(struct census_caller *caller, const struct reread *record, uint64_t time,
			enum finding_severity severity)
{
	struct census_request *recent = &caller->recent[caller->recent_count++ % CENSUS_LAST];

	recent->time = time;
	recent->severity = severity;
	census_set(recent->text, sizeof(recent->text), reread_what(record));
}

static void count_request(struct census_caller *caller, const struct reread *record, uint64_t time)
{
	uint64_t times = reread_times(record);
	enum operation operation;
	struct verb verb = verb_of_record(record, &operation);
	enum finding_severity severity = reread_gravest(record);

	caller->requests += times;
	caller->operations[operation] += (uint32_t)times;
	if (verb_changes(&verb))
		caller->changes += times;
	if (bytes_are(reread_text(record, "event.outcome"), "failure"))
		caller->failures += times;
	caller->expected &= reread_true(record, "callerd.expected");
	if (severity > caller->severity) {
		caller->severity = severity;
		census_set(caller->rule, sizeof(caller->rule), reread_text(record, "rule.id"));
	}
	count_second(caller, time / NS_PER_S, (uint32_t)times);
	if (verb.weight != WEIGHT_NOISE || !verb.phrase)
		keep_recent(caller, record, time, severity);
}

int census_take(struct census *census, const struct reread *record, uint64_t time)
{
	struct caller_key key;

	census_make_key(&key, record);
	return census_take_by(census, &key, record, time);
}

int census_take_by(struct census *census, const struct caller_key *key, const struct reread *record,
		   uint64_t time)
{
	enum record_action action = record->record.action;
	struct census_caller *caller;

	if (time > census->last)
		census->last = time;
	if (action != RECORD_API_REQUEST && action != RECORD_SOCKET_REFUSED &&
	    action != RECORD_SOCKET_CONNECTED)
		return 0;
	caller = find_caller(census, key, record, time);
	if (!caller)
		return -ENOMEM;
	if (caller != census->others)
		note_origin(caller, record, time);
	if (time > caller->last)
		caller->last = time;
	if (time < caller->first)
		caller->first = time;
	if (action == RECORD_API_REQUEST) {
		count_request(caller, record, time);
	} else if (action == RECORD_SOCKET_REFUSED) {
		caller->refused += reread_times(record);
		caller->expected = false;
		keep_recent(caller, record, time, SEVERITY_NONE);
	} else {
		caller->connects++;
	}
	return 0;
}

void census_free(struct census *census)
{
	struct census_caller *caller, *next;

	HASH_ITER(hh, census->callers, caller, next)
	{
		HASH_DEL(census->callers, caller);
		free(caller);
	}
	*census = (struct census){0};
}

uint32_t census_second(const struct census_caller *caller, uint64_t now, unsigned int ago)
{
	uint64_t second = now / NS_PER_S;

	if (second < ago || second - ago > caller->second ||
	    second - ago + CENSUS_SECONDS <= caller->second)
		return 0;
	return caller->seconds[(second - ago) % CENSUS_SECONDS];
}

uint64_t census_rate(const struct census_caller *caller, uint64_t now)
{
	uint64_t sum = 0;

	for (unsigned int ago = 0; ago < CENSUS_SECONDS; ago++)
		sum += census_second(caller, now, ago);
	return sum;
}

/* --- rules ------------------------------------------------------------------------------------ */

/* A name for a rule of what CALLER is called: letters, digits, '.', '_', '-'. */
static void add_rule_name(struct text *out, const struct census_caller *caller)
{
	const char *name = *caller->container ? caller->container
			   : *caller->unit    ? caller->unit
			   : *caller->user    ? caller->user
					      : caller->key.program;

	for (unsigned int i = 0; name[i] && name[i] != '.' && i < 40; i++)
		text_add_char(out, (name[i] >= 'a' && name[i] <= 'z') ||
						   (name[i] >= 'A' && name[i] <= 'Z') ||
						   (name[i] >= '0' && name[i] <= '9') ||
						   name[i] == '-' || name[i] == '_'
					   ? name[i]
					   : '-');
}

/* What the file would read as something else is not proposed: its writer chose it. */
static void add_key(struct text *out, const char *key, const char *value)
{
	if (!*value)
		return;
	if (value[strcspn(value, "*?\\#;\"'\n")] || value[strlen(value) - 1] == ' ')
		text_add_string(out, "# has odd characters, look at it: ");
	text_add_string(out, key);
	text_add_string(out, " = ");
	text_add_string(out, value);
	text_add_char(out, '\n');
}

void census_add_rule(struct text *out, const struct census_caller *caller, unsigned int number)
{
	unsigned int line = 0;

	text_add_string(out, "[expected ");
	add_rule_name(out, caller);
	if (number > 1) {
		text_add_char(out, '-');
		text_add_number(out, number);
	}
	text_add_string(out, "]\n");
	if (*caller->container || *caller->image) { /* in there user and exe prove nothing */
		add_key(out, "container-name", caller->container);
		add_key(out, "container-image", caller->image);
	} else {
		add_key(out, caller->logged_in ? "login-user" : "user",
			*caller->user ? caller->user : caller->user_id);
		add_key(out, "exe", caller->executable);
		if (strstr(caller->unit, ".service"))
			add_key(out, "unit", caller->unit);
	}
	for (enum operation operation = OPERATION_NONE + 1; operation < OPERATIONS; operation++) {
		char text[80];

		if (!caller->operations[operation])
			continue;
		snprintf(text, sizeof(text), "operations = %s", operation_name(operation));
		text_add_string(out, text);
		text_add_char(out, '\n');
		line++;
	}
	if (!line)
		text_add_string(out, "# nothing that it asked for has a name\n");
}

void census_add_level(struct text *out)
{
	text_add_string(out,
			"# What the rules above expect and only looks tells less. level = none "
			"would leave it out:\n"
			"# look at it first by callerd policy test.\n"
			"[level looks]\nwhere = expected and type = access\n"
			"level = metadata\n");
}
