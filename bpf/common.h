/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs that both backends have, and the license, which every object needs once. */
#ifndef CALLERD_BPF_COMMON_H
#define CALLERD_BPF_COMMON_H

#include "depart.h"
#include "stream.h"
#include "tcp.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void identify_dentry(struct dentry *dentry, struct callerd_node_key *key)
{
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);

	if (inode)
		node_key(inode, key);
}

/* The file open as descriptor FD of the current process; NULL: FD is not open. */
static __always_inline struct file *open_file(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;
	struct file **files;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

static __always_inline struct dentry *open_dentry(__u32 fd)
{
	struct file *file = open_file(fd);

	return file ? BPF_CORE_READ(file, f_path.dentry) : NULL;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state, struct sock *sk, int old, int new)
{
	if (new == TCP_LISTEN)
		__sync_fetch_and_add(&control.started, 1);
	return 0;
}

/* The agent runs this program on its queues of fanotify. */
SEC("syscall")
int queue(struct callerd_queue *request)
{
	struct file *file = open_file(request->fd);
	__u32 index = request->index;

	if (file && index < CALLERD_GUARD_QUEUES)
		control.guard_queues[index] = (__u64)BPF_CORE_READ(file, private_data);
	return 0;
}

/* The agent runs this program on an open file of its own, to learn the kernel's key of the file.
 * stat() would not do: its device numbers are not the kernel's on btrfs and overlayfs. */
SEC("syscall")
int identify(struct callerd_identify *request)
{
	struct callerd_node_key node = {}, parent = {};
	struct dentry *dentry = open_dentry(request->fd);
	struct task_struct *task = bpf_get_current_task_btf();

	control.agent_pid = bpf_get_current_pid_tgid() >> 32;
	control.agent_start = BPF_CORE_READ(task, group_leader, start_boottime);
	if (request->fd == CALLERD_PROBE)
		control.probe = request->thread;
	if (!dentry)
		return 0;
	identify_dentry(dentry, &node);
	identify_dentry(BPF_CORE_READ(dentry, d_parent), &parent);
	request->node = node;
	request->parent = parent;
	request->mode = BPF_CORE_READ(dentry, d_inode, i_mode);
	request->socket = watched_dentry((__u64)dentry);
	request->found = 1;
	return 0;
}

/* Whether the client of SK, a daemon's end, is gone, and the daemon has read all that it sent. The
 * daemon may keep its end open all the same: dockerd does so with the connection of an exec whose
 * input nobody attached. */
static __always_inline bool is_through(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_shutdown) == SHUTDOWN_MASK &&
	       !BPF_CORE_READ(sk, sk_receive_queue.qlen);
}

/* Whether SK is a daemon's end of a connection to a watched socket, and the agent did not make it. */
static __always_inline bool is_of_others(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_ESTABLISHED && !of_agent(sk) &&
	       watched_socket(sk) != CALLERD_NO_SOCKET;
}

/* Lists the living connections in living_ids, and in unseen those that no program saw. The iterator's own output would not do: the walk
 * stops whenever that is full, and where it resumes the kernel may leave sockets out. */
SEC("iter/unix")
int living(struct bpf_iter__unix *context)
{
	struct unix_sock *unix_sk = context->unix_sk;
	struct connection *connection;
	__u64 id;

	if (!unix_sk)
		return 0;
	connection = find_connection((struct sock *)unix_sk);
	if (!connection && is_of_others((struct sock *)unix_sk)) {
		id = (__u64)unix_sk;
		bpf_map_push_elem(&unseen, &id, BPF_EXIST);
	}
	if (!connection || is_through((struct sock *)unix_sk) ||
	    watched_socket((struct sock *)unix_sk) == CALLERD_NO_SOCKET)
		return 0;
	list_living(connection);
	return 0;
}

static long totals_step(void *map, const void *key, struct connection *connection,
			struct callerd_totals *totals)
{
	if (connection->id != totals->connection)
		return 0;
	totals->received = connection->received;
	totals->answered = connection->answered;
	totals->answered_at = connection->answered_at;
	totals->found = 1;
	return 1;
}

/* The agent runs this program for a connection that ended without an END event, which would have
 * these numbers. */
SEC("syscall")
int totals(struct callerd_totals *request)
{
	struct callerd_totals found = {.connection = request->connection};

	bpf_for_each_map_elem(&connections, totals_step, &found, 0);
	*request = found;
	return 0;
}

#endif
