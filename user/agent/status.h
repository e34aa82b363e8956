/* SPDX-License-Identifier: Apache-2.0 */
/* How the agent does: gathered from its parts, told in agent-status records, as metrics and by /healthz. */
#ifndef CALLERD_STATUS_H
#define CALLERD_STATUS_H

#include "agent/losses.h"
#include "agent/outputs.h"
#include "agent/self_test.h"
#include "conversation/tracker.h"
#include "engine/engines.h"
#include "finder/finder.h"
#include "health/health.h"
#include "kernel/capture.h"
#include "login/logins.h"
#include "system/beside.h"

struct status;
struct endpoint;

struct status_options {
	const struct options *options;
	const struct record_context *context;
	struct capture *capture;
	struct tracker *tracker;
	struct engines *engines;
	struct finder *const *finder; /* it is made later */
	struct outputs *outputs;
	struct beside *beside;
	const struct logins *logins;
	const struct losses *losses;
	struct self_test *self_test;
	const char *backend_reason;
};

/* Opens what OPTIONS ask for: the metrics' file and socket. All but OPTIONS itself must stay until status_free(). 0, or
 * -errno with a sentence in WHY. */
int status_new(const struct status_options *options, struct status **ret, char *why, size_t size);

/* After the jobs. */
void status_free(struct status *status);

/* Counts a record of ACTION. */
void status_count(struct status *status, enum record_action action);

/* Gives RECORD to those who watch at the control socket. */
void status_show(struct status *status, const struct record *record);

/* The control socket; NULL: there is none. */
struct endpoint *status_control(struct status *status);

/* Counts a record that tells so much. */
void status_count_level(struct status *status, enum record_level level);

/* How many records were folded, and into how many, since the start. */
void status_note_folded(struct status *status, uint64_t folded, uint64_t into);

/* Counts an event of the kernel programs. */
void status_count_event(struct status *status);

/* Keeps the last losses that were told. */
void status_note_loss(struct status *status, const char *reason, uint64_t count);

/* Looks at all parts, and publishes what is asked for. About once a second; TELL gets what a person is to know. */
void status_run(struct status *status, uint64_t now, void *data,
		void (*tell)(void *data, const char *text));

/* Whether somebody at the socket asked for a self-test since the last call. */
bool status_take_request(struct status *status);

/* A self-test ended. */
void status_tested(struct status *status, const struct self_test_result *result);

/* Hands an agent-status or an agent-stopped to RECORD. */
void status_tell(struct status *status, enum record_action action, void *data,
		 void (*record)(void *data, struct record *record));

#endif
