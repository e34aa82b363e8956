/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's side: takes what callerd asks for, and does it if it may be. */
#ifndef CALLERD_SERVE_H
#define CALLERD_SERVE_H

#include "broker/message.h"

/* Serves CHANNEL until its other end is closed. */
void serve_channel(int channel, const struct broker_options *options);

/* Looks at the configuration. 0 or -errno. */
int serve_reload(const struct broker_options *options);

/* Does what REQUEST, of SIZE bytes, asks for with the descriptors FDS, which stay the caller's. Returns a descriptor that
 * goes with the answer, or -1. */
int serve_request(const struct message_request *request, size_t size, const int fds[MESSAGE_FDS],
		  const struct broker_options *options, struct message_answer *answer);

#endif
