/* SPDX-License-Identifier: Apache-2.0 */
/* Who reads what requests and responses contain. The conversation knows where they begin and end; what is in
 * them is for others. */
#ifndef CALLERD_READER_H
#define CALLERD_READER_H

#include "record/record.h"

struct exchange;

/* NULL callbacks are not called. What begin() returns stands for one request, its content, until
 * end(). */
struct reader {
	void *data;
	/* The head of EXCHANGE is there, or the answer to one that was not seen at all; a request on the watched socket of index SOCKET. Returns its content;
	 * NULL: nobody wants it. */
	void *(*begin)(void *data, const struct exchange *exchange, uint32_t socket);
	/* A piece of the request's body. */
	void (*request)(void *content, const char *bytes, size_t size);
	/* Bytes of the body went by unseen. */
	void (*request_gap)(void *content);
	/* Who sent the request is known for certain. Called once, at any time before describe(), or not at all. */
	void (*sent)(void *content, struct caller *caller);
	/* The response's head is there, which the daemon sent at TIME (ns of CLOCK_BOOTTIME). COMPLETE: the
	 * request's body was seen to its end. Not CERTAIN: it looks like that response, and may be content of
	 * another one. Returns whether the response's body is wanted as well: the record waits for it. */
	bool (*answered)(void *content, int status, bool complete, bool certain, uint64_t time);
	/* A piece of the response's body. */
	void (*response)(void *content, const char *bytes, size_t size);
	/* The request is about to be written: adds to RECORD, which says the rest already, what the content
	 * says. COMPLETE as above. Called for each record of the request: of its beginning, its answer, its
	 * end (record->action). */
	void (*describe)(void *content, bool complete, struct record *record);
	/* The record of its answer was written: only its end may still be told. */
	void (*written)(void *content);
	/* As describe(), of a request whose head could not be read. */
	void (*describe_unread)(void *data, struct record *record);
	/* Nothing more comes of the requests on CONNECTION (an exchange's) that were answered: the last
	 * response is over; or of any of them: the connection ENDED. They may have been written before. */
	void (*over)(void *data, uint64_t connection, bool ended, uint64_t time);
	/* Bytes of memory that it holds. */
	size_t (*memory)(const void *content);
	void (*end)(void *content);
};

#endif
