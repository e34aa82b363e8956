/* SPDX-License-Identifier: Apache-2.0 */
/* Who called, how often, and for what: callers by who they are and which program they run. All texts are safe to print. */
#ifndef CALLERD_CENSUS_H
#define CALLERD_CENSUS_H

#include "base/table.h"
#include "errand/errand.h"

#define CENSUS_MAX 4096	  /* callers; who comes later is counted as "others" */
#define CENSUS_SECONDS 60 /* of the rate */
#define CENSUS_LAST 32	  /* requests that are kept of each caller */

struct caller_key {
	char who[64], program[40], place[64]; /* place: the container, else the unit */
};

struct census_caller {
	struct caller_key key;
	char user[40], user_id[16], executable[128], unit[64], container[40], image[80];
	char command[256], lineage[512];
	char origin
		[160]; /* who, with from where, of the last request of which that was known; else of the first */
	uint64_t asked;	      /* when that was */
	uint64_t first, last; /* ns since 1970 */
	uint64_t requests, changes, failures, refused, connects;
	enum finding_severity severity; /* the gravest so far */
	char rule[48];			/* that finding */
	bool expected;			/* all of it */
	bool logged_in;			/* .user is whoever logged in */
	uint32_t operations[OPERATIONS];
	uint32_t seconds[CENSUS_SECONDS]; /* requests in each, by its number modulo this */
	uint64_t second;		  /* the latest of them */
	struct census_request {
		uint64_t time;
		enum finding_severity severity;
		char text[120];
	} recent[CENSUS_LAST];
	unsigned int recent_count; /* ever; the latest is at (count - 1) % CENSUS_LAST */
	UT_hash_handle hh;
};

struct census {
	struct census_caller *callers; /* a table */
	unsigned int count;
	uint64_t last; /* the latest time of a record */
	struct census_caller *others;
};

/* Who RECORD's caller is. */
void census_make_key(struct caller_key *ret, const struct reread *record);

/* Counts RECORD, of TIME; KEY: who its caller is. 0 or -ENOMEM. */
int census_take(struct census *census, const struct reread *record, uint64_t time);
int census_take_by(struct census *census, const struct caller_key *key, const struct reread *record,
		   uint64_t time);
void census_free(struct census *census);

/* Requests of CALLER in the minute that ends at NOW (ns since 1970). */
uint64_t census_rate(const struct census_caller *caller, uint64_t now);

/* Those in the second that is AGO seconds before NOW. */
uint32_t census_second(const struct census_caller *caller, uint64_t now, unsigned int ago);

/* Adds the [expected] rule that lets CALLER do what it did so far, for docs/configuration.md, the NUMBER-th one of a file: no two have
 * the same name. */
void census_add_rule(struct text *out, const struct census_caller *caller, unsigned int number);

/* Adds the [level] that tells less of what such rules expect. */
void census_add_level(struct text *out);

#endif
