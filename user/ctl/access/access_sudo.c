// SPDX-License-Identifier: Apache-2.0
#include "ctl/access/access_sudo.h"

#include <fnmatch.h>
#include <stdio.h>

static const char *const sudo_clients[] = {
	"docker",	  "docker-compose", "dockerd",	  "podman",    "podman-remote",
	"podman-compose", "nerdctl",	    "containerd", "ctr",       "crictl",
	"buildctl",	  "buildkitd",	    "docker.io",  "docker-ce",
};

/* Programs that start any other one. */
static const char *const sudo_starters[] = {
	"sh",
	"bash",
	"dash",
	"zsh",
	"ksh",
	"mksh",
	"fish",
	"tcsh",
	"csh",
	"busybox",
	"su",
	"sudo",
	"env",
	"chroot",
	"nsenter",
	"unshare",
	"setpriv",
	"runuser",
	"doas",
	"pkexec",
	"machinectl",
	"systemd-run",
	"start-stop-daemon",
};

static const char *const sudo_directories[] = {
	"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/",
};

/* Where pattern could mean a client or a shell. */
static enum access_sudo_reach pattern_reach(struct bytes program)
{
	static const char *const docker[] = {"/usr/bin/docker", "/usr/local/bin/docker",
					     "/bin/docker", "/usr/bin/podman",
					     "/usr/bin/docker-compose"};
	static const char *const shells[] = {"/bin/sh", "/usr/bin/sh", "/bin/bash",
					     "/usr/bin/bash"};
	char pattern[512];

	if (program.size >= sizeof(pattern))
		return SUDO_OTHER;
	snprintf(pattern, sizeof(pattern), "%.*s", (int)program.size, program.data);
	for (size_t i = 0; i < COUNT(shells); i++)
		if (!fnmatch(pattern, shells[i], FNM_PATHNAME))
			return SUDO_ANYTHING;
	for (size_t i = 0; i < COUNT(docker); i++)
		if (!fnmatch(pattern, docker[i], FNM_PATHNAME))
			return SUDO_ENGINE;
	return SUDO_OTHER;
}

/* Takes the digests before a command off: "sha224:…, sha256:… /bin/ls". */
static struct bytes skip_digests(struct bytes command)
{
	while (bytes_begin(command, "sha")) {
		const char *end = memchr(command.data, ' ', command.size);

		if (!end || !memchr(command.data, ':', (size_t)(end - command.data)))
			break;
		command = bytes_from(command, (size_t)(end - command.data) + 1);
	}
	return command;
}

enum access_sudo_reach access_sudo_reach(struct bytes command)
{
	struct bytes program;
	size_t size = 0;

	command = skip_digests(command);
	if (!command.size || *command.data == '!' || bytes_are(command, "list"))
		return SUDO_NOTHING;
	if (bytes_are(command, "ALL"))
		return SUDO_ANYTHING;
	if (*command.data != '/')
		return SUDO_OTHER; /* sudoedit, a regular expression */
	while (size < command.size && command.data[size] != ' ')
		size += command.data[size] == '\\' && size + 1 < command.size ? 2 : 1;
	program = (struct bytes){command.data, size < command.size ? size : command.size};
	if (bytes_are_any(program, sudo_directories, COUNT(sudo_directories)))
		return SUDO_ANYTHING;
	if (memchr(program.data, '*', program.size) || memchr(program.data, '?', program.size) ||
	    memchr(program.data, '[', program.size))
		return pattern_reach(program);
	program = bytes_basename(program);
	if (bytes_are_any(program, sudo_starters, COUNT(sudo_starters)))
		return SUDO_ANYTHING;
	return bytes_are_any(program, sudo_clients, COUNT(sudo_clients)) ? SUDO_ENGINE : SUDO_OTHER;
}

static bool take_line_prefix(struct bytes *line, const char *prefix)
{
	if (!bytes_begin(*line, prefix))
		return false;
	*line = bytes_from(*line, strlen(prefix));
	return true;
}

enum access_sudo_answer access_sudo_read(struct bytes output, void *data,
					 void (*take)(void *data,
						      const struct access_sudo_rule *rule))
{
	enum access_sudo_answer answer = SUDO_UNKNOWN;
	struct access_sudo_rule rule = {0};
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

			rule = (struct access_sudo_rule){0};
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
			rule.reach = access_sudo_reach(line);
			if (rule.reach != SUDO_NOTHING)
				take(data, &rule);
		}
	}
	return answer;
}

bool access_sudo_lists(struct bytes list, const char *word)
{
	struct bytes one;

	while (bytes_take(&list, ',', &one)) {
		while (one.size && *one.data == ' ')
			one = bytes_from(one, 1);
		if (bytes_are(one, word) || bytes_are(one, "ALL"))
			return true;
	}
	return false;
}

/* --- files of rules --------------------------------------------------------------------------- */

static bool ends_name(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == '=' || c == ':' || c == '\n';
}

/* Takes a word off LINE, without its quotes and backslashes, into NAME of SIZE bytes. Returns its length; 0: there is none, or it
 * is too long. */
static size_t take_sudo_name(struct bytes *line, char *name, size_t size)
{
	size_t used = 0, i = 0;
	bool quoted = false, fits = true;

	for (; i < line->size; i++) {
		char c = line->data[i];

		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (c == '\\' && i + 1 < line->size)
			c = line->data[++i];
		else if (!quoted && ends_name(c) && !(c == ':' && used == 1 && *name == '%'))
			break;
		if (used + 1 < size)
			name[used++] = c;
		else
			fits = false;
	}
	*line = bytes_from(*line, i);
	return fits ? used : 0;
}

/* The names of a list: those at the start of a rule, or behind the = of an alias. */
static void take_list(struct bytes line, void *data, void (*take)(void *data, struct bytes name))
{
	char name[256];

	for (;;) {
		size_t size;
		bool more;

		while (line.size && (*line.data == ' ' || *line.data == '\t' || *line.data == '!'))
			line = bytes_from(line, 1);
		size = take_sudo_name(&line, name, sizeof(name));
		if (size)
			take(data, (struct bytes){name, size});
		while (line.size && (*line.data == ' ' || *line.data == '\t'))
			line = bytes_from(line, 1);
		more = line.size && *line.data == ',';
		if (!more)
			return;
		line = bytes_from(line, 1);
	}
}

void access_sudo_names(struct bytes rules, void *data, void (*take)(void *data, struct bytes name))
{
	static const char *const words[] = {"Defaults", "Cmnd_Alias", "Cmd_Alias", "Host_Alias",
					    "Runas_Alias"};
	struct bytes line;

	while (bytes_take(&rules, '\n', &line)) {
		const char *equals;
		bool skip = false;

		while (line.size && (*line.data == ' ' || *line.data == '\t'))
			line = bytes_from(line, 1);
		if (!line.size || *line.data == '#' || *line.data == '@')
			continue;
		for (size_t i = 0; i < COUNT(words); i++)
			skip |= bytes_begin(line, words[i]);
		if (skip)
			continue;
		equals = memchr(line.data, '=', line.size);
		if (bytes_begin(line, "User_Alias") && equals)
			line = bytes_from(line, (size_t)(equals - line.data) + 1);
		else if (bytes_begin(line, "User_Alias"))
			continue;
		/* A line that goes on: what it names may be anything, and is asked for where there is such a user. */
		take_list(line, data, take);
	}
}

bool access_sudo_includes(struct bytes rules)
{
	struct bytes line;

	while (bytes_take(&rules, '\n', &line)) {
		while (line.size && (*line.data == ' ' || *line.data == '\t'))
			line = bytes_from(line, 1);
		if (!line.size || (*line.data != '@' && *line.data != '#'))
			continue;
		line = bytes_from(line, 1);
		if (bytes_begin(line, "include") && !bytes_are(line, "includedir /etc/sudoers.d"))
			return true;
	}
	return false;
}
