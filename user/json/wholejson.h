/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quick steps over JSON that is there as a whole, for readers that look closer afterwards, or by gojson.h where one of these says no.
 * What each takes is what gojson.h takes of it.
 */
#ifndef CALLERD_WHOLEJSON_H
#define CALLERD_WHOLEJSON_H

#include "base/text.h"

/* How many of the SIZE bytes at DATA, which begins with {, are up to the brace that closes it; 0: it is not there. Only braces and
 * strings are looked at: whether it is JSON is not known. */
size_t wholejson_object(const char *data, size_t size);

/* Adds what stands in a string from DATA on, up to its quote, as it is meant. How many bytes it has, with the quote; 0: it has no end
 * there, or is written in a way that is left to gojson.h. What was added then is to be cut off. */
size_t wholejson_string(struct text *out, const char *data, size_t size);

/* Adds BYTES, an object, without the spaces between its parts. False: a space stands where none may be. What was added then is to be
 * cut off. */
bool wholejson_compact(struct text *out, struct bytes bytes);

/* Makes spaces of the line feeds between the parts of an object. One within a string, where none may be, stays. */
void wholejson_flatten(char *data, size_t size);

#endif
