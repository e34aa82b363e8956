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

/* OUTPUT lost COUNT records of ACCOUNT; 0: the account is not known. */
typedef void outputs_lost(void *data, const char *output, enum sink_loss reason, uint64_t account,
			  uint64_t count);

/* Sets TOTALS to the records lost since the start, by reason. Calls LOST, unless NULL, for each
 * output's losses since the last such call, except for an output that has no room for a
 * records-lost now. */
void outputs_losses(struct outputs *outputs, uint64_t totals[SINK_LOSS_COUNT], void *data,
		    outputs_lost *lost);

/* How many records wait for the slowest output. */
uint64_t outputs_waiting(struct outputs *outputs);

/* Returns how many outputs there are. RET gets their names and keys, for agent-started: valid until outputs_close(). */
unsigned int outputs_describe(const struct outputs *outputs, struct record_output ret[OUTPUTS_MAX]);

/* Writes the records that still wait, for at most MILLISECONDS for each output, and closes all. Calls TELL for each output
 * that did not get all. */
void outputs_close(struct outputs *outputs, int milliseconds, void *data,
		   void (*tell)(void *data, const char *text));

#endif
