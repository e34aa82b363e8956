// SPDX-License-Identifier: Apache-2.0
#include "system/thread.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/clock.h"

int thread_start(pthread_t *ret, size_t stack_size, void *(*run)(void *data), void *data)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int error = pthread_attr_init(&attributes);

	if (error)
		return -error;
	pthread_attr_setstacksize(&attributes, stack_size);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(ret, &attributes, run, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -error;
}

void thread_be_nice(void)
{
	setpriority(PRIO_PROCESS, 0, 0); /* on Linux this changes the calling thread only */
}

struct timespec thread_deadline(unsigned int milliseconds)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += milliseconds / 1000;
	until.tv_nsec += milliseconds % 1000 * 1000000L;
	if (until.tv_nsec >= (long)NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= (long)NS_PER_S;
	}
	return until;
}
