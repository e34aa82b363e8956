/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that say how much a record tells: the sections [level NAME] of the configuration, in their order. */
#ifndef CALLERD_LEVELS_H
#define CALLERD_LEVELS_H

#include "fields/fields.h"
#include "setting/setting.h"

#define LEVELS_RULES_MAX 64
#define LEVELS_NAME_MAX 40 /* bytes of a rule's name */

struct levels;

/* 0 or -ENOMEM. Free with levels_free(). */
int levels_new(struct levels **ret);
void levels_free(struct levels *levels);

/* Takes over one setting, which stands at SOURCE, of the section [level NAME]. Each section is begun once, before its
 * settings, by a KEY that is NULL. 0, -ENOMEM, or -EINVAL with one sentence in REASON. */
int levels_set(struct levels *levels, struct setting_source source, const char *name,
	       const char *key, const char *value, char *reason, size_t size);

/* To be called when a section is complete. 0; -EINVAL with one sentence in REASON: something is missing. */
int levels_check(const struct levels *levels, char *reason, size_t size);

/* That of RECORD: what the first rule says that it fits. It tells all where no rule fits, where it has a finding of at least
 * FULL_FROM, and where it is about callerd itself, or about who may use a socket. Of a rule that may fit the level counts if it
 * is more than what is found then. Not for two threads at once. */
enum record_level levels_of(const struct levels *levels, enum finding_severity full_from,
			    const struct record *record, const struct record_context *context);

struct levels_decision {
	enum record_level level;
	const char *rule; /* the one that fits; NULL: none, or none was asked */
	bool unsure;	  /* one that may fit as well says something else */
};

/* The same of the FIELDS of RECORD, of which its action, findings and server are asked. */
void levels_decide(const struct levels *levels, enum finding_severity full_from,
		   const struct record *record, struct fields *fields, struct levels_decision *ret);

/* The name of rule NUMBER; NULL: there are not so many. */
const char *levels_rule(const struct levels *levels, unsigned int number);

/* Adds all settings to OUT, in the form of the configuration file, and where each stands, as a comment. */
void levels_write(const struct levels *levels, struct text *out);

#endif
