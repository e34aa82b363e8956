/* SPDX-License-Identifier: Apache-2.0 */
/* Refused connects until it is known which socket they meant, which is found out beside the loop. */
#ifndef CALLERD_REFUSED_H
#define CALLERD_REFUSED_H

#include "base/beside.h"
#include "kernel/capture.h"
#include "process/kernel_event.h"

struct refused;

struct refused_options {
	struct capture *capture;
	struct beside *beside;
	const char *const *sockets; /* by index; kept by reference, as all */
	unsigned int socket_count;
	void *data;
	/* EVENT, whose caller the receiver takes over, was refused by that socket. */
	void (*resolved)(void *data, const struct event *event, uint32_t socket);
	/* It cannot be told whether a watched socket refused one of ACCOUNT. */
	void (*unresolved)(void *data, uint64_t account);
};

/* 0 or -ENOMEM. Free with refused_free(), after BESIDE. */
int refused_new(const struct refused_options *options, struct refused **ret);
void refused_free(struct refused *refused);

/* EVENT is CALLERD_EVENT_REFUSED; takes over its caller. One of the callbacks is called now or later, or none, where
 * it meant no watched socket. */
void refused_event(struct refused *refused, const struct event *event, uint64_t now);

#endif
