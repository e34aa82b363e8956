/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one kind of sink writes. All calls come from the sink's own thread (open and seal_key: before it runs, or from it
 * where the disk could not be written then), and may block; while they wait, they watch driver.stop.
 */
#ifndef CALLERD_DRIVER_H
#define CALLERD_DRIVER_H

#include <sys/un.h>

#include "output/sink.h"

/* Embedded as the first member of each kind's own struct. */
struct driver {
	const struct driver_ops *ops;
	const struct sink_options *options;
	int stop; /* a descriptor, readable once it is to give up and return */

	/* What the driver says, for the sink to take (and to set to 0) after each call. */
	uint64_t confirmed; /* so many of the oldest that were sent have arrived */
	bool rewind; /* those sent and not confirmed (after CONFIRMED is taken) are to be sent again */
	uint64_t too_large; /* of those sent: so many were not, and never will be */
	uint64_t torn;	    /* lines found unfinished */

	/* Why nothing goes now: kept by the driver, 0 when it works again. -EPIPE: for good. */
	int error;
	char why[300]; /* a sentence about it: "cannot write /var/log/x: No space left on device" */

	/* What is to be known besides, once; the sink empties it. */
	char news[300];
};

struct driver_ops {
	/* Sends ENTRIES in their order; returns how many were sent. With fewer than COUNT, driver.error says
	 * why (-EAGAIN: it is merely slow), and the same entries come again after a while, with others after
	 * them. */
	unsigned int (*send)(struct driver *driver, struct entry *const *entries,
			     unsigned int count);

	/* Whatever is due; called about once a second, busy or not. May be NULL. */
	void (*run)(struct driver *driver);

	/* Opens the file by its name anew. May be NULL. */
	void (*reopen)(struct driver *driver);

	/* Nothing more comes: has what was sent confirmed, ends what is to be ended in good order. Followed by
	 * close(). May be NULL. */
	void (*finish)(struct driver *driver);

	/* Frees all. */
	void (*close)(struct driver *driver);

	/* NULL, or may return NULL: there is none. */
	const char *(*seal_key)(struct driver *driver);

	/* A descriptor of the regular file that it writes to, or -1. May be NULL. */
	int (*file)(struct driver *driver);
};

/* One a kind. 0, or -errno with a sentence in REASON where it can never work, or the disk does not let it now (-EROFS,
 * -ENOSPC, -EDQUOT, -EIO). */
int stdout_open(const struct sink_options *options, int stop, struct driver **ret, char *reason,
		size_t size);
int file_open(const struct sink_options *options, int stop, struct driver **ret, char *reason,
	      size_t size);
int syslog_open(const struct sink_options *options, int stop, struct driver **ret, char *reason,
		size_t size);
int journald_open(const struct sink_options *options, int stop, struct driver **ret, char *reason,
		  size_t size);

/* Sets error and why, for all kinds alike: "cannot write NAME: " and what ERROR, a negative errno, means, or
 * DETAIL where that is not NULL. Returns ERROR. */
int driver_fail(struct driver *driver, int error, const char *detail);
void driver_works(struct driver *driver);

/* Waits for EVENTS of poll() on FD, at most MILLISECONDS (-1: for ever). What was seen; 0: it took too long;
 * -ECANCELED: it is to give up. */
int driver_poll(const struct driver *driver, int fd, short events, int milliseconds);

/* Sets *RET, which is zeroed, to OPTIONS->path. 0; -ENAMETOOLONG with a sentence in REASON. */
int driver_set_path(const struct sink_options *options, struct sockaddr_un *ret, char *reason,
		    size_t size);

/* A socket for datagrams, as large as the system lets them be, that is connected to PATH and does not block; or
 * -errno. */
int driver_connect_path(const struct sockaddr_un *path);

#endif
