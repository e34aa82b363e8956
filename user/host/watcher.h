/* SPDX-License-Identifier: Apache-2.0 */
/* Has the kernel watch the sockets, as their directories and nodes come and go. A user who owns the
 * directory of a socket decides how long a look there takes. */
#ifndef CALLERD_WATCHER_H
#define CALLERD_WATCHER_H

#include "kernel/capture.h"
#include "system/beside.h"

struct watcher;

/* SOCKETS: COUNT absolute paths, by index, and ROOM for as many in all. SOCKETS and CAPTURE are kept
 * by reference. 0 or -ENOMEM. Free with watcher_free(), after the jobs. */
int watcher_new(struct capture *capture, const char *const *sockets, unsigned int count,
		unsigned int room, struct watcher **ret);
void watcher_free(struct watcher *watcher);

/* SOCKETS has one more. */
void watcher_add(struct watcher *watcher);

/* Starts another look at each socket whose last look has ended. */
void watcher_run(struct watcher *watcher, struct beside *beside, uint64_t now);

/* Whether the first look at each socket has ended, with success or not. */
bool watcher_settled(const struct watcher *watcher);

#endif
