/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLERD_ACCESS_LEAD_H
#define CALLERD_ACCESS_LEAD_H

#include "ctl/grants/access_grant.h"
#include "ctl/rules/access_rule.h"

/* What a program (sudo, doas) lets a user run, of which one grant is made. */
struct access_lead {
	struct access *access;
	const struct access_user *user;
	enum access_kind kind; /* ACCESS_SUDO, ACCESS_DOAS */
	char what[96];	       /* docker, docker-compose */
	char as[48]; /* whom the rule that is looked at lets him become, if it is not root */
	bool granted, anything;
	unsigned int others; /* programs of which nothing is known */
	char other[64], source[128];
};

void access_lead_take(struct access_lead *lead, const struct access_rule *rule);
void access_lead_end(struct access_lead *lead);

/* Marks the members of GROUP, which may be NULL, as named by a rule. */
struct group;
void access_take_members(struct access *access, const struct group *group);

#endif
