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

#define CALLERD_SOCKETS_MAX 64 /* sockets watched at once */
#define CALLERD_ARGV_MAX 8192  /* bytes of a caller's arguments that are kept */
/* bytes of arguments that are kept of every process at its exec */
#define CALLERD_ANCESTOR_ARGV_MAX 512
#define CALLERD_TEXT_MAX 24576 /* bytes of text in one caller event */
#define CALLERD_ANCESTORS_MAX 16
#define CALLERD_GROUPS_MAX 16 /* supplementary groups that are told */
#define CALLERD_COMM_SIZE 16
#define CALLERD_ADDRESS_MAX 108 /* sizeof(sockaddr_un.sun_path) */
#define CALLERD_DATA_MAX 16384	/* payload bytes in one data event */
#define CALLERD_NO_SOCKET ((__u32)-1)
#define CALLERD_GUARD_QUEUES 3
#define CALLERD_DEPARTED_MAX 128 /* processes that are kept after their end */
#define CALLERD_GUARD_OWNERS_MAX 8
#define CALLERD_UNSET_ID ((__u32)-1) /* a login UID or session that is not set */

enum callerd_event_type {
	/* in the callers ring: struct callerd_caller_event */
	CALLERD_EVENT_CONNECT = 1, /* a connect succeeds; the caller is the connector */
	CALLERD_EVENT_REFUSED = 2, /* a connect failed; .error and .address are set */
	CALLERD_EVENT_SENDER = 3,  /* a process sends on the connection, in the span .span */
	/* in the callers ring: struct callerd_peer_event */
	CALLERD_EVENT_PEER = 4, /* a connection is older than the agent */
	/* in the payload ring */
	CALLERD_EVENT_DATA = 5, /* struct callerd_data_event */
	/* struct callerd_sent_event: the senders of the bytes up to .offset are known */
	CALLERD_EVENT_SENT = 6,
	CALLERD_EVENT_END = 7, /* struct callerd_end_event */
	/* in no ring: struct callerd_caller_event, which describes a process that the agent asks
	 * for, as it is now or was at its end; the arguments are those of its exec */
	CALLERD_EVENT_ACTOR = 8,
	/* in the callers ring: struct callerd_accept_event, of a connection over TCP: it came about, or more is known of it than
	 * before, or an agent that does not know it is told */
	CALLERD_EVENT_ACCEPT = 9,
};

/* callerd_event_header.flags */
enum {
	CALLERD_FLAG_PREEXISTING = 1 << 0, /* the connection is older than the agent */
	CALLERD_FLAG_LOST_BEFORE = 1 << 1, /* bytes between the last event and this one were lost */
	/* first bytes of this direction since the other direction had bytes */
	CALLERD_FLAG_TURN = 1 << 2,
	CALLERD_FLAG_UNREADABLE = 1 << 3,  /* the buffer could not be read: no bytes follow */
	CALLERD_FLAG_IN_GROUP = 1 << 4,	   /* the caller is in the socket node's group */
	CALLERD_FLAG_OUT_OF_BAND = 1 << 5, /* MSG_OOB was used: stream offsets are not exact */
	CALLERD_FLAG_NODE = 1 << 6,	   /* node_* are set */
	CALLERD_FLAG_EXE_DELETED = 1 << 7, /* the executable's name was deleted */
	CALLERD_FLAG_FOREIGN = 1 << 8,	   /* the daemon lives in another network namespace */
	CALLERD_FLAG_RESOLVED = 1 << 30,   /* REFUSED: the address led to .socket for certain */
	/* REFUSED: the address led to no node that could refuse */
	CALLERD_FLAG_NO_NODE = 1 << 29,
	CALLERD_FLAG_UNSEEN = 1 << 9, /* RESPONSE: bytes of the request were not copied */
	/* SENDER: joins a span that other processes send in. REQUEST: several processes send in the
	 * present span */
	CALLERD_FLAG_OVERLAP = 1 << 10,
	/* SENDER: the sender is the process image that connected */
	CALLERD_FLAG_CONNECTOR = 1 << 11,
	CALLERD_FLAG_CROWD = 1 << 12,	  /* more processes sent than have SENDER events */
	CALLERD_FLAG_EXE_KNOWN = 1 << 13, /* the kernel programs saw the exec of .exe */
	/* RESPONSE: the first bytes of one write of the daemon, which look like a response's head.
	 * The content of a response may look the same. */
	CALLERD_FLAG_HEAD = 1 << 14,
	/* The connection is one over TCP. CONNECT: it came about if an ACCEPT follows */
	CALLERD_FLAG_TCP = 1 << 15,
	CALLERD_FLAG_TLS = 1 << 16, /* TCP: with TLS, so that its bytes are not copied */
	/* The caller's standard input and error are its controlling terminal. */
	CALLERD_FLAG_INTERACTIVE = 1 << 17,
	CALLERD_FLAG_LOCAL =
		1 << 18, /* TCP: whoever connected is in the daemon's network namespace */
};

/*
 * The account that an event is charged to: KIND << 32 | ID. All callers share the rings, the
 * outputs' queues and the agent's memory, so that each account has a limited share of them. A user
 * cannot have more than one account: see bpf/account.h.
 */
enum callerd_account_kind {
	CALLERD_ACCOUNT_NONE = 0, /* the agent itself, or an unknown caller */
	CALLERD_ACCOUNT_USER = 1, /* ID: a UID of the initial user namespace */
	/* ID: inode number of the container's outermost PID namespace */
	CALLERD_ACCOUNT_CONTAINER = 2,
	CALLERD_ACCOUNT_REST = 3, /* all accounts for which the map had no room; ID 0 */
};

#define CALLERD_ACCOUNT(kind, id) ((__u64)(kind) << 32 | (__u32)(id))
#define CALLERD_ACCOUNT_KIND(account) ((__u32)((account) >> 32))
#define CALLERD_ACCOUNT_ID(account) ((__u32)(account))

struct callerd_event_header {
	__u32 type;	  /* enum callerd_event_type */
	__u32 size;	  /* bytes of the whole event, with this header */
	__u64 time;	  /* time of the event */
	__u64 connection; /* unique while the agent runs; 0: none */
	/* CALLERD_ACCOUNT(); for a connection, of the process that acted on it last */
	__u64 account;
	__u32 socket; /* index of the watched socket */
	__u32 flags;
};

/* callerd_text.flags */
enum {
	CALLERD_TEXT_TRUNCATED = 1 << 0, /* the text is cut */
	CALLERD_TEXT_FAULT = 1 << 1,	 /* the text could not be read to its end */
	/* The text is the executable that the process executed; the process pretends another one
	 * now. */
	CALLERD_TEXT_EXCHANGED = 1 << 2,
};

/* A piece of callerd_caller_event.text. A path is stored as its components from the leaf to the
 * root, each ended by a NUL: /usr/bin/docker is "docker\0bin\0usr\0", and the root is empty. */
struct callerd_text {
	__u32 offset;
	__u16 length;
	__u16 flags;
};

/* The key of the map of watched nodes. No two files have the same key. */
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
	struct callerd_text exe; /* path */
	/* as at the exec; FAULT: not known */
	struct callerd_text argv;
};

/*
 * The senders of a connection. A request stream is cut into spans, numbered from 0. The bytes of a
 * span were sent by one process image, or by several whose sends overlapped, so that their bytes
 * cannot be told apart. A span ends where all bytes in the stream have been counted to a sender and
 * no send is under way. The first sender of a span has one SENDER event, each further sender one
 * with CALLERD_FLAG_OVERLAP. Span 0 begins without an event: its sender is the process that
 * connected. A missing number is a span that was lost.
 */

/* Ids are those of the initial user and PID namespaces. */
struct callerd_caller_event {
	struct callerd_event_header header;
	__u64 start;	    /* group leader's start */
	__u64 capabilities; /* effective set */
	/* SENDER: stream offset of the first byte that the sender may have sent */
	__u64 offset;
	__u64 cgroup_id; /* cgroup2 */
	__s32 error;	 /* REFUSED: positive errno */
	__u32 pid;	 /* thread group */
	__u32 tid;
	__u32 uid; /* real */
	__u32 gid;
	__u32 euid;
	__u32 egid;
	__u32 fsuid;
	__u32 fsgid;
	__u32 login_uid; /* CALLERD_UNSET_ID: unset */
	__u32 session;	 /* CALLERD_UNSET_ID: unset */
	__u32 mnt_ns;	 /* mnt_ns to net_ns: inode numbers of the namespaces */
	__u32 pid_ns;
	__u32 user_ns;
	__u32 user_ns_owner; /* UID that created the user namespace */
	__u32 net_ns;
	__u32 node_uid; /* the socket node's owner, group, mode */
	__u32 node_gid;
	__u32 node_mode;
	__u32 tty_index;
	/* The number of components of .cgroup, from the leaf on, that others than root could name,
	 * since root does not own a directory above them. The owner is that of the outermost such
	 * directory. */
	__u32 cgroup_claimed;
	__u32 cgroup_owner;
	__u32 cgroup_v1_claimed; /* as .cgroup_claimed, for .cgroup_v1 */
	__u32 cgroup_v1_owner;
	__u32 ancestors; /* number of entries of .ancestor, the parent first */
	/* CONNECT: the process that called listen(): its PID, UID and start. pid 0: not known.
	 * start 0: the process has ended, and its PID may be another process's. */
	__u32 server_pid;
	__u32 server_uid;
	/* A number of the description, that is of all but .header, .offset, .span, .error, .tid, .node_*, .server_*, .address
	 * and the flags of these: where it is the same, they are; 0: it has none. */
	__u32 description;
	__u64 server_start;
	struct callerd_node_key exe_node; /* the file that .exe names */
	__u64 exe_changed; /* ns since 1970: that file's last change (ctime); 0: not known */
	__u32 groups[CALLERD_GROUPS_MAX]; /* the first of its supplementary groups */
	char tty_driver[16];		  /* "pts"; empty: no terminal */
	char comm[CALLERD_COMM_SIZE];
	struct callerd_text argv; /* arguments, each ended by a NUL */
	struct callerd_text exe;  /* path */
	/* Where .exe is EXCHANGED: the path that the process pretends. */
	struct callerd_text exe_claimed;
	struct callerd_text cwd;    /* path */
	struct callerd_text root;   /* path of the process's root directory */
	struct callerd_text cgroup; /* path in the cgroup2 hierarchy */
	/* path in a v1 hierarchy that has the pids or memory controller */
	struct callerd_text cgroup_v1;
	/* The variables that are kept of the environment that the caller had at its exec, or the nearest of its ancestors that had
	 * any: NAME=VALUE, each ended by a NUL. With flags there may be others. */
	struct callerd_text environment;
	/* REFUSED: sun_path as the caller gave it, and a NUL. Where header.socket is set, the path
	 * of a mount follows, in the caller's mount namespace, that shows that socket or its
	 * directory: the mounts of a container may be gone before the agent can look. */
	struct callerd_text address;
	struct callerd_ancestor ancestor[CALLERD_ANCESTORS_MAX];
	__u32 environment_pid; /* whose .environment it is; 0: there is none */
	__u32 group_count;     /* supplementary groups in all */
	__u32 text_size;
	__u32 span;		     /* SENDER: number of the span */
	char text[CALLERD_TEXT_MAX]; /* only text_size bytes are sent */
};

/* What the kernel itself recorded at connect() for a connection that is older than the agent. */
struct callerd_peer_event {
	struct callerd_event_header header;
	__u64 start; /* of the process; 0: it has ended, and its PID may be another process's */
	__u32 pid;   /* 0: not known */
	__u32 uid;
	__u32 gid;
	__u32 reserved;
};

/* An end of a connection over TCP. */
struct callerd_endpoint {
	__u32 address[4]; /* in the network's order; of IPv4 as IPv6 has it: ::ffff:10.1.2.3 */
	__u32 port;
};

struct callerd_accept_event {
	struct callerd_event_header header;
	struct callerd_endpoint from, to;
};

enum callerd_direction {
	CALLERD_REQUEST = 0,  /* read by the daemon */
	CALLERD_RESPONSE = 1, /* written by the daemon */
};

struct callerd_data_event {
	struct callerd_event_header header;
	/* stream offset of the first byte, per direction; it never goes back */
	__u64 offset;
	__u64 confirmed;   /* stream offset of the request up to which all senders are known */
	__u64 answered_at; /* time of the daemon's last write before this event; 0: none was seen */
	__u32 length;	   /* bytes that the daemon read or wrote */
	__u32 copied;	   /* bytes in .data, from .offset on */
	__u32 direction;   /* enum callerd_direction */
	__u32 span;	   /* REQUEST: number of the latest span */
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
	CALLERD_END_REPLACED = 4, /* the memory of its socket serves another connection now */
};

struct callerd_end_event {
	struct callerd_event_header header;
	__u64 received;	   /* bytes that the daemon read in all */
	__u64 answered;	   /* bytes that the daemon wrote in all */
	__u64 answered_at; /* time of the daemon's last write; 0: none was seen */
	__u32 reason;	   /* enum callerd_end_reason */
	__u32 reserved;
};

/* Losses in the kernel programs by cause. Each has a counter per CPU; user space adds them up. */
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
	/* While no agent reads the rings. Of these, each request and each response counts once. */
	CALLERD_LOSS_AWAY_REQUEST,
	CALLERD_LOSS_AWAY_RESPONSE,
	CALLERD_LOSS_AWAY_CALLER, /* connects, refused connects, changes of sender */
	CALLERD_LOSS_SESSION,	  /* table full of the connections whose frames are followed */
	CALLERD_LOSS_MAX,
};

enum callerd_ring { CALLERD_RING_CALLERS, CALLERD_RING_PAYLOAD, CALLERD_RINGS };

/* An upper bound of the bytes that an account has in a ring: .before + .after. When the reader
 * passes the position .turn, all bytes of .before have been read, and .after takes their place. */
struct callerd_share {
	/* ring position: .before are the bytes up to it, .after those behind it */
	__u64 turn;
	__u64 before, after; /* bytes */
};

/* What a refused connect meant, as far as the kernel programs can tell. */
enum callerd_refused_kind {
	/* a watched socket, or a path that ends in the name of a watched socket */
	CALLERD_REFUSED_NAMED,
	/* any other address, which may be another name of a watched socket */
	CALLERD_REFUSED_OTHER,
	CALLERD_REFUSED_KINDS,
};

/* Refused connects of one kind that were only counted, since they came faster than events are
 * allowed. */
struct callerd_refused {
	__u64 due; /* time from which on the next event is allowed */
	__u64 count;
	__u64 first, last; /* times of the first and the last in .tick */
	/* callerd_control.tick that the other members but .due and .count belong to */
	__u32 tick;
	__u32 error;  /* positive errno; 0: different errors */
	__u32 socket; /* CALLERD_NO_SOCKET: not known, or different sockets */
	__u32 reserved;
};

/* The value of the map "accounts", keyed by account. */
struct callerd_account {
	__u64 used; /* callerd_control.tick of the last charge */
	struct callerd_refused refused[CALLERD_REFUSED_KINDS];
	struct callerd_share shares[CALLERD_RINGS];
	/* events of the account that were lost, since the rings were full or its share was used
	 * up */
	__u64 lost[CALLERD_LOSS_MAX];
};

/* What a value of the map "sessions" begins with. */
struct callerd_session_mark {
	__u64 daemon;  /* key of its connection in the map "connections" */
	__u32 walk;    /* callerd_control.walk when that was last found alive */
	__u32 foreign; /* it is of another network namespace, where nobody looks */
};

/* The key of the map of watched names: the directory's key, and the name in the directory. */
struct callerd_name_key {
	__u64 inode;
	__u32 device;			    /* the kernel's own encoding of dev_t */
	__u32 generation;		    /* tells apart files that had the same inode number */
	char name[CALLERD_ADDRESS_MAX + 4]; /* NUL-padded */
};

/* The key of the map of watched paths: components as in callerd_text, NUL-padded. */
#define CALLERD_PATH_KEY_SIZE 256
struct callerd_path_key {
	char components[CALLERD_PATH_KEY_SIZE];
};

/* What user space asks of the program "queue": to remember the queue of fanotify that is open as
 * descriptor .fd as number .index. */
struct callerd_queue {
	__u32 fd;
	__u32 index;
};

/* A value of the map "departures", a buffer that begins anew at its end: a process that ended. User
 * space maps the buffer, and checks .number before and after it has copied the event. */
struct callerd_departed {
	__u64 busy;   /* the kernel programs write here */
	__u64 number; /* control.departures after this one; 0: not complete */
	struct callerd_caller_event event;
};

/* Context of the program "identify", which tells the key of a file that the agent has open, and
 * learns the agent's own process. */
#define CALLERD_PROBE (-2) /* as .fd: .thread is control.probe from now on */

struct callerd_identify {
	__s32 fd;			/* in */
	__u32 found;			/* out: 1 if the rest is set */
	struct callerd_node_key node;	/* out: the file */
	struct callerd_node_key parent; /* out: the directory that holds its name */
	__u32 mode;			/* out: i_mode */
	__u32 socket; /* out: index of the watched socket that the file is, or CALLERD_NO_SOCKET */
	__u32 thread; /* in */
	__u32 reserved;
};

/* Context of the program "totals", which tells the counts of a connection, even of one that is
 * over. */
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
	/* request bytes copied per turn of the client; read-ahead (bpf/stream.h) is copied
	 * beyond */
	__u64 request_budget;
	__u64 response_budget; /* bytes copied per response */
	__u64 seed;	       /* of the hash that tells senders apart */
	__u32 own_calls;       /* the agent's own connections are reported like all others */
	__u32 agent_net_ns;
	__u32 wake_level; /* bytes in a ring from which on its reader is woken */
	__u32 agent_mnt_ns;
	__u32 variables; /* number of names in the map "variables" */
	__u32 labels;	 /* processes have labels of an LSM, which user space reads */
	__u64 ring_size[CALLERD_RINGS];
};

/* The value of the map "told", keyed by account: the counts of that account (struct
 * callerd_account) that records tell already. Only user space uses it. */
struct callerd_told {
	__u64 lost[CALLERD_LOSS_MAX];
	__u64 refused[CALLERD_REFUSED_KINDS];
};

/* The values of the maps "kept_senders" and "kept_large_senders", keyed by connection: the SENDER event of the last sender that
 * began a span, or that of the connector as one. An agent that was killed has told nobody else. Only user space uses them. */
#define CALLERD_KEPT_SENDERS 4096
#define CALLERD_KEPT_LARGE_SENDERS 256
struct callerd_kept_sender {
	__u32 size; /* of the event */
	__u32 reserved;
	char event[4096 - 8];
};

struct callerd_kept_large_sender {
	__u32 size;
	__u32 reserved;
	struct callerd_caller_event event;
};

/* The value of the map "kept_sockets", by the index of the watched socket: those that an agent found
 * while it ran. Only user space uses it. */
struct callerd_kept_socket {
	char path[CALLERD_ADDRESS_MAX + 4]; /* empty: there is none */
	__u32 owner;
	__u32 brand; /* as user space numbers them */
};

#define CALLERD_HANDED_TARGET_MAX 1024

/* A request whose response goes on. Texts end with a NUL. */
struct callerd_handed_request {
	__u64 number, offset, end, answer_offset;
	__u64 started, finished, described;
	__u64 request_bytes;
	__u32 status, anomalies, incomplete;
	__s32 version_minor;
	__u32 complete, has_request_bytes;
	__u32 pid; /* of its caller; 0: not known */
	__u32 reserved;
	__u64 start; /* of that process */
	char id[64]; /* http.request.id */
	char method[32];
	char user_agent[128];
	char target[CALLERD_HANDED_TARGET_MAX];
};

/* The value of the map "handed", keyed by connection: how far an agent that was stopped had read an
 * open connection, for the next one to go on. Only user space uses it. */
struct callerd_handed {
	__u64 next[2]; /* offsets of the first bytes not read, per direction */
	__u64 served, message_end, confirmed, spoken, requests, account;
	__u32 socket, flags;
	__u32 opaque;	 /* the connection was taken over: no HTTP any more */
	__u32 followed;	 /* bit per direction: a message came before */
	__u32 blanks;	 /* bytes of line ends that the daemon still skips */
	__u32 streaming; /* .request is set */
	__u32 http2;	 /* there is a struct callerd_handed_http2 as well */
	__u32 reserved;
	struct callerd_handed_request request;
};

#define CALLERD_HANDED_TABLE_MAX 8192
#define CALLERD_HANDED_HTTP2 1024 /* entries of the map "handed_http2" */

/* How far one direction of HTTP/2 was read. */
struct callerd_handed_reader {
	__u64 position, begin; /* stream offsets of the next byte, and of the frame at hand */
	__u32 state;	       /* user space's */
	__u32 have;	       /* bytes of .frame; or of the preface */
	__u32 left, padding;   /* of the payload at hand */
	__u32 is_lost;	       /* it cannot be read any more; the rest is not set */
	__u32 table_size;      /* of .table */
	__u8 frame[16];
	__u8 table
		[CALLERD_HANDED_TABLE_MAX]; /* a header block that makes the header table what it is */
};

/* The value of the map "handed_http2", of a connection in "handed" that speaks it. */
struct callerd_handed_http2 {
	__u64 begins[2];		  /* stream offsets of the first bytes */
	__u64 upgrade_begin, upgrade_end; /* of the bytes of its request; 0: there was none */
	__u32 newest;			  /* the highest stream that a request began */
	__u32 spoken;			  /* bit per direction: something went */
	__u32 undecided;		  /* it is not known yet who asks; there are no readers */
	__u32 reversed;			  /* the daemon does */
	__u32 lost_why, missed; /* why requests and responses cannot be read: user space's */
	struct callerd_handed_reader readers[2]; /* of requests, and of responses */
};

#define CALLERD_OUTPUTS_MAX 32
#define CALLERD_OUTPUT_NAME_MAX 112

/* How far an output is: what was handed to it and not settled is lost with the agent. */
struct callerd_output {
	__u64 handed;  /* records that were given to the output */
	__u64 settled; /* records that it has written, or whose loss was told */
	char name[CALLERD_OUTPUT_NAME_MAX]; /* NUL-padded, cut */
};

/* What an agent that is killed leaves to the next one. */
struct callerd_legacy {
	__u64 sequence;	   /* event.sequence of the last record */
	__u64 begun, told; /* requests that were read from the ring; those that have their record */
	__u64 lost[CALLERD_LOSS_MAX]; /* the counts of the map "losses" that records tell already */
	__u64 missed;		      /* the same of programs that did not run */
	struct callerd_output outputs[CALLERD_OUTPUTS_MAX];
};

#define CALLERD_VARIABLE_WORDS 16 /* of callerd_control.variables */
#define CALLERD_DOORS_MAX 16	  /* listeners on TCP that are watched at once */

/* A listener on TCP that is watched. */
struct callerd_door {
	struct callerd_endpoint end; /* where it listens; port 0: none */
	__u32 socket;		     /* its index among the watched sockets */
	__u32 flags; /* CALLERD_FLAG_TLS, of connections that are older than its mark */
	__u32 net;   /* its network namespace, which the kernel programs find; 0: not yet */
	__u32 owner; /* whose engine it is */
};

#define CALLERD_MAGIC 0x64726c6c6163ull /* "callrd" */
/* Counts up with every change of what maps, rings and sections hold: an agent reads what programs
 * with another layout left only as far as the first two members of struct callerd_control. */
#define CALLERD_LAYOUT 15

/* Section .data.control: memory that both sides share, and that outlives the agent where it is
 * pinned. */
struct callerd_control {
	__u64 magic, layout; /* first in every version */
	__u64 sockets;	     /* set by user space: a hash of the watched paths, in their order */
	__u64 reader_asleep; /* set by the reader before it sleeps; the first event then wakes it */
	__u64 last_connection;
	__u64 walk; /* set by user space: number of times that it listed the living connections */
	__u64 tick; /* number of times that user space has read the accounts, which it does each second */
	__u64 last_image;
	__u64 last_description;
	__u64 args_kept; /* counts the arguments of processes that user space found: see capture_keep_args() */
	__u64 started; /* execs of programs that are called an engine, and sockets that listen on TCP */
	/* The agent's PID in the initial PID namespace, whose connections are not reported. The
	 * program "identify" sets it, since the agent may be in another PID namespace and not know
	 * it. */
	__u64 agent_pid;
	__u64 agent_start; /* of that process: its PID may come to be another one's */
	__u64 probe; /* a thread of the agent whose connections are reported all the same; 0: none */
	/* Signs of life of the agent, in ns of CLOCK_MONOTONIC. Without one for longer than
	 * .away_limit, nothing is described and copied any more, only counted. */
	__u64 beat;
	__u64 away_limit;
	__u64 gone;  /* when the agent ended; 0: it runs. The next one sets it to 0 */
	__u64 epoch; /* counts the agents that ended: the next one knows no sender yet */
	/* A bit for each inode number of a watched node or of a directory with watched names, by
	 * the number's low eight bits. Sockets without their bit need no lookup. Bits are never
	 * cleared. */
	__u64 inode_filter[4];
	/* A bit for each name in the map "variables", by its first eight letters: most names have none, and need no lookup. Bits are
	 * never cleared. */
	__u64 variables[CALLERD_VARIABLE_WORDS];
	__u64 guarding;	     /* set by user space: processes that end are to be kept */
	__u64 guard_reading; /* set by user space: it describes the processes of events */
	/* Addresses of the queues of events (struct fsnotify_group) that user space reads; 0: none. The
	 * program "queue" sets them. */
	__u64 guard_queues[CALLERD_GUARD_QUEUES];
	__u64 departures; /* processes that were kept so far */
	/* users other than root whose processes are kept: owners of what leads to a socket; 0:
	 * free */
	__u32 guard_owners[CALLERD_GUARD_OWNERS_MAX];
	struct callerd_door doors[CALLERD_DOORS_MAX];
	__u64 tcp_wanted; /* set by user space: the one of .doors whose listener "mark_listener" is to mark */
	__u64 tcp_marked;    /* listeners that were marked so far */
	__u64 tcp_beyond;    /* those that were not: they listen by another protocol, as MPTCP */
	__u64 tcp_elsewhere; /* those that were not: their door is one of another network namespace */
	struct callerd_legacy legacy; /* user space's own */
};

#define CALLERD_FILTER_WORD(inode) ((inode) >> 6 & 3)
#define CALLERD_FILTER_BIT(inode) (1ull << ((inode)&63))

/* Where the bit is of a name that begins with these letters, or is these, NUL-padded. */
#define CALLERD_VARIABLE_HASH(letters) ((letters)*0x9e3779b97f4a7c15ull >> 54)
#define CALLERD_VARIABLE_WORD(letters) (CALLERD_VARIABLE_HASH(letters) >> 6)
#define CALLERD_VARIABLE_BIT(letters) (1ull << (CALLERD_VARIABLE_HASH(letters) & 63))

#define CALLERD_IMAGE_PATH_MAX 208

/* Values of the map "images", keyed by thread group: what the process executed. */
struct callerd_image {
	__u64 start; /* where .start or .exec_id differ, the entry is of an earlier image */
	__u64 exec_id;
	__u64 image;		      /* key of the maps of arguments; never 0 */
	__u64 environment;	      /* key of the map "environments"; 0: nothing is kept */
	struct callerd_node_key node; /* the file */
	__u32 has_file;		      /* .node to .path are set: the kernel programs saw the exec */
	__u16 size;
	__u16 flags;			   /* CALLERD_TEXT_ */
	char path[CALLERD_IMAGE_PATH_MAX]; /* its first components, from the leaf on */
};

#define CALLERD_VARIABLES_MAX 256    /* names that are looked for */
#define CALLERD_VARIABLE_NAME_MAX 48 /* with its NUL */
#define CALLERD_VARIABLE_MAX 304     /* with its name and NUL; a longer one is cut */
#define CALLERD_ENVIRONMENT_MAX 1280

/* The key of the map "variables": a name, NUL-padded. */
struct callerd_variable {
	union {
		char name[CALLERD_VARIABLE_NAME_MAX];
		__u64 words[CALLERD_VARIABLE_NAME_MAX / 8];
	};
};

/* Values of the map "environments": variables as NAME=VALUE, each ended by a NUL, with what they have of secrets. */
struct callerd_environment {
	__u32 size;
	__u32 flags; /* CALLERD_TEXT_ */
	char text[CALLERD_ENVIRONMENT_MAX];
};

/* Values of the maps "arguments" and "long_arguments", keyed by image: each argument ended by a
 * NUL, with the secrets. */
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
	__u64 image; /* changes at each exec */
	__u64 account;
	__u32 pid;
	__u32 reserved;
};

#define CALLERD_UNSEEN_MAX 256 /* entries of the map "unseen" */

/* Values of the map "muted", keyed by connection: the directions that are not to be copied, and
 * CALLERD_FORGOTTEN where user space has dropped the connection and must hear of it again, as of a
 * connection that is older than the agent. */
enum {
	CALLERD_MUTE_REQUEST = 1 << CALLERD_REQUEST,
	CALLERD_MUTE_RESPONSE = 1 << CALLERD_RESPONSE,
	CALLERD_FORGOTTEN = 1 << 2,
};

#ifndef __bpf__
#include <assert.h>
static_assert(sizeof(struct callerd_event_header) == 40, "no padding");
static_assert(sizeof(struct callerd_ancestor) == 48, "no padding");
static_assert(sizeof(struct callerd_caller_event) == 40 + 5 * 8 + 28 * 4 + 16 + 8 +
							     CALLERD_GROUPS_MAX * 4 + 32 + 9 * 8 +
							     16 * 48 + 16 + CALLERD_TEXT_MAX,
	      "no padding");
static_assert(sizeof(struct callerd_peer_event) == 64, "no padding");
static_assert(sizeof(struct callerd_accept_event) == 80, "no padding");
static_assert(sizeof(struct callerd_data_event) == 80, "no padding");
static_assert(sizeof(struct callerd_sent_event) == 48, "no padding");
static_assert(sizeof(struct callerd_end_event) == 72, "no padding");
static_assert(sizeof(struct callerd_name_key) == 128, "no padding");
static_assert(sizeof(struct callerd_node_key) == 16, "no padding");
static_assert(sizeof(struct callerd_identify) == 56, "no padding");
static_assert(sizeof(struct callerd_process) == 32, "no padding");
static_assert(sizeof(struct callerd_image) == 56 + CALLERD_IMAGE_PATH_MAX, "no padding");
static_assert(sizeof(struct callerd_totals) == 40, "no padding");
#endif

#endif
