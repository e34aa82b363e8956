/* SPDX-License-Identifier: Apache-2.0 */
/* The threads of all processes, by /proc: each may have descriptors, mounts and credentials of its own. */
#ifndef CALLERD_ACCESS_THREADS_H
#define CALLERD_ACCESS_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define ACCESS_FILE_MAX (1u << 20)
#define ACCESS_THREAD_GROUPS_MAX 1024

struct access_thread {
	int directory; /* in /proc */
	uint32_t pid, tid, uid;
	char name[32];
	uint64_t capabilities;
	uint32_t groups[ACCESS_THREAD_GROUPS_MAX];
	unsigned int group_count;
	bool beside; /* it has the root directory of the host; who looks sets this */
};

/* Gives LOOK the directory of each thread of all processes but this one, those of a process one behind the other, until END (of
 * CLOCK_MONOTONIC). Returns for how many processes there was no time, or not for all of them; or -errno. */
int access_threads_walk(uint64_t end, void *data,
			void (*look)(void *data, uint32_t pid, uint32_t tid, int directory));

/* The file NAME of the thread with DIRECTORY, in DATA, of ACCESS_FILE_MAX bytes; empty: it cannot be read. */
struct bytes access_threads_file(int directory, const char *name, char *data);

/* Sets what the kernel says of THREAD. DATA: as above. False: it has ended, as a leader may have whose threads go on. */
bool access_threads_read(struct access_thread *thread, char *data);

#endif
