/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which watched socket a failed connect meant, where the kernel programs could not tell. The
 * address is walked as the caller would have walked it: from the caller's root and working
 * directory, in the caller's mount namespace. The caller can choose the files on that way, and may
 * have changed them since.
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

/* A walk: its input and its result. It has no pointers. */
struct resolve {
	/* input, copied from the event */
	char path[2 * PATH_MAX]; /* from the caller's root */
	/* .path leads through /proc/PID of the caller, and is a path of the agent's */
	bool own_proc;
	char root[PATH_MAX];
	/* ids of the caller, who may have changed files on the way */
	uint32_t mnt_ns, uids[3], gids[3];
	struct resolve_process processes[1 + CALLERD_ANCESTORS_MAX]; /* the caller first */
	unsigned int process_count;
	uint32_t tid;
	/* result of the walk */
	int fd;	      /* O_PATH: the file that the walk came to; negative: none */
	bool missing; /* .fd is the directory where .name is missing */
	char name[NAME_MAX + 1];
	/* the path of .fd or of the missing name, as the agent sees it; empty: not known */
	char end[PATH_MAX];
	/* no walk took place: no process of the mount namespace lives, or users may mount there */
	bool elsewhere;
	bool unsure; /* the files on the way may have been others at the connect */
};

/* Copies the input from EVENT, without I/O. 0, or -ENOENT where the address cannot mean a file. End
 * it with resolve_close(). */
int resolve_begin(const struct event *event, struct resolve *ret);

/* Returns the index of the watched socket that the path leads to, by what the kernel has cached
 * since the connect walked the path; -EAGAIN: the cache does not tell, and resolve_walk() must.
 * Never waits. */
int resolve_at_once(const struct resolve *resolve, struct capture *capture);

/* Walks the path. A file system on the way decides how long the call takes. */
void resolve_walk(struct resolve *resolve);

/* The result: the index of a watched socket; -ENOENT: the connect meant no watched socket; -ESRCH:
 * it cannot be told. SOCKETS are the watched paths by index, SOCKET_COUNT at most, up to NULL. WALKED: resolve_walk() has ended. No
 * I/O. */
int resolve_end(const struct resolve *resolve, bool walked, struct capture *capture,
		const struct event *event, const char *const *sockets, unsigned int socket_count);

void resolve_close(struct resolve *resolve);

#endif
