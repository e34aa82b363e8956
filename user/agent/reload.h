/* SPDX-License-Identifier: Apache-2.0 */
/* Another configuration while the agent runs. It is read, and its outputs are opened, beside the main loop; what is right
 * comes into force all at once, between two records, and of what is wrong nothing does. */
#ifndef CALLERD_RELOAD_H
#define CALLERD_RELOAD_H

#include "agent/options/options.h"
#include "agent/outputs.h"
#include "engine/engines.h"
#include "system/beside.h"

struct reload;

struct reload_options {
	int argc;
	char **argv;
	struct options *options; /* in force; what needs no restart is changed */
	struct outputs *outputs;
	struct engines *engines;
	const struct levels **levels; /* those in force */
	struct beside *beside;
	bool network; /* outputs to other hosts can be added */
	const struct record_context *context;
	void *data;
	void (*record)(void *data, struct record *record); /* takes an agent-reloaded */
	void (*message)(void *data, enum log_level level, const char *text);
	void (*told)(void *data); /* tells what waits: losses, and records that are counted */
	outputs_lost *lost;	  /* of an output that is no more */
};

/* OPTIONS's pointers must stay valid until reload_free(). 0 or -ENOMEM. */
int reload_new(const struct reload_options *options, struct reload **ret);

/* After the jobs. */
void reload_free(struct reload *reload);

/* Has the configuration read anew, once more where that is under way. */
void reload_ask(struct reload *reload, uint64_t now);

/* Whether a new configuration is being read. */
bool reload_is_waiting(const struct reload *reload);

#endif
