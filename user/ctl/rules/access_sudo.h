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

enum access_sudo_named {
	SUDO_NAMES_USER,
	SUDO_NAMES_UID,
	SUDO_NAMES_GROUP,
	SUDO_NAMES_GID,
	SUDO_NAMES_OTHERS, /* ALL, a netgroup, a group of another directory: whom, cannot be told */
};

/* Gives TAKE whom rules name, which cvtsudoers printed as JSON. False: that is not whole. */
bool access_sudo_users(struct bytes json, void *data,
		       void (*take)(void *data, enum access_sudo_named kind, struct bytes name,
				    uint32_t id));

#endif
