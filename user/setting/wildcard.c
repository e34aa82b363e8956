// SPDX-License-Identifier: Apache-2.0
#include "setting/wildcard.h"

bool wildcard_has(struct bytes pattern)
{
	return pattern.size &&
	       (memchr(pattern.data, '*', pattern.size) || memchr(pattern.data, '?', pattern.size));
}

/* As fnmatch() with '*' and '?' only, and with FNM_PATHNAME for a PATH. Callers choose how long their paths are, so the time
 * must not explode with the number of stars: only the last star is tried with other lengths. That is enough. Whatever an
 * earlier star could match beyond that, the last one can match as well, and in a path no star reaches across a slash. */
bool wildcard_matches(struct bytes pattern, struct bytes text, bool path)
{
	const char *p = pattern.data, *end = p + pattern.size, *after_star = NULL;
	size_t at = 0,
	       covered = 0; /* where the text goes on; up to where the last star covers it */

	while (at < text.size) {
		if (p < end && *p == '*') {
			after_star = ++p;
			covered = at;
		} else if (p < end &&
			   (*p == '?' ? !path || text.data[at] != '/' : *p == text.data[at])) {
			p++;
			at++;
		} else if (after_star && (!path || text.data[covered] != '/')) {
			p = after_star;
			at = ++covered;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}
