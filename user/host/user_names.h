/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of users and groups. Those of /etc/passwd and /etc/group are read from there; the others are asked
 * of the host's name services beside the loop, since that may ask a server: until it has answered there is no
 * name.
 */
#ifndef CALLERD_USER_NAMES_H
#define CALLERD_USER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/beside.h"

struct names;

enum names_kind { NAMES_USER, NAMES_GROUP };

enum names_answer {
	NAMES_NONE, /* there is no name */
	NAMES_FOUND,
	NAMES_ASKED, /* it is not known yet */
};

/* 0 or -ENOMEM. Free with user_names_free(). */
int user_names_new(struct names **ret);
void user_names_free(struct names *names);

/* From now on who asks does not wait. BESIDE is kept by reference. */
void user_names_ask_beside(struct names *names, struct beside *beside);

/* The name of ID to NAME of SIZE bytes, empty unless it is FOUND. */
enum names_answer user_names_find(struct names *names, enum names_kind kind, uint32_t id,
				  char *name, size_t size);

/* Counts the names that came later than they were asked for. */
uint64_t user_names_news(const struct names *names);

#endif
