/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a URL, as Go's url.ParseQuery() reads it. */
#ifndef CALLERD_QUERY_H
#define CALLERD_QUERY_H

#include "base/text.h"

/* The first value of KEY, still encoded. False: there is none. */
bool query_find(struct bytes query, const char *key, struct bytes *ret_value);

/* The first value of KEY, decoded, added to OUT. False: there is none. The handlers that ask for r.Form prefer
 * what a POST, PUT or PATCH of application/x-www-form-urlencoded has in its body: of such a request the query may not
 * tell the truth. */
bool query_value(struct bytes query, const char *key, struct text *out);

/* Takes the next pair off QUERY, as query_value() finds them, and adds it to KEY and VALUE. False: there is none. */
bool query_next(struct bytes *query, struct text *key, struct text *value);

#endif
