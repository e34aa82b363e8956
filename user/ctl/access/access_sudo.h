/* SPDX-License-Identifier: Apache-2.0 */
/* What sudo says of a user (`sudo -ll -U USER`), and whom its rules name. */
#ifndef CALLERD_ACCESS_SUDO_H
#define CALLERD_ACCESS_SUDO_H

#include <stdbool.h>

#include "base/bytes.h"

enum access_sudo_reach {
	SUDO_NOTHING,  /* what is forbidden, or no command */
	SUDO_OTHER,    /* another program: whether it leads to an engine is not known */
	SUDO_ENGINE,   /* a client of an engine, or an engine */
	SUDO_ANYTHING, /* all programs, or one that starts any */
};

struct access_sudo_rule {
	struct bytes users,
		groups;	     /* whom it lets him become, ", " between them; data NULL: not said */
	struct bytes source; /* the file or role; data NULL: not said */
	struct bytes command;
	enum access_sudo_reach reach;
};

enum access_sudo_answer { SUDO_UNKNOWN, SUDO_NONE, SUDO_RULES };

/* Reads what sudo printed, and gives TAKE each command in it. */
enum access_sudo_answer access_sudo_read(struct bytes output, void *data,
					 void (*take)(void *data,
						      const struct access_sudo_rule *rule));

/* What a COMMAND as sudo lists it leads to. */
enum access_sudo_reach access_sudo_reach(struct bytes command);

/* Whether the list has WORD, or ALL. */
bool access_sudo_lists(struct bytes list, const char *word);

/* Gives TAKE the names of users ("carol"), groups ("%wheel", "%#27") and others ("+net", "%:ad") that a file of rules names. */
void access_sudo_names(struct bytes rules, void *data, void (*take)(void *data, struct bytes name));

/* Whether a file of rules has another one read, beside those in /etc/sudoers.d. */
bool access_sudo_includes(struct bytes rules);

#endif
