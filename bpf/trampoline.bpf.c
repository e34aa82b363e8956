// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backend for kernels that allow BPF trampolines.
 *
 *   lsm/unix_stream_connect          a connect that will succeed, in the caller's context
 *   fentry/security_unix_stream_...  the same where bpf is not an active LSM
 *   fexit/unix_stream_connect        a connect that failed, also before any LSM hook
 *   fexit/unix_dgram_connect         the same with a socket of the wrong type
 *   fexit/kern_path                  the node that the address of a connect led to
 *   fentry, fexit/unix_stream_sendmsg  the sender, before its bytes can be read; then their
 *                                    count; and the daemon's answers
 *   fentry, fexit/unix_stream_sendpage  the same for splice(2) and sendfile(2), before Linux 6.5
 *   fexit/unix_stream_recvmsg        what the daemon read
 *   fentry/unix_release              the daemon closes
 *   fexit/tcp_sendmsg, tcp_sendpage  what the daemon wrote on TCP, and
 *   fexit/tcp_recvmsg                what it read there: only where engines are looked for, see tcp.h
 */
#include "common.h"

SEC("lsm/unix_stream_connect")
int BPF_PROG(connect_lsm, struct sock *sk, struct sock *other, struct sock *newsk)
{
	on_connect(other, newsk);
	return 0;
}

SEC("fentry/security_unix_stream_connect")
int BPF_PROG(connect_function, struct sock *sk, struct sock *other, struct sock *newsk)
{
	on_connect(other, newsk);
	return 0;
}

/* The node that the path of a connect led to, while that connect is under way. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* bpf_get_current_pid_tgid() */
	__type(value, struct refusal);
} refusals SEC(".maps");

/* Connects and sends to a path resolve it with kern_path(). Little else calls that function. */
SEC("fexit/kern_path")
int BPF_PROG(path_found, const char *name, unsigned int flags, struct path *path, int result)
{
	struct refusal refusal = {.by = REFUSED_BY_NONE, .socket = CALLERD_NO_SOCKET};
	__u64 id = bpf_get_current_pid_tgid();
	struct dentry *dentry;

	if (!result) {
		dentry = BPF_CORE_READ(path, dentry);
		refusal.socket = watched_dentry((__u64)dentry);
		if (refusal.socket == CALLERD_NO_SOCKET)
			refusal.socket =
				watched_path((__u64)dentry, (__u64)BPF_CORE_READ(path, mnt));
		refusal.by =
			refusal.socket == CALLERD_NO_SOCKET ? REFUSED_BY_OTHER : REFUSED_BY_WATCHED;
	}
	bpf_map_update_elem(&refusals, &id, &refusal, BPF_ANY);
	return 0;
}

static __always_inline int on_connect_end(void *address, int size, int result)
{
	struct refusal known = {.by = REFUSED_BY_UNKNOWN, .socket = CALLERD_NO_SOCKET};
	char path[CALLERD_ADDRESS_MAX + 4] = {};
	__u64 id = bpf_get_current_pid_tgid();
	struct refusal *refusal = bpf_map_lookup_elem(&refusals, &id);

	if (refusal) {
		known = *refusal;
		bpf_map_delete_elem(&refusals, &id);
	}
	if (result >= 0)
		return 0;
	copy_address(path, address, size);
	if (path[0])
		on_refused(path, -result, &known);
	return 0;
}

SEC("fexit/unix_stream_connect")
int BPF_PROG(connect_end, struct socket *socket, void *address, int size, int flags, int result)
{
	return on_connect_end(address, size, result);
}

SEC("fexit/unix_dgram_connect")
int BPF_PROG(connect_wrong_end, struct socket *socket, void *address, int size, int flags,
	     int result)
{
	return on_connect_end(address, size, result);
}

/* A send on SOCKET begins. Returns the daemon's end, if the bytes go there; else NULL. */
static __always_inline struct sock *on_send_begin(struct socket *socket)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);
	struct sock *peer = sk ? BPF_CORE_READ(unix_socket(sk), peer) : NULL;

	if (!peer || !bound_dentry(peer))
		return NULL;
	on_sender(peer, 0);
	return peer;
}

static __always_inline int on_send_end(struct socket *socket, long result)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);
	struct sock *peer;

	if (!sk)
		return 0;
	if (bound_dentry(sk))
		on_answered(sk, result);
	peer = BPF_CORE_READ(unix_socket(sk), peer);
	if (peer && bound_dentry(peer))
		on_sent(peer, result, true);
	return 0;
}

SEC("fentry/unix_stream_sendmsg")
int BPF_PROG(send_begin, struct socket *socket, struct msghdr *message, unsigned long size)
{
	struct sock *peer = on_send_begin(socket);
	struct connection *connection = peer ? find_connection(peer) : NULL;

	if (connection && BPF_CORE_READ(message, msg_flags) & MSG_OOB)
		mark_out_of_band(connection);
	return 0;
}

SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(send_end, struct socket *socket, struct msghdr *message, unsigned long size,
	     int result)
{
	return on_send_end(socket, result);
}

/* splice(2) and sendfile(2) call this function before Linux 6.5. */
SEC("fentry/unix_stream_sendpage")
int BPF_PROG(page_begin, struct socket *socket)
{
	on_send_begin(socket);
	return 0;
}

SEC("fexit/unix_stream_sendpage")
int BPF_PROG(page_end, struct socket *socket, void *page, int offset, unsigned long size, int flags,
	     long result)
{
	return on_send_end(socket, result);
}

SEC("fexit/unix_stream_recvmsg")
int BPF_PROG(receive_end, struct socket *socket, struct msghdr *message, unsigned long size,
	     int flags, int result)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);

	if (sk && bound_dentry(sk))
		on_received(sk, result, flags);
	return 0;
}

SEC("fentry/unix_release")
int BPF_PROG(release, struct socket *socket)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);

	if (sk && bound_dentry(sk))
		end_connection(sk, CALLERD_END_DAEMON);
	return 0;
}

SEC("fexit/tcp_sendmsg")
int BPF_PROG(tcp_send_end, struct sock *sk, struct msghdr *message, unsigned long size, int result)
{
	struct tcp_mark *mark = find_mark(sk);

	if (mark)
		on_tcp_answered(sk, mark, result);
	return 0;
}

/* splice(2) and sendfile(2) call this function before Linux 6.5. */
SEC("fexit/tcp_sendpage")
int BPF_PROG(tcp_page_end, struct sock *sk, void *page, int offset, unsigned long size, int flags,
	     int result)
{
	struct tcp_mark *mark = find_mark(sk);

	if (mark)
		on_tcp_answered(sk, mark, result);
	return 0;
}

SEC("fexit/tcp_recvmsg")
int BPF_PROG(tcp_receive_end, struct sock *sk, struct msghdr *message, unsigned long size,
	     int flags, int *address_size, int result)
{
	struct tcp_mark *mark = find_mark(sk);

	if (mark)
		on_tcp_received(sk, mark, result, flags);
	return 0;
}
