// SPDX-License-Identifier: Apache-2.0
/* Processes that are connected to a socket now, or may be though their user may not any more; and containers that have a socket
 * among their mounts, whichever engine they are of. */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "ctl/access/access.h"
#include "ctl/access/access_client.h"
#include "ctl/access/access_mounts.h"

#define FILE_MAX (1u << 20)
#define NAMESPACES_MAX 65536
#define PROCESS_GROUPS_MAX 1024
#define LOOK_TIME (30 * NS_PER_S) /* of all processes: how much they hold is theirs to choose */

/* A process sees the mounts of its namespace that are below its root. */
struct mount_namespace {
	struct mount_view {
		uint64_t inode, root_device, root_inode;
	} view;
	UT_hash_handle hh;
};

struct looking {
	struct access *access;
	char *data; /* FILE_MAX bytes */
	char path[PATH_MAX];
	struct access_clients clients;
	struct mount_namespace *namespaces; /* a table of those that were looked at */
	bool namespaces_left_out;
	uint64_t end; /* of the time for it */
	unsigned int left;
	char user_namespace[64];
	/* Of the host: its root, and where its sockets are. */
	uint64_t root_device, root_inode;
	struct access_place places[ACCESS_SOCKETS_MAX];
	char devices[ACCESS_SOCKETS_MAX][24];
};

/* A thread: each may have descriptors, mounts and credentials of its own. */
struct process_now {
	int directory;
	uint32_t pid, uid, gid;
	char name[32];
	uint64_t capabilities;
	uint32_t groups[PROCESS_GROUPS_MAX];
	unsigned int group_count;
	bool has_status, ended; /* ended: a leader whose threads go on is a zombie */
	bool beside;		/* it has the root directory of the host */
};

static struct bytes read_of_process(struct looking *looking, int directory, const char *name)
{
	_close_ int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t got;

	while (fd >= 0 && size < FILE_MAX &&
	       (got = read(fd, looking->data + size, FILE_MAX - size)) > 0)
		size += (size_t)got;
	return (struct bytes){looking->data, size};
}

/* --- what a process is ------------------------------------------------------------------------ */

static void read_groups(struct process_now *process, struct bytes list)
{
	struct bytes one;

	while (bytes_take(&list, ' ', &one)) {
		uint32_t gid = 0;

		while (one.size && isspace((unsigned char)*one.data))
			one = bytes_from(one, 1);
		if (!one.size || process->group_count == PROCESS_GROUPS_MAX)
			continue;
		for (size_t i = 0; i < one.size && isdigit((unsigned char)one.data[i]); i++)
			gid = gid * 10 + (uint32_t)(one.data[i] - '0');
		process->groups[process->group_count++] = gid;
	}
}

/* The names of processes are their own; the kernel escapes line feeds in them. */
static void read_process_status(struct looking *looking, struct process_now *process)
{
	struct bytes text = read_of_process(looking, process->directory, "status"), line;

	while (bytes_take(&text, '\n', &line)) {
		char value[128];
		const char *colon = line.size ? memchr(line.data, ':', line.size) : NULL;

		if (!colon)
			continue;
		snprintf(value, sizeof(value), "%.*s",
			 (int)(line.size - (size_t)(colon - line.data) - 1), colon + 1);
		if (bytes_begin(line, "Name:"))
			snprintf(process->name, sizeof(process->name), "%s",
				 value + strspn(value, "\t"));
		else if (bytes_begin(line, "State:"))
			process->ended = strchr("ZX", value[strspn(value, "\t ")]);
		else if (bytes_begin(line, "Uid:")) /* that of file accesses */
			process->has_status = sscanf(value, "%*u %*u %*u %u", &process->uid) == 1;
		else if (bytes_begin(line, "Gid:") &&
			 sscanf(value, "%*u %*u %*u %u", &process->gid) == 1)
			process->groups[process->group_count++] = process->gid;
		else if (bytes_begin(line, "Groups:"))
			read_groups(process, bytes_from(line, strlen("Groups:")));
		else if (bytes_begin(line, "CapEff:"))
			process->capabilities = strtoull(value + strspn(value, "\t "), NULL, 16);
	}
}

static bool in_namespace_of_host(const struct looking *looking, const struct process_now *process)
{
	char target[64];
	ssize_t size = readlinkat(process->directory, "ns/user", target, sizeof(target) - 1);

	if (size <= 0)
		return false;
	target[size] = '\0';
	return !strcmp(target, looking->user_namespace);
}

/* The user of a process elsewhere is another one, whatever his number. */
static struct access_grant *find_grant(struct access *access, const struct access_socket *socket,
				       const struct process_now *process)
{
	for (unsigned int i = 0; i < access->grant_count; i++) {
		struct access_grant *grant = &access->grants[i];

		if (grant->socket == socket && grant->has_uid && grant->uid == process->uid &&
		    grant->kind != ACCESS_SUDO && grant->elsewhere == !process->beside)
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
		       const struct process_now *process, enum access_kind kind, const char *how)
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

static void look_at_credentials(struct looking *looking, const struct process_now *process)
{
	struct access *access = looking->access;

	for (unsigned int i = 0; i < access->socket_count; i++) {
		const struct access_socket *socket = &access->sockets[i];
		bool group = access_may_write(socket, process->uid, process->groups,
					      process->group_count, true);
		bool capable = process->capabilities >> CAP_DAC_OVERRIDE & 1;

		if (socket->tcp || !socket->is_root || (!group && !capable))
			continue;
		if (capable && in_namespace_of_host(looking, process))
			add_holder(looking, socket, process, ACCESS_HELD, "CAP_DAC_OVERRIDE");
		else if (group &&
			 access_passes(socket, process->uid, process->groups, process->group_count))
			add_holder(looking, socket, process, ACCESS_HELD, "holds its group");
	}
}

static void take_open_connection(struct looking *looking, const struct process_now *process,
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

static void look_at_descriptors(struct looking *looking, const struct process_now *process)
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

/* --- other mounts ----------------------------------------------------------------------------- */

/* The container's id in the path of its control group: 64 digits. */
static void find_container_id(struct looking *looking, int directory, char id[72])
{
	struct bytes text = read_of_process(looking, directory, "cgroup");
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

static void add_namespace(struct looking *looking, const struct process_now *process,
			  const struct access_socket *socket, const char *path)
{
	char id[72], who[ACCESS_NAME_SIZE];
	struct access_grant *grant;

	find_container_id(looking, process->directory, id);
	snprintf(who, sizeof(who), *id ? "%.12s" : "%.20s[%u]", *id ? id : process->name,
		 process->pid);
	grant = access_add(looking->access, socket, ACCESS_CONTAINER, who);
	snprintf(grant->container_id, sizeof(grant->container_id), "%s", id);
	snprintf(grant->how, sizeof(grant->how), "mount %.100s", path);
	snprintf(grant->detail, sizeof(grant->detail), "pid %u", process->pid);
}

/* Whether the mounts of a thread are those of a namespace that was not looked at. */
static bool is_new_namespace(struct looking *looking, int directory)
{
	struct mount_namespace *found;
	struct mount_view view = {0};
	struct statx root;
	struct stat status;

	if (fstatat(directory, "ns/mnt", &status, 0))
		return false;
	view.inode = status.st_ino;
	if (!statx(directory, "root", AT_STATX_DONT_SYNC, STATX_INO, &root)) {
		view.root_device = makedev(root.stx_dev_major, root.stx_dev_minor);
		view.root_inode = root.stx_ino;
	}
	HASH_FIND(hh, looking->namespaces, &view, sizeof(view), found);
	if (found)
		return false;
	if (HASH_COUNT(looking->namespaces) == NAMESPACES_MAX ||
	    !(found = malloc(sizeof(*found)))) {
		looking->namespaces_left_out = true;
		return false;
	}
	found->view = view;
	HASH_ADD(hh, looking->namespaces, view, sizeof(found->view), found);
	if (!found->hh.tbl)
		free(found);
	return true;
}

/* Without a question to the file system, which a user may serve. */
static bool stands_at_root(const struct looking *looking, int directory)
{
	struct statx status;

	return !statx(directory, "root", AT_STATX_DONT_SYNC, STATX_INO, &status) &&
	       makedev(status.stx_dev_major, status.stx_dev_minor) == looking->root_device &&
	       status.stx_ino == looking->root_inode;
}

/* Anybody can have a root and mounts of his own, with a user namespace: they let him reach what he may. */
static bool may_matter(const struct looking *looking, const struct process_now *process)
{
	const struct access *access = looking->access;

	if (in_namespace_of_host(looking, process))
		return true;
	for (unsigned int i = 0; i < access->socket_count; i++)
		if (!access->sockets[i].tcp &&
		    access_may_write(&access->sockets[i], process->uid, process->groups,
				     process->group_count, false))
			return true;
	return false;
}

static void look_at_mounts(struct looking *looking, const struct process_now *process)
{
	struct access *access = looking->access;
	_cleanup_(text_free) struct text copy = {0};
	struct bytes mounts;

	if (!may_matter(looking, process))
		return;
	mounts = read_of_process(looking, process->directory, "mountinfo");
	if (!mounts.size || !is_new_namespace(looking, process->directory))
		return;
	if (mounts.size == FILE_MAX)
		access_note(access, "process %u has more mounts than were looked at", process->pid);
	text_add_bytes(&copy, mounts); /* .data is used for other files */
	mounts = text_since(&copy, 0);
	for (unsigned int i = 0; i < access->socket_count; i++) {
		size_t at = 0;
		int found = 0;

		if (looking->places[i].device.size)
			found = access_mounts_next(mounts, &looking->places[i], &at, looking->path);
		if (found > 0)
			add_namespace(looking, process, &access->sockets[i], looking->path);
		else if (found)
			access_note(access,
				    "process %u has too many mounts of %s to tell whether it "
				    "reaches it",
				    process->pid, access->sockets[i].path);
	}
}

/* Where the host has its root, and each socket. False: that cannot be seen. */
static bool find_places(struct looking *looking)
{
	struct access *access = looking->access;
	_close_ int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bytes mounts = read_of_process(looking, self, "mountinfo");
	ssize_t size = readlinkat(self, "ns/user", looking->user_namespace,
				  sizeof(looking->user_namespace) - 1);
	struct stat status;

	looking->user_namespace[size > 0 ? size : 0] = '\0';
	for (unsigned int i = 0; i < access->socket_count; i++) {
		struct access_place *place = &looking->places[i];

		if (access->sockets[i].tcp ||
		    !access_mounts_place(mounts, access->sockets[i].real, place)) {
			place->device = (struct bytes){0};
			continue;
		}
		snprintf(looking->devices[i], sizeof(looking->devices[i]), "%.*s",
			 (int)place->device.size, place->device.data);
		place->device = bytes_of(looking->devices[i]);
	}
	if (stat("/", &status))
		return false;
	looking->root_device = status.st_dev;
	looking->root_inode = status.st_ino;
	return mounts.size;
}

/* --- processes -------------------------------------------------------------------------------- */

/* The first thread of FIRST that lives was looked at: of others only what they do not share with it. */
static void look_at_thread(struct looking *looking, struct process_now *thread,
			   const struct process_now *first, uint32_t first_tid, uint32_t tid)
{
	bool same_files = first && !syscall(SYS_kcmp, first_tid, tid, KCMP_FILES, 0, 0);
	bool same_powers = first && first->uid == thread->uid &&
			   first->capabilities == thread->capabilities &&
			   first->group_count == thread->group_count &&
			   !memcmp(first->groups, thread->groups,
				   thread->group_count * sizeof(*thread->groups));

	thread->beside = stands_at_root(looking, thread->directory);
	if (!thread->beside)
		look_at_mounts(looking, thread);
	if (thread->uid && thread->beside && !(same_powers && first->beside))
		look_at_credentials(looking, thread);
	if (!same_files && looking->clients.count)
		look_at_descriptors(looking, thread);
}

static void look_at_process_now(struct looking *looking, int proc, const char *name)
{
	uint32_t pid = (uint32_t)strtoul(name, NULL, 10), first_tid = 0;
	static struct process_now first, thread;
	_closedir_ DIR *directory = NULL;
	_close_ int tasks = -1;
	const struct dirent *entry;
	char path[32];

	snprintf(path, sizeof(path), "%.10s/task", name);
	tasks = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	directory = tasks < 0 ? NULL : fdopendir(dup(tasks));
	while (directory && (entry = readdir(directory))) {
		bool late = clock_now(CLOCK_MONOTONIC) > looking->end;
		struct process_now *now = first_tid ? &thread : &first;
		uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		_close_ int fd =
			isdigit((unsigned char)*entry->d_name)
				? openat(tasks, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
				: -1;

		if (late) {
			looking->left++;
			return;
		}
		if (fd < 0)
			continue;
		*now = (struct process_now){.directory = fd, .pid = pid};
		read_process_status(looking, now);
		if (!now->has_status || now->ended)
			continue;
		look_at_thread(looking, now, first_tid ? &first : NULL, first_tid, tid);
		first_tid = first_tid ?: tid;
	}
}

void access_look_at_processes(struct access *access)
{
	struct looking *looking = calloc(1, sizeof(*looking));
	_closedir_ DIR *directory = opendir("/proc");
	struct mount_namespace *one, *next;
	const struct dirent *entry;

	if (looking)
		looking->data = malloc(FILE_MAX);
	if (!looking || !looking->data || !directory) {
		access_note(access, "processes cannot be looked at");
		free(looking);
		return;
	}
	looking->access = access;
	looking->end = clock_now(CLOCK_MONOTONIC) + LOOK_TIME;
	access_clients_find(access, &looking->clients);
	if (!find_places(looking))
		access_note(access, "the mounts of this host cannot be read");
	while ((entry = readdir(directory))) {
		if (!isdigit((unsigned char)*entry->d_name) ||
		    strtoul(entry->d_name, NULL, 10) == (unsigned long)getpid())
			continue;
		look_at_process_now(looking, dirfd(directory), entry->d_name);
	}
	if (looking->left)
		access_note(access,
			    "%u processes were not looked at, or not all of them: it takes too "
			    "long",
			    looking->left);
	if (looking->namespaces_left_out)
		access_note(access, "there are more mount namespaces than are looked at");
	HASH_ITER(hh, looking->namespaces, one, next)
	{
		HASH_DEL(looking->namespaces, one);
		free(one);
	}
	free(looking->data);
	free(looking);
}
