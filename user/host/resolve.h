/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which watched socket a failed connect meant, where the kernel programs could not tell: its address is walked as its
 * caller would have, in his root, directory and mount namespace. The caller decides what is on that way, and may have
 * changed it since.
 */
#ifndef CALLERD_RESOLVE_H
#define CALLERD_RESOLVE_H

#include <limits.h>

#include "kernel/capture.h"
#include "process/kernel_event.h"

struct resolve_process {
	uint32_t pid;
	uint64_t start;
};

/* What is to be found out, and what was. Refers to nothing else. */
struct resolve {
	/* of the event */
	char path[2 * PATH_MAX]; /* from the caller's root */
	bool own_proc; /* it leads through /proc/PID of the caller: as the agent sees that */
	char root[PATH_MAX];
	uint32_t mnt_ns, uids[3], gids[3]; /* who may have changed what is on the way */
	struct resolve_process processes[1 + CALLERD_ANCESTORS_MAX]; /* the caller first */
	unsigned int process_count;
	uint32_t tid;
	/* of the walk */
	int fd;	      /* O_PATH: what it came to; negative: nothing */
	bool missing; /* .fd is the directory where .name is missing */
	char name[NAME_MAX + 1];
	char end[PATH_MAX]; /* what it came to or what is missing, as a path of the agent's; empty: not known */
	bool elsewhere; /* nobody of that mount namespace lives on, or it is the caller's own making */
	bool unsure;	/* the way may have been another one when the caller went it */
};

/* Takes from EVENT what is needed; asks nobody. 0, or -ENOENT where the address can mean no file. End
 * it with resolve_close(). */
int resolve_begin(const struct event *event, struct resolve *ret);

/* The index of the watched socket that it comes to by what the kernel has at hand of the paths it walked a moment
 * ago; -EAGAIN: more is to be done. Waits for nobody. */
int resolve_at_once(const struct resolve *resolve, struct capture *capture);

/* Walks. May wait for as long as somebody likes. */
void resolve_walk(struct resolve *resolve);

/* What it came to: the index of a watched socket; -ENOENT: none that is watched; -ESRCH: that cannot be told.
 * SOCKETS are the watched paths by index. WALKED: resolve_walk() has ended. Asks nobody. */
int resolve_end(const struct resolve *resolve, bool walked, struct capture *capture,
		const struct event *event, const char *const *sockets, unsigned int socket_count);

void resolve_close(struct resolve *resolve);

#endif
