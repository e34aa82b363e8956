/* SPDX-License-Identifier: GPL-2.0-only */
/* The state that the programs share, and the rings through which they send events. */
#ifndef CALLERD_BPF_MAPS_H
#define CALLERD_BPF_MAPS_H

#include "kernel.h"
#include "callerd/event.h"

const volatile struct callerd_settings settings SEC(".rodata.settings") = {};

struct callerd_control control SEC(".data.control") = {
	.magic = CALLERD_MAGIC,
	.layout = CALLERD_LAYOUT,
};

#define AWAY_AFTER 3000000000ull /* ns: the agent gives three signs of life in that time */

/* ns since the agent's last sign of life. It may have come a moment ago, on another CPU. */
static __always_inline __s64 silence(void)
{
	return bpf_ktime_get_ns() - control.beat;
}

/* Whether nobody reads the rings. */
static __always_inline bool is_away(void)
{
	return control.gone || silence() > (__s64)AWAY_AFTER;
}

/* Whether nobody has read the rings for so long that only counts are kept. */
static __always_inline bool is_deserted(void)
{
	return silence() > (__s64)control.away_limit;
}

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} callers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} payload SEC(".maps");

/* The watched sockets. A socket is watched if its inode is in nodes, or if its name in its
 * directory is in names: the name finds sockets made after the agent started, the inode finds
 * sockets that were renamed. The paths find sockets in directories made a moment ago, which the
 * agent has not seen yet. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct callerd_node_key);
	__type(value, __u32); /* index of the watched socket */
} nodes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct callerd_node_key);
	__type(value, __u32); /* number of names that are watched in this directory */
} directories SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct callerd_name_key);
	__type(value, __u32);
} names SEC(".maps");

/* The last components of the watched sockets' paths, in whatever directory. */
struct basename {
	char text[CALLERD_ADDRESS_MAX + 4]; /* NUL-padded */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct basename);
	__type(value, __u32);
} basenames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct callerd_path_key); /* as seen in the agent's mount namespace */
	__type(value, __u32);
} paths SEC(".maps");

#define ACCOUNTS_MAX 4096

/* User space removes accounts that were idle for long. While the table is full, all further
 * accounts are charged as one: ACCOUNT_REST. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ACCOUNTS_MAX);
	__type(key, __u64);
	__type(value, struct callerd_account);
} accounts SEC(".maps");

enum { ACCOUNT_BLANK, ACCOUNT_REST, SPECIAL_ACCOUNTS };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SPECIAL_ACCOUNTS);
	__type(key, __u32);
	__type(value, struct callerd_account);
} special_accounts SEC(".maps");

#define SENDERS_KEPT 6 /* senders remembered per span; one more sets CALLERD_FLAG_CROWD */

enum protocol {
	PROTOCOL_UNKNOWN,
	PROTOCOL_HTTP2,
	PROTOCOL_SESSION, /* the same, and the daemon is the client */
	PROTOCOL_OTHER,
};
#define PROTOCOL_LETTERS 7 /* tell it */

/* A connection, identified by the daemon's socket. */
struct connection {
	__u64 id;
	__u64 account;		    /* of the connector, then of the newest sender */
	__u64 daemon;		    /* address of the daemon's struct sock */
	__u64 sent;		    /* bytes whose send has completed */
	__u64 received;		    /* bytes that the daemon read */
	__u64 answered;		    /* bytes that the daemon wrote */
	__u64 answered_at;	    /* when the daemon last wrote */
	__u64 connector;	    /* sender_key() of the connector; 0: not known */
	__u64 sender[SENDERS_KEPT]; /* sender_key() of the current span's told senders; 0: free */
	__u64 span_start;	    /* stream offset of the span's first byte */
	__u64 confirmed;	    /* all senders up to this offset are known: see sends.h */
	__u64 unconfirmed;	    /* the daemon read bytes beyond .confirmed */
	__u64 sending;		    /* sends that began and go on (trampoline only) */
	__u64 budget[2];	    /* bytes that may still be copied, per direction */
	__u64 epoch;		    /* control.epoch when .untold was set last */
	__u32 span;		    /* number of the current span */
	__u32 span_ended;	    /* the next sender begins a new span */
	__u32 shared;		    /* several processes send in the current span */
	__u32 lock;		    /* protects the span's fields: see sends.h */
	__u32 socket;
	__u32 flags;	/* CALLERD_FLAG_ bits of every event of this connection */
	__u32 speaking; /* enum callerd_direction of the last bytes */
	__u32 lost;	/* bit per direction: bytes were lost since the last event */
	__u32 turned;	/* bit per direction: it began to speak since the last event */
	__u32 skipped;	/* bit per direction: bytes of this turn were not copied */
	__u32 counted;	/* bit per direction: this turn was counted as lost */
	__u32 protocol; /* enum protocol, by the first bytes that the daemon read */
	__u32 compared; /* bytes that .protocol was looked for in */
	__u64 compares; /* stream offset of the first of them: behind an upgrade it is not 0 */
	__u32 heard;	/* bytes that the daemon read last */
	__u32 switched; /* the daemon answered 101 */
	__u32 untold;	/* bit per .sender: only an agent that has ended was told of it */
	__u32 session;	/* it has, or had, an entry in "sessions" */
};

/* A full table drops the connection that was idle longest. When that one speaks again, it is added
 * like a connection older than the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64); /* address of the daemon's struct sock */
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);   /* connection.id */
	__type(value, __u32); /* CALLERD_MUTE_ bits */
} muted SEC(".maps");

#define FRAME_HEAD 9
#define PREFACE_SIZE 24

enum frames_state {
	FRAMES_UNKNOWN,
	FRAMES_NEXT, /* the next write that begins like them does so */
	FRAMES_KNOWN,
};

/* Where a direction of HTTP/2 stands in its frames. */
struct frames {
	__u32 state; /* enum frames_state */
	__u32 wants; /* size of the head that is to come: that of a frame, or the preface */
	__u32 have;  /* bytes of .head */
	__u32 left;  /* of the payload at hand */
	__u32 keep;  /* its next bytes that are wanted */
	__u32 reserved;
	__u8 head[64]; /* what is masked by 31 cannot leave it */
	/* While a buffer is copied: the next byte's user address and stream offset, how many there are, and how many of
	 * these are to be copied, and were not yet. */
	__u64 from, offset, rest, run;
	__u64 ready, ready_offset; /* of those that are copied now */
};

#define STREAMS_KEPT 256 /* of a connection; Go's server takes 250 at a time */
#define STREAM_OVER (1U << 31)

/* What is still to be copied of a stream's DATA. */
struct stream {
	__u32 id; /* 0: none; with STREAM_OVER: it has its answer, and makes room for another one */
	__u32 left[2]; /* bytes, per direction */
};

struct session {
	struct callerd_session_mark mark;
	struct frames frames[2]; /* per direction */
	struct stream streams[STREAMS_KEPT];
};

/* Connections that speak HTTP/2, or may do so since the daemon answered 101. Not one that drops the oldest where it is full: of a
 * connection that comes then all is copied, or nothing of a session, and nobody makes that of those so that have room. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 8192);
	__type(key, __u64); /* connection.id */
	__type(value, struct session);
} sessions SEC(".maps");

const __u64 new_session[sizeof(struct session) / sizeof(__u64)] = {};

/* Ids of the connections that the last walk found alive. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 65536);
	__type(value, __u64);
} living_ids SEC(".maps");

/* Addresses of the daemons' ends of connections that no program saw: filled by the iterator "living". */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, CALLERD_UNSEEN_MAX);
	__type(value, __u64);
} unseen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CALLERD_LOSS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps");

/* User space's own: see struct callerd_told. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ACCOUNTS_MAX + SPECIAL_ACCOUNTS);
	__type(key, __u64);
	__type(value, struct callerd_told);
} told SEC(".maps");

/* User space's own: see struct callerd_handed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64); /* connection.id */
	__type(value, struct callerd_handed);
} handed SEC(".maps");

/* User space's own: see struct callerd_handed_http2. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CALLERD_HANDED_HTTP2);
	__type(key, __u64); /* connection.id */
	__type(value, struct callerd_handed_http2);
} handed_http2 SEC(".maps");

/* User space's own: see struct callerd_kept_socket. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALLERD_SOCKETS_MAX);
	__type(key, __u32);
	__type(value, struct callerd_kept_socket);
} kept_sockets SEC(".maps");

/* User space's own: see struct callerd_kept_sender. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CALLERD_KEPT_SENDERS);
	__type(key, __u64); /* connection.id */
	__type(value, struct callerd_kept_sender);
} kept_senders SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CALLERD_KEPT_LARGE_SENDERS);
	__type(key, __u64);
	__type(value, struct callerd_kept_large_sender);
} kept_large_senders SEC(".maps");

/* Seven letters as a number that a read of them gives. */
#define LETTERS(a, b, c, d, e, f, g)                                                               \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |   \
	 (__u64)(f) << 40 | (__u64)(g) << 48)

/* A product alone, even with the shift, carries the highest bit of VALUE to known places whatever the seed, where the next value could
 * take it back: two of a process's arguments would have the same key. What the shift brings down the second product spreads. */
#define MIX(key, value)                                                                            \
	((key) = ((key) ^ (__u64)(value)) * 0x9e3779b97f4a7c15ULL, (key) ^= (key) >> 32,           \
	 (key) *= 0xd6e8feb86659fd93ULL)

static __always_inline void count_loss(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&losses, &reason);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* Waking the reader is expensive. Events wake it only while it sleeps; otherwise it polls, which it does not do sooner for what piles
 * up in the payload ring. Much in the callers ring wakes it, and what it has to look up of the process itself, for that may be
 * gone in a moment: where a refused connect led, and of a caller that was not described before its label, where there are labels. */
static __always_inline bool wakes_reader(void)
{
	return control.reader_asleep && __sync_lock_test_and_set(&control.reader_asleep, 0);
}

CHECKED_ONCE __u64 payload_wake_flags(void)
{
	return wakes_reader() ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

CHECKED_ONCE __u64 caller_wake_flags(void)
{
	return wakes_reader() ||
			       bpf_ringbuf_query(&callers, BPF_RB_AVAIL_DATA) > settings.wake_level
		       ? BPF_RB_FORCE_WAKEUP
		       : BPF_RB_NO_WAKEUP;
}

static __always_inline __u64 wake_flags(void *ring)
{
	return ring == &callers ? BPF_RB_FORCE_WAKEUP : payload_wake_flags();
}

static __always_inline void fill_header(struct callerd_event_header *header, __u32 type, __u32 size,
					const struct connection *connection)
{
	header->type = type;
	header->size = size;
	header->time = bpf_ktime_get_boot_ns();
	header->connection = connection ? connection->id : 0;
	header->account = connection ? connection->account : 0;
	header->socket = connection ? connection->socket : CALLERD_NO_SOCKET;
	header->flags = connection ? connection->flags : 0;
}

#endif
