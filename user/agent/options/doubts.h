/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration may have wrong, though somebody can mean it: a socket, a user or a program that is not there. */
#ifndef CALLERD_DOUBTS_H
#define CALLERD_DOUBTS_H

#include "agent/options/options.h"

/* Calls TELL with a sentence for each doubt about OPTIONS. Looks at files and asks for users, which may take its time. */
void doubts_tell(const struct options *options, void *data,
		 void (*tell)(void *data, const char *doubt));

#endif
