/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people and programs did, made of records. All that one process asked for in one go is one deed: the fifteen records of
 * a `docker run` are one line. A deed ends when its process was quiet for a while; what it does later is another deed.
 *
 * All texts are safe to print, and cut: records quote what hostile people wrote.
 */
#ifndef CALLERD_DEED_H
#define CALLERD_DEED_H

#include "base/clock.h"
#include "deed/verb.h"
#include "fields/reread.h"

#define DEED_ACTS 8	     /* of one deed that are told apart; more are counted */
#define DEEDS_OPEN_MAX 1024 /* then the one that was quiet for longest ends */

enum deed_kind {
	DEED_CALLS,   /* requests of a process */
	DEED_REFUSED, /* the kernel did not let it connect */
	DEED_ACCESS,  /* who may use the engine was changed */
	DEED_ENGINE,  /* the engine by itself, or nobody that is known */
	DEED_AGENT,   /* callerd itself: started, lost something … */
};

enum act_result { ACT_UNKNOWN, ACT_OK, ACT_FAILED };

struct act {
	enum operation operation; /* as the record names it; OPERATION_NONE: none */
	enum deed_weight weight;
	enum finding_severity severity;
	enum act_result result;
	unsigned int status;   /* of HTTP; 0: none */
	uint64_t count;	       /* of requests with these words */
	bool ran;	       /* created and started */
	bool has_exit;	       /* of the container, or of the command in it */
	int64_t exit;
	uint64_t time;	       /* ns since 1970: of its first record */
	uint64_t sequence;     /* of that record; 0: it has none */
	const char *phrase;    /* "created" */
	char object[96];       /* "web (busybox)"; empty: none */
	char id[16];	       /* of the object, how it begins; empty: not known */
	char detail[200];      /* the command in it; why it failed */
	char found[160];       /* what makes it dangerous; empty: nothing from medium on */
};

struct deed {
	enum deed_kind kind;
	enum finding_severity severity;
	bool expected;		  /* each of its requests is */
	bool later;		  /* only ends and consequences of what the process did before */
	uint64_t first, last;	  /* ns since 1970 */
	uint64_t records, requests, failures;
	char who[64];		  /* alice (sudo), [watchtower] */
	char user[40], container[40], unit[64];
	char program[40], command[256];
	char word[48];		  /* the gravest finding, or the rule that expects it; empty: neither */
	struct act acts[DEED_ACTS];
	unsigned int act_count;
	uint64_t more_acts;
	const struct act *main;	  /* the one to tell first; one of .acts, which are never none */
};

struct deeds;

/* TELL gets each deed once, when it is over. */
struct deeds *deeds_new(void *data, void (*tell)(void *data, const struct deed *deed));
void deeds_free(struct deeds *deeds);

/* Takes over what RECORD read, which happened at TIME (ns since 1970). 0 or -ENOMEM. */
int deeds_take(struct deeds *deeds, const struct reread *record, uint64_t time);

/* Ends the deeds that were quiet for a while at NOW, the time of records; UINT64_MAX ends all. */
void deeds_run(struct deeds *deeds, uint64_t now);

/* Whether nothing but looking was done, and nothing found. */
bool deed_only_looks(const struct deed *deed);

#endif
