// SPDX-License-Identifier: Apache-2.0
/* Processes that are connected to a socket now, or may be though their user may not any more. */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "ctl/access/access.h"
#include "ctl/access/access_client.h"
#include "ctl/access/access_threads.h"
#include "ctl/access/access_views.h"

#define LOOK_TIME (30 * NS_PER_S) /* of all processes: how much they hold is theirs to choose */

struct looking {
	struct access *access;
	struct access_views *views;
	struct access_clients clients;
	/* Of the process that is looked at: the first thread that lives (.pid 0: none so far), and another one. */
	struct access_thread first, other;
	char data[ACCESS_FILE_MAX]; /* to work with */
};

/* The user of a process elsewhere is another one, whatever his number. */
static struct access_grant *find_grant(struct access *access, const struct access_socket *socket,
				       const struct access_thread *process)
{
	for (unsigned int i = 0; i < access->grant_count; i++) {
		struct access_grant *grant = &access->grants[i];

		if (grant->socket == socket && grant->has_uid && grant->uid == process->uid &&
		    !access_is_by_root(grant->kind) && grant->elsewhere == !process->beside)
			return grant;
	}
	return NULL;
}

static bool everybody_may(const struct access *access, const struct access_socket *socket)
{
	for (unsigned int i = 0; i < access->grant_count; i++)
		if (access->grants[i].socket == socket &&
		    access->grants[i].kind == ACCESS_EVERYBODY)
			return true;
	return false;
}

static void add_holder(struct looking *looking, const struct access_socket *socket,
		       const struct access_thread *process, enum access_kind kind, const char *how)
{
	struct access *access = looking->access;
	const struct access_user *user = access_user_of(access, process->uid);
	struct access_grant *grant = find_grant(access, socket, process);
	char who[32];
	size_t used;

	snprintf(who, sizeof(who), "uid %u", process->uid);
	if (!grant) {
		grant = access_add(access, socket, kind,
				   user && process->beside ? user->name : who);
		grant->elsewhere = !process->beside;
		grant->has_uid = true;
		grant->uid = process->uid;
		snprintf(grant->how, sizeof(grant->how), "%s", how);
		snprintf(grant->remove, sizeof(grant->remove), "kill %u", process->pid);
	} else if (grant->kind != ACCESS_HELD && grant->kind != ACCESS_CONNECTED) {
		return;
	} else if (strlen(grant->remove) + 16 < sizeof(grant->remove)) {
		char pid[16];

		snprintf(pid, sizeof(pid), " %u", process->pid);
		used = strlen(grant->remove);
		if (used >= strlen(pid) && !strcmp(grant->remove + used - strlen(pid), pid))
			return; /* another thread of it */
		snprintf(grant->remove + used, sizeof(grant->remove) - used, "%s", pid);
	}
	used = strlen(grant->detail);
	snprintf(grant->detail + used, sizeof(grant->detail) - used, "%s%.16s[%u]", used ? " " : "",
		 process->name, process->pid);
}

/* --- what it holds ---------------------------------------------------------------------------- */

static void look_at_credentials(struct looking *looking, const struct access_thread *process)
{
	struct access *access = looking->access;

	for (unsigned int i = 0; i < access->socket_count; i++) {
		const struct access_socket *socket = &access->sockets[i];
		bool group = access_may_write(socket, process->uid, process->groups,
					      process->group_count, true);
		bool capable = process->capabilities >> CAP_DAC_OVERRIDE & 1;

		if (socket->tcp || !socket->is_root || (!group && !capable))
			continue;
		if (capable && access_views_with_host(looking->views, process->directory))
			add_holder(looking, socket, process, ACCESS_HELD, "CAP_DAC_OVERRIDE");
		else if (group &&
			 access_passes(socket, process->uid, process->groups, process->group_count))
			add_holder(looking, socket, process, ACCESS_HELD, "holds its group");
	}
}

static void take_open_connection(struct looking *looking, const struct access_thread *process,
				 const struct access_socket *socket)
{
	struct access *access = looking->access;
	struct access_grant *grant = NULL;

	for (unsigned int i = 0; process->beside && i < access->grant_count && !grant; i++)
		if (access->grants[i].socket == socket && access->grants[i].has_uid &&
		    access->grants[i].uid == process->uid)
			grant = &access->grants[i];
	if (!grant && process->beside && everybody_may(access, socket))
		return;
	if (!grant) {
		add_holder(looking, socket, process, ACCESS_CONNECTED,
			   process->beside ? "connected still" : "connected, elsewhere");
		grant = find_grant(access, socket, process);
	}
	if (grant)
		grant->connections++;
}

static void look_at_descriptors(struct looking *looking, const struct access_thread *process)
{
	int fd = openat(process->directory, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_closedir_ DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (fd >= 0 && !directory)
		close(fd);
	while (directory && (entry = readdir(directory))) {
		char target[64];
		ssize_t size =
			readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
		const struct access_socket *socket;
		uint64_t inode;

		target[size > 0 ? size : 0] = '\0';
		if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
			continue;
		socket = access_clients_socket(&looking->clients, inode);
		if (socket)
			take_open_connection(looking, process, socket);
	}
}

/* --- processes -------------------------------------------------------------------------------- */

/* The first thread of a process that lives is looked at: of others only what they do not share with it. */
static void look_at_thread(void *data, uint32_t pid, uint32_t tid, int directory)
{
	struct looking *looking = data;
	const struct access_thread *first = looking->first.pid == pid ? &looking->first : NULL;
	struct access_thread *thread = first ? &looking->other : &looking->first;
	bool same_files, same_powers;

	*thread = (struct access_thread){.directory = directory, .pid = pid, .tid = tid};
	if (!access_threads_read(thread, looking->data)) {
		thread->pid = 0;
		return;
	}
	same_files = first && !syscall(SYS_kcmp, first->tid, tid, KCMP_FILES, 0, 0);
	same_powers = first && first->uid == thread->uid &&
		      first->capabilities == thread->capabilities &&
		      first->group_count == thread->group_count &&
		      !memcmp(first->groups, thread->groups,
			      thread->group_count * sizeof(*thread->groups));
	thread->beside = access_views_at_root(looking->views, directory);
	if (!thread->beside)
		access_views_look(looking->views, thread);
	if (thread->uid && thread->beside && !(same_powers && first->beside))
		look_at_credentials(looking, thread);
	if (!same_files && looking->clients.count)
		look_at_descriptors(looking, thread);
}

void access_look_at_processes(struct access *access)
{
	_free_ struct looking *looking = calloc(1, sizeof(*looking));
	uint64_t end = clock_now(CLOCK_MONOTONIC) + LOOK_TIME;
	int left = -ENOMEM;

	if (looking) {
		looking->access = access;
		access_clients_find(access, end, &looking->clients);
		looking->views = access_views_new(access);
	}
	if (looking && looking->views) {
		left = access_threads_walk(end, looking, look_at_thread);
		access_views_free(looking->views);
	}
	if (left < 0)
		access_note(access, "processes cannot be looked at");
	else if (left)
		access_note(access,
			    "%d processes were not looked at, or not all of them: it takes too "
			    "long",
			    left);
}
