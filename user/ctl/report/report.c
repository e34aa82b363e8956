// SPDX-License-Identifier: Apache-2.0
#include "ctl/report/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY (86400 * NS_PER_S)
#define DEFAULT_SPAN (7 * DAY)

/* --- names ------------------------------------------------------------------------------------ */

static void report_copy(char *to, size_t size, struct bytes text)
{
	text_copy_visible(to, size, text, size / 2);
}

static void note_seen(struct report *report, enum report_kind kind, struct bytes name,
		      const char *by, uint64_t time)
{
	struct report_seen *seen;
	char text[sizeof(seen->name)];

	if (!name.size)
		return;
	report_copy(text, sizeof(text), name);
	HASH_FIND_STR(report->seen[kind], text, seen);
	if (seen) {
		if (time < seen->first)
			seen->first = time;
		return;
	}
	if (HASH_COUNT(report->seen[kind]) >= REPORT_SEEN)
		return;
	seen = calloc(1, sizeof(*seen));
	if (!seen)
		return;
	snprintf(seen->name, sizeof(seen->name), "%s", text);
	snprintf(seen->by, sizeof(seen->by), "%s", by);
	seen->first = time;
	HASH_ADD_STR(report->seen[kind], name, seen);
	if (!seen->hh.tbl)
		free(seen);
}

static struct report_sum *find_sum(struct report_sum **table, struct bytes name)
{
	struct report_sum *sum;
	char text[sizeof(sum->name)];

	report_copy(text, sizeof(text), name);
	HASH_FIND_STR(*table, text, sum);
	if (sum)
		return sum;
	if (HASH_COUNT(*table) >= REPORT_SEEN)
		return NULL;
	sum = calloc(1, sizeof(*sum));
	if (!sum)
		return NULL;
	snprintf(sum->name, sizeof(sum->name), "%s", text);
	sum->only_looks = true;
	HASH_ADD_STR(*table, name, sum);
	if (!sum->hh.tbl) {
		free(sum);
		return NULL;
	}
	return sum;
}

/* --- records ---------------------------------------------------------------------------------- */

static void add_to_sum(struct report_sum **table, struct bytes name, const struct reread *record,
		       uint64_t time, uint64_t times, bool changes)
{
	bool refused = record->record.action == RECORD_SOCKET_REFUSED;
	enum finding_severity severity = reread_gravest(record);
	struct report_sum *sum = name.size ? find_sum(table, name) : NULL;

	if (!sum)
		return;
	if (refused)
		sum->refused += times;
	else
		sum->requests += times;
	sum->changes += changes ? times : 0;
	sum->only_looks &= !changes;
	if (bytes_are(reread_text(record, "event.outcome"), "failure") && !refused)
		sum->failures += times;
	if (severity > sum->severity)
		sum->severity = severity;
	if (time > sum->last)
		sum->last = time;
}

static struct report_slice *slice_of(struct report *report, uint64_t time)
{
	uint64_t at = (time - report->since) / report->slice;

	return &report->slices[at < report->slice_count ? at : report->slice_count - 1];
}

static void count_call(struct report *report, const struct reread *record, uint64_t time)
{
	bool refused = record->record.action == RECORD_SOCKET_REFUSED;
	uint64_t times = reread_times(record);
	struct bytes name = reread_text(record, "callerd.api.operation");
	struct verb verb = verb_of_record(record, NULL);
	bool changes = !refused && verb_changes(&verb);
	struct bytes user = reread_text(record, "user.name");
	struct bytes container = reread_text(record, "container.name");
	enum finding_severity severity = reread_gravest(record);
	struct report_slice *slice = slice_of(report, time);

	if (!user.size)
		user = reread_text(record, "user.id");
	if (!container.size)
		container = reread_text(record, "container.id");
	if (refused) {
		report->refused += times;
	} else {
		report->requests += times;
		report->changes += changes ? times : 0;
		report->failures +=
			bytes_are(reread_text(record, "event.outcome"), "failure") ? times : 0;
		report->expected += reread_true(record, "callerd.expected") ? times : 0;
		*(changes ? &slice->changes : &slice->looks) += times;
		add_to_sum(&report->operations, name, record, time, times, changes);
	}
	report->findings[severity]++;
	slice->findings[severity]++;
	add_to_sum(&report->users, user.size ? user : bytes_of("nobody known"), record, time, times,
		   changes);
	add_to_sum(&report->containers, container, record, time, times, changes);
}

static void count_agent(struct report *report, const struct reread *record, uint64_t time)
{
	switch (record->record.action) {
	case RECORD_RECORDS_LOST:
		report->lost += reread_number(record, "callerd.lost.count") ?: 1;
		break;
	case RECORD_AGENT_STOPPED:
		report->stopped_at = time;
		break;
	case RECORD_AGENT_STARTED:
		report->starts++;
		if (report->stopped_at && time > report->stopped_at)
			report->away += time - report->stopped_at;
		report->stopped_at = 0;
		break;
	default:
		break;
	}
}

static int report_record(void *data, const struct reread *record, uint64_t time, struct bytes line)
{
	enum record_action action = record->record.action;
	struct report *report = data;
	struct caller_key key;

	access_take(report->access, record, time);
	if (!report->first_record || time < report->first_record)
		report->first_record = time;
	if (time > report->until)
		return 0;
	census_make_key(&key, record);
	if (action == RECORD_API_REQUEST) {
		struct bytes image = reread_text(record, "callerd.request.image");
		char caller[sizeof(key.who) + 1 + sizeof(key.program)];

		stpcpy(stpcpy(stpcpy(caller, key.who), " "), key.program);
		note_seen(report, REPORT_CALLER, bytes_of(caller), key.who, time);
		note_seen(report, REPORT_IMAGE, image, key.who, time);
		note_seen(report, REPORT_OPERATION, reread_text(record, "callerd.api.operation"),
			  key.who, time);
	}
	if (time < report->since) {
		report->had_before = true;
		return 0;
	}
	report->records++;
	if (!report->host[0])
		report_copy(report->host, sizeof(report->host), reread_text(record, "host.name"));
	if (action == RECORD_API_REQUEST || action == RECORD_SOCKET_REFUSED)
		count_call(report, record, time);
	else
		count_agent(report, record, time);
	errands_run(report->errands, time);
	return errands_take(report->errands, record, time)
		       ?: census_take_by(&report->census, &key, record, time);
}

/* Keeps the gravest: what nobody expects before what somebody does, then the later one. */
static bool is_graver(const struct errand *one, const struct errand *other)
{
	if (one->severity != other->severity)
		return one->severity > other->severity;
	if (one->expected != other->expected)
		return !one->expected;
	return one->first > other->first;
}

static void report_errand(void *data, const struct errand *errand)
{
	struct report *report = data;
	unsigned int at = report->grave_count;
	struct errand *kept;

	if (errand->severity < SEVERITY_MEDIUM || errand->later || errand->kind == ERRAND_AGENT)
		return;
	if (at == REPORT_GRAVE) {
		report->more_grave++;
		at = 0;
		for (unsigned int i = 1; i < REPORT_GRAVE; i++)
			if (is_graver(&report->grave[at], &report->grave[i]))
				at = i; /* the least grave one gives way */
		if (!is_graver(errand, &report->grave[at]))
			return;
	} else {
		report->grave_count++;
	}
	kept = &report->grave[at];
	*kept = *errand;
	kept->main = kept->acts + (errand->main - errand->acts);
}

/* --- the chain -------------------------------------------------------------------------------- */

static void on_report_fault(void *data, enum verify_fault fault, unsigned int file, uint64_t line,
			    const char *what)
{
	(void)data;
}

static void report_file(void *data, const char *log, bool first)
{
	struct report *report = data;
	struct report_chain *chain = &report->chains[report->chain_count];
	const struct verify_options options = {.data = report, .fault = on_report_fault};

	if (first && report->chain_count < CTL_LOGS_MAX) {
		*chain = (struct report_chain){.log = log, .verify = verify_new(&options)};
		report->chain_count++;
	} else {
		chain = &report->chains[report->chain_count - 1];
	}
	if (chain->verify)
		verify_file(chain->verify);
}

static void report_line(void *data, struct bytes line, bool complete)
{
	struct report *report = data;
	struct report_chain *chain = &report->chains[report->chain_count - 1];

	/* In what somebody else gives back of a log the records may be those that were chained, the lines are not. */
	if (!chain->chained && (!bytes_begin(line, "{\"@timestamp\":") ||
				!bytes_find(line, bytes_of("\"chain\":{")))) {
		chain->before++;
		return;
	}
	chain->chained = true;
	if (chain->verify)
		verify_line(chain->verify, line, complete);
}

static void end_chains(struct report *report)
{
	for (unsigned int i = 0; i < report->chain_count; i++)
		if (report->chains[i].verify)
			verify_end(report->chains[i].verify, &report->chains[i].result);
}

/* --- the command ------------------------------------------------------------------------------ */

static void plan_slices(struct report *report)
{
	static const uint64_t units[] = {60,	   300,	      900,   3600,	3 * 3600,
					 6 * 3600, 12 * 3600, 86400, 7 * 86400, 30 * 86400};
	uint64_t span = report->until - report->since;
	size_t unit = 0;

	while (unit + 1 < COUNT(units) && span / (units[unit] * NS_PER_S) >= REPORT_SLICES)
		unit++;
	report->slice = units[unit] * NS_PER_S;
	report->slice_count = (unsigned int)(span / report->slice) + 1;
	if (report->slice_count > REPORT_SLICES)
		report->slice_count = REPORT_SLICES;
}

/* What is dangerous first, then who changes most. */
static int compare_sums(struct report_sum *one, struct report_sum *other)
{
	if (one->severity != other->severity)
		return one->severity > other->severity ? -1 : 1;
	if (one->changes != other->changes)
		return one->changes > other->changes ? -1 : 1;
	return one->requests > other->requests ? -1 : one->requests < other->requests;
}

static int compare_grave(const void *a, const void *b)
{
	return is_graver(a, b) ? -1 : is_graver(b, a) ? 1 : 0;
}

static void free_sums(struct report_sum **table)
{
	struct report_sum *sum, *next;

	HASH_ITER(hh, *table, sum, next)
	{
		HASH_DEL(*table, sum);
		free(sum);
	}
}

static void report_free(struct report *report)
{
	struct report_seen *seen, *next;

	for (int kind = 0; kind < REPORT_KINDS; kind++)
		HASH_ITER(hh, report->seen[kind], seen, next)
		{
			HASH_DEL(report->seen[kind], seen);
			free(seen);
		}
	free_sums(&report->users);
	free_sums(&report->containers);
	free_sums(&report->operations);
	for (unsigned int i = 0; i < report->chain_count; i++)
		if (report->chains[i].verify)
			verify_free(report->chains[i].verify);
	census_free(&report->census);
	errands_free(report->errands);
	access_free(report->access);
	free(report->grave);
	free(report);
}

CLEANUP_DEFINE(drop_report, struct report *, report_free)

static int report_read(struct report *report)
{
	struct ctl_records records = {
		.data = report,
		.take = report_record,
		.file = report_file,
		.line = report_line,
	};
	int error;

	report->errands = errands_new(report, report_errand);
	report->grave = calloc(REPORT_GRAVE, sizeof(*report->grave));
	report->access = access_new(report->ctl);
	if (!report->errands || !report->grave || !report->access)
		return -ENOMEM;
	report->ctl->since = report->ctl->until = 0; /* what was before says what is new */
	error = ctl_read(report->ctl, &records);
	if (error)
		return error;
	errands_run(report->errands, UINT64_MAX);
	end_chains(report);
	report->unreadable = records.unreadable;
	HASH_SRT(hh, report->users, compare_sums);
	HASH_SRT(hh, report->containers, compare_sums);
	HASH_SRT(hh, report->operations, compare_sums);
	qsort(report->grave, report->grave_count, sizeof(*report->grave), compare_grave);
	for (unsigned int i = 0; i < report->grave_count; i++) /* sorting moved them */
		report->grave[i].main = errand_main(&report->grave[i]);
	report->no_access = access_why_not(report->access);
	if (!report->no_access)
		access_look(report->access);
	return 0;
}

enum ctl_exit ctl_report(struct ctl *ctl)
{
	static const struct {
		const char *name;
		void (*write)(struct report *report, struct text *out);
	} forms[] = {{"text", report_write_text},
		     {"html", report_write_html},
		     {"csv", report_write_csv}};
	_cleanup_(drop_report) struct report *report = calloc(1, sizeof(*report));
	_cleanup_(text_free) struct text out = {0};
	size_t form = 0;

	while (form < COUNT(forms) && strcmp(forms[form].name, ctl->as ?: "text") != 0)
		form++;
	if (form == COUNT(forms)) {
		fprintf(stderr, "callerctl: --as is text, html or csv\n");
		return CTL_USAGE;
	}
	if (!report)
		return CTL_UNREAD;
	report->ctl = ctl;
	report->until = ctl->until ?: clock_now(CLOCK_REALTIME);
	report->since = ctl->since ?: report->until - DEFAULT_SPAN;
	if (report->since >= report->until) {
		fprintf(stderr, "callerctl: --since is not before --until\n");
		return CTL_USAGE;
	}
	plan_slices(report);
	if (report_read(report))
		return CTL_UNREAD;
	forms[form].write(report, &out);
	if (out.error)
		return CTL_UNREAD;
	fwrite(out.data, 1, out.size, stdout);
	return report->records ? CTL_OK : CTL_FOUND;
}
