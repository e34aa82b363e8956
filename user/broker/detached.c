// SPDX-License-Identifier: Apache-2.0
#include "broker/detached.h"

#include <errno.h>
#include <pthread.h>

#define STACK_SIZE (256u << 10)

int detached_start(void *(*run)(void *data), void *data, atomic_uint *count, unsigned int max)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	error = ++*count > max ? EAGAIN : pthread_create(&thread, &attributes, run, data);
	pthread_attr_destroy(&attributes);
	if (error)
		--*count;
	return -error;
}
