/* SPDX-License-Identifier: GPL-2.0-only */
/* Connects that succeed or are refused: the CONNECT and REFUSED events. */
#ifndef CALLERD_BPF_CONNECT_H
#define CALLERD_BPF_CONNECT_H

#include "recall.h"

#define MOUNTS_MAX 2048 /* steps of a walk over a container's mounts */

static __always_inline bool is_agent(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return !settings.own_calls && (__u32)bpf_get_current_pid_tgid() != control.probe &&
	       is_of_agent(BPF_CORE_READ(task, group_leader));
}

static __always_inline bool has_watched_name(struct dentry *dentry)
{
	struct basename name = {};

	bpf_probe_read_kernel_str(name.text, sizeof(name.text), BPF_CORE_READ(dentry, d_name.name));
	return bpf_map_lookup_elem(&basenames, &name) != NULL;
}

/* The index of the watched socket whose path is that of this dentry on this mount; else
 * CALLERD_NO_SOCKET. Finds sockets in directories that the agent does not know yet, and adds them
 * to nodes. */
CHECKED_ONCE __u32 watched_path(__u64 dentry_address, __u64 mnt_address)
{
	struct dentry *dentry = (struct dentry *)dentry_address;
	struct vfsmount *mnt = (struct vfsmount *)mnt_address;
	struct callerd_node_key node = {};
	struct callerd_caller_event *event;
	struct scratch *scratch;
	struct mount *mount;
	__u32 *index = NULL;

	if (!dentry || !mnt || !has_watched_name(dentry))
		return CALLERD_NO_SOCKET;
	mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	if (BPF_CORE_READ(mount, mnt_ns, ns.inum) != settings.agent_mnt_ns)
		return CALLERD_NO_SOCKET;
	scratch = take_scratch();
	if (!scratch)
		return CALLERD_NO_SOCKET;
	event = &scratch->event;
	event->text_size = 0;
	__builtin_memset(event->text, 0, CALLERD_PATH_KEY_SIZE);
	if (!text_add_path(event, dentry, mnt) && event->text_size <= CALLERD_PATH_KEY_SIZE)
		index = bpf_map_lookup_elem(&paths, event->text);
	give_scratch(scratch);
	if (!index)
		return CALLERD_NO_SOCKET;
	node_key(BPF_CORE_READ(dentry, d_inode), &node);
	remember_node(&node, *index);
	return *index;
}

/* DAEMON begins a connection that is not watched: an earlier one at its address has ended
 * unseen. */
static __always_inline void forget_connection(const struct sock *daemon)
{
	__u64 key = (__u64)daemon;

	end_connection(daemon, CALLERD_END_REPLACED);
	bpf_map_delete_elem(&connections, &key);
}

/* The CONNECT event was lost: the connector's first send has a SENDER event, as any other
 * sender's. */
static __always_inline void forget_connector(struct connection *connection)
{
	if (connection)
		connection->sender[0] = 0;
}

/* Describes the process that called listen(): ADDRESS is that of its struct pid, UID its effective
 * UID. */
CHECKED_ONCE int describe_server(struct callerd_caller_event *event, __u64 address, __u32 uid)
{
	struct pid *pid = (struct pid *)address;

	if (!event || !pid)
		return 0;
	event->server_pid = BPF_CORE_READ(pid, numbers[0].nr);
	event->server_start = pid_start(pid);
	event->server_uid = uid;
	return 0;
}

/* The current process connects to LISTENER, whose end of the connection will be DAEMON. */
static __always_inline void on_connect(const struct sock *listener, const struct sock *daemon)
{
	__u32 socket = watched_socket(listener);
	struct connection *connection;
	struct scratch *scratch;
	__u64 account, key;
	bool known;

	if (!daemon)
		return;
	if (is_agent()) {
		forget_connection(daemon);
		return;
	}
	if (socket == CALLERD_NO_SOCKET)
		socket = watched_path((__u64)bound_dentry(listener),
				      (__u64)BPF_CORE_READ(unix_socket(listener), path.mnt));
	if (socket == CALLERD_NO_SOCKET)
		return;
	account = current_account();
	key = sender_key();
	connection = add_connection(daemon, socket, key, account, 0);
	if (is_deserted()) {
		lose(account, CALLERD_LOSS_AWAY_CALLER);
		forget_connector(connection);
		return;
	}
	scratch = take_scratch();
	if (!scratch) { /* take_scratch() counted the loss */
		forget_connector(connection);
		return;
	}
	fill_header(&scratch->event.header, CALLERD_EVENT_CONNECT, 0, connection);
	scratch->event.header.socket = socket;
	scratch->event.header.account = account;
	known = describe_caller(&scratch->event, key);
	describe_node(&scratch->event, (__u64)bound_dentry(listener));
	describe_server(&scratch->event, (__u64)BPF_CORE_READ(listener, sk_peer_pid),
			BPF_CORE_READ(listener, sk_peer_cred, euid.val));
	if (send_caller(&scratch->event, CALLERD_LOSS_CONNECT, !known && settings.labels))
		forget_connector(connection);
	give_scratch(scratch);
}

struct basename_search {
	const struct callerd_caller_event *event;
	__u32 start;
};

static long basename_step(__u32 index, void *context)
{
	struct basename_search *search = context;

	if (index >= CALLERD_ADDRESS_MAX || !search->event->text[index])
		return 1;
	if (search->event->text[index] == '/')
		search->start = index + 1;
	return 0;
}

/* Whether the last component of the address in EVENT's text is that of a watched socket. */
CHECKED_ONCE int has_watched_basename(struct callerd_caller_event *event)
{
	struct basename_search search = {.event = event};
	struct basename name = {};

	if (!event)
		return 0;
	bpf_loop(CALLERD_ADDRESS_MAX, basename_step, &search, 0);
	bpf_probe_read_kernel_str(name.text, sizeof(name.text), event->text + (search.start & 127));
	return bpf_map_lookup_elem(&basenames, &name) != NULL;
}

/* Whether ERROR comes from the node that the address names, not from a misuse of the call.
 * Connects to any absent service fail with ENOENT, so on_refused() counts that error only for
 * watched names. */
static __always_inline bool error_of_node(long error)
{
	switch (error) {
	case EACCES:
	case ECONNREFUSED:
	case EPERM:
	case EAGAIN:
	case EPROTOTYPE:
	case EINTR:
	case ERESTARTSYS:
	case ENOENT:
		return true;
	}
	return false;
}

/* Copies the path out of a sockaddr_un of SIZE bytes in kernel memory, where no NUL need end the
 * path. */
static __always_inline void copy_address(char path[CALLERD_ADDRESS_MAX + 4], void *address,
					 __u32 size)
{
	if (size <= SUN_PATH_OFFSET)
		return;
	size -= SUN_PATH_OFFSET - 1;
	if (size > CALLERD_ADDRESS_MAX + 1)
		size = CALLERD_ADDRESS_MAX + 1;
	bpf_probe_read_kernel_str(path, size, address + SUN_PATH_OFFSET);
}

struct mount_search {
	struct callerd_caller_event *event;
	struct mount *root, *at;
	bool up; /* all mounts below .at were visited */
};

/* The index of the watched socket that ROOT, a mount's root, is the node or the directory of; else
 * CALLERD_NO_SOCKET. */
static __always_inline __u32 mounted_socket(struct dentry *root)
{
	struct callerd_node_key directory = {};
	__u32 *index;

	node_key(BPF_CORE_READ(root, d_inode), &directory);
	index = bpf_map_lookup_elem(&directories, &directory);
	return index ? *index : watched_dentry((__u64)root);
}

/* The mount whose entry in its parent's list of mounts is LINK. */
static __always_inline struct mount *mount_of(struct list_head *link)
{
	return (void *)link - bpf_core_field_offset(struct mount, mnt_child);
}

/* Steps to the next mount, depth first, or up to a parent, whose siblings may follow. Returns
 * whether .at is a mount that was not visited yet. */
static __always_inline bool next_mount(struct mount_search *search)
{
	struct mount *at = search->at, *parent = BPF_CORE_READ(at, mnt_parent);
	struct list_head *next = BPF_CORE_READ(at, mnt_mounts.next);

	if (!search->up &&
	    (void *)next != (void *)at + bpf_core_field_offset(struct mount, mnt_mounts)) {
		search->at = mount_of(next);
		return true;
	}
	next = BPF_CORE_READ(at, mnt_child.next);
	search->up =
		(void *)next == (void *)parent + bpf_core_field_offset(struct mount, mnt_mounts);
	search->at = search->up ? parent : mount_of(next);
	return !search->up;
}

static long mount_step(__u32 index, void *context)
{
	struct mount_search *search = context;
	struct mount *mount;
	struct dentry *root;
	__u32 socket;

	if (search->up && search->at == search->root)
		return 1;
	if (!next_mount(search))
		return 0;
	mount = search->at;
	root = BPF_CORE_READ(mount, mnt.mnt_root);
	socket = mounted_socket(root);
	if (socket == CALLERD_NO_SOCKET)
		return 0;
	search->event->header.socket = socket;
	text_add_path(search->event, root,
		      (void *)mount + bpf_core_field_offset(struct mount, mnt));
	return 1;
}

/* Appends the path where the caller, in a container, has a watched socket or its directory
 * mounted. */
CHECKED_ONCE int add_mounted(struct callerd_caller_event *event)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mount_search search = {.event = event};
	struct vfsmount *root = BPF_CORE_READ(task, fs, root.mnt);
	struct mount *mount = (void *)root - bpf_core_field_offset(struct mount, mnt);

	if (!event || event->mnt_ns == settings.agent_mnt_ns)
		return 0;
	search.root = search.at = mount;
	bpf_loop(MOUNTS_MAX, mount_step, &search, 0);
	return 0;
}

/* The node that the address of a failed connect led to, as far as the kernel programs know. */
enum refused_by {
	REFUSED_BY_UNKNOWN, /* user space has to resolve the path */
	REFUSED_BY_NONE,    /* no node that could have refused the connect */
	REFUSED_BY_OTHER,   /* a node that is not watched */
	REFUSED_BY_WATCHED,
};

struct refusal {
	enum refused_by by;
	__u32 socket; /* REFUSED_BY_WATCHED: the socket's index */
};

/* The current process failed to connect to ADDRESS (kernel memory). */
static __always_inline void on_refused(const char *address, long error,
				       const struct refusal *refusal)
{
	struct scratch *scratch;
	__u64 account;
	bool named = refusal->by == REFUSED_BY_WATCHED;

	if (refusal->by == REFUSED_BY_OTHER || !error_of_node(error) || is_agent())
		return;
	scratch = take_scratch();
	if (!scratch)
		return;
	if (!named) {
		bpf_probe_read_kernel_str(scratch->event.text, CALLERD_ADDRESS_MAX + 1, address);
		named = has_watched_basename(&scratch->event);
	}
	if (error == ENOENT && !named)
		goto out;
	error = error == ERESTARTSYS ? EINTR : error;
	account = current_account();
	if (!may_describe_refused(account, named ? CALLERD_REFUSED_NAMED : CALLERD_REFUSED_OTHER,
				  refusal->socket, error))
		goto out;
	if (is_deserted()) {
		lose(account, CALLERD_LOSS_AWAY_CALLER);
		goto out;
	}
	fill_header(&scratch->event.header, CALLERD_EVENT_REFUSED, 0, NULL);
	scratch->event.header.account = account;
	scratch->event.header.socket = refusal->socket;
	if (refusal->by == REFUSED_BY_WATCHED)
		scratch->event.header.flags |= CALLERD_FLAG_RESOLVED;
	if (refusal->by == REFUSED_BY_NONE)
		scratch->event.header.flags |= CALLERD_FLAG_NO_NODE;
	describe_caller(&scratch->event, sender_key());
	scratch->event.error = error;
	text_begin(&scratch->event, &scratch->event.address);
	scratch->event.address.flags = text_add(&scratch->event, address);
	if (refusal->by != REFUSED_BY_WATCHED)
		add_mounted(&scratch->event);
	text_end(&scratch->event, &scratch->event.address);
	send_caller(&scratch->event, CALLERD_LOSS_REFUSED, true);
out:
	give_scratch(scratch);
}

#endif
