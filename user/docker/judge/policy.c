// SPDX-License-Identifier: Apache-2.0
#include "docker/judge/policy.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/pool.h"
#include "setting/wildcard.h"
#include "record/operation.h"
#include "setting/setting.h"

/* A value of a rule. */
struct pattern {
	struct pattern *next;
	uint32_t number; /* of a user; CALLERD_UNSET_ID: the value is a text */
	bool wild;	 /* it has wildcards */
	struct setting_source source;
	size_t size;
	char text[]; /* of SIZE bytes, and a NUL */
};

/* A section [expected NAME]. */
struct rule {
	char name[POLICY_NAME_MAX + 1];
	struct pattern *patterns[POLICY_KEYS]; /* NULL: the key is not given */
};

/* A section [finding ID]. */
struct finding_rule {
	bool begun, given;		/* the section is there, and has a severity */
	struct setting_source source;	/* of the severity */
	enum finding_severity severity; /* SEVERITY_NONE: off */
};

struct policy {
	struct finding_rule findings[FINDINGS];
	struct rule rules[POLICY_RULES_MAX];
	unsigned int rule_count;
	struct rule *rule; /* the one that is read now */
	struct pool pool;  /* the patterns */
};

int policy_new(struct policy **ret)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return -ENOMEM;
	*ret = policy;
	return 0;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	pool_free(&policy->pool);
	free(policy);
}

/* --- values ------------------------------------------------------------------------------------ */

static bool is_user(enum policy_key key)
{
	return key == POLICY_USER || key == POLICY_LOGIN_USER;
}

/* Whether the wildcards of KEY match no slash. */
static bool is_path(enum policy_key key)
{
	return key == POLICY_EXE || key == POLICY_CONTAINER_IMAGE;
}

/* Whether there is an operation whose name PATTERN matches. */
static bool names_operation(struct bytes pattern)
{
	for (enum operation operation = 0; operation < OPERATIONS; operation++) {
		const char *name = operation_name(operation);

		if (name && wildcard_matches(pattern, bytes_of(name), false))
			return true;
	}
	return false;
}

/* Why VALUE is refused: it can never match, or it matches everything. NULL: it is good. */
static const char *why_wrong(enum policy_key key, struct bytes value, bool wild)
{
	bool only_wild = true;

	for (size_t i = 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if (key != POLICY_EXE && (isspace(c) || c == ','))
			return "one value only; repeat the line for another";
		only_wild = only_wild && (c == '*' || c == '?');
	}
	if (key == POLICY_OPERATIONS && !names_operation(value))
		return "no operation has such a name";
	if (is_user(key) && wild)
		return "users have no wildcards";
	if (key == POLICY_EXE && value.data[0] != '/')
		return "the path must be absolute";
	if (key == POLICY_UNIT && !wild && !memchr(value.data, '.', value.size))
		return "a unit's name ends in .service, .scope or .slice";
	return key != POLICY_OPERATIONS && only_wild ? "says nothing, it matches all" : NULL;
}

/* --- reading ----------------------------------------------------------------------------------- */

static int add_pattern(struct setting_reader *reader, enum policy_key key, struct bytes value)
{
	struct policy *policy = reader->target;
	struct pattern **link = &policy->rule->patterns[key], *pattern;
	bool wild = wildcard_has(value);
	const char *name = reader->setting->name, *why = why_wrong(key, value, wild);
	uint64_t number = CALLERD_UNSET_ID;
	unsigned int count = 0;

	if (why)
		return setting_refuse(reader->why, "%s \"%.*s\": %s", name,
				      value.size < 60 ? (int)value.size : 60, value.data, why);
	if (is_user(key) && value.size == strspn(value.data, "0123456789") &&
	    !setting_number(value.data, 0, CALLERD_UNSET_ID - 1, &number))
		return setting_refuse(reader->why, "%s: no user has so high a number", name);
	for (; *link; link = &(*link)->next)
		count++;
	if (count == POLICY_VALUES_MAX)
		return setting_refuse(reader->why, "too many values for %s (%u at most)", name,
				      POLICY_VALUES_MAX);
	pattern = pool_take(&policy->pool, sizeof(*pattern) + value.size + 1);
	if (!pattern)
		return -ENOMEM;
	pattern->number = (uint32_t)number;
	pattern->wild = wild;
	pattern->size = value.size;
	memcpy(pattern->text, value.data, value.size);
	pattern->text[value.size] = '\0';
	pattern->source = reader->source;
	*link = pattern;
	return 0;
}

/* A line holds one value, and may hold several of operations. */
static int take_values(struct setting_reader *reader, const char *value)
{
	enum policy_key key = (enum policy_key)(reader->setting - reader->table);
	const char *blanks = key == POLICY_OPERATIONS ? " \t," : "";
	size_t size;
	int error = 0;

	value += strspn(value, blanks);
	if (!*value)
		return setting_refuse(reader->why, "%s: it needs a value", reader->setting->name);
	for (; *value && !error; value += size + strspn(value + size, blanks)) {
		size = strcspn(value, blanks);
		error = add_pattern(reader, key, (struct bytes){value, size});
	}
	return error;
}

/* What each key is matched against: a member of struct policy_call. */
#define KEY(text, member)                                                                          \
	{                                                                                          \
		.name = (text), .take = take_values, .places = 1, .repeats = 1,                    \
		SETTING_AT(struct policy_call, member)                                             \
	}

static const struct setting rule_keys[POLICY_KEYS + 1] = {
	[POLICY_USER] = KEY("user", user),
	[POLICY_LOGIN_USER] = KEY("login-user", login_user),
	[POLICY_EXE] = KEY("exe", executable),
	[POLICY_UNIT] = KEY("unit", unit),
	[POLICY_CONTAINER_IMAGE] = KEY("container-image", container_image),
	[POLICY_CONTAINER_NAME] = KEY("container-name", container_name),
	[POLICY_OPERATIONS] = KEY("operations", operation),
};

/* In the order of enum finding_severity. */
static const char *const severities[] = {"off", "info", "low", "medium", "high", "critical", NULL};

static const struct setting finding_keys[] = {
	{.name = "severity",
	 .kind = SETTING_CHOICE,
	 .words = severities,
	 .places = 1,
	 SETTING_AT(struct finding_rule, severity),
	 .wanted = "it is one of info low medium high critical off"},
	{.name = NULL},
};

/* What follows WORD and a blank in SECTION; NULL: it is another section. */
static const char *section_name(const char *section, const char *word)
{
	size_t size = strlen(word);

	return !strncmp(section, word, size) && section[size] == ' ' ? section + size + 1 : NULL;
}

static int set_finding(struct policy *policy, struct setting_reader *reader, const char *id,
		       const char *key, const char *value)
{
	enum finding_id finding_id = finding_by_name(id, strlen(id));
	struct finding_rule *finding = &policy->findings[finding_id];
	int error;

	if (finding_id == FINDING_NONE)
		return setting_refuse(reader->why, "there is no finding \"%.60s\"", id);
	if (!key && finding->begun)
		return setting_refuse(reader->why, "[finding %s] is there twice", id);
	finding->begun = true;
	if (!key)
		return 0;
	reader->table = finding_keys;
	reader->target = finding;
	if (finding->given && !strcmp(key, finding_keys->name))
		return setting_refuse(reader->why, "severity is given twice");
	error = setting_read(reader, bytes_of(key), value);
	if (error == -ENOENT)
		return setting_refuse(reader->why,
				      "unknown key \"%.60s\": a finding has a severity only", key);
	if (error == -EINVAL)
		return setting_refuse(reader->why, "severity \"%.60s\": %s", value,
				      reader->setting->wanted);
	finding->given = true;
	finding->source = reader->source;
	return error;
}

static struct rule *find_rule(struct policy *policy, const char *name)
{
	/* Most often it is the last one. */
	for (unsigned int i = policy->rule_count; i-- > 0;)
		if (!strcmp(policy->rules[i].name, name))
			return &policy->rules[i];
	return NULL;
}

static int add_rule(struct policy *policy, struct setting_reader *reader, const char *name)
{
	int error = setting_check_name(reader->why, "expected", name, POLICY_NAME_MAX);

	if (error)
		return error;
	if (find_rule(policy, name))
		return setting_refuse(reader->why, "[expected %s] is there twice", name);
	if (policy->rule_count == POLICY_RULES_MAX)
		return setting_refuse(reader->why, "too many rules (%u at most)", POLICY_RULES_MAX);
	memcpy(policy->rules[policy->rule_count++].name, name, strlen(name) + 1);
	return 0;
}

static int set_expected(struct policy *policy, struct setting_reader *reader, const char *name,
			const char *key, const char *value)
{
	int error;

	if (!key)
		return add_rule(policy, reader, name);
	policy->rule = find_rule(policy, name);
	if (!policy->rule)
		return setting_refuse(reader->why, "there is no rule \"%.60s\"", name);
	reader->table = rule_keys;
	reader->target = policy;
	error = setting_read(reader, bytes_of(key), value);
	if (error == -ENOENT)
		return setting_refuse(reader->why,
				      "unknown key \"%.60s\": a rule has user login-user exe unit "
				      "container-image container-name operations",
				      key);
	return error;
}

int policy_set(struct policy *policy, struct setting_source source, const char *section,
	       const char *key, const char *value, char *reason, size_t reason_size)
{
	struct setting_reader reader = {.place = 1, .why = {reason, reason_size}, .source = source};
	const char *name = section_name(section, "finding");

	if (name)
		return set_finding(policy, &reader, name, key, value);
	name = section_name(section, "expected");
	if (name)
		return set_expected(policy, &reader, name, key, value);
	return setting_refuse(reader.why,
			      "there is no section [%.60s]; there are [callerd], [finding ID], "
			      "[expected NAME] and [level NAME]",
			      section);
}

int policy_check(const struct policy *policy, char *reason, size_t reason_size)
{
	struct setting_why why = {reason, reason_size};

	for (enum finding_id id = 0; id < FINDINGS; id++)
		if (policy->findings[id].begun && !policy->findings[id].given)
			return setting_refuse(why, "[finding %s] has no severity",
					      finding_kind(id)->id);
	for (unsigned int i = 0; i < policy->rule_count; i++) {
		enum policy_key key = 0;

		while (key < POLICY_OPERATIONS && !policy->rules[i].patterns[key])
			key++;
		if (key == POLICY_OPERATIONS)
			return setting_refuse(
				why,
				"[expected %s] would match everybody: it needs a user, login-user, "
				"exe, unit, container-image or container-name",
				policy->rules[i].name);
	}
	return 0;
}

/* --- judging ----------------------------------------------------------------------------------- */

enum finding_severity policy_severity(const struct policy *policy, enum finding_id id,
				      enum finding_severity severity)
{
	assert(id < FINDINGS);
	return policy && policy->findings[id].given ? policy->findings[id].severity : severity;
}

static bool matches_pattern(const struct pattern *pattern, enum policy_key key,
			    const struct policy_call *call)
{
	const struct bytes *value = (const void *)((const char *)call + rule_keys[key].offset);
	struct bytes text;

	if (pattern->number != CALLERD_UNSET_ID)
		return pattern->number == (key == POLICY_USER ? call->uid : call->login_uid);
	if (!value->data)
		return false;
	text = (struct bytes){pattern->text, pattern->size};
	return pattern->wild ? wildcard_matches(text, *value, is_path(key))
			     : bytes_equal(text, *value);
}

static bool matches_rule(const struct rule *rule, const struct policy_call *call)
{
	bool names_container =
		rule->patterns[POLICY_CONTAINER_IMAGE] || rule->patterns[POLICY_CONTAINER_NAME];

	/* Root in a container chooses its users, and which file is at a path in it. */
	if (call->contained && !names_container)
		return false;
	if (!call->executable_seen && rule->patterns[POLICY_EXE] && !rule->patterns[POLICY_UNIT])
		return false;
	if (call->foreign && !names_container && !rule->patterns[POLICY_UNIT])
		return false;
	for (enum policy_key key = 0; key < POLICY_KEYS; key++) {
		const struct pattern *pattern = rule->patterns[key];

		if (!pattern || (key == POLICY_OPERATIONS && call->connects))
			continue;
		while (pattern && !matches_pattern(pattern, key, call))
			pattern = pattern->next;
		if (!pattern)
			return false;
	}
	return true;
}

void policy_walk(const struct policy *policy, void *data,
		 void (*see)(void *data, const struct policy_value *value))
{
	for (unsigned int i = 0; i < policy->rule_count; i++)
		for (enum policy_key key = 0; key < POLICY_KEYS; key++)
			for (const struct pattern *p = policy->rules[i].patterns[key]; p;
			     p = p->next)
				see(data, &(struct policy_value){key, rule_keys[key].name, p->text,
								 p->source});
}

bool policy_has_executables(const struct policy *policy)
{
	for (unsigned int i = 0; policy && i < policy->rule_count; i++)
		if (policy->rules[i].patterns[POLICY_EXE])
			return true;
	return false;
}

const char *policy_expected(const struct policy *policy, const struct policy_call *call)
{
	for (unsigned int i = 0; policy && i < policy->rule_count; i++)
		if (matches_rule(&policy->rules[i], call))
			return policy->rules[i].name;
	return NULL;
}

/* --- what is in force -------------------------------------------------------------------------- */

static void write_section(struct text *out, const char *kind, const char *name)
{
	text_add_string(out, out->size ? "\n[" : "[");
	text_add_string(out, kind);
	text_add_char(out, ' ');
	text_add_string(out, name);
	text_add_string(out, "]\n");
}

static void write_rule(const struct rule *rule, bool sources, struct text *out)
{
	write_section(out, "expected", rule->name);
	for (enum policy_key key = 0; key < POLICY_KEYS; key++) {
		for (const struct pattern *p = rule->patterns[key]; p; p = p->next) {
			text_add_string(out, rule_keys[key].name);
			text_add_string(out, " = ");
			text_add(out, p->text, p->size);
			if (sources)
				setting_write_source(&p->source, out);
			else
				text_add_char(out, '\n');
		}
	}
}

void policy_write(const struct policy *policy, bool sources, struct text *out)
{
	for (enum finding_id id = 0; id < FINDINGS; id++) {
		struct setting_note note = {finding_keys, NULL, policy->findings[id].source};
		struct setting_notes notes = {&note, 1};

		if (!policy->findings[id].given)
			continue;
		write_section(out, "finding", finding_kind(id)->id);
		setting_write(finding_keys, &policy->findings[id], sources ? &notes : NULL, out);
	}
	for (unsigned int i = 0; i < policy->rule_count; i++)
		write_rule(&policy->rules[i], sources, out);
}
