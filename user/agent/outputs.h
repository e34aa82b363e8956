/* SPDX-License-Identifier: Apache-2.0 */
/* All outputs together: each record is written once in each format that somebody wants, and goes to those who want
 * it. */
#ifndef CALLERD_OUTPUTS_H
#define CALLERD_OUTPUTS_H

#include "agent/options.h"
#include "agent/output.h"

struct outputs;

/* Opens those that OPTIONS name. EXIT_OK; or the exit code, with a sentence in REASON. Free with outputs_close(). */
enum exit_code outputs_open(const struct options *options, const struct record_context *context,
			    struct outputs **ret, char *reason, size_t size);

/* Hands RECORD over. Never blocks. 0; -ENOMEM: somebody does not get it. */
int outputs_put(struct outputs *outputs, const struct record *record,
		const struct record_context *context);

/* Has what was handed over written soon. */
void outputs_flush(struct outputs *outputs);

/* Has files opened anew by their names. */
void outputs_reopen(struct outputs *outputs);

/* Whether one of them will never be read again. */
bool outputs_closed(const struct outputs *outputs);

/* Calls TELL for each change of what can be written. */
void outputs_news(struct outputs *outputs, void *data, void (*tell)(void *data, const char *text));

/* OUTPUT lost COUNT records of ACCOUNT; 0: it is not told whose. */
typedef void outputs_lost(void *data, const char *output, enum sink_loss reason, uint64_t account,
			  uint64_t count);

/* Adds up what was lost since the start, by reason; and calls LOST, where it is not NULL, for what each output lost
 * since the last such call, as soon as it can be told that itself. */
void outputs_losses(struct outputs *outputs, uint64_t totals[SINK_LOSS_COUNT], void *data,
		    outputs_lost *lost);

/* The most records that wait for one of them. */
uint64_t outputs_waiting(struct outputs *outputs);

/* How many there are, and their names and keys, for agent-started; valid until they are closed. */
unsigned int outputs_describe(const struct outputs *outputs, struct record_output ret[OUTPUTS_MAX]);

/* Writes what still waits, for at most MILLISECONDS each, closes all. Calls TELL for each that did not get all. */
void outputs_close(struct outputs *outputs, int milliseconds, void *data,
		   void (*tell)(void *data, const char *text));

#endif
