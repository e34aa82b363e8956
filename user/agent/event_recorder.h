/* SPDX-License-Identifier: Apache-2.0 */
/* Writes kernel events to a file, for tools/replay. All functions take NULL: nothing is recorded. */
#ifndef CALLERD_EVENT_RECORDER_H
#define CALLERD_EVENT_RECORDER_H

#include <stdint.h>

#include "callerd/event.h"

struct eventfile;

/* Creates PATH (mode 0600: it holds payload, secrets too). 0 or -errno. */
int event_recorder_open(const char *path, const char *const *sockets, struct eventfile **ret);
void event_recorder_close(struct eventfile *file);

void event_recorder_event(struct eventfile *file, const struct callerd_event_header *event,
			  uint32_t socket);
void event_recorder_flush(struct eventfile *file, uint64_t time);
void event_recorder_close_frame(struct eventfile *file, uint64_t time);

#endif
