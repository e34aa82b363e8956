/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engines that listen on TCP: the ACCEPT event, and what the daemon reads and writes on such connections.
 *
 * The agent has the listener marked. The kernel copies the mark into the socket of each connection that is made to that
 * listener, before anybody can say a word on it. So no address has to be compared: another socket at the same port has no
 * mark, in whatever network namespace, and whatever process serves the connection in the end. A socket in whose storage
 * nothing lies is none of these, which is one look.
 *
 * Whoever connects from the same network namespace runs while its socket begins to connect: it is described then, and
 * found again by the addresses and ports of both ends, which no two living connections of a namespace share. That
 * process connected; unlike on a Unix socket nobody looks who sends.
 */
#ifndef CALLERD_BPF_TCP_H
#define CALLERD_BPF_TCP_H

#include "stream.h"

#define TLS_HANDSHAKE 0x16 /* what a connection with TLS begins with; in HTTP it is an error */

struct tcp_mark {
	__u32 socket; /* index of the watched socket */
	__u32 flags;  /* CALLERD_FLAG_ bits of the connection */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct tcp_mark);
} tcp_marks SEC(".maps");

/* Who connects. */
struct tcp_caller {
	__u64 id; /* of the connection that is to be; 0: it could not be told who connects */
	__u64 account;
};

/* Not in the sockets' storage: the kernel gives that no room where a process has taken all that its socket may have. For as long as
 * a connection is being made, on this host: as many as a listener lets wait, which are 4,096. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); /* address of the struct sock that connects */
	__type(value, struct tcp_caller);
} tcp_callers SEC(".maps");

/* Both ends of a connection, seen from the one that connected. */
struct tcp_ends {
	struct callerd_endpoint from, to;
	__u64 net; /* address of the network namespace */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct tcp_ends);
	__type(value, struct tcp_caller);
} tcp_connected SEC(".maps");

/* An address of four bytes is told as IPv6 has it: a daemon that listens at [::] sees it so. */
static __always_inline void map_address(struct callerd_endpoint *end, __u32 address)
{
	end->address[2] = bpf_htonl(0xffff);
	end->address[3] = address;
}

static __always_inline void local_end(const struct sock *sk, struct callerd_endpoint *end)
{
	end->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		map_address(end, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	else if (bpf_core_field_exists(sk->__sk_common.skc_v6_rcv_saddr))
		bpf_core_read(end->address, sizeof(end->address),
			      &sk->__sk_common.skc_v6_rcv_saddr);
}

static __always_inline void other_end(const struct sock *sk, struct callerd_endpoint *end)
{
	end->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		map_address(end, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr))
		bpf_core_read(end->address, sizeof(end->address), &sk->__sk_common.skc_v6_daddr);
}

static __always_inline bool is_any(const struct callerd_endpoint *end)
{
	return !end->address[0] && !end->address[1] && !end->address[3] &&
	       (!end->address[2] || end->address[2] == bpf_htonl(0xffff));
}

static __always_inline bool same_address(const struct callerd_endpoint *a,
					 const struct callerd_endpoint *b)
{
	return a->address[0] == b->address[0] && a->address[1] == b->address[1] &&
	       a->address[2] == b->address[2] && a->address[3] == b->address[3];
}

/* --- marks ------------------------------------------------------------------------------------ */

static __always_inline struct tcp_mark *find_mark(struct sock *sk)
{
	if (!sk->sk_bpf_storage)
		return NULL;
	return bpf_sk_storage_get(&tcp_marks, sk, NULL, 0);
}

/* Whether what is asked for marks SK, which lies in its door's process. *RET: the mark. */
CHECKED_ONCE int is_door_wanted(__u64 address, struct tcp_mark *ret)
{
	const struct sock *sk = (const struct sock *)address;
	__u32 index = control.tcp_wanted;
	struct callerd_endpoint end = {};
	struct callerd_door *door;
	__u32 net = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	__u8 state;

	if (!ret || index >= CALLERD_DOORS_MAX)
		return 0;
	door = &control.doors[index];
	local_end(sk, &end);
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (BPF_CORE_READ(sk, sk_type) != SOCK_STREAM || end.port != door->end.port)
		return 0;
	if (state == TCP_LISTEN ? !same_address(&end, &door->end)
				: !is_any(&door->end) && !same_address(&end, &door->end))
		return 0;
	/* What a listener of MPTCP accepts comes of a socket of TCP below it, which is none of the process's files. */
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP) {
		control.tcp_beyond += state == TCP_LISTEN;
		return 0;
	}
	if (door->net && door->net != net) {
		control.tcp_elsewhere += state == TCP_LISTEN;
		return 0;
	}
	ret->socket = door->socket;
	ret->flags = CALLERD_FLAG_TCP;
	/* Its first bytes were not seen. */
	if (state != TCP_LISTEN)
		ret->flags |= CALLERD_FLAG_PREEXISTING | door->flags;
	else
		door->net = net;
	return state == TCP_LISTEN || state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

static __always_inline void mark_socket(struct sock *sk)
{
	struct tcp_mark wanted = {}, *mark;
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if ((family != AF_INET && family != AF_INET6) || !is_door_wanted(address_of(sk), &wanted))
		return;
	mark = bpf_sk_storage_get(&tcp_marks, sk, &wanted, BPF_SK_STORAGE_GET_F_CREATE);
	if (!mark)
		return;
	if (!(wanted.flags & CALLERD_FLAG_PREEXISTING)) {
		*mark = wanted;
		control.tcp_marked++;
	}
}

/* Marks what control.tcp_wanted asks for among the files of the process that the agent asks for: the listener, and the
 * connections that are older than its mark. */
SEC("iter/task_file")
int mark_listener(struct bpf_iter__task_file *context)
{
	struct file *file = context->file;
	struct socket *socket;
	struct sock *sk;

	if (!file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	mark_socket(sk);
	return 0;
}

/* --- who connects ------------------------------------------------------------------------------ */

/* The watched socket that SK, which begins to connect, goes to by its port and network namespace; else CALLERD_NO_SOCKET. Where
 * the engine listens at every address it may be another host's: then nobody accepts the connection that is told. No address says
 * more: whoever connects may have bound its socket to any one of this host. */
CHECKED_ONCE __u32 watched_door(__u64 address)
{
	const struct sock *sk = (const struct sock *)address;
	struct callerd_endpoint to = {};
	__u32 net = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);

	other_end(sk, &to);
	barrier(); /* for the verifier: one instruction is not to read now the socket, now the stack */
	for (__u32 i = 0; i < CALLERD_DOORS_MAX; i++) {
		const struct callerd_door *door = &control.doors[i];

		if (door->end.port == to.port && door->net == net && to.port &&
		    (is_any(&door->end) || same_address(&door->end, &to)))
			return door->socket;
	}
	return CALLERD_NO_SOCKET;
}

/* Sends the CONNECT event that describes the current process. Returns 0; otherwise the loss was counted. */
CHECKED_ONCE int tell_tcp_caller(__u64 id, __u64 account, __u32 socket)
{
	struct scratch *scratch;
	__u64 key;
	bool known;
	int lost;

	if (is_deserted()) {
		lose(account, CALLERD_LOSS_AWAY_CALLER);
		return 1;
	}
	key = sender_key();
	scratch = take_scratch();
	if (!scratch)
		return 1;
	fill_header(&scratch->event.header, CALLERD_EVENT_CONNECT, 0, NULL);
	scratch->event.header.connection = id;
	scratch->event.header.socket = socket;
	scratch->event.header.account = account;
	scratch->event.header.flags = CALLERD_FLAG_TCP;
	known = describe_caller(&scratch->event, key);
	scratch->event.server_pid = 0;
	lost = send_caller(&scratch->event, CALLERD_LOSS_CONNECT, !known && settings.labels);
	give_scratch(scratch);
	return lost;
}

static __always_inline bool is_kernel_thread(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return BPF_CORE_READ(task, flags) & PF_KTHREAD;
}

/* SK begins to connect, in the process that does so. Whoever did so by this socket, or by one at its address, is forgotten. */
static __always_inline void on_tcp_connect(struct sock *sk)
{
	__u64 key = address_of(sk);
	struct tcp_caller caller = {};
	__u32 socket = watched_door(key);

	if (socket == CALLERD_NO_SOCKET || is_kernel_thread() || is_agent()) {
		bpf_map_delete_elem(&tcp_callers, &key);
		return;
	}
	caller.id = __sync_fetch_and_add(&control.last_connection, 1) + 1;
	caller.account = current_account();
	if (tell_tcp_caller(caller.id, caller.account, socket))
		caller.id = 0;
	if (!bpf_map_update_elem(&tcp_callers, &key, &caller, BPF_ANY))
		return;
	lose(caller.account, CALLERD_LOSS_CONNECT);
	bpf_map_delete_elem(&tcp_callers, &key);
}

/* The socket at ADDRESS has connected: keeps who did so for the other end, which exists a moment later. What is still there of
 * an earlier connection between the same ends is of somebody else. */
CHECKED_ONCE int keep_tcp_caller(__u64 address)
{
	const struct sock *sk = (const struct sock *)address;
	struct tcp_caller caller = {}, *found;
	struct tcp_ends ends = {};
	__u64 key = address;

	local_end(sk, &ends.from);
	other_end(sk, &ends.to);
	ends.net = (__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net);
	found = bpf_map_lookup_elem(&tcp_callers, &key);
	if (found) {
		caller = *found;
		bpf_map_delete_elem(&tcp_callers, &key);
		if (!bpf_map_update_elem(&tcp_connected, &ends, &caller, BPF_ANY))
			return 0;
		lose(caller.account, CALLERD_LOSS_CONNECT);
	}
	bpf_map_delete_elem(&tcp_connected, &ends);
	return 0;
}

/* --- the daemon's end -------------------------------------------------------------------------- */

/* Sends the ACCEPT event of CONNECTION, whose daemon's end is at ADDRESS. */
CHECKED_ONCE int tell_accepted(struct connection *connection, __u64 address)
{
	const struct sock *sk = (const struct sock *)address;
	struct callerd_accept_event *event;
	struct callerd_endpoint from = {}, to = {};

	if (!connection)
		return 0;
	other_end(sk, &from);
	local_end(sk, &to);
	event = RESERVE(callers, CALLERD_RING_CALLERS, connection->account, sizeof(*event));
	if (!event) {
		lose(connection->account, CALLERD_LOSS_CONNECT);
		return 0;
	}
	fill_header(&event->header, CALLERD_EVENT_ACCEPT, sizeof(*event), connection);
	event->from = from;
	event->to = to;
	bpf_ringbuf_submit(event, wake_flags(&callers));
	return 0;
}

/* Whether SK's other end is in the same network namespace: the way there leads over the loopback device. */
static __always_inline bool is_from_here(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_dst_cache, dev, ifindex) == LOOPBACK_IFINDEX;
}

/* Adds the connection whose daemon's end is at ADDRESS, with who connected where that was seen. */
CHECKED_ONCE int accept_tcp(__u64 address, __u32 socket, __u32 flags)
{
	const struct sock *sk = (const struct sock *)address;
	struct tcp_caller *caller;
	struct connection *connection;
	struct tcp_ends ends = {};
	__u64 account = 0, id = 0;

	other_end(sk, &ends.from);
	local_end(sk, &ends.to);
	ends.net = (__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net);
	caller = bpf_map_lookup_elem(&tcp_connected, &ends);
	if (caller) {
		id = caller->id;
		account = caller->account;
		bpf_map_delete_elem(&tcp_connected, &ends);
	}
	if (caller || is_from_here(sk))
		flags |= CALLERD_FLAG_LOCAL;
	/* What the walk over TCP's sockets leaves out lives until its end is seen. */
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		flags |= CALLERD_FLAG_FOREIGN;
	connection = add_connection(sk, socket, 0, account, flags);
	if (!connection)
		return 0;
	if (id)
		connection->id = id;
	tell_accepted(connection, address);
	return 0;
}

/* The agent that was told of CONNECTION has ended, or has forgotten it. */
static __always_inline bool must_be_told(const struct connection *connection)
{
	return connection->epoch != control.epoch || is_forgotten(connection);
}

static __always_inline struct connection *tcp_connection(struct sock *sk,
							 const struct tcp_mark *mark)
{
	struct connection *connection = find_connection(sk);

	if (connection && !must_be_told(connection))
		return connection;
	if (connection && !is_forgotten(connection)) {
		connection->epoch = control.epoch;
		tell_accepted(connection, address_of(sk));
		return connection;
	}
	accept_tcp(address_of(sk), mark->socket, mark->flags | CALLERD_FLAG_PREEXISTING);
	return find_connection(sk);
}

/* Whether the first bytes that the daemon has read are those of TLS. Then no byte is copied from here on. */
CHECKED_ONCE int look_for_tls(struct connection *connection, __u64 size)
{
	struct transfer transfer = {.connection = connection, .total = size};
	struct user_iovec buffer = {};
	__u32 mute = CALLERD_MUTE_REQUEST | CALLERD_MUTE_RESPONSE;
	__u64 id;
	__u8 first = 0;

	if (!connection || !find_buffer(&transfer))
		return 0;
	buffer.base = transfer.next.from;
	if (!transfer.next.left)
		bpf_probe_read_user(&buffer, sizeof(buffer), (void *)transfer.iov);
	bpf_probe_read_user(&first, sizeof(first), (void *)buffer.base);
	if (first != TLS_HANDSHAKE)
		return 0;
	id = connection->id;
	connection->flags |= CALLERD_FLAG_TLS;
	connection->protocol = PROTOCOL_OTHER;
	bpf_map_update_elem(&muted, &id, &mute, BPF_ANY);
	tell_accepted(connection, connection->daemon);
	return 1;
}

/* Whether the daemon may still read from SK what came before it was closed. */
static __always_inline bool has_unread_tcp(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_receive_queue.qlen);
}

CHECKED_ONCE int end_tcp(__u64 address, __u32 reason)
{
	end_connection((const struct sock *)address, reason);
	return 0;
}

/* The daemon has read or written on SK, or tried to: the reset that on_tcp_closed() has seen is told behind that. */
static __always_inline void end_reset(const struct sock *sk)
{
	if (sk->__sk_common.skc_state == TCP_CLOSE && !has_unread_tcp(sk))
		end_tcp(address_of(sk), CALLERD_END_RESET);
}

/* Who connected is known, or nobody is: there are no senders to wait for. */
static __always_inline void take_received(struct sock *sk, struct tcp_mark *mark, long result)
{
	struct connection *connection;
	__u64 offset;

	connection = tcp_connection(sk, mark);
	if (!connection)
		return;
	offset = __sync_fetch_and_add(&connection->received, result);
	connection->heard = result;
	connection->confirmed = offset + result;
	if (connection->flags & CALLERD_FLAG_TLS || is_muted(connection, CALLERD_REQUEST))
		return;
	if (!offset && !(connection->flags & CALLERD_FLAG_PREEXISTING) &&
	    look_for_tls(connection, result))
		return;
	copy_stream(connection, offset, result, CALLERD_REQUEST);
}

static __always_inline void on_tcp_received(struct sock *sk, struct tcp_mark *mark, long result,
					    int flags)
{
	if (flags & (MSG_PEEK | MSG_OOB))
		return;
	if (result > 0)
		take_received(sk, mark, result);
	end_reset(sk);
}

static __always_inline void take_answered(struct sock *sk, struct tcp_mark *mark, long result)
{
	struct connection *connection;
	__u64 offset;

	connection = tcp_connection(sk, mark);
	if (!connection)
		return;
	offset = __sync_fetch_and_add(&connection->answered, result);
	if (!(connection->flags & CALLERD_FLAG_TLS) && !is_muted(connection, CALLERD_RESPONSE))
		copy_stream(connection, offset, result, CALLERD_RESPONSE);
	connection->answered_at = bpf_ktime_get_boot_ns();
}

static __always_inline void on_tcp_answered(struct sock *sk, struct tcp_mark *mark, long result)
{
	if (result > 0)
		take_answered(sk, mark, result);
	end_reset(sk);
}

/* --- states ------------------------------------------------------------------------------------ */

/* A kernel that passes over to MPTCP has a socket of TCP below that of the daemon, which has its own state. */
static __always_inline bool is_below_mptcp(const struct sock *sk)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;

	return bpf_core_field_exists(tcp->is_mptcp) && sk->sk_protocol == IPPROTO_TCP &&
	       BPF_CORE_READ_BITFIELD_PROBED(tcp, is_mptcp);
}

static __always_inline void on_tcp_established(struct sock *sk, int old)
{
	struct tcp_mark *mark;

	if (old == TCP_SYN_SENT) {
		keep_tcp_caller(address_of(sk));
		return;
	}
	mark = find_mark(sk);
	if (mark && !is_below_mptcp(sk))
		accept_tcp(address_of(sk), mark->socket, mark->flags);
}

static __always_inline void forget_tcp_caller(const struct sock *sk)
{
	__u64 key = address_of(sk);

	bpf_map_delete_elem(&tcp_callers, &key);
}

static __always_inline void on_tcp_closed(struct sock *sk, int old)
{
	/* The daemon reads what was sent before a reset, and may be about it. */
	if (!find_mark(sk) || has_unread_tcp(sk) ||
	    (BPF_CORE_READ(sk, sk_err) && BPF_CORE_READ(sk, sk_lock.owned)))
		return;
	end_tcp(address_of(sk), old == TCP_LAST_ACK ? CALLERD_END_CLIENT
				: old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT
					? CALLERD_END_RESET
					: CALLERD_END_DAEMON);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_change, struct sock *sk, int old, int new)
{
	if (!control.tcp_marked)
		return 0;
	if (new == TCP_ESTABLISHED)
		on_tcp_established(sk, old);
	else if (new == TCP_CLOSE && old == TCP_SYN_SENT)
		forget_tcp_caller(sk);
	else if (new == TCP_CLOSE)
		on_tcp_closed(sk, old);
	return 0;
}

/* By itself: the kernel runs no program within itself, and while a caller is described the network may interrupt and change the
 * states of other connections. What this program misses then begins nowhere: only a process does. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_begin, struct sock *sk, int old, int new)
{
	if (new == TCP_SYN_SENT && control.tcp_marked)
		on_tcp_connect(sk);
	return 0;
}

/* A connection that is not there yet lives, too: its caller is told of. */
static __always_inline void list_connecting(const struct sock *sk)
{
	__u64 key = address_of(sk), id;
	struct tcp_caller *caller = bpf_map_lookup_elem(&tcp_callers, &key);

	if (!caller || !caller->id)
		return;
	id = caller->id;
	bpf_map_push_elem(&living_ids, &id, BPF_EXIST);
}

/* Lists the living ones in living_ids, as "living" does others. */
SEC("iter/tcp")
int living_tcp(struct bpf_iter__tcp *context)
{
	struct sock_common *common = context->sk_common;
	struct tcp_sock *tcp = common ? bpf_skc_to_tcp_sock(common) : NULL;
	struct connection *connection;

	if (!tcp)
		return 0;
	if (common->skc_state == TCP_SYN_SENT) {
		list_connecting((struct sock *)tcp);
		return 0;
	}
	if (!find_mark((struct sock *)tcp))
		return 0;
	connection = find_connection((struct sock *)tcp);
	if (connection)
		list_living(connection);
	return 0;
}

#endif
