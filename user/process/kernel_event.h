/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel event after it was checked: what the capture layer hands to the conversation. */
#ifndef CALLERD_KERNEL_EVENT_H
#define CALLERD_KERNEL_EVENT_H

#include "callerd/event.h"
#include "process/caller.h"

struct event {
	const struct callerd_event_header *header;
	struct caller *caller; /* CONNECT, REFUSED, SENDER, PEER: a reference of the receiver's */
	struct bytes address;  /* REFUSED: within header */
	struct bytes mounted;  /* REFUSED: what follows it: components, each ended by a NUL */
	/* CONNECT: who called listen(); pid 0: not known; start 0: it is gone. */
	struct {
		uint32_t pid, uid;
		uint64_t start;
	} server;
	int error;			       /* REFUSED: positive errno */
	uint64_t offset;		       /* SENDER */
	uint32_t span;			       /* SENDER */
	const struct callerd_data_event *data; /* DATA */
	const struct callerd_sent_event *sent; /* SENT */
	const struct callerd_end_event *end;   /* END */
};

#endif
