/* SPDX-License-Identifier: Apache-2.0 */
/* The file that `callerd --record-events` writes and tools/replay reads: the magic, then frames. A
 * frame is its head and .size bytes, padded with zeros to a multiple of 8. */
#ifndef CALLERD_EVENTFILE_H
#define CALLERD_EVENTFILE_H

#include <linux/types.h>

#define CALLERD_EVENTFILE_MAGIC "callerd events 1" /* 16 bytes, without the NUL */

enum callerd_frame_kind {
	CALLERD_FRAME_EVENT = 1,  /* one kernel event, see event.h */
	CALLERD_FRAME_FLUSH = 2,  /* the rings were drained at .time */
	CALLERD_FRAME_SOCKET = 3, /* the path of watched socket .socket */
	CALLERD_FRAME_CLOSE = 4,  /* the agent stopped at .time */
};

struct callerd_frame {
	__u32 kind; /* enum callerd_frame_kind */
	__u32 size;
	__u32 socket;
	__u32 reserved;
	__u64 time; /* ns of CLOCK_BOOTTIME */
};

#endif
