// SPDX-License-Identifier: Apache-2.0
#include "system/wake.h"

#include <errno.h>

#include "system/thread.h"

void wake_init(struct wake *wake)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&wake->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&wake->condition, &monotonic);
	pthread_condattr_destroy(&monotonic);
	wake->called = false;
}

void wake_destroy(struct wake *wake)
{
	pthread_cond_destroy(&wake->condition);
	pthread_mutex_destroy(&wake->lock);
}

void wake_call(struct wake *wake)
{
	thread_guard(&wake->lock);
	wake->called = true;
	pthread_cond_signal(&wake->condition);
}

void wake_wait(struct wake *wake, unsigned int milliseconds)
{
	struct timespec until = thread_deadline(milliseconds);

	thread_guard(&wake->lock);
	while (!wake->called)
		if (pthread_cond_timedwait(&wake->condition, &wake->lock, &until) == ETIMEDOUT)
			break;
	wake->called = false;
}
