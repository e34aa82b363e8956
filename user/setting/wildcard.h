/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns with wildcards: '*' stands for any text, '?' for one byte. */
#ifndef CALLERD_WILDCARD_H
#define CALLERD_WILDCARD_H

#include "base/bytes.h"

/* Whether PATTERN has wildcards. */
bool wildcard_has(struct bytes pattern);

/* Whether the whole of TEXT matches PATTERN. PATH: wildcards match no slash. The time is at most the product of both sizes. */
bool wildcard_matches(struct bytes pattern, struct bytes text, bool path);

#endif
