// SPDX-License-Identifier: Apache-2.0
#include "ctl/rules/access_sudo.h"

#include "json/body.h"

#define RULES_MEMORY (256u << 10)

static bool take_line_prefix(struct bytes *line, const char *prefix)
{
	if (!bytes_begin(*line, prefix))
		return false;
	*line = bytes_from(*line, strlen(prefix));
	return true;
}

enum access_sudo_answer access_sudo_read(struct bytes output, void *data,
					 void (*take)(void *data, const struct access_rule *rule))
{
	enum access_sudo_answer answer = SUDO_UNKNOWN;
	struct access_rule rule = {0};
	bool commands = false;
	struct bytes line;

	while (bytes_take(&output, '\n', &line)) {
		if (bytes_begin(line, "User ")) {
			static const char may[] = " may run the following commands on ";
			static const char none[] = " is not allowed to run sudo on ";

			if (memmem(line.data, line.size, may, sizeof(may) - 1))
				answer = SUDO_RULES;
			else if (memmem(line.data, line.size, none, sizeof(none) - 1))
				answer = SUDO_NONE;
			continue;
		}
		if (answer != SUDO_RULES || !line.size)
			continue;
		if (*line.data != ' ' && *line.data != '\t') { /* another entry */
			const char *colon = memmem(line.data, line.size, ": ", 2);

			rule = (struct access_rule){0};
			commands = false;
			if (colon)
				rule.source = bytes_from(line, (size_t)(colon - line.data) + 2);
		} else if (take_line_prefix(&line, "    RunAsUsers: ")) {
			rule.users = line;
		} else if (take_line_prefix(&line, "    RunAsGroups: ")) {
			rule.groups = line;
		} else if (bytes_are(line, "    Commands:")) {
			commands = true;
		} else if (commands && take_line_prefix(&line, "\t")) {
			rule.command = line;
			rule.reach = access_rule_reach(line);
			if (rule.reach != REACH_NOTHING)
				take(data, &rule);
		}
	}
	return answer;
}

/* --- whom the rules name ---------------------------------------------------------------------- */

struct named_reader {
	void *data;
	void (*take)(void *data, enum access_sudo_named kind, struct bytes name, uint32_t id);
};

static bool take_named_one(void *data, const struct value *one)
{
	static const struct {
		const char *key;
		enum access_sudo_named kind;
	} kinds[] = {
		{"username", SUDO_NAMES_USER},	   {"usergroup", SUDO_NAMES_GROUP},
		{"netgroup", SUDO_NAMES_OTHERS},   {"nonunixgroup", SUDO_NAMES_OTHERS},
		{"userid", SUDO_NAMES_UID},	   {"usergid", SUDO_NAMES_GID},
		{"nonunixgid", SUDO_NAMES_OTHERS},
	};
	struct named_reader *reader = data;

	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct value *value = body_get(one, kinds[i].key);
		bool all;

		if (!value)
			continue;
		all = kinds[i].kind == SUDO_NAMES_USER && bytes_are(value->string, "ALL");
		reader->take(reader->data, all || value->cut ? SUDO_NAMES_OTHERS : kinds[i].kind,
			     value->string, (uint32_t)value->number);
	}
	return false;
}

static const struct shape sudo_string = {.kind = SHAPE_STRING};
static const struct shape sudo_number = {.kind = SHAPE_INTEGER, .bits = 32, .is_unsigned = true};
static const struct shape_field named_fields[] = {
	{"username", &sudo_string},	{"usergroup", &sudo_string},
	{"userid", &sudo_number},	{"usergid", &sudo_number},
	{"nonunixgroup", &sudo_string}, {"nonunixgid", &sudo_number},
	{"netgroup", &sudo_string},	{}};
static const struct shape named_shape = {.kind = SHAPE_STRUCT, .fields = named_fields};
static const struct shape user_list = {.kind = SHAPE_LIST,
				       .element = &named_shape,
				       .element_done = take_named_one,
				       .always = true};
static const struct shape_field spec_fields[] = {{"User_List", &user_list}, {}};
static const struct shape spec_shape = {.kind = SHAPE_STRUCT, .fields = spec_fields};
static bool drop_spec(void *data, const struct value *spec)
{
	return false;
}
static const struct shape spec_list = {
	.kind = SHAPE_LIST, .element = &spec_shape, .element_done = drop_spec, .always = true};
static const struct shape_field sudoers_fields[] = {{"User_Specs", &spec_list}, {}};
static const struct shape sudoers_shape = {.kind = SHAPE_STRUCT, .fields = sudoers_fields};

bool access_sudo_users(struct bytes json, void *data,
		       void (*take)(void *data, enum access_sudo_named kind, struct bytes name,
				    uint32_t id))
{
	struct named_reader reader = {data, take};
	struct body *body;
	bool whole;

	if (body_new(&sudoers_shape, RULES_MEMORY, &reader, &body))
		return false;
	whole = !body_feed(body, json.data, json.size) && body_state(body) == BODY_DONE &&
		!(body_oddities(body) & (BODY_DROPPED | BODY_CUT));
	body_free(body);
	return whole;
}
