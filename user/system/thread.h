/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_THREAD_H
#define CALLERD_THREAD_H

#include <pthread.h>
#include <stddef.h>
#include <time.h>

#include "base/cleanup.h"

/* Starts RUN(DATA) in a thread with a stack of STACK_SIZE bytes. The thread gets no signals: the
 * main thread handles them; nor the capabilities that loading needs. 0 or -errno. */
int thread_start(pthread_t *ret, size_t stack_size, void *(*run)(void *data), void *data);

/* Waits until each thread that was started has given up its privileges, which a filter of system calls then ends at once. */
void thread_settle(void);

/* Gives the calling thread an ordinary priority. The agent's higher priority is for the thread that
 * reads the rings. */
void thread_be_nice(void);

/* The time of CLOCK_MONOTONIC that is MILLISECONDS from now. */
struct timespec thread_deadline(unsigned int milliseconds);

static inline pthread_mutex_t *thread_lock(pthread_mutex_t *mutex)
{
	pthread_mutex_lock(mutex);
	return mutex;
}

static inline void thread_unlock(pthread_mutex_t **mutex)
{
	pthread_mutex_unlock(*mutex);
}

/* Holds LOCK, a pthread_mutex_t *, from here to the end of the block. */
#define thread_guard(lock)                                                                         \
	_cleanup_(thread_unlock) pthread_mutex_t *guarded __attribute__((unused)) =                \
		thread_lock(lock)

#endif
