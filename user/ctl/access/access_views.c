// SPDX-License-Identifier: Apache-2.0
#include "ctl/access/access_views.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "ctl/access/access_mounts.h"

#define NAMESPACES_MAX 65536

/* A process sees the mounts of its namespace that are below its root. */
struct mount_namespace {
	struct mount_view {
		uint64_t inode, root_device, root_inode;
	} view;
	UT_hash_handle hh;
};

struct access_views {
	struct access *access;
	struct mount_namespace *namespaces; /* a table of those that were looked at */
	bool left_out;			    /* of which there were too many */
	char user_namespace[64];
	/* Of the host: its root, and where its sockets are. */
	uint64_t root_device, root_inode;
	struct access_place places[ACCESS_SOCKETS_MAX];
	char devices[ACCESS_SOCKETS_MAX][24];
	/* To work with. */
	char path[PATH_MAX], mounts[ACCESS_FILE_MAX], cgroup[ACCESS_FILE_MAX];
};

/* --- the host --------------------------------------------------------------------------------- */

static void read_user_namespace(int directory, char ret[64])
{
	ssize_t size = readlinkat(directory, "ns/user", ret, 63);

	ret[size > 0 ? size : 0] = '\0';
}

static void find_socket_place(struct access_views *views, unsigned int i, struct bytes mounts)
{
	const struct access_socket *socket = &views->access->sockets[i];
	struct access_place *place = &views->places[i];

	if (socket->tcp || !access_mounts_place(mounts, socket->real, place)) {
		place->device = (struct bytes){0};
		return;
	}
	snprintf(views->devices[i], sizeof(views->devices[i]), "%.*s", (int)place->device.size,
		 place->device.data);
	place->device = bytes_of(views->devices[i]);
}

struct access_views *access_views_new(struct access *access)
{
	struct access_views *views = calloc(1, sizeof(*views));
	_close_ int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bytes mounts;
	struct stat root = {0};

	if (!views)
		return NULL;
	views->access = access;
	read_user_namespace(self, views->user_namespace);
	mounts = access_threads_file(self, "mountinfo", views->mounts);
	for (unsigned int i = 0; i < access->socket_count; i++)
		find_socket_place(views, i, mounts);
	if (!mounts.size || stat("/", &root))
		access_note(access, "the mounts of this host cannot be read");
	views->root_device = root.st_dev;
	views->root_inode = root.st_ino;
	return views;
}

void access_views_free(struct access_views *views)
{
	struct mount_namespace *one, *next;

	if (!views)
		return;
	HASH_ITER(hh, views->namespaces, one, next)
	{
		HASH_DEL(views->namespaces, one);
		free(one);
	}
	free(views);
}

/* --- a thread --------------------------------------------------------------------------------- */

/* Where the root directory of a thread is, without a question to the file system, which a user may serve. False: that cannot be seen. */
static bool find_root(int directory, uint64_t *ret_device, uint64_t *ret_inode)
{
	struct statx root;

	if (statx(directory, "root", AT_STATX_DONT_SYNC, STATX_INO, &root))
		return false;
	*ret_device = makedev(root.stx_dev_major, root.stx_dev_minor);
	*ret_inode = root.stx_ino;
	return true;
}

bool access_views_at_root(const struct access_views *views, int directory)
{
	uint64_t device, inode;

	return find_root(directory, &device, &inode) && device == views->root_device &&
	       inode == views->root_inode;
}

bool access_views_with_host(const struct access_views *views, int directory)
{
	char target[64];

	read_user_namespace(directory, target);
	return *target && !strcmp(target, views->user_namespace);
}

/* Anybody can have a root and mounts of his own, with a user namespace: they let him reach what he may. */
static bool may_matter(const struct access_views *views, const struct access_thread *thread)
{
	const struct access *access = views->access;

	if (access_views_with_host(views, thread->directory))
		return true;
	for (unsigned int i = 0; i < access->socket_count; i++)
		if (!access->sockets[i].tcp &&
		    access_may_write(&access->sockets[i], thread->uid, thread->groups,
				     thread->group_count, false))
			return true;
	return false;
}

/* Whether the mounts of a thread are those of a namespace that was not looked at. */
static bool is_new_namespace(struct access_views *views, int directory)
{
	struct mount_namespace *found;
	struct mount_view view = {0};
	struct stat status;

	if (fstatat(directory, "ns/mnt", &status, 0))
		return false;
	view.inode = status.st_ino;
	find_root(directory, &view.root_device, &view.root_inode);
	HASH_FIND(hh, views->namespaces, &view, sizeof(view), found);
	if (found)
		return false;
	if (HASH_COUNT(views->namespaces) == NAMESPACES_MAX || !(found = malloc(sizeof(*found)))) {
		if (!views->left_out)
			access_note(views->access,
				    "there are more mount namespaces than are looked at");
		views->left_out = true;
		return false;
	}
	found->view = view;
	HASH_ADD(hh, views->namespaces, view, sizeof(found->view), found);
	if (!found->hh.tbl)
		free(found);
	return true;
}

/* The container's id in the path of its control group: 64 digits. */
static void find_container_id(struct access_views *views, int directory, char id[72])
{
	struct bytes text = access_threads_file(directory, "cgroup", views->cgroup);
	size_t digits = 0;

	id[0] = '\0';
	for (size_t i = 0; i < text.size; i++) {
		digits = isxdigit((unsigned char)text.data[i]) ? digits + 1 : 0;
		if (digits < 64 || (i + 1 < text.size && isxdigit((unsigned char)text.data[i + 1])))
			continue;
		memcpy(id, text.data + i - 63, 64);
		id[64] = '\0';
	}
}

static void add_namespace(struct access_views *views, const struct access_thread *thread,
			  const struct access_socket *socket, const char *path)
{
	char id[72], who[ACCESS_NAME_SIZE];
	struct access_grant *grant;

	find_container_id(views, thread->directory, id);
	snprintf(who, sizeof(who), *id ? "%.12s" : "%.20s[%u]", *id ? id : thread->name,
		 thread->pid);
	grant = access_add(views->access, socket, ACCESS_CONTAINER, who);
	snprintf(grant->container_id, sizeof(grant->container_id), "%s", id);
	snprintf(grant->how, sizeof(grant->how), "mount %.100s", path);
	snprintf(grant->detail, sizeof(grant->detail), "pid %u", thread->pid);
}

void access_views_look(struct access_views *views, const struct access_thread *thread)
{
	struct access *access = views->access;
	struct bytes mounts;

	if (!may_matter(views, thread))
		return;
	mounts = access_threads_file(thread->directory, "mountinfo", views->mounts);
	if (!mounts.size || !is_new_namespace(views, thread->directory))
		return;
	if (mounts.size == ACCESS_FILE_MAX)
		access_note(access, "process %u has more mounts than were looked at", thread->pid);
	for (unsigned int i = 0; i < access->socket_count; i++) {
		size_t at = 0;
		int found = 0;

		if (views->places[i].device.size)
			found = access_mounts_next(mounts, &views->places[i], &at, views->path);
		if (found > 0)
			add_namespace(views, thread, &access->sockets[i], views->path);
		else if (found)
			access_note(access,
				    "process %u has too many mounts of %s to tell whether it "
				    "reaches it",
				    thread->pid, access->sockets[i].path);
	}
}
