/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel event after it was checked, as the conversation gets it. */
#ifndef CALLERD_KERNEL_EVENT_H
#define CALLERD_KERNEL_EVENT_H

#include "callerd/event.h"
#include "process/caller.h"

struct event {
	const struct callerd_event_header *header;
	struct caller *caller; /* CONNECT, REFUSED, SENDER, PEER: the receiver owns the reference */
	struct bytes address;  /* REFUSED: within header */
	/* REFUSED: path of a mount, as in callerd_caller_event.address: components, each ended by a
	 * NUL */
	struct bytes mounted;
	/* CONNECT: the process that called listen(). pid 0: not known; start 0: it has ended. */
	struct {
		uint32_t pid, uid;
		uint64_t start;
	} server;
	int error;				   /* REFUSED: positive errno */
	uint64_t offset;			   /* SENDER */
	uint32_t span;				   /* SENDER */
	const struct callerd_accept_event *accept; /* ACCEPT */
	const struct callerd_data_event *data;	   /* DATA */
	const struct callerd_sent_event *sent;	   /* SENT */
	const struct callerd_end_event *end;	   /* END */
};

#endif
