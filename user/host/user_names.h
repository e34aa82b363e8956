/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of users and groups. They are read from /etc/passwd and /etc/group. Ids that have no
 * entry there are asked of the host's name services, beside the loop, since a name service may ask
 * a server; until it has answered there is no name.
 */
#ifndef CALLERD_USER_NAMES_H
#define CALLERD_USER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "system/beside.h"

struct names;

enum names_kind { NAMES_USER, NAMES_GROUP };

enum names_answer {
	NAMES_NONE, /* the id has no name */
	NAMES_FOUND,
	NAMES_ASKED, /* the name services have not answered yet */
};

/* 0 or -ENOMEM. Free with user_names_free(). */
int user_names_new(struct names **ret);
void user_names_free(struct names *names);

/* From now on lookups do not wait: the name services are asked in BESIDE, which is kept by
 * reference. */
void user_names_ask_beside(struct names *names, struct beside *beside);

/* Writes the name of ID to NAME of SIZE bytes; empty where the answer is not NAMES_FOUND. */
enum names_answer user_names_find(struct names *names, enum names_kind kind, uint32_t id,
				  char *name, size_t size);

/* The number of names that changed or became known after a lookup did not have them. */
uint64_t user_names_news(const struct names *names);

#endif
