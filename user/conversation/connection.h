/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: its two byte streams, and the requests in them.
 *
 * The daemon serves a connection's requests one after the other, so they are read one after the other:
 * bytes that follow a complete request are held until its response's head says whether the
 * connection still speaks HTTP. That is also what keeps a takeover (attach, exec) from being read
 * as requests.
 */
#ifndef CALLERD_CONNECTION_H
#define CALLERD_CONNECTION_H

#include "base/table.h"
#include "conversation/exchange.h"
#include "conversation/senders.h"
#include "process/kernel_event.h"

#define HELD_MAX 65536 /* bytes held per connection; the daemon reads ahead 4 KiB */
#define BLANKS_MAX 4   /* bytes of line ends that Go skips behind a POST */

enum stream_state {
	STREAM_READ,   /* between or within messages */
	STREAM_LOST,   /* the framing is not known: find a beginning */
	STREAM_OPAQUE, /* taken over: no HTTP any more */
};

struct stream {
	enum stream_state state;
	uint64_t next;		     /* offset of the first byte not seen yet */
	struct http1_parser *parser; /* only while within a message */
	bool followed;		     /* a message came before */
	unsigned int blanks;	     /* bytes of line ends that the daemon still skips */
};

struct multiplex;

struct connection {
	uint64_t id;
	uint32_t socket;	  /* of the engine */
	uint32_t door;		  /* of TCP: the watched socket of the door; else the same */
	uint32_t flags;		  /* CALLERD_FLAG_ bits of its events */
	struct record_tcp *tcp;	  /* NULL: not of TCP, or its ACCEPT was not seen */
	uint64_t accepted;	  /* when that came; 0: its record was written, or is not wanted */
	struct caller *connector; /* NULL: not seen */
	uint64_t connected;	  /* when the connector was described: ns of CLOCK_BOOTTIME */
	struct senders senders;
	uint64_t confirmed; /* up to this offset all senders are known */
	struct stream request, response;
	struct multiplex *multiplex; /* NULL: it speaks HTTP/1 */
	/* Bytes of the preface of HTTP/2 that began it, and wait for the next ones. */
	unsigned int preface;
	uint64_t preface_at, preface_time;
	/* Requests that end at or before this offset were answered in full: Go's server reads on, but for one byte, only
	 * when the response before is over. */
	uint64_t served;
	uint64_t message_end; /* request offset behind the last one that was seen to its end */
	uint64_t lost_at;     /* while the request stream is lost: the offset since when */
	uint64_t spoken;      /* when the daemon wrote last, before the event at hand */
	/* Bit per direction: an earlier agent may have read from it, and nothing of it was seen here. */
	unsigned int inherited;
	bool midway; /* there was such a stream */
	bool doubted; /* it was taken for HTTP/2 by its looks: each answer may be to what was not read since then */
	unsigned int missed;   /* why bytes of the response are missing: a RECORD_INCOMPLETE_ bit */
	unsigned int lost_why; /* the same of requests */
	bool unsure; /* this response, or one before it, was found where the framing was lost */
	bool perhaps_taken_over;   /* such a response ended HTTP on the connection */
	uint64_t requests;	   /* so far */
	struct exchange *exchange; /* the request at hand; NULL: none */
	bool draining;		   /* the request was answered before its body ended */
	struct exchange *finished, *finished_last; /* not yet written */
	struct exchange *answering; /* the finished one whose response is being read */
	struct exchange *current;   /* the one whose response goes on; NULL: none */
	struct exchange *streaming; /* the current one, once its record is written; owned */
	const struct reader *reader;
	char *held; /* bytes behind the request at hand */
	size_t held_size;
	uint64_t held_offset, held_time;
	bool held_gap; /* bytes are missing behind the held ones */
	bool ended;
	bool surveyed;	       /* seen, or younger than the survey */
	bool listed;	       /* on the tracker's list of those to flush */
	uint64_t active;       /* time of its last event */
	size_t memory;	       /* bytes of memory, as the tracker counted them last */
	size_t charge;	       /* .memory and its share of its callers' memory */
	uint64_t account;      /* that acted on it last */
	struct holder *holder; /* the tracker's */
	struct connection *newer_of_holder, *older_of_holder; /* by activity */
	uint64_t *unpaired;			    /* counter of responses without a request */
	void (*begun)(void *data, bool taken_back); /* the tracker's; may be NULL */
	void *data;
	struct connection *newer, *older; /* by activity */
	struct connection *next_listed;
	struct connection *next_open, *previous_open; /* among those with an unanswered request */
	uint64_t open_since;
	bool open; /* it is among them */
	UT_hash_handle hh;
};

/* NULL where there is no memory. Free with connection_free(). */
struct connection *connection_new(uint64_t id, uint32_t socket, uint32_t flags, uint64_t time);
void connection_free(struct connection *connection);

/* Takes over the reference to CALLER. */
void connection_set_connector(struct connection *connection, struct caller *caller);

/* Where a connection over TCP comes from, and what else is known of it. 0 or -ENOMEM. */
int connection_accept(struct connection *connection, const struct callerd_accept_event *accept);

/* Whether it comes from an address of this host, so that the process that connected could be known. */
bool connection_is_local(const struct connection *connection);

/* Takes over the reference to the sender's caller. 0, or -ENOMEM: it is then forgotten. */
int connection_add_sender(struct connection *connection, struct sender sender);

/* Bytes that the daemon read or wrote. 0 or -ENOMEM (the stream is then lost, not the process). */
int connection_data(struct connection *connection, const struct callerd_data_event *data);

/* Puts EXCHANGE, which is handed over, behind the finished ones. */
void connection_queue(struct connection *connection, struct exchange *exchange, uint64_t time);

/* Ends the connection and finishes its requests, answered or not. REASON: a RECORD_INCOMPLETE_ bit, or 0 where it ended
 * by itself. END: the kernel's event; NULL: none. */
void connection_end(struct connection *connection, uint64_t time, unsigned int reason,
		    const struct callerd_end_event *end);

/* The callers that may have sent EXCHANGE. */
void connection_find_senders(const struct connection *connection, const struct exchange *exchange,
			     struct senders_found *ret);

/* The sender of EXCHANGE, or of its beginning; NULL where it is not known or one of several. Marks in the exchange's
 * incomplete bits what is doubtful. */
struct caller *connection_sender(const struct connection *connection, struct exchange *exchange);

/* Whether the reader does not know the sender of the request at hand yet. */
bool connection_has_untold(const struct connection *connection);

/* Tells the reader that sender, if it is certain. Called when all events that came with the request are taken in. */
void connection_tell_sender(struct connection *connection);

/* Whether the kernel has told all senders up to the end of EXCHANGE. */
bool connection_sender_certain(const struct connection *connection,
			       const struct exchange *exchange);

/* The oldest finished exchange was written. It is freed, unless its response goes on: then it is kept, and
 * comes back among the finished ones when that is over. */
void connection_written(struct connection *connection);

/* The request at hand that has no answer, if its head was seen and its beginning was not told; NULL: none. */
struct exchange *connection_unanswered(const struct connection *connection);

/* Its share of the memory of its callers, which other connections have as well; an estimate. */
size_t connection_callers_memory(const struct connection *connection);

/* Bytes of memory that the connection holds now. Its callers are shared: callers_memory(). */
size_t connection_memory(const struct connection *connection);

/* Writes the address of END to RET, which has SIZE bytes: one of IPv4 as such. */
void connection_write_endpoint(const struct callerd_endpoint *end, char *ret, socklen_t size);

#endif
