/* SPDX-License-Identifier: Apache-2.0 */
/* What sudo says of a user (`sudo -ll -U USER`), and whom its rules name. */
#ifndef CALLERD_ACCESS_SUDO_H
#define CALLERD_ACCESS_SUDO_H

#include "ctl/rules/access_rule.h"

enum access_sudo_answer { SUDO_UNKNOWN, SUDO_NONE, SUDO_RULES };

/* Reads what sudo printed, and gives TAKE each command in it. */
enum access_sudo_answer access_sudo_read(struct bytes output, void *data,
					 void (*take)(void *data, const struct access_rule *rule));

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
