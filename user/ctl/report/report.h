/* SPDX-License-Identifier: Apache-2.0 */
/* callerctl report: what happened in a time, counted. report.c counts; the others write. */
#ifndef CALLERD_REPORT_H
#define CALLERD_REPORT_H

#include "ctl/access/access.h"
#include "ctl/census.h"
#include "ctl/ctl.h"
#include "chain/verify.h"

#define REPORT_SLICES 60
#define REPORT_GRAVE 100 /* errands with a finding of at least medium that are told one by one */
#define REPORT_SEEN 4096 /* names of each kind; more are not told apart */

enum report_kind { REPORT_CALLER, REPORT_IMAGE, REPORT_OPERATION, REPORT_KINDS };

/* A caller, image or operation by its name. */
struct report_seen {
	char name[120];
	uint64_t first; /* ns since 1970: within the time of the report, or before it */
	char by[64];	/* who was first */
	UT_hash_handle hh;
};

struct report_slice {
	uint64_t looks, changes;
	uint64_t findings[SEVERITY_CRITICAL + 1];
};

/* One line of a table: a user, a container, an operation. */
struct report_sum {
	char name[120];
	uint64_t requests, changes, failures, refused;
	enum finding_severity severity;
	bool only_looks;
	uint64_t last;
	UT_hash_handle hh;
};

struct report_chain {
	const char *log;
	bool chained;	 /* it has a chain */
	uint64_t before; /* lines before the first that is chained */
	struct verify *verify;
	struct verify_report result;
};

struct report {
	struct ctl *ctl;
	uint64_t since, until; /* ns since 1970 */
	char host[80];
	struct census census; /* of that time */
	struct errands *errands;
	struct errand *grave; /* REPORT_GRAVE of them */
	unsigned int grave_count;
	uint64_t more_grave;
	struct report_slice slices[REPORT_SLICES];
	unsigned int slice_count;
	uint64_t slice; /* ns */
	struct report_seen *seen[REPORT_KINDS];
	bool had_before; /* the log begins before the time: what is new is known */
	struct report_sum *users, *containers, *operations;
	uint64_t records, requests, changes, failures, refused, expected;
	uint64_t findings[SEVERITY_CRITICAL + 1];
	uint64_t lost, starts, away; /* away: ns between an agent's end and the next one's start */
	uint64_t stopped_at, first_record;
	struct access *access; /* who can reach the engines, by all of the log */
	const char *no_access; /* why that is not told; NULL: it is */
	struct report_chain chains[CTL_LOGS_MAX];
	unsigned int chain_count;
	uint64_t unreadable;
};

void report_write_html(struct report *report, struct text *out);
void report_write_text(struct report *report, struct text *out);
void report_write_csv(struct report *report, struct text *out);

#endif
