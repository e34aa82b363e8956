/* SPDX-License-Identifier: Apache-2.0 */
/* What a path on the host means when a container gets it. */
#ifndef CALLERD_HOST_PATHS_H
#define CALLERD_HOST_PATHS_H

#include "base/bytes.h"
#include "base/text.h"
#include "record/finding.h"

/* How far a path could be followed. */
enum host_path_end {
	/* Nobody can tell. */
	HOST_PATH_UNKNOWN,
	/* To where it leads, or would lead if all of it was there. */
	HOST_PATH_KNOWN,
	/* Not to its end: some bound was met, or a part cannot be read. */
	HOST_PATH_LOST,
	/* To a file system that another program, or another computer, serves: what is below may lead anywhere. */
	HOST_PATH_FOREIGN,
	HOST_PATH_REMOTE,
};

/* A PATH that is as dangerous as the path USUAL in the table of host_paths.c. PATH is absolute, clean, not the root, and
 * not below /var/run, which is a link. */
struct host_place {
	const char *path, *usual;
};

/* What the host's file system says, asked through callbacks so that this stays free of I/O. */
struct host_files {
	void *data;
	/* Writes PATH (absolute, clean) with its symlinks followed, as far as it exists, to OUT of
	 * SIZE bytes, unless it is UNKNOWN or LOST. NULL: nobody to ask. */
	enum host_path_end (*resolve)(void *data, const char *path, char *out, size_t size);
	/* Whether it is a block device. NULL: nobody to ask. */
	bool (*is_block_device)(void *data, const char *path);
	/* Calls FOUND with each other path of what is at PATH, links followed: where the file system, or a part of
	 * it, is mounted as well; and with those of what is below PATH. NULL: nobody to ask. */
	void (*aliases)(void *data, const char *path,
			void (*found)(void *context, const char *alias), void *context);
	/* What engines keep elsewhere than usual; the last one has no path. NULL: nothing is known. */
	const struct host_place *places;
	/* Engines' sockets to look for, besides the well-known; NULL-terminated. NULL: none. */
	const char *const *sockets;
};

/* What a source on the host amounts to. */
struct host_source {
	enum finding_id finding; /* FINDING_NONE: nothing to say */
	enum finding_severity severity;
	const char *reason;    /* what is there, for a person; static; NULL: nothing to say */
	struct bytes cleaned;  /* in the text; absolute */
	struct bytes resolved; /* in the text; data NULL: not known, or the same */
};

/* Judges SOURCE, an absolute path as sent (NUL bytes and all), given READ_ONLY to a container; a
 * relative one is taken from the root, where daemons run; an empty one is nothing. Both the cleaned
 * path and where it leads are judged, and the worse of the two is kept. TEXT holds what RET refers
 * to: valid until its next addition. Where TEXT has an error RET is empty. */
void host_paths_judge(struct bytes source, bool read_only, const struct host_files *files,
		      struct text *text, struct host_source *ret);

/* Appends PATH as Go's filepath.Clean has it. */
void host_paths_clean(struct text *out, struct bytes path);

/* Whether ONE is more dangerous than OTHER. */
bool host_paths_is_worse(const struct host_source *one, const struct host_source *other);

#endif
