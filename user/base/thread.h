/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_THREAD_H
#define CALLERD_THREAD_H

#include <pthread.h>
#include <stddef.h>
#include <time.h>

/* Starts RUN(DATA) with a stack of STACK_SIZE bytes. It gets no signals: they are the agent's. 0 or -errno. */
int thread_start(pthread_t *ret, size_t stack_size, void *(*run)(void *data), void *data);

/* Gives the calling thread an ordinary priority: the agent's higher one is for whoever reads the rings. */
void thread_be_nice(void);

/* CLOCK_MONOTONIC in so many milliseconds. */
struct timespec thread_deadline(unsigned int milliseconds);

#endif
