/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of the broker that nobody waits for. */
#ifndef CALLERD_DETACHED_H
#define CALLERD_DETACHED_H

#include <stdatomic.h>

/* Runs RUN with DATA in a thread, unless MAX of those that COUNT counts run already. RUN takes 1 off *COUNT at its end. 0, or
 * -EAGAIN. */
int detached_start(void *(*run)(void *data), void *data, atomic_uint *count, unsigned int max);

#endif
