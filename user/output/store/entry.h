/* SPDX-License-Identifier: Apache-2.0 */
/* A record as it goes to an output: its bytes, and what a transport says about it outside of them. Shared by
 * the outputs that want the same format, by reference; it never changes.
 *
 * A record may name what another line describes. It has that line with it, whatever becomes of others on their way: where
 * the lines are written, in their order, a driver leaves it out if its reader has it already (heard.h). */
#ifndef CALLERD_ENTRY_H
#define CALLERD_ENTRY_H

#include <stddef.h>
#include <stdint.h>

#define ENTRY_KEY_SIZE 12 /* bytes */

struct entry {
	unsigned int refs;    /* atomic; entry_ref(), entry_unref() */
	uint8_t severity;     /* of syslog: 0 emergency … 7 debug */
	uint8_t action;	      /* enum record_action: syslog's MSGID */
	uint64_t account;     /* CALLERD_ACCOUNT(): whom it is charged to; 0: nobody */
	uint64_t time;	      /* ns of CLOCK_REALTIME: the record's */
	uint64_t sequence;    /* event.sequence */
	struct entry *before; /* the line that it needs before it, with a reference; NULL: none */
	unsigned char key[ENTRY_KEY_SIZE]; /* of such a line: equal ones describe the same */
	size_t size;			   /* of data */
	char data[]; /* the record in its format; a line ends in its only LF */
};

/* A copy of SIZE bytes at DATA, or uninitialised room for them where DATA is NULL, with one reference, all
 * else 0. NULL: no memory. */
struct entry *entry_new(const void *data, size_t size);
struct entry *entry_ref(struct entry *entry);
void entry_unref(struct entry *entry); /* NULL is fine */

/* Bytes of data, with those of the line before it. */
size_t entry_bytes(const struct entry *entry);

/* What it takes of memory, for bounds. The line before it counts as if nobody shared it. */
size_t entry_cost(const struct entry *entry);

#endif
