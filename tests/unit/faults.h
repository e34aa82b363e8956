/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that fail as a test says, wherever they are called from: the linker puts __wrap_NAME() in the place of
 * NAME() (Makefile). */
#ifndef CALLERD_TEST_FAULTS_H
#define CALLERD_TEST_FAULTS_H

#include <errno.h>

/* What a function returns that sets ERROR, or -1 and 0 where there is none. */
static inline int faults_return(int error)
{
	errno = error;
	return error ? -1 : 0;
}

/* NAME() fails with NAME_error where that is not 0; the function's parameters and what it is called with follow. */
#define FAULTS_OF(name, parameters, ...)                                                           \
	static int name##_error;                                                                   \
	int __real_##name parameters;                                                              \
	int __wrap_##name parameters                                                               \
	{                                                                                          \
		return faults_return(name##_error) ?: __real_##name(__VA_ARGS__);                  \
	}

#endif
