// SPDX-License-Identifier: Apache-2.0
#include "docker/judge/policy.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

enum key {
	KEY_USER,
	KEY_LOGIN_USER,
	KEY_EXE,
	KEY_UNIT,
	KEY_CONTAINER_IMAGE,
	KEY_CONTAINER_NAME,
	KEY_OPERATIONS,
	KEYS,
};

static const struct key_kind {
	const char *name;
	size_t offset;	 /* in struct policy_call */
	bool is_user;	 /* a name or a number, without wildcards */
	bool is_path;	 /* no wildcard stands for a slash */
	bool is_list;	 /* a line may hold several values */
	bool has_spaces; /* may be in a value */
} keys[KEYS] = {
#define KEY(key_name, member) .name = (key_name), .offset = offsetof(struct policy_call, member)
	[KEY_USER] = {KEY("user", user), .is_user = true},
	[KEY_LOGIN_USER] = {KEY("login-user", login_user), .is_user = true},
	[KEY_EXE] = {KEY("exe", executable), .is_path = true, .has_spaces = true},
	[KEY_UNIT] = {KEY("unit", unit)},
	[KEY_CONTAINER_IMAGE] = {KEY("container-image", container_image), .is_path = true},
	[KEY_CONTAINER_NAME] = {KEY("container-name", container_name)},
	[KEY_OPERATIONS] = {KEY("operations", operation), .is_list = true},
#undef KEY
};

struct pattern {
	struct pattern *next;
	uint32_t number; /* CALLERD_UNSET_ID: it is a text */
	bool wild;
	size_t size;
	char text[];
};

struct rule {
	char name[POLICY_NAME_MAX + 1];
	struct pattern *patterns[KEYS]; /* NULL: the key is not given */
};

enum choice { CHOICE_NONE, CHOICE_OPEN, CHOICE_OFF, CHOICE_SEVERITY };

struct policy {
	struct {
		enum choice choice; /* OPEN: the section has begun and says nothing yet */
		enum finding_severity severity;
	} findings[FINDINGS];
	struct rule *rules;
	unsigned int rule_count, rule_room;
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
	for (unsigned int i = 0; i < policy->rule_count; i++) {
		for (enum key key = 0; key < KEYS; key++) {
			struct pattern *next;

			for (struct pattern *p = policy->rules[i].patterns[key]; p; p = next) {
				next = p->next;
				free(p);
			}
		}
	}
	free(policy->rules);
	free(policy);
}

/* --- settings ---------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int refuse(char *reason, size_t size,
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

#define REFUSE(...) refuse(reason, reason_size, __VA_ARGS__)

/* What follows WORD and a blank in SECTION; NULL: it is another section. */
static const char *section_name(const char *section, const char *word)
{
	size_t size = strlen(word);

	return !strncmp(section, word, size) && section[size] == ' ' ? section + size + 1 : NULL;
}

static int set_finding(struct policy *policy, const char *id, const char *key, const char *value,
		       char *reason, size_t reason_size)
{
	enum finding_id finding = finding_by_name(id, strlen(id));
	enum finding_severity severity;

	if (finding == FINDING_NONE)
		return REFUSE("there is no finding \"%.60s\"", id);
	if (!key) {
		if (policy->findings[finding].choice != CHOICE_NONE)
			return REFUSE("[finding %s] is there twice", id);
		policy->findings[finding].choice = CHOICE_OPEN;
		return 0;
	}
	if (strcmp(key, "severity"))
		return REFUSE("unknown key \"%.60s\": a finding has a severity only", key);
	if (policy->findings[finding].choice > CHOICE_OPEN)
		return REFUSE("severity is given twice");
	severity = finding_severity_by_name(value, strlen(value));
	if (severity == SEVERITY_NONE && strcmp(value, "off") != 0)
		return REFUSE("severity \"%.60s\": it is one of info low medium high critical off",
			      value);
	policy->findings[finding].severity = severity;
	policy->findings[finding].choice = severity == SEVERITY_NONE ? CHOICE_OFF : CHOICE_SEVERITY;
	return 0;
}

static struct rule *find_rule(struct policy *policy, const char *name)
{
	for (unsigned int i = policy->rule_count; i-- > 0;) /* most often the last */
		if (!strcmp(policy->rules[i].name, name))
			return &policy->rules[i];
	return NULL;
}

static int add_rule(struct policy *policy, const char *name, char *reason, size_t reason_size)
{
	if (!*name || strlen(name) > POLICY_NAME_MAX)
		return REFUSE("a rule has a name of 1 to %u bytes: [expected NAME]",
			      POLICY_NAME_MAX);
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return REFUSE(
				"rule \"%s\": its name is made of letters, digits, '.', '_', '-'",
				name);
	if (find_rule(policy, name))
		return REFUSE("[expected %s] is there twice", name);
	if (policy->rule_count == POLICY_RULES_MAX)
		return REFUSE("too many rules (%u at most)", POLICY_RULES_MAX);
	if (policy->rule_count == policy->rule_room) {
		unsigned int room = policy->rule_room ? 2 * policy->rule_room : 16;
		struct rule *rules = reallocarray(policy->rules, room, sizeof(*rules));

		if (!rules)
			return -ENOMEM;
		policy->rules = rules;
		policy->rule_room = room;
	}
	policy->rules[policy->rule_count] = (struct rule){0};
	memcpy(policy->rules[policy->rule_count++].name, name, strlen(name) + 1);
	return 0;
}

/* A user that is a number. -ENOENT: it is a name; -ERANGE: no user has this number. */
static int parse_number(struct bytes value, uint32_t *ret)
{
	uint64_t number = 0;

	for (size_t i = 0; i < value.size; i++) {
		if (!isdigit((unsigned char)value.data[i]))
			return -ENOENT;
		number = number * 10 + (uint64_t)(value.data[i] - '0');
		if (number >= CALLERD_UNSET_ID)
			number = CALLERD_UNSET_ID;
	}
	if (number == CALLERD_UNSET_ID)
		return -ERANGE;
	*ret = (uint32_t)number;
	return 0;
}

/* Refuses what could never match, or says nothing. */
static int check_value(enum key key, struct bytes value, char *reason, size_t reason_size)
{
	const char *name = keys[key].name;
	int shown = value.size < 60 ? (int)value.size : 60;
	bool wild = memchr(value.data, '*', value.size) || memchr(value.data, '?', value.size);
	bool only_wild = true;

	for (size_t i = 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if (!keys[key].has_spaces && (isspace(c) || c == ','))
			return REFUSE("%s \"%.*s\": one value only; repeat the line for another",
				      name, shown, value.data);
		if (key == KEY_OPERATIONS && !isalnum(c) && !strchr("._/-*?", c))
			return REFUSE("%s \"%.*s\": no operation has such a name", name, shown,
				      value.data);
		only_wild = only_wild && (c == '*' || c == '?');
	}
	if (keys[key].is_user && wild)
		return REFUSE("%s \"%.*s\": users have no wildcards", name, shown, value.data);
	if (key == KEY_EXE && value.data[0] != '/')
		return REFUSE("%s \"%.*s\": the path must be absolute", name, shown, value.data);
	if (key == KEY_UNIT && !wild && !memchr(value.data, '.', value.size))
		return REFUSE("%s \"%.*s\": a unit's name ends in .service, .scope or .slice", name,
			      shown, value.data);
	if (key != KEY_OPERATIONS && only_wild)
		return REFUSE("%s \"%.*s\": says nothing, it matches all", name, shown, value.data);
	return 0;
}

static int add_pattern(struct rule *rule, enum key key, struct bytes value, char *reason,
		       size_t reason_size)
{
	struct pattern **link = &rule->patterns[key], *pattern;
	uint32_t number = CALLERD_UNSET_ID;
	unsigned int count = 0;
	int error = check_value(key, value, reason, reason_size);

	if (error)
		return error;
	if (keys[key].is_user && parse_number(value, &number) == -ERANGE)
		return REFUSE("%s: no user has so high a number", keys[key].name);
	while (*link) {
		link = &(*link)->next;
		count++;
	}
	if (count == POLICY_VALUES_MAX)
		return REFUSE("too many values for %s (%u at most)", keys[key].name,
			      POLICY_VALUES_MAX);
	pattern = malloc(sizeof(*pattern) + value.size);
	if (!pattern)
		return -ENOMEM;
	*pattern = (struct pattern){
		.number = number,
		.wild = memchr(value.data, '*', value.size) || memchr(value.data, '?', value.size),
		.size = value.size,
	};
	memcpy(pattern->text, value.data, value.size);
	*link = pattern;
	return 0;
}

static int set_expected(struct policy *policy, const char *rule_name, const char *key_name,
			const char *value, char *reason, size_t reason_size)
{
	struct rule *rule;
	enum key key = 0;
	size_t size;
	int error = 0;

	if (!key_name)
		return add_rule(policy, rule_name, reason, reason_size);
	rule = find_rule(policy, rule_name);
	if (!rule)
		return REFUSE("there is no rule \"%.60s\"", rule_name);
	while (key < KEYS && strcmp(keys[key].name, key_name) != 0)
		key++;
	if (key == KEYS)
		return REFUSE("unknown key \"%.60s\": a rule has user login-user exe unit "
			      "container-image container-name operations",
			      key_name);
	if (!keys[key].is_list)
		return *value ? add_pattern(rule, key, bytes_of(value), reason, reason_size)
			      : REFUSE("%s: it needs a value", key_name);
	value += strspn(value, " \t,");
	if (!*value)
		return REFUSE("%s: it needs a value", key_name);
	for (; *value && !error; value += size + strspn(value + size, " \t,")) {
		size = strcspn(value, " \t,");
		error = add_pattern(rule, key, (struct bytes){value, size}, reason, reason_size);
	}
	return error;
}

int policy_set(struct policy *policy, const char *section, const char *key, const char *value,
	       char *reason, size_t reason_size)
{
	const char *name = section_name(section, "finding");

	if (name)
		return set_finding(policy, name, key, value, reason, reason_size);
	name = section_name(section, "expected");
	if (name)
		return set_expected(policy, name, key, value, reason, reason_size);
	return REFUSE("there is no section [%.60s]; there are [callerd], [finding ID] and "
		      "[expected NAME]",
		      section);
}

int policy_check(const struct policy *policy, char *reason, size_t reason_size)
{
	for (enum finding_id id = 0; id < FINDINGS; id++)
		if (policy->findings[id].choice == CHOICE_OPEN)
			return REFUSE("[finding %s] has no severity", finding_kind(id)->id);
	for (unsigned int i = 0; i < policy->rule_count; i++) {
		enum key key = 0;

		while (key < KEY_OPERATIONS && !policy->rules[i].patterns[key])
			key++;
		if (key == KEY_OPERATIONS)
			return REFUSE(
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
	if (!policy)
		return severity;
	switch (policy->findings[id].choice) {
	case CHOICE_OFF:
		return SEVERITY_NONE;
	case CHOICE_SEVERITY:
		return policy->findings[id].severity;
	default:
		return severity;
	}
}

/* As fnmatch() does it with '*' and '?' only, and FNM_PATHNAME for a PATH, but in a time that does not
 * explode with the number of stars: callers choose how long their paths are. The last star is enough to
 * come back to: earlier ones can only match more of what it could match as well, and slashes are
 * matched by slashes, so that none of them can reach beyond its own part of a path. */
static bool matches_wild(const struct pattern *pattern, struct bytes text, bool path)
{
	const char *p = pattern->text, *end = p + pattern->size, *after_star = NULL;
	size_t at = 0, covered = 0; /* by the star */

	while (at < text.size) {
		if (p < end && *p == '*') {
			after_star = ++p;
			covered = at;
		} else if (p < end &&
			   (*p == '?' ? !path || text.data[at] != '/' : *p == text.data[at])) {
			p++;
			at++;
		} else if (after_star && (!path || text.data[covered] != '/')) {
			p = after_star;
			at = ++covered;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

static bool matches_pattern(const struct pattern *pattern, enum key key,
			    const struct policy_call *call)
{
	const struct bytes *value = (const void *)((const char *)call + keys[key].offset);

	if (pattern->number != CALLERD_UNSET_ID)
		return pattern->number == (key == KEY_USER ? call->uid : call->login_uid);
	if (!value->data)
		return false;
	return pattern->wild ? matches_wild(pattern, *value, keys[key].is_path)
			     : bytes_equal((struct bytes){pattern->text, pattern->size}, *value);
}

static bool matches_rule(const struct rule *rule, const struct policy_call *call)
{
	bool names_container =
		rule->patterns[KEY_CONTAINER_IMAGE] || rule->patterns[KEY_CONTAINER_NAME];

	/* Whoever is root in a container chooses its users and what stands at a path in it. */
	if (call->contained && !names_container)
		return false;
	if (!call->executable_seen && rule->patterns[KEY_EXE] && !rule->patterns[KEY_UNIT])
		return false;
	if (call->foreign && !names_container && !rule->patterns[KEY_UNIT])
		return false;
	for (enum key key = 0; key < KEYS; key++) {
		const struct pattern *pattern = rule->patterns[key];

		if (!pattern)
			continue;
		while (pattern && !matches_pattern(pattern, key, call))
			pattern = pattern->next;
		if (!pattern)
			return false;
	}
	return true;
}

bool policy_has_executables(const struct policy *policy)
{
	for (unsigned int i = 0; policy && i < policy->rule_count; i++)
		if (policy->rules[i].patterns[KEY_EXE])
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

static void write_rule(const struct rule *rule, struct text *out)
{
	write_section(out, "expected", rule->name);
	for (enum key key = 0; key < KEYS; key++) {
		for (const struct pattern *p = rule->patterns[key]; p; p = p->next) {
			text_add_string(out, keys[key].name);
			text_add_string(out, " = ");
			text_add(out, p->text, p->size);
			text_add_char(out, '\n');
		}
	}
}

void policy_write(const struct policy *policy, struct text *out)
{
	for (enum finding_id id = 0; id < FINDINGS; id++) {
		if (policy->findings[id].choice < CHOICE_OFF)
			continue;
		write_section(out, "finding", finding_kind(id)->id);
		text_add_string(out, "severity = ");
		text_add_string(out,
				policy->findings[id].choice == CHOICE_OFF
					? "off"
					: finding_severity_name(policy->findings[id].severity));
		text_add_char(out, '\n');
	}
	for (unsigned int i = 0; i < policy->rule_count; i++)
		write_rule(&policy->rules[i], out);
}
