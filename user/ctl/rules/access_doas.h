/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of doas, as its doas.conf(5) has them: the last one that matches decides. */
#ifndef CALLERD_ACCESS_DOAS_H
#define CALLERD_ACCESS_DOAS_H

#include <stdbool.h>

#include "base/text.h"

#define DOAS_RULES_MAX 512

struct access_doas_rule {
	bool permits;
	bool has_arguments;	      /* it is of that command with these alone */
	const char *identity;	      /* a user's name or number; of a group behind a colon */
	const char *target, *command; /* NULL: any */
	const char *arguments;	      /* each behind a space; "" without has_arguments */
};

struct access_doas {
	struct access_doas_rule rules[DOAS_RULES_MAX];
	unsigned int count;
	struct text words;
};

/* Reads FILE into RET, zeroed, which access_doas_free() is for. False: doas refuses it, or there are too many rules. */
bool access_doas_read(struct bytes file, struct access_doas *ret);
void access_doas_free(struct access_doas *doas);
CLEANUP_DEFINE(drop_doas, struct access_doas *, access_doas_free)

/* Whether what rule NUMBER permits somebody, of whom IS says whether a rule is his, is not denied him by a later one. */
bool access_doas_holds(const struct access_doas *doas, unsigned int number, void *data,
		       bool (*is)(void *data, const struct access_doas_rule *rule));

#endif
