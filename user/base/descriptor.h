/* SPDX-License-Identifier: Apache-2.0 */
/* A path that leads to what a descriptor is open on, for calls that take no descriptor. */
#ifndef CALLERD_DESCRIPTOR_H
#define CALLERD_DESCRIPTOR_H

#include <stdio.h>

#define DESCRIPTOR_FILES "/proc/self/fd/"
#define DESCRIPTOR_PATH_SIZE 32

static inline void descriptor_path(int fd, char ret[DESCRIPTOR_PATH_SIZE])
{
	snprintf(ret, DESCRIPTOR_PATH_SIZE, DESCRIPTOR_FILES "%d", fd);
}

#endif
