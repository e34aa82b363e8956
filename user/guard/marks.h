/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells what changes in directories, and which process changed it: by fanotify, or, where the kernel
 * does not allow that, by inotify, which does not tell the process. Never by permission events: a
 * callerd that hangs must not hang the host.
 */
#ifndef CALLERD_MARKS_H
#define CALLERD_MARKS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct marks;

/* What happened to a name in a directory, or to the directory itself; bits. */
enum marks_what {
	MARKS_CREATED = 1 << 0,
	MARKS_DELETED = 1 << 1,
	MARKS_MOVED_FROM = 1 << 2, /* the name now names nothing, or something else */
	MARKS_MOVED_TO = 1 << 3,
	MARKS_ATTRIBUTES = 1 << 4,
	MARKS_WRITTEN = 1 << 5,
	MARKS_GONE = 1 << 6,	/* the directory itself was deleted or moved */
	MARKS_MOUNTED = 1 << 7, /* something was mounted or unmounted: .directory is MARKS_MOUNTS */
};

#define MARKS_MOUNTS UINT64_C(2) /* no directory has this number */

struct marks_event {
	uint64_t directory;	 /* as marks_add() returned it */
	char name[NAME_MAX + 1]; /* empty: the directory itself */
	unsigned int what;
	uint32_t pid; /* 0: not known */
	/* Of the process that made the change, as long as it has not been reaped; -1: it has, or it is
	 * not known. It belongs to marks_read(). */
	int process;
};

struct marks_calls {
	void *data;
	void (*event)(void *data, const struct marks_event *event);
	void (*overflow)(void *data); /* the kernel dropped events */
};

/* 0 or -errno. Free with marks_free(). */
int marks_new(struct marks **ret);

/* NULL is fine. */
void marks_free(struct marks *marks);

/* Why the processes are not told of all directories: a positive errno of fanotify; 0: they are. */
int marks_limit(const struct marks *marks);

/* Has changes of names and attributes in the directory open (O_PATH will do) as FD told, and, with
 * CONTENTS, that files there were written. Returns a number that is the same for the same directory,
 * or 0 with errno set. May be called from any thread. */
uint64_t marks_add(struct marks *marks, int fd, bool contents);

#define MARKS_FDS 3

/* The descriptors that are readable when there are events; negative: none. */
void marks_fds(const struct marks *marks, int fds[MARKS_FDS]);

/* Hands over events that wait, a bounded number. False: there are no more for now. */
bool marks_read(struct marks *marks, const struct marks_calls *calls);

#endif
