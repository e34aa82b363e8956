/* SPDX-License-Identifier: Apache-2.0 */
/* What a path on the host means when a container gets it. */
#ifndef CALLERD_HOSTPATH_H
#define CALLERD_HOSTPATH_H

#include "base/bytes.h"
#include "base/text.h"
#include "docker/known/finding.h"

/* How far a path could be followed. */
enum host_path_end {
	HOST_PATH_UNKNOWN, /* nothing is known */
	HOST_PATH_KNOWN,   /* to where it leads, or would if all of it was there */
	HOST_PATH_LOST,	   /* not to its end: beyond some bound, or it cannot be read */
	HOST_PATH_FOREIGN, /* to a file system that another program serves: what is below may lead anywhere */
	HOST_PATH_REMOTE, /* to one that another computer serves, likewise */
};

/* A path that has the meaning of another one, which is in the table of hostpath.c: absolute, clean, not the root, and
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
void host_source_judge(struct bytes source, bool read_only, const struct host_files *files,
		       struct text *text, struct host_source *ret);

/* Appends PATH as Go's filepath.Clean has it. */
void path_clean(struct text *out, struct bytes path);

/* The parts of a bind, SOURCE:DESTINATION[:MODE], as the daemon's own parser splits it: all as
 * sent, so SOURCE is not cleaned. A source that does not begin with '/' is a volume's name.
 * DESTINATION alone: an anonymous volume (SOURCE data NULL). READ_ONLY: "ro" is in the mode. */
struct bind {
	struct bytes source, destination, mode;
	bool read_only;
};
/* False: Docker refuses it. RET then has the parts at the colons all the same, because other
 * engines know more words of a mode. */
bool bind_split(struct bytes text, struct bind *ret);

/* The host path that a volume with these options of the "local" driver stands for, added to OUT;
 * false: none. TYPE, DEVICE and O are the options of that name, data NULL where absent:
 * type=none,o=bind,device=/x; a block device; overlay with lowerdir=, upperdir=; paths within o;
 * for proc, sysfs, devtmpfs and the like, where the host has them. The most dangerous one, absolute
 * but not cleaned. It may be a harmless one. */
bool volume_host_path(struct bytes type, struct bytes device, struct bytes o,
		      const struct host_files *files, struct text *out);

/* Whether what such options stand for is known: that of a type which is not, such as zfs, may be anything. */
bool volume_is_known(struct bytes type, struct bytes device, struct bytes o);

struct value;

/* The same of the OPTIONS of a volume of DRIVER, a map of strings; NULL, or another driver: none. FILES may be
 * NULL. */
bool volume_value_path(struct bytes driver, const struct value *options,
		       const struct host_files *files, struct text *out);

#endif
