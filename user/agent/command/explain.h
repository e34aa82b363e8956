/* SPDX-License-Identifier: Apache-2.0 */
/* Who made, started and stopped a container, from the state, for a person. */
#ifndef CALLERD_EXPLAIN_H
#define CALLERD_EXPLAIN_H

#include "agent/options/options.h"

/* Prints what the state of OPTIONS says of CONTAINER: an id, its beginning, or a name. EXIT_OK; EXIT_FAILED where
 * it says nothing, or cannot be read, with a sentence on stderr; EXIT_OUTPUT. */
enum exit_code explain(const struct options *options, const char *container);

#endif
