// SPDX-License-Identifier: Apache-2.0
#include "agent/status.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "broker/broker.h"
#include "format/ecs.h"
#include "health/endpoint.h"
#include "health/metrics.h"
#include "host/host.h"
#include "host/proc.h"

static_assert(OUTPUTS_MAX <= HEALTH_OUTPUTS_MAX, "each has room");
static_assert((int)CAPTURE_PROGRAMS_MAX <= (int)HEALTH_PROGRAMS_MAX, "each has room");
static_assert((int)CALLERD_SOCKETS_MAX <= (int)HEALTH_ENGINES_MAX, "each has room");
static_assert((int)LOSS_COUNT <= (int)HEALTH_LOSSES_MAX, "each has room");

#define LAST_LOSSES 32

struct status {
	struct status_options options;
	struct health health;
	struct health_memory memory;
	struct endpoint *endpoint; /* NULL: there is none */
	struct endpoint *control;  /* for callerctl; NULL: there is none */
	struct text line;	   /* a record, for those who watch */
	struct metrics_file *file; /* NULL: there is none */
	char test_fault[256];
	struct {
		const char *reason;
		uint64_t count, time; /* ns since 1970 */
	} losses[LAST_LOSSES];	      /* the last ones that were told, in a circle */
	unsigned int loss_count;
};

/* --- looking ---------------------------------------------------------------------------------- */

static uint64_t add_times(struct timeval time)
{
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_usec * NS_PER_US;
}

/* Bytes of anonymous memory that are resident, of PROCESS, a directory in /proc. 0: not known. */
static uint64_t read_memory(int process)
{
	static const char name[] = "RssAnon:";
	char text[4096] = "";
	const char *at = proc_read(process, "status", text, sizeof(text) - 1) > 0
				 ? strstr(text, name)
				 : NULL;

	return at ? strtoull(at + sizeof(name) - 1, NULL, 10) << 10 : 0;
}

/* Adds the CPU time of PROCESS, in the kernel's clock ticks, to HEALTH. */
static void add_ticks(int process, struct health *health)
{
	uint64_t tick = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	unsigned long long user = 0, system = 0;
	char text[1024] = "";
	const char *at =
		proc_read(process, "stat", text, sizeof(text) - 1) > 0 ? strrchr(text, ')') : NULL;

	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
			  &system) != 2)
		return;
	health->cpu_user += user * tick;
	health->cpu_system += system * tick;
}

/* At callerd, which is two processes. */
static void look_at_self(struct health *health)
{
	_close_ int own = proc_open((uint32_t)getpid(), 0);
	_close_ int broker = broker_pid() ? proc_open((uint32_t)broker_pid(), 0) : -1;
	struct rusage usage;

	health->memory = read_memory(own);
	if (getrusage(RUSAGE_SELF, &usage))
		return;
	health->cpu_user = add_times(usage.ru_utime);
	health->cpu_system = add_times(usage.ru_stime);
	if (broker < 0)
		return;
	health->memory += read_memory(broker);
	add_ticks(broker, health);
}

static void look_at_programs(struct status *status)
{
	struct capture_program programs[CAPTURE_PROGRAMS_MAX];
	struct health *health = &status->health;

	health->program_count = capture_programs(status->options.capture, programs);
	for (unsigned int i = 0; i < health->program_count; i++)
		health->programs[i] = (struct record_program){
			.name = programs[i].name,
			.runs = programs[i].runs,
			.run_time = programs[i].run_time,
			.missed = programs[i].missed,
			.detached = programs[i].detached,
		};
}

static void look_at_rings(struct status *status)
{
	static const char *const names[CALLERD_RINGS] = {
		[CALLERD_RING_CALLERS] = "callers",
		[CALLERD_RING_PAYLOAD] = "payload",
	};

	for (int i = 0; i < CALLERD_RINGS; i++) {
		struct health_ring *ring = &status->health.rings[i];

		ring->name = names[i];
		capture_ring(status->options.capture, (enum callerd_ring)i, &ring->waiting,
			     &ring->size);
	}
}

/* Whether LOSS is one of what happened at the sockets. Whoever may not connect can bring about the other ones. */
static bool is_of_sockets(enum loss loss)
{
	return loss < LOSS_ENGINE_EVENTS && loss != LOSS_UNRESOLVED &&
	       loss != (enum loss)CALLERD_LOSS_REFUSED;
}

static void add_losses(struct status *status, bool of_sockets)
{
	struct health *health = &status->health;

	for (int loss = 0; loss < LOSS_COUNT; loss++)
		if (is_of_sockets((enum loss)loss) == of_sockets)
			health->losses[health->loss_count++] = (struct record_counter){
				losses_name((enum loss)loss), status->options.losses->now[loss]};
}

static void look_at_losses(struct status *status)
{
	status->health.loss_count = 0;
	add_losses(status, true);
	status->health.capture_losses = status->health.loss_count;
	add_losses(status, false);
}

/* Fills .health. WHOLE: also with what health_note() does not compare, which costs system calls for each program. */
static void status_look(struct status *status, bool whole)
{
	const struct status_options *options = &status->options;
	struct health *health = &status->health;
	struct tracker_stats tracker;
	struct engines_stats engines;

	health->now = record_time(options->context, clock_now(CLOCK_BOOTTIME));
	look_at_losses(status);
	health->output_count = outputs_status(options->outputs, health->outputs);
	health->unseen = self_test_unseen(options->self_test);
	if (!whole)
		return;
	look_at_programs(status);
	health->engine_count = engines_list(options->engines, health->engines);
	tracker_stats(options->tracker, &tracker);
	health->connections = tracker.connections;
	health->unpaired = tracker.unpaired;
	engines_stats(options->engines, &engines);
	health->engine_events = engines.causes.events;
	health->engine_events_unknown = engines.causes.kinds[CAUSE_UNKNOWN];
	health->details_missed = beside_missed(options->beside);
	look_at_rings(status);
	look_at_self(health);
}

/* --- publishing ------------------------------------------------------------------------------- */

static void add_map(void *data, const char *name, const char *type, uint32_t entries)
{
	struct text *out = data;

	text_add_string(out, "map ");
	text_add_string(out, name);
	text_add_string(out, ": ");
	text_add_string(out, type);
	text_add_string(out, ", ");
	text_add_number(out, entries);
	text_add_string(out, " entries\n");
}

/* For `callerd bugreport`: what is not in the metrics. No name, and no path but those of the backend's reason. */
static void add_details(const struct status *status, struct text *out)
{
	unsigned int count = status->loss_count;

	text_add_string(out, "backend ");
	text_add_string(out, status->health.backend);
	text_add_string(out, ": ");
	text_add_visible(out, bytes_of(status->options.backend_reason), 1000);
	text_add_char(out, '\n');
	capture_list_maps(status->options.capture, add_map, out);
	for (unsigned int i = count > LAST_LOSSES ? count - LAST_LOSSES : 0; i < count; i++) {
		text_add_string(out, "lost at ");
		clock_add_rfc3339(out, status->losses[i % LAST_LOSSES].time);
		text_add_string(out, ": ");
		text_add_number(out, status->losses[i % LAST_LOSSES].count);
		text_add_char(out, ' ');
		text_add_string(out, status->losses[i % LAST_LOSSES].reason);
		text_add_char(out, '\n');
	}
}

void status_note_loss(struct status *status, const char *reason, uint64_t count)
{
	unsigned int at = status->loss_count++ % LAST_LOSSES;

	status->losses[at].reason = reason;
	status->losses[at].count = count;
	status->losses[at].time = record_time(status->options.context, clock_now(CLOCK_BOOTTIME));
}

static void status_publish(struct status *status, uint64_t now)
{
	_cleanup_(text_free) struct text metrics = {0}, health = {0}, details = {0};
	bool healthy = health_judge(&status->memory, &status->health, &health);

	if (metrics_file_is_due(status->file, now)) {
		metrics_add(&metrics, &status->health, healthy);
		metrics_file_write(status->file, status->options.beside, &metrics, now);
	}
	if (!endpoint_wants(status->endpoint))
		return;
	metrics_add(&metrics, &status->health, healthy);
	add_details(status, &details);
	endpoint_publish(status->endpoint, &metrics, &health, healthy, &details);
}

void status_run(struct status *status, uint64_t now, void *data,
		void (*tell)(void *data, const char *text))
{
	bool whole = endpoint_wants(status->endpoint) || metrics_file_is_due(status->file, now);
	const char *news;

	if (!status->endpoint && !status->file)
		return;
	status_look(status, whole);
	health_note(&status->memory, &status->health);
	if (whole)
		status_publish(status, now);
	while ((news = metrics_file_news(status->file)))
		tell(data, news);
}

bool status_take_request(struct status *status)
{
	return endpoint_take_test(status->endpoint);
}

void status_tested(struct status *status, const struct self_test_result *result)
{
	_cleanup_(text_free) struct text report = {0};
	struct health *health = &status->health;
	bool passed = result->code == EXIT_OK;

	snprintf(status->test_fault, sizeof(status->test_fault), "%s", result->fault ?: "");
	health->test = passed ? HEALTH_PASSED : HEALTH_FAILED;
	health->test_fault = status->test_fault;
	health->tested = record_time(status->options.context, clock_now(CLOCK_BOOTTIME));
	self_test_report(result, &report);
	if (status->endpoint && !report.error)
		endpoint_tested(status->endpoint, report.data, passed);
}

/* --- records ---------------------------------------------------------------------------------- */

static uint64_t to_percent(const struct health_ring *ring)
{
	return (ring->waiting * 100 + ring->size - 1) / ring->size;
}

static uint64_t count_engines(const struct health *health, enum record_engine_state state)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < health->engine_count; i++)
		count += health->engines[i].state == state;
	return count;
}

static uint64_t find_most_waiting(const struct health *health)
{
	uint64_t most = 0;

	for (unsigned int i = 0; i < health->output_count; i++)
		if (health->outputs[i].waiting > most)
			most = health->outputs[i].waiting;
	return most;
}

/* The totals, then the losses by reason: a reason that is absent has lost nothing. */
static unsigned int list_counters(const struct status *status, char names[LOSS_COUNT][48],
				  struct record_counter *ret)
{
	const struct health *health = &status->health;
	const struct record_counter totals[] = {
		{"records", health->record_count},
		{"kernel-events", health->kernel_events},
		{"connections", health->connections},
		{"responses-unpaired", health->unpaired},
		{"engine-events", health->engine_events},
		{"engine-events-unknown", health->engine_events_unknown},
		{"engines-absent", count_engines(health, ENGINE_ABSENT)},
		{"engines-reached", count_engines(health, ENGINE_REACHED)},
		{"engines-unreachable", count_engines(health, ENGINE_UNREACHABLE)},
		{"engines-left-out", finder_left_out(*status->options.finder)},
		{"records-waiting", find_most_waiting(health)},
		{"details-missed", health->details_missed},
		{"logins-forgotten", logins_forgotten(status->options.logins)},
		{"folded", health->folded},
		{"folded-into", health->folded_into},
		{"level.request", health->levels[LEVEL_REQUEST]},
		{"level.metadata", health->levels[LEVEL_METADATA]},
		{"level.none", health->levels[LEVEL_NONE]},
		{"ring-callers-percent", to_percent(&health->rings[CALLERD_RING_CALLERS])},
		{"ring-payload-percent", to_percent(&health->rings[CALLERD_RING_PAYLOAD])},
		{"cpu-milliseconds", (health->cpu_user + health->cpu_system) / NS_PER_MS},
		{"memory-bytes", health->memory},
		{"lost.total", losses_total(status->options.losses)},
	};
	unsigned int count = COUNT(totals);

	memcpy(ret, totals, sizeof(totals));
	for (unsigned int i = 0; i < health->loss_count; i++) {
		if (!health->losses[i].value)
			continue;
		snprintf(names[i], sizeof(names[i]), "lost.%s", health->losses[i].name);
		ret[count++] = (struct record_counter){names[i], health->losses[i].value};
	}
	return count;
}

/* Those that there is something to say of. */
static unsigned int list_programs(const struct health *health,
				  struct record_program ret[HEALTH_PROGRAMS_MAX])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < health->program_count; i++) {
		const struct record_program *program = &health->programs[i];

		if (program->runs || program->missed || program->detached)
			ret[count++] = *program;
	}
	return count;
}

void status_tell(struct status *status, enum record_action action, void *data,
		 void (*record)(void *data, struct record *record))
{
	struct record_counter counters[22 + LOSS_COUNT];
	struct record_program programs[HEALTH_PROGRAMS_MAX];
	char names[LOSS_COUNT][48];
	struct health *health = &status->health;
	struct record told = {
		.action = action,
		.time = clock_now(CLOCK_BOOTTIME),
		.backend = health->backend,
		.counters = counters,
		.programs = programs,
		.engines = health->engines,
		.outputs = health->outputs,
	};

	status_look(status, true);
	told.counter_count = list_counters(status, names, counters);
	told.program_count = list_programs(health, programs);
	told.engine_count = health->engine_count;
	told.output_count = health->output_count;
	record(data, &told);
}

void status_count(struct status *status, enum record_action action)
{
	status->health.records[action]++;
	status->health.record_count++;
}

void status_count_level(struct status *status, enum record_level level)
{
	status->health.levels[level]++;
}

void status_note_folded(struct status *status, uint64_t folded, uint64_t into)
{
	status->health.folded = folded;
	status->health.folded_into = into;
}

void status_count_event(struct status *status)
{
	status->health.kernel_events++;
}

struct endpoint *status_control(struct status *status)
{
	return status->control;
}

void status_show(struct status *status, const struct record *record)
{
	if (!endpoint_watched(status->control))
		return;
	text_cut(&status->line, 0);
	if (ecs_write(record, status->options.context, &status->line))
		text_free(&status->line);
	else
		endpoint_put(status->control, text_since(&status->line, 0));
}

/* --- its life --------------------------------------------------------------------------------- */

CLEANUP_DEFINE(drop_status, struct status *, status_free)

int status_new(const struct status_options *options, struct status **ret, char *why, size_t size)
{
	_cleanup_(drop_status) struct status *status = calloc(1, sizeof(*status));
	const struct options *wanted = options->options;
	int error = 0;

	if (!status)
		return -ENOMEM;
	status->options = *options;
	status->health.version = CALLERD_VERSION;
	status->health.backend = capture_backend_name(options->capture);
	status->health.started = record_time(options->context, clock_now(CLOCK_BOOTTIME));
	if (wanted->count_runs) {
		error = capture_count_runs(options->capture);
		if (error)
			snprintf(why, size, "the kernel does not count the runs of programs: %s",
				 strerror(-error));
		status->health.timed = !error;
	}
	if (!error && wanted->metrics_socket)
		error = endpoint_open(wanted->metrics_socket, wanted->metrics_gid, false,
				      &status->endpoint, why, size);
	if (!error && wanted->control_socket)
		error = endpoint_open(wanted->control_socket, wanted->control_gid, true,
				      &status->control, why, size);
	if (!error && wanted->metrics_file)
		error = metrics_file_open(wanted->metrics_file, &status->file, why, size);
	if (!error)
		*ret = take_ptr(status);
	return error;
}

void status_free(struct status *status)
{
	if (!status)
		return;
	endpoint_close(status->endpoint);
	endpoint_close(status->control);
	text_free(&status->line);
	metrics_file_close(status->file);
	free(status);
}
