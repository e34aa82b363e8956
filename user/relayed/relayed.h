/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is behind a relay, as a proxy in front of an engine's socket. What relays are asked is read as what engines are asked. A request
 * that an engine gets from a relay is compared with those that the relay was asked at that time: it is that one's, if it is the
 * only equal one that the relay had read by then and not answered.
 *
 * So nobody is named who did not ask that very relay for that very thing, at that time. Where equal requests of several lie with
 * the relay, it is not told whose it is.
 */
#ifndef CALLERD_RELAYED_H
#define CALLERD_RELAYED_H

#include "conversation/reader.h"

struct relayed;

struct relayed_options {
	const struct reader
		*engines; /* what reads the contents of what engines are asked; outlives it */
	/* The watched sockets from FIRST on are those of relays. */
	uint32_t first, count;
};

/* 0 or -ENOMEM. Free with relayed_free(). */
int relayed_new(const struct relayed_options *options, struct relayed **ret);

/* NULL is fine. */
void relayed_free(struct relayed *relayed);

/* For the tracker. Adds to the records of what engines are asked who is behind it. */
const struct reader *relayed_reader(const struct relayed *relayed);

/* Whether the watched SOCKET is a relay's. */
bool relayed_has(const struct relayed *relayed, uint32_t socket);

/* CONNECTION is one to a relay: PID, which began at START, had listened there. */
void relayed_connected(struct relayed *relayed, uint64_t connection, uint32_t pid, uint64_t start);

/* The same of one over TCP, that came about as ACCEPT says. */
void relayed_accepted(struct relayed *relayed, const struct callerd_accept_event *accept,
		      uint32_t pid, uint64_t start);

#endif
