/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 that may be ill-formed on purpose. */
#ifndef CALLERD_UTF8_H
#define CALLERD_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_INVALID UINT32_MAX
#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Decodes the first character of DATA; SIZE is at least 1. Returns its bytes: a whole character, or
 * the maximal subpart of an ill-formed one (Unicode, 3.9: 'U+FFFD Substitution of Maximal
 * Subparts'), for which *RET_CODE is UTF8_INVALID. */
size_t utf8_decode(const char *data, size_t size, uint32_t *ret_code);

/* How many of the SIZE bytes at DATA, which is valid UTF-8, are whole characters within the first MAX. */
size_t utf8_fit(const char *data, size_t size, size_t max);

/* Whether CODE could move the cursor, end a line, reorder the text, or hide in it: control
 * characters, line separators, bidi controls, invisible format characters. */
bool utf8_is_unsafe(uint32_t code);

/* Whether a terminal shows CODE in two columns. */
bool utf8_is_wide(uint32_t code);

/* The columns that DATA takes on a terminal. DATA is valid UTF-8 without unsafe characters. */
size_t utf8_columns(const char *data, size_t size);

#endif
