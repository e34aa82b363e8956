// SPDX-License-Identifier: Apache-2.0
#include "health/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "record/names.h"

#define LABEL_MAX 512 /* bytes of a value */

/* --- one line --------------------------------------------------------------------------------- */

static void describe_metric(struct text *out, const char *name, const char *type, const char *help)
{
	text_add_string(out, "# HELP callerd_");
	text_add_string(out, name);
	text_add_char(out, ' ');
	text_add_string(out, help);
	text_add_string(out, "\n# TYPE callerd_");
	text_add_string(out, name);
	text_add_char(out, ' ');
	text_add_string(out, type);
	text_add_char(out, '\n');
}

struct label {
	const char *name, *value;
};

/* KEY="VALUE" of each of COUNT LABELS. What a terminal would obey is spelled out, so a value is one line of UTF-8. */
static void add_labels(struct text *out, const struct label *labels, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		text_add_char(out, i ? ',' : '{');
		text_add_string(out, labels[i].name);
		text_add_string(out, "=\"");
		text_add_escaped(out, bytes_of(labels[i].value), "\"\n", LABEL_MAX);
		text_add_char(out, '"');
	}
	if (count)
		text_add_char(out, '}');
}

static void begin_sample(struct text *out, const char *name, const struct label *labels,
			 unsigned int count)
{
	text_add_string(out, "callerd_");
	text_add_string(out, name);
	add_labels(out, labels, count);
	text_add_char(out, ' ');
}

static void add_sample(struct text *out, const char *name, const struct label *labels,
		       unsigned int count, uint64_t value)
{
	begin_sample(out, name, labels, count);
	text_add_number(out, value);
	text_add_char(out, '\n');
}

/* NS as seconds. */
static void add_seconds(struct text *out, const char *name, const struct label *labels,
			unsigned int count, uint64_t ns)
{
	char number[40];

	snprintf(number, sizeof(number), "%" PRIu64 ".%09" PRIu64 "\n", ns / (uint64_t)NS_PER_S,
		 ns % (uint64_t)NS_PER_S);
	begin_sample(out, name, labels, count);
	text_add_string(out, number);
}

#define LABELS(...)                                                                                \
	(const struct label[]){__VA_ARGS__}, COUNT(((const struct label[]){__VA_ARGS__}))
#define NO_LABELS NULL, 0

static void add_number(struct text *out, const char *name, const char *type, const char *help,
		       uint64_t value)
{
	describe_metric(out, name, type, help);
	add_sample(out, name, NO_LABELS, value);
}

/* --- what there is ---------------------------------------------------------------------------- */

static void add_agent(struct text *out, const struct health *health, bool healthy)
{
	describe_metric(out, "build_info", "gauge", "The version that runs, and its backend.");
	add_sample(out, "build_info",
		   LABELS({"version", health->version}, {"backend", health->backend}), 1);
	describe_metric(out, "start_time_seconds", "gauge", "When it started, since 1970.");
	add_seconds(out, "start_time_seconds", NO_LABELS, health->started);
	add_number(out, "healthy", "gauge", "1: all is well, as /healthz has it.", healthy);
	describe_metric(out, "cpu_seconds_total", "counter", "CPU time of the agent.");
	add_seconds(out, "cpu_seconds_total", LABELS({"mode", "user"}), health->cpu_user);
	add_seconds(out, "cpu_seconds_total", LABELS({"mode", "system"}), health->cpu_system);
	add_number(out, "resident_anonymous_bytes", "gauge",
		   "Anonymous memory of the agent that is resident.", health->memory);
}

static void add_counts(struct text *out, const struct health *health)
{
	describe_metric(out, "records_total", "counter", "Records, by their event.action.");
	for (int action = 0; action < RECORD_ACTION_MAX; action++)
		add_sample(out, "records_total",
			   LABELS({"action", name_action((enum record_action)action)->action}),
			   health->records[action]);
	describe_metric(out, "levels_total", "counter",
			"Records by how much they tell; none: they were not written.");
	for (enum record_level level = 0; level < RECORD_LEVELS; level++)
		add_sample(out, "levels_total", LABELS({"level", name_level(level)}),
			   health->levels[level]);
	add_number(out, "folded_total", "counter", "Records that others tell with a count.",
		   health->folded);
	add_number(out, "folded_into_total", "counter", "Records that tell others with a count.",
		   health->folded_into);
	describe_metric(out, "lost_total", "counter", "What was lost, by reason.");
	for (unsigned int i = 0; i < health->loss_count; i++)
		add_sample(out, "lost_total", LABELS({"reason", health->losses[i].name}),
			   health->losses[i].value);
	add_number(out, "kernel_events_total", "counter", "Events of the kernel programs.",
		   health->kernel_events);
	add_number(out, "connections", "gauge", "Connections to watched sockets that are open.",
		   health->connections);
	add_number(out, "responses_unpaired_total", "counter",
		   "Responses whose request was not seen.", health->unpaired);
	add_number(out, "engine_events_total", "counter", "Events that engines told.",
		   health->engine_events);
	add_number(out, "engine_events_unknown_total", "counter",
		   "Events of engines without a known cause.", health->engine_events_unknown);
	add_number(out, "details_missed_total", "counter",
		   "Looks at a process, a path or a name service that did not end in time.",
		   health->details_missed);
}

static void add_programs(struct text *out, const struct health *health)
{
	const struct record_program *programs = health->programs;
	unsigned int count = health->program_count;

	describe_metric(out, "program_attached", "gauge", "1: the kernel program is on its hook.");
	for (unsigned int i = 0; i < count; i++)
		add_sample(out, "program_attached", LABELS({"program", programs[i].name}),
			   !programs[i].detached);
	describe_metric(out, "program_missed_total", "counter",
			"Times that a program did not run, as it ran already on that CPU.");
	for (unsigned int i = 0; i < count; i++)
		add_sample(out, "program_missed_total", LABELS({"program", programs[i].name}),
			   programs[i].missed);
	if (!health->timed)
		return;
	describe_metric(out, "program_runs_total", "counter", "Runs of a program.");
	for (unsigned int i = 0; i < count; i++)
		add_sample(out, "program_runs_total", LABELS({"program", programs[i].name}),
			   programs[i].runs);
	describe_metric(out, "program_run_seconds_total", "counter", "Time in a program.");
	for (unsigned int i = 0; i < count; i++)
		add_seconds(out, "program_run_seconds_total", LABELS({"program", programs[i].name}),
			    programs[i].run_time);
}

static void add_rings(struct text *out, const struct health *health)
{
	describe_metric(out, "ring_waiting_bytes", "gauge", "What waits in a ring.");
	for (unsigned int i = 0; i < COUNT(health->rings); i++)
		add_sample(out, "ring_waiting_bytes", LABELS({"ring", health->rings[i].name}),
			   health->rings[i].waiting);
	describe_metric(out, "ring_size_bytes", "gauge", "What a ring has room for.");
	for (unsigned int i = 0; i < COUNT(health->rings); i++)
		add_sample(out, "ring_size_bytes", LABELS({"ring", health->rings[i].name}),
			   health->rings[i].size);
}

/* Two outputs can go to the same place in different forms: the second is "stdout (2)". Whoever collects metrics refuses all of
 * them where two samples have the same labels. */
static void name_outputs(const struct health *health, char names[HEALTH_OUTPUTS_MAX][LABEL_MAX])
{
	for (unsigned int i = 0; i < health->output_count; i++) {
		const char *name = health->outputs[i].name;
		unsigned int number = 1;

		for (unsigned int before = 0; before < i; before++)
			number += !strcmp(health->outputs[before].name, name);
		if (number == 1)
			snprintf(names[i], LABEL_MAX, "%s", name);
		else
			snprintf(names[i], LABEL_MAX, "%.*s (%u)", LABEL_MAX - 16, name, number);
	}
}

static void add_outputs(struct text *out, const struct health *health)
{
	char names[HEALTH_OUTPUTS_MAX][LABEL_MAX];
	const struct record_output *outputs = health->outputs;
	unsigned int count = health->output_count;

	name_outputs(health, names);
	describe_metric(out, "output_waiting_records", "gauge",
			"Records that wait for an output, in its queue and its spool.");
	for (unsigned int i = 0; i < count; i++)
		add_sample(out, "output_waiting_records", LABELS({"output", names[i]}),
			   outputs[i].waiting);
	describe_metric(out, "output_written_total", "counter", "Records that were written.");
	for (unsigned int i = 0; i < count; i++)
		add_sample(out, "output_written_total", LABELS({"output", names[i]}),
			   outputs[i].written);
	describe_metric(out, "output_lost_total", "counter", "Records that an output lost.");
	for (unsigned int i = 0; i < count; i++)
		add_sample(out, "output_lost_total", LABELS({"output", names[i]}), outputs[i].lost);
	describe_metric(out, "output_failing", "gauge", "1: nothing can be written to it now.");
	for (unsigned int i = 0; i < count; i++)
		add_sample(out, "output_failing", LABELS({"output", names[i]}),
			   outputs[i].trouble != NULL);
}

static void add_engines(struct text *out, const struct health *health)
{
	describe_metric(out, "engine_state", "gauge",
			"1: the state that the engine of a socket is in.");
	for (unsigned int i = 0; i < health->engine_count; i++)
		for (int state = 0; state < ENGINE_STATES; state++)
			add_sample(out, "engine_state",
				   LABELS({"socket", health->engines[i].socket},
					  {"state",
					   name_engine_state((enum record_engine_state)state)}),
				   health->engines[i].state == (enum record_engine_state)state);
}

static void add_test(struct text *out, const struct health *health)
{
	add_number(out, "unseen_connections_total", "counter",
		   "Connections to watched sockets that no kernel program saw.", health->unseen);
	if (health->test == HEALTH_UNTESTED)
		return;
	add_number(out, "self_test_success", "gauge", "1: the last self-test succeeded.",
		   health->test == HEALTH_PASSED);
	describe_metric(out, "self_test_timestamp_seconds", "gauge",
			"When the last self-test ended, since 1970.");
	add_seconds(out, "self_test_timestamp_seconds", NO_LABELS, health->tested);
}

void metrics_add(struct text *out, const struct health *health, bool healthy)
{
	add_agent(out, health, healthy);
	add_counts(out, health);
	add_programs(out, health);
	add_rings(out, health);
	add_outputs(out, health);
	add_engines(out, health);
	add_test(out, health);
}
