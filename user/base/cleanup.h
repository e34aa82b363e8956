/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owners: variables that give back what they own where they go out of scope, on every way out.
 *
 *	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
 *	_cleanup_(text_free) struct text text = {0};
 *
 * An owner has a value from its declaration on. Ownership is handed over by `return take_fd(fd)` or
 * `*ret = take_ptr(object)`, which empty the owner. errno stays what the function set it to.
 */
#ifndef CALLERD_CLEANUP_H
#define CALLERD_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FUNCTION gets the variable's address. */
#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines a NAME for _cleanup_(), for variables of TYPE, a pointer: FUNCTION gets the pointer, unless the pointer is
 * NULL. */
/* NOLINTBEGIN(bugprone-macro-parentheses): TYPE is a type */
#define CLEANUP_DEFINE(name, type, function)                                                       \
	static inline void name(type *owner)                                                       \
	{                                                                                          \
		int error = errno;                                                                 \
                                                                                                   \
		if (*owner)                                                                        \
			function(*owner);                                                          \
		errno = error;                                                                     \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

CLEANUP_DEFINE(cleanup_fclose, FILE *, fclose)
CLEANUP_DEFINE(cleanup_closedir, DIR *, closedir)

/* Frees the memory that the pointer at OWNER, of any type, leads to. */
static inline void cleanup_free(void *owner)
{
	void *memory;

	memcpy(&memory, owner, sizeof(memory));
	free(memory); /* leaves errno alone */
}

/* Closes *FD, unless it is below 0, and makes it -1. */
static inline void cleanup_close(int *fd)
{
	int error = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = error;
}

#define _free_ _cleanup_(cleanup_free)
#define _close_ _cleanup_(cleanup_close)
#define _fclose_ _cleanup_(cleanup_fclose)
#define _closedir_ _cleanup_(cleanup_closedir)

#define CLEANUP_TAKE(owner, empty)                                                                 \
	({                                                                                         \
		__typeof__(owner) taken = (owner);                                                 \
		(owner) = (empty);                                                                 \
		taken;                                                                             \
	})

/* What OWNER owned; OWNER owns nothing any more. */
#define take_ptr(owner) CLEANUP_TAKE(owner, NULL)
#define take_fd(owner) CLEANUP_TAKE(owner, -1)

#endif
