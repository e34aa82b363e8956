/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands at a path: the file there, and each directory and link on the way. The file systems on
 * the way decide how long a look takes, so that it belongs beside the loop.
 */
#ifndef CALLERD_LOOK_H
#define CALLERD_LOOK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "guard/marks.h"

#define LOOK_STEPS_MAX 40
#define LOOK_ACL_MAX 256
#define LOOK_LABEL_MAX 128
#define LOOK_DIGEST_MAX 65

/* A name that the way to a file goes through. */
struct look_step {
	uint64_t directory; /* as marks_add() returned it; 0: it cannot be watched */
	char name[NAME_MAX + 1];
};

/* A file, as far as it matters to who may use it. */
struct look_file {
	bool present;
	uint32_t device_major, device_minor;
	uint64_t inode, mount;
	uint32_t mode; /* type and permissions */
	uint32_t uid, gid;
	/* "user:1000:rw-,group:5:r--": beyond owner, group, others. One that is longer ends in "...". */
	char acl[LOOK_ACL_MAX];
	uint64_t acl_hash; /* of the whole ACL; 0: there is none */
	uint64_t
		changed; /* ns of CLOCK_REALTIME: when the kernel saw the last change of the file */
	bool acl_writes; /* it lets somebody write */
	char label[LOOK_LABEL_MAX];
	/* SHA-256 of the content, or of size and time, in hex; empty: it is not a regular file */
	char content[LOOK_DIGEST_MAX];
};

struct look {
	unsigned int step_count;
	struct look_step *steps;
	struct look_file file;
	/* The last directory on the way in which others than root can exchange files; .present
	 * false: there is none. */
	struct look_file directory;
	struct text directory_path;
	const char *unseen; /* what of the way or of the content could not be seen; NULL: nothing */
	/* LOOK_TEXT: the content. LOOK_FILES: a line for each file, as look_next_file() reads it. */
	struct text text;
	uint64_t engine_lines; /* LOOK_TEXT: look_engine_lines() of the text */
};

enum look_kind {
	LOOK_NODE,    /* no content */
	LOOK_PROGRAM, /* content by size and time */
	LOOK_TEXT,    /* content is read: at most LOOK_TEXT_MAX bytes */
	LOOK_FILES,   /* a directory: a line for each file in it */
};

#define LOOK_TEXT_MAX (1u << 20)

/* Looks at PATH (absolute), links followed, and has MARKS tell of changes on the way. End it with
 * look_end(). */
void look_at(struct marks *marks, const char *path, enum look_kind kind, struct look *ret);
void look_end(struct look *look);

/* A file of a directory. */
struct look_entry {
	struct bytes name;
	struct bytes rest;    /* changes with the content, the mode and the owner of the file */
	struct bytes changed; /* changes with each change, even if that was changed back */
	bool engine_lines;    /* look_engine_lines() of its content is not 0 */
};

/* Reads the next line of a look at LOOK_FILES. *AT begins as 0. False: there are no more. */
bool look_next_file(const struct look *look, size_t *at, struct look_entry *ret);

/* A hash of the lines of TEXT that name a container engine and are no comments; 0: there are none. */
uint64_t look_engine_lines(struct bytes text);

/* Whether NAME, of a file in a directory of sudo's rules (SUDO) or of a unit's drop-ins, counts there:
 * programs that write such files write under another name first. */
bool look_name_counts(bool sudo, const char *name);

#endif
