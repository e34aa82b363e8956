/* SPDX-License-Identifier: Apache-2.0 */
/* A signal from one thread to another that there is work to do. */
#ifndef CALLERD_WAKE_H
#define CALLERD_WAKE_H

#include <pthread.h>
#include <stdbool.h>

struct wake {
	pthread_mutex_t lock;
	pthread_cond_t condition;
	bool called;
};

void wake_init(struct wake *wake);
void wake_destroy(struct wake *wake);

/* Makes the present or the next wake_wait() return. */
void wake_call(struct wake *wake);

/* Waits for a call, at most MILLISECONDS. */
void wake_wait(struct wake *wake, unsigned int milliseconds);

#endif
