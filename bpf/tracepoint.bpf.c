// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend for kernels that refuse BPF trampolines (lockdown, no ftrace direct calls). It needs
 * the tracepoints sock:sk_data_ready, sock_send_length and sock_recv_length (Linux 6.3) and, for
 * the address of a connect, cgroup/connect_unix (Linux 6.7).
 *
 *   cgroup/connect_unix   a connect begins: its socket and address are remembered
 *   sk_data_ready         in the context of the process that made the socket readable: on a listener
 *                         a connect that succeeds, on the daemon's end a send
 *   sys_exit_connect      a connect ends, perhaps refused
 *   sock_send_length      after a send, on the client's end and on the daemon's
 *   sock_recv_length      after a receive, on the daemon's end
 */
#define HAS_CAST 1 /* since Linux 6.2 */
#include "common.h"

/* A connect that is under way. */
struct pending {
	struct sock *client;
	char address[CALLERD_ADDRESS_MAX + 4];
};

/* connect_end() removes each entry. One that is full takes no more; what finds no room is in the other one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); /* bpf_get_current_pid_tgid() */
	__type(value, struct pending);
} pendings SEC(".maps");

/* Those of calls whose end no program sees, too: the oldest ones make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct pending);
} other_pendings SEC(".maps");

static __always_inline struct pending *find_pending(__u64 id)
{
	return bpf_map_lookup_elem(&pendings, &id) ?: bpf_map_lookup_elem(&other_pendings, &id);
}

/* Whether the current task is in connect(2) of the 64-bit kind: not in io_uring, not in socketcall(2). */
static __always_inline bool in_connect(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	return !arch_is_compat(task) &&
	       !(BPF_CORE_READ(task, flags) & (PF_IO_WORKER | PF_KTHREAD)) &&
	       arch_call(regs) == NR_connect;
}

/* libbpf before 1.3 does not know cgroup/connect_unix: user space sets the attach type. */
SEC("cgroup/connect4")
int connect_begin(struct bpf_sock_addr *context)
{
	struct bpf_sock_addr_kern *kernel = bpf_cast_to_kern_ctx(context);
	__u64 id = bpf_get_current_pid_tgid();
	struct pending pending = {};

	pending.client = BPF_CORE_READ(kernel, sk);
	/* The address is kept only where connect_end() will run and delete the entry. */
	if (in_connect()) {
		copy_address(pending.address, BPF_CORE_READ(kernel, uaddr), kernel->uaddrlen);
		if (!bpf_map_update_elem(&pendings, &id, &pending, BPF_ANY))
			return 1;
	}
	bpf_map_update_elem(&other_pendings, &id, &pending, BPF_ANY);
	return 1;
}

/* The daemon's end of the connection that the current process makes to LISTENER. */
static __always_inline const struct sock *connected_end(const struct sock *listener)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct pending *pending = find_pending(id);
	struct unix_sock *client;
	struct sk_buff *last;

	if (pending) {
		client = unix_socket(pending->client);
		return BPF_CORE_READ(client, peer);
	}
	/* the map had no room for the entry */
	last = BPF_CORE_READ(listener, sk_receive_queue.prev);
	return BPF_CORE_READ(last, sk);
}

static __always_inline bool is_unix_stream(const struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_UNIX && sk->sk_type == SOCK_STREAM;
}

static __always_inline void look_at_ready(const struct sock *sk)
{
	__u8 state = sk->__sk_common.skc_state;

	if (state == TCP_LISTEN && bound_dentry(sk))
		on_connect(sk, connected_end(sk));
	else if (state == TCP_ESTABLISHED && bound_dentry(sk))
		on_sender(sk, 1);
}

/* The kernel runs no program within itself: where the network interrupts this one and makes another socket readable, it
 * counts a miss, by which nothing is missed. */
SEC("tp_btf/sk_data_ready")
int BPF_PROG(data_ready, const struct sock *sk)
{
	if (is_unix_stream(sk))
		look_at_ready(sk);
	return 0;
}

static __always_inline bool begins_with(const char *text, const char *wanted, __u32 size)
{
	for (__u32 i = 0; i < size; i++)
		if (text[i] != wanted[i])
			return false;
	return true;
}

#define BEGINS_WITH(text, wanted) begins_with(text, wanted, sizeof(wanted) - 1)
#define FD_DIGITS 7

/* Where in an address that leads through a descriptor of the current process its number begins; 0: it does not. */
CHECKED_ONCE __u32 descriptor_begin(struct pending *pending)
{
	if (!pending)
		return 0;
	if (BEGINS_WITH(pending->address, "/proc/self/fd/"))
		return sizeof("/proc/self/fd/") - 1;
	if (BEGINS_WITH(pending->address, "/proc/thread-self/fd/"))
		return sizeof("/proc/thread-self/fd/") - 1;
	if (BEGINS_WITH(pending->address, "/dev/fd/"))
		return sizeof("/dev/fd/") - 1;
	return 0;
}

/* The index of the watched socket at an address that leads through a descriptor of the current
 * process, as /proc/self/fd/5 or /proc/self/fd/5/docker.sock; else CALLERD_NO_SOCKET. User space
 * would come too late: the process may have closed the descriptor by then. */
CHECKED_ONCE __u32 socket_by_descriptor(struct pending *pending)
{
	struct callerd_node_key directory = {};
	struct callerd_name_key name = {};
	struct dentry *dentry;
	__u32 fd = 0, at, *index;
	char next = 0;

	if (!pending)
		return CALLERD_NO_SOCKET;
	at = descriptor_begin(pending) & 31; /* for the verifier: no prefix is longer */
	if (!at)
		return CALLERD_NO_SOCKET;
	for (__u32 i = 0; i < FD_DIGITS; i++) {
		next = pending->address[at];
		if (next < '0' || next > '9')
			break;
		fd = fd * 10 + next - '0';
		at++;
	}
	dentry = open_dentry(fd);
	if (!dentry)
		return CALLERD_NO_SOCKET;
	next = pending->address[at];
	if (!next)
		return watched_dentry((__u64)dentry);
	if (next != '/')
		return CALLERD_NO_SOCKET;
	node_key(BPF_CORE_READ(dentry, d_inode), &directory);
	name.inode = directory.inode;
	name.device = directory.device;
	name.generation = directory.generation;
	bpf_probe_read_kernel_str(name.name, sizeof(name.name), pending->address + at + 1);
	index = bpf_map_lookup_elem(&names, &name);
	return index ? *index : CALLERD_NO_SOCKET;
}

static __always_inline void refuse(struct pending *pending, long error)
{
	struct refusal refusal = {.socket = socket_by_descriptor(pending)};

	if (refusal.socket != CALLERD_NO_SOCKET)
		refusal.by = REFUSED_BY_WATCHED;
	on_refused(pending->address, error, &refusal);
}

SEC("tracepoint/syscalls/sys_exit_connect")
int connect_end(struct trace_event_raw_sys_exit *context)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct pending *pending;
	long result = context->ret;

	barrier_var(
		result); /* read before the branches, behind which the verifier takes no context that was moved */
	pending = find_pending(id);
	if (!pending)
		return 0;
	if (result < 0 && pending->address[0])
		refuse(pending, -result);
	if (bpf_map_delete_elem(&pendings, &id))
		bpf_map_delete_elem(&other_pendings, &id);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(send_length, struct sock *sk, int result, int flags)
{
	struct tcp_mark *mark;
	struct sock *peer;

	if (!is_unix_stream(sk)) {
		mark = find_mark(sk);
		if (mark)
			on_tcp_answered(sk, mark, result);
		return 0;
	}
	if (bound_dentry(sk))
		on_answered(sk, result);
	peer = BPF_CORE_READ(unix_socket(sk), peer);
	if (!peer || !bound_dentry(peer))
		return 0;
	on_sent(peer, result, false);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(recv_length, struct sock *sk, int result, int flags)
{
	struct tcp_mark *mark;

	if (!is_unix_stream(sk)) {
		mark = find_mark(sk);
		if (mark)
			on_tcp_received(sk, mark, result, flags);
		return 0;
	}
	if (bound_dentry(sk))
		on_received(sk, result, flags);
	return 0;
}
