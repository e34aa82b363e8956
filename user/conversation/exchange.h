/* SPDX-License-Identifier: Apache-2.0 */
/* A request and its response. */
#ifndef CALLERD_EXCHANGE_H
#define CALLERD_EXCHANGE_H

#include "conversation/reader.h"
#include "conversation/senders.h"
#include "http/http1.h"
#include "process/caller.h"
#include "record/record.h"

/* A request that takes longer than this (ns) until its answer has a record of its beginning; a response that goes on for
 * longer than this has one of its end. */
#define EXCHANGE_LONG 1000000000ull

#define EXCHANGE_RANGES_MAX 4

struct exchange {
	struct exchange *next; /* among the finished ones of its connection */
	uint64_t
		connection; /* what the reader is told is over: its connection, or its stream in one */
	uint64_t carrier;     /* its connection, also of a stream in one */
	uint64_t account;     /* that its memory is charged to */
	uint64_t number;      /* among the requests of its connection, from 1 */
	uint64_t offset, end; /* stream offsets of its first byte and behind its last one so far */
	/* HTTP/2: the bytes in between that are its own, as far as they are told apart. */
	struct senders_range ranges[EXCHANGE_RANGES_MAX];
	unsigned int range_count; /* 0: all of them */
	bool attached;		  /* its stream goes on, and has it while it is not queued */
	bool queued;		  /* it is among the finished ones of its connection */
	uint64_t started;	  /* when the daemon read its first byte */
	uint64_t finished;	  /* when its response's head, or its connection's end, was seen */
	uint64_t over;		  /* when its response was over; 0: it goes on, or there is none */
	bool resynchronised;	  /* it looked like a request where the framing was lost */
	bool doubtful;		  /* resynchronised while a response went on, as far as was seen */
	bool unseen;		  /* only its answer was seen */
	bool has_head, complete;
	bool sender_told;	     /* the reader knows its sender */
	bool start_told, written;    /* the record of its beginning, of its answer */
	bool taken_over;	     /* its answer was the last of HTTP on the connection */
	unsigned int incomplete;     /* RECORD_INCOMPLETE_ bits */
	unsigned int end_incomplete; /* those of its end */
	struct record_http http;     /* as it is told, but for the texts below */
	uint64_t answer_offset;	     /* stream offset of its response's first byte */
	struct record_stream stream; /* once it is over */
	uint64_t
		described; /* ns of CLOCK_BOOTTIME, when its caller was; 0: when the request was read */
	struct caller *caller; /* its sender, once its record is written; a reference */
	char id[64];	       /* http.request.id, where an earlier agent has told it; else empty */
	char method[sizeof(((struct http1_head *)0)->method)];
	char *target; /* owned; without secrets once it is read */
	size_t target_size;
	char *mime_type, *user_agent, *namespace; /* owned; NULL: none */
	char *build; /* that a call of BuildKit names in its head; owned; NULL: none */
	char *asked; /* the same of what the engine asks for */
	const struct reader *reader;
	void *content;	     /* the reader's; NULL: none */
	bool awaits_content; /* the response's body, which the reader wants */
	bool awaits_outcome; /* a call's, which comes behind that */
	bool outcome_late;   /* the record of the answer does not have it */
	bool follows;	     /* the response's body says how the request goes */
	bool failed_late;    /* and that it failed, which the record of the answer does not have */
};

/* READER, which may be NULL, outlives it. NULL where there is no memory. Free with exchange_free(). */
struct exchange *exchange_new(uint64_t connection, uint64_t number, uint64_t offset, uint64_t time,
			      const struct reader *reader);
void exchange_free(struct exchange *exchange);

/* The request's head is there, and its target. 0 or -ENOMEM. */
int exchange_head(struct exchange *exchange, const struct http1_head *head, const char *target);

/* The bytes from BEGIN to END are its own. */
void exchange_add_range(struct exchange *exchange, uint64_t begin, uint64_t end);

/* The request is there to its end: BODY_BYTES, and what was odd about it. */
void exchange_complete(struct exchange *exchange, unsigned int anomalies, uint64_t body_bytes);

/* A piece of its body, and SIZE bytes of it that were not seen. */
void exchange_body(struct exchange *exchange, const char *bytes, size_t size);
void exchange_body_gap(struct exchange *exchange);

/* Hands the head to the reader, which copies what it needs of the target: after this call the target has no secrets. */
void exchange_read(struct exchange *exchange, uint32_t socket);

/* Whether it is a call that lends the engine a session: a connection within its messages, on which the engine asks. */
bool exchange_lends(const struct exchange *exchange);

/* Bytes of memory that its content holds. */
size_t exchange_memory(const struct exchange *exchange);

/* Tells the reader that CALLER sent the request, for certain. */
void exchange_sent(struct exchange *exchange, struct caller *caller);

/* A final response's head is there. */
void exchange_answer(struct exchange *exchange, const struct http1_head *head, uint64_t time);

/* The outcome of a call is there. */
void exchange_outcome(struct exchange *exchange, int outcome, uint64_t time);

/* Nothing more of the response will be seen. */
void exchange_stop(struct exchange *exchange);

/* A piece of the response's body, if that is awaited, or says how the request goes. */
void exchange_answer_body(struct exchange *exchange, const char *bytes, size_t size);

/* The same of one whose content is not awaited any more. */
void exchange_progress(struct exchange *exchange, const char *bytes, size_t size);

/* Fills in what RECORD says of the request and its response; borrowed from EXCHANGE. RECORD->action says which
 * of the records of a request it is: that of its beginning, of its answer, or of its end. */
void exchange_describe(struct exchange *exchange, struct record *record);

/* The record of its beginning or of its answer (ACTION) was written, with CALLER, which may be NULL. After that of the
 * answer, all is freed but what the record of its end needs. */
void exchange_written(struct exchange *exchange, enum record_action action, struct caller *caller);

/* Whether it is over, and lasted beyond its answer: its end has a record of its own. */
bool exchange_has_end(const struct exchange *exchange);

#endif
