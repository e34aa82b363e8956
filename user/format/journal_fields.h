/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_JOURNAL_FIELDS_H
#define CALLERD_JOURNAL_FIELDS_H

#include "record/record.h"

/* Of one entry, and of a field's name: journald takes no more. */
#define JOURNAL_FIELDS_MAX 1024
#define JOURNAL_NAME_MAX 64

/* Appends RECORD to OUT as an entry in journald's native protocol: FIELD=value, or where a value has control
 * characters FIELD, its size and its bytes as they are; a line feed behind each. MESSAGE, PRIORITY and a field for
 * each one of ECS that matters: docs/formats.md. 0 or -ENOMEM, with OUT as it was. */
int journal_fields_write(const struct record *record, const struct record_context *context,
			 struct text *out);

#endif
