/* SPDX-License-Identifier: Apache-2.0 */
/* All outputs together. A record is written once in each format that is needed, and goes to each output that takes it. */
#ifndef CALLERD_OUTPUTS_H
#define CALLERD_OUTPUTS_H

#include "agent/options/options.h"
#include "agent/options/output.h"

struct outputs;

/* Opens the outputs that OPTIONS name. EXIT_OK; or the exit code, with a sentence in REASON. Free with outputs_close(). */
enum exit_code outputs_open(const struct options *options, const struct record_context *context,
			    struct outputs **ret, char *reason, size_t size);

/* Whether one of OUTPUTS goes to another host. */
bool outputs_use_network(const struct outputs *outputs);

/* OUTPUT lost COUNT records of ACCOUNT; 0: the account is not known. */
typedef void outputs_lost(void *data, const char *output, enum sink_loss reason, uint64_t account,
			  uint64_t count);

/* Another set of outputs. What it has in common with the one that runs goes on as it is; what is new is opened while the old
 * set still gets all records. */
struct outputs_plan;

/* A plan that knows which outputs run. NETWORK: a new one may go to another host. 0 or -ENOMEM. */
int outputs_plan_new(const struct outputs *outputs, bool network, struct outputs_plan **ret);
void outputs_plan_free(struct outputs_plan *plan);

/* Opens the outputs of OPTIONS that do not run. May take its time, and may be called in a thread. 0, or -errno with a
 * sentence in REASON: nothing is to come of the plan. */
int outputs_plan_open(struct outputs_plan *plan, const struct options *options,
		      const struct record_context *context, char *reason, size_t size);

/* What of OPTIONS only a restart can open, behind LAST; NULL: nothing more. Where the place is in use, it runs as it was. */
const char *outputs_plan_next_restart(const struct outputs_plan *plan, const char *last);

/* Whether PLAN can take the place of OUTPUTS. 0, or -EEXIST with a sentence in REASON. */
int outputs_plan_check(const struct outputs *outputs, const struct outputs_plan *plan, char *reason,
		       size_t size);

/* OUTPUTS becomes what PLAN says: each record goes to the one set or to the other. *RET: those that are not in it any more.
 * 0 or -ENOMEM. */
struct outputs_removed;
int outputs_take(struct outputs *outputs, struct outputs_plan *plan, struct outputs_removed **ret);
bool outputs_removed_any(const struct outputs_removed *removed);

/* Writes what waits for them, for at most MILLISECONDS each, and closes them. May be called in a thread. */
void outputs_removed_close(struct outputs_removed *removed, int milliseconds);

/* Counts what they did not write, and calls LOST for it. */
void outputs_removed_end(struct outputs *outputs, struct outputs_removed *removed, void *data,
			 outputs_lost *lost);
void outputs_removed_free(struct outputs_removed *removed);

/* Hands RECORD to each output that takes it. Never blocks. 0; -ENOMEM: at least one output does not get it. */
int outputs_put(struct outputs *outputs, const struct record *record,
		const struct record_context *context);

/* Has the records that were handed over written soon. */
void outputs_flush(struct outputs *outputs);

/* Has log files opened anew by their names. */
void outputs_reopen(struct outputs *outputs);

/* Whether the reader of an output is gone for good. */
bool outputs_closed(const struct outputs *outputs);

/* Calls TELL with a sentence for each output that has begun to fail, or has ceased to. */
void outputs_news(struct outputs *outputs, void *data, void (*tell)(void *data, const char *text));

/* Sets TOTALS to the records lost since the start, by reason. Calls LOST, unless NULL, for each
 * output's losses since the last such call, except for an output that has no room for a
 * records-lost now. */
void outputs_losses(struct outputs *outputs, uint64_t totals[SINK_LOSS_COUNT], void *data,
		    outputs_lost *lost);

/* From now on TALLIES are those of these outputs. What they were is kept: those of an agent that was killed, perhaps. */
void outputs_inherit(struct outputs *outputs, struct callerd_output tallies[CALLERD_OUTPUTS_MAX]);

/* Reports by LOST what the outputs of that agent had not written. */
void outputs_tell_inherited(struct outputs *outputs, void *data, outputs_lost *lost);

/* How many records wait for the slowest output. */
uint64_t outputs_waiting(struct outputs *outputs);

/* Returns how many outputs there are. RET gets their names and keys, for agent-started: valid until outputs_close(). */
unsigned int outputs_describe(const struct outputs *outputs, struct record_output ret[OUTPUTS_MAX]);

/* How each output does. The texts are valid until the next call, and until the outputs change. */
unsigned int outputs_status(struct outputs *outputs, struct record_output ret[OUTPUTS_MAX]);

/* Where a record is on its way. */
struct outputs_mark {
	unsigned int count;
	struct outputs_place {
		char name[128];
		bool takes;
		uint64_t written,
			lost; /* what the sink will have written with it; had lost before it */
	} places[OUTPUTS_MAX];
};

/* To be called right before outputs_put(). */
void outputs_mark(struct outputs *outputs, const struct record *record,
		  const struct record_context *context, struct outputs_mark *ret);

/* Sets name and outcome of each output that the record goes to. Whether none waits with it any more. */
bool outputs_passed(struct outputs *outputs, const struct outputs_mark *mark,
		    struct record_output ret[OUTPUTS_MAX]);

/* Writes the records that still wait, for at most MILLISECONDS for each output, and closes all. Calls TELL for each output
 * that did not get all. */
void outputs_close(struct outputs *outputs, int milliseconds, void *data,
		   void (*tell)(void *data, const char *text));

#endif
