/* SPDX-License-Identifier: Apache-2.0 */
/* Where records go. A sink never blocks its caller: what cannot be written at once waits in a bounded
 * queue, and what does not fit there is dropped and counted. */
#ifndef CALLERD_SINK_H
#define CALLERD_SINK_H

#include <stdbool.h>

#include "record/record.h"

#define SINK_QUEUE_MAX (8u << 20) /* bytes that wait per sink */

struct sink;

/* Opens the output that SPEC names: "stdout" or "file:PATH". 0; -EINVAL where there is no such kind;
 * another -errno where it cannot be written; both with a sentence in REASON. Free with sink_close(). */
int sink_open(const char *spec, struct sink **ret, char *reason, size_t reason_size);

/* Writes what still waits, for at most MILLISECONDS, and closes. */
void sink_close(struct sink *sink, int milliseconds);

/* Queues one line. False: there was no room, it is dropped and counted. */
bool sink_put(struct sink *sink, const char *line, size_t size);

/* Writes as much as goes without blocking. 0; -EPIPE when nobody will ever read it again; another
 * -errno, new since the last call, when it cannot be written now (it is tried again). */
int sink_flush(struct sink *sink);

/* Records dropped so far. */
uint64_t sink_dropped(const struct sink *sink);

/* Whether A and B write to one and the same regular file. */
bool sink_same_file(const struct sink *a, const struct sink *b);

/* What the sink is called in messages. */
const char *sink_name(const struct sink *sink);

#endif
