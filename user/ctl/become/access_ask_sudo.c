// SPDX-License-Identifier: Apache-2.0
/* Asks sudo what it lets each user run: it knows its files, LDAP and SSSD; and cvtsudoers, whom its rules name. */
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/become/access_become.h"
#include "ctl/become/access_lead.h"
#include "ctl/become/access_program.h"
#include "ctl/rules/access_sudo.h"

#define SUDO "/usr/bin/sudo"
#define CVTSUDOERS "/usr/bin/cvtsudoers"
#define ANSWER_MAX (256u << 10)
#define RULES_MAX (16u << 20)
#define ALL_TIME (60 * NS_PER_S)
#define LATE_MAX 2 /* users in a row of whom it says nothing in time: then it is left alone */

struct sudo_rules {
	struct access *access;
	bool others; /* they name some of whom it cannot be told who they are */
};

/* --- what it says ----------------------------------------------------------------------------- */

static void take_sudo_rule(void *data, const struct access_rule *rule)
{
	access_lead_take(data, rule);
}

/* False: there was no answer in time. */
static bool ask_about_user(struct access *access, const struct access_user *user,
			   unsigned int *unanswered)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + ACCESS_PROGRAM_TIME;
	_cleanup_(text_free) struct text answer = {0};
	struct access_lead lead = {.access = access, .user = user, .kind = ACCESS_SUDO};
	const char *const arguments[] = {"sudo", "-n", "-ll", "-U", user->name, NULL};
	bool whole = access_program_ask(SUDO, arguments, ANSWER_MAX, &answer);

	if (!whole ||
	    access_sudo_read(text_since(&answer, 0), &lead, take_sudo_rule) == SUDO_UNKNOWN) {
		if (!(*unanswered)++)
			access_note(access, "sudo does not say what %s may do", user->name);
		return clock_now(CLOCK_MONOTONIC) < end;
	}
	access_lead_end(&lead);
	return true;
}

/* --- whom to ask for --------------------------------------------------------------------------- */

static void take_named(void *data, enum access_sudo_named kind, struct bytes name, uint32_t id)
{
	struct sudo_rules *rules = data;
	struct access *access = rules->access;
	struct access_user *user = NULL;
	char text[ACCESS_NAME_SIZE];

	if (name.size >= sizeof(text) || (name.size && memchr(name.data, '\0', name.size))) {
		rules->others = true;
		return;
	}
	snprintf(text, sizeof(text), "%.*s", (int)name.size, name.data ?: "");
	switch (kind) {
	case SUDO_NAMES_USER:
		user = access_user_named(access, text);
		break;
	case SUDO_NAMES_UID:
		user = access_user_of(access, id);
		break;
	case SUDO_NAMES_GROUP:
		access_take_members(access, getgrnam(text));
		break;
	case SUDO_NAMES_GID:
		access_take_members(access, getgrgid(id));
		break;
	case SUDO_NAMES_OTHERS:
		rules->others = true;
		if (strcmp(text, "ALL") != 0)
			access_note(access,
				    "sudo's rules name %s, whose members only the name services "
				    "can list: who is not among the users they list was not asked "
				    "for",
				    text);
		break;
	}
	if (user)
		user->named = true;
}

/* Where sudo has its rules, by its own word: sudo.conf may say another place. */
static void find_rules(char path[PATH_MAX])
{
	static const char *const arguments[] = {"sudo", "-V", NULL};
	_cleanup_(text_free) struct text answer = {0};
	struct bytes rest, line;

	snprintf(path, PATH_MAX, "/etc/sudoers");
	if (!access_program_ask(SUDO, arguments, ANSWER_MAX, &answer))
		return;
	rest = text_since(&answer, 0);
	while (bytes_take(&rest, '\n', &line))
		if (bytes_begin(line, "Sudoers path: /") && line.size < PATH_MAX)
			snprintf(path, PATH_MAX, "%.*s",
				 (int)(line.size - strlen("Sudoers path: ")),
				 line.data + strlen("Sudoers path: "));
}

/* Whether rules come from elsewhere, too, by a word of "sudoers: files sss". */
static bool has_rules_elsewhere(const char *word)
{
	return strcmp(word, "files") != 0;
}

/* cvtsudoers reads as sudo does: aliases, files that others include. False: there may be others than those it names. */
static bool find_named(struct access *access)
{
	struct sudo_rules rules = {.access = access};
	char path[PATH_MAX];
	const char *const arguments[] = {"cvtsudoers",	     "-c", "",	"-e", "-f", "json", "-s",
					 "defaults,aliases", path, NULL};
	_cleanup_(text_free) struct text answer = {0};

	find_rules(path);
	if (!access_program_ask(CVTSUDOERS, arguments, RULES_MAX, &answer) ||
	    !access_sudo_users(text_since(&answer, 0), &rules, take_named)) {
		access_note(access,
			    "whom sudo's rules in %s name cannot be read (by cvtsudoers): who is "
			    "not among the users that the name services list was not asked for",
			    path);
		return false;
	}
	if (access_has_service("sudoers:", has_rules_elsewhere)) {
		access_note(access, "sudo has rules from a directory, too: who is not among the "
				    "users that the name services list was not asked for");
		return false;
	}
	return !rules.others;
}

void access_ask_sudo(struct access *access)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + ALL_TIME;
	unsigned int unanswered = 0, unasked = 0, late = 0;
	bool only_named;

	if (faccessat(AT_FDCWD, SUDO, X_OK, 0)) {
		access_note(access, "there is no " SUDO);
		return;
	}
	if (access->only_files) {
		access_note(access, "sudo was not asked what users may do: it asks the name "
				    "services, which do not answer");
		return;
	}
	only_named = find_named(access);
	for (int named = 1; named >= (only_named ? 1 : 0); named--)
		for (unsigned int i = 0; i < access->user_count; i++) {
			const struct access_user *user = access->users[i];

			if (!user->uid || user->named != named)
				continue;
			if (clock_now(CLOCK_MONOTONIC) > end || late == LATE_MAX)
				unasked++;
			else
				late = ask_about_user(access, user, &unanswered) ? 0 : late + 1;
		}
	if (unanswered > 1)
		access_note(access, "sudo does not say what %u users may do", unanswered);
	if (unasked)
		access_note(access, "sudo was not asked what %u users may do: it takes too long",
			    unasked);
}
