/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked for by `callerctl who`: a process, a container, an address, a job, or what has a name. */
#ifndef CALLERD_QUESTION_H
#define CALLERD_QUESTION_H

#include <stdint.h>

#include "base/bytes.h"

enum question_kind {
	QUESTION_OBJECT, /* a container, an image, a volume, a path … */
	QUESTION_CONTAINER,
	QUESTION_PID,
	QUESTION_IP,
	QUESTION_JOB,
	QUESTION_NUMBER, /* a process or a job, or the beginning of an id */
};

struct who_question {
	enum question_kind kind;
	uint32_t pid;	    /* 0: it is none */
	const char *system; /* of the job; NULL: any */
	/* Which of its ids is meant; none of both: any. */
	bool of_job, of_pipeline;
	char text[1024]; /* the name, the address as inet_ntop() writes it, the job */
};

/*
 * Reads COUNT ARGUMENTS: pid:4711, container:web, ip:10.1.2.3, job:4711; "gitlab 4711", "gitlab job 4711", "gitlab pipeline 99";
 * https://… is a job, 10.1.2.3 and fd00::1 are addresses, what has digits alone is a number, all else a name. 0, or -EINVAL.
 */
int question_parse(const char *const *arguments, unsigned int count, struct who_question *ret);

/* Whether the job that these are of is meant. */
bool question_is_job(const struct who_question *question, struct bytes system,
		     struct bytes pipeline, struct bytes job, struct bytes url);

#endif
