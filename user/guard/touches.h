/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes touched a file between two looks at it. */
#ifndef CALLERD_TOUCHES_H
#define CALLERD_TOUCHES_H

#include "base/text.h"
#include "guard/marks.h"
#include "kernel/actors.h"
#include "process/decode.h"

#define TOUCHES_MAX 8
#define TOUCHES_CAME_MAX 8

struct touches {
	struct caller *callers[TOUCHES_MAX]; /* different processes, or names */
	uint64_t names[TOUCHES_MAX];	     /* touches_name() of what each touched */
	unsigned int count;
	unsigned int what; /* what happened to the file's own name: enum marks_what */
	struct text
		came; /* a line for each name that counts in a directory, at most TOUCHES_CAME_MAX */
	bool any;     /* the file's own name was touched */
	bool cut;     /* there were more processes than are kept */
	bool unknown; /* a process that touched it is not known, or events were lost */
	bool away;    /* it was touched while no agent ran */
	uint32_t pid; /* of an unknown process; 0: not even that is known */
};

/* A number for NAME; 0 for the empty one, the file itself. */
uint64_t touches_name(struct bytes name);

/* Notes EVENT, made by CALLER (NULL: not known). OWN: it is about the file's own name. */
void touches_add(struct touches *touches, const struct marks_event *event, struct caller *caller,
		 bool own);

/* Notes that something happened to NAME, a file of the directory that is looked at. More names than are kept set
 * .cut. */
void touches_add_name(struct touches *touches, struct bytes name);

/* Adds those of MORE to TOUCHES. */
void touches_join(struct touches *touches, const struct touches *more);

/* Sets *RET to those of TOUCHES that touched NAME; to be cleared as well. */
void touches_select(const struct touches *touches, struct bytes name, struct touches *ret);

/* The same for those that mounted something, or for all others. */
void touches_select_mounts(const struct touches *touches, bool mounts, struct touches *ret);

/* Gives the callers back. */
void touches_clear(struct touches *touches);

/*
 * Describes the process that made EVENT, which was read from a queue that was empty at SINCE (ns of
 * CLOCK_BOOTTIME): the process ended after that, if it ended. NULL where the process is not known,
 * or several can be meant. Give it back with caller_unref().
 */
struct caller *touches_describe(struct actors *actors, const struct decode_detail *detail,
				const struct marks_event *event, uint64_t since);

#endif
