/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads messages of protobuf as they come, in any pieces: of the fields that a table names, texts, numbers and messages within
 * messages. All others are skipped by their length, whatever that is; no more than one text is kept.
 */
#ifndef CALLERD_PROTOBUF_H
#define CALLERD_PROTOBUF_H

#include "base/bytes.h"

#define PROTOBUF_DEPTH_MAX 10
#define PROTOBUF_TEXT_MAX 4096 /* of a longer text that much is told */

/* A field that is wanted, in a list that ends with a .number of 0. */
struct protobuf_field {
	uint32_t number;
	int id;				      /* for the user */
	const struct protobuf_field *message; /* what is wanted of its message; NULL: it is none */
	bool is_number;			      /* a varint; else a text */
	bool is_stream;			      /* a text of any length, told as it comes */
};

/* What comes of a message. ID is that of the field. */
struct protobuf_user {
	void *data;
	/* A message, or what is told as it comes, begins, or has ended. May be NULL. */
	void (*message)(void *data, int id, bool ended);
	/* CUT: there is more of the text. */
	void (*text)(void *data, int id, struct bytes text, bool cut);
	void (*number)(void *data, int id, uint64_t number);
	/* A piece of what is told as it comes. NULL where no field is. */
	void (*piece)(void *data, int id, struct bytes piece);
};

struct protobuf {
	const struct protobuf_user *user;
	struct {
		uint64_t left; /* bytes of the message; the outermost one's are not known */
		int id;
		const struct protobuf_field *fields;
	} levels[PROTOBUF_DEPTH_MAX];
	unsigned int depth;
	unsigned int state;
	const struct protobuf_field *field; /* at hand; NULL: it is not wanted */
	unsigned int wire;		    /* its wire type */
	uint64_t varint;
	unsigned int shift;
	uint64_t left; /* of the value */
	bool failed; /* it is none that a reader of protobuf takes, or has what is not read here */
	bool cut;
	size_t size;
	char text[PROTOBUF_TEXT_MAX];
};

/* USER outlives it. */
void protobuf_init(struct protobuf *protobuf, const struct protobuf_field *fields,
		   const struct protobuf_user *user);

/* 0; -EPROTO from the first byte on that cannot be read. */
int protobuf_feed(struct protobuf *protobuf, struct bytes data);

/* Whether the message may end here. */
bool protobuf_is_complete(const struct protobuf *protobuf);

#endif
