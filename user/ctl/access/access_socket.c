// SPDX-License-Identifier: Apache-2.0
/* The sockets of this host, and whom their owner, group, mode and ACL let in. */
#include <errno.h>
#include <grp.h>
#include <gshadow.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/descriptor.h"
#include "ctl/access/access.h"
#include "ctl/access/access_mounts.h"
#include "host/hostfiles.h"

#define MEMBERS_MAX 4096 /* of a group that are looked at */
#define CRYPT_MIN 13	 /* characters of a password as crypt() leaves it, at least */

/* --- sockets ---------------------------------------------------------------------------------- */

/* The directories above the socket. One with an ACL is left out: who passes there is not known. */
static void add_socket_way(struct access *access, struct access_socket *socket, const char *path)
{
	struct access_way *way = &socket->ways[socket->way_count];
	char directory[LISTENING_SIZE];

	if (socket->way_count == ACCESS_WAYS_MAX || strlen(path) >= sizeof(way->path)) {
		access_note(access, "%s: there are more paths that lead there than are looked at",
			    socket->path);
		return;
	}
	socket->way_count++;
	snprintf(way->path, sizeof(way->path), "%s", path);
	for (size_t i = 0; path[i]; i++) {
		struct stat status;

		if (path[i] != '/')
			continue;
		memcpy(directory, path, i + 1);
		directory[i + 1] = '\0';
		if (stat(directory, &status) || way->step_count == ACCESS_STEPS_MAX) {
			access_note(access, "%s: the directory %s cannot be looked at",
				    socket->path, directory);
			continue;
		}
		if (getxattr(directory, "system.posix_acl_access", NULL, 0) > 0) {
			access_note(access, "%s: %s has an ACL, which may let fewer users pass",
				    socket->path, directory);
			continue;
		}
		way->steps[way->step_count++] =
			(struct access_step){status.st_mode, status.st_uid, status.st_gid};
	}
}

/* Other paths of this host that lead to the same socket, by its mounts. */
static void find_other_ways(struct access *access, struct access_socket *socket)
{
	_cleanup_(text_free) struct text mounts = {0};
	_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_free_ struct access_place *place = malloc(sizeof(*place));
	char path[PATH_MAX], line[4096];
	size_t at = 0;
	int found = 0;

	while (file && fgets(line, sizeof(line), file))
		text_add_string(&mounts, line);
	if (place && access_mounts_place(text_since(&mounts, 0), socket->real, place))
		while ((found = access_mounts_next(text_since(&mounts, 0), place, &at, path)) > 0)
			if (strcmp(path, socket->real) != 0)
				add_socket_way(access, socket, path);
	if (found < 0)
		access_note(access, "%s: there are more mounts of it than are looked at",
			    socket->path);
}

static void take_access_door(struct access *access, const struct door *door)
{
	struct access_socket *socket = &access->sockets[access->socket_count];
	struct hostfiles_place place = {"/", "/proc/self/mountinfo"};
	_free_ struct hostfiles_end *end = malloc(sizeof(*end));
	_close_ int fd = -1;
	struct stat status;

	*socket = (struct access_socket){
		.tcp = door->tcp,
		.device = door->device,
		.inode = door->inode,
		.pid = door->pid,
		.uid = door->uid,
		.is_root = !door->uid,
		.tls = door->tls,
		.brand = door->brand,
	};
	memcpy(socket->path, door->text, sizeof(socket->path));
	if (!door->tcp) {
		fd = end ? hostfiles_walk(&place, door->text, NULL, end) : -1;
		if (fd < 0 || !end->whole || fstat(fd, &status) ||
		    strlen(end->done) >= sizeof(socket->real)) {
			access_note(access, "%s cannot be looked at", door->text);
			return;
		}
		snprintf(socket->real, sizeof(socket->real), "%s", end->done);
		socket->mode = status.st_mode;
		socket->uid = status.st_uid;
		socket->gid = status.st_gid;
		if (status.st_nlink > 1)
			access_note(access,
				    "%s has other names (%lu hard links), by which others may "
				    "reach it",
				    door->text, (unsigned long)status.st_nlink - 1);
		add_socket_way(access, socket, socket->real);
		find_other_ways(access, socket);
	}
	access->socket_count++;
}

static const char *const usual_sockets[] = {
	"/run/docker.sock",
	"/run/podman/podman.sock",
	"/run/containerd/containerd.sock",
	"/run/docker/containerd/containerd.sock",
	"/run/k3s/containerd/containerd.sock",
	"/run/crio/crio.sock",
	"/run/cri-dockerd.sock",
	"/run/buildkit/buildkitd.sock",
};

void access_find_sockets(struct access *access)
{
	const char *paths[ACCESS_SOCKETS_MAX + COUNT(usual_sockets) + 2];
	_free_ struct scan *scan = malloc(sizeof(*scan));
	const char *only = access->ctl->argument_count ? access->ctl->arguments[0] : NULL;
	unsigned int count = 0;

	if (!scan)
		return;
	if (only)
		paths[count++] = only;
	for (size_t i = 0; !only && i < COUNT(usual_sockets); i++)
		paths[count++] = usual_sockets[i];
	for (unsigned int i = 0; !only && i < access->seen_count; i++)
		paths[count++] = access->seen[i];
	paths[count] = NULL;
	scan_host(scan, paths, -1);
	if (scan->left_out && !only) /* that one comes first */
		access_note(access, "%u sockets of engines were left out: there are too many",
			    scan->left_out);
	for (unsigned int i = 0; i < scan->count; i++)
		if (!only || !strcmp(scan->doors[i].text, only))
			take_access_door(access, &scan->doors[i]);
	if (only && !access->socket_count)
		access_note(access, "%s is not there", only);
	for (unsigned int i = 0; !only && i < access->seen_count; i++) {
		struct stat status;

		if (lstat(access->seen[i], &status))
			access_note(access, "%s, which the log has, is not there", access->seen[i]);
	}
}

/* --- who may ---------------------------------------------------------------------------------- */

static const char *name_of_group(uint32_t gid, char text[ACCESS_NAME_SIZE])
{
	const struct group *group = getgrgid(gid);

	if (group)
		snprintf(text, ACCESS_NAME_SIZE, "%s", group->gr_name);
	else
		snprintf(text, ACCESS_NAME_SIZE, "%u", gid);
	return text;
}

static void set_command(struct access_grant *grant, const char *before, const char *name,
			const char *after)
{
	_cleanup_(text_free) struct text text = {0};

	text_add_string(&text, before);
	if (!access_quote(&text, name))
		return;
	if (*after)
		text_add_char(&text, ' ');
	if ((!*after || access_quote(&text, after)) && !text.error &&
	    text.size < sizeof(grant->remove))
		memcpy(grant->remove, text.data, text.size + 1);
}

/* IN_FILE: /etc/group itself says so. What a directory says gpasswd cannot change. */
static void add_group_member(struct access *access, const struct access_socket *socket,
			     const struct access_user *user, const char *name, uint32_t gid,
			     const char *group, bool acl, bool in_file)
{
	bool primary = user && user->gid == gid;
	struct access_grant *grant =
		access_add(access, socket, acl ? ACCESS_ACL : ACCESS_GROUP, name);

	grant->gid = gid;
	grant->has_uid = user;
	grant->uid = user ? user->uid : 0;
	snprintf(grant->how, sizeof(grant->how), "%sgroup %s%s", acl ? "ACL, " : "", group,
		 primary ? ", his own" : "");
	if (!user)
		snprintf(grant->detail, sizeof(grant->detail),
			 "there is no such user: whoever gets the name");
	if (in_file)
		set_command(grant, "gpasswd -d ", name, group);
	else if (primary)
		set_command(grant, "usermod -g ANOTHER-GROUP ", name, "");
	else if (user)
		snprintf(grant->detail, sizeof(grant->detail),
			 "a member by the name services, not by /etc/group");
}

/* Whether there is a word that crypt() makes TEXT of: "x", "!" and the like are of none. */
static bool is_password(const char *text)
{
	return text && *text != '!' && *text != '*' && strlen(text) >= CRYPT_MIN;
}

static void add_group_itself(struct access *access, const struct access_socket *socket,
			     uint32_t gid)
{
	char name[ACCESS_NAME_SIZE];
	const struct sgrp *shadow = getsgnam(name_of_group(gid, name));
	const struct group *group = shadow ? NULL : getgrgid(gid);
	struct access_grant *grant;

	if (is_password(shadow ? shadow->sg_passwd : group ? group->gr_passwd : NULL)) {
		grant = access_add(access, socket, ACCESS_GROUP, "its password");
		snprintf(grant->how, sizeof(grant->how), "group %s", name);
		snprintf(grant->detail, sizeof(grant->detail), "whoever knows it joins by newgrp");
		set_command(grant, "gpasswd -r ", name, "");
	}
	for (char **admin = shadow ? shadow->sg_adm : NULL; admin && *admin; admin++) {
		const struct access_user *user = access_user_named(access, *admin);

		grant = access_add(access, socket, ACCESS_GROUP, *admin);
		grant->has_uid = user;
		grant->uid = user ? user->uid : 0;
		snprintf(grant->how, sizeof(grant->how), "admin of group %s", name);
		set_command(grant, "gpasswd -A '' ", name, "");
	}
}

struct group_member {
	char name[ACCESS_NAME_SIZE];
	bool in_file;
	UT_hash_handle hh;
};

static struct group_member *put_member(struct access *access, struct group_member **members,
				       const char *name)
{
	struct group_member *member;

	HASH_FIND_STR(*members, name, member);
	if (member)
		return member;
	if (strlen(name) >= sizeof(member->name) || !(member = calloc(1, sizeof(*member)))) {
		access_note(access, "a member with a name that is too long was left out");
		return NULL;
	}
	snprintf(member->name, sizeof(member->name), "%s", name);
	HASH_ADD_STR(*members, name, member);
	if (member->hh.tbl)
		return member;
	free(member);
	return NULL;
}

/* Those whom the group GID lists, by the name services and by /etc/group itself. */
static struct group_member *list_group_members(struct access *access, uint32_t gid)
{
	_fclose_ FILE *file = fopen("/etc/group", "re");
	const struct group *group = getgrgid(gid);
	struct group_member *members = NULL, *member;

	for (char **name = group ? group->gr_mem : NULL; name && *name; name++)
		put_member(access, &members, *name);
	while (file && (group = fgetgrent(file)))
		for (char **name = group->gr_mem; group->gr_gid == gid && *name; name++) {
			member = put_member(access, &members, *name);
			if (member)
				member->in_file = true;
		}
	return members;
}

static bool may_pass(const struct access_socket *socket, const struct access_user *user)
{
	return user->uid && access_passes(socket, user->uid, user->groups, user->group_count);
}

/* Members by their own entry, by the group's, and by what the name services make of both. */
static void add_group(struct access *access, const struct access_socket *socket, uint32_t gid,
		      bool acl)
{
	struct group_member *members = list_group_members(access, gid), *member, *next;
	unsigned int count = 0;
	char group[ACCESS_NAME_SIZE];

	name_of_group(gid, group);

	/* Who is a member by his own entry alone comes behind those of the list. */
	for (unsigned int i = 0; i < access->user_count; i++)
		if (access_user_has(access->users[i], gid))
			put_member(access, &members, access->users[i]->name);
	HASH_ITER(hh, members, member, next)
	{
		const struct access_user *user =
			count++ < MEMBERS_MAX ? access_user_named(access, member->name) : NULL;

		if (count <= MEMBERS_MAX && (!user || may_pass(socket, user)))
			add_group_member(access, socket, user, member->name, gid, group, acl,
					 member->in_file);
		HASH_DEL(members, member);
		free(member);
	}
	if (count > MEMBERS_MAX)
		access_note(access, "%s: group %s has %u members, %u of them were looked at",
			    socket->path, group, count, MEMBERS_MAX);
	if (!geteuid())
		add_group_itself(access, socket, gid);
}

static void add_one_user(struct access *access, const struct access_socket *socket, uint32_t uid,
			 bool acl)
{
	const struct access_user *user = access_user_of(access, uid);
	struct access_grant *grant;
	char who[32], command[64];

	if (user && !access_passes(socket, uid, user->groups, user->group_count))
		return;
	snprintf(who, sizeof(who), "uid %u", uid);
	grant = access_add(access, socket,
			   acl	  ? ACCESS_ACL
			   : !uid ? ACCESS_ROOT
				  : ACCESS_OWNER,
			   user ? user->name : who);
	grant->has_uid = true;
	grant->uid = uid;
	snprintf(grant->how, sizeof(grant->how), "%s", acl ? "ACL" : !uid ? "always" : "owner");
	if (acl) {
		snprintf(command, sizeof(command), "setfacl -x u:%u ", uid);
		set_command(grant, command, socket->path, "");
	} else if (uid && socket->is_root) {
		set_command(grant, "chown root ", socket->path, "");
	}
}

static void keep_acl(struct access *access, struct access_socket *socket, uint32_t id,
		     bool is_group)
{
	if (socket->acl_count < ACCESS_ACL_MAX)
		socket->acl[socket->acl_count++] = (struct access_acl){id, is_group};
	else
		access_note(access, "%s: its ACL has more entries than are looked at",
			    socket->path);
}

static void add_acl(struct access *access, struct access_socket *socket)
{
	const struct posix_acl_xattr_entry *entry;
	char acl[8192];
	ssize_t size = getxattr(socket->real, "system.posix_acl_access", acl, sizeof(acl));
	uint32_t mask = 7;
	bool group = true;

	if (size < 0 && errno != ENODATA && errno != EOPNOTSUPP)
		access_note(access, "%s: its ACL cannot be read: %s", socket->path,
			    strerror(errno));
	for (int pass = 0; pass < 2; pass++) {
		entry = (const void *)(acl + sizeof(struct posix_acl_xattr_header));
		for (; size > 0 && (const char *)(entry + 1) <= acl + size; entry++) {
			if (!pass && entry->e_tag == ACL_MASK)
				mask = entry->e_perm;
			if (!pass || !(entry->e_perm & mask & ACL_WRITE)) {
				group &= !(pass && entry->e_tag == ACL_GROUP_OBJ);
				continue;
			}
			if (entry->e_tag == ACL_USER || entry->e_tag == ACL_GROUP)
				keep_acl(access, socket, entry->e_id, entry->e_tag == ACL_GROUP);
			if (entry->e_tag == ACL_USER && entry->e_id)
				add_one_user(access, socket, entry->e_id, true);
			else if (entry->e_tag == ACL_GROUP)
				add_group(access, socket, entry->e_id, true);
		}
	}
	/* With an ACL the bits of the group are its mask. */
	socket->group_may = group && socket->mode & S_IWGRP;
	if (socket->group_may)
		add_group(access, socket, socket->gid, false);
}

static void add_port(struct access *access, const struct access_socket *socket)
{
	static const char *const asked[] = {
		[TOLD_TLS_UNKNOWN] = "TCP",
		[TOLD_TLS_NONE] = "TCP, asks for nothing",
		[TOLD_TLS_ENCRYPTED] = "TCP, TLS, asks for nothing",
		[TOLD_TLS_VERIFIED] = "TCP, TLS certificate",
	};
	bool here = !strncmp(socket->path, "127.", 4) || !strncmp(socket->path, "[::1]", 5);
	struct access_grant *grant = access_add(access, socket, ACCESS_TCP,
						socket->tls == TOLD_TLS_VERIFIED ? "its clients"
						: here				 ? "anybody here"
						       : "anybody who reaches it");

	snprintf(grant->how, sizeof(grant->how), "%s", asked[socket->tls]);
	snprintf(grant->detail, sizeof(grant->detail),
		 "take tcp:// out of the engine's hosts (daemon.json, its unit)");
}

void access_find_members(struct access *access)
{
	for (unsigned int i = 0; i < access->socket_count; i++) {
		struct access_socket *socket = &access->sockets[i];
		struct access_grant *grant;

		if (socket->tcp) {
			add_port(access, socket);
			continue;
		}
		add_one_user(access, socket, 0, false);
		if (socket->uid)
			add_one_user(access, socket, socket->uid, false);
		add_acl(access, socket);
		if (socket->mode & S_IWOTH && access_passes(socket, UINT32_MAX, NULL, 0)) {
			grant = access_add(access, socket, ACCESS_EVERYBODY, "every user");
			snprintf(grant->how, sizeof(grant->how), "mode %04o", socket->mode & 07777);
			set_command(grant, "chmod o-rwx ", socket->path, "");
		}
	}
	/* Other names of root's. The log has their number alone. */
	for (unsigned int i = 0; i < access->user_count; i++) {
		struct access_grant *grant;

		if (access->users[i]->uid || !strcmp(access->users[i]->name, "root"))
			continue;
		grant = access_add(access, NULL, ACCESS_OWNER, access->users[i]->name);
		snprintf(grant->how, sizeof(grant->how), "uid 0");
		snprintf(grant->detail, sizeof(grant->detail), "cannot be told from root");
		set_command(grant, "userdel ", access->users[i]->name, "");
	}
}
