/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_CEF_H
#define CALLERD_CEF_H

#include "base/text.h"
#include "record/record.h"

/* Appends RECORD to OUT as one line in ArcSight's CEF, with its line feed. 0 or -ENOMEM. */
int cef_write(const struct record *record, const struct record_context *context, struct text *out);

#endif
