/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of a site: its own severities of findings, and rules for callers that are expected. It changes how a record is
 * judged, never whether it is written. */
#ifndef CALLERD_POLICY_H
#define CALLERD_POLICY_H

#include "base/bytes.h"
#include "process/caller.h"
#include "record/finding.h"
#include "setting/setting.h"

#define POLICY_RULES_MAX 1000
#define POLICY_VALUES_MAX 256 /* of one key of a rule */
#define POLICY_NAME_MAX 40    /* bytes of a rule's name */

struct policy;
struct text;

/* What a rule can name, in the order in which policy_write() writes it. */
enum policy_key {
	POLICY_USER,
	POLICY_LOGIN_USER,
	POLICY_EXE,
	POLICY_UNIT,
	POLICY_CONTAINER_IMAGE,
	POLICY_CONTAINER_NAME,
	POLICY_OPERATIONS,
	POLICY_KEYS,
};

/* A value of a rule. */
struct policy_value {
	enum policy_key key;
	const char *name; /* of the key */
	const char *text;
	struct setting_source source;
};

/* A call, as rules for expected callers are matched against it. What is unknown has data NULL, and matches nothing. */
struct policy_call {
	struct bytes user; /* name of the effective user; a number in a rule is compared with uid */
	struct bytes login_user; /* name of the user who logged in */
	uint32_t uid, login_uid; /* CALLERD_UNSET_ID: unset */
	struct bytes executable; /* path; unknown when the host has another file at it */
	/* The kernel saw the executable being executed. Otherwise it counts only in rules that name a unit. */
	bool executable_seen;
	struct bytes unit;			      /* systemd unit */
	struct bytes container_image, container_name; /* that the caller runs in */
	/* The caller runs in a container, or may do so: only rules that name a container match. */
	bool contained;
	/* The caller is in a PID namespace that is neither the host's nor callerd's: only rules that name a container or a unit
	 * match. */
	bool foreign;
	struct bytes operation; /* "ContainerList" */
	/* It is a connect, which does nothing yet: it counts for a rule whichever operations that names. */
	bool connects;
};

/* 0 or -ENOMEM. Free with policy_free(). */
int policy_new(struct policy **ret);
void policy_free(struct policy *policy);

/* Takes over one setting, which stands at SOURCE. SECTION is "finding ID" or "expected NAME"; docs/configuration.md has KEY and VALUE. Each section
 * is begun once, before its settings, by a KEY that is NULL. 0, -ENOMEM, or -EINVAL with one sentence in REASON. */
int policy_set(struct policy *policy, struct setting_source source, const char *section,
	       const char *key, const char *value, char *reason, size_t reason_size);

/* To be called when a section is complete. 0; -EINVAL with one sentence in REASON: a rule would match every caller, or a
 * section says nothing. */
int policy_check(const struct policy *policy, char *reason, size_t reason_size);

/* The severity that the site gives to a finding, or else SEVERITY. SEVERITY_NONE: the finding is not to be raised
 * (severity = off). POLICY may be NULL. */
enum finding_severity policy_severity(const struct policy *policy, enum finding_id id,
				      enum finding_severity severity);

/* Whether any rule names an executable. POLICY may be NULL. */
bool policy_has_executables(const struct policy *policy);

/* Calls SEE for each value of the rules. */
void policy_walk(const struct policy *policy, void *data,
		 void (*see)(void *data, const struct policy_value *value));

/* The name of the first rule that CALL matches; NULL: none. POLICY may be NULL. Allocates nothing. */
const char *policy_expected(const struct policy *policy, const struct policy_call *call);

/* Adds all settings to OUT, in the form of the configuration file. SOURCES: and where each stands, as a comment. */
void policy_write(const struct policy *policy, bool sources, struct text *out);

#endif
