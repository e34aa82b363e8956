/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people and programs did, made of records. All that one process asked for in one go is one errand: the fifteen records of
 * a `docker run` are one line. An errand ends when its process was quiet for a while; what it does later is another errand.
 *
 * All texts are safe to print, and cut: records quote what hostile people wrote.
 */
#ifndef CALLERD_ERRAND_H
#define CALLERD_ERRAND_H

#include "base/clock.h"
#include "errand/verb.h"
#include "fields/reread.h"

#define ERRAND_ACTS 8	      /* of one errand that are told apart; more are counted */
#define ERRANDS_OPEN_MAX 1024 /* then the one that was quiet for longest ends */

enum errand_kind {
	ERRAND_CALLS,	/* requests of a process */
	ERRAND_REFUSED, /* the kernel did not let it connect */
	ERRAND_ACCESS,	/* who may use the engine was changed */
	ERRAND_ENGINE,	/* the engine by itself, or nobody that is known */
	ERRAND_AGENT,	/* callerd itself: started, lost something … */
};

enum act_result { ACT_UNKNOWN, ACT_OK, ACT_FAILED };

struct act {
	enum operation operation; /* as the record names it; OPERATION_NONE: none */
	enum errand_weight weight;
	enum finding_severity severity;
	enum act_result result;
	unsigned int status; /* of HTTP; 0: none */
	uint64_t count;	     /* of requests with these words */
	bool has_exit;	     /* of the container, or of the command in it */
	int64_t exit;
	const char *phrase; /* "created" */
	char object[96];    /* "web (busybox)"; empty: none */
	char id[16];	    /* of the object, how it begins; empty: not known */
	char detail[200];   /* the command in it; why it failed */
	char found[160];    /* what makes it dangerous; empty: nothing from medium on */
};

struct errand {
	enum errand_kind kind;
	enum finding_severity severity;
	bool expected;	      /* each of its requests is */
	bool later;	      /* only ends and consequences of what the process did before */
	bool repeated;	      /* only the number of what the process had asked for before */
	uint64_t first, last; /* ns since 1970 */
	uint64_t records, requests;
	char who[64]; /* alice (sudo), [watchtower] */
	/* With from where and which job it is; and in short: who_add_origin(). */
	char origin[160], brief[64];
	bool from; /* a record said from where */
	char program[40], command[256];
	char word[48]; /* the gravest finding, or the rule that expects it; empty: neither */
	unsigned int act_count;
	uint64_t more_acts;
	const struct act *main; /* the one to tell first; one of .acts, which are never none */
	struct act acts[ERRAND_ACTS]; /* nothing is in those behind the first .act_count */
};

struct errands;

/* TELL gets each errand once, when it is over. */
struct errands *errands_new(void *data, void (*tell)(void *data, const struct errand *errand));
void errands_free(struct errands *errands);

/* Takes over what RECORD read, which happened at TIME (ns since 1970). 0 or -ENOMEM. */
int errands_take(struct errands *errands, const struct reread *record, uint64_t time);

/* Ends the errands that were quiet for a while at NOW, the time of records; UINT64_MAX ends all. */
void errands_run(struct errands *errands, uint64_t now);

/* The act of ERRAND to tell first. */
const struct act *errand_main(const struct errand *errand);

/* Whether a reader of what goes on can do without it: what clients do by themselves, and how that of before has ended. */
bool errand_is_minor(const struct errand *errand);

/* Adds what ACT did, "ran web (busybox) ×2: FIRST; SECOND"; an empty part is left out. */
void errand_add_act(struct text *out, const struct act *act, const char *first, const char *second);

/* Whether nothing but looking was done, and nothing found. */
bool errand_only_looks(const struct errand *errand);

#endif
