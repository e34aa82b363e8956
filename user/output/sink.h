/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where records go. Each sink has a thread of its own and a bounded queue before it: whoever hands over a
 * record never waits for a disk, a pipe or a network. What finds no room is dropped by the sink's policy, and
 * counted.
 */
#ifndef CALLERD_SINK_H
#define CALLERD_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "callerd/event.h"
#include "output/store/entry.h"

#define SINK_QUEUE_SIZE (32u << 20)    /* bytes; the default */
#define SINK_SPOOL_SIZE (256ull << 20) /* bytes; the default */

enum sink_kind { SINK_STDOUT, SINK_FILE, SINK_SYSLOG, SINK_JOURNAL };

enum sink_transport { TRANSPORT_UNIX, TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS };

/* What happens with a record that finds no room. */
enum sink_overflow {
	OVERFLOW_DROP_NEWEST, /* it is dropped itself */
	OVERFLOW_DROP_OLDEST, /* as many of the oldest as it takes */
	OVERFLOW_SPOOL, /* all go through files on disk that outlive us; where they are full: newest */
};

enum sink_fsync {
	FSYNC_INTERVAL, /* once a second, where anything was written */
	FSYNC_NONE,
	FSYNC_ALWAYS, /* before a record counts as written */
};

enum sink_header {
	HEADER_RFC5424, /* the default, other than for TRANSPORT_UNIX */
	HEADER_LOCAL, /* as syslog(3) writes to /dev/log: what journald and rsyslog's imuxsock read */
};

/* All strings are borrowed until sink_close(). Times are in seconds, sizes in bytes; 0: never, no limit. */
struct sink_options {
	/* As the sink was asked for, for messages and records: file:/var/log/callerd.ndjson. */
	const char *name;
	enum sink_kind kind;
	const char *path; /* of the file, or the socket of TRANSPORT_UNIX and SINK_JOURNAL */
	enum sink_overflow overflow;
	uint64_t queue_size;
	const char *spool; /* directory, of this sink alone; OVERFLOW_SPOOL */
	uint64_t spool_size;

	/* SINK_FILE */
	mode_t mode;
	gid_t group; /* (gid_t)-1: as the process has it */
	uint64_t rotate_size;
	uint64_t rotate_interval; /* aligned: 86400 is midnight UTC */
	unsigned int keep;	  /* rotated files, PATH.1 the newest; at least 1 with rotate_* */
	enum sink_fsync fsync;
	bool chain; /* lines are JSON as chain_mark() wants it */
	bool ocsf;  /* they are OCSF, else ECS: for seals */
	uint64_t seal_lines, seal_interval;

	/* SINK_SYSLOG */
	enum sink_transport transport;
	const char *host, *port;
	unsigned int facility; /* 0 kernel … 23 local7 */
	enum sink_header header;
	bool complete; /* entries are whole messages of RFC 5424 already, with facility 13 */
	const char *ca, *cert, *key; /* PEM files; ca NULL: the system's; cert NULL: none */
	const char *server_name;     /* that the certificate must be for; NULL: host */

	/* What they say of us */
	const char *host_name, *host_id, *run_id, *version;
};

/* Why records did not get where they should. */
enum sink_loss {
	SINK_LOSS_FULL,	       /* no room in the queue, or in the spool */
	SINK_LOSS_TOO_LARGE,   /* more than the transport can carry */
	SINK_LOSS_DAMAGED,     /* what the spool had of it is unreadable */
	SINK_LOSS_TORN,	       /* lines that an earlier life or a power failure left unfinished */
	SINK_LOSS_UNCONFIRMED, /* sent on a connection that broke; there was no room to keep them */
	SINK_LOSS_KILLED,      /* they waited in the queue of an agent that was killed */
	SINK_LOSS_COUNT,
};

struct sink_stats {
	uint64_t lost[SINK_LOSS_COUNT];
	uint64_t written; /* handed to where they go; a double counts again */
	uint64_t waiting; /* records, in the queue and in the spool */
};

struct sink;

/* Opens what OPTIONS name; *OPTIONS is copied. 0, or -errno where it can never be written, with a sentence in
 * REASON. A server that does not answer is no error, nor is a file system that is read-only or full: its records wait. Free with
 * sink_close(). */
int sink_open(const struct sink_options *options, struct sink **ret, char *reason,
	      size_t reason_size);

/* From now on what is handed over, and what is written or in the spool, is counted in TALLY, too, which outlives the
 * sink. */
void sink_keep_tally(struct sink *sink, struct callerd_output *tally);

/* The loss of COUNT records that found no room was told. */
void sink_settle(struct sink *sink, uint64_t count);

/* Queues ENTRY, of which it takes a reference. Never blocks. */
void sink_put(struct sink *sink, struct entry *entry);

/* Whether a records-lost would find room: some is kept for them. Where not, what was lost is to be told later. */
bool sink_can_tell(struct sink *sink);

/* Has what was put since the last call written soon. */
void sink_flush(struct sink *sink);

/* Has a file opened anew by its name, as after logrotate. */
void sink_reopen(struct sink *sink);

/* Whether nobody will ever read it again. */
bool sink_is_closed(const struct sink *sink);

void sink_stats(struct sink *sink, struct sink_stats *ret);

/* Of SINK_LOSS_FULL: takes one account whose records were lost and not taken yet, and how many; false: none. */
bool sink_take_loss(struct sink *sink, uint64_t *ret_account, uint64_t *ret_count);

/* A sentence about what changed since the last call: that it cannot be written, and why; that it can again; that
 * something is not as it was left. False: nothing new. */
bool sink_news(struct sink *sink, char *text, size_t size);

/* Why nothing can be written now, or put into the spool; false: nothing is known of that. */
bool sink_trouble(struct sink *sink, char *text, size_t size);

/* The public key that verifies the chain from its first seal on, in hexadecimal; NULL: there is no chain, or the file could
 * not be opened yet. */
const char *sink_seal_key(const struct sink *sink);

/* Whether A and B write to one and the same regular file. */
bool sink_same_file(const struct sink *a, const struct sink *b);

/* What the sink is called in messages. */
const char *sink_name(const struct sink *sink);

/* Writes what still waits, for at most MILLISECONDS, and closes. *LEFT: how many records were not written; those in
 * a spool are not among them. False: a thread hangs in a disk that does not answer, and what was borrowed is still
 * in use: the process is to end. */
bool sink_close(struct sink *sink, int milliseconds, uint64_t *left);

/* The same of COUNT sinks, some of which may be NULL, side by side: MILLISECONDS are for all of them together. LEFT and ENDED
 * get what sink_close() tells of each. */
void sink_close_all(struct sink *const *sinks, unsigned int count, int milliseconds, uint64_t *left,
		    bool *ended);

#endif
