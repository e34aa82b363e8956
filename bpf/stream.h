/* SPDX-License-Identifier: GPL-2.0-only */
/* The bytes of a connection, copied from the daemon's own memory: the events of the payload ring. */
#ifndef CALLERD_BPF_STREAM_H
#define CALLERD_BPF_STREAM_H

#include "frames.h"

#define IOV_MAX_COPIED 16
#define PIECES_MAX 1024 /* of a buffer: 16 MiB */
#define FRAMES_MAX                                                                                 \
	16384 /* steps through a buffer: up to three for each frame, and dockerd reads up to 32 KiB of them at once */

/* Go's HTTP server reads heads, and the lines between the chunks of a body, through a buffer of
 * this size. Only a handler that reads a body reads into a larger buffer, and such a read never
 * goes beyond the end of the body or of the chunk. So reads into a buffer of this size or less are
 * always copied: bytes that are left out lie within a body, and the next event's offset tells their
 * number. */
#define READ_AHEAD 4096

/* The system call interface's struct iovec, and struct user_msghdr up to its buffers. */
struct user_iovec {
	__u64 base;
	__u64 size;
};

struct user_message {
	__u64 name;
	__u64 name_size;
	__u64 iov;
	__u64 iov_count;
};

/* What is copied next. */
struct piece {
	__u64 from;   /* user address */
	__u64 offset; /* stream offset of the byte at .from */
	__u64 left;   /* bytes to copy from the buffer at hand */
	__u32 direction;
	__u32 flags; /* for the next event */
};

struct transfer {
	struct connection *connection;
	struct piece next;  /* the verifier forgets what it holds when send_next() has seen it */
	union {		    /* a union, since the stack of Linux 6.1 is short */
		__u64 iov;  /* user address of the next struct user_iovec, while .iov_left */
		__u64 room; /* size of the only buffer, where there is no iovec */
	};
	__u64 total; /* bytes of the whole transfer still to be copied */
	__u32 iov_left;
	bool failed;
	bool framed; /* what is copied depends on its frames */
	bool silent; /* nothing is sent, but the frames are followed */
};

/* KIND: a direction, with CALLERD_FLAG_ bits of this event. */
static __always_inline void fill_data(struct callerd_data_event *event,
				      struct connection *connection, __u64 offset, __u32 size,
				      __u32 kind)
{
	__u32 bit = kind & 1;

	fill_header(&event->header, CALLERD_EVENT_DATA, sizeof(*event) + size, connection);
	event->offset = offset;
	event->confirmed = connection->confirmed;
	event->answered_at = connection->answered_at;
	event->length = size;
	event->copied = size;
	event->direction = bit;
	event->span = connection->span;
	/* No branches: the verifier would follow each of them. */
	event->header.flags |= (connection->lost >> bit & 1) * CALLERD_FLAG_LOST_BEFORE |
			       (connection->turned >> bit & 1) * CALLERD_FLAG_TURN |
			       /* skipped bytes of the request are told by the response */
			       (connection->skipped & bit) * CALLERD_FLAG_UNSEEN |
			       (connection->shared & ~bit & 1) * CALLERD_FLAG_OVERLAP |
			       (kind & CALLERD_FLAG_HEAD);
	connection->lost &= ~(1U << bit);
	connection->turned &= ~(1U << bit);
}

/* send_piece_N() sends one event with SIZE bytes from FROM, a user address, and returns whether there was room. N, at least SIZE,
 * is a constant: the ring reserves no other sizes. */
#define SENDS_PIECES(capacity)                                                                     \
	CHECKED_ONCE int send_piece_##capacity(struct connection *connection, __u64 from,          \
					       __u64 offset, __u32 size, __u32 kind)               \
	{                                                                                          \
		struct callerd_data_event *event;                                                  \
                                                                                                   \
		if (!connection)                                                                   \
			return 0;                                                                  \
		event = RESERVE(payload, CALLERD_RING_PAYLOAD, connection->account,                \
				sizeof(*event) + (capacity));                                      \
		if (!event)                                                                        \
			return 0;                                                                  \
		barrier_var(size); /* Linux 6.1 tracks no copies of a bounded value */             \
		if (size > (capacity))                                                             \
			size = (capacity);                                                         \
		fill_data(event, connection, offset, size, kind);                                  \
		if (bpf_probe_read_user(event->data, size, (void *)from)) {                        \
			event->copied = 0;                                                         \
			event->header.size = sizeof(*event);                                       \
			event->header.flags |= CALLERD_FLAG_UNREADABLE;                            \
			count_loss(CALLERD_LOSS_UNREADABLE);                                       \
		}                                                                                  \
		bpf_ringbuf_submit(event, wake_flags(&payload));                                   \
		return 1;                                                                          \
	}

SENDS_PIECES(192)
SENDS_PIECES(960)
SENDS_PIECES(4096)
SENDS_PIECES(16384)

/* A piece of what is said in DIRECTION was not sent. A turn without its beginning counts as one
 * loss, whatever its size. */
CHECKED_ONCE int lose_piece(struct connection *connection, __u32 direction)
{
	__u32 bit = 1U << (direction & 1);
	__u32 reason = direction == CALLERD_REQUEST ? CALLERD_LOSS_REQUEST : CALLERD_LOSS_RESPONSE;

	if (!connection)
		return 0;
	connection->lost |= bit;
	if (connection->turned & bit) {
		if (connection->counted & bit)
			return 0;
		connection->counted |= bit;
		if (is_away())
			reason = direction == CALLERD_REQUEST ? CALLERD_LOSS_AWAY_REQUEST
							      : CALLERD_LOSS_AWAY_RESPONSE;
	}
	lose(connection->account, reason);
	return 0;
}

/* Sends the next event of PIECE. Returns 0, or 1 where there is nothing more to send. */
CHECKED_ONCE int send_next(struct connection *connection, struct piece *piece)
{
	__u64 *budget, size;
	__u32 kind;
	int sent;

	if (!connection || !piece)
		return 1;
	budget = &connection->budget[piece->direction & 1];
	size = piece->left;
	kind = piece->direction | piece->flags;
	if (size > CALLERD_DATA_MAX)
		size = CALLERD_DATA_MAX;
	if (size > *budget)
		size = *budget;
	if (!size)
		return 1;
	if (size <= 192)
		sent = send_piece_192(connection, piece->from, piece->offset, size, kind);
	else if (size <= 960)
		sent = send_piece_960(connection, piece->from, piece->offset, size, kind);
	else if (size <= READ_AHEAD)
		sent = send_piece_4096(connection, piece->from, piece->offset, size, kind);
	else
		sent = send_piece_16384(connection, piece->from, piece->offset, size, kind);
	if (sent)
		piece->flags = 0;
	else
		lose_piece(connection, piece->direction);
	*budget -= size;
	piece->from += size;
	piece->offset += size;
	piece->left -= size;
	return 0;
}

static long piece_step(__u32 index, void *context)
{
	struct transfer *transfer = context;

	return send_next(transfer->connection, &transfer->next) != 0;
}

static __always_inline int copy_buffer(struct transfer *transfer)
{
	bpf_loop(PIECES_MAX, piece_step, transfer, 0);
	return 0;
}

static long frame_step(__u32 index, void *context)
{
	struct transfer *transfer = context;
	__u64 run = walk_frames(transfer->connection, transfer->next.direction);
	struct frames *frames;

	if (run == WALK_END)
		return 1;
	if (run == WALK_ON)
		return 0;
	frames = find_frames(transfer->connection, transfer->next.direction);
	if (!frames)
		return 1;
	transfer->next.from = frames->ready;
	transfer->next.offset = frames->ready_offset;
	transfer->next.left = run;
	/* Where there is no budget the next event's offset tells what is missing. */
	if (!transfer->silent)
		send_next(transfer->connection, &transfer->next);
	return 0;
}

/* Copies what is wanted of the frames in the buffer at hand. */
static __always_inline void copy_frames(struct transfer *transfer)
{
	struct frames *frames = find_frames(transfer->connection, transfer->next.direction);

	if (!frames || frames->state != FRAMES_KNOWN) {
		transfer->failed = true;
		return;
	}
	frames->from = transfer->next.from;
	frames->offset = transfer->next.offset;
	frames->rest = transfer->next.left;
	frames->run = 0;
	bpf_loop(FRAMES_MAX, frame_step, transfer, 0);
	transfer->next.offset = frames->offset + frames->rest;
	/* More frames than are looked at: from there on they cannot be told apart. */
	if (frames->rest)
		frames->state = FRAMES_UNKNOWN;
	transfer->failed |= frames->rest > 0;
}

static long iov_step(__u32 index, void *context)
{
	struct transfer *transfer = context;
	struct user_iovec iov;

	if (!transfer->total || !transfer->iov_left)
		return 1;
	if (bpf_probe_read_user(&iov, sizeof(iov), (void *)transfer->iov)) {
		transfer->failed = true;
		return 1;
	}
	transfer->iov += sizeof(iov);
	transfer->iov_left--;
	transfer->next.from = iov.base;
	transfer->next.left = iov.size < transfer->total ? iov.size : transfer->total;
	transfer->total -= transfer->next.left;
	if (transfer->framed)
		copy_frames(transfer);
	else
		copy_buffer(transfer);
	return 0;
}

/* Finds the buffer that the system call names: the daemon's memory, not the client's. */
static __always_inline bool find_buffer(struct transfer *transfer)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	struct user_message *message;
	__u64 count;

	if (arch_is_compat(task))
		return false;
	transfer->next.from = arch_second(regs);
	switch (arch_call(regs)) {
	case NR_read:
	case NR_write:
	case NR_sendto:
	case NR_recvfrom:
		transfer->next.left = transfer->total;
		transfer->room = arch_third(regs);
		return true;
	case NR_readv:
	case NR_writev:
		transfer->iov = transfer->next.from;
		transfer->iov_left = arch_third(regs);
		return true;
	case NR_sendmsg:
	case NR_recvmsg:
		/* Not the whole struct: the stack of Linux 6.1 is short. */
		message = (struct user_message *)transfer->next.from;
		if (bpf_probe_read_user(&transfer->iov, sizeof(transfer->iov), &message->iov) ||
		    bpf_probe_read_user(&count, sizeof(count), &message->iov_count))
			return false;
		transfer->iov_left = count;
		return true;
	}
	return false; /* splice, sendfile, io_uring: the bytes have no user address */
}

#define KIND_HTTP2 (1U << 31)	/* the connection speaks it */
#define KIND_FRAMED (1U << 30)	/* not all of it is wanted */
#define KIND_FIRST (1U << 29)	/* the first bytes in this direction */
#define KIND_FAILURE (1U << 28) /* a chunk that says how a long answer failed */

#define FAILURE_MAX 4095 /* bytes of it, and what its size in a chunk has at most: three digits */

/* Whether what the daemon writes at the user address FROM is a chunk that begins like {"error". */
static __always_inline bool begins_failure(__u64 from)
{
	const __u64 wanted = '\r' | '\n' << 8 | '{' << 16 | (__u64)'"' << 24 | (__u64)'e' << 32;
	const __u64 mask = (1ull << 40) - 1;
	__u64 found = 0;

	bpf_probe_read_user(&found, sizeof(found), (void *)from);
	return (found >> 8 & mask) == wanted || (found >> 16 & mask) == wanted ||
	       found >> 24 == wanted;
}

/* The daemon begins to write at the user address FROM, FOUND. Answer 101 is that to the request at hand where nothing else
 * can be: the daemon had read more than the byte that it reads ahead, and nothing of the answer was lost before. */
static __always_inline void note_answer(struct connection *connection, __u64 from, __u64 found,
					__u32 kind)
{
	__u32 status = 0;

	if (connection->switched || kind & KIND_FIRST)
		begin_answers(connection, found, kind & KIND_FIRST);
	if (found != LETTERS('H', 'T', 'T', 'P', '/', '1', '.') || connection->heard < 2 ||
	    !(connection->turned & 1U << CALLERD_RESPONSE) ||
	    connection->counted & 1U << CALLERD_RESPONSE)
		return;
	bpf_probe_read_user(&status, sizeof(status), (void *)(from + PROTOCOL_LETTERS + 1));
	if (status != ((__u32)' ' | '1' << 8 | '0' << 16 | (__u32)'1' << 24))
		return;
	/* What the client says from here on may be HTTP/2. */
	connection->switched = 1;
	connection->protocol = PROTOCOL_UNKNOWN;
	connection->compares = connection->received;
	connection->compared = 0;
	begin_session(connection, FRAMES_NEXT);
}

/* Looks at the beginning of what is said in the direction of KIND: FROM is the user address of the
 * bytes, if LEFT is not 0; otherwise IOV is that of the first struct user_iovec. Adds to KIND:
 * CALLERD_FLAG_HEAD where a write begins like a response's head, for Go's HTTP server begins a new
 * write with each head; KIND_HTTP2. */
CHECKED_ONCE __u32 look_at_beginning(struct connection *connection, __u64 from, __u64 iov,
				     __u64 left, __u32 kind)
{
	struct user_iovec buffer = {.base = from};
	__u64 found = 0;

	if (!connection)
		return kind;
	if (!left)
		bpf_probe_read_user(&buffer, sizeof(buffer), (void *)iov);
	bpf_probe_read_user(&found, PROTOCOL_LETTERS, (void *)buffer.base);
	if (kind & CALLERD_RESPONSE) {
		note_answer(connection, buffer.base, found, kind);
		if (found == LETTERS('H', 'T', 'T', 'P', '/', '1', '.'))
			kind |= CALLERD_FLAG_HEAD;
		else if (connection->budget[CALLERD_RESPONSE] < FAILURE_MAX &&
			 begins_failure(buffer.base))
			kind |= KIND_FAILURE;
	} else if (!connection->protocol) {
		note_protocol(connection, found);
	}
	kind &= ~KIND_FIRST;
	if (is_framed(connection, kind & CALLERD_RESPONSE))
		kind |= KIND_FRAMED;
	if (connection->protocol == PROTOCOL_HTTP2 || connection->protocol == PROTOCOL_SESSION)
		kind |= KIND_HTTP2;
	return kind;
}

/* The budget for copying TOTAL bytes: each response has a budget of its own, and how it failed is copied behind that, too. Requests' reads
 * into no more than READ_AHEAD are copied in any case. ROOM: the size of the buffer, if LEFT is not
 * 0. KIND: a direction, with CALLERD_FLAG_ bits and KIND_HTTP2. */
CHECKED_ONCE __u64 refilled(__u64 budget, __u64 total, __u64 left, __u64 room, __u32 kind)
{
	/* What is missed of a header block makes all later ones unreadable. Of DATA each stream has its budget. */
	if (kind & KIND_FRAMED || (kind & KIND_HTTP2 && !control.gone))
		return budget < total ? total : budget;
	/* While the agent is away it is copied only as far as the response's own budget goes: whoever writes a container's log
	 * chooses what looks like it. */
	if (kind & KIND_FAILURE && !control.gone)
		return total < FAILURE_MAX ? total : FAILURE_MAX;
	if (kind & CALLERD_RESPONSE)
		return kind & CALLERD_FLAG_HEAD ? budget_of(CALLERD_RESPONSE) : budget;
	if (!left)
		room = total;
	return room <= READ_AHEAD && budget < total ? total : budget;
}

/* Copies SIZE bytes that went through the daemon's end in DIRECTION, the first at stream offset
 * OFFSET. */
CHECKED_ONCE int copy_stream(struct connection *connection, __u64 offset, __u64 size,
			     __u32 direction)
{
	struct transfer transfer = {
		.connection = connection,
		.next = {.offset = offset, .direction = direction},
		.total = size,
	};
	__u64 *budget;
	bool found;

	if (!connection)
		return 0;
	budget = &connection->budget[direction & 1];
	if (connection->speaking != direction) {
		connection->speaking = direction;
		connection->turned |= 1U << direction;
		connection->skipped &= ~(1U << direction);
		connection->counted &= ~(1U << direction);
		*budget = budget_of(direction);
	}
	/* What follows the lost beginning of a request cannot be told from another one. */
	transfer.silent =
		(direction == CALLERD_REQUEST && connection->counted & 1U << CALLERD_REQUEST) ||
		is_deserted();
	found = find_buffer(&transfer);
	if (found) {
		__u32 kind =
			look_at_beginning(connection, transfer.next.from, transfer.iov,
					  transfer.next.left, direction | !offset * KIND_FIRST);

		transfer.next.flags = kind & CALLERD_FLAG_HEAD;
		transfer.framed = kind & KIND_FRAMED;
		*budget = refilled(*budget, size, transfer.next.left, transfer.room, kind);
	}
	/* Behind the look: HTTP/2 that begins meanwhile is noticed. */
	if (transfer.silent)
		lose_piece(connection, direction);
	if (!found)
		lose_frames(connection, direction);
	if (transfer.silent && !transfer.framed)
		return 0;
	connection->skipped |= (*budget < size) << (direction & 1);
	if (!*budget)
		return 0;
	if (!found) {
		connection->lost |= 1U << direction;
		count_loss(CALLERD_LOSS_UNREADABLE);
		return 0;
	}
	if (transfer.next.left && transfer.framed) {
		copy_frames(&transfer);
	} else if (transfer.next.left) {
		copy_buffer(&transfer);
	} else {
		bpf_loop(IOV_MAX_COPIED, iov_step, &transfer, 0);
		transfer.failed |= transfer.framed && transfer.total;
	}
	if (transfer.failed) {
		lose_frames(connection, direction);
		connection->lost |= 1U << direction;
		count_loss(CALLERD_LOSS_UNREADABLE);
	}
	return 0;
}

static __always_inline bool is_muted(const struct connection *connection, __u32 direction)
{
	__u32 *mute = bpf_map_lookup_elem(&muted, &connection->id);

	return mute && *mute & (1U << direction);
}

/* Confirms the senders of the received bytes, or leaves that to on_sent() at the end of their
 * sends. Receive and send both count their bytes before they look, so that one of them sees both
 * counts. */
static __always_inline void confirm(struct connection *connection)
{
	int settled = settle(connection, 1);

	if (!settled) {
		__sync_lock_test_and_set(&connection->unconfirmed, 1);
		settled = settle(connection, 1);
	}
	if (settled && connection->unconfirmed &&
	    __sync_lock_test_and_set(&connection->unconfirmed, 0))
		send_sent(connection);
}

/* The daemon's receive on DAEMON returned RESULT. */
static __always_inline void on_received(const struct sock *daemon, long result, int flags)
{
	__u32 socket;
	struct connection *connection;
	__u64 offset;

	if (flags & (MSG_PEEK | MSG_OOB) || (result < 0 && result != -ECONNRESET))
		return;
	socket = watched_socket(daemon);
	if (socket == CALLERD_NO_SOCKET)
		return;
	if (result <= 0) {
		if (result < 0)
			end_connection(daemon, CALLERD_END_RESET);
		else if (BPF_CORE_READ(daemon, sk_shutdown) == SHUTDOWN_MASK)
			end_connection(daemon, CALLERD_END_CLIENT);
		return;
	}
	connection = find_connection(daemon);
	if (!connection) {
		connection = add_preexisting(daemon, socket);
		if (!connection)
			return;
	}
	offset = __sync_fetch_and_add(&connection->received, result);
	connection->heard = result;
	if (is_muted(connection, CALLERD_REQUEST))
		return;
	confirm(connection);
	copy_stream(connection, offset, result, CALLERD_REQUEST);
}

/* Whether the daemon may still receive what the client sent before it closed. */
static __always_inline bool has_unread(const struct sock *daemon)
{
	return BPF_CORE_READ(daemon, sk_receive_queue.qlen) || is_receiving(daemon);
}

/* The daemon's send on DAEMON returned RESULT. */
static __always_inline void on_answered(const struct sock *daemon, long result)
{
	__u32 socket;
	struct connection *connection;
	__u64 offset;

	if (result == 0 || (result < 0 && result != -EPIPE && result != -ECONNRESET))
		return;
	socket = watched_socket(daemon);
	if (socket == CALLERD_NO_SOCKET)
		return;
	if (result < 0) {
		if (BPF_CORE_READ(daemon, sk_shutdown) == SHUTDOWN_MASK && !has_unread(daemon))
			end_connection(daemon, CALLERD_END_RESET);
		return;
	}
	connection = find_connection(daemon);
	if (!connection)
		connection = add_preexisting(daemon, socket);
	if (!connection)
		return;
	offset = __sync_fetch_and_add(&connection->answered, result);
	if (!is_muted(connection, CALLERD_RESPONSE))
		copy_stream(connection, offset, result, CALLERD_RESPONSE);
	connection->answered_at = bpf_ktime_get_boot_ns();
}

#endif
