/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file stands at a path of the host, by the identity that the kernel gives to files. In its
 * own mounts a caller can put any file at the path of its executable, but not in the host's.
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

/* Whether the host has FILE at PATH, now (ns of CLOCK_BOOTTIME) or within the second before. Never
 * waits for a file system that another program or computer serves: a path that leads into one
 * counts as another file. */
bool programs_is(struct programs *programs, struct capture *capture, struct bytes path,
		 const struct callerd_node_key *file, uint64_t now);

#endif
