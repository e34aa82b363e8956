/* SPDX-License-Identifier: GPL-2.0-only */
/* Which sockets are watched, and the table of connections. */
#ifndef CALLERD_BPF_SOCKET_H
#define CALLERD_BPF_SOCKET_H

#include "account.h"

/* File systems reuse inode numbers, so a node's key has the inode's generation. Overlayfs has no
 * generations of its own: a socket there has the generation of its inode in the upper layer. */
static __always_inline __u32 overlay_generation(struct inode *inode)
{
	struct ovl_inode *overlay;

	if (!bpf_core_type_exists(struct ovl_inode))
		return 0;
	overlay = (void *)inode - bpf_core_field_offset(struct ovl_inode, vfs_inode);
	return BPF_CORE_READ(overlay, __upperdentry, d_inode, i_generation);
}

static __always_inline void node_key(struct inode *inode, struct callerd_node_key *key)
{
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);

	key->inode = BPF_CORE_READ(inode, i_ino);
	key->device = BPF_CORE_READ(sb, s_dev);
	key->generation = BPF_CORE_READ(inode, i_generation);
	if (BPF_CORE_READ(sb, s_magic) == OVERLAYFS_SUPER_MAGIC &&
	    (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFSOCK)
		key->generation = overlay_generation(inode);
}

static __always_inline struct unix_sock *unix_socket(const struct sock *sk)
{
	return (struct unix_sock *)sk; /* struct sock is its first member */
}

/* The dentry that the Unix socket SK is bound to; an accepted socket has its listener's. NULL: SK
 * is bound to no path. */
static __always_inline struct dentry *bound_dentry(const struct sock *sk)
{
	return BPF_CORE_READ(unix_socket(sk), path.dentry);
}

static __always_inline bool may_be_watched(struct inode *inode)
{
	unsigned long number = BPF_CORE_READ(inode, i_ino);

	return control.inode_filter[CALLERD_FILTER_WORD(number)] & CALLERD_FILTER_BIT(number);
}

static __always_inline void remember_node(const struct callerd_node_key *node, __u32 index)
{
	__sync_fetch_and_or(&control.inode_filter[CALLERD_FILTER_WORD(node->inode)],
			    CALLERD_FILTER_BIT(node->inode));
	bpf_map_update_elem(&nodes, node, &index, BPF_ANY);
}

CHECKED_ONCE __u32 watched_dentry(__u64 address)
{
	struct dentry *dentry = (struct dentry *)address;
	struct callerd_node_key node = {};
	struct callerd_node_key directory = {};
	struct callerd_name_key name = {};
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	struct inode *parent;
	__u32 *index;

	if (!inode)
		return CALLERD_NO_SOCKET;
	if (may_be_watched(inode)) {
		node_key(inode, &node);
		index = bpf_map_lookup_elem(&nodes, &node);
		if (index)
			return *index;
	}
	parent = BPF_CORE_READ(dentry, d_parent, d_inode);
	if (!may_be_watched(parent))
		return CALLERD_NO_SOCKET;
	node_key(inode, &node);
	node_key(parent, &directory);
	if (!bpf_map_lookup_elem(&directories, &directory))
		return CALLERD_NO_SOCKET;
	name.inode = directory.inode;
	name.device = directory.device;
	name.generation = directory.generation;
	bpf_probe_read_kernel_str(name.name, sizeof(name.name), BPF_CORE_READ(dentry, d_name.name));
	index = bpf_map_lookup_elem(&names, &name);
	if (!index)
		return CALLERD_NO_SOCKET;
	remember_node(&node, *index);
	return *index;
}

/* The index of the watched socket that SK, a daemon's end or a listener, belongs to; else
 * CALLERD_NO_SOCKET. */
static __always_inline __u32 watched_socket(const struct sock *sk)
{
	struct dentry *dentry = bound_dentry(sk);

	return dentry ? watched_dentry((__u64)dentry) : CALLERD_NO_SOCKET;
}

static __always_inline struct connection *find_connection(const struct sock *daemon)
{
	__u64 key = (__u64)daemon;

	return bpf_map_lookup_elem(&connections, &key);
}

static __always_inline bool foreign_net_ns(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != settings.agent_net_ns;
}

static __always_inline void end_connection(const struct sock *daemon, __u32 reason)
{
	struct connection *connection = find_connection(daemon);
	struct callerd_end_event *event;
	__u64 key = (__u64)daemon, id;

	if (!connection)
		return;
	id = connection->id; /* Linux 6.1 takes keys on the stack alone */
	event = RESERVE(payload, CALLERD_RING_PAYLOAD, connection->account, sizeof(*event));
	if (event) {
		fill_header(&event->header, CALLERD_EVENT_END, sizeof(*event), connection);
		event->received = connection->received;
		event->answered = connection->answered;
		event->answered_at = connection->answered_at;
		event->reason = reason;
		event->reserved = 0;
		bpf_ringbuf_submit(event, wake_flags(&payload));
	} else {
		lose(connection->account, CALLERD_LOSS_END);
	}
	if (connection->session)
		bpf_map_delete_elem(&sessions, &id);
	if (reason != CALLERD_END_REPLACED)
		bpf_map_delete_elem(&connections, &key);
}

/* Whether the connection at DAEMON is one whose client answers, as is_reversed() of frames.h has it. */
static __always_inline __u32 was_reversed(const struct sock *daemon)
{
	const struct connection *old = find_connection(daemon);

	return old && (old->protocol == PROTOCOL_SESSION ||
		       (old->switched && old->protocol == PROTOCOL_OTHER));
}

/* Adds a connection to the table; a full table drops the connection that was idle longest. NULL:
 * the table has no room all the same, and the loss was counted. Not inlined: the programs that
 * describe callers have little stack left. */
static __noinline struct connection *add_connection(const struct sock *daemon, __u32 socket,
						    __u64 sender, __u64 account, __u32 flags)
{
	__u64 key = (__u64)daemon;
	struct connection connection = {
		.id = __sync_fetch_and_add(&control.last_connection, 1) + 1,
		.account = account,
		.daemon = key,
		.connector = sender,
		.sender = {sender},
		.budget = {settings.request_budget, settings.response_budget},
		.socket = socket,
		.flags = flags | (foreign_net_ns(daemon) ? CALLERD_FLAG_FOREIGN : 0),
		.speaking = CALLERD_RESPONSE,
		.epoch = control.epoch,
		/* The first bytes of an older one, which may say anything, were not seen. */
		.protocol = flags & CALLERD_FLAG_PREEXISTING ? PROTOCOL_OTHER : PROTOCOL_UNKNOWN,
		/* Where the agent forgot one, what its client answers is as little wanted as before. */
		.switched = flags & CALLERD_FLAG_PREEXISTING ? was_reversed(daemon) : 0,
	};

	end_connection(daemon, CALLERD_END_REPLACED);
	if (bpf_map_update_elem(&connections, &key, &connection, BPF_ANY)) {
		lose(account, CALLERD_LOSS_TABLE);
		return NULL;
	}
	return find_connection(daemon);
}

/* When the process of PID started; 0: the process is gone. A struct pid never comes to mean another
 * process. */
static __always_inline struct task_struct *pid_leader(struct pid *pid)
{
	struct hlist_node *link = BPF_CORE_READ(pid, tasks[PIDTYPE_TGID].first);

	return link ? (void *)link -
			       bpf_core_field_offset(struct task_struct, pid_links[PIDTYPE_TGID])
		    : NULL;
}

static __always_inline __u64 pid_start(struct pid *pid)
{
	struct task_struct *task = pid_leader(pid);

	return task ? BPF_CORE_READ(task, start_boottime) : 0;
}

static __always_inline bool is_agent_itself(struct task_struct *leader)
{
	return (__u64)BPF_CORE_READ(leader, tgid) == control.agent_pid &&
	       BPF_CORE_READ(leader, start_boottime) == control.agent_start;
}

/* Whether LEADER, of its threads, is the agent or its broker, which is the only process that the agent starts. */
static __always_inline bool is_of_agent(struct task_struct *leader)
{
	return is_agent_itself(leader) ||
	       is_agent_itself(BPF_CORE_READ(leader, real_parent, group_leader));
}

/* Whether the agent itself made the connection, to ask the daemon. Such connections have no
 * records. */
static __always_inline bool of_agent(const struct sock *daemon)
{
	struct pid *pid = BPF_CORE_READ(daemon, sk_peer_pid);

	struct task_struct *leader = pid ? pid_leader(pid) : NULL;

	return !settings.own_calls && leader && is_of_agent(leader);
}

/* Sends the PEER event: what the kernel itself recorded of the connector. Not inlined: the programs
 * that call it have little stack left. */
static __noinline int tell_peer(struct connection *connection, __u64 daemon_address)
{
	const struct sock *daemon = (const struct sock *)daemon_address;
	struct callerd_peer_event *event;
	struct pid *pid;

	if (!connection)
		return 0;
	event = RESERVE(callers, CALLERD_RING_CALLERS, connection->account, sizeof(*event));
	if (!event) {
		lose(connection->account, CALLERD_LOSS_SENDER);
		return 0;
	}
	fill_header(&event->header, CALLERD_EVENT_PEER, sizeof(*event), connection);
	pid = BPF_CORE_READ(daemon, sk_peer_pid);
	event->pid = pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;
	event->start = pid ? pid_start(pid) : 0;
	event->uid = BPF_CORE_READ(daemon, sk_peer_cred, euid.val);
	event->gid = BPF_CORE_READ(daemon, sk_peer_cred, egid.val);
	event->reserved = 0;
	bpf_ringbuf_submit(event, wake_flags(&callers));
	return 0;
}

/* Adds a connection that is older than the agent: of its connector only the kernel's peer
 * credentials are known. NULL: the connection is the agent's own, or there is no room. Not inlined:
 * a connection is large, and the stack is short. */
static __noinline struct connection *add_preexisting(const struct sock *daemon, __u32 socket)
{
	struct connection *connection;

	if (of_agent(daemon))
		return NULL;
	connection =
		add_connection(daemon, socket, 0, peer_account(daemon), CALLERD_FLAG_PREEXISTING);
	if (connection)
		tell_peer(connection, (__u64)daemon);
	return connection;
}

#endif
