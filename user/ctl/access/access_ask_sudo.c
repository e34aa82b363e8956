// SPDX-License-Identifier: Apache-2.0
/* Asks sudo what it lets each user run: it knows its files, LDAP and SSSD; and cvtsudoers, whom its rules name. They are other
 * programs: without a shell, with nothing of this one's environment, for a limited time and with a limited answer. */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ctl/access/access.h"
#include "ctl/rules/access_sudo.h"

#define SUDO "/usr/bin/sudo"
#define CVTSUDOERS "/usr/bin/cvtsudoers"
#define ANSWER_MAX (256u << 10)
#define RULES_MAX (16u << 20)
#define ANSWER_TIME (5 * NS_PER_S)
#define ALL_TIME (60 * NS_PER_S)
#define LATE_MAX 2 /* users in a row of whom it says nothing in time: then it is left alone */

struct sudo_rules {
	struct access *access;
	bool others; /* they name some of whom it cannot be told who they are */
};

/* --- the program ------------------------------------------------------------------------------ */

static void run_program(int out, const char *program, const char *const *arguments)
{
	static char *const environment[] = {"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 || chdir("/"))
		_exit(127);
	closefrom(STDERR_FILENO + 1);
	execve(program, (char *const *)arguments, environment);
	_exit(127);
}

/* Reads what comes until its end. False: it does not end in time, or is too long. */
static bool read_program(int fd, size_t max, struct text *out)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + ANSWER_TIME;

	for (;;) {
		uint64_t now = clock_now(CLOCK_MONOTONIC);
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		char *room = out->size < max ? text_room(out, 4096) : NULL;
		ssize_t got;

		if (!room || now >= end || poll(&wait, 1, (int)((end - now) / NS_PER_MS) + 1) <= 0)
			return false;
		got = read(fd, room, 4096);
		if (got <= 0)
			return !got;
		out->size += (size_t)got;
		out->data[out->size] = '\0';
	}
}

/* Runs PROGRAM, and adds what it prints, up to MAX bytes. False: that is not all. */
static bool ask_program(const char *program, const char *const *arguments, size_t max,
			struct text *out)
{
	_close_ int from = -1, to = -1;
	int ends[2];
	bool whole;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	from = ends[0];
	to = ends[1];
	pid = fork();
	if (pid < 0)
		return false;
	if (!pid)
		run_program(to, program, arguments);
	cleanup_close(&to);
	whole = read_program(from, max, out);
	if (!whole)
		kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return whole;
}

/* --- what it says ----------------------------------------------------------------------------- */

static bool has_grant(const struct access *access, uint32_t uid)
{
	for (unsigned int i = 0; i < access->grant_count; i++) {
		const struct access_grant *grant = &access->grants[i];

		if (grant->socket && grant->socket->is_root && grant->has_uid &&
		    grant->uid == uid && grant->kind != ACCESS_SUDO)
			return true;
	}
	return false;
}

/* Whether whoever RULE lets somebody become may use an engine; says whom in AS. */
static bool becomes_able(struct access_lead *lead, const struct access_sudo_rule *rule)
{
	struct access *access = lead->access;
	struct bytes rest = rule->users, one;

	lead->as[0] = '\0';
	if ((!rule->users.data && !rule->groups.data) || access_sudo_lists(rule->users, "root") ||
	    access_sudo_lists(rule->users, "#0"))
		return true;
	for (unsigned int i = 0; i < access->socket_count; i++) {
		const struct access_socket *socket = &access->sockets[i];
		const struct group *group =
			socket->is_root && !socket->tcp && socket->mode & S_IWGRP
				? getgrgid(socket->gid)
				: NULL;

		if (group && access_sudo_lists(rule->groups, group->gr_name)) {
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
			    !has_grant(access, user->uid))
				continue;
			snprintf(lead->as, sizeof(lead->as), " as %.40s", name);
			return true;
		}
	}
	return false;
}

void access_lead_take(struct access_lead *lead, const struct access_sudo_rule *rule)
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
	if (rule->reach == SUDO_OTHER) {
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
	if (rule->reach == SUDO_ANYTHING && !lead->anything) {
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
	if (strcmp(lead->by, "sudo") != 0) {
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
	_cleanup_(text_free) struct text text = {0};
	struct access_grant *grant;

	if (lead->others && !lead->anything)
		access_note(lead->access,
			    "%s lets %s run other commands (%u), which may lead to an engine: %s%s",
			    lead->by, lead->user->name, lead->others, lead->other,
			    lead->others > 1 ? ", …" : "");
	if (!lead->granted)
		return;
	grant = access_add(lead->access, NULL, ACCESS_SUDO, lead->user->name);
	grant->has_uid = true;
	grant->uid = lead->user->uid;
	snprintf(grant->how, sizeof(grant->how), "%s %s", lead->by, lead->what);
	if (add_editor(&text, lead) && !text.error && text.size < sizeof(grant->remove))
		memcpy(grant->remove, text.data, text.size + 1);
}

static void take_sudo_rule(void *data, const struct access_sudo_rule *rule)
{
	access_lead_take(data, rule);
}

/* False: there was no answer in time. */
static bool ask_about_user(struct access *access, const struct access_user *user,
			   unsigned int *unanswered)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + ANSWER_TIME;
	_cleanup_(text_free) struct text answer = {0};
	struct access_lead lead = {.access = access, .user = user, .by = "sudo"};
	const char *const arguments[] = {"sudo", "-n", "-ll", "-U", user->name, NULL};
	bool whole = ask_program(SUDO, arguments, ANSWER_MAX, &answer);

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
	if (!ask_program(SUDO, arguments, ANSWER_MAX, &answer))
		return;
	rest = text_since(&answer, 0);
	while (bytes_take(&rest, '\n', &line))
		if (bytes_begin(line, "Sudoers path: /") && line.size < PATH_MAX)
			snprintf(path, PATH_MAX, "%.*s",
				 (int)(line.size - strlen("Sudoers path: ")),
				 line.data + strlen("Sudoers path: "));
}

/* Whether rules come from elsewhere, too: "sudoers: files sss". */
static bool has_rules_elsewhere(void)
{
	_fclose_ FILE *file = fopen("/etc/nsswitch.conf", "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		char *rest = line + strspn(line, " \t"), *word;

		if (strncmp(rest, "sudoers:", strlen("sudoers:")) != 0)
			continue;
		rest += strlen("sudoers:");
		while ((word = strsep(&rest, " \t\n")) && *word != '#')
			if (*word && strcmp(word, "files") != 0)
				return true;
	}
	return false;
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
	if (!ask_program(CVTSUDOERS, arguments, RULES_MAX, &answer) ||
	    !access_sudo_users(text_since(&answer, 0), &rules, take_named)) {
		access_note(access,
			    "whom sudo's rules in %s name cannot be read (by cvtsudoers): who is "
			    "not among the users that the name services list was not asked for",
			    path);
		return false;
	}
	if (has_rules_elsewhere()) {
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
