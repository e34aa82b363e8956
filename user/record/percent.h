/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding. */
#ifndef CALLERD_PERCENT_H
#define CALLERD_PERCENT_H

#include "record/text.h"

/* Adds ENCODED decoded, once. What is no valid escape stays, as the daemon refuses it. */
void percent_decode(struct text *out, struct bytes encoded, bool plus_is_space);

/* Adds BYTES as they may stand in a value of a query, or, without PLUS_IS_SPACE, in a path. */
void percent_encode(struct text *out, struct bytes bytes, bool plus_is_space);

#endif
