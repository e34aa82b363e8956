/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker does for whoever asks: the places of the configuration, and what a look at the host needs. */
#ifndef CALLERD_GRANTS_H
#define CALLERD_GRANTS_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/bytes.h"

#define GRANTS_MAX 256

enum grant_kind {
	GRANT_FILE, /* written: PATH, and files beside it whose names begin with it and a dot or a hyphen */
	GRANT_DIRECTORY, /* written: PATH, and the files in it */
	GRANT_READING,	 /* read: PATH, and what is in it, and in its directories */
	GRANT_SOCKET,	 /* of datagrams, sent to */
};

struct grant {
	enum grant_kind kind;
	char *path; /* owned; absolute, and without links up to its last part */
};

struct grants {
	struct grant list[GRANTS_MAX];
	unsigned int count;
};

/* Adds PATH, from the working directory. 0, -ENOMEM or -ENOSPC. */
int grants_add(struct grants *grants, enum grant_kind kind, const char *path);
void grants_clear(struct grants *grants);

/* Whether the file or directory at PATH may be made, written, renamed, removed. PATH is absolute; its directory need have
 * no links resolved. */
bool grants_may_write(const struct grants *grants, const char *path);

/* Whether the socket at PATH may be sent to. */
bool grants_may_send(const struct grants *grants, const char *path);

/* Whether the directory at PATH, in which a file that may be written is, may be made. */
bool grants_may_make(const struct grants *grants, const char *path);

/* Whether the file INFO, which was opened and is at PATH as the kernel says, may be read. ENGINE: of a file in /proc, whether
 * its process is an engine. */
bool grants_may_read(const struct grants *grants, const char *path, const struct stat *info,
		     bool engine);

/* Whether an engine may be asked for TARGET, the target of a GET. */
bool grants_may_ask(struct bytes target);

#endif
