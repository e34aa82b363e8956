// SPDX-License-Identifier: Apache-2.0
#include "broker/grants.h"

#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* What decides who may use an engine's socket (guard/targets.c). */
static const char *const guarded[] = {
	"/etc/passwd",
	"/etc/group",
	"/etc/gshadow",
	"/etc/sudoers",
	"/etc/docker/daemon.json",
	"/etc/default/docker",
	"/etc/sysconfig/docker",
	"/etc/containerd/config.toml",
	"/etc/containers/containers.conf",
};
static const char *const guarded_directories[] = {
	"/etc/sudoers.d",	   "/etc/systemd/system",
	"/run/systemd/system",	   "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system",
};
/* Of any process; most of it anybody may read, unless /proc is mounted with hidepid. */
static const char *const of_process[] = {
	"stat",	     "status",	     "cgroup",	 "comm",      "cmdline",
	"mountinfo", "attr/current", "net/unix", "sessionid",
};
/* Who logged in (login/login_look.c): anybody may read it. */
static const char *const logins[] = {"/run/utmp", "/var/run/utmp"};
static const char sessions[] = "/run/systemd/sessions";
static const char *const questions[] = {
	"/_ping", "/version", "/info", "/events", "/volumes", "/images/json", "/containers/json",
};

/* --- places ----------------------------------------------------------------------------------- */

/* PATH with the links of its directory resolved, as far as that exists. NULL: no memory, or there is no such path. Owned by
 * the caller. */
static char *resolve_path(const char *path)
{
	char directory[PATH_MAX], real[PATH_MAX], *ret = NULL;
	const char *slash;
	size_t size = strlen(path);

	while (size > 1 && path[size - 1] == '/')
		size--;
	slash = size < sizeof(directory) ? memrchr(path, '/', size) : NULL;
	if (!slash)
		return NULL;
	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	if (!strcmp(slash, "/.") || !strcmp(slash, "/..") ||
	    !realpath(directory[0] ? directory : "/", real) ||
	    asprintf(&ret, "%s%.*s", strcmp(real, "/") ? real : "", (int)(path + size - slash),
		     slash) < 0)
		return NULL;
	return ret;
}

int grants_add(struct grants *grants, enum grant_kind kind, const char *path)
{
	char own[PATH_MAX];
	struct grant *grant = &grants->list[grants->count];

	if (grants->count == GRANTS_MAX)
		return -ENOSPC;
	if (path[0] == '/')
		snprintf(own, sizeof(own), "%s", path);
	else if (!getcwd(own, sizeof(own)) || strlen(own) + strlen(path) + 2 > sizeof(own))
		return -ENOENT;
	else
		sprintf(own + strlen(own), "/%s", path);
	grant->kind = kind;
	grant->path = strdup(own);
	if (!grant->path)
		return -ENOMEM;
	grants->count++;
	return 0;
}

void grants_clear(struct grants *grants)
{
	while (grants->count)
		free(grants->list[--grants->count].path);
}

/* Whether PATH, resolved, is what GRANT, resolved, covers. */
static bool grant_covers(enum grant_kind kind, const char *grant, const char *path)
{
	size_t size = strlen(grant);
	const char *rest = path + size;

	if (strncmp(path, grant, size) != 0)
		return false;
	if (!*rest)
		return true;
	switch (kind) {
	case GRANT_FILE:
		return (*rest == '.' || *rest == '-') && !strchr(rest, '/');
	case GRANT_DIRECTORY:
		return *rest == '/' && !strchr(rest + 1, '/');
	case GRANT_READING:
		return *rest == '/' || !strcmp(grant, "/");
	default:
		return false;
	}
}

/* KINDS: a bit for each that counts. */
static bool is_granted(const struct grants *grants, const char *path, unsigned int kinds)
{
	_free_ char *own = resolve_path(path);

	for (unsigned int i = 0; own && i < grants->count; i++) {
		const struct grant *grant = &grants->list[i];
		_free_ char *granted = kinds >> grant->kind & 1 ? resolve_path(grant->path) : NULL;

		if (granted && grant_covers(grant->kind, granted, own))
			return true;
	}
	return false;
}

bool grants_may_write(const struct grants *grants, const char *path)
{
	return is_granted(grants, path, 1u << GRANT_FILE | 1u << GRANT_DIRECTORY);
}

bool grants_may_send(const struct grants *grants, const char *path)
{
	return is_granted(grants, path, 1u << GRANT_SOCKET);
}

bool grants_may_make(const struct grants *grants, const char *path)
{
	_free_ char *own = resolve_path(path);

	for (unsigned int i = 0; own && i < grants->count; i++) {
		const struct grant *grant = &grants->list[i];
		_free_ char *above = strdup(grant->path);
		_free_ char *granted =
			above ? resolve_path(grant->kind == GRANT_FILE ? dirname(above) : above)
			      : NULL;

		if (grant->kind <= GRANT_DIRECTORY && granted && !strcmp(granted, own))
			return true;
	}
	return false;
}

/* --- the host --------------------------------------------------------------------------------- */

/* What follows the number of a process in PATH; NULL: it is not of a process. */
static const char *part_of_process(const char *path)
{
	size_t digits;

	if (strncmp(path, "/proc/", strlen("/proc/")) != 0)
		return NULL;
	path += strlen("/proc/");
	digits = strspn(path, "0123456789");
	return digits && path[digits] == '/' ? path + digits + 1 : NULL;
}

static bool is_below(const char *path, const char *directory)
{
	size_t size = strlen(directory);

	return !strncmp(path, directory, size) && path[size] == '/';
}

static bool ends_in(const char *path, const char *end)
{
	size_t size = strlen(path), suffix = strlen(end);

	return size > suffix && !strcmp(path + size - suffix, end);
}

bool grants_may_read(const struct grants *grants, const char *path, const struct stat *info,
		     bool engine)
{
	const char *part = part_of_process(path);

	if (S_ISDIR(info->st_mode) || !strncmp(path, "mnt:[", strlen("mnt:[")))
		return true;
	if (!S_ISREG(info->st_mode))
		return false;
	if (part)
		return bytes_are_any(bytes_of(part), of_process, COUNT(of_process)) ||
		       (engine && !strcmp(part, "environ"));
	if (bytes_are_any(bytes_of(path), guarded, COUNT(guarded)) ||
	    bytes_are_any(bytes_of(path), logins, COUNT(logins)) || is_below(path, sessions) ||
	    ends_in(path, "/daemon.json") || ends_in(path, ".pid"))
		return true;
	for (size_t i = 0; i < COUNT(guarded_directories); i++)
		if (is_below(path, guarded_directories[i]))
			return true;
	return is_granted(grants, path,
			  1u << GRANT_FILE | 1u << GRANT_DIRECTORY | 1u << GRANT_READING);
}

/* --- engines ---------------------------------------------------------------------------------- */

/* TARGET without a version at its beginning. */
static struct bytes skip_version(struct bytes target)
{
	size_t size = 2;

	if (target.size < 3 || memcmp(target.data, "/v", 2))
		return target;
	while (size < target.size &&
	       (isdigit((unsigned char)target.data[size]) || target.data[size] == '.'))
		size++;
	return size < target.size && target.data[size] == '/' ? bytes_from(target, size) : target;
}

/* BEGIN, a name, /json: of a container, or an exec. */
static bool asks_for_one(struct bytes path, const char *begin)
{
	static const char end[] = "/json";
	size_t size = strlen(begin), fixed = size + sizeof(end) - 1;

	return path.size > fixed && bytes_begin(path, begin) &&
	       !memcmp(path.data + path.size - sizeof(end) + 1, end, sizeof(end) - 1) &&
	       !memchr(path.data + size, '/', path.size - fixed) &&
	       !memchr(path.data, '%', path.size);
}

bool grants_may_ask(struct bytes target)
{
	struct bytes path = skip_version(target);
	const char *query;

	for (size_t i = 0; i < target.size; i++)
		if (target.data[i] <= ' ' || target.data[i] == 0x7f)
			return false;
	query = path.size ? memchr(path.data, '?', path.size) : NULL;
	if (query)
		path.size = (size_t)(query - path.data);
	return bytes_are_any(path, questions, COUNT(questions)) ||
	       asks_for_one(path, "/containers/") || asks_for_one(path, "/exec/");
}
