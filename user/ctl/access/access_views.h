/* SPDX-License-Identifier: Apache-2.0 */
/* What threads with another root directory see of the engines' sockets, by their mounts: containers, whichever engine they are of. */
#ifndef CALLERD_ACCESS_VIEWS_H
#define CALLERD_ACCESS_VIEWS_H

#include "ctl/access/access.h"
#include "ctl/access/access_threads.h"

struct access_views;

/* Looks where the host has its sockets. NULL: no memory. */
struct access_views *access_views_new(struct access *access);
void access_views_free(struct access_views *views);

/* Whether the thread with DIRECTORY has the root directory of the host. */
bool access_views_at_root(const struct access_views *views, int directory);

/* Whether it is in the user namespace of the host: what it may, it may there. */
bool access_views_with_host(const struct access_views *views, int directory);

/* Adds a grant for each socket that THREAD sees, unless another one was met that sees the same. */
void access_views_look(struct access_views *views, const struct access_thread *thread);

#endif
