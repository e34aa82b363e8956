/* SPDX-License-Identifier: Apache-2.0 */
/* What was made out of one request: findings and facts. */
#ifndef CALLERD_VERDICT_H
#define CALLERD_VERDICT_H

#include "base/pool.h"
#include "docker/known/inventory.h"
#include "record/record.h"

#define VERDICT_FINDINGS_MAX 32 /* the gravest are kept */
#define VERDICT_PER_ID_MAX 8	/* of one kind */
#define VERDICT_FACTS_MAX 64
#define VERDICT_LIST_MAX 128 /* elements of a list that are told */

struct verdict {
	struct pool pool; /* owns what the others refer to */
	struct finding findings[VERDICT_FINDINGS_MAX];
	unsigned int finding_count;
	struct record_fact facts[VERDICT_FACTS_MAX];
	unsigned int fact_count;
	struct text scratch; /* see verdict_scratch() */
};

/* Leaves it empty, to be used anew. */
void verdict_free(struct verdict *verdict);

/* Adds a finding, once per kind and detail. SEVERITY_NONE: the usual one. */
void verdict_add(struct verdict *verdict, enum finding_id id, enum finding_severity severity,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* As it stands: DETAIL is copied. */
void verdict_add_finding(struct verdict *verdict, const struct finding *finding);

/* Adds a fact of this name and kind, to be filled in; NULL where there is no room. */
struct record_fact *verdict_fact(struct verdict *verdict, const char *name,
				 enum record_fact_kind kind);

/* Makes room for up to COUNT elements of a list, at most VERDICT_LIST_MAX. False: none. */
bool verdict_list(struct verdict *verdict, struct record_fact *fact, size_t count);

/* Empty: for what becomes part of the verdict. Lives until the next call of anything here that adds. */
struct text *verdict_scratch(struct verdict *verdict);

/* Appends TEXT, free of secrets, to the list as long as there is room; marks it as cut beyond that. */
void verdict_append(struct verdict *verdict, struct record_fact *fact, struct bytes text);

#endif
