/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says what a process is, to those who ask at the control socket: as a line of ECS, as it would stand before a record of it. The
 * process need never have called an engine. Nothing waits for it: a description takes the kernel some microseconds, few are made
 * in a second for others than root, and what is looked up beside the loop is waited for without holding it up.
 */
#ifndef CALLERD_INQUIRIES_H
#define CALLERD_INQUIRIES_H

#include "engine/engines.h"
#include "health/endpoint.h"
#include "host/host.h"
#include "host/proc.h"
#include "kernel/capture.h"
#include "login/logins.h"

struct inquiries;

struct inquiries_options {
	struct endpoint *endpoint; /* NULL: nobody can ask */
	struct capture *capture;
	struct proc *proc;
	struct engines *engines;
	struct host *host;
	struct logins *logins;
};

/* All that OPTIONS point to outlives it. 0 or -ENOMEM. Free with inquiries_free(). */
int inquiries_new(const struct inquiries_options *options, struct inquiries **ret);

/* NULL is fine. */
void inquiries_free(struct inquiries *inquiries);

/* Takes questions, and answers those that can be. NOW: ns of CLOCK_BOOTTIME. */
void inquiries_run(struct inquiries *inquiries, uint64_t now);

/* Whether an answer is to come soon. */
bool inquiries_is_waiting(const struct inquiries *inquiries);

#endif
