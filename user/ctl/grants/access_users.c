// SPDX-License-Identifier: Apache-2.0
/*
 * Users by the host's name services, whose answer may take long, or never come: a directory that does not answer is left alone, and one
 * that is slow is not asked for the groups of each user.
 */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "ctl/grants/access_grant.h"

#define USERS_MAX 50000
#define USER_GROUPS_MAX 256
#define ANSWER_TIME 5000 /* ms for the name services to answer at all */
#define GROUPS_TIME (5 * NS_PER_S)

/* --- whether they answer ---------------------------------------------------------------------- */

/* Asks for what no file has, so that each service is asked. */
static void probe_services(void)
{
	setpwent();
	getpwent();
	endpwent();
	getpwnam("callerd no such user");
	getgrnam("callerd no such group");
	_exit(0);
}

static bool do_services_answer(void)
{
	pid_t pid = fork();
	_close_ int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct pollfd ended = {.fd = fd, .events = POLLIN};
	bool came;

	if (!pid)
		probe_services();
	if (pid < 0)
		return true;
	came = fd < 0 || poll(&ended, 1, ANSWER_TIME) > 0;
	if (!came)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return came;
}

/* --- the users -------------------------------------------------------------------------------- */

static void free_user(struct access_user *user)
{
	free(user->groups);
	free(user->home);
	free(user);
}

void access_free_users(struct access *access)
{
	HASH_CLEAR(by_name, access->by_name);
	HASH_CLEAR(by_uid, access->by_uid);
	for (unsigned int i = 0; i < access->user_count; i++)
		free_user(access->users[i]);
	free(access->users);
}

static int put_user(struct access *access, struct access_user *user)
{
	struct access_user *same;

	if (access->user_count == access->user_room) {
		unsigned int room = access->user_room ? 2 * access->user_room : 64;
		struct access_user **users = reallocarray(access->users, room, sizeof(*users));

		if (!users)
			return -ENOMEM;
		access->users = users;
		access->user_room = room;
	}
	HASH_ADD_KEYPTR(by_name, access->by_name, user->name, strlen(user->name), user);
	if (!user->by_name.tbl)
		return -ENOMEM;
	HASH_FIND(by_uid, access->by_uid, &user->uid, sizeof(user->uid), same);
	if (!same) {
		HASH_ADD(by_uid, access->by_uid, uid, sizeof(user->uid), user);
		if (!user->by_uid.tbl) {
			HASH_DELETE(by_name, access->by_name, user);
			return -ENOMEM;
		}
	}
	access->users[access->user_count++] = user;
	return 0;
}

/* Asks the name services for all groups of USER, which may be more than those that list him. */
static int ask_groups(struct access_user *user)
{
	gid_t groups[USER_GROUPS_MAX];
	int count = USER_GROUPS_MAX;
	uint32_t *all;

	if (getgrouplist(user->name, user->gid, groups, &count) < 0)
		count = USER_GROUPS_MAX;
	all = calloc((size_t)count + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (int i = 0; i < count; i++)
		all[i] = groups[i];
	free(user->groups);
	user->groups = all;
	user->group_count = (unsigned int)count;
	return 0;
}

/* Adds the user of ENTRY, with no group but his own. NULL: there are too many, or no memory. */
static struct access_user *add_listed_user(struct access *access, const struct passwd *entry)
{
	struct access_user *user = access->user_count < USERS_MAX ? calloc(1, sizeof(*user)) : NULL;

	if (!user)
		return NULL;
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
	snprintf(user->name, sizeof(user->name), "%s", entry->pw_name);
	user->home = strdup(entry->pw_dir ?: "");
	user->groups = malloc(sizeof(*user->groups));
	if (user->groups)
		user->groups[user->group_count++] = user->gid;
	if (user->home && user->groups && !put_user(access, user))
		return user;
	free_user(user);
	return NULL;
}

static struct access_user *find_name(const struct access *access, const char *name)
{
	struct access_user *user;

	HASH_FIND(by_name, access->by_name, name, strlen(name), user);
	return user;
}

static struct access_user *take_passwd(struct access *access, const struct passwd *entry)
{
	struct access_user *user = entry && strlen(entry->pw_name) < ACCESS_NAME_SIZE
					   ? find_name(access, entry->pw_name)
					   : NULL;

	if (user || !entry || strlen(entry->pw_name) >= ACCESS_NAME_SIZE)
		return user;
	user = add_listed_user(access, entry);
	if (user)
		ask_groups(user);
	return user;
}

struct access_user *access_user_named(struct access *access, const char *name)
{
	return find_name(access, name) ?: take_passwd(access, getpwnam(name));
}

struct access_user *access_user_of(struct access *access, uint32_t uid)
{
	struct access_user *user;

	HASH_FIND(by_uid, access->by_uid, &uid, sizeof(uid), user);
	return user ?: take_passwd(access, getpwuid(uid));
}

/* Gives those users whose groups were not asked for the groups that list them. */
static void take_listed_groups(struct access *access)
{
	const struct group *group;

	setgrent();
	while ((group = getgrent()))
		for (char **member = group->gr_mem; *member; member++) {
			struct access_user *user = find_name(access, *member);
			uint32_t *groups;

			if (!user || user->asked || user->group_count == USER_GROUPS_MAX)
				continue;
			groups = reallocarray(user->groups, user->group_count + 1, sizeof(*groups));
			if (!groups)
				continue;
			user->groups = groups;
			groups[user->group_count++] = group->gr_gid;
		}
	endgrent();
}

static void find_user_groups(struct access *access)
{
	uint64_t end = clock_now(CLOCK_MONOTONIC) + GROUPS_TIME;
	unsigned int left = 0;

	for (unsigned int i = 0; i < access->user_count; i++) {
		struct access_user *user = access->users[i];

		if (clock_now(CLOCK_MONOTONIC) > end)
			left++;
		else
			user->asked = !ask_groups(user);
	}
	if (!left)
		return;
	take_listed_groups(access);
	access_note(access,
		    "there was no time to ask for the groups of %u users: only what lists its "
		    "members is known of these",
		    left);
}

void access_list_users(struct access *access)
{
	const struct passwd *entry;
	bool all = true;

	if (!do_services_answer()) {
		access_note(access, "the name services do not answer: only users and groups of "
				    "/etc/passwd and /etc/group are known");
		access->only_files = true;
		__nss_configure_lookup("passwd", "files");
		__nss_configure_lookup("group", "files");
		__nss_configure_lookup("initgroups", "files");
		__nss_configure_lookup("gshadow", "files");
	}
	setpwent();
	while (all && (entry = getpwent()))
		if (strlen(entry->pw_name) < ACCESS_NAME_SIZE && !find_name(access, entry->pw_name))
			all = add_listed_user(access, entry);
	endpwent();
	if (!all)
		access_note(access, "there are more users than are looked at");
	find_user_groups(access);
}
