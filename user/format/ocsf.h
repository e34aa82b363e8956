/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_OCSF_H
#define CALLERD_OCSF_H

#include "base/text.h"
#include "record/record.h"

#define OCSF_VERSION "1.8.0"

/* Appends RECORD to OUT as a line of JSON in OCSF, with its line feed; and behind it, where RECORD has findings that are
 * more than information, another one that tells of these. 0 or -ENOMEM. */
int ocsf_write(const struct record *record, const struct record_context *context, struct text *out);

#endif
