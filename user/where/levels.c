// SPDX-License-Identifier: Apache-2.0
#include "where/levels.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "record/names.h"
#include "where/where.h"

struct level_rule {
	char name[LEVELS_NAME_MAX + 1];
	struct where *where; /* NULL: not given */
	char *text;	     /* the same as it was given */
	enum record_level level;
	bool has_level;
	struct setting_source where_source, level_source;
};

struct levels {
	struct level_rule rules[LEVELS_RULES_MAX];
	unsigned int count;
};

int levels_new(struct levels **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void levels_free(struct levels *levels)
{
	for (unsigned int i = 0; levels && i < levels->count; i++) {
		where_free(levels->rules[i].where);
		free(levels->rules[i].text);
	}
	free(levels);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int add_level_rule(struct levels *levels, const char *name, struct setting_why why)
{
	int error = setting_check_name(why, "level", name, LEVELS_NAME_MAX);

	if (error)
		return error;
	for (unsigned int i = 0; i < levels->count; i++)
		if (!strcmp(levels->rules[i].name, name))
			return setting_refuse(why, "[level %s] is there twice", name);
	if (levels->count == LEVELS_RULES_MAX)
		return setting_refuse(why, "too many rules (%d at most)", LEVELS_RULES_MAX);
	memcpy(levels->rules[levels->count++].name, name, strlen(name) + 1);
	return 0;
}

static int take_expression(struct level_rule *rule, const char *value, struct setting_why why)
{
	char reason[160];
	int error;

	if (rule->where)
		return setting_refuse(why, "where is given twice");
	error = where_parse(value, &rule->where, reason, sizeof(reason));
	if (error)
		return error == -EINVAL ? setting_refuse(why, "where: %s", reason) : error;
	rule->text = strdup(value);
	return rule->text ? 0 : -ENOMEM;
}

static int take_level(struct level_rule *rule, const char *value, struct setting_why why)
{
	if (rule->has_level)
		return setting_refuse(why, "level is given twice");
	for (enum record_level level = 0; level < RECORD_LEVELS; level++) {
		if (strcmp(name_level(level), value) != 0)
			continue;
		rule->level = level;
		rule->has_level = true;
		return 0;
	}
	return setting_refuse(why, "level \"%.60s\": it is full, request, metadata or none", value);
}

int levels_set(struct levels *levels, struct setting_source source, const char *name,
	       const char *key, const char *value, char *reason, size_t size)
{
	struct setting_why why = {reason, size};
	struct level_rule *rule;

	if (!key)
		return add_level_rule(levels, name, why);
	rule = &levels->rules[levels->count - 1];
	if (!strcmp(key, "where")) {
		rule->where_source = source;
		return take_expression(rule, value, why);
	}
	if (!strcmp(key, "level")) {
		rule->level_source = source;
		return take_level(rule, value, why);
	}
	return setting_refuse(why, "unknown key \"%.60s\": a level has where and level", key);
}

int levels_check(const struct levels *levels, char *reason, size_t size)
{
	struct setting_why why = {reason, size};

	for (unsigned int i = 0; i < levels->count; i++)
		if (!levels->rules[i].where || !levels->rules[i].has_level)
			return setting_refuse(why, "[level %s] has no %s", levels->rules[i].name,
					      levels->rules[i].where ? "level" : "where");
	return 0;
}

/* --- deciding --------------------------------------------------------------------------------- */

static bool has_grave(const struct finding *findings, unsigned int count,
		      enum finding_severity from)
{
	for (unsigned int i = 0; i < count; i++)
		if (findings[i].severity >= from)
			return true;
	return false;
}

/* Whether a rule can say anything about RECORD. */
static bool can_be_less(const struct record *record, enum finding_severity full_from)
{
	switch (record->action) {
	case RECORD_SOCKET_CONNECTED:
		return !record->server; /* another one than usual */
	case RECORD_SOCKET_REFUSED:
	case RECORD_API_STARTED:
	case RECORD_API_REQUEST:
	case RECORD_API_ENDED:
	case RECORD_DOCKER_EVENT:
		return !has_grave(record->api.findings, record->api.finding_count, full_from) &&
		       !has_grave(record->cause.findings, record->cause.finding_count, full_from);
	default:
		return false;
	}
}

void levels_decide(const struct levels *levels, enum finding_severity full_from,
		   const struct record *record, struct fields *fields, struct levels_decision *ret)
{
	enum record_level most = LEVEL_NONE; /* of the rules that may fit */
	unsigned int count = can_be_less(record, full_from) ? levels->count : 0;
	bool maybe = false;

	*ret = (struct levels_decision){.level = LEVEL_FULL};
	for (unsigned int i = 0; i < count; i++) {
		const struct level_rule *rule = &levels->rules[i];
		enum where_answer answer = where_matches(rule->where, fields);

		if (answer != WHERE_NO && rule->level < most)
			most = rule->level;
		if (answer == WHERE_YES) {
			*ret = (struct levels_decision){most, rule->name, maybe};
			return;
		}
		maybe |= answer == WHERE_MAYBE;
	}
	ret->unsure = maybe;
}

const char *levels_rule(const struct levels *levels, unsigned int number)
{
	return number < levels->count ? levels->rules[number].name : NULL;
}

enum record_level levels_of(const struct levels *levels, enum finding_severity full_from,
			    const struct record *record, const struct record_context *context)
{
	_cleanup_(text_free) struct text text = {0};
	struct levels_decision decision = {.level = LEVEL_FULL};
	struct fields fields;

	if (!levels->count || !can_be_less(record, full_from))
		return LEVEL_FULL;
	if (!fields_init(&fields, record, context, IF_ASKED, &text))
		levels_decide(levels, full_from, record, &fields, &decision);
	return fields_free(&fields, 0) ? LEVEL_FULL : decision.level;
}

/* --- what is in force ------------------------------------------------------------------------- */

void levels_write(const struct levels *levels, struct text *out)
{
	for (unsigned int i = 0; i < levels->count; i++) {
		const struct level_rule *rule = &levels->rules[i];

		text_add_string(out, "\n[level ");
		text_add_string(out, rule->name);
		text_add_string(out, "]\nwhere = ");
		text_add_string(out, rule->text);
		setting_write_source(&rule->where_source, out);
		text_add_string(out, "level = ");
		text_add_string(out, name_level(rule->level));
		setting_write_source(&rule->level_source, out);
	}
}
