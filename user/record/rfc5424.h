/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_RFC5424_H
#define CALLERD_RFC5424_H

#include "record/text.h"

/* Appends RECORD to OUT as one message of syslog, RFC 5424, without framing, and a line feed.
 * 0 or -ENOMEM. */
int record_write_rfc5424(const struct record *record, const struct record_context *context,
			 struct text *out);

#endif
