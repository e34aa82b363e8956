/* SPDX-License-Identifier: Apache-2.0 */
/* Who acts, in a few characters: alice (sudo), root (cron), [watchtower], gitlab-runner [build-1]; bob [web, exec]. */
#ifndef CALLERD_WHO_H
#define CALLERD_WHO_H

#include "fields/reread.h"

/* Adds it. "the engine", "nobody known" where the record has no process. */
void who_add(struct text *out, const struct reread *record);

#endif
