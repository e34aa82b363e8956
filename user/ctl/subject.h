/* SPDX-License-Identifier: Apache-2.0 */
/* Of whom `callerctl who` tells: a process, a job, a login; what is known of it, and what it asked for. */
#ifndef CALLERD_SUBJECT_H
#define CALLERD_SUBJECT_H

#include "ctl/ctl.h"
#include "ctl/question.h"

enum subject_kind {
	SUBJECT_PROCESS,
	SUBJECT_BELOW, /* what came from a process */
	SUBJECT_JOB,
	SUBJECT_LOGIN,
	SUBJECT_TCP,
	SUBJECT_CONTAINER,
};

struct subject {
	enum subject_kind kind;
	struct text key;
	struct text title, facts;
	unsigned int known; /* how much of it .facts have */
	uint64_t records, requests, refused, first, last;
	enum finding_severity gravest;
	/* The last commands of it, as many as are to be shown. */
	struct errands *errands;
	struct errand *ring;
	unsigned int size, room;
	uint64_t held;
	const struct ctl *ctl;
};

/* KEY tells it from others of its KIND. NULL: no memory. Free with subject_free(). */
struct subject *subject_new(enum subject_kind kind, struct bytes key, const struct ctl *ctl);

/* NULL is fine. */
void subject_free(struct subject *subject);

bool subject_is(const struct subject *subject, enum subject_kind kind, struct bytes key);

/* What RECORD, or the agent, says of it. 0 or -ENOMEM. */
int subject_describe(struct subject *subject, const struct reread *record);

/* The same, and what it asked for, at TIME. */
int subject_take(struct subject *subject, const struct reread *record, uint64_t time);

/* Writes what is known of it, without what it asked for. */
void subject_show_facts(struct subject *subject, struct screen *screen, const char *standing);

/* Writes all of it. STANDING: what is to be said behind its name. */
void subject_show(struct subject *subject, struct screen *screen, const struct ctl *ctl,
		  const char *standing);

/* Of an entity id, BOOT-PID-START: the start; 0: it is none. */
uint64_t subject_start(struct bytes entity);

/* Whether two of them are of one boot of one host. */
bool subject_same_boot(struct bytes entity, struct bytes other);

/* 2026-11-30 15:00:00, or as UTC. */
void subject_put_time(char *to, size_t size, uint64_t time, bool utc);

#endif
