// SPDX-License-Identifier: Apache-2.0
#include "ctl/rules/access_rule.h"

#include <fnmatch.h>
#include <stdio.h>

static const char *const rule_clients[] = {
	"docker",	  "docker-compose", "dockerd",	  "podman",    "podman-remote",
	"podman-compose", "nerdctl",	    "containerd", "ctr",       "crictl",
	"buildctl",	  "buildkitd",	    "docker.io",  "docker-ce",
};

/* Programs that start any other one. */
static const char *const rule_starters[] = {
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

static const char *const rule_directories[] = {
	"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/",
};

/* Where pattern could mean a client or a shell. */
static enum access_reach pattern_reach(struct bytes program)
{
	static const char *const docker[] = {"/usr/bin/docker", "/usr/local/bin/docker",
					     "/bin/docker", "/usr/bin/podman",
					     "/usr/bin/docker-compose"};
	static const char *const shells[] = {"/bin/sh", "/usr/bin/sh", "/bin/bash",
					     "/usr/bin/bash"};
	char pattern[512];

	if (program.size >= sizeof(pattern))
		return REACH_OTHER;
	snprintf(pattern, sizeof(pattern), "%.*s", (int)program.size, program.data);
	for (size_t i = 0; i < COUNT(shells); i++)
		if (!fnmatch(pattern, shells[i], FNM_PATHNAME))
			return REACH_ANYTHING;
	for (size_t i = 0; i < COUNT(docker); i++)
		if (!fnmatch(pattern, docker[i], FNM_PATHNAME))
			return REACH_ENGINE;
	return REACH_OTHER;
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

enum access_reach access_rule_reach(struct bytes command)
{
	struct bytes program;
	size_t size = 0;

	command = skip_digests(command);
	if (!command.size || *command.data == '!' || bytes_are(command, "list"))
		return REACH_NOTHING;
	if (bytes_are(command, "ALL"))
		return REACH_ANYTHING;
	if (*command.data != '/')
		return REACH_OTHER; /* sudoedit, a regular expression */
	while (size < command.size && command.data[size] != ' ')
		size += command.data[size] == '\\' && size + 1 < command.size ? 2 : 1;
	program = (struct bytes){command.data, size < command.size ? size : command.size};
	if (bytes_are_any(program, rule_directories, COUNT(rule_directories)))
		return REACH_ANYTHING;
	if (memchr(program.data, '*', program.size) || memchr(program.data, '?', program.size) ||
	    memchr(program.data, '[', program.size))
		return pattern_reach(program);
	program = bytes_basename(program);
	if (bytes_are_any(program, rule_starters, COUNT(rule_starters)))
		return REACH_ANYTHING;
	return bytes_are_any(program, rule_clients, COUNT(rule_clients)) ? REACH_ENGINE
									 : REACH_OTHER;
}

bool access_rule_lists(struct bytes list, const char *word)
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
