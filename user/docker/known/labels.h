/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels of containers that say what they are for: of a job of CI, of a project of Compose, of a pod. Those of a list, and of
 * the site's; others are never kept. A label is the word of whoever made the container, or its image.
 */
#ifndef CALLERD_LABELS_H
#define CALLERD_LABELS_H

#include "base/text.h"
#include "json/body.h"

#define LABELS_MAX 16	    /* of a container */
#define LABEL_KEY_MAX 128   /* bytes */
#define LABEL_VALUE_MAX 256 /* bytes; a longer one is cut */
#define LABELS_SIZE 3072    /* bytes of all of them */
#define LABELS_SITE_MAX 64  /* patterns */

/* Keeps what matches PATTERN, a key with wildcards, as well; before the first thread starts. 0, -EINVAL (it is no key) or -E2BIG. */
int labels_add_pattern(const char *pattern);
int labels_check_pattern(const char *pattern); /* the same checks */
void labels_forget_site(void);

/* Labels that are put together: each key and each value ends with a NUL. */
struct labels {
	struct text text;
	unsigned int count;
	bool cut; /* there were more */
};

/* For body.h, of the elements of a map of labels; LABELS: a struct labels, or NULL. Adds LABEL, masked, where it is one of those that
 * are kept. Returns false: the map itself keeps none. */
bool labels_gather(void *labels, const struct value *label);

/* What was gathered, until the next change; never data NULL. */
struct bytes labels_packed(struct labels *labels);

void labels_clear(struct labels *labels);
void labels_free(struct labels *labels);

/* Takes the first label off PACKED, which labels_packed() gave. False: there is none. */
bool labels_next(struct bytes *packed, struct bytes *ret_key, struct bytes *ret_value);

/* Whether the container has more than PACKED. */
bool labels_are_cut(struct bytes packed);

/* KEY as the name of a field: with _ in place of each dot, as dots stand between objects there. No two labels of a container have the same. */
const char *labels_field(struct bytes key, char ret[LABEL_KEY_MAX + 1]);

#endif
