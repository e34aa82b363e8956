/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls upward: the conversation finds where requests and responses begin and end, and hands their contents to a
 * reader that stands above it (docker/call). There are no other calls from a lower room to a higher one on the way of a
 * request.
 */
#ifndef CALLERD_READER_H
#define CALLERD_READER_H

#include "record/record.h"

struct exchange;

/* A callback that is NULL is not called. The pointer that begin() returns stands for the contents of one request, until
 * end(). */
struct reader {
	void *data;
	/* The head of EXCHANGE was read, or the answer to a request that was not seen. SOCKET is the index of the
	 * watched socket. Returns the contents; NULL: they are not wanted. */
	void *(*begin)(void *data, const struct exchange *exchange, uint32_t socket);
	/* A piece of the request's body. */
	void (*request)(void *content, const char *bytes, size_t size);
	/* Bytes of the request's body were not seen. */
	void (*request_gap)(void *content);
	/* Whether the request is a call that lends the engine a session (exchange_lends). */
	bool (*lends)(const void *content);
	/* CALLER sent the request, for certain. Called once before describe(), or not at all. */
	void (*sent)(void *content, struct caller *caller);
	/* The sender is a relay, and asked by somebody. Called between sent() and the first describe(), where it is known by then, and
	 * perhaps later once more. */
	void (*relayed)(void *content, const struct record_relayed *relayed);
	/* The response's head was read; the daemon sent it at TIME (ns of CLOCK_BOOTTIME). COMPLETE: the request's body
	 * was seen to its end. Not CERTAIN: the head may be content of another response that looks like one. Returns
	 * whether the response's body is wanted, too: the record waits for it. */
	bool (*answered)(void *content, int status, bool complete, bool certain, uint64_t time);
	/* The outcome of a call of gRPC (http/grpc.h) is there. */
	void (*outcome)(void *content, int outcome, bool complete, uint64_t time);
	/* A piece of the response's body. */
	void (*response)(void *content, const char *bytes, size_t size);
	/* Whether the response, the head of which was read, goes on with how the request goes, and each piece of its body is wanted for that,
	 * also once the record of the answer is written. */
	bool (*follows)(const void *content);
	/* Such a piece. Whether it says that the request failed. */
	bool (*progress)(void *content, const char *bytes, size_t size);
	/* Adds to RECORD what the contents say. Called for each record of the request: record->action says whether it is
	 * that of its beginning, its answer or its end. COMPLETE as above. What RECORD refers to lives until written(). */
	void (*describe)(void *content, bool complete, struct record *record);
	/* The record of the beginning or of the answer, described before, was written: ACTION says which. After that of
	 * the answer only one of the end may follow. */
	void (*written)(void *content, enum record_action action);
	/* As describe(), of a request whose head could not be read. */
	void (*describe_unread)(void *data, struct record *record);
	/* All answered requests on CONNECTION are over, since the last response ended; or all requests on it, since the
	 * connection ENDED. Their records may have been written before. */
	void (*over)(void *data, uint64_t connection, bool ended, uint64_t time);
	/* Bytes of memory that the contents hold. */
	size_t (*memory)(const void *content);
	void (*end)(void *content);
};

#endif
