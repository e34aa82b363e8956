/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks polkitd what it lets somebody do. Its rules are programs: what they say can be asked, not read. Whose password it would ask for
 * it tells an authentication agent, which this is for the time of a question: it gives no password, and starts nothing that asks for one.
 */
#ifndef CALLERD_ACCESS_POLKIT_H
#define CALLERD_ACCESS_POLKIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ACCESS_POLKIT_DETAILS 3

enum access_polkit_answer {
	POLKIT_UNKNOWN,
	POLKIT_NO,	     /* also by somebody else's password */
	POLKIT_OWN_PASSWORD, /* by his own */
	POLKIT_YES,	     /* without one */
};

/* A process of the user who is asked for. */
struct access_subject {
	pid_t pid;
	uint32_t uid;
	uint64_t start; /* clock ticks */
};

struct access_question {
	const char *action;
	/* What rules may look at: a name, a value; names NULL: no more. */
	const char *details[ACCESS_POLKIT_DETAILS][2];
};

struct access_polkit;

/* NULL: polkitd does not answer, or this cannot talk to it, and why not in WHY. Gives TAKE each action that it knows, with the program that
 * pkexec runs by it, if it is of one. */
struct access_polkit *access_polkit_open(const char **why, void *data,
					 void (*take)(void *data, const char *action,
						      const char *program));
void access_polkit_close(struct access_polkit *polkit);

enum access_polkit_answer access_polkit_ask(struct access_polkit *polkit,
					    const struct access_subject *subject,
					    const struct access_question *question);

/* When no more is asked of SUBJECT. */
void access_polkit_leave(struct access_polkit *polkit, const struct access_subject *subject);

#endif
