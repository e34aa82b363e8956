/* SPDX-License-Identifier: Apache-2.0 */
/* What a change of a guarded file means. */
#ifndef CALLERD_EXPOSURE_H
#define CALLERD_EXPOSURE_H

#include "record/finding.h"
#include "guard/look.h"
#include "record/record.h"

/* How NOW differs from BEFORE: enum change_what. */
unsigned int exposure_compare(const struct look_file *before, const struct look_file *now);

/* Whether NOW lets more users in than BEFORE: by its mode, owner, group or ACL. Sets *DETAIL to a
 * sentence. */
bool exposure_widens(const struct look_file *before, const struct look_file *now,
		     struct text *detail);

/* The finding of a change. ENGINE: an engine, or systemd for it, made it. FINDING_NONE: none. */
enum finding_id exposure_find(enum change_object object, unsigned int what, bool engine);

#endif
