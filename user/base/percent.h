/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding. */
#ifndef CALLERD_PERCENT_H
#define CALLERD_PERCENT_H

#include "base/text.h"

/* The value of the hexadecimal digit C; -1: C is no such digit. */
static inline int percent_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Adds ENCODED, decoded once. An invalid escape stays as it is: the daemon refuses a request with
 * one. */
void percent_decode(struct text *out, struct bytes encoded, bool plus_is_space);

/* Adds BYTES, encoded for a value of a query, or without PLUS_IS_SPACE for a path. */
void percent_encode(struct text *out, struct bytes bytes, bool plus_is_space);

#endif
