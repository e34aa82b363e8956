// SPDX-License-Identifier: Apache-2.0
#include "agent/outputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "record/view.h"

#define REASON_SIZE 512

struct outputs {
	struct output all[OUTPUTS_MAX]; /* the settings of each sink, at the same index */
	struct sink *sinks[OUTPUTS_MAX];
	uint64_t told[OUTPUTS_MAX][SINK_LOSS_COUNT];
	unsigned int count;
	struct text line;
};

/* --- opening ---------------------------------------------------------------------------------- */

/* Whether another sink writes to the file of the last one. */
static bool has_file_of_last(const struct outputs *outputs)
{
	unsigned int last = outputs->count - 1;

	for (unsigned int i = 0; i < last; i++)
		if (sink_same_file(outputs->sinks[i], outputs->sinks[last]))
			return true;
	return false;
}

/* Opens the output that SPEC describes, as the next in OUTPUTS. */
static int outputs_open_one(struct outputs *outputs, const char *spec, bool human,
			    const struct record_context *context, char *reason, size_t size)
{
	struct output *output = &outputs->all[outputs->count];
	int error = output_parse(spec, human, output, reason, size);

	output->sink.host_name = context->host_name;
	output->sink.run_id = context->run_id;
	output->sink.version = context->agent_version;
	if (!error)
		error = sink_open(&output->sink, &outputs->sinks[outputs->count], reason, size);
	if (error)
		output_free(output);
	else
		outputs->count++;
	return error;
}

enum exit_code outputs_open(const struct options *options, const struct record_context *context,
			    struct outputs **ret, char *reason, size_t size)
{
	struct outputs *outputs = calloc(1, sizeof(*outputs));
	int error = outputs ? 0 : -ENOMEM;

	reason[0] = '\0';
	for (unsigned int i = 0; !error && i < options->output_count; i++) {
		const char *spec = options->outputs[i];

		error = outputs_open_one(outputs, spec, options->human, context, reason, size);
		if (!error && has_file_of_last(outputs)) {
			error = -EEXIST;
			snprintf(reason, size,
				 "cannot write %s: another output writes to this file, given twice",
				 spec);
		}
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

/* --- records ---------------------------------------------------------------------------------- */

/* The account that RECORD is charged to; 0: none, as for records about the agent itself. */
static uint64_t account_of(const struct record *record)
{
	switch (record->action) {
	case RECORD_SOCKET_REFUSED:
		if (record->refused_count) /* the record sums up connects of several callers */
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

static int put_in_format(struct outputs *outputs, enum record_format format,
			 const struct record *record, const struct record_context *context,
			 unsigned int to)
{
	struct entry *entry;
	int error;

	text_cut(&outputs->line, 0);
	error = format_write(format, record, context, &outputs->line);
	if (error) {
		text_free(&outputs->line);
		return error;
	}
	entry = entry_new(outputs->line.data, outputs->line.size);
	if (!entry)
		return -ENOMEM;
	entry->time = record_time(context, record->time);
	entry->sequence = record->sequence;
	entry->action = (uint8_t)record->action;
	entry->account = account_of(record);
	entry->severity = (uint8_t)view_syslog_severity(view_severity(record));
	for (unsigned int i = 0; i < outputs->count; i++)
		if (to >> i & 1)
			sink_put(outputs->sinks[i], entry);
	entry_unref(entry);
	return 0;
}

int outputs_put(struct outputs *outputs, const struct record *record,
		const struct record_context *context)
{
	/* By format: a bit for each output that takes RECORD. */
	unsigned int to[RECORD_FORMATS] = {0};
	int error = 0;

	for (unsigned int i = 0; i < outputs->count; i++)
		if (output_takes(&outputs->all[i], record, context))
			to[outputs->all[i].format] |= 1u << i;
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
		sink_flush(outputs->sinks[i]);
}

void outputs_reopen(struct outputs *outputs)
{
	for (unsigned int i = 0; i < outputs->count; i++)
		sink_reopen(outputs->sinks[i]);
}

/* --- losses and the end ----------------------------------------------------------------------- */

bool outputs_closed(const struct outputs *outputs)
{
	for (unsigned int i = 0; i < outputs->count; i++)
		if (sink_is_closed(outputs->sinks[i]))
			return true;
	return false;
}

void outputs_news(struct outputs *outputs, void *data, void (*tell)(void *data, const char *text))
{
	char text[REASON_SIZE];

	for (unsigned int i = 0; i < outputs->count; i++)
		while (sink_news(outputs->sinks[i], text, sizeof(text)))
			tell(data, text);
}

/* Reports the records that found no room in SINK, by account. */
static void tell_full(struct sink *sink, void *data, outputs_lost *lost)
{
	uint64_t account, count;

	while (sink_can_tell(sink) && sink_take_loss(sink, &account, &count))
		lost(data, sink_name(sink), SINK_LOSS_FULL, account, count);
}

void outputs_losses(struct outputs *outputs, uint64_t totals[SINK_LOSS_COUNT], void *data,
		    outputs_lost *lost)
{
	memset(totals, 0, SINK_LOSS_COUNT * sizeof(*totals));
	for (unsigned int i = 0; i < outputs->count; i++) {
		struct sink_stats stats;

		sink_stats(outputs->sinks[i], &stats);
		for (int reason = 0; reason < SINK_LOSS_COUNT; reason++) {
			uint64_t count = stats.lost[reason] - outputs->told[i][reason];

			totals[reason] += stats.lost[reason];
			if (reason == SINK_LOSS_FULL || !count || !lost ||
			    !sink_can_tell(outputs->sinks[i]))
				continue;
			outputs->told[i][reason] = stats.lost[reason];
			lost(data, sink_name(outputs->sinks[i]), (enum sink_loss)reason, 0, count);
		}
		if (lost)
			tell_full(outputs->sinks[i], data, lost);
	}
}

uint64_t outputs_waiting(struct outputs *outputs)
{
	uint64_t most = 0;

	for (unsigned int i = 0; i < outputs->count; i++) {
		struct sink_stats stats;

		sink_stats(outputs->sinks[i], &stats);
		if (stats.waiting > most)
			most = stats.waiting;
	}
	return most;
}

unsigned int outputs_describe(const struct outputs *outputs, struct record_output ret[OUTPUTS_MAX])
{
	for (unsigned int i = 0; i < outputs->count; i++)
		ret[i] = (struct record_output){
			.name = sink_name(outputs->sinks[i]),
			.seal_key = sink_seal_key(outputs->sinks[i]),
		};
	return outputs->count;
}

void outputs_close(struct outputs *outputs, int milliseconds, void *data,
		   void (*tell)(void *data, const char *text))
{
	if (!outputs)
		return;
	for (unsigned int i = 0; i < outputs->count; i++) {
		bool closed = sink_is_closed(outputs->sinks[i]);
		char text[REASON_SIZE];
		uint64_t left;
		bool ended = sink_close(outputs->sinks[i], milliseconds, &left);

		snprintf(text, sizeof(text), "%llu records were not written to %s",
			 (unsigned long long)left, outputs->all[i].sink.name);
		if (left && tell && !closed)
			tell(data, text);
		if (ended)
			output_free(&outputs->all[i]);
	}
	text_free(&outputs->line);
	free(outputs);
}
