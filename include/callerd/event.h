/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The contract between the kernel programs (bpf/) and user space (user/kernel/).
 *
 * Every event starts with a struct callerd_event_header. Events of the callers ring describe
 * processes, events of the payload ring carry the bytes. All integers are host-endian, all structs
 * are free of implicit padding (asserted below), all times are nanoseconds of CLOCK_BOOTTIME.
 */
#ifndef CALLERD_EVENT_H
#define CALLERD_EVENT_H

#include <linux/types.h>

#define CALLERD_SOCKETS_MAX 64	      /* watched at once */
#define CALLERD_ARGV_MAX 8192	      /* bytes of argv kept */
#define CALLERD_ANCESTOR_ARGV_MAX 512 /* bytes of argv that are kept of every process at its exec */
#define CALLERD_TEXT_MAX 24576	      /* bytes of text in one caller event */
#define CALLERD_ANCESTORS_MAX 16
#define CALLERD_COMM_SIZE 16
#define CALLERD_ADDRESS_MAX 108 /* sizeof(sockaddr_un.sun_path) */
#define CALLERD_DATA_MAX 16384	/* payload bytes in one data event */
#define CALLERD_NO_SOCKET ((__u32)-1)
#define CALLERD_UNSET_ID ((__u32)-1) /* an unset login UID or session */

enum callerd_event_type {
	/* callers ring: struct callerd_caller_event */
	CALLERD_EVENT_CONNECT = 1, /* a connect that succeeds; the caller is the connector */
	CALLERD_EVENT_REFUSED = 2, /* a connect that failed; .error, .address */
	CALLERD_EVENT_SENDER = 3,  /* a process sends on the connection, in the span of .span */
	/* callers ring: struct callerd_peer_event */
	CALLERD_EVENT_PEER = 4, /* a connection that was there before the agent */
	/* payload ring */
	CALLERD_EVENT_DATA = 5, /* struct callerd_data_event */
	CALLERD_EVENT_SENT =
		6, /* struct callerd_sent_event: bytes up to .offset have their sender */
	CALLERD_EVENT_END = 7, /* struct callerd_end_event */
};

/* callerd_event_header.flags */
enum {
	CALLERD_FLAG_PREEXISTING = 1 << 0, /* the connection is older than the agent */
	CALLERD_FLAG_LOST_BEFORE = 1 << 1, /* bytes between the last event and this one were lost */
	CALLERD_FLAG_TURN = 1 << 2, /* first bytes of this direction since the other one spoke */
	CALLERD_FLAG_UNREADABLE = 1 << 3,  /* the buffer could not be read: no bytes follow */
	CALLERD_FLAG_IN_GROUP = 1 << 4,	   /* the caller is in the socket node's group */
	CALLERD_FLAG_OUT_OF_BAND = 1 << 5, /* MSG_OOB was used: stream offsets are not exact */
	CALLERD_FLAG_NODE = 1 << 6,	   /* node_* are set */
	CALLERD_FLAG_EXE_DELETED = 1 << 7, /* the executable has no name any more */
	CALLERD_FLAG_FOREIGN = 1 << 8,	   /* the daemon lives in another network namespace */
	CALLERD_FLAG_RESOLVED = 1 << 30,   /* REFUSED: the address led to .socket for certain */
	CALLERD_FLAG_NO_NODE = 1 << 29,	   /* REFUSED: it led to no node that could refuse it */
	CALLERD_FLAG_UNSEEN = 1 << 9,	/* RESPONSE: more of the request was read than was copied */
	CALLERD_FLAG_OVERLAP = 1 << 10, /* SENDER: joins a span that others send in.
					 * REQUEST: several processes send in the present span */
	CALLERD_FLAG_CONNECTOR = 1 << 11, /* SENDER: it is the process image that connected */
	CALLERD_FLAG_CROWD = 1 << 12,	  /* others sent as well, who are not told */
	CALLERD_FLAG_EXE_KNOWN = 1 << 13, /* .exe is what the process executed: the kernel saw it */
	/* RESPONSE: first bytes of one write of the daemon's, which looks like a response's head. What a
	 * response carries may look the same. */
	CALLERD_FLAG_HEAD = 1 << 14,
};

/*
 * Whom an event is charged to: KIND << 32 | ID. All share the rings, the outputs' queues and the agent's memory, so
 * each account has a share of them. A user cannot have more than one account: see bpf/account.h.
 */
enum callerd_account_kind {
	CALLERD_ACCOUNT_NONE = 0,      /* the agent itself, or not known */
	CALLERD_ACCOUNT_USER = 1,      /* ID: a UID of the initial user namespace */
	CALLERD_ACCOUNT_CONTAINER = 2, /* ID: inode number of its outermost PID namespace */
	CALLERD_ACCOUNT_REST = 3,      /* more accounts than the kernel side had room for; ID 0 */
};

#define CALLERD_ACCOUNT(kind, id) ((__u64)(kind) << 32 | (__u32)(id))
#define CALLERD_ACCOUNT_KIND(account) ((__u32)((account) >> 32))
#define CALLERD_ACCOUNT_ID(account) ((__u32)(account))

struct callerd_event_header {
	__u32 type;	  /* enum callerd_event_type */
	__u32 size;	  /* of the whole event, this header included */
	__u64 time;	  /* when it happened */
	__u64 connection; /* unique while the agent runs; 0: none */
	__u64 account;	  /* CALLERD_ACCOUNT(); of a connection: that of who acted on it last */
	__u32 socket;	  /* index of the watched socket */
	__u32 flags;
};

/* callerd_text.flags */
enum {
	CALLERD_TEXT_TRUNCATED = 1 << 0, /* longer than kept */
	CALLERD_TEXT_FAULT = 1 << 1,	 /* could not be read to its end */
	/* Of an executable: what was executed; the process pretends another one now. */
	CALLERD_TEXT_EXCHANGED = 1 << 2,
};

/* A piece of callerd_caller_event.text. Paths are stored as their components from the leaf to the
 * root, each ended by a NUL: /usr/bin/docker is "docker\0bin\0usr\0", the root itself is empty. */
struct callerd_text {
	__u32 offset;
	__u16 length;
	__u16 flags;
};

/* The key of the map of watched nodes; tells any two files apart. */
struct callerd_node_key {
	__u64 inode;
	__u32 device; /* the kernel's own encoding of dev_t */
	__u32 generation;
};

struct callerd_ancestor {
	__u64 start; /* group leader's start */
	__u32 pid;
	__u32 uid; /* effective */
	char comm[CALLERD_COMM_SIZE];
	struct callerd_text exe;  /* path */
	struct callerd_text argv; /* as it was at its exec; FAULT: not seen */
};

/*
 * Who sends. A connection's request stream is cut into spans, numbered from 0, whose bytes were sent by one
 * process image, or by several whose sends overlapped and cannot be told apart. A span ends where all bytes
 * that lie in the stream were counted as somebody's and no send goes on that was seen to begin. The first
 * sender of a span has one SENDER event, each further one another with CALLERD_FLAG_OVERLAP. The sender of
 * span 0 is the process that connected, without an event. A span whose number is missing was lost.
 */

/* Ids are those of the initial user and PID namespaces. */
struct callerd_caller_event {
	struct callerd_event_header header;
	__u64 start;	    /* group leader's start */
	__u64 capabilities; /* effective set */
	__u64 offset;	    /* SENDER: stream offset from which on bytes may be its own */
	__u64 cgroup_id;    /* cgroup2 */
	__s32 error;	    /* REFUSED: positive errno */
	__u32 pid;	    /* thread group */
	__u32 tid;
	__u32 uid; /* real */
	__u32 gid;
	__u32 euid;
	__u32 egid;
	__u32 fsuid;
	__u32 fsgid;
	__u32 login_uid; /* CALLERD_UNSET_ID: unset */
	__u32 session;	 /* CALLERD_UNSET_ID: unset */
	__u32 mnt_ns;	 /* inode numbers of the namespaces */
	__u32 pid_ns;
	__u32 user_ns;
	__u32 user_ns_owner; /* who made it */
	__u32 net_ns;
	__u32 node_uid; /* the socket node's owner, group, mode */
	__u32 node_gid;
	__u32 node_mode;
	__u32 tty_index;
	/* How many components of .cgroup, from the leaf on, somebody else than root could have named: one
	 * of the directories above them is not root's. The owner is that of the outermost such directory. */
	__u32 cgroup_claimed;
	__u32 cgroup_owner;
	__u32 cgroup_v1_claimed; /* the same of .cgroup_v1 */
	__u32 cgroup_v1_owner;
	__u32 ancestors; /* how many of .ancestor are set, the parent first */
	/* CONNECT: who called listen(), by whose ids and when it started; pid 0: not known, start 0: it is
	 * gone, and its PID may be another's. */
	__u32 server_pid;
	__u32 server_uid;
	__u32 reserved_ids;
	__u64 server_start;
	struct callerd_node_key exe_node; /* the file that .exe names */
	char tty_driver[16];		  /* "pts"; empty: no terminal */
	char comm[CALLERD_COMM_SIZE];
	struct callerd_text argv; /* arguments, each ended by a NUL */
	struct callerd_text exe;  /* path */
	/* Where exe is EXCHANGED: the path that the process pretends. */
	struct callerd_text exe_claimed;
	struct callerd_text cwd;    /* path */
	struct callerd_text root;   /* path of the process's root directory */
	struct callerd_text cgroup; /* path in the cgroup2 hierarchy */
	struct callerd_text
		cgroup_v1; /* path in a v1 hierarchy that has the pids or memory controller */
	/* REFUSED: sun_path as the caller gave it, and a NUL. Where header.socket is set, the path follows,
	 * in the caller's mounts, of a mount of that socket or its directory: a container's mounts may be gone
	 * before anybody can look. */
	struct callerd_text address;
	struct callerd_ancestor ancestor[CALLERD_ANCESTORS_MAX];
	__u32 text_size;
	__u32 span;		     /* SENDER: number of the span */
	char text[CALLERD_TEXT_MAX]; /* only text_size bytes are sent */
};

/* What the kernel recorded at connect() time of a connection that nobody watched then. */
struct callerd_peer_event {
	struct callerd_event_header header;
	__u64 start; /* of the process; 0: it is gone, and its PID may be another's now */
	__u32 pid;   /* 0: not known */
	__u32 uid;
	__u32 gid;
	__u32 reserved;
};

enum callerd_direction {
	CALLERD_REQUEST = 0,  /* read by the daemon */
	CALLERD_RESPONSE = 1, /* written by the daemon */
};

struct callerd_data_event {
	struct callerd_event_header header;
	__u64 offset; /* stream offset of the first byte, per direction; less than expected: never */
	__u64 confirmed;   /* stream offset of the request up to which all senders are known */
	__u64 answered_at; /* when the daemon last wrote before this; 0: not since it is watched */
	__u32 length;	   /* bytes that the daemon read or wrote */
	__u32 copied;	   /* bytes of them in .data, from .offset on */
	__u32 direction;   /* enum callerd_direction */
	__u32 span;	   /* REQUEST: number of the last span that has begun */
	unsigned char data[];
};

struct callerd_sent_event {
	struct callerd_event_header header;
	__u64 offset;
};

enum callerd_end_reason {
	CALLERD_END_CLIENT = 1, /* the daemon read an end of file */
	CALLERD_END_DAEMON = 2, /* the daemon closed */
	CALLERD_END_RESET = 3,
	CALLERD_END_REPLACED = 4, /* its socket's memory serves another connection now */
};

struct callerd_end_event {
	struct callerd_event_header header;
	__u64 received;	   /* bytes that the daemon read in all */
	__u64 answered;	   /* bytes that the daemon wrote in all */
	__u64 answered_at; /* when it last wrote; 0: not since it is watched */
	__u32 reason;	   /* enum callerd_end_reason */
	__u32 reserved;
};

/* Losses in the kernel, by cause; one counter each, summed over CPUs by user space. */
enum callerd_loss {
	CALLERD_LOSS_CONNECT = 0, /* callers ring full: connects */
	CALLERD_LOSS_REFUSED,	  /* callers ring full: refused connects */
	CALLERD_LOSS_SENDER,	  /* callers ring full: changes of sender, peers */
	CALLERD_LOSS_REQUEST,	  /* payload ring full: pieces of requests */
	CALLERD_LOSS_RESPONSE,	  /* payload ring full: pieces of responses */
	CALLERD_LOSS_END,	  /* payload ring full: ends and sent marks */
	CALLERD_LOSS_TABLE,	  /* connection table full */
	CALLERD_LOSS_SCRATCH,	  /* no scratch buffer was free */
	CALLERD_LOSS_UNREADABLE,  /* the daemon's buffer could not be read */
	CALLERD_LOSS_MAX,
};

enum callerd_ring { CALLERD_RING_CALLERS, CALLERD_RING_PAYLOAD, CALLERD_RINGS };

/* What an account has in a ring, at most: what was charged since the reader passed the ring position from which
 * .before counts. */
struct callerd_share {
	__u64 turn;	     /* ring position from which .after counts: up to there it is .before */
	__u64 before, after; /* bytes */
};

/* What a refused connect meant, as far as the kernel side can tell. */
enum callerd_refused_kind {
	CALLERD_REFUSED_NAMED, /* a watched socket, or a path that ends in the name of one */
	CALLERD_REFUSED_OTHER, /* it may be another name of one */
	CALLERD_REFUSED_KINDS,
};

/* Refused connects of one kind beyond the rate at which they are described. */
struct callerd_refused {
	__u64 due; /* when the next one would be, at that rate */
	__u64 count;
	__u64 first, last; /* times of those of .tick */
	__u32 tick;	   /* callerd_control.tick; the rest is of those of the same tick */
	__u32 error;	   /* positive errno; 0: several */
	__u32 socket;	   /* CALLERD_NO_SOCKET: not known, or several */
	__u32 reserved;
};

/* The value of the map "accounts", keyed by account. */
struct callerd_account {
	__u64 used; /* when it was charged last */
	struct callerd_refused refused[CALLERD_REFUSED_KINDS];
	struct callerd_share shares[CALLERD_RINGS];
	__u64 lost
		[CALLERD_LOSS_MAX]; /* what it lost of its own, the rings being full or its share used up */
};

/* The key of the map of watched names: the directory as the kernel knows it, and the name in it. */
struct callerd_name_key {
	__u64 inode;
	__u32 device;			    /* the kernel's own encoding of dev_t */
	__u32 generation;		    /* inode numbers are used again */
	char name[CALLERD_ADDRESS_MAX + 4]; /* NUL-padded */
};

/* The key of the map of watched paths: components as in callerd_text, NUL-padded. */
#define CALLERD_PATH_KEY_SIZE 256
struct callerd_path_key {
	char components[CALLERD_PATH_KEY_SIZE];
};

/* Context of the program that tells the kernel's identity of an open file of the agent's, and learns that of
 * the agent. */
struct callerd_identify {
	__s32 fd;			/* in */
	__u32 found;			/* out: 1 if the rest is set */
	struct callerd_node_key node;	/* out: the file */
	struct callerd_node_key parent; /* out: the directory that holds its name */
	__u32 mode;			/* out: i_mode */
	__u32 socket; /* out: index of the watched socket that it is, or CALLERD_NO_SOCKET */
};

/* Context of the program that tells what was counted of a connection, which may be over. */
struct callerd_totals {
	__u64 connection; /* in */
	__u64 received;	  /* out, as in struct callerd_end_event */
	__u64 answered;
	__u64 answered_at;
	__u32 found; /* out: 1 if the rest is set */
	__u32 reserved;
};

/* Section .rodata.settings: set by user space between open and load. */
struct callerd_settings {
	__u64 request_budget;  /* bytes copied per turn of the talk, and what is behind a body */
	__u64 response_budget; /* bytes copied per response */
	__u64 seed;	       /* of what tells senders apart */
	__u32 own_calls;       /* the agent's own connections are told as those of others */
	__u32 agent_net_ns;
	__u32 wake_level; /* bytes waiting in a ring that wake its reader */
	__u32 agent_mnt_ns;
	__u64 ring_size[CALLERD_RINGS];
};

/* Section .data.control: memory that both sides share. */
struct callerd_control {
	__u64 reader_asleep; /* set by the reader before it sleeps; the first event then wakes it */
	__u64 last_connection;
	__u64 tick; /* times that user space has read what accounts were refused */
	__u64 last_image;
	/* The agent's process in the initial PID namespace: its own connections are not reported. Set by
	 * identify(), since the agent may live in another one and does not know. */
	__u64 agent_pid;
	/* A bit for each inode of a watched node or of a directory with watched names, by its low
	 * eight bits: all other Unix sockets are passed over at a glance. Bits are never taken back. */
	__u64 inode_filter[4];
};

#define CALLERD_FILTER_WORD(inode) ((inode) >> 6 & 3)
#define CALLERD_FILTER_BIT(inode) (1ull << ((inode)&63))

/* Values of the map "executed", keyed by thread group: which image the process is. */
struct callerd_executed {
	__u64 start; /* the process is another one where this or the next differs */
	__u64 exec_id;
	__u64 image; /* key of the maps of arguments */
};

/* Values of the maps "arguments" and "long_arguments": each argument ended by a NUL, with their secrets. */
struct callerd_args {
	__u32 size;
	__u32 flags; /* CALLERD_TEXT_ */
	char argv[CALLERD_ANCESTOR_ARGV_MAX];
};

struct callerd_long_args {
	__u32 size;
	__u32 flags; /* CALLERD_TEXT_ */
	char argv[CALLERD_ARGV_MAX];
};

/* A process in the output of the iterator "processes". */
struct callerd_process {
	__u64 start;
	__u64 image; /* another one after an exec */
	__u64 account;
	__u32 pid;
	__u32 reserved;
};

/* Values of the map "muted", keyed by connection: directions not to copy, and whether user space has
 * given the connection up and must be told of it anew, as of one that was there before the agent. */
enum {
	CALLERD_MUTE_REQUEST = 1 << CALLERD_REQUEST,
	CALLERD_MUTE_RESPONSE = 1 << CALLERD_RESPONSE,
	CALLERD_FORGOTTEN = 1 << 2,
};

#ifndef __bpf__
#include <assert.h>
static_assert(sizeof(struct callerd_event_header) == 40, "no padding");
static_assert(sizeof(struct callerd_ancestor) == 48, "no padding");
static_assert(sizeof(struct callerd_caller_event) ==
		      40 + 5 * 8 + 28 * 4 + 16 + 32 + 8 * 8 + 16 * 48 + 8 + CALLERD_TEXT_MAX,
	      "no padding");
static_assert(sizeof(struct callerd_peer_event) == 64, "no padding");
static_assert(sizeof(struct callerd_data_event) == 80, "no padding");
static_assert(sizeof(struct callerd_sent_event) == 48, "no padding");
static_assert(sizeof(struct callerd_end_event) == 72, "no padding");
static_assert(sizeof(struct callerd_name_key) == 128, "no padding");
static_assert(sizeof(struct callerd_node_key) == 16, "no padding");
static_assert(sizeof(struct callerd_identify) == 48, "no padding");
static_assert(sizeof(struct callerd_process) == 32, "no padding");
static_assert(sizeof(struct callerd_totals) == 40, "no padding");
#endif

#endif
