/* SPDX-License-Identifier: Apache-2.0 */
/* What all formats have in common of a record: names looked up, secrets masked and severities found, once. */
#ifndef CALLERD_VIEW_H
#define CALLERD_VIEW_H

#include "base/text.h"
#include "http/url.h"
#include "record/names.h"

#define VIEW_NAME_SIZE 128

struct view {
	const struct record *record;
	const struct record_context *context;
	const struct caller *caller; /* record->caller */
	bool described; /* the kernel described the caller: more than pid, uid and gid is known */
	bool elevated; /* the caller's login UID is known, and another one than its effective UID */
	/* Where its login came from; NULL: it has none, or nothing is known of it. */
	const struct login *login;
	bool login_asked;	   /* that is being looked up */
	char user[VIEW_NAME_SIZE]; /* of the effective UID; empty: no name, as below */
	char real_user[VIEW_NAME_SIZE];
	char login_user[VIEW_NAME_SIZE];
	char access[VIEW_NAME_SIZE + 8]; /* "group:docker" */
	char account[VIEW_NAME_SIZE];	 /* the name of the user of the record's account */
	struct bytes args;		 /* the caller's, masked */
	struct bytes container_id;
	struct url url;		 /* masked */
	struct event_name event; /* of a docker-event */
	enum record_outcome outcome;
	enum finding_severity severity;
	unsigned int incomplete; /* record->incomplete */
	bool target_truncated;
	struct text args_text, url_text; /* own what args and url lie in */
};

/* Prepares *VIEW of RECORD; view_free() it in any case. 0 or -ENOMEM. */
int view_init(struct view *view, const struct record *record, const struct record_context *context);

void view_free(struct view *view);

/* Whether the caller was described so long before the request that it may have changed since. */
bool view_described_before(const struct view *view);

/* Who acts: the user who logged in, whomever he became since; else the one that the process acts as. */
uint32_t view_acting_uid(const struct caller *caller);

/* Whether a docker-event has a cause of this KIND. */
bool view_has_cause(const struct view *view, enum cause_kind kind);

/* That of a record: event.severity. */
enum finding_severity view_severity(const struct record *record);

/* The same as syslog has it: 2 critical … 6 informational. */
unsigned int view_syslog_severity(enum finding_severity severity);

/* Adds the record's event.id. */
void view_add_id(struct text *out, const struct view *view);

/* Adds http.request.id, which all records of a request have in common; nothing where there is none. */
void view_add_request_id(struct text *out, const struct view *view);

/* Why a request failed behind its answer, or could not be read; no bytes: neither is so. */
struct bytes view_request_error(const struct record *record);

/* Adds EACCES, or the number of an error that has no name. */
void view_add_error(struct text *out, int error);

/* Adds "user alice (1000)": the record's account; nothing where there is none. */
void view_add_account(struct text *out, const struct view *view);

/* Adds "critical host-root-mount: / mounted read-write at /host". The detail is not made safe to print. */
void view_add_finding(struct text *out, const struct finding *finding);

/* The offset of the clocks (ns to add to CLOCK_BOOTTIME) in the boot in which CALLER and its ancestors ran. */
int64_t view_boot_to_real(const struct view *view, const struct caller *caller);

/* Adds the entity id of PROCESS, CALLER's own process or an ancestor; nothing where its start is not known. */
void view_add_entity_id(struct text *out, const struct view *view, const struct caller *caller,
			const struct process *process);

/* The masked arguments of PROCESS: the view's own, or in *MASKED until that is used again. */
struct bytes view_args(const struct view *view, const struct process *process, struct text *masked);

/* The name of UID, or the empty string. */
void view_user_name(const struct record_context *context, uint32_t uid, char name[VIEW_NAME_SIZE]);

#endif
