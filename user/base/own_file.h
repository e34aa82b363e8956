/* SPDX-License-Identifier: Apache-2.0 */
/* The state's file among others: who can have written it, who has it, and what was set aside of it. */
#ifndef CALLERD_OWN_FILE_H
#define CALLERD_OWN_FILE_H

#define STATE_PATH_SIZE 4096
#define STATE_PATH_MAX (STATE_PATH_SIZE - 64) /* room for what stands behind it */

/* For a person; empty: there is nothing to tell. */
struct sentence {
	char text[STATE_PATH_SIZE + 256];
};

__attribute__((format(printf, 2, 3))) void say(struct sentence *sentence, const char *format, ...);

/* PATH is STATE_PATH_MAX long at most. All return -errno with the sentence in WHY. */

/* Makes the directory that PATH is in where it is missing. -EPERM: others can write there. */
int own_file_prepare_directory(const char *path, struct sentence *why);

/* A descriptor that keeps other agents away until it is closed. -EBUSY: one is here. */
int own_file_lock(const char *path, struct sentence *why);

/* Makes the file where there is none. -EPERM: somebody else can have made or changed it. */
int own_file_prepare(const char *path, struct sentence *why);

/* Moves the file and those that SQLite has beside it away, and says in TOLD that it did, as it FAULT ("is damaged").
 * 0 or -errno. */
int own_file_set_aside(const char *path, const char *fault, struct sentence *told);

#endif
