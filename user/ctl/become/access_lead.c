// SPDX-License-Identifier: Apache-2.0
#include "ctl/become/access_lead.h"

#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>

static bool has_way_in(const struct access *access, uint32_t uid)
{
	for (unsigned int i = 0; i < access->grant_count; i++) {
		const struct access_grant *grant = &access->grants[i];

		if (grant->socket && grant->socket->is_root && grant->has_uid &&
		    grant->uid == uid && !access_is_by_root(grant->kind))
			return true;
	}
	return false;
}

/* Whether whoever RULE lets somebody become may use an engine; says whom in AS. */
static bool becomes_able(struct access_lead *lead, const struct access_rule *rule)
{
	struct access *access = lead->access;
	struct bytes rest = rule->users, one;

	lead->as[0] = '\0';
	if ((!rule->users.data && !rule->groups.data) || access_rule_lists(rule->users, "root") ||
	    access_rule_lists(rule->users, "#0"))
		return true;
	for (unsigned int i = 0; i < access->socket_count; i++) {
		const struct access_socket *socket = &access->sockets[i];
		const struct group *group =
			socket->is_root && !socket->tcp && socket->mode & S_IWGRP
				? getgrgid(socket->gid)
				: NULL;

		if (group && access_rule_lists(rule->groups, group->gr_name)) {
			snprintf(lead->as, sizeof(lead->as), " as group %.32s", group->gr_name);
			return true;
		}
	}
	while (bytes_take(&rest, ',', &one)) {
		char name[ACCESS_NAME_SIZE];
		const struct access_user *user;

		while (one.size && *one.data == ' ')
			one = bytes_from(one, 1);
		snprintf(name, sizeof(name), "%.*s", (int)one.size, one.data ?: "");
		for (unsigned int i = 0; i < access->user_count; i++) {
			user = access->users[i];
			if (strcmp(user->name, name) != 0 || user->uid == lead->user->uid ||
			    !has_way_in(access, user->uid))
				continue;
			snprintf(lead->as, sizeof(lead->as), " as %.40s", name);
			return true;
		}
	}
	return false;
}

void access_lead_take(struct access_lead *lead, const struct access_rule *rule)
{
	struct bytes program = rule->command;
	const char *space;
	char name[40];

	if (!becomes_able(lead, rule))
		return;
	space = memchr(program.data, ' ', program.size);
	if (space && space > program.data && *program.data == '/')
		program.size = (size_t)(space - program.data);
	program = bytes_basename(program);
	snprintf(name, sizeof(name), "%.*s", (int)program.size, program.data ?: "");
	if (rule->reach == REACH_OTHER) {
		if (!lead->others++)
			snprintf(lead->other, sizeof(lead->other), "%.*s",
				 (int)(rule->command.size < 60 ? rule->command.size : 60),
				 rule->command.data);
		return;
	}
	lead->granted = true;
	if (rule->source.size)
		snprintf(lead->source, sizeof(lead->source), "%.*s", (int)rule->source.size,
			 rule->source.data);
	if (rule->reach == REACH_ANYTHING && !lead->anything) {
		lead->anything = true;
		snprintf(lead->what, sizeof(lead->what), "%s%.48s",
			 bytes_are(rule->command, "ALL") ? "anything" : name, lead->as);
	} else if (!lead->anything && !strstr(lead->what, name) &&
		   strlen(lead->what) + strlen(name) + strlen(lead->as) + 3 < sizeof(lead->what)) {
		size_t used = strlen(lead->what);

		snprintf(lead->what + used, sizeof(lead->what) - used, "%s%s%s", used ? ", " : "",
			 name, lead->as);
	}
}

/* Who edits the rules. Which file it is sudo tells from 1.9.14 on. */
static bool add_editor(struct text *text, const struct access_lead *lead)
{
	if (lead->kind != ACCESS_SUDO) {
		text_add_string(text, "editor ");
		return access_quote(text, lead->source);
	}
	text_add_string(text, "visudo");
	if (*lead->source != '/')
		return true;
	text_add_string(text, " -f ");
	return access_quote(text, lead->source);
}

void access_lead_end(struct access_lead *lead)
{
	const char *by = lead->kind == ACCESS_SUDO ? "sudo" : "doas";
	_cleanup_(text_free) struct text text = {0};
	struct access_grant *grant;

	if (lead->others && !lead->anything)
		access_note(lead->access,
			    "%s lets %s run other commands (%u), which may lead to an engine: %s%s",
			    by, lead->user->name, lead->others, lead->other,
			    lead->others > 1 ? ", …" : "");
	if (!lead->granted)
		return;
	grant = access_add(lead->access, NULL, lead->kind, lead->user->name);
	grant->has_uid = true;
	grant->uid = lead->user->uid;
	snprintf(grant->how, sizeof(grant->how), "%s %s", by, lead->what);
	if (add_editor(&text, lead) && !text.error && text.size < sizeof(grant->remove))
		memcpy(grant->remove, text.data, text.size + 1);
}

void access_take_members(struct access *access, const struct group *group)
{
	for (unsigned int i = 0; group && i < access->user_count; i++)
		if (access_user_has(access->users[i], group->gr_gid))
			access->users[i]->named = true;
	for (char **member = group ? group->gr_mem : NULL; member && *member; member++) {
		char name[ACCESS_NAME_SIZE];
		struct access_user *user;

		snprintf(name, sizeof(name), "%s", *member);
		user = access_user_named(access, name);
		if (user)
			user->named = true;
	}
}
