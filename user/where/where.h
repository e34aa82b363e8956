/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions that choose records by their fields: docs/where.md has the language. */
#ifndef CALLERD_WHERE_H
#define CALLERD_WHERE_H

#include "fields/fields.h"

#define WHERE_SIZE_MAX 4094 /* bytes of an expression */
#define WHERE_NODES_MAX 256 /* comparisons, and what joins them */
#define WHERE_DEPTH_MAX 32  /* parentheses and "not" within each other */

struct where;

enum where_answer {
	WHERE_NO,
	WHERE_MAYBE, /* a name is not known yet, the record does not tell it, or a pattern took too long */
	WHERE_YES,
};

/* Parses TEXT, which has to outlive *RET. 0, -ENOMEM, or -EINVAL with one sentence in REASON, which says where in TEXT. Free with where_free(). */
int where_parse(const char *text, struct where **ret, char *reason, size_t size);
void where_free(struct where *where);

/* Whether the record of FIELDS is meant. FIELDS were made with IF_ECS. Not for two threads at once. */
enum where_answer where_matches(struct where *where, struct fields *fields);

/* Calls SEE with each short name of a field, and the field that it stands for. */
void where_walk_names(void *data, void (*see)(void *data, const char *name, const char *path));

#endif
