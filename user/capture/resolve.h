/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_RESOLVE_H
#define CALLERD_RESOLVE_H

#include "capture/capture.h"
#include "conversation/event.h"

/* Which watched socket a failed connect meant: walks the address as its caller would have, in the
 * caller's root, directory and mount namespace. Returns the socket's index; -ENOENT where it is not
 * a watched one; -ESRCH where it has the name of one, but nobody of that mount namespace lives any
 * more and its mounts told nothing.
 * SOCKETS are the watched paths by index. */
int resolve_refused(struct capture *capture, const struct event *event, const char *const *sockets,
		    unsigned int socket_count);

#endif
