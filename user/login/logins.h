/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From where those came who logged in, for callers of the same session kept once. Nothing is waited for: who calls for the first
 * time in a session is looked up beside the loop, and his later records have what was found. It stays known when the session has
 * ended, since tmux and the like outlive it, and when the agent has ended.
 */
#ifndef CALLERD_LOGINS_H
#define CALLERD_LOGINS_H

#include "login/login_memory.h"
#include "record/record.h"
#include "system/beside.h"

struct logins;

/* CONTEXT, the host's, and BESIDE are kept by reference. 0 or -ENOMEM. Free with logins_free(). */
int logins_new(const struct record_context *context, struct beside *beside, struct logins **ret);

/* KEEPER kept logins in an earlier life, and keeps them from now on; those of this boot are known again. To be called once, before
 * logins are asked for. */
void logins_remember(struct logins *logins, const struct login_keeper *keeper);

/* NULL is fine. */
void logins_free(struct logins *logins);

/* Has the login of CALLER looked up, unless it is known: its records will need it. */
void logins_expect(struct logins *logins, const struct caller *caller);

/* Where CALLER's login came from; NULL: it has none, or nothing is known of it. Sets *RET_ASKED, unless that is NULL, to whether an
 * answer is still to come. Valid until the next but one call of it: those that were used last are not forgotten. */
const struct login *logins_find(struct logins *logins, const struct caller *caller,
				bool *ret_asked);

/* Whether a caller's login is being looked up of which nothing is known yet. */
bool logins_are_asked(const struct logins *logins);

/* Changes with each login of which more is known. */
uint64_t logins_news(const struct logins *logins);

/* Logins that had to be forgotten for want of room, though nothing says that they have ended. */
uint64_t logins_forgotten(const struct logins *logins);

#endif
