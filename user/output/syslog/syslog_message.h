/* SPDX-License-Identifier: Apache-2.0 */
/* Records as messages of syslog, without framing. */
#ifndef CALLERD_SYSLOG_MESSAGE_H
#define CALLERD_SYSLOG_MESSAGE_H

#include "output/sink.h"
#include "record/record.h"

/* HEAD, then BODY, which is of the entry. */
struct syslog_message {
	struct text head;
	struct bytes body;
};

/* Makes the message of ENTRY, as OPTIONS want it. 0 or -ENOMEM. */
int syslog_message_make(struct syslog_message *message, const struct sink_options *options,
			const struct entry *entry);
void syslog_message_free(struct syslog_message *message);

#endif
