/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The senders of a request stream: the SENDER and SENT events.
 *
 * A send puts its bytes into the daemon's queue piece by piece. It may block between two pieces, or
 * before the first one, for as long as the sender likes; pieces of other sends then come in
 * between. The kernel does not record the sender of a piece. So bytes are counted twice: the bytes
 * that completed sends returned (connection.sent), and the bytes that have come into the stream
 * (connection.received, and the queue). Where both counts are equal, the stream is settled: every
 * byte up to there belongs to a completed send, whose sender was told. A new sender begins a span
 * of its own if the stream is settled when it comes. Otherwise it joins the current span, and
 * nobody knows which of the span's senders sent which bytes.
 *
 * The trampoline backend sees a send before its first byte, and counts the sends that go on. The
 * tracepoint backend sees a send when its first piece lies in the queue, so that the stream is not
 * settled then.
 *
 * The lock is taken by a sender that is not told yet, and where a shared span may end. BPF programs
 * cannot wait for each other without end: where the lock is not free within LOCK_TRIES, the
 * connection has a crowd from then on, and none of its senders is named for certain.
 */
#ifndef CALLERD_BPF_SENDS_H
#define CALLERD_BPF_SENDS_H

#include "connect.h"

#define LOCK_TRIES 40000 /* longer than SETTLE_TRIES take, which are made with the lock */
/* No fewer than the pieces of one byte that fit into a socket's default buffer. */
#define QUEUE_WALK_MAX 320
#define QUEUE_SHORT 16 /* pieces of a queue that is counted again if it changed meanwhile */
/* How often to look while the daemon receives, which takes a microsecond or two; but the processor
 * that it receives on may be a virtual one that waits for a real one. Some 20 us. */
#define SETTLE_TRIES 512

struct queue_walk {
	const struct sk_buff *head, *next;
	__u64 bytes;
	__u32 last; /* bytes of the last piece */
	__u32 count;
};

static long queue_step(__u32 index, void *context)
{
	struct queue_walk *walk = context;
	const struct sk_buff *piece = walk->next;
	struct unix_skb_parms *parms;

	if (!piece || piece == walk->head)
		return 1;
	parms = (void *)piece + bpf_core_field_offset(struct sk_buff, cb);
	walk->last = BPF_CORE_READ(piece, len) - BPF_CORE_READ(parms, consumed);
	walk->bytes += walk->last;
	walk->count++;
	walk->next = BPF_CORE_READ(piece, next);
	return 0;
}

static __always_inline bool is_receiving(const struct sock *daemon)
{
	struct unix_sock *socket = unix_socket(daemon);
	struct mutex *lock = NULL;

	return bpf_core_field_exists(lock->owner) && BPF_CORE_READ(socket, iolock.owner.counter);
}

struct settling {
	struct connection *connection;
	__u64 offset; /* end of the bytes that count */
	__u32 queued; /* the last piece does not count: its send goes on */
	bool settled;
};

static long settle_step(__u32 index, void *context)
{
	struct settling *settling = context;
	struct connection *connection = settling->connection;
	struct sock *daemon = (struct sock *)connection->daemon;
	struct queue_walk walk = {};
	__u64 received = connection->received, sent = connection->sent;
	__u64 offset;
	__u32 length = BPF_CORE_READ(daemon, sk_receive_queue.qlen);

	if (is_receiving(daemon))
		return 0;
	if (length) {
		walk.head = (void *)daemon + bpf_core_field_offset(struct sock, sk_receive_queue);
		walk.next = BPF_CORE_READ(daemon, sk_receive_queue.next);
		bpf_loop(QUEUE_WALK_MAX, queue_step, &walk, 0);
	} else if (settling->queued) {
		return 1; /* the piece was received already, perhaps with others */
	}
	if (walk.count == length && connection->received == received) {
		offset = received + walk.bytes - (settling->queued ? walk.last : 0);
		if (connection->flags & CALLERD_FLAG_PREEXISTING)
			connection->sent = sent = offset;
		settling->offset = offset;
		settling->settled = offset == sent;
	}
	return settling->settled || length > QUEUE_SHORT;
}

/* Whether the stream is settled, in which case *RET_OFFSET is its end. QUEUED: the current task has
 * just put a piece into the queue, and its send goes on. TRIES: how often to look while the daemon
 * receives. The stream of a connection older than the agent always counts as settled, since its
 * bytes were not counted from the beginning. */
CHECKED_ONCE int is_settled(struct connection *connection, __u64 *ret_offset, __u32 queued,
			    __u32 tries)
{
	struct settling settling = {.connection = connection, .queued = queued};

	if (!connection || !ret_offset)
		return 0;
	bpf_loop(tries, settle_step, &settling, 0);
	*ret_offset = settling.offset;
	return settling.settled;
}

static __always_inline bool is_told(const struct connection *connection, __u64 key)
{
	for (int i = 0; i < SENDERS_KEPT; i++)
		if (connection->sender[i] == key)
			return true;
	return false;
}

static __always_inline void forget_sender(struct connection *connection, __u64 key)
{
	for (int i = 0; i < SENDERS_KEPT; i++)
		if (connection->sender[i] == key)
			connection->sender[i] = 0;
}

static __always_inline void mark_crowd(struct connection *connection)
{
	__sync_fetch_and_or(&connection->flags, CALLERD_FLAG_CROWD);
}

struct lock_try {
	struct connection *connection;
	bool locked;
};

static long lock_step(__u32 index, void *context)
{
	struct lock_try *try = context;

	try->locked = !__sync_lock_test_and_set(&try->connection->lock, 1);
	return try->locked;
}

static __always_inline bool lock_senders(struct connection *connection)
{
	struct lock_try try = {.connection = connection};

	bpf_loop(LOCK_TRIES, lock_step, &try, 0);
	if (!try.locked)
		mark_crowd(connection);
	return try.locked;
}

static __always_inline void unlock_senders(struct connection *connection)
{
	__sync_lock_test_and_set(&connection->lock, 0);
}

/* Ends the current span, and removes all of its senders, if the stream is settled. Returns whether
 * it is. The senders are removed before the bytes are counted. A sender that sends again meanwhile
 * has its bytes in the queue, or its send counted, before it looks whether it is told. So its bytes
 * or its send are either counted here, or it finds that it is not told, and waits for the lock.
 * OWN: how many sends of the current task go on. */
static __always_inline bool end_span(struct connection *connection, __u32 queued, __u32 own,
				     __u32 tries)
{
	__u64 sender[SENDERS_KEPT], offset = 0;

	for (int i = SENDERS_KEPT - 1; i >= 0; i--) {
		sender[i] = connection->sender[i];
		__sync_lock_test_and_set(&connection->sender[i], 0);
	}
	if (connection->sending == own && is_settled(connection, &offset, queued, tries)) {
		connection->confirmed = offset;
		connection->shared = 0;
		connection->span_ended = 1;
		return true;
	}
	for (int i = 0; i < SENDERS_KEPT; i++)
		connection->sender[i] = sender[i];
	return false;
}

static __always_inline bool has_senders(const struct connection *connection)
{
	__u64 any = 0;

	for (int i = 0; i < SENDERS_KEPT; i++)
		any |= connection->sender[i];
	return any;
}

/* How a sender enters a span. */
enum { ENTRY_NONE, ENTRY_FIRST, ENTRY_JOINS };

struct entrance {
	__u64 offset; /* bytes from here on may be the sender's */
	__u32 span;
	__u32 entry; /* ENTRY_ */
};

/* Enters the sender KEY, unless it is told already. Returns an ENTRY_. The caller holds the
 * lock. */
static __always_inline int enter_locked(struct connection *connection, __u64 key, __u32 queued,
					struct entrance *ret)
{
	if (is_told(connection, key))
		return ENTRY_NONE;
	end_span(connection, queued, !queued, SETTLE_TRIES);
	if (connection->span_ended) {
		connection->span_ended = 0;
		connection->span++;
		connection->span_start = connection->confirmed;
	}
	ret->span = connection->span;
	ret->offset = connection->span_start;
	if (!has_senders(connection) && !connection->shared) {
		connection->sender[0] = key;
		connection->untold &= ~1U;
		return ENTRY_FIRST;
	}
	connection->shared = 1;
	ret->offset = connection->confirmed;
	for (int i = 0; i < SENDERS_KEPT; i++) {
		if (connection->sender[i])
			continue;
		connection->sender[i] = key;
		connection->untold &= ~(1U << i);
		return ENTRY_JOINS;
	}
	mark_crowd(connection);
	return ENTRY_NONE;
}

CHECKED_ONCE int enter_sender(struct connection *connection, __u64 key, __u32 queued,
			      struct entrance *ret)
{
	if (!connection || !ret)
		return 0;
	ret->entry = ENTRY_NONE;
	if (!lock_senders(connection))
		return 0;
	ret->entry = enter_locked(connection, key, queued, ret);
	unlock_senders(connection);
	return 0;
}

/* Whether the stream is settled, in which case all senders up to connection.confirmed are known and
 * a shared span ends there. TRIES: how often to look while the daemon receives. */
CHECKED_ONCE int settle(struct connection *connection, __u32 tries)
{
	__u64 offset = 0;
	int settled;

	if (!connection)
		return 0;
	if (!connection->shared) {
		settled = is_settled(connection, &offset, 0, tries);
		if (settled && offset > connection->confirmed)
			connection->confirmed = offset;
		return settled;
	}
	if (!lock_senders(connection))
		return 0;
	settled = end_span(connection, 0, 0, tries);
	unlock_senders(connection);
	return settled;
}

static __always_inline void send_sent(struct connection *connection)
{
	struct callerd_sent_event *event =
		RESERVE(payload, CALLERD_RING_PAYLOAD, connection->account, sizeof(*event));

	if (!event) {
		lose(connection->account, CALLERD_LOSS_END);
		return;
	}
	fill_header(&event->header, CALLERD_EVENT_SENT, sizeof(*event), connection);
	event->offset = connection->confirmed;
	bpf_ringbuf_submit(event, wake_flags(&payload));
}

static __always_inline bool is_forgotten(const struct connection *connection)
{
	__u32 *mute = bpf_map_lookup_elem(&muted, &connection->id);

	return mute && *mute & CALLERD_FORGOTTEN;
}

/* A byte sent with MSG_OOB counts for the sender, but a read of the stream never returns it: from
 * here on, offsets are not exact. */
static __always_inline void mark_out_of_band(struct connection *connection)
{
	__sync_fetch_and_or(&connection->flags, CALLERD_FLAG_OUT_OF_BAND);
}

static __always_inline bool has_out_of_band(const struct sock *daemon)
{
	struct unix_sock *socket = unix_socket(daemon);

	return bpf_core_field_exists(socket->oob_skb) && BPF_CORE_READ(socket, oob_skb);
}

/* Sends the SENDER event that describes the current process. NODE: the dentry of the socket. */
CHECKED_ONCE int tell_sender(struct connection *connection, __u64 node, __u64 key,
			     const struct entrance *entrance)
{
	struct callerd_caller_event *event;
	struct scratch *scratch;
	bool known;

	if (!connection || !entrance)
		return 0;
	connection->account = current_account();
	if (is_deserted()) {
		lose(connection->account, CALLERD_LOSS_AWAY_CALLER);
		forget_sender(connection, key);
		return 0;
	}
	scratch = take_scratch();
	if (!scratch) { /* take_scratch() counted the loss */
		forget_sender(connection, key);
		return 0;
	}
	event = &scratch->event;
	fill_header(&event->header, CALLERD_EVENT_SENDER, 0, connection);
	known = describe_caller(event, key);
	event->offset = entrance->offset;
	event->span = entrance->span;
	if (entrance->entry == ENTRY_JOINS)
		event->header.flags |= CALLERD_FLAG_OVERLAP;
	if (key == connection->connector)
		event->header.flags |= CALLERD_FLAG_CONNECTOR;
	describe_node(event, node);
	if (send_caller(event, CALLERD_LOSS_SENDER, !known && settings.labels))
		forget_sender(connection, key);
	give_scratch(scratch);
	return 0;
}

/* The agent that was told of the connection's senders has ended: the next one is told again, when
 * they send, from the beginning of their span on. A connection whose current sender is not its
 * connector has the kernel's word on that one. */
static __always_inline void begin_epoch(struct connection *connection, const struct sock *daemon,
					__u64 key)
{
	connection->epoch = control.epoch;
	connection->untold = (1U << SENDERS_KEPT) - 1;
	if (key != connection->connector)
		tell_peer(connection, (__u64)daemon);
}

/* Whether the sender KEY is to be told again; then *RET is how it entered its span. */
static __always_inline bool take_untold(struct connection *connection, __u64 key,
					struct entrance *ret)
{
	for (int i = 0; i < SENDERS_KEPT; i++) {
		if (connection->sender[i] != key || !(connection->untold & 1U << i))
			continue;
		connection->untold &= ~(1U << i);
		ret->offset = connection->span_start;
		ret->span = connection->span;
		ret->entry = connection->shared ? ENTRY_JOINS : ENTRY_FIRST;
		return true;
	}
	return false;
}

/* The current process sends to DAEMON, the daemon's end of a connection. QUEUED: a piece of the
 * send lies in the queue; otherwise the send begins, and on_sent() ends it. */
static __always_inline void on_sender(const struct sock *daemon, __u32 queued)
{
	__u32 socket = watched_socket(daemon);
	struct connection *connection;
	struct entrance entrance = {};
	__u64 key;

	if (socket == CALLERD_NO_SOCKET)
		return;
	connection = find_connection(daemon);
	if (!connection || is_forgotten(connection))
		connection = is_agent() ? NULL : add_preexisting(daemon, socket);
	if (!connection)
		return;
	if (has_out_of_band(daemon))
		mark_out_of_band(connection);
	/* If QUEUED, this adds 0 and is only a barrier: the piece is in the queue before is_told()
	 * looks. */
	__sync_fetch_and_add(&connection->sending, !queued);
	key = sender_key();
	if (connection->epoch != control.epoch)
		begin_epoch(connection, daemon, key);
	if (!is_told(connection, key))
		enter_sender(connection, key, queued, &entrance);
	else if (!connection->untold || !take_untold(connection, key, &entrance))
		return;
	if (entrance.entry != ENTRY_NONE)
		tell_sender(connection, (__u64)bound_dentry(daemon), key, &entrance);
}

/* A send to DAEMON returned RESULT. WAS_SEEN: on_sender() was called when the send began. */
static __always_inline void on_sent(const struct sock *daemon, long result, bool was_seen)
{
	struct connection *connection;

	if (watched_socket(daemon) == CALLERD_NO_SOCKET)
		return;
	connection = find_connection(daemon);
	if (!connection)
		return;
	if (has_out_of_band(daemon))
		mark_out_of_band(connection);
	if (result > 0)
		__sync_fetch_and_add(&connection->sent, result);
	if (was_seen && connection->sending)
		__sync_fetch_and_add(&connection->sending, -1);
	if (!connection->shared && !connection->unconfirmed)
		return;
	/* This may be the last look before the next send, which would otherwise join the same
	 * span. */
	if (settle(connection, SETTLE_TRIES) &&
	    __sync_lock_test_and_set(&connection->unconfirmed, 0))
		send_sent(connection);
}

#endif
