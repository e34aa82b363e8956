/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file stands at a path of the host, by the identity that the kernel gives to files. A caller may have
 * mounted what it likes at the path that its executable has for it; what the host has there it cannot choose.
 */
#ifndef CALLERD_PROGRAMS_H
#define CALLERD_PROGRAMS_H

#include <stdbool.h>

#include "kernel/capture.h"
#include "process/caller.h"

struct programs;

/* 0 or -ENOMEM. Free with programs_free(). */
int programs_new(struct programs **ret);
void programs_free(struct programs *programs);

/* Whether FILE is what the host has at PATH, now (ns of CLOCK_BOOTTIME) or within the second before. Never
 * waits for a file system that somebody else serves: what is there is not known, and so is not FILE. */
bool programs_is(struct programs *programs, struct capture *capture, struct bytes path,
		 const struct callerd_node_key *file, uint64_t now);

#endif
