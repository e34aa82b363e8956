/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as others give them back: a document of Elasticsearch or OpenSearch, its search's answer, what Splunk exports, what a shipper
 * or a container engine put around a line; in a line, or in several. What is a record is known by its structure alone: what somebody
 * wrote into a record stands in a string of it, and is never looked into.
 */
#ifndef CALLERD_EXPORTED_H
#define CALLERD_EXPORTED_H

#include "base/text.h"
#include "json/gojson.h"

#define EXPORTED_DEPTH 10 /* of what may stand around a record */

enum exported_kind {
	EXPORTED_OTHER,
	EXPORTED_ITEM,	/* an object: a record, or what has one */
	EXPORTED_ITEMS, /* an array of them */
	EXPORTED_PAIR,	/* an array of a time and a line, as Loki has it */
};

/* Zeroed at the start; .data and .take set. exported_free() it. */
struct exported {
	void *data;
	/* Whether TEXT, an object, is a record, which is taken: 0; -EINVAL: it is none; another -errno ends all. */
	int (*take)(void *data, struct bytes text);
	/* The same of an object that is there as a whole, by its braces, and may be no JSON: -EAGAIN: it is to be read. NULL: each is. */
	int (*take_whole)(void *data, struct bytes text);
	/* How the keys begin of which a record has one; the last one is NULL. NULL: a record may have any. */
	const char *const *signs;
	uint64_t unknown; /* values that had no record in them */

	/* Its own. */
	struct gojson json;
	bool open;     /* within a value */
	bool skipping; /* what is behind an error, to the end of the line */
	bool blank;    /* nothing but spaces since the last line feed */
	bool kept;     /* .raw has all since .kept_at was opened */
	unsigned int kept_at;
	struct exported_level {
		enum exported_kind kind;
		bool found, answered; /* it had a record; it had a list of them */
		bool has_sign;	      /* it may be one itself */
		size_t start;	      /* in .raw */
	} levels[EXPORTED_DEPTH];
	char key[16]; /* the last one */
	size_t key_size;
	bool in_string; /* or in a key */
	bool in_line;	/* the string is one that may have a record in it */
	struct text raw, line;
	struct text whole;	 /* of more lines */
	unsigned int alike;	 /* the depth of the last record; 0: there was none */
	size_t line_size;	 /* of the string in .line that is whole */
	unsigned int line_level; /* whose it is; 0: there is none */
	unsigned int within;	 /* so many lines around this one */
};

/* Takes the records in BYTES, which may begin and end anywhere. 0 or -errno. */
int exported_read(struct exported *exported, struct bytes bytes);

/* There is no more: a value that was begun is counted. */
void exported_end(struct exported *exported);

/* Whether a value was begun that has no end so far. */
static inline bool exported_is_open(const struct exported *exported)
{
	return exported->open;
}

void exported_free(struct exported *exported);

#endif
