/* SPDX-License-Identifier: Apache-2.0 */
/* A record as it goes to an output: its bytes, and what a transport says about it outside of them. Shared by
 * the outputs that want the same format, by reference; it never changes. */
#ifndef CALLERD_ENTRY_H
#define CALLERD_ENTRY_H

#include <stddef.h>
#include <stdint.h>

struct entry {
	unsigned int refs; /* atomic; entry_ref(), entry_unref() */
	uint8_t severity;  /* of syslog: 0 emergency … 7 debug */
	uint8_t action;	   /* enum record_action: syslog's MSGID */
	uint64_t account;  /* CALLERD_ACCOUNT(): whom it is charged to; 0: nobody */
	uint64_t time;	   /* ns of CLOCK_REALTIME: the record's */
	uint64_t sequence; /* event.sequence */
	size_t size;	   /* of data */
	char data[];	   /* the record in its format; a line ends in its only LF */
};

/* A copy of SIZE bytes at DATA, or uninitialised room for them where DATA is NULL, with one reference, all
 * else 0. NULL: no memory. */
struct entry *entry_new(const void *data, size_t size);
struct entry *entry_ref(struct entry *entry);
void entry_unref(struct entry *entry); /* NULL is fine */

/* What it takes of memory, for bounds. */
size_t entry_cost(const struct entry *entry);

#endif
