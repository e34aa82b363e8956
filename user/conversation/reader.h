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
	/* The head of EXCHANGE is there, a request on the watched socket of index SOCKET. Returns its content;
	 * NULL: nobody wants it. */
	void *(*begin)(void *data, const struct exchange *exchange, uint32_t socket);
	/* A piece of the request's body. */
	void (*request)(void *content, const char *bytes, size_t size);
	/* Bytes of the body went by unseen. */
	void (*request_gap)(void *content);
	/* The response's head is there. COMPLETE: the request's body was seen to its end. Returns whether the
	 * response's body is wanted as well: the record waits for it. */
	bool (*answered)(void *content, int status, bool complete);
	/* A piece of the response's body. */
	void (*response)(void *content, const char *bytes, size_t size);
	/* The request is about to be written: adds to RECORD, which says the rest already, what the content
	 * says. COMPLETE as above. */
	void (*describe)(void *content, bool complete, struct record *record);
	/* The same of a request whose head could not be read. */
	void (*describe_unread)(void *data, struct record *record);
	/* Bytes of memory that it holds. */
	size_t (*memory)(const void *content);
	void (*end)(void *content);
};

#endif
