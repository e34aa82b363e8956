/* SPDX-License-Identifier: Apache-2.0 */
/* Who acts, in a few characters: alice (sudo), root (cron), [watchtower], gitlab-runner [build-1]; bob [web, exec]. */
#ifndef CALLERD_WHO_H
#define CALLERD_WHO_H

#include "fields/reread.h"

/* Adds it. "the engine", "nobody known" where the record has no process. */
void who_add(struct text *out, const struct reread *record);

/* Adds from where he came and which job he says he is, too, as `message` has it: alice (ssh from 10.1.2.3) → root (sudo); bob, in
 * container web (exec); ci [gitlab job 4711 of group/project (bob)]. BRIEF: alice (10.1.2.3, sudo), bob [web, exec], ci: gitlab 4711. */
void who_add_origin(struct text *out, const struct reread *record, bool brief);

/* Whether RECORD tells of it what may not have been known yet. */
bool who_has_origin(const struct reread *record);

#endif
