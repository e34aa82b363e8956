/* SPDX-License-Identifier: Apache-2.0 */
/* Writes kernel events to a file, for tools/replay. All functions take NULL: nothing is recorded. */
#ifndef CALLERD_EVENT_RECORDER_H
#define CALLERD_EVENT_RECORDER_H

#include <stdint.h>

#include "callerd/event.h"

struct eventfile;

/* Creates PATH (mode 0600: it holds payload, secrets too). 0 or -errno. */
int eventfile_open(const char *path, const char *const *sockets, struct eventfile **ret);
void eventfile_close(struct eventfile *file);

void eventfile_event(struct eventfile *file, const struct callerd_event_header *event,
		     uint32_t socket);
void eventfile_flush(struct eventfile *file, uint64_t time);
void eventfile_close_frame(struct eventfile *file, uint64_t time);

#endif
