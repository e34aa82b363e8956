// SPDX-License-Identifier: Apache-2.0
#include "agent/outputs.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "output/caller_line.h"
#include "record/view.h"

#define REASON_SIZE 512

/* One output. A sink lives as long as the configuration asks for the same; which records it takes, and in which form, may
 * change meanwhile. */
struct outputs_one {
	char *spec;	      /* as it was asked for last */
	struct output wanted; /* the same; its sink options are those of .opened */
	struct output opened; /* what the sink was opened with, which borrows from it */
	struct sink *sink;
	struct callerd_output *tally; /* NULL: none was free */
	uint64_t told[SINK_LOSS_COUNT];
	unsigned int from; /* of a plan: the index of the running output that stays, or NEW */
};

#define NEW UINT_MAX

struct outputs {
	struct outputs_one all[OUTPUTS_MAX];
	unsigned int count;
	uint64_t gone[SINK_LOSS_COUNT];			   /* lost by outputs that are no more */
	struct callerd_output *tallies;			   /* those without a name are free */
	struct callerd_output before[CALLERD_OUTPUTS_MAX]; /* of an earlier agent */
	uint64_t killed; /* records that waited when that one was killed */
	struct text line;
	struct caller_lines *caller_lines; /* made when an output needs it */
	char troubles[OUTPUTS_MAX][300];   /* of outputs_status() */
};

struct outputs_plan {
	char *running[OUTPUTS_MAX]; /* the specs of the outputs that run */
	unsigned int running_count;
	struct outputs_one all[OUTPUTS_MAX];
	unsigned int count;
	bool network;	     /* sockets to other hosts can be made */
	struct text restart; /* the specs that only a restart can open, with NULs between */
};

struct outputs_removed {
	struct outputs_one all[OUTPUTS_MAX];
	uint64_t left[OUTPUTS_MAX];
	bool ended[OUTPUTS_MAX];
	unsigned int count;
};

/* --- tallies ---------------------------------------------------------------------------------- */

/* Those that run, and as many that are being closed. */
static_assert(2 * OUTPUTS_MAX <= CALLERD_OUTPUTS_MAX, "each output has its tally");

static void lend_tally(struct outputs *outputs, struct outputs_one *one)
{
	for (unsigned int i = 0; outputs->tallies && !one->tally && i < CALLERD_OUTPUTS_MAX; i++) {
		struct callerd_output *tally = &outputs->tallies[i];

		if (tally->name[0])
			continue;
		*tally = (struct callerd_output){0};
		snprintf(tally->name, sizeof(tally->name), "%s", sink_name(one->sink));
		one->tally = tally;
		sink_keep_tally(one->sink, tally);
	}
}

void outputs_inherit(struct outputs *outputs, struct callerd_output tallies[CALLERD_OUTPUTS_MAX])
{
	memcpy(outputs->before, tallies, sizeof(outputs->before));
	memset(tallies, 0, sizeof(outputs->before));
	outputs->tallies = tallies;
	for (unsigned int i = 0; i < outputs->count; i++)
		lend_tally(outputs, &outputs->all[i]);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* ENDED: what sink_close() returned. A thread that hangs still uses what the sink was opened with. */
static void outputs_free_one(struct outputs_one *one, bool ended)
{
	if (ended)
		output_free(&one->opened);
	output_free(&one->wanted);
	free(one->spec);
	one->spec = NULL;
	one->sink = NULL;
}

static void outputs_drop_one(struct outputs_one *one)
{
	uint64_t left;

	outputs_free_one(one, sink_close(one->sink, 0, &left));
}

/* Closes the sinks of COUNT outputs at ALL, for MILLISECONDS together. */
static void outputs_close_sinks(const struct outputs_one *all, unsigned int count, int milliseconds,
				uint64_t *left, bool *ended)
{
	struct sink *sinks[OUTPUTS_MAX];

	for (unsigned int i = 0; i < count; i++)
		sinks[i] = all[i].sink;
	sink_close_all(sinks, count, milliseconds, left, ended);
}

/* Whether SINK writes to the file of one of the COUNT outputs at ALL. */
static bool writes_to_same(const struct sink *sink, const struct outputs_one *all,
			   unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (all[i].sink && sink_same_file(all[i].sink, sink))
			return true;
	return false;
}

static int refuse_same(const char *spec, char *reason, size_t size)
{
	snprintf(reason, size, "cannot write %s: another output writes to this file, given twice",
		 spec);
	return -EEXIST;
}

/* Sets what SPEC says, but for the sink. */
static int outputs_parse_one(const char *spec, bool human, struct outputs_one *ret, char *reason,
			     size_t size)
{
	ret->spec = strdup(spec);
	if (!ret->spec)
		return -ENOMEM;
	return output_parse(spec, human, &ret->wanted, reason, size);
}

/* Opens the sink of ONE, which was parsed. */
static int outputs_open_one(struct outputs_one *one, bool human,
			    const struct record_context *context, char *reason, size_t size)
{
	int error = output_parse(one->spec, human, &one->opened, reason, size);

	one->opened.sink.host_name = context->host_name;
	one->opened.sink.host_id = context->host_id;
	one->opened.sink.run_id = context->run_id;
	one->opened.sink.version = context->agent_version;
	return error ?: sink_open(&one->opened.sink, &one->sink, reason, size);
}

enum exit_code outputs_open(const struct options *options, const struct record_context *context,
			    struct outputs **ret, char *reason, size_t size)
{
	struct outputs *outputs = calloc(1, sizeof(*outputs));
	int error = outputs ? 0 : -ENOMEM;

	reason[0] = '\0';
	for (unsigned int i = 0; !error && i < options->output_count; i++) {
		struct outputs_one *one = &outputs->all[i];
		const char *spec = options->outputs[i];

		error = outputs_parse_one(spec, options->human, one, reason, size)
				?: outputs_open_one(one, options->human, context, reason, size);
		outputs->count++;
		if (!error && writes_to_same(one->sink, outputs->all, i))
			error = refuse_same(spec, reason, size);
	}
	if (!error) {
		*ret = outputs;
		return EXIT_OK;
	}
	if (!reason[0])
		snprintf(reason, size, "cannot open the outputs: %s", strerror(-error));
	outputs_close(outputs, 0, NULL, NULL);
	return error == -EINVAL ? EXIT_USAGE : EXIT_OUTPUT;
}

/* --- another configuration -------------------------------------------------------------------- */

static bool goes_elsewhere(const struct output *output)
{
	return output->sink.kind == SINK_SYSLOG && output->sink.transport != TRANSPORT_UNIX;
}

bool outputs_use_network(const struct outputs *outputs)
{
	for (unsigned int i = 0; i < outputs->count; i++)
		if (goes_elsewhere(&outputs->all[i].wanted))
			return true;
	return false;
}

int outputs_plan_new(const struct outputs *outputs, bool network, struct outputs_plan **ret)
{
	struct outputs_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return -ENOMEM;
	plan->network = network;
	for (unsigned int i = 0; i < outputs->count; i++) {
		plan->running[i] = strdup(outputs->all[i].spec);
		if (!plan->running[i]) {
			outputs_plan_free(plan);
			return -ENOMEM;
		}
		plan->running_count++;
	}
	*ret = plan;
	return 0;
}

void outputs_plan_free(struct outputs_plan *plan)
{
	if (!plan)
		return;
	for (unsigned int i = 0; i < plan->count; i++)
		outputs_drop_one(&plan->all[i]);
	for (unsigned int i = 0; i < plan->running_count; i++)
		free(plan->running[i]);
	text_free(&plan->restart);
	free(plan);
}

static bool is_planned(const struct outputs_plan *plan, unsigned int running)
{
	for (unsigned int i = 0; i < plan->count; i++)
		if (plan->all[i].from == running)
			return true;
	return false;
}

/* The running output that is the one of SPEC: by all that it says; or by all but what it takes and in which form; or by
 * its place alone. *SAME: it need not be opened anew for SPEC. NEW: there is none. */
static unsigned int find_running(const struct outputs_plan *plan, const char *spec, bool *same)
{
	unsigned int by_sink = NEW, by_place = NEW;

	*same = true;
	for (unsigned int i = plan->running_count; i-- > 0;) {
		const char *running = plan->running[i];

		if (is_planned(plan, i))
			continue;
		if (!strcmp(running, spec))
			return i;
		if (output_is_same_sink(running, spec))
			by_sink = i;
		else if (output_is_same_place(running, spec))
			by_place = i;
	}
	*same = by_sink != NEW || by_place == NEW;
	return by_sink != NEW ? by_sink : by_place;
}

static void leave_to_restart(struct outputs_plan *plan, const char *spec)
{
	text_add(&plan->restart, spec, strlen(spec) + 1);
}

/* Finds or opens the next output. */
static int plan_one(struct outputs_plan *plan, const char *spec, bool human,
		    const struct record_context *context, char *reason, size_t size)
{
	bool same;
	unsigned int from = find_running(plan, spec, &same);
	struct outputs_one *one = &plan->all[plan->count++];
	int error;

	one->from = from;
	if (!same) {
		leave_to_restart(plan, spec);
		spec = plan->running[from];
	}
	error = outputs_parse_one(spec, human, one, reason, size);
	if (!error && from == NEW && goes_elsewhere(&one->wanted) && !plan->network) {
		leave_to_restart(plan, spec);
		outputs_drop_one(one);
		*one = (struct outputs_one){0};
		plan->count--;
	} else if (!error && from == NEW)
		error = outputs_open_one(one, human, context, reason, size);
	return error ?: plan->restart.error;
}

int outputs_plan_open(struct outputs_plan *plan, const struct options *options,
		      const struct record_context *context, char *reason, size_t size)
{
	int error = 0;

	reason[0] = '\0';
	for (unsigned int i = 0; !error && i < options->output_count; i++)
		error = plan_one(plan, options->outputs[i], options->human, context, reason, size);
	if (error && !reason[0])
		snprintf(reason, size, "cannot open the outputs: %s", strerror(-error));
	return error;
}

const char *outputs_plan_next_restart(const struct outputs_plan *plan, const char *last)
{
	const char *next = last ? last + strlen(last) + 1 : plan->restart.data;

	return next && next < plan->restart.data + plan->restart.size ? next : NULL;
}

int outputs_plan_check(const struct outputs *outputs, const struct outputs_plan *plan, char *reason,
		       size_t size)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct outputs_one *one = &plan->all[i];

		if (one->sink && (writes_to_same(one->sink, plan->all, i) ||
				  writes_to_same(one->sink, outputs->all, outputs->count)))
			return refuse_same(one->spec, reason, size);
	}
	return 0;
}

/* Moves what stays of the running outputs into PLAN. */
static void keep_running(struct outputs *outputs, struct outputs_plan *plan)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		struct outputs_one *one = &plan->all[i], *old;

		if (one->from == NEW)
			continue;
		old = &outputs->all[one->from];
		one->opened = old->opened;
		one->sink = old->sink;
		one->tally = old->tally;
		memcpy(one->told, old->told, sizeof(one->told));
		output_free(&old->wanted);
		free(old->spec);
		*old = (struct outputs_one){0};
	}
}

int outputs_take(struct outputs *outputs, struct outputs_plan *plan, struct outputs_removed **ret)
{
	struct outputs_removed *removed = calloc(1, sizeof(*removed));

	if (!removed)
		return -ENOMEM;
	keep_running(outputs, plan);
	for (unsigned int i = 0; i < outputs->count; i++) {
		struct sink_stats stats;

		if (!outputs->all[i].sink)
			continue;
		sink_stats(outputs->all[i].sink, &stats);
		for (int reason = 0; reason < SINK_LOSS_COUNT; reason++)
			outputs->gone[reason] += stats.lost[reason];
		removed->all[removed->count++] = outputs->all[i];
	}
	memset(outputs->all, 0, sizeof(outputs->all));
	memcpy(outputs->all, plan->all, plan->count * sizeof(*plan->all));
	outputs->count = plan->count;
	plan->count = 0;
	for (unsigned int i = 0; i < outputs->count; i++)
		lend_tally(outputs, &outputs->all[i]);
	*ret = removed;
	return 0;
}

bool outputs_removed_any(const struct outputs_removed *removed)
{
	return removed->count;
}

void outputs_removed_close(struct outputs_removed *removed, int milliseconds)
{
	outputs_close_sinks(removed->all, removed->count, milliseconds, removed->left,
			    removed->ended);
}

void outputs_removed_end(struct outputs *outputs, struct outputs_removed *removed, void *data,
			 outputs_lost *lost)
{
	for (unsigned int i = 0; i < removed->count; i++) {
		outputs->gone[SINK_LOSS_FULL] += removed->left[i];
		if (removed->all[i].tally && removed->ended[i])
			removed->all[i].tally->name[0] = '\0';
		if (removed->left[i])
			lost(data, removed->all[i].opened.sink.name, SINK_LOSS_FULL, 0,
			     removed->left[i]);
	}
}

void outputs_removed_free(struct outputs_removed *removed)
{
	for (unsigned int i = 0; i < removed->count; i++)
		outputs_free_one(&removed->all[i], removed->ended[i]);
	free(removed);
}

CLEANUP_DEFINE(drop_entry, struct entry *, entry_unref)

/* --- records ---------------------------------------------------------------------------------- */

/* The account that RECORD is charged to; 0: none, as for records about the agent itself. */
static uint64_t account_of(const struct record *record)
{
	switch (record->action) {
	case RECORD_SOCKET_REFUSED:
		if (record->refused_count &&
		    !record->caller) /* the record sums up connects of several callers */
			return 0;
		/* fall through */
	case RECORD_SOCKET_CONNECTED:
	case RECORD_API_REQUEST:
	case RECORD_DOCKER_EVENT:
	case RECORD_SOCKET_CHANGED:
	case RECORD_ACCESS_CHANGED:
		return record->caller ? record->caller->account : record->account;
	default:
		return 0;
	}
}

/* Hands LINE of RECORD, which needs BEFORE if that is not NULL, to the outputs of TO. */
static int put_line(struct outputs *outputs, struct bytes line, struct entry *before,
		    const struct record *record, const struct record_context *context,
		    unsigned int to)
{
	struct entry *entry = entry_new(line.data, line.size);

	if (!entry)
		return -ENOMEM;
	entry->before = before ? entry_ref(before) : NULL;
	entry->time = record_time(context, record->time);
	entry->sequence = record->sequence;
	entry->action = (uint8_t)record->action;
	entry->account = account_of(record);
	entry->severity = (uint8_t)view_syslog_severity(view_severity(record));
	for (unsigned int i = 0; i < outputs->count; i++)
		if (to >> i & 1)
			sink_put(outputs->all[i].sink, entry);
	entry_unref(entry);
	return 0;
}

/* The line that the outputs of FORMAT need before RECORD, with a reference, and its id in ID; NULL: none. */
static struct entry *find_before(struct outputs *outputs, enum record_format format,
				 const struct record *record, const struct record_context *context,
				 char id[CALLER_LINE_ID_SIZE])
{
	if (format != FORMAT_ECS_REFERENCE ||
	    (!outputs->caller_lines && caller_line_new(&outputs->caller_lines)))
		return NULL;
	return caller_line_find(outputs->caller_lines, record, context, id);
}

static int put_in_format(struct outputs *outputs, enum record_format format,
			 const struct record *record, const struct record_context *context,
			 unsigned int to)
{
	char id[CALLER_LINE_ID_SIZE];
	_cleanup_(drop_entry) struct entry *before =
		find_before(outputs, format, record, context, id);
	struct record named;
	struct bytes rest, line;
	int error;

	if (before) {
		named = *record;
		named.caller_id = bytes_of(id);
		record = &named;
	}
	text_cut(&outputs->line, 0);
	error = format_write(format, record, context, &outputs->line);
	if (error) {
		text_free(&outputs->line);
		return error;
	}
	/* An entry each: a log's chain, a spool and syslog take line by line. */
	rest = text_since(&outputs->line, 0);
	while (!error && format_take_line(format, &rest, &line))
		error = put_line(outputs, line, before, record, context, to);
	return error;
}

int outputs_put(struct outputs *outputs, const struct record *record,
		const struct record_context *context)
{
	/* By format: a bit for each output that takes RECORD. */
	unsigned int to[RECORD_FORMATS] = {0};
	struct output_offer offer = {.record = record, .context = context};
	int error = 0;

	for (unsigned int i = 0; i < outputs->count; i++)
		if (output_takes(&outputs->all[i].wanted, &offer))
			to[outputs->all[i].wanted.format] |= 1u << i;
	output_offer_free(&offer);
	for (int format = 0; format < RECORD_FORMATS; format++)
		if (to[format])
			error = put_in_format(outputs, (enum record_format)format, record, context,
					      to[format])
					?: error;
	return error;
}

void outputs_flush(struct outputs *outputs)
{
	for (unsigned int i = 0; i < outputs->count; i++)
		sink_flush(outputs->all[i].sink);
}

void outputs_reopen(struct outputs *outputs)
{
	for (unsigned int i = 0; i < outputs->count; i++)
		sink_reopen(outputs->all[i].sink);
}

/* --- losses and the end ----------------------------------------------------------------------- */

bool outputs_closed(const struct outputs *outputs)
{
	for (unsigned int i = 0; i < outputs->count; i++)
		if (sink_is_closed(outputs->all[i].sink))
			return true;
	return false;
}

void outputs_news(struct outputs *outputs, void *data, void (*tell)(void *data, const char *text))
{
	char text[REASON_SIZE];

	for (unsigned int i = 0; i < outputs->count; i++)
		while (sink_news(outputs->all[i].sink, text, sizeof(text)))
			tell(data, text);
}

/* Reports the records that found no room in SINK, by account. */
static void tell_full(struct sink *sink, void *data, outputs_lost *lost)
{
	uint64_t account, count;

	while (sink_can_tell(sink) && sink_take_loss(sink, &account, &count)) {
		lost(data, sink_name(sink), SINK_LOSS_FULL, account, count);
		sink_settle(sink, count);
	}
}

void outputs_tell_inherited(struct outputs *outputs, void *data, outputs_lost *lost)
{
	for (unsigned int i = 0; i < CALLERD_OUTPUTS_MAX; i++) {
		struct callerd_output *before = &outputs->before[i];

		before->name[sizeof(before->name) - 1] = '\0';
		if (!before->name[0] || before->handed <= before->settled)
			continue;
		outputs->killed += before->handed - before->settled;
		lost(data, before->name, SINK_LOSS_KILLED, 0, before->handed - before->settled);
	}
}

void outputs_losses(struct outputs *outputs, uint64_t totals[SINK_LOSS_COUNT], void *data,
		    outputs_lost *lost)
{
	memcpy(totals, outputs->gone, sizeof(outputs->gone));
	totals[SINK_LOSS_KILLED] += outputs->killed;
	for (unsigned int i = 0; i < outputs->count; i++) {
		struct sink_stats stats;

		sink_stats(outputs->all[i].sink, &stats);
		for (int reason = 0; reason < SINK_LOSS_COUNT; reason++) {
			uint64_t count = stats.lost[reason] - outputs->all[i].told[reason];

			totals[reason] += stats.lost[reason];
			if (reason == SINK_LOSS_FULL || !count || !lost ||
			    !sink_can_tell(outputs->all[i].sink))
				continue;
			outputs->all[i].told[reason] = stats.lost[reason];
			lost(data, sink_name(outputs->all[i].sink), (enum sink_loss)reason, 0,
			     count);
		}
		if (lost)
			tell_full(outputs->all[i].sink, data, lost);
	}
}

uint64_t outputs_waiting(struct outputs *outputs)
{
	uint64_t most = 0;

	for (unsigned int i = 0; i < outputs->count; i++) {
		struct sink_stats stats;

		sink_stats(outputs->all[i].sink, &stats);
		if (stats.waiting > most)
			most = stats.waiting;
	}
	return most;
}

unsigned int outputs_describe(const struct outputs *outputs, struct record_output ret[OUTPUTS_MAX])
{
	for (unsigned int i = 0; i < outputs->count; i++)
		ret[i] = (struct record_output){
			.name = sink_name(outputs->all[i].sink),
			.seal_key = sink_seal_key(outputs->all[i].sink),
		};
	return outputs->count;
}

static uint64_t sum_lost(const struct sink_stats *stats)
{
	uint64_t lost = 0;

	for (int reason = 0; reason < SINK_LOSS_COUNT; reason++)
		lost += stats->lost[reason];
	return lost;
}

unsigned int outputs_status(struct outputs *outputs, struct record_output ret[OUTPUTS_MAX])
{
	for (unsigned int i = 0; i < outputs->count; i++) {
		struct sink *sink = outputs->all[i].sink;
		char *trouble = outputs->troubles[i];
		struct sink_stats stats;

		sink_stats(sink, &stats);
		ret[i] = (struct record_output){
			.name = sink_name(sink),
			.waiting = stats.waiting,
			.written = stats.written,
		};
		ret[i].lost = sum_lost(&stats);
		if (sink_trouble(sink, trouble, sizeof(outputs->troubles[i])))
			ret[i].trouble = trouble;
	}
	return outputs->count;
}

void outputs_mark(struct outputs *outputs, const struct record *record,
		  const struct record_context *context, struct outputs_mark *ret)
{
	struct output_offer offer = {.record = record, .context = context};

	ret->count = outputs->count;
	for (unsigned int i = 0; i < outputs->count; i++) {
		struct outputs_place *place = &ret->places[i];
		struct sink *sink = outputs->all[i].sink;
		struct sink_stats before, after;

		/* What is written in between counts twice: that is too late, not too early. */
		sink_stats(sink, &before);
		sink_stats(sink, &after);
		snprintf(place->name, sizeof(place->name), "%s", sink_name(sink));
		place->takes = output_takes(&outputs->all[i].wanted, &offer);
		place->written = before.waiting + after.written + 1;
		place->lost = sum_lost(&after);
	}
	output_offer_free(&offer);
}

static const char *outcome_at(struct outputs *outputs, unsigned int index,
			      const struct outputs_place *place)
{
	struct sink_stats stats;
	char name[sizeof(place->name)] = "";

	if (!place->takes)
		return "filtered";
	if (index < outputs->count)
		snprintf(name, sizeof(name), "%s", sink_name(outputs->all[index].sink));
	if (strcmp(name, place->name) != 0)
		return "removed";
	sink_stats(outputs->all[index].sink, &stats);
	if (sum_lost(&stats) != place->lost)
		return "lost";
	return !stats.waiting || stats.written >= place->written ? "written" : "waiting";
}

bool outputs_passed(struct outputs *outputs, const struct outputs_mark *mark,
		    struct record_output ret[OUTPUTS_MAX])
{
	bool all = true;

	for (unsigned int i = 0; i < mark->count; i++) {
		ret[i] = (struct record_output){
			.name = mark->places[i].name,
			.outcome = outcome_at(outputs, i, &mark->places[i]),
		};
		all &= strcmp(ret[i].outcome, "waiting") != 0;
	}
	return all;
}

void outputs_close(struct outputs *outputs, int milliseconds, void *data,
		   void (*tell)(void *data, const char *text))
{
	bool closed[OUTPUTS_MAX], ended[OUTPUTS_MAX];
	uint64_t left[OUTPUTS_MAX];
	char text[REASON_SIZE];

	if (!outputs)
		return;
	for (unsigned int i = 0; i < outputs->count; i++)
		closed[i] = outputs->all[i].sink && sink_is_closed(outputs->all[i].sink);
	outputs_close_sinks(outputs->all, outputs->count, milliseconds, left, ended);
	for (unsigned int i = 0; i < outputs->count; i++) {
		struct outputs_one *one = &outputs->all[i];

		snprintf(text, sizeof(text), "%llu records were not written to %s",
			 (unsigned long long)left[i], one->opened.sink.name ?: "an output");
		if (left[i] && tell && !closed[i])
			tell(data, text);
		outputs_free_one(one, ended[i]);
	}
	text_free(&outputs->line);
	caller_line_free(outputs->caller_lines);
	free(outputs);
}
