// SPDX-License-Identifier: Apache-2.0
#include "agent/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docker/finding.h"
#include "record/names.h"
#include "record/view.h"

/* --- reading one ------------------------------------------------------------------------------ */

/* Takes the first of the words that SEPARATOR parts off *REST. False: there is none. */
static bool next_word(const char **rest, char separator, struct bytes *ret)
{
	size_t size;

	if (!*rest || !**rest)
		return false;
	size = strchrnul(*rest, separator) - *rest;
	*ret = (struct bytes){*rest, size};
	*rest += size + ((*rest)[size] == separator);
	return true;
}

static int refuse_word(char *reason, size_t size, struct bytes word, const char *why)
{
	snprintf(reason, size, "\"%.*s\": %s", (int)word.size, word.data, why);
	return -EINVAL;
}

static bool action_by_name(struct bytes name, unsigned int *ret)
{
	for (unsigned int i = 0; i < RECORD_ACTION_MAX; i++) {
		if (!bytes_equal(name, bytes_of(name_action(i)->action)))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static const char *set_actions(struct output *output, const char *value)
{
	struct bytes word;
	unsigned int action;

	while (next_word(&value, '+', &word)) {
		if (!action_by_name(word, &action))
			return "there is no such action";
		output->actions |= 1u << action;
	}
	return output->actions ? NULL : "it names no action";
}

static const char *set_findings(struct output *output, const char *value)
{
	const char *rest = value;
	struct bytes word;

	while (next_word(&rest, '+', &word))
		if (!finding_by_name(word.data, word.size))
			return "there is no such finding";
	free(output->findings);
	output->findings = strdup(value);
	return *value ? NULL : "it names no finding";
}

static const char *set_users(struct output *output, const char *value)
{
	free(output->users);
	output->users = strdup(value);
	return *value ? NULL : "it names no user";
}

static const char *set_format(struct output *output, const char *value)
{
	output->has_format = true;
	return format_by_name(bytes_of(value), &output->format)
		       ? NULL
		       : "it is ecs, human, ocsf, cef or rfc5424";
}

static const char *set_min_severity(struct output *output, const char *value)
{
	enum finding_severity named = severity_by_name(value, strlen(value));
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (named) {
		output->min_severity = severity_number(named);
		return NULL;
	}
	if (*value < '0' || *value > '9' || *end || number > 100)
		return "it is 0 to 100, or info, low, medium, high, critical";
	output->min_severity = (unsigned int)number;
	return NULL;
}

static const struct {
	const char *name;
	const char *(*set)(struct output *output, const char *value);
} choices[] = {
	{"format", set_format},	  {"min-severity", set_min_severity},
	{"actions", set_actions}, {"findings", set_findings},
	{"users", set_users},
};

static int set_choice(struct output *output, struct bytes word, char *reason, size_t size)
{
	const char *equals = memchr(word.data, '=', word.size);
	size_t name_size = equals ? (size_t)(equals - word.data) : word.size;

	for (size_t i = 0; equals && i < sizeof(choices) / sizeof(*choices); i++) {
		char *value;
		const char *why;

		if (!bytes_equal((struct bytes){word.data, name_size}, bytes_of(choices[i].name)))
			continue;
		value = strndup(equals + 1, word.size - name_size - 1);
		if (!value)
			return -ENOMEM;
		why = choices[i].set(output, value);
		free(value);
		return why ? refuse_word(reason, size, word, why) : 0;
	}
	return refuse_word(
		reason, size, word,
		"there is no such option: format, min-severity, actions, findings, users");
}

int output_parse(const char *spec, struct output *ret, char *reason, size_t size)
{
	const char *rest = spec;
	struct bytes word = {"", 0};
	int error = 0;

	*ret = (struct output){.format = FORMAT_ECS};
	next_word(&rest, ',', &word); /* whether there is such a kind, the sink knows */
	ret->where = strndup(word.data, word.size);
	if (!ret->where)
		return -ENOMEM;
	while (!error && next_word(&rest, ',', &word))
		error = set_choice(ret, word, reason, size);
	return error;
}

void output_free(struct output *output)
{
	free(output->where);
	free(output->findings);
	free(output->users);
	*output = (struct output){0};
}

/* --- what goes there -------------------------------------------------------------------------- */

static bool has_word(const char *list, struct bytes wanted)
{
	struct bytes word;

	while (next_word(&list, '+', &word))
		if (wanted.size && bytes_equal(word, wanted))
			return true;
	return false;
}

static bool has_finding(const char *list, const struct record *record)
{
	for (unsigned int i = 0; i < record->api.finding_count; i++)
		if (has_word(list, bytes_of(record->api.findings[i].id)))
			return true;
	return false;
}

/* UID, or the name that goes with it. */
static bool has_user(const char *list, uint32_t uid, const struct record_context *context)
{
	char name[VIEW_NAME_SIZE], number[16];

	if (uid == CALLERD_UNSET_ID)
		return false;
	snprintf(number, sizeof(number), "%u", uid);
	if (has_word(list, bytes_of(number)))
		return true;
	view_user_name(context, uid, name);
	return has_word(list, bytes_of(name));
}

bool output_takes(const struct output *output, const struct record *record,
		  const struct record_context *context)
{
	const struct caller *caller = record->caller;

	if (output->actions && !(output->actions >> record->action & 1))
		return false;
	if (record->action == RECORD_RECORDS_LOST)
		return true;
	if (output->min_severity && view_severity(record) < output->min_severity)
		return false;
	if (output->findings && !has_finding(output->findings, record))
		return false;
	return !output->users ||
	       (caller && (has_user(output->users, caller->process.euid, context) ||
			   has_user(output->users, caller->login_uid, context)));
}
