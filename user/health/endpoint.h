/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP on a Unix socket: GET /metrics, GET /healthz, GET /details, for `callerd bugreport`; POST /self-test, by root. Or, on
 * one of its own, whose readers may know more: GET /records, which is each record from then on, as a line of ECS; GET /who?pid=N,
 * which is what a process is. A
 * thread of its own serves it, slowly rather than at the expense of records: a few connections at once, fewer of one user,
 * some of which are left to root, each for some seconds. What it serves, the loop publishes when it is asked for, once a second at most.
 */
#ifndef CALLERD_ENDPOINT_H
#define CALLERD_ENDPOINT_H

#include <sys/types.h>

#include "base/text.h"

struct endpoint;

/* Listens on PATH, which is then root's; GROUP may connect, too, unless it is (gid_t)-1. RECORDS: it serves these and /who alone. 0, or
 * -errno with a sentence in WHY. Free with endpoint_close(). */
int endpoint_open(const char *path, gid_t group, bool records, struct endpoint **ret, char *why,
		  size_t size);
void endpoint_close(struct endpoint *endpoint);

/* Whether somebody waits for endpoint_publish(). NULL is fine. */
bool endpoint_wants(const struct endpoint *endpoint);

/* Takes over METRICS; HEALTH, which begins with what is wrong, unless HEALTHY; and DETAILS. */
void endpoint_publish(struct endpoint *endpoint, struct text *metrics, struct text *health,
		      bool healthy, struct text *details);

/* Whether a self-test was asked for since the last call. NULL is fine. */
bool endpoint_take_test(struct endpoint *endpoint);

/* Answers those who wait for a self-test. REPORT: for a person, a line for each part. */
void endpoint_tested(struct endpoint *endpoint, const char *report, bool passed);

/* Whether somebody reads records: else they need not be written. NULL is fine. */
bool endpoint_watched(const struct endpoint *endpoint);

/* Gives LINES, whole ones, to those who read records. Who is a MiB behind is cut off. */
void endpoint_put(struct endpoint *endpoint, struct bytes lines);

/* Somebody wants to know what the process PID is. */
struct endpoint_question {
	uint64_t number;
	unsigned int client;
	uint32_t pid;
	bool root; /* root asks */
};

/* Takes the next one; OTHERS: also of others than root, whose turns change. False: there is none. NULL is fine. */
bool endpoint_take_question(struct endpoint *endpoint, bool others, struct endpoint_question *ret);

/* Answers it, if whoever asked still waits. STATUS: of HTTP. */
void endpoint_answer(struct endpoint *endpoint, const struct endpoint_question *question,
		     int status, struct bytes body);

/* Asks the agent that listens on PATH for records. A descriptor, from which the answer comes with its head; -errno. */
int endpoint_watch(const char *path);

/* Adds to BODY what the agent that listens on PATH answers to a GET of TARGET. 0 or -errno. */
int endpoint_ask(const char *path, const char *target, struct text *body);

/* Adds to BODY what the agent that listens on PATH says of the process PID, a line of ECS. 0 or -errno; *STATUS: 200, 410 where it has
 * ended meanwhile, 404 where there is none, or another one of HTTP. */
int endpoint_ask_who(const char *path, uint32_t pid, int *status, struct text *body);

/* Has the agent that listens on PATH test itself. Its answer is added to REPORT: 0, or -EIO where the test failed; another
 * -errno: there was no answer. */
int endpoint_ask_test(const char *path, struct text *report);

#endif
