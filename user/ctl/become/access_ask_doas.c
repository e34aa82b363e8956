// SPDX-License-Identifier: Apache-2.0
/* What doas lets each user run, by its rules: it cannot be asked of somebody else than who asks. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/become/access_become.h"
#include "ctl/become/access_lead.h"
#include "ctl/rules/access_doas.h"

#define DOAS "/usr/bin/doas"
#define DOAS_CONF "/etc/doas.conf"
#define DOAS_MAX (256u << 10)

static bool doas_number(const char *text, uint32_t *ret)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*ret = (uint32_t)number;
	return *text >= '0' && *text <= '9' && !*end && number <= UINT32_MAX;
}

/* Whether RULE is of the user DATA. */
static bool doas_is_of(void *data, const struct access_doas_rule *rule)
{
	const struct access_user *user = data;
	const char *name = rule->identity;
	const struct group *group;
	uint32_t number;

	if (*name != ':')
		return !strcmp(name, user->name) ||
		       (doas_number(name, &number) && number == user->uid);
	group = getgrnam(name + 1);
	if (group)
		return access_user_has(user, group->gr_gid);
	return doas_number(name + 1, &number) && access_user_has(user, number);
}

/* Has the users that RULE names among those that are known. */
static void doas_find_users(struct access *access, const struct access_doas_rule *rule)
{
	const char *name = rule->identity;
	uint32_t number;

	if (*name == ':')
		access_take_members(access, getgrnam(name + 1));
	else if (!access_user_named(access, name) && doas_number(name, &number))
		access_user_of(access, number);
}

static void doas_give(struct access_lead *lead, const struct access_doas_rule *rule)
{
	_cleanup_(text_free) struct text command = {0};
	const struct passwd *target = NULL;
	uint32_t number;
	struct access_rule given = {.source = bytes_of(DOAS_CONF)};

	if (rule->target && doas_number(rule->target, &number))
		target = getpwuid(number);
	given.users = bytes_of(target ? target->pw_name : rule->target ?: "ALL");
	if (rule->command && *rule->command != '/')
		text_add_string(&command, "/usr/bin/"); /* or another one of root's PATH */
	text_add_string(&command, rule->command ?: "ALL");
	text_add_string(&command, rule->arguments);
	given.command = text_since(&command, 0);
	given.reach = access_rule_reach(given.command);
	access_lead_take(lead, &given);
}

/* Whether doas is there and takes FILE, which others than root may not have written; says why not. */
static bool doas_takes_file(struct access *access, FILE *file)
{
	struct stat status;

	if (faccessat(AT_FDCWD, DOAS, X_OK, 0)) {
		access_note(access, "there is " DOAS_CONF ", but no " DOAS);
		return false;
	}
	if (!fstat(fileno(file), &status) && !status.st_uid &&
	    !(status.st_mode & (S_IWGRP | S_IWOTH)))
		return true;
	access_note(access,
		    DOAS_CONF " can be written by others than root: doas takes no rule of it");
	return false;
}

/* Adds the whole file. False: it is not there, or cannot be used, which is said. */
static bool doas_read_file(struct access *access, struct text *out)
{
	_fclose_ FILE *file = fopen(DOAS_CONF, "re");
	char *room = file ? text_room(out, DOAS_MAX + 1) : NULL;

	if ((!file && errno == ENOENT) || (file && !doas_takes_file(access, file)))
		return false;
	if (room)
		out->size = fread(room, 1, DOAS_MAX + 1, file);
	if (!room || ferror(file) || out->size > DOAS_MAX) {
		access_note(access,
			    DOAS_CONF " cannot be read: what doas lets users do is not known");
		return false;
	}
	return true;
}

void access_ask_doas(struct access *access)
{
	_cleanup_(drop_doas) struct access_doas *doas = calloc(1, sizeof(*doas));
	_cleanup_(text_free) struct text file = {0};

	if (!doas || !doas_read_file(access, &file))
		return;
	if (!access_doas_read(text_since(&file, 0), doas)) {
		access_note(access, DOAS_CONF " is not as doas takes it: what it lets users do is "
					      "not known");
		return;
	}
	for (unsigned int i = 0; i < doas->count; i++)
		doas_find_users(access, &doas->rules[i]);
	for (unsigned int i = 0; i < access->user_count; i++) {
		struct access_user *user = access->users[i];
		struct access_lead lead = {.access = access, .user = user, .kind = ACCESS_DOAS};

		for (unsigned int rule = 0; user->uid && rule < doas->count; rule++)
			if (access_doas_holds(doas, rule, user, doas_is_of))
				doas_give(&lead, &doas->rules[rule]);
		access_lead_end(&lead);
	}
}
