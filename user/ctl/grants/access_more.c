// SPDX-License-Identifier: Apache-2.0
/*
 * Users whom the name services do not list, as SSSD does not unless it is told to, and whose groups only they know. They can be asked for one
 * by one: who is in the log, who logged in, who has a home, who runs processes. There may be others, whom nobody can tell.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <utmp.h>

#include "base/cleanup.h"
#include "ctl/grants/access_grant.h"
#include "host/hostfiles.h"

#define WTMP "/var/log/wtmp"
#define MORE_MAX 4096 /* users who are asked for */
#define MORE_TIME (5 * NS_PER_S)
#define LOGINS_MAX 20000
#define UNCHANGED UINT32_MAX /* the loginuid of who did not log in */

struct more_name {
	char name[ACCESS_NAME_SIZE];
	UT_hash_handle hh;
};

struct more_users {
	struct access *access;
	uint64_t end;
	struct more_name *asked; /* a table: also numbers, as "#1000" */
	unsigned int count, found, left;
};

/* Whether NAME is to be asked for: once, and while there is time. */
static bool is_to_be_asked(struct more_users *more, const char *name)
{
	struct more_name *asked;

	HASH_FIND_STR(more->asked, name, asked);
	if (asked)
		return false;
	if (more->count == MORE_MAX || clock_now(CLOCK_MONOTONIC) > more->end ||
	    !(asked = calloc(1, sizeof(*asked)))) {
		more->left++;
		return false;
	}
	snprintf(asked->name, sizeof(asked->name), "%s", name);
	HASH_ADD_STR(more->asked, name, asked);
	if (!asked->hh.tbl) {
		free(asked);
		return false;
	}
	more->count++;
	return true;
}

static void ask_for_uid(struct more_users *more, uint32_t uid)
{
	unsigned int before = more->access->user_count;
	struct access_user *user;
	char name[16];

	HASH_FIND(by_uid, more->access->by_uid, &uid, sizeof(uid), user);
	snprintf(name, sizeof(name), "#%u", uid);
	if (!user && is_to_be_asked(more, name))
		access_user_of(more->access, uid);
	more->found += more->access->user_count - before;
}

static void ask_for_name(struct more_users *more, const char *name)
{
	unsigned int before = more->access->user_count;
	struct access_user *user;

	if (!*name || *name == '.' || strlen(name) >= ACCESS_NAME_SIZE)
		return;
	HASH_FIND(by_name, more->access->by_name, name, strlen(name), user);
	if (!user && is_to_be_asked(more, name))
		access_user_named(more->access, name);
	more->found += more->access->user_count - before;
}

/* --- who there may be ------------------------------------------------------------------------- */

static void ask_for_log(struct more_users *more)
{
	const struct access_use *use, *next;

	HASH_ITER(hh, more->access->uses, use, next)
	{
		if (!*use->key.container && !*use->key.address)
			ask_for_uid(more, use->key.uid);
	}
}

/* The last ones who logged in. Who may write there is trusted with no more than a question. */
static void ask_for_logins(struct more_users *more)
{
	_fclose_ FILE *file = fopen(WTMP, "re");
	char name[UT_NAMESIZE + 1];
	struct utmp entry;

	if (!file)
		return;
	if (fseek(file, -(long)(LOGINS_MAX * sizeof(entry)), SEEK_END))
		rewind(file);
	while (fread(&entry, sizeof(entry), 1, file) == 1) {
		snprintf(name, sizeof(name), "%.*s", UT_NAMESIZE, entry.ut_user);
		if (entry.ut_type == USER_PROCESS)
			ask_for_name(more, name);
	}
}

/* Gives ASK the names in DIRECTORY, which is closed. */
static void ask_for_names_in(struct more_users *more, int directory,
			     void (*ask)(struct more_users *more, int directory, const char *name))
{
	_closedir_ DIR *entries = directory >= 0 ? fdopendir(directory) : NULL;
	const struct dirent *entry;

	if (directory >= 0 && !entries)
		close(directory);
	while (entries && (entry = readdir(entries)))
		ask(more, dirfd(entries), entry->d_name);
}

static void ask_for_home(struct more_users *more, int directory, const char *name)
{
	ask_for_name(more, name);
}

static void ask_for_session(struct more_users *more, int directory, const char *name)
{
	if (isdigit((unsigned char)*name))
		ask_for_uid(more, (uint32_t)strtoul(name, NULL, 10));
}

static void ask_for_process(struct more_users *more, int directory, const char *name)
{
	struct stat status;
	char path[32], text[16];
	ssize_t size = -1;
	uint32_t uid;

	if (!isdigit((unsigned char)*name))
		return;
	if (!fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW))
		ask_for_uid(more, status.st_uid);
	snprintf(path, sizeof(path), "%.20s/loginuid", name);
	_close_ int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		size = read(fd, text, sizeof(text) - 1);
	text[size > 0 ? size : 0] = '\0';
	uid = (uint32_t)strtoul(text, NULL, 10);
	if (size > 0 && uid != UNCHANGED)
		ask_for_uid(more, uid);
}

/* /home, unless another host serves it. */
static int open_homes(void)
{
	struct hostfiles_place place = {"/", "/proc/self/mountinfo"};
	_free_ struct hostfiles_end *end = malloc(sizeof(*end));
	_close_ int at = end ? hostfiles_walk(&place, "/home", NULL, end) : -1;
	char self[40];

	if (at < 0 || end->missing || !end->whole)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
	return open(self, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
}

/* --- all of them ------------------------------------------------------------------------------ */

bool access_has_service(const char *database, bool (*wanted)(const char *word))
{
	_fclose_ FILE *file = fopen("/etc/nsswitch.conf", "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		char *rest = line + strspn(line, " \t"), *word;

		if (strncmp(rest, database, strlen(database)) != 0)
			continue;
		rest += strlen(database);
		while ((word = strsep(&rest, " \t\n")) && *word != '#')
			if (*word && wanted(word))
				return true;
	}
	return false;
}

/* Whether WORD is a name service beside the host's files. */
static bool is_more_service(const char *word)
{
	static const char *const local[] = {"files", "compat", "systemd", "db", "mymachines"};

	return *word != '[' && !bytes_are_any(bytes_of(word), local, COUNT(local));
}

/* Whether they list anybody whom /etc/passwd does not have. */
static bool is_anybody_listed(const struct access *access)
{
	_fclose_ FILE *file = fopen("/etc/passwd", "re");
	unsigned int count = 0;

	while (file && fgetpwent(file))
		count++;
	return access->user_count > count;
}

void access_ask_for_more(struct access *access)
{
	struct more_users more = {.access = access, .end = clock_now(CLOCK_MONOTONIC) + MORE_TIME};
	struct more_name *asked, *next;
	bool listed = is_anybody_listed(access);

	if (access->only_files || !access_has_service("passwd:", is_more_service))
		return;
	ask_for_log(&more);
	ask_for_names_in(&more, open("/run/systemd/users", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			 ask_for_session);
	ask_for_logins(&more);
	ask_for_names_in(&more, open_homes(), ask_for_home);
	ask_for_names_in(&more, open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ask_for_process);
	if (more.found || !listed)
		access_note(access,
			    "the name services do not list all users: %u whom they do not list are "
			    "in the log, logged in, have a home or processes; there may be more",
			    more.found);
	if (more.left)
		access_note(access,
			    "there was no time to ask the name services for all who may be users "
			    "(%u times)",
			    more.left);
	HASH_ITER(hh, more.asked, asked, next)
	{
		HASH_DEL(more.asked, asked);
		free(asked);
	}
}
