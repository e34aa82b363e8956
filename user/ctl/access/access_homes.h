/* SPDX-License-Identifier: Apache-2.0 */
/* Files of users, which are theirs: read with a limit, no link followed. */
#ifndef CALLERD_ACCESS_HOMES_H
#define CALLERD_ACCESS_HOMES_H

#include "ctl/grants/access_grant.h"

/* Opens PATH below AT, in its mount and without links. */
int access_homes_open(int at, const char *path, uint64_t flags);

/* Reads the file at PATH below AT into TEXT. False: there is none, or it is neither UID's nor root's, or too long; errno ELOOP: it is a
 * link. */
bool access_homes_read(uint32_t uid, int at, const char *path, struct text *text);

/* Whether HOST, as clients are told of it, is one of the sockets here. */
bool access_homes_known(const struct access *access, const char *host);

/* Tells the contexts of USER whose directory of Docker's client is DOCKER. */
void access_homes_contexts(struct access *access, const struct access_user *user, int docker);

#endif
