/* SPDX-License-Identifier: Apache-2.0 */
/* What every format says of a record alike: names looked up, secrets masked, judgements made, once.
 */
#ifndef CALLERD_VIEW_H
#define CALLERD_VIEW_H

#include "record/names.h"
#include "record/text.h"
#include "record/url.h"

#define VIEW_NAME_SIZE 128

struct view {
	const struct record *record;
	const struct record_context *context;
	const struct caller *caller; /* record->caller */
	bool described; /* the kernel described the caller: there is more than pid, uid and gid */
	bool elevated;	/* the caller's login UID is known and not its effective UID */
	char user[VIEW_NAME_SIZE]; /* of the effective UID; empty: no name, as below */
	char real_user[VIEW_NAME_SIZE];
	char login_user[VIEW_NAME_SIZE];
	char access[VIEW_NAME_SIZE + 8]; /* "group:docker" */
	struct bytes args;		 /* the caller's, masked */
	struct bytes container_id;
	struct url url;		 /* masked */
	struct event_name event; /* of a docker-event */
	const char *outcome;	 /* NULL: none */
	unsigned int severity;
	unsigned int incomplete; /* record->incomplete */
	bool target_truncated;
	struct text args_text, url_text; /* own what args and url lie in */
};

/* Prepares *VIEW of RECORD; view_free() it in any case. 0 or -ENOMEM. */
int view_init(struct view *view, const struct record *record, const struct record_context *context);

void view_free(struct view *view);

/* Whether a docker-event has a cause of this KIND. */
bool view_has_cause(const struct view *view, const char *kind);

/* The name of UID, or the empty string. */
void view_user_name(const struct record_context *context, uint32_t uid, char name[VIEW_NAME_SIZE]);

#endif
