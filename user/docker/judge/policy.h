/* SPDX-License-Identifier: Apache-2.0 */
/* What a site thinks of findings and callers: severities of its own, and callers that are expected. Changes
 * how a record is judged, never whether it is written. */
#ifndef CALLERD_POLICY_H
#define CALLERD_POLICY_H

#include "base/bytes.h"
#include "docker/known/finding.h"
#include "process/caller.h"

#define POLICY_RULES_MAX 1000
#define POLICY_VALUES_MAX 256 /* of one key of a rule */
#define POLICY_NAME_MAX 40    /* bytes of a rule's name */

struct policy;
struct text;

/* What a rule for expected callers is matched against. Data NULL: unknown, matches nothing. */
struct policy_call {
	struct bytes user;	 /* name of the effective UID; numbers match uid */
	struct bytes login_user; /* of the login UID */
	uint32_t uid, login_uid; /* CALLERD_UNSET_ID: unset */
	struct bytes executable; /* path; unknown where the host has another file there */
	/* The kernel saw that it was executed. Else only rules that name a unit match by it. */
	bool executable_seen;
	struct bytes unit;			      /* systemd unit */
	struct bytes container_image, container_name; /* that the caller runs in */
	/* It runs in a container, or may: only rules that name a container match. */
	bool contained;
	/* In a PID namespace that is neither the host's nor callerd's: only rules that name a container or a unit match. */
	bool foreign;
	struct bytes operation; /* "ContainerList" */
};

/* 0 or -ENOMEM. Free with policy_free(). */
int policy_new(struct policy **ret);
void policy_free(struct policy *policy);

/* Takes over one setting. SECTION is "finding ID" or "expected NAME"; KEY and VALUE as in
 * docs/configuration.md. KEY NULL: the section begins; once each, and before its settings.
 * 0, -ENOMEM, or -EINVAL with one sentence in REASON. */
int policy_set(struct policy *policy, const char *section, const char *key, const char *value,
	       char *reason, size_t reason_size);

/* All settings of the sections so far are there: -EINVAL where a rule would match everybody, or a section
 * says nothing. */
int policy_check(const struct policy *policy, char *reason, size_t reason_size);

/* The severity that the site gives to a finding: SEVERITY as it would be without. SEVERITY_NONE: it is not to
 * be raised at all (severity = off). POLICY may be NULL: there is none. */
enum finding_severity policy_severity(const struct policy *policy, enum finding_id id,
				      enum finding_severity severity);

/* Whether any rule names an executable. POLICY may be NULL. */
bool policy_has_executables(const struct policy *policy);

/* The name of the first rule that CALL matches; NULL: none. POLICY may be NULL. Allocates nothing. */
const char *policy_expected(const struct policy *policy, const struct policy_call *call);

/* Adds all settings to OUT, in the form of the configuration file. */
void policy_write(const struct policy *policy, struct text *out);

#endif
