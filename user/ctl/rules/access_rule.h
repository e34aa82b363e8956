/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule lets somebody run, whose ever it is: whom it lets him become, and where that leads. */
#ifndef CALLERD_ACCESS_RULE_H
#define CALLERD_ACCESS_RULE_H

#include <stdbool.h>

#include "base/bytes.h"

enum access_reach {
	REACH_NOTHING,	/* what is forbidden, or no command */
	REACH_OTHER,	/* another program: whether it leads to an engine is not known */
	REACH_ENGINE,	/* a client of an engine, or an engine */
	REACH_ANYTHING, /* all programs, or one that starts any */
};

struct access_rule {
	struct bytes users,
		groups;	     /* whom it lets him become, ", " between them; data NULL: not said */
	struct bytes source; /* the file or role; data NULL: not said */
	struct bytes command;
	enum access_reach reach;
};

/* What a COMMAND, as sudo lists it, leads to. */
enum access_reach access_rule_reach(struct bytes command);

/* Whether the list has WORD, or ALL. */
bool access_rule_lists(struct bytes list, const char *word);

#endif
