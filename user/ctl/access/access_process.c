// SPDX-License-Identifier: Apache-2.0
/* Processes that are connected to a socket now, or may be though their user may not any more; and containers that have a socket
 * among their mounts, whichever engine they are of. */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "ctl/access/access.h"
#include "ctl/access/access_mounts.h"

#define FILE_MAX (1u << 20)
#define CLIENTS_MAX 4096
#define NAMESPACES_MAX 4096
#define PROCESS_GROUPS_MAX 1024

struct looking {
	struct access *access;
	char *data; /* FILE_MAX bytes */
	char path[PATH_MAX];
	struct access_client {
		uint64_t inode;
		const struct access_socket *socket;
	} clients[CLIENTS_MAX];
	unsigned int client_count;
	uint64_t namespaces[NAMESPACES_MAX];
	unsigned int namespace_count;
	char user_namespace[64];
	/* Of the host: its root, and where its sockets are. */
	struct access_place places[ACCESS_SOCKETS_MAX], root;
	char devices[ACCESS_SOCKETS_MAX + 1][24];
};

struct process_now {
	int directory;
	uint32_t pid, uid, gid;
	char name[32];
	uint64_t capabilities;
	uint32_t groups[PROCESS_GROUPS_MAX];
	unsigned int group_count;
	bool has_status, beside; /* beside: it has the root directory of the host */
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

/* --- connections ------------------------------------------------------------------------------ */

static void take_client(struct looking *looking, const struct nlmsghdr *header)
{
	const struct unix_diag_msg *message = NLMSG_DATA(header);
	const char *at = (const char *)(message + 1),
		   *end = (const char *)header + header->nlmsg_len;
	const struct unix_diag_vfs *vfs = NULL;
	uint32_t peer = 0;

	while (at + sizeof(struct nlattr) <= end) {
		const struct nlattr *attribute = (const void *)at;

		if (attribute->nla_len < sizeof(*attribute) || at + attribute->nla_len > end)
			break;
		if (attribute->nla_type == UNIX_DIAG_PEER &&
		    attribute->nla_len >= NLA_HDRLEN + sizeof(peer))
			memcpy(&peer, at + NLA_HDRLEN, sizeof(peer));
		if (attribute->nla_type == UNIX_DIAG_VFS &&
		    attribute->nla_len >= NLA_HDRLEN + sizeof(*vfs))
			vfs = (const void *)(at + NLA_HDRLEN);
		at += NLA_ALIGN(attribute->nla_len);
	}
	for (unsigned int i = 0; peer && vfs && i < looking->access->socket_count; i++) {
		const struct access_socket *socket = &looking->access->sockets[i];

		/* The kernel's own number of a device has 20 bits of minor. */
		if (socket->tcp || (uint32_t)socket->inode != vfs->udiag_vfs_ino ||
		    makedev(vfs->udiag_vfs_dev >> 20, vfs->udiag_vfs_dev & 0xfffff) !=
			    socket->device)
			continue;
		if (looking->client_count == CLIENTS_MAX) {
			access_note(looking->access,
				    "there are more connections than are looked at");
			return;
		}
		looking->clients[looking->client_count++] = (struct access_client){peer, socket};
	}
}

/* The sockets of those who are connected, by their inodes: each end of the engine's names its peer. */
static void find_clients(struct looking *looking)
{
	_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct {
		struct nlmsghdr header;
		struct unix_diag_req request;
	} ask = {
		.header = {sizeof(ask), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0},
		.request = {.sdiag_family = AF_UNIX,
			    .udiag_states = 1u << 1, /* connected */
			    .udiag_show = UDIAG_SHOW_VFS | UDIAG_SHOW_PEER},
	};
	bool over = false;

	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) != sizeof(ask)) {
		access_note(looking->access, "connections cannot be looked at: %s",
			    strerror(errno));
		return;
	}
	while (!over) {
		ssize_t got = recv(fd, looking->data, FILE_MAX, 0);
		unsigned int left = got > 0 ? (unsigned int)got : 0;
		const struct nlmsghdr *header = (const void *)looking->data;

		over = got <= 0;
		for (; !over && NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
			over = header->nlmsg_type == NLMSG_DONE ||
			       header->nlmsg_type == NLMSG_ERROR;
			if (header->nlmsg_type == NLMSG_ERROR)
				access_note(looking->access, "connections cannot be looked at");
			if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
			    header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
				take_client(looking, header);
		}
	}
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

static bool process_has(const struct process_now *process, uint32_t gid)
{
	for (unsigned int i = 0; i < process->group_count; i++)
		if (process->groups[i] == gid)
			return true;
	return false;
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

static struct access_grant *find_grant(struct access *access, const struct access_socket *socket,
				       uint32_t uid)
{
	for (unsigned int i = 0; i < access->grant_count; i++) {
		struct access_grant *grant = &access->grants[i];

		if (grant->socket == socket && grant->has_uid && grant->uid == uid &&
		    grant->kind != ACCESS_SUDO)
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
	struct access_grant *grant = find_grant(access, socket, process->uid);
	char who[32];
	size_t used;

	snprintf(who, sizeof(who), "uid %u", process->uid);
	if (!grant) {
		grant = access_add(access, socket, kind, user ? user->name : who);
		grant->has_uid = true;
		grant->uid = process->uid;
		snprintf(grant->how, sizeof(grant->how), "%s", how);
		snprintf(grant->remove, sizeof(grant->remove), "kill %u", process->pid);
	} else if (grant->kind != ACCESS_HELD && grant->kind != ACCESS_CONNECTED) {
		return;
	} else if (strlen(grant->remove) + 16 < sizeof(grant->remove)) {
		used = strlen(grant->remove);
		snprintf(grant->remove + used, sizeof(grant->remove) - used, " %u", process->pid);
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
		bool group = socket->mode & S_IWGRP && process_has(process, socket->gid);
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
		grant = find_grant(access, socket, process->uid);
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
		uint64_t inode;

		target[size > 0 ? size : 0] = '\0';
		if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
			continue;
		for (unsigned int i = 0; i < looking->client_count; i++)
			if (looking->clients[i].inode == inode)
				take_open_connection(looking, process, looking->clients[i].socket);
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

static bool is_new_namespace(struct looking *looking, int directory)
{
	struct stat status;

	if (fstatat(directory, "ns/mnt", &status, 0))
		return false;
	for (unsigned int i = 0; i < looking->namespace_count; i++)
		if (looking->namespaces[i] == status.st_ino)
			return false;
	if (looking->namespace_count == NAMESPACES_MAX)
		return false;
	looking->namespaces[looking->namespace_count++] = status.st_ino;
	return true;
}

static void look_at_mounts(struct looking *looking, struct process_now *process)
{
	struct access *access = looking->access;
	bool fresh = is_new_namespace(looking, process->directory);
	struct bytes mounts = read_of_process(looking, process->directory, "mountinfo");
	_cleanup_(text_free) struct text copy = {0};
	struct access_place root;

	if (!mounts.size || !access_mounts_place(mounts, "/", &root))
		return;
	process->beside = bytes_equal(root.device, looking->root.device) &&
			  !strcmp(root.path, looking->root.path);
	if (process->beside || !fresh)
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

	looking->user_namespace[size > 0 ? size : 0] = '\0';
	for (unsigned int i = 0; i <= access->socket_count; i++) {
		bool root = i == access->socket_count;
		struct access_place *place = root ? &looking->root : &looking->places[i];

		if ((!root && access->sockets[i].tcp) ||
		    !access_mounts_place(mounts, root ? "/" : access->sockets[i].real, place)) {
			place->device = (struct bytes){0};
			continue;
		}
		snprintf(looking->devices[i], sizeof(looking->devices[i]), "%.*s",
			 (int)place->device.size, place->device.data);
		place->device = bytes_of(looking->devices[i]);
	}
	return looking->root.device.size;
}

void access_look_at_processes(struct access *access)
{
	struct looking *looking = calloc(1, sizeof(*looking));
	_closedir_ DIR *directory = opendir("/proc");
	const struct dirent *entry;

	if (looking)
		looking->data = malloc(FILE_MAX);
	if (looking && looking->data && directory) {
		looking->access = access;
		find_clients(looking);
		if (!find_places(looking))
			access_note(access, "the mounts of this host cannot be read");
	}
	while (looking && looking->data && directory && (entry = readdir(directory))) {
		struct process_now process = {.pid = (uint32_t)strtoul(entry->d_name, NULL, 10)};
		_close_ int fd = -1;

		if (!isdigit((unsigned char)*entry->d_name) || process.pid == (uint32_t)getpid())
			continue;
		fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		process.directory = fd;
		if (fd < 0)
			continue;
		read_process_status(looking, &process);
		look_at_mounts(looking, &process);
		if (process.has_status && process.uid && process.beside)
			look_at_credentials(looking, &process);
		if (process.has_status && looking->client_count)
			look_at_descriptors(looking, &process);
	}
	if (!looking || !looking->data || !directory)
		access_note(access, "processes cannot be looked at");
	if (looking)
		free(looking->data);
	free(looking);
}
