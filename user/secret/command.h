/* SPDX-License-Identifier: Apache-2.0 */
/* Argument lists as the kernel keeps them: each argument ended by a NUL. */
#ifndef CALLERD_COMMAND_H
#define CALLERD_COMMAND_H

#include <stdbool.h>

#include "base/text.h"

/* Takes the first argument off *ARGS; false where there is none. The last one may lack its NUL. */
bool command_next(struct bytes *args, struct bytes *ret_argument);

/* Adds ARGS as one would type them in a shell, so that it can be seen where each argument begins
 * and ends: 'a b', "it's", '', $'two\nlines'. Bytes that are not UTF-8 stay as they are. */
void command_add(struct text *out, struct bytes args);

/* Adds one argument likewise. */
void command_add_argument(struct text *out, struct bytes argument);

/* Adds COUNT arguments likewise, behind those that OUT has already. */
void command_add_list(struct text *out, const struct bytes *arguments, unsigned int count);

#endif
