/* SPDX-License-Identifier: Apache-2.0 */
/* Binds: SOURCE:DESTINATION[:MODE]. */
#ifndef CALLERD_BINDS_H
#define CALLERD_BINDS_H

#include "base/bytes.h"

/* The parts of a bind as the daemon's own parser splits it: all as sent, so SOURCE is not cleaned. A source that does
 * not begin with '/' is a volume's name. DESTINATION alone: an anonymous volume (SOURCE's data is NULL). READ_ONLY: "ro"
 * is in the mode. */
struct bind {
	struct bytes source, destination, mode;
	bool read_only;
};

/* False: Docker refuses the bind TEXT. *RET then has the parts at the colons all the same, because other engines know
 * more words of a mode. */
bool binds_split(struct bytes text, struct bind *ret);

/* Whether WANTED is among the words of LIST, which commas part. */
bool binds_has_word(struct bytes list, const char *wanted);

#endif
