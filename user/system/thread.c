// SPDX-License-Identifier: Apache-2.0
#include "system/thread.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "confine/privilege.h"

struct start {
	void *(*run)(void *data);
	void *data;
};

static _Atomic unsigned int thread_beginning; /* how many have not given up their privileges yet */

static void *run_thread(void *data)
{
	struct start start = *(struct start *)data;

	free(data);
	privilege_end_loading();
	thread_beginning--;
	return start.run(start.data);
}

int thread_start(pthread_t *ret, size_t stack_size, void *(*run)(void *data), void *data)
{
	_free_ struct start *start = malloc(sizeof(*start));
	pthread_attr_t attributes;
	sigset_t all, before;
	int error = start ? pthread_attr_init(&attributes) : ENOMEM;

	if (error)
		return -error; /* NOLINT(clang-analyzer-unix.Malloc): _free_ frees it */
	*start = (struct start){run, data};
	pthread_attr_setstacksize(&attributes, stack_size);
	sigfillset(&all);
	sigdelset(&all, SIGSYS); /* of a system call that confine/filter.h does not have */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	thread_beginning++;
	error = pthread_create(ret, &attributes, run_thread, start);
	if (!error)
		start = NULL;
	else
		thread_beginning--;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -error;
}

void thread_settle(void)
{
	while (thread_beginning)
		usleep(100);
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
