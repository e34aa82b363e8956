/* SPDX-License-Identifier: Apache-2.0 */
/* Other programs: without a shell, with nothing of this one's environment, for a limited time and with a limited answer. */
#ifndef CALLERD_ACCESS_PROGRAM_H
#define CALLERD_ACCESS_PROGRAM_H

#include "base/clock.h"
#include "base/text.h"

#define ACCESS_PROGRAM_TIME (5 * NS_PER_S)

/* Runs PROGRAM, and adds what it prints, up to MAX bytes. False: that is not all. */
bool access_program_ask(const char *program, const char *const *arguments, size_t max,
			struct text *out);

#endif
