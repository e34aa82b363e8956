/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_RFC5424_H
#define CALLERD_RFC5424_H

#include "base/text.h"
#include "record/record.h"

/* Appends RECORD to OUT as one message of syslog, RFC 5424, without framing, and a line feed.
 * 0 or -ENOMEM. */
int rfc5424_write(const struct record *record, const struct record_context *context,
		  struct text *out);

/* Adds a header without its priority: the version, the time (ns since 1970), who says it, and ACTION as the kind of
 * message, with a space at its end. NULL: a dash. */
void rfc5424_add_header(struct text *out, uint64_t real, const char *host_name, const char *run_id,
			const char *action);

#endif
