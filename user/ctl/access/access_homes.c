// SPDX-License-Identifier: Apache-2.0
/*
 * What leads users to engines that are not among the sockets here: other hosts, sockets of proxies. Homes are their users': no file system
 * is entered that a program or another host serves, no link is followed in there, and all of it has a limit.
 */
#include "ctl/access/access_homes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ctl/access/access.h"
#include "ctl/access/access_profile.h"
#include "host/hostfiles.h"

#define FILE_MAX (64u << 10) /* bytes */
#define FILES_MAX 64	     /* of a directory */
#define ASSIGNED_MAX 16	     /* variables of a user, or of all */
#define HOMES_TIME (5 * NS_PER_S)

/* --- files ------------------------------------------------------------------------------------ */

int access_homes_open(int at, const char *path, uint64_t flags)
{
	const struct open_how how = {
		.flags = flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, at, path, &how, sizeof(how));
}

bool access_homes_read(uint32_t uid, int at, const char *path, struct text *text)
{
	_close_ int fd = access_homes_open(at, path, O_RDONLY);
	struct stat status;
	ssize_t got = -1;
	char *room;

	if (fd < 0)
		return false;
	errno = 0;
	if (fstat(fd, &status) || !S_ISREG(status.st_mode) ||
	    (status.st_uid && status.st_uid != uid) || status.st_size > FILE_MAX)
		return false;
	text_cut(text, 0);
	while (text->size <= FILE_MAX && (room = text_room(text, 4096)) &&
	       (got = read(fd, room, 4096)) > 0) {
		text->size += (size_t)got;
		text->data[text->size] = '\0';
	}
	return !got;
}

bool access_homes_known(const struct access *access, const char *host)
{
	if (!*host)
		return true; /* to what DOCKER_HOST says, or the usual one */
	if (strncmp(host, "unix://", strlen("unix://")) != 0)
		return false;
	for (unsigned int i = 0; i < access->socket_count; i++) {
		const struct access_socket *socket = &access->sockets[i];
		const char *path = host + strlen("unix://");

		if (!socket->tcp && (!strcmp(path, socket->path) || !strcmp(path, socket->real) ||
				     (!strncmp(path, "/var/run/", 9) &&
				      !strcmp(path + strlen("/var"), socket->real))))
			return true;
	}
	return false;
}

/* --- variables -------------------------------------------------------------------------------- */

/* A file of which it is known that a session may have its variables; of a directory each with such an end. */
struct profile_file {
	const char *path, *end;
	enum access_profile_form form;
};

static const struct profile_file home_profiles[] = {
	{".profile", NULL, PROFILE_SHELL},
	{".bash_profile", NULL, PROFILE_SHELL},
	{".bash_login", NULL, PROFILE_SHELL},
	{".bashrc", NULL, PROFILE_SHELL},
	{".zshenv", NULL, PROFILE_SHELL},
	{".zprofile", NULL, PROFILE_SHELL},
	{".zshrc", NULL, PROFILE_SHELL},
	{".config/environment.d", ".conf", PROFILE_ENVIRONMENT},
	{".config/systemd/user.conf", NULL, PROFILE_SYSTEMD},
};

/* Below /etc. */
static const struct profile_file host_profiles[] = {
	{"environment", NULL, PROFILE_ENVIRONMENT},
	{"environment.d", ".conf", PROFILE_ENVIRONMENT},
	{"profile", NULL, PROFILE_SHELL},
	{"profile.d", ".sh", PROFILE_SHELL},
	{"bash.bashrc", NULL, PROFILE_SHELL},
	{"zsh/zshenv", NULL, PROFILE_SHELL},
	{"zsh/zprofile", NULL, PROFILE_SHELL},
	{"zsh/zshrc", NULL, PROFILE_SHELL},
	{"systemd/system.conf", NULL, PROFILE_SYSTEMD},
	{"systemd/system.conf.d", ".conf", PROFILE_SYSTEMD},
	{"systemd/user.conf", NULL, PROFILE_SYSTEMD},
	{"systemd/user.conf.d", ".conf", PROFILE_SYSTEMD},
};

struct profile_look {
	struct access *access;
	const struct access_user *user; /* NULL: all */
	char path[320];			/* that is read, as people write it */
	unsigned int assigned;
	struct text text;
};

static void take_assigned(void *data, const struct access_profile *assigned)
{
	struct profile_look *look = data;
	const struct access_user *user = look->user;
	struct access_grant *grant;

	if (assigned->literal && !strcmp(assigned->name, "DOCKER_CONTEXT")
		    ? !*assigned->value || !strcmp(assigned->value, "default")
		    : assigned->literal && access_homes_known(look->access, assigned->value))
		return;
	if (look->assigned++ >= ASSIGNED_MAX) {
		if (look->assigned == ASSIGNED_MAX + 1)
			access_note(look->access, "%s has more variables for clients than are told",
				    user ? user->name : "/etc");
		return;
	}
	grant = access_add(look->access, NULL, ACCESS_CONTEXT, user ? user->name : "everybody");
	grant->has_uid = user;
	grant->uid = user ? user->uid : 0;
	snprintf(grant->how, sizeof(grant->how), "%s in %.200s", assigned->name, look->path);
	snprintf(grant->detail, sizeof(grant->detail), "%s",
		 assigned->literal ? assigned->value
				   : "not written out: where it leads is not known");
}

static void read_profile(struct profile_look *look, int at, const char *path, const char *directory,
			 enum access_profile_form form)
{
	snprintf(look->path, sizeof(look->path), "%s%s%s%s", look->user ? "~/" : "/etc/",
		 directory ?: "", directory ? "/" : "", path);
	if (access_homes_read(look->user ? look->user->uid : 0, at, path, &look->text))
		access_profile_read(text_since(&look->text, 0), form, look, take_assigned);
	else if (!look->user && errno == ELOOP)
		access_note(look->access, "%s is a link: what it has for clients was not looked at",
			    look->path);
}

static bool has_end(const char *name, const char *end)
{
	size_t size = strlen(name), wanted = strlen(end);

	return size > wanted && *name != '.' && !strcmp(name + size - wanted, end);
}

static void read_profiles_in(struct profile_look *look, int at, const struct profile_file *file)
{
	_close_ int fd = access_homes_open(at, file->path, O_RDONLY | O_DIRECTORY);
	_closedir_ DIR *directory = fd >= 0 ? fdopendir(dup(fd)) : NULL;
	const struct dirent *entry;
	unsigned int count = 0;

	while (directory && (entry = readdir(directory)))
		if (has_end(entry->d_name, file->end)) {
			if (count++ == FILES_MAX) {
				access_note(look->access,
					    "%s has more files than are looked at: %s",
					    look->user ? look->user->name : "/etc", file->path);
				return;
			}
			read_profile(look, fd, entry->d_name, file->path, file->form);
		}
}

/* Reads those of COUNT FILES that are in the directory AT. */
static void look_at_profiles(struct access *access, const struct access_user *user, int at,
			     const struct profile_file *files, size_t count)
{
	struct profile_look look = {.access = access, .user = user};

	for (size_t i = 0; i < count; i++)
		if (files[i].end)
			read_profiles_in(&look, at, &files[i]);
		else
			read_profile(&look, at, files[i].path, NULL, files[i].form);
	text_free(&look.text);
}

/* --- homes ------------------------------------------------------------------------------------ */

/* Opens the directory BELOW the home of USER, links on the way followed. -ENOENT: there is none; -EXDEV: that is a file system which is not
 * entered. */
static int enter_home(const struct access_user *user, const char *below, struct hostfiles_end *end)
{
	struct hostfiles_place place = {"/", "/proc/self/mountinfo"};
	char path[PATH_MAX], self[40];
	_close_ int at = -1;
	int home;

	if (!user->home || *user->home != '/' || strlen(user->home) + 16 > sizeof(path))
		return -ENOENT;
	snprintf(path, sizeof(path), "%s%s", user->home, below);
	at = hostfiles_walk(&place, path, NULL, end);
	if (at < 0)
		return at == -EXDEV ? at : -ENOENT;
	if (end->missing || !end->whole)
		return end->missing ? -ENOENT : -EXDEV;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
	home = open(self, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	return home < 0 ? -ENOENT : home;
}

/* False: a part of it is on a file system which is not entered. */
static bool look_at_home(struct access *access, const struct access_user *user,
			 struct hostfiles_end *end)
{
	_close_ int home = enter_home(user, "", end), docker = enter_home(user, "/.docker", end);

	if (home >= 0 && strcmp(user->home, "/") != 0)
		look_at_profiles(access, user, home, home_profiles, COUNT(home_profiles));
	if (docker >= 0)
		access_homes_contexts(access, user, docker);
	return home != -EXDEV && docker != -EXDEV;
}

void access_find_contexts(struct access *access)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + HOMES_TIME;
	_free_ struct hostfiles_end *place = malloc(sizeof(*place));
	_close_ int etc = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned int unentered = 0, left = 0;

	if (etc >= 0)
		look_at_profiles(access, NULL, etc, host_profiles, COUNT(host_profiles));
	for (unsigned int i = 0; place && i < access->user_count; i++)
		if (clock_now(CLOCK_MONOTONIC) > end)
			left++;
		else if (!look_at_home(access, access->users[i], place))
			unentered++;
	if (!place || left)
		access_note(access, "the contexts and profiles of %u users were not looked at",
			    left);
	if (unentered)
		access_note(access,
			    "the contexts and profiles of %u users were not looked at: their homes "
			    "are on file systems that others serve",
			    unentered);
}
