/* SPDX-License-Identifier: Apache-2.0 */
/* Who belongs to the groups that may use a socket, and who is root, by /etc/group and /etc/passwd. */
#ifndef CALLERD_MEMBERS_H
#define CALLERD_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define MEMBERS_GROUPS_MAX 16

/* A line for each group: GROUP/, and for each member: GROUP/NAME, where GROUP is the group's name; "uid 0" for accounts that are
 * root; and GROUP/: for a group with a password, which lets who knows it join. */
struct members {
	struct text lines; /* sorted */
};

/* Lists the members of GROUPS, of which there are COUNT, and the accounts with UID 0. Each of the
 * texts is the content of the file of that name. 0 or -ENOMEM. Free with members_free(). */
int members_list(struct bytes passwd, struct bytes group, struct bytes gshadow,
		 const uint32_t *groups, unsigned int count, struct members *ret);
void members_free(struct members *members);

/* Whether MEMBERS are, among others, those of GROUP. */
bool members_has_group(const struct members *members, struct bytes group);

/* Walks the lines of NOW that are not in BEFORE. *AT begins as 0. False: there are no more. */
bool members_next_new(const struct members *before, const struct members *now, size_t *at,
		      struct bytes *ret);

#endif
