/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that callerd keeps for itself: whether somebody else can have written them, whether another callerd has them, and
 * what becomes of one that is of no use. Functions return 0 or -errno, with a sentence that says why.
 */
#ifndef CALLERD_OWN_FILE_H
#define CALLERD_OWN_FILE_H

#include <stdio.h>
#include <sys/stat.h>

#define OWN_FILE_PATH_SIZE 4096
#define OWN_FILE_PATH_MAX                                                                          \
	(OWN_FILE_PATH_SIZE - 64) /* room for suffixes; every PATH below is this long at most */

/* What a person is told: why something failed, or what was done about it. Empty: there is nothing to tell. */
struct sentence {
	char text[2 * OWN_FILE_PATH_SIZE + 256];
};

#define sentence_say(sentence, ...)                                                                \
	((void)snprintf((sentence)->text, sizeof((sentence)->text), __VA_ARGS__))

/* Why INFO is not that of a file (TYPE S_IFREG) or a directory (S_IFDIR) that only root and this user can have written:
 * "belongs to somebody else". NULL: it is. */
const char *own_file_fault(const struct stat *info, mode_t type);

/* Makes the directory that PATH is in where it is missing. -EPERM: others can write there. */
int own_file_prepare_directory(const char *path, struct sentence *why);

/* Makes the file where there is none. -EPERM: somebody else can have made or changed it. */
int own_file_prepare(const char *path, struct sentence *why);

/* A descriptor that keeps other agents away until it is closed. -EBUSY: one is here. */
int own_file_lock(const char *path, struct sentence *why);

/* Renames the file and those that SQLite has beside it; the last three that were set aside stay. TOLD becomes a
 * sentence on what happened, that begins with NAME ("the state file"), the path and FAULT ("is damaged"). */
int own_file_set_aside(const char *path, const char *name, const char *fault,
		       struct sentence *told);

#endif
