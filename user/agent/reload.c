// SPDX-License-Identifier: Apache-2.0
#include "agent/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/options/doubts.h"
#include "base/clock.h"
#include "broker/broker.h"
#include "system/notify.h"

#define ACCOUNT (UINT64_MAX - 2000) /* of no user */
#define READ_PATIENCE (60 * NS_PER_S)
#define CLOSE_MILLISECONDS 10000 /* for an output that is no more to write what waits */
#define CLOSE_PATIENCE (240 * NS_PER_S)
#define RESTARTS_MAX (64 + OUTPUTS_MAX)

struct reload {
	struct reload_options options;
	struct options current; /* the last that was read; owns what is in force */
	bool reading, again;
};

/* The thread owns all but the head until it is done. */
struct reading {
	struct job job;
	struct reload *reload; /* for the loop */
	int argc;
	char **argv;
	const struct record_context *context;
	struct options options;
	struct outputs_plan *plan;
	struct text doubts; /* sentences, with NULs between */
	int error;
	char why[OPTIONS_WHY_SIZE];
};

struct closing {
	struct job job;
	struct reload *reload;
	struct outputs_removed *removed;
};

/* --- reading, in a thread --------------------------------------------------------------------- */

static void keep_doubt(void *data, const char *doubt)
{
	text_add(data, doubt, strlen(doubt) + 1);
}

static void read_configuration(struct job *job)
{
	struct reading *reading = (struct reading *)job;

	/* What the broker refuses then is told where it is opened. */
	broker_reload();
	reading->error = options_read(reading->argc, reading->argv, &reading->options,
				      (struct setting_why){reading->why, sizeof(reading->why)});
	if (reading->error)
		return;
	doubts_tell(&reading->options, &reading->doubts, keep_doubt);
	reading->error = outputs_plan_open(reading->plan, &reading->options, reading->context,
					   reading->why, sizeof(reading->why));
}

static void free_reading(struct job *job)
{
	struct reading *reading = (struct reading *)job;

	outputs_plan_free(reading->plan);
	options_free(&reading->options);
	text_free(&reading->doubts);
	free(reading);
}

/* --- what was removed ------------------------------------------------------------------------- */

static void close_removed(struct job *job)
{
	outputs_removed_close(((struct closing *)job)->removed, CLOSE_MILLISECONDS);
}

static void end_closing(struct job *job, bool came, void *data)
{
	struct closing *closing = (struct closing *)job;
	const struct reload_options *options = &closing->reload->options;

	(void)data;
	if (came)
		outputs_removed_end(options->outputs, closing->removed, options->data,
				    options->lost);
	else
		options->message(options->data, LOG_LEVEL_WARNING,
				 "an output that was removed did not write all in time");
}

static void free_closing(struct job *job)
{
	outputs_removed_free(((struct closing *)job)->removed);
	free(job);
}

/* --- what is told ----------------------------------------------------------------------------- */

static void reload_say(struct reload *reload, enum log_level level, const char *what,
		       const char *detail)
{
	char text[OPTIONS_WHY_SIZE + 128];

	snprintf(text, sizeof(text), "%s%s", what, detail);
	reload->options.message(reload->options.data, level, text);
}

/* The manager is told of the begin and of the end. */
static void tell_manager(bool reloading)
{
	char state[80];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)clock_now(CLOCK_MONOTONIC) / 1000);
	notify_send(reloading ? state : "READY=1");
}

static void refuse_configuration(struct reload *reload, const char *why)
{
	struct record record = {
		.action = RECORD_AGENT_RELOADED,
		.time = clock_now(CLOCK_BOOTTIME),
		.reload_refused = why,
	};

	reload_say(reload, LOG_LEVEL_ERROR,
		   "the new configuration is refused, and the old one stays in force: ", why);
	reload->options.record(reload->options.data, &record);
	tell_manager(false);
}

/* Fills LIST, up to NULL, with what of READING has to wait for a restart. */
static void list_restarts(const struct reload *reload, const struct reading *reading,
			  const char *list[RESTARTS_MAX + 1])
{
	const struct setting *setting = NULL;
	const char *spec = NULL;
	unsigned int count = 0;

	while (count < RESTARTS_MAX && (setting = options_next_restart(reload->options.options,
								       &reading->options, setting)))
		list[count++] = setting->name;
	while (count < RESTARTS_MAX && (spec = outputs_plan_next_restart(reading->plan, spec)))
		list[count++] = spec;
	list[count] = NULL;
}

static void tell_reloaded(struct reload *reload, const char *const *restarts)
{
	struct record_output outputs[OUTPUTS_MAX];
	struct record record = {
		.action = RECORD_AGENT_RELOADED,
		.time = clock_now(CLOCK_BOOTTIME),
		.outputs = outputs,
		.output_count = outputs_describe(reload->options.outputs, outputs),
		.reload_restart = restarts,
	};

	for (; *restarts; restarts++)
		reload_say(reload, LOG_LEVEL_WARNING,
			   "only a restart brings into force what the configuration says now of ",
			   *restarts);
	reload->options.record(reload->options.data, &record);
	tell_manager(false);
}

/* --- taking it over --------------------------------------------------------------------------- */

/* Takes over what needs no restart. */
static void take_options(struct reload *reload, struct reading *reading)
{
	struct options *options = reload->options.options;

	options->human = reading->options.human;
	options->log_level = reading->options.log_level;
	options->status_interval = reading->options.status_interval;
	options->full_from = reading->options.full_from;
	*reload->options.levels = reading->options.levels;
	options->fold = reading->options.fold;
	engines_set_policy(reload->options.engines, reading->options.policy);
	options_free(&reload->current);
	reload->current = reading->options;
	reading->options = (struct options){0};
}

/* Has what CLOSING removed closed. What cannot be closed now goes on writing what waits. */
static void begin_closing(struct reload *reload, struct closing *closing)
{
	closing->job = (struct job){
		.run = close_removed,
		.done = end_closing,
		.free = free_closing,
		.account = ACCOUNT,
		.patience = CLOSE_PATIENCE,
	};
	closing->reload = reload;
	if (!outputs_removed_any(closing->removed))
		free_closing(&closing->job);
	else if (beside_put(reload->options.beside, &closing->job, clock_now(CLOCK_BOOTTIME)))
		reload_say(reload, LOG_LEVEL_WARNING, "an output that was removed stays open", "");
}

static void take_configuration(struct reload *reload, struct reading *reading)
{
	const struct reload_options *options = &reload->options;
	const char *restarts[RESTARTS_MAX + 1];
	struct closing *closing = calloc(1, sizeof(*closing));

	options->told(options->data); /* an output that goes is told what it lost */
	if (!closing || outputs_take(options->outputs, reading->plan, &closing->removed)) {
		free(closing);
		refuse_configuration(reload, strerror(ENOMEM));
		return;
	}
	list_restarts(reload, reading, restarts);
	take_options(reload, reading);
	tell_reloaded(reload, restarts);
	begin_closing(reload, closing);
}

static void tell_doubts(struct reload *reload, const struct text *doubts)
{
	for (size_t at = 0; at < doubts->size; at += strlen(doubts->data + at) + 1)
		reload_say(reload, LOG_LEVEL_WARNING, "", doubts->data + at);
}

static void reload_end_reading(struct job *job, bool came, void *data)
{
	struct reading *reading = (struct reading *)job;
	struct reload *reload = reading->reload;
	char why[512];

	(void)data;
	reload->reading = false;
	if (!came) {
		refuse_configuration(reload, "it was not read in time");
	} else if (reading->error) {
		refuse_configuration(reload, reading->why);
	} else if (outputs_plan_check(reload->options.outputs, reading->plan, why, sizeof(why))) {
		refuse_configuration(reload, why);
	} else {
		tell_doubts(reload, &reading->doubts);
		take_configuration(reload, reading);
	}
	if (reload->again)
		reload_ask(reload, clock_now(CLOCK_BOOTTIME));
}

/* --- for the agent ---------------------------------------------------------------------------- */

void reload_ask(struct reload *reload, uint64_t now)
{
	const struct reload_options *options = &reload->options;
	struct reading *reading;

	reload->again = reload->reading;
	if (reload->reading)
		return;
	tell_manager(true);
	reading = calloc(1, sizeof(*reading));
	if (!reading || outputs_plan_new(options->outputs, options->network, &reading->plan)) {
		free(reading);
		refuse_configuration(reload, strerror(ENOMEM));
		return;
	}
	reading->job = (struct job){
		.run = read_configuration,
		.done = reload_end_reading,
		.free = free_reading,
		.account = ACCOUNT,
		.patience = READ_PATIENCE,
	};
	reading->reload = reload;
	reading->argc = options->argc;
	reading->argv = options->argv;
	reading->context = options->context;
	reload->reading = !beside_put(options->beside, &reading->job, now);
	if (!reload->reading) {
		free_reading(&reading->job);
		refuse_configuration(reload, "an earlier one is still being read");
	}
}

bool reload_is_waiting(const struct reload *reload)
{
	return reload->reading;
}

int reload_new(const struct reload_options *options, struct reload **ret)
{
	struct reload *reload = calloc(1, sizeof(*reload));

	if (!reload)
		return -ENOMEM;
	reload->options = *options;
	*ret = reload;
	return 0;
}

void reload_free(struct reload *reload)
{
	if (!reload)
		return;
	options_free(&reload->current);
	free(reload);
}
