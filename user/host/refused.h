/* SPDX-License-Identifier: Apache-2.0 */
/* Refused connects wait here until it is known which socket they meant. That is found out beside
 * the loop. */
#ifndef CALLERD_REFUSED_H
#define CALLERD_REFUSED_H

#include "kernel/capture.h"
#include "process/kernel_event.h"
#include "system/beside.h"

struct refused;

struct refused_options {
	struct capture *capture;
	struct beside *beside;
	const char *const *sockets; /* paths by index; all pointers are kept by reference */
	unsigned int socket_count;
	void *data;
	/* SOCKET refused EVENT. The callback takes over the reference to the event's caller. */
	void (*resolved)(void *data, const struct event *event, uint32_t socket);
	/* A connect of ACCOUNT was refused, and it cannot be told whether by a watched socket. */
	void (*unresolved)(void *data, uint64_t account);
};

/* 0 or -ENOMEM. Free with refused_free(), after BESIDE. */
int refused_new(const struct refused_options *options, struct refused **ret);
void refused_free(struct refused *refused);

/* Takes over the caller of EVENT, which is a CALLERD_EVENT_REFUSED. Calls one of the callbacks, now
 * or later; neither where the connect meant no watched socket. */
void refused_event(struct refused *refused, const struct event *event, uint64_t now);

#endif
