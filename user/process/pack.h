/* SPDX-License-Identifier: Apache-2.0 */
/* A caller as bytes, to be kept for another life of the agent. */
#ifndef CALLERD_PACK_H
#define CALLERD_PACK_H

#include "base/text.h"
#include "process/caller.h"

#define CALLER_PACK_MAX (256u << 10) /* bytes that a caller takes at most */

/* Adds CALLER to OUT, with its lineage. Equal callers give equal bytes. BOOT_ID and BOOT_TO_REAL are of this
 * boot: a caller that has none of its own gets them. Sets out->error where there is no memory. */
void pack_caller(const struct caller *caller, struct bytes boot_id, int64_t boot_to_real,
		 struct text *out);

/* The caller in BYTES, which may be anything. One of the boot BOOT_ID has no boot of its own; one of a boot that
 * was not known then is of another one, and its boot_id is empty. 0, -EINVAL (it is none, or of another version)
 * or -ENOMEM. Give it back with caller_unref(). */
int pack_read_caller(struct bytes bytes, struct bytes boot_id, struct caller **ret);

#endif
